//! Attempts without a response, as errors.

use std::borrow::Cow;
use std::time::Duration;

use crate::error::{Error, ErrorCode};
use crate::retry::{Outcome, Repeat};
use crate::transport::{ConnectFailure, TransportError};

/// Traces the failure of an operation, under the name of the event.
pub(crate) fn trace_failure(error: &Error, event: &'static str) {
    tracing::debug!(
        operation = error.operation(),
        code = error.code().as_str(),
        status = error.status().map(|status| status.as_u16()),
        service_code = error.service_code(),
        request_id = error.request_id(),
        attempts = error.attempts(),
        "{event}"
    );
}

/// An attempt without a response.
pub(super) enum Failure {
    Transport(TransportError),
    TimedOut,
    DeadlineBefore,
    DeadlineInFlight,
    /// Not sent: its body would be too old by the time that the service takes it, so much later.
    Outdated(Duration),
}

impl Failure {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Transport(error) => Outcome::NoResponse { maybe_sent: error.is_maybe_sent() },
            Self::TimedOut | Self::DeadlineInFlight => Outcome::NoResponse { maybe_sent: true },
            Self::DeadlineBefore | Self::Outdated(_) => Outcome::NoResponse { maybe_sent: false },
        }
    }

    /// Whether another attempt can end in another way.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            // It is as large the next time, and who lacks a password or a certificate still does.
            Self::Transport(error) => {
                let stays = [ConnectFailure::CertificateNotTrusted, ConnectFailure::ProxyAuthenticationRequired];
                !error.is_too_large() && error.connect_failure().is_none_or(|failure| !stays.contains(&failure))
            }
            Self::TimedOut => true,
            Self::DeadlineBefore | Self::DeadlineInFlight | Self::Outdated(_) => false,
        }
    }

    /// What it was, whatever was asked for.
    pub(super) fn cause(self) -> Error {
        match self {
            Self::Transport(error) if error.is_too_large() => Error::new(ErrorCode::ResponseTooLarge)
                .with_remedy("Ask for less, or raise the transport's limit; a proxy in between may have answered.")
                .with_source(error),
            Self::Transport(error) if error.is_maybe_sent() => Error::new(ErrorCode::NoResponse).with_source(error),
            Self::Transport(error) => Error::new(not_connected(error.connect_failure())).with_source(error),
            Self::TimedOut => Error::new(ErrorCode::NoResponse).with_message("there was no response in time"),
            Self::DeadlineBefore => {
                Error::new(ErrorCode::DeadlineExceeded).with_remedy("Run it again with more time: this was not sent.")
            }
            Self::DeadlineInFlight => Error::new(ErrorCode::DeadlineExceeded)
                .with_message("the time allowed was up while a request was under way")
                .with_remedy("Run it again with more time."),
            Self::Outdated(Duration::ZERO) => Error::new(ErrorCode::DeadlineExceeded)
                .with_message("what it is written from was read too long ago")
                .with_remedy("Run it again: this was not sent."),
            Self::Outdated(wait) => Error::new(ErrorCode::Throttled).with_retry_after(Some(wait)),
        }
    }

    /// The error of the last attempt, with what failed `before` it where only the time was up. Only a request that is unsafe
    /// to repeat can be in doubt: any other is simply run again.
    pub(super) fn into_error(
        self,
        operation: Cow<'static, str>,
        repeat: Repeat,
        attempts: u32,
        before: Option<Error>,
    ) -> Error {
        let is_deadline = matches!(self, Self::DeadlineBefore | Self::DeadlineInFlight);
        let maybe_done = self.outcome().maybe_done() && repeat == Repeat::Unsafe;
        let error = self.cause();
        let error = match before.filter(|_| is_deadline) {
            // The time is not what was wrong.
            Some(before) => {
                let message = format!("{}; the attempt before it failed: {}", error.message(), before.message());
                error.with_message(message).with_source(before)
            }
            None => error,
        };
        let error = if maybe_done { error.with_remedy(LOOK_FIRST) } else { error };
        let error = error.with_maybe_done(maybe_done).during(operation).with_attempts(attempts);
        tracing::debug!(
            operation = error.operation(),
            code = error.code().as_str(),
            attempts,
            maybe_done,
            "no response"
        );
        error
    }
}

/// The code of what keeps a connection from being made.
fn not_connected(failure: Option<ConnectFailure>) -> ErrorCode {
    match failure {
        None => ErrorCode::Unreachable,
        Some(ConnectFailure::NameNotResolved) => ErrorCode::HostNotFound,
        Some(ConnectFailure::Refused) => ErrorCode::ConnectionRefused,
        Some(ConnectFailure::ProxyUnreachable) => ErrorCode::ProxyUnreachable,
        Some(ConnectFailure::CertificateNotTrusted) => ErrorCode::CertificateNotTrusted,
        Some(ConnectFailure::ProxyAuthenticationRequired) => ErrorCode::ProxyAuthenticationRequired,
        Some(ConnectFailure::ProxyRefused) => ErrorCode::ProxyRefused,
    }
}

/// What to do where nobody knows whether a creation was carried out.
pub(crate) const LOOK_FIRST: &str =
    "It may have been done: look for what it makes before running it again, so that nothing is made twice.";
