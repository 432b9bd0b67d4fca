//! Applying a plan: the options of the call, and the error that carries the report.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use tracing::Instrument as _;

use crate::api::ServicePrincipalKey;
use crate::client::Client;
use crate::error::{BoxError, Error, ErrorCode, ErrorKind, on_one_line};
use crate::provision::approvals::Approvals;
use crate::provision::observe::cache_key;
use crate::provision::plan::Plan;
use crate::provision::progress::{Progress, ProgressHook};
use crate::provision::report::{IssuedSecret, Registered, SecretSink};
use crate::provision::run::{MAX_OBSERVATION_AGE, Run};

/// A plan to be carried out: awaiting it does.
///
/// # Stopping it
/// The future can be dropped at any time, as on Ctrl-C: what was done is done, and the next plan and apply go on from there.
/// What is lost with it is the report. So give it a [`secret_sink`](Self::secret_sink) that writes the key id beside the
/// value: a secret that the sink has is yours, and the next plan is told so with
/// [`holding`](crate::provision::PlanRequest::holding).
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::time::Duration;
///
/// use entra_apps::AppRegistration;
/// use entra_apps::permission::microsoft_graph::application;
///
/// let client = MemoryTenant::new().client();
/// let wanted = AppRegistration::new("contoso-sync", "Contoso Sync")
///     .permission(application::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY);
/// let plan = client.plan(&wanted).await?;
/// let registered = client
///     .apply(&plan)
///     .approve("RoleManagement.ReadWrite.Directory")
///     .deadline(Duration::from_secs(120))
///     .on_progress(|progress| println!("{progress:?}"))
///     .await?;
/// assert!(registered.application.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[must_use = "a plan is carried out when it is awaited"]
pub struct Apply<'a> {
    client: Client,
    plan: &'a Plan,
    approvals: Approvals,
    sink: Option<Arc<dyn SecretSink>>,
    progress: Option<ProgressHook>,
    deadline: Option<Duration>,
    max_plan_age: Duration,
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
            max_plan_age: MAX_OBSERVATION_AGE,
        }
    }

    /// Approves a permission that needs a review: that one alone by the text that the plan shows, such as
    /// `Group.ReadWrite.All (application)`, or by the [permission](crate::permission::Permission) itself; one of Microsoft
    /// Graph also by its bare name or its id, application and delegated alike.
    pub fn approve(mut self, permission: impl ToString) -> Self {
        self.approvals.names.push(permission.to_string());
        self
    }

    /// Approves every permission that needs a review.
    pub fn approve_all(mut self) -> Self {
        self.approvals.all = true;
        self
    }

    /// Approves the deletion of a service principal, by its object id or its client id, which a
    /// [removal](crate::provision::PlanRemoval::service_principal) needs; [`approve_all`](Self::approve_all) does not cover it.
    pub fn approve_deletion(mut self, principal: impl Into<ServicePrincipalKey>) -> Self {
        self.approvals.deletions.push(principal.into());
        self
    }

    /// Gives each secret to a sink before any further step. The sink, too, has no more time than the
    /// [deadline](Self::deadline) leaves; without one, a sink that never ends holds up every other apply of this app by this
    /// client, each for as long as its own deadline.
    pub fn secret_sink(mut self, sink: Arc<dyn SecretSink>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Tells what happens as it happens.
    pub fn on_progress(mut self, progress: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// Sets how long it may take, waits and the secret sink included; the client's default deadline otherwise.
    pub fn deadline(mut self, allowed: Duration) -> Self {
        self.deadline = Some(allowed);
        self
    }

    /// Sets the age up to which the plan is written from as it is; five seconds otherwise, and zero means never. An older
    /// plan, and any from a file, is observed again, with two more requests: where the tenant has changed,
    /// it stops with [`PlanOutdated`](ErrorCode::PlanOutdated). The age is that at which the writing begins, once no other apply of
    /// this client writes the same app.
    ///
    /// ```
    /// # use entra_emulator::MemoryTenant;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// use std::time::Duration;
    ///
    /// use entra_apps::AppRegistration;
    ///
    /// let client = MemoryTenant::new().client();
    /// let plan = client.plan(&AppRegistration::new("contoso-sync", "Contoso Sync")).await?;
    /// let registered = client.apply(&plan).max_plan_age(Duration::ZERO).await?; // somebody has thought about it
    /// assert!(registered.application.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub fn max_plan_age(mut self, age: Duration) -> Self {
        self.max_plan_age = age;
        self
    }

    async fn run(self) -> Result<Registered, ApplyError> {
        let Self { client, plan, approvals, sink, progress, deadline, max_plan_age } = self;
        let mut client = match deadline {
            Some(allowed) => client.with_deadline(allowed).begin_operation(),
            None => client.begin_operation(),
        };
        if let Some(progress) = progress.clone() {
            client = client.observed(Arc::new(move |wait| progress(&Progress::Waiting(wait.clone()))));
        }
        let has_sink = sink.is_some();
        let sink = sink.map(|inner| -> Arc<dyn SecretSink> { Arc::new(BoundedSink { inner, client: client.clone() }) });
        let mut run = Run::new(client.clone(), plan, approvals, sink, progress);
        let result = match client.writer_lock(&cache_key(plan.tenant, &plan.registration, &plan.options)).await {
            Ok(_only_writer) => run.execute(max_plan_age).await,
            Err(error) => Err(error),
        };
        let report = run.into_report();
        match result {
            Ok(()) => Ok(report),
            Err(error) => Err(ApplyError { error, report: Box::new(report), has_sink }),
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
        let span = tracing::debug_span!("apply", unique_name = self.plan.registration.unique_name());
        Box::pin(self.run().instrument(span))
    }
}

/// A sink that has no more time than the apply: what it has not stored by then counts as not stored.
#[derive(Debug)]
struct BoundedSink {
    inner: Arc<dyn SecretSink>,
    client: Client,
}

#[async_trait]
impl SecretSink for BoundedSink {
    async fn store(&self, secret: &IssuedSecret) -> Result<(), BoxError> {
        let deadline = self.client.options().deadline;
        let stored = deadline.bound(self.client.clock(), self.inner.store(secret)).await;
        stored.unwrap_or_else(|| Err("the secret sink did not finish in the time allowed".into()))
    }
}

/// The error of an apply, with the report of all that was done: secrets that were issued included.
///
/// Its text says, besides what went wrong, which secrets were issued and where their values are, and names the admin
/// consent link where consent is open. Plan and apply again when the cause is mended: what was done is found and not
/// done twice. A secret that was issued is not issued again, so keep its value.
///
/// It becomes an [`Error`] with `?`. Where secrets were issued, the source of that error is this one, so that none is
/// lost: `source.downcast_ref::<ApplyError>()` has the report.
///
/// # JSON
/// `error` (an [`Error`]) and `report` (a [`Registered`], so without the values of secrets).
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::permission::microsoft_graph::delegated;
/// use entra_apps::{AppRegistration, ClientSecret, ErrorKind};
///
/// let tenant = MemoryTenant::new();
/// // It may register apps, and not consent to their permissions.
/// let caller = tenant.add_caller(&["Application.ReadWrite.All", "Directory.Read.All"]);
/// let client = tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build()?;
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
///     .permission(delegated::USER_READ)
///     .credential(ClientSecret::new("Backup"));
///
/// let failed = client.apply(&client.plan(&backup).await?).await.unwrap_err();
/// assert_eq!(failed.error().kind(), ErrorKind::Forbidden);
/// println!("{failed}");
/// let (error, report) = failed.into_parts();
/// assert_eq!(report.secrets.len(), 1, "store it: it is live");
/// # let _ = error;
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Serialize)]
pub struct ApplyError {
    error: Error,
    report: Box<Registered>,
    #[serde(skip)]
    has_sink: bool,
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

