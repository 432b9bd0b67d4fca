//! Directory roles: what a person or a group may do in a tenant, as constants and as checked names.
//!
//! A role is known by its template id, which is the same in every tenant. Ids that are copied by hand rot; a constant does
//! not, and a name that is misspelt is an error with a suggestion.
//!
//! ```
//! use entra_apps::directory_role::DirectoryRole;
//!
//! // A constant: a typo does not compile.
//! let role = DirectoryRole::APPLICATION_ADMINISTRATOR;
//! assert_eq!(role.to_string(), "Application Administrator");
//! assert!(role.is_privileged());
//!
//! // A name: a typo is an error with a suggestion.
//! assert_eq!(DirectoryRole::by_name("application administrator")?, role);
//! let error = DirectoryRole::by_name("Aplication Administrator").unwrap_err();
//! assert_eq!(error.code(), entra_apps::ErrorCode::UnknownDirectoryRole);
//! assert!(error.remedy().contains("`Application Administrator`"));
//!
//! // A template id, as a relationship holds it.
//! assert_eq!(DirectoryRole::by_id("9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3".parse()?), role);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Microsoft's list: <https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>

mod catalogue;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::error::{Error, ErrorCode};
use crate::similar::{shown, suggestions};
use crate::strict::Strict;
use catalogue::{FORMER_NAMES, ROWS};

/// The list of roles, for a person.
const LIST: &str = "https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference";

/// A directory role, known by its template id.
///
/// # JSON
/// `{"name": "Application Administrator", "id": …}`; a role that this version does not know has no name. Of both, one
/// suffices to read it, and two must be of one role.
///
/// ```
/// use entra_apps::directory_role::DirectoryRole;
///
/// let read: DirectoryRole = serde_json::from_str(r#"{"name": "Privileged Role Administrator"}"#)?;
/// assert_eq!(read, DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR);
/// assert_eq!(serde_json::to_value(read)?["id"], "e8611ab8-c189-46e8-94e1-60213ab1f814");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirectoryRole(Uuid);

impl DirectoryRole {
    /// The role of this template id, given as a number, which suits a constant.
    pub const fn from_u128(id: u128) -> Self {
        Self(Uuid::from_u128(id))
    }

    /// The role of this template id, known here or not: a role of the tenant's own has an id, too.
    pub const fn by_id(id: Uuid) -> Self {
        Self(id)
    }

    /// The built-in role that has this name, or had it before. Case does not matter.
    ///
    /// # Errors
    /// [`UnknownDirectoryRole`](crate::ErrorCode::UnknownDirectoryRole), with the most similar names.
    pub fn by_name(name: &str) -> Result<Self, Error> {
        let name = name.trim();
        let current = ROWS.iter().map(|row| (row.name, row.role));
        let mut all = current.chain(FORMER_NAMES.iter().copied());
        all.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, role)| role).ok_or_else(|| unknown(name))
    }

    /// The template id.
    pub const fn id(&self) -> Uuid {
        self.0
    }

    /// The name, of a built-in role that this version knows.
    pub fn name(&self) -> Option<&'static str> {
        self.row().map(|row| row.name)
    }

    /// Whether Microsoft marks it as privileged: it can lead to control of the tenant
    /// ([background](https://learn.microsoft.com/entra/identity/role-based-access-control/privileged-roles-permissions)).
    /// A role that this version does not know counts as privileged.
    pub fn is_privileged(&self) -> bool {
        self.row().is_none_or(|row| row.privileged)
    }

    /// The built-in roles, by name: all but those that are not for general use.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.role)
    }

    fn row(&self) -> Option<&'static catalogue::Row> {
        ROWS.iter().find(|row| row.role == *self)
    }
}

fn unknown(name: &str) -> Error {
    // Whoever writes *Admin* means *Administrator*.
    let is_short = name.to_ascii_lowercase().ends_with("admin");
    let meant = if is_short { format!("{name}istrator") } else { name.to_owned() };
    let remedy = match suggestions(&meant, ROWS.iter().map(|row| row.name)) {
        Some(names) => format!("Did you mean {names}? All are listed at {LIST}."),
        None => format!("All are listed at {LIST}. One that is newer than this crate can be given by its template id."),
    };
    Error::new(ErrorCode::UnknownDirectoryRole)
        .with_message(format!("there is no directory role called {}", shown(name)))
        .with_remedy(remedy)
}

impl FromStr for DirectoryRole {
    type Err = Error;

    /// Parses a name or a template id.
    fn from_str(text: &str) -> Result<Self, Error> {
        match Uuid::try_parse(text.trim()) {
            Ok(id) => Ok(Self(id)),
            Err(_) => Self::by_name(text),
        }
    }
}

impl From<DirectoryRole> for Uuid {
    fn from(role: DirectoryRole) -> Self {
        role.0
    }
}

impl fmt::Display for DirectoryRole {
    /// The name, or else the template id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => self.0.fmt(f),
        }
    }
}

impl fmt::Debug for DirectoryRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "DirectoryRole({name}, {})", self.0),
            None => write!(f, "DirectoryRole({})", self.0),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Written<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
}

