//! What is to be done: a pure function of the registration and of what was seen.

use time::OffsetDateTime;

use crate::error::on_one_line;
use crate::ids::{AppId, AppRoleAssignmentId, OAuth2PermissionGrantId, ServicePrincipalId};
use crate::model::SignInAudience;
use crate::permission::PermissionKind;
use crate::provision::credential::ClientSecret;
use crate::provision::observed::{Application, Declared, Grant, Observed, Resolved};
use crate::provision::plan::{Line, Mark};
use crate::provision::redirect_uri::Platform;
use crate::provision::registration::{AppRegistration, ENTERPRISE_TAG};

/// What differs, as lines to read and as work to do.
#[derive(Debug, Default)]
pub(super) struct Diff {
    pub(super) lines: Vec<Line>,
    pub(super) todo: Todo,
}

/// The work, in the order in which it is done.
#[derive(Debug, Default)]
pub(super) struct Todo {
    pub(super) create: bool,
    pub(super) patch: Patch,
    pub(super) create_principal: bool,
    pub(super) principal_tags: Option<Vec<String>>,
    pub(super) secrets: Vec<ClientSecret>,
    pub(super) roles: Vec<Resolved>,
    pub(super) scopes: Vec<ScopeWork>,
    pub(super) surplus_roles: Vec<(ServicePrincipalId, AppRoleAssignmentId)>,
    pub(super) surplus_grants: Vec<OAuth2PermissionGrantId>,
}

/// The changed properties of the application; collections whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Patch {
    pub(super) key: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) audience: Option<SignInAudience>,
    pub(super) token_version: Option<i32>,
    pub(super) redirect_uris: Vec<(Platform, Vec<String>)>,
    pub(super) public_client_flows: Option<bool>,
    pub(super) declared: Option<Vec<Declared>>,
    pub(super) notes: Option<String>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) homepage: Option<String>,
    pub(super) logout_url: Option<String>,
    pub(super) locked: Option<bool>,
}

impl Patch {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The delegated permissions of one API: one grant, made or widened.
#[derive(Debug)]
pub(super) struct ScopeWork {
    pub(super) api: AppId,
    pub(super) existing: Option<OAuth2PermissionGrantId>,
    /// The whole new list.
    pub(super) scopes: Vec<String>,
}

/// Beyond the registration itself, what the caller said of this run.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Choices {
    pub(super) adopt: Option<AppId>,
    pub(super) create_another: bool,
    /// Names of secrets of which another is to be issued.
    pub(super) replace: Vec<String>,
    /// Secrets whose value the caller has.
    pub(super) held: Vec<crate::ids::KeyId>,
    /// Entra refused to give the adopted application the key.
    pub(super) key_refused: bool,
}

impl Diff {
    pub(super) fn between(
        registration: &AppRegistration,
        observed: &Observed,
        choices: &Choices,
        now: OffsetDateTime,
    ) -> Self {
        let mut diff = Self::default();
        diff.application(registration, observed, choices);
        let blank = blank(registration);
        let app = observed.application.as_ref().unwrap_or(&blank);
        diff.redirect_uris(registration, app);
        diff.settings(registration, app, observed.application.is_none());
        diff.declarations(registration, observed, app);
        diff.principal(registration, observed);
        diff.grants(registration, observed);
        diff.secrets(registration, app, choices, now);
        diff
    }

    fn line(&mut self, mark: Mark, code: impl Into<String>, text: impl Into<String>) -> &mut Line {
        // Names that others gave stand in it.
        let text = on_one_line(text.into());
        self.lines.push(Line { mark, code: code.into(), text, second_look: None });
        self.lines.last_mut().expect("a line was pushed")
    }

