//! Redirect URIs, to which Entra may send the response to a sign-in: kept as the exact text, checked as Entra checks
//! it.
//!
//! Rules: <https://learn.microsoft.com/entra/identity-platform/reply-url>.

use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Deserializer, Serialize};
use url::{Host, Url};

use crate::error::{Error, ErrorCode};
use crate::strict::Strict;

/// The kind of client that a redirect URI belongs to: the portal's platforms.
///
/// ```
/// use entra_apps::RedirectUri;
/// use entra_apps::provision::Platform;
///
/// let uri = RedirectUri::spa("https://contoso.example/signed-in")?;
/// assert_eq!(uri.platform(), Platform::Spa);
/// assert_eq!(uri.platform().portal_name(), "Single-page application");
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Platform {
    /// A web application, which keeps a secret.
    Web,
    /// A single-page application.
    Spa,
    /// A mobile or desktop application.
    PublicClient,
}

impl Platform {
    /// The name in the portal.
    pub fn portal_name(self) -> &'static str {
        match self {
            Self::Web => "Web",
            Self::Spa => "Single-page application",
            Self::PublicClient => "Mobile and desktop applications",
        }
    }

    /// The short name of a code, such as `web`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Spa => "spa",
            Self::PublicClient => "publicClient",
        }
    }
}

/// A redirect URI of one platform: the exact text, checked as Entra checks it.
///
/// What only an app for personal accounts may not have is checked with the registration.
///
/// ```
/// use entra_apps::RedirectUri;
///
/// let uri = RedirectUri::web("https://contoso.immy.bot/consent-callback")?;
/// assert_eq!(uri.as_str(), "https://contoso.immy.bot/consent-callback");
/// let error = RedirectUri::web("http://contoso.immy.bot/consent-callback").unwrap_err();
/// assert!(error.remedy().contains("https"));
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "UncheckedUri")]
pub struct RedirectUri {
    platform: Platform,
    uri: String,
}

/// A redirect URI as it is read from a file.
#[derive(Deserialize)]
#[serde(remote = "Self")]
struct UncheckedUri {
    platform: Platform,
    uri: String,
}

impl<'de> Deserialize<'de> for UncheckedUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(Strict(deserializer))
    }
}

impl TryFrom<UncheckedUri> for RedirectUri {
    type Error = Error;

    fn try_from(UncheckedUri { platform, uri }: UncheckedUri) -> Result<Self, Error> {
        Self::new(platform, uri)
    }
}

/// Entra's limit of a redirect URI, in characters.
const MAX_REDIRECT_URI_LENGTH: usize = 256;

impl RedirectUri {
    /// The redirect URI of a web application, which keeps a secret.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn web(uri: impl Into<String>) -> Result<Self, Error> {
        Self::new(Platform::Web, uri)
    }

    /// The redirect URI of a single-page application.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn spa(uri: impl Into<String>) -> Result<Self, Error> {
        Self::new(Platform::Spa, uri)
    }

    /// The redirect URI of a mobile or desktop application.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn public_client(uri: impl Into<String>) -> Result<Self, Error> {
        Self::new(Platform::PublicClient, uri)
    }

    /// Takes the exact text.
    ///
    /// # Errors
    /// [`InvalidRedirectUri`](crate::ErrorCode::InvalidRedirectUri) for what Entra would refuse.
    pub fn new(platform: Platform, uri: impl Into<String>) -> Result<Self, Error> {
        let uri = Self { platform, uri: uri.into() };
        uri.check()?;
        Ok(uri)
    }

    /// What is there already is taken as it is.
    pub(super) fn observed(platform: Platform, uri: impl Into<String>) -> Self {
        Self { platform, uri: uri.into() }
    }

    /// The platform.
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// The exact text.
    pub fn as_str(&self) -> &str {
        &self.uri
    }

    /// Whether both stand for one address to Entra, which tells them apart without regard to capitals.
    pub(super) fn is_same_address(&self, other: &Self) -> bool {
        self.uri.eq_ignore_ascii_case(&other.uri)
    }

    /// Refuses what an app for personal accounts may not have.
    pub(super) fn check_personal_accounts(&self) -> Result<(), Error> {
        if self.uri.contains('*') {
            return self
                .refuse("has a wildcard, which an app for personal accounts may not have", "List each address.");
        }
        if Url::parse(&self.uri).is_ok_and(|url| url.query().is_some()) {
            return self.refuse("has a query, which an app for personal accounts may not have", "Leave the query out.");
        }
        Ok(())
    }

    fn refuse(&self, why: &str, remedy: &str) -> Result<(), Error> {
        Err(Error::new(ErrorCode::InvalidRedirectUri)
            .with_message(format!("the redirect URI {} {why}", self.uri))
            .with_remedy(remedy))
    }

    /// Refuses what Entra would refuse; what is not known of it is left to it.
    fn check(&self) -> Result<(), Error> {
        let refuse = |why: &str, remedy: &str| self.refuse(why, remedy);
        let uri = self.uri.as_str();
        if uri.chars().count() > MAX_REDIRECT_URI_LENGTH {
            return refuse("is longer than 256 characters", "Shorten it.");
        }
        if uri.eq_ignore_ascii_case("urn:ietf:wg:oauth:2.0:oob") {
            return match self.platform {
                Platform::Web => Ok(()),
                _ => refuse("is taken for web applications only", "Use an https address, or http://localhost."),
            };
        }
        // A wildcard stands where no host may, so it is taken out before the address is read.
        let Ok(url) = Url::parse(&uri.replacen("://*.", "://", 1)) else {
            return refuse(
                "is not an absolute address",
                "Write it whole, for example https://contoso.example/callback.",
            );
        };
        if uri.contains('#') {
            return refuse("has a fragment", "Leave out # and what follows it.");
        }
        if uri.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return refuse("has a blank in it", "Percent-encode it, or leave it out.");
        }
        if let Some(bad) = uri.chars().find(|c| "!$'(),;".contains(*c)) {
            return refuse(&format!("has the character {bad}, which Entra does not take"), "Leave it out.");
        }
        if uri.contains('*') && (!uri.starts_with("https://*.") || uri.matches('*').count() > 1) {
            return refuse("has a wildcard in a place where Entra takes none", "Only https://*.domain works.");
        }
        if matches!(url.scheme(), "https" | "http") && !has_proper_host(uri) {
            return refuse("has no proper host", "Write it whole, for example https://contoso.example/callback.");
        }
        let has_host = url.host().is_some();
        let is_loopback = [Host::Domain("localhost"), Host::Ipv4(Ipv4Addr::LOCALHOST)]
            .iter()
            .any(|host| url.host().as_ref() == Some(host));
        if url.scheme() == "https" || (url.scheme() == "http" && is_loopback) {
            return Ok(());
        }
        match (url.scheme(), self.platform) {
            ("http", _) => refuse(
                "is plain http to another machine",
                "Use https; http is for http://localhost and http://127.0.0.1 only.",
            ),
            ("javascript" | "data" | "file", _) => refuse("has a scheme that Entra refuses", "Use https."),
            (_, Platform::PublicClient) => Ok(()),
            // The broker of Windows: https://learn.microsoft.com/entra/msal/dotnet/acquiring-tokens/desktop-mobile/wam
            ("ms-appx-web", Platform::Web) if has_host => Ok(()),
            // Nested app authentication, in Microsoft 365:
            // https://learn.microsoft.com/office/dev/add-ins/develop/enable-nested-app-authentication-in-your-add-in
            (scheme, Platform::Spa) if scheme.starts_with("brk-") && has_host => Ok(()),
            (scheme, _) if scheme.starts_with("brk-") => {
                refuse("is one of nested app authentication", "Register it under single-page application.")
            }
            _ => refuse("has a scheme of its own", "Use https, or register it under mobile and desktop applications."),
        }
    }
}

