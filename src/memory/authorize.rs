//! Who may do what: the application permissions that Graph documents for each operation.

use super::answer::Refusal;
use super::call::{Actor, Identity};
use super::kind::Kind;
use super::route::Operation;

/// Directory roles that an app may hold, by template id.
/// <https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>
mod role {
    pub(super) const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
    pub(super) const APPLICATION_ADMINISTRATOR: &str = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3";
    pub(super) const CLOUD_APPLICATION_ADMINISTRATOR: &str = "158c047a-c907-4556-b7ef-446551a6b5f7";
    pub(super) const DIRECTORY_READERS: &str = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b";
}

const READ_ALL: &str = "Application.Read.All";
const WRITE_ALL: &str = "Application.ReadWrite.All";
const OWNED_BY: &str = "Application.ReadWrite.OwnedBy";
const DIRECTORY_READ: &str = "Directory.Read.All";
const DIRECTORY_WRITE: &str = "Directory.ReadWrite.All";
const ASSIGN: &str = "AppRoleAssignment.ReadWrite.All";
const GRANT: &str = "DelegatedPermissionGrant.ReadWrite.All";

/// How far a caller's right reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    All,
    /// Only objects that the caller owns.
    Owned,
}

/// Whether `actor` may carry out `operation`.
pub(super) fn authorize(operation: &Operation, actor: &Actor) -> Result<Reach, Refusal> {
    let Actor::SignedIn(identity) = actor else { return Ok(Reach::All) };
    let has = |role: &str| identity.roles.iter().any(|held| held == role);
    let any = |roles: &[&str]| roles.iter().any(|role| has(role));
    let read = || any(&[READ_ALL, WRITE_ALL, OWNED_BY, DIRECTORY_READ, DIRECTORY_WRITE]);
    let allowed = match operation {
        Operation::Batch => true,
        Operation::List(Kind::Grant)
        | Operation::Count(Kind::Grant)
        | Operation::GetGrant(_)
        | Operation::ListGrantsOf(_) => any(&[DIRECTORY_READ, GRANT, DIRECTORY_WRITE]),
        Operation::Create(Kind::Grant) | Operation::UpdateGrant(_) | Operation::DeleteGrant(_) => {
            any(&[GRANT, DIRECTORY_WRITE])
        }
        Operation::List(_)
        | Operation::Count(_)
        | Operation::Get(..)
        | Operation::ListOwners(..)
        | Operation::ListAssignments(..)
        | Operation::GetAssignment(..)
        | Operation::ListDeleted(_)
        | Operation::GetDeleted(_) => read(),
        // The assignment right does not include the reading that its checks need.
        Operation::CreateAssignment(..) => has(ASSIGN) && any(&[READ_ALL, DIRECTORY_READ]),
        Operation::DeleteAssignment(..) => has(ASSIGN),
        Operation::Create(Kind::Application) => any(&[WRITE_ALL, OWNED_BY, "AppRegistration.Create"]),
        Operation::AddOwner(..) => has(DIRECTORY_WRITE) || (any(&[WRITE_ALL, OWNED_BY]) && has(DIRECTORY_READ)),
        Operation::Create(_)
        | Operation::Update(Kind::ServicePrincipal, _)
        | Operation::Delete(Kind::ServicePrincipal, _)
        | Operation::AddPassword(..)
        | Operation::RemovePassword(..)
        | Operation::RemoveOwner(..) => any(&[WRITE_ALL, OWNED_BY, DIRECTORY_WRITE]),
        Operation::Update(..) | Operation::Delete(..) | Operation::Restore(_) => any(&[WRITE_ALL, OWNED_BY]),
        Operation::Purge(_) => has(WRITE_ALL),
        Operation::ListOrganization | Operation::GetOrganization(_) => {
            any(&["Organization.Read.All", "Organization.ReadWrite.All", DIRECTORY_READ, DIRECTORY_WRITE])
        }
    };
    if !allowed && !by_directory_role(operation, identity) {
        return Err(Refusal::denied());
    }
    // Writing the directory does not include changing an application.
    let registration = matches!(
        operation,
        Operation::Update(Kind::Application, _) | Operation::Delete(Kind::Application, _) | Operation::Restore(_)
    );
    let everything =
        has(WRITE_ALL) || (has(DIRECTORY_WRITE) && !registration) || by_directory_role(operation, identity);
    Ok(if has(OWNED_BY) && !everything { Reach::Owned } else { Reach::All })
}

fn by_directory_role(operation: &Operation, identity: &Identity) -> bool {
    let has = |role: &str| identity.wids.iter().any(|held| held == role);
    let administers_apps = has(role::APPLICATION_ADMINISTRATOR) || has(role::CLOUD_APPLICATION_ADMINISTRATOR);
    has(role::GLOBAL_ADMINISTRATOR)
        || match operation {
            Operation::List(_)
            | Operation::Count(_)
            | Operation::Get(..)
            | Operation::ListOwners(..)
            | Operation::ListAssignments(..)
            | Operation::GetAssignment(..)
            | Operation::ListGrantsOf(_)
            | Operation::GetGrant(_)
            | Operation::ListOrganization
            | Operation::GetOrganization(_) => administers_apps || has(role::DIRECTORY_READERS),
            Operation::CreateAssignment(..) | Operation::Batch => false,
            _ => administers_apps,
        }
}
