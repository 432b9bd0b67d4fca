//! The tenant itself, and objects of any type.

use serde::{Deserialize, Serialize};
use serde_with::{DefaultOnNull, serde_as, skip_serializing_none};
use time::OffsetDateTime;

use crate::ids::{AppId, DirectoryObjectId, TenantId};
use crate::model::serde_forms::date;
use crate::model::unknown::Unknown;

/// An object of the directory, of any type
/// ([`directoryObject`](https://learn.microsoft.com/graph/api/resources/directoryobject)).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct DirectoryObject {
    /// The type, such as `#microsoft.graph.user`.
    #[serde(rename = "@odata.type")]
    pub odata_type: Option<String>,
    /// The object id.
    pub id: Option<DirectoryObjectId>,
    /// When it was deleted, in UTC; none while it is live.
    #[serde(with = "date")]
    pub deleted_date_time: Option<OffsetDateTime>,
    /// Members of its type.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A deleted object that can still be restored
/// ([deleted items](https://learn.microsoft.com/graph/api/resources/directory)): for 30 days.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct DeletedItem {
    /// The type, such as `#microsoft.graph.application`.
    #[serde(rename = "@odata.type")]
    pub odata_type: Option<String>,
    /// The object id.
    pub id: Option<DirectoryObjectId>,
    /// The application (client) id, of an application or service principal.
    pub app_id: Option<AppId>,
    /// The display name.
    pub display_name: Option<String>,
    /// The key, of an application.
    pub unique_name: Option<String>,
    /// When it was deleted, in UTC.
    #[serde(with = "date")]
    pub deleted_date_time: Option<OffsetDateTime>,
    /// Members of its type.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The tenant ([`organization`](https://learn.microsoft.com/graph/api/resources/organization)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Organization {
    /// The tenant id.
    pub id: Option<TenantId>,
    /// The display name.
    pub display_name: Option<String>,
    /// The verified domains.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verified_domains: Vec<VerifiedDomain>,
    /// `AAD`, `AAD B2C` or `CIAM`.
    pub tenant_type: Option<String>,
    /// The two-letter country code.
    pub country_letter_code: Option<String>,
    /// When it was created, in UTC.
    #[serde(with = "date")]
    pub created_date_time: Option<OffsetDateTime>,
    /// Everything else.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Organization {
    /// The default domain.
    pub fn default_domain(&self) -> Option<&str> {
        self.verified_domains.iter().find(|domain| domain.is_default == Some(true))?.name.as_deref()
    }
}

/// A domain of the tenant ([`verifiedDomain`](https://learn.microsoft.com/graph/api/resources/verifieddomain)).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct VerifiedDomain {
    /// What it is used for.
    pub capabilities: Option<String>,
    /// Whether it is the default.
    pub is_default: Option<bool>,
    /// Whether it is the initial `onmicrosoft.com` domain.
    pub is_initial: Option<bool>,
    /// The domain.
    pub name: Option<String>,
    /// `Managed` or `Federated`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}
