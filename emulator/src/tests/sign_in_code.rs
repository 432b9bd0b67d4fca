//! Users who sign in with a browser.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::sign_in::{AZURE_CLI, GLOBAL_ADMINISTRATOR, ask, claims, redirected, refused, send, with_query};
use super::*;
use crate::User;

const VERIFIER: &str = "a-verifier-that-is-long-enough-to-be-taken-for-one";

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()))
}

/// An app of each platform, and a user who signs in automatically.
struct Desk {
    tenant: MemoryTenant,
    session: Session,
    ada: User,
    client_id: String,
    path: String,
}

impl Desk {
    async fn new() -> Self {
        let tenant = builder().build();
        let ada = tenant.add_user("Ada Lovelace", &[]);
        tenant.auto_sign_in(Some(&ada));
        let session = Session::new(&tenant).await;
        let (app, _) = session.app_and_principal("Desk").await;
        let path = format!("/applications/{}", app["id"].as_str().unwrap());
        let platforms = json!({
            "web": {"redirectUris": ["https://app.example/back"]},
            "spa": {"redirectUris": ["https://app.example/page"]},
            "publicClient": {"redirectUris": ["http://localhost"]},
        });
        session.patch(&path, platforms).await.expect(204);
        Self { client_id: app["appId"].as_str().unwrap().to_owned(), tenant, session, ada, path }
    }

    fn endpoint(&self, name: &str) -> String {
        format!("/{}/oauth2/v2.0/{name}", self.tenant.id())
    }

