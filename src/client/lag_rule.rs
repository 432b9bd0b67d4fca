//! Replication lag as the service words it, for each operation by itself.

use crate::error::ServiceError;

/// The responses by which an operation shows that a replica does not know yet what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LagRule {
    /// 404 on the object itself.
    NotFound,
    /// None: a 404 is a result like any other.
    None,
    /// `POST /servicePrincipals` for a new application.
    ServicePrincipal,
    /// `POST …/appRoleAssignedTo` for a new service principal.
    AppRoleAssignment,
    /// `POST /oauth2PermissionGrants` for a new service principal.
    OAuth2PermissionGrant,
    /// `POST …/removePassword` for a new secret.
    RemovePassword,
    /// `POST …/accessAssignments` for a new group.
    AccessAssignment,
}

impl LagRule {
    /// Whether a refusal is what a replica says that is behind.
    pub(super) fn explains(self, status: u16, error: &ServiceError) -> bool {
        let says = |words: &str| error.says(words);
        match (self, status) {
            (Self::None, _) => false,
            (_, 404) => true,
            (Self::NotFound, 409) => error.has_code("Error_MsaAppDoesNotExist"),
            (Self::ServicePrincipal, 400) => {
                error.has_code("NoBackingApplicationObject") || says("does not reference a valid application object")
            }
            (Self::ServicePrincipal, 403) => says("must in the local tenant"),
            (Self::AppRoleAssignment, 400) => says("Not a valid reference update") || says("resourceId was not found"),
            (Self::OAuth2PermissionGrant, 400) => {
                says("does not exist or one of its queried reference-property objects are not present")
            }
            (Self::AccessAssignment, 400) => says("access container does not exist"),
            (Self::RemovePassword, 400) => says("No password credential found with keyId"),
            _ => false,
        }
    }
}
