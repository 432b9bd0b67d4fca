//! The state of a tenant, and what operations share: finding, writing, owning.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::answer::{Answer, Outcome, Refusal};
use super::api::Api;
use super::authorize::{self, Reach};
use super::bin::Bin;
use super::call::{Actor, Call};
use super::delta::Changes;
use super::filter::Keys;
use super::json::{items, snug, text};
use super::kind::Kind;
use super::lag::{Behind, Lag};
use super::links::Links;
use super::partner::Partner;
use super::policy::SecretPolicy;
use super::query::Query;
use super::route::{Key, Operation};
use super::table::{Life, Seen, Table, View};
use crate::random::{SeededRandomness, uuid};
use entra_apps::ids::AppId;
use entra_apps::permission::MICROSOFT_GRAPH;
use entra_apps::random::Randomness as _;

/// So many secrets and keys are not worth a look for those that nobody has.
pub(super) const MIN_SWEPT: usize = 1_000;

/// What a secret is, apart from what the directory shows of it.
pub(super) struct Secret {
    pub(super) value: SecretString,
    pub(super) start: OffsetDateTime,
    pub(super) end: OffsetDateTime,
}

pub(super) struct Directory {
    pub(super) tenant_id: Uuid,
    pub(super) display_name: String,
    pub(super) domain: String,
    pub(super) founded: OffsetDateTime,
    pub(super) applications: Table,
    pub(super) service_principals: Table,
    pub(super) assignments: Table,
    pub(super) grants: Table,
    pub(super) users: Table,
    pub(super) groups: Table,
    pub(super) federated: Table,
    pub(super) changes: Changes,
    pub(super) bin: Bin,
    /// From an application, service principal or group to its owners.
    pub(super) owners: Links,
    /// From a group to its members.
    pub(super) members: Links,
    /// The secrets by key id.
    pub(super) secrets: HashMap<String, Secret>,
    /// The bytes of key credentials by key id.
    pub(super) keys: HashMap<String, Vec<u8>>,
    /// At how many secrets and keys it is looked for those that no object has any more.
    pub(super) sweep_at: usize,
    /// The directory roles that somebody holds, by object id.
    pub(super) roles: HashMap<String, Vec<String>>,
    /// Apps of other tenants, which a service principal may be made of.
    pub(super) known_apis: BTreeMap<String, Api>,
    /// The application that the tenant's clients sign in as.
    pub(super) caller: Option<AppId>,
    /// What the tenant has as a partner, if it is one.
    pub(super) partner: Option<Partner>,
    pub(super) lag: Lag,
    pub(super) secret_policy: SecretPolicy,
    pub(super) default_audience: String,
    pub(super) randomness: SeededRandomness,
}

impl Directory {
    /// An empty table with the indices of a kind.
    pub(super) fn new_table(kind: Kind) -> Table {
        Table::new(match kind {
            Kind::Application => &["appId", "uniqueName", "displayName", "identifierUris"],
            Kind::ServicePrincipal => &["appId", "displayName", "servicePrincipalNames"],
            Kind::Assignment => &["principalId", "resourceId"],
            Kind::Grant => &["clientId", "resourceId", "principalId"],
            Kind::User => &["userPrincipalName", "displayName"],
            Kind::Group => &["displayName"],
            Kind::FederatedCredential => &[super::federated::APPLICATION],
        })
    }

    pub(super) fn clear(&mut self, kind: Kind) {
        *self.table_mut(kind) = Self::new_table(kind);
    }

    /// Makes the service principals of the APIs that have none, but for those that are absent.
    pub(super) fn install_apis(&mut self, absent: &[String]) {
        for (app_id, api) in self.known_apis.clone() {
            if absent.contains(&app_id) || self.live_service_principal(&app_id).is_some() {
                // An id is drawn all the same, so that the others stay what they are.
                self.new_id();
                continue;
            }
            let mut value = Kind::ServicePrincipal.template().clone();
            value["id"] = self.new_id().to_string().into();
            api.describe(&mut value);
            if app_id != MICROSOFT_GRAPH.to_string() {
                value["createdDateTime"] = super::json::stamp::seconds(self.founded).into();
            }
            self.service_principals.put(Life::Live, Arc::new(value), None, Duration::ZERO);
        }
    }

