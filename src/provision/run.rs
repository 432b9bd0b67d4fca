//! Carrying a plan out: four requests on a first run, none on a converged one.
//!
//! Each round works out what is still to be done, from what was observed and what has been accepted since, and does the
//! next part of it in one request. So a failure anywhere leaves work for the next round, or for the next run, and
//! nothing is done twice. What others have written is never written over: each round looks whether what it would write from
//! is to be read again first, and what it cannot send in time is left to the next one.

use std::sync::Arc;
use std::time::Duration;

use crate::api::DeletedKind;
use crate::client::{Batch, Client};
use crate::error::{Error, ErrorCode, ErrorKind, on_one_line};
use crate::model::Application;
use crate::provision::apply_state::ApplyState;
use crate::provision::approvals::Approvals;
use crate::provision::collections::{self, COLLECTIONS, Collection, Phase, TakeResponse, rooms};
use crate::provision::guards;
use crate::provision::identity::{unique_name_taken, wants_unique_name};
use crate::provision::installed;
use crate::provision::notice::notices;
use crate::provision::observe::{Written, cache_key, observe_application_settled, observe_settled};
use crate::provision::observed::{DeletedHolder, Observed, shown, with_ids};
use crate::provision::plan::Plan;
use crate::provision::policies;
use crate::provision::progress::ProgressHook;
use crate::provision::published::report_corrections;
use crate::provision::replicas::wait_for_replicas;
use crate::provision::report::{OpenItem, Registered, RegisteredApplication, SecretSink};
use crate::provision::settings;
use crate::provision::step::{Change, StepKind, unreadable_remedy};
use crate::provision::steps::{changes, check_observed, unreadable};
use crate::retry::{Deadline, Outcome, Repeat, WaitReason};

/// What was observed is written from for so long; what is older is read again. A write that cannot be sent by then, because
/// the service throttles or fails, is not sent from it either.
pub(super) const MAX_OBSERVATION_AGE: Duration = Duration::from_secs(5);

/// Rounds beyond this many mean that the service contradicts itself.
const MAX_ROUNDS: u32 = 12;

/// What is written from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// What the plan saw a moment ago. What is there is read once more before it is changed.
    Plan,
    /// What the plan saw before this client has written: it is read again, whatever is to be done.
    PlanBeforeOwnWrite,
    /// What the plan saw too long ago: it is read again, and must be as the plan saw it, or as this client left it.
    OldPlan,
    /// What this run read, at a moment on the clock's monotonic scale.
    Read(Duration),
    /// What this run made itself.
    Made,
    /// What others may have changed since: it is read again before anything is written.
    Outdated,
}

/// Where a service throttles so hard that each write is refused right behind its reads, the write waits for its turn after
/// so many of them, as it would by itself.
const MAX_THROTTLED_ROUNDS: u32 = 5;

/// Writes that were left to the next round, one after the other.
struct Postponed {
    since: Duration,
    attempts: u32,
    throttled_rounds: u32,
}

