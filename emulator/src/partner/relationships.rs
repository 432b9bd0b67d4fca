//! `/tenantRelationships/delegatedAdminRelationships`, and what lies below each as lists.

use std::time::Duration;

use http::StatusCode;
use http::header::{LOCATION, RETRY_AFTER};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::entity::{Entity, Moment};
use super::list::{self, Listing, Row, Shape};
use super::operation::Part;
use super::{Partner, Relationship, lifecycle, refusal, rules};
use crate::answer::{Answer, Body, Outcome, Refusal};
use crate::authorize::role;
use crate::call::{Actor, Call};
use crate::directory::Directory;
use crate::json::{merge, same, text};
use crate::world::World;

const COLLECTION: &str = "delegatedAdminRelationships";
const SETTABLE: &[&str] = &["displayName", "duration", "customer", "accessDetails", "autoExtendDuration"];
/// What a relationship has that an indirect provider made for its reseller.
/// <https://learn.microsoft.com/graph/api/resources/resellerdelegatedadminrelationship>
pub(super) const CONSENT_PENDING: &str = "isPartnerConsentPending";
pub(super) const PROVIDER: &str = "indirectProviderTenantId";

static SHAPE: Shape = Shape {
    type_name: "delegatedAdminRelationship",
    members: &[
        "id",
        "displayName",
        "duration",
        "customer",
        "accessDetails",
        "status",
        "autoExtendDuration",
        "createdDateTime",
        "lastModifiedDateTime",
        "activatedDateTime",
        "endDateTime",
        CONSENT_PENDING,
        PROVIDER,
    ],
    filtered: &[
        "id",
        "displayName",
        "duration",
        "customer/tenantId",
        "customer/displayName",
        "status",
        "autoExtendDuration",
        "createdDateTime",
        "lastModifiedDateTime",
        "activatedDateTime",
        "endDateTime",
    ],
    largest_page: 300,
    in_directory: false,
};

static ASSIGNMENT_SHAPE: Shape = Shape {
    type_name: "delegatedAdminAccessAssignment",
    members: &["id", "status", "createdDateTime", "lastModifiedDateTime", "accessContainer", "accessDetails"],
    filtered: &[
        "id",
        "status",
        "createdDateTime",
        "lastModifiedDateTime",
        "accessContainer/accessContainerId",
        "accessContainer/accessContainerType",
    ],
    largest_page: 300,
    in_directory: false,
};

static REQUEST_SHAPE: Shape = Shape {
    type_name: "delegatedAdminRelationshipRequest",
    members: &["id", "action", "status", "createdDateTime", "lastModifiedDateTime"],
    filtered: &["id", "action", "status", "createdDateTime", "lastModifiedDateTime"],
    largest_page: 300,
    in_directory: false,
};

static OPERATION_SHAPE: Shape = Shape {
    type_name: "delegatedAdminRelationshipOperation",
    members: &["id", "operationType", "data", "status", "createdDateTime", "lastModifiedDateTime"],
    filtered: &["id", "operationType", "status", "createdDateTime", "lastModifiedDateTime"],
    largest_page: 300,
    in_directory: false,
};

impl Part {
    fn shape(self) -> &'static Shape {
        match self {
            Self::AccessAssignments => &ASSIGNMENT_SHAPE,
            Self::Requests => &REQUEST_SHAPE,
            Self::Operations => &OPERATION_SHAPE,
        }
    }

    /// One of these as it is answered. Members of an enumeration that came later are shown to those who ask for them.
    /// <https://learn.microsoft.com/graph/best-practices-concept#handling-future-members-in-evolvable-enumerations>
    pub(super) fn show(self, entity: &Entity, call: &Call) -> Map<String, Value> {
        let mut shown = entity.show(self.type_name());
        for (member, late) in [("action", "reject"), ("operationType", "delegatedAdminRelationshipUpdate")] {
            if !call.unknown_members && shown.get(member).is_some_and(|value| value == late) {
                shown.insert(member.into(), "unknownFutureValue".into());
            }
        }
        shown
    }
}

impl Relationship {
    pub(super) fn new(entity: Entity) -> Self {
        Self { entity, ends: None, assignments: Vec::new(), requests: Vec::new(), operations: Vec::new() }
    }

