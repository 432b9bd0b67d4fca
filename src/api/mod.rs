//! Graph's endpoints for provisioning, one type for each collection. Each operation is a [`Call`](crate::Call): awaited
//! by itself, or added to a [`Batch`](crate::Batch).
//!
//! What has no method here is sent by [`Client::request`](crate::Client::request), with everything that a typed call
//! has: the token, retries, batches and paging.
//!
//! ```
//! # use entra_emulator::MemoryTenant;
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use entra_apps::api::UniqueName;
//! use entra_apps::model::{ApplicationPatch, NewApplication};
//!
//! let client = MemoryTenant::new().client();
//! let app = client.applications().create(&NewApplication::new("Contoso Backup")).await?;
//! let (id, app_id) = (app.id.unwrap(), app.app_id.unwrap());
//! client.applications().update(id, &ApplicationPatch::new().unique_name("contoso-backup")).await?;
//!
//! // One application, by each of its keys.
//! assert!(client.applications().find(id).await?.is_some());
//! assert!(client.applications().find(app_id).await?.is_some());
//! assert!(client.applications().find(UniqueName::new("contoso-backup")?).await?.is_some());
//! # Ok::<(), entra_apps::Error>(()) }).unwrap();
//! ```

mod app_role_assignments;
mod applications;
mod deleted_items;
mod federated_identity_credentials;
mod groups;
mod list;
mod oauth2_permission_grants;
mod organization;
mod policies;
mod reports;
mod request;
mod service_principals;
mod users;

pub use app_role_assignments::AppRoleAssignments;
pub use applications::{ApplicationKey, Applications, UniqueName};
pub use deleted_items::{DeletedItems, DeletedKind};
pub use federated_identity_credentials::{FederatedIdentityCredentialKey, FederatedIdentityCredentials};
pub use groups::{GroupKey, Groups};
pub use list::{Items, List, Page, Pages};
pub use oauth2_permission_grants::OAuth2PermissionGrants;
pub use organization::OrganizationApi;
pub use policies::Policies;
pub use reports::Reports;
pub use request::{RequestBuilder, RequestPath};
pub use service_principals::{ServicePrincipalKey, ServicePrincipals};
pub use users::{UserKey, Users};

pub use crate::model::query::{Filter, Literal};

use http::Method;

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

    /// Federated identity credentials of applications: tokens of other issuers in place of a secret.
    pub fn federated_identity_credentials(&self) -> FederatedIdentityCredentials<'_> {
        FederatedIdentityCredentials(self)
    }

    /// Groups, with their members and owners.
    pub fn groups(&self) -> Groups<'_> {
        Groups(self)
    }

    /// Users.
    pub fn users(&self) -> Users<'_> {
        Users(self)
    }

    /// Begins a request to any operation of Graph: the way out to what has no method here.
    ///
    /// The path stands behind the version: `applications/{id}/owners` as text, or its segments one by one, which are
    /// encoded as they need it. See [`RequestPath`] for what is refused, and [`RequestBuilder`] for what follows.
    ///
    /// What has changed since the last time, say
    /// ([reference](https://learn.microsoft.com/graph/api/application-delta)):
    ///
    /// ```
    /// # use entra_emulator::MemoryTenant;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// use entra_apps::http::Method;
    /// use entra_apps::model::{Application, NewApplication};
    ///
    /// # let client = MemoryTenant::new().client();
    /// client.applications().create(&NewApplication::new("Contoso Deploy")).await?;
    /// let changed = client.request(Method::GET, "applications/delta").query("$select", "displayName");
    /// let changed = changed.list::<Application>().all().await?;
    /// assert!(changed.iter().any(|app| app.display_name.as_deref() == Some("Contoso Deploy")));
    /// # Ok::<(), entra_apps::Error>(()) }).unwrap();
    /// ```
    ///
    /// Owners of a service principal are links to other objects
    /// ([reference](https://learn.microsoft.com/graph/api/serviceprincipal-post-owners)), here in one batch:
    ///
    /// ```
    /// # use entra_emulator::MemoryTenant;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// use entra_apps::http::Method;
    /// use entra_apps::model::{DirectoryObject, NewApplication, NewServicePrincipal};
    ///
    /// # let tenant = MemoryTenant::new();
    /// # let client = tenant.client();
    /// # let app_id = client.applications().create(&NewApplication::new("Contoso Backup")).await?.app_id.unwrap();
    /// # let id = client.service_principals().create(&NewServicePrincipal::new(app_id)).await?.id.unwrap();
    /// # let people = [tenant.add_user("Ada Lovelace", &[]).id, tenant.add_user("Alan Turing", &[]).id];
    /// let owners = format!("servicePrincipals/{id}/owners");
    /// let mut batch = client.batch();
    /// let added = people.map(|person| {
    ///     let add = client.request(Method::POST, format!("{owners}/$ref"));
    ///     batch.add(add.reference(["directoryObjects", &person.to_string()]).returning_nothing())
    /// });
    /// let mut response = batch.await?;
    /// for owner in added {
    ///     response.take(owner)?;
    /// }
    /// let listed = client.request(Method::GET, &owners).list::<DirectoryObject>().all().await?;
    /// # assert!(people.iter().all(|person| listed.iter().any(|owner| owner.id.unwrap().to_string() == person.to_string())));
    /// # let first = people[0];
    /// client.request(Method::DELETE, format!("{owners}/{first}/$ref")).returning_nothing().await?;
    /// # let _ = listed;
    /// # Ok::<(), entra_apps::Error>(()) }).unwrap();
    /// ```
    pub fn request(&self, method: Method, path: impl Into<RequestPath>) -> RequestBuilder {
        RequestBuilder::new(self, method, path.into())
    }

    /// App management policies: what the tenant allows for its apps.
    pub fn policies(&self) -> Policies<'_> {
        Policies(self)
    }

    /// Reports.
    pub fn reports(&self) -> Reports<'_> {
        Reports(self)
    }

    /// The tenant.
    pub fn organization(&self) -> OrganizationApi<'_> {
        OrganizationApi(self)
    }
}
