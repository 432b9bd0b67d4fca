//! Which application is meant: found by its unique name, adopted by its client id, or to be created. Never guessed.

use crate::error::{Error, ErrorCode, ErrorDetail, on_one_line};
use crate::ids::AppId;
use crate::model::Application;
use crate::provision::comparison::Comparison;
use crate::provision::findings::Findings;
use crate::provision::observed::{DeletedHolder, ForeignApp, sentences, shown};
use crate::provision::registration::AppRegistration;
use crate::provision::step::{Action, Step, StepId, StepKind, Subject};

impl StepKind {
    /// The application itself.
    pub const REGISTERED: Self = Self::new("registered");
    /// The unique name of an application that is adopted.
    pub const UNIQUE_NAME: Self = Self::new("unique_name");
    /// Another application of the same display name.
    pub const SAME_DISPLAY_NAME: Self = Self::new("same_display_name");
}

/// Refuses a unique name that Entra would refuse.
pub(super) fn check(registration: &AppRegistration, findings: &mut Findings) {
    let name = &registration.unique_name;
    if name.trim().is_empty() || name.chars().count() > 256 || name.chars().any(char::is_control) {
        findings.add(Error::new(ErrorCode::InvalidUniqueName));
    }
}

/// Adds the steps of the application itself.
pub(super) fn steps(it: &Comparison<'_>, steps: &mut Vec<Step>) {
    let registration = it.registration;
    let (display_name, unique_name) = (&registration.display_name, &registration.unique_name);
    let registered = match it.app() {
        None => Step::new(StepKind::REGISTERED, Action::Add)
            .plan(format!("register the application “{display_name}” (unique name {unique_name})"))
            .values(None, Some(display_name.clone())),
        Some(app) => Step::new(StepKind::REGISTERED, Action::Unchanged).plan(format!(
            "the application “{}” is registered, client id {}",
            app.display_name.as_deref().unwrap_or_default(),
            shown(app.app_id.as_ref())
        )),
    };
    let remedy = match &it.observed.deleted_holder {
        Some(_) => ErrorCode::UniqueNameTaken.remedy(),
        None if !it.observed.foreign_apps.is_empty() => ErrorCode::AppOfAnotherTenant.remedy(),
        None => "Apply the registration; an application that was made by hand is adopted by its client id.",
    };
    let registered = registered.check(format!("“{display_name}” is registered in Microsoft Entra"), remedy);
    steps.push(match adoption_obstacle(it) {
        Some(obstacle) => registered.blocked(sentences(obstacle.message(), obstacle.remedy())),
        None => registered,
    });
    if it.app().is_some_and(|app| wants_unique_name(it, app)) {
        let step = Step::new(StepKind::UNIQUE_NAME, Action::Change)
            .plan(format!("give the application the unique name {unique_name}"));
        let from = it.app().and_then(|app| app.unique_name.clone());
        steps.push(step.values(from, Some(unique_name.clone())));
    }
    for ForeignApp { app_id, owner } in &it.observed.foreign_apps {
        let id = StepId::of(StepKind::SAME_DISPLAY_NAME, Subject::Application(*app_id));
        let text = format!("an app of the tenant {owner} has this display name here: client id {app_id}");
        steps.push(Step::new(id, Action::LeftAlone).plan(text));
    }
    for other in &it.observed.same_name {
        let unique_name = match &other.unique_name {
            Some(name) => format!("unique name {name}"),
            None => "no unique name".to_owned(),
        };
        let id = StepId::of(StepKind::SAME_DISPLAY_NAME, Subject::Application(other.app_id));
        steps.push(
            Step::new(id, Action::LeftAlone)
                .plan(format!("another application has this display name: client id {}, {unique_name}", other.app_id)),
        );
    }
}

/// Whether the application is to be given the unique name: it is adopted, and Entra has not refused.
pub(super) fn wants_unique_name(it: &Comparison<'_>, app: &Application) -> bool {
    app.unique_name.as_ref() != Some(&it.registration.unique_name) && !it.options.unique_name_refused
}

