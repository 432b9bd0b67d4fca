//! What was observed of the tenant: Graph's own objects, which a plan carries and an apply moves forward step by step.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, ApplicationId, KeyId, PermissionId, ServicePrincipalId, TenantId};
use crate::model::{
    AppRoleAssignment, Application, ConsentType, OAuth2PermissionGrant, PasswordCredential, ServicePrincipal,
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
    pub(super) principal: Option<ServicePrincipal>,
    /// The app role assignments of the service principal.
    pub(super) assignments: Vec<AppRoleAssignment>,
    /// The OAuth2 permission grants of the service principal.
    pub(super) grants: Vec<OAuth2PermissionGrant>,
    /// The APIs of the wanted permissions.
    pub(super) resources: Vec<Resource>,
    /// The ids and names of the wanted permissions, as this tenant knows them.
    pub(super) permissions: Vec<Resolved>,
    /// The wanted permissions that cannot be had here. A saved plan has none: it would not have been made.
    #[serde(skip)]
    pub(super) obstacles: Vec<Obstacle>,
}

/// Another application of the same display name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SameName {
    pub(super) id: ApplicationId,
    pub(super) app_id: AppId,
    pub(super) unique_name: Option<String>,
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

/// A wanted permission that cannot be had in this tenant, and why.
#[derive(Clone, Debug)]
pub(super) struct Obstacle {
    pub(super) permission: Permission,
    pub(super) code: ErrorCode,
    /// What is the case, as a clause.
    pub(super) text: String,
    /// What to do, in sentences.
    pub(super) remedy: String,
}

impl Obstacle {
    /// What is the case and what to do, in sentences.
    pub(super) fn sentences(&self) -> String {
        let mut letters = self.text.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        format!("{first}{}. {}", letters.as_str(), self.remedy)
    }
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

    /// The secrets of this description that are valid at `now`.
    pub(super) fn live_secrets<'a>(
        &'a self,
        name: &'a str,
        now: OffsetDateTime,
    ) -> impl Iterator<Item = (KeyId, &'a PasswordCredential)> {
        self.secrets().filter(move |(_, secret)| {
            secret.display_name.as_deref() == Some(name) && Validity::of(secret, now) == Validity::Live
        })
    }

    /// Whether there may be a live secret of this description among what cannot be read.
    pub(super) fn may_have_secret(&self, name: &str, now: OffsetDateTime) -> bool {
        let may_be = |secret: &PasswordCredential| match &secret.display_name {
            None => secret.is_unreadable("displayName") && Validity::of(secret, now).may_be_live(),
            Some(other) if other == name => match secret.key_id {
                Some(_) => Validity::of(secret, now) == Validity::Unknown,
                None => Validity::of(secret, now).may_be_live(),
            },
            Some(_) => false,
        };
        self.application.iter().any(|app| {
            // Below it stand the members of the secrets, which are looked at one by one.
            let is_list_unreadable = app.unreadable().iter().any(|path| path == "passwordCredentials");
            is_list_unreadable || app.password_credentials.iter().any(may_be)
        })
    }

    /// The client secrets of the application, by their key ids.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (KeyId, &PasswordCredential)> {
        let secrets = self.application.iter().flat_map(|app| &app.password_credentials);
        secrets.filter_map(|secret| Some((secret.key_id?, secret)))
    }

    /// The grant for all users on one API.
    pub(super) fn tenant_wide_grant(&self, resource: ServicePrincipalId) -> Option<&OAuth2PermissionGrant> {
        self.grants.iter().find(|grant| is_tenant_wide(grant) && grant.resource_id == Some(resource))
    }
}

/// Whether a client secret can be used at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    Live,
    /// Its time has not begun.
    Early,
    Ended,
    /// One of its ends is not known.
    Unknown,
}

/// A secret that begins this much later by the service's clock than it is by the caller's counts as begun: it was issued a
/// moment ago, and their clocks differ.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::minutes(5);

impl Validity {
    pub(super) fn of(secret: &PasswordCredential, now: OffsetDateTime) -> Self {
        match (secret.start_date_time, secret.end_date_time) {
            (_, Some(end)) if end <= now => Self::Ended,
            (Some(start), _) if start - now > MAX_CLOCK_DIFFERENCE => Self::Early,
            (None, _) if secret.is_unreadable("startDateTime") => Self::Unknown,
            (_, Some(_)) => Self::Live,
            (_, None) => Self::Unknown,
        }
    }

    fn may_be_live(self) -> bool {
        matches!(self, Self::Live | Self::Unknown)
    }
}

/// Whether a grant is for the whole tenant, of which nothing but its own word says so.
pub(super) fn is_tenant_wide(grant: &OAuth2PermissionGrant) -> bool {
    grant.consent_type == Some(ConsentType::AllPrincipals)
}

/// Whether a grant is for one user only.
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
