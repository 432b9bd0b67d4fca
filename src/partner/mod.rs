//! Partners: the customers of a managed service provider or reseller, and delegated admin relationships (GDAP) with them.
//!
//! All of it is called in the *partner's* tenant. Each operation of Graph is a [`Call`], as in [`api`](crate::api): awaited
//! by itself, or added to a batch. What takes several requests is an `async` method that ends with the client's deadline.
//!
//! ```
//! # use entra_emulator::MemoryCloud;
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
//! use entra_apps::api::Filter;
//! use entra_apps::model::{DelegatedAdminRelationshipProperty, DelegatedAdminRelationshipStatus};
//!
//! # let cloud = MemoryCloud::partner_with_customers(3);
//! # let tenant = &cloud.tenants()[0];
//! # let read_all = ["DelegatedAdminRelationship.ReadWrite.All", "Directory.Read.All"];
//! # let client = tenant.client_of(&tenant.add_caller(&read_all));
//! let customers = client.partner().customers().await?;
//! assert!(customers.is_complete());
//! for customer in &customers.customers {
//!     println!("{} {:?} {:?}", customer.tenant_id, customer.display_name, customer.default_domain);
//! }
//!
//! let active = Filter::eq(DelegatedAdminRelationshipProperty::Status, DelegatedAdminRelationshipStatus::Active);
//! for relationship in client.partner().relationships().list().filter(active).all().await? {
//!     println!("{:?} until {:?}", relationship.display_name, relationship.end_date_time);
//!     let id = relationship.id.as_ref().unwrap();
//!     for assignment in client.partner().access_assignments(id).list().all().await? {
//!         println!("  {:?}: {:?}", assignment.group(), assignment.roles().collect::<Vec<_>>());
//!     }
//! }
//! # Ok::<(), entra_apps::Error>(()) }).unwrap();
//! ```
//!
//! The worldwide cloud and US Government have GDAP; in China every method gives an error of kind
//! [`Unsupported`](crate::ErrorKind::Unsupported), and nothing is sent
//! ([background](https://learn.microsoft.com/graph/api/resources/delegatedadminrelationships-api-overview)).

mod access_assignments;
mod customers;
mod in_flight;
mod link;
mod operations;
mod readiness;
mod relationships;

use http::Method;
use url::Url;

use crate::api::List;
use crate::client::request::Request;
use crate::client::{Call, Client, decode};
use crate::cloud::Cloud;
use crate::error::{Error, ErrorCode};
use crate::ids::{DelegatedAdminRelationshipId, TenantId};
use crate::model::query::keyed;
use crate::model::{Contract, DelegatedAdminCustomer, TenantInformation};

pub use access_assignments::AccessAssignments;
pub use customers::{Customer, CustomerList, CustomerSource, ListCustomers, UnreadSource};
pub use link::{LinkedTenant, PermissionLevel};
pub use operations::{PendingOperation, Updated};
pub use readiness::{
    CheckReadiness, CustomerReadiness, Gap, GapSeverity, Readiness, ReadinessOutcome, RolesNeeded, Unknown,
};
pub use relationships::Relationships;

const READ: &str = "DelegatedAdminRelationship.Read.All";
const WRITE: &str = "DelegatedAdminRelationship.ReadWrite.All";

/// What a signed-in user needs for relationships, as a remedy says it.
const AGENT: &str = "to be in the group AdminAgents of the partner's tenant, and multifactor authentication must be on \
                     there";

impl Client {
    /// The customers of a partner, and delegated admin relationships (GDAP) with them: for a client of the partner's own
    /// tenant.
    pub fn partner(&self) -> Partner<'_> {
        Partner(self)
    }
}

/// The customers of a partner, and delegated admin relationships (GDAP) with them.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_with_customers(2);
/// # let tenant = &cloud.tenants()[0];
/// # let client = tenant.client_of(&tenant.add_caller(&["CrossTenantInformation.ReadBasic.All"]));
/// # let customer = cloud.tenants()[1].id();
/// let found = client.partner().find_tenant(customer).await?.unwrap();
/// println!("{:?} is {:?}", found.default_domain_name, found.display_name);
/// # assert_eq!(found.default_domain_name.as_deref(), Some("customer1.onmicrosoft.com"));
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Partner<'a>(&'a Client);

impl<'a> Partner<'a> {
    /// Lists every customer: those by relationships (GDAP) and those by contracts, joined by their tenant ids. Least
    /// permissions: `DelegatedAdminRelationship.Read.All` and `Directory.Read.All`.
    pub fn customers(&self) -> ListCustomers {
        ListCustomers::new(self.0)
    }

    /// Lists the customers that have approved a relationship at some time, which may have ended
    /// ([`GET …/delegatedAdminCustomers`](https://learn.microsoft.com/graph/api/tenantrelationship-list-delegatedadmincustomers)),
    /// up to 300 in a page. Least permission: `DelegatedAdminRelationship.Read.All`.
    pub fn delegated_admin_customers(&self) -> List<DelegatedAdminCustomer> {
        let operation = "GET /tenantRelationships/delegatedAdminCustomers";
        List::of(self.0, request(self.0, operation, READ, Method::GET, ["delegatedAdminCustomers"]))
    }

