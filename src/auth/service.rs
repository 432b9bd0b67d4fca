//! The sign-in service: one way to post a form to it, and one to read the answer that holds a token.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_with::{PickFirst, serde_as};
use time::Duration;
use url::{Url, form_urlencoded};

use crate::auth::sign_in_error;
use crate::clock::Clock;
use crate::cloud::{Cloud, is_lost_in_a_path};
use crate::error::{Error, ErrorKind};
use crate::random::{self, Randomness, SystemRandomness};
use crate::retry::{CallOptions, Repeat, Response, RetryPolicy, SendContext};
use crate::token::AccessToken;
use crate::transport::Transport;

pub(super) const TOKEN: &str = "POST /oauth2/v2.0/token";

/// A cloud's sign-in service, and what it is reached with. Cheap to clone.
///
/// ```
/// use std::sync::Arc;
///
/// use entra_apps::auth::SignInService;
/// use entra_apps::cloud::Cloud;
/// use entra_emulator::MemoryTenant;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let tenant = MemoryTenant::new();
/// let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
/// # let _ = service;
/// # });
/// ```
#[derive(Clone)]
pub struct SignInService {
    pub(super) cloud: Cloud,
    pub(super) context: SendContext,
}

impl SignInService {
    /// The service of `cloud`.
    pub fn new(cloud: Cloud, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self::with_context(
            cloud,
            SendContext::new(transport, clock, Arc::new(SystemRandomness), RetryPolicy::default()),
        )
    }

    /// The service of `cloud`, over reqwest and with tokio's timer.
    ///
    /// # Errors
    /// [`ErrorKind::Network`] when TLS cannot be set up on this machine.
    #[cfg(feature = "reqwest")]
    pub fn over_reqwest(cloud: Cloud) -> Result<Self, Error> {
        let transport = crate::transport::ReqwestTransport::new()?;
        Ok(Self::new(cloud, Arc::new(transport), Arc::new(crate::clock::TokioClock::new())))
    }

    /// The same with what a client works with.
    pub(super) fn with_context(cloud: Cloud, context: SendContext) -> Self {
        Self { cloud, context }
    }

    /// Tries again as `policy` says.
    #[must_use]
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.context.policy = policy;
        self
    }

    /// Takes jitter, ids, states and verifiers from `randomness`.
    #[must_use]
    pub fn randomness(mut self, randomness: Arc<dyn Randomness>) -> Self {
        self.context.randomness = randomness;
        self
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.context.clock
    }

    /// An address of the service in a tenant, such as `…/{tenant}/oauth2/v2.0/token`.
    pub(super) fn endpoint(&self, tenant: &str, name: &str) -> Result<Url, Error> {
        if is_lost_in_a_path(tenant) {
            return Err(Error::invalid("invalid_tenant", "the tenant is empty, a dot, or holds a control character")
                .with_remedy("Give the tenant's id, or a domain such as contoso.onmicrosoft.com."));
        }
        let mut url = self.cloud.authority().clone();
        url.path_segments_mut()
            .map_err(|()| Error::invalid("invalid_endpoint", "the authority is no address"))?
            .pop_if_empty()
            .extend([tenant, "oauth2", "v2.0", name]);
        Ok(url)
    }

    /// Posts a form; an answer that is no success is a refusal, without what the form keeps secret.
    pub(super) async fn post(&self, post: Post<'_>, form: &Form) -> Result<Response, Error> {
        let Post { operation, tenant, endpoint, repeat, options } = post;
        let url = self.endpoint(tenant, endpoint)?;
        let correlation = random::uuid(&*self.context.randomness);
        let build = || {
            http::Request::post(url.as_str())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(ACCEPT, "application/json")
                .header("client-request-id", correlation.to_string())
                .body(form.body())
                .map_err(|error| Error::invalid("invalid_endpoint", "the authority is no address").with_source(error))
        };
        let response = self.context.send(operation, repeat, &options, build, sign_in_error::classify).await?;
        if response.status.is_success() {
            return Ok(response);
        }
        let response = form.secrets().fold(response, Response::redacted);
        Err(sign_in_error::error(&response, form, &correlation, self.clock().now()).during(operation))
    }

    /// Posts a form to the token endpoint and reads the tokens.
    pub(super) async fn redeem(&self, tenant: &str, form: &Form, repeat: Repeat) -> Result<Redeemed, Error> {
        let response = self.post(Post::token(tenant, repeat), form).await?;
        self.tokens(&response, TOKEN)
    }

    /// What an answer with a token holds.
    pub(super) fn tokens(&self, response: &Response, operation: &'static str) -> Result<Redeemed, Error> {
        let token = response.read().ok().filter(|token: &TokenResponse| !token.access_token.is_empty());
        let token = token.ok_or_else(|| {
            Error::new(ErrorKind::Decode, "token_answer", "the sign-in service's response holds no token")
                .with_status(response.status)
                .with_request_ids(response.header("x-ms-request-id").map(str::to_owned), None)
                .with_remedy("Check that the authority is Entra's and that no proxy answers in its place.")
                .during(operation)
        })?;
        let expires_at = self.clock().now() + Duration::seconds(token.expires_in.clamp(0, 365 * 24 * 3600));
        Ok(Redeemed {
            access: AccessToken::new(SecretString::from(token.access_token), expires_at),
            refresh: token.refresh_token.filter(|token| !token.expose_secret().is_empty()),
        })
    }
}

