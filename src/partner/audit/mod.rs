//! The audit: whether an app is consented to in every customer's tenant, and what has become of the relationships.

pub(super) mod consent;
pub(super) mod judge;

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tracing::{Instrument as _, Span};

use crate::client::Client;
use crate::error::Error;
use crate::ids::{AppId, TenantId};
use crate::partner::in_flight::{InFlight, customer_span};
use crate::partner::outcome::CustomerOutcome;
use crate::partner::readiness::{CustomerReadiness, Gap, RolesNeeded};
use crate::partner::report::{Report, Subject};
use crate::partner::selection::{Selection, own_app};
use crate::provision::consent_check::ConsentCheck;
use crate::provision::registration::AppRegistration;

pub(super) use consent::Asker;

/// An audit of all customers: awaiting it makes a [`Report`], and [`start`](Self::start) gives the outcomes one by one.
///
/// It reads only. For each customer it tells, with the remedy: what is the case with the relationship, as
/// [`Partner::readiness`](crate::partner::Partner::readiness) does; whether the consent is missing, or was narrowed, or widened by others;
/// whether the service principal is disabled, deleted or absent, or users must be assigned to it; and which APIs the tenant
/// does not have.
///
/// # Who asks in a customer's tenant
/// 1. The app itself, where [its own credential is at hand](Self::with_app_credential). Where it may not read the directory,
///    its token tells the application permissions of Microsoft Graph, and no others.
/// 2. [Another client](Self::asking): one whose refresh token of a person is redeemed in the customer's tenant, say. Without
///    either, the client of the partner asks by itself. As a person it asks only where the person has a role.
///
/// Where none of them gets a token or may read, the consent is *unknown*, and never said to be missing: that somebody has
/// to consent first ([`NotConsented`](crate::ErrorCode::NotConsented), AADSTS65001) concerns the app that asked.
///
/// # Requests
/// Those of the readiness and one more, then a token and one request for each customer. Each customer is an operation with
/// the [deadline](Client::with_deadline) of the client that asks; a customer that fails stops no other.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::sync::Arc;
/// # let cloud = MemoryCloud::partner_with_customers(2);
/// # let (partner, customer) = (&cloud.tenants()[0], &cloud.tenants()[1]);
/// # let caller = partner.add_caller(&["DelegatedAdminRelationship.Read.All", "Directory.Read.All"]);
/// # let builder = || partner.client_builder().transport(Arc::new(cloud.clone()));
/// # let client = builder().client_secret(caller.client_id, caller.client_secret).build()?;
/// use entra_apps::partner::CustomerState;
/// use entra_apps::permission::microsoft_graph::application;
/// use entra_apps::{AppRegistration, ClientSecret, SignInAudience};
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
///     .audience(SignInAudience::MultipleOrganizations)
///     .permission(application::USER_READ_ALL)
///     .credential(ClientSecret::new("Main"));
/// # let of_the_partner = cloud.client(partner);
/// # let registered = of_the_partner.apply(&of_the_partner.plan(&backup).await?).await?;
/// # let (app_id, secret) = (registered.application.unwrap().app_id, registered.secrets[0].value.clone());
/// # let app = builder().client_secret(app_id, secret).build()?;
/// # let in_customer = cloud.client(customer);
/// # in_customer.apply(&in_customer.install(app_id, partner.id(), &backup).plan().await?).await?;
///
/// // `client` is the partner's, `app` a client with the app's own secret.
/// let audit = client.partner().audit(&backup).with_app_credential(&app);
/// # let audit = audit.settling(std::time::Duration::ZERO); // the relationships are new
/// let report = audit.await?;
/// println!("{report}");
/// let states: Vec<_> = report.customers.iter().map(|customer| customer.state).collect();
/// assert!(states.contains(&CustomerState::AlreadyConsented) && states.contains(&CustomerState::NotConsented));
/// # Ok(()) }
/// ```
///
/// # Errors
/// When the customers cannot be read at all, or one that was named is none; when the registration is not for other tenants,
/// or the partner's tenant has no application with its unique name. What else cannot be read is told in the report.
///
/// # Panics
/// Outside of the runtime that the [`Client`] needs.
#[derive(Clone, Debug)]
#[must_use = "an audit does nothing until it is awaited or started"]
pub struct Audit {
    client: Client,
    registration: AppRegistration,
    app: Option<(AppId, TenantId)>,
    selection: Selection,
    own: Option<Client>,
    other: Option<Client>,
}

