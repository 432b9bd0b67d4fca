//! What was seen of the target: plain data, which a plan carries and apply moves forward step by step.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ids::{
    AppId, AppRoleAssignmentId, ApplicationId, KeyId, OAuth2PermissionGrantId, PermissionId, ServicePrincipalId,
    TenantId,
};
use crate::model::SignInAudience;
use crate::permission::{Permission, PermissionKind};
use crate::provision::redirect_uri::{Platform, RedirectUri};

/// Everything that a plan depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Observed {
    pub(super) tenant: TenantId,
    pub(super) tenant_name: Option<String>,
    pub(super) application: Option<Application>,
    /// Other applications of the same display name.
    pub(super) same_name: Vec<SameName>,
    pub(super) principal: Option<Principal>,
    /// The service principals of the APIs; `None` where the tenant lacks one.
    pub(super) resources: Vec<Resource>,
    /// The ids and names of the wanted permissions, as this tenant knows them.
    pub(super) permissions: Vec<Resolved>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Application {
    pub(super) id: ApplicationId,
    pub(super) app_id: AppId,
    pub(super) key: Option<String>,
    pub(super) display_name: String,
    pub(super) audience: SignInAudience,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) created: Option<OffsetDateTime>,
    pub(super) redirect_uris: Vec<RedirectUri>,
    pub(super) public_client_flows: Option<bool>,
    pub(super) token_version: Option<i32>,
    pub(super) declared: Vec<Declared>,
    pub(super) notes: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) homepage: Option<String>,
    pub(super) logout_url: Option<String>,
    pub(super) locked: bool,
    pub(super) secrets: Vec<Secret>,
}

