//! Routes of Graph requests: from a method and a path to an operation. Segment names match in any case.

use http::{Method, StatusCode};

use crate::data::object_kind::ObjectKind;
use crate::graph::app_management::PolicyOperation;
use crate::graph::eligibility;
use crate::graph::reports::ReportOperation;
use crate::graph::response::GraphError;
use crate::graph::role_management::RoleOperation;
use crate::partner;

/// A key of an object in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ObjectKey {
    /// The object id; of a user also the principal name.
    Id(String),
    AppId(String),
    UniqueName(String),
    /// The signed-in user.
    Me,
}

/// A key of a federated identity credential in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CredentialKey {
    /// Its id, or its name in place of the id.
    IdOrName(String),
    Name(String),
}

/// The end of an assignment from which it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AssignmentSide {
    /// `appRoleAssignedTo`: the assignments on this resource.
    Resource,
    /// `appRoleAssignments`: the assignments to this principal.
    Principal,
}

/// A navigation property from one directory object to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Owners,
    OwnedObjects,
    Members,
    TransitiveMembers,
    MemberOf,
    TransitiveMemberOf,
}

impl Link {
    const NAMES: [(&'static str, Self); 6] = [
        ("owners", Self::Owners),
        ("ownedobjects", Self::OwnedObjects),
        ("members", Self::Members),
        ("transitivemembers", Self::TransitiveMembers),
        ("memberof", Self::MemberOf),
        ("transitivememberof", Self::TransitiveMemberOf),
    ];

    /// The link for a segment in lower case, if the kind has it.
    pub(crate) fn of(kind: ObjectKind, name: &str) -> Option<Self> {
        let link = Self::NAMES.into_iter().find(|(known, _)| *known == name)?.1;
        let fits = match link {
            Self::Owners => matches!(kind, ObjectKind::Application | ObjectKind::ServicePrincipal | ObjectKind::Group),
            Self::OwnedObjects => matches!(kind, ObjectKind::ServicePrincipal | ObjectKind::User),
            Self::Members | Self::TransitiveMembers => kind == ObjectKind::Group,
            Self::MemberOf | Self::TransitiveMemberOf => {
                matches!(kind, ObjectKind::ServicePrincipal | ObjectKind::User | ObjectKind::Group)
            }
        };
        fits.then_some(link)
    }

    /// Whether clients can add and remove links.
    fn is_writable(self) -> bool {
        matches!(self, Self::Owners | Self::Members)
    }
}

/// An operation of Graph, with the keys of its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    List(ObjectKind),
    Count(ObjectKind),
    Create(ObjectKind),
    Get(ObjectKind, ObjectKey),
    /// A single property of an object.
    GetProperty(ObjectKind, ObjectKey, &'static str),
    Update(ObjectKind, ObjectKey),
    Delete(ObjectKind, ObjectKey),
    Delta(ObjectKind),
    AddPassword(ObjectKind, ObjectKey),
    RemovePassword(ObjectKind, ObjectKey),
    AddKey(ObjectKind, ObjectKey),
    RemoveKey(ObjectKind, ObjectKey),
    /// The list, with the type that the path casts to.
    ListLinked(ObjectKind, ObjectKey, Link, Option<ObjectKind>),
    CountLinked(ObjectKind, ObjectKey, Link, Option<ObjectKind>),
    AddLink(ObjectKind, ObjectKey, Link),
    RemoveLink(ObjectKind, ObjectKey, Link, String),
    CheckMemberGroups(ObjectKind, ObjectKey),
    ListAssignments(ObjectKind, ObjectKey, AssignmentSide),
    CountAssignments(ObjectKind, ObjectKey, AssignmentSide),
    CreateAssignment(ObjectKind, ObjectKey, AssignmentSide),
    GetAssignment(ObjectKind, ObjectKey, AssignmentSide, String),
    DeleteAssignment(ObjectKind, ObjectKey, AssignmentSide, String),
    ListGrantsOf(ObjectKind, ObjectKey),
    GetGrant(String),
    UpdateGrant(String),
    DeleteGrant(String),
    ListFederated(ObjectKey),
    CountFederated(ObjectKey),
    CreateFederated(ObjectKey),
    GetFederated(ObjectKey, CredentialKey),
    UpdateFederated(ObjectKey, CredentialKey),
    DeleteFederated(ObjectKey, CredentialKey),
    ListDeleted(ObjectKind),
    GetDeleted(String),
    Restore(String),
    Purge(String),
    GetObject(String),
    DeleteObject(String),
    GetByIds,
    ListOrganization,
    GetOrganization(String),
    Batch,
    /// The memberships in groups that the caller may activate.
    ListOwnEligibility,
    Partner(partner::Operation),
    Roles(RoleOperation),
    Policies(PolicyOperation),
    Reports(ReportOperation),
}

/// A segment of a path.
struct Segment {
    /// The name in lower case.
    name: String,
    raw: String,
    /// The contents of the parentheses: the property in lower case, empty when it is left out, and the value.
    key: Option<(String, String)>,
}

/// Finds the operation of a request; a wrong method on a known path is an error with 405, an unknown path one with 501.
pub(crate) fn route(method: &Method, path: &str) -> Result<Operation, GraphError> {
    let segments: Vec<Segment> = path.split('/').filter(|part| !part.is_empty()).map(segment).collect();
    let segments: &[Segment] = match segments.first() {
        Some(first) if first.name == "myorganization" => &segments[1..],
        _ => &segments,
    };
    let Some((first, rest)) = segments.split_first() else { return Err(unknown_path(path)) };
    let names: Vec<&str> = rest.iter().map(|segment| segment.name.as_str()).collect();
    let raw: Vec<&str> = rest.iter().map(|segment| segment.raw.as_str()).collect();
    let method = method.as_str();
    let found = match (first.name.as_str(), &first.key) {
        ("applications", _) => route_object(ObjectKind::Application, method, first, rest, path)?,
        ("serviceprincipals", _) => route_object(ObjectKind::ServicePrincipal, method, first, rest, path)?,
        ("users", _) => route_object(ObjectKind::User, method, first, rest, path)?,
        ("groups", _) => route_object(ObjectKind::Group, method, first, rest, path)?,
        ("me", None) => route_below_object(ObjectKind::User, method, ObjectKey::Me, rest)?,
        ("directoryobjects", None) => match (names.as_slice(), method) {
            (["getbyids" | "microsoft.graph.getbyids"], "POST") => Some(Operation::GetByIds),
            ([_], "GET") => Some(Operation::GetObject(rest[0].raw.clone())),
            ([_], "DELETE") => Some(Operation::DeleteObject(rest[0].raw.clone())),
            ([_], _) => None,
            _ => return Err(unknown_path(path)),
        },
        ("oauth2permissiongrants", None) => match (names.as_slice(), method) {
            ([], "GET") => Some(Operation::List(ObjectKind::Grant)),
            ([], "POST") => Some(Operation::Create(ObjectKind::Grant)),
            (["delta" | "delta()" | "microsoft.graph.delta()"], "GET") => Some(Operation::Delta(ObjectKind::Grant)),
            (["$count"], "GET") => Some(Operation::Count(ObjectKind::Grant)),
            ([_], "GET") => Some(Operation::GetGrant(rest[0].raw.clone())),
            ([_], "PATCH") => Some(Operation::UpdateGrant(rest[0].raw.clone())),
            ([_], "DELETE") => Some(Operation::DeleteGrant(rest[0].raw.clone())),
            ([] | [_], _) => None,
            _ => return Err(unknown_path(path)),
        },
        ("directory", None) if names.first() == Some(&"deleteditems") => match (&names[1..], method) {
            ([cast], "GET") if ObjectKind::of_type(cast).is_some_and(|kind| ObjectKind::OBJECTS.contains(&kind)) => {
                ObjectKind::of_type(cast).map(Operation::ListDeleted)
            }
            ([cast, ..], _) if cast.starts_with("microsoft.graph.") => {
                return Err(GraphError::not_implemented(format!("deleted items of the type {cast}")));
            }
            ([] | ["$count"], _) => {
                return Err(GraphError::bad_request(
                    "Querying the deleted items needs a type, such as \
                        /directory/deletedItems/microsoft.graph.application.",
                ));
            }
            ([_], "GET") => Some(Operation::GetDeleted(rest[1].raw.clone())),
            ([_], "DELETE") => Some(Operation::Purge(rest[1].raw.clone())),
            ([_, "restore" | "microsoft.graph.restore"], "POST") => Some(Operation::Restore(rest[1].raw.clone())),
            ([_] | [_, "restore"], _) => None,
            _ => return Err(unknown_path(path)),
        },
        ("organization", None) => match (names.as_slice(), method) {
            ([], "GET") => Some(Operation::ListOrganization),
            (["$count"], "GET") => return Err(GraphError::not_implemented("the count of organizations")),
            ([_], "GET") => Some(Operation::GetOrganization(rest[0].raw.clone())),
            ([_], "PATCH") => return Err(GraphError::not_implemented("updates of the organization")),
            ([] | [_], _) => None,
            _ => return Err(unknown_path(path)),
        },
        ("tenantrelationships" | "contracts", None) => {
            let path: Vec<String> = segments.iter().map(|segment| segment.raw.clone()).collect();
            partner::Operation::route(method, &path)?.map(Operation::Partner)
        }
        ("rolemanagement", None) => {
            let last = rest.last().map_or("", |segment| segment.raw.as_str());
            RoleOperation::route(method, &names, last)?.map(Operation::Roles)
        }
        ("identitygovernance", None) => {
            eligibility::route(method, &names, rest.last().and_then(|segment| segment.key.as_ref()))?
        }
        ("policies", None) => PolicyOperation::route(method, &names, &raw)?.map(Operation::Policies),
        ("reports", None) => ReportOperation::route(method, &names, &raw)?.map(Operation::Reports),
        ("$batch", None) if rest.is_empty() => (method == "POST").then_some(Operation::Batch),
        _ => return Err(unknown_path(path)),
    };
    found.ok_or_else(GraphError::method_not_allowed)
}

/// The operations on an entity set and its objects, such as `/applications` and `/servicePrincipals`.
fn route_object(
    kind: ObjectKind,
    method: &str,
    first: &Segment,
    rest: &[Segment],
    path: &str,
) -> Result<Option<Operation>, GraphError> {
    let (key, rest) = match (&first.key, rest.split_first()) {
        (Some((property, value)), _) => {
            let key = match (kind, property.as_str()) {
                (ObjectKind::Application | ObjectKind::ServicePrincipal, "appid") => ObjectKey::AppId(value.clone()),
                (ObjectKind::Application | ObjectKind::Group, "uniquename") => ObjectKey::UniqueName(value.clone()),
                (_, "" | "id") => ObjectKey::Id(value.clone()),
                _ => return Err(unknown_path(path)),
            };
            (key, rest)
        }
        (None, None) => {
            return Ok(match method {
                "GET" => Some(Operation::List(kind)),
                "POST" => Some(Operation::Create(kind)),
                _ => None,
            });
        }
        (None, Some((id, rest))) => match id.name.as_str() {
            "$count" if rest.is_empty() => return Ok((method == "GET").then_some(Operation::Count(kind))),
            "delta" | "delta()" | "microsoft.graph.delta()"
                if rest.is_empty() && matches!(kind, ObjectKind::Application | ObjectKind::ServicePrincipal) =>
            {
                return Ok((method == "GET").then_some(Operation::Delta(kind)));
            }
            "delta" | "delta()" | "getbyids" | "validateproperties" | "getavailableextensionproperties" => {
                return Err(GraphError::not_implemented(format!("the action {}", id.raw)));
            }
            _ => (ObjectKey::Id(id.raw.clone()), rest),
        },
    };
    route_below_object(kind, method, key, rest)
}

/// The operations on one object.
fn route_below_object(
    kind: ObjectKind,
    method: &str,
    key: ObjectKey,
    rest: &[Segment],
) -> Result<Option<Operation>, GraphError> {
    let plain = |segment: &Segment| segment.name.strip_prefix("microsoft.graph.").unwrap_or(&segment.name).to_owned();
    let names: Vec<String> = rest.iter().map(plain).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let raw = |index: usize| rest[index].raw.clone();
    let has_credentials = matches!(kind, ObjectKind::Application | ObjectKind::ServicePrincipal);
    let has_assignments = matches!(kind, ObjectKind::ServicePrincipal | ObjectKind::User | ObjectKind::Group);
    let side = match names.first() {
        Some(&"approleassignedto") => AssignmentSide::Resource,
        _ => AssignmentSide::Principal,
    };
    Ok(match (names.as_slice(), method) {
        ([], "GET") => Some(Operation::Get(kind, key)),
        ([], "PATCH") => Some(Operation::Update(kind, key)),
        ([], "DELETE") => Some(Operation::Delete(kind, key)),
        ([], _) => None,
        (["addpassword"], "POST") if has_credentials => Some(Operation::AddPassword(kind, key)),
        (["removepassword"], "POST") if has_credentials => Some(Operation::RemovePassword(kind, key)),
        (["addkey"], "POST") if has_credentials => Some(Operation::AddKey(kind, key)),
        (["removekey"], "POST") if has_credentials => Some(Operation::RemoveKey(kind, key)),
        (["addpassword" | "removepassword" | "addkey" | "removekey"], _) if has_credentials => None,
        (["restore"], "POST") => match key {
            ObjectKey::Id(id) => Some(Operation::Restore(id)),
            _ => return Err(GraphError::not_implemented("the restoring of an object by an alternate key")),
        },
        (["checkmembergroups"], "POST") if kind != ObjectKind::Application => {
            Some(Operation::CheckMemberGroups(kind, key))
        }
        (["appmanagementpolicies", names @ ..], _) if has_credentials => {
            let raw: Vec<&str> = rest[1..].iter().map(|segment| segment.raw.as_str()).collect();
            PolicyOperation::route_of(kind, key, method, names, &raw)?.map(Operation::Policies)
        }
        (["federatedidentitycredentials", ..], _) if kind == ObjectKind::Application => {
            return route_federated_credentials(method, key, rest[0].key.as_ref(), &rest[1..]);
        }
        (["approleassignedto", ..], _) if kind != ObjectKind::ServicePrincipal => {
            return Err(not_implemented_below(kind, method, &names));
        }
        (["approleassignedto" | "approleassignments"], "GET") if has_assignments => {
            Some(Operation::ListAssignments(kind, key, side))
        }
        (["approleassignedto" | "approleassignments", "$count"], "GET") if has_assignments => {
            Some(Operation::CountAssignments(kind, key, side))
        }
        (["approleassignedto" | "approleassignments"], "POST") if has_assignments => {
            Some(Operation::CreateAssignment(kind, key, side))
        }
        (["approleassignedto" | "approleassignments", _], "GET") if has_assignments => {
            Some(Operation::GetAssignment(kind, key, side, raw(1)))
        }
        (["approleassignedto" | "approleassignments", _], "DELETE") if has_assignments => {
            Some(Operation::DeleteAssignment(kind, key, side, raw(1)))
        }
        (["approleassignedto" | "approleassignments"], _) if has_assignments => None,
        (["oauth2permissiongrants"], "GET") if matches!(kind, ObjectKind::ServicePrincipal | ObjectKind::User) => {
            Some(Operation::ListGrantsOf(kind, key))
        }
        (["oauth2permissiongrants", ..], method)
            if method != "GET" && matches!(kind, ObjectKind::ServicePrincipal | ObjectKind::User) =>
        {
            return Err(GraphError::new(
                StatusCode::BAD_REQUEST,
                "BadRequest",
                "Write requests are only supported on contained entities or navigation properties with bindings.",
            ));
        }
        ([name], _) if kind.property_name(name).is_some() => {
            kind.property_name(name).filter(|_| method == "GET").map(|name| Operation::GetProperty(kind, key, name))
        }
        ([name, ..], _) => match Link::of(kind, name) {
            Some(link) => route_links(kind, method, key, link, &rest[1..])?,
            None => return Err(not_implemented_below(kind, method, &names)),
        },
    })
}

/// The operations on navigation properties such as `owners` and `members`.
fn route_links(
    kind: ObjectKind,
    method: &str,
    key: ObjectKey,
    link: Link,
    rest: &[Segment],
) -> Result<Option<Operation>, GraphError> {
    let cast = rest.first().and_then(|segment| ObjectKind::of_type(&segment.name));
    let names: Vec<&str> = rest.iter().skip(usize::from(cast.is_some())).map(|rest| rest.name.as_str()).collect();
    Ok(match (names.as_slice(), method) {
        ([], "GET") => Some(Operation::ListLinked(kind, key, link, cast)),
        (["$count"], "GET") => Some(Operation::CountLinked(kind, key, link, cast)),
        (["$ref"], "POST") if link.is_writable() => Some(Operation::AddLink(kind, key, link)),
        ([_, "$ref"], "DELETE") if link.is_writable() => {
            Some(Operation::RemoveLink(kind, key, link, rest[0].raw.clone()))
        }
        ([] | ["$count"], _) => None,
        _ => return Err(not_implemented_below(kind, method, &names)),
    })
}

/// The operations on `federatedIdentityCredentials`; `named` is an alternate key in parentheses.
fn route_federated_credentials(
    method: &str,
    key: ObjectKey,
    named: Option<&(String, String)>,
    rest: &[Segment],
) -> Result<Option<Operation>, GraphError> {
    let credential = match (named, rest) {
        (Some((property, name)), []) if property == "name" => CredentialKey::Name(name.clone()),
        (Some((_, id)), []) => CredentialKey::IdOrName(id.clone()),
        (None, [only]) if only.name == "$count" => {
            return Ok((method == "GET").then_some(Operation::CountFederated(key)));
        }
        (None, [only]) => CredentialKey::IdOrName(only.raw.clone()),
        (None, []) => {
            return Ok(match method {
                "GET" => Some(Operation::ListFederated(key)),
                "POST" => Some(Operation::CreateFederated(key)),
                _ => None,
            });
        }
        _ => return Err(not_implemented_below(ObjectKind::FederatedCredential, method, &["…"])),
    };
    Ok(match method {
        "GET" => Some(Operation::GetFederated(key, credential)),
        "PATCH" => Some(Operation::UpdateFederated(key, credential)),
        "DELETE" => Some(Operation::DeleteFederated(key, credential)),
        _ => None,
    })
}

fn not_implemented_below(kind: ObjectKind, method: &str, names: &[&str]) -> GraphError {
    GraphError::not_implemented(format!("{method} {}/{{id}}/{}", kind.collection(), names.join("/")))
}

fn unknown_path(path: &str) -> GraphError {
    let segment = path.split('/').find(|part| !part.is_empty()).unwrap_or_default();
    GraphError::not_implemented(format!("the path /{segment}"))
}

fn segment(part: &str) -> Segment {
    let raw = percent_decode(part);
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
        None => {
            let name = raw.to_lowercase();
            // Microsoft's SDKs use this alias of the namespace for casts.
            let name = match name.strip_prefix("graph.") {
                Some(rest) => format!("microsoft.graph.{rest}"),
                None => name,
            };
            Segment { name, raw, key: None }
        }
    }
}

