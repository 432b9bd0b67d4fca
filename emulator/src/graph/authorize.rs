//! Authorization: the permissions that Graph documents for each operation, and the directory roles that a user needs in
//! addition.
//!
//! <https://learn.microsoft.com/graph/permissions-reference>

use serde_json::Value;

use crate::data::json::text;
use crate::data::object_kind::ObjectKind;
use crate::graph::call::{Actor, Identity};
use crate::graph::response::GraphError;
use crate::graph::route::{Link, ObjectKey, Operation};

/// Directory roles, by template id.
/// <https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>
pub(crate) mod role {
    pub(crate) const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
    pub(crate) const PRIVILEGED_ROLE_ADMINISTRATOR: &str = "e8611ab8-c189-46e8-94e1-60213ab1f814";
    pub(crate) const APPLICATION_ADMINISTRATOR: &str = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3";
    pub(crate) const CLOUD_APPLICATION_ADMINISTRATOR: &str = "158c047a-c907-4556-b7ef-446551a6b5f7";
    pub(crate) const DIRECTORY_READERS: &str = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b";
    pub(crate) const GLOBAL_READER: &str = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";
    pub(crate) const SECURITY_READER: &str = "5d6b6bb7-de71-4623-b4af-96380a352509";
    pub(crate) const REPORTS_READER: &str = "4a5d8f65-41da-4de4-8968-e035b65339cf";
    pub(crate) const USER_ADMINISTRATOR: &str = "fe930be7-5e62-47db-91af-98c3a49a38b1";
    pub(crate) const GROUPS_ADMINISTRATOR: &str = "fdd7a751-b60b-444a-984c-02652fe8fa1c";
}

const APPLICATION_READ_ALL: &str = "Application.Read.All";
const APPLICATION_READ_WRITE_ALL: &str = "Application.ReadWrite.All";
const APPLICATION_READ_WRITE_OWNED_BY: &str = "Application.ReadWrite.OwnedBy";
const APP_REGISTRATION_CREATE: &str = "AppRegistration.Create";
const DIRECTORY_READ_ALL: &str = "Directory.Read.All";
const DIRECTORY_READ_WRITE_ALL: &str = "Directory.ReadWrite.All";
/// The permission of the Azure CLI: everything that the signed-in user may do.
const DIRECTORY_ACCESS_AS_USER_ALL: &str = "Directory.AccessAsUser.All";
const APP_ROLE_ASSIGNMENT_READ_WRITE_ALL: &str = "AppRoleAssignment.ReadWrite.All";
const DELEGATED_ADMIN_RELATIONSHIP_READ_ALL: &str = "DelegatedAdminRelationship.Read.All";
const DELEGATED_ADMIN_RELATIONSHIP_READ_WRITE_ALL: &str = "DelegatedAdminRelationship.ReadWrite.All";
const POLICY_READ_ALL: &str = "Policy.Read.All";
const POLICY_READ_WRITE: &str = "Policy.ReadWrite.ApplicationConfiguration";
const DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL: &str = "DelegatedPermissionGrant.ReadWrite.All";

/// The objects to which an access right extends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessScope {
    All,
    /// Only objects that the caller owns.
    Owned,
    /// Only the caller's own application and service principal.
    Itself,
}

/// The access that an operation needs; several permissions can grant the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AccessRight {
    Unrestricted,
    ReadApps,
    /// Like [`Self::ReadApps`], but not granted by the permissions for the whole directory.
    ReadFederated,
    CreateApplication,
    WriteApplication,
    /// Credentials and owners of an application, and all writes to a service principal.
    WriteApp,
    AddOwner,
    Assign,
    Unassign,
    AssignToUsers,
    ReadAssignmentsOfUsers,
    ReadAssignmentsOfGroups,
    ReadGrants,
    WriteGrants,
    Purge,
    ReadMe,
    ReadUsers,
    WriteUser,
    ReadGroups,
    CreateGroup,
    WriteGroup,
    WriteMembers,
    ReadObjects,
    ReadOrganization,
    ReadPartner,
    WritePartner,
    ReadContracts,
    /// What is public of any tenant.
    ReadTenants,
    ReadRoles,
    /// The memberships that the caller may activate.
    ReadOwnEligibility,
    ReadPolicies,
    WritePolicies,
    ReadReports,
}

