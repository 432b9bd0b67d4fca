//! Administrators who consent for everybody: the service principal of the app, its application permissions, and its
//! delegated permissions for all.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-admin-consent>

use bytes::Bytes;
use http::Response;

use super::account_picker::error_page;
use super::authorize::{cancelled, go_back};
use super::client_app::ClientApp;
use super::delegated_permissions::{CONSENTING, permission};
use super::error::{SignInError, SignInResult};
use super::form::Form;
use super::redirect::{Redirect, ResponseMode};
use super::resource::Resource;
use super::response::escape;
use super::scopes::Scopes;
use super::signed_in_user::SignedInUser;
use super::{SignInRequest, Tenancy};
use crate::authorize::role;
use crate::cloud_state::CloudState;
use crate::json::{items, same, text};

/// A permission that an app asks an administrator for.
struct RequestedPermissions {
    resource: Resource,
    /// Application permissions, by id.
    roles: Vec<String>,
    /// Delegated permissions, by value.
    scopes: Vec<String>,
}

impl CloudState {
    /// Answers `/{tenant}/v2.0/adminconsent`, and `/{tenant}/adminconsent`, which takes no scope.
    pub(super) fn admin_consent(&mut self, asking: &SignInRequest<'_>, is_version_2: bool) -> Response<Bytes> {
        let form = asking.browsed();
        if is_version_2 && asking.tenant.eq_ignore_ascii_case("common") {
            let message = "The endpoint does not support the tenant 'common'. Use 'organizations' or a tenant.";
            return error_page(&SignInError::invalid_request(90130, message), asking);
        }
        let required = |name| form.required(name).map(drop);
        let complete = if is_version_2 { required("redirect_uri").and_then(|()| required("scope")) } else { Ok(()) };
        let found = complete.and_then(|()| self.way_back(asking, &form, form.optional("redirect_uri")));
        let (tenancy, client, redirect) = match found {
            Ok(found) => found,
            Err(error) => return error_page(&error, asking),
        };
        let Some(account) = self.before_the_browser(asking, &form) else {
            if self.is_cancelled(&form) {
                return self.consent_refused(asking, &form, &redirect, None, &cancelled());
            }
            let first = match tenancy {
                Tenancy::One(at) => at,
                Tenancy::Any => asking.at,
            };
            let title = format!("{} asks for permissions", client.name);
            let wanted = self.wanted(asking, &form, first, &client, is_version_2);
            return self.choose_person(first, &title, &wanted.map_or_else(|_| String::new(), |it| shown(&it)), &form);
        };
        let at = match tenancy {
            Tenancy::One(at) => at,
            Tenancy::Any => account.home,
        };
        let who = self.client(at, &client.app_id, asking.without_lag()).and_then(|client| {
            let who = self.who(at, &account, &client)?;
            Ok((client, who))
        });
        let (client, who) = match who {
            Ok(found) => found,
            Err(error) => return error_page(&error, asking),
        };
        match self.consent_for_all(asking, &form, at, client, &who, is_version_2) {
            Ok(scope) => {
                let tenant = self[at].directory.tenant_id.to_string();
                let state = form.optional("state").unwrap_or_default().to_owned();
                let admin = ("admin_consent", "True".to_owned());
                let scope = ("scope", if is_version_2 { scope } else { String::new() });
                redirect.respond(ResponseMode::Query, &[admin, ("tenant", tenant), ("state", state), scope])
            }
            Err(error) => self.consent_refused(asking, &form, &redirect, Some(at), &error),
        }
    }

    /// That somebody tried to consent is said also of what was refused.
    pub(super) fn consent_refused(
        &self,
        asking: &SignInRequest<'_>,
        form: &Form,
        redirect: &Redirect,
        at: Option<usize>,
        error: &SignInError,
    ) -> Response<Bytes> {
        let tenant = at.map(|at| self[at].directory.tenant_id.to_string()).unwrap_or_default();
        let more = [("admin_consent", "True".to_owned()), ("tenant", tenant)];
        go_back(asking, form, redirect, ResponseMode::Query, error, &more)
    }

    /// Grants what was asked for, and tells it as scopes.
    fn consent_for_all(
        &mut self,
        asking: &SignInRequest<'_>,
        form: &Form,
        at: usize,
        mut client: ClientApp,
        who: &SignedInUser,
        is_version_2: bool,
    ) -> SignInResult<String> {
        let wanted = self.wanted(asking, form, at, &client, is_version_2)?;
        if self.is_cancelled(form) {
            return Err(cancelled());
        }
        check_administrator(who, &client, &wanted)?;
        let moment = asking.moment();
        self.install(moment, at, &mut client)?;
        for RequestedPermissions { resource, roles, scopes } in &wanted {
            for role in roles {
                self.assign(moment, at, &client, resource, role)?;
            }
            if !scopes.is_empty() {
                self.grant_delegated(moment, at, &mut client, resource, scopes, None)?;
            }
        }
        let shown = wanted.iter().flat_map(|wanted| {
            let prefix = match wanted.resource.is_graph() {
                true => "https://graph.microsoft.com/".to_owned(),
                false => format!("{}/", wanted.resource.audience),
            };
            let default = (!wanted.roles.is_empty()).then(|| ".default".to_owned());
            let all = wanted.scopes.iter().cloned().chain(default);
            all.map(move |scope| format!("{prefix}{scope}")).collect::<Vec<_>>()
        });
        Ok(shown.collect::<Vec<_>>().join(" "))
    }

