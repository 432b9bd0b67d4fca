//! What an API publishes in this tenant, and the wanted permissions looked up there.

use crate::client::Client;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, PermissionId};
use crate::model::{AppRole, Application, ServicePrincipal};
use crate::permission::{self, MICROSOFT_GRAPH, Permission, PermissionKind};
use crate::provision::observed::Resolved;

/// What is read of an API to look permissions up.
pub(super) const PUBLISHED: &[&str] = &["id", "appRoles", "oauth2PermissionScopes"];

/// A longer name of a permission is not compared with others, in bytes.
const MAX_PERMISSION_NAME_LENGTH: usize = 256;

/// A permission whose id and name are known without asking the tenant.
pub(super) fn resolve_without_tenant(permission: &Permission) -> Option<Resolved> {
    let id = permission.id()?;
    let value = permission.name().map(str::to_owned);
    // A role is granted by its id; a scope by its name.
    if value.is_none() && permission.kind() == PermissionKind::Delegated {
        return None;
    }
    Some(Resolved { permission: permission.clone(), id, value })
}

/// Reads the permissions that an API publishes in this tenant. Of Microsoft Graph it is 0.8 MB.
pub(super) async fn read_published(client: &Client, api: AppId) -> Result<Option<ServicePrincipal>, Error> {
    client.service_principals().find_selecting(api, PUBLISHED).await
}

/// Finds a permission among those that an API publishes in this tenant.
pub(super) fn find_published(permission: &Permission, api: Option<&ServicePrincipal>) -> Result<Resolved, Error> {
    let published: Vec<(PermissionId, String)> = match (api, permission.kind()) {
        (None, _) => Vec::new(),
        (Some(api), PermissionKind::Application) => {
            let for_apps = |role: &&AppRole| role.allowed_member_types.iter().any(|kind| kind == "Application");
            api.app_roles.iter().filter(for_apps).filter_map(|role| Some((role.id?, role.value.clone()?))).collect()
        }
        (Some(api), PermissionKind::Delegated) => {
            api.oauth2_permission_scopes.iter().filter_map(|scope| Some((scope.id?, scope.value.clone()?))).collect()
        }
    };
    let found = published.iter().find(|(id, value)| match permission.name() {
        Some(name) => value == name,
        None => permission.id() == Some(*id),
    });
    if let Some((id, value)) = found {
        return Ok(Resolved { permission: permission.clone(), id: *id, value: Some(value.clone()) });
    }
    let similar = permission.name().and_then(|name| {
        published
            .iter()
            .filter(|(_, value)| name.len().max(value.len()) <= MAX_PERMISSION_NAME_LENGTH)
            .map(|(_, value)| (strsim::jaro_winkler(name, value), value))
            .max_by(|a, b| a.0.total_cmp(&b.0))
    });
    let hint = similar
        .filter(|(likeness, _)| *likeness > 0.8)
        .map_or_else(String::new, |(_, value)| format!("Did you mean {value}? "));
    Err(Error::new(ErrorCode::UnknownPermission)
        .with_message(format!("the tenant's API does not publish the permission {permission}"))
        .with_remedy(format!(
            "{hint}Name one that the API publishes, of the right kind; some clouds lack some permissions."
        )))
}

/// Corrects the ids of permissions that have others in this tenant than in the catalogue: where the application
/// declares what the catalogue does not know, those that are not declared by their id are looked up by their name.
pub(super) async fn correct_ids(client: &Client, app: &Application, permissions: &mut [Resolved]) -> Result<(), Error> {
    let declared: Vec<(PermissionId, Option<PermissionKind>)> = app
        .required_resource_access
        .iter()
        .filter(|api| api.resource_app_id == Some(MICROSOFT_GRAPH))
        .flat_map(|api| &api.resource_access)
        .filter_map(|access| {
            Some((access.id?, PermissionKind::from_resource_access_type(access.kind.as_ref()?.as_str())))
        })
        .collect();
    let unknown =
        declared.iter().any(|(id, kind)| kind.is_some_and(|kind| permission::find_by_id(*id, kind).is_none()));
    let missing = |resolved: &Resolved| {
        let permission = &resolved.permission;
        permission.api() == MICROSOFT_GRAPH && !declared.contains(&(resolved.id, Some(permission.kind())))
    };
    if !unknown || !permissions.iter().any(missing) {
        return Ok(());
    }
    let api = read_published(client, MICROSOFT_GRAPH).await?;
    for resolved in permissions.iter_mut().filter(|resolved| missing(resolved)) {
        if let Ok(found) = find_published(&resolved.permission, api.as_ref()) {
            resolved.id = found.id;
        }
    }
    Ok(())
}
