//! Certificates: given, or made here, with the private key for the secret sink alone.

use std::collections::BTreeSet;

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::api::ServicePrincipalKey;
use crate::client::{Batch, BatchHandle, BatchResponse, Client};
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::ids::{ApplicationId, KeyId};
use crate::model::{Application, KeyCredential};
use crate::provision::apply_state::{ApplyState, KeyAttempt};
use crate::provision::certificate::{Certificate, to_pem};
use crate::provision::collections::{Collection, Phase, TakeRead, TakeResponse};
use crate::provision::comparison::Comparison;
use crate::provision::credential_name::Mark;
use crate::provision::findings::Findings;
use crate::provision::key_list::{self, has_ended, merged};
use crate::provision::made_certificate::MadeCertificate;
use crate::provision::observed::{Observed, Validity};
use crate::provision::policies::{Credential, end_of_certificate, renewal_window};
use crate::provision::registration::AppRegistration;
use crate::provision::replicas::wait_for_replicas;
use crate::provision::report::{CredentialKind, IssuedCertificate, IssuedSecret, OpenItem};
use crate::provision::step::{Action, Step, StepId, StepKind, Subject};
use crate::provision::{credential_name, renewal};
use crate::random;
use crate::retry::READ_LAG;
use crate::x509::{CertificateFacts, thumbprint};

impl StepKind {
    /// A certificate of the registration.
    pub const CERTIFICATE: Self = Self::new("certificate");
    /// A valid certificate of the registration whose private key nobody may have.
    pub const CERTIFICATE_KEY: Self = Self::new("certificate_key");
    /// A certificate that the registration does not name.
    pub const SURPLUS_CERTIFICATE: Self = Self::surplus("surplus_certificate");
}

const KEY_CREDENTIALS: &str = "keyCredentials";

pub(super) struct Certificates;

#[async_trait]
impl Collection for Certificates {
    fn is_of_application(&self) -> bool {
        true
    }

    /// The list is written as a whole, so that all of it must be known.
    fn unreadable(&self, observed: &Observed) -> Option<&'static str> {
        let is_unknown = |key: &KeyCredential| key.key_id.is_none() || key.is_unreadable("endDateTime");
        (observed.keys_unknown || observed.keys.iter().any(is_unknown)).then_some(KEY_CREDENTIALS)
    }

    /// Reads of this list have a limit of their own (150 a minute), which the search for the application must not spend.
    /// <https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits>
    fn read(&self, client: &Client, principal: ServicePrincipalKey, batch: &mut Batch) -> Option<Box<dyn TakeRead>> {
        let ServicePrincipalKey::AppId(app_id) = principal else { return None };
        Some(Box::new(Read(batch.add(client.applications().find_selecting(app_id, &["id", KEY_CREDENTIALS])))))
    }

    fn check(&self, registration: &AppRegistration, findings: &mut Findings) {
        let wanted = &registration.certificates;
        for (index, certificate) in wanted.iter().enumerate() {
            findings.add_result(certificate.check());
            let is_same = |other: &Certificate| {
                other.name() == certificate.name() || (other.der().is_some() && other.der() == certificate.der())
            };
            if wanted[..index].iter().any(is_same) {
                let message = format!("the certificate “{}”, or its description, stands twice", certificate.name());
                findings.add(Error::new(ErrorCode::SecretTwice).with_message(message));
            }
        }
    }

    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>) {
        for wanted in &it.registration.certificates {
            steps_of_certificate(it, wanted, steps);
        }
        let is_written = it.registration.certificates.iter().any(|wanted| is_to_be_added(it, wanted));
        let is_meant = |key: &KeyCredential| {
            it.registration.certificates.iter().any(|wanted| wanted.is(key)) && !has_ended(key, it.now)
        };
        for (key_id, key) in it.observed.certificates().filter(|(_, key)| !is_meant(key)) {
            let name = key.display_name.as_deref().unwrap_or("without a description");
            let id = StepId::of(StepKind::SURPLUS_CERTIFICATE, Subject::Credential(key_id));
            let what = format!("certificate “{name}”{}", until(key.end_date_time));
            let step = match is_written && has_ended(key, it.now) {
                true => Step::new(id, Action::Remove)
                    .plan(format!("the {what} goes: it has expired, and Entra takes no list of certificates with it")),
                false => Step::new(id, Action::LeftAlone).plan(format!("{what}: not named here")),
            };
            let remedy = "Remove it under Certificates & secrets, if nobody uses it.";
            steps.push(step.check(format!("Nothing more than needed: {what}"), remedy).not_required());
        }
    }

    fn facts(&self, observed: &Observed) -> BTreeSet<String> {
        observed.certificates().map(|(key_id, _)| format!("certificate {key_id}")).collect()
    }

    fn phase(&self) -> Phase {
        Phase::Objects
    }

    fn requests(&self, state: &ApplyState<'_>, batch: &mut Batch) -> Result<Vec<Box<dyn TakeResponse>>, Error> {
        let Some(id) = state.observed.application.as_ref().and_then(|app| app.id) else { return Ok(Vec::new()) };
        let it = state.comparison();
        let added = it.registration.certificates.iter().filter(|wanted| is_to_be_added(&it, wanted));
        let added: Vec<Added> = added.map(|wanted| Added::new(state, wanted, it.now)).collect::<Result<_, _>>()?;
        if added.is_empty() {
            return Ok(Vec::new());
        }
        let keys = added.iter().map(Added::credential).collect();
        let patch = merged(&state.observed.keys, keys, it.now);
        let update = state.client.applications().update(id, &patch).fresh_until(state.fresh_until);
        Ok(vec![Box::new(Written { handle: batch.add(update), id, added })])
    }
}

