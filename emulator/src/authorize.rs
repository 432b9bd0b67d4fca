//! Who may do what: the permissions that Graph documents for each operation, and the directory roles that a person
//! needs besides.
//!
//! <https://learn.microsoft.com/graph/permissions-reference>

use serde_json::Value;

use super::call::{Actor, Identity};
use super::json::text;
use super::object_kind::Kind;
use super::response::Refusal;
use super::route::{Key, Link, Operation};

/// Directory roles, by template id.
/// <https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>
pub(super) mod role {
    pub(crate) const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
    pub(crate) const PRIVILEGED_ROLE_ADMINISTRATOR: &str = "e8611ab8-c189-46e8-94e1-60213ab1f814";
    pub(crate) const APPLICATION_ADMINISTRATOR: &str = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3";
    pub(crate) const CLOUD_APPLICATION_ADMINISTRATOR: &str = "158c047a-c907-4556-b7ef-446551a6b5f7";
    pub(crate) const DIRECTORY_READERS: &str = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b";
    pub(crate) const GLOBAL_READER: &str = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";
    pub(crate) const USER_ADMINISTRATOR: &str = "fe930be7-5e62-47db-91af-98c3a49a38b1";
    pub(crate) const GROUPS_ADMINISTRATOR: &str = "fdd7a751-b60b-444a-984c-02652fe8fa1c";
}

const READ_ALL: &str = "Application.Read.All";
const WRITE_ALL: &str = "Application.ReadWrite.All";
const OWNED_BY: &str = "Application.ReadWrite.OwnedBy";
const CREATE: &str = "AppRegistration.Create";
const DIRECTORY_READ: &str = "Directory.Read.All";
const DIRECTORY_WRITE: &str = "Directory.ReadWrite.All";
/// What the Azure CLI holds: all that the person may do.
const ACCESS_AS_USER: &str = "Directory.AccessAsUser.All";
const ASSIGN: &str = "AppRoleAssignment.ReadWrite.All";
const PARTNER_READ: &str = "DelegatedAdminRelationship.Read.All";
const PARTNER_WRITE: &str = "DelegatedAdminRelationship.ReadWrite.All";
const GRANT: &str = "DelegatedPermissionGrant.ReadWrite.All";

/// How far a caller's right reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    All,
    /// Only objects that the caller owns.
    Owned,
}

/// What an operation is to permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    Nothing,
    ReadApps,
    /// The same permissions as [`Self::ReadApps`], and those of federated credentials do not include the directory's.
    ReadFederated,
    CreateApplication,
    WriteApplication,
    /// Credentials and owners of an application, and everything of a service principal.
    WriteApp,
    AddOwner,
    Assign,
    Unassign,
    AssignPeople,
    ReadGrants,
    WriteGrants,
    Purge,
    ReadMe,
    ReadPeople,
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
}

