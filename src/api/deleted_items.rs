//! `/directory/deletedItems`: what can still be restored.

use http::Method;

use crate::api::List;
use crate::client::decode;
use crate::client::recent_writes::ObjectKind;
use crate::client::request::Request;
use crate::client::{Call, Client};
use crate::ids::DirectoryObjectId;
use crate::model::{DeletedItem, DirectoryObject};

const READ: &str = "Application.Read.All";
const WRITE: &str = "Application.ReadWrite.All";

/// Which deleted objects are listed: Graph lists one type at a time. [`DeletedItems`] has an example.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::api::DeletedKind;
///
/// let client = MemoryTenant::new().client();
/// assert!(client.deleted_items().list(DeletedKind::ServicePrincipal).all().await?.is_empty());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeletedKind {
    /// Applications.
    Application,
    /// Service principals.
    ServicePrincipal,
}

/// Deleted objects, which can be restored for 30 days.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::api::DeletedKind;
/// use entra_apps::model::NewApplication;
///
/// let client = MemoryTenant::new().client();
/// let id = client.applications().create(&NewApplication::new("Contoso Backup")).await?.id.unwrap();
/// client.applications().delete(id).await?;
/// let deleted = client.deleted_items().list(DeletedKind::Application).all().await?;
/// assert_eq!(deleted[0].display_name.as_deref(), Some("Contoso Backup"));
/// client.deleted_items().restore(id).await?;
/// assert!(client.applications().find(id).await?.is_some());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DeletedItems<'a>(pub(super) &'a Client);

impl DeletedItems<'_> {
    /// Lists deleted objects of one type
    /// ([list](https://learn.microsoft.com/graph/api/directory-deleteditems-list)). Least permission:
    /// `Application.Read.All`.
    pub fn list(&self, kind: DeletedKind) -> List<DeletedItem> {
        let cast = match kind {
            DeletedKind::Application => "microsoft.graph.application",
            DeletedKind::ServicePrincipal => "microsoft.graph.servicePrincipal",
        };
        List::new(self.0, "GET /directory/deletedItems", READ, ["directory", "deletedItems", cast])
    }

    /// Gets a deleted object ([get](https://learn.microsoft.com/graph/api/directory-deleteditems-get)). Least
    /// permission: `Application.Read.All`.
    pub fn get(&self, id: impl Into<DirectoryObjectId>) -> Call<DeletedItem> {
        let request = Self::request("GET /directory/deletedItems/{id}", READ, Method::GET, id.into());
        Call::new(self.0, Ok(request), decode::json)
    }

    /// Finds a deleted object, or `None`. Least permission: `Application.Read.All`.
    pub fn find(&self, id: impl Into<DirectoryObjectId>) -> Call<Option<DeletedItem>> {
        let request = Self::request("GET /directory/deletedItems/{id}", READ, Method::GET, id.into());
        Call::new(self.0, Ok(request), decode::json_if_found)
    }

    /// Restores a deleted object ([restore](https://learn.microsoft.com/graph/api/directory-deleteditems-restore)). An
    /// application's service principal is restored by a call of its own. Least permission:
    /// `Application.ReadWrite.All`.
    pub fn restore(&self, id: impl Into<DirectoryObjectId>) -> Call<DirectoryObject> {
        let id = id.into();
        let segments = ["directory", "deletedItems", &id.to_string(), "restore"].map(str::to_owned);
        let request = Request::new("POST /directory/deletedItems/{id}/restore", WRITE, Method::POST, segments)
            .object(ObjectKind::DeletedItem, id);
        Call::new(self.0, Ok(request), decode::json)
    }

    /// Purges a deleted object for good
    /// ([delete](https://learn.microsoft.com/graph/api/directory-deleteditems-delete)). Least permission:
    /// `Application.ReadWrite.All`.
    pub fn purge(&self, id: impl Into<DirectoryObjectId>) -> Call<()> {
        let request = Self::request("DELETE /directory/deletedItems/{id}", WRITE, Method::DELETE, id.into());
        Call::new(self.0, Ok(request), decode::empty)
    }

    fn request(operation: &'static str, permissions: &'static str, method: Method, id: DirectoryObjectId) -> Request {
        let segments = ["directory", "deletedItems", &id.to_string()].map(str::to_owned);
        Request::new(operation, permissions, method, segments).object(ObjectKind::DeletedItem, id)
    }
}
