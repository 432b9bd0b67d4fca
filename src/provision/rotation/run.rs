//! Running a rotation: before each step the directory is read and the store is asked, so that no step depends on what an
//! earlier one, or an earlier run, remembers.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;

use crate::api::{ApplicationKey, UniqueName};
use crate::client::{Client, refusal};
use crate::error::{BoxError, Error, ErrorCode, ErrorKind, on_one_line};
use crate::ids::{KeyId, TenantId};
use crate::model::Application;
use crate::provision::credential_name::can_be_renewed;
use crate::provision::credential_use::{CredentialUse, NoEvidence};
use crate::provision::observe::cache_key;
use crate::provision::observed::with_ids;
use crate::provision::plan_options::PlanOptions;
use crate::provision::policies::Shorter;
use crate::provision::progress::{Done, Progress};
use crate::provision::registration::{AppRegistration, allows_personal_accounts};
use crate::provision::replicas::wait_for_replicas;
use crate::provision::report::{CredentialKind, IssuedSecret, OpenItem};
use crate::provision::rotation::issue::{Attempted, Prepared, Target};
use crate::provision::rotation::options::{Destination, Evidence, Options};
use crate::provision::rotation::report::{OtherCredential, RotateError, Rotated, RotatedCredential, RotationState};
use crate::provision::rotation::secret_store::{SecretStore, StoredCredential};
use crate::provision::rotation::state::{Held, Next, Policy, Rest, State};
use crate::provision::rotation::wanted::Wanted;
use crate::provision::secret_readiness::WaitUntilUsable;
use crate::provision::step::StepId;
use crate::retry::{Outcome, READ_LAG};

/// Steps beyond this many mean that the service, or the store, contradicts itself.
const MAX_STEPS: u32 = 40;

/// So many are issued at most in one run, of which the responses were lost.
const MAX_ISSUED: u32 = 4;

/// What is read of an application.
const SELECTED: &[&str] = &["id", "appId", "uniqueName", "signInAudience", "passwordCredentials", "keyCredentials"];

/// A rotation under way.
pub(super) struct Run<'a> {
    client: Client,
    registration: &'a AppRegistration,
    options: Options,
    report: Rotated,
}

/// One credential under way.
struct Credential<'a> {
    wanted: Wanted<'a>,
    target: Target,
    proven: Option<KeyId>,
    /// What this run has issued, and has handed over.
    issued: Option<(KeyId, Duration)>,
    /// Those that this run has removed, whatever a replica that lags shows.
    removed: Vec<KeyId>,
    /// Those that the store has, and that do not sign in.
    unusable: Vec<KeyId>,
    /// Those that go after the overlap, whoever issued them: named by the caller, or not used by anybody.
    retired: Vec<KeyId>,
    /// What policies make of its lifetime, where that is to be taken.
    shorter: Option<Shorter>,
    /// What is known of the use of the others, once it was asked for.
    others: Option<Vec<OtherCredential>>,
    attempts: u32,
    waits: u32,
    prepared: Option<Prepared>,
}

impl<'a> Run<'a> {
    pub(super) fn new(client: Client, registration: &'a AppRegistration, options: Options) -> Self {
        let report = Rotated {
            tenant_id: TenantId::from_u128(0),
            app_id: None,
            application_id: None,
            credentials: Vec::new(),
            secrets: Vec::new(),
            done: Vec::new(),
            open: Vec::new(),
        };
        Self { client, registration, options, report }
    }

    pub(super) async fn execute(mut self) -> Result<Rotated, RotateError> {
        match self.rotate_all().await {
            Ok(()) => Ok(self.report),
            Err(error) => Err(RotateError { error, report: Box::new(self.report) }),
        }
    }

