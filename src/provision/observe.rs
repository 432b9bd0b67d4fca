//! Observing the tenant: reads only, in two round trips at most.

use crate::api::{DeletedKind, UniqueName};
use crate::client::Client;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, ApplicationId, TenantId};
use crate::model::ApplicationProperty;
use crate::model::query::Filter;
use crate::permission::{self, Permission};
use crate::provision::collections::{self, COLLECTIONS};
use crate::provision::identity::check_adopted;
use crate::provision::observed::{DeletedHolder, Observed, Resolved, Resource, SameName, with_ids};
use crate::provision::plan_options::PlanOptions;
use crate::provision::published::{PUBLISHED, correct_ids, find_published, resolve_without_tenant};
use crate::provision::registration::AppRegistration;
use crate::provision::replicas::wait_for_replicas;
use crate::provision::settings::SETTINGS;
use crate::retry::READ_LAG;

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
        if is_settled(client, registration, &observed, attempts).await? {
            return Ok(observed);
        }
    }
}

/// Observes an application that was there `earlier` again, with what belongs to it, in one round trip; `None` where it is
/// gone.
pub(super) async fn observe_application_settled(
    client: &Client,
    registration: &AppRegistration,
    earlier: &Observed,
) -> Result<Option<Observed>, Error> {
    let Some(ids) = earlier.application.as_ref().and_then(|app| Some((app.id?, app.app_id?))) else { return Ok(None) };
    let mut attempts = 0;
    loop {
        attempts += 1;
        let Some(observed) = observe_application(client, ids, earlier).await? else { return Ok(None) };
        if is_settled(client, registration, &observed, attempts).await? {
            return Ok(Some(observed));
        }
    }
}

/// Whether what was observed holds all that this client wrote a moment ago; waits where it does not.
async fn is_settled(
    client: &Client,
    registration: &AppRegistration,
    observed: &Observed,
    attempts: u32,
) -> Result<bool, Error> {
    let key = cache_key(observed.tenant, registration);
    let Some((at, written)) = client.observations().get::<Observed>(&key) else { return Ok(true) };
    let age = client.clock().monotonic().saturating_sub(at);
    if age > READ_LAG {
        client.observations().remove(&key);
        return Ok(true);
    }
    // Remembered until reads no longer lag: the next one may be of another replica.
    if observed.has_all_of(&written) {
        return Ok(true);
    }
    wait_for_replicas(client, "GET /applications/{id}", attempts).await?;
    Ok(false)
}

/// Reads an application and what belongs to it: one batch.
async fn observe_application(
    client: &Client,
    (id, app_id): (ApplicationId, AppId),
    earlier: &Observed,
) -> Result<Option<Observed>, Error> {
    let mut batch = client.batch();
    let application = batch.add(client.applications().find_selecting(id, &application_properties()));
    let reads = collections::reads(client, app_id, &mut batch);
    let mut responses = batch.send().await?;
    let Some(application) = responses.take(application)? else { return Ok(None) };
    let mut observed = Observed { application: Some(with_ids(application)?), ..earlier.clone() };
    for read in reads {
        read.take(&mut responses, &mut observed).await?;
    }
    Ok(Some(observed))
}

/// What is read of an application: its ids and its age, and what the rooms select.
fn application_properties() -> Vec<&'static str> {
    let mut properties = vec!["id", "appId", "uniqueName", "createdDateTime"];
    let selected = SETTINGS.iter().map(|setting| setting.select());
    for name in selected.chain(COLLECTIONS.iter().map(|collection| collection.select())).flatten() {
        if !properties.contains(name) {
            properties.push(name);
        }
    }
    properties
}

