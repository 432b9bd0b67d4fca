//! The difference between the registration and what was observed: a pure function of both.

use time::OffsetDateTime;

use crate::error::on_one_line;
use crate::ids::{AppId, ApplicationId};
use crate::permission::PermissionKind;
use crate::provision::changes::{PendingChanges, ScopeChange};
use crate::provision::observed::{Application, DeclaredPermission, Grant, Observed, Resolved, Secret};
use crate::provision::plan_options::PlanOptions;
use crate::provision::redirect_uri::Platform;
use crate::provision::registration::{AppRegistration, ENTERPRISE_TAG, allows_personal_accounts};
use crate::provision::step::{PlanStep, StepStatus};

/// What differs, as steps to read and as changes to make.
#[derive(Debug, Default)]
pub(super) struct Diff {
    pub(super) steps: Vec<PlanStep>,
    pub(super) pending: PendingChanges,
}

impl Diff {
    /// Compares a registration with what was observed, under the options of this run.
    pub(super) fn between(
        registration: &AppRegistration,
        observed: &Observed,
        options: &PlanOptions,
        now: OffsetDateTime,
    ) -> Self {
        let mut diff = Self::default();
        diff.application(registration, observed, options);
        let blank = blank_application(registration);
        let app = observed.application.as_ref().unwrap_or(&blank);
        diff.redirect_uris(registration, app);
        diff.settings(registration, app, observed.application.is_none());
        diff.declarations(registration, observed, app);
        diff.principal(registration, observed);
        diff.grants(registration, observed);
        diff.secrets(registration, app, options, now);
        diff
    }

    /// Adds a step.
    fn add_step(&mut self, status: StepStatus, code: impl Into<String>, text: impl Into<String>) -> &mut PlanStep {
        // Names that others gave stand in it.
        let text = on_one_line(text.into());
        self.steps.push(PlanStep { status, code: code.into(), text, needs_review: None });
        self.steps.last_mut().expect("a step was pushed")
    }

    /// Adds the step of one property, and says whether the property is to be written.
    fn property<T: PartialEq + ToString>(&mut self, code: &str, what: &str, wanted: &T, observed: Option<&T>) -> bool {
        match observed {
            Some(observed) if observed == wanted => {
                self.add_step(StepStatus::Unchanged, code, format!("{what}: {}", wanted.to_string()));
                false
            }
            Some(observed) => {
                self.add_step(
                    StepStatus::Change,
                    code,
                    format!("{what}: {} → {}", observed.to_string(), wanted.to_string()),
                );
                true
            }
            None => {
                self.add_step(StepStatus::Add, code, format!("{what}: {}", wanted.to_string()));
                true
            }
        }
    }

    /// Compares the application itself: its names and its audience.
    fn application(&mut self, registration: &AppRegistration, observed: &Observed, options: &PlanOptions) {
        let registered = format!(
            "register the application “{}” (unique name {})",
            registration.display_name, registration.unique_name
        );
        let Some(app) = &observed.application else {
            self.pending.create_application = true;
            self.add_step(StepStatus::Add, "registered", registered);
            self.add_step(
                StepStatus::Add,
                "audience",
                format!("supported account types: {}", registration.audience.portal_name()),
            );
            self.same_name(observed);
            return;
        };
        self.add_step(
            StepStatus::Unchanged,
            "registered",
            format!("the application “{}” is registered, client id {}", app.display_name, app.app_id),
        );
        if app.unique_name.as_deref() != Some(&registration.unique_name) && !options.unique_name_refused {
            self.pending.patch.unique_name = Some(registration.unique_name.clone());
            self.add_step(
                StepStatus::Change,
                "unique_name",
                format!("give the application the unique name {}", registration.unique_name),
            );
        }
        if self.property("display_name", "display name", &registration.display_name, Some(&app.display_name)) {
            self.pending.patch.display_name = Some(registration.display_name.clone());
        }
        let names = (registration.audience.portal_name(), app.audience.portal_name());
        if self.property("audience", "supported account types", &names.0, Some(&names.1)) {
            self.pending.patch.audience = Some(registration.audience.clone());
            if allows_personal_accounts(&registration.audience) && app.token_version != Some(2) {
                // Entra takes this audience only together with tokens of version 2.
                self.pending.patch.token_version = Some(2);
            }
        }
        self.same_name(observed);
    }

    /// Lists other applications of the same display name.
    fn same_name(&mut self, observed: &Observed) {
        for other in &observed.same_name {
            let unique_name = match &other.unique_name {
                Some(name) => format!("unique name {name}"),
                None => "no unique name".to_owned(),
            };
            self.add_step(
                StepStatus::LeftAlone,
                format!("same_name:{}", other.app_id),
                format!("another application has this display name: client id {}, {unique_name}", other.app_id),
            );
        }
    }

