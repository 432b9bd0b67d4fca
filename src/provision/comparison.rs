//! One comparison of a registration with what was observed: what every room looks at.

use time::OffsetDateTime;

use crate::api::ServicePrincipalKey;
use crate::ids::{AppId, ServicePrincipalId};
use crate::model::Application;
use crate::permission::{Permission, PermissionKind, review_reason};
use crate::provision::observed::{Observed, Resolved};
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

    /// The wanted permissions, as this tenant knows them.
    pub(super) fn permissions(&self) -> Vec<&'a Resolved> {
        self.registration.wanted_permissions().filter_map(|permission| self.observed.resolved(permission)).collect()
    }

    /// The steps of the wanted permissions, of one kind or of both, in the order of the registration: those that the
    /// tenant publishes as `step` makes them, and the others with what is in the way.
    pub(super) fn permission_steps(
        &self,
        kind: Option<PermissionKind>,
        mut step: impl FnMut(&Permission, Option<&'a Resolved>) -> Step,
    ) -> Vec<Step> {
        let observed = self.observed;
        let wanted = self.registration.wanted_permissions();
        let of_kind = wanted.filter(|permission| kind.is_none_or(|kind| permission.kind() == kind));
        let steps = of_kind.filter_map(|permission| match observed.resolved(permission) {
            Some(resolved) => Some(step(&resolved.permission, Some(resolved))),
            None => {
                let obstacle = observed.obstacles.iter().find(|it| it.permission == *permission)?;
                Some(step(permission, None).blocked(obstacle.sentences()))
            }
        });
        steps.collect()
    }

    /// The wanted permissions of one kind.
    pub(super) fn permissions_of(&self, kind: PermissionKind) -> Vec<&'a Resolved> {
        self.permissions().into_iter().filter(|resolved| resolved.permission.kind() == kind).collect()
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
