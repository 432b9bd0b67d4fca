//! The access tokens that were issued, with their identities.

use std::collections::HashMap;

use entra_apps::permission::MICROSOFT_GRAPH;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use time::OffsetDateTime;

use super::claims::ACCESS_TOKEN_LIFETIME;
use super::resource::Resource;
use crate::data::json::eq_ignore_case;
use crate::graph::call::Identity;
use crate::graph::response::GraphError;

/// The access tokens that were issued: only these are valid, whatever their signature.
#[derive(Default)]
pub(crate) struct IssuedTokens(HashMap<String, IssuedToken>);

struct IssuedToken {
    identity: Identity,
    /// The app id of the API that the token is for.
    resource: String,
    audience: String,
    expires: OffsetDateTime,
}

impl IssuedTokens {
    /// Adds a token, and removes those that have long expired.
    pub(super) fn insert(&mut self, token: String, identity: Identity, resource: &Resource, wall: OffsetDateTime) {
        self.0.retain(|_, issued| issued.expires > wall - time::Duration::HOUR);
        let (resource, audience) = (resource.app_id().to_lowercase(), resource.audience.clone());
        self.0.insert(token, IssuedToken { identity, resource, audience, expires: wall + ACCESS_TOKEN_LIFETIME });
    }

    /// Adds a token as if it had been issued.
    #[cfg(test)]
    pub(crate) fn put(&mut self, token: &str, identity: Identity, resource: &str, expires: OffsetDateTime) {
        let resource = resource.to_owned();
        self.0.insert(token.to_owned(), IssuedToken { identity, audience: resource.clone(), resource, expires });
    }

    /// The app id of the API that a valid token is for, and the audience that was requested.
    pub(crate) fn resource(&self, token: &str, wall: OffsetDateTime) -> Option<(&str, &str)> {
        let issued = self.0.get(token).filter(|issued| issued.expires > wall)?;
        Some((&issued.resource, &issued.audience))
    }

    /// The identity of a request's token, and the app id of the API that it is for; `None` when it is not valid.
    pub(crate) fn identity_and_resource(&self, headers: &HeaderMap, wall: OffsetDateTime) -> Option<(&Identity, &str)> {
        let issued = self.0.get(bearer(headers)).filter(|issued| issued.expires > wall)?;
        Some((&issued.identity, &issued.resource))
    }

    /// Whether the token of a request was issued here.
    pub(crate) fn contains(&self, header: Option<&HeaderValue>) -> bool {
        let token = header.and_then(|value| value.to_str().ok()?.split_once(' '));
        token.is_some_and(|(_, token)| self.0.contains_key(token.trim()))
    }

    /// Removes an app's permission from its tokens as Graph sees them, although they still claim it.
    pub(crate) fn revoke_role(&mut self, service_principal_id: &str, role: &str) {
        let of_app = self.0.values_mut().filter(|issued| issued.identity.service_principal_id == service_principal_id);
        of_app.for_each(|issued| issued.identity.roles.retain(|name| name != role));
    }

    /// The identity of a request to Graph, or the error for an invalid token.
    pub(crate) fn identify(&self, headers: &HeaderMap, wall: OffsetDateTime) -> Result<Identity, GraphError> {
        let token = bearer(headers);
        if token.is_empty() {
            return Err(unauthorized("Access token is empty."));
        }
        match self.0.get(token) {
            Some(issued) if issued.expires <= wall => {
                Err(unauthorized("Lifetime validation failed, the token is expired."))
            }
            Some(issued) if !eq_ignore_case(&issued.resource, &MICROSOFT_GRAPH.to_string()) => {
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

/// The bearer token of a request; empty when there is none.
pub(crate) fn bearer(headers: &HeaderMap) -> &str {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = token.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token.map(|(_, token)| token.trim()).unwrap_or_default()
}

/// The error for an invalid token.
pub(crate) fn unauthorized(message: &str) -> GraphError {
    let challenge = format!(
        "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
            client_id=\"{MICROSOFT_GRAPH}\""
    );
    GraphError::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message).header(WWW_AUTHENTICATE, challenge)
}
