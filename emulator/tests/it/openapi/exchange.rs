//! Whether a request and its response are what the description says.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entra_apps::http::Uri;
use entra_apps::url::form_urlencoded;
use serde_json::Value;

use super::document::{Document, Found, Operation};
use super::paths;
use super::schema::{Fault, Schema, Selected, Undeclared, What};
use crate::support::traffic::Recorded;

/// Something that is not as the description says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The JSON pointer into the body, or what else it is about.
    pub(crate) at: String,
    pub(crate) reason: String,
    /// How a gap of the description that explains it would be called.
    pub(crate) gap: String,
    pub(crate) test: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, at, reason, gap, test } = self;
        write!(f, "{method} {path}\n    {at}: {reason}\n    called `{gap}`, seen in {test}")
    }
}

/// What exchanges have shown.
#[derive(Default)]
pub(crate) struct Report {
    /// Requests to Graph, batches and their items among them.
    pub(crate) requests: usize,
    pub(crate) batches: usize,
    /// Requests that are not for Graph, such as sign-ins.
    pub(crate) elsewhere: usize,
    pub(crate) operations: BTreeSet<String>,
    /// What is wrong with responses.
    pub(crate) findings: Vec<Finding>,
    /// What was wrong with requests that were not refused.
    pub(crate) accepted: Vec<Finding>,
    /// What was wrong with requests that were refused, as they should be.
    pub(crate) refused: Vec<Finding>,
    pub(crate) undeclared: BTreeSet<Undeclared>,
}

/// A body, as far as it is known what it is.
#[derive(Clone, Debug, PartialEq)]
enum Body {
    Empty,
    Json(Value),
    Text(String),
}

/// A request with its response: of its own, or an item of a batch.
struct Exchange {
    test: String,
    method: String,
    /// Below the version.
    path: String,
    query: String,
    media_type: String,
    body: Body,
    status: u16,
    answer_media_type: String,
    response: Body,
}

impl Report {
    /// Looks at one recorded exchange.
    pub(crate) fn look(&mut self, document: &Document, recorded: &Recorded) {
        let uri: Uri = recorded.uri.parse().expect("a request had it");
        let Some(path) = below_version(uri.path()) else {
            self.elsewhere += 1;
            return;
        };
        let exchange = Exchange {
            test: recorded.test.clone(),
            method: recorded.method.clone(),
            path: path.to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            media_type: media_type(recorded.content_type.as_deref()),
            body: Body::read(recorded.content_type.as_deref(), &recorded.body),
            status: recorded.status,
            answer_media_type: media_type(recorded.answer_content_type.as_deref()),
            response: Body::read(recorded.answer_content_type.as_deref(), &recorded.answer_body),
        };
        self.exchange(document, &exchange);
        if path.eq_ignore_ascii_case("/$batch") {
            self.batches += 1;
            self.batch(document, &exchange);
        }
    }

    fn exchange(&mut self, document: &Document, exchange: &Exchange) {
        self.requests += 1;
        let mut look = Look { document, exchange, called: String::new(), findings: Vec::new(), undeclared: Vec::new() };
        let found = document.find(&exchange.method, &exchange.path);
        let operation = match found {
            Found::Operation(operation) => Some(operation),
            Found::NoPath | Found::NoMethod => None,
        };
        look.called = match operation {
            Some(operation) => operation.name.clone(),
            None => format!("{} {}", exchange.method, paths::name(&exchange.path)),
        };
        match found {
            Found::NoPath => look.note("path", "the description has no such path".into(), "path"),
            Found::NoMethod => look.note("method", "the description has no such method of the path".into(), "method"),
            Found::Operation(operation) => look.request(operation),
        }
        // Refusing an invalid request is correct.
        let wrong = std::mem::take(&mut look.findings);
        if exchange.status >= 400 {
            self.refused.extend(wrong);
            look.undeclared.clear();
        } else {
            self.accepted.extend(wrong);
        }
        look.response(operation);
        self.findings.extend(look.findings);
        self.undeclared.extend(look.undeclared);
        self.operations.extend(operation.map(|operation| operation.name.clone()));
    }

