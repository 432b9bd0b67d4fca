//! The customers of a partner: by delegated admin relationships (GDAP), by contracts, and what is public of any tenant.

use time::OffsetDateTime;

use crate::ids::{DirectoryObjectId, TenantId};
use crate::model::etag::ETag;
use crate::model::object::object;

object! {
    /// A customer that has approved a delegated admin relationship at some time, which may have ended
    /// ([`delegatedAdminCustomer`](https://learn.microsoft.com/graph/api/resources/delegatedadmincustomer)).
    ///
    /// ```
    /// use entra_apps::model::DelegatedAdminCustomer;
    ///
    /// let read: DelegatedAdminCustomer = serde_json::from_str(r#"{"displayName": "Contoso"}"#)?;
    /// assert_eq!(read.display_name.as_deref(), Some("Contoso"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    DelegatedAdminCustomer {
        /// The type.
        odata_type: Option<String> = "@odata.type",
        /// The version.
        etag: Option<ETag> = "@odata.etag",
        /// The tenant id, once more.
        id: Option<TenantId> = "id",
        /// The tenant id.
        tenant_id: Option<TenantId> = "tenantId",
        /// The display name.
        display_name: Option<String> = "displayName",
    }
}

object! {
    /// A contract of a reseller with a customer
    /// ([`contract`](https://learn.microsoft.com/graph/api/resources/contract)).
    ///
    /// ```
    /// use entra_apps::model::Contract;
    ///
    /// let read: Contract = serde_json::from_str(r#"{"defaultDomainName": "contoso.com"}"#)?;
    /// assert_eq!(read.default_domain_name.as_deref(), Some("contoso.com"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    Contract {
        /// The object id of the contract.
        id: Option<DirectoryObjectId> = "id",
        /// The time of its deletion, in UTC.
        deleted_date_time: Option<OffsetDateTime> = "deletedDateTime",
        /// The type: `SyndicationPartner`, `BreadthPartner` or `ResellerPartner`.
        contract_type: Option<String> = "contractType",
        /// The customer's tenant id.
        customer_id: Option<TenantId> = "customerId",
        /// The customer's default domain when the contract was made: it may have changed since.
        default_domain_name: Option<String> = "defaultDomainName",
        /// The customer's display name when the contract was made: it may have changed since.
        display_name: Option<String> = "displayName",
    }
}

object! {
    /// What is public of a tenant
    /// ([`tenantInformation`](https://learn.microsoft.com/graph/api/resources/tenantinformation)).
    ///
    /// ```
    /// use entra_apps::model::TenantInformation;
    ///
    /// let read: TenantInformation = serde_json::from_str(r#"{"defaultDomainName": "contoso.com"}"#)?;
    /// assert_eq!(read.default_domain_name.as_deref(), Some("contoso.com"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    TenantInformation {
        /// The tenant id.
        tenant_id: Option<TenantId> = "tenantId",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// The default domain.
        default_domain_name: Option<String> = "defaultDomainName",
        /// The name that the tenant shows to people who sign in.
        federation_brand_name: Option<String> = "federationBrandName",
    }
}
