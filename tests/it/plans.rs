//! A plan is a value: it prints, is saved and read again, and is applied only where and while it holds.

use std::time::Duration;

use entra_apps::cloud::Cloud;
use entra_apps::permission::microsoft_graph::application;
use entra_apps::{AppRegistration, ClientSecret, ErrorCode, ErrorKind, Plan, time};
use entra_emulator::{Fault, RetryAfter};
use serde_json::{Value, json};

use crate::support::{TODAY, builder, counts, guides, quiet, register, tenant};

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
    tokio::time::advance(Duration::from_secs(61)).await;
    let app_id = plan.app_id().unwrap();
    tenant.send_json("PATCH", &format!("/applications(appId='{app_id}')"), Some(r#"{"notes":"moved"}"#));
    assert_eq!(client.apply(&plan).await.unwrap_err().error().code().as_str(), "plan_outdated", "older than a minute");
}

/// How many requests an apply of a plan takes that is `age` old, nothing being there.
async fn requests_of_an_apply(age: Duration, max_age: Option<Duration>) -> usize {
    let tenant = tenant();
    let client = tenant.client();
    client.tenant_id().await.unwrap();
    let start = tokio::time::Instant::now();
    let plan = client.plan(&guides::netwrix::registration("Contoso", false)).await.unwrap();
    tokio::time::advance(age.saturating_sub(start.elapsed())).await;
    quiet(&tenant);
    let apply = client.apply(&plan);
    match max_age {
        Some(max_age) => apply.max_plan_age(max_age).await.unwrap(),
        None => apply.await.unwrap(),
    };
    counts(&tenant).0
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_observed_again_once_it_is_older_than_five_seconds_or_as_long_as_is_said() {
    let (second, millisecond) = (Duration::from_secs(1), Duration::from_millis(1));
    for (age, max_age, is_observed) in [
        (Duration::ZERO, None, false),
        (5 * second, None, false),
        (5 * second + millisecond, None, true),
        (3600 * second, None, true),
        (Duration::ZERO, Some(Duration::ZERO), true),
        (60 * second, Some(60 * second), false),
        (60 * second + millisecond, Some(60 * second), true),
        (3600 * second, Some(Duration::MAX), false),
    ] {
        let requests = requests_of_an_apply(age, max_age).await;
        assert_eq!(requests, if is_observed { 4 } else { 3 }, "{age:?} {max_age:?}");
    }
}

/// The reads of a plan take half a minute, in which somebody makes an app of the same name.
#[tokio::test(start_paused = true)]
async fn a_plan_is_as_old_as_its_first_read() {
    let tenant = tenant();
    let client = tenant.client();
    tenant.fault(Fault::on("GET", "/organization").in_batch().throttled(RetryAfter::Seconds(30)));
    let registration = AppRegistration::new("k", "App");
    let later = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        tenant.send_json("POST", "/applications", Some(r#"{"displayName":"App"}"#))
    };
    let (plan, _) = tokio::join!(client.plan(&registration), later);
    quiet(&tenant);
    let error = client.apply(&plan.unwrap()).await.unwrap_err();
    assert_eq!((error.error().code(), counts(&tenant).1), (ErrorCode::SameDisplayName, 0), "{error}");
}

/// The same client: an administrator revokes a permission between two applies.
#[tokio::test(start_paused = true)]
async fn approvals_are_judged_on_what_is_written_from() {
    let role = application::APPLICATION_READ_WRITE_ALL;
    for (later, is_kept) in [(0, false), (4, false), (30, false), (0, true), (30, true)] {
        let tenant = tenant();
        let client = tenant.client();
        let app = AppRegistration::new("k", "App").permission(role.clone());
        let app_id = register(&client, &app).await.application.unwrap().app_id;
        tokio::time::advance(Duration::from_secs(61)).await;
        let (one, other) = (app.clone().notes("one"), app.notes("other"));
        let (one, other) = (client.plan(&one).await.unwrap(), client.plan(&other).await.unwrap());
        assert!(other.needs_approval().is_empty(), "it is granted");
        client.apply(&one).await.unwrap();
        let granted = client.app_role_assignments().list_held_by(app_id).all().await.unwrap().remove(0);
        let path =
            format!("/servicePrincipals/{}/appRoleAssignedTo/{}", granted.resource_id.unwrap(), granted.id.unwrap());
        tenant.send_json("DELETE", &path, None);
        tokio::time::advance(Duration::from_secs(later)).await;
        let other = if is_kept { Plan::from_json(&other.to_json()).unwrap() } else { other };
        quiet(&tenant);
        let error = client.apply(&other).await.unwrap_err();
        let is_stale = error.error().kind() == ErrorKind::Stale && (is_kept || later > 5);
        assert!(is_stale || error.error().kind() == ErrorKind::NeedsApproval, "{later} {is_kept}: {error}");
        assert_eq!(counts(&tenant).1, 0, "{later} {is_kept}");
    }
}

/// What nobody could review is not done, approved or not: a grant that was revoked since is not made again.
#[tokio::test(start_paused = true)]
async fn what_the_plan_does_not_show_is_not_done() {
    let tenant = tenant();
    let client = tenant.client();
    let app = AppRegistration::new("k", "App").permission(application::APPLICATION_READ_WRITE_ALL);
    let app_id = register(&client, &app).await.application.unwrap().app_id;
    tokio::time::advance(Duration::from_secs(61)).await;
    let plan = client.plan(&app.notes("new")).await.unwrap();
    let granted = client.app_role_assignments().list_held_by(app_id).all().await.unwrap().remove(0);
    let path = format!("/servicePrincipals/{}/appRoleAssignedTo/{}", granted.resource_id.unwrap(), granted.id.unwrap());
    tenant.send_json("DELETE", &path, None);
    quiet(&tenant);
    let error = client.apply(&plan).approve_all().await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::PlanOutdated, "{error}");
    assert_eq!(counts(&tenant).1, 0);
}

/// What a plan would refuse by now is refused, before the application is made.
#[tokio::test(start_paused = true)]
async fn a_secret_whose_end_has_come_near_since_stops_the_apply() {
    let tenant = tenant();
    let client = tenant.client();
    let end = TODAY + time::Duration::minutes(30);
    let registration = AppRegistration::new("k", "App").credential(ClientSecret::new("Main").valid_until(end));
    let plan = client.plan(&registration).await.unwrap();
    let kept = Plan::from_json(&plan.to_json()).unwrap();
    tokio::time::advance(Duration::from_secs(29 * 60)).await;
    quiet(&tenant);
    for plan in [plan, kept] {
        let error = client.apply(&plan).max_plan_age(Duration::MAX).await.unwrap_err();
        assert_eq!(error.error().code(), client.plan(&registration).await.unwrap_err().code());
        assert_eq!(error.error().code(), ErrorCode::InvalidSecretLifetime, "{error}");
    }
    assert_eq!(counts(&tenant).1, 0);
}

#[tokio::test(start_paused = true)]
async fn the_name_of_the_tenant_in_a_file_is_not_shown_as_if_it_had_been_seen() {
    let tenant = tenant();
    let client = tenant.client();
    let plan = client.plan(&AppRegistration::new("k", "App")).await.unwrap();
    let name = plan.tenant_name().unwrap().to_owned();
    assert!(plan.to_string().contains(&name));
    let forged = plan.to_json().replace(&format!("{name:?}"), "\"Fabrikam\"");
    for text in [plan.to_json(), forged] {
        let read = Plan::from_json(&text).unwrap();
        assert_eq!((read.tenant_name(), read.tenant_id()), (None, tenant.id()));
        for name in [name.as_str(), "Fabrikam"] {
            assert!(!read.to_string().contains(name), "{read}");
        }
    }
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

/// A plan file that says that the permission is there already, that it is another one, or that it was made tomorrow.
#[tokio::test(start_paused = true)]
async fn what_a_file_says_of_the_tenant_approves_nothing() {
    let tenant = tenant();
    let client = tenant.client();
    register(&client, &AppRegistration::new("k", "App")).await;
    let takeover = application::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY;
    let plan = client.plan(&AppRegistration::new("k", "App").permission(takeover.clone())).await.unwrap();
    let mut file: Value = serde_json::from_str(&plan.to_json()).unwrap();
    file["madeAt"] = json!("2099-01-01T00:00:00Z");
    let resource = file["observed"]["resources"][0]["principal"].clone();
    let id = takeover.id();
    let mut granted = file.clone();
    granted["observed"]["assignments"] = json!([{"id": "a", "appRoleId": id, "resourceId": resource}]);
    granted["observed"]["application"]["requiredResourceAccess"] =
        json!([{"resourceAppId": takeover.api(), "resourceAccess": [{"id": id, "type": "Role"}]}]);
    let mut disguised = file.clone();
    disguised["observed"]["permissions"][0]["value"] = json!("User.Read.All");
    quiet(&tenant);
    for forged in [file, granted, disguised] {
        let forged = Plan::from_json(&forged.to_string()).unwrap();
        for age in [Duration::ZERO, Duration::MAX] {
            let error = client.apply(&forged).max_plan_age(age).await.unwrap_err();
            let is_refused = matches!(error.error().code(), ErrorCode::NeedsApproval | ErrorCode::PlanOutdated);
            assert!(is_refused && counts(&tenant).1 == 0, "{error}");
        }
    }
}
