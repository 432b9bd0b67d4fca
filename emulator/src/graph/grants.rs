//! App role assignments and OAuth2 permission grants.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::data::json::{eq_ignore_case, items, text, texts, timestamp};
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::ObjectState;
use crate::graph::authorize;
use crate::graph::call::Call;
use crate::graph::directory::Directory;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};
use crate::graph::route::{AssignmentSide, ObjectKey};
use crate::query::{Query, check_count};

const SERVICE_PRINCIPAL: ObjectKind = ObjectKind::ServicePrincipal;

impl AssignmentSide {
    /// The `@odata.context` of a response. The documentation shows assignments of a resource as contained in it, and
    /// those of a principal as an entity set.
    /// <https://learn.microsoft.com/graph/api/serviceprincipal-list-approleassignedto>
    /// <https://learn.microsoft.com/graph/api/serviceprincipal-list-approleassignments>
    fn context(self, kind: ObjectKind, id: &str) -> String {
        match self {
            Self::Resource => format!("{}('{id}')/appRoleAssignedTo", kind.collection()),
            Self::Principal => ObjectKind::Assignment.collection().to_owned(),
        }
    }

    fn member(self) -> &'static str {
        match self {
            Self::Resource => "resourceId",
            Self::Principal => "principalId",
        }
    }
}

impl Directory {
    pub(crate) fn count_assignments(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        side: AssignmentSide,
        call: &Call,
    ) -> GraphResult {
        check_count(call)?;
        let owner = self.find(kind, key, self.lag.reads, call)?;
        let rows = self.assignments.visible_by(side.member(), text(&owner, "id"), call.replica_view(self.lag.lists));
        Ok(GraphResponse::text(rows.len().to_string()))
    }

    pub(crate) fn list_assignments(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        side: AssignmentSide,
        call: &Call,
    ) -> GraphResult {
        let query = Query::parse(call, ObjectKind::Assignment)?;
        let owner = self.find(kind, key, self.lag.reads, call)?;
        let id = text(&owner, "id");
        let rows = self.assignments.visible_by(side.member(), id, call.replica_view(self.lag.lists));
        Ok(GraphResponse::ok(query.page(rows.into_iter(), &side.context(kind, id), self, call)))
    }

    pub(crate) fn get_assignment(
        &self,
        kind: ObjectKind,
        key: &ObjectKey,
        side: AssignmentSide,
        id: &str,
        call: &Call,
    ) -> GraphResult {
        let query = Query::parse(call, ObjectKind::Assignment)?;
        let owner = self.find(kind, key, self.lag.reads, call)?;
        let found = self.assignments.get(id, call.replica_view(self.lag.reads));
        let found = found.filter(|found| text(found, side.member()) == text(&owner, "id") && text(found, "id") == id);
        let found = found.ok_or_else(|| GraphError::not_found(id))?;
        Ok(GraphResponse::ok(query.entity(found, &side.context(kind, text(&owner, "id")), self, call)))
    }

    pub(crate) fn create_assignment(
        &mut self,
        kind: ObjectKind,
        key: &ObjectKey,
        side: AssignmentSide,
        call: &Call,
    ) -> GraphResult {
        let mut body = call.object()?.clone();
        ObjectKind::Assignment.entity_type().convert(&mut body).map_err(GraphError::bad_request)?;
        let mut ids = Map::new();
        for name in ["principalId", "resourceId", "appRoleId"] {
            let id = Uuid::parse_str(text(&body, name)).map_err(|_| GraphError::invalid(name, "AppRoleAssignment"))?;
            ids.insert(name.to_owned(), id.to_string().into());
        }
        let ids = Value::from(ids);
        let (principal_id, resource_id, role_id) =
            (text(&ids, "principalId"), text(&ids, "resourceId"), text(&ids, "appRoleId"));
        let lag = self.lag.references;
        let owner = self.find(kind, key, lag, call)?;
        if text(&owner, "id") != text(&ids, side.member()) {
            return Err(GraphError::bad_request("Not a valid reference update."));
        }
        let view = call.replica_view(lag);
        let principal = self.object(principal_id, view).filter(|(kind, _)| *kind != ObjectKind::Application);
        let (principal_kind, principal) =
            principal.ok_or_else(|| GraphError::bad_request("Not a valid reference update."))?;
        let resource = self.service_principals.get(resource_id, view).cloned();
        let resource = resource.ok_or_else(|| GraphError::bad_request("Specified resourceId was not found."))?;
        authorize::check_assignment(&resource, &call.actor)?;
        let member_type = if principal_kind == SERVICE_PRINCIPAL { "Application" } else { "User" };
        let role = items(&resource, "appRoles").iter().find(|role| eq_ignore_case(text(role, "id"), role_id));
        let by_default = role_id == Uuid::nil().to_string() && items(&resource, "appRoles").is_empty();
        let grantable = role.is_some_and(|role| {
            role["isEnabled"] == true && texts(role, "allowedMemberTypes").any(|member| member == member_type)
        });
        if !grantable && !by_default {
            return Err(GraphError::bad_request("Permission being assigned was not found on application"));
        }
        let held = self.assignments.find_by("principalId", principal_id);
        let is_this = |held: &Value| text(held, "resourceId") == resource_id && text(held, "appRoleId") == role_id;
        if held.into_iter().any(|(_, held)| is_this(held)) {
            return Err(GraphError::bad_request("Permission being assigned already exists on the object")
                .detail("InvalidUpdate", "None"));
        }
        let mut value = ObjectKind::Assignment.template().clone();
        value["id"] = assignment_id(parse(principal_id), self.new_id()).into();
        value["appRoleId"] = role_id.into();
        value["createdDateTime"] = timestamp::seconds(call.wall).into();
        value["principalDisplayName"] = principal["displayName"].clone();
        value["principalId"] = principal_id.into();
        value["principalType"] = principal_kind.directory_type().into();
        value["resourceDisplayName"] = resource["displayName"].clone();
        value["resourceId"] = resource_id.into();
        self.write(ObjectKind::Assignment, ObjectState::Live, value.clone(), call);
        value["createdDateTime"] = timestamp::ticks(call.wall).into();
        let context = side.context(kind, text(&owner, "id")) + "/$entity";
        let location = format!("{}/{}", self.location(kind, text(&owner, "id")), text(&value, "id"));
        Ok(created(&value, &context, location, call))
    }

