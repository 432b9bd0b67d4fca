//! One way to send a request and get an answer: attempts, waits and a deadline, for Graph and for sign-in alike.
//!
//! Whether to try again is decided by [`retry::decide`], a pure function; this module only carries it out.

mod body;
mod echo;
pub(crate) mod retry;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use time::OffsetDateTime;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::random::{self, Randomness};
use crate::transport::{Transport, TransportError};

pub(crate) use body::Unreadable;
pub use retry::RetryPolicy;
pub(crate) use retry::{Judgement, Repeat};

/// Something that happened while a call was under way, told as it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// The operation that waits, such as `POST /servicePrincipals`.
    pub operation: &'static str,
    /// Why.
    pub reason: WaitReason,
    /// For how long.
    pub duration: Duration,
    /// How many attempts there have been.
    pub attempts: u32,
}

/// Why a call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitReason {
    /// The directory's replicas do not all know yet what was written a moment ago.
    Replication,
    /// The service asked for fewer requests.
    Throttling,
    /// The service failed, or there was no answer.
    Failure,
    /// Another writer was at the same object.
    Conflict,
}

/// Is told of every wait.
pub(crate) type Observer = Arc<dyn Fn(&Wait) + Send + Sync>;

/// What an exchange works with.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) policy: RetryPolicy,
    /// Requests under way at once.
    pub(crate) places: Arc<tokio::sync::Semaphore>,
}

/// By when, and who hears of waits.
#[derive(Clone, Default)]
pub(crate) struct Bounds {
    /// On the clock's monotonic scale.
    pub(crate) deadline: Option<Duration>,
    pub(crate) observer: Option<Observer>,
    /// Where the service throttles, all wait that it throttles.
    pub(crate) gate: Option<Arc<Gate>>,
}

/// Until when nothing is sent: when one request is told to come back later, the others need not ask.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<Duration>);

impl Gate {
    /// Closes it until a moment on the clock's monotonic scale.
    pub(crate) fn close(&self, until: Duration) {
        let mut closed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *closed = until.max(*closed);
    }

    fn closed_until(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A response, with what is worth telling of the way to it.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) attempts: u32,
    /// What `Retry-After` asked for.
    pub(crate) retry_after: Option<Duration>,
    /// It ended as lag: the refusal says nothing of the truth.
    pub(crate) lagging: bool,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Requests under way at once, for all that shares the means.
const PLACES: usize = 16;

impl Means {
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        policy: RetryPolicy,
    ) -> Self {
        Self { transport, clock, randomness, policy, places: Arc::new(tokio::sync::Semaphore::new(PLACES)) }
    }

    /// Sends what `build` makes for each attempt, until `judge` is content or trying again makes no sense.
    ///
    /// The last answer is returned whatever its status: to judge it finally is the caller's. An `Err` has no answer.
    pub(crate) async fn exchange(
        &self,
        operation: &'static str,
        repeat: Repeat,
        bounds: &Bounds,
        mut build: impl FnMut() -> Result<http::Request<Bytes>, Error> + Send,
        judge: impl Fn(&Answer) -> Judgement + Send + Sync,
    ) -> Result<Answer, Error> {
        let started = self.clock.monotonic();
        let mut attempts = 0;
        let mut tries = Tries::default();
        loop {
            attempts += 1;
            let request = build()?;
            let sent = self.attempt(operation, attempts, request, bounds).await;
            let judgement = match &sent {
                Ok(response) => {
                    let answer = self.answer(response, attempts);
                    match judge(&answer) {
                        Judgement::Final => return Ok(answer),
                        other => other,
                    }
                }
                Err(Failure::Transport(error)) => Judgement::NoAnswer { maybe_sent: error.is_maybe_sent() },
                Err(Failure::TimedOut | Failure::DeadlineInFlight) => Judgement::NoAnswer { maybe_sent: true },
                Err(Failure::DeadlineBefore) => Judgement::NoAnswer { maybe_sent: false },
            };
            self.close_gate(&judgement, bounds);
            let elapsed = self.clock.monotonic().saturating_sub(started);
            let verdict = match &sent {
                Err(Failure::DeadlineBefore | Failure::DeadlineInFlight) => None,
                // It is as large the next time.
                Err(Failure::Transport(error)) if error.is_too_large() => None,
                _ => self.policy.decide(repeat, &judgement, tries.count(&judgement), elapsed, self.jitter()),
            };
            match verdict {
                Some(wait) if self.fits(wait, bounds) => {
                    self.wait(operation, &judgement, wait, attempts, bounds).await;
                }
                _ => {
                    return match sent {
                        Ok(response) => {
                            let lagging = judgement == Judgement::Lagging;
                            Ok(Answer { lagging, ..self.answer(&response, attempts) })
                        }
                        Err(failure) => Err(failure.into_error(operation, repeat, attempts)),
                    };
                }
            }
        }
    }

