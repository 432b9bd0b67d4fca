//! The tags of the application.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorCode};
use crate::model::Application;
use crate::provision::comparison::Comparison;
use crate::provision::findings::Findings;
use crate::provision::registration::AppRegistration;
use crate::provision::settings::Setting;
use crate::provision::step::{Action, Step, StepId, StepKind, Subject};
use crate::provision::tag::Tag;

impl StepKind {
    /// A tag of the application.
    pub const TAG: Self = Self::new("tag");
}

pub(super) struct Tags;

impl Setting for Tags {
    fn kind(&self) -> StepKind {
        StepKind::TAG
    }

    fn name(&self) -> &'static str {
        "the tags"
    }

    fn select(&self) -> &'static [&'static str] {
        &["tags"]
    }

    fn check(&self, registration: &AppRegistration, findings: &mut Findings) {
        let tags = &registration.tags;
        for (_, tag) in tags.iter().enumerate().filter(|(index, tag)| tags[..*index].contains(tag)) {
            findings.add(Error::new(ErrorCode::TagTwice).with_message(format!("the tag {tag} stands twice")));
        }
    }

    fn change(&self, it: &Comparison<'_>, app: &mut Application) {
        let missing: Vec<String> =
            it.registration.tags.iter().filter(|tag| !has(app, tag)).map(ToString::to_string).collect();
        app.tags.extend(missing);
    }

    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>) {
        for tag in &it.registration.tags {
            let there = it.app().is_some_and(|app| has(app, tag));
            let action = if there { Action::Unchanged } else { Action::Add };
            let id = StepId::of(StepKind::TAG, Subject::Tag(tag.to_string()));
            let step = Step::new(id, action).plan(format!("tag {tag}"));
            steps.push(step.check(format!("Tag {tag}"), "Apply the registration, or add it in the manifest."));
        }
    }

    fn refused_values(&self, app: &Application) -> Vec<(Subject, Error)> {
        let refused = |tag: &String| Some((Subject::Tag(tag.clone()), Tag::new(tag.as_str()).err()?));
        app.tags.iter().filter_map(refused).collect()
    }

    fn facts(&self, app: &Application) -> BTreeSet<String> {
        app.tags.iter().map(|tag| format!("tag {tag}")).collect()
    }
}

fn has(app: &Application, tag: &Tag) -> bool {
    app.tags.iter().any(|there| there == tag.as_str())
}
