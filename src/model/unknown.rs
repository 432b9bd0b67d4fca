//! The members of an object that this version does not know.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Members of an object that this version does not know, and values that it cannot read, as they came. They are written
/// again with the object.
///
/// Graph adds members at any time. Where a known member has another form than documented, its field is absent, and its
/// value is here under the member's name; of a list, only the items that cannot be read. The object's `unreadable` names
/// those members. An item of a page that is no object at all is an object of which nothing was read, and what came in its
/// place is here under the name `@unreadable`.
///
/// ```
/// use entra_apps::model::Application;
///
/// let app: Application = serde_json::from_str(r#"{"displayName": "App", "newInGraph": {"a": 1}, "tags": [1, "t"]}"#)?;
/// assert_eq!(app.unknown.json("newInGraph").as_deref(), Some(r#"{"a":1}"#));
/// assert_eq!((app.tags.len(), app.unknown.names().count()), (1, 2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unknown {
    members: BTreeMap<String, Value>,
    /// Which of the known members came: a bit for each, in their order.
    #[serde(skip)]
    came: u64,
}

/// The known members of an object, at most.
pub(super) const MAX_MEMBERS: usize = u64::BITS as usize;

/// The name under which a value is kept that came in place of a whole object.
pub(super) const WHOLE: &str = "@unreadable";

impl Unknown {
    /// The names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// The value of a member, as JSON.
    pub fn json(&self, name: &str) -> Option<String> {
        self.members.get(name).map(ToString::to_string)
    }

    /// The value of a member that is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    pub(super) fn insert(&mut self, name: String, value: Value) {
        self.members.insert(name, value);
    }

    /// Notes that a known member came, and its value where that cannot be read. A member without a name is never kept.
    pub(super) fn came(&mut self, at: usize, name: Option<&'static str>, unreadable: Option<Value>) {
        self.came |= 1 << at;
        match (name, unreadable) {
            (Some(name), Some(value)) => self.insert(name.to_owned(), value),
            // It came before, and now can be read.
            (Some(name), None) if !self.members.is_empty() => drop(self.members.remove(name)),
            _ => {}
        }
    }

    /// Whether the known member in this place came.
    pub(super) fn has_come(&self, at: usize) -> bool {
        self.came & (1 << at) != 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.members.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there are no such members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

impl PartialEq for Unknown {
    /// Objects are the same where they hold the same: null and absent, empty and absent are not told apart.
    fn eq(&self, other: &Self) -> bool {
        self.members == other.members
    }
}

impl fmt::Debug for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names only: nobody knows what the values are.
        f.debug_set().entries(self.members.keys()).finish()
    }
}
