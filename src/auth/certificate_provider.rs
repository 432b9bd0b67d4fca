//! Client credentials with a certificate.

use std::fmt;

use async_trait::async_trait;

use crate::auth::certificate::ClientCertificate;
use crate::auth::client_authentication::{ClientAuthentication, client_credentials};
use crate::auth::sign_in_service::SignInService;
use crate::error::Error;
use crate::ids::AppId;
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// Signs in as an app with a certificate whose public part the app has
/// ([certificate credentials](https://learn.microsoft.com/entra/identity-platform/certificate-credentials)).
pub struct ClientCertificateProvider {
    service: SignInService,
    client_id: AppId,
    authentication: ClientAuthentication,
}

impl ClientCertificateProvider {
    /// Signs in as the app `client_id` with its certificate.
    pub fn new(service: SignInService, client_id: AppId, certificate: ClientCertificate) -> Self {
        Self { service, client_id, authentication: ClientAuthentication::Certificate(certificate) }
    }
}

impl fmt::Debug for ClientCertificateProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificateProvider").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenProvider for ClientCertificateProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        client_credentials(&self.service, self.client_id, &self.authentication, request).await
    }
}
