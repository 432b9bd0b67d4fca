//! One comparison of a registration with what was observed: what every room looks at.

use time::OffsetDateTime;

use crate::api::ServicePrincipalKey;
use crate::error::ErrorCode;
use crate::ids::{AppId, ServicePrincipalId};
use crate::model::Application;
use crate::permission::{Permission, PermissionKind, review_reason};
use crate::provision::observed::{Observed, Obstacle, Resolved};
use crate::provision::permission_entry::Place;
use crate::provision::plan_options::PlanOptions;
use crate::provision::registration::AppRegistration;
use crate::provision::step::{Action, Step, StepId, StepKind, Subject};

/// A registration beside what was observed, under the options of this run.
#[derive(Clone, Copy)]
pub(super) struct Comparison<'a> {
    pub(super) registration: &'a AppRegistration,
    pub(super) observed: &'a Observed,
    pub(super) options: &'a PlanOptions,
    pub(super) now: OffsetDateTime,
}

impl<'a> Comparison<'a> {
    /// The application that is there.
    pub(super) fn app(&self) -> Option<&'a Application> {
        self.observed.application.as_ref()
    }

    /// By what the service principal is found.
    pub(super) fn principal_key(&self) -> Option<ServicePrincipalKey> {
        match &self.options.installed {
            Some(installed) => Some(installed.principal),
            None => self.observed.app_id().map(ServicePrincipalKey::AppId),
        }
    }

    /// The client id, where it is known.
    pub(super) fn app_id(&self) -> Option<AppId> {
        match self.principal_key() {
            Some(ServicePrincipalKey::AppId(app_id)) => Some(app_id),
            _ => self.observed.principal.as_ref().and_then(|principal| principal.app_id),
        }
    }

    /// The service principal that is to be deleted, if one is.
    pub(super) fn deletion(&self) -> Option<ServicePrincipalId> {
        let is_asked_for = self.options.removal().is_some_and(|removal| removal.service_principal);
        self.observed.principal_id().filter(|_| is_asked_for)
    }

    /// Whether what is not named is removed.
    pub(super) fn removes_surplus(&self) -> bool {
        self.options.removal().map_or(self.registration.remove_surplus, |removal| removal.every_grant)
    }

    /// Which tenant it is: the one in which the app is registered, or another.
    pub(super) fn place(&self) -> Place {
        if self.options.installed.is_some() { Place::OtherTenant } else { Place::OwnTenant }
    }

    /// The permissions that are wanted in this tenant.
    pub(super) fn wanted(&self) -> impl Iterator<Item = &'a Permission> + use<'a> {
        self.registration.entries_in(self.place()).map(|entry| &entry.permission)
    }

    /// The APIs of a group of permissions that the tenant lacks, so that the group is left out.
    pub(super) fn absent_apis(&self, group: &str) -> Vec<AppId> {
        let entries = self.registration.entries_in(self.place());
        let of_group = entries.filter(|entry| entry.where_available.as_deref() == Some(group));
        let mut absent: Vec<AppId> =
            of_group.map(|entry| entry.permission.api()).filter(|api| self.observed.lacks(*api)).collect();
        absent.sort();
        absent.dedup();
        absent
    }

    /// Whether a permission is left out in this tenant, because the tenant lacks an API of its group.
    pub(super) fn is_left_out(&self, permission: &Permission) -> bool {
        if self.registration.permissions.iter().all(|entry| entry.where_available.is_none()) {
            return false;
        }
        let mut entries = self.registration.entries_in(self.place());
        let group = entries.find(|entry| entry.permission == *permission).and_then(|it| it.where_available.as_deref());
        group.is_some_and(|group| !self.absent_apis(group).is_empty())
    }

    /// Whether a permission is for the app's own tenant alone, and so not declared.
    pub(super) fn is_undeclared(&self, permission: &Permission) -> bool {
        let mut of_own_tenant = self.registration.permissions.iter().filter(|entry| entry.own_tenant);
        of_own_tenant.any(|entry| entry.permission == *permission)
    }

    /// What is in the way of wanted permissions. An API that a group can do without is not.
    pub(super) fn obstacles(&self) -> impl Iterator<Item = &'a Obstacle> + use<'a> {
        let it = *self;
        let is_in_the_way = move |obstacle: &&Obstacle| match it.place() {
            // What is left out here is declared all the same, and must be known where its API is.
            Place::OwnTenant if obstacle.code != ErrorCode::ApiNotInTenant => true,
            _ => !it.is_left_out(&obstacle.permission),
        };
        self.observed.obstacles.iter().filter(is_in_the_way)
    }

    /// The permissions that are wanted in this tenant, those that are left out among them, as it knows them.
    pub(super) fn permissions(&self) -> Vec<&'a Resolved> {
        self.wanted().filter_map(|permission| self.observed.resolved(permission)).collect()
    }

    /// The steps of these permissions: those that the tenant publishes as `step` makes them, and the others with what is in
    /// the way.
    pub(super) fn permission_steps(
        &self,
        permissions: impl Iterator<Item = &'a Permission>,
        mut step: impl FnMut(&Permission, Option<&'a Resolved>) -> Step,
    ) -> Vec<Step> {
        let steps = permissions.filter_map(|permission| match self.observed.resolved(permission) {
            Some(resolved) => Some(step(&resolved.permission, Some(resolved))),
            None => {
                let obstacle = self.obstacles().find(|it| it.permission == *permission)?;
                Some(step(permission, None).blocked(obstacle.sentences()))
            }
        });
        steps.collect()
    }

    /// The wanted permissions of one kind, those that are left out among them.
    pub(super) fn permissions_of(&self, kind: PermissionKind) -> Vec<&'a Resolved> {
        self.permissions().into_iter().filter(|resolved| resolved.permission.kind() == kind).collect()
    }

    /// The wanted permissions that are to be granted: without those that are left out.
    pub(super) fn permissions_to_grant(&self) -> Vec<&'a Resolved> {
        self.wanted()
            .filter(|permission| !self.is_left_out(permission))
            .filter_map(|permission| self.observed.resolved(permission))
            .collect()
    }

    /// The step of something that is not named: it is removed if the registration says so.
    pub(super) fn surplus(&self, id: impl Into<StepId>, what: &str) -> Step {
        match self.removes_surplus() {
            true => Step::new(id, Action::Remove).plan(format!("remove {what}")),
            false => Step::new(id, Action::LeftAlone).plan(format!("{what}: not named here")),
        }
    }
}

