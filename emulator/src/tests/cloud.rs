//! Several tenants of one cloud.

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{Session, builder, sign_in};
use crate::{Caller, MemoryCloud, MemoryTenant};

/// A vendor with an application of its own, and a customer.
async fn vendor_and_customer(audience: &str) -> (MemoryCloud, Value, Caller) {
    let cloud = MemoryCloud::new([
        builder().domain("vendor.onmicrosoft.com"),
        builder().domain("customer.onmicrosoft.com").display_name("Customer"),
    ]);
    let session = Session::new(&cloud.tenants()[0]).await;
    let app =
        session.post("/applications", json!({"displayName": "Vendor", "signInAudience": audience})).await.expect(201);
    session.post("/servicePrincipals", json!({"appId": app["appId"]})).await.expect(201);
    let path = format!("/applications/{}/addPassword", app["id"].as_str().unwrap());
    let secret = session.post(&path, json!({})).await.expect(200);
    let mut caller = cloud.tenants()[0].caller();
    caller.client_id = app["appId"].as_str().unwrap().parse().unwrap();
    caller.client_secret = secret["secretText"].as_str().unwrap().into();
    (cloud, app, caller)
}

fn path(object: &Value, kind: &str) -> String {
    format!("/{kind}/{}", object["id"].as_str().unwrap())
}

fn customer(cloud: &MemoryCloud) -> &MemoryTenant {
    cloud.tenant("customer.onmicrosoft.com").unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_multi_tenant_application_is_used_in_another_tenant() {
    let (cloud, app, vendor) = vendor_and_customer("AzureADMultipleOrgs").await;
    assert!(
        sign_in(customer(&cloud), &vendor).await.expect(401)["error_description"].as_str().unwrap().contains("7000229")
    );
    let session = Session::new(customer(&cloud)).await;
    let principal = session.post("/servicePrincipals", json!({"appId": app["appId"]})).await.expect(201);
    assert_eq!(principal["appOwnerOrganizationId"], cloud.tenants()[0].id().to_string());
    let token = sign_in(customer(&cloud), &vendor).await.expect(200);
    assert!(token["access_token"].is_string());
    assert_eq!(customer(&cloud).applications().len(), 1, "the application itself stays in its own tenant");

    // What the application becomes is seen everywhere.
    let home = Session::new(&cloud.tenants()[0]).await;
    home.patch(&path(&app, "applications"), json!({"displayName": "Renamed"})).await.expect(204);
    assert_eq!(session.get(&path(&principal, "servicePrincipals")).await.expect(200)["displayName"], "Renamed");
    home.send("DELETE", &path(&app, "applications"), None).await.expect(204);
    let refused = sign_in(customer(&cloud), &vendor).await.expect(400);
    assert!(refused["error_description"].as_str().unwrap().contains("AADSTS700016"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_single_tenant_application_stays_in_its_tenant() {
    let (cloud, app, _) = vendor_and_customer("AzureADMyOrg").await;
    let session = Session::new(customer(&cloud)).await;
    let refused = session.post("/servicePrincipals", json!({"appId": app["appId"]})).await;
    assert_eq!(refused.body["error"]["details"][0]["code"], "NoBackingApplicationObject");
    refused.refused(400, "Request_BadRequest");
}

#[tokio::test(start_paused = true)]
async fn a_request_goes_to_the_tenant_of_its_token() {
    use entra_apps::transport::Transport as _;
    let (cloud, _, _) = vendor_and_customer("AzureADMyOrg").await;
    for tenant in cloud.tenants() {
        let session = Session::new(tenant).await;
        let request = http::Request::get("https://graph.microsoft.com/v1.0/organization?$select=id")
            .header("authorization", format!("Bearer {}", session.token))
            .body(bytes::Bytes::new());
        let response = super::Answered::of(cloud.send(request.unwrap()).await.unwrap()).expect(200);
        assert_eq!(response["value"][0]["id"], tenant.id().to_string());
    }
    let caller = cloud.tenants()[1].caller();
    assert_ne!(caller.client_secret.expose_secret(), cloud.tenants()[0].caller().client_secret.expose_secret());
    let shown = format!("{cloud:?}");
    assert!(!shown.contains(caller.client_secret.expose_secret()));
}
