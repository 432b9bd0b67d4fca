use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::Duration;
use uuid::Uuid;

use entra_apps::transport::Transport;

/// The claims of a token.
pub(super) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[track_caller]
pub(super) fn refused(response: &Answered, status: u16, error: &str, code: u32) {
    assert_eq!(
        (response.status, &response.body["error"], &response.body["error_codes"]),
        (status, &json!(error), &json!([code]))
    );
    let description = response.body["error_description"].as_str().unwrap();
    assert!(
        description.starts_with(&format!("AADSTS{code}: ")) && description.contains("\r\nTrace ID: "),
        "{description}"
    );
}

/// Asks the sign-in service, by a path below its host.
pub(super) async fn ask(transport: &dyn Transport, path: &str, form: Option<&[(&str, &str)]>) -> Answered {
    Answered::of(send(transport, path, form).await)
}

/// Signs in, and returns the response as it is.
pub(super) async fn send(
    transport: &dyn Transport,
    path: &str,
    form: Option<&[(&str, &str)]>,
) -> http::Response<Bytes> {
    let uri = format!("https://login.microsoftonline.com{path}");
    let request = match form {
        Some(pairs) => {
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            Request::post(uri).header("content-type", "application/x-www-form-urlencoded").body(body.into())
        }
        None => Request::get(uri).body(Bytes::new()),
    };
    transport.send(request.unwrap()).await.unwrap()
}

/// Where a response redirects a browser, and the parameters that go with it.
#[track_caller]
pub(super) fn redirected(response: &http::Response<Bytes>) -> (String, std::collections::BTreeMap<String, String>) {
    let body = String::from_utf8_lossy(response.body()).into_owned();
    assert_eq!(response.status(), 302, "{body}");
    let mut url = url::Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    let pairs = url.fragment().map(str::to_owned).or(url.query().map(str::to_owned)).unwrap_or_default();
    let pairs = url::form_urlencoded::parse(pairs.as_bytes()).into_owned().collect();
    url.set_query(None);
    url.set_fragment(None);
    (url.to_string(), pairs)
}

/// A path with a query.
pub(super) fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    format!("{path}?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

pub(super) const AZURE_CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
pub(super) const GRAPH_TOOLS: &str = "14d82eec-204b-4c2f-b7e8-296a70dab67e";
pub(super) const GLOBAL_ADMINISTRATOR: Uuid = Uuid::from_u128(0x62e9_0394_69f5_4237_9190_0121_7714_5e10);

#[tokio::test(start_paused = true)]
async fn a_token_says_who_the_caller_is_and_what_it_held_when_it_was_issued() {
    let tenant = builder().build();
    let caller = tenant.add_caller(&["User.Read.All"]);
    let role = Uuid::from_u128(7);
    tenant.set_directory_roles(caller.service_principal_id, &[role]);
    let session = Session::of(&tenant, &caller).await;
    let claims = claims(&session.token);
    assert_eq!(claims["tid"], tenant.id().to_string());
    assert_eq!(claims["appid"], caller.client_id.to_string());
    assert_eq!(claims["oid"], caller.service_principal_id.to_string());
    assert_eq!((&claims["roles"], &claims["wids"]), (&json!(["User.Read.All"]), &json!([role])));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3599);
    // What a command line shows as the one who has signed in.
    assert_eq!(claims["app_displayname"], "Caller");
    session.get("/applications").await.refused(403, "Authorization_RequestDenied");
}

