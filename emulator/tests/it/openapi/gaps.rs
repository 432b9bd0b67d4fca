//! What the description lacks, each by name and with the reason. One that no traffic shows any more must go.

/// A gap: how [`super::exchange::Finding`] calls it, and why it is none of ours. A star stands for anything.
pub(crate) const GAPS: &[(&str, &str)] = &[
    ("option $skiptoken of GET *", "a next link is opaque, and followed as it came"),
    ("content type of the answer of *", NO_JSON),
    ("status 200 of PATCH /applications(uniqueName='{uniqueName}')", NO_JSON),
    (
        "member identifierUris of microsoft.graph.servicePrincipalLockConfiguration in *",
        "manifests have it, and the description does not",
    ),
    ("member code of an object in the refusal of *", THROTTLED),
    ("member message of an object in the refusal of *", THROTTLED),
    ("member status of an object in the refusal of *", THROTTLED),
    (
        "body of the request of POST /directory/deletedItems/{directoryObject-id}/restore",
        "the documentation's own request has no body, for the action's only parameter may be left out",
    ),
    ("path of GET /contracts", ELSEWHERE),
    ("path of GET /groups", ELSEWHERE),
    ("path of GET /groups(uniquename=)", ELSEWHERE),
    ("path of GET /groups/{id}", ELSEWHERE),
    ("path of GET /groups/{id}/members", ELSEWHERE),
    ("path of GET /groups/{id}/owners", ELSEWHERE),
    ("path of GET /groups/{id}/transitiveMemberOf", ELSEWHERE),
    ("path of GET /groups/{id}/transitiveMembers", ELSEWHERE),
    ("path of PATCH /groups(uniquename=)", ELSEWHERE),
    ("path of POST /groups", ELSEWHERE),
    ("path of POST /groups/{id}/members/$ref", ELSEWHERE),
    ("path of GET /identityGovernance/privilegedAccess/group/eligibilityScheduleInstances/*", ELSEWHERE),
    ("path of GET /me/transitiveMemberOf/microsoft.graph.group", ELSEWHERE),
    ("path of GET /policies/defaultAppManagementPolicy", ELSEWHERE),
    ("path of GET /roleManagement/directory/roleAssignments", ELSEWHERE),
    ("path of GET /tenantRelationships/findtenantinformationby*", ELSEWHERE),
    ("path of POST /directoryObjects/getByIds", ELSEWHERE),
    ("path of GET /users/{id}", ELSEWHERE),
    (
        "value at /value/*/accessDetails/unifiedRoles/*/roleDefinitionId in the answer of GET /tenantRelationships/*",
        "a fault of the tests: the id of a role that cannot be read",
    ),
    (
        "missing value at  in the answer of GET /directory/deletedItems/microsoft.graph.application",
        "a fault of the tests: a list that comes without its items",
    ),
    (
        "value at /value/*/passwordCredentials/*/endDateTime in the answer of GET /applications",
        "a fault of the tests: an end that cannot be read",
    ),
];

const ELSEWHERE: &str = "the description is of applications and of delegated administration alone";
const NO_JSON: &str = "a fault of the tests: a page of a proxy in the place of the answer";
const THROTTLED: &str = "what is throttled has more in its innerError than the description declares";

/// Members that Graph's open types have beyond those that are declared: type, name, and where it
/// is known from.
pub(crate) const UNDECLARED: &[(&str, &str, &str)] = &[
    ("microsoft.graph.servicePrincipal", "createdDateTime", "recorded answers have it; the metadata does not"),
    ("microsoft.graph.organization", "directorySizeQuota", "the documentation's answer has it"),
    ("microsoft.graph.organization", "isMultipleDataLocationsForServicesEnabled", "the documentation's answer has it"),
    ("microsoft.graph.group", "creationOptions", "the documentation's answer has it"),
];

