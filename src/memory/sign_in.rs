//! The sign-in service: tokens for client credentials, and what a token is worth to Graph.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use time::OffsetDateTime;
use url::form_urlencoded;
use uuid::Uuid;

use super::answer::{Correlation, Refusal};
use super::call::Identity;
use super::directory::Directory;
use super::json::{items, same, stamp, text};
use super::kind::Kind;
use super::table::View;
use super::world::{Abroad, World};
use crate::permission::MICROSOFT_GRAPH;

/// The life of a token: an hour, less a second.
const LIFETIME: time::Duration = time::Duration::seconds(3599);

/// The tokens that were issued: a token is valid when it is among them, whatever its signature.
#[derive(Default)]
pub(super) struct Tokens(HashMap<String, IssuedToken>);

struct IssuedToken {
    identity: Identity,
    /// The app id of the API that it is for.
    resource: String,
    audience: String,
    expires: OffsetDateTime,
}

/// Why a sign-in is refused.
pub(super) struct SignInError {
    status: StatusCode,
    error: &'static str,
    code: u32,
    message: String,
}

impl SignInError {
    fn new(status: u16, error: &'static str, code: u32, message: impl Into<String>) -> Self {
        // The statuses are constants of this module, or checked by the fault that brings them.
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Self { status, error, code, message: message.into() }
    }

    /// A failure that a fault asks for.
    pub(super) fn scripted(status: StatusCode, code: &str, message: &str) -> Self {
        let number = code.trim_start_matches("AADSTS").parse().unwrap_or(90033);
        let error = match status.as_u16() {
            401 => "invalid_client",
            400..=428 => "invalid_request",
            _ => "temporarily_unavailable",
        };
        Self { status, error, code: number, message: message.to_owned() }
    }

    pub(super) fn into_response(self, correlation: &Correlation) -> Response<Bytes> {
        let Correlation { request_id: trace, client_request_id, wall } = correlation;
        let at = stamp::sign_in(*wall);
        let description = format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {client_request_id} Timestamp: {at}",
            self.code, self.message
        );
        let description = description
            .replace(" Trace ID:", "\r\nTrace ID:")
            .replace(" Correlation ID:", "\r\nCorrelation ID:")
            .replace(" Timestamp:", "\r\nTimestamp:");
        let body = json!({
            "error": self.error,
            "error_description": description,
            "error_codes": [self.code],
            "timestamp": at,
            "trace_id": trace,
            "correlation_id": client_request_id,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code),
        });
        json_response(self.status, &body)
    }
}

pub(super) fn json_response(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
    response
}

/// The parameters of a token request, with the credentials of HTTP Basic as if they stood in the form.
struct Form(HashMap<String, String>);

impl Form {
    fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        let mut form: HashMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
        let basic = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
        let basic = basic.and_then(|basic| String::from_utf8(STANDARD.decode(basic.trim()).ok()?).ok());
        if let Some((id, secret)) = basic.as_deref().and_then(|basic| basic.split_once(':')) {
            let decode = |text: &str| {
                form_urlencoded::parse(format!("x={text}").as_bytes()).map(|(_, value)| value.into_owned()).next()
            };
            form.insert("client_id".into(), decode(id).unwrap_or_default());
            form.insert("client_secret".into(), decode(secret).unwrap_or_default());
        }
        Self(form)
    }

    fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &str) -> Result<&str, SignInError> {
        self.optional(name).ok_or_else(|| {
            let message = format!("The request body must contain the following parameter: '{name}'.");
            SignInError::new(400, "invalid_request", 900_144, message)
        })
    }
}

