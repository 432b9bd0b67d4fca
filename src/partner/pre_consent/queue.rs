//! Customers that wait: by when they are looked at again, with one timer for all of them.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::clock::Clock;
use crate::partner::pre_consent::customer::Stage;

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Customers that wait, each for a moment: the earliest first. One takes a hundred bytes or so.
pub(super) struct Queue {
    clock: Arc<dyn Clock>,
    /// Where each stands, by the moment and the customer.
    waiting: BTreeMap<(Duration, usize), Stage>,
    timer: Option<(Duration, Timer)>,
}

impl Queue {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, waiting: BTreeMap::new(), timer: None }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Lets a customer wait.
    pub(super) fn push(&mut self, index: usize, stage: Stage, time: Duration) {
        let due = self.clock.monotonic().saturating_add(time);
        self.waiting.insert((due, index), stage);
    }

    /// The next customer whose time has come. Where none has, the context is woken when it does.
    pub(super) fn poll_due(&mut self, context: &mut Context<'_>) -> Option<(usize, Stage)> {
        loop {
            let (&(due, index), &stage) = self.waiting.first_key_value()?;
            let now = self.clock.monotonic();
            if due <= now {
                self.waiting.pop_first();
                return Some((index, stage));
            }
            if self.timer.as_ref().is_none_or(|(at, _)| *at != due) {
                let (clock, time) = (Arc::clone(&self.clock), due.saturating_sub(now));
                self.timer = Some((due, Box::pin(async move { clock.sleep(time).await })));
            }
            let (_, timer) = self.timer.as_mut()?;
            match timer.as_mut().poll(context) {
                Poll::Pending => return None,
                Poll::Ready(()) => self.timer = None,
            }
        }
    }

    /// Takes out all that wait.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = (usize, Stage)> + use<> {
        self.timer = None;
        std::mem::take(&mut self.waiting).into_iter().map(|((_, index), stage)| (index, stage))
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::clock::TokioClock;

    #[tokio::test(start_paused = true)]
    async fn the_earliest_comes_first_and_only_when_it_is_due() {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
        let mut queue = Queue::new(Arc::clone(&clock));
        let began = clock.monotonic();
        for (index, seconds) in [(0, 20), (1, 5), (2, 5), (3, 0)] {
            queue.push(index, Stage::Begin, Duration::from_secs(seconds));
        }
        let mut order = Vec::new();
        while queue.len() > 0 {
            let next = poll_fn(|context| match queue.poll_due(context) {
                Some((index, _)) => Poll::Ready(index),
                None => Poll::Pending,
            });
            order.push((next.await, clock.monotonic().saturating_sub(began).as_secs()));
        }
        assert_eq!(order, [(3, 0), (1, 5), (2, 5), (0, 20)]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_later_and_is_due_earlier_sets_the_timer_anew() {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
        let mut queue = Queue::new(Arc::clone(&clock));
        let began = clock.monotonic();
        queue.push(0, Stage::Begin, Duration::from_secs(60));
        assert!(poll_fn(|context| Poll::Ready(queue.poll_due(context))).await.is_none());
        queue.push(1, Stage::FirstHop, Duration::from_secs(1));
        let next = poll_fn(|context| queue.poll_due(context).map_or(Poll::Pending, Poll::Ready)).await;
        assert_eq!((next, clock.monotonic().saturating_sub(began).as_secs()), ((1, Stage::FirstHop), 1));
        assert_eq!(queue.take_all().collect::<Vec<_>>(), [(0, Stage::Begin)]);
    }
}
