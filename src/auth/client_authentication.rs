//! How an app proves at the token endpoint that it is the app: with a secret, a certificate or an assertion.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::auth::assertion::{AssertionRequest, ClientAssertion};
use crate::auth::assertion_file::AssertionFile;
#[cfg(feature = "certificate")]
use crate::auth::certificate::ClientCertificate;
use crate::auth::form::Form;
use crate::auth::sign_in_service::SignInService;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, Tenant};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The credential of an app: a client secret, a certificate, or assertions.
///
/// An app signs in as itself with it ([`ClientCredentialsProvider`](crate::auth::ClientCredentialsProvider)), and a
/// confidential client adds it where a person signs in, such as
/// [`RefreshTokenProvider`](crate::auth::RefreshTokenProvider). A public client must not have one (AADSTS700025).
///
/// ```
/// use entra_apps::auth::ClientAuthentication;
/// use entra_apps::secrecy::SecretString;
///
/// let secret = ClientAuthentication::secret(SecretString::from("x7Q8Q~…"));
/// let workload = ClientAuthentication::assertion_file("/var/run/secrets/azure/tokens/azure-identity-token");
/// assert_eq!(format!("{secret:?} {workload:?}"), "ClientAuthentication(secret) ClientAuthentication(assertion)");
/// ```
#[derive(Clone)]
pub struct ClientAuthentication(Credential);

#[derive(Clone)]
enum Credential {
    Secret(SecretString),
    #[cfg(feature = "certificate")]
    Certificate(ClientCertificate),
    Assertion(Arc<dyn ClientAssertion>),
}

impl ClientAuthentication {
    /// A client secret's *Value* (not its *Secret ID*).
    pub fn secret(value: SecretString) -> Self {
        Self(Credential::Secret(value))
    }

    /// A certificate whose public part the app has
    /// ([certificate credentials](https://learn.microsoft.com/entra/identity-platform/certificate-credentials)).
    #[cfg(feature = "certificate")]
    pub fn certificate(certificate: ClientCertificate) -> Self {
        Self(Credential::Certificate(certificate))
    }

    /// Assertions from `source`, of an issuer that the app trusts
    /// ([workload identity federation](https://learn.microsoft.com/entra/workload-id/workload-identity-federation)), or
    /// signed for the app by whoever holds its key.
    pub fn assertion(source: Arc<dyn ClientAssertion>) -> Self {
        Self(Credential::Assertion(source))
    }

    /// The assertion in a file. Each sign-in reads the file again, because the platform replaces its content; it is read
    /// in a thread of its own, so that the program's async runtime never waits for the file system.
    pub fn assertion_file(path: impl Into<PathBuf>) -> Self {
        Self::assertion(Arc::new(AssertionFile(path.into())))
    }

    /// Adds the credential to a form of the token endpoint.
    pub(super) async fn add_to(
        &self,
        form: Form,
        service: &SignInService,
        client_id: AppId,
        tenant: &Tenant,
    ) -> Result<Form, Error> {
        let assertion = match &self.0 {
            Credential::Secret(secret) => return Ok(form.with_secret("client_secret", secret)),
            #[cfg(feature = "certificate")]
            Credential::Certificate(certificate) => certificate.assertion(service, client_id, tenant)?,
            Credential::Assertion(source) => {
                let token_endpoint = service.endpoint(tenant, "token")?;
                assertion_of(&**source, &AssertionRequest::new(tenant, client_id, token_endpoint)).await?
            }
        };
        Ok(form.with("client_assertion_type", JWT_BEARER).with_secret("client_assertion", &assertion))
    }
}

async fn assertion_of(source: &dyn ClientAssertion, request: &AssertionRequest) -> Result<SecretString, Error> {
    let assertion = source.assertion(request).await;
    let assertion = assertion.map_err(|error| Error::from_boxed(error, ErrorCode::AssertionSourceFailed))?;
    if assertion.expose_secret().trim().is_empty() {
        return Err(Error::new(ErrorCode::NoAssertion).with_message("the assertion to sign in with is empty"));
    }
    Ok(assertion)
}

impl fmt::Debug for ClientAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Credential::Secret(_) => "ClientAuthentication(secret)",
            #[cfg(feature = "certificate")]
            Credential::Certificate(_) => "ClientAuthentication(certificate)",
            Credential::Assertion(_) => "ClientAuthentication(assertion)",
        })
    }
}
