//! Users who sign in to another tenant than their own.

use super::sign_in::{AZURE_CLI, ask, claims, refused};
use super::*;
use crate::User;

const GRAPH_DEFAULT: &str = "https://graph.microsoft.com/.default offline_access";

/// Signs a user in at `organizations`.
async fn stay(cloud: &MemoryCloud, user: &User) -> Value {
    cloud.tenants()[0].auto_sign_in(Some(user));
    let form = [("client_id", AZURE_CLI), ("scope", GRAPH_DEFAULT)];
    let code = ask(cloud, "/organizations/oauth2/v2.0/devicecode", Some(&form)).await.expect(200);
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", AZURE_CLI),
        ("device_code", code["device_code"].as_str().unwrap()),
    ];
    ask(cloud, "/organizations/oauth2/v2.0/token", Some(&form)).await.expect(200)
}

async fn refresh(cloud: &MemoryCloud, tenant: &str, client_id: &str, issued: &Value) -> Answered {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", client_id),
        ("refresh_token", issued["refresh_token"].as_str().unwrap()),
        ("scope", GRAPH_DEFAULT),
    ];
    ask(cloud, &format!("/{tenant}/oauth2/v2.0/token"), Some(&form)).await
}

/// As `send`, to the tenant that issued the token.
async fn get(cloud: &MemoryCloud, issued: &Value, path: &str) -> Answered {
    let token = issued["access_token"].as_str().unwrap();
    let request = Request::get(format!("https://graph.microsoft.com/v1.0{path}"));
    let request = request.header("authorization", format!("Bearer {token}")).body(Bytes::new()).unwrap();
    Answered::of(cloud.send(request).await.unwrap())
}

