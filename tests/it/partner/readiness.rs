use std::collections::BTreeMap;
use std::sync::Arc;

use entra_apps::auth::{
    DeviceCodeProvider, MemoryRefreshTokenStore, RefreshTokenProvider, SignInService, public_client,
};
use entra_apps::cloud::Cloud;
use entra_apps::ids::{AppId, TenantId};
use entra_apps::partner::{Gap, Readiness, ReadinessOutcome, RolesNeeded};
use entra_apps::token::TokenRequest;
use entra_apps::{ErrorCode, ErrorKind};
use entra_emulator::{Fault, User};

use super::*;
use crate::support::token_of;

const ADMIN: DirectoryRole = DirectoryRole::APPLICATION_ADMINISTRATOR;
const GRANT: DirectoryRole = DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR;
const APP: [&str; 2] = [READ, "Directory.Read.All"];
const PERSON: &str = "DelegatedAdminRelationship.Read.All Directory.Read.All User.Read";
const ELIGIBILITY: &str = "PrivilegedEligibilitySchedule.Read.AzureADGroup";

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
    signed_in(cloud, person, app)
}

/// A client of the partner's tenant, signed in as a person to this app.
fn signed_in(cloud: &MemoryCloud, person: &User, app: AppId) -> Client {
    let home = cloud.tenants()[0].clone();
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
    let client = client_of_person(&cloud, &person, &format!("{PERSON} {ELIGIBILITY}"));
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
    let cloud = crate::support::partner_with_customers(2);
    let partner = &cloud.tenants()[0];
    let person = partner.add_user("Ada Lovelace", &[]);
    partner.sign_in_without_mfa();
    let client = client_of_person(&cloud, &person, &format!("{PERSON} {ELIGIBILITY}"));
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
    let cloud = crate::support::partner_with_customers(3);
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
    let cloud = crate::support::partner_with_customers(1);
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
    let cloud = crate::support::partner_with_customers(customers);
    let partner = &cloud.tenants()[0];
    let client = partner.client_of(&partner.add_caller(&APP));
    partner.clear_requests();
    let check = client.partner().readiness(RolesNeeded::to_administer_apps()).settling(Duration::ZERO);
    assert!(check.await.unwrap().is_ready());
    let requests = partner.requests().iter().filter(|it| !it.is_token).count();
    let budget = 2 * customers.div_ceil(300) + customers.div_ceil(20) + 10;
    assert!(requests <= budget, "{requests} of {budget}");
}

