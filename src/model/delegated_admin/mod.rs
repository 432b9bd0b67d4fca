//! Delegated admin relationships (GDAP), with their access assignments, requests and operations.
//!
//! <https://learn.microsoft.com/graph/api/resources/delegatedadminrelationships-api-overview>

mod access_assignment;
mod access_details;
mod operation;
mod relationship;
mod request;

pub use access_assignment::*;
pub use access_details::{DelegatedAdminAccessDetails, UnifiedRole};
pub use operation::*;
pub use relationship::*;
pub use request::*;
