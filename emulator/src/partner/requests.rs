//! `/tenantRelationships/delegatedAdminRelationships/{id}/requests`: actions that a partner requests.
//!
//! <https://learn.microsoft.com/graph/api/delegatedadminrelationship-post-requests>

use serde_json::{Map, json};

use super::entity::Entity;
use super::operation::Subresource;
use super::relationships::{CONSENT_PENDING, link};
use super::{errors, lifecycle, list, validation};
use crate::cloud_state::CloudState;
use crate::data::json::text;
use crate::graph::call::Call;
use crate::graph::response::{GraphResponse, GraphResult};

impl CloudState {
    pub(super) fn create_request(&mut self, tenant: usize, id: &str, call: &Call) -> GraphResult {
        let body = call.object()?.clone();
        validation::check_properties(&body, &["action"])?;
        let action = text(&body, "action");
        let request_id = self[tenant].directory.new_id().to_string();
        let partner = self.partner_mut(tenant)?;
        let (number, step) = (partner.next_number(), partner.step);
        let relationship = partner.relationship_mut(id)?;
        let moment = call.moment();
        let entity = &mut relationship.entity;
        let waits_for_partner = entity.value.get(CONSENT_PENDING).is_some_and(|pending| pending == true);
        match (action, entity.status()) {
            ("lockForApproval", "created") if entity.scheduled.is_empty() => {
                relationship.lock_for_approval(moment, step);
            }
            ("terminate", "active") => relationship.terminate(moment, step),
            ("approve", "approvalPending") if waits_for_partner => {
                entity.schedule(moment.after(2 * step), json!({ CONSENT_PENDING: false }));
            }
            ("reject", "approvalPending") if waits_for_partner => {
                relationship.schedule_termination(moment.after(2 * step));
            }
            ("lockForApproval" | "terminate" | "approve" | "reject", status) => {
                return Err(errors::wrong_status("a relationship", status));
            }
            _ => return Err(errors::invalid("action")),
        }
        let value = json!({
            "id": request_id, "action": action, "status": "created", "createdDateTime": null,
            "lastModifiedDateTime": null
        });
        let mut request = Entity::new(number, value, moment);
        lifecycle::schedule_request(&mut request, moment, step);
        let mut response = Map::new();
        response.insert("@odata.context".into(), list::context("requests", call).into());
        response.extend(Subresource::Requests.show(&request, call));
        super::remember(&mut relationship.requests, request);
        let location = format!("{}/requests/{request_id}", link(relationship.entity.id(), call));
        Ok(GraphResponse::created(response.into(), location))
    }
}
