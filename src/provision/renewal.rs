//! Warning ahead of the end of a credential, in plan and checklist alike.

use time::{Duration, OffsetDateTime};

use crate::provision::step::{Action, Step, StepId, StepKind, Subject};

impl StepKind {
    /// Whether a credential is renewed before it ends.
    pub const CREDENTIAL_RENEWAL: Self = Self::new("credential_renewal");
}

/// Whether a credential that ends at a time is to be renewed now.
pub(super) fn is_due(end: Option<OffsetDateTime>, window: Duration, now: OffsetDateTime) -> bool {
    end.is_some_and(|end| end - now <= window) && window > Duration::ZERO
}

/// The line that warns of the end of a credential, which works until then.
pub(super) fn warning(subject: Subject, what: &str, end: OffsetDateTime, remedy: &str) -> Step {
    let step = Step::new(StepId::of(StepKind::CREDENTIAL_RENEWAL, subject), Action::LeftAlone);
    step.check(format!("The {what} is renewed in time: it ends on {}", end.date()), remedy).not_required()
}
