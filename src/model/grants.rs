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
    ///
    /// ```
    /// use entra_apps::model::AppRoleAssignment;
    ///
    /// let read: AppRoleAssignment = serde_json::from_str(r#"{"principalDisplayName": "Contoso Backup"}"#)?;
    /// assert_eq!(read.principal_display_name.as_deref(), Some("Contoso Backup"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    AppRoleAssignment {
        /// The id of the assignment.
        id: Option<AppRoleAssignmentId> = "id",
        /// The id of the app role, which is the permission.
        app_role_id: Option<PermissionId> = "appRoleId",
        /// The time of its creation, in UTC.
        created_date_time: Option<OffsetDateTime> = "createdDateTime",
        /// The time of its deletion, in UTC.
        deleted_date_time: Option<OffsetDateTime> = "deletedDateTime",
        /// The display name of the principal.
        principal_display_name: Option<String> = "principalDisplayName",
        /// The object id of the principal to which the role is assigned.
        principal_id: Option<DirectoryObjectId> = "principalId",
        /// The type of the principal.
        principal_type: Option<PrincipalType> = "principalType",
        /// The display name of the API.
        resource_display_name: Option<String> = "resourceDisplayName",
        /// The object id of the API's service principal.
        resource_id: Option<ServicePrincipalId> = "resourceId",
    }
}

/// A new app role assignment
/// ([create](https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignments)).
///
/// ```
/// use entra_apps::ids::{PermissionId, ServicePrincipalId};
/// use entra_apps::model::NewAppRoleAssignment;
///
/// let made = NewAppRoleAssignment::new(
///     ServicePrincipalId::from_u128(1),
///     ServicePrincipalId::from_u128(1),
///     PermissionId::from_u128(1),
/// );
/// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"principalId": "00000000-0000-0000-0000-000000000001", "resourceId": "00000000-0000-0000-0000-000000000001", "appRoleId": "00000000-0000-0000-0000-000000000001"}));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NewAppRoleAssignment {
    /// The object id of the service principal, user or group that gets the role.
    pub principal_id: DirectoryObjectId,
    /// The object id of the API's service principal.
    pub resource_id: ServicePrincipalId,
    /// The id of the app role, which is the permission.
    pub app_role_id: PermissionId,
}

impl NewAppRoleAssignment {
    /// Assigns a role of an API to a principal.
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
    ///
    /// ```
    /// use entra_apps::model::OAuth2PermissionGrant;
    ///
    /// let read: OAuth2PermissionGrant = serde_json::from_str(r#"{"consentType": "AllPrincipals", "scope": "openid User.Read"}"#)?;
    /// assert_eq!(read.scopes().collect::<Vec<_>>(), ["openid", "User.Read"]);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    OAuth2PermissionGrant {
        /// The id of the grant.
        id: Option<OAuth2PermissionGrantId> = "id",
        /// The object id of the app's service principal.
        client_id: Option<ServicePrincipalId> = "clientId",
        /// Whether it is for every user or for one.
        consent_type: Option<ConsentType> = "consentType",
        /// The object id of the user, of a grant for one.
        principal_id: Option<DirectoryObjectId> = "principalId",
        /// The object id of the API's service principal.
        resource_id: Option<ServicePrincipalId> = "resourceId",
        /// The permissions, separated by spaces: see [`scopes`](Self::scopes).
        scope: Option<String> = "scope",
    }
}

impl OAuth2PermissionGrant {
    /// The permissions, one by one.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.as_deref().unwrap_or_default().split_whitespace()
    }
}

/// A new grant of delegated permissions
/// ([create](https://learn.microsoft.com/graph/api/oauth2permissiongrant-post)).
///
/// ```
/// use entra_apps::ids::ServicePrincipalId;
/// use entra_apps::model::NewOAuth2PermissionGrant;
///
/// let made = NewOAuth2PermissionGrant::for_all_principals(
///     ServicePrincipalId::from_u128(1),
///     ServicePrincipalId::from_u128(1),
///     ["openid"],
/// );
/// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({
///     "clientId": "00000000-0000-0000-0000-000000000001", "resourceId": "00000000-0000-0000-0000-000000000001", "consentType": "AllPrincipals", "scope": "openid"
/// }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct NewOAuth2PermissionGrant(Body);

impl NewOAuth2PermissionGrant {
    /// A grant for every user of the tenant: admin consent.
    pub fn for_all_principals(
        client: ServicePrincipalId,
        resource: ServicePrincipalId,
        scopes: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self {
        Self(Self::body(ConsentType::AllPrincipals, client, resource, scopes))
    }

    /// A grant for one user.
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

    /// The object id of the service principal that it is for, as text.
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
    /// A change of a grant of delegated permissions, of which only the scopes can change
    /// ([update](https://learn.microsoft.com/graph/api/oauth2permissiongrant-update)).
    ///
    /// ```
    /// use entra_apps::model::OAuth2PermissionGrantPatch;
    ///
    /// let made = OAuth2PermissionGrantPatch::new().scopes(["openid", "User.Read"]);
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"scope": "openid User.Read"}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    OAuth2PermissionGrantPatch {
        /// The permissions, separated by spaces; replaces the list.
        scope("scope"): String;
    }
}

impl OAuth2PermissionGrantPatch {
    /// The permissions; replaces the list.
    #[must_use]
    pub fn scopes(self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.scope(joined(scopes))
    }
}

fn joined(scopes: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    scopes.into_iter().map(|scope| scope.as_ref().to_owned()).collect::<Vec<_>>().join(" ")
}
