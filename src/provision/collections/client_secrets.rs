//! Client secrets: each attempt to issue one is recognisable as its own, and none is lost in silence.

use std::collections::BTreeSet;

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};

use crate::client::{Batch, BatchHandle, BatchResponse, Client};
use crate::error::{BoxError, Error, ErrorCode, ErrorKind};
use crate::ids::{ApplicationId, KeyId};
use crate::model::{Application, NewPasswordCredential, PasswordCredential};
use crate::provision::apply_state::{ApplyState, SecretAttempt};
use crate::provision::collections::{Collection, Phase, TakeResponse};
use crate::provision::comparison::Comparison;
use crate::provision::credential::{ClientSecret, max_end_date_jitter};
use crate::provision::credential_name::Mark;
use crate::provision::findings::Findings;
use crate::provision::observed::{Observed, Validity};
use crate::provision::policies::{Credential, end_of_secret, renewal_window};
use crate::provision::registration::{AppRegistration, allows_personal_accounts};
use crate::provision::replicas::wait_for_replicas;
use crate::provision::report::{IssuedSecret, OpenItem};
use crate::provision::step::{Action, Step, StepId, StepKind, Subject};
use crate::provision::{credential_name, renewal};
use crate::random;
use crate::retry::READ_LAG;

impl StepKind {
    /// A client secret of the registration.
    pub const SECRET: Self = Self::new("secret");
    /// A live client secret of the registration whose value nobody may have.
    pub const SECRET_VALUE: Self = Self::new("secret_value");
    /// A client secret that the registration does not name.
    pub const SURPLUS_SECRET: Self = Self::surplus("surplus_secret");
}

pub(super) struct ClientSecrets;

#[async_trait]
impl Collection for ClientSecrets {
    fn is_of_application(&self) -> bool {
        true
    }

    fn select(&self) -> &'static [&'static str] {
        &["passwordCredentials"]
    }

    fn check(&self, registration: &AppRegistration, findings: &mut Findings) {
        let secrets = &registration.credentials;
        if allows_personal_accounts(&registration.audience) && secrets.len() > 2 {
            findings.add(Error::new(ErrorCode::TooManySecrets));
        }
        for (index, secret) in secrets.iter().enumerate() {
            findings.add_result(secret.check());
            if secrets[..index].iter().any(|other| other.name() == secret.name()) {
                let message = format!("two client secrets are called “{}”", secret.name());
                findings.add(Error::new(ErrorCode::SecretTwice).with_message(message));
            }
        }
    }

    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>) {
        for wanted in &it.registration.credentials {
            steps_of_secret(it, wanted, steps);
        }
        let named = |secret: &PasswordCredential| {
            let wanted = &it.registration.credentials;
            wanted.iter().any(|wanted| credential_name::is_of(wanted.name(), secret.display_name.as_deref()))
        };
        let is_of_no_use =
            |secret: &PasswordCredential| matches!(Validity::of(secret, it.now), Validity::Ended | Validity::Early);
        for (key_id, secret) in it.observed.secrets().filter(|(_, secret)| !named(secret) || is_of_no_use(secret)) {
            let name = secret.display_name.as_deref().unwrap_or("without a description");
            let id = StepId::of(StepKind::SURPLUS_SECRET, Subject::Credential(key_id));
            let what = format!("client secret “{name}”{}", until(secret.end_date_time));
            let step = Step::new(id, Action::LeftAlone).plan(format!("{what}: not named here"));
            let remedy = "Remove it under Certificates & secrets, if nobody uses it.";
            steps.push(step.check(format!("Nothing more than needed: {what}"), remedy).not_required());
        }
    }

    fn facts(&self, observed: &Observed) -> BTreeSet<String> {
        observed.secrets().map(|(key_id, _)| format!("secret {key_id}")).collect()
    }

    fn phase(&self) -> Phase {
        Phase::Objects
    }

    fn requests(&self, state: &ApplyState<'_>, batch: &mut Batch) -> Result<Vec<Box<dyn TakeResponse>>, Error> {
        let mut requests: Vec<Box<dyn TakeResponse>> = Vec::new();
        let Some(id) = state.observed.application.as_ref().and_then(|app| app.id) else { return Ok(requests) };
        let it = state.comparison();
        for secret in it.registration.credentials.iter().filter(|secret| is_to_be_issued(&it, secret)) {
            let predecessor = it.observed.live_secrets(secret.name(), it.now).max_by_key(|(_, it)| it.end_date_time);
            let description = match predecessor.filter(|_| is_renewed(&it, secret)) {
                Some((predecessor, _)) => credential_name::marked(secret.name(), Mark::Renews, Some(predecessor))?,
                None => secret.name().to_owned(),
            };
            let attempt = attempt(&state.client, secret, description, end_of_secret(&it, secret)?);
            let new = NewPasswordCredential::new().display_name(attempt.description.as_str()).end(attempt.end);
            let handle = batch.add(state.client.applications().add_password(id, &new));
            requests.push(Box::new(Added { handle, attempt }));
        }
        Ok(requests)
    }
}

