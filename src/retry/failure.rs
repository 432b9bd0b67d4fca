//! Attempts without a response, as errors.

use crate::error::{Error, ErrorCode};
use crate::retry::{Outcome, Repeat};
use crate::transport::TransportError;

/// An attempt without a response.
pub(super) enum Failure {
    Transport(TransportError),
    TimedOut,
    DeadlineBefore,
    DeadlineInFlight,
}

impl Failure {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Transport(error) => Outcome::NoResponse { maybe_sent: error.is_maybe_sent() },
            Self::TimedOut | Self::DeadlineInFlight => Outcome::NoResponse { maybe_sent: true },
            Self::DeadlineBefore => Outcome::NoResponse { maybe_sent: false },
        }
    }

    /// Whether another attempt can end in another way.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            // It is as large the next time.
            Self::Transport(error) => !error.is_too_large(),
            Self::TimedOut => true,
            Self::DeadlineBefore | Self::DeadlineInFlight => false,
        }
    }

    pub(super) fn into_error(self, operation: &'static str, repeat: Repeat, attempts: u32) -> Error {
        let error = match self {
            Self::Transport(error) if error.is_too_large() => Error::new(ErrorCode::ResponseTooLarge)
                .with_maybe_done(true)
                .with_remedy("Ask for less, or raise the transport's limit; a proxy in between may have answered.")
                .with_source(error),
            Self::Transport(error) if error.is_maybe_sent() => Error::new(ErrorCode::NoResponse)
                .with_maybe_done(true)
                .with_remedy("Check the network and run it again: what was done is found and not done twice.")
                .with_source(error),
            Self::Transport(error) => Error::new(ErrorCode::Unreachable).with_source(error),
            Self::TimedOut => Error::new(ErrorCode::NoResponse)
                .with_message("there was no response in time")
                .with_maybe_done(true)
                .with_remedy("Run it again: what was done is found and not done twice."),
            Self::DeadlineBefore => Error::new(ErrorCode::DeadlineExceeded),
            Self::DeadlineInFlight => Error::new(ErrorCode::DeadlineExceeded)
                .with_message("the time allowed was up while a request was under way")
                .with_maybe_done(true)
                .with_remedy("Run it again with more time: what was done is found and not done twice."),
        };
        let maybe_done = error.maybe_done() && repeat == Repeat::Unsafe;
        error.with_maybe_done(maybe_done).during(operation).with_attempts(attempts)
    }
}
