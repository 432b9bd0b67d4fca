//! Observing the tenant: reads only, in two round trips at most.

use time::OffsetDateTime;

use crate::api::{DeletedKind, List, Page, ServicePrincipalKey, UniqueName};
use crate::client::{Batch, BatchHandle, BatchResponse, Client};
use crate::error::Error;
use crate::ids::{AppId, ApplicationId, TenantId};
use crate::model::query::Filter;
use crate::model::{AppRoleAssignment, Application, ApplicationProperty, DeletedItem, Organization, PublishedApi};
use crate::provision::collections::{self, COLLECTIONS, TakeRead};
use crate::provision::observed::{DeletedHolder, ForeignApp, Observed, Resolved, Resource, SameName, with_ids};
use crate::provision::permission_entry::Place;
use crate::provision::plan_options::{Installed, PlanOptions, Removal};
use crate::provision::policies::{PolicyReads, read_audiences};
use crate::provision::published::{Wanted, select};
use crate::provision::registration::AppRegistration;
use crate::provision::replicas::wait_for_replicas;
use crate::provision::settings::SETTINGS;
use crate::provision::step::Change;
use crate::retry::READ_LAG;

/// The name by which a client remembers a registration in a tenant, and lets one run at a time write it.
pub(super) fn cache_key(tenant: TenantId, registration: &AppRegistration, options: &PlanOptions) -> String {
    match &options.installed {
        Some(installed) => format!("{tenant}/service principal/{}", installed.principal.id()),
        None => format!("{tenant}/{}", registration.unique_name),
    }
}

/// What a client has written of a registration a moment ago: what was there then, and the changes that it made.
pub(super) struct Written {
    pub(super) observed: Observed,
    pub(super) changes: Vec<Change>,
}

/// Observes the tenant once its replicas know what this client wrote a moment ago.
///
/// A list right after a write can lag; what this client wrote is waited for, and never written twice. What was observed
/// comes with the moment at which its reads began: they may take long, and it is as old as the first of them.
pub(super) async fn observe_settled(
    client: &Client,
    registration: &AppRegistration,
    options: &PlanOptions,
) -> Result<(Observed, OffsetDateTime), Error> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let began = client.clock().now();
        let observed = match &options.installed {
            Some(installed) => {
                let Installed { principal, removal, .. } = *installed;
                let read = || Box::pin(observe_installed(client, registration, &[], principal, removal));
                let observed = read().await?;
                match observed.principal.is_none() && removal.is_some() {
                    // One replica that lags must not make a removal look done.
                    true => read().await?,
                    false => observed,
                }
            }
            None => Box::pin(observe(client, registration, options)).await?,
        };
        if is_settled(client, &cache_key(observed.tenant, registration, options), &observed, attempts).await? {
            return Ok((observed, began));
        }
    }
}

/// Observes an application that was there `earlier` again, with what belongs to it, in one round trip; `None` where it is
/// gone.
pub(super) async fn observe_application_settled(
    client: &Client,
    registration: &AppRegistration,
    options: &PlanOptions,
    earlier: &Observed,
) -> Result<Option<Observed>, Error> {
    let Some(ids) = earlier.application.as_ref().and_then(|app| Some((app.id?, app.app_id?))) else { return Ok(None) };
    let mut attempts = 0;
    loop {
        attempts += 1;
        let Some(observed) = observe_application(client, ids, earlier).await? else { return Ok(None) };
        if is_settled(client, &cache_key(observed.tenant, registration, options), &observed, attempts).await? {
            return Ok(Some(observed));
        }
    }
}

/// Whether what was observed holds all that this client wrote a moment ago; waits where it does not.
pub(super) async fn is_settled(client: &Client, key: &str, observed: &Observed, attempts: u32) -> Result<bool, Error> {
    let Some((at, written)) = client.observations().get::<Written>(key) else { return Ok(true) };
    let age = client.clock().monotonic().saturating_sub(at);
    if age > READ_LAG {
        client.observations().remove(key);
        return Ok(true);
    }
    // Remembered until reads no longer lag: the next one may be of another replica.
    if observed.has_all_of(&written.observed) {
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
    let reads = collections::reads(client, app_id.into(), true, &mut batch);
    let mut responses = batch.send().await?;
    let Some(application) = responses.take(application)? else { return Ok(None) };
    let mut observed = Observed { application: Some(as_selected(application)?), ..earlier.clone() };
    for read in reads {
        read.take(&mut responses, &mut observed).await?;
    }
    Ok(Some(observed))
}

/// The paths of the members that the rooms select.
fn selected() -> impl Iterator<Item = &'static str> {
    let settings = SETTINGS.iter().flat_map(|setting| setting.select());
    settings.chain(COLLECTIONS.iter().flat_map(|collection| collection.select())).copied()
}

