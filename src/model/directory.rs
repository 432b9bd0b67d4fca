//! The tenant itself, and objects of any type.

use time::OffsetDateTime;

use crate::ids::{AppId, DirectoryObjectId, TenantId};
use crate::model::object::object;

object! {
    /// An object of the directory, of any type
    /// ([`directoryObject`](https://learn.microsoft.com/graph/api/resources/directoryobject)).
    ///
    /// ```
    /// use entra_apps::model::DirectoryObject;
    ///
    /// let read: DirectoryObject = serde_json::from_str(r##"{"@odata.type": "#microsoft.graph.user"}"##)?;
    /// assert_eq!(read.odata_type.as_deref(), Some("#microsoft.graph.user"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    DirectoryObject {
        /// The type, such as `#microsoft.graph.user`.
        odata_type: Option<String> = "@odata.type",
        /// The object id.
        id: Option<DirectoryObjectId> = "id",
        /// The time of its deletion, in UTC; absent while it is not deleted.
        deleted_date_time: Option<OffsetDateTime> = "deletedDateTime",
    }
}

object! {
    /// A deleted object, which can be restored for 30 days
    /// ([deleted items](https://learn.microsoft.com/graph/api/resources/directory)).
    ///
    /// ```
    /// use entra_apps::model::DeletedItem;
    ///
    /// let read: DeletedItem = serde_json::from_str(r#"{"displayName": "Contoso Backup"}"#)?;
    /// assert_eq!(read.display_name.as_deref(), Some("Contoso Backup"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    DeletedItem {
        /// The type, such as `#microsoft.graph.application`.
        odata_type: Option<String> = "@odata.type",
        /// The object id.
        id: Option<DirectoryObjectId> = "id",
        /// The application (client) id, of an application or service principal.
        app_id: Option<AppId> = "appId",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// The unique name, of an application.
        unique_name: Option<String> = "uniqueName",
        /// The time of its deletion, in UTC.
        deleted_date_time: Option<OffsetDateTime> = "deletedDateTime",
    }
}

object! {
    /// The tenant ([`organization`](https://learn.microsoft.com/graph/api/resources/organization)).
    ///
    /// ```
    /// use entra_apps::model::Organization;
    ///
    /// let read: Organization = serde_json::from_str(r#"{"verifiedDomains": [{"name": "contoso.com", "isDefault": true}]}"#)?;
    /// assert_eq!(read.default_domain(), Some("contoso.com"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    Organization {
        /// The tenant id.
        id: Option<TenantId> = "id",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// The verified domains.
        verified_domains: Vec<VerifiedDomain> = "verifiedDomains",
        /// The type of the tenant: `AAD`, `AAD B2C` or `CIAM`.
        tenant_type: Option<String> = "tenantType",
        /// The two-letter country code.
        country_letter_code: Option<String> = "countryLetterCode",
        /// The time of its creation, in UTC.
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
    ///
    /// ```
    /// use entra_apps::model::VerifiedDomain;
    ///
    /// let read: VerifiedDomain = serde_json::from_str(r#"{"name": "contoso.com", "type": "Managed"}"#)?;
    /// assert_eq!(read.kind.as_deref(), Some("Managed"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    VerifiedDomain {
        /// The services that it is used for, such as `Email, OfficeCommunicationsOnline`.
        capabilities: Option<String> = "capabilities",
        /// Whether it is the default domain of the tenant.
        is_default: Option<bool> = "isDefault",
        /// Whether it is the initial `onmicrosoft.com` domain.
        is_initial: Option<bool> = "isInitial",
        /// The domain name.
        name: Option<String> = "name",
        /// The type: `Managed` or `Federated`.
        kind: Option<String> = "type",
    }
}
