//! Whether a partner can work in its customers' tenants, and what exactly is missing: read before anything is written.

mod caller;
mod customer_tenant;
mod gap;
mod judge;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::Method;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tracing::Instrument as _;

use crate::client::Client;
use crate::directory_role::DirectoryRole;
use crate::error::{Error, ErrorCode};
use crate::ids::{DelegatedAdminRelationshipId, DirectoryObjectId, TenantId};
use crate::model::{DelegatedAdminAccessAssignment, DelegatedAdminRelationship, DirectoryObject};
use crate::partner::customers::{Customer, CustomerSource, UnreadSource};
use crate::permission::{MICROSOFT_GRAPH, Permission, PermissionKind, well_known};
use crate::provision::registration::AppRegistration;

pub(super) use caller::ADMIN_AGENTS;
pub use gap::{Gap, GapSeverity, Unknown};

use judge::{InCustomer, Limits, Observed, Read};

/// The directory roles that are needed in each customer's tenant: sets, of each of which one role suffices.
///
/// ```
/// use entra_apps::AppRegistration;
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::RolesNeeded;
/// use entra_apps::permission::microsoft_graph::{application, delegated};
///
/// // Delegated permissions take no more than an administrator of applications.
/// let app = AppRegistration::new("contoso-backup", "Contoso Backup").permission(delegated::USER_READ);
/// assert_eq!(RolesNeeded::to_register(&app).preferred(), [DirectoryRole::APPLICATION_ADMINISTRATOR]);
///
/// // Application permissions of Microsoft Graph take one more.
/// let needed = RolesNeeded::to_register(&app.permission(application::USER_READ_ALL));
/// assert!(needed.preferred().contains(&DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RolesNeeded(Vec<Vec<DirectoryRole>>);

impl RolesNeeded {
    /// Those that administer apps: Application Administrator or Cloud Application Administrator.
    pub fn to_administer_apps() -> Self {
        Self::default().any_of([
            DirectoryRole::APPLICATION_ADMINISTRATOR,
            DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR,
            DirectoryRole::GLOBAL_ADMINISTRATOR,
        ])
    }

    /// Those that the permissions of a registration take: Privileged Role Administrator only where application permissions
    /// of Microsoft Graph are to be granted
    /// ([background](https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent)).
    pub fn to_register(registration: &AppRegistration) -> Self {
        let graphs = [MICROSOFT_GRAPH, well_known::AZURE_ACTIVE_DIRECTORY_GRAPH_LEGACY];
        let is_privileged = |it: &Permission| it.kind() == PermissionKind::Application && graphs.contains(&it.api());
        let needed = Self::to_administer_apps();
        match registration.declared_permissions().any(is_privileged) {
            true => needed.any_of([DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR, DirectoryRole::GLOBAL_ADMINISTRATOR]),
            false => needed,
        }
    }

    /// Adds roles of which one suffices; the first is the one that is asked for. No role at all adds nothing.
    #[must_use]
    pub fn any_of(mut self, roles: impl IntoIterator<Item = DirectoryRole>) -> Self {
        let roles: Vec<DirectoryRole> = roles.into_iter().collect();
        if !roles.is_empty() {
            self.0.push(roles);
        }
        self
    }

    /// The roles that are asked for: the first of each set.
    pub fn preferred(&self) -> Vec<DirectoryRole> {
        self.0.iter().filter_map(|set| set.first().copied()).collect()
    }

    /// The roles of which one suffices for the most that is needed: the last set.
    pub(super) fn most(&self) -> &[DirectoryRole] {
        self.0.last().map_or(&[], Vec::as_slice)
    }

    fn sets(&self) -> impl Iterator<Item = &[DirectoryRole]> {
        self.0.iter().map(Vec::as_slice)
    }
}

/// Where a customer stands. In JSON it is its name in snake case.
///
/// ```
/// use entra_apps::partner::ReadinessOutcome;
///
/// assert_eq!(serde_json::to_value(ReadinessOutcome::NotYet)?, "not_yet");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReadinessOutcome {
    /// The roles are there.
    Ready,
    /// They will be there in a while.
    NotYet,
    /// Something is missing, which [`CustomerReadiness::gaps`] names.
    NotReady,
    /// It could not be told.
    Unknown,
}

