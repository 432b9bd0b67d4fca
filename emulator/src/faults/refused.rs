//! How a fault's error looks: in the form of the service that was asked.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use time::OffsetDateTime;

use super::effects::Service;
use super::fault::{Action, RetryAfter};
use super::throttling::{RETRY_LATER, TOO_MANY_REQUESTS};
use crate::data::json::timestamp;
use crate::graph::response::{Correlation, GraphError, render};
use crate::partner_center::{self, PartnerCenterRequest};
use crate::service::Target;
use crate::sign_in::{self, Endpoint, SignInError, SignInRequest};

/// What makes a response of a fault's own: the request, and what the response says of it.
pub(super) struct Context<'a> {
    pub(super) request: &'a Request<Bytes>,
    pub(super) target: &'a Target,
    /// The scheme and host that absolute links start with.
    pub(super) origin: &'a str,
    pub(super) correlation: &'a Correlation,
}

/// The error that takes the place of a response.
#[derive(Debug)]
pub(super) struct Refused {
    refusal: GraphError,
    /// Whether the service acts first.
    pub(super) acts: bool,
    /// `None` where the refusal is about a token.
    error: Option<ServiceError>,
}

/// An error that has a form in each service.
#[derive(Debug)]
struct ServiceError {
    status: StatusCode,
    code: String,
    message: String,
    retry: Option<(HeaderName, String)>,
}

impl Refused {
    /// `None` where an action lets the service respond.
    pub(super) fn of(action: &Action, wall: OffsetDateTime) -> Option<Self> {
        if let Some(failure) = action.failure() {
            let error = ServiceError {
                status: failure.status,
                code: failure.code.into_owned(),
                message: failure.message.into_owned(),
                retry: retry_header(failure.retry, wall),
            };
            let refusal = GraphError::new(error.status, error.code.clone(), error.message.clone());
            let retry = error.retry.iter().cloned();
            let refusal = retry.fold(refusal, |refusal, (name, value)| refusal.header(name, value));
            return Some(Self { refusal, acts: failure.acts, error: Some(error) });
        }
        let (refusal, error) = match action {
            Action::TokenRefused => (sign_in::unauthorized("Access token has expired or is not yet valid."), None),
            Action::Exceeded(exceeded) => {
                let error = ServiceError {
                    status: StatusCode::TOO_MANY_REQUESTS,
                    code: TOO_MANY_REQUESTS.to_owned(),
                    message: RETRY_LATER.to_owned(),
                    retry: Some((RETRY_AFTER, exceeded.wait_seconds().to_string())),
                };
                (exceeded.refusal(), Some(error))
            }
            _ => return None,
        };
        Some(Self { refusal, acts: false, error })
    }

    pub(super) fn status(&self) -> StatusCode {
        self.refusal.status()
    }

    /// The entry of a batch's `responses`.
    pub(super) fn item(self, id: &str, correlation: &Correlation) -> serde_json::Value {
        item(self.refusal, id, correlation)
    }

    /// The response to a request of its own; `None` where the service has nothing to refuse.
    pub(super) fn response(self, context: &Context<'_>, service: &impl Service) -> Option<Response<Bytes>> {
        let Context { request, correlation, .. } = *context;
        let mut response = match context.target {
            Target::SignIn(tenant, endpoint) => {
                let ServiceError { status, code, message, retry } = self.error?;
                let sign_in = SignInRequest {
                    tenant: 0,
                    tenant_name: tenant,
                    endpoint,
                    origin: context.origin,
                    method: request.method(),
                    query: request.uri().query().unwrap_or_default(),
                    headers: request.headers(),
                    body: request.body(),
                    correlation,
                    now: Duration::ZERO,
                    wall: correlation.wall,
                };
                let mut response =
                    service.sign_in_error_response(&sign_in, &SignInError::injected(status, &code, &message));
                if let Some((name, value)) = retry {
                    response.headers_mut().extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
                }
                if *endpoint != Endpoint::UserInfo {
                    sign_in.add_request_ids(&mut response);
                }
                response
            }
            Target::PartnerCenter(_) => {
                let fresh_id = &correlation.request_id;
                let (now, wall) = (Duration::ZERO, correlation.wall);
                let request = PartnerCenterRequest { tenant: 0, http: request, fresh_id, now, wall };
                match self.error {
                    Some(ServiceError { status, code, message, retry }) => {
                        partner_center::error_response(&request, status, code, message, retry)
                    }
                    None => partner_center::token_refused(&request),
                }
            }
            Target::Graph(_) | Target::GraphBeta(_) | Target::Management(_) | Target::Other => {
                render(Err(self.refusal), correlation).into_response(correlation)
            }
        };
        date(&mut response, correlation.wall);
        Some(response)
    }
}

/// The entry of a batch's `responses` for an error.
pub(super) fn item(refusal: GraphError, id: &str, correlation: &Correlation) -> serde_json::Value {
    serde_json::json!(render(Err(refusal), correlation).into_batch_item(id))
}

/// The header that says when to try again.
fn retry_header(retry: RetryAfter, wall: OffsetDateTime) -> Option<(HeaderName, String)> {
    let value = match retry {
        RetryAfter::Absent => return None,
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(ahead) => timestamp::http(wall + ahead.min(super::fault::MAX_RETRY_DATE)),
    };
    Some((RETRY_AFTER, value))
}

/// What something between the client and the service responds in its place.
pub(super) fn page(status: StatusCode, wall: OffsetDateTime) -> Response<Bytes> {
    let text = format!("<!DOCTYPE html>\n<html><head><title>{status}</title></head><body>{status}</body></html>\n");
    intercepted(status, "text/html; charset=utf-8", &text, wall)
}

/// A response of something between the client and the service; an empty content type is left out.
pub(super) fn intercepted(status: StatusCode, content_type: &str, text: &str, wall: OffsetDateTime) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text.to_owned()));
    *response.status_mut() = status;
    if let Ok(content_type) = HeaderValue::from_str(content_type)
        && !content_type.is_empty()
    {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    date(&mut response, wall);
    response
}

/// Puts the date on a response.
pub(super) fn date(response: &mut Response<Bytes>, wall: OffsetDateTime) {
    if let Ok(date) = timestamp::http(wall).try_into() {
        response.headers_mut().insert(http::header::DATE, date);
    }
}