    /// Lists the contracts of a reseller ([`GET /contracts`](https://learn.microsoft.com/graph/api/contract-list)). A
    /// tenant that is no reseller's has none. Least permission: `Directory.Read.All`.
    pub fn contracts(&self) -> List<Contract> {
        let request = Request::new("GET /contracts", "Directory.Read.All", Method::GET, ["contracts"]);
        List::of(self.0, check_cloud(self.0.cloud()).map(|()| request))
    }

    /// Checks, for every customer and for the signed-in person, whether the roles that are needed are there, and what is
    /// missing: reads only. Least permissions: `DelegatedAdminRelationship.Read.All`, `Directory.Read.All`.
    pub fn readiness(&self, needed: RolesNeeded) -> CheckReadiness {
        CheckReadiness::new(self.0, needed)
    }

    /// Delegated admin relationships.
    pub fn relationships(&self) -> Relationships<'a> {
        Relationships(self.0)
    }

    /// The access assignments of a relationship: which groups of the partner have which of its roles.
    pub fn access_assignments(&self, relationship: &DelegatedAdminRelationshipId) -> AccessAssignments<'a> {
        AccessAssignments { client: self.0, relationship: relationship.clone() }
    }

    /// Finds what is public of a tenant
    /// ([`findTenantInformationByTenantId`](https://learn.microsoft.com/graph/api/tenantrelationship-findtenantinformationbytenantid)),
    /// or `None`. Least permission: `CrossTenantInformation.ReadBasic.All`.
    pub fn find_tenant(&self, tenant: TenantId) -> Call<Option<TenantInformation>> {
        self.tenant_information("findTenantInformationByTenantId", "tenantId", &tenant.to_string())
    }

    /// Finds what is public of the tenant that has a domain
    /// ([`findTenantInformationByDomainName`](https://learn.microsoft.com/graph/api/tenantrelationship-findtenantinformationbydomainname)),
    /// or `None`. Least permission: `CrossTenantInformation.ReadBasic.All`.
    pub fn find_tenant_by_domain(&self, domain: &str) -> Call<Option<TenantInformation>> {
        self.tenant_information("findTenantInformationByDomainName", "domainName", domain)
    }

    fn tenant_information(&self, function: &str, parameter: &str, value: &str) -> Call<Option<TenantInformation>> {
        let request = Request::new(
            format!("GET /tenantRelationships/{function}"),
            "CrossTenantInformation.ReadBasic.All",
            Method::GET,
            ["tenantRelationships".to_owned(), keyed(function, parameter, value)],
        );
        Call::new(self.0, Ok(request), decode::json_if_found)
    }

    /// The address at which an administrator of the customer approves a relationship that
    /// [waits for approval](Relationships::request_approval)
    /// ([background](https://learn.microsoft.com/partner-center/customers/gdap-obtain-admin-permissions-to-manage-customer)).
    /// `None` in US Government, whose address is not documented. A request lapses after 90 days.
    ///
    /// ```
    /// # use entra_emulator::MemoryTenant;
    /// use entra_apps::ids::DelegatedAdminRelationshipId;
    ///
    /// # let client = MemoryTenant::new().client();
    /// let id = DelegatedAdminRelationshipId::new(
    ///     "5d027261-d21f-4aa9-b7db-7fa1f56fb163-8777b240-c6f0-4469-9e98-a3205431b836",
    /// );
    /// let link = client.partner().invitation_link(&id).unwrap();
    /// assert!(link.as_str().ends_with("/partners/invitation/granularAdminRelationships/5d027261-d21f-4aa9-b7db-7fa1f56fb163-8777b240-c6f0-4469-9e98-a3205431b836"));
    /// ```
    pub fn invitation_link(&self, relationship: &DelegatedAdminRelationshipId) -> Option<Url> {
        let cloud = self.0.cloud();
        let elsewhere = [Cloud::us_government(), Cloud::us_government_dod(), Cloud::china()];
        if elsewhere.iter().any(|other| cloud.is_like(other)) {
            return None;
        }
        let mut url = Url::parse("https://admin.microsoft.com/AdminPortal/Home").ok()?;
        url.set_fragment(Some(&format!("/partners/invitation/granularAdminRelationships/{relationship}")));
        Some(url)
    }
}

/// Refuses a cloud without GDAP.
fn check_cloud(cloud: &Cloud) -> Result<(), Error> {
    if cloud.is_like(&Cloud::china()) { Err(Error::new(ErrorCode::GdapNotInCloud)) } else { Ok(()) }
}

/// A request below `/tenantRelationships`.
fn request<'s>(
    client: &Client,
    operation: &'static str,
    permissions: &'static str,
    method: Method,
    segments: impl IntoIterator<Item = &'s str>,
) -> Result<Request, Error> {
    check_cloud(client.cloud()).map_err(|error| error.during(operation))?;
    let segments = ["tenantRelationships"].into_iter().chain(segments);
    Ok(Request::new(operation, permissions, method, segments).role(AGENT))
}
