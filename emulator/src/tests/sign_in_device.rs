//! Users who sign in with a device code.

use std::time::Duration;

use super::sign_in::{AZURE_CLI, GLOBAL_ADMINISTRATOR, GRAPH_TOOLS, ask, claims, refused, send};
use super::*;
use entra_apps::transport::Transport;

const ARM: &str = "https://management.core.windows.net//.default offline_access openid profile";

/// A device of an app, at a tenant or at `organizations`.
struct Device<'a> {
    transport: &'a dyn Transport,
    tenant: String,
    client_id: &'a str,
    code: Value,
}

impl<'a> Device<'a> {
    async fn start(transport: &'a dyn Transport, tenant: impl ToString, client_id: &'a str, scope: &str) -> Self {
        let tenant = tenant.to_string();
        let path = format!("/{tenant}/oauth2/v2.0/devicecode");
        let code = ask(transport, &path, Some(&[("client_id", client_id), ("scope", scope)])).await.expect(200);
        Self { transport, tenant, client_id, code }
    }

    fn user_code(&self) -> &str {
        self.code["user_code"].as_str().unwrap()
    }

    async fn poll(&self) -> Answered {
        self.poll_with(&[]).await
    }

    async fn poll_with(&self, more: &[(&str, &str)]) -> Answered {
        let mut form = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", self.client_id),
            ("device_code", self.code["device_code"].as_str().unwrap()),
            ("client_info", "1"),
        ];
        form.extend_from_slice(more);
        ask(self.transport, &format!("/{}/oauth2/v2.0/token", self.tenant), Some(&form)).await
    }
}

/// As the Azure CLI signs in.
#[tokio::test(start_paused = true)]
async fn a_device_code_is_pending_until_the_user_has_signed_in() {
    let tenant = builder().build();
    let ada = tenant.add_user("Ada Lovelace", &[GLOBAL_ADMINISTRATOR]);
    let device = Device::start(&tenant, "organizations", AZURE_CLI, ARM).await;
    assert_eq!((&device.code["expires_in"], &device.code["interval"]), (&json!(900), &json!(5)));
    assert_eq!(device.code["verification_uri"], "https://login.microsoft.com/device");
    assert!(device.code["message"].as_str().unwrap().contains(device.user_code()));
    refused(&device.poll().await, 400, "authorization_pending", 70016);
    tokio::time::sleep(Duration::from_secs(5)).await;
    refused(&device.poll().await, 400, "authorization_pending", 70016);
    tenant.approve_device_code(&device.user_code().to_lowercase(), &ada);
    let issued = device.poll().await.expect(200);
    let expected = "openid profile https://management.core.windows.net//user_impersonation \
        https://management.core.windows.net//.default";
    assert_eq!((issued["scope"].as_str(), &issued["foci"]), (Some(expected), &json!("1")));
    let token = claims(issued["access_token"].as_str().unwrap());
    assert_eq!(token["aud"], "https://management.core.windows.net/");
    assert_eq!((&token["scp"], &token["oid"]), (&json!("user_impersonation"), &json!(ada.id)));
    assert_eq!((&token["appid"], &token["appidacr"]), (&json!(AZURE_CLI), &json!("0")));
    let about = claims(issued["id_token"].as_str().unwrap());
    assert_eq!((&about["aud"], &about["preferred_username"]), (&json!(AZURE_CLI), &json!(ada.user_principal_name)));
    assert_eq!(about["iss"], format!("https://login.microsoftonline.com/{}/v2.0", tenant.id()));
    assert!(issued["refresh_token"].is_string());
    refused(&device.poll().await, 400, "invalid_grant", 54005);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_polls_too_often_gets_slow_down() {
    let tenant = builder().build();
    let device = Device::start(&tenant, tenant.id(), AZURE_CLI, ARM).await;
    refused(&device.poll().await, 400, "authorization_pending", 70016);
    refused(&device.poll().await, 400, "slow_down", 70016);
    tokio::time::sleep(Duration::from_secs(5)).await;
    refused(&device.poll().await, 400, "authorization_pending", 70016);
}

#[tokio::test(start_paused = true)]
async fn a_code_can_be_declined_expire_and_be_wrong() {
    let tenant = builder().build();
    let declined = Device::start(&tenant, tenant.id(), AZURE_CLI, ARM).await;
    tenant.decline_device_code(declined.user_code());
    refused(&declined.poll().await, 400, "authorization_declined", 70017);
    let mut device = Device::start(&tenant, tenant.id(), AZURE_CLI, ARM).await;
    tokio::time::sleep(Duration::from_secs(900)).await;
    refused(&device.poll().await, 400, "expired_token", 70020);
    device.code["device_code"] = "other".into();
    refused(&device.poll().await, 400, "bad_verification_code", 70018);
    let other = Device::start(&tenant, tenant.id(), GRAPH_TOOLS, "User.Read").await;
    let stolen = Device { client_id: AZURE_CLI, ..other };
    refused(&stolen.poll().await, 400, "bad_verification_code", 70018);
    let response = ask(&tenant, "/common/oauth2/v2.0/devicecode", Some(&[("client_id", AZURE_CLI)])).await;
    refused(&response, 400, "invalid_request", 900_144);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "no device waits for the code")]
