//! What is refused before anything is written: by a plan, and again by an apply, of what it writes from.
//!
//! What the rooms refuse of what is there is [`check_observed`](crate::provision::steps::check_observed), and what needs
//! an approval are [`Approvals`](crate::provision::approvals::Approvals).

use crate::client::{Client, refusal};
use crate::error::{Error, ErrorCode};
use crate::provision::comparison::Comparison;
use crate::provision::findings::Findings;
use crate::provision::installed;
use crate::provision::plan_options::PlanOptions;
use crate::provision::registration::{AppRegistration, allows_personal_accounts};
use crate::provision::step::{Action, Change, StepKind};
use crate::provision::steps::steps;

/// Refuses what can be refused without a look at the tenant.
pub(super) fn check(client: &Client, registration: &AppRegistration, options: &PlanOptions) -> Result<(), Error> {
    findings(client, registration, options).into_result()
}

/// Refuses besides a secret that would end in the past, unless the caller has it and none is to be issued.
pub(super) fn check_with_lifetimes(
    client: &Client,
    registration: &AppRegistration,
    options: &PlanOptions,
) -> Result<(), Error> {
    let mut findings = findings(client, registration, options);
    if options.held_secrets.is_empty() && options.installed.is_none() {
        for secret in &registration.credentials {
            findings.add_result(secret.end(client.clock().now()).map(drop));
        }
        for certificate in registration.certificates.iter().filter(|it| it.is_generated()) {
            findings.add_result(certificate.end(client.clock().now()).map(drop));
        }
    }
    findings.into_result()
}

/// Refuses to issue a secret by a clock that is wrong.
pub(super) fn check_clock(client: &Client, it: &Comparison<'_>) -> Result<(), Error> {
    let mut steps = steps(it).into_iter().filter_map(|step| step.to_change());
    let is_credential = |kind| kind == StepKind::SECRET || kind == StepKind::CERTIFICATE;
    match steps.any(|step| is_credential(step.id.kind()) && step.action.is_change()) {
        true => refusal::check_clock(client.clock_skew()),
        false => Ok(()),
    }
}

fn findings(client: &Client, registration: &AppRegistration, options: &PlanOptions) -> Findings {
    let mut findings = Findings::default();
    registration.check_into(&mut findings);
    if let Some(wanted) = &options.installed {
        installed::check(registration, wanted, &mut findings);
        return findings;
    }
    let is_known = |name: &String| registration.credentials.iter().any(|secret| secret.name() == name);
    for name in options.replace_secrets.iter().filter(|name| !is_known(name)) {
        let message = format!("the registration has no client secret “{name}” to replace");
        findings.add(Error::new(ErrorCode::UnknownSecret).with_message(message));
    }
    let is_made = |name: &String| registration.certificates.iter().any(|it| it.is_generated() && it.name() == name);
    for name in options.replace_certificates.iter().filter(|name| !is_made(name)) {
        let message = format!("the registration has no certificate “{name}” that it could make another of");
        findings.add(Error::new(ErrorCode::UnknownSecret).with_message(message));
    }
    let national = matches!(client.cloud().name(), "usgov" | "usgov-dod" | "china");
    if national && allows_personal_accounts(&registration.audience) {
        findings.add(Error::new(ErrorCode::NoPersonalAccounts));
    }
    findings
}

/// Refuses changes that the plan does not show: an apply does nothing that nobody could review. A value is changed from
/// what the plan saw, from what this client has `written` since, or in an application that was not there.
pub(super) fn check_shown(changes: &[Change], shown: &[Change], written: &[Change]) -> Result<(), Error> {
    let is_new = shown.iter().any(|change| change.id.kind() == StepKind::REGISTERED && change.action.is_change());
    let is_from = |shown: &Change, change: &Change| {
        let is_own = || written.iter().any(|own| own.id == change.id && own.to == change.from);
        shown.from == change.from || (is_new && shown.from.is_none()) || is_own()
    };
    let is_shown = |change: &&Change| shown.iter().any(|shown| covers(shown, change) && is_from(shown, change));
    let new: Vec<&str> = changes.iter().filter(|change| !is_shown(change)).map(|change| change.text.as_str()).collect();
    if new.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorCode::PlanOutdated).with_message(format!(
        "the tenant has changed since the plan was made, which does not show: {}",
        new.join("; ")
    )))
}

/// Whether who has seen the one change has seen the other: of the same thing.
fn covers(shown: &Change, change: &Change) -> bool {
    let is_removal = |change: &Change| change.action == Action::Remove;
    let is_same = shown.id == change.id && is_removal(shown) == is_removal(change);
    // A permission of which the id is corrected is declared anew, where its grant is shown.
    let is_its_grant = change.id.kind() == StepKind::PERMISSION_DECLARED
        && shown.id.kind() == StepKind::PERMISSION_GRANTED
        && shown.id.subject() == change.id.subject();
    shown.action.is_change() && (is_same || is_its_grant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::step::Step;

    fn change(kind: StepKind, action: Action, from: Option<&str>) -> Change {
        Step::new(kind, action).plan("it").values(from.map(str::to_owned), None).to_change().expect("it is planned")
    }

    #[test]
    fn a_change_is_shown_by_one_of_the_same_thing_from_the_same_value() {
        use Action::{Add, Change as Set, LeftAlone, Remove, Unchanged};
        let notes = |action, from| change(StepKind::NOTES, action, from);
        let written = Change { to: Some("written".to_owned()), ..notes(Add, None) };
        for (shown, now, is_shown) in [
            (notes(Add, None), notes(Add, None), true),
            (notes(Add, None), notes(Set, Some("a")), false),
            (notes(Add, None), notes(Set, Some("written")), true),
            (notes(Set, Some("a")), notes(Set, Some("written")), true),
            (notes(Set, Some("a")), notes(Set, Some("a")), true),
            (notes(Set, Some("a")), notes(Set, Some("b")), false),
            (notes(Unchanged, Some("a")), notes(Set, Some("a")), false),
            (notes(LeftAlone, None), notes(Remove, None), false),
            (notes(Add, None), notes(Remove, None), false),
            (notes(Remove, None), notes(Add, None), false),
            (notes(Remove, None), notes(Remove, None), true),
            (notes(Add, None), change(StepKind::HOMEPAGE, Add, None), false),
            // Whoever has seen that a permission is granted has seen that it is declared, and nothing else.
            (change(StepKind::PERMISSION_GRANTED, Add, None), change(StepKind::PERMISSION_DECLARED, Add, None), true),
            (change(StepKind::PERMISSION_DECLARED, Add, None), change(StepKind::PERMISSION_GRANTED, Add, None), false),
            (change(StepKind::PERMISSION_GRANTED, Add, None), notes(Add, None), false),
            (notes(Add, None), change(StepKind::PERMISSION_DECLARED, Add, None), false),
        ] {
            let checked =
                check_shown(std::slice::from_ref(&now), std::slice::from_ref(&shown), std::slice::from_ref(&written));
            assert_eq!(checked.is_ok(), is_shown, "{shown:?} and then {now:?}");
        }
        // What the service has set in an application that was not there is nobody's.
        for (action, is_shown) in [(Add, true), (Unchanged, false)] {
            let shown = [change(StepKind::REGISTERED, action, None), notes(Add, None)];
            assert_eq!(check_shown(&[notes(Set, Some("a"))], &shown, &[]).is_ok(), is_shown);
        }
        let error = check_shown(&[notes(Add, None)], &[], &[]).unwrap_err();
        assert!(error.code() == ErrorCode::PlanOutdated && error.message().contains("show: it"), "{error}");
    }
}
