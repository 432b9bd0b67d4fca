//! A plan is a value: it prints, is saved and read again, and is applied only where and while it holds.

use entra_apps::cloud::Cloud;
use entra_apps::permission::microsoft_graph::application;
use entra_apps::{AppRegistration, ErrorKind, Plan};
use entra_emulator::Fault;

use crate::support::{builder, counts, guides, quiet, register, tenant};

#[tokio::test(start_paused = true)]
async fn planning_writes_nothing_and_reads_once() {
    let tenant = tenant();
    tenant.client().plan(&guides::immybot::registration("contoso").unwrap()).await.unwrap();
    assert_eq!(counts(&tenant), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_plan_prints_every_group() {
    let tenant = tenant();
    let plan = tenant
        .client()
        .plan(&guides::immybot::registration("contoso").unwrap().select("Enroll in Autopilot task").unwrap())
        .await
        .unwrap();
    let text = plan.to_string();
    for part in [
        "To add",
        "+ register the application “ImmyBot Custom Application” (unique name immybot-custom)",
        "+ declare Directory.Read.All (application)",
        "+ grant User.Read (delegated) for the whole tenant",
        "Needs approval",
        "! DeviceManagementConfiguration.ReadWrite.All (application)",
        "Optional, not selected",
        "Add Azure Sync Fabric to Tenant task",
    ] {
        assert!(text.contains(part), "lacks {part:?}:\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_saved_plan_is_the_same_and_can_be_applied() {
    let tenant = tenant();
    let client = tenant.client();
    let plan = client.plan(&guides::immybot::registration("contoso").unwrap()).await.unwrap();
    let kept = Plan::from_json(&plan.to_json()).unwrap();
    assert_eq!(kept, plan);
    assert_eq!(kept.steps(), plan.steps());
    assert_eq!(kept.to_json(), plan.to_json());
    client.apply(&kept).await.unwrap();
    assert!(client.verify(kept.registration()).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn a_plan_whose_target_has_moved_is_stale() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false);
    let plan = client.plan(&registration).await.unwrap();
    let kept = Plan::from_json(&plan.to_json()).unwrap();
    register(&client, &registration).await;
    quiet(&tenant);
    let error = client.apply(&kept).await.unwrap_err();
    assert_eq!((error.error().kind(), error.error().code().as_str()), (ErrorKind::Stale, "plan_outdated"));
    assert_eq!(counts(&tenant).1, 0, "nothing is written");

    let plan = client.plan(&registration).await.unwrap();
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    let app_id = plan.app_id().unwrap();
    tenant.send_json("PATCH", &format!("/applications(appId='{app_id}')"), Some(r#"{"notes":"moved"}"#));
    assert_eq!(client.apply(&plan).await.unwrap_err().error().code().as_str(), "plan_outdated", "older than a minute");
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_refused_by_another_tenant() {
    let (here, there) = (tenant(), builder().seed(99).build());
    let plan = here.client().plan(&guides::netwrix::registration("Contoso", false)).await.unwrap();
    let error = there.client().apply(&plan).await.unwrap_err();
    assert_eq!(error.error().code().as_str(), "plan_for_another_target");
    assert_eq!(counts(&there), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_plan_for_another_cloud_is_refused() {
    let tenant = tenant();
    let registration = AppRegistration::new("k", "App");
    let plan = tenant.client().plan(&registration).await.unwrap();
    let (here, elsewhere) = (Cloud::global(), "elsewhere");
    // The same tenant behind the same addresses: the cloud's name alone tells them apart.
    let elsewhere = Cloud::custom(elsewhere, here.graph(), here.authority()).unwrap();
    let other = tenant.client_builder().cloud(elsewhere).build().unwrap();
    other.plan(&registration).await.unwrap();
    quiet(&tenant);
    let error = other.apply(&plan).await.unwrap_err();
    assert_eq!(
        (error.error().kind(), error.error().code().as_str()),
        (ErrorKind::Stale, "plan_for_another_target"),
        "{error}"
    );
    assert_eq!(counts(&tenant), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn high_privilege_is_applied_only_when_approved_by_name() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", true);
    let plan = client.plan(&registration).await.unwrap();
    assert_eq!(plan.needs_approval(), [&application::DIRECTORY_READ_WRITE_ALL]);
    quiet(&tenant);
    let error = client.apply(&plan).approve("Directory.Read.All").await.unwrap_err();
    assert_eq!((error.error().kind(), error.error().code().as_str()), (ErrorKind::NeedsApproval, "needs_approval"));
    assert!(error.to_string().contains("Directory.ReadWrite.All"), "{error}");
    assert_eq!(counts(&tenant).1, 0);
    let misspelt =
        client.apply(&plan).approve("directory.readwrite.all").approve("Directory.Raed.All").await.unwrap_err();
    assert_eq!(misspelt.error().code().as_str(), "unknown_approval", "{misspelt}");
    client.apply(&plan).approve("directory.readwrite.all").await.unwrap();
    let plan = client.plan(&registration).await.unwrap();
    assert!(plan.needs_approval().is_empty(), "what is granted needs no approval");
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_declared_and_not_granted_yet_needs_approval() {
    let tenant = tenant();
    let client = tenant.client();
    let granted = AppRegistration::new("k", "App").permission(application::DIRECTORY_READ_WRITE_ALL);
    let declared = granted.clone().without_admin_consent();
    register(&client, &declared).await;
    let plan = client.plan(&granted).await.unwrap();
    assert_eq!(plan.needs_approval(), [&application::DIRECTORY_READ_WRITE_ALL]);
    quiet(&tenant);
    let error = client.apply(&plan).await.unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::NeedsApproval, "{error}");
    assert_eq!(counts(&tenant), (0, 0));
    client.apply(&plan).approve("Directory.ReadWrite.All").await.unwrap();
    assert!(client.verify(&granted).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_was_tampered_with_is_checked_again() {
    let registration = guides::immybot::registration("contoso").unwrap();
    let plan = tenant().client().plan(&registration).await.unwrap();
    let other = plan.to_json().replace("https://contoso.immy.bot/", "http://evil.example/");
    assert_eq!(Plan::from_json(&other).unwrap_err().code().as_str(), "unreadable_plan");
    assert_eq!(serde_json::from_str::<Plan>(&plan.to_json()).unwrap(), plan);
}

#[test]
fn a_text_that_is_no_plan_is_refused() {
    for text in ["", "{}", "[]", "null", r#"{"format":2}"#] {
        assert_eq!(Plan::from_json(text).unwrap_err().code().as_str(), "unreadable_plan", "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_another_format_is_refused() {
    let plan = tenant().client().plan(&AppRegistration::new("k", "App")).await.unwrap();
    let other = plan.to_json().replacen("\"format\": 2", "\"format\": 1", 1);
    assert_eq!(Plan::from_json(&other).unwrap_err().code().as_str(), "unsupported_plan_format");
    assert!(serde_json::from_str::<Plan>(&other).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_tenant_whose_name_cannot_be_read_can_still_be_planned_for() {
    let tenant = tenant();
    let client = tenant.client();
    tenant.fault(Fault::on("GET", "/organization").always().refuses(400, "Request_BadRequest", "No."));
    let plan = client.plan(&AppRegistration::new("k", "App")).await.unwrap();
    assert_eq!(plan.tenant_name(), None);
}
