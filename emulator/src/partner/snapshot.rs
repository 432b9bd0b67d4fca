//! The partner state in a snapshot, with Graph's property names.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::entity::Entity;
use super::operation::Subresource;
use super::relationships::{self, CONSENT_PENDING, PROVIDER, check_id};
use super::{DEFAULT_STEP, Partner, Relationship, duration, validation};
use crate::data::json::{merge, text, timestamp};
use crate::graph::directory::Directory;
use crate::graph::response::GraphError;
use crate::snapshot::{LoadResult, SnapshotError, entries};

const RELATIONSHIPS: &str = "delegatedAdminRelationships";
const CONTRACTS: &str = "contracts";
const ETAG: &str = "@odata.etag";

const STATUSES: [&str; 10] = [
    "created",
    "approvalPending",
    "approved",
    "activating",
    "active",
    "expiring",
    "expired",
    "terminationRequested",
    "terminating",
    "terminated",
];

impl Subresource {
    const ALL: [Self; 3] = [Self::AccessAssignments, Self::Requests, Self::Operations];

    /// The default values of an entry in a snapshot.
    fn defaults(self, relationship: &Value) -> Value {
        match self {
            Self::AccessAssignments => json!({
                "id": null, "status": "active", "createdDateTime": null, "lastModifiedDateTime": null,
                "accessContainer": {"accessContainerId": null, "accessContainerType": "securityGroup"},
                "accessDetails": relationship["accessDetails"]
            }),
            Self::Requests => json!({
                "id": null, "action": null, "status": "succeeded", "createdDateTime": null,
                "lastModifiedDateTime": null
            }),
            Self::Operations => json!({
                "id": null, "operationType": null, "data": "{}", "status": "succeeded", "createdDateTime": null,
                "lastModifiedDateTime": null
            }),
        }
    }
}

impl Partner {
    /// The properties of a snapshot, with all scheduled changes applied.
    pub(crate) fn save(&self) -> [(String, Value); 2] {
        let relationships = self.relationships.iter().map(|relationship| {
            let mut saved = saved(&relationship.entity);
            for subresource in Subresource::ALL {
                let all: Vec<Value> = relationship.subresources(subresource).iter().map(saved_value).collect();
                if !all.is_empty() {
                    saved.insert(subresource.navigation().into(), all.into());
                }
            }
            Value::Object(saved)
        });
        [
            (RELATIONSHIPS.into(), relationships.collect()),
            (CONTRACTS.into(), self.contracts.iter().cloned().collect::<Vec<_>>().into()),
        ]
    }
}

fn saved(entity: &Entity) -> Map<String, Value> {
    let settled = entity.settled();
    let mut saved = Map::new();
    saved.insert(ETAG.into(), settled.etag().into());
    saved.extend(settled.value.as_object().cloned().unwrap_or_default());
    saved
}

fn saved_value(entity: &Entity) -> Value {
    saved(entity).into()
}

impl Directory {
    /// Loads the partner state of a document; a tenant with a relationship or a contract is a partner's.
    pub(crate) fn load_partner(&mut self, document: &Value, wall: OffsetDateTime) -> LoadResult {
        let is_partner = [RELATIONSHIPS, CONTRACTS].iter().any(|name| document.get(*name).is_some());
        let Some(step) = self.partner.as_ref().map(|partner| partner.step).or(is_partner.then_some(DEFAULT_STEP))
        else {
            return Ok(());
        };
        let mut partner = Partner::new(step);
        for (pointer, entry) in entries(document, RELATIONSHIPS)? {
            let relationship = self.load_relationship(&mut partner, entry, &pointer, wall)?;
            partner.relationships.push(relationship);
        }
        for (pointer, entry) in entries(document, CONTRACTS)? {
            let mut contract = json!({
                "id": null, "deletedDateTime": null, "contractType": "ResellerPartner", "customerId": null,
                "defaultDomainName": null, "displayName": null
            });
            fill(&mut contract, entry, &[], &pointer)?;
            if text(&contract, "customerId").parse::<uuid::Uuid>().is_err() {
                return Err(SnapshotError::new(pointer + "/customerId", "a GUID is expected"));
            }
            self.fill_in_id(&mut contract);
            partner.contracts.push(contract);
        }
        self.partner = Some(partner);
        Ok(())
    }

