//! The retry decision: a pure function of what happened.

use std::time::Duration;

use crate::error::{Error, ErrorCode};
use crate::retry::WaitReason;

/// How often, how long and how patiently requests are tried again.
///
/// ```
/// use std::time::Duration;
///
/// use entra_apps::RetryPolicy;
///
/// /// For a person who waits at a screen.
/// const IMPATIENT: RetryPolicy =
///     RetryPolicy::new().max_attempts(3).timeout(Duration::from_secs(20)).max_retry_after(Duration::from_secs(30));
///
/// assert_eq!(IMPATIENT.max_attempts, 3);
/// assert_eq!(IMPATIENT.replication_window, RetryPolicy::new().replication_window);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Attempts at one request that fails, or is throttled without being told when to come back. 8 by default; zero
    /// means one.
    pub max_attempts: u32,
    /// Attempts at one request that reaches nobody: no name, no connection, no TLS. A person waits for the result, and a
    /// few seconds tell a hiccup from a wrong address. 5 by default, and never more than
    /// [`max_attempts`](Self::max_attempts); zero means one.
    pub max_attempts_to_connect: u32,
    /// The first wait, doubled each time, with jitter. Half a second by default; a client refuses zero.
    pub base_delay: Duration,
    /// The longest wait that nobody asked for. 30 seconds by default; a client refuses zero.
    pub max_delay: Duration,
    /// The longest `Retry-After` that is waited out. 5 minutes by default; zero means that none is.
    pub max_retry_after: Duration,
    /// How long one request may wait for its turn in all, where the service says each time when to come back. Half an
    /// hour by default; zero means that it does not wait.
    pub max_throttled: Duration,
    /// How long the directory's replicas may take to know what was written. 5 minutes by default; zero means that
    /// nobody waits for them.
    pub replication_window: Duration,
    /// The timeout of one attempt. 100 seconds by default; zero means that there is none but the deadline.
    pub timeout: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl RetryPolicy {
    /// Creates the default policy.
    pub const fn new() -> Self {
        Self {
            max_attempts: 8,
            max_attempts_to_connect: 5,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(300),
            max_throttled: Duration::from_secs(1800),
            replication_window: Duration::from_secs(300),
            timeout: Duration::from_secs(100),
        }
    }

    /// Creates a policy by which each request is sent once.
    pub const fn none() -> Self {
        Self::new().max_attempts(1).max_throttled(Duration::ZERO).replication_window(Duration::ZERO)
    }

    /// Sets the number of [attempts](Self#structfield.max_attempts) at one request.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets the number of [attempts](Self#structfield.max_attempts_to_connect) at one request that reaches nobody.
    #[must_use]
    pub const fn max_attempts_to_connect(mut self, attempts: u32) -> Self {
        self.max_attempts_to_connect = attempts;
        self
    }

    /// Sets the [first wait](Self#structfield.base_delay).
    #[must_use]
    pub const fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// Sets the [longest wait](Self#structfield.max_delay) that nobody asked for.
    #[must_use]
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets the [longest `Retry-After`](Self#structfield.max_retry_after) that is waited out.
    #[must_use]
    pub const fn max_retry_after(mut self, wait: Duration) -> Self {
        self.max_retry_after = wait;
        self
    }

    /// Sets [how long one request may wait for its turn](Self#structfield.max_throttled) in all.
    #[must_use]
    pub const fn max_throttled(mut self, wait: Duration) -> Self {
        self.max_throttled = wait;
        self
    }

    /// Sets [how long replicas may take](Self#structfield.replication_window) to know what was written.
    #[must_use]
    pub const fn replication_window(mut self, window: Duration) -> Self {
        self.replication_window = window;
        self
    }

    /// Sets the [timeout](Self#structfield.timeout) of one attempt.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Refuses a policy that would try again without a wait.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.base_delay.is_zero() || self.max_delay.is_zero() {
            return Err(
                Error::new(ErrorCode::InvalidLimit).with_message("a retry policy has no wait between two attempts")
            );
        }
        Ok(())
    }
}

/// The shortest wait between two attempts.
const MIN_DELAY: Duration = Duration::from_millis(1);

/// Whether a request may be carried out twice without harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Reads, and writes that set what they set.
    Safe,
    /// Creations: look before sending again.
    Unsafe,
}

/// The outcome of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done, or refused for good.
    Final,
    /// Refused before anything was done, until later.
    Throttled { retry_after: Option<Duration> },
    /// The service failed; it may have acted.
    Failed { retry_after: Option<Duration> },
    /// Refused because a replica does not know yet what was written.
    Lagging,
    /// Refused because another writer was there.
    Conflict,
    /// No response.
    NoResponse { maybe_sent: bool },
}

impl Outcome {
    pub(crate) fn wait_reason(&self) -> WaitReason {
        match self {
            Self::Throttled { .. } => WaitReason::Throttling,
            Self::Lagging => WaitReason::Replication,
            Self::Conflict => WaitReason::Conflict,
            Self::Final | Self::Failed { .. } | Self::NoResponse { .. } => WaitReason::Failure,
        }
    }

