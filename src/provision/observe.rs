//! Observing the tenant: reads only, in two round trips at most.

use std::time::Duration;

use crate::api::{Page, UniqueName};
use crate::client::{Batch, Client};
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::ids::{AppId, PermissionId, TenantId};
use crate::model;
use crate::model::query::Filter;
use crate::permission::{self, MICROSOFT_GRAPH, Permission, PermissionKind};
use crate::provision::observed::{
    Application, Assignment, DeclaredPermission, Grant, Observed, Principal, Resolved, Resource, SameName, Secret,
};
use crate::provision::plan_options::PlanOptions;
use crate::provision::redirect_uri::{Platform, RedirectUri};
use crate::provision::registration::AppRegistration;
use crate::retry::{Outcome, READ_LAG, Repeat};

/// The name by which a client remembers a registration in a tenant, and lets one run at a time write it.
pub(super) fn cache_key(tenant: TenantId, registration: &AppRegistration) -> String {
    format!("{tenant}/{}", registration.unique_name)
}

/// Observes the tenant once its replicas know what this client wrote a moment ago.
///
/// A list right after a write can lag; what this client wrote is waited for, and never written twice.
pub(super) async fn observe_settled(
    client: &Client,
    registration: &AppRegistration,
    options: &PlanOptions,
) -> Result<Observed, Error> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let observed = observe(client, registration, options).await?;
        let key = cache_key(observed.tenant, registration);
        let Some((at, written)) = client.observations().get::<Observed>(&key) else { return Ok(observed) };
        let age = client.clock().monotonic().saturating_sub(at);
        if age > READ_LAG {
            client.observations().remove(&key);
            return Ok(observed);
        }
        // Remembered until reads no longer lag: the next one may be of another replica.
        if observed.has_all_of(&written) {
            return Ok(observed);
        }
        wait_for_replicas(client, "GET /applications/{id}", attempts).await?;
    }
}

/// Waits for replicas, or ends where the deadline is nearer.
pub(super) async fn wait_for_replicas(client: &Client, operation: &'static str, attempts: u32) -> Result<(), Error> {
    let context = client.context();
    let options = client.options();
    let wait = context
        .policy
        .decide(Repeat::Safe, &Outcome::Lagging, attempts.min(6), Duration::ZERO, context.jitter())
        .filter(|wait| context.ends_in_time(*wait, &options));
    let Some(wait) = wait else {
        return Err(Error::new(ErrorCode::DeadlineExceeded)
            .with_message("the directory's replicas do not show yet what was written")
            .with_remedy("Run it again in a minute: what was done is kept.")
            .during(operation));
    };
    context.wait(operation, &Outcome::Lagging, wait, attempts, &options).await;
    Ok(())
}

/// What is read of an application.
const APPLICATION_PROPERTIES: &[&str] = &[
    "id",
    "appId",
    "uniqueName",
    "displayName",
    "signInAudience",
    "createdDateTime",
    "web",
    "spa",
    "publicClient",
    "isFallbackPublicClient",
    "api",
    "requiredResourceAccess",
    "notes",
    "tags",
    "servicePrincipalLockConfiguration",
    "passwordCredentials",
];

/// Reads everything that a plan depends on: one batch, and another for an application that is there.
pub(super) async fn observe(
    client: &Client,
    registration: &AppRegistration,
    options: &PlanOptions,
) -> Result<Observed, Error> {
    let tenant = client.tenant_id().await?;
    let wanted: Vec<&Permission> = registration.wanted_permissions().collect();
    let mut apis: Vec<AppId> = wanted.iter().map(|permission| permission.api()).collect();
    apis.sort();
    apis.dedup();

    let mut batch = client.batch();
    let applications = client.applications();
    let by_unique_name = batch
        .add(applications.find_selecting(UniqueName::new(registration.unique_name.as_str())?, APPLICATION_PROPERTIES));
    let adopted = options.adopt.map(|app_id| batch.add(applications.find_selecting(app_id, APPLICATION_PROPERTIES)));
    let names = applications.list().filter(Filter::eq("displayName", registration.display_name.as_str())).select([
        "id",
        "appId",
        "uniqueName",
    ]);
    let same_name = batch.add(names.clone().page());
    let organization = batch.add(client.organization().get());
    let mut resources = Vec::new();
    for api in apis {
        let by_name = wanted.iter().any(|permission| permission.api() == api && !is_resolved(permission));
        let select: &[&str] = if by_name { &["id", "appRoles", "oauth2PermissionScopes"] } else { &["id"] };
        resources.push((api, batch.add(client.service_principals().find_selecting(api, select))));
    }
    let mut responses = batch.send().await?;

    let by_unique_name = responses.take(by_unique_name)?;
    let adopted = adopted.map(|handle| responses.take(handle)).transpose()?;
    let application = match (options.adopt, adopted) {
        (Some(app_id), Some(adopted)) => Some(check_adopted(registration, app_id, by_unique_name, adopted)?),
        _ => by_unique_name,
    };
    let same_name = names.rest_of(responses.take(same_name)?).await?;
    let tenant_name = match responses.take(organization) {
        Ok(organization) => organization.display_name,
        // The tenant's name is for show only.
        Err(_) => None,
    };
    let mut permissions: Vec<Resolved> =
        wanted.iter().filter_map(|permission| resolve_without_tenant(permission)).collect();
    let mut observed_resources = Vec::new();
    for (api, handle) in resources {
        let principal = responses.take(handle)?;
        if principal.is_none() {
            return Err(api_missing(api));
        }
        for permission in wanted.iter().filter(|permission| permission.api() == api && !is_resolved(permission)) {
            permissions.push(find_published(permission, principal.as_ref())?);
        }
        observed_resources.push(Resource { api, principal: principal.and_then(|principal| principal.id) });
    }
    let application = application.map(read_application).transpose()?;
    let principal = match &application {
        Some(app) => read_principal(client, app.app_id).await?,
        None => None,
    };
    if let Some(app) = &application {
        correct_ids(client, app, &mut permissions).await?;
    }
    let own = application.as_ref().map(|app| app.id);
    let mut same_name: Vec<SameName> = same_name
        .into_iter()
        .filter_map(|app| Some(SameName { id: app.id?, app_id: app.app_id?, unique_name: app.unique_name }))
        .filter(|app| Some(app.id) != own)
        .collect();
    same_name.sort_by_key(|app| app.id);
    Ok(Observed { tenant, tenant_name, application, same_name, principal, resources: observed_resources, permissions })
}