#[tokio::test(start_paused = true)]
async fn refusals_carry_the_codes_of_entra() {
    let tenant = builder().build();
    let caller = tenant.caller();
    let with = |change: &dyn Fn(&mut Caller)| {
        let mut caller = caller.clone();
        change(&mut caller);
        caller
    };
    let wrong = with(&|caller| caller.client_secret = "wrong".to_owned().into());
    refused(&sign_in(&tenant, &wrong).await, 401, "invalid_client", 7_000_215);
    let missing = with(&|caller| caller.client_secret = String::new().into());
    refused(&sign_in(&tenant, &missing).await, 401, "invalid_client", 7_000_216);
    let unknown = with(&|caller| caller.client_id = Uuid::nil().into());
    refused(&sign_in(&tenant, &unknown).await, 400, "unauthorized_client", 700_016);
    let scope = |scope: &'static str| token(&tenant, &caller, scope);
    refused(&scope("https://graph.microsoft.com/User.Read").await, 400, "invalid_scope", 1_002_012);
    refused(&scope("a/.default b/.default").await, 400, "invalid_scope", 70011);
    refused(&scope("https://nowhere.example/.default").await, 400, "invalid_resource", 500_011);
    refused(&scope("").await, 400, "invalid_request", 900_144);
    let other = builder().seed(9).build();
    let elsewhere = Request::post(format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", other.id()));
    refused(
        &Answered::of(tenant.send(elsewhere.body(Bytes::new()).unwrap()).await.unwrap()),
        400,
        "invalid_request",
        90002,
    );
}

#[tokio::test(start_paused = true)]
async fn basic_credentials_and_the_domain_are_accepted() {
    let tenant = builder().build();
    let caller = tenant.caller();
    let basic = base64::engine::general_purpose::STANDARD.encode(format!(
        "{}:{}",
        caller.client_id,
        caller.client_secret.expose_secret()
    ));
    let request = Request::post("https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token?x=y")
        .header("authorization", format!("Basic {basic}"))
        .body("grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default&client_info=1".into());
    Answered::of(tenant.send(request.unwrap()).await.unwrap()).expect(200);
}

#[tokio::test(start_paused = true)]
async fn graph_refuses_tokens_that_are_missing_foreign_or_expired() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let with = |token: &str| Session { tenant: tenant.clone(), token: token.to_owned() };
    let message = with("").get("/applications").await.refused(401, "InvalidAuthenticationToken");
    assert_eq!(message, "Access token is empty.");
    with("x").get("/applications").await.refused(401, "InvalidAuthenticationToken");
    let foreign = Session::new(&builder().seed(5).build()).await.token;
    with(&foreign).get("/applications").await.refused(401, "InvalidAuthenticationToken");
    let vault = token(&tenant, &tenant.caller(), "https://vault.azure.net/.default").await.expect(200);
    with(vault["access_token"].as_str().unwrap()).get("/applications").await.refused(401, "InvalidAuthenticationToken");
    session.get("/applications").await.expect(200);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let response = session.get("/applications").await;
    assert!(response.headers.contains_key("www-authenticate"));
    response.refused(401, "InvalidAuthenticationToken");
}

#[tokio::test(start_paused = true)]
async fn an_app_signs_in_with_its_own_secret_until_it_expires() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let app = session.app("App").await;
    let requested = json!({"passwordCredential": {"displayName": "a", "endDateTime": "2025-06-01T13:00:00Z"}});
    let path = format!("/applications(appId='{}')/addPassword", app["appId"].as_str().unwrap());
    let issued = session.post(&path, requested).await.expect(200);
    let mut caller = tenant.caller();
    caller.client_id = app["appId"].as_str().unwrap().parse().unwrap();
    caller.client_secret = issued["secretText"].as_str().unwrap().to_owned().into();
    refused(&sign_in(&tenant, &caller).await, 401, "unauthorized_client", 7_000_229);
    session.post("/servicePrincipals", json!({"appId": app["appId"]})).await.expect(201);
    let issued = sign_in(&tenant, &caller).await.expect(200);
    assert!(claims(issued["access_token"].as_str().unwrap()).get("roles").is_none());
    tokio::time::sleep(Duration::from_secs(3600)).await;
    refused(&sign_in(&tenant, &caller).await, 401, "invalid_client", 7_000_222);
}

