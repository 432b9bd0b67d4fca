//! The application permissions that are granted: app role assignments of the service principal.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::api::{List, Page, ServicePrincipalKey};
use crate::client::{Batch, BatchHandle, BatchResponse, Client};
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::ids::{AppId, AppRoleAssignmentId, ServicePrincipalId};
use crate::model::{AppRoleAssignment, NewAppRoleAssignment};
use crate::permission::{MICROSOFT_GRAPH, Permission, PermissionKind, find_by_id};
use crate::provision::apply_state::ApplyState;
use crate::provision::collections::{Collection, Phase, TakeRead, TakeResponse, empty_if_not_found};
use crate::provision::comparison::{Comparison, grant_step, wanted_step};
use crate::provision::observed::{Observed, Resolved, shown};
use crate::provision::published::forget;
use crate::provision::settings::{describe_declared, name_of};
use crate::provision::step::{Action, Step, StepId, StepKind};

impl StepKind {
    /// A permission that is to be granted for the whole tenant.
    pub const PERMISSION_GRANTED: Self = Self::new("permission_granted");
    /// A permission that is granted and not named.
    pub const SURPLUS_GRANT: Self = Self::surplus("surplus_grant");
    /// Admin consent is left to somebody else.
    pub const ADMIN_CONSENT: Self = Self::new("admin_consent");
}

pub(super) struct RoleAssignments;

/// What is said of a permission for the app's own tenant alone.
pub(super) const UNDECLARED: &str = "it is not declared, so that the portal's Grant admin consent does not grant it, and may \
                                     take it away.";

#[async_trait]
impl Collection for RoleAssignments {
    fn read(&self, client: &Client, principal: ServicePrincipalKey, batch: &mut Batch) -> Option<Box<dyn TakeRead>> {
        let list = client.app_role_assignments().list_held_by(principal);
        Some(Box::new(Read(batch.add(list.clone().page()), list)))
    }

    fn unreadable(&self, observed: &Observed) -> Option<&'static str> {
        let members = ["id", "appRoleId", "resourceId"];
        let is_unreadable = |it: &AppRoleAssignment| members.iter().any(|member| it.is_unreadable(member));
        observed.assignments.iter().any(is_unreadable).then_some("appRoleAssignments")
    }

    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>) {
        if !it.registration.admin_consent && it.wanted().next().is_some() {
            let step = Step::new(StepKind::ADMIN_CONSENT, Action::LeftAlone);
            steps.push(step.plan("admin consent is left to somebody else"));
        }
        steps.extend(granted_steps(it, PermissionKind::Application, is_role_granted));
        for surplus in surplus(it) {
            let what = format!("granted permission {}", describe(it.observed, surplus));
            steps.push(surplus_step(it, step_of(it.observed, surplus), &what));
        }
    }

    fn facts(&self, observed: &Observed) -> BTreeSet<String> {
        observed
            .assignments
            .iter()
            .filter_map(|it| Some(format!("granted role {} of {}", it.app_role_id?, it.resource_id?)))
            .collect()
    }

    fn phase(&self) -> Phase {
        Phase::Grants
    }

    fn requests(&self, state: &ApplyState<'_>, batch: &mut Batch) -> Result<Vec<Box<dyn TakeResponse>>, Error> {
        let mut requests: Vec<Box<dyn TakeResponse>> = Vec::new();
        let Some(principal) = state.grantee() else { return Ok(requests) };
        let it = state.comparison();
        let assignments = state.client.app_role_assignments();
        for resolved in
            it.permissions_to_grant().into_iter().filter(|it| it.permission.kind() == PermissionKind::Application)
        {
            let Some(resource) = state.observed.resource(resolved.permission.api()) else { continue };
            if state.options.removal().is_some() || is_role_granted(&state.observed, resolved) {
                continue;
            }
            let new = NewAppRoleAssignment::new(principal, resource, resolved.id);
            // The directory holds each assignment once: a second attempt is refused, not doubled.
            let handle = batch.add(assignments.create(&new).repeatable());
            requests.push(Box::new(Granted { handle, resource, resolved: resolved.clone() }));
        }
        let surplus = surplus(&it).into_iter().filter(|_| it.removes_surplus());
        let surplus = surplus.map(|surplus| (surplus, step_of(&state.observed, surplus)));
        let named =
            it.permissions_of(PermissionKind::Application).into_iter().filter(|_| state.options.removal().is_some());
        let named =
            named.filter_map(|it| Some((assignment(&state.observed, it)?, it.step(StepKind::PERMISSION_GRANTED))));
        for (removed, step) in named.chain(surplus) {
            if let (Some(resource), Some(id)) = (removed.resource_id, removed.id.clone()) {
                let handle = batch.add(assignments.delete(resource, &id));
                let what = describe(&state.observed, removed);
                requests.push(Box::new(Removed { handle, id, step, what }));
            }
        }
        Ok(requests)
    }
}