#[allow(clippy::match_same_arms, reason = "the order is that of the documentation")]
fn access_right(operation: &Operation) -> AccessRight {
    use ObjectKind::{Application, FederatedCredential, Grant, Group, ServicePrincipal, User};
    match operation {
        Operation::Batch => AccessRight::Unrestricted,
        Operation::Get(User, ObjectKey::Me) | Operation::GetProperty(User, ObjectKey::Me, _) => AccessRight::ReadMe,
        Operation::List(Grant)
        | Operation::Count(Grant)
        | Operation::Delta(Grant)
        | Operation::GetGrant(_)
        | Operation::ListGrantsOf(..) => AccessRight::ReadGrants,
        Operation::Create(Grant) | Operation::UpdateGrant(_) | Operation::DeleteGrant(_) => AccessRight::WriteGrants,
        Operation::ListFederated(_) | Operation::CountFederated(_) | Operation::GetFederated(..) => {
            AccessRight::ReadFederated
        }
        Operation::CreateFederated(_) | Operation::UpdateFederated(..) | Operation::DeleteFederated(..) => {
            AccessRight::WriteApplication
        }
        Operation::ListAssignments(ServicePrincipal, ..)
        | Operation::CountAssignments(ServicePrincipal, ..)
        | Operation::GetAssignment(ServicePrincipal, ..) => AccessRight::ReadApps,
        Operation::ListAssignments(User, ..)
        | Operation::CountAssignments(User, ..)
        | Operation::GetAssignment(User, ..) => AccessRight::ReadAssignmentsOfUsers,
        Operation::ListAssignments(..) | Operation::CountAssignments(..) | Operation::GetAssignment(..) => {
            AccessRight::ReadAssignmentsOfGroups
        }
        Operation::CreateAssignment(ServicePrincipal, ..) => AccessRight::Assign,
        Operation::CreateAssignment(..) | Operation::DeleteAssignment(User | Group, ..) => AccessRight::AssignToUsers,
        Operation::DeleteAssignment(..) => AccessRight::Unassign,
        Operation::ListLinked(kind, ..) | Operation::CountLinked(kind, ..) | Operation::CheckMemberGroups(kind, _) => {
            match kind {
                User => AccessRight::ReadUsers,
                Group => AccessRight::ReadGroups,
                _ => AccessRight::ReadApps,
            }
        }
        Operation::AddLink(Group, ..) | Operation::RemoveLink(Group, ..) => AccessRight::WriteMembers,
        Operation::AddLink(_, _, Link::Owners) => AccessRight::AddOwner,
        Operation::AddLink(..) | Operation::RemoveLink(..) => AccessRight::WriteApp,
        Operation::List(kind)
        | Operation::Count(kind)
        | Operation::Get(kind, _)
        | Operation::GetProperty(kind, ..)
        | Operation::Delta(kind) => match kind {
            User => AccessRight::ReadUsers,
            Group => AccessRight::ReadGroups,
            _ => AccessRight::ReadApps,
        },
        Operation::Create(Application) => AccessRight::CreateApplication,
        Operation::Create(User) | Operation::Update(User, _) | Operation::Delete(User, _) => AccessRight::WriteUser,
        Operation::Create(Group) => AccessRight::CreateGroup,
        Operation::Update(Group, _) | Operation::Delete(Group, _) => AccessRight::WriteGroup,
        Operation::Create(FederatedCredential)
        | Operation::Update(Application, _)
        | Operation::Delete(Application, _) => AccessRight::WriteApplication,
        Operation::Restore(_) | Operation::DeleteObject(_) => AccessRight::WriteApplication,
        Operation::Create(_)
        | Operation::Update(..)
        | Operation::Delete(..)
        | Operation::AddPassword(..)
        | Operation::RemovePassword(..)
        | Operation::AddKey(..)
        | Operation::RemoveKey(..) => AccessRight::WriteApp,
        Operation::ListDeleted(_) | Operation::GetDeleted(_) => AccessRight::ReadApps,
        Operation::Purge(_) => AccessRight::Purge,
        Operation::GetObject(_) | Operation::GetByIds => AccessRight::ReadObjects,
        Operation::ListOrganization | Operation::GetOrganization(_) => AccessRight::ReadOrganization,
        Operation::Partner(operation) if operation.is_about_contracts() => AccessRight::ReadContracts,
        Operation::Partner(operation) if operation.is_about_tenants() => AccessRight::ReadTenants,
        Operation::Partner(operation) if operation.is_write() => AccessRight::WritePartner,
        Operation::Partner(_) => AccessRight::ReadPartner,
        Operation::Roles(_) => AccessRight::ReadRoles,
        Operation::ListOwnEligibility => AccessRight::ReadOwnEligibility,
        Operation::Policies(operation) if operation.is_write() => AccessRight::WritePolicies,
        Operation::Policies(_) => AccessRight::ReadPolicies,
        Operation::Reports(_) => AccessRight::ReadReports,
    }
}

