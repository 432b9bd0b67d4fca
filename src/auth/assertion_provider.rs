//! Client credentials with an assertion: workload identity federation.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use crate::auth::assertion::{AssertionRequest, ClientAssertion};
use crate::auth::client_authentication::{ClientAuthentication, client_credentials};
use crate::auth::environment::required_variable;
use crate::auth::sign_in_service::SignInService;
use crate::error::{Error, ErrorCode};
use crate::ids::AppId;
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// Signs in as an app that trusts another issuer
/// ([workload identity federation](https://learn.microsoft.com/entra/workload-id/workload-identity-federation)).
pub struct AssertionProvider {
    service: SignInService,
    client_id: AppId,
    authentication: ClientAuthentication,
}

impl AssertionProvider {
    /// Signs in as the app `client_id` with assertions from `source`.
    pub fn new(service: SignInService, client_id: AppId, source: Arc<dyn ClientAssertion>) -> Self {
        Self { service, client_id, authentication: ClientAuthentication::Assertion(source) }
    }

    /// Signs in as the app `client_id` with the assertion in a file. Each sign-in reads the file again, because the
    /// platform replaces its content.
    pub fn from_file(service: SignInService, client_id: AppId, path: impl Into<PathBuf>) -> Self {
        Self::new(service, client_id, Arc::new(AssertionFile(path.into())))
    }

    /// Signs in as the workload identity in the environment variables `AZURE_CLIENT_ID` and
    /// `AZURE_FEDERATED_TOKEN_FILE`
    /// ([Kubernetes](https://azure.github.io/azure-workload-identity/docs/)).
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when a variable is missing or the client id is no GUID.
    pub fn from_environment(service: SignInService) -> Result<Self, Error> {
        Self::from_variables(service, |name| std::env::var(name).ok())
    }

    /// Signs in as the workload identity that `variable` describes, which looks a variable up by its name: see
    /// [`from_environment`](Self::from_environment).
    ///
    /// # Errors
    /// As [`from_environment`](Self::from_environment).
    pub fn from_variables(service: SignInService, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let required = |name: &str| required_variable(&variable, name, "a workload identity");
        let client_id = required("AZURE_CLIENT_ID")?.parse()?;
        Ok(Self::from_file(service, client_id, required("AZURE_FEDERATED_TOKEN_FILE")?))
    }
}

impl fmt::Debug for AssertionProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssertionProvider").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenProvider for AssertionProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        client_credentials(&self.service, self.client_id, &self.authentication, request).await
    }
}

#[derive(Debug)]
struct AssertionFile(PathBuf);

#[async_trait]
impl ClientAssertion for AssertionFile {
    async fn assertion(
        &self,
        _request: &AssertionRequest,
    ) -> Result<SecretString, Box<dyn std::error::Error + Send + Sync>> {
        // A few kilobytes of a file system in memory: quicker than handing it to another thread.
        let text = std::fs::read_to_string(&self.0).map(SecretString::from).map_err(|error| {
            let path = self.0.display();
            Error::new(ErrorCode::UnreadableAssertionFile)
                .with_message(format!("the assertion file {path} cannot be read"))
                .with_source(error)
        })?;
        Ok(SecretString::from(text.expose_secret().trim()))
    }
}
