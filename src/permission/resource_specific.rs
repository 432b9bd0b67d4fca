//! Permissions that are granted per team or chat.

use std::fmt;

use super::CatalogueEntry;
use crate::ids::PermissionId;

/// A permission that is granted for one team or one chat, by those who may install apps there.
///
/// It cannot be declared by an app registration or granted tenant-wide, and so it is not a
/// [`Permission`](super::Permission): the manifest of a Teams app asks for it.
///
/// <https://learn.microsoft.com/microsoftteams/platform/graph-api/rsc/resource-specific-consent>
///
/// ```
/// use entra_apps::permission::microsoft_graph;
///
/// let permission = microsoft_graph::resource_specific::CHANNEL_CREATE_GROUP;
/// assert_eq!(permission.name(), "Channel.Create.Group");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ResourceSpecificPermission(&'static CatalogueEntry);

impl ResourceSpecificPermission {
    pub(super) const fn known(entry: &'static CatalogueEntry) -> Self {
        assert!(entry.resource_specific, "the permission is granted tenant-wide");
        Self(entry)
    }

    /// The name, such as `Channel.Create.Group`, as in the manifest of a Teams app.
    pub const fn name(&self) -> &'static str {
        self.0.value
    }

    /// The id as an app role of Microsoft Graph.
    pub const fn id(&self) -> PermissionId {
        self.0.id
    }

    /// The row of the catalogue.
    pub const fn entry(&self) -> &'static CatalogueEntry {
        self.0
    }
}

impl fmt::Display for ResourceSpecificPermission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.value)
    }
}

impl fmt::Debug for ResourceSpecificPermission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResourceSpecificPermission({self}, {})", self.0.id)
    }
}
