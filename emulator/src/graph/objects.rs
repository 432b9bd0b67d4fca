//! Directory objects of any kind: `/directoryObjects`, owners, members and memberships.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::data::json::{eq_ignore_case, items, merge, text, texts};
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::{ObjectState, ReplicaView, VisibleObject};
use crate::graph::call::{Actor, Call};
use crate::graph::directory::{Directory, reference};
use crate::graph::response::{GraphError, GraphResponse, GraphResult};
use crate::graph::route::{Link, ObjectKey};
use crate::query::{self, Query};

/// The maximum number of owners of one object.
const MAX_OWNERS: usize = 100;

impl Directory {
    /// The kind and value of a live object that a view shows.
    pub(crate) fn object(&self, id: &str, view: ReplicaView) -> Option<(ObjectKind, Arc<Value>)> {
        ObjectKind::OBJECTS.into_iter().find_map(|kind| Some((kind, self.store(kind).get(id, view)?.clone())))
    }

    pub(crate) fn get_object(&self, id: &str, call: &Call) -> GraphResult {
        let (kind, value) =
            self.object(id, call.replica_view(self.lag.reads)).ok_or_else(|| GraphError::not_found(id))?;
        let query = Query::parse(call, kind)?;
        let mut response = Map::new();
        response.insert("@odata.context".into(), call.context("directoryObjects/$entity").into());
        response.extend(with_odata_type(kind, query.project(kind, &value)));
        Ok(GraphResponse::ok(response.into()))
    }

    /// Merges properties into an object without looking at them, on every replica at once; returns whether there is
    /// such an object.
    pub(crate) fn store_as_is(&mut self, id: &str, properties: &Value) -> bool {
        let Some((kind, value)) = self.object(id, ReplicaView::CURRENT).filter(|_| properties.is_object()) else {
            return false;
        };
        let mut new = (*value).clone();
        kind.reverse(&mut new);
        merge(&mut new, properties);
        kind.reverse(&mut new);
        let principal = (kind == ObjectKind::Application).then(|| self.synced_service_principal(&new)).flatten();
        let principal = principal.map(|principal| (ObjectKind::ServicePrincipal, principal));
        for (kind, value) in std::iter::once((kind, new)).chain(principal) {
            self.store_mut(kind).put(ObjectState::Live, Arc::new(value), None, Duration::ZERO);
        }
        true
    }

    pub(crate) fn delete_object(&mut self, id: &str, call: &Call) -> GraphResult {
        let (kind, _) =
            self.object(id, call.replica_view(self.lag.references)).ok_or_else(|| GraphError::not_found(id))?;
        self.delete(kind, &ObjectKey::Id(id.to_owned()), call)
    }

    /// <https://learn.microsoft.com/graph/api/directoryobject-getbyids>
    pub(crate) fn get_by_ids(&self, call: &Call) -> GraphResult {
        let body = call.object()?;
        let ids: Vec<&str> = texts(body, "ids").collect();
        if ids.is_empty() || ids.len() > 1000 {
            return Err(GraphError::bad_request(
                "Invalid value specified for parameter 'ids': 1 to 1000 are expected.",
            ));
        }
        let wanted: Vec<&str> = texts(body, "types").collect();
        let view = call.replica_view(self.lag.lists);
        let fits = |kind: ObjectKind| {
            let names = |name: &&str| eq_ignore_case(name, kind.type_name()) || eq_ignore_case(name, "directoryObject");
            wanted.is_empty() || wanted.iter().any(names)
        };
        let found = ids.iter().filter_map(|id| self.object(id, view)).filter(|(kind, _)| fits(*kind));
        let mut rows = Vec::new();
        for (kind, value) in found {
            rows.push(with_odata_type(kind, Query::parse(call, kind)?.project(kind, &value)));
        }
        Ok(GraphResponse::ok(json!({
            "@odata.context": call.context("directoryObjects"),
            "value": rows.into_iter().map(Value::Object).collect::<Vec<_>>(),
        })))
    }

    /// The ids of the objects that a navigation leads to, in the order in which the service returns them.
    pub(crate) fn linked_ids(&self, id: &str, link: Link) -> Vec<String> {
        match link {
            Link::Owners => self.owners.targets(id).to_vec(),
            Link::OwnedObjects => self.owners.sources(id).to_vec(),
            Link::Members => self.members.targets(id).to_vec(),
            Link::TransitiveMembers => self.members.transitive_targets(id),
            Link::MemberOf => self.members.sources(id).to_vec(),
            Link::TransitiveMemberOf => self.members.transitive_sources(id),
        }
    }

