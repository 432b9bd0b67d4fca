//! Policies that lag behind, and policies that cannot be read: the service decides, and what it refuses is named.

use std::time::Duration;

use entra_apps::{AppRegistration, ClientSecret, ErrorCode};
use entra_emulator::{Fault, FaultOn, Lag};

use super::{DEFAULT, lifetime, no_secrets, reader, restrict, two_years};
use crate::support::{builder, tenant};

const DEFAULT_ID: &str = "00000000-0000-0000-0000-000000000000";
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_read_too_late_is_told_by_the_refusal_and_by_the_next_plan() {
    let tenant = tenant();
    let client = reader(&tenant);
    client.plan(&AppRegistration::new("other", "Other")).await.unwrap();
    // One replica shows the policy of before, and the one that writes knows the new one.
    tenant.set_lag_of(DEFAULT_ID, Lag::none().reads(MINUTE));
    restrict(&tenant, &lifetime("P90D"));
    let plan = client.plan(&two_years()).await.expect("nothing is known yet");
    let failed = client.apply(&plan).await.unwrap_err();
    assert_eq!(failed.error().code(), ErrorCode::SecretLifetimeForbiddenByPolicy, "{failed}");
    assert!(failed.error().status().is_some() && failed.report().secrets.is_empty());
    assert!(failed.report().application.is_some(), "what was done is reported");
    tokio::time::sleep(MINUTE).await;
    let error = client.plan(&two_years()).await.unwrap_err();
    assert!(error.message().contains("90 days") && error.status().is_none(), "{error}");
    let plan = client.plan(&two_years()).shorten().await.unwrap();
    assert_eq!(client.apply(&plan).await.unwrap().secrets.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_was_lifted_a_moment_ago_costs_no_more_than_a_shorter_lifetime() {
    let tenant = tenant();
    restrict(&tenant, &lifetime("P90D"));
    let client = reader(&tenant);
    tokio::time::sleep(MINUTE).await;
    tenant.set_lag_of(DEFAULT_ID, Lag::none().reads(MINUTE));
    restrict(&tenant, &serde_json::json!({"passwordCredentials": []}));
    let plan = client.plan(&two_years()).shorten().await.unwrap();
    let registered = client.apply(&plan).await.unwrap();
    assert_eq!((registered.secrets.len(), registered.corrections.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_the_writing_replica_does_not_know_yet_is_told_by_the_plan_alone() {
    let tenant = builder().build();
    let client = reader(&tenant);
    client.plan(&AppRegistration::new("other", "Other")).await.unwrap();
    tenant.set_lag_of(DEFAULT_ID, Lag::none().references(MINUTE));
    let plan = client.plan(&two_years()).await.unwrap();
    restrict(&tenant, &no_secrets());
    client.apply(&plan).await.expect("the replica that writes is behind");
    assert_eq!(
        client.plan(&two_years()).replace_secret("Main").await.unwrap_err().code(),
        ErrorCode::SecretForbiddenByPolicy
    );
}

/// A way in which a read fails, by its name.
type Way = (&'static str, fn(FaultOn) -> Fault);

/// The ways in which the read of a policy can fail for good.
fn ways() -> Vec<Way> {
    vec![
        ("403", |on| {
            on.refuses(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        }),
        ("404", |on| on.refuses(404, "Request_ResourceNotFound", "Resource not found.")),
        ("400", |on| on.refuses(400, "Request_BadRequest", "No.")),
        ("503", |on| on.fails(503)),
        ("text", |on| on.body("no JSON")),
        ("odd", |on| on.body(r#"{"value": [{"isEnabled": 7}], "isEnabled": 7, "applicationRestrictions": {}}"#)),
        ("empty", |on| on.body("{}")),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_of_a_policy_is_unknown_and_never_refused() {
    for (name, way) in ways() {
        let is_status = name.parse::<u16>().is_ok();
        for path in [DEFAULT, "/applications/*/appManagementPolicies"].into_iter().take(1 + usize::from(is_status)) {
            let tenant = tenant();
            let client = reader(&tenant);
            let wanted = AppRegistration::new("backup", "Backup");
            let plan = client.plan(&wanted).await.unwrap();
            client.apply(&plan).await.unwrap();
            restrict(&tenant, &lifetime("P90D"));
            tenant.fault(way(Fault::on("GET", path).always()));
            let wanted = wanted.credential(ClientSecret::new("Main").valid_for_days(80));
            let plan = client.plan(&wanted).await.unwrap_or_else(|error| panic!("{name} {path}: {error}"));
            let registered = client.apply(&plan).await.unwrap_or_else(|error| panic!("{name} {path}: {error}"));
            assert_eq!(registered.secrets.len(), 1, "{name} {path}");
            assert!(tenant.unmet_faults().is_empty(), "{name} {path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_cannot_be_read_is_still_the_services_to_enforce() {
    for (name, way) in ways() {
        let tenant = tenant();
        let client = reader(&tenant);
        restrict(&tenant, &lifetime("P90D"));
        tenant.fault(way(Fault::on("GET", DEFAULT).always()));
        let plan = client.plan(&two_years()).shorten().await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let failed = client.apply(&plan).await.unwrap_err();
        assert_eq!(failed.error().code(), ErrorCode::SecretLifetimeForbiddenByPolicy, "{name}: {failed}");
        assert!(failed.error().status().is_some(), "{name}: {failed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_was_made_after_the_plan_is_named_by_the_refusal() {
    for (restrictions, code, said) in [
        (lifetime("P90D"), ErrorCode::SecretLifetimeForbiddenByPolicy, "allows client secrets of 90 days at most"),
        (no_secrets(), ErrorCode::SecretForbiddenByPolicy, "forbids client secrets"),
    ] {
        let tenant = tenant();
        let client = reader(&tenant);
        let plan = client.plan(&two_years()).await.unwrap();
        restrict(&tenant, &restrictions);
        let failed = client.apply(&plan).await.unwrap_err();
        let error = failed.error();
        assert_eq!((error.code(), error.status().is_some()), (code, true), "{error}");
        let named = format!("the app management policy “Default app management tenant policy” {said}");
        assert!(error.message().contains(&named), "{error}");
    }
}
