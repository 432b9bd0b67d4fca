//! App management policies: what a tenant allows for the credentials, the identifier URIs and the audience of its apps.
//!
//! <https://learn.microsoft.com/graph/api/resources/applicationauthenticationmethodpolicy>

mod body;
mod endpoints;
mod rules;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::data::json::{text, timestamp};
use crate::data::lag::Lag;
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::{ObjectState, ObjectStore, ReplicaView};
use crate::graph::policy::SecretPolicy;
use crate::graph::response::GraphError;
use crate::graph::route::ObjectKey;

pub(crate) use body::check as check_policy;

/// The id of the tenant's default policy.
const DEFAULT_POLICY: &str = "00000000-0000-0000-0000-000000000000";

/// The member of an assignment that names the policy; its id is that of the object.
const POLICY: &str = "policyId";

/// An operation on the policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PolicyOperation {
    GetDefault,
    UpdateDefault,
    List,
    Count,
    Create,
    Get(String),
    Update(String),
    Delete(String),
    /// The objects that a policy is assigned to.
    AppliesTo(String),
    /// The policies of an object.
    ListOf(ObjectKind, ObjectKey),
    CountOf(ObjectKind, ObjectKey),
    Assign(ObjectKind, ObjectKey),
    Unassign(ObjectKind, ObjectKey, String),
}

impl PolicyOperation {
    pub(crate) fn is_write(&self) -> bool {
        matches!(
            self,
            Self::UpdateDefault
                | Self::Create
                | Self::Update(_)
                | Self::Delete(_)
                | Self::Assign(..)
                | Self::Unassign(..)
        )
    }

    /// The operation behind `/policies`; `None` is a wrong method on a known path.
    pub(crate) fn route(method: &str, names: &[&str], raw: &[&str]) -> Result<Option<Self>, GraphError> {
        let id = || raw[1].to_owned();
        Ok(match (names, method) {
            (["defaultappmanagementpolicy"], "GET") => Some(Self::GetDefault),
            (["defaultappmanagementpolicy"], "PATCH") => Some(Self::UpdateDefault),
            (["appmanagementpolicies"], "GET") => Some(Self::List),
            (["appmanagementpolicies"], "POST") => Some(Self::Create),
            (["appmanagementpolicies", "$count"], "GET") => Some(Self::Count),
            (["appmanagementpolicies", _], "GET") => Some(Self::Get(id())),
            (["appmanagementpolicies", _], "PATCH") => Some(Self::Update(id())),
            (["appmanagementpolicies", _], "DELETE") => Some(Self::Delete(id())),
            (["appmanagementpolicies", _, "appliesto"], "GET") => Some(Self::AppliesTo(id())),
            (["defaultappmanagementpolicy" | "appmanagementpolicies"] | ["appmanagementpolicies", _], _) => None,
            _ => return Err(GraphError::not_implemented(format!("the path /policies/{}", names.join("/")))),
        })
    }

    /// The operation behind `appManagementPolicies` of an application or a service principal.
    pub(crate) fn route_of(
        kind: ObjectKind,
        key: ObjectKey,
        method: &str,
        names: &[&str],
        raw: &[&str],
    ) -> Result<Option<Self>, GraphError> {
        Ok(match (names, method) {
            ([], "GET") => Some(Self::ListOf(kind, key)),
            (["$count"], "GET") => Some(Self::CountOf(kind, key)),
            (["$ref"], "POST") => Some(Self::Assign(kind, key)),
            ([_, "$ref"], "DELETE") => Some(Self::Unassign(kind, key, raw[0].to_owned())),
            ([] | ["$count"] | [_, "$ref"], _) => None,
            _ => {
                return Err(GraphError::not_implemented(format!(
                    "{method} {}/{{id}}/appManagementPolicies/{}",
                    kind.collection(),
                    names.join("/")
                )));
            }
        })
    }
}

/// The policies of a tenant with their assignments: the default first, and versions for replicas that lag.
pub(crate) struct AppManagement {
    policies: ObjectStore,
    /// One policy an object at most.
    assignments: ObjectStore,
}

impl AppManagement {
    /// The default policy alone, disabled, or as a policy for secrets makes it.
    pub(crate) fn new(secrets: SecretPolicy) -> Self {
        let mut policies = ObjectStore::new(&[]);
        policies.put(ObjectState::Live, Arc::new(default_policy(secrets)), None, Duration::ZERO);
        Self { policies, assignments: ObjectStore::new(&[POLICY]) }
    }

    /// The default policy, as a view shows it.
    fn default(&self, view: ReplicaView) -> Arc<Value> {
        let mut all = self.policies.all(ObjectState::Live, view);
        all.find(|visible| is_default(&visible.value))
            .map_or_else(|| Arc::new(default_policy(SecretPolicy::Unrestricted)), |visible| visible.value)
    }

    /// A policy but the default.
    fn custom(&self, id: &str, view: ReplicaView) -> Result<Arc<Value>, GraphError> {
        let found = self.policies.get(id, view).filter(|policy| !is_default(policy));
        found.cloned().ok_or_else(|| GraphError::not_found(id))
    }

