//! What is shown: a text for a person, or one JSON object.

use std::io::IsTerminal;
use std::process::ExitCode;

use entra_apps::secrecy::ExposeSecret;
use entra_apps::time::OffsetDateTime;
use entra_apps::time::format_description::well_known::Rfc3339;
use entra_apps::{Checklist, Error, IssuedSecret, Plan, Progress, Registered};
use serde_json::{Value, json};

use super::flags::Flags;
use super::{Counts, Guide};

/// Why it failed.
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) remedy: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let mut message = error.to_string();
        let remedy = error.remedy().unwrap_or_default().to_owned();
        if let Some(end) = message.find(&format!(". {remedy}")).filter(|_| !remedy.is_empty()) {
            message.truncate(end);
        }
        Self { code: error.code().to_owned(), message, remedy }
    }
}

pub(crate) struct Output {
    json: bool,
    colour: bool,
    show_secret: bool,
    plan_only: bool,
    app: Value,
    secrets: Vec<Value>,
    runs: Vec<Value>,
    checklist: Vec<Value>,
    error: Option<Failure>,
    done: bool,
}

#[derive(Clone, Copy)]
enum Style {
    Bold,
    Green,
    Yellow,
    Red,
    Dim,
}

impl Output {
    pub(crate) fn new(flags: &Flags) -> Self {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            json: flags.json,
            colour,
            show_secret: flags.show_secret,
            plan_only: false,
            app: Value::Null,
            secrets: Vec::new(),
            runs: Vec::new(),
            checklist: Vec::new(),
            error: None,
            done: false,
        }
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => 1,
            Style::Green => 32,
            Style::Yellow => 33,
            Style::Red => 31,
            Style::Dim => 2,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    pub(crate) fn say(&self, text: &str) {
        if !self.json {
            println!("{text}");
        }
    }

    fn heading(&self, text: &str) {
        self.say(&format!("\n{}", self.paint(Style::Bold, text)));
    }

    pub(crate) fn title(&self, guide: &Guide) {
        self.say(&self.paint(Style::Bold, &format!("{}: {}", guide.vendor, guide.registration.display_name())));
        for remark in &guide.remarks {
            self.say(&self.paint(Style::Yellow, &format!("  {remark}")));
        }
    }

    pub(crate) fn plan(&self, run: u32, plan: &Plan) {
        if run > 1 {
            self.heading("The same again");
            if plan.is_converged() {
                self.say("Nothing to do.");
                return;
            }
        }
        for line in plan.to_string().lines() {
            let style = match line.trim_start().chars().next() {
                Some('+') => Style::Green,
                Some('~' | '!') => Style::Yellow,
                Some('-') => Style::Red,
                Some('=' | '·' | '○') => Style::Dim,
                _ => Style::Bold,
            };
            self.say(&self.paint(style, line));
        }
    }

    pub(crate) fn plan_only(&mut self) {
        self.plan_only = true;
    }

    pub(crate) fn approvals(&self, plan: &Plan, flags: &Flags) {
        let names: Vec<String> = plan.needs_approval().iter().map(ToString::to_string).collect();
        if !flags.live && !names.is_empty() {
            self.say(&format!("Approved by this example, because the tenant is nobody's: {}", names.join(", ")));
        }
    }

