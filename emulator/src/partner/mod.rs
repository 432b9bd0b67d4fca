//! What Microsoft's partners have: granular delegated admin privileges (GDAP) in the tenants of their customers, the
//! contracts with them, and Partner Center.
//!
//! <https://learn.microsoft.com/graph/api/resources/delegatedadminrelationships-api-overview>

mod assignments;
mod by_hand;
pub(super) mod center;
mod contracts;
mod customers;
mod duration;
mod entity;
mod lifecycle;
mod list;
mod operation;
mod preset;
mod refusal;
mod relationships;
mod requests;
mod roles;
mod rules;
mod snapshot;

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;

pub use by_hand::DelegatedAdminRelationship;
pub(super) use operation::Operation;

use super::answer::{Outcome, Refusal};
use super::api::Api;
use super::authorize;
use super::call::{Actor, Call};
use super::directory::Directory;
use super::world::World;
use entity::{Entity, Moment};
use entra_apps::ids::AppId;

/// How long each step takes in the life of a relationship, an access assignment, a request or an operation, unless the
/// builder says otherwise.
pub(super) const STEP: Duration = Duration::from_secs(2);

/// Microsoft's own app through which apps without a person administer relationships.
/// <https://learn.microsoft.com/graph/api/delegatedadminrelationship-update>
pub(super) const ADMINISTRATION: AppId = AppId::from_u128(0x2832_473f_ec63_45fb_976f_5d45_a7d4_bb91);

/// The same as the tenant knows it.
pub(super) fn administration() -> Api {
    Api::new(ADMINISTRATION, "Partner Customer Delegated Administration")
        .identifier_uri("https://api.partnercustomeradministration.microsoft.com")
}

/// The groups that each partner tenant has.
/// <https://learn.microsoft.com/partner-center/permissions-overview>
const AGENT_GROUPS: [&str; 3] = [ADMIN_AGENTS, "HelpdeskAgents", "SalesAgents"];
const ADMIN_AGENTS: &str = "AdminAgents";

/// What a tenant has as a partner, beside its directory.
#[derive(Debug)]
pub(super) struct Partner {
    /// How long each step takes.
    step: Duration,
    /// How many entities there were so far, which tells their ETags apart.
    entities: u64,
    relationships: Vec<Relationship>,
    /// The reseller's contracts, each as Graph answers it.
    contracts: Vec<Value>,
    /// What Partner Center has answered.
    center: center::Kept,
}

/// A relationship with what belongs to it.
#[derive(Debug)]
struct Relationship {
    entity: Entity,
    /// When it expires or is extended, by the clock that never stands still; `None` while that is not known.
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
    pub(super) fn new(step: Duration) -> Self {
        Self { step, entities: 0, relationships: Vec::new(), contracts: Vec::new(), center: center::Kept::default() }
    }

    /// The number of a new entity.
    fn next(&mut self) -> u64 {
        self.entities += 1;
        self.entities
    }
}

impl Directory {
    /// Gives the tenant what a partner's has, as far as it has it not.
    pub(super) fn become_partner(&mut self, step: Duration, wall: OffsetDateTime) {
        if self.partner.is_none() {
            self.partner = Some(Partner::new(step));
        }
        for name in AGENT_GROUPS {
            if self.groups.having("displayName", name).next().is_none() {
                self.seed_group(name, &[], wall);
            }
        }
    }
}

impl World {
    /// Carries out an operation in a partner's tenant.
    pub(super) fn partner(&mut self, at: usize, operation: &Operation, call: &Call) -> Outcome {
        if !operation.is_about_contracts() {
            self.partner_of(at)?;
            self.check_administrator(at, operation, call)?;
        }
        match operation {
            Operation::ListRelationships => self.list_relationships(at, call),
            Operation::CountRelationships => self.count_relationships(at, call),
            Operation::CreateRelationship => self.create_relationship(at, call),
            Operation::GetRelationship(id) => self.get_relationship(at, id, call),
            Operation::UpdateRelationship(id) => self.update_relationship(at, id, call),
            Operation::DeleteRelationship(id) => self.delete_relationship(at, id, call),
            Operation::ListParts(id, part) => self.list_parts(at, id, *part, call),
            Operation::CountParts(id, part) => self.count_parts(at, id, *part, call),
            Operation::GetPart(id, part, part_id) => self.get_part(at, id, *part, part_id, call),
            Operation::CreateRequest(id) => self.create_request(at, id, call),
            Operation::CreateAccessAssignment(id) => self.create_access_assignment(at, id, call),
            Operation::UpdateAccessAssignment(id, assignment) => {
                self.update_access_assignment(at, id, assignment, call)
            }
            Operation::DeleteAccessAssignment(id, assignment) => {
                self.delete_access_assignment(at, id, assignment, call)
            }
            Operation::ListCustomers => self.list_customers(at, call),
            Operation::CountCustomers => self.count_customers(at, call),
            Operation::GetCustomer(id) => self.get_customer(at, id, call),
            Operation::ListServices(id) => self.list_services(at, id, call),
            Operation::CountServices(id) => self.count_services(at, id, call),
            Operation::GetService(id, service) => self.get_service(at, id, service, call),
            Operation::ListContracts => self.list_contracts(at, call),
            Operation::CountContracts => self.count_contracts(at, call),
            Operation::GetContract(id) => self.get_contract(at, id, call),
        }
    }

    /// What a permission alone does not give: who changes relationships is an admin agent, and an app without a person
    /// needs Microsoft's service principal in the tenant.
    fn check_administrator(&self, at: usize, operation: &Operation, call: &Call) -> Result<(), Refusal> {
        let Actor::SignedIn(identity) = &call.actor else { return Ok(()) };
        let denied = || Err(refusal::forbidden("Insufficient privileges to complete the operation."));
        match &identity.person {
            None if self[at].directory.live_service_principal(&ADMINISTRATION.to_string()).is_none() => denied(),
            Some(person) if operation.is_write() => {
                let is_global = identity.wids.iter().any(|held| held == authorize::role::GLOBAL_ADMINISTRATOR);
                let is_agent = person.home == self[at].directory.tenant_id && self.is_admin_agent(at, &person.id);
                if is_global || is_agent { Ok(()) } else { denied() }
            }
            _ => Ok(()),
        }
    }

    /// Lets everything become what it is by now: statuses move on by themselves.
    pub(super) fn pass_time(&mut self, now: Duration, wall: OffsetDateTime) {
        for partner in self.tenants_mut().filter_map(|state| state.directory.partner.as_mut()) {
            partner.advance(Moment { now, wall });
        }
    }

    /// What the tenant has as a partner.
    fn partner_of(&self, at: usize) -> Result<&Partner, Refusal> {
        self[at].directory.partner.as_ref().ok_or_else(refusal::no_partner)
    }

    fn partner_mut(&mut self, at: usize) -> Result<&mut Partner, Refusal> {
        self[at].directory.partner.as_mut().ok_or_else(refusal::no_partner)
    }
}
