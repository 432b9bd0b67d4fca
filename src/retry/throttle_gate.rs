//! Waiting together where the service throttles: when one request is told to come back later, the others need not ask.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Until when nothing is sent, on the clock's monotonic scale.
#[derive(Debug, Default)]
pub(crate) struct ThrottleGate(Mutex<Duration>);

impl ThrottleGate {
    /// Closes it until a moment; an earlier one does not open it.
    pub(crate) fn close(&self, until: Duration) {
        let mut closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *closed = until.max(*closed);
    }

    /// How long it stays closed from `now` on; zero when it is open.
    pub(crate) fn remaining(&self, now: Duration) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).saturating_sub(now)
    }
}