    /// What a link asks for.
    fn wanted(
        &self,
        asking: &SignInRequest<'_>,
        form: &Form,
        at: usize,
        client: &ClientApp,
        is_version_2: bool,
    ) -> SignInResult<Vec<RequestedPermissions>> {
        let Some(scope) = form.optional("scope").filter(|_| is_version_2) else {
            return self.declared_by(asking, at, client);
        };
        let scopes = Scopes::parse(scope)?;
        match scopes.apis.iter().any(|api| api.is_default) {
            true => self.declared_by(asking, at, client),
            false => self.asked_by(asking, at, client, &scopes),
        }
    }

    /// Everything that an app asks for in its registration, of every API.
    fn declared_by(
        &self,
        asking: &SignInRequest<'_>,
        at: usize,
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
        let mut wanted = Vec::new();
        for api in declared {
            let app_id = text(api, "resourceAppId");
            let resource = self.resource(at, Some(app_id), asking.without_lag()).map_err(|_| {
                let message = format!(
                    "The app needs access to a service ('{app_id}') that your organization '{}' has not subscribed to \
                        or enabled. Contact your IT Admin to review the configuration of your service subscriptions.",
                    self[at].directory.display_name
                );
                SignInError::new("invalid_client", 650_052, message)
            })?;
            let mut of_api = RequestedPermissions { resource, roles: Vec::new(), scopes: Vec::new() };
            for access in items(api, "resourceAccess") {
                let id = text(access, "id");
                let of_roles = items(&of_api.resource.service_principal, "appRoles").iter();
                let is_role = of_roles.filter(|role| role["isEnabled"] != false).any(|role| same(text(role, "id"), id));
                let scope = permission(&of_api.resource, |known| same(text(known, "id"), id));
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
            wanted.push(of_api);
        }
        Ok(wanted)
    }

    /// Delegated permissions that a link names one by one.
    fn asked_by(
        &self,
        asking: &SignInRequest<'_>,
        at: usize,
        client: &ClientApp,
        scopes: &Scopes,
    ) -> SignInResult<Vec<RequestedPermissions>> {
        let mut wanted = Vec::new();
        for api in &scopes.apis {
            let resource = self.resource(at, api.name.as_deref(), asking.without_lag())?;
            let mut found = Vec::new();
            for scope in &api.permissions {
                let known = permission(&resource, |known| same(text(known, "value"), scope)).ok_or_else(|| {
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
            wanted.push(RequestedPermissions { resource, roles: Vec::new(), scopes: found });
        }
        if wanted.is_empty() {
            let resource = self.resource(at, None, asking.without_lag())?;
            wanted.push(RequestedPermissions { resource, roles: Vec::new(), scopes: vec!["openid".to_owned()] });
        }
        Ok(wanted)
    }
}

/// What is asked for, as a list for a person.
fn shown(wanted: &[RequestedPermissions]) -> String {
    let mut list = String::new();
    for RequestedPermissions { resource, roles, scopes } in wanted {
        let api = escape(text(&resource.service_principal, "displayName"));
        let roles = items(&resource.service_principal, "appRoles").iter().filter(|role| {
            let id = text(role, "id");
            roles.iter().any(|wanted| same(wanted, id))
        });
        let roles = roles.map(|role| (text(role, "value"), "for the app itself"));
        let scopes = scopes.iter().map(|scope| (scope.as_str(), "for whoever is signed in"));
        list.extend(roles.chain(scopes).map(|(name, whose)| format!("<li>{api}: {} ({whose})</li>\n", escape(name))));
    }
    format!("<ul>\n{list}</ul>\n<p>Who signs in here accepts this for the whole organization.</p>\n")
}

/// Application permissions of Microsoft Graph need a higher role than all else.
/// <https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent>
fn check_administrator(who: &SignedInUser, client: &ClientApp, wanted: &[RequestedPermissions]) -> SignInResult<()> {
    let holds = |roles: &[&str]| who.roles.iter().any(|held| roles.contains(&held.as_str()));
    let is_highest = holds(&[role::GLOBAL_ADMINISTRATOR, role::PRIVILEGED_ROLE_ADMINISTRATOR]);
    let wants_highest = wanted.iter().any(|wanted| wanted.resource.is_graph() && !wanted.roles.is_empty());
    if is_highest || (holds(&CONSENTING) && !wants_highest) {
        return Ok(());
    }
    let message = format!(
        "{} needs permission to access resources in your organization that only an admin can grant. Please ask an \
            admin to grant permission to this app before you can use it.",
        client.name
    );
    Err(SignInError::new("access_denied", 90094, message))
}