    fn answer(&self, response: &http::Response<Bytes>, attempts: u32) -> Answer {
        Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.body().clone(),
            attempts,
            retry_after: retry_after(response.headers(), self.clock.now()),
            lagging: false,
        }
    }

    /// Waits and says so.
    pub(crate) async fn wait(
        &self,
        operation: &'static str,
        judgement: &Judgement,
        wait: Duration,
        attempts: u32,
        bounds: &Bounds,
    ) {
        let event = Wait { operation, reason: judgement.reason(), duration: wait, attempts };
        tracing::debug!(operation, reason = ?event.reason, wait_ms = wait.as_millis(), attempts, "waiting");
        if let Some(observer) = &bounds.observer {
            observer(&event);
        }
        self.clock.sleep(wait).await;
    }

    /// Whether a wait ends before the deadline.
    pub(crate) fn fits(&self, wait: Duration, bounds: &Bounds) -> bool {
        bounds.deadline.is_none_or(|deadline| self.clock.monotonic().saturating_add(wait) < deadline)
    }

    /// A number from 0 to 1.
    pub(crate) fn jitter(&self) -> f64 {
        let thousandths = u32::try_from(random::below(&*self.randomness, 1001)).unwrap_or(0);
        f64::from(thousandths) / 1000.0
    }

    /// Lets the others wait as well when the service says how long.
    pub(crate) fn close_gate(&self, judgement: &Judgement, bounds: &Bounds) {
        if let (Judgement::Throttled { retry_after: Some(after) }, Some(gate)) = (judgement, &bounds.gate)
            && *after <= self.policy.max_retry_after
        {
            gate.close(self.clock.monotonic().saturating_add(*after));
        }
    }

    async fn attempt(
        &self,
        operation: &'static str,
        attempts: u32,
        request: http::Request<Bytes>,
        bounds: &Bounds,
    ) -> Result<http::Response<Bytes>, Failure> {
        let left = || bounds.deadline.map(|deadline| deadline.saturating_sub(self.clock.monotonic()));
        let _place = loop {
            let place = self.places.acquire();
            let place = match left() {
                Some(Duration::ZERO) => return Err(Failure::DeadlineBefore),
                Some(left) => timeout(place, self.clock.sleep(left)).await.ok_or(Failure::DeadlineBefore)?,
                None => place.await,
            };
            let closed = bounds.gate.as_ref().map_or(Duration::ZERO, |gate| gate.closed_until());
            let wait = closed.saturating_sub(self.clock.monotonic());
            // Who has no time to wait asks all the same, and is told by the service itself.
            if wait.is_zero() || !self.fits(wait, bounds) {
                break place;
            }
            drop(place);
            let throttled = Judgement::Throttled { retry_after: Some(wait) };
            self.wait(operation, &throttled, wait, attempts - 1, bounds).await;
        };
        let left = left();
        let (limit, by_deadline) = match left {
            Some(left) if left < self.policy.attempt_timeout => (left, true),
            _ => (self.policy.attempt_timeout, false),
        };
        match timeout(self.transport.send(request), self.clock.sleep(limit)).await {
            Some(Ok(response)) => Ok(response),
            Some(Err(error)) => Err(Failure::Transport(error)),
            None if by_deadline => Err(Failure::DeadlineInFlight),
            None => Err(Failure::TimedOut),
        }
    }
}

/// Attempts of each kind: waiting for replicas or for one's turn uses up no patience with failures.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tries {
    lags: u32,
    throttled: u32,
    failures: u32,
}