impl Audit {
    pub(super) fn new(client: &Client, registration: &AppRegistration) -> Self {
        Self {
            client: client.clone(),
            registration: registration.clone(),
            app: None,
            selection: Selection::default(),
            own: None,
            other: None,
        }
    }

    /// Names the app, and the tenant in which its publisher has registered it. Otherwise it is the application of the
    /// registration's unique name in the partner's own tenant.
    pub fn app(mut self, app_id: AppId, publisher: TenantId) -> Self {
        self.app = Some((app_id, publisher));
        self
    }

    /// Audits these customers only, those that were invited and have approved nothing yet among them.
    pub fn of(mut self, customers: impl IntoIterator<Item = TenantId>) -> Self {
        self.selection.only = Some(customers.into_iter().collect());
        self
    }

    /// Leaves these customers out.
    pub fn except(mut self, customers: impl IntoIterator<Item = TenantId>) -> Self {
        self.selection.except.extend(customers);
        self
    }

    /// Sets the directory roles that are needed in each customer's tenant; by default those that the permissions take
    /// ([`RolesNeeded::to_register`]).
    pub fn needing(mut self, roles: RolesNeeded) -> Self {
        self.selection.needed = Some(roles);
        self
    }

    /// Sets for how long after its activation a relationship counts as *not yet*; see
    /// [`CheckReadiness::settling`](crate::partner::CheckReadiness::settling).
    pub fn settling(mut self, time: Duration) -> Self {
        self.selection.settling = Some(time);
        self
    }

    /// Sets how long before its end a relationship is reported as ending; see
    /// [`CheckReadiness::ending_within`](crate::partner::CheckReadiness::ending_within).
    pub fn ending_within(mut self, time: Duration) -> Self {
        self.selection.ending = Some(time);
        self
    }

    /// Asks with the app's own credential first: with a client that signs in as the very app that is audited, in whichever
    /// tenant. What it gets is that app's in each customer's tenant ([`Client::for_tenant`]).
    pub fn with_app_credential(mut self, client: &Client) -> Self {
        self.own = Some(client.clone());
        self
    }

    /// Asks with this client in each customer's tenant ([`Client::for_tenant`]), where the app's own credential is not at
    /// hand or leaves something open. Least permissions there: `Application.Read.All` and `Directory.Read.All`.
    pub fn asking(mut self, client: &Client) -> Self {
        self.other = Some(client.clone());
        self
    }

    /// Reads the relationships, and begins to ask in the customers' tenants.
    ///
    /// # Errors
    /// As [`Audit`] says.
    pub async fn start(self) -> Result<AuditRun, Error> {
        let (tenant, unique_name) = (self.client.tenant(), self.registration.unique_name());
        let span = tracing::debug_span!("audit", %tenant, unique_name);
        self.begin(span.clone()).instrument(span).await
    }

    async fn begin(self, span: Span) -> Result<AuditRun, Error> {
        let client = self.client.begin_operation();
        let (app_id, publisher) = match self.app {
            Some(app) => app,
            None => own_app(&client, &self.registration).await?,
        };
        let check = ConsentCheck::new(&self.registration, app_id, publisher)?;
        let readiness = self.selection.check(&client, &self.registration).await?;
        let subject = self.selection.subject(&client, app_id, &readiness).await?;
        // Where the partner's tenant has no such API, the first customer that has it is asked.
        if let Err(error) = check.learn(&client).await {
            tracing::debug!(code = error.code().as_str(), "the permissions are looked up in the customers' tenants");
        }
        let askers = askers(self.own, self.other, &self.client).await;
        Ok(AuditRun {
            subject,
            total: readiness.customers.len(),
            shared: Arc::new(Shared { check, askers, partner: readiness.partner }),
            customers: readiness.customers.into_iter(),
            in_flight: InFlight::new(Arc::clone(&self.client.context().clock)),
            span,
        })
    }
}

