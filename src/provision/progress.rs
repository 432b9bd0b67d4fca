//! What an operation tells of itself while it runs.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::retry::{Wait, WaitReason};

/// What happens while an apply runs, or a wait for a secret.
///
/// # JSON
/// `{"event": "done", "text": "…"}`, or `{"event": "waiting", "operation": "POST /servicePrincipals", "reason":
/// "replication", "durationMs": 2000, "attempts": 1}`. The reason is `replication`, `throttling`, `failure` or
/// `conflict`; the duration is in milliseconds.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::provision::Progress;
/// use entra_apps::AppRegistration;
///
/// let client = MemoryTenant::new().client();
/// let plan = client.plan(&AppRegistration::new("contoso-backup", "Contoso Backup")).await?;
/// let apply = client.apply(&plan).on_progress(|progress| match progress {
///     Progress::Done(what) => println!("{what}"),
///     Progress::Waiting(wait) => println!("{} waits {:?}", wait.operation, wait.duration),
///     _ => {}
/// });
/// apply.await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Something was done: a sentence for a person.
    Done(String),
    /// It waits.
    Waiting(Wait),
}

/// The form in JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Written<'a> {
    Done { text: &'a str },
    Waiting { operation: &'a str, reason: &'static str, duration_ms: u64, attempts: u32 },
}

impl Serialize for Progress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match self {
            Self::Done(text) => Written::Done { text },
            Self::Waiting(Wait { operation, reason, duration, attempts }) => Written::Waiting {
                operation,
                reason: match reason {
                    WaitReason::Replication => "replication",
                    WaitReason::Throttling => "throttling",
                    WaitReason::Failure => "failure",
                    WaitReason::Conflict => "conflict",
                    WaitReason::SignIn => "signIn",
                },
                duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
                attempts: *attempts,
            },
        };
        written.serialize(serializer)
    }
}

/// The function that is told.
pub(super) type ProgressHook = Arc<dyn Fn(&Progress) + Send + Sync>;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn progress_in_json_is_of_the_documented_form() {
        let wait = Wait {
            operation: "POST /servicePrincipals",
            reason: WaitReason::Replication,
            duration: Duration::from_secs(2),
            attempts: 1,
        };
        for (progress, json) in [
            (Progress::Done("set the notes".to_owned()), json!({"event": "done", "text": "set the notes"})),
            (
                Progress::Waiting(wait),
                json!({
                    "event": "waiting", "operation": "POST /servicePrincipals", "reason": "replication",
                    "durationMs": 2000, "attempts": 1,
                }),
            ),
        ] {
            assert_eq!(serde_json::to_value(&progress).unwrap(), json);
        }
    }
}
