//! Objects beside the JSON that they were read from: a list that is not there differs from one that is empty.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::{Error, ErrorCode};

/// An object, and the JSON that it was read from.
pub(super) struct Raw<T> {
    pub(super) object: T,
    json: Value,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Raw<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let json = Value::deserialize(from)?;
        // Read from a copy, because the object keeps what it cannot read.
        let object = serde_json::from_value(json.clone()).map_err(D::Error::custom)?;
        Ok(Self { object, json })
    }
}

impl<T> Raw<T> {
    /// Whether a list, by its JSON pointer, was not read: it is missing, or no list. Null is an empty one.
    pub(super) fn is_unread(&self, pointer: &str) -> bool {
        let mut at = &self.json;
        for name in pointer.split('/').skip(1) {
            match at.get(name) {
                Some(Value::Null) => return false,
                Some(member) => at = member,
                None => return true,
            }
        }
        !at.is_array()
    }
}

/// The error for a member that was not read and would be written over.
pub(super) fn unread(member: &str) -> Error {
    let member = member.trim_start_matches('/').replace('/', ".");
    Error::new(ErrorCode::UnexpectedResponse)
        .with_message(format!("the service's response has no readable {member}, which is not written over unread"))
        .with_remedy("Look at it in the portal, and check that no proxy changes responses; then run it again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_missing_or_none_is_unread() {
        for (json, pointer, is_unread) in [
            (r#"{"tags": ["a"]}"#, "/tags", false),
            (r#"{"tags": []}"#, "/tags", false),
            (r#"{"tags": null}"#, "/tags", false),
            (r#"{}"#, "/tags", true),
            (r#"{"tags": "a"}"#, "/tags", true),
            (r#"{"tags": {}}"#, "/tags", true),
            (r#"{"web": {"redirectUris": []}}"#, "/web/redirectUris", false),
            (r#"{"web": null}"#, "/web/redirectUris", false),
            (r#"{"web": {}}"#, "/web/redirectUris", true),
            (r#"{"web": []}"#, "/web/redirectUris", true),
            (r#"{}"#, "/web/redirectUris", true),
        ] {
            let raw: Raw<Value> = serde_json::from_str(json).unwrap();
            assert_eq!(raw.is_unread(pointer), is_unread, "{json} {pointer}");
        }
    }
}
