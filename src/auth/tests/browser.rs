//! Signing in with the browser; the browser is a few lines of this test.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use super::*;
use crate::auth::BrowserProvider;
use crate::crypto;

/// Requests a target of the listener, and returns the head and body of the response.
fn ask(page: &Url, target: &str) -> String {
    let redirect = Url::parse(&parameter(page, "redirect_uri")).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", redirect.port().unwrap())).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

fn parameter(page: &Url, name: &str) -> String {
    page.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

type Responses = Arc<Mutex<Vec<String>>>;

/// A provider whose browser asks for these targets, where `STATE` stands for the state.
fn provider(script: &Arc<Script>, targets: &[&str]) -> (BrowserProvider, Responses, Arc<Mutex<Vec<Url>>>) {
    let targets: Vec<String> = targets.iter().map(|target| (*target).to_owned()).collect();
    let (responses, pages) = (Responses::default(), Arc::<Mutex<Vec<Url>>>::default());
    let (received, seen) = (Arc::clone(&responses), Arc::clone(&pages));
    let provider = BrowserProvider::new(service(script), CLIENT, move |page| {
        seen.lock().unwrap().push(page.clone());
        let (page, targets, received) = (page.clone(), targets.clone(), Arc::clone(&received));
        std::thread::spawn(move || {
            for target in targets {
                let response = ask(&page, &target.replace("STATE", &parameter(&page, "state")));
                received.lock().unwrap().push(response);
            }
        });
    });
    (provider, responses, pages)
}

#[tokio::test]
async fn a_person_signs_in_and_stray_requests_are_ignored() {
    let script = Script::new([tokens("a", "first"), tokens("b", "second")]);
    let targets = [
        "/favicon.ico",
        "/?code=x&state=wrong",
        "/other?code=x&state=STATE",
        "/?state=STATE",
        "http://evil.example/?code=x&state=STATE",
        "/?code=the%20code&state=STATE&session_state=s",
    ];
    let (provider, responses, pages) = provider(&script, &targets);
    let provider = provider.select_account().login_hint("admin@contoso.com");
    assert_eq!(text(&token_of(&provider, &request()).await.unwrap().secret), "a");
    let page = pages.lock().unwrap()[0].clone();
    assert!(page.as_str().starts_with(&format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/authorize?")));
    for (name, value) in [
        ("response_type", "code"),
        ("response_mode", "query"),
        ("client_id", &*CLIENT.to_string()),
        ("scope", &*format!("{SCOPE} offline_access")),
        ("code_challenge_method", "S256"),
        ("prompt", "select_account"),
        ("login_hint", "admin@contoso.com"),
    ] {
        assert_eq!(parameter(&page, name), value);
    }
    let form = &script.forms()[0];
    assert_eq!((&*form["grant_type"], &*form["code"]), ("authorization_code", "the code"));
    assert_eq!(form["redirect_uri"], parameter(&page, "redirect_uri"));
    assert!(form["redirect_uri"].starts_with("http://localhost:") && !form.contains_key("client_secret"));
    let challenge = crypto::sha256(&crypto::provider().unwrap(), form["code_verifier"].as_bytes()).unwrap();
    let challenge = URL_SAFE_NO_PAD.encode(challenge);
    assert_eq!(challenge, parameter(&page, "code_challenge"));
    assert_eq!(form["code_verifier"].len(), 43);
    assert_ne!(form["code_verifier"], parameter(&page, "state"));
    for response in responses.lock().unwrap().iter().take(5) {
        assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
    }
    // Once only: then the refresh token serves.
    assert_eq!(text(&token_of(&provider, &TokenRequest::new(tenant(CUSTOMER), SCOPE)).await.unwrap().secret), "b");
    assert_eq!((script.forms()[1]["refresh_token"].as_str(), pages.lock().unwrap().len()), ("first", 1));
    assert!(!format!("{provider:?}").contains("first"));
}

#[tokio::test]
async fn an_idle_connection_does_not_block_the_redirect() {
    let script = Script::new([token("a")]);
    let provider = BrowserProvider::new(service(&script), CLIENT, |page| {
        let page = page.clone();
        std::thread::spawn(move || {
            let port = Url::parse(&parameter(&page, "redirect_uri")).unwrap().port().unwrap();
            let idle: Vec<_> = (0..5).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
            let response = ask(&page, &format!("/back?code=c&state={}", parameter(&page, "state")));
            assert!(response.contains("return to the program"), "{response}");
            drop(idle);
        });
    })
    .redirect_path("back");
    assert_eq!(text(&token_of(&provider, &request()).await.unwrap().secret), "a");
    assert!(script.forms()[0]["redirect_uri"].ends_with("/back"));
}

#[tokio::test]
async fn errors_in_the_redirect_are_reported() {
    for (query, code) in [
        ("error=access_denied&error_description=AADSTS65004%3a+User+declined", "consent_declined"),
        ("error=access_denied&error_subcode=cancel", "consent_declined"),
        ("error=access_denied", "consent_declined"),
        ("error=consent_required&error_description=AADSTS65001%3a+x", "not_consented"),
        ("error=unauthorized_client&error_description=AADSTS700016%3a+x", "app_not_in_tenant"),
        ("error=invalid_request&error_description=AADSTS90094%3a+x", "admin_consent_needed"),
        ("error=server_error", "sign_in_busy"),
        ("error=temporarily_unavailable", "sign_in_busy"),
        ("error=invalid_resource&error_description=AADSTS500011%3a+x", "resource_not_in_tenant"),
        ("error=login_required", "interaction_required"),
        ("error=interaction_required&error_description=AADSTS50076%3a+x", "mfa_required"),
        ("error=AADSTS90094", "admin_consent_needed"),
        ("error_description=AADSTS65004%3a+x", "consent_declined"),
    ] {
        let script = Script::new([]);
        let (provider, ..) = provider(&script, &[&format!("/?{query}&state=STATE")]);
        let error = token_of(&provider, &request()).await.unwrap_err();
        assert_eq!(error.code().as_str(), code, "{query}: {error}");
    }
}

#[tokio::test]
async fn a_redirect_shows_what_the_service_said() {
    let query = "error=invalid_request&error_description=%0d%0aAADSTS9002399%3a+No+such+thing.%0d%0aTrace+ID%3a+t-1";
    let script = Script::new([]);
    let (provider, ..) = provider(&script, &[&format!("/?{query}&state=STATE")]);
    let error = token_of(&provider, &request()).await.unwrap_err();
    assert_eq!((error.code().as_str(), error.request_id()), ("sign_in_refused", Some("t-1")));
    assert!(error.to_string().contains("the sign-in was refused: “No such thing” ("), "{error}");
}

#[tokio::test]
async fn a_refused_code_is_an_error_without_code_and_verifier() {
    for (number, code) in
        [(54005, "code_redeemed"), (501_481, "wrong_code_verifier"), (53003, "blocked_by_conditional_access")]
    {
        let text = format!("AADSTS{number}: not the-code-itself");
        let body = json!({"error": "invalid_grant", "error_description": text});
        let script = Script::new([Reply::Response(400, body)]);
        let (provider, ..) = provider(&script, &["/?code=the-code-itself&state=STATE"]);
        let error = token_of(&provider, &request()).await.unwrap_err();
        assert_eq!(error.code().as_str(), code);
        assert_hidden(&error, &["the-code-itself", &script.forms()[0]["code_verifier"]]);
    }
}

#[tokio::test]
async fn a_code_is_never_sent_twice() {
    for (reply, code) in [
        (Reply::Lost, "no_response"),
        (Reply::Text(200, r#"{"access_tok"#), "unexpected_token_response"),
        (Reply::Text(200, "<html>"), "answered_by_proxy"),
        (Reply::Text(503, "<html>"), "answered_by_proxy"),
    ] {
        is_sent_once(reply, code).await;
    }
}

async fn is_sent_once(reply: Reply, code: &str) {
    let script = Script::new([reply]);
    let provider = BrowserProvider::new(retrying_service(&script), CLIENT, |page| {
        let page = page.clone();
        std::thread::spawn(move || ask(&page, &format!("/?code=c&state={}", parameter(&page, "state"))));
    });
    assert_eq!(token_of(&provider, &request()).await.unwrap_err().code().as_str(), code);
    assert_eq!(script.forms().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_person_who_never_comes_back_times_out() {
    let script = Script::new([]);
    let provider = BrowserProvider::new(service(&script), CLIENT, |_| {});
    let start = tokio::time::Instant::now();
    let error = token_of(&provider, &request()).await.unwrap_err();
    assert_eq!((error.code().as_str(), start.elapsed().as_secs()), ("browser_timeout", 300));
}

#[tokio::test]
async fn a_port_in_use_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let script = Script::new([]);
    let provider = BrowserProvider::new(service(&script), CLIENT, |_| {}).port(port);
    assert_eq!(token_of(&provider, &request()).await.unwrap_err().code().as_str(), "loopback_unavailable");
}