#[tokio::test(start_paused = true)]
async fn a_membership_that_is_only_eligible_is_told_from_none() {
    let cloud = cloud(2);
    let (partner, customers) = cloud.tenants().split_first().unwrap();
    let person = partner.add_user("Grace Hopper", &[]);
    let agents = partner.groups().into_iter().find(|group| group.display_name == "AdminAgents").unwrap();
    let (team, others) = (partner.add_group("Team", &[]), partner.add_group("Others", &[]));
    for (customer, group) in customers.iter().zip([&team, &others]) {
        partner.add_customer(customer);
        let relationship = partner.add_relationship(customer, &group.display_name, &ids(&[ADMIN]));
        partner.add_access_assignment(&relationship, group.id, &ids(&[ADMIN]));
    }
    for group in [&agents, &team] {
        partner.add_eligible_member(group.id, person.id);
    }
    let principal = format!("/servicePrincipals(appId='{}')", public_client::MICROSOFT_GRAPH_COMMAND_LINE_TOOLS);
    let readiness = |scopes: String| {
        let client = client_of_person(&cloud, &person, &scopes);
        async move {
            let check = client.partner().readiness(RolesNeeded::to_administer_apps()).settling(Duration::ZERO);
            let readiness = check.await.unwrap();
            let partner: Vec<_> = readiness.partner.iter().map(Gap::code).collect();
            (partner, by_tenant(&readiness))
        }
    };
    let not_ready = |gaps: [&[&'static str]; 2]| -> BTreeMap<_, _> {
        let of = |gaps: &[&'static str]| (ReadinessOutcome::NotReady, gaps.to_vec());
        customers.iter().map(MemoryTenant::id).zip(gaps.map(of)).collect()
    };
    // Whoever may not ask for it is told that it is not known, and no more.
    let (unread, by_customer) = readiness(PERSON.to_owned()).await;
    assert_eq!(unread, ["not_admin_agent", "unknown"]);
    assert_eq!(by_customer, not_ready([&["not_in_group", "unknown"], &["not_in_group", "unknown"]]));
    partner.send_json("DELETE", &principal, None);
    let (eligible, by_customer) = readiness(format!("{PERSON} {ELIGIBILITY}")).await;
    assert_eq!(eligible, ["admin_agent_only_eligible"]);
    assert_eq!(by_customer, not_ready([&["only_eligible"], &["not_in_group"]]));

    // Activated, both count.
    for group in [&agents, &team, &others] {
        let member = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{}", person.id)});
        partner.send_json("POST", &format!("/groups/{}/members/$ref", group.id), Some(&member.to_string()));
    }
    partner.send_json("DELETE", &principal, None);
    let (active, by_customer) = readiness(PERSON.to_owned()).await;
    assert_eq!(active, [""; 0]);
    assert!(by_customer.values().all(|(outcome, gaps)| *outcome == ReadinessOutcome::Ready && gaps.is_empty()));
}

/// A partner's person, who administers every customer by the partner's tenant, asks the customers' tenants.
struct Asking {
    cloud: MemoryCloud,
    client: Client,
    of_customers: Client,
}

impl Asking {
    fn new(customers: usize) -> Self {
        let named = |number| builder().domain(format!("customer{number}.onmicrosoft.com"));
        let cloud = MemoryCloud::partner(builder().domain("partner.onmicrosoft.com"), (0..customers).map(named));
        let person = cloud.tenants()[0].users().remove(0);
        let client = client_of_person(&cloud, &person, &format!("{PERSON} {ELIGIBILITY}"));
        let of_customers = signed_in(&cloud, &person, public_client::AZURE_CLI);
        Self { cloud, client, of_customers }
    }

    fn customer(&self, at: usize) -> &MemoryTenant {
        &self.cloud.tenants()[at + 1]
    }

    async fn check(&self) -> Readiness {
        let needed = RolesNeeded::to_administer_apps();
        let check = self.client.partner().readiness(needed).settling(Duration::ZERO);
        check.asking_customers(&self.of_customers).await.unwrap()
    }

    /// The outcome of the first customer, its gaps, and whether it was proven.
    async fn first(&self) -> (ReadinessOutcome, Vec<Gap>, bool) {
        let readiness = self.check().await;
        let id = self.customer(0).id();
        let found = readiness.customers.into_iter().find(|it| it.customer.tenant_id == id).unwrap();
        (found.outcome, found.gaps, found.proven)
    }
}

#[tokio::test(start_paused = true)]
async fn a_customers_own_tenant_proves_what_the_partners_says() {
    let it = Asking::new(2);
    let readiness = it.check().await;
    assert!(readiness.is_ready() && readiness.customers.iter().all(|it| it.proven), "{readiness:?}");
    let asked = it.customer(0).requests();
    assert_eq!((asked.len(), asked[0].is_token), (1, true), "one token, and no more: {asked:?}");

    // Without being asked, or where nobody has access, they are not.
    it.customer(0).clear_requests();
    let needed = RolesNeeded::to_administer_apps();
    let unasked = it.client.partner().readiness(needed).settling(Duration::ZERO).await.unwrap();
    assert!(unasked.is_ready() && unasked.customers.iter().all(|it| !it.proven));
    let relationship = it.cloud.tenants()[0].delegated_admin_relationships().remove(0);
    it.customer(0).terminate_relationship(&relationship.id);
    let (outcome, gaps, proven) = it.first().await;
    assert_eq!((outcome, gaps[0].code(), proven), (ReadinessOutcome::NotReady, "relationship_ended", false));
    assert!(it.customer(0).requests().is_empty());

    // Another person proves nothing.
    let somebody = it.cloud.tenants()[0].add_user("Somebody Else", &[]);
    let theirs = signed_in(&it.cloud, &somebody, public_client::AZURE_CLI);
    let check = it.client.partner().readiness(RolesNeeded::to_administer_apps()).asking_customers(&theirs);
    let error = check.await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, ErrorCode::AnotherPerson));

    // What an app has there for itself is no proof of the partner's.
    let it = Asking::new(1);
    let app = it.cloud.tenants()[0].client();
    let check = it.client.partner().readiness(RolesNeeded::to_administer_apps()).settling(Duration::ZERO);
    assert!(check.asking_customers(&app).await.unwrap().customers.iter().all(|it| !it.proven));
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_the_customer_is_found_with_the_exclusion_that_lets_the_partner_in() {
    let it = Asking::new(2);
    it.customer(0).block_service_providers();
    let readiness = it.check().await;
    let by_customer = by_tenant(&readiness);
    assert_eq!(by_customer[&it.customer(0).id()], (ReadinessOutcome::NotReady, vec!["blocked_by_customer"]));
    assert_eq!(by_customer[&it.customer(1).id()], (ReadinessOutcome::Ready, vec![]));
    let blocked = readiness.customers.iter().find(|customer| !customer.gaps.is_empty()).unwrap();
    let json = serde_json::to_value(&blocked.gaps[0]).unwrap();
    assert_eq!(json["error"], "blocked_by_conditional_access");
    let remedy = json["remedy"].as_str().unwrap();
    let partner = it.cloud.tenants()[0].id().to_string();
    assert!(remedy.contains("Service provider users") && remedy.contains(&partner), "{remedy}");
}

#[tokio::test(start_paused = true)]
async fn each_refusal_of_a_customers_tenant_says_what_it_says_and_no_more() {
    use ReadinessOutcome::{NotReady, Ready, Unknown};

    for (number, outcome, gaps) in [
        (53003, NotReady, &["blocked_by_customer"][..]),
        (530_003, NotReady, &["blocked_by_customer"]),
        (53000, NotReady, &["blocked_by_customer"]),
        (50158, NotReady, &["blocked_by_customer"]),
        (50076, NotReady, &["blocked_by_customer"]),
        (500_213, NotReady, &["blocked_by_customer"]),
        // Nobody there knows the app yet: consent is what readiness is for.
        (65001, Ready, &[]),
        (90099, Ready, &[]),
        (700_016, Ready, &[]),
        (50105, Ready, &[]),
        (50020, NotReady, &["role_not_in_customer"]),
        (90072, NotReady, &["role_not_in_customer"]),
        (5_000_224, Unknown, &["unknown"]),
        (700_082, Unknown, &["unknown"]),
    ] {
        let it = Asking::new(1);
        let fault = Fault::on("POST", "/oauth2/v2.0/token").always();
        it.customer(0).fault(fault.refuses(400, &format!("AADSTS{number}"), "Because."));
        let (found, said, proven) = it.first().await;
        let codes: Vec<_> = said.iter().map(Gap::code).collect();
        assert_eq!((found, codes.as_slice()), (outcome, gaps), "{number}: {said:?}");
        assert_eq!(proven, gaps == ["role_not_in_customer"], "{number}");
        assert!(said.iter().all(|gap| !gap.remedy().is_empty()));
    }
}

#[tokio::test(start_paused = true)]
async fn where_a_token_shows_no_roles_the_role_assignments_there_do() {
    let it = Asking::new(1);
    it.customer(0).omit_directory_roles();
    let (outcome, gaps, proven) = it.first().await;
    assert_eq!((outcome, gaps, proven), (ReadinessOutcome::Ready, Vec::new(), true));
    let requests = it.customer(0).requests();
    assert_eq!(requests.iter().filter(|request| !request.is_token).count(), 1, "one batch: {requests:?}");
    assert!(requests.iter().all(|request| !request.is_write));

    // Where they may not be read, the partner's tenant is believed.
    let list = || Fault::on("GET", "/roleManagement/directory/roleAssignments").in_batch();
    it.customer(0).fault(list().refuses(403, "Authorization_RequestDenied", "No."));
    let (outcome, gaps, proven) = it.first().await;
    assert_eq!((outcome, gaps, proven), (ReadinessOutcome::Ready, Vec::new(), false));

    // Where none of them is a group of the person's, the role is not there, whatever the partner's tenant says.
    it.customer(0).clear_faults();
    let nobodys = |id: &str| {
        let assignment = json!({"principalId": Uuid::from_u128(7), "roleDefinitionId": ADMIN.id()});
        json!({"id": id, "status": 200, "headers": {"Content-Type": "application/json"}, "body": {"value": [assignment]}})
    };
    let responses = json!({"responses": (["1", "2", "3"].map(nobodys))});
    it.customer(0).fault(Fault::on("POST", "/$batch").body(responses.to_string()));
    let (outcome, gaps, proven) = it.first().await;
    assert_eq!((outcome, gaps[0].code(), proven), (ReadinessOutcome::NotReady, "role_not_in_customer", true));
}

#[tokio::test(start_paused = true)]
async fn customers_are_asked_side_by_side() {
    const CUSTOMERS: usize = 64;
    const LATENCY: Duration = Duration::from_millis(500);

    let named = |number| builder().domain(format!("customer{number}.onmicrosoft.com")).tick(LATENCY);
    let cloud = MemoryCloud::partner(builder().domain("partner.onmicrosoft.com"), (0..CUSTOMERS).map(named));
    let person = cloud.tenants()[0].users().remove(0);
    let client = client_of_person(&cloud, &person, PERSON);
    // Where a person can be asked to sign in, one sign-in follows the other; a refresh token is redeemed by many at once.
    let (home, store) = (cloud.tenants()[0].clone(), Arc::new(MemoryRefreshTokenStore::default()));
    let service = SignInService::new(Cloud::global(), Arc::new(cloud.clone()), home.clock());
    let screen = home.clone();
    let device = DeviceCodeProvider::new(service.clone(), public_client::AZURE_CLI, move |prompt| {
        screen.approve_device_code(&prompt.user_code, &person);
    });
    let graph = TokenRequest::new(home.id(), Cloud::global().graph_scope());
    token_of(&device.store(store.clone()), &graph).await.unwrap();
    let provider = RefreshTokenProvider::new(service, public_client::AZURE_CLI, home.id(), store);
    let builder = Client::builder().tenant(home.id()).token_provider(Arc::new(provider));
    let asking = builder.transport(Arc::new(cloud.clone())).clock(home.clock()).build().unwrap();
    let start = tokio::time::Instant::now();
    let check = client.partner().readiness(RolesNeeded::to_administer_apps()).settling(Duration::ZERO);
    let readiness = check.asking_customers(&asking).await.unwrap();
    assert!(readiness.customers.iter().all(|it| it.proven) && readiness.customers.len() == CUSTOMERS);
    let took = start.elapsed();
    assert!(took < LATENCY * u32::try_from(CUSTOMERS).unwrap() / 2, "{took:?}");
}
