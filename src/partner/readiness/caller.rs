//! Who is signed in to the partner's tenant: the groups that they are in, and what stands in their way everywhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Method;
use serde::Deserialize;
use serde_with::{As, DefaultOnError};

use crate::api::Filter;
use crate::client::Client;
use crate::error::Error;
use crate::ids::{AppId, DirectoryObjectId};
use crate::model::query::keyed;
use crate::partner::readiness::gap::{Gap, Unknown};
use crate::partner::readiness::judge::{Person, Read};

/// Microsoft's own app without which an app without a person cannot administer customers: *Partner Customer Delegated
/// Administration*.
const ADMINISTRATION: AppId = AppId::from_u128(0x2832_473f_ec63_45fb_976f_5d45_a7d4_bb91);

/// The group of those who may administer customers at all.
pub(in crate::partner) const ADMIN_AGENTS: &str = "AdminAgents";

/// Who is signed in to the partner's tenant, and what stands in their way everywhere.
pub(super) struct Caller {
    /// `None` for an app without a person.
    pub(super) person: Option<Arc<Person>>,
    pub(super) gaps: Vec<Gap>,
}

/// A group that the person is in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Membership {
    #[serde(default, with = "As::<DefaultOnError>")]
    id: Option<DirectoryObjectId>,
    #[serde(default, with = "As::<DefaultOnError>")]
    display_name: Option<String>,
}

/// A membership, or an ownership, that the person can activate.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Eligibility {
    #[serde(default, with = "As::<DefaultOnError>")]
    access_id: Option<String>,
    #[serde(default, with = "As::<DefaultOnError>")]
    group_id: Option<DirectoryObjectId>,
}

/// Reads who is signed in.
pub(super) async fn read(client: &Client) -> Result<Caller, Error> {
    let claims = client.token_claims().await?;
    let mut gaps = Vec::new();
    // A token in another format says nothing: whether a person is signed in shows in what it is refused.
    if claims.scp.is_none() && claims.app().is_some() {
        match client.service_principals().find_selecting(ADMINISTRATION, &["id"]).await {
            Ok(Some(_)) => {}
            Ok(None) => gaps.push(Gap::AppOnlyNotPrepared),
            Err(error) => gaps.push(Gap::unknown(Unknown::ServicePrincipal, &error)),
        }
        return Ok(Caller { person: None, gaps });
    }
    if claims.amr.as_ref().is_some_and(|methods| methods.iter().all(|method| method != "mfa")) {
        gaps.push(Gap::WithoutMfa);
    }
    let (groups, eligible) = memberships(client).await;
    match &groups {
        Ok(groups) => gaps.extend(agent_gaps(client, groups, &eligible).await),
        Err(error) => gaps.push(Gap::unknown(Unknown::Memberships, error)),
    }
    let groups = groups.map(|groups| groups.into_iter().filter_map(|group| group.id).collect());
    let groups = groups.map_err(|error| error.code());
    let person = Person { id: claims.oid, tenant: claims.tenant(), groups, eligible };
    Ok(Caller { person: Some(Arc::new(person)), gaps })
}

/// The groups that the person is in, directly or through others, and those in which a membership can be activated
/// ([background](https://learn.microsoft.com/graph/api/privilegedaccessgroupeligibilityscheduleinstance-filterbycurrentuser)).
async fn memberships(client: &Client) -> (Result<Vec<Membership>, Error>, Read<BTreeSet<DirectoryObjectId>>) {
    let groups = client
        .request(Method::GET, ["me", "transitiveMemberOf", "microsoft.graph.group"])
        .list::<Membership>()
        .select(["id", "displayName"])
        .top(999);
    let instances = ["identityGovernance", "privilegedAccess", "group", "eligibilityScheduleInstances"];
    let own = keyed("filterByCurrentUser", "on", "principal");
    let path: Vec<&str> = instances.into_iter().chain([own.as_str()]).collect();
    let eligible = client.request(Method::GET, path).list::<Eligibility>();
    let mut batch = client.batch();
    let (first_groups, first_eligible) = (batch.add(groups.clone().page()), batch.add(eligible.clone().page()));
    let mut response = match batch.await {
        Ok(response) => response,
        Err(error) => {
            let code = error.code();
            return (Err(error), Err(code));
        }
    };
    let groups = match response.take(first_groups) {
        Ok(page) => groups.rest_of(page).await,
        Err(error) => Err(error),
    };
    let eligible = match response.take(first_eligible) {
        Ok(page) => eligible.rest_of(page).await,
        Err(error) => Err(error),
    };
    let as_member = |it: Eligibility| it.group_id.filter(|_| it.access_id.as_deref() == Some("member"));
    let eligible = eligible.map(|all| all.into_iter().filter_map(as_member).collect());
    (groups, eligible.map_err(|error| error.code()))
}

/// What keeps a person from being an admin agent, by the groups that they are in.
async fn agent_gaps(client: &Client, groups: &[Membership], eligible: &Read<BTreeSet<DirectoryObjectId>>) -> Vec<Gap> {
    if groups.iter().any(|group| group.display_name.as_deref() == Some(ADMIN_AGENTS)) {
        return Vec::new();
    }
    // Who may read no more than themselves sees groups without a name, and nobody sees the names of eligible ones.
    let is_told = groups.iter().all(|group| group.display_name.is_some());
    if !is_told || eligible.as_ref().is_ok_and(|eligible| !eligible.is_empty()) {
        let named = client
            .request(Method::GET, "groups")
            .list::<Membership>()
            .filter(Filter::eq("displayName", ADMIN_AGENTS))
            .select(["id"]);
        match named.all().await {
            Ok(named) => {
                let is_in = |agents: DirectoryObjectId| groups.iter().any(|group| group.id == Some(agents));
                let may_join = |agents| eligible.as_ref().is_ok_and(|eligible| eligible.contains(&agents));
                let named = || named.iter().filter_map(|group| group.id);
                if named().any(is_in) {
                    return Vec::new();
                }
                if named().any(may_join) {
                    return vec![Gap::AdminAgentOnlyEligible];
                }
            }
            Err(error) if !is_told => return vec![Gap::unknown(Unknown::Memberships, &error)],
            Err(error) => {
                return vec![Gap::NotAdminAgent, Gap::unknown(Unknown::EligibleMemberships, &error)];
            }
        }
    }
    let unread =
        eligible.as_ref().err().map(|error| Gap::Unknown { what: Unknown::EligibleMemberships, error: *error });
    [Gap::NotAdminAgent].into_iter().chain(unread).collect()
}
