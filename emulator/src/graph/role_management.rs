//! `/roleManagement/directory`: who has which directory role, a partner's groups included, and the built-in roles.
//!
//! <https://learn.microsoft.com/graph/api/resources/rolemanagement>

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, text};
use crate::data::lag::LookupLag;
use crate::graph::authorize::role;
use crate::graph::call::Call;
use crate::graph::objects::with_odata_type;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};
use crate::partner::list::{self, ListQuery, ListSchema, Row};
use crate::query;

/// An operation of role management, with the id of the path as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RoleOperation {
    ListAssignments,
    CountAssignments,
    GetAssignment(String),
    ListDefinitions,
    CountDefinitions,
    GetDefinition(String),
}

impl RoleOperation {
    /// Finds the operation of a method and the segments behind `/roleManagement`; `None` is a wrong method on a known path.
    pub(crate) fn route(method: &str, names: &[&str], last: &str) -> Result<Option<Self>, GraphError> {
        Ok(match (names, method) {
            (["directory", "roleassignments"], "GET") => Some(Self::ListAssignments),
            (["directory", "roleassignments", "$count"], "GET") => Some(Self::CountAssignments),
            (["directory", "roleassignments", _], "GET") => Some(Self::GetAssignment(last.to_owned())),
            (["directory", "roledefinitions"], "GET") => Some(Self::ListDefinitions),
            (["directory", "roledefinitions", "$count"], "GET") => Some(Self::CountDefinitions),
            (["directory", "roledefinitions", _], "GET") => Some(Self::GetDefinition(last.to_owned())),
            (["directory", "roleassignments" | "roledefinitions", ..], "POST" | "PATCH" | "DELETE") => {
                return Err(GraphError::not_implemented("changes to role assignments and role definitions"));
            }
            (["directory", "roleassignments" | "roledefinitions"] | [_, _, _], _) => None,
            _ => return Err(GraphError::not_implemented(format!("the path /roleManagement/{}", names.join("/")))),
        })
    }
}

static ASSIGNMENTS: ListSchema = ListSchema {
    type_name: "unifiedRoleAssignment",
    selectable: &[
        "id",
        "principalId",
        "principalOrganizationId",
        "roleDefinitionId",
        "directoryScopeId",
        "appScopeId",
        "condition",
    ],
    filterable: &["id", "principalId", "roleDefinitionId", "directoryScopeId"],
    max_page_size: 999,
    in_directory: true,
};

static DEFINITIONS: ListSchema = ListSchema {
    type_name: "unifiedRoleDefinition",
    selectable: &[
        "id",
        "description",
        "displayName",
        "isBuiltIn",
        "isEnabled",
        "resourceScopes",
        "rolePermissions",
        "templateId",
        "version",
    ],
    filterable: &["id", "displayName", "isBuiltIn", "templateId"],
    max_page_size: 999,
    in_directory: true,
};

