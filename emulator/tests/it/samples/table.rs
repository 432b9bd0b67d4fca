//! How each sample is replayed, and where the tenant responds differently, with the reason.

use serde_json::{Value, json};

use super::proof::{certificate, held, proof};

/// A sample with how it is replayed.
pub(crate) struct Row {
    /// The sample's name, without `__request` and `__response`.
    pub(crate) name: &'static str,
    /// The contents of the tenant before, as a snapshot, made from the response of the sample.
    pub(crate) seed: Option<fn(&Value) -> Value>,
    /// Requests of the operator before: method, path and body.
    pub(crate) before: Vec<(&'static str, String, Value)>,
    /// New applications are for personal accounts too, as they were when most samples were made.
    pub(crate) personal: bool,
    /// The tenant is a partner's.
    pub(crate) partner: bool,
    /// What is put in the place of texts of the request.
    pub(crate) put: Vec<(String, String)>,
    /// What is not as shown, and why: a place that the comparison names, or [`ALL`].
    pub(crate) except: Vec<(&'static str, &'static str)>,
}

/// The place of an exception when nothing comes of the whole sample.
pub(crate) const ALL: &str = "all";

const APPLICATION: &str = "03ef14b0-ca33-4840-8f4f-d6e91916010e";
const APP_ID: &str = "631a96bc-a705-4eda-9f99-fdaf9f54f6a2";
const SERVICE_PRINCIPAL: &str = "59e617e5-e447-4adc-8b88-00af644d7c92";
const USER: &str = "cdb555e3-b33e-4fd5-a427-17fadacbdfa7";
const OTHER_USER: &str = "161ab652-cdbc-490d-82a4-0ada1f0db247";
const GROUP: &str = "46cc6179-19d0-473e-97ad-6ff84347bbbb";
const RESOURCE: &str = "8fce32da-1246-437b-99cd-76d1d4677bd5";
const KEY: &str = "f0b0b335-1d71-4883-8f98-567911bfdca6";
const ASSIGNMENT: &str = "41W1zT6z1U-kJxf62svfp1HFE8pMZhxDun-ThPczmJE";

/// What the samples of a partner's changes name; a store makes ETags as it likes.
const ETAG: &str = "W/\"JyI0NzAwNjg0NS0wMDAwLTE5MDAtMDAwMC02MGY0Yjg4MzAwMDAiJw==\"";

const NO_SAML: &str = "an application that does not sign in by SAML has null, as recorded answers show";
const INTERNAL_ID: &str = "an internal reference that newer samples and recorded answers no longer have";
const NOT_IN_V1: &str = "no property of v1.0";
const NO_PUBLISHER: &str = "the tenant has no verified publishers";
const NO_EXTENSIONS: &str = "the tenant has no extension properties";
const NO_PLANS: &str = "the tenant has no service plans";
const NO_CONTACTS: &str = "the tenant was made without contacts";
const TUTORIAL: &str = "the tutorial shows 201 for every request, also for those that read";

fn row(name: &'static str) -> Row {
    Row { name, seed: None, before: Vec::new(), personal: false, partner: false, put: Vec::new(), except: Vec::new() }
}

impl Row {
    fn seed(mut self, seed: fn(&Value) -> Value) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Puts a value where the text first stands that is in its place; further calls replace further texts.
    fn put(mut self, placeholder: &str, value: &str) -> Self {
        self.put.push((placeholder.to_owned(), value.to_owned()));
        self
    }

    fn before(mut self, method: &'static str, path: String, body: Value) -> Self {
        self.before.push((method, path, body));
        self
    }

    fn personal(mut self) -> Self {
        self.personal = true;
        self
    }

    fn partner(mut self, seed: fn(&Value) -> Value) -> Self {
        self.partner = true;
        self.seed(seed)
    }

