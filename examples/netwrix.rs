//! Netwrix Identity Manager, as its guide describes it: one permission, which one depends on fulfilment.
//!
//! `cargo run --example netwrix -- --organization Contoso --fulfilment --settings fragment.json`

mod support;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use entra_apps::permission::microsoft_graph::application;
use entra_apps::secrecy::ExposeSecret;
use entra_apps::{AppRegistration, ClientSecret, IssuedSecret, Registered, SecretSink, SignInAudience, async_trait};
use support::{Failure, Flag, Guide};

const FLAGS: &[Flag] = &[
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
        .credential(ClientSecret::new(format!("{name} Secret")).valid_for_months(12))
        .confirmation("secret_stored", "The secret is in appsettings.agent.json or an environment variable");
    // Only this one: the one that reads goes, if an earlier run without fulfilment granted it.
    if fulfilment { registration.remove_surplus() } else { registration }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    support::run(FLAGS, |flags| {
        let organization = flags.value("organization").unwrap_or("Contoso").trim();
        if organization.is_empty() {
            return Err(Failure::new("invalid_organization", "the organization is empty", "Give its name."));
        }
        let connection = flags.value("connection").unwrap_or("MicrosoftEntraID");
        let sink = match (flags.value("settings"), flags.value("environment")) {
            (Some(_), Some(_)) => {
                let remedy = "Choose --settings or --environment.";
                return Err(Failure::new("two_places", "a secret is kept in one place", remedy));
            }
            (Some(file), None) => Some(keeper(file, connection, settings)?),
            (None, Some(file)) => Some(keeper(file, connection, environment)?),
            (None, None) => None,
        };
        Ok(Guide {
            vendor: "Netwrix Identity Manager",
            registration: registration(organization, flags.is_set("fulfilment")),
            remarks: Vec::new(),
            for_a_person: None,
            place: "appsettings.agent.json, Connections",
            values,
            sink,
            closing: &[],
        })
    })
    .await
}

fn values(registered: &Registered) -> Vec<(&'static str, String)> {
    let Some(app) = &registered.application else { return Vec::new() };
    vec![("ApplicationId", app.app_id.to_string()), ("TenantId", registered.tenant_id.to_string())]
}

/// Writes the agent's three values to a new file that only its owner can read. Where that fails, the secret is removed
/// from the application again.
#[derive(Debug)]
struct Keeper {
    file: String,
    connection: String,
    text: fn(&str, &IssuedSecret) -> String,
}

fn keeper(
    file: &str,
    connection: &str,
    text: fn(&str, &IssuedSecret) -> String,
) -> Result<(String, Arc<dyn SecretSink>), Failure> {
    if std::path::Path::new(file).symlink_metadata().is_ok() {
        let remedy = "It is not overwritten: name a new file, and copy the fragment from there.";
        return Err(Failure::new("file_exists", format!("{file} is there already"), remedy));
    }
    let keeper = Keeper { file: file.to_owned(), connection: connection.to_owned(), text };
    Ok((file.to_owned(), Arc::new(keeper)))
}

#[async_trait]
impl SecretSink for Keeper {
    async fn store(&self, secret: &IssuedSecret) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.file).map_err(|error| format!("{}: {error}", self.file))?;
        file.write_all((self.text)(&self.connection, secret).as_bytes())?;
        Ok(())
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
