//! Assertions from GitHub Actions.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::auth::assertion::{AssertionRequest, ClientAssertion};
use crate::auth::environment::required_variable;
use crate::auth::number::token;
use crate::auth::sign_in_service::{SignInService, tell_failure};
use crate::cloud::{Cloud, is_secure};
use crate::error::{BoxError, Error, ErrorCode, ServiceError};
use crate::retry::{CallOptions, Outcome, Repeat, without};

const OPERATION: &str = "GET id-token of GitHub Actions";

/// A source of assertions in a GitHub Actions job, which needs `permissions: id-token: write`
/// ([OpenID Connect in GitHub Actions](https://docs.github.com/actions/concepts/security/openid-connect)).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> entra_apps::Result<()> {
/// use std::sync::Arc;
///
/// use entra_apps::auth::{ClientAuthentication, ClientCredentialsProvider, GitHubActions, SignInService};
/// use entra_apps::cloud::Cloud;
/// use entra_apps::ids::AppId;
/// # let tenant = entra_emulator::MemoryTenant::new();
///
/// let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
/// // from_environment, in a job
/// let job = GitHubActions::from_variables(service.clone(), |name| match name {
///     "ACTIONS_ID_TOKEN_REQUEST_URL" => Some("https://pipelines.example/token".to_owned()),
///     "ACTIONS_ID_TOKEN_REQUEST_TOKEN" => Some("eyJ0eXAi…".to_owned()),
///     _ => None,
/// })?;
/// let app = AppId::from_u128(1);
/// let provider = ClientCredentialsProvider::new(service, app, ClientAuthentication::assertion(Arc::new(job)));
/// # let _: Arc<dyn entra_apps::token::TokenProvider> = Arc::new(provider);
/// # Ok(()) }
/// ```
pub struct GitHubActions {
    service: SignInService,
    url: Url,
    request_token: SecretString,
    audience: String,
}

impl GitHubActions {
    /// Requests ID tokens with `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN` of the job.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the URL is not https.
    pub fn new(service: SignInService, url: &Url, request_token: SecretString) -> Result<Self, Error> {
        if !is_secure(url) {
            return Err(Error::new(ErrorCode::InvalidEndpoint)
                .with_message("the URL of GitHub's ID tokens is not https")
                .with_remedy("Give ACTIONS_ID_TOKEN_REQUEST_URL as the job has it."));
        }
        let audience = default_audience(&service.cloud).to_owned();
        Ok(Self { service, url: url.clone(), request_token, audience })
    }

    /// Requests ID tokens with what the environment of the job says.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) outside of a job, or in one without `permissions: id-token: write`.
    pub fn from_environment(service: SignInService) -> Result<Self, Error> {
        Self::from_variables(service, |name| std::env::var(name).ok())
    }

    /// Requests ID tokens with what `variable` says, which looks a variable up by its name: see
    /// [`from_environment`](Self::from_environment).
    ///
    /// # Errors
    /// As [`from_environment`](Self::from_environment).
    pub fn from_variables(service: SignInService, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let role = "a GitHub Actions job with `permissions: id-token: write`";
        let required = |name: &str| required_variable(&variable, name, role);
        let url = Url::parse(&required("ACTIONS_ID_TOKEN_REQUEST_URL")?).map_err(|error| {
            Error::new(ErrorCode::InvalidEndpoint)
                .with_message("the URL of GitHub's ID tokens is invalid")
                .with_source(error)
        })?;
        Self::new(service, &url, SecretString::from(required("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?))
    }

    /// Sets the audience. By default Entra's own, `api://AzureADTokenExchange` in the worldwide cloud.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    async fn id_token(&self) -> Result<SecretString, Error> {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("audience", &self.audience);
        let build = || {
            let invalid = || {
                Error::new(ErrorCode::InvalidRequest).with_message("GitHub's request token is not valid in a header")
            };
            let mut bearer = http::HeaderValue::from_str(&format!("Bearer {}", self.request_token.expose_secret()))
                .map_err(|_| invalid())?;
            bearer.set_sensitive(true);
            http::Request::get(url.as_str())
                .header(http::header::AUTHORIZATION, bearer)
                .header(http::header::ACCEPT, "application/json")
                .body(Bytes::new())
                .map_err(|_| invalid())
        };
        let classify = |response: &crate::retry::Response| match response.status.as_u16() {
            200..=299 if !response.json().is_object() => Outcome::Failed { retry_after: response.retry_after },
            429 => Outcome::Throttled { retry_after: response.retry_after },
            500..=599 => Outcome::Failed { retry_after: response.retry_after },
            _ => Outcome::Final,
        };
        let response =
            self.service.context.send(OPERATION, Repeat::Safe, &CallOptions::default(), build, classify).await?;
        let response = response.redacted(&self.request_token);
        let token = token(&response.json()["value"]);
        if let Some(token) = token.filter(|_| response.status.is_success()) {
            return Ok(SecretString::from(token));
        }
        if response.is_foreign() {
            let redact = |words| without(words, [&self.request_token]);
            return Err(response.by_proxy("GitHub's service of ID tokens", redact).during(OPERATION));
        }
        let error = Error::new(ErrorCode::NoAssertion).with_message("GitHub issued no ID token to this job");
        let error = match response.status.is_success() {
            true => error,
            false => {
                let said = ServiceError::read(response.json()).message;
                error.quoting(&said).with_service("", said, Vec::new())
            }
        };
        Err(error
            .with_status(response.status)
            .with_attempts(response.attempts)
            .with_remedy("Check that the job has `permissions: id-token: write`.")
            .during(OPERATION))
    }
}

/// The audience that Entra requires of assertions; national clouds have their own.
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust>
fn default_audience(cloud: &Cloud) -> &'static str {
    match cloud.name() {
        "usgov" | "usgov-dod" => "api://AzureADTokenExchangeUSGov",
        "china" => "api://AzureADTokenExchangeChina",
        _ => "api://AzureADTokenExchange",
    }
}

impl fmt::Debug for GitHubActions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHubActions").field("audience", &self.audience).finish_non_exhaustive()
    }
}

#[async_trait]
impl ClientAssertion for GitHubActions {
    async fn assertion(&self, _request: &AssertionRequest) -> Result<SecretString, BoxError> {
        Ok(self.id_token().await.inspect_err(tell_failure)?)
    }
}
