//! Replicas that lag behind: what is waited for, and what is not.

mod rules;
pub(crate) mod waits;
