//! Refresh tokens of a person who signed in before.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

#[cfg(feature = "certificate")]
use crate::auth::certificate::ClientCertificate;
use crate::auth::client_authentication::ClientAuthentication;
use crate::auth::refresh_token_store::RefreshTokenStore;
use crate::auth::session::Session;
use crate::auth::sign_in_service::SignInService;
use crate::error::Error;
use crate::ids::AppId;
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// Signs in with a refresh token
/// ([refresh tokens](https://learn.microsoft.com/entra/identity-platform/refresh-tokens)), to the person's own tenant
/// and to others that admit the person, such as a partner's customers.
///
/// The token expires 90 days after the last sign-in to the person's own tenant: only there is it renewed.
pub struct RefreshTokenProvider(Session);

impl RefreshTokenProvider {
    /// Signs a person of the tenant `home` in to the app `client_id`, with the token in `store`.
    pub fn new(
        service: SignInService,
        client_id: AppId,
        home: impl Into<String>,
        store: Arc<dyn RefreshTokenStore>,
    ) -> Self {
        let mut session = Session::new(service, client_id);
        session.store = store;
        session.set_home(home);
        Self(session)
    }

    /// Authenticates the app with its secret's *Value*. A public client must not have one.
    #[must_use]
    pub fn client_secret(mut self, secret: SecretString) -> Self {
        self.0.authentication = ClientAuthentication::Secret(secret);
        self
    }

    /// Authenticates the app with its certificate. A public client must not have one.
    #[cfg(feature = "certificate")]
    #[must_use]
    pub fn client_certificate(mut self, certificate: ClientCertificate) -> Self {
        self.0.authentication = ClientAuthentication::Certificate(certificate);
        self
    }
}

impl fmt::Debug for RefreshTokenProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshTokenProvider").field("client_id", &self.0.client_id).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenProvider for RefreshTokenProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        self.0.redeem_stored(request).await
    }
}
