//! Errors of the service behind `/tenantRelationships`, whose codes are written unlike those of the directory.

use http::StatusCode;

use crate::response::Refusal;

pub(super) fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "badRequest", message)
}

pub(super) fn invalid(property: &str) -> Refusal {
    bad_request(format!("The value of the property '{property}' is invalid."))
}

pub(super) fn forbidden(message: &'static str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, "forbidden", message)
}

/// What a tenant hears that is nobody's partner.
pub(super) fn no_partner() -> Refusal {
    forbidden("The tenant is not the tenant of a partner.")
}

pub(super) fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "notFound", "The resource was not found.")
}

pub(super) fn exists() -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "conflict", "The resource already exists.")
}

/// A state that does not let the request be carried out.
pub(super) fn wrong_status(what: &str, status: &str) -> Refusal {
    bad_request(format!("The operation is not valid for {what} in the status '{status}'."))
}

pub(super) fn etag_required() -> Refusal {
    Refusal::new(StatusCode::PRECONDITION_REQUIRED, "preconditionRequired", "The If-Match header is required.")
}

pub(super) fn etag_stale() -> Refusal {
    Refusal::new(
        StatusCode::PRECONDITION_FAILED,
        "preconditionFailed",
        "The ETag of the If-Match header is not that of the resource.",
    )
}
