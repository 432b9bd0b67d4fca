//! Patch My PC's recovery registration, as its guide describes it: one permission, and 72 hours to use it.
//!
//! `cargo run --example patch_my_pc -- --sign-in device-code`

pub(crate) mod support;

use std::process::ExitCode;
use std::sync::Arc;

use entra_apps::permission::microsoft_graph::application;
use entra_apps::{AppRegistration, ClientSecret, SignInAudience};
use std::time::Duration;
use support::{Connection, Failure, Flags, Output, SecretFile, Way};

/// Patch My PC takes a registration for this long after its creation.
const USABLE: Duration = Duration::from_secs(72 * 3600);

/// The guide's app.
pub(crate) fn registration() -> AppRegistration {
    AppRegistration::new("pmpc-recovery", "PMPC Recovery")
        .audience(SignInAudience::SingleOrganization)
        .permission(application::AUDIT_LOG_READ_ALL)
        .credential(ClientSecret::new("PMPC Recovery").valid_for_days(7))
        .use_within(USABLE)
        .confirmation("same_tenant", "The tenant is the one of the Patch My PC company")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    support::main(&[], run).await
}

pub(crate) async fn run(flags: &Flags, output: &mut Output) -> Result<(), Failure> {
    let registration = flags.select(registration())?;
    output.title(
        "Patch My PC",
        registration.display_name(),
        &[
            "The tenant must be the one of the Patch My PC company.",
            "Use it within 72 hours: after that, Patch My PC takes it as expired.",
        ],
    );
    let file = Arc::new(SecretFile::new(flags, "patch-my-pc"));

    // Sign in: as a person, for whom `--sign-in device-code` or `browser` asks; a CI has an app.
    let connection = Connection::new(&flags.access).await?; // in memory, `--emulator` or `--live`
    let client = connection.builder()?;
    let client = match flags.access.way {
        // An administrator of the tenant, on any device: of an app that exists in every tenant.
        Way::DeviceCode if flags.access.refresh_token.is_none() => {
            client.device_code(connection.public_client_id()?, |prompt| eprintln!("{}", prompt.message))
        }
        way => client.token_provider(connection.provider(way)?),
    };
    let client = output.signed_in(connection.sign_in(client.build()?).await?);
    if output.is_app() {
        output.remark(
            "Patch My PC takes it as a sign that an administrator of this tenant made it: better sign in as one, with \
             --sign-in browser or --sign-in device-code.",
        );
    }

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
            plan = plan.replace_secret("PMPC Recovery");
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
            let mut values = vec![
                ("Application (client) ID", app.app_id.to_string()),
                ("Object ID", app.application_id.to_string()),
                ("Directory (tenant) ID", registered.tenant_id.to_string()),
            ];
            if let Some(end) = app.created.map(|created| created + USABLE) {
                values.push(("To be used by", Output::time(end)));
            }
            output.values("Recover your company", &values);
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
