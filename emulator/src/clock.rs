//! The clocks that a tenant can use.

use std::time::Duration;

use entra_apps::clock::{Clock, Sleep};
use time::macros::datetime;
use time::{OffsetDateTime, UtcOffset};
use tokio::time::Instant;

/// A clock based on tokio's timer: with the system's wall time, or with a wall time that advances with tokio's clock.
///
/// With tokio's time paused (`#[tokio::test(start_paused = true)]`) the second kind is virtual: a wait of an hour takes
/// no time, and tokens and secrets still expire.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use entra_apps::clock::Clock as _;
/// use entra_apps::time::macros::datetime;
/// use entra_emulator::{MemoryTenant, TenantClock};
///
/// let clock = TenantClock::starting_at(datetime!(2026-01-31 00:00 UTC));
/// let tenant = MemoryTenant::builder().clock(Arc::new(clock.clone())).build();
/// tenant.clock().sleep(Duration::from_secs(90)).await;
/// assert_eq!(clock.now(), datetime!(2026-01-31 00:01:30 UTC));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TenantClock {
    origin: Instant,
    wall: Option<OffsetDateTime>,
}

impl TenantClock {
    /// A clock with the system's wall time and tokio's timer.
    pub fn system() -> Self {
        Self { origin: Instant::now(), wall: None }
    }

    /// A clock that shows `wall` now and advances with tokio's clock.
    pub fn starting_at(wall: OffsetDateTime) -> Self {
        Self { origin: Instant::now(), wall: Some(wall.to_offset(UtcOffset::UTC)) }
    }
}

/// A wall time that is ahead by `skew`, kept where the lifetimes of tokens and secrets stay within the calendar.
pub(crate) fn skewed(now: OffsetDateTime, skew: time::Duration) -> OffsetDateTime {
    const FIRST: OffsetDateTime = datetime!(1970-01-01 00:00 UTC);
    const LAST: OffsetDateTime = datetime!(9900-01-01 00:00 UTC);
    if skew.is_zero() {
        return now;
    }
    let beyond = if skew.is_negative() { FIRST } else { LAST };
    now.checked_add(skew).unwrap_or(beyond).clamp(FIRST, LAST)
}

impl Clock for TenantClock {
    fn now(&self) -> OffsetDateTime {
        match self.wall {
            Some(wall) => wall + self.monotonic(),
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
