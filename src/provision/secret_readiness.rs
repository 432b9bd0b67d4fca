//! Waiting until a new credential of any kind can be used: the sign-in service learns of it after the directory.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "certificate")]
use secrecy::ExposeSecret as _;
use serde::{Serialize, Serializer};
use tracing::Instrument as _;

use crate::auth::{ClientAuthentication, ClientCredentialsProvider, SignInService, TokenClaims};
use crate::client::Client;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, TenantId};
use crate::permission::MICROSOFT_GRAPH;
use crate::provision::permission_entry::Place;
use crate::provision::progress::{Done, Progress, ProgressHook};
use crate::provision::registration::AppRegistration;
use crate::provision::report::{CredentialKind, IssuedSecret};
use crate::provision::step::StepKind;
use crate::provision::token_permissions::application_permissions_by_api;
use crate::retry::WaitReason;
use crate::token::{TokenRequest, token_of};

const TOKEN_OPERATION: &str = "POST /oauth2/v2.0/token";

impl StepKind {
    /// A sign-in with a new secret, of those that are waited for.
    pub const SIGNED_IN: Self = Self::new("signed_in");
}

/// The number of times that signing in must work in a row: a success can be followed by a failure, from a replica that lags.
pub(super) const DEFAULT_SIGN_INS: u32 = 3;

/// How long the wait may take where nobody says: what Entra has not learnt by then, such as a permission that nobody
/// has consented to, waiting does not mend.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(600);

/// A credential that is waited for, of any kind: an [`IssuedSecret`], or whatever an app signs in with.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use entra_apps::auth::{AssertionRequest, ClientAssertion, ClientAuthentication};
/// use entra_apps::provision::{FederatedCredential, UsableCredential};
/// use entra_apps::secrecy::SecretString;
/// use entra_apps::{AppRegistration, BoxError, async_trait};
///
/// #[derive(Debug)]
/// struct Job; // what the platform gives to a job
/// # fn token() -> String {
/// #     use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
/// #     let claims = r#"{"iss":"https://issuer.example","sub":"job:7","aud":"api://AzureADTokenExchange","exp":4102444800}"#;
/// #     format!("{}.{}.{}", BASE64.encode(r#"{"alg":"RS256"}"#), BASE64.encode(claims), BASE64.encode("x"))
/// # }
///
/// #[async_trait]
/// impl ClientAssertion for Job {
///     async fn assertion(&self, _: &AssertionRequest) -> Result<SecretString, BoxError> {
///         Ok(SecretString::from(token()))
///     }
/// }
///
/// let client = MemoryTenant::new().client();
/// let job = AppRegistration::new("contoso-job", "Contoso Job")
///     .credential(FederatedCredential::new("job", "https://issuer.example", "job:7"));
/// let registered = client.apply(&client.plan(&job).await?).await?;
/// let app_id = registered.application.unwrap().app_id;
///
/// let assertions = ClientAuthentication::assertion(Arc::new(Job));
/// client.wait_until_usable(UsableCredential::new(registered.tenant_id, app_id, assertions), &job).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct UsableCredential {
    tenant_id: TenantId,
    app_id: AppId,
    authentication: Result<ClientAuthentication, ErrorCode>,
    noun: &'static str,
}

impl UsableCredential {
    /// A credential of an app in a tenant: a secret, a certificate, or assertions of another issuer.
    pub fn new(tenant_id: TenantId, app_id: AppId, authentication: ClientAuthentication) -> Self {
        Self { tenant_id, app_id, authentication: Ok(authentication), noun: "credential" }
    }
}

impl From<&IssuedSecret> for UsableCredential {
    fn from(issued: &IssuedSecret) -> Self {
        let authentication = match issued.kind {
            CredentialKind::ClientSecret => Ok(ClientAuthentication::secret(issued.value.clone())),
            CredentialKind::Certificate => certificate(issued),
        };
        let noun = match issued.kind {
            CredentialKind::ClientSecret => "secret",
            CredentialKind::Certificate => "certificate",
        };
        Self { tenant_id: issued.tenant_id, app_id: issued.app_id, authentication, noun }
    }
}