#[tokio::test(start_paused = true)]
async fn version_one_requests_a_resource_and_returns_numbers_as_strings() {
    let tenant = builder().build();
    let caller = tenant.caller();
    let (id, path) = (caller.client_id.to_string(), format!("/{}/oauth2/token", tenant.domain()));
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", id.as_str()),
        ("client_secret", caller.client_secret.expose_secret()),
    ];
    refused(&ask(&tenant, &path, Some(&form)).await, 400, "invalid_request", 900_144);
    form.push(("resource", "https://graph.microsoft.com/"));
    let issued = ask(&tenant, &path, Some(&form)).await.expect(200);
    assert_eq!((&issued["expires_in"], &issued["resource"]), (&json!("3599"), &json!("https://graph.microsoft.com/")));
    let token = issued["access_token"].as_str().unwrap();
    assert_eq!(claims(token)["aud"], "https://graph.microsoft.com/");
    Session { tenant, token: token.to_owned() }.get("/applications").await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn unsupported_flows_are_refused_with_501() {
    let tenant = builder().build();
    let path = format!("/{}/oauth2/v2.0/token", tenant.id());
    for grant_type in ["password", "urn:ietf:params:oauth:grant-type:jwt-bearer"] {
        let response = ask(&tenant, &path, Some(&[("grant_type", grant_type), ("client_id", "x")])).await;
        assert_eq!(response.expect(501)["error"], "unsupported_grant_type");
    }
    let response = ask(&tenant, &path, Some(&[("grant_type", "telepathy"), ("client_id", "x")])).await;
    refused(&response, 400, "unsupported_grant_type", 70003);
    refused(&ask(&tenant, &path, None).await, 400, "invalid_request", 900_561);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_wants_assignments_gives_tokens_to_its_assigned_apps_alone() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let graph = format!("/servicePrincipals/{}", session.graph_principal().await);
    session.patch(&graph, json!({"appRoleAssignmentRequired": true})).await.expect(204);
    sign_in(&tenant, &tenant.caller()).await.expect(200);
    let unassigned = tenant.add_caller(&[]);
    refused(&sign_in(&tenant, &unassigned).await, 400, "invalid_grant", 501_051);
    session.patch(&graph, json!({"accountEnabled": false})).await.expect(204);
    refused(&sign_in(&tenant, &unassigned).await, 400, "invalid_resource", 500_014);
}

#[tokio::test(start_paused = true)]
async fn an_injected_error_has_the_fields_of_its_code() {
    let tenant = builder().build();
    let script = |code: &str| {
        tenant.fault(crate::Fault::on("POST", "/oauth2/v2.0/token").refuses(400, code, "Because."));
    };
    script("AADSTS53003");
    let response = sign_in(&tenant, &tenant.caller()).await;
    refused(&response, 400, "interaction_required", 53003);
    assert_eq!(response.body["suberror"], "message_only");
    let wanted: Value = serde_json::from_str(response.body["claims"].as_str().unwrap()).unwrap();
    assert_eq!(wanted["access_token"]["capolids"]["essential"], true);
    for (code, error, suberror) in [
        (50173, "invalid_grant", json!("bad_token")),
        (65001, "invalid_grant", json!("consent_required")),
        (700_016, "unauthorized_client", Value::Null),
        (90033, "temporarily_unavailable", Value::Null),
        (50076, "interaction_required", json!("basic_action")),
    ] {
        script(&format!("AADSTS{code}"));
        let response = sign_in(&tenant, &tenant.caller()).await;
        refused(&response, 400, error, code);
        assert_eq!(response.body["suberror"], suberror);
    }
}

#[tokio::test(start_paused = true)]
async fn every_response_has_the_id_of_its_request() {
    let tenant = builder().build();
    let header = |response: &http::Response<Bytes>| response.headers()["x-ms-request-id"].to_str().unwrap().to_owned();
    for path in ["v2.0/.well-known/openid-configuration", "oauth2/v2.0/authorize", "discovery/v2.0/keys"] {
        let response = send(&tenant, &format!("/{}/{path}", tenant.id()), None).await;
        assert!(Uuid::parse_str(&header(&response)).is_ok(), "{path}");
        assert!(!response.headers().contains_key("client-request-id"), "nobody asked for it");
    }
    let refused = send(&tenant, &format!("/{}/oauth2/v2.0/token", tenant.id()), Some(&[("x", "y")])).await;
    let body: Value = serde_json::from_slice(refused.body()).unwrap();
    assert_eq!(body["trace_id"], header(&refused));
    let request = Request::get(format!("https://login.microsoftonline.com/{}/discovery/v2.0/keys", tenant.id()))
        .header("client-request-id", "mine")
        .header("return-client-request-id", "true");
    let response = tenant.send(request.body(Bytes::new()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["client-request-id"], "mine");
}