    /// Looks at each item of a batch that was carried out.
    fn batch(&mut self, document: &Document, outer: &Exchange) {
        let (Body::Json(asked), Body::Json(answered), 200) = (&outer.body, &outer.response, outer.status) else {
            return;
        };
        let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
        let (requests, mut responses) = (list(asked, "requests"), list(answered, "responses"));
        for request in &requests {
            let id = &request["id"];
            let same = |response: &Value| response["id"] == *id;
            let Some(at) = responses.iter().position(same) else {
                self.findings.push(outer.finding("/responses", format!("there is none of the id {id}"), "batch"));
                continue;
            };
            let response = responses.swap_remove(at);
            let url = request["url"].as_str().unwrap_or_default();
            let (path, query) = url.split_once('?').unwrap_or((url, ""));
            let (asked, answered) = (header(request, "content-type"), header(&response, "content-type"));
            let item = Exchange {
                test: format!("{}, item {id} of a batch", outer.test),
                method: request["method"].as_str().unwrap_or_default().to_uppercase(),
                path: format!("/{}", path.trim_start_matches('/')),
                query: query.to_owned(),
                media_type: media_type(asked.as_deref()),
                body: Body::of_item(request.get("body"), asked.as_deref()),
                status: response["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default(),
                answer_media_type: media_type(answered.as_deref()),
                response: Body::of_item(response.get("body"), answered.as_deref()),
            };
            self.exchange(document, &item);
        }
        for response in responses {
            let reason = format!("{} answers no request", response["id"]);
            self.findings.push(outer.finding("/responses", reason, "batch"));
        }
    }
}

impl Exchange {
    fn finding(&self, at: &str, reason: String, gap: &str) -> Finding {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        Finding {
            method: self.method.clone(),
            path: format!("{}{query}", self.path),
            at: at.to_owned(),
            reason,
            gap: gap.to_owned(),
            test: self.test.clone(),
        }
    }
}

/// One look at an exchange.
struct Look<'a> {
    document: &'a Document,
    exchange: &'a Exchange,
    /// The operation's name.
    called: String,
    findings: Vec<Finding>,
    undeclared: Vec<Undeclared>,
}

impl Look<'_> {
    /// Notes a finding. What a gap is called is followed by the operation.
    fn note(&mut self, at: &str, reason: String, gap: &str) {
        let gap = format!("{gap} of {}", self.called);
        self.findings.push(self.exchange.finding(at, reason, &gap));
    }

    fn request(&mut self, operation: &Operation) {
        for (name, value) in form_urlencoded::parse(self.exchange.query.as_bytes()) {
            // The service takes the names of its options in any case.
            let declared = operation.options.iter().find(|(declared, _)| declared.eq_ignore_ascii_case(&name));
            match declared {
                None => {
                    let reason = format!("{name}={value} is not declared");
                    self.note("query", reason, &format!("option {name}"));
                }
                Some((name, schema)) => {
                    let read = serde_json::from_str(&value).ok().filter(|read: &Value| !read.is_string());
                    let text = Value::String(value.to_string());
                    let text_fits = self.document.schemas.look(&text, schema).faults.is_empty();
                    let fits = text_fits
                        || read.is_some_and(|read| self.document.schemas.look(&read, schema).faults.is_empty());
                    if !fits {
                        let reason = format!("{name}={value} is not of its type");
                        self.note("query", reason, &format!("value of {name}"));
                    }
                }
            }
        }
        self.selected(operation);
        let (exchange, called) = (self.exchange, "body of the request");
        match (&operation.body, &exchange.body) {
            (None, Body::Empty) => {}
            (None, _) => self.note("body of the request", "there is one, and none is declared".into(), called),
            (Some(_), Body::Empty) => self.note("body of the request", "there is none".into(), called),
            (Some(content), body) => {
                let content_type = exchange.media_type.clone();
                self.body(body, &content_type, &content.media_type, &content.schema, "request");
            }
        }
    }

    /// What is selected or expanded must be a property of the response.
    fn selected(&mut self, operation: &Operation) {
        let Some(content) = &operation.response else { return };
        for (name, value) in form_urlencoded::parse(self.exchange.query.as_bytes()) {
            let properties = match name.to_lowercase().as_str() {
                "$select" => value.split(',').map(|part| part.trim().split('/').next().unwrap_or_default()).collect(),
                "$expand" => expanded(&value),
                _ => continue,
            };
            for property in properties {
                match self.document.schemas.selects(&content.schema, property) {
                    Selected::Declared => {}
                    Selected::Undeclared(undeclared) => self.undeclared.push(undeclared),
                    Selected::Unknown(of) => {
                        let reason = format!("{name} names {property}, which {of} does not have");
                        self.note("query", reason, &format!("{property} in {name}"));
                    }
                }
            }
        }
    }

    fn response(&mut self, operation: Option<&Operation>) {
        let exchange = self.exchange;
        let content_type = exchange.answer_media_type.clone();
        if exchange.status >= 400 {
            let refusal = operation.map_or_else(|| Schema::named("ODataError"), |operation| operation.refusal.clone());
            return self.body(&exchange.response, &content_type, "application/json", &refusal, "refusal");
        }
        let Some(operation) = operation else { return };
        if !operation.success.contains(&exchange.status) {
            let reason = format!("{} is not among {:?}", exchange.status, operation.success);
            self.note("status", reason, &format!("status {}", exchange.status));
        }
        match (&operation.response, &exchange.response) {
            (Some(content), body) if exchange.status != 204 => {
                self.body(body, &content_type, &content.media_type, &content.schema, "answer");
            }
            (_, Body::Empty) => {}
            _ => self.note("body of the answer", "there is one, and none is declared".into(), "body of the answer"),
        }
    }

    /// Holds a body against its schema.
    fn body(&mut self, body: &Body, content_type: &str, declared: &str, schema: &Schema, whose: &str) {
        if content_type != declared {
            let reason = format!("the content type is {content_type:?} and not {declared}");
            return self.note(&format!("body of the {whose}"), reason, &format!("content type of the {whose}"));
        }
        let value = match body {
            // Bytes are what they are.
            _ if declared == "application/octet-stream" => return,
            Body::Json(value) => value.clone(),
            Body::Text(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
            Body::Empty => {
                let at = format!("body of the {whose}");
                return self.note(&at, "there is none".into(), &at);
            }
        };
        let look = self.document.schemas.look(&value, schema);
        let (faults, undeclared) = (look.faults, look.undeclared);
        for Fault { pointer, what } in faults {
            let place: Vec<&str> =
                pointer.split('/').map(|part| if part.parse::<usize>().is_ok() { "*" } else { part }).collect();
            let gap = match &what {
                // Called by its type, wherever it is.
                What::Unknown { of, member } => format!("member {member} of {of} in the {whose}"),
                What::Type(name) => format!("type {name} at {} in the {whose}", place.join("/")),
                What::Null => format!("null at {} in the {whose}", place.join("/")),
                What::Missing(member) => format!("missing {member} at {} in the {whose}", place.join("/")),
                What::Not(_) => format!("value at {} in the {whose}", place.join("/")),
            };
            let found = value.pointer(&pointer).map_or_else(String::new, |found| {
                let mut shown = found.to_string();
                if shown.chars().count() > 60 {
                    shown = shown.chars().take(60).chain(['…']).collect();
                }
                format!(" ({shown})")
            });
            let at = format!("{} of the {whose}", if pointer.is_empty() { "the whole" } else { &pointer });
            self.note(&at, format!("{}{found}", what.reason()), &gap);
        }
        self.undeclared.extend(undeclared);
    }
}

