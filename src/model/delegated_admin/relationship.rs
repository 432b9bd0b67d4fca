//! Relationships: what is read, made and changed.

use serde::Serialize;
use time::OffsetDateTime;

use crate::directory_role::DirectoryRole;
use crate::error::{Error, ErrorCode};
use crate::ids::{DelegatedAdminRelationshipId, TenantId};
use crate::model::body::patch;
use crate::model::delegated_admin::access_details::{DelegatedAdminAccessDetails, check_roles};
use crate::model::duration::IsoDuration;
use crate::model::enums::text_enum;
use crate::model::etag::ETag;
use crate::model::object::object;
use crate::model::property::Property;
use crate::model::query::Literal;

text_enum! {
    /// The status of a delegated admin relationship.
    ///
    /// ```
    /// use entra_apps::model::DelegatedAdminRelationshipStatus;
    ///
    /// assert_eq!(DelegatedAdminRelationshipStatus::ApprovalPending.as_str(), "approvalPending");
    /// assert_eq!(
    ///     DelegatedAdminRelationshipStatus::from("new in Graph".to_owned()),
    ///     DelegatedAdminRelationshipStatus::Other("new in Graph".to_owned())
    /// );
    /// ```
    DelegatedAdminRelationshipStatus {
        /// It can be changed and deleted; no customer can approve it yet.
        Created = "created",
        /// It waits for the customer's approval.
        ApprovalPending = "approvalPending",
        /// The customer has approved it.
        Approved = "approved",
        /// It is being activated.
        Activating = "activating",
        /// It gives access.
        Active = "active",
        /// It is about to expire.
        Expiring = "expiring",
        /// Its time is over, or nobody has approved it in time.
        Expired = "expired",
        /// Somebody has asked for its end.
        TerminationRequested = "terminationRequested",
        /// It is being ended.
        Terminating = "terminating",
        /// It was ended.
        Terminated = "terminated",
    }
}

text_enum! {
    /// A property of a delegated admin relationship.
    ///
    /// ```
    /// use entra_apps::api::Filter;
    /// use entra_apps::model::{DelegatedAdminRelationshipProperty, DelegatedAdminRelationshipStatus};
    ///
    /// let active = Filter::eq(DelegatedAdminRelationshipProperty::Status, DelegatedAdminRelationshipStatus::Active);
    /// assert_eq!(active.as_str(), "status eq 'active'");
    /// ```
    DelegatedAdminRelationshipProperty {
        /// `id`.
        Id = "id",
        /// `displayName`.
        DisplayName = "displayName",
        /// `status`.
        Status = "status",
        /// `duration`.
        Duration = "duration",
        /// `autoExtendDuration`.
        AutoExtendDuration = "autoExtendDuration",
        /// `customer/tenantId`: of a filter.
        CustomerTenantId = "customer/tenantId",
        /// `customer`.
        Customer = "customer",
        /// `accessDetails`.
        AccessDetails = "accessDetails",
        /// `createdDateTime`.
        CreatedDateTime = "createdDateTime",
        /// `lastModifiedDateTime`.
        LastModifiedDateTime = "lastModifiedDateTime",
        /// `activatedDateTime`.
        ActivatedDateTime = "activatedDateTime",
        /// `endDateTime`.
        EndDateTime = "endDateTime",
    }
}

impl From<DelegatedAdminRelationshipProperty> for Property {
    fn from(property: DelegatedAdminRelationshipProperty) -> Self {
        property.as_str().into()
    }
}

impl From<DelegatedAdminRelationshipStatus> for Literal {
    fn from(status: DelegatedAdminRelationshipStatus) -> Self {
        status.as_str().into()
    }
}

object! {
    /// The customer of a relationship
    /// ([`delegatedAdminRelationshipCustomerParticipant`](https://learn.microsoft.com/graph/api/resources/delegatedadminrelationshipcustomerparticipant)).
    ///
    /// ```
    /// use entra_apps::model::DelegatedAdminRelationshipCustomer;
    ///
    /// let read: DelegatedAdminRelationshipCustomer = serde_json::from_str(r#"{"displayName": "Contoso"}"#)?;
    /// assert_eq!(read.display_name.as_deref(), Some("Contoso"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    DelegatedAdminRelationshipCustomer {
        /// The tenant id.
        tenant_id: Option<TenantId> = "tenantId",
        /// The display name.
        display_name: Option<String> = "displayName",
    }
}