impl Written<'_> {
    fn read(&self) -> Result<DirectoryRole, Error> {
        match (self.name.as_deref(), self.id) {
            (None, None) => Err(Error::new(ErrorCode::DirectoryRoleWithoutName)),
            (None, Some(id)) => Ok(DirectoryRole(id)),
            (Some(name), None) => DirectoryRole::by_name(name),
            (Some(name), Some(id)) => {
                let (role, found) = (DirectoryRole(id), DirectoryRole::by_name(name));
                match (role.name(), found) {
                    (_, Ok(found)) if found == role => Ok(role),
                    // Newer than this version: the id says which it is.
                    (None, Err(_)) => Ok(role),
                    (known, found) => Err(mismatch(known, found.ok())),
                }
            }
        }
    }
}

fn mismatch(by_id: Option<&str>, by_name: Option<DirectoryRole>) -> Error {
    let error = Error::new(ErrorCode::DirectoryRoleMismatch);
    match (by_id, by_name) {
        (Some(name), _) => error.with_remedy(format!("The id is that of {name}: correct it, or leave it out.")),
        (None, Some(role)) => {
            error.with_remedy(format!("The id of {role} is {}: correct it, or leave it out.", role.0))
        }
        (None, None) => error,
    }
}

impl Serialize for DirectoryRole {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Written { name: self.name().map(Cow::Borrowed), id: Some(self.0) }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for DirectoryRole {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Written::deserialize(Strict(from))?.read().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn each_role_is_there_once_and_sorted_by_name() {
        let lower: Vec<String> = ROWS.iter().map(|row| row.name.to_lowercase()).collect();
        assert!(lower.is_sorted(), "{lower:?}");
        assert_eq!(ROWS.iter().map(|row| row.role).collect::<BTreeSet<_>>().len(), ROWS.len());
        for (former, role) in FORMER_NAMES {
            assert!(!ROWS.iter().any(|row| row.name == *former) && role.name().is_some(), "{former}");
        }
    }

    #[test]
    fn a_role_is_the_same_however_it_was_made() {
        for role in DirectoryRole::all() {
            let name = role.name().unwrap();
            for text in [name.to_owned(), name.to_uppercase(), format!(" {name} "), role.id().to_string()] {
                assert_eq!(text.parse::<DirectoryRole>().unwrap(), role, "{text}");
            }
            assert_eq!(from_value::<DirectoryRole>(to_value(role).unwrap()).unwrap(), role);
        }
        assert_eq!(DirectoryRole::by_name("Company Administrator").unwrap(), DirectoryRole::GLOBAL_ADMINISTRATOR);
    }

    #[test]
    fn a_misspelt_role_is_answered_with_the_name_that_was_meant() {
        for (typo, meant) in [
            ("Aplication Administrator", "Application Administrator"),
            ("ApplicationAdministrator", "Application Administrator"),
            ("Privileged Role Admin", "Privileged Role Administrator"),
            ("Global Administator", "Global Administrator"),
            ("Directory Reader", "Directory Readers"),
            ("Domain Name Administrater", "Domain Name Administrator"),
        ] {
            let error = DirectoryRole::by_name(typo).unwrap_err();
            assert_eq!(error.code(), ErrorCode::UnknownDirectoryRole);
            assert!(error.remedy().contains(&format!("`{meant}`")), "{typo}: {}", error.remedy());
        }
        let error = DirectoryRole::by_name("xyzzy").unwrap_err();
        assert!(error.remedy().starts_with("All are listed at https://"), "{error}");
        let secret = "Xk~8Q~q1r2s3t4u5v6w7x8y9z0ABCDEFGHIJKLMN";
        assert!(!DirectoryRole::by_name(secret).unwrap_err().to_string().contains(secret));
    }

    #[test]
    fn an_id_that_was_copied_wrong_is_found_by_its_name() {
        let wrong = "8329153a-31d0-4727-b945-745eb3bc5f31";
        for (written, said) in [
            (
                json!({"name": "Domain Name Administrator", "id": wrong}),
                "The id of Domain Name Administrator is 8329153b-31d0-4727-b945-745eb3bc5f31",
            ),
            (
                json!({"name": "Global Reader", "id": "62e90394-69f5-4237-9190-012177145e10"}),
                "The id is that of Global Administrator",
            ),
            (json!({"name": "Domain Nam Administrator"}), "Did you mean `Domain Name Administrator`"),
            (json!({}), "neither a name nor an id"),
            (json!({"nmae": "Global Reader"}), "did you mean `name`?"),
        ] {
            let error = from_value::<DirectoryRole>(written.clone()).unwrap_err().to_string();
            assert!(error.contains(said), "{written}: {error}");
        }
        let newer = from_value::<DirectoryRole>(json!({"name": "Newer Than This", "id": wrong})).unwrap();
        assert_eq!((newer.id().to_string().as_str(), newer.name()), (wrong, None));
        assert!(newer.is_privileged(), "what cannot be judged counts as privileged");
    }
}