    /// Compares the redirect URIs, platform by platform.
    fn redirect_uris(&mut self, registration: &AppRegistration, app: &Application) {
        for uri in &registration.redirect_uris {
            let code = format!("redirect_uri:{}:{}", uri.platform.as_str(), uri.uri);
            let status = if app.has_redirect_uri(uri) { StepStatus::Unchanged } else { StepStatus::Add };
            self.add_step(status, code, format!("redirect URI {uri}"));
        }
        for platform in [Platform::Web, Platform::Spa, Platform::PublicClient] {
            let observed = app.redirect_uris_of(platform);
            let wanted: Vec<_> =
                registration.redirect_uris.iter().filter(|uri| uri.platform == platform).map(|uri| &uri.uri).collect();
            let mut list = observed.clone();
            list.retain(|uri| !registration.remove_surplus || wanted.contains(&uri));
            list.extend(wanted.iter().filter(|uri| !observed.contains(uri)).map(|uri| (*uri).clone()));
            for surplus in observed.iter().filter(|uri| !wanted.contains(uri)) {
                self.surplus(
                    registration,
                    format!("redirect_uri:{}:{surplus}", platform.as_str()),
                    format!("redirect URI {surplus} ({})", platform.portal_name()),
                );
            }
            if list != observed {
                self.pending.patch.redirect_uris.push((platform, list));
            }
        }
    }

    /// Adds the step of something that is not named: it is removed if the registration says so.
    fn surplus(&mut self, registration: &AppRegistration, code: String, what: String) {
        let status = if registration.remove_surplus { StepStatus::Remove } else { StepStatus::LeftAlone };
        let text =
            if registration.remove_surplus { format!("remove {what}") } else { format!("{what}: not named here") };
        self.add_step(status, format!("surplus:{code}"), text);
    }

    /// Compares the scalar settings and the tags.
    fn settings(&mut self, registration: &AppRegistration, app: &Application, created: bool) {
        let on = |value: bool| if value { "on" } else { "off" };
        if let Some(wanted) = registration.public_client_flows {
            let observed = (!created).then(|| on(app.public_client_flows.unwrap_or(false)));
            if self.property("public_client_flows", "allow public client flows", &on(wanted), observed.as_ref()) {
                self.pending.patch.public_client_flows = Some(wanted);
            }
        }
        let observed = (!created).then(|| on(app.property_lock));
        if let Some(wanted) = registration.locks_properties()
            && self.property("property_lock", "app instance property lock", &on(wanted), observed.as_ref())
        {
            self.pending.patch.property_lock = Some(wanted);
        }
        let texts = [
            ("notes", &registration.notes, &app.notes),
            ("homepage", &registration.homepage, &app.homepage),
            ("logout_url", &registration.logout_url, &app.logout_url),
        ];
        for (code, wanted, observed) in texts {
            let Some(wanted) = wanted else { continue };
            if self.property(code, &code.replace('_', " "), wanted, observed.as_ref()) {
                let property = match code {
                    "notes" => &mut self.pending.patch.notes,
                    "homepage" => &mut self.pending.patch.homepage,
                    _ => &mut self.pending.patch.logout_url,
                };
                *property = Some(wanted.clone());
            }
        }
        let missing: Vec<_> = registration.tags.iter().filter(|tag| !app.tags.contains(tag)).cloned().collect();
        for tag in &registration.tags {
            let status = if missing.contains(tag) { StepStatus::Add } else { StepStatus::Unchanged };
            self.add_step(status, format!("tag:{tag}"), format!("tag {tag}"));
        }
        if !missing.is_empty() {
            self.pending.patch.tags = Some(app.tags.iter().cloned().chain(missing).collect());
        }
    }

