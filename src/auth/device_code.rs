//! Device codes: a person types in a code on any device.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code>

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;
use time::OffsetDateTime;
use tracing::Instrument as _;

use crate::auth::client_authentication::ClientAuthentication;
use crate::auth::form::Form;
use crate::auth::number::{text, whole};
use crate::auth::refresh_token_store::RefreshTokenStore;
use crate::auth::session::{self, InteractiveFlow, Session, scopes};
use crate::auth::sign_in_error;
use crate::auth::sign_in_service::{FormRequest, SignInService, TOKEN_OPERATION, Tokens, sign_in_span};
use crate::clock::later;
use crate::error::{BoxError, Error, ErrorCode, ErrorKind, foreign};
use crate::ids::{AppId, Tenant};
use crate::retry::{CallOptions, Deadline, Repeat, RetryPolicy, WaitReason};
use crate::token::{AccessToken, TokenProvider, TokenRequest};

const OPERATION: &str = "POST /oauth2/v2.0/devicecode";

/// The interval where the service names none ([RFC 8628, 3.2](https://www.rfc-editor.org/rfc/rfc8628#section-3.2)).
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);

/// The lifetime where the service names none: that of its codes.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(900);

/// What `slow_down` adds to the interval ([RFC 8628, 3.5](https://www.rfc-editor.org/rfc/rfc8628#section-3.5)).
const SLOW_DOWN: Duration = Duration::from_secs(5);

/// The service's own intervals are a few seconds.
const MAX_INTERVAL: Duration = Duration::from_secs(3600);

/// Bounds the wait after repeated failures.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// Far beyond the fifteen minutes of the service, so that sums of times stay within their range.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The prompt for the person who signs in.
///
/// ```
/// use entra_apps::auth::DeviceCodePrompt;
/// use entra_apps::time::macros::datetime;
///
/// // To test what shows it.
/// let end = datetime!(2026-06-01 09:15 UTC);
/// let prompt = DeviceCodePrompt::new("ABCD-EFGH", "https://microsoft.com/devicelogin", end);
/// assert_eq!(prompt.message, "Open https://microsoft.com/devicelogin and enter the code ABCD-EFGH.");
/// ```
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

impl DeviceCodePrompt {
    /// Creates a prompt, with a sentence of code and URL as its message.
    pub fn new(user_code: impl Into<String>, verification_uri: impl Into<String>, expires_at: OffsetDateTime) -> Self {
        let (user_code, verification_uri) = (user_code.into(), verification_uri.into());
        let message = format!("Open {verification_uri} and enter the code {user_code}.");
        Self { user_code, verification_uri, message, expires_at }
    }

    /// Sets the message, such as the service's in another language.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }
}

/// Shows a prompt.
type Show = Arc<dyn Fn(&DeviceCodePrompt) + Send + Sync>;

/// Signs a person in with a device code, once; after that, the refresh token serves every tenant and scope.
///
/// Many organizations block device codes by Conditional Access, as Microsoft recommends: offer the browser, too.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
/// use std::sync::Arc;
///
/// use entra_apps::Client;
/// use entra_apps::auth::{DeviceCodeProvider, SignInService, public_client};
/// use entra_apps::cloud::Cloud;
/// # let tenant = entra_emulator::MemoryTenant::new();
/// # tenant.auto_sign_in(Some(&tenant.add_user("Ada Lovelace", &[])));
///
/// let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
/// let provider = DeviceCodeProvider::new(service, public_client::AZURE_CLI, |prompt| println!("{}", prompt.message))
///     .home_tenant(tenant.id());
/// let client = Client::builder()
///     .tenant(tenant.id())
///     .token_provider(Arc::new(provider))
/// #   .transport(Arc::new(tenant.clone())).clock(tenant.clock())
///     .build()?;
/// client.organization().get().await?; // shows the code, and waits for the person
/// # Ok(()) }
/// ```
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
    pub fn home_tenant(self, tenant: impl Into<Tenant>) -> Self {
        self.session.set_home(tenant.into());
        self
    }

    /// Sets the store of the refresh token, so that the next run needs no sign-in. In memory by default.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn RefreshTokenStore>) -> Self {
        self.session.store = store;
        self
    }

    /// Authenticates the app, which is a confidential client. A public client must not have a credential.
    #[must_use]
    pub fn client_authentication(mut self, authentication: ClientAuthentication) -> Self {
        self.session.authentication = Some(authentication);
        self
    }
}

#[async_trait]
impl InteractiveFlow for DeviceCodeProvider {
    fn session(&self) -> &Session {
        &self.session
    }

