//! What an operation tells of itself while it runs.

use std::sync::Arc;

use crate::retry::Wait;

/// What happens while an apply runs, or a wait for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Something was done: a sentence for a person.
    Done(String),
    /// It waits.
    Waiting(Wait),
}

/// The function that is told.
pub(super) type ProgressHook = Arc<dyn Fn(&Progress) + Send + Sync>;