fn is_replaced(it: &Comparison<'_>, name: &str) -> bool {
    it.options.replace_secrets.iter().any(|replaced| replaced == name)
}

/// Whether the last one is near its end, so that another is issued beside it.
fn is_renewed(it: &Comparison<'_>, wanted: &ClientSecret) -> bool {
    let last = it.observed.live_secrets(wanted.name(), it.now).filter_map(|(_, secret)| secret.end_date_time).max();
    let window = renewal_window(it, Credential::Secret(wanted), wanted.renewal_window(it.now));
    renewal::is_due(last, window, it.now) && credential_name::can_be_renewed(wanted.name())
}

fn is_to_be_issued(it: &Comparison<'_>, wanted: &ClientSecret) -> bool {
    let name = wanted.name();
    let may_be_there =
        || it.observed.may_have_secret(name, it.now) || it.observed.secret_begins(name, it.now).is_some();
    is_replaced(it, name)
        || is_renewed(it, wanted)
        || (it.observed.live_secrets(name, it.now).next().is_none() && !may_be_there())
}

fn until(end: Option<OffsetDateTime>) -> String {
    end.map_or_else(String::new, |end| format!(", valid until {}", end.date()))
}

/// The step of a secret that is there and not valid yet: or this machine's clock is slow, so that none is issued beside it.
fn not_valid_yet(id: StepId, name: &str, start: OffsetDateTime) -> Step {
    let start = start.checked_to_offset(time::UtcOffset::UTC).unwrap_or(start);
    let from = format!("valid from {} {:02}:{:02} UTC", start.date(), start.hour(), start.minute());
    let remedy = "It is not valid yet by the clock of this machine: wait, set the clock, or ask for another with \
                  replace_secret.";
    let step = Step::new(id, Action::LeftAlone).plan(format!("client secret “{name}”, {from}"));
    step.check(format!("Client secret “{name}” is generated, {from}"), remedy)
}

/// Adds the steps of one secret of the registration: the secret, and those of its name that are live.
fn steps_of_secret(it: &Comparison<'_>, wanted: &ClientSecret, steps: &mut Vec<Step>) {
    let name = wanted.name();
    let id = || StepId::of(StepKind::SECRET, Subject::Secret(name.to_owned()));
    let live: Vec<_> = it.observed.live_secrets(name, it.now).collect();
    let renewed = is_renewed(it, wanted);
    let replaced = is_replaced(it, name) || renewed;
    let held = |key_id: &KeyId| it.options.held_secrets.contains(key_id) && !replaced;
    let last = live.iter().max_by_key(|(_, secret)| secret.end_date_time).and_then(|(_, secret)| secret.end_date_time);
    let (action, text) = if let Some(end) = last.filter(|_| renewed) {
        (
            Action::Add,
            Some(format!("renew the client secret “{name}”, which ends on {}: another is issued", end.date())),
        )
    } else if replaced && !live.is_empty() {
        (Action::Add, Some(format!("issue another client secret “{name}”")))
    } else if live.is_empty() {
        (Action::Add, Some(format!("issue the client secret “{name}”")))
    } else if let Some((_, secret)) = live.iter().find(|(key_id, _)| held(key_id)) {
        (Action::Unchanged, Some(format!("client secret “{name}”{}", until(secret.end_date_time))))
    } else {
        // The steps of what is there say it.
        (Action::Unchanged, None)
    };
    let is_known =
        it.observed.secrets().any(|(_, secret)| credential_name::is_of(name, secret.display_name.as_deref()));
    let remedy = if is_known {
        "It has expired, or is not valid yet: apply the registration to issue another, and store its value where the app reads it."
    } else {
        "Apply the registration to issue it, and store its value where the app reads it."
    };
    let mut step = Step::new(id(), action);
    if let Some(text) = text {
        step = step.plan(text);
    }
    let sentence = format!("Client secret “{name}” is generated{}", until(last));
    let step = step.check(sentence, remedy).done(!live.is_empty());
    steps.push(match it.observed.secret_begins(name, it.now) {
        _ if replaced || !live.is_empty() => step,
        Some(start) => not_valid_yet(id(), name, start),
        None if it.observed.may_have_secret(name, it.now) => step.unknown("passwordCredentials"),
        None => step,
    });
    if let Some(end) = last.filter(|_| renewal::is_due(last, wanted.renewal_window(it.now), it.now)) {
        let remedy = "Apply the registration to issue another one, and store its value where the app reads it.";
        let subject = Subject::Secret(name.to_owned());
        steps.push(renewal::warning(subject, &format!("client secret “{name}”"), end, remedy));
    }
    for (key_id, secret) in live.iter().filter(|(key_id, _)| !held(key_id)) {
        let end = until(secret.end_date_time);
        let text = match replaced {
            true => format!("the earlier client secret “{name}”{end} stays until it is removed"),
            false => format!(
                "client secret “{name}”{end} is there; its value cannot be read again, so ask for another if nobody has it"
            ),
        };
        let id = StepId::of(StepKind::SECRET_VALUE, Subject::Credential(*key_id));
        steps.push(Step::new(id, Action::LeftAlone).plan(text));
    }
}

