//! The delegated permissions that are granted for the whole tenant: OAuth2 permission grants of the service principal.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::api::{List, Page, ServicePrincipalKey};
use crate::client::{Batch, BatchHandle, BatchResponse, Client};
use crate::consent::ConsentApp;
use crate::directory_role::DirectoryRole;
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::ids::{AppId, OAuth2PermissionGrantId, ServicePrincipalId, TenantId};
use crate::model::{Application, NewOAuth2PermissionGrant, OAuth2PermissionGrant, OAuth2PermissionGrantPatch};
use crate::permission::PermissionKind;
use crate::provision::apply_state::ApplyState;
use crate::provision::caller_permissions::is_graph;
use crate::provision::collections::role_assignments::{
    UNDECLARED, granted_steps, is_role_granted, roles_after_removal, surplus_step,
};
use crate::provision::collections::{self, Collection, Phase, TakeRead, TakeResponse, empty_if_not_found};
use crate::provision::comparison::{Comparison, grant_step, permission_step};
use crate::provision::observed::{Observed, Resolved, is_of_single_user, is_tenant_wide, scopes_of, shown};
use crate::provision::plan_options::Installed;
use crate::provision::replicas::wait_for_replicas;
use crate::provision::report::OpenItem;
use crate::provision::step::{Action, Step, StepKind};

impl StepKind {
    /// Delegated permissions that single users granted for themselves.
    pub const USER_GRANTS: Self = Self::new("user_grants");
}

pub(super) struct PermissionGrants;

/// The delegated permissions of one API: what is granted, and what is to be.
struct Scopes<'a> {
    api: AppId,
    resource: ServicePrincipalId,
    grant: Option<&'a OAuth2PermissionGrant>,
    granted: Vec<String>,
    /// What is named, and what of it is to be granted: without what is left out in this tenant.
    named: Vec<&'a str>,
    to_grant: Vec<&'a str>,
}

#[async_trait]
impl Collection for PermissionGrants {
    fn read(&self, client: &Client, principal: ServicePrincipalKey, batch: &mut Batch) -> Option<Box<dyn TakeRead>> {
        let list = client.oauth2_permission_grants().list_held_by(principal);
        Some(Box::new(Read(batch.add(list.clone().page()), list)))
    }

