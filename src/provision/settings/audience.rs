//! The audience: the portal's *Supported account types*.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorCode};
use crate::model::{Application, SignInAudience};
use crate::provision::comparison::Comparison;
use crate::provision::findings::Findings;
use crate::provision::registration::{AppRegistration, allows_personal_accounts};
use crate::provision::settings::Setting;
use crate::provision::step::{Action, Step, StepKind};

impl StepKind {
    /// The portal's *Supported account types*.
    pub const AUDIENCE: Self = Self::new("audience");
}

pub(super) struct Audience;

impl Setting for Audience {
    fn kind(&self) -> StepKind {
        StepKind::AUDIENCE
    }

    fn name(&self) -> &'static str {
        "the supported account types"
    }

    fn select(&self) -> &'static [&'static str] {
        &["signInAudience", "api/requestedAccessTokenVersion"]
    }

    fn check(&self, registration: &AppRegistration, findings: &mut Findings) {
        if let SignInAudience::Other(other) = &registration.audience {
            let message = format!("{other} is no audience that Entra knows");
            findings.add(Error::new(ErrorCode::InvalidAudience).with_message(message));
        }
    }

    fn is_set_at_creation(&self) -> bool {
        true
    }

    fn change(&self, it: &Comparison<'_>, app: &mut Application) {
        let wanted = &it.registration.audience;
        if app.sign_in_audience.as_ref() == Some(wanted) {
            return;
        }
        app.sign_in_audience = Some(wanted.clone());
        if allows_personal_accounts(wanted) {
            // Entra takes this audience only together with tokens of version 2.
            app.api.get_or_insert_default().requested_access_token_version = Some(2);
        }
    }

    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>) {
        let wanted = &it.registration.audience;
        let observed = it.app().and_then(|app| app.sign_in_audience.as_ref());
        let name = wanted.portal_name();
        let (action, text) = match observed {
            Some(observed) if observed == wanted => (Action::Unchanged, format!("supported account types: {name}")),
            Some(observed) => (Action::Change, format!("supported account types: {} → {name}", observed.portal_name())),
            None => (Action::Add, format!("supported account types: {name}")),
        };
        let step = Step::new(StepKind::AUDIENCE, action).plan(text);
        let remedy = "Apply the registration, or set it under Authentication.";
        let step = step.check(format!("Supported account types: {name}"), remedy);
        let text = |audience: &SignInAudience| audience.as_str().to_owned();
        steps.push(step.values(observed.map(text), Some(text(wanted))));
    }

    fn facts(&self, app: &Application) -> BTreeSet<String> {
        app.sign_in_audience.iter().map(|audience| format!("audience: {}", audience.as_str())).collect()
    }
}
