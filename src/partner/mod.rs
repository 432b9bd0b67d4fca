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
//! Which of the partner's groups have which roles at all customers, and who is in them, is one value:
//! [`GdapConfiguration`] is planned, applied and verified as an app registration is.
//!
//! Customers whom nobody can consent for consent by themselves: [`Partner::consent_links`] makes a link for each.
//!
//! The worldwide cloud and US Government have GDAP; in China every method gives an error of kind
//! [`Unsupported`](crate::ErrorKind::Unsupported), and nothing is sent
//! ([background](https://learn.microsoft.com/graph/api/resources/delegatedadminrelationships-api-overview)).

mod access_assignments;
mod application_consents;
mod audit;
mod configuration;
mod consent_links;
mod customers;
mod in_flight;
mod link;
mod operations;
mod outcome;
mod pre_consent;
mod readiness;
mod relationships;
mod report;
mod selection;

use http::Method;
use url::Url;

use crate::api::List;
use crate::client::request::Request;
use crate::client::{Call, Client, decode};
use crate::cloud::Cloud;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, DelegatedAdminRelationshipId, TenantId};
use crate::model::query::keyed;
use crate::model::{
    Contract, DelegatedAdminCustomer, DelegatedAdminRelationship, NewDelegatedAdminRelationship, NewServicePrincipal,
    TenantInformation,
};
use crate::permission::well_known::MICROSOFT_PARTNER_CENTER;
use crate::provision::registration::AppRegistration;