    fn load_relationship(
        &self,
        partner: &mut Partner,
        entry: &Value,
        pointer: &str,
        wall: OffsetDateTime,
    ) -> LoadResult<Relationship> {
        let load_error = |pointer: String| move |error: GraphError| SnapshotError::new(pointer, error.message());
        let mut value = relationships::template();
        merge(&mut value, &json!({"status": "active", "duration": "P730D"}));
        if entry.get(CONSENT_PENDING).is_some() {
            merge(&mut value, &json!({CONSENT_PENDING: null, PROVIDER: null}));
        }
        let subresource_names = Subresource::ALL.map(Subresource::navigation);
        fill(&mut value, entry, &subresource_names, pointer)?;
        if value["id"].is_null() {
            value["id"] = relationships::new_id(self).into();
        }
        check_id(text(&value, "id")).map_err(load_error(format!("{pointer}/id")))?;
        validation::check_relationship(&value).map_err(load_error(pointer.to_owned()))?;
        if !STATUSES.contains(&text(&value, "status")) {
            return Err(SnapshotError::new(format!("{pointer}/status"), "there is no such status"));
        }
        fill_in_timestamps(&mut value, wall);
        if text(&value, "status") == "active" && value["activatedDateTime"].is_null() {
            let state = duration::seconds(text(&value, "duration")).unwrap_or(0);
            value["activatedDateTime"] = timestamp::ticks(wall).into();
            value["endDateTime"] = timestamp::ticks(wall + time::Duration::seconds(state)).into();
        }
        let number = partner.next_number();
        let mut relationship = Relationship::new(Entity::load(value, text(entry, ETAG), number));
        for subresource in Subresource::ALL {
            for (pointer_in, entry) in entries(entry, subresource.navigation())? {
                let pointer = format!("{pointer}{pointer_in}");
                let mut value = subresource.defaults(&relationship.entity.value);
                fill(&mut value, entry, &[], &pointer)?;
                if subresource == Subresource::AccessAssignments {
                    relationship.check_roles(&value["accessDetails"]).map_err(load_error(pointer.clone()))?;
                }
                self.fill_in_id(&mut value);
                fill_in_timestamps(&mut value, wall);
                let number = partner.next_number();
                let entity = Entity::load(value, text(entry, ETAG), number);
                partner.entities = partner.entities.max(entity.number);
                relationship.subresources_mut(subresource).push(entity);
            }
        }
        partner.entities = partner.entities.max(relationship.entity.number);
        Ok(relationship)
    }

    fn fill_in_id(&self, value: &mut Value) {
        if value["id"].is_null() {
            value["id"] = self.new_id().to_string().into();
        }
    }
}

/// Merges the properties of an entry into the defaults.
fn fill(value: &mut Value, entry: &Value, subresource_names: &[&str], pointer: &str) -> LoadResult {
    let Some(members) = entry.as_object() else { return Err(SnapshotError::new(pointer, "an object is expected")) };
    for (name, member) in
        members.iter().filter(|(name, _)| !name.starts_with('@') && !subresource_names.contains(&name.as_str()))
    {
        match value.get_mut(name) {
            Some(known) => merge(known, member),
            None => return Err(SnapshotError::new(format!("{pointer}/{name}"), "there is no such member")),
        }
    }
    Ok(())
}

fn fill_in_timestamps(value: &mut Value, wall: OffsetDateTime) {
    for name in ["createdDateTime", "lastModifiedDateTime"] {
        if value[name].is_null() {
            value[name] = timestamp::ticks(wall).into();
        }
    }
}
