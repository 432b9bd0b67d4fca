//! How far the replicas of the directory are behind.

use std::time::Duration;

/// How long a write takes until others see it, on the tenant's clock.
///
/// Uniqueness (of a key, an app id, a grant) and the upsert by `uniqueName` always see the directory as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    pub(crate) reads: LookupLag,
    pub(crate) lists: LookupLag,
    pub(crate) references: LookupLag,
    pub(crate) sign_in: LookupLag,
}

/// How far one look at the directory is behind, and which kind of look it is: an object may have a lag of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LookupLag {
    duration: Duration,
    lookup: LookupKind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LookupKind {
    /// The directory as it is.
    #[default]
    Current,
    Read,
    List,
    Reference,
    SignIn,
}

impl LookupLag {
    /// Not behind at all, whatever the object.
    pub(crate) const NONE: Self = Self { duration: Duration::ZERO, lookup: LookupKind::Current };

    const fn new(duration: Duration, lookup: LookupKind) -> Self {
        Self { duration, lookup }
    }

    /// How far the look is behind at an object, which may have a lag of its own.
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
    /// No lag: what was written is seen at once.
    pub const fn none() -> Self {
        Self::all(Duration::ZERO)
    }

    /// The same lag everywhere.
    pub const fn all(lag: Duration) -> Self {
        Self {
            reads: LookupLag::new(lag, LookupKind::Read),
            lists: LookupLag::new(lag, LookupKind::List),
            references: LookupLag::new(lag, LookupKind::Reference),
            sign_in: LookupLag::new(lag, LookupKind::SignIn),
        }
    }

    /// The lag of a GET by id or alternate key.
    #[must_use]
    pub const fn reads(mut self, lag: Duration) -> Self {
        self.reads = LookupLag::new(lag, LookupKind::Read);
        self
    }

    /// The lag of lists, filters and counts.
    #[must_use]
    pub const fn lists(mut self, lag: Duration) -> Self {
        self.lists = LookupLag::new(lag, LookupKind::List);
        self
    }

    /// The lag of what refers to an object: a service principal to its application, an assignment or a grant to its
    /// service principals, a PATCH or a new secret to the object itself.
    #[must_use]
    pub const fn references(mut self, lag: Duration) -> Self {
        self.references = LookupLag::new(lag, LookupKind::Reference);
        self
    }

    /// The lag of the sign-in service: a fresh app, secret or role.
    #[must_use]
    pub const fn sign_in(mut self, lag: Duration) -> Self {
        self.sign_in = LookupLag::new(lag, LookupKind::SignIn);
        self
    }

    pub(crate) fn max_lag(self) -> Duration {
        self.reads.duration.max(self.lists.duration).max(self.references.duration).max(self.sign_in.duration)
    }
}
