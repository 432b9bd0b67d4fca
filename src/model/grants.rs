//! What was granted: app role assignments and OAuth2 permission grants.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use time::OffsetDateTime;

use crate::ids::{AppRoleAssignmentId, DirectoryObjectId, OAuth2PermissionGrantId, PermissionId, ServicePrincipalId};
use crate::model::body::{Body, patch, setters};
use crate::model::enums::{ConsentType, PrincipalType};
use crate::model::serde_forms::date;
use crate::model::unknown::Unknown;

/// An app role assignment: an application permission that was granted
/// ([`appRoleAssignment`](https://learn.microsoft.com/graph/api/resources/approleassignment)).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AppRoleAssignment {
    /// Its id.
    pub id: Option<AppRoleAssignmentId>,
    /// The role: the permission.
    pub app_role_id: Option<PermissionId>,
    /// When it was created, in UTC.
    #[serde(with = "date")]
    pub created_date_time: Option<OffsetDateTime>,
    /// When it was deleted, in UTC.
    #[serde(with = "date")]
    pub deleted_date_time: Option<OffsetDateTime>,
    /// The name of who holds it.
    pub principal_display_name: Option<String>,
    /// The object id of who holds it.
    pub principal_id: Option<DirectoryObjectId>,
    /// What holds it.
    pub principal_type: Option<PrincipalType>,
    /// The name of the API.
    pub resource_display_name: Option<String>,
    /// The object id of the API's service principal.
    pub resource_id: Option<ServicePrincipalId>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// An app role assignment to be created.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NewAppRoleAssignment {
    /// Who gets the role: the object id of a service principal, user or group.
    pub principal_id: DirectoryObjectId,
    /// The object id of the API's service principal.
    pub resource_id: ServicePrincipalId,
    /// The role: the permission.
    pub app_role_id: PermissionId,
}

impl NewAppRoleAssignment {
    /// Grants a role of an API to a principal.
    pub fn new(
        principal_id: impl Into<DirectoryObjectId>,
        resource_id: ServicePrincipalId,
        app_role_id: PermissionId,
    ) -> Self {
        Self { principal_id: principal_id.into(), resource_id, app_role_id }
    }
}

/// Delegated permissions that were granted
/// ([`oAuth2PermissionGrant`](https://learn.microsoft.com/graph/api/resources/oauth2permissiongrant)).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct OAuth2PermissionGrant {
    /// Its id.
    pub id: Option<OAuth2PermissionGrantId>,
    /// The object id of the app's service principal.
    pub client_id: Option<ServicePrincipalId>,
    /// For all users, or for one.
    pub consent_type: Option<ConsentType>,
    /// The user, where it is for one.
    pub principal_id: Option<DirectoryObjectId>,
    /// The object id of the API's service principal.
    pub resource_id: Option<ServicePrincipalId>,
    /// The permissions, separated by blanks: see [`scopes`](Self::scopes).
    pub scope: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl OAuth2PermissionGrant {
    /// The permissions, each by itself.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.as_deref().unwrap_or_default().split_whitespace()
    }
}

/// A grant of delegated permissions to be created.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct NewOAuth2PermissionGrant(Body);

impl NewOAuth2PermissionGrant {
    /// For every user of the tenant: admin consent.
    pub fn for_all_principals(
        client: ServicePrincipalId,
        resource: ServicePrincipalId,
        scopes: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self {
        Self(Self::body(ConsentType::AllPrincipals, client, resource, scopes))
    }

    /// For one user.
    pub fn for_principal(
        client: ServicePrincipalId,
        resource: ServicePrincipalId,
        user: DirectoryObjectId,
        scopes: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self {
        let mut body = Self::body(ConsentType::Principal, client, resource, scopes);
        body.set("principalId", user);
        Self(body)
    }

    /// The app that it is for, as text.
    pub(crate) fn client_id(&self) -> Option<String> {
        self.0.text("clientId").map(str::to_owned)
    }

    fn body(
        consent: ConsentType,
        client: ServicePrincipalId,
        resource: ServicePrincipalId,
        scopes: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Body {
        let mut body = Body::default();
        body.set("clientId", client);
        body.set("consentType", consent);
        body.set("resourceId", resource);
        body.set("scope", joined(scopes));
        body
    }
}

setters! {
    NewOAuth2PermissionGrant {}
}

patch! {
    /// A change of a grant of delegated permissions: its scopes are all that can change.
    OAuth2PermissionGrantPatch {
        /// The permissions, all of them, separated by blanks.
        scope("scope"): String;
    }
}

impl OAuth2PermissionGrantPatch {
    /// The permissions, all of them.
    #[must_use]
    pub fn scopes(self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.scope(joined(scopes))
    }
}

fn joined(scopes: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    scopes.into_iter().map(|scope| scope.as_ref().to_owned()).collect::<Vec<_>>().join(" ")
}
