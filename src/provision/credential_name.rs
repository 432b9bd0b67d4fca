//! The descriptions of a registration's credentials: the one that the guide names, and those of renewed ones, which say
//! what they renew.
//!
//! A renewed credential is called `Backup (renews 3f2a9c11)`: the registration's own description, and the beginning of the
//! key id of the one in whose place it was issued. So the directory itself says which credentials this crate has issued in
//! place of which, and whoever runs it next needs no file of ours.

use crate::error::{Error, ErrorCode};
use crate::ids::KeyId;

const RENEWS: &str = " (renews ";

/// The digits of a key id that stand in a description.
const DIGITS: usize = 8;

/// What stands in place of the digits where nothing was there to renew.
const NOTHING: &str = "00000000";

/// The longest description.
const MAX_LENGTH: usize = 90;

/// The longest description whose renewals can be told from it, in characters.
const MAX_RENEWABLE: usize = MAX_LENGTH - RENEWS.len() - DIGITS - 1;

/// The description of a credential that is issued in place of another.
///
/// # Errors
/// [`InvalidSecretName`](ErrorCode::InvalidSecretName) where there is no room for it.
pub(super) fn renewing(name: &str, predecessor: Option<KeyId>) -> Result<String, Error> {
    if !can_be_renewed(name) {
        return Err(Error::new(ErrorCode::InvalidSecretName).with_message(format!(
            "the description “{name}” is too long to be renewed: {MAX_RENEWABLE} characters at most"
        )));
    }
    let digits = predecessor.map_or_else(|| NOTHING.to_owned(), first_digits);
    Ok(format!("{name}{RENEWS}{digits})"))
}

/// Whether a description leaves room for the mark of its renewals.
pub(super) fn can_be_renewed(name: &str) -> bool {
    name.chars().count() <= MAX_RENEWABLE
}

/// Whether a credential of this description is one of the registration's credential `name`, renewed or not.
pub(super) fn is_of(name: &str, description: Option<&str>) -> bool {
    description.is_some_and(|description| description == name || renewed(name, description).is_some())
}

/// Whether a credential of this description was issued in place of another one of `name`: nobody else calls one so.
pub(super) fn is_renewal(name: &str, description: Option<&str>) -> bool {
    description.is_some_and(|description| renewed(name, description).is_some())
}

/// Whether a credential of this description says that it was issued in place of the other.
pub(super) fn renews(name: &str, description: Option<&str>, other: KeyId) -> bool {
    description.and_then(|description| renewed(name, description)).is_some_and(|it| it == first_digits(other))
}

/// The beginning of the key id in a description.
fn renewed<'a>(name: &str, description: &'a str) -> Option<&'a str> {
    let digits = description.strip_prefix(name)?.strip_prefix(RENEWS)?.strip_suffix(')')?;
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == DIGITS && digits.bytes().all(is_hex)).then_some(digits)
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
    fn a_renewal_says_what_it_renews_and_nothing_else_looks_like_one() {
        let [old, other] = [0x3f2a_9c11_u128, 0x3f2a_9c12].map(|head| KeyId::from_u128(head << 96));
        let name = renewing("Backup", Some(old)).unwrap();
        assert_eq!(name, "Backup (renews 3f2a9c11)");
        assert!(is_of("Backup", Some(&name)) && is_renewal("Backup", Some(&name)));
        assert!(renews("Backup", Some(&name), old) && !renews("Backup", Some(&name), other));
        assert!(is_renewal("Backup", Some(&renewing("Backup", None).unwrap())));
        assert!(is_of("Backup", Some("Backup")) && !is_renewal("Backup", Some("Backup")));
        for foreign in ["Backup 2", "backup", "Backup (renews it)", "Backup (renews 3F2A9C11)", "Backup (renews 3f2a9c11"] {
            assert!(!is_of("Backup", Some(foreign)), "{foreign}");
        }
        assert!(!is_of("Backup", None) && !is_of("Back", Some(&name)));
    }

    #[test]
    fn the_longest_description_that_can_be_renewed_fits() {
        let longest = "x".repeat(MAX_RENEWABLE);
        assert_eq!(renewing(&longest, None).unwrap().chars().count(), MAX_LENGTH);
        assert_eq!(renewing(&(longest + "x"), None).unwrap_err().code(), ErrorCode::InvalidSecretName);
    }
}
