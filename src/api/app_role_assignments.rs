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
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::model::{NewAppRoleAssignment, NewApplication, NewServicePrincipal};
/// use entra_apps::permission::{MICROSOFT_GRAPH, microsoft_graph};
///
/// let client = MemoryTenant::new().client();
/// let app = client.applications().create(&NewApplication::new("Contoso Backup")).await?;
/// let app = client.service_principals().create(&NewServicePrincipal::new(app.app_id.unwrap())).await?;
/// let graph = client.service_principals().get(MICROSOFT_GRAPH).await?;
/// let (app, graph) = (app.id.unwrap(), graph.id.unwrap());
/// let read = microsoft_graph::application::DIRECTORY_READ_ALL.id().unwrap();
/// client.app_role_assignments().create(&NewAppRoleAssignment::new(app, graph, read)).await?;
/// let held = client.app_role_assignments().list_held_by(app).all().await?;
/// assert_eq!(held[0].app_role_id, Some(read));
/// client.app_role_assignments().delete(graph, held[0].id.as_ref().unwrap()).await?;
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
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