/// An apply under way.
pub(super) struct Run<'a> {
    plan: &'a Plan,
    state: ApplyState<'a>,
    approvals: Approvals,
    /// The changes that this client has made since the plan.
    written: Vec<Change>,
    basis: Basis,
    postponed: Option<Postponed>,
    /// Whether a grant was refused, because the caller may not make it.
    may_not_grant: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        client: Client,
        plan: &'a Plan,
        approvals: Approvals,
        sink: Option<Arc<dyn SecretSink>>,
        progress: Option<ProgressHook>,
    ) -> Self {
        let state = ApplyState {
            client,
            registration: &plan.registration,
            options: plan.options.clone(),
            observed: plan.observed.clone(),
            report: Registered {
                tenant_id: plan.tenant,
                application: None,
                service_principal: None,
                secrets: Vec::new(),
                certificates: Vec::new(),
                done: Vec::new(),
                corrections: Vec::new(),
                open: Vec::new(),
                notices: Vec::new(),
            },
            round: 0,
            fresh_until: Deadline::default(),
            lost_attempts: Vec::new(),
            lost_keys: Vec::new(),
            lost_responses: 0,
            grants_in_doubt: false,
            sink,
            progress,
        };
        Self { plan, state, approvals, written: Vec::new(), basis: Basis::Plan, postponed: None, may_not_grant: false }
    }

    /// Carries the plan out, or ends at the first failure; orphaned secrets are removed either way.
    pub(super) async fn execute(&mut self, max_plan_age: Duration) -> Result<(), Error> {
        guards::check_with_lifetimes(&self.state.client, &self.plan.registration, &self.plan.options)?;
        self.check_changes()?;
        self.check_target().await?;
        self.basis = self.basis_of_plan(max_plan_age);
        let result = match self.rounds().await {
            Err(error) => Err(Box::pin(policies::explain(&self.state, error)).await),
            result => result,
        };
        let orphans = collections::remove_remaining_orphans(&mut self.state).await;
        collections::remove_remaining_keys(&mut self.state).await;
        result.and(orphans)
    }

    /// The report of what was done: with the ids of the application, and the secrets whose value nobody may have.
    pub(super) fn into_report(mut self) -> Registered {
        let observed = &self.state.observed;
        if let Some(app) = &observed.application
            && let (Some(app_id), Some(id)) = (app.app_id, app.id)
        {
            self.state.report.application = Some(RegisteredApplication {
                service_principal_id: observed.principal_id(),
                unique_name: app.unique_name.clone(),
                display_name: app.display_name.clone(),
                created: app.created_date_time,
                ..RegisteredApplication::new(app_id, id)
            });
            collections::report_unknown_values(&mut self.state);
        }
        if self.state.options.installed.is_some() {
            self.state.report.service_principal = installed::report(&self.state.comparison());
        }
        self.state.report.notices = notices(&self.state.comparison());
        if !self.state.report.done.is_empty() {
            report_corrections(&mut self.state);
        }
        policies::report_shortened(&mut self.state);
        if self.may_not_grant {
            collections::report_missing_consent(&mut self.state);
        }
        for path in unreadable(&self.state.comparison()) {
            let text = format!("{path} came in a form that cannot be read, and was left as it is");
            let item = OpenItem::new(ErrorCode::UnreadableMember, text, unreadable_remedy(path));
            self.state.report.open.push(item);
        }
        self.state.report
    }

    /// Refuses what a plan would refuse of what is written from, changes that lack an approval, and those that the plan
    /// does not show. Whether anything is to be written.
    fn check_changes(&self) -> Result<bool, Error> {
        let it = self.state.comparison();
        let changes = changes(&it);
        self.approvals.check(&it)?;
        check_observed(&it)?;
        guards::check_clock(&self.state.client, &it)?;
        if self.state.sink.is_none() && collections::lacks_sink(&it) {
            return Err(Error::new(ErrorCode::SecretSinkMissing));
        }
        guards::check_shown(&changes, self.plan.steps(), &self.written)?;
        Ok(!changes.is_empty())
    }

    /// Refuses a plan that is for another tenant or cloud.
    async fn check_target(&self) -> Result<(), Error> {
        let (plan, client) = (self.plan, &self.state.client);
        let other_target = |text: String| Error::new(ErrorCode::PlanForAnotherTarget).with_message(text);
        let cloud = client.cloud().name();
        if plan.cloud != cloud {
            return Err(other_target(format!("the plan is for the cloud {}, not {cloud}", plan.cloud)));
        }
        let tenant = client.tenant_id().await?;
        if plan.tenant != tenant {
            return Err(other_target(format!(
                "the plan is for the tenant {}, and the client is signed in to {tenant}",
                plan.tenant
            )));
        }
        Ok(())
    }

    fn basis_of_plan(&self, max_age: Duration) -> Basis {
        let now = self.state.client.clock().now();
        // A clock that was set back says nothing of the age.
        let age = Duration::try_from(now - self.plan.made_at).unwrap_or(Duration::MAX);
        match self.plan.from_file || max_age.is_zero() || age > max_age {
            true => Basis::OldPlan,
            false if self.written_since_plan().is_some() => Basis::PlanBeforeOwnWrite,
            false => Basis::Plan,
        }
    }

    /// What this client has written of the same app since the plan was made.
    fn written_since_plan(&self) -> Option<Arc<Written>> {
        let (plan, client) = (self.plan, &self.state.client);
        let key = cache_key(plan.tenant, &plan.registration, &plan.options);
        let (at, written) = client.observations().get::<Written>(&key)?;
        let age_of_plan = client.clock().now() - plan.made_at;
        (age_of_plan > client.clock().monotonic().saturating_sub(at)).then_some(written)
    }

    /// Reads again what is written from, where that is due: what others have added since is kept, and what a plan would
    /// refuse now is refused.
    async fn read_if_due(&mut self) -> Result<(), Error> {
        let has_changes = self.check_changes()?;
        let observed = &self.state.observed;
        let is_there = observed.application.is_some() || observed.principal.is_some();
        let now = self.state.client.clock().monotonic();
        let is_due = match self.basis {
            Basis::OldPlan | Basis::PlanBeforeOwnWrite | Basis::Outdated => true,
            Basis::Plan => has_changes && is_there,
            Basis::Read(at) => has_changes && now.saturating_sub(at) > MAX_OBSERVATION_AGE,
            Basis::Made => false,
        };
        if is_due {
            self.read_again().await?;
            self.basis = Basis::Read(now);
            self.check_changes()?;
        }
        Ok(())
    }

    /// Reads the application again that was there before, with what belongs to it, or looks for it where it was not.
    async fn read_again(&mut self) -> Result<(), Error> {
        let ApplyState { client, registration, options, observed, .. } = &self.state;
        let is_of_plan = matches!(self.basis, Basis::OldPlan | Basis::PlanBeforeOwnWrite);
        let written = self.written_since_plan();
        let again = match observed.application {
            Some(_) if !is_of_plan => observe_application_settled(client, registration, options, observed).await?,
            _ => Some(observe_settled(client, registration, options).await?.0),
        };
        let Some(again) = again else { return Err(Error::new(ErrorCode::PlanOutdated)) };
        if let (None, Some(app_id)) = (observed.app_id(), again.app_id()) {
            // It was not there a moment ago: not every replica knows it.
            client.wrote_application(&registration.unique_name, Some(app_id));
        }
        match is_of_plan {
            true => self.go_on_from(&again, written)?,
            false if !again.has_all_of(observed) => return Err(Error::new(ErrorCode::PlanOutdated)),
            false => {}
        }
        self.state.observed = again;
        Ok(())
    }

    /// Refuses what an old plan did not see, unless this client has written it since; then this run goes on from there,
    /// and issues nothing twice.
    fn go_on_from(&mut self, again: &Observed, written: Option<Arc<Written>>) -> Result<(), Error> {
        // What another run of this client has done since is no surprise, unless the plan was seen by others only.
        let own = written.filter(|_| !self.plan.from_file);
        let is_expected = match &own {
            Some(own) => again.has_all_of(&own.observed),
            None => again.facts() == self.plan.observed.facts(),
        };
        if self.basis == Basis::OldPlan && !is_expected {
            return Err(Error::new(ErrorCode::PlanOutdated));
        }
        let now = self.state.client.clock().now();
        let has_newer = |name: &String| {
            let mut live = again.live_secrets(name, now);
            live.any(|(key_id, _)| !self.plan.observed.secrets().any(|(before, _)| before == key_id))
        };
        self.state.options.replace_secrets.retain(|name| !has_newer(name));
        if let Some(own) = own {
            self.written.clone_from(&own.changes);
        }
        Ok(())
    }

    /// Does what is pending, part by part, until nothing is.
    async fn rounds(&mut self) -> Result<(), Error> {
        let mut round = 1;
        while round <= MAX_ROUNDS {
            self.state.round = round;
            let options = self.state.client.options();
            let is_held_up = self.postponed.is_some() || self.state.client.context().is_throttled(&options);
            let _turn = match options.throttle_gate.as_ref().filter(|_| is_held_up) {
                Some(gate) => options.deadline.bound(self.state.client.clock(), gate.turn_to_begin_again()).await,
                None => None,
            };
            self.read_if_due().await?;
            let may_wait = self.postponed.as_ref().is_some_and(|it| it.throttled_rounds >= MAX_THROTTLED_ROUNDS);
            self.state.fresh_until = match may_wait {
                true => Deadline::default(),
                false => Deadline::after(self.state.client.clock(), MAX_OBSERVATION_AGE),
            };
            let result = match self.state.observed.application.clone() {
                _ if self.state.options.installed.is_some() => self.change_installed().await,
                None => self.create_application().await.map(|()| true),
                Some(app) => match self.change_objects(&app).await {
                    Ok(false) => self.change_grants().await,
                    result => result,
                },
            };
            self.remember();
            match result {
                Err(error) if error.is_outdated() => self.postpone(error).await?,
                Ok(false) => return Ok(()),
                result => {
                    result?;
                    (self.postponed, round) = (None, round + 1);
                }
            }
        }
        let lost = self.state.lost_responses > 0;
        Err(Error::new(if lost { ErrorCode::SecretLost } else { ErrorCode::ServiceContradictsItself }))
    }

    /// Leaves a write to the next round, which reads again what it writes from: waits as the write by itself would have
    /// waited, or ends with its error.
    async fn postpone(&mut self, error: Error) -> Result<(), Error> {
        let client = &self.state.client;
        let (context, options, now) = (client.context(), client.options(), client.clock().monotonic());
        let retry_after = error.retry_after();
        let outcome = match error.code() {
            ErrorCode::Throttled => Outcome::Throttled { retry_after },
            ErrorCode::NotVisibleYet => Outcome::Lagging,
            _ => Outcome::Failed { retry_after },
        };
        // It was held up among other requests of this client for so long that it is to be read again.
        let was_late = error.code() == ErrorCode::DeadlineExceeded;
        let first = Postponed { since: now, attempts: 0, throttled_rounds: 0 };
        let postponed = self.postponed.get_or_insert(first);
        postponed.attempts += error.attempts();
        let was_held_up = was_late || outcome.wait_reason() == WaitReason::Throttling;
        postponed.throttled_rounds += u32::from(was_held_up);
        let elapsed = now.saturating_sub(postponed.since);
        let wait = context.policy.decide(Repeat::Safe, &outcome, postponed.attempts, elapsed, context.jitter());
        let Some(wait) = wait.filter(|wait| context.ends_in_time(*wait, &options)) else { return Err(error) };
        // While the service throttles the tenant, the read waits with all other requests, and a wait of its own would come
        // on top.
        if !was_late && !context.is_throttled(&options) {
            let operation = error.operation().unwrap_or_default().to_owned();
            context.wait(operation, &outcome, wait, postponed.attempts, &options).await;
        }
        // What a replica does not know yet is too new for others to have added to it.
        if !(self.basis == Basis::Made && outcome == Outcome::Lagging) {
            self.basis = Basis::Outdated;
        }
        Ok(())
    }

    /// Remembers what was accepted, so that a read that lags does not make anyone write it twice.
    fn remember(&self) {
        let ApplyState { client, registration, options, observed, .. } = &self.state;
        client.observations().insert(
            cache_key(observed.tenant, registration, options),
            Written {
                observed: observed.clone(),
                changes: self.plan.changes().chain(&self.written).cloned().collect(),
            },
            observed.object_ids(),
            client.clock().monotonic(),
        );
    }

    /// Creates the application by its unique name: sent twice, it is created once.
    async fn create_application(&mut self) -> Result<(), Error> {
        let registration = self.state.registration;
        let client = self.state.client.clone();
        let body = settings::creation(&self.state.comparison());
        let upsert = client.applications().upsert(&registration.unique_name, &body);
        let created = match upsert.fresh_until(self.state.fresh_until).await {
            Err(error) if error.code() == ErrorCode::UniqueNameTaken => {
                return Err(self.unique_name_holder(error).await);
            }
            created => created?,
        };
        match created {
            Some(created) => {
                let mut app = with_ids(created)?;
                app.unique_name = Some(registration.unique_name.clone());
                client.wrote_application(&registration.unique_name, app.app_id);
                let app_id = shown(app.app_id.as_ref());
                let text = format!("registered “{}”, client id {app_id}", registration.display_name);
                self.state.observed.application = Some(app);
                self.basis = Basis::Made;
                self.state.done(StepKind::REGISTERED, text);
            }
            None => {
                // Somebody was faster, or an earlier attempt's response was lost: the next round sees what is there.
                client.wrote_application(&registration.unique_name, None);
                if self.state.round > 1 {
                    wait_for_replicas(&client, "PATCH /applications(uniqueName)", self.state.round).await?;
                }
                self.basis = Basis::Outdated;
            }
        }
        Ok(())
    }

    /// The error for a unique name that is taken: the holder is looked for among the deleted applications.
    async fn unique_name_holder(&self, error: Error) -> Error {
        let unique_name = &self.state.registration.unique_name;
        let deleted = self.state.client.deleted_items().list(DeletedKind::Application).all().await.unwrap_or_default();
        let Some(holder) = deleted.into_iter().find_map(|item| DeletedHolder::of(item, unique_name)) else {
            return error;
        };
        unique_name_taken(unique_name, &holder)
            .during("PATCH /applications(uniqueName)")
            .with_request_ids(error.request_id().map(str::to_owned), error.client_request_id().map(str::to_owned))
            .with_source(error)
    }

    /// Writes the rest of the application, and what goes with it: one request. `false` where nothing is to be written.
    async fn change_objects(&mut self, app: &Application) -> Result<bool, Error> {
        let it = self.state.comparison();
        let mut wanted = settings::changed(&it, app);
        if wants_unique_name(&it, app) {
            wanted.unique_name = Some(self.state.registration.unique_name.clone());
        }
        let patch = settings::difference(app, &wanted);
        let mut batch = self.state.client.batch().in_order();
        let Some(id) = app.id else { return Err(Error::new(ErrorCode::UnexpectedResponse)) };
        let update = self.state.client.applications().update(id, &patch).fresh_until(self.state.fresh_until);
        let patched = (!patch.is_empty()).then(|| batch.add(update));
        let requests = requests(&self.state, Phase::Objects, &mut batch)?;
        if batch.is_empty() {
            return Ok(false);
        }
        let mut responses = batch.send().await?;
        let mut first = None;
        if let Some(handle) = patched {
            let response = responses.take(handle);
            keep_first(&mut first, self.application_patched(app, wanted, response));
        }
        for request in requests {
            keep_first(&mut first, request.take(&mut responses, &mut self.state).await);
        }
        first.map_or(Ok(true), Err)
    }

    /// Writes a service principal whose application is not registered here, or its grants: one request. `false` where nothing
    /// is to be written. It is deleted last, so that it holds nothing if somebody restores it.
    async fn change_installed(&mut self) -> Result<bool, Error> {
        if self.state.options.removal().is_some() {
            return Ok(self.change_grants().await? || self.change_principal().await?);
        }
        Ok(self.change_principal().await? || self.change_grants().await?)
    }

    async fn change_principal(&mut self) -> Result<bool, Error> {
        let mut batch = self.state.client.batch();
        let requests = requests(&self.state, Phase::Objects, &mut batch)?;
        if batch.is_empty() {
            return Ok(false);
        }
        let mut responses = batch.send().await?;
        for request in requests {
            request.take(&mut responses, &mut self.state).await?;
        }
        // What was made, or read after somebody else had made it, was not there when the plan was made.
        self.basis = Basis::Made;
        Ok(true)
    }

    /// Grants what is missing, and removes what is surplus: one batch. `false` where nothing is to be written.
    async fn change_grants(&mut self) -> Result<bool, Error> {
        let mut batch = self.state.client.batch();
        let requests = requests(&self.state, Phase::Grants, &mut batch)?;
        if batch.is_empty() {
            return Ok(false);
        }
        let mut responses = batch.send().await?;
        let mut first = None;
        for request in requests {
            let result = request.take(&mut responses, &mut self.state).await;
            self.may_not_grant |= result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Forbidden);
            keep_first(&mut first, result);
        }
        for collection in COLLECTIONS {
            let round = self.state.round;
            keep_first(&mut first, collection.settle(&mut self.state, round).await);
        }
        first.map_or(Ok(true), Err)
    }

    /// Takes in the response to the update of the application.
    fn application_patched(
        &mut self,
        before: &Application,
        wanted: Application,
        response: Result<(), Error>,
    ) -> Result<(), Error> {
        match response {
            Ok(()) => {
                if before.unique_name != wanted.unique_name {
                    self.state.done(StepKind::UNIQUE_NAME, "set the unique name");
                }
                for setting in settings::differing(before, &wanted) {
                    self.state.done(setting.kind(), format!("set {}", setting.name()));
                }
                self.state.observed.application = Some(wanted);
                Ok(())
            }
            Err(error) if before.unique_name != wanted.unique_name && is_unique_name_refused(&error) => {
                self.state.options.unique_name_refused = true;
                let unique_name = &self.state.registration.unique_name;
                let text = format!("the application could not be given the unique name {unique_name}");
                let remedy = ErrorCode::UniqueNameRefused.remedy();
                self.state.report.open.push(OpenItem::new(ErrorCode::UniqueNameRefused, text, remedy));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Refused => Err(with_refused_values(error, &wanted)),
            Err(error) => Err(error),
        }
    }
}

