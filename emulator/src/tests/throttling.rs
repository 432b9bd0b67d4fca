//! Throttling.

use super::*;
use crate::{Fault, Throttling};
use std::time::Duration;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn limited(limits: Throttling) -> Session {
    Session::new(&builder().tick(Duration::ZERO).throttling(limits).build()).await
}

fn header<'a>(response: &'a Answered, name: &str) -> Option<&'a str> {
    response.headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test(start_paused = true)]
async fn every_response_has_the_cost_of_the_request() {
    let session = Session::new(&builder().build()).await;
    let app = session.app("App").await;
    let id = app["id"].as_str().unwrap();
    let principal = session.tenant.caller().service_principal_id.to_string();
    let ids = json!({ "ids": [id] });
    for (method, path, body, units) in [
        ("GET", "/applications".to_owned(), None, "2"),
        ("GET", "/applications?$select=id".to_owned(), None, "1"),
        ("GET", "/applications?$top=19".to_owned(), None, "1"),
        ("GET", "/applications?$top=20".to_owned(), None, "2"),
        ("GET", "/applications?$select=id&$top=5".to_owned(), None, "1"),
        ("GET", "/applications?$expand=owners".to_owned(), None, "3"),
        ("GET", format!("/applications/{id}"), None, "1"),
        ("GET", format!("/applications/{id}?$expand=owners"), None, "2"),
        ("GET", "/servicePrincipals".to_owned(), None, "1"),
        ("GET", format!("/servicePrincipals/{principal}/appRoleAssignments"), None, "2"),
        ("GET", format!("/servicePrincipals/{principal}/appRoleAssignedTo"), None, "1"),
        ("GET", "/oauth2PermissionGrants".to_owned(), None, "2"),
        ("GET", "/organization".to_owned(), None, "1"),
        ("POST", "/directoryObjects/getByIds".to_owned(), Some(ids.clone()), "5"),
        ("POST", "/directoryObjects/getByIds?$select=id".to_owned(), Some(ids), "2"),
        ("PATCH", format!("/applications/{id}"), Some(json!({"notes": "n"})), "1"),
        // A refusal costs as much.
        ("GET", "/applications/00000000-0000-0000-0000-000000000001".to_owned(), None, "1"),
    ] {
        let response = session.send(method, &path, body).await;
        assert_eq!(header(&response, "x-ms-resource-unit"), Some(units), "{method} {path}: {response:?}");
        assert_eq!(header(&response, "x-ms-throttle-limit-percentage"), None, "nobody is limited");
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_announced_and_then_refuses_until_the_window_has_passed() {
    let session = limited(Throttling::of(5, seconds(10))).await;
    for share in [None, None, None, Some("0.8"), Some("1.0")] {
        let response = session.get("/organization").await;
        assert_eq!(header(&response, "x-ms-throttle-limit-percentage"), share);
        response.expect(200);
    }
    tokio::time::sleep(seconds(4)).await;
    let refused = session.get("/organization").await;
    let (app, tenant) = (session.tenant.caller().client_id, session.tenant.id());
    assert_eq!(header(&refused, "retry-after"), Some("6"));
    let scope = format!("Tenant_Application/ReadWrite/{app}/{tenant}");
    assert_eq!(header(&refused, "x-ms-throttle-scope"), Some(scope.as_str()));
    assert_eq!(header(&refused, "x-ms-throttle-information"), Some("ResourceUnitLimitExceeded"));
    let inner = &refused.body["error"]["innerError"];
    assert_eq!((&inner["code"], &inner["status"]), (&json!("429"), &json!("429")));
    assert_eq!(refused.refused(429, "TooManyRequests"), "Please retry again later.");
    tokio::time::sleep(seconds(6)).await;
    session.get("/organization").await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn items_of_a_batch_are_refused_by_themselves() {
    let session = limited(Throttling::none().writes(2, seconds(150))).await;
    let create = |id: &str| {
        json!({"id": id, "method": "POST", "url": "/applications", "headers": {"Content-Type": "application/json"},
            "body": {"displayName": id}})
    };
    let mut dependent = create("4");
    dependent["dependsOn"] = json!(["3"]);
    let read = json!({"id": "5", "method": "GET", "url": "/organization"});
    let body = json!({"requests": [create("1"), create("2"), create("3"), dependent, read]});
    let batch = session.post("/$batch", body).await;
    assert_eq!(header(&batch, "retry-after"), None, "the batch as a whole is not refused");
    let response = batch.expect(200);
    let item = |id: &str| {
        let all = response["responses"].as_array().unwrap();
        all.iter().find(|response| response["id"] == id).unwrap()
    };
    for (id, status) in [("1", 201), ("2", 201), ("3", 429), ("4", 424), ("5", 200)] {
        assert_eq!(item(id)["status"], status, "{response:#}");
    }
    assert_eq!(item("3")["headers"]["Retry-After"], "150");
    assert_eq!(item("3")["headers"]["x-ms-throttle-information"], "WriteLimitExceeded");
    assert_eq!(item("1")["headers"]["x-ms-resource-unit"], "1");
    assert_eq!(session.tenant.applications().len(), 3, "what was refused was not done");
}

#[tokio::test(start_paused = true)]
async fn writes_to_applications_of_personal_accounts_are_few() {
    let session = limited(Throttling::none().personal_writes(2, seconds(60))).await;
    let personal = json!({"displayName": "App", "signInAudience": "AzureADandPersonalMicrosoftAccount",
        "api": {"requestedAccessTokenVersion": 2}});
    let app = session.post("/applications", personal).await.expect(201);
    let path = format!("/applications/{}", app["id"].as_str().unwrap());
    session.patch(&path, json!({"notes": "n"})).await.expect(204);
    let refused = session.post(&(path.clone() + "/addPassword"), json!({})).await;
    assert_eq!(header(&refused, "retry-after"), Some("60"));
    refused.refused(429, "TooManyRequests");
    session.get(&path).await.expect(200);
    session.app("Of this organization alone").await;
}

#[tokio::test(start_paused = true)]
async fn key_credentials_are_read_seldom_by_all_apps_together() {
    let session = limited(Throttling::none().key_credentials(1, seconds(60))).await;
    session.get("/applications?$select=id,KeyCredentials").await.expect(200);
    let other = Session::of(&session.tenant, &session.tenant.add_caller(&["Application.Read.All"])).await;
    let refused = other.get("/applications?$select=keyCredentials").await;
    assert!(header(&refused, "x-ms-throttle-scope").unwrap().starts_with("Tenant/Read/"));
    refused.refused(429, "TooManyRequests");
    other.get("/applications?$select=id").await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn limits_can_change_and_what_never_arrives_costs_nothing() {
    let session = limited(Throttling::of(1, seconds(10))).await;
    session.tenant.fault(Fault::on("GET", "/organization").fails(503));
    session.get("/organization").await.refused(503, "ServiceUnavailable");
    session.get("/organization").await.expect(200);
    session.get("/organization").await.refused(429, "TooManyRequests");
    session.tenant.set_throttling(Throttling::none());
    session.get("/organization").await.expect(200);
    let by_hand = session.tenant.send_json("GET", "/organization", None);
    assert_eq!(by_hand.0, 200);
}

#[tokio::test(start_paused = true)]
async fn an_app_is_counted_across_all_tenants_and_each_item_of_a_batch_by_itself() {
    let limits = || Throttling::none().app_writes(3, seconds(300)).app_requests(8, seconds(10));
    let named =
        |name: &str| builder().domain(format!("{name}.onmicrosoft.com")).tick(Duration::ZERO).throttling(limits());
    let cloud = MemoryCloud::new([named("vendor"), named("customer"), named("free").throttling(Throttling::none())]);
    let [vendor, customer, free] = [0, 1, 2].map(|at| &cloud.tenants()[at]);
    let app = json!({"displayName": "Backup", "signInAudience": "AzureADMultipleOrgs"}).to_string();
    let (_, app) = vendor.send_json("POST", "/applications", Some(&app));
    let app: Value = serde_json::from_str(&app).unwrap();
    let secret =
        vendor.send_json("POST", &format!("/applications/{}/addPassword", app["id"].as_str().unwrap()), Some("{}"));
    let secret = serde_json::from_str::<Value>(&secret.1).unwrap()["secretText"].as_str().unwrap().to_owned();
    let mut sessions = Vec::new();
    for tenant in [vendor, customer, free] {
        let (_, principal) =
            tenant.send_json("POST", "/servicePrincipals", Some(&json!({"appId": app["appId"]}).to_string()));
        let principal: Value = serde_json::from_str(&principal).unwrap();
        tenant.set_directory_roles(
            principal["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap(),
            &[uuid::Uuid::from_u128(0x62e9_0394_69f5_4237_9190_0121_7714_5e10)],
        );
        let caller = Caller {
            client_id: app["appId"].as_str().unwrap().parse().unwrap(),
            client_secret: secret.clone().into(),
            service_principal_id: principal["id"].as_str().unwrap().parse().unwrap(),
        };
        sessions.push(Session::of(tenant, &caller).await);
    }
    let create = |id: &str| {
        json!({"id": id, "method": "POST", "url": "/applications", "headers": {"Content-Type": "application/json"},
            "body": {"displayName": id}})
    };
    sessions[0].app("One").await;
    let batch = json!({"requests": [create("1"), create("2"), create("3")]});
    let response = sessions[1].post("/$batch", batch).await.expect(200);
    let mut statuses: Vec<_> =
        response["responses"].as_array().unwrap().iter().map(|it| it["status"].clone()).collect();
    statuses.sort_by_key(Value::to_string);
    assert_eq!(statuses, [201, 201, 429], "two of three were left");
    let refused = sessions[0].post("/applications", json!({"displayName": "More"})).await;
    let scope = format!("Application/Write/{}/{}", app["appId"].as_str().unwrap(), vendor.id());
    assert_eq!(
        (header(&refused, "retry-after"), header(&refused, "x-ms-throttle-scope")),
        (Some("300"), Some(&*scope))
    );
    refused.refused(429, "TooManyRequests");
    // Another app is not concerned, and a tenant without limits refuses nobody.
    Session::new(customer).await.app("Of another").await;
    sessions[2].app("Free").await;
    for _ in 0..5 {
        sessions[1].get("/organization").await.expect(200);
    }
    let refused = sessions[0].get("/organization").await;
    assert_eq!(header(&refused, "x-ms-throttle-information"), Some("ResourceUnitLimitExceeded"));
    refused.refused(429, "TooManyRequests");
    tokio::time::sleep(seconds(10)).await;
    sessions[0].get("/organization").await.expect(200);
}