    /// What is told while an apply runs.
    pub(crate) fn progress(&self) -> Option<impl Fn(&Progress) + Send + Sync + 'static> {
        (!self.json).then_some(|progress: &Progress| match progress {
            Progress::Done(what) => println!("  ✓ {what}"),
            Progress::Waiting(wait) => {
                println!("  … {} waits {:.1} s ({:?})", wait.operation, wait.duration.as_secs_f64(), wait.reason);
            }
            _ => {}
        })
    }

    pub(crate) fn run(&mut self, changes: usize, counts: Counts) {
        let (requests, trips, writes) = (counts.requests(), counts.round_trips(), counts.writes());
        self.runs.push(json!({"changes": changes, "requests": requests, "roundTrips": trips, "writes": writes}));
        self.say(&self.paint(
            Style::Dim,
            &format!("{changes} changes, {requests} requests, {trips} round trips, {writes} writes"),
        ));
    }

    pub(crate) fn report(&mut self, guide: &Guide, registered: &Registered) {
        if let Some(app) = &registered.application {
            self.app = json!({
                "tenantId": registered.tenant_id, "appId": app.app_id, "objectId": app.application_id,
                "servicePrincipalId": app.service_principal_id, "uniqueName": app.unique_name,
                "displayName": app.display_name,
            });
        }
        for secret in &registered.secrets {
            self.secrets.push(self.secret(secret));
        }
        for text in &registered.corrections {
            self.say(&self.paint(Style::Yellow, &format!("Corrected: {text}")));
        }
        for item in &registered.open {
            self.say(&self.paint(Style::Yellow, &format!("Open: {item}")));
        }
        if self.runs.len() > 1 && registered.secrets.is_empty() {
            return;
        }
        self.heading(&format!("Values to copy: {}", guide.hand_over.place));
        for (label, value) in (guide.hand_over.values)(registered) {
            self.say(&format!("  {label:<26} {value}"));
        }
        for secret in &registered.secrets {
            let shown = if self.show_secret {
                secret.value.expose_secret().to_owned()
            } else {
                "(hidden; --show-secret shows it)".to_owned()
            };
            self.say(&format!("  {:<26} {shown}", "Client secret Value"));
            self.say(&format!("  {:<26} {}", "Secret ends", date(secret.end)));
        }
    }

    fn secret(&self, secret: &IssuedSecret) -> Value {
        let mut value =
            json!({"keyId": secret.key_id, "displayName": secret.display_name, "endDateTime": date(secret.end)});
        if self.show_secret {
            value["value"] = secret.value.expose_secret().into();
        }
        value
    }

    pub(crate) fn checklist(&mut self, guide: &Guide, checklist: &Checklist) {
        self.done = checklist.is_done();
        self.checklist = checklist
            .items
            .iter()
            .map(|item| {
                json!({"code": item.code, "step": item.step, "required": item.required, "done": item.done, "remedy": item.remedy})
            })
            .collect();
        self.heading("Checklist");
        for item in &checklist.items {
            let (sign, style) = match (item.done, item.required) {
                (true, _) => ("[x]", Style::Green),
                (false, true) => ("[ ]", Style::Red),
                (false, false) => ("[ ]", Style::Yellow),
            };
            self.say(&format!("  {} {}", self.paint(style, sign), item.step));
            if let Some(remedy) = &item.remedy {
                self.say(&self.paint(Style::Dim, &format!("      {remedy}")));
            }
        }
        if guide.closing.is_empty() {
            return;
        }
        self.heading(&format!("{}'s own checklist", guide.vendor));
        for (sentence, codes) in guide.closing {
            let mut items = checklist.items.iter().filter(|item| codes.iter().any(|code| item.code.starts_with(code)));
            let sign = if items.all(|item| item.done) { "[x]" } else { "[ ]" };
            self.say(&format!("  {sign} {sentence}"));
        }
    }

    pub(crate) fn failed(&mut self, failure: Failure) {
        if !self.json {
            eprintln!("\n{}", self.paint(Style::Red, &format!("Failed: {}", failure.message)));
            if !failure.remedy.is_empty() {
                eprintln!("{}", failure.remedy);
            }
        }
        self.error.get_or_insert(failure);
    }

    pub(crate) fn finish(self) -> ExitCode {
        let good = self.error.is_none() && (self.done || self.plan_only);
        if self.json {
            let error = self
                .error
                .map(|failure| json!({"code": failure.code, "message": failure.message, "remedy": failure.remedy}));
            let object = json!({
                "app": self.app, "secrets": self.secrets, "runs": self.runs, "checklist": self.checklist, "error": error,
            });
            println!("{object}");
        }
        if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn date(date: OffsetDateTime) -> String {
    date.format(&Rfc3339).unwrap_or_default()
}
