//! What a consent is expected to have granted.

use crate::ids::AppId;
use crate::permission::Permission;

/// The permissions that a consent is expected to have granted: those of a slice, or those of a registration
/// ([`declared_permissions`](crate::AppRegistration::declared_permissions)), which also knows what a tenant can do without.
///
/// ```
/// use entra_apps::AppRegistration;
/// use entra_apps::consent::ExpectedPermissions;
/// use entra_apps::permission::microsoft_graph::application;
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
///     .permission(application::USER_READ_ALL)
///     .own_tenant_permission(application::DELEGATED_ADMIN_RELATIONSHIP_READ_ALL);
/// let expected = ExpectedPermissions::from(&backup);
/// assert_eq!(expected, ExpectedPermissions::from(&[application::USER_READ_ALL]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedPermissions(Vec<(Permission, Option<String>)>);

impl ExpectedPermissions {
    /// Adds a permission, with the group with which it is left out where the tenant lacks one of the group's APIs.
    pub(crate) fn push(&mut self, permission: Permission, group: Option<String>) {
        self.0.push((permission, group));
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Permission> {
        self.0.iter().map(|(permission, _)| permission.clone()).collect()
    }

    /// Those that are expected in a tenant that lacks these APIs, and those that are left out there.
    pub(super) fn split(&self, lacks: impl Fn(&Permission) -> bool) -> (Vec<Permission>, Vec<Permission>) {
        let is_left_out =
            |group: &str| self.0.iter().any(|(permission, other)| other.as_deref() == Some(group) && lacks(permission));
        let (skipped, expected): (Vec<_>, Vec<_>) =
            self.0.iter().cloned().partition(|(_, group)| group.as_deref().is_some_and(is_left_out));
        let permissions = |all: Vec<(Permission, _)>| all.into_iter().map(|(permission, _)| permission).collect();
        (permissions(expected), permissions(skipped))
    }

    /// Whether a tenant can do without an API: whatever is expected of it is in a group.
    pub(super) fn can_do_without(&self, api: AppId) -> bool {
        self.0.iter().filter(|(permission, _)| permission.api() == api).all(|(_, group)| group.is_some())
    }
}

impl From<&[Permission]> for ExpectedPermissions {
    fn from(permissions: &[Permission]) -> Self {
        Self(permissions.iter().map(|permission| (permission.clone(), None)).collect())
    }
}

impl<const N: usize> From<&[Permission; N]> for ExpectedPermissions {
    fn from(permissions: &[Permission; N]) -> Self {
        Self::from(&permissions[..])
    }
}

impl From<&Vec<Permission>> for ExpectedPermissions {
    fn from(permissions: &Vec<Permission>) -> Self {
        Self::from(&permissions[..])
    }
}
