//! `/reports`: what was used when.

use http::Method;

use crate::api::List;
use crate::client::Client;
use crate::client::request::{Request, Version};
use crate::model::AppCredentialSignInActivity;

const READ: &str = "AuditLog.Read.All";
const ROLE: &str = "a role that may read reports, such as Reports Reader";

/// Reports.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let tenant = MemoryTenant::new();
/// let reader = tenant.add_caller(&["AuditLog.Read.All"]);
/// let client = tenant.client_builder().client_secret(reader.client_id, reader.client_secret).build()?;
/// for entry in client.reports().list_app_credential_sign_in_activities().all().await? {
///     println!("{:?}: {:?}", entry.key_id, entry.sign_in_activity.and_then(|activity| activity.last()));
/// }
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Reports<'a>(pub(super) &'a Client);

impl Reports<'_> {
    /// Lists when each credential of an app was last used in this tenant: of the beta version, of the worldwide cloud
    /// ([`GET /reports/appCredentialSignInActivities`](https://learn.microsoft.com/graph/api/reportroot-list-appcredentialsigninactivities?view=graph-rest-beta)).
    /// It takes a filter, an order and a page size, and no selection. A credential
    /// without an entry may be in use. Least permission: `AuditLog.Read.All`.
    pub fn list_app_credential_sign_in_activities(&self) -> List<AppCredentialSignInActivity> {
        let segments = ["reports", "appCredentialSignInActivities"];
        let request = Request::new("GET /reports/appCredentialSignInActivities", READ, Method::GET, segments);
        List::of(self.0, Ok(request.version(Version::Beta).role(ROLE)))
    }
}