    /// Whether an apply that runs again meets something of this one.
    fn leaves_something(&self) -> bool {
        // What the service may have done is not in the report.
        let is_passing = matches!(
            self.error.kind(),
            ErrorKind::Network | ErrorKind::Deadline | ErrorKind::Throttled | ErrorKind::Service
        );
        !self.report.done.is_empty() || is_passing
    }
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)?;
        let names: Vec<_> = self.report.secrets.iter().map(name_of).collect();
        if !names.is_empty() {
            let (secrets, it, values) = match names.len() {
                1 => ("a client secret was", "it", "its value is"),
                _ => ("client secrets were", "them", "their values are"),
            };
            let and_in_the_sink = match self.has_sink {
                true => ", and in the secret sink as far as it could store it",
                false => "",
            };
            write!(
                f,
                " Before that, {secrets} issued: {}. Keep {it}: {values} in the error's report (report().secrets)\
                 {and_in_the_sink}, and no later run issues {it} again.",
                names.join(", ")
            )?;
        }
        let consent = self.report.open.iter().find(|item| item.code == ErrorCode::AdminConsentMissing);
        if let Some(link) = consent.and_then(|item| item.link.as_ref()) {
            write!(f, " The admin consent link, for somebody who may consent: <{link}>.")?;
        }
        if self.leaves_something() {
            f.write_str(" Run it again (plan and apply): what was done is found and not done twice.")?;
        }
        Ok(())
    }
}

impl std::error::Error for ApplyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.error)
    }
}

impl From<ApplyError> for Error {
    /// Leaves the report out, unless it holds secrets: then the error's source is the [`ApplyError`].
    fn from(failed: ApplyError) -> Self {
        if failed.report.secrets.is_empty() {
            return failed.error;
        }
        let error = failed.error.copy();
        let remedy = format!(
            "{} A client secret was issued before that: its value is in the report of the ApplyError that is this error's \
             source.",
            error.remedy()
        );
        error.with_remedy(remedy).with_source(failed)
    }
}

