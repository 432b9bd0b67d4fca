//! The browser of this machine: authorization code, PKCE and a loopback redirect.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow>

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use tracing::Instrument as _;
use url::Url;

use crate::auth::client_authentication::ClientAuthentication;
use crate::auth::form::Form;
use crate::auth::loopback::{Loopback, Redirect};
use crate::auth::refresh_token_store::RefreshTokenStore;
use crate::auth::refusal::{Credential, Refusal};
use crate::auth::session::{self, InteractiveFlow, Session, scopes};
use crate::auth::sign_in_service::{SignInService, Tokens, sign_in_span};
use crate::crypto;
use crate::error::{BoxError, Error, ErrorCode};
use crate::ids::{AppId, Tenant};
use crate::retry::Repeat;
use crate::token::{AccessToken, TokenProvider, TokenRequest};

const OPERATION: &str = "GET /oauth2/v2.0/authorize";

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

/// Opens a URL in a browser.
type Open = Arc<dyn Fn(&Url) + Send + Sync>;

/// Signs a person in with the browser of this machine, once; after that, the refresh token serves every tenant and
/// scope.
///
/// The app needs the redirect URI `http://localhost` for mobile and desktop applications; Entra ignores the port
/// ([loopback redirects](https://learn.microsoft.com/entra/identity-platform/reply-url#localhost-exceptions)).
///
/// PKCE needs a rustls `CryptoProvider`: the installed one, or aws-lc-rs with the feature `rustls`.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use entra_apps::auth::{BrowserProvider, SignInService, public_client};
/// use entra_apps::cloud::Cloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let tenant = entra_emulator::MemoryTenant::new();
///
/// let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
/// let provider = BrowserProvider::new(service, public_client::AZURE_CLI, |page| println!("Open {page}"))
///     .home_tenant(tenant.id())
///     .select_account()
///     .timeout(Duration::from_secs(120));
/// # let _: Arc<dyn entra_apps::token::TokenProvider> = Arc::new(provider);
/// # });
/// ```
pub struct BrowserProvider {
    session: Session,
    open: Open,
    port: u16,
    path: String,
    prompt: Option<&'static str>,
    login_hint: Option<String>,
    timeout: Duration,
}

impl BrowserProvider {
    /// Signs in to the app `client_id`; `open` opens the URL of the sign-in page in the person's browser, or shows it. It
    /// returns at once: what waits for the browser to end holds up the runtime, and every time limit.
    pub fn new(service: SignInService, client_id: AppId, open: impl Fn(&Url) + Send + Sync + 'static) -> Self {
        Self {
            session: Session::new(service, client_id),
            open: Arc::new(open),
            port: 0,
            path: "/".to_owned(),
            prompt: None,
            login_hint: None,
            timeout: DEFAULT_TIMEOUT,
        }
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

    /// Sets the port to listen on. Any free one by default.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the path of the redirect URI, such as `/signed-in` of `http://localhost/signed-in`. None by default.
    #[must_use]
    pub fn redirect_path(mut self, path: impl AsRef<str>) -> Self {
        self.path = format!("/{}", path.as_ref().trim_start_matches('/'));
        self
    }

    /// Lets the person choose the account, even when the browser is signed in already.
    #[must_use]
    pub fn select_account(mut self) -> Self {
        self.prompt = Some("select_account");
        self
    }

    /// Sets the account that the page suggests, such as `admin@contoso.com`.
    #[must_use]
    pub fn login_hint(mut self, name: impl Into<String>) -> Self {
        self.login_hint = Some(name.into());
        self
    }

    /// Sets how long the person has to sign in. Five minutes by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

#[async_trait]
impl InteractiveFlow for BrowserProvider {
    fn session(&self) -> &Session {
        &self.session
    }

    async fn sign_in(&self, tenant: &Tenant, request: &TokenRequest, claims: Option<&String>) -> Result<Tokens, Error> {
        let service = &self.session.service;
        let client_id = self.session.client_id;
        let crypto_provider = crypto::provider()?;
        let loopback = Loopback::bind(self.port).await?;
        let path = if self.path == "/" { "" } else { self.path.as_str() };
        let redirect_uri = format!("http://localhost:{}{path}", loopback.port());
        let state = self.random_token();
        let verifier = self.random_token();
        let challenge = URL_SAFE_NO_PAD.encode(crypto::sha256(&crypto_provider, verifier.expose_secret().as_bytes())?);
        let mut url = service.endpoint(tenant, "authorize")?;
        url.query_pairs_mut()
            .append_pair("client_id", &client_id.to_string())
            .append_pair("response_type", "code")
            .append_pair("response_mode", "query")
            .append_pair("redirect_uri", &redirect_uri)
            .append_pair("scope", &scopes(request))
            .append_pair("state", state.expose_secret())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        for (name, value) in [
            ("prompt", self.prompt),
            ("login_hint", self.login_hint.as_deref()),
            ("claims", claims.map(String::as_str)),
        ] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        (self.open)(&url);
        let clock = service.clock();
        let redirect = loopback.wait_for_redirect(&self.path, state.expose_secret(), clock, self.timeout).await;
        let redirect = redirect.ok_or_else(|| Error::new(ErrorCode::BrowserTimeout).during(OPERATION))?;
        let code = match redirect {
            Redirect::Code(code) => SecretString::from(code),
            Redirect::Error { error, subcode, description } => {
                let refusal = Refusal::of_redirect(error, subcode, description);
                let code = refusal.code(Credential::Unknown);
                return Err(refusal.into_error(code).during(OPERATION));
            }
        };
        let form = Form::of_app(client_id)
            .with("grant_type", "authorization_code")
            .with("scope", scopes(request))
            .with("redirect_uri", redirect_uri)
            .with_secret("code", &code)
            .with_secret("code_verifier", &verifier)
            .with_claims(claims);
        let form = self.session.authenticate(form, tenant).await?;
        // A code works once; Entra takes a second use for theft.
        service.request_tokens(request, tenant, &form, Repeat::Unsafe).await
    }
}

impl BrowserProvider {
    /// 256 random bits in base64url.
    fn random_token(&self) -> SecretString {
        let mut bytes = [0; 32];
        self.session.service.context.randomness.fill(&mut bytes);
        SecretString::from(URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl fmt::Debug for BrowserProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrowserProvider").field("client_id", &self.session.client_id).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenProvider for BrowserProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, BoxError> {
        let span = sign_in_span(request, Some(self.session.client_id), "authorization_code");
        Ok(session::token(self, request).instrument(span).await?)
    }
}