    /// What a response that is to be asked for again says by itself.
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::Throttled { .. } => ErrorCode::Throttled,
            Self::Lagging => ErrorCode::NotVisibleYet,
            Self::Conflict => ErrorCode::ObjectConflict,
            Self::Final | Self::Failed { .. } | Self::NoResponse { .. } => ErrorCode::ServiceFailed,
        }
    }

    /// Whether the service may have carried the request out.
    pub(crate) fn maybe_done(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::NoResponse { maybe_sent: true })
    }
}

impl RetryPolicy {
    /// How long to wait before the next attempt; `None` to stop. `jitter` is from 0 to 1.
    ///
    /// Two questions decide: may the request have been carried out, and is it safe to repeat?
    pub(crate) fn decide(
        &self,
        repeat: Repeat,
        outcome: &Outcome,
        attempts: u32,
        elapsed: Duration,
        jitter: f64,
    ) -> Option<Duration> {
        if *outcome == Outcome::Final || (outcome.maybe_done() && repeat == Repeat::Unsafe) {
            return None;
        }
        if *outcome == Outcome::Lagging {
            let wait = self.backoff(attempts, jitter);
            return (elapsed.saturating_add(wait) <= self.replication_window).then_some(wait);
        }
        if let Outcome::Throttled { retry_after: Some(after) } = outcome {
            // A little above what was asked for, so that many clients do not come back at the same instant. Who says
            // "now" each time, or names a time that is past, means nothing by it.
            let wait = match after.as_secs() {
                0 => self.backoff(attempts, jitter),
                _ => after.saturating_add(part(self.base_delay, jitter)),
            };
            let in_time = elapsed.saturating_add(*after) <= self.max_throttled && *after <= self.max_retry_after;
            return in_time.then_some(wait);
        }
        let most = match outcome {
            Outcome::NoResponse { maybe_sent: false } => self.max_attempts.min(self.max_attempts_to_connect),
            _ => self.max_attempts,
        };
        if attempts >= most {
            return None;
        }
        match outcome {
            Outcome::Failed { retry_after: Some(after) } => {
                (*after <= self.max_retry_after).then(|| after.saturating_add(part(self.base_delay, jitter)))
            }
            _ => Some(self.backoff(attempts, jitter)),
        }
    }

    fn backoff(&self, attempts: u32, jitter: f64) -> Duration {
        let full = self.base_delay.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(self.max_delay);
        part(full, 0.5 + jitter / 2.0).max(MIN_DELAY)
    }
}