    fn except(mut self, what: &'static str, why: &'static str) -> Self {
        self.except.push((what, why));
        self
    }
}

/// An object as shown, without annotations.
fn bare(shown: &Value) -> Value {
    let members = shown.as_object().into_iter().flatten();
    members.filter(|(name, _)| !name.contains('@')).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The objects of a list as shown.
fn bares(shown: &Value) -> Value {
    shown["value"].as_array().into_iter().flatten().map(bare).collect()
}

/// An object with more members.
fn with(mut value: Value, more: Value) -> Value {
    if let (Value::Object(members), Value::Object(more)) = (&mut value, more) {
        members.extend(more);
    }
    value
}

fn application(more: Value) -> Value {
    json!({
        "applications": [with(json!({"id": APPLICATION, "appId": APP_ID, "displayName": "Display name"}), more)],
        "users": [{"id": USER}, {"id": OTHER_USER}],
    })
}

fn service_principal(more: Value) -> Value {
    json!({
        "servicePrincipals": [with(json!({"id": SERVICE_PRINCIPAL, "appId": APP_ID, "displayName": "My App"}), more)],
        "users": [{"id": USER}, {"id": OTHER_USER}],
    })
}

/// Service principals of these ids, with the roles that the samples assign.
fn service_principals(ids: &[&str]) -> Value {
    let role = |id: &str| {
        json!({"id": id, "allowedMemberTypes": ["Application", "User"], "value": id, "isEnabled": true,
        "displayName": id, "description": id})
    };
    let roles: Vec<_> = [
        "df021288-bdef-4463-88db-98f22de89214",
        "ef7437e6-4f94-4a0a-a110-a439eb2aa8f7",
        "498476ce-e0fe-48b0-b801-37ba7e2685c6",
        "e2a3a72e-5f79-4c64-b1b1-878b674786c9",
    ]
    .map(role)
    .into();
    let one = |id: &&str| json!({"id": id, "appId": id, "displayName": id, "appRoles": roles});
    ids.iter().map(one).collect()
}

/// The service principals of a list of assignments or grants, and those themselves under this name.
fn related(name: &str, list: &Value) -> Value {
    let list: Vec<Value> = list.as_array().into_iter().flatten().map(bare).collect();
    let mut ids: Vec<&str> = Vec::new();
    for item in &list {
        for end in ["principalId", "clientId", "resourceId"] {
            if let Some(id) = item[end].as_str().filter(|id| !ids.contains(id))
                && (end != "principalId" || item["principalType"] == "ServicePrincipal")
            {
                ids.push(id);
            }
        }
    }
    let users: Vec<_> = list.iter().filter(|item| item["principalType"] == "User").collect();
    let users: Value = users
        .iter()
        .map(|item| json!({"id": item["principalId"], "displayName": item["principalDisplayName"]}))
        .collect();
    json!({name: list, "servicePrincipals": service_principals(&ids), "users": users})
}

/// A partner with one relationship.
fn relationship(more: Value) -> Value {
    let roles = roles_of(&["29232cdf-9323-42fd-ade2-1d097af3e4de"]);
    let relationship = with(json!({"displayName": "Contoso admin relationship", "accessDetails": roles}), more);
    json!({"delegatedAdminRelationships": [relationship]})
}

/// Access details of a partner.
fn roles_of(ids: &[&str]) -> Value {
    let roles: Vec<Value> = ids.iter().map(|id| json!({"roleDefinitionId": id})).collect();
    json!({"unifiedRoles": roles})
}

/// A grant whose id the samples name.
fn grant(_: &Value) -> Value {
    related(
        "oauth2PermissionGrants",
        &json!([{
            "id": "l5eW7x0ga0-WDOntXzHateQDNpSH5-lPk9HjD3Sarjk",
            "clientId": "ef969797-201d-4f6b-960c-e9ed5f31dab5",
            "consentType": "AllPrincipals",
            "resourceId": "943603e4-e787-4fe9-93d1-e30f749aae39",
            "scope": "User.Read",
        }]),
    )
}

/// An assignment that the samples leave unnamed.
fn assignment(_: &Value) -> Value {
    related(
        "appRoleAssignments",
        &json!([{
            "id": ASSIGNMENT,
            "appRoleId": "e2a3a72e-5f79-4c64-b1b1-878b674786c9",
            "principalId": SERVICE_PRINCIPAL,
            "principalType": "ServicePrincipal",
            "resourceId": RESOURCE,
        }]),
    )
}

/// Two service principals and a group between which nothing is assigned yet.
fn unassigned(shown: &Value) -> Value {
    let mut seed = related("unassigned", &json!([shown]));
    seed.as_object_mut().expect("it was made so").remove("unassigned");
    if shown["principalType"] == "Group" {
        seed["groups"] = json!([{"id": shown["principalId"], "displayName": shown["principalDisplayName"]}]);
    }
    seed
}

/// A federated identity credential of an application that has both ids.
fn federated(application: &str, more: Value) -> Value {
    let credential = json!({
        "issuer": "https://login.microsoftonline.com/3d1e2be9-a10a-4a0c-8380-7ce190f98ed9/v2.0",
        "subject": "a7d388c3-5e3f-4959-ac7d-786b3383006a",
        "audiences": ["api://AzureADTokenExchange"],
    });
    json!({"applications": [{
        "id": application,
        "displayName": "Display name",
        "uniqueName": "app-65278",
        "federatedIdentityCredentials": [with(credential, more)],
    }]})
}

fn deleted(kind: &str, shown: &Value) -> Value {
    json!({"deletedItems": [with(bare(shown), json!({"@odata.type": kind}))]})
}

/// Groups that were deleted just now: what was deleted when the sample was made is long gone for good.
fn deleted_groups(shown: &Value) -> Value {
    let of_now = json!({"@odata.type": "#microsoft.graph.group", "deletedDateTime": null});
    let groups = shown["value"].as_array().into_iter().flatten();
    let groups: Value = groups.map(|group| with(bare(group), of_now.clone())).collect();
    json!({"deletedItems": groups})
}

pub(crate) fn rows() -> Vec<Row> {
    [applications(), below_applications(), service_principal_rows(), grants(), others()].into_iter().flatten().collect()
}

fn applications() -> Vec<Row> {
    let listed = |shown: &Value| json!({"applications": bares(shown)});
    vec![
        row("aad-advanced-queries__1"),
        row("aad-advanced-queries__2"),
        row("application-list__1").seed(listed),
        row("application-list__2"),
        row("application-list__3").seed(listed),
        row("application-list__4").seed(listed),
        row("application-list__5").seed(listed),
        row("application-post-applications__1").personal().except("/samlMetadataUrl", NO_SAML),
        row("application-post-applications__2")
            .except("status", "the page's text says 201, and so do recorded answers"),
        row("application-get__1").seed(|shown| json!({"applications": [bare(shown)]})).put("{id}", APPLICATION),
        row("application-update__1").seed(|_| application(json!({}))).put("{id}", APPLICATION),
        row("application-upsert__1").personal().except("/samlMetadataUrl", NO_SAML).except("/windows", NOT_IN_V1),
        row("application-upsert__2").seed(|_| application(json!({"uniqueName": "app-65278"}))),
        row("application-delete__1").seed(|_| application(json!({}))).put("{id}", APPLICATION),
        row("application-setverifiedpublisher__1").put("{id}", APPLICATION).except(ALL, NO_PUBLISHER),
        row("application-unsetverifiedpublisher__1").put("{id}", APPLICATION).except(ALL, NO_PUBLISHER),
    ]
}

fn below_applications() -> Vec<Row> {
    vec![
        row("application-addpassword__1").seed(|_| application(json!({}))).put("{id}", APPLICATION),
        row("application-removepassword__1")
            .seed(|_| application(json!({"passwordCredentials": [{"keyId": KEY}]})))
            .put("{id}", APPLICATION),
        row("application-addkey__1")
            .seed(|_| application(json!({})))
            .before("PATCH", format!("/applications/{APPLICATION}"), held(KEY))
            .put("{id}", APPLICATION)
            .put("MIIDYDCCAki...", &certificate())
            .put("eyJ0eXAiOiJ...", &proof(APPLICATION)),
        row("application-addkey__2")
            .seed(|_| application(json!({})))
            .before("PATCH", format!("/applications/{APPLICATION}"), held(KEY))
            .put("{id}", APPLICATION)
            .put("MIIDYDCCAki...", &certificate())
            .put("eyJ0eXAiOiJ...", &proof(APPLICATION)),
        row("application-removekey__1")
            .seed(|_| application(json!({})))
            .before("PATCH", format!("/applications/{APPLICATION}"), held(KEY))
            .put("{id}", APPLICATION)
            .put("eyJ0eXAiOiJ...", &proof(APPLICATION)),
        row("application-list-owners__1").seed(|_| application(json!({"owners": [USER]}))).put("{id}", APPLICATION),
        row("application-post-owners__1")
            .seed(|_| application(json!({"owners": [OTHER_USER]})))
            .put("{id}", APPLICATION)
            .put("{id}", USER),
        row("application-delete-owners__1")
            .seed(|_| application(json!({"owners": [USER, OTHER_USER]})))
            .put("{id}", APPLICATION)
            .put("{id}", USER),
        row("application-list-extensionproperty__1").except(ALL, NO_EXTENSIONS),
        row("application-post-extensionproperty__1").except(ALL, NO_EXTENSIONS),
        row("application-delete-extensionproperty__1")
            .put("{id}", APPLICATION)
            .put("{id}", KEY)
            .except(ALL, NO_EXTENSIONS),
        row("application-list-federatedidentitycredentials__1")
            .seed(|shown| federated("bcd7c908-1c4d-4d48-93ee-ff38349a75c8", bare(&shown["value"][0])))
            .except("/value/0/@odata.id", INTERNAL_ID),
        row("application-post-federatedidentitycredentials__1")
            .seed(|_| json!({"applications": [{"id": "bcd7c908-1c4d-4d48-93ee-ff38349a75c8", "displayName": "x"}]}))
            .except("/@odata.id", INTERNAL_ID),
        row("federatedidentitycredential-get__1")
            .seed(|shown| federated("acd7c908-1c4d-4d48-93ee-ff38349a75c8", bare(&shown["value"])))
            .except("/value", "the object comes as it is, as it does after its creation, and not in `value`"),
        row("federatedidentitycredential-update__1").seed(|_| {
            let named = json!({"id": "15be77d1-1940-43fe-8aae-94a78e078da0", "name": "testing02"});
            federated("bcd7c908-1c4d-4d48-93ee-ff38349a75c8", named)
        }),
        // The page's text asks for the header, which its first sample lacks.
        row("federatedidentitycredential-upsert__1")
            .seed(|_| {
                let id = "bcd7c908-1c4d-4d48-93ee-ff38349a75c8";
                json!({"applications": [{"id": id, "displayName": "x", "uniqueName": "app-65278"}]})
            })
            .put("Content-Type: application/json", "Content-Type: application/json\nPrefer: create-if-missing"),
        row("federatedidentitycredential-upsert__2")
            .seed(|_| federated("bcd7c908-1c4d-4d48-93ee-ff38349a75c8", json!({"name": "fic01-app-65278"}))),
    ]
}

fn service_principal_rows() -> Vec<Row> {
    let listed =
        |shown: &Value| json!({"servicePrincipals": [with(bare(&shown["value"][0]), json!({"appId": APP_ID}))]});
    let of_app = |_: &Value| json!({"applications": [{"appId": "65415bb1-9267-4313-bbf5-ae259732ee12", "displayName": "My App"}]});
    vec![
        row("serviceprincipal-list__1"),
        row("serviceprincipal-list__2"),
        row("serviceprincipal-list__3").seed(listed).except("/@odata.context", "the sample misspells it"),
        row("serviceprincipal-list__4").seed(listed),
        row("serviceprincipal-post-serviceprincipals__1").seed(of_app).except("/publisherName", NOT_IN_V1),
        row("serviceprincipal-get__1")
            .seed(|shown| {
                let mut shown = with(bare(shown), json!({"appId": APP_ID}));
                shown
                    .as_object_mut()
                    .expect("it is shown so")
                    .retain(|name, _| !["endpoints", "publisherName"].contains(&name.as_str()));
                json!({"servicePrincipals": [shown]})
            })
            .except("/publisherName", NOT_IN_V1)
            .except("/endpoints", "a navigation, which v1.0 does not answer with the object")
            .put("{id}", "00af5dfb-85da-4b41-a677-0c6b86dd34f8"),
        row("serviceprincipal-update__1").seed(|_| service_principal(json!({}))).put("{id}", SERVICE_PRINCIPAL),
        row("serviceprincipal-upsert__1")
            .seed(of_app)
            .except("/errorUrl", NOT_IN_V1)
            .except("/publisherName", NOT_IN_V1)
            .except("/publishedPermissionScopes", NOT_IN_V1)
            .except("/preferredTokenSigningKeyEndDateTime", NOT_IN_V1)
            .except("/samlMetadataUrl", NOT_IN_V1)
            .except("/api", NOT_IN_V1),
        row("serviceprincipal-upsert__2")
            .seed(|_| service_principal(json!({"appId": "65415bb1-9267-4313-bbf5-ae259732ee12"}))),
        row("serviceprincipal-delete__1").seed(|_| service_principal(json!({}))).put("{id}", SERVICE_PRINCIPAL),
        row("serviceprincipal-addpassword__1")
            .seed(|_| service_principal(json!({})))
            .put("{id}", SERVICE_PRINCIPAL)
            .except("/hint", "recorded answers have null for a service principal"),
        row("serviceprincipal-removepassword__1")
            .seed(|_| service_principal(json!({"passwordCredentials": [{"keyId": KEY}]})))
            .put("{id}", SERVICE_PRINCIPAL),
        row("serviceprincipal-addkey__1")
            .seed(|_| service_principal(json!({})))
            .before("PATCH", format!("/servicePrincipals/{SERVICE_PRINCIPAL}"), held(KEY))
            .put("{id}", SERVICE_PRINCIPAL)
            .put("MIIDYDCCAki...", &certificate())
            .put("eyJ0eXAiOiJ...", &proof(SERVICE_PRINCIPAL)),
        row("serviceprincipal-addkey__2")
            .seed(|_| service_principal(json!({})))
            .before("PATCH", format!("/servicePrincipals/{SERVICE_PRINCIPAL}"), held(KEY))
            .put("{id}", SERVICE_PRINCIPAL)
            .put("MIIDYDCCAki...", &certificate())
            .put("eyJ0eXAiOiJ...", &proof(SERVICE_PRINCIPAL)),
        row("serviceprincipal-removekey__1")
            .seed(|_| service_principal(json!({})))
            .before("PATCH", format!("/servicePrincipals/{SERVICE_PRINCIPAL}"), held(KEY))
            .put("{id}", SERVICE_PRINCIPAL)
            .put("eyJ0eXAiOiJ...", &proof(SERVICE_PRINCIPAL)),
        row("serviceprincipal-addtokensigningcertificate__1").except(ALL, "the tenant makes no certificates"),
        row("serviceprincipal-list-owners__1")
            .seed(|_| service_principal(json!({"owners": [USER]})))
            .put("{id}", SERVICE_PRINCIPAL),
        row("serviceprincipal-post-owners__1")
            .seed(|_| service_principal(json!({})))
            // The page is that of v1.0; its sample is for beta.
            .put("beta", "v1.0")
            .put("{id}", SERVICE_PRINCIPAL)
            .put("{id}", USER),
        row("serviceprincipal-delete-owners__1")
            .seed(|_| service_principal(json!({"owners": [USER, OTHER_USER]})))
            .put("{id}", SERVICE_PRINCIPAL)
            .put("{id}", USER),
    ]
}

fn grants() -> Vec<Row> {
    let assigned = |shown: &Value| related("appRoleAssignments", &shown["value"]);
    vec![
        row("oauth2permissiongrant-list__1")
            .seed(|shown| related("oauth2PermissionGrants", &shown["value"]))
            .except("/value/0/@odata.id", INTERNAL_ID)
            .except("/value/1/@odata.id", INTERNAL_ID),
        row("oauth2permissiongrant-get__1")
            .seed(|shown| related("oauth2PermissionGrants", &json!([shown])))
            .except("/@odata.id", INTERNAL_ID),
        row("oauth2permissiongrant-post__1").seed(|shown| {
            let ids = [&shown["clientId"], &shown["resourceId"]].map(|id| id.as_str().unwrap_or_default());
            json!({"servicePrincipals": service_principals(&ids)})
        }),
        row("oauth2permissiongrant-update__1").seed(grant),
        row("oauth2permissiongrant-delete__1").seed(grant),
        row("serviceprincipal-list-oauth2permissiongrants__1")
            .seed(|_| {
                let mut seed = service_principal(json!({}));
                seed["oauth2PermissionGrants"] = json!([{
                    "clientId": SERVICE_PRINCIPAL,
                    "consentType": "Principal",
                    "principalId": USER,
                    "resourceId": RESOURCE,
                    "scope": "User.Read",
                }]);
                seed
            })
            .put("{id}", SERVICE_PRINCIPAL),
        row("serviceprincipal-list-approleassignedto__1").seed(assigned),
        row("serviceprincipal-list-approleassignments__1").seed(assigned),
        row("serviceprincipal-post-approleassignedto__1").seed(unassigned),
        row("serviceprincipal-post-approleassignments__1").seed(unassigned),
        row("serviceprincipal-delete-approleassignedto__1")
            .seed(assignment)
            .put("{resource-SP-id}", RESOURCE)
            .put("{appRoleAssignment-id}", ASSIGNMENT),
        row("serviceprincipal-delete-approleassignments__1")
            .seed(assignment)
            .put("{servicePrincipal-id}", SERVICE_PRINCIPAL)
            .put("{appRoleAssignment-id}", ASSIGNMENT),
        row("permissions-grant-via-msgraph__1").except("status", TUTORIAL),
        row("permissions-grant-via-msgraph__2").seed(unassigned),
        row("permissions-grant-via-msgraph__3").seed(assigned).except("status", TUTORIAL),
        row("permissions-grant-via-msgraph__4").seed(|_| {
            related(
                "appRoleAssignments",
                &json!([{
                    "id": "47nZsM8O_UuNq5Jz3QValCxBBiqJea9Drc9CMK4Ru_M",
                    "appRoleId": "df021288-bdef-4463-88db-98f22de89214",
                    "principalId": "b0d9b9e3-0ecf-4bfd-8dab-9273dd055a94",
                    "principalType": "ServicePrincipal",
                    "resourceId": "7ea9e944-71ce-443d-811c-71e8047b557a",
                }]),
            )
        }),
    ]
}

fn others() -> Vec<Row> {
    vec![
        row("directory-deleteditems-list__1").seed(deleted_groups),
        row("directory-deleteditems-list__2").seed(deleted_groups),
        row("directory-deleteditems-get__1")
            .seed(|shown| deleted("#microsoft.graph.group", shown))
            .put("{object-id}", GROUP),
        row("directory-deleteditems-restore__1")
            .seed(|shown| deleted("#microsoft.graph.group", shown))
            .put("{object-id}", GROUP),
        row("directory-deleteditems-delete__1")
            .seed(|_| deleted("#microsoft.graph.application", &json!({"id": APPLICATION, "displayName": "x"})))
            .put("{object-id}", APPLICATION),
        row("organization-list__1")
            .except("/value/0/businessPhones", NO_CONTACTS)
            .except("/value/0/technicalNotificationMails", NO_CONTACTS)
            .except("/value/0/assignedPlans", NO_PLANS)
            .except("/value/0/provisionedPlans", NO_PLANS),
        row("organization-get__1")
            .seed(|shown| json!({"tenantId": shown["id"]}))
            .except("/businessPhones", NO_CONTACTS)
            .except("/technicalNotificationMails", NO_CONTACTS)
            .except("/assignedPlans", NO_PLANS)
            .except("/provisionedPlans", NO_PLANS),
        row("json-batching__1")
            .except("/responses/0/*", "no person is signed in")
            .except("/responses/1/*", "the tenant has no planner")
            .except("/responses/3/*", "the tenant does not know this action")
            .except("/responses/4/*", "the tenant's people have no city"),
        row("delegatedadminaccessassignment-update__1").put(ETAG, "*").partner(|_| {
            let id = "5e5594d3-6f82-458b-b567-77db4811f0cd-00000000-0000-0000-0000-000000001234";
            let roles = [
                "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
                "44367163-eba1-44c3-98af-f5787879f96a",
                "729827e3-9c14-49f7-bb1b-9608f156bbb8",
            ];
            let assignment = json!({
                "id": "da9d6cf90-083a-47dc-ace2-1da98be3f344",
                "accessContainer": {"accessContainerId": GROUP},
                "accessDetails": roles_of(&roles[..1]),
            });
            relationship(json!({"id": id, "accessDetails": roles_of(&roles), "accessAssignments": [assignment]}))
        }),
        row("delegatedadminrelationship-get__1").partner(|shown| relationship(bare(shown))),
        row("delegatedadminrelationship-post-accessassignments__1").partner(|shown| {
            let id = "72a7ae7e-4887-4e34-9755-2e1e9b26b943-63f017cb-9e0d-4f14-94bd-4871902b3409";
            let group = json!({"id": shown["accessContainer"]["accessContainerId"], "displayName": "Group"});
            let relationship = relationship(json!({"id": id, "accessDetails": shown["accessDetails"]}));
            with(relationship, json!({"groups": [group]}))
        }),
        row("delegatedadminrelationship-post-requests__1").partner(|_| {
            let id = "5d027261-d21f-4aa9-b7db-7fa1f56fb163-8777b240-c6f0-4469-9e98-a3205431b836";
            relationship(json!({"id": id, "status": "created"}))
        }),
        row("delegatedadminrelationship-update__1")
            .put(ETAG, "*")
            .partner(|shown| relationship(with(bare(shown), json!({"displayName": "Contoso admin relationship"})))),
        row("tenantrelationship-list-delegatedadminrelationships__1")
            .partner(|shown| json!({"delegatedAdminRelationships": bares(shown)})),
        row("tenantrelationship-post-delegatedadminrelationships__1")
            .partner(|_| json!({"delegatedAdminRelationships": []}))
            .except("/activatedDateTime", "an empty text is no date; what has not been activated has null")
            .except("/endDateTime", "the documentation says that it is counted from the activation"),
    ]
}
