//! A tour of the description: each of its operations is requested from a tenant once.

use entra_apps::bytes::Bytes;
use entra_apps::http::Request;
use entra_emulator::Snapshot;
use serde_json::{Value, json};

use super::document::{Document, Operation};
use super::exchange::Report;
use crate::support::traffic::Recorded;
use crate::support::{builder, token};

const APPLICATION: &str = "03ef14b0-ca33-4840-8f4f-d6e91916010e";
const APP_ID: &str = "631a96bc-a705-4eda-9f99-fdaf9f54f6a2";
const SERVICE_PRINCIPAL: &str = "59e617e5-e447-4adc-8b88-00af644d7c92";
const RESOURCE: &str = "8fce32da-1246-437b-99cd-76d1d4677bd5";
const ROLE: &str = "ef7437e6-4f94-4a0a-a110-a439eb2aa8f7";
const OTHER_ROLE: &str = "498476ce-e0fe-48b0-b801-37ba7e2685c6";
const USER: &str = "cdb555e3-b33e-4fd5-a427-17fadacbdfa7";
const GROUP: &str = "33ad69f9-da99-4bed-acd0-3f24235cb296";
const OTHER_USER: &str = "161ab652-cdbc-490d-82a4-0ada1f0db247";
const TENANT: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
const FEDERATED: &str = "bdad0963-4a7a-43ae-b569-e67e1da3f2c0";
const ASSIGNMENT: &str = "F-XmWUfk3EqLiACvZE18krgc4yEDIqeKGHQKUgvOf3I";
const GRANT: &str = "F-XmWUfk3EqLiACvZE18ktoyzo9GEntDmc120dRne9U";
const DELETED_APPLICATION: &str = "46cc6179-19d0-473e-97ad-6ff84347bbbb";
const DELETED_SERVICE_PRINCIPAL: &str = "74e45ce0-a52a-4766-976c-7201b0f99370";
const DELETED_USER: &str = "10a1d484-cd1a-4162-a5a4-832370bac356";
const DELETED_GROUP: &str = "c31799b8-0683-4d70-9e91-e032c89d3035";
const ALONE: &str = "65415bb1-9267-4313-bbf5-ae259732ee12";
const ALONE_APPLICATION: &str = "0d1f4bd4-7a2f-4a6f-9f0b-6f5d0d6ba001";
const POLICY: &str = "db9d4b58-3488-4da4-9994-49773c454e33";
const KEY: &str = "f0b0b335-1d71-4883-8f98-567911bfdca6";
const ROLE_DEFINITION: &str = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b";
const OTHER_ROLE_DEFINITION: &str = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3";
const CREATED_RELATIONSHIP: &str = "5d027261-d21f-4aa9-b7db-7fa1f56fb163-8777b240-c6f0-4469-9e98-a3205431b836";
const ACTIVE_RELATIONSHIP: &str = "1041ef52-a99b-4245-a3be-cbd3fa7c5ed1-8777b240-c6f0-4469-9e98-a3205431b836";
const CUSTOMER: &str = "4fdbff88-9d6b-42e0-9713-45c922ba8001";
const ACCESS_ASSIGNMENT: &str = "a9d6cf90-083a-47dc-ace2-1da98be3f344";
const RELATIONSHIP_REQUEST: &str = "5a6666c9-7282-4a41-a7aa-25a5a3fbf339";
const RELATIONSHIP_OPERATION: &str = "d8dbb27b-7fe7-4523-a3df-f766355fe0f2";
/// Names nothing.
const NOTHING: &str = "00000000-0000-0000-0000-000000000001";

/// The permissions of the caller of the tour.
const ROLES: &[&str] = &[
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "DelegatedAdminRelationship.ReadWrite.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
    "Group.ReadWrite.All",
    "Organization.ReadWrite.All",
    "Policy.ReadWrite.ApplicationConfiguration",
    "User.ReadWrite.All",
];