    fn unreadable(&self, observed: &Observed) -> Option<&'static str> {
        let members = ["id", "resourceId", "scope"];
        let is_unreadable = |grant: &OAuth2PermissionGrant| {
            let is_for_somebody = is_tenant_wide(grant) || is_of_single_user(grant);
            !is_for_somebody || members.iter().any(|member| grant.is_unreadable(member))
        };
        observed.grants.iter().any(is_unreadable).then_some("oauth2PermissionGrants")
    }

    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>) {
        steps.extend(granted_steps(it, PermissionKind::Delegated, is_granted));
        for Scopes { api, granted, named, .. } in named_apis(it) {
            for scope in granted.iter().filter(|scope| !has_scope(&named, scope)) {
                let id = permission_step(StepKind::SURPLUS_GRANT, scope, PermissionKind::Delegated, Some(api));
                steps.push(surplus_step(it, id, &format!("granted delegated permission {scope}")));
            }
        }
        for grant in grants_of_other_apis(it.observed) {
            for scope in scopes_of(grant) {
                let api = shown(grant.resource_id.as_ref());
                let kind = PermissionKind::Delegated;
                let id = grant_step(StepKind::SURPLUS_GRANT, &scope, kind, None, grant.resource_id);
                steps.push(surplus_step(it, id, &format!("granted delegated permission {scope} of the API {api}")));
            }
        }
        let by_users = it.observed.grants.iter().filter(|grant| is_of_single_user(grant)).count();
        if by_users > 0 && it.registration.admin_consent {
            let text = format!("{by_users} grants of delegated permissions by single users");
            steps.push(Step::new(StepKind::USER_GRANTS, Action::LeftAlone).plan(text));
        }
    }

    fn facts(&self, observed: &Observed) -> BTreeSet<String> {
        let of_grant = |grant: &OAuth2PermissionGrant| {
            let whose = if is_of_single_user(grant) { "one user" } else { "all" };
            let (id, resource) = (shown(grant.id.as_ref()), shown(grant.resource_id.as_ref()));
            scopes_of(grant)
                .into_iter()
                .map(move |scope| format!("granted scope {scope} of {resource} to {whose}, {id}"))
        };
        observed.grants.iter().flat_map(of_grant).collect()
    }

    fn phase(&self) -> Phase {
        Phase::Grants
    }

    fn requests(&self, state: &ApplyState<'_>, batch: &mut Batch) -> Result<Vec<Box<dyn TakeResponse>>, Error> {
        let mut requests: Vec<Box<dyn TakeResponse>> = Vec::new();
        let Some(principal) = state.grantee() else { return Ok(requests) };
        let it = state.comparison();
        let api = state.client.oauth2_permission_grants();
        let mut delete = |batch: &mut Batch, id: OAuth2PermissionGrantId, of: Api, scopes: Vec<String>| {
            let handle = batch.add(api.delete(&id).fresh_until(state.fresh_until));
            requests.push(Box::new(Deleted { handle, id, of, scopes }) as Box<dyn TakeResponse>);
        };
        let (surplus, removal) = (it.removes_surplus(), it.options.removal().is_some());
        for grant in grants_of_other_apis(&state.observed).filter(|_| surplus) {
            if let Some(id) = &grant.id {
                delete(batch, id.clone(), Api { id: None, resource: grant.resource_id }, scopes_of(grant));
            }
        }
        let mut changes = Vec::new();
        for scopes in named_apis(&it) {
            let wanted = scopes.wanted(surplus, removal);
            match scopes.grant.and_then(|grant| grant.id.clone()) {
                _ if wanted == scopes.granted => {}
                // A grant of nothing is refused: it is taken away.
                Some(id) if wanted.is_empty() => delete(batch, id, Api::named(scopes.api), scopes.granted),
                id => changes.push((id, scopes.api, scopes.resource, wanted, scopes.granted)),
            }
        }
        for (id, of, resource, wanted, granted) in changes {
            requests.push(match id {
                Some(id) => {
                    let update = api.update(&id, &OAuth2PermissionGrantPatch::new().scopes(&wanted));
                    let handle = batch.add(update.fresh_until(state.fresh_until));
                    Box::new(Updated { handle, id, of, wanted, before: granted })
                }
                None => {
                    let new = NewOAuth2PermissionGrant::for_all_principals(principal, resource, &wanted);
                    let handle = batch.add(api.create(&new).repeatable());
                    Box::new(Created { handle, of, wanted })
                }
            });
        }
        Ok(requests)
    }

    /// Reads the grants again after one was in the way, or gone.
    async fn settle(&self, state: &mut ApplyState<'_>, round: u32) -> Result<(), Error> {
        if !std::mem::take(&mut state.grants_in_doubt) {
            return Ok(());
        }
        let before = self.facts(&state.observed);
        let mut again = state.observed.clone();
        let Some(principal) = state.comparison().principal_key() else { return Ok(()) };
        collections::read(&state.client, principal, state.options.installed.is_none(), &mut again).await?;
        if again.principal.is_none() {
            return Ok(());
        }
        if before == self.facts(&again) {
            wait_for_replicas(&state.client, "GET /servicePrincipals/{id}/oauth2PermissionGrants", round).await?;
        }
        state.observed.grants = again.grants;
        Ok(())
    }
}

impl Scopes<'_> {
    /// The whole list that is to be granted; where what is named is removed, the rest of it.
    fn wanted(&self, remove_surplus: bool, remove_named: bool) -> Vec<String> {
        let mut scopes = self.granted.clone();
        scopes.retain(|scope| match has_scope(&self.named, scope) {
            true => !remove_named,
            false => !remove_surplus,
        });
        if remove_named {
            return scopes;
        }
        scopes.extend(
            self.to_grant.iter().filter(|scope| !has_scope(&self.granted, scope)).map(|scope| (*scope).to_owned()),
        );
        scopes.sort();
        scopes.dedup();
        scopes
    }
}

/// What is granted and named on each API of which something is named.
fn named_apis<'a>(it: &Comparison<'a>) -> Vec<Scopes<'a>> {
    let (all_named, all_to_grant) = (it.permissions(), it.permissions_to_grant());
    let of_api = |api: AppId, resource: ServicePrincipalId| {
        let is_of_api =
            |it: &&&Resolved| it.permission.api() == api && it.permission.kind() == PermissionKind::Delegated;
        let scopes = |all: &[&'a Resolved]| -> Vec<&'a str> {
            all.iter().filter(is_of_api).filter_map(|resolved| resolved.value.as_deref()).collect()
        };
        let grant = it.observed.tenant_wide_grant(resource).filter(|_| it.observed.principal.is_some());
        let granted = grant.map(scopes_of).unwrap_or_default();
        Scopes { api, resource, grant, granted, named: scopes(&all_named), to_grant: scopes(&all_to_grant) }
    };
    let known = it.observed.resources.iter().filter_map(|known| Some((known.api, known.principal?)));
    known.map(|(api, resource)| of_api(api, resource)).collect()
}

/// The grants for all users on APIs of which nothing is named.
fn grants_of_other_apis(observed: &Observed) -> impl Iterator<Item = &OAuth2PermissionGrant> {
    let is_named =
        |grant: &OAuth2PermissionGrant| grant.resource_id.and_then(|resource| observed.api(resource)).is_some();
    observed.grants.iter().filter(move |grant| is_tenant_wide(grant) && !is_named(grant))
}

