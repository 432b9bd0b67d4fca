//! A plan, a registration and a cloud from a file.
#![no_main]

use std::str::FromStr;

use entra_apps::cloud::Cloud;
use entra_apps::ids::TenantId;
use entra_apps::{AppRegistration, ClientSecret, Plan};
use entra_apps_fuzz::{Scripted, block_on, check_error, check_for, client};
use libfuzzer_sys::fuzz_target;
use time::macros::datetime;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(plan) = check_for(Plan::from_json(text), None) {
        let kept = plan.to_json();
        let again = Plan::from_json(&kept).expect("what was written is read");
        assert_eq!(again, plan);
        assert_eq!(again.to_json(), kept);
        let _ = (plan.to_string(), plan.needs_approval(), plan.is_converged(), plan.app_id());
        let client = client(Scripted::once(Vec::new()));
        if let Err(error) = block_on(async { client.apply(&plan).approve_all().await }) {
            check_error(&error, None);
        }
    }
    if let Ok(registration) = serde_json::from_str::<AppRegistration>(text) {
        let written = serde_json::to_string(&registration).unwrap();
        assert_eq!(serde_json::from_str::<AppRegistration>(&written).unwrap(), registration);
        check_for(registration.check(), None);
    }
    if let Ok(secret) = serde_json::from_str::<ClientSecret>(text) {
        check_for(secret.end(datetime!(2026-06-01 09:00 UTC)), None);
    }
    if let Ok(cloud) = serde_json::from_str::<Cloud>(text) {
        assert!(cloud.graph().host_str().is_some() && cloud.authority().host_str().is_some());
        let written = serde_json::to_string(&cloud).unwrap();
        assert_eq!(serde_json::from_str::<Cloud>(&written).unwrap(), cloud);
    }
    check_for(TenantId::from_str(text), None);
});
