//! Permissions by name and by id, of Microsoft Graph and of other APIs: what the tenant publishes counts.

use std::time::Duration;

use entra_apps::cloud::Cloud;
use entra_apps::ids::{AppId, PermissionId};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::permission::{MICROSOFT_GRAPH, Permission, PermissionKind, well_known};
use entra_apps::provision::Check;
use entra_apps::{AppRegistration, Checklist, Plan, RedirectUri};
use entra_emulator::{Api, Fault, MemoryCloud, MemoryTenant, RetryAfter};
use serde_json::json;

use crate::replication::waits::client_everywhere;
use crate::support::{builder, builder_with_own_id, counts, guides, quiet, register, tenant};

const CALLBACK: &str = "https://a.example/callback";

fn app() -> AppRegistration {
    AppRegistration::new("k", "App")
}

#[tokio::test(start_paused = true)]
async fn optional_permissions_are_neither_declared_nor_granted_unless_selected() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::immybot::registration("contoso").unwrap().select("Join AzureAD task").unwrap();
    let app_id = register(&client, &registration).await.application.unwrap().app_id;
    let declared = client.applications().get(app_id).await.unwrap().required_resource_access;
    let ids: Vec<_> = declared[0].resource_access.iter().filter_map(|access| access.id).collect();
    let wanted = application::DEVICE_MANAGEMENT_MANAGED_DEVICES_READ_WRITE_ALL.id().unwrap();
    assert!(ids.contains(&wanted) && ids.len() == 4, "{ids:?}");
    let error = guides::immybot::registration("contoso").unwrap().select("Mow the lawn").unwrap_err();
    assert_eq!(error.code().as_str(), "unknown_purpose");
    assert!(error.to_string().contains("Enroll in Autopilot"), "{error}");
}