    pub(super) fn table(&self, kind: Kind) -> &Table {
        match kind {
            Kind::Application => &self.applications,
            Kind::ServicePrincipal => &self.service_principals,
            Kind::Assignment => &self.assignments,
            Kind::Grant => &self.grants,
            Kind::User => &self.users,
            Kind::Group => &self.groups,
            Kind::FederatedCredential => &self.federated,
        }
    }

    pub(super) fn table_mut(&mut self, kind: Kind) -> &mut Table {
        match kind {
            Kind::Application => &mut self.applications,
            Kind::ServicePrincipal => &mut self.service_principals,
            Kind::Assignment => &mut self.assignments,
            Kind::Grant => &mut self.grants,
            Kind::User => &mut self.users,
            Kind::Group => &mut self.groups,
            Kind::FederatedCredential => &mut self.federated,
        }
    }

    /// Writes an object now.
    pub(super) fn write(&mut self, kind: Kind, life: Life, value: Value, call: &Call) {
        let horizon = self.lag.longest();
        self.changes.note(kind, text(&value, "id"), call.now);
        self.table_mut(kind).put(life, Arc::new(snug(value)), Some(call.now), horizon);
    }

    /// Removes an object for good, now.
    pub(super) fn erase(&mut self, kind: Kind, id: &str, call: &Call) {
        let horizon = self.lag.longest();
        self.changes.note(kind, id, call.now);
        self.table_mut(kind).purge(id, Some(call.now), horizon);
    }

    /// Makes everything known everywhere.
    pub(super) fn settle(&mut self) {
        for kind in Kind::ALL {
            self.table_mut(kind).settle();
        }
    }

    /// Gives an object a lag of its own; tells whether there is such an object.
    pub(super) fn set_lag_of(&mut self, id: &str, lag: Lag) -> bool {
        Kind::ALL.into_iter().any(|kind| self.table_mut(kind).set_lag_of(id, lag))
    }

    /// Forgets the secrets and keys that no object has, whenever there have come many.
    pub(super) fn sweep_credentials(&mut self) {
        if self.secrets.len() + self.keys.len() < self.sweep_at {
            return;
        }
        let objects = self.applications.versions().chain(self.service_principals.versions());
        let held = objects
            .flat_map(|object| items(object, "passwordCredentials").iter().chain(items(object, "keyCredentials")));
        let held: HashSet<&str> = held.map(|credential| text(credential, "keyId")).collect();
        self.secrets.retain(|id, _| held.contains(id.as_str()));
        self.keys.retain(|id, _| held.contains(id.as_str()));
        self.sweep_at = 2 * (self.secrets.len() + self.keys.len()) + MIN_SWEPT;
    }

    pub(super) fn new_id(&self) -> Uuid {
        uuid(&self.randomness)
    }

