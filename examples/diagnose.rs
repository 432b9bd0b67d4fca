//! What a customer typed in, and what is wrong with it: a report for the vendor's support desk.
//!
//! `cargo run --example diagnose -- --live --tenant contoso.example --client-id … --permission Directory.Read.All`, with
//! the secret in `ENTRA_CLIENT_SECRET`. Without flags an app is registered on an in-memory tenant, and signed in to with
//! the mistakes that customers make.

#[allow(dead_code, unused_imports)] // the vendors' examples use more of it
mod support;

use std::io::Write as _;
use std::process::ExitCode;

use entra_apps::ids::AppId;
use entra_apps::permission::Permission;
use entra_apps::permission::microsoft_graph::application;
use entra_apps::provision::Diagnosis;
use entra_apps::secrecy::{ExposeSecret as _, SecretString};

use entra_apps::{AppRegistration, ClientSecret};
use entra_emulator::MemoryTenant;
use serde_json::json;
use support::access::Access;
use support::flags::CommandLine;
use support::{Connection, Failure};

const HELP: &str = "usage: diagnose [flags]

Signs in as an app with what a customer typed in, and says what is wrong with it. Without flags: on an in-memory
tenant, with the mistakes that customers make. Exit code 0 when nothing is wrong (without flags: when every mistake is
named).

  --live                 a real tenant; the secret is taken from ENTRA_CLIENT_SECRET
  --emulator URL         the same, against the emulator example; its own caller unless said otherwise
  --tenant TENANT        id or domain, as the customer gave it; ENTRA_TENANT_ID by default
  --client-id ID         as the customer gave it; ENTRA_CLIENT_ID by default
  --permission NAME      an application permission of Microsoft Graph that the app needs; repeatable
  --json                 one JSON object on standard output, nothing else
";

/// What was asked for, or nothing when help was.
fn flags() -> Result<Option<(Access, Vec<String>)>, String> {
    let mut access = Access { environment: true, ..Access::default() };
    let mut permissions = Vec::new();
    let mut line = CommandLine::new();
    while let Some(name) = line.flag()? {
        match name.as_str() {
            "help" => return Ok(None),
            "permission" => permissions.push(line.value()?),
            "json" => {}
            "live" | "emulator" | "tenant" | "client-id" => drop(access.take(&name, &mut || line.value())?),
            name => return Err(format!("there is no flag --{name}")),
        }
    }
    access.check()?;
    Ok(Some((access, permissions)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let is_json = std::env::args().any(|argument| argument == "--json");
    let result = match flags() {
        Ok(None) => {
            print(HELP);
            return ExitCode::SUCCESS;
        }
        Ok(Some((access, permissions))) => match registration(&permissions) {
            Ok(wanted) if access.is_in_memory() => mistakes(&wanted).await,
            Ok(wanted) => one(&access, &wanted).await,
            Err(failure) => Err(failure),
        },
        Err(text) => Err(Failure::new("bad_flag", text, "--help lists the flags.")),
    };
    match result {
        Ok((diagnoses, is_good)) => {
            if is_json {
                let all: Vec<_> = diagnoses.iter().map(|(_, diagnosis)| diagnosis).collect();
                print(&format!("{}\n", json!({ "diagnoses": all })));
            } else {
                for (title, diagnosis) in &diagnoses {
                    print(&format!("\n=== {title}\n{diagnosis}"));
                }
            }
            if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(failure) => {
            if is_json {
                print(&format!("{}\n", json!({ "error": failure.to_json() })));
            } else {
                failure.show();
            }
            ExitCode::from(2)
        }
    }
}

/// Writes to standard output. Whoever reads may have gone away.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// The app as the vendor's guide has it.
fn registration(permissions: &[String]) -> Result<AppRegistration, Failure> {
    let registration = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
    if permissions.is_empty() {
        return Ok(registration.permission(application::DIRECTORY_READ_ALL));
    }
    let add =
        |registration: AppRegistration, name: &String| Ok(registration.permission(Permission::application(name)?));
    permissions.iter().try_fold(registration, add)
}

/// Each diagnosis with a title, and whether it is as it should be.
type Diagnoses = (Vec<(&'static str, Diagnosis)>, bool);

/// The mistakes that customers make, on a tenant of nobody's.
async fn mistakes(wanted: &AppRegistration) -> Result<Diagnoses, Failure> {
    let tenant = MemoryTenant::new();
    let client = tenant.client();
    let registered = client.apply(&client.plan(wanted).await?).approve_all().await?;
    let (Some(app), [secret]) = (&registered.application, &registered.secrets[..]) else {
        return Err(Failure::new("not_registered", "the app was not registered", "Run it again."));
    };
    let (id, object_id) = (&*app.app_id.to_string(), &*app.application_id.to_string());
    let (domain, value, key_id) = (tenant.domain(), secret.value.expose_secret(), &*secret.key_id.to_string());
    let later = &wanted.clone().permission(application::MAIL_READ);
    let (mut all, mut is_good) = (Vec::new(), true);
    for (title, tenant, client_id, secret, wanted, code) in [
        ("The secret's ID in place of its Value", domain, id, key_id, wanted, "secret_id_instead_of_value"),
        ("The object id in place of the client id", domain, object_id, value, wanted, "object_id_instead_of_client_id"),
        ("A domain with a slip in it", "contosso.example", id, value, wanted, "unknown_tenant"),
        ("A permission that came with an update", domain, id, value, later, "permission_added_after_consent"),
        ("All as it should be", domain, id, value, wanted, ""),
    ] {
        let diagnosis = client.diagnose(tenant, client_id, SecretString::from(secret), wanted).registered_as(app).await;
        is_good &= diagnosis.problems.first().map_or("", |problem| problem.code.as_str()) == code;
        all.push((title, diagnosis));
    }
    Ok((all, is_good))
}

/// What a customer typed in.
async fn one(access: &Access, wanted: &AppRegistration) -> Result<Diagnoses, Failure> {
    let connection = Connection::new(access).await?;
    // The client lends its transport and its cloud; it does not sign in itself.
    let client = connection.builder()?.client_secret(AppId::from_u128(0), SecretString::from("")).build()?;
    let (tenant, client_id) = (connection.tenant()?, connection.client_id_as_typed(access.way)?);
    let diagnosis = client.diagnose(tenant, client_id, connection.client_secret()?, wanted).await;
    let is_good = diagnosis.is_good();
    Ok((vec![("Diagnosis", diagnosis)], is_good))
}
