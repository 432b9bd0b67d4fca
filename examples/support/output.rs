//! What is shown: a text for a person, or one JSON object.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use entra_apps::provision::Progress;
use entra_apps::secrecy::ExposeSecret;
use entra_apps::time::OffsetDateTime;
use entra_apps::time::format_description::well_known::Rfc3339;
use entra_apps::{Checklist, ErrorCode, IssuedSecret, Plan, Registered};
use serde_json::{Value, json};

use super::connect::SignedIn;
use super::failure::Failure;
use super::flags::Flags;
use super::{Counts, Guide};

/// Writes to standard output. Whoever reads may have gone away; the job goes on all the same.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

pub(crate) struct Output {
    json: bool,
    colour: bool,
    /// Columns of the terminal, where there is one.
    width: Option<usize>,
    show_secret: bool,
    plan_only: bool,
    caller: Value,
    tenant: Value,
    app: Value,
    secrets: Vec<Value>,
    runs: Vec<Value>,
    checklist: Vec<Value>,
    error: Option<Failure>,
    done: bool,
}

#[derive(Clone, Copy)]
enum Style {
    Plain,
    Bold,
    Green,
    Yellow,
    Red,
    Dim,
}

impl Output {
    pub(crate) fn new(flags: &Flags) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(80);
        Self {
            json: flags.json,
            colour: terminal && !dumb && std::env::var_os("NO_COLOR").is_none(),
            width: terminal.then_some(columns),
            show_secret: flags.show_secret,
            plan_only: false,
            caller: Value::Null,
            tenant: Value::Null,
            app: Value::Null,
            secrets: Vec::new(),
            runs: Vec::new(),
            checklist: Vec::new(),
            error: None,
            done: false,
        }
    }

    /// A line, wrapped to the terminal, what follows indented beneath its text.
    fn line(&self, style: Style, text: &str) {
        if self.json {
            return;
        }
        let indent = text.chars().take_while(|c| *c == ' ').count();
        let hanging = " ".repeat(indent + 4);
        let mut line = String::new();
        let mut lines = Vec::new();
        for word in text.split_inclusive(' ') {
            let room = self.width.unwrap_or(usize::MAX);
            if line.chars().count() + word.trim_end().chars().count() > room && !line.trim().is_empty() {
                lines.push(std::mem::replace(&mut line, hanging.clone()));
            }
            line.push_str(word);
        }
        lines.push(line);
        for line in lines {
            print(&format!("{}\n", self.paint(style, line.trim_end())));
        }
    }

    fn paint(&self, style: Style, text: &str) -> String {
        let code = match style {
            _ if !self.colour || text.is_empty() => return text.to_owned(),
            Style::Plain => return text.to_owned(),
            Style::Bold => 1,
            Style::Green => 32,
            Style::Yellow => 33,
            Style::Red => 31,
            Style::Dim => 2,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    fn heading(&self, text: &str) {
        self.line(Style::Plain, "");
        self.line(Style::Bold, text);
    }

    pub(crate) fn title(&self, guide: &Guide) {
        self.line(Style::Bold, &format!("{}: {}", guide.vendor, guide.registration.display_name()));
        for remark in &guide.remarks {
            self.line(Style::Yellow, &format!("  {remark}"));
        }
    }

    /// Whose tenant it is, before anything is written there.
    pub(crate) fn signed_in(&mut self, guide: &Guide, signed_in: &SignedIn, in_memory: bool) {
        self.tenant = signed_in.tenant.to_json();
        self.caller = signed_in.who.to_json();
        let where_it_is = if in_memory { ", in this program's memory" } else { "" };
        self.line(Style::Plain, &format!("  Tenant: {}{where_it_is}", signed_in.tenant));
        self.line(Style::Plain, &format!("  Signed in: {}", signed_in.who.name()));
        if let (Some(remark), Some(false)) = (guide.for_a_person, signed_in.who.is_person()) {
            self.line(Style::Yellow, &format!("  {remark}"));
        }
        self.line(Style::Plain, "");
    }

    pub(crate) fn plan(&self, run: u32, plan: &Plan) {
        if run > 1 {
            self.heading("The same again");
            if plan.is_converged() {
                self.line(Style::Plain, "Nothing to do.");
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
            self.line(style, line);
        }
    }

    pub(crate) fn plan_only(&mut self) {
        self.plan_only = true;
    }

    pub(crate) fn approvals(&self, plan: &Plan, flags: &Flags) {
        let names: Vec<String> = plan.needs_approval().iter().map(ToString::to_string).collect();
        if !flags.access.live && !names.is_empty() {
            let text = format!("Approved by this example, because the tenant is nobody's: {}", names.join(", "));
            self.line(Style::Yellow, &text);
        }
    }

    /// What is told while an apply runs.
    pub(crate) fn progress(&self) -> Option<impl Fn(&Progress) + Send + Sync + 'static> {
        (!self.json).then_some(|progress: &Progress| match progress {
            Progress::Done(what) => print(&format!("  ✓ {what}\n")),
            Progress::Waiting(wait) => {
                let (operation, seconds) = (&wait.operation, wait.duration.as_secs_f64());
                print(&format!("  … {operation} waits {seconds:.1} s ({:?})\n", wait.reason));
            }
            _ => {}
        })
    }

    pub(crate) fn run(&mut self, changes: usize, counts: &Counts) {
        let (requests, trips, writes) = (counts.requests(), counts.round_trips(), counts.writes());
        self.runs.push(json!({"changes": changes, "requests": requests, "roundTrips": trips, "writes": writes}));
        let text = format!("Changes planned: {changes}. Requests: {requests}, round trips: {trips}, writes: {writes}.");
        self.line(Style::Dim, &text);
    }

    pub(crate) fn report(&mut self, guide: &Guide, registered: &Registered, run: u32) {
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
            self.line(Style::Yellow, &format!("Corrected: {text}"));
        }
        if run == 1 || !registered.secrets.is_empty() {
            self.values(guide, registered);
        }
        if run == 1 {
            for item in &registered.open {
                let flag = if item.code == ErrorCode::SecretValueUnknown { " (--replace-secret)" } else { "" };
                self.line(Style::Yellow, &format!("Open: {item}{flag}"));
            }
        }
    }

    fn values(&self, guide: &Guide, registered: &Registered) {
        let values = (guide.values)(registered);
        if values.is_empty() {
            return;
        }
        self.heading(&format!("Values to copy: {}", guide.place));
        for (label, value) in values {
            self.line(Style::Plain, &format!("  {label:<26} {value}"));
        }
        for secret in &registered.secrets {
            let shown = match &guide.sink {
                _ if self.show_secret => secret.value.expose_secret().to_owned(),
                Some((place, _)) => format!("in {place}, which only its owner can read"),
                None => "(not shown; --replace-secret --show-secret issues another and shows it)".to_owned(),
            };
            self.line(Style::Plain, &format!("  {:<26} {shown}", "Client secret Value"));
            self.line(Style::Plain, &format!("  {:<26} {}", "Secret ends", secret.end.map(day).unwrap_or_default()));
        }
    }

    fn secret(&self, secret: &IssuedSecret) -> Value {
        let end = secret.end.and_then(|end| end.format(&Rfc3339).ok());
        let mut value = json!({"keyId": secret.key_id, "displayName": secret.display_name, "endDateTime": end});
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
                json!({
                    "code": item.id.to_string(), "step": item.step, "required": item.required, "done": item.done,
                    "remedy": item.remedy,
                })
            })
            .collect();
        self.heading("Checklist");
        for item in &checklist.items {
            let (sign, style) = match (item.done, item.required) {
                (true, _) => ("[x]", Style::Green),
                (false, true) => ("[ ]", Style::Red),
                (false, false) => ("[ ]", Style::Yellow),
            };
            self.line(style, &format!("  {sign} {}", item.step));
            if let Some(remedy) = &item.remedy {
                self.line(Style::Dim, &format!("      {remedy}"));
            }
        }
        if guide.closing.is_empty() {
            return;
        }
        self.heading(&format!("{}'s own checklist", guide.vendor));
        for (sentence, codes) in guide.closing {
            let mut items =
                checklist.items.iter().filter(|item| codes.iter().any(|code| item.id.to_string().starts_with(code)));
            let sign = if items.all(|item| item.done) { "[x]" } else { "[ ]" };
            self.line(Style::Plain, &format!("  {sign} {sentence}"));
        }
    }

    pub(crate) fn failed(&mut self, failure: Failure) {
        if !self.json {
            failure.show();
        }
        self.error.get_or_insert(failure);
    }

    pub(crate) fn finish(self) -> ExitCode {
        let mut good = self.error.is_none() && (self.done || self.plan_only);
        if self.json {
            let error = self.error.as_ref().map(Failure::to_json);
            let object = json!({
                "tenant": self.tenant, "caller": self.caller, "app": self.app, "secrets": self.secrets, "runs": self.runs, "checklist": self.checklist,
                "error": error,
            });
            good &= writeln!(std::io::stdout(), "{object}").is_ok();
        }
        if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn day(date: OffsetDateTime) -> String {
    format!("{} {:02}:{:02} UTC", date.date(), date.hour(), date.minute())
}
