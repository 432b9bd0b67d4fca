//! `/organization`: the tenant.

use http::Method;

use crate::client::call::{self, Spec};
use crate::client::{Call, Client};
use crate::error::{Error, ErrorKind};
use crate::exchange::Answer;
use crate::model::query::Query;
use crate::model::{Envelope, Organization};

/// The tenant.
#[derive(Clone, Copy, Debug)]
pub struct OrganizationApi<'a>(pub(super) &'a Client);

impl OrganizationApi<'_> {
    /// Gets the tenant ([`GET /organization`](https://learn.microsoft.com/graph/api/organization-list)). Least
    /// permission: `Organization.Read.All`; with `User.Read` only id, name and domains are there.
    pub fn get(&self) -> Call<Organization> {
        let pairs =
            Query::selecting(&["id", "displayName", "verifiedDomains", "tenantType", "countryLetterCode"]).pairs();
        let spec = Spec::new("GET /organization", "Organization.Read.All", Method::GET, ["organization"]);
        Call::new(self.0, pairs.map(|pairs| spec.query(pairs, false)), only)
    }
}

fn only(spec: &Spec, answer: Answer) -> Result<Organization, Error> {
    let Envelope { value, .. } = call::json::<Envelope<Organization>>(spec, answer)?;
    value.into_iter().next().ok_or_else(|| {
        Error::new(ErrorKind::Decode, "answer_not_understood", "the service knows of no organization")
            .with_remedy("Check that the token is for a work or school tenant.")
            .during(spec.operation)
    })
}
