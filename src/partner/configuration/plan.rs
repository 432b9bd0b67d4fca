//! A plan: what a configuration changes, as a value that prints.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use serde::Serialize;
use time::OffsetDateTime;
use tracing::Instrument as _;
use url::Url;

use crate::client::Client;
use crate::error::{Error, on_one_line};
use crate::ids::{DelegatedAdminRelationshipId, Tenant, TenantId};
use crate::model::NewDelegatedAdminRelationship;
use crate::partner::configuration::GdapConfiguration;
use crate::partner::configuration::approval::{GdapApproval, GroupState};
use crate::partner::configuration::compare::{Comparison, CustomerSteps};
use crate::partner::configuration::observe::{self, Observed, Scope};
use crate::partner::configuration::step::{GdapAction, GdapStep};
use crate::partner::customers::{Customer, UnreadSource};
use crate::partner::readiness::{Gap, ReadinessOutcome};

/// What a configuration means for one customer.
///
/// # JSON
/// The members of [`Customer`], `outcome`, `steps` and `gaps`; `invitation`, `invited` and `link` where the customer has to
/// approve a relationship.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_in_use_with_customers(7);
/// # let client = cloud.client(&cloud.tenants()[0]);
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::{GdapConfiguration, GdapCustomer, SecurityGroup};
///
/// let group = SecurityGroup::unique_name("contoso", "Contoso").role(DirectoryRole::APPLICATION_ADMINISTRATOR);
/// let plan = client.partner().plan(&GdapConfiguration::new().group(group)).await?;
/// // The last one was invited already, and has not approved yet.
/// let waits: Vec<&GdapCustomer> = plan.customers.iter().filter(|it| it.link.is_some()).collect();
/// assert_eq!(waits[0].customer.display_name.as_deref(), Some("Customer 7"));
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GdapCustomer {
    /// The customer.
    #[serde(flatten)]
    pub customer: Customer,
    /// Where it stands now.
    pub outcome: ReadinessOutcome,
    /// The roles of the groups.
    pub steps: Vec<GdapStep>,
    /// What its relationships lack.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// A relationship that holds what is missing, for the customer to approve: [`invite`](crate::partner::Partner::invite)
    /// makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invitation: Option<NewDelegatedAdminRelationship>,
    /// A relationship that holds what is missing, and that the customer has not approved yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited: Option<DelegatedAdminRelationshipId>,
    /// Where an administrator of the customer approves [`invited`](Self::invited).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Url>,
}

/// Where steps stand, taken together.
pub(super) fn outcome<'a>(steps: impl IntoIterator<Item = &'a GdapStep>) -> ReadinessOutcome {
    match steps.into_iter().map(|step| step.action).max() {
        None | Some(GdapAction::Unchanged) => ReadinessOutcome::Ready,
        Some(GdapAction::Waiting) => ReadinessOutcome::NotYet,
        Some(GdapAction::Unknown) => ReadinessOutcome::Unknown,
        Some(_) => ReadinessOutcome::NotReady,
    }
}

/// What a configuration changes, and what it leaves to others. It prints as a text for a person.
///
/// # JSON
/// `tenant`, `madeAt` (RFC 3339), `configuration`, `groups`, `steps`, `customers`, `approvals`, and `unread` with the lists
/// of customers that could not be read.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_in_use_with_customers(2);
/// # let client = cloud.client(&cloud.tenants()[0]);
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::{GdapConfiguration, SecurityGroup};
///
/// let group = SecurityGroup::unique_name("contoso", "Contoso").role(DirectoryRole::APPLICATION_ADMINISTRATOR);
/// let plan = client.partner().plan(&GdapConfiguration::new().group(group)).await?;
/// assert_eq!(plan.changes().count(), 3, "the group, and its role at two customers");
/// assert!(plan.to_string().contains("Needs approval"));
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct GdapPlan {
    /// The cloud, by its name.
    #[serde(skip)]
    pub(super) cloud: String,
    /// The partner's tenant.
    pub tenant: TenantId,
    /// When the tenant was observed.
    #[serde(with = "time::serde::rfc3339")]
    pub made_at: OffsetDateTime,
    /// The configuration that it is a plan for.
    pub configuration: GdapConfiguration,
    /// The groups of the configuration as they are, in its order, with their owners, members and rules.
    pub groups: Vec<GroupState>,
    /// The steps that concern the partner's tenant: its groups, and who is in them.
    pub steps: Vec<GdapStep>,
    /// The customers, by tenant id.
    pub customers: Vec<GdapCustomer>,
    /// What needs an approval.
    approvals: Vec<GdapApproval>,
    /// The lists of customers that could not be read, so that some may be missing here.
    pub unread: Vec<UnreadSource>,
    #[serde(skip)]
    pub(super) scope: Scope,
}

