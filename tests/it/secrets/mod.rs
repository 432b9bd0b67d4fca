//! Client secrets: issued once, never lost in silence, never removed by guess, and handed over when they work.

mod issuing;
mod lost;
mod readiness;
