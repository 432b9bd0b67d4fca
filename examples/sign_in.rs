//! Signs in, and says who you are, in which tenant, with which permissions and roles, and what entra-apps could do with
//! that.
//!
//! `cargo run --example sign_in -- --live --sign-in device-code`; with `--features browser,azure-cli` also with the browser
//! or the Azure CLI. Without flags, an app and two people sign in to an in-memory tenant. No token is ever shown.

#[allow(dead_code, unused_imports)] // the vendors' examples use more of it
mod support;

use std::io::Write as _;
use std::process::ExitCode;

use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::provision::{CallerPermissions, Preflight};

use entra_apps::{AppRegistration, ClientSecret, SignInAudience};
use serde_json::{Value, json};
use support::access::{self, Access};
use support::connect::SignedIn;
use support::flags::CommandLine;
use support::{Connection, Failure, Way};

const HELP: &str = "usage: sign_in [flags]

Signs in, and says who you are, in which tenant, with which permissions and roles, and what entra-apps could do with
that. Nothing is written. Without flags an app and two people sign in to an in-memory tenant. Exit code 0 when the
sign-in works.

";

/// The flags, or nothing when help was asked for; without any, an app, an administrator, and somebody without a role.
fn flags() -> Result<Option<(Vec<Access>, bool)>, String> {
    let mut access = Access { environment: true, ..Access::default() };
    let (mut is_chosen, mut json) = (false, false);
    let mut line = CommandLine::new();
    while let Some(name) = line.flag()? {
        match name.as_str() {
            "help" => return Ok(None),
            "json" => json = true,
            name if access.take(name, &mut || line.value())? => is_chosen = true,
            name => return Err(format!("there is no flag --{name}")),
        }
    }
    access.check()?;
    let person = |name: &str| Access { way: Way::DeviceCode, person: Some(name.to_owned()), ..access.clone() };
    let people = [person("Ada Lovelace"), person("Alan Turing")];
    let accesses = if is_chosen { vec![access] } else { [access].into_iter().chain(people).collect() };
    Ok(Some((accesses, json)))
}

/// What ImmyBot's guide asks for without any of its tasks.
fn job() -> AppRegistration {
    AppRegistration::new("immybot-custom", "ImmyBot Custom Application")
        .audience(SignInAudience::MultipleOrganizations)
        .permission(application::DELEGATED_ADMIN_RELATIONSHIP_READ_ALL)
        .permission(application::DIRECTORY_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("ImmyBot"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (accesses, json) = match flags() {
        Ok(Some(flags)) => flags,
        Ok(None) => {
            let json = ("--json", "one JSON object on standard output, nothing else");
            let lines = access::FLAGS.iter().chain([&json]).map(|(flag, help)| format!("  {flag:<22} {help}\n"));
            print(&(HELP.to_owned() + &lines.collect::<String>() + &access::ways()));
            return ExitCode::SUCCESS;
        }
        Err(text) => {
            let json = std::env::args().any(|argument| argument == "--json");
            finish(json, &[], Some(&Failure::new("bad_flag", text, "--help lists the flags and the ways to sign in.")));
            return ExitCode::from(2);
        }
    };
    let mut all = Vec::new();
    for access in accesses {
        match Box::pin(one(&access, json)).await {
            Ok(told) => all.push(told),
            Err(failure) => {
                finish(json, &all, Some(&failure));
                return ExitCode::FAILURE;
            }
        }
    }
    finish(json, &all, None);
    ExitCode::SUCCESS
}

async fn one(access: &Access, json: bool) -> Result<Value, Failure> {
    // A way to sign in is one line of the builder, or a provider of tokens.
    let connection = Connection::new(access).await?;
    let client = connection.builder()?;
    let told = if access.is_in_memory() { "What the person is told, who then does so: " } else { "" };
    let client = match access.way {
        Way::Secret => client.client_secret(connection.client_id(Way::Secret)?, connection.client_secret()?),
        Way::DeviceCode if access.refresh_token.is_none() => {
            client.device_code(connection.public_client_id()?, move |prompt| eprintln!("{told}{}", prompt.message))
        }
        way => client.token_provider(connection.provider(way)?),
    };
    let signed_in = connection.sign_in(client.build()?).await?;

    // What the caller's token allows of a job, and what the whole job takes.
    let job = job();
    let preflight = signed_in.client.preflight(&job).await?;
    let needs = job.caller_permissions();
    if !json {
        print(&shown(access, &signed_in, &preflight, &needs));
    }
    Ok(json!({
        "way": access.way.name(),
        "caller": signed_in.who.to_json(),
        "tenant": signed_in.tenant.to_json(),
        "preflight": preflight,
        "callerPermissions": needs,
    }))
}

fn shown(access: &Access, signed_in: &SignedIn, preflight: &Preflight, needs: &CallerPermissions) -> String {
    let SignedIn { who, tenant, .. } = signed_in;
    let or = |list: Vec<String>, none: &str| if list.is_empty() { none.to_owned() } else { list.join(", ") };
    let texts = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let is_person = who.is_person().unwrap_or_default();
    let mut lines = vec![
        ("Tenant", tenant.to_string()),
        ("Client id", who.app().unwrap_or("the token does not say").to_owned()),
        ("Object id", who.object_id().unwrap_or("the token does not say").to_owned()),
    ];
    if is_person {
        lines.push(("Delegated permissions", or(texts(who.scopes()), "none")));
    } else {
        lines.push(("Application permissions", or(texts(who.roles()), "none")));
    }
    lines.push(("Directory roles, active", or(who.directory_roles(), "none")));
    lines.extend(who.has_mfa().map(|mfa| ("Second factor", if mfa { "yes" } else { "no" }.to_owned())));
    lines.push(("Token ends", who.ends()));
    let in_memory = if access.is_in_memory() { ", in this program's memory" } else { "" };
    let mut text = format!("\n=== Signed in with {}{in_memory}\n{}\n", access.way.name(), who.name());
    text.extend(lines.iter().map(|(label, value)| format!("  {label:<24} {value}\n")));
    let all = if preflight.is_allowed() { ": all of it" } else { "" };
    text.extend(["\nWhat entra-apps could do of ImmyBot's guide", all, "\n"]);
    text.extend(preflight.to_string().lines().map(|line| format!("  {line}\n")));
    if !preflight.is_allowed() {
        text += "\nWhat the whole guide takes\n";
        text.extend(needs.to_string().lines().map(|line| format!("  {line}\n")));
    }
    text
}

/// Writes to standard output. Whoever reads may have gone away.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn finish(json: bool, all: &[Value], failure: Option<&Failure>) {
    if json {
        print(&format!("{}\n", json!({"signIns": all, "error": failure.map(Failure::to_json)})));
    } else if let Some(failure) = failure {
        failure.show();
    }
}
