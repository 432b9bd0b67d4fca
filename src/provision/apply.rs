//! Carrying a plan out: four requests on a first run, none on a converged one.
//!
//! Each round asks what is still to be done, from what was seen and what has been accepted since, and does the next
//! part of it in one request. So a failure anywhere leaves work for the next round, or for the next run, and nothing
//! is done twice.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::client::{Client, DEPENDENCY_FAILED, READ_LAG};
use crate::error::{Error, ErrorKind};
use crate::exchange::Wait;
use crate::ids::KeyId;
use crate::model::{
    AppRoleAssignment, NewAppRoleAssignment, NewOAuth2PermissionGrant, NewServicePrincipal, OAuth2PermissionGrant,
    OAuth2PermissionGrantPatch, PasswordCredential, ServicePrincipal, ServicePrincipalPatch,
};
use crate::provision::diff::{Choices, Diff, Patch, ScopeWork, Todo};
use crate::provision::observe::{self, memory_name, pause};
use crate::provision::plan::{Approvals, Plan};
use crate::provision::report::{IssuedSecret, OpenItem, Registered, RegisteredApplication, SecretSink};
use crate::provision::requests;
use crate::provision::secrets::{Attempt, orphan};
use crate::provision::snapshot::{Assignment, Grant, Principal, Resolved, Secret, Snapshot};
use crate::provision::spec::ENTERPRISE_TAG;

/// A plan is used as it is for this long; an older one is observed again.
const FRESH: time::Duration = time::Duration::minutes(1);

/// Rounds beyond this many mean that the service contradicts itself.
const MOST_ROUNDS: u32 = 12;

impl Client {
    /// Carries a plan out. What fails can be run again: it ends where an undisturbed run ends.
    ///
    /// Awaiting it applies the plan; before that, [`approve`](Apply::approve) and the other methods say more. Least
    /// permissions: `Application.ReadWrite.All` (or `.OwnedBy`), `Application.Read.All`,
    /// `AppRoleAssignment.ReadWrite.All` and `DelegatedPermissionGrant.ReadWrite.All`.
    ///
    /// ```
    /// # use entra_apps::{memory::MemoryTenant, AppRegistration, ClientSecret};
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let client = MemoryTenant::new().client();
    /// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
    /// let registered = client.apply(&client.plan(&backup).await?).await?;
    /// assert_eq!(registered.secrets.len(), 1);
    /// assert!(client.verify(&backup).await?.is_done());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub fn apply<'a>(&self, plan: &'a Plan) -> Apply<'a> {
        Apply {
            client: self.clone(),
            plan,
            approvals: Approvals::default(),
            sink: None,
            progress: None,
            deadline: None,
        }
    }
}

/// A plan to be carried out: awaiting it does.
#[must_use = "a plan is carried out when it is awaited"]
pub struct Apply<'a> {
    client: Client,
    plan: &'a Plan,
    approvals: Approvals,
    sink: Option<Arc<dyn SecretSink>>,
    progress: Option<ProgressHook>,
    deadline: Option<Duration>,
}

type ProgressHook = Arc<dyn Fn(&Progress) + Send + Sync>;

/// What an apply tells while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Something was done: a sentence for a person.
    Done(String),
    /// It waits.
    Waiting(Wait),
}

impl Apply<'_> {
    /// Approves a permission that deserves a second look, by its name (or its id, where it has no name).
    pub fn approve(mut self, permission: impl Into<String>) -> Self {
        self.approvals.names.push(permission.into());
        self
    }

    /// Approves every permission that deserves a second look.
    pub fn approve_all(mut self) -> Self {
        self.approvals.all = true;
        self
    }

    /// Gives each secret to a sink before any further step.
    pub fn secret_sink(mut self, sink: Arc<dyn SecretSink>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Tells what happens as it happens.
    pub fn on_progress(mut self, progress: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// How long it may take, waits included.
    pub fn deadline(mut self, allowed: Duration) -> Self {
        self.deadline = Some(allowed);
        self
    }
}

impl fmt::Debug for Apply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apply")
            .field("client", &self.client)
            .field("approvals", &self.approvals)
            .finish_non_exhaustive()
    }
}

impl<'a> IntoFuture for Apply<'a> {
    type Output = Result<Registered, ApplyError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Why an apply failed, with the report of all that was done: secrets that were issued included.
#[derive(Debug)]
pub struct ApplyError {
    error: Error,
    report: Box<Registered>,
}

impl ApplyError {
    /// Why.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// What was done before.
    pub fn report(&self) -> &Registered {
        &self.report
    }

