//! The descriptions of a registration's credentials: the one that the guide names, and those of later ones, which say in
//! place of which they were issued.
//!
//! One that an apply issues ahead of the end of another is called `Backup (renews 3f2a9c11)`, and one that a rotation issues
//! `Backup (rotates 3f2a9c11)`: the registration's own description, and the beginning of the key id of the other. So the
//! directory itself says which credentials this crate has issued in place of which, and whoever runs it next needs no file of
//! ours.

use crate::error::{Error, ErrorCode};
use crate::ids::KeyId;

/// By what a credential was issued in place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// By an apply, which reports its value.
    Renews,
    /// By a rotation, which gives its value to nobody but the store.
    Rotates,
}

impl Mark {
    const ALL: [Self; 2] = [Self::Renews, Self::Rotates];

    fn verb(self) -> &'static str {
        match self {
            Self::Renews => "renews",
            Self::Rotates => "rotates",
        }
    }
}

/// The digits of a key id that stand in a description.
const DIGITS: usize = 8;

/// What stands in place of the digits where nothing was there.
const NOTHING: &str = "00000000";

/// The longest description.
const MAX_LENGTH: usize = 90;

/// The longest description in which a mark has room, in characters.
const MAX_RENEWABLE: usize = MAX_LENGTH - " (rotates )".len() - DIGITS;

/// The description of a credential that is issued in place of another.
///
/// # Errors
/// [`InvalidSecretName`](ErrorCode::InvalidSecretName) where there is no room for it.
pub(super) fn marked(name: &str, mark: Mark, predecessor: Option<KeyId>) -> Result<String, Error> {
    if !can_be_renewed(name) {
        return Err(Error::new(ErrorCode::InvalidSecretName).with_message(format!(
            "the description “{name}” is too long to be renewed: {MAX_RENEWABLE} characters at most"
        )));
    }
    let digits = predecessor.map_or_else(|| NOTHING.to_owned(), first_digits);
    Ok(format!("{name} ({} {digits})", mark.verb()))
}

/// Whether a description leaves room for a mark.
pub(super) fn can_be_renewed(name: &str) -> bool {
    name.chars().count() <= MAX_RENEWABLE
}

/// Whether a credential of this description is one of the registration's credential `name`, with a mark or without.
pub(super) fn is_of(name: &str, description: Option<&str>) -> bool {
    description.is_some_and(|description| description == name || read(name, description).is_some())
}

/// The description that the registration gives a credential of this one: without a mark.
pub(super) fn without_mark(description: &str) -> &str {
    match description.rsplit_once(" (") {
        Some((name, _)) if read(name, description).is_some() => name,
        _ => description,
    }
}

/// The mark in the description of a credential of `name`.
pub(super) fn mark(name: &str, description: Option<&str>) -> Option<Mark> {
    read(name, description?).map(|(mark, _)| mark)
}

/// Whether a credential of this description says that it was issued in place of the other.
pub(super) fn succeeds(name: &str, description: Option<&str>, other: KeyId) -> bool {
    description.and_then(|description| read(name, description)).is_some_and(|(_, it)| it == first_digits(other))
}

/// The mark and the digits in a description.
fn read<'a>(name: &str, description: &'a str) -> Option<(Mark, &'a str)> {
    let inner = description.strip_prefix(name)?.strip_prefix(" (")?.strip_suffix(')')?;
    let (verb, digits) = inner.split_once(' ')?;
    let mark = Mark::ALL.into_iter().find(|mark| mark.verb() == verb)?;
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == DIGITS && digits.bytes().all(is_hex)).then_some((mark, digits))
}

fn first_digits(key_id: KeyId) -> String {
    let mut text = key_id.to_string();
    text.truncate(DIGITS);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_what_it_stands_in_place_of_and_nothing_else_looks_like_one() {
        let [old, other] = [0x3f2a_9c11_u128, 0x3f2a_9c12].map(|head| KeyId::from_u128(head << 96));
        for (given, text) in [(Mark::Renews, "Backup (renews 3f2a9c11)"), (Mark::Rotates, "Backup (rotates 3f2a9c11)")]
        {
            let name = marked("Backup", given, Some(old)).unwrap();
            assert_eq!(name, text);
            assert!(is_of("Backup", Some(&name)));
            assert_eq!(mark("Backup", Some(&name)), Some(given));
            assert!(succeeds("Backup", Some(&name), old) && !succeeds("Backup", Some(&name), other));
            assert_eq!(mark("Backup", Some(&marked("Backup", given, None).unwrap())), Some(given));
            assert!(!is_of("Back", Some(&name)));
            assert_eq!(without_mark(&name), "Backup");
        }
        assert!(is_of("Backup", Some("Backup")) && mark("Backup", Some("Backup")).is_none());
        for foreign in [
            "Backup 2",
            "backup",
            "Backup (renews it)",
            "Backup (renews 3F2A9C11)",
            "Backup (renews 3f2a9c11",
            "Backup (3f2a9c11)",
        ] {
            assert!(!is_of("Backup", Some(foreign)), "{foreign}");
            assert_eq!(without_mark(foreign), foreign);
        }
        assert!(!is_of("Backup", None));
    }

    #[test]
    fn the_longest_description_that_can_be_renewed_fits() {
        let longest = "x".repeat(MAX_RENEWABLE);
        assert_eq!(marked(&longest, Mark::Rotates, None).unwrap().chars().count(), MAX_LENGTH);
        assert_eq!(marked(&(longest + "x"), Mark::Rotates, None).unwrap_err().code(), ErrorCode::InvalidSecretName);
    }
}
