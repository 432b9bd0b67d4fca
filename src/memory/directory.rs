//! The state of a tenant, and what operations share: finding, writing, owning.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::StatusCode;
use secrecy::SecretString;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::answer::{Answer, Outcome, Refusal};
use super::api::Api;
use super::authorize::{self, Reach};
use super::call::{Actor, Call};
use super::json::text;
use super::kind::Kind;
use super::lag::Lag;
use super::policy::SecretPolicy;
use super::query::Query;
use super::route::{Key, Operation};
use super::table::{Life, Table};
use crate::random::{Randomness, SeededRandomness, uuid};

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
    /// The owners of an application or service principal, by its id.
    pub(super) owners: HashMap<String, Vec<String>>,
    /// The secrets by key id.
    pub(super) secrets: HashMap<String, Secret>,
    /// The directory roles that somebody holds, by object id.
    pub(super) directory_roles: HashMap<String, Vec<String>>,
    /// Apps of other tenants, which a service principal may be made of.
    pub(super) known_apis: BTreeMap<String, Api>,
    pub(super) lag: Lag,
    pub(super) secret_policy: SecretPolicy,
    pub(super) default_audience: String,
    pub(super) randomness: SeededRandomness,
}

impl Directory {
    pub(super) fn table(&self, kind: Kind) -> &Table {
        match kind {
            Kind::Application => &self.applications,
            Kind::ServicePrincipal => &self.service_principals,
            Kind::Assignment => &self.assignments,
            Kind::Grant => &self.grants,
        }
    }

    fn table_mut(&mut self, kind: Kind) -> &mut Table {
        match kind {
            Kind::Application => &mut self.applications,
            Kind::ServicePrincipal => &mut self.service_principals,
            Kind::Assignment => &mut self.assignments,
            Kind::Grant => &mut self.grants,
        }
    }

    /// Writes an object now.
    pub(super) fn write(&mut self, kind: Kind, life: Life, value: Value, call: &Call) {
        let horizon = self.lag.longest();
        self.table_mut(kind).put(life, Arc::new(value), Some(call.now), horizon);
    }

    /// Removes an object for good, now.
    pub(super) fn erase(&mut self, kind: Kind, id: &str, call: &Call) {
        let horizon = self.lag.longest();
        self.table_mut(kind).purge(id, Some(call.now), horizon);
    }

    /// Makes everything known everywhere.
    pub(super) fn settle(&mut self) {
        for kind in [Kind::Application, Kind::ServicePrincipal, Kind::Assignment, Kind::Grant] {
            self.table_mut(kind).settle();
        }
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
        call.owned_only = authorize::authorize(&operation, &call.actor)? == Reach::Owned;
        let call: &Call = call;
        match operation {
            Operation::List(kind) => self.list(kind, call),
            Operation::Count(kind) => self.count(kind, call),
            Operation::Get(kind, key) => self.get(kind, &key, call),
            Operation::Create(Kind::Application) => self.create_application(call),
            Operation::Create(Kind::ServicePrincipal) => self.create_service_principal(call),
            Operation::Create(_) => self.create_grant(call),
            Operation::Update(Kind::Application, key) => self.update_application(&key, call),
            Operation::Update(_, key) => self.update_service_principal(&key, call),
            Operation::Delete(kind, key) => self.delete(kind, &key, call),
            Operation::AddPassword(kind, key) => self.add_password(kind, &key, call),
            Operation::RemovePassword(kind, key) => self.remove_password(kind, &key, call),
            Operation::ListOwners(kind, key) => self.list_owners(kind, &key, call),
            Operation::AddOwner(kind, key) => self.add_owner(kind, &key, call),
            Operation::RemoveOwner(kind, key, owner) => self.remove_owner(kind, &key, &owner, call),
            Operation::ListAssignments(key, side) => self.list_assignments(&key, side, call),
            Operation::CreateAssignment(key, side) => self.create_assignment(&key, side, call),
            Operation::GetAssignment(key, side, id) => self.get_assignment(&key, side, &id, call),
            Operation::DeleteAssignment(key, side, id) => self.delete_assignment(&key, side, &id, call),
            Operation::ListGrantsOf(key) => self.list_grants_of(&key, call),
            Operation::GetGrant(id) => self.get_grant(&id, call),
            Operation::UpdateGrant(id) => self.update_grant(&id, call),
            Operation::DeleteGrant(id) => self.delete_grant(&id, call),
            Operation::ListDeleted(kind) => self.list_deleted(kind, call),
            Operation::GetDeleted(id) => self.get_deleted(&id, call),
            Operation::Restore(id) => self.restore(&id, call),
            Operation::Purge(id) => self.purge(&id, call),
            Operation::ListOrganization => self.list_organization(call),
            Operation::GetOrganization(id) => self.get_organization(&id, call),
            Operation::Batch => Err(Refusal::bad_request("A batch cannot be part of a batch.")),
        }
    }

