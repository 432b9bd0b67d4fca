//! ImmyBot's custom application, as its guide describes it: three permissions that it needs, and four more by task.
//!
//! `cargo run --example immybot -- --domain contoso --all-tasks`

mod support;

use std::process::ExitCode;

use entra_apps::permission::microsoft_graph::{application, delegated};

use entra_apps::{AppRegistration, ClientSecret, RedirectUri, SignInAudience};
use support::{Failure, Flag, Guide};

const FLAGS: &[Flag] = &[Flag { name: "domain", value: Some("NAME"), help: "NAME.immy.bot; contoso by default" }];

/// The guide's table: what it requires, and what each task needs.
pub(crate) fn registration(domain: &str) -> AppRegistration {
    AppRegistration::new("immybot-custom", "ImmyBot Custom Application")
        .audience(SignInAudience::MultipleOrganizations)
        .redirect_uri(
            RedirectUri::web(format!("https://{domain}.immy.bot/consent-callback"))
                .expect("an address that Entra takes"),
        )
        .permission(application::DELEGATED_ADMIN_RELATIONSHIP_READ_ALL)
        .permission(application::DIRECTORY_READ_ALL)
        .permission(delegated::USER_READ)
        .optional(application::DEVICE_MANAGEMENT_SCRIPTS_READ_WRITE_ALL, "Deploy Immy Agent to Intune task")
        .optional(application::DEVICE_MANAGEMENT_CONFIGURATION_READ_WRITE_ALL, "Enroll in Autopilot task")
        .optional(application::DEVICE_MANAGEMENT_MANAGED_DEVICES_READ_WRITE_ALL, "Sync Primary User With Intune task")
        .optional(application::DEVICE_MANAGEMENT_MANAGED_DEVICES_READ_WRITE_ALL, "Join AzureAD task")
        .optional(application::DEVICE_MANAGEMENT_MANAGED_DEVICES_READ_WRITE_ALL, "Configure Directory task")
        .optional(application::APPLICATION_READ_WRITE_ALL, "Add Azure Sync Fabric to Tenant task")
        .credential(ClientSecret::new("ImmyBot").valid_for_months(24))
        .confirmation("pasted", "The client id and the secret's Value are pasted into ImmyBot")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    support::run(FLAGS, |flags| {
        let domain = domain(flags.value("domain").unwrap_or("contoso"))?;
        Ok(Guide {
            vendor: "ImmyBot",
            registration: registration(&domain),
            remarks: vec![
                "For the data of your customers, each has to consent as well: see GDAP Customers in ImmyBot's documentation.",
            ],
            for_a_person: None,
            place: "Show More → Azure, permission level Custom",
            values: support::ids,
            sink: None,
            closing: &[],
        })
    })
    .await
}

/// The name in front of `.immy.bot`, however much of the address was given.
fn domain(text: &str) -> Result<String, Failure> {
    let name = text.trim().trim_start_matches("https://").trim_end_matches('/');
    let name = name.strip_suffix(".immy.bot").unwrap_or(name);
    let good = !name.is_empty() && name.len() <= 63 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !good || name.starts_with('-') || name.ends_with('-') {
        let remedy = "Give the name in front of .immy.bot, for example --domain contoso.";
        return Err(Failure::new("invalid_domain", format!("{text:?} is no ImmyBot domain"), remedy));
    }
    Ok(name.to_ascii_lowercase())
}
