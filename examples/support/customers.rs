//! What the examples for partners share: a table of customers, and its form as one JSON object.

use std::process::ExitCode;

use entra_apps::Client;
use serde_json::{Value, json};

use super::access::Access;
use super::connect::Connection;
use super::failure::Failure;
use super::flags::Flag;
use super::output::print;
use super::own_flags::{OwnFlags, print_help};
use super::recorder::{Counts, Recorder};
use super::ways::Way;

/// How many customers the partner in memory has.
const CUSTOMERS: usize = 25;

/// A customer in the table.
pub(crate) struct Row {
    pub(crate) tenant_id: String,
    pub(crate) display_name: String,
    /// A stable word, such as `ready`; `unknown` where it could not be told.
    pub(crate) outcome: String,
    /// What was found, in sentences.
    pub(crate) detail: String,
    /// What to do about it; empty where there is nothing to do.
    pub(crate) remedy: String,
}

impl Row {
    fn to_json(&self) -> Value {
        json!({
            "tenantId": self.tenant_id, "displayName": self.display_name, "outcome": self.outcome,
            "detail": self.detail, "remedy": self.remedy,
        })
    }
}

/// What an example shows of customers.
pub(crate) struct Customers {
    json: bool,
    rows: Vec<Row>,
    runs: Vec<Value>,
    error: Option<Failure>,
    recorder: Option<Recorder>,
    before: Counts,
}

impl Customers {
    fn new(json: bool) -> Self {
        Self { json, rows: Vec::new(), runs: Vec::new(), error: None, recorder: None, before: Counts::default() }
    }

    /// Tells a person.
    pub(crate) fn say(&self, text: impl std::fmt::Display) {
        if !self.json {
            print(&format!("{}\n", text.to_string().trim_end()));
        }
    }

    /// Adds a customer; they are shown by their names, Customer 2 before Customer 10.
    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
        self.rows.sort_by_cached_key(|row| (row.display_name.chars().count(), row.display_name.clone()));
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

    fn table(&self) -> String {
        let width = self.rows.iter().map(|row| row.outcome.len()).max().unwrap_or(0);
        let line = |row: &Row| {
            let first = format!("  {:<24} {:<width$} {}\n", row.display_name, row.outcome, row.detail);
            let remedy = format!("  {:<24} {:<width$} → {}\n", "", "", row.remedy);
            if row.remedy.is_empty() { first } else { first + &remedy }
        };
        self.rows.iter().map(line).collect()
    }

    /// Shows the table or the JSON object. 0 when every customer's state could be told, 1 when not, 2 for flags that make
    /// no sense.
    fn finish(self) -> ExitCode {
        let is_unknown = self.rows.iter().any(|row| row.outcome == "unknown");
        if self.json {
            print(&format!(
                "{}\n",
                json!({
                    "customers": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(), "runs": self.runs,
                    "error": self.error.as_ref().map(Failure::to_json),
                })
            ));
        } else {
            print(&self.table());
            if let Some(failure) = &self.error {
                failure.show();
            }
        }
        match &self.error {
            Some(failure) if failure.code == "bad_flag" => ExitCode::from(2),
            None if !is_unknown => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }
}

/// Parses the flags, signs in to the partner's tenant, does the job, shows how it ended, and says so by the exit code.
/// `about` is what the help says first.
pub(crate) async fn main(
    about: &str,
    own: &'static [Flag],
    job: impl AsyncFnOnce(&OwnFlags, &Client, &mut Customers) -> Result<(), Failure>,
) -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let mut customers = Customers::new(arguments.iter().any(|argument| argument == "--json"));
    let access = Access { environment: true, way: Way::DeviceCode, customers: Some(CUSTOMERS), ..Access::default() };
    match OwnFlags::parse(&arguments, access, own) {
        Ok(None) => {
            print_help(about, own);
            return ExitCode::SUCCESS;
        }
        Ok(Some(flags)) => {
            let result = match Box::pin(sign_in(&flags.access, &mut customers)).await {
                Ok(client) => Box::pin(job(&flags, &client, &mut customers)).await,
                Err(failure) => Err(failure),
            };
            customers.error = result.err();
        }
        Err(text) => customers.error = Some(Failure::new("bad_flag", text, "--help lists the flags.")),
    }
    customers.finish()
}

/// In memory, over HTTP to the emulator, or to a real tenant.
async fn sign_in(access: &Access, customers: &mut Customers) -> Result<Client, Failure> {
    let connection = Connection::new(access).await?;
    let client = connection.builder()?;
    let client = match access.way {
        Way::Secret => client.client_secret(connection.client_id(Way::Secret)?, connection.client_secret()?),
        way => client.token_provider(connection.provider(way)?),
    };
    let signed_in = connection.sign_in(client.build()?).await?;
    customers.say(format!("Tenant: {}\nSigned in: {}", signed_in.tenant, signed_in.who.name()));
    customers.before = signed_in.recorder.counts();
    customers.recorder = Some(signed_in.recorder);
    Ok(signed_in.client)
}