#[test]
fn a_purpose_in_a_file_that_no_permission_has_is_refused() {
    let registration = app().optional(application::DIRECTORY_READ_ALL, "Sync task");
    for (purposes, is_known) in
        [(json!(["Sync task"]), true), (json!(["Snyc task"]), false), (json!(["sync task"]), false)]
    {
        let mut written = serde_json::to_value(&registration).unwrap();
        written["selection"] = json!({"purposes": purposes});
        let checked = serde_json::from_value::<AppRegistration>(written).unwrap().check();
        assert_eq!(checked.is_ok(), is_known, "{purposes}");
        let Err(error) = checked else { continue };
        assert!(error.code().as_str() == "unknown_purpose" && error.remedy().contains("“Sync task”"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_admin_consent_nothing_is_granted() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false).without_admin_consent();
    let app_id = register(&client, &registration).await.application.unwrap().app_id;
    assert!(client.app_role_assignments().list_held_by(app_id).all().await.unwrap().is_empty());
    assert!(!client.verify(&registration).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn an_api_that_the_tenant_lacks_is_named() {
    let tenant = tenant();
    let api = AppId::from_u128(42);
    let wanted = Permission::by_name(api, "Things.Read", PermissionKind::Application).unwrap();
    let error = tenant.client().plan(&app().permission(wanted)).await.unwrap_err();
    assert_eq!(error.code().as_str(), "api_not_in_tenant", "{error}");
    assert!(error.to_string().contains(&api.to_string()), "{error}");
}

#[tokio::test(start_paused = true)]
async fn permissions_of_another_api_are_looked_up_by_name() {
    let api = AppId::from_u128(42);
    let things = Api::new(api, "Things")
        .application_permission("Things.Read", PermissionId::from_u128(7))
        .delegated_permission("Things.Use", PermissionId::from_u128(8));
    let tenant = builder().api(things).build();
    let client = tenant.client();
    let by_name = |name, kind| Permission::by_name(api, name, kind).unwrap();
    let registration = app()
        .permission(by_name("Things.Read", PermissionKind::Application))
        .permission(Permission::by_id(api, PermissionId::from_u128(8), PermissionKind::Delegated))
        .permission(application::DIRECTORY_READ_ALL);
    let app_id = register(&client, &registration).await.application.unwrap().app_id;
    assert!(client.verify(&registration).await.unwrap().is_done());
    let grants = client.oauth2_permission_grants().list_held_by(app_id).all().await.unwrap();
    assert_eq!(grants[0].scopes().collect::<Vec<_>>(), ["Things.Use"]);

    let typo = app().permission(by_name("Things.Raed", PermissionKind::Application));
    let error = client.plan(&typo).await.unwrap_err();
    assert!(error.to_string().contains("Did you mean `Things.Read`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_permission_whose_id_differs_in_this_tenant_is_corrected_and_converges() {
    let other = PermissionId::from_u128(0xabcd);
    let tenant = builder_with_own_id("AuditLog.Read.All", other).build();
    let client = tenant.client();
    let registration = guides::patch_my_pc::registration();
    let registered = register(&client, &registration).await;
    assert_eq!(registered.corrections.len(), 1, "{:?}", registered.corrections);
    let app = client.applications().get(registered.application.unwrap().app_id).await.unwrap();
    assert_eq!(app.required_resource_access[0].resource_access.len(), 1);
    assert_eq!(app.required_resource_access[0].resource_access[0].id, Some(other));
    let plan = client.plan(&registration).await.unwrap();
    assert!(plan.is_converged(), "{plan}");
    assert!(client.verify(&registration).await.unwrap().is_done());
}

/// The lines of a checklist that are about permissions: their codes, ticked or not.
fn ticks(checklist: &Checklist) -> Vec<(String, bool)> {
    let about_permissions = |check: &&Check| check.id.to_string().starts_with("permission_");
    checklist.items.iter().filter(about_permissions).map(|check| (check.id.to_string(), check.done)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_had_in_the_tenant_is_known_before_anything_is_written_and_never_ticked() {
    let things = AppId::from_u128(42);
    let missing = Permission::by_name(things, "Things.Read", PermissionKind::Delegated).unwrap();
    let misspelt =
        Permission::by_name(well_known::OFFICE_365_EXCHANGE_ONLINE, "Mial.Read", PermissionKind::Application);
    let newer = Permission::by_id(MICROSOFT_GRAPH, PermissionId::from_u128(7), PermissionKind::Application);
    let registration = app()
        .permission(application::AUDIT_LOG_READ_ALL)
        .permission(delegated::USER_READ)
        .permission(missing)
        .permission(misspelt.unwrap())
        .permission(newer)
        .permission(delegated::AUDIT_LOG_READ_ALL);
    let tenant = builder().without_permission(MICROSOFT_GRAPH, "AuditLog.Read.All").build();
    let client = tenant.client();
    // Declared and granted as far as it goes, when the tenant could not tell yet.
    register(&client, &app().permission(delegated::USER_READ).redirect_uri(RedirectUri::spa(CALLBACK).unwrap())).await;
    let app_id = tenant.applications()[0].app_id;
    let declared = json!({"requiredResourceAccess": [{
        "resourceAppId": MICROSOFT_GRAPH,
        "resourceAccess": [
            {"id": application::AUDIT_LOG_READ_ALL.id(), "type": "Role"},
            {"id": delegated::USER_READ.id(), "type": "Scope"},
        ],
    }]});
    tenant.send_json("PATCH", &format!("/applications(appId='{app_id}')"), Some(&declared.to_string()));
    quiet(&tenant);

    let error = client.plan(&registration).await.unwrap_err();
    assert_eq!(error.code().as_str(), "permission_not_in_tenant", "{error}");
    for said in [
        "AuditLog.Read.All (application)",
        "AuditLog.Read.All (delegated)",
        "no service principal of 00000000-0000-0000-0000-00000000002a",
        "Mial.Read (application, Office 365 Exchange Online)",
        "00000000-0000-0000-0000-000000000007 (application)",
        "License or enable the service",
    ] {
        assert!(error.to_string().contains(said), "{said}: {error}");
    }
    assert_eq!(counts(&tenant).1, 0);
    let in_the_way =
        app().permission(application::AUDIT_LOG_READ_ALL).redirect_uri(RedirectUri::web(CALLBACK).unwrap());
    let error = client.plan(&in_the_way).await.unwrap_err();
    assert_eq!(error.code().as_str(), "redirect_uri_of_another_platform", "{error}");
    assert!(error.to_string().contains("AuditLog.Read.All") && error.to_string().contains(CALLBACK), "{error}");

    let checklist = client.verify(&registration).await.unwrap();
    let nameless = "00000000-0000-0000-0000-000000000007:application";
    let things = ":00000000-0000-0000-0000-00000000002a";
    let exchange = format!(":{}", well_known::OFFICE_365_EXCHANGE_ONLINE);
    let expected = [
        ("permission_declared:AuditLog.Read.All:application", false),
        ("permission_declared:User.Read:delegated", true),
        (&format!("permission_declared:Things.Read:delegated{things}"), false),
        (&format!("permission_declared:Mial.Read:application{exchange}"), false),
        (&format!("permission_declared:{nameless}"), false),
        ("permission_declared:AuditLog.Read.All:delegated", false),
        ("permission_granted:AuditLog.Read.All:application", false),
        (&format!("permission_granted:Mial.Read:application{exchange}"), false),
        (&format!("permission_granted:{nameless}"), false),
        ("permission_granted:User.Read:delegated", true),
        (&format!("permission_granted:Things.Read:delegated{things}"), false),
        ("permission_granted:AuditLog.Read.All:delegated", false),
    ];
    assert_eq!(ticks(&checklist), expected.map(|(code, done)| (code.to_owned(), done)));
    let remedies: Vec<_> = checklist.open().filter_map(|check| check.remedy.as_deref()).collect();
    assert!(remedies.iter().any(|remedy| remedy.starts_with("The tenant has no service principal of")), "{remedies:?}");
    assert!(remedies.iter().any(|remedy| remedy.contains("does not publish the permission AuditLog.Read.All")));
}

#[tokio::test(start_paused = true)]
async fn a_name_and_an_id_that_belong_to_different_permissions_are_refused_by_the_plan() {
    let [api, full, read, takeover, kind] = [
        well_known::OFFICE_365_EXCHANGE_ONLINE.to_string(),
        "dc890d15-9560-4a4c-9b7f-a736ec74ec40".to_owned(),
        "810c84a8-4a9e-49e6-bf7d-12d183f40d01".to_owned(),
        "00000000-0000-0000-0000-000000000009".to_owned(),
        "application".to_owned(),
    ];
    let exchange = Api::new(api.parse().unwrap(), "Office 365 Exchange Online")
        .application_permission("full_access_as_app", full.parse().unwrap())
        .application_permission("Mail.Read", read.parse().unwrap());
    let tenant = builder()
        .api(exchange)
        .permission(MICROSOFT_GRAPH, PermissionKind::Application, "Takeover.All", takeover.parse().unwrap())
        .build();
    let client = tenant.client();
    for (api, name, id) in [
        (api.clone(), "Mail.Read", &full),
        (api.clone(), "mail.read", &full),
        (api.clone(), "full_access_as_app", &read),
        (api.clone(), "Mail.Read", &takeover),
        (MICROSOFT_GRAPH.to_string(), "Directory.Read.AlI", &takeover),
        (MICROSOFT_GRAPH.to_string(), "Takeover.A11", &takeover),
    ] {
        let written = json!({"api": api, "kind": kind, "name": name, "id": id});
        let permission: Permission = serde_json::from_value(written).unwrap();
        let error = client.plan(&app().permission(permission.clone())).await.unwrap_err();
        assert_eq!(error.code().as_str(), "permission_mismatch", "{error}");
        let checklist = client.verify(&app().permission(permission)).await.unwrap();
        assert!(ticks(&checklist).iter().all(|(_, done)| !done), "{checklist}");
    }
    let agreeing = json!({"api": api, "kind": kind, "name": "Mail.Read", "id": read});
    let registration = app().permission(serde_json::from_value(agreeing).unwrap());
    client.apply(&client.plan(&registration).await.unwrap()).await.unwrap();
    assert!(client.verify(&registration).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn a_permission_is_reviewed_however_it_is_named_and_what_cannot_be_judged_too() {
    let exchange = well_known::OFFICE_365_EXCHANGE_ONLINE;
    let (full, read) = ("dc890d15-9560-4a4c-9b7f-a736ec74ec40".parse().unwrap(), PermissionId::from_u128(3));
    let (things, newer) = (AppId::from_u128(42), PermissionId::from_u128(9));
    let by_id = |api, id| Permission::by_id(api, id, PermissionKind::Application);
    let by_name = |api, name| Permission::by_name(api, name, PermissionKind::Application).unwrap();
    let tenant = || {
        builder()
            .api(
                Api::new(exchange, "Office 365 Exchange Online")
                    .application_permission("full_access_as_app", full)
                    .application_permission("Exchange.ManageAsApp", PermissionId::from_u128(5))
                    .application_permission("Mail.Read", read),
            )
            .api(Api::new(things, "Things").application_permission("Things.Read", PermissionId::from_u128(7)))
            .permission(MICROSOFT_GRAPH, PermissionKind::Application, "Newer.All", newer)
            .build()
    };
    let open = "open every mailbox";
    let unjudged = "cannot be judged";
    for (permission, shown, reason) in [
        (by_name(exchange, "full_access_as_app"), "full_access_as_app (application, Office 365 Exchange Online)", open),
        (by_id(exchange, full), "full_access_as_app (application, Office 365 Exchange Online)", open),
        // An id of its own in this tenant: the name that the tenant publishes tells.
        (
            by_id(exchange, PermissionId::from_u128(5)),
            "Exchange.ManageAsApp (application, Office 365 Exchange Online)",
            "manage Exchange",
        ),
        (by_name(things, "Things.Read"), "Things.Read (application, 00000000-0000-0000-0000-00000000002a)", unjudged),
        (by_id(MICROSOFT_GRAPH, newer), "Newer.All (application)", unjudged),
    ] {
        let client = tenant().client();
        let registration = app().permission(permission.clone());
        let plan = client.plan(&registration).await.unwrap();
        assert!(plan.to_string().contains(&format!("  ! {shown}: ")), "{plan}");
        assert!(plan.changes().any(|change| change.needs_review.as_deref().is_some_and(|it| it.contains(reason))));
        assert_eq!(plan.needs_approval(), [&permission]);
        let saved = Plan::from_json(&plan.to_json()).unwrap();
        assert_eq!((saved.needs_approval(), &saved), (plan.needs_approval(), &plan));
        let error = client.apply(&plan).await.unwrap_err();
        assert_eq!(error.error().code().as_str(), "needs_approval", "{error}");
        assert!(error.to_string().contains(shown) && error.to_string().contains(reason), "{error}");
        client.apply(&plan).approve(shown).await.unwrap();
        assert!(client.plan(&registration).await.unwrap().needs_approval().is_empty());
    }
    // Of an API that is judged, what is not listed needs none.
    let client = tenant().client();
    let plan = client.plan(&app().permission(by_id(exchange, read))).await.unwrap();
    assert!(plan.needs_approval().is_empty() && plan.to_string().contains("Mail.Read (application"), "{plan}");
    client.apply(&plan).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_kind_is_approved_by_the_permission_itself() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = app().permission(application::GROUP_READ_WRITE_ALL).permission(delegated::GROUP_READ_WRITE_ALL);
    let plan = client.plan(&registration).await.unwrap();
    let error = client.apply(&plan).approve(delegated::GROUP_READ_WRITE_ALL).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("Group.ReadWrite.All (application)") && !said.contains("Group.ReadWrite.All (delegated)"),
        "{said}"
    );
    let mut apply = client.apply(&plan);
    for permission in plan.needs_approval() {
        apply = apply.approve(permission);
    }
    apply.await.unwrap();
}

/// Most APIs have a `user_impersonation`, and an API gives its permissions what ids it likes.
#[tokio::test(start_paused = true)]
async fn what_is_approved_of_one_api_is_not_approved_of_another() {
    let kind = PermissionKind::Delegated;
    let (azure, things) = (well_known::AZURE_SERVICE_MANAGEMENT, AppId::from_u128(42));
    let impersonation = "41094075-9dad-400e-a0bd-54e686782033".parse().unwrap();
    let groups = delegated::GROUP_READ_WRITE_ALL;
    let client = builder()
        .api(Api::new(azure, "Azure").delegated_permission("user_impersonation", impersonation))
        .api(
            Api::new(things, "Things")
                .delegated_permission("user_impersonation", PermissionId::from_u128(8))
                .delegated_permission("Group.ReadWrite.All", groups.id().unwrap()),
        )
        .build()
        .client();
    let of = |api, name| Permission::by_name(api, name, kind).unwrap();
    let own = of(things, "user_impersonation");
    for (wanted, approved) in [
        (of(azure, "user_impersonation"), "user_impersonation".to_owned()),
        (of(azure, "user_impersonation"), own.to_string()),
        (of(things, "Group.ReadWrite.All"), "Group.ReadWrite.All".to_owned()),
        (of(things, "Group.ReadWrite.All"), groups.to_string()),
        (of(things, "Group.ReadWrite.All"), groups.id().unwrap().to_string()),
    ] {
        let plan = client.plan(&app().permission(wanted.clone())).await.unwrap();
        let error = client.apply(&plan).approve(&approved).await.unwrap_err();
        assert_eq!(error.error().code().as_str(), "needs_approval", "{approved}: {error}");
        assert!(error.to_string().contains(&wanted.to_string()), "{approved}: {error}");
    }
    let plan = client.plan(&app().permission(own.clone())).await.unwrap();
    client.apply(&plan).approve(own).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_granted_scope_in_other_capitals_is_that_scope() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = app().permission(delegated::USER_READ);
    let app_id = register(&client, &registration).await.application.unwrap().app_id;
    tokio::time::advance(Duration::from_secs(3600)).await;
    let grants = || async { client.oauth2_permission_grants().list_held_by(app_id).all().await.unwrap() };
    let grant = grants().await.remove(0).id.unwrap();
    tenant.send_json("PATCH", &format!("/oauth2PermissionGrants/{grant}"), Some(r#"{"scope":"user.read"}"#));
    for registration in [registration.clone(), registration.clone().remove_surplus()] {
        let plan = client.plan(&registration).await.unwrap();
        assert!(plan.is_converged() && plan.surplus().next().is_none(), "{plan}");
        assert!(client.verify(&registration).await.unwrap().is_done());
    }
    register(&client, &registration.permission(delegated::MAIL_READ)).await;
    assert_eq!(grants().await[0].scopes().collect::<Vec<_>>(), ["Mail.Read", "user.read"]);
}

#[tokio::test(start_paused = true)]
async fn what_microsoft_graph_publishes_is_read_once_for_a_while() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::patch_my_pc::registration();
    let lists = || {
        let requests = tenant.requests();
        let items: Vec<_> = requests.iter().flat_map(|request| &request.items).collect();
        items.iter().filter(|item| item.url.contains("appRoles") || item.url.contains("oauth2PermissionScopes")).count()
    };
    register(&client, &registration).await;
    assert_eq!(lists(), 1, "application permissions alone are wanted");
    assert!(client.plan(&registration).await.unwrap().is_converged());
    assert_eq!(lists(), 1);
    client.plan(&app().permission(delegated::USER_READ)).await.unwrap();
    assert_eq!(lists(), 2, "what was not found yet is looked up");
    // What is remembered when the reads are sent may be too old when they are answered.
    tokio::time::advance(Duration::from_secs(590)).await;
    tenant.fault(Fault::on("POST", "/$batch").throttled(RetryAfter::Seconds(30)));
    assert!(client.plan(&registration).await.unwrap().is_converged());
    assert_eq!(lists(), 2);
    client.plan(&registration).await.unwrap();
    assert_eq!(lists(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_one_tenant_publishes_is_not_believed_of_another() {
    let other_id = PermissionId::from_u128(0xabcd);
    let cloud = MemoryCloud::new([
        builder(),
        builder().without_permission(MICROSOFT_GRAPH, "AuditLog.Read.All"),
        builder_with_own_id("AuditLog.Read.All", other_id),
    ]);
    let [has, lacks, differs] = cloud.tenants() else { unreachable!("they are three") };
    let client = client_everywhere(&cloud, has);
    let registration = app().permission(application::AUDIT_LOG_READ_ALL);
    // Twice: the second time, all that was seen is remembered.
    for _ in 0..2 {
        assert!(client.plan(&registration).await.is_ok());
        let error = client.for_tenant(lacks.id()).plan(&registration).await.unwrap_err();
        assert_eq!(error.code().as_str(), "permission_not_in_tenant", "{error}");
        let plan = client.for_tenant(differs.id()).plan(&registration).await.unwrap();
        assert!(serde_json::to_string(&plan).unwrap().contains(&other_id.to_string()), "{plan}");
    }
    // A client of another cloud has a memory of its own.
    let reads = |tenant: &MemoryTenant| {
        let requests = tenant.requests();
        requests.iter().flat_map(|request| &request.items).filter(|item| item.url.contains("appRoles")).count()
    };
    let tenant = tenant();
    for cloud in [Cloud::global(), Cloud::us_government()] {
        let before = reads(&tenant);
        let client = tenant.client_builder().cloud(cloud).build().unwrap();
        client.plan(&registration).await.unwrap();
        client.plan(&registration).await.unwrap();
        assert_eq!(reads(&tenant), before + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_permission_by_id_and_by_name_is_refused() {
    let api = AppId::from_u128(42);
    let things = Api::new(api, "Things").delegated_permission("Things.Use", PermissionId::from_u128(8));
    let client = builder().api(things).build().client();
    let registration = app()
        .permission(Permission::by_name(api, "Things.Use", PermissionKind::Delegated).unwrap())
        .permission(Permission::by_id(api, PermissionId::from_u128(8), PermissionKind::Delegated));
    assert_eq!(client.plan(&registration).await.unwrap_err().code().as_str(), "permission_twice");
}
