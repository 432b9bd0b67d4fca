//! `/directory/deletedItems` and `/organization`.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::answer::{Answer, Outcome, Refusal};
use super::call::{Actor, Call, Identity};
use super::directory::Directory;
use super::federated;
use super::json::{items, stamp, text};
use super::kind::Kind;
use super::objects::typed;
use super::query::Query;
use super::table::Life;

/// How long what is deleted can be restored.
/// <https://learn.microsoft.com/graph/api/resources/directory>
const KEPT: time::Duration = time::Duration::days(30);

/// What is in the bin, in the order in which it goes for good.
#[derive(Clone, Debug, Default)]
pub(super) struct Bin(VecDeque<(OffsetDateTime, Kind, String)>);

impl Bin {
    /// Notes that an object was deleted at a moment.
    pub(super) fn note(&mut self, kind: Kind, id: &str, at: OffsetDateTime) {
        // What a snapshot brings may be in any order.
        let place = self.0.partition_point(|(end, ..)| *end <= at + KEPT);
        self.0.insert(place, (at + KEPT, kind, id.to_owned()));
    }

    /// Takes out an object that was deleted at a moment, which is known to the second.
    fn forget(&mut self, kind: Kind, id: &str, at: OffsetDateTime) {
        let from = self.0.partition_point(|(end, ..)| *end < at + KEPT);
        let mut rest = self.0.iter().skip(from).take_while(|(end, ..)| *end < at + KEPT + time::Duration::SECOND);
        if let Some(place) = rest.position(|(_, of, held)| *of == kind && held == id) {
            self.0.remove(from + place);
        }
    }

    /// How many objects are in it.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Directory {
    /// Purges what has been in the bin for too long.
    pub(super) fn empty_bin(&mut self, call: &Call) {
        while self.bin.0.front().is_some_and(|(end, ..)| *end <= call.wall) {
            let Some((_, kind, id)) = self.bin.0.pop_front() else { return };
            let deleted = match self.table(kind).current(&id) {
                Some((Life::Deleted, value)) => stamp::parse(text(value, "deletedDateTime")),
                _ => None,
            };
            // It may have been restored and deleted again since.
            if deleted.is_some_and(|at| at + KEPT <= call.wall) {
                self.erase_for_good(kind, &id, call);
            }
        }
    }

    /// Removes a deleted object with all that hangs on it.
    fn erase_for_good(&mut self, kind: Kind, id: &str, call: &Call) {
        let Some(value) = self.table(kind).current(id).map(|(_, value)| std::sync::Arc::clone(value)) else { return };
        let id = text(&value, "id").to_owned();
        if let Some(at) = stamp::parse(text(&value, "deletedDateTime")) {
            self.bin.forget(kind, &id, at);
        }
        for credential in items(&value, "passwordCredentials") {
            self.secrets.remove(text(credential, "keyId"));
        }
        let federated = self.federated.having(federated::APPLICATION, &id).map(|(_, held)| text(held, "id").to_owned());
        for held in federated.collect::<Vec<_>>() {
            self.erase(Kind::FederatedCredential, &held, call);
        }
        self.unlink(&id);
        self.erase(kind, &id, call);
    }

    pub(super) fn list_deleted(&self, kind: Kind, call: &Call) -> Outcome {
        let query = Query::parse(call, kind)?;
        let rows = self.table(kind).after(query.after_row(), Life::Deleted, call.view(self.lag.lists));
        Ok(Answer::ok(query.page(rows, kind.collection(), self, call)))
    }

    fn deleted(&self, id: &str) -> Result<(Kind, Value), Refusal> {
        let found = Kind::OBJECTS.into_iter().find_map(|kind| match self.table(kind).current(id) {
            Some((Life::Deleted, value)) => Some((kind, (**value).clone())),
            _ => None,
        });
        found.ok_or_else(|| Refusal::not_found(id))
    }

