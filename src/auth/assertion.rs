//! The trait for sources of client assertions.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use crate::ids::AppId;

/// What an assertion is needed for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssertionRequest {
    /// The tenant to sign in to.
    pub tenant: String,
    /// The app that signs in.
    pub client_id: AppId,
    /// The URL of the token endpoint, which is the audience of an assertion that the app signs itself, such as with a
    /// key in a vault.
    pub token_endpoint: Url,
}

/// A source of client assertions: JSON Web Tokens that another issuer signs for the app, or the app itself.
///
/// ```
/// use entra_apps::auth::{AssertionRequest, ClientAssertion};
/// use entra_apps::secrecy::SecretString;
///
/// #[derive(Debug)]
/// struct Vault;
///
/// #[entra_apps::async_trait]
/// impl ClientAssertion for Vault {
///     async fn assertion(
///         &self,
///         request: &AssertionRequest,
///     ) -> Result<SecretString, Box<dyn std::error::Error + Send + Sync>> {
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
    /// Any error; it becomes the source of the sign-in's error. It must not hold the assertion.
    async fn assertion(
        &self,
        request: &AssertionRequest,
    ) -> Result<SecretString, Box<dyn std::error::Error + Send + Sync>>;
}