impl Body {
    fn read(content_type: Option<&str>, text: &str) -> Self {
        if text.is_empty() {
            return Self::Empty;
        }
        let json = media_type(content_type) == "application/json";
        let read = json.then(|| serde_json::from_str(text).ok()).flatten();
        read.map_or_else(|| Self::Text(text.to_owned()), Self::Json)
    }

    /// The body of an item is JSON, or that in base64.
    fn of_item(body: Option<&Value>, content_type: Option<&str>) -> Self {
        let json = media_type(content_type) == "application/json";
        match body {
            None | Some(Value::Null) => Self::Empty,
            Some(Value::String(text)) => {
                let decoded = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok().filter(|_| json);
                let read = decoded.and_then(|bytes| serde_json::from_slice(&bytes).ok());
                read.map_or_else(|| Self::Text(text.clone()), Self::Json)
            }
            Some(value) => Self::Json(value.clone()),
        }
    }
}

/// The properties that `$expand` names, without the options in their parentheses.
fn expanded(value: &str) -> Vec<&str> {
    let mut depth = 0;
    let parts = value.split(|letter: char| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        letter == ',' && depth == 0
    });
    parts.map(|part| part.split(['(', '/']).next().unwrap_or_default().trim()).collect()
}

/// The path below `/v1.0`, with its slash.
fn below_version(path: &str) -> Option<&str> {
    let rest = path.trim_start_matches('/');
    let (version, _) = rest.split_once('/')?;
    version.eq_ignore_ascii_case("v1.0").then(|| &rest[version.len()..])
}

/// The media type without its parameters.
fn media_type(content_type: Option<&str>) -> String {
    content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_lowercase()
}

fn header(item: &Value, name: &str) -> Option<String> {
    let headers = item.get("headers").and_then(Value::as_object).into_iter().flatten();
    let mut found = headers.filter(|(header, _)| header.eq_ignore_ascii_case(name));
    found.next().and_then(|(_, value)| value.as_str()).map(str::to_owned)
}