/// An attempt to issue a secret now, with a mark of its own.
pub(in crate::provision) fn attempt(
    client: &Client,
    secret: &ClientSecret,
    description: String,
    end: OffsetDateTime,
) -> SecretAttempt {
    let now = client.clock().now();
    let jitter = u64::try_from(max_end_date_jitter(end - now).whole_microseconds()).unwrap_or(0);
    let earlier = i64::try_from(random::below(client.randomness(), jitter)).unwrap_or(0);
    let end = end.saturating_sub(Duration::microseconds(earlier));
    // Microseconds: the service keeps no more than seven digits.
    let end = end.replace_nanosecond(end.nanosecond() / 1000 * 1000).unwrap_or(end);
    SecretAttempt { name: secret.name().to_owned(), description, end, at: client.clock().monotonic() }
}

impl SecretAttempt {
    /// Whether a secret that was found is the one of this attempt.
    pub(in crate::provision) fn issued(&self, secret: &PasswordCredential) -> bool {
        let same_end = secret.end_date_time.is_some_and(|end| {
            // Some reads come back in whole seconds.
            end == self.end || (end.nanosecond() == 0 && end.unix_timestamp() == self.end.unix_timestamp())
        });
        same_end && secret.display_name.as_deref() == Some(&self.description)
    }
}

struct Added {
    handle: BatchHandle<PasswordCredential>,
    attempt: SecretAttempt,
}

#[async_trait]
impl TakeResponse for Added {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, state: &mut ApplyState<'_>) -> Result<(), Error> {
        let Self { handle, attempt } = *self;
        match responses.take(handle) {
            Ok(PasswordCredential { key_id: Some(key_id), secret_text: Some(value), end_date_time, .. }) => {
                let Some(app_id) = state.observed.app_id() else { return Ok(()) };
                let end = end_date_time.unwrap_or(attempt.end);
                let secret = IssuedSecret::new(state.observed.tenant, app_id, key_id, value);
                issued(state, secret.display_name(attempt.description.as_str()).end(end), attempt.name, end).await
            }
            // A response without the value is as good as lost.
            Ok(_) => response_lost(state, attempt).await,
            Err(error) if error.maybe_done() => {
                if error.kind() == ErrorKind::Deadline {
                    state.lost_attempts.push(attempt);
                    return Err(error);
                }
                response_lost(state, attempt).await
            }
            Err(error) => Err(error),
        }
    }
}