    pub(super) fn parts(&self, part: Part) -> &[Entity] {
        match part {
            Part::AccessAssignments => &self.assignments,
            Part::Requests => &self.requests,
            Part::Operations => &self.operations,
        }
    }

    pub(super) fn parts_mut(&mut self, part: Part) -> &mut Vec<Entity> {
        match part {
            Part::AccessAssignments => &mut self.assignments,
            Part::Requests => &mut self.requests,
            Part::Operations => &mut self.operations,
        }
    }

    fn is_of_reseller(&self) -> bool {
        self.entity.value.get(CONSENT_PENDING).is_some()
    }

    pub(super) fn show(&self) -> Map<String, Value> {
        let of_reseller = self.is_of_reseller();
        self.entity.show(if of_reseller { "resellerDelegatedAdminRelationship" } else { SHAPE.type_name })
    }

    fn row(&self) -> Row {
        Row { order: self.entity.number, shown: self.show() }
    }

    /// The tenant id of the customer; empty as long as anybody may become it.
    pub(super) fn customer(&self) -> &str {
        text(&self.entity.value["customer"], "tenantId")
    }

    /// The roles that the partner may use; they were checked when they came.
    pub(super) fn roles(&self) -> Vec<&str> {
        rules::roles(&self.entity.value["accessDetails"]).unwrap_or_default()
    }
}

impl Partner {
    pub(super) fn relationship(&self, id: &str) -> Result<&Relationship, Refusal> {
        check_id(id)?;
        let found = self.relationships.iter().find(|relationship| same(relationship.entity.id(), id));
        found.ok_or_else(refusal::not_found)
    }

    pub(super) fn relationship_mut(&mut self, id: &str) -> Result<&mut Relationship, Refusal> {
        check_id(id)?;
        let found = self.relationships.iter_mut().find(|relationship| same(relationship.entity.id(), id));
        found.ok_or_else(refusal::not_found)
    }

    fn check_unique(&self, name: &str, id: &str) -> Result<(), Refusal> {
        let taken = |relationship: &Relationship| {
            same(text(&relationship.entity.value, "displayName"), name) && relationship.entity.id() != id
        };
        if self.relationships.iter().any(taken) { Err(refusal::exists()) } else { Ok(()) }
    }

    /// Adds a relationship, whose members are in the order in which the service gives them.
    pub(super) fn add_relationship(&mut self, value: Value, moment: Moment) -> Result<&mut Relationship, Refusal> {
        rules::check_relationship(&value)?;
        self.check_unique(text(&value, "displayName"), "")?;
        let entity = Entity::new(self.next(), value, moment);
        self.relationships.push(Relationship::new(entity));
        self.relationships.last_mut().ok_or_else(refusal::not_found)
    }
}

/// The id of a new relationship: a GUID of its own, and one of the partner's.
pub(super) fn new_id(directory: &Directory) -> String {
    let partner = !directory.tenant_id.as_u128();
    format!("{}-{}", directory.new_id(), uuid::Builder::from_random_bytes(partner.to_be_bytes()).into_uuid())
}

/// Refuses what is no id of a relationship: two GUIDs, joined.
pub(super) fn check_id(id: &str) -> Result<(), Refusal> {
    let is_guid = |half: Option<&str>| half.is_some_and(|half| Uuid::try_parse(half).is_ok());
    if is_guid(id.get(..36)) && id.get(36..37) == Some("-") && is_guid(id.get(37..)) {
        return Ok(());
    }
    Err(refusal::bad_request("The passed in delegatedAdminRelationshipId is invalid."))
}

/// The link to a relationship, which can be followed.
pub(super) fn link(id: &str, call: &Call) -> String {
    format!("{}/tenantRelationships/{COLLECTION}/{id}", call.root)
}

/// What the service begins in its own time: the operation is at the link.
pub(super) fn accepted(relationship: &str, operation: &str, call: &Call) -> Answer {
    let answer = Answer { status: StatusCode::ACCEPTED, headers: Vec::new(), body: Body::Json(json!({})) };
    answer.header(LOCATION, format!("{}/operations/{operation}", link(relationship, call))).header(RETRY_AFTER, "10")
}

/// The members of a new relationship.
pub(super) fn template() -> Value {
    json!({
        "id": null, "displayName": null, "duration": null, "customer": null, "accessDetails": null,
        "status": "created", "autoExtendDuration": "PT0S", "createdDateTime": null, "lastModifiedDateTime": null,
        "activatedDateTime": null, "endDateTime": null
    })
}

