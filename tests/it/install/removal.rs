//! What is taken away again, and what stays.

use std::collections::BTreeSet;

use entra_apps::provision::{Action, StepKind};
use entra_apps::{ErrorCode, ErrorKind};
use serde_json::json;

use super::{Scene, registration};
use crate::support::{counts, quiet};

/// Grants that somebody else has made: one for all users, and one of a single user.
fn grant_more(scene: &Scene) {
    let id = scene.principal().unwrap();
    let tenant_wide =
        scene.customer.oauth2_permission_grants().into_iter().find(|grant| grant.client_id == id).unwrap();
    let user = scene.customer.add_user("Ada Lovelace", &[]).id.to_string();
    let path = format!("/oauth2PermissionGrants/{}", tenant_wide.id);
    scene.send("PATCH", &path, &json!({"scope": "User.Read Mail.Read"}));
    scene.send(
        "POST",
        "/oauth2PermissionGrants",
        &json!({
            "clientId": id, "consentType": "Principal", "principalId": user,
            "resourceId": tenant_wide.resource_id, "scope": "User.Read",
        }),
    );
}

#[tokio::test(start_paused = true)]
async fn only_the_grants_that_are_named_go_and_the_others_stay() {
    let scene = Scene::new().await;
    scene.installed().await;
    grant_more(&scene);
    let wanted = registration();
    let installation = scene.client.install(scene.app_id, scene.publisher(), &wanted);
    let plan = installation.plan_removal().await.unwrap();
    assert!(plan.changes().all(|change| change.action == Action::Remove), "{plan}");
    assert_eq!(plan.changes().count(), 3, "{plan}");
    quiet(&scene.customer);
    let report = scene.client.apply(&plan).await.unwrap();
    assert_eq!(counts(&scene.customer), (2, 3), "read once more, and written in one batch");
    assert!(report.done.iter().all(|done| done.id.kind() == StepKind::PERMISSION_GRANTED), "{:?}", report.done);
    let stays = BTreeSet::from(["Mail.Read for all".to_owned(), "User.Read for one user".to_owned()]);
    assert_eq!(scene.held(), stays);
    assert!(installation.plan_removal().await.unwrap().is_converged());
    assert!(scene.principal().is_some());

    let plan = installation.plan_removal().every_grant().await.unwrap();
    scene.client.apply(&plan).await.unwrap();
    assert_eq!(scene.held(), BTreeSet::from(["User.Read for one user".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_principal_that_would_still_hold_grants_is_not_deleted() {
    let scene = Scene::new().await;
    scene.installed().await;
    grant_more(&scene);
    let before = scene.held();
    let wanted = registration();
    let installation = scene.client.install(scene.app_id, scene.publisher(), &wanted);
    let error = installation.plan_removal().service_principal().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ServicePrincipalInUse);
    assert!(error.message().contains("Mail.Read") && error.message().contains("single users"), "{error}");
    let error = installation.plan_removal().every_grant().service_principal().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ServicePrincipalInUse);
    assert!(!error.message().contains("Mail.Read"), "{error}");
    let left = wanted.clone().without_admin_consent();
    let error = scene.client.install(scene.app_id, scene.publisher(), &left).plan_removal().service_principal().await;
    assert_eq!(error.unwrap_err().code(), ErrorCode::ServicePrincipalInUse);
    assert_eq!(scene.held(), before);
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_was_made_after_the_plan_keeps_the_principal() {
    let scene = Scene::new().await;
    scene.installed().await;
    let wanted = registration();
    let installation = scene.client.install(scene.app_id, scene.publisher(), &wanted);
    let plan = installation.plan_removal().service_principal().await.unwrap();
    grant_more(&scene);
    let before = scene.held();
    let error = scene.client.apply(&plan).approve_deletion(scene.app_id).await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::ServicePrincipalInUse, "{error}");
    assert_eq!(scene.held(), before);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_needs_a_word_of_its_own_and_leaves_a_deleted_principal_that_is_reported() {
    let scene = Scene::new().await;
    let id = scene.installed().await;
    let wanted = registration();
    let installation = scene.client.install(scene.app_id, scene.publisher(), &wanted);
    let plan = installation.plan_removal().service_principal().await.unwrap();
    assert!(plan.to_string().contains(&format!("the deletion of the service principal {id}")), "{plan}");
    quiet(&scene.customer);
    let error = scene.client.apply(&plan).approve_all().await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::DeletionNeedsApproval);
    assert_eq!(error.error().kind(), ErrorKind::NeedsApproval);
    let other = entra_apps::ids::AppId::from_u128(7);
    assert!(scene.client.apply(&plan).approve_deletion(other).await.is_err());
    assert_eq!(counts(&scene.customer).1, 0);

    let report = scene.client.apply(&plan).approve_deletion(id).await.unwrap();
    assert_eq!(counts(&scene.customer), (3, 4), "read once more, the grants, the principal");
    let open: Vec<_> = report.open.iter().map(|item| item.code).collect();
    assert_eq!(open, [ErrorCode::ServicePrincipalDeleted]);
    assert!(report.open[0].text.contains(&id.to_string()) && report.service_principal.is_none());
    assert_eq!(scene.principal(), None);
    let plan = installation.plan_removal().service_principal().await.unwrap();
    assert!(plan.is_converged() && plan.to_string().contains("stay deleted"), "{plan}");
    assert!(scene.client.apply(&plan).approve_deletion(id).await.unwrap().done.is_empty());

    // An approval of a deletion that nothing asks for is a mistake.
    let plan = installation.plan().await.unwrap();
    let error = scene.client.apply(&plan).approve_deletion(id).await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::UnknownApproval);
}

/// What would be left is named, and nothing else.
#[tokio::test(start_paused = true)]
async fn what_a_principal_would_still_hold_is_named() {
    let scene = Scene::new().await;
    let id = scene.installed().await;
    grant_more(&scene);
    let graph = scene.customer.app_role_assignments().into_iter().find(|it| it.principal_id == id.into()).unwrap();
    let role = entra_apps::permission::microsoft_graph::application::AUDIT_LOG_READ_ALL.id();
    scene.send(
        "POST",
        &format!("/servicePrincipals/{}/appRoleAssignedTo", graph.resource_id),
        &json!({"principalId": id, "resourceId": graph.resource_id, "appRoleId": role}),
    );
    let (named, others) =
        (["User.Read.All", "Group.Read.All", "User.Read (delegated)"], ["Mail.Read", "AuditLog.Read.All"]);
    for (leaves_consent, every_grant) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut wanted = registration();
        if leaves_consent {
            wanted = wanted.without_admin_consent();
        }
        let installation = scene.client.install(scene.app_id, scene.publisher(), &wanted);
        let removal = || match every_grant {
            true => installation.plan_removal().every_grant(),
            false => installation.plan_removal(),
        };
        let error = removal().service_principal().await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::ServicePrincipalInUse);
        let has = |name: &&str| error.message().contains(*name);
        assert!(has(&"single users"), "{error}");
        assert_eq!(named.iter().filter(|name| has(name)).count(), if leaves_consent { 3 } else { 0 }, "{error}");
        let stay = leaves_consent || !every_grant;
        assert_eq!(others.iter().filter(|name| has(name)).count(), if stay { 2 } else { 0 }, "{error}");
        let plan = removal().await.unwrap();
        let changes = match (leaves_consent, every_grant) {
            (true, _) => 0,
            (false, false) => 3,
            (false, true) => 5,
        };
        assert_eq!(plan.changes().count(), changes, "{plan}");
    }
}

