//! The generator of `src/permission/catalogue/`, and the check that what it makes is what is checked in.
//!
//! The reference data lies beside the repository, in `../shared/graph`. To take over a change of it:
//!
//! ```text
//! ENTRA_APPS_BLESS=1 cargo test --test catalogue -- --ignored shared::
//! ```

mod generate;
mod names;
mod reasons;
mod shared;
