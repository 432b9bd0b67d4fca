//! Signing in with a credential of the Azure SDK.

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};

use super::*;
use crate::auth::AzureCredentialProvider;

#[derive(Debug)]
struct Credential(Result<(), &'static str>);

#[async_trait]
impl TokenCredential for Credential {
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, [SCOPE]);
        match self.0 {
            Ok(()) => Ok(AccessToken::new("very-secret", NOW)),
            Err(text) => Err(azure_core::Error::with_message(azure_core::error::ErrorKind::Credential, text)),
        }
    }
}

#[tokio::test]
async fn a_credential_of_the_sdk_signs_in() {
    let provider = AzureCredentialProvider::new(Arc::new(Credential(Ok(()))));
    let got = token_of(&provider, &request()).await.unwrap();
    assert_eq!((text(&got.secret), got.expires_at), ("very-secret", NOW));
    assert!(!format!("{provider:?} {got:?}").contains("very-secret"));
}

#[tokio::test]
async fn a_credentials_error_says_what_the_service_said() {
    for (text, code, said) in [
        ("signed out", "azure_credential_failed", ""),
        (
            "ClientSecretCredential authentication failed. AADSTS7000222: The secret has expired. Trace ID: t",
            "secret_expired",
            "AADSTS7000222",
        ),
        (
            r#"{"error":"invalid_client","error_description":"AADSTS700016: No such app.\r\nTrace ID: t"}"#,
            "app_not_in_tenant",
            "No such app",
        ),
        ("AADSTS99999: Something new.", "azure_credential_failed", ""),
    ] {
        let error = token_of(&AzureCredentialProvider::new(Arc::new(Credential(Err(text)))), &request()).await;
        let error = error.unwrap_err();
        assert_eq!(error.code().as_str(), code, "{error}");
        assert!(error.message().contains(said), "{error}");
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(source.as_deref(), Some(text).filter(|_| code == "azure_credential_failed"), "{text}");
    }
}
