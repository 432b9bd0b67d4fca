//! What an operation tells of itself while it runs.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::retry::Wait;

/// What happens while an apply runs, or a wait for a secret.
///
/// # JSON
/// `{"event": "done", "text": "…"}`, or `{"event": "waiting", "operation": "POST /servicePrincipals", "reason":
/// "replication", "seconds": 2.0, "attempts": 1}`: see [`Wait`].
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
#[serde(tag = "event", rename_all = "camelCase")]
enum Written<'a> {
    Done { text: &'a str },
    Waiting(&'a Wait),
}

impl Serialize for Progress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Done(text) => Written::Done { text },
            Self::Waiting(wait) => Written::Waiting(wait),
        }
        .serialize(serializer)
    }
}

/// The function that is told.
pub(super) type ProgressHook = Arc<dyn Fn(&Progress) + Send + Sync>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::WaitReason;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn progress_in_json_is_of_the_documented_form() {
        let wait = Wait {
            operation: "POST /servicePrincipals".into(),
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
                    "seconds": 2.0, "attempts": 1,
                }),
            ),
        ] {
            assert_eq!(serde_json::to_value(&progress).unwrap(), json);
        }
    }
}