/// Whether these permissions grant an access right; `delegated` ones are judged differently from application
/// permissions.
fn is_permitted(right: AccessRight, granted: &[String], delegated: bool) -> bool {
    let has = |wanted: &str| granted.iter().any(|granted| granted == wanted);
    let any = |wanted: &[&str]| wanted.iter().any(|wanted| has(wanted));
    let as_user = delegated && has(DIRECTORY_ACCESS_AS_USER_ALL);
    // `Application.ReadWrite.OwnedBy` has no delegated form.
    let owned_by = !delegated && has(APPLICATION_READ_WRITE_OWNED_BY);
    let directory_read = as_user || any(&[DIRECTORY_READ_ALL, DIRECTORY_READ_WRITE_ALL]);
    let directory_write = as_user || has(DIRECTORY_READ_WRITE_ALL);
    match right {
        AccessRight::Unrestricted => true,
        AccessRight::ReadApps => directory_read || owned_by || any(&[APPLICATION_READ_ALL, APPLICATION_READ_WRITE_ALL]),
        AccessRight::ReadFederated => as_user || owned_by || any(&[APPLICATION_READ_ALL, APPLICATION_READ_WRITE_ALL]),
        AccessRight::CreateApplication => {
            as_user || owned_by || any(&[APPLICATION_READ_WRITE_ALL, APP_REGISTRATION_CREATE])
        }
        AccessRight::WriteApplication => as_user || owned_by || has(APPLICATION_READ_WRITE_ALL),
        AccessRight::WriteApp => directory_write || owned_by || has(APPLICATION_READ_WRITE_ALL),
        AccessRight::AddOwner => {
            directory_write || ((owned_by || has(APPLICATION_READ_WRITE_ALL)) && has(DIRECTORY_READ_ALL))
        }
        // The permission to assign does not include the reads that its checks need.
        AccessRight::Assign => {
            as_user || (has(APP_ROLE_ASSIGNMENT_READ_WRITE_ALL) && any(&[APPLICATION_READ_ALL, DIRECTORY_READ_ALL]))
        }
        AccessRight::Unassign => as_user || any(&[APP_ROLE_ASSIGNMENT_READ_WRITE_ALL, APPLICATION_READ_WRITE_ALL]),
        AccessRight::AssignToUsers => as_user || has(APP_ROLE_ASSIGNMENT_READ_WRITE_ALL),
        // The permission to assign does not include the read of the holder here either.
        // <https://learn.microsoft.com/graph/api/user-list-approleassignments>
        AccessRight::ReadAssignmentsOfUsers | AccessRight::ReadAssignmentsOfGroups => {
            let holder = match right {
                AccessRight::ReadAssignmentsOfUsers => AccessRight::ReadUsers,
                _ => AccessRight::ReadGroups,
            };
            is_permitted(AccessRight::ReadObjects, granted, delegated)
                || (has(APP_ROLE_ASSIGNMENT_READ_WRITE_ALL) && is_permitted(holder, granted, delegated))
        }
        AccessRight::ReadGrants => directory_read || has(DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL),
        AccessRight::WriteGrants => directory_write || has(DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL),
        AccessRight::Purge => as_user || has(APPLICATION_READ_WRITE_ALL),
        AccessRight::ReadMe => {
            directory_read || any(&["User.Read", "User.ReadWrite", "User.Read.All", "User.ReadWrite.All", "openid"])
        }
        AccessRight::ReadUsers => {
            directory_read
                || any(&["User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All"])
                || (delegated && has("User.Read"))
        }
        AccessRight::WriteUser => directory_write || has("User.ReadWrite.All"),
        AccessRight::ReadGroups => {
            directory_read || any(&["GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All"])
        }
        AccessRight::CreateGroup => {
            directory_write || has("Group.ReadWrite.All") || (!delegated && has("Group.Create"))
        }
        AccessRight::WriteGroup => directory_write || has("Group.ReadWrite.All"),
        AccessRight::WriteMembers => directory_write || any(&["Group.ReadWrite.All", "GroupMember.ReadWrite.All"]),
        AccessRight::ReadObjects => directory_read || any(&[APPLICATION_READ_ALL, APPLICATION_READ_WRITE_ALL]),
        AccessRight::ReadOrganization => {
            directory_read
                || any(&["Organization.Read.All", "Organization.ReadWrite.All"])
                || (delegated && has("User.Read"))
        }
        AccessRight::ReadPartner => {
            any(&[DELEGATED_ADMIN_RELATIONSHIP_READ_ALL, DELEGATED_ADMIN_RELATIONSHIP_READ_WRITE_ALL])
        }
        AccessRight::WritePartner => has(DELEGATED_ADMIN_RELATIONSHIP_READ_WRITE_ALL),
        AccessRight::ReadContracts => directory_read,
        AccessRight::ReadRoles => {
            directory_read
                || any(&[
                    "RoleManagement.Read.Directory",
                    "RoleManagement.Read.All",
                    "RoleManagement.ReadWrite.Directory",
                ])
        }
        AccessRight::ReadOwnEligibility => any(&[
            "PrivilegedEligibilitySchedule.Read.AzureADGroup",
            "PrivilegedEligibilitySchedule.ReadWrite.AzureADGroup",
        ]),
        AccessRight::ReadTenants => as_user || has("CrossTenantInformation.ReadBasic.All"),
        AccessRight::ReadPolicies => as_user || any(&[POLICY_READ_ALL, POLICY_READ_WRITE]),
        AccessRight::WritePolicies => as_user || has(POLICY_READ_WRITE),
        // <https://learn.microsoft.com/graph/api/reportroot-list-appcredentialsigninactivities?view=graph-rest-beta>
        AccessRight::ReadReports => has("AuditLog.Read.All"),
    }
}

