//! The tenant itself, and objects of any type.

use time::OffsetDateTime;

use crate::ids::{AppId, DirectoryObjectId, TenantId};
use crate::model::object::object;

object! {
    /// An object of the directory, of any type
    /// ([`directoryObject`](https://learn.microsoft.com/graph/api/resources/directoryobject)).
    DirectoryObject {
        /// The type, such as `#microsoft.graph.user`.
        odata_type: Option<String> = "@odata.type",
        /// The object id.
        id: Option<DirectoryObjectId> = "id",
        /// When it was deleted, in UTC; none while it is live.
        deleted_date_time: Option<OffsetDateTime> = "deletedDateTime",
    }
}

object! {
    /// A deleted object that can still be restored
    /// ([deleted items](https://learn.microsoft.com/graph/api/resources/directory)): for 30 days.
    DeletedItem {
        /// The type, such as `#microsoft.graph.application`.
        odata_type: Option<String> = "@odata.type",
        /// The object id.
        id: Option<DirectoryObjectId> = "id",
        /// The application (client) id, of an application or service principal.
        app_id: Option<AppId> = "appId",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// The key, of an application.
        unique_name: Option<String> = "uniqueName",
        /// When it was deleted, in UTC.
        deleted_date_time: Option<OffsetDateTime> = "deletedDateTime",
    }
}

object! {
    /// The tenant ([`organization`](https://learn.microsoft.com/graph/api/resources/organization)).
    Organization {
        /// The tenant id.
        id: Option<TenantId> = "id",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// The verified domains.
        verified_domains: Vec<VerifiedDomain> = "verifiedDomains",
        /// `AAD`, `AAD B2C` or `CIAM`.
        tenant_type: Option<String> = "tenantType",
        /// The two-letter country code.
        country_letter_code: Option<String> = "countryLetterCode",
        /// When it was created, in UTC.
        created_date_time: Option<OffsetDateTime> = "createdDateTime",
    }
}

impl Organization {
    /// The default domain.
    pub fn default_domain(&self) -> Option<&str> {
        self.verified_domains.iter().find(|domain| domain.is_default == Some(true))?.name.as_deref()
    }
}

object! {
    /// A domain of the tenant ([`verifiedDomain`](https://learn.microsoft.com/graph/api/resources/verifieddomain)).
    VerifiedDomain {
        /// What it is used for.
        capabilities: Option<String> = "capabilities",
        /// Whether it is the default.
        is_default: Option<bool> = "isDefault",
        /// Whether it is the initial `onmicrosoft.com` domain.
        is_initial: Option<bool> = "isInitial",
        /// The domain.
        name: Option<String> = "name",
        /// `Managed` or `Federated`.
        kind: Option<String> = "type",
    }
}
