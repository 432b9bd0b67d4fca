//! Validation of relationships and access assignments.
//!
//! <https://learn.microsoft.com/graph/api/resources/delegatedadminrelationship>

use serde_json::{Value, json};
use uuid::Uuid;

use super::{duration, errors};
use crate::data::json::{eq_ignore_case, items, text};
use crate::graph::authorize::role;
use crate::graph::response::GraphError;

const MAX_NAME_LENGTH: usize = 50;
const DAY: i64 = 86_400;
/// From P1D to P2Y.
const VALID_DURATIONS: std::ops::RangeInclusive<i64> = DAY..=730 * DAY;

/// Refuses unknown properties.
pub(super) fn check_properties(body: &Value, known: &[&str]) -> Result<(), GraphError> {
    let mut names = body.as_object().into_iter().flat_map(|members| members.keys());
    match names.find(|name| !name.contains("@odata.") && !known.contains(&name.as_str())) {
        Some(name) => Err(errors::bad_request(format!("The property '{name}' cannot be set."))),
        None => Ok(()),
    }
}

/// Validates a relationship as it would be written.
pub(super) fn check_relationship(value: &Value) -> Result<(), GraphError> {
    let length = text(value, "displayName").chars().count();
    if text(value, "displayName").trim().is_empty() || length > MAX_NAME_LENGTH {
        return Err(errors::invalid("displayName"));
    }
    if !duration::seconds(text(value, "duration")).is_some_and(|seconds| VALID_DURATIONS.contains(&seconds)) {
        return Err(errors::invalid("duration"));
    }
    let roles = roles(&value["accessDetails"])?;
    match text(value, "autoExtendDuration") {
        "PT0S" | "P0D" => {}
        "P180D" if !roles.iter().any(|id| eq_ignore_case(id, role::GLOBAL_ADMINISTRATOR)) => {}
        "P180D" => {
            return Err(errors::bad_request(
                "A relationship with the role Global Administrator cannot be extended automatically.",
            ));
        }
        _ => return Err(errors::invalid("autoExtendDuration")),
    }
    if !value["customer"].is_null() && Uuid::parse_str(text(&value["customer"], "tenantId")).is_err() {
        return Err(errors::invalid("customer/tenantId"));
    }
    check_properties(&value["customer"], &["tenantId", "displayName"])
}

/// The ids of the roles in access details: at least one, each a GUID.
pub(super) fn roles(details: &Value) -> Result<Vec<&str>, GraphError> {
    check_properties(details, &["unifiedRoles"])?;
    let all = items(details, "unifiedRoles");
    let ids: Vec<&str> = all.iter().map(|role| text(role, "roleDefinitionId")).collect();
    if ids.is_empty() || ids.iter().any(|id| Uuid::parse_str(id).is_err()) {
        return Err(errors::invalid("accessDetails/unifiedRoles"));
    }
    Ok(ids)
}

/// Whether two collections have the same roles, in any order.
pub(super) fn same_roles(a: &[&str], b: &[&str]) -> bool {
    let within = |a: &[&str], b: &[&str]| a.iter().all(|role| b.iter().any(|other| eq_ignore_case(role, other)));
    within(a, b) && within(b, a)
}

/// Access details with these roles.
pub(super) fn details(roles: &[&str]) -> Value {
    let roles: Vec<Value> = roles.iter().map(|id| json!({ "roleDefinitionId": id })).collect();
    json!({ "unifiedRoles": roles })
}