/// Decodes percent-encoding; invalid sequences stay as they are.
pub(crate) fn percent_decode(text: &str) -> String {
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
        let by_name = ObjectKey::UniqueName("o'brien app/1".to_owned());
        assert_eq!(
            found("PATCH", "/Applications(uniqueName='o''brien%20app%2F1')"),
            Operation::Update(ObjectKind::Application, by_name)
        );
        assert_eq!(
            found("POST", "/myorganization//serviceprincipals(appId='a')/AppRoleAssignedTo"),
            Operation::CreateAssignment(
                ObjectKind::ServicePrincipal,
                ObjectKey::AppId("a".to_owned()),
                AssignmentSide::Resource
            )
        );
        assert_eq!(
            found("GET", "/servicePrincipals/X/oauth2permissionscopes"),
            Operation::GetProperty(
                ObjectKind::ServicePrincipal,
                ObjectKey::Id("X".to_owned()),
                "oauth2PermissionScopes"
            )
        );
        assert_eq!(
            found("GET", "/directory/deletedItems/graph.application"),
            Operation::ListDeleted(ObjectKind::Application)
        );
        assert_eq!(found("GET", "/oAuth2PermissionGrants/Abc"), Operation::GetGrant("Abc".to_owned()));
        assert_eq!(
            found("POST", "/applications/X/microsoft.graph.addPassword"),
            Operation::AddPassword(ObjectKind::Application, ObjectKey::Id("X".to_owned()))
        );
        let name = CredentialKey::Name("a'b".to_owned());
        assert_eq!(
            found("PATCH", "/applications(appId='x')/federatedIdentityCredentials(name='a''b')"),
            Operation::UpdateFederated(ObjectKey::AppId("x".to_owned()), name)
        );
        assert_eq!(
            found("GET", "/me/transitiveMemberOf/microsoft.graph.group"),
            Operation::ListLinked(ObjectKind::User, ObjectKey::Me, Link::TransitiveMemberOf, Some(ObjectKind::Group))
        );
    }

    #[test]
    fn unknown_paths_and_methods_are_refused() {
        let status = |method: &str, path| format!("{:?}", route(&method.parse().unwrap(), path).unwrap_err());
        assert!(status("PUT", "/applications/x").contains("405"));
        assert!(status("GET", "/devices").contains("501"));
        assert!(status("GET", "/applications/x/synchronization").contains("501"));
        assert!(status("GET", "/directory/deletedItems").contains("400"));
    }
}
