//! Redirect URIs of an app, and responses sent to them.
//!
//! <https://learn.microsoft.com/entra/identity-platform/reply-url>

use bytes::Bytes;
use http::{Response, StatusCode};
use url::{Url, form_urlencoded};

use super::client_app::ClientApp;
use super::error::{SignInError, SignInResult};
use super::flows::Platform;
use super::response::{escape, page, redirect};
use crate::data::json::texts;

/// A redirect URI of an app.
#[derive(Clone, Debug)]
pub(super) struct Redirect {
    /// The URI as requested.
    pub(super) uri: String,
    pub(super) platform: Platform,
}

/// How the parameters of a response are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseMode {
    Query,
    Fragment,
    FormPost,
}

impl ResponseMode {
    pub(super) fn parse(mode: Option<&str>) -> SignInResult<Self> {
        match mode {
            None | Some("query") => Ok(Self::Query),
            Some("fragment") => Ok(Self::Fragment),
            Some("form_post") => Ok(Self::FormPost),
            Some(mode) => {
                let message = format!("'{mode}' is not a supported value of 'response_mode' when requesting a code.");
                Err(SignInError::invalid_request(70007, message))
            }
        }
    }
}

impl Redirect {
    /// The registered redirect URI that matches the requested one; the first without one.
    pub(super) fn find(client: &ClientApp, requested: Option<&str>) -> SignInResult<Self> {
        let of = |member: &str, platform| {
            let uris = texts(&client.application[member], "redirectUris");
            uris.map(move |uri| (uri.to_owned(), platform)).collect::<Vec<_>>()
        };
        let all = [("web", Platform::Confidential), ("spa", Platform::SinglePage), ("publicClient", Platform::Public)];
        let all: Vec<_> = all.into_iter().flat_map(|(member, platform)| of(member, platform)).collect();
        let Some(requested) = requested else {
            let first = all.into_iter().next();
            return first
                .map(|(uri, platform)| Self { uri, platform })
                .ok_or_else(|| SignInError::invalid_request(900_971, "No reply address provided."));
        };
        if all.is_empty() {
            let message = "No reply address is registered for the application.";
            return Err(SignInError::invalid_request(500_113, message));
        }
        let found = all.into_iter().find(|(uri, _)| matches_redirect_uri(uri, requested));
        found.map(|(_, platform)| Self { uri: requested.to_owned(), platform }).ok_or_else(|| {
            let message = format!(
                "The redirect URI '{requested}' specified in the request does not match the redirect URIs configured for \
                    the application '{}'. Make sure the redirect URI sent in the request matches one added to your \
                    application in the Azure portal. Navigate to https://aka.ms/redirectUriMismatchError to learn \
                    more about how to fix this.",
                client.app_id
            );
            SignInError::invalid_request(50011, message)
        })
    }

    /// Sends the browser back to the app with these parameters.
    pub(super) fn respond(&self, mode: ResponseMode, parameters: &[(&str, String)]) -> Response<Bytes> {
        let parameters = parameters.iter().filter(|(_, value)| !value.is_empty());
        if mode == ResponseMode::FormPost {
            let inputs: Vec<String> = parameters
                .map(|(name, value)| {
                    format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
                })
                .collect();
            let body = format!(
                "<form name=\"hiddenform\" method=\"POST\" action=\"{}\">{}<noscript><p>Script is disabled. Click \
                    Submit to continue.</p><input type=\"submit\" value=\"Submit\"></noscript></form>\n\
                    <script>window.setTimeout('document.forms[0].submit()', 0);</script>",
                escape(&self.uri),
                inputs.concat()
            );
            return page(StatusCode::OK, "Working...", &body);
        }
        let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        // A URI that cannot be parsed is used as registered.
        let Ok(mut url) = Url::parse(&self.uri) else { return redirect(&self.uri) };
        if mode == ResponseMode::Fragment {
            url.set_fragment(Some(&encoded));
        } else {
            let query = url.query().filter(|query| !query.is_empty()).map(|query| format!("{query}&{encoded}"));
            url.set_query(Some(&query.unwrap_or(encoded)));
        }
        redirect(url.as_str())
    }
}

/// Whether a registered redirect URI matches the requested one: exactly, except for the port of localhost and the slash
/// of an empty path.
fn matches_redirect_uri(registered: &str, requested: &str) -> bool {
    if registered == requested {
        return true;
    }
    let (Ok(registered), Ok(mut requested)) = (Url::parse(registered), Url::parse(requested)) else { return false };
    let is_local = |url: &Url| url.scheme() == "http" && matches!(url.host_str(), Some("localhost" | "127.0.0.1"));
    if is_local(&registered) && is_local(&requested) && requested.set_port(registered.port()).is_err() {
        return false;
    }
    let is_bare = |url: &Url| url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    registered == requested && (is_local(&registered) || is_bare(&registered))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris_are_compared_as_entra_does() {
        for (registered, requested, same) in [
            ("http://localhost", "http://localhost:41234", true),
            ("http://localhost", "http://localhost:41234/", true),
            ("http://localhost/back", "http://localhost:1/back", true),
            ("http://localhost/back", "http://localhost:1/Back", false),
            ("http://localhost", "http://127.0.0.1:1", false),
            ("http://127.0.0.1/", "http://127.0.0.1:7", true),
            ("https://app.example", "https://app.example/", true),
            ("https://app.example/back", "https://app.example/back/", false),
            ("https://app.example/back", "https://app.example:8443/back", false),
            ("https://app.example/back", "https://app.example/back?x=y", false),
            ("https://localhost:5001/back", "https://localhost:5002/back", false),
            ("myapp://auth", "myapp://auth", true),
        ] {
            assert_eq!(matches_redirect_uri(registered, requested), same, "{registered} {requested}");
        }
    }
}
