//! What Graph answers: a success, or a refusal in its error envelope.

use std::borrow::Cow;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, STRICT_TRANSPORT_SECURITY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::json::{is_annotation, retain, stamp};
use bytes::Bytes;
use time::OffsetDateTime;

/// The content type of a successful answer.
const SUCCESS: &str =
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
/// The content type of an answer without annotations.
const BARE: &str = "application/json;odata.metadata=none;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

/// Which machine of the service answered, as it says it.
const DIAGNOSTIC: &str =
    r#"{"ServerInfo":{"DataCenter":"In Memory","Slice":"E","Ring":"5","ScaleUnit":"001","RoleInstance":"MEMORY0000"}}"#;

pub(super) type Outcome = Result<Answer, Refusal>;

#[derive(Debug)]
pub(super) enum Body {
    Empty,
    Json(Value),
    Text(String),
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Body,
}

/// How much an answer says about its own data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Metadata {
    #[default]
    Minimal,
    /// Only what paging needs.
    None,
    Full,
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: Body::Json(body) }
    }

    pub(super) fn created(body: Value, location: String) -> Self {
        Self { status: StatusCode::CREATED, headers: vec![(http::header::LOCATION, location)], body: Body::Json(body) }
    }

    pub(super) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: Body::Empty }
    }

    pub(super) fn text(text: String) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: Body::Text(text) }
    }

    pub(super) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Leaves out what the client has not asked for.
    ///
    /// <https://docs.oasis-open.org/odata/odata-json-format/v4.01/odata-json-format-v4.01.html#sec_ControllingtheAmountofControlInforma>
    pub(super) fn with(mut self, metadata: Metadata) -> Self {
        match (metadata, &mut self.body) {
            (Metadata::None, Body::Json(body)) => {
                // What a client needs to read on.
                const KEPT: [&str; 3] = ["@odata.nextLink", "@odata.deltaLink", "@odata.count"];
                retain(body, &|name| !is_annotation(name) || KEPT.contains(&name));
                self.header(CONTENT_TYPE, BARE)
            }
            _ => self,
        }
    }
}

/// An error of the service: boxed, for it is large and travels in every `Result`.
#[derive(Clone, Debug)]
pub(super) struct Refusal(Box<Refused>);

#[derive(Clone, Debug)]
struct Refused {
    status: StatusCode,
    code: Cow<'static, str>,
    message: String,
    details: Vec<(&'static str, String, String)>,
    headers: Vec<(HeaderName, String)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self(Box::new(Refused {
            status,
            code: code.into(),
            message: message.into(),
            details: Vec::new(),
            headers: Vec::new(),
        }))
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }

    pub(super) fn invalid(property: &str, kind: &str) -> Self {
        Self::bad_request(format!("Invalid value specified for property '{property}' of resource '{kind}'."))
            .detail("InvalidValue", property)
    }

    pub(super) fn unsupported_query(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", message)
    }

    pub(super) fn not_found(id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Request_ResourceNotFound",
            format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present."),
        )
    }

    /// What a replica answers that has not heard of a fresh object.
    pub(super) fn replica_miss() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Directory_ObjectNotFound",
            "Unable to read the company information from the directory.",
        )
    }

    pub(super) fn denied() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "Request_MultipleObjectsWithSameKeyValue", message)
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        )
    }

    /// What Graph may know and this tenant does not: said aloud, never a silent success.
    pub(super) fn not_implemented(what: impl Into<String>) -> Self {
        let what = what.into();
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", format!("The in-memory tenant does not know {what}."))
    }

    pub(super) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What it says.
    pub(super) fn message(&self) -> &str {
        &self.0.message
    }

    /// Adds an entry to `details` with the message of the whole.
    #[must_use]
    pub(super) fn detail(mut self, code: &'static str, target: impl Into<String>) -> Self {
        let message = self.0.message.clone();
        self.0.details.push((code, target.into(), message));
        self
    }

    #[must_use]
    pub(super) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }
}

/// What is the same for a request and for each item of its batch.
#[derive(Clone, Debug)]
pub(super) struct Correlation {
    pub(super) request_id: String,
    pub(super) client_request_id: String,
    pub(super) wall: OffsetDateTime,
}

impl Correlation {
    /// The client's own id counts where it sends one.
    pub(super) fn new(request_id: String, headers: &HeaderMap, wall: OffsetDateTime) -> Self {
        let client = headers.get("client-request-id").and_then(|value| value.to_str().ok());
        Self { client_request_id: client.unwrap_or(&request_id).to_owned(), request_id, wall }
    }
}

