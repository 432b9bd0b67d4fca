//! What was observed of the tenant: plain data, which a plan carries and an apply moves forward step by step.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ids::{
    AppId, AppRoleAssignmentId, ApplicationId, KeyId, OAuth2PermissionGrantId, PermissionId, ServicePrincipalId,
    TenantId,
};
use crate::model::SignInAudience;
use crate::permission::{self, MICROSOFT_GRAPH, Permission, PermissionKind};
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
    /// The APIs of the wanted permissions.
    pub(super) resources: Vec<Resource>,
    /// The ids and names of the wanted permissions, as this tenant knows them.
    pub(super) permissions: Vec<Resolved>,
}

/// The application: what a registration can set, and its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Application {
    pub(super) id: ApplicationId,
    pub(super) app_id: AppId,
    pub(super) unique_name: Option<String>,
    pub(super) display_name: String,
    pub(super) audience: SignInAudience,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) created: Option<OffsetDateTime>,
    pub(super) redirect_uris: Vec<RedirectUri>,
    pub(super) public_client_flows: Option<bool>,
    pub(super) token_version: Option<i32>,
    pub(super) declared: Vec<DeclaredPermission>,
    pub(super) notes: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) homepage: Option<String>,
    pub(super) logout_url: Option<String>,
    /// The app instance property lock.
    pub(super) property_lock: bool,
    pub(super) secrets: Vec<Secret>,
}

/// A permission that the application declares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeclaredPermission {
    pub(super) api: AppId,
    pub(super) id: PermissionId,
    /// `Role`, `Scope`, or a value that is not known yet.
    pub(super) access_type: String,
}

/// A client secret, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Secret {
    pub(super) key_id: KeyId,
    pub(super) name: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) end: Option<OffsetDateTime>,
}

/// Another application of the same display name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SameName {
    pub(super) id: ApplicationId,
    pub(super) app_id: AppId,
    pub(super) unique_name: Option<String>,
}

/// The service principal of the application, and what it was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Principal {
    pub(super) id: ServicePrincipalId,
    pub(super) tags: Vec<String>,
    pub(super) enabled: bool,
    pub(super) assignments: Vec<Assignment>,
    pub(super) grants: Vec<Grant>,
}

/// An app role assignment: an application permission that was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Assignment {
    /// Unknown where the service only said that it is there.
    pub(super) id: Option<AppRoleAssignmentId>,
    pub(super) resource: ServicePrincipalId,
    pub(super) resource_name: Option<String>,
    pub(super) role: PermissionId,
}

/// An OAuth2 permission grant: the delegated permissions of one API that were granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Grant {
    pub(super) id: OAuth2PermissionGrantId,
    pub(super) resource: ServicePrincipalId,
    /// Whether it is for one user only, and not for the whole tenant.
    pub(super) single_user: bool,
    pub(super) scopes: Vec<String>,
}

