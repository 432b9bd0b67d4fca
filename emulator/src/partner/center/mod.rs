//! Partner Center's own service (`https://api.partnercenter.microsoft.com`), as far as a partner consents to its
//! applications for its customers: `/v1/customers` and `/v1/customers/{tenant}/applicationconsents`.
//!
//! <https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis>

mod answer;
mod caller;
mod consents;
mod customers;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use self::answer::{Failure, Reply};
use crate::route::decode;
use crate::world::World;

/// How many answers are kept for those who repeat a request.
const MOST_KEPT: usize = 256;

/// A request to Partner Center.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    /// The tenant that is asked: the one that issued the token.
    pub(crate) at: usize,
    pub(crate) request: &'a http::Request<Bytes>,
    /// What stands for an id that the request does not bring.
    pub(crate) fresh_id: &'a str,
    pub(crate) now: Duration,
    pub(crate) wall: OffsetDateTime,
}

impl Asking<'_> {
    fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// The text of a header.
    fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }
}

/// The answers that are given again when a request comes again under its id.
#[derive(Debug, Default)]
pub(super) struct Kept(VecDeque<(Named, Reply)>);

/// What makes a request the same as another.
#[derive(Debug, PartialEq)]
struct Named {
    id: String,
    method: Method,
    path: String,
    /// The SHA-256 of the body.
    body: [u8; 32],
}

impl Named {
    /// `None` for a request that changes nothing, or has no id.
    fn of(asking: &Asking<'_>) -> Option<Self> {
        let id = asking.header("ms-requestid").filter(|_| asking.request.method() != Method::GET)?;
        Some(Self {
            id: id.to_lowercase(),
            method: asking.request.method().clone(),
            path: asking.request.uri().path().to_owned(),
            body: Sha256::digest(asking.request.body()).into(),
        })
    }
}

impl World {
    /// Answers a request to Partner Center.
    pub(crate) fn partner_center(&mut self, asking: &Asking<'_>) -> Response<Bytes> {
        let outcome = self.ask_center(asking);
        answer::respond(outcome, asking, self.is_mfa_compliant(asking))
    }

    fn ask_center(&mut self, asking: &Asking<'_>) -> Result<Reply, Failure> {
        let caller = self.center_caller(asking)?;
        let named = Named::of(asking);
        let kept = |world: &Self| {
            let all = &world[asking.at].directory.partner.as_ref()?.center.0;
            all.iter().find(|(known, _)| Some(known) == named.as_ref()).map(|(_, reply)| reply.clone())
        };
        if let Some(reply) = kept(self) {
            return Ok(reply);
        }
        let parts: Vec<String> =
            asking.request.uri().path().split('/').filter(|part| !part.is_empty()).map(decode).collect();
        let lower: Vec<String> = parts.iter().skip(2).map(|part| part.to_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let reply = match (asking.request.method().as_str(), lower.as_slice()) {
            ("GET", []) => self.center_customers(asking),
            ("GET", [customer]) => self.center_customer(asking, customer),
            ("POST", [customer, "applicationconsents"]) => self.consent_for_customer(asking, &caller, customer),
            ("DELETE", [customer, "applicationconsents", application]) => {
                self.withdraw_consent(asking, &caller, customer, application)
            }
            (_, [_, "applicationconsents"] | [_, "applicationconsents", _]) => Err(Failure::method_not_allowed()),
            (method, _) => Err(Failure::not_implemented(&format!("{method} {}", asking.request.uri().path()))),
        }?;
        if let (Some(named), Some(partner)) = (named, &mut self[asking.at].directory.partner) {
            let kept = &mut partner.center.0;
            kept.push_back((named, reply.clone()));
            if kept.len() > MOST_KEPT {
                kept.pop_front();
            }
        }
        Ok(reply)
    }
}

/// A refusal in the form of Partner Center, with a header that says when to try again.
pub(crate) fn refused(
    asking: &Asking<'_>,
    status: StatusCode,
    code: String,
    description: String,
    retry: Option<(HeaderName, String)>,
) -> Response<Bytes> {
    let failure = Failure::new(status, code, description);
    let failure = retry.into_iter().fold(failure, |failure, (name, value)| failure.header(name, value));
    answer::respond(Err(failure), asking, None)
}

/// The refusal of a token in the form of Partner Center.
pub(crate) fn token_refused(asking: &Asking<'_>) -> Response<Bytes> {
    answer::respond(Err(Failure::unauthorized()), asking, None)
}

/// The body as an object.
fn object(asking: &Asking<'_>) -> Result<Value, Failure> {
    let body = serde_json::from_slice::<Value>(asking.request.body()).ok().filter(Value::is_object);
    body.ok_or_else(|| Failure::bad_request("The request body is missing or is no valid JSON."))
}
