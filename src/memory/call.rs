//! One Graph request, taken apart: alone or as an item of a batch.

use std::time::Duration;

use http::{HeaderMap, Method};
use serde_json::Value;
use time::OffsetDateTime;
use url::form_urlencoded;

use super::answer::Refusal;
use super::table::View;

/// Who asks.
#[derive(Clone, Debug)]
pub(super) enum Actor {
    /// Whoever holds the tenant in this process: may do everything and sees no lag.
    Operator,
    /// An app that signed in.
    App(Identity),
}

/// What a token says of its app.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) app_id: String,
    pub(super) service_principal_id: String,
    pub(super) roles: Vec<String>,
    pub(super) wids: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The service root for absolute links, such as `https://graph.microsoft.com/v1.0`.
    pub(super) root: String,
    pub(super) method: Method,
    /// The path below the root, as it was written.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    /// `ConsistencyLevel: eventual` was sent.
    pub(super) eventual: bool,
    /// `Prefer: create-if-missing` was sent, and counts.
    pub(super) upsert: bool,
    pub(super) body: Option<Value>,
    pub(super) actor: Actor,
    /// The caller may touch only what it owns.
    pub(super) owned_only: bool,
    pub(super) now: Duration,
    pub(super) wall: OffsetDateTime,
}

impl Call {
    /// What the directory looked like `lag` ago; the operator sees it as it is.
    pub(super) fn view(&self, lag: Duration) -> View {
        let lag = if matches!(self.actor, Actor::Operator) { Duration::ZERO } else { lag };
        View { now: self.now, lag }
    }

    /// The body as an object.
    pub(super) fn object(&self) -> Result<&Value, Refusal> {
        match &self.body {
            Some(body @ Value::Object(_)) => Ok(body),
            _ => {
                Err(Refusal::new(http::StatusCode::BAD_REQUEST, "BadRequest", "Empty Payload. JSON content expected."))
            }
        }
    }

    /// The `@odata.context` of an answer.
    pub(super) fn context(&self, of: &str) -> String {
        format!("{}/$metadata#{of}", self.root)
    }

    pub(super) fn set_headers(&mut self, headers: &HeaderMap) {
        let has = |name: &str, wanted: &str| {
            let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(wanted))
        };
        self.eventual = has("consistencylevel", "eventual");
        self.upsert = has("prefer", "create-if-missing");
    }
}

/// The pairs of a query, decoded.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}
