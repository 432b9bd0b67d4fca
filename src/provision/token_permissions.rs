//! The permissions that an app's own tokens must hold.

use crate::ids::AppId;
use crate::permission::{MICROSOFT_GRAPH, PermissionKind};
use crate::provision::permission_entry::Place;
use crate::provision::registration::AppRegistration;

/// The application permissions that the tokens of the app must hold in every tenant of a `place`, by API; Microsoft Graph
/// alone where there are none. No token tells which groups of permissions a tenant cannot have: they are left out.
pub(super) fn application_permissions_by_api(
    registration: &AppRegistration,
    place: Place,
) -> Vec<(AppId, Vec<String>)> {
    let mut wanted: Vec<(AppId, Vec<String>)> = Vec::new();
    let entries = registration.entries_in(place).filter(|entry| entry.where_available.is_none());
    for permission in entries.map(|entry| &entry.permission).filter(|it| it.kind() == PermissionKind::Application) {
        // A permission without a name cannot be looked for in a token.
        let Some(name) = permission.name().filter(|_| !permission.is_resource_specific()) else { continue };
        match wanted.iter_mut().find(|(api, _)| *api == permission.api()) {
            Some((_, names)) => names.push(name.to_owned()),
            None => wanted.push((permission.api(), vec![name.to_owned()])),
        }
    }
    if wanted.is_empty() {
        wanted.push((MICROSOFT_GRAPH, Vec::new()));
    }
    wanted
}
