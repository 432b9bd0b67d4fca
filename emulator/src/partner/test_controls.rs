//! Test controls in place of the admin center and of Partner Center's pages, and inspection of relationships.

use std::sync::Arc;

use entra_apps::ids::{DirectoryObjectId, TenantId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Partner, Relationship, assignments, relationships, validation};
use crate::data::json::{eq_ignore_case, text};
use crate::data::moment::Moment;
use crate::partner::entity::Entity;
use crate::{CloudState, MemoryTenant};

/// A relationship that lets a partner administer the tenant of a customer (GDAP).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DelegatedAdminRelationship {
    /// The id: two GUIDs, joined by a hyphen.
    pub id: String,
    /// The display name.
    pub display_name: String,
    /// The status, such as `created`, `approvalPending` or `active`.
    pub status: String,
    /// The tenant of the customer; `None` while any tenant may approve it.
    pub customer: Option<TenantId>,
    /// The whole object as Graph would return it, as JSON.
    pub json: String,
}

impl MemoryTenant {
    /// The relationships of this tenant as a partner, in the order of their creation; none if it is not a partner's.
    pub fn delegated_admin_relationships(&self) -> Vec<DelegatedAdminRelationship> {
        self.with_cloud(|cloud| {
            let all = cloud[self.0.index].directory.partner.iter().flat_map(|partner| &partner.relationships);
            all.map(|relationship| DelegatedAdminRelationship {
                id: relationship.entity.id().to_owned(),
                display_name: text(&relationship.entity.value, "displayName").to_owned(),
                status: relationship.entity.status().to_owned(),
                customer: relationship.customer().parse::<Uuid>().ok().map(Into::into),
                json: Value::Object(relationship.show()).to_string(),
            })
            .collect()
        })
    }

    /// Approves a relationship that a partner of the same cloud has requested, as an administrator of this tenant does
    /// in the admin center. It becomes active two steps later.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// use entra_emulator::{MemoryCloud, MemoryTenant};
    /// use std::time::Duration;
    ///
    /// let tenants = [MemoryTenant::builder().partner(), MemoryTenant::builder().domain("customer.onmicrosoft.com")];
    /// let cloud = MemoryCloud::new(tenants);
    /// let [partner, customer] = cloud.tenants() else { unreachable!() };
    /// let asked = r#"{"displayName": "Support", "duration": "P30D", "accessDetails": {"unifiedRoles":
    ///     [{"roleDefinitionId": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"}]}}"#;
    /// partner.send_json("POST", "/tenantRelationships/delegatedAdminRelationships", Some(asked));
    /// let id = partner.delegated_admin_relationships()[0].id.clone();
    /// let requests = format!("/tenantRelationships/delegatedAdminRelationships/{id}/requests");
    /// partner.send_json("POST", &requests, Some(r#"{"action": "lockForApproval"}"#));
    ///
    /// tokio::time::sleep(Duration::from_secs(5)).await;
    /// customer.approve_relationship(&id);
    /// tokio::time::sleep(Duration::from_secs(5)).await;
    /// assert_eq!(partner.delegated_admin_relationships()[0].status, "active");
    /// # }
    /// ```
    ///
    /// # Panics
    /// When no partner of the cloud has such a relationship, or it is not pending this tenant's approval.
    pub fn approve_relationship(&self, id: &str) {
        let moment = self.moment();
        self.with_cloud(|cloud| {
            let customer = participant(cloud, self.0.index);
            let mine = |relationship: &Relationship| {
                relationship.customer().is_empty()
                    || eq_ignore_case(relationship.customer(), text(&customer, "tenantId"))
            };
            let (step, relationship) =
                find_relationship(cloud, id).expect("a partner of the cloud has the relationship");
            assert!(mine(relationship), "the relationship is for another customer");
            let pending = relationship.entity.value.get(relationships::CONSENT_PENDING);
            assert!(pending.is_none_or(|pending| pending == false), "the reseller has not consented yet");
            let status = relationship.entity.status();
            assert_eq!(status, "approvalPending", "the relationship is not pending approval");
            relationship.approve(customer, moment, step);
        });
    }

    /// Ends an active relationship, as an administrator of this tenant or of the partner's.
    ///
    /// # Panics
    /// When no partner of the cloud has such a relationship with this tenant on either side, or it is not active.
    pub fn terminate_relationship(&self, id: &str) {
        let moment = self.moment();
        self.with_cloud(|cloud| {
            let is_partner =
                cloud[self.0.index].directory.partner.as_ref().is_some_and(|partner| partner.relationship(id).is_ok());
            let (step, relationship) =
                find_relationship(cloud, id).expect("a partner of the cloud has the relationship");
            assert!(
                is_partner || eq_ignore_case(relationship.customer(), &self.0.id.to_string()),
                "the relationship is between other tenants"
            );
            assert_eq!(relationship.entity.status(), "active", "the relationship is not active");
            relationship.terminate(moment, step);
        });
    }