/// The application that the caller adopts, if it can be the one that is meant.
fn check_adopted(
    registration: &AppRegistration,
    app_id: AppId,
    by_unique_name: Option<model::Application>,
    adopted: Option<model::Application>,
) -> Result<model::Application, Error> {
    let Some(adopted) = adopted else {
        return Err(Error::new(ErrorCode::AdoptedAppNotFound)
            .with_message(format!("there is no application with the client id {app_id}")));
    };
    let conflict = |text: String| Error::new(ErrorCode::AdoptionConflict).with_message(text);
    if let Some(holder) = by_unique_name.filter(|holder| holder.id != adopted.id) {
        let holder = holder.app_id.map(|id| id.to_string()).unwrap_or_default();
        return Err(conflict(format!(
            "the unique name {} belongs to another application, client id {holder}",
            registration.unique_name
        )));
    }
    match &adopted.unique_name {
        Some(name) if *name != registration.unique_name => Err(conflict(format!(
            "the application {app_id} has the unique name {name} already, and a unique name cannot be changed"
        ))),
        _ => Ok(adopted),
    }
}

fn api_missing(api: AppId) -> Error {
    let name = permission::well_known_name(api).map_or_else(|| api.to_string(), |name| format!("{name} ({api})"));
    Error::new(ErrorCode::ApiNotInTenant).with_message(format!("the tenant has no service principal of {name}"))
}

/// Whether id and name are known without asking the tenant.
fn is_resolved(permission: &Permission) -> bool {
    resolve_without_tenant(permission).is_some()
}

fn resolve_without_tenant(permission: &Permission) -> Option<Resolved> {
    let id = permission.id()?;
    let value = permission.name().map(str::to_owned);
    // A role is granted by its id; a scope by its name.
    if value.is_none() && permission.kind() == PermissionKind::Delegated {
        return None;
    }
    Some(Resolved { permission: permission.clone(), id, value })
}

/// Reads the permissions that an API publishes in this tenant. Of Microsoft Graph it is 0.8 MB.
pub(super) async fn read_published(client: &Client, api: AppId) -> Result<Option<model::ServicePrincipal>, Error> {
    client.service_principals().find_selecting(api, &["id", "appRoles", "oauth2PermissionScopes"]).await
}

