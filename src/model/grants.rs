//! What was granted: app role assignments and OAuth2 permission grants.

use serde::Serialize;
use time::OffsetDateTime;

use crate::ids::{AppRoleAssignmentId, DirectoryObjectId, OAuth2PermissionGrantId, PermissionId, ServicePrincipalId};
use crate::model::body::{Body, patch, setters};
use crate::model::enums::{ConsentType, PrincipalType};
use crate::model::object::object;

object! {
    /// An app role assignment: an application permission that was granted
    /// ([`appRoleAssignment`](https://learn.microsoft.com/graph/api/resources/approleassignment)).
    AppRoleAssignment {
        /// Its id.
        id: Option<AppRoleAssignmentId> = "id",
        /// The role: the permission.
        app_role_id: Option<PermissionId> = "appRoleId",
        /// When it was created, in UTC.
        created_date_time: Option<OffsetDateTime> = "createdDateTime",
        /// When it was deleted, in UTC.
        deleted_date_time: Option<OffsetDateTime> = "deletedDateTime",
        /// The name of who holds it.
        principal_display_name: Option<String> = "principalDisplayName",
        /// The object id of who holds it.
        principal_id: Option<DirectoryObjectId> = "principalId",
        /// What holds it.
        principal_type: Option<PrincipalType> = "principalType",
        /// The name of the API.
        resource_display_name: Option<String> = "resourceDisplayName",
        /// The object id of the API's service principal.
        resource_id: Option<ServicePrincipalId> = "resourceId",
    }
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

object! {
    /// Delegated permissions that were granted
    /// ([`oAuth2PermissionGrant`](https://learn.microsoft.com/graph/api/resources/oauth2permissiongrant)).
    OAuth2PermissionGrant {
        /// Its id.
        id: Option<OAuth2PermissionGrantId> = "id",
        /// The object id of the app's service principal.
        client_id: Option<ServicePrincipalId> = "clientId",
        /// For all users, or for one.
        consent_type: Option<ConsentType> = "consentType",
        /// The user, where it is for one.
        principal_id: Option<DirectoryObjectId> = "principalId",
        /// The object id of the API's service principal.
        resource_id: Option<ServicePrincipalId> = "resourceId",
        /// The permissions, separated by blanks: see [`scopes`](Self::scopes).
        scope: Option<String> = "scope",
    }
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
