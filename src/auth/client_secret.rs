//! Client credentials with a secret.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::auth::client_authentication::{ClientAuthentication, client_credentials};
use crate::auth::sign_in_service::SignInService;
use crate::cloud::Cloud;
use crate::error::Error;
use crate::ids::AppId;
use crate::retry::SendContext;
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// Signs in as an app with its client secret
/// ([client credentials](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)).
pub struct ClientSecretProvider {
    service: SignInService,
    client_id: AppId,
    authentication: ClientAuthentication,
}

impl ClientSecretProvider {
    /// Signs in as the app `client_id` with its secret's *Value* (not the *Secret ID*).
    pub fn new(service: SignInService, client_id: AppId, secret: SecretString) -> Self {
        Self { service, client_id, authentication: ClientAuthentication::Secret(secret) }
    }

    /// Signs in with the transport, clock, randomness and limits of a client.
    pub(crate) fn with_context(cloud: Cloud, client_id: AppId, secret: SecretString, context: SendContext) -> Self {
        Self::new(SignInService::with_context(cloud, context), client_id, secret)
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
