//! App management policies: who reads and writes them, and what they forbid.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::certificate::testing::{ONE, ONE_KEY, sign};
use crate::{Lag, Snapshot};

const DEFAULT: &str = "/policies/defaultAppManagementPolicy";
const POLICIES: &str = "/policies/appManagementPolicies";

fn ninety_days() -> Value {
    json!({"passwordCredentials": [{"restrictionType": "passwordLifetime", "maxLifetime": "P90D"}]})
}

fn no_secrets() -> Value {
    json!({"passwordCredentials": [{"restrictionType": "passwordAddition", "maxLifetime": null}]})
}

/// Writes the default policy by hand.
fn set_default(tenant: &MemoryTenant, restrictions: &Value) {
    let body = json!({"isEnabled": true, "applicationRestrictions": restrictions});
    let (status, answer) = tenant.send_json("PATCH", DEFAULT, Some(&body.to_string()));
    assert_eq!(status, 204, "{answer}");
}

/// Makes a policy by hand; returns its id.
fn policy(tenant: &MemoryTenant, is_enabled: bool, restrictions: &Value) -> String {
    let body = json!({"displayName": "Own", "isEnabled": is_enabled, "restrictions": restrictions});
    let (status, answer) = tenant.send_json("POST", POLICIES, Some(&body.to_string()));
    assert_eq!(status, 201, "{answer}");
    serde_json::from_str::<Value>(&answer).unwrap()["id"].as_str().unwrap().to_owned()
}

fn assign(tenant: &MemoryTenant, object: &str, policy: &str) {
    let link = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0{POLICIES}/{policy}")});
    let (status, answer) =
        tenant.send_json("POST", &format!("{object}/appManagementPolicies/$ref"), Some(&link.to_string()));
    assert_eq!(status, 204, "{answer}");
}

fn path(object: &Value) -> String {
    format!("/applications/{}", object["id"].as_str().unwrap())
}

fn lasting(days: i64) -> Value {
    let end = datetime!(2025-06-01 12:00 UTC) + time::Duration::days(days);
    json!({"passwordCredential": {"endDateTime": crate::data::json::timestamp::seconds(end)}})
}

#[tokio::test(start_paused = true)]
async fn the_default_policy_is_there_and_disabled_and_is_read_and_written_by_those_who_may() {
    let tenant = builder().build();
    let reader = Session::of(&tenant, &tenant.add_caller(&["Policy.Read.All"])).await;
    let default = reader.get(DEFAULT).await.expect(200);
    assert_eq!(
        (&default["isEnabled"], &default["applicationRestrictions"]["passwordCredentials"]),
        (&json!(false), &json!([]))
    );
    reader.patch(DEFAULT, json!({"isEnabled": true})).await.refused(403, "Authorization_RequestDenied");
    Session::new(&tenant).await.get(DEFAULT).await.refused(403, "Authorization_RequestDenied");

    let writer = tenant.add_caller(&["Policy.ReadWrite.ApplicationConfiguration"]);
    let writer = Session::of(&tenant, &writer).await;
    writer.patch(DEFAULT, json!({"isEnabled": true, "applicationRestrictions": ninety_days()})).await.expect(204);
    let restriction =
        writer.get(DEFAULT).await.expect(200)["applicationRestrictions"]["passwordCredentials"][0].clone();
    assert_eq!((&restriction["state"], &restriction["maxLifetime"]), (&json!("enabled"), &json!("P90D")));
    for odd in [
        json!({"isEnabled": "yes"}),
        json!({"applicationRestrictions": {"passwordCredentials": [{"restrictionType": "passwordLifetime"}]}}),
        json!({"applicationRestrictions": {"passwordCredentials": [{"restrictionType": "passwordLifetime", "maxLifetime": "90 days"}]}}),
        json!({"applicationRestrictions": {"passwordCredentials": [{"restrictionType": "passwordAddition", "maxLifetime": "P1D"}]}}),
        json!({"applicationRestrictions": {"passwordCredentials": [{"restrictionType": "passwordAddition", "state": "on"}]}}),
        json!({"odd": 1}),
    ] {
        writer.patch(DEFAULT, odd).await.refused(400, "Request_BadRequest");
    }
}

