//! Responses and errors of Partner Center.
//!
//! <https://learn.microsoft.com/partner-center/developer/error-codes>

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use super::PartnerCenterRequest;
use crate::faults::{RETRY_LATER, TOO_MANY_REQUESTS};
use crate::graph::response::GraphError;

/// A successful response of Partner Center.
#[derive(Clone, Debug)]
pub(super) struct PartnerCenterResponse {
    pub(super) status: StatusCode,
    /// The JSON body; null is none.
    pub(super) body: Value,
}

impl PartnerCenterResponse {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body }
    }
}

/// An error of Partner Center, boxed because it is large and part of every `Result`.
#[derive(Debug)]
pub(super) struct PartnerCenterError(Box<PartnerCenterErrorInner>);

#[derive(Debug)]
struct PartnerCenterErrorInner {
    status: StatusCode,
    code: Cow<'static, str>,
    description: String,
    headers: Vec<(HeaderName, String)>,
}

impl PartnerCenterError {
    pub(super) fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, description: impl Into<String>) -> Self {
        Self(Box::new(PartnerCenterErrorInner {
            status,
            code: code.into(),
            description: description.into(),
            headers: Vec::new(),
        }))
    }

    pub(super) fn header(mut self, name: HeaderName, value: String) -> Self {
        self.0.headers.push((name, value));
        self
    }

    pub(super) fn bad_request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "400", description)
    }

    pub(super) fn missing_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "800001", "The partner token is missing.")
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "400", "Access denied.")
    }

    /// The error of a sign-in without a second factor, which every user needs since April 2026.
    /// <https://learn.microsoft.com/partner-center/security/partner-security-requirements-mandating-mfa>
    pub(super) fn mfa_required() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "900421", "Authentication failed. MFA required.")
    }

    pub(super) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "2032", "Access denied.")
    }

    pub(super) fn unknown_customer() -> Self {
        Self::new(StatusCode::NOT_FOUND, "60003", "The tenant was not found.")
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "1000", "The resource was not found.")
    }

    pub(super) fn exists() -> Self {
        Self::new(StatusCode::CONFLICT, "409", "Permission entry already exists.")
    }

    /// The error of an app that asks more often than it may.
    /// <https://learn.microsoft.com/partner-center/developer/api-throttling-guidance>
    pub(super) fn too_many_requests(wait_seconds: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, TOO_MANY_REQUESTS, RETRY_LATER)
            .header(RETRY_AFTER, wait_seconds.to_string())
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "405", "The method is not allowed.")
    }

    pub(super) fn not_implemented(what: &str) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "501", format!("The in-memory tenant does not know {what}."))
    }
}

/// Converts an error of the customer's directory to Partner Center's form.
impl From<GraphError> for PartnerCenterError {
    fn from(error: GraphError) -> Self {
        match error.status() {
            StatusCode::CONFLICT => Self::exists(),
            status => Self::new(status, status.as_str().to_owned(), error.message()),
        }
    }
}

/// The HTTP response, with the request and correlation ids.
pub(super) fn respond(
    result: Result<PartnerCenterResponse, PartnerCenterError>,
    request: &PartnerCenterRequest<'_>,
    is_mfa_compliant: Option<bool>,
) -> Response<Bytes> {
    let (status, body, headers) = match result {
        Ok(response) => (response.status, response.body, Vec::new()),
        Err(error) => {
            let PartnerCenterErrorInner { status, code, description, headers } = *error.0;
            let body = json!({"code": code, "description": description, "data": [], "source": "PartnerFD"});
            (status, body, headers)
        }
    };
    let text = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let mut response = Response::new(text);
    *response.status_mut() = status;
    let id = |name: &'static str| {
        let value = request.header(name).unwrap_or(request.fresh_id);
        (HeaderName::from_static(name), value.to_owned())
    };
    let mfa = is_mfa_compliant.map(|it| (HeaderName::from_static("ismfacompliant"), it.to_string()));
    let content_type = (!body.is_null()).then(|| (CONTENT_TYPE, "application/json; charset=utf-8".to_owned()));
    let replay_key = [id("ms-requestid"), id("ms-correlationid")];
    for (name, value) in headers.into_iter().chain(replay_key).chain(mfa).chain(content_type) {
        // An id of the request that is not a valid header value is left out.
        response.headers_mut().extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
    }
    response
}