    pub(crate) fn delete_assignment(
        &mut self,
        kind: ObjectKind,
        key: &ObjectKey,
        side: AssignmentSide,
        id: &str,
        call: &Call,
    ) -> GraphResult {
        let owner = self.find(kind, key, self.lag.references, call)?;
        let known = self.assignments.live(id).filter(|known| text(known, side.member()) == text(&owner, "id"));
        if known.is_none_or(|known| text(known, "id") != id) {
            return Err(GraphError::not_found(id));
        }
        self.remove_permanently(ObjectKind::Assignment, id, call);
        Ok(GraphResponse::no_content())
    }

    pub(crate) fn list_grants_of(&self, kind: ObjectKind, key: &ObjectKey, call: &Call) -> GraphResult {
        let query = Query::parse(call, ObjectKind::Grant)?;
        let client = self.find(kind, key, self.lag.reads, call)?;
        let member = if kind == ObjectKind::User { "principalId" } else { "clientId" };
        let rows = self.grants.visible_by(member, text(&client, "id"), call.replica_view(self.lag.lists));
        Ok(GraphResponse::ok(query.page(rows.into_iter(), "oauth2PermissionGrants", self, call)))
    }

    pub(crate) fn get_grant(&self, id: &str, call: &Call) -> GraphResult {
        let query = Query::parse(call, ObjectKind::Grant)?;
        let found = self.grants.get(id, call.replica_view(self.lag.reads)).filter(|found| text(found, "id") == id);
        let found = found.ok_or_else(|| GraphError::not_found(id))?;
        Ok(GraphResponse::ok(query.entity(found, "oauth2PermissionGrants", self, call)))
    }

    pub(crate) fn create_grant(&mut self, call: &Call) -> GraphResult {
        const KIND: &str = "OAuth2PermissionGrant";
        let mut body = call.object()?.clone();
        ObjectKind::Grant.entity_type().convert(&mut body).map_err(GraphError::bad_request)?;
        let guid = |name: &str| Uuid::parse_str(text(&body, name)).map_err(|_| GraphError::invalid(name, KIND));
        let (client, resource) = (guid("clientId")?, guid("resourceId")?);
        let principal = match (text(&body, "consentType"), &body["principalId"]) {
            ("AllPrincipals", Value::Null) => None,
            ("Principal", Value::String(_)) => Some(guid("principalId")?),
            ("AllPrincipals" | "Principal", _) => return Err(GraphError::invalid("principalId", KIND)),
            _ => return Err(GraphError::invalid("consentType", KIND)),
        };
        let scope = text(&body, "scope");
        check_scope(scope)?;
        for id in [client, resource] {
            let known = self.find(SERVICE_PRINCIPAL, &ObjectKey::Id(id.to_string()), self.lag.references, call);
            known.map_err(|_| {
                GraphError::bad_request(format!(
                    "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
                ))
            })?;
        }
        let id = grant_id(client, resource, principal);
        if self.grants.live(&id).is_some() {
            return Err(GraphError::conflict("Permission entry already exists."));
        }
        let mut value = ObjectKind::Grant.template().clone();
        value["clientId"] = client.to_string().into();
        value["consentType"] = body["consentType"].clone();
        value["id"] = id.as_str().into();
        value["principalId"] = principal.map_or(Value::Null, |principal| principal.to_string().into());
        value["resourceId"] = resource.to_string().into();
        value["scope"] = scope.into();
        self.write(ObjectKind::Grant, ObjectState::Live, value.clone(), call);
        let location = format!("https://graph.microsoft.com/v2/{}/oauth2PermissionGrants/{id}", self.tenant_id);
        Ok(created(&value, "oauth2PermissionGrants/$entity", location, call))
    }

