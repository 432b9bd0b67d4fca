//! The properties of the application, each a room of its own, and the one PATCH that writes them.
//!
//! A room says what is read of the application, how a copy of it is changed into what is wanted, and what its steps are.
//! The PATCH is the difference between the application and the changed copy. A new property is a file here, a row of
//! [`SETTINGS`], and a field of the registration with its setter.

mod audience;
mod declared_permissions;
mod display_name;
mod homepage;
mod logout_url;
mod notes;
mod property_lock;
mod public_client_flows;
mod redirect_uris;
mod scalar;
mod tags;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::Error;
use crate::model::{Application, ApplicationPatch};
use crate::provision::comparison::Comparison;
use crate::provision::findings::Findings;
use crate::provision::registration::AppRegistration;
use crate::provision::step::{Action, Step, StepId, StepKind, Subject};

pub(super) use declared_permissions::{check_permissions, describe as describe_declared, name_of};

/// The rooms, in the order of the guide, in which they also make their changes.
pub(super) const SETTINGS: &[&dyn Setting] = &[
    &display_name::DisplayName,
    &audience::Audience,
    &redirect_uris::RedirectUris,
    &public_client_flows::PUBLIC_CLIENT_FLOWS,
    &property_lock::PROPERTY_LOCK,
    &notes::NOTES,
    &homepage::HOMEPAGE,
    &logout_url::LOGOUT_URL,
    &tags::Tags,
    &declared_permissions::DeclaredPermissions,
];

impl StepKind {
    /// A value that was taken once and that today's rules refuse: it stays, and is written again with the others.
    pub const KEPT_VALUE: Self = Self::new("kept_value");
}

/// A property of the application, as one room.
pub(super) trait Setting: Sync {
    /// The kind of its steps.
    fn kind(&self) -> StepKind;

    /// What it is called in a sentence, such as `the notes`.
    fn name(&self) -> &'static str;

    /// The members of the application that it reads and writes, each by its path.
    fn select(&self) -> &'static [&'static str];

    /// The values of an application that today's rules refuse, each with the reason. What Entra does with those that are
    /// there is not known.
    fn refused_values(&self, _app: &Application) -> Vec<(Subject, Error)> {
        Vec::new()
    }

    /// Refuses what Entra would refuse of this registration, before anything is sent.
    fn check(&self, _registration: &AppRegistration, _findings: &mut Findings) {}

    /// Refuses what cannot be made of what is there.
    fn check_observed(&self, _it: &Comparison<'_>, _findings: &mut Findings) {}

    /// Whether it is written when the application is created, because the service wants it then and it is safe to repeat.
    fn is_set_at_creation(&self) -> bool {
        false
    }

    /// Changes the application into what is wanted, or what is reachable next.
    fn change(&self, it: &Comparison<'_>, app: &mut Application);

    /// Adds its steps.
    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>);

    /// What is set, each fact as a text: what a read must show again after it was written.
    fn facts(&self, app: &Application) -> BTreeSet<String>;
}

/// The application as it is wanted, or as near to it as is reachable next.
pub(super) fn changed(it: &Comparison<'_>, app: &Application) -> Application {
    let mut changed = app.clone();
    for setting in SETTINGS.iter().filter(|setting| unreadable(**setting, app).is_none()) {
        setting.change(it, &mut changed);
    }
    changed
}

/// The member of a property that came and cannot be read, if one did: what is there is not known, and is not written.
pub(super) fn unreadable(setting: &dyn Setting, app: &Application) -> Option<&'static str> {
    setting.select().iter().copied().find(|path| app.is_unreadable(path))
}

/// Adds a step for each value of an application that is updated and that today's rules refuse.
pub(super) fn kept_values(it: &Comparison<'_>, is_updated: bool, steps: &mut Vec<Step>) {
    let Some(app) = it.app() else { return };
    let wanted = changed(it, app);
    if !is_updated && difference(app, &wanted).is_empty() {
        return;
    }
    for (subject, error) in refused_values(&wanted) {
        let text = format!("{}: it stays, and Entra may refuse an update because of it", error.message());
        steps.push(Step::new(StepId::of(StepKind::KEPT_VALUE, subject), Action::LeftAlone).plan(text));
    }
}

