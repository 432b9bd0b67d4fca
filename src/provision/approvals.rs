//! What the caller has approved, and what needs it.

use crate::api::ServicePrincipalKey;
use crate::error::{Error, ErrorCode};
use crate::permission::{MICROSOFT_GRAPH, Permission};
use crate::provision::comparison::{Comparison, step_about};
use crate::provision::observed::Resolved;
use crate::provision::step::{Action, Change, Step, StepKind};
use crate::provision::steps::steps;

/// A permission that needs a review.
pub(super) struct Review<'a> {
    /// As the registration has it.
    pub(super) permission: &'a Permission,
    /// As the tenant knows it, and as it is shown: its text is what is to be approved.
    pub(super) shown: &'a Permission,
    pub(super) reason: &'static str,
}

/// The permissions that these steps would declare or grant and that need a review.
pub(super) fn reviews<'a>(it: &Comparison<'a>, steps: &[Change]) -> Vec<Review<'a>> {
    // Who takes a grant away needs no review of it.
    let gives = |step: &Change| step.action.is_change() && step.action != Action::Remove;
    let is_changed = |resolved: &Resolved| {
        let ids = [StepKind::PERMISSION_DECLARED, StepKind::PERMISSION_GRANTED].map(|kind| resolved.step(kind));
        steps.iter().any(|step| gives(step) && ids.contains(&step.id))
    };
    // Of what is left out here, nothing is given but the declaration.
    let is_given = |permission: &Permission| match it.is_left_out(permission) {
        true => {
            let declared = step_about(StepKind::PERMISSION_DECLARED, permission);
            steps.iter().any(|step| gives(step) && step.id == declared)
        }
        false => steps.iter().any(gives),
    };
    let review = |permission: &'a Permission| {
        let (shown, reason) = match it.observed.resolved(permission) {
            Some(resolved) if is_changed(resolved) => (&resolved.permission, resolved.review_reason()?),
            None if is_given(permission) => (permission, permission.review_reason()?),
            _ => return None,
        };
        Some(Review { permission, shown, reason })
    };
    it.wanted().filter_map(review).collect()
}

/// What the caller has approved.
#[derive(Clone, Debug, Default)]
pub(super) struct Approvals {
    pub(super) all: bool,
    pub(super) names: Vec<String>,
    /// The service principals that may be deleted.
    pub(super) deletions: Vec<ServicePrincipalKey>,
}

impl Approvals {
    /// Refuses to go on with permissions that need an approval and have none, judged on what is observed.
    pub(super) fn check(&self, it: &Comparison<'_>) -> Result<(), Error> {
        self.check_deletion(it)?;
        let changes: Vec<Change> = steps(it).iter().filter_map(Step::to_change).collect();
        let reviews = reviews(it, &changes);
        let open: Vec<_> = reviews
            .iter()
            .filter(|review| !self.all && !self.names.iter().any(|name| review.is_named(name)))
            .map(|review| format!("{}: {}", review.shown, review.reason))
            .collect();
        let is_of_registration = |name: &&String| {
            let entries = it.registration.permissions.iter().map(|entry| &entry.permission);
            let known = entries.chain(it.permissions().into_iter().map(|resolved| &resolved.permission));
            known.into_iter().any(|permission| is_named(permission, name))
        };
        let unknown = self.names.iter().find(|name| !is_of_registration(name));
        match (open.is_empty(), unknown) {
            (true, None) => Ok(()),
            (true, Some(name)) => Err(unknown_approval(&reviews, name)),
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

    /// Refuses a deletion that nobody has approved, and an approval of one that is not asked for.
    fn check_deletion(&self, it: &Comparison<'_>) -> Result<(), Error> {
        let removal = it.options.removal().filter(|removal| removal.service_principal);
        if let (None, Some(key)) = (removal, self.deletions.first()) {
            return Err(Error::new(ErrorCode::UnknownApproval)
                .with_message(format!("nothing deletes the service principal {}", key.id()))
                .with_remedy("Leave the approval out, or plan a removal that deletes it."));
        }
        let Some(id) = it.deletion() else { return Ok(()) };
        let keys = [Some(ServicePrincipalKey::Id(id)), it.app_id().map(ServicePrincipalKey::AppId)];
        match self.deletions.iter().any(|key| keys.contains(&Some(*key))) {
            true => Ok(()),
            false => Err(Error::new(ErrorCode::DeletionNeedsApproval)
                .with_message(format!("the deletion of the service principal {id} needs an approval of its own"))),
        }
    }
}

impl Review<'_> {
    /// Whether this is what was approved: as it is shown, or by its bare name or id where Microsoft Graph has it. Any other
    /// API may have a permission of the same name, and give it any id.
    fn is_named(&self, name: &str) -> bool {
        [self.permission, self.shown].into_iter().any(|it| match it.api() {
            MICROSOFT_GRAPH => is_named(it, name),
            _ => it.to_string().eq_ignore_ascii_case(name.trim()),
        })
    }
}

/// Refuses an approval of what the registration does not name: it is misspelt.
fn unknown_approval(reviews: &[Review<'_>], name: &str) -> Error {
    let names: Vec<_> = reviews.iter().map(|review| review.shown.to_string()).collect();
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
