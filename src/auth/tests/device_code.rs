//! Signing in with a device code.

use super::*;
use crate::auth::{DeviceCodePrompt, DeviceCodeProvider, MemoryRefreshTokenStore};

const DEVICE_CODE: &str = "device-code-itself";

fn device_code() -> Reply {
    Reply::Response(
        200,
        json!({"device_code": DEVICE_CODE, "user_code": "ABCD-EFGH", "verification_uri": "https://microsoft.com/devicelogin",
            "expires_in": 900, "interval": 5, "message": "Open the page and type ABCD-EFGH."}),
    )
}

fn pending() -> Reply {
    refused("authorization_pending", 70016)
}

fn provider(script: &Arc<Script>) -> DeviceCodeProvider {
    DeviceCodeProvider::new(service(script), CLIENT, |_| {})
}

fn seconds(since: tokio::time::Instant) -> u64 {
    since.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_person_signs_in_once_and_serves_every_tenant() {
    let script = Script::new([device_code(), pending(), pending(), tokens("a", "first")]);
    let shown: Arc<Mutex<Vec<DeviceCodePrompt>>> = Arc::default();
    let seen = Arc::clone(&shown);
    let provider = DeviceCodeProvider::new(service(&script), CLIENT, move |prompt| {
        seen.lock().unwrap().push(prompt.clone());
    });
    let start = tokio::time::Instant::now();
    assert_eq!(text(&token_of(&provider, &request()).await.unwrap().secret), "a");
    assert_eq!(seconds(start), 15, "three questions, five seconds apart");
    let prompts = shown.lock().unwrap().clone();
    assert_eq!((prompts.len(), prompts[0].user_code.as_str()), (1, "ABCD-EFGH"));
    assert_eq!(prompts[0].expires_at, NOW + time::Duration::seconds(900));
    let forms = script.forms();
    assert_eq!(forms[0]["scope"], format!("{SCOPE} offline_access"));
    assert_eq!(forms[1]["grant_type"], "urn:ietf:params:oauth:grant-type:device_code");
    assert_eq!(forms[1]["device_code"], DEVICE_CODE);
    assert!(script.paths()[0].ends_with("/oauth2/v2.0/devicecode"));

    script.add(tokens("b", "customers"));
    script.add(tokens("c", "second"));
    assert_eq!(text(&token_of(&provider, &TokenRequest::new(tenant(CUSTOMER), SCOPE)).await.unwrap().secret), "b");
    assert_eq!(text(&token_of(&provider, &request()).await.unwrap().secret), "c");
    let forms = script.forms();
    assert_eq!((&*forms[4]["refresh_token"], &*forms[5]["refresh_token"]), ("first", "first"));
    assert_eq!(shown.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_for_a_customer_starts_with_a_sign_in_at_home() {
    let script = Script::new([device_code(), tokens("a", "first"), tokens("b", "customers")]);
    let store = Arc::new(MemoryRefreshTokenStore::default());
    let provider = provider(&script).home_tenant(tenant(TENANT)).store(store.clone());
    let got = token_of(&provider, &TokenRequest::new(tenant(CUSTOMER), SCOPE)).await.unwrap();
    assert_eq!(text(&got.secret), "b");
    let paths = script.paths();
    assert!(paths[0].contains(TENANT) && paths[1].contains(TENANT) && paths[2].contains(CUSTOMER), "{paths:?}");
    // The next run finds the token.
    script.add(token("c"));
    let next = super::device_code::provider(&script).home_tenant(tenant(TENANT)).store(store);
    assert_eq!(text(&token_of(&next, &request()).await.unwrap().secret), "c");
    assert_eq!(script.forms()[3]["refresh_token"], "first");
}

#[tokio::test(start_paused = true)]
async fn slow_down_adds_five_seconds_for_good() {
    let script = Script::new([device_code(), refused("slow_down", 0), pending(), tokens("a", "r")]);
    let start = tokio::time::Instant::now();
    token_of(&provider(&script), &request()).await.unwrap();
    assert_eq!(seconds(start), 5 + 10 + 10);
}

#[tokio::test(start_paused = true)]
async fn failures_on_the_way_slow_it_down_and_end_nothing() {
    let busy = || Reply::Response(503, json!({}));
    let script = Script::new([device_code(), Reply::NotSent, Reply::Lost, busy(), pending(), tokens("a", "r")]);
    let start = tokio::time::Instant::now();
    token_of(&provider(&script), &request()).await.unwrap();
    assert_eq!(seconds(start), 5 + 10 + 20 + 40 + 5);
}

#[tokio::test(start_paused = true)]
async fn it_is_over_when_the_code_is_and_not_later() {
    for failing in [false, true] {
        let replies = (0..200).map(|_| if failing { Reply::NotSent } else { pending() });
        let script = Script::new(std::iter::once(device_code()).chain(replies));
        let start = tokio::time::Instant::now();
        let error = token_of(&provider(&script), &request()).await.unwrap_err();
        assert_eq!(error.code().as_str(), "code_expired");
        assert!((890..=900).contains(&seconds(start)), "{}", seconds(start));
    }
}

#[tokio::test(start_paused = true)]
async fn a_confidential_client_authenticates_with_each_question() {
    let script = Script::new([device_code(), pending(), tokens("a", "r")]);
    let provider = provider(&script).client_authentication(ClientAuthentication::secret(secret("app-secret")));
    token_of(&provider, &request()).await.unwrap();
    let given: Vec<_> = script.forms().iter().map(|form| form.get("client_secret").cloned()).collect();
    assert_eq!(given, [None, Some("app-secret".to_owned()), Some("app-secret".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn each_refusal_ends_it_with_its_own_words() {
    for (oauth, number, code) in [
        ("authorization_declined", 0, "consent_declined"),
        ("access_denied", 0, "consent_declined"),
        ("expired_token", 0, "code_expired"),
        ("expired_token", 70020, "code_expired"),
        ("bad_verification_code", 70018, "wrong_device_code"),
        ("invalid_grant", 53003, "blocked_by_conditional_access"),
        ("invalid_grant", 50126, "wrong_password"),
        ("invalid_client", 7_000_218, "secret_missing"),
    ] {
        let body = match number {
            0 => json!({"error": oauth, "error_description": format!("no {DEVICE_CODE}")}),
            _ => json!({"error": oauth, "error_description": format!("AADSTS{number}: no {DEVICE_CODE}")}),
        };
        let script = Script::new([device_code(), Reply::Response(400, body)]);
        let error = token_of(&provider(&script), &request()).await.unwrap_err();
        assert_eq!(error.code().as_str(), code, "{oauth} {number}");
        assert_hidden(&error, &[DEVICE_CODE]);
    }
    let script = Script::new([refused("unauthorized_client", 700_016)]);
    assert_eq!(token_of(&provider(&script), &request()).await.unwrap_err().code().as_str(), "app_not_in_tenant");
    for (body, code) in [
        (json!({"user_code": "ABC"}), "unexpected_device_code_response"),
        (json!({"hello": "world"}), "answered_by_proxy"),
    ] {
        let script = Script::new([Reply::Response(200, body)]);
        assert_eq!(token_of(&provider(&script), &request()).await.unwrap_err().code().as_str(), code);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ended_asks_the_person_again_and_a_customers_refusal_does_not() {
    let script = Script::new([device_code(), tokens("a", "first")]);
    let provider = provider(&script);
    token_of(&provider, &request()).await.unwrap();
    script.add(refused("invalid_grant", 65001));
    let error = token_of(&provider, &TokenRequest::new(tenant(CUSTOMER), SCOPE)).await.unwrap_err();
    assert_eq!(error.code().as_str(), "not_consented");
    for reply in [refused("invalid_grant", 700_082), device_code(), tokens("b", "second")] {
        script.add(reply);
    }
    assert_eq!(text(&token_of(&provider, &request()).await.unwrap().secret), "b");
    let shown = format!("{provider:?}");
    assert!(!shown.contains("first") && !shown.contains("second"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_code_that_was_redeemed_is_not_sent_again() {
    for unreadable in ["<html>Hotel WiFi</html>", r#"{"access_tok"#, ""] {
        let script = Script::new([device_code(), Reply::Text(200, unreadable)]);
        let provider = DeviceCodeProvider::new(retrying_service(&script), CLIENT, |_| {});
        token_of(&provider, &request()).await.unwrap_err();
        assert_eq!(script.forms().len(), 2, "{unreadable}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_odd_member_does_not_hide_the_code() {
    for (name, value, lifetime, waited) in [
        ("expires_in", json!("soon"), 900, 5),
        ("expires_in", json!("60"), 60, 5),
        ("expires_in", json!(u64::MAX), 24 * 3600, 5),
        ("interval", json!({}), 900, 5),
        ("interval", json!("7"), 900, 7),
        ("interval", json!(-7), 900, 1),
        ("message", json!(7), 900, 5),
        ("message", json!(null), 900, 5),
        ("verification_url", json!("x"), 900, 5),
    ] {
        let Reply::Response(_, mut body) = device_code() else { unreachable!("it is a response") };
        body[name] = value;
        let script = Script::new([Reply::Response(200, body), tokens("a", "first")]);
        let shown: Arc<Mutex<Vec<DeviceCodePrompt>>> = Arc::default();
        let seen = Arc::clone(&shown);
        let provider = DeviceCodeProvider::new(service(&script), CLIENT, move |prompt| {
            seen.lock().unwrap().push(prompt.clone());
        });
        let start = tokio::time::Instant::now();
        token_of(&provider, &request()).await.unwrap();
        let prompt = shown.lock().unwrap()[0].clone();
        assert_eq!((prompt.expires_at - NOW).whole_seconds(), lifetime, "{name}");
        assert_eq!(seconds(start), waited, "{name}");
        assert!(!prompt.message.is_empty() && prompt.user_code == "ABCD-EFGH");
    }
}

#[tokio::test(start_paused = true)]
async fn a_person_signs_in_again_where_that_resolves_it_and_nowhere_else() {
    let refusal = |error: &str, number: u32| {
        let description = format!("AADSTS{number}: no");
        Reply::Response(400, json!({"error": error, "error_description": description, "error_codes": [number]}))
    };
    for (of, error, number, signs_in) in [
        // An end of the session ends it in every tenant; what a policy asks for is resolved at home alone.
        (TENANT, "invalid_grant", 700_082, true),
        (CUSTOMER, "invalid_grant", 700_082, true),
        (TENANT, "interaction_required", 50076, true),
        (CUSTOMER, "interaction_required", 50076, false),
        (TENANT, "invalid_client", 7_000_218, false),
        (CUSTOMER, "invalid_grant", 65001, false),
    ] {
        let script = Script::new([device_code(), tokens("a", "first")]);
        let provider = provider(&script);
        token_of(&provider, &request()).await.unwrap();
        script.add(refusal(error, number));
        script.add(device_code());
        script.add(tokens("b", "second"));
        if of == CUSTOMER {
            script.add(tokens("c", "third"));
        }
        let again = token_of(&provider, &TokenRequest::new(tenant(of), SCOPE)).await;
        assert_eq!(again.is_ok(), signs_in, "{error} {number} for {of}: {again:?}");
        let signed_in = script.paths().iter().filter(|path| path.ends_with("/devicecode")).count();
        assert_eq!(signed_in, if signs_in { 2 } else { 1 }, "{error} {number} for {of}");
    }
}
