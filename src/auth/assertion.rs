//! The trait for sources of client assertions.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use crate::error::BoxError;
use crate::ids::{AppId, Tenant};

/// What an assertion is needed for.
///
/// ```
/// use entra_apps::auth::AssertionRequest;
/// use entra_apps::ids::{AppId, TenantId};
///
/// // To test a source of assertions of one's own.
/// let endpoint = "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token".parse().unwrap();
/// let request = AssertionRequest::new(TenantId::from_u128(7), AppId::from_u128(1), endpoint);
/// assert_eq!(request.client_id, AppId::from_u128(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssertionRequest {
    /// The tenant to sign in to.
    pub tenant: Tenant,
    /// The app that signs in.
    pub client_id: AppId,
    /// The URL of the token endpoint, which is the audience of an assertion that the app signs itself, such as with a
    /// key in a vault.
    pub token_endpoint: Url,
}

impl AssertionRequest {
    /// Creates the request of a sign-in as `client_id` to `tenant`, at `token_endpoint`.
    pub fn new(tenant: impl Into<Tenant>, client_id: AppId, token_endpoint: Url) -> Self {
        Self { tenant: tenant.into(), client_id, token_endpoint }
    }
}

/// A source of client assertions: JSON Web Tokens that another issuer signs for the app, or the app itself.
///
/// ```
/// use entra_apps::BoxError;
/// use entra_apps::auth::{AssertionRequest, ClientAssertion};
/// use entra_apps::secrecy::SecretString;
///
/// #[derive(Debug)]
/// struct Vault;
///
/// #[entra_apps::async_trait]
/// impl ClientAssertion for Vault {
///     async fn assertion(&self, request: &AssertionRequest) -> Result<SecretString, BoxError> {
///         let unsigned = format!("{{\"aud\":\"{}\",\"iss\":\"{}\"}}", request.token_endpoint, request.client_id);
///         // Here the vault would sign it.
///         Ok(SecretString::from(unsigned))
///     }
/// }
/// # let _: std::sync::Arc<dyn ClientAssertion> = std::sync::Arc::new(Vault);
/// ```
#[async_trait]
pub trait ClientAssertion: fmt::Debug + Send + Sync + 'static {
    /// Returns an assertion that is valid for a while. Each sign-in calls it again.
    ///
    /// # Errors
    /// Any error, without the assertion in it. An [`Error`](crate::Error) passes through as it is; another becomes the
    /// source of one with the code [`AssertionSourceFailed`](crate::ErrorCode::AssertionSourceFailed).
    async fn assertion(&self, request: &AssertionRequest) -> Result<SecretString, BoxError>;
}
