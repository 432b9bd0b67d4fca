//! Admin consent: creates the app's service principal, and grants application permissions, and delegated permissions
//! for all users.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-admin-consent>

use bytes::Bytes;
use http::Response;

use super::account_picker::error_page;
use super::authorize::{cancelled, redirect_with_error};
use super::client_app::ClientApp;
use super::delegated_permissions::{CONSENTING_ROLES, permission};
use super::error::{SignInError, SignInResult};
use super::form::Form;
use super::redirect::{Redirect, ResponseMode};
use super::resource::Resource;
use super::response::escape;
use super::scopes::Scopes;
use super::signed_in_user::SignedInUser;
use super::{SignInRequest, Tenancy};
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, items, text};
use crate::graph::authorize::role;

/// The permissions of one API that an app requests from an administrator.
struct RequestedPermissions {
    resource: Resource,
    /// Application permissions, by id.
    roles: Vec<String>,
    /// Delegated permissions, by value.
    scopes: Vec<String>,
}

impl CloudState {
    /// Handles `/{tenant}/v2.0/adminconsent`, and `/{tenant}/adminconsent`, which has no scope.
    pub(super) fn admin_consent(&mut self, request: &SignInRequest<'_>, is_version_2: bool) -> Response<Bytes> {
        let form = request.browser_form();
        if is_version_2 && request.tenant_name.eq_ignore_ascii_case("common") {
            let message = "The endpoint does not support the tenant 'common'. Use 'organizations' or a tenant.";
            return error_page(&SignInError::invalid_request(90130, message), request);
        }
        let required = |name| form.required(name).map(drop);
        let complete = if is_version_2 { required("redirect_uri").and_then(|()| required("scope")) } else { Ok(()) };
        let found = complete.and_then(|()| self.client_and_redirect(request, &form, form.optional("redirect_uri")));
        let (tenancy, client, redirect) = match found {
            Ok(found) => found,
            Err(error) => return error_page(&error, request),
        };
        let Some(account) = self.browser_account(request, &form) else {
            if self.is_cancelled(&form) {
                return self.consent_refused(request, &form, &redirect, None, &cancelled());
            }
            let first = match tenancy {
                Tenancy::One(tenant) => tenant,
                Tenancy::Any => request.tenant,
            };
            let title = format!("{} asks for permissions", client.name);
            let requested = self.requested_permissions(request, &form, first, &client, is_version_2);
            return self.account_picker_page(
                first,
                &title,
                &requested.map_or_else(|_| String::new(), |it| permission_list(&it)),
                &form,
            );
        };
        let tenant = match tenancy {
            Tenancy::One(tenant) => tenant,
            Tenancy::Any => account.home,
        };
        let user = self.client(tenant, &client.app_id, request.without_lag()).and_then(|client| {
            let user = self.signed_in_user(tenant, &account, &client)?;
            Ok((client, user))
        });
        let (client, user) = match user {
            Ok(found) => found,
            Err(error) => return error_page(&error, request),
        };
        match self.consent_for_all(request, &form, tenant, client, &user, is_version_2) {
            Ok(scope) => {
                let tenant_id = self[tenant].directory.tenant_id.to_string();
                let state = form.optional("state").unwrap_or_default().to_owned();
                let admin = ("admin_consent", "True".to_owned());
                let scope = ("scope", if is_version_2 { scope } else { String::new() });
                redirect.respond(ResponseMode::Query, &[admin, ("tenant", tenant_id), ("state", state), scope])
            }
            Err(error) => self.consent_refused(request, &form, &redirect, Some(tenant), &error),
        }
    }

    /// Sends the browser back with an error; the parameter `admin_consent` is part of it too.
    pub(super) fn consent_refused(
        &self,
        request: &SignInRequest<'_>,
        form: &Form,
        redirect: &Redirect,
        tenant: Option<usize>,
        error: &SignInError,
    ) -> Response<Bytes> {
        let tenant_id = tenant.map(|tenant| self[tenant].directory.tenant_id.to_string()).unwrap_or_default();
        let more = [("admin_consent", "True".to_owned()), ("tenant", tenant_id)];
        redirect_with_error(request, form, redirect, ResponseMode::Query, error, &more)
    }

