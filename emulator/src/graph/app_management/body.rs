//! What can be written of a policy.

use serde_json::Value;

use crate::data::json::{member, text, timestamp};
use crate::graph::response::GraphError;
use crate::partner::duration;

const PASSWORDS: [&str; 5] =
    ["passwordAddition", "passwordLifetime", "symmetricKeyAddition", "symmetricKeyLifetime", "customPasswordAddition"];
const KEYS: [&str; 1] = ["asymmetricKeyLifetime"];
/// Restrictions of a property of an application, by the property; those of the second list are of the beta version.
const PROPERTIES: [(&str, &[&str]); 2] = [
    ("identifierUris", &["nonDefaultUriAddition", "uriAdditionWithoutUniqueTenantIdentifier"]),
    ("audiences", &["azureAdMultipleOrgs", "personalMicrosoftAccount"]),
];

type Checked = Result<(), GraphError>;

fn invalid(property: &str) -> GraphError {
    GraphError::bad_request(format!("Invalid value specified for property '{property}' of resource 'Policy'."))
        .detail("InvalidValue", property)
}

fn unknown(property: &str) -> GraphError {
    GraphError::bad_request(format!("A property '{property}' of a policy is unknown, or cannot be written."))
}

/// Checks the body of a policy, the tenant's default or another, and completes its restrictions.
pub(crate) fn check(body: &mut Value, is_default: bool) -> Checked {
    let Some(members) = body.as_object_mut() else { return Err(invalid("policy")) };
    for (name, value) in members {
        match name.as_str() {
            "isEnabled" if value.is_boolean() => {}
            "displayName" | "description" if value.is_string() => {}
            "id" | "deletedDateTime" if is_default => {}
            "applicationRestrictions" if is_default => check_configuration(value, true)?,
            "servicePrincipalRestrictions" if is_default => check_configuration(value, false)?,
            "restrictions" if !is_default => {
                if let Some(own) = value.get_mut("applicationRestrictions").filter(|own| !own.is_null()) {
                    check_properties(own)?;
                }
                check_configuration(value, false)?;
            }
            "isEnabled" | "displayName" | "description" => return Err(invalid(name)),
            _ if name.starts_with('@') => {}
            _ => return Err(unknown(name)),
        }
    }
    Ok(())
}

fn check_configuration(value: &mut Value, is_of_applications: bool) -> Checked {
    let Some(members) = value.as_object_mut() else { return Err(invalid("restrictions")) };
    for (name, value) in members {
        match name.as_str() {
            "passwordCredentials" => check_credentials(value, name, &PASSWORDS)?,
            "keyCredentials" => check_credentials(value, name, &KEYS)?,
            "applicationRestrictions" if !is_of_applications => {}
            _ if is_of_applications => check_property(name, value)?,
            _ if name.starts_with('@') => {}
            _ => return Err(unknown(name)),
        }
    }
    Ok(())
}

fn check_properties(value: &mut Value) -> Checked {
    let Some(members) = value.as_object_mut() else { return Err(invalid("applicationRestrictions")) };
    members.iter_mut().try_for_each(|(name, value)| check_property(name, value))
}

fn check_property(name: &str, value: &mut Value) -> Checked {
    if value.is_null() || name.starts_with('@') {
        return Ok(());
    }
    let known = PROPERTIES.iter().find(|(known, _)| *known == name);
    let Some((_, known)) = known else {
        return Err(GraphError::not_implemented(format!("a restriction of {name}")));
    };
    let Some(members) = value.as_object_mut() else { return Err(invalid(name)) };
    for (name, restriction) in members.iter_mut().filter(|(name, _)| !name.starts_with('@')) {
        if !known.contains(&name.as_str()) {
            return Err(unknown(name));
        }
        if !restriction.is_null() {
            complete(restriction, name)?;
        }
    }
    Ok(())
}

fn check_credentials(value: &mut Value, name: &str, known: &[&str]) -> Checked {
    let Some(restrictions) = value.as_array_mut() else { return Err(invalid(name)) };
    for restriction in restrictions {
        let kind = text(restriction, "restrictionType").to_owned();
        if !known.contains(&kind.as_str()) {
            let what = format!("the restriction {kind:?} of {name}");
            return Err(if kind.is_empty() { invalid("restrictionType") } else { GraphError::not_implemented(what) });
        }
        let lifetime = member(restriction, "maxLifetime").filter(|lifetime| !lifetime.is_null());
        let lifetime = lifetime.map(|lifetime| duration::seconds(lifetime.as_str().unwrap_or_default()));
        let fits = match kind.ends_with("Lifetime") {
            true => lifetime.flatten().is_some_and(|seconds| seconds > 0),
            false => lifetime.is_none(),
        };
        if !fits {
            return Err(invalid("maxLifetime"));
        }
        complete(restriction, name)?;
    }
    Ok(())
}

/// Adds what a restriction has by default: it holds, for every app.
fn complete(restriction: &mut Value, name: &str) -> Checked {
    if !restriction.is_object() {
        return Err(invalid(name));
    }
    match restriction.get("state").and_then(Value::as_str) {
        Some("enabled" | "disabled") => {}
        None => restriction["state"] = "enabled".into(),
        Some(_) => return Err(invalid("state")),
    }
    let since = "restrictForAppsCreatedAfterDateTime";
    match restriction.get(since) {
        None => restriction[since] = Value::Null,
        Some(Value::Null) => {}
        Some(at) => {
            at.as_str().and_then(timestamp::parse).ok_or_else(|| invalid(since))?;
        }
    }
    if restriction.get("excludeActors").is_none() {
        restriction["excludeActors"] = Value::Null;
    }
    Ok(())
}
