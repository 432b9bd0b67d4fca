//! Waits of a call, told as they happen.

use std::sync::Arc;
use std::time::Duration;

/// A wait of a call that is under way, told before it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// The operation that waits, such as `POST /servicePrincipals`.
    pub operation: &'static str,
    /// The reason.
    pub reason: WaitReason,
    /// For how long.
    pub duration: Duration,
    /// How many attempts there have been.
    pub attempts: u32,
}

/// The reason for which a call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitReason {
    /// The directory's replicas do not all know yet what was written a moment ago.
    Replication,
    /// The service asked for fewer requests.
    Throttling,
    /// The service failed, or there was no response.
    Failure,
    /// Another writer was at the same object.
    Conflict,
    /// A person has not signed in yet.
    SignIn,
}

/// Is told of every wait.
pub(crate) type WaitObserver = Arc<dyn Fn(&Wait) + Send + Sync>;
