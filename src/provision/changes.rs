//! What a run has to do, as data: the difference that is left, and the bodies of the requests that write it.

use crate::ids::{AppId, AppRoleAssignmentId, OAuth2PermissionGrantId, ServicePrincipalId};
use crate::model::{
    ApiPatch, ApplicationPatch, RedirectUrisPatch, RequiredResourceAccess, ResourceAccess, ResourceAccessType,
    ServicePrincipalLockConfiguration, SignInAudience, WebPatch,
};
use crate::provision::credential::ClientSecret;
use crate::provision::observed::{Application, DeclaredPermission, Resolved};
use crate::provision::redirect_uri::{Platform, RedirectUri};
use crate::provision::registration::{AppRegistration, allows_personal_accounts};

/// The changes that are still to be made, in the order in which they are made.
#[derive(Debug, Default)]
pub(super) struct PendingChanges {
    pub(super) create_application: bool,
    pub(super) patch: Patch,
    pub(super) create_principal: bool,
    pub(super) principal_tags: Option<Vec<String>>,
    pub(super) secrets: Vec<ClientSecret>,
    /// The application permissions to grant.
    pub(super) roles: Vec<Resolved>,
    /// The delegated permissions to grant, or to reduce.
    pub(super) scopes: Vec<ScopeChange>,
    pub(super) surplus_roles: Vec<(ServicePrincipalId, AppRoleAssignmentId)>,
    pub(super) surplus_grants: Vec<OAuth2PermissionGrantId>,
}

impl PendingChanges {
    /// Whether the application that is there, its service principal or its secrets are to be written.
    pub(super) fn has_object_changes(&self) -> bool {
        !self.patch.is_empty() || self.create_principal || self.principal_tags.is_some() || !self.secrets.is_empty()
    }

    /// Whether grants are to be written.
    pub(super) fn has_grant_changes(&self) -> bool {
        !self.roles.is_empty()
            || !self.scopes.is_empty()
            || !self.surplus_roles.is_empty()
            || !self.surplus_grants.is_empty()
    }
}

/// The delegated permissions of one API: one grant, created or updated.
#[derive(Debug)]
pub(super) struct ScopeChange {
    pub(super) api: AppId,
    pub(super) existing: Option<OAuth2PermissionGrantId>,
    /// The whole new list.
    pub(super) scopes: Vec<String>,
}

/// The properties of the application to change; collections whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Patch {
    pub(super) unique_name: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) audience: Option<SignInAudience>,
    pub(super) token_version: Option<i32>,
    pub(super) redirect_uris: Vec<(Platform, Vec<String>)>,
    pub(super) public_client_flows: Option<bool>,
    pub(super) declared: Option<Vec<DeclaredPermission>>,
    pub(super) notes: Option<String>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) homepage: Option<String>,
    pub(super) logout_url: Option<String>,
    pub(super) property_lock: Option<bool>,
}

impl Patch {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The body of the update.
    pub(super) fn body(&self) -> ApplicationPatch {
        let mut body = ApplicationPatch::new();
        let mut web = WebPatch::new();
        if let Some(name) = &self.unique_name {
            body = body.unique_name(name);
        }
        if let Some(name) = &self.display_name {
            body = body.display_name(name);
        }
        if let Some(audience) = &self.audience {
            body = body.sign_in_audience(audience.clone());
        }
        if let Some(version) = self.token_version {
            body = body.api(ApiPatch::new().requested_access_token_version(version));
        }
        for (platform, uris) in &self.redirect_uris {
            let patch = || RedirectUrisPatch::new().redirect_uris(uris.clone());
            match platform {
                Platform::Web => web = web.redirect_uris(uris.clone()),
                Platform::Spa => body = body.spa(patch()),
                Platform::PublicClient => body = body.public_client(patch()),
            }
        }
        if let Some(url) = &self.homepage {
            web = web.home_page_url(url);
        }
        if let Some(url) = &self.logout_url {
            web = web.logout_url(url);
        }
        if !web.is_empty() {
            body = body.web(web);
        }
        if let Some(allowed) = self.public_client_flows {
            body = body.is_fallback_public_client(allowed);
        }
        if let Some(declared) = &self.declared {
            body = body.required_resource_access(required_resource_access(declared));
        }
        if let Some(notes) = &self.notes {
            body = body.notes(notes);
        }
        if let Some(tags) = &self.tags {
            body = body.tags(tags.clone());
        }
        if let Some(locked) = self.property_lock {
            body = body.service_principal_lock_configuration(lock_configuration(locked));
        }
        body
    }

