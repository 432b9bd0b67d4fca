//! Managed identities: of the virtual machine, the app service or the container that the program runs in.
//!
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>,
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use time::OffsetDateTime;
use tracing::Instrument as _;
use url::{Host, Url};

use crate::auth::environment::required_variable;
use crate::auth::number::Number;
use crate::auth::sign_in_service::{SignInService, sign_in_span, tell_failure};
use crate::cloud::is_secure;
use crate::error::{BoxError, Error, ErrorCode};
use crate::ids::AppId;
use crate::retry::{CallOptions, Outcome, Repeat, Response, RetryPolicy};
use crate::token::{AccessToken, TokenProvider, TokenRequest};

const OPERATION: &str = "GET managed identity token";

/// The metadata service of a virtual machine. Plain http is safe there: no router forwards link-local addresses, so that
/// only the machine's own host can respond.
const METADATA_URL: &str = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01";

/// The service responds at once, or does not exist.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The service may be restarting, which takes a minute at most.
const MAX_ATTEMPTS: u32 = 4;

/// Signs in with the managed identity of the machine, app service or container that the program runs in.
///
/// The identity belongs to one tenant, whatever tenant a token is requested for. The transport must not use a proxy here:
/// [`ReqwestTransport::new`](crate::transport) does not; one of your own may, unless `NO_PROXY` names `169.254.169.254`.
///
/// The service is near, so that it is asked at most 4 times, and each time for at most 5 seconds, where the
/// [`RetryPolicy`] allows more.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> entra_apps::Result<()> {
/// use std::sync::Arc;
///
/// use entra_apps::auth::{ManagedIdentityProvider, SignInService};
/// use entra_apps::cloud::Cloud;
/// use entra_apps::ids::AppId;
/// # let tenant = entra_emulator::MemoryTenant::new();
///
/// let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
/// let provider = ManagedIdentityProvider::from_environment(service)?
///     .client_id(AppId::from_u128(1)); // of a user-assigned identity
/// # let _: Arc<dyn entra_apps::token::TokenProvider> = Arc::new(provider);
/// # Ok(()) }
/// ```
pub struct ManagedIdentityProvider {
    service: SignInService,
    url: Url,
    /// The header that a virtual machine or an app service requires.
    header: (&'static str, SecretString),
    client_id: Option<AppId>,
}

impl ManagedIdentityProvider {
    /// Uses the metadata service of a virtual machine, a scale set, or a similar host.
    pub fn on_virtual_machine(service: SignInService) -> Self {
        Self { service, url: metadata_url(), header: ("Metadata", SecretString::from("true")), client_id: None }
    }

    /// Uses `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` of App Service, Functions or Container Apps.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the URL is neither https, nor this machine, nor link-local: the header is a secret.
    pub fn in_app_service(service: SignInService, endpoint: &Url, header: SecretString) -> Result<Self, Error> {
        if !(is_secure(endpoint) || is_link_local(endpoint)) {
            return Err(Error::new(ErrorCode::InvalidEndpoint)
                .with_message("IDENTITY_ENDPOINT leaves this machine over plain http")
                .with_remedy("Give it as the platform sets it."));
        }
        let mut url = endpoint.clone();
        url.query_pairs_mut().append_pair("api-version", "2019-08-01");
        Ok(Self { service, url, header: ("X-IDENTITY-HEADER", header), client_id: None })
    }

    /// Uses the environment variables `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` where they are set, or else the metadata
    /// service of a virtual machine.
    ///
    /// # Errors
    /// As [`in_app_service`](Self::in_app_service).
    pub fn from_environment(service: SignInService) -> Result<Self, Error> {
        Self::from_variables(service, |name| std::env::var(name).ok())
    }

    /// Uses what `variable` says, which looks a variable up by its name: see [`from_environment`](Self::from_environment).
    ///
    /// # Errors
    /// As [`in_app_service`](Self::in_app_service).
    pub fn from_variables(service: SignInService, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let Ok(endpoint) = required_variable(&variable, "IDENTITY_ENDPOINT", "") else {
            return Ok(Self::on_virtual_machine(service));
        };
        let header = required_variable(&variable, "IDENTITY_HEADER", "an app service or a container app")?;
        let endpoint = Url::parse(&endpoint).map_err(|error| {
            Error::new(ErrorCode::InvalidEndpoint).with_message("IDENTITY_ENDPOINT is no URL").with_source(error)
        })?;
        Self::in_app_service(service, &endpoint, SecretString::from(header))
    }

