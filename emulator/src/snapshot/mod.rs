//! Snapshots: the state of a tenant as JSON, to start from and to go back to.

mod load;
mod save;

use std::fmt;
use std::sync::Arc;

use entra_apps::ids::TenantId;
use serde_json::Value;
use time::OffsetDateTime;

use crate::MemoryTenantBuilder;
use crate::data::json::text;
use crate::data::object_kind::ObjectKind;
use crate::graph::directory::Directory;

pub(crate) use load::entries;

/// The state of a tenant, without its history: all writes are visible everywhere, and all scheduled changes are applied.
///
/// As JSON it is one object. Every property is optional, so that a file with a few applications and users is a snapshot
/// to start a tenant from:
///
/// | property | contents |
/// |---|---|
/// | `tenantId`, `displayName`, `domain` | the organization |
/// | `applications`, `servicePrincipals`, `users`, `groups` | objects with properties as Graph names them; a missing id is generated |
/// | `deletedItems` | deleted objects, each with its `@odata.type` |
/// | `appRoleAssignments` | `principalId`, `resourceId`, `appRoleId`; or `principalAppId`, `resourceAppId`, `appRole` (a name such as `User.Read.All`) |
/// | `oauth2PermissionGrants` | `clientId`, `resourceId`, `scope`; or `clientAppId`, `resourceAppId`, `scope`; `principalId` for one user |
/// | `caller` | the client id of the application that the tenant's clients sign in as; otherwise one is added |
/// | `withoutApis` | the app ids of Microsoft's APIs that have no service principal |
/// | `delegatedAdminRelationships` | of a partner: properties as Graph names them, with `accessAssignments`, `requests` and `operations`; one without `status` is active |
/// | `defaultAppManagementPolicy`, `appManagementPolicies` | app management policies; `appliesTo` of the latter are the ids of the objects that they are assigned to |
/// | `appCredentialSignInActivities` | the entries of the report of when credentials were last used |
/// | `contracts` | of a partner: `customerId`, `defaultDomainName`, `displayName` |
///
/// In addition to Graph's properties, `owners` and `members` of an object are lists of object ids, `eligibleMembers` of a group those who may activate a membership, `directoryRoles` of a user or service principal is a list of role
/// template ids, `federatedIdentityCredentials` of an application are its credentials, and a `secretText` in
/// `passwordCredentials` and a `key` in `keyCredentials` count as credentials to sign in with.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use entra_emulator::{MemoryTenant, Snapshot};
///
/// let snapshot = Snapshot::from_json(r#"{"users": [{"displayName": "Ada Lovelace"}]}"#)?;
/// let tenant = MemoryTenant::builder().snapshot(snapshot).build();
/// assert_eq!(tenant.users()[0].user_principal_name, "ada.lovelace@contoso.onmicrosoft.com");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Snapshot(Arc<Value>);

impl Snapshot {
    /// Parses a snapshot.
    ///
    /// # Errors
    /// When the text is not a JSON object, or something in it is unknown or invalid; the error says where.
    pub fn from_json(json: &str) -> Result<Self, SnapshotError> {
        let document: Value =
            serde_json::from_str(json).map_err(|error| SnapshotError::new("", format!("no JSON: {error}")))?;
        // What cannot be loaded into an empty directory cannot be loaded into any.
        MemoryTenantBuilder::new().directory(0, OffsetDateTime::UNIX_EPOCH).load(
            &document,
            &[],
            OffsetDateTime::UNIX_EPOCH,
        )?;
        Ok(Self(Arc::new(document)))
    }

    /// The snapshot as JSON. The secrets of the tenant are in it.
    pub fn to_json(&self) -> String {
        format!("{:#}", self.0)
    }

    pub(crate) fn document(&self) -> &Value {
        &self.0
    }

    /// Refuses a snapshot of another tenant.
    pub(crate) fn check_tenant(&self, id: TenantId) -> LoadResult {
        match text(&self.0, "tenantId") {
            own if own == id.to_string() => Ok(()),
            _ => Err(SnapshotError::new("/tenantId", format!("the snapshot is not one of the tenant {id}"))),
        }
    }

    pub(crate) fn of(directory: &Directory) -> Self {
        Self(Arc::new(directory.save()))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("tenantId", &self.0["tenantId"]).finish_non_exhaustive()
    }
}

/// The reason why a snapshot cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotError {
    pointer: String,
    reason: String,
}

impl SnapshotError {
    pub(crate) fn new(pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), reason: reason.into() }
    }

    /// The location in the document, as a JSON pointer such as `/applications/0`; empty for the whole document.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => write!(f, "the snapshot cannot be read: {}", self.reason),
            pointer => write!(f, "the snapshot cannot be read at {pointer}: {}", self.reason),
        }
    }
}

impl std::error::Error for SnapshotError {}

/// The result of loading a snapshot.
pub(crate) type LoadResult<T = ()> = Result<T, SnapshotError>;

/// The properties of a document that hold objects, in the order in which they are loaded.
const OBJECT_MEMBERS: [(&str, ObjectKind); 4] = [
    ("applications", ObjectKind::Application),
    ("servicePrincipals", ObjectKind::ServicePrincipal),
    ("users", ObjectKind::User),
    ("groups", ObjectKind::Group),
];
