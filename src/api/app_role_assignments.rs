//! App role assignments: application permissions that were granted.

use http::Method;

use crate::api::{List, ServicePrincipalKey};
use crate::client::decode;
use crate::client::lag_rule::LagRule;
use crate::client::recent_writes::ObjectKind;
use crate::client::{Call, Client};
use crate::ids::{AppRoleAssignmentId, ServicePrincipalId};
use crate::model::{AppRoleAssignment, NewAppRoleAssignment};

const READ: &str = "Application.Read.All";
const WRITE: &str = "AppRoleAssignment.ReadWrite.All and Application.Read.All";

/// App role assignments, seen from who holds them or from the API that they are for.
#[derive(Clone, Copy, Debug)]
pub struct AppRoleAssignments<'a>(pub(super) &'a Client);

impl AppRoleAssignments<'_> {
    /// Lists what an app holds
    /// ([`…/appRoleAssignments`](https://learn.microsoft.com/graph/api/serviceprincipal-list-approleassignments)).
    /// Least permission: `Application.Read.All`.
    pub fn list_held_by(&self, client: impl Into<ServicePrincipalKey>) -> List<AppRoleAssignment> {
        self.list(client.into(), "GET /servicePrincipals/{id}/appRoleAssignments", "appRoleAssignments")
    }

    /// Lists who holds roles of an API
    /// ([`…/appRoleAssignedTo`](https://learn.microsoft.com/graph/api/serviceprincipal-list-approleassignedto)). Least
    /// permission: `Application.Read.All`.
    pub fn list_of_resource(&self, resource: impl Into<ServicePrincipalKey>) -> List<AppRoleAssignment> {
        self.list(resource.into(), "GET /servicePrincipals/{id}/appRoleAssignedTo", "appRoleAssignedTo")
    }

    fn list(&self, key: ServicePrincipalKey, operation: &'static str, relation: &str) -> List<AppRoleAssignment> {
        let mut segments = key.segments();
        segments.push(relation.to_owned());
        List::new(self.0, operation, READ, segments).object(ObjectKind::ServicePrincipal, key.id())
    }

    /// Grants an application permission
    /// ([`POST …/appRoleAssignedTo`](https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto)).
    /// Least permission: `AppRoleAssignment.ReadWrite.All` together with `Application.Read.All`.
    ///
    /// # Errors
    /// Of kind [`Conflict`](crate::ErrorKind::Conflict) when it is granted already.
    pub fn create(&self, assignment: &NewAppRoleAssignment) -> Call<AppRoleAssignment> {
        let request = ServicePrincipalKey::Id(assignment.resource_id)
            .request("POST /servicePrincipals/{id}/appRoleAssignedTo", WRITE, Method::POST, &["appRoleAssignedTo"])
            .lag_rule(LagRule::AppRoleAssignment)
            .object(ObjectKind::ServicePrincipal, assignment.principal_id)
            .creates(ObjectKind::AppRoleAssignment);
        Call::new(self.0, request.body(assignment), decode::json)
    }

    /// Takes an application permission away
    /// ([`DELETE …/appRoleAssignedTo/{id}`](https://learn.microsoft.com/graph/api/serviceprincipal-delete-approleassignedto)).
    /// Least permission: `AppRoleAssignment.ReadWrite.All`.
    pub fn delete(&self, resource: ServicePrincipalId, assignment: &AppRoleAssignmentId) -> Call<()> {
        let request = ServicePrincipalKey::Id(resource)
            .request(
                "DELETE /servicePrincipals/{id}/appRoleAssignedTo/{id}",
                "AppRoleAssignment.ReadWrite.All",
                Method::DELETE,
                &["appRoleAssignedTo", assignment.as_str()],
            )
            .object(ObjectKind::AppRoleAssignment, assignment);
        Call::new(self.0, Ok(request), decode::empty)
    }
}
