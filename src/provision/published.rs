//! What an API publishes in this tenant, and the wanted permissions looked up there by name and by id.

use crate::client::Client;
use crate::error::{ErrorCode, on_one_line};
use crate::ids::{AppId, PermissionId};
use crate::model::{PublishedApi, PublishedPermission};
use crate::permission::{self, MICROSOFT_GRAPH, Permission, PermissionKind};
use crate::provision::apply_state::ApplyState;
use crate::provision::observed::{Obstacle, Resolved};
use crate::similar::suggestions;

/// A wanted permission, with what is remembered of it: decided before the reads, so that none is missed.
pub(super) struct Wanted<'a> {
    pub(super) permission: &'a Permission,
    remembered: Option<Resolved>,
}

impl<'a> Wanted<'a> {
    /// A permission that is `known` already, as another tenant of the cloud publishes it, is not looked up in this one.
    pub(super) fn new(client: &Client, permission: &'a Permission, known: &[Resolved]) -> Self {
        let now = client.clock().monotonic();
        let seen_here = || client.published().get_fresh::<Resolved>(&cache_key(client, permission), now);
        let known = known.iter().find(|known| known.permission == *permission).cloned();
        Self { permission, remembered: known.or_else(|| Some((*seen_here()?).clone())) }
    }

    /// Finds it in this tenant, or says what is in the way.
    pub(super) fn look_up(self, client: &Client, api: Option<&PublishedApi>) -> Result<Resolved, Obstacle> {
        let Self { permission, remembered } = self;
        let Some(api) = api else { return Err(api_missing(permission)) };
        if let Some(known) = remembered {
            return Ok(known);
        }
        let found = find(permission, published(api, permission.kind()))?;
        remember(client, &found, permission);
        Ok(found)
    }
}

