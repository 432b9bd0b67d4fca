//! Responses of Graph: a success, or an error in its envelope.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, STRICT_TRANSPORT_SECURITY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::data::json::{is_annotation, retain, timestamp};

/// The content type of a successful response.
const MINIMAL_METADATA: &str =
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
/// The content type of a response without annotations.
const NO_METADATA: &str =
    "application/json;odata.metadata=none;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

/// The value of the diagnostics header.
const DIAGNOSTIC: &str =
    r#"{"ServerInfo":{"DataCenter":"In Memory","Slice":"E","Ring":"5","ScaleUnit":"001","RoleInstance":"MEMORY0000"}}"#;

/// The result of an operation of Graph.
pub(crate) type GraphResult = Result<GraphResponse, GraphError>;

/// The body of a response.
#[derive(Debug)]
pub(crate) enum Body {
    Empty,
    Json(Value),
    Text(String),
    Entity(Entity),
    Batch(Vec<BatchItem>),
}

/// The members of an object.
pub(crate) type Entity = BTreeMap<String, Member>;

/// A member of an object.
#[derive(Debug)]
pub(crate) enum Member {
    Value(Value),
    /// It is JSON already.
    Text(Arc<RawValue>),
}

/// An entry in a batch's `responses`.
#[derive(Debug, Serialize)]
pub(crate) struct BatchItem {
    #[serde(skip_serializing_if = "Body::is_empty")]
    body: Body,
    headers: Map<String, Value>,
    id: String,
    status: u16,
}

impl Body {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// The body as a value of JSON.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Json(value) => value,
            body => serde_json::to_value(body).expect("a body is written as JSON"),
        }
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => to.serialize_unit(),
            Self::Json(value) => value.serialize(to),
            Self::Text(text) => text.serialize(to),
            Self::Entity(members) => members.serialize(to),
            Self::Batch(items) => BTreeMap::from([("responses", items)]).serialize(to),
        }
    }
}

impl Serialize for Member {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(to),
            Self::Text(text) => text.serialize(to),
        }
    }
}

/// A successful response of Graph.
#[derive(Debug)]
pub(crate) struct GraphResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Body,
}

/// The amount of OData annotations in a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Metadata {
    #[default]
    Minimal,
    /// Only the annotations that paging needs.
    None,
    Full,
}

impl GraphResponse {
    pub(crate) fn ok(body: Value) -> Self {
        Self::with_body(Body::Json(body))
    }

    pub(crate) fn with_body(body: Body) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body }
    }

    pub(crate) fn created(body: Value, location: String) -> Self {
        Self { status: StatusCode::CREATED, headers: vec![(http::header::LOCATION, location)], body: Body::Json(body) }
    }

    pub(crate) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: Body::Empty }
    }

    pub(crate) fn text(text: String) -> Self {
        Self::with_body(Body::Text(text))
    }

    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Removes the annotations that the client does not want.
    ///
    /// <https://docs.oasis-open.org/odata/odata-json-format/v4.01/odata-json-format-v4.01.html#sec_ControllingtheAmountofControlInforma>
    pub(crate) fn with(mut self, metadata: Metadata) -> Self {
        match (metadata, self.body) {
            (Metadata::None, body @ (Body::Json(_) | Body::Entity(_))) => {
                // Paging needs these.
                const NEEDED_FOR_PAGING: [&str; 3] = ["@odata.nextLink", "@odata.deltaLink", "@odata.count"];
                let mut body = body.into_value();
                retain(&mut body, &|name| !is_annotation(name) || NEEDED_FOR_PAGING.contains(&name));
                self.body = Body::Json(body);
                self.header(CONTENT_TYPE, NO_METADATA)
            }
            (_, body) => Self { body, ..self },
        }
    }
}

/// An error of Graph, boxed because it is large and part of every `Result`.
#[derive(Clone, Debug)]
pub(crate) struct GraphError(Box<GraphErrorInner>);

#[derive(Clone, Debug)]
struct GraphErrorInner {
    status: StatusCode,
    code: Cow<'static, str>,
    message: String,
    details: Vec<(&'static str, String, String)>,
    headers: Vec<(HeaderName, String)>,
}

impl GraphError {
    pub(crate) fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self(Box::new(GraphErrorInner {
            status,
            code: code.into(),
            message: message.into(),
            details: Vec::new(),
            headers: Vec::new(),
        }))
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }

