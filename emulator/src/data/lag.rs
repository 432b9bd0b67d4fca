//! The replication lag of the directory.

use std::time::Duration;

/// The time until a write is visible to other requests, on the tenant's clock.
///
/// Uniqueness (of a key, an app id, a grant) and the upsert by `uniqueName` always see the current directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    pub(crate) reads: LookupLag,
    pub(crate) lists: LookupLag,
    pub(crate) references: LookupLag,
    pub(crate) sign_in: LookupLag,
}

/// The lag of one lookup, with its kind, because an object may have a lag of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LookupLag {
    duration: Duration,
    lookup: LookupKind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LookupKind {
    /// The current directory, without lag.
    #[default]
    Current,
    Read,
    List,
    Reference,
    SignIn,
}

impl LookupLag {
    /// No lag, whatever the object.
    pub(crate) const NONE: Self = Self { duration: Duration::ZERO, lookup: LookupKind::Current };

    const fn new(duration: Duration, lookup: LookupKind) -> Self {
        Self { duration, lookup }
    }

    /// The lag of this lookup for an object, which may have a lag of its own.
    pub(crate) fn for_object(self, own: Option<Lag>) -> Duration {
        let Some(own) = own else { return self.duration };
        match self.lookup {
            LookupKind::Current => self.duration,
            LookupKind::Read => own.reads.duration,
            LookupKind::List => own.lists.duration,
            LookupKind::Reference => own.references.duration,
            LookupKind::SignIn => own.sign_in.duration,
        }
    }
}

impl Lag {
    /// No lag: every write is visible at once.
    pub const fn none() -> Self {
        Self::all(Duration::ZERO)
    }

    /// One lag for every kind of lookup.
    pub const fn all(lag: Duration) -> Self {
        Self {
            reads: LookupLag::new(lag, LookupKind::Read),
            lists: LookupLag::new(lag, LookupKind::List),
            references: LookupLag::new(lag, LookupKind::Reference),
            sign_in: LookupLag::new(lag, LookupKind::SignIn),
        }
    }

    /// Sets the lag of a GET by id or alternate key.
    #[must_use]
    pub const fn reads(mut self, lag: Duration) -> Self {
        self.reads = LookupLag::new(lag, LookupKind::Read);
        self
    }

    /// Sets the lag of lists, filters and counts.
    #[must_use]
    pub const fn lists(mut self, lag: Duration) -> Self {
        self.lists = LookupLag::new(lag, LookupKind::List);
        self
    }

    /// Sets the lag of references to an object: a service principal to its application, an assignment or a grant to its
    /// service principals, a PATCH or a new secret to the object itself.
    #[must_use]
    pub const fn references(mut self, lag: Duration) -> Self {
        self.references = LookupLag::new(lag, LookupKind::Reference);
        self
    }

    /// Sets the lag of the sign-in service for a new app, secret or role.
    #[must_use]
    pub const fn sign_in(mut self, lag: Duration) -> Self {
        self.sign_in = LookupLag::new(lag, LookupKind::SignIn);
        self
    }

    pub(crate) fn max_lag(self) -> Duration {
        self.reads.duration.max(self.lists.duration).max(self.references.duration).max(self.sign_in.duration)
    }
}
