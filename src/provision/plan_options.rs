//! What the caller asks of one run, beyond the registration itself.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::api::ServicePrincipalKey;
use crate::ids::{AppId, KeyId, TenantId};
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
    /// The names of the certificates of which another is to be made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) replace_certificates: Vec<String>,
    /// The secrets and certificates whose value the caller has.
    pub(super) held_secrets: Vec<KeyId>,
    /// Whether a lifetime that a policy forbids is shortened to the longest that it allows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) shorten: bool,
    /// Whether Entra refuses to give the adopted application the unique name.
    pub(super) unique_name_refused: bool,
    /// The service principal that is meant, where the app is not registered here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) installed: Option<Installed>,
}

impl PlanOptions {
    /// What is to be removed, where something is.
    pub(super) fn removal(&self) -> Option<Removal> {
        self.installed.as_ref().and_then(|installed| installed.removal)
    }
}

/// A service principal whose application is not registered here, and what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
pub(super) struct Installed {
    pub(super) principal: ServicePrincipalKey,
    /// The tenant in which the app is registered: it is installed from there where it is not there yet.
    pub(super) publisher: Option<TenantId>,
    pub(super) removal: Option<Removal>,
}

/// What is to be taken away: at least the grants that the registration names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
pub(super) struct Removal {
    /// Whether the grants that the registration does not name go too.
    pub(super) every_grant: bool,
    pub(super) service_principal: bool,
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

impl Serialize for Installed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Installed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(Strict(deserializer))
    }
}

impl Serialize for Removal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Removal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(Strict(deserializer))
    }
}
