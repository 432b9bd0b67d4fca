//! `/v1/customers/{tenant}/applicationconsents`: a partner consents, for a customer, to the app that it is signed in
//! to. Delegated permissions only: application permissions are assigned through Graph, in the customer's tenant.
//!
//! <https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis>

use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::agent::Agent;
use super::response::{PartnerCenterError, PartnerCenterResponse};
use super::{PartnerCenterRequest, object};
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, items, text};
use crate::data::object_kind::ObjectKind;
use crate::graph::authorize::role;
use crate::graph::call::Call;
use crate::graph::grants::grant_id;
use crate::graph::response::Body;
use crate::graph::route::Operation;

/// The GDAP roles that may consent for a customer.
const CONSENTING_ROLES: [&str; 2] = [role::APPLICATION_ADMINISTRATOR, role::CLOUD_APPLICATION_ADMINISTRATOR];

/// The delegated permissions of one API in a consent.
struct RequestedGrant {
    /// The object id of the API's service principal in the customer's tenant.
    resource: String,
    scope: String,
}

impl CloudState {
    pub(super) fn consent_for_customer(
        &mut self,
        request: &PartnerCenterRequest<'_>,
        agent: &Agent,
        customer: &str,
    ) -> Result<PartnerCenterResponse, PartnerCenterError> {
        let tenant = self.customer_tenant(request, customer)?;
        let body = object(request)?;
        let app_id = self.check_consenting(request, agent, tenant, text(&body, "applicationId"))?;
        let grants = self.requested_grants(tenant, &body)?;
        let known = self[tenant].directory.live_service_principal(&app_id).map(|known| text(known, "id").to_owned());
        if let Some(known) = &known {
            let granted = |granted: &RequestedGrant| {
                let id = grant_id(guid(known), guid(&granted.resource), None);
                self[tenant].directory.grants.live(&id).is_some()
            };
            if grants.iter().any(granted) {
                return Err(PartnerCenterError::exists());
            }
        }
        let client = match known {
            Some(known) => known,
            None => self.create_in(request, tenant, ObjectKind::ServicePrincipal, json!({"appId": app_id}))?,
        };
        for RequestedGrant { resource, scope } in grants {
            let grant =
                json!({"clientId": client, "consentType": "AllPrincipals", "resourceId": resource, "scope": scope});
            self.create_in(request, tenant, ObjectKind::Grant, grant)?;
        }
        let body = json!({
            "applicationId": app_id,
            "displayName": body.get("displayName").cloned().unwrap_or_default(),
            "applicationGrants": body["applicationGrants"],
            "attributes": {"objectType": "ApplicationConsent"},
        });
        Ok(PartnerCenterResponse { status: StatusCode::CREATED, body })
    }

    /// Removes the grants of an application; the service principal stays.
    pub(super) fn withdraw_consent(
        &mut self,
        request: &PartnerCenterRequest<'_>,
        agent: &Agent,
        customer: &str,
        application: &str,
    ) -> Result<PartnerCenterResponse, PartnerCenterError> {
        let tenant = self.customer_tenant(request, customer)?;
        let app_id = self.check_consenting(request, agent, tenant, application)?;
        let directory = &mut self[tenant].directory;
        let client = directory.live_service_principal(&app_id).map(|known| text(known, "id").to_owned());
        let client = client.ok_or_else(PartnerCenterError::not_found)?;
        let granted = directory.grants.find_by("clientId", &client).map(|(_, grant)| grant.clone());
        let granted: Vec<_> = granted.filter(|grant| text(grant, "consentType") == "AllPrincipals").collect();
        if granted.is_empty() {
            return Err(PartnerCenterError::not_found());
        }
        let call = Call::internal(request.now, request.wall, Value::Null);
        for grant in granted {
            directory.remove_permanently(ObjectKind::Grant, text(&grant, "id"), &call);
        }
        Ok(PartnerCenterResponse { status: StatusCode::NO_CONTENT, body: Value::Null })
    }

    /// The app id, if it is that of the agent's own app and the agent may consent in the customer's tenant.
    fn check_consenting(
        &self,
        request: &PartnerCenterRequest<'_>,
        agent: &Agent,
        customer: usize,
        app_id: &str,
    ) -> Result<String, PartnerCenterError> {
        let app_id = Uuid::parse_str(app_id)
            .map_err(|_| PartnerCenterError::bad_request("The applicationId is missing or is no GUID."))?
            .to_string();
        if !eq_ignore_case(&app_id, &agent.app_id) {
            return Err(PartnerCenterError::bad_request(
                "The applicationId is not that of the application of the token.",
            ));
        }
        let roles = self.guest_roles(customer, request.tenant, &agent.user_id);
        if !roles.iter().any(|granted| CONSENTING_ROLES.contains(&granted.as_str())) {
            return Err(PartnerCenterError::forbidden());
        }
        Ok(app_id)
    }

    /// The grants of a consent: for each API its scopes, separated by commas.
    fn requested_grants(&self, customer: usize, body: &Value) -> Result<Vec<RequestedGrant>, PartnerCenterError> {
        let requested = items(body, "applicationGrants");
        if requested.is_empty() {
            return Err(PartnerCenterError::bad_request("The applicationGrants are missing."));
        }
        let directory = &self[customer].directory;
        let mut grants: Vec<RequestedGrant> = Vec::new();
        for grant in requested {
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

    /// Creates an object in the customer's tenant with the service's own rights, and returns its id.
    fn create_in(
        &mut self,
        request: &PartnerCenterRequest<'_>,
        tenant: usize,
        kind: ObjectKind,
        body: Value,
    ) -> Result<String, PartnerCenterError> {
        let response =
            self.perform(tenant, Operation::Create(kind), &mut Call::internal(request.now, request.wall, body))?;
        match &response.body {
            Body::Json(created) => Ok(text(created, "id").to_owned()),
            _ => Ok(String::new()),
        }
    }
}

/// Parses an id of the directory, which is a GUID.
fn guid(id: &str) -> Uuid {
    Uuid::parse_str(id).unwrap_or_default()
}
