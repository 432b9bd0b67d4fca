//! The directory of a tenant, and what its operations share: lookup, writes and ownership.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use entra_apps::ids::AppId;
use entra_apps::permission::MICROSOFT_GRAPH;
use entra_apps::random::Randomness as _;
use secrecy::SecretString;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::api::Api;
use crate::data::json::{items, shrink_to_fit, text, timestamp};
use crate::data::lag::{Lag, LookupLag};
use crate::data::links::Links;
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::{ObjectState, ObjectStore, ReplicaView, VisibleObject};
use crate::filter::Keys;
use crate::graph::app_management::AppManagement;
use crate::graph::authorize::{self, AccessScope};
use crate::graph::call::{Actor, Call};
use crate::graph::deleted_items::DeletedItems;
use crate::graph::delta::Changes;
use crate::graph::policy::LegacyValues;
use crate::graph::removed_credentials::RemovedCredentials;
use crate::graph::reports::CredentialActivities;
use crate::graph::response::{Body, GraphError, GraphResponse, GraphResult};
use crate::graph::route::{ObjectKey, Operation};
use crate::partner::Partner;
use crate::query::{Query, check_count};
use crate::random::{SeededRandomness, uuid};

/// So many secrets and keys are not worth a look for those that no object has.
pub(crate) const MIN_SWEPT: usize = 1_000;

/// A client secret with its validity: the part that Graph never shows.
pub(crate) struct Secret {
    pub(crate) value: SecretString,
    pub(crate) start: OffsetDateTime,
    pub(crate) end: OffsetDateTime,
}

/// The objects of a tenant with their links, credentials and roles, and the settings of the tenant.
pub(crate) struct Directory {
    pub(crate) tenant_id: Uuid,
    pub(crate) display_name: String,
    pub(crate) domain: String,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) applications: ObjectStore,
    pub(crate) service_principals: ObjectStore,
    pub(crate) assignments: ObjectStore,
    pub(crate) grants: ObjectStore,
    pub(crate) users: ObjectStore,
    pub(crate) groups: ObjectStore,
    pub(crate) federated: ObjectStore,
    pub(crate) changes: Changes,
    pub(crate) deleted_items: DeletedItems,
    /// From an application, service principal or group to its owners.
    pub(crate) owners: Links,
    /// From a group to its members.
    pub(crate) members: Links,
    /// From a group to those who may activate a membership in it.
    pub(crate) eligible: Links,
    /// The secrets by key id.
    pub(crate) secrets: HashMap<String, Secret>,
    /// The bytes of key credentials by key id.
    pub(crate) keys: HashMap<String, Vec<u8>>,
    /// The credentials with which an app can sign in for a while although they were removed.
    pub(crate) removed: RemovedCredentials,
    /// The number of secrets and keys at which those that no object has any more are removed.
    pub(crate) sweep_at: usize,
    /// The directory roles of users and apps, by object id.
    pub(crate) roles: HashMap<String, Vec<String>>,
    /// The APIs of other tenants for which service principals can be created.
    pub(crate) known_apis: BTreeMap<String, Api>,
    /// The service principals of APIs as the tenant got them: while nobody has written to one, what is long in it is not
    /// written as JSON again for each response.
    pub(crate) installed: Vec<(Arc<Value>, Api)>,
    /// The application that the tenant's clients sign in as.
    pub(crate) caller: Option<AppId>,
    /// The state that only a partner's tenant has.
    pub(crate) partner: Option<Partner>,
    /// Where the tenant's data lies: the region, and the part of it.
    pub(crate) region: (String, Option<String>),
    /// Whether a Conditional Access policy keeps the users of partners out.
    pub(crate) blocks_service_providers: bool,
    pub(crate) lag: Lag,
    pub(crate) app_management: AppManagement,
    /// Whether an application must name an entry of the organization's service tree.
    pub(crate) requires_service_management_reference: bool,
    pub(crate) activities: CredentialActivities,
    pub(crate) legacy_values: LegacyValues,
    pub(crate) default_audience: String,
    pub(crate) randomness: SeededRandomness,
}

impl Directory {
    /// Removes the secrets and keys that no object has, whenever there have come many.
    pub(crate) fn sweep_credentials(&mut self) {
        if self.secrets.len() + self.keys.len() < self.sweep_at {
            return;
        }
        let objects = self.applications.versions().chain(self.service_principals.versions());
        let held = objects
            .flat_map(|object| items(object, "passwordCredentials").iter().chain(items(object, "keyCredentials")));
        let held = held.map(|credential| text(credential, "keyId")).chain(self.removed.key_ids());
        let held: HashSet<&str> = held.collect();
        self.secrets.retain(|id, _| held.contains(id.as_str()));
        self.keys.retain(|id, _| held.contains(id.as_str()));
        self.sweep_at = 2 * (self.secrets.len() + self.keys.len()) + MIN_SWEPT;
    }