/// An API, and its service principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource {
    pub(super) api: AppId,
    /// `None` where the tenant lacks it.
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
    /// The ids of the objects in it.
    pub(super) fn object_ids(&self) -> Vec<String> {
        let app = self.application.iter().flat_map(|app| {
            [Some(app.id.to_string()), Some(app.app_id.to_string()), app.unique_name.clone()].into_iter().flatten()
        });
        let principal = self.principal.iter().flat_map(|principal| {
            let assignments =
                principal.assignments.iter().filter_map(|assignment| Some(assignment.id.as_ref()?.to_string()));
            let grants = principal.grants.iter().map(|grant| grant.id.to_string());
            std::iter::once(principal.id.to_string()).chain(assignments).chain(grants)
        });
        app.chain(principal).collect()
    }

    /// What decides about the changes: all but what is only shown to a person.
    pub(super) fn relevant(&self) -> Self {
        let mut relevant = self.clone();
        relevant.tenant_name = None;
        relevant.same_name.clear();
        for assignment in relevant.principal.iter_mut().flat_map(|principal| &mut principal.assignments) {
            assignment.resource_name = None;
        }
        relevant
    }

    /// The service principal of an API.
    pub(super) fn resource(&self, api: AppId) -> Option<ServicePrincipalId> {
        self.resources.iter().find(|resource| resource.api == api)?.principal
    }

    /// A wanted permission as the tenant knows it.
    pub(super) fn resolved(&self, permission: &Permission) -> Option<&Resolved> {
        self.permissions.iter().find(|resolved| resolved.permission == *permission)
    }

    /// Whether a wanted permission is declared by the application.
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
            PermissionKind::Application => principal
                .assignments
                .iter()
                .any(|assignment| assignment.resource == resource && assignment.role == resolved.id),
            PermissionKind::Delegated => principal
                .tenant_wide_grant(resource)
                .is_some_and(|grant| resolved.value.as_ref().is_some_and(|scope| grant.scopes.contains(scope))),
        }
    }

    /// Whether everything in `earlier` is still there: a replica that lacks some of it may lag.
    pub(super) fn has_all_of(&self, earlier: &Self) -> bool {
        let Some(before) = &earlier.application else { return true };
        let Some(app) = &self.application else { return false };
        let lists_have = before.redirect_uris.iter().all(|uri| app.redirect_uris.contains(uri))
            && before.declared.iter().all(|declared| app.declared.contains(declared))
            && before.tags.iter().all(|tag| app.tags.contains(tag))
            && before.secrets.iter().all(|secret| app.secrets.iter().any(|other| other.key_id == secret.key_id));
        let scalars_equal = before.id == app.id
            && before.unique_name == app.unique_name
            && before.display_name == app.display_name
            && before.audience == app.audience
            && before.public_client_flows == app.public_client_flows
            && before.notes == app.notes
            && before.homepage == app.homepage
            && before.logout_url == app.logout_url
            && before.property_lock == app.property_lock;
        let principal_has = match (&earlier.principal, &self.principal) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(before), Some(principal)) => principal.has_all_of(before),
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

    /// The secrets of this name that have not expired at `now`.
    pub(super) fn live_secrets<'a>(&'a self, name: &'a str, now: OffsetDateTime) -> impl Iterator<Item = &'a Secret> {
        self.secrets
            .iter()
            .filter(move |secret| secret.name.as_deref() == Some(name) && secret.end.is_none_or(|end| end > now))
    }
}

impl Principal {
    /// The grant for all users on one API.
    pub(super) fn tenant_wide_grant(&self, resource: ServicePrincipalId) -> Option<&Grant> {
        self.grants.iter().find(|grant| !grant.single_user && grant.resource == resource)
    }

    fn has_all_of(&self, earlier: &Self) -> bool {
        earlier.id == self.id
            && earlier.tags.iter().all(|tag| self.tags.contains(tag))
            && earlier.assignments.iter().all(|assignment| {
                self.assignments
                    .iter()
                    .any(|other| other.resource == assignment.resource && other.role == assignment.role)
            })
            && earlier.grants.iter().all(|grant| {
                self.grants
                    .iter()
                    .any(|other| other.id == grant.id && grant.scopes.iter().all(|scope| other.scopes.contains(scope)))
            })
    }
}

impl Resolved {
    /// The entry by which the application declares it.
    pub(super) fn declared(&self) -> DeclaredPermission {
        let access_type = match self.permission.kind() {
            PermissionKind::Application => "Role",
            PermissionKind::Delegated => "Scope",
        };
        DeclaredPermission { api: self.permission.api(), id: self.id, access_type: access_type.to_owned() }
    }
}

impl DeclaredPermission {
    /// The permission for a person: its name where it is known.
    pub(super) fn describe(&self) -> String {
        let kind = match self.access_type.as_str() {
            "Role" => PermissionKind::Application,
            "Scope" => PermissionKind::Delegated,
            other => return format!("{} ({other}) of {}", self.id, self.api),
        };
        if self.api == MICROSOFT_GRAPH && permission::find_by_id(self.id, kind).is_none() {
            return format!("{} of Microsoft Graph", self.id);
        }
        Permission::by_id(self.api, self.id, kind).to_string()
    }
}