    /// What it changes, for a person.
    pub(super) fn describe(&self) -> String {
        let parts = [
            (self.unique_name.is_some(), "the unique name"),
            (self.display_name.is_some(), "the display name"),
            (self.audience.is_some(), "the supported account types"),
            (!self.redirect_uris.is_empty(), "the redirect URIs"),
            (self.public_client_flows.is_some(), "public client flows"),
            (self.property_lock.is_some(), "the app instance property lock"),
            (self.declared.is_some(), "the declared permissions"),
            (self.notes.is_some(), "the notes"),
            (self.tags.is_some(), "the tags"),
            (self.homepage.is_some(), "the homepage"),
            (self.logout_url.is_some(), "the logout URL"),
        ];
        parts.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
    }

    /// Moves what was observed forward by what was accepted.
    pub(super) fn apply_to(&self, app: &mut Application) {
        if let Some(name) = &self.unique_name {
            app.unique_name = Some(name.clone());
        }
        if let Some(name) = &self.display_name {
            app.display_name.clone_from(name);
        }
        if let Some(audience) = &self.audience {
            app.audience = audience.clone();
        }
        app.token_version = self.token_version.or(app.token_version);
        for (platform, uris) in &self.redirect_uris {
            app.redirect_uris.retain(|uri| uri.platform != *platform);
            app.redirect_uris.extend(uris.iter().map(|uri| RedirectUri::new(*platform, uri)));
        }
        app.redirect_uris.sort();
        app.public_client_flows = self.public_client_flows.or(app.public_client_flows);
        if let Some(declared) = &self.declared {
            app.declared.clone_from(declared);
            app.declared.sort();
        }
        for (new, observed) in [
            (&self.notes, &mut app.notes),
            (&self.homepage, &mut app.homepage),
            (&self.logout_url, &mut app.logout_url),
        ] {
            if new.is_some() {
                observed.clone_from(new);
            }
        }
        if let Some(tags) = &self.tags {
            app.tags.clone_from(tags);
            app.tags.sort();
        }
        app.property_lock = self.property_lock.unwrap_or(app.property_lock);
    }
}

/// The body of the upsert by unique name: what is safe to repeat, the display name and the audience.
pub(super) fn creation_body(registration: &AppRegistration) -> ApplicationPatch {
    let audience = &registration.audience;
    let patch = ApplicationPatch::new().display_name(&registration.display_name).sign_in_audience(audience.clone());
    if allows_personal_accounts(audience) {
        return patch.api(ApiPatch::new().requested_access_token_version(2));
    }
    patch
}

fn lock_configuration(locked: bool) -> ServicePrincipalLockConfiguration {
    let mut configuration = ServicePrincipalLockConfiguration::default();
    (configuration.is_enabled, configuration.all_properties) = (Some(locked), Some(locked));
    configuration
}

fn required_resource_access(declared: &[DeclaredPermission]) -> Vec<RequiredResourceAccess> {
    let mut apis: Vec<RequiredResourceAccess> = Vec::new();
    for DeclaredPermission { api, id, access_type } in declared {
        let mut access = ResourceAccess::default();
        (access.id, access.kind) = (Some(*id), Some(ResourceAccessType::from(access_type.clone())));
        match apis.iter_mut().find(|entry| entry.resource_app_id == Some(*api)) {
            Some(entry) => entry.resource_access.push(access),
            None => {
                let mut entry = RequiredResourceAccess::default();
                (entry.resource_app_id, entry.resource_access) = (Some(*api), vec![access]);
                apis.push(entry);
            }
        }
    }
    apis
}
