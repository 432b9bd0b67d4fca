//! Client credentials with another service's word: a workload identity, a pipeline, or anything else that the app trusts.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::auth::authentication::{ClientAuthentication, client_credentials};
use crate::auth::service::SignInService;
use crate::cloud::{Cloud, is_safe};
use crate::error::{Error, ErrorKind};
use crate::ids::AppId;
use crate::retry::{CallOptions, Outcome, Repeat};
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// What an assertion is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssertionRequest {
    /// The tenant that is signed in to.
    pub tenant: String,
    /// The app that signs in.
    pub client_id: AppId,
    /// The address of the token endpoint, which is the audience of an assertion that the app signs itself, such as with
    /// a key that a vault keeps.
    pub token_endpoint: Url,
}

/// Gives the assertion (a JSON Web Token of another issuer) for one sign-in.
#[async_trait]
pub trait ClientAssertion: fmt::Debug + Send + Sync + 'static {
    /// An assertion that is still good for a while; asked for again at each sign-in.
    ///
    /// # Errors
    /// Whatever went wrong; it becomes the source of the sign-in's error. It must not hold the assertion.
    async fn assertion(
        &self,
        request: &AssertionRequest,
    ) -> Result<SecretString, Box<dyn std::error::Error + Send + Sync>>;
}

/// Signs in as an app that trusts another issuer
/// ([workload identity federation](https://learn.microsoft.com/entra/workload-id/workload-identity-federation)).
pub struct AssertionProvider {
    service: SignInService,
    client_id: AppId,
    authentication: ClientAuthentication,
}

impl AssertionProvider {
    /// The app `client_id`, with assertions from `source`.
    pub fn new(service: SignInService, client_id: AppId, source: Arc<dyn ClientAssertion>) -> Self {
        Self { service, client_id, authentication: ClientAuthentication::Assertion(source) }
    }

    /// The app `client_id`, with the assertion in a file that is read again at each sign-in, because its owner
    /// replaces it.
    pub fn from_file(service: SignInService, client_id: AppId, path: impl Into<PathBuf>) -> Self {
        Self::new(service, client_id, Arc::new(AssertionFile(path.into())))
    }

    /// What a workload identity has in its environment: `AZURE_CLIENT_ID` and `AZURE_FEDERATED_TOKEN_FILE`
    /// ([Kubernetes](https://azure.github.io/azure-workload-identity/docs/)).
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when a variable is missing or the client id is no GUID.
    pub fn from_environment(service: SignInService) -> Result<Self, Error> {
        Self::from_variables(service, |name| std::env::var(name).ok())
    }

    /// The same with variables from elsewhere.
    ///
    /// # Errors
    /// As [`from_environment`](Self::from_environment).
    pub fn from_variables(service: SignInService, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let get = |name: &str| required(&variable, name, "a workload identity");
        let client_id = get("AZURE_CLIENT_ID")?.parse()?;
        Ok(Self::from_file(service, client_id, get("AZURE_FEDERATED_TOKEN_FILE")?))
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

/// A variable that must be there.
pub(super) fn required(variable: impl Fn(&str) -> Option<String>, name: &str, what: &str) -> Result<String, Error> {
    variable(name).filter(|value| !value.trim().is_empty()).ok_or_else(|| {
        Error::invalid("missing_variable", format!("the environment has no {name}"))
            .with_remedy(format!("Set it, or check that the program runs as {what}."))
    })
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
            Error::new(ErrorKind::SignIn, "assertion_file", format!("the assertion's file {path} cannot be read"))
                .with_remedy("Check the path and its rights, and that the platform puts the token there.")
                .with_source(error)
        })?;
        Ok(SecretString::from(text.expose_secret().trim()))
    }
}

/// The audience that Entra asks for in assertions; a national cloud has its own.
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust>
fn exchange_audience(cloud: &Cloud) -> &'static str {
    match cloud.name() {
        "usgov" | "usgov-dod" => "api://AzureADTokenExchangeUSGov",
        "china" => "api://AzureADTokenExchangeChina",
        _ => "api://AzureADTokenExchange",
    }
}

