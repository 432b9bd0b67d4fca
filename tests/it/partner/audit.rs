//! The audit of all customers: what is found, who asks, and what is told where nobody can.

use std::collections::BTreeMap;
use std::sync::Arc;

use entra_apps::ids::{AppId, PermissionId, TenantId};
use entra_apps::partner::{CustomerOutcome, CustomerState, Report, RolesNeeded};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::permission::{MICROSOFT_GRAPH, Permission, PermissionKind, well_known};
use entra_apps::secrecy::SecretString;
use entra_apps::{AppRegistration, ClientSecret, ErrorCode, ErrorKind, SignInAudience};
use entra_emulator::{Fault, Group, RetryAfter};

use super::readiness::client_of_person;
use super::*;
use crate::support::register;

const ADMIN: DirectoryRole = DirectoryRole::APPLICATION_ADMINISTRATOR;

/// What has become of the relationship with a customer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Relation {
    Active,
    Ending,
    None,
    Ended,
    RoleLost,
    OfOthers,
}

impl Relation {
    const ALL: [Self; 6] = [Self::Active, Self::Ending, Self::None, Self::Ended, Self::RoleLost, Self::OfOthers];

    /// The code that is found, whether a person gets a token there, and whether the roles are there.
    fn expected(self) -> (Option<&'static str>, bool, bool) {
        match self {
            Self::Active => (None, true, true),
            Self::Ending => (Some("relationship_ending"), true, true),
            Self::None => (Some("no_relationship"), false, false),
            Self::Ended => (Some("relationship_ended"), false, false),
            Self::RoleLost => (Some("role_not_in_relationship"), true, false),
            Self::OfOthers => (Some("not_in_group"), false, false),
        }
    }
}

/// What has become of the consent in a customer's tenant.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Consented {
    Whole,
    NoGrants,
    RoleTaken,
    ScopeTaken,
    RoleAdded,
    ScopeAdded,
    Disabled,
    Deleted,
    Absent,
    AssignmentRequired,
    ApiMissing,
    /// Not to the app that asks.
    Unseen,
}

impl Consented {
    const ALL: [Self; 12] = [
        Self::Whole,
        Self::NoGrants,
        Self::RoleTaken,
        Self::ScopeTaken,
        Self::RoleAdded,
        Self::ScopeAdded,
        Self::Disabled,
        Self::Deleted,
        Self::Absent,
        Self::AssignmentRequired,
        Self::ApiMissing,
        Self::Unseen,
    ];

    /// The code that is found, and the state where the relationship is as it should be.
    fn expected(self) -> (Option<&'static str>, CustomerState) {
        use CustomerState::{AlreadyConsented, NotConsented, NotReady, Unknown};
        match self {
            Self::Whole => (None, AlreadyConsented),
            Self::NoGrants => (Some("consent_missing"), NotConsented),
            Self::RoleTaken | Self::ScopeTaken => (Some("permission_added_after_consent"), NotConsented),
            Self::RoleAdded | Self::ScopeAdded => (Some("surplus_permissions"), AlreadyConsented),
            Self::Disabled => (Some("app_disabled"), NotReady),
            Self::Deleted => (Some("service_principal_deleted"), NotConsented),
            Self::Absent => (Some("service_principal_missing"), NotConsented),
            Self::AssignmentRequired => (Some("assignment_required"), AlreadyConsented),
            Self::ApiMissing => (Some("api_not_in_tenant"), NotReady),
            Self::Unseen => (Some("consent_unknown"), Unknown),
        }
    }
}

/// What is expected of a customer: its state, and the codes of the reasons.
fn expected(relation: Relation, consented: Consented) -> (CustomerState, Vec<&'static str>) {
    let (gap, is_reachable, is_ready) = relation.expected();
    if !is_reachable {
        return (CustomerState::NotReady, gap.into_iter().collect());
    }
    let (found, state) = consented.expected();
    let state = match state {
        CustomerState::NotConsented | CustomerState::Unknown if !is_ready => CustomerState::NotReady,
        state => state,
    };
    (state, gap.into_iter().chain(found).collect())
}

fn without_exchange() -> AppRegistration {
    AppRegistration::new("partner-sync", "Partner Sync")
        .audience(SignInAudience::MultipleOrganizations)
        .permission(application::USER_READ_ALL)
        .permission(application::GROUP_READ_ALL)
        .permission(delegated::USER_READ)
        .permission(delegated::MAIL_READ)
        .credential(ClientSecret::new("Main"))
}