/// Who asks, in order.
pub(super) async fn askers(own: Option<Client>, other: Option<Client>, partner: &Client) -> Vec<Asker> {
    let mut askers: Vec<Asker> = own.iter().map(Asker::app_itself).collect();
    let other = match (own, other) {
        (_, Some(other)) => other,
        (None, None) => partner.clone(),
        (Some(_), None) => return askers,
    };
    askers.push(Asker::other(&other).await);
    askers
}

/// An audit under way: a [`Stream`] of the customers' outcomes, each as soon as it is known.
///
/// Some dozens of customers are asked side by side, within the client's [limit of
/// requests](crate::ClientBuilder::concurrent_requests), and those that wait for a throttle to pass hold up no other. Nothing
/// is spawned: it goes on while it is polled, and dropping it ends it.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
/// # use std::sync::Arc;
/// # let cloud = MemoryCloud::partner_with_customers(3);
/// # let partner = &cloud.tenants()[0];
/// # let caller = partner.add_caller(&["DelegatedAdminRelationship.Read.All", "Directory.Read.All"]);
/// # let builder = partner.client_builder().transport(Arc::new(cloud.clone()));
/// # let client = builder.client_secret(caller.client_id, caller.client_secret).build()?;
/// use entra_apps::{AppRegistration, SignInAudience};
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").audience(SignInAudience::MultipleOrganizations);
/// # let of_the_partner = cloud.client(partner);
/// # of_the_partner.apply(&of_the_partner.plan(&backup).await?).await.unwrap();
/// let mut run = client.partner().audit(&backup).start().await?;
/// let mut outcomes = Vec::new();
/// while let Some(outcome) = run.next().await {
///     println!("{} of {}: {}, {}", outcomes.len() + 1, run.total(), outcome.name(), outcome.state);
///     outcomes.push(outcome);
/// }
/// let report = run.report(outcomes);
/// assert_eq!(report.customers.len(), 3);
/// # Ok(()) }
/// ```
#[must_use = "an audit goes on while it is polled"]
pub struct AuditRun {
    subject: Subject,
    total: usize,
    shared: Arc<Shared>,
    /// Those that have not begun.
    customers: std::vec::IntoIter<CustomerReadiness>,
    in_flight: InFlight<CustomerOutcome>,
    /// Of the whole audit.
    span: Span,
}

/// What all customers share.
struct Shared {
    check: ConsentCheck,
    askers: Vec<Asker>,
    /// What stands in the partner's way everywhere.
    partner: Vec<Gap>,
}

impl AuditRun {
    /// How many customers there are in all.
    pub fn total(&self) -> usize {
        self.total
    }

    /// The next outcome; `None` behind the last.
    pub async fn next(&mut self) -> Option<CustomerOutcome> {
        poll_fn(|context| self.poll(context)).await
    }

    /// Makes the report of these outcomes.
    pub fn report(&self, outcomes: impl IntoIterator<Item = CustomerOutcome>) -> Report {
        Report::new(self.subject.clone(), outcomes.into_iter().collect())
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<CustomerOutcome>> {
        loop {
            let mut has_begun = false;
            while self.in_flight.has_room()
                && let Some(customer) = self.customers.next()
            {
                let shared = Arc::clone(&self.shared);
                let span = customer_span(&self.span, customer.customer.tenant_id);
                self.in_flight.begin(move |observer| {
                    let outcome = async move {
                        let known = consent::read(&shared.check, &shared.askers, &customer, &observer).await;
                        judge::outcome(&customer, &shared.partner, known)
                    };
                    outcome.instrument(span)
                });
                has_begun = true;
            }
            match self.in_flight.poll_next(context) {
                // Some of them may wait now, and have left their places.
                Poll::Pending if has_begun => {}
                poll => return poll,
            }
        }
    }
}

impl Stream for AuditRun {
    type Item = CustomerOutcome;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<CustomerOutcome>> {
        self.get_mut().poll(context)
    }
}

impl fmt::Debug for AuditRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.customers.len();
        f.debug_struct("AuditRun").field("subject", &self.subject).field("left", &left).finish_non_exhaustive()
    }
}

impl IntoFuture for Audit {
    type Output = Result<Report, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut run = self.start().await?;
            let mut outcomes = Vec::with_capacity(run.total());
            while let Some(outcome) = run.next().await {
                outcomes.push(outcome);
            }
            Ok(run.report(outcomes))
        })
    }
}
