//! Refresh tokens of a person who signed in before.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tracing::Instrument as _;

use crate::auth::client_authentication::ClientAuthentication;
use crate::auth::refresh_token_store::RefreshTokenStore;
use crate::auth::session::Session;
use crate::auth::sign_in_service::{SignInService, sign_in_span};
use crate::error::BoxError;
use crate::ids::{AppId, Tenant};
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// Signs in with a refresh token
/// ([refresh tokens](https://learn.microsoft.com/entra/identity-platform/refresh-tokens)), to the person's own tenant
/// and to others that admit the person, such as a partner's customers.
///
/// The token expires 90 days after the last sign-in to the person's own tenant: only there is it renewed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
/// use std::sync::Arc;
///
/// use entra_apps::auth::{MemoryRefreshTokenStore, RefreshTokenProvider, SignInService, public_client};
/// use entra_apps::cloud::Cloud;
/// use entra_apps::{Client, ErrorCode};
/// # let tenant = entra_emulator::MemoryTenant::new();
///
/// let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
/// let store = Arc::new(MemoryRefreshTokenStore::default()); // a keychain, in a program of yours
/// let provider = RefreshTokenProvider::new(service, public_client::AZURE_CLI, tenant.id(), store);
/// let client = Client::builder()
///     .tenant(tenant.id())
///     .token_provider(Arc::new(provider))
/// #   .transport(Arc::new(tenant.clone())).clock(tenant.clock())
///     .build()?;
/// let error = client.organization().get().await.unwrap_err();
/// assert_eq!(error.code(), ErrorCode::NotSignedIn); // until a person has signed in once
/// # Ok(()) }
/// ```
pub struct RefreshTokenProvider(Session);

impl RefreshTokenProvider {
    /// Signs a person of the tenant `home` in to the app `client_id`, with the token in `store`.
    pub fn new(
        service: SignInService,
        client_id: AppId,
        home: impl Into<Tenant>,
        store: Arc<dyn RefreshTokenStore>,
    ) -> Self {
        let mut session = Session::new(service, client_id);
        session.store = store;
        session.set_home(home.into());
        Self(session)
    }

    /// Authenticates the app, which is a confidential client. A public client must not have a credential.
    #[must_use]
    pub fn client_authentication(mut self, authentication: ClientAuthentication) -> Self {
        self.0.authentication = Some(authentication);
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
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, BoxError> {
        let span = sign_in_span(request, Some(self.0.client_id), "refresh_token");
        Ok(self.0.redeem_stored(request).instrument(span).await?)
    }
}
