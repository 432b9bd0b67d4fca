//! What a client remembers of each tenant: what it wrote and saw there, who is writing, and whether it is throttled.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::client::observation_cache::ObservationCache;
use crate::client::recent_writes::RecentWrites;
use crate::retry::ThrottleGate;

/// Tenants beyond this many push those out of which nothing is to be remembered.
const MAX_IDLE_TENANTS: usize = 10_000;

/// Fewer tenants than this are not worth forgetting.
const MIN_FORGOTTEN: usize = 256;

/// How long it is remembered that a tenant's Microsoft Graph publishes a permission.
const PUBLISHED_LIFETIME: Duration = Duration::from_secs(600);

/// Permissions of all tenants that are remembered, some hundred bytes each.
const MAX_PUBLISHED: usize = 20_000;

/// The state of one tenant. All clients for the tenant share it.
#[derive(Default)]
pub(super) struct TenantState {
    pub(super) recent_writes: RecentWrites,
    pub(super) observations: ObservationCache,
    /// Graph throttles an app in each tenant by itself.
    pub(super) throttle_gate: Arc<ThrottleGate>,
    /// How far this machine's clock is ahead of the service's.
    pub(super) clock_skew_seconds: AtomicI64,
    writers: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl TenantState {
    /// The lock that one writer at a time holds of what has this name.
    pub(super) fn writer_lock(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        writers.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(writers.entry(name.to_owned()).or_default())
    }

    /// Forgets all but what was written a moment ago and whether it is throttled.
    pub(super) fn shrink(&self) {
        self.observations.clear();
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        writers.retain(|_, lock| Arc::strong_count(lock) > 1);
        writers.shrink_to_fit();
    }

    /// Whether nothing is lost with it: nothing was written within `window` before `now`, and it is not throttled.
    fn is_idle(&self, now: Duration, window: Duration) -> bool {
        self.throttle_gate.remaining(now).is_zero()
            && self.recent_writes.is_idle(now, window)
            && self.observations.is_idle(now)
    }
}

impl fmt::Debug for TenantState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantState").finish_non_exhaustive()
    }
}

/// The states of all tenants of a client, by the tenant's id or domain.
#[derive(Debug)]
pub(super) struct TenantStates {
    states: Mutex<States>,
    /// The permissions that tenants were seen to publish. One bound holds for all tenants: a client can have thousands.
    published: ObservationCache,
}

impl Default for TenantStates {
    fn default() -> Self {
        let published = ObservationCache::keeping(PUBLISHED_LIFETIME, MAX_PUBLISHED);
        Self { states: Mutex::default(), published }
    }
}

#[derive(Debug, Default)]
struct States {
    by_tenant: HashMap<Arc<str>, Arc<TenantState>>,
    /// When there are as many as this, those go that are idle.
    full_at: usize,
    /// When there are as many as this, those that are idle may go.
    forget_at: usize,
    /// When those that are idle went.
    forgotten_at: Duration,
}

impl TenantStates {
    /// The state of a tenant. What is written matters for `window`.
    pub(super) fn get(&self, tenant: &Arc<str>, now: Duration, window: Duration) -> Arc<TenantState> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        if states.by_tenant.len() >= states.full_at.max(MAX_IDLE_TENANTS) && !states.by_tenant.contains_key(tenant) {
            states.by_tenant.retain(|_, state| Arc::strong_count(state) > 1 || !state.is_idle(now, window));
            states.full_at = 2 * states.by_tenant.len();
        }
        Arc::clone(states.by_tenant.entry(Arc::clone(tenant)).or_default())
    }

    /// Forgets a tenant that nobody has a client for and of which nothing is to be remembered.
    pub(super) fn forget_if_idle(&self, tenant: &str, now: Duration, window: Duration) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = |state: &Arc<TenantState>| Arc::strong_count(state) == 1 && state.is_idle(now, window);
        if states.by_tenant.get(tenant).is_some_and(is_idle) {
            states.by_tenant.remove(tenant);
        }
    }

    /// Forgets the tenants of which nothing is to be remembered, each time there are twice as many as were left, and where
    /// what was written then has come to matter no more.
    pub(super) fn forget_idle(&self, now: Duration, window: Duration) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let has_passed = now.saturating_sub(states.forgotten_at) > window;
        if states.by_tenant.len() >= states.forget_at.max(MIN_FORGOTTEN) || has_passed {
            states.by_tenant.retain(|_, state| Arc::strong_count(state) > 1 || !state.is_idle(now, window));
            let left = states.by_tenant.len();
            // The room that a burst has taken is given back.
            states.by_tenant.shrink_to(left.max(MIN_FORGOTTEN));
            (states.forget_at, states.forgotten_at) = (2 * left, now);
        }
    }

    /// What was seen to be published, by names that begin with the tenant's.
    pub(super) fn published(&self) -> &ObservationCache {
        &self.published
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    #[test]
    fn a_closed_gate_is_kept_however_many_tenants_there_are() {
        let states = TenantStates::default();
        let throttled = Arc::from("throttled");
        states.get(&throttled, Duration::ZERO, WINDOW).throttle_gate.close(Duration::from_secs(300));
        let now = Duration::from_secs(100);
        for number in 0..2 * MAX_IDLE_TENANTS {
            states.get(&Arc::from(number.to_string()), now, WINDOW);
        }
        let gate = &states.get(&throttled, now, WINDOW).throttle_gate;
        assert_eq!(gate.remaining(now), Duration::from_secs(200));
        assert!(states.states.lock().unwrap().by_tenant.len() <= 2 * MAX_IDLE_TENANTS);
    }

    #[test]
    fn idle_tenants_make_room() {
        let states = TenantStates::default();
        for number in 0..3 * MAX_IDLE_TENANTS {
            states.get(&Arc::from(number.to_string()), Duration::ZERO, WINDOW);
            assert!(states.states.lock().unwrap().by_tenant.len() <= MAX_IDLE_TENANTS);
        }
    }

    #[test]
    fn what_tenants_publish_takes_no_more_room_however_many_they_are() {
        let states = TenantStates::default();
        let published = states.published();
        let name = |tenant: usize, permission: usize| format!("{tenant}/{permission}");
        for tenant in 0..MAX_IDLE_TENANTS {
            // Within the lifetime of what is remembered, and beyond it.
            let now = Duration::from_millis(70 * tenant as u64);
            for permission in 0..5 {
                published.insert(name(tenant, permission), permission, Vec::new(), now);
                assert!(published.len() <= MAX_PUBLISHED);
                assert_eq!(published.get_fresh(&name(tenant, permission), now).as_deref(), Some(&permission));
            }
        }
        let late = PUBLISHED_LIFETIME + Duration::from_millis(70 * MAX_IDLE_TENANTS as u64);
        assert_eq!(published.get_fresh::<usize>(&name(MAX_IDLE_TENANTS - 1, 0), late), None);
    }
}