/// Assigns a user to the app, with the default role.
fn assign(scene: &Scene, name: &str) {
    let id = scene.principal().unwrap();
    let user = scene.customer.add_user(name, &[]).id.to_string();
    let role = "00000000-0000-0000-0000-000000000000";
    let body = json!({"principalId": user, "resourceId": id, "appRoleId": role});
    scene.send("POST", &format!("/servicePrincipals/{id}/appRoleAssignedTo"), &body);
}

#[tokio::test(start_paused = true)]
async fn who_is_assigned_to_a_principal_is_shown_before_it_is_deleted() {
    let scene = Scene::new().await;
    let id = scene.installed().await;
    let wanted = registration();
    let installation = scene.client.install(scene.app_id, scene.publisher(), &wanted);
    let assigned = |plan: &entra_apps::Plan| {
        plan.changes().find(|change| change.id.kind() == StepKind::ASSIGNED_TO).map(|change| change.text.clone())
    };
    assert_eq!(assigned(&installation.plan_removal().service_principal().await.unwrap()), None);
    assign(&scene, "Ada Lovelace");
    let plan = installation.plan_removal().service_principal().await.unwrap();
    assert!(assigned(&plan).unwrap().contains("“Ada Lovelace” (User)"), "{plan}");
    assert_eq!(assigned(&installation.plan_removal().await.unwrap()), None, "it is not deleted");

    // Whoever was assigned since was not shown.
    for (number, seconds) in [(0, 0), (1, 20)] {
        let plan = installation.plan_removal().service_principal().await.unwrap();
        tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
        assign(&scene, &format!("Grace Hopper {number}"));
        quiet(&scene.customer);
        let error = scene.client.apply(&plan).approve_deletion(id).await.unwrap_err();
        assert_eq!((error.error().code(), counts(&scene.customer).1), (ErrorCode::PlanOutdated, 0), "{error}");
    }
    for number in 0..20 {
        assign(&scene, &format!("User {number:02}"));
    }
    let plan = installation.plan_removal().service_principal().await.unwrap();
    let text = assigned(&plan).unwrap();
    assert!(text.contains("“Ada Lovelace” (User)") && text.ends_with(" and 13 more"), "{text}");
    let saved = entra_apps::Plan::from_json(&plan.to_json()).unwrap();
    assert_eq!(assigned(&saved), Some(text));
    scene.client.apply(&saved).approve_deletion(id).await.unwrap();
    assert_eq!(scene.principal(), None);
}

/// Somebody else was faster: what was to go is gone.
#[tokio::test(start_paused = true)]
async fn a_principal_that_is_gone_already_is_removed() {
    let scene = Scene::new().await;
    let id = scene.installed().await;
    let wanted = registration();
    let installation = scene.client.install(scene.app_id, scene.publisher(), &wanted);
    let plan = installation.plan_removal().service_principal().await.unwrap();
    let gone = entra_emulator::Fault::on("DELETE", "/servicePrincipals/*").in_batch();
    scene.customer.fault(gone.refuses(404, "Request_ResourceNotFound", "Resource 'x' does not exist."));
    scene.client.apply(&plan).approve_deletion(id).await.unwrap();
    assert!(scene.customer.unmet_faults().is_empty());
}
