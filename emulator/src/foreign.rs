//! Requests that mix tenants up: with a token of another tenant of the cloud, or about an object that only another has.

use http::header::AUTHORIZATION;
use uuid::Uuid;

use crate::cloud_state::CloudState;
use crate::data::object_kind::ObjectKind;
use crate::graph::directory::Directory;
use crate::service::Target;

impl CloudState {
    /// Whether another tenant than the one that is asked has issued the token of a request.
    pub(crate) fn has_foreign_token<B>(&self, at: usize, request: &http::Request<B>) -> bool {
        let token = request.headers().get(AUTHORIZATION);
        let mut others = self.tenants().filter(|(index, _)| *index != at);
        token.is_some() && !self[at].tokens.contains(token) && others.any(|(_, state)| state.tokens.contains(token))
    }

    /// An id in a request to Graph, in its path or its body, of an object that another tenant has, and not this one.
    pub(crate) fn foreign_object(&self, at: usize, target: &Target, body: &[u8]) -> Option<Uuid> {
        let (Target::Graph(path) | Target::GraphBeta(path)) = target else { return None };
        let others = || self.tenants().filter(|(index, _)| *index != at);
        let is_foreign = |id: &Uuid| {
            let id = id.to_string();
            !self[at].directory.knows(&id) && others().any(|(_, state)| state.directory.knows(&id))
        };
        ids_in(path.as_bytes()).chain(ids_in(body)).find(is_foreign)
    }
}

impl Directory {
    /// Whether the tenant has an object of this id, deleted or not.
    fn knows(&self, id: &str) -> bool {
        ObjectKind::OBJECTS.into_iter().any(|kind| self.store(kind).current(id).is_some())
    }
}

/// The length of an id as it is written, with its hyphens.
const LENGTH: usize = 36;

/// The ids in a text, whatever stands around them.
fn ids_in(text: &[u8]) -> impl Iterator<Item = Uuid> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(window) = text.get(at..at + LENGTH) {
            if window[8] == b'-'
                && let Ok(id) = Uuid::try_parse_ascii(window)
            {
                at += LENGTH;
                return Some(id);
            }
            at += 1;
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_wherever_they_stand() {
        let [a, b] = [Uuid::from_u128(7), Uuid::from_u128(8)];
        let found = |text: String| ids_in(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(found(format!("/users/{a}/x(appId='{b}')")), [a, b]);
        assert_eq!(found(format!("{a}-{b}")), [a, b]);
        assert_eq!(found(format!("{a}")), [a]);
        for none in [format!("0{}", &a.to_string()[..35]), String::new()] {
            assert!(found(none).is_empty());
        }
    }
}
