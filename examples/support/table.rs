//! A table of what was done to each of many apps, as text or as one JSON object.

use std::process::ExitCode;

use entra_apps::provision::rotation::{RotateError, Rotated, RotationState};
use serde_json::{Value, json};

use super::failure::Failure;
use super::output::print;
use super::recorder::{Counts, Recorder};

/// A credential of an app, and what became of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pub(crate) unique_name: String,
    pub(crate) credential: String,
    pub(crate) kind: &'static str,
    /// The day on which the one in use ends.
    pub(crate) ends: Option<String>,
    /// A stable word, such as `rotated`.
    pub(crate) outcome: &'static str,
    pub(crate) detail: String,
    /// What a person is to do about it; empty where there is nothing to do.
    pub(crate) remedy: String,
}

impl Line {
    /// Takes what became of a rotation of one credential.
    pub(crate) fn tell(&mut self, rotated: Result<Rotated, RotateError>) {
        let (error, report) = match rotated {
            Ok(report) => (None, report),
            Err(failed) => {
                let (error, report) = failed.into_parts();
                (Some(Failure::from(error)), report)
            }
        };
        let credential = report.credentials.first();
        let state = credential.map(|it| it.state);
        self.ends = credential.and_then(|it| it.end).map(|end| end.date().to_string()).or(self.ends.take());
        self.outcome = match (&error, state) {
            (Some(_), _) => "failed",
            _ if credential.is_some_and(|it| it.issued.is_some()) => "rotated",
            _ if !report.done.is_empty() => "removed",
            (None, Some(RotationState::Overlapping)) => "overlapping",
            (None, Some(RotationState::ValueUnknown)) => "value_unknown",
            _ => "current",
        };
        let mut texts: Vec<String> = report.done.iter().map(ToString::to_string).collect();
        if let Some(until) = credential.and_then(|it| it.overlap_until) {
            texts.push(format!("the earlier one goes on {}", until.date()));
        }
        texts.extend(report.open.iter().map(|item| item.text.clone()));
        if let Some(failure) = error {
            texts.push(failure.message);
            self.remedy = failure.remedy;
        } else if state != Some(RotationState::HandedOver) {
            self.remedy = report.open.first().map(|item| item.remedy.clone()).unwrap_or_default();
        }
        // What is live and nobody has: a later run removes it, because it never came to the store.
        texts.extend(
            report.secrets.iter().map(|it| format!("{} is live, and its value is lost with this run", it.key_id)),
        );
        self.detail = texts.join("; ");
    }
}

/// What an example shows of many apps.
pub(crate) struct Table {
    json: bool,
    lines: Vec<Line>,
    runs: Vec<Value>,
    error: Option<Failure>,
    recorder: Option<Recorder>,
    before: Counts,
}

impl Table {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, lines: Vec::new(), runs: Vec::new(), error: None, recorder: None, before: Counts::default() }
    }

    /// Tells a person.
    pub(crate) fn say(&self, text: impl std::fmt::Display) {
        if !self.json {
            print(&format!("{}\n", text.to_string().trim_end()));
        }
    }

    /// Adds a line; they are shown by the names of the apps.
    pub(crate) fn line(&mut self, line: Line) {
        self.lines.push(line);
        self.lines
            .sort_by(|one, other| (&one.unique_name, &one.credential).cmp(&(&other.unique_name, &other.credential)));
    }

    pub(crate) fn failed(&mut self, failure: Failure) {
        self.error.get_or_insert(failure);
    }

    /// Counts from here on.
    pub(crate) fn count(&mut self, recorder: &Recorder) {
        self.before = recorder.counts();
        self.recorder = Some(recorder.clone());
    }

    /// Ends a run: what it has sent since the one before. Returns its writes.
    pub(crate) fn run_ended(&mut self) -> usize {
        let Some(recorder) = &self.recorder else { return 0 };
        let counts = recorder.counts();
        let run = counts.clone().since(&self.before);
        self.before = counts;
        self.say(format!("Requests: {}, writes: {}.", run.requests(), run.writes()));
        self.runs.push(json!({"requests": run.requests(), "writes": run.writes()}));
        run.writes()
    }

    /// What `--json` prints.
    pub(crate) fn to_json(&self) -> Value {
        let line = |it: &Line| {
            json!({
                "uniqueName": it.unique_name, "credential": it.credential, "kind": it.kind, "ends": it.ends,
                "outcome": it.outcome, "detail": it.detail, "remedy": it.remedy,
            })
        };
        let apps: Vec<Value> = self.lines.iter().map(line).collect();
        json!({"apps": apps, "runs": self.runs, "error": self.error.as_ref().map(Failure::to_json)})
    }

    /// 0 when all is well, 1 when something failed or is left for a person, 2 for flags that make no sense.
    pub(crate) fn exit_code(&self) -> u8 {
        match &self.error {
            Some(failure) if failure.code == "bad_flag" => 2,
            Some(_) => 1,
            None => u8::from(self.lines.iter().any(|line| !line.remedy.is_empty())),
        }
    }

    pub(crate) fn finish(self) -> ExitCode {
        if self.json {
            print(&format!("{}\n", self.to_json()));
        } else {
            for it in &self.lines {
                let ends = it.ends.as_deref().unwrap_or("-");
                self.say(format!(
                    "  {:<18} {:<12} {ends:<11} {:<13} {}",
                    it.unique_name, it.credential, it.outcome, it.detail
                ));
                if !it.remedy.is_empty() {
                    self.say(format!("  {:>56} {}", "→", it.remedy));
                }
            }
            if let Some(failure) = &self.error {
                failure.show();
            }
        }
        ExitCode::from(self.exit_code())
    }
}
