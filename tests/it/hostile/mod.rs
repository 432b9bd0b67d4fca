//! Hostile servers and hostile texts: nothing breaks, nothing leaks, nothing runs for ever.

mod corrupted;
#[cfg(feature = "reqwest")]
mod http;
mod links;
mod proxies;
mod responses;
mod server;
mod texts;
mod unreadable;
