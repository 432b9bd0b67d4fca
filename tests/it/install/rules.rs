//! What is refused, and what is only reported.

use entra_apps::ids::{ServicePrincipalId, TenantId};
use entra_apps::permission::MICROSOFT_GRAPH;
use entra_apps::permission::microsoft_graph::application;
use entra_apps::{AppRegistration, Client, ErrorCode, ErrorKind, SignInAudience};
use entra_emulator::MemoryCloud;
use serde_json::json;

use super::{AppId, Scene, registration};
use crate::support::{builder, counts, quiet, register};

const MICROSOFT: &str = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";

async fn refused(client: &Client, app_id: AppId, publisher: TenantId, registration: &AppRegistration) -> ErrorCode {
    client.install(app_id, publisher, registration).plan().await.unwrap_err().code()
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_installed_is_refused_before_anything_is_sent() {
    let scene = Scene::new().await;
    quiet(&scene.customer);
    let wanted = registration();
    let microsoft: TenantId = MICROSOFT.parse().unwrap();
    let client = &scene.client;
    assert_eq!(refused(client, scene.app_id, microsoft, &wanted).await, ErrorCode::MicrosoftOwnedApp);
    let corporate: TenantId = "72f988bf-86f1-41af-91ab-2d7cd011db47".parse().unwrap();
    assert_eq!(refused(client, scene.app_id, corporate, &wanted).await, ErrorCode::MicrosoftOwnedApp);
    assert_eq!(refused(client, MICROSOFT_GRAPH, scene.publisher(), &wanted).await, ErrorCode::MicrosoftOwnedApp);
    for audience in [SignInAudience::SingleOrganization, SignInAudience::PersonalAccounts] {
        let single = registration().audience(audience);
        let code = refused(client, scene.app_id, scene.publisher(), &single).await;
        assert_eq!(code, ErrorCode::SingleTenantRegistration);
        let error = client.install(scene.app_id, scene.publisher(), &single).verify().await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::SingleTenantRegistration);
    }
    assert_eq!(scene.customer.requests().len(), 0);
    assert_eq!(refused(client, scene.app_id, scene.customer.id(), &wanted).await, ErrorCode::WrongPublisher);
    assert_eq!(counts(&scene.customer).1, 0);
}

#[tokio::test(start_paused = true)]
async fn a_service_principal_of_microsofts_is_refused_by_its_object_id_too() {
    let scene = Scene::new().await;
    let graph = scene.customer.service_principals().into_iter().find(|it| it.app_id == MICROSOFT_GRAPH).unwrap().id;
    let wanted = registration();
    let grants = scene.client.grant_to(graph, &wanted);
    assert_eq!(grants.plan().await.unwrap_err().code(), ErrorCode::MicrosoftOwnedApp);
    assert_eq!(grants.plan_removal().every_grant().await.unwrap_err().code(), ErrorCode::MicrosoftOwnedApp);
}

#[tokio::test(start_paused = true)]
async fn an_app_of_another_publisher_gets_no_grant() {
    let scene = Scene::new().await;
    let other = TenantId::from_u128(7);
    let wanted = registration();
    let installation = scene.client.install(scene.app_id, other, &wanted);
    // Nothing tells whose it is until it is created.
    let plan = installation.plan().await.unwrap();
    let error = scene.client.apply(&plan).await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::WrongPublisher, "{error}");
    assert!(error.to_string().contains(&scene.publisher().to_string()), "{error}");
    assert_eq!(error.report().done.len(), 1, "the service principal alone");
    assert_eq!(scene.held().len(), 0);
    // From then on the plan knows it, and so does the check.
    assert_eq!(installation.plan().await.unwrap_err().code(), ErrorCode::WrongPublisher);
    let checklist = installation.verify().await.unwrap();
    let open: Vec<_> = checklist.open().map(|item| item.id.to_string()).collect();
    assert!(open.contains(&"publisher".to_owned()), "{checklist}");
    // It is taken away again by its object id.
    let id = scene.principal().unwrap();
    let plan = scene.client.grant_to(id, &wanted).plan_removal().service_principal().await.unwrap();
    scene.client.apply(&plan).approve_deletion(id).await.unwrap();
    assert_eq!(scene.principal(), None);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_no_tenant_has_and_a_principal_that_is_not_there_are_said_to_be_so() {
    let scene = Scene::new().await;
    let wanted = registration();
    let nobody = AppId::from_u128(7);
    let plan = scene.client.install(nobody, scene.publisher(), &wanted).plan().await.unwrap();
    let error = scene.client.apply(&plan).await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::PublishedAppNotFound, "{error}");
    assert!(error.error().message().contains(&nobody.to_string()), "{error}");
    let grants = scene.client.grant_to(ServicePrincipalId::from_u128(7), &wanted);
    assert_eq!(grants.plan().await.unwrap_err().code(), ErrorCode::ServicePrincipalNotFound);
    assert!(!grants.verify().await.unwrap().is_done());
    assert!(grants.plan_removal().service_principal().await.unwrap().is_converged());
}