    /// Both.
    pub fn into_parts(self) -> (Error, Registered) {
        (self.error, *self.report)
    }
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for ApplyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.error)
    }
}

impl Apply<'_> {
    async fn run(self) -> Result<Registered, ApplyError> {
        let Self { client, plan, approvals, sink, progress, deadline } = self;
        let mut client = match deadline {
            Some(allowed) => client.with_deadline(allowed),
            None => client.bounded(),
        };
        if let Some(progress) = progress.clone() {
            client = client.observed(Arc::new(move |wait| progress(&Progress::Waiting(wait.clone()))));
        }
        let mut run = Run {
            report: Registered {
                tenant_id: plan.tenant,
                application: None,
                secrets: Vec::new(),
                done: Vec::new(),
                corrections: Vec::new(),
                open: Vec::new(),
            },
            state: plan.seen.clone(),
            choices: plan.choices.clone(),
            lost: Vec::new(),
            plan,
            sink,
            progress,
            client: client.clone(),
        };
        let _only_writer = client.writing().await;
        let result = run.all(&approvals).await;
        run.finish_report();
        match result {
            Ok(()) => Ok(run.report),
            Err(error) => Err(ApplyError { error, report: Box::new(run.report) }),
        }
    }
}

struct Run<'a> {
    client: Client,
    plan: &'a Plan,
    choices: Choices,
    /// What was seen, moved forward by what was accepted.
    state: Snapshot,
    /// Attempts to issue a secret whose answer was lost.
    lost: Vec<Attempt>,
    sink: Option<Arc<dyn SecretSink>>,
    progress: Option<ProgressHook>,
    report: Registered,
}

