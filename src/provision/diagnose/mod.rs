//! A diagnosis for a vendor's support desk: from what a customer typed in, what is wrong with it.
//!
//! It signs in as the app and reads its token, and so needs no permission at all. The report holds what Microsoft's
//! support asks for, and no secret.

mod diagnosis;
mod examination;
mod recording_transport;

pub use diagnosis::{Diagnosis, Finding, RecordedRequest};
pub use examination::Diagnose;
