//! A credential of the Azure SDK as a way to sign in.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use secrecy::SecretString;

use crate::error::{Error, ErrorKind, foreign};
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// Signs in with a credential of the Azure SDK, such as those of `azure_identity`.
///
/// Such a credential has a tenant of its own: it is given no other, and no claims challenge.
pub struct AzureCredentialProvider(Arc<dyn TokenCredential>);

impl AzureCredentialProvider {
    /// Takes the credential.
    pub fn new(credential: Arc<dyn TokenCredential>) -> Self {
        Self(credential)
    }
}

impl fmt::Debug for AzureCredentialProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What the credential's own form shows is not known here.
        f.write_str("AzureCredentialProvider")
    }
}

#[async_trait]
impl TokenProvider for AzureCredentialProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        let scopes: Vec<&str> = request.scopes.iter().map(String::as_str).collect();
        let token = self.0.get_token(&scopes, None).await.map_err(|error| {
            Error::new(ErrorKind::SignIn, "azure_credential", "the Azure SDK's credential gives no token")
                .with_remedy("Its own error follows.")
                // Its sentence alone: what else an error of the SDK holds is not known here.
                .with_source(foreign(error.to_string()))
        })?;
        Ok(AccessToken::new(SecretString::from(token.token.secret()), token.expires_on))
    }
}