    /// The policy that is assigned to an object.
    fn assigned(&self, object: &str, view: ReplicaView) -> Option<Arc<Value>> {
        let assignment = self.assignments.get(object, view)?;
        self.custom(text(assignment, POLICY), view).ok()
    }

    /// Makes all writes visible to every replica.
    pub(crate) fn settle(&mut self) {
        self.policies.settle();
        self.assignments.settle();
    }

    /// Sets a lag for one policy, or for the assignment of one to an object; returns whether there is one.
    pub(crate) fn set_lag_of(&mut self, id: &str, lag: Lag) -> bool {
        let assignment = self.assignments.set_lag_of(id, lag);
        self.policies.set_lag_of(id, lag) || assignment
    }

    /// The default policy, and the others with the objects that they are assigned to.
    pub(crate) fn save(&self) -> (Value, Vec<Value>) {
        let view = ReplicaView::CURRENT;
        let others = self.policies.all(ObjectState::Live, view).filter(|visible| !is_default(&visible.value));
        let saved = others.map(|visible| {
            let mut policy = (*visible.value).clone();
            let assigned = self.assignments.find_by(POLICY, text(&policy, "id"));
            policy["appliesTo"] = assigned.map(|(_, assignment)| assignment["id"].clone()).collect();
            policy
        });
        ((*self.default(view)).clone(), saved.collect())
    }

    /// Forgets every policy but the default, with the assignments.
    pub(crate) fn clear(&mut self) {
        let default = self.default(ReplicaView::CURRENT);
        *self = Self { policies: ObjectStore::new(&[]), assignments: ObjectStore::new(&[POLICY]) };
        self.policies.put(ObjectState::Live, default, None, Duration::ZERO);
    }

    /// Puts the default policy in the place of the one that is there, for every replica.
    pub(crate) fn load_default(&mut self, policy: Value) {
        let known = text(&self.default(ReplicaView::CURRENT), "id").to_owned();
        self.policies.purge(&known, None, Duration::ZERO);
        self.policies.put(ObjectState::Live, Arc::new(policy), None, Duration::ZERO);
    }

    /// Puts another policy there for every replica, with its assignments to objects.
    pub(crate) fn load(&mut self, mut policy: Value) {
        let objects = policy.as_object_mut().and_then(|members| members.remove("appliesTo")).unwrap_or_default();
        for object in objects.as_array().into_iter().flatten() {
            let assignment = json!({"id": object, POLICY: policy["id"]});
            self.assignments.put(ObjectState::Live, Arc::new(assignment), None, Duration::ZERO);
        }
        self.policies.put(ObjectState::Live, Arc::new(policy), None, Duration::ZERO);
    }
}

/// Whether a policy is the tenant's default: it alone has restrictions of its own for service principals.
fn is_default(policy: &Value) -> bool {
    policy.get("servicePrincipalRestrictions").is_some()
}

/// The default policy as it is in a tenant in which nobody has changed it.
pub(crate) fn pristine_default() -> Value {
    default_policy(SecretPolicy::Unrestricted)
}

/// The tenant's default policy as it is made, with what a policy for secrets says.
fn default_policy(secrets: SecretPolicy) -> Value {
    let enabled = |kind: &str, lifetime: Option<Duration>| {
        json!([{
            "restrictionType": kind, "state": "enabled", "restrictForAppsCreatedAfterDateTime": null,
            "maxLifetime": lifetime.map(|lifetime| format!("PT{}S", lifetime.as_secs())), "excludeActors": null
        }])
    };
    let (id, secrets) = match secrets {
        SecretPolicy::Unrestricted => (DEFAULT_POLICY.to_owned(), json!([])),
        SecretPolicy::MaxLifetime { policy_id, lifetime } => {
            (policy_id.to_string(), enabled("passwordLifetime", Some(lifetime)))
        }
        SecretPolicy::Forbidden { policy_id } => (policy_id.to_string(), enabled("passwordAddition", None)),
    };
    json!({
        "id": id,
        "deletedDateTime": null,
        "displayName": "Default app management tenant policy",
        "description": "Default tenant policy that enforces app management restrictions on applications and service \
            principals. To apply policy to targeted resources, create a new policy under appManagementPolicies \
            collection.",
        "isEnabled": secrets.as_array().is_some_and(|secrets| !secrets.is_empty()),
        "applicationRestrictions": {"passwordCredentials": secrets.clone(), "keyCredentials": []},
        "servicePrincipalRestrictions": {"passwordCredentials": secrets, "keyCredentials": []},
    })
}

/// The time of a member, where it is one.
fn moment(value: &Value, name: &str) -> Option<time::OffsetDateTime> {
    timestamp::parse(text(value, name))
}

fn refused(code: &'static str, message: String) -> GraphError {
    GraphError::new(StatusCode::BAD_REQUEST, code, message)
}