/// Where one customer stands, and why.
///
/// # JSON
/// The members of [`Customer`], `outcome`, `roles` (as objects of `name` and `id`), `proven` and `gaps`.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_with_customers(1);
/// # let tenant = &cloud.tenants()[0];
/// # let client = tenant.client_of(&tenant.add_caller(&["DelegatedAdminRelationship.Read.All", "Directory.Read.All"]));
/// use std::time::Duration;
///
/// use entra_apps::partner::{CustomerReadiness, ReadinessOutcome, RolesNeeded};
///
/// let needed = RolesNeeded::to_administer_apps();
/// let readiness = client.partner().readiness(needed).settling(Duration::ZERO).await?;
/// let CustomerReadiness { customer, outcome, .. } = &readiness.customers[0];
/// println!("{:?}: {outcome:?}", customer.display_name);
/// assert_eq!(*outcome, ReadinessOutcome::Ready);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CustomerReadiness {
    /// The customer.
    #[serde(flatten)]
    pub customer: Customer,
    /// Where it stands, the gaps of the partner taken into account.
    pub outcome: ReadinessOutcome,
    /// The directory roles that the person, or the app, has there by what the partner's tenant says.
    pub roles: Vec<DirectoryRole>,
    /// Whether the customer's own tenant has said which roles are there: only where it was
    /// [asked](CheckReadiness::asking_customers), and had something to say.
    pub proven: bool,
    /// What is missing, or may be soon.
    pub gaps: Vec<Gap>,
}

/// Where all customers stand.
///
/// # JSON
/// `partner` (each a [`Gap`]), `customers` (each a [`CustomerReadiness`]) and `unread` (each an [`UnreadSource`]).
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_with_customers(2);
/// # let tenant = &cloud.tenants()[0];
/// # let client = tenant.client_of(&tenant.add_caller(&["DelegatedAdminRelationship.Read.All", "Directory.Read.All"]));
/// use entra_apps::partner::RolesNeeded;
///
/// let readiness = client.partner().readiness(RolesNeeded::to_administer_apps()).await?;
/// for customer in &readiness.customers {
///     for gap in readiness.partner.iter().chain(&customer.gaps) {
///         println!("{:?}: {gap}. {}", customer.customer.display_name, gap.remedy());
///     }
/// }
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Readiness {
    /// What stands in the way of the person or the app everywhere.
    pub partner: Vec<Gap>,
    /// The customers, by tenant id.
    pub customers: Vec<CustomerReadiness>,
    /// The lists of customers that could not be read, so that some may be missing here.
    pub unread: Vec<UnreadSource>,
}

impl Readiness {
    /// Whether every customer is ready, and no list is missing.
    pub fn is_ready(&self) -> bool {
        self.unread.is_empty() && self.customers.iter().all(|it| it.outcome == ReadinessOutcome::Ready)
    }
}

/// A check of all customers, to be awaited.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_with_customers(2);
/// # let tenant = &cloud.tenants()[0];
/// # let client = tenant.client_of(&tenant.add_caller(&["DelegatedAdminRelationship.Read.All", "Directory.Read.All"]));
/// # let customer = cloud.tenants()[1].id();
/// use std::time::Duration;
///
/// use entra_apps::partner::RolesNeeded;
///
/// let check = client.partner().readiness(RolesNeeded::to_administer_apps());
/// let one = check.of([customer]).settling(Duration::from_secs(300)).await?;
/// assert_eq!(one.customers.len(), 1);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
///
/// # Errors
/// When the customers cannot be read at all, or [one that was named](Self::of) is none; when the client that
/// [asks the customers](Self::asking_customers) cannot sign in to the partner's tenant, or is somebody else's. What else
/// cannot be read is a gap of its own, and the check goes on.
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[derive(Debug)]
#[must_use = "a check does nothing until it is awaited"]
pub struct CheckReadiness {
    client: Client,
    needed: RolesNeeded,
    limits: Limits,
    with_domains: bool,
    only: Option<Vec<TenantId>>,
    /// The client that signs in to the customers' tenants.
    asking: Option<Client>,
}

/// For how long a relationship counts as activated a moment ago: a heuristic, no rule of Microsoft's.
const DEFAULT_SETTLING: Duration = Duration::from_secs(15 * 60);

/// How long before its end a relationship counts as ending.
const DEFAULT_ENDING: Duration = Duration::from_secs(30 * 86_400);

