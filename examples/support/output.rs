//! What is shown: a text for a person, or one JSON object.

use std::io::Write as _;
use std::process::ExitCode;

use entra_apps::provision::{Progress, RegisteredApplication};
use entra_apps::secrecy::ExposeSecret;
use entra_apps::time::OffsetDateTime;
use entra_apps::time::format_description::well_known::Rfc3339;

use entra_apps::{ApplyError, Checklist, Client, ErrorCode, IssuedSecret, Plan, Registered};
use serde_json::{Map, Value, json};

use super::connect::SignedIn;
use super::failure::Failure;
use super::flags::Flags;
use super::recorder::{Counts, Recorder};
use super::secret_file::SecretFile;

/// Writes to standard output. Whoever reads may have gone away; the job goes on all the same.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

pub(crate) struct Output {
    json: bool,
    show_secret: bool,
    plan_only: bool,
    once: bool,
    in_memory: bool,
    live: bool,
    recorder: Option<Recorder>,
    before: Counts,
    plan: Value,
    caller: Value,
    tenant: Value,
    app: Value,
    secrets: Vec<Value>,
    runs: Vec<Value>,
    checklist: Vec<Value>,
    /// What one example tells besides.
    more: Map<String, Value>,
    error: Option<Failure>,
    done: bool,
}

impl Output {
    pub(crate) fn new(flags: &Flags) -> Self {
        Self {
            json: flags.json,
            show_secret: flags.show_secret,
            plan_only: flags.plan,
            once: flags.once,
            in_memory: flags.access.is_in_memory(),
            live: flags.access.live,
            recorder: None,
            before: Counts::default(),
            plan: Value::Null,
            caller: Value::Null,
            tenant: Value::Null,
            app: Value::Null,
            secrets: Vec::new(),
            runs: Vec::new(),
            checklist: Vec::new(),
            more: Map::new(),
            error: None,
            done: false,
        }
    }

    pub(crate) fn of_bad_flags(json: bool, text: String) -> Self {
        let mut output = Self::new(&Flags { json, ..Flags::default() });
        output.failed(Failure::new("bad_flag", text, "--help lists the flags."));
        output
    }

    fn line(&self, text: &str) {
        if !self.json {
            print(&format!("{}\n", text.trim_end()));
        }
    }

    pub(crate) fn heading(&self, text: &str) {
        self.line("");
        self.line(text);
    }

    /// The vendor's name and app, and what a person is to know before anything is written.
    pub(crate) fn title(&self, vendor: &str, app: &str, remarks: &[&str]) {
        self.line(&format!("{vendor}: {app}"));
        for remark in remarks {
            self.remark(remark);
        }
    }

    pub(crate) fn remark(&self, text: &str) {
        self.line(&format!("  {text}"));
    }

    /// Whose tenant it is, before anything is written there.
    pub(crate) fn signed_in(&mut self, signed_in: SignedIn) -> Client {
        self.tenant = signed_in.tenant.to_json();
        self.caller = signed_in.who.to_json();
        self.before = signed_in.recorder.counts();
        self.recorder = Some(signed_in.recorder);
        let where_it_is = if self.in_memory { ", in this program's memory" } else { "" };
        self.line(&format!("  Tenant: {}{where_it_is}", signed_in.tenant));
        self.line(&format!("  Signed in: {}", signed_in.who.name()));
        signed_in.client
    }

    /// Whether an app signed in, and no person.
    #[allow(dead_code)] // one guide wants a person
    pub(crate) fn is_app(&self) -> bool {
        self.caller["kind"] == "app"
    }

    pub(crate) fn plan(&mut self, run: u32, plan: &Plan) {
        self.line("");
        if run == 1 {
            self.plan = json!(plan.steps());
        } else {
            self.line("The same again");
        }
        let text = if run > 1 && plan.is_converged() { "Nothing to do.".to_owned() } else { plan.to_string() };
        self.line(&text);
        let names: Vec<String> = plan.needs_approval().iter().map(ToString::to_string).collect();
        if !self.live && !self.plan_only && !names.is_empty() {
            let text = format!("Approved by this example, because the tenant is nobody's: {}", names.join(", "));
            self.line(&text);
        }
        self.runs.push(json!({"changes": plan.changes().count()}));
        self.count(self.plan_only);
    }