#[allow(clippy::match_same_arms, reason = "the order is that of the documentation")]
fn right(operation: &Operation) -> Right {
    use Kind::{Application, FederatedCredential, Grant, Group, ServicePrincipal, User};
    match operation {
        Operation::Batch => Right::Nothing,
        Operation::Get(User, Key::Me) | Operation::GetProperty(User, Key::Me, _) => Right::ReadMe,
        Operation::List(Grant)
        | Operation::Count(Grant)
        | Operation::Delta(Grant)
        | Operation::GetGrant(_)
        | Operation::ListGrantsOf(..) => Right::ReadGrants,
        Operation::Create(Grant) | Operation::UpdateGrant(_) | Operation::DeleteGrant(_) => Right::WriteGrants,
        Operation::ListFederated(_) | Operation::CountFederated(_) | Operation::GetFederated(..) => {
            Right::ReadFederated
        }
        Operation::CreateFederated(_) | Operation::UpdateFederated(..) | Operation::DeleteFederated(..) => {
            Right::WriteApplication
        }
        Operation::ListAssignments(ServicePrincipal, ..)
        | Operation::CountAssignments(ServicePrincipal, ..)
        | Operation::GetAssignment(ServicePrincipal, ..) => Right::ReadApps,
        Operation::ListAssignments(..) | Operation::CountAssignments(..) | Operation::GetAssignment(..) => {
            Right::ReadObjects
        }
        Operation::CreateAssignment(ServicePrincipal, ..) => Right::Assign,
        Operation::CreateAssignment(..) | Operation::DeleteAssignment(User | Group, ..) => Right::AssignPeople,
        Operation::DeleteAssignment(..) => Right::Unassign,
        Operation::ListLinked(kind, ..) | Operation::CountLinked(kind, ..) | Operation::CheckMemberGroups(kind, _) => {
            match kind {
                User => Right::ReadPeople,
                Group => Right::ReadGroups,
                _ => Right::ReadApps,
            }
        }
        Operation::AddLink(Group, ..) | Operation::RemoveLink(Group, ..) => Right::WriteMembers,
        Operation::AddLink(_, _, Link::Owners) => Right::AddOwner,
        Operation::AddLink(..) | Operation::RemoveLink(..) => Right::WriteApp,
        Operation::List(kind)
        | Operation::Count(kind)
        | Operation::Get(kind, _)
        | Operation::GetProperty(kind, ..)
        | Operation::Delta(kind) => match kind {
            User => Right::ReadPeople,
            Group => Right::ReadGroups,
            _ => Right::ReadApps,
        },
        Operation::Create(Application) => Right::CreateApplication,
        Operation::Create(User) | Operation::Update(User, _) | Operation::Delete(User, _) => Right::WriteUser,
        Operation::Create(Group) => Right::CreateGroup,
        Operation::Update(Group, _) | Operation::Delete(Group, _) => Right::WriteGroup,
        Operation::Create(FederatedCredential)
        | Operation::Update(Application, _)
        | Operation::Delete(Application, _) => Right::WriteApplication,
        Operation::Restore(_) | Operation::DeleteObject(_) => Right::WriteApplication,
        Operation::Create(_)
        | Operation::Update(..)
        | Operation::Delete(..)
        | Operation::AddPassword(..)
        | Operation::RemovePassword(..)
        | Operation::AddKey(..)
        | Operation::RemoveKey(..) => Right::WriteApp,
        Operation::ListDeleted(_) | Operation::GetDeleted(_) => Right::ReadApps,
        Operation::Purge(_) => Right::Purge,
        Operation::GetObject(_) | Operation::GetByIds => Right::ReadObjects,
        Operation::ListOrganization | Operation::GetOrganization(_) => Right::ReadOrganization,
        Operation::Partner(operation) if operation.is_about_contracts() => Right::ReadContracts,
        Operation::Partner(operation) if operation.is_write() => Right::WritePartner,
        Operation::Partner(_) => Right::ReadPartner,
    }
}

/// Whether the permissions held include a right; `delegated` permissions differ from an app's own.
fn permits(right: Right, held: &[String], delegated: bool) -> bool {
    let has = |wanted: &str| held.iter().any(|held| held == wanted);
    let any = |wanted: &[&str]| wanted.iter().any(|wanted| has(wanted));
    let as_user = delegated && has(ACCESS_AS_USER);
    // There is no delegated form of the right to what one owns.
    let owned_by = !delegated && has(OWNED_BY);
    let directory_read = as_user || any(&[DIRECTORY_READ, DIRECTORY_WRITE]);
    let directory_write = as_user || has(DIRECTORY_WRITE);
    match right {
        Right::Nothing => true,
        Right::ReadApps => directory_read || owned_by || any(&[READ_ALL, WRITE_ALL]),
        Right::ReadFederated => as_user || owned_by || any(&[READ_ALL, WRITE_ALL]),
        Right::CreateApplication => as_user || owned_by || any(&[WRITE_ALL, CREATE]),
        Right::WriteApplication => as_user || owned_by || has(WRITE_ALL),
        Right::WriteApp => directory_write || owned_by || has(WRITE_ALL),
        Right::AddOwner => directory_write || ((owned_by || has(WRITE_ALL)) && has(DIRECTORY_READ)),
        // The right to assign does not include the reading that its checks need.
        Right::Assign => as_user || (has(ASSIGN) && any(&[READ_ALL, DIRECTORY_READ])),
        Right::Unassign => as_user || any(&[ASSIGN, WRITE_ALL]),
        Right::AssignPeople => as_user || has(ASSIGN),
        Right::ReadGrants => directory_read || has(GRANT),
        Right::WriteGrants => directory_write || has(GRANT),
        Right::Purge => as_user || has(WRITE_ALL),
        Right::ReadMe => {
            directory_read || any(&["User.Read", "User.ReadWrite", "User.Read.All", "User.ReadWrite.All", "openid"])
        }
        Right::ReadPeople => {
            directory_read
                || any(&["User.Read.All", "User.ReadWrite.All"])
                || (delegated && any(&["User.Read", "User.ReadBasic.All"]))
        }
        Right::WriteUser => directory_write || has("User.ReadWrite.All"),
        Right::ReadGroups => directory_read || any(&["GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All"]),
        Right::CreateGroup => directory_write || has("Group.ReadWrite.All") || (!delegated && has("Group.Create")),
        Right::WriteGroup => directory_write || has("Group.ReadWrite.All"),
        Right::WriteMembers => directory_write || any(&["Group.ReadWrite.All", "GroupMember.ReadWrite.All"]),
        Right::ReadObjects => directory_read || any(&[READ_ALL, WRITE_ALL]),
        Right::ReadOrganization => {
            directory_read
                || any(&["Organization.Read.All", "Organization.ReadWrite.All"])
                || (delegated && has("User.Read"))
        }
        Right::ReadPartner => any(&[PARTNER_READ, PARTNER_WRITE]),
        Right::WritePartner => has(PARTNER_WRITE),
        Right::ReadContracts => directory_read,
    }
}

