//! What a registration wants of its own tenant alone, and what it wants where the API is there.

use entra_apps::consent::ReportedConsent;
use entra_apps::ids::PermissionId;
use entra_apps::partner::RolesNeeded;
use entra_apps::permission::{MICROSOFT_GRAPH, Permission, PermissionKind, well_known};
use entra_apps::provision::{Action, Notice, StepKind};
use entra_emulator::{Api, MemoryTenantBuilder};

use super::*;

const THINGS: AppId = AppId::from_u128(42);
const READ: PermissionId = PermissionId::from_u128(7);
const USE: PermissionId = PermissionId::from_u128(8);

fn things() -> Api {
    Api::new(THINGS, "Things").application_permission("Things.Read", READ).delegated_permission("Things.Use", USE)
}

/// A tenant that could have the API, and does not.
fn without_things() -> MemoryTenantBuilder {
    builder().api(things()).without_api(THINGS)
}

fn by_name(name: &str, kind: PermissionKind) -> Permission {
    Permission::by_name(THINGS, name, kind).unwrap()
}

fn bare() -> AppRegistration {
    AppRegistration::new("vendor-backup", "Vendor Backup")
        .audience(SignInAudience::MultipleOrganizations)
        .redirect_uri(RedirectUri::web("https://backup.example/callback").unwrap())
        .credential(ClientSecret::new("Main"))
}

/// With a group of both kinds of permissions, and one of Microsoft Graph among them.
fn with_group() -> AppRegistration {
    bare().permission(application::USER_READ_ALL).permission(delegated::USER_READ).where_available(
        "Thing service",
        [
            by_name("Things.Read", PermissionKind::Application),
            by_name("Things.Use", PermissionKind::Delegated),
            application::GROUP_READ_ALL,
        ],
    )
}

/// A registration with a permission for the own tenant, of each kind.
fn with_own() -> AppRegistration {
    bare()
        .permission(application::USER_READ_ALL)
        .own_tenant_permission(application::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY)
        .own_tenant_permission(delegated::DELEGATED_ADMIN_RELATIONSHIP_READ_ALL)
}

/// A vendor's tenant in which the app is registered, and a customer's.
struct Pair {
    vendor: MemoryTenant,
    customer: MemoryTenant,
    at_vendor: Client,
    client: Client,
    app_id: AppId,
}

impl Pair {
    async fn new(vendor: MemoryTenantBuilder, customer: MemoryTenantBuilder, registration: &AppRegistration) -> Self {
        let cloud = MemoryCloud::new([vendor, customer]);
        let [vendor, customer] = [0, 1].map(|index| cloud.tenants()[index].clone());
        let (at_vendor, client) = (cloud.client(&vendor), cloud.client(&customer));
        let app_id = register(&at_vendor, registration).await.application.unwrap().app_id;
        Self { vendor, customer, at_vendor, client, app_id }
    }

    fn held(&self, tenant: &MemoryTenant) -> BTreeSet<String> {
        let mut principals = tenant.service_principals().into_iter();
        held(tenant, principals.find(|it| it.app_id == self.app_id).map(|it| it.id))
    }

    fn installation<'a>(&self, registration: &'a AppRegistration) -> entra_apps::provision::Installation<'a> {
        self.client.install(self.app_id, self.vendor.id(), registration)
    }

    async fn install(&self, registration: &AppRegistration) -> entra_apps::Registered {
        let plan = self.installation(registration).plan().await.unwrap();
        self.client.apply(&plan).approve_all().await.unwrap()
    }

    /// The ids of all that the app declares.
    async fn declared(&self) -> BTreeSet<PermissionId> {
        let app = self.at_vendor.applications().get(self.app_id).await.unwrap();
        app.required_resource_access.iter().flat_map(|api| &api.resource_access).filter_map(|it| it.id).collect()
    }
}

/// The API comes to a tenant.
fn make_things(tenant: &MemoryTenant) {
    let body = json!({ "appId": THINGS }).to_string();
    let (status, body) = tenant.send_json("POST", "/servicePrincipals", Some(&body));
    assert_eq!(status, 201, "{body}");
}

fn codes(notices: &[Notice]) -> Vec<(ErrorCode, Vec<&str>)> {
    notices.iter().map(|it| (it.code, it.about.iter().map(String::as_str).collect())).collect()
}

fn ids(permissions: &[Permission]) -> BTreeSet<PermissionId> {
    permissions.iter().filter_map(Permission::id).collect()
}

