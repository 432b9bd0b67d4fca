//! The documentation's own samples, replayed on the in-memory tenant: the responses that Microsoft shows are those
//! that the tenant returns.

mod proof;
mod sample;
mod shape;
mod shared;
mod table;