/// The scope of an access right under these directory roles; `None` is no access.
fn access_by_roles(right: AccessRight, roles: &[String]) -> Option<AccessScope> {
    let has = |wanted: &str| roles.iter().any(|granted| granted == wanted);
    let administers_apps = has(role::APPLICATION_ADMINISTRATOR) || has(role::CLOUD_APPLICATION_ADMINISTRATOR);
    let privileged = has(role::PRIVILEGED_ROLE_ADMINISTRATOR);
    let reads = administers_apps || privileged || has(role::DIRECTORY_READERS) || has(role::GLOBAL_READER);
    let allowed = has(role::GLOBAL_ADMINISTRATOR)
        || match right {
            AccessRight::Unrestricted | AccessRight::ReadMe => true,
            AccessRight::ReadApps
            | AccessRight::ReadFederated
            | AccessRight::ReadAssignmentsOfUsers
            | AccessRight::ReadAssignmentsOfGroups
            | AccessRight::ReadGrants
            | AccessRight::ReadUsers
            | AccessRight::ReadGroups
            | AccessRight::ReadObjects
            | AccessRight::ReadContracts
            | AccessRight::ReadTenants
            | AccessRight::ReadRoles
            | AccessRight::ReadOwnEligibility
            | AccessRight::ReadOrganization => reads,
            AccessRight::ReadPolicies => administers_apps || has(role::GLOBAL_READER) || has(role::SECURITY_READER),
            AccessRight::ReadReports => {
                has(role::REPORTS_READER) || has(role::SECURITY_READER) || has(role::GLOBAL_READER)
            }
            // Membership in the partner's agent groups decides this, not a role.
            AccessRight::ReadPartner | AccessRight::WritePartner => false,
            AccessRight::CreateApplication
            | AccessRight::WriteApplication
            | AccessRight::WriteApp
            | AccessRight::AddOwner
            | AccessRight::WritePolicies
            | AccessRight::Purge => administers_apps,
            AccessRight::Assign | AccessRight::Unassign | AccessRight::WriteGrants | AccessRight::AssignToUsers => {
                administers_apps || privileged
            }
            AccessRight::WriteUser => has(role::USER_ADMINISTRATOR),
            AccessRight::CreateGroup | AccessRight::WriteGroup | AccessRight::WriteMembers => {
                has(role::GROUPS_ADMINISTRATOR) || has(role::USER_ADMINISTRATOR)
            }
        };
    allowed.then_some(AccessScope::All)
}

