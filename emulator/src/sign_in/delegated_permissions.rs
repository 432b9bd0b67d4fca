//! Delegated permissions: the ones granted, and the ones that still need consent.
//!
//! <https://learn.microsoft.com/entra/identity-platform/permissions-consent-overview>

use serde_json::Value;

use super::client_app::ClientApp;
use super::error::{SignInError, SignInResult};
use super::resource::Resource;
use super::scopes::{ApiScopes, Scopes};
use super::signed_in_user::SignedInUser;
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, items, text, texts};
use crate::data::moment::Moment;
use crate::data::object_store::ReplicaView;
use crate::graph::authorize::role;

/// The roles that may consent to any delegated permission.
/// <https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent>
pub(super) const CONSENTING_ROLES: [&str; 4] = [
    role::GLOBAL_ADMINISTRATOR,
    role::PRIVILEGED_ROLE_ADMINISTRATOR,
    role::APPLICATION_ADMINISTRATOR,
    role::CLOUD_APPLICATION_ADMINISTRATOR,
];

impl CloudState {
    /// The delegated permissions of an API that an app has for a user.
    pub(super) fn granted_scopes(
        &self,
        tenant: usize,
        client: &ClientApp,
        user: &SignedInUser,
        resource: &Resource,
        view: ReplicaView,
    ) -> Vec<String> {
        let mut granted: Vec<String> = Vec::new();
        let mut add = |scopes: &mut dyn Iterator<Item = &str>| {
            for scope in scopes {
                if !granted.iter().any(|known| eq_ignore_case(known, scope)) {
                    granted.push(scope.to_owned());
                }
            }
        };
        if let Some(app) = client.first_party {
            if resource.is_graph() {
                add(&mut app.preauthorized.iter().copied());
            } else if !app.is_dynamic && resource.is_microsoft() {
                add(&mut std::iter::once("user_impersonation"));
            }
        }
        for value in self.preauthorized(client, resource) {
            add(&mut std::iter::once(value.as_str()));
        }
        let client_id = client.principal_id();
        if !client_id.is_empty() {
            for grant in self[tenant].directory.grants.visible_by("clientId", client_id, view) {
                let is_for_user =
                    grant.value["principalId"].is_null() || text(&grant.value, "principalId") == user.delegated_user.id;
                if text(&grant.value, "resourceId") == resource.id() && is_for_user {
                    add(&mut text(&grant.value, "scope").split_whitespace().map(|scope| registered(resource, scope)));
                }
            }
        }
        granted
    }

    /// The delegated permissions for which an API has pre-authorized an app.
    fn preauthorized(&self, client: &ClientApp, resource: &Resource) -> Vec<String> {
        let registrars = self.registrars(resource.app_id());
        let applications =
            registrars.iter().flat_map(|index| self[*index].directory.applications.find_by("appId", resource.app_id()));
        let allowed = applications.flat_map(|(_, application)| items(&application["api"], "preAuthorizedApplications"));
        let allowed = allowed.filter(|allowed| eq_ignore_case(text(allowed, "appId"), &client.app_id));
        let ids = allowed.flat_map(|allowed| texts(allowed, "delegatedPermissionIds"));
        ids.filter_map(|id| permission(resource, |known| eq_ignore_case(text(known, "id"), id)))
            .map(|known| text(known, "value").to_owned())
            .collect()
    }

    /// The delegated permissions in a token: all that are granted, if they include all that are requested.
    pub(super) fn permissions_for_token(
        &self,
        tenant: usize,
        client: &ClientApp,
        user: &SignedInUser,
        requested: &ApiScopes,
        resource: &Resource,
        view: ReplicaView,
    ) -> SignInResult<Vec<String>> {
        let granted = self.granted_scopes(tenant, client, user, resource, view);
        let missing = missing_scopes(client, requested, resource, &granted)?;
        if !granted.is_empty() && missing.is_empty() {
            return Ok(granted);
        }
        if user.is_partner && granted.is_empty() {
            let message = format!(
                "The application '{}' has not been authorized in the tenant '{}'. Applications must be authorized to \
                    access the external tenant before partner delegated administrators can use them.",
                client.app_id, self[tenant].directory.tenant_id
            );
            return Err(SignInError::invalid_grant(90099, message));
        }
        Err(not_consented(client))
    }

    /// Lets a user consent to the missing permissions in a browser.
    pub(super) fn consent_interactively(
        &mut self,
        moment: Moment,
        tenant: usize,
        client: &mut ClientApp,
        user: &SignedInUser,
        scopes: &Scopes,
        forces_consent: bool,
    ) -> SignInResult<()> {
        let apis = if scopes.apis.is_empty() { vec![ApiScopes::default()] } else { scopes.apis.clone() };
        for requested in apis {
            let resource = self.resource(tenant, requested.name.as_deref(), moment.without_lag())?;
            let granted = self.granted_scopes(tenant, client, user, &resource, moment.without_lag());
            let mut missing = missing_scopes(client, &requested, &resource, &granted)?;
            if missing.is_empty() && granted.is_empty() {
                if client.first_party.is_some_and(|app| !app.is_dynamic) {
                    return Err(not_consented(client));
                }
                // To sign in needs a consent even if no permission of an API is requested.
                missing = vec!["openid".to_owned()];
            }
            let asks = forces_consent && client.first_party.is_none_or(|app| app.is_dynamic);
            if missing.is_empty() && !asks {
                continue;
            }
            if self.flows.declines_consent {
                return Err(SignInError::new("access_denied", 65004, "User declined to consent to access the app."));
            }
            if missing.is_empty() {
                continue;
            }
            if !may_consent(user, &resource, &missing) {
                let message = format!(
                    "An administrator of {} has set a policy that prevents you from granting {} the permissions it is \
                        requesting. Contact an administrator of {0}, who can grant permissions to this app on your \
                        behalf.",
                    self[tenant].directory.display_name, client.name
                );
                return Err(SignInError::new("access_denied", 90094, message));
            }
            let mut all = missing;
            all.extend(scopes.about_the_user().filter(|_| resource.is_graph()).map(str::to_owned));
            all.extend((scopes.offline_access && resource.is_graph()).then(|| "offline_access".to_owned()));
            self.grant_delegated(moment, tenant, client, &resource, &all, Some(&user.delegated_user.id))?;
        }
        Ok(())
    }
}