pub use access_assignments::AccessAssignments;
pub use application_consents::{ApplicationConsentResult, ApplicationConsents, NewApplicationConsent};
pub use audit::{Audit, AuditRun};
pub use configuration::{
    ApplyGdap, GdapAction, GdapApplied, GdapApproval, GdapChecklist, GdapConfiguration, GdapCustomer, GdapFailure,
    GdapPlan, GdapStep, GdapStepId, GdapStepKind, GroupState, PlanGdap, Principal, RoleAccess, SecurityGroup,
    VerifyGdap,
};
pub use consent_links::{ConsentLinks, ConsentRequest, CustomerConsentLink, MakeConsentLinks, RequiredApi};
pub use customers::{Customer, CustomerList, CustomerSource, ListCustomers, UnreadSource};
pub use link::{LinkedTenant, PermissionLevel};
pub use operations::{PendingOperation, Updated};
pub use outcome::{CustomerOutcome, CustomerState, Reason, ReasonCode};
pub use pre_consent::{
    ApprovedConsents, ApprovedDeployer, ConsentApproval, ConsentLimits, ConsentProgress, ConsentRun, DeployerConsent,
    PreConsent, PreparedConsent, RunState, deployer_registration,
};
pub use readiness::{
    CheckReadiness, CustomerReadiness, Gap, GapSeverity, Readiness, ReadinessOutcome, RolesNeeded, Unknown,
};
pub use relationships::Relationships;
pub use report::{CustomerChange, Difference, Report, Shard};

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

    /// Audits, for every customer, whether an app is consented to in its tenant, and what has become of the relationships:
    /// reads only. Least permissions in the partner's tenant: `DelegatedAdminRelationship.Read.All`, `Directory.Read.All`
    /// and `Application.Read.All`; [`Audit`] says who asks in the customers' tenants.
    pub fn audit(&self, registration: &AppRegistration) -> Audit {
        Audit::new(self.0, registration)
    }

    /// Consents to an app in the tenants of all customers that are ready for it: see [`PreConsent`].
    pub fn pre_consent(&self, registration: &AppRegistration) -> PreConsent {
        PreConsent::new(self.0, registration)
    }

    /// Creates the service principal of Partner Center in the partner's own tenant where it is missing, so that an app can be
    /// granted its permission there, and says whether it was
    /// ([`POST /servicePrincipals`](https://learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals)). Least
    /// permission: `Application.ReadWrite.All`.
    ///
    /// ```
    /// # use entra_emulator::MemoryCloud;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
    /// # let cloud = MemoryCloud::partner_with_customers(1);
    /// # let client = cloud.client(&cloud.tenants()[0]);
    /// assert!(!client.partner().install_partner_center().await?, "it was there");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When a request fails.
    pub async fn install_partner_center(&self) -> Result<bool, Error> {
        let client = self.0.begin_operation();
        if client.service_principals().find_selecting(MICROSOFT_PARTNER_CENTER, &["id"]).await?.is_some() {
            return Ok(false);
        }
        match client.service_principals().create(&NewServicePrincipal::new(MICROSOFT_PARTNER_CENTER)).await {
            Ok(_) => Ok(true),
            // Somebody was faster.
            Err(error) if error.code() == ErrorCode::ObjectConflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes admin consent links for customers, for the app `app_id` that is registered in the tenant `publisher`: each for an
    /// administrator of that customer. Nothing is sent.
    pub fn consent_links(
        &self,
        registration: &AppRegistration,
        app_id: AppId,
        publisher: TenantId,
    ) -> MakeConsentLinks {
        MakeConsentLinks::new(self.0, registration, app_id, publisher)
    }

    /// Delegated admin relationships.
    pub fn relationships(&self) -> Relationships<'a> {
        Relationships(self.0)
    }

    /// The access assignments of a relationship: which groups of the partner have which of its roles.
    pub fn access_assignments(&self, relationship: &DelegatedAdminRelationshipId) -> AccessAssignments<'a> {
        AccessAssignments { client: self.0, relationship: relationship.clone() }
    }

    /// Consent to the partner's app in a customer's tenant, through Partner Center.
    pub fn application_consents(&self, customer: TenantId) -> ApplicationConsents<'a> {
        ApplicationConsents { client: self.0, customer }
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

    /// Makes a relationship, or finds it by its name, asks for its approval, and returns it: what the customer gets is its
    /// [link](Self::invitation_link). Least permission: `DelegatedAdminRelationship.ReadWrite.All`.
    ///
    /// ```
    /// # use entra_emulator::MemoryCloud;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
    /// # let cloud = MemoryCloud::partner_in_use_with_customers(6);
    /// # let client = cloud.client(&cloud.tenants()[0]);
    /// use entra_apps::directory_role::DirectoryRole;
    /// use entra_apps::partner::{GdapConfiguration, SecurityGroup};
    ///
    /// let group = SecurityGroup::unique_name("contoso", "Contoso").role(DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR);
    /// let plan = client.partner().plan(&GdapConfiguration::new().group(group)).await?;
    /// for invitation in plan.invitations() {
    ///     let invited = client.partner().invite(invitation).await?;
    ///     println!("{}", client.partner().invitation_link(invited.id.as_ref().unwrap()).unwrap());
    /// }
    /// # assert_eq!(plan.invitations().count(), 2);
    /// # Ok::<(), entra_apps::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Those of [`find_or_create`](Relationships::find_or_create) and [`request_approval`](Relationships::request_approval);
    /// of kind [`Conflict`](crate::ErrorKind::Conflict) where the name is that of a relationship with another customer, or
    /// of one that lacks a role.
    pub async fn invite(
        &self,
        relationship: &NewDelegatedAdminRelationship,
    ) -> Result<DelegatedAdminRelationship, Error> {
        let client = self.0.begin_operation();
        let relationships = Relationships(&client);
        let found = relationships.find_or_create(relationship).await?;
        let wanted = relationship.customer.as_ref().and_then(|customer| customer.tenant_id);
        let is_for = wanted.is_none_or(|wanted| found.customer_tenant_id() == Some(wanted));
        if !is_for || !relationship.access_details.roles().all(|role| found.roles().any(|it| it == role)) {
            return Err(Error::new(ErrorCode::ObjectConflict)
                .with_message("another delegated admin relationship has the name")
                .with_remedy("Choose another name: relationships that have ended keep theirs."));
        }
        let id = found.id.as_ref().ok_or_else(|| {
            Error::new(ErrorCode::UnexpectedResponse).with_message("the relationship came without an id")
        })?;
        relationships.request_approval(id).await
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