impl World {
    /// Answers `POST /{tenant}/oauth2/v2.0/token`.
    pub(super) fn token(
        &mut self,
        at: usize,
        tenant: &str,
        headers: &HeaderMap,
        body: &[u8],
        now: Duration,
        wall: OffsetDateTime,
    ) -> Result<Response<Bytes>, SignInError> {
        let directory = &self[at].directory;
        if ["common", "organizations", "consumers"].contains(&tenant) {
            let message = "The grant type is not supported over the /common or /consumers endpoints. Please use \
                the /organizations or tenant-specific endpoint.";
            return Err(SignInError::new(400, "invalid_request", 9_001_023, message));
        }
        if !directory.is_called(tenant) {
            let message = format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing \
                    into the correct cloud. Check with your subscription administrator, this may happen if there \
                    are no active subscriptions for the tenant."
            );
            return Err(SignInError::new(400, "invalid_request", 90002, message));
        }
        let form = Form::read(headers, body);
        let grant_type = form.required("grant_type")?;
        let client_id = form.required("client_id")?;
        if grant_type != "client_credentials" {
            let message = format!("The app requested an unsupported grant type '{grant_type}'.");
            return Err(SignInError::new(400, "unsupported_grant_type", 70003, message));
        }
        let scope = form.required("scope")?;
        let view = View { now, lag: directory.lag.sign_in };
        let abroad = self.abroad(at, client_id);
        let home = abroad.as_ref().and_then(|abroad| self.find(&abroad.home.to_string())).unwrap_or(at);
        let (application, service_principal) = client(directory, abroad, client_id, view)?;
        if form.optional("client_assertion").is_some() {
            let message = "The in-memory tenant does not know client assertions.";
            return Err(SignInError::new(501, "invalid_client", 700_027, message));
        }
        let holders = [(&application, &self[home].directory), (&service_principal, directory)];
        check_secret(&form, &holders, wall)?;
        let resource = resource(directory, scope, view)?;

        let oid = text(&service_principal, "id");
        let resource_id = text(&resource, "id");
        let mut roles: Vec<String> = Vec::new();
        for held in directory.assignments.seen_having("principalId", oid, view) {
            if text(&held.value, "resourceId") == resource_id {
                let role_id = text(&held.value, "appRoleId");
                let role = items(&resource, "appRoles").iter().find(|role| same(text(role, "id"), role_id));
                roles.extend(role.map(|role| text(role, "value").to_owned()).filter(|value| !value.is_empty()));
            }
        }
        let app_id = text(&application, "appId");
        let identity = Identity {
            app_id: app_id.to_owned(),
            service_principal_id: oid.to_owned(),
            roles,
            wids: directory.roles.get(oid).cloned().unwrap_or_default(),
            person: None,
        };
        let expires = wall + LIFETIME;
        let audience = scope.trim().trim_end_matches("/.default");
        let resource = text(&resource, "appId").to_lowercase();
        // A token for Graph says what its app is called; clients show that as the name of who has signed in.
        let name = same(&resource, &MICROSOFT_GRAPH.to_string()).then(|| text(&application, "displayName"));
        let token = compact(&identity, name, directory, audience, wall, expires);
        let audience = audience.to_owned();
        let tokens = &mut self[at].tokens.0;
        tokens.retain(|_, issued| issued.expires > wall - time::Duration::HOUR);
        tokens.insert(token.clone(), IssuedToken { identity, resource, audience, expires });
        let seconds = LIFETIME.whole_seconds();
        let body =
            json!({"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token});
        Ok(json_response(StatusCode::OK, &body))
    }
}

impl Tokens {
    /// Whether the token of a request was issued here.
    pub(super) fn knows(&self, header: Option<&HeaderValue>) -> bool {
        let token = header.and_then(|value| value.to_str().ok()?.split_once(' '));
        token.is_some_and(|(_, token)| self.0.contains_key(token.trim()))
    }

    /// Lets Graph know that an app has lost a permission which its tokens still claim.
    pub(super) fn revoke_role(&mut self, holder: &str, role: &str) {
        let of_holder = self.0.values_mut().filter(|issued| issued.identity.service_principal_id == holder);
        of_holder.for_each(|issued| issued.identity.roles.retain(|held| held != role));
    }

    /// Adds a token as if it had been issued.
    #[cfg(test)]
    pub(super) fn put(&mut self, token: &str, identity: Identity, resource: &str, expires: OffsetDateTime) {
        let resource = resource.to_owned();
        self.0.insert(token.to_owned(), IssuedToken { identity, audience: resource.clone(), resource, expires });
    }

