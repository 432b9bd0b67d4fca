//! Waiting until a new secret can be used: the sign-in service learns of it after the directory.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{ClientSecretProvider, SignInReason, TokenClaims};
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::ids::AppId;
use crate::permission::{MICROSOFT_GRAPH, PermissionKind};
use crate::provision::apply::{Progress, ProgressHook};
use crate::provision::registration::AppRegistration;
use crate::provision::report::IssuedSecret;
use crate::retry::{Outcome, timeout};
use crate::token::{TokenProvider as _, TokenRequest};

const OPERATION: &str = "POST /oauth2/v2.0/token";

/// How often it must work in a row: a success can be followed by a failure, from a replica that is behind.
const TIMES: u32 = 3;

/// How long it may take where nobody says: what Entra has not learnt by then, such as a permission that nobody has
/// consented to, waiting does not mend.
const TIME_LIMIT: Duration = Duration::from_secs(600);

impl Client {
    /// Waits until a new secret can be used: signs in with it until that works three times in a row and the tokens hold
    /// the application permissions that the registration declares. Where nobody has consented to them yet, which the report
    /// of the apply lists as open, it waits in vain until its time is up.
    ///
    /// Entra's sign-in service learns of a new app, secret or permission some seconds after the directory, sometimes
    /// minutes. The secret is yours already: nothing is lost when this fails. It signs in
    /// ([client credentials](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)) as
    /// the new app and needs no permission of its own.
    ///
    /// # Errors
    /// - [`Deadline`](ErrorKind::Deadline) with the code `secret_not_usable` (its source is the last refusal) or
    ///   `permissions_not_in_token` when the time allowed is up;
    /// - [`SignIn`](ErrorKind::SignIn) for a refusal that waiting does not mend, such as a policy of the tenant.
    ///
    /// ```
    /// # use entra_apps::{AppRegistration, ClientSecret};
    /// # use entra_emulator::MemoryTenant;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let client = MemoryTenant::new().client();
    /// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
    /// let registered = client.apply(&client.plan(&backup).await?).await?;
    /// let usable = client.wait_until_usable(&registered.secrets[0], &backup).times(1).await?;
    /// assert_eq!(usable.sign_ins, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub fn wait_until_usable<'a>(
        &self,
        secret: &'a IssuedSecret,
        registration: &'a AppRegistration,
    ) -> WaitUntilUsable<'a> {
        WaitUntilUsable { client: self.clone(), secret, registration, times: TIMES, progress: None, deadline: None }
    }
}

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

/// How a secret became usable.
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

impl WaitUntilUsable<'_> {
    /// How often it must work in a row: three times by default, once at least.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times.max(1);
        self
    }

    /// Tells what happens as it happens.
    pub fn on_progress(mut self, progress: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// How long it may take; the client's default deadline otherwise, and ten minutes where it has none.
    pub fn deadline(mut self, allowed: Duration) -> Self {
        self.deadline = Some(allowed);
        self
    }

    async fn run(self) -> Result<SecretReadiness, Error> {
        let mut client = match self.deadline {
            Some(allowed) => self.client.with_deadline(allowed),
            None if self.client.options().deadline.is_none() => self.client.with_deadline(TIME_LIMIT),
            None => self.client.with_default_deadline(),
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
                        let so_often = format!("signed in with the new secret, {in_a_row} of {} times", self.times);
                        progress(&Progress::Done(so_often));
                    }
                    None
                }
                Err(error) if may_pass(&error) => {
                    in_a_row = 0;
                    Some(error)
                }
                Err(error) => return Err(error),
            };
            let wait = if refusal.is_some() { pause(sign_ins) } else { Duration::from_secs(1) };
            let (context, options) = (client.context(), client.options());
            if !context.ends_in_time(wait, &options) {
                return Err(too_late(refusal));
            }
            context.wait(OPERATION, &Outcome::Lagging, wait, sign_ins, &options).await;
        }
    }

    /// Signs in for each API; the permissions that the tokens hold.
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
            let left = client.options().deadline.map(|at| at.saturating_sub(client.clock().monotonic()));
            let token = match left {
                Some(left) => timeout(provider.token(&request), client.clock().sleep(left)).await,
                None => Some(provider.token(&request).await),
            };
            let claims = TokenClaims::of(&token.ok_or_else(|| too_late(None))??);
            if let Some(missing) = names.iter().find(|name| !claims.roles.contains(name)) {
                let text = format!("the token of the new secret does not hold the permission {missing} yet");
                return Err(Error::new(ErrorKind::SignIn, "permissions_not_in_token", text).during(OPERATION));
            }
            held.extend(claims.roles);
        }
        Ok(held)
    }
}

impl AppRegistration {
    /// The application permissions that the tokens of the app must hold, by API; Microsoft Graph alone where there are
    /// none.
    pub(super) fn application_permissions_by_api(&self) -> Vec<(AppId, Vec<String>)> {
        let mut wanted: Vec<(AppId, Vec<String>)> = Vec::new();
        for permission in self.wanted_permissions().filter(|it| it.kind() == PermissionKind::Application) {
            // A permission without a name cannot be looked for in a token.
            let Some(name) = permission.name().filter(|_| !permission.is_resource_specific()) else { continue };
            match wanted.iter_mut().find(|(api, _)| *api == permission.api()) {
                Some((_, names)) => names.push(name.to_owned()),
                None => wanted.push((permission.api(), vec![name.to_owned()])),
            }
        }
        if wanted.is_empty() {
            wanted.push((MICROSOFT_GRAPH, Vec::new()));
        }
        wanted
    }
}

/// Whether a refusal is one of something new, and passes.
fn may_pass(error: &Error) -> bool {
    error.code() == "permissions_not_in_token"
        || error.sign_in_reason().is_some_and(SignInReason::is_expected_after_a_write)
}

/// Longer each time, up to fifteen seconds.
fn pause(attempts: u32) -> Duration {
    Duration::from_secs(u64::from(attempts).saturating_mul(2).min(15))
}

fn too_late(refusal: Option<Error>) -> Error {
    let missing = refusal.as_ref().is_some_and(|error| error.code() == "permissions_not_in_token");
    let (code, text) = if missing {
        ("permissions_not_in_token", "the new secret works, and its tokens do not hold every permission yet")
    } else {
        ("secret_not_usable", "the sign-in service does not take the new secret yet")
    };
    let error = Error::new(ErrorKind::Deadline, code, text)
        .with_remedy("The secret is yours: keep it, and try again in a few minutes.")
        .during(OPERATION);
    match refusal {
        Some(refusal) => error.with_source(refusal),
        None => error,
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
