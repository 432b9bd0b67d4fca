//! The permissions that the application declares: its required resource access.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, PermissionId};
use crate::model::{Application, RequiredResourceAccess, ResourceAccess, ResourceAccessType};
use crate::permission::{self, MICROSOFT_GRAPH, Permission, PermissionKind};
use crate::provision::comparison::{Comparison, permission_step, step_about, wanted_step};
use crate::provision::findings::Findings;
use crate::provision::observed::{Obstacle, Resolved};
use crate::provision::registration::{AppRegistration, allows_personal_accounts};
use crate::provision::settings::Setting;
use crate::provision::step::{Action, Step, StepId, StepKind};

impl StepKind {
    /// A permission that the application is to declare.
    pub const PERMISSION_DECLARED: Self = Self::new("permission_declared");
    /// A permission that the application declares and that is not named.
    pub const SURPLUS_DECLARATION: Self = Self::surplus("surplus_declaration");
    /// An optional permission that nobody asked for.
    pub const OPTIONAL_PERMISSION: Self = Self::new("optional_permission");
}

/// A declared permission: its API, its id, and whether it is a `Role` or a `Scope`, or a value that is not known yet.
type Declared = (AppId, PermissionId, String);

pub(super) struct DeclaredPermissions;

impl Setting for DeclaredPermissions {
    fn kind(&self) -> StepKind {
        StepKind::PERMISSION_DECLARED
    }