    /// One property: already so, set, or changed.
    fn property<T: PartialEq + ToString>(&mut self, code: &str, what: &str, wanted: &T, observed: Option<&T>) -> bool {
        match observed {
            Some(observed) if observed == wanted => {
                self.line(Mark::AlreadySo, code, format!("{what}: {}", wanted.to_string()));
                false
            }
            Some(observed) => {
                self.line(Mark::Change, code, format!("{what}: {} → {}", observed.to_string(), wanted.to_string()));
                true
            }
            None => {
                self.line(Mark::Add, code, format!("{what}: {}", wanted.to_string()));
                true
            }
        }
    }

    fn application(&mut self, registration: &AppRegistration, observed: &Observed, choices: &Choices) {
        let registered = format!("register the application “{}” (key {})", registration.display_name, registration.key);
        let Some(app) = &observed.application else {
            self.todo.create = true;
            self.line(Mark::Add, "registered", registered);
            self.line(
                Mark::Add,
                "audience",
                format!("supported account types: {}", registration.audience.portal_name()),
            );
            self.others(observed);
            return;
        };
        self.line(
            Mark::AlreadySo,
            "registered",
            format!("the application “{}” is registered, client id {}", app.display_name, app.app_id),
        );
        if app.key.as_deref() != Some(&registration.key) && !choices.key_refused {
            self.todo.patch.key = Some(registration.key.clone());
            self.line(Mark::Change, "key", format!("give the application the key {}", registration.key));
        }
        if self.property("display_name", "display name", &registration.display_name, Some(&app.display_name)) {
            self.todo.patch.display_name = Some(registration.display_name.clone());
        }
        let names = (registration.audience.portal_name(), app.audience.portal_name());
        if self.property("audience", "supported account types", &names.0, Some(&names.1)) {
            self.todo.patch.audience = Some(registration.audience.clone());
            if crate::provision::registration::allows_personal_accounts(&registration.audience)
                && app.token_version != Some(2)
            {
                // Entra takes this audience only together with tokens of version 2.
                self.todo.patch.token_version = Some(2);
            }
        }
        self.others(observed);
    }

    fn others(&mut self, observed: &Observed) {
        for other in &observed.same_name {
            let key = other.key.as_deref().map_or_else(|| "no key".to_owned(), |key| format!("key {key}"));
            self.line(
                Mark::LeftAlone,
                format!("same_name:{}", other.app_id),
                format!("another application has this display name: client id {}, {key}", other.app_id),
            );
        }
    }

    fn redirect_uris(&mut self, registration: &AppRegistration, app: &Application) {
        for uri in &registration.redirect_uris {
            let code = format!("redirect_uri:{}:{}", uri.platform.as_str(), uri.uri);
            let mark = if app.has_redirect_uri(uri) { Mark::AlreadySo } else { Mark::Add };
            self.line(mark, code, format!("redirect URI {uri}"));
        }
        for platform in [Platform::Web, Platform::Spa, Platform::PublicClient] {
            let observed = app.redirect_uris_of(platform);
            let wanted: Vec<_> =
                registration.redirect_uris.iter().filter(|uri| uri.platform == platform).map(|uri| &uri.uri).collect();
            let mut list = observed.clone();
            list.retain(|uri| !registration.exact || wanted.contains(&uri));
            list.extend(wanted.iter().filter(|uri| !observed.contains(uri)).map(|uri| (*uri).clone()));
            for surplus in observed.iter().filter(|uri| !wanted.contains(uri)) {
                self.surplus(
                    registration,
                    format!("redirect_uri:{}:{surplus}", platform.as_str()),
                    format!("redirect URI {surplus} ({})", platform.portal_name()),
                );
            }
            if list != observed {
                self.todo.patch.redirect_uris.push((platform, list));
            }
        }
    }

    fn surplus(&mut self, registration: &AppRegistration, code: String, what: String) {
        let mark = if registration.exact { Mark::Remove } else { Mark::LeftAlone };
        let text = if registration.exact { format!("remove {what}") } else { format!("{what}: not named here") };
        self.line(mark, format!("surplus:{code}"), text);
    }

