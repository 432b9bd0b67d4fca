//! The tokens that were issued, and what each is worth to Graph.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use time::OffsetDateTime;

use super::claims::LIFETIME;
use super::resource::Resource;
use crate::answer::Refusal;
use crate::call::Identity;
use crate::json::same;
use entra_apps::permission::MICROSOFT_GRAPH;

/// How many tokens of a tenant are good at a time: the oldest is forgotten for one more.
pub(crate) const MAX_TOKENS: usize = 10_000;

/// The tokens that were issued: a token is valid when it is among them, whatever its signature.
#[derive(Default)]
pub(crate) struct Tokens {
    issued: HashMap<Arc<str>, IssuedToken>,
    /// In the order in which they expire.
    order: VecDeque<Arc<str>>,
}

struct IssuedToken {
    identity: Identity,
    /// The app id of the API that it is for.
    resource: String,
    audience: String,
    expires: OffsetDateTime,
}

impl Tokens {
    /// Remembers a token, and forgets those that have long expired or are too many.
    pub(super) fn keep(&mut self, token: &str, identity: Identity, resource: &Resource, wall: OffsetDateTime) {
        let (resource, audience) = (resource.app_id().to_lowercase(), resource.audience.clone());
        self.insert(token, IssuedToken { identity, resource, audience, expires: wall + LIFETIME });
        self.forget(wall);
    }

    fn forget(&mut self, wall: OffsetDateTime) {
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

    /// The app id of the API that a valid token is for, and the name of the API that it was asked for by.
    pub(crate) fn resource(&self, token: &str, wall: OffsetDateTime) -> Option<(&str, &str)> {
        let issued = self.issued.get(token).filter(|issued| issued.expires > wall)?;
        Some((&issued.resource, &issued.audience))
    }

    /// Who holds the token of a request, and the app id of the API that it is for; `None` when it is not valid.
    pub(crate) fn holder(&self, headers: &HeaderMap, wall: OffsetDateTime) -> Option<(&Identity, &str)> {
        let issued = self.issued.get(bearer(headers)).filter(|issued| issued.expires > wall)?;
        Some((&issued.identity, &issued.resource))
    }

    /// Whether the token of a request was issued here.
    pub(crate) fn knows(&self, header: Option<&HeaderValue>) -> bool {
        let token = header.and_then(|value| value.to_str().ok()?.split_once(' '));
        token.is_some_and(|(_, token)| self.issued.contains_key(token.trim()))
    }

    /// Lets Graph know that an app has lost a permission which its tokens still claim.
    pub(crate) fn revoke_role(&mut self, holder: &str, role: &str) {
        let of_holder = self.issued.values_mut().filter(|issued| issued.identity.service_principal_id == holder);
        of_holder.for_each(|issued| issued.identity.roles.retain(|held| held != role));
    }

    /// Who a request to Graph is from.
    pub(crate) fn identify(&self, headers: &HeaderMap, wall: OffsetDateTime) -> Result<Identity, Refusal> {
        let token = bearer(headers);
        if token.is_empty() {
            return Err(unauthorized("Access token is empty."));
        }
        match self.issued.get(token) {
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
pub(crate) fn bearer(headers: &HeaderMap) -> &str {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = token.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token.map(|(_, token)| token.trim()).unwrap_or_default()
}

/// A token that Graph refuses.
pub(crate) fn unauthorized(message: &str) -> Refusal {
    let challenge = format!(
        "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
            client_id=\"{MICROSOFT_GRAPH}\""
    );
    Refusal::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message).header(WWW_AUTHENTICATE, challenge)
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
            person: None,
        };
        let mut tokens = Tokens::default();
        for (number, seconds) in (0..=MAX_TOKENS).zip(0..) {
            tokens.put(&number.to_string(), identity.clone(), "", start + time::Duration::seconds(seconds));
            tokens.forget(start);
        }
        assert_eq!(tokens.len(), MAX_TOKENS);
        assert!(tokens.resource("0", start).is_none() && tokens.resource("1", start).is_some());
        tokens.forget(start + time::Duration::HOUR + time::Duration::seconds(10));
        assert_eq!(tokens.len(), MAX_TOKENS - 10, "an hour after they expired");
    }
}
