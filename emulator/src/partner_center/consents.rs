//! `/v1/customers/{tenant}/applicationconsents`: a partner consents, for a customer, to the app that it is signed in to.
//! Delegated permissions only: application permissions are assigned through Graph, in the customer's tenant.
//!
//! <https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis>

use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::agent::Agent;
use super::response::{PartnerCenterError, PartnerCenterResponse};
use super::{PartnerCenterRequest, object};
use crate::authorize::role;
use crate::call::Call;
use crate::cloud_state::CloudState;
use crate::grants::grant_id;
use crate::json::{items, same, text};
use crate::object_kind::ObjectKind;
use crate::response::Body;
use crate::route::Operation;

/// Who may consent for a customer, by GDAP.
const CONSENTING: [&str; 2] = [role::APPLICATION_ADMINISTRATOR, role::CLOUD_APPLICATION_ADMINISTRATOR];

/// The delegated permissions of one API that are to be granted.
struct RequestedGrant {
    /// The object id of the API's service principal in the customer's tenant.
    resource: String,
    scope: String,
}

impl CloudState {
    pub(super) fn consent_for_customer(
        &mut self,
        asking: &PartnerCenterRequest<'_>,
        caller: &Agent,
        customer: &str,
    ) -> Result<PartnerCenterResponse, PartnerCenterError> {
        let at = self.customer_tenant(asking, customer)?;
        let body = object(asking)?;
        let app_id = self.check_consenting(asking, caller, at, text(&body, "applicationId"))?;
        let grants = self.asked_grants(at, &body)?;
        let known = self[at].directory.live_service_principal(&app_id).map(|known| text(known, "id").to_owned());
        if let Some(known) = &known {
            let held = |granted: &RequestedGrant| {
                let id = grant_id(guid(known), guid(&granted.resource), None);
                self[at].directory.grants.live(&id).is_some()
            };
            if grants.iter().any(held) {
                return Err(PartnerCenterError::exists());
            }
        }
        let client = match known {
            Some(known) => known,
            None => self.create_in(asking, at, ObjectKind::ServicePrincipal, json!({"appId": app_id}))?,
        };
        for RequestedGrant { resource, scope } in grants {
            let grant =
                json!({"clientId": client, "consentType": "AllPrincipals", "resourceId": resource, "scope": scope});
            self.create_in(asking, at, ObjectKind::Grant, grant)?;
        }
        let body = json!({
            "applicationId": app_id,
            "displayName": body.get("displayName").cloned().unwrap_or_default(),
            "applicationGrants": body["applicationGrants"],
            "attributes": {"objectType": "ApplicationConsent"},
        });
        Ok(PartnerCenterResponse { status: StatusCode::CREATED, body })
    }

    /// Takes back what was granted; the service principal stays.
    pub(super) fn withdraw_consent(
        &mut self,
        asking: &PartnerCenterRequest<'_>,
        caller: &Agent,
        customer: &str,
        application: &str,
    ) -> Result<PartnerCenterResponse, PartnerCenterError> {
        let at = self.customer_tenant(asking, customer)?;
        let app_id = self.check_consenting(asking, caller, at, application)?;
        let directory = &mut self[at].directory;
        let client = directory.live_service_principal(&app_id).map(|known| text(known, "id").to_owned());
        let client = client.ok_or_else(PartnerCenterError::not_found)?;
        let granted = directory.grants.having("clientId", &client).map(|(_, grant)| grant.clone());
        let granted: Vec<_> = granted.filter(|grant| text(grant, "consentType") == "AllPrincipals").collect();
        if granted.is_empty() {
            return Err(PartnerCenterError::not_found());
        }
        let call = Call::of_the_service(asking.now, asking.wall, Value::Null);
        for grant in granted {
            directory.erase(ObjectKind::Grant, text(&grant, "id"), &call);
        }
        Ok(PartnerCenterResponse { status: StatusCode::NO_CONTENT, body: Value::Null })
    }

    /// The app id, if the caller is signed in to that very app and may consent in the customer's tenant.
    fn check_consenting(
        &self,
        asking: &PartnerCenterRequest<'_>,
        caller: &Agent,
        customer: usize,
        app_id: &str,
    ) -> Result<String, PartnerCenterError> {
        let app_id = Uuid::parse_str(app_id)
            .map_err(|_| PartnerCenterError::bad_request("The applicationId is missing or is no GUID."))?
            .to_string();
        if !same(&app_id, &caller.app_id) {
            return Err(PartnerCenterError::bad_request(
                "The applicationId is not that of the application of the token.",
            ));
        }
        let roles = self.guest_roles(customer, asking.at, &caller.person);
        if !roles.iter().any(|held| CONSENTING.contains(&held.as_str())) {
            return Err(PartnerCenterError::forbidden());
        }
        Ok(app_id)
    }

    /// What a consent asks for: for each API its scopes, written with commas between them.
    fn asked_grants(&self, customer: usize, body: &Value) -> Result<Vec<RequestedGrant>, PartnerCenterError> {
        let asked = items(body, "applicationGrants");
        if asked.is_empty() {
            return Err(PartnerCenterError::bad_request("The applicationGrants are missing."));
        }
        let directory = &self[customer].directory;
        let mut grants: Vec<RequestedGrant> = Vec::new();
        for grant in asked {
            let api = text(grant, "enterpriseApplicationId");
            if Uuid::parse_str(api).is_err() {
                return Err(PartnerCenterError::bad_request("The enterpriseApplicationId is missing or is no GUID."));
            }
            let Some(resource) = directory.live_service_principal(&api.to_lowercase()) else {
                return Err(PartnerCenterError::bad_request(format!(
                    "The organization '{}' lacks a service principal for '{api}'.",
                    directory.tenant_id
                )));
            };
            let scopes: Vec<&str> = text(grant, "scope").split(',').map(str::trim).collect();
            let known = |scope: &&str| {
                let scopes = items(resource, "oauth2PermissionScopes");
                scopes.iter().any(|known| text(known, "value") == *scope && known["isEnabled"] == true)
            };
            if let Some(unknown) = scopes.iter().find(|scope| !known(scope)) {
                return Err(PartnerCenterError::bad_request(format!("The scope '{unknown}' is unknown to '{api}'.")));
            }
            let resource = text(resource, "id").to_owned();
            if grants.iter().any(|granted| granted.resource == resource) {
                return Err(PartnerCenterError::bad_request(format!("'{api}' stands twice in the applicationGrants.")));
            }
            grants.push(RequestedGrant { resource, scope: scopes.join(" ") });
        }
        Ok(grants)
    }

    /// Creates an object in the customer's tenant, as Microsoft's own service does; the id.
    fn create_in(
        &mut self,
        asking: &PartnerCenterRequest<'_>,
        at: usize,
        kind: ObjectKind,
        body: Value,
    ) -> Result<String, PartnerCenterError> {
        let answer =
            self.perform(at, Operation::Create(kind), &mut Call::of_the_service(asking.now, asking.wall, body))?;
        match &answer.body {
            Body::Json(created) => Ok(text(created, "id").to_owned()),
            _ => Ok(String::new()),
        }
    }
}

/// The text is known to be a GUID: it is an id of the directory.
fn guid(id: &str) -> Uuid {
    Uuid::parse_str(id).unwrap_or_default()
}
