//! `/directory/deletedItems`: listing, restoring and purging deleted objects, and their expiry.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::data::json::{items, text, timestamp};
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::ObjectState;
use crate::graph::call::Call;
use crate::graph::directory::Directory;
use crate::graph::federated_credentials;
use crate::graph::objects::with_odata_type;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};
use crate::query::Query;

/// How long a deleted object can be restored.
/// <https://learn.microsoft.com/graph/api/resources/directory>
const RETENTION: time::Duration = time::Duration::days(30);

/// The deleted objects, in the order in which they expire.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeletedItems(VecDeque<(OffsetDateTime, ObjectKind, String)>);

impl DeletedItems {
    /// Records the deletion of an object.
    pub(crate) fn record(&mut self, kind: ObjectKind, id: &str, at: OffsetDateTime) {
        // The items of a snapshot may be in any order.
        let position = self.0.partition_point(|(end, ..)| *end <= at + RETENTION);
        self.0.insert(position, (at + RETENTION, kind, id.to_owned()));
    }

    /// Removes an object that was deleted at a moment, which is known to the second.
    fn remove(&mut self, kind: ObjectKind, id: &str, at: OffsetDateTime) {
        let from = self.0.partition_point(|(end, ..)| *end < at + RETENTION);
        let mut rest = self.0.iter().skip(from).take_while(|(end, ..)| *end < at + RETENTION + time::Duration::SECOND);
        if let Some(place) = rest.position(|(_, of, deleted)| *of == kind && deleted == id) {
            self.0.remove(from + place);
        }
    }

    /// How many objects there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Directory {
    /// Purges the objects that were deleted more than 30 days ago.
    pub(crate) fn purge_expired_items(&mut self, call: &Call) {
        while self.deleted_items.0.front().is_some_and(|(end, ..)| *end <= call.wall) {
            let Some((_, kind, id)) = self.deleted_items.0.pop_front() else { return };
            let deleted = match self.store(kind).current(&id) {
                Some((ObjectState::Deleted, value)) => timestamp::parse(text(value, "deletedDateTime")),
                _ => None,
            };
            // It may have been restored and deleted again since.
            if deleted.is_some_and(|at| at + RETENTION <= call.wall) {
                self.purge_object(kind, &id, call);
            }
        }
    }

    /// Removes a deleted object permanently, with its credentials, links and federated credentials.
    fn purge_object(&mut self, kind: ObjectKind, id: &str, call: &Call) {
        let Some(value) = self.store(kind).current(id).map(|(_, value)| Arc::clone(value)) else { return };
        let id = text(&value, "id").to_owned();
        if let Some(at) = timestamp::parse(text(&value, "deletedDateTime")) {
            self.deleted_items.remove(kind, &id, at);
        }
        for credential in items(&value, "passwordCredentials") {
            self.secrets.remove(text(credential, "keyId"));
        }
        let federated = self
            .federated
            .find_by(federated_credentials::APPLICATION, &id)
            .map(|(_, credential)| text(credential, "id").to_owned());
        for credential in federated.collect::<Vec<_>>() {
            self.remove_permanently(ObjectKind::FederatedCredential, &credential, call);
        }
        self.remove_links_of(&id);
        self.remove_permanently(kind, &id, call);
    }

    pub(crate) fn list_deleted(&self, kind: ObjectKind, call: &Call) -> GraphResult {
        let query = Query::parse(call, kind)?;
        let rows = self.store(kind).after(query.after_row(), ObjectState::Deleted, call.replica_view(self.lag.lists));
        Ok(GraphResponse::ok(query.page(rows, kind.collection(), self, call)))
    }

    fn deleted(&self, id: &str) -> Result<(ObjectKind, Value), GraphError> {
        let found = ObjectKind::OBJECTS.into_iter().find_map(|kind| match self.store(kind).current(id) {
            Some((ObjectState::Deleted, value)) => Some((kind, (**value).clone())),
            _ => None,
        });
        found.ok_or_else(|| GraphError::not_found(id))
    }

    pub(crate) fn get_deleted(&self, id: &str, call: &Call) -> GraphResult {
        let (kind, value) = self.deleted(id)?;
        Ok(GraphResponse::ok(directory_object_response(kind, &value, call)?))
    }

    pub(crate) fn restore(&mut self, id: &str, call: &Call) -> GraphResult {
        let (kind, mut value) = self.deleted(id)?;
        self.check_ownership(kind, &value, call)?;
        if kind == ObjectKind::ServicePrincipal && self.live_service_principal(text(&value, "appId")).is_some() {
            return Err(GraphError::conflict(format!(
                "The service principal cannot be created, updated, or restored because the service principal name \
                    {} is already in use.",
                text(&value, "appId")
            ))
            .detail("ObjectConflict", "servicePrincipalNames"));
        }
        if let Some(at) = timestamp::parse(text(&value, "deletedDateTime")) {
            self.deleted_items.remove(kind, text(&value, "id"), at);
        }
        value["deletedDateTime"] = Value::Null;
        let response = directory_object_response(kind, &value, call)?;
        self.write(kind, ObjectState::Live, value, call);
        Ok(GraphResponse::ok(response))
    }

    pub(crate) fn purge(&mut self, id: &str, call: &Call) -> GraphResult {
        let (kind, _) = self.deleted(id)?;
        self.purge_object(kind, id, call);
        Ok(GraphResponse::no_content())
    }
}

fn directory_object_response(kind: ObjectKind, value: &Value, call: &Call) -> Result<Value, GraphError> {
    let query = Query::parse(call, kind)?;
    let mut object = Map::new();
    object.insert("@odata.context".into(), call.context("directoryObjects/$entity").into());
    object.extend(with_odata_type(kind, query.project(kind, value)));
    Ok(object.into())
}
