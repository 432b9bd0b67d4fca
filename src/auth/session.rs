//! The session of a signed-in person: a refresh token, which gives access tokens for any tenant.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;

use crate::auth::claims::TokenClaims;
use crate::auth::client_authentication::ClientAuthentication;
use crate::auth::form::Form;
use crate::auth::refresh_token_store::{MemoryRefreshTokenStore, RefreshTokenStore};
use crate::auth::sign_in_service::{SignInService, Tokens};
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, Tenant, TenantId};
use crate::retry::Repeat;
use crate::token::{AccessToken, TokenRequest};

/// The session of one person.
pub(super) struct Session {
    pub(super) service: SignInService,
    pub(super) client_id: AppId,
    /// A public client has none.
    pub(super) authentication: Option<ClientAuthentication>,
    pub(super) store: Arc<dyn RefreshTokenStore>,
    home: Mutex<Option<HomeTenant>>,
    /// Held while a token is obtained: a person can sign in only once at a time.
    lock: tokio::sync::Mutex<()>,
}

/// The tenant in which the person signs in.
#[derive(Clone)]
struct HomeTenant {
    /// As the caller gave it, which may be `organizations`.
    name: Tenant,
    /// As the token says.
    id: Option<TenantId>,
}

impl HomeTenant {
    fn is(&self, tenant: &Tenant) -> bool {
        self.name == *tenant || (self.id.is_some() && self.id == tenant.id())
    }
}

/// A flow in which a person signs in.
#[async_trait]
pub(super) trait InteractiveFlow: Sync {
    fn session(&self) -> &Session;

    /// Lets the person sign in to `tenant`, with the claims that the service asks for.
    async fn sign_in(&self, tenant: &Tenant, request: &TokenRequest, claims: Option<&String>) -> Result<Tokens, Error>;
}

/// Returns a token of the flow's session, after the person has signed in where the session needs it.
pub(super) async fn token(flow: &impl InteractiveFlow, request: &TokenRequest) -> Result<AccessToken, Error> {
    let session = flow.session();
    let _guard = session.lock.lock().await;
    match session.resume(request).await? {
        Resumption::Token(token) => Ok(token),
        Resumption::SignIn { tenant, claims } => {
            let tokens = flow.sign_in(&tenant, request, claims.as_ref()).await?;
            session.start(tenant, tokens, request).await
        }
    }
}

/// The result of resuming a session.
enum Resumption {
    Token(AccessToken),
    /// The person has to sign in to this tenant, with these claims.
    SignIn {
        tenant: Tenant,
        claims: Option<String>,
    },
}

impl Session {
    pub(super) fn new(service: SignInService, client_id: AppId) -> Self {
        Self {
            service,
            client_id,
            authentication: None,
            store: Arc::new(MemoryRefreshTokenStore::default()),
            home: Mutex::default(),
            lock: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn set_home(&self, name: Tenant) {
        let id = name.id();
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(HomeTenant { name, id });
    }

    fn home(&self) -> Option<HomeTenant> {
        self.home.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Redeems the refresh token. The person has to sign in when there is none, or when the service asks for it.
    async fn resume(&self, request: &TokenRequest) -> Result<Resumption, Error> {
        let home = self.home();
        let tenant = home.as_ref().map_or_else(|| request.tenant.clone(), |home| home.name.clone());
        let at_home = home.is_none_or(|home| home.is(&request.tenant));
        let Some(token) = self.load().await? else {
            return Ok(Resumption::SignIn { tenant, claims: request.claims.clone() });
        };
        match self.redeem(request, &token, at_home).await {
            Ok(token) => Ok(Resumption::Token(token)),
            Err(error) if is_expired(&error) || (at_home && requires_interaction(&error)) => {
                tracing::debug!(
                    code = error.code().as_str(),
                    "the session cannot be resumed; the person signs in again"
                );
                let claims = error.claims().map(str::to_owned);
                Ok(Resumption::SignIn { tenant, claims: claims.or_else(|| request.claims.clone()) })
            }
            Err(error) => Err(error),
        }
    }

    /// Starts the session with the tokens of a sign-in to `tenant`, and returns the requested token.
    async fn start(&self, tenant: Tenant, tokens: Tokens, request: &TokenRequest) -> Result<AccessToken, Error> {
        let home = HomeTenant { name: tenant, id: TokenClaims::of(&tokens.access).tenant() };
        let at_home = home.is(&request.tenant);
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(home);
        if let Some(token) = &tokens.refresh {
            self.store_token(token).await?;
        }
        match &tokens.refresh {
            _ if at_home => Ok(tokens.access),
            Some(token) => self.redeem(request, token, false).await,
            None => Err(Error::new(ErrorCode::NoRefreshToken)),
        }
    }

    /// Redeems the stored refresh token.
    ///
    /// # Errors
    /// The code [`NotSignedIn`](crate::ErrorCode::NotSignedIn) when there is none.
    pub(super) async fn redeem_stored(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        let token = self.load().await?.ok_or_else(|| Error::new(ErrorCode::NotSignedIn))?;
        let at_home = self.home().is_none_or(|home| home.is(&request.tenant));
        self.redeem(request, &token, at_home).await
    }

    async fn redeem(&self, request: &TokenRequest, token: &SecretString, at_home: bool) -> Result<AccessToken, Error> {
        let form = Form::of_app(self.client_id)
            .with("grant_type", "refresh_token")
            .with("scope", scopes(request))
            .with_secret("refresh_token", token)
            .with_claims(request.claims.as_ref());
        let form = self.authenticate(form, &request.tenant).await?;
        let tokens = self.service.request_tokens(request, &request.tenant, &form, Repeat::Safe).await?;
        if let Some(token) = tokens.refresh.filter(|_| at_home) {
            self.store_token(&token).await?;
        }
        Ok(tokens.access)
    }

    /// Adds the app's credential, where it has one, to a form of the token endpoint.
    pub(super) async fn authenticate(&self, form: Form, tenant: &Tenant) -> Result<Form, Error> {
        match &self.authentication {
            Some(authentication) => authentication.add_to(form, &self.service, self.client_id, tenant).await,
            None => Ok(form),
        }
    }

    async fn load(&self) -> Result<Option<SecretString>, Error> {
        self.store.load().await.map_err(|error| Error::from_boxed(error, ErrorCode::RefreshTokenNotLoaded))
    }

    async fn store_token(&self, token: &SecretString) -> Result<(), Error> {
        self.store.store(token).await.map_err(|error| Error::from_boxed(error, ErrorCode::RefreshTokenNotStored))
    }
}

/// Whether the refresh token has expired or was revoked.
fn is_expired(error: &Error) -> bool {
    error.code() == ErrorCode::SignInExpired
}

/// Whether the person can resolve the error at the sign-in page.
fn requires_interaction(error: &Error) -> bool {
    matches!(
        error.oauth_error(),
        Some("invalid_grant" | "interaction_required" | "login_required" | "consent_required")
    )
}

/// The scopes of a request, and the scope of a refresh token.
pub(super) fn scopes(request: &TokenRequest) -> String {
    const OFFLINE_ACCESS: &str = "offline_access";
    let mut scopes: Vec<&str> = request.scopes.iter().map(String::as_str).collect();
    if !scopes.contains(&OFFLINE_ACCESS) {
        scopes.push(OFFLINE_ACCESS);
    }
    scopes.join(" ")
}
