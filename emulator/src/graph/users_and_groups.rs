//! `/users` and `/groups`, as far as sign-in, ownership and partners need them.

use serde_json::{Map, Value};

use crate::data::json::{eq_ignore_case, merge, text, timestamp};
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::ObjectState;
use crate::graph::call::Call;
use crate::graph::directory::{Directory, reference};
use crate::graph::response::{Body, GraphError, GraphResponse, GraphResult};
use crate::graph::route::ObjectKey;
use crate::graph::validation;
use crate::query;

/// The property that a new user needs and that is never shown.
const PASSWORD: &str = "passwordProfile";

impl Directory {
    pub(crate) fn create_user(&mut self, call: &Call) -> GraphResult {
        let mut body = call.object()?.clone();
        let name = text(&body, "userPrincipalName").to_owned();
        for required in ["displayName", "mailNickname", "userPrincipalName"] {
            if text(&body, required).trim().is_empty() {
                return Err(GraphError::bad_request(format!(
                    "A value is required for property '{required}' of resource 'User'."
                ))
                .detail("PropertyRequired", required));
            }
        }
        if !body.get(PASSWORD).is_some_and(Value::is_object) {
            return Err(GraphError::bad_request("A password must be specified to create a new user.")
                .detail("PropertyRequired", "password"));
        }
        self.check_principal_name(&name, "")?;
        if let Some(members) = body.as_object_mut() {
            members.remove(PASSWORD);
        }
        self.new_object(ObjectKind::User, body, call)
    }

    pub(crate) fn create_group(&mut self, call: &Call) -> GraphResult {
        self.new_group(call.object()?.clone(), call)
    }

    fn new_group(&mut self, mut body: Value, call: &Call) -> GraphResult {
        for required in ["displayName", "mailNickname"] {
            if text(&body, required).trim().is_empty() {
                return Err(GraphError::bad_request(format!(
                    "A value is required for property '{required}' of resource 'Group'."
                ))
                .detail("PropertyRequired", required));
            }
        }
        for required in ["mailEnabled", "securityEnabled"] {
            if !body.get(required).is_some_and(Value::is_boolean) {
                return Err(GraphError::bad_request(format!(
                    "A value is required for property '{required}' of resource 'Group'."
                ))
                .detail("PropertyRequired", required));
            }
        }
        self.check_group_name(&body["uniqueName"], "")?;
        let mut links = Vec::new();
        for (name, is_owner) in [("owners@odata.bind", true), ("members@odata.bind", false)] {
            let bound = body.as_object_mut().and_then(|members| members.remove(name)).unwrap_or_default();
            for link in bound.as_array().into_iter().flatten() {
                let to = reference(link.as_str().unwrap_or_default())?;
                self.object(&to, call.replica_view(self.lag.references)).ok_or_else(|| GraphError::not_found(&to))?;
                links.push((to, is_owner));
            }
        }
        let response = self.new_object(ObjectKind::Group, body, call)?;
        if let Body::Json(group) = &response.body {
            for (to, is_owner) in links {
                let all = if is_owner { &mut self.owners } else { &mut self.members };
                all.add(text(group, "id"), &to);
            }
        }
        Ok(response)
    }

    /// Refuses a principal name that is not of the tenant's domain, or that another user has.
    fn check_principal_name(&self, name: &str, id: &str) -> Result<(), GraphError> {
        if !name.rsplit_once('@').is_some_and(|(user, domain)| !user.is_empty() && eq_ignore_case(domain, &self.domain))
        {
            return Err(GraphError::bad_request(
                "The domain portion of the userPrincipalName property is invalid. You must use one of the verified \
                    domain names in your organization.",
            )
            .detail("InvalidValue", "userPrincipalName"));
        }
        let mut others = self.users.find_by("userPrincipalName", name);
        if others.any(|(state, user)| state == ObjectState::Live && text(user, "id") != id) {
            return Err(GraphError::bad_request(
                "Another object with the same value for property userPrincipalName already exists.",
            )
            .detail("ObjectConflict", "userPrincipalName"));
        }
        Ok(())
    }

    /// Refuses a unique name that another group has.
    fn check_group_name(&self, name: &Value, id: &str) -> Result<(), GraphError> {
        let Some(name) = name.as_str() else { return Ok(()) };
        if self.groups.find_by("uniqueName", name).any(|(_, holder)| text(holder, "id") != id) {
            return Err(GraphError::bad_request(
                "Another object with the same value for property uniqueName already exists.",
            )
            .detail("ObjectConflict", "uniqueName"));
        }
        Ok(())
    }

    fn new_object(&mut self, kind: ObjectKind, mut body: Value, call: &Call) -> GraphResult {
        validation::check_properties(kind, &mut body)?;
        let mut value = kind.template().clone();
        let id = self.new_id().to_string();
        value["id"] = id.as_str().into();
        value["createdDateTime"] = timestamp::seconds(call.wall).into();
        merge(&mut value, &body);
        self.write(kind, ObjectState::Live, value.clone(), call);
        if kind == ObjectKind::Group {
            self.add_creator_as_owner(kind, &id, call);
        }
        let mut response = Map::new();
        response.insert("@odata.context".into(), call.context(&format!("{}/$entity", kind.collection())).into());
        if let Value::Object(members) = query::shown(kind, &value) {
            response.extend(members);
        }
        Ok(GraphResponse::created(response.into(), self.location(kind, &id)))
    }

    pub(crate) fn update_user_or_group(&mut self, kind: ObjectKind, key: &ObjectKey, call: &Call) -> GraphResult {
        let mut body = call.object()?.clone();
        // <https://learn.microsoft.com/graph/api/group-upsert>
        if let (ObjectKey::UniqueName(name), true) = (key, call.upsert) {
            let mut known = self.groups.find_by("uniqueName", name);
            if !known.any(|(state, _)| state == ObjectState::Live) {
                body["uniqueName"] = name.as_str().into();
                return self.new_group(body, call);
            }
        }
        let old = self.find_for_write(kind, key, call)?;
        if kind == ObjectKind::Group
            && let Some(name) = body.get("uniqueName")
        {
            if !old["uniqueName"].is_null() && old["uniqueName"] != *name {
                return Err(GraphError::bad_request("Property uniqueName cannot be changed once it is set.")
                    .detail("InvalidUpdate", "uniqueName"));
            }
            self.check_group_name(name, text(&old, "id"))?;
        }
        if let (ObjectKind::User, Some(members)) = (kind, body.as_object_mut()) {
            members.remove(PASSWORD);
        }
        validation::check_properties(kind, &mut body)?;
        let mut new = (*old).clone();
        merge(&mut new, &body);
        if text(&new, "displayName").trim().is_empty() {
            return Err(GraphError::invalid("displayName", kind.directory_type()));
        }
        if kind == ObjectKind::User && new["userPrincipalName"] != old["userPrincipalName"] {
            self.check_principal_name(text(&new, "userPrincipalName"), text(&old, "id"))?;
        }
        self.write(kind, ObjectState::Live, new, call);
        Ok(GraphResponse::no_content())
    }
}
