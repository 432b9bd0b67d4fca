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