impl Resolved {
    /// The reason why it needs a review, if it does: by what the registration says of it, or by what the tenant says.
    pub(super) fn review_reason(&self) -> Option<&'static str> {
        let it = &self.permission;
        it.high_privilege().or_else(|| review_reason(it.api(), it.kind(), self.value.as_deref(), Some(self.id)))
    }

    /// The id of a step about this permission.
    pub(super) fn step(&self, kind: StepKind) -> StepId {
        let name = self.value.clone().unwrap_or_else(|| self.id.to_string());
        permission_step(kind, name, self.permission.kind(), Some(self.permission.api()))
    }
}

/// The id of a step about a wanted permission, as the tenant knows it where it does.
pub(super) fn wanted_step(kind: StepKind, permission: &Permission, resolved: Option<&Resolved>) -> StepId {
    resolved.map_or_else(|| step_about(kind, permission), |resolved| resolved.step(kind))
}

/// The id of a step about a permission that the registration names.
pub(super) fn step_about(step: StepKind, permission: &Permission) -> StepId {
    let name = permission.name().map(str::to_owned).or_else(|| permission.id().map(|id| id.to_string()));
    permission_step(step, name.unwrap_or_default(), permission.kind(), Some(permission.api()))
}

/// The id of a step about a permission.
pub(super) fn permission_step(
    step: StepKind,
    name: impl Into<String>,
    kind: PermissionKind,
    api: Option<AppId>,
) -> StepId {
    StepId::of(step, Subject::Permission { name: name.into(), kind, api, resource: None })
}

/// The id of a step about the grant of a permission, of whichever API.
pub(super) fn grant_step(
    step: StepKind,
    name: impl Into<String>,
    kind: PermissionKind,
    api: Option<AppId>,
    resource: Option<ServicePrincipalId>,
) -> StepId {
    let resource = resource.filter(|_| api.is_none());
    StepId::of(step, Subject::Permission { name: name.into(), kind, api, resource })
}
