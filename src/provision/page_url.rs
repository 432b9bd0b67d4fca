//! The address of a page of the app: its home page, or where it hears that a user signed out.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::error::{Error, ErrorCode};

/// Entra's limit of the address of a page, in characters.
const MAX_PAGE_URL_LENGTH: usize = 255;

/// The address of a page, kept as the exact text: https, or http on `localhost`, of at most 255 characters.
///
/// ```
/// use entra_apps::provision::PageUrl;
///
/// let home = PageUrl::new("https://contoso.example")?;
/// assert_eq!(home.as_str(), "https://contoso.example");
/// assert!("ftp://contoso.example".parse::<PageUrl>().is_err());
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PageUrl(String);

impl PageUrl {
    /// Takes the exact text.
    ///
    /// # Errors
    /// [`InvalidPageUrl`](ErrorCode::InvalidPageUrl) for what Entra would refuse.
    pub fn new(url: impl Into<String>) -> Result<Self, Error> {
        let text = url.into();
        let good = text.chars().count() <= MAX_PAGE_URL_LENGTH
            && Url::parse(&text).is_ok_and(|url| {
                url.scheme() == "https" || (url.scheme() == "http" && url.host() == Some(Host::Domain("localhost")))
            });
        if good {
            return Ok(Self(text));
        }
        Err(Error::new(ErrorCode::InvalidPageUrl).with_message(format!(
            "the address {} is not one that Entra takes for a page",
            crate::error::foreign(text)
        )))
    }

    /// The exact text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PageUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl TryFrom<String> for PageUrl {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl From<PageUrl> for String {
    fn from(url: PageUrl) -> Self {
        url.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_entra_refuses_is_refused_with_the_address_shown() {
        let bounds = |length: usize| format!("https://{}", "x".repeat(length - "https://".len()));
        for good in ["https://contoso.example/a?b", "http://localhost:8080", &bounds(255)] {
            assert_eq!(PageUrl::new(good).unwrap().as_str(), good);
        }
        for bad in ["http://contoso.example", "contoso.example", "", "javascript:x", &bounds(256)] {
            let error = PageUrl::new(bad).unwrap_err();
            assert!(error.code() == ErrorCode::InvalidPageUrl && error.message().contains(bad), "{error}");
        }
    }
}