/// Assertions of a GitHub Actions job, which needs `permissions: id-token: write`
/// ([OpenID Connect in GitHub Actions](https://docs.github.com/actions/concepts/security/openid-connect)).
pub struct GitHubActions {
    service: SignInService,
    url: Url,
    token: SecretString,
    audience: String,
}

const GITHUB: &str = "GET id-token of GitHub Actions";

impl GitHubActions {
    /// With `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN` of the job.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the address is not https.
    pub fn new(service: SignInService, url: &Url, token: SecretString) -> Result<Self, Error> {
        if !is_safe(url) {
            return Err(Error::invalid("invalid_endpoint", "the address of GitHub's id tokens is not https")
                .with_remedy("Give ACTIONS_ID_TOKEN_REQUEST_URL as the job has it."));
        }
        let audience = exchange_audience(&service.cloud).to_owned();
        Ok(Self { service, url: url.clone(), token, audience })
    }

    /// With what the job has in its environment.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] outside of a job, or in one without `permissions: id-token: write`.
    pub fn from_environment(service: SignInService) -> Result<Self, Error> {
        Self::from_variables(service, |name| std::env::var(name).ok())
    }

    /// The same with variables from elsewhere.
    ///
    /// # Errors
    /// As [`from_environment`](Self::from_environment).
    pub fn from_variables(service: SignInService, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let get = |name: &str| required(&variable, name, "a GitHub Actions job with `permissions: id-token: write`");
        let url = Url::parse(&get("ACTIONS_ID_TOKEN_REQUEST_URL")?).map_err(|error| {
            Error::invalid("invalid_endpoint", "the address of GitHub's id tokens is none").with_source(error)
        })?;
        Self::new(service, &url, SecretString::from(get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?))
    }

    /// Asks for another audience than Entra's own, `api://AzureADTokenExchange` in the worldwide cloud.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    async fn id_token(&self) -> Result<SecretString, Error> {
        #[derive(Deserialize)]
        struct IdToken {
            value: SecretString,
        }

        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("audience", &self.audience);
        let build = || {
            let invalid = || Error::invalid("invalid_request", "GitHub's request token cannot stand in a header");
            let mut bearer = http::HeaderValue::from_str(&format!("Bearer {}", self.token.expose_secret()))
                .map_err(|_| invalid())?;
            bearer.set_sensitive(true);
            http::Request::get(url.as_str())
                .header(http::header::AUTHORIZATION, bearer)
                .header(http::header::ACCEPT, "application/json")
                .body(Bytes::new())
                .map_err(|_| invalid())
        };
        let classify = |response: &crate::retry::Response| match response.status.as_u16() {
            429 => Outcome::Throttled { retry_after: response.retry_after },
            500..=599 => Outcome::Failed { retry_after: response.retry_after },
            _ => Outcome::Final,
        };
        let response =
            self.service.context.send(GITHUB, Repeat::Safe, &CallOptions::default(), build, classify).await?;
        let token = response.read::<IdToken>().ok();
        match token.filter(|token| response.status.is_success() && !token.value.expose_secret().is_empty()) {
            Some(token) => Ok(token.value),
            None => Err(Error::new(ErrorKind::SignIn, "assertion", "GitHub gives this job no id token")
                .with_status(response.status)
                .with_attempts(response.attempts)
                .with_remedy("Check that the job has `permissions: id-token: write`.")
                .during(GITHUB)),
        }
    }
}

impl fmt::Debug for GitHubActions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHubActions").field("audience", &self.audience).finish_non_exhaustive()
    }
}

#[async_trait]
impl ClientAssertion for GitHubActions {
    async fn assertion(
        &self,
        _request: &AssertionRequest,
    ) -> Result<SecretString, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.id_token().await?)
    }
}