/// A secret, for a person: its description, and its id where there is none.
fn name_of(secret: &IssuedSecret) -> String {
    match &secret.display_name {
        Some(name) => format!("“{}”", on_one_line(name.clone())),
        None => secret.key_id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AppId, KeyId, TenantId};
    use crate::provision::progress::Done;
    use crate::provision::report::OpenItem;
    use crate::provision::step::StepKind;
    use secrecy::SecretString;
    use serde_json::json;

    fn failed(kind: ErrorCode, secrets: &[&str], has_sink: bool) -> ApplyError {
        let issued = |name: &&str| {
            let value = SecretString::from("m4rker");
            IssuedSecret::new(TenantId::from_u128(1), AppId::from_u128(2), KeyId::from_u128(3), value)
                .display_name(*name)
        };
        let report = Registered {
            tenant_id: TenantId::from_u128(1),
            application: None,
            service_principal: None,
            secrets: secrets.iter().map(issued).collect(),
            certificates: Vec::new(),
            done: secrets
                .iter()
                .map(|name| Done { id: StepKind::SECRET.into(), text: format!("issued {name}") })
                .collect(),
            corrections: Vec::new(),
            open: Vec::new(),
            notices: Vec::new(),
        };
        ApplyError { error: Error::new(kind), report: Box::new(report), has_sink }
    }

    #[test]
    fn its_text_says_where_the_secrets_are_and_when_to_run_it_again() {
        let again = "Run it again (plan and apply): what was done is found and not done twice.";
        let plain = failed(ErrorCode::PlanOutdated, &[], true).to_string();
        assert_eq!(plain, Error::new(ErrorCode::PlanOutdated).to_string(), "nothing was done, and nothing is added");
        assert!(failed(ErrorCode::NoResponse, &[], true).to_string().ends_with(again), "it may have been done");

        let one = failed(ErrorCode::MissingPermission, &["Main"], false).to_string();
        let where_it_is = "a client secret was issued: “Main”. Keep it: its value is in the error's report (report().secrets), and no";
        assert!(one.contains(where_it_is) && one.ends_with(again), "{one}");
        let two = failed(ErrorCode::MissingPermission, &["Main", "Ot\nher"], true).to_string();
        assert!(
            two.contains("client secrets were issued: “Main”, “Ot her”.")
                && two.contains("the secret sink")
                && two.contains("issues them again"),
            "{two}"
        );

        let mut open = failed(ErrorCode::MissingPermission, &[], false);
        let link = "https://login.microsoftonline.com/common/adminconsent?client_id=1";
        let item = OpenItem::new(ErrorCode::AdminConsentMissing, "consent is missing", "Ask for it.");
        open.report.open.push(item.link(link.parse().unwrap()));
        assert!(open.to_string().contains(link), "{open}");
    }

    #[test]
    fn its_json_is_error_and_report_without_values() {
        let failed = failed(ErrorCode::MissingPermission, &["Main"], false);
        let json = serde_json::to_value(&failed).unwrap();
        assert_eq!(
            json,
            json!({
                "error": {
                    "code": "missing_permission", "kind": "forbidden", "message": "the caller may not do this",
                    "remedy": "Sign in as somebody who may.", "attempts": 0,
                },
                "report": {
                    "tenantId": "00000000-0000-0000-0000-000000000001",
                    "application": null,
                    "secrets": [{
                        "tenantId": "00000000-0000-0000-0000-000000000001",
                        "appId": "00000000-0000-0000-0000-000000000002",
                        "kind": "client_secret",
                        "keyId": "00000000-0000-0000-0000-000000000003",
                        "displayName": "Main",
                        "end": null,
                    }],
                    "certificates": [],
                    "done": [{"code": "secret", "kind": "secret", "subject": null, "text": "issued Main"}],
                    "corrections": [],
                    "open": [],
                },
            })
        );
        for text in [json.to_string(), failed.to_string(), format!("{failed:?}"), format!("{failed:#?}")] {
            assert!(!text.contains("m4rker"), "{text}");
        }
    }

    #[test]
    fn it_becomes_an_error_that_loses_no_secret() {
        use std::error::Error as _;

        let plain = Error::from(failed(ErrorCode::NoResponse, &[], false));
        assert_eq!(plain.code(), ErrorCode::NoResponse);
        assert!(plain.source().is_none());
        let error = Error::from(failed(ErrorCode::NoResponse, &["Main"], false));
        assert_eq!(error.code(), ErrorCode::NoResponse);
        assert!(error.remedy().contains("ApplyError"), "{error}");
        let source = error.source().and_then(|source| source.downcast_ref::<ApplyError>()).expect("the apply's error");
        assert_eq!(source.report().secrets.len(), 1);
    }

    #[allow(dead_code)] // to compile is the test
    fn futures_are_send(client: &Client, plan: &Plan, registration: &crate::provision::AppRegistration) {
        fn send<T: Send>(_: T) {}
        send(client.apply(plan).into_future());
        send(client.plan(registration).into_future());
        send(client.verify(registration).into_future());
    }
}