/// The most ids that one look at directory objects takes.
/// <https://learn.microsoft.com/graph/api/directoryobject-getbyids>
const MAX_IDS: usize = 1_000;

impl CheckReadiness {
    pub(super) fn new(client: &Client, needed: RolesNeeded) -> Self {
        let limits = Limits { settling: DEFAULT_SETTLING, ending: DEFAULT_ENDING };
        Self { client: client.clone(), needed, limits, with_domains: false, only: None, asking: None }
    }

    /// Checks these customers only, those that were invited and have approved nothing yet among them.
    pub fn of(mut self, customers: impl IntoIterator<Item = TenantId>) -> Self {
        self.only = Some(customers.into_iter().collect());
        self
    }

    /// Sets for how long after its activation a relationship counts as *not yet*; 15 minutes by default, which is a
    /// heuristic.
    pub fn settling(mut self, time: Duration) -> Self {
        self.limits.settling = time;
        self
    }

    /// Sets how long before its end a relationship is reported as ending, and a request for approval as lapsing; 30 days by
    /// default.
    pub fn ending_within(mut self, time: Duration) -> Self {
        self.limits.ending = time;
        self
    }

    /// Looks up the default domains that no contract names: see
    /// [`ListCustomers::with_domains`](crate::partner::ListCustomers::with_domains).
    pub fn with_domains(mut self) -> Self {
        self.with_domains = true;
        self
    }

    /// Asks the customers' own tenants too: signs in to each that has an active relationship, by
    /// [`for_tenant`](Client::for_tenant) of `client`, a client of the partner's tenant to which the same person is signed in,
    /// perhaps by another app. That takes a request for a token each; with a
    /// [`RefreshTokenProvider`](crate::auth::RefreshTokenProvider) many are asked at once.
    ///
    /// The directory roles in that token are the proof of what the partner's tenant says. Where it has none, the role
    /// assignments of the customer's tenant are read, if they may be
    /// (`RoleManagement.Read.Directory`). A policy of the customer that keeps the person out is found as well. Where the app
    /// of `client` is not consented to yet, the customer's tenant says nothing, and the partner's is believed.
    ///
    /// ```
    /// # use entra_emulator::MemoryCloud;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
    /// # let cloud = MemoryCloud::partner_with_customers(2);
    /// # let tenant = &cloud.tenants()[0];
    /// # let client = tenant.client_of(&tenant.add_caller(&["DelegatedAdminRelationship.Read.All", "Directory.Read.All"]));
    /// use entra_apps::partner::RolesNeeded;
    ///
    /// let check = client.partner().readiness(RolesNeeded::to_administer_apps());
    /// for customer in check.asking_customers(&client).await?.customers {
    ///     println!("{:?}: {:?}, proven: {}", customer.customer.display_name, customer.outcome, customer.proven);
    /// }
    /// # Ok::<(), entra_apps::Error>(()) }).unwrap();
    /// ```
    pub fn asking_customers(mut self, client: &Client) -> Self {
        self.asking = Some(client.clone());
        self
    }

