//! Which operation a method and a path mean. Names of segments match in any case.

use http::Method;

use super::answer::Refusal;
use super::kind::Kind;

/// How an object is named in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Id(String),
    AppId(String),
    UniqueName(String),
}

/// From which side assignments are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// `appRoleAssignedTo`: what others were granted on this resource.
    Resource,
    /// `appRoleAssignments`: what this principal was granted.
    Principal,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    List(Kind),
    Count(Kind),
    Create(Kind),
    Get(Kind, Key),
    Update(Kind, Key),
    Delete(Kind, Key),
    AddPassword(Kind, Key),
    RemovePassword(Kind, Key),
    ListOwners(Kind, Key),
    AddOwner(Kind, Key),
    RemoveOwner(Kind, Key, String),
    ListAssignments(Key, Side),
    CreateAssignment(Key, Side),
    GetAssignment(Key, Side, String),
    DeleteAssignment(Key, Side, String),
    ListGrantsOf(Key),
    GetGrant(String),
    UpdateGrant(String),
    DeleteGrant(String),
    ListDeleted(Kind),
    GetDeleted(String),
    Restore(String),
    Purge(String),
    ListOrganization,
    GetOrganization(String),
    Batch,
}

struct Segment {
    /// The name in lower case.
    name: String,
    raw: String,
    /// What stands in parentheses: the property in lower case, empty when it is left out, and the value.
    key: Option<(String, String)>,
}

/// Finds the operation; a wrong verb on a known path is 405, an unknown path 400 as the service's parser answers.
pub(super) fn route(method: &Method, path: &str) -> Result<Operation, Refusal> {
    let segments: Vec<Segment> = path.split('/').filter(|part| !part.is_empty()).map(segment).collect();
    let segments: &[Segment] = match segments.first() {
        Some(first) if first.name == "myorganization" => &segments[1..],
        _ => &segments,
    };
    let Some((first, rest)) = segments.split_first() else { return Err(unknown(path)) };
    let names: Vec<&str> = rest.iter().map(|segment| segment.name.as_str()).collect();
    let verb = method.as_str();
    let found = match (first.name.as_str(), &first.key) {
        ("applications", _) => object(Kind::Application, verb, first, rest, path)?,
        ("serviceprincipals", _) => object(Kind::ServicePrincipal, verb, first, rest, path)?,
        ("oauth2permissiongrants", None) => match (names.as_slice(), verb) {
            ([], "GET") => Some(Operation::List(Kind::Grant)),
            ([], "POST") => Some(Operation::Create(Kind::Grant)),
            (["delta" | "delta()"], _) => return Err(Refusal::not_implemented("delta queries")),
            (["$count"], "GET") => Some(Operation::Count(Kind::Grant)),
            ([_], "GET") => Some(Operation::GetGrant(rest[0].raw.clone())),
            ([_], "PATCH") => Some(Operation::UpdateGrant(rest[0].raw.clone())),
            ([_], "DELETE") => Some(Operation::DeleteGrant(rest[0].raw.clone())),
            ([] | [_], _) => None,
            _ => return Err(unknown(path)),
        },
        ("directory", None) if names.first() == Some(&"deleteditems") => match (&names[1..], verb) {
            (["microsoft.graph.application"], "GET") => Some(Operation::ListDeleted(Kind::Application)),
            (["microsoft.graph.serviceprincipal"], "GET") => Some(Operation::ListDeleted(Kind::ServicePrincipal)),
            ([cast, ..], _) if cast.starts_with("microsoft.graph.") => {
                return Err(Refusal::not_implemented(format!("deleted items of the type {cast}")));
            }
            ([], _) => {
                return Err(Refusal::bad_request(
                    "Querying the deleted items needs a type, such as \
                        /directory/deletedItems/microsoft.graph.application.",
                ));
            }
            ([_], "GET") => Some(Operation::GetDeleted(rest[1].raw.clone())),
            ([_], "DELETE") => Some(Operation::Purge(rest[1].raw.clone())),
            ([_, "restore" | "microsoft.graph.restore"], "POST") => Some(Operation::Restore(rest[1].raw.clone())),
            ([_] | [_, "restore"], _) => None,
            _ => return Err(unknown(path)),
        },
        ("organization", None) => match (names.as_slice(), verb) {
            ([], "GET") => Some(Operation::ListOrganization),
            ([_], "GET") => Some(Operation::GetOrganization(rest[0].raw.clone())),
            ([_], "PATCH") => return Err(Refusal::not_implemented("updates of the organization")),
            ([] | [_], _) => None,
            _ => return Err(unknown(path)),
        },
        ("$batch", None) if rest.is_empty() => (verb == "POST").then_some(Operation::Batch),
        _ => return Err(unknown(path)),
    };
    found.ok_or_else(Refusal::method_not_allowed)
}

