//! Credentials of the Azure SDK.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use secrecy::SecretString;

use crate::error::{Error, ErrorCode, foreign};
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// Signs in with a credential of the Azure SDK, such as those of `azure_identity`.
///
/// Such a credential signs in to its own tenant, whatever tenant a token is requested for, and answers no claims challenge.
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
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        let scopes: Vec<&str> = request.scopes.iter().map(String::as_str).collect();
        let token = self.0.get_token(&scopes, None).await.map_err(|error| {
            Error::new(ErrorCode::AzureCredentialFailed)
                .with_remedy("Its own error follows.")
                // Its message alone: other parts of an error of the SDK might show a secret.
                .with_source(foreign(error.to_string()))
        })?;
        Ok(AccessToken::new(SecretString::from(token.token.secret()), token.expires_on))
    }
}
