//! Refresh tokens.

use std::time::Duration;

use super::sign_in::{AZURE_CLI, GRAPH_TOOLS, ask, claims, refused};
use super::*;
use crate::{Lag, User};
use entra_apps::transport::Transport;

const POWERSHELL: &str = "1950a258-227b-4e31-a9cf-717495945fc2";

/// Signs a user in by a device code, and returns the refresh token.
async fn stay(tenant: &MemoryTenant, user: &User, client_id: &str, scope: &str) -> String {
    let path = format!("/{}/oauth2/v2.0", tenant.id());
    let scope = format!("{scope} offline_access");
    let form = [("client_id", client_id), ("scope", &*scope)];
    let code = ask(tenant, &format!("{path}/devicecode"), Some(&form)).await.expect(200);
    tenant.approve_device_code(code["user_code"].as_str().unwrap(), user);
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", client_id),
        ("device_code", code["device_code"].as_str().unwrap()),
    ];
    let issued = ask(tenant, &format!("{path}/token"), Some(&form)).await.expect(200);
    issued["refresh_token"].as_str().unwrap().to_owned()
}

async fn refresh(transport: &dyn Transport, tenant: &str, client_id: &str, token: &str, scope: &str) -> Answered {
    let mut form = vec![("grant_type", "refresh_token"), ("client_id", client_id), ("refresh_token", token)];
    form.push(("scope", scope));
    ask(transport, &format!("/{tenant}/oauth2/v2.0/token"), Some(&form)).await
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_gives_tokens_for_any_api_and_a_new_refresh_token() {
    let tenant = builder().build();
    let ada = tenant.add_user("Ada", &[]);
    let first = stay(&tenant, &ada, AZURE_CLI, "https://management.core.windows.net//.default").await;
    let graph = refresh(&tenant, "organizations", AZURE_CLI, &first, "https://graph.microsoft.com/.default").await;
    let graph = graph.expect(200);
    let session = Session { tenant: tenant.clone(), token: graph["access_token"].as_str().unwrap().to_owned() };
    session.get("/me").await.expect(200);
    let second = graph["refresh_token"].as_str().unwrap();
    assert_ne!(first, second);
    // Without a scope it is the first one; the old token stays valid.
    for token in [first.as_str(), second] {
        refresh(&tenant, &tenant.id().to_string(), AZURE_CLI, token, "").await.expect(200);
    }
    let again = refresh(&tenant, tenant.domain(), AZURE_CLI, &first, "").await.expect(200);
    assert_eq!(claims(again["access_token"].as_str().unwrap())["aud"], "https://management.core.windows.net/");
    refused(&refresh(&tenant, "common", AZURE_CLI, "other", "").await, 400, "invalid_grant", 9_002_313);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_is_for_its_app_or_the_apps_family() {
    let tenant = builder().build();
    let ada = tenant.add_user("Ada", &[]);
    let token = stay(&tenant, &ada, AZURE_CLI, "https://graph.microsoft.com/.default").await;
    refresh(&tenant, "common", POWERSHELL, &token, "").await.expect(200);
    let response = refresh(&tenant, "common", GRAPH_TOOLS, &token, "User.Read").await;
    refused(&response, 400, "invalid_grant", 70000);
    assert_eq!(response.body["suberror"], "client_mismatch");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_ends_when_it_is_revoked_or_inactive() {
    let tenant = builder().build();
    let ada = tenant.add_user("Ada", &[]);
    let (used, idle) = (
        stay(&tenant, &ada, AZURE_CLI, "https://graph.microsoft.com/.default").await,
        stay(&tenant, &ada, AZURE_CLI, "https://graph.microsoft.com/.default").await,
    );
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(60 * 24 * 3600)).await;
        refresh(&tenant, "common", AZURE_CLI, &used, "").await.expect(200);
    }
    refused(&refresh(&tenant, "common", AZURE_CLI, &idle, "").await, 400, "invalid_grant", 700_082);
    tenant.revoke_sign_in_sessions(&ada);
    let response = refresh(&tenant, "common", AZURE_CLI, &used, "").await;
    refused(&response, 400, "invalid_grant", 50173);
    assert_eq!(response.body["suberror"], "bad_token");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let fresh = stay(&tenant, &ada, AZURE_CLI, "https://graph.microsoft.com/.default").await;
    refresh(&tenant, "common", AZURE_CLI, &fresh, "").await.expect(200);
    tenant.send_json("DELETE", &format!("/users/{}", ada.id), None);
    refused(&refresh(&tenant, "common", AZURE_CLI, &fresh, "").await, 400, "invalid_grant", 50034);
}

#[tokio::test(start_paused = true)]
async fn permissions_without_consent_are_refused_until_it_is_given_and_replicated() {
    let lag = Lag::none().sign_in(Duration::from_secs(20));
    let tenant = builder().lags(lag).build();
    let ada = tenant.add_user("Ada", &[]);
    let session = Session::new(&tenant).await;
    let token = stay(&tenant, &ada, GRAPH_TOOLS, "Mail.Read").await;
    // The consent a moment ago is not known everywhere.
    refused(&refresh(&tenant, "common", GRAPH_TOOLS, &token, "").await, 400, "invalid_grant", 65001);
    tokio::time::sleep(Duration::from_secs(20)).await;
    refresh(&tenant, "common", GRAPH_TOOLS, &token, "").await.expect(200);
    let response = refresh(&tenant, "common", GRAPH_TOOLS, &token, "Directory.Read.All").await;
    refused(&response, 400, "invalid_grant", 65001);
    assert_eq!(response.body["suberror"], "consent_required");
    let grant = tenant.oauth2_permission_grants()[0].id.to_string();
    let path = format!("/oauth2PermissionGrants/{grant}");
    session.patch(&path, json!({"scope": "Mail.Read Directory.Read.All"})).await.expect(204);
    tokio::time::sleep(Duration::from_secs(20)).await;
    refresh(&tenant, "common", GRAPH_TOOLS, &token, "Directory.Read.All").await.expect(200);
}