    pub(crate) fn invalid(property: &str, kind: &str) -> Self {
        Self::bad_request(format!("Invalid value specified for property '{property}' of resource '{kind}'."))
            .detail("InvalidValue", property)
    }

    pub(crate) fn unsupported_query(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", message)
    }

    pub(crate) fn not_found(id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Request_ResourceNotFound",
            format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present."),
        )
    }

    /// The error of a replica that does not know a new object yet.
    pub(crate) fn replica_miss() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Directory_ObjectNotFound",
            "Unable to read the company information from the directory.",
        )
    }

    pub(crate) fn denied() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "Request_MultipleObjectsWithSameKeyValue", message)
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        )
    }

    /// The error for what Graph may support and this tenant does not.
    pub(crate) fn not_implemented(what: impl Into<String>) -> Self {
        let what = what.into();
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", format!("The in-memory tenant does not know {what}."))
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The message of the error.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// Adds an entry to `details` with the error's message.
    #[must_use]
    pub(crate) fn detail(mut self, code: &'static str, target: impl Into<String>) -> Self {
        let message = self.0.message.clone();
        self.0.details.push((code, target.into(), message));
        self
    }

    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }
}

/// The ids and the time that a request shares with the items of its batch.
#[derive(Clone, Debug)]
pub(crate) struct Correlation {
    pub(crate) request_id: String,
    pub(crate) client_request_id: String,
    pub(crate) wall: OffsetDateTime,
}

impl Correlation {
    /// The client's own id counts where it sends one.
    pub(crate) fn new(request_id: String, headers: &HeaderMap, wall: OffsetDateTime) -> Self {
        let client = headers.get("client-request-id").and_then(|value| value.to_str().ok());
        Self { client_request_id: client.unwrap_or(&request_id).to_owned(), request_id, wall }
    }
}

/// A complete response, for a request of its own or for an item of a batch.
pub(crate) struct RenderedResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Body,
}

/// Converts a result to Graph's form.
pub(crate) fn render(outcome: GraphResult, correlation: &Correlation) -> RenderedResponse {
    let mut headers = vec![(CACHE_CONTROL, "no-cache".to_owned())];
    match outcome {
        Ok(response) => {
            let content_type = match response.body {
                Body::Empty => None,
                Body::Text(_) => Some("text/plain"),
                Body::Json(_) | Body::Entity(_) | Body::Batch(_) => Some(MINIMAL_METADATA),
            };
            if let Some(content_type) = content_type {
                if !response.headers.iter().any(|(name, _)| *name == CONTENT_TYPE) {
                    headers.push((CONTENT_TYPE, content_type.to_owned()));
                }
                headers.push((HeaderName::from_static("odata-version"), "4.0".to_owned()));
            }
            headers.extend(response.headers);
            RenderedResponse { status: response.status, headers, body: response.body }
        }
        Err(error) => {
            let GraphErrorInner { status, code, message, details, headers: more } = *error.0;
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
            inner.insert("date".into(), timestamp::bare(correlation.wall).into());
            if status == StatusCode::TOO_MANY_REQUESTS {
                inner.insert("message".into(), "Please retry after".into());
            }
            inner.insert("request-id".into(), correlation.request_id.as_str().into());
            inner.insert("client-request-id".into(), correlation.client_request_id.as_str().into());
            if status == StatusCode::TOO_MANY_REQUESTS {
                inner.insert("status".into(), "429".into());
            }
            error.insert("innerError".into(), inner.into());
            RenderedResponse { status, headers, body: Body::Json(json!({ "error": error })) }
        }
    }
}

impl RenderedResponse {
    /// The HTTP response.
    pub(crate) fn into_response(self, correlation: &Correlation) -> Response<Bytes> {
        let body = match self.body {
            Body::Empty => Bytes::new(),
            Body::Text(text) => text.into(),
            body => serde_json::to_vec(&body).expect("a body is written as JSON").into(),
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
            // An id of the request that is not a valid header value is left out.
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }

    /// The entry in a batch's `responses`.
    pub(crate) fn into_batch_item(self, id: &str) -> BatchItem {
        let headers = self.headers.iter().map(|(name, value)| (canonical(name), Value::from(value.as_str()))).collect();
        BatchItem { body: self.body, headers, id: id.to_owned(), status: self.status.as_u16() }
    }
}

/// Header names in a batch have capitals.
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
