//! Netwrix Identity Manager, as its guide describes it: one permission, which one depends on fulfilment.
//!
//! `cargo run --example netwrix -- --organization Contoso --fulfilment --settings appsettings.agent.json`

mod support;

use std::process::ExitCode;

use entra_apps::permission::microsoft_graph::application;
use entra_apps::secrecy::ExposeSecret;
use entra_apps::{AppRegistration, ClientSecret, IssuedSecret, Registered, SignInAudience};
use support::{Flag, Guide, HandOver};

const FLAGS: &[Flag] = &[
    Flag { name: "organization", value: Some("NAME"), help: "the organization in the names; Contoso by default" },
    Flag { name: "fulfilment", value: None, help: "also write to the directory: Directory.ReadWrite.All instead" },
    Flag {
        name: "settings",
        value: Some("FILE"),
        help: "write a fragment of appsettings.agent.json, for the owner only",
    },
    Flag { name: "environment", value: Some("FILE"), help: "write environment variables, for the owner only" },
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
    AppRegistration::new("netwrix-identity-manager", &name)
        .audience(SignInAudience::SingleOrganization)
        .permission(permission)
        .credential(ClientSecret::new(format!("{name} Secret")).valid_for_months(12))
        .confirmation("secret_stored", "The secret is in appsettings.agent.json or an environment variable")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    support::run(FLAGS, |flags| {
        let organization = flags.value("organization").unwrap_or("Contoso");
        let connection = flags.value("connection").unwrap_or("MicrosoftEntraID").to_owned();
        let keep: Option<support::Keep> = match (flags.value("settings"), flags.value("environment")) {
            (Some(file), _) => Some(writer(file, move |registered, secret| settings(&connection, registered, secret))),
            (None, Some(file)) => {
                Some(writer(file, move |registered, secret| environment(&connection, registered, secret)))
            }
            (None, None) => None,
        };
        Ok(Guide {
            vendor: "Netwrix Identity Manager",
            registration: registration(organization, flags.is_set("fulfilment")),
            remarks: Vec::new(),
            hand_over: HandOver { place: "appsettings.agent.json, Connections", values, keep },
            closing: &[],
        })
    })
    .await
}

fn values(registered: &Registered) -> Vec<(&'static str, String)> {
    let Some(app) = &registered.application else { return Vec::new() };
    vec![("ApplicationId", app.app_id.to_string()), ("TenantId", registered.tenant_id.to_string())]
}

fn writer(file: &str, text: impl Fn(&Registered, &IssuedSecret) -> String + 'static) -> support::Keep {
    let file = file.to_owned();
    Box::new(move |registered, secret| {
        write_for_owner(&file, &text(registered, secret))?;
        Ok(format!("Written to {file}, which only its owner can read"))
    })
}

/// The agent's three values by their names.
fn pairs(registered: &Registered, secret: &IssuedSecret) -> [(&'static str, String); 3] {
    let app_id = registered.application.as_ref().map(|app| app.app_id.to_string()).unwrap_or_default();
    [
        ("ApplicationId", app_id),
        ("ApplicationKey", secret.value.expose_secret().to_owned()),
        ("TenantId", registered.tenant_id.to_string()),
    ]
}

fn settings(connection: &str, registered: &Registered, secret: &IssuedSecret) -> String {
    let values: serde_json::Map<_, _> =
        pairs(registered, secret).into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    format!("{:#}\n", serde_json::json!({"Connections": {connection: values}}))
}

fn environment(connection: &str, registered: &Registered, secret: &IssuedSecret) -> String {
    let line = |(name, value): (&str, String)| format!("Connections__{connection}__{name}={value}\n");
    pairs(registered, secret).into_iter().map(line).collect()
}

/// Writes a file that only its owner can read.
fn write_for_owner(file: &str, text: &str) -> std::io::Result<()> {
    use std::io::Write;

    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(file)?;
    #[cfg(unix)]
    out.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    out.write_all(text.as_bytes())
}
