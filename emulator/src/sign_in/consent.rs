//! The effects of a consent: grants, assignments, and the service principal of the app if it is missing.

use serde_json::{Value, json};

use super::client_app::ClientApp;
use super::error::{SignInError, SignInResult};
use super::resource::Resource;
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, text};
use crate::data::moment::Moment;
use crate::data::object_kind::ObjectKind;
use crate::graph::call::Call;
use crate::graph::response::GraphError;
use crate::graph::route::{AssignmentSide, ObjectKey, Operation};

impl CloudState {
    /// Adds delegated permissions to those already granted: for one user, or for all.
    pub(super) fn grant_delegated(
        &mut self,
        moment: Moment,
        tenant: usize,
        client: &mut ClientApp,
        resource: &Resource,
        scopes: &[String],
        principal: Option<&str>,
    ) -> SignInResult<()> {
        self.install(moment, tenant, client)?;
        let client_id = client.principal_id().to_owned();
        let known = self[tenant].directory.grants.find_by("clientId", &client_id).map(|(_, grant)| grant);
        let known = known
            .filter(|grant| text(grant, "resourceId") == resource.id() && grant["principalId"].as_str() == principal);
        let known = known.map(|grant| (text(grant, "id").to_owned(), text(grant, "scope").to_owned())).next();
        let existing = known.as_ref().map(|(_, scope)| scope.clone()).unwrap_or_default();
        let mut all: Vec<&str> = existing.split_whitespace().collect();
        for scope in scopes {
            if !all.iter().any(|existing| eq_ignore_case(existing, scope)) {
                all.push(scope);
            }
        }
        let scope = all.join(" ");
        match known {
            Some((_, existing)) if existing == scope => return Ok(()),
            Some((id, _)) => self.write(moment, tenant, Operation::UpdateGrant(id), json!({"scope": scope})),
            None => {
                let body = json!({
                    "clientId": client_id,
                    "consentType": if principal.is_some() { "Principal" } else { "AllPrincipals" },
                    "principalId": principal,
                    "resourceId": resource.id(),
                    "scope": scope,
                });
                self.write(moment, tenant, Operation::Create(ObjectKind::Grant), body)
            }
        }
        .map_err(|error| failed(&error))
    }

    /// Assigns an application permission unless it is already assigned.
    pub(super) fn assign(
        &mut self,
        moment: Moment,
        tenant: usize,
        client: &ClientApp,
        resource: &Resource,
        role_id: &str,
    ) -> SignInResult<()> {
        let id = client.principal_id().to_owned();
        let mut existing = self[tenant].directory.assignments.find_by("principalId", &id).map(|(_, existing)| existing);
        let is_assigned = existing.any(|existing| {
            text(existing, "resourceId") == resource.id() && eq_ignore_case(text(existing, "appRoleId"), role_id)
        });
        if is_assigned {
            return Ok(());
        }
        let body = json!({"principalId": id, "resourceId": resource.id(), "appRoleId": role_id});
        let operation =
            Operation::CreateAssignment(ObjectKind::ServicePrincipal, ObjectKey::Id(id), AssignmentSide::Principal);
        self.write(moment, tenant, operation, body).map_err(|error| failed(&error))
    }

    /// Creates the service principal of an app if it is missing.
    pub(super) fn install(&mut self, moment: Moment, tenant: usize, client: &mut ClientApp) -> SignInResult<()> {
        client.service_principal = self[tenant].directory.live_service_principal(&client.app_id).cloned();
        if client.service_principal.is_none() {
            let body = json!({"appId": client.app_id});
            let made = self.write(moment, tenant, Operation::Create(ObjectKind::ServicePrincipal), body);
            made.map_err(|error| failed(&error))?;
            client.service_principal = self[tenant].directory.live_service_principal(&client.app_id).cloned();
        }
        Ok(())
    }

    /// Carries out a Graph operation with the service's own rights.
    fn write(&mut self, moment: Moment, tenant: usize, operation: Operation, body: Value) -> Result<(), GraphError> {
        let mut call = Call::internal(moment.now, moment.wall, body);
        self.perform(tenant, operation, &mut call).map(drop)
    }
}

fn failed(error: &GraphError) -> SignInError {
    SignInError::new("invalid_client", 650_051, format!("The consent cannot be written down: {}", error.message()))
}
