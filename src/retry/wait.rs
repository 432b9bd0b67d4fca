//! Waits of a call, told as they happen.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// A wait of a call that is under way, told before it begins.
///
/// # JSON
/// `operation`, `reason` (in snake case), `seconds` (a number) and `attempts`.
///
/// ```
/// # use entra_emulator::{Fault, MemoryTenant, RetryAfter};
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// use std::sync::{Arc, Mutex};
///
/// use entra_apps::provision::Progress;
/// use entra_apps::{AppRegistration, WaitReason};
///
/// # let tenant = MemoryTenant::new();
/// # tenant.fault(Fault::on("POST", "/$batch").nth(2).throttled(RetryAfter::Seconds(7)));
/// let client = tenant.client();
/// let plan = client.plan(&AppRegistration::new("contoso-backup", "Contoso Backup")).await?;
/// let told = Arc::new(Mutex::new(Vec::new()));
/// let waits = Arc::clone(&told);
/// client
///     .apply(&plan)
///     .on_progress(move |progress| {
///         if let Progress::Waiting(wait) = progress {
///             waits.lock().unwrap().push(wait.clone());
///         }
///     })
///     .await?;
/// for wait in told.lock().unwrap().iter() {
///     println!("{} waits for {:?}", wait.operation, wait.duration);
///     assert_eq!(serde_json::to_value(wait)?["reason"], "throttling");
/// }
/// # assert!(!told.lock().unwrap().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Wait {
    /// The operation that waits, such as `POST /servicePrincipals`.
    pub operation: Cow<'static, str>,
    /// The reason.
    pub reason: WaitReason,
    /// For how long.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub duration: Duration,
    /// How many attempts there have been.
    pub attempts: u32,
}

fn seconds<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(duration.as_secs_f64())
}

/// The reason for which a call waits. In JSON it is its name in snake case.
///
/// ```
/// use entra_apps::WaitReason;
///
/// let spinner = |reason| match reason {
///     WaitReason::Replication => "Entra is still copying it to its replicas",
///     WaitReason::Throttling => "Entra asks for a little patience",
///     WaitReason::SignIn => "waiting for you to sign in",
///     _ => "trying again",
/// };
/// assert!(spinner(WaitReason::Throttling).contains("patience"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
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
    /// The service has accepted a change, and is still carrying it out.
    Operation,
    /// A person has not signed in yet.
    SignIn,
}

/// Is told of every wait.
pub(crate) type WaitObserver = Arc<dyn Fn(&Wait) + Send + Sync>;