impl Run<'_> {
    async fn all(&mut self, approvals: &Approvals) -> Result<(), Error> {
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
        if plan.kept || now - plan.made_at > FRESH {
            let seen = observe::settled(&self.client, &plan.registration, &plan.choices).await?;
            if seen != plan.seen {
                return Err(Error::new(ErrorKind::Stale, "stale", "the tenant has changed since the plan was made")
                    .with_remedy("Plan again, and look at what would change now."));
            }
        }
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
        Err(Error::new(
            ErrorKind::Service,
            "not_settled",
            "the service contradicts itself: what was accepted is refused again",
        )
        .with_remedy("Run it again in a few minutes."))
    }

    /// Remembers what was accepted, so that a read that lags does not make anyone write it twice.
    fn keep(&self) {
        let name = memory_name(self.state.tenant, &self.plan.registration);
        self.client.kept().keep(name, self.state.clone(), self.client.clock().monotonic());
    }

    fn done(&mut self, what: impl Into<String>) {
        let what = what.into();
        if let Some(progress) = &self.progress {
            progress(&Progress::Done(what.clone()));
        }
        self.report.done.push(what);
    }

    /// The application by its key: sent twice, it is made once.
    async fn create(&mut self, round: u32) -> Result<(), Error> {
        let registration = &self.plan.registration;
        let body = requests::creation(&registration.display_name, &registration.audience);
        match self.client.applications().upsert(&registration.key, &body).await? {
            Some(created) => {
                let mut app = observe::read_application(created)?;
                app.key = Some(registration.key.clone());
                self.client.wrote(&registration.key);
                let text = format!("registered “{}”, client id {}", app.display_name, app.app_id);
                self.state.application = Some(app);
                self.done(text);
            }
            None => {
                // Somebody was faster, or an earlier attempt's answer was lost: see what is there.
                self.client.wrote(&registration.key);
                self.state = observe::observe(&self.client, registration, &self.plan.choices).await?;
                if self.state.application.is_none() {
                    pause(&self.client, "PATCH /applications(uniqueName)", round).await?;
                }
            }
        }
        Ok(())
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
        let mut answers = batch.send().await?;
        let mut first = None;
        if let Some(ticket) = patch {
            let answer = answers.take(ticket);
            keep_first(&mut first, self.patched(&todo.patch, answer));
        }
        if let Some(ticket) = create {
            let answer = answers.take(ticket);
            keep_first(&mut first, self.principal_created(answer, round).await);
        }
        if let (Some(ticket), Some(tags)) = (tags, &todo.principal_tags) {
            let answer = answers.take(ticket);
            if let (Ok(()), Some(principal)) = (&answer, &mut self.state.principal) {
                principal.tags.clone_from(tags);
                principal.tags.sort();
                self.done("listed under Enterprise applications");
            }
            keep_first(&mut first, answer);
        }
        for (ticket, attempt) in attempts {
            let answer = answers.take(ticket);
            keep_first(&mut first, self.secret_answered(attempt, answer).await);
        }
        first.map_or(Ok(()), Err)
    }

    fn patched(&mut self, patch: &Patch, answer: Result<(), Error>) -> Result<(), Error> {
        match answer {
            Ok(()) => {
                if let Some(app) = &mut self.state.application {
                    patch.done(app);
                }
                self.done("set the application's properties and declared its permissions");
                Ok(())
            }
            Err(error) if patch.key.is_some() && key_refused(&error) => {
                self.choices.key_refused = true;
                self.report.open.push(OpenItem {
                    code: "key_refused".to_owned(),
                    text: format!("the application could not be given the key {}", self.plan.registration.key),
                    remedy: "Give its client id to adopt each time.".to_owned(),
                });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn principal_created(&mut self, answer: Result<ServicePrincipal, Error>, round: u32) -> Result<(), Error> {
        let Some(app) = &self.state.application else { return Ok(()) };
        let app_id = app.app_id;
        match answer {
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
                self.client.wrote(app_id);
                self.state.principal = observe::read_principal(&self.client, app_id).await?;
                if self.state.principal.is_none() {
                    pause(&self.client, "POST /servicePrincipals", round).await?;
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn secret_answered(
        &mut self,
        attempt: Attempt,
        answer: Result<PasswordCredential, Error>,
    ) -> Result<(), Error> {
        match answer {
            Ok(PasswordCredential { key_id: Some(key_id), secret_text: Some(value), end_date_time, .. }) => {
                let secret = IssuedSecret {
                    key_id,
                    display_name: attempt.name.clone(),
                    value,
                    end: end_date_time.unwrap_or(attempt.end),
                };
                self.issued(secret).await
            }
            // An answer without its value is as good as lost.
            Ok(_) => self.look_for(attempt).await,
            Err(error) if error.maybe_done() => {
                let unreachable = matches!(error.kind(), ErrorKind::Deadline);
                if unreachable {
                    self.lost.push(attempt);
                    return Err(error);
                }
                self.look_for(attempt).await
            }
            Err(error) => Err(error),
        }
    }

    async fn issued(&mut self, secret: IssuedSecret) -> Result<(), Error> {
        let key_id = secret.key_id;
        if let Some(app) = &mut self.state.application {
            app.secrets.push(Secret { key_id, name: Some(secret.display_name.clone()), end: Some(secret.end) });
            app.secrets.sort_by_key(|secret| secret.key_id);
        }
        self.choices.replace.retain(|name| *name != secret.display_name);
        self.choices.held.push(key_id);
        let stored = match &self.sink {
            Some(sink) => sink.store(&secret).await,
            None => Ok(()),
        };
        if let Err(source) = stored {
            return Err(self.take_back(secret, source).await);
        }
        self.done(format!("issued the client secret “{}”, valid until {}", secret.display_name, secret.end.date()));
        self.report.secrets.push(secret);
        Ok(())
    }

    /// The sink failed: the secret is removed again, so that none lies about that nobody has.
    async fn take_back(&mut self, secret: IssuedSecret, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
        let removed = self.remove(secret.key_id).await;
        let text = match &removed {
            Ok(()) => "the secret could not be stored, and was removed from the application again",
            Err(_) => "the secret could not be stored, and could not be removed from the application either",
        };
        if removed.is_err() {
            // It is live: whoever reads the report has it.
            self.report.secrets.push(secret);
        }
        Error::new(ErrorKind::Refused, "secret_not_stored", text)
            .with_remedy("Mend what stores secrets, and run it again: another secret is issued.")
            .with_source(source)
    }

    async fn remove(&mut self, key_id: KeyId) -> Result<(), Error> {
        let Some(app) = &mut self.state.application else { return Ok(()) };
        let id = app.id;
        app.secrets.retain(|secret| secret.key_id != key_id);
        match self.client.applications().remove_password(id, key_id).await {
            // An earlier attempt's answer was lost, and it is gone.
            Err(error) if error.service_message().is_some_and(|text| text.contains("No password credential found")) => {
                Ok(())
            }
            other => other,
        }
    }

    /// Looks for the secret of an attempt whose answer was lost, and removes it; the next round issues another.
    async fn look_for(&mut self, attempt: Attempt) -> Result<(), Error> {
        if !self.remove_orphan(&attempt).await? {
            self.lost.push(attempt);
        }
        Ok(())
    }

    async fn remove_orphan(&mut self, attempt: &Attempt) -> Result<bool, Error> {
        let Some(app) = &self.state.application else { return Ok(false) };
        let id = app.id;
        let found = self.client.applications().find_selecting(id, &["id", "appId", "passwordCredentials"]).await?;
        let Some(found) = found else { return Ok(false) };
        let secrets = observe::read_application(found)?.secrets;
        let Some(key_id) = orphan(attempt, &secrets, &self.choices.held) else { return Ok(false) };
        self.remove(key_id).await?;
        self.done(format!("removed the client secret “{}” whose value was lost on the way", attempt.name));
        Ok(true)
    }

    /// A lost attempt may show only now: it is looked for until reads no longer lag.
    async fn remove_orphans(&mut self) -> Result<(), Error> {
        for attempt in std::mem::take(&mut self.lost) {
            let mut looks = 0;
            let found = loop {
                looks += 1;
                match self.remove_orphan(&attempt).await {
                    Ok(true) => break true,
                    Ok(false) => {}
                    Err(_) => break false,
                }
                let age = self.client.clock().monotonic().saturating_sub(attempt.at);
                if age > READ_LAG {
                    // Reads show everything by now: it was never made.
                    break true;
                }
                if pause(&self.client, "GET /applications/{id}", looks).await.is_err() {
                    break false;
                }
            };
            if !found {
                self.report.open.push(OpenItem {
                    code: "secret_maybe_orphaned".to_owned(),
                    text: format!(
                        "a client secret “{}” that ends at {} may be there, and nobody has its value",
                        attempt.name, attempt.end
                    ),
                    remedy: "Remove it under Certificates & secrets.".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Admin consent: what is missing of both kinds, in one request of 20 at most.
    async fn grants(&mut self, todo: &Todo, round: u32) -> Result<(), Error> {
        let Some(principal) = self.state.principal.as_ref().map(|principal| principal.id) else { return Ok(()) };
        let mut batch = self.client.batch();
        let mut roles = Vec::new();
        for resolved in &todo.roles {
            let Some(resource) = self.state.resource(resolved.permission.api()) else { continue };
            let new = NewAppRoleAssignment::new(principal, resource, resolved.id);
            // The directory holds each assignment once: a second attempt is refused, not doubled.
            roles.push((batch.add(self.client.app_role_assignments().create(&new).repeatable()), resolved));
        }
        let mut made = Vec::new();
        let mut widened = Vec::new();
        for work in &todo.scopes {
            let Some(resource) = self.state.resource(work.api) else { continue };
            let api = self.client.oauth2_permission_grants();
            match &work.existing {
                Some(id) => {
                    let patch = OAuth2PermissionGrantPatch::new().scopes(&work.scopes);
                    widened.push((batch.add(api.update(id, &patch)), work));
                }
                None => {
                    let new = NewOAuth2PermissionGrant::for_all_principals(principal, resource, &work.scopes);
                    made.push((batch.add(api.create(&new).repeatable()), work));
                }
            }
        }
        let mut removed = Vec::new();
        for (resource, id) in &todo.surplus_roles {
            removed.push((batch.add(self.client.app_role_assignments().delete(*resource, id)), id));
        }
        let mut answers = batch.send().await?;
        let mut first = None;
        for (ticket, resolved) in roles {
            let answer = answers.take(ticket);
            keep_first(&mut first, self.role_granted(resolved, answer).await);
        }
        let mut look_again = false;
        for (ticket, work) in made {
            let answer = answers.take(ticket);
            look_again |= answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict);
            keep_first(&mut first, self.grant_made(work, answer));
        }
        for (ticket, work) in widened {
            let answer: Result<(), Error> = answers.take(ticket);
            look_again |= answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound);
            keep_first(&mut first, self.grant_widened(work, answer));
        }
        for (ticket, id) in removed {
            let answer = answers.take(ticket);
            keep_first(&mut first, self.role_removed(id, answer));
        }
        if look_again {
            self.look_at_grants(round).await?;
        }
        first.map_or(Ok(()), Err)
    }

    async fn role_granted(
        &mut self,
        resolved: &Resolved,
        answer: Result<AppRoleAssignment, Error>,
    ) -> Result<(), Error> {
        let id = match answer {
            Ok(assignment) => assignment.id,
            // It is there: that is what was asked for.
            Err(error) if error.kind() == ErrorKind::Conflict => None,
            Err(error) if error.code() == "permission_unknown_in_tenant" => return self.correct(resolved, error).await,
            Err(error) => return Err(error),
        };
        if let (Some(resource), Some(principal)) =
            (self.state.resource(resolved.permission.api()), &mut self.state.principal)
        {
            principal.assignments.push(Assignment { id, resource, resource_name: None, role: resolved.id });
        }
        self.done(format!("granted {}", resolved.permission));
        Ok(())
    }

    /// The tenant does not know the id: the name is looked up there once, and the declaration corrected.
    async fn correct(&mut self, resolved: &Resolved, error: Error) -> Result<(), Error> {
        let api = resolved.permission.api();
        let principal =
            self.client.service_principals().find_selecting(api, &["id", "appRoles", "oauth2PermissionScopes"]).await?;
        let unknown = Error::new(
            ErrorKind::Refused,
            "permission_unknown_in_tenant",
            format!("the API does not know the permission {} in this tenant", resolved.permission),
        )
        .with_remedy(
            "Leave it out for this tenant, or name one that its API publishes; some clouds lack some permissions.",
        )
        .with_source(error);
        let Ok(found) = observe::look_up(&resolved.permission, principal.as_ref()) else { return Err(unknown) };
        if found.id == resolved.id {
            return Err(unknown);
        }
        let wrong = resolved.declared();
        if let Some(app) = &mut self.state.application {
            app.declared.retain(|declared| *declared != wrong);
        }
        for entry in self.state.permissions.iter_mut().filter(|entry| entry.permission == resolved.permission) {
            entry.id = found.id;
        }
        let text = format!("{} has the id {} in this tenant, not {}", resolved.permission, found.id, resolved.id);
        self.report.corrections.push(text);
        Ok(())
    }

    fn grant_made(&mut self, work: &ScopeWork, answer: Result<OAuth2PermissionGrant, Error>) -> Result<(), Error> {
        match answer.map(observe::read_grant) {
            Ok(Some(grant)) => {
                if let Some(principal) = &mut self.state.principal {
                    principal.grants.push(grant);
                }
                self.done(format!("granted {} (delegated, for all users)", work.scopes.join(", ")));
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn grant_widened(&mut self, work: &ScopeWork, answer: Result<(), Error>) -> Result<(), Error> {
        match answer {
            Ok(()) => {
                let grants = self.state.principal.iter_mut().flat_map(|principal| &mut principal.grants);
                for grant in grants.filter(|grant| Some(&grant.id) == work.existing.as_ref()) {
                    grant.scopes.clone_from(&work.scopes);
                    grant.scopes.sort();
                }
                self.done(format!("granted {} (delegated, for all users)", work.scopes.join(", ")));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn role_removed(&mut self, id: &crate::ids::AppRoleAssignmentId, answer: Result<(), Error>) -> Result<(), Error> {
        match answer {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if let Some(principal) = &mut self.state.principal {
            principal.assignments.retain(|held| held.id.as_ref() != Some(id));
        }
        self.done("removed a grant that is not named");
        Ok(())
    }

    /// A grant is in the way, or gone: the lists say which.
    async fn look_at_grants(&mut self, round: u32) -> Result<(), Error> {
        let Some(app_id) = self.state.application.as_ref().map(|app| app.app_id) else { return Ok(()) };
        let Some(seen) = observe::read_principal(&self.client, app_id).await? else { return Ok(()) };
        let before: Option<Vec<Grant>> = self.state.principal.as_ref().map(|principal| principal.grants.clone());
        if before.as_ref() == Some(&seen.grants) {
            pause(&self.client, "GET /servicePrincipals/{id}/oauth2PermissionGrants", round).await?;
        }
        if let Some(principal) = &mut self.state.principal {
            principal.grants = seen.grants;
        }
        Ok(())
    }

    fn finish_report(&mut self) {
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
        !self.roles.is_empty() || !self.scopes.is_empty() || !self.surplus_roles.is_empty()
    }
}

/// Keeps the first error. What was not sent because the step before it failed has no error of its own: either that
/// step's is kept, or it was mended and the next round sends the rest.
fn keep_first(first: &mut Option<Error>, result: Result<(), Error>) {
    if let Err(error) = result
        && error.code() != DEPENDENCY_FAILED
    {
        first.get_or_insert(error);
    }
}

fn key_refused(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Refused | ErrorKind::Conflict)
        && error.service_message().is_some_and(|text| text.contains("uniqueName"))
}

#[allow(dead_code)]
fn futures_are_send(client: &Client, plan: &Plan, registration: &crate::provision::AppRegistration) {
    fn send<T: Send>(_: T) {}
    send(client.apply(plan).into_future());
    send(client.plan(registration).into_future());
    send(client.verify(registration).into_future());
}