/// Whether a certificate is made that has no secret sink to go to.
pub(in crate::provision) fn lacks_sink(it: &Comparison<'_>) -> bool {
    it.registration.certificates.iter().any(|wanted| wanted.is_generated() && is_to_be_added(it, wanted))
}

fn until(end: Option<OffsetDateTime>) -> String {
    end.map_or_else(String::new, |end| format!(", valid until {}", end.date()))
}

fn last_end(it: &Comparison<'_>, wanted: &Certificate) -> Option<OffsetDateTime> {
    it.observed.live_certificates(wanted, it.now).filter_map(|(_, key)| key.end_date_time).max()
}

fn is_due(it: &Comparison<'_>, wanted: &Certificate) -> bool {
    let window = renewal_window(it, Credential::Certificate(wanted), wanted.renewal_window(it.now));
    renewal::is_due(last_end(it, wanted), window, it.now)
}

fn is_renewed(it: &Comparison<'_>, wanted: &Certificate) -> bool {
    wanted.is_generated() && is_due(it, wanted) && credential_name::can_be_renewed(wanted.name())
}

fn is_replaced(it: &Comparison<'_>, wanted: &Certificate) -> bool {
    it.options.replace_certificates.iter().any(|name| name == wanted.name())
}

fn is_to_be_added(it: &Comparison<'_>, wanted: &Certificate) -> bool {
    let may_be_there = |key: &KeyCredential| {
        wanted.is(key) && matches!(Validity::of_key(key, it.now), Validity::Soon | Validity::Unknown | Validity::Live)
    };
    let is_there = || it.observed.certificates().any(|(_, key)| may_be_there(key));
    is_replaced(it, wanted) || is_renewed(it, wanted) || !is_there()
}

fn step_id(name: &str) -> StepId {
    StepId::of(StepKind::CERTIFICATE, Subject::Certificate(name.to_owned()))
}

fn steps_of_certificate(it: &Comparison<'_>, wanted: &Certificate, steps: &mut Vec<Step>) {
    let name = wanted.name();
    let live: Vec<_> = it.observed.live_certificates(wanted, it.now).collect();
    let last = last_end(it, wanted);
    let made = if wanted.is_generated() { "make and add" } else { "add" };
    let (action, text) = match (is_to_be_added(it, wanted), last) {
        (true, _) if live.is_empty() => (Action::Add, format!("{made} the certificate “{name}”")),
        (true, Some(end)) if is_renewed(it, wanted) => {
            (Action::Add, format!("renew the certificate “{name}”, which ends on {}: another is added", end.date()))
        }
        (true, _) => (Action::Add, format!("{made} another certificate “{name}”")),
        (false, _) => (Action::Unchanged, format!("certificate “{name}”{}", until(last))),
    };
    let remedy = match wanted.is_generated() {
        true => "Apply the registration with a secret sink, which gets the private key.",
        false => "Apply the registration, or upload the certificate under Certificates & secrets.",
    };
    let step = Step::new(step_id(name), action).plan(text);
    let sentence = format!("Certificate “{name}” is uploaded{}", until(last));
    steps.push(step.check(sentence, remedy).done(!live.is_empty()));
    if let Some(end) = last.filter(|_| is_due(it, wanted)) {
        let remedy = match wanted.is_generated() {
            true => "Apply the registration to make another one, and let the app use it.",
            false => {
                "Name a newer certificate in the registration beside it, apply it, and let the app use the newer one."
            }
        };
        let subject = Subject::Certificate(name.to_owned());
        let warning = renewal::warning(subject, &format!("certificate “{name}”"), end, remedy);
        steps.push(match wanted.is_generated() {
            true => warning,
            false => warning.plan(format!("certificate “{name}” ends on {}: a newer one is to be given", end.date())),
        });
    }
    let held = |key_id: &KeyId| it.options.held_secrets.contains(key_id) && !is_to_be_added(it, wanted);
    for (key_id, key) in live.iter().filter(|(key_id, _)| wanted.is_generated() && !held(key_id)) {
        let text = match is_to_be_added(it, wanted) {
            true => format!("the earlier certificate “{name}”{} stays until it is removed", until(key.end_date_time)),
            false => format!(
                "certificate “{name}”{} is there; ask for another if nobody has its private key",
                until(key.end_date_time)
            ),
        };
        let id = StepId::of(StepKind::CERTIFICATE_KEY, Subject::Credential(*key_id));
        steps.push(Step::new(id, Action::LeftAlone).plan(text));
    }
}