/// The built-in roles that matter to apps and partners.
const BUILT_IN: [(&str, &str); 21] = [
    (role::APPLICATION_ADMINISTRATOR, "Application Administrator"),
    ("cf1c38e5-3621-4004-a7cb-879624dced7c", "Application Developer"),
    ("c4e39bd9-1100-46d3-8c65-fb160da0071f", "Authentication Administrator"),
    ("b0f54661-2d74-4c50-afa3-1ec803f12efe", "Billing Administrator"),
    (role::CLOUD_APPLICATION_ADMINISTRATOR, "Cloud Application Administrator"),
    (role::DIRECTORY_READERS, "Directory Readers"),
    ("9360feb5-f418-4baa-8175-e2a00bac4301", "Directory Writers"),
    ("8329153b-31d0-4727-b945-745eb3bc5f31", "Domain Name Administrator"),
    ("29232cdf-9323-42fd-ade2-1d097af3e4de", "Exchange Administrator"),
    (role::GLOBAL_ADMINISTRATOR, "Global Administrator"),
    (role::GLOBAL_READER, "Global Reader"),
    (role::GROUPS_ADMINISTRATOR, "Groups Administrator"),
    ("729827e3-9c14-49f7-bb1b-9608f156bbb8", "Helpdesk Administrator"),
    ("3a2c62db-5318-420d-8d74-23affee5d9d5", "Intune Administrator"),
    ("4d6ac14f-3453-41d0-bef9-a3e0c569773a", "License Administrator"),
    ("7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "Privileged Authentication Administrator"),
    (role::PRIVILEGED_ROLE_ADMINISTRATOR, "Privileged Role Administrator"),
    ("194ae4cb-b126-40b2-bd5b-6091b380977d", "Security Administrator"),
    ("f023fd81-a637-4b56-95fd-791ac0226033", "Service Support Administrator"),
    ("69091246-20e8-4a56-aa4d-066075b2a7a8", "Teams Administrator"),
    (role::USER_ADMINISTRATOR, "User Administrator"),
];

/// The properties of an assignment that are shown only when they are selected.
const ORGANIZATION: &str = "principalOrganizationId";

impl CloudState {
    /// Carries out an operation of role management.
    pub(crate) fn role_management(&self, tenant: usize, operation: &RoleOperation, call: &Call) -> GraphResult {
        match operation {
            RoleOperation::ListAssignments => {
                let (call, expands) = without_expand(call, "principal")?;
                let query = ListQuery::parse(&call, &ASSIGNMENTS)?;
                let context = if expands { "roleAssignments(principal())" } else { "roleAssignments" };
                let mut page = query.page(self.assignment_rows(tenant, &call), &path(context), &call);
                for assignment in page["value"].as_array_mut().into_iter().flatten().filter(|_| expands) {
                    assignment["principal"] = self.role_principal(tenant, assignment);
                }
                Ok(GraphResponse::ok(page))
            }
            RoleOperation::CountAssignments => {
                query::check_count(call)?;
                list::count(self.assignment_rows(tenant, call), call, &ASSIGNMENTS)
            }
            RoleOperation::GetAssignment(id) => {
                let (call, expands) = without_expand(call, "principal")?;
                let query = ListQuery::parse(&call, &ASSIGNMENTS)?;
                let mut rows = self.assignment_rows(tenant, &call);
                let found = rows.find(|row| row.properties.get("id").and_then(Value::as_str) == Some(id));
                let properties = found.ok_or_else(|| GraphError::not_found(id))?.properties;
                let mut entity = query.entity(properties, &path("roleAssignments"), &call);
                if expands {
                    entity["principal"] = self.role_principal(tenant, &entity);
                }
                Ok(GraphResponse::ok(entity))
            }
            RoleOperation::ListDefinitions => {
                let query = ListQuery::parse(call, &DEFINITIONS)?;
                Ok(GraphResponse::ok(query.page(definition_rows(), &path("roleDefinitions"), call)))
            }
            RoleOperation::CountDefinitions => {
                query::check_count(call)?;
                list::count(definition_rows(), call, &DEFINITIONS)
            }
            RoleOperation::GetDefinition(id) => {
                let query = ListQuery::parse(call, &DEFINITIONS)?;
                let mut rows = definition_rows();
                let matches = |row: &Row| {
                    row.properties.get("id").and_then(Value::as_str).is_some_and(|known| eq_ignore_case(known, id))
                };
                let found = rows.find(matches).ok_or_else(|| GraphError::not_found(id))?;
                Ok(GraphResponse::ok(query.entity(found.properties, &path("roleDefinitions"), call)))
            }
        }
    }

    /// The assignments in a tenant: of its own users and apps, and of the groups of partners.
    fn assignment_rows(&self, tenant: usize, call: &Call) -> impl Iterator<Item = Row> + use<> {
        let directory = &self[tenant].directory;
        let view = call.replica_view(LookupLag::NONE);
        let mut all: Vec<(String, String, Uuid)> = Vec::new();
        for (principal, roles) in &directory.roles {
            if directory.object(principal, view).is_some() {
                all.extend(roles.iter().map(|role| (principal.clone(), role.to_lowercase(), directory.tenant_id)));
            }
        }
        for (_, other) in self.tenants() {
            let roles = other.directory.partner.iter();
            let roles = roles.flat_map(|partner| partner.roles_of_groups(&directory.tenant_id.to_string()));
            let live = roles.filter(|(group, _)| other.directory.groups.live(group).is_some());
            all.extend(live.map(|(group, role)| (group, role, other.directory.tenant_id)));
        }
        all.sort();
        let shows_organization = call.query.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("$select") && value.split(',').any(|name| name.trim() == ORGANIZATION)
        });
        all.into_iter().zip(1..).map(move |((principal, role, organization), order)| {
            let mut properties = Map::new();
            properties.insert("id".into(), assignment_id(&role, &principal).into());
            properties.insert("principalId".into(), principal.into());
            properties.insert("roleDefinitionId".into(), role.into());
            properties.insert("directoryScopeId".into(), "/".into());
            if shows_organization {
                properties.insert(ORGANIZATION.into(), organization.to_string().into());
            }
            Row { order, properties }
        })
    }

    /// The holder of an assignment: an object of the tenant, or a group of a partner with the id of its tenant.
    fn role_principal(&self, tenant: usize, assignment: &Value) -> Value {
        let id = text(assignment, "principalId");
        let view = crate::data::object_store::ReplicaView { now: std::time::Duration::MAX, lag: LookupLag::NONE };
        if let Some((kind, object)) = self[tenant].directory.object(id, view) {
            return with_odata_type(kind, query::shown(kind, &object)).into();
        }
        let others = self.tenants().map(|(_, state)| &state.directory);
        let mut found = others.filter_map(|directory| Some((directory, directory.groups.live(id)?)));
        let Some((home, group)) = found.next() else { return Value::Null };
        json!({
            "@odata.type": "#microsoft.graph.group",
            "id": id,
            "displayName": group["displayName"],
            "organizationId": home.tenant_id,
            "securityEnabled": group["securityEnabled"],
        })
    }
}

