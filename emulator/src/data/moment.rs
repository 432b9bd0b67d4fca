//! A point in time on both of the tenant's clocks.

use std::time::Duration;

use time::OffsetDateTime;

use crate::data::json::timestamp;
use crate::data::lag::LookupLag;
use crate::data::object_store::ReplicaView;

/// A point in time: `now` is monotonic and drives expiry, lag and status changes; `wall` is what timestamps show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Duration,
    pub(crate) wall: OffsetDateTime,
}

impl Moment {
    /// The moment `by` later.
    pub(crate) fn after(self, by: Duration) -> Self {
        Self { now: self.now + by, wall: self.wall + by }
    }

    /// The moment at which the monotonic clock shows `now`.
    pub(crate) fn at(self, now: Duration) -> Self {
        let distance = self.now.abs_diff(now);
        let wall = if now < self.now { self.wall - distance } else { self.wall + distance };
        Self { now, wall }
    }

    /// The moment at which the wall clock shows `wall`.
    pub(crate) fn at_wall(self, wall: OffsetDateTime) -> Self {
        let distance = (wall - self.wall).unsigned_abs();
        let now = if wall < self.wall { self.now.saturating_sub(distance) } else { self.now + distance };
        Self { now, wall }
    }

    /// The timestamp as Graph shows it.
    pub(crate) fn timestamp(self) -> String {
        timestamp::ticks(self.wall)
    }

    /// The directory without lag: a user who has just consented is not shown an older state.
    pub(crate) fn without_lag(self) -> ReplicaView {
        ReplicaView { now: self.now, lag: LookupLag::NONE }
    }
}
