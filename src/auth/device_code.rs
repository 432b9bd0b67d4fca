//! Signing in with a code that a person types in on any device.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code>

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use serde_with::{PickFirst, serde_as};
use time::OffsetDateTime;

use crate::auth::reason::SignInReason;
use crate::auth::service::{Form, Post, Redeemed, SignInService, TOKEN};
use crate::auth::session::{self, InPerson, RefreshTokenStore, Session, scopes};
use crate::error::{Error, ErrorKind, foreign};
use crate::ids::AppId;
use crate::retry::{CallOptions, Repeat, RetryPolicy};
use crate::token::{AccessToken, TokenProvider, TokenRequest};

const OPERATION: &str = "POST /oauth2/v2.0/devicecode";

/// Between two questions, where the service does not say (RFC 8628, 3.2), and what `slow_down` adds (3.5).
const FIVE_SECONDS: Duration = Duration::from_secs(5);

/// The longest wait between two questions after failures.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What to show to the person who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceCodePrompt {
    /// The code to type in.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// Both in a sentence of the service's.
    pub message: String,
    /// Until when, in UTC.
    pub expires_at: OffsetDateTime,
}

/// Shows a prompt.
type Show = Arc<dyn Fn(&DeviceCodePrompt) + Send + Sync>;

/// Signs a person in with a device code, once; after that, the refresh token serves every tenant and scope.
///
/// Many organizations block device codes by Conditional Access, as Microsoft recommends: offer the browser as well.
pub struct DeviceCodeProvider {
    session: Session,
    show: Show,
}

impl DeviceCodeProvider {
    /// The public client `client_id`; `show` puts the prompt before the person.
    pub fn new(
        service: SignInService,
        client_id: AppId,
        show: impl Fn(&DeviceCodePrompt) + Send + Sync + 'static,
    ) -> Self {
        Self { session: Session::new(service, client_id), show: Arc::new(show) }
    }

    /// The tenant in which the person signs in, whatever tenant a token is for. By default that of the first token.
    #[must_use]
    pub fn home_tenant(self, tenant: impl Into<String>) -> Self {
        self.session.set_home(tenant);
        self
    }

    /// Keeps the refresh token in `store`, so that the next run needs no sign-in. In memory by default.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn RefreshTokenStore>) -> Self {
        self.session.store = store;
        self
    }
}

#[async_trait]
impl InPerson for DeviceCodeProvider {
    fn session(&self) -> &Session {
        &self.session
    }

    async fn sign_in(&self, tenant: &str, request: &TokenRequest, claims: Option<&String>) -> Result<Redeemed, Error> {
        let service = &self.session.service;
        let client_id = self.session.client_id.to_string();
        let form = Form::new().with("client_id", client_id.clone()).with("scope", scopes(request)).with_claims(claims);
        let post = Post { operation: OPERATION, endpoint: "devicecode", ..Post::token(tenant, Repeat::Safe) };
        let response = service.post(post, &form).await?;
        let code: Begun = response.read().map_err(|_| {
            Error::new(ErrorKind::Decode, "device_code_answer", "the sign-in service's response holds no device code")
                .with_status(response.status)
                .with_remedy("Check that the authority is Entra's and that no proxy answers in its place.")
                .during(OPERATION)
        })?;
        // A day is far beyond what the service gives, and keeps the sums in their range.
        let lasts = Duration::from_secs(code.expires_in.min(24 * 3600));
        let deadline = service.clock().monotonic() + lasts;
        (self.show)(&DeviceCodePrompt {
            user_code: foreign(code.user_code),
            verification_uri: foreign(code.verification_uri),
            message: foreign(code.message),
            expires_at: service.clock().now() + lasts,
        });
        let form = Form::new()
            .with("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
            .with("client_id", client_id)
            .with_secret("device_code", &code.device_code);
        let interval = code.interval.map_or(FIVE_SECONDS, |seconds| Duration::from_secs(seconds.clamp(1, 3600)));
        self.poll(tenant, &form, interval, deadline).await
    }
}

impl DeviceCodeProvider {
    /// Asks until there is an answer. What goes wrong on the way only makes it slower; the end of the code ends it.
    async fn poll(
        &self,
        tenant: &str,
        form: &Form,
        mut interval: Duration,
        deadline: Duration,
    ) -> Result<Redeemed, Error> {
        // One attempt at a time: this loop is the patience.
        let policy = RetryPolicy { max_attempts: 1, ..self.session.service.context.policy.clone() };
        let service = self.session.service.clone().retry_policy(policy);
        let clock = service.clock();
        let mut failures = 0;
        let mut asked_for = Duration::ZERO;
        loop {
            let left = deadline.saturating_sub(clock.monotonic());
            let wait = interval.saturating_mul(1 << failures).min(LONGEST_WAIT.max(interval)).max(asked_for);
            clock.sleep(wait.min(left)).await;
            if clock.monotonic() >= deadline {
                let reason = SignInReason::CodeExpired;
                return Err(Error::new(ErrorKind::SignIn, reason.code(), reason.cause())
                    .with_remedy(reason.remedy())
                    .during(TOKEN));
            }
            let options = CallOptions { deadline: Some(deadline), ..CallOptions::default() };
            let error = match service.post(Post { options, ..Post::token(tenant, Repeat::Safe) }, form).await {
                Ok(response) => return service.tokens(&response, TOKEN),
                Err(error) => error,
            };
            asked_for = Duration::ZERO;
            match error.oauth_error().unwrap_or_default() {
                "authorization_pending" => failures = 0,
                "slow_down" => {
                    failures = 0;
                    interval += FIVE_SECONDS;
                }
                _ if is_passing(&error) => {
                    failures = (failures + 1).min(6);
                    asked_for = error.retry_after().unwrap_or_default();
                }
                _ => return Err(error),
            }
        }
    }
}

/// Whether the network or the service failed, and not the sign-in.
fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Network | ErrorKind::Deadline)
        || error.code() == "sign_in_busy"
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

#[serde_as]
#[derive(Deserialize)]
struct Begun {
    device_code: SecretString,
    user_code: String,
    verification_uri: String,
    /// Seconds.
    #[serde_as(as = "PickFirst<(_, serde_with::DisplayFromStr)>")]
    expires_in: u64,
    /// Seconds.
    #[serde_as(as = "Option<PickFirst<(_, serde_with::DisplayFromStr)>>")]
    #[serde(default)]
    interval: Option<u64>,
    #[serde(default)]
    message: String,
}
