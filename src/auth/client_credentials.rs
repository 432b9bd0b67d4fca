//! Client credentials: an app signs in as itself.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use std::fmt;

use async_trait::async_trait;
use tracing::Instrument as _;

use crate::auth::client_authentication::ClientAuthentication;
use crate::auth::environment::required_variable;
use crate::auth::form::Form;
use crate::auth::sign_in_service::{SignInService, sign_in_span};
use crate::error::{BoxError, Error};
use crate::ids::AppId;
use crate::retry::Repeat;
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// Signs in as an app, with its secret, certificate or assertions
/// ([client credentials](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)).
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
/// use std::sync::Arc;
///
/// use entra_apps::Client;
/// use entra_apps::auth::{ClientAuthentication, ClientCredentialsProvider, SignInService};
/// use entra_apps::cloud::Cloud;
/// use entra_emulator::MemoryTenant;
///
/// let tenant = MemoryTenant::new();
/// let caller = tenant.caller();
/// let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
/// let secret = ClientAuthentication::secret(caller.client_secret);
/// let provider = ClientCredentialsProvider::new(service, caller.client_id, secret);
/// let client = Client::builder()
///     .tenant(tenant.id())
///     .token_provider(Arc::new(provider)) // or client_secret, which makes the same in one line
///     .transport(Arc::new(tenant.clone()))
///     .clock(tenant.clock())
///     .build()?;
/// assert_eq!(client.organization().get().await?.id, Some(tenant.id()));
/// # Ok(()) }
/// ```
pub struct ClientCredentialsProvider {
    service: SignInService,
    client_id: AppId,
    authentication: ClientAuthentication,
}

impl ClientCredentialsProvider {
    /// Signs in as the app `client_id`.
    pub fn new(service: SignInService, client_id: AppId, authentication: ClientAuthentication) -> Self {
        Self { service, client_id, authentication }
    }

    /// Signs in as the workload identity in the environment variables `AZURE_CLIENT_ID` and
    /// `AZURE_FEDERATED_TOKEN_FILE`
    /// ([Kubernetes](https://azure.github.io/azure-workload-identity/docs/)).
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when a variable is missing or the client id is no GUID.
    pub fn workload_identity_from_environment(service: SignInService) -> Result<Self, Error> {
        Self::workload_identity_from_variables(service, |name| std::env::var(name).ok())
    }

    /// Signs in as the workload identity that `variable` describes, which looks a variable up by its name: see
    /// [`workload_identity_from_environment`](Self::workload_identity_from_environment).
    ///
    /// # Errors
    /// As [`workload_identity_from_environment`](Self::workload_identity_from_environment).
    pub fn workload_identity_from_variables(
        service: SignInService,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let required = |name: &str| required_variable(&variable, name, "a workload identity");
        let client_id = required("AZURE_CLIENT_ID")?.parse()?;
        let file = required("AZURE_FEDERATED_TOKEN_FILE")?;
        Ok(Self::new(service, client_id, ClientAuthentication::assertion_file(file)))
    }

    async fn sign_in(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        let form = Form::of_app(self.client_id)
            .with("grant_type", "client_credentials")
            .with("scope", request.scopes.join(" "))
            .with_claims(request.claims.as_ref());
        let form = self.authentication.add_to(form, &self.service, self.client_id, &request.tenant).await?;
        Ok(self.service.request_tokens(request, &request.tenant, &form, Repeat::Safe).await?.access)
    }
}

impl fmt::Debug for ClientCredentialsProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentialsProvider")
            .field("client_id", &self.client_id)
            .field("authentication", &self.authentication)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenProvider for ClientCredentialsProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, BoxError> {
        let span = sign_in_span(request, Some(self.client_id), "client_credentials");
        Ok(self.sign_in(request).instrument(span).await?)
    }
}