/// Whether the address of a page names its host, and a port after a colon: a scheme written twice does neither.
fn has_proper_host(uri: &str) -> bool {
    let authority = uri.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next()).unwrap_or_default();
    let host = authority.strip_prefix("*.").unwrap_or(authority);
    !host.starts_with('.') && !host.contains("..") && !host.ends_with(':')
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.uri, self.platform.portal_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_entra_takes_is_taken() {
        for (platform, uri) in [
            (Platform::Web, "https://contoso.immy.bot/consent-callback"),
            (Platform::Web, "http://localhost"),
            (Platform::Spa, "http://127.0.0.1:8400/callback"),
            (Platform::Web, "https://*.contoso.example/callback"),
            (Platform::Web, "https://contoso.example/cb?x=1"),
            (Platform::PublicClient, "msauth.com.contoso.app://auth"),
            (Platform::PublicClient, "ms-appx-web://microsoft.aad.brokerplugin/x"),
            (Platform::Web, "ms-appx-web://Microsoft.AAD.BrokerPlugin/x"),
            (Platform::Spa, "brk-multihub://contoso.example"),
        ] {
            RedirectUri::new(platform, uri).unwrap();
        }
    }

    #[test]
    fn what_entra_refuses_is_refused_before_it_is_sent() {
        let long = format!("https://contoso.example/{}", "x".repeat(256));
        for (platform, uri, personal) in [
            (Platform::Web, "http://contoso.example/cb", false),
            (Platform::Web, "http://[::1]/cb", false),
            (Platform::Web, "http://localhost.contoso.example", false),
            (Platform::Web, "contoso.example/cb", false),
            (Platform::Web, long.as_str(), false),
            (Platform::Web, "https://contoso.example/cb#part", false),
            (Platform::Web, "https://*.contoso.example/cb", true),
            (Platform::Web, "https://contoso.example/*", false),
            (Platform::Web, "https://contoso.example/cb?x=1", true),
            (Platform::Web, "msauth://auth", false),
            (Platform::Web, "brk-multihub://contoso.example", false),
            (Platform::Spa, "ms-appx-web://Microsoft.AAD.BrokerPlugin/x", false),
            (Platform::Spa, "urn:ietf:wg:oauth:2.0:oob", false),
            (Platform::PublicClient, "urn:ietf:wg:oauth:2.0:oob", false),
            (Platform::Web, "https://.immy.bot/x", false),
            (Platform::Web, "https://https://contoso.immy.bot/x", false),
            (Platform::PublicClient, "javascript:alert(1)", false),
            (Platform::Web, "https://contoso.example/a b", false),
        ] {
            let checked = RedirectUri::new(platform, uri);
            let refused = match personal {
                true => checked.unwrap().check_personal_accounts(),
                false => checked.map(|_| ()),
            };
            let error = refused.unwrap_err();
            assert!(error.code() == ErrorCode::InvalidRedirectUri && error.message().contains(uri), "{uri}: {error}");
        }
    }
}
