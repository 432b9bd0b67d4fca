//! The token cache: one refresh at a time for each key, ahead of time, and the old token kept while it lasts.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use secrecy::ExposeSecret;
use time::{Duration, OffsetDateTime};

use crate::clock::Clock;
use crate::error::{Error, ErrorCode};
use crate::ids::Tenant;
use crate::retry::{AdaptiveLimiter, CallOptions};
use crate::token::{AccessToken, TokenProvider, TokenRequest, token_of};

/// A token is renewed this long before it ends.
const REFRESH_MARGIN: Duration = Duration::minutes(5);

/// After a renewal that failed, a token that still holds is used this long before the next try: an outage of the
/// sign-in service must not slow every call down.
const REFRESH_RETRY_DELAY: Duration = Duration::seconds(30);

/// How often one token is asked for where the service wants to be asked less often.
const MAX_PACED_ATTEMPTS: u32 = 10;

/// Keys beyond this many make room.
const MAX_KEYS: usize = 10_000;

pub(super) struct TokenCache {
    provider: Arc<dyn TokenProvider>,
    clock: Arc<dyn Clock>,
    slots: Mutex<HashMap<(Tenant, Vec<String>), Slot>>,
}

type Slot = Arc<tokio::sync::Mutex<Option<CachedToken>>>;

struct CachedToken {
    token: AccessToken,
    /// The claims challenge that it answers.
    claims: Option<String>,
    /// When to try the next renewal, after one that failed.
    not_before: Option<OffsetDateTime>,
}

impl CachedToken {
    /// Whether it will do without a question to the provider.
    fn is_good(&self, request: &TokenRequest, now: OffsetDateTime) -> bool {
        let fresh = self.token.expires_at - now > REFRESH_MARGIN || self.may_retry_later(now);
        // Whoever comes second with the same challenge finds it answered: a token that was refused is not here any more.
        fresh && (request.claims.is_none() || request.claims == self.claims)
    }

    fn may_retry_later(&self, now: OffsetDateTime) -> bool {
        self.token.expires_at > now && self.not_before.is_some_and(|not_before| now < not_before)
    }
}

impl TokenCache {
    pub(super) fn new(provider: Arc<dyn TokenProvider>, clock: Arc<dyn Clock>) -> Self {
        Self { provider, clock, slots: Mutex::default() }
    }

    /// A token that is good for a while. With a claims challenge, one that answers it.
    pub(super) async fn get(&self, request: &TokenRequest, options: &CallOptions) -> Result<AccessToken, Error> {
        let slot = self.slot(request);
        let mut held = slot.lock().await;
        if let Some(held) = held.as_ref().filter(|held| held.is_good(request, self.clock.now())) {
            return Ok(held.token.clone());
        }
        match self.fresh(request, options).await {
            Ok(token) => {
                *held = Some(CachedToken { token: token.clone(), claims: request.claims.clone(), not_before: None });
                Ok(token)
            }
            Err(error) => {
                let now = self.clock.now();
                match held.as_mut().filter(|held| request.claims.is_none() && held.token.expires_at > now) {
                    Some(held) => {
                        tracing::debug!(
                            code = error.code().as_str(),
                            "the token could not be renewed; the old one still holds"
                        );
                        held.not_before = Some(now.saturating_add(REFRESH_RETRY_DELAY));
                        Ok(held.token.clone())
                    }
                    None => Err(error),
                }
            }
        }
    }

    /// A new token, past the cache: for what it says, not to be used.
    pub(super) async fn fresh(&self, request: &TokenRequest, options: &CallOptions) -> Result<AccessToken, Error> {
        let request = TokenRequest { time_allowed: options.deadline.remaining(&*self.clock), ..request.clone() };
        match options.pacing.as_ref().and_then(|pacing| pacing.tokens.as_ref()) {
            Some(limiter) => self.fresh_in_turn(&request.paced(), limiter).await,
            None => token_of(&*self.provider, &request).await,
        }
    }

