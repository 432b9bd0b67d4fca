//! The discovery documents.

use http::Request;

use super::sign_in::{ask, refused};
use super::*;

#[tokio::test(start_paused = true)]
async fn the_endpoints_of_a_tenant_are_found_by_its_id_and_its_domain() {
    let tenant = builder().build();
    let base = format!("https://login.microsoftonline.com/{}", tenant.id());
    let by_id = ask(&tenant, &format!("/{}/v2.0/.well-known/openid-configuration", tenant.id()), None).await;
    let by_id = by_id.expect(200);
    assert_eq!(by_id["issuer"], format!("{base}/v2.0"));
    assert_eq!(by_id["token_endpoint"], format!("{base}/oauth2/v2.0/token"));
    assert_eq!(by_id["device_authorization_endpoint"], format!("{base}/oauth2/v2.0/devicecode"));
    assert_eq!((&by_id["tenant_region_scope"], &by_id["msgraph_host"]), (&json!("NA"), &json!("graph.microsoft.com")));
    let path = format!("/{}/V2.0/.well-known/OpenID-Configuration", tenant.domain());
    assert_eq!(ask(&tenant, &path, None).await.expect(200), by_id);
    let old = ask(&tenant, &format!("/{}/.well-known/openid-configuration", tenant.id()), None).await.expect(200);
    assert_eq!(old["issuer"], format!("https://sts.windows.net/{}/", tenant.id()));
    assert_eq!(old["token_endpoint"], format!("{base}/oauth2/token"));
    let keys = by_id["jwks_uri"].as_str().unwrap().strip_prefix("https://login.microsoftonline.com").unwrap();
    assert!(ask(&tenant, keys, None).await.expect(200)["keys"].is_array());
}

