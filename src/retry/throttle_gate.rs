//! Waiting together where the service throttles: when one request is told to come back later, the others need not ask.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

/// Changes that begin again at once after they were held up: those behind them read nothing before their turn, which would
/// use up what the service allows and be too old by then.
const MAX_BEGINNING_AGAIN: usize = 16;

/// Until when nothing is sent, on the clock's monotonic scale.
#[derive(Debug)]
pub(crate) struct ThrottleGate {
    until: Mutex<Duration>,
    beginning_again: Semaphore,
}

impl Default for ThrottleGate {
    fn default() -> Self {
        Self { until: Mutex::default(), beginning_again: Semaphore::new(MAX_BEGINNING_AGAIN) }
    }
}

impl ThrottleGate {
    /// Closes it until a moment; an earlier one does not open it.
    pub(crate) fn close(&self, until: Duration) {
        let mut closed = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        *closed = until.max(*closed);
    }

    /// How long it stays closed from `now` on; zero when it is open.
    pub(crate) fn remaining(&self, now: Duration) -> Duration {
        self.until.lock().unwrap_or_else(PoisonError::into_inner).saturating_sub(now)
    }

    /// Waits for the turn of a change that was held up. The semaphore is never closed.
    pub(crate) async fn turn_to_begin_again(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.beginning_again.acquire().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_at_the_latest_moment_that_was_named() {
        let at = Duration::from_secs;
        let gate = ThrottleGate::default();
        assert_eq!(gate.remaining(at(0)), at(0));
        for (until, remaining) in [(10, 7), (5, 7), (12, 9)] {
            gate.close(at(until));
            assert_eq!(gate.remaining(at(3)), at(remaining));
        }
        assert_eq!((gate.remaining(at(12)), gate.remaining(at(20))), (at(0), at(0)));
    }
}
