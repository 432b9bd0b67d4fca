//! Signing in with the refresh token of a person who signed in before.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::auth::authentication::ClientAuthentication;
#[cfg(feature = "certificate")]
use crate::auth::certificate::ClientCertificate;
use crate::auth::service::SignInService;
use crate::auth::session::{RefreshTokenStore, Session};
use crate::error::Error;
use crate::ids::AppId;
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// Signs in with a refresh token
/// ([refresh tokens](https://learn.microsoft.com/entra/identity-platform/refresh-tokens)), in the person's own tenant
/// and in others that let the person in, such as a partner's customers.
///
/// The token ends after 90 days in which nobody signs in to the person's own tenant: only there is it renewed.
pub struct RefreshTokenProvider(Session);

impl RefreshTokenProvider {
    /// The app `client_id`, for a person of the tenant `home`, with the token that `store` keeps.
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

    /// For an app with a secret: its *Value*. A public client must not have one.
    #[must_use]
    pub fn client_secret(mut self, secret: SecretString) -> Self {
        self.0.authentication = ClientAuthentication::Secret(secret);
        self
    }

    /// For an app with a certificate.
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
        self.0.redeem_kept(request).await
    }
}
