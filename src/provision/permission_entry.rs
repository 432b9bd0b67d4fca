//! The permissions that a guide names: which of them are wanted, and in which tenants.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::permission::Permission;
use crate::strict::Strict;

/// A permission that the guide names, required or optional.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
pub(super) struct PermissionEntry {
    pub(super) permission: Permission,
    /// What it is needed for; without a purpose it is required.
    #[serde(default)]
    pub(super) purposes: Vec<String>,
    /// Whether it is for the tenant alone in which the app is registered.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) own_tenant: bool,
    /// The group with which it is left out in a tenant that lacks one of the group's APIs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) where_available: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_false(value: &bool) -> bool {
    !value
}

impl PermissionEntry {
    /// A permission that is required everywhere.
    pub(super) fn required(permission: Permission) -> Self {
        Self { permission, purposes: Vec::new(), own_tenant: false, where_available: None }
    }
}

impl Serialize for PermissionEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for PermissionEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(Strict(deserializer))
    }
}

/// Which optional permissions are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Selection {
    #[default]
    None,
    Purposes(Vec<String>),
    All,
}

/// The tenant that a registration is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The one in which the app is registered.
    OwnTenant,
    /// Any other: a customer's, say.
    OtherTenant,
}