/// Keeps a secret that was issued: gives it to the sink, and reports it.
async fn issued(
    state: &mut ApplyState<'_>,
    secret: IssuedSecret,
    name: String,
    end: OffsetDateTime,
) -> Result<(), Error> {
    let key_id = secret.key_id;
    if let Some(app) = &mut state.observed.application {
        let mut credential = PasswordCredential::default();
        (credential.key_id, credential.end_date_time) = (Some(key_id), Some(end));
        credential.display_name.clone_from(&secret.display_name);
        app.password_credentials.push(credential);
    }
    state.options.replace_secrets.retain(|replaced| *replaced != name);
    state.options.held_secrets.push(key_id);
    let stored = match &state.sink {
        Some(sink) => sink.store(&secret).await,
        None => Ok(()),
    };
    if let Err(source) = stored {
        return Err(revoke(state, secret, source).await);
    }
    let step = StepId::of(StepKind::SECRET, Subject::Secret(name.clone()));
    state.done(step, format!("issued the client secret “{name}”, valid until {}", end.date()));
    state.report.secrets.push(secret);
    Ok(())
}

/// Removes a secret that the sink could not store, so that none is left that nobody has.
async fn revoke(state: &mut ApplyState<'_>, secret: IssuedSecret, source: BoxError) -> Error {
    let removed = remove(state, secret.key_id).await;
    let text = match &removed {
        Ok(()) => "the secret could not be stored, and was removed from the application again",
        Err(_) => "the secret could not be stored, and could not be removed from the application either",
    };
    if removed.is_err() {
        // It is live: whoever reads the report has it.
        state.report.secrets.push(secret);
    }
    Error::new(ErrorCode::SecretNotStored).with_message(text).with_source(source)
}

/// Removes a secret from the application.
async fn remove(state: &mut ApplyState<'_>, key_id: KeyId) -> Result<(), Error> {
    let Some(id) = state.observed.application.as_ref().and_then(|app| app.id) else { return Ok(()) };
    match state.client.applications().remove_password(id, key_id).repeatable().await {
        // The response to an earlier attempt was lost, and it is gone.
        Err(error) if is_unknown_secret(&error) && error.attempts() > 1 => {}
        // No replica knew it for as long as they may differ.
        Err(error) if error.code() == ErrorCode::NotVisibleYet && !is_listed(state, id, key_id).await => {}
        other => other?,
    }
    if let Some(app) = &mut state.observed.application {
        app.password_credentials.retain(|secret| secret.key_id != Some(key_id));
    }
    Ok(())
}

/// Whether the application shows a secret; one that cannot be looked for may be there.
async fn is_listed(state: &ApplyState<'_>, id: ApplicationId, key_id: KeyId) -> bool {
    let app = state.client.applications().find_selecting(id, &["id", "passwordCredentials"]).await;
    let is_gone = |app: &Application| {
        app.was_read("passwordCredentials")
            && app.password_credentials.iter().all(|it| it.key_id.is_some_and(|it| it != key_id))
    };
    !app.is_ok_and(|app| app.as_ref().is_none_or(is_gone))
}

/// Removes the secret of an attempt whose response was lost, where it is found; the next round issues another.
async fn response_lost(state: &mut ApplyState<'_>, attempt: SecretAttempt) -> Result<(), Error> {
    state.lost_responses += 1;
    match remove_orphan(state, &attempt).await {
        Ok(Orphan::Found(_)) => Ok(()),
        Ok(Orphan::None | Orphan::Ambiguous) => {
            state.lost_attempts.push(attempt);
            Ok(())
        }
        // One replica shows it and another does not know it yet: looked for again at the end.
        Err(error) if is_unknown_secret(&error) => {
            state.lost_attempts.push(attempt);
            Ok(())
        }
        // Looked for again at the end, and told if it cannot be.
        Err(error) => {
            state.lost_attempts.push(attempt);
            Err(error)
        }
    }
}

/// Removes the secret of an attempt whose response was lost, where it is found.
async fn remove_orphan(state: &mut ApplyState<'_>, attempt: &SecretAttempt) -> Result<Orphan, Error> {
    let Some(id) = state.observed.application.as_ref().and_then(|app| app.id) else { return Ok(Orphan::None) };
    let found = state.client.applications().find_selecting(id, &["id", "appId", "passwordCredentials"]).await?;
    let Some(found) = found else { return Ok(Orphan::None) };
    let orphan = find_orphan(attempt, &found.password_credentials, &state.options.held_secrets);
    if let Orphan::Found(key_id) = orphan {
        remove(state, key_id).await?;
        let step = StepId::of(StepKind::SURPLUS_SECRET, Subject::Credential(key_id));
        state.done(step, format!("removed the client secret “{}” whose value was lost on the way", attempt.name));
    }
    Ok(orphan)
}

