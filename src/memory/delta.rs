//! Delta queries: what changed since a token.

use super::answer::{Outcome, Refusal};
use super::call::Call;
use super::directory::Directory;
use super::kind::Kind;

impl Directory {
    pub(super) fn delta(&self, _kind: Kind, _call: &Call) -> Outcome {
        Err(Refusal::not_implemented("delta queries"))
    }
}
