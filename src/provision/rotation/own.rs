//! An app that rotates its own certificate, without any permission: with proofs that it has the key of one.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use time::OffsetDateTime;
use tracing::Instrument as _;

use crate::auth::ClientCertificate;
use crate::client::Client;
use crate::error::{BoxError, Error, ErrorCode, ErrorKind, on_one_line};
use crate::ids::{AppId, ApplicationId, KeyId, TenantId};
use crate::model::KeyCredential;
use crate::provision::certificate::Certificate;
use crate::provision::credential_name::{Mark, marked};
use crate::provision::made_certificate::MadeCertificate;
use crate::provision::progress::{Done, Progress, ProgressHook};
use crate::provision::registration::AppRegistration;
use crate::provision::renewal;
use crate::provision::report::{CredentialKind, IssuedSecret, OpenItem};
use crate::provision::rotation::report::{RotateError, Rotated, RotatedCredential, RotationState};
use crate::provision::rotation::secret_store::{SecretStore, StoredCredential};
use crate::provision::secret_readiness::DEFAULT_SIGN_INS;
use crate::provision::secret_readiness::WaitUntilUsable;
use crate::provision::step::{StepId, StepKind, Subject};

/// So long a sign-in with a certificate is tried of which it is not known whether it was added.
const MAX_DOUBT: Duration = Duration::from_secs(120);

/// So often it is tried to add one.
const MAX_ATTEMPTS: u32 = 4;

/// A rotation by an app of its own certificate: awaiting it runs it.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use entra_apps::AppRegistration;
/// use entra_apps::auth::ClientCertificate;
/// use entra_apps::provision::Certificate;
/// use entra_apps::provision::rotation::MemorySecretStore;
/// use entra_apps::secrecy::ExposeSecret;
///
/// # let tenant = MemoryTenant::new();
/// // An administrator registers the app, and its certificate goes to a store that the app can read.
/// let (administrator, store) = (tenant.client(), Arc::new(MemorySecretStore::new()));
/// let certificate = Certificate::generated("Backup");
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(certificate.clone());
/// let plan = administrator.plan(&backup).await?;
/// let app = administrator.apply(&plan).secret_sink(store.clone()).await?.application.unwrap();
///
/// // From then on the app looks after itself: it holds no permission.
/// let own = ClientCertificate::from_pem(store.kept()[0].value.expose_secret().as_bytes())?;
/// let client = tenant.client_builder().client_certificate(app.app_id, own).build()?;
/// let rotate = client.rotate_own_certificate(app.application_id, app.app_id, &certificate, store.clone());
/// rotate.at_once().await?;
/// assert_eq!(store.kept().len(), 2);
/// # Ok(()) }
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[must_use = "it rotates when it is awaited"]
pub struct RotateOwn<'a> {
    client: Client,
    application: ApplicationId,
    app_id: AppId,
    certificate: &'a Certificate,
    store: Arc<dyn SecretStore>,
    keep_earlier: bool,
    at_once: bool,
    retired: Vec<KeyId>,
    times: u32,
    progress: Option<ProgressHook>,
    deadline: Option<Duration>,
}

impl<'a> RotateOwn<'a> {
    pub(in crate::provision) fn new(
        client: &Client,
        application: ApplicationId,
        app_id: AppId,
        certificate: &'a Certificate,
        store: Arc<dyn SecretStore>,
    ) -> Self {
        Self {
            client: client.clone(),
            application,
            app_id,
            certificate,
            store,
            keep_earlier: false,
            at_once: false,
            retired: Vec::new(),
            times: DEFAULT_SIGN_INS,
            progress: None,
            deadline: None,
        }
    }

    /// Leaves the earlier certificate where it is. The report names its key id, for [`retire`](Self::retire) in a later run.
    pub fn keep_earlier(mut self) -> Self {
        self.keep_earlier = true;
        self
    }

    /// Names an earlier certificate that goes now: never the one in use.
    pub fn retire(mut self, certificate: KeyId) -> Self {
        self.retired.push(certificate);
        self
    }

    /// Rotates although it is not due.
    pub fn at_once(mut self) -> Self {
        self.at_once = true;
        self
    }

