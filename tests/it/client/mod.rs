//! The typed client and its pipeline. What each operation does is in `conformance`.

mod any_request;
mod batch;
mod deadlines;
mod lists;
mod lost_secrets;
mod retries;
mod tokens;
mod traces;
