//! The client credentials flow: apps that sign in for themselves.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::claims::{self, ACCESS_TOKEN_LIFETIME};
use super::client_app::ClientApp;
use super::client_authentication::ClientAuthMethod;
use super::error::{SignInError, SignInResult};
use super::form::Form;
use super::resource::Resource;
use super::{SignInRequest, response};
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, items, text};
use crate::graph::call::Identity;

impl CloudState {
    pub(super) fn client_credentials(&mut self, request: &SignInRequest<'_>, form: &Form) -> SignInResult<Value> {
        let client_id = form.required("client_id")?;
        let tenant = self.tenant_for_app(request)?;
        let name = scope(form.required("scope")?)?;
        let (token, _) = self.sign_in_app(request, form, tenant, client_id, name)?;
        let seconds = ACCESS_TOKEN_LIFETIME.whole_seconds();
        Ok(json!({
            "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token
        }))
    }

    /// Handles `POST /{tenant}/oauth2/token`, where numbers are strings and the API is a `resource`.
    pub(super) fn token_v1(&mut self, request: &SignInRequest<'_>) -> SignInResult<Response<Bytes>> {
        let form = request.post_form()?;
        let grant_type = form.required("grant_type")?;
        if grant_type != "client_credentials" {
            let what = format!("the grant type '{grant_type}' of version 1.0");
            return Err(SignInError::not_implemented("unsupported_grant_type", &what));
        }
        let client_id = form.required("client_id")?;
        let tenant = self.tenant_for_app(request)?;
        let name = form.required("resource")?;
        let (token, resource) = self.sign_in_app(request, &form, tenant, client_id, name)?;
        let seconds = ACCESS_TOKEN_LIFETIME.whole_seconds().to_string();
        let body = json!({
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "expires_on": (request.wall + ACCESS_TOKEN_LIFETIME).unix_timestamp().to_string(),
            "not_before": request.wall.unix_timestamp().to_string(),
            "resource": resource.audience,
            "access_token": token,
        });
        Ok(response::json_response(StatusCode::OK, &body))
    }

    /// The tenant of the request: an app must name one.
    fn tenant_for_app(&self, request: &SignInRequest<'_>) -> SignInResult<usize> {
        if ["common", "organizations", "consumers"]
            .iter()
            .any(|shared| request.tenant_name.eq_ignore_ascii_case(shared))
        {
            let message = "The grant type is not supported over the /common or /consumers endpoints. Please use the \
                /organizations or tenant-specific endpoint.";
            return Err(SignInError::invalid_request(9_001_023, message));
        }
        self.tenant_by_name(request)
    }

    fn sign_in_app(
        &mut self,
        request: &SignInRequest<'_>,
        form: &Form,
        tenant: usize,
        client_id: &str,
        api: &str,
    ) -> SignInResult<(String, Resource)> {
        let view = request.view(&self[tenant].directory);
        let client = self.client(tenant, client_id, view)?;
        if client.service_principal.is_none() {
            let message = format!(
                "The client application '{client_id}' is missing service principal in the tenant '{}'.",
                self[tenant].directory.tenant_id
            );
            return Err(SignInError::new("unauthorized_client", 7_000_229, message).status(StatusCode::UNAUTHORIZED));
        }
        let Some(auth_method) = self.authenticate(request, form, tenant, &client)? else {
            let message = "'client_assertion', 'client_secret' or 'request' is required for the \
                'client_credentials' grant type.";
            return Err(SignInError::invalid_client(7_000_216, message));
        };
        let resource = self.resource(tenant, Some(api), view)?;
        let (roles, is_assigned) = self.app_roles(request, tenant, client.principal_id(), &resource);
        if resource.service_principal["appRoleAssignmentRequired"] == true && !is_assigned {
            let message = format!(
                "Application '{client_id}'({}) is not assigned to a role for the application '{}'({}).",
                client.name,
                resource.audience,
                text(&resource.service_principal, "displayName")
            );
            return Err(SignInError::invalid_grant(501_051, message));
        }
        Ok((self.issue_to_app(request, tenant, &client, auth_method, roles, &resource), resource))
    }

    /// The values of the app roles that a principal has on an API, and whether it has any assignment there at all.
    pub(super) fn app_roles(
        &self,
        request: &SignInRequest<'_>,
        tenant: usize,
        principal: &str,
        resource: &Resource,
    ) -> (Vec<String>, bool) {
        let directory = &self[tenant].directory;
        let assignments = directory.assignments.visible_by("principalId", principal, request.view(directory));
        let assignments: Vec<_> =
            assignments.iter().filter(|assignment| text(&assignment.value, "resourceId") == resource.id()).collect();
        let value = |assignment: &Value| {
            let roles = items(&resource.service_principal, "appRoles").iter();
            roles
                .filter(|role| eq_ignore_case(text(role, "id"), text(assignment, "appRoleId")))
                .map(|role| text(role, "value"))
                .next()
        };
        let values =
            assignments.iter().filter_map(|assignment| value(&assignment.value)).filter(|value| !value.is_empty());
        (values.map(str::to_owned).collect(), !assignments.is_empty())
    }

    fn issue_to_app(
        &mut self,
        request: &SignInRequest<'_>,
        tenant: usize,
        client: &ClientApp,
        auth_method: ClientAuthMethod,
        roles: Vec<String>,
        resource: &Resource,
    ) -> String {
        let directory = &self[tenant].directory;
        let oid = client.principal_id();
        let identity = Identity {
            app_id: client.app_id.clone(),
            service_principal_id: oid.to_owned(),
            roles,
            wids: directory.roles.get(oid).cloned().unwrap_or_default(),
            user: None,
        };
        let claims = claims::app_claims(client, &identity, directory, resource, auth_method, request);
        let token = claims::encode_jwt(&claims, directory);
        self[tenant].tokens.insert_token(&token, identity, resource, request.wall);
        token
    }
}

/// The API in the one scope of a client credentials request.
fn scope(scope: &str) -> SignInResult<&str> {
    let scopes: Vec<&str> = scope.split_whitespace().collect();
    let [scope] = scopes.as_slice() else {
        let message = format!(
            "The provided request must include a 'scope' input parameter. The provided value for the input \
                parameter 'scope' is not valid. The scope {scope} is not valid."
        );
        return Err(SignInError::new("invalid_scope", 70011, message));
    };
    let default = "/.default";
    let is_default = scope.to_lowercase().ends_with(default) && scope.len() > default.len();
    is_default.then(|| &scope[..scope.len() - default.len()]).ok_or_else(|| {
        let message = format!(
            "The provided value for scope {scope} is not valid. Client credential flows must have a scope value \
                with /.default suffixed to the resource identifier (application ID URI)."
        );
        SignInError::new("invalid_scope", 1_002_012, message)
    })
}
