//! Operations: changes that the service carries out after it accepted them.

use time::OffsetDateTime;

use crate::ids::RelationshipOperationId;
use crate::model::enums::text_enum;
use crate::model::object::object;

text_enum! {
    /// The status of an operation.
    ///
    /// ```
    /// use entra_apps::model::DelegatedAdminRelationshipOperationStatus;
    ///
    /// assert_eq!(DelegatedAdminRelationshipOperationStatus::NotStarted.as_str(), "notStarted");
    /// ```
    DelegatedAdminRelationshipOperationStatus {
        /// It was taken.
        NotStarted = "notStarted",
        /// It is being carried out.
        Running = "running",
        /// It was carried out.
        Succeeded = "succeeded",
        /// It could not be carried out.
        Failed = "failed",
    }
}

object! {
    /// A change to a relationship or an access assignment that the service carries out after it was accepted
    /// ([`delegatedAdminRelationshipOperation`](https://learn.microsoft.com/graph/api/resources/delegatedadminrelationshipoperation)).
    ///
    /// ```
    /// use entra_apps::model::{DelegatedAdminRelationshipOperation, DelegatedAdminRelationshipOperationStatus};
    ///
    /// let read: DelegatedAdminRelationshipOperation = serde_json::from_str(r#"{"status": "running"}"#)?;
    /// assert_eq!(read.status, Some(DelegatedAdminRelationshipOperationStatus::Running));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    DelegatedAdminRelationshipOperation {
        /// The id.
        id: Option<RelationshipOperationId> = "id",
        /// The type, such as `delegatedAdminAccessAssignmentUpdate`.
        operation_type: Option<String> = "operationType",
        /// The change, as JSON in a text.
        data: Option<String> = "data",
        /// The status.
        status: Option<DelegatedAdminRelationshipOperationStatus> = "status",
        /// The time of its creation, in UTC.
        created_date_time: Option<OffsetDateTime> = "createdDateTime",
        /// The time of its last change, in UTC.
        last_modified_date_time: Option<OffsetDateTime> = "lastModifiedDateTime",
    }
}
