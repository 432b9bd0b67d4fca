//! What is under way at once: futures that run side by side without being spawned.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream as _;
use futures_util::stream::FuturesUnordered;
use tracing::Span;

use crate::clock::Clock;
use crate::ids::TenantId;
use crate::retry::WaitObserver;

/// The span of what is asked in one customer's tenant, for an operation over all customers.
pub(super) fn customer_span(operation: &Span, tenant: TenantId) -> Span {
    tracing::debug_span!(parent: operation, "customer", %tenant)
}

/// Futures that work at once. Those that wait, for a throttle to pass, say, leave their places to others.
const MAX_WORKING: usize = 64;

/// Futures at once, those that wait among them: each holds some kilobytes.
const MAX_FUTURES: usize = 512;

/// A future that ends with its number.
type Numbered<T> = Pin<Box<dyn Future<Output = (u64, T)> + Send>>;

/// Futures that run side by side; each is polled when it has something to do.
pub(super) struct InFlight<T> {
    clock: Arc<dyn Clock>,
    futures: FuturesUnordered<Numbered<T>>,
    /// Until when each waits, on the clock's monotonic scale.
    waits: HashMap<u64, Arc<Mutex<Duration>>>,
    next: u64,
}

impl<T: 'static> InFlight<T> {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, futures: FuturesUnordered::new(), waits: HashMap::new(), next: 0 }
    }

    /// How many are under way, those that wait among them.
    pub(super) fn len(&self) -> usize {
        self.futures.len()
    }

    /// Whether another can begin.
    pub(super) fn has_room(&self) -> bool {
        let now = self.clock.monotonic();
        let works = |until: &&Arc<Mutex<Duration>>| *until.lock().unwrap_or_else(PoisonError::into_inner) <= now;
        self.len() < MAX_FUTURES && self.waits.values().filter(works).count() < MAX_WORKING
    }

    /// Begins another, which tells what it is given of its waits.
    pub(super) fn begin<F: Future<Output = T> + Send + 'static>(&mut self, make: impl FnOnce(WaitObserver) -> F) {
        let waits_until = Arc::new(Mutex::new(Duration::ZERO));
        let (clock, told) = (Arc::clone(&self.clock), Arc::clone(&waits_until));
        let observer: WaitObserver = Arc::new(move |wait| {
            let until = clock.monotonic().saturating_add(wait.duration);
            *told.lock().unwrap_or_else(PoisonError::into_inner) = until;
        });
        let (id, future) = (self.next, make(observer));
        self.next += 1;
        self.waits.insert(id, waits_until);
        self.futures.push(Box::pin(async move { (id, future.await) }));
    }

    /// The output of the first that ends; `None` where nothing is under way.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.futures).poll_next(context).map(|ended| {
            ended.map(|(id, output)| {
                self.waits.remove(&id);
                output
            })
        })
    }
}

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use std::borrow::Cow;
    use std::future::poll_fn;

    use super::*;
    use crate::clock::TokioClock;
    use crate::retry::{Wait, WaitReason};

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn who_waits_leaves_its_place_to_others_and_both_numbers_are_bounded() {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
        let mut flight = InFlight::new(Arc::clone(&clock));
        for number in 0..MAX_WORKING {
            assert!(flight.has_room());
            let clock = Arc::clone(&clock);
            flight.begin(|_| async move {
                clock.sleep(Duration::from_secs(1)).await;
                number
            });
        }
        assert!(!flight.has_room());
        let first = poll_fn(|context| flight.poll_next(context)).await;
        assert!(first.is_some() && flight.has_room());

        let mut flight: InFlight<()> = InFlight::new(Arc::clone(&clock));
        let mut begun = 0;
        // Each waits for a minute from its first turn on.
        while flight.has_room() {
            let clock = Arc::clone(&clock);
            flight.begin(|observer| async move {
                let wait = Wait {
                    operation: Cow::Borrowed("GET /x"),
                    reason: WaitReason::Throttling,
                    duration: MINUTE,
                    attempts: 1,
                };
                observer(&wait);
                clock.sleep(MINUTE).await;
            });
            begun += 1;
            assert!(poll_fn(|context| Poll::Ready(flight.poll_next(context).is_pending())).await);
        }
        assert_eq!(begun, MAX_FUTURES);
        let before = clock.monotonic();
        while poll_fn(|context| flight.poll_next(context)).await.is_some() {
            begun -= 1;
        }
        assert_eq!((begun, clock.monotonic().saturating_sub(before)), (0, MINUTE));
    }
}
