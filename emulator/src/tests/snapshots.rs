//! Snapshots, to start a tenant from and to go back to.

use serde_json::{Value, json};

use super::{Session, builder, sign_in};
use crate::certificate::testing::ONE;
use crate::{MemoryTenant, Snapshot};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The responses of the tenant to reads of everything in it.
async fn everything(tenant: &MemoryTenant) -> Vec<Value> {
    let session = Session::new(tenant).await;
    let mut responses = Vec::new();
    for path in [
        "/applications?$expand=federatedIdentityCredentials",
        "/servicePrincipals",
        "/users?$select=id,userPrincipalName,displayName,createdDateTime",
        "/groups?$expand=members",
        "/oauth2PermissionGrants",
        "/directory/deletedItems/microsoft.graph.application",
        "/organization",
    ] {
        responses.push(session.get(path).await.expect(200));
    }
    responses
}

#[tokio::test(start_paused = true)]
async fn a_tenant_from_a_snapshot_responds_like_the_original() {
    let tenant = builder().small_company().build();
    let session = Session::new(&tenant).await;
    let (app, _) = session.app_and_principal("Vendor").await;
    let path = format!("/applications/{}", app["id"].as_str().unwrap());
    session
        .post(&format!("{path}/addPassword"), json!({"passwordCredential": {"displayName": "One"}}))
        .await
        .expect(200);
    let key = json!({"type": "AsymmetricX509Cert", "usage": "Verify", "key": STANDARD.encode(ONE)});
    session.patch(&path, json!({"keyCredentials": [key]})).await.expect(204);
    let federated =
        json!({"name": "ci", "issuer": "https://ci", "subject": "repo", "audiences": ["api://AzureADTokenExchange"]});
    session.post(&format!("{path}/federatedIdentityCredentials"), federated).await.expect(201);
    let gone = session.app("Gone").await;
    session.send("DELETE", &format!("/applications/{}", gone["id"].as_str().unwrap()), None).await.expect(204);

    let json = tenant.snapshot().to_json();
    let copy = builder().snapshot(Snapshot::from_json(&json).unwrap()).build();
    assert_eq!((copy.id(), copy.caller().client_id), (tenant.id(), tenant.caller().client_id));
    assert_eq!(copy.snapshot().to_json(), json);
    sign_in(&copy, &copy.caller()).await.expect(200);
    assert_eq!(everything(&copy).await, everything(&tenant).await);
}

#[tokio::test(start_paused = true)]
async fn what_a_snapshot_holds_has_the_types_of_the_service_and_any_value() {
    let app = |web: Value| json!({"applications": [{"displayName": "Old", "web": web}]}).to_string();
    // Values that the rules of today refuse are no matter of types.
    let legacy = json!({"redirectUris": ["https://old.contoso.example/*", "http://contoso.example"]});
    let tenant = builder().snapshot(Snapshot::from_json(&app(legacy.clone())).unwrap()).build();
    let read: Value = serde_json::from_str(&tenant.applications()[0].json).unwrap();
    assert_eq!(read["web"]["redirectUris"], legacy["redirectUris"]);
    assert_eq!(read["web"]["implicitGrantSettings"]["enableIdTokenIssuance"], false, "the rest is as by default");
    for (web, part) in [
        (json!({"redirectUris": [1]}), "Edm.String"),
        (json!({"redirectUri": []}), "'redirectUri' does not exist on type 'microsoft.graph.webApplication'"),
        (json!([]), "'StartArray'"),
    ] {
        let error = Snapshot::from_json(&app(web)).unwrap_err().to_string();
        assert!(error.contains("/applications/0/web") && error.contains(part), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn restoring_a_snapshot_forgets_later_writes_and_repeats_their_ids() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let snapshot = tenant.snapshot();
    let first = session.app("App").await;
    tenant.restore(&snapshot).unwrap();
    assert_eq!(tenant.applications().len(), 1);
    let again = session.app("App").await;
    assert_eq!((&first["id"], &first["appId"]), (&again["id"], &again["appId"]));
    let other = builder().seed(5).build();
    assert_eq!(other.restore(&snapshot).unwrap_err().pointer(), "/tenantId");
}

#[tokio::test(start_paused = true)]
async fn a_minimal_partner_snapshot_is_enough() {
    let snapshot = Snapshot::from_json(
        r#"{
            "domain": "fabrikam.onmicrosoft.com",
            "applications": [{
                "appId": "11111111-2222-4333-8444-555555555555", "displayName": "Mine",
                "passwordCredentials": [{"secretText": "not a real secret"}]
            }],
            "servicePrincipals": [{"appId": "11111111-2222-4333-8444-555555555555"}],
            "appRoleAssignments": [{
                "principalAppId": "11111111-2222-4333-8444-555555555555",
                "resourceAppId": "00000003-0000-0000-c000-000000000000", "appRole": "User.Read.All"
            }],
            "users": [{"displayName": "Ada", "directoryRoles": ["62e90394-69f5-4237-9190-012177145e10"]}]
        }"#,
    );
    let tenant = builder().snapshot(snapshot.unwrap()).build();
    assert_eq!(tenant.users()[0].user_principal_name, "ada@fabrikam.onmicrosoft.com");
    let mut caller = tenant.caller();
    (caller.client_id, caller.client_secret) =
        ("11111111-2222-4333-8444-555555555555".parse().unwrap(), "not a real secret".into());
    sign_in(&tenant, &caller).await.expect(200);
    assert_eq!(
        tenant.app_role_assignments()[0].app_role_id,
        entra_apps::ids::PermissionId::from_u128(super::USER_READ_ALL)
    );
}

#[test]
fn an_invalid_snapshot_has_a_pointer_to_the_error() {
    for (json, pointer, reason) in [
        ("[]", "", "an object is expected"),
        ("{", "", "no JSON"),
        (r#"{"aplications": []}"#, "/aplications", "did you mean applications?"),
        (r#"{"applications": {}}"#, "/applications", "a list is expected"),
        (r#"{"applications": [{"displayName": "A", "colour": "red"}]}"#, "/applications/0/colour", "no such member"),
        (r#"{"applications": [{}]}"#, "/applications/0/displayName", "a name is expected"),
        (r#"{"users": [{"id": "x"}]}"#, "/users/0/id", "a GUID is expected"),
        (r#"{"servicePrincipals": [{}]}"#, "/servicePrincipals/0/appId", "a GUID is expected"),
        (r#"{"deletedItems": [{}]}"#, "/deletedItems/0", "@odata.type"),
        (
            r#"{"appRoleAssignments": [{"principalAppId": "00000003-0000-0000-c000-000000000000", "resourceAppId": "00000003-0000-0000-c000-000000000000", "appRole": "User.Raed.All"}]}"#,
            "/appRoleAssignments/0/appRole",
            "no app role \"User.Raed.All\"",
        ),
    ] {
        let error = Snapshot::from_json(json).unwrap_err();
        assert_eq!(error.pointer(), pointer, "{json}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn a_snapshot_shows_no_secret_by_accident() {
    let tenant = super::builder();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let tenant = runtime.block_on(async { tenant.build() });
    let secret = secrecy::ExposeSecret::expose_secret(&tenant.caller().client_secret).to_owned();
    assert!(tenant.snapshot().to_json().contains(&secret) && !format!("{:?}", tenant.snapshot()).contains(&secret));
}