/// The steps of the wanted permissions of one kind, granted or not.
pub(super) fn granted_steps(
    it: &Comparison<'_>,
    kind: PermissionKind,
    is_granted: impl Fn(&Observed, &Resolved) -> bool,
) -> Vec<Step> {
    // What is left out is told as a whole; what of it is granted from another time is taken away with the rest.
    let is_removed = it.options.removal().is_some();
    let granted =
        it.wanted().filter(|permission| permission.kind() == kind && (is_removed || !it.is_left_out(permission)));
    it.permission_steps(granted, |permission, resolved| {
        granted_step(it, permission, resolved, resolved.is_some_and(|resolved| is_granted(it.observed, resolved)))
    })
}

fn granted_step(it: &Comparison<'_>, permission: &Permission, resolved: Option<&Resolved>, is_granted: bool) -> Step {
    let whom = match permission.kind() {
        PermissionKind::Application => "for the app itself",
        PermissionKind::Delegated => "for all users",
    };
    let by_hand = "lick Grant admin consent under API permissions, as an administrator who may.";
    let is_removed = it.options.removal().is_some();
    let action = match (is_removed, is_granted) {
        (false, false) => Action::Add,
        (true, true) if it.registration.admin_consent => Action::Remove,
        (true, true) => Action::LeftAlone,
        (false, true) | (true, false) => Action::Unchanged,
    };
    let step = Step::new(wanted_step(StepKind::PERMISSION_GRANTED, permission, resolved), action);
    if is_removed {
        return step.plan(match action {
            Action::Remove => format!("take the grant of {permission} away"),
            Action::LeftAlone => format!("{permission} stays granted: consent is left to somebody else"),
            _ => format!("{permission} is not granted"),
        });
    }
    let reason = resolved.map_or_else(|| permission.review_reason(), Resolved::review_reason);
    let is_undeclared = it.is_undeclared(permission);
    let (step, remedy) = match (it.registration.admin_consent, is_undeclared) {
        (true, false) => {
            let step = step.plan(format!("grant {permission} for the whole tenant"));
            (step.needs_review(reason), format!("Apply the registration, or c{by_hand}"))
        }
        (true, true) => {
            let step =
                step.plan(format!("grant {permission} for the whole tenant, and for no other: it is not declared"));
            (step.needs_review(reason), format!("Apply the registration: {UNDECLARED}"))
        }
        (false, false) => (step, format!("C{by_hand}")),
        (false, true) => (step, format!("Let an administrator grant it through Microsoft Graph: {UNDECLARED}")),
    };
    step.check(format!("Admin consent is granted for {permission}, {whom}"), remedy)
}

/// The step of a grant that is not named. Who leaves the consent to somebody else takes none away.
pub(super) fn surplus_step(it: &Comparison<'_>, id: StepId, what: &str) -> Step {
    let remedy = "Take it away under Enterprise applications, Permissions, if nothing else needs it; \
                  a registration that removes what is surplus does it.";
    let step = match it.registration.admin_consent {
        true => it.surplus(id, what),
        false => Step::new(id, Action::LeftAlone),
    };
    step.check(format!("Nothing more than needed: {what}"), remedy).not_required()
}

/// Whether a wanted application permission is granted.
pub(super) fn is_role_granted(observed: &Observed, resolved: &Resolved) -> bool {
    assignment(observed, resolved).is_some()
}

/// The assignment by which a wanted application permission is granted.
fn assignment<'a>(observed: &'a Observed, resolved: &Resolved) -> Option<&'a AppRoleAssignment> {
    let resource = observed.resource(resolved.permission.api())?;
    observed.principal.as_ref()?;
    observed.assignments.iter().find(|it| it.resource_id == Some(resource) && it.app_role_id == Some(resolved.id))
}

/// The assignments that are not named.
fn surplus<'a>(it: &Comparison<'a>) -> Vec<&'a AppRoleAssignment> {
    let wanted = it.permissions_of(PermissionKind::Application);
    let is_named = |assignment: &AppRoleAssignment| {
        wanted.iter().any(|resolved| {
            assignment.app_role_id == Some(resolved.id)
                && assignment.resource_id == it.observed.resource(resolved.permission.api())
        })
    };
    it.observed.assignments.iter().filter(|assignment| !is_named(assignment)).collect()
}