impl fmt::Debug for SignInService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInService").field("cloud", &self.cloud.name()).finish_non_exhaustive()
    }
}

/// Where and how a form is posted.
pub(super) struct Post<'a> {
    pub(super) operation: &'static str,
    pub(super) tenant: &'a str,
    pub(super) endpoint: &'static str,
    pub(super) repeat: Repeat,
    pub(super) options: CallOptions,
}

impl<'a> Post<'a> {
    pub(super) fn token(tenant: &'a str, repeat: Repeat) -> Self {
        Self { operation: TOKEN, tenant, endpoint: "token", repeat, options: CallOptions::default() }
    }
}

/// What a form posts. It knows which of its values must not come back.
pub(super) struct Form(Vec<(&'static str, Value)>);

enum Value {
    Plain(String),
    Secret(SecretString),
}

impl Form {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, Value::Plain(value.into())));
        self
    }

    #[must_use]
    pub(super) fn with_secret(mut self, name: &'static str, value: &SecretString) -> Self {
        self.0.push((name, Value::Secret(value.clone())));
        self
    }

    /// Answers a claims challenge, where there is one.
    #[must_use]
    pub(super) fn with_claims(self, claims: Option<&String>) -> Self {
        match claims {
            Some(claims) => self.with("claims", claims),
            None => self,
        }
    }

    /// The client secret that it holds.
    pub(super) fn client_secret(&self) -> Option<&SecretString> {
        self.0.iter().find_map(|(name, value)| match value {
            Value::Secret(secret) if *name == "client_secret" => Some(secret),
            _ => None,
        })
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.0.iter().filter_map(|(_, value)| match value {
            Value::Secret(secret) => Some(secret),
            Value::Plain(_) => None,
        })
    }

    fn body(&self) -> Bytes {
        let mut body = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.0 {
            body.append_pair(
                name,
                match value {
                    Value::Plain(text) => text,
                    Value::Secret(secret) => secret.expose_secret(),
                },
            );
        }
        Bytes::from(body.finish())
    }
}

/// What a sign-in gave.
pub(super) struct Redeemed {
    pub(super) access: AccessToken,
    pub(super) refresh: Option<SecretString>,
}

#[serde_as]
#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    /// Seconds; some endpoints give it as a text.
    #[serde_as(as = "PickFirst<(_, serde_with::DisplayFromStr)>")]
    expires_in: i64,
    #[serde(default)]
    refresh_token: Option<SecretString>,
}