/// Reads everything that a plan depends on: one batch, and another for an application that is there.
async fn observe(client: &Client, registration: &AppRegistration, options: &PlanOptions) -> Result<Observed, Error> {
    let tenant = client.tenant_id().await?;
    let wanted: Vec<&Permission> = registration.wanted_permissions().collect();

    let properties = application_properties();

    let mut batch = client.batch();
    let applications = client.applications();
    let unique_name = UniqueName::new(registration.unique_name.as_str())?;
    let by_unique_name = batch.add(applications.find_selecting(unique_name, &properties));
    let adopted = options.adopt.map(|app_id| batch.add(applications.find_selecting(app_id, &properties)));
    let names = client
        .applications()
        .list()
        .filter(Filter::eq("displayName", registration.display_name.as_str()))
        .select(["id", "appId", "uniqueName"]);
    let same_name = batch.add(names.clone().page());
    let organization = batch.add(client.organization().get());
    let holds_unique_name = Filter::eq(ApplicationProperty::UniqueName, registration.unique_name.as_str());
    let deleted = client.deleted_items().list(DeletedKind::Application).filter(holds_unique_name).select([
        "id",
        "displayName",
        "uniqueName",
    ]);
    let deleted_page = batch.add(deleted.clone().page());
    let mut apis = Vec::new();
    for api in apis_of(&wanted) {
        let by_name = wanted.iter().any(|it| it.api() == api && resolve_without_tenant(it).is_none());
        let select = if by_name { PUBLISHED } else { &["id"] };
        apis.push((api, batch.add(client.service_principals().find_selecting(api, select))));
    }
    let mut responses = batch.send().await?;

    let by_unique_name = responses.take(by_unique_name)?;
    let adopted = adopted.map(|handle| responses.take(handle)).transpose()?;
    let application = match (options.adopt, adopted) {
        (Some(app_id), Some(adopted)) => Some(check_adopted(registration, app_id, by_unique_name, adopted)?),
        _ => by_unique_name,
    };
    let application = application.map(with_ids).transpose()?;
    let own = application.as_ref().and_then(|app| app.id);
    let same_name = names.rest_of(responses.take(same_name)?).await?;
    let mut same_name: Vec<SameName> = same_name
        .into_iter()
        .filter_map(|app| Some(SameName { id: app.id?, app_id: app.app_id?, unique_name: app.unique_name }))
        .filter(|app| Some(app.id) != own)
        .collect();
    same_name.sort_by_key(|app| app.id);
    // Who may not read what was deleted learns of it when Entra refuses the name.
    let deleted = match responses.take(deleted_page) {
        Ok(page) => deleted.rest_of(page).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let deleted_holder = deleted.into_iter().find_map(|item| DeletedHolder::of(item, &registration.unique_name));
    // The tenant's name is for show only.
    let tenant_name = responses.take(organization).ok().and_then(|organization| organization.display_name);
    let mut permissions: Vec<Resolved> = wanted.iter().filter_map(|it| resolve_without_tenant(it)).collect();
    let mut resources = Vec::new();
    for (api, handle) in apis {
        let principal = responses.take(handle)?.ok_or_else(|| api_missing(api))?;
        for permission in wanted.iter().filter(|it| it.api() == api && resolve_without_tenant(it).is_none()) {
            permissions.push(find_published(permission, Some(&principal))?);
        }
        resources.push(Resource { api, principal: principal.id });
    }
    let mut observed = Observed {
        tenant,
        tenant_name,
        application,
        same_name,
        deleted_holder,
        principal: None,
        assignments: Vec::new(),
        grants: Vec::new(),
        resources,
        permissions,
    };
    collections::read(client, &mut observed).await?;
    if let Some(app) = &observed.application {
        correct_ids(client, app, &mut observed.permissions).await?;
    }
    Ok(observed)
}

fn apis_of(wanted: &[&Permission]) -> Vec<AppId> {
    let mut apis: Vec<AppId> = wanted.iter().map(|permission| permission.api()).collect();
    apis.sort();
    apis.dedup();
    apis
}

fn api_missing(api: AppId) -> Error {
    let name = permission::well_known_name(api).map_or_else(|| api.to_string(), |name| format!("{name} ({api})"));
    Error::new(ErrorCode::ApiNotInTenant).with_message(format!("the tenant has no service principal of {name}"))
}