    fn name(&self) -> &'static str {
        "the declared permissions"
    }

    fn select(&self) -> &'static [&'static str] {
        &["requiredResourceAccess"]
    }

    fn check(&self, registration: &AppRegistration, findings: &mut Findings) {
        let entries = &registration.permissions;
        for (index, entry) in entries.iter().enumerate() {
            if entries[..index].iter().any(|other| other.permission == entry.permission) {
                let twice = Error::new(ErrorCode::PermissionTwice)
                    .with_message(format!("the permission {} stands twice", entry.permission))
                    .with_remedy("Name it once: as required, as optional, for the own tenant, or in one group.");
                findings.add(twice);
            }
        }
        if registration.purposes().iter().any(|purpose| purpose.trim().is_empty()) {
            findings.add(Error::new(ErrorCode::EmptyPurpose));
        }
        if entries.iter().filter_map(|entry| entry.where_available.as_ref()).any(|group| group.trim().is_empty()) {
            findings.add(Error::new(ErrorCode::EmptyPermissionGroup));
        }
        for permission in registration.wanted_permissions().filter(|permission| permission.is_resource_specific()) {
            let message = format!("{permission} is granted per team or chat, not for a tenant");
            findings.add(Error::new(ErrorCode::ResourceSpecificPermission).with_message(message));
        }
        let declared: Vec<_> = registration.declared_permissions().collect();
        findings.add_result(check_limits(&declared, allows_personal_accounts(&registration.audience)));
    }

    fn check_observed(&self, it: &Comparison<'_>, findings: &mut Findings) {
        check_permissions(it, findings);
    }

    fn change(&self, it: &Comparison<'_>, app: &mut Application) {
        let wanted: Vec<Declared> =
            it.registration.declared_permissions().filter_map(|permission| declaration_of(it, permission)).collect();
        if it.registration.remove_surplus {
            let is_named = |declared: Declared| wanted.contains(&declared) || may_be_named(it, &declared);
            for api in &mut app.required_resource_access {
                let id = api.resource_app_id;
                api.resource_access.retain(|access| declared(id, access).is_none_or(is_named));
            }
            app.required_resource_access.retain(|api| !api.resource_access.is_empty());
        }
        let there = all_declared(app);
        for (api, id, access_type) in wanted.into_iter().filter(|wanted| !there.contains(wanted)) {
            let mut access = ResourceAccess::default();
            (access.id, access.kind) = (Some(id), Some(ResourceAccessType::from(access_type)));
            let entries = &mut app.required_resource_access;
            match entries.iter_mut().find(|entry| entry.resource_app_id == Some(api)) {
                Some(entry) => entry.resource_access.push(access),
                None => {
                    let mut entry = RequiredResourceAccess::default();
                    (entry.resource_app_id, entry.resource_access) = (Some(api), vec![access]);
                    entries.push(entry);
                }
            }
        }
    }

    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>) {
        let there = it.app().map(all_declared).unwrap_or_default();
        let is_there = |declaration: Option<Declared>| declaration.is_some_and(|it| there.contains(&it));
        let step = |permission: &Permission, resolved: Option<&Resolved>, is_there: bool| {
            let action = if is_there { Action::Unchanged } else { Action::Add };
            let reason = resolved.map_or_else(|| permission.review_reason(), Resolved::review_reason);
            let step = Step::new(wanted_step(StepKind::PERMISSION_DECLARED, permission, resolved), action)
                .plan(format!("declare {permission}"))
                .needs_review(reason);
            let remedy = "Apply the registration, or add it under API permissions.";
            step.check(format!("Permission {permission} is added"), remedy)
        };
        let (elsewhere, here): (Vec<&Permission>, Vec<&Permission>) =
            it.registration.declared_permissions().partition(|permission| is_of_absent_api(it, permission));
        steps.extend(it.permission_steps(here.into_iter(), |permission, resolved| {
            step(permission, resolved, is_there(resolved.map(declaration)))
        }));
        steps.extend(elsewhere.into_iter().map(|permission| match declaration_of(it, permission) {
            Some(declaration) => step(permission, None, is_there(Some(declaration))),
            None => undeclarable(permission),
        }));
        let named: Vec<Declared> =
            it.registration.declared_permissions().filter_map(|permission| declaration_of(it, permission)).collect();
        let is_blocked = |(api, id, _): &Declared| {
            let obstacles = it.observed.obstacles.iter();
            obstacles.map(|it| &it.permission).any(|blocked| blocked.api() == *api && blocked.id() == Some(*id))
        };
        let is_surplus = |there: &&Declared| !named.contains(there) && !is_blocked(there) && !may_be_named(it, there);
        for surplus in there.iter().filter(is_surplus) {
            let name = describe(surplus.0, surplus.1, &surplus.2);
            let is_for_own_tenant = it.permissions().iter().any(|resolved| declaration(resolved) == *surplus);
            let what = match is_for_own_tenant {
                true => format!(
                    "declared permission {name}, which is for this tenant alone, and which customers are asked for"
                ),
                false => format!("declared permission {name}"),
            };
            let remedy = "Take it away under App registrations, API permissions, if nothing else needs it; \
                          a registration that removes what is surplus does it.";
            let step = it.surplus(surplus_step(surplus), &what);
            steps.push(step.check(format!("Nothing more than needed: {what}"), remedy).not_required());
        }
        let wanted: Vec<_> = it.registration.wanted_permissions().collect();
        for entry in it.registration.permissions.iter().filter(|entry| !wanted.contains(&&entry.permission)) {
            let permission = &entry.permission;
            let id = step_about(StepKind::OPTIONAL_PERMISSION, permission);
            steps.push(
                Step::new(id, Action::NotSelected).plan(format!("{permission}: for {}", entry.purposes.join(", "))),
            );
        }
    }

    fn facts(&self, app: &Application) -> BTreeSet<String> {
        all_declared(app).iter().map(|(api, id, kind)| format!("declared {kind} {id} of {api}")).collect()
    }
}

/// Refuses permissions that cannot be had in this tenant, and one that is named twice, by its id and by its name.
pub(in crate::provision) fn check_permissions(it: &Comparison<'_>, findings: &mut Findings) {
    for Obstacle { code, text, remedy, .. } in it.obstacles() {
        findings.add(Error::new(*code).with_message(text.as_str()).with_remedy(remedy.as_str()));
    }
    let permissions = &it.observed.permissions;
    for (index, resolved) in permissions.iter().enumerate() {
        if let Some(other) = permissions[..index].iter().find(|other| declaration(other) == declaration(resolved)) {
            let message = format!("{} and {} are the same permission", other.permission, resolved.permission);
            findings.add(Error::new(ErrorCode::PermissionTwice).with_message(message));
        }
    }
}