    /// The app id of the API that a valid token is for, and the name of the API that it was asked for by.
    pub(super) fn resource(&self, token: &str, wall: OffsetDateTime) -> Option<(&str, &str)> {
        let issued = self.0.get(token).filter(|issued| issued.expires > wall)?;
        Some((&issued.resource, &issued.audience))
    }

    /// Who a request to Graph is from.
    pub(super) fn identify(&self, headers: &HeaderMap, wall: OffsetDateTime) -> Result<Identity, Refusal> {
        let token = bearer(headers);
        if token.is_empty() {
            return Err(unauthorized("Access token is empty."));
        }
        match self.0.get(token) {
            Some(issued) if issued.expires <= wall => {
                Err(unauthorized("Lifetime validation failed, the token is expired."))
            }
            Some(issued) if !same(&issued.resource, &MICROSOFT_GRAPH.to_string()) => {
                Err(unauthorized("Access token validation failure. Invalid audience."))
            }
            Some(issued) => Ok(issued.identity.clone()),
            None if token.split('.').count() == 3 => {
                Err(unauthorized("Access token validation failure. Invalid signature."))
            }
            None => Err(unauthorized("CompactToken parsing failed with error code: 80049217")),
        }
    }
}

/// The token of a request, empty when there is none.
pub(super) fn bearer(headers: &HeaderMap) -> &str {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = token.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token.map(|(_, token)| token.trim()).unwrap_or_default()
}

/// A token that Graph refuses.
pub(super) fn unauthorized(message: &str) -> Refusal {
    let challenge = format!(
        "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
            client_id=\"{MICROSOFT_GRAPH}\""
    );
    Refusal::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message).header(WWW_AUTHENTICATE, challenge)
}

/// The application and the service principal that sign in.
fn client(
    directory: &Directory,
    abroad: Option<Abroad>,
    client_id: &str,
    view: View,
) -> Result<(Value, Value), SignInError> {
    let of = |kind: Kind| directory.table(kind).seen_having("appId", client_id, view).pop().map(|seen| seen.value);
    let Some(application) = of(Kind::Application).or(abroad.map(|abroad| abroad.application)) else {
        let message = format!(
            "Application with identifier '{client_id}' was not found in the directory '{}'. This can happen if the \
                application has not been installed by the administrator of the tenant or consented to by any user \
                in the tenant. You may have sent your authentication request to the wrong tenant.",
            directory.display_name
        );
        return Err(SignInError::new(400, "unauthorized_client", 700_016, message));
    };
    let Some(service_principal) = of(Kind::ServicePrincipal) else {
        let message = format!(
            "The client application '{client_id}' is missing service principal in the tenant '{}'.",
            directory.tenant_id
        );
        return Err(SignInError::new(401, "unauthorized_client", 7_000_229, message));
    };
    if service_principal["accountEnabled"] == false {
        let message = format!("Application '{client_id}'({}) is disabled.", text(&application, "displayName"));
        return Err(SignInError::new(401, "unauthorized_client", 7_000_112, message));
    }
    Ok(((*application).clone(), (*service_principal).clone()))
}

fn check_secret(form: &Form, holders: &[(&Value, &Directory)], wall: OffsetDateTime) -> Result<(), SignInError> {
    let Some(given) = form.optional("client_secret") else {
        let message =
            "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.";
        return Err(SignInError::new(401, "invalid_client", 7_000_216, message));
    };
    let held = holders.iter().flat_map(|(holder, directory)| {
        items(holder, "passwordCredentials").iter().map(|credential| directory.secrets.get(text(credential, "keyId")))
    });
    let secret = held
        .flatten()
        .find(|secret| secret.value.expose_secret() == given && secret.start <= wall + time::Duration::minutes(5));
    let app_id = text(holders[0].0, "appId");
    match secret {
        Some(secret) if secret.end <= wall => {
            let message = format!(
                "The provided client secret keys for app '{app_id}' are expired. Visit the Azure portal to create \
                    new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate \
                    credentials for added security: https://aka.ms/certCreds."
            );
            Err(SignInError::new(401, "invalid_client", 7_000_222, message))
        }
        Some(_) => Ok(()),
        None => {
            let message = format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret \
                    value, not the client secret ID, for a secret added to app '{app_id}'."
            );
            Err(SignInError::new(401, "invalid_client", 7_000_215, message))
        }
    }
}

