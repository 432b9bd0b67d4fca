//! Objects that a tenant starts with: apps with a service principal, assignments and a secret; users and groups.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use entra_apps::ids::{AppId, DirectoryObjectId, ServicePrincipalId};
use entra_apps::permission::MICROSOFT_GRAPH;
use secrecy::SecretString;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::data::json::{items, text, timestamp};
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::ObjectState;
use crate::graph::applications::copy_application_properties;
use crate::graph::directory::{Directory, Secret};
use crate::graph::grants::assignment_id;

/// An app of the tenant that can sign in with a secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct Caller {
    /// The application (client) id.
    pub client_id: AppId,
    /// The client secret.
    pub client_secret: SecretString,
    /// The object id of its service principal.
    pub service_principal_id: ServicePrincipalId,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("client_id", &self.client_id)
            .field("service_principal_id", &self.service_principal_id)
            .finish_non_exhaustive()
    }
}

/// A user of the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// The object id.
    pub id: DirectoryObjectId,
    /// The name to sign in with, such as `ada@contoso.onmicrosoft.com`.
    pub user_principal_name: String,
    /// The display name.
    pub display_name: String,
}

/// A group of the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// The object id.
    pub id: DirectoryObjectId,
    /// The display name.
    pub display_name: String,
    /// The object ids of its direct members.
    pub members: Vec<DirectoryObjectId>,
}

impl Directory {
    /// The user principal name for a display name: `ada.lovelace@contoso.onmicrosoft.com`.
    pub(crate) fn principal_name(&self, name: &str) -> String {
        let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        let nickname = words.collect::<Vec<_>>().join(".").to_lowercase();
        format!("{nickname}@{}", self.domain)
    }

    /// The caller of the snapshot that was loaded: its application with a service principal and a secret.
    pub(crate) fn saved_caller(&self) -> Option<Caller> {
        let client_id = self.caller?;
        let app_id = client_id.to_string();
        let (_, application) = self.applications.find_by("appId", &app_id).next()?;
        let mut credential = items(application, "passwordCredentials").iter();
        let secret = credential.find_map(|credential| self.secrets.get(text(credential, "keyId")))?;
        let service_principal_id: uuid::Uuid = text(self.live_service_principal(&app_id)?, "id").parse().ok()?;
        Some(Caller {
            client_id,
            client_secret: secret.value.clone(),
            service_principal_id: service_principal_id.into(),
        })
    }

    /// Adds a user, whose principal name is derived from the display name.
    pub(crate) fn seed_user(&mut self, name: &str, roles: Vec<String>, wall: OffsetDateTime) -> User {
        let principal_name = self.principal_name(name);
        let (first, last) = name.split_once(' ').map_or((name, None), |(first, last)| (first, Some(last)));
        let id = self.new_id();
        let mut user = ObjectKind::User.template().clone();
        user["id"] = id.to_string().into();
        user["displayName"] = name.into();
        user["givenName"] = first.into();
        user["surname"] = last.into();
        user["mail"] = principal_name.as_str().into();
        user["mailNickname"] = principal_name.split('@').next().into();
        user["userPrincipalName"] = principal_name.as_str().into();
        user["createdDateTime"] = timestamp::seconds(wall).into();
        self.users.put(ObjectState::Live, Arc::new(user), None, Duration::ZERO);
        if !roles.is_empty() {
            self.roles.insert(id.to_string(), roles);
        }
        User { id: id.into(), user_principal_name: principal_name, display_name: name.to_owned() }
    }

    /// Adds a security group.
    pub(crate) fn seed_group(&mut self, name: &str, members: &[DirectoryObjectId], wall: OffsetDateTime) -> Group {
        let id = self.new_id();
        let mut group = ObjectKind::Group.template().clone();
        group["id"] = id.to_string().into();
        group["displayName"] = name.into();
        group["mailNickname"] = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().into();
        group["createdDateTime"] = timestamp::seconds(wall).into();
        self.groups.put(ObjectState::Live, Arc::new(group), None, Duration::ZERO);
        for member in members {
            self.members.add(&id.to_string(), &member.to_string());
        }
        Group { id: id.into(), display_name: name.to_owned(), members: members.to_vec() }
    }

    /// Adds an app with these application permissions of Microsoft Graph, and returns those that do not exist.
    pub(crate) fn seed_caller(&mut self, roles: &[&str], wall: OffsetDateTime) -> (Caller, Vec<String>) {
        let (app_id, object_id, principal_id, key_id) = (self.new_id(), self.new_id(), self.new_id(), self.new_id());
        let secret = self.new_secret();
        let (start, end) = (wall - time::Duration::DAY, wall + time::Duration::days(3650));
        let mut application = ObjectKind::Application.template().clone();
        application["id"] = object_id.to_string().into();
        application["appId"] = app_id.to_string().into();
        application["createdDateTime"] = timestamp::seconds(wall).into();
        application["displayName"] = "Caller".into();
        application["publisherDomain"] = self.domain.as_str().into();
        application["signInAudience"] = "AzureADMyOrg".into();
        application["passwordCredentials"] = json!([{
            "customKeyIdentifier": null, "displayName": null, "endDateTime": timestamp::seconds(end), "hint": secret[..3],
            "keyId": key_id, "secretText": null, "startDateTime": timestamp::seconds(start)
        }]);
        let mut principal = ObjectKind::ServicePrincipal.template().clone();
        principal["id"] = principal_id.to_string().into();
        principal["appId"] = app_id.to_string().into();
        principal["appOwnerOrganizationId"] = self.tenant_id.to_string().into();
        principal["createdDateTime"] = timestamp::seconds(wall).into();
        copy_application_properties(&mut principal, &application);
        self.secrets.insert(key_id.to_string(), Secret { value: secret.clone().into(), start, end });
        let unknown = self.seed_assignments(&principal, roles, wall);
        self.applications.put(ObjectState::Live, Arc::new(application), None, Duration::ZERO);
        self.service_principals.put(ObjectState::Live, Arc::new(principal), None, Duration::ZERO);
        let caller = Caller {
            client_id: app_id.into(),
            client_secret: secret.into(),
            service_principal_id: principal_id.into(),
        };
        (caller, unknown)
    }

    fn seed_assignments(&mut self, principal: &Value, roles: &[&str], wall: OffsetDateTime) -> Vec<String> {
        let graph = self.live_service_principal(&MICROSOFT_GRAPH.to_string()).cloned();
        let mut unknown = Vec::new();
        for name in roles {
            let role =
                graph.iter().flat_map(|graph| items(graph, "appRoles")).find(|role| text(role, "value") == *name);
            let (Some(graph), Some(role)) = (&graph, role) else {
                unknown.push((*name).to_owned());
                continue;
            };
            let mut assignment = ObjectKind::Assignment.template().clone();
            let id = principal["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default();
            assignment["id"] = assignment_id(id, self.new_id()).into();
            assignment["appRoleId"] = role["id"].clone();
            assignment["createdDateTime"] = timestamp::seconds(wall).into();
            assignment["principalDisplayName"] = principal["displayName"].clone();
            assignment["principalId"] = principal["id"].clone();
            assignment["resourceDisplayName"] = graph["displayName"].clone();
            assignment["resourceId"] = graph["id"].clone();
            self.assignments.put(ObjectState::Live, Arc::new(assignment), None, Duration::ZERO);
        }
        unknown
    }
}
