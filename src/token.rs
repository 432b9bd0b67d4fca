//! The trait between this crate and the ways to sign in.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::error::{Error, ErrorCode};

/// A request for an access token.
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
    /// Creates a request for one scope in one tenant.
    pub fn new(tenant: impl Into<String>, scope: impl Into<String>) -> Self {
        Self { tenant: tenant.into(), scopes: vec![scope.into()], claims: None }
    }

    /// Sets the claims of a challenge.
    #[must_use]
    pub fn claims(mut self, claims: impl Into<String>) -> Self {
        self.claims = Some(claims.into());
        self
    }
}

/// An access token with its expiry.
#[derive(Clone)]
#[non_exhaustive]
pub struct AccessToken {
    /// The token itself.
    pub secret: SecretString,
    /// When it expires, in UTC.
    pub expires_at: OffsetDateTime,
}

impl AccessToken {
    /// Creates a token that expires at `expires_at`.
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
    /// Creates the error of a [`TokenProvider`] of your own that has no token. `source` must hold no secret.
    pub fn token_provider(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorCode::TokenProviderFailed).with_source(source)
    }
}

/// Signs in and returns access tokens. Providers do not cache: the client does.
///
/// ```
/// use entra_apps::Error;
/// use entra_apps::token::{AccessToken, TokenProvider, TokenRequest};
///
/// /// Asks a token broker, which is not there yet.
/// #[derive(Debug)]
/// struct Broker;
///
/// #[entra_apps::async_trait]
/// impl TokenProvider for Broker {
///     async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
///         Err(Error::token_provider(format!("the broker does not know {}", request.tenant)))
///     }
/// }
/// # let _: std::sync::Arc<dyn TokenProvider> = std::sync::Arc::new(Broker);
/// ```
#[async_trait]
pub trait TokenProvider: fmt::Debug + Send + Sync + 'static {
    /// Returns a new token for `request`.
    ///
    /// # Errors
    /// [`ErrorKind::SignIn`](crate::ErrorKind::SignIn) when the sign-in is refused.
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error>;
}
