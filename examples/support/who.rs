//! Who has signed in: what a token says of itself, and what the tenant is called.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entra_apps::bytes::Bytes;
use entra_apps::directory_role::DirectoryRole;
use entra_apps::http::{Request, Response, header};
use entra_apps::time::OffsetDateTime;
use entra_apps::transport::{Transport, TransportError};

use entra_apps::async_trait;
use serde_json::{Value, json};

/// A transport that remembers what the last token said of itself, and not the token.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    inner: Arc<dyn Transport>,
    seen: Arc<Mutex<Option<Who>>>,
}

impl Witness {
    pub(crate) fn new(inner: Arc<dyn Transport>) -> Self {
        Self { inner, seen: Arc::default() }
    }

    pub(crate) fn seen(&self) -> Option<Who> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Transport for Witness {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let Some(token) = authorization.and_then(|value| value.strip_prefix("Bearer ")) {
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Who::of(token));
        }
        self.inner.send(request).await
    }
}

/// Who a token is for. It only informs: a token is for the service that it was issued for, and may say nothing.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    /// The claims of the token; null where it is of another form.
    claims: Value,
}

/// What everybody has, and what says that an app has nothing: no roles to speak of.
/// <https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>
const MEMBER: &str = "b79fbf4d-3ef9-4689-8143-76b194e85509";
const APP_WITHOUT_ROLE: &str = "0997a1d0-0d1d-4acb-b408-d5ca73121e90";

/// Roles of guests, which are assigned by nobody.
const GUEST_ROLES: [(&str, &str); 2] = [
    ("10dae51f-b6af-4016-8d66-8c2a99b929b3", "Guest User"),
    ("2af84b1e-32c8-42b7-82bc-daa82404023b", "Restricted Guest User"),
];

impl Who {
    fn of(token: &str) -> Self {
        let payload = token.split('.').nth(1).unwrap_or_default();
        let json = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('='));
        let claims = json.ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        Self { claims }
    }

    fn text(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.claims[name].as_str())
    }

    /// Whether a person has signed in, where the token says it.
    pub(crate) fn is_person(&self) -> Option<bool> {
        match (&self.claims["scp"], &self.claims) {
            (Value::String(_), _) => Some(true),
            (_, Value::Object(_)) => Some(false),
            _ => None,
        }
    }

    pub(crate) fn tenant(&self) -> Option<&str> {
        self.text(&["tid"])
    }

    /// The person, or the app, in a few words.
    pub(crate) fn name(&self) -> String {
        let app = self.app_name().unwrap_or("an app that the token does not name");
        match self.is_person() {
            Some(true) => {
                let name = self.text(&["name"]).unwrap_or("a person");
                format!("{name} ({}), signed in to {app}", self.user_name().unwrap_or("the token does not say more"))
            }
            Some(false) => format!("the app {app}"),
            None => "somebody of whom the token says nothing".to_owned(),
        }
    }

    /// What a person signs in with.
    fn user_name(&self) -> Option<&str> {
        self.text(&["upn", "preferred_username", "unique_name"])
    }

    fn app_name(&self) -> Option<&str> {
        self.text(&["app_displayname", "appid", "azp"])
    }

    /// The client id of the app that signed in, or that a person signed in to.
    pub(crate) fn app(&self) -> Option<&str> {
        self.text(&["appid", "azp"])
    }

    pub(crate) fn object_id(&self) -> Option<&str> {
        self.text(&["oid"])
    }

    fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.claims[name].as_array().into_iter().flatten().filter_map(Value::as_str)
    }

    /// Application permissions.
    pub(crate) fn roles(&self) -> Vec<&str> {
        self.list("roles").collect()
    }

    /// Delegated permissions.
    pub(crate) fn scopes(&self) -> Vec<&str> {
        self.claims["scp"].as_str().unwrap_or_default().split_whitespace().collect()
    }

    /// The active directory roles, by name where it is known.
    pub(crate) fn directory_roles(&self) -> Vec<String> {
        let name = |id: &str| {
            let role = id.parse().ok().and_then(|id| DirectoryRole::by_id(id).name());
            let guest = GUEST_ROLES.iter().find(|(known, _)| *known == id).map(|(_, name)| *name);
            role.or(guest).unwrap_or(id).to_owned()
        };
        self.list("wids").filter(|id| ![MEMBER, APP_WITHOUT_ROLE].contains(id)).map(name).collect()
    }

    /// Whether there was a second factor, where the token says it.
    pub(crate) fn has_mfa(&self) -> Option<bool> {
        self.claims["amr"].is_array().then(|| self.list("amr").any(|method| method == "mfa"))
    }

    pub(crate) fn ends(&self) -> String {
        let Some(end) = self.claims["exp"].as_i64().and_then(|end| OffsetDateTime::from_unix_timestamp(end).ok())
        else {
            return "the token does not say".to_owned();
        };
        format!("{} {:02}:{:02} UTC", end.date(), end.hour(), end.minute())
    }

    pub(crate) fn to_json(&self) -> Value {
        let kind = match self.is_person() {
            Some(true) => "person",
            Some(false) => "app",
            None => "unknown",
        };
        json!({
            "kind": kind,
            "name": self.text(&["name"]),
            "userName": self.user_name(),
            "appName": self.app_name(),
            "objectId": self.object_id(),
            "appId": self.app(),
            "roles": self.roles(),
            "scopes": self.scopes(),
            "directoryRoles": self.directory_roles(),
            "mfa": self.has_mfa(),
            "tokenEnds": self.ends(),
        })
    }
}

/// The tenant that was signed in to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    /// Where the caller may not read it, there is none.
    pub(crate) display_name: Option<String>,
    pub(crate) domain: Option<String>,
}

impl Tenant {
    pub(crate) fn to_json(&self) -> Value {
        json!({"id": self.id, "displayName": self.display_name, "domain": self.domain})
    }
}

impl std::fmt::Display for Tenant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = [&self.display_name, &self.domain].into_iter().flatten();
        match known.map(String::as_str).collect::<Vec<_>>().join(", ") {
            known if known.is_empty() => write!(f, "{} (its name may not be read)", self.id),
            known => write!(f, "{known} ({})", self.id),
        }
    }
}
