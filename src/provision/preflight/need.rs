//! What the steps of an apply need, and the roles of which one suffices for a person.

use uuid::Uuid;

use crate::directory_role::DirectoryRole;
use crate::permission::{Permission, PermissionKind};
use crate::provision::caller_permissions::is_graph;

/// The roles that many callers have and that allow none of the steps, by template id: members, guests, restricted
/// guests, readers of the directory, global readers, and what the token of an app without a role says.
pub(super) const ROLES_WITHOUT_RIGHTS: [Uuid; 6] = [
    Uuid::from_u128(0xb79f_bf4d_3ef9_4689_8143_76b1_94e8_5509),
    Uuid::from_u128(0x10da_e51f_b6af_4016_8d66_8c2a_99b9_29b3),
    Uuid::from_u128(0x2af8_4b1e_32c8_42b7_82bc_daa8_2404_023b),
    Uuid::from_u128(0x88d8_e3e3_8f55_4a1e_953a_9b98_98b8_876b),
    Uuid::from_u128(0xf2ef_992c_3afb_46b9_b7cf_a126_ee74_c451),
    Uuid::from_u128(0x0997_a1d0_0d1d_4acb_b408_d5ca_7312_1e90),
];

/// The roles that allow some of the steps.
pub(super) const ROLES_WITH_RIGHTS: [DirectoryRole; 5] = [
    DirectoryRole::GLOBAL_ADMINISTRATOR,
    DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR,
    DirectoryRole::APPLICATION_ADMINISTRATOR,
    DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR,
    DirectoryRole::APPLICATION_DEVELOPER,
];

/// What a step needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Read,
    Create,
    /// The service principal of another tenant's app.
    Install,
    /// What belongs to the app: whoever made it owns it.
    Write,
    Assign,
    AssignOfGraph,
    Grant,
}

impl Need {
    /// What granting a permission needs.
    pub(super) fn to_grant(permission: &Permission) -> Self {
        match permission.kind() {
            PermissionKind::Application if is_graph(permission.api()) => Self::AssignOfGraph,
            PermissionKind::Application => Self::Assign,
            PermissionKind::Delegated => Self::Grant,
        }
    }
}

/// The roles of which each suffices for a person.
pub(super) fn sufficient_roles(need: Need) -> &'static [DirectoryRole] {
    match need {
        Need::Read | Need::Write | Need::Install => &[
            DirectoryRole::APPLICATION_ADMINISTRATOR,
            DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR,
            DirectoryRole::GLOBAL_ADMINISTRATOR,
        ],
        Need::Create => &[
            DirectoryRole::APPLICATION_ADMINISTRATOR,
            DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR,
            DirectoryRole::APPLICATION_DEVELOPER,
            DirectoryRole::GLOBAL_ADMINISTRATOR,
        ],
        Need::AssignOfGraph => &[DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR, DirectoryRole::GLOBAL_ADMINISTRATOR],
        Need::Assign | Need::Grant => &[
            DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR,
            DirectoryRole::APPLICATION_ADMINISTRATOR,
            DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR,
            DirectoryRole::GLOBAL_ADMINISTRATOR,
        ],
    }
}
