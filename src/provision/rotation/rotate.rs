//! A rotation to be run: its options.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument as _;

use crate::client::Client;
use crate::ids::{AppId, KeyId};
use crate::provision::progress::Progress;
use crate::provision::registration::AppRegistration;
use crate::provision::report::SecretSink;
use crate::provision::rotation::options::{Destination, Evidence, Options};
use crate::provision::rotation::report::{RotateError, Rotated};
use crate::provision::rotation::run::Run;
use crate::provision::rotation::secret_store::SecretStore;
use crate::provision::secret_readiness::DEFAULT_SIGN_INS;

/// So long an earlier credential stays beside a later one, where nobody says otherwise: a week.
const DEFAULT_OVERLAP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A rotation to be run: awaiting it runs it.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use entra_apps::provision::rotation::MemorySecretStore;
/// use entra_apps::{AppRegistration, ClientSecret};
///
/// let (client, store) = (MemoryTenant::new().client(), Arc::new(MemorySecretStore::new()));
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
/// client.apply(&client.plan(&backup).await?).secret_sink(store.clone()).await?;
///
/// // After a leak: now, and with no overlap.
/// let rotate = client.rotate(&backup).store(store.clone()).at_once("Backup").overlap(std::time::Duration::ZERO);
/// rotate.on_progress(|progress| println!("{progress:?}")).await?;
/// assert_eq!(store.kept().len(), 2);
/// # Ok(()) }
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[must_use = "it rotates when it is awaited"]
pub struct Rotate<'a> {
    client: Client,
    registration: &'a AppRegistration,
    options: Options,
    deadline: Option<Duration>,
}

impl<'a> Rotate<'a> {
    pub(in crate::provision) fn new(client: &Client, registration: &'a AppRegistration) -> Self {
        let options = Options {
            destination: Destination::Nowhere,
            adopt: None,
            overlap: DEFAULT_OVERLAP,
            retired: Vec::new(),
            replace_lost: false,
            at_once: Vec::new(),
            evidence: Evidence::Unasked,
            shorten: false,
            times: DEFAULT_SIGN_INS,
            progress: None,
        };
        Self { client: client.clone(), registration, options, deadline: None }
    }

    /// Gives what is issued to a store, which is asked for it again: the earlier one goes only once the store has given back
    /// the new one, and that signs in.
    pub fn store(mut self, store: Arc<dyn SecretStore>) -> Self {
        self.options.destination = Destination::Store(store);
        self
    }

    /// Gives what is issued to a sink that cannot be asked: nothing is removed, and what stays is reported.
    pub fn secret_sink(mut self, sink: Arc<dyn SecretSink>) -> Self {
        self.options.destination = Destination::Sink(sink);
        self
    }

    /// Rotates an application that does not have the unique name.
    pub fn adopt(mut self, app_id: AppId) -> Self {
        self.options.adopt = Some(app_id);
        self
    }

    /// Sets how long an earlier credential stays beside a later one that signs in: a week by default. Whoever reads the store
    /// must have read it again by then.
    pub fn overlap(mut self, overlap: Duration) -> Self {
        self.options.overlap = overlap;
        self
    }

    /// Names a credential that goes after the overlap although nothing shows that it was issued here: one that somebody has
    /// made by hand, say.
    pub fn retire(mut self, credential: KeyId) -> Self {
        self.options.retired.push(credential);
        self
    }

    /// Issues another one in place of one that is valid and that the store does not have, although it is not due. Otherwise
    /// it is reported.
    pub fn replace_lost(mut self) -> Self {
        self.options.replace_lost = true;
        self
    }

    /// Rotates the credential of this description now, although it is not due: after a leak, say.
    pub fn at_once(mut self, name: impl Into<String>) -> Self {
        self.options.at_once.push(name.into());
        self
    }

    /// Asks the [report of sign-in activities](Client::credential_activity) whether the credentials beside the one in use are in
    /// use too, and [tells it](crate::provision::rotation::RotatedCredential#structfield.others): it changes nothing. Least
    /// permission: `AuditLog.Read.All`; without it nothing is known of their use.
    pub fn with_activity(mut self) -> Self {
        if self.options.evidence == Evidence::Unasked {
            self.options.evidence = Evidence::Reported;
        }
        self
    }

