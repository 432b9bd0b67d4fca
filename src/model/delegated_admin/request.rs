//! Requests about relationships.

use time::OffsetDateTime;

use crate::ids::RelationshipRequestId;
use crate::model::enums::text_enum;
use crate::model::object::object;

text_enum! {
    /// What a request asks for.
    ///
    /// ```
    /// use entra_apps::model::DelegatedAdminRelationshipRequestAction;
    ///
    /// assert_eq!(DelegatedAdminRelationshipRequestAction::LockForApproval.as_str(), "lockForApproval");
    /// ```
    DelegatedAdminRelationshipRequestAction {
        /// That the relationship cannot be changed any more, and the customer can approve it.
        LockForApproval = "lockForApproval",
        /// That the relationship ends.
        Terminate = "terminate",
        /// That the reseller approves what its indirect provider has made.
        Approve = "approve",
        /// That the reseller rejects what its indirect provider has made.
        Reject = "reject",
    }
}

text_enum! {
    /// The status of a request.
    ///
    /// ```
    /// use entra_apps::model::DelegatedAdminRelationshipRequestStatus;
    ///
    /// assert_eq!(DelegatedAdminRelationshipRequestStatus::Succeeded.as_str(), "succeeded");
    /// ```
    DelegatedAdminRelationshipRequestStatus {
        /// It was taken.
        Created = "created",
        /// It is being carried out.
        Pending = "pending",
        /// It was carried out.
        Succeeded = "succeeded",
        /// It could not be carried out.
        Failed = "failed",
    }
}

object! {
    /// A request of the partner about a relationship
    /// ([`delegatedAdminRelationshipRequest`](https://learn.microsoft.com/graph/api/resources/delegatedadminrelationshiprequest)).
    ///
    /// ```
    /// use entra_apps::model::{DelegatedAdminRelationshipRequest, DelegatedAdminRelationshipRequestAction};
    ///
    /// let read: DelegatedAdminRelationshipRequest = serde_json::from_str(r#"{"action": "terminate"}"#)?;
    /// assert_eq!(read.action, Some(DelegatedAdminRelationshipRequestAction::Terminate));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    DelegatedAdminRelationshipRequest {
        /// The id.
        id: Option<RelationshipRequestId> = "id",
        /// What it asks for.
        action: Option<DelegatedAdminRelationshipRequestAction> = "action",
        /// The status.
        status: Option<DelegatedAdminRelationshipRequestStatus> = "status",
        /// The time of its creation, in UTC.
        created_date_time: Option<OffsetDateTime> = "createdDateTime",
        /// The time of its last change, in UTC.
        last_modified_date_time: Option<OffsetDateTime> = "lastModifiedDateTime",
    }
}
