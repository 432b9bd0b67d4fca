//! Peig's user manager, as its guide describes it: five permissions, public client flows, and a closing checklist.
//!
//! `cargo run --example peig -- --audience single`

mod support;

use std::process::ExitCode;

use entra_apps::permission::microsoft_graph::{application, delegated};

use entra_apps::{AppRegistration, ClientSecret, RedirectUri, SignInAudience};
use support::{Failure, Flag, Guide};

const FLAGS: &[Flag] =
    &[Flag { name: "audience", value: Some("single|multiple"), help: "who may sign in; multiple by default" }];

/// The guide's app.
pub(crate) fn registration(audience: SignInAudience) -> AppRegistration {
    AppRegistration::new("peig-user-manager", "PeigUserManagerApp")
        .audience(audience)
        // The guide says that it is not used; it is kept as written, without a slash.
        .redirect_uri(RedirectUri::web("http://localhost").expect("an address that Entra takes"))
        .allow_public_client_flows()
        .permission(delegated::USER_READ)
        .permission(application::USER_READ_WRITE_ALL)
        .permission(application::GROUP_READ_WRITE_ALL)
        .permission(application::ORGANIZATION_READ_ALL)
        .permission(application::GROUP_MEMBER_READ_WRITE_ALL)
        .credential(ClientSecret::new("Peig").valid_for_days(180))
        .confirmation("secret_stored", "The client secret is stored securely")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    support::run(FLAGS, |flags| {
        let audience = audience(flags.value("audience").unwrap_or("multiple"))?;
        let mut remarks =
            vec!["Note when the secret ends: before that, make another and update the configuration in Peig."];
        if flags.value("audience").is_none() {
            remarks.push(
                "The guide names “this organizational directory only” and “any tenant, multitenant” in one line; \
                 multitenant is taken. --audience single chooses the other.",
            );
        }
        Ok(Guide {
            vendor: "Peig",
            registration: registration(audience),
            remarks,
            for_a_person: None,
            place: "Step 3, Configure Peig Connector",
            values: support::ids,
            sink: None,
            closing: &[
                ("PeigUserManagerApp is registered in Entra", &["registered"]),
                (
                    "All required API permissions are added and admin consent is granted",
                    &["permission_declared", "permission_granted"],
                ),
                ("Public client flows are enabled", &["public_client_flows"]),
                ("Client secret is generated and stored securely", &["secret:", "confirm:secret_stored"]),
            ],
        })
    })
    .await
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
