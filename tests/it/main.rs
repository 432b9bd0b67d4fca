//! The crate as its users see it, on the in-memory tenant.

mod client;
mod guides;
mod input;
mod job;
mod lag;
mod plans;
mod secrets;
mod support;
mod trouble;