    /// The live object that `key` names, as it was `lag` ago.
    pub(super) fn find(
        &self,
        kind: Kind,
        key: &Key,
        lag: std::time::Duration,
        call: &Call,
    ) -> Result<Arc<Value>, Refusal> {
        let (table, view) = (self.table(kind), call.view(lag));
        let (id, found) = match key {
            Key::Id(id) => (id, table.get(id, view).cloned()),
            Key::AppId(id) => (id, table.seen_having("appId", id, view).pop().map(|seen| seen.value)),
            Key::UniqueName(name) => (name, table.seen_having("uniqueName", name, view).pop().map(|seen| seen.value)),
        };
        found.ok_or_else(|| Refusal::not_found(id))
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
        let owns = |id: &str| self.owners.get(id).is_some_and(|owners| owners.contains(&identity.service_principal_id));
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
        Ok(Answer::ok(query.entity(&value, kind.collection(), call)))
    }

    fn list(&self, kind: Kind, call: &Call) -> Outcome {
        let query = Query::parse(call, kind)?;
        let (table, view) = (self.table(kind), call.view(self.lag.lists));
        let pinned = query.filter.as_ref().and_then(super::filter::Filter::pinned);
        let pinned = pinned.and_then(|(field, values)| Some((table.index_on(field)?, values)));
        let page = match pinned {
            Some((field, values)) => {
                let mut rows: Vec<_> =
                    values.into_iter().flat_map(|value| table.seen_having(field, value, view)).collect();
                rows.sort_by_key(|seen| seen.order);
                rows.dedup_by_key(|seen| seen.order);
                query.page(rows.into_iter(), kind.collection(), call)?
            }
            None => query.page(table.all(Life::Live, view), kind.collection(), call)?,
        };
        Ok(Answer::ok(page))
    }

    fn count(&self, kind: Kind, call: &Call) -> Outcome {
        if !call.eventual {
            return Err(Refusal::bad_request("$count is not currently supported."));
        }
        let mut counting = call.clone();
        counting.query.push(("$count".into(), "true".into()));
        let rows = self.table(kind).all(Life::Live, call.view(self.lag.lists));
        let count = Query::parse(&counting, kind)?.count(rows)?;
        Ok(Answer::text(count.to_string()))
    }

    fn delete(&mut self, kind: Kind, key: &Key, call: &Call) -> Outcome {
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
        if kind == Kind::ServicePrincipal {
            self.erase_grants_of(&id, call);
        }
    }

    fn list_owners(&self, kind: Kind, key: &Key, call: &Call) -> Outcome {
        let value = self.find(kind, key, self.lag.reads, call)?;
        let owners = self.owners.get(text(&value, "id")).map_or(&[][..], Vec::as_slice);
        let owners = owners.iter().map(|id| match self.service_principals.live(id) {
            Some(owner) => {
                let mut item = serde_json::Map::new();
                item.insert("@odata.type".into(), "#microsoft.graph.servicePrincipal".into());
                item.extend(owner.as_object().cloned().unwrap_or_default());
                Value::Object(item)
            }
            None => serde_json::json!({"@odata.type": "#microsoft.graph.user", "id": id}),
        });
        let owners: Vec<Value> = owners.collect();
        Ok(Answer::ok(serde_json::json!({"@odata.context": call.context("directoryObjects"), "value": owners})))
    }

    fn add_owner(&mut self, kind: Kind, key: &Key, call: &Call) -> Outcome {
        let value = self.target(kind, key, call)?;
        let owner = reference(text(call.object()?, "@odata.id"))?;
        if self.applications.live(&owner).is_some() {
            return Err(Refusal::bad_request(format!(
                "The reference target 'Application_{owner}' of type 'Application' is invalid for the 'owners' \
                    reference."
            )));
        }
        let owners = self.owners.entry(text(&value, "id").to_owned()).or_default();
        if owners.contains(&owner) {
            return Err(Refusal::bad_request(
                "One or more added object references already exist for the following modified properties: 'owners'.",
            ));
        }
        if owners.len() >= 100 {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "Directory_QuotaExceeded",
                "Unable to perform operation as '101' would exceed the maximum quota count '100' for forward-link \
                    'owners'.",
            ));
        }
        owners.push(owner);
        Ok(Answer::no_content())
    }

    fn remove_owner(&mut self, kind: Kind, key: &Key, owner: &str, call: &Call) -> Outcome {
        let value = self.target(kind, key, call)?;
        let owners = self.owners.entry(text(&value, "id").to_owned()).or_default();
        let at = owners.iter().position(|held| held.eq_ignore_ascii_case(owner));
        owners.remove(at.ok_or_else(|| Refusal::not_found(owner))?);
        Ok(Answer::no_content())
    }

    /// Makes the caller an owner of what it has just created, where its right is to what it owns.
    pub(super) fn own(&mut self, id: &str, call: &Call) {
        if let (Actor::SignedIn(identity), true) = (&call.actor, call.owned_only) {
            self.owners.entry(id.to_owned()).or_default().push(identity.service_principal_id.clone());
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