/// A tenant in which every path of the description that is known leads somewhere.
fn seed() -> Value {
    let role = |id: &str| {
        json!({
            "id": id, "value": id, "displayName": "Do", "description": "Do", "isEnabled": true,
            "allowedMemberTypes": ["Application", "User"],
        })
    };
    let roles = role_definitions(&[ROLE_DEFINITION, OTHER_ROLE_DEFINITION]);
    json!({
        "tenantId": TENANT,
        "applications": [{
            "id": APPLICATION,
            "appId": APP_ID,
            "displayName": "Known",
            "uniqueName": "known",
            "passwordCredentials": [{"keyId": KEY}],
            "owners": [USER, SERVICE_PRINCIPAL],
            "federatedIdentityCredentials": [{
                "id": FEDERATED,
                "name": "known",
                "issuer": "https://issuer.example",
                "subject": "subject",
                "audiences": ["api://AzureADTokenExchange"],
            }],
        }, {"id": ALONE_APPLICATION, "appId": ALONE, "displayName": "Without a service principal"}],
        "servicePrincipals": [
            {"id": SERVICE_PRINCIPAL, "appId": APP_ID, "displayName": "Known", "owners": [USER, SERVICE_PRINCIPAL],
             "passwordCredentials": [{"keyId": KEY}]},
            {"id": RESOURCE, "appId": RESOURCE, "displayName": "Resource", "appRoles": [role(ROLE), role(OTHER_ROLE)], "owners": [SERVICE_PRINCIPAL]},
        ],
        "users": [{"id": USER, "displayName": "Ada"}, {"id": OTHER_USER, "displayName": "Bert"}],
        "groups": [{"id": GROUP, "displayName": "Group", "members": [SERVICE_PRINCIPAL]}],
        "appManagementPolicies": [{
            "id": POLICY, "displayName": "Known", "isEnabled": true, "appliesTo": [APPLICATION, SERVICE_PRINCIPAL],
            "restrictions": {"passwordCredentials": [{"restrictionType": "passwordLifetime", "maxLifetime": "P800D"}]},
        }],
        "appRoleAssignments": [{
            "id": ASSIGNMENT,
            "appRoleId": ROLE,
            "principalId": SERVICE_PRINCIPAL,
            "principalType": "ServicePrincipal",
            "resourceId": RESOURCE,
        }],
        "oauth2PermissionGrants": [{
            "id": GRANT,
            "clientId": SERVICE_PRINCIPAL,
            "consentType": "AllPrincipals",
            "resourceId": RESOURCE,
            "scope": "User.Read",
        }],
        "deletedItems": [
            {"@odata.type": "#microsoft.graph.application", "id": DELETED_APPLICATION, "displayName": "Gone"},
            {
                "@odata.type": "#microsoft.graph.servicePrincipal", "id": DELETED_SERVICE_PRINCIPAL,
                "appId": DELETED_SERVICE_PRINCIPAL, "displayName": "Gone",
            },
            {"@odata.type": "#microsoft.graph.user", "id": DELETED_USER, "displayName": "Gone"},
            {"@odata.type": "#microsoft.graph.group", "id": DELETED_GROUP, "displayName": "Gone"},
        ],
        "delegatedAdminRelationships": [
            {"id": CREATED_RELATIONSHIP, "displayName": "New one", "status": "created", "accessDetails": roles},
            {
                "id": ACTIVE_RELATIONSHIP, "displayName": "Active", "accessDetails": roles,
                "customer": {"tenantId": CUSTOMER, "displayName": "Fabrikam"},
                "accessAssignments": [{"id": ACCESS_ASSIGNMENT, "accessContainer": {"accessContainerId": OTHER_USER}}],
                "requests": [{"id": RELATIONSHIP_REQUEST, "action": "lockForApproval"}],
                "operations": [
                    {"id": RELATIONSHIP_OPERATION, "operationType": "delegatedAdminAccessAssignmentUpdate"},
                ],
            },
        ],
    })
}

/// Access details of a partner.
fn role_definitions(ids: &[&str]) -> Value {
    let roles: Vec<Value> = ids.iter().map(|id| json!({"roleDefinitionId": id})).collect();
    json!({"unifiedRoles": roles})
}

/// The path of the description with the ids of the seed.
fn filled(path: &str) -> String {
    let mut filled = String::new();
    let parts: Vec<&str> = path.split('/').collect();
    for (at, part) in parts.iter().enumerate().skip(1) {
        let object = || match (parts[at - 1], parts.last()) {
            ("deletedItems", Some(&"microsoft.graph.servicePrincipal")) => DELETED_SERVICE_PRINCIPAL,
            ("deletedItems", Some(&"microsoft.graph.user")) => DELETED_USER,
            ("deletedItems", Some(&"microsoft.graph.group")) => DELETED_GROUP,
            ("deletedItems", _) => DELETED_APPLICATION,
            ("memberOf", _) => GROUP,
            ("ownedObjects" | "createdObjects", _) => APPLICATION,
            (_, Some(&"microsoft.graph.servicePrincipal")) => SERVICE_PRINCIPAL,
            _ => USER,
        };
        let value = match *part {
            "{application-id}" if path.ends_with("/restore") => DELETED_APPLICATION,
            "{servicePrincipal-id}" if path.ends_with("/restore") => DELETED_SERVICE_PRINCIPAL,
            "{application-id}" if path.ends_with("/appManagementPolicies/$ref") => ALONE_APPLICATION,
            "{application-id}" => APPLICATION,
            "{appManagementPolicy-id}" => POLICY,
            "{servicePrincipal-id}" if parts[at..].contains(&"appRoleAssignedTo") => RESOURCE,
            "{servicePrincipal-id}" => SERVICE_PRINCIPAL,
            "{directoryObject-id}" => object(),
            "{appRoleAssignment-id}" => ASSIGNMENT,
            "{oAuth2PermissionGrant-id}" => GRANT,
            "{federatedIdentityCredential-id}" => FEDERATED,
            "{organization-id}" => TENANT,
            "{delegatedAdminRelationship-id}" if path.ends_with(part) => CREATED_RELATIONSHIP,
            "{delegatedAdminRelationship-id}" => ACTIVE_RELATIONSHIP,
            "{delegatedAdminAccessAssignment-id}" => ACCESS_ASSIGNMENT,
            "{delegatedAdminRelationshipRequest-id}" => RELATIONSHIP_REQUEST,
            "{delegatedAdminRelationshipOperation-id}" => RELATIONSHIP_OPERATION,
            "{delegatedAdminCustomer-id}" => CUSTOMER,
            "{delegatedAdminServiceManagementDetail-id}" => "Azure",
            part if part.starts_with('{') => NOTHING,
            part => part,
        };
        let value = value.replace("{appId}", APP_ID).replace("{uniqueName}", "known").replace("{name}", "known");
        filled.push('/');
        filled.push_str(&value);
    }
    filled
}

