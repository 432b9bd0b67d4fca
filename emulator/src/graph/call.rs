//! One Graph request, parsed: a request of its own or an item of a batch.

use std::time::Duration;

use http::header::IF_MATCH;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use time::OffsetDateTime;
use url::form_urlencoded;

use crate::cloud_state::ForeignApplication;
use crate::data::lag::LookupLag;
use crate::data::moment::Moment;
use crate::data::object_store::ReplicaView;
use crate::graph::response::{GraphError, Metadata};

/// Who makes a request.
#[derive(Clone, Debug)]
pub(crate) enum Actor {
    /// The process that holds the tenant: may do everything and sees no lag.
    Operator,
    /// An app that signed in, for itself or for a user.
    SignedIn(Identity),
}

/// The identity in an access token.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) app_id: String,
    /// The object id of the app's service principal; empty for a Microsoft app that needs none.
    pub(crate) service_principal_id: String,
    /// The application permissions of Microsoft Graph; none when a user is signed in.
    pub(crate) roles: Vec<String>,
    /// The directory roles, by template id: the user's, or else the app's.
    pub(crate) wids: Vec<String>,
    /// The user for whom the app acts.
    pub(crate) user: Option<DelegatedUser>,
}

/// A user who is signed in to an app.
#[derive(Clone, Debug)]
pub(crate) struct DelegatedUser {
    /// The object id of the user, in the user's own tenant.
    pub(crate) id: String,
    /// The user's own tenant: a different one for a guest from a partner.
    pub(crate) home: uuid::Uuid,
    /// The delegated permissions of Microsoft Graph.
    pub(crate) scopes: Vec<String>,
    /// Whether only roles count here, as for a guest or a partner.
    pub(crate) is_guest: bool,
    /// Whether the user signed in with a second factor: `amr` has `mfa`.
    pub(crate) mfa: bool,
}

impl Identity {
    /// The object id of the user, or else of the app's service principal.
    pub(crate) fn principal_id(&self) -> &str {
        self.user.as_ref().map_or(&self.service_principal_id, |user| &user.id)
    }
}

/// A parsed request to Graph.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The service root for absolute links, such as `https://graph.microsoft.com/v1.0`.
    pub(crate) root: String,
    pub(crate) method: Method,
    /// The path below the root, as sent.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    /// Whether `ConsistencyLevel: eventual` was sent.
    pub(crate) eventual: bool,
    /// Whether `Prefer: create-if-missing` was sent and applies.
    pub(crate) upsert: bool,
    /// The `If-Match` header.
    pub(crate) if_match: Option<String>,
    /// Whether `Prefer: include-unknown-enum-members` was sent.
    pub(crate) include_unknown_enum_members: bool,
    /// The `odata.metadata` level of the `Accept` header.
    pub(crate) metadata: Metadata,
    pub(crate) body: Option<Value>,
    pub(crate) actor: Actor,
    /// Whether the caller may only access objects that it owns.
    pub(crate) owned_only: bool,
    /// Whether the caller may only access its own application and service principal.
    pub(crate) itself_only: bool,
    /// The application of another tenant that the request refers to.
    pub(crate) foreign_application: Option<ForeignApplication>,
    pub(crate) now: Duration,
    pub(crate) wall: OffsetDateTime,
}

impl Call {
    /// A request that the service itself makes, with full access, while it handles another.
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
            itself_only: false,
            foreign_application: None,
            now,
            wall,
        }
    }

    /// The view of a replica that is `lag` behind; the operator sees the current directory.
    pub(crate) fn replica_view(&self, lag: LookupLag) -> ReplicaView {
        let lag = if matches!(self.actor, Actor::Operator) { LookupLag::NONE } else { lag };
        ReplicaView { now: self.now, lag }
    }

    /// Whether it is a request to the beta version.
    pub(crate) fn is_beta(&self) -> bool {
        self.root.ends_with("/beta")
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { now: self.now, wall: self.wall }
    }

    /// The object id of the signed-in user.
    pub(crate) fn signed_in_user_id(&self) -> Result<&str, GraphError> {
        match &self.actor {
            Actor::SignedIn(Identity { user: Some(user), .. }) => Ok(&user.id),
            _ => Err(GraphError::new(
                StatusCode::BAD_REQUEST,
                "BadRequest",
                "/me request is only valid with delegated authentication flow.",
            )),
        }
    }

    /// The body, which must be an object.
    pub(crate) fn object(&self) -> Result<&Value, GraphError> {
        match &self.body {
            Some(body @ Value::Object(_)) => Ok(body),
            _ => Err(GraphError::new(StatusCode::BAD_REQUEST, "BadRequest", "Empty Payload. JSON content expected.")),
        }
    }

    /// The `@odata.context` of a response.
    pub(crate) fn context(&self, of: &str) -> String {
        format!("{}/$metadata#{of}", self.root)
    }

    /// Applies the request headers.
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
            // OData 4.01 also allows the parameter without its prefix.
            name.trim_start_matches("odata.").eq_ignore_ascii_case("metadata").then(|| level.to_ascii_lowercase())
        });
        self.metadata = match levels.next().as_deref() {
            Some("none") => Metadata::None,
            Some("full") => Metadata::Full,
            _ => Metadata::Minimal,
        };
    }
}

/// The name-value pairs of a query, decoded.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}
