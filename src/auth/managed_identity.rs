//! Managed identities: of the virtual machine, the app service, the container or the server with Azure Arc that the
//! program runs on.
//!
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>,
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>,
//! <https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication>

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::Instrument as _;
use url::{Host, Url};

use crate::auth::arc_key::ArcKeys;
use crate::auth::environment::required_variable;
use crate::auth::expiry::expiry;
use crate::auth::number::token;
use crate::auth::sign_in_service::{SignInService, sign_in_span, tell_failure};
use crate::cloud::is_secure;
use crate::error::{BoxError, Error, ErrorCode, ServiceError};
use crate::ids::AppId;
use crate::retry::{Outcome, Repeat, Response, RetryPolicy, without};
use crate::token::{AccessToken, TokenProvider, TokenRequest};

const OPERATION: &str = "GET managed identity token";

/// The metadata service of a virtual machine. Plain http is safe there: no router forwards link-local addresses, so that
/// only the machine's own host can respond.
const METADATA_URL: &str = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01";

/// The header that is no secret.
const METADATA: &str = "Metadata";

/// What something in between is not.
const SERVICE: &str = "the managed identity service";

/// The service responds at once, or does not exist.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The service may be restarting, which takes a minute at most.
const MAX_ATTEMPTS: u32 = 4;

/// Signs in with the managed identity of the machine, app service, container or server with Azure Arc that the program
/// runs on.
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
    /// The header that the service requires.
    header: (&'static str, SecretString),
    /// Where Azure Arc's agent keeps the keys that it asks for.
    arc_keys: Option<ArcKeys>,
    client_id: Option<AppId>,
}

impl ManagedIdentityProvider {
    /// Uses the metadata service of a virtual machine, a scale set, or a similar host.
    pub fn on_virtual_machine(service: SignInService) -> Self {
        Self { service, url: metadata_url(), header: metadata(), arc_keys: None, client_id: None }
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
        Ok(Self { service, url, header: ("X-IDENTITY-HEADER", header), arc_keys: None, client_id: None })
    }

    /// Uses `IDENTITY_ENDPOINT` of the agent of a server with Azure Arc, which has a system-assigned identity alone. The
    /// program must be allowed to read the agent's key files: as a member of the group `himds` on Linux, and of *Hybrid
    /// agent extension applications* or the administrators on Windows.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the URL is not this machine's: a key is sent there.
    pub fn on_arc_server(service: SignInService, endpoint: &Url) -> Result<Self, Error> {
        if !is_loopback(endpoint) {
            return Err(Error::new(ErrorCode::InvalidEndpoint)
                .with_message("IDENTITY_ENDPOINT of Azure Arc is not this machine's")
                .with_remedy("Give it as the agent sets it: http://localhost:40342/metadata/identity/oauth2/token."));
        }
        let mut url = endpoint.clone();
        url.query_pairs_mut().append_pair("api-version", "2019-11-01");
        Ok(Self { service, url, header: metadata(), arc_keys: Some(ArcKeys::of_the_agent()), client_id: None })
    }

    /// Uses what the environment variables of the platform say: `IDENTITY_ENDPOINT` with `IDENTITY_HEADER` of App Service,
    /// Functions or Container Apps, or with `IMDS_ENDPOINT` of Azure Arc; or else the metadata service of a virtual machine.
    ///
    /// # Errors
    /// As [`in_app_service`](Self::in_app_service) and [`on_arc_server`](Self::on_arc_server), and
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code
    /// [`UnsupportedManagedIdentity`](crate::ErrorCode::UnsupportedManagedIdentity) in Service Fabric and Cloud Shell, and
    /// where App Service sets the older `MSI_ENDPOINT` alone.
    pub fn from_environment(service: SignInService) -> Result<Self, Error> {
        Self::from_variables(service, |name| std::env::var(name).ok())
    }

    /// Uses what `variable` says, which looks a variable up by its name: see [`from_environment`](Self::from_environment).
    ///
    /// # Errors
    /// As [`from_environment`](Self::from_environment).
    pub fn from_variables(service: SignInService, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let is_set = |name: &str| variable(name).is_some_and(|value| !value.trim().is_empty());
        if is_set("IDENTITY_SERVER_THUMBPRINT") {
            return Err(unsupported(
                "Service Fabric's managed identity (IDENTITY_SERVER_THUMBPRINT) is not supported",
                "Its endpoint shows a certificate that only its thumbprint vouches for. Sign in with a certificate or a \
                 federated credential, or give the Azure SDK's credential (feature azure).",
            ));
        }
        let Ok(endpoint) = required_variable(&variable, "IDENTITY_ENDPOINT", "") else {
            return match (is_set("MSI_ENDPOINT"), is_set("MSI_SECRET")) {
                (false, _) => Ok(Self::on_virtual_machine(service)),
                (true, true) => Err(unsupported(
                    "App Service's older managed identity (MSI_ENDPOINT, MSI_SECRET) is not supported",
                    "Move the app to a current plan of App Service, which sets IDENTITY_ENDPOINT and IDENTITY_HEADER.",
                )),
                (true, false) => Err(unsupported(
                    "Cloud Shell's managed identity (MSI_ENDPOINT) is not supported",
                    "Sign in by the Azure CLI there (feature azure-cli), which is signed in already.",
                )),
            };
        };
        let endpoint = Url::parse(endpoint.trim()).map_err(|error| {
            Error::new(ErrorCode::InvalidEndpoint).with_message("IDENTITY_ENDPOINT is no URL").with_source(error)
        })?;
        if is_set("IMDS_ENDPOINT") && !is_set("IDENTITY_HEADER") {
            return Self::on_arc_server(service, &endpoint);
        }
        let header = required_variable(&variable, "IDENTITY_HEADER", "an app service or a container app")?;
        Self::in_app_service(service, &endpoint, SecretString::from(header))
    }