/// The requested permissions that are not granted.
fn missing_scopes(
    client: &ClientApp,
    requested: &ApiScopes,
    resource: &Resource,
    granted: &[String],
) -> SignInResult<Vec<String>> {
    let mut missing = Vec::new();
    for scope in &requested.permissions {
        if granted.iter().any(|known| eq_ignore_case(known, scope)) {
            continue;
        }
        if let Some(app) = client.first_party
            && (!app.is_dynamic || !resource.is_graph())
        {
            let message = format!(
                "Consent between first party application '{}' and first party resource '{}' must be configured via \
                    preauthorization - applications owned and operated by Microsoft must get approval from the API \
                    owner before requesting tokens for that API.",
                client.app_id,
                resource.app_id()
            );
            return Err(SignInError::invalid_request(65002, message));
        }
        let known = permission(resource, |known| eq_ignore_case(text(known, "value"), scope)).ok_or_else(|| {
            let message = format!(
                "The application '{}' asked for scope '{scope}' that doesn't exist on the resource '{}'. Contact the \
                    app vendor.",
                client.name,
                resource.app_id()
            );
            SignInError::new("invalid_client", 650_053, message)
        })?;
        missing.push(text(known, "value").to_owned());
    }
    if requested.is_default && granted.is_empty() {
        missing = declared(client, resource);
        if missing.is_empty() && client.first_party.is_none() {
            return Err(not_declared(client, resource));
        }
    }
    Ok(missing)
}

/// A delegated permission in the spelling of the API, which grants and requests may write in other case.
fn registered<'a>(resource: &'a Resource, scope: &'a str) -> &'a str {
    let known = permission(resource, |known| eq_ignore_case(text(known, "value"), scope));
    known.map_or(scope, |known| text(known, "value"))
}

/// An enabled delegated permission of an API.
pub(super) fn permission(resource: &Resource, matches: impl Fn(&Value) -> bool) -> Option<&Value> {
    let all = items(&resource.service_principal, "oauth2PermissionScopes").iter();
    all.filter(|known| known["isEnabled"] != false).find(|known| matches(known))
}

/// The delegated permissions of an API that an app declares in its registration.
fn declared(client: &ClientApp, resource: &Resource) -> Vec<String> {
    if client.first_party.is_some_and(|app| app.is_dynamic) && resource.is_graph() {
        return vec!["User.Read".to_owned()];
    }
    let apis = items(&client.application, "requiredResourceAccess").iter();
    let access = apis
        .filter(|api| eq_ignore_case(text(api, "resourceAppId"), resource.app_id()))
        .flat_map(|api| items(api, "resourceAccess"));
    access
        .filter(|access| text(access, "type") == "Scope")
        .filter_map(|access| permission(resource, |known| eq_ignore_case(text(known, "id"), text(access, "id"))))
        .map(|known| text(known, "value").to_owned())
        .collect()
}

fn not_declared(client: &ClientApp, resource: &Resource) -> SignInError {
    let message = format!(
        "Invalid resource. The client has requested access to a resource which is not listed in the requested \
            permissions in the client's application registration. Client app ID: {}({}). Resource value from request: \
            {}. Resource app ID: {}. List of valid resources from app registration: {}.",
        client.app_id,
        client.name,
        resource.audience,
        resource.app_id(),
        items(&client.application, "requiredResourceAccess")
            .iter()
            .map(|api| text(api, "resourceAppId"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    SignInError::new("invalid_resource", 650_057, message)
}

pub(super) fn not_consented(client: &ClientApp) -> SignInError {
    let message = format!(
        "The user or administrator has not consented to use the application with ID '{}' named '{}'. Send an \
            interactive authorization request for this user and resource.",
        client.app_id, client.name
    );
    SignInError::invalid_grant(65001, message).suberror("consent_required")
}

/// Whether a user may consent: to permissions that need no administrator, or as an administrator. A partner may not.
fn may_consent(user: &SignedInUser, resource: &Resource, scopes: &[String]) -> bool {
    let is_open = |scope: &String| {
        permission(resource, |known| eq_ignore_case(text(known, "value"), scope))
            .is_none_or(|known| text(known, "type") == "User")
    };
    let is_admin = || user.roles.iter().any(|role| CONSENTING_ROLES.contains(&role.as_str()));
    !user.is_partner && (scopes.iter().all(is_open) || is_admin())
}
