//! Patch My PC's recovery registration, as its guide describes it: one permission, and 72 hours to use it.
//!
//! `cargo run --example patch_my_pc`

mod support;

use std::process::ExitCode;

use entra_apps::permission::microsoft_graph::application;
use entra_apps::{AppRegistration, ClientSecret, Registered, SignInAudience};
use std::time::Duration;
use support::Guide;

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
    support::run(&[], |_| {
        Ok(Guide {
            vendor: "Patch My PC",
            registration: registration(),
            remarks: vec![
                "The tenant must be the one of the Patch My PC company.",
                "Use it within 72 hours: after that, Patch My PC takes it as expired.",
            ],
            for_a_person: Some(
                "Patch My PC takes it as a sign that an administrator of this tenant made it: better sign in as one, \
                 with --sign-in browser or --sign-in device-code.",
            ),
            place: "Recover your company",
            values,
            sink: None,
            closing: &[],
        })
    })
    .await
}

fn values(registered: &Registered) -> Vec<(&'static str, String)> {
    let mut values = support::ids(registered);
    let created = registered.application.as_ref().and_then(|app| app.created);
    if let Some(end) = created.map(|created| created + USABLE) {
        values.push(("To be used by", format!("{} {:02}:{:02} UTC", end.date(), end.hour(), end.minute())));
    }
    values
}