    async fn authorize(&self, more: &[(&str, &str)]) -> http::Response<Bytes> {
        let challenge = challenge();
        let mut query = vec![
            ("client_id", self.client_id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", "http://localhost:41234"),
            ("scope", "openid profile offline_access Mail.Read"),
            ("state", "a b&c"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in more {
            query.retain(|(known, _)| known != name);
            query.push((name, value));
        }
        query.retain(|(_, value)| !value.is_empty());
        send(&self.tenant, &with_query(&self.endpoint("authorize"), &query), None).await
    }

    async fn code(&self, more: &[(&str, &str)]) -> String {
        let (_, response) = redirected(&self.authorize(more).await);
        response.get("code").unwrap_or_else(|| panic!("{response:?}")).clone()
    }

    async fn redeem(&self, code: &str, more: &[(&str, &str)]) -> Answered {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", self.client_id.as_str()),
            ("code", code),
            ("redirect_uri", "http://localhost:41234"),
            ("code_verifier", VERIFIER),
        ];
        for (name, value) in more {
            form.retain(|(known, _)| known != name);
            form.push((name, value));
        }
        form.retain(|(_, value)| !value.is_empty());
        ask(&self.tenant, &self.endpoint("token"), Some(&form)).await
    }

    async fn secret(&self) -> String {
        let made = self.session.post(&format!("{}/addPassword", self.path), json!({})).await.expect(200);
        made["secretText"].as_str().unwrap().to_owned()
    }
}

/// A sign-in as MSAL does it, with a page on this machine.
#[tokio::test(start_paused = true)]
async fn a_user_signs_in_with_a_browser() {
    let desk = Desk::new().await;
    let response = desk.authorize(&[("client_info", "1"), ("nonce", "n"), ("login_hint", "ada"), ("claims", "{}")]);
    let (to, response) = redirected(&response.await);
    assert_eq!((to.as_str(), response["state"].as_str()), ("http://localhost:41234/", "a b&c"));
    assert!(response.contains_key("session_state") && response.contains_key("client_info"));
    let issued = desk.redeem(&response["code"], &[("client_info", "1"), ("x-client-SKU", "MSAL.Python")]).await;
    let issued = issued.expect(200);
    assert_eq!(issued["scope"], "openid profile Mail.Read");
    let about = claims(issued["id_token"].as_str().unwrap());
    assert_eq!(
        (&about["nonce"], &about["name"], &about["oid"]),
        (&json!("n"), &json!("Ada Lovelace"), &json!(desk.ada.id))
    );
    let info: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(issued["client_info"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(info, json!({"uid": desk.ada.id, "utid": desk.tenant.id()}));
    let token = claims(issued["access_token"].as_str().unwrap());
    assert_eq!(token["aud"], "00000003-0000-0000-c000-000000000000");
    assert_eq!(
        (&token["scp"], &token["ver"]),
        (&json!("Mail.Read openid profile offline_access".replace(" offline_access", "")), &json!("1.0"))
    );
    assert_eq!((&token["upn"], &token["amr"]), (&json!(desk.ada.user_principal_name), &json!(["pwd", "mfa"])));
    // Ada has consented for herself.
    let grants = desk.tenant.oauth2_permission_grants();
    assert_eq!((grants.len(), grants[0].principal_id), (1, Some(desk.ada.id)));
}

#[tokio::test(start_paused = true)]
async fn a_code_works_once_for_ten_minutes_and_only_for_its_client() {
    let desk = Desk::new().await;
    let code = desk.code(&[]).await;
    refused(&desk.redeem(&code, &[("code_verifier", "")]).await, 400, "invalid_grant", 50148);
    refused(&desk.redeem(&code, &[("code_verifier", "wrong")]).await, 400, "invalid_grant", 501_481);
    refused(&desk.redeem(&code, &[("redirect_uri", "http://localhost:1")]).await, 400, "invalid_client", 500_112);
    refused(&desk.redeem(&code, &[("client_secret", "x")]).await, 401, "invalid_client", 700_025);
    refused(&desk.redeem(&code, &[("client_id", AZURE_CLI)]).await, 400, "invalid_grant", 70000);
    refused(&desk.redeem("other", &[]).await, 400, "invalid_grant", 9_002_313);
    refused(&desk.redeem(&code, &[("redirect_uri", "")]).await, 400, "invalid_request", 900_144);
    desk.redeem(&code, &[]).await.expect(200);
    refused(&desk.redeem(&code, &[]).await, 400, "invalid_grant", 54005);
    let late = desk.code(&[]).await;
    let revoked = desk.code(&[]).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    desk.tenant.revoke_sign_in_sessions(&desk.ada);
    refused(&desk.redeem(&revoked, &[]).await, 400, "invalid_grant", 50173);
    tokio::time::sleep(Duration::from_secs(600)).await;
    refused(&desk.redeem(&late, &[]).await, 400, "invalid_grant", 70008);
}

#[tokio::test(start_paused = true)]
async fn a_plain_challenge_or_none_is_accepted() {
    let desk = Desk::new().await;
    let plain = desk.code(&[("code_challenge", VERIFIER), ("code_challenge_method", "")]).await;
    desk.redeem(&plain, &[]).await.expect(200);
    let none = desk.code(&[("code_challenge", "")]).await;
    refused(&desk.redeem(&none, &[]).await, 400, "invalid_grant", 501_481);
    desk.redeem(&none, &[("code_verifier", "")]).await.expect(200);
    for (change, code) in [(("code_challenge_method", "S512"), 50149), (("code_challenge", "short"), 501_491)] {
        let (_, response) = redirected(&desk.authorize(&[change]).await);
        assert_eq!(response["error"], "invalid_request");
        assert!(response["error_description"].starts_with(&format!("AADSTS{code}: ")), "{response:?}");
        assert!(response["error_uri"].ends_with(&format!("/error?code={code}")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_web_app_needs_its_secret_and_a_single_page_app_its_origin() {
    let desk = Desk::new().await;
    let secret = desk.secret().await;
    let web = ("redirect_uri", "https://app.example/back");
    let code = desk.code(&[web]).await;
    refused(&desk.redeem(&code, &[web]).await, 401, "invalid_client", 7_000_218);
    let issued = desk.redeem(&code, &[web, ("client_secret", &secret)]).await.expect(200);
    assert_eq!(claims(issued["access_token"].as_str().unwrap())["appidacr"], "1");

    let page = ("redirect_uri", "https://app.example/page");
    let (_, response) = redirected(&desk.authorize(&[page, ("code_challenge", "")]).await);
    assert!(response["error_description"].starts_with("AADSTS9002325: "), "{response:?}");
    let code = desk.code(&[page]).await;
    refused(&desk.redeem(&code, &[page]).await, 400, "invalid_request", 9_002_327);
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", &*desk.client_id),
        ("code", &*code),
        page,
        ("code_verifier", VERIFIER),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let uri = format!("https://login.microsoftonline.com{}", desk.endpoint("token"));
    let request = Request::post(uri).header("origin", "https://app.example").body(body.into()).unwrap();
    Answered::of(desk.tenant.send(request).await.unwrap()).expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_response_is_sent_in_the_requested_response_mode() {
    let desk = Desk::new().await;
    let response = desk.authorize(&[("response_mode", "fragment")]).await;
    assert!(response.headers()["location"].to_str().unwrap().contains("/#code="));
    let response = desk.authorize(&[("response_mode", "form_post")]).await;
    let page = String::from_utf8(response.body().to_vec()).unwrap();
    assert!(response.status() == 200 && page.contains("action=\"http://localhost:41234\""), "{page}");
    assert!(page.contains("name=\"code\"") && page.contains("value=\"a b&amp;c\""));
    let (_, response) = redirected(&desk.authorize(&[("response_mode", "pigeon")]).await);
    assert!(response["error_description"].starts_with("AADSTS70007: "));
}

#[tokio::test(start_paused = true)]
async fn errors_of_a_request_go_back_to_the_app() {
    let desk = Desk::new().await;
    for (change, error, code) in [
        (("response_type", "id_token"), "unsupported_response_type", 700_054),
        (("response_type", "token"), "unsupported_response_type", 700_051),
        (("response_type", "psychic"), "unsupported_response_type", 70005),
        (("scope", ""), "invalid_request", 900_144),
        (("scope", "Mail.Fly"), "invalid_client", 650_053),
        (("scope", "api://nowhere/x"), "invalid_resource", 500_011),
        (("scope", "https://vault.azure.net/.default"), "invalid_resource", 650_057),
        (("prompt", "hypnosis"), "invalid_request", 90023),
        // It needs an administrator.
        (("scope", "Application.ReadWrite.All"), "access_denied", 90094),
    ] {
        let (to, response) = redirected(&desk.authorize(&[change]).await);
        assert_eq!((to.as_str(), response["error"].as_str()), ("http://localhost:41234/", error), "{response:?}");
        assert!(response["error_description"].starts_with(&format!("AADSTS{code}: ")), "{response:?}");
        assert_eq!(response["state"], "a b&c");
    }
    desk.tenant.decline_consent();
    let (_, response) = redirected(&desk.authorize(&[]).await);
    assert_eq!((response["error"].as_str(), response["error_subcode"].as_str()), ("access_denied", "cancel"));
    assert!(response["error_description"].starts_with("AADSTS65004: "));
}

#[tokio::test(start_paused = true)]
async fn an_invalid_redirect_uri_gets_an_error_page() {
    let desk = Desk::new().await;
    let unknown = "11111111-1111-1111-1111-111111111111";
    for (change, code) in [
        (("redirect_uri", "https://evil.example/"), 50011),
        (("redirect_uri", "http://localhost:41234/other"), 50011),
        (("client_id", unknown), 700_016),
        (("client_id", ""), 900_144),
    ] {
        let response = desk.authorize(&[change]).await;
        let page = String::from_utf8(response.body().to_vec()).unwrap();
        assert!(response.status() == 400 && page.contains(&format!("AADSTS{code}: ")), "{page}");
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    }
    let session = Session::new(&desk.tenant).await;
    let (bare, _) = session.app_and_principal("Bare").await;
    let client = ("client_id", bare["appId"].as_str().unwrap());
    for (redirect, code) in [("", 900_971), ("https://app.example/", 500_113)] {
        let response = desk.authorize(&[client, ("redirect_uri", redirect)]).await;
        assert!(String::from_utf8_lossy(response.body()).contains(&format!("AADSTS{code}: ")));
    }
    for (tenant, code) in [("nowhere.example", 90002), ("common", 50194)] {
        let query = [("client_id", desk.client_id.as_str()), ("redirect_uri", "http://localhost")];
        let response = send(&desk.tenant, &with_query(&format!("/{tenant}/oauth2/v2.0/authorize"), &query), None).await;
        assert!(String::from_utf8_lossy(response.body()).contains(&format!("AADSTS{code}: ")), "{tenant}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_account_picker_lists_the_users() {
    let desk = Desk::new().await;
    desk.tenant.auto_sign_in(None);
    let (_, response) = redirected(&desk.authorize(&[("prompt", "none")]).await);
    assert_eq!(response["error"], "login_required");
    assert!(response["error_description"].starts_with("AADSTS50058: "));
    let response = desk.authorize(&[]).await;
    let page = String::from_utf8(response.body().to_vec()).unwrap();
    assert!(response.status() == 200 && page.contains("Ada Lovelace (ada.lovelace@contoso.onmicrosoft.com)"));
    let link = page.split("href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    let followed = send(&desk.tenant, &format!("{}{link}", desk.endpoint("authorize")), None).await;
    let (_, response) = redirected(&followed);
    desk.redeem(&response["code"], &[]).await.expect(200);
    let (_, response) = redirected(&desk.authorize(&[("_cancel", "1")]).await);
    assert_eq!(response["error"], "access_denied");
}

#[tokio::test(start_paused = true)]
async fn a_silent_request_succeeds_once_the_user_has_consented() {
    let desk = Desk::new().await;
    let silent = ("prompt", "none");
    let (_, response) = redirected(&desk.authorize(&[silent]).await);
    assert_eq!(response["error"], "consent_required");
    assert!(response["error_description"].starts_with("AADSTS65001: "));
    desk.code(&[]).await;
    desk.code(&[silent]).await;
    let (_, response) = redirected(&desk.authorize(&[silent, ("scope", "Calendars.Read")]).await);
    assert_eq!(response["error"], "consent_required");
}

#[tokio::test(start_paused = true)]
async fn a_token_has_the_granted_roles_and_nothing_else() {
    let desk = Desk::new().await;
    let redeemed = |code: String, scope: &'static str| async { desk.redeem(&{ code }, &[("scope", scope)]).await };
    let code = desk.code(&[("scope", "Mail.Read")]).await;
    let issued = redeemed(code, "").await.expect(200);
    assert_eq!(claims(issued["access_token"].as_str().unwrap())["scp"], "Mail.Read");
    let code = desk.code(&[("scope", "https://graph.microsoft.com/calendars.read")]).await;
    let issued = redeemed(code, "").await.expect(200);
    assert_eq!(claims(issued["access_token"].as_str().unwrap())["scp"], "Mail.Read Calendars.Read");
    let shown = "https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/Calendars.Read";
    assert_eq!(issued["scope"], shown);
    assert_eq!(claims(issued["access_token"].as_str().unwrap())["aud"], "https://graph.microsoft.com");
    // What an administrator has granted to all counts as well; what was granted to another does not.
    let bob = desk.tenant.add_user("Bob", &[GLOBAL_ADMINISTRATOR]);
    let principal = desk.session.get(&format!("/servicePrincipals(appId='{}')", desk.client_id)).await.expect(200);
    let graph = desk.session.graph_principal().await;
    let grant = |scope: &str, consent: &str, principal_id: Value| {
        json!({
            "clientId": principal["id"], "resourceId": graph, "scope": scope, "consentType": consent,
            "principalId": principal_id
        })
    };
    for grant in [
        // The spelling is that of the API in the token, whatever it is in the grant and in the request.
        grant("application.readwrite.all", "AllPrincipals", Value::Null),
        grant("Directory.Read.All", "Principal", json!(bob.id)),
    ] {
        desk.session.post("/oauth2PermissionGrants", grant).await.expect(201);
    }
    let code = desk.code(&[("scope", "APPLICATION.ReadWrite.All")]).await;
    let issued = redeemed(code, "").await.expect(200);
    let scp = claims(issued["access_token"].as_str().unwrap())["scp"].as_str().unwrap().to_owned();
    assert!(scp.contains("Application.ReadWrite.All") && !scp.contains("Directory.Read.All"), "{scp}");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_for_one_api_and_an_api_of_version_two_says_so() {
    let desk = Desk::new().await;
    let api = json!({
        "displayName": "Api", "identifierUris": ["api://contoso.onmicrosoft.com/api"],
        "api": {"requestedAccessTokenVersion": 2, "oauth2PermissionScopes": [{
            "id": "22222222-2222-2222-2222-222222222222", "value": "Read", "type": "User", "isEnabled": true,
            "adminConsentDescription": "d", "adminConsentDisplayName": "d",
        }]}
    });
    let api = desk.session.post("/applications", api).await.expect(201);
    desk.session.post("/servicePrincipals", json!({"appId": api["appId"]})).await.expect(201);
    let both = "openid api://contoso.onmicrosoft.com/api/Read Mail.Read";
    let code = desk.code(&[("scope", both)]).await;
    refused(&desk.redeem(&code, &[("scope", both)]).await, 400, "invalid_scope", 28000);
    let issued = desk.redeem(&code, &[]).await.expect(200);
    assert_eq!(issued["scope"], "openid api://contoso.onmicrosoft.com/api/Read");
    let token = claims(issued["access_token"].as_str().unwrap());
    assert_eq!((&token["ver"], &token["aud"], &token["azp"]), (&json!("2.0"), &api["appId"], &json!(desk.client_id)));
    assert_eq!(token["iss"], format!("https://login.microsoftonline.com/{}/v2.0", desk.tenant.id()));
    // A token for this API is none for Graph.
    let session = Session { tenant: desk.tenant.clone(), token: issued["access_token"].as_str().unwrap().to_owned() };
    session.get("/me").await.refused(401, "InvalidAuthenticationToken");
    let path = format!("/applications/{}", api["id"].as_str().unwrap());
    // What the API itself lets the app have needs no consent.
    desk.session
        .patch(
            &path,
            json!({"api": {"preAuthorizedApplications": [
                {"appId": desk.client_id, "delegatedPermissionIds": ["22222222-2222-2222-2222-222222222222"]}
            ]}}),
        )
        .await
        .expect(204);
    let bob = desk.tenant.add_user("Bob", &[]);
    desk.tenant.auto_sign_in(Some(&bob));
    desk.code(&[("prompt", "none"), ("scope", "api://contoso.onmicrosoft.com/api/Read")]).await;
}

#[tokio::test(start_paused = true)]
async fn an_injected_error_is_redirected_to_the_app() {
    use crate::Fault;

    let desk = Desk::new().await;
    let refused = Fault::on("GET", "/oauth2/v2.0/authorize").times(2).refuses(400, "AADSTS50076", "Show a factor.");
    desk.tenant.fault(refused);
    let (_, response) = redirected(&desk.authorize(&[]).await);
    assert_eq!((response["error"].as_str(), response["state"].as_str()), ("interaction_required", "a b&c"));
    let response = desk.authorize(&[("redirect_uri", "https://evil.example/")]).await;
    assert!(String::from_utf8_lossy(response.body()).contains("AADSTS50076: Show a factor."));
    desk.tenant.fault(Fault::on("GET", "/v2.0/adminconsent").refuses(400, "AADSTS650051", "Try again."));
    let query = [("client_id", desk.client_id.as_str()), ("redirect_uri", "http://localhost"), ("scope", "x")];
    let path = with_query(&format!("/{}/v2.0/adminconsent", desk.tenant.id()), &query);
    let (_, response) = redirected(&send(&desk.tenant, &path, None).await);
    assert!(response["admin_consent"] == "True" && response["error_description"].starts_with("AADSTS650051: "));
}

#[tokio::test(start_paused = true)]
async fn an_id_token_names_the_user_and_logout_redirects() {
    let desk = Desk::new().await;
    let issued = desk.redeem(&desk.code(&[]).await, &[]).await.expect(200);
    let about = claims(issued["id_token"].as_str().unwrap());
    let request = |token: &str| {
        let request = Request::get("https://graph.microsoft.com/oidc/userinfo");
        desk.tenant.send(request.header("authorization", format!("Bearer {token}")).body(Bytes::new()).unwrap())
    };
    let token = issued["access_token"].as_str().unwrap();
    let user = Answered::of(request(token).await.unwrap()).expect(200);
    assert_eq!((&user["sub"], &user["given_name"]), (&about["sub"], &json!("Ada")));
    let app = Session::new(&desk.tenant).await;
    Answered::of(request(&app.token).await.unwrap()).refused(403, "Authorization_RequestDenied");
    Answered::of(request("x.y.z").await.unwrap()).refused(401, "InvalidAuthenticationToken");

    let hint = issued["id_token"].as_str().unwrap();
    let logout = |uri: &'static str| {
        with_query(
            &desk.endpoint("logout"),
            &[("id_token_hint", hint), ("post_logout_redirect_uri", uri), ("state", "s")],
        )
    };
    let (to, response) = redirected(&send(&desk.tenant, &logout("https://app.example/back"), None).await);
    assert_eq!((to.as_str(), response["state"].as_str()), ("https://app.example/back", "s"));
    let response = send(&desk.tenant, &logout("https://evil.example/"), None).await;
    assert!(response.status() == 200 && String::from_utf8_lossy(response.body()).contains("You signed out"));
}