impl GdapPlan {
    pub(super) fn new(
        client: &Client,
        configuration: &GdapConfiguration,
        scope: &Scope,
        observed: Observed,
    ) -> Result<Self, Error> {
        let now = client.clock().now();
        let it = Comparison { configuration, observed: &observed, scope, now };
        let steps = it.partner_steps()?;
        let mut names = observed.names.clone();
        let customer = |of: &observe::ObservedCustomer| {
            let CustomerSteps { steps, gaps, invited, invitation } = it.customer_steps(of, &mut names);
            let link = invited.as_ref().and_then(|id| client.partner().invitation_link(id));
            let (customer, outcome) = (of.customer.clone(), outcome(&steps));
            GdapCustomer { customer, outcome, steps, gaps, invitation, invited, link }
        };
        let customers: Vec<GdapCustomer> = observed.customers.iter().map(customer).collect();
        let approvals = it.approvals(&steps, customers.iter().flat_map(|customer| &customer.steps));
        Ok(Self {
            cloud: client.cloud().name().to_owned(),
            tenant: observed.tenant,
            made_at: now,
            configuration: configuration.clone(),
            groups: observed.groups.into_iter().map(|group| group.state).collect(),
            steps,
            customers,
            approvals,
            unread: observed.unread,
            scope: scope.clone(),
        })
    }

    /// Every step: those of the partner's tenant, then those of each customer.
    pub fn all_steps(&self) -> impl Iterator<Item = &GdapStep> {
        self.steps.iter().chain(self.customers.iter().flat_map(|customer| &customer.steps))
    }

    /// The steps that write something.
    pub fn changes(&self) -> impl Iterator<Item = &GdapStep> {
        self.all_steps().filter(|step| step.action.is_change())
    }

    /// Whether nothing would be written.
    pub fn is_converged(&self) -> bool {
        self.changes().next().is_none()
    }

    /// The items that need an approval: each privileged role of a group, and each new member.
    /// [`ApplyGdap::approve`](crate::partner::ApplyGdap::approve) takes those that somebody has looked at.
    pub fn needs_approval(&self) -> &[GdapApproval] {
        &self.approvals
    }

    /// The relationships that customers have to approve, ready to be [made](crate::partner::Partner::invite): of those who
    /// have none that holds what is needed, because they never had, or because the configuration has grown.
    pub fn invitations(&self) -> impl Iterator<Item = &NewDelegatedAdminRelationship> {
        self.customers.iter().filter_map(|customer| customer.invitation.as_ref())
    }
}

/// A step in a list of several, and what has to be done about it.
fn line(f: &mut fmt::Formatter<'_>, step: &GdapStep) -> fmt::Result {
    writeln!(f, "  {step}")
}

