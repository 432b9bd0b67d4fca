//! The Pre-consent button of ImmyBot's guide for partners: the custom application is consented to in every customer's tenant
//! that is ready for it, through a deployer of the partner's own.
//!
//! ```text
//! cargo run -p example-immybot-gdap                        # a partner and 25 customers in memory
//! cargo run -p example-immybot-gdap -- --dry-run           # reads only
//! cargo run -p example-immybot-gdap -- --deployer remove   # leaves nothing behind but the app
//! cargo run -p entra-emulator -- --port 8400 --partner 25  # over HTTP, in two other terminals as two processes:
//! cargo run -p example-immybot-gdap -- --emulator http://127.0.0.1:8400 --shard 0/2
//! ```

mod place;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use entra_apps::partner::{ConsentRun, DeployerConsent, Report, RunState, deployer_registration};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::{AppRegistration, Client, SignInAudience};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use place::Place;

/// Consents to ImmyBot's custom application in the tenants of all customers of a partner, twice: the second run shows that
/// nothing is left to do.
#[derive(Parser)]
struct Flags {
    /// How many customers the partner in memory has
    #[arg(long, default_value_t = 25)]
    customers: usize,
    /// The address of an emulator that was started with --partner
    #[arg(long, value_name = "URL")]
    emulator: Option<String>,
    /// Looks at every customer, and writes nothing
    #[arg(long)]
    dry_run: bool,
    /// What becomes of the deployer in a customer's tenant
    #[arg(long, value_enum, default_value_t = Deployer::Keep)]
    deployer: Deployer,
    /// One part of the customers, numbered from 0, such as 0/4
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(usize, usize)>,
    /// Prints one JSON object in place of the table
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Deployer {
    Keep,
    Remove,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(index, parts)| Some((index.parse().ok()?, parts.parse().ok()?)));
    parts.ok_or_else(|| "give it as 0/4".to_owned())
}

/// The custom application of the guide, with what synchronising users takes in a customer's tenant.
fn immybot() -> AppRegistration {
    AppRegistration::new("immybot-custom", "ImmyBot Custom Application")
        .audience(SignInAudience::MultipleOrganizations)
        .permission(application::DIRECTORY_READ_ALL)
        .permission(application::DEVICE_MANAGEMENT_MANAGED_DEVICES_READ_WRITE_ALL)
        .permission(delegated::USER_READ)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    let (mut runs, mut report) = (Vec::new(), None);
    let error = consent(&flags, &mut runs, &mut report).await.err();
    if flags.json {
        let customers = report.map_or_else(Vec::new, |report| report.customers);
        let error = error.as_ref().map(|error| json!({"message": error.to_string()}));
        println!("{}", json!({"customers": customers, "runs": runs, "error": error}));
    } else {
        if let Some(report) = report {
            print!("{report}");
        }
        if let Some(error) = &error {
            eprintln!("{error}");
        }
    }
    if error.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

async fn consent(flags: &Flags, runs: &mut Vec<Value>, report: &mut Option<Report>) -> Result<(), AnyError> {
    let place = Place::new(flags.emulator.as_deref(), flags.customers).await?;
    let (registration, deployer) = (immybot(), deployer_registration("immybot-deployer", "ImmyBot Deployer"));

    // Once, in the partner's own tenant: both apps.
    let admin = place.admin()?;
    let app_id = register(&admin, &registration).await?;
    let deployer_id = register(&admin, &deployer).await?;
    place.settle(app_id).await?;

    // The person signs in to the deployer; the refresh token stays in the store.
    let client = place.sign_in(deployer_id).await?;
    let then = match flags.deployer {
        Deployer::Keep => DeployerConsent::Keep,
        Deployer::Remove => DeployerConsent::Remove,
    };
    for number in 0..2 {
        let before = place.counts();
        let mut consent = client.partner().pre_consent(&registration).deployer(&deployer, then);
        if let Some((index, parts)) = flags.shard {
            consent = consent.shard(index, parts);
        }
        let prepared = consent.prepare().await?;
        if number == 0 && !flags.json {
            println!("{prepared}");
        }
        // Whoever runs this has read what is printed: a program of yours asks.
        let run = if flags.dry_run { prepared.dry_run() } else { prepared.run(prepared.approval())? };
        *report = Some(follow(run, flags.json).await?);
        let [requests, writes] = place.counts();
        runs.push(json!({"requests": requests - before[0], "writes": writes - before[1]}));
        if !flags.json {
            println!("Requests: {}, writes: {}.", requests - before[0], writes - before[1]);
        }
    }
    Ok(())
}

async fn register(admin: &Client, registration: &AppRegistration) -> Result<entra_apps::ids::AppId, AnyError> {
    admin.partner().install_partner_center().await?;
    let plan = admin.plan(registration).await?;
    let registered = admin.apply(&plan).approve_all().await?;
    Ok(registered.application.ok_or("it is not there")?.app_id)
}

/// Shows how far the run is; Ctrl-C begins no other customer.
async fn follow(mut run: ConsentRun, quiet: bool) -> Result<Report, AnyError> {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len}, {msg}")?;
    let bar = ProgressBar::with_draw_target(Some(run.progress().total as u64), target).with_style(style);
    let mut outcomes = Vec::new();
    loop {
        let outcome = tokio::select! {
            outcome = run.next() => outcome,
            _ = tokio::signal::ctrl_c() => {
                run.cancel();
                continue;
            }
        };
        let progress = run.progress();
        bar.set_position(progress.done as u64);
        bar.set_message(format!("{} wait, {:.1} in a second", progress.waiting, progress.per_second));
        match outcome {
            Some(outcome) => outcomes.push(outcome),
            None => break,
        }
    }
    bar.finish_and_clear();
    let report = run.report_of(outcomes);
    match run.state() {
        // A program of yours lets the person sign in again, and calls `resume`.
        RunState::SignInNeeded(error) | RunState::Stopped(error) => Err(format!("{report}\n{error}").into()),
        _ => Ok(report),
    }
}