struct Read(BatchHandle<Option<Application>>);

#[async_trait]
impl TakeRead for Read {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, observed: &mut Observed) -> Result<(), Error> {
        let app = responses.take(self.0)?;
        observed.keys_unknown =
            app.as_ref().is_some_and(|app| !app.was_read(KEY_CREDENTIALS) || app.is_unreadable(KEY_CREDENTIALS));
        observed.keys = app.map(|app| app.key_credentials).unwrap_or_default();
        observed.keys.sort_by_key(|key| key.key_id);
        Ok(())
    }
}

/// A certificate on its way into the application.
struct Added {
    name: String,
    description: String,
    key_id: KeyId,
    der: Vec<u8>,
    end: Option<OffsetDateTime>,
    made: Option<MadeCertificate>,
}

impl Added {
    fn new(state: &ApplyState<'_>, wanted: &Certificate, now: OffsetDateTime) -> Result<Self, Error> {
        let it = state.comparison();
        // Chosen here, so that it is found again where the response is lost.
        let key_id = KeyId::new(random::uuid(state.client.randomness()));
        let name = wanted.name().to_owned();
        if let Some(der) = wanted.der() {
            return Ok(Self { description: name.clone(), name, key_id, der, end: None, made: None });
        }
        let predecessor = it.observed.live_certificates(wanted, now).max_by_key(|(_, key)| key.end_date_time);
        let description = match predecessor.filter(|_| is_renewed(&it, wanted)) {
            Some((predecessor, _)) => credential_name::marked(&name, Mark::Renews, Some(predecessor))?,
            None => name.clone(),
        };
        // A certificate knows whole seconds.
        let end = end_of_certificate(&it, wanted)?.replace_nanosecond(0).unwrap_or(now);
        let made = MadeCertificate::new(&name, now, end)?;
        Ok(Self { name, description, key_id, der: made.der.clone(), end: Some(end), made: Some(made) })
    }

    fn credential(&self) -> KeyCredential {
        KeyCredential::certificate(&self.der).key_id(self.key_id).display_name(self.description.as_str())
    }
}

struct Written {
    handle: BatchHandle<()>,
    id: ApplicationId,
    added: Vec<Added>,
}

