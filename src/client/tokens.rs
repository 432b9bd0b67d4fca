//! The one token cache: one refresh at a time for each key, early, and the old token kept while it lasts.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::ExposeSecret;
use time::Duration;

use crate::clock::Clock;
use crate::error::Error;
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// A token is renewed this long before it ends.
const EARLY: Duration = Duration::minutes(5);

/// Tenants beyond this many make the cache start again.
const MOST_KEYS: usize = 10_000;

pub(super) struct Tokens {
    provider: Arc<dyn TokenProvider>,
    clock: Arc<dyn Clock>,
    slots: Mutex<HashMap<(String, Vec<String>), Slot>>,
}

type Slot = Arc<tokio::sync::Mutex<Option<AccessToken>>>;

impl Tokens {
    pub(super) fn new(provider: Arc<dyn TokenProvider>, clock: Arc<dyn Clock>) -> Self {
        Self { provider, clock, slots: Mutex::default() }
    }

    /// A token that is good for a while. With a claims challenge, a new one.
    pub(super) async fn get(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        let slot = self.slot(request);
        let mut held = slot.lock().await;
        let now = self.clock.now();
        if request.claims.is_none()
            && let Some(token) = held.as_ref().filter(|token| token.expires_at - now > EARLY)
        {
            return Ok(token.clone());
        }
        match self.provider.token(request).await {
            Ok(token) => Ok(held.insert(token).clone()),
            Err(error) => {
                match held.as_ref().filter(|token| request.claims.is_none() && token.expires_at > self.clock.now()) {
                    Some(token) => {
                        tracing::debug!(code = error.code(), "the token could not be renewed; the old one still holds");
                        Ok(token.clone())
                    }
                    None => Err(error),
                }
            }
        }
    }

    /// Forgets a token that was refused, unless another has taken its place.
    pub(super) async fn refuse(&self, request: &TokenRequest, refused: &AccessToken) {
        let slot = self.slot(request);
        let mut held = slot.lock().await;
        if held.as_ref().is_some_and(|token| token.secret.expose_secret() == refused.secret.expose_secret()) {
            *held = None;
        }
    }

    fn slot(&self, request: &TokenRequest) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (request.tenant.clone(), request.scopes.clone());
        if slots.len() >= MOST_KEYS && !slots.contains_key(&key) {
            slots.clear();
        }
        Arc::clone(slots.entry(key).or_default())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("provider", &self.provider).finish_non_exhaustive()
    }
}