/// A body that the operation takes; of most, an empty one says enough.
fn body(method: &str, path: &str) -> Value {
    let reference = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{OTHER_USER}")});
    match (method, path) {
        ("POST", "/applications") => json!({"displayName": "New"}),
        ("POST", "/servicePrincipals") => json!({"appId": ALONE}),
        ("POST", path) if path.ends_with("/owners/$ref") => reference,
        ("POST", path) if path.ends_with("/appManagementPolicies/$ref") => {
            let policies = "https://graph.microsoft.com/v1.0/policies/appManagementPolicies";
            json!({"@odata.id": format!("{policies}/{POLICY}")})
        }
        ("POST", path) if path.ends_with("/appRoleAssignedTo") || path.ends_with("/appRoleAssignments") => {
            json!({"principalId": SERVICE_PRINCIPAL, "resourceId": RESOURCE, "appRoleId": OTHER_ROLE})
        }
        ("POST", path) if path.ends_with("/federatedIdentityCredentials") => json!({
            "name": "new", "issuer": "https://issuer.example", "subject": "new",
            "audiences": ["api://AzureADTokenExchange"],
        }),
        ("POST", "/oauth2PermissionGrants") => json!({
            "clientId": RESOURCE, "consentType": "AllPrincipals", "resourceId": SERVICE_PRINCIPAL, "scope": "User.Read",
        }),
        ("POST", path) if path.ends_with("/removePassword") => json!({"keyId": KEY}),
        ("POST", "/$batch") => json!({"requests": [{"id": "1", "method": "GET", "url": "/organization"}]}),
        ("PATCH", "/oauth2PermissionGrants/{oAuth2PermissionGrant-id}") => json!({"scope": "User.Read.All"}),
        ("POST", "/tenantRelationships/delegatedAdminRelationships") => json!({
            "displayName": "New", "duration": "P730D", "accessDetails": role_definitions(&[ROLE_DEFINITION]),
        }),
        ("POST", path) if path.ends_with("/requests") => json!({"action": "terminate"}),
        ("POST", path) if path.ends_with("/accessAssignments") => json!({
            "accessContainer": {"accessContainerId": GROUP, "accessContainerType": "securityGroup"},
            "accessDetails": role_definitions(&[ROLE_DEFINITION]),
        }),
        ("PATCH", path) if path.contains("/accessAssignments/") => {
            json!({"accessDetails": role_definitions(&[ROLE_DEFINITION])})
        }
        ("PATCH", path) if path.contains("/federatedIdentityCredentials") => json!({"description": "New"}),
        ("PATCH", _) => json!({"displayName": "New"}),
        _ => json!({}),
    }
}

/// What came of one operation.
pub(crate) struct Stop {
    /// As the description calls it.
    pub(crate) operation: String,
    pub(crate) status: u16,
    pub(crate) response: String,
}

/// Requests each operation once, from a tenant of its own, and checks requests and responses.
pub(crate) async fn tour(document: &Document, report: &mut Report) -> Vec<Stop> {
    let snapshot = Snapshot::from_json(&seed().to_string()).expect("it is such a document");
    let mut stops = Vec::new();
    for Operation { name, body: content, options, .. } in document.operations() {
        let (method, path) = name.split_once(' ').expect("it is made of both");
        let tenant = builder().partner().snapshot(snapshot.clone()).build();
        let token = token(&tenant, ROLES).await;
        // A selection is tested by a second request.
        let queries: &[&str] = if options.contains_key("$select") { &["", "?$select=id"] } else { &[""] };
        for query in queries {
            let mut request = Request::builder()
                .method(method)
                .uri(format!("https://graph.microsoft.com/v1.0{}{query}", filled(path)))
                .header("authorization", format!("Bearer {token}"))
                .header("consistencylevel", "eventual");
            if path.starts_with("/tenantRelationships/") && ["PATCH", "DELETE"].contains(&method) {
                request = request.header("if-match", "*");
            }
            if let Some(content) = content {
                request = request.header("content-type", &content.media_type);
            }
            let body = content.as_ref().map(|_| Bytes::from(body(method, path).to_string())).unwrap_or_default();
            let request = request.body(body).expect("it is a request");
            let response = entra_apps::transport::Transport::send(&tenant, request.clone()).await;
            let response = response.expect("no fault is scripted");
            report.look(document, &Recorded::of(&request, &response));
            stops.push(Stop {
                operation: format!("{name}{query}"),
                status: response.status().as_u16(),
                response: String::from_utf8_lossy(response.body()).into_owned(),
            });
        }
    }
    stops
}
