//! From an HTTP request to an HTTP response: versions, tokens and batches.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, Response, StatusCode};
use serde_json::Value;
use time::OffsetDateTime;

use super::azure_management;
use super::cloud_state::CloudState;
use super::data::json::{items, text, texts};
use super::faults::{MAX_BATCH_REQUESTS, Revocations, Schedule, Throttling};
use super::graph::call::{Actor, Call, pairs};
use super::graph::directory::Directory;
use super::graph::response::{
    Body, Correlation, GraphError, GraphResponse, GraphResult, Metadata, RenderedResponse, render,
};
use super::graph::route::{Operation, route};
use super::partner_center;
use super::record::Log;
use super::sign_in::{Endpoint, IssuedTokens, SignInRequest};
use crate::random::{SeededRandomness, uuid};

/// Everything that one tenant is.
pub(super) struct TenantState {
    pub(super) directory: Directory,
    pub(super) tokens: IssuedTokens,
    pub(super) schedule: Schedule,
    pub(super) limits: Throttling,
    pub(super) log: Log,
    /// Request ids come from a source of their own, so that reading does not change the ids of what is written.
    pub(super) request_ids: SeededRandomness,
}

/// What a request is for.
pub(super) enum Target {
    /// The path below the version, with its slash.
    Graph(String),
    /// The path below the beta version, with its slash.
    GraphBeta(String),
    /// The tenant of `/{tenant}/oauth2/v2.0/token`, and the endpoint.
    SignIn(String, Endpoint),
    /// The path of Azure's management API, with its slash.
    Management(String),
    /// The path of Partner Center, with its slash.
    PartnerCenter(String),
    Other,
}

impl Target {
    pub(super) fn of(path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            [version, rest @ ..] if version.eq_ignore_ascii_case("v1.0") => Self::Graph(format!("/{}", rest.join("/"))),
            [version, rest @ ..] if version.eq_ignore_ascii_case("beta") => {
                Self::GraphBeta(format!("/{}", rest.join("/")))
            }
            ["subscriptions" | "tenants", ..] => Self::Management(format!("/{}", parts.join("/"))),
            [version, customers, ..]
                if version.eq_ignore_ascii_case("v1") && customers.eq_ignore_ascii_case("customers") =>
            {
                Self::PartnerCenter(format!("/{}", parts.join("/")))
            }
            parts => Endpoint::of(parts).map_or(Self::Other, |(tenant, endpoint)| Self::SignIn(tenant, endpoint)),
        }
    }

    /// The path that faults are matched against; `path` is that of the request.
    pub(super) fn fault_path<'a>(&'a self, path: &'a str) -> &'a str {
        match self {
            Self::Graph(path) | Self::GraphBeta(path) | Self::PartnerCenter(path) => path,
            Self::SignIn(_, endpoint) => endpoint.path(),
            Self::Management(_) | Self::Other => path,
        }
    }
}

/// A request, and what is known of it.
pub(super) struct Received<'a> {
    pub(super) request: &'a http::Request<Bytes>,
    pub(super) target: &'a Target,
    /// The scheme and host that absolute links start with.
    pub(super) origin: &'a str,
    pub(super) revocations: Revocations<'a>,
    pub(super) correlation: &'a Correlation,
    pub(super) now: Duration,
    pub(super) wall: OffsetDateTime,
}

impl CloudState {
    /// Responds to a request, with the status of each item of a batch.
    pub(super) fn handle_request(
        &mut self,
        at: usize,
        received: &Received<'_>,
    ) -> (Response<Bytes>, Vec<Option<StatusCode>>) {
        let Received { request, target, origin, ref revocations, correlation, now, wall } = *received;
        self.advance_time(now, wall);
        self[at].directory.sweep_credentials();
        match target {
            Target::SignIn(tenant, endpoint) => {
                let asking = SignInRequest {
                    tenant: at,
                    tenant_name: tenant,
                    endpoint,
                    origin,
                    method: request.method(),
                    query: request.uri().query().unwrap_or_default(),
                    headers: request.headers(),
                    body: request.body(),
                    correlation,
                    now,
                    wall,
                };
                let mut response = self.sign_in(&asking);
                if *endpoint != Endpoint::UserInfo {
                    asking.add_request_ids(&mut response);
                }
                (response, Vec::new())
            }
            Target::Management(path) => {
                let TenantState { tokens, directory, .. } = &self[at];
                (azure_management::handle_request(request, path, tokens, directory, wall), Vec::new())
            }
            Target::PartnerCenter(_) => {
                let asking = partner_center::PartnerCenterRequest {
                    tenant: at,
                    http: request,
                    fresh_id: &correlation.request_id,
                    now,
                    wall,
                };
                (self.partner_center(&asking), Vec::new())
            }
            Target::Other => {
                let path = request.uri().path();
                (GraphError::not_implemented(format!("the path {path}")).respond(correlation), Vec::new())
            }
            Target::Graph(path) | Target::GraphBeta(path) => {
                let version = if matches!(target, Target::GraphBeta(_)) { "beta" } else { "v1.0" };
                let mut call = Call {
                    root: format!("{origin}/{version}"),
                    method: request.method().clone(),
                    path: path.clone(),
                    query: pairs(request.uri().query().unwrap_or_default()),
                    eventual: false,
                    upsert: false,
                    if_match: None,
                    include_unknown_enum_members: false,
                    metadata: Metadata::default(),
                    body: None,
                    actor: Actor::Operator,
                    owned_only: false,
                    itself_only: false,
                    foreign_application: None,
                    now,
                    wall,
                };
                call.set_headers(request.headers());
                let mut statuses = Vec::new();
                let outcome = self[at].tokens.identify(request.headers(), wall).and_then(|identity| {
                    call.actor = Actor::SignedIn(identity);
                    // What is not known here is said before its body is read, which need not be JSON.
                    check_version(&route(&call.method, &call.path)?, &call)?;
                    call.body = json_body(request.headers(), request.body())?;
                    Ok(())
                });
                let outcome = match outcome {
                    Ok(()) => self.graph(at, &mut call, revocations, correlation, &mut statuses),
                    Err(refusal) => render(Err(refusal), correlation),
                };
                (outcome.into_response(correlation), statuses)
            }
        }
    }

