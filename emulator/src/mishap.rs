//! What a fault does to a request and its answer.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::data::json::timestamp;
use super::fault::{Action, RetryAfter};
use super::graph::call::Call;
use super::graph::response::{Body, GraphError, GraphResult, RenderedResponse};
use super::query;
use super::sign_in;

/// Carries out a call with what goes wrong around it.
pub(super) fn faulty(
    action: Option<&Action>,
    call: &mut Call,
    run: impl FnOnce(&mut Call) -> GraphResult,
) -> GraphResult {
    match action {
        Some(Action::Answer { status, code, message, retry, written }) => {
            if *written {
                drop(run(call));
            }
            let refusal = GraphError::new(*status, code.clone(), message.clone());
            Err(retry_header(*retry, call.wall)
                .into_iter()
                .fold(refusal, |refusal, (name, value)| refusal.header(name, value)))
        }
        Some(Action::TokenRefused) => Err(sign_in::unauthorized("Access token has expired or is not yet valid.")),
        Some(Action::EmptyPage) => changed_list(run(call), |members| {
            members.insert("@odata.nextLink".into(), query::next_link(call, &query::first_page()).into());
            members.insert("value".into(), json!([]));
        }),
        Some(Action::NextLinkTo(origin)) => changed_list(run(call), |members| {
            let link = members.get("@odata.nextLink").and_then(Value::as_str).map(str::to_owned);
            let link = link.unwrap_or_else(|| query::next_link(call, &query::first_page()));
            let own = call.root.trim_end_matches("/v1.0");
            let link = format!("{origin}{}", link.strip_prefix(own).unwrap_or(&link));
            let value = members.remove("value").unwrap_or_default();
            members.insert("@odata.nextLink".into(), link.into());
            members.insert("value".into(), value);
        }),
        _ => run(call),
    }
}

/// The answer with other members, where it is a list.
fn changed_list(outcome: GraphResult, change: impl FnOnce(&mut Map<String, Value>)) -> GraphResult {
    let mut answer = outcome?;
    if let Body::Json(Value::Object(members)) = &mut answer.body
        && members.get("value").is_some_and(Value::is_array)
    {
        change(members);
    }
    Ok(answer)
}

/// The header that says when to try again.
pub(super) fn retry_header(retry: RetryAfter, wall: OffsetDateTime) -> Option<(HeaderName, String)> {
    let value = match retry {
        RetryAfter::Unsaid => return None,
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(ahead) => timestamp::http(wall + ahead),
    };
    Some((RETRY_AFTER, value))
}

/// Gives the answer to an item of a batch another body.
pub(super) fn change_item(action: Option<&Action>, rendered: &mut RenderedResponse) {
    if let Some(Action::Body(text)) = action {
        rendered.body = serde_json::from_str(text).map_or_else(|_| Body::Text(text.clone()), Body::Json);
    }
}

/// What something between the client and the service answers in its place.
pub(super) fn page(status: StatusCode) -> Response<Bytes> {
    let text = format!("<!DOCTYPE html>\n<html><head><title>{status}</title></head><body>{status}</body></html>\n");
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// Changes the body of a whole answer on its way.
pub(super) fn change_body(action: &Action, body: &mut Bytes) {
    match action {
        Action::Truncated => body.truncate(body.len() / 2),
        Action::Oversized(bytes) if body.len() < *bytes => {
            let mut padded = Vec::with_capacity(*bytes);
            padded.extend_from_slice(body);
            padded.resize(*bytes, b' ');
            *body = padded.into();
        }
        Action::Body(text) => *body = Bytes::from(text.clone()),
        _ => {}
    }
}
