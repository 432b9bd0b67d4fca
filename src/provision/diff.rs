//! What is to be done: a pure function of the registration and of what was seen.

use time::OffsetDateTime;

use crate::error::on_one_line;
use crate::ids::{AppId, AppRoleAssignmentId, OAuth2PermissionGrantId, ServicePrincipalId};
use crate::model::SignInAudience;
use crate::permission::PermissionKind;
use crate::provision::credential::ClientSecret;
use crate::provision::plan::{Line, Mark};
use crate::provision::redirect_uri::Platform;
use crate::provision::snapshot::{Application, Declared, Grant, Resolved, Snapshot};
use crate::provision::spec::{AppRegistration, ENTERPRISE_TAG};

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
    pub(super) fn between(spec: &AppRegistration, seen: &Snapshot, choices: &Choices, now: OffsetDateTime) -> Self {
        let mut diff = Self::default();
        diff.application(spec, seen, choices);
        let blank = blank(spec);
        let app = seen.application.as_ref().unwrap_or(&blank);
        diff.redirect_uris(spec, app);
        diff.settings(spec, app, seen.application.is_none());
        diff.declarations(spec, seen, app);
        diff.principal(spec, seen);
        diff.grants(spec, seen);
        diff.secrets(spec, app, choices, now);
        diff
    }

    fn line(&mut self, mark: Mark, code: impl Into<String>, text: impl Into<String>) -> &mut Line {
        // Names that others gave stand in it.
        let text = on_one_line(text.into());
        self.lines.push(Line { mark, code: code.into(), text, second_look: None });
        self.lines.last_mut().expect("a line was pushed")
    }

    /// One property: already so, set, or changed.
    fn property<T: PartialEq + ToString>(&mut self, code: &str, what: &str, wanted: &T, seen: Option<&T>) -> bool {
        match seen {
            Some(seen) if seen == wanted => {
                self.line(Mark::AlreadySo, code, format!("{what}: {}", wanted.to_string()));
                false
            }
            Some(seen) => {
                self.line(Mark::Change, code, format!("{what}: {} → {}", seen.to_string(), wanted.to_string()));
                true
            }
            None => {
                self.line(Mark::Add, code, format!("{what}: {}", wanted.to_string()));
                true
            }
        }
    }

    fn application(&mut self, spec: &AppRegistration, seen: &Snapshot, choices: &Choices) {
        let registered = format!("register the application “{}” (key {})", spec.display_name, spec.key);
        let Some(app) = &seen.application else {
            self.todo.create = true;
            self.line(Mark::Add, "registered", registered);
            self.line(Mark::Add, "audience", format!("supported account types: {}", spec.audience.portal_name()));
            self.others(seen);
            return;
        };
        self.line(
            Mark::AlreadySo,
            "registered",
            format!("the application “{}” is registered, client id {}", app.display_name, app.app_id),
        );
        if app.key.as_deref() != Some(&spec.key) && !choices.key_refused {
            self.todo.patch.key = Some(spec.key.clone());
            self.line(Mark::Change, "key", format!("give the application the key {}", spec.key));
        }
        if self.property("display_name", "display name", &spec.display_name, Some(&app.display_name)) {
            self.todo.patch.display_name = Some(spec.display_name.clone());
        }
        let names = (spec.audience.portal_name(), app.audience.portal_name());
        if self.property("audience", "supported account types", &names.0, Some(&names.1)) {
            self.todo.patch.audience = Some(spec.audience.clone());
            if crate::provision::spec::allows_personal_accounts(&spec.audience) && app.token_version != Some(2) {
                // Entra takes this audience only together with tokens of version 2.
                self.todo.patch.token_version = Some(2);
            }
        }
        self.others(seen);
    }

    fn others(&mut self, seen: &Snapshot) {
        for other in &seen.same_name {
            let key = other.key.as_deref().map_or_else(|| "no key".to_owned(), |key| format!("key {key}"));
            self.line(
                Mark::LeftAlone,
                format!("same_name:{}", other.app_id),
                format!("another application has this display name: client id {}, {key}", other.app_id),
            );
        }
    }

    fn redirect_uris(&mut self, spec: &AppRegistration, app: &Application) {
        for uri in &spec.redirect_uris {
            let code = format!("redirect_uri:{}:{}", uri.platform.as_str(), uri.uri);
            let mark = if app.has_redirect_uri(uri) { Mark::AlreadySo } else { Mark::Add };
            self.line(mark, code, format!("redirect URI {uri}"));
        }
        for platform in [Platform::Web, Platform::Spa, Platform::PublicClient] {
            let seen = app.redirect_uris_of(platform);
            let wanted: Vec<_> =
                spec.redirect_uris.iter().filter(|uri| uri.platform == platform).map(|uri| &uri.uri).collect();
            let mut list = seen.clone();
            list.retain(|uri| !spec.exact || wanted.contains(&uri));
            list.extend(wanted.iter().filter(|uri| !seen.contains(uri)).map(|uri| (*uri).clone()));
            for surplus in seen.iter().filter(|uri| !wanted.contains(uri)) {
                self.surplus(
                    spec,
                    format!("redirect_uri:{}:{surplus}", platform.as_str()),
                    format!("redirect URI {surplus} ({})", platform.portal_name()),
                );
            }
            if list != seen {
                self.todo.patch.redirect_uris.push((platform, list));
            }
        }
    }

    fn surplus(&mut self, spec: &AppRegistration, code: String, what: String) {
        let mark = if spec.exact { Mark::Remove } else { Mark::LeftAlone };
        let text = if spec.exact { format!("remove {what}") } else { format!("{what}: not named here") };
        self.line(mark, format!("surplus:{code}"), text);
    }

    fn settings(&mut self, spec: &AppRegistration, app: &Application, created: bool) {
        let on = |value: bool| if value { "on" } else { "off" };
        if let Some(wanted) = spec.public_client_flows {
            let seen = (!created).then(|| on(app.public_client_flows.unwrap_or(false)));
            if self.property("public_client_flows", "allow public client flows", &on(wanted), seen.as_ref()) {
                self.todo.patch.public_client_flows = Some(wanted);
            }
        }
        let seen = (!created).then(|| on(app.locked));
        if let Some(wanted) = spec.locks_properties()
            && self.property("property_lock", "app instance property lock", &on(wanted), seen.as_ref())
        {
            self.todo.patch.locked = Some(wanted);
        }
        let texts = [
            ("notes", &spec.notes, &app.notes),
            ("homepage", &spec.homepage, &app.homepage),
            ("logout_url", &spec.logout_url, &app.logout_url),
        ];
        for (code, wanted, seen) in texts {
            let Some(wanted) = wanted else { continue };
            if self.property(code, &code.replace('_', " "), wanted, seen.as_ref()) {
                let place = match code {
                    "notes" => &mut self.todo.patch.notes,
                    "homepage" => &mut self.todo.patch.homepage,
                    _ => &mut self.todo.patch.logout_url,
                };
                *place = Some(wanted.clone());
            }
        }
        let missing: Vec<_> = spec.tags.iter().filter(|tag| !app.tags.contains(tag)).cloned().collect();
        for tag in &spec.tags {
            let mark = if missing.contains(tag) { Mark::Add } else { Mark::AlreadySo };
            self.line(mark, format!("tag:{tag}"), format!("tag {tag}"));
        }
        if !missing.is_empty() {
            self.todo.patch.tags = Some(app.tags.iter().cloned().chain(missing).collect());
        }
    }

    fn declarations(&mut self, spec: &AppRegistration, seen: &Snapshot, app: &Application) {
        let wanted: Vec<&Resolved> =
            spec.wanted_permissions().filter_map(|permission| seen.resolved(permission)).collect();
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
            self.surplus(spec, format!("permission_declared:{}:{}", declared.id, declared.access), what);
        }
        if spec.exact {
            list.retain(is_wanted);
        }
        if list != app.declared {
            self.todo.patch.declared = Some(list);
        }
        for request in
            spec.permissions.iter().filter(|request| !spec.wanted_permissions().any(|p| *p == request.permission))
        {
            let purposes = request.purposes.join(", ");
            self.line(
                Mark::NotSelected,
                format!("optional:{}", request.permission),
                format!("{}: for {purposes}", request.permission),
            );
        }
    }

    fn principal(&mut self, spec: &AppRegistration, seen: &Snapshot) {
        let Some(principal) = &seen.principal else {
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
        if spec.listed_as_enterprise_application && !listed {
            self.line(Mark::Change, "enterprise_application", "list the app under Enterprise applications");
            let tags = principal.tags.iter().cloned().chain([ENTERPRISE_TAG.to_owned()]);
            self.todo.principal_tags = Some(tags.collect());
        }
    }

    fn grants(&mut self, spec: &AppRegistration, seen: &Snapshot) {
        let wanted: Vec<&Resolved> =
            spec.wanted_permissions().filter_map(|permission| seen.resolved(permission)).collect();
        if !spec.admin_consent {
            if !wanted.is_empty() {
                self.line(Mark::LeftAlone, "admin_consent", "admin consent is left to somebody else");
            }
            return;
        }
        for resolved in &wanted {
            let granted = seen.is_granted(resolved);
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
        self.scopes(spec, seen, &wanted);
        self.surplus_roles(spec, seen, &wanted);
    }

    fn scopes(&mut self, spec: &AppRegistration, seen: &Snapshot, wanted: &[&Resolved]) {
        for resource in &seen.resources {
            let Some(id) = resource.principal else { continue };
            let named: Vec<&String> = wanted
                .iter()
                .filter(|resolved| {
                    resolved.permission.api() == resource.api && resolved.permission.kind() == PermissionKind::Delegated
                })
                .filter_map(|resolved| resolved.value.as_ref())
                .collect();
            let grant = seen.principal.as_ref().and_then(|principal| principal.tenant_wide(id));
            let held = grant.map(|grant| grant.scopes.clone()).unwrap_or_default();
            for surplus in held.iter().filter(|scope| !named.contains(scope)) {
                self.surplus(
                    spec,
                    format!("permission_granted:{surplus}:delegated"),
                    format!("granted delegated permission {surplus}"),
                );
            }
            let mut scopes = held.clone();
            scopes.retain(|scope| !spec.exact || named.contains(&scope));
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
        self.grants_elsewhere(spec, seen);
        let for_one =
            seen.principal.iter().flat_map(|principal| &principal.grants).filter(|grant| grant.for_one).count();
        if for_one > 0 {
            let text = format!("{for_one} grants of delegated permissions by single users");
            self.line(Mark::LeftAlone, "surplus:user_grants", text);
        }
    }

    /// Grants for all users on APIs of which nothing is named.
    fn grants_elsewhere(&mut self, spec: &AppRegistration, seen: &Snapshot) {
        let named = |grant: &&Grant| seen.resources.iter().any(|resource| resource.principal == Some(grant.resource));
        let grants = seen.principal.iter().flat_map(|principal| &principal.grants);
        for grant in grants.filter(|grant| !grant.for_one && !named(grant)) {
            for scope in &grant.scopes {
                let what = format!("granted delegated permission {scope} of the API {}", grant.resource);
                self.surplus(spec, format!("permission_granted:{scope}:delegated"), what);
            }
            if spec.exact {
                self.todo.surplus_grants.push(grant.id.clone());
            }
        }
    }

    fn surplus_roles(&mut self, spec: &AppRegistration, seen: &Snapshot, wanted: &[&Resolved]) {
        for held in seen.principal.iter().flat_map(|principal| &principal.assignments) {
            let named = wanted.iter().any(|resolved| {
                resolved.id == held.role
                    && resolved.permission.kind() == PermissionKind::Application
                    && seen.resource(resolved.permission.api()) == Some(held.resource)
            });
            if named {
                continue;
            }
            let api = seen
                .resources
                .iter()
                .find(|resource| resource.principal == Some(held.resource))
                .map(|resource| resource.api);
            let name = match api {
                Some(api) => Declared { api, id: held.role, access: "Role".to_owned() }.describe(),
                None => format!("{} of {}", held.role, held.resource_name.as_deref().unwrap_or("another API")),
            };
            self.surplus(
                spec,
                format!("permission_granted:{}:application", held.role),
                format!("granted permission {name}"),
            );
            if let (true, Some(id)) = (spec.exact, &held.id) {
                self.todo.surplus_roles.push((held.resource, id.clone()));
            }
        }
    }

    fn secrets(&mut self, spec: &AppRegistration, app: &Application, choices: &Choices, now: OffsetDateTime) {
        for wanted in &spec.credentials {
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
        let named = |secret: &crate::provision::snapshot::Secret| {
            spec.credentials.iter().any(|wanted| secret.name.as_deref() == Some(wanted.name()))
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
fn blank(spec: &AppRegistration) -> Application {
    use crate::ids::ApplicationId;
    Application {
        id: ApplicationId::from_u128(0),
        app_id: AppId::from_u128(0),
        key: Some(spec.key.clone()),
        display_name: spec.display_name.clone(),
        audience: spec.audience.clone(),
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
