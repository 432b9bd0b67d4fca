//! Each operation that can meet replication lag, with lag.

use super::*;
use crate::Lag;
use std::time::Duration;

const LAG: Duration = Duration::from_secs(10);

async fn lagging(lag: Lag) -> Session {
    Session::new(&builder().lags(lag).build()).await
}

async fn settled() {
    tokio::time::sleep(LAG).await;
}

fn path(object: &Value, collection: &str) -> String {
    format!("/{collection}/{}", object["id"].as_str().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_fresh_object_is_not_read_at_once_and_an_upsert_knows_it_all_the_same() {
    let session = lagging(Lag::none().reads(LAG)).await;
    let app = session.upsert("key", json!({"displayName": "App"})).await.expect(201);
    let paths = [path(&app, "applications"), "/applications(uniqueName='key')".to_owned()];
    for path in &paths {
        session.get(path).await.refused(404, "Request_ResourceNotFound");
    }
    session.upsert("key", json!({"displayName": "App"})).await.expect(204);
    settled().await;
    for path in &paths {
        session.get(path).await.expect(200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_shows_what_was_before_the_last_write_and_a_deletion() {
    let session = lagging(Lag::none().reads(LAG)).await;
    let app = session.app("Old").await;
    settled().await;
    session.patch(&path(&app, "applications"), json!({"displayName": "New"})).await.expect(204);
    assert_eq!(session.get(&path(&app, "applications")).await.expect(200)["displayName"], "Old");
    settled().await;
    assert_eq!(session.get(&path(&app, "applications")).await.expect(200)["displayName"], "New");
    session.send("DELETE", &path(&app, "applications"), None).await.expect(204);
    session.get(&path(&app, "applications")).await.expect(200);
    settled().await;
    session.get(&path(&app, "applications")).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_list_does_not_have_a_fresh_object() {
    let session = lagging(Lag::none().lists(LAG)).await;
    session.app("App").await;
    let find = || session.get("/applications?$filter=displayName%20eq%20'App'");
    assert_eq!(find().await.expect(200)["value"], json!([]));
    settled().await;
    assert_eq!(find().await.expect(200)["value"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_principal_waits_for_its_application() {
    let session = lagging(Lag::none().references(LAG)).await;
    let app = session.app("App").await;
    let create = || session.post("/servicePrincipals", json!({"appId": app["appId"]}));
    let response = create().await;
    assert_eq!(response.body["error"]["details"][0]["code"], "NoBackingApplicationObject");
    assert_eq!(response.body["error"]["details"][0]["target"], "appId");
    response.refused(400, "Request_BadRequest");
    settled().await;
    create().await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_application_takes_no_patch_and_no_secret() {
    let session = lagging(Lag::none().references(LAG)).await;
    let app = path(&session.app("App").await, "applications");
    session.patch(&app, json!({"notes": "n"})).await.refused(404, "Request_ResourceNotFound");
    session.post(&(app.clone() + "/addPassword"), json!({})).await.refused(404, "Directory_ObjectNotFound");
    settled().await;
    session.patch(&app, json!({"notes": "n"})).await.expect(204);
    let secret = session.post(&(app.clone() + "/addPassword"), json!({})).await.expect(200);
    let removal = app.clone() + "/removePassword";
    let remove = || session.post(&removal, json!({"keyId": secret["keyId"]}));
    let message = remove().await.refused(400, "Request_BadRequest");
    assert!(message.starts_with("No password credential found with keyId"), "{message}");
    settled().await;
    remove().await.expect(204);
}

#[tokio::test(start_paused = true)]
async fn grants_wait_for_the_service_principal() {
    let session = lagging(Lag::none().references(LAG)).await;
    let graph = session.graph_principal().await;
    let app = session.app("App").await;
    settled().await;
    let principal = session.post("/servicePrincipals", json!({"appId": app["appId"]})).await.expect(201);
    let id = principal["id"].as_str().unwrap();
    let role = json!({"principalId": id, "resourceId": graph, "appRoleId": uuid::Uuid::from_u128(USER_READ_ALL)});
    let assignments = format!("/servicePrincipals/{graph}/appRoleAssignedTo");
    let assign = || session.post(&assignments, role.clone());
    assert_eq!(assign().await.refused(400, "Request_BadRequest"), "Not a valid reference update.");
    let grant = json!({"clientId": id, "consentType": "AllPrincipals", "resourceId": graph, "scope": "User.Read"});
    let grant = || session.post("/oauth2PermissionGrants", grant.clone());
    assert!(grant().await.refused(400, "Request_BadRequest").contains("queried reference-property objects"));
    settled().await;
    assign().await.expect(201);
    grant().await.expect(201);
    assert_eq!(
        grant().await.refused(409, "Request_MultipleObjectsWithSameKeyValue"),
        "Permission entry already exists."
    );
}

#[tokio::test(start_paused = true)]
async fn a_fresh_secret_does_not_sign_in_at_once() {
    let tenant = builder().lags(Lag::none().sign_in(LAG)).build();
    let session = Session::new(&tenant).await;
    let (app, _) = session.app_and_principal("App").await;
    let secret = session.post(&(path(&app, "applications") + "/addPassword"), json!({})).await.expect(200);
    let mut caller = tenant.caller();
    caller.client_id = app["appId"].as_str().unwrap().parse().unwrap();
    caller.client_secret = secret["secretText"].as_str().unwrap().to_owned().into();
    assert_eq!(sign_in(&tenant, &caller).await.body["error_codes"], json!([700_016]));
    settled().await;
    sign_in(&tenant, &caller).await.expect(200);
    let second = session.post(&(path(&app, "applications") + "/addPassword"), json!({})).await.expect(200);
    caller.client_secret = second["secretText"].as_str().unwrap().to_owned().into();
    assert_eq!(sign_in(&tenant, &caller).await.body["error_codes"], json!([7_000_215]));
    settled().await;
    sign_in(&tenant, &caller).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn settling_ends_the_lag_of_writes() {
    let session = lagging(Lag::all(LAG)).await;
    let app = session.app("App").await;
    session.tenant.settle();
    session.get(&path(&app, "applications")).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn one_object_can_lag_by_itself_and_by_kind_of_lookup() {
    let session = lagging(Lag::none()).await;
    let (slow, other) = (session.app("Slow").await, session.app("Other").await);
    let list = || async {
        let found = session.get("/applications?$filter=startsWith(displayName,'S')").await.expect(200);
        found["value"].as_array().unwrap().len()
    };
    session.tenant.set_lag_of(slow["id"].as_str().unwrap(), Lag::none().reads(LAG).references(2 * LAG));
    session.get(&path(&slow, "applications")).await.refused(404, "Request_ResourceNotFound");
    session.get(&path(&other, "applications")).await.expect(200);
    assert_eq!(list().await, 1, "lists do not lag");
    settled().await;
    session.get(&path(&slow, "applications")).await.expect(200);
    session.patch(&path(&slow, "applications"), json!({"notes": "n"})).await.refused(404, "Request_ResourceNotFound");
    settled().await;
    // Old versions are retained for as long as this object lags, though the tenant as a whole does not.
    session.patch(&path(&slow, "applications"), json!({"notes": "n"})).await.expect(204);
    assert_eq!(session.get(&path(&slow, "applications")).await.expect(200)["notes"], Value::Null);
    settled().await;
    assert_eq!(session.get(&path(&slow, "applications")).await.expect(200)["notes"], "n");
}

#[tokio::test(start_paused = true)]
async fn one_object_can_be_ahead_of_a_tenant_that_lags() {
    let session = lagging(Lag::all(LAG)).await;
    session.tenant.settle();
    let app = session.app("App").await;
    session.get(&path(&app, "applications")).await.refused(404, "Request_ResourceNotFound");
    session.tenant.set_lag_of(app["id"].as_str().unwrap(), Lag::none());
    session.get(&path(&app, "applications")).await.expect(200);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "the tenant has no object")]
async fn an_object_that_is_not_there_has_no_lag() {
    let tenant = builder().build();
    tenant.set_lag_of(tenant.caller().client_id, Lag::none());
}