    /// Compares the permissions that are declared.
    fn declarations(&mut self, registration: &AppRegistration, observed: &Observed, app: &Application) {
        let wanted: Vec<&Resolved> =
            registration.wanted_permissions().filter_map(|permission| observed.resolved(permission)).collect();
        let mut list: Vec<DeclaredPermission> = app.declared.clone();
        for resolved in &wanted {
            let declared = resolved.declared();
            let there = app.declared.contains(&declared);
            let status = if there { StepStatus::Unchanged } else { StepStatus::Add };
            let step = self.add_step(
                status,
                permission_code("permission_declared", resolved),
                format!("declare {}", resolved.permission),
            );
            step.needs_review = resolved.permission.high_privilege().map(str::to_owned);
            if !list.contains(&declared) {
                list.push(declared);
            }
        }
        let is_wanted = |declared: &DeclaredPermission| wanted.iter().any(|resolved| resolved.declared() == *declared);
        let surplus: Vec<_> = app.declared.iter().filter(|declared| !is_wanted(declared)).cloned().collect();
        for declared in surplus {
            let what = format!("declared permission {}", declared.describe());
            self.surplus(registration, format!("permission_declared:{}:{}", declared.id, declared.access_type), what);
        }
        if registration.remove_surplus {
            list.retain(is_wanted);
        }
        if list != app.declared {
            self.pending.patch.declared = Some(list);
        }
        for entry in registration
            .permissions
            .iter()
            .filter(|entry| !registration.wanted_permissions().any(|wanted| *wanted == entry.permission))
        {
            let purposes = entry.purposes.join(", ");
            self.add_step(
                StepStatus::NotSelected,
                format!("optional:{}", entry.permission),
                format!("{}: for {purposes}", entry.permission),
            );
        }
    }

    /// Compares the service principal.
    fn principal(&mut self, registration: &AppRegistration, observed: &Observed) {
        let Some(principal) = &observed.principal else {
            self.pending.create_principal = true;
            self.add_step(StepStatus::Add, "service_principal", "create the app's service principal in this tenant");
            return;
        };
        self.add_step(
            StepStatus::Unchanged,
            "service_principal",
            format!("the service principal is there, object id {}", principal.id),
        );
        let listed = principal.tags.iter().any(|tag| tag == ENTERPRISE_TAG);
        if registration.listed_as_enterprise_application && !listed {
            self.add_step(StepStatus::Change, "enterprise_application", "list the app under Enterprise applications");
            let tags = principal.tags.iter().cloned().chain([ENTERPRISE_TAG.to_owned()]);
            self.pending.principal_tags = Some(tags.collect());
        }
    }

    /// Compares the permissions that are granted for the whole tenant.
    fn grants(&mut self, registration: &AppRegistration, observed: &Observed) {
        let wanted: Vec<&Resolved> =
            registration.wanted_permissions().filter_map(|permission| observed.resolved(permission)).collect();
        if !registration.admin_consent {
            if !wanted.is_empty() {
                self.add_step(StepStatus::LeftAlone, "admin_consent", "admin consent is left to somebody else");
            }
            return;
        }
        for resolved in &wanted {
            let granted = observed.is_granted(resolved);
            let status = if granted { StepStatus::Unchanged } else { StepStatus::Add };
            let step = self.add_step(
                status,
                permission_code("permission_granted", resolved),
                format!("grant {} for the whole tenant", resolved.permission),
            );
            step.needs_review = resolved.permission.high_privilege().map(str::to_owned);
            if !granted && resolved.permission.kind() == PermissionKind::Application {
                self.pending.roles.push((*resolved).clone());
            }
        }
        self.scopes(registration, observed, &wanted);
        self.surplus_roles(registration, observed, &wanted);
    }