/// How far directory roles let their holder use a right; `None` is not at all.
fn by_role(right: Right, roles: &[String]) -> Option<Reach> {
    let has = |wanted: &str| roles.iter().any(|held| held == wanted);
    let administers_apps = has(role::APPLICATION_ADMINISTRATOR) || has(role::CLOUD_APPLICATION_ADMINISTRATOR);
    let privileged = has(role::PRIVILEGED_ROLE_ADMINISTRATOR);
    let reads = administers_apps || privileged || has(role::DIRECTORY_READERS) || has(role::GLOBAL_READER);
    let allowed = has(role::GLOBAL_ADMINISTRATOR)
        || match right {
            Right::Nothing | Right::ReadMe => true,
            Right::ReadApps
            | Right::ReadFederated
            | Right::ReadGrants
            | Right::ReadPeople
            | Right::ReadGroups
            | Right::ReadObjects
            | Right::ReadContracts
            | Right::ReadOrganization => reads,
            // Who is an agent of the partner is no matter of roles.
            Right::ReadPartner | Right::WritePartner => false,
            Right::CreateApplication | Right::WriteApplication | Right::WriteApp | Right::AddOwner | Right::Purge => {
                administers_apps
            }
            Right::Assign | Right::Unassign | Right::WriteGrants | Right::AssignPeople => {
                administers_apps || privileged
            }
            Right::WriteUser => has(role::USER_ADMINISTRATOR),
            Right::CreateGroup | Right::WriteGroup | Right::WriteMembers => {
                has(role::GROUPS_ADMINISTRATOR) || has(role::USER_ADMINISTRATOR)
            }
        };
    allowed.then_some(Reach::All)
}

/// What every member of a tenant may do without a role: read, register applications, and look after what is theirs.
/// <https://learn.microsoft.com/entra/fundamentals/users-default-permissions>
fn by_membership(right: Right) -> Option<Reach> {
    match right {
        Right::Nothing
        | Right::ReadMe
        | Right::ReadApps
        | Right::ReadFederated
        | Right::ReadGrants
        | Right::ReadPeople
        | Right::ReadGroups
        | Right::ReadObjects
        | Right::ReadOrganization
        | Right::ReadContracts
        // Groups say which members may: the partner's operations look there.
        | Right::ReadPartner
        | Right::WritePartner
        | Right::CreateApplication => Some(Reach::All),
        Right::WriteApplication | Right::WriteApp | Right::AddOwner => Some(Reach::Owned),
        _ => None,
    }
}

/// Whether `actor` may carry out `operation`.
pub(super) fn authorize(operation: &Operation, actor: &Actor) -> Result<Reach, Refusal> {
    let Actor::SignedIn(identity) = actor else { return Ok(Reach::All) };
    let right = right(operation);
    let reach = match &identity.person {
        Some(person) if !permits(right, &person.scopes, true) => None,
        Some(person) => {
            let member = if person.is_guest { None } else { by_membership(right) };
            by_role(right, &identity.wids).or(member)
        }
        None if permits(right, &identity.roles, false) => Some(app_reach(right, identity)),
        // A role that an app holds counts for itself; to assign permissions it must be the highest.
        None if right == Right::Assign => identity
            .wids
            .iter()
            .any(|held| held == role::GLOBAL_ADMINISTRATOR || held == role::PRIVILEGED_ROLE_ADMINISTRATOR)
            .then_some(Reach::All),
        None => by_role(right, &identity.wids),
    };
    reach.ok_or_else(Refusal::denied)
}

/// The right to what is owned reaches further with another permission beside it.
fn app_reach(right: Right, identity: &Identity) -> Reach {
    let others: Vec<String> = identity.roles.iter().filter(|role| *role != OWNED_BY).cloned().collect();
    // Who may only register besides still owns what it registers.
    let registers_all = right != Right::CreateApplication || others.iter().any(|role| role == WRITE_ALL);
    let beyond = registers_all && permits(right, &others, false);
    if beyond || by_role(right, &identity.wids).is_some() || !identity.roles.iter().any(|role| role == OWNED_BY) {
        Reach::All
    } else {
        Reach::Owned
    }
}

