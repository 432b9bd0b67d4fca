//! A step of a plan: what happens to one thing that the guide names.

use serde::{Deserialize, Serialize};

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PlanStep {
    /// What happens.
    pub status: StepStatus,
    /// A stable code, such as `permission_granted:Directory.Read.All:application`.
    pub code: String,
    /// The sentence for a person.
    pub text: String,
    /// The reason why it needs a review, if it does.
    pub needs_review: Option<String>,
}

/// What happens to what a step names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum StepStatus {
    /// It is added.
    Add,
    /// It is changed.
    Change,
    /// It is removed, as [`remove_surplus`](crate::AppRegistration::remove_surplus) asks.
    Remove,
    /// It is as it should be, and stays.
    Unchanged,
    /// It is there, is not named, and stays.
    LeftAlone,
    /// It is optional, and nobody asked for it.
    NotSelected,
}

impl StepStatus {
    /// Whether something is written.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Add | Self::Change | Self::Remove)
    }

    /// The character that stands before the step in a printed plan.
    pub(super) fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Change => '~',
            Self::Remove => '-',
            Self::Unchanged => '=',
            Self::LeftAlone => '·',
            Self::NotSelected => '○',
        }
    }
}
