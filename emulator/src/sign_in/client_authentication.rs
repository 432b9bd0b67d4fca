//! Client authentication: by a secret, a certificate, or the token of a trusted issuer.

use serde_json::Value;

use super::SignInRequest;
use super::client_app::ClientApp;
use super::error::{SignInError, SignInResult};
use super::form::Form;
use crate::certificate::CLOCK_SKEW_TOLERANCE;
use crate::cloud_state::CloudState;
use crate::data::json::{items, text};
use crate::graph::directory::Directory;

/// How a client authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientAuthMethod {
    Secret,
    Assertion,
}

impl ClientAuthMethod {
    /// The value of the claim `appidacr` or `azpacr`; a public client does not authenticate.
    pub(super) fn claim(auth_method: Option<Self>) -> &'static str {
        match auth_method {
            None => "0",
            Some(Self::Secret) => "1",
            Some(Self::Assertion) => "2",
        }
    }
}

impl CloudState {
    /// Checks the credential of a client, if the request has one.
    pub(super) fn authenticate(
        &self,
        request: &SignInRequest<'_>,
        form: &Form,
        tenant: usize,
        client: &ClientApp,
    ) -> SignInResult<Option<ClientAuthMethod>> {
        if let Some(assertion) = form.optional("client_assertion") {
            self.check_assertion(request, form, assertion, tenant, client)?;
            return Ok(Some(ClientAuthMethod::Assertion));
        }
        let Some(secret) = form.optional("client_secret") else { return Ok(None) };
        self.check_secret(request, secret, tenant, client)?;
        Ok(Some(ClientAuthMethod::Secret))
    }

    /// The objects that hold an app's credentials: its application, and its service principal in the tenant.
    pub(super) fn credential_holders<'a>(
        &'a self,
        tenant: usize,
        client: &'a ClientApp,
    ) -> Vec<(&'a Value, &'a Directory)> {
        let application = client.home.map(|home| (&*client.application, &self[home].directory));
        let principal = client.service_principal.as_deref().map(|principal| (principal, &self[tenant].directory));
        application.into_iter().chain(principal).collect()
    }

    fn check_secret(
        &self,
        request: &SignInRequest<'_>,
        given: &str,
        tenant: usize,
        client: &ClientApp,
    ) -> SignInResult<()> {
        use secrecy::ExposeSecret as _;
        let secrets = self.credential_holders(tenant, client).into_iter().flat_map(|(holder, directory)| {
            working(holder, "passwordCredentials", directory, request)
                .filter_map(|credential| directory.secrets.get(text(credential, "keyId")))
        });
        let mut started_secrets = secrets.filter(|secret| secret.start <= request.wall + CLOCK_SKEW_TOLERANCE);
        let app_id = &client.app_id;
        match started_secrets.find(|secret| secret.value.expose_secret() == given) {
            Some(secret) if secret.end <= request.wall => {
                let message = format!(
                    "The provided client secret keys for app '{app_id}' are expired. Visit the Azure portal to create \
                        new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate \
                        credentials for added security: https://aka.ms/certCreds."
                );
                Err(SignInError::invalid_client(7_000_222, message))
            }
            Some(_) => Ok(()),
            None => {
                let message = format!(
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client \
                        secret value, not the client secret ID, for a secret added to app '{app_id}'."
                );
                Err(SignInError::invalid_client(7_000_215, message))
            }
        }
    }
}

/// The credentials of an object, and those that were removed and still work.
pub(super) fn working<'a>(
    holder: &'a Value,
    list: &'static str,
    directory: &'a Directory,
    request: &SignInRequest<'_>,
) -> impl Iterator<Item = &'a Value> + use<'a> {
    items(holder, list).iter().chain(directory.removed.of(text(holder, "id"), list, request.now))
}