impl fmt::Display for GdapPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Plan for the partner {}, {} customers", self.tenant, self.customers.len())?;
        writeln!(f, "\nThe partner's tenant")?;
        self.steps.iter().try_for_each(|step| line(f, step))?;
        for customer in self.customers.iter().filter(|it| it.outcome != ReadinessOutcome::Ready) {
            let Customer { tenant_id, display_name, .. } = &customer.customer;
            let name = on_one_line(display_name.clone().unwrap_or_default());
            writeln!(f, "\n{name} ({tenant_id})")?;
            customer.steps.iter().try_for_each(|step| line(f, step))?;
            if let Some(link) = &customer.link {
                writeln!(f, "    {link}")?;
            }
        }
        let ready = self.customers.iter().filter(|it| it.outcome == ReadinessOutcome::Ready).count();
        if ready > 0 {
            writeln!(f, "\n{ready} customers have all of it.")?;
        }
        for unread in &self.unread {
            writeln!(f, "\nA list of customers could not be read: {}", unread.error)?;
        }
        if !self.approvals.is_empty() {
            writeln!(f, "\nNeeds approval")?;
            self.approvals.iter().try_for_each(|approval| writeln!(f, "  ! {approval}"))?;
        }
        match self.changes().count() {
            0 => writeln!(f, "\nNothing to do."),
            1 => writeln!(f, "\n1 change."),
            count => writeln!(f, "\n{count} changes."),
        }
    }
}

/// A plan that is being made, to be awaited.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_in_use_with_customers(4);
/// # let client = cloud.client(&cloud.tenants()[0]);
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::ids::Tenant;
/// use entra_apps::partner::{GdapConfiguration, SecurityGroup};
///
/// let group = SecurityGroup::unique_name("contoso", "Contoso").role(DirectoryRole::APPLICATION_ADMINISTRATOR);
/// let configuration = GdapConfiguration::new().group(group);
/// let one = client.partner().plan(&configuration).of(["customer2.onmicrosoft.com".parse::<Tenant>()?]).await?;
/// assert_eq!(one.customers.len(), 1);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
///
/// # Errors
/// Before anything is written, of kind [`Invalid`](crate::ErrorKind::Invalid): a configuration that says nothing or names a
/// group twice, a tenant that is [no customer](crate::ErrorCode::NotACustomer), a
/// [domain of no tenant](crate::ErrorCode::DomainOfNoTenant), a
/// [relationship of another partner](crate::ErrorCode::UnknownRelationship). Of kind
/// [`Refused`](crate::ErrorKind::Refused): a group that is [no security group](crate::ErrorCode::NotASecurityGroup) or whose
/// [members cannot be changed](crate::ErrorCode::GroupMembersNotChangeable). Of kind
/// [`Conflict`](crate::ErrorKind::Conflict): a group to be made, where there is
/// [one of the same display name](crate::ErrorCode::SameGroupName). Of kind [`NotFound`](crate::ErrorKind::NotFound): a
/// group or user that is not there.
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[derive(Debug)]
#[must_use = "a plan does nothing until it is awaited"]
pub struct PlanGdap {
    client: Client,
    configuration: GdapConfiguration,
    scope: Scope,
}

impl PlanGdap {
    pub(super) fn new(client: &Client, configuration: &GdapConfiguration) -> Self {
        Self { client: client.clone(), configuration: configuration.clone(), scope: Scope::default() }
    }

    /// Plans for these customers only, by tenant id or domain. A domain that no contract has is looked up
    /// (`CrossTenantInformation.ReadBasic.All`).
    pub fn of(mut self, customers: impl IntoIterator<Item = impl Into<Tenant>>) -> Self {
        self.scope.customers = Some(customers.into_iter().map(Into::into).collect());
        self
    }

    /// Plans for these relationships only, and their customers.
    pub fn in_relationships(mut self, ids: impl IntoIterator<Item = DelegatedAdminRelationshipId>) -> Self {
        self.scope.relationships = Some(ids.into_iter().collect());
        self
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) async fn make(self) -> Result<GdapPlan, Error> {
        let client = self.client.begin_operation();
        let observed = observe::observe(&client, &self.configuration, &self.scope).await?;
        GdapPlan::new(&client, &self.configuration, &self.scope, observed)
    }
}

impl IntoFuture for PlanGdap {
    type Output = Result<GdapPlan, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::debug_span!("gdap_plan", tenant = %self.client.tenant());
        Box::pin(self.make().instrument(span))
    }
}