/// What is read of an API: its id, and the lists in which its wanted permissions are looked up. Microsoft Graph's lists
/// are long, 0.4 MB each, and cannot be filtered: what was found there is remembered for a while.
pub(super) fn select(api: AppId, wanted: &[Wanted<'_>]) -> Vec<&'static str> {
    let unknown = |kind| {
        let of_api = wanted.iter().filter(|it| it.permission.api() == api && it.permission.kind() == kind);
        of_api.into_iter().any(|it| it.remembered.is_none())
    };
    let lists = [(PermissionKind::Application, "appRoles"), (PermissionKind::Delegated, "oauth2PermissionScopes")];
    let lists = lists.into_iter().filter(|(kind, _)| unknown(*kind)).map(|(_, list)| list);
    ["id"].into_iter().chain(lists).collect()
}

/// Remembers that the tenant publishes a permission of Microsoft Graph.
fn remember(client: &Client, found: &Resolved, permission: &Permission) {
    if permission.api() == MICROSOFT_GRAPH {
        // About no object that this client changes: nobody but Microsoft does.
        let (key, now) = (cache_key(client, permission), client.clock().monotonic());
        client.published().insert(key, found.clone(), Vec::new(), now);
    }
}

/// Takes over what other tenants of the cloud were seen to publish, for whoever reads this one again.
pub(super) fn take_over(client: &Client, known: &[Resolved]) {
    for known in known {
        remember(client, known, &known.permission);
    }
}

/// Forgets that the tenant was seen to publish a permission.
pub(super) fn forget(client: &Client, permission: &Permission) {
    client.published().remove(&cache_key(client, permission));
}

/// A text that tells a permission in the client's tenant from every other: by its id, and by its name.
fn cache_key(client: &Client, permission: &Permission) -> String {
    client.name_in_tenant(format_args!("{} {permission:?}", permission.api()))
}

/// The permissions of one kind that an API publishes and that can be granted to an app.
fn published(api: &PublishedApi, kind: PermissionKind) -> &[PublishedPermission] {
    match kind {
        PermissionKind::Application => &api.app_roles,
        PermissionKind::Delegated => &api.scopes,
    }
}

fn find(permission: &Permission, published: &[PublishedPermission]) -> Result<Resolved, Obstacle> {
    let (name, id) = (permission.name(), permission.id());
    // What the catalogue knows is Microsoft Graph's, where capitals do not matter.
    let entry = permission.entry();
    let is_named = |value: &str| match (name, entry) {
        (Some(name), Some(_)) => value.eq_ignore_ascii_case(name),
        (Some(name), None) => value == name,
        (None, _) => false,
    };
    let by_name = published.iter().find(|(_, value)| is_named(value));
    let by_id = || published.iter().find(|(known, _)| Some(*known) == id);
    let is_former_name = |value: &str| {
        let other = permission::find_by_name(value, permission.kind());
        entry.is_some() && other.map(|other| other.id) == id
    };
    match (by_name, by_id()) {
        // The catalogue's id is that of the worldwide cloud; an id that somebody gave is meant.
        (Some((found, value)), _) if entry.is_some() || id.is_none_or(|id| id == *found) => {
            Ok(resolved(permission, *found, value))
        }
        (None, Some((found, value))) if name.is_none() || is_former_name(value) => {
            Ok(resolved(permission, *found, value))
        }
        (_, Some((found, value))) => Err(mismatch(permission, &format!("the id {found} is that of {value}"))),
        (Some((found, value)), None) => Err(mismatch(permission, &format!("the id of {value} is {found}"))),
        (None, None) => Err(not_published(permission, published)),
    }
}

/// A permission as the tenant knows it: shown by the name that goes with its id.
fn resolved(permission: &Permission, id: PermissionId, value: &str) -> Resolved {
    let is_of_another = || permission::find_by_name(value, permission.kind()).is_some();
    let nameless = permission.name().is_none() && !(permission.api() == MICROSOFT_GRAPH && is_of_another());
    let named = if nameless { permission.clone().named(value).ok() } else { None };
    Resolved { permission: named.unwrap_or_else(|| permission.clone()), id, value: Some(value.to_owned()) }
}

fn obstacle(permission: &Permission, code: ErrorCode, text: String, remedy: String) -> Obstacle {
    Obstacle { permission: permission.clone(), code, text: on_one_line(text), remedy: on_one_line(remedy) }
}

fn api_missing(permission: &Permission) -> Obstacle {
    let code = ErrorCode::ApiNotInTenant;
    let api = name_of(permission.api());
    obstacle(permission, code, format!("the tenant has no service principal of {api}"), code.remedy().to_owned())
}

fn mismatch(permission: &Permission, what: &str) -> Obstacle {
    let text = format!("the name and the id of {permission} belong to different permissions: in this tenant {what}");
    obstacle(permission, ErrorCode::PermissionMismatch, text, ErrorCode::PermissionMismatch.remedy().to_owned())
}

fn not_published(permission: &Permission, published: &[PublishedPermission]) -> Obstacle {
    let text = format!("the tenant's API does not publish the permission {permission}");
    if permission.entry().is_some() {
        let code = ErrorCode::PermissionNotInTenant;
        return obstacle(permission, code, text, code.remedy().to_owned());
    }
    let owner = permission.name().and_then(permission::apis_of).map(|owner| format!("It is a permission of {owner}. "));
    let similar = permission.name().and_then(|name| suggestions(name, published.iter().map(|(_, value)| &**value)));
    let hint = similar.map(|names| format!("Did you mean {names}? ")).or(owner).unwrap_or_default();
    let remedy =
        format!("{hint}Name one that the API publishes, of the right kind; some clouds lack some permissions.");
    obstacle(permission, ErrorCode::UnknownPermission, text, remedy)
}

fn name_of(api: AppId) -> String {
    permission::well_known_name(api).map_or_else(|| api.to_string(), |name| format!("{name} ({api})"))
}

/// Reports the permissions whose id differs in this tenant from the one that is known.
pub(super) fn report_corrections(state: &mut ApplyState<'_>) {
    let differs = |it: &&Resolved| it.permission.id().is_some_and(|id| id != it.id);
    let texts = state.observed.permissions.iter().filter(differs).map(|it| {
        let known = it.permission.id().map(|id| id.to_string()).unwrap_or_default();
        format!("{} has the id {} in this tenant, not {known}", it.permission, it.id)
    });
    state.report.corrections = texts.collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::microsoft_graph::{application, delegated};

    const API: AppId = AppId::from_u128(42);

    fn found(permission: &Permission, published: &[(u128, &str)]) -> Result<(u128, String), ErrorCode> {
        let published: Vec<_> =
            published.iter().map(|(id, value)| (PermissionId::from_u128(*id), (*value).into())).collect();
        let found = find(permission, &published).map_err(|obstacle| obstacle.code)?;
        Ok((found.id.as_uuid().as_u128(), found.permission.name().unwrap_or_default().to_owned()))
    }

    #[test]
    fn name_and_id_must_agree_in_the_tenant() {
        let kind = PermissionKind::Application;
        let id = |api, id| Permission::by_id(api, PermissionId::from_u128(id), kind);
        let name = |name| Permission::by_name(API, name, kind).unwrap();
        let both = |number, name| id(API, number).named(name).unwrap();
        let things = [(7, "Things.Read"), (8, "Things.Write")];
        let ok = |number, name: &str| Ok((number, name.to_owned()));
        for (permission, expected) in [
            (name("Things.Read"), ok(7, "Things.Read")),
            (name("things.read"), Err(ErrorCode::UnknownPermission)),
            (id(API, 8), ok(8, "Things.Write")),
            (id(API, 9), Err(ErrorCode::UnknownPermission)),
            (both(7, "Things.Read"), ok(7, "Things.Read")),
            (both(8, "Things.Read"), Err(ErrorCode::PermissionMismatch)),
            (both(8, "Things.ReAd"), Err(ErrorCode::PermissionMismatch)),
            (both(9, "Things.Read"), Err(ErrorCode::PermissionMismatch)),
            (both(9, "Things.Raed"), Err(ErrorCode::UnknownPermission)),
            // Newer than the catalogue.
            (id(MICROSOFT_GRAPH, 7).named("Things.Read").unwrap(), ok(7, "Things.Read")),
            (id(MICROSOFT_GRAPH, 8).named("Things.ReAd").unwrap(), Err(ErrorCode::PermissionMismatch)),
        ] {
            assert_eq!(found(&permission, &things), expected, "{permission:?}");
        }
    }

    #[test]
    fn what_the_catalogue_knows_is_what_the_tenant_knows() {
        let read = application::DIRECTORY_READ_ALL;
        let id = read.id().unwrap().as_uuid().as_u128();
        let ok = |number| Ok((number, "Directory.Read.All".to_owned()));
        assert_eq!(found(&read, &[(id, "Directory.Read.All")]), ok(id));
        assert_eq!(found(&read, &[(5, "directory.read.all")]), ok(5), "an id of its own, as in another cloud");
        assert_eq!(found(&read, &[(id, "Directory.Newer.All")]), Err(ErrorCode::PermissionMismatch));
        assert_eq!(found(&read, &[(5, "User.Read.All")]), Err(ErrorCode::PermissionNotInTenant));
        let renamed = delegated::CLOUD_APP_DISC_READ_ALL;
        let id = renamed.id().unwrap().as_uuid().as_u128();
        assert_eq!(found(&renamed, &[(id, "CloudApp-Discovery.Read.All")]).unwrap().0, id);
    }

    #[test]
    fn an_id_whose_name_is_of_high_privilege_in_the_tenant_is_judged_by_it() {
        let kind = PermissionKind::Application;
        let id = PermissionId::from_u128(7);
        let nameless = Permission::by_id(MICROSOFT_GRAPH, id, kind);
        let takeover = find(&nameless, &[(id, "RoleManagement.ReadWrite.Directory".into())]).unwrap();
        let known = application::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY;
        assert_eq!(takeover.review_reason(), known.high_privilege());
        // A harmless name, whose id in this tenant is another's.
        let disguised =
            find(&application::DIRECTORY_READ_ALL, &[(known.id().unwrap(), "Directory.Read.All".into())]).unwrap();
        assert_eq!(disguised.review_reason(), known.high_privilege());
    }
}
