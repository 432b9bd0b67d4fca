//! Classifying responses: done, refused for good, or to be tried again. Replication lag is a rule of each operation.
//!
//! The directory has replicas, and a write is not known to all of them at once. The same responses are real errors
//! otherwise, so a rule holds only for objects that this client wrote a moment ago
//! ([background](https://learn.microsoft.com/graph/best-practices-concept)).

use serde_json::Value;

use crate::auth::challenge;
use crate::client::request::Request;
use crate::error::ServiceError;
use crate::retry::{Outcome, Response};

/// The codes by which Graph throttles, whatever the status is.
pub(super) const THROTTLED: [&str; 2] = ["TooManyRequests", "activityLimitReached"];

/// The headers by which Graph shows itself.
const MARKS: [&str; 5] =
    ["request-id", "x-ms-ags-diagnostic", "x-ms-resource-unit", "x-ms-throttle-information", "x-ms-throttle-scope"];

/// The beginnings of codes that Graph alone writes.
const GRAPH_CODES: [&str; 5] = ["Authentication_", "Authorization_", "Directory_", "Request_", "Service_"];

/// Whether Graph itself responded, and nobody in between: it writes its envelope, or leaves its marks in the headers.
pub(super) fn is_of_graph(response: &Response, error: &ServiceError) -> bool {
    error.is_envelope
        || GRAPH_CODES.iter().any(|start| error.code.starts_with(start))
        || response.in_batch
        || has_marks(response)
        || challenge::is_bearer(&response.headers)
}

fn has_marks(response: &Response) -> bool {
    MARKS.iter().any(|name| response.headers.contains_key(*name))
}

/// Whether a success says nothing, because its body is not what Graph sends: a page or an error of somebody in between, or
/// JSON that is cut off. What Graph sends besides JSON, such as a picture, has a type of its own.
pub(super) fn is_lost(response: &Response) -> bool {
    let kind = response.header("content-type").map(str::to_ascii_lowercase);
    let may_be_page = match kind.as_deref().map(str::trim_start) {
        None => true,
        Some(kind) => kind.contains("json") || (kind.starts_with("text/") && !has_marks(response)),
    };
    response.status.is_success()
        && !response.in_batch
        && !response.body.is_empty()
        && may_be_page
        && (!response.is_json() || is_gateways(response))
}

/// Whether a success is the JSON of somebody in between: it has no mark of Graph's, and is no object, or one that tells of
/// an error.
pub(super) fn is_gateways(response: &Response) -> bool {
    // Parsing a long list into values takes longer than all the rest.
    if has_marks(response) || response.body.starts_with(b"{\"@odata.") {
        return false;
    }
    match response.json() {
        Value::Object(members) => {
            let is_graphs = |name: &String| name.starts_with("@odata.") || matches!(name.as_str(), "id" | "value");
            let error = ServiceError::read(response.json());
            let is_error = error.is_envelope || !(error.code.is_empty() && error.message.is_empty());
            is_error && !members.keys().any(is_graphs)
        }
        Value::Null => false,
        _ => true,
    }
}

/// Classifies a response; `recent` says whether the request is about an object that this client wrote a moment ago.
pub(crate) fn classify(request: &Request, response: &Response, recent: bool) -> Outcome {
    let status = response.status.as_u16();
    if response.status.is_success() {
        // What was asked for may have been done all the same.
        return if is_lost(response) { Outcome::Failed { retry_after: None } } else { Outcome::Final };
    }
    if status == 401 {
        return Outcome::Final;
    }
    let retry_after = response.retry_after;
    let error = ServiceError::read(response.json());
    match status {
        429 | 509 => Outcome::Throttled { retry_after },
        _ if THROTTLED.iter().any(|code| error.has_code(code)) => Outcome::Throttled { retry_after },
        _ if recent && is_of_graph(response, &error) && request.lag_rule.explains(status, &error) => Outcome::Lagging,
        409 if error.has_code("Directory_ConcurrencyViolation") || error.has_code("ConcurrencyViolation") => {
            Outcome::Conflict
        }
        408 | 500 | 502 | 503 | 504 => Outcome::Failed { retry_after },
        _ => Outcome::Final,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::lag_rule::LagRule;
    use bytes::Bytes;
    use http::{HeaderMap, Method, StatusCode};

    fn classified(lag: LagRule, status: u16, code: &str, message: &str, fresh: bool) -> Outcome {
        let request = Request::new("test", "", Method::POST, ["x"]).lag_rule(lag);
        let body = format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#);
        let status = StatusCode::from_u16(status).unwrap();
        let response = Response::new(status, HeaderMap::new(), Bytes::from(body), 1, time::OffsetDateTime::UNIX_EPOCH);
        classify(&request, &response, fresh)
    }

    #[test]
    fn each_rule_sees_its_own_lag_and_not_its_neighbours_error() {
        let lags = [
            (
                LagRule::ServicePrincipal,
                400,
                "The appId 'x' of the service principal does not reference a valid application object.",
            ),
            (
                LagRule::ServicePrincipal,
                403,
                "When using this permission, the backing application of the service principal being created must in the local tenant",
            ),
            (LagRule::AppRoleAssignment, 400, "Not a valid reference update."),
            (
                LagRule::OAuth2PermissionGrant,
                400,
                "Resource 'x' does not exist or one of its queried reference-property objects are not present.",
            ),
            (LagRule::RemovePassword, 400, "No password credential found with keyId."),
            (
                LagRule::NotFound,
                404,
                "Resource 'x' does not exist or one of its queried reference-property objects are not present.",
            ),
        ];
        for (lag, status, message) in lags {
            assert_eq!(classified(lag, status, "Request_BadRequest", message, true), Outcome::Lagging, "{lag:?}");
            assert_eq!(
                classified(lag, status, "Request_BadRequest", message, false),
                Outcome::Final,
                "{lag:?} of an old object"
            );
            assert_eq!(
                classified(
                    lag,
                    403,
                    "Authorization_RequestDenied",
                    "Insufficient privileges to complete the operation.",
                    true
                ),
                Outcome::Final,
                "{lag:?}"
            );
            assert_eq!(
                classified(lag, 400, "Request_BadRequest", "Invalid value specified for property 'x'.", true),
                Outcome::Final,
                "{lag:?}"
            );
        }
    }

    #[test]
    fn an_id_that_the_api_does_not_know_is_no_lag() {
        let message = "Permission being assigned was not found on application";
        assert_eq!(classified(LagRule::AppRoleAssignment, 400, "Request_BadRequest", message, true), Outcome::Final);
    }
}
