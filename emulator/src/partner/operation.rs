//! Routes of GDAP and contract requests. Segment names match in any case.

use crate::graph::response::GraphError;

/// A collection that belongs to a relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subresource {
    AccessAssignments,
    Requests,
    Operations,
}

impl Subresource {
    fn of(name: &str) -> Option<Self> {
        match name {
            "accessassignments" => Some(Self::AccessAssignments),
            "requests" => Some(Self::Requests),
            "operations" => Some(Self::Operations),
            _ => None,
        }
    }

    /// The name of the navigation property.
    pub(super) fn navigation(self) -> &'static str {
        match self {
            Self::AccessAssignments => "accessAssignments",
            Self::Requests => "requests",
            Self::Operations => "operations",
        }
    }

    /// The name of the type.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::AccessAssignments => "delegatedAdminAccessAssignment",
            Self::Requests => "delegatedAdminRelationshipRequest",
            Self::Operations => "delegatedAdminRelationshipOperation",
        }
    }
}

/// A GDAP or contract operation, with the ids of the path as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    ListRelationships,
    CountRelationships,
    CreateRelationship,
    GetRelationship(String),
    UpdateRelationship(String),
    DeleteRelationship(String),
    ListSubresources(String, Subresource),
    CountSubresources(String, Subresource),
    GetSubresource(String, Subresource, String),
    CreateRequest(String),
    CreateAccessAssignment(String),
    UpdateAccessAssignment(String, String),
    DeleteAccessAssignment(String, String),
    ListCustomers,
    CountCustomers,
    GetCustomer(String),
    ListServices(String),
    CountServices(String),
    GetService(String, String),
    ListContracts,
    CountContracts,
    GetContract(String),
    /// What is public of the tenant of this id.
    FindTenant(String),
    /// What is public of the tenant that has this domain.
    FindTenantByDomain(String),
}

/// The argument of a function in a segment, such as `find(id='x')`.
fn argument(segment: &str, function: &str, parameter: &str) -> Option<String> {
    let (name, rest) = segment.split_once('(')?;
    let (given, value) = rest.strip_suffix(')')?.split_once('=')?;
    let name = name.strip_prefix("microsoft.graph.").unwrap_or(name);
    let fits = name.eq_ignore_ascii_case(function) && given.trim().eq_ignore_ascii_case(parameter);
    let value = value.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    fits.then(|| value.replace("''", "'"))
}

impl Operation {
    /// Finds the operation of a method and the decoded segments of a path; `None` is a wrong method on a known path.
    pub(crate) fn route(verb: &str, path: &[String]) -> Result<Option<Self>, GraphError> {
        let lower: Vec<String> = path.iter().map(|segment| segment.to_lowercase()).collect();
        let names: Vec<&str> = lower.iter().map(String::as_str).collect();
        let id = |at: usize| path[at].clone();
        let unknown = || Err(GraphError::not_implemented(format!("the path /{}", path.join("/"))));
        Ok(match (names.as_slice(), verb) {
            (["contracts"], "GET") => Some(Self::ListContracts),
            (["contracts", "$count"], "GET") => Some(Self::CountContracts),
            (["contracts", "delta" | "delta()" | "getbyids" | "validateproperties"], _) => return unknown(),
            (["contracts", _], "GET") => Some(Self::GetContract(id(1))),
            (["contracts"] | ["contracts", _], _) => None,
            (["tenantrelationships", "delegatedadminrelationships", rest @ ..], verb) => match (rest, verb) {
                ([], "GET") => Some(Self::ListRelationships),
                ([], "POST") => Some(Self::CreateRelationship),
                (["$count"], "GET") => Some(Self::CountRelationships),
                ([_], "GET") => Some(Self::GetRelationship(id(2))),
                ([_], "PATCH") => Some(Self::UpdateRelationship(id(2))),
                ([_], "DELETE") => Some(Self::DeleteRelationship(id(2))),
                ([] | [_], _) => None,
                ([_, subresource, rest @ ..], verb) => match (Subresource::of(subresource), rest, verb) {
                    (Some(subresource), [], "GET") => Some(Self::ListSubresources(id(2), subresource)),
                    (Some(subresource), ["$count"], "GET") => Some(Self::CountSubresources(id(2), subresource)),
                    (Some(subresource), [_], "GET") => Some(Self::GetSubresource(id(2), subresource, id(4))),
                    (Some(Subresource::Requests), [], "POST") => Some(Self::CreateRequest(id(2))),
                    (Some(Subresource::AccessAssignments), [], "POST") => Some(Self::CreateAccessAssignment(id(2))),
                    (Some(Subresource::AccessAssignments), [_], "PATCH") => {
                        Some(Self::UpdateAccessAssignment(id(2), id(4)))
                    }
                    (Some(Subresource::AccessAssignments), [_], "DELETE") => {
                        Some(Self::DeleteAccessAssignment(id(2), id(4)))
                    }
                    (Some(_), [] | [_], _) => None,
                    _ => return unknown(),
                },
            },
            (["tenantrelationships", "delegatedadmincustomers", rest @ ..], verb) => match (rest, verb) {
                ([], "GET") => Some(Self::ListCustomers),
                (["$count"], "GET") => Some(Self::CountCustomers),
                ([_], "GET") => Some(Self::GetCustomer(id(2))),
                ([_, "servicemanagementdetails"], "GET") => Some(Self::ListServices(id(2))),
                ([_, "servicemanagementdetails", "$count"], "GET") => Some(Self::CountServices(id(2))),
                ([_, "servicemanagementdetails", _], "GET") => Some(Self::GetService(id(2), id(4))),
                ([] | [_] | [_, "servicemanagementdetails"] | [_, "servicemanagementdetails", _], _) => None,
                _ => return unknown(),
            },
            (["tenantrelationships", function], verb) => {
                let by_id = argument(&path[1], "findTenantInformationByTenantId", "tenantId").map(Self::FindTenant);
                let by_domain = || argument(&path[1], "findTenantInformationByDomainName", "domainName");
                match by_id.or_else(|| by_domain().map(Self::FindTenantByDomain)) {
                    Some(found) => Some(found).filter(|_| verb == "GET"),
                    None if function.starts_with("findtenantinformation") => {
                        return Err(GraphError::bad_request("The parameter of the function is missing or invalid."));
                    }
                    None => return unknown(),
                }
            }
            _ => return unknown(),
        })
    }