#[tokio::test(start_paused = true)]
async fn a_permission_for_the_own_tenant_is_granted_there_and_neither_declared_nor_wanted_elsewhere() {
    let wanted = with_own();
    let tenant = builder().build();
    let client = tenant.client();
    let plan = client.plan(&wanted).await.unwrap();
    let steps: Vec<_> = plan.changes().map(|change| change.id.to_string()).filter(|it| it.contains("Role")).collect();
    assert_eq!(steps, ["permission_granted:RoleManagement.ReadWrite.Directory:application"], "{plan}");
    assert!(plan.to_string().contains("for no other: it is not declared"), "{plan}");
    // It counts for approvals, and for what the caller needs.
    assert_eq!(plan.needs_approval(), [&application::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY]);
    assert_eq!(client.apply(&plan).await.unwrap_err().error().code(), ErrorCode::NeedsApproval);
    let preflight = client.preflight(&wanted).await.unwrap();
    assert!(preflight.to_string().contains("Grant RoleManagement.ReadWrite.Directory"), "{preflight}");

    let pair = Pair::new(builder(), builder(), &wanted).await;
    assert_eq!(pair.declared().await, ids(&[application::USER_READ_ALL]));
    let role = application::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY.id().unwrap();
    let at_home = pair.held(&pair.vendor);
    let all = [
        format!("role {}", application::USER_READ_ALL.id().unwrap()),
        format!("role {role}"),
        "DelegatedAdminRelationship.Read.All for all".to_owned(),
    ];
    assert_eq!(at_home, BTreeSet::from(all));
    // It is no surplus, for whoever removes what is.
    let exact = with_own().remove_surplus();
    let plan = pair.at_vendor.plan(&exact).await.unwrap();
    assert!(plan.is_converged() && plan.surplus().count() == 0, "{plan}");
    let checklist = pair.at_vendor.verify(&exact).await.unwrap();
    assert!(checklist.is_done() && checklist.open().count() == 0, "{checklist}");

    // In the customer's tenant nobody asks for it: no approval, no grant, no open step.
    assert_eq!(
        RolesNeeded::to_register(&bare().own_tenant_permission(application::USER_READ_ALL)),
        RolesNeeded::to_administer_apps()
    );
    quiet(&pair.customer);
    let installation = pair.installation(&wanted);
    let plan = installation.plan().await.unwrap();
    assert!(plan.needs_approval().is_empty() && !plan.to_string().contains("RoleManagement"), "{plan}");
    pair.client.apply(&plan).await.unwrap();
    assert_eq!(pair.held(&pair.customer).len(), 1);
    let checklist = installation.verify().await.unwrap();
    assert!(checklist.is_done() && !checklist.to_string().contains("RoleManagement"), "{checklist}");
    let preflight = installation.preflight().await.unwrap();
    assert!(!preflight.to_string().contains("RoleManagement"), "{preflight}");
    let reported = ReportedConsent::new(pair.app_id, pair.customer.id());
    let check = pair.client.check_consent(&reported, &wanted).await.unwrap();
    assert!(check.is_complete() && check.granted == [application::USER_READ_ALL], "{check:?}");

    // Where somebody granted it all the same, it is surplus there.
    let graph = pair.customer.service_principals().into_iter().find(|it| it.app_id == MICROSOFT_GRAPH).unwrap().id;
    let principal = pair.customer.service_principals().into_iter().find(|it| it.app_id == pair.app_id).unwrap().id;
    let body = json!({"principalId": principal, "resourceId": graph, "appRoleId": role}).to_string();
    let path = format!("/servicePrincipals/{principal}/appRoleAssignments");
    assert_eq!(pair.customer.send_json("POST", &path, Some(&body)).0, 201);
    let plan = pair.installation(&exact).plan().await.unwrap();
    assert_eq!(plan.changes().map(|it| it.action).collect::<Vec<_>>(), [Action::Remove], "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_declaration_of_what_is_for_the_own_tenant_is_surplus_and_its_grant_stays() {
    let before = bare().permission(application::USER_READ_ALL).permission(application::GROUP_READ_ALL);
    let pair = Pair::new(builder(), builder(), &before).await;
    let now = bare().permission(application::USER_READ_ALL).own_tenant_permission(application::GROUP_READ_ALL);
    let plan = pair.at_vendor.plan(&now).await.unwrap();
    let surplus: Vec<_> = plan.surplus().map(|it| (it.id.to_string(), it.action)).collect();
    assert_eq!(surplus, [("surplus_declaration:Group.Read.All:application".to_owned(), Action::LeftAlone)], "{plan}");
    assert!(plan.to_string().contains("which customers are asked for"), "{plan}");
    register(&pair.at_vendor, &now.remove_surplus()).await;
    assert_eq!(pair.declared().await, ids(&[application::USER_READ_ALL]));
    assert_eq!(pair.held(&pair.vendor).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_grant_what_is_for_the_own_tenant_is_given_no_link_that_would_not_grant_it() {
    let tenant = builder().build();
    let client = tenant.client_of(&tenant.add_caller(&["Application.ReadWrite.All", "Directory.Read.All"]));
    let wanted = bare()
        .permission(application::USER_READ_ALL)
        .own_tenant_permission(delegated::DELEGATED_ADMIN_RELATIONSHIP_READ_ALL);
    let error = client.apply(&client.plan(&wanted).await.unwrap()).await.unwrap_err();
    let open = error.report().open.iter().filter(|it| it.code == ErrorCode::AdminConsentMissing);
    let open: Vec<_> = open.map(|it| (it.link.is_some(), it.text.contains("DelegatedAdminRelationship"))).collect();
    assert_eq!(open, [(false, true), (true, false)], "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_group_is_left_out_where_an_api_is_missing_and_granted_once_it_is_there() {
    let wanted = with_group();
    let pair = Pair::new(builder().api(things()), without_things(), &wanted).await;
    // At home the API is there: declared and granted.
    assert_eq!(pair.held(&pair.vendor).len(), 5);
    assert_eq!(pair.declared().await.len(), 5);
    assert!(pair.at_vendor.plan(&wanted).await.unwrap().is_converged());

    let installation = pair.installation(&wanted);
    let plan = installation.plan().await.unwrap();
    let expected = [(ErrorCode::ApiNotInTenant, vec!["00000000-0000-0000-0000-00000000002a"])];
    assert_eq!(codes(&plan.notices()), expected, "{plan}");
    assert_eq!(plan.notices()[0].permissions.len(), 3, "the whole group is left out, with what is of another API");
    let told: Vec<_> = plan.steps().iter().filter(|it| it.action == Action::Notice).collect();
    assert_eq!(told[0].id.to_string(), "api_not_in_tenant:Thing service");
    assert_eq!((told.len(), told[0].id.kind()), (1, StepKind::API_NOT_IN_TENANT));
    assert!(plan.to_string().contains("“Thing service” is left out"), "{plan}");
    assert!(plan.needs_approval().is_empty(), "nothing of it is given: {plan}");
    let saved = entra_apps::Plan::from_json(&plan.to_json()).unwrap();
    assert_eq!((saved.notices(), saved == plan), (plan.notices(), true));

    // Everything else converges, whoever approves what is left out besides.
    let report = pair.client.apply(&plan).await.unwrap();
    assert_eq!((report.notices.clone(), report.open.len()), (plan.notices(), 0));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["notices"][0]["code"], "api_not_in_tenant");
    assert_eq!(pair.held(&pair.customer).len(), 2);
    let checklist = installation.verify().await.unwrap();
    assert!(checklist.is_done() && checklist.open().count() == 0, "{checklist}");
    assert_eq!(codes(&checklist.notices), expected, "{checklist}");
    assert!(checklist.to_string().contains("[i] “Thing service” is left out"), "{checklist}");
    quiet(&pair.customer);
    let plan = installation.plan().await.unwrap();
    assert!(plan.is_converged() && pair.client.apply(&plan).approve("Group.Read.All").await.unwrap().done.is_empty());
    assert_eq!(counts(&pair.customer).1, 0, "a second run writes nothing");

    // The consent is complete without it, by what the directory says and by the app's own token.
    let reported = ReportedConsent::new(pair.app_id, pair.customer.id());
    let check = pair.client.check_consent(&reported, &wanted).await.unwrap();
    assert!(check.is_complete() && check.skipped.len() == 3 && check.granted.len() == 2, "{check:?}");
    assert_eq!(serde_json::to_value(&check).unwrap()["skipped"].as_array().unwrap().len(), 3);

    // The API comes: the next plan grants it, with an approval of what is new.
    make_things(&pair.customer);
    let error = pair.client.apply(&saved).await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::PlanOutdated, "what was saved has not seen it");
    let plan = installation.plan().await.unwrap();
    assert_eq!((plan.changes().count(), plan.notices().len()), (3, 0), "{plan}");
    assert!(!plan.needs_approval().is_empty());
    pair.client.apply(&plan).approve_all().await.unwrap();
    assert_eq!(pair.held(&pair.customer), pair.held(&pair.vendor));
    assert!(installation.verify().await.unwrap().is_done() && installation.plan().await.unwrap().is_converged());
    let check = pair.client.check_consent(&reported, &wanted).await.unwrap();
    assert!(check.is_complete() && check.skipped.is_empty() && check.granted.len() == 5, "{check:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_out_is_no_surplus_and_is_taken_away_with_the_rest() {
    let wanted = with_group();
    let pair = Pair::new(builder().api(things()), builder().api(things()), &wanted).await;
    pair.install(&wanted).await;
    let things = pair.customer.service_principals().into_iter().find(|it| it.app_id == THINGS).unwrap().id;
    let (status, body) = pair.customer.send_json("DELETE", &format!("/servicePrincipals/{things}"), None);
    assert!(status.is_success(), "{body}");
    // Of the group, the permission of Microsoft Graph is still granted.
    let exact = with_group().remove_surplus();
    let role = format!("role {}", application::GROUP_READ_ALL.id().unwrap());
    let plan = pair.installation(&exact).plan().await.unwrap();
    assert_eq!(plan.notices().len(), 1, "{plan}");
    assert!(plan.changes().all(|it| !it.id.to_string().contains("Group.Read.All")), "{plan}");
    pair.client.apply(&plan).await.unwrap();
    assert!(pair.held(&pair.customer).contains(&role));
    let plan = pair.installation(&wanted).plan_removal().await.unwrap();
    assert!(plan.notices().is_empty(), "{plan}");
    pair.client.apply(&plan).await.unwrap();
    assert!(!pair.held(&pair.customer).contains(&role), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn where_the_own_tenant_lacks_the_api_what_has_an_id_is_declared_all_the_same() {
    let by_id = |id, kind| Permission::by_id(THINGS, id, kind);
    let (read, scope) = (by_id(READ, PermissionKind::Application), by_id(USE, PermissionKind::Delegated));
    let with_ids = bare().permission(application::USER_READ_ALL).where_available("Thing service", [read, scope]);
    let pair = Pair::new(without_things(), builder().api(things()), &with_ids).await;
    assert_eq!(pair.declared().await, BTreeSet::from([application::USER_READ_ALL.id().unwrap(), READ, USE]));
    assert_eq!(pair.held(&pair.vendor).len(), 1);
    let plan = pair.at_vendor.plan(&with_ids).await.unwrap();
    assert!(plan.is_converged() && plan.notices().len() == 1 && plan.surplus().count() == 0, "{plan}");
    assert!(pair.at_vendor.verify(&with_ids).await.unwrap().is_done());
    pair.install(&with_ids).await;
    assert_eq!(pair.held(&pair.customer).len(), 3);

    // By its name alone it is not declared, and said not to be; what is declared from before stays.
    let named = with_group().remove_surplus();
    let plan = pair.at_vendor.plan(&named).await.unwrap();
    assert!(plan.to_string().contains("Things.Read") && plan.to_string().contains("is not declared: its id"), "{plan}");
    assert_eq!(plan.surplus().count(), 0, "{plan}");
    register(&pair.at_vendor, &named).await;
    assert!(pair.declared().await.is_superset(&BTreeSet::from([READ, USE])));
    let checklist = pair.at_vendor.verify(&named).await.unwrap();
    assert!(checklist.is_done() && checklist.open().count() == 2, "{checklist}");
    // Once the API is there, everything is as it is for any other.
    make_things(&pair.vendor);
    register(&pair.at_vendor, &named).await;
    assert_eq!(pair.held(&pair.vendor).len(), 5);
    let checklist = pair.at_vendor.verify(&named).await.unwrap();
    assert!(checklist.is_done() && checklist.open().count() == 0 && checklist.notices.is_empty(), "{checklist}");
}

#[tokio::test(start_paused = true)]
async fn a_declaration_of_an_api_that_is_missing_needs_its_approval() {
    let read = Permission::by_id(THINGS, READ, PermissionKind::Application);
    let wanted = bare().where_available("Thing service", [read]);
    let client = without_things().build().client();
    let plan = client.plan(&wanted).await.unwrap();
    assert_eq!(plan.needs_approval().len(), 1, "nobody can judge it: {plan}");
    assert_eq!(client.apply(&plan).await.unwrap_err().error().code(), ErrorCode::NeedsApproval);
}

#[tokio::test(start_paused = true)]
async fn a_misspelt_permission_of_a_group_is_refused_where_the_api_is_there() {
    let wanted = bare().where_available("Thing service", [by_name("Things.Raed", PermissionKind::Application)]);
    let error = builder().api(things()).build().client().plan(&wanted).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownPermission, "{error}");
    // An API that the app cannot do without is in the way, whatever a group can do without.
    let both = with_group().permission(by_name("Things.Other", PermissionKind::Application));
    let error = without_things().build().client().plan(&both).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ApiNotInTenant, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_and_a_consent_by_token_do_not_wait_for_what_is_left_out() {
    let wanted = with_group();
    let cloud = MemoryCloud::new([without_things(), without_things()]);
    let [vendor, customer] = [0, 1].map(|index| &cloud.tenants()[index]);
    let at_vendor = cloud.client(vendor);
    let registered = register(&at_vendor, &wanted).await;
    let secret = &registered.secrets[0];
    assert_eq!(registered.notices.len(), 1);
    at_vendor.wait_until_usable(secret, &wanted).times(1).await.unwrap();
    let app_id = registered.application.as_ref().unwrap().app_id;
    let client = cloud.client(customer);
    let plan = client.install(app_id, vendor.id(), &wanted).plan().await.unwrap();
    client.apply(&plan).await.unwrap();
    let own = customer.client_builder().transport(std::sync::Arc::new(cloud.clone()));
    let own = own.client_secret(app_id, secret.value.clone()).build().unwrap();
    let reported = ReportedConsent::new(app_id, customer.id());
    let check = own.check_consent_by_token(&reported, &wanted).await.unwrap();
    assert!(check.is_complete() && check.skipped.len() == 3, "{check:?}");
    assert_eq!((check.granted, check.unseen), (vec![application::USER_READ_ALL], vec![delegated::USER_READ]));
    let diagnosis = at_vendor.diagnose(customer.domain(), app_id.to_string(), secret.value.clone(), &wanted).await;
    assert!(diagnosis.is_good(), "{diagnosis}");
}

#[tokio::test(start_paused = true)]
async fn a_licence_that_nobody_has_looked_for_is_said_and_undoes_nothing() {
    let wanted = bare()
        .permission(application::USER_READ_ALL)
        .permission(application::DEVICE_MANAGEMENT_MANAGED_DEVICES_READ_ALL)
        .permission(application::DEVICE_MANAGEMENT_CONFIGURATION_READ_ALL)
        .permission(application::IDENTITY_RISKY_USER_READ_ALL);
    let pair = Pair::new(builder(), builder(), &wanted).await;
    let report = pair.install(&wanted).await;
    let expected = [
        (ErrorCode::LicenceNotChecked, vec!["Microsoft Intune"]),
        (ErrorCode::LicenceNotChecked, vec!["Microsoft Entra ID P2"]),
    ];
    assert_eq!(codes(&report.notices), expected);
    assert_eq!(report.notices[0].permissions.len(), 2);
    assert_eq!(pair.held(&pair.customer).len(), 4, "granted all the same");
    let installation = pair.installation(&wanted);
    let plan = installation.plan().await.unwrap();
    assert!(plan.is_converged() && codes(&plan.notices()) == expected, "{plan}");
    assert!(plan.to_string().contains("Microsoft Intune, which DeviceManagement"), "{plan}");
    let checklist = installation.verify().await.unwrap();
    assert!(checklist.is_done() && checklist.open().count() == 0, "{checklist}");
    assert_eq!(codes(&checklist.notices), expected);
    // Nothing is said of it to whoever registers the app.
    assert!(pair.at_vendor.plan(&wanted).await.unwrap().notices().is_empty());
}

#[test]
fn what_a_registration_says_of_its_permissions_is_written_and_read_again() {
    let exchange = Permission::by_name(
        well_known::OFFICE_365_EXCHANGE_ONLINE,
        "Exchange.ManageAsApp",
        PermissionKind::Application,
    );
    let wanted = with_own().where_available("Exchange Online", [exchange.unwrap()]);
    let json = serde_json::to_value(&wanted).unwrap();
    assert_eq!(serde_json::from_value::<AppRegistration>(json.clone()).unwrap(), wanted);
    assert_eq!(json["permissions"][1]["ownTenant"], true);
    assert_eq!(json["permissions"][3]["whereAvailable"], "Exchange Online");
    // What says neither is written as ever.
    let members: Vec<_> = json["permissions"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["permission", "purposes"]);
    let twice = with_own().permission(application::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY).check().unwrap_err();
    assert_eq!(twice.code(), ErrorCode::PermissionTwice);
    let nameless = bare().where_available(" ", [application::USER_READ_ALL]).check().unwrap_err();
    assert_eq!(nameless.code(), ErrorCode::EmptyPermissionGroup);
}