    async fn check(self) -> Result<Readiness, Error> {
        let client = self.client.begin_operation();
        let customers = client.partner().customers();
        let list = if self.with_domains { customers.with_domains() } else { customers };
        let list = match list.await {
            Ok(list) => list,
            Err(error) => return kept_out(error),
        };
        let relationships = relationships_by_customer(&client).await;
        let mut customers = list.customers;
        customers.extend(invited(&customers, relationships.iter().flatten()));
        customers.sort_by_key(|customer| customer.tenant_id);
        if let Some(only) = &self.only {
            if let Some(stranger) = only.iter().find(|tenant| customers.iter().all(|it| it.tenant_id != **tenant)) {
                return Err(Error::new(ErrorCode::NotACustomer)
                    .with_message(format!("the tenant {stranger} is no customer of the partner")));
            }
            customers.retain(|customer| only.contains(&customer.tenant_id));
        }
        let wanted: BTreeSet<TenantId> = customers.iter().map(|customer| customer.tenant_id).collect();
        let active = relationships.iter().flatten().filter(|(tenant, _)| wanted.contains(*tenant));
        let active = active.flat_map(|(_, all)| all).filter(|it| it.is_active()).filter_map(|it| it.id.clone());
        let assignments = assignments(&client, active.collect()).await;
        let live_groups = live_groups(&client, &assignments).await;
        let caller = caller::read(&client).await?;
        let now = client.clock().now();
        let observe = |tenant: TenantId| Observed {
            relationships: match &relationships {
                Ok(all) => Ok(all.get(&tenant).map_or(&[], Vec::as_slice)),
                Err(error) => Err(error.code()),
            },
            assignments: &assignments,
            live_groups: live_groups.as_ref(),
            person: caller.person.as_deref(),
            in_customer: None,
        };
        let said = match (&self.asking, &caller.person) {
            (Some(asking), Some(person)) if customer_tenant::sign_in_at_home(asking, person).await? => {
                let with_access = customers.iter().map(|customer| customer.tenant_id);
                let with_access = with_access.filter(|tenant| observe(*tenant).has_access(now)).collect();
                customer_tenant::ask_all(asking, person, &self.needed, with_access).await
            }
            // An app that signs in for itself has the roles of its own service principal there, and not the partner's.
            _ => HashMap::new(),
        };
        let check = |customer: Customer| {
            let in_customer = said.get(&customer.tenant_id);
            let observed = Observed { in_customer, ..observe(customer.tenant_id) };
            let judge::Judgement { gaps, roles } = judge::judge(&observed, &self.needed, self.limits, now);
            CustomerReadiness {
                customer,
                outcome: judge::outcome(gaps.iter().chain(&caller.gaps)),
                roles: roles.into_iter().collect(),
                proven: matches!(in_customer, Some(InCustomer::Shows(_))),
                gaps,
            }
        };
        let judged = customers.into_iter().map(check).collect();
        Ok(Readiness { partner: caller.gaps, customers: judged, unread: list.unread })
    }
}

impl IntoFuture for CheckReadiness {
    type Output = Result<Readiness, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::debug_span!("readiness", tenant = %self.client.tenant());
        Box::pin(self.check().instrument(span))
    }
}

/// What a policy of the partner's own tenant leaves of the check: nobody is known, and why.
fn kept_out(error: Error) -> Result<Readiness, Error> {
    let gap = match error.code() {
        ErrorCode::BlockedByConditionalAccess => Gap::BlockedByPartner,
        ErrorCode::MfaRequired => Gap::WithoutMfa,
        _ => return Err(error),
    };
    let unread = UnreadSource { source: CustomerSource::DelegatedAdminCustomers, error };
    Ok(Readiness { partner: vec![gap], customers: Vec::new(), unread: vec![unread] })
}

/// The largest page of relationships.
const MAX_RELATIONSHIPS: u16 = 300;

/// All relationships, by customer; those that any customer may approve are of none.
pub(super) async fn relationships_by_customer(
    client: &Client,
) -> Result<HashMap<TenantId, Vec<DelegatedAdminRelationship>>, Error> {
    let mut by_customer: HashMap<TenantId, Vec<DelegatedAdminRelationship>> = HashMap::new();
    for relationship in client.partner().relationships().list().top(MAX_RELATIONSHIPS).all().await? {
        if let Some(customer) = relationship.customer_tenant_id() {
            by_customer.entry(customer).or_default().push(relationship);
        }
    }
    Ok(by_customer)
}

/// Those who were invited, and stand in no list of customers because they have approved nothing yet.
pub(super) fn invited<'r>(
    known: &[Customer],
    relationships: impl IntoIterator<Item = (&'r TenantId, &'r Vec<DelegatedAdminRelationship>)>,
) -> Vec<Customer> {
    let known: BTreeSet<TenantId> = known.iter().map(|customer| customer.tenant_id).collect();
    let others = relationships.into_iter().filter(|(tenant, _)| !known.contains(*tenant));
    let customer = |(tenant, all): (&TenantId, &Vec<DelegatedAdminRelationship>)| Customer {
        tenant_id: *tenant,
        display_name: all.iter().find_map(|it| it.customer.as_ref()?.display_name.clone()),
        default_domain: None,
        sources: vec![CustomerSource::Relationships],
    };
    others.map(customer).collect()
}

pub(super) type Assignments = BTreeMap<DelegatedAdminRelationshipId, Read<Vec<DelegatedAdminAccessAssignment>>>;

/// The access assignments of relationships, or the codes of the errors that kept them from being read.
pub(super) async fn assignments(client: &Client, relationships: Vec<DelegatedAdminRelationshipId>) -> Assignments {
    let read = read_assignments(client, relationships).await;
    read.into_iter().map(|(id, read)| (id, read.map_err(|error| error.code()))).collect()
}

