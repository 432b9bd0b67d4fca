//! How far the replicas of the directory are behind.

use std::time::Duration;

/// How long a write takes until others see it, on the tenant's clock.
///
/// Uniqueness (of a key, an app id, a grant) and the upsert by `uniqueName` always see the directory as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    pub(super) reads: Duration,
    pub(super) lists: Duration,
    pub(super) references: Duration,
    pub(super) sign_in: Duration,
}

impl Lag {
    /// No lag: what was written is seen at once.
    pub const fn none() -> Self {
        Self::all(Duration::ZERO)
    }

    /// The same lag everywhere.
    pub const fn all(lag: Duration) -> Self {
        Self { reads: lag, lists: lag, references: lag, sign_in: lag }
    }

    /// The lag of a GET by id or alternate key.
    #[must_use]
    pub const fn reads(mut self, lag: Duration) -> Self {
        self.reads = lag;
        self
    }

    /// The lag of lists, filters and counts.
    #[must_use]
    pub const fn lists(mut self, lag: Duration) -> Self {
        self.lists = lag;
        self
    }

    /// The lag of what refers to an object: a service principal to its application, an assignment or a grant to its
    /// service principals, a PATCH or a new secret to the object itself.
    #[must_use]
    pub const fn references(mut self, lag: Duration) -> Self {
        self.references = lag;
        self
    }

    /// The lag of the sign-in service: a fresh app, secret or role.
    #[must_use]
    pub const fn sign_in(mut self, lag: Duration) -> Self {
        self.sign_in = lag;
        self
    }

    pub(super) fn longest(self) -> Duration {
        self.reads.max(self.lists).max(self.references).max(self.sign_in)
    }
}
