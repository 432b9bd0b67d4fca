//! No secret and no token is shown: not by a type, not by an error, not in a log.

pub(crate) mod logs;
mod types;
