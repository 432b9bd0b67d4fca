//! Loading a snapshot into a directory.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use entra_apps::ids::AppId;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{LoadResult, OBJECT_MEMBERS, SnapshotError};
use crate::data::json::{items, merge, shrink_to_fit, text, texts, timestamp};
use crate::data::links::Links;
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::{ObjectState, ReplicaView};
use crate::graph::app_management::{check_policy, pristine_default};
use crate::graph::applications::copy_application_properties;
use crate::graph::deleted_items::DeletedItems;
use crate::graph::delta::Changes;
use crate::graph::directory::{Directory, Secret};
use crate::graph::federated_credentials;
use crate::graph::grants::{assignment_id, grant_id};
use crate::graph::response::GraphError;
use crate::graph::validation::fill_defaults;

/// The other properties of a document.
const OTHER_MEMBERS: [&str; 15] = [
    "appCredentialSignInActivities",
    "appManagementPolicies",
    "defaultAppManagementPolicy",
    "caller",
    "tenantId",
    "displayName",
    "domain",
    "created",
    "randomness",
    "deletedItems",
    "appRoleAssignments",
    "oauth2PermissionGrants",
    "withoutApis",
    "delegatedAdminRelationships",
    "contracts",
];

/// Properties of an object that Graph stores separately.
const RELATION_MEMBERS: [&str; 5] =
    ["owners", "members", "eligibleMembers", "directoryRoles", "federatedIdentityCredentials"];

impl Directory {
    /// Removes all objects, credentials, links and roles.
    fn clear_all(&mut self) {
        for kind in ObjectKind::ALL {
            self.clear(kind);
        }
        self.changes = Changes::after(&self.changes);
        self.deleted_items = DeletedItems::default();
        (self.owners, self.members, self.eligible) = (Links::default(), Links::default(), Links::default());
        self.secrets.clear();
        self.keys.clear();
        self.app_management.clear();
        self.activities.clear();
        self.removed.clear();
        self.roles.clear();
    }

    /// Replaces the contents of the directory by a document.
    pub(crate) fn load(&mut self, document: &Value, without_apis: &[AppId], wall: OffsetDateTime) -> LoadResult {
        let Some(members) = document.as_object() else { return Err(SnapshotError::new("", "an object is expected")) };
        let known = || OBJECT_MEMBERS.iter().map(|(name, _)| *name).chain(OTHER_MEMBERS);
        if let Some(name) = members.keys().find(|name| !known().any(|known| known == **name)) {
            let closest = known().max_by(|a, b| {
                let similarity = |known: &str| strsim::jaro_winkler(known, name);
                similarity(a).total_cmp(&similarity(b))
            });
            return Err(SnapshotError::new(
                format!("/{name}"),
                format!("there is no such member; did you mean {}?", closest.unwrap_or_default()),
            ));
        }
        self.clear_all();
        if let Some(id) = document.get("tenantId") {
            self.tenant_id = guid(id, "/tenantId")?;
        }
        for (name, pointer) in [("displayName", &mut self.display_name), ("domain", &mut self.domain)] {
            if let Some(value) = document.get(name) {
                let value =
                    value.as_str().ok_or_else(|| SnapshotError::new(format!("/{name}"), "a text is expected"))?;
                value.clone_into(pointer);
            }
        }
        if let Some(created) = document.get("created").and_then(Value::as_str) {
            let created = timestamp::parse(created);
            self.created_at = created.ok_or_else(|| SnapshotError::new("/created", "a date-time is expected"))?;
        }
        for (name, kind) in OBJECT_MEMBERS {
            for (pointer, value) in entries(document, name)? {
                self.load_object(kind, ObjectState::Live, value, &pointer, wall)?;
            }
        }
        for (pointer, value) in entries(document, "deletedItems")? {
            let kind =
                ObjectKind::of_type(text(value, "@odata.type")).filter(|kind| ObjectKind::OBJECTS.contains(kind));
            let kind = kind.ok_or_else(|| {
                SnapshotError::new(&pointer, "an @odata.type is expected, such as #microsoft.graph.application")
            })?;
            self.load_object(kind, ObjectState::Deleted, value, &pointer, wall)?;
        }
        let mut missing_apis: Vec<String> = texts(document, "withoutApis").map(str::to_lowercase).collect();
        missing_apis.extend(without_apis.iter().map(ToString::to_string));
        self.install_apis(&missing_apis);
        for (pointer, value) in entries(document, "appRoleAssignments")? {
            self.load_assignment(value, &pointer, wall)?;
        }
        for (pointer, value) in entries(document, "oauth2PermissionGrants")? {
            self.load_grant(value, &pointer)?;
        }
        self.load_policies(document)?;
        for (pointer, entry) in entries(document, "appCredentialSignInActivities")? {
            if !self.activities.put(entry.clone()) {
                return Err(SnapshotError::new(format!("{pointer}/id"), "an id is expected"));
            }
        }
        self.caller = match document.get("caller") {
            Some(caller) => Some(guid(caller, "/caller")?.into()),
            None => None,
        };
        self.load_partner(document, wall)?;
        if let Some(state) = document.get("randomness").and_then(Value::as_u64) {
            self.randomness.restart(state);
        }
        Ok(())
    }

