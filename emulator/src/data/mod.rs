//! The data of a directory: JSON objects with their history, indices, links and replication lag. No HTTP and no rules.

pub(crate) mod json;
pub(crate) mod lag;
pub(crate) mod links;
pub(crate) mod moment;
pub(crate) mod object_kind;
pub(crate) mod object_store;
pub(crate) mod schema;
