//! `/tenantRelationships/delegatedAdminRelationships/{id}/accessAssignments`: which group of the partner has which of
//! the relationship's roles.
//!
//! <https://learn.microsoft.com/graph/api/resources/delegatedadminaccessassignment>

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::entity::{Entity, Moment};
use super::operation::Part;
use super::relationships::{accepted, begin, link};
use super::{Relationship, list, refusal, rules};
use crate::answer::{Answer, Outcome, Refusal};
use crate::call::Call;
use crate::json::{same, text};
use crate::world::World;

/// The most groups that may have access to one customer.
/// <https://learn.microsoft.com/partner-center/customers/gdap-faq>
const MOST_GROUPS: usize = 100;

impl Relationship {
    /// Refuses roles that the customer has not approved.
    pub(super) fn check_roles(&self, details: &Value) -> Result<(), Refusal> {
        let approved = self.roles();
        let asked = rules::roles(details)?;
        match asked.iter().find(|role| !approved.iter().any(|known| same(known, role))) {
            Some(role) => Err(refusal::bad_request(format!("The role '{role}' is not part of the relationship."))),
            None => Ok(()),
        }
    }

    fn assignment_mut(&mut self, id: &str) -> Result<&mut Entity, Refusal> {
        let mut all = self.assignments.iter_mut();
        all.find(|assignment| same(assignment.id(), id)).ok_or_else(refusal::not_found)
    }
}

/// The group of an access assignment.
pub(super) fn group(assignment: &Entity) -> &str {
    text(&assignment.value["accessContainer"], "accessContainerId")
}

/// The members of a new access assignment.
pub(super) fn template(id: Uuid, group: &str, details: &Value) -> Value {
    json!({
        "id": id, "status": "pending", "createdDateTime": null, "lastModifiedDateTime": null,
        "accessContainer": {"accessContainerId": group, "accessContainerType": "securityGroup"},
        "accessDetails": details
    })
}

impl World {
    /// <https://learn.microsoft.com/graph/api/delegatedadminrelationship-post-accessassignments>
    pub(super) fn create_access_assignment(&mut self, at: usize, id: &str, call: &Call) -> Outcome {
        let body = call.object()?.clone();
        let relationship = self.partner_of(at)?.relationship(id)?;
        rules::check_members(&body, &["accessContainer", "accessDetails"])?;
        rules::check_members(&body["accessContainer"], &["accessContainerId", "accessContainerType"])?;
        let container = &body["accessContainer"];
        if text(container, "accessContainerType") != "securityGroup" {
            return Err(refusal::invalid("accessContainer/accessContainerType"));
        }
        let directory = &self[at].directory;
        let wanted = text(container, "accessContainerId").to_lowercase();
        let known = directory.groups.get(&wanted, call.view(directory.lag.references));
        if known.is_none_or(|group| group["securityEnabled"] != true) {
            return Err(refusal::bad_request(format!(
                "The access container '{wanted}' is no security group of the partner's tenant."
            )));
        }
        relationship.check_roles(&body["accessDetails"])?;
        if relationship.entity.status() != "active" {
            return Err(refusal::wrong_status("a relationship", relationship.entity.status()));
        }
        let live = |assignment: &&Entity| !matches!(assignment.status(), "deleting" | "deleted");
        if relationship.assignments.iter().filter(live).any(|assignment| same(group(assignment), &wanted)) {
            return Err(refusal::exists());
        }
        let customer = relationship.customer();
        let of_customer = self.partner_of(at)?.relationships.iter().filter(|other| same(other.customer(), customer));
        let mut groups: Vec<&str> =
            of_customer.flat_map(|other| other.assignments.iter().filter(live).map(group)).collect();
        groups.sort_unstable();
        groups.dedup();
        if groups.len() >= MOST_GROUPS && !groups.contains(&wanted.as_str()) {
            return Err(refusal::bad_request(format!("A customer can have at most {MOST_GROUPS} access containers.")));
        }
        let value = template(directory.new_id(), &wanted, &body["accessDetails"]);
        let partner = self.partner_mut(at)?;
        let (number, step) = (partner.next(), partner.step);
        let relationship = partner.relationship_mut(id)?;
        let mut assignment = Entity::new(number, value, Moment::of(call));
        assignment.schedule(Moment::of(call).after(step), json!({"status": "active"}));
        let mut answer = Map::new();
        answer.insert("@odata.context".into(), list::context("accessAssignments", call).into());
        answer.extend(Part::AccessAssignments.show(&assignment, call));
        let location = format!("{}/accessAssignments/{}", link(relationship.entity.id(), call), assignment.id());
        relationship.assign(assignment);
        Ok(Answer::created(answer.into(), location))
    }

    /// <https://learn.microsoft.com/graph/api/delegatedadminaccessassignment-update>
    pub(super) fn update_access_assignment(&mut self, at: usize, id: &str, assignment: &str, call: &Call) -> Outcome {
        let body = call.object()?.clone();
        let operation_id = self[at].directory.new_id().to_string();
        let partner = self.partner_mut(at)?;
        let (number, step) = (partner.next(), partner.step);
        let relationship = partner.relationship_mut(id)?;
        let (relationship_id, status) = (relationship.entity.id().to_owned(), relationship.entity.status().to_owned());
        relationship.assignment_mut(assignment)?.check_match(call)?;
        rules::check_members(&body, &["accessDetails"])?;
        relationship.check_roles(&body["accessDetails"])?;
        let roles = rules::roles(&body["accessDetails"])?;
        let known = relationship.assignment_mut(assignment)?;
        if rules::same_roles(&roles, &rules::roles(&known.value["accessDetails"])?) && known.later.is_empty() {
            let mut answer = Map::new();
            answer.insert("@odata.context".into(), (list::context("accessAssignments", call) + "/$entity").into());
            answer.extend(Part::AccessAssignments.show(known, call));
            return Ok(Answer::ok(answer.into()));
        }
        if status != "active" {
            return Err(refusal::wrong_status("a relationship", &status));
        }
        if known.status() != "active" || !known.later.is_empty() {
            return Err(refusal::wrong_status("an access assignment", known.status()));
        }
        let change = json!({"accessDetails": rules::details(&roles)});
        let kind = "delegatedAdminAccessAssignmentUpdate";
        let operation = begin(number, &operation_id, kind, known, change, step, call);
        super::remember(&mut relationship.operations, operation);
        Ok(accepted(&relationship_id, &operation_id, call))
    }

    /// <https://learn.microsoft.com/graph/api/delegatedadminaccessassignment-delete>
    pub(super) fn delete_access_assignment(&mut self, at: usize, id: &str, assignment: &str, call: &Call) -> Outcome {
        let partner = self.partner_mut(at)?;
        let step = partner.step;
        let known = partner.relationship_mut(id)?.assignment_mut(assignment)?;
        known.check_match(call)?;
        if matches!(known.status(), "deleting" | "deleted") {
            return Err(refusal::wrong_status("an access assignment", known.status()));
        }
        known.later.clear();
        known.write(&json!({"status": "deleting"}), Moment::of(call));
        known.schedule(Moment::of(call).after(step), json!({"status": "deleted"}));
        Ok(Answer::no_content())
    }
}