    /// Grants the requested permissions, and returns them as scopes.
    fn consent_for_all(
        &mut self,
        request: &SignInRequest<'_>,
        form: &Form,
        tenant: usize,
        mut client: ClientApp,
        user: &SignedInUser,
        is_version_2: bool,
    ) -> SignInResult<String> {
        let requested = self.requested_permissions(request, form, tenant, &client, is_version_2)?;
        if self.is_cancelled(form) {
            return Err(cancelled());
        }
        check_administrator(user, &client, &requested)?;
        let moment = request.moment();
        self.install(moment, tenant, &mut client)?;
        for RequestedPermissions { resource, roles, scopes } in &requested {
            for role in roles {
                self.assign(moment, tenant, &client, resource, role)?;
            }
            if !scopes.is_empty() {
                self.grant_delegated(moment, tenant, &mut client, resource, scopes, None)?;
            }
        }
        let shown = requested.iter().flat_map(|requested| {
            let prefix = match requested.resource.is_graph() {
                true => "https://graph.microsoft.com/".to_owned(),
                false => format!("{}/", requested.resource.audience),
            };
            let default = (!requested.roles.is_empty()).then(|| ".default".to_owned());
            let all = requested.scopes.iter().cloned().chain(default);
            all.map(move |scope| format!("{prefix}{scope}")).collect::<Vec<_>>()
        });
        Ok(shown.collect::<Vec<_>>().join(" "))
    }

    /// The permissions that the request asks for.
    fn requested_permissions(
        &self,
        request: &SignInRequest<'_>,
        form: &Form,
        tenant: usize,
        client: &ClientApp,
        is_version_2: bool,
    ) -> SignInResult<Vec<RequestedPermissions>> {
        let Some(scope) = form.optional("scope").filter(|_| is_version_2) else {
            return self.declared_permissions(request, tenant, client);
        };
        let scopes = Scopes::parse(scope)?;
        match scopes.apis.iter().any(|api| api.is_default) {
            true => self.declared_permissions(request, tenant, client),
            false => self.permissions_in_scope(request, tenant, client, &scopes),
        }
    }

    /// The permissions that an app declares in its registration, of every API.
    fn declared_permissions(
        &self,
        request: &SignInRequest<'_>,
        tenant: usize,
        client: &ClientApp,
    ) -> SignInResult<Vec<RequestedPermissions>> {
        let declared = items(&client.application, "requiredResourceAccess");
        let malformed = || {
            let message = "Misconfigured required resource access in client application registration.";
            SignInError::new("access_denied", 1_003_031, message)
        };
        if declared.iter().all(|api| items(api, "resourceAccess").is_empty()) {
            return Err(malformed());
        }
        let mut requested = Vec::new();
        for api in declared {
            let app_id = text(api, "resourceAppId");
            let resource = self.resource(tenant, Some(app_id), request.without_lag()).map_err(|_| {
                let message = format!(
                    "The app needs access to a service ('{app_id}') that your organization '{}' has not subscribed to \
                        or enabled. Contact your IT Admin to review the configuration of your service subscriptions.",
                    self[tenant].directory.display_name
                );
                SignInError::new("invalid_client", 650_052, message)
            })?;
            let mut of_api = RequestedPermissions { resource, roles: Vec::new(), scopes: Vec::new() };
            for access in items(api, "resourceAccess") {
                let id = text(access, "id");
                let of_roles = items(&of_api.resource.service_principal, "appRoles").iter();
                let is_role =
                    of_roles.filter(|role| role["isEnabled"] != false).any(|role| eq_ignore_case(text(role, "id"), id));
                let scope = permission(&of_api.resource, |known| eq_ignore_case(text(known, "id"), id));
                match (text(access, "type"), scope) {
                    ("Role", _) if is_role => of_api.roles.push(id.to_owned()),
                    ("Scope", Some(scope)) => of_api.scopes.push(text(scope, "value").to_owned()),
                    _ => {
                        let message = format!(
                            "The application '{}' asked for permission '{id}' that doesn't exist on the resource \
                                '{app_id}'. Contact the app vendor.",
                            client.name
                        );
                        return Err(SignInError::new("invalid_client", 650_053, message));
                    }
                }
            }
            requested.push(of_api);
        }
        Ok(requested)
    }