/// The error of an update, whose remedy names what the application has and today's rules refuse.
fn with_refused_values(error: Error, app: &Application) -> Error {
    let refused: Vec<String> =
        settings::refused_values(app).iter().map(|(_, refused)| on_one_line(refused.message().to_owned())).collect();
    if refused.is_empty() {
        return error;
    }
    let remedy = format!(
        "The application has values that were taken once and that today's rules refuse: {}. Correct or remove them there, \
         and run it again.",
        refused.join("; ")
    );
    error.with_remedy(remedy)
}

/// Adds the requests of one phase that are missing.
fn requests(state: &ApplyState<'_>, phase: Phase, batch: &mut Batch) -> Result<Vec<Box<dyn TakeResponse>>, Error> {
    let mut requests = Vec::new();
    let is_due = |it: &&dyn Collection| it.phase() == phase && it.unreadable(&state.observed).is_none();
    for collection in rooms(&state.options).filter(is_due) {
        requests.extend(collection.requests(state, batch)?);
    }
    Ok(requests)
}

/// Keeps the first error, but for one of a write that is left to the next round. What was not sent because the step before it
/// failed has no error of its own: either that step's is kept, or it was mended and the next round sends the rest.
fn keep_first(first: &mut Option<Error>, result: Result<(), Error>) {
    if let Err(error) = result
        && error.code() != ErrorCode::DependencyFailed
        && first.as_ref().is_none_or(Error::is_outdated)
    {
        *first = Some(error);
    }
}

/// Whether Entra refuses to give the application this unique name, or any.
fn is_unique_name_refused(error: &Error) -> bool {
    error.code() != ErrorCode::UniqueNameTaken
        && matches!(error.kind(), ErrorKind::Refused | ErrorKind::Conflict)
        && error.service_message().is_some_and(|text| text.contains("uniqueName"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unique_name_is_refused_where_the_service_names_it_and_nobody_has_it() {
        for (code, sentence, is_refused) in [
            (ErrorCode::RequestRefused, "Property 'uniqueName' cannot be set.", true),
            (ErrorCode::ObjectConflict, "Property 'uniqueName' cannot be changed.", true),
            (ErrorCode::UniqueNameTaken, "The value for property uniqueName already exists.", false),
            (ErrorCode::RequestRefused, "Property 'displayName' cannot be set.", false),
            (ErrorCode::MissingPermission, "uniqueName", false),
        ] {
            let error = Error::new(code).with_service("Request_BadRequest", sentence, Vec::new());
            assert_eq!(is_unique_name_refused(&error), is_refused, "{code} {sentence}");
        }
        assert!(!is_unique_name_refused(&Error::new(ErrorCode::RequestRefused)), "nothing is said");
    }
}