fn registration() -> AppRegistration {
    let exchange = well_known::OFFICE_365_EXCHANGE_ONLINE;
    without_exchange()
        .permission(Permission::by_name(exchange, "Exchange.ManageAsApp", PermissionKind::Application).unwrap())
}

/// A partner with an app of its own, a person in AdminAgents, and customers.
struct Partnership {
    cloud: MemoryCloud,
    partner: MemoryTenant,
    customers: Vec<MemoryTenant>,
    team: Group,
    others: Group,
    app_id: AppId,
    secret: SecretString,
    /// The partner's client, as the person.
    client: Client,
}

impl Partnership {
    /// With as many customers as there are builders, each with whatever the builder says and nothing else.
    async fn new(customers: impl IntoIterator<Item = MemoryTenantBuilder>) -> Self {
        let partner = with_exchange(builder().partner().domain("partner.onmicrosoft.com"));
        let cloud = MemoryCloud::new([partner].into_iter().chain(customers));
        let (partner, customers) = cloud.tenants().split_first().unwrap();
        let (partner, customers) = (partner.clone(), customers.to_vec());
        let person = partner.add_user("Grace Hopper", &[]);
        let agents = partner.groups().into_iter().find(|group| group.display_name == "AdminAgents").unwrap();
        let member = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{}", person.id)});
        send(&partner, "POST", &format!("/groups/{}/members/$ref", agents.id), &member);
        let (team, others) = (partner.add_group("Team", &[person.id]), partner.add_group("Others", &[]));
        let registered = register(&cloud.client(&partner), &registration()).await;
        let scopes = "DelegatedAdminRelationship.Read.All Directory.Read.All Application.Read.All \
                      PrivilegedEligibilitySchedule.Read.AzureADGroup";
        Self {
            client: client_of_person(&cloud, &person, scopes),
            app_id: registered.application.unwrap().app_id,
            secret: registered.secrets[0].value.clone(),
            cloud,
            partner,
            customers,
            team,
            others,
        }
    }

    /// With customers that have an active relationship, and consented to the app that asks and to the one that is audited.
    async fn with_good_customers(count: usize) -> Self {
        let scene = Self::new((0..count).map(named)).await;
        for at in 0..count {
            scene.relate(at, Relation::Active).await;
            scene.consent(at, Consented::Whole).await;
        }
        scene.settled().await;
        scene
    }

    /// When nothing counts as activated a moment ago any more.
    async fn settled(&self) {
        pass(1_000).await;
        self.quiet();
    }

    fn quiet(&self) {
        self.cloud.tenants().iter().for_each(MemoryTenant::clear_requests);
    }

    async fn relate(&self, at: usize, relation: Relation) {
        let (partner, customer, name) = (&self.partner, &self.customers[at], format!("Relationship {at}"));
        partner.add_customer(customer);
        let assign = |relationship: &str, group: &Group, role: DirectoryRole| {
            partner.add_access_assignment(relationship, group.id, &ids(&[role]));
        };
        let held = match relation {
            Relation::None => return,
            Relation::RoleLost => DirectoryRole::GLOBAL_READER,
            _ => ADMIN,
        };
        let id = match relation {
            Relation::Ending => self.approved(customer, &name, "P20D").await,
            _ => partner.add_relationship(customer, &name, &ids(&[held])),
        };
        assign(&id, if relation == Relation::OfOthers { &self.others } else { &self.team }, held);
        if relation == Relation::Ended {
            partner.terminate_relationship(&id);
        }
    }

    /// A relationship of this duration that the customer has approved.
    async fn approved(&self, customer: &MemoryTenant, name: &str, duration: &str) -> String {
        let body = json!({
            "displayName": name, "duration": duration, "customer": {"tenantId": customer.id()},
            "accessDetails": {"unifiedRoles": [{"roleDefinitionId": ADMIN.id()}]}
        });
        let made = send(&self.partner, "POST", RELATIONSHIPS, &body);
        let id = made["id"].as_str().unwrap().to_owned();
        send(&self.partner, "POST", &format!("{RELATIONSHIPS}/{id}/requests"), &json!({"action": "lockForApproval"}));
        pass(5).await;
        customer.approve_relationship(&id);
        pass(5).await;
        id
    }

