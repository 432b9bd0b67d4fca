//! Client credentials with a secret: the app signs in as itself.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::auth::authentication::{ClientAuthentication, client_credentials};
use crate::auth::service::SignInService;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::error::Error;
use crate::ids::AppId;
use crate::random::Randomness;
use crate::retry::{RetryPolicy, SendContext};
use crate::token::{AccessToken, TokenProvider, TokenRequest};
use crate::transport::Transport;

/// Signs in as an app with its client secret
/// ([client credentials](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)).
pub struct ClientSecretProvider {
    service: SignInService,
    client_id: AppId,
    authentication: ClientAuthentication,
}

impl ClientSecretProvider {
    /// The app `client_id` of `cloud`, with its secret's *Value* (not the *Secret ID*).
    pub fn new(
        cloud: Cloud,
        client_id: AppId,
        secret: SecretString,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::of(SignInService::new(cloud, transport, clock), client_id, secret)
    }

    /// The same with a sign-in service that several providers share.
    pub fn of(service: SignInService, client_id: AppId, secret: SecretString) -> Self {
        Self { service, client_id, authentication: ClientAuthentication::Secret(secret) }
    }

    /// The same with what a client works with.
    pub(crate) fn with_context(cloud: Cloud, client_id: AppId, secret: SecretString, context: SendContext) -> Self {
        Self::of(SignInService::with_context(cloud, context), client_id, secret)
    }

    /// Tries again as `policy` says.
    #[must_use]
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.service = self.service.retry_policy(policy);
        self
    }

    /// Takes jitter and ids from `randomness`.
    #[must_use]
    pub fn randomness(mut self, randomness: Arc<dyn Randomness>) -> Self {
        self.service = self.service.randomness(randomness);
        self
    }
}

impl fmt::Debug for ClientSecretProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSecretProvider").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenProvider for ClientSecretProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        client_credentials(&self.service, self.client_id, &self.authentication, request).await
    }
}
