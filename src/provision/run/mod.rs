//! Carrying a plan out: four requests on a first run, none on a converged one.
//!
//! Each round works out what is still to be done, from what was observed and what has been accepted since, and does the
//! next part of it in one request. So a failure anywhere leaves work for the next round, or for the next run, and
//! nothing is done twice.

mod grants;
mod secrets;

use std::collections::HashMap;
use std::sync::Arc;

use crate::api::DeletedKind;
use crate::client::Client;
use crate::error::{Error, ErrorCode, ErrorKind, on_one_line};
use crate::ids::AppId;
use crate::model::{NewServicePrincipal, ServicePrincipal, ServicePrincipalPatch};
use crate::provision::changes::{self, Patch, PendingChanges};
use crate::provision::diff::Diff;
use crate::provision::observe::{self, cache_key, wait_for_replicas};
use crate::provision::observed::{Observed, Principal};
use crate::provision::plan::{Approvals, Plan};
use crate::provision::plan_options::PlanOptions;
use crate::provision::progress::{Progress, ProgressHook};
use crate::provision::registration::ENTERPRISE_TAG;
use crate::provision::report::{OpenItem, Registered, RegisteredApplication, SecretSink};
use crate::provision::run::secrets::SecretAttempt;

/// A plan is used as it is for this long; an older one is observed again.
const MAX_PLAN_AGE: time::Duration = time::Duration::minutes(1);

/// Rounds beyond this many mean that the service contradicts itself.
const MAX_ROUNDS: u32 = 12;

