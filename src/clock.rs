//! The seam to time: nothing else in this crate reads a clock or waits.
//!
//! With tokio's time paused, an hour of waiting takes no time:
//!
//! ```
//! # #[cfg(feature = "tokio")]
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
//! use std::time::Duration;
//!
//! use entra_apps::clock::{Clock, TokioClock};
//! use entra_apps::time::macros::datetime;
//!
//! let clock = TokioClock::starting_at(datetime!(2026-06-01 09:00 UTC));
//! clock.sleep(Duration::from_secs(3600)).await;
//! assert_eq!(clock.now(), datetime!(2026-06-01 10:00 UTC));
//! # });
//! ```

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use time::OffsetDateTime;

/// A future that ends when the time has passed.
///
/// ```
/// use std::future::ready;
///
/// use entra_apps::clock::Sleep;
///
/// let at_once: Sleep = Box::pin(ready(()));
/// # drop(at_once);
/// ```
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// Wall time, monotonic time and waiting.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use entra_apps::clock::{Clock, Sleep};
/// use entra_apps::time::OffsetDateTime;
///
/// /// The system's time, and a thread for each wait: for a program without tokio.
/// #[derive(Debug)]
/// struct ThreadClock(Instant);
///
/// impl Clock for ThreadClock {
///     fn now(&self) -> OffsetDateTime {
///         OffsetDateTime::now_utc()
///     }
///
///     fn monotonic(&self) -> Duration {
///         self.0.elapsed()
///     }
///
///     fn sleep(&self, duration: Duration) -> Sleep {
///         let (sender, receiver) = tokio::sync::oneshot::channel();
///         std::thread::spawn(move || {
///             std::thread::sleep(duration);
///             sender.send(())
///         });
///         Box::pin(async move { receiver.await.unwrap_or_default() })
///     }
/// }
/// # let _: std::sync::Arc<dyn Clock> = std::sync::Arc::new(ThreadClock(Instant::now()));
/// ```
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall time, in UTC: for end dates and the age of a plan.
    fn now(&self) -> OffsetDateTime;

    /// Time since an origin of the clock's own, which never goes back: for deadlines.
    fn monotonic(&self) -> Duration;

    /// Waits for `duration`, on the scale of [`monotonic`](Self::monotonic).
    ///
    /// Each request races such a wait of its timeout and of the deadline, so that one that ends at once ends the request
    /// before it is sent, and one that never ends leaves a request without a response hanging. In a test, time that stands
    /// still or jumps is [`TokioClock::starting_at`] in a runtime with paused time.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// A moment that is later by a duration, or else the end of the calendar.
pub(crate) fn later(moment: OffsetDateTime, by: Duration) -> OffsetDateTime {
    moment.saturating_add(by.try_into().unwrap_or(time::Duration::MAX))
}

/// Tokio's timer, with the system's wall time or a wall time that moves with tokio's clock.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// use std::sync::Arc;
///
/// use entra_apps::clock::TokioClock;
/// use entra_apps::time::OffsetDateTime;
///
/// // A test of the last day of a secret.
/// let clock = TokioClock::starting_at(OffsetDateTime::UNIX_EPOCH);
/// let client = MemoryTenant::new().client_builder().clock(Arc::new(clock)).build()?;
/// # drop(client);
/// # Ok::<(), entra_apps::Error>(())
/// ```
///
/// # Panics
/// [`sleep`](Clock::sleep) panics outside of a tokio runtime with its timer on; the rest works anywhere.
#[cfg(feature = "tokio")]
#[derive(Clone, Debug)]
pub struct TokioClock {
    origin: tokio::time::Instant,
    wall: Option<OffsetDateTime>,
}

#[cfg(feature = "tokio")]
impl TokioClock {
    /// The system's wall time and tokio's timer.
    pub fn new() -> Self {
        Self { origin: tokio::time::Instant::now(), wall: None }
    }

    /// A clock that shows `wall` now and moves on with tokio's clock: with tokio's time paused, time is virtual.
    pub fn starting_at(wall: OffsetDateTime) -> Self {
        Self {
            origin: tokio::time::Instant::now(),
            wall: Some(wall.checked_to_offset(time::UtcOffset::UTC).unwrap_or(wall)),
        }
    }
}

#[cfg(feature = "tokio")]
impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "tokio")]
impl Clock for TokioClock {
    fn now(&self) -> OffsetDateTime {
        match self.wall {
            Some(wall) => later(wall, self.monotonic()),
            None => OffsetDateTime::now_utc(),
        }
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use super::*;
    use time::macros::datetime;
    use time::{PrimitiveDateTime, UtcOffset};

    #[tokio::test(start_paused = true)]
    async fn virtual_time_moves_wall_and_monotonic_alike() {
        let clock = TokioClock::starting_at(datetime!(2026-01-31 00:00 UTC));
        clock.sleep(Duration::from_secs(90)).await;
        assert_eq!(clock.now(), datetime!(2026-01-31 00:01:30 UTC));
        assert_eq!(clock.monotonic(), Duration::from_secs(90));
    }

    #[tokio::test(start_paused = true)]
    async fn the_calendar_ends_without_harm() {
        for (wall, offset) in [(PrimitiveDateTime::MIN, 12), (PrimitiveDateTime::MAX, -12)] {
            let wall = wall.assume_offset(UtcOffset::from_hms(offset, 0, 0).unwrap());
            let clock = TokioClock::starting_at(wall);
            clock.sleep(Duration::from_secs(90)).await;
            assert!(clock.now() >= wall && later(wall, Duration::MAX) >= clock.now());
        }
    }
}
