//! Register an app in Microsoft Entra from one typed value: planned, applied, verified, safe to run again, testable
//! without a tenant.

pub mod clock;
pub mod cloud;
mod error;
pub mod ids;
#[cfg(feature = "memory")]
pub mod memory;
pub mod permission;
pub mod random;
pub mod token;
pub mod transport;

pub use error::{Error, ErrorDetail, ErrorKind};

/// What a fallible call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub use {bytes, http, secrecy, time, url, uuid};
