//! One Graph request, taken apart: alone or as an item of a batch.

use std::time::Duration;

use http::header::IF_MATCH;
use http::{HeaderMap, Method};
use serde_json::Value;
use time::OffsetDateTime;
use url::form_urlencoded;

use crate::cloud_state::ForeignApplication;
use crate::lag::LookupLag;
use crate::moment::Moment;
use crate::object_store::ReplicaView;
use crate::response::{GraphError, Metadata};

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Actor {
    /// Whoever holds the tenant in this process: may do everything and sees no lag.
    Operator,
    /// An app that signed in, for itself or for a person.
    SignedIn(Identity),
}

/// What a token says of its holder.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) app_id: String,
    /// The object id of the app's service principal; empty for an app of Microsoft's that needs none.
    pub(crate) service_principal_id: String,
    /// The application permissions of Microsoft Graph; none when a person is signed in.
    pub(crate) roles: Vec<String>,
    /// The directory roles, by template id: the person's, or else the app's.
    pub(crate) wids: Vec<String>,
    /// The person for whom the app acts.
    pub(crate) user: Option<DelegatedUser>,
}

/// A person who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct DelegatedUser {
    /// The object id of the user, in the user's own tenant.
    pub(crate) id: String,
    /// The user's own tenant: another than this one for a partner.
    pub(crate) home: uuid::Uuid,
    /// The delegated permissions of Microsoft Graph.
    pub(crate) scopes: Vec<String>,
    /// Whether only roles count here: a guest, or a partner.
    pub(crate) is_guest: bool,
    /// Whether the sign-in asked for a second factor: `amr` has `mfa`.
    pub(crate) mfa: bool,
}

impl Identity {
    /// Who acts: the object id of the person, or else of the app's service principal.
    pub(crate) fn principal_id(&self) -> &str {
        self.user.as_ref().map_or(&self.service_principal_id, |user| &user.id)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The service root for absolute links, such as `https://graph.microsoft.com/v1.0`.
    pub(crate) root: String,
    pub(crate) method: Method,
    /// The path below the root, as it was written.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    /// `ConsistencyLevel: eventual` was sent.
    pub(crate) eventual: bool,
    /// `Prefer: create-if-missing` was sent, and counts.
    pub(crate) upsert: bool,
    /// The `If-Match` that was sent.
    pub(crate) if_match: Option<String>,
    /// `Prefer: include-unknown-enum-members` was sent.
    pub(crate) include_unknown_enum_members: bool,
    /// What `Accept` says of annotations.
    pub(crate) metadata: Metadata,
    pub(crate) body: Option<Value>,
    pub(crate) actor: Actor,
    /// The caller may touch only what it owns.
    pub(crate) owned_only: bool,
    /// The application of another tenant that the request is about.
    pub(crate) foreign_application: Option<ForeignApplication>,
    pub(crate) now: Duration,
    pub(crate) wall: OffsetDateTime,
}

impl Call {
    /// What the service itself does on the way to something else: it may do everything.
    pub(crate) fn internal(now: Duration, wall: OffsetDateTime, body: Value) -> Self {
        Self {
            root: "https://graph.microsoft.com/v1.0".to_owned(),
            method: Method::POST,
            path: String::new(),
            query: Vec::new(),
            eventual: false,
            upsert: false,
            if_match: None,
            include_unknown_enum_members: false,
            metadata: Metadata::default(),
            body: Some(body),
            actor: Actor::Operator,
            owned_only: false,
            foreign_application: None,
            now,
            wall,
        }
    }

    /// What the directory looked like `lag` ago; the operator sees it as it is.
    pub(crate) fn replica_view(&self, lag: LookupLag) -> ReplicaView {
        let lag = if matches!(self.actor, Actor::Operator) { LookupLag::NONE } else { lag };
        ReplicaView { now: self.now, lag }
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { now: self.now, wall: self.wall }
    }

    /// The object id of the person who is signed in.
    pub(crate) fn signed_in_user_id(&self) -> Result<&str, GraphError> {
        match &self.actor {
            Actor::SignedIn(Identity { user: Some(user), .. }) => Ok(&user.id),
            _ => Err(GraphError::new(
                http::StatusCode::BAD_REQUEST,
                "BadRequest",
                "/me request is only valid with delegated authentication flow.",
            )),
        }
    }

    /// The body as an object.
    pub(crate) fn object(&self) -> Result<&Value, GraphError> {
        match &self.body {
            Some(body @ Value::Object(_)) => Ok(body),
            _ => Err(GraphError::new(
                http::StatusCode::BAD_REQUEST,
                "BadRequest",
                "Empty Payload. JSON content expected.",
            )),
        }
    }

    /// The `@odata.context` of an answer.
    pub(crate) fn context(&self, of: &str) -> String {
        format!("{}/$metadata#{of}", self.root)
    }

    pub(crate) fn set_headers(&mut self, headers: &HeaderMap) {
        let has = |name: &str, wanted: &str| {
            let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(wanted))
        };
        self.eventual = has("consistencylevel", "eventual");
        self.upsert = has("prefer", "create-if-missing");
        self.if_match = headers.get(IF_MATCH).and_then(|value| Some(value.to_str().ok()?.to_owned()));
        self.include_unknown_enum_members = has("prefer", "include-unknown-enum-members");
        let accept = headers.get_all(http::header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
        let mut levels = accept.flat_map(|value| value.split([';', ','])).filter_map(|part| {
            let (name, level) = part.trim().split_once('=')?;
            // OData 4.01 writes the parameter without its prefix as well.
            name.trim_start_matches("odata.").eq_ignore_ascii_case("metadata").then(|| level.to_ascii_lowercase())
        });
        self.metadata = match levels.next().as_deref() {
            Some("none") => Metadata::None,
            Some("full") => Metadata::Full,
            _ => Metadata::Minimal,
        };
    }
}

/// The pairs of a query, decoded.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}
