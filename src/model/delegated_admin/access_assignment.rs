//! Access assignments: which group has which roles of a relationship.

use serde::Serialize;
use time::OffsetDateTime;

use crate::directory_role::DirectoryRole;
use crate::error::Error;
use crate::ids::{AccessAssignmentId, DirectoryObjectId};
use crate::model::delegated_admin::access_details::{DelegatedAdminAccessDetails, check_roles};
use crate::model::enums::text_enum;
use crate::model::etag::ETag;
use crate::model::object::object;

text_enum! {
    /// The status of an access assignment.
    ///
    /// ```
    /// use entra_apps::model::DelegatedAdminAccessAssignmentStatus;
    ///
    /// assert_eq!(DelegatedAdminAccessAssignmentStatus::Pending.as_str(), "pending");
    /// ```
    DelegatedAdminAccessAssignmentStatus {
        /// It is being made, and gives no access yet.
        Pending = "pending",
        /// It gives access.
        Active = "active",
        /// It is being taken away, and gives no access any more.
        Deleting = "deleting",
        /// It was taken away.
        Deleted = "deleted",
        /// It could not be made.
        Error = "error",
    }
}

object! {
    /// The partner's group that an access assignment gives roles to
    /// ([`delegatedAdminAccessContainer`](https://learn.microsoft.com/graph/api/resources/delegatedadminaccesscontainer)).
    ///
    /// ```
    /// use entra_apps::model::DelegatedAdminAccessContainer;
    ///
    /// let read: DelegatedAdminAccessContainer =
    ///     serde_json::from_str(r#"{"accessContainerType": "securityGroup"}"#)?;
    /// assert_eq!(read.access_container_type.as_deref(), Some("securityGroup"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    DelegatedAdminAccessContainer {
        /// The object id of the group, in the partner's tenant.
        access_container_id: Option<DirectoryObjectId> = "accessContainerId",
        /// The type: `securityGroup`.
        access_container_type: Option<String> = "accessContainerType",
    }
}

object! {
    /// The roles of a relationship that the members of one of the partner's groups have in the customer's tenant
    /// ([`delegatedAdminAccessAssignment`](https://learn.microsoft.com/graph/api/resources/delegatedadminaccessassignment)).
    ///
    /// ```
    /// use entra_apps::model::{DelegatedAdminAccessAssignment, DelegatedAdminAccessAssignmentStatus};
    ///
    /// let read: DelegatedAdminAccessAssignment = serde_json::from_str(r#"{"status": "pending"}"#)?;
    /// assert_eq!(read.status, Some(DelegatedAdminAccessAssignmentStatus::Pending));
    /// assert!(read.is_live(), "it is there, although it gives no access yet");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    DelegatedAdminAccessAssignment {
        /// The type.
        odata_type: Option<String> = "@odata.type",
        /// The version, which a change needs.
        etag: Option<ETag> = "@odata.etag",
        /// The id.
        id: Option<AccessAssignmentId> = "id",
        /// The status.
        status: Option<DelegatedAdminAccessAssignmentStatus> = "status",
        /// The group.
        access_container: Option<DelegatedAdminAccessContainer> = "accessContainer",
        /// The directory roles.
        access_details: Option<DelegatedAdminAccessDetails> = "accessDetails",
        /// The time of its creation, in UTC.
        created_date_time: Option<OffsetDateTime> = "createdDateTime",
        /// The time of its last change, in UTC.
        last_modified_date_time: Option<OffsetDateTime> = "lastModifiedDateTime",
    }
}

impl DelegatedAdminAccessAssignment {
    /// The object id of the group, in the partner's tenant.
    pub fn group(&self) -> Option<DirectoryObjectId> {
        self.access_container.as_ref().and_then(|container| container.access_container_id)
    }

    /// The directory roles.
    pub fn roles(&self) -> impl Iterator<Item = DirectoryRole> {
        self.access_details.iter().flat_map(DelegatedAdminAccessDetails::roles)
    }

    /// Whether its status is active.
    pub fn is_active(&self) -> bool {
        self.status == Some(DelegatedAdminAccessAssignmentStatus::Active)
    }

    /// Whether it is there: neither deleted nor being deleted. A group has one at most in a relationship.
    pub fn is_live(&self) -> bool {
        use DelegatedAdminAccessAssignmentStatus::{Deleted, Deleting};
        !matches!(self.status, Some(Deleting | Deleted))
    }
}

/// A new access assignment: roles of a relationship for the members of a group
/// ([create](https://learn.microsoft.com/graph/api/delegatedadminrelationship-post-accessassignments)).
///
/// ```
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::ids::DirectoryObjectId;
/// use entra_apps::model::NewDelegatedAdminAccessAssignment;
///
/// let group = DirectoryObjectId::from_u128(1);
/// let made = NewDelegatedAdminAccessAssignment::new(group, [DirectoryRole::APPLICATION_ADMINISTRATOR]);
/// assert_eq!(serde_json::to_value(&made)?["accessContainer"]["accessContainerType"], "securityGroup");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NewDelegatedAdminAccessAssignment {
    /// The group, which is a security group of the partner's tenant.
    pub access_container: DelegatedAdminAccessContainer,
    /// The directory roles, which are some of the relationship's.
    pub access_details: DelegatedAdminAccessDetails,
}

impl NewDelegatedAdminAccessAssignment {
    /// An assignment of these roles to a security group of the partner's tenant.
    pub fn new(group: impl Into<DirectoryObjectId>, roles: impl IntoIterator<Item = DirectoryRole>) -> Self {
        let access_container = DelegatedAdminAccessContainer {
            access_container_id: Some(group.into()),
            access_container_type: Some("securityGroup".to_owned()),
            ..DelegatedAdminAccessContainer::default()
        };
        Self { access_container, access_details: DelegatedAdminAccessDetails::of(roles) }
    }

    /// The group.
    pub fn group(&self) -> Option<DirectoryObjectId> {
        self.access_container.access_container_id
    }

    /// Refuses what the service documents to refuse.
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_roles(&self.access_details, false)
    }
}