    /// An empty store with the indices for a kind of object.
    pub(crate) fn new_store(kind: ObjectKind) -> ObjectStore {
        ObjectStore::new(match kind {
            ObjectKind::Application => &["appId", "uniqueName", "displayName", "identifierUris"],
            ObjectKind::ServicePrincipal => &["appId", "displayName", "servicePrincipalNames"],
            ObjectKind::Assignment => &["principalId", "resourceId"],
            ObjectKind::Grant => &["clientId", "resourceId", "principalId"],
            ObjectKind::User => &["userPrincipalName", "displayName"],
            ObjectKind::Group => &["displayName", "uniqueName"],
            ObjectKind::FederatedCredential => &[crate::graph::federated_credentials::APPLICATION],
        })
    }

    pub(crate) fn clear(&mut self, kind: ObjectKind) {
        *self.store_mut(kind) = Self::new_store(kind);
    }

    /// Creates the missing service principals of the known APIs, except for the absent ones.
    pub(crate) fn install_apis(&mut self, absent: &[String]) {
        self.installed.clear();
        for (app_id, api) in self.known_apis.clone() {
            if absent.contains(&app_id) || self.live_service_principal(&app_id).is_some() {
                // An id is drawn all the same, so that the others do not depend on what is absent.
                self.new_id();
                continue;
            }
            let created = (app_id != MICROSOFT_GRAPH.to_string()).then(|| timestamp::seconds(self.created_at));
            let value = api.service_principal(&self.new_id().to_string(), created.as_deref());
            self.service_principals.put(ObjectState::Live, Arc::clone(&value), None, Duration::ZERO);
            self.installed.push((value, api));
        }
    }

    pub(crate) fn store(&self, kind: ObjectKind) -> &ObjectStore {
        match kind {
            ObjectKind::Application => &self.applications,
            ObjectKind::ServicePrincipal => &self.service_principals,
            ObjectKind::Assignment => &self.assignments,
            ObjectKind::Grant => &self.grants,
            ObjectKind::User => &self.users,
            ObjectKind::Group => &self.groups,
            ObjectKind::FederatedCredential => &self.federated,
        }
    }

    pub(crate) fn store_mut(&mut self, kind: ObjectKind) -> &mut ObjectStore {
        match kind {
            ObjectKind::Application => &mut self.applications,
            ObjectKind::ServicePrincipal => &mut self.service_principals,
            ObjectKind::Assignment => &mut self.assignments,
            ObjectKind::Grant => &mut self.grants,
            ObjectKind::User => &mut self.users,
            ObjectKind::Group => &mut self.groups,
            ObjectKind::FederatedCredential => &mut self.federated,
        }
    }

    /// Writes an object at the time of the call.
    pub(crate) fn write(&mut self, kind: ObjectKind, state: ObjectState, value: Value, call: &Call) {
        let horizon = self.lag.max_lag();
        self.changes.record(kind, text(&value, "id"), call.now);
        if matches!(kind, ObjectKind::Application | ObjectKind::ServicePrincipal)
            && let Some(before) = self.store(kind).live(text(&value, "id")).cloned()
        {
            self.removed.note(&before, &value, call.now);
        }
        self.store_mut(kind).put(state, Arc::new(shrink_to_fit(value)), Some(call.now), horizon);
    }

    /// Removes an object permanently at the time of the call.
    pub(crate) fn remove_permanently(&mut self, kind: ObjectKind, id: &str, call: &Call) {
        let horizon = self.lag.max_lag();
        self.changes.record(kind, id, call.now);
        self.store_mut(kind).purge(id, Some(call.now), horizon);
    }

    /// Makes all writes visible to every replica.
    pub(crate) fn settle(&mut self) {
        for kind in ObjectKind::ALL {
            self.store_mut(kind).settle();
        }
        self.app_management.settle();
    }

    /// Sets a lag for one object, and for the policy that is assigned to it; returns whether the object exists.
    pub(crate) fn set_lag_of(&mut self, id: &str, lag: Lag) -> bool {
        let policy = self.app_management.set_lag_of(id, lag);
        ObjectKind::ALL.into_iter().any(|kind| self.store_mut(kind).set_lag_of(id, lag)) || policy
    }

    pub(crate) fn new_id(&self) -> Uuid {
        uuid(&self.randomness)
    }

