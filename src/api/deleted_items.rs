//! `/directory/deletedItems`: what can still be restored.

use http::Method;

use crate::api::List;
use crate::client::call::{self, Spec};
use crate::client::{Call, Client};
use crate::ids::DirectoryObjectId;
use crate::model::{DeletedItem, DirectoryObject};

const READ: &str = "Application.Read.All";
const WRITE: &str = "Application.ReadWrite.All";

/// Which deleted objects are listed: Graph lists one type at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeletedKind {
    /// Applications.
    Application,
    /// Service principals.
    ServicePrincipal,
}

/// Deleted objects, which can be restored for 30 days.
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
        let spec = Self::spec("GET /directory/deletedItems/{id}", READ, Method::GET, id.into());
        Call::new(self.0, Ok(spec), call::json)
    }

    /// Finds a deleted object, or `None`. Least permission: `Application.Read.All`.
    pub fn find(&self, id: impl Into<DirectoryObjectId>) -> Call<Option<DeletedItem>> {
        let spec = Self::spec("GET /directory/deletedItems/{id}", READ, Method::GET, id.into());
        Call::new(self.0, Ok(spec), call::found)
    }

    /// Restores a deleted object ([restore](https://learn.microsoft.com/graph/api/directory-deleteditems-restore)). An
    /// application's service principal is restored by a call of its own. Least permission:
    /// `Application.ReadWrite.All`.
    pub fn restore(&self, id: impl Into<DirectoryObjectId>) -> Call<DirectoryObject> {
        let id = id.into();
        let segments = ["directory", "deletedItems", &id.to_string(), "restore"].map(str::to_owned);
        let spec = Spec::new("POST /directory/deletedItems/{id}/restore", WRITE, Method::POST, segments).mentions([id]);
        Call::new(self.0, Ok(spec), call::json)
    }

    /// Purges a deleted object for good
    /// ([delete](https://learn.microsoft.com/graph/api/directory-deleteditems-delete)). Least permission:
    /// `Application.ReadWrite.All`.
    pub fn purge(&self, id: impl Into<DirectoryObjectId>) -> Call<()> {
        let spec = Self::spec("DELETE /directory/deletedItems/{id}", WRITE, Method::DELETE, id.into());
        Call::new(self.0, Ok(spec), call::nothing)
    }

    fn spec(operation: &'static str, needs: &'static str, method: Method, id: DirectoryObjectId) -> Spec {
        let segments = ["directory", "deletedItems", &id.to_string()].map(str::to_owned);
        Spec::new(operation, needs, method, segments).mentions([id])
    }
}