    /// A new token, asked for when it is its turn, and again where the service wants to be asked less often.
    async fn fresh_in_turn(&self, request: &TokenRequest, limiter: &AdaptiveLimiter) -> Result<AccessToken, Error> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            self.clock.sleep(limiter.turn(self.clock.monotonic())).await;
            match token_of(&*self.provider, request).await {
                Err(error) if is_busy(&error) && attempts < MAX_PACED_ATTEMPTS => {
                    tracing::debug!(code = error.service_code(), "the sign-in service wants to be asked less often");
                    limiter.refused(error.retry_after(), self.clock.monotonic());
                }
                result => return result,
            }
        }
    }

    /// Forgets a token that nobody is about to use.
    pub(super) fn forget(&self, request: &TokenRequest) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (request.tenant.clone(), request.scopes.clone());
        if slots.get(&key).is_some_and(|slot| Arc::strong_count(slot) == 1) {
            slots.remove(&key);
        }
    }

    /// A new token in the place of the one that is held.
    pub(super) async fn renew(&self, request: &TokenRequest, options: &CallOptions) -> Result<AccessToken, Error> {
        let slot = self.slot(request);
        let mut held = slot.lock().await;
        let token = self.fresh(request, options).await?;
        *held = Some(CachedToken { token: token.clone(), claims: request.claims.clone(), not_before: None });
        Ok(token)
    }

    /// Forgets a token that was refused, unless another has taken its place.
    pub(super) async fn refuse(&self, request: &TokenRequest, refused: &AccessToken) {
        let slot = self.slot(request);
        let mut held = slot.lock().await;
        if held.as_ref().is_some_and(|held| held.token.secret.expose_secret() == refused.secret.expose_secret()) {
            *held = None;
        }
    }

    fn slot(&self, request: &TokenRequest) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (request.tenant.clone(), request.scopes.clone());
        if slots.len() >= MAX_KEYS && !slots.contains_key(&key) {
            let now = self.clock.now();
            // What somebody waits for stays, so that each key keeps its one renewal; then what is of use.
            slots.retain(|_, slot| match slot.try_lock() {
                Ok(held) => held.as_ref().is_some_and(|held| held.token.expires_at - now > REFRESH_MARGIN),
                Err(_) => true,
            });
            if slots.len() >= MAX_KEYS {
                slots.retain(|_, slot| Arc::strong_count(slot) > 1);
            }
        }
        Arc::clone(slots.entry(key).or_default())
    }
}