    pub(crate) fn update_grant(&mut self, id: &str, call: &Call) -> GraphResult {
        let known = self.find_grant(id, call)?;
        let mut value = (*known).clone();
        let mut body = call.object()?.clone();
        ObjectKind::Grant.entity_type().convert(&mut body).map_err(GraphError::bad_request)?;
        for (name, new) in body.as_object().into_iter().flatten() {
            match (name.as_str(), new) {
                ("scope", Value::String(scope)) => {
                    check_scope(scope)?;
                    value["scope"] = scope.as_str().into();
                }
                (name, new) if known.get(name) == Some(new) || name.contains("@odata.") => {}
                (name, _) => return Err(GraphError::invalid(name, "OAuth2PermissionGrant")),
            }
        }
        self.write(ObjectKind::Grant, ObjectState::Live, value, call);
        Ok(GraphResponse::no_content())
    }

    pub(crate) fn delete_grant(&mut self, id: &str, call: &Call) -> GraphResult {
        self.find_grant(id, call)?;
        self.remove_permanently(ObjectKind::Grant, id, call);
        Ok(GraphResponse::no_content())
    }

    fn find_grant(&self, id: &str, call: &Call) -> Result<Arc<Value>, GraphError> {
        let visible = self.grants.get(id, call.replica_view(self.lag.references)).and(self.grants.live(id));
        visible.filter(|visible| text(visible, "id") == id).cloned().ok_or_else(|| GraphError::not_found(id))
    }

    /// Removes all assignments and grants to a service principal and on it.
    pub(crate) fn remove_grants_of(&mut self, id: &str, call: &Call) {
        for (kind, members) in
            [(ObjectKind::Assignment, ["principalId", "resourceId"]), (ObjectKind::Grant, ["clientId", "resourceId"])]
        {
            for member in members {
                let held = self.store(kind).find_by(member, id).map(|(_, value)| text(value, "id").to_owned());
                for held in held.collect::<Vec<_>>() {
                    self.remove_permanently(kind, &held, call);
                }
            }
        }
    }
}

fn created(value: &Value, context: &str, location: String, call: &Call) -> GraphResponse {
    let mut response = Map::new();
    response.insert("@odata.context".into(), call.context(context).into());
    response.extend(value.as_object().cloned().unwrap_or_default());
    GraphResponse::created(response.into(), location)
}

fn check_scope(scope: &str) -> Result<(), GraphError> {
    if scope.split_whitespace().next().is_none() || scope.len() > 3850 {
        return Err(GraphError::invalid("scope", "OAuth2PermissionGrant"));
    }
    Ok(())
}

/// Parses an id that was formatted from a GUID, which cannot fail.
fn parse(id: &str) -> Uuid {
    Uuid::parse_str(id).unwrap_or_default()
}

/// The id of an assignment: the principal's GUID in little-endian order, then sixteen random bytes.
pub(crate) fn assignment_id(principal: Uuid, random: Uuid) -> String {
    let mut bytes = principal.to_bytes_le().to_vec();
    bytes.extend_from_slice(random.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The id of a grant, derived from what it connects: a grant that is created again has the same id.
pub(crate) fn grant_id(client: Uuid, resource: Uuid, principal: Option<Uuid>) -> String {
    let mut bytes = [client.to_bytes_le(), resource.to_bytes_le()].concat();
    bytes.extend(principal.map(|principal| principal.to_bytes_le()).into_iter().flatten());
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grant_ids_have_the_length_and_the_bytes_of_the_service() {
        let client = Uuid::from_u128(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f);
        let id = grant_id(client, Uuid::nil(), None);
        assert_eq!(id.len(), 43);
        assert_eq!(URL_SAFE_NO_PAD.decode(&id).unwrap()[..8], [3, 2, 1, 0, 5, 4, 7, 6]);
        assert_eq!(grant_id(client, Uuid::nil(), Some(Uuid::nil())).len(), 64);
        assert_eq!(assignment_id(client, Uuid::nil()).len(), 43);
    }
}
