//! Forms for the sign-in service, which know their secrets.

use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretString};
use url::form_urlencoded;

use crate::auth::refusal::Credential;
use crate::ids::AppId;

/// The fields of one form. Secret fields are known, so that a response that repeats them can be redacted.
#[derive(Clone)]
pub(super) struct Form(Vec<(&'static str, Value)>);

#[derive(Clone)]
enum Value {
    Plain(String),
    Secret(SecretString),
}

impl Form {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// A form of the app `client_id`.
    pub(super) fn of_app(client_id: AppId) -> Self {
        Self::new().with("client_id", client_id.to_string())
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, Value::Plain(value.into())));
        self
    }

    #[must_use]
    pub(super) fn with_secret(mut self, name: &'static str, value: &SecretString) -> Self {
        self.0.push((name, Value::Secret(value.clone())));
        self
    }

    /// Adds the claims of a challenge, if there was one.
    #[must_use]
    pub(super) fn with_claims(self, claims: Option<&String>) -> Self {
        match claims {
            Some(claims) => self.with("claims", claims),
            None => self,
        }
    }

    /// The field `client_secret`.
    pub(super) fn client_secret(&self) -> Option<&SecretString> {
        self.0.iter().find_map(|(name, value)| match value {
            Value::Secret(secret) if *name == "client_secret" => Some(secret),
            _ => None,
        })
    }

    /// What the app proves itself with.
    pub(super) fn credential(&self) -> Credential {
        let has = |field: &str| self.0.iter().any(|(name, _)| *name == field);
        match () {
            () if has("client_secret") => Credential::Secret,
            () if has("client_assertion") => Credential::Assertion,
            () => Credential::Nothing,
        }
    }

    /// All secret values.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.0.iter().filter_map(|(_, value)| match value {
            Value::Secret(secret) => Some(secret),
            Value::Plain(_) => None,
        })
    }

    /// The form as `application/x-www-form-urlencoded`.
    pub(super) fn body(&self) -> Bytes {
        let mut body = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.0 {
            let value = match value {
                Value::Plain(text) => text,
                Value::Secret(secret) => secret.expose_secret(),
            };
            body.append_pair(name, value);
        }
        Bytes::from(body.finish())
    }
}
