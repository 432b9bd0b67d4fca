//! ImmyBot's custom application, as its guide describes it: three permissions that it needs, and four more by task.
//!
//! `cargo run --example immybot -- --domain contoso --all-tasks`

pub(crate) mod support;

use std::process::ExitCode;
use std::sync::Arc;

use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::{AppRegistration, ClientSecret, Error, RedirectUri, SignInAudience};
use support::{Connection, Failure, Flag, Flags, Output, SecretFile, Way};

pub(crate) const FLAGS: &[Flag] =
    &[Flag { name: "domain", value: Some("NAME"), help: "NAME.immy.bot; contoso by default" }];

/// The guide's table: what it requires, and what each task needs.
pub(crate) fn registration(domain: &str) -> Result<AppRegistration, Error> {
    Ok(AppRegistration::new("immybot-custom", "ImmyBot Custom Application")
        .audience(SignInAudience::MultipleOrganizations)
        .redirect_uri(RedirectUri::web(format!("https://{domain}.immy.bot/consent-callback"))?)
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
        .confirmation("pasted", "The client id and the secret's Value are pasted into ImmyBot"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    support::main(FLAGS, run).await
}

pub(crate) async fn run(flags: &Flags, output: &mut Output) -> Result<(), Failure> {
    let registration = registration(&domain(flags.value("domain").unwrap_or("contoso"))?)?;
    let registration = flags.select(registration)?; // the tasks
    output.title(
        "ImmyBot",
        registration.display_name(),
        &["For the data of your customers, each has to consent as well: see GDAP Customers in ImmyBot's documentation."],
    );
    let file = Arc::new(SecretFile::new(flags, "immybot"));

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
            plan = plan.replace_secret("ImmyBot");
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
            let ids = [
                ("Application (client) ID", app.app_id.to_string()),
                ("Object ID", app.application_id.to_string()),
                ("Directory (tenant) ID", registered.tenant_id.to_string()),
            ];
            output.values("Show More → Azure, permission level Custom", &ids);
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
