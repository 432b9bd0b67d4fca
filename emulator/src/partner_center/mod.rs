//! The Partner Center API (`https://api.partnercenter.microsoft.com`), as far as a partner consents to its applications
//! for its customers: `/v1/customers` and `/v1/customers/{tenant}/applicationconsents`.
//!
//! <https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis>

mod agent;
mod consents;
mod customers;
mod response;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use self::response::{PartnerCenterError, PartnerCenterResponse};
use crate::cloud_state::CloudState;
use crate::faults::Cost;
use crate::graph::route::percent_decode;

/// The maximum number of responses in the replay cache.
const MAX_CACHED_RESPONSES: usize = 256;

/// A request to Partner Center.
#[derive(Clone, Copy)]
pub(crate) struct PartnerCenterRequest<'a> {
    /// The tenant that handles the request: the one that issued the token.
    pub(crate) tenant: usize,
    pub(crate) http: &'a http::Request<Bytes>,
    /// The id for the response if the request has none.
    pub(crate) fresh_id: &'a str,
    pub(crate) now: Duration,
    pub(crate) wall: OffsetDateTime,
}

impl PartnerCenterRequest<'_> {
    fn headers(&self) -> &HeaderMap {
        self.http.headers()
    }

    /// The text of a header.
    fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }
}

/// The responses that are returned again when a request is repeated under its id.
#[derive(Debug, Default)]
pub(crate) struct ReplayCache(VecDeque<(ReplayKey, PartnerCenterResponse)>);

/// The parts of a request that identify its repetition.
#[derive(Debug, PartialEq)]
struct ReplayKey {
    id: String,
    method: Method,
    path: String,
    /// The SHA-256 of the body.
    body: [u8; 32],
}

impl ReplayKey {
    /// The key of a request; `None` for one that changes nothing, or has no request id.
    fn of(request: &PartnerCenterRequest<'_>) -> Option<Self> {
        let id = request.header("ms-requestid").filter(|_| request.http.method() != Method::GET)?;
        Some(Self {
            id: id.to_lowercase(),
            method: request.http.method().clone(),
            path: request.http.uri().path().to_owned(),
            body: Sha256::digest(request.http.body()).into(),
        })
    }
}

impl CloudState {
    /// Handles a request to Partner Center.
    pub(crate) fn partner_center(&mut self, request: &PartnerCenterRequest<'_>) -> Response<Bytes> {
        let result = self.handle_partner_center(request);
        response::respond(result, request, self.is_mfa_compliant(request))
    }

    fn handle_partner_center(
        &mut self,
        request: &PartnerCenterRequest<'_>,
    ) -> Result<PartnerCenterResponse, PartnerCenterError> {
        if let Some(app_id) = self.app_of_token(request) {
            self.charge(request.tenant, &app_id, &Cost::of_partner_center(), request.now)
                .map_err(|exceeded| PartnerCenterError::too_many_requests(exceeded.wait_seconds()))?;
        }
        let agent = self.authenticate_agent(request)?;
        let replay_key = ReplayKey::of(request);
        let cached = |cloud: &Self| {
            let all = &cloud[request.tenant].directory.partner.as_ref()?.replay_cache.0;
            all.iter().find(|(known, _)| Some(known) == replay_key.as_ref()).map(|(_, response)| response.clone())
        };
        if let Some(response) = cached(self) {
            return Ok(response);
        }
        let parts: Vec<String> =
            request.http.uri().path().split('/').filter(|part| !part.is_empty()).map(percent_decode).collect();
        let lower: Vec<String> = parts.iter().skip(2).map(|part| part.to_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let response = match (request.http.method().as_str(), lower.as_slice()) {
            ("GET", []) => self.list_partner_center_customers(request),
            ("GET", [customer]) => self.get_partner_center_customer(request, customer),
            ("POST", [customer, "applicationconsents"]) => self.consent_for_customer(request, &agent, customer),
            ("DELETE", [customer, "applicationconsents", application]) => {
                self.withdraw_consent(request, &agent, customer, application)
            }
            (_, [_, "applicationconsents"] | [_, "applicationconsents", _]) => {
                Err(PartnerCenterError::method_not_allowed())
            }
            (method, _) => Err(PartnerCenterError::not_implemented(&format!("{method} {}", request.http.uri().path()))),
        }?;
        if let (Some(replay_key), Some(partner)) = (replay_key, &mut self[request.tenant].directory.partner) {
            let cached = &mut partner.replay_cache.0;
            cached.push_back((replay_key, response.clone()));
            if cached.len() > MAX_CACHED_RESPONSES {
                cached.pop_front();
            }
        }
        Ok(response)
    }
}

/// An error in the form of Partner Center, with a header that says when to try again.
pub(crate) fn error_response(
    request: &PartnerCenterRequest<'_>,
    status: StatusCode,
    code: String,
    description: String,
    retry: Option<(HeaderName, String)>,
) -> Response<Bytes> {
    let error = PartnerCenterError::new(status, code, description);
    let error = retry.into_iter().fold(error, |error, (name, value)| error.header(name, value));
    response::respond(Err(error), request, None)
}

/// The refusal of a token in the form of Partner Center.
pub(crate) fn token_refused(request: &PartnerCenterRequest<'_>) -> Response<Bytes> {
    response::respond(Err(PartnerCenterError::unauthorized()), request, None)
}

/// The body, which must be an object.
fn object(request: &PartnerCenterRequest<'_>) -> Result<Value, PartnerCenterError> {
    let body = serde_json::from_slice::<Value>(request.http.body()).ok().filter(Value::is_object);
    body.ok_or_else(|| PartnerCenterError::bad_request("The request body is missing or is no valid JSON."))
}
