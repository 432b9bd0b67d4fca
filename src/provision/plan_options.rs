//! What the caller asks of one run, beyond the registration itself.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{AppId, KeyId};
use crate::strict::Strict;

/// The options of a plan or a check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase", default)]
pub(super) struct PlanOptions {
    /// The application that was made by hand and is the one that is meant.
    pub(super) adopt: Option<AppId>,
    /// Whether another application is created although there is one of the same display name.
    pub(super) create_another: bool,
    /// The names of the secrets of which another is to be issued.
    pub(super) replace_secrets: Vec<String>,
    /// The secrets whose value the caller has.
    pub(super) held_secrets: Vec<KeyId>,
    /// Whether Entra refuses to give the adopted application the unique name.
    pub(super) unique_name_refused: bool,
}

impl Serialize for PlanOptions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for PlanOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(Strict(deserializer))
    }
}