    /// Sets how often in a row signing in must work: three times by default, once at least.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times.max(1);
        self
    }

    /// Tells what happens as it happens.
    pub fn on_progress(mut self, progress: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// Sets how long it may take; the client's default deadline otherwise.
    pub fn deadline(mut self, allowed: Duration) -> Self {
        self.deadline = Some(allowed);
        self
    }

    async fn run(mut self) -> Result<Rotated, RotateError> {
        self.client = match self.deadline {
            Some(allowed) => self.client.with_deadline(allowed).begin_operation(),
            None => self.client.begin_operation(),
        };
        if let Some(progress) = self.progress.clone() {
            self.client = self.client.observed(Arc::new(move |wait| progress(&Progress::Waiting(wait.clone()))));
        }
        let mut report = Rotated {
            tenant_id: TenantId::from_u128(0),
            app_id: Some(self.app_id),
            application_id: Some(self.application),
            credentials: Vec::new(),
            secrets: Vec::new(),
            done: Vec::new(),
            open: Vec::new(),
        };
        match self.execute(&mut report).await {
            Ok(()) => Ok(report),
            Err(error) => Err(RotateError { error, report: Box::new(report) }),
        }
    }

    async fn execute(&self, report: &mut Rotated) -> Result<(), Error> {
        self.certificate.check()?;
        if !self.certificate.is_generated() {
            return Err(Error::new(ErrorCode::InvalidCertificate)
                .with_message("a certificate that is given cannot be made anew")
                .with_remedy("Name one with Certificate::generated."));
        }
        let tenant = self.client.tenant_id().await?;
        report.tenant_id = tenant;
        let _only_writer = self.client.writer_lock(&format!("{tenant}/own key/{}", self.application)).await?;
        let Some(current) = self.load(tenant).await? else {
            return Err(Error::new(ErrorCode::SecretValueUnknown)
                .with_message("the store has no certificate of the app, and whoever has none can add none")
                .with_remedy("Have an administrator add the first one, with its private key in this store."));
        };
        let now = self.client.clock().now() - self.client.clock_skew();
        let window = self.certificate.renewal_window(now);
        let is_due = self.at_once || renewal::is_due(current.end, window, now);
        let mut earlier = Vec::new();
        let (current, issued) = match is_due {
            true => {
                let new = self.replace(&current, report).await?;
                if self.keep_earlier {
                    earlier.push(current.key_id);
                    let (key_id, code) = (current.key_id, ErrorCode::SecretValueUnknown);
                    let text = format!("the earlier certificate {key_id} stays");
                    let remedy = "Name it to a later run with retire, once nobody uses it.";
                    report.open.push(OpenItem::new(code, text, remedy).key_id(key_id));
                } else {
                    self.remove(current.key_id, &new, report).await?;
                }
                let key_id = new.key_id;
                (new, Some(key_id))
            }
            false => (current, None),
        };
        for retired in self.retired.iter().filter(|it| **it != current.key_id) {
            if issued.is_none() {
                self.sign_in(&current, None).await?;
            }
            self.remove(*retired, &current, report).await?;
        }
        report.credentials.push(RotatedCredential {
            name: self.certificate.name().to_owned(),
            kind: CredentialKind::Certificate,
            state: if earlier.is_empty() { RotationState::Current } else { RotationState::Overlapping },
            current: Some(current.key_id),
            end: current.end,
            issued,
            earlier,
            overlap_until: None,
            others: Vec::new(),
        });
        Ok(())
    }

    async fn load(&self, tenant: TenantId) -> Result<Option<IssuedSecret>, Error> {
        let asked = StoredCredential::new(tenant, self.app_id, CredentialKind::Certificate, self.certificate.name());
        let deadline = self.client.options().deadline;
        let loaded = deadline.bound(self.client.clock(), self.store.load(&asked)).await;
        let loaded = loaded.unwrap_or_else(|| Err("the secret store did not respond in the time allowed".into()));
        loaded.map_err(|source: BoxError| Error::new(ErrorCode::SecretStoreFailed).with_source(source))
    }

    /// Adds another certificate, which the store must give back and which must sign in.
    async fn replace(&self, current: &IssuedSecret, report: &mut Rotated) -> Result<IssuedSecret, Error> {
        let signer = read_certificate(current)?;
        let key_id = successor(self.application, current.key_id);
        let now = self.client.clock().now();
        let end = self.certificate.end(now)?.replace_nanosecond(0).unwrap_or(now);
        let made = MadeCertificate::new(self.certificate.name(), now, end)?;
        let description = marked(self.certificate.name(), Mark::Rotates, Some(current.key_id))?;
        let new = IssuedSecret::new(current.tenant_id, self.app_id, key_id, made.pem.clone())
            .kind(CredentialKind::Certificate)
            .display_name(description.as_str())
            .end(end);
        let key_id = self.add(&new, &made, &signer, end).await?;
        let new = IssuedSecret { key_id, ..new };
        self.done(report, StepKind::CERTIFICATE, key_id, format!("added the certificate {key_id}"));
        let deadline = self.client.options().deadline;
        let stored = deadline.bound(self.client.clock(), self.store.store(&new)).await;
        let stored = stored.unwrap_or_else(|| Err("the secret store did not finish in the time allowed".into()));
        let given_back = self.load(current.tenant_id).await;
        match (stored, given_back) {
            (_, Ok(Some(given))) if given.key_id == key_id && is_same(&given, &new) => {}
            (Err(source), Ok(_)) => {
                let text = match self.client.applications().remove_key(self.application, key_id, &signer).await {
                    Ok(()) => "the certificate could not be stored, and was removed from the application again",
                    Err(error) if error.code() == ErrorCode::CredentialNotFound => {
                        "the certificate could not be stored, and was removed from the application again"
                    }
                    Err(_) => {
                        report.secrets.push(new.clone());
                        "the certificate could not be stored, and could not be removed from the application either"
                    }
                };
                return Err(Error::new(ErrorCode::SecretNotStored).with_message(text).with_source(source));
            }
            (_, given) => {
                report.secrets.push(new.clone());
                let text = "the secret store does not give back what it was given";
                let error = Error::new(ErrorCode::SecretNotStored).with_message(text);
                return Err(given.err().into_iter().fold(error, Error::with_source));
            }
        }
        self.sign_in(&new, None).await?;
        Ok(new)
    }

    /// Adds a certificate under the key id that follows from the earlier one, so that a later run finds it without a look at
    /// the application, which takes a permission. The service may choose another key id.
    async fn add(
        &self,
        new: &IssuedSecret,
        made: &MadeCertificate,
        signer: &ClientCertificate,
        end: OffsetDateTime,
    ) -> Result<KeyId, Error> {
        let description = new.display_name.clone().unwrap_or_default();
        let credential =
            KeyCredential::certificate(&made.der).key_id(new.key_id).display_name(description).end_date_time(end);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let added = self.client.applications().add_key(self.application, &credential, signer).await;
            let error = match added {
                Ok(added) => return Ok(added.key_id.unwrap_or(new.key_id)),
                Err(error) => error,
            };
            if error.maybe_done() && self.sign_in(new, Some(MAX_DOUBT)).await.is_ok() {
                return Ok(new.key_id);
            }
            let may_be_in_the_way =
                error.maybe_done() || matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Refused);
            if !may_be_in_the_way || attempts >= MAX_ATTEMPTS {
                return Err(error);
            }
            // An earlier run, or this attempt, may have added one that never came to the store.
            match self.client.applications().remove_key(self.application, new.key_id, signer).await {
                Ok(()) => {}
                Err(gone) if gone.code() == ErrorCode::CredentialNotFound && error.maybe_done() => {}
                Err(gone) if gone.code() == ErrorCode::CredentialNotFound => return Err(error),
                Err(other) => return Err(other),
            }
        }
    }

    /// Removes an earlier certificate, with a proof by the one that stays: what is gone already is removed.
    async fn remove(&self, key_id: KeyId, stays: &IssuedSecret, report: &mut Rotated) -> Result<(), Error> {
        let signer = read_certificate(stays)?;
        let remove = || self.client.applications().remove_key(self.application, key_id, &signer).repeatable();
        match remove().await {
            Err(error) if error.code() == ErrorCode::CredentialNotFound => {}
            removed => removed?,
        }
        self.done(report, StepKind::SURPLUS_CERTIFICATE, key_id, format!("removed the earlier certificate {key_id}"));
        Ok(())
    }

    async fn sign_in(&self, certificate: &IssuedSecret, within: Option<Duration>) -> Result<(), Error> {
        let of_app = AppRegistration::new("own", "own");
        let wait = WaitUntilUsable::new(&self.client, certificate.into(), &of_app).times(self.times);
        let wait = within.into_iter().fold(wait, WaitUntilUsable::deadline);
        match self.progress.clone() {
            Some(progress) => wait.on_progress(move |told| progress(told)).await?,
            None => wait.await?,
        };
        Ok(())
    }

    fn done(&self, report: &mut Rotated, kind: StepKind, key_id: KeyId, text: String) {
        let done = Done { id: StepId::of(kind, Subject::Credential(key_id)), text: on_one_line(text) };
        if let Some(progress) = &self.progress {
            progress(&Progress::Done(done.clone()));
        }
        report.done.push(done);
    }
}