    async fn consent(&self, at: usize, consented: Consented) {
        let customer = &self.customers[at];
        if consented != Consented::Unseen {
            consent_to_the_app_that_asks(customer);
        }
        if consented == Consented::Absent {
            return;
        }
        let wanted = if consented == Consented::ApiMissing { without_exchange() } else { registration() };
        let client = self.cloud.client(customer);
        let plan = client.install(self.app_id, self.partner.id(), &wanted).plan().await.unwrap();
        client.apply(&plan).approve_all().await.unwrap();
        let principal = principal_of(customer, self.app_id);
        let path = format!("/servicePrincipals/{principal}");
        let graph = principal_of(customer, MICROSOFT_GRAPH);
        let mut roles = customer.app_role_assignments();
        roles.retain(|it| it.principal_id.to_string() == principal);
        let mut grants = customer.oauth2_permission_grants();
        grants.retain(|it| it.client_id.to_string() == principal);
        match consented {
            Consented::NoGrants => {
                for role in roles {
                    send(customer, "DELETE", &format!("{path}/appRoleAssignments/{}", role.id), &Value::Null);
                }
                for grant in grants {
                    send(customer, "DELETE", &format!("/oauth2PermissionGrants/{}", grant.id), &Value::Null);
                }
            }
            Consented::RoleTaken => {
                let taken = application::GROUP_READ_ALL.id();
                let taken = roles.iter().find(|it| Some(it.app_role_id) == taken).unwrap();
                send(customer, "DELETE", &format!("{path}/appRoleAssignments/{}", taken.id), &Value::Null);
            }
            Consented::ScopeTaken => scopes(customer, grants[0].id.as_str(), "User.Read"),
            Consented::ScopeAdded => scopes(customer, grants[0].id.as_str(), "User.Read Mail.Read Calendars.Read"),
            Consented::RoleAdded => {
                let role = application::MAIL_READ.id();
                let added = json!({"principalId": principal, "resourceId": graph, "appRoleId": role});
                send(customer, "POST", &format!("{path}/appRoleAssignments"), &added);
            }
            Consented::Disabled => drop(send(customer, "PATCH", &path, &json!({"accountEnabled": false}))),
            Consented::Deleted => drop(send(customer, "DELETE", &path, &Value::Null)),
            Consented::AssignmentRequired => {
                send(customer, "PATCH", &path, &json!({"appRoleAssignmentRequired": true}));
            }
            Consented::Whole | Consented::Absent | Consented::ApiMissing | Consented::Unseen => {}
        }
    }

    /// A client that signs in as the audited app.
    fn app(&self) -> Client {
        self.client_of(self.app_id, self.secret.clone())
    }

    fn client_of(&self, app_id: AppId, secret: SecretString) -> Client {
        let builder = self.partner.client_builder().transport(Arc::new(self.cloud.clone()));
        builder.client_secret(app_id, secret).build().unwrap()
    }

    /// A client of an app of the partner's that is in no other tenant.
    fn app_only(&self) -> Client {
        let caller = self.partner.add_caller(&[READ, "Directory.Read.All"]);
        self.client_of(caller.client_id, caller.client_secret)
    }

    fn audit(&self, registration: &AppRegistration) -> entra_apps::partner::Audit {
        self.client.partner().audit(registration).needing(RolesNeeded::to_administer_apps())
    }
}

/// A tenant of a name of its own.
fn named(number: usize) -> MemoryTenantBuilder {
    with_exchange(
        builder().domain(format!("customer{number}.onmicrosoft.com")).display_name(format!("Customer {number}")),
    )
}

fn with_exchange(builder: MemoryTenantBuilder) -> MemoryTenantBuilder {
    let (exchange, id) = (well_known::OFFICE_365_EXCHANGE_ONLINE, PermissionId::from_u128(5));
    builder.permission(exchange, PermissionKind::Application, "Exchange.ManageAsApp", id)
}

fn send(tenant: &MemoryTenant, method: &str, path: &str, body: &Value) -> Value {
    let text = body.to_string();
    let (status, answer) = tenant.send_json(method, path, Some(text.as_str()).filter(|_| !body.is_null()));
    assert!(status.is_success(), "{method} {path}: {answer}");
    serde_json::from_str(&answer).unwrap_or_default()
}

fn scopes(tenant: &MemoryTenant, grant: &str, scopes: &str) {
    send(tenant, "PATCH", &format!("/oauth2PermissionGrants/{grant}"), &json!({ "scope": scopes }));
}

