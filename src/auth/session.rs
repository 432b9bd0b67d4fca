//! What is left of a person's sign-in: a refresh token, redeemed in any tenant.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;

use crate::auth::authentication::ClientAuthentication;
use crate::auth::claims::TokenClaims;
use crate::auth::reason::SignInReason;
use crate::auth::service::{Form, Redeemed, SignInService};
use crate::error::{Error, ErrorKind};
use crate::ids::{AppId, TenantId};
use crate::retry::Repeat;
use crate::token::{AccessToken, TokenRequest};

/// Keeps the refresh token of one person's sign-in, which is as good as the sign-in itself for months.
///
/// The service gives a new one with each use in the person's own tenant; the old one is then dropped. What other
/// tenants give, such as a partner's customers, is never put here.
#[async_trait]
pub trait RefreshTokenStore: fmt::Debug + Send + Sync + 'static {
    /// The token, where there is one.
    ///
    /// # Errors
    /// Whatever went wrong; it becomes the source of the sign-in's error.
    async fn load(&self) -> Result<Option<SecretString>, Box<dyn std::error::Error + Send + Sync>>;

    /// Keeps a token in place of the one before.
    ///
    /// # Errors
    /// Whatever went wrong; it becomes the source of the sign-in's error.
    async fn store(&self, token: &SecretString) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// Keeps the refresh token as long as the program runs.
#[derive(Default)]
pub struct MemoryRefreshTokenStore(Mutex<Option<SecretString>>);

impl MemoryRefreshTokenStore {
    /// Starts with a token.
    pub fn new(token: SecretString) -> Self {
        Self(Mutex::new(Some(token)))
    }
}

impl fmt::Debug for MemoryRefreshTokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryRefreshTokenStore")
    }
}

#[async_trait]
impl RefreshTokenStore for MemoryRefreshTokenStore {
    async fn load(&self) -> Result<Option<SecretString>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn store(&self, token: &SecretString) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(())
    }
}

/// One person's sign-in.
pub(super) struct Session {
    pub(super) service: SignInService,
    pub(super) client_id: AppId,
    pub(super) authentication: ClientAuthentication,
    pub(super) store: Arc<dyn RefreshTokenStore>,
    home: Mutex<Option<Home>>,
    /// One sign-in at a time: a person has one pair of eyes.
    turn: tokio::sync::Mutex<()>,
}

/// The tenant in which the person signs in.
#[derive(Clone)]
struct Home {
    /// As it was given, which may be `organizations`.
    given: String,
    /// As the token says.
    id: Option<TenantId>,
}

impl Home {
    fn is(&self, tenant: &str) -> bool {
        self.given.eq_ignore_ascii_case(tenant)
            || self.id.is_some_and(|id| tenant.parse::<TenantId>().is_ok_and(|tenant| tenant == id))
    }
}

/// A way in which a person signs in.
#[async_trait]
pub(super) trait InPerson: Sync {
    fn session(&self) -> &Session;

    /// Lets the person sign in to `tenant`, with the claims that the service asks for.
    async fn sign_in(&self, tenant: &str, request: &TokenRequest, claims: Option<&String>) -> Result<Redeemed, Error>;
}

/// A token of the session; the person signs in where it cannot go on.
pub(super) async fn token(way: &impl InPerson, request: &TokenRequest) -> Result<AccessToken, Error> {
    let session = way.session();
    let _turn = session.turn.lock().await;
    match session.resume(request).await? {
        Resumed::Token(token) => Ok(token),
        Resumed::SignIn { tenant, claims } => {
            let redeemed = way.sign_in(&tenant, request, claims.as_ref()).await?;
            session.begin(tenant, redeemed, request).await
        }
    }
}

/// Whether a session can go on.
enum Resumed {
    Token(AccessToken),
    /// A person signs in, in this tenant and with these claims.
    SignIn {
        tenant: String,
        claims: Option<String>,
    },
}

