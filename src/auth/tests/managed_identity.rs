//! Signing in with a managed identity.

use super::*;
use crate::auth::ManagedIdentityProvider;

fn given() -> Reply {
    // Numbers as texts, as the service writes them.
    let end = (NOW + time::Duration::hours(8)).unix_timestamp().to_string();
    Reply::Response(200, json!({"access_token": "a", "expires_in": "28800", "expires_on": end, "token_type": "Bearer"}))
}

fn app_service(name: &str) -> Option<String> {
    match name {
        "IDENTITY_ENDPOINT" => Some("http://127.0.0.1:41741/msi/token/".to_owned()),
        "IDENTITY_HEADER" => Some("header-secret".to_owned()),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_virtual_machine_asks_its_host() {
    let script = Script::new([given()]);
    let provider = ManagedIdentityProvider::from_variables(service(&script), |_| None).unwrap();
    let got = token_of(&provider, &request()).await.unwrap();
    assert_eq!((text(&got.secret), got.expires_at), ("a", NOW + time::Duration::hours(8)));
    let sent = &script.requests()[0];
    assert_eq!(sent.method(), "GET");
    assert_eq!(
        sent.uri(),
        "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fgraph.microsoft.com"
    );
    assert_eq!(sent.headers()["metadata"], "true");
}

#[tokio::test(start_paused = true)]
async fn an_app_service_asks_with_its_header() {
    let script = Script::new([given()]);
    let provider = ManagedIdentityProvider::from_variables(service(&script), app_service).unwrap().client_id(CLIENT);
    token_of(&provider, &request()).await.unwrap();
    let sent = &script.requests()[0];
    assert_eq!(
        sent.uri().to_string(),
        format!(
            "http://127.0.0.1:41741/msi/token/?api-version=2019-08-01&resource=https%3A%2F%2Fgraph.microsoft.com&client_id={CLIENT}"
        )
    );
    assert_eq!(sent.headers()["x-identity-header"], "header-secret");
    assert!(sent.headers()["x-identity-header"].is_sensitive());
    assert!(!format!("{provider:?}").contains("header-secret"));
}

#[tokio::test(start_paused = true)]
async fn the_header_goes_no_further_than_this_machine() {
    let script = Script::new([]);
    for (address, allowed) in [
        ("http://169.254.131.4:8081/msi/token", true),
        ("http://localhost:42356/msi/token", true),
        ("https://identity.example/token", true),
        ("http://identity.example/token", false),
        ("http://10.0.0.1/token", false),
        ("http://169.254.169.254.evil.example/token", false),
        ("ftp://127.0.0.1/token", false),
        ("token", false),
    ] {
        let variable =
            |name: &str| Some(if name == "IDENTITY_ENDPOINT" { address } else { "header-secret" }.to_owned());
        let made = ManagedIdentityProvider::from_variables(service(&script), variable);
        assert_eq!(made.is_ok(), allowed, "{address}");
    }
    let variable = |name: &str| app_service(name).filter(|_| name == "IDENTITY_ENDPOINT");
    let error = ManagedIdentityProvider::from_variables(service(&script), variable).unwrap_err();
    assert!(error.message().contains("IDENTITY_HEADER"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_retried_and_an_absence_fails_soon() {
    let gone = |status| Reply::Response(status, json!({}));
    let script = Script::new([gone(410), gone(404), gone(429), given()]);
    let provider = ManagedIdentityProvider::on_virtual_machine(retrying_service(&script));
    token_of(&provider, &request()).await.unwrap();
    let script = Script::new((0..9).map(|_| Reply::NotSent));
    let provider = ManagedIdentityProvider::on_virtual_machine(retrying_service(&script));
    let start = tokio::time::Instant::now();
    let error = token_of(&provider, &request()).await.unwrap_err();
    assert_eq!((error.code().as_str(), script.requests().len()), ("no_managed_identity", 4));
    assert!(start.elapsed().as_secs() < 30);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_reported_without_the_header() {
    for (status, code) in [
        (400, "managed_identity_not_assigned"),
        (401, "managed_identity_refused"),
        (403, "managed_identity_refused"),
        (500, "managed_identity_failed"),
    ] {
        let body = json!({"error": "invalid_request", "error_description": "Identity not found: header-secret"});
        let script = Script::new([Reply::Response(status, body)]);
        let provider = ManagedIdentityProvider::from_variables(service(&script), app_service).unwrap();
        let error = token_of(&provider, &request()).await.unwrap_err();
        assert_eq!((error.code().as_str(), error.service_code()), (code, Some("invalid_request")));
        assert_hidden(&error, &["header-secret"]);
    }
    let script = Script::new([Reply::Response(200, json!({"access_token": "very-secret"}))]);
    let provider = ManagedIdentityProvider::on_virtual_machine(service(&script));
    let error = token_of(&provider, &request()).await.unwrap_err();
    assert_eq!(error.code().as_str(), "unexpected_token_response");
    assert_hidden(&error, &["very-secret"]);
    let two = TokenRequest { scopes: vec![SCOPE.to_owned(), SCOPE.to_owned()], ..request() };
    assert_eq!(token_of(&provider, &two).await.unwrap_err().code().as_str(), "multiple_scopes");
}
