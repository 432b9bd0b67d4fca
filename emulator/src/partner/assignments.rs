//! `/tenantRelationships/delegatedAdminRelationships/{id}/accessAssignments`: the roles of a relationship that a group
//! of the partner has.
//!
//! <https://learn.microsoft.com/graph/api/resources/delegatedadminaccessassignment>

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::entity::Entity;
use super::operation::Subresource;
use super::relationships::{accepted, link, start_operation};
use super::{Relationship, errors, list, validation};
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, text};
use crate::graph::call::Call;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};

/// The maximum number of groups with access to one customer.
/// <https://learn.microsoft.com/partner-center/customers/gdap-faq>
const MAX_GROUPS: usize = 100;

impl Relationship {
    /// Refuses roles that the customer has not approved.
    pub(super) fn check_roles(&self, details: &Value) -> Result<(), GraphError> {
        let approved = self.roles();
        let requested = validation::roles(details)?;
        match requested.iter().find(|role| !approved.iter().any(|known| eq_ignore_case(known, role))) {
            Some(role) => Err(errors::bad_request(format!("The role '{role}' is not part of the relationship."))),
            None => Ok(()),
        }
    }

    fn assignment_mut(&mut self, id: &str) -> Result<&mut Entity, GraphError> {
        let mut all = self.assignments.iter_mut();
        all.find(|assignment| eq_ignore_case(assignment.id(), id)).ok_or_else(errors::not_found)
    }
}

/// The group of an access assignment.
pub(super) fn group(assignment: &Entity) -> &str {
    text(&assignment.value["accessContainer"], "accessContainerId")
}

/// A new access assignment.
pub(super) fn template(id: Uuid, group: &str, details: &Value) -> Value {
    json!({
        "id": id, "status": "pending", "createdDateTime": null, "lastModifiedDateTime": null,
        "accessContainer": {"accessContainerId": group, "accessContainerType": "securityGroup"},
        "accessDetails": details
    })
}

impl CloudState {
    /// <https://learn.microsoft.com/graph/api/delegatedadminrelationship-post-accessassignments>
    pub(super) fn create_access_assignment(&mut self, tenant: usize, id: &str, call: &Call) -> GraphResult {
        let body = call.object()?.clone();
        let relationship = self.partner_of(tenant)?.relationship(id)?;
        validation::check_properties(&body, &["accessContainer", "accessDetails"])?;
        validation::check_properties(&body["accessContainer"], &["accessContainerId", "accessContainerType"])?;
        let container = &body["accessContainer"];
        if text(container, "accessContainerType") != "securityGroup" {
            return Err(errors::invalid("accessContainer/accessContainerType"));
        }
        let directory = &self[tenant].directory;
        let wanted = text(container, "accessContainerId").to_lowercase();
        let known = directory.groups.get(&wanted, call.replica_view(directory.lag.references));
        if known.is_none_or(|group| group["securityEnabled"] != true) {
            return Err(errors::bad_request(format!("The access container does not exist: '{wanted}'.")));
        }
        relationship.check_roles(&body["accessDetails"])?;
        if relationship.entity.status() != "active" {
            return Err(errors::wrong_status("a relationship", relationship.entity.status()));
        }
        let live = |assignment: &&Entity| !matches!(assignment.status(), "deleting" | "deleted");
        if relationship.assignments.iter().filter(live).any(|assignment| eq_ignore_case(group(assignment), &wanted)) {
            return Err(errors::exists());
        }
        let customer = relationship.customer();
        let of_customer = self.partner_of(tenant)?.relationships.of_customer(customer);
        let mut groups: Vec<&str> =
            of_customer.flat_map(|other| other.assignments.iter().filter(live).map(group)).collect();
        groups.sort_unstable();
        groups.dedup();
        if groups.len() >= MAX_GROUPS && !groups.contains(&wanted.as_str()) {
            return Err(errors::bad_request(format!("A customer can have at most {MAX_GROUPS} access containers.")));
        }
        let value = template(directory.new_id(), &wanted, &body["accessDetails"]);
        let partner = self.partner_mut(tenant)?;
        let (number, step) = (partner.next_number(), partner.step);
        let relationship = partner.relationship_mut(id)?;
        let mut assignment = Entity::new(number, value, call.moment());
        assignment.schedule(call.moment().after(step), json!({"status": "active"}));
        let mut response = Map::new();
        response.insert("@odata.context".into(), list::context("accessAssignments", call).into());
        response.extend(Subresource::AccessAssignments.show(&assignment, call));
        let location = format!("{}/accessAssignments/{}", link(relationship.entity.id(), call), assignment.id());
        relationship.assign(assignment);
        Ok(GraphResponse::created(response.into(), location))
    }

    /// <https://learn.microsoft.com/graph/api/delegatedadminaccessassignment-update>
    pub(super) fn update_access_assignment(
        &mut self,
        tenant: usize,
        id: &str,
        assignment: &str,
        call: &Call,
    ) -> GraphResult {
        let body = call.object()?.clone();
        let operation_id = self[tenant].directory.new_id().to_string();
        let partner = self.partner_mut(tenant)?;
        let (number, step) = (partner.next_number(), partner.step);
        let relationship = partner.relationship_mut(id)?;
        let (relationship_id, status) = (relationship.entity.id().to_owned(), relationship.entity.status().to_owned());
        relationship.assignment_mut(assignment)?.check_match(call)?;
        validation::check_properties(&body, &["accessDetails"])?;
        relationship.check_roles(&body["accessDetails"])?;
        let roles = validation::roles(&body["accessDetails"])?;
        let known = relationship.assignment_mut(assignment)?;
        if validation::same_roles(&roles, &validation::roles(&known.value["accessDetails"])?)
            && known.scheduled.is_empty()
        {
            let mut response = Map::new();
            response.insert("@odata.context".into(), (list::context("accessAssignments", call) + "/$entity").into());
            response.extend(Subresource::AccessAssignments.show(known, call));
            return Ok(GraphResponse::ok(response.into()));
        }
        if status != "active" {
            return Err(errors::wrong_status("a relationship", &status));
        }
        if known.status() != "active" || !known.scheduled.is_empty() {
            return Err(errors::wrong_status("an access assignment", known.status()));
        }
        let change = json!({"accessDetails": validation::details(&roles)});
        let kind = "delegatedAdminAccessAssignmentUpdate";
        let operation = start_operation(number, &operation_id, kind, known, change, step, call);
        super::remember(&mut relationship.operations, operation);
        Ok(accepted(&relationship_id, &operation_id, call))
    }

    /// <https://learn.microsoft.com/graph/api/delegatedadminaccessassignment-delete>
    pub(super) fn delete_access_assignment(
        &mut self,
        tenant: usize,
        id: &str,
        assignment: &str,
        call: &Call,
    ) -> GraphResult {
        let partner = self.partner_mut(tenant)?;
        let step = partner.step;
        let known = partner.relationship_mut(id)?.assignment_mut(assignment)?;
        known.check_match(call)?;
        if matches!(known.status(), "deleting" | "deleted") {
            return Err(errors::wrong_status("an access assignment", known.status()));
        }
        known.scheduled.clear();
        known.write(&json!({"status": "deleting"}), call.moment());
        known.schedule(call.moment().after(step), json!({"status": "deleted"}));
        Ok(GraphResponse::no_content())
    }
}
