use std::collections::BTreeMap;
use std::sync::Arc;

use entra_apps::auth::{DeviceCodeProvider, SignInService, public_client};
use entra_apps::cloud::Cloud;
use entra_apps::ids::TenantId;
use entra_apps::partner::{Gap, Readiness, ReadinessOutcome, RolesNeeded};
use entra_apps::{ErrorCode, ErrorKind};
use entra_emulator::{Fault, User};

use super::*;

const ADMIN: DirectoryRole = DirectoryRole::APPLICATION_ADMINISTRATOR;
const GRANT: DirectoryRole = DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR;
const APP: [&str; 2] = [READ, "Directory.Read.All"];

/// A partner and as many customers.
pub(super) fn cloud(customers: usize) -> MemoryCloud {
    let named = |number| {
        let builder = builder().domain(format!("customer{number}.onmicrosoft.com"));
        builder.display_name(format!("Customer {number}"))
    };
    MemoryCloud::new(
        [builder().partner().domain("partner.onmicrosoft.com")].into_iter().chain((0..customers).map(named)),
    )
}

/// A client of the partner's tenant, signed in as a person with these delegated permissions.
pub(super) fn client_of_person(cloud: &MemoryCloud, person: &User, scopes: &str) -> Client {
    let home = cloud.tenants()[0].clone();
    let app = public_client::MICROSOFT_GRAPH_COMMAND_LINE_TOOLS;
    let send = |path: &str, body: Value| {
        let (status, body) = home.send_json("POST", path, Some(&body.to_string()));
        assert_eq!(status, 201, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()
    };
    let principal = send("/servicePrincipals", json!({ "appId": app }))["id"].clone();
    let (_, graph) = home.send_json("GET", "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')", None);
    let graph = serde_json::from_str::<Value>(&graph).unwrap()["id"].clone();
    send(
        "/oauth2PermissionGrants",
        json!({"clientId": principal, "resourceId": graph, "consentType": "AllPrincipals", "scope": scopes}),
    );
    let service = SignInService::new(Cloud::global(), Arc::new(cloud.clone()), home.clock());
    let (screen, person) = (home.clone(), person.clone());
    let provider = DeviceCodeProvider::new(service, app, move |prompt| {
        screen.approve_device_code(&prompt.user_code, &person);
    });
    let builder = Client::builder().tenant(home.id()).token_provider(Arc::new(provider));
    builder.transport(Arc::new(cloud.clone())).clock(home.clock()).build().unwrap()
}

fn by_tenant(readiness: &Readiness) -> BTreeMap<TenantId, (ReadinessOutcome, Vec<&'static str>)> {
    let of = |it: &entra_apps::partner::CustomerReadiness| {
        (it.customer.tenant_id, (it.outcome, it.gaps.iter().map(Gap::code).collect()))
    };
    readiness.customers.iter().map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn ten_kinds_of_gaps_are_each_found_and_none_is_invented() {
    use ReadinessOutcome::{NotReady, NotYet, Ready};

    let cloud = cloud(12);
    let (partner, customers) = cloud.tenants().split_first().unwrap();
    let person = partner.add_user("Grace Hopper", &[]);
    let agents = partner.groups().into_iter().find(|group| group.display_name == "AdminAgents").unwrap();
    let member = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{}", person.id)});
    partner.send_json("POST", &format!("/groups/{}/members/$ref", agents.id), Some(&member.to_string()));
    let team = partner.add_group("Team", &[person.id]);
    let (others, gone) = (partner.add_group("Others", &[]), partner.add_group("Gone", &[person.id]));
    let add = |at: usize, name: &str, roles: &[DirectoryRole]| {
        partner.add_customer(&customers[at]);
        partner.add_relationship(&customers[at], name, &ids(roles))
    };
    let assign = |relationship: &str, group: &entra_emulator::Group| {
        partner.add_access_assignment(relationship, group.id, &ids(&[ADMIN]));
    };
    let mut expected = BTreeMap::new();
    let mut expect = |at: usize, outcome: ReadinessOutcome, gaps: &[&'static str]| {
        expected.insert(customers[at].id(), (outcome, gaps.to_vec()));
    };

    assign(&add(0, "Ready", &[ADMIN]), &team);
    expect(0, Ready, &[]);
    partner.add_customer(&customers[1]);
    expect(1, NotReady, &["no_relationship"]);
    add(2, "Lesser", &[DirectoryRole::GLOBAL_READER]);
    expect(2, NotReady, &["role_not_in_relationship"]);
    add(3, "Unassigned", &[ADMIN]);
    expect(3, NotReady, &["role_not_assigned"]);
    assign(&add(4, "Of others", &[ADMIN]), &others);
    expect(4, NotReady, &["not_in_group"]);
    assign(&add(5, "Of nobody", &[ADMIN]), &gone);
    expect(5, NotReady, &["group_deleted"]);
    let ended = add(6, "Ended", &[ADMIN]);
    assign(&ended, &team);
    partner.terminate_relationship(&ended);
    expect(6, NotReady, &["relationship_ended"]);
    assign(&add(7, "Highest", &[ADMIN, DirectoryRole::GLOBAL_ADMINISTRATOR]), &team);
    expect(7, Ready, &["extension_blocked"]);
    assign(&add(8, "MLT_8", &[ADMIN]), &team);
    expect(8, Ready, &["microsoft_led_only"]);
    let pending = add(9, "Pending", &[ADMIN]);
    expect(9, NotYet, &["assignment_pending"]);
    let asked = json!({
        "displayName": "Asked", "duration": "P730D", "customer": {"tenantId": customers[10].id()},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": ADMIN.id()}]}
    });
    // It stands in no list of customers yet.
    let (_, asked) = partner.send_json("POST", RELATIONSHIPS, Some(&asked.to_string()));
    let asked = serde_json::from_str::<Value>(&asked).unwrap()["id"].as_str().unwrap().to_owned();
    let lock = r#"{"action": "lockForApproval"}"#;
    partner.send_json("POST", &format!("{RELATIONSHIPS}/{asked}/requests"), Some(lock));
    expect(10, NotReady, &["approval_pending"]);

    partner.send_json("DELETE", &format!("/groups/{}", gone.id), None);
    pass(1_000).await;
    assign(&add(11, "New", &[ADMIN]), &team);
    expect(11, NotYet, &["activated_recently"]);
    let client = client_of_person(&cloud, &person, "DelegatedAdminRelationship.Read.All Directory.Read.All User.Read");
    // Signed in a moment before, so that the assignment is pending still.
    client.tenant_id().await.unwrap();
    let body = json!({
        "accessContainer": {"accessContainerId": team.id, "accessContainerType": "securityGroup"},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": ADMIN.id()}]}
    });
    let path = format!("{RELATIONSHIPS}/{pending}/accessAssignments");
    assert_eq!(partner.send_json("POST", &path, Some(&body.to_string())).0, 201);

    partner.clear_requests();
    let readiness = client.partner().readiness(RolesNeeded::to_administer_apps()).await.unwrap();
    assert_eq!((readiness.partner.as_slice(), readiness.unread.len()), (&[][..], 0));
    assert_eq!(by_tenant(&readiness), expected);
    let requests = partner.requests();
    assert!(requests.iter().all(|it| !it.is_write || it.path.ends_with("getByIds")), "it reads only: {requests:?}");
    let requests = requests.iter().filter(|it| !it.is_token).count();
    assert!(requests <= 12usize.div_ceil(20) + 10, "{requests}");
    let found = readiness.customers.iter().find(|it| it.customer.tenant_id == customers[0].id()).unwrap();
    assert_eq!(found.roles, [ADMIN]);

    // A named customer alone, and one that is none.
    let one = client.partner().readiness(RolesNeeded::to_administer_apps()).of([customers[0].id()]).await.unwrap();
    assert_eq!(one.customers.len(), 1);
    assert!(one.is_ready());
    let stranger = client.partner().readiness(RolesNeeded::default()).of([TenantId::from_u128(7)]).await.unwrap_err();
    assert_eq!((stranger.kind(), stranger.code()), (ErrorKind::Invalid, ErrorCode::NotACustomer));
}

#[tokio::test(start_paused = true)]
async fn a_person_who_is_no_agent_and_signed_in_by_password_alone_is_told_so_once() {
    let cloud = MemoryCloud::partner_with_customers(2);
    let partner = &cloud.tenants()[0];
    let person = partner.add_user("Ada Lovelace", &[]);
    partner.sign_in_without_mfa(true);
    let client = client_of_person(&cloud, &person, "DelegatedAdminRelationship.Read.All Directory.Read.All User.Read");
    let readiness = client.partner().readiness(RolesNeeded::to_administer_apps()).await.unwrap();
    let codes: Vec<_> = readiness.partner.iter().map(Gap::code).collect();
    assert_eq!(codes, ["without_mfa", "not_admin_agent"]);
    for customer in &readiness.customers {
        assert_eq!((customer.outcome, customer.gaps[0].code()), (ReadinessOutcome::NotReady, "not_in_group"));
    }
    let json = serde_json::to_value(&readiness).unwrap();
    assert_eq!(json["customers"][0]["outcome"], "not_ready");
    assert!(json["customers"][0]["tenantId"].is_string() && json["customers"][0]["gaps"][0]["remedy"].is_string());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_unknown_and_the_rest_goes_on() {
    let cloud = MemoryCloud::partner_with_customers(3);
    let partner = &cloud.tenants()[0];
    let client = partner.client_of(&partner.add_caller(&APP));
    let check =
        || client.partner().readiness(RolesNeeded::to_administer_apps().any_of([GRANT])).settling(Duration::ZERO);
    assert!(check().await.unwrap().is_ready());

    // The access assignments of one relationship.
    let first = &partner.delegated_admin_relationships()[0];
    let path = format!("/tenantRelationships/delegatedAdminRelationships/{}/accessAssignments", first.id);
    partner.fault(Fault::on("GET", &path).in_batch().always().refuses(403, "accessDenied", "No."));
    let readiness = check().await.unwrap();
    let outcomes: Vec<_> = readiness.customers.iter().map(|it| it.outcome).collect();
    assert_eq!(outcomes.iter().filter(|it| **it == ReadinessOutcome::Ready).count(), 2);
    let unknown = readiness.customers.iter().find(|it| it.outcome == ReadinessOutcome::Unknown).unwrap();
    assert_eq!(Some(unknown.customer.tenant_id), first.customer);
    assert_eq!(serde_json::to_value(&unknown.gaps[0]).unwrap()["error"], "missing_permission");

    // All relationships, the contracts, and what is there of groups.
    partner.clear_faults();
    partner.fault(Fault::on("GET", RELATIONSHIPS).always().refuses(400, "badRequest", "No."));
    partner.fault(Fault::on("GET", "/contracts").in_batch().always().refuses(
        403,
        "Authorization_RequestDenied",
        "No.",
    ));
    let readiness = check().await.unwrap();
    assert_eq!((readiness.customers.len(), readiness.unread.len(), readiness.is_ready()), (3, 1, false));
    assert!(readiness.customers.iter().all(|it| it.outcome == ReadinessOutcome::Unknown));
    partner.clear_faults();
    partner.fault(Fault::on("POST", "/directoryObjects/getByIds").always().refuses(403, "accessDenied", "No."));
    assert!(check().await.unwrap().is_ready());

    // Without Microsoft's own app no app administers customers.
    let path = "/servicePrincipals(appId='2832473f-ec63-45fb-976f-5d45a7d4bb91')";
    partner.clear_faults();
    assert_eq!(partner.send_json("DELETE", path, None).0, 204);
    let readiness = check().await.unwrap();
    assert_eq!(readiness.partner.iter().map(Gap::code).collect::<Vec<_>>(), ["app_only_not_prepared"]);
    assert!(readiness.customers.iter().all(|it| it.outcome != ReadinessOutcome::Ready));
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_the_partners_own_tenant_is_said_to_be_that() {
    let cloud = MemoryCloud::partner_with_customers(1);
    let partner = &cloud.tenants()[0];
    partner.fault(Fault::on("POST", "/oauth2/v2.0/token").always().refuses(400, "AADSTS53003", "Because."));
    let client = partner.client_of(&partner.add_caller(&APP));
    let readiness = client.partner().readiness(RolesNeeded::to_administer_apps()).await.unwrap();
    assert_eq!((readiness.partner.as_slice(), readiness.is_ready()), (&[Gap::BlockedByPartner][..], false));
    assert_eq!(readiness.unread[0].error.code(), ErrorCode::BlockedByConditionalAccess);
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_customers_are_checked_in_few_requests() {
    let customers = 320_usize;
    let cloud = MemoryCloud::partner_with_customers(customers);
    let partner = &cloud.tenants()[0];
    let client = partner.client_of(&partner.add_caller(&APP));
    partner.clear_requests();
    let check = client.partner().readiness(RolesNeeded::to_administer_apps()).settling(Duration::ZERO);
    assert!(check.await.unwrap().is_ready());
    let requests = partner.requests().iter().filter(|it| !it.is_token).count();
    let budget = 2 * customers.div_ceil(300) + customers.div_ceil(20) + 10;
    assert!(requests <= budget, "{requests} of {budget}");
}
