//! Permissions: what an app may be granted, as constants for Microsoft Graph and by id or name for any other API.

use crate::ids::{AppId, PermissionId};

/// Microsoft Graph's own app id, the same in every cloud.
pub const MICROSOFT_GRAPH: AppId = AppId::from_u128(0x0000_0003_0000_0000_c000_0000_0000_0000);

/// Who acts: the app itself, or the app for a signed-in user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PermissionKind {
    /// An application permission: an app role, `Role` in a declaration.
    Application,
    /// A delegated permission: a scope, `Scope` in a declaration.
    Delegated,
}

/// A row of the catalogue of Microsoft Graph's permissions.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CatalogueEntry {
    /// The name, such as `Directory.Read.All`.
    pub value: &'static str,
    /// The id of the app role or scope.
    pub id: PermissionId,
    /// Application or delegated.
    pub kind: PermissionKind,
    /// Whether only an administrator can consent to it.
    pub admin_consent_required: bool,
    /// Microsoft's privilege level, 1 (least) to 4, where it gives one.
    pub privilege_level: Option<u8>,
    /// Whether it is granted per team or chat, and so never tenant-wide.
    pub resource_specific: bool,
    /// Why it deserves a second look, if it does.
    pub high_privilege: Option<&'static str>,
}

/// Every permission of Microsoft Graph that the catalogue knows, sorted by kind and value.
pub fn catalogue() -> &'static [CatalogueEntry] {
    &[]
}
