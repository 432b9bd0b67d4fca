//! Saving a directory as a snapshot.

use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use super::OBJECT_MEMBERS;
use crate::data::json::{text, timestamp};
use crate::data::links::Links;
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::{ObjectState, ReplicaView};
use crate::graph::directory::Directory;
use crate::graph::federated_credentials;
use crate::graph::objects::with_odata_type;
use crate::partner::Partner;
use crate::query;

impl Directory {
    /// The whole directory as a document.
    pub(super) fn save(&self) -> Value {
        let mut document = Map::new();
        document.insert("tenantId".into(), self.tenant_id.to_string().into());
        document.insert("displayName".into(), self.display_name.as_str().into());
        document.insert("domain".into(), self.domain.as_str().into());
        document.insert("created".into(), timestamp::ticks(self.created_at).into());
        document.extend(self.caller.map(|caller| ("caller".to_owned(), Value::from(caller.to_string()))));
        document.insert("randomness".into(), self.randomness.state().into());
        for (name, kind) in OBJECT_MEMBERS {
            let all = self
                .store(kind)
                .all(ObjectState::Live, ReplicaView::CURRENT)
                .map(|visible| self.save_object(kind, &visible.value));
            document.insert(name.into(), all.collect());
        }
        let mut deleted = Vec::new();
        for kind in ObjectKind::OBJECTS {
            for visible in self.store(kind).all(ObjectState::Deleted, ReplicaView::CURRENT) {
                deleted.push(with_odata_type(kind, self.save_object(kind, &visible.value)).into());
            }
        }
        document.insert("deletedItems".into(), Value::Array(deleted));
        for (name, kind) in
            [("appRoleAssignments", ObjectKind::Assignment), ("oauth2PermissionGrants", ObjectKind::Grant)]
        {
            let all =
                self.store(kind).all(ObjectState::Live, ReplicaView::CURRENT).map(|visible| (*visible.value).clone());
            document.insert(name.into(), all.collect());
        }
        let missing_apis = self.known_apis.keys().filter(|app_id| self.live_service_principal(app_id).is_none());
        document.insert("withoutApis".into(), missing_apis.map(|app_id| Value::from(app_id.as_str())).collect());
        let (default, policies) = self.app_management.save();
        document.insert("defaultAppManagementPolicy".into(), default);
        document.insert("appManagementPolicies".into(), policies.into());
        document.insert("appCredentialSignInActivities".into(), self.activities.all().cloned().collect());
        document.extend(self.partner.iter().flat_map(Partner::save));
        document.into()
    }

    fn save_object(&self, kind: ObjectKind, value: &Value) -> Value {
        let mut saved = value.clone();
        let id = text(value, "id");
        self.add_key_bytes(&mut saved);
        for credential in saved.get_mut("passwordCredentials").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(secret) = self.secrets.get(text(credential, "keyId")) {
                credential["secretText"] = secret.value.expose_secret().into();
                credential["startDateTime"] = timestamp::ticks(secret.start).into();
                credential["endDateTime"] = timestamp::ticks(secret.end).into();
            }
        }
        // The properties that follow from a known API are left out.
        let api = self.known_apis.get(text(value, "appId")).filter(|_| kind == ObjectKind::ServicePrincipal);
        if let (Some(api), Some(members)) = (api, saved.as_object_mut()) {
            let mut described = kind.template().clone();
            api.apply_to(&mut described);
            members.retain(|name, member| name == "appId" || described.get(name) != Some(member));
        }
        let mut add_relation = |name: &str, all: Vec<Value>| {
            if !all.is_empty() {
                saved[name] = all.into();
            }
        };
        let ids = |links: &Links| links.targets(id).iter().map(|to| Value::from(to.as_str())).collect::<Vec<_>>();
        add_relation("owners", ids(&self.owners));
        add_relation("members", ids(&self.members));
        add_relation("eligibleMembers", ids(&self.eligible));
        add_relation(
            "directoryRoles",
            self.roles.get(id).into_iter().flatten().map(|role| Value::from(role.as_str())).collect(),
        );
        let federated = self.federated.find_by(federated_credentials::APPLICATION, id);
        let shown = federated.map(|(_, value)| query::shown(ObjectKind::FederatedCredential, value));
        add_relation("federatedIdentityCredentials", shown.collect());
        saved
    }
}