    /// The live objects that a navigation leads to.
    pub(crate) fn linked(
        &self,
        id: &str,
        link: Link,
        cast: Option<ObjectKind>,
        view: ReplicaView,
    ) -> Vec<(ObjectKind, VisibleObject)> {
        let ids = self.linked_ids(id, link).into_iter().zip(1..);
        let found = ids.filter_map(|(id, order)| {
            let (kind, value) = self.object(&id, view)?;
            Some((kind, VisibleObject { order, value }))
        });
        found.filter(|(kind, _)| cast.is_none_or(|cast| cast == *kind)).collect()
    }

    /// The value of a navigation property in `$expand`; `None` when there is no such property.
    pub(crate) fn navigate(&self, kind: ObjectKind, object: &Value, name: &str, call: &Call) -> Option<Vec<Value>> {
        let (id, view) = (text(object, "id"), call.replica_view(self.lag.lists));
        if let Some(link) = Link::of(kind, &name.to_lowercase()) {
            let found = self.linked(id, link, None, view).into_iter();
            return Some(
                found.map(|(kind, visible)| with_odata_type(kind, query::shown(kind, &visible.value)).into()).collect(),
            );
        }
        let (kind, found) = match name {
            "federatedIdentityCredentials" => {
                (ObjectKind::FederatedCredential, self.federated_credentials_of(id, call))
            }
            "appRoleAssignedTo" => (ObjectKind::Assignment, self.assignments.visible_by("resourceId", id, view)),
            "appRoleAssignments" => (ObjectKind::Assignment, self.assignments.visible_by("principalId", id, view)),
            "oauth2PermissionGrants" => {
                let member = if kind == ObjectKind::User { "principalId" } else { "clientId" };
                (ObjectKind::Grant, self.grants.visible_by(member, id, view))
            }
            "extensionProperties" | "createdOnBehalfOf" => return Some(Vec::new()),
            _ => return None,
        };
        Some(found.into_iter().map(|visible| query::shown(kind, &visible.value)).collect())
    }

    pub(crate) fn list_linked(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        link: Link,
        cast: Option<ObjectKind>,
        call: &Call,
    ) -> GraphResult {
        let value = self.find(kind, key, self.lag.reads, call)?;
        let rows = self.linked(text(&value, "id"), link, cast, call.replica_view(self.lag.lists));
        // Without a cast, the first kind of such objects decides what can be filtered and selected.
        let query = Query::parse(
            call,
            cast.unwrap_or(match link {
                Link::Owners | Link::Members | Link::TransitiveMembers => ObjectKind::User,
                Link::OwnedObjects => ObjectKind::Application,
                Link::MemberOf | Link::TransitiveMemberOf => ObjectKind::Group,
            }),
        )?;
        let context = cast.map_or("directoryObjects", ObjectKind::collection);
        Ok(GraphResponse::ok(query.page_of(rows.into_iter(), context, cast.is_none(), self, call)))
    }

    pub(crate) fn count_linked(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        link: Link,
        cast: Option<ObjectKind>,
        call: &Call,
    ) -> GraphResult {
        query::check_count(call)?;
        let value = self.find(kind, key, self.lag.reads, call)?;
        let count = self.linked(text(&value, "id"), link, cast, call.replica_view(self.lag.lists)).len();
        Ok(GraphResponse::text(count.to_string()))
    }

