//! The four vendors' guides: the examples' own values.

#[allow(dead_code)]
#[path = "../../../examples/immybot.rs"]
pub(crate) mod immybot;
#[allow(dead_code)]
#[path = "../../../examples/netwrix.rs"]
pub(crate) mod netwrix;
#[allow(dead_code)]
#[path = "../../../examples/patch_my_pc.rs"]
pub(crate) mod patch_my_pc;
#[allow(dead_code)]
#[path = "../../../examples/peig.rs"]
pub(crate) mod peig;

use entra_apps::{AppRegistration, SignInAudience};

/// Each guide with its name, as its example runs it without flags.
pub(crate) fn all() -> Vec<(&'static str, AppRegistration)> {
    vec![
        ("immybot", immybot::registration("contoso").unwrap()),
        ("peig", peig::registration(SignInAudience::MultipleOrganizations).unwrap()),
        ("netwrix", netwrix::registration("Contoso", false)),
        ("patch_my_pc", patch_my_pc::registration()),
    ]
}