    pub(super) fn get_deleted(&self, id: &str, call: &Call) -> Outcome {
        let (kind, value) = self.deleted(id)?;
        Ok(Answer::ok(directory_object(kind, &value, call)?))
    }

    pub(super) fn restore(&mut self, id: &str, call: &Call) -> Outcome {
        let (kind, mut value) = self.deleted(id)?;
        self.check_owned(kind, &value, call)?;
        if kind == Kind::ServicePrincipal && self.live_service_principal(text(&value, "appId")).is_some() {
            return Err(Refusal::conflict(format!(
                "The service principal cannot be created, updated, or restored because the service principal name \
                    {} is already in use.",
                text(&value, "appId")
            ))
            .detail("ObjectConflict", "servicePrincipalNames"));
        }
        let deleted = stamp::parse(text(&value, "deletedDateTime"));
        value["deletedDateTime"] = Value::Null;
        let answer = directory_object(kind, &value, call)?;
        if let Some(at) = deleted {
            self.bin.forget(kind, text(&value, "id"), at);
        }
        self.write(kind, Life::Live, value, call);
        Ok(Answer::ok(answer))
    }

    pub(super) fn purge(&mut self, id: &str, call: &Call) -> Outcome {
        let (kind, _) = self.deleted(id)?;
        self.erase_for_good(kind, id, call);
        Ok(Answer::no_content())
    }

    fn organization(&self) -> Value {
        let used: usize = Kind::OBJECTS.into_iter().map(|kind| self.table(kind).len()).sum();
        json!({
            "id": self.tenant_id,
            "deletedDateTime": null,
            "businessPhones": [],
            "city": null,
            "country": null,
            "countryLetterCode": "US",
            "createdDateTime": stamp::seconds(self.founded),
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

    /// Who may only read their own account sees who the organization is, and nothing else of it.
    fn organization_for(&self, call: &Call) -> Value {
        let mut organization = self.organization();
        let Actor::SignedIn(Identity { person: Some(person), .. }) = &call.actor else { return organization };
        let reads_all =
            person.scopes.iter().any(|scope| scope.starts_with("Organization.") || scope.starts_with("Directory."));
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

    pub(super) fn list_organization(&self, call: &Call) -> Outcome {
        let (organization, context) = select(self.organization_for(call), call)?;
        Ok(Answer::ok(json!({"@odata.context": call.context(&context), "value": [organization]})))
    }

    pub(super) fn get_organization(&self, id: &str, call: &Call) -> Outcome {
        if !id.eq_ignore_ascii_case(&self.tenant_id.to_string()) {
            return Err(Refusal::not_found(id));
        }
        let (organization, context) = select(self.organization_for(call), call)?;
        let mut answer = Map::new();
        answer.insert("@odata.context".into(), call.context(&(context + "/$entity")).into());
        answer.extend(organization.as_object().cloned().unwrap_or_default());
        Ok(Answer::ok(answer.into()))
    }
}

/// `$select` is the one option that the organization takes here. Returns what is left, and what its context names.
fn select(mut organization: Value, call: &Call) -> Result<(Value, String), Refusal> {
    let mut context = "organization".to_owned();
    for (name, value) in call.query.iter().filter(|(name, _)| name.starts_with('$')) {
        if !name.eq_ignore_ascii_case("$select") {
            return Err(Refusal::not_implemented(format!("{name} on the organization")));
        }
        if let Some(members) = organization.as_object_mut() {
            members.retain(|member, _| value.split(',').any(|wanted| wanted.trim().eq_ignore_ascii_case(member)));
            let names: Vec<&str> = members.keys().map(String::as_str).collect();
            context = format!("organization({})", names.join(","));
        }
    }
    Ok((organization, context))
}

fn directory_object(kind: Kind, value: &Value, call: &Call) -> Result<Value, Refusal> {
    let query = Query::parse(call, kind)?;
    let mut object = Map::new();
    object.insert("@odata.context".into(), call.context("directoryObjects/$entity").into());
    object.extend(typed(kind, query.project(kind, value)));
    Ok(object.into())
}