fn check_limits(wanted: &[&Permission], personal: bool) -> Result<(), Error> {
    let mut apis: Vec<_> = wanted.iter().map(|permission| permission.api()).collect();
    apis.sort();
    apis.dedup();
    let max = if personal { 200 } else { 400 };
    let too_many = if apis.len() > 50 {
        "more than 50 APIs".to_owned()
    } else if wanted.len() > max {
        format!("more than {max} permissions")
    } else if personal && apis.iter().any(|api| wanted.iter().filter(|it| it.api() == *api).count() > 30) {
        "more than 30 permissions of one API, the limit for personal accounts".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorCode::TooManyPermissions).with_message(format!("the app declares {too_many}")))
}

/// The entry by which the application declares a permission.
fn declaration(resolved: &Resolved) -> Declared {
    let permission = &resolved.permission;
    (permission.api(), resolved.id, permission.kind().resource_access_type().to_owned())
}

/// The entry by which the application declares a permission of the registration, where its id is known: as the tenant
/// publishes it, or, of an API that a group can do without and that the tenant lacks, as the registration has it.
fn declaration_of(it: &Comparison<'_>, permission: &Permission) -> Option<Declared> {
    match it.observed.resolved(permission) {
        Some(resolved) => Some(declaration(resolved)),
        None if is_of_absent_api(it, permission) => {
            let kind = permission.kind().resource_access_type().to_owned();
            Some((permission.api(), permission.id()?, kind))
        }
        None => None,
    }
}

/// Whether a permission is of an API that its group can do without and that the tenant lacks.
fn is_of_absent_api(it: &Comparison<'_>, permission: &Permission) -> bool {
    it.observed.lacks(permission.api()) && it.is_left_out(permission)
}

/// Whether what is declared may be one of the permissions of which the id is not known here.
fn may_be_named(it: &Comparison<'_>, (api, _, _): &Declared) -> bool {
    let mut declared = it.registration.declared_permissions().filter(|permission| permission.api() == *api);
    declared.any(|permission| permission.id().is_none() && is_of_absent_api(it, permission))
}

/// The step of a permission that is to be declared, and of which the id is not known here.
fn undeclarable(permission: &Permission) -> Step {
    let id = step_about(StepKind::PERMISSION_DECLARED, permission);
    let step = Step::new(id, Action::Notice)
        .plan(format!("{permission} is not declared: its id is not known in a tenant that lacks the API"));
    let remedy = "Name it by its id in the registration, or create the API's service principal in this tenant.";
    step.check(format!("Permission {permission} is added"), remedy).not_required()
}

fn declared(api: Option<AppId>, access: &ResourceAccess) -> Option<Declared> {
    Some((api?, access.id?, access.kind.as_ref()?.as_str().to_owned()))
}

/// What an application declares, in its order.
fn all_declared(app: &Application) -> Vec<Declared> {
    let apis = app.required_resource_access.iter();
    apis.flat_map(|api| api.resource_access.iter().filter_map(|access| declared(api.resource_app_id, access))).collect()
}

fn surplus_step((api, id, access_type): &Declared) -> StepId {
    let kind = PermissionKind::from_resource_access_type(access_type).unwrap_or(PermissionKind::Application);
    permission_step(StepKind::SURPLUS_DECLARATION, name_of(*api, *id, kind), kind, Some(*api))
}

/// The name of a permission where the catalogue has it, or its id.
pub(in crate::provision) fn name_of(api: AppId, id: PermissionId, kind: PermissionKind) -> String {
    let known = Permission::by_id(api, id, kind);
    known.name().map_or_else(|| id.to_string(), str::to_owned)
}

/// A declared permission for a person: its name where it is known.
pub(in crate::provision) fn describe(api: AppId, id: PermissionId, access_type: &str) -> String {
    let Some(kind) = PermissionKind::from_resource_access_type(access_type) else {
        return format!("{id} ({access_type}) of {api}");
    };
    if api == MICROSOFT_GRAPH && permission::find_by_id(id, kind).is_none() {
        return format!("{id} of Microsoft Graph");
    }
    Permission::by_id(api, id, kind).to_string()
}