    /// The value of a new secret: forty characters of the alphabet that Entra uses.
    pub(crate) fn new_secret(&self) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789~.";
        let mut bytes = [0; 40];
        self.randomness.fill(&mut bytes);
        bytes.map(|byte| char::from(LETTERS[usize::from(byte % 64)])).iter().collect()
    }

    /// Carries out a Graph operation on the directory.
    pub(crate) fn perform(&mut self, operation: Operation, call: &mut Call) -> GraphResult {
        self.purge_expired_items(call);
        let scope = authorize::authorize(&operation, &call.actor)?;
        (call.owned_only, call.itself_only) = (scope == AccessScope::Owned, scope == AccessScope::Itself);
        let call: &Call = call;
        match operation {
            Operation::List(kind) => self.list(kind, call),
            Operation::Count(kind) => self.count(kind, call),
            Operation::Get(kind, key) => self.get(kind, &key, call),
            Operation::GetProperty(kind, key, name) => self.get_property(kind, &key, name, call),
            Operation::Create(ObjectKind::Application) => self.create_application(call),
            Operation::Create(ObjectKind::ServicePrincipal) => self.create_service_principal(call),
            Operation::Create(ObjectKind::User) => self.create_user(call),
            Operation::Create(ObjectKind::Group) => self.create_group(call),
            Operation::Create(_) => self.create_grant(call),
            Operation::Update(ObjectKind::Application, key) => self.update_application(&key, call),
            Operation::Update(ObjectKind::ServicePrincipal, key) => self.update_service_principal(&key, call),
            Operation::Update(kind, key) => self.update_user_or_group(kind, &key, call),
            Operation::Delete(kind, key) => self.delete(kind, &key, call),
            Operation::Delta(kind) => self.delta(kind, call),
            Operation::AddPassword(kind, key) => self.add_password(kind, &key, call),
            Operation::RemovePassword(kind, key) => self.remove_password(kind, &key, call),
            Operation::AddKey(kind, key) => self.add_key(kind, &key, call),
            Operation::RemoveKey(kind, key) => self.remove_key(kind, &key, call),
            Operation::ListLinked(kind, key, link, cast) => self.list_linked(kind, &key, link, cast, call),
            Operation::CountLinked(kind, key, link, cast) => self.count_linked(kind, &key, link, cast, call),
            Operation::AddLink(kind, key, link) => self.add_link(kind, &key, link, call),
            Operation::RemoveLink(kind, key, link, to) => self.remove_link(kind, &key, link, &to, call),
            Operation::CheckMemberGroups(kind, key) => self.check_member_groups(kind, &key, call),
            Operation::ListAssignments(kind, key, side) => self.list_assignments(kind, &key, side, call),
            Operation::CountAssignments(kind, key, side) => self.count_assignments(kind, &key, side, call),
            Operation::CreateAssignment(kind, key, side) => self.create_assignment(kind, &key, side, call),
            Operation::GetAssignment(kind, key, side, id) => self.get_assignment(kind, &key, side, &id, call),
            Operation::DeleteAssignment(kind, key, side, id) => self.delete_assignment(kind, &key, side, &id, call),
            Operation::ListGrantsOf(kind, key) => self.list_grants_of(kind, &key, call),
            Operation::GetGrant(id) => self.get_grant(&id, call),
            Operation::UpdateGrant(id) => self.update_grant(&id, call),
            Operation::DeleteGrant(id) => self.delete_grant(&id, call),
            Operation::ListFederated(key) => self.list_federated(&key, call),
            Operation::CountFederated(key) => self.count_federated(&key, call),
            Operation::CreateFederated(key) => self.create_federated(&key, call),
            Operation::GetFederated(key, credential) => self.get_federated(&key, &credential, call),
            Operation::UpdateFederated(key, credential) => self.update_federated(&key, &credential, call),
            Operation::DeleteFederated(key, credential) => self.delete_federated(&key, &credential, call),
            Operation::ListDeleted(kind) => self.list_deleted(kind, call),
            Operation::GetDeleted(id) => self.get_deleted(&id, call),
            Operation::Restore(id) => self.restore(&id, call),
            Operation::Purge(id) => self.purge(&id, call),
            Operation::GetObject(id) => self.get_object(&id, call),
            Operation::DeleteObject(id) => self.delete_object(&id, call),
            Operation::GetByIds => self.get_by_ids(call),
            Operation::ListOrganization => self.list_organization(call),
            Operation::GetOrganization(id) => self.get_organization(&id, call),
            Operation::ListOwnEligibility => self.list_own_eligibility(call),
            Operation::Policies(operation) => self.app_management(operation, call),
            Operation::Reports(operation) => self.report(&operation, call),
            Operation::Batch => Err(GraphError::bad_request("A batch cannot be part of a batch.")),
            // These operations concern several tenants and are carried out by `CloudState`.
            Operation::Partner(_) | Operation::Roles(_) => Err(GraphError::method_not_allowed()),
        }
    }

    /// The live object of a key, as a replica shows it that is `lag` behind.
    pub(crate) fn find(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        lag: LookupLag,
        call: &Call,
    ) -> Result<Arc<Value>, GraphError> {
        let (store, view) = (self.store(kind), call.replica_view(lag));
        let (id, found) = match key {
            ObjectKey::Id(id) => {
                (id.as_str(), store.get(id, view).cloned().or_else(|| self.by_principal_name(kind, id, view)))
            }
            ObjectKey::Me => {
                let id = call.signed_in_user_id()?;
                (id, store.get(id, view).cloned())
            }
            ObjectKey::AppId(id) => {
                (id.as_str(), store.visible_by("appId", id, view).pop().map(|visible| visible.value))
            }
            ObjectKey::UniqueName(name) => {
                (name.as_str(), store.visible_by("uniqueName", name, view).pop().map(|visible| visible.value))
            }
        };
        found.ok_or_else(|| GraphError::not_found(id))
    }

    fn by_principal_name(&self, kind: ObjectKind, name: &str, view: ReplicaView) -> Option<Arc<Value>> {
        (kind == ObjectKind::User)
            .then(|| self.users.visible_by("userPrincipalName", name, view).pop())?
            .map(|visible| visible.value)
    }

    /// The current state of the live object to be written; fails unless a replica that is `references` behind has it.
    pub(crate) fn find_for_write(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        call: &Call,
    ) -> Result<Arc<Value>, GraphError> {
        // Who may change itself alone does not learn which others there are.
        let hidden = |error| if call.itself_only { GraphError::denied() } else { error };
        let visible = self.find(kind, key, self.lag.references, call).map_err(hidden)?;
        let id = text(&visible, "id");
        let value = self.store(kind).live(id).ok_or_else(|| GraphError::not_found(id))?;
        self.check_ownership(kind, value, call)?;
        Ok(Arc::clone(value))
    }

    /// Refuses a caller that is limited to owned objects and does not own this one. The owner of an application also
    /// owns its service principal.
    pub(crate) fn check_ownership(&self, kind: ObjectKind, value: &Value, call: &Call) -> Result<(), GraphError> {
        let Actor::SignedIn(identity) = &call.actor else { return Ok(()) };
        if call.itself_only {
            let is_itself = text(value, "appId") == identity.app_id;
            return if is_itself { Ok(()) } else { Err(GraphError::denied()) };
        }
        if !call.owned_only {
            return Ok(());
        }
        let owns = |id: &str| self.owners.has(id, identity.principal_id());
        let backing = (kind == ObjectKind::ServicePrincipal)
            .then(|| self.applications.find_by("appId", text(value, "appId")).next())
            .flatten();
        if owns(text(value, "id")) || backing.is_some_and(|(_, application)| owns(text(application, "id"))) {
            return Ok(());
        }
        Err(GraphError::denied())
    }

    fn get(&self, kind: ObjectKind, key: &ObjectKey, call: &Call) -> GraphResult {
        let query = Query::parse(call, kind)?;
        let value = self.find(kind, key, self.lag.reads, call)?;
        let installed = self.installed.iter().find(|(installed, _)| Arc::ptr_eq(installed, &value));
        Ok(match installed {
            Some((_, api)) => {
                let entity = query.entity_of_api(api, &value, kind.collection(), self, call);
                GraphResponse::with_body(Body::Entity(entity))
            }
            None => GraphResponse::ok(query.entity(&value, kind.collection(), self, call)),
        })
    }

    /// A single property: a collection or primitive under `value`, a complex type as it is, and 204 for null.
    /// <https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part1-protocol.html#sec_RequestingIndividualProperties>
    fn get_property(&self, kind: ObjectKind, key: &ObjectKey, name: &str, call: &Call) -> GraphResult {
        if let Some((option, _)) = call.query.iter().find(|(option, _)| option.starts_with('$')) {
            return Err(GraphError::not_implemented(format!("the query option {option} on a property")));
        }
        let object = self.find(kind, key, self.lag.reads, call)?;
        let context = format!("{}('{}')/{name}", kind.collection(), text(&object, "id"));
        let mut body = serde_json::Map::new();
        body.insert("@odata.context".into(), call.context(&context).into());
        match object.get(name) {
            None | Some(Value::Null) => return Ok(GraphResponse::no_content()),
            Some(Value::Object(members)) => body.extend(members.clone()),
            Some(value) => drop(body.insert("value".into(), value.clone())),
        }
        Ok(GraphResponse::ok(body.into()))
    }

    fn list(&self, kind: ObjectKind, call: &Call) -> GraphResult {
        let query = Query::parse(call, kind)?;
        let rows = self.candidates(kind, &query, call);
        Ok(GraphResponse::ok(query.page(rows, kind.collection(), self, call)))
    }

    fn count(&self, kind: ObjectKind, call: &Call) -> GraphResult {
        check_count(call)?;
        let mut counting = call.clone();
        counting.query.push(("$count".into(), "true".into()));
        let query = Query::parse(&counting, kind)?;
        let count = query.count(self.candidates(kind, &query, call), self, call);
        Ok(GraphResponse::text(count.to_string()))
    }

    /// The live objects that can match a query, in order, found by an index where there is one.
    fn candidates<'a>(
        &'a self,
        kind: ObjectKind,
        query: &'a Query,
        call: &Call,
    ) -> Box<dyn Iterator<Item = VisibleObject> + 'a> {
        let (store, view) = (self.store(kind), call.replica_view(self.lag.lists));
        match query.filter.as_ref().and_then(|filter| filter.pinned(&|member| store.index_on(member))) {
            Some((member, Keys::Any(keys))) => Box::new(store.visible_by_any(member, &keys, view).into_iter()),
            Some((member, Keys::Starting(start))) => Box::new(store.visible_by_prefix(member, start, view)),
            None => Box::new(store.after(query.after_row(), ObjectState::Live, view)),
        }
    }

    pub(crate) fn delete(&mut self, kind: ObjectKind, key: &ObjectKey, call: &Call) -> GraphResult {
        let value = self.find_for_write(kind, key, call)?;
        self.move_to_deleted_items(kind, &value, call);
        if kind == ObjectKind::Application {
            // Deleting an application deletes its service principal in the home tenant too.
            let service_principal = self.service_principals.find_by("appId", text(&value, "appId"));
            let service_principal = service_principal
                .filter(|(state, _)| *state == ObjectState::Live)
                .map(|(_, value)| Arc::clone(value))
                .next();
            if let Some(service_principal) = service_principal {
                self.move_to_deleted_items(ObjectKind::ServicePrincipal, &service_principal, call);
            }
        }
        Ok(GraphResponse::no_content())
    }

    /// Marks an object as deleted; a service principal loses all grants to it and on it.
    fn move_to_deleted_items(&mut self, kind: ObjectKind, value: &Value, call: &Call) {
        let id = text(value, "id").to_owned();
        let mut deleted = value.clone();
        deleted["deletedDateTime"] = timestamp::seconds(call.wall).into();
        self.write(kind, ObjectState::Deleted, deleted, call);
        self.deleted_items.record(kind, &id, call.wall);
        if kind == ObjectKind::ServicePrincipal {
            self.remove_grants_of(&id, call);
        }
    }

    /// Makes the caller an owner of an object that it has created: an app that is limited to owned objects, or a user
    /// of this tenant, except for service principals.
    pub(crate) fn add_creator_as_owner(&mut self, kind: ObjectKind, id: &str, call: &Call) {
        let Actor::SignedIn(identity) = &call.actor else { return };
        let is_owner = match &identity.user {
            Some(user) => kind != ObjectKind::ServicePrincipal && user.home == self.tenant_id,
            None => call.owned_only,
        };
        if is_owner {
            self.owners.add(id, identity.principal_id());
        }
    }

    /// The `Location` header of a creation, which names an internal URL of the service.
    pub(crate) fn location(&self, kind: ObjectKind, id: &str) -> String {
        format!(
            "https://graph.microsoft.com/v2/{}/directoryObjects/{id}/Microsoft.DirectoryServices.{}",
            self.tenant_id,
            kind.directory_type()
        )
    }
}

/// The id at the end of a reference such as `https://graph.microsoft.com/v1.0/directoryObjects/{id}`.
pub(crate) fn reference(link: &str) -> Result<String, GraphError> {
    let id = link.rsplit('/').next().unwrap_or_default();
    let id = id.rsplit('(').next().unwrap_or_default().trim_matches(|letter| "')".contains(letter));
    let id = Uuid::parse_str(id)
        .map_err(|_| GraphError::bad_request("Invalid reference: '@odata.id' must end with an object id."))?;
    Ok(id.to_string())
}
