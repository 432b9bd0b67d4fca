//! Graph's endpoints for provisioning, one type for each collection. Each operation is a [`Call`](crate::Call): awaited
//! by itself, or added to a [`Batch`](crate::Batch).

mod app_role_assignments;
mod applications;
mod deleted_items;
mod list;
mod oauth2_permission_grants;
mod organization;
mod service_principals;

pub use app_role_assignments::AppRoleAssignments;
pub use applications::{ApplicationKey, Applications};
pub use deleted_items::{DeletedItems, DeletedKind};
pub use list::{Items, List, Page, Pages};
pub use oauth2_permission_grants::OAuth2PermissionGrants;
pub use organization::OrganizationApi;
pub use service_principals::{ServicePrincipalKey, ServicePrincipals};

pub use crate::model::query::{Filter, Literal};

use crate::client::Client;

impl Client {
    /// Applications: the registrations.
    pub fn applications(&self) -> Applications<'_> {
        Applications(self)
    }

    /// Service principals: the apps in this tenant.
    pub fn service_principals(&self) -> ServicePrincipals<'_> {
        ServicePrincipals(self)
    }

    /// App role assignments: application permissions that were granted.
    pub fn app_role_assignments(&self) -> AppRoleAssignments<'_> {
        AppRoleAssignments(self)
    }

    /// OAuth2 permission grants: delegated permissions that were granted.
    pub fn oauth2_permission_grants(&self) -> OAuth2PermissionGrants<'_> {
        OAuth2PermissionGrants(self)
    }

    /// Deleted objects that can still be restored.
    pub fn deleted_items(&self) -> DeletedItems<'_> {
        DeletedItems(self)
    }

    /// The tenant.
    pub fn organization(&self) -> OrganizationApi<'_> {
        OrganizationApi(self)
    }
}