/// Operations that the tenant does not know, and says so. A star stands for anything.
pub(crate) const UNKNOWN: &[(&str, &str)] = &[
    ("GET */appManagementPolicies/$ref*", "policies are read as objects"),
    ("DELETE */appManagementPolicies/$ref*", "a policy is taken away by its id in the path"),
    ("GET */appManagementPolicies/{appManagementPolicy-id}*", "the policies of an object are read in a list"),
    ("* */claimsMappingPolicies*", POLICIES),
    ("* */homeRealmDiscoveryPolicies*", POLICIES),
    ("* */tokenIssuancePolicies*", POLICIES),
    ("* */tokenLifetimePolicies*", POLICIES),
    ("* /applications/{application-id}/extensionProperties*", "no promise of the crate is about extension properties"),
    ("* /applications/{application-id}/logo", "no promise of the crate is about pictures"),
    ("GET */createdOnBehalfOf*", "the tenant keeps no such link"),
    ("GET */createdObjects*", "the tenant keeps no such link"),
    ("POST */setVerifiedPublisher", "the tenant has no verified publishers"),
    ("POST */unsetVerifiedPublisher", "the tenant has no verified publishers"),
    ("GET */owners/{directoryObject-id}/microsoft.graph.*", "the documentation has no such page"),
    ("GET */owners/$ref", "owners are read as objects"),
    ("DELETE */owners/$ref", "an owner is removed by its id in the path"),
    ("GET */memberOf/{directoryObject-id}*", "members are read in lists"),
    ("GET */ownedObjects/{directoryObject-id}*", "what is owned is read in lists"),
    ("GET /servicePrincipals/*/oauth2PermissionGrants/*", "the grants of one client are read in a list"),
    ("PATCH */appRole*/{appRoleAssignment-id}", "the documentation has no such page"),
    ("* */delegatedPermissionClassifications*", "the tenant's people consent to nothing"),
    (
        "* /servicePrincipals/{servicePrincipal-id}/federatedIdentityCredentials*",
        "the tenant has no managed identities",
    ),
    ("POST */addTokenSigningCertificate", "the tenant makes no certificates"),
    ("GET /directory/deletedItems/{directoryObject-id}/microsoft.graph.*", "a deleted object is read without its type"),
    ("GET /directory/deletedItems/*/$count", "the list tells the count"),
    ("GET /directory/deletedItems/microsoft.graph.administrativeUnit*", "the tenant has no such objects"),
    ("GET /directory/deletedItems/microsoft.graph.device*", "the tenant has no such objects"),
    ("PATCH /organization/*", "the organization is what the tenant was made with"),
    ("GET /organization/$count", "there is one"),
];

const POLICIES: &str = "of policies, the tenant has those of app management alone";

/// Operations that the tour is refused, as it should be.
pub(crate) const REFUSED: &[(&str, &str)] = &[
    ("POST */addKey", "needs a proof; see the samples"),
    ("POST */removeKey", "needs a proof; see the samples"),
    ("GET /directory/deletedItems", BY_TYPE),
    ("GET /directory/deletedItems?*", BY_TYPE),
    ("GET /directory/deletedItems/$count", BY_TYPE),
    ("POST /organization", "nobody makes a tenant in a tenant"),
    ("DELETE /organization/{organization-id}", "nobody deletes the tenant in the tenant"),
    ("POST /tenantRelationships/delegatedAdminCustomers*", READ_ONLY),
    ("PATCH /tenantRelationships/delegatedAdminCustomers*", READ_ONLY),
    ("DELETE /tenantRelationships/delegatedAdminCustomers*", READ_ONLY),
    ("POST /tenantRelationships/*/operations", READ_ONLY),
    ("PATCH /tenantRelationships/*/operations/*", READ_ONLY),
    ("DELETE /tenantRelationships/*/operations/*", READ_ONLY),
    ("PATCH /tenantRelationships/*/requests/*", READ_ONLY),
    ("DELETE /tenantRelationships/*/requests/*", READ_ONLY),
];

const READ_ONLY: &str = "the documentation has no such page: only the service writes it";
const BY_TYPE: &str = "the documentation says that deleted items can only be read by their type";

/// Whether a name of the tables means this one.
pub(crate) fn covers(name: &str, this: &str) -> bool {
    match name.split_once('*') {
        None => name == this,
        Some((start, rest)) => this
            .strip_prefix(start)
            .is_some_and(|after| (0..=after.len()).any(|at| after.is_char_boundary(at) && covers(rest, &after[at..]))),
    }
}
