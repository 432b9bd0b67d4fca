//! The emulator over HTTP, and against what Microsoft describes and documents.

mod openapi;
mod program;
mod samples;
#[path = "../../../tests/it/support/tenants.rs"]
mod support;
