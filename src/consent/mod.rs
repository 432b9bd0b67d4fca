//! Admin consent by link: the link for an administrator of another tenant, the callback, and the check of the grants.
//!
//! An administrator of a customer opens an [`AdminConsentLink`], consents, and Entra redirects the browser to a callback:
//! [`AdminConsentCallback`]. Anybody can forge the URL of a callback, so that it proves nothing: it is
//! [accepted](PendingConsent::accept) only with the state of its link, and the grants are then
//! [checked](crate::Client::check_consent_by_token) in that tenant.
//!
//! The app of a registration is [`consent_app`](crate::AppRegistration::consent_app); one that is known by its ids alone is
//! a [`ConsentApp`].
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-admin-consent>
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
//! use entra_apps::SignInAudience;
//! use entra_apps::consent::{AdminConsentCallback, ConsentApp};
//! use entra_apps::permission::{MICROSOFT_GRAPH, microsoft_graph::application};
//! # let tenant = entra_emulator::MemoryTenant::new();
//! # let client = tenant.client(); // which is the app
//! # let (app_id, home, customer) = (tenant.caller().client_id, tenant.id(), tenant.id());
//!
//! let back = "https://contoso.example/consent";
//! let app = ConsentApp::new(app_id, home)
//!     .audience(&SignInAudience::MultipleOrganizations)
//!     .redirect_uri(back)
//!     .declares(MICROSOFT_GRAPH);
//! let link = client.admin_consent_link(&app, customer.into(), back)?;
//! println!("Please open {}", link.url());
//! let pending = link.into_pending(); // kept until the callback
//!
//! let query = format!("admin_consent=True&tenant={customer}&state={}", pending.state());
//! let reported = pending.accept(&AdminConsentCallback::parse(&query)?)?;
//! let check = client.check_consent_by_token(&reported, &[application::APPLICATION_READ_WRITE_ALL]).await?;
//! assert!(check.is_complete());
//! # Ok(()) }
//! ```

mod callback;
mod check;
mod expected;
mod link;

pub use callback::{AdminConsentCallback, ReportedConsent};
pub use check::{CheckConsent, ConsentCheck};
pub use expected::ExpectedPermissions;
pub use link::{AdminConsentLink, ConsentApp, PendingConsent};
