//! Redirect URIs, to which Entra may send the response to a sign-in: kept as the exact text, checked as Entra checks
//! it.
//!
//! Rules: <https://learn.microsoft.com/entra/identity-platform/reply-url>.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::error::{Error, ErrorCode};

/// The kind of client that a redirect URI belongs to: the portal's platforms.
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

/// A redirect URI of one platform.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RedirectUri {
    /// The platform.
    pub platform: Platform,
    /// The exact text.
    pub uri: String,
}

/// Entra's limit of a redirect URI, in characters.
const MAX_REDIRECT_URI_LENGTH: usize = 256;

impl RedirectUri {
    /// Takes the exact text; it is checked when the registration is.
    pub fn new(platform: Platform, uri: impl Into<String>) -> Self {
        Self { platform, uri: uri.into() }
    }

    /// Refuses what Entra would refuse.
    pub(super) fn check(&self, personal_accounts: bool) -> Result<(), Error> {
        let refuse = |why: &str, remedy: &str| {
            Err(Error::new(ErrorCode::InvalidRedirectUri)
                .with_message(format!("the redirect URI {} {why}", self.uri))
                .with_remedy(remedy))
        };
        if self.uri.chars().count() > MAX_REDIRECT_URI_LENGTH {
            return refuse("is longer than 256 characters", "Shorten it.");
        }
        if self.uri == "urn:ietf:wg:oauth:2.0:oob" {
            return match self.platform {
                Platform::Web => Ok(()),
                _ => refuse("is taken for web applications only", "Use an https address, or http://localhost."),
            };
        }
        // A wildcard stands where no host may, so it is taken out before the address is read.
        let wildcard = self.uri.contains('*');
        let Ok(url) = Url::parse(&self.uri.replacen("://*.", "://", 1)) else {
            return refuse(
                "is not an absolute address",
                "Write it whole, for example https://contoso.example/callback.",
            );
        };
        if self.uri.contains('#') {
            return refuse("has a fragment", "Leave out # and what follows it.");
        }
        if self.uri.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return refuse("has a blank in it", "Percent-encode it, or leave it out.");
        }
        if let Some(bad) = self.uri.chars().find(|c| "!$'(),;".contains(*c)) {
            return refuse(&format!("has the character {bad}, which Entra does not take"), "Leave it out.");
        }
        if wildcard {
            if personal_accounts {
                return refuse("has a wildcard, which an app for personal accounts may not have", "List each address.");
            }
            if !self.uri.starts_with("https://*.") || self.uri.matches('*').count() > 1 {
                return refuse("has a wildcard in a place where Entra takes none", "Only https://*.domain works.");
            }
        }
        if personal_accounts && url.query().is_some() {
            return refuse("has a query, which an app for personal accounts may not have", "Leave the query out.");
        }
        let host = url.host_str().unwrap_or_default();
        let odd_port = self
            .uri
            .split_once("://")
            .is_some_and(|(_, rest)| rest.split(['/', '?']).next().is_some_and(|it| it.ends_with(':')));
        if host.starts_with('.') || host.contains("..") || odd_port {
            return refuse("has no proper host", "Write it whole, for example https://contoso.example/callback.");
        }
        match (url.scheme(), url.host()) {
            ("https", Some(_)) | ("http", Some(Host::Domain("localhost"))) => Ok(()),
            ("http", Some(Host::Ipv4(ip))) if ip == std::net::Ipv4Addr::LOCALHOST => Ok(()),
            ("http", _) => refuse(
                "is plain http to another machine",
                "Use https; http is for http://localhost and http://127.0.0.1 only.",
            ),
            ("javascript" | "data" | "file", _) => refuse("has a scheme that Entra refuses", "Use https."),
            _ if self.platform == Platform::PublicClient => Ok(()),
            _ => refuse("has a scheme of its own", "Use https, or register it under mobile and desktop applications."),
        }
    }
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
        ] {
            RedirectUri::new(platform, uri).check(false).unwrap();
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
            (Platform::Web, "", false),
            (Platform::Web, long.as_str(), false),
            (Platform::Web, "https://contoso.example/cb#part", false),
            (Platform::Web, "https://*.contoso.example/cb", true),
            (Platform::Web, "https://contoso.example/*", false),
            (Platform::Web, "https://contoso.example/cb?x=1", true),
            (Platform::Web, "msauth://auth", false),
            (Platform::Spa, "urn:ietf:wg:oauth:2.0:oob", false),
            (Platform::PublicClient, "urn:ietf:wg:oauth:2.0:oob", false),
            (Platform::Web, "https://.immy.bot/x", false),
            (Platform::Web, "https://https://contoso.immy.bot/x", false),
            (Platform::PublicClient, "javascript:alert(1)", false),
            (Platform::Web, "https://contoso.example/a b", false),
        ] {
            assert!(RedirectUri::new(platform, uri).check(personal).is_err(), "{uri}");
        }
    }
}
