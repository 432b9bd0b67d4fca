//! What a customer's own tenant says of the partner's person: the proof of what the partner's tenant says.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::task::Poll;

use http::Method;
use serde::Deserialize;
use serde_with::{As, DefaultOnError};
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::api::{Filter, List};
use crate::client::Client;
use crate::directory_role::DirectoryRole;
use crate::error::{Error, ErrorCode};
use crate::ids::{DirectoryObjectId, TenantId};
use crate::partner::in_flight::{InFlight, customer_span};
use crate::partner::readiness::RolesNeeded;
use crate::partner::readiness::judge::{InCustomer, Person};

/// Signs in to the partner's own tenant, so that nobody is asked to sign in to a customer's first; returns whether it is the
/// person who does, and no app.
pub(super) async fn sign_in_at_home(client: &Client, person: &Person) -> Result<bool, Error> {
    let claims = client.token_claims().await?;
    match (claims.oid, person.id) {
        _ if claims.scp.is_none() => Ok(false),
        (Some(own), Some(id)) if own != id => Err(Error::new(ErrorCode::AnotherPerson)),
        _ => Ok(true),
    }
}

/// What the tenants of customers say, which are asked side by side; one that says nothing is left out.
pub(super) async fn ask_all(
    client: &Client,
    person: &Arc<Person>,
    needed: &RolesNeeded,
    customers: Vec<TenantId>,
) -> HashMap<TenantId, InCustomer> {
    let client = client.begin_operation();
    let needed = Arc::new(needed.clone());
    let mut in_flight = InFlight::new(Arc::clone(&client.context().clock));
    let mut customers = customers.into_iter();
    let mut said = HashMap::new();
    std::future::poll_fn(|context| {
        loop {
            let mut has_begun = false;
            while in_flight.has_room()
                && let Some(customer) = customers.next()
            {
                let client = client.for_tenant(customer);
                let (person, needed) = (Arc::clone(person), Arc::clone(&needed));
                let span = customer_span(&Span::current(), customer);
                in_flight.begin(move |observer| {
                    let answer = async move { (customer, ask(&client.observed(observer), &person, &needed).await) };
                    answer.instrument(span)
                });
                has_begun = true;
            }
            match in_flight.poll_next(context) {
                Poll::Ready(Some((customer, answer))) => said.extend(answer.map(|answer| (customer, answer))),
                Poll::Ready(None) => return Poll::Ready(()),
                // Some of them may wait now, and have left their places.
                Poll::Pending if has_begun => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    said
}

/// Signs in to the customer's tenant; `None` where it says nothing of the person's roles, such as when no app of the
/// partner's is known there yet.
async fn ask(client: &Client, person: &Person, needed: &RolesNeeded) -> Option<InCustomer> {
    let claims = match client.token_claims().await {
        Ok(claims) => claims,
        Err(error) => return refused(error.code()),
    };
    let roles = match claims.wids {
        Some(ids) => ids.into_iter().map(DirectoryRole::by_id).collect(),
        None => assigned(client, person, needed).await.ok()?,
    };
    Some(InCustomer::Shows(roles))
}

/// What a refused sign-in says.
fn refused(code: ErrorCode) -> Option<InCustomer> {
    use ErrorCode::{
        AccountNotInTenant, AdminConsentNeeded, AppDisabled, AppNotInTenant, BlockedByConditionalAccess,
        BlockedByCrossTenantPolicy, MfaRequired, NotConsented, PartnerNotAuthorized, ServicePrincipalBeingMade,
        ServicePrincipalMissing, UserNotAssigned,
    };
    match code {
        BlockedByConditionalAccess | BlockedByCrossTenantPolicy | MfaRequired => Some(InCustomer::KeepsOut(code)),
        // Whoever has no role by a relationship is nobody there.
        AccountNotInTenant => Some(InCustomer::Shows(BTreeSet::new())),
        // It is the app that is not let in: nobody has consented to it yet, which readiness does not take.
        NotConsented
        | PartnerNotAuthorized
        | AppNotInTenant
        | ServicePrincipalMissing
        | ServicePrincipalBeingMade
        | AdminConsentNeeded
        | UserNotAssigned
        | AppDisabled => None,
        code => Some(InCustomer::Unread(code)),
    }
}

/// Who has a role, as the customer's tenant shows it
/// ([reference](https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignments)).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoleAssignment {
    #[serde(default, with = "As::<DefaultOnError>")]
    principal_id: Option<DirectoryObjectId>,
    #[serde(default, with = "As::<DefaultOnError>")]
    role_definition_id: Option<Uuid>,
}

/// Of the roles that are needed those that the customer's tenant shows for a group of the person's.
async fn assigned(client: &Client, person: &Person, needed: &RolesNeeded) -> Result<BTreeSet<DirectoryRole>, Error> {
    let groups = person.groups.as_ref().map_err(|code| Error::new(*code))?;
    let roles: BTreeSet<DirectoryRole> = needed.sets().flatten().copied().collect();
    let mut batch = client.batch();
    let lists: Vec<_> = roles
        .into_iter()
        .map(|role| {
            let path = ["roleManagement", "directory", "roleAssignments"];
            let list: List<RoleAssignment> = client.request(Method::GET, path).list();
            let list = list.filter(Filter::eq("roleDefinitionId", role.id().to_string()));
            (list.clone(), batch.add(list.page()))
        })
        .collect();
    let mut response = batch.await?;
    let mut shown = BTreeSet::new();
    for (list, first) in lists {
        let all = list.rest_of(response.take(first)?).await?;
        let of_person = all.iter().filter(|it| it.principal_id.is_some_and(|id| groups.contains(&id)));
        shown.extend(of_person.filter_map(|it| it.role_definition_id).map(DirectoryRole::by_id));
    }
    Ok(shown)
}