#[tokio::test(start_paused = true)]
async fn the_default_policy_limits_new_secrets_to_its_lifetime_and_forbids_them() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let (app, principal) = session.app_and_principal("App").await;
    set_default(&tenant, &ninety_days());
    let add = path(&app) + "/addPassword";
    let lifetime = "CredentialInvalidLifetimeAsPerAppPolicy";
    session.post(&add, lasting(90)).await.expect(200);
    let message = session.post(&add, lasting(91)).await.refused(400, lifetime);
    assert!(message.contains("00000000-0000-0000-0000-000000000000"), "{message}");
    let whole = json!({"displayName": "B", "passwordCredentials": [{"displayName": "two years"}]});
    session.post("/applications", whole).await.refused(400, lifetime);
    // Service principals have restrictions of their own.
    let of_principal = format!("/servicePrincipals/{}/addPassword", principal["id"].as_str().unwrap());
    session.post(&of_principal, lasting(700)).await.expect(200);

    set_default(&tenant, &no_secrets());
    session.post(&add, lasting(1)).await.refused(400, "CredentialTypeNotAllowedAsPerAppPolicy");
    let federated =
        json!({"name": "main", "issuer": "https://ci", "subject": "repo", "audiences": ["api://AzureADTokenExchange"]});
    session.post(&(path(&app) + "/federatedIdentityCredentials"), federated).await.expect(201);
    let (status, _) = tenant.send_json("PATCH", DEFAULT, Some(r#"{"isEnabled": false}"#));
    assert_eq!(status, 204);
    session.post(&add, lasting(700)).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_restriction_may_be_disabled_or_of_newer_apps_alone() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let old = session.app("Old").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let since = |at: &str| {
        json!({"passwordCredentials": [
            {"restrictionType": "passwordAddition", "restrictForAppsCreatedAfterDateTime": at},
            {"restrictionType": "passwordLifetime", "maxLifetime": "P1D", "state": "disabled"}
        ]})
    };
    set_default(&tenant, &since("2025-06-01T12:00:30Z"));
    let new = session.app("New").await;
    session.post(&(path(&old) + "/addPassword"), lasting(700)).await.expect(200);
    session
        .post(&(path(&new) + "/addPassword"), lasting(1))
        .await
        .refused(400, "CredentialTypeNotAllowedAsPerAppPolicy");
    set_default(&tenant, &since("2025-06-01T12:00:00Z"));
    session
        .post(&(path(&old) + "/addPassword"), lasting(1))
        .await
        .refused(400, "CredentialTypeNotAllowedAsPerAppPolicy");
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_an_app_takes_the_place_of_the_default_while_it_is_enabled() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    set_default(&tenant, &no_secrets());
    let app = session.app("App").await;
    let add = path(&app) + "/addPassword";
    let own = policy(&tenant, true, &ninety_days());
    assign(&tenant, &path(&app), &own);
    session.post(&add, lasting(90)).await.expect(200);
    let message = session.post(&add, lasting(91)).await.refused(400, "CredentialInvalidLifetimeAsPerAppPolicy");
    assert!(message.contains(&own), "{message}");

    let reader = Session::of(&tenant, &tenant.add_caller(&["Policy.Read.All", "Application.Read.All"])).await;
    let of_app = reader.get(&(path(&app) + "/appManagementPolicies")).await.expect(200);
    assert_eq!((of_app["value"].as_array().unwrap().len(), &of_app["value"][0]["id"]), (1, &json!(own)));
    let applies_to = reader.get(&format!("{POLICIES}/{own}/appliesTo")).await.expect(200);
    assert_eq!(
        (&applies_to["value"][0]["id"], &applies_to["value"][0]["@odata.type"]),
        (&app["id"], &json!("#microsoft.graph.application"))
    );
    let all = reader.get(POLICIES).await.expect(200);
    assert_eq!(all["value"].as_array().unwrap().len(), 1);
    reader.get(&format!("{POLICIES}/{own}")).await.expect(200);

    // One policy an object.
    let other = policy(&tenant, true, &no_secrets());
    let link = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0{POLICIES}/{other}")}).to_string();
    let (status, _) = tenant.send_json("POST", &(path(&app) + "/appManagementPolicies/$ref"), Some(&link));
    assert_eq!(status, 400);
    let disabled = json!({"isEnabled": false}).to_string();
    assert_eq!(tenant.send_json("PATCH", &format!("{POLICIES}/{own}"), Some(&disabled)).0, 204);
    session.post(&add, lasting(1)).await.refused(400, "CredentialTypeNotAllowedAsPerAppPolicy");
    assert_eq!(tenant.send_json("PATCH", &format!("{POLICIES}/{own}"), Some(r#"{"isEnabled": true}"#)).0, 204);
    session.post(&add, lasting(1)).await.expect(200);
    let unassign = format!("{}/appManagementPolicies/{own}/$ref", path(&app));
    assert_eq!(tenant.send_json("DELETE", &unassign, None).0, 204);
    assert_eq!(tenant.send_json("DELETE", &unassign, None).0, 404);
    session.post(&add, lasting(1)).await.refused(400, "CredentialTypeNotAllowedAsPerAppPolicy");
    assert_eq!(tenant.send_json("DELETE", &format!("{POLICIES}/{own}"), None).0, 204);
    reader.get(&format!("{POLICIES}/{own}")).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test(start_paused = true)]
async fn new_certificates_are_limited_wherever_they_are_written() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let key = |days: i64| {
        let (start, end) =
            (datetime!(2025-06-01 12:00 UTC), datetime!(2025-06-01 12:00 UTC) + time::Duration::days(days));
        let [start, end] = [start, end].map(crate::data::json::timestamp::seconds);
        json!({"type": "AsymmetricX509Cert", "usage": "Verify", "key": STANDARD.encode(ONE), "startDateTime": start, "endDateTime": end})
    };
    let limits = json!({"keyCredentials": [{"restrictionType": "asymmetricKeyLifetime", "maxLifetime": "P90D"}]});
    set_default(&tenant, &limits);
    let lifetime = "CredentialInvalidLifetimeAsPerAppPolicy";
    session
        .post("/applications", json!({"displayName": "A", "keyCredentials": [key(91)]}))
        .await
        .refused(400, lifetime);
    let app = session.post("/applications", json!({"displayName": "A", "keyCredentials": [key(90)]})).await.expect(201);
    session.patch(&path(&app), json!({"keyCredentials": [key(91)]})).await.refused(400, lifetime);
    // What is there already is sent again, whatever it is.
    let shown = session.get(&path(&app)).await.expect(200)["keyCredentials"][0].clone();
    session.patch(&path(&app), json!({"keyCredentials": [shown]})).await.expect(204);
    let now = datetime!(2025-06-01 12:00 UTC).unix_timestamp();
    let claims = json!({"aud": "00000002-0000-0000-c000-000000000000", "iss": app["id"], "nbf": now, "exp": now + 600});
    let proof = sign(ONE_KEY, &json!({"alg": "RS256", "typ": "JWT"}), &claims);
    let add = |days| json!({"keyCredential": key(days), "passwordCredential": null, "proof": proof});
    session.post(&(path(&app) + "/addKey"), add(91)).await.refused(400, lifetime);
    session.post(&(path(&app) + "/addKey"), add(90)).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn audiences_and_identifier_uris_are_restricted_where_they_are_new() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let many = |name: &str| json!({"displayName": name, "signInAudience": "AzureADMultipleOrgs"});
    let before = session.post("/applications", many("Before")).await.expect(201);
    let restrictions = json!({
        "audiences": {"azureAdMultipleOrgs": {"state": "enabled"}},
        "identifierUris": {"nonDefaultUriAddition": {"state": "enabled", "excludeAppsReceivingV2Tokens": true}},
    });
    set_default(&tenant, &restrictions);
    let audience = "SignInAudienceNotAllowedAsPerAppPolicy";
    session.post("/applications", many("After")).await.refused(400, audience);
    session.patch(&path(&before), many("Before, renamed")).await.expect(204);
    let app = session.app("App").await;
    session.patch(&path(&app), json!({"signInAudience": "AzureADMultipleOrgs"})).await.refused(400, audience);
    let personal =
        json!({"signInAudience": "AzureADandPersonalMicrosoftAccount", "api": {"requestedAccessTokenVersion": 2}});
    session.patch(&path(&app), personal).await.expect(204);

    let app = session.app("API").await;
    let id = app["appId"].as_str().unwrap();
    let uris = |uri: String| json!({"identifierUris": [uri]});
    let message = session.patch(&path(&app), uris(format!("api://{id}/more"))).await.refused(400, "Request_BadRequest");
    assert!(message.starts_with("Failed to add identifier URI"), "{message}");
    session.patch(&path(&app), uris(format!("api://{id}"))).await.expect(204);
    let version_2 = json!({"api": {"requestedAccessTokenVersion": 2}, "identifierUris": ["api://backup"]});
    session.patch(&path(&app), version_2).await.expect(204);

    // Restrictions of audiences are shown by the beta version alone.
    let reader = Session::of(&tenant, &tenant.add_caller(&["Policy.Read.All"])).await;
    let shown = |policy: Value| policy["applicationRestrictions"]["audiences"]["azureAdMultipleOrgs"]["state"].clone();
    assert_eq!(shown(reader.get(DEFAULT).await.expect(200)), Value::Null);
    assert_eq!(shown(reader.get_beta(DEFAULT).await.expect(200)), "enabled");
    reader.get_beta("/applications").await.refused(501, "NotImplemented");
}

#[tokio::test(start_paused = true)]
async fn a_policy_lags_in_what_is_read_and_in_what_is_forbidden() {
    const LAG: Duration = Duration::from_secs(10);
    let tenant = builder().lags(Lag::none().reads(LAG).references(LAG)).build();
    let session = Session::new(&tenant).await;
    let reader = Session::of(&tenant, &tenant.add_caller(&["Policy.Read.All"])).await;
    let app = session.app("App").await;
    tokio::time::sleep(LAG).await;
    set_default(&tenant, &no_secrets());
    assert_eq!(reader.get(DEFAULT).await.expect(200)["isEnabled"], false);
    session.post(&(path(&app) + "/addPassword"), lasting(1)).await.expect(200);
    tokio::time::sleep(LAG).await;
    assert_eq!(reader.get(DEFAULT).await.expect(200)["isEnabled"], true);
    session
        .post(&(path(&app) + "/addPassword"), lasting(1))
        .await
        .refused(400, "CredentialTypeNotAllowedAsPerAppPolicy");
    set_default(&tenant, &json!({"passwordCredentials": []}));
    session
        .post(&(path(&app) + "/addPassword"), lasting(1))
        .await
        .refused(400, "CredentialTypeNotAllowedAsPerAppPolicy");
    tenant.settle();
    session.post(&(path(&app) + "/addPassword"), lasting(1)).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn policies_and_the_report_are_part_of_a_snapshot() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let app = session.app("App").await;
    let secret = session.post(&(path(&app) + "/addPassword"), lasting(90)).await.expect(200);
    set_default(&tenant, &no_secrets());
    let own = policy(&tenant, true, &ninety_days());
    assign(&tenant, &path(&app), &own);
    tenant.note_sign_in(secret["keyId"].as_str().unwrap(), datetime!(2025-05-01 12:00 UTC));
    let before = tenant.snapshot();
    let copy = builder().snapshot(Snapshot::from_json(&before.to_json()).unwrap()).build();
    assert_eq!(copy.snapshot().to_json(), before.to_json());
    let in_copy = Session::new(&copy).await;
    in_copy.post(&(path(&app) + "/addPassword"), lasting(90)).await.expect(200);
    let other = in_copy.app("Other").await;
    in_copy
        .post(&(path(&other) + "/addPassword"), lasting(1))
        .await
        .refused(400, "CredentialTypeNotAllowedAsPerAppPolicy");

    set_default(&tenant, &json!({"passwordCredentials": []}));
    tenant.restore(&before).unwrap();
    assert_eq!(tenant.snapshot().to_json(), before.to_json());
    let odd = r#"{"appManagementPolicies": [{"displayName": "x", "odd": 1}]}"#;
    assert!(Snapshot::from_json(odd).unwrap_err().to_string().contains("/appManagementPolicies/0"));
}

#[tokio::test(start_paused = true)]
async fn a_tenant_may_demand_an_entry_of_its_service_tree() {
    let tenant = builder().requires_service_management_reference().build();
    let session = Session::new(&tenant).await;
    session.post("/applications", json!({"displayName": "App"})).await.refused(400, "ServiceTreeValueMissing");
    let app = json!({"displayName": "App", "serviceManagementReference": "tree-1"});
    session.post("/applications", app).await.expect(201);
}
