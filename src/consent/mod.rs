//! Admin consent by link: the link for an administrator of another tenant, the callback, and the check of the grants.
//!
//! An administrator of a customer opens an [`AdminConsentLink`], consents, and Entra redirects the browser to a callback:
//! [`AdminConsentCallback`]. Anybody can forge the URL of a callback, so that it proves nothing: it is
//! [accepted](PendingConsent::accept) only with the state of its link, and the grants are then
//! [checked](crate::Client::check_consent_by_token) in that tenant.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-admin-consent>

mod callback;
mod check;
mod link;

pub use callback::{AdminConsentCallback, ReportedConsent};
pub use check::ConsentCheck;
pub use link::{AdminConsentLink, ConsentApp, ConsentTenant, PendingConsent};