/// What is read of an application: its ids and its age, and what the rooms select.
fn application_properties() -> Vec<&'static str> {
    let mut properties = vec!["id", "appId", "uniqueName", "createdDateTime"];
    for path in selected() {
        let name = path.split_once('/').map_or(path, |(name, _)| name);
        if !properties.contains(&name) {
            properties.push(name);
        }
    }
    properties
}

/// An application must come with its ids, and what was asked for and did not come is not known.
fn as_selected(app: Application) -> Result<Application, Error> {
    let mut app = with_ids(app)?;
    selected().for_each(|path| app.was_asked_for(path));
    Ok(app)
}

/// Reads everything that a plan depends on: one batch, and another for an application that is there.
async fn observe(client: &Client, registration: &AppRegistration, options: &PlanOptions) -> Result<Observed, Error> {
    let tenant = client.tenant_id().await?;
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
    let apis = ApiReads::new(client, registration, Place::OwnTenant, &[], &mut batch);
    let principals = client
        .service_principals()
        .list()
        .filter(Filter::eq("displayName", registration.display_name.as_str()))
        .select(["appId", "appOwnerOrganizationId"]);
    let same_name_here = batch.add(principals.clone().page());
    let policies = PolicyReads::new(client, registration, options, &mut batch).await?;
    let mut responses = batch.send().await?;

    let by_unique_name = responses.take(by_unique_name)?;
    let adopted = adopted.map(|handle| responses.take(handle)).transpose()?;
    let (application, holder) = match adopted {
        Some(adopted) => (adopted, by_unique_name),
        None => (by_unique_name, None),
    };
    let is_other = |holder: &Application| application.as_ref().is_some_and(|adopted| adopted.id != holder.id);
    let name_holder = holder.filter(is_other).and_then(|holder| holder.app_id);
    let application = application.map(as_selected).transpose()?;
    let own = application.as_ref().and_then(|app| app.id);
    let same_name = names.rest_of(responses.take(same_name)?).await?;
    let mut same_name: Vec<SameName> = same_name
        .into_iter()
        .filter_map(|app| Some(SameName { id: app.id?, app_id: app.app_id?, unique_name: app.unique_name }))
        .filter(|app| Some(app.id) != own)
        .collect();
    same_name.sort_by_key(|app| app.id);
    let principals = principals.rest_of(responses.take(same_name_here)?).await?.into_iter();
    let foreign =
        principals.filter_map(|it| Some(ForeignApp { app_id: it.app_id?, owner: it.app_owner_organization_id? }));
    let mut foreign_apps: Vec<_> = foreign.filter(|it| it.owner != tenant).collect();
    foreign_apps.sort_by_key(|it| it.app_id);
    // Who may not read what was deleted learns of it when Entra refuses the name.
    let deleted = match responses.take(deleted_page) {
        Ok(page) => deleted.rest_of(page).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let deleted_holder = deleted.into_iter().find_map(|item| DeletedHolder::of(item, &registration.unique_name));
    // The tenant's name is for show only.
    let tenant_name = responses.take(organization).ok().and_then(|organization| organization.display_name);
    let mut observed = Observed {
        tenant_name,
        application,
        name_holder,
        same_name,
        foreign_apps,
        deleted_holder,
        ..Observed::nothing_in(tenant)
    };
    apis.take(client, &mut responses, &mut observed)?;
    if let Some(policies) = policies {
        let app = observed.application.as_ref();
        observed.restrictions = policies.take(client, &mut responses, (tenant, app)).await;
        if let Some(restrictions) = &mut observed.restrictions {
            read_audiences(client, registration, observed.application.as_ref(), restrictions).await;
        }
    }
    if let Some(app_id) = observed.app_id() {
        collections::read(client, app_id.into(), true, &mut observed).await?;
    }
    Ok(observed)
}

/// Reads everything that a plan for a service principal depends on whose application is not registered here: one batch.
/// The permissions that are `known` are not looked up among what the tenant publishes.
pub(super) async fn observe_installed(
    client: &Client,
    registration: &AppRegistration,
    known: &[Resolved],
    principal: ServicePrincipalKey,
    removal: Option<Removal>,
) -> Result<Observed, Error> {
    let tenant = client.tenant_id().await?;
    let mut batch = client.batch();
    let reads = InstalledReads::new(client, registration, known, principal, removal, &mut batch);
    let mut responses = batch.send().await?;
    reads.take(client, tenant, &mut responses).await
}

/// The reads of a service principal whose application is not registered here: several fit into one batch.
pub(super) struct InstalledReads<'a> {
    of_principal: Vec<Box<dyn TakeRead>>,
    organization: BatchHandle<Organization>,
    deleted: Option<(BatchHandle<Page<DeletedItem>>, List<DeletedItem>, AppId)>,
    assigned_to: Option<(BatchHandle<Page<AppRoleAssignment>>, List<AppRoleAssignment>)>,
    apis: ApiReads<'a>,
}

