//! OAuth2 permission grants: delegated permissions that were granted.

use http::Method;

use crate::api::{List, ServicePrincipalKey};
use crate::client::decode;
use crate::client::lag_rule::LagRule;
use crate::client::recent_writes::ObjectKind;
use crate::client::request::Request;
use crate::client::{Call, Client};
use crate::ids::OAuth2PermissionGrantId;
use crate::model::{NewOAuth2PermissionGrant, OAuth2PermissionGrant, OAuth2PermissionGrantPatch};

const READ: &str = "Directory.Read.All";
const WRITE: &str = "DelegatedPermissionGrant.ReadWrite.All";

/// Delegated permissions that were granted: one grant for each app, API and (where it is for one) user.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::model::{
///     NewApplication, NewOAuth2PermissionGrant, NewServicePrincipal, OAuth2PermissionGrantPatch,
/// };
/// use entra_apps::permission::MICROSOFT_GRAPH;
///
/// let client = MemoryTenant::new().client();
/// let app = client.applications().create(&NewApplication::new("Contoso Backup")).await?;
/// let app = client.service_principals().create(&NewServicePrincipal::new(app.app_id.unwrap())).await?;
/// let graph = client.service_principals().get(MICROSOFT_GRAPH).await?;
/// let (app, graph) = (app.id.unwrap(), graph.id.unwrap());
/// let grant = NewOAuth2PermissionGrant::for_all_principals(app, graph, ["User.Read"]);
/// let grant = client.oauth2_permission_grants().create(&grant).await?;
/// let more = OAuth2PermissionGrantPatch::new().scopes(grant.scopes().chain(["openid"]));
/// client.oauth2_permission_grants().update(grant.id.as_ref().unwrap(), &more).await?;
/// let held = client.oauth2_permission_grants().list_held_by(app).all().await?;
/// assert_eq!(held[0].scopes().count(), 2);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OAuth2PermissionGrants<'a>(pub(super) &'a Client);

impl OAuth2PermissionGrants<'_> {
    /// Lists grants ([`GET /oauth2PermissionGrants`](https://learn.microsoft.com/graph/api/oauth2permissiongrant-list)).
    /// Least permission: `Directory.Read.All`.
    pub fn list(&self) -> List<OAuth2PermissionGrant> {
        List::new(self.0, "GET /oauth2PermissionGrants", READ, ["oauth2PermissionGrants"])
    }

    /// Lists what an app holds
    /// ([`…/oauth2PermissionGrants`](https://learn.microsoft.com/graph/api/serviceprincipal-list-oauth2permissiongrants)).
    /// Least permission: `Directory.Read.All`.
    pub fn list_held_by(&self, client: impl Into<ServicePrincipalKey>) -> List<OAuth2PermissionGrant> {
        let key = client.into();
        let mut segments = key.segments();
        segments.push("oauth2PermissionGrants".to_owned());
        List::new(self.0, "GET /servicePrincipals/{id}/oauth2PermissionGrants", READ, segments)
            .object(ObjectKind::ServicePrincipal, key.id())
    }

    /// Gets a grant ([`GET /oauth2PermissionGrants/{id}`](https://learn.microsoft.com/graph/api/oauth2permissiongrant-get)).
    /// Least permission: `Directory.Read.All`.
    pub fn get(&self, id: &OAuth2PermissionGrantId) -> Call<OAuth2PermissionGrant> {
        Call::new(self.0, Ok(Self::request("GET /oauth2PermissionGrants/{id}", READ, Method::GET, id)), decode::json)
    }

    /// Finds a grant, or `None`. Least permission: `Directory.Read.All`.
    pub fn find(&self, id: &OAuth2PermissionGrantId) -> Call<Option<OAuth2PermissionGrant>> {
        Call::new(
            self.0,
            Ok(Self::request("GET /oauth2PermissionGrants/{id}", READ, Method::GET, id)),
            decode::json_if_found,
        )
    }

    /// Grants delegated permissions
    /// ([`POST /oauth2PermissionGrants`](https://learn.microsoft.com/graph/api/oauth2permissiongrant-post)). Least
    /// permission: `DelegatedPermissionGrant.ReadWrite.All`.
    ///
    /// # Errors
    /// Of kind [`Conflict`](crate::ErrorKind::Conflict) when there is a grant for the same app, API and user:
    /// [`update`](Self::update) it with the union of the scopes.
    pub fn create(&self, grant: &NewOAuth2PermissionGrant) -> Call<OAuth2PermissionGrant> {
        let request = Request::new("POST /oauth2PermissionGrants", WRITE, Method::POST, ["oauth2PermissionGrants"])
            .lag_rule(LagRule::OAuth2PermissionGrant)
            .creates(ObjectKind::OAuth2PermissionGrant);
        let request = match grant.client_id() {
            Some(client) => request.object(ObjectKind::ServicePrincipal, client),
            None => request,
        };
        Call::new(self.0, request.body(grant), decode::json)
    }

    /// Changes a grant's scopes
    /// ([`PATCH /oauth2PermissionGrants/{id}`](https://learn.microsoft.com/graph/api/oauth2permissiongrant-update)).
    /// Least permission: `DelegatedPermissionGrant.ReadWrite.All`.
    pub fn update(&self, id: &OAuth2PermissionGrantId, patch: &OAuth2PermissionGrantPatch) -> Call<()> {
        let request = Self::request("PATCH /oauth2PermissionGrants/{id}", WRITE, Method::PATCH, id);
        Call::new(self.0, request.body(patch), decode::empty)
    }

    /// Takes a grant away
    /// ([`DELETE /oauth2PermissionGrants/{id}`](https://learn.microsoft.com/graph/api/oauth2permissiongrant-delete)).
    /// Least permission: `DelegatedPermissionGrant.ReadWrite.All`.
    pub fn delete(&self, id: &OAuth2PermissionGrantId) -> Call<()> {
        let request = Self::request("DELETE /oauth2PermissionGrants/{id}", WRITE, Method::DELETE, id);
        Call::new(self.0, Ok(request), decode::empty)
    }

    fn request(
        operation: &'static str,
        permissions: &'static str,
        method: Method,
        id: &OAuth2PermissionGrantId,
    ) -> Request {
        Request::new(operation, permissions, method, ["oauth2PermissionGrants", id.as_str()])
            .object(ObjectKind::OAuth2PermissionGrant, id)
    }
}