/// What lies below `/applications` and `/servicePrincipals`.
fn object(kind: Kind, verb: &str, first: &Segment, rest: &[Segment], path: &str) -> Result<Option<Operation>, Refusal> {
    let (key, rest) = match (&first.key, rest.split_first()) {
        (Some((property, value)), _) => {
            let key = match (kind, property.as_str()) {
                (_, "appid") => Key::AppId(value.clone()),
                (Kind::Application, "uniquename") => Key::UniqueName(value.clone()),
                (_, "" | "id") => Key::Id(value.clone()),
                _ => return Err(unknown(path)),
            };
            (key, rest)
        }
        (None, None) => {
            return Ok(match verb {
                "GET" => Some(Operation::List(kind)),
                "POST" => Some(Operation::Create(kind)),
                _ => None,
            });
        }
        (None, Some((id, rest))) => match id.name.as_str() {
            "$count" if rest.is_empty() => return Ok((verb == "GET").then_some(Operation::Count(kind))),
            "delta" | "delta()" => return Err(Refusal::not_implemented("delta queries")),
            "getbyids" | "validateproperties" | "getavailableextensionproperties" => {
                return Err(Refusal::not_implemented(format!("the action {}", id.raw)));
            }
            _ => (Key::Id(id.raw.clone()), rest),
        },
    };
    let names: Vec<&str> =
        rest.iter().map(|segment| segment.name.strip_prefix("microsoft.graph.").unwrap_or(&segment.name)).collect();
    let side = match names.first() {
        Some(&"approleassignedto") => Side::Resource,
        _ => Side::Principal,
    };
    let service_principal = kind == Kind::ServicePrincipal;
    Ok(match (names.as_slice(), verb) {
        ([], "GET") => Some(Operation::Get(kind, key)),
        ([], "PATCH") => Some(Operation::Update(kind, key)),
        ([], "DELETE") => Some(Operation::Delete(kind, key)),
        (["addpassword"], "POST") => Some(Operation::AddPassword(kind, key)),
        (["removepassword"], "POST") => Some(Operation::RemovePassword(kind, key)),
        (["owners"], "GET") => Some(Operation::ListOwners(kind, key)),
        (["owners", "$ref"], "POST") => Some(Operation::AddOwner(kind, key)),
        (["owners", _, "$ref"], "DELETE") => Some(Operation::RemoveOwner(kind, key, rest[1].raw.clone())),
        (["approleassignedto" | "approleassignments"], "GET") if service_principal => {
            Some(Operation::ListAssignments(key, side))
        }
        (["approleassignedto" | "approleassignments"], "POST") if service_principal => {
            Some(Operation::CreateAssignment(key, side))
        }
        (["approleassignedto" | "approleassignments", _], "GET") if service_principal => {
            Some(Operation::GetAssignment(key, side, rest[1].raw.clone()))
        }
        (["approleassignedto" | "approleassignments", _], "DELETE") if service_principal => {
            Some(Operation::DeleteAssignment(key, side, rest[1].raw.clone()))
        }
        (["oauth2permissiongrants"], "GET") if service_principal => Some(Operation::ListGrantsOf(key)),
        (["oauth2permissiongrants", ..], _) if service_principal => {
            return Err(Refusal::new(
                http::StatusCode::BAD_REQUEST,
                "BadRequest",
                "Write requests are only supported on contained entities or navigation properties with bindings.",
            ));
        }
        ([] | ["addpassword" | "removepassword" | "owners" | "approleassignedto" | "approleassignments"], _) => None,
        (names, _) => {
            return Err(Refusal::not_implemented(format!("{verb} {}/{{id}}/{}", kind.collection(), names.join("/"))));
        }
    })
}

fn unknown(path: &str) -> Refusal {
    let segment = path.split('/').find(|part| !part.is_empty()).unwrap_or_default();
    Refusal::not_implemented(format!("the path /{segment}"))
}

fn segment(part: &str) -> Segment {
    let raw = decode(part);
    let key = raw.strip_suffix(')').and_then(|open| open.split_once('(')).and_then(|(name, inner)| {
        let (property, value) = inner.split_once('=').unwrap_or(("", inner));
        let value = value.trim();
        let value = match value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')) {
            Some(quoted) => quoted.replace("''", "'"),
            None if value.is_empty() => return None,
            None => value.to_owned(),
        };
        Some((name.to_lowercase(), property.trim().to_lowercase(), value))
    });
    match key {
        Some((name, property, value)) => Segment { name, raw, key: Some((property, value)) },
        None => Segment { name: raw.to_lowercase(), raw, key: None },
    }
}

/// Undoes percent-encoding; what is no encoding stays.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (bytes[at], hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> Operation {
        route(&method.parse().unwrap(), path).unwrap_or_else(|error| panic!("{method} {path}: {error:?}"))
    }

    #[test]
    fn paths_match_in_any_case_and_with_alternate_keys() {
        let by_name = Key::UniqueName("o'brien app/1".to_owned());
        assert_eq!(
            found("PATCH", "/Applications(uniqueName='o''brien%20app%2F1')"),
            Operation::Update(Kind::Application, by_name)
        );
        assert_eq!(
            found("POST", "/myorganization//serviceprincipals(appId='a')/AppRoleAssignedTo"),
            Operation::CreateAssignment(Key::AppId("a".to_owned()), Side::Resource)
        );
        assert_eq!(found("GET", "/oAuth2PermissionGrants/Abc"), Operation::GetGrant("Abc".to_owned()));
        assert_eq!(
            found("POST", "/applications/X/microsoft.graph.addPassword"),
            Operation::AddPassword(Kind::Application, Key::Id("X".to_owned()))
        );
    }

    #[test]
    fn what_is_not_known_is_said() {
        let status = |method: &str, path| format!("{:?}", route(&method.parse().unwrap(), path).unwrap_err());
        assert!(status("PUT", "/applications/x").contains("405"));
        assert!(status("GET", "/users").contains("501"));
        assert!(status("POST", "/applications/x/addKey").contains("501"));
        assert!(status("GET", "/directory/deletedItems").contains("400"));
    }
}
