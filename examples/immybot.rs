//! ImmyBot's custom application, as its guide describes it: three permissions that it needs, and four more by task.
//!
//! `cargo run --example immybot -- --domain contoso --all-tasks`

mod support;

use std::process::ExitCode;

use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::{AppRegistration, ClientSecret, Platform, SignInAudience};
use support::{Flag, Guide, HandOver};

const FLAGS: &[Flag] = &[Flag { name: "domain", value: Some("NAME"), help: "NAME.immy.bot; contoso by default" }];

/// The guide's table: what it requires, and what each task needs.
pub(crate) fn registration(domain: &str) -> AppRegistration {
    AppRegistration::new("immybot-custom", "ImmyBot Custom Application")
        .audience(SignInAudience::MultipleOrganizations)
        .redirect_uri(Platform::Web, format!("https://{domain}.immy.bot/consent-callback"))
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
        let domain = flags.value("domain").unwrap_or("contoso");
        let domain = domain.strip_suffix(".immy.bot").unwrap_or(domain);
        Ok(Guide {
            vendor: "ImmyBot",
            registration: registration(domain),
            remarks: Vec::new(),
            hand_over: HandOver {
                place: "Show More → Azure, permission level Custom",
                values: support::ids,
                keep: None,
            },
            closing: &[],
        })
    })
    .await
}
