//! Waiting until a new secret can be used: the sign-in service learns of it after the directory.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{ClientSecretProvider, TokenClaims};
use crate::client::Client;
use crate::error::{Error, ErrorCode};
use crate::ids::AppId;
use crate::permission::MICROSOFT_GRAPH;
use crate::provision::progress::{Progress, ProgressHook};
use crate::provision::registration::AppRegistration;
use crate::provision::report::IssuedSecret;
use crate::retry::WaitReason;
use crate::token::{TokenProvider as _, TokenRequest};

const TOKEN_OPERATION: &str = "POST /oauth2/v2.0/token";

/// The number of times that signing in must work in a row: a success can be followed by a failure, from a replica that lags.
const SIGN_INS_IN_A_ROW: u32 = 3;

/// How long the wait may take where nobody says: what Entra has not learnt by then, such as a permission that nobody
/// has consented to, waiting does not mend.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// A wait for a secret: awaiting it waits.
#[must_use = "it waits when it is awaited"]
pub struct WaitUntilUsable<'a> {
    client: Client,
    secret: &'a IssuedSecret,
    registration: &'a AppRegistration,
    times: u32,
    progress: Option<ProgressHook>,
    deadline: Option<Duration>,
}

/// What it took until a secret was usable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretReadiness {
    /// How many rounds of sign-ins it took, those that failed included.
    pub sign_ins: u32,
    /// How long it took.
    pub waited: Duration,
    /// The application permissions in the tokens, by name.
    pub roles: Vec<String>,
}

impl<'a> WaitUntilUsable<'a> {
    pub(super) fn new(client: &Client, secret: &'a IssuedSecret, registration: &'a AppRegistration) -> Self {
        Self { client: client.clone(), secret, registration, times: SIGN_INS_IN_A_ROW, progress: None, deadline: None }
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
            None if self.client.has_no_deadline() => self.client.with_deadline(DEFAULT_TIMEOUT).begin_operation(),
            None => self.client.begin_operation(),
        };
        if let Some(progress) = self.progress.clone() {
            client = client.observed(Arc::new(move |wait| progress(&Progress::Waiting(wait.clone()))));
        }
        let began = client.clock().monotonic();
        let wanted = match self.registration.admin_consent {
            true => self.registration.application_permissions_by_api(),
            false => vec![(MICROSOFT_GRAPH, Vec::new())],
        };
        let (mut sign_ins, mut in_a_row) = (0, 0);
        let options = client.options();
        let mut poll = client.context().poll(TOKEN_OPERATION, WaitReason::Replication, &options);
        loop {
            sign_ins += 1;
            let refusal = match self.sign_in(&client, &wanted).await {
                Ok(roles) => {
                    in_a_row += 1;
                    if in_a_row >= self.times {
                        let waited = client.clock().monotonic().saturating_sub(began);
                        return Ok(SecretReadiness { sign_ins, waited, roles });
                    }
                    if let Some(progress) = &self.progress {
                        let text = format!("signed in with the new secret, {in_a_row} of {} times", self.times);
                        progress(&Progress::Done(text));
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
                return Err(timed_out(refusal));
            }
        }
    }

    /// Signs in for each API, and returns the permissions that the tokens hold.
    async fn sign_in(&self, client: &Client, wanted: &[(AppId, Vec<String>)]) -> Result<Vec<String>, Error> {
        let provider = ClientSecretProvider::with_context(
            client.cloud().clone(),
            self.secret.app_id,
            self.secret.value.clone(),
            client.context().clone(),
        );
        let mut held = Vec::new();
        for (api, names) in wanted {
            let scope = match *api {
                MICROSOFT_GRAPH => client.cloud().graph_scope(),
                api => format!("{api}/.default"),
            };
            let request = TokenRequest::new(self.secret.tenant_id.to_string(), scope);
            let token = client.options().deadline.bound(client.clock(), provider.token(&request)).await;
            let claims = TokenClaims::of(&token.ok_or_else(|| timed_out(None))??);
            if let Some(missing) = names.iter().find(|name| !claims.roles.contains(name)) {
                let text = format!("the token of the new secret does not hold the permission {missing} yet");
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
            .field("app_id", &self.secret.app_id)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

impl<'a> IntoFuture for WaitUntilUsable<'a> {
    type Output = Result<SecretReadiness, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Whether a refusal is one that what is new meets, and that passes.
fn passes_with_time(error: &Error) -> bool {
    error.code() == ErrorCode::PermissionsNotInToken || error.code().is_expected_after_a_write()
}

fn timed_out(refusal: Option<Error>) -> Error {
    let missing = refusal.as_ref().is_some_and(|error| error.code() == ErrorCode::PermissionsNotInToken);
    let code = if missing { ErrorCode::PermissionsNotInToken } else { ErrorCode::SecretNotUsable };
    let error = Error::new(code).during(TOKEN_OPERATION);
    match refusal {
        Some(refusal) => error.with_source(refusal),
        None => error,
    }
}
