//! How an app authenticates at the token endpoint: with a secret, a certificate, an assertion, or not at all.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::auth::assertion::{AssertionRequest, ClientAssertion};
#[cfg(feature = "certificate")]
use crate::auth::certificate::ClientCertificate;
use crate::auth::form::Form;
use crate::auth::sign_in_service::SignInService;
use crate::error::{Error, ErrorCode};
use crate::ids::AppId;
use crate::retry::Repeat;
use crate::token::{AccessToken, TokenRequest};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The credential of an app, which it adds to a form of the token endpoint.
#[derive(Clone)]
pub(super) enum ClientAuthentication {
    /// A public client must not send a credential (AADSTS700025).
    Public,
    Secret(SecretString),
    #[cfg(feature = "certificate")]
    Certificate(ClientCertificate),
    Assertion(Arc<dyn ClientAssertion>),
}

impl ClientAuthentication {
    pub(super) async fn add_to(
        &self,
        form: Form,
        service: &SignInService,
        client_id: AppId,
        tenant: &str,
    ) -> Result<Form, Error> {
        let form = form.with("client_id", client_id.to_string());
        let assertion = match self {
            Self::Public => return Ok(form),
            Self::Secret(secret) => return Ok(form.with_secret("client_secret", secret)),
            #[cfg(feature = "certificate")]
            Self::Certificate(certificate) => certificate.assertion(service, client_id, tenant)?,
            Self::Assertion(source) => {
                let token_endpoint = service.endpoint(tenant, "token")?;
                let request = AssertionRequest { tenant: tenant.to_owned(), client_id, token_endpoint };
                assertion_from(&**source, &request).await?
            }
        };
        Ok(form.with("client_assertion_type", JWT_BEARER).with_secret("client_assertion", &assertion))
    }
}

async fn assertion_from(source: &dyn ClientAssertion, request: &AssertionRequest) -> Result<SecretString, Error> {
    let assertion = source.assertion(request).await.map_err(|error| {
        // An error of this crate has a remedy of its own.
        match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => Error::new(ErrorCode::NoAssertion)
                .with_remedy("Check the source of the assertion; its own error follows.")
                .with_source(error),
        }
    })?;
    if assertion.expose_secret().trim().is_empty() {
        return Err(Error::new(ErrorCode::NoAssertion).with_message("the assertion to sign in with is empty"));
    }
    Ok(assertion)
}

impl fmt::Debug for ClientAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Secret(_) => "secret",
            #[cfg(feature = "certificate")]
            Self::Certificate(_) => "certificate",
            Self::Assertion(_) => "assertion",
        })
    }
}

/// Signs in as the app itself
/// ([client credentials](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)).
pub(super) async fn client_credentials(
    service: &SignInService,
    client_id: AppId,
    authentication: &ClientAuthentication,
    request: &TokenRequest,
) -> Result<AccessToken, Error> {
    let form = Form::new()
        .with("grant_type", "client_credentials")
        .with("scope", request.scopes.join(" "))
        .with_claims(request.claims.as_ref());
    // Checks the tenant before an assertion is signed for it.
    service.endpoint(&request.tenant, "token")?;
    let form = authentication.add_to(form, service, client_id, &request.tenant).await?;
    Ok(service.request_tokens(&request.tenant, &form, Repeat::Safe).await?.access)
}