impl fmt::Debug for RotateOwn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotateOwn")
            .field("client", &self.client)
            .field("application", &self.application)
            .finish_non_exhaustive()
    }
}

impl<'a> IntoFuture for RotateOwn<'a> {
    type Output = Result<Rotated, RotateError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::debug_span!("rotate_own", application = %self.application);
        Box::pin(self.run().instrument(span))
    }
}

fn read_certificate(stored: &IssuedSecret) -> Result<ClientCertificate, Error> {
    ClientCertificate::from_pem(stored.value.expose_secret().as_bytes())
}

fn is_same(one: &IssuedSecret, other: &IssuedSecret) -> bool {
    use subtle::ConstantTimeEq as _;

    let [one, other] = [one, other].map(|it| it.value.expose_secret().as_bytes());
    bool::from(one.ct_eq(other))
}

/// The key id of the certificate that follows another one of an application: the same in every run.
fn successor(application: ApplicationId, earlier: KeyId) -> KeyId {
    let mut hash = sha1_smol::Sha1::new();
    hash.update(application.as_uuid().as_bytes());
    hash.update(earlier.as_uuid().as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.digest().bytes()[..16]);
    KeyId::new(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_successor_of_a_key_is_the_same_in_every_run_and_of_every_other_another() {
        let [app, other] = [1, 2].map(ApplicationId::from_u128);
        let [one, two] = [1, 2].map(KeyId::from_u128);
        assert_eq!(successor(app, one), successor(app, one));
        assert_ne!(successor(app, one), successor(app, two));
        assert_ne!(successor(app, one), successor(other, one));
        assert_eq!(Uuid::from(successor(app, one)).get_version_num(), 8);
    }
}
