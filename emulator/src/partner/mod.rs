//! The tenants of Microsoft partners: granular delegated admin privileges (GDAP) in the tenants of customers, and
//! contracts.
//!
//! <https://learn.microsoft.com/graph/api/resources/delegatedadminrelationships-api-overview>

mod all_relationships;
mod app_in_use;
mod assignments;
mod contracts;
mod customers;
pub(crate) mod duration;
mod entity;
mod errors;
mod lifecycle;
pub(crate) mod list;
mod operation;
mod preset;
mod relationships;
mod requests;
mod roles;
mod snapshot;
mod tenants;
mod test_controls;
mod validation;

use std::time::Duration;

use entra_apps::ids::AppId;
use time::OffsetDateTime;

use crate::api::Api;
use crate::cloud_state::CloudState;
use crate::data::moment::Moment;
use crate::graph::authorize;
use crate::graph::call::{Actor, Call};
use crate::graph::directory::Directory;
use crate::graph::response::{GraphError, GraphResult};
use crate::partner_center;
use all_relationships::Relationships;
use entity::Entity;

pub(crate) use contracts::Contracts;
pub(crate) use operation::Operation;
pub use test_controls::DelegatedAdminRelationship;

/// The duration of each status of a relationship, access assignment, request or operation, unless the builder sets
/// another.
pub(crate) const DEFAULT_STEP: Duration = Duration::from_secs(2);

/// Microsoft's own app that lets apps without a user administer relationships.
/// <https://learn.microsoft.com/graph/api/delegatedadminrelationship-update>
pub(crate) const ADMINISTRATION: AppId = AppId::from_u128(0x2832_473f_ec63_45fb_976f_5d45_a7d4_bb91);

/// The API of [`ADMINISTRATION`].
pub(crate) fn administration() -> Api {
    Api::new(ADMINISTRATION, "Partner Customer Delegated Administration")
        .identifier_uri("https://api.partnercustomeradministration.microsoft.com")
}

/// The groups that every partner tenant has.
/// <https://learn.microsoft.com/partner-center/permissions-overview>
const AGENT_GROUPS: [&str; 3] = [ADMIN_AGENTS, "HelpdeskAgents", "SalesAgents"];
const ADMIN_AGENTS: &str = "AdminAgents";

/// The state of a partner's tenant besides its directory.
#[derive(Debug)]
pub(crate) struct Partner {
    /// The duration of each status.
    step: Duration,
    /// The number of entities so far, which makes their ETags distinct.
    entities: u64,
    relationships: Relationships,
    /// The reseller's contracts.
    pub(crate) contracts: Contracts,
    /// The responses of Partner Center to repeated requests.
    pub(crate) replay_cache: partner_center::ReplayCache,
}

/// A relationship with its access assignments, requests and operations.
#[derive(Debug)]
struct Relationship {
    entity: Entity,
    /// When it expires or is extended, on the monotonic clock; `None` while that is not known.
    ends: Option<Duration>,
    assignments: Vec<Entity>,
    requests: Vec<Entity>,
    operations: Vec<Entity>,
}

/// How many requests and operations of a relationship, and deleted access assignments, are kept: the oldest go first.
pub(super) const MAX_HISTORY: usize = 1_000;

/// Adds to a history that is kept so far.
fn remember(history: &mut Vec<Entity>, entity: Entity) {
    if history.len() >= MAX_HISTORY {
        history.remove(0);
    }
    history.push(entity);
}

impl Relationship {
    /// Adds an access assignment; of those that are deleted the oldest goes where there are many.
    fn assign(&mut self, assignment: Entity) {
        if self.assignments.len() >= MAX_HISTORY
            && let Some(oldest) = self.assignments.iter().position(|held| held.status() == "deleted")
        {
            self.assignments.remove(oldest);
        }
        self.assignments.push(assignment);
    }
}

impl Partner {
    pub(crate) fn new(step: Duration) -> Self {
        Self {
            step,
            entities: 0,
            relationships: Relationships::default(),
            contracts: Contracts::default(),
            replay_cache: partner_center::ReplayCache::default(),
        }
    }

    /// The number for a new entity.
    fn next_number(&mut self) -> u64 {
        self.entities += 1;
        self.entities
    }
}

