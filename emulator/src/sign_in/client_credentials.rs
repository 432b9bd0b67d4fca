//! Apps that sign in for themselves.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::claims::{self, LIFETIME};
use super::client::ClientApp;
use super::credential::Proof;
use super::error::{SignInError, SignInResult};
use super::form::Form;
use super::resource::Resource;
use super::{Asking, answer};
use crate::call::Identity;
use crate::json::{items, same, text};
use crate::world::World;

impl World {
    pub(super) fn client_credentials(&mut self, asking: &Asking<'_>, form: &Form) -> SignInResult<Value> {
        let client_id = form.required("client_id")?;
        let at = self.tenant_of_an_app(asking)?;
        let name = scope(form.required("scope")?)?;
        let (token, _) = self.sign_in_app(asking, form, at, client_id, name)?;
        let seconds = LIFETIME.whole_seconds();
        Ok(json!({
            "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token
        }))
    }

    /// Answers `POST /{tenant}/oauth2/token`, where numbers are texts and an API is a `resource`.
    pub(super) fn token_v1(&mut self, asking: &Asking<'_>) -> SignInResult<Response<Bytes>> {
        let form = asking.posted()?;
        let grant_type = form.required("grant_type")?;
        if grant_type != "client_credentials" {
            let what = format!("the grant type '{grant_type}' of version 1.0");
            return Err(SignInError::not_implemented("unsupported_grant_type", &what));
        }
        let client_id = form.required("client_id")?;
        let at = self.tenant_of_an_app(asking)?;
        let name = form.required("resource")?;
        let (token, resource) = self.sign_in_app(asking, &form, at, client_id, name)?;
        let seconds = LIFETIME.whole_seconds().to_string();
        let body = json!({
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "expires_on": (asking.wall + LIFETIME).unix_timestamp().to_string(),
            "not_before": asking.wall.unix_timestamp().to_string(),
            "resource": resource.audience,
            "access_token": token,
        });
        Ok(answer::json_response(StatusCode::OK, &body))
    }

    /// An app signs in to one tenant, not to whichever a person comes from.
    fn tenant_of_an_app(&self, asking: &Asking<'_>) -> SignInResult<usize> {
        if ["common", "organizations", "consumers"].iter().any(|shared| asking.tenant.eq_ignore_ascii_case(shared)) {
            let message = "The grant type is not supported over the /common or /consumers endpoints. Please use the \
                /organizations or tenant-specific endpoint.";
            return Err(SignInError::invalid_request(9_001_023, message));
        }
        self.named(asking)
    }

    fn sign_in_app(
        &mut self,
        asking: &Asking<'_>,
        form: &Form,
        at: usize,
        client_id: &str,
        api: &str,
    ) -> SignInResult<(String, Resource)> {
        let view = asking.view(&self[at].directory);
        let client = self.client(at, client_id, view)?;
        if client.service_principal.is_none() {
            let message = format!(
                "The client application '{client_id}' is missing service principal in the tenant '{}'.",
                self[at].directory.tenant_id
            );
            return Err(SignInError::new("unauthorized_client", 7_000_229, message).status(StatusCode::UNAUTHORIZED));
        }
        let Some(proof) = self.authenticate(asking, form, at, &client)? else {
            let message = "'client_assertion', 'client_secret' or 'request' is required for the \
                'client_credentials' grant type.";
            return Err(SignInError::invalid_client(7_000_216, message));
        };
        let resource = self.resource(at, Some(api), view)?;
        let (roles, is_assigned) = self.app_roles(asking, at, client.principal_id(), &resource);
        if resource.service_principal["appRoleAssignmentRequired"] == true && !is_assigned {
            let message = format!(
                "Application '{client_id}'({}) is not assigned to a role for the application '{}'({}).",
                client.name,
                resource.audience,
                text(&resource.service_principal, "displayName")
            );
            return Err(SignInError::invalid_grant(501_051, message));
        }
        Ok((self.issue_to_app(asking, at, &client, proof, roles, &resource), resource))
    }

    /// The values of the app roles that a principal holds on an API, and whether it holds any role there at all.
    pub(super) fn app_roles(
        &self,
        asking: &Asking<'_>,
        at: usize,
        principal: &str,
        resource: &Resource,
    ) -> (Vec<String>, bool) {
        let directory = &self[at].directory;
        let held = directory.assignments.seen_having("principalId", principal, asking.view(directory));
        let held: Vec<_> = held.iter().filter(|held| text(&held.value, "resourceId") == resource.id()).collect();
        let value = |held: &Value| {
            let roles = items(&resource.service_principal, "appRoles").iter();
            roles.filter(|role| same(text(role, "id"), text(held, "appRoleId"))).map(|role| text(role, "value")).next()
        };
        let values = held.iter().filter_map(|held| value(&held.value)).filter(|value| !value.is_empty());
        (values.map(str::to_owned).collect(), !held.is_empty())
    }

    fn issue_to_app(
        &mut self,
        asking: &Asking<'_>,
        at: usize,
        client: &ClientApp,
        proof: Proof,
        roles: Vec<String>,
        resource: &Resource,
    ) -> String {
        let directory = &self[at].directory;
        let oid = client.principal_id();
        let identity = Identity {
            app_id: client.app_id.clone(),
            service_principal_id: oid.to_owned(),
            roles,
            wids: directory.roles.get(oid).cloned().unwrap_or_default(),
            person: None,
        };
        let claims = claims::of_app(client, &identity, directory, resource, proof, asking);
        let token = claims::compact(&claims, directory);
        self[at].tokens.keep(&token, identity, resource, asking.wall);
        token
    }
}

/// The API that the one scope of an app names.
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
