//! Methods to inspect the current state of a tenant, without lag and without secrets.

use entra_apps::ids::{
    AppId, AppRoleAssignmentId, ApplicationId, DirectoryObjectId, OAuth2PermissionGrantId, PermissionId,
    ServicePrincipalId,
};
use serde_json::Value;
use uuid::Uuid;

use crate::data::json::text;
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::{ObjectState, ReplicaView};
use crate::{Group, MemoryTenant, User};

/// An application of the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Application {
    /// The object id.
    pub id: ApplicationId,
    /// The application (client) id.
    pub app_id: AppId,
    /// The display name.
    pub display_name: String,
    /// The immutable key of the application, if it has one.
    pub unique_name: Option<String>,
    /// The whole object as Graph would return it, as JSON.
    pub json: String,
}

/// A service principal of the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServicePrincipal {
    /// The object id.
    pub id: ServicePrincipalId,
    /// The application (client) id.
    pub app_id: AppId,
    /// The display name.
    pub display_name: String,
    /// The whole object as Graph would return it, as JSON.
    pub json: String,
}

/// An application permission that was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppRoleAssignment {
    /// The id.
    pub id: AppRoleAssignmentId,
    /// The principal to which it was granted.
    pub principal_id: DirectoryObjectId,
    /// The service principal of the API.
    pub resource_id: ServicePrincipalId,
    /// The permission.
    pub app_role_id: PermissionId,
}

/// Delegated permissions that were granted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuth2PermissionGrant {
    /// The id.
    pub id: OAuth2PermissionGrantId,
    /// The service principal of the client.
    pub client_id: ServicePrincipalId,
    /// The service principal of the API.
    pub resource_id: ServicePrincipalId,
    /// The user it is for; `None` is all users.
    pub principal_id: Option<DirectoryObjectId>,
    /// The scopes, separated by spaces.
    pub scope: String,
}

impl MemoryTenant {
    /// The live applications in the order of their creation, callers included.
    pub fn applications(&self) -> Vec<Application> {
        self.objects(ObjectKind::Application, ObjectState::Live, application)
    }

    /// The deleted applications that can be restored.
    pub fn deleted_applications(&self) -> Vec<Application> {
        self.objects(ObjectKind::Application, ObjectState::Deleted, application)
    }

    /// The live service principals in the order of their creation, Microsoft's APIs included.
    pub fn service_principals(&self) -> Vec<ServicePrincipal> {
        self.objects(ObjectKind::ServicePrincipal, ObjectState::Live, |value| ServicePrincipal {
            id: id(value, "id").into(),
            app_id: id(value, "appId").into(),
            display_name: text(value, "displayName").to_owned(),
            json: value.to_string(),
        })
    }

    /// The app role assignments, in the order of their creation.
    pub fn app_role_assignments(&self) -> Vec<AppRoleAssignment> {
        self.objects(ObjectKind::Assignment, ObjectState::Live, |value| AppRoleAssignment {
            id: AppRoleAssignmentId::new(text(value, "id")),
            principal_id: id(value, "principalId").into(),
            resource_id: id(value, "resourceId").into(),
            app_role_id: id(value, "appRoleId").into(),
        })
    }

    /// The OAuth2 permission grants, in the order of their creation.
    pub fn oauth2_permission_grants(&self) -> Vec<OAuth2PermissionGrant> {
        self.objects(ObjectKind::Grant, ObjectState::Live, |value| OAuth2PermissionGrant {
            id: OAuth2PermissionGrantId::new(text(value, "id")),
            client_id: id(value, "clientId").into(),
            resource_id: id(value, "resourceId").into(),
            principal_id: value["principalId"].as_str().map(|_| id(value, "principalId").into()),
            scope: text(value, "scope").to_owned(),
        })
    }

    /// The users, in the order of their creation.
    pub fn users(&self) -> Vec<User> {
        self.objects(ObjectKind::User, ObjectState::Live, |value| User {
            id: id(value, "id").into(),
            user_principal_name: text(value, "userPrincipalName").to_owned(),
            display_name: text(value, "displayName").to_owned(),
        })
    }

    /// The groups, in the order of their creation.
    pub fn groups(&self) -> Vec<Group> {
        let members = self.state().directory.members.clone();
        self.objects(ObjectKind::Group, ObjectState::Live, |value| Group {
            id: id(value, "id").into(),
            display_name: text(value, "displayName").to_owned(),
            members: members
                .targets(text(value, "id"))
                .iter()
                .map(|member| member.parse::<Uuid>().unwrap_or_default().into())
                .collect(),
        })
    }

    fn objects<T>(&self, kind: ObjectKind, state: ObjectState, show: impl Fn(&Value) -> T) -> Vec<T> {
        let view = ReplicaView::CURRENT;
        self.state().directory.store(kind).all(state, view).map(|visible| show(&visible.value)).collect()
    }
}

fn application(value: &Value) -> Application {
    Application {
        id: id(value, "id").into(),
        app_id: id(value, "appId").into(),
        display_name: text(value, "displayName").to_owned(),
        unique_name: value["uniqueName"].as_str().map(str::to_owned),
        json: value.to_string(),
    }
}

/// Parses a property that the directory created or checked as a GUID.
fn id(value: &Value, name: &str) -> Uuid {
    text(value, name).parse().unwrap_or_default()
}
