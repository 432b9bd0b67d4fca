//! Pacing: so much in a second at most, for all that share a limit. Who comes waits for its turn, so that the service need
//! not refuse it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The limits that all runs of an app share: what is sent beyond them waits.
#[derive(Debug)]
pub(crate) struct Pacing {
    /// Of requests to Partner Center.
    pub(crate) partner_center: RateLimiter,
    /// Of writes to Microsoft Graph, whichever tenant they are for.
    pub(crate) graph_writes: RateLimiter,
    /// Of requests for a token, where they have a limit.
    pub(crate) tokens: Option<AdaptiveLimiter>,
}

/// What a request counts for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Cost {
    #[default]
    Nothing,
    GraphWrites(u32),
    PartnerCenter,
}

impl Pacing {
    /// How long whoever sends this now has to wait: its turn is taken.
    pub(crate) fn turn(&self, cost: Cost, now: Duration) -> Duration {
        match cost {
            Cost::Nothing | Cost::GraphWrites(0) => Duration::ZERO,
            Cost::GraphWrites(writes) => self.graph_writes.turn(writes, now),
            Cost::PartnerCenter => self.partner_center.turn(1, now),
        }
    }
}

/// A limit of so much in a second, spread evenly: in no span of time is more let through than it allows.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    per_second: f64,
    /// When the next turn is, on the clock's monotonic scale.
    next: Mutex<Duration>,
}

impl RateLimiter {
    /// Lets so much through in a second, which is above zero.
    pub(crate) fn new(per_second: f64) -> Self {
        Self { per_second, next: Mutex::default() }
    }

    fn turn(&self, cost: u32, now: Duration) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = now.max(*next);
        *next = turn.saturating_add(span(cost, self.per_second));
        turn.saturating_sub(now)
    }
}

fn span(cost: u32, per_second: f64) -> Duration {
    Duration::try_from_secs_f64(f64::from(cost) / per_second).unwrap_or(Duration::MAX)
}

/// The slowest that a limit becomes, in a second.
const MIN_PER_SECOND: f64 = 0.1;

/// The fastest that a limit becomes, in a second.
const MAX_PER_SECOND: f64 = 50.0;

/// After so long without a refusal a limit grows.
const MIN_QUIET_TIME: Duration = Duration::from_secs(10);

/// By so much in a second.
const GROWTH: f64 = 0.5;

/// How long nothing is asked after a refusal that names no time.
const DEFAULT_PAUSE: Duration = Duration::from_secs(30);

/// A limit that nobody documents: it halves where the service refuses, and grows slowly where it does not.
#[derive(Debug)]
pub(crate) struct AdaptiveLimiter(Mutex<Pace>);

#[derive(Debug)]
struct Pace {
    per_second: f64,
    next: Duration,
    /// Since when it holds.
    since: Duration,
}

impl AdaptiveLimiter {
    /// Begins with so much in a second, which is above zero.
    pub(crate) fn new(per_second: f64) -> Self {
        Self(Mutex::new(Pace { per_second, next: Duration::ZERO, since: Duration::ZERO }))
    }

    /// How long whoever asks now has to wait: its turn is taken.
    pub(crate) fn turn(&self, now: Duration) -> Duration {
        let mut pace = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pace.since.is_zero() {
            pace.since = now;
        }
        if now.saturating_sub(pace.since) >= MIN_QUIET_TIME && pace.per_second < MAX_PER_SECOND {
            pace.per_second = MAX_PER_SECOND.min(pace.per_second + GROWTH);
            pace.since = now;
        }
        let turn = now.max(pace.next);
        pace.next = turn.saturating_add(span(1, pace.per_second));
        turn.saturating_sub(now)
    }

    /// The service has refused to be asked so often. What was on its way at that time is refused as well, and counts
    /// once.
    pub(crate) fn refused(&self, retry_after: Option<Duration>, now: Duration) {
        let mut pace = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = now.saturating_add(retry_after.unwrap_or(DEFAULT_PAUSE));
        if now >= pace.since {
            pace.per_second = MIN_PER_SECOND.max(pace.per_second / 2.0);
            pace.since = until;
        }
        pace.next = pace.next.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn no_second_sees_more_than_the_limit_and_what_was_not_used_is_not_saved() {
        let limiter = RateLimiter::new(4.0);
        let turns: Vec<Duration> = (0..5).map(|_| limiter.turn(1, at(0))).collect();
        assert_eq!(turns, [at(0), at(250), at(500), at(750), at(1000)]);
        assert_eq!(limiter.turn(2, at(10_000)), at(0), "a long time later there is no turn to wait for");
        assert_eq!(limiter.turn(1, at(10_000)), at(500), "a batch of two has taken two turns");
    }

    #[test]
    fn each_kind_has_a_limit_of_its_own_and_reads_have_none() {
        let pacing =
            Pacing { partner_center: RateLimiter::new(1.0), graph_writes: RateLimiter::new(2.0), tokens: None };
        for _ in 0..3 {
            assert_eq!(pacing.turn(Cost::Nothing, at(0)), at(0));
            assert_eq!(pacing.turn(Cost::GraphWrites(0), at(0)), at(0));
        }
        assert_eq!(
            (pacing.turn(Cost::PartnerCenter, at(0)), pacing.turn(Cost::PartnerCenter, at(0))),
            (at(0), at(1000))
        );
        let writes = Cost::GraphWrites(4);
        assert_eq!((pacing.turn(writes, at(0)), pacing.turn(writes, at(0))), (at(0), at(2000)));
    }

    #[test]
    fn a_refusal_halves_the_rate_once_and_pauses_and_time_lets_it_grow_again() {
        let limiter = AdaptiveLimiter::new(5.0);
        assert_eq!((limiter.turn(at(1)), limiter.turn(at(1))), (at(0), at(200)));
        limiter.refused(None, at(500));
        limiter.refused(None, at(600)); // was on its way
        let pause = limiter.turn(at(600));
        assert_eq!(pause, at(30_000), "until half a minute after the last refusal");
        assert_eq!(limiter.turn(at(600)).saturating_sub(pause), at(400), "two and a half in a second");
        limiter.refused(Some(at(1000)), at(31_000));
        let first = limiter.turn(at(40_000));
        assert_eq!(limiter.turn(at(40_000)).saturating_sub(first), at(800));
        let first = limiter.turn(at(42_000));
        assert_eq!(limiter.turn(at(42_000)).as_millis() - first.as_millis(), 571, "1.75 after ten seconds in peace");
    }

    #[test]
    fn it_becomes_neither_a_standstill_nor_a_flood() {
        let limiter = AdaptiveLimiter::new(5.0);
        for number in 1..100 {
            limiter.refused(Some(at(0)), at(number * 1000));
        }
        let first = limiter.turn(at(100_000));
        assert_eq!(limiter.turn(at(100_000)).saturating_sub(first), at(10_000));
        let limiter = AdaptiveLimiter::new(49.0);
        for number in 1..1000 {
            limiter.turn(at(number * 20_000));
        }
        let first = limiter.turn(at(20_000_000));
        assert_eq!(limiter.turn(at(20_000_000)).saturating_sub(first), at(20));
    }
}