impl Tries {
    /// Counts one more, and says how many there have been of its kind.
    pub(crate) fn count(&mut self, judgement: &Judgement) -> u32 {
        let kind = match judgement {
            Judgement::Lagging => &mut self.lags,
            Judgement::Throttled { .. } => &mut self.throttled,
            _ => &mut self.failures,
        };
        *kind += 1;
        *kind
    }
}

/// What `Retry-After` asks for: seconds, or a date (RFC 9110, 10.2.3). A date is read by the clock that wrote it, which
/// the answer shows in its `Date`; `now` is for an answer without one.
pub(crate) fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let date = |text: &str| OffsetDateTime::parse(text, &time::format_description::well_known::Rfc2822).ok();
    let header = |name: http::HeaderName| Some(headers.get(name)?.to_str().ok()?.trim());
    let text = header(http::header::RETRY_AFTER)?;
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let written = header(http::header::DATE).and_then(date).unwrap_or(now);
    Some(Duration::try_from(date(text)? - written).unwrap_or(Duration::ZERO))
}

enum Failure {
    Transport(TransportError),
    TimedOut,
    DeadlineBefore,
    DeadlineInFlight,
}

impl Failure {
    fn into_error(self, operation: &'static str, repeat: Repeat, attempts: u32) -> Error {
        let error = match self {
            Self::Transport(error) if error.is_too_large() => {
                Error::new(ErrorKind::Decode, "body_too_large", "the answer is larger than what is read")
                    .with_maybe_done(true)
                    .with_remedy("Ask for less, or raise the transport's limit; a proxy in between may have answered.")
                    .with_source(error)
            }
            Self::Transport(error) if error.is_maybe_sent() => {
                Error::new(ErrorKind::Network, "no_answer", "the connection broke before the answer was there")
                    .with_maybe_done(true)
                    .with_remedy("Check the network and run it again: what was done is found and not done twice.")
                    .with_source(error)
            }
            Self::Transport(error) => Error::new(ErrorKind::Network, "not_reached", "the service could not be reached")
                .with_remedy(
                    "Check the network, the proxy (HTTPS_PROXY) and that the name of the host resolves; nothing was changed by this request.",
                )
                .with_source(error),
            Self::TimedOut => Error::new(ErrorKind::Network, "no_answer", "there was no answer in time")
                .with_maybe_done(true)
                .with_remedy("Run it again: what was done is found and not done twice."),
            Self::DeadlineBefore => Error::new(ErrorKind::Deadline, "deadline", "the time allowed was up")
                .with_remedy("Run it again with more time: what was done is kept."),
            Self::DeadlineInFlight => {
                Error::new(ErrorKind::Deadline, "deadline", "the time allowed was up while a request was under way")
                    .with_maybe_done(true)
                    .with_remedy("Run it again with more time: what was done is found and not done twice.")
            }
        };
        let maybe_done = error.maybe_done() && repeat == Repeat::Unsafe;
        error.with_maybe_done(maybe_done).during(operation).with_attempts(attempts)
    }
}

/// The future's output, or `None` when the limit passes first.
pub(crate) async fn timeout<F: Future>(future: F, limit: crate::clock::Sleep) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut limit = limit;
    std::future::poll_fn(move |context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        limit.as_mut().poll(context).map(|()| None)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use time::macros::datetime;

    fn headers(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(http::header::RETRY_AFTER, HeaderValue::from_static(value))])
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = datetime!(2026-01-31 10:00:00 UTC);
        assert_eq!(retry_after(&headers("90"), now), Some(Duration::from_secs(90)));
        assert_eq!(retry_after(&headers("Sat, 31 Jan 2026 10:01:30 GMT"), now), Some(Duration::from_secs(90)));
        assert_eq!(retry_after(&headers("Sat, 31 Jan 2026 09:00:00 GMT"), now), Some(Duration::ZERO));
        let mut skewed = headers("Sat, 31 Jan 2026 10:01:30 GMT");
        skewed.insert(http::header::DATE, HeaderValue::from_static("Sat, 31 Jan 2026 10:01:20 GMT"));
        assert_eq!(retry_after(&skewed, now), Some(Duration::from_secs(10)), "by the clock of the service");
        for junk in ["soon", "-3", "NaN", "1e400", ""] {
            assert_eq!(retry_after(&headers(junk), now), None, "{junk}");
        }
    }
}
