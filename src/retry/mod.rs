//! Sending a request until it is done: attempts, waits and a deadline, for Graph and for sign-in alike.
//!
//! Whether to try again is decided by [`RetryPolicy::decide`], a pure function; this module carries it out.

mod deadline;
mod failure;
mod in_between;
mod pacing;
mod policy;
mod redact;
mod response;
mod throttle_gate;
mod wait;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

use crate::clock::Clock;
use crate::error::Error;
use crate::random::{self, Randomness};
use crate::transport::Transport;

pub(crate) use deadline::Deadline;
#[cfg(any(feature = "azure-cli", feature = "browser"))]
pub(crate) use deadline::timeout;
use failure::Failure;
pub(crate) use failure::LOOK_FIRST;
pub(crate) use failure::trace_failure;
pub(crate) use pacing::{AdaptiveLimiter, Cost, Pacing, RateLimiter};
pub use policy::RetryPolicy;
pub(crate) use policy::{Outcome, Repeat};
pub(crate) use redact::without;
pub(crate) use response::{Response, Unreadable, clock_skew};
pub(crate) use throttle_gate::ThrottleGate;
pub(crate) use wait::WaitObserver;
pub use wait::{Wait, WaitReason};

/// Requests at once, for all that shares a context.
pub(crate) const DEFAULT_CONCURRENT_REQUESTS: usize = 16;

/// How long a read may lag behind a write: a 404 after that is the truth.
pub(crate) const READ_LAG: Duration = Duration::from_secs(60);

/// The seams that a request is sent by, and the limits that all requests share.
#[derive(Clone)]
pub(crate) struct SendContext {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) policy: RetryPolicy,
    in_flight: Arc<Semaphore>,
}

/// The options of one call: by when it ends, and who hears of its waits.
#[derive(Clone, Default)]
pub(crate) struct CallOptions {
    pub(crate) deadline: Deadline,
    pub(crate) observer: Option<WaitObserver>,
    /// Until when it may be sent: after that, it would undo what others have written since its body was read.
    pub(crate) fresh_until: Deadline,
    /// Shared by all that the service throttles together.
    pub(crate) throttle_gate: Option<Arc<ThrottleGate>>,
    /// Shared by all that keep to limits of their own accord.
    pub(crate) pacing: Option<Arc<Pacing>>,
    /// What each attempt counts for there.
    pub(crate) cost: Cost,
}

