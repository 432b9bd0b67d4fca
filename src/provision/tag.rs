//! Tags of an application.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorCode};

/// A tag of an application: 1 to 256 characters without white space.
///
/// ```
/// use entra_apps::provision::Tag;
///
/// assert_eq!(Tag::new("contoso")?.as_str(), "contoso");
/// assert!("two words".parse::<Tag>().is_err());
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    /// Takes the exact text.
    ///
    /// # Errors
    /// [`InvalidTag`](ErrorCode::InvalidTag) for what Entra would refuse.
    pub fn new(tag: impl Into<String>) -> Result<Self, Error> {
        let tag = tag.into();
        let length = tag.chars().count();
        if (1..=256).contains(&length) && !tag.contains(char::is_whitespace) {
            return Ok(Self(tag));
        }
        Err(Error::new(ErrorCode::InvalidTag)
            .with_message(format!("the tag {:?} is not one that Entra takes", crate::error::foreign(tag))))
    }

    /// The exact text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl TryFrom<String> for Tag {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_1_to_256_characters_without_blanks() {
        for good in ["a", &"x".repeat(256), "ünïcode"] {
            assert_eq!(Tag::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "two words", "line\nbreak", &"x".repeat(257)] {
            assert_eq!(Tag::new(bad).unwrap_err().code(), ErrorCode::InvalidTag, "{bad:?}");
        }
    }
}