object! {
    /// A delegated admin relationship of a partner with a customer (GDAP), or the one that an indirect provider has made
    /// for its reseller
    /// ([`delegatedAdminRelationship`](https://learn.microsoft.com/graph/api/resources/delegatedadminrelationship),
    /// [`resellerDelegatedAdminRelationship`](https://learn.microsoft.com/graph/api/resources/resellerdelegatedadminrelationship)).
    ///
    /// ```
    /// use entra_apps::directory_role::DirectoryRole;
    /// use entra_apps::model::DelegatedAdminRelationship;
    ///
    /// let read: DelegatedAdminRelationship = serde_json::from_str(
    ///     r#"{"displayName": "MLT_abc", "status": "active", "duration": "P730D", "accessDetails": {"unifiedRoles":
    ///         [{"roleDefinitionId": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"}]}}"#,
    /// )?;
    /// assert!(read.is_active() && read.is_microsoft_led() && !read.is_of_reseller());
    /// assert_eq!(read.roles().collect::<Vec<_>>(), [DirectoryRole::DIRECTORY_READERS]);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    DelegatedAdminRelationship {
        /// The type: see [`is_of_reseller`](Self::is_of_reseller).
        odata_type: Option<String> = "@odata.type",
        /// The version, which a change needs.
        etag: Option<ETag> = "@odata.etag",
        /// The id.
        id: Option<DelegatedAdminRelationshipId> = "id",
        /// The display name, unique among all relationships of the partner.
        display_name: Option<String> = "displayName",
        /// The status.
        status: Option<DelegatedAdminRelationshipStatus> = "status",
        /// How long it lasts from its activation on.
        duration: Option<IsoDuration> = "duration",
        /// By how much it is extended each time that it would end; zero where it is not.
        auto_extend_duration: Option<IsoDuration> = "autoExtendDuration",
        /// The customer; absent while any customer may approve it.
        customer: Option<DelegatedAdminRelationshipCustomer> = "customer",
        /// The directory roles that the customer approves.
        access_details: Option<DelegatedAdminAccessDetails> = "accessDetails",
        /// The time of its creation, in UTC.
        created_date_time: Option<OffsetDateTime> = "createdDateTime",
        /// The time of its last change, in UTC.
        last_modified_date_time: Option<OffsetDateTime> = "lastModifiedDateTime",
        /// The time of its activation, in UTC.
        activated_date_time: Option<OffsetDateTime> = "activatedDateTime",
        /// The time at which it ends or has ended, in UTC.
        end_date_time: Option<OffsetDateTime> = "endDateTime",
        /// Whether the reseller has not consented yet, of one that its indirect provider has made.
        is_partner_consent_pending: Option<bool> = "isPartnerConsentPending",
        /// The tenant id of the indirect provider that has made it for its reseller.
        indirect_provider_tenant_id: Option<TenantId> = "indirectProviderTenantId",
    }
}

/// The start of the display names that Microsoft gives to relationships of its own.
const MICROSOFT_LED: &str = "MLT_";

impl DelegatedAdminRelationship {
    /// Whether Microsoft has made it in place of the older delegated administration (a *Microsoft-led transition*). Such
    /// a relationship can be read, and not changed.
    pub fn is_microsoft_led(&self) -> bool {
        self.display_name.as_deref().is_some_and(|name| name.starts_with(MICROSOFT_LED))
    }

    /// Whether an indirect provider has made it for its reseller.
    pub fn is_of_reseller(&self) -> bool {
        let is_type = |name: &str| name == "#microsoft.graph.resellerDelegatedAdminRelationship";
        self.odata_type.as_deref().is_some_and(is_type) || self.indirect_provider_tenant_id.is_some()
    }

    /// Whether its status is active.
    pub fn is_active(&self) -> bool {
        self.status == Some(DelegatedAdminRelationshipStatus::Active)
    }

    /// The customer's tenant id; `None` while any customer may approve it.
    pub fn customer_tenant_id(&self) -> Option<TenantId> {
        self.customer.as_ref().and_then(|customer| customer.tenant_id)
    }

    /// The directory roles that it holds.
    pub fn roles(&self) -> impl Iterator<Item = DirectoryRole> {
        self.access_details.iter().flat_map(DelegatedAdminAccessDetails::roles)
    }

    /// Whether it is extended when it would end; `None` where that is not known.
    pub fn is_auto_extended(&self) -> Option<bool> {
        self.auto_extend_duration.as_ref().map(|duration| !duration.is_zero())
    }
}

/// The longest display name of a relationship, in characters.
const MAX_NAME_LENGTH: usize = 50;

/// How long a relationship can last, in days: two years at most.
const DURATION_DAYS: std::ops::RangeInclusive<u64> = 1..=730;

/// By how much a relationship is extended, in days: the service knows no other extension.
const EXTENSION_DAYS: u32 = 180;

/// Refuses a display name that no relationship can have.
fn check_name(name: &str) -> Result<(), Error> {
    match (1..=MAX_NAME_LENGTH).contains(&name.chars().count()) && !name.trim().is_empty() {
        true => Ok(()),
        false => Err(Error::new(ErrorCode::InvalidRelationshipName)),
    }
}