#[cfg(feature = "certificate")]
fn certificate(issued: &IssuedSecret) -> Result<ClientAuthentication, ErrorCode> {
    let read = crate::auth::ClientCertificate::from_pem(issued.value.expose_secret().as_bytes());
    read.map(ClientAuthentication::certificate).map_err(|error| error.code())
}

#[cfg(not(feature = "certificate"))]
fn certificate(_: &IssuedSecret) -> Result<ClientAuthentication, ErrorCode> {
    Err(ErrorCode::NoCryptoProvider)
}

/// A wait for a credential: awaiting it waits.
///
/// When the time is up, the code says what was missing:
/// - [`SecretNotUsable`](ErrorCode::SecretNotUsable): the sign-in service does not take the secret yet;
/// - [`PermissionsNotInToken`](ErrorCode::PermissionsNotInToken): it takes the secret, and its tokens lack an application
///   permission that the registration declares; the error's source names it. Right after an apply that granted all of
///   them this is replication lag and passes in minutes. Where nobody has consented
///   ([`AdminConsentMissing`](ErrorCode::AdminConsentMissing) is open in the report), it passes when somebody does, and
///   not before.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::time::Duration;
///
/// use entra_apps::{AppRegistration, ClientSecret};
///
/// let client = MemoryTenant::new().client();
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
/// let registered = client.apply(&client.plan(&backup).await?).await?;
/// let wait = client.wait_until_usable(&registered.secrets[0], &backup);
/// wait.times(1).deadline(Duration::from_secs(300)).on_progress(|progress| println!("{progress:?}")).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[must_use = "it waits when it is awaited"]
pub struct WaitUntilUsable<'a> {
    client: Client,
    credential: UsableCredential,
    registration: &'a AppRegistration,
    times: u32,
    progress: Option<ProgressHook>,
    deadline: Option<Duration>,
}

/// What it took until a secret was usable.
///
/// # JSON
/// `signIns`, `waitedMs` (milliseconds) and `roles` (names).
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::permission::microsoft_graph::application;
/// use entra_apps::{AppRegistration, ClientSecret};
///
/// let client = MemoryTenant::new().client();
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
///     .permission(application::USER_READ_ALL)
///     .credential(ClientSecret::new("Backup"));
/// let registered = client.apply(&client.plan(&backup).await?).await?;
/// let usable = client.wait_until_usable(&registered.secrets[0], &backup).times(1).await?;
/// assert_eq!((usable.sign_ins, usable.roles), (1, vec!["User.Read.All".to_owned()]));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SecretReadiness {
    /// How many rounds of sign-ins it took, those that failed included.
    pub sign_ins: u32,
    /// How long it took.
    #[serde(rename = "waitedMs", serialize_with = "write_milliseconds")]
    pub waited: Duration,
    /// The application permissions in the tokens, by name.
    pub roles: Vec<String>,
}

impl<'a> WaitUntilUsable<'a> {
    pub(super) fn new(client: &Client, credential: UsableCredential, registration: &'a AppRegistration) -> Self {
        let (times, progress, deadline) = (DEFAULT_SIGN_INS, None, None);
        Self { client: client.clone(), credential, registration, times, progress, deadline }
    }

