//! Admin consent by link: the link for an administrator of another tenant, the callback, and the proof.
//!
//! An administrator of a customer opens an [`AdminConsentLink`], Entra asks them, and sends their browser back with an
//! answer: [`AdminConsentCallback`]. Anybody can write such an address by hand, so that it proves nothing: it is
//! [accepted](PendingConsent::accept) only for the link that was given out, and the grants are then
//! [looked for](crate::Client::check_consent_by_token) in that tenant.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-admin-consent>

mod callback;
mod check;
mod link;

pub use callback::{AdminConsentCallback, ReportedConsent};
pub use check::ConsentCheck;
pub use link::{AdminConsentLink, ConsentApp, ConsentTenant, PendingConsent};
