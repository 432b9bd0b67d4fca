//! `/organization`: the tenant.

use http::Method;

use crate::client::decode;
use crate::client::request::Request;
use crate::client::{Call, Client};
use crate::error::{Error, ErrorCode};
use crate::model::query::Query;
use crate::model::{Envelope, Organization};
use crate::retry::Response;

/// The tenant.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let client = MemoryTenant::new().client();
/// let tenant = client.organization().get().await?;
/// assert_eq!(tenant.id, Some(client.tenant_id().await?));
/// println!("{:?} at {:?}", tenant.display_name, tenant.default_domain());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OrganizationApi<'a>(pub(super) &'a Client);

impl OrganizationApi<'_> {
    /// Gets the tenant ([`GET /organization`](https://learn.microsoft.com/graph/api/organization-list)). Least
    /// permission: `Organization.Read.All`; with `User.Read` only id, name and domains are there.
    pub fn get(&self) -> Call<Organization> {
        let pairs =
            Query::selecting(&["id", "displayName", "verifiedDomains", "tenantType", "countryLetterCode"]).pairs();
        let request = Request::new("GET /organization", "Organization.Read.All", Method::GET, ["organization"]);
        Call::new(self.0, pairs.map(|pairs| request.query(pairs, false)), only)
    }
}

fn only(request: &Request, response: &Response) -> Result<Organization, Error> {
    let Envelope { value, .. } = decode::json::<Envelope<Organization>>(request, response)?;
    value.into_iter().next().ok_or_else(|| {
        Error::new(ErrorCode::UnexpectedResponse)
            .with_message("the service knows of no organization")
            .with_remedy("Check that the token is for a work or school tenant.")
            .during(request.operation.clone())
    })
}
