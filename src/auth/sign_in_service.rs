//! The sign-in service: posts forms to it and reads tokens from its responses.

use std::fmt;
use std::sync::Arc;

use http::header::{ACCEPT, CONTENT_TYPE};
use secrecy::SecretString;
use url::Url;

use crate::auth::expiry::expiry;
use crate::auth::form::Form;
use crate::auth::number::token;
use crate::auth::sign_in_error;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, Tenant};
use crate::random::{self, Randomness, SystemRandomness};
use crate::retry::{CallOptions, Deadline, Outcome, Repeat, Response, RetryPolicy, SendContext, trace_failure};
use crate::token::{AccessToken, TokenRequest};
use crate::transport::Transport;

pub(super) const TOKEN_OPERATION: &str = "POST /oauth2/v2.0/token";

/// The sign-in service of a cloud, with the transport and the clock to use it. Cheap to clone.
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
    /// Creates the service of `cloud`.
    pub fn new(cloud: Cloud, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self::with_context(
            cloud,
            SendContext::new(transport, clock, Arc::new(SystemRandomness), RetryPolicy::default()),
        )
    }

    /// Creates the service of `cloud` over reqwest, with tokio's timer.
    ///
    /// # Errors
    /// As [`ReqwestTransport::new`](crate::transport::ReqwestTransport::new).
    #[cfg(feature = "reqwest")]
    pub fn over_reqwest(cloud: Cloud) -> Result<Self, Error> {
        let transport = crate::transport::ReqwestTransport::new()?;
        Ok(Self::new(cloud, Arc::new(transport), Arc::new(crate::clock::TokioClock::new())))
    }

    /// Creates the service with the transport, clock, randomness and limits of a client.
    pub(crate) fn with_context(cloud: Cloud, context: SendContext) -> Self {
        Self { cloud, context }
    }

    /// Sets how requests are retried.
    #[must_use]
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.context.policy = policy;
        self
    }

    /// Sets the source of jitter, ids, states and PKCE verifiers.
    #[must_use]
    pub fn randomness(mut self, randomness: Arc<dyn Randomness>) -> Self {
        self.context.randomness = randomness;
        self
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.context.clock
    }

    /// The URL of an endpoint in a tenant, such as `…/{tenant}/oauth2/v2.0/token`.
    pub(super) fn endpoint(&self, tenant: &Tenant, name: &str) -> Result<Url, Error> {
        let mut url = self.cloud.authority().clone();
        url.path_segments_mut()
            .map_err(|()| Error::new(ErrorCode::InvalidEndpoint).with_message("the authority is no URL"))?
            .pop_if_empty()
            .extend([tenant.to_string().as_str(), "oauth2", "v2.0", name]);
        Ok(url)
    }

    /// Posts a form. A response without success is an error, redacted of the form's secrets.
    pub(super) async fn post(&self, request: FormRequest<'_>, form: &Form) -> Result<Response, Error> {
        let FormRequest { operation, tenant, endpoint, repeat, options, is_paced } = request;
        let url = self.endpoint(tenant, endpoint)?;
        let correlation = random::uuid(&*self.context.randomness);
        let build = || {
            http::Request::post(url.as_str())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(ACCEPT, "application/json")
                .header("client-request-id", correlation.to_string())
                .body(form.body())
                .map_err(|error| {
                    Error::new(ErrorCode::InvalidEndpoint).with_message("the authority is no URL").with_source(error)
                })
        };
        let classify = |response: &Response| match sign_in_error::classify(response) {
            _ if is_paced && sign_in_error::is_busy(response) => Outcome::Final,
            outcome => outcome,
        };
        let response = self.context.send(operation, repeat, &options, build, classify).await;
        let response = response.inspect_err(tell_failure)?;
        if response.status.is_success() && !sign_in_error::is_refusal(&response) {
            return Ok(response);
        }
        let error = sign_in_error::error(&response, form, &correlation, self.clock().now()).during(operation);
        tell_failure(&error);
        Err(error)
    }

    /// The options of the requests that a request for a token takes: they end within the time allowed for it.
    pub(super) fn options(&self, request: &TokenRequest) -> CallOptions {
        let deadline = request.time_allowed.map(|allowed| Deadline::after(self.clock(), allowed));
        CallOptions { deadline: deadline.unwrap_or_default(), ..CallOptions::default() }
    }

    /// Posts a form to the token endpoint of a tenant and reads the tokens.
    pub(super) async fn request_tokens(
        &self,
        request: &TokenRequest,
        tenant: &Tenant,
        form: &Form,
        repeat: Repeat,
    ) -> Result<Tokens, Error> {
        let (options, is_paced) = (self.options(request), request.is_paced);
        let request = FormRequest { options, is_paced, ..FormRequest::token(tenant, repeat) };
        let response = self.post(request, form).await?;
        self.read_tokens(&response, form)
    }

    /// Reads the tokens in a response of the token endpoint.
    pub(super) fn read_tokens(&self, response: &Response, form: &Form) -> Result<Tokens, Error> {
        let body = response.json();
        let token = |name: &str| token(&body[name]);
        let access = token("access_token").ok_or_else(|| {
            let code = ErrorCode::UnexpectedTokenResponse;
            let error = sign_in_error::unreadable(response, form, code, "token").during(TOKEN_OPERATION);
            tell_failure(&error);
            error
        })?;
        Ok(Tokens {
            access: AccessToken::new(SecretString::from(access), expiry(body, access, self.clock().now())),
            refresh: token("refresh_token").map(SecretString::from),
        })
    }
}

impl fmt::Debug for SignInService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInService").field("cloud", &self.cloud.name()).finish_non_exhaustive()
    }
}

/// The span of one sign-in: to which tenant, as which app where that is known, and by which flow.
pub(super) fn sign_in_span(request: &TokenRequest, client_id: Option<AppId>, flow: &'static str) -> tracing::Span {
    tracing::debug_span!(
        "sign_in",
        tenant = %request.tenant,
        client_id = client_id.map(tracing::field::display),
        flow,
    )
}

/// Traces a request for a token that was refused, or got no response.
pub(super) fn tell_failure(error: &Error) {
    trace_failure(error, "no token");
}

/// How a form is posted, and to which endpoint.
pub(super) struct FormRequest<'a> {
    pub(super) operation: &'static str,
    pub(super) tenant: &'a Tenant,
    pub(super) endpoint: &'static str,
    pub(super) repeat: Repeat,
    pub(super) options: CallOptions,
    /// Whether whoever asks waits by itself where the service wants to be asked less often.
    pub(super) is_paced: bool,
}

impl<'a> FormRequest<'a> {
    /// A request to the token endpoint of `tenant`.
    pub(super) fn token(tenant: &'a Tenant, repeat: Repeat) -> Self {
        let options = CallOptions::default();
        Self { operation: TOKEN_OPERATION, tenant, endpoint: "token", repeat, options, is_paced: false }
    }
}

/// The tokens of a sign-in.
pub(super) struct Tokens {
    pub(super) access: AccessToken,
    pub(super) refresh: Option<SecretString>,
}