#[async_trait]
impl TakeResponse for Written {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, state: &mut ApplyState<'_>) -> Result<(), Error> {
        let Self { handle, id, added } = *self;
        let result = responses.take(handle);
        let is_of_this_run = state.report.done.iter().any(|done| done.id.kind() == StepKind::REGISTERED);
        match result {
            // Nobody else writes an application that was made a moment ago.
            Ok(()) if is_of_this_run => {}
            Ok(()) => {
                for one in &added {
                    if !key_list::is_shown(&state.client, id, one.key_id).await? {
                        // Another writer has overwritten it, before anybody had its key: the next round adds one again.
                        return Ok(());
                    }
                }
            }
            // An earlier attempt of the batch may have been carried out, whose response was lost.
            Err(error) if may_be_done(&error) || error.code() == ErrorCode::DependencyFailed => {
                let app = key_list::read(&state.client, id).await;
                let is_there = |one: &Added| {
                    app.as_ref().is_ok_and(|app| app.as_ref().is_some_and(|app| key_list::lists(app, one.key_id)))
                };
                if !added.iter().all(is_there) {
                    let at = state.client.clock().monotonic();
                    let lost = added.iter().filter(|one| one.made.is_some() && may_be_done(&error));
                    let lost = lost.map(|one| KeyAttempt { name: one.name.clone(), key_id: one.key_id, at });
                    state.lost_keys.extend(lost);
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
        let now = state.client.clock().now();
        state.observed.keys.retain(|key| !has_ended(key, now));
        let mut first = Ok(());
        for one in added {
            first = first.and(taken(state, id, one).await);
        }
        first
    }
}

/// Whether a write that failed may have been carried out.
fn may_be_done(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Network | ErrorKind::Deadline | ErrorKind::Service | ErrorKind::Decode)
        && !error.is_outdated()
}

/// Keeps a certificate that is in the application: its private key goes to the sink, and it is reported.
async fn taken(state: &mut ApplyState<'_>, id: ApplicationId, one: Added) -> Result<(), Error> {
    let Some(app_id) = state.observed.app_id() else { return Ok(()) };
    let mut key = one.credential();
    key.end_date_time = one.end.or_else(|| CertificateFacts::read(&one.der).map(|it| it.not_after));
    state.observed.keys.push(key);
    state.options.replace_certificates.retain(|replaced| *replaced != one.name);
    let tenant = state.observed.tenant;
    if let Some(made) = &one.made {
        state.options.held_secrets.push(one.key_id);
        let secret = IssuedSecret::new(tenant, app_id, one.key_id, made.pem.clone())
            .kind(CredentialKind::Certificate)
            .display_name(one.description.as_str());
        let secret = one.end.into_iter().fold(secret, IssuedSecret::end);
        let stored = match &state.sink {
            Some(sink) => sink.store(&secret).await,
            None => Err("there is no secret sink".into()),
        };
        if let Err(source) = stored {
            return Err(take_back(state, id, &one).await.with_source(source));
        }
    }
    let text = match one.end {
        Some(end) => format!("made and added the certificate “{}”, valid until {}", one.name, end.date()),
        None => format!("added the certificate “{}”", one.name),
    };
    state.done(step_id(&one.name), text);
    let issued = IssuedCertificate {
        tenant_id: tenant,
        app_id,
        key_id: one.key_id,
        display_name: one.description,
        thumbprint: thumbprint(&one.der),
        pem: to_pem("CERTIFICATE", &one.der),
        end: one.end,
    };
    state.report.certificates.push(issued);
    Ok(())
}

/// Removes a certificate whose private key the sink could not store.
async fn take_back(state: &mut ApplyState<'_>, id: ApplicationId, one: &Added) -> Error {
    let removed = key_list::remove(&state.client, id, one.key_id, None).await;
    let text = match removed {
        Ok(()) => {
            state.observed.keys.retain(|key| key.key_id != Some(one.key_id));
            "the certificate's private key could not be stored, and the certificate was removed from the application again"
        }
        Err(_) => {
            report_orphan(state, &one.name, one.key_id);
            "the certificate's private key could not be stored, and the certificate could not be removed from the \
             application either"
        }
    };
    Error::new(ErrorCode::SecretNotStored).with_message(text)
}

fn report_orphan(state: &mut ApplyState<'_>, name: &str, key_id: KeyId) {
    let text = format!("a certificate “{name}” ({key_id}) may be there, and nobody has its private key");
    let remedy = ErrorCode::SecretMaybeOrphaned.remedy();
    state.report.open.push(OpenItem::new(ErrorCode::SecretMaybeOrphaned, text, remedy).key_id(key_id));
}

/// Removes the certificates of attempts that may have been carried out, and whose private key is gone: they are looked for
/// until reads no longer lag.
pub(in crate::provision) async fn remove_remaining_keys(state: &mut ApplyState<'_>) {
    let Some(id) = state.observed.application.as_ref().and_then(|app| app.id) else { return };
    for KeyAttempt { name, key_id, at } in std::mem::take(&mut state.lost_keys) {
        let mut attempts = 0;
        let settled = loop {
            attempts += 1;
            match key_list::read(&state.client, id).await {
                Ok(Some(app)) if key_list::lists(&app, key_id) => {
                    let removed = key_list::remove(&state.client, id, key_id, None).await.is_ok();
                    if removed {
                        let step = StepId::of(StepKind::SURPLUS_CERTIFICATE, Subject::Credential(key_id));
                        state.done(step, format!("removed the certificate “{name}” whose private key nobody has"));
                    }
                    break removed;
                }
                Ok(_) if state.client.clock().monotonic().saturating_sub(at) > READ_LAG => break true,
                Ok(_) => {}
                Err(_) => break false,
            }
            if wait_for_replicas(&state.client, "GET /applications/{id}", attempts).await.is_err() {
                break false;
            }
        };
        if !settled {
            report_orphan(state, &name, key_id);
        }
    }
}