/// A person who assigns a permission of Microsoft Graph needs a higher role than for that of another API.
/// <https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent>
pub(super) fn check_assignment(resource: &Value, actor: &Actor) -> Result<(), Refusal> {
    const GRAPHS: [&str; 2] = ["00000003-0000-0000-c000-000000000000", "00000002-0000-0000-c000-000000000000"];
    let Actor::SignedIn(Identity { person: Some(_), wids, .. }) = actor else { return Ok(()) };
    let highest = [role::GLOBAL_ADMINISTRATOR, role::PRIVILEGED_ROLE_ADMINISTRATOR];
    if GRAPHS.contains(&text(resource, "appId")) && !wids.iter().any(|held| highest.contains(&held.as_str())) {
        return Err(Refusal::denied());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::call::Person;
    use super::super::route::{Key, Side};
    use super::*;

    fn person(scopes: &[&str], roles: &[&str], is_guest: bool) -> Actor {
        let texts = |all: &[&str]| all.iter().map(ToString::to_string).collect();
        let person = Person { id: "p".into(), home: uuid::Uuid::nil(), scopes: texts(scopes), is_guest, mfa: false };
        Actor::SignedIn(Identity {
            app_id: "a".into(),
            service_principal_id: String::new(),
            roles: Vec::new(),
            wids: texts(roles),
            person: Some(person),
        })
    }

    fn key() -> Key {
        Key::Id("x".into())
    }

    #[test]
    fn a_person_needs_the_scope_of_the_app_and_a_role_of_their_own() {
        let assign = Operation::CreateAssignment(Kind::ServicePrincipal, key(), Side::Resource);
        let grant = Operation::Create(Kind::Grant);
        let update = Operation::Update(Kind::Application, key());
        let admin = role::CLOUD_APPLICATION_ADMINISTRATOR;
        for (operation, scopes, roles, expected) in [
            (&update, &[WRITE_ALL][..], &[admin][..], Some(Reach::All)),
            (&update, &[READ_ALL], &[admin], None),
            (&update, &[WRITE_ALL], &[], Some(Reach::Owned)),
            (&update, &[WRITE_ALL], &[role::DIRECTORY_READERS], Some(Reach::Owned)),
            (&update, &[ACCESS_AS_USER], &[role::GLOBAL_ADMINISTRATOR], Some(Reach::All)),
            // There is no delegated form of this permission.
            (&update, &[OWNED_BY], &[admin], None),
            (&grant, &[GRANT], &[admin], Some(Reach::All)),
            (&grant, &[GRANT], &[], None),
            (&assign, &[ASSIGN, READ_ALL], &[role::PRIVILEGED_ROLE_ADMINISTRATOR], Some(Reach::All)),
            (&assign, &[ASSIGN], &[role::GLOBAL_ADMINISTRATOR], None),
            (&Operation::Create(Kind::Application), &[WRITE_ALL], &[], Some(Reach::All)),
            (&Operation::Create(Kind::Group), &["Group.ReadWrite.All"], &[admin], None),
            (&Operation::Get(Kind::User, Key::Me), &["User.Read"], &[], Some(Reach::All)),
        ] {
            assert_eq!(
                authorize(operation, &person(scopes, roles, false)).ok(),
                expected,
                "{operation:?} {scopes:?} {roles:?}"
            );
        }
    }

    #[test]
    fn a_guest_has_nothing_but_roles() {
        let read = Operation::List(Kind::Application);
        assert!(authorize(&read, &person(&[READ_ALL], &[], false)).is_ok());
        assert!(authorize(&read, &person(&[READ_ALL], &[], true)).is_err());
        assert!(authorize(&read, &person(&[READ_ALL], &[role::DIRECTORY_READERS], true)).is_ok());
    }

    #[test]
    fn a_permission_of_graph_is_assigned_by_the_highest_roles_alone() {
        let graph = serde_json::json!({"appId": "00000003-0000-0000-c000-000000000000"});
        let other = serde_json::json!({"appId": "00000002-0000-0ff1-ce00-000000000000"});
        let admin = person(&[ASSIGN, READ_ALL], &[role::APPLICATION_ADMINISTRATOR], false);
        assert!(check_assignment(&graph, &admin).is_err() && check_assignment(&other, &admin).is_ok());
        let highest = person(&[ASSIGN, READ_ALL], &[role::PRIVILEGED_ROLE_ADMINISTRATOR], false);
        assert!(check_assignment(&graph, &highest).is_ok());
    }
}