impl<'a> InstalledReads<'a> {
    pub(super) fn new(
        client: &Client,
        registration: &'a AppRegistration,
        known: &[Resolved],
        principal: ServicePrincipalKey,
        removal: Option<Removal>,
        batch: &mut Batch,
    ) -> Self {
        let of_principal = collections::reads(client, principal, false, batch);
        let organization = batch.add(client.organization().get());
        let deleted = match principal {
            ServicePrincipalKey::AppId(app_id) => {
                let list = client.deleted_items().list(DeletedKind::ServicePrincipal);
                let list = list.filter(Filter::eq("appId", app_id.to_string())).select(["id", "appId"]);
                Some((batch.add(list.clone().page()), list, app_id))
            }
            ServicePrincipalKey::Id(_) => None,
        };
        let is_deleted = removal.is_some_and(|removal| removal.service_principal);
        let assigned_to = is_deleted.then(|| {
            let list = client.app_role_assignments().list_of_resource(principal);
            (batch.add(list.clone().page()), list)
        });
        let apis = ApiReads::new(client, registration, Place::OtherTenant, known, batch);
        Self { of_principal, organization, deleted, assigned_to, apis }
    }

    pub(super) async fn take(
        self,
        client: &Client,
        tenant: TenantId,
        responses: &mut BatchResponse,
    ) -> Result<Observed, Error> {
        let mut observed = Observed {
            // The tenant's name is for show only.
            tenant_name: responses.take(self.organization).ok().and_then(|organization| organization.display_name),
            ..Observed::nothing_in(tenant)
        };
        self.apis.take(client, responses, &mut observed)?;
        for read in self.of_principal {
            read.take(responses, &mut observed).await?;
        }
        if let Some((page, list)) = self.assigned_to {
            let page = responses.take(page);
            if observed.principal.is_some() {
                observed.assigned_to = list.rest_of(collections::empty_if_not_found(page)?).await?;
            }
        }
        // Who may not read what was deleted is not told of it.
        if let Some((page, list, app_id)) = self.deleted
            && let Ok(page) = responses.take(page)
        {
            let items = list.rest_of(page).await.unwrap_or_default();
            let of_app = items.into_iter().filter(|item| item.app_id == Some(app_id));
            observed.deleted_principals = of_app.filter_map(|item| item.id).collect();
            observed.deleted_principals.sort();
        }
        Ok(observed)
    }
}

/// The permissions that are wanted in other tenants, as far as this one publishes them.
pub(super) async fn published(client: &Client, registration: &AppRegistration) -> Result<Vec<Resolved>, Error> {
    let mut batch = client.batch();
    let apis = ApiReads::new(client, registration, Place::OtherTenant, &[], &mut batch);
    let mut responses = batch.send().await?;
    let mut observed = Observed::nothing_in(client.tenant_id().await?);
    apis.take(client, &mut responses, &mut observed)?;
    Ok(observed.permissions)
}

/// The reads of the APIs whose permissions are wanted.
struct ApiReads<'a> {
    wanted: Vec<Wanted<'a>>,
    apis: Vec<(AppId, BatchHandle<Option<PublishedApi>>)>,
}

impl<'a> ApiReads<'a> {
    fn new(
        client: &Client,
        registration: &'a AppRegistration,
        place: Place,
        known: &[Resolved],
        batch: &mut Batch,
    ) -> Self {
        let wanted = registration.entries_in(place).map(|entry| &entry.permission);
        let wanted: Vec<_> = wanted.map(|it| Wanted::new(client, it, known)).collect();
        let mut apis = Vec::new();
        for api in apis_of(&wanted) {
            let call = client.service_principals().find_published(api, &select(api, &wanted));
            apis.push((api, batch.add(call)));
        }
        Self { wanted, apis }
    }

    /// Looks the wanted permissions up in the responses.
    fn take(self, client: &Client, responses: &mut BatchResponse, observed: &mut Observed) -> Result<(), Error> {
        let Self { wanted, apis } = self;
        let apis: Vec<(AppId, Option<PublishedApi>)> =
            apis.into_iter().map(|(api, handle)| Ok((api, responses.take(handle)?))).collect::<Result<_, Error>>()?;
        let (mut permissions, mut obstacles) = (Vec::new(), Vec::new());
        for wanted in wanted {
            let api = apis.iter().find(|(api, _)| *api == wanted.permission.api());
            match wanted.look_up(client, api.and_then(|(_, published)| published.as_ref())) {
                Ok(resolved) => permissions.push(resolved),
                Err(obstacle) => obstacles.push(obstacle),
            }
        }
        let resource = |(api, published): (AppId, Option<PublishedApi>)| Resource {
            api,
            principal: published.and_then(|published| published.id),
        };
        let resources = apis.into_iter().map(resource).collect();
        (observed.resources, observed.permissions, observed.obstacles) = (resources, permissions, obstacles);
        Ok(())
    }
}

fn apis_of(wanted: &[Wanted<'_>]) -> Vec<AppId> {
    let mut apis: Vec<AppId> = wanted.iter().map(|wanted| wanted.permission.api()).collect();
    apis.sort();
    apis.dedup();
    apis
}