    /// Asks the report as [`with_activity`](Self::with_activity) does, and lets a credential of the registration's description
    /// that is not known to be ours go after the overlap, where the report is [evidence that nobody uses
    /// it](crate::provision::CredentialUse::NotUsedSince): of a single-tenant app, by an entry that is older than the overlap and
    /// seven days. Without such an entry it stays, and is reported.
    ///
    /// ```
    /// # use entra_emulator::{MemoryTenant, TenantClock};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// use entra_apps::provision::rotation::MemorySecretStore;
    /// use entra_apps::model::NewPasswordCredential;
    /// use entra_apps::{AppRegistration, ClientSecret};
    ///
    /// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    ///
    /// # let clock = Arc::new(TenantClock::starting_at(entra_apps::time::macros::datetime!(2026-06-01 9:00 UTC)));
    /// # let tenant = MemoryTenant::builder().clock(clock).build();
    /// # let (client, store) = (tenant.client(), Arc::new(MemorySecretStore::new()));
    /// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
    /// # let applied = client.apply(&client.plan(&backup).await?).secret_sink(store.clone()).await?;
    /// # let app = applied.application.unwrap().application_id;
    /// // Somebody has made another one by hand, which was last used long ago.
    /// let by_hand = client.applications().add_password(app, &NewPasswordCredential::new().display_name("Backup")).await?;
    /// tenant.note_sign_in(by_hand.key_id.unwrap(), tenant.clock().now());
    /// # tokio::time::advance(60 * DAY).await;
    ///
    /// # let reader = tenant.add_caller(&["Application.ReadWrite.All", "AuditLog.Read.All"]);
    /// # let client = tenant.client_builder().client_secret(reader.client_id, reader.client_secret).build()?;
    /// let rotated = client.rotate(&backup).store(store).remove_unused().await?;
    /// assert!(rotated.done[0].text.contains(&by_hand.key_id.unwrap().to_string()));
    /// # Ok(()) }
    /// ```
    pub fn remove_unused(mut self) -> Self {
        self.options.evidence = Evidence::Removes;
        self
    }

    /// Takes a shorter lifetime than the registration asks for where an app management policy allows no more, and says so in
    /// [`done`](Rotated#structfield.done); another one is issued in time before that end. Least permission: `Policy.Read.All`.
    /// Without it nothing is known of the policies, and what the service refuses is an error.
    pub fn shorten(mut self) -> Self {
        self.options.shorten = true;
        self
    }

    /// Sets how often in a row signing in must work: three times by default, once at least.
    pub fn times(mut self, times: u32) -> Self {
        self.options.times = times.max(1);
        self
    }

    /// Tells what happens as it happens.
    pub fn on_progress(mut self, progress: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.options.progress = Some(Arc::new(progress));
        self
    }

    /// Sets how long it may take, waits and the store included; the client's default deadline otherwise.
    pub fn deadline(mut self, allowed: Duration) -> Self {
        self.deadline = Some(allowed);
        self
    }

    async fn run(self) -> Result<Rotated, RotateError> {
        let Self { client, registration, options, deadline } = self;
        let mut client = match deadline {
            Some(allowed) => client.with_deadline(allowed).begin_operation(),
            None => client.begin_operation(),
        };
        if let Some(progress) = options.progress.clone() {
            client = client.observed(Arc::new(move |wait| progress(&Progress::Waiting(wait.clone()))));
        }
        Run::new(client, registration, options).execute().await
    }
}

impl fmt::Debug for Rotate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotate")
            .field("client", &self.client)
            .field("unique_name", &self.registration.unique_name())
            .field("overlap", &self.options.overlap)
            .finish_non_exhaustive()
    }
}

impl<'a> IntoFuture for Rotate<'a> {
    type Output = Result<Rotated, RotateError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::debug_span!("rotate", unique_name = self.registration.unique_name());
        Box::pin(self.run().instrument(span))
    }
}
