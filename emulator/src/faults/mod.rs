//! Faults: a schedule of what goes wrong and when, the effects on requests and responses, and throttling, over any
//! [`Transport`](entra_apps::transport::Transport).
//!
//! [`FaultyTransport`] puts them around a transport. A [`MemoryTenant`](crate::MemoryTenant) holds the same schedule
//! inside, and knows in addition how to revoke a permission.

mod batch;
mod effects;
mod fault;
mod file;
mod list;
mod pattern;
mod refused;
mod schedule;
mod suggest;
mod throttling;
mod transport;

pub use fault::{Fault, FaultOn, RetryAfter};
pub use file::FaultError;
pub use throttling::Throttling;
pub use transport::FaultyTransport;

pub(crate) use batch::{MAX_BATCH_REQUESTS, batch_items, is_batch};
pub(crate) use effects::{Exchange, Revocations, Service};
pub(crate) use schedule::Schedule;
pub(crate) use throttling::{Cost, Exceeded, RETRY_LATER, Spender, Spending, TOO_MANY_REQUESTS, share};