    /// Sets how often it must work in a row: three times by default, once at least.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times.max(1);
        self
    }

    /// Tells `progress` what happens as it happens.
    pub fn on_progress(mut self, progress: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// Sets how long it may take; the client's default deadline otherwise, and ten minutes where it has none.
    pub fn deadline(mut self, allowed: Duration) -> Self {
        self.deadline = Some(allowed);
        self
    }

    async fn run(self) -> Result<SecretReadiness, Error> {
        let mut client = match self.deadline {
            Some(allowed) => self.client.with_deadline(allowed).begin_operation(),
            None if self.client.has_no_deadline() => self.client.with_deadline(DEFAULT_DEADLINE).begin_operation(),
            None => self.client.begin_operation(),
        };
        if let Some(progress) = self.progress.clone() {
            client = client.observed(Arc::new(move |wait| progress(&Progress::Waiting(wait.clone()))));
        }
        let began = client.clock().monotonic();
        let wanted = match self.registration.admin_consent {
            true => application_permissions_by_api(self.registration, Place::OwnTenant),
            false => vec![(MICROSOFT_GRAPH, Vec::new())],
        };
        let noun = self.credential.noun;
        let (mut sign_ins, mut in_a_row) = (0, 0);
        let options = client.options();
        let mut poll = client.context().poll(TOKEN_OPERATION, WaitReason::Replication, &options);
        // The refusal after which nothing worked.
        let mut refusal = None;
        loop {
            sign_ins += 1;
            let signed_in = options.deadline.bound(client.clock(), self.sign_in(&client, &wanted)).await;
            let Some(signed_in) = signed_in else { return Err(timed_out(refusal, noun)) };
            refusal = match signed_in {
                Ok(roles) => {
                    in_a_row += 1;
                    if in_a_row >= self.times {
                        let waited = client.clock().monotonic().saturating_sub(began);
                        return Ok(SecretReadiness { sign_ins, waited, roles });
                    }
                    if let Some(progress) = &self.progress {
                        let text = format!("signed in with the new {noun}, {in_a_row} of {} times", self.times);
                        progress(&Progress::Done(Done { id: StepKind::SIGNED_IN.into(), text }));
                    }
                    None
                }
                Err(error) if passes_with_time(&error) => {
                    in_a_row = 0;
                    Some(error)
                }
                Err(error) => return Err(error),
            };
            let wait = if refusal.is_some() { poll.backoff() } else { Duration::from_secs(1) };
            if !poll.wait(wait).await {
                return Err(timed_out(refusal, noun));
            }
        }
    }

    /// Signs in for each API, and returns the permissions that the tokens hold.
    async fn sign_in(&self, client: &Client, wanted: &[(AppId, Vec<String>)]) -> Result<Vec<String>, Error> {
        let service = SignInService::with_context(client.cloud().clone(), client.context().clone());
        let UsableCredential { tenant_id, app_id, authentication, noun } = &self.credential;
        let authentication = authentication.clone().map_err(Error::new)?;
        let provider = ClientCredentialsProvider::new(service, *app_id, authentication);
        let mut held = Vec::new();
        for (api, names) in wanted {
            let scope = match *api {
                MICROSOFT_GRAPH => client.cloud().graph_scope(),
                api => format!("{api}/.default"),
            };
            let request = TokenRequest::new(*tenant_id, scope);
            let claims = TokenClaims::of(&token_of(&provider, &request).await?);
            if let Some(missing) = names.iter().find(|name| !claims.roles.contains(name)) {
                let text = format!("the token of the new {noun} does not hold the permission {missing} yet");
                return Err(Error::new(ErrorCode::PermissionsNotInToken).with_message(text).during(TOKEN_OPERATION));
            }
            held.extend(claims.roles);
        }
        Ok(held)
    }
}

impl fmt::Debug for WaitUntilUsable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitUntilUsable")
            .field("app_id", &self.credential.app_id)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

impl<'a> IntoFuture for WaitUntilUsable<'a> {
    type Output = Result<SecretReadiness, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::debug_span!("wait_until_usable", unique_name = self.registration.unique_name());
        Box::pin(self.run().instrument(span))
    }
}

fn write_milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// Whether a refusal is one that what is new meets, and that passes.
fn passes_with_time(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::PermissionsNotInToken | ErrorCode::NoMatchingFederatedCredential)
        || error.code().is_expected_after_a_write()
}

fn timed_out(refusal: Option<Error>, noun: &str) -> Error {
    let missing = refusal.as_ref().is_some_and(|error| error.code() == ErrorCode::PermissionsNotInToken);
    let code = if missing { ErrorCode::PermissionsNotInToken } else { ErrorCode::SecretNotUsable };
    let error = match code {
        ErrorCode::SecretNotUsable => {
            Error::new(code).with_message(format!("the sign-in service does not take the new {noun} yet"))
        }
        code => Error::new(code),
    };
    let error = error.during(TOKEN_OPERATION);
    match refusal {
        Some(refusal) => error.with_source(refusal),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_in_json_is_of_the_documented_form() {
        let waited = Duration::from_millis(2_500);
        let readiness = SecretReadiness { sign_ins: 3, waited, roles: vec!["User.Read.All".to_owned()] };
        let json = serde_json::json!({"signIns": 3, "waitedMs": 2500, "roles": ["User.Read.All"]});
        assert_eq!(serde_json::to_value(&readiness).unwrap(), json);
    }
}
