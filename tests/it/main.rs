//! The crate as its users see it, on the in-memory tenant.

mod client;
mod guides;
#[cfg(feature = "reqwest")]
mod http;
mod input;
mod job;
mod lag;
mod plans;
mod secrets;
mod support;
mod traces;
mod trouble;
