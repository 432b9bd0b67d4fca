//! How a fault's error looks: in the form of the service that was asked.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use time::OffsetDateTime;

use super::effects::Service;
use super::fault::{Action, RetryAfter};
use crate::answer::{Correlation, Refusal, render};
use crate::json::stamp;
use crate::partner::center;
use crate::service::Target;
use crate::sign_in::{self, Asking, Endpoint, SignInError};

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
    refusal: Refusal,
    /// Whether the service acts first.
    pub(super) acts: bool,
    /// The status, code and message where it is the fault that says them.
    said: Option<(StatusCode, String, String)>,
    retry: Option<(HeaderName, String)>,
}

impl Refused {
    /// `None` where an action lets the service respond.
    pub(super) fn of(action: &Action, wall: OffsetDateTime) -> Option<Self> {
        if let Some(failure) = action.failure() {
            let said = (failure.status, failure.code.into_owned(), failure.message.into_owned());
            let retry = retry_header(failure.retry, wall);
            let refusal = Refusal::new(said.0, said.1.clone(), said.2.clone());
            let refusal = retry.iter().cloned().fold(refusal, |refusal, (name, value)| refusal.header(name, value));
            return Some(Self { refusal, acts: failure.acts, said: Some(said), retry });
        }
        let refusal = match action {
            Action::TokenRefused => sign_in::unauthorized("Access token has expired or is not yet valid."),
            Action::Exceeded(exceeded) => exceeded.refusal(),
            _ => return None,
        };
        Some(Self { refusal, acts: false, said: None, retry: None })
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
                let (status, code, message) = self.said?;
                let asking = Asking {
                    at: 0,
                    tenant,
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
                let mut response = service.refuse_sign_in(&asking, &SignInError::scripted(status, &code, &message));
                if let Some((name, value)) = self.retry {
                    response.headers_mut().extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
                }
                if *endpoint != Endpoint::UserInfo {
                    asking.sign(&mut response);
                }
                response
            }
            Target::PartnerCenter(_) => {
                let said = self.said.map(|(status, code, message)| (status, code, message, self.retry));
                center::refused(request, &correlation.request_id, correlation.wall, said)
            }
            Target::Graph(_) | Target::Management(_) | Target::Other => {
                render(Err(self.refusal), correlation).into_response(correlation)
            }
        };
        date(&mut response, correlation.wall);
        Some(response)
    }
}

/// The entry of a batch's `responses` for an error.
pub(super) fn item(refusal: Refusal, id: &str, correlation: &Correlation) -> serde_json::Value {
    render(Err(refusal), correlation).into_batch_item(id)
}

/// The header that says when to try again.
fn retry_header(retry: RetryAfter, wall: OffsetDateTime) -> Option<(HeaderName, String)> {
    let value = match retry {
        RetryAfter::Absent => return None,
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(ahead) => stamp::http(wall + ahead.min(super::fault::MAX_RETRY_DATE)),
    };
    Some((RETRY_AFTER, value))
}

/// What something between the client and the service responds in its place.
pub(super) fn page(status: StatusCode, wall: OffsetDateTime) -> Response<Bytes> {
    let text = format!("<!DOCTYPE html>\n<html><head><title>{status}</title></head><body>{status}</body></html>\n");
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    date(&mut response, wall);
    response
}

/// Puts the date on a response.
pub(super) fn date(response: &mut Response<Bytes>, wall: OffsetDateTime) {
    if let Ok(date) = stamp::http(wall).try_into() {
        response.headers_mut().insert(http::header::DATE, date);
    }
}