    fn settings(&mut self, registration: &AppRegistration, app: &Application, created: bool) {
        let on = |value: bool| if value { "on" } else { "off" };
        if let Some(wanted) = registration.public_client_flows {
            let observed = (!created).then(|| on(app.public_client_flows.unwrap_or(false)));
            if self.property("public_client_flows", "allow public client flows", &on(wanted), observed.as_ref()) {
                self.todo.patch.public_client_flows = Some(wanted);
            }
        }
        let observed = (!created).then(|| on(app.locked));
        if let Some(wanted) = registration.locks_properties()
            && self.property("property_lock", "app instance property lock", &on(wanted), observed.as_ref())
        {
            self.todo.patch.locked = Some(wanted);
        }
        let texts = [
            ("notes", &registration.notes, &app.notes),
            ("homepage", &registration.homepage, &app.homepage),
            ("logout_url", &registration.logout_url, &app.logout_url),
        ];
        for (code, wanted, observed) in texts {
            let Some(wanted) = wanted else { continue };
            if self.property(code, &code.replace('_', " "), wanted, observed.as_ref()) {
                let place = match code {
                    "notes" => &mut self.todo.patch.notes,
                    "homepage" => &mut self.todo.patch.homepage,
                    _ => &mut self.todo.patch.logout_url,
                };
                *place = Some(wanted.clone());
            }
        }
        let missing: Vec<_> = registration.tags.iter().filter(|tag| !app.tags.contains(tag)).cloned().collect();
        for tag in &registration.tags {
            let mark = if missing.contains(tag) { Mark::Add } else { Mark::AlreadySo };
            self.line(mark, format!("tag:{tag}"), format!("tag {tag}"));
        }
        if !missing.is_empty() {
            self.todo.patch.tags = Some(app.tags.iter().cloned().chain(missing).collect());
        }
    }

    fn declarations(&mut self, registration: &AppRegistration, observed: &Observed, app: &Application) {
        let wanted: Vec<&Resolved> =
            registration.wanted_permissions().filter_map(|permission| observed.resolved(permission)).collect();
        let mut list: Vec<Declared> = app.declared.clone();
        for resolved in &wanted {
            let declared = resolved.declared();
            let there = app.declared.contains(&declared);
            let mark = if there { Mark::AlreadySo } else { Mark::Add };
            let line =
                self.line(mark, code("permission_declared", resolved), format!("declare {}", resolved.permission));
            line.second_look = resolved.permission.high_privilege().map(str::to_owned);
            if !list.contains(&declared) {
                list.push(declared);
            }
        }
        let is_wanted = |declared: &Declared| wanted.iter().any(|resolved| resolved.declared() == *declared);
        let surplus: Vec<_> = app.declared.iter().filter(|declared| !is_wanted(declared)).cloned().collect();
        for declared in surplus {
            let what = format!("declared permission {}", declared.describe());
            self.surplus(registration, format!("permission_declared:{}:{}", declared.id, declared.access), what);
        }
        if registration.exact {
            list.retain(is_wanted);
        }
        if list != app.declared {
            self.todo.patch.declared = Some(list);
        }
        for request in registration
            .permissions
            .iter()
            .filter(|request| !registration.wanted_permissions().any(|p| *p == request.permission))
        {
            let purposes = request.purposes.join(", ");
            self.line(
                Mark::NotSelected,
                format!("optional:{}", request.permission),
                format!("{}: for {purposes}", request.permission),
            );
        }
    }

    fn principal(&mut self, registration: &AppRegistration, observed: &Observed) {
        let Some(principal) = &observed.principal else {
            self.todo.create_principal = true;
            self.line(Mark::Add, "service_principal", "create the app's service principal in this tenant");
            return;
        };
        self.line(
            Mark::AlreadySo,
            "service_principal",
            format!("the service principal is there, object id {}", principal.id),
        );
        let listed = principal.tags.iter().any(|tag| tag == ENTERPRISE_TAG);
        if registration.listed_as_enterprise_application && !listed {
            self.line(Mark::Change, "enterprise_application", "list the app under Enterprise applications");
            let tags = principal.tags.iter().cloned().chain([ENTERPRISE_TAG.to_owned()]);
            self.todo.principal_tags = Some(tags.collect());
        }
    }