/// Relationships in a request for their access assignments.
const RELATIONSHIPS_AT_ONCE: usize = 20;

/// Such requests at once: of ten thousand relationships there are five hundred.
const REQUESTS_AT_ONCE: usize = 8;

/// The access assignments of relationships, twenty relationships in a request, and some requests at once.
pub(super) async fn read_assignments(
    client: &Client,
    relationships: Vec<DelegatedAdminRelationshipId>,
) -> BTreeMap<DelegatedAdminRelationshipId, Result<Vec<DelegatedAdminAccessAssignment>, Error>> {
    let mut all = BTreeMap::new();
    let mut chunks = relationships.chunks(RELATIONSHIPS_AT_ONCE);
    let mut reads = FuturesUnordered::new();
    let mut failure: Option<Error> = None;
    loop {
        while reads.len() < REQUESTS_AT_ONCE
            && let Some(chunk) = chunks.next()
        {
            match &failure {
                // What fails as a whole would fail for the others too.
                Some(error) => all.extend(chunk.iter().map(|id| (id.clone(), Err(error.said_again())))),
                None => reads.push(read_some_assignments(client, chunk)),
            }
        }
        match reads.next().await {
            Some((_, Ok(read))) => all.extend(read),
            Some((chunk, Err(error))) => {
                all.extend(chunk.iter().map(|id| (id.clone(), Err(error.said_again()))));
                failure = Some(error);
            }
            None => return all,
        }
    }
}

type AssignmentsRead = Vec<(DelegatedAdminRelationshipId, Result<Vec<DelegatedAdminAccessAssignment>, Error>)>;

async fn read_some_assignments<'a>(
    client: &Client,
    relationships: &'a [DelegatedAdminRelationshipId],
) -> (&'a [DelegatedAdminRelationshipId], Result<AssignmentsRead, Error>) {
    let mut batch = client.batch();
    let lists: Vec<_> = relationships
        .iter()
        .map(|id| {
            let list = client.partner().access_assignments(id).list();
            let handle = batch.add(list.clone().page());
            (id, list, handle)
        })
        .collect();
    let mut response = match batch.await {
        Ok(response) => response,
        Err(error) => return (relationships, Err(error)),
    };
    let mut read = Vec::new();
    for (id, list, handle) in lists {
        let assignments = match response.take(handle) {
            Ok(page) => list.rest_of(page).await,
            Err(error) => Err(error),
        };
        read.push((id.clone(), assignments));
    }
    (relationships, Ok(read))
}

/// The body of a response that lists directory objects.
#[derive(Deserialize)]
struct Objects {
    value: Vec<DirectoryObject>,
}

/// Of the groups that have assignments those that are there; `None` where that cannot be read.
async fn live_groups(client: &Client, assignments: &Assignments) -> Option<BTreeSet<DirectoryObjectId>> {
    let all = assignments.values().flatten().flatten().filter(|it| it.is_live());
    let groups: BTreeSet<DirectoryObjectId> = all.filter_map(DelegatedAdminAccessAssignment::group).collect();
    let groups: Vec<DirectoryObjectId> = groups.into_iter().collect();
    let mut live = BTreeSet::new();
    for ids in groups.chunks(MAX_IDS) {
        let request = client
            .request(Method::POST, ["directoryObjects", "getByIds"])
            .query("$select", "id")
            .json(&serde_json::json!({ "ids": ids, "types": ["group"] }))
            .repeatable();
        let Objects { value } = request.returning().await.ok()?;
        live.extend(value.into_iter().filter_map(|object| object.id));
    }
    Some(live)
}

/// What stands between a partner and roles by the relationships of one customer alone.
pub(super) fn relationship_gaps(
    relationships: &[DelegatedAdminRelationship],
    needed: &RolesNeeded,
    now: OffsetDateTime,
) -> Vec<Gap> {
    let (limits, assignments) = (Limits { settling: Duration::ZERO, ending: DEFAULT_ENDING }, Assignments::new());
    let observed = Observed {
        relationships: Ok(relationships),
        assignments: &assignments,
        live_groups: None,
        person: None,
        in_customer: None,
    };
    let mut gaps = judge::judge(&observed, needed, limits, now).gaps;
    gaps.retain(|gap| !matches!(gap, Gap::RoleNotAssigned { .. }));
    gaps
}