    /// Makes a tenant of the same cloud a customer of this partner: adds a contract, which Partner Center shows as a
    /// customer. It gives the partner no access to the tenant.
    ///
    /// # Panics
    /// When this tenant is not a partner's, or the customer is in another cloud.
    pub fn add_customer(&self, customer: &Self) {
        self.with_cloud(|cloud| {
            let tenant = self.index_of(customer);
            let directory = &cloud[tenant].directory;
            let (id, domain, name) = (directory.tenant_id, directory.domain.clone(), directory.display_name.clone());
            let contract = cloud[self.0.index].directory.new_id();
            partner(cloud, self.0.index).add_contract(contract, id, &domain, &name);
        });
    }

    /// Adds an active relationship of this partner with a customer, with these roles (template ids) for two years.
    /// Returns its id.
    ///
    /// # Panics
    /// When this tenant is not a partner's, the customer is in another cloud, there is no role, or the name is taken by
    /// another relationship.
    pub fn add_relationship(&self, customer: &Self, display_name: &str, roles: &[Uuid]) -> String {
        let moment = self.moment();
        self.with_cloud(|cloud| {
            let participant = participant(cloud, self.index_of(customer));
            let mut value = relationships::template();
            value["id"] = relationships::new_id(&cloud[self.0.index].directory).into();
            value["displayName"] = display_name.into();
            value["duration"] = "P730D".into();
            value["customer"] = participant;
            value["accessDetails"] = details(roles);
            let added = partner(cloud, self.0.index).add_relationship(value, moment);
            let relationship = added.expect("the name is free and there are roles");
            let activation = relationship.activation(moment);
            relationship.entity.write(&activation, moment);
            relationship.entity.id().to_owned()
        })
    }

    /// Adds an active access assignment: the members of a group of this partner get these roles (template ids) of a
    /// relationship. Returns its id.
    ///
    /// # Panics
    /// When this tenant has no such relationship, or it does not have all of the roles.
    pub fn add_access_assignment(
        &self,
        relationship_id: &str,
        group: impl Into<DirectoryObjectId>,
        roles: &[Uuid],
    ) -> Uuid {
        let moment = self.moment();
        self.with_cloud(|cloud| {
            let id = cloud[self.0.index].directory.new_id();
            let partner = partner(cloud, self.0.index);
            let number = partner.next_number();
            let relationship =
                partner.relationship_mut(relationship_id).expect("the partner has a relationship of this id");
            let details = details(roles);
            relationship.check_roles(&details).expect("the roles are some of the relationship's");
            let mut value = assignments::template(id, &group.into().to_string(), &details);
            value["status"] = "active".into();
            relationship.assignments.push(Entity::new(number, value, moment));
            id
        })
    }

    /// Runs `act` on the state of the cloud after all changes that are due.
    pub(crate) fn with_cloud<T>(&self, act: impl FnOnce(&mut CloudState) -> T) -> T {
        let Moment { now, wall } = self.moment();
        let mut state = self.state();
        state.cloud.advance_time(now, wall);
        act(&mut state.cloud)
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { now: self.0.clock.monotonic(), wall: self.wall() }
    }

    fn index_of(&self, other: &Self) -> usize {
        assert!(Arc::ptr_eq(&self.0.cloud, &other.0.cloud), "the customer is in the same cloud");
        other.0.index
    }
}

fn partner(cloud: &mut CloudState, tenant: usize) -> &mut Partner {
    cloud[tenant].directory.partner.as_mut().expect("the tenant is a partner")
}

/// The relationship with this id, of any partner, and the partner's step.
fn find_relationship<'a>(cloud: &'a mut CloudState, id: &str) -> Option<(std::time::Duration, &'a mut Relationship)> {
    let partner = |index: &usize| cloud[*index].directory.partner.as_ref();
    let has = |index: &usize| partner(index).is_some_and(|partner| partner.relationship(id).is_ok());
    let index = cloud.partners().iter().copied().find(has)?;
    let partner = cloud[index].directory.partner.as_mut()?;
    Some((partner.step, partner.relationship_mut(id).ok()?))
}

/// A tenant in the form of a relationship's `customer`.
fn participant(cloud: &CloudState, tenant: usize) -> Value {
    let directory = &cloud[tenant].directory;
    json!({"tenantId": directory.tenant_id, "displayName": directory.display_name})
}

fn details(roles: &[Uuid]) -> Value {
    let ids: Vec<String> = roles.iter().map(ToString::to_string).collect();
    validation::details(&ids.iter().map(String::as_str).collect::<Vec<_>>())
}