    fn grants(&mut self, registration: &AppRegistration, observed: &Observed) {
        let wanted: Vec<&Resolved> =
            registration.wanted_permissions().filter_map(|permission| observed.resolved(permission)).collect();
        if !registration.admin_consent {
            if !wanted.is_empty() {
                self.line(Mark::LeftAlone, "admin_consent", "admin consent is left to somebody else");
            }
            return;
        }
        for resolved in &wanted {
            let granted = observed.is_granted(resolved);
            let mark = if granted { Mark::AlreadySo } else { Mark::Add };
            let line = self.line(
                mark,
                code("permission_granted", resolved),
                format!("grant {} for the whole tenant", resolved.permission),
            );
            line.second_look = resolved.permission.high_privilege().map(str::to_owned);
            if !granted && resolved.permission.kind() == PermissionKind::Application {
                self.todo.roles.push((*resolved).clone());
            }
        }
        self.scopes(registration, observed, &wanted);
        self.surplus_roles(registration, observed, &wanted);
    }

    fn scopes(&mut self, registration: &AppRegistration, observed: &Observed, wanted: &[&Resolved]) {
        for resource in &observed.resources {
            let Some(id) = resource.principal else { continue };
            let named: Vec<&String> = wanted
                .iter()
                .filter(|resolved| {
                    resolved.permission.api() == resource.api && resolved.permission.kind() == PermissionKind::Delegated
                })
                .filter_map(|resolved| resolved.value.as_ref())
                .collect();
            let grant = observed.principal.as_ref().and_then(|principal| principal.tenant_wide(id));
            let held = grant.map(|grant| grant.scopes.clone()).unwrap_or_default();
            for surplus in held.iter().filter(|scope| !named.contains(scope)) {
                self.surplus(
                    registration,
                    format!("permission_granted:{surplus}:delegated"),
                    format!("granted delegated permission {surplus}"),
                );
            }
            let mut scopes = held.clone();
            scopes.retain(|scope| !registration.exact || named.contains(&scope));
            scopes.extend(named.iter().filter(|scope| !held.contains(scope)).map(|scope| (*scope).clone()));
            scopes.sort();
            scopes.dedup();
            let missing = !scopes.iter().all(|scope| held.contains(scope));
            if let (true, Some(grant)) = (scopes.is_empty(), grant) {
                // A grant of nothing is refused: it is taken away.
                self.todo.surplus_grants.push(grant.id.clone());
            } else if missing || scopes.len() < held.len() {
                self.todo.scopes.push(ScopeWork {
                    api: resource.api,
                    existing: grant.map(|grant| grant.id.clone()),
                    scopes,
                });
            }
        }
        self.grants_elsewhere(registration, observed);
        let for_one =
            observed.principal.iter().flat_map(|principal| &principal.grants).filter(|grant| grant.for_one).count();
        if for_one > 0 {
            let text = format!("{for_one} grants of delegated permissions by single users");
            self.line(Mark::LeftAlone, "surplus:user_grants", text);
        }
    }

    /// Grants for all users on APIs of which nothing is named.
    fn grants_elsewhere(&mut self, registration: &AppRegistration, observed: &Observed) {
        let named =
            |grant: &&Grant| observed.resources.iter().any(|resource| resource.principal == Some(grant.resource));
        let grants = observed.principal.iter().flat_map(|principal| &principal.grants);
        for grant in grants.filter(|grant| !grant.for_one && !named(grant)) {
            for scope in &grant.scopes {
                let what = format!("granted delegated permission {scope} of the API {}", grant.resource);
                self.surplus(registration, format!("permission_granted:{scope}:delegated"), what);
            }
            if registration.exact {
                self.todo.surplus_grants.push(grant.id.clone());
            }
        }
    }

