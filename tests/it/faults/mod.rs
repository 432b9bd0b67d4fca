//! Whatever goes wrong at whatever request, applying again ends where an undisturbed run ends.

mod each_request;
mod job;
mod random;
mod sweep;
