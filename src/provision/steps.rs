//! The two tables of rooms, looped over: checks, steps and facts of a whole registration.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::provision::collections::{COLLECTIONS, rooms};
use crate::provision::comparison::Comparison;
use crate::provision::findings::Findings;
use crate::provision::identity;
use crate::provision::installed;
use crate::provision::notice;
use crate::provision::observed::{Observed, shown};
use crate::provision::policies;
use crate::provision::registration::AppRegistration;
use crate::provision::settings::{self, SETTINGS};
use crate::provision::step::{Action, Change, Step, StepId, StepKind, Subject};

impl StepKind {
    /// The time within which the registration must be used.
    pub const USED_IN_TIME: Self = Self::new("used_in_time");
    /// What only a person can confirm.
    pub const CONFIRMATION: Self = Self::new("confirmation");
}

impl AppRegistration {
    /// Checks what can be checked without a tenant; [`Client::plan`](crate::Client::plan) does it too.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for what Entra would refuse: the code is that of the first thing, the
    /// message and the remedy are of all, and the [details](Error::details) list them where there are several.
    pub fn check(&self) -> Result<(), Error> {
        let mut findings = Findings::default();
        self.check_into(&mut findings);
        findings.into_result()
    }

    /// Adds what Entra would refuse.
    pub(super) fn check_into(&self, findings: &mut Findings) {
        identity::check(self, findings);
        for setting in SETTINGS {
            setting.check(self, findings);
        }
        for collection in COLLECTIONS {
            collection.check(self, findings);
        }
        self.check_texts(findings);
    }
}

/// Refuses what cannot be made of what is there, with all that is in the way.
pub(super) fn check_observed(it: &Comparison<'_>) -> Result<(), Error> {
    let mut findings = Findings::default();
    match &it.options.installed {
        Some(wanted) => installed::check_observed(it, wanted, &mut findings),
        None => {
            identity::check_adopted(it, &mut findings);
            for setting in SETTINGS {
                setting.check_observed(it, &mut findings);
            }
            identity::check_observed(it, &mut findings);
            policies::check(it, &steps(it), &mut findings);
        }
    }
    findings.into_result()
}

/// The steps that write something.
pub(super) fn changes(it: &Comparison<'_>) -> Vec<Change> {
    steps(it).iter().filter_map(Step::to_change).filter(|change| change.action.is_change()).collect()
}

/// Every step, in the order of the guide.
pub(super) fn steps(it: &Comparison<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(wanted) = &it.options.installed {
        installed::steps(it, wanted, &mut steps);
        steps_of_rooms(it, &mut steps);
        notice::steps(it, &mut steps);
        return steps;
    }
    identity::steps(it, &mut steps);
    for setting in SETTINGS {
        let unreadable = it.app().and_then(|app| settings::unreadable(*setting, app));
        add(&mut steps, unreadable, |steps| setting.steps(it, steps));
    }
    settings::kept_values(it, it.app().is_some_and(|app| identity::wants_unique_name(it, app)), &mut steps);
    steps_of_rooms(it, &mut steps);
    notice::steps(it, &mut steps);
    policies::annotate(it, &mut steps);
    steps.extend(used_in_time(it));
    for confirmation in &it.registration.confirmations {
        let id = StepId::of(StepKind::CONFIRMATION, Subject::Confirmation(confirmation.code.clone()));
        let step = Step::new(id, Action::LeftAlone).check(&confirmation.step, "Only a person can confirm this.");
        steps.push(step.not_required());
    }
    steps
}

/// Adds the steps of the rooms with requests of their own.
fn steps_of_rooms(it: &Comparison<'_>, steps: &mut Vec<Step>) {
    for collection in rooms(it.options) {
        add(steps, collection.unreadable(it.observed), |steps| collection.steps(it, steps));
    }
}

/// Adds the steps of a room. Of what stands in a member that cannot be read, nothing is known.
fn add(steps: &mut Vec<Step>, unreadable: Option<&'static str>, room: impl FnOnce(&mut Vec<Step>)) {
    let mut own = Vec::new();
    room(&mut own);
    steps.extend(own.into_iter().map(|step| unreadable.into_iter().fold(step, Step::unknown)));
}

/// The members that came in a form that cannot be read, where the registration wants something of them.
pub(super) fn unreadable(it: &Comparison<'_>) -> BTreeSet<&'static str> {
    steps(it).iter().filter_map(Step::unreadable).collect()
}

fn used_in_time(it: &Comparison<'_>) -> Option<Step> {
    let within = it.registration.use_within?;
    let created = it.app().and_then(|app| app.created_date_time);
    let end = created.and_then(|created| created.checked_add(within.try_into().ok()?));
    let (step, remedy) = match end {
        Some(end) => (
            format!("The registration is still usable, until {} {:02}:{:02} UTC", end.date(), end.hour(), end.minute()),
            "It is too late: delete this registration for good and make a new one.",
        ),
        None => (
            format!("The registration is to be used within {} hours of its creation", within.as_secs() / 3600),
            "Apply the registration first.",
        ),
    };
    let in_time = end.is_some_and(|end| it.now < end);
    Some(Step::new(StepKind::USED_IN_TIME, Action::Unchanged).check(step, remedy).done(in_time))
}

impl Observed {
    /// What decides about the changes, each fact as a text: all but what is only shown to a person.
    pub(super) fn facts(&self) -> BTreeSet<String> {
        let resources = self.resources.iter().map(|it| format!("API {}: {}", it.api, shown(it.principal.as_ref())));
        let permissions = self
            .permissions
            .iter()
            .map(|it| format!("permission {}: {} {}", it.permission, it.id, it.value.as_deref().unwrap_or_default()));
        self.written().chain(resources).chain(permissions).collect()
    }

    /// Whether everything that was there earlier still is: a replica that lacks some of it may lag.
    pub(super) fn has_all_of(&self, earlier: &Self) -> bool {
        let there: BTreeSet<String> = self.written().collect();
        earlier.written().all(|fact| there.contains(&fact))
    }

    /// The facts of what an apply writes.
    fn written(&self) -> impl Iterator<Item = String> {
        let app = self.application.iter().flat_map(|app| {
            let unique_name = app.unique_name.as_deref().unwrap_or_default();
            let own = [format!("application {}", shown(app.id.as_ref())), format!("unique name {unique_name}")];
            own.into_iter().chain(SETTINGS.iter().flat_map(|setting| setting.facts(app)))
        });
        app.chain(COLLECTIONS.iter().flat_map(|collection| collection.facts(self)))
    }
}
