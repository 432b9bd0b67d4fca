//! A property of one value, which the registration names or leaves as it is.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::model::Application;
use crate::provision::comparison::Comparison;
use crate::provision::findings::Findings;
use crate::provision::registration::AppRegistration;
use crate::provision::settings::Setting;
use crate::provision::step::{Action, Step, StepKind, Subject};

/// A property of one value.
pub(super) struct Scalar<T: 'static> {
    pub(super) kind: StepKind,
    /// What it is called in a sentence.
    pub(super) name: &'static str,
    /// What it is called before a colon, such as `Home page`.
    pub(super) label: &'static str,
    /// Where the portal has it.
    pub(super) place: &'static str,
    pub(super) select: &'static [&'static str],
    /// Refuses a value that Entra would refuse, wanted or there.
    pub(super) check: fn(&T) -> Result<(), Error>,
    /// What the registration wants, if it says.
    pub(super) wanted: fn(&AppRegistration) -> Option<T>,
    /// What the application has, if it has a value.
    pub(super) read: fn(&Application) -> Option<T>,
    pub(super) write: fn(&mut Application, T),
    /// The value for a person.
    pub(super) show: fn(&T) -> String,
}

impl<T: PartialEq> Setting for Scalar<T> {
    fn kind(&self) -> StepKind {
        self.kind
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn select(&self) -> &'static [&'static str] {
        self.select
    }

    fn check(&self, registration: &AppRegistration, findings: &mut Findings) {
        if let Some(wanted) = (self.wanted)(registration) {
            findings.add_result((self.check)(&wanted));
        }
    }

    fn change(&self, it: &Comparison<'_>, app: &mut Application) {
        if let Some(wanted) = (self.wanted)(it.registration)
            && (self.read)(app).as_ref() != Some(&wanted)
        {
            (self.write)(app, wanted);
        }
    }

    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>) {
        let Some(wanted) = (self.wanted)(it.registration) else { return };
        let observed = it.app().and_then(self.read);
        let (to, from) = ((self.show)(&wanted), observed.as_ref().map(self.show));
        let action = match &observed {
            Some(observed) if *observed == wanted => Action::Unchanged,
            Some(_) => Action::Change,
            None => Action::Add,
        };
        let label = within_a_sentence(self.label);
        let plan = match (&from, action) {
            (Some(from), Action::Change) => format!("{label}: {from} → {to}"),
            _ => format!("{label}: {to}"),
        };
        let remedy = format!("Apply the registration, or set it under {}.", self.place);
        let step = Step::new(self.kind, action).plan(plan).check(format!("{}: {to}", self.label), remedy);
        steps.push(step.values(from, Some(to)));
    }

    fn refused_values(&self, app: &Application) -> Vec<(Subject, Error)> {
        let refused = (self.read)(app).and_then(|value| (self.check)(&value).err());
        refused.map(|error| (Subject::Property(self.kind), error)).into_iter().collect()
    }

    fn facts(&self, app: &Application) -> BTreeSet<String> {
        (self.read)(app).iter().map(|value| format!("{}: {}", self.kind, (self.show)(value))).collect()
    }
}

/// A label where it does not begin a sentence: an abbreviation keeps its capitals.
fn within_a_sentence(label: &str) -> String {
    let is_abbreviation = label.chars().nth(1).is_some_and(char::is_uppercase);
    let mut letters = label.chars();
    match letters.next().filter(|_| !is_abbreviation) {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => label.to_owned(),
    }
}

/// A switch for a person.
pub(super) fn on_or_off(on: &bool) -> String {
    if *on { "on" } else { "off" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_within_a_sentence_keeps_its_abbreviations() {
        for (label, within) in
            [("Home page", "home page"), ("Logout URL", "logout URL"), ("SAML x", "SAML x"), ("", "")]
        {
            assert_eq!(within_a_sentence(label), within);
        }
    }
}