impl World {
    pub(super) fn list_relationships(&self, at: usize, call: &Call) -> Outcome {
        let listing = Listing::parse(call, &SHAPE)?;
        let rows = self.partner_of(at)?.relationships.iter().map(Relationship::row);
        Ok(Answer::ok(listing.page(rows, COLLECTION, call)))
    }

    pub(super) fn count_relationships(&self, at: usize, call: &Call) -> Outcome {
        list::count(self.partner_of(at)?.relationships.iter().map(Relationship::row), call, &SHAPE)
    }

    pub(super) fn get_relationship(&self, at: usize, id: &str, call: &Call) -> Outcome {
        let listing = Listing::parse(call, &SHAPE)?;
        let relationship = self.partner_of(at)?.relationship(id)?;
        Ok(Answer::ok(listing.entity(relationship.show(), COLLECTION, call)))
    }

    /// <https://learn.microsoft.com/graph/api/tenantrelationship-post-delegatedadminrelationships>
    pub(super) fn create_relationship(&mut self, at: usize, call: &Call) -> Outcome {
        let mut body = call.object()?.clone();
        let mut value = template();
        if text(&body, "@odata.type").trim_start_matches('#') == "microsoft.graph.resellerDelegatedAdminRelationship" {
            // What an indirect provider does in a tenant of its own can be done here by hand.
            if !matches!(call.actor, Actor::Operator) {
                return Err(Refusal::not_implemented("relationships that an indirect provider makes for its reseller"));
            }
            let provider = body.as_object_mut().and_then(|members| members.remove(PROVIDER)).unwrap_or_default();
            value["status"] = "approvalPending".into();
            value[CONSENT_PENDING] = true.into();
            value[PROVIDER] = provider;
        }
        rules::check_members(&body, SETTABLE)?;
        self.name_customer(&mut body);
        merge_known(&mut value, &body);
        value["id"] = new_id(&self[at].directory).into();
        let relationship = self.partner_mut(at)?.add_relationship(value, Moment::of(call))?;
        let mut answer = Map::new();
        answer.insert("@odata.context".into(), list::context(COLLECTION, call).into());
        answer.extend(relationship.show());
        Ok(Answer::created(answer.into(), link(relationship.entity.id(), call)))
    }

    /// Fills in the name of a customer that is known.
    fn name_customer(&self, body: &mut Value) {
        let Some(customer) = body.get_mut("customer").and_then(Value::as_object_mut) else { return };
        let id = customer.get("tenantId").and_then(Value::as_str).unwrap_or_default();
        let known = self.find(id).map(|at| self[at].directory.display_name.clone());
        customer.entry("displayName").or_insert_with(|| known.into());
    }

    /// <https://learn.microsoft.com/graph/api/delegatedadminrelationship-update>
    pub(super) fn update_relationship(&mut self, at: usize, id: &str, call: &Call) -> Outcome {
        let mut body = call.object()?.clone();
        let known = self.partner_of(at)?.relationship(id)?;
        known.entity.check_match(call)?;
        rules::check_members(&body, SETTABLE)?;
        self.name_customer(&mut body);
        let mut value = known.entity.value.clone();
        merge_known(&mut value, &body);
        rules::check_relationship(&value)?;
        self.partner_of(at)?.check_unique(text(&value, "displayName"), known.entity.id())?;
        let changed: Vec<&str> =
            SETTABLE.iter().copied().filter(|name| value[*name] != known.entity.value[*name]).collect();
        match (known.entity.status(), changed.as_slice()) {
            ("created", _) if known.entity.later.is_empty() => {}
            ("active", [] | ["autoExtendDuration"]) => {}
            ("active", ["accessDetails"]) => return self.drop_global_administrator(at, id, &value, call),
            (status, _) => return Err(refusal::wrong_status("a relationship", status)),
        }
        let relationship = self.partner_mut(at)?.relationship_mut(id)?;
        if !changed.is_empty() {
            relationship.entity.write(&value, Moment::of(call));
        }
        Ok(Answer::ok(Listing::parse(call, &SHAPE)?.entity(relationship.show(), COLLECTION, call)))
    }

