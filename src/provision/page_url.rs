//! The addresses of pages of the app: its home page, and where it hears that a user signed out.
//!
//! Rules: <https://learn.microsoft.com/entra/identity-platform/supported-accounts-validation>.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::{Error, ErrorCode};

/// Entra's limit of a logout URL, in characters.
const MAX_LOGOUT_URL_LENGTH: usize = 255;

/// The address of the home page, kept as the exact text: https or http. What else Entra asks of it is not documented, and
/// left to it.
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

/// The front-channel logout URL, kept as the exact text: https, on localhost too, of at most 255 characters.
///
/// ```
/// use entra_apps::provision::LogoutUrl;
///
/// let logout = LogoutUrl::new("https://localhost:3000/signed-out")?;
/// assert_eq!(logout.as_str(), "https://localhost:3000/signed-out");
/// assert!("http://localhost:3000/signed-out".parse::<LogoutUrl>().is_err());
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogoutUrl(String);

impl PageUrl {
    /// Takes the exact text.
    ///
    /// # Errors
    /// [`InvalidPageUrl`](ErrorCode::InvalidPageUrl) for what is no web address.
    pub fn new(url: impl Into<String>) -> Result<Self, Error> {
        let text = url.into();
        match has_scheme(&text, &["https", "http"]) {
            true => Ok(Self(text)),
            false => {
                Err(refused(text, "a home page", "Give an http or https address, such as https://contoso.example."))
            }
        }
    }
}

impl LogoutUrl {
    /// Takes the exact text.
    ///
    /// # Errors
    /// [`InvalidPageUrl`](ErrorCode::InvalidPageUrl) for what Entra would refuse.
    pub fn new(url: impl Into<String>) -> Result<Self, Error> {
        let text = url.into();
        match has_scheme(&text, &["https"]) && text.chars().count() <= MAX_LOGOUT_URL_LENGTH {
            true => Ok(Self(text)),
            false => {
                Err(refused(text, "a logout URL", "Give an https address of at most 255 characters, on localhost too."))
            }
        }
    }
}

/// Whether a text is an address of one of these schemes.
fn has_scheme(text: &str, schemes: &[&str]) -> bool {
    Url::parse(text).is_ok_and(|url| schemes.contains(&url.scheme()))
}

fn refused(text: String, what: &str, remedy: &str) -> Error {
    let text = crate::error::foreign(text);
    Error::new(ErrorCode::InvalidPageUrl)
        .with_message(format!("the address {text} is not one that Entra takes for {what}"))
        .with_remedy(remedy)
}

macro_rules! text_type {
    ($($name:ident)*) => {
        $(
            impl $name {
                /// The exact text.
                pub fn as_str(&self) -> &str {
                    &self.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }

            impl FromStr for $name {
                type Err = Error;

                fn from_str(text: &str) -> Result<Self, Error> {
                    Self::new(text)
                }
            }

            impl TryFrom<String> for $name {
                type Error = Error;

                fn try_from(text: String) -> Result<Self, Error> {
                    Self::new(text)
                }
            }

            impl From<$name> for String {
                fn from(url: $name) -> Self {
                    url.0
                }
            }
        )*
    };
}

text_type! { PageUrl LogoutUrl }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_entra_refuses_is_refused_with_the_address_shown() {
        let bounds = |length: usize| format!("https://{}", "x".repeat(length - "https://".len()));
        for good in ["https://contoso.example/a?b", "http://contoso.example", "http://localhost:8080", &bounds(256)] {
            assert_eq!(PageUrl::new(good).unwrap().as_str(), good);
        }
        for bad in ["contoso.example", "", "javascript:x", "//contoso.example"] {
            let error = PageUrl::new(bad).unwrap_err();
            assert!(error.code() == ErrorCode::InvalidPageUrl && error.message().contains(bad), "{error}");
        }
        for good in ["https://contoso.example/a?b", "https://localhost:8080", &bounds(255)] {
            assert_eq!(LogoutUrl::new(good).unwrap().as_str(), good);
        }
        for bad in ["http://contoso.example", "http://localhost:3000", "contoso.example", "", &bounds(256)] {
            let error = LogoutUrl::new(bad).unwrap_err();
            assert!(error.code() == ErrorCode::InvalidPageUrl && error.message().contains(bad), "{error}");
            assert!(error.remedy().contains("https"), "{error}");
        }
    }
}
