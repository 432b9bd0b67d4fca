//! What a customer typed in, and what is wrong with it: a report for the vendor's support desk.
//!
//! `cargo run --example diagnose -- --live --tenant contoso.example --client-id … --permission Directory.Read.All`, with
//! the secret in `ENTRA_CLIENT_SECRET`. Without flags an app is registered on an in-memory tenant, and signed in to with
//! the mistakes that customers make.

#[allow(dead_code)] // the vendors' examples use more of it
mod support;

use std::io::Write as _;
use std::process::ExitCode;

use entra_apps::permission::Permission;
use entra_apps::permission::microsoft_graph::application;
use entra_apps::provision::Diagnosis;
use entra_apps::secrecy::{ExposeSecret as _, SecretString};

use entra_apps::{AppRegistration, ClientSecret};
use entra_emulator::MemoryTenant;
use lexopt::prelude::*;

type Failure = Box<dyn std::error::Error>;

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

#[derive(Default)]
struct Flags {
    live: bool,
    emulator: Option<String>,
    tenant: Option<String>,
    client_id: Option<String>,
    permissions: Vec<String>,
    json: bool,
}

fn flags() -> Result<Option<Flags>, Failure> {
    let mut flags = Flags::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("live") => flags.live = true,
            Long("emulator") => flags.emulator = Some(parser.value()?.string()?),
            Long("tenant") => flags.tenant = Some(parser.value()?.string()?),
            Long("client-id") => flags.client_id = Some(parser.value()?.string()?),
            Long("permission") => flags.permissions.push(parser.value()?.string()?),
            Long("json") => flags.json = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if flags.live && flags.emulator.is_some() {
        return Err("--live and --emulator exclude each other".into());
    }
    Ok(Some(flags))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let good = match flags() {
        Ok(None) => {
            print(HELP);
            Ok(true)
        }
        Ok(Some(flags)) if flags.live || flags.emulator.is_some() => one(&flags).await,
        Ok(Some(flags)) => mistakes(&flags).await,
        Err(error) => Err(error),
    };
    match good {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("Failed: {error}");
            eprintln!("--help lists the flags.");
            if std::env::args().any(|argument| argument == "--json") {
                let error = serde_json::json!({ "code": "failed", "message": error.to_string() });
                print(&format!("{}\n", serde_json::json!({ "error": error })));
            }
            ExitCode::from(2)
        }
    }
}

/// Writes to standard output. Whoever reads may have gone away.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn registration(flags: &Flags) -> Result<AppRegistration, Failure> {
    let registration = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
    if flags.permissions.is_empty() {
        return Ok(registration.permission(application::DIRECTORY_READ_ALL));
    }
    let mut registration = registration;
    for name in &flags.permissions {
        registration = registration.permission(Permission::application(name)?);
    }
    Ok(registration)
}

/// The mistakes that customers make, on a tenant of nobody's.
async fn mistakes(flags: &Flags) -> Result<bool, Failure> {
    let tenant = MemoryTenant::new();
    let client = tenant.client();
    let wanted = registration(flags)?;
    let registered = client.apply(&client.plan(&wanted).await?).approve_all().await?;
    let app = registered.application.as_ref().ok_or("the app was not registered")?;
    let (app_id, object_id) = (app.app_id.to_string(), app.application_id.to_string());
    let (domain, secret) = (tenant.domain(), &registered.secrets[0]);
    let (value, key_id) = (secret.value.expose_secret().to_owned(), secret.key_id.to_string());
    let later = wanted.clone().permission(application::MAIL_READ);
    let cases = [
        ("The secret's ID in place of its Value", domain, &app_id, &key_id, &wanted, "secret_id_instead_of_value"),
        (
            "The object id in place of the client id",
            domain,
            &object_id,
            &value,
            &wanted,
            "object_id_instead_of_client_id",
        ),
        ("A domain with a slip in it", "contosso.example", &app_id, &value, &wanted, "token_without_tenant"),
        ("A permission that came with an update", domain, &app_id, &value, &later, "permission_added_after_consent"),
        ("All as it should be", domain, &app_id, &value, &wanted, ""),
    ];
    let (mut all, mut good) = (Vec::new(), true);
    for (title, tenant, client_id, secret, wanted, code) in cases {
        let diagnosis = client.diagnose(tenant, client_id, SecretString::from(secret.as_str()), wanted);
        let diagnosis = diagnosis.registered_as(app).await;
        good &= diagnosis.problems.first().map_or("", |problem| problem.code.as_str()) == code;
        show(flags, title, &diagnosis);
        all.push(diagnosis);
    }
    if flags.json {
        print(&format!("{}\n", serde_json::json!({ "diagnoses": all })));
    }
    Ok(good)
}

fn show(flags: &Flags, title: &str, diagnosis: &Diagnosis) {
    if !flags.json {
        print(&format!("\n=== {title}\n{diagnosis}"));
    }
}

#[cfg(feature = "reqwest")]
async fn one(flags: &Flags) -> Result<bool, Failure> {
    use std::env;

    use entra_apps::Client;
    use entra_apps::cloud::Cloud;
    use entra_apps::ids::AppId;
    use entra_apps::transport::ReqwestTransport;

    let (cloud, own) = match &flags.emulator {
        Some(address) => {
            let emulated = support::connect::emulated(&ReqwestTransport::new()?, address).await;
            let (cloud, own) = emulated.map_err(|failure| format!("{}. {}", failure.message, failure.remedy))?;
            (cloud, Some(own))
        }
        None => (Cloud::global(), None),
    };
    let given = |flag: &Option<String>, name: &str, emulated: Option<String>| {
        flag.clone()
            .or_else(|| env::var(name).ok())
            .or(emulated)
            .ok_or(format!("{name} is not set, and no flag says it"))
    };
    let own = own.as_ref();
    let tenant = given(&flags.tenant, "ENTRA_TENANT_ID", own.map(|own| own.tenant.to_string()))?;
    let client_id = given(&flags.client_id, "ENTRA_CLIENT_ID", own.map(|own| own.client_id.to_string()))?;
    let emulated = own.map(|own| own.client_secret.expose_secret().to_owned());
    let secret = SecretString::from(given(&None, "ENTRA_CLIENT_SECRET", emulated)?);
    // The client lends its transport and its cloud; it does not sign in itself.
    let client = Client::builder().cloud(cloud).tenant("organizations");
    let client = client.client_secret(AppId::from_u128(0), SecretString::from("")).build()?;
    let diagnosis = client.diagnose(tenant, client_id, secret, &registration(flags)?).await;
    show(flags, "Diagnosis", &diagnosis);
    if flags.json {
        print(&format!("{}\n", serde_json::json!({ "diagnoses": [diagnosis] })));
    }
    Ok(diagnosis.is_good())
}

#[cfg(not(feature = "reqwest"))]
#[allow(clippy::unused_async, reason = "the other form of it waits")]
async fn one(_: &Flags) -> Result<bool, Failure> {
    Err("this example was built without the feature reqwest: build it with default features".into())
}