/// Why the application that the caller adopts cannot be the one that is meant, if it cannot.
fn adoption_obstacle(it: &Comparison<'_>) -> Option<Error> {
    let app_id = it.options.adopt?;
    let unique_name = &it.registration.unique_name;
    let conflict = |text: String| Some(Error::new(ErrorCode::AdoptionConflict).with_message(text));
    let Some(adopted) = it.app() else {
        let text = format!("there is no application with the client id {app_id}");
        return Some(Error::new(ErrorCode::AdoptedAppNotFound).with_message(text));
    };
    match (&it.observed.name_holder, &adopted.unique_name) {
        (Some(holder), _) => {
            conflict(format!("the unique name {unique_name} belongs to another application, client id {holder}"))
        }
        (None, Some(name)) if name != unique_name => conflict(format!(
            "the application {app_id} has the unique name {name} already, and a unique name cannot be changed"
        )),
        _ => None,
    }
}

/// Refuses to adopt an application that is not there, or that is another one.
pub(super) fn check_adopted(it: &Comparison<'_>, findings: &mut Findings) {
    findings.add_result(adoption_obstacle(it).map_or(Ok(()), Err));
}

/// Refuses to create a second application of the display name, and a unique name that a deleted application holds.
pub(super) fn check_observed(it: &Comparison<'_>, findings: &mut Findings) {
    findings.add_result(check_same_name(it));
    findings.add_result(check_foreign(it));
    let is_wanted = it.app().is_none_or(|app| wants_unique_name(it, app));
    if let Some(holder) = it.observed.deleted_holder.as_ref().filter(|_| is_wanted) {
        findings.add(unique_name_taken(&it.registration.unique_name, holder));
    }
}

/// The error for a unique name that a deleted application holds.
pub(super) fn unique_name_taken(unique_name: &str, holder: &DeletedHolder) -> Error {
    let DeletedHolder { id, display_name } = holder;
    Error::new(ErrorCode::UniqueNameTaken)
        .with_message(on_one_line(format!(
            "the deleted application “{display_name}”, object id {id}, holds the unique name {unique_name}"
        )))
        .with_remedy(
            "Restore or purge it (Deleted applications in the portal, or deleted_items), or choose another unique name.",
        )
}

/// Refuses to register an app beside one of another tenant that is installed here and has the display name.
fn check_foreign(it: &Comparison<'_>) -> Result<(), Error> {
    let foreign = &it.observed.foreign_apps;
    if it.app().is_some() || it.options.create_another || foreign.is_empty() {
        return Ok(());
    }
    let apps: Vec<String> = foreign.iter().map(|app| format!("{} of the tenant {}", app.app_id, app.owner)).collect();
    Err(Error::new(ErrorCode::AppOfAnotherTenant)
        .with_message(format!("an app of another tenant has this display name here: client id {}", apps.join(", "))))
}

fn check_same_name(it: &Comparison<'_>) -> Result<(), Error> {
    let by_hand: Vec<AppId> =
        it.observed.same_name.iter().filter(|other| other.unique_name.is_none()).map(|other| other.app_id).collect();
    if it.app().is_some() || it.options.create_another || by_hand.is_empty() {
        return Ok(());
    }
    let display_name = &it.registration.display_name;
    let candidate = |app_id: &AppId| ErrorDetail {
        code: StepKind::SAME_DISPLAY_NAME.to_string(),
        target: Some(app_id.to_string()),
        message: display_name.clone(),
    };
    let list = by_hand.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Err(Error::new(ErrorCode::SameDisplayName)
        .with_message(format!(
            "there is no application with the unique name {}, and {} of the display name “{display_name}”: client id {list}",
            it.registration.unique_name,
            if by_hand.len() == 1 { "one".to_owned() } else { by_hand.len().to_string() },
        ))
        .with_details(by_hand.iter().map(candidate).collect()))
}