    async fn rotate_all(&mut self) -> Result<(), Error> {
        self.check()?;
        let tenant = self.client.tenant_id().await?;
        self.report.tenant_id = tenant;
        let key = cache_key(tenant, self.registration, &PlanOptions::default());
        let _only_writer = self.client.writer_lock(&key).await?;
        let app = with_ids(self.read(self.key()?).await?)?;
        refusal::check_clock(self.client.clock_skew())?;
        let (Some(id), Some(app_id)) = (app.id, app.app_id) else {
            return Err(Error::new(ErrorCode::UnexpectedResponse));
        };
        (self.report.app_id, self.report.application_id) = (Some(app_id), Some(id));
        let target = Target { client: self.client.clone(), tenant, app_id, id };
        // Where they cannot be read, the service decides.
        let restrictions = match self.options.shorten {
            true => self.client.app_restrictions(Some(app_id)).await.ok(),
            false => None,
        };
        let mut first = None;
        // What keeps one from being rotated is no reason to leave the others.
        for wanted in Wanted::all(self.registration) {
            let mut credential = Credential::new(wanted, target.clone(), self.options.retired.clone());
            credential.shorter = restrictions.as_ref().and_then(|it| Shorter::of(it, wanted.credential(), self.now()));
            if let Err(error) = self.rotate_one(credential).await {
                first.get_or_insert(error);
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// Refuses what is wrong before anything is sent.
    fn check(&self) -> Result<(), Error> {
        self.registration.check()?;
        let wanted = Wanted::all(self.registration);
        let unknown = self.options.at_once.iter().find(|name| wanted.iter().all(|it| it.name() != name.as_str()));
        if let Some(name) = unknown {
            let message = format!("the registration has no credential “{name}” that it could issue another of");
            return Err(Error::new(ErrorCode::UnknownSecret).with_message(message));
        }
        if let Some(long) = wanted.iter().find(|it| !can_be_renewed(it.name())) {
            let message = format!("the description “{}” is too long to be rotated", long.name());
            return Err(Error::new(ErrorCode::InvalidSecretName).with_message(message));
        }
        match self.options.destination {
            Destination::Nowhere => Err(Error::new(ErrorCode::SecretSinkMissing)
                .with_message("a rotation has neither a store nor a sink for what it issues")
                .with_remedy("Give it a store that can be asked, or a secret sink.")),
            _ => Ok(()),
        }
    }

    fn key(&self) -> Result<ApplicationKey, Error> {
        Ok(match self.options.adopt {
            Some(app_id) => app_id.into(),
            None => UniqueName::new(self.registration.unique_name())?.into(),
        })
    }

    async fn read(&self, key: ApplicationKey) -> Result<Application, Error> {
        let app = self.client.applications().find_selecting(key, SELECTED).await?;
        let app = app.ok_or_else(|| {
            let name = self.registration.unique_name();
            Error::new(ErrorCode::NotFound)
                .with_message(format!("there is no application of the unique name {name}"))
                .with_remedy("Apply the registration first, or name the application with adopt.")
        })?;
        let unread = ["passwordCredentials", "keyCredentials"].into_iter().find(|list| !app.was_read(list));
        match unread {
            Some(list) => Err(Error::new(ErrorCode::UnreadableMember)
                .with_message(format!("{list} came in a form that cannot be read, and nothing was changed"))),
            None => Ok(app),
        }
    }

    /// Takes one step after the other until nothing is left to do now.
    async fn rotate_one(&mut self, mut it: Credential<'a>) -> Result<(), Error> {
        let name = it.wanted.name();
        let window = it.wanted.window(self.now());
        let policy = Policy {
            overlap: time::Duration::try_from(self.options.overlap).unwrap_or(time::Duration::MAX),
            window: it.shorter.as_ref().map_or(window, |shorter| shorter.window(window)),
            replace_lost: self.options.replace_lost,
            at_once: self.options.at_once.iter().any(|wanted| wanted == name),
            has_store: matches!(self.options.destination, Destination::Store(_)),
        };
        for _ in 0..MAX_STEPS {
            let app = self.read(it.target.id.into()).await?;
            let stored = self.ask_store(&it).await?;
            let held = it.held(&app, self.now());
            let is_shown = |key_id: KeyId| held.iter().any(|held| held.key_id == key_id);
            if let Some((issued, at)) = it.issued.filter(|(issued, _)| !is_shown(*issued)) {
                // Nothing is decided before every replica shows it, or it is known to be gone.
                let age = self.client.clock().monotonic().saturating_sub(at);
                if age <= READ_LAG {
                    it.waits += 1;
                    wait_for_replicas(&self.client, "GET /applications/{id}", it.waits).await?;
                    continue;
                }
                (it.issued, it.proven) = (None, it.proven.filter(|proven| *proven != issued));
            }
            let state = State {
                name,
                held,
                stored: stored.as_ref().map(|secret| secret.key_id),
                proven: it.proven,
                retired: &it.retired,
                issued: it.issued.map(|(key_id, _)| key_id),
                now: self.now(),
            };
            match state.next(&policy) {
                Next::Issue(predecessor) => self.issue(&mut it, predecessor, &app).await?,
                Next::Wait(key_id, until) => self.wait(&it, key_id, until).await?,
                Next::Prove(_) => self.prove(&mut it, stored.as_ref()).await?,
                Next::Remove(key_id) => {
                    it.target.remove(it.wanted.kind(), key_id, it.proven).await?;
                    it.removed.push(key_id);
                    let text = format!("removed the earlier {} “{name}” ({key_id})", it.wanted.kind().noun());
                    self.done(it.wanted.removal_step(key_id), text);
                }
                Next::Rest(rest) => {
                    let held = state.held;
                    if self.options.evidence != Evidence::Unasked && it.others.is_none() {
                        let others = self.look_at_use(&held, rest.current, &app).await;
                        let unused = others.iter().filter(|it| matches!(it.used, CredentialUse::NotUsedSince(_)));
                        let unused: Vec<KeyId> = unused.map(|it| it.key_id).collect();
                        it.others = Some(others);
                        if self.options.evidence == Evidence::Removes && !unused.is_empty() {
                            it.retired.extend(unused);
                            continue;
                        }
                    }
                    self.rest(&it, &held, rest, policy.has_store);
                    return Ok(());
                }
            }
        }
        Err(Error::new(ErrorCode::ServiceContradictsItself))
    }

    /// The time by the service's clock, as far as it is known.
    fn now(&self) -> OffsetDateTime {
        self.client.clock().now() - self.client.clock_skew()
    }

    async fn ask_store(&self, it: &Credential<'a>) -> Result<Option<IssuedSecret>, Error> {
        let Destination::Store(store) = &self.options.destination else { return Ok(None) };
        let stored = self
            .load(&**store, it)
            .await
            .map_err(|source| Error::new(ErrorCode::SecretStoreFailed).with_source(source))?;
        Ok(stored.filter(|secret| !it.unusable.contains(&secret.key_id)))
    }

    async fn load(&self, store: &dyn SecretStore, it: &Credential<'a>) -> Result<Option<IssuedSecret>, BoxError> {
        let Target { tenant, app_id, .. } = it.target;
        let asked = StoredCredential::new(tenant, app_id, it.wanted.kind(), it.wanted.name());
        let deadline = self.client.options().deadline;
        let loaded = deadline.bound(self.client.clock(), store.load(&asked)).await;
        loaded.unwrap_or_else(|| Err("the secret store did not respond in the time allowed".into()))
    }

    /// Issues another one and hands it over.
    async fn issue(
        &mut self,
        it: &mut Credential<'a>,
        predecessor: Option<KeyId>,
        app: &Application,
    ) -> Result<(), Error> {
        it.attempts += 1;
        if it.attempts > MAX_ISSUED {
            return Err(Error::new(ErrorCode::SecretLost));
        }
        let now = self.client.clock().now();
        let shorter = it.shorter.as_ref().and_then(|shorter| now.checked_add(shorter.lifetime));
        let end = it.wanted.end(now)?;
        let end = shorter.map_or(end, |shorter| end.min(shorter));
        let attempted = match it.wanted {
            Wanted::Secret(secret) => {
                self.make_room(it, app).await?;
                it.target.issue_secret(secret, predecessor, end).await?
            }
            Wanted::Certificate(certificate) => {
                // One that another writer has overwritten is added again: the store may have it.
                let prepared = match it.prepared.take() {
                    Some(prepared) => prepared,
                    None => it.target.prepare(certificate, predecessor, end)?,
                };
                let attempted = it.target.add_certificate(&prepared).await;
                if let Ok(Attempted::InDoubt(_)) = attempted {
                    self.report_orphan(it, Some(prepared.key_id()));
                }
                it.prepared = Some(prepared);
                attempted?
            }
        };
        let issued = match attempted {
            Attempted::Issued(issued) => issued,
            Attempted::Lost => return Ok(()),
            Attempted::InDoubt(error) => {
                if it.wanted.kind() == CredentialKind::ClientSecret {
                    self.report_orphan(it, None);
                }
                return Err(error);
            }
        };
        let key_id = issued.key_id;
        let noun = it.wanted.kind().noun();
        let place = predecessor.map_or_else(String::new, |it| format!(" in place of {it}"));
        let shorter = it.shorter.as_ref().map_or_else(String::new, |it| format!(", valid {}", it.clause));
        self.done(it.wanted.step(), format!("issued the {noun} “{}” ({key_id}){place}{shorter}", it.wanted.name()));
        self.hand_over(it, &issued).await?;
        it.issued = Some((key_id, self.client.clock().monotonic()));
        if matches!(self.options.destination, Destination::Sink(_)) {
            self.sign_in(&issued).await?;
        }
        Ok(())
    }

    /// Gives what was issued to the store, which must give it back, or to the sink.
    async fn hand_over(&mut self, it: &Credential<'a>, issued: &IssuedSecret) -> Result<(), Error> {
        let deadline = self.client.options().deadline;
        let clock = self.client.clock();
        let too_late = || Err("the secret sink did not finish in the time allowed".into());
        let store = match self.options.destination.clone() {
            Destination::Nowhere => return Err(Error::new(ErrorCode::SecretSinkMissing)),
            Destination::Sink(sink) => {
                let stored: Result<(), BoxError> =
                    deadline.bound(clock, sink.store(issued)).await.unwrap_or_else(too_late);
                return match stored {
                    Ok(()) => Ok(()),
                    Err(source) => Err(self.take_back(it, issued).await.with_source(source)),
                };
            }
            Destination::Store(store) => store,
        };
        let stored: Result<(), BoxError> = deadline.bound(clock, store.store(issued)).await.unwrap_or_else(too_late);
        let given_back = self.load(&*store, it).await;
        let is_same = |it: &IssuedSecret| {
            let [own, given] = [issued, it].map(|it| it.value.expose_secret().as_bytes());
            it.key_id == issued.key_id && bool::from(own.ct_eq(given))
        };
        match (stored, given_back) {
            (_, Ok(Some(given))) if is_same(&given) => Ok(()),
            // Another run has stored its own in the meantime.
            (Ok(()), Ok(Some(given))) if given.key_id != issued.key_id => Ok(()),
            (Err(source), Ok(given)) if given.as_ref().is_none_or(|given| given.key_id != issued.key_id) => {
                Err(self.take_back(it, issued).await.with_source(source))
            }
            (Ok(()), Ok(_)) => {
                self.report.secrets.push(issued.clone());
                let text = "the secret store does not give back what it was given";
                Err(Error::new(ErrorCode::SecretNotStored).with_message(text))
            }
            (Err(source), Ok(_)) => {
                self.report.secrets.push(issued.clone());
                let text = "the secret store failed, and gives back another value";
                Err(Error::new(ErrorCode::SecretNotStored).with_message(text).with_source(source))
            }
            // It may have it, and whoever reads the store may use it: it stays.
            (_, Err(source)) => {
                self.report.secrets.push(issued.clone());
                Err(Error::new(ErrorCode::SecretStoreFailed).with_source(source))
            }
        }
    }

    /// Removes what could not be stored, so that none is left that nobody has.
    async fn take_back(&mut self, it: &Credential<'a>, issued: &IssuedSecret) -> Error {
        let noun = it.wanted.kind().noun();
        let text = match it.target.remove(it.wanted.kind(), issued.key_id, None).await {
            Ok(()) => {
                self.done(
                    it.wanted.removal_step(issued.key_id),
                    format!("removed the {noun} “{}” again, which could not be stored", it.wanted.name()),
                );
                format!("the {noun} could not be stored, and was removed from the application again")
            }
            Err(_) => {
                // It is live: whoever reads the report has it.
                self.report.secrets.push(issued.clone());
                format!("the {noun} could not be stored, and could not be removed from the application either")
            }
        };
        Error::new(ErrorCode::SecretNotStored).with_message(text)
    }

    /// An app for personal accounts has two secrets at most. Those that have ended go first; where there is still no room,
    /// nothing is removed.
    async fn make_room(&mut self, it: &mut Credential<'a>, app: &Application) -> Result<(), Error> {
        const MAX_SECRETS: usize = 2;
        if !app.sign_in_audience.as_ref().is_some_and(allows_personal_accounts) {
            return Ok(());
        }
        let now = self.now();
        let ended: Vec<KeyId> =
            it.held(app, now).iter().filter(|held| held.has_ended()).map(|held| held.key_id).collect();
        let there =
            app.password_credentials.iter().filter(|it_| it_.key_id.is_none_or(|key| !it.removed.contains(&key)));
        let there = there.count();
        if there.saturating_sub(ended.len()) >= MAX_SECRETS {
            return Err(Error::new(ErrorCode::TooManySecrets).with_remedy(
                "Remove one that nobody uses under Certificates & secrets, and run it again: nothing was removed.",
            ));
        }
        if there < MAX_SECRETS {
            return Ok(());
        }
        for key_id in ended {
            it.target.remove_secret(key_id).await?;
            it.removed.push(key_id);
            self.done(it.wanted.removal_step(key_id), format!("removed the expired client secret {key_id}"));
        }
        Ok(())
    }

    async fn wait(&self, it: &Credential<'a>, key_id: KeyId, until: OffsetDateTime) -> Result<(), Error> {
        let wait = Duration::try_from(until - self.now()).unwrap_or(Duration::ZERO) + Duration::from_secs(1);
        let (context, options) = (self.client.context(), self.client.options());
        if !context.ends_in_time(wait, &options) {
            return Err(Error::new(ErrorCode::DeadlineExceeded).with_message(format!(
                "another run may be about to store the {} {key_id}, and the time allowed is up before that can be told",
                it.wanted.kind().noun()
            )));
        }
        context.wait("GET /applications/{id}", &Outcome::Lagging, wait, 1, &options).await;
        Ok(())
    }

    /// Signs in with what the store has given back.
    async fn prove(&self, it: &mut Credential<'a>, stored: Option<&IssuedSecret>) -> Result<(), Error> {
        let Some(stored) = stored else { return Ok(()) };
        match self.sign_in(stored).await {
            Ok(()) => it.proven = Some(stored.key_id),
            // What this run has issued is new, and needs time; what is older and does not sign in is lost.
            Err(error) if self.options.replace_lost && is_refused(&error) && it.issued.is_none() => {
                it.unusable.push(stored.key_id);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn sign_in(&self, secret: &IssuedSecret) -> Result<(), Error> {
        // Whether it is consented to anything is no matter of the credential.
        let of_app = AppRegistration::new(self.registration.unique_name(), self.registration.display_name());
        let wait = WaitUntilUsable::new(&self.client, secret.into(), &of_app).times(self.options.times);
        match self.options.progress.clone() {
            Some(progress) => wait.on_progress(move |told| progress(told)).await?,
            None => wait.await?,
        };
        Ok(())
    }

    /// What is known of the use of those beside the one in use. That the report fails is no reason to fail.
    async fn look_at_use(&self, held: &[Held], current: Option<KeyId>, app: &Application) -> Vec<OtherCredential> {
        let keys: Vec<KeyId> = held.iter().map(|it| it.key_id).filter(|it| Some(*it) != current).collect();
        let activity = self.client.credential_activity_of(&keys).await;
        let used = |key_id| match &activity {
            Ok(activity) => activity.use_of(key_id, app.sign_in_audience.as_ref(), self.options.overlap),
            Err(_) => CredentialUse::Unknown(NoEvidence::NotReadable),
        };
        keys.iter().map(|key_id| OtherCredential { key_id: *key_id, used: used(*key_id) }).collect()
    }

    fn rest(&mut self, it: &Credential<'a>, held: &[Held], rest: Rest, has_store: bool) {
        let Rest { current, overlapping, foreign, unknown } = rest;
        let (name, noun) = (it.wanted.name(), it.wanted.kind().noun());
        for key_id in &foreign {
            let text = format!("the {noun} “{name}” ({key_id}) was issued by somebody else, and stays");
            self.open(ErrorCode::CredentialNotOurs, text, *key_id);
        }
        for key_id in unknown {
            let text = match has_store {
                true => format!("the {noun} “{name}” ({key_id}) is live, and the store does not have it"),
                false => format!("the {noun} “{name}” ({key_id}) stays: a sink cannot be asked what it holds"),
            };
            self.open(ErrorCode::SecretValueUnknown, text, key_id);
        }
        let state = match current {
            None => RotationState::ValueUnknown,
            Some(_) if !has_store => RotationState::HandedOver,
            Some(_) if overlapping.is_empty() => RotationState::Current,
            Some(_) => RotationState::Overlapping,
        };
        self.report.credentials.push(RotatedCredential {
            name: name.to_owned(),
            kind: it.wanted.kind(),
            state,
            current,
            end: held.iter().find(|held| Some(held.key_id) == current).and_then(|held| held.end),
            issued: it.issued.map(|(key_id, _)| key_id),
            earlier: overlapping.iter().map(|(key_id, _)| *key_id).collect(),
            overlap_until: overlapping.iter().map(|(_, until)| *until).max(),
            others: it
                .others
                .iter()
                .flatten()
                .filter(|it| held.iter().any(|held| held.key_id == it.key_id))
                .copied()
                .collect(),
        });
    }

    fn open(&mut self, code: ErrorCode, text: String, key_id: KeyId) {
        self.report.open.push(OpenItem::new(code, text, code.remedy()).key_id(key_id));
    }

    fn report_orphan(&mut self, it: &Credential<'a>, key_id: Option<KeyId>) {
        let text =
            format!("a {} “{}” may be there, and nobody has its value", it.wanted.kind().noun(), it.wanted.name());
        let code = ErrorCode::SecretMaybeOrphaned;
        let item =
            OpenItem::new(code, text, "Run the rotation again: what never came to the store goes, once it is told.");
        self.report.open.push(key_id.into_iter().fold(item, OpenItem::key_id));
    }

    fn done(&mut self, id: StepId, text: String) {
        let done = Done { id, text: on_one_line(text) };
        if let Some(progress) = &self.options.progress {
            progress(&Progress::Done(done.clone()));
        }
        self.report.done.push(done);
    }
}

impl<'a> Credential<'a> {
    fn new(wanted: Wanted<'a>, target: Target, retired: Vec<KeyId>) -> Self {
        Self {
            wanted,
            target,
            proven: None,
            issued: None,
            removed: Vec::new(),
            unusable: Vec::new(),
            retired,
            shorter: None,
            others: None,
            attempts: 0,
            waits: 0,
            prepared: None,
        }
    }

    fn held(&self, app: &Application, now: OffsetDateTime) -> Vec<Held> {
        let mut held = self.wanted.held(app, &self.retired, now);
        held.retain(|it| !self.removed.contains(&it.key_id));
        held
    }
}

/// Whether the sign-in service refuses a credential, and is not merely out of reach.
fn is_refused(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::SecretNotUsable | ErrorCode::InvalidCertificate)
        || error.kind() == ErrorKind::SignIn
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[allow(dead_code)] // to compile is the test
    fn futures_are_send(client: &Client, registration: &AppRegistration, store: Arc<dyn SecretStore>) {
        fn send<T: Send>(_: T) {}
        send(std::future::IntoFuture::into_future(client.rotate(registration).store(store)));
    }
}