async fn a_code_that_no_device_shows_cannot_be_approved() {
    let tenant = builder().build();
    let ada = tenant.add_user("Ada", &[]);
    tenant.approve_device_code("ABCDEFGHJ", &ada);
}

#[tokio::test(start_paused = true)]
async fn automatic_sign_in_approves_device_codes() {
    let tenant = builder().build();
    let ada = tenant.add_user("Ada", &[]);
    tenant.auto_sign_in(Some(&ada));
    let device = Device::start(&tenant, tenant.domain(), AZURE_CLI, "https://graph.microsoft.com/.default").await;
    let issued = device.poll().await.expect(200);
    assert!(issued.get("refresh_token").is_none() && issued.get("id_token").is_none());
    let token = claims(issued["access_token"].as_str().unwrap());
    assert!(token["scp"].as_str().unwrap().contains("Directory.AccessAsUser.All"));
    assert_eq!(token["wids"], json!(["b79fbf4d-3ef9-4689-8143-76b194e85509"]));
    assert_eq!(token["amr"], json!(["pwd", "mfa"]));
    tenant.sign_in_without_mfa();
    let device = Device::start(&tenant, tenant.domain(), AZURE_CLI, "https://graph.microsoft.com/.default").await;
    let issued = device.poll().await.expect(200);
    assert_eq!(claims(issued["access_token"].as_str().unwrap())["amr"], json!(["pwd"]));
    tenant.auto_sign_in(None);
    let device = Device::start(&tenant, tenant.id(), AZURE_CLI, ARM).await;
    refused(&device.poll().await, 400, "authorization_pending", 70016);
}

#[tokio::test(start_paused = true)]
async fn graph_lets_the_app_do_what_the_user_may_do() {
    let tenant = builder().build();
    let (ada, bob) = (tenant.add_user("Ada", &[GLOBAL_ADMINISTRATOR]), tenant.add_user("Bob", &[]));
    let mut sessions = Vec::new();
    for user in [&ada, &bob] {
        tenant.auto_sign_in(Some(user));
        let device = Device::start(&tenant, tenant.id(), AZURE_CLI, "https://graph.microsoft.com//.default").await;
        let token = device.poll().await.expect(200)["access_token"].as_str().unwrap().to_owned();
        sessions.push(Session { tenant: tenant.clone(), token });
    }
    let me = sessions[1].get("/me").await.expect(200);
    assert_eq!(me["id"], json!(bob.id));
    let own = sessions[1].app("Mine").await;
    let theirs = sessions[0].app("Theirs").await;
    let path = |app: &Value| format!("/applications/{}", app["id"].as_str().unwrap());
    sessions[1].patch(&path(&own), json!({"displayName": "Still mine"})).await.expect(204);
    sessions[1].patch(&path(&theirs), json!({"displayName": "x"})).await.refused(403, "Authorization_RequestDenied");
    sessions[0].patch(&path(&own), json!({"displayName": "Governed"})).await.expect(204);
}

