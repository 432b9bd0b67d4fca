//! The crate as its users see it, on the in-memory tenant.

// Each example that is taken in brings what the examples share with it.
#![allow(clippy::duplicate_mod)]

mod app_policies;
mod apply;
mod client;
mod concurrency;
mod conformance;
mod consent;
mod credential_use;
mod credentials;
mod diagnose;
mod documented_examples;
mod documented_promises;
#[cfg(feature = "reqwest")]
mod examples;
mod expiring;
mod faults;
mod flows;
mod hostile;
#[cfg(feature = "reqwest")]
mod http;
mod identity;
mod install;
mod invalid_input;
mod kept_values;
mod moved_targets;
mod others;
mod partner;
mod permissions;
mod plans;
mod redaction;
mod refused_requests;
mod replication;
mod rotation;
mod secrets;
mod sign_in;
mod sign_in_errors;
mod steps;
mod support;
mod surplus;
mod throttling;
mod verdicts;
mod verify;
