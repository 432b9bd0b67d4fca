//! The documentation's own samples, replayed on the in-memory tenant: what Microsoft shows a request to answer, the
//! tenant answers too.

mod proof;
mod sample;
mod shape;
mod shared;
mod table;
