//! Credentials of the Azure SDK.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use secrecy::SecretString;
use tracing::Instrument as _;

use crate::auth::refusal::{Credential, Refusal};
use crate::auth::sign_in_service::{sign_in_span, tell_failure};
use crate::error::{BoxError, Error, ErrorCode, foreign};
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// Signs in with a credential of the Azure SDK, such as those of `azure_identity`.
///
/// Such a credential signs in to its own tenant, whatever tenant a token is requested for, and answers no claims challenge.
///
/// ```
/// use std::sync::Arc;
///
/// use azure_core::credentials::TokenCredential;
/// use entra_apps::auth::AzureCredentialProvider;
/// use entra_apps::{Client, ClientBuilder};
///
/// fn signed_in_with(credential: Arc<dyn TokenCredential>) -> ClientBuilder {
///     Client::builder().token_provider(Arc::new(AzureCredentialProvider::new(credential)))
/// }
/// # let _ = signed_in_with;
/// ```
pub struct AzureCredentialProvider(Arc<dyn TokenCredential>);

impl AzureCredentialProvider {
    /// Signs in with `credential`.
    pub fn new(credential: Arc<dyn TokenCredential>) -> Self {
        Self(credential)
    }
}

impl fmt::Debug for AzureCredentialProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The credential's own `Debug` might show a secret.
        f.write_str("AzureCredentialProvider")
    }
}

#[async_trait]
impl TokenProvider for AzureCredentialProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, BoxError> {
        let scopes: Vec<&str> = request.scopes.iter().map(String::as_str).collect();
        let span = sign_in_span(request, None, "azure_sdk");
        let token = self.0.get_token(&scopes, None).instrument(span.clone()).await.map_err(|error| {
            // Its message alone: other parts of an error of the SDK might show a secret.
            let error = refused(error.to_string());
            span.in_scope(|| tell_failure(&error));
            error
        })?;
        Ok(AccessToken::new(SecretString::from(token.token.secret()), token.expires_on))
    }
}

/// The error for the text of a credential's error, which may hold what the sign-in service said.
fn refused(text: String) -> Error {
    let refusal = Refusal::of_text(&text);
    match refusal.code(Credential::Unknown) {
        ErrorCode::SignInRefused => Error::new(ErrorCode::AzureCredentialFailed).with_source(foreign(text)),
        code => refusal.into_error(code),
    }
}