    /// The delegated permissions that the scope of a request lists.
    fn permissions_in_scope(
        &self,
        request: &SignInRequest<'_>,
        tenant: usize,
        client: &ClientApp,
        scopes: &Scopes,
    ) -> SignInResult<Vec<RequestedPermissions>> {
        let mut requested = Vec::new();
        for api in &scopes.apis {
            let resource = self.resource(tenant, api.name.as_deref(), request.without_lag())?;
            let mut found = Vec::new();
            for scope in &api.permissions {
                let known =
                    permission(&resource, |known| eq_ignore_case(text(known, "value"), scope)).ok_or_else(|| {
                        let message = format!(
                            "The application '{}' asked for scope '{scope}' that doesn't exist on the resource '{}'. \
                            Contact the app vendor.",
                            client.name,
                            resource.app_id()
                        );
                        SignInError::new("invalid_client", 650_053, message)
                    })?;
                found.push(text(known, "value").to_owned());
            }
            requested.push(RequestedPermissions { resource, roles: Vec::new(), scopes: found });
        }
        if requested.is_empty() {
            let resource = self.resource(tenant, None, request.without_lag())?;
            requested.push(RequestedPermissions { resource, roles: Vec::new(), scopes: vec!["openid".to_owned()] });
        }
        Ok(requested)
    }
}

/// The requested permissions as an HTML list.
fn permission_list(requested: &[RequestedPermissions]) -> String {
    let mut list = String::new();
    for RequestedPermissions { resource, roles, scopes } in requested {
        let api = escape(text(&resource.service_principal, "displayName"));
        let roles = items(&resource.service_principal, "appRoles").iter().filter(|role| {
            let id = text(role, "id");
            roles.iter().any(|requested| eq_ignore_case(requested, id))
        });
        let roles = roles.map(|role| (text(role, "value"), "for the app itself"));
        let scopes = scopes.iter().map(|scope| (scope.as_str(), "for whoever is signed in"));
        list.extend(roles.chain(scopes).map(|(name, whose)| format!("<li>{api}: {} ({whose})</li>\n", escape(name))));
    }
    format!("<ul>\n{list}</ul>\n<p>Who signs in here accepts this for the whole organization.</p>\n")
}

/// Refuses a user without a role that can consent: application permissions of Microsoft Graph need a higher one.
/// <https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent>
fn check_administrator(
    user: &SignedInUser,
    client: &ClientApp,
    requested: &[RequestedPermissions],
) -> SignInResult<()> {
    let holds = |roles: &[&str]| user.roles.iter().any(|user_role| roles.contains(&user_role.as_str()));
    let has_highest_role = holds(&[role::GLOBAL_ADMINISTRATOR, role::PRIVILEGED_ROLE_ADMINISTRATOR]);
    let needs_highest_role =
        requested.iter().any(|requested| requested.resource.is_graph() && !requested.roles.is_empty());
    if has_highest_role || (holds(&CONSENTING_ROLES) && !needs_highest_role) {
        return Ok(());
    }
    let message = format!(
        "{} needs permission to access resources in your organization that only an admin can grant. Please ask an \
            admin to grant permission to this app before you can use it.",
        client.name
    );
    Err(SignInError::new("access_denied", 90094, message))
}
