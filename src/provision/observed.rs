//! What was observed of the tenant: Graph's own objects, which a plan carries and an apply moves forward step by step.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, ApplicationId, DirectoryObjectId, KeyId, PermissionId, ServicePrincipalId, TenantId};
use crate::model::{
    AppRoleAssignment, Application, ConsentType, DeletedItem, OAuth2PermissionGrant, PasswordCredential,
    ServicePrincipal,
};
use crate::permission::Permission;

/// Everything that a plan depends on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Observed {
    pub(super) tenant: TenantId,
    pub(super) tenant_name: Option<String>,
    /// With the members that the rooms select.
    pub(super) application: Option<Application>,
    /// Other applications of the same display name.
    pub(super) same_name: Vec<SameName>,
    /// The deleted application that holds the unique name, where it could be looked for.
    #[serde(default)]
    pub(super) deleted_holder: Option<DeletedHolder>,
    pub(super) principal: Option<ServicePrincipal>,
    /// The app role assignments of the service principal.
    pub(super) assignments: Vec<AppRoleAssignment>,
    /// The OAuth2 permission grants of the service principal.
    pub(super) grants: Vec<OAuth2PermissionGrant>,
    /// The APIs of the wanted permissions.
    pub(super) resources: Vec<Resource>,
    /// The ids and names of the wanted permissions, as this tenant knows them.
    pub(super) permissions: Vec<Resolved>,
}

/// Another application of the same display name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SameName {
    pub(super) id: ApplicationId,
    pub(super) app_id: AppId,
    pub(super) unique_name: Option<String>,
}

/// A deleted application that holds the unique name of the registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeletedHolder {
    pub(super) id: DirectoryObjectId,
    pub(super) display_name: String,
}

impl DeletedHolder {
    /// The deleted item, if it holds the unique name.
    pub(super) fn of(item: DeletedItem, unique_name: &str) -> Option<Self> {
        let holds = item.unique_name.as_deref() == Some(unique_name);
        Some(Self { id: item.id.filter(|_| holds)?, display_name: item.display_name.unwrap_or_default() })
    }
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
    /// The client id of the application that is there.
    pub(super) fn app_id(&self) -> Option<AppId> {
        self.application.as_ref()?.app_id
    }

    /// The object id of the service principal that is there.
    pub(super) fn principal_id(&self) -> Option<ServicePrincipalId> {
        self.principal.as_ref()?.id
    }

    /// The ids of the objects in it.
    pub(super) fn object_ids(&self) -> Vec<String> {
        let app = self.application.iter().flat_map(|app| {
            [app.id.map(|id| id.to_string()), app.app_id.map(|id| id.to_string()), app.unique_name.clone()]
        });
        let principal = self.principal_id().map(|id| id.to_string());
        let assignments = self.assignments.iter().map(|assignment| assignment.id.as_ref().map(ToString::to_string));
        let grants = self.grants.iter().map(|grant| grant.id.as_ref().map(ToString::to_string));
        app.chain([principal]).chain(assignments).chain(grants).flatten().collect()
    }

    /// The service principal of an API.
    pub(super) fn resource(&self, api: AppId) -> Option<ServicePrincipalId> {
        self.resources.iter().find(|resource| resource.api == api)?.principal
    }

    /// The API of a service principal, where it is one of those that are named.
    pub(super) fn api(&self, resource: ServicePrincipalId) -> Option<AppId> {
        self.resources.iter().find(|known| known.principal == Some(resource)).map(|known| known.api)
    }

    /// A wanted permission as the tenant knows it.
    pub(super) fn resolved(&self, permission: &Permission) -> Option<&Resolved> {
        self.permissions.iter().find(|resolved| resolved.permission == *permission)
    }

    /// The secrets of this description that have not expired at `now`.
    pub(super) fn live_secrets<'a>(
        &'a self,
        name: &'a str,
        now: OffsetDateTime,
    ) -> impl Iterator<Item = (KeyId, &'a PasswordCredential)> {
        self.secrets().filter(move |(_, secret)| {
            secret.display_name.as_deref() == Some(name) && secret.end_date_time.is_none_or(|end| end > now)
        })
    }

    /// The client secrets of the application, by their key ids.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (KeyId, &PasswordCredential)> {
        let secrets = self.application.iter().flat_map(|app| &app.password_credentials);
        secrets.filter_map(|secret| Some((secret.key_id?, secret)))
    }

    /// The grant for all users on one API.
    pub(super) fn tenant_wide_grant(&self, resource: ServicePrincipalId) -> Option<&OAuth2PermissionGrant> {
        self.grants.iter().find(|grant| !is_of_single_user(grant) && grant.resource_id == Some(resource))
    }
}

/// Whether a grant is for one user only, and not for the whole tenant.
pub(super) fn is_of_single_user(grant: &OAuth2PermissionGrant) -> bool {
    grant.consent_type == Some(ConsentType::Principal)
}

/// The scopes of a grant, in order and each once.
pub(super) fn scopes_of(grant: &OAuth2PermissionGrant) -> Vec<String> {
    let mut scopes: Vec<String> = grant.scopes().map(str::to_owned).collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

/// An id for a person; nothing where it is missing.
pub(super) fn shown(id: Option<&impl ToString>) -> String {
    id.map(ToString::to_string).unwrap_or_default()
}

/// An application must come with its ids.
pub(super) fn with_ids(app: Application) -> Result<Application, Error> {
    match (app.id, app.app_id) {
        (Some(_), Some(_)) => Ok(app),
        _ => Err(Error::new(ErrorCode::UnexpectedResponse).with_message("the application came without its ids")),
    }
}
