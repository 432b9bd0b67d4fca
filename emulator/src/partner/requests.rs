//! `/tenantRelationships/delegatedAdminRelationships/{id}/requests`: what a partner asks for.
//!
//! <https://learn.microsoft.com/graph/api/delegatedadminrelationship-post-requests>

use serde_json::{Map, json};

use super::entity::{Entity, Moment};
use super::operation::Part;
use super::relationships::{CONSENT_PENDING, link};
use super::{lifecycle, list, refusal, rules};
use crate::answer::{Answer, Outcome};
use crate::call::Call;
use crate::json::text;
use crate::world::World;

impl World {
    pub(super) fn create_request(&mut self, at: usize, id: &str, call: &Call) -> Outcome {
        let body = call.object()?.clone();
        rules::check_members(&body, &["action"])?;
        let action = text(&body, "action");
        let request_id = self[at].directory.new_id().to_string();
        let partner = self.partner_mut(at)?;
        let (number, step) = (partner.next(), partner.step);
        let relationship = partner.relationship_mut(id)?;
        let moment = Moment::of(call);
        let entity = &mut relationship.entity;
        let waits_for_partner = entity.value.get(CONSENT_PENDING).is_some_and(|pending| pending == true);
        match (action, entity.status()) {
            ("lockForApproval", "created") if entity.later.is_empty() => relationship.lock(moment, step),
            ("terminate", "active") => relationship.terminate(moment, step),
            ("approve", "approvalPending") if waits_for_partner => {
                entity.schedule(moment.after(2 * step), json!({ CONSENT_PENDING: false }));
            }
            ("reject", "approvalPending") if waits_for_partner => relationship.end(moment.after(2 * step)),
            ("lockForApproval" | "terminate" | "approve" | "reject", status) => {
                return Err(refusal::wrong_status("a relationship", status));
            }
            _ => return Err(refusal::invalid("action")),
        }
        let value = json!({
            "id": request_id, "action": action, "status": "created", "createdDateTime": null,
            "lastModifiedDateTime": null
        });
        let mut request = Entity::new(number, value, moment);
        lifecycle::carry_out(&mut request, moment, step);
        let mut answer = Map::new();
        answer.insert("@odata.context".into(), list::context("requests", call).into());
        answer.extend(Part::Requests.show(&request, call));
        super::remember(&mut relationship.requests, request);
        let location = format!("{}/requests/{request_id}", link(relationship.entity.id(), call));
        Ok(Answer::created(answer.into(), location))
    }
}