    /// The value of a new secret: forty characters of the alphabet that Entra uses.
    pub(super) fn new_secret(&self) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789~.";
        let mut bytes = [0; 40];
        self.randomness.fill(&mut bytes);
        bytes.map(|byte| char::from(LETTERS[usize::from(byte % 64)])).iter().collect()
    }

    /// Carries out a request to Graph.
    pub(super) fn perform(&mut self, operation: Operation, call: &mut Call) -> Outcome {
        self.empty_bin(call);
        call.owned_only = authorize::authorize(&operation, &call.actor)? == Reach::Owned;
        let call: &Call = call;
        match operation {
            Operation::List(kind) => self.list(kind, call),
            Operation::Count(kind) => self.count(kind, call),
            Operation::Get(kind, key) => self.get(kind, &key, call),
            Operation::GetProperty(kind, key, name) => self.get_property(kind, &key, name, call),
            Operation::Create(Kind::Application) => self.create_application(call),
            Operation::Create(Kind::ServicePrincipal) => self.create_service_principal(call),
            Operation::Create(Kind::User) => self.create_user(call),
            Operation::Create(Kind::Group) => self.create_group(call),
            Operation::Create(_) => self.create_grant(call),
            Operation::Update(Kind::Application, key) => self.update_application(&key, call),
            Operation::Update(Kind::ServicePrincipal, key) => self.update_service_principal(&key, call),
            Operation::Update(kind, key) => self.update_person_or_group(kind, &key, call),
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
            Operation::Batch => Err(Refusal::bad_request("A batch cannot be part of a batch.")),
            // The world carries these out: they are about more than one directory.
            Operation::Partner(_) => Err(Refusal::method_not_allowed()),
        }
    }

    /// The live object that `key` names, as it was `lag` ago.
    pub(super) fn find(&self, kind: Kind, key: &Key, lag: Behind, call: &Call) -> Result<Arc<Value>, Refusal> {
        let (table, view) = (self.table(kind), call.view(lag));
        let (id, found) = match key {
            Key::Id(id) => {
                (id.as_str(), table.get(id, view).cloned().or_else(|| self.by_principal_name(kind, id, view)))
            }
            Key::Me => {
                let id = call.person()?;
                (id, table.get(id, view).cloned())
            }
            Key::AppId(id) => (id.as_str(), table.seen_having("appId", id, view).pop().map(|seen| seen.value)),
            Key::UniqueName(name) => {
                (name.as_str(), table.seen_having("uniqueName", name, view).pop().map(|seen| seen.value))
            }
        };
        found.ok_or_else(|| Refusal::not_found(id))
    }

    fn by_principal_name(&self, kind: Kind, name: &str, view: View) -> Option<Arc<Value>> {
        (kind == Kind::User)
            .then(|| self.users.seen_having("userPrincipalName", name, view).pop())?
            .map(|seen| seen.value)
    }

    /// The live object that a write is about: a replica must know of it, and the answer is the object as it is.
    pub(super) fn target(&self, kind: Kind, key: &Key, call: &Call) -> Result<Arc<Value>, Refusal> {
        let seen = self.find(kind, key, self.lag.references, call)?;
        let id = text(&seen, "id");
        let value = self.table(kind).live(id).ok_or_else(|| Refusal::not_found(id))?;
        self.check_owned(kind, value, call)?;
        Ok(Arc::clone(value))
    }

    /// Refuses a caller whose right ends at what it owns. An application's service principal is owned with it.
    pub(super) fn check_owned(&self, kind: Kind, value: &Value, call: &Call) -> Result<(), Refusal> {
        let Actor::SignedIn(identity) = &call.actor else { return Ok(()) };
        if !call.owned_only {
            return Ok(());
        }
        let owns = |id: &str| self.owners.has(id, identity.principal_id());
        let backing = (kind == Kind::ServicePrincipal)
            .then(|| self.applications.having("appId", text(value, "appId")).next())
            .flatten();
        if owns(text(value, "id")) || backing.is_some_and(|(_, application)| owns(text(application, "id"))) {
            return Ok(());
        }
        Err(Refusal::denied())
    }

    fn get(&self, kind: Kind, key: &Key, call: &Call) -> Outcome {
        let query = Query::parse(call, kind)?;
        let value = self.find(kind, key, self.lag.reads, call)?;
        Ok(Answer::ok(query.entity(&value, kind.collection(), self, call)))
    }

    /// One property: a collection or a value under `value`, a complex type as it is, and nothing for null.
    /// <https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part1-protocol.html#sec_RequestingIndividualProperties>
    fn get_property(&self, kind: Kind, key: &Key, name: &str, call: &Call) -> Outcome {
        if let Some((option, _)) = call.query.iter().find(|(option, _)| option.starts_with('$')) {
            return Err(Refusal::not_implemented(format!("the query option {option} on a property")));
        }
        let object = self.find(kind, key, self.lag.reads, call)?;
        let context = format!("{}('{}')/{name}", kind.collection(), text(&object, "id"));
        let mut body = serde_json::Map::new();
        body.insert("@odata.context".into(), call.context(&context).into());
        match object.get(name) {
            None | Some(Value::Null) => return Ok(Answer::no_content()),
            Some(Value::Object(members)) => body.extend(members.clone()),
            Some(value) => drop(body.insert("value".into(), value.clone())),
        }
        Ok(Answer::ok(body.into()))
    }

    fn list(&self, kind: Kind, call: &Call) -> Outcome {
        let query = Query::parse(call, kind)?;
        let rows = self.candidates(kind, &query, call);
        Ok(Answer::ok(query.page(rows, kind.collection(), self, call)))
    }

    fn count(&self, kind: Kind, call: &Call) -> Outcome {
        super::query::check_count(call)?;
        let mut counting = call.clone();
        counting.query.push(("$count".into(), "true".into()));
        let query = Query::parse(&counting, kind)?;
        let count = query.count(self.candidates(kind, &query, call), self, call);
        Ok(Answer::text(count.to_string()))
    }

    /// The live objects that a query may be about, in order: by an index where there is one.
    fn candidates<'a>(&'a self, kind: Kind, query: &'a Query, call: &Call) -> Box<dyn Iterator<Item = Seen> + 'a> {
        let (table, view) = (self.table(kind), call.view(self.lag.lists));
        match query.filter.as_ref().and_then(|filter| filter.pinned(&|member| table.index_on(member))) {
            Some((member, Keys::Any(keys))) => Box::new(table.seen_having_any(member, &keys, view).into_iter()),
            Some((member, Keys::Starting(start))) => Box::new(table.may_start(member, start, view)),
            None => Box::new(table.after(query.after_row(), Life::Live, view)),
        }
    }

    pub(super) fn delete(&mut self, kind: Kind, key: &Key, call: &Call) -> Outcome {
        let value = self.target(kind, key, call)?;
        self.bury(kind, &value, call);
        if kind == Kind::Application {
            // The service principal in the home tenant goes with its application.
            let orphan = self.service_principals.having("appId", text(&value, "appId"));
            let orphan = orphan.filter(|(life, _)| *life == Life::Live).map(|(_, value)| Arc::clone(value)).next();
            if let Some(orphan) = orphan {
                self.bury(Kind::ServicePrincipal, &orphan, call);
            }
        }
        Ok(Answer::no_content())
    }

    /// Moves an object to the bin; a service principal loses what was granted to it and on it.
    fn bury(&mut self, kind: Kind, value: &Value, call: &Call) {
        let id = text(value, "id").to_owned();
        let mut buried = value.clone();
        buried["deletedDateTime"] = super::json::stamp::seconds(call.wall).into();
        self.write(kind, Life::Deleted, buried, call);
        self.bin.note(kind, &id, call.wall);
        if kind == Kind::ServicePrincipal {
            self.erase_grants_of(&id, call);
        }
    }

    /// Makes the caller an owner of what it has just created: an app where its right is to what it owns, and a person
    /// of an application.
    pub(super) fn own(&mut self, kind: Kind, id: &str, call: &Call) {
        let Actor::SignedIn(identity) = &call.actor else { return };
        let is_owner = match &identity.person {
            Some(person) => kind != Kind::ServicePrincipal && person.home == self.tenant_id,
            None => call.owned_only,
        };
        if is_owner {
            self.owners.add(id, identity.principal_id());
        }
    }

    /// The link of a creation, which is the service's own and leads nowhere.
    pub(super) fn location(&self, kind: Kind, id: &str) -> String {
        format!(
            "https://graph.microsoft.com/v2/{}/directoryObjects/{id}/Microsoft.DirectoryServices.{}",
            self.tenant_id,
            kind.directory_type()
        )
    }
}

/// The id at the end of a reference such as `https://graph.microsoft.com/v1.0/directoryObjects/{id}`.
pub(super) fn reference(link: &str) -> Result<String, Refusal> {
    let id = link.rsplit('/').next().unwrap_or_default();
    let id = id.rsplit('(').next().unwrap_or_default().trim_matches(|letter| "')".contains(letter));
    let id = Uuid::parse_str(id)
        .map_err(|_| Refusal::bad_request("Invalid reference: '@odata.id' must end with an object id."))?;
    Ok(id.to_string())
}
