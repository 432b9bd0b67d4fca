//! `/policies`, and the policies of applications and service principals.
//!
//! <https://learn.microsoft.com/graph/api/resources/appmanagementpolicy>

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{POLICY, PolicyOperation, check_policy, is_default};
use crate::data::json::{eq_ignore_case, merge, text};
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::ObjectState;
use crate::graph::call::Call;
use crate::graph::directory::{Directory, reference};
use crate::graph::objects::with_odata_type;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};
use crate::graph::route::ObjectKey;
use crate::partner::list::{self, ListQuery, ListSchema, Row};
use crate::query;

const LIST: &str = "policies/appManagementPolicies";

static POLICIES: ListSchema = ListSchema {
    type_name: "appManagementPolicy",
    selectable: &["id", "deletedDateTime", "displayName", "description", "isEnabled", "restrictions"],
    filterable: &["id", "displayName", "isEnabled"],
    max_page_size: 999,
    in_directory: true,
};

static APPLIES_TO: ListSchema = ListSchema {
    type_name: "directoryObject",
    selectable: &["id", "appId", "displayName"],
    filterable: &["id", "appId", "displayName"],
    max_page_size: 999,
    in_directory: true,
};

impl Directory {
    pub(crate) fn app_management(&mut self, operation: PolicyOperation, call: &Call) -> GraphResult {
        match operation {
            PolicyOperation::GetDefault => {
                let policy = self.app_management.default(call.replica_view(self.lag.reads));
                Ok(entity(shown(&policy, call), "policies/defaultAppManagementPolicy", call))
            }
            PolicyOperation::UpdateDefault => {
                let policy = self.app_management.default(call.replica_view(self.lag.references));
                self.update_policy(&policy, call)
            }
            PolicyOperation::List => {
                let query = ListQuery::parse(call, &POLICIES)?;
                Ok(GraphResponse::ok(query.page(self.policy_rows(call), LIST, call)))
            }
            PolicyOperation::Count => {
                query::check_count(call)?;
                list::count(self.policy_rows(call), call, &POLICIES)
            }
            PolicyOperation::Create => self.create_policy(call),
            PolicyOperation::Get(id) => {
                let policy = self.app_management.custom(&id, call.replica_view(self.lag.reads))?;
                Ok(entity(shown(&policy, call), LIST, call))
            }
            PolicyOperation::Update(id) => {
                let policy = self.app_management.custom(&id, call.replica_view(self.lag.references))?;
                self.update_policy(&policy, call)
            }
            PolicyOperation::Delete(id) => {
                self.app_management.custom(&id, call.replica_view(self.lag.references))?;
                self.app_management.policies.purge(&id, Some(call.now), self.lag.max_lag());
                Ok(GraphResponse::no_content())
            }
            PolicyOperation::AppliesTo(id) => self.applies_to(&id, call),
            PolicyOperation::ListOf(kind, key) => {
                let object = self.find(kind, &key, self.lag.reads, call)?;
                let query = ListQuery::parse(call, &POLICIES)?;
                let rows = self.policy_rows_of(&object, call);
                Ok(GraphResponse::ok(query.page(rows, "appManagementPolicies", call)))
            }
            PolicyOperation::CountOf(kind, key) => {
                query::check_count(call)?;
                let object = self.find(kind, &key, self.lag.reads, call)?;
                list::count(self.policy_rows_of(&object, call), call, &POLICIES)
            }
            PolicyOperation::Assign(kind, key) => self.assign_policy(kind, &key, call),
            PolicyOperation::Unassign(kind, key, id) => self.unassign_policy(kind, &key, &id, call),
        }
    }

    fn policy_rows(&self, call: &Call) -> impl Iterator<Item = Row> + use<> {
        let all = self.app_management.policies.all(ObjectState::Live, call.replica_view(self.lag.lists));
        let others = all.filter(|visible| !is_default(&visible.value));
        let rows: Vec<Row> =
            others.map(|visible| Row { order: visible.order, properties: shown(&visible.value, call) }).collect();
        rows.into_iter()
    }

    fn policy_rows_of(&self, object: &Value, call: &Call) -> impl Iterator<Item = Row> + use<> {
        let policy = self.app_management.assigned(text(object, "id"), call.replica_view(self.lag.lists));
        policy.map(|policy| Row { order: 1, properties: shown(&policy, call) }).into_iter()
    }

