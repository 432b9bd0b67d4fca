//! The tests' own traffic, checked against the OpenAPI description of Microsoft Graph: the crate's requests must be what
//! Graph accepts, and the in-memory tenant's responses what Graph returns.

pub(crate) mod document;
pub(crate) mod exchange;
mod gaps;
mod paths;
mod schema;
pub(crate) mod shared;
mod tests;
mod tour;
