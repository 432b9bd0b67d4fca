//! The checklist: whether what a configuration asks for is there.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use serde::Serialize;
use tracing::Instrument as _;

use crate::client::Client;
use crate::error::Error;
use crate::ids::{DelegatedAdminRelationshipId, Tenant};
use crate::partner::configuration::GdapConfiguration;
use crate::partner::configuration::plan::{GdapCustomer, GdapPlan, PlanGdap, outcome};
use crate::partner::configuration::step::{GdapAction, GdapStep};
use crate::partner::customers::UnreadSource;
use crate::partner::readiness::ReadinessOutcome;

/// What is there of a configuration, step by step. It prints with a tick before each step that is done.
///
/// # JSON
/// `steps`, `customers` and `unread`, as those of a [`GdapPlan`].
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_in_use_with_customers(3);
/// # let client = cloud.client(&cloud.tenants()[0]);
/// # let team = cloud.tenants()[0].groups().into_iter().find(|group| group.display_name == "Field Team").unwrap();
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::{GdapConfiguration, ReadinessOutcome, SecurityGroup};
///
/// let team = SecurityGroup::id(team.id).role(DirectoryRole::APPLICATION_ADMINISTRATOR);
/// let checklist = client.partner().verify(&GdapConfiguration::new().group(team)).await?;
/// assert!(!checklist.is_done());
/// // One of the three has given it this role already.
/// let ready = checklist.customers.iter().filter(|it| it.outcome == ReadinessOutcome::Ready);
/// assert_eq!(ready.count(), 1);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct GdapChecklist {
    /// The steps that concern the partner's tenant.
    pub steps: Vec<GdapStep>,
    /// The customers, by tenant id.
    pub customers: Vec<GdapCustomer>,
    /// The lists of customers that could not be read, so that some may be missing here.
    pub unread: Vec<UnreadSource>,
}

impl GdapChecklist {
    /// Whether all of it is there, for every customer, and no list is missing.
    pub fn is_done(&self) -> bool {
        self.unread.is_empty()
            && outcome(&self.steps) == ReadinessOutcome::Ready
            && self.customers.iter().all(|customer| customer.outcome == ReadinessOutcome::Ready)
    }
}

impl From<GdapPlan> for GdapChecklist {
    /// What the plan saw.
    fn from(plan: GdapPlan) -> Self {
        Self { steps: plan.steps, customers: plan.customers, unread: plan.unread }
    }
}

impl fmt::Display for GdapChecklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in self.steps.iter().chain(self.customers.iter().flat_map(|customer| &customer.steps)) {
            let tick = if step.action == GdapAction::Unchanged { 'x' } else { ' ' };
            writeln!(f, "  [{tick}] {step}")?;
        }
        self.unread
            .iter()
            .try_for_each(|unread| writeln!(f, "  [ ] A list of customers could not be read: {}", unread.error))
    }
}

/// A check that is to be awaited.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_in_use_with_customers(3);
/// # let client = cloud.client(&cloud.tenants()[0]);
/// # let customer = cloud.tenants()[2].id();
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::{GdapConfiguration, SecurityGroup};
///
/// let group = SecurityGroup::unique_name("contoso", "Contoso").role(DirectoryRole::APPLICATION_ADMINISTRATOR);
/// let checklist = client.partner().verify(&GdapConfiguration::new().group(group)).of([customer]).await?;
/// assert_eq!(checklist.customers.len(), 1);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
///
/// # Errors
/// Those of a [plan](PlanGdap).
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[derive(Debug)]
#[must_use = "a check does nothing until it is awaited"]
pub struct VerifyGdap(PlanGdap);

impl VerifyGdap {
    pub(super) fn new(client: &Client, configuration: &GdapConfiguration) -> Self {
        Self(PlanGdap::new(client, configuration))
    }

    /// Verifies these customers only, by tenant id or domain.
    pub fn of(self, customers: impl IntoIterator<Item = impl Into<Tenant>>) -> Self {
        Self(self.0.of(customers))
    }

    /// Verifies these relationships only, and their customers.
    pub fn in_relationships(self, ids: impl IntoIterator<Item = DelegatedAdminRelationshipId>) -> Self {
        Self(self.0.in_relationships(ids))
    }
}

impl IntoFuture for VerifyGdap {
    type Output = Result<GdapChecklist, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::debug_span!("gdap_verify", tenant = %self.0.client().tenant());
        Box::pin(async { Ok(self.0.make().await?.into()) }.instrument(span))
    }
}
