//! The trait between this crate and the ways to sign in.
//!
//! The client asks its [`TokenProvider`] for a token with a [`TokenRequest`], keeps the [`AccessToken`] while it lasts,
//! and gives it to Microsoft Graph. The providers of this crate are in [`auth`](crate::auth); one of your own is a few
//! lines:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
//! use std::sync::Arc;
//!
//! use entra_apps::token::{AccessToken, TokenProvider, TokenRequest};
//! use entra_apps::{BoxError, Client};
//!
//! /// Gets tokens from a token broker, which knows one tenant.
//! #[derive(Debug)]
//! struct Broker;
//!
//! #[entra_apps::async_trait]
//! impl TokenProvider for Broker {
//!     async fn token(&self, request: &TokenRequest) -> Result<AccessToken, BoxError> {
//!         Err(format!("the broker does not know {}", request.tenant).into())
//!     }
//! }
//!
//! # let memory = entra_emulator::MemoryTenant::new();
//! let client = Client::builder()
//!     .tenant("contoso.onmicrosoft.com")
//!     .token_provider(Arc::new(Broker))
//! #   .transport(Arc::new(memory.clone())).clock(memory.clock())
//!     .build()?;
//! let error = client.organization().get().await.unwrap_err();
//! assert_eq!(error.code(), entra_apps::ErrorCode::TokenProviderFailed);
//! # Ok(()) }
//! ```

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::error::{BoxError, Error, ErrorCode};
use crate::ids::Tenant;

/// A request for an access token.
///
/// ```
/// use entra_apps::ids::TenantId;
/// use entra_apps::token::TokenRequest;
///
/// let request = TokenRequest::new(TenantId::from_u128(7), "https://graph.microsoft.com/.default");
/// assert_eq!(request.scopes, ["https://graph.microsoft.com/.default"]);
///
/// let delegated = TokenRequest::new(TenantId::from_u128(7), "https://graph.microsoft.com/User.Read")
///     .scope("https://graph.microsoft.com/Mail.Read");
/// assert_eq!(delegated.scopes.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TokenRequest {
    /// The tenant.
    pub tenant: Tenant,
    /// The scopes, such as `https://graph.microsoft.com/.default`, all of one API.
    pub scopes: Vec<String>,
    /// The claims challenge of a refused token, if there was one: a JSON object.
    pub claims: Option<String>,
    /// How long it is waited for, where that has an end. A provider that repeats its requests ends with its last error by
    /// then: whoever cuts it short can only say that the time was up.
    pub time_allowed: Option<Duration>,
    /// Whether whoever asks waits by itself where the service wants to be asked less often.
    pub(crate) is_paced: bool,
}

impl TokenRequest {
    /// Creates a request for one scope in one tenant.
    pub fn new(tenant: impl Into<Tenant>, scope: impl Into<String>) -> Self {
        Self { tenant: tenant.into(), scopes: vec![scope.into()], claims: None, time_allowed: None, is_paced: false }
    }

    /// Adds another scope of the same API.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Sets the claims of a challenge, a JSON object.
    #[must_use]
    pub fn claims(mut self, claims: impl Into<String>) -> Self {
        self.claims = Some(claims.into());
        self
    }

    pub(crate) fn paced(self) -> Self {
        Self { is_paced: true, ..self }
    }

    /// Sets [how long it is waited for](Self#structfield.time_allowed).
    #[must_use]
    pub fn time_allowed(mut self, time: Duration) -> Self {
        self.time_allowed = Some(time);
        self
    }
}

/// An access token with its expiry.
///
/// ```
/// use entra_apps::secrecy::SecretString;
/// use entra_apps::time::macros::datetime;
/// use entra_apps::token::AccessToken;
///
/// let token = AccessToken::new(SecretString::from("eyJ0eXAi…"), datetime!(2026-06-01 10:00 UTC));
/// assert!(!format!("{token:?}").contains("eyJ0eXAi"));
/// ```
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

/// Signs in and returns access tokens. Providers do not cache: the client does.
///
/// ```
/// use entra_apps::BoxError;
/// use entra_apps::secrecy::SecretString;
/// use entra_apps::time::macros::datetime;
/// use entra_apps::token::{AccessToken, TokenProvider, TokenRequest};
///
/// /// Gets tokens from the program's own token broker.
/// #[derive(Debug)]
/// struct Broker;
///
/// #[entra_apps::async_trait]
/// impl TokenProvider for Broker {
///     async fn token(&self, request: &TokenRequest) -> Result<AccessToken, BoxError> {
///         if !request.tenant.is_single() {
///             return Err("the broker signs in to one tenant at a time".into());
///         }
///         // Here the broker would be asked.
///         Ok(AccessToken::new(SecretString::from("eyJ0eXAi…"), datetime!(2026-06-01 10:00 UTC)))
///     }
/// }
/// # let _: std::sync::Arc<dyn TokenProvider> = std::sync::Arc::new(Broker);
/// ```
#[async_trait]
pub trait TokenProvider: fmt::Debug + Send + Sync + 'static {
    /// Returns a new token for `request`.
    ///
    /// # Errors
    /// Any error, without a secret in it. An [`Error`] passes through as it is: each provider of this crate
    /// returns one, of [`ErrorKind::SignIn`](crate::ErrorKind::SignIn) when the sign-in is refused. Another becomes the
    /// source of one with the code [`TokenProviderFailed`](crate::ErrorCode::TokenProviderFailed).
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, BoxError>;
}

/// A token of `provider`, or its error as this crate's.
pub(crate) async fn token_of(provider: &dyn TokenProvider, request: &TokenRequest) -> Result<AccessToken, Error> {
    provider.token(request).await.map_err(|error| Error::from_boxed(error, ErrorCode::TokenProviderFailed))
}