/// The service principal of the API that a scope names.
fn resource(directory: &Directory, scope: &str, view: View) -> Result<std::sync::Arc<Value>, SignInError> {
    let scopes: Vec<&str> = scope.split_whitespace().collect();
    let [scope] = scopes.as_slice() else {
        let message = format!(
            "The provided request must include a 'scope' input parameter. The provided value for the input \
                parameter 'scope' is not valid. The scope {scope} is not valid."
        );
        return Err(SignInError::new(400, "invalid_scope", 70011, message));
    };
    let Some(name) = scope.strip_suffix("/.default") else {
        let message = format!(
            "The provided value for scope {scope} is not valid. Client credential flows must have a scope value \
                with /.default suffixed to the resource identifier (application ID URI)."
        );
        return Err(SignInError::new(400, "invalid_scope", 1_002_012, message));
    };
    let plain = name.trim_end_matches('/');
    let by_id = Uuid::parse_str(plain)
        .ok()
        .and_then(|id| directory.service_principals.seen_having("appId", &id.to_string(), view).pop());
    if let Some(found) = by_id {
        return Ok(found.value);
    }
    // A name is the same with a slash at its end and without.
    let names = [plain, &format!("{plain}/")];
    let found = directory.service_principals.seen_having_any("servicePrincipalNames", &names, view).into_iter().next();
    found.map(|seen| seen.value).ok_or_else(|| {
        let message = format!(
            "The resource principal named {name} was not found in the tenant named {}. This can happen if the \
                application has not been installed by the administrator of the tenant or consented to by any user \
                in the tenant. You might have sent your authentication request to the wrong tenant.",
            directory.display_name
        );
        SignInError::new(400, "invalid_resource", 500_011, message)
    })
}

/// A token in the form of a JWT. The signature is chance: whoever wants to know asks [`Tokens::identify`].
fn compact(
    identity: &Identity,
    name: Option<&str>,
    directory: &Directory,
    audience: &str,
    from: OffsetDateTime,
    to: OffsetDateTime,
) -> String {
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": "in-memory"});
    let tenant = directory.tenant_id;
    let mut claims = json!({
        "aud": audience,
        "iss": format!("https://sts.windows.net/{tenant}/"),
        "iat": from.unix_timestamp(),
        "nbf": from.unix_timestamp(),
        "exp": to.unix_timestamp(),
        "app_displayname": name,
        "appid": identity.app_id,
        "appidacr": "1",
        "idp": format!("https://sts.windows.net/{tenant}/"),
        "idtyp": "app",
        "oid": identity.service_principal_id,
        "roles": identity.roles,
        "sub": identity.service_principal_id,
        "tid": tenant,
        "uti": URL_SAFE_NO_PAD.encode(directory.new_id().as_bytes()),
        "ver": "1.0",
        "wids": identity.wids,
    });
    if let Some(claims) = claims.as_object_mut() {
        // What a token does not say is left out: no claim is null, and without a role there is none.
        claims.retain(|claim, value| !value.is_null() && (claim != "roles" || !identity.roles.is_empty()));
    }
    let signature = [directory.new_id().into_bytes(), directory.new_id().into_bytes()].concat();
    let parts = [header.to_string().into_bytes(), claims.to_string().into_bytes(), signature];
    parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

/// What clients read before they sign in: the endpoints of the tenant.
pub(super) fn metadata(directory: &Directory, origin: &str) -> Value {
    let base = format!("{origin}/{}", directory.tenant_id);
    json!({
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
        "issuer": format!("{base}/v2.0"),
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "tenant_region_scope": "NA",
    })
}
