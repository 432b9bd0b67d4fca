//! The crate as its users see it, on the in-memory tenant.

// Each example that is taken in brings what the examples share with it.
#![allow(clippy::duplicate_mod)]

mod client;
mod conformance;
mod consent;
mod diagnose;
#[cfg(feature = "reqwest")]
mod examples;
mod exhaustion;
mod flows;
mod guides;
mod hostile;
#[cfg(feature = "reqwest")]
mod http;
mod input;
mod job;
mod lag;
mod limits;
mod lost_secrets;
mod overload;
mod peers;
mod plans;
mod private;
mod promises;
mod refusals;
mod review;
mod scripted;
mod secrets;
mod sign_in;
mod sign_in_errors;
mod support;
mod surplus;
mod sweep;
mod together;
mod traces;
mod trouble;
mod usable;