/// The application permissions that would still be held after a removal, each for a person.
pub(super) fn roles_after_removal(it: &Comparison<'_>) -> Vec<String> {
    let surplus = surplus(it);
    let stays = |assignment: &AppRoleAssignment| match surplus.iter().any(|surplus| std::ptr::eq(*surplus, assignment))
    {
        _ if !it.registration.admin_consent => true,
        true => !it.removes_surplus(),
        false => false,
    };
    it.observed.assignments.iter().filter(|it| stays(it)).map(|assignment| describe(it.observed, assignment)).collect()
}

fn step_of(observed: &Observed, assignment: &AppRoleAssignment) -> StepId {
    let api = api_of(observed, assignment);
    let name = match (api, assignment.app_role_id) {
        (Some(api), Some(role)) => name_of(api, role, PermissionKind::Application),
        (_, role) => shown(role.as_ref()),
    };
    grant_step(StepKind::SURPLUS_GRANT, name, PermissionKind::Application, api, assignment.resource_id)
}

/// The API of an assignment: one that is named, or Microsoft Graph where it bears the name and has such a permission, and
/// where it is not known to be another.
fn api_of(observed: &Observed, assignment: &AppRoleAssignment) -> Option<AppId> {
    let is_graph = || {
        let role = assignment.app_role_id?;
        let named = assignment.resource_display_name.as_deref() == Some("Microsoft Graph");
        let unknown = observed.resource(MICROSOFT_GRAPH).is_none();
        (unknown && named && find_by_id(role, PermissionKind::Application).is_some()).then_some(MICROSOFT_GRAPH)
    };
    assignment.resource_id.and_then(|resource| observed.api(resource)).or_else(is_graph)
}

/// An assignment for a person: the permission's name where it is known.
fn describe(observed: &Observed, assignment: &AppRoleAssignment) -> String {
    match (api_of(observed, assignment), assignment.app_role_id) {
        (Some(api), Some(role)) => describe_declared(api, role, PermissionKind::Application.resource_access_type()),
        (_, role) => {
            let api = assignment.resource_display_name.as_deref().unwrap_or("another API");
            format!("{} of {api}", shown(role.as_ref()))
        }
    }
}

struct Read(BatchHandle<Page<AppRoleAssignment>>, List<AppRoleAssignment>);

#[async_trait]
impl TakeRead for Read {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, observed: &mut Observed) -> Result<(), Error> {
        let page = responses.take(self.0);
        observed.assignments = match observed.principal {
            Some(_) => self.1.rest_of(empty_if_not_found(page)?).await?,
            None => Vec::new(),
        };
        observed.assignments.sort_by_key(|assignment| (assignment.resource_id, assignment.app_role_id));
        Ok(())
    }
}

struct Granted {
    handle: BatchHandle<AppRoleAssignment>,
    resource: ServicePrincipalId,
    resolved: Resolved,
}

#[async_trait]
impl TakeResponse for Granted {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, state: &mut ApplyState<'_>) -> Result<(), Error> {
        let Self { handle, resource, resolved } = *self;
        let mut assignment = match responses.take(handle) {
            Ok(assignment) => assignment,
            // It is there: that is what was asked for.
            Err(error) if error.code() == ErrorCode::AlreadyGranted => AppRoleAssignment::default(),
            Err(error) if error.code() == ErrorCode::PermissionNotInTenant => {
                forget(&state.client, &resolved.permission);
                let text = format!("the API does not know the permission {} in this tenant", resolved.permission);
                return Err(Error::new(error.code()).with_message(text).with_source(error));
            }
            Err(error) => return Err(error),
        };
        assignment.resource_id.get_or_insert(resource);
        assignment.app_role_id.get_or_insert(resolved.id);
        state.observed.assignments.push(assignment);
        state.done(resolved.step(StepKind::PERMISSION_GRANTED), format!("granted {}", resolved.permission));
        Ok(())
    }
}

struct Removed {
    handle: BatchHandle<()>,
    id: AppRoleAssignmentId,
    step: StepId,
    what: String,
}

#[async_trait]
impl TakeResponse for Removed {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, state: &mut ApplyState<'_>) -> Result<(), Error> {
        match responses.take(self.handle) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        state.observed.assignments.retain(|assignment| assignment.id.as_ref() != Some(&self.id));
        state.done(self.step, format!("removed the grant of {}", self.what));
        Ok(())
    }
}
