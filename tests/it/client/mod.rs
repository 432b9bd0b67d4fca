//! The typed client and its pipeline. What each operation does is in `conformance`.

mod batch;
mod lists;
mod retries;
mod tokens;