#[tokio::test(start_paused = true)]
async fn apps_of_microsoft_are_preauthorized_or_need_consent() {
    let tenant = builder().build();
    let (ada, bob) = (tenant.add_user("Ada", &[GLOBAL_ADMINISTRATOR]), tenant.add_user("Bob", &[]));
    tenant.auto_sign_in(Some(&ada));
    let device = |client_id, scope: &'static str| Device::start(&tenant, tenant.id(), client_id, scope);
    let refusal = device(AZURE_CLI, "https://graph.microsoft.com/Mail.Read").await.poll().await;
    refused(&refusal, 400, "invalid_request", 65002);
    device(AZURE_CLI, "Application.ReadWrite.All").await.poll().await.expect(200);
    assert!(tenant.oauth2_permission_grants().is_empty());

    let issued = device(GRAPH_TOOLS, "Application.ReadWrite.All").await.poll().await.expect(200);
    assert_eq!(claims(issued["access_token"].as_str().unwrap())["scp"], "Application.ReadWrite.All");
    let grants = tenant.oauth2_permission_grants();
    assert_eq!((grants.len(), grants[0].principal_id), (1, Some(ada.id)));
    let tools = tenant.service_principals().into_iter().find(|principal| principal.id == grants[0].client_id).unwrap();
    assert_eq!(tools.app_id.to_string(), GRAPH_TOOLS);
    // Bob may consent to his own mail, and to nothing that needs an administrator.
    tenant.auto_sign_in(Some(&bob));
    device(GRAPH_TOOLS, "Mail.Read").await.poll().await.expect(200);
    let refusal = device(GRAPH_TOOLS, "Application.ReadWrite.All").await.poll().await;
    refused(&refusal, 400, "invalid_grant", 90094);
    assert_eq!(refusal.body["suberror"], "consent_required");
    let unknown = device(GRAPH_TOOLS, "No.Such.Scope").await.poll().await;
    refused(&unknown, 400, "invalid_client", 650_053);
    tenant.decline_consent();
    let refusal = device(GRAPH_TOOLS, "Calendars.Read").await.poll().await;
    refused(&refusal, 400, "authorization_declined", 70017);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_is_no_public_client_must_show_its_secret() {
    let tenant = builder().build();
    let ada = tenant.add_user("Ada", &[]);
    let session = Session::new(&tenant).await;
    let (app, _) = session.app_and_principal("App").await;
    let path = format!("/applications/{}", app["id"].as_str().unwrap());
    let client_id = app["appId"].as_str().unwrap();
    let device = Device::start(&tenant, tenant.id(), client_id, "Mail.Read").await;
    refused(&device.poll().await, 401, "invalid_client", 7_000_218);
    let secret = session.post(&format!("{path}/addPassword"), json!({})).await.expect(200);
    let secret = secret["secretText"].as_str().unwrap();
    refused(&device.poll_with(&[("client_secret", "wrong")]).await, 401, "invalid_client", 7_000_215);
    tenant.approve_device_code(device.user_code(), &ada);
    let issued = device.poll_with(&[("client_secret", secret)]).await.expect(200);
    assert_eq!(claims(issued["access_token"].as_str().unwrap())["appidacr"], "1");

    session.patch(&path, json!({"isFallbackPublicClient": true})).await.expect(204);
    tenant.auto_sign_in(Some(&ada));
    let device = Device::start(&tenant, tenant.id(), client_id, "Mail.Read").await;
    refused(&device.poll_with(&[("client_secret", secret)]).await, 401, "invalid_client", 700_025);
    device.poll().await.expect(200);
    // The app is for one organization alone.
    let form = [("client_id", client_id), ("scope", "Mail.Read")];
    refused(&ask(&tenant, "/common/oauth2/v2.0/devicecode", Some(&form)).await, 400, "invalid_request", 50194);
}

#[tokio::test(start_paused = true)]
async fn blocked_and_unassigned_users_are_refused() {
    let tenant = builder().build();
    let ada = tenant.add_user("Ada", &[]);
    let session = Session::new(&tenant).await;
    let (app, principal) = session.app_and_principal("App").await;
    let app_path = format!("/applications/{}", app["id"].as_str().unwrap());
    session.patch(&app_path, json!({"isFallbackPublicClient": true})).await.expect(204);
    let path = format!("/servicePrincipals/{}", principal["id"].as_str().unwrap());
    session.patch(&path, json!({"appRoleAssignmentRequired": true})).await.expect(204);
    tenant.auto_sign_in(Some(&ada));
    let client_id = app["appId"].as_str().unwrap();
    let start = || Device::start(&tenant, tenant.id(), client_id, "Mail.Read");
    refused(&start().await.poll().await, 400, "invalid_grant", 50105);
    let group = tenant.add_group("Team", &[ada.id]);
    let assignment = json!({
        "principalId": group.id, "resourceId": principal["id"], "appRoleId": "00000000-0000-0000-0000-000000000000"
    });
    tenant.send_json("POST", &format!("{path}/appRoleAssignedTo"), Some(&assignment.to_string()));
    start().await.poll().await.expect(200);
    let (status, _) = tenant.send_json("PATCH", &format!("/users/{}", ada.id), Some(r#"{"accountEnabled": false}"#));
    assert_eq!(status, 204);
    refused(&start().await.poll().await, 400, "invalid_grant", 50057);
    session.patch(&path, json!({"accountEnabled": false})).await.expect(204);
    let form = [("client_id", client_id), ("scope", "Mail.Read")];
    let response = ask(&tenant, &format!("/{}/oauth2/v2.0/devicecode", tenant.id()), Some(&form)).await;
    refused(&response, 401, "unauthorized_client", 7_000_112);
}

#[tokio::test(start_paused = true)]
async fn the_device_page_approves_a_code() {
    let tenant = builder().base_url("http://localhost:8080").build();
    let ada = tenant.add_user("Ada <the first>", &[]);
    let device = Device::start(&tenant, "common", AZURE_CLI, ARM).await;
    assert_eq!(device.code["verification_uri"], "http://localhost:8080/device");
    let page = |path: String| async {
        let response = send(&tenant, &Box::leak(path.into_boxed_str())[..], None).await;
        (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap())
    };
    assert!(page("/device".into()).await.1.contains("name=\"otc\""));
    assert_eq!(page(format!("/device?otc=WRONG&_as={}", ada.user_principal_name)).await.0, 400);
    let (status, people) = page(format!("/devicelogin?otc={}", device.user_code())).await;
    assert!(status == 200 && people.contains("Ada &lt;the first&gt;"), "{people}");
    let link = people.split("href=\"").find(|link| link.contains("_as=ada")).unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    assert_eq!(page(format!("/device{link}")).await.0, 200);
    device.poll().await.expect(200);
    let device = Device::start(&tenant, "common", AZURE_CLI, ARM).await;
    assert_eq!(page(format!("/device?otc={}&_cancel=1", device.user_code())).await.0, 200);
    refused(&device.poll().await, 400, "authorization_declined", 70017);
}
