//! The display name.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorCode};
use crate::model::Application;
use crate::provision::comparison::Comparison;
use crate::provision::findings::Findings;
use crate::provision::registration::{AppRegistration, allows_personal_accounts};
use crate::provision::settings::Setting;
use crate::provision::step::{Action, Step, StepKind};

impl StepKind {
    /// The display name of the app.
    pub const DISPLAY_NAME: Self = Self::new("display_name");
}

pub(super) struct DisplayName;

impl Setting for DisplayName {
    fn kind(&self) -> StepKind {
        StepKind::DISPLAY_NAME
    }

    fn name(&self) -> &'static str {
        "the display name"
    }

    fn select(&self) -> &'static [&'static str] {
        &["displayName"]
    }

    fn check(&self, registration: &AppRegistration, findings: &mut Findings) {
        let max = if allows_personal_accounts(&registration.audience) { 90 } else { 256 };
        let length = registration.display_name.chars().count();
        if registration.display_name.trim().is_empty() || length > max {
            let message = format!("the display name has {length} characters; 1 to {max} are allowed");
            findings.add(Error::new(ErrorCode::InvalidDisplayName).with_message(message));
        }
    }

    fn is_set_at_creation(&self) -> bool {
        true
    }

    fn change(&self, it: &Comparison<'_>, app: &mut Application) {
        app.display_name = Some(it.registration.display_name.clone());
    }

    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>) {
        let wanted = &it.registration.display_name;
        let from = it.app().map(|app| app.display_name.clone().unwrap_or_default());
        let sentence = format!("Display name: {wanted}");
        let remedy = "Apply the registration, or set it under Branding & properties.";
        let step = match &from {
            // The step of the registration names it.
            None => Step::new(StepKind::DISPLAY_NAME, Action::Add),
            Some(from) if from == wanted => {
                Step::new(StepKind::DISPLAY_NAME, Action::Unchanged).plan(format!("display name: {wanted}"))
            }
            Some(from) => {
                Step::new(StepKind::DISPLAY_NAME, Action::Change).plan(format!("display name: {from} → {wanted}"))
            }
        };
        steps.push(step.check(sentence, remedy).values(from, Some(wanted.clone())));
    }

    fn facts(&self, app: &Application) -> BTreeSet<String> {
        BTreeSet::from([format!("display name: {}", app.display_name.as_deref().unwrap_or_default())])
    }
}