/// Removes the secrets of lost attempts that could not be found before: they are looked for until reads no longer lag.
pub(in crate::provision) async fn remove_remaining_orphans(state: &mut ApplyState<'_>) -> Result<(), Error> {
    for attempt in std::mem::take(&mut state.lost_attempts) {
        let mut attempts = 0;
        let settled = loop {
            attempts += 1;
            let surely_absent = match remove_orphan(state, &attempt).await {
                Ok(Orphan::Found(_)) => break true,
                Ok(Orphan::None) => true,
                Ok(Orphan::Ambiguous) => false,
                Err(error) if is_unknown_secret(&error) => false,
                Err(_) => break false,
            };
            let age = state.client.clock().monotonic().saturating_sub(attempt.at);
            if age > READ_LAG {
                // Reads show everything by now: where there is none, it was never made.
                break surely_absent;
            }
            if wait_for_replicas(&state.client, "GET /applications/{id}", attempts).await.is_err() {
                break false;
            }
        };
        if !settled {
            let text = format!(
                "a client secret “{}” that ends at {} may be there, and nobody has its value",
                attempt.name, attempt.end
            );
            let remedy = ErrorCode::SecretMaybeOrphaned.remedy();
            state.report.open.push(OpenItem::new(ErrorCode::SecretMaybeOrphaned, text, remedy));
        }
    }
    Ok(())
}

/// Reports the live secrets of the registration whose value nobody may have.
pub(in crate::provision) fn report_unknown_values(state: &mut ApplyState<'_>) {
    let now = state.client.clock().now();
    let mut open = Vec::new();
    for wanted in &state.registration.credentials {
        for (key_id, _) in state.observed.live_secrets(wanted.name(), now) {
            if !state.options.held_secrets.contains(&key_id) {
                let text = format!(
                    "the client secret “{}” ({key_id}) is live, and its value cannot be read again",
                    wanted.name()
                );
                let remedy = ErrorCode::SecretValueUnknown.remedy();
                open.push(OpenItem::new(ErrorCode::SecretValueUnknown, text, remedy).key_id(key_id));
            }
        }
    }
    state.report.open.extend(open);
}

/// Whether the service refused to remove a secret because it does not know it, or not yet.
fn is_unknown_secret(error: &Error) -> bool {
    error.code() == ErrorCode::CredentialNotFound
}

/// The secret of a lost attempt, among those of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Orphan {
    None,
    Found(KeyId),
    /// Several have its mark: none is removed by guess.
    Ambiguous,
}

/// Finds the secret of a lost attempt among those of the application, without those whose value is `held`.
fn find_orphan(attempt: &SecretAttempt, secrets: &[PasswordCredential], held: &[KeyId]) -> Orphan {
    let mut issued = secrets
        .iter()
        .filter(|secret| attempt.issued(secret))
        .filter_map(|secret| secret.key_id)
        .filter(|key_id| !held.contains(key_id));
    match (issued.next(), issued.next()) {
        (None, _) => Orphan::None,
        (Some(key_id), None) => Orphan::Found(key_id),
        (Some(_), Some(_)) => Orphan::Ambiguous,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn secret(end: OffsetDateTime) -> PasswordCredential {
        let mut secret = PasswordCredential::default();
        (secret.key_id, secret.end_date_time) = (Some(KeyId::from_u128(1)), Some(end));
        secret.display_name = Some("x".to_owned());
        secret
    }

    #[test]
    fn only_the_attempts_own_mark_is_its_own() {
        let attempt = SecretAttempt {
            name: "x".to_owned(),
            description: "x".to_owned(),
            end: datetime!(2028-01-31 10:00:05.123456 UTC),
            at: std::time::Duration::ZERO,
        };
        assert!(attempt.issued(&secret(datetime!(2028-01-31 10:00:05.123456 UTC))));
        assert!(attempt.issued(&secret(datetime!(2028-01-31 10:00:05 UTC))), "whole seconds");
        assert!(!attempt.issued(&secret(datetime!(2028-01-31 10:00:05.123457 UTC))), "another run's");
        assert!(!attempt.issued(&secret(datetime!(2028-01-31 10:00:06 UTC))));
        assert_eq!(find_orphan(&attempt, &[secret(attempt.end)], &[KeyId::from_u128(1)]), Orphan::None, "in hand");
        assert_eq!(
            find_orphan(&attempt, &[secret(attempt.end), secret(attempt.end)], &[]),
            Orphan::Ambiguous,
            "two of one mark"
        );
    }
}