#[tokio::test(start_paused = true)]
async fn the_shared_endpoints_leave_the_tenant_open() {
    let tenant = builder().build();
    for shared in ["common", "organizations"] {
        let found = ask(&tenant, &format!("/{shared}/v2.0/.well-known/openid-configuration"), None).await.expect(200);
        assert_eq!(found["issuer"], "https://login.microsoftonline.com/{tenantid}/v2.0");
        let authorize = format!("https://login.microsoftonline.com/{shared}/oauth2/v2.0/authorize");
        assert_eq!(
            (&found["authorization_endpoint"], &found["tenant_region_scope"]),
            (&json!(authorize), &Value::Null)
        );
    }
    let found = ask(&tenant, "/consumers/v2.0/.well-known/openid-configuration", None).await.expect(200);
    assert!(found["issuer"].as_str().unwrap().contains("/9188040d-6c67-4c5b-b112-36a304b66dad/"));
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_not_there_has_no_endpoints() {
    let tenant = builder().build();
    for (name, code) in
        [("nowhere.example", 90002), ("11111111-1111-1111-1111-111111111111", 90002), ("nowhere", 900_023)]
    {
        let response = ask(&tenant, &format!("/{name}/v2.0/.well-known/openid-configuration"), None).await;
        refused(&response, 400, "invalid_tenant", code);
    }
}

#[tokio::test(start_paused = true)]
async fn links_follow_the_host_of_the_request() {
    let tenant = builder().build();
    let request = Request::get("/common/v2.0/.well-known/openid-configuration").header("host", "localhost:8080");
    let found = Answered::of(tenant.send(request.body(Bytes::new()).unwrap()).await.unwrap()).expect(200);
    assert_eq!(found["token_endpoint"], "http://localhost:8080/common/oauth2/v2.0/token");
    assert_eq!(found["msgraph_host"], "localhost:8080");
    let request = Request::get("/common/v2.0/.well-known/openid-configuration").header("host", "x");
    let request = request.header("x-forwarded-host", "entra.test").header("x-forwarded-proto", "https");
    let found = Answered::of(tenant.send(request.body(Bytes::new()).unwrap()).await.unwrap()).expect(200);
    assert_eq!(found["jwks_uri"], "https://entra.test/common/discovery/v2.0/keys");
    let government = Request::get("https://login.microsoftonline.us/common/v2.0/.well-known/openid-configuration");
    let found = Answered::of(tenant.send(government.body(Bytes::new()).unwrap()).await.unwrap()).expect(200);
    assert_eq!(found["msgraph_host"], "graph.microsoft.us");
}

/// As MSAL asks before it trusts an authority.
#[tokio::test(start_paused = true)]
async fn an_authority_is_known_by_its_aliases() {
    let tenant = builder().build();
    let instances = "/common/discovery/instance?api-version=1.1&authorization_endpoint=";
    let requested = format!("{instances}https://login.microsoftonline.com/{}/oauth2/v2.0/authorize", tenant.id());
    let found = ask(&tenant, &requested, None).await.expect(200);
    let base = format!("https://login.microsoftonline.com/{}", tenant.id());
    assert_eq!(found["tenant_discovery_endpoint"], format!("{base}/v2.0/.well-known/openid-configuration"));
    assert_eq!(found["api-version"], "1.1");
    let public = &found["metadata"][0];
    assert_eq!(public["preferred_cache"], "login.windows.net");
    assert!(public["aliases"].as_array().unwrap().contains(&json!("login.microsoft.com")));
    let stranger = format!("{instances}https://login.example.com/common/oauth2/authorize");
    refused(&ask(&tenant, &stranger, None).await, 400, "invalid_instance", 50049);

    let own = format!("http://localhost:8080{instances}http://localhost:8080/common/oauth2/authorize");
    let found = Answered::of(tenant.send(Request::get(own).body(Bytes::new()).unwrap()).await.unwrap()).expect(200);
    let expected = "http://localhost:8080/common/.well-known/openid-configuration";
    assert_eq!(found["tenant_discovery_endpoint"], expected);
    let known: Vec<_> = found["metadata"].as_array().unwrap().iter().map(|entry| &entry["preferred_network"]).collect();
    assert!(known.contains(&&json!("localhost:8080")));
}

#[tokio::test(start_paused = true)]
async fn the_realm_of_a_user_is_that_of_the_domain() {
    let tenant = builder().build();
    let realm = |user: &str| format!("/common/userrealm/{user}?api-version=1.0");
    let found = ask(&tenant, &realm("ada%40contoso.onmicrosoft.com"), None).await.expect(200);
    assert_eq!((&found["account_type"], &found["domain_name"]), (&json!("Managed"), &json!(tenant.domain())));
    assert_eq!(ask(&tenant, &realm("ada@elsewhere.example"), None).await.expect(200)["account_type"], "Unknown");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_of_another_cloud_says_where_it_is() {
    let path = |tenant: &MemoryTenant| format!("/{}/v2.0/.well-known/openid-configuration", tenant.id());
    for (region, part, instance, graph, authority) in [
        ("EU", None, "microsoftonline.com", "graph.microsoft.com", "https://login.microsoftonline.com"),
        ("NA", Some("GCC"), "microsoftonline.com", "graph.microsoft.com", "https://login.microsoftonline.com"),
        ("USGov", Some("DODCON"), "microsoftonline.us", "graph.microsoft.us", "https://login.microsoftonline.us"),
        ("USGov", Some("DOD"), "microsoftonline.us", "dod-graph.microsoft.us", "https://login.microsoftonline.us"),
    ] {
        let tenant = builder().region(region, part).build();
        let found = ask(&tenant, &path(&tenant), None).await.expect(200);
        assert_eq!((&found["tenant_region_scope"], &found["cloud_instance_name"]), (&json!(region), &json!(instance)));
        assert_eq!(found.get("tenant_region_sub_scope"), part.map(Value::from).as_ref());
        assert_eq!(found["msgraph_host"], graph);
        assert_eq!(found["issuer"], format!("{authority}/{}/v2.0", tenant.id()));
    }
}
