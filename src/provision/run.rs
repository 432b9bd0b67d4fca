//! Carrying a plan out: four requests on a first run, none on a converged one.
//!
//! Each round asks what is still to be done, from what was seen and what has been accepted since, and does the next
//! part of it in one request. So a failure anywhere leaves work for the next round, or for the next run, and nothing
//! is done twice.

use std::collections::HashMap;
use std::sync::Arc;

use crate::api::DeletedKind;
use crate::client::{Client, DEPENDENCY_FAILED};
use crate::error::{Error, ErrorKind, on_one_line};
use crate::ids::AppId;
use crate::model::{NewServicePrincipal, ServicePrincipal, ServicePrincipalPatch};
use crate::provision::apply::{Progress, ProgressHook};
use crate::provision::diff::{Choices, Diff, Patch, Todo};
use crate::provision::observe::{self, memory_name, pause};
use crate::provision::observed::{Observed, Principal};
use crate::provision::plan::{Approvals, Plan};
use crate::provision::registration::ENTERPRISE_TAG;
use crate::provision::report::{OpenItem, Registered, RegisteredApplication, SecretSink};
use crate::provision::requests;
use crate::provision::secrets::Attempt;

/// A plan is used as it is for this long; an older one is observed again.
const FRESH: time::Duration = time::Duration::minutes(1);

/// Rounds beyond this many mean that the service contradicts itself.
const MOST_ROUNDS: u32 = 12;

/// An apply under way.
pub(super) struct Run<'a> {
    pub(super) client: Client,
    pub(super) plan: &'a Plan,
    pub(super) choices: Choices,
    /// What was seen, moved forward by what was accepted.
    pub(super) state: Observed,
    /// Attempts to issue a secret whose answer was lost.
    pub(super) lost: Vec<Attempt>,
    /// How many attempts to issue a secret had no answer.
    pub(super) orphans: u32,
    /// What APIs publish here, read where an id was not known.
    pub(super) published: HashMap<AppId, Option<ServicePrincipal>>,
    pub(super) sink: Option<Arc<dyn SecretSink>>,
    pub(super) progress: Option<ProgressHook>,
    pub(super) report: Registered,
}