impl Directory {
    /// Adds the state and the groups of a partner, where they are missing.
    pub(crate) fn become_partner(&mut self, step: Duration, wall: OffsetDateTime) {
        if self.partner.is_none() {
            self.partner = Some(Partner::new(step));
        }
        for name in AGENT_GROUPS {
            if self.groups.find_by("displayName", name).next().is_none() {
                self.seed_group(name, &[], wall);
            }
        }
    }
}

impl CloudState {
    /// Carries out a GDAP or contract operation in a partner's tenant.
    pub(crate) fn partner(&mut self, tenant: usize, operation: &Operation, call: &Call) -> GraphResult {
        if !operation.is_about_contracts() && !operation.is_about_tenants() {
            self.partner_of(tenant)?;
            self.check_administrator(tenant, operation, call)?;
        }
        match operation {
            Operation::ListRelationships => self.list_relationships(tenant, call),
            Operation::CountRelationships => self.count_relationships(tenant, call),
            Operation::CreateRelationship => self.create_relationship(tenant, call),
            Operation::GetRelationship(id) => self.get_relationship(tenant, id, call),
            Operation::UpdateRelationship(id) => self.update_relationship(tenant, id, call),
            Operation::DeleteRelationship(id) => self.delete_relationship(tenant, id, call),
            Operation::ListSubresources(id, subresource) => self.list_subresources(tenant, id, *subresource, call),
            Operation::CountSubresources(id, subresource) => self.count_subresources(tenant, id, *subresource, call),
            Operation::GetSubresource(id, subresource, subresource_id) => {
                self.get_subresource(tenant, id, *subresource, subresource_id, call)
            }
            Operation::CreateRequest(id) => self.create_request(tenant, id, call),
            Operation::CreateAccessAssignment(id) => self.create_access_assignment(tenant, id, call),
            Operation::UpdateAccessAssignment(id, assignment) => {
                self.update_access_assignment(tenant, id, assignment, call)
            }
            Operation::DeleteAccessAssignment(id, assignment) => {
                self.delete_access_assignment(tenant, id, assignment, call)
            }
            Operation::ListCustomers => self.list_customers(tenant, call),
            Operation::CountCustomers => self.count_customers(tenant, call),
            Operation::GetCustomer(id) => self.get_customer(tenant, id, call),
            Operation::ListServices(id) => self.list_services(tenant, id, call),
            Operation::CountServices(id) => self.count_services(tenant, id, call),
            Operation::GetService(id, service) => self.get_service(tenant, id, service, call),
            Operation::ListContracts => self.list_contracts(tenant, call),
            Operation::CountContracts => self.count_contracts(tenant, call),
            Operation::GetContract(id) => self.get_contract(tenant, id, call),
            Operation::FindTenant(id) => self.find_tenant_information(id, true, call),
            Operation::FindTenantByDomain(domain) => self.find_tenant_information(domain, false, call),
        }
    }

    /// Checks what a permission does not cover: users who change relationships are admin agents, and an app without a
    /// user needs Microsoft's service principal in the tenant.
    fn check_administrator(&self, tenant: usize, operation: &Operation, call: &Call) -> Result<(), GraphError> {
        let Actor::SignedIn(identity) = &call.actor else { return Ok(()) };
        let denied = || Err(errors::forbidden("Insufficient privileges to complete the operation."));
        match &identity.user {
            None if self[tenant].directory.live_service_principal(&ADMINISTRATION.to_string()).is_none() => denied(),
            Some(user) if operation.is_write() => {
                let is_global = identity.wids.iter().any(|role| role == authorize::role::GLOBAL_ADMINISTRATOR);
                let is_agent = user.home == self[tenant].directory.tenant_id && self.is_admin_agent(tenant, &user.id);
                if is_global || is_agent { Ok(()) } else { denied() }
            }
            _ => Ok(()),
        }
    }

    /// Applies the status changes that are due in all tenants.
    pub(crate) fn advance_time(&mut self, now: Duration, wall: OffsetDateTime) {
        for index in 0..self.partners().len() {
            let tenant = self.partners()[index];
            if let Some(partner) = &mut self[tenant].directory.partner {
                partner.relationships.advance(Moment { now, wall }, partner.step);
            }
        }
    }

    /// The partner state of a tenant.
    fn partner_of(&self, tenant: usize) -> Result<&Partner, GraphError> {
        self[tenant].directory.partner.as_ref().ok_or_else(errors::not_a_partner)
    }

    fn partner_mut(&mut self, tenant: usize) -> Result<&mut Partner, GraphError> {
        self[tenant].directory.partner.as_mut().ok_or_else(errors::not_a_partner)
    }
}