impl Session {
    pub(super) fn new(service: SignInService, client_id: AppId) -> Self {
        Self {
            service,
            client_id,
            authentication: ClientAuthentication::Public,
            store: Arc::new(MemoryRefreshTokenStore::default()),
            home: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn set_home(&self, given: impl Into<String>) {
        let given = given.into();
        let id = given.parse().ok();
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(Home { given, id });
    }

    fn home(&self) -> Option<Home> {
        self.home.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Redeems the refresh token; a person is asked for when there is none, or the service wants one.
    async fn resume(&self, request: &TokenRequest) -> Result<Resumed, Error> {
        let home = self.home();
        let tenant = home.as_ref().map_or_else(|| request.tenant.clone(), |home| home.given.clone());
        let at_home = home.is_none_or(|home| home.is(&request.tenant));
        let Some(token) = self.load().await? else {
            return Ok(Resumed::SignIn { tenant, claims: request.claims.clone() });
        };
        match self.redeem(request, &token, at_home).await {
            Ok(token) => Ok(Resumed::Token(token)),
            Err(error) if has_ended(&error) || (at_home && wants_a_person(&error)) => {
                tracing::debug!(code = error.code(), "the session cannot go on; a person signs in again");
                let claims = error.claims().map(str::to_owned);
                Ok(Resumed::SignIn { tenant, claims: claims.or_else(|| request.claims.clone()) })
            }
            Err(error) => Err(error),
        }
    }

    /// Takes up what a person's sign-in in `tenant` gave, and answers the request.
    async fn begin(&self, tenant: String, redeemed: Redeemed, request: &TokenRequest) -> Result<AccessToken, Error> {
        let home = Home { given: tenant, id: TokenClaims::of(&redeemed.access).tenant() };
        let at_home = home.is(&request.tenant);
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(home);
        if let Some(token) = &redeemed.refresh {
            self.keep(token).await?;
        }
        match &redeemed.refresh {
            _ if at_home => Ok(redeemed.access),
            Some(token) => self.redeem(request, token, false).await,
            None => Err(Error::new(
                ErrorKind::SignIn,
                "no_refresh_token",
                "the sign-in gave no refresh token, which other tenants need",
            )
            .with_remedy("Sign in to the tenant itself, or allow the app the permission offline_access.")),
        }
    }

    /// Redeems the refresh token that is kept; to have none is an error.
    pub(super) async fn redeem_kept(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        let token = self.load().await?.ok_or_else(|| {
            Error::new(ErrorKind::SignIn, "not_signed_in", "there is no refresh token")
                .with_remedy("Let a person sign in first, with the browser or a device code.")
        })?;
        let at_home = self.home().is_none_or(|home| home.is(&request.tenant));
        self.redeem(request, &token, at_home).await
    }

    async fn redeem(&self, request: &TokenRequest, token: &SecretString, at_home: bool) -> Result<AccessToken, Error> {
        let form = Form::new()
            .with("grant_type", "refresh_token")
            .with("scope", scopes(request))
            .with_secret("refresh_token", token)
            .with_claims(request.claims.as_ref());
        let form = self.authentication.add_to(form, &self.service, self.client_id, &request.tenant).await?;
        let redeemed = self.service.redeem(&request.tenant, &form, Repeat::Safe).await?;
        if let Some(token) = redeemed.refresh.filter(|_| at_home) {
            self.keep(&token).await?;
        }
        Ok(redeemed.access)
    }

    async fn load(&self) -> Result<Option<SecretString>, Error> {
        self.store.load().await.map_err(|error| {
            Error::new(ErrorKind::SignIn, "refresh_token_not_loaded", "the refresh token cannot be read")
                .with_remedy("Check the store that holds it; its own error follows.")
                .with_source(error)
        })
    }

    async fn keep(&self, token: &SecretString) -> Result<(), Error> {
        self.store.store(token).await.map_err(|error| {
            Error::new(ErrorKind::SignIn, "refresh_token_not_stored", "the new refresh token cannot be stored")
                .with_remedy("Check the store; its own error follows. The earlier token still holds: run it again.")
                .with_source(error)
        })
    }
}

/// The refresh token is of no use any more.
fn has_ended(error: &Error) -> bool {
    error.sign_in_reason() == Some(SignInReason::SignInExpired)
}

/// A person at the sign-in page can do something about it.
fn wants_a_person(error: &Error) -> bool {
    matches!(
        error.oauth_error(),
        Some("invalid_grant" | "interaction_required" | "login_required" | "consent_required")
    )
}

/// The scopes of a request, with the one for a refresh token.
pub(super) fn scopes(request: &TokenRequest) -> String {
    const OFFLINE: &str = "offline_access";
    let mut scopes: Vec<&str> = request.scopes.iter().map(String::as_str).collect();
    if !scopes.contains(&OFFLINE) {
        scopes.push(OFFLINE);
    }
    scopes.join(" ")
}