fn is_granted(observed: &Observed, resolved: &Resolved) -> bool {
    let Some(resource) = observed.resource(resolved.permission.api()) else { return false };
    observed.principal.is_some()
        && observed.tenant_wide_grant(resource).is_some_and(|grant| {
            let scopes = scopes_of(grant);
            resolved.value.as_ref().is_some_and(|scope| has_scope(&scopes, scope))
        })
}

/// Whether a scope is among these; capitals do not matter.
fn has_scope(scopes: &[impl AsRef<str>], scope: &str) -> bool {
    scopes.iter().any(|other| other.as_ref().eq_ignore_ascii_case(scope))
}

struct Read(BatchHandle<Page<OAuth2PermissionGrant>>, List<OAuth2PermissionGrant>);

#[async_trait]
impl TakeRead for Read {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, observed: &mut Observed) -> Result<(), Error> {
        let page = responses.take(self.0);
        observed.grants = match observed.principal {
            Some(_) => self.1.rest_of(empty_if_not_found(page)?).await?,
            None => Vec::new(),
        };
        observed.grants.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(())
    }
}

struct Created {
    handle: BatchHandle<OAuth2PermissionGrant>,
    of: AppId,
    wanted: Vec<String>,
}

#[async_trait]
impl TakeResponse for Created {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, state: &mut ApplyState<'_>) -> Result<(), Error> {
        match responses.take(self.handle) {
            Ok(grant) if grant.id.is_some() && grant.resource_id.is_some() => {
                state.observed.grants.push(grant);
                granted(state, self.of, &self.wanted);
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Conflict => state.grants_in_doubt = true,
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

struct Updated {
    handle: BatchHandle<()>,
    id: OAuth2PermissionGrantId,
    of: AppId,
    wanted: Vec<String>,
    before: Vec<String>,
}

#[async_trait]
impl TakeResponse for Updated {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, state: &mut ApplyState<'_>) -> Result<(), Error> {
        let Self { handle, id, of, wanted, before } = *self;
        match responses.take(handle) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                state.grants_in_doubt = true;
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        for grant in state.observed.grants.iter_mut().filter(|grant| grant.id.as_ref() == Some(&id)) {
            grant.scope = Some(wanted.join(" "));
        }
        let beyond = |one: &[String], other: &[String]| -> Vec<String> {
            one.iter().filter(|scope| !other.contains(scope)).cloned().collect()
        };
        granted(state, of, &beyond(&wanted, &before));
        removed(state, Api::named(of), &beyond(&before, &wanted));
        Ok(())
    }
}

struct Deleted {
    handle: BatchHandle<()>,
    id: OAuth2PermissionGrantId,
    of: Api,
    scopes: Vec<String>,
}

/// The API of a grant: its client id where it is one that is named, or else its service principal.
#[derive(Clone, Copy)]
struct Api {
    id: Option<AppId>,
    resource: Option<ServicePrincipalId>,
}

impl Api {
    fn named(id: AppId) -> Self {
        Self { id: Some(id), resource: None }
    }
}

#[async_trait]
impl TakeResponse for Deleted {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, state: &mut ApplyState<'_>) -> Result<(), Error> {
        match responses.take(self.handle) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        state.observed.grants.retain(|grant| grant.id.as_ref() != Some(&self.id));
        removed(state, self.of, &self.scopes);
        Ok(())
    }
}

fn granted(state: &mut ApplyState<'_>, of: AppId, scopes: &[String]) {
    for scope in scopes {
        let step = permission_step(StepKind::PERMISSION_GRANTED, scope, PermissionKind::Delegated, Some(of));
        state.done(step, format!("granted {scope} (delegated, for all users)"));
    }
}

fn removed(state: &mut ApplyState<'_>, of: Api, scopes: &[String]) {
    for scope in scopes {
        let is_named = |it: &&Resolved| Some(it.permission.api()) == of.id && it.value.as_ref() == Some(scope);
        let kind = match state.comparison().permissions_of(PermissionKind::Delegated).iter().any(is_named) {
            true => StepKind::PERMISSION_GRANTED,
            false => StepKind::SURPLUS_GRANT,
        };
        let step = grant_step(kind, scope, PermissionKind::Delegated, of.id, of.resource);
        state.done(step, format!("removed the grant of {scope} (delegated, for all users)"));
    }
}

/// Reports the grants that are missing because the caller may not grant them, with the admin consent link for
/// somebody who may, where the app has an address to come back to.
pub(in crate::provision) fn report_missing_consent(state: &mut ApplyState<'_>) {
    let it = state.comparison();
    let Some(app_id) = it.app_id().filter(|_| state.observed.principal.is_some() && it.options.removal().is_none())
    else {
        return;
    };
    let is_granted = |resolved: &Resolved| match resolved.permission.kind() {
        PermissionKind::Application => is_role_granted(it.observed, resolved),
        PermissionKind::Delegated => is_granted(it.observed, resolved),
    };
    let wanted = it.permissions_to_grant().into_iter().filter(|_| it.registration.admin_consent);
    let missing = wanted.filter(|resolved| !is_granted(resolved));
    // An admin consent link asks for what is declared alone.
    let (undeclared, missing): (Vec<&Resolved>, Vec<&Resolved>) =
        missing.partition(|resolved| it.is_undeclared(&resolved.permission));
    let items = [
        (!undeclared.is_empty()).then(|| missing_undeclared(&undeclared)),
        (!missing.is_empty()).then(|| missing_declared(state, app_id, &missing)),
    ];
    state.report.open.extend(items.into_iter().flatten());
}

/// What is open of grants that only an apply makes.
fn missing_undeclared(missing: &[&Resolved]) -> OpenItem {
    let role = role_to_grant(missing);
    let remedy =
        format!("Ask somebody with the role {role} to apply the registration; then verify. Note: {UNDECLARED}");
    OpenItem::new(ErrorCode::AdminConsentMissing, missing_text(missing), remedy)
}

/// What is open of grants that an admin consent makes, too.
fn missing_declared(state: &ApplyState<'_>, app_id: AppId, missing: &[&Resolved]) -> OpenItem {
    let it = state.comparison();
    let tenant = state.observed.tenant;
    let consent = match (&state.observed.application, &state.options.installed) {
        (Some(app), _) => consent_of(app, app_id, tenant),
        (None, Some(Installed { publisher: Some(publisher), .. })) => it.registration.consent_app(app_id, *publisher),
        (None, _) => ConsentApp::new(app_id, tenant),
    };
    let link = consent
        .browser_redirect_uri()
        .and_then(|uri| consent.link_without_state(state.client.cloud(), &tenant.into(), uri).ok());
    let role = role_to_grant(missing);
    let action = match &link {
        Some(_) => "open the link and accept",
        None => "click Grant admin consent under API permissions of the app",
    };
    let remedy = format!("Ask somebody with the role {role} to {action}; then verify.");
    OpenItem { link, ..OpenItem::new(ErrorCode::AdminConsentMissing, missing_text(missing), remedy) }
}

fn missing_text(missing: &[&Resolved]) -> String {
    let names: Vec<_> = missing.iter().map(|resolved| resolved.permission.to_string()).collect();
    format!("admin consent is missing for {}, which the caller may not grant", names.join(", "))
}

/// The role of somebody who may grant these.
fn role_to_grant(missing: &[&Resolved]) -> DirectoryRole {
    let of_graph = |resolved: &&Resolved| {
        resolved.permission.kind() == PermissionKind::Application && is_graph(resolved.permission.api())
    };
    match missing.iter().any(of_graph) {
        true => DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR,
        false => DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR,
    }
}

/// What of an application that is there matters to an admin consent link.
fn consent_of(app: &Application, app_id: AppId, tenant: TenantId) -> ConsentApp {
    let consent = ConsentApp::new(app_id, tenant);
    let consent = app.sign_in_audience.iter().fold(consent, ConsentApp::audience);
    let uris = [
        app.web.as_ref().map(|web| &web.redirect_uris),
        app.spa.as_ref().map(|spa| &spa.redirect_uris),
        app.public_client.as_ref().map(|client| &client.redirect_uris),
    ];
    let consent = uris.into_iter().flatten().flatten().fold(consent, ConsentApp::redirect_uri);
    let apis = app.required_resource_access.iter().filter_map(|api| api.resource_app_id);
    apis.fold(consent, ConsentApp::declares)
}

/// What a service principal would still hold after a removal, each for a person.
pub(in crate::provision) fn holds_after_removal(it: &Comparison<'_>) -> Vec<String> {
    let takes_named = it.registration.admin_consent;
    let mut left = Vec::new();
    let by_users = it.observed.grants.iter().filter(|grant| !is_tenant_wide(grant)).count();
    if by_users > 0 {
        left.push(format!("{by_users} grants of single users"));
    }
    let scopes =
        named_apis(it).into_iter().flat_map(|scopes| scopes.wanted(it.removes_surplus() && takes_named, takes_named));
    let others =
        grants_of_other_apis(it.observed).filter(|_| !(it.removes_surplus() && takes_named)).flat_map(scopes_of);
    left.extend(scopes.chain(others).map(|scope| format!("{scope} (delegated)")));
    left.extend(roles_after_removal(it));
    left
}