impl Run<'_> {
    pub(super) async fn all(&mut self, approvals: &Approvals) -> Result<(), Error> {
        self.check_target(approvals).await?;
        let result = self.rounds().await;
        let orphans = self.remove_orphans().await;
        result.and(orphans)
    }

    async fn check_target(&mut self, approvals: &Approvals) -> Result<(), Error> {
        let plan = self.plan;
        plan.approved(approvals)?;
        let now = self.client.clock().now();
        let elsewhere = |what: String| {
            Error::new(ErrorKind::Stale, "other_target", what)
                .with_remedy("Plan again with the client that applies the plan.")
        };
        if plan.cloud != self.client.cloud().name() {
            return Err(elsewhere(format!(
                "the plan is for the cloud {}, not {}",
                plan.cloud,
                self.client.cloud().name()
            )));
        }
        let tenant = self.client.tenant_id().await?;
        if plan.tenant != tenant {
            return Err(elsewhere(format!(
                "the plan is for the tenant {}, and the client is signed in to {tenant}",
                plan.tenant
            )));
        }
        let name = memory_name(plan.tenant, &plan.registration);
        let written = self.client.observations().get::<Observed>(&name).map(|(at, _)| {
            let age = self.client.clock().monotonic().saturating_sub(at);
            now - age
        });
        let old = plan.from_file || now - plan.made_at > FRESH;
        let written_since = written.is_some_and(|at| at >= plan.made_at);
        if !old && !written_since {
            return Ok(());
        }
        let observed = observe::observe_settled(&self.client, &plan.registration, &plan.choices).await?;
        if old && observed.target() != plan.observed.target() {
            return Err(Error::new(ErrorKind::Stale, "stale", "the tenant has changed since the plan was made")
                .with_remedy("Plan again, and look at what would change now."));
        }
        // Another run of this client has written since: this one goes on from there, and issues nothing twice.
        let before = plan.observed.application.as_ref();
        let newer = |name: &String| {
            observed.application.iter().any(|app| {
                app.live_secrets(name, now).any(|secret| {
                    !before.is_some_and(|before| before.secrets.iter().any(|other| other.key_id == secret.key_id))
                })
            })
        };
        self.choices.replace.retain(|name| !newer(name));
        self.state = observed;
        Ok(())
    }

    async fn rounds(&mut self) -> Result<(), Error> {
        for round in 1..=MOST_ROUNDS {
            let now = self.client.clock().now();
            let todo = Diff::between(&self.plan.registration, &self.state, &self.choices, now).todo;
            let result = if todo.create {
                self.create(round).await
            } else if todo.has_parts() {
                self.parts(&todo, round).await
            } else if todo.has_grants() {
                self.grants(&todo, round).await
            } else {
                return Ok(());
            };
            self.keep();
            result?;
        }
        if self.orphans == 0 { Err(not_settled()) } else { Err(lost_each_time()) }
    }

    /// Remembers what was accepted, so that a read that lags does not make anyone write it twice.
    fn keep(&self) {
        let name = memory_name(self.state.tenant, &self.plan.registration);
        self.client.observations().insert(
            name,
            self.state.clone(),
            self.state.about(),
            self.client.clock().monotonic(),
        );
    }

    pub(super) fn done(&mut self, what: impl Into<String>) {
        let what = on_one_line(what.into());
        if let Some(progress) = &self.progress {
            progress(&Progress::Done(what.clone()));
        }
        self.report.done.push(what);
    }

    /// The application by its key: sent twice, it is made once.
    async fn create(&mut self, round: u32) -> Result<(), Error> {
        let registration = &self.plan.registration;
        let body = requests::creation(&registration.display_name, &registration.audience);
        let upserted = match self.client.applications().upsert(&registration.key, &body).await {
            Err(error) if error.code() == "key_taken" => return Err(self.holder_of_the_key(error).await),
            upserted => upserted?,
        };
        match upserted {
            Some(created) => {
                let mut app = observe::read_application(created)?;
                app.key = Some(registration.key.clone());
                self.client.wrote_application(&registration.key, Some(app.app_id));
                let text = format!("registered “{}”, client id {}", app.display_name, app.app_id);
                self.state.application = Some(app);
                self.done(text);
            }
            None => {
                // Somebody was faster, or an earlier attempt's answer was lost: see what is there.
                self.client.wrote_application(&registration.key, None);
                self.state = observe::observe_settled(&self.client, registration, &self.plan.choices).await?;
                if let Some(app) = &self.state.application {
                    self.client.wrote_application(&registration.key, Some(app.app_id));
                } else {
                    pause(&self.client, "PATCH /applications(uniqueName)", round).await?;
                }
            }
        }
        Ok(())
    }

    /// The key is taken: by which application, is looked for among the deleted ones.
    async fn holder_of_the_key(&self, error: Error) -> Error {
        let key = &self.plan.registration.key;
        let deleted = self.client.deleted_items().list(DeletedKind::Application).all().await.unwrap_or_default();
        let Some(holder) = deleted.into_iter().find(|item| item.unique_name.as_ref() == Some(key)) else {
            return error;
        };
        let name = holder.display_name.unwrap_or_default();
        let id = holder.id.map(|id| id.to_string()).unwrap_or_default();
        Error::new(
            ErrorKind::Conflict,
            "key_taken",
            format!("the deleted application “{name}”, object id {id}, holds the key {key}"),
        )
        .with_remedy(
            "Restore or purge it (Deleted applications in the portal, or deleted_items), or choose another key.",
        )
        .during("PATCH /applications(uniqueName)")
        .with_request_ids(error.request_id().map(str::to_owned), error.client_request_id().map(str::to_owned))
        .with_source(error)
    }

    /// The rest of the application, the service principal, then the secrets: one request.
    async fn parts(&mut self, todo: &Todo, round: u32) -> Result<(), Error> {
        let Some(app) = self.state.application.clone() else { return Ok(()) };
        let mut batch = self.client.batch().in_order();
        let patch =
            (!todo.patch.is_empty()).then(|| batch.add(self.client.applications().update(app.id, &todo.patch.body())));
        let create = todo.create_principal.then(|| {
            let mut new = NewServicePrincipal::new(app.app_id);
            if self.plan.registration.listed_as_enterprise_application {
                new = new.tags(vec![ENTERPRISE_TAG.to_owned()]);
            }
            // An application has one service principal at most: a second attempt is refused, not doubled.
            batch.add(self.client.service_principals().create(&new).repeatable())
        });
        let tags = todo.principal_tags.as_ref().map(|tags| {
            batch.add(
                self.client.service_principals().update(app.app_id, &ServicePrincipalPatch::new().tags(tags.clone())),
            )
        });
        let mut attempts = Vec::new();
        for secret in &todo.secrets {
            let attempt = Attempt::new(&self.client, secret)?;
            attempts.push((batch.add(self.client.applications().add_password(app.id, &attempt.body())), attempt));
        }
        let mut responses = batch.send().await?;
        let mut first = None;
        if let Some(handle) = patch {
            let response = responses.take(handle);
            keep_first(&mut first, self.patched(&todo.patch, response));
        }
        if let Some(handle) = create {
            let response = responses.take(handle);
            keep_first(&mut first, self.principal_created(response, round).await);
        }
        if let (Some(handle), Some(tags)) = (tags, &todo.principal_tags) {
            let response = responses.take(handle);
            if let (Ok(()), Some(principal)) = (&response, &mut self.state.principal) {
                principal.tags.clone_from(tags);
                principal.tags.sort();
                self.done("listed under Enterprise applications");
            }
            keep_first(&mut first, response);
        }
        for (handle, attempt) in attempts {
            let response = responses.take(handle);
            keep_first(&mut first, self.secret_answered(attempt, response).await);
        }
        first.map_or(Ok(()), Err)
    }

    fn patched(&mut self, patch: &Patch, response: Result<(), Error>) -> Result<(), Error> {
        match response {
            Ok(()) => {
                if let Some(app) = &mut self.state.application {
                    patch.done(app);
                }
                self.done(format!("set {}", patch.words()));
                Ok(())
            }
            Err(error) if patch.key.is_some() && key_refused(&error) => {
                self.choices.key_refused = true;
                self.report.open.push(OpenItem {
                    code: "key_refused".to_owned(),
                    text: format!("the application could not be given the key {}", self.plan.registration.key),
                    remedy: "Adopt it by its client id each time, and say that it has no key.".to_owned(),
                    link: None,
                });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn principal_created(&mut self, response: Result<ServicePrincipal, Error>, round: u32) -> Result<(), Error> {
        let Some(app) = &self.state.application else { return Ok(()) };
        let app_id = app.app_id;
        match response {
            Ok(created) => {
                let Some(id) = created.id else { return Ok(()) };
                let mut tags = created.tags;
                tags.sort();
                self.state.principal =
                    Some(Principal { id, tags, enabled: true, assignments: Vec::new(), grants: Vec::new() });
                self.done(format!("created the service principal, object id {id}"));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Conflict => {
                self.client.wrote_service_principal(app_id);
                self.state.principal = observe::read_principal(&self.client, app_id).await?;
                if self.state.principal.is_none() {
                    pause(&self.client, "POST /servicePrincipals", round).await?;
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn finish_report(&mut self) {
        self.report.application = self.state.application.as_ref().map(|app| RegisteredApplication {
            app_id: app.app_id,
            application_id: app.id,
            service_principal_id: self.state.principal.as_ref().map(|principal| principal.id),
            unique_name: app.key.clone(),
            display_name: app.display_name.clone(),
            created: app.created,
        });
        let Some(app) = &self.state.application else { return };
        let now = self.client.clock().now();
        for wanted in &self.plan.registration.credentials {
            for secret in app.live_secrets(wanted.name(), now) {
                if !self.choices.held.contains(&secret.key_id) {
                    self.report.open.push(OpenItem {
                        code: format!("secret_value:{}", secret.key_id),
                        text: format!(
                            "the client secret “{}” ({}) is live, and its value cannot be read again",
                            wanted.name(),
                            secret.key_id
                        ),
                        remedy: "If nobody has its value, ask for another with replace_secret, and remove this one."
                            .to_owned(),
                        link: None,
                    });
                }
            }
        }
    }
}

impl Todo {
    fn has_parts(&self) -> bool {
        !self.patch.is_empty() || self.create_principal || self.principal_tags.is_some() || !self.secrets.is_empty()
    }

    fn has_grants(&self) -> bool {
        !self.roles.is_empty()
            || !self.scopes.is_empty()
            || !self.surplus_roles.is_empty()
            || !self.surplus_grants.is_empty()
    }
}

/// Keeps the first error. What was not sent because the step before it failed has no error of its own: either that
/// step's is kept, or it was mended and the next round sends the rest.
pub(super) fn keep_first(first: &mut Option<Error>, result: Result<(), Error>) {
    if let Err(error) = result
        && error.code() != DEPENDENCY_FAILED
    {
        first.get_or_insert(error);
    }
}

fn key_refused(error: &Error) -> bool {
    error.code() != "key_taken"
        && matches!(error.kind(), ErrorKind::Refused | ErrorKind::Conflict)
        && error.service_message().is_some_and(|text| text.contains("uniqueName"))
}

fn not_settled() -> Error {
    Error::new(ErrorKind::Service, "not_settled", "the service contradicts itself: what was accepted is not there")
        .with_remedy("Run it again in a few minutes.")
}

fn lost_each_time() -> Error {
    Error::new(ErrorKind::Network, "secret_lost", "the response with the new secret was lost each time")
        .with_remedy("Check the network and the proxy, and run it again: another secret is issued.")
}