    fn load_object(
        &mut self,
        kind: ObjectKind,
        state: ObjectState,
        entry: &Value,
        pointer: &str,
        wall: OffsetDateTime,
    ) -> LoadResult {
        let Some(members) = entry.as_object() else { return Err(SnapshotError::new(pointer, "an object is expected")) };
        let mut value = kind.template().clone();
        value["createdDateTime"] = timestamp::seconds(wall).into();
        if kind == ObjectKind::Application {
            value["appId"] = self.new_id().to_string().into();
            value["publisherDomain"] = self.domain.as_str().into();
            value["signInAudience"] = self.default_audience.as_str().into();
        }
        if kind == ObjectKind::ServicePrincipal {
            let app_id = guid(&entry["appId"], &format!("{pointer}/appId"))?.to_string();
            value["appId"] = app_id.as_str().into();
            let application = self.applications.find_by("appId", &app_id).next().map(|(_, value)| Arc::clone(value));
            if let Some(application) = application {
                value["appOwnerOrganizationId"] = self.tenant_id.to_string().into();
                copy_application_properties(&mut value, &application);
            } else if let Some(api) = self.known_apis.get(&app_id) {
                api.apply_to(&mut value);
                value["createdDateTime"] = Value::Null;
            }
        }
        for (name, member) in
            members.iter().filter(|(name, _)| !name.starts_with('@') && !RELATION_MEMBERS.contains(&name.as_str()))
        {
            if value.get(name).is_none() {
                return Err(SnapshotError::new(
                    format!("{pointer}/{name}"),
                    format!("a {} has no such member", kind.type_name()),
                ));
            }
            let mut member = member.clone();
            if let Some(of) = kind.entity_type().member(name) {
                of.convert(name, &mut member).map_err(|why| SnapshotError::new(format!("{pointer}/{name}"), why))?;
            }
            // What of a complex type is not named is as it is by default.
            merge(&mut value[name], &member);
        }
        if kind == ObjectKind::Application {
            fill_defaults(&mut value);
        }
        let id = match entry.get("id") {
            Some(id) => guid(id, &format!("{pointer}/id"))?,
            None => self.new_id(),
        };
        let id = id.to_string();
        if ObjectKind::OBJECTS.into_iter().any(|kind| self.store(kind).current(&id).is_some()) {
            return Err(SnapshotError::new(format!("{pointer}/id"), "there is another object of this id"));
        }
        value["id"] = id.as_str().into();
        if state == ObjectState::Deleted && value["deletedDateTime"].is_null() {
            value["deletedDateTime"] = timestamp::seconds(wall).into();
        }
        if kind == ObjectKind::User && value["userPrincipalName"].is_null() {
            value["userPrincipalName"] = self.principal_name(text(&value, "displayName")).into();
        }
        if kind != ObjectKind::User && text(&value, "displayName").is_empty() {
            return Err(SnapshotError::new(format!("{pointer}/displayName"), "a name is expected"));
        }
        if state == ObjectState::Deleted {
            let deleted = timestamp::parse(text(&value, "deletedDateTime"));
            self.deleted_items.record(kind, &id, deleted.unwrap_or(wall));
        }
        self.load_credentials(&mut value, pointer, wall)?;
        let linked =
            [("owners", &mut self.owners), ("members", &mut self.members), ("eligibleMembers", &mut self.eligible)];
        for (name, links) in linked {
            for to in items(entry, name) {
                let to = guid(to, &format!("{pointer}/{name}"))?.to_string();
                links.add(&id, &to);
            }
        }
        let roles: Vec<String> = texts(entry, "directoryRoles").map(str::to_lowercase).collect();
        if !roles.is_empty() {
            self.roles.insert(id.clone(), roles);
        }
        for (number, credential) in items(entry, "federatedIdentityCredentials").iter().enumerate() {
            let mut value = ObjectKind::FederatedCredential.template().clone();
            value["id"] = self.new_id().to_string().into();
            for (name, member) in credential.as_object().into_iter().flatten() {
                if value.get(name).is_none() {
                    let pointer = format!("{pointer}/federatedIdentityCredentials/{number}/{name}");
                    return Err(SnapshotError::new(pointer, "a federatedIdentityCredential has no such member"));
                }
                value[name] = member.clone();
                if let Some(of) = ObjectKind::FederatedCredential.entity_type().member(name) {
                    let pointer = format!("{pointer}/federatedIdentityCredentials/{number}/{name}");
                    of.convert(name, &mut value[name]).map_err(|why| SnapshotError::new(pointer, why))?;
                }
            }
            value[federated_credentials::APPLICATION] = id.as_str().into();
            self.federated.put(ObjectState::Live, Arc::new(value), None, Duration::ZERO);
        }
        self.put_replicated(kind, state, value);
        Ok(())
    }