/// An apply under way.
pub(super) struct Run<'a> {
    pub(super) report: Registered,
    client: Client,
    plan: &'a Plan,
    options: PlanOptions,
    /// What was observed, moved forward by what was accepted.
    observed: Observed,
    /// The attempts to issue a secret whose response was lost, and whose secret was not found.
    lost_attempts: Vec<SecretAttempt>,
    /// The number of attempts to issue a secret whose response was lost.
    lost_responses: u32,
    /// What APIs publish in this tenant, read where an id was not known.
    published: HashMap<AppId, Option<ServicePrincipal>>,
    sink: Option<Arc<dyn SecretSink>>,
    progress: Option<ProgressHook>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        client: Client,
        plan: &'a Plan,
        sink: Option<Arc<dyn SecretSink>>,
        progress: Option<ProgressHook>,
    ) -> Self {
        Self {
            report: Registered {
                tenant_id: plan.tenant,
                application: None,
                secrets: Vec::new(),
                done: Vec::new(),
                corrections: Vec::new(),
                open: Vec::new(),
            },
            client,
            plan,
            options: plan.options.clone(),
            observed: plan.observed.clone(),
            lost_attempts: Vec::new(),
            lost_responses: 0,
            published: HashMap::new(),
            sink,
            progress,
        }
    }

    /// Carries the plan out, or ends at the first failure; orphaned secrets are removed either way.
    pub(super) async fn execute(&mut self, approvals: &Approvals) -> Result<(), Error> {
        self.check_plan(approvals).await?;
        let result = self.rounds().await;
        let orphans = self.remove_remaining_orphans().await;
        result.and(orphans)
    }

    /// Adds to the report the ids of the application, and the secrets whose value nobody may have.
    pub(super) fn finish_report(&mut self) {
        let Some(app) = &self.observed.application else { return };
        self.report.application = Some(RegisteredApplication {
            service_principal_id: self.observed.principal.as_ref().map(|principal| principal.id),
            unique_name: app.unique_name.clone(),
            display_name: Some(app.display_name.clone()),
            created: app.created,
            ..RegisteredApplication::new(app.app_id, app.id)
        });
        let now = self.client.clock().now();
        for wanted in &self.plan.registration.credentials {
            for secret in app.live_secrets(wanted.name(), now) {
                if !self.options.held_secrets.contains(&secret.key_id) {
                    self.report.open.push(OpenItem {
                        code: ErrorCode::SecretValueUnknown,
                        text: format!(
                            "the client secret “{}” ({}) is live, and its value cannot be read again",
                            wanted.name(),
                            secret.key_id
                        ),
                        remedy: "If nobody has its value, ask for another with replace_secret, and remove this one."
                            .to_owned(),
                        key_id: Some(secret.key_id),
                        link: None,
                    });
                }
            }
        }
    }

    /// Refuses a plan that lacks approvals, is for another tenant, or is out of date; observes again where that is
    /// needed.
    async fn check_plan(&mut self, approvals: &Approvals) -> Result<(), Error> {
        let plan = self.plan;
        plan.check_approvals(approvals)?;
        let now = self.client.clock().now();
        let other_target = |text: String| Error::new(ErrorCode::PlanForAnotherTarget).with_message(text);
        if plan.cloud != self.client.cloud().name() {
            return Err(other_target(format!(
                "the plan is for the cloud {}, not {}",
                plan.cloud,
                self.client.cloud().name()
            )));
        }
        let tenant = self.client.tenant_id().await?;
        if plan.tenant != tenant {
            return Err(other_target(format!(
                "the plan is for the tenant {}, and the client is signed in to {tenant}",
                plan.tenant
            )));
        }
        let key = cache_key(plan.tenant, &plan.registration);
        let written_at = self.client.observations().get::<Observed>(&key).map(|(at, _)| {
            let age = self.client.clock().monotonic().saturating_sub(at);
            now - age
        });
        let old = plan.from_file || now - plan.made_at > MAX_PLAN_AGE;
        let written_since = written_at.is_some_and(|at| at >= plan.made_at);
        if !old && !written_since {
            return Ok(());
        }
        let observed = observe::observe_settled(&self.client, &plan.registration, &plan.options).await?;
        if old && observed.relevant() != plan.observed.relevant() {
            return Err(Error::new(ErrorCode::PlanOutdated));
        }
        // Another run of this client has written since: this one goes on from there, and issues nothing twice.
        let before = plan.observed.application.as_ref();
        let has_newer = |name: &String| {
            observed.application.iter().any(|app| {
                app.live_secrets(name, now).any(|secret| {
                    !before.is_some_and(|before| before.secrets.iter().any(|other| other.key_id == secret.key_id))
                })
            })
        };
        self.options.replace_secrets.retain(|name| !has_newer(name));
        self.observed = observed;
        Ok(())
    }

    /// Does what is pending, part by part, until nothing is.
    async fn rounds(&mut self) -> Result<(), Error> {
        for round in 1..=MAX_ROUNDS {
            let now = self.client.clock().now();
            let pending = Diff::between(&self.plan.registration, &self.observed, &self.options, now).pending;
            let result = if pending.create_application {
                self.create_application(round).await
            } else if pending.has_object_changes() {
                self.change_objects(&pending, round).await
            } else if pending.has_grant_changes() {
                self.change_grants(&pending, round).await
            } else {
                return Ok(());
            };
            self.remember();
            result?;
        }
        if self.lost_responses == 0 { Err(not_settled()) } else { Err(secret_lost()) }
    }

    /// Remembers what was accepted, so that a read that lags does not make anyone write it twice.
    fn remember(&self) {
        self.client.observations().insert(
            cache_key(self.observed.tenant, &self.plan.registration),
            self.observed.clone(),
            self.observed.object_ids(),
            self.client.clock().monotonic(),
        );
    }

    /// Reports that something was done.
    fn done(&mut self, text: impl Into<String>) {
        let text = on_one_line(text.into());
        if let Some(progress) = &self.progress {
            progress(&Progress::Done(text.clone()));
        }
        self.report.done.push(text);
    }

    /// Creates the application by its unique name: sent twice, it is created once.
    async fn create_application(&mut self, round: u32) -> Result<(), Error> {
        let registration = &self.plan.registration;
        let body = changes::creation_body(registration);
        let created = match self.client.applications().upsert(&registration.unique_name, &body).await {
            Err(error) if error.code() == ErrorCode::UniqueNameTaken => {
                return Err(self.unique_name_holder(error).await);
            }
            created => created?,
        };
        match created {
            Some(created) => {
                let mut app = observe::read_application(created)?;
                app.unique_name = Some(registration.unique_name.clone());
                self.client.wrote_application(&registration.unique_name, Some(app.app_id));
                let text = format!("registered “{}”, client id {}", app.display_name, app.app_id);
                self.observed.application = Some(app);
                self.done(text);
            }
            None => {
                // Somebody was faster, or an earlier attempt's response was lost: see what is there.
                self.client.wrote_application(&registration.unique_name, None);
                self.observed = observe::observe_settled(&self.client, registration, &self.plan.options).await?;
                if let Some(app) = &self.observed.application {
                    self.client.wrote_application(&registration.unique_name, Some(app.app_id));
                } else {
                    wait_for_replicas(&self.client, "PATCH /applications(uniqueName)", round).await?;
                }
            }
        }
        Ok(())
    }

    /// The error for a unique name that is taken: the holder is looked for among the deleted applications.
    async fn unique_name_holder(&self, error: Error) -> Error {
        let unique_name = &self.plan.registration.unique_name;
        let deleted = self.client.deleted_items().list(DeletedKind::Application).all().await.unwrap_or_default();
        let Some(holder) = deleted.into_iter().find(|item| item.unique_name.as_ref() == Some(unique_name)) else {
            return error;
        };
        let display_name = holder.display_name.unwrap_or_default();
        let id = holder.id.map(|id| id.to_string()).unwrap_or_default();
        Error::new(ErrorCode::UniqueNameTaken).with_message(format!("the deleted application “{display_name}”, object id {id}, holds the unique name {unique_name}"))
        .with_remedy(
            "Restore or purge it (Deleted applications in the portal, or deleted_items), or choose another unique name.",
        )
        .during("PATCH /applications(uniqueName)")
        .with_request_ids(error.request_id().map(str::to_owned), error.client_request_id().map(str::to_owned))
        .with_source(error)
    }

    /// Writes the rest of the application, the service principal, then the secrets: one request.
    async fn change_objects(&mut self, pending: &PendingChanges, round: u32) -> Result<(), Error> {
        let Some(app) = self.observed.application.clone() else { return Ok(()) };
        let mut batch = self.client.batch().in_order();
        let patch = (!pending.patch.is_empty())
            .then(|| batch.add(self.client.applications().update(app.id, &pending.patch.body())));
        let create = pending.create_principal.then(|| {
            let mut new = NewServicePrincipal::new(app.app_id);
            if self.plan.registration.listed_as_enterprise_application {
                new = new.tags(vec![ENTERPRISE_TAG.to_owned()]);
            }
            // An application has one service principal at most: a second attempt is refused, not doubled.
            batch.add(self.client.service_principals().create(&new).repeatable())
        });
        let tags = pending.principal_tags.as_ref().map(|tags| {
            batch.add(
                self.client.service_principals().update(app.app_id, &ServicePrincipalPatch::new().tags(tags.clone())),
            )
        });
        let mut attempts = Vec::new();
        for secret in &pending.secrets {
            let attempt = SecretAttempt::new(&self.client, secret)?;
            attempts.push((batch.add(self.client.applications().add_password(app.id, &attempt.body())), attempt));
        }
        let mut responses = batch.send().await?;
        let mut first = None;
        if let Some(handle) = patch {
            let response = responses.take(handle);
            keep_first(&mut first, self.application_patched(&pending.patch, response));
        }
        if let Some(handle) = create {
            let response = responses.take(handle);
            keep_first(&mut first, self.principal_created(response, round).await);
        }
        if let (Some(handle), Some(tags)) = (tags, &pending.principal_tags) {
            let response = responses.take(handle);
            if let (Ok(()), Some(principal)) = (&response, &mut self.observed.principal) {
                principal.tags.clone_from(tags);
                principal.tags.sort();
                self.done("listed under Enterprise applications");
            }
            keep_first(&mut first, response);
        }
        for (handle, attempt) in attempts {
            let response = responses.take(handle);
            keep_first(&mut first, self.secret_added(attempt, response).await);
        }
        first.map_or(Ok(()), Err)
    }

    /// Takes in the response to the update of the application.
    fn application_patched(&mut self, patch: &Patch, response: Result<(), Error>) -> Result<(), Error> {
        match response {
            Ok(()) => {
                if let Some(app) = &mut self.observed.application {
                    patch.apply_to(app);
                }
                self.done(format!("set {}", patch.describe()));
                Ok(())
            }
            Err(error) if patch.unique_name.is_some() && unique_name_refused(&error) => {
                self.options.unique_name_refused = true;
                let unique_name = &self.plan.registration.unique_name;
                self.report.open.push(OpenItem {
                    code: ErrorCode::UniqueNameRefused,
                    text: format!("the application could not be given the unique name {unique_name}"),
                    remedy: "Adopt it by its client id each time, and say that it is without_unique_name.".to_owned(),
                    key_id: None,
                    link: None,
                });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Takes in the response to the creation of the service principal.
    async fn principal_created(&mut self, response: Result<ServicePrincipal, Error>, round: u32) -> Result<(), Error> {
        let Some(app) = &self.observed.application else { return Ok(()) };
        let app_id = app.app_id;
        match response {
            Ok(created) => {
                let Some(id) = created.id else { return Ok(()) };
                let mut tags = created.tags;
                tags.sort();
                self.observed.principal =
                    Some(Principal { id, tags, enabled: true, assignments: Vec::new(), grants: Vec::new() });
                self.done(format!("created the service principal, object id {id}"));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Conflict => {
                self.client.wrote_service_principal(app_id);
                self.observed.principal = observe::read_principal(&self.client, app_id).await?;
                if self.observed.principal.is_none() {
                    wait_for_replicas(&self.client, "POST /servicePrincipals", round).await?;
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// Keeps the first error. What was not sent because the step before it failed has no error of its own: either that
/// step's is kept, or it was mended and the next round sends the rest.
fn keep_first(first: &mut Option<Error>, result: Result<(), Error>) {
    if let Err(error) = result
        && error.code() != ErrorCode::DependencyFailed
    {
        first.get_or_insert(error);
    }
}

/// Whether Entra refuses to give the application this unique name, or any.
fn unique_name_refused(error: &Error) -> bool {
    error.code() != ErrorCode::UniqueNameTaken
        && matches!(error.kind(), ErrorKind::Refused | ErrorKind::Conflict)
        && error.service_message().is_some_and(|text| text.contains("uniqueName"))
}

fn not_settled() -> Error {
    Error::new(ErrorCode::ServiceContradictsItself)
        .with_message("the service contradicts itself: what was accepted is not there")
}

fn secret_lost() -> Error {
    Error::new(ErrorCode::SecretLost)
}
