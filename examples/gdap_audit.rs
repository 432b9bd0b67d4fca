//! A managed service provider looks at all customers: who has consented to its app, and what has become of the
//! relationships (GDAP). Nothing is written.
//!
//! ```text
//! cargo run --example gdap_audit                          # a partner and 25 customers in memory
//! cargo run --example gdap_audit -- --save monday.json    # keep the report
//! cargo run --example gdap_audit -- --since monday.json   # and tell what has changed since
//! cargo run -p entra-emulator -- --port 8400 --partner 25 # over HTTP, in another terminal:
//! cargo run --example gdap_audit -- --emulator http://127.0.0.1:8400
//! cargo run --example gdap_audit -- --live --tenant partner.example --client-id CLIENT-ID
//! ```

#[allow(dead_code, unused_imports)] // the vendors' examples use more of it
mod support;

use std::process::ExitCode;

use entra_apps::partner::Report;
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::{AppRegistration, Client, SignInAudience};
use support::customers::{self, Customers, Row};
use support::{Failure, Flag, OwnFlags};

const ABOUT: &str = "usage: gdap_audit [flags]\n\nAudits, for every customer of a partner, the consent to the partner's own app \
                     (unique name\ncustomer-care) and the relationship, twice. It reads only. Exit code 0 when every customer's \
                     state\ncould be told, 1 when not, 2 for flags that make no sense.";

const FLAGS: &[Flag] = &[
    Flag { name: "save", value: Some("FILE"), help: "where the report is kept" },
    Flag { name: "since", value: Some("FILE"), help: "a report that was kept: what has changed since is told" },
    Flag { name: "app", value: Some("CLIENT-ID"), help: "a vendor's app in the place of the partner's own" },
    Flag { name: "publisher", value: Some("TENANT-ID"), help: "the vendor's tenant, with --app" },
];

/// What is expected of each customer's tenant.
fn registration() -> AppRegistration {
    AppRegistration::new("customer-care", "Customer Care")
        .audience(SignInAudience::MultipleOrganizations)
        .permission(application::USER_READ_ALL)
        .permission(application::GROUP_READ_ALL)
        .permission(delegated::USER_READ)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    customers::main(ABOUT, FLAGS, run).await
}

async fn run(flags: &OwnFlags, client: &Client, shown: &mut Customers) -> Result<(), Failure> {
    // Read before anything is asked: a report that cannot be compared is known at once.
    let earlier = flags.values("since").next().map(read).transpose()?;
    let first = audit(flags, client, shown).await?;
    shown.run_ended();
    // Each run begins anew: nothing is kept in between.
    let second = audit(flags, client, shown).await?;
    shown.run_ended();
    let flapped = second.difference(&first)?;
    if !flapped.is_empty() {
        shown.say(format!("In between, something has changed:\n{flapped}"));
    }
    for outcome in &second.customers {
        shown.row(Row {
            tenant_id: outcome.tenant_id.to_string(),
            display_name: outcome.name(),
            outcome: outcome.state.as_str().to_owned(),
            detail: outcome.detail().unwrap_or_default(),
            remedy: outcome.remedy().unwrap_or_default(),
        });
    }
    for note in second.notes.iter().chain(&second.unread) {
        shown.say(format!("! {note}"));
    }
    if let Some(earlier) = earlier {
        // On standard error, so that a job that keeps the table can send what has changed to somebody.
        eprint!("Since {}:\n{}", earlier.at, second.difference(&earlier)?);
    }
    if let Some(file) = flags.values("save").next() {
        std::fs::write(file, second.to_json()).map_err(|error| file_failure(file, &error.to_string()))?;
    }
    if second.unread.is_empty() {
        return Ok(());
    }
    Err(Failure::new("unread_customers", "not every list of customers could be read", "See the lines with ! above."))
}

/// Asks in every customer's tenant, side by side.
async fn audit(flags: &OwnFlags, client: &Client, shown: &Customers) -> Result<Report, Failure> {
    let registration = registration();
    let mut audit = client.partner().audit(&registration);
    if let Some(app_id) = flags.values("app").next() {
        let remedy = "Give both: --app CLIENT-ID --publisher TENANT-ID.";
        let publisher = flags.values("publisher").next();
        let publisher = publisher.ok_or_else(|| Failure::new("bad_flag", "--app is of a publisher", remedy))?;
        audit = audit.app(app_id.parse()?, publisher.parse()?);
    }
    let mut run = audit.start().await?;
    shown.say(format!("Looking at {} customers.", run.total()));
    let mut outcomes = Vec::with_capacity(run.total());
    while let Some(outcome) = run.next().await {
        outcomes.push(outcome);
    }
    Ok(run.report(outcomes))
}

fn read(file: &str) -> Result<Report, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| file_failure(file, &error.to_string()))?;
    Ok(Report::from_json(&text)?)
}

fn file_failure(file: &str, error: &str) -> Failure {
    Failure::new("report_file", format!("{file}: {error}"), "Give the path of a file that can be read and written.")
}
