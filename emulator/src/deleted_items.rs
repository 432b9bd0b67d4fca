//! `/directory/deletedItems` and `/organization`.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::call::{Actor, Call, Identity};
use crate::directory::Directory;
use crate::federated_credentials;
use crate::json::{items, text, timestamp};
use crate::object_kind::ObjectKind;
use crate::object_store::ObjectState;
use crate::objects::with_odata_type;
use crate::query::Query;
use crate::response::{GraphError, GraphResponse, GraphResult};

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
        let Some((_, value)) = self.store(kind).current(id) else { return };
        let id = text(value, "id").to_owned();
        for credential in items(&std::sync::Arc::clone(value), "passwordCredentials") {
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

    fn organization(&self) -> Value {
        let used: usize = ObjectKind::OBJECTS.into_iter().map(|kind| self.store(kind).len()).sum();
        json!({
            "id": self.tenant_id,
            "deletedDateTime": null,
            "businessPhones": [],
            "city": null,
            "country": null,
            "countryLetterCode": "US",
            "createdDateTime": timestamp::seconds(self.created_at),
            "displayName": self.display_name,
            "isMultipleDataLocationsForServicesEnabled": null,
            "marketingNotificationEmails": [],
            "onPremisesLastSyncDateTime": null,
            "onPremisesSyncEnabled": null,
            "postalCode": null,
            "preferredLanguage": "en",
            "securityComplianceNotificationMails": [],
            "securityComplianceNotificationPhones": [],
            "state": null,
            "street": null,
            "technicalNotificationMails": [],
            "tenantType": "AAD",
            "directorySizeQuota": {"used": used, "total": 300_000},
            "assignedPlans": [],
            "privacyProfile": {"contactEmail": "", "statementUrl": ""},
            "provisionedPlans": [],
            "verifiedDomains": [{
                "capabilities": "Email, OfficeCommunicationsOnline", "isDefault": true, "isInitial": true,
                "name": self.domain, "type": "Managed"
            }],
        })
    }

    /// The organization as a caller sees it: with permission to read only their own account, users see little of it.
    fn organization_for(&self, call: &Call) -> Value {
        let mut organization = self.organization();
        let Actor::SignedIn(Identity { user: Some(user), .. }) = &call.actor else { return organization };
        let reads_all =
            user.scopes.iter().any(|scope| scope.starts_with("Organization.") || scope.starts_with("Directory."));
        if !reads_all {
            for (name, value) in organization.as_object_mut().into_iter().flatten() {
                match value {
                    _ if ["id", "displayName", "verifiedDomains"].contains(&name.as_str()) => {}
                    Value::Array(items) => items.clear(),
                    other => *other = Value::Null,
                }
            }
        }
        organization
    }

    pub(crate) fn list_organization(&self, call: &Call) -> GraphResult {
        let (organization, context) = select(self.organization_for(call), call)?;
        Ok(GraphResponse::ok(json!({"@odata.context": call.context(&context), "value": [organization]})))
    }

    pub(crate) fn get_organization(&self, id: &str, call: &Call) -> GraphResult {
        if !id.eq_ignore_ascii_case(&self.tenant_id.to_string()) {
            return Err(GraphError::not_found(id));
        }
        let (organization, context) = select(self.organization_for(call), call)?;
        let mut response = Map::new();
        response.insert("@odata.context".into(), call.context(&(context + "/$entity")).into());
        response.extend(organization.as_object().cloned().unwrap_or_default());
        Ok(GraphResponse::ok(response.into()))
    }
}

/// Applies `$select`, the one supported query option of the organization. Returns the rest and the name for its
/// context.
fn select(mut organization: Value, call: &Call) -> Result<(Value, String), GraphError> {
    let mut context = "organization".to_owned();
    for (name, value) in call.query.iter().filter(|(name, _)| name.starts_with('$')) {
        if !name.eq_ignore_ascii_case("$select") {
            return Err(GraphError::not_implemented(format!("{name} on the organization")));
        }
        if let Some(members) = organization.as_object_mut() {
            members.retain(|member, _| value.split(',').any(|wanted| wanted.trim().eq_ignore_ascii_case(member)));
            let names: Vec<&str> = members.keys().map(String::as_str).collect();
            context = format!("organization({})", names.join(","));
        }
    }
    Ok((organization, context))
}

fn directory_object_response(kind: ObjectKind, value: &Value, call: &Call) -> Result<Value, GraphError> {
    let query = Query::parse(call, kind)?;
    let mut object = Map::new();
    object.insert("@odata.context".into(), call.context("directoryObjects/$entity").into());
    object.extend(with_odata_type(kind, query.project(kind, value)));
    Ok(object.into())
}