    /// Stores the secrets and keys of an object, and completes its credentials.
    fn load_credentials(&mut self, value: &mut Value, pointer: &str, wall: OffsetDateTime) -> LoadResult {
        let id = |credential: &Value, pointer: &str, made: Uuid| match text(credential, "keyId") {
            "" => Ok(made.to_string()),
            _ => guid(&credential["keyId"], &format!("{pointer}/keyId")).map(|id| id.to_string()),
        };
        let moment = |credential: &Value, name: &str, otherwise: OffsetDateTime| {
            timestamp::parse(text(credential, name)).unwrap_or(otherwise)
        };
        for number in 0..items(value, "passwordCredentials").len() {
            let pointer = format!("{pointer}/passwordCredentials/{number}");
            let entry = value["passwordCredentials"][number].clone();
            let key_id = id(&entry, &pointer, self.new_id())?;
            let start = moment(&entry, "startDateTime", wall);
            let end = moment(&entry, "endDateTime", start + time::Duration::days(730));
            let secret = text(&entry, "secretText");
            value["passwordCredentials"][number] = json!({
                "customKeyIdentifier": entry.get("customKeyIdentifier").cloned().unwrap_or_default(),
                "displayName": entry.get("displayName").cloned().unwrap_or_default(),
                "endDateTime": timestamp::seconds(end),
                "hint": entry.get("hint").cloned().unwrap_or_else(|| secret.get(..3).into()),
                "keyId": key_id,
                "secretText": null,
                "startDateTime": timestamp::seconds(start),
            });
            if !secret.is_empty() {
                self.secrets.insert(key_id, Secret { value: secret.into(), start, end });
            }
        }
        for number in 0..items(value, "keyCredentials").len() {
            let pointer = format!("{pointer}/keyCredentials/{number}");
            let key = &mut value["keyCredentials"][number];
            let key_id = id(key, &pointer, self.new_id())?;
            let encoded: String = text(key, "key").split_whitespace().collect();
            let der = STANDARD.decode(encoded);
            let der = der.map_err(|_| SnapshotError::new(format!("{pointer}/key"), "base64 is expected"))?;
            if !der.is_empty() {
                self.keys.insert(key_id.clone(), der);
            }
            let mut stored = json!({
                "customKeyIdentifier": null, "displayName": null, "endDateTime": null, "key": null, "keyId": null,
                "startDateTime": null, "type": "AsymmetricX509Cert", "usage": "Verify"
            });
            merge(&mut stored, key);
            stored["key"] = Value::Null;
            stored["keyId"] = key_id.into();
            *key = stored;
        }
        Ok(())
    }

    /// The object id that an entry names, directly or by an app id.
    fn principal_id(&self, entry: &Value, id: &str, app_id: &str, pointer: &str) -> LoadResult<Uuid> {
        if let Some(value) = entry.get(id) {
            return guid(value, &format!("{pointer}/{id}"));
        }
        let app = guid(&entry[app_id], &format!("{pointer}/{app_id}"))?.to_string();
        let found = self.live_service_principal(&app).and_then(|found| text(found, "id").parse().ok());
        found.ok_or_else(|| {
            SnapshotError::new(format!("{pointer}/{app_id}"), "there is no service principal of this app id")
        })
    }