    /// The one change of roles that an active relationship takes, and not at once.
    fn drop_global_administrator(&mut self, at: usize, id: &str, new: &Value, call: &Call) -> Outcome {
        let operation_id = self[at].directory.new_id().to_string();
        let partner = self.partner_mut(at)?;
        let (number, step) = (partner.next(), partner.step);
        let relationship = partner.relationship_mut(id)?;
        let mut left = relationship.roles();
        let before = left.len();
        left.retain(|held| !same(held, role::GLOBAL_ADMINISTRATOR));
        if left.len() == before || !rules::same_roles(&left, &rules::roles(&new["accessDetails"])?) {
            return Err(refusal::bad_request(
                "From an active relationship, only the role Global Administrator can be removed.",
            ));
        }
        let change = json!({"accessDetails": new["accessDetails"]});
        let operation = begin(
            number,
            &operation_id,
            "delegatedAdminRelationshipUpdate",
            &mut relationship.entity,
            change,
            step,
            call,
        );
        super::remember(&mut relationship.operations, operation);
        Ok(accepted(relationship.entity.id(), &operation_id, call))
    }

    /// <https://learn.microsoft.com/graph/api/delegatedadminrelationship-delete>
    pub(super) fn delete_relationship(&mut self, at: usize, id: &str, call: &Call) -> Outcome {
        let partner = self.partner_mut(at)?;
        let known = partner.relationship(id)?;
        known.entity.check_match(call)?;
        if known.entity.status() != "created" || !known.entity.later.is_empty() {
            return Err(refusal::wrong_status("a relationship", known.entity.status()));
        }
        partner.relationships.retain(|relationship| !same(relationship.entity.id(), id));
        Ok(Answer::no_content())
    }

    pub(super) fn list_parts(&self, at: usize, id: &str, part: Part, call: &Call) -> Outcome {
        let listing = Listing::parse(call, part.shape())?;
        let relationship = self.partner_of(at)?.relationship(id)?;
        let context = format!("{COLLECTION}('{}')/{}", relationship.entity.id(), part.navigation());
        Ok(Answer::ok(listing.page(part_rows(relationship, part, call), &context, call)))
    }

    pub(super) fn count_parts(&self, at: usize, id: &str, part: Part, call: &Call) -> Outcome {
        list::count(part_rows(self.partner_of(at)?.relationship(id)?, part, call), call, part.shape())
    }

    pub(super) fn get_part(&self, at: usize, id: &str, part: Part, part_id: &str, call: &Call) -> Outcome {
        let listing = Listing::parse(call, part.shape())?;
        let relationship = self.partner_of(at)?.relationship(id)?;
        let found = relationship.parts(part).iter().find(|entity| same(entity.id(), part_id));
        let found = found.ok_or_else(refusal::not_found)?;
        let context = format!("{COLLECTION}('{}')/{}", relationship.entity.id(), part.navigation());
        Ok(Answer::ok(listing.entity(part.show(found, call), &context, call)))
    }
}

fn part_rows(relationship: &Relationship, part: Part, call: &Call) -> impl Iterator<Item = Row> {
    relationship.parts(part).iter().map(move |entity| Row { order: entity.number, shown: part.show(entity, call) })
}

/// Merges what was sent, but access details as a whole.
fn merge_known(value: &mut Value, body: &Value) {
    for name in SETTABLE {
        match body.get(*name) {
            Some(sent) if *name == "accessDetails" => value[*name] = sent.clone(),
            Some(Value::Null) if *name == "autoExtendDuration" => value[*name] = "PT0S".into(),
            Some(sent) => merge(&mut value[*name], sent),
            None => {}
        }
    }
}

/// An operation that changes `target` in its time.
pub(super) fn begin(
    number: u64,
    id: &str,
    operation_type: &str,
    target: &mut Entity,
    change: Value,
    step: Duration,
    call: &Call,
) -> Entity {
    // What is asked for stands in the operation as text.
    let data = json!({"id": target.id(), "accessDetails": change["accessDetails"]}).to_string();
    let value = json!({
        "id": id, "operationType": operation_type, "data": data, "status": "notStarted", "createdDateTime": null,
        "lastModifiedDateTime": null
    });
    let mut operation = Entity::new(number, value, Moment::of(call));
    lifecycle::run(&mut operation, target, change, Moment::of(call), step);
    operation
}
