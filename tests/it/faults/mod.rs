//! Whatever goes wrong at whatever request, applying again ends where an undisturbed run ends.

pub(crate) mod driver;
pub(crate) mod each_request;
pub(crate) mod job;
mod random;
mod sweep;
