//! Device codes: a person types in a code on any device.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code>

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use time::OffsetDateTime;

use crate::auth::form::Form;
use crate::auth::number::Number;
use crate::auth::refresh_token_store::RefreshTokenStore;
use crate::auth::session::{self, InteractiveFlow, Session, scopes};
use crate::auth::sign_in_service::{FormRequest, SignInService, TOKEN_OPERATION, Tokens};
use crate::error::{Error, ErrorCode, ErrorKind, foreign};
use crate::ids::AppId;
use crate::retry::{CallOptions, Deadline, Repeat, RetryPolicy};
use crate::token::{AccessToken, TokenProvider, TokenRequest};

const OPERATION: &str = "POST /oauth2/v2.0/devicecode";

/// The interval where the service names none ([RFC 8628, 3.2](https://www.rfc-editor.org/rfc/rfc8628#section-3.2)).
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);

/// What `slow_down` adds to the interval ([RFC 8628, 3.5](https://www.rfc-editor.org/rfc/rfc8628#section-3.5)).
const SLOW_DOWN: Duration = Duration::from_secs(5);

/// The service's own intervals are a few seconds.
const MAX_INTERVAL: Duration = Duration::from_secs(3600);

/// Bounds the wait after repeated failures.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// Far beyond the fifteen minutes of the service, so that sums of times stay within their range.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The prompt for the person who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceCodePrompt {
    /// The code to type in.
    pub user_code: String,
    /// The URL of the page to type it in at.
    pub verification_uri: String,
    /// A sentence of the service with code and URL.
    pub message: String,
    /// When the code expires, in UTC.
    pub expires_at: OffsetDateTime,
}

/// Shows a prompt.
type Show = Arc<dyn Fn(&DeviceCodePrompt) + Send + Sync>;

/// Signs a person in with a device code, once; after that, the refresh token serves every tenant and scope.
///
/// Many organizations block device codes by Conditional Access, as Microsoft recommends: offer the browser, too.
pub struct DeviceCodeProvider {
    session: Session,
    show: Show,
}

impl DeviceCodeProvider {
    /// Signs in to the public client `client_id`; `show` shows the prompt to the person.
    pub fn new(
        service: SignInService,
        client_id: AppId,
        show: impl Fn(&DeviceCodePrompt) + Send + Sync + 'static,
    ) -> Self {
        Self { session: Session::new(service, client_id), show: Arc::new(show) }
    }

    /// Sets the tenant that the person signs in to, whatever tenant a token is for. By default that of the first token.
    #[must_use]
    pub fn home_tenant(self, tenant: impl Into<String>) -> Self {
        self.session.set_home(tenant);
        self
    }

    /// Sets the store of the refresh token, so that the next run needs no sign-in. In memory by default.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn RefreshTokenStore>) -> Self {
        self.session.store = store;
        self
    }
}

#[async_trait]
impl InteractiveFlow for DeviceCodeProvider {
    fn session(&self) -> &Session {
        &self.session
    }

    async fn sign_in(&self, tenant: &str, request: &TokenRequest, claims: Option<&String>) -> Result<Tokens, Error> {
        let service = &self.session.service;
        let client_id = self.session.client_id.to_string();
        let form = Form::new().with("client_id", client_id.clone()).with("scope", scopes(request)).with_claims(claims);
        let token_request = FormRequest::token(tenant, Repeat::Safe);
        let code_request = FormRequest { operation: OPERATION, endpoint: "devicecode", ..token_request };
        let response = service.post(code_request, &form).await?;
        let code: DeviceCodeResponse = response.read().map_err(|_| {
            Error::new(ErrorCode::UnexpectedDeviceCodeResponse)
                .with_status(response.status)
                .with_remedy("Check that the authority is Entra's and that no proxy responds in its place.")
                .during(OPERATION)
        })?;
        let lifetime = Duration::from_secs(code.expires_in.count()).min(MAX_LIFETIME);
        let deadline = Deadline::after(service.clock(), lifetime);
        (self.show)(&DeviceCodePrompt {
            user_code: foreign(code.user_code),
            verification_uri: foreign(code.verification_uri),
            message: foreign(code.message),
            expires_at: service.clock().now() + lifetime,
        });
        let form = Form::new()
            .with("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
            .with("client_id", client_id)
            .with_secret("device_code", &code.device_code);
        let interval = code.interval.map_or(DEFAULT_INTERVAL, |seconds| Duration::from_secs(seconds.count().max(1)));
        let interval = interval.min(MAX_INTERVAL);
        self.poll(tenant, &form, interval, deadline).await
    }
}

impl DeviceCodeProvider {
    /// Polls the token endpoint until the person has signed in or the code has expired. Failures of the network or the
    /// service only slow it down.
    async fn poll(
        &self,
        tenant: &str,
        form: &Form,
        mut interval: Duration,
        deadline: Deadline,
    ) -> Result<Tokens, Error> {
        // Without retries of its own: this loop is the retry.
        let policy = RetryPolicy { max_attempts: 1, ..self.session.service.context.policy.clone() };
        let service = self.session.service.clone().retry_policy(policy);
        let clock = service.clock();
        let mut failures = 0;
        let mut retry_after = Duration::ZERO;
        loop {
            let remaining = deadline.remaining(clock).unwrap_or(Duration::MAX);
            let backoff = interval.saturating_mul(1 << failures).min(MAX_BACKOFF.max(interval));
            clock.sleep(backoff.max(retry_after).min(remaining)).await;
            if deadline.is_over(clock) {
                return Err(Error::new(ErrorCode::CodeExpired).during(TOKEN_OPERATION));
            }
            let options = CallOptions { deadline, ..CallOptions::default() };
            let request = FormRequest { options, ..FormRequest::token(tenant, Repeat::Safe) };
            let error = match service.post(request, form).await {
                Ok(response) => return service.read_tokens(&response),
                Err(error) => error,
            };
            retry_after = Duration::ZERO;
            match error.oauth_error().unwrap_or_default() {
                "authorization_pending" => failures = 0,
                "slow_down" => {
                    failures = 0;
                    interval += SLOW_DOWN;
                }
                _ if is_transient(&error) => {
                    failures = (failures + 1).min(6);
                    retry_after = error.retry_after().unwrap_or_default();
                }
                _ => return Err(error),
            }
        }
    }
}

/// Whether the network or the service failed, not the sign-in.
fn is_transient(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Network | ErrorKind::Deadline)
        || error.code() == ErrorCode::SignInBusy
        || error.status().is_some_and(|status| status.is_server_error() || status.as_u16() == 429)
}

impl fmt::Debug for DeviceCodeProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCodeProvider").field("client_id", &self.session.client_id).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenProvider for DeviceCodeProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        session::token(self, request).await
    }
}

#[derive(Deserialize)]
struct DeviceCodeResponse {
    device_code: SecretString,
    user_code: String,
    verification_uri: String,
    /// In seconds; some endpoints send a string.
    expires_in: Number,
    /// In seconds; some endpoints send a string.
    #[serde(default)]
    interval: Option<Number>,
    #[serde(default)]
    message: String,
}
