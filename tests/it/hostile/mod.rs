//! Servers that mean harm, and texts that attack: nothing breaks, nothing leaks, nothing runs for ever.

mod answers;
#[cfg(feature = "reqwest")]
mod http;
mod input;
mod links;
mod seeded;
mod server;
