//! The seam to signing in: who gives a token for a tenant.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::error::{Error, ErrorKind};

/// What a token is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TokenRequest {
    /// The tenant: a GUID, a verified domain, or `organizations`.
    pub tenant: String,
    /// The scopes, such as `https://graph.microsoft.com/.default`.
    pub scopes: Vec<String>,
    /// The claims challenge of a refused token, if there was one.
    pub claims: Option<String>,
}

impl TokenRequest {
    /// Asks for one scope in one tenant.
    pub fn new(tenant: impl Into<String>, scope: impl Into<String>) -> Self {
        Self { tenant: tenant.into(), scopes: vec![scope.into()], claims: None }
    }

    /// Answers a claims challenge.
    #[must_use]
    pub fn claims(mut self, claims: impl Into<String>) -> Self {
        self.claims = Some(claims.into());
        self
    }
}

/// An access token and when it ends.
#[derive(Clone)]
#[non_exhaustive]
pub struct AccessToken {
    /// The token itself.
    pub secret: SecretString,
    /// When it ends, in UTC.
    pub expires_at: OffsetDateTime,
}

impl AccessToken {
    /// Puts a token and its end together.
    pub fn new(secret: SecretString, expires_at: OffsetDateTime) -> Self {
        Self { secret, expires_at }
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl Error {
    /// Why a [`TokenProvider`] of one's own gives no token; `source` must hold no secret.
    pub fn token_provider(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::SignIn, "token_provider", "the token provider gives no token")
            .with_remedy("Its own error follows.")
            .with_source(source)
    }
}

/// Gives tokens. Providers do not cache: the client does.
#[async_trait]
pub trait TokenProvider: fmt::Debug + Send + Sync + 'static {
    /// Signs in for `request`.
    ///
    /// # Errors
    /// [`ErrorKind::SignIn`] when the sign-in is refused.
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error>;
}
