//! The version of an object, as Graph names it.

use std::fmt;

use crate::model::object::{Element, Text, Written};

/// The version of an object: it goes with a change as `If-Match`, so that nobody else's change is lost.
///
/// ```
/// use entra_apps::model::{DelegatedAdminRelationship, ETag};
///
/// let read: DelegatedAdminRelationship = serde_json::from_str(r#"{"@odata.etag": "W/\"1\""}"#)?;
/// assert_eq!(read.etag, Some(ETag::new("W/\"1\"")));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ETag(String);

impl ETag {
    /// Wraps an ETag as the service returned it.
    pub fn new(tag: impl Into<String>) -> Self {
        Self(tag.into())
    }

    /// The ETag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Element for ETag {
    fn written(&self) -> Written<'_> {
        Written::Text(&self.0)
    }
}

impl Text for ETag {
    fn from_text(text: &str) -> Option<Self> {
        Some(Self::new(text))
    }
}
