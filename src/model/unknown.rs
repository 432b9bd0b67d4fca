//! The members of an object that this version does not know.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Members of an object that this version does not know, and values that it cannot read, as they came.
///
/// Graph adds members at any time. Where a known member has another form than documented, its field is absent, and its
/// value is here under the member's name; of a list, only the items that cannot be read.
///
/// ```
/// use entra_apps::model::Application;
///
/// let app: Application = serde_json::from_str(r#"{"displayName": "App", "newInGraph": {"a": 1}, "tags": [1, "t"]}"#)?;
/// assert_eq!(app.unknown.json("newInGraph").as_deref(), Some(r#"{"a":1}"#));
/// assert_eq!((app.tags.len(), app.unknown.names().count()), (1, 2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unknown(BTreeMap<String, Value>);

impl Unknown {
    /// The names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The value of a member, as JSON.
    pub fn json(&self, name: &str) -> Option<String> {
        self.0.get(name).map(ToString::to_string)
    }

    /// The value of a member that is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub(super) fn insert(&mut self, name: String, value: Value) {
        self.0.insert(name, value);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there are no such members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names only: nobody knows what the values are.
        f.debug_set().entries(self.0.keys()).finish()
    }
}
