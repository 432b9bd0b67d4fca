//! The permissions and the roles of Entra that the caller of an apply needs.

use std::fmt;

use serde::Serialize;

use crate::directory_role::DirectoryRole;
use crate::ids::AppId;
use crate::permission::microsoft_graph::{application, delegated};
use crate::permission::well_known::AZURE_ACTIVE_DIRECTORY_GRAPH_LEGACY;
use crate::permission::{MICROSOFT_GRAPH, Permission, PermissionKind};

/// What whoever applies a registration needs: an app its own permissions, a person the delegated ones and the roles.
///
/// An app that applies nothing but what it has made itself can do with `Application.ReadWrite.OwnedBy` in place of
/// `Application.ReadWrite.All`. Global Administrator includes the other roles. What a token that is there lacks of them
/// says [`Client::preflight`](crate::Client::preflight).
///
/// # JSON
/// `application` and `delegated` (each permission as `{"api": …, "kind": …, "name": …, "id": …}`) and `roles` (each a
/// [`DirectoryRole`]).
///
/// ```
/// use entra_apps::permission::microsoft_graph::application;
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::AppRegistration;
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").permission(application::DIRECTORY_READ_ALL);
/// let needs = backup.caller_permissions();
/// assert!(needs.application.contains(&application::APP_ROLE_ASSIGNMENT_READ_WRITE_ALL));
/// assert_eq!(needs.roles, [DirectoryRole::APPLICATION_ADMINISTRATOR, DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR]);
/// println!("{needs}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CallerPermissions {
    /// What an app needs that signs in as itself, with admin consent.
    pub application: Vec<Permission>,
    /// What the app needs that a person signs in to, with admin consent.
    pub delegated: Vec<Permission>,
    /// The roles that the person needs, all of them.
    pub roles: Vec<DirectoryRole>,
}

impl CallerPermissions {
    /// What it takes to register an app and to grant it these permissions for the whole tenant.
    pub(super) fn to_grant<'a>(granted: impl Iterator<Item = &'a Permission>) -> Self {
        let mut needs = Self {
            application: vec![application::APPLICATION_READ_WRITE_ALL, application::DIRECTORY_READ_ALL],
            delegated: vec![delegated::APPLICATION_READ_WRITE_ALL, delegated::DIRECTORY_READ_ALL],
            roles: vec![DirectoryRole::APPLICATION_ADMINISTRATOR],
        };
        let granted: Vec<_> = granted.collect();
        let has = |kind| granted.iter().any(|permission| permission.kind() == kind);
        if has(PermissionKind::Application) {
            needs.application.push(application::APP_ROLE_ASSIGNMENT_READ_WRITE_ALL);
            needs.delegated.push(delegated::APP_ROLE_ASSIGNMENT_READ_WRITE_ALL);
        }
        if has(PermissionKind::Delegated) {
            needs.application.push(application::DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL);
            needs.delegated.push(delegated::DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL);
        }
        if granted.iter().any(|it| it.kind() == PermissionKind::Application && is_graph(it.api())) {
            needs.roles.push(DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR);
        }
        needs
    }
}

impl fmt::Display for CallerPermissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |all: &[Permission]| {
            all.iter().map(|permission| permission.name().unwrap_or_default()).collect::<Vec<_>>().join(", ")
        };
        let roles: Vec<_> = self.roles.iter().map(ToString::to_string).collect();
        writeln!(f, "An app as caller needs all of: {} (application)", names(&self.application))?;
        writeln!(f, "A person as caller needs all of: {} (delegated)", names(&self.delegated))?;
        let roles_are = if roles.len() == 1 { "and the role" } else { "and all of the roles" };
        writeln!(f, "{roles_are}: {}", roles.join(", "))
    }
}

/// Whether application permissions of this API can be granted by the highest roles alone
/// ([who may consent](https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent)).
pub(super) fn is_graph(api: AppId) -> bool {
    api == MICROSOFT_GRAPH || api == AZURE_ACTIVE_DIRECTORY_GRAPH_LEGACY
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_callers_permissions_in_json_are_of_the_documented_form() {
        let needs = CallerPermissions::to_grant([].iter());
        let permission =
            |kind: &str, name: &str, id: &str| json!({"api": MICROSOFT_GRAPH, "kind": kind, "name": name, "id": id});
        assert_eq!(
            serde_json::to_value(&needs).unwrap(),
            json!({
                "application": [
                    permission("application", "Application.ReadWrite.All", "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9"),
                    permission("application", "Directory.Read.All", "7ab1d382-f21e-4acd-a863-ba3e13f7da61"),
                ],
                "delegated": [
                    permission("delegated", "Application.ReadWrite.All", "bdfbf15f-ee85-4955-8675-146e8e5296b5"),
                    permission("delegated", "Directory.Read.All", "06da0dbc-49e2-44d2-8312-53f166ab848a"),
                ],
                "roles": [{"name": "Application Administrator", "id": "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"}],
            })
        );
        assert!(needs.to_string().ends_with("and the role: Application Administrator\n"), "{needs}");
    }
}