/// The scope of an access right of every member of a tenant, without a role: read, register applications, and manage
/// what they own.
/// <https://learn.microsoft.com/entra/fundamentals/users-default-permissions>
fn access_of_members(right: AccessRight) -> Option<AccessScope> {
    match right {
        AccessRight::Unrestricted
        | AccessRight::ReadMe
        | AccessRight::ReadOwnEligibility
        | AccessRight::ReadApps
        | AccessRight::ReadFederated
        | AccessRight::ReadAssignmentsOfUsers
        | AccessRight::ReadAssignmentsOfGroups
        | AccessRight::ReadGrants
        | AccessRight::ReadUsers
        | AccessRight::ReadGroups
        | AccessRight::ReadObjects
        | AccessRight::ReadOrganization
        | AccessRight::ReadContracts
        | AccessRight::ReadTenants
        | AccessRight::ReadRoles
        // The partner's operations check the agent groups themselves.
        | AccessRight::ReadPartner
        | AccessRight::WritePartner
        | AccessRight::CreateApplication => Some(AccessScope::All),
        AccessRight::WriteApplication | AccessRight::WriteApp | AccessRight::AddOwner => Some(AccessScope::Owned),
        _ => None,
    }
}

/// Checks that `actor` may carry out `operation`, and on which objects.
pub(crate) fn authorize(operation: &Operation, actor: &Actor) -> Result<AccessScope, GraphError> {
    let Actor::SignedIn(identity) = actor else { return Ok(AccessScope::All) };
    let right = access_right(operation);
    let scope = match &identity.user {
        Some(user) if !is_permitted(right, &user.scopes, true) => None,
        Some(user) => {
            let member = if user.is_guest { None } else { access_of_members(right) };
            access_by_roles(right, &identity.wids).or(member)
        }
        None if is_permitted(right, &identity.roles, false) => Some(app_access_scope(right, identity)),
        // An app can use a directory role of its own; assigning permissions takes one of the two highest.
        None if right == AccessRight::Assign => identity
            .wids
            .iter()
            .any(|granted| granted == role::GLOBAL_ADMINISTRATOR || granted == role::PRIVILEGED_ROLE_ADMINISTRATOR)
            .then_some(AccessScope::All),
        None => access_by_roles(right, &identity.wids),
    };
    // An app changes its own keys without any permission.
    // <https://learn.microsoft.com/graph/api/application-addkey>
    let is_own_key = matches!(operation, Operation::AddKey(..) | Operation::RemoveKey(..)) && identity.user.is_none();
    scope.or(is_own_key.then_some(AccessScope::Itself)).ok_or_else(GraphError::denied)
}

/// `Application.ReadWrite.OwnedBy` is limited to owned objects unless another permission or role grants the same
/// access.
fn app_access_scope(right: AccessRight, identity: &Identity) -> AccessScope {
    let others: Vec<String> =
        identity.roles.iter().filter(|role| *role != APPLICATION_READ_WRITE_OWNED_BY).cloned().collect();
    // An app with `AppRegistration.Create` besides still becomes the owner of what it registers.
    let registers_all =
        right != AccessRight::CreateApplication || others.iter().any(|role| role == APPLICATION_READ_WRITE_ALL);
    let beyond = registers_all && is_permitted(right, &others, false);
    if beyond
        || access_by_roles(right, &identity.wids).is_some()
        || !identity.roles.iter().any(|role| role == APPLICATION_READ_WRITE_OWNED_BY)
    {
        AccessScope::All
    } else {
        AccessScope::Owned
    }
}

