//! The tests' own traffic, held against the OpenAPI description of Microsoft Graph: what the crate asks must be what
//! Graph takes, and what the in-memory tenant answers must be what Graph answers.

pub(crate) mod document;
pub(crate) mod exchange;
mod gaps;
mod paths;
mod schema;
pub(crate) mod shared;
mod tests;
mod tour;