/// The values of an application that today's rules refuse, each with the reason.
pub(super) fn refused_values(app: &Application) -> Vec<(Subject, Error)> {
    SETTINGS.iter().flat_map(|setting| setting.refused_values(app)).collect()
}

/// The body of the upsert by unique name: what is safe to repeat.
pub(super) fn creation(it: &Comparison<'_>) -> ApplicationPatch {
    let mut app = Application::default();
    for setting in SETTINGS.iter().filter(|setting| setting.is_set_at_creation()) {
        setting.change(it, &mut app);
    }
    difference(&Application::default(), &app)
}

/// The rooms whose property differs between two states of an application.
pub(super) fn differing<'a>(
    before: &'a Application,
    after: &'a Application,
) -> impl Iterator<Item = &'static dyn Setting> + 'a {
    SETTINGS.iter().copied().filter(|setting| setting.facts(before) != setting.facts(after))
}

/// The update that turns `before` into `after`: the members that differ, of an object only those inside that do, of a
/// list the whole ([merged member by member](https://learn.microsoft.com/graph/api/application-update)).
pub(super) fn difference(before: &Application, after: &Application) -> ApplicationPatch {
    let members = |app: &Application| match serde_json::to_value(app) {
        Ok(Value::Object(members)) => members,
        // An application is written as an object, and holds nothing that JSON cannot.
        _ => Map::new(),
    };
    let (before, after) = (members(before), members(after));
    ApplicationPatch::of_members(differing_members(&before, &after).into_iter().map(|(name, value)| {
        let value = match (before.get(&name), value) {
            (Some(Value::Object(before)), Value::Object(after)) => Value::Object(differing_members(before, &after)),
            (_, value) => value,
        };
        (name, value)
    }))
}

/// The members of `after` that are not so in `before`. What is gone is null, and a list that is gone is empty.
fn differing_members(before: &Map<String, Value>, after: &Map<String, Value>) -> Map<String, Value> {
    let changed = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
    let mut differing: Map<String, Value> = changed.map(|(name, value)| (name.clone(), value.clone())).collect();
    for (name, value) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
        let nothing = if value.is_array() { Value::Array(Vec::new()) } else { Value::Null };
        differing.insert(name.clone(), nothing);
    }
    differing
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn app(value: &Value) -> Application {
        serde_json::from_str(&value.to_string()).unwrap()
    }

    fn patch(before: &Value, after: &Value) -> Value {
        serde_json::to_value(difference(&app(before), &app(after))).unwrap()
    }

    #[test]
    fn the_update_holds_what_differs_and_nothing_else() {
        let before = json!({
            "id": "4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8", "notes": "a", "tags": ["a"], "description": "d",
            "web": {"homePageUrl": "https://a.example", "redirectUris": ["https://a.example"], "odd": [1]},
        });
        let after = json!({
            "id": "4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8", "notes": "b", "description": "d", "samlMetadataUrl": "u",
            "web": {"homePageUrl": "https://a.example", "redirectUris": ["https://a.example", "https://b.example"], "odd": [1]},
            "spa": {"redirectUris": ["https://c.example"]},
        });
        assert_eq!(patch(&before, &before), json!({}));
        assert_eq!(
            patch(&before, &after),
            json!({
                "notes": "b", "tags": [], "samlMetadataUrl": "u",
                "web": {"redirectUris": ["https://a.example", "https://b.example"]},
                "spa": {"redirectUris": ["https://c.example"]},
            })
        );
        assert_eq!(
            patch(&json!({"notes": "a", "web": {"logoutUrl": "l"}}), &json!({"web": {}})),
            json!({"notes": null, "web": {"logoutUrl": null}})
        );
    }

    #[test]
    fn no_two_rooms_have_a_name_in_common() {
        let mut names: Vec<_> = SETTINGS.iter().map(|setting| setting.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SETTINGS.len());
    }
}