/// Whether the sign-in service wants to be asked less often.
fn is_busy(error: &Error) -> bool {
    error.code() == ErrorCode::SignInBusy || error.status() == Some(StatusCode::TOO_MANY_REQUESTS)
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").field("provider", &self.provider).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use super::*;
    use crate::clock::TokioClock;
    use crate::error::BoxError;
    use crate::ids::TenantId;
    use async_trait::async_trait;
    use secrecy::SecretString;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use time::PrimitiveDateTime;
    use time::macros::datetime;

    /// Counts what it is asked; each token holds for an hour.
    #[derive(Debug)]
    struct Counting {
        asked: AtomicU32,
        broken: AtomicBool,
        clock: TokioClock,
    }

    #[async_trait]
    impl TokenProvider for Counting {
        async fn token(&self, _: &TokenRequest) -> Result<AccessToken, BoxError> {
            let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
            self.clock.sleep(std::time::Duration::from_millis(100)).await;
            if self.broken.load(Ordering::Relaxed) {
                return Err("broken".into());
            }
            Ok(AccessToken::new(
                SecretString::from(format!("token {number}")),
                self.clock.now().saturating_add(Duration::HOUR),
            ))
        }
    }

    fn tokens() -> (Arc<Counting>, Arc<TokenCache>) {
        tokens_at(datetime!(2026-06-01 09:00 UTC))
    }

    fn tokens_at(wall: OffsetDateTime) -> (Arc<Counting>, Arc<TokenCache>) {
        let clock = TokioClock::starting_at(wall);
        let asked = AtomicU32::new(0);
        let provider = Arc::new(Counting { asked, broken: AtomicBool::new(false), clock: clock.clone() });
        (provider.clone(), Arc::new(TokenCache::new(provider, Arc::new(clock))))
    }

    fn request() -> TokenRequest {
        request_for(7)
    }

    /// A request for the tenant of this number.
    fn request_for(tenant: u128) -> TokenRequest {
        TokenRequest::new(TenantId::from_u128(tenant), "scope")
    }

    async fn get(tokens: &TokenCache, request: &TokenRequest) -> String {
        tokens.get(request, &CallOptions::default()).await.unwrap().secret.expose_secret().to_owned()
    }

    async fn minutes(minutes: u64) {
        tokio::time::sleep(std::time::Duration::from_secs(60 * minutes)).await;
    }

    /// As many at once as there are requests; how often the provider was asked.
    async fn at_once(provider: &Counting, tokens: &Arc<TokenCache>, requests: Vec<TokenRequest>) -> u32 {
        let before = provider.asked.load(Ordering::Relaxed);
        let mut calls = tokio::task::JoinSet::new();
        for request in requests {
            let tokens = Arc::clone(tokens);
            calls.spawn(async move { tokens.get(&request, &CallOptions::default()).await.is_ok() });
        }
        assert!(calls.join_all().await.into_iter().all(|ok| ok));
        provider.asked.load(Ordering::Relaxed) - before
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_at_once_sign_in_once_for_each_key() {
        let (provider, tokens) = tokens();
        let requests: Vec<_> = (0..1000).map(|n| request_for(n % 2)).collect();
        assert_eq!(at_once(&provider, &tokens, requests).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_with_one_challenge_sign_in_once() {
        let (provider, tokens) = tokens();
        let refused = tokens.get(&request(), &CallOptions::default()).await.unwrap();
        tokens.refuse(&request(), &refused).await;
        assert_eq!(at_once(&provider, &tokens, vec![request().claims("c"); 1000]).await, 1);
        // That token was refused as well: another one is got.
        let response = tokens.get(&request().claims("c"), &CallOptions::default()).await.unwrap();
        tokens.refuse(&request(), &response).await;
        assert_eq!(get(&tokens, &request().claims("c")).await, "token 3");
        assert_eq!(get(&tokens, &request().claims("other")).await, "token 4");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_before_it_ends() {
        let (_, tokens) = tokens();
        assert_eq!(get(&tokens, &request()).await, "token 1");
        minutes(54).await;
        assert_eq!(get(&tokens, &request()).await, "token 1");
        minutes(1).await;
        assert_eq!(get(&tokens, &request()).await, "token 2");
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_fails_leaves_the_old_token_while_it_lasts_and_is_not_tried_with_each_call() {
        let (provider, tokens) = tokens();
        get(&tokens, &request()).await;
        provider.broken.store(true, Ordering::Relaxed);
        minutes(56).await;
        for _ in 0..10 {
            assert_eq!(get(&tokens, &request()).await, "token 1");
        }
        assert_eq!(provider.asked.load(Ordering::Relaxed), 2);
        minutes(1).await;
        assert_eq!(get(&tokens, &request()).await, "token 1");
        assert_eq!(provider.asked.load(Ordering::Relaxed), 3);
        minutes(4).await;
        assert_eq!(
            tokens.get(&request(), &CallOptions::default()).await.unwrap_err().code(),
            ErrorCode::TokenProviderFailed
        );
        provider.broken.store(false, Ordering::Relaxed);
        assert_eq!(get(&tokens, &request()).await, "token 5");
    }

    #[tokio::test(start_paused = true)]
    async fn each_moment_of_a_renewal_counts() {
        let (provider, tokens) = tokens();
        let seconds = |seconds| tokio::time::sleep(std::time::Duration::from_secs(seconds));
        get(&tokens, &request()).await;
        // It takes a tenth of a second to get a token, so that the next one is asked for just before its time.
        provider.broken.store(true, Ordering::Relaxed);
        seconds(55 * 60).await;
        assert_eq!(get(&tokens, &request()).await, "token 1");
        let asked = || provider.asked.load(Ordering::Relaxed);
        assert_eq!(asked(), 2);
        seconds(29).await;
        get(&tokens, &request()).await;
        assert_eq!(asked(), 2, "not before its time");
        seconds(1).await;
        get(&tokens, &request()).await;
        assert_eq!(asked(), 3);
        // A token that was refused is forgotten, and no other.
        let other = AccessToken::new(SecretString::from("another"), OffsetDateTime::UNIX_EPOCH);
        tokens.refuse(&request(), &other).await;
        assert_eq!(get(&tokens, &request()).await, "token 1");
        // What has expired helps nobody, from the moment on at which it does: a try takes a tenth of a second.
        seconds(269).await;
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        assert!(tokens.get(&request(), &CallOptions::default()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_at_the_ends_of_the_calendar_does_no_harm() {
        for wall in [PrimitiveDateTime::MIN, PrimitiveDateTime::MAX - Duration::seconds(10), PrimitiveDateTime::MAX] {
            let (provider, tokens) = tokens_at(wall.assume_utc());
            get(&tokens, &request()).await;
            provider.broken.store(true, Ordering::Relaxed);
            tokens.get(&request(), &CallOptions::default()).await.ok();
            minutes(60).await;
            tokens.get(&request(), &CallOptions::default()).await.ok();
            tokens.slot(&request_for(8));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_hands_the_renewal_on() {
        let (provider, tokens) = tokens();
        let asked = request();
        let options = CallOptions::default();
        let first = tokens.get(&asked, &options);
        let limit = crate::retry::Deadline::after(&*tokens.clock, std::time::Duration::from_millis(10));
        assert!(limit.bound(&*tokens.clock, first).await.is_none());
        assert_eq!(get(&tokens, &request()).await, "token 2");
        assert_eq!(provider.asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_keys_is_bounded() {
        let (_, tokens) = tokens();
        for number in 0..MAX_KEYS as u128 {
            tokens.slot(&request_for(1000 + number));
        }
        assert_eq!(get(&tokens, &request()).await, "token 1");
        assert_eq!(tokens.slots.lock().unwrap().len(), 1, "empty ones made room");
        assert_eq!(get(&tokens, &request()).await, "token 1");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_being_served_is_not_forgotten_for_another() {
        let (provider, tokens) = tokens();
        let requests = (0..MAX_KEYS as u128).map(|number| request_for(1000 + number)).collect();
        at_once(&provider, &tokens, requests).await;
        let waiting = request_for(8);
        let options = CallOptions::default();
        let (first, second) = (tokens.get(&waiting, &options), async {
            // While that one is on its way, others make room for it.
            tokio::task::yield_now().await;
            get(&tokens, &request()).await
        });
        let before = provider.asked.load(Ordering::Relaxed);
        assert!(tokio::join!(first, second).0.is_ok());
        assert_eq!(provider.asked.load(Ordering::Relaxed) - before, 2);
        assert!(tokens.slots.lock().unwrap().len() <= MAX_KEYS);
        get(&tokens, &waiting).await;
        assert_eq!(provider.asked.load(Ordering::Relaxed) - before, 2, "it is still held");
    }
}
