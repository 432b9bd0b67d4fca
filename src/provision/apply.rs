//! Applying a plan: what is said of it beforehand, and what comes back.

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::provision::observe::memory_name;
use crate::provision::plan::{Approvals, Plan};
use crate::provision::report::{Registered, SecretSink};
use crate::provision::run::Run;
use crate::retry::Wait;

impl Client {
    /// Carries a plan out. What fails can be run again: it ends where an undisturbed run ends.
    ///
    /// Awaiting it applies the plan; before that, [`approve`](Apply::approve) and the other methods say more. A first run
    /// takes three requests behind the plan's one: the [upsert](https://learn.microsoft.com/graph/api/application-upsert)
    /// of the application, then its properties, its
    /// [service principal](https://learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals) and its
    /// [secret](https://learn.microsoft.com/graph/api/application-addpassword), then the
    /// [role assignments](https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto) and
    /// [grants](https://learn.microsoft.com/graph/api/oauth2permissiongrant-post). Least permissions:
    /// `Application.ReadWrite.All` (or `Application.ReadWrite.OwnedBy`), `AppRoleAssignment.ReadWrite.All`,
    /// `DelegatedPermissionGrant.ReadWrite.All` and `Directory.Read.All`.
    ///
    /// # Errors
    /// An [`ApplyError`] carries the report of all that was done, issued secrets included. Its kinds:
    /// - [`NeedsApproval`](crate::ErrorKind::NeedsApproval) and [`Stale`](crate::ErrorKind::Stale), before anything is
    ///   written;
    /// - [`Forbidden`](crate::ErrorKind::Forbidden) when the caller may not do a part of it,
    ///   [`Refused`](crate::ErrorKind::Refused) for a policy of the tenant, [`Conflict`](crate::ErrorKind::Conflict) with
    ///   the code `key_taken` when a deleted application holds the key;
    /// - [`Deadline`](crate::ErrorKind::Deadline), [`Throttled`](crate::ErrorKind::Throttled),
    ///   [`Network`](crate::ErrorKind::Network), [`Service`](crate::ErrorKind::Service): run it again.
    ///
    /// ```
    /// # use entra_apps::{AppRegistration, ClientSecret};
    /// # use entra_emulator::MemoryTenant;
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

pub(super) type ProgressHook = Arc<dyn Fn(&Progress) + Send + Sync>;

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
            None => client.with_default_deadline(),
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
            state: plan.observed.clone(),
            choices: plan.choices.clone(),
            lost: Vec::new(),
            orphans: 0,
            published: HashMap::new(),
            plan,
            sink,
            progress,
            client: client.clone(),
        };
        let result = match client.writer_lock(&memory_name(plan.tenant, &plan.registration)).await {
            Ok(_only_writer) => run.all(&approvals).await,
            Err(error) => Err(error),
        };
        run.finish_report();
        if result.as_ref().is_err_and(may_not_grant) {
            run.leave_consent_open();
        }
        match result {
            Ok(()) => Ok(run.report),
            Err(error) => Err(ApplyError { error, report: Box::new(run.report) }),
        }
    }
}

/// Whether it was a grant that the caller may not make.
fn may_not_grant(error: &Error) -> bool {
    let is_grant = |operation: &str| {
        !operation.starts_with("GET")
            && (operation.contains("appRoleAssignedTo") || operation.contains("oauth2PermissionGrants"))
    };
    error.kind() == ErrorKind::Forbidden && error.operation().is_some_and(is_grant)
}

#[cfg(test)]
#[allow(dead_code)] // to compile is the test
fn futures_are_send(client: &Client, plan: &Plan, registration: &crate::provision::AppRegistration) {
    fn send<T: Send>(_: T) {}
    send(client.apply(plan).into_future());
    send(client.plan(registration).into_future());
    send(client.verify(registration).into_future());
}