    fn surplus_roles(&mut self, registration: &AppRegistration, observed: &Observed, wanted: &[&Resolved]) {
        for held in observed.principal.iter().flat_map(|principal| &principal.assignments) {
            let named = wanted.iter().any(|resolved| {
                resolved.id == held.role
                    && resolved.permission.kind() == PermissionKind::Application
                    && observed.resource(resolved.permission.api()) == Some(held.resource)
            });
            if named {
                continue;
            }
            let api = observed
                .resources
                .iter()
                .find(|resource| resource.principal == Some(held.resource))
                .map(|resource| resource.api);
            let name = match api {
                Some(api) => Declared { api, id: held.role, access: "Role".to_owned() }.describe(),
                None => format!("{} of {}", held.role, held.resource_name.as_deref().unwrap_or("another API")),
            };
            self.surplus(
                registration,
                format!("permission_granted:{}:application", held.role),
                format!("granted permission {name}"),
            );
            if let (true, Some(id)) = (registration.exact, &held.id) {
                self.todo.surplus_roles.push((held.resource, id.clone()));
            }
        }
    }

    fn secrets(&mut self, registration: &AppRegistration, app: &Application, choices: &Choices, now: OffsetDateTime) {
        for wanted in &registration.credentials {
            let name = wanted.name();
            let code = format!("secret:{name}");
            let live: Vec<_> = app.live_secrets(name, now).collect();
            let replace = choices.replace.iter().any(|replaced| replaced == name);
            if live.is_empty() || replace {
                self.todo.secrets.push(wanted.clone());
                let what =
                    if replace && !live.is_empty() { "issue another client secret" } else { "issue the client secret" };
                self.line(Mark::Add, code.clone(), format!("{what} “{name}”"));
            }
            for secret in live {
                let end = secret.end.map_or_else(String::new, |end| format!(", valid until {}", end.date()));
                let held = choices.held.contains(&secret.key_id);
                if held && !replace {
                    self.line(Mark::AlreadySo, code.clone(), format!("client secret “{name}”{end}"));
                } else {
                    let text = if replace {
                        format!("the earlier client secret “{name}”{end} stays until it is removed")
                    } else {
                        format!(
                            "client secret “{name}”{end} is there; its value cannot be read again, so ask for another if nobody has it"
                        )
                    };
                    self.line(Mark::LeftAlone, format!("secret_value:{}", secret.key_id), text);
                }
            }
        }
        let named = |secret: &crate::provision::observed::Secret| {
            registration.credentials.iter().any(|wanted| secret.name.as_deref() == Some(wanted.name()))
        };
        for secret in app.secrets.iter().filter(|secret| !named(secret) || secret.end.is_some_and(|end| end <= now)) {
            let name = secret.name.as_deref().unwrap_or("without a description");
            let end = secret.end.map_or_else(String::new, |end| format!(", valid until {}", end.date()));
            self.line(
                Mark::LeftAlone,
                format!("surplus:secret:{}", secret.key_id),
                format!("client secret “{name}”{end}: not named here"),
            );
        }
    }
}

/// An application of which nothing is set yet.
fn blank(registration: &AppRegistration) -> Application {
    use crate::ids::ApplicationId;
    Application {
        id: ApplicationId::from_u128(0),
        app_id: AppId::from_u128(0),
        key: Some(registration.key.clone()),
        display_name: registration.display_name.clone(),
        audience: registration.audience.clone(),
        created: None,
        redirect_uris: Vec::new(),
        public_client_flows: None,
        token_version: None,
        declared: Vec::new(),
        notes: None,
        tags: Vec::new(),
        homepage: None,
        logout_url: None,
        locked: false,
        secrets: Vec::new(),
    }
}

/// `what:name:kind`, the form of a permission's codes.
pub(super) fn code(what: &str, resolved: &Resolved) -> String {
    let kind = match resolved.permission.kind() {
        PermissionKind::Application => "application",
        PermissionKind::Delegated => "delegated",
    };
    let name = resolved.value.clone().unwrap_or_else(|| resolved.id.to_string());
    format!("{what}:{name}:{kind}")
}
