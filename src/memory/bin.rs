//! `/directory/deletedItems` and `/organization`.

use serde_json::{Map, Value, json};

use super::answer::{Answer, Outcome, Refusal};
use super::call::Call;
use super::directory::Directory;
use super::federated;
use super::json::{items, stamp, text};
use super::kind::Kind;
use super::query::Query;
use super::table::Life;

impl Directory {
    pub(super) fn list_deleted(&self, kind: Kind, call: &Call) -> Outcome {
        let query = Query::parse(call, kind)?;
        let rows = self.table(kind).all(Life::Deleted, call.view(self.lag.lists));
        Ok(Answer::ok(query.page(rows, "directoryObjects", self, call)))
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
        Ok(Answer::ok(directory_object(kind, &value, call)))
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
        value["deletedDateTime"] = Value::Null;
        self.write(kind, Life::Live, value.clone(), call);
        Ok(Answer::ok(directory_object(kind, &value, call)))
    }

    pub(super) fn purge(&mut self, id: &str, call: &Call) -> Outcome {
        let (kind, value) = self.deleted(id)?;
        for credential in items(&value, "passwordCredentials") {
            self.secrets.remove(text(credential, "keyId"));
        }
        let federated = self.federated.having(federated::APPLICATION, id).map(|(_, held)| text(held, "id").to_owned());
        for held in federated.collect::<Vec<_>>() {
            self.erase(Kind::FederatedCredential, &held, call);
        }
        self.unlink(text(&value, "id"));
        self.erase(kind, id, call);
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
            "countryLetterCode": null,
            "createdDateTime": stamp::seconds(self.founded),
            "displayName": self.display_name,
            "onPremisesLastSyncDateTime": null,
            "onPremisesSyncEnabled": null,
            "postalCode": null,
            "preferredLanguage": "en",
            "state": null,
            "street": null,
            "technicalNotificationMails": [],
            "tenantType": "AAD",
            "directorySizeQuota": {"used": used, "total": 300_000},
            "assignedPlans": [],
            "provisionedPlans": [],
            "verifiedDomains": [{
                "capabilities": "Email, OfficeCommunicationsOnline", "isDefault": true, "isInitial": true,
                "name": self.domain, "type": "Managed"
            }],
        })
    }

    pub(super) fn list_organization(&self, call: &Call) -> Outcome {
        let organization = select(self.organization(), call)?;
        Ok(Answer::ok(json!({"@odata.context": call.context("organization"), "value": [organization]})))
    }

    pub(super) fn get_organization(&self, id: &str, call: &Call) -> Outcome {
        if !id.eq_ignore_ascii_case(&self.tenant_id.to_string()) {
            return Err(Refusal::not_found(id));
        }
        let mut answer = Map::new();
        answer.insert("@odata.context".into(), call.context("organization/$entity").into());
        answer.extend(select(self.organization(), call)?.as_object().cloned().unwrap_or_default());
        Ok(Answer::ok(answer.into()))
    }
}

/// `$select` is the one option that the organization takes here.
fn select(mut organization: Value, call: &Call) -> Result<Value, Refusal> {
    for (name, value) in call.query.iter().filter(|(name, _)| name.starts_with('$')) {
        if !name.eq_ignore_ascii_case("$select") {
            return Err(Refusal::not_implemented(format!("{name} on the organization")));
        }
        if let Some(members) = organization.as_object_mut() {
            members.retain(|member, _| value.split(',').any(|wanted| wanted.trim().eq_ignore_ascii_case(member)));
        }
    }
    Ok(organization)
}

fn directory_object(kind: Kind, value: &Value, call: &Call) -> Value {
    let mut object = Map::new();
    object.insert("@odata.context".into(), call.context("directoryObjects/$entity").into());
    object.insert("@odata.type".into(), format!("#microsoft.graph.{}", kind.type_name()).into());
    object.extend(value.as_object().cloned().unwrap_or_default());
    object.into()
}
