//! The parameters of a request to the sign-in service.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use url::form_urlencoded;

use super::error::{SignInError, SignInResult};

/// The parameters of a request, including the credentials of HTTP Basic. Parameters that Entra ignores, such as
/// `x-client-SKU`, are ignored.
#[derive(Default)]
pub(super) struct Form(HashMap<String, String>);

impl Form {
    /// The parameters of a form-encoded body.
    pub(super) fn from_body(headers: &HeaderMap, body: &[u8]) -> Self {
        let mut form: HashMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
        let basic = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
        let basic = basic.and_then(|basic| String::from_utf8(STANDARD.decode(basic.trim()).ok()?).ok());
        if let Some((id, secret)) = basic.as_deref().and_then(|basic| basic.split_once(':')) {
            let percent_decode = |text: &str| {
                form_urlencoded::parse(format!("x={text}").as_bytes()).map(|(_, value)| value.into_owned()).next()
            };
            form.insert("client_id".into(), percent_decode(id).unwrap_or_default());
            form.insert("client_secret".into(), percent_decode(secret).unwrap_or_default());
        }
        Self(form)
    }

    /// The parameters of a query, and of a form that a browser posts.
    pub(super) fn from_browser(query: &str, body: &[u8]) -> Self {
        let of = |pairs| form_urlencoded::parse(pairs).into_owned();
        Self(of(query.as_bytes()).chain(of(body)).collect())
    }

    pub(super) fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn required(&self, name: &str) -> SignInResult<&str> {
        self.optional(name).ok_or_else(|| {
            let message = format!("The request body must contain the following parameter: '{name}'.");
            SignInError::invalid_request(900_144, message)
        })
    }

    /// The parameters, sorted by name.
    pub(super) fn pairs(&self) -> Vec<(&str, &str)> {
        let mut pairs: Vec<_> = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        pairs.sort_unstable();
        pairs
    }
}