    /// Sets another folder for the keys of Azure Arc's agent.
    #[cfg(test)]
    pub(super) fn arc_keys(mut self, folder: &std::path::Path) -> Self {
        self.arc_keys = Some(ArcKeys(folder.to_owned()));
        self
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

/// The header that keeps the requests of a page in a browser apart.
fn metadata() -> (&'static str, SecretString) {
    (METADATA, SecretString::from("true"))
}

fn unsupported(message: &str, remedy: &str) -> Error {
    Error::new(ErrorCode::UnsupportedManagedIdentity).with_message(message).with_remedy(remedy)
}

/// Without https, only an address of this machine counts as secure.
fn is_loopback(url: &Url) -> bool {
    url.scheme() == "http" && is_secure(url)
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
        let response = self.ask(request, &url, None).await?;
        let (response, key) = match &self.arc_keys {
            Some(keys) if response.status == StatusCode::UNAUTHORIZED => {
                let key = keys.read(&response).await.map_err(|error| error.during(OPERATION))?;
                (self.ask(request, &url, Some(&key)).await?, Some(key))
            }
            _ => (response, None),
        };
        let header = Some(&self.header.1).filter(|_| self.header.0 != METADATA);
        let secrets = || header.into_iter().chain(&key);
        let response = secrets().fold(response, Response::redacted);
        let body = response.json();
        if !response.status.is_success() {
            return Err(refused(&response, secrets()));
        }
        match token(&body["access_token"]) {
            Some(token) => {
                Ok(AccessToken::new(SecretString::from(token), expiry(body, token, self.service.clock().now())))
            }
            None if response.is_foreign() => Err(by_proxy(&response, secrets())),
            None => Err(Error::new(ErrorCode::UnexpectedTokenResponse)
                .with_message("the managed identity's response holds no token")
                .with_status(response.status)
                .with_remedy("Check that nothing else responds at this address, such as a proxy.")
                .during(OPERATION)),
        }
    }

    /// Asks for a token, with a key where Azure Arc's agent has asked for one.
    async fn ask(&self, request: &TokenRequest, url: &Url, key: Option<&SecretString>) -> Result<Response, Error> {
        let options = self.service.options(request);
        let header = (self.header.0, &self.header.1);
        let build = || {
            let invalid =
                || Error::new(ErrorCode::InvalidRequest).with_message("IDENTITY_HEADER is not valid in a header");
            let mut request = http::Request::get(url.as_str());
            let key = key.map(|key| SecretString::from(format!("Basic {}", key.expose_secret())));
            for (name, value) in [Some(header), key.as_ref().map(|key| ("Authorization", key))].into_iter().flatten() {
                let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| invalid())?;
                value.set_sensitive(true);
                request = request.header(name, value);
            }
            request.body(Bytes::new()).map_err(|_| invalid())
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
        let response = context.send(OPERATION, Repeat::Safe, &options, build, classify).await;
        response.map_err(|error| match error.code() {
            ErrorCode::InvalidRequest => error,
            _ => Error::new(ErrorCode::NoManagedIdentity).with_source(error).during(OPERATION),
        })
    }
}

/// Treats 404 and 410 as failures, too, which the service returns while it restarts.
fn classify(response: &Response) -> Outcome {
    let retry_after = response.retry_after;
    match response.status.as_u16() {
        200..=299 if !response.json().is_object() => Outcome::Failed { retry_after },
        429 => Outcome::Throttled { retry_after },
        404 | 410 | 500..=599 => Outcome::Failed { retry_after },
        _ => Outcome::Final,
    }
}

fn by_proxy<'a>(response: &Response, secrets: impl Iterator<Item = &'a SecretString>) -> Error {
    response.by_proxy(SERVICE, |words| without(words, secrets)).during(OPERATION)
}

fn refused<'a>(response: &Response, secrets: impl Iterator<Item = &'a SecretString>) -> Error {
    let body = response.json();
    let service = ServiceError::read(body);
    let says_nothing = service.code.is_empty() && service.message.is_empty();
    if !body.is_object() || (says_nothing && response.status == StatusCode::BAD_REQUEST) {
        return by_proxy(response, secrets);
    }
    let code = match response.status.as_u16() {
        400 => ErrorCode::ManagedIdentityNotAssigned,
        401 | 403 => ErrorCode::ManagedIdentityRefused,
        _ => ErrorCode::ManagedIdentityFailed,
    };
    Error::new(code)
        .quoting(&service.message)
        .with_status(response.status)
        .with_attempts(response.attempts)
        .with_retry_after(response.retry_after)
        .with_service(service.code, service.message, service.details)
        .during(OPERATION)
}