impl SendContext {
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        policy: RetryPolicy,
    ) -> Self {
        Self { transport, clock, randomness, policy, in_flight: Arc::new(Semaphore::new(DEFAULT_CONCURRENT_REQUESTS)) }
    }

    /// Sets the number of requests at once.
    pub(crate) fn concurrent_requests(mut self, number: usize) -> Self {
        self.in_flight = Arc::new(Semaphore::new(number.min(Semaphore::MAX_PERMITS)));
        self
    }

    /// Sends what `build` makes for each attempt, until `classify` calls a response final or trying again makes no
    /// sense.
    ///
    /// The last response is returned whatever its status: what it means is for the caller to say. An `Err` has no
    /// response.
    pub(crate) async fn send(
        &self,
        operation: impl Into<Cow<'static, str>> + Send,
        repeat: Repeat,
        options: &CallOptions,
        mut build: impl FnMut() -> Result<http::Request<Bytes>, Error> + Send,
        classify: impl Fn(&Response) -> Outcome + Send + Sync,
    ) -> Result<Response, Error> {
        let operation = operation.into();
        let started = self.clock.monotonic();
        let mut attempts = 0;
        let mut tries = Tries::default();
        let mut before = None;
        loop {
            attempts += 1;
            let request = build()?;
            let result = self.attempt(&operation, attempts, request, options).await;
            let result = result.map(|response| Response::from_http(response, attempts, self.clock.now()));
            let outcome = match &result {
                Ok(response) => classify(response),
                Err(failure) => failure.outcome(),
            };
            let result = match result {
                Ok(response) if outcome == Outcome::Final => return Ok(response),
                result => result,
            };
            self.close_throttle_gate(&outcome, options);
            let elapsed = self.clock.monotonic().saturating_sub(started);
            let wait = match &result {
                Err(failure) if !failure.may_pass() => None,
                _ => self.policy.decide(repeat, &outcome, tries.count(&outcome), elapsed, self.jitter()),
            };
            let wait = wait.filter(|wait| self.ends_in_time(*wait, options));
            let is_outdated = matches!(result, Err(Failure::Outdated(_)))
                || wait.is_some_and(|wait| !options.fresh_until.allows(&*self.clock, wait));
            match wait.filter(|_| !is_outdated) {
                Some(wait) => {
                    before = Some(match result {
                        Ok(response) => Error::new(outcome.code()).with_status(response.status),
                        Err(failure) => failure.cause(),
                    });
                    self.wait(operation.clone(), &outcome, wait, attempts, options).await;
                }
                None => {
                    return match result {
                        Ok(mut response) => {
                            response.lagging = outcome == Outcome::Lagging;
                            response.outdated = is_outdated;
                            Ok(response)
                        }
                        Err(failure) => {
                            let error = failure.into_error(operation, repeat, attempts, before);
                            Err(error.with_outdated(is_outdated))
                        }
                    };
                }
            }
        }
    }

    /// Waits, after having told the observer.
    pub(crate) async fn wait(
        &self,
        operation: impl Into<Cow<'static, str>> + Send,
        outcome: &Outcome,
        wait: Duration,
        attempts: u32,
        options: &CallOptions,
    ) {
        let event = Wait { operation: operation.into(), reason: outcome.wait_reason(), duration: wait, attempts };
        self.tell_and_sleep(&event, options).await;
    }

    /// Tells the observer of a wait, and waits.
    async fn tell_and_sleep(&self, wait: &Wait, options: &CallOptions) {
        let Wait { operation, reason, duration, attempts } = wait;
        let wait_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(operation = &**operation, ?reason, wait_ms, attempts, "waiting");
        if let Some(observer) = &options.observer {
            observer(wait);
        }
        self.clock.sleep(*duration).await;
    }

    /// Whether a wait ends before the deadline.
    pub(crate) fn ends_in_time(&self, wait: Duration, options: &CallOptions) -> bool {
        options.deadline.allows(&*self.clock, wait)
    }

    /// How long what was written can matter to any call.
    pub(crate) fn max_lag(&self) -> Duration {
        READ_LAG.max(self.policy.replication_window)
    }

    /// A random number from 0 to 1.
    pub(crate) fn jitter(&self) -> f64 {
        let thousandths = u32::try_from(random::below(&*self.randomness, 1001)).unwrap_or(0);
        f64::from(thousandths) / 1000.0
    }

    /// Lets the others wait as well when the service says how long.
    pub(crate) fn close_throttle_gate(&self, outcome: &Outcome, options: &CallOptions) {
        if let (Outcome::Throttled { retry_after: Some(after) }, Some(gate)) = (outcome, &options.throttle_gate)
            && *after <= self.policy.max_retry_after
        {
            gate.close(self.clock.monotonic().saturating_add(*after));
        }
    }

    /// Whether requests wait because the service throttles the tenant.
    pub(crate) fn is_throttled(&self, options: &CallOptions) -> bool {
        !self.throttled_for(options).is_zero()
    }

    fn throttled_for(&self, options: &CallOptions) -> Duration {
        let gate = options.throttle_gate.as_ref();
        gate.map_or(Duration::ZERO, |gate| gate.remaining(self.clock.monotonic()))
    }

    async fn attempt(
        &self,
        operation: &str,
        attempts: u32,
        request: http::Request<Bytes>,
        options: &CallOptions,
    ) -> Result<http::Response<Bytes>, Failure> {
        let clock = &*self.clock;
        let _turn = self.turn(operation, attempts, options).await?;
        let timeout = match self.policy.timeout {
            Duration::ZERO => Deadline::default(),
            timeout => Deadline::after(clock, timeout),
        };
        match timeout.earlier(options.deadline).bound(clock, self.transport.send(request)).await {
            Some(Ok(response)) => Ok(response),
            Some(Err(error)) => Err(Failure::Transport(error)),
            None if options.deadline.is_over(clock) => Err(Failure::DeadlineInFlight),
            None => Err(Failure::TimedOut),
        }
    }

    /// Waits until what all keep to lets it through.
    async fn pace(&self, options: &CallOptions) -> Result<(), Failure> {
        let Some(pacing) = &options.pacing else { return Ok(()) };
        let wait = pacing.turn(options.cost, self.clock.monotonic());
        match () {
            () if wait.is_zero() => Ok(()),
            () if !self.ends_in_time(wait, options) => Err(Failure::DeadlineBefore),
            () if !options.fresh_until.allows(&*self.clock, wait) => Err(Failure::Outdated(wait)),
            () => {
                self.clock.sleep(wait).await;
                Ok(())
            }
        }
    }

    /// Waits to be one of the requests at once, and until the service does not throttle the tenant.
    async fn turn(&self, operation: &str, attempts: u32, options: &CallOptions) -> Result<Turn<'_>, Failure> {
        let clock = &*self.clock;
        self.pace(options).await?;
        loop {
            if options.deadline.is_over(clock) {
                return Err(Failure::DeadlineBefore);
            }
            let permit = options.deadline.bound(clock, self.in_flight.acquire()).await;
            let permit = permit.ok_or(Failure::DeadlineBefore)?;
            let wait = self.throttled_for(options);
            // Who has no time to wait asks all the same, and is told by the service itself.
            let asks_now = wait.is_zero() || !self.ends_in_time(wait, options);
            if !options.fresh_until.allows(clock, if asks_now { Duration::ZERO } else { wait }) {
                return Err(Failure::Outdated(wait));
            }
            if asks_now {
                return Ok(permit);
            }
            drop(permit);
            let throttled = Outcome::Throttled { retry_after: Some(wait) };
            self.wait(operation.to_owned(), &throttled, wait, attempts - 1, options).await;
        }
    }
}

/// The place of one of the requests at once. The semaphore is never closed.
type Turn<'a> = Result<SemaphorePermit<'a>, AcquireError>;

/// Attempts of each kind: waiting for replicas or for one's turn uses up no patience with failures.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tries {
    lags: u32,
    throttled: u32,
    failures: u32,
}

impl Tries {
    /// Counts one more, and says how many there have been of its kind.
    pub(crate) fn count(&mut self, outcome: &Outcome) -> u32 {
        let kind = match outcome {
            Outcome::Lagging => &mut self.lags,
            Outcome::Throttled { .. } => &mut self.throttled,
            _ => &mut self.failures,
        };
        *kind += 1;
        *kind
    }
}
