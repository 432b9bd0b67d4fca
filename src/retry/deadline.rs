//! One way to wait: by when something has to be done, and what is repeated until it is.

use std::borrow::Cow;
use std::future::Future;
use std::pin::pin;
use std::task;
use std::time::Duration;

use crate::clock::Clock;
use crate::retry::{CallOptions, SendContext, Wait, WaitReason};

/// The moment by which something has to be done, or never. It is on the monotonic scale of the clock that made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deadline(Option<Duration>);

impl Deadline {
    /// The moment at which `allowed` will have passed from now.
    pub(crate) fn after(clock: &dyn Clock, allowed: Duration) -> Self {
        Self(Some(clock.monotonic().saturating_add(allowed)))
    }

    /// The earlier of two.
    pub(crate) fn earlier(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(one), Some(two)) => Self(Some(one.min(two))),
            (one, two) => Self(one.or(two)),
        }
    }

    pub(crate) fn is_never(self) -> bool {
        self.0.is_none()
    }

    /// The time left: zero once it has passed, and `None` where there is all the time in the world.
    pub(crate) fn remaining(self, clock: &dyn Clock) -> Option<Duration> {
        self.0.map(|at| at.saturating_sub(clock.monotonic()))
    }

    /// Whether it has passed.
    pub(crate) fn is_over(self, clock: &dyn Clock) -> bool {
        self.remaining(clock) == Some(Duration::ZERO)
    }

    /// Whether a wait that begins now ends before it.
    pub(crate) fn allows(self, clock: &dyn Clock, wait: Duration) -> bool {
        self.remaining(clock).is_none_or(|left| wait < left)
    }

    /// The future's output, or `None` where the deadline passes first.
    pub(crate) async fn bound<F: Future>(self, clock: &dyn Clock, future: F) -> Option<F::Output> {
        match self.remaining(clock) {
            None => Some(future.await),
            Some(left) => timeout(future, clock, left).await,
        }
    }
}

/// The future's output, or `None` where the time allowed passes first.
pub(crate) async fn timeout<F: Future>(future: F, clock: &dyn Clock, allowed: Duration) -> Option<F::Output> {
    let until = clock.monotonic().saturating_add(allowed);
    let (mut future, mut limit) = (pin!(future), clock.sleep(allowed));
    std::future::poll_fn(move |context| {
        if let task::Poll::Ready(output) = future.as_mut().poll(context) {
            return task::Poll::Ready(Some(output));
        }
        // A future that is always busy may leave the timer no turn: the runtime gives a task so many only.
        let is_over = limit.as_mut().poll(context).is_ready() || clock.monotonic() >= until;
        if is_over { task::Poll::Ready(None) } else { task::Poll::Pending }
    })
    .await
}

/// Something that is repeated until it is done: it counts the attempts, tells of the waits between them, and ends with
/// the deadline.
///
/// ```text
/// let mut poll = context.poll("GET /applications", WaitReason::Replication, &options);
/// loop {
///     if let Some(found) = look().await? { return Ok(found) }
///     if !poll.wait(poll.backoff()).await { return Err(too_late()) }
/// }
/// ```
pub(crate) struct Poll<'a> {
    context: &'a SendContext,
    options: &'a CallOptions,
    operation: Cow<'static, str>,
    reason: WaitReason,
    attempts: u32,
}

impl SendContext {
    /// Begins to repeat something within the deadline of `options`.
    pub(crate) fn poll<'a>(
        &'a self,
        operation: impl Into<Cow<'static, str>>,
        reason: WaitReason,
        options: &'a CallOptions,
    ) -> Poll<'a> {
        Poll { context: self, options, operation: operation.into(), reason, attempts: 1 }
    }
}

impl Poll<'_> {
    /// The wait after the attempts up to now: two seconds more each time, up to fifteen.
    pub(crate) fn backoff(&self) -> Duration {
        Duration::from_secs(u64::from(self.attempts).saturating_mul(2).min(15))
    }

    /// Waits before the next attempt. `false`, and at once, where the deadline would pass in the meantime.
    pub(crate) async fn wait(&mut self, wait: Duration) -> bool {
        if !self.options.deadline.allows(&*self.context.clock, wait) {
            return false;
        }
        let event =
            Wait { operation: self.operation.clone(), reason: self.reason, duration: wait, attempts: self.attempts };
        self.context.tell_and_sleep(&event, self.options).await;
        self.attempts += 1;
        true
    }
}

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use super::*;
    use crate::clock::TokioClock;
    use std::future::{pending, ready};

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_deadline_passes_at_its_moment() {
        let clock = TokioClock::new();
        let deadline = Deadline::after(&clock, 3 * SECOND);
        assert!(deadline.allows(&clock, 2 * SECOND) && !deadline.allows(&clock, 3 * SECOND));
        assert!(!deadline.is_over(&clock) && !deadline.is_never());
        clock.sleep(3 * SECOND).await;
        assert!(deadline.is_over(&clock) && !deadline.allows(&clock, Duration::ZERO));
        assert_eq!(deadline.remaining(&clock), Some(Duration::ZERO));
        let never = Deadline::default();
        assert!(never.is_never() && !never.is_over(&clock) && never.allows(&clock, Duration::MAX));
        assert_eq!((never.earlier(deadline), deadline.earlier(never)), (deadline, deadline));
        assert_eq!(
            Deadline::after(&clock, SECOND).earlier(Deadline::after(&clock, 2 * SECOND)).remaining(&clock),
            Some(SECOND)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_done_counts_even_at_the_last_moment() {
        let clock = TokioClock::new();
        let now = Deadline::after(&clock, Duration::ZERO);
        assert_eq!(now.bound(&clock, ready(1)).await, Some(1));
        assert_eq!(now.bound(&clock, pending::<u8>()).await, None);
        let later = Deadline::after(&clock, SECOND);
        assert_eq!(later.bound(&clock, pending::<u8>()).await, None);
        assert_eq!(clock.monotonic(), SECOND);
    }

    /// A clock whose timer never gets a turn.
    #[derive(Debug, Default)]
    struct WithoutTimer(std::sync::atomic::AtomicU64);

    impl Clock for WithoutTimer {
        fn now(&self) -> time::OffsetDateTime {
            time::OffsetDateTime::UNIX_EPOCH
        }

        /// A second later each time that somebody looks.
        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        }

        fn sleep(&self, _: Duration) -> crate::clock::Sleep {
            Box::pin(pending())
        }
    }

    #[tokio::test]
    async fn a_busy_future_does_not_outlive_the_limit() {
        let busy = std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            task::Poll::<u8>::Pending
        });
        assert_eq!(timeout(busy, &WithoutTimer::default(), 5 * SECOND).await, None);
    }
}
