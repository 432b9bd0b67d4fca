//! Certificates of an application or service principal: `addKey` and `removeKey` with their proof.

use super::answer::{Outcome, Refusal};
use super::call::Call;
use super::directory::Directory;
use super::kind::Kind;
use super::route::Key;

impl Directory {
    pub(super) fn add_key(&mut self, _kind: Kind, _key: &Key, _call: &Call) -> Outcome {
        Err(Refusal::not_implemented("addKey"))
    }

    pub(super) fn remove_key(&mut self, _kind: Kind, _key: &Key, _call: &Call) -> Outcome {
        Err(Refusal::not_implemented("removeKey"))
    }
}
