//! Signing in with a credential of the Azure SDK.

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};

use super::*;
use crate::auth::AzureCredentialProvider;

#[derive(Debug)]
struct Credential(bool);

#[async_trait]
impl TokenCredential for Credential {
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, [SCOPE]);
        match self.0 {
            true => Ok(AccessToken::new("very-secret", NOW)),
            false => Err(azure_core::Error::with_message(azure_core::error::ErrorKind::Credential, "signed out")),
        }
    }
}

#[tokio::test]
async fn a_credential_of_the_sdk_signs_in() {
    let provider = AzureCredentialProvider::new(Arc::new(Credential(true)));
    let got = token_of(&provider, &request()).await.unwrap();
    assert_eq!((text(&got.secret), got.expires_at), ("very-secret", NOW));
    assert!(!format!("{provider:?} {got:?}").contains("very-secret"));
    let error = token_of(&AzureCredentialProvider::new(Arc::new(Credential(false))), &request()).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!((error.code().as_str(), source.as_str()), ("azure_credential_failed", "signed out"));
}