    /// Carries out a request as whoever holds the tenant.
    pub(super) fn operate(&mut self, at: usize, mut call: Call) -> (StatusCode, Value) {
        self.advance_time(call.now, call.wall);
        self[at].directory.sweep_credentials();
        let correlation = self[at].correlation(&HeaderMap::new(), call.wall);
        let rendered = self.graph(at, &mut call, &Revocations::default(), &correlation, &mut Vec::new());
        (rendered.status, rendered.body.into_value())
    }

    fn graph(
        &mut self,
        at: usize,
        call: &mut Call,
        revocations: &Revocations<'_>,
        correlation: &Correlation,
        statuses: &mut Vec<Option<StatusCode>>,
    ) -> RenderedResponse {
        if let Some(role) = revocations.whole {
            self[at].revoke_role_of_actor(call, role);
        }
        let outcome = route(&call.method, &call.path).and_then(|operation| match operation {
            Operation::Batch if !call.is_beta() => self.batch(at, call, revocations, correlation, statuses),
            operation => self.carry_out(at, operation, call),
        });
        render(outcome, correlation)
    }

    fn carry_out(&mut self, at: usize, operation: Operation, call: &mut Call) -> GraphResult {
        check_version(&operation, call)?;
        if call.metadata == Metadata::Full {
            return Err(GraphError::not_implemented("odata.metadata=full"));
        }
        Ok(self.metered(at, operation, call)?.with(call.metadata))
    }

    /// <https://learn.microsoft.com/graph/json-batching>
    fn batch(
        &mut self,
        at: usize,
        call: &Call,
        revocations: &Revocations<'_>,
        correlation: &Correlation,
        statuses: &mut Vec<Option<StatusCode>>,
    ) -> GraphResult {
        let bad = |message: String| GraphError::new(StatusCode::BAD_REQUEST, "BadRequest", message);
        let body = call.object()?;
        let requests = items(body, "requests");
        if requests.is_empty() {
            return Err(bad("Invalid batch payload format.".into()));
        }
        if requests.len() > MAX_BATCH_REQUESTS {
            return Err(bad(format!("The number of requests in a batch exceeds the limit of {MAX_BATCH_REQUESTS}.")));
        }
        let mut order: HashMap<String, usize> = HashMap::new();
        for (index, request) in requests.iter().enumerate() {
            let id = text(request, "id");
            if id.is_empty() || order.insert(id.to_lowercase(), index).is_some() {
                return Err(bad(format!("Request id '{id}' is missing or not unique in the batch.")));
            }
            let writes = ["POST", "PATCH", "PUT"].contains(&text(request, "method").to_uppercase().as_str());
            let typed = header_map(request).contains_key(CONTENT_TYPE);
            let bodied = request.get("body").is_some_and(|body| !body.is_null());
            if (writes && !bodied) || (bodied && !typed) {
                return Err(bad(format!("Write request id : {id} does not contain Content-Type header or body.")));
            }
        }
        let mut calls: Vec<Call> = requests.iter().map(|request| item_call(call, request)).collect::<Result<_, _>>()?;
        statuses.resize(requests.len(), None);
        let mut responses = Vec::new();
        while responses.len() < requests.len() {
            let before = responses.len();
            for (index, request) in
                requests.iter().enumerate().filter(|(index, _)| statuses[*index].is_none()).collect::<Vec<_>>()
            {
                let mut ready = true;
                let mut failed = false;
                for dependency in texts(request, "dependsOn") {
                    let on = order.get(&dependency.to_lowercase());
                    let on = on.ok_or_else(|| {
                        bad(format!("Request depends on '{dependency}', which is not part of the batch."))
                    })?;
                    ready &= statuses[*on].is_some();
                    failed |= statuses[*on].is_some_and(|status| status.as_u16() >= 400);
                }
                if !ready {
                    continue;
                }
                if let Some(role) = revocations.items.get(index).copied().flatten() {
                    for call in &mut calls {
                        self[at].revoke_role_of_actor(call, role);
                    }
                }
                let mut call = calls[index].clone();
                let outcome = if failed {
                    Err(GraphError::new(
                        StatusCode::FAILED_DEPENDENCY,
                        "FailedDependency",
                        "A request on which this one depends has failed.",
                    ))
                } else {
                    let operation = route(&call.method, &call.path);
                    operation.and_then(|operation| self.carry_out(at, operation, &mut call))
                };
                let rendered = render(outcome, correlation);
                statuses[index] = Some(rendered.status);
                responses.push(rendered.into_batch_item(text(request, "id")));
            }
            if responses.len() == before {
                return Err(bad("The dependencies of the batch form a circle.".into()));
            }
        }
        // The responses come in no order that a client could rely on.
        responses.reverse();
        Ok(GraphResponse::with_body(Body::Batch(responses)))
    }
}