/// A finished answer, for a response of its own or for an item of a batch.
pub(super) struct Rendered {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) body: Body,
}

/// Puts an outcome into Graph's form.
pub(super) fn render(outcome: Outcome, correlation: &Correlation) -> Rendered {
    let mut headers = vec![(CACHE_CONTROL, "no-cache".to_owned())];
    match outcome {
        Ok(answer) => {
            let content_type = match answer.body {
                Body::Empty => None,
                Body::Json(_) => Some(SUCCESS),
                Body::Text(_) => Some("text/plain"),
            };
            if let Some(content_type) = content_type {
                if !answer.headers.iter().any(|(name, _)| *name == CONTENT_TYPE) {
                    headers.push((CONTENT_TYPE, content_type.to_owned()));
                }
                headers.push((HeaderName::from_static("odata-version"), "4.0".to_owned()));
            }
            headers.extend(answer.headers);
            Rendered { status: answer.status, headers, body: answer.body }
        }
        Err(refusal) => {
            let Refused { status, code, message, details, headers: more } = *refusal.0;
            headers.push((CONTENT_TYPE, "application/json".to_owned()));
            headers.extend(more);
            let mut error = Map::new();
            error.insert("code".into(), code.into());
            error.insert("message".into(), message.into());
            if !details.is_empty() {
                let details = details
                    .into_iter()
                    .map(|(code, target, message)| json!({"code": code, "message": message, "target": target}));
                error.insert("details".into(), details.collect());
            }
            let mut inner = Map::new();
            if status == StatusCode::TOO_MANY_REQUESTS {
                inner.insert("code".into(), "429".into());
            }
            inner.insert("date".into(), stamp::bare(correlation.wall).into());
            if status == StatusCode::TOO_MANY_REQUESTS {
                inner.insert("message".into(), "Please retry after".into());
            }
            inner.insert("request-id".into(), correlation.request_id.as_str().into());
            inner.insert("client-request-id".into(), correlation.client_request_id.as_str().into());
            if status == StatusCode::TOO_MANY_REQUESTS {
                inner.insert("status".into(), "429".into());
            }
            error.insert("innerError".into(), inner.into());
            Rendered { status, headers, body: Body::Json(json!({ "error": error })) }
        }
    }
}

impl Rendered {
    /// The response to a request of its own.
    pub(super) fn into_response(self, correlation: &Correlation) -> Response<Bytes> {
        let body = match self.body {
            Body::Empty => Bytes::new(),
            Body::Json(value) => value.to_string().into(),
            Body::Text(text) => text.into(),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let ids = [("request-id", &correlation.request_id), ("client-request-id", &correlation.client_request_id)];
        let ids = ids.map(|(name, value)| (HeaderName::from_static(name), value.clone()));
        let service = [
            (STRICT_TRANSPORT_SECURITY, "max-age=31536000".to_owned()),
            (HeaderName::from_static("x-ms-ags-diagnostic"), DIAGNOSTIC.to_owned()),
        ];
        for (name, value) in self.headers.into_iter().chain(ids).chain(service) {
            // A header value that came from a request and is not one is left out.
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }

    /// The entry of a batch's `responses`.
    pub(super) fn into_batch_item(self, id: &str) -> Value {
        let headers: Map<String, Value> =
            self.headers.iter().map(|(name, value)| (canonical(name), Value::from(value.as_str()))).collect();
        let mut item = Map::new();
        item.insert("id".into(), id.into());
        item.insert("status".into(), self.status.as_u16().into());
        item.insert("headers".into(), headers.into());
        match self.body {
            Body::Empty => {}
            Body::Json(value) => drop(item.insert("body".into(), value)),
            Body::Text(text) => drop(item.insert("body".into(), text.into())),
        }
        item.into()
    }
}

/// Headers inside a batch are written with capitals.
fn canonical(name: &HeaderName) -> String {
    match name.as_str() {
        "odata-version" => "OData-Version".to_owned(),
        "www-authenticate" => "WWW-Authenticate".to_owned(),
        custom if custom.starts_with("x-ms") => custom.to_owned(),
        name => {
            let words = name.split('-').map(|word| {
                let mut letters = word.chars();
                letters
                    .next()
                    .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
            });
            words.collect::<Vec<_>>().join("-")
        }
    }
}