    /// What is told while an apply runs.
    pub(crate) fn progress(&self) -> impl Fn(&Progress) + Send + Sync + 'static {
        let quiet = self.json;
        move |progress| match progress {
            _ if quiet => {}
            Progress::Done(done) => print(&format!("  ✓ {done}\n")),
            Progress::Waiting(wait) => {
                let (operation, seconds) = (&wait.operation, wait.duration.as_secs_f64());
                print(&format!("  … {operation} waits {seconds:.1} s ({:?})\n", wait.reason));
            }
            _ => {}
        }
    }

    /// What an apply did, also where it failed half-way, and where each secret is.
    pub(crate) fn applied(
        &mut self,
        run: u32,
        result: Result<Registered, ApplyError>,
        file: &SecretFile,
    ) -> Result<(Registered, RegisteredApplication), Failure> {
        self.count(true);
        self.before = self.recorder.as_ref().map(Recorder::counts).unwrap_or_default();
        let (registered, error) = match result {
            Ok(registered) => (registered, None),
            Err(error) => {
                let (error, registered) = error.into_parts();
                (registered, Some(error))
            }
        };
        if let Some(app) = &registered.application {
            self.app = json!({
                "tenantId": registered.tenant_id, "appId": app.app_id, "objectId": app.application_id,
                "servicePrincipalId": app.service_principal_id, "uniqueName": app.unique_name,
                "displayName": app.display_name,
            });
        }
        for text in &registered.corrections {
            self.line(&format!("Corrected: {text}"));
        }
        for secret in &registered.secrets {
            self.secret(secret, file);
        }
        if run == 1 {
            for item in &registered.open {
                let flag = if item.code == ErrorCode::SecretValueUnknown { " (--replace-secret)" } else { "" };
                self.line(&format!("Open: {item}{flag}"));
            }
        }
        match (error, registered.application.clone()) {
            (Some(error), _) => Err(error.into()),
            (None, Some(app)) => Ok((registered, app)),
            (None, None) => Err(Failure::new("not_registered", "there is no application", "Run it again.")),
        }
    }

    /// What is copied, and to where.
    pub(crate) fn values(&self, place: &str, values: &[(&str, String)]) {
        self.heading(&format!("Values to copy: {place}"));
        for (label, value) in values {
            self.value(label, value);
        }
    }

    /// A time to the minute.
    pub(crate) fn time(time: OffsetDateTime) -> String {
        format!("{} {:02}:{:02} UTC", time.date(), time.hour(), time.minute())
    }

    fn value(&self, label: &str, value: &str) {
        self.line(&format!("  {label:<26} {value}"));
    }

    fn secret(&mut self, secret: &IssuedSecret, file: &SecretFile) {
        let end = secret.end.and_then(|end| end.format(&Rfc3339).ok());
        let path = file.path(secret);
        let mut value = json!({
            "keyId": secret.key_id, "displayName": secret.display_name, "endDateTime": end, "file": path,
        });
        self.heading("The client secret");
        if let Some(path) = path {
            self.value("Value", &format!("in {}, which only its owner can read", path.display()));
        }
        if self.show_secret {
            value["value"] = secret.value.expose_secret().into();
            self.value("Value", secret.value.expose_secret());
        }
        if let Some(end) = secret.end {
            self.value("Ends", &Self::time(end));
        }
        self.secrets.push(value);
    }

    pub(crate) fn checklist(&mut self, checklist: &Checklist) {
        self.done = checklist.is_done();
        self.checklist = checklist.items.iter().map(|item| json!(item)).collect();
        self.heading("Checklist");
        self.line(&checklist.to_string());
    }

    /// A sentence with a tick, or without one.
    #[allow(dead_code)] // one guide has a checklist of its own
    pub(crate) fn tick(&self, is_done: bool, sentence: &str) {
        self.line(&format!("  [{}] {sentence}", if is_done { 'x' } else { ' ' }));
    }

    /// One more member of the JSON.
    #[allow(dead_code)] // one example has one
    pub(crate) fn tell(&mut self, name: &str, value: Value) {
        self.more.insert(name.to_owned(), value);
    }

    /// What a run has sent so far, in numbers.
    fn count(&mut self, show: bool) {
        let (Some(recorder), Some(run)) = (&self.recorder, self.runs.last_mut()) else { return };
        let counts = recorder.counts().since(&self.before);
        let (requests, trips, writes) = (counts.requests(), counts.round_trips(), counts.writes());
        (run["requests"], run["roundTrips"], run["writes"]) = (requests.into(), trips.into(), writes.into());
        let text = format!(
            "Changes planned: {}. Requests: {requests}, round trips: {trips}, writes: {writes}.",
            run["changes"]
        );
        if show {
            self.line(&text);
        }
    }

    pub(crate) fn failed(&mut self, failure: Failure) {
        if !self.json {
            failure.show();
        }
        self.error.get_or_insert(failure);
    }

    /// What `--json` prints.
    pub(crate) fn to_json(&self) -> Value {
        let mut told = json!({
            "tenant": self.tenant, "caller": self.caller, "plan": self.plan, "app": self.app,
            "secrets": self.secrets, "runs": self.runs, "checklist": self.checklist,
            "error": self.error.as_ref().map(Failure::to_json),
        });
        let more = self.more.iter().map(|(name, value)| (name.clone(), value.clone()));
        told.as_object_mut().into_iter().for_each(|told| told.extend(more.clone()));
        told
    }

    /// 0 when everything that was asked for is done, 1 when not, 2 for flags that make no sense.
    pub(crate) fn exit_code(&self) -> u8 {
        match &self.error {
            Some(failure) if failure.code == "bad_flag" => 2,
            Some(_) => 1,
            None => u8::from(!(self.done || self.plan_only || self.once)),
        }
    }

    pub(crate) fn finish(self) -> ExitCode {
        let printed = !self.json || writeln!(std::io::stdout(), "{}", self.to_json()).is_ok();
        if printed { ExitCode::from(self.exit_code()) } else { ExitCode::FAILURE }
    }
}
