//! How often a sign-in is tried: as the retry policy says.

use std::time::Duration;

use super::*;
use crate::retry::{Outcome, Repeat};

/// The attempts of a sign-in whose every attempt ends as `reply` says.
async fn attempts(policy: &RetryPolicy, reply: fn() -> Reply) -> u32 {
    let script = Script::new((0..100).map(|_| reply()));
    let service = retrying_service(&script).retry_policy(policy.clone());
    let provider = ClientCredentialsProvider::new(service, CLIENT, ClientAuthentication::secret(secret("x~y")));
    let error = token_of(&provider, &request()).await.unwrap_err();
    assert_eq!(error.attempts() as usize, script.requests().len());
    error.attempts()
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_is_tried_as_often_as_the_policy_says() {
    for max_attempts in [1, 3, RetryPolicy::default().max_attempts] {
        let policy = RetryPolicy { max_attempts, ..RetryPolicy::default() };
        assert_eq!(attempts(&policy, || Reply::Response(503, json!({}))).await, max_attempts);
        assert_eq!(attempts(&policy, || Reply::Response(429, json!({}))).await, max_attempts);
        assert_eq!(attempts(&policy, || refused("temporarily_unavailable", 90033)).await, max_attempts);
        assert_eq!(attempts(&policy, || Reply::Lost).await, max_attempts);
        assert_eq!(attempts(&policy, || refused("invalid_client", 7_000_215)).await, 1);
        // Where nobody listens, the policy itself says when to stop, for a sign-in and for Graph alike.
        let unreachable = Outcome::NoResponse { maybe_sent: false };
        let stops =
            |attempts: &u32| policy.decide(Repeat::Safe, &unreachable, *attempts, Duration::ZERO, 0.0).is_none();
        assert_eq!(Some(attempts(&policy, || Reply::NotSent).await), (1..=max_attempts).find(stops));
    }
}

const PAGE: &str = "<html><title>Hotel WiFi</title></html>";
const CUT: &str = r#"{"token_type":"Bearer","access_tok"#;

#[tokio::test(start_paused = true)]
async fn a_success_that_cannot_be_read_is_asked_for_again() {
    for unreadable in [PAGE, CUT, "", "[]"] {
        let script = Script::new([Reply::Text(200, unreadable), token("a")]);
        let authentication = ClientAuthentication::secret(secret("x~y"));
        let provider = ClientCredentialsProvider::new(retrying_service(&script), CLIENT, authentication);
        assert_eq!(text(&token_of(&provider, &request()).await.unwrap().secret), "a", "{unreadable}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_that_nobody_can_read_says_who_responds() {
    for (reply, code, said) in [
        (Reply::Text(200, PAGE), "answered_by_proxy", "in the place of the sign-in service: “Hotel WiFi”"),
        (Reply::Text(200, CUT), "unexpected_token_response", "holds no token"),
        (Reply::Text(200, ""), "unexpected_token_response", "holds no token"),
        (
            Reply::Response(200, json!({"hello": "very-secret"})),
            "answered_by_proxy",
            "in the place of the sign-in service",
        ),
        (Reply::Response(200, json!({"access_token": 7})), "unexpected_token_response", "holds no token"),
        (Reply::Response(200, json!({"access_token": " \n"})), "unexpected_token_response", "holds no token"),
        (Reply::Response(200, json!({"token_type": "Bearer"})), "unexpected_token_response", "holds no token"),
        (
            Reply::Response(200, json!({"access_token": "", "error_description": "AADSTS7000222: It has ended."})),
            "secret_expired",
            "It has ended",
        ),
        (
            Reply::Response(
                400,
                json!([{"error": "invalid_client", "error_description": "AADSTS7000222: It has ended."}]),
            ),
            "secret_expired",
            "It has ended",
        ),
        (
            Reply::Response(200, json!({"error": "invalid_client", "error_codes": [7_000_215]})),
            "wrong_secret",
            "is wrong",
        ),
        (Reply::Text(403, "Blocked by the office."), "answered_by_proxy", "Blocked by the office"),
    ] {
        let script = Script::new([reply]);
        let provider = app(&script, ClientAuthentication::secret(secret("x~y")));
        let error = token_of(&provider, &request()).await.unwrap_err();
        assert_eq!(error.code().as_str(), code, "{error}");
        assert!(error.message().contains(said), "{error}");
        assert_hidden(&error, &["very-secret"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_odd_member_of_a_response_loses_no_token() {
    let hour = NOW + Duration::from_secs(3600);
    for (members, end) in [
        (json!({"expires_in": "3600"}), hour),
        (json!({"expires_in": null, "expires_on": hour.unix_timestamp()}), hour),
        (json!({"expires_in": [], "expires_on": "2026-06-01 10:00:00", "refresh_token": 7, "scope": {}}), hour),
        (json!({}), NOW),
        (json!({"expires_in": i64::MIN}), NOW),
    ] {
        let mut body = members.clone();
        body["access_token"] = json!("opaque");
        let script = Script::new([Reply::Response(200, body)]);
        let token = token_of(&app(&script, ClientAuthentication::secret(secret("x~y"))), &request()).await.unwrap();
        assert_eq!((text(&token.secret), token.expires_at), ("opaque", end), "{members}");
    }
}