impl TenantState {
    pub(super) fn correlation(&self, headers: &HeaderMap, wall: OffsetDateTime) -> Correlation {
        Correlation::new(uuid(&self.request_ids).to_string(), headers, wall)
    }
}

/// Refuses what the version of a request does not have, or not here: reports are of the beta version alone, and of it only
/// they and the policies are known.
fn check_version(operation: &Operation, call: &Call) -> Result<(), GraphError> {
    let is_known = match operation {
        Operation::Reports(_) => call.is_beta(),
        Operation::Policies(_) => true,
        _ => !call.is_beta(),
    };
    let version = if call.is_beta() { "beta" } else { "v1.0" };
    let what = || format!("{} {} of the version {version}", call.method, call.path);
    if is_known { Ok(()) } else { Err(GraphError::not_implemented(what())) }
}

impl GraphError {
    fn respond(self, correlation: &Correlation) -> Response<Bytes> {
        render(Err(self), correlation).into_response(correlation)
    }
}

fn json_body(headers: &HeaderMap, body: &[u8]) -> Result<Option<Value>, GraphError> {
    if body.is_empty() {
        return Ok(None);
    }
    let typed = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/json"));
    serde_json::from_slice(body).ok().filter(|_| typed).map(Some).ok_or_else(|| {
        GraphError::new(
            StatusCode::BAD_REQUEST,
            "BadRequest",
            "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid \
                JSON format.",
        )
    })
}

fn header_map(request: &Value) -> HeaderMap {
    let members = request.get("headers").and_then(Value::as_object).into_iter().flatten();
    let pairs =
        members.filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value.as_str()?.parse().ok()?)));
    pairs.collect()
}

/// The call of an item: with the rights of the whole, and its own headers.
fn item_call(outer: &Call, request: &Value) -> Result<Call, GraphError> {
    let bad = |what: &str| {
        GraphError::new(
            StatusCode::BAD_REQUEST,
            "BadRequest",
            format!("Invalid batch payload format: {what} of request '{}'.", text(request, "id")),
        )
    };
    let url = text(request, "url");
    if url.is_empty() || url.contains("://") {
        return Err(bad("the url"));
    }
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut call = outer.clone();
    call.method = text(request, "method").to_uppercase().parse().map_err(|_| bad("the method"))?;
    call.path = format!("/{}", path.trim_start_matches('/'));
    call.query = pairs(query);
    call.set_headers(&header_map(request));
    // Whether `Prefer` counts inside a batch is not documented; here it does not.
    call.upsert = false;
    call.body = match request.get("body") {
        Some(Value::String(encoded)) => {
            let decoded = URL_SAFE_NO_PAD.decode(encoded.trim_end_matches('=')).ok();
            Some(decoded.and_then(|json| serde_json::from_slice(&json).ok()).ok_or_else(|| bad("the body"))?)
        }
        Some(Value::Null) | None => None,
        Some(body) => Some(body.clone()),
    };
    Ok(call)
}

/// The scheme and host that absolute links start with.
pub(super) fn origin(request: &http::Request<Bytes>, configured: Option<&str>) -> String {
    if let Some(configured) = configured {
        return configured.trim_end_matches('/').to_owned();
    }
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let scheme = header("x-forwarded-proto").or_else(|| request.uri().scheme_str());
    let host = header("x-forwarded-host").or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
    match host.or_else(|| header("host")) {
        Some(host) => format!("{}://{host}", scheme.unwrap_or("http")),
        None => "https://graph.microsoft.com".to_owned(),
    }
}
