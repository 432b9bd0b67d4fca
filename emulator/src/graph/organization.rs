//! `/organization`: the one organization of a tenant, read-only.

use serde_json::{Map, Value, json};

use crate::data::json::timestamp;
use crate::data::object_kind::ObjectKind;
use crate::graph::call::{Actor, Call, Identity};
use crate::graph::directory::Directory;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};

impl Directory {
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