    fn load_assignment(&mut self, entry: &Value, pointer: &str, wall: OffsetDateTime) -> LoadResult {
        let principal = self.principal_id(entry, "principalId", "principalAppId", pointer)?;
        let resource = self.principal_id(entry, "resourceId", "resourceAppId", pointer)?;
        let (principal_text, resource_text) = (principal.to_string(), resource.to_string());
        let (kind, holder) = self
            .object(&principal_text, ReplicaView::CURRENT)
            .ok_or_else(|| SnapshotError::new(pointer, format!("there is no principal {principal}")))?;
        let api = self.service_principals.live(&resource_text).cloned();
        let api =
            api.ok_or_else(|| SnapshotError::new(pointer, format!("there is no service principal {resource}")))?;
        let role = match entry.get("appRoleId") {
            Some(id) => guid(id, &format!("{pointer}/appRoleId"))?.to_string(),
            None => {
                let name = text(entry, "appRole");
                let role = items(&api, "appRoles").iter().find(|role| text(role, "value") == name);
                let role = role.ok_or_else(|| {
                    let reason = format!("{} has no app role {name:?}", text(&api, "displayName"));
                    SnapshotError::new(format!("{pointer}/appRole"), reason)
                })?;
                text(role, "id").to_owned()
            }
        };
        let mut value = ObjectKind::Assignment.template().clone();
        value["id"] = match text(entry, "id") {
            "" => assignment_id(principal, self.new_id()).into(),
            id => id.into(),
        };
        value["appRoleId"] = role.into();
        value["createdDateTime"] =
            entry.get("createdDateTime").cloned().unwrap_or_else(|| timestamp::seconds(wall).into());
        value["principalDisplayName"] = holder["displayName"].clone();
        value["principalId"] = principal_text.into();
        value["principalType"] = kind.directory_type().into();
        value["resourceDisplayName"] = api["displayName"].clone();
        value["resourceId"] = resource_text.into();
        self.put_replicated(ObjectKind::Assignment, ObjectState::Live, value);
        Ok(())
    }

    fn load_grant(&mut self, entry: &Value, pointer: &str) -> LoadResult {
        let client = self.principal_id(entry, "clientId", "clientAppId", pointer)?;
        let resource = self.principal_id(entry, "resourceId", "resourceAppId", pointer)?;
        let principal = match entry.get("principalId") {
            None | Some(Value::Null) => None,
            Some(id) => Some(guid(id, &format!("{pointer}/principalId"))?),
        };
        let mut value = ObjectKind::Grant.template().clone();
        value["clientId"] = client.to_string().into();
        value["consentType"] = if principal.is_some() { "Principal" } else { "AllPrincipals" }.into();
        value["id"] = match text(entry, "id") {
            "" => grant_id(client, resource, principal).into(),
            id => id.into(),
        };
        value["principalId"] = principal.map(|principal| principal.to_string()).into();
        value["resourceId"] = resource.to_string().into();
        value["scope"] = text(entry, "scope").into();
        self.put_replicated(ObjectKind::Grant, ObjectState::Live, value);
        Ok(())
    }

    fn load_policies(&mut self, document: &Value) -> LoadResult {
        let invalid = |pointer: &str, why: GraphError| SnapshotError::new(pointer, why.message());
        let parts = |policy: &Value| {
            let mut writable = policy.clone();
            for name in ["id", "deletedDateTime", "appliesTo"] {
                writable.as_object_mut().and_then(|members| members.remove(name));
            }
            writable
        };
        if let Some(policy) = document.get("defaultAppManagementPolicy") {
            let mut written = parts(policy);
            check_policy(&mut written, true).map_err(|why| invalid("/defaultAppManagementPolicy", why))?;
            let mut whole = pristine_default();
            merge(&mut whole, policy);
            merge(&mut whole, &written);
            self.app_management.load_default(whole);
        }
        for (pointer, policy) in entries(document, "appManagementPolicies")? {
            let mut written = parts(policy);
            check_policy(&mut written, false).map_err(|why| invalid(&pointer, why))?;
            let mut whole = json!({
                "id": self.new_id().to_string(), "deletedDateTime": null, "displayName": "", "description": "",
                "isEnabled": false, "restrictions": {"passwordCredentials": [], "keyCredentials": []}
            });
            merge(&mut whole, policy);
            merge(&mut whole, &written);
            self.app_management.load(whole);
        }
        Ok(())
    }

    fn put_replicated(&mut self, kind: ObjectKind, state: ObjectState, value: Value) {
        self.store_mut(kind).put(state, Arc::new(shrink_to_fit(value)), None, Duration::ZERO);
    }
}

pub(crate) fn entries<'a>(document: &'a Value, name: &str) -> LoadResult<Vec<(String, &'a Value)>> {
    match document.get(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(all)) => {
            Ok(all.iter().enumerate().map(|(number, value)| (format!("/{name}/{number}"), value)).collect())
        }
        Some(_) => Err(SnapshotError::new(format!("/{name}"), "a list is expected")),
    }
}

fn guid(value: &Value, pointer: &str) -> LoadResult<Uuid> {
    let id = value.as_str().and_then(|id| Uuid::parse_str(id).ok());
    id.ok_or_else(|| SnapshotError::new(pointer, "a GUID is expected"))
}