    fn create_policy(&mut self, call: &Call) -> GraphResult {
        let mut body = call.object()?.clone();
        check_policy(&mut body, false)?;
        if text(&body, "displayName").is_empty() || !body["restrictions"].is_object() {
            return Err(GraphError::bad_request("A policy needs a displayName and restrictions."));
        }
        let mut policy = json!({
            "id": self.new_id().to_string(), "deletedDateTime": null, "displayName": null, "description": "",
            "isEnabled": false, "restrictions": {"passwordCredentials": [], "keyCredentials": []}
        });
        merge(&mut policy, &body);
        let location = format!("{}/{LIST}/{}", call.root, text(&policy, "id"));
        self.put_policy(policy.clone(), call);
        let response = entity(shown(&policy, call), LIST, call);
        Ok(GraphResponse { status: StatusCode::CREATED, ..response.header(http::header::LOCATION, location) })
    }

    fn update_policy(&mut self, policy: &Value, call: &Call) -> GraphResult {
        let mut body = call.object()?.clone();
        check_policy(&mut body, is_default(policy))?;
        for name in ["id", "deletedDateTime"] {
            body.as_object_mut().and_then(|members| members.remove(name));
        }
        let mut new = policy.clone();
        merge(&mut new, &body);
        self.put_policy(new, call);
        Ok(GraphResponse::no_content())
    }

    fn put_policy(&mut self, policy: Value, call: &Call) {
        let max_lag = self.lag.max_lag();
        self.app_management.policies.put(ObjectState::Live, Arc::new(policy), Some(call.now), max_lag);
    }

    /// <https://learn.microsoft.com/graph/api/appmanagementpolicy-list-appliesto>
    fn applies_to(&self, id: &str, call: &Call) -> GraphResult {
        let view = call.replica_view(self.lag.lists);
        self.app_management.custom(id, view)?;
        let assigned = self.app_management.assignments.visible_by(POLICY, id, view);
        let objects = assigned.iter().filter_map(|visible| {
            let (kind, object) = self.object(text(&visible.value, "id"), view)?;
            Some(Row { order: visible.order, properties: with_odata_type(kind, query::shown(kind, &object)) })
        });
        let query = ListQuery::parse(call, &APPLIES_TO)?;
        Ok(GraphResponse::ok(query.page(objects, "directoryObjects", call)))
    }

    /// <https://learn.microsoft.com/graph/api/appmanagementpolicy-post-appliesto>
    fn assign_policy(&mut self, kind: ObjectKind, key: &ObjectKey, call: &Call) -> GraphResult {
        let object = self.find_for_write(kind, key, call)?;
        let policy = reference(text(call.object()?, "@odata.id"))?;
        let view = call.replica_view(self.lag.references);
        self.app_management.custom(&policy, view)?;
        let id = text(&object, "id");
        if self.app_management.assignments.live(id).is_some() {
            return Err(GraphError::bad_request(
                "Only one app management policy can be assigned to an application or service principal.",
            ));
        }
        let (assignment, max_lag) = (json!({"id": id, POLICY: policy}), self.lag.max_lag());
        self.app_management.assignments.put(ObjectState::Live, Arc::new(assignment), Some(call.now), max_lag);
        Ok(GraphResponse::no_content())
    }

    /// <https://learn.microsoft.com/graph/api/appmanagementpolicy-delete-appliesto>
    fn unassign_policy(&mut self, kind: ObjectKind, key: &ObjectKey, policy: &str, call: &Call) -> GraphResult {
        let object = self.find_for_write(kind, key, call)?;
        let id = text(&object, "id");
        let assigned = self.app_management.assignments.live(id);
        if !assigned.is_some_and(|assigned| eq_ignore_case(text(assigned, POLICY), policy)) {
            return Err(GraphError::not_found(policy));
        }
        let max_lag: Duration = self.lag.max_lag();
        self.app_management.assignments.purge(id, Some(call.now), max_lag);
        Ok(GraphResponse::no_content())
    }
}

/// A policy as a version of Graph shows it: restrictions of audiences are those of the beta version alone.
fn shown(policy: &Value, call: &Call) -> Map<String, Value> {
    let mut policy = policy.clone();
    if !call.is_beta() {
        for path in ["/applicationRestrictions", "/restrictions/applicationRestrictions"] {
            if let Some(members) = policy.pointer_mut(path).and_then(Value::as_object_mut) {
                members.remove("audiences");
            }
        }
    }
    match policy {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn entity(properties: Map<String, Value>, context: &str, call: &Call) -> GraphResponse {
    let mut body = Map::new();
    body.insert("@odata.context".into(), call.context(&format!("{context}/$entity")).into());
    body.extend(properties);
    GraphResponse::ok(body.into())
}