/// Refuses a user who assigns permissions of Microsoft Graph without a role that allows it: other APIs need a lesser
/// one.
/// <https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent>
pub(crate) fn check_assignment(resource: &Value, actor: &Actor) -> Result<(), GraphError> {
    const GRAPHS: [&str; 2] = ["00000003-0000-0000-c000-000000000000", "00000002-0000-0000-c000-000000000000"];
    let Actor::SignedIn(Identity { user: Some(_), wids, .. }) = actor else { return Ok(()) };
    let highest = [role::GLOBAL_ADMINISTRATOR, role::PRIVILEGED_ROLE_ADMINISTRATOR];
    if GRAPHS.contains(&text(resource, "appId")) && !wids.iter().any(|granted| highest.contains(&granted.as_str())) {
        return Err(GraphError::denied());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::call::DelegatedUser;
    use crate::graph::route::{AssignmentSide, ObjectKey};

    fn user(scopes: &[&str], roles: &[&str], is_guest: bool) -> Actor {
        let texts = |all: &[&str]| all.iter().map(ToString::to_string).collect();
        let signed_in =
            DelegatedUser { id: "p".into(), home: uuid::Uuid::nil(), scopes: texts(scopes), is_guest, mfa: false };
        Actor::SignedIn(Identity {
            app_id: "a".into(),
            service_principal_id: String::new(),
            roles: Vec::new(),
            wids: texts(roles),
            user: Some(signed_in),
        })
    }

    fn key() -> ObjectKey {
        ObjectKey::Id("x".into())
    }

    #[test]
    fn a_user_needs_a_scope_of_the_app_and_a_role() {
        let assign = Operation::CreateAssignment(ObjectKind::ServicePrincipal, key(), AssignmentSide::Resource);
        let grant = Operation::Create(ObjectKind::Grant);
        let update = Operation::Update(ObjectKind::Application, key());
        let admin = role::CLOUD_APPLICATION_ADMINISTRATOR;
        for (operation, scopes, roles, expected) in [
            (&update, &[APPLICATION_READ_WRITE_ALL][..], &[admin][..], Some(AccessScope::All)),
            (&update, &[APPLICATION_READ_ALL], &[admin], None),
            (&update, &[APPLICATION_READ_WRITE_ALL], &[], Some(AccessScope::Owned)),
            (&update, &[APPLICATION_READ_WRITE_ALL], &[role::DIRECTORY_READERS], Some(AccessScope::Owned)),
            (&update, &[DIRECTORY_ACCESS_AS_USER_ALL], &[role::GLOBAL_ADMINISTRATOR], Some(AccessScope::All)),
            // This permission has no delegated form.
            (&update, &[APPLICATION_READ_WRITE_OWNED_BY], &[admin], None),
            (&grant, &[DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL], &[admin], Some(AccessScope::All)),
            (&grant, &[DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL], &[], None),
            (
                &assign,
                &[APP_ROLE_ASSIGNMENT_READ_WRITE_ALL, APPLICATION_READ_ALL],
                &[role::PRIVILEGED_ROLE_ADMINISTRATOR],
                Some(AccessScope::All),
            ),
            (&assign, &[APP_ROLE_ASSIGNMENT_READ_WRITE_ALL], &[role::GLOBAL_ADMINISTRATOR], None),
            (&Operation::Create(ObjectKind::Application), &[APPLICATION_READ_WRITE_ALL], &[], Some(AccessScope::All)),
            (&Operation::Create(ObjectKind::Group), &["Group.ReadWrite.All"], &[admin], None),
            (&Operation::Get(ObjectKind::User, ObjectKey::Me), &["User.Read"], &[], Some(AccessScope::All)),
        ] {
            assert_eq!(
                authorize(operation, &user(scopes, roles, false)).ok(),
                expected,
                "{operation:?} {scopes:?} {roles:?}"
            );
        }
    }

    #[test]
    fn a_guest_needs_a_role() {
        let read = Operation::List(ObjectKind::Application);
        assert!(authorize(&read, &user(&[APPLICATION_READ_ALL], &[], false)).is_ok());
        assert!(authorize(&read, &user(&[APPLICATION_READ_ALL], &[], true)).is_err());
        assert!(authorize(&read, &user(&[APPLICATION_READ_ALL], &[role::DIRECTORY_READERS], true)).is_ok());
    }

    #[test]
    fn a_permission_of_graph_is_assigned_by_the_highest_roles_alone() {
        let graph = serde_json::json!({"appId": "00000003-0000-0000-c000-000000000000"});
        let other = serde_json::json!({"appId": "00000002-0000-0ff1-ce00-000000000000"});
        let admin = user(
            &[APP_ROLE_ASSIGNMENT_READ_WRITE_ALL, APPLICATION_READ_ALL],
            &[role::APPLICATION_ADMINISTRATOR],
            false,
        );
        assert!(check_assignment(&graph, &admin).is_err() && check_assignment(&other, &admin).is_ok());
        let highest = user(
            &[APP_ROLE_ASSIGNMENT_READ_WRITE_ALL, APPLICATION_READ_ALL],
            &[role::PRIVILEGED_ROLE_ADMINISTRATOR],
            false,
        );
        assert!(check_assignment(&graph, &highest).is_ok());
    }
}
