//! Applying a plan: the options of the call, and the error that carries the report.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::provision::observe::cache_key;
use crate::provision::plan::{Approvals, Plan};
use crate::provision::progress::{Progress, ProgressHook};
use crate::provision::report::{Registered, SecretSink};
use crate::provision::run::Run;

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

impl<'a> Apply<'a> {
    pub(super) fn new(client: &Client, plan: &'a Plan) -> Self {
        Self {
            client: client.clone(),
            plan,
            approvals: Approvals::default(),
            sink: None,
            progress: None,
            deadline: None,
        }
    }

    /// Approves a permission that needs a review, by its name (or its id, where it has no name).
    pub fn approve(mut self, permission: impl Into<String>) -> Self {
        self.approvals.names.push(permission.into());
        self
    }

    /// Approves every permission that needs a review.
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

    async fn run(self) -> Result<Registered, ApplyError> {
        let Self { client, plan, approvals, sink, progress, deadline } = self;
        let mut client = match deadline {
            Some(allowed) => client.with_deadline(allowed).begin_operation(),
            None => client.begin_operation(),
        };
        if let Some(progress) = progress.clone() {
            client = client.observed(Arc::new(move |wait| progress(&Progress::Waiting(wait.clone()))));
        }
        let mut run = Run::new(client.clone(), plan, sink, progress);
        let result = match client.writer_lock(&cache_key(plan.tenant, &plan.registration)).await {
            Ok(_only_writer) => run.execute(&approvals).await,
            Err(error) => Err(error),
        };
        run.finish_report();
        if result.as_ref().is_err_and(may_not_grant) {
            run.report_missing_consent();
        }
        match result {
            Ok(()) => Ok(run.report),
            Err(error) => Err(ApplyError { error, report: Box::new(run.report) }),
        }
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

/// The error of an apply, with the report of all that was done: secrets that were issued included.
#[derive(Debug)]
pub struct ApplyError {
    error: Error,
    report: Box<Registered>,
}

impl ApplyError {
    /// The error that ended it.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The report of what was done before.
    pub fn report(&self) -> &Registered {
        &self.report
    }

    /// The error and the report.
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
