//! The work of a plan as Graph's requests.

use crate::model::{
    ApiPatch, ApplicationPatch, RedirectUrisPatch, RequiredResourceAccess, ResourceAccess, ResourceAccessType,
    ServicePrincipalLockConfiguration, SignInAudience, WebPatch,
};
use crate::provision::diff::Patch;
use crate::provision::observed::{Application, Declared};
use crate::provision::redirect_uri::Platform;
use crate::provision::registration::allows_personal_accounts;

/// What is safe to repeat in an upsert by key: the name and the audience.
pub(super) fn creation(display_name: &str, audience: &SignInAudience) -> ApplicationPatch {
    let patch = ApplicationPatch::new().display_name(display_name).sign_in_audience(audience.clone());
    if allows_personal_accounts(audience) {
        return patch.api(ApiPatch::new().requested_access_token_version(2));
    }
    patch
}

impl Patch {
    /// The body of the update.
    pub(super) fn body(&self) -> ApplicationPatch {
        let mut body = ApplicationPatch::new();
        let mut web = WebPatch::new();
        if let Some(key) = &self.key {
            body = body.unique_name(key);
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
            let other = || RedirectUrisPatch::new().redirect_uris(uris.clone());
            match platform {
                Platform::Web => web = web.redirect_uris(uris.clone()),
                Platform::Spa => body = body.spa(other()),
                Platform::PublicClient => body = body.public_client(other()),
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
            body = body.required_resource_access(declaration(declared));
        }
        if let Some(notes) = &self.notes {
            body = body.notes(notes);
        }
        if let Some(tags) = &self.tags {
            body = body.tags(tags.clone());
        }
        if let Some(locked) = self.locked {
            body = body.service_principal_lock_configuration(lock(locked));
        }
        body
    }

    /// What it changes, for a person.
    pub(super) fn words(&self) -> String {
        let parts = [
            (self.key.is_some(), "the key"),
            (self.display_name.is_some(), "the display name"),
            (self.audience.is_some(), "the supported account types"),
            (!self.redirect_uris.is_empty(), "the redirect URIs"),
            (self.public_client_flows.is_some(), "public client flows"),
            (self.locked.is_some(), "the app instance property lock"),
            (self.declared.is_some(), "the declared permissions"),
            (self.notes.is_some(), "the notes"),
            (self.tags.is_some(), "the tags"),
            (self.homepage.is_some(), "the homepage"),
            (self.logout_url.is_some(), "the logout URL"),
        ];
        parts.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
    }

    /// Moves what was seen forward by what was accepted.
    pub(super) fn done(&self, app: &mut Application) {
        if let Some(key) = &self.key {
            app.key = Some(key.clone());
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
            app.redirect_uris
                .extend(uris.iter().map(|uri| crate::provision::redirect_uri::RedirectUri::new(*platform, uri)));
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
        app.locked = self.locked.unwrap_or(app.locked);
    }
}

fn lock(locked: bool) -> ServicePrincipalLockConfiguration {
    let mut lock = ServicePrincipalLockConfiguration::default();
    (lock.is_enabled, lock.all_properties) = (Some(locked), Some(locked));
    lock
}

fn declaration(declared: &[Declared]) -> Vec<RequiredResourceAccess> {
    let mut apis: Vec<RequiredResourceAccess> = Vec::new();
    for Declared { api, id, access } in declared {
        let mut one = ResourceAccess::default();
        (one.id, one.kind) = (Some(*id), Some(ResourceAccessType::from(access.clone())));
        match apis.iter_mut().find(|entry| entry.resource_app_id == Some(*api)) {
            Some(entry) => entry.resource_access.push(one),
            None => {
                let mut entry = RequiredResourceAccess::default();
                (entry.resource_app_id, entry.resource_access) = (Some(*api), vec![one]);
                apis.push(entry);
            }
        }
    }
    apis
}
