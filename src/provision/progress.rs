//! What an operation tells of itself while it runs.

use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::provision::step::StepId;
use crate::retry::Wait;

/// Something that an apply did: which step it was, and a sentence for a person.
///
/// # JSON
/// `code` (the text of [`id`](Self::id)), `kind`, `subject` and `text`.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::AppRegistration;
/// use entra_apps::provision::StepKind;
///
/// let client = MemoryTenant::new().client();
/// let registered = client.apply(&client.plan(&AppRegistration::new("contoso-backup", "Contoso Backup")).await?).await?;
/// let first = &registered.done[0];
/// assert_eq!(first.id.kind(), StepKind::REGISTERED);
/// println!("{first}"); // registered “Contoso Backup”, client id …
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Done {
    /// The step, as in plan and checklist.
    pub id: StepId,
    /// The sentence for a person.
    pub text: String,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Done {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Done", 4)?;
        object.serialize_field("code", &self.id)?;
        object.serialize_field("kind", &self.id.kind())?;
        object.serialize_field("subject", &self.id.subject())?;
        object.serialize_field("text", &self.text)?;
        object.end()
    }
}

/// What happens while an apply runs, or a wait for a secret.
///
/// # JSON
/// `{"event": "done", "code": "…", "kind": "…", "subject": …, "text": "…"}`: see [`Done`]; or `{"event": "waiting", "operation": "POST /servicePrincipals", "reason":
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
///     Progress::Done(what) => println!("{}: {what}", what.id),
///     other => println!("{other}"), // for a person, whatever it is
/// });
/// apply.await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Something was done.
    Done(Done),
    /// It waits.
    Waiting(Wait),
}

/// A line for a person.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(done) => done.fmt(f),
            Self::Waiting(Wait { operation, duration, .. }) => {
                write!(f, "waiting {:.1} seconds before {operation}", duration.as_secs_f64())
            }
        }
    }
}

/// The form in JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "camelCase")]
enum Written<'a> {
    Done(&'a Done),
    Waiting(&'a Wait),
}

impl Serialize for Progress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Done(done) => Written::Done(done),
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
    use crate::provision::step::StepKind;
    use crate::retry::WaitReason;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn progress_in_json_is_of_the_documented_form_and_a_line_for_a_person() {
        let wait = Wait {
            operation: "POST /servicePrincipals".into(),
            reason: WaitReason::Replication,
            duration: Duration::from_secs(2),
            attempts: 1,
        };
        for (progress, json, line) in [
            (
                Progress::Done(Done { id: StepKind::NOTES.into(), text: "set the notes".to_owned() }),
                json!({"event": "done", "code": "notes", "kind": "notes", "subject": null, "text": "set the notes"}),
                "set the notes",
            ),
            (
                Progress::Waiting(wait),
                json!({
                    "event": "waiting", "operation": "POST /servicePrincipals", "reason": "replication",
                    "seconds": 2.0, "attempts": 1,
                }),
                "waiting 2.0 seconds before POST /servicePrincipals",
            ),
        ] {
            assert_eq!(serde_json::to_value(&progress).unwrap(), json);
            assert_eq!(progress.to_string(), line);
        }
    }
}
