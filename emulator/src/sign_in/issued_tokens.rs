//! The access tokens that were issued, with their identities.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use entra_apps::permission::MICROSOFT_GRAPH;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use time::OffsetDateTime;

use super::claims::ACCESS_TOKEN_LIFETIME;
use super::resource::Resource;
use crate::data::json::eq_ignore_case;
use crate::graph::call::Identity;
use crate::graph::response::GraphError;

/// How many tokens of a tenant are valid at a time: the oldest is removed for one more.
pub(crate) const MAX_TOKENS: usize = 10_000;

/// The access tokens that were issued: only these are valid, whatever their signature.
#[derive(Default)]
pub(crate) struct IssuedTokens {
    issued: HashMap<Arc<str>, IssuedToken>,
    /// In the order in which they expire.
    order: VecDeque<Arc<str>>,
}

struct IssuedToken {
    identity: Identity,
    /// The app id of the API that the token is for.
    resource: String,
    audience: String,
    expires: OffsetDateTime,
}

impl IssuedTokens {
    /// Adds a token, and removes those that have long expired or are too many.
    pub(super) fn insert_token(&mut self, token: &str, identity: Identity, resource: &Resource, wall: OffsetDateTime) {
        let (resource, audience) = (resource.app_id().to_lowercase(), resource.audience.clone());
        self.insert(token, IssuedToken { identity, resource, audience, expires: wall + ACCESS_TOKEN_LIFETIME });
        self.remove_expired(wall);
    }

    fn remove_expired(&mut self, wall: OffsetDateTime) {
        while let Some(oldest) = self.order.front() {
            let is_old = self.issued.get(oldest).is_none_or(|it| it.expires <= wall - time::Duration::HOUR);
            if !is_old && self.order.len() <= MAX_TOKENS {
                break;
            }
            self.issued.remove(oldest);
            self.order.pop_front();
        }
    }

    fn insert(&mut self, token: &str, issued: IssuedToken) {
        let token: Arc<str> = token.into();
        if self.issued.insert(Arc::clone(&token), issued).is_none() {
            self.order.push_back(token);
        }
    }

    /// How many tokens are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.issued.len().max(self.order.len())
    }

    /// Adds a token as if it had been issued.
    #[cfg(test)]
    pub(crate) fn put(&mut self, token: &str, identity: Identity, resource: &str, expires: OffsetDateTime) {
        let resource = resource.to_owned();
        self.insert(token, IssuedToken { identity, audience: resource.clone(), resource, expires });
    }

    /// The app id of the API that a valid token is for, and the audience that was requested.
    pub(crate) fn resource(&self, token: &str, wall: OffsetDateTime) -> Option<(&str, &str)> {
        let issued = self.issued.get(token).filter(|issued| issued.expires > wall)?;
        Some((&issued.resource, &issued.audience))
    }

    /// The identity of a request's token, and the app id of the API that it is for; `None` when it is not valid.
    pub(crate) fn identity_and_resource(&self, headers: &HeaderMap, wall: OffsetDateTime) -> Option<(&Identity, &str)> {
        let issued = self.issued.get(bearer(headers)).filter(|issued| issued.expires > wall)?;
        Some((&issued.identity, &issued.resource))
    }

    /// Whether the token of a request was issued here.
    pub(crate) fn contains(&self, header: Option<&HeaderValue>) -> bool {
        let token = header.and_then(|value| value.to_str().ok()?.split_once(' '));
        token.is_some_and(|(_, token)| self.issued.contains_key(token.trim()))
    }

    /// Removes an app's permission from its tokens as Graph sees them, although they still claim it.
    pub(crate) fn revoke_role(&mut self, service_principal_id: &str, role: &str) {
        let tokens = self.issued.values_mut();
        let of_app = tokens.filter(|issued| issued.identity.service_principal_id == service_principal_id);
        of_app.for_each(|issued| issued.identity.roles.retain(|name| name != role));
    }

    /// The identity of a request to Graph, or the error for an invalid token.
    pub(crate) fn identify(&self, headers: &HeaderMap, wall: OffsetDateTime) -> Result<Identity, GraphError> {
        let token = bearer(headers);
        if token.is_empty() {
            return Err(unauthorized("Access token is empty."));
        }
        match self.issued.get(token) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_oldest_token_is_forgotten_for_one_too_many_and_an_expired_one_in_time() {
        let start = datetime!(2025-06-01 12:00 UTC);
        let identity = Identity {
            app_id: String::new(),
            service_principal_id: String::new(),
            roles: Vec::new(),
            wids: Vec::new(),
            user: None,
        };
        let mut tokens = IssuedTokens::default();
        for (number, seconds) in (0..=MAX_TOKENS).zip(0..) {
            tokens.put(&number.to_string(), identity.clone(), "", start + time::Duration::seconds(seconds));
            tokens.remove_expired(start);
        }
        assert_eq!(tokens.len(), MAX_TOKENS);
        assert!(tokens.resource("0", start).is_none() && tokens.resource("1", start).is_some());
        tokens.remove_expired(start + time::Duration::HOUR + time::Duration::seconds(10));
        assert_eq!(tokens.len(), MAX_TOKENS - 10, "an hour after they expired");
    }
}