fn agent(cloud: &MemoryCloud) -> User {
    cloud.tenants()[0].users().into_iter().find(|user| user.display_name == "Admin Agent").unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_partner_signs_in_to_customers_with_the_gdap_roles() {
    let cloud = MemoryCloud::partner_with_customers(1);
    let (agent, customer) = (agent(&cloud), &cloud.tenants()[1]);
    let home = stay(&cloud, &agent).await;
    assert_eq!(claims(home["access_token"].as_str().unwrap())["tid"], cloud.tenants()[0].id().to_string());
    let there = refresh(&cloud, &customer.id().to_string(), AZURE_CLI, &home).await.expect(200);
    let token = claims(there["access_token"].as_str().unwrap());
    assert_eq!((&token["tid"], &token["oid"]), (&json!(customer.id()), &json!(agent.id)));
    assert!(token["wids"].as_array().unwrap().contains(&json!("9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3")));
    assert!(token["idp"].as_str().unwrap().contains(&cloud.tenants()[0].id().to_string()));
    get(&cloud, &there, "/servicePrincipals?$top=1").await.expect(200);
    // The successor of a token that was used at the customer's is good at home.
    refresh(&cloud, "organizations", AZURE_CLI, &home).await.expect(200);
    refresh(&cloud, cloud.tenants()[0].domain(), AZURE_CLI, &there).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_partner_without_a_relationship_or_group_is_refused() {
    let cloud = MemoryCloud::partner_with_customers(1);
    let customer = cloud.tenants()[1].domain().to_owned();
    let outsider = cloud.tenants()[0].add_user("Outsider", &[]);
    let home = stay(&cloud, &outsider).await;
    refused(&refresh(&cloud, &customer, AZURE_CLI, &home).await, 400, "invalid_grant", 50020);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_the_customer_has_not_authorized_is_refused_to_partners() {
    let cloud = MemoryCloud::partner_with_customers(1);
    let (partner, customer) = (&cloud.tenants()[0], &cloud.tenants()[1]);
    let session = Session::new(partner).await;
    let app = json!({
        "displayName": "Deployer", "signInAudience": "AzureADMultipleOrgs", "isFallbackPublicClient": true,
        "requiredResourceAccess": [{
            "resourceAppId": "00000003-0000-0000-c000-000000000000",
            "resourceAccess": [{"id": uuid::Uuid::from_u128(USER_READ), "type": "Scope"}]
        }]
    });
    let app = session.post("/applications", app).await.expect(201);
    let client_id = app["appId"].as_str().unwrap();
    partner.auto_sign_in(Some(&agent(&cloud)));
    let form = [("client_id", client_id), ("scope", "User.Read offline_access")];
    let code = ask(&cloud, "/organizations/oauth2/v2.0/devicecode", Some(&form)).await.expect(200);
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", client_id),
        ("device_code", code["device_code"].as_str().unwrap()),
    ];
    let home = ask(&cloud, "/organizations/oauth2/v2.0/token", Some(&form)).await.expect(200);
    refused(&refresh(&cloud, customer.domain(), client_id, &home).await, 400, "invalid_grant", 90099);
    // An administrator of the customer's authorizes it.
    let principal = json!({"appId": client_id}).to_string();
    let (_, principal) = customer.send_json("POST", "/servicePrincipals", Some(&principal));
    let principal: Value = serde_json::from_str(&principal).unwrap();
    let graph = Session::new(customer).await.graph_principal().await;
    let grant = json!({
        "clientId": principal["id"], "resourceId": graph, "scope": "User.Read", "consentType": "AllPrincipals"
    });
    assert_eq!(customer.send_json("POST", "/oauth2PermissionGrants", Some(&grant.to_string())).0, 201);
    refresh(&cloud, customer.domain(), client_id, &home).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_guest_can_sign_in_where_they_were_invited() {
    let cloud = MemoryCloud::new([
        builder().domain("home.onmicrosoft.com"),
        builder().domain("host.onmicrosoft.com").display_name("Host"),
    ]);
    let (home, host) = (&cloud.tenants()[0], &cloud.tenants()[1]);
    let ada = home.add_user("Ada", &[]);
    let issued = stay(&cloud, &ada).await;
    refused(&refresh(&cloud, host.domain(), AZURE_CLI, &issued).await, 400, "invalid_grant", 50020);
    let guest = json!({
        "displayName": "Ada", "mailNickname": "ada", "userType": "Guest", "passwordProfile": {"password": "x"},
        "userPrincipalName": "ada_home.onmicrosoft.com#EXT#@host.onmicrosoft.com", "mail": ada.user_principal_name
    });
    let (status, guest) = host.send_json("POST", "/users", Some(&guest.to_string()));
    assert_eq!(status, 201, "{guest}");
    let guest: Value = serde_json::from_str(&guest).unwrap();
    let there = refresh(&cloud, host.domain(), AZURE_CLI, &issued).await.expect(200);
    let token = claims(there["access_token"].as_str().unwrap());
    assert_eq!((&token["oid"], &token["acct"], &token.get("wids")), (&guest["id"], &json!(1), &None));
    assert_eq!(get(&cloud, &there, "/me").await.expect(200)["id"], guest["id"]);
    let response = get(&cloud, &there, "/applications").await;
    assert_eq!(response.status, 403);
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_the_customer_keeps_partners_out_and_nobody_else() {
    let cloud = MemoryCloud::partner_with_customers(1);
    let customer = &cloud.tenants()[1];
    let (home, own) = (stay(&cloud, &agent(&cloud)).await, customer.add_user("Ada", &[]));
    customer.block_service_providers();
    refused(&refresh(&cloud, customer.domain(), AZURE_CLI, &home).await, 400, "interaction_required", 53003);
    let issued = stay(&cloud, &own).await;
    refresh(&cloud, customer.domain(), AZURE_CLI, &issued).await.expect(200);
    customer.admit_service_providers();
    refresh(&cloud, customer.domain(), AZURE_CLI, &home).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_tenant_is_refused_and_noted() {
    let named = |name: &str| builder().domain(format!("{name}.onmicrosoft.com"));
    let cloud = MemoryCloud::new([named("home"), named("host")]);
    let [home, host] = [0, 1].map(|at| &cloud.tenants()[at]);
    let stranger = Session { tenant: host.clone(), ..Session::new(home).await };
    stranger.get("/organization").await.refused(401, "InvalidAuthenticationToken");
    Session { tenant: host.clone(), token: "nobodys".to_owned() }.get("/organization").await.expect(401);
    Session::new(host).await.get("/organization").await.expect(200);
    let noted: Vec<_> = host.requests().iter().map(|request| request.has_foreign_token).collect();
    assert_eq!(noted, [true, false, false, false]);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "has a token of another tenant")]
async fn a_suite_can_forbid_tokens_of_another_tenant() {
    let cloud = MemoryCloud::new([builder(), builder().deny_foreign_requests()]);
    let stranger = Session { tenant: cloud.tenants()[1].clone(), ..Session::new(&cloud.tenants()[0]).await };
    stranger.get("/organization").await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "is about an object of another tenant")]
async fn a_suite_can_forbid_requests_about_objects_of_another_tenant() {
    let cloud = MemoryCloud::new([builder(), builder().deny_foreign_requests()]);
    let [home, host] = [0, 1].map(|at| &cloud.tenants()[at]);
    let session = Session::new(host).await;
    session.get(&format!("/users/{}", uuid::Uuid::from_u128(7))).await.refused(404, "Request_ResourceNotFound");
    session.get(&format!("/users/{}", host.add_user("Grace", &[]).id)).await.expect(200);
    session.get(&format!("/users/{}", home.add_user("Ada", &[]).id)).await;
}