/// A part of a time, from 0 to 1 of it; the whole where the time is too long to reckon with.
fn part(time: Duration, part: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * part).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;

    fn decide(repeat: Repeat, outcome: &Outcome) -> Option<Duration> {
        RetryPolicy::default().decide(repeat, outcome, 1, NONE, 0.0)
    }

    #[test]
    fn a_creation_that_may_have_happened_is_never_sent_again() {
        for outcome in [Outcome::NoResponse { maybe_sent: true }, Outcome::Failed { retry_after: None }] {
            assert_eq!(decide(Repeat::Unsafe, &outcome), None, "{outcome:?}");
            assert!(decide(Repeat::Safe, &outcome).is_some(), "{outcome:?}");
        }
    }

    #[test]
    fn a_creation_that_was_refused_or_not_sent_is() {
        for outcome in [
            Outcome::NoResponse { maybe_sent: false },
            Outcome::Throttled { retry_after: None },
            Outcome::Lagging,
            Outcome::Conflict,
        ] {
            assert!(decide(Repeat::Unsafe, &outcome).is_some(), "{outcome:?}");
        }
    }

    #[test]
    fn retry_after_is_waited_out_in_full_and_not_beyond_the_limit() {
        let asked = |seconds| Outcome::Throttled { retry_after: Some(Duration::from_secs(seconds)) };
        assert!(decide(Repeat::Safe, &asked(90)).unwrap() >= Duration::from_secs(90));
        assert_eq!(decide(Repeat::Safe, &asked(301)), None);
    }

    #[test]
    fn who_asks_to_come_back_at_once_for_ever_is_not_asked_for_ever() {
        let policy = RetryPolicy::default();
        let at_once = Outcome::Throttled { retry_after: Some(NONE) };
        let (mut elapsed, mut attempts) = (NONE, 1);
        while let Some(wait) = policy.decide(Repeat::Safe, &at_once, attempts, elapsed, 0.0) {
            elapsed += wait;
            attempts += 1;
        }
        assert!(attempts < 150, "{attempts} attempts");
    }

    #[test]
    fn waits_double_from_the_first_to_the_longest() {
        let policy = RetryPolicy::default();
        let failed = Outcome::Failed { retry_after: None };
        let waits = |jitter: f64| (1..8).map(|tries| policy.backoff(tries, jitter).as_secs_f64()).collect::<Vec<_>>();
        assert_eq!(waits(1.0), [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]);
        assert_eq!(waits(0.0), [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0]);
        for outcome in [failed, Outcome::Conflict, Outcome::Lagging, Outcome::NoResponse { maybe_sent: true }] {
            assert_eq!(
                policy.decide(Repeat::Safe, &outcome, 3, NONE, 1.0),
                Some(Duration::from_secs(2)),
                "{outcome:?}"
            );
        }
    }

    #[test]
    fn each_limit_holds_at_itself_and_not_beyond() {
        let (second, tick) = (Duration::from_secs(1), Duration::from_nanos(1));
        let policy = RetryPolicy::new()
            .base_delay(second)
            .replication_window(5 * second)
            .max_retry_after(3 * second)
            .max_throttled(9 * second);
        let decide = |outcome: &Outcome, elapsed| policy.decide(Repeat::Safe, outcome, 1, elapsed, 1.0);
        assert_eq!(decide(&Outcome::Lagging, 4 * second), Some(second));
        assert_eq!(decide(&Outcome::Lagging, 4 * second + tick), None);
        for outcome in
            [|after| Outcome::Throttled { retry_after: after }, |after| Outcome::Failed { retry_after: after }]
        {
            assert_eq!(decide(&outcome(Some(3 * second)), NONE), Some(4 * second), "a little above what was asked for");
            assert_eq!(decide(&outcome(Some(3 * second + tick)), NONE), None);
        }
        let throttled = Outcome::Throttled { retry_after: Some(3 * second) };
        assert_eq!(decide(&throttled, 6 * second), Some(4 * second));
        assert_eq!(decide(&throttled, 6 * second + tick), None);
    }

    #[test]
    fn each_outcome_has_its_reason_to_wait() {
        for (outcome, reason, maybe_done) in [
            (Outcome::Throttled { retry_after: None }, WaitReason::Throttling, false),
            (Outcome::Lagging, WaitReason::Replication, false),
            (Outcome::Conflict, WaitReason::Conflict, false),
            (Outcome::Failed { retry_after: None }, WaitReason::Failure, true),
            (Outcome::NoResponse { maybe_sent: true }, WaitReason::Failure, true),
            (Outcome::NoResponse { maybe_sent: false }, WaitReason::Failure, false),
        ] {
            assert_eq!((outcome.wait_reason(), outcome.maybe_done()), (reason, maybe_done), "{outcome:?}");
        }
    }

    #[test]
    fn times_without_end_do_no_harm() {
        let most = Duration::MAX;
        let policy = RetryPolicy::new().base_delay(most).max_delay(most).max_retry_after(most).replication_window(most);
        let asked = Outcome::Failed { retry_after: Some(most) };
        for outcome in [asked, Outcome::Lagging, Outcome::Conflict] {
            assert!(policy.decide(Repeat::Safe, &outcome, 7, most, 1.0).is_some(), "{outcome:?}");
        }
    }

    #[test]
    fn attempts_stop_at_the_number_that_is_documented() {
        let attempts = |policy: RetryPolicy, outcome: Outcome| {
            (1..100).find(|attempts| policy.decide(Repeat::Safe, &outcome, *attempts, NONE, 0.5).is_none()).unwrap()
        };
        let (unreachable, failed) = (Outcome::NoResponse { maybe_sent: false }, Outcome::Failed { retry_after: None });
        let policy = RetryPolicy::new();
        assert_eq!(attempts(policy.clone(), unreachable.clone()), policy.max_attempts_to_connect);
        assert_eq!(attempts(policy.clone(), failed.clone()), policy.max_attempts);
        for (asked, to_connect, most) in [(3, 9, 3), (9, 2, 9), (0, 0, 1)] {
            let policy = RetryPolicy::new().max_attempts(asked).max_attempts_to_connect(to_connect);
            assert_eq!(attempts(policy.clone(), failed.clone()), most);
            assert_eq!(attempts(policy, unreachable.clone()), most.min(to_connect).max(1));
        }
    }

    #[test]
    fn a_policy_without_waits_is_refused_and_does_not_spin() {
        for policy in [RetryPolicy::new().base_delay(NONE), RetryPolicy::new().max_delay(NONE)] {
            assert_eq!(policy.check().unwrap_err().code(), ErrorCode::InvalidLimit);
            assert!(policy.decide(Repeat::Safe, &Outcome::Lagging, 1, NONE, 0.0) >= Some(MIN_DELAY));
        }
        assert!(RetryPolicy::none().check().is_ok());
    }

    #[test]
    fn replication_is_bounded_by_time_and_failures_by_number() {
        let policy = RetryPolicy::default();
        let late = policy.replication_window;
        assert_eq!(policy.decide(Repeat::Safe, &Outcome::Lagging, 1, late, 0.0), None);
        assert!(policy.decide(Repeat::Safe, &Outcome::Lagging, 50, NONE, 1.0).is_some());
        assert_eq!(policy.decide(Repeat::Safe, &Outcome::Conflict, 8, NONE, 0.0), None);
    }
}