/// Corrects the ids of permissions that have others in this tenant than in the catalogue: where the application
/// declares what the catalogue does not know, those that are not declared by their id are looked up by their name.
async fn correct_ids(client: &Client, app: &Application, permissions: &mut [Resolved]) -> Result<(), Error> {
    let kind = |declared: &DeclaredPermission| PermissionKind::from_resource_access_type(&declared.access_type);
    let unknown = app.declared.iter().any(|declared| {
        declared.api == MICROSOFT_GRAPH
            && kind(declared).is_some_and(|kind| permission::find_by_id(declared.id, kind).is_none())
    });
    let missing = |resolved: &Resolved| {
        resolved.permission.api() == MICROSOFT_GRAPH && !app.declared.contains(&resolved.declared())
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

/// A longer name of a permission is not compared with others, in bytes.
const MAX_PERMISSION_NAME_LENGTH: usize = 256;

/// Finds a permission among those that an API publishes in this tenant.
pub(super) fn find_published(
    permission: &Permission,
    api: Option<&model::ServicePrincipal>,
) -> Result<Resolved, Error> {
    let published: Vec<(PermissionId, String)> = match (api, permission.kind()) {
        (None, _) => Vec::new(),
        (Some(api), PermissionKind::Application) => {
            let for_apps = |role: &&model::AppRole| role.allowed_member_types.iter().any(|kind| kind == "Application");
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

/// Reads the service principal of an app and what it was granted, in one batch.
pub(super) async fn read_principal(client: &Client, app_id: AppId) -> Result<Option<Principal>, Error> {
    let mut batch: Batch = client.batch();
    let principal = batch.add(client.service_principals().find_selecting(app_id, &["id", "tags", "accountEnabled"]));
    let assigned = client.app_role_assignments().list_held_by(app_id);
    let roles = batch.add(assigned.clone().page());
    let granted = client.oauth2_permission_grants().list_held_by(app_id);
    let scopes = batch.add(granted.clone().page());
    let mut responses = batch.send().await?;
    let principal = responses.take(principal)?;
    let (roles, scopes) = (responses.take(roles), responses.take(scopes));
    let Some(principal) = principal else { return Ok(None) };
    let Some(id) = principal.id else { return Ok(None) };
    let roles = assigned.rest_of(empty_if_not_found(roles)?).await?;
    let scopes = granted.rest_of(empty_if_not_found(scopes)?).await?;
    let mut observed = Principal {
        id,
        tags: principal.tags,
        enabled: principal.account_enabled != Some(false),
        assignments: roles.into_iter().filter_map(read_assignment).collect(),
        grants: scopes.into_iter().filter_map(read_grant).collect(),
    };
    observed.tags.sort();
    observed.assignments.sort_by_key(|assignment| (assignment.resource, assignment.role));
    observed.grants.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Some(observed))
}

/// The page, or an empty one: a replica that knows the principal may not know its lists yet.
fn empty_if_not_found<T>(page: Result<Page<T>, Error>) -> Result<Page<T>, Error> {
    match page {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Page::empty()),
        page => page,
    }
}

pub(super) fn read_assignment(assignment: model::AppRoleAssignment) -> Option<Assignment> {
    Some(Assignment {
        id: assignment.id,
        resource: assignment.resource_id?,
        resource_name: assignment.resource_display_name,
        role: assignment.app_role_id?,
    })
}

pub(super) fn read_grant(grant: model::OAuth2PermissionGrant) -> Option<Grant> {
    let mut scopes: Vec<String> = grant.scopes().map(str::to_owned).collect();
    scopes.sort();
    scopes.dedup();
    Some(Grant {
        id: grant.id?,
        resource: grant.resource_id?,
        single_user: grant.consent_type == Some(model::ConsentType::Principal),
        scopes,
    })
}

/// What of an application matters to a registration, sorted: the service keeps no order.
pub(super) fn read_application(app: model::Application) -> Result<Application, Error> {
    let (Some(id), Some(app_id)) = (app.id, app.app_id) else {
        return Err(Error::new(ErrorCode::UnexpectedResponse)
            .with_message("the application came without its ids")
            .with_remedy("Run it again; check that no proxy answers in Graph's place."));
    };
    let web = app.web.unwrap_or_default();
    let on = |platform, uris: Vec<String>| uris.into_iter().map(move |uri| RedirectUri::new(platform, uri));
    let mut redirect_uris: Vec<RedirectUri> = on(Platform::Web, web.redirect_uris)
        .chain(on(Platform::Spa, app.spa.unwrap_or_default().redirect_uris))
        .chain(on(Platform::PublicClient, app.public_client.unwrap_or_default().redirect_uris))
        .collect();
    redirect_uris.sort();
    let mut declared: Vec<DeclaredPermission> = app
        .required_resource_access
        .into_iter()
        .filter_map(|api| Some((api.resource_app_id?, api.resource_access)))
        .flat_map(|(api, accesses)| {
            accesses.into_iter().filter_map(move |access| {
                Some(DeclaredPermission { api, id: access.id?, access_type: access.kind?.as_str().to_owned() })
            })
        })
        .collect();
    declared.sort();
    let mut secrets: Vec<Secret> = app
        .password_credentials
        .into_iter()
        .filter_map(|secret| {
            Some(Secret { key_id: secret.key_id?, name: secret.display_name, end: secret.end_date_time })
        })
        .collect();
    secrets.sort_by_key(|secret| secret.key_id);
    let mut tags = app.tags;
    tags.sort();
    let lock = app.service_principal_lock_configuration.unwrap_or_default();
    Ok(Application {
        id,
        app_id,
        unique_name: app.unique_name,
        display_name: app.display_name.unwrap_or_default(),
        audience: app.sign_in_audience.unwrap_or_else(|| model::SignInAudience::Other(String::new())),
        created: app.created_date_time,
        redirect_uris,
        public_client_flows: app.is_fallback_public_client,
        token_version: app.api.and_then(|api| api.requested_access_token_version),
        declared,
        notes: app.notes,
        tags,
        homepage: web.home_page_url,
        logout_url: web.logout_url,
        property_lock: lock.is_enabled == Some(true) && lock.all_properties == Some(true),
        secrets,
    })
}