#[tokio::test(start_paused = true)]
async fn a_disabled_or_deleted_principal_and_a_required_assignment_are_reported_and_left() {
    let scene = Scene::new().await;
    let id = scene.installed().await;
    scene.send(
        "PATCH",
        &format!("/servicePrincipals/{id}"),
        &json!({"accountEnabled": false, "appRoleAssignmentRequired": true}),
    );
    let wanted = registration();
    let installation = scene.client.install(scene.app_id, scene.publisher(), &wanted);
    let plan = installation.plan().await.unwrap();
    assert!(plan.is_converged() && plan.to_string().contains("must be assigned"), "{plan}");
    assert!(plan.to_string().contains("disabled"), "{plan}");
    let checklist = installation.verify().await.unwrap();
    let open: Vec<_> = checklist.open().map(|item| item.id.to_string()).collect();
    assert_eq!(open, ["service_principal", "assignment_required"], "{checklist}");
    assert!(!checklist.is_done());

    let (status, _) = scene.customer.send_json("DELETE", &format!("/servicePrincipals/{id}"), None);
    assert!(status.is_success());
    let plan = installation.plan().await.unwrap();
    assert!(plan.to_string().contains(&format!("stay deleted: {id}")), "{plan}");
    scene.client.apply(&plan).await.unwrap();
    assert_ne!(scene.principal(), Some(id), "it is another one");
    assert_eq!(scene.held().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_needs_a_review_needs_it_in_an_installation_too() {
    let scene = Scene::new().await;
    let wanted = registration().permission(application::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY);
    let plan = scene.client.install(scene.app_id, scene.publisher(), &wanted).plan().await.unwrap();
    quiet(&scene.customer);
    let error = scene.client.apply(&plan).await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::NeedsApproval);
    assert_eq!(counts(&scene.customer).1, 0);
    scene.client.apply(&plan).approve("RoleManagement.ReadWrite.Directory").await.unwrap();
    assert_eq!(scene.held().len(), 4);
    // To take it away again needs none.
    let removal = scene.client.install(scene.app_id, scene.publisher(), &wanted).plan_removal().await.unwrap();
    assert_eq!(removal.needs_approval(), [] as [&entra_apps::permission::Permission; 0]);
    scene.client.apply(&removal).await.unwrap();
    assert_eq!(scene.held().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_plan_proposes_no_second_application_beside_an_installed_app_of_its_name() {
    let scene = Scene::new().await;
    scene.installed().await;
    let wanted = registration();
    let error = scene.client.plan(&wanted).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::AppOfAnotherTenant, "{error}");
    for named in [scene.app_id.to_string(), scene.publisher().to_string()] {
        assert!(error.message().contains(&named), "{error}");
    }
    let checklist = scene.client.verify(&wanted).await.unwrap();
    assert_eq!(checklist.items[0].remedy.as_deref(), Some(ErrorCode::AppOfAnotherTenant.remedy()));
    let plan = scene.client.plan(&wanted).create_another().await.unwrap();
    scene.client.apply(&plan).await.unwrap();
    assert!(scene.client.plan(&wanted).await.unwrap().is_converged(), "it is found by its unique name");
}

#[tokio::test(start_paused = true)]
async fn who_may_not_grant_is_given_the_consent_link_of_the_vendors_app() {
    let cloud = MemoryCloud::new([builder(), builder()]);
    let [vendor, customer] = [&cloud.tenants()[0], &cloud.tenants()[1]];
    let wanted = registration();
    let app_id = register(&cloud.client(vendor), &wanted).await.application.unwrap().app_id;
    let caller = customer.add_caller(&["Application.ReadWrite.All", "Directory.Read.All"]);
    let client = customer.client_of(&caller);
    let plan = client.install(app_id, vendor.id(), &wanted).plan().await.unwrap();
    let error = client.apply(&plan).await.unwrap_err();
    let open = error.report().open.iter().find(|item| item.code == ErrorCode::AdminConsentMissing).unwrap();
    let link = open.link.as_ref().unwrap();
    assert!(link.path().contains(&customer.id().to_string()), "{link}");
    assert!(link.query_pairs().any(|(name, value)| name == "client_id" && value == app_id.to_string()), "{link}");
}

/// Whichever switch is off: what is missing is granted, and nobody switches it on again.
#[tokio::test(start_paused = true)]
async fn a_principal_that_somebody_has_switched_off_is_granted_to_and_stays_off() {
    for (member, off, said) in
        [("accountEnabled", json!(false), "disabled"), ("isDisabled", json!(true), "deactivated")]
    {
        let scene = Scene::new().await;
        let id = scene.installed().await;
        scene.send("PATCH", &format!("/servicePrincipals/{id}"), &json!({member: off}));
        let wanted = registration().permission(application::AUDIT_LOG_READ_ALL);
        let installation = scene.client.install(scene.app_id, scene.publisher(), &wanted);
        let plan = installation.plan().await.unwrap();
        assert!(plan.to_string().contains(&format!("and {said}: it stays so")), "{plan}");
        assert_eq!(plan.changes().count(), 1, "{plan}");
        scene.client.apply(&plan).await.unwrap();
        assert_eq!(scene.held().len(), 4);
        let checklist = installation.verify().await.unwrap();
        let open: Vec<_> = checklist.open().map(|item| item.id.to_string()).collect();
        assert_eq!(open, ["service_principal"], "{checklist}");
        let there = scene.customer.service_principals().into_iter().find(|it| it.id == id).unwrap();
        let there: serde_json::Value = serde_json::from_str(&there.json).unwrap();
        assert_eq!(there[member], off);
        // It is taken away all the same.
        let plan = installation.plan_removal().every_grant().service_principal().await.unwrap();
        scene.client.apply(&plan).approve_deletion(id).await.unwrap();
        assert_eq!(scene.principal(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_not_is_told_before_an_installation() {
    let scene = Scene::new().await;
    let grants = ["AppRoleAssignment.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All", "Directory.Read.All"];
    let wanted = registration();
    for (more, refused) in [
        (&["Application.ReadWrite.All"][..], &[][..]),
        (&["Application.ReadWrite.OwnedBy"], &["service_principal"]),
        (&[], &["service_principal"]),
    ] {
        let caller = scene.customer.add_caller(&[&grants[..], more].concat());
        let client = scene.customer.client_of(&caller);
        let preflight = client.install(scene.app_id, scene.publisher(), &wanted).preflight().await.unwrap();
        let told: Vec<_> = preflight.likely_refused().map(|check| check.id.to_string()).collect();
        assert_eq!(told, refused, "{preflight}");
        let plan = client.install(scene.app_id, scene.publisher(), &wanted).plan().await.unwrap();
        // What is told is what happens; who is told that all is allowed comes last, and installs it.
        if !refused.is_empty() {
            assert_eq!(client.apply(&plan).await.unwrap_err().error().kind(), ErrorKind::Forbidden);
        }
        let granted = client.grant_to(scene.app_id, &wanted).preflight().await.unwrap();
        assert!(granted.is_allowed() || more.is_empty(), "{granted}");
        assert!(granted.checks.iter().all(|check| check.id.to_string() != "service_principal"), "{granted}");
    }
    let error = scene.client.install(MICROSOFT_GRAPH, scene.publisher(), &wanted).preflight().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MicrosoftOwnedApp);
}
