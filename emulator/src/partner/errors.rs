//! Errors of the service behind `/tenantRelationships`, whose codes are spelled differently from those of the
//! directory.

use http::StatusCode;

use crate::graph::response::GraphError;

pub(super) fn bad_request(message: impl Into<String>) -> GraphError {
    GraphError::new(StatusCode::BAD_REQUEST, "badRequest", message)
}

pub(super) fn invalid(property: &str) -> GraphError {
    bad_request(format!("The value of the property '{property}' is invalid."))
}

pub(super) fn forbidden(message: &'static str) -> GraphError {
    GraphError::new(StatusCode::FORBIDDEN, "forbidden", message)
}

/// The error of a tenant that is no partner's.
pub(super) fn not_a_partner() -> GraphError {
    forbidden("The tenant is not the tenant of a partner.")
}

pub(super) fn not_found() -> GraphError {
    GraphError::new(StatusCode::NOT_FOUND, "notFound", "The resource was not found.")
}

pub(super) fn exists() -> GraphError {
    GraphError::new(StatusCode::CONFLICT, "conflict", "The resource already exists.")
}

/// The error of an operation that the status of an object does not allow.
pub(super) fn wrong_status(what: &str, status: &str) -> GraphError {
    bad_request(format!("The operation is not valid for {what} in the status '{status}'."))
}

pub(super) fn etag_required() -> GraphError {
    GraphError::new(StatusCode::PRECONDITION_REQUIRED, "preconditionRequired", "The If-Match header is required.")
}

pub(super) fn etag_stale() -> GraphError {
    GraphError::new(
        StatusCode::PRECONDITION_FAILED,
        "preconditionFailed",
        "The ETag of the If-Match header is not that of the resource.",
    )
}