/// A permission in the application's declaration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Declared {
    pub(super) api: AppId,
    pub(super) id: PermissionId,
    /// `Role`, `Scope`, or what the service may think of next.
    pub(super) access: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Secret {
    pub(super) key_id: KeyId,
    pub(super) name: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) end: Option<OffsetDateTime>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SameName {
    pub(super) id: ApplicationId,
    pub(super) app_id: AppId,
    pub(super) key: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Principal {
    pub(super) id: ServicePrincipalId,
    pub(super) tags: Vec<String>,
    pub(super) enabled: bool,
    pub(super) assignments: Vec<Assignment>,
    pub(super) grants: Vec<Grant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Assignment {
    /// Unknown where the service only said that it is there.
    pub(super) id: Option<AppRoleAssignmentId>,
    pub(super) resource: ServicePrincipalId,
    pub(super) resource_name: Option<String>,
    pub(super) role: PermissionId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Grant {
    pub(super) id: OAuth2PermissionGrantId,
    pub(super) resource: ServicePrincipalId,
    /// For one user only.
    pub(super) for_one: bool,
    pub(super) scopes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource {
    pub(super) api: AppId,
    pub(super) principal: Option<ServicePrincipalId>,
}

/// A wanted permission with the id and the name that the tenant knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resolved {
    pub(super) permission: Permission,
    pub(super) id: PermissionId,
    pub(super) value: Option<String>,
}

impl Observed {
    /// The ids of the objects that it is about.
    pub(super) fn about(&self) -> Vec<String> {
        let app = self.application.iter().flat_map(|app| {
            [Some(app.id.to_string()), Some(app.app_id.to_string()), app.key.clone()].into_iter().flatten()
        });
        let principal = self.principal.iter().flat_map(|principal| {
            let assignments = principal.assignments.iter().filter_map(|held| Some(held.id.as_ref()?.to_string()));
            let grants = principal.grants.iter().map(|grant| grant.id.to_string());
            std::iter::once(principal.id.to_string()).chain(assignments).chain(grants)
        });
        app.chain(principal).collect()
    }

    /// What a plan depends on, without what is for show only.
    pub(super) fn target(&self) -> Self {
        let mut target = self.clone();
        target.tenant_name = None;
        target.same_name.clear();
        for held in target.principal.iter_mut().flat_map(|principal| &mut principal.assignments) {
            held.resource_name = None;
        }
        target
    }

    pub(super) fn resource(&self, api: AppId) -> Option<ServicePrincipalId> {
        self.resources.iter().find(|resource| resource.api == api)?.principal
    }

    pub(super) fn resolved(&self, permission: &Permission) -> Option<&Resolved> {
        self.permissions.iter().find(|resolved| resolved.permission == *permission)
    }

    /// Whether a wanted permission stands in the application's declaration.
    pub(super) fn is_declared(&self, resolved: &Resolved) -> bool {
        let wanted = resolved.declared();
        self.application.as_ref().is_some_and(|app| app.declared.contains(&wanted))
    }

    /// Whether a wanted permission is granted for the whole tenant.
    pub(super) fn is_granted(&self, resolved: &Resolved) -> bool {
        let (Some(principal), Some(resource)) = (&self.principal, self.resource(resolved.permission.api())) else {
            return false;
        };
        match resolved.permission.kind() {
            PermissionKind::Application => {
                principal.assignments.iter().any(|held| held.resource == resource && held.role == resolved.id)
            }
            PermissionKind::Delegated => principal
                .tenant_wide(resource)
                .is_some_and(|grant| resolved.value.as_ref().is_some_and(|scope| grant.scopes.contains(scope))),
        }
    }

    /// Whether everything in `earlier` is still to be seen here: a replica that lacks some of it may be late.
    pub(super) fn has_all_of(&self, earlier: &Self) -> bool {
        let Some(was) = &earlier.application else { return true };
        let Some(app) = &self.application else { return false };
        let lists_have = was.redirect_uris.iter().all(|uri| app.redirect_uris.contains(uri))
            && was.declared.iter().all(|declared| app.declared.contains(declared))
            && was.tags.iter().all(|tag| app.tags.contains(tag))
            && was.secrets.iter().all(|secret| app.secrets.iter().any(|other| other.key_id == secret.key_id));
        let scalars_equal = was.id == app.id
            && was.key == app.key
            && was.display_name == app.display_name
            && was.audience == app.audience
            && was.public_client_flows == app.public_client_flows
            && was.notes == app.notes
            && was.homepage == app.homepage
            && was.logout_url == app.logout_url
            && was.locked == app.locked;
        let principal_has = match (&earlier.principal, &self.principal) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(was), Some(principal)) => principal.has_all_of(was),
        };
        lists_have && scalars_equal && principal_has
    }
}

impl Application {
    pub(super) fn has_redirect_uri(&self, uri: &RedirectUri) -> bool {
        self.redirect_uris.contains(uri)
    }

    pub(super) fn redirect_uris_of(&self, platform: Platform) -> Vec<String> {
        self.redirect_uris.iter().filter(|uri| uri.platform == platform).map(|uri| uri.uri.clone()).collect()
    }

    /// Live secrets of this name at `now`.
    pub(super) fn live_secrets<'a>(&'a self, name: &'a str, now: OffsetDateTime) -> impl Iterator<Item = &'a Secret> {
        self.secrets
            .iter()
            .filter(move |secret| secret.name.as_deref() == Some(name) && secret.end.is_none_or(|end| end > now))
    }
}

impl Principal {
    /// The grant for all users on one API.
    pub(super) fn tenant_wide(&self, resource: ServicePrincipalId) -> Option<&Grant> {
        self.grants.iter().find(|grant| !grant.for_one && grant.resource == resource)
    }

    fn has_all_of(&self, was: &Self) -> bool {
        was.id == self.id
            && was.tags.iter().all(|tag| self.tags.contains(tag))
            && was.assignments.iter().all(|held| {
                self.assignments.iter().any(|other| other.resource == held.resource && other.role == held.role)
            })
            && was.grants.iter().all(|grant| {
                self.grants
                    .iter()
                    .any(|other| other.id == grant.id && grant.scopes.iter().all(|scope| other.scopes.contains(scope)))
            })
    }
}

impl Resolved {
    /// Its entry in a declaration.
    pub(super) fn declared(&self) -> Declared {
        let access = match self.permission.kind() {
            PermissionKind::Application => "Role",
            PermissionKind::Delegated => "Scope",
        };
        Declared { api: self.permission.api(), id: self.id, access: access.to_owned() }
    }
}