fn path(of: &str) -> String {
    format!("roleManagement/directory/{of}")
}

/// The request without its `$expand`, and whether it expands this property; any other is refused.
fn without_expand(call: &Call, property: &str) -> Result<(Call, bool), GraphError> {
    let mut call = call.clone();
    let is_expand = |name: &str| name.eq_ignore_ascii_case("$expand");
    let wanted = call.query.iter().find(|(name, _)| is_expand(name)).map(|(_, value)| value.trim().to_owned());
    call.query.retain(|(name, _)| !is_expand(name));
    match wanted {
        None => Ok((call, false)),
        Some(wanted) if wanted == property => Ok((call, true)),
        Some(wanted) => Err(GraphError::not_implemented(format!("the expansion of {wanted}"))),
    }
}

fn definition_rows() -> impl Iterator<Item = Row> {
    BUILT_IN.iter().zip(1..).filter_map(|((id, name), order)| {
        let value = json!({
            "id": id, "description": null, "displayName": name, "isBuiltIn": true, "isEnabled": true,
            "resourceScopes": ["/"], "rolePermissions": [], "templateId": id, "version": "1"
        });
        let Value::Object(properties) = value else { return None };
        Some(Row { order, properties })
    })
}

/// The id of an assignment: that of the role and that of its holder, in the byte order of Windows.
fn assignment_id(role: &str, principal: &str) -> String {
    let ids = [role, principal].map(|id| Uuid::parse_str(id).unwrap_or_default());
    let bytes: Vec<u8> = ids.iter().flat_map(Uuid::to_bytes_le).collect();
    URL_SAFE_NO_PAD.encode(bytes) + "-1"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_assignment_is_made_as_the_service_makes_it() {
        let id = assignment_id(role::GLOBAL_ADMINISTRATOR, "ace08ec9-aa11-4ada-9145-addf0398233e");
        assert_eq!(id, "lAPpYvVpN0KRkAEhdxReEMmO4KwRqtpKkUWt3wOYIz4-1");
    }
}