    /// Compares the delegated permissions that are granted, API by API.
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
            let grant = observed.principal.as_ref().and_then(|principal| principal.tenant_wide_grant(id));
            let granted = grant.map(|grant| grant.scopes.clone()).unwrap_or_default();
            for surplus in granted.iter().filter(|scope| !named.contains(scope)) {
                self.surplus(
                    registration,
                    format!("permission_granted:{surplus}:delegated"),
                    format!("granted delegated permission {surplus}"),
                );
            }
            let mut scopes = granted.clone();
            scopes.retain(|scope| !registration.remove_surplus || named.contains(&scope));
            scopes.extend(named.iter().filter(|scope| !granted.contains(scope)).map(|scope| (*scope).clone()));
            scopes.sort();
            scopes.dedup();
            let missing = !scopes.iter().all(|scope| granted.contains(scope));
            if let (true, Some(grant)) = (scopes.is_empty(), grant) {
                // A grant of nothing is refused: it is taken away.
                self.pending.surplus_grants.push(grant.id.clone());
            } else if missing || scopes.len() < granted.len() {
                self.pending.scopes.push(ScopeChange {
                    api: resource.api,
                    existing: grant.map(|grant| grant.id.clone()),
                    scopes,
                });
            }
        }
        self.grants_of_other_apis(registration, observed);
        let single_user =
            observed.principal.iter().flat_map(|principal| &principal.grants).filter(|grant| grant.single_user).count();
        if single_user > 0 {
            let text = format!("{single_user} grants of delegated permissions by single users");
            self.add_step(StepStatus::LeftAlone, "surplus:user_grants", text);
        }
    }

    /// Lists the grants for all users on APIs of which nothing is named.
    fn grants_of_other_apis(&mut self, registration: &AppRegistration, observed: &Observed) {
        let named =
            |grant: &&Grant| observed.resources.iter().any(|resource| resource.principal == Some(grant.resource));
        let grants = observed.principal.iter().flat_map(|principal| &principal.grants);
        for grant in grants.filter(|grant| !grant.single_user && !named(grant)) {
            for scope in &grant.scopes {
                let what = format!("granted delegated permission {scope} of the API {}", grant.resource);
                self.surplus(registration, format!("permission_granted:{scope}:delegated"), what);
            }
            if registration.remove_surplus {
                self.pending.surplus_grants.push(grant.id.clone());
            }
        }
    }

    /// Lists the application permissions that are granted and not named.
    fn surplus_roles(&mut self, registration: &AppRegistration, observed: &Observed, wanted: &[&Resolved]) {
        for assignment in observed.principal.iter().flat_map(|principal| &principal.assignments) {
            let named = wanted.iter().any(|resolved| {
                resolved.id == assignment.role
                    && resolved.permission.kind() == PermissionKind::Application
                    && observed.resource(resolved.permission.api()) == Some(assignment.resource)
            });
            if named {
                continue;
            }
            let api = observed
                .resources
                .iter()
                .find(|resource| resource.principal == Some(assignment.resource))
                .map(|resource| resource.api);
            let name = match api {
                Some(api) => DeclaredPermission { api, id: assignment.role, access_type: "Role".to_owned() }.describe(),
                None => {
                    format!("{} of {}", assignment.role, assignment.resource_name.as_deref().unwrap_or("another API"))
                }
            };
            self.surplus(
                registration,
                format!("permission_granted:{}:application", assignment.role),
                format!("granted permission {name}"),
            );
            if let (true, Some(id)) = (registration.remove_surplus, &assignment.id) {
                self.pending.surplus_roles.push((assignment.resource, id.clone()));
            }
        }
    }

    /// Compares the client secrets by their description.
    fn secrets(
        &mut self,
        registration: &AppRegistration,
        app: &Application,
        options: &PlanOptions,
        now: OffsetDateTime,
    ) {
        for wanted in &registration.credentials {
            let name = wanted.name();
            let code = format!("secret:{name}");
            let live: Vec<_> = app.live_secrets(name, now).collect();
            let replace = options.replace_secrets.iter().any(|replaced| replaced == name);
            if live.is_empty() || replace {
                self.pending.secrets.push(wanted.clone());
                let what =
                    if replace && !live.is_empty() { "issue another client secret" } else { "issue the client secret" };
                self.add_step(StepStatus::Add, code.clone(), format!("{what} “{name}”"));
            }
            for secret in live {
                let end = secret.end.map_or_else(String::new, |end| format!(", valid until {}", end.date()));
                let held = options.held_secrets.contains(&secret.key_id);
                if held && !replace {
                    self.add_step(StepStatus::Unchanged, code.clone(), format!("client secret “{name}”{end}"));
                } else {
                    let text = if replace {
                        format!("the earlier client secret “{name}”{end} stays until it is removed")
                    } else {
                        format!(
                            "client secret “{name}”{end} is there; its value cannot be read again, so ask for another if nobody has it"
                        )
                    };
                    self.add_step(StepStatus::LeftAlone, format!("secret_value:{}", secret.key_id), text);
                }
            }
        }
        let named = |secret: &Secret| {
            registration.credentials.iter().any(|wanted| secret.name.as_deref() == Some(wanted.name()))
        };
        for secret in app.secrets.iter().filter(|secret| !named(secret) || secret.end.is_some_and(|end| end <= now)) {
            let name = secret.name.as_deref().unwrap_or("without a description");
            let end = secret.end.map_or_else(String::new, |end| format!(", valid until {}", end.date()));
            self.add_step(
                StepStatus::LeftAlone,
                format!("surplus:secret:{}", secret.key_id),
                format!("client secret “{name}”{end}: not named here"),
            );
        }
    }
}

/// An application that was just created: nothing is set yet but its names and its audience.
fn blank_application(registration: &AppRegistration) -> Application {
    Application {
        id: ApplicationId::from_u128(0),
        app_id: AppId::from_u128(0),
        unique_name: Some(registration.unique_name.clone()),
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
        property_lock: false,
        secrets: Vec::new(),
    }
}

/// The code of a step about a permission: `what:name:kind`.
pub(super) fn permission_code(what: &str, resolved: &Resolved) -> String {
    let kind = match resolved.permission.kind() {
        PermissionKind::Application => "application",
        PermissionKind::Delegated => "delegated",
    };
    let name = resolved.value.clone().unwrap_or_else(|| resolved.id.to_string());
    format!("{what}:{name}:{kind}")
}
