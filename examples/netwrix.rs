//! Netwrix Identity Manager, as its guide describes it: one permission, which one depends on fulfilment.
//!
//! `cargo run --example netwrix -- --organization Contoso --fulfilment --settings fragment.json`

pub(crate) mod support;

use std::process::ExitCode;
use std::sync::Arc;

use entra_apps::permission::microsoft_graph::application;
use entra_apps::secrecy::ExposeSecret;
use entra_apps::{AppRegistration, ClientSecret, IssuedSecret, SignInAudience};
use support::{Connection, Failure, Flag, Flags, Output, SecretFile, Way};

pub(crate) const FLAGS: &[Flag] = &[
    Flag { name: "organization", value: Some("NAME"), help: "the organization in the names; Contoso by default" },
    Flag { name: "fulfilment", value: None, help: "also write to the directory: Directory.ReadWrite.All instead" },
    Flag { name: "settings", value: Some("FILE"), help: "write a fragment of appsettings.agent.json to a new file" },
    Flag { name: "environment", value: Some("FILE"), help: "write environment variables to a new file" },
    Flag {
        name: "connection",
        value: Some("NAME"),
        help: "the connection in the settings; MicrosoftEntraID by default",
    },
];

/// The guide's app. With fulfilment it has only the permission that writes: it reads as well.
pub(crate) fn registration(organization: &str, fulfilment: bool) -> AppRegistration {
    let name = format!("Identity Manager {organization}");
    let permission = if fulfilment { application::DIRECTORY_READ_WRITE_ALL } else { application::DIRECTORY_READ_ALL };
    let registration = AppRegistration::new("netwrix-identity-manager", &name)
        .audience(SignInAudience::SingleOrganization)
        .permission(permission)
        .credential(ClientSecret::new(secret_name(organization)).valid_for_months(12))
        .confirmation("secret_stored", "The secret is in appsettings.agent.json or an environment variable");
    // Only this one: the one that reads goes, if an earlier run without fulfilment granted it.
    if fulfilment { registration.remove_surplus() } else { registration }
}

fn secret_name(organization: &str) -> String {
    format!("Identity Manager {organization} Secret")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    support::main(FLAGS, run).await
}

pub(crate) async fn run(flags: &Flags, output: &mut Output) -> Result<(), Failure> {
    let organization = flags.value("organization").unwrap_or("Contoso").trim();
    if organization.is_empty() {
        return Err(Failure::new("invalid_organization", "the organization is empty", "Give its name."));
    }
    let registration = flags.select(registration(organization, flags.is_set("fulfilment")))?;
    output.title("Netwrix Identity Manager", registration.display_name(), &[]);
    let file = Arc::new(secret_file(flags)?);

    // Sign in: as an app with its secret, or in any other way that `--sign-in` names.
    let connection = Connection::new(&flags.access).await?; // in memory, `--emulator` or `--live`
    let client = connection.builder()?;
    let client = match flags.access.way {
        Way::Secret => client.client_secret(connection.client_id(Way::Secret)?, connection.client_secret()?),
        way => client.token_provider(connection.provider(way)?),
    };
    let client = output.signed_in(connection.sign_in(client.build()?).await?);

    // The second run shows that nothing is left to do.
    for run in flags.runs() {
        // Plan: it only reads.
        let mut plan = client.plan(&registration);
        if let Some(app_id) = flags.adopt {
            plan = plan.adopt(app_id);
        }
        if flags.create_another {
            plan = plan.create_another();
        }
        if flags.replace_secret && run == 1 {
            plan = plan.replace_secret(secret_name(organization));
        }
        let plan = plan.await?;
        output.plan(run, &plan);
        if flags.plan {
            return Ok(());
        }

        // Apply: it ends where an undisturbed run ends, whatever failed before. The secret is stored at once.
        file.check(&plan, run)?;
        let mut apply = client.apply(&plan).secret_sink(file.clone()).on_progress(output.progress());
        for permission in &flags.approve {
            apply = apply.approve(permission);
        }
        if flags.approves_all() {
            apply = apply.approve_all();
        }
        let (registered, app) = output.applied(run, apply.await, &file)?;
        if run == 1 {
            let ids = [("ApplicationId", app.app_id.to_string()), ("TenantId", registered.tenant_id.to_string())];
            output.values("appsettings.agent.json, Connections", &ids);
        }
    }
    if flags.once {
        return Ok(());
    }

    // Verify: every step of the guide, ticked or not.
    let mut verify = client.verify(&registration);
    if let Some(app_id) = flags.adopt {
        verify = verify.adopt(app_id);
    }
    let checklist = verify.await?;
    output.checklist(&checklist);
    Ok(())
}

/// The agent's settings, its environment variables, or the form that every example has.
fn secret_file(flags: &Flags) -> Result<SecretFile, Failure> {
    let connection = flags.value("connection").unwrap_or("MicrosoftEntraID").to_owned();
    let file = SecretFile::new(flags, "netwrix");
    match (flags.value("settings"), flags.value("environment"), &flags.secret_file) {
        (None, None, _) => Ok(file),
        (Some(path), None, None) => Ok(file.form(path, move |secret| settings(&connection, secret))),
        (None, Some(path), None) => Ok(file.form(path, move |secret| environment(&connection, secret))),
        _ => {
            let remedy = "Choose --settings, --environment or --secret-file.";
            Err(Failure::new("two_places", "a secret is kept in one place", remedy))
        }
    }
}

/// The agent's three values by their names.
fn pairs(secret: &IssuedSecret) -> [(&'static str, String); 3] {
    [
        ("ApplicationId", secret.app_id.to_string()),
        ("ApplicationKey", secret.value.expose_secret().to_owned()),
        ("TenantId", secret.tenant_id.to_string()),
    ]
}

fn settings(connection: &str, secret: &IssuedSecret) -> String {
    let values: serde_json::Map<_, _> =
        pairs(secret).into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    format!("{:#}\n", serde_json::json!({"Connections": {connection: values}}))
}

fn environment(connection: &str, secret: &IssuedSecret) -> String {
    let line = |(name, value): (&str, String)| format!("Connections__{connection}__{name}={value}\n");
    pairs(secret).into_iter().map(line).collect()
}