    /// Whether it changes something.
    pub(crate) fn is_write(&self) -> bool {
        matches!(
            self,
            Self::CreateRelationship
                | Self::UpdateRelationship(_)
                | Self::DeleteRelationship(_)
                | Self::CreateRequest(_)
                | Self::CreateAccessAssignment(_)
                | Self::UpdateAccessAssignment(..)
                | Self::DeleteAccessAssignment(..)
        )
    }

    /// Whether it reads what is public of any tenant, which others than partners may read as well.
    pub(crate) fn is_about_tenants(&self) -> bool {
        matches!(self, Self::FindTenant(_) | Self::FindTenantByDomain(_))
    }

    /// Whether it concerns contracts, which are directory objects.
    pub(crate) fn is_about_contracts(&self) -> bool {
        matches!(self, Self::ListContracts | Self::CountContracts | Self::GetContract(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(verb: &str, path: &str) -> Result<Option<Operation>, GraphError> {
        let segments: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
        Operation::route(verb, &segments)
    }

    #[test]
    fn paths_match_in_any_case_and_keep_the_ids() {
        assert_eq!(
            found("PATCH", "/TenantRelationships/DelegatedAdminRelationships/A-B/accessassignments/C").unwrap(),
            Some(Operation::UpdateAccessAssignment("A-B".into(), "C".into()))
        );
        assert_eq!(
            found("GET", "/tenantRelationships/delegatedAdminCustomers/A/serviceManagementDetails/$count").unwrap(),
            Some(Operation::CountServices("A".into()))
        );
        assert_eq!(found("GET", "/contracts/A").unwrap(), Some(Operation::GetContract("A".into())));
        assert_eq!(
            found("GET", "/tenantRelationships/findTenantInformationByTenantId(tenantId='A')").unwrap(),
            Some(Operation::FindTenant("A".into()))
        );
        assert_eq!(
            found("GET", "/tenantRelationships/microsoft.graph.findTenantInformationByDomainName(domainName='o''b')")
                .unwrap(),
            Some(Operation::FindTenantByDomain("o'b".into()))
        );
    }

    #[test]
    fn wrong_methods_and_unknown_paths_are_different_errors() {
        for path in [
            "/tenantRelationships/delegatedAdminRelationships",
            "/tenantRelationships/delegatedAdminRelationships/A/requests/B",
            "/tenantRelationships/delegatedAdminCustomers/A",
            "/contracts",
        ] {
            assert_eq!(found("DELETE", path).unwrap(), None, "{path}");
        }
        for path in ["/tenantRelationships", "/tenantRelationships/managedTenants", "/contracts/delta"] {
            assert!(format!("{:?}", found("GET", path).unwrap_err()).contains("501"), "{path}");
        }
    }
}