    /// Sets the client id of a user-assigned identity. The system-assigned one by default.
    #[must_use]
    pub fn client_id(mut self, client_id: AppId) -> Self {
        self.client_id = Some(client_id);
        self
    }
}

fn metadata_url() -> Url {
    Url::parse(METADATA_URL).expect("the constant is a URL")
}

fn is_link_local(url: &Url) -> bool {
    url.scheme() == "http" && matches!(url.host(), Some(Host::Ipv4(ip)) if ip.is_link_local())
}

impl fmt::Debug for ManagedIdentityProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedIdentityProvider").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenProvider for ManagedIdentityProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, BoxError> {
        let span = sign_in_span(request, self.client_id, "managed_identity");
        Ok(async { self.sign_in(request).await.inspect_err(tell_failure) }.instrument(span).await?)
    }
}

impl ManagedIdentityProvider {
    async fn sign_in(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        let [scope] = request.scopes.as_slice() else {
            return Err(Error::new(ErrorCode::MultipleScopes));
        };
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("resource", scope.strip_suffix("/.default").unwrap_or(scope));
        if let Some(client_id) = self.client_id {
            url.query_pairs_mut().append_pair("client_id", &client_id.to_string());
        }
        let (name, value) = &self.header;
        let build = || {
            let invalid =
                || Error::new(ErrorCode::InvalidRequest).with_message("IDENTITY_HEADER is not valid in a header");
            let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| invalid())?;
            value.set_sensitive(true);
            http::Request::get(url.as_str()).header(*name, value).body(Bytes::new()).map_err(|_| invalid())
        };
        let mut context = self.service.context.clone();
        context.policy = RetryPolicy {
            timeout: match context.policy.timeout {
                Duration::ZERO => ATTEMPT_TIMEOUT,
                timeout => timeout.min(ATTEMPT_TIMEOUT),
            },
            max_attempts: context.policy.max_attempts.min(MAX_ATTEMPTS),
            ..context.policy
        };
        let response = context
            .send(OPERATION, Repeat::Safe, &CallOptions::default(), build, classify)
            .await
            .map_err(|error| Error::new(ErrorCode::NoManagedIdentity).with_source(error).during(OPERATION))?;
        if !response.status.is_success() {
            return Err(refused(&response.redacted(value)));
        }
        let token = response.read().ok().filter(|token: &TokenResponse| !token.access_token.is_empty());
        let expires_at = |token: &TokenResponse| OffsetDateTime::from_unix_timestamp(token.expires_on.0).ok();
        match token.and_then(|token| expires_at(&token).map(|expires_at| (token, expires_at))) {
            Some((token, expires_at)) => Ok(AccessToken::new(SecretString::from(token.access_token), expires_at)),
            None => Err(Error::new(ErrorCode::UnexpectedTokenResponse)
                .with_message("the managed identity's response holds no token")
                .with_status(response.status)
                .with_remedy("Check that nothing else responds at this address, such as a proxy.")
                .during(OPERATION)),
        }
    }
}

/// Treats 404 and 410 as failures, too, which the service returns while it restarts.
fn classify(response: &Response) -> Outcome {
    let retry_after = response.retry_after;
    match response.status.as_u16() {
        429 => Outcome::Throttled { retry_after },
        404 | 410 | 500..=599 => Outcome::Failed { retry_after },
        _ => Outcome::Final,
    }
}

fn refused(response: &Response) -> Error {
    let body: ErrorResponse = response.read().unwrap_or_default();
    let error = match response.status.as_u16() {
        400 => Error::new(ErrorCode::ManagedIdentityNotAssigned),
        401 | 403 => Error::new(ErrorCode::ManagedIdentityRefused),
        _ => Error::new(ErrorCode::ManagedIdentityFailed),
    };
    let service = (body.error.unwrap_or_default(), body.error_description.or(body.message).unwrap_or_default());
    error
        .with_status(response.status)
        .with_attempts(response.attempts)
        .with_service(service.0, service.1, Vec::new())
        .during(OPERATION)
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    /// In seconds since 1970; most hosts send a string.
    expires_on: Number,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorResponse {
    error: Option<String>,
    error_description: Option<String>,
    message: Option<String>,
}