/// Refuses a duration that no relationship can have.
fn check_duration(duration: &IsoDuration) -> Result<(), Error> {
    let is_whole = duration.seconds() <= DURATION_DAYS.end() * 86_400;
    match DURATION_DAYS.contains(&duration.days()) && is_whole {
        true => Ok(()),
        false => Err(Error::new(ErrorCode::InvalidRelationshipDuration)),
    }
}

/// A new delegated admin relationship
/// ([create](https://learn.microsoft.com/graph/api/tenantrelationship-post-delegatedadminrelationships)).
///
/// ```
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::model::{IsoDuration, NewDelegatedAdminRelationship};
///
/// let roles = [DirectoryRole::APPLICATION_ADMINISTRATOR, DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR];
/// let made = NewDelegatedAdminRelationship::new("Contoso support", IsoDuration::from_days(730), roles).auto_extended();
/// assert_eq!(serde_json::to_value(&made)?["autoExtendDuration"], "P180D");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NewDelegatedAdminRelationship {
    /// The display name, of 1 to 50 characters and unique among all relationships of the partner.
    pub display_name: String,
    /// How long it lasts from its activation on: 1 to 730 days.
    pub duration: IsoDuration,
    /// The customer; without one, any customer can approve it, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<DelegatedAdminRelationshipCustomer>,
    /// The directory roles, which cannot be added to later.
    pub access_details: DelegatedAdminAccessDetails,
    /// By how much it is extended each time that it would end: zero by default.
    pub auto_extend_duration: IsoDuration,
}

impl NewDelegatedAdminRelationship {
    /// A relationship of these roles for any customer, which is not extended.
    pub fn new(
        display_name: impl Into<String>,
        duration: IsoDuration,
        roles: impl IntoIterator<Item = DirectoryRole>,
    ) -> Self {
        Self {
            display_name: display_name.into(),
            duration,
            customer: None,
            access_details: DelegatedAdminAccessDetails::of(roles),
            auto_extend_duration: IsoDuration::zero(),
        }
    }

    /// Sets the one customer that can approve it.
    #[must_use]
    pub fn customer(mut self, tenant: TenantId) -> Self {
        self.customer = Some(participant(tenant));
        self
    }

    /// Lets it be extended by 180 days each time that it would end: not with Global Administrator in it.
    #[must_use]
    pub fn auto_extended(mut self) -> Self {
        self.auto_extend_duration = IsoDuration::from_days(EXTENSION_DAYS);
        self
    }

    /// Refuses what the service documents to refuse.
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_name(&self.display_name)?;
        check_duration(&self.duration)?;
        check_roles(&self.access_details, !self.auto_extend_duration.is_zero())
    }
}

fn participant(tenant: TenantId) -> DelegatedAdminRelationshipCustomer {
    DelegatedAdminRelationshipCustomer { tenant_id: Some(tenant), ..DelegatedAdminRelationshipCustomer::default() }
}

patch! {
    /// Changes to a delegated admin relationship
    /// ([update](https://learn.microsoft.com/graph/api/delegatedadminrelationship-update)).
    ///
    /// While its status is created, everything can be changed. While it is active, it can be extended or not, and Global
    /// Administrator can be dropped from its roles.
    ///
    /// ```
    /// use entra_apps::model::DelegatedAdminRelationshipPatch;
    ///
    /// let patch = DelegatedAdminRelationshipPatch::new().auto_extended();
    /// assert_eq!(serde_json::to_value(&patch)?, serde_json::json!({"autoExtendDuration": "P180D"}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    DelegatedAdminRelationshipPatch {
        /// Sets the display name.
        display_name("displayName"): String;
        /// Sets how long it lasts from its activation on: 1 to 730 days.
        duration("duration"): IsoDuration;
        /// Sets by how much it is extended.
        auto_extend_duration("autoExtendDuration"): IsoDuration;
        /// Sets the roles, all of them.
        access_details("accessDetails"): DelegatedAdminAccessDetails;
    }
}

impl DelegatedAdminRelationshipPatch {
    /// Sets the one customer that can approve it.
    #[must_use]
    pub fn customer(mut self, tenant: TenantId) -> Self {
        self.0.set("customer", participant(tenant));
        self
    }

    /// Sets the roles, all of them.
    #[must_use]
    pub fn roles(self, roles: impl IntoIterator<Item = DirectoryRole>) -> Self {
        self.access_details(DelegatedAdminAccessDetails::of(roles))
    }

    /// Lets it be extended by 180 days each time that it would end: not with Global Administrator in it.
    #[must_use]
    pub fn auto_extended(self) -> Self {
        self.auto_extend_duration(IsoDuration::from_days(EXTENSION_DAYS))
    }

    /// Lets it end when its duration is over.
    #[must_use]
    pub fn not_auto_extended(self) -> Self {
        self.auto_extend_duration(IsoDuration::zero())
    }
}