fn principal_of(tenant: &MemoryTenant, app: AppId) -> String {
    tenant.service_principals().into_iter().find(|it| it.app_id == app).unwrap().id.to_string()
}

/// What Partner Center's consent to the app that the person signs in to leaves behind.
fn consent_to_the_app_that_asks(customer: &MemoryTenant) {
    let app = entra_apps::auth::public_client::MICROSOFT_GRAPH_COMMAND_LINE_TOOLS;
    let principal = send(customer, "POST", "/servicePrincipals", &json!({ "appId": app }))["id"].clone();
    let grant = json!({
        "clientId": principal, "resourceId": principal_of(customer, MICROSOFT_GRAPH),
        "consentType": "AllPrincipals", "scope": "Directory.Read.All Application.Read.All"
    });
    send(customer, "POST", "/oauth2PermissionGrants", &grant);
}

fn codes(outcome: &CustomerOutcome) -> Vec<&str> {
    outcome.reasons.iter().map(|reason| reason.code.as_str()).collect()
}

fn by_tenant(report: &Report) -> BTreeMap<TenantId, (CustomerState, Vec<&str>)> {
    report.customers.iter().map(|it| (it.tenant_id, (it.state, codes(it)))).collect()
}

/// The only customer of a report.
fn only(report: &Report) -> &CustomerOutcome {
    assert_eq!(report.customers.len(), 1);
    &report.customers[0]
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_gap_is_found_and_named_and_none_is_invented() {
    for seed in 0..3 {
        let mut chance = fastrand::Rng::with_seed(seed);
        // Each kind once, and pairs by chance.
        let mut kinds: Vec<(Relation, Consented)> = Consented::ALL.map(|it| (Relation::Active, it)).to_vec();
        kinds.extend(Relation::ALL.map(|it| (it, chance.choice(Consented::ALL).unwrap())));
        kinds.extend((0..8).map(|_| (chance.choice(Relation::ALL).unwrap(), chance.choice(Consented::ALL).unwrap())));
        chance.shuffle(&mut kinds);
        let builders = kinds.iter().enumerate().map(|(number, (_, consented))| match consented {
            Consented::ApiMissing => named(number).without_api(well_known::OFFICE_365_EXCHANGE_ONLINE),
            _ => named(number),
        });
        let scene = Partnership::new(builders).await;
        for (at, (relation, consented)) in kinds.iter().enumerate() {
            scene.relate(at, *relation).await;
            scene.consent(at, *consented).await;
        }
        scene.settled().await;

        let report = scene.audit(&registration()).await.unwrap();
        let wanted = kinds.iter().zip(&scene.customers);
        let wanted: BTreeMap<_, _> = wanted.map(|(kinds, it)| (it.id(), expected(kinds.0, kinds.1))).collect();
        assert_eq!(by_tenant(&report), wanted, "seed {seed}\n{report}");
        assert!(report.complete && report.notes.is_empty() && !report.is_told(), "{report}");
        for outcome in &report.customers {
            assert!(outcome.reasons.iter().all(|it| !it.detail.is_empty() && !it.remedy.is_empty()), "{outcome:?}");
        }

        for ((relation, consented), customer) in kinds.iter().zip(&scene.customers) {
            let requests = customer.requests();
            let tokens = requests.iter().filter(|it| it.is_token).count();
            let is_reachable = relation.expected().1;
            let reads = usize::from(is_reachable && *consented != Consented::Unseen);
            let label = format!("seed {seed}, {relation:?}, {consented:?}: {requests:#?}");
            assert_eq!((tokens, requests.len() - tokens), (usize::from(is_reachable), reads), "{label}");
            let writes = requests.iter().flat_map(|it| &it.items).filter(|item| item.method != "GET").count();
            assert_eq!(writes, 0, "it reads only: {label}");
        }
    }
}

/// A registration of application permissions of Microsoft Graph alone, under the name of the whole one.
fn of_graph_alone() -> AppRegistration {
    AppRegistration::new("partner-sync", "Partner Sync")
        .audience(SignInAudience::MultipleOrganizations)
        .permission(application::USER_READ_ALL)
        .permission(application::GROUP_READ_ALL)
}

#[tokio::test(start_paused = true)]
async fn the_apps_own_token_tells_what_it_holds_of_microsoft_graph_and_no_more() {
    use CustomerState::{AlreadyConsented, NotReady, Unknown};

    let kinds = [Consented::Whole, Consented::RoleTaken, Consented::RoleAdded, Consented::Absent, Consented::Disabled];
    let scene = Partnership::new((0..kinds.len()).map(named)).await;
    for (at, kind) in kinds.iter().enumerate() {
        // What the app itself says needs no relationship.
        scene.relate(at, Relation::None).await;
        scene.consent(at, *kind).await;
    }
    let unseen = "delegated_permissions_unseen";
    let expected: [(CustomerState, &[&str], CustomerState, &[&str]); 5] = [
        (AlreadyConsented, &[], NotReady, &[unseen]),
        (NotReady, &["permission_added_after_consent"], NotReady, &["permission_added_after_consent", unseen]),
        (AlreadyConsented, &["surplus_permissions"], NotReady, &[unseen, "surplus_permissions"]),
        (NotReady, &["service_principal_missing"], NotReady, &["service_principal_missing"]),
        (NotReady, &["app_disabled"], NotReady, &["app_disabled"]),
    ];
    for is_graph_alone in [true, false] {
        let wanted = if is_graph_alone { of_graph_alone() } else { registration() };
        scene.quiet();
        let report = scene.audit(&wanted).with_app_credential(&scene.app()).await.unwrap();
        for ((customer, kind), (graph_state, graph, state, all)) in scene.customers.iter().zip(kinds).zip(expected) {
            let (state, found) = if is_graph_alone { (graph_state, graph) } else { (state, all) };
            let mut wanted = vec!["no_relationship"];
            wanted.extend(found);
            let outcome = report.find(customer.id()).unwrap();
            assert_eq!((outcome.state, codes(outcome)), (state, wanted), "{kind:?}, {is_graph_alone}: {outcome:?}");
            let tokens = customer.requests().iter().filter(|it| it.is_token).count();
            assert_eq!(tokens, 1, "{kind:?}");
        }
    }
    // Where there is a relationship, what nobody can see is unknown, and another who asks sees it.
    let scene = Partnership::with_good_customers(1).await;
    let report = scene.audit(&registration()).with_app_credential(&scene.app()).await.unwrap();
    assert_eq!((only(&report).state, codes(only(&report))), (Unknown, vec![unseen]));
    let both = scene.audit(&registration()).with_app_credential(&scene.app()).asking(&scene.client).await.unwrap();
    assert_eq!((only(&both).state, codes(only(&both))), (AlreadyConsented, vec![]));

    // Where the app may read the directory, it sees all by itself.
    let customer = &scene.customers[0];
    let (principal, graph) = (principal_of(customer, scene.app_id), principal_of(customer, MICROSOFT_GRAPH));
    let role = application::DIRECTORY_READ_ALL.id();
    let added = json!({"principalId": principal, "resourceId": graph, "appRoleId": role});
    send(customer, "POST", &format!("/servicePrincipals/{principal}/appRoleAssignments"), &added);
    let report = scene.audit(&registration()).with_app_credential(&scene.app()).await.unwrap();
    assert_eq!((only(&report).state, codes(only(&report))), (AlreadyConsented, vec!["surplus_permissions"]));

    // Nothing is told of an app by another one's token.
    let report = scene.audit(&registration()).with_app_credential(&scene.client).await.unwrap();
    assert_eq!(only(&report).state, Unknown);
    assert_eq!(only(&report).reasons[0].about, ["token_of_another_app"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_away_since_the_last_audit_is_not_hidden_by_a_token_of_that_time() {
    let scene = Partnership::with_good_customers(1).await;
    let app = scene.app();
    let audit = || scene.audit(&of_graph_alone()).with_app_credential(&app);
    assert_eq!(only(&audit().await.unwrap()).state, CustomerState::AlreadyConsented);
    let customer = &scene.customers[0];
    let principal = principal_of(customer, scene.app_id);
    for role in customer.app_role_assignments().iter().filter(|it| it.principal_id.to_string() == principal) {
        let path = format!("/servicePrincipals/{principal}/appRoleAssignments/{}", role.id);
        send(customer, "DELETE", &path, &Value::Null);
    }
    let report = audit().await.unwrap();
    assert_eq!((only(&report).state, codes(only(&report))), (CustomerState::NotConsented, vec!["consent_missing"]));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_gets_a_token_the_consent_is_unknown_and_why() {
    use CustomerState::{NotReady, Unknown};

    let scene = Partnership::with_good_customers(1).await;
    let customer = &scene.customers[0];
    for (code, state, reason, about) in [
        ("AADSTS65001", Unknown, "consent_unknown", "not_consented"),
        ("AADSTS90099", Unknown, "consent_unknown", "partner_not_authorized"),
        ("AADSTS700016", Unknown, "consent_unknown", "app_not_in_tenant"),
        ("AADSTS7000229", Unknown, "consent_unknown", "service_principal_missing"),
        ("AADSTS7000112", Unknown, "consent_unknown", "app_disabled"),
        ("AADSTS50105", Unknown, "consent_unknown", "user_not_assigned"),
        ("AADSTS50020", Unknown, "consent_unknown", "account_not_in_tenant"),
        ("AADSTS50076", Unknown, "consent_unknown", "mfa_required"),
        ("AADSTS53003", NotReady, "blocked_by_customer", ""),
        ("AADSTS5000224", NotReady, "tenant_blocked", ""),
    ] {
        customer.clear_faults();
        customer.fault(Fault::on("POST", "/oauth2/v2.0/token").always().refuses(400, code, "No."));
        let report = scene.audit(&registration()).await.unwrap();
        let outcome = only(&report);
        assert_eq!((outcome.state, codes(outcome)), (state, vec![reason]), "{code}: {outcome:?}");
        assert_eq!(outcome.reasons[0].about.first().map_or("", String::as_str), about, "{code}");
        assert!(!outcome.detail().unwrap().contains("missing"), "{code}: {outcome:?}");
        assert_eq!(report.is_told(), state != Unknown);
    }
    // Who gets a token and may not read.
    customer.clear_faults();
    let path = format!("/servicePrincipals(appId='{}')", scene.app_id);
    customer.fault(Fault::on("GET", &path).in_batch().always().refuses(403, "Authorization_RequestDenied", "No."));
    let report = scene.audit(&registration()).await.unwrap();
    assert_eq!((only(&report).state, &*only(&report).reasons[0].about[0]), (Unknown, "missing_permission"));
    // Who needs no role is asked for none, and the person has none there.
    customer.clear_faults();
    let scene_of_others = Partnership::new([named(0)]).await;
    scene_of_others.relate(0, Relation::OfOthers).await;
    scene_of_others.settled().await;
    let audit = scene_of_others.audit(&registration()).needing(RolesNeeded::default());
    let report = audit.await.unwrap();
    assert_eq!((only(&report).state, codes(only(&report))), (Unknown, vec!["consent_unknown"]));
    assert_eq!(only(&report).reasons[0].about, ["account_not_in_tenant"]);
    // An app of the partner's that nobody has consented to.
    customer.clear_faults();
    let client = scene.app_only();
    let audit = client.partner().audit(&registration()).app(scene.app_id, scene.partner.id());
    let report = audit.needing(RolesNeeded::to_administer_apps()).await.unwrap();
    assert_eq!((only(&report).state, codes(only(&report))), (Unknown, vec!["consent_unknown"]));
}

#[tokio::test(start_paused = true)]
async fn one_customer_that_fails_or_is_throttled_stops_no_other() {
    let scene = Partnership::with_good_customers(42).await;
    // More than are asked at once.
    for customer in &scene.customers[..40] {
        customer.fault(Fault::on("POST", "/$batch").throttled(RetryAfter::Seconds(200)));
    }
    scene.customers[40].fault(Fault::on("POST", "/$batch").always().fails(503));
    let mut run = scene.audit(&registration()).start().await.unwrap();
    assert_eq!(run.total(), 42);
    let clock = scene.partner.clock();
    let (began, mut outcomes) = (clock.monotonic(), Vec::new());
    while let Some(outcome) = run.next().await {
        let waited = clock.monotonic().saturating_sub(began);
        match scene.customers.iter().position(|it| it.id() == outcome.tenant_id).unwrap() {
            41 => assert!(waited < Duration::from_secs(100), "{waited:?}"),
            40 => assert_eq!((outcome.state, codes(&outcome)), (CustomerState::Unknown, vec!["consent_unknown"])),
            _ => {
                assert!(waited >= Duration::from_secs(200) && waited < Duration::from_secs(300), "{waited:?}");
                assert_eq!((outcome.state, outcome.reasons.len()), (CustomerState::AlreadyConsented, 0));
            }
        }
        outcomes.push(outcome);
    }
    let report = run.report(outcomes);
    assert_eq!((report.customers.len(), report.is_told(), report.complete), (42, false, true));
    assert!(report.customers.is_sorted_by_key(|customer| customer.tenant_id));
}

#[tokio::test(start_paused = true)]
async fn some_customers_are_named_or_left_out_and_strangers_are_refused() {
    let scene = Partnership::with_good_customers(3).await;
    let ids: Vec<TenantId> = scene.customers.iter().map(MemoryTenant::id).collect();
    let named = |report: &Report| report.customers.iter().map(|it| it.tenant_id).collect::<Vec<_>>();
    let report = scene.audit(&registration()).of([ids[1]]).await.unwrap();
    assert_eq!((named(&report), report.complete), (vec![ids[1]], false));
    let report = scene.audit(&registration()).except([ids[1], ids[1]]).await.unwrap();
    assert_eq!((report.customers.len(), report.find(ids[1]), report.complete), (2, None, false));
    let stranger = TenantId::from_u128(7);
    for audit in [scene.audit(&registration()).of([stranger]), scene.audit(&registration()).except([stranger])] {
        let error = audit.await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, ErrorCode::NotACustomer), "{error}");
        assert!(error.message().contains(&stranger.to_string()), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_audited_is_refused() {
    let scene = Partnership::with_good_customers(1).await;
    let single = AppRegistration::new("partner-sync", "Partner Sync");
    let error = scene.audit(&single).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::SingleTenantRegistration);
    let nameless = AppRegistration::new("partner-snyc", "Partner Sync").audience(SignInAudience::MultipleOrganizations);
    let error = scene.audit(&nameless).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("partner-snyc"), "{error}");
    scene.quiet();
    let error = scene.audit(&registration()).app(MICROSOFT_GRAPH, scene.partner.id()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MicrosoftOwnedApp);
    assert_eq!(scene.partner.requests().len(), 0, "nothing was sent");
    // A vendor's app is named by its id and its publisher's tenant: another publisher's is not taken for it.
    let vendor = TenantId::from_u128(9);
    let report = scene.audit(&registration()).app(scene.app_id, vendor).await.unwrap();
    assert_eq!((only(&report).state, codes(only(&report))), (CustomerState::NotReady, vec!["wrong_publisher"]));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_makes_a_report_incomplete_and_nobody_is_said_to_be_gone() {
    let scene = Partnership::with_good_customers(2).await;
    let whole = scene.audit(&registration()).await.unwrap();
    assert!(whole.complete && whole.is_told());
    // Whom the list of relationships does not name is known by contracts alone.
    scene.partner.fault(Fault::on("GET", "/contracts").in_batch().always().refuses(403, "accessDenied", "No."));
    let report = scene.audit(&registration()).await.unwrap();
    assert_eq!((report.complete, report.is_told(), &*report.unread[0].about[0]), (false, false, "contracts"));
    let mut fewer = report.clone();
    fewer.customers.clear();
    assert!(fewer.difference(&whole).unwrap().is_empty(), "it may be there still");
    assert!(whole.difference(&fewer).unwrap().is_empty(), "it may have been there before");
    fewer.complete = true;
    let gone = fewer.difference(&whole).unwrap();
    assert_eq!((gone.changes.len(), gone.changes[0].after), (2, None));
    assert!(gone.to_string().contains("no customer any more"), "{gone}");
}

#[tokio::test(start_paused = true)]
async fn what_changed_between_two_reports_is_told_and_nothing_else() {
    let scene = Partnership::with_good_customers(3).await;
    let before = scene.audit(&registration()).await.unwrap();
    assert!(before.difference(&before).unwrap().is_empty());
    assert_eq!(before.difference(&before).unwrap().to_string(), "Nothing has changed.\n");
    let customer = &scene.customers[1];
    let principal = principal_of(customer, scene.app_id);
    send(customer, "PATCH", &format!("/servicePrincipals/{principal}"), &json!({"accountEnabled": false}));
    let ended = scene.partner.delegated_admin_relationships();
    let ended = ended.iter().find(|it| it.customer == Some(scene.customers[2].id())).unwrap();
    scene.partner.terminate_relationship(&ended.id);
    pass(10).await;
    let saved = before.to_json();
    let after = scene.audit(&registration()).await.unwrap();
    let difference = after.difference(&Report::from_json(&saved).unwrap()).unwrap();
    let changes: BTreeMap<_, _> = difference.changes.iter().map(|it| (it.tenant_id, it)).collect();
    assert_eq!(changes.len(), 2, "{difference}");
    let disabled = changes[&customer.id()];
    assert_eq!(
        (disabled.before, disabled.after),
        (Some(CustomerState::AlreadyConsented), Some(CustomerState::NotReady))
    );
    assert_eq!((disabled.appeared[0].code.as_str(), disabled.gone.len()), ("app_disabled", 0));
    let lost = changes[&scene.customers[2].id()];
    assert_eq!((lost.appeared[0].code.as_str(), lost.appeared.len()), ("relationship_ended", 1));
    let text = difference.to_string();
    assert!(text.contains("not ready, was already consented") && text.contains("  + "), "{text}");
    // And back again.
    let back = before.difference(&after).unwrap();
    assert_eq!((back.changes.len(), back.changes[0].appeared.len(), back.changes[0].gone.len()), (2, 0, 1));

    let mut other = before.clone();
    other.app_id = AppId::from_u128(7);
    assert_eq!(after.difference(&other).unwrap_err().code(), ErrorCode::ReportsOfDifferentTargets);
}

#[tokio::test(start_paused = true)]
async fn a_report_is_printed_saved_and_read_again_and_nothing_else_is_read() {
    let evil = "Evil\r\n! All is well\u{1b}[2J";
    let scene = Partnership::new([named(0), named(1).display_name(evil)]).await;
    scene.relate(0, Relation::Active).await;
    scene.consent(0, Consented::RoleTaken).await;
    scene.relate(1, Relation::None).await;
    scene.settled().await;
    let report = scene.audit(&registration()).await.unwrap();
    let text = report.to_string();
    assert!(text.ends_with("2 customers: 1 not consented, 1 not ready.\n"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with('!')).count(), 0, "{text}");
    assert!(!text.contains('\u{1b}') && text.contains("Group.Read.All:application"), "{text}");

    let json = report.to_json();
    assert_eq!(Report::from_json(&json).unwrap(), report);
    let value: Value = serde_json::from_str(&json).unwrap();
    let customer = &value["customers"].as_array().unwrap().iter().find(|it| it["outcome"] == "not_consented").unwrap();
    assert_eq!(customer["displayName"], "Customer 0");
    assert!(customer["detail"].as_str().unwrap().contains("Group.Read.All") && customer["remedy"].is_string());
    assert!(!json.contains("eyJ"), "no token");

    let changed = |change: &dyn Fn(&mut Value)| {
        let mut value = value.clone();
        change(&mut value);
        Report::from_json(&value.to_string()).unwrap_err().code()
    };
    let unreadable = ErrorCode::UnreadableReport;
    assert_eq!(changed(&|it| it["format"] = 2.into()), ErrorCode::UnsupportedReportFormat);
    assert_eq!(changed(&|it| *it = json!([])), unreadable);
    assert_eq!(changed(&|it| it["surprise"] = 1.into()), unreadable);
    assert_eq!(changed(&|it| drop(it.as_object_mut().unwrap().remove("complete"))), unreadable);
    assert_eq!(changed(&|it| it["customers"][0]["outcome"] = "fine".into()), unreadable);
    assert_eq!(changed(&|it| it["customers"][0]["tenantId"] = "x".into()), unreadable);
    assert_eq!(changed(&|it| it["customers"][0]["surprise"] = 1.into()), unreadable);
    assert_eq!(changed(&|it| it["customers"][0]["reasons"][0]["code"] = "No code".into()), unreadable);
    assert_eq!(changed(&|it| it["customers"][0]["reasons"][0]["surprise"] = 1.into()), unreadable);
    let twice = value["customers"][0].clone();
    assert_eq!(changed(&|it| it["customers"].as_array_mut().unwrap().push(twice.clone())), unreadable);
    assert_eq!(Report::from_json("").unwrap_err().code(), unreadable);

    // What is said in a file is said on one line, whoever wrote it, and a code of a later version is kept.
    let mut value = value;
    value["customers"][0]["reasons"][0] = json!({"code": "of_tomorrow", "detail": "a\nb", "remedy": "c"});
    value["customers"][0]["displayName"] = evil.into();
    let read = Report::from_json(&value.to_string()).unwrap();
    assert!(!read.to_string().contains('\u{1b}') && read.to_string().contains("a b"), "{read}");
    assert_eq!(read.customers[0].reasons[0].code.as_str(), "of_tomorrow");
}
