//! What policies allow, as it is read by itself.

use std::time::Duration;

use entra_apps::model::NewApplication;
use entra_apps::provision::Allowed;
use entra_apps::{Client, ErrorKind, SignInAudience};
use entra_emulator::MemoryTenant;
use serde_json::{Value, json};

use super::{DEFAULT, assign, client, lifetime, no_secrets, reader, restrict};
use crate::support::tenant;

const DAY: u64 = 24 * 3600;

async fn app(client: &Client) -> (entra_apps::ids::ApplicationId, entra_apps::ids::AppId) {
    let app = client.applications().create(&NewApplication::new("App")).await.unwrap();
    (app.id.unwrap(), app.app_id.unwrap())
}

/// What is allowed to an app that is to be created, of secrets and certificates.
async fn allowed(tenant: &MemoryTenant, restrictions: &Value) -> (Allowed, Allowed) {
    restrict(tenant, restrictions);
    let read = reader(tenant).app_restrictions(None).await.unwrap();
    (read.secrets(), read.certificates())
}

#[tokio::test(start_paused = true)]
async fn each_restriction_is_told_and_what_holds_for_some_alone_is_unknown() {
    let tenant = tenant();
    let untouched = reader(&tenant).app_restrictions(None).await.unwrap();
    assert_eq!((untouched.secrets(), untouched.policy()), (Allowed::Yes, None));
    let secret = |more: &str| -> Value {
        let restriction = format!(r#"{{"restrictionType": "passwordLifetime", "maxLifetime": "P30D"{more}}}"#);
        json!({"passwordCredentials": [serde_json::from_str::<Value>(&restriction).unwrap()]})
    };
    let exempt =
        r#", "excludeActors": {"customSecurityAttributes": [{"id": "a_b", "operator": "equals", "value": "x"}]}"#;
    for (restrictions, expected) in [
        (lifetime("P90D"), Allowed::UpTo(Duration::from_secs(90 * DAY))),
        (lifetime("P4DT12H30M5S"), Allowed::UpTo(Duration::from_secs(4 * DAY + 12 * 3600 + 30 * 60 + 5))),
        (no_secrets(), Allowed::No),
        (secret(""), Allowed::UpTo(Duration::from_secs(30 * DAY))),
        (secret(r#", "state": "disabled""#), Allowed::Yes),
        (
            secret(r#", "restrictForAppsCreatedAfterDateTime": "2020-01-01T00:00:00Z""#),
            Allowed::UpTo(Duration::from_secs(30 * DAY)),
        ),
        (secret(r#", "restrictForAppsCreatedAfterDateTime": "2099-01-01T00:00:00Z""#), Allowed::Unknown),
        (secret(exempt), Allowed::Unknown),
    ] {
        assert_eq!(allowed(&tenant, &restrictions).await, (expected, Allowed::Yes), "{restrictions}");
    }
    let of_keys = json!({
        "passwordCredentials": [],
        "keyCredentials": [{"restrictionType": "asymmetricKeyLifetime", "maxLifetime": "P180D"}]
    });
    assert_eq!(allowed(&tenant, &of_keys).await, (Allowed::Yes, Allowed::UpTo(Duration::from_secs(180 * DAY))));
}

#[tokio::test(start_paused = true)]
async fn the_age_of_an_app_and_its_own_policy_decide() {
    let tenant = tenant();
    let client = reader(&tenant);
    let (id, app_id) = app(&client).await;
    let since = |at: &str| json!({"passwordCredentials": [{"restrictionType": "passwordAddition", "restrictForAppsCreatedAfterDateTime": at}]});
    restrict(&tenant, &since("2026-06-02T00:00:00Z"));
    assert_eq!(client.app_restrictions(Some(app_id)).await.unwrap().secrets(), Allowed::Yes);
    restrict(&tenant, &since("2026-06-01T00:00:00Z"));
    assert_eq!(client.app_restrictions(Some(app_id)).await.unwrap().secrets(), Allowed::No);
    assign(&tenant, id, true, &lifetime("P90D"));
    let own = client.app_restrictions(Some(app_id)).await.unwrap();
    assert_eq!((own.secrets(), own.policy()), (Allowed::UpTo(Duration::from_secs(90 * DAY)), Some("Vendors")));
    let disabled = self::app(&client).await;
    assign(&tenant, disabled.0, false, &lifetime("P90D"));
    let unknown = client.app_restrictions(Some(disabled.1)).await.unwrap();
    assert_eq!(unknown.secrets(), Allowed::Unknown, "what a policy does that is not enabled is not documented");
}

#[tokio::test(start_paused = true)]
async fn audiences_and_identifier_uris_are_told() {
    let tenant = tenant();
    let client = reader(&tenant);
    let (_, app_id) = app(&client).await;
    restrict(
        &tenant,
        &json!({
            "audiences": {"personalMicrosoftAccount": {"state": "enabled"}},
            "identifierUris": {"nonDefaultUriAddition": {"state": "enabled"}}
        }),
    );
    let read = client.app_restrictions(Some(app_id)).await.unwrap();
    for (audience, expected) in [
        (SignInAudience::SingleOrganization, Allowed::Yes),
        (SignInAudience::MultipleOrganizations, Allowed::Yes),
        (SignInAudience::PersonalAccounts, Allowed::No),
        (SignInAudience::MultipleOrganizationsAndPersonalAccounts, Allowed::No),
    ] {
        assert_eq!(read.audience(&audience), expected, "{audience}");
    }
    let (own, with_tenant) = (format!("api://{app_id}"), format!("api://{}/{app_id}", tenant.id()));
    for (uri, expected) in [
        (own.as_str(), Allowed::Yes),
        (with_tenant.as_str(), Allowed::Yes),
        ("api://backup", Allowed::No),
        ("https://contoso.onmicrosoft.com/backup", Allowed::No),
    ] {
        assert_eq!(read.identifier_uri(uri), expected, "{uri}");
    }
    restrict(
        &tenant,
        &json!({"identifierUris": {
            "nonDefaultUriAddition": {"state": "disabled"},
            "uriAdditionWithoutUniqueTenantIdentifier": {"state": "enabled", "excludeSaml": false}
        }}),
    );
    let read = client.app_restrictions(Some(app_id)).await.unwrap();
    for (uri, expected) in [
        (own.as_str(), Allowed::Yes),
        ("api://backup", Allowed::No),
        // Whether the domain is verified is not looked up.
        ("https://contoso.onmicrosoft.com/backup", Allowed::Unknown),
    ] {
        assert_eq!(read.identifier_uri(uri), expected, "{uri}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_may_not_read_policies_is_told_the_permission() {
    let tenant = tenant();
    let error = client(&tenant, &[]).app_restrictions(None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    assert!(error.remedy().contains("Policy.Read.All"), "{error}");
    let nobody = entra_apps::ids::AppId::from_u128(7);
    assert_eq!(reader(&tenant).app_restrictions(Some(nobody)).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(tenant.send_json("GET", DEFAULT, None).0.is_success());
}
