//! `/tenantRelationships/delegatedAdminRelationships`, and the collections below each.

use std::time::Duration;

use http::StatusCode;
use http::header::{LOCATION, RETRY_AFTER};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::entity::Entity;
use super::list::{self, ListQuery, ListSchema, Row};
use super::operation::Subresource;
use super::{Partner, Relationship, errors, lifecycle, validation};
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, merge, text};
use crate::data::moment::Moment;
use crate::graph::authorize::role;
use crate::graph::call::{Actor, Call};
use crate::graph::directory::Directory;
use crate::graph::response::{Body, GraphError, GraphResponse, GraphResult};

const COLLECTION: &str = "delegatedAdminRelationships";
const SETTABLE: &[&str] = &["displayName", "duration", "customer", "accessDetails", "autoExtendDuration"];
/// Properties of a relationship that an indirect provider created for its reseller.
/// <https://learn.microsoft.com/graph/api/resources/resellerdelegatedadminrelationship>
pub(super) const CONSENT_PENDING: &str = "isPartnerConsentPending";
pub(super) const PROVIDER: &str = "indirectProviderTenantId";

static SCHEMA: ListSchema = ListSchema {
    type_name: "delegatedAdminRelationship",
    selectable: &[
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
    filterable: &[
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
    max_page_size: 300,
    in_directory: false,
};

static ASSIGNMENT_SCHEMA: ListSchema = ListSchema {
    type_name: "delegatedAdminAccessAssignment",
    selectable: &["id", "status", "createdDateTime", "lastModifiedDateTime", "accessContainer", "accessDetails"],
    filterable: &[
        "id",
        "status",
        "createdDateTime",
        "lastModifiedDateTime",
        "accessContainer/accessContainerId",
        "accessContainer/accessContainerType",
    ],
    max_page_size: 300,
    in_directory: false,
};

static REQUEST_SCHEMA: ListSchema = ListSchema {
    type_name: "delegatedAdminRelationshipRequest",
    selectable: &["id", "action", "status", "createdDateTime", "lastModifiedDateTime"],
    filterable: &["id", "action", "status", "createdDateTime", "lastModifiedDateTime"],
    max_page_size: 300,
    in_directory: false,
};

static OPERATION_SCHEMA: ListSchema = ListSchema {
    type_name: "delegatedAdminRelationshipOperation",
    selectable: &["id", "operationType", "data", "status", "createdDateTime", "lastModifiedDateTime"],
    filterable: &["id", "operationType", "status", "createdDateTime", "lastModifiedDateTime"],
    max_page_size: 300,
    in_directory: false,
};

impl Subresource {
    fn schema(self) -> &'static ListSchema {
        match self {
            Self::AccessAssignments => &ASSIGNMENT_SCHEMA,
            Self::Requests => &REQUEST_SCHEMA,
            Self::Operations => &OPERATION_SCHEMA,
        }
    }

    /// An item in a response. Enumeration members that were added later are shown only to clients that ask for unknown
    /// ones.
    /// <https://learn.microsoft.com/graph/best-practices-concept#handling-future-members-in-evolvable-enumerations>
    pub(super) fn show(self, entity: &Entity, call: &Call) -> Map<String, Value> {
        let mut properties = entity.show(self.type_name());
        for (member, late) in [("action", "reject"), ("operationType", "delegatedAdminRelationshipUpdate")] {
            if !call.include_unknown_enum_members && properties.get(member).is_some_and(|value| value == late) {
                properties.insert(member.into(), "unknownFutureValue".into());
            }
        }
        properties
    }
}

impl Relationship {
    pub(super) fn new(entity: Entity) -> Self {
        Self { entity, ends: None, assignments: Vec::new(), requests: Vec::new(), operations: Vec::new() }
    }

    pub(super) fn subresources(&self, subresource: Subresource) -> &[Entity] {
        match subresource {
            Subresource::AccessAssignments => &self.assignments,
            Subresource::Requests => &self.requests,
            Subresource::Operations => &self.operations,
        }
    }

    pub(super) fn subresources_mut(&mut self, subresource: Subresource) -> &mut Vec<Entity> {
        match subresource {
            Subresource::AccessAssignments => &mut self.assignments,
            Subresource::Requests => &mut self.requests,
            Subresource::Operations => &mut self.operations,
        }
    }

    fn is_of_reseller(&self) -> bool {
        self.entity.value.get(CONSENT_PENDING).is_some()
    }

    pub(super) fn show(&self) -> Map<String, Value> {
        let of_reseller = self.is_of_reseller();
        self.entity.show(if of_reseller { "resellerDelegatedAdminRelationship" } else { SCHEMA.type_name })
    }

    fn row(&self) -> Row {
        Row { order: self.entity.number, properties: self.show() }
    }

    /// The tenant id of the customer; empty while any tenant may approve it.
    pub(super) fn customer(&self) -> &str {
        text(&self.entity.value["customer"], "tenantId")
    }

    /// The roles that the partner may use, validated when they were written.
    pub(super) fn roles(&self) -> Vec<&str> {
        validation::roles(&self.entity.value["accessDetails"]).unwrap_or_default()
    }
}

impl Partner {
    pub(super) fn relationship(&self, id: &str) -> Result<&Relationship, GraphError> {
        check_id(id)?;
        self.relationships.get(id).ok_or_else(errors::not_found)
    }

    pub(super) fn relationship_mut(&mut self, id: &str) -> Result<&mut Relationship, GraphError> {
        check_id(id)?;
        self.relationships.get_mut(id).ok_or_else(errors::not_found)
    }

    fn check_unique(&self, name: &str, id: &str) -> Result<(), GraphError> {
        let taken = |relationship: &Relationship| {
            eq_ignore_case(text(&relationship.entity.value, "displayName"), name) && relationship.entity.id() != id
        };
        if self.relationships.iter().any(taken) { Err(errors::exists()) } else { Ok(()) }
    }

    /// Adds a relationship; its properties are in the order in which the service returns them.
    pub(super) fn add_relationship(&mut self, value: Value, moment: Moment) -> Result<&mut Relationship, GraphError> {
        validation::check_relationship(&value)?;
        self.check_unique(text(&value, "displayName"), "")?;
        let entity = Entity::new(self.next_number(), value, moment);
        Ok(self.relationships.push(Relationship::new(entity)))
    }
}

/// The id of a new relationship: a random GUID, and one that is the partner's.
pub(super) fn new_id(directory: &Directory) -> String {
    let partner = !directory.tenant_id.as_u128();
    format!("{}-{}", directory.new_id(), uuid::Builder::from_random_bytes(partner.to_be_bytes()).into_uuid())
}

/// Refuses an id that is not two GUIDs, joined by a hyphen.
pub(super) fn check_id(id: &str) -> Result<(), GraphError> {
    let is_guid = |half: Option<&str>| half.is_some_and(|half| Uuid::try_parse(half).is_ok());
    if is_guid(id.get(..36)) && id.get(36..37) == Some("-") && is_guid(id.get(37..)) {
        return Ok(());
    }
    Err(errors::bad_request("The passed in delegatedAdminRelationshipId is invalid."))
}

/// The URL of a relationship.
pub(super) fn link(id: &str, call: &Call) -> String {
    format!("{}/tenantRelationships/{COLLECTION}/{id}", call.root)
}

/// The response to a change that takes time: its `Location` is the operation.
pub(super) fn accepted(relationship: &str, operation: &str, call: &Call) -> GraphResponse {
    let response = GraphResponse { status: StatusCode::ACCEPTED, headers: Vec::new(), body: Body::Json(json!({})) };
    response.header(LOCATION, format!("{}/operations/{operation}", link(relationship, call))).header(RETRY_AFTER, "10")
}

/// A new relationship.
pub(super) fn template() -> Value {
    json!({
        "id": null, "displayName": null, "duration": null, "customer": null, "accessDetails": null,
        "status": "created", "autoExtendDuration": "PT0S", "createdDateTime": null, "lastModifiedDateTime": null,
        "activatedDateTime": null, "endDateTime": null
    })
}

impl CloudState {
    pub(super) fn list_relationships(&self, tenant: usize, call: &Call) -> GraphResult {
        let query = ListQuery::parse(call, &SCHEMA)?;
        let rows = self.partner_of(tenant)?.relationships.iter().map(Relationship::row);
        Ok(GraphResponse::ok(query.page(rows, COLLECTION, call)))
    }

    pub(super) fn count_relationships(&self, tenant: usize, call: &Call) -> GraphResult {
        list::count(self.partner_of(tenant)?.relationships.iter().map(Relationship::row), call, &SCHEMA)
    }

    pub(super) fn get_relationship(&self, tenant: usize, id: &str, call: &Call) -> GraphResult {
        let query = ListQuery::parse(call, &SCHEMA)?;
        let relationship = self.partner_of(tenant)?.relationship(id)?;
        Ok(GraphResponse::ok(query.entity(relationship.show(), COLLECTION, call)))
    }

    /// <https://learn.microsoft.com/graph/api/tenantrelationship-post-delegatedadminrelationships>
    pub(super) fn create_relationship(&mut self, tenant: usize, call: &Call) -> GraphResult {
        let mut body = call.object()?.clone();
        let mut value = template();
        if text(&body, "@odata.type").trim_start_matches('#') == "microsoft.graph.resellerDelegatedAdminRelationship" {
            // Only the operator can create what an indirect provider creates in a tenant of its own.
            if !matches!(call.actor, Actor::Operator) {
                return Err(GraphError::not_implemented(
                    "relationships that an indirect provider makes for its reseller",
                ));
            }
            let provider = body.as_object_mut().and_then(|members| members.remove(PROVIDER)).unwrap_or_default();
            value["status"] = "approvalPending".into();
            value[CONSENT_PENDING] = true.into();
            value[PROVIDER] = provider;
        }
        validation::check_properties(&body, SETTABLE)?;
        self.fill_in_customer_name(&mut body);
        merge_settable(&mut value, &body);
        value["id"] = new_id(&self[tenant].directory).into();
        let relationship = self.partner_mut(tenant)?.add_relationship(value, call.moment())?;
        let mut response = Map::new();
        response.insert("@odata.context".into(), list::context(COLLECTION, call).into());
        response.extend(relationship.show());
        Ok(GraphResponse::created(response.into(), link(relationship.entity.id(), call)))
    }

    /// Fills in the display name of a customer that is a tenant of the cloud.
    fn fill_in_customer_name(&self, body: &mut Value) {
        let Some(customer) = body.get_mut("customer").and_then(Value::as_object_mut) else { return };
        let id = customer.get("tenantId").and_then(Value::as_str).unwrap_or_default();
        let known = self.find_tenant(id).map(|tenant| self[tenant].directory.display_name.clone());
        customer.entry("displayName").or_insert_with(|| known.into());
    }

    /// <https://learn.microsoft.com/graph/api/delegatedadminrelationship-update>
    pub(super) fn update_relationship(&mut self, tenant: usize, id: &str, call: &Call) -> GraphResult {
        let mut body = call.object()?.clone();
        let known = self.partner_of(tenant)?.relationship(id)?;
        known.entity.check_match(call)?;
        validation::check_properties(&body, SETTABLE)?;
        self.fill_in_customer_name(&mut body);
        let mut value = known.entity.value.clone();
        merge_settable(&mut value, &body);
        validation::check_relationship(&value)?;
        self.partner_of(tenant)?.check_unique(text(&value, "displayName"), known.entity.id())?;
        let changed: Vec<&str> =
            SETTABLE.iter().copied().filter(|name| value[*name] != known.entity.value[*name]).collect();
        match (known.entity.status(), changed.as_slice()) {
            ("created", _) if known.entity.scheduled.is_empty() => {}
            ("active", [] | ["autoExtendDuration"]) => {}
            ("active", ["accessDetails"]) => return self.drop_global_administrator(tenant, id, &value, call),
            (status, _) => return Err(errors::wrong_status("a relationship", status)),
        }
        let relationship = self.partner_mut(tenant)?.relationship_mut(id)?;
        if !changed.is_empty() {
            relationship.entity.write(&value, call.moment());
        }
        Ok(GraphResponse::ok(ListQuery::parse(call, &SCHEMA)?.entity(relationship.show(), COLLECTION, call)))
    }

    /// Removes Global Administrator, the only role change of an active relationship, by an operation.
    fn drop_global_administrator(&mut self, tenant: usize, id: &str, new: &Value, call: &Call) -> GraphResult {
        let operation_id = self[tenant].directory.new_id().to_string();
        let partner = self.partner_mut(tenant)?;
        let (number, step) = (partner.next_number(), partner.step);
        let relationship = partner.relationship_mut(id)?;
        let mut remaining = relationship.roles();
        let before = remaining.len();
        remaining.retain(|id| !eq_ignore_case(id, role::GLOBAL_ADMINISTRATOR));
        if remaining.len() == before || !validation::same_roles(&remaining, &validation::roles(&new["accessDetails"])?)
        {
            return Err(errors::bad_request(
                "From an active relationship, only the role Global Administrator can be removed.",
            ));
        }
        let change = json!({"accessDetails": new["accessDetails"]});
        let operation = start_operation(
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
    pub(super) fn delete_relationship(&mut self, tenant: usize, id: &str, call: &Call) -> GraphResult {
        let partner = self.partner_mut(tenant)?;
        let known = partner.relationship(id)?;
        known.entity.check_match(call)?;
        if known.entity.status() != "created" || !known.entity.scheduled.is_empty() {
            return Err(errors::wrong_status("a relationship", known.entity.status()));
        }
        partner.relationships.remove(id);
        Ok(GraphResponse::no_content())
    }

    pub(super) fn list_subresources(
        &self,
        tenant: usize,
        id: &str,
        subresource: Subresource,
        call: &Call,
    ) -> GraphResult {
        let query = ListQuery::parse(call, subresource.schema())?;
        let relationship = self.partner_of(tenant)?.relationship(id)?;
        let context = format!("{COLLECTION}('{}')/{}", relationship.entity.id(), subresource.navigation());
        Ok(GraphResponse::ok(query.page(subresource_rows(relationship, subresource, call), &context, call)))
    }

    pub(super) fn count_subresources(
        &self,
        tenant: usize,
        id: &str,
        subresource: Subresource,
        call: &Call,
    ) -> GraphResult {
        list::count(
            subresource_rows(self.partner_of(tenant)?.relationship(id)?, subresource, call),
            call,
            subresource.schema(),
        )
    }

    pub(super) fn get_subresource(
        &self,
        tenant: usize,
        id: &str,
        subresource: Subresource,
        subresource_id: &str,
        call: &Call,
    ) -> GraphResult {
        let query = ListQuery::parse(call, subresource.schema())?;
        let relationship = self.partner_of(tenant)?.relationship(id)?;
        let found =
            relationship.subresources(subresource).iter().find(|entity| eq_ignore_case(entity.id(), subresource_id));
        let found = found.ok_or_else(errors::not_found)?;
        let context = format!("{COLLECTION}('{}')/{}", relationship.entity.id(), subresource.navigation());
        Ok(GraphResponse::ok(query.entity(subresource.show(found, call), &context, call)))
    }
}

fn subresource_rows(relationship: &Relationship, subresource: Subresource, call: &Call) -> impl Iterator<Item = Row> {
    relationship
        .subresources(subresource)
        .iter()
        .map(move |entity| Row { order: entity.number, properties: subresource.show(entity, call) })
}

/// Merges the settable properties; access details are replaced as a whole.
fn merge_settable(value: &mut Value, body: &Value) {
    for name in SETTABLE {
        match body.get(*name) {
            Some(sent) if *name == "accessDetails" => value[*name] = sent.clone(),
            Some(Value::Null) if *name == "autoExtendDuration" => value[*name] = "PT0S".into(),
            Some(sent) => merge(&mut value[*name], sent),
            None => {}
        }
    }
}

/// An operation that changes `target` when it succeeds.
pub(super) fn start_operation(
    number: u64,
    id: &str,
    operation_type: &str,
    target: &mut Entity,
    change: Value,
    step: Duration,
    call: &Call,
) -> Entity {
    // The service returns the requested change as a string.
    let data = json!({"id": target.id(), "accessDetails": change["accessDetails"]}).to_string();
    let value = json!({
        "id": id, "operationType": operation_type, "data": data, "status": "notStarted", "createdDateTime": null,
        "lastModifiedDateTime": null
    });
    let mut operation = Entity::new(number, value, call.moment());
    lifecycle::schedule_operation(&mut operation, target, change, call.moment(), step);
    operation
}
