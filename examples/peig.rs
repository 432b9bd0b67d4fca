//! Peig's user manager, as its guide describes it: five permissions, public client flows, and a closing checklist.
//!
//! `cargo run --example peig -- --audience single`

pub(crate) mod support;

use std::process::ExitCode;
use std::sync::Arc;

use entra_apps::permission::microsoft_graph::{application, delegated};

use entra_apps::{AppRegistration, ClientSecret, Error, RedirectUri, SignInAudience};
use support::{Connection, Failure, Flag, Flags, Output, SecretFile, Way};

pub(crate) const FLAGS: &[Flag] =
    &[Flag { name: "audience", value: Some("single|multiple"), help: "who may sign in; multiple by default" }];

/// The guide's closing checklist.
const CLOSING: &[(&str, &[&str])] = &[
    ("PeigUserManagerApp is registered in Entra", &["registered"]),
    (
        "All required API permissions are added and admin consent is granted",
        &["permission_declared", "permission_granted"],
    ),
    ("Public client flows are enabled", &["public_client_flows"]),
    ("Client secret is generated and stored securely", &["secret:", "confirm:secret_stored"]),
];

/// The guide's app.
pub(crate) fn registration(audience: SignInAudience) -> Result<AppRegistration, Error> {
    Ok(AppRegistration::new("peig-user-manager", "PeigUserManagerApp")
        .audience(audience)
        // The guide says that it is not used; it is kept as written, without a slash.
        .redirect_uri(RedirectUri::web("http://localhost")?)
        .allow_public_client_flows()
        .permission(delegated::USER_READ)
        .permission(application::USER_READ_WRITE_ALL)
        .permission(application::GROUP_READ_WRITE_ALL)
        .permission(application::ORGANIZATION_READ_ALL)
        .permission(application::GROUP_MEMBER_READ_WRITE_ALL)
        .credential(ClientSecret::new("Peig").valid_for_days(180))
        .confirmation("secret_stored", "The client secret is stored securely"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    support::main(FLAGS, run).await
}

pub(crate) async fn run(flags: &Flags, output: &mut Output) -> Result<(), Failure> {
    let audience = audience(flags.value("audience").unwrap_or("multiple"))?;
    let registration = flags.select(registration(audience)?)?;
    output.title(
        "Peig",
        registration.display_name(),
        &["Note when the secret ends: before that, make another and update the configuration in Peig."],
    );
    if flags.value("audience").is_none() {
        output.remark(
            "The guide names “this organizational directory only” and “any tenant, multitenant” in one line; multitenant is \
             taken. --audience single chooses the other.",
        );
    }
    let file = Arc::new(SecretFile::new(flags, "peig"));

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
            plan = plan.replace_secret("Peig");
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
            output.values("Step 3, Configure Peig Connector", &ids);
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

    // The guide's own checklist: a sentence, and the codes that it stands for.
    output.heading("Peig's own checklist");
    for (sentence, codes) in CLOSING {
        let mut items =
            checklist.items.iter().filter(|item| codes.iter().any(|code| item.id.to_string().starts_with(code)));
        output.tick(items.all(|item| item.done), sentence);
    }
    Ok(())
}

fn audience(flag: &str) -> Result<SignInAudience, Failure> {
    match flag {
        "single" => Ok(SignInAudience::SingleOrganization),
        "multiple" => Ok(SignInAudience::MultipleOrganizations),
        other => {
            Err(Failure::new("invalid_audience", format!("{other:?} is no audience"), "Choose single or multiple."))
        }
    }
}