    async fn sign_in(&self, tenant: &Tenant, request: &TokenRequest, claims: Option<&String>) -> Result<Tokens, Error> {
        let service = &self.session.service;
        let client_id = self.session.client_id;
        let form = Form::of_app(client_id).with("scope", scopes(request)).with_claims(claims);
        let token_request = FormRequest::token(tenant, Repeat::Safe);
        let options = service.options(request);
        let code_request = FormRequest { operation: OPERATION, endpoint: "devicecode", options, ..token_request };
        let response = service.post(code_request, &form).await?;
        let code = DeviceCodeResponse::read(response.json()).ok_or_else(|| {
            let code = ErrorCode::UnexpectedDeviceCodeResponse;
            sign_in_error::unreadable(&response, &form, code, "device code").during(OPERATION)
        })?;
        let lifetime = code.lifetime.min(MAX_LIFETIME);
        let deadline = Deadline::after(service.clock(), lifetime);
        let expires_at = later(service.clock().now(), lifetime);
        let prompt = DeviceCodePrompt::new(foreign(code.user_code), foreign(code.verification_uri), expires_at);
        (self.show)(&match code.message {
            Some(message) => prompt.message(foreign(message)),
            None => prompt,
        });
        let form = Form::of_app(client_id)
            .with("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
            .with_secret("device_code", &code.device_code);
        let interval = code.interval.clamp(Duration::from_secs(1), MAX_INTERVAL);
        self.poll(tenant, &form, interval, deadline).await
    }
}

impl DeviceCodeProvider {
    /// Polls the token endpoint until the person has signed in or the code has expired. Failures of the network or the
    /// service only slow it down.
    async fn poll(
        &self,
        tenant: &Tenant,
        form: &Form,
        mut interval: Duration,
        deadline: Deadline,
    ) -> Result<Tokens, Error> {
        // Without retries of its own: this loop is the retry.
        let policy = RetryPolicy { max_attempts: 1, ..self.session.service.context.policy.clone() };
        let service = self.session.service.clone().retry_policy(policy);
        let options = CallOptions { deadline, ..CallOptions::default() };
        let mut poll = service.context.poll(TOKEN_OPERATION, WaitReason::SignIn, &options);
        let mut failures = 0;
        let mut retry_after = Duration::ZERO;
        loop {
            let backoff = interval.saturating_mul(1 << failures).min(MAX_BACKOFF.max(interval));
            // Shortly before the end there is time for one more question, if not for the whole backoff.
            let waited = poll.wait(backoff.max(retry_after)).await
                || (retry_after <= interval && backoff > interval && poll.wait(interval).await);
            if !waited {
                return Err(Error::new(ErrorCode::CodeExpired).during(TOKEN_OPERATION));
            }
            // An assertion of the app may last for less time than the code.
            let form = self.session.authenticate(form.clone(), tenant).await?;
            let request = FormRequest { options: options.clone(), ..FormRequest::token(tenant, Repeat::Safe) };
            let error = match service.post(request, &form).await {
                Ok(response) => return service.read_tokens(&response, &form),
                Err(error) => error,
            };
            retry_after = Duration::ZERO;
            match error.oauth_error().unwrap_or_default() {
                "authorization_pending" => failures = 0,
                "slow_down" => {
                    failures = 0;
                    interval = interval.saturating_add(SLOW_DOWN);
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
    error.code() == ErrorCode::SignInBusy
        || match error.status() {
            Some(status) => status.is_server_error() || status.as_u16() == 429,
            None => matches!(error.kind(), ErrorKind::Network | ErrorKind::Deadline),
        }
}

impl fmt::Debug for DeviceCodeProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCodeProvider").field("client_id", &self.session.client_id).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenProvider for DeviceCodeProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, BoxError> {
        let span = sign_in_span(request, Some(self.session.client_id), "device_code");
        Ok(session::token(self, request).instrument(span).await?)
    }
}

struct DeviceCodeResponse {
    device_code: SecretString,
    user_code: String,
    verification_uri: String,
    lifetime: Duration,
    interval: Duration,
    message: Option<String>,
}

impl DeviceCodeResponse {
    /// Reads each member by itself: nobody can do without the codes and the page, and the rest has a default.
    fn read(body: &Value) -> Option<Self> {
        let read = |name: &str| text(&body[name]).map(Cow::into_owned);
        let seconds = |name: &str, default| {
            whole(&body[name])
                .map_or(default, |seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
        };
        Some(Self {
            device_code: read("device_code")?.into(),
            user_code: read("user_code")?,
            // The older name is that of version 1.0.
            verification_uri: read("verification_uri").or_else(|| read("verification_url"))?,
            lifetime: seconds("expires_in", DEFAULT_LIFETIME),
            interval: seconds("interval", DEFAULT_INTERVAL),
            message: read("message"),
        })
    }
}
