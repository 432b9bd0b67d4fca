//! Register an app in Microsoft Entra from one typed value: planned, applied, verified, safe to run again, testable
//! without a tenant.

pub mod api;
pub mod auth;
mod client;
pub mod clock;
pub mod cloud;
mod error;
mod exchange;
pub mod ids;
#[cfg(feature = "memory")]
pub mod memory;
pub mod model;
pub mod permission;
mod provision;
pub mod random;
pub mod token;
pub mod transport;

pub use client::{Answers, Batch, Call, Client, ClientBuilder, Ticket};
pub use error::{Error, ErrorDetail, ErrorKind};
pub use exchange::{RetryPolicy, Wait, WaitReason};

pub use model::SignInAudience;
pub use provision::*;

/// What a fallible call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub use {bytes, http, secrecy, time, url, uuid};
