//! `/policies`: what the tenant allows for its apps.

use http::Method;

use crate::api::{ApplicationKey, List, ServicePrincipalKey};
use crate::client::decode;
use crate::client::recent_writes::ObjectKind;
use crate::client::request::{Request, Version};
use crate::client::{Call, Client};
use crate::ids::AppManagementPolicyId;
use crate::model::{AppManagementPolicy, TenantAppManagementPolicy};

const READ: &str = "Policy.Read.All";
const ROLE: &str = "a role that may read policies, such as Global Reader or Application Administrator";

/// App management policies: the tenant's default, and those that are assigned to apps. They are written with
/// [`Client::request`].
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let tenant = MemoryTenant::new();
/// let reader = tenant.add_caller(&["Policy.Read.All"]);
/// let client = tenant.client_builder().client_secret(reader.client_id, reader.client_secret).build()?;
/// assert_eq!(client.policies().default_app_management_policy().await?.is_enabled, Some(false));
/// assert!(client.policies().list_app_management_policies().all().await?.is_empty());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Policies<'a>(pub(super) &'a Client);

impl Policies<'_> {
    /// Gets the tenant's default app management policy
    /// ([`GET /policies/defaultAppManagementPolicy`](https://learn.microsoft.com/graph/api/tenantappmanagementpolicy-get)).
    /// Least permission: `Policy.Read.All`.
    pub fn default_app_management_policy(&self) -> Call<TenantAppManagementPolicy> {
        Call::new(self.0, Ok(default_policy()), decode::json)
    }

    /// Gets the tenant's default app management policy from the beta version, which also shows what it says of audiences
    /// ([reference](https://learn.microsoft.com/graph/api/tenantappmanagementpolicy-get?view=graph-rest-beta)). Least
    /// permission: `Policy.Read.All`.
    pub fn default_app_management_policy_beta(&self) -> Call<TenantAppManagementPolicy> {
        Call::new(self.0, Ok(default_policy().version(Version::Beta)), decode::json)
    }

    /// Lists the policies that can be assigned to apps
    /// ([`GET /policies/appManagementPolicies`](https://learn.microsoft.com/graph/api/appmanagementpolicy-list)). Least
    /// permission: `Policy.Read.All`.
    pub fn list_app_management_policies(&self) -> List<AppManagementPolicy> {
        List::new(self.0, "GET /policies/appManagementPolicies", READ, ["policies", "appManagementPolicies"])
    }

    /// Finds a policy that can be assigned to apps
    /// ([`GET /policies/appManagementPolicies/{id}`](https://learn.microsoft.com/graph/api/appmanagementpolicy-get)), or
    /// `None`. Least permission: `Policy.Read.All`.
    pub fn find_app_management_policy(&self, id: AppManagementPolicyId) -> Call<Option<AppManagementPolicy>> {
        let segments = ["policies".to_owned(), "appManagementPolicies".to_owned(), id.to_string()];
        let request = Request::new("GET /policies/appManagementPolicies/{id}", READ, Method::GET, segments).role(ROLE);
        Call::new(self.0, Ok(request.object(ObjectKind::Other, id)), decode::json_if_found)
    }

    /// Lists the policies that are assigned to an application: one at most. Least permission: `Policy.Read.All`.
    pub fn list_of_application(&self, key: impl Into<ApplicationKey>) -> List<AppManagementPolicy> {
        let key = key.into();
        let request =
            key.request("GET /applications/{id}/appManagementPolicies", READ, Method::GET, &["appManagementPolicies"]);
        List::of(self.0, Ok(request.role(ROLE)))
    }

    /// Lists the policies that are assigned to a service principal: one at most. Least permission: `Policy.Read.All`.
    pub fn list_of_service_principal(&self, key: impl Into<ServicePrincipalKey>) -> List<AppManagementPolicy> {
        let operation = "GET /servicePrincipals/{id}/appManagementPolicies";
        let request = key.into().request(operation, READ, Method::GET, &["appManagementPolicies"]);
        List::of(self.0, Ok(request.role(ROLE)))
    }
}

fn default_policy() -> Request {
    let segments = ["policies", "defaultAppManagementPolicy"];
    Request::new("GET /policies/defaultAppManagementPolicy", READ, Method::GET, segments).role(ROLE)
}
