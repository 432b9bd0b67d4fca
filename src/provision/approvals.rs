//! What the caller has approved, and what needs it.

use crate::error::{Error, ErrorCode};
use crate::permission::Permission;
use crate::provision::comparison::Comparison;
use crate::provision::observed::Observed;
use crate::provision::registration::AppRegistration;
use crate::provision::step::{Change, Step, StepKind};
use crate::provision::steps::steps;

/// The permissions that these steps would declare or grant and that need a review.
pub(super) fn needs_approval<'a>(
    registration: &'a AppRegistration,
    observed: &Observed,
    steps: &[Change],
) -> Vec<&'a Permission> {
    let is_changed = |permission: &Permission| {
        let Some(resolved) = observed.resolved(permission) else { return true };
        let ids = [StepKind::PERMISSION_DECLARED, StepKind::PERMISSION_GRANTED].map(|kind| resolved.step(kind));
        steps.iter().any(|step| step.action.is_change() && ids.contains(&step.id))
    };
    registration
        .wanted_permissions()
        .filter(|permission| permission.high_privilege().is_some() && is_changed(permission))
        .collect()
}

/// What the caller has approved.
#[derive(Clone, Debug, Default)]
pub(super) struct Approvals {
    pub(super) all: bool,
    pub(super) names: Vec<String>,
}

impl Approvals {
    /// Refuses to go on with permissions that need an approval and have none, judged on what is observed.
    pub(super) fn check(&self, it: &Comparison<'_>) -> Result<(), Error> {
        let changes: Vec<Change> = steps(it).iter().filter_map(Step::to_change).collect();
        let open: Vec<_> = needs_approval(it.registration, it.observed, &changes)
            .into_iter()
            .filter(|permission| !self.include(permission))
            .map(|permission| format!("{permission}: {}", permission.high_privilege().unwrap_or_default()))
            .collect();
        let unknown = self
            .names
            .iter()
            .find(|name| !it.registration.permissions.iter().any(|entry| is_named(&entry.permission, name)));
        match (open.is_empty(), unknown) {
            (true, None) => Ok(()),
            (true, Some(name)) => Err(unknown_approval(it.registration, name)),
            (false, unknown) => {
                let misspelt = unknown.map(|name| format!("; {name} was approved, and is none of this registration"));
                Err(Error::new(ErrorCode::NeedsApproval).with_message(format!(
                    "these permissions need a review: {}{}",
                    open.join("; "),
                    misspelt.unwrap_or_default()
                )))
            }
        }
    }

    fn include(&self, permission: &Permission) -> bool {
        self.all || self.names.iter().any(|name| is_named(permission, name))
    }
}

/// Refuses an approval of what the registration does not name: it is misspelt.
fn unknown_approval(registration: &AppRegistration, name: &str) -> Error {
    let high = registration.wanted_permissions().filter(|permission| permission.high_privilege().is_some());
    let names: Vec<_> = high.map(ToString::to_string).collect();
    let remedy = match names.is_empty() {
        true => "None of its permissions needs an approval.".to_owned(),
        false => format!("These need one: {}.", names.join(", ")),
    };
    Error::new(ErrorCode::UnknownApproval)
        .with_message(format!("the registration has no permission {name} to approve"))
        .with_remedy(remedy)
}

/// Whether a permission has this name or id, or is shown so; capitals do not matter.
fn is_named(permission: &Permission, name: &str) -> bool {
    let (id, shown) = (permission.id().map(|id| id.to_string()), permission.to_string());
    let known = permission.name().into_iter().chain(id.as_deref()).chain([shown.as_str()]);
    known.into_iter().any(|known| known.eq_ignore_ascii_case(name.trim()))
}
