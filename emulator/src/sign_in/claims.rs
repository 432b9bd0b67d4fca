//! The claims of access tokens.
//!
//! <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use time::Duration;

use super::SignInRequest;
use super::client_app::ClientApp;
use super::client_authentication::ClientAuthMethod;
use super::discovery::{issuer, issuer_v1};
use super::resource::Resource;
use crate::graph::call::Identity;
use crate::graph::directory::Directory;

/// The lifetime of an access token: an hour, less a second.
pub(super) const ACCESS_TOKEN_LIFETIME: Duration = Duration::seconds(3599);

/// The claims of an app that signed in for itself.
pub(super) fn app_claims(
    client: &ClientApp,
    identity: &Identity,
    directory: &Directory,
    resource: &Resource,
    auth_method: ClientAuthMethod,
    request: &SignInRequest<'_>,
) -> Value {
    let tenant_id = directory.tenant_id.to_string();
    let mut claims = common_claims(directory, resource, request);
    let rest = json!({
        "idp": issuer_v1(&tenant_id),
        "idtyp": "app",
        "oid": identity.service_principal_id,
        "roles": identity.roles,
        "sub": identity.service_principal_id,
        "tid": tenant_id,
        "wids": identity.wids,
    });
    add_app_claims(&mut claims, resource, client, Some(auth_method));
    extend(&mut claims, rest);
    finish(&mut claims, directory, resource);
    claims
}

/// The first claims of every access token.
pub(super) fn common_claims(directory: &Directory, resource: &Resource, request: &SignInRequest<'_>) -> Value {
    let tenant_id = directory.tenant_id.to_string();
    let (audience, issuer) = if resource.is_version_2 {
        (resource.app_id(), issuer(request.authority(), &tenant_id))
    } else {
        (resource.audience.as_str(), issuer_v1(&tenant_id))
    };
    let from = request.wall.unix_timestamp();
    let to = (request.wall + ACCESS_TOKEN_LIFETIME).unix_timestamp();
    json!({"aud": audience, "iss": issuer, "iat": from, "nbf": from, "exp": to})
}

/// Adds the claims that name the app.
pub(super) fn add_app_claims(
    claims: &mut Value,
    resource: &Resource,
    client: &ClientApp,
    auth_method: Option<ClientAuthMethod>,
) {
    let auth_method = ClientAuthMethod::claim(auth_method);
    let named = if resource.is_version_2 {
        json!({"azp": client.app_id, "azpacr": auth_method})
    } else {
        // Clients show the app name in a token for Graph as the name of the signed-in account.
        let name = resource.is_graph().then_some(client.name.as_str());
        json!({"app_displayname": name, "appid": client.app_id, "appidacr": auth_method})
    };
    extend(claims, named);
}

/// Adds the last claims of every access token, and removes null claims and empty lists.
pub(super) fn finish(claims: &mut Value, directory: &Directory, resource: &Resource) {
    let unique = URL_SAFE_NO_PAD.encode(directory.new_id().as_bytes());
    extend(claims, json!({"uti": unique, "ver": if resource.is_version_2 { "2.0" } else { "1.0" }}));
    if let Some(claims) = claims.as_object_mut() {
        let has_value = |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
        claims.retain(|_, value| has_value(value));
    }
}

pub(super) fn extend(claims: &mut Value, more: Value) {
    if let (Some(claims), Value::Object(more)) = (claims.as_object_mut(), more) {
        claims.extend(more);
    }
}

/// The `sub` claim of a user: constant per app, and different for each app.
pub(super) fn pairwise_subject(user: &str, app_id: &str) -> String {
    let hash = Sha256::digest(format!("{user}|{app_id}").as_bytes());
    URL_SAFE_NO_PAD.encode(hash)
}

/// A token in the form of a JWT. Its signature is random: a token is valid if
/// [`IssuedTokens::identify`](super::IssuedTokens::identify) knows it.
pub(super) fn encode_jwt(claims: &Value, directory: &Directory) -> String {
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": "in-memory"});
    let signature = [directory.new_id().into_bytes(), directory.new_id().into_bytes()].concat();
    let parts = [header.to_string().into_bytes(), claims.to_string().into_bytes(), signature];
    parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}