    pub(crate) fn add_link(&mut self, kind: ObjectKind, key: &ObjectKey, link: Link, call: &Call) -> GraphResult {
        let value = self.find_for_write(kind, key, call)?;
        if link == Link::Members {
            check_membership(&value, call)?;
        }
        let to = reference(text(call.object()?, "@odata.id"))?;
        let name = if link == Link::Owners { "owners" } else { "members" };
        let target = self.object(&to, call.replica_view(self.lag.references));
        let Some((target_kind, _)) = target else { return Err(GraphError::not_found(&to)) };
        let fits = match link {
            Link::Owners => matches!(target_kind, ObjectKind::User | ObjectKind::ServicePrincipal),
            _ => target_kind != ObjectKind::Application,
        };
        if !fits {
            let kind = target_kind.directory_type();
            return Err(GraphError::bad_request(format!(
                "The reference target '{kind}_{to}' of type '{kind}' is invalid for the '{name}' reference."
            )));
        }
        let links = if link == Link::Owners { &mut self.owners } else { &mut self.members };
        let id = text(&value, "id");
        if links.has(id, &to) {
            return Err(GraphError::bad_request(format!(
                "One or more added object references already exist for the following modified properties: '{name}'."
            )));
        }
        if link == Link::Owners && links.targets(id).len() >= MAX_OWNERS {
            return Err(GraphError::new(
                StatusCode::FORBIDDEN,
                "Directory_QuotaExceeded",
                format!(
                    "Unable to perform operation as '{}' would exceed the maximum quota count '{MAX_OWNERS}' for \
                        forward-link 'owners'.",
                    MAX_OWNERS + 1
                ),
            ));
        }
        links.add(id, &to);
        Ok(GraphResponse::no_content())
    }

    pub(crate) fn remove_link(
        &mut self,
        kind: ObjectKind,
        key: &ObjectKey,
        link: Link,
        to: &str,
        call: &Call,
    ) -> GraphResult {
        let value = self.find_for_write(kind, key, call)?;
        if link == Link::Members {
            check_membership(&value, call)?;
        }
        let links = if link == Link::Owners { &mut self.owners } else { &mut self.members };
        if !links.remove(text(&value, "id"), &to.to_lowercase()) {
            return Err(GraphError::not_found(to));
        }
        Ok(GraphResponse::no_content())
    }

    /// <https://learn.microsoft.com/graph/api/directoryobject-checkmembergroups>
    pub(crate) fn check_member_groups(&self, kind: ObjectKind, key: &ObjectKey, call: &Call) -> GraphResult {
        let value = self.find(kind, key, self.lag.reads, call)?;
        let body = call.object()?;
        if items(body, "groupIds").is_empty() || items(body, "groupIds").len() > 20 {
            return Err(GraphError::bad_request(
                "Invalid value specified for parameter 'groupIds': 1 to 20 are expected.",
            ));
        }
        let groups = self.members.transitive_sources(text(&value, "id"));
        let view = call.replica_view(self.lag.lists);
        let member_of = texts(body, "groupIds").filter(|wanted| {
            groups.iter().any(|group| eq_ignore_case(group, wanted)) && self.groups.get(wanted, view).is_some()
        });
        let member_of: Vec<&str> = member_of.collect();
        Ok(GraphResponse::ok(json!({"@odata.context": call.context("Collection(Edm.String)"), "value": member_of})))
    }

    /// Removes all links from and to an object.
    pub(crate) fn remove_links_of(&mut self, id: &str) {
        self.owners.remove_all(id);
        self.members.remove_all(id);
        self.eligible.remove_all(id);
    }
}

/// Refuses changes of members that are not made through Graph, or not by this caller.
/// <https://learn.microsoft.com/graph/api/group-post-members>, <https://learn.microsoft.com/graph/api/resources/groups-overview>
fn check_membership(group: &Value, call: &Call) -> Result<(), GraphError> {
    let has_type = |wanted: &str| texts(group, "groupTypes").any(|kind| kind == wanted);
    if has_type("DynamicMembership") {
        return Err(GraphError::bad_request("The members of a dynamic group are those of its rule."));
    }
    if group["mailEnabled"] == true && !has_type("Unified") {
        return Err(GraphError::bad_request("Cannot Update a mail-enabled security groups and or distribution list."));
    }
    let Actor::SignedIn(identity) = &call.actor else { return Ok(()) };
    let granted = identity.user.as_ref().map_or(&identity.roles, |user| &user.scopes);
    match group["isAssignableToRole"] == true && !granted.iter().any(|it| it == "RoleManagement.ReadWrite.Directory") {
        true => Err(GraphError::denied()),
        false => Ok(()),
    }
}

/// An object with its `@odata.type`.
pub(crate) fn with_odata_type(kind: ObjectKind, object: Value) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("@odata.type".into(), format!("#microsoft.graph.{}", kind.type_name()).into());
    if let Value::Object(object) = object {
        members.extend(object);
    }
    members
}
