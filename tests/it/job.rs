//! The main job: plan, apply, verify, and again.

use entra_apps::permission::microsoft_graph::application;
use entra_apps::time::Duration;
use entra_apps::{AppRegistration, ClientSecret, ErrorKind, SignInAudience, StepStatus};

use crate::guides;
use crate::support::{TODAY, counts, quiet, register, tenant};

#[tokio::test(start_paused = true)]
async fn each_guide_takes_four_requests_and_then_two_reads() {
    for (name, registration) in guides::all() {
        let tenant = tenant();
        let client = tenant.client();
        let registered = register(&client, &registration).await;
        assert_eq!(counts(&tenant).0, 4, "{name}: requests of a first run");
        assert_eq!(tenant.round_trips(), 4, "{name}: round trips of a first run");
        let bytes: usize = tenant.requests().iter().map(|request| request.response_bytes).sum();
        assert!(bytes < 32_000, "{name}: {bytes} bytes were read");

        quiet(&tenant);
        let held = registered.secrets[0].key_id;
        let plan = client.plan(&registration).holding(held).await.unwrap();
        assert!(plan.is_converged(), "{name}: {plan}");
        client.apply(&plan).await.unwrap();
        assert_eq!(counts(&tenant), (2, 0), "{name}: requests and writes of a second run");

        let checklist = client.verify(&registration).await.unwrap();
        assert!(checklist.is_done(), "{name}:\n{checklist}");
    }
}

#[tokio::test(start_paused = true)]
async fn all_tasks_of_immybot_take_six_requests_at_most() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::immybot::registration("contoso").select_all();
    register(&client, &registration).await;
    assert!(counts(&tenant).0 <= 6, "{}", counts(&tenant).0);
    assert!(client.verify(&registration).await.unwrap().is_done());
    assert_eq!(tenant.app_role_assignments().len() - tenant_default_roles(), 6);
}

/// The roles of the tenant's own caller.
fn tenant_default_roles() -> usize {
    tenant().app_role_assignments().len()
}

#[tokio::test(start_paused = true)]
async fn the_tenant_holds_what_the_guide_asks_for() {
    let tenant = tenant();
    let client = tenant.client();
    let registered = register(&client, &guides::immybot::registration("contoso")).await;
    let ids = registered.application.unwrap();
    let app = client.applications().get(ids.app_id).await.unwrap();
    assert_eq!(app.id, Some(ids.application_id));
    assert_eq!(app.unique_name.as_deref(), Some("immybot-custom"));
    assert_eq!(app.sign_in_audience, Some(SignInAudience::MultipleOrganizations));
    assert_eq!(app.web.unwrap().redirect_uris, ["https://contoso.immy.bot/consent-callback"]);
    assert_eq!(app.required_resource_access[0].resource_access.len(), 3);
    let lock = app.service_principal_lock_configuration.unwrap();
    assert_eq!((lock.is_enabled, lock.all_properties), (Some(true), Some(true)));
    let end = app.password_credentials[0].end_date_time.unwrap();
    let asked = TODAY.replace_year(2028).unwrap();
    assert!(end <= asked + Duration::minutes(1) && asked - end < Duration::hours(7), "{end}");

    let principal = client.service_principals().get(ids.app_id).await.unwrap();
    assert_eq!(principal.id, ids.service_principal_id);
    assert!(principal.tags.iter().any(|tag| tag == "WindowsAzureActiveDirectoryIntegratedApp"), "{:?}", principal.tags);
    let roles = client.app_role_assignments().list_held_by(ids.app_id).all().await.unwrap();
    assert_eq!(roles.len(), 2);
    let grants = client.oauth2_permission_grants().list_held_by(ids.app_id).all().await.unwrap();
    assert_eq!(grants[0].scopes().collect::<Vec<_>>(), ["User.Read"]);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_uri_is_kept_letter_for_letter() {
    let tenant = tenant();
    let client = tenant.client();
    let peig = guides::peig::registration(SignInAudience::SingleOrganization);
    let app_id = register(&client, &peig).await.application.unwrap().app_id;
    let app = client.applications().get(app_id).await.unwrap();
    assert_eq!(app.web.unwrap().redirect_uris, ["http://localhost"]);
    assert_eq!(app.is_fallback_public_client, Some(true));
}

#[tokio::test(start_paused = true)]
async fn optional_permissions_are_neither_declared_nor_granted_unless_selected() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::immybot::registration("contoso").select("Join AzureAD task").unwrap();
    let app_id = register(&client, &registration).await.application.unwrap().app_id;
    let declared = client.applications().get(app_id).await.unwrap().required_resource_access;
    let ids: Vec<_> = declared[0].resource_access.iter().filter_map(|access| access.id).collect();
    let wanted = application::DEVICE_MANAGEMENT_MANAGED_DEVICES_READ_WRITE_ALL.id().unwrap();
    assert!(ids.contains(&wanted) && ids.len() == 4, "{ids:?}");
    let error = guides::immybot::registration("contoso").select("Mow the lawn").unwrap_err();
    assert_eq!(error.code(), "unknown_purpose");
    assert!(error.to_string().contains("Enroll in Autopilot"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_the_value_does_not_mention_stays_and_is_listed() {
    let tenant = tenant();
    let client = tenant.client();
    let wide = AppRegistration::new("k", "Wide")
        .redirect_uri(entra_apps::Platform::Web, "https://a.example")
        .permission(application::DIRECTORY_READ_ALL)
        .permission(application::AUDIT_LOG_READ_ALL);
    register(&client, &wide).await;
    let narrow = AppRegistration::new("k", "Wide").permission(application::DIRECTORY_READ_ALL);
    let plan = client.plan(&narrow).await.unwrap();
    assert!(plan.is_converged(), "{plan}");
    let left: Vec<_> =
        plan.steps().iter().filter(|line| line.status == StepStatus::LeftAlone).map(|line| &line.code).collect();
    assert_eq!(left.len(), 3, "{left:?}");

    let exact = narrow.remove_surplus();
    let plan = client.plan(&exact).await.unwrap();
    assert_eq!(plan.changes().filter(|line| line.status == StepStatus::Remove).count(), 3, "{plan}");
    client.apply(&plan).await.unwrap();
    let plan = client.plan(&exact).await.unwrap();
    assert!(plan.is_converged(), "{plan}");
    let roles = client.app_role_assignments().list_held_by(plan.app_id().unwrap()).all().await.unwrap();
    assert_eq!(roles.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_took_away_is_seen_and_put_back() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false);
    let app_id = register(&client, &registration).await.application.unwrap().app_id;
    let role = client.app_role_assignments().list_held_by(app_id).all().await.unwrap().remove(0);
    tenant.send_json(
        "DELETE",
        &format!("/servicePrincipals/{}/appRoleAssignedTo/{}", role.resource_id.unwrap(), role.id.unwrap()),
        None,
    );
    let checklist = client.verify(&registration).await.unwrap();
    let open: Vec<_> = checklist.open().filter(|item| item.required).map(|item| item.code.as_str()).collect();
    assert_eq!(open, ["permission_granted:Directory.Read.All:application"]);
    assert!(!checklist.is_done());
    let plan = client.plan(&registration).await.unwrap();
    assert_eq!(plan.changes().count(), 1, "{plan}");
    client.apply(&plan).await.unwrap();
    assert!(client.verify(&registration).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn delegated_permissions_are_added_to_a_grant_and_those_of_users_stay() {
    use entra_apps::permission::microsoft_graph::delegated;
    let tenant = tenant();
    let client = tenant.client();
    let first = AppRegistration::new("k", "App").permission(delegated::USER_READ);
    let app_id = register(&client, &first).await.application.unwrap().app_id;
    let second = first.permission(delegated::OPENID);
    register(&client, &second).await;
    let grants = client.oauth2_permission_grants().list_held_by(app_id).all().await.unwrap();
    assert_eq!(grants.len(), 1);
    let mut scopes: Vec<_> = grants[0].scopes().collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["User.Read", "openid"]);
}

#[tokio::test(start_paused = true)]
async fn a_registration_past_its_time_is_said_to_be_too_late() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::patch_my_pc::registration();
    register(&client, &registration).await;
    assert!(client.verify(&registration).await.unwrap().is_done());
    tokio::time::advance(std::time::Duration::from_secs(72 * 3600)).await;
    let checklist = client.verify(&registration).await.unwrap();
    let late = checklist.items.iter().find(|item| item.code == "used_in_time").unwrap();
    assert!(!late.done && late.remedy.as_ref().unwrap().contains("make a new one"), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_secret_is_open_and_another_is_issued() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = AppRegistration::new("k", "App").credential(ClientSecret::new("Main").valid_for_days(7));
    register(&client, &registration).await;
    tokio::time::advance(std::time::Duration::from_secs(8 * 24 * 3600)).await;
    let checklist = client.verify(&registration).await.unwrap();
    let item = checklist.items.iter().find(|item| item.code == "secret:Main").unwrap();
    assert!(!item.done && item.remedy.as_ref().unwrap().contains("expired"), "{item:?}");
    assert_eq!(register(&client, &registration).await.secrets.len(), 1);
    assert!(client.verify(&registration).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn steps_that_only_a_person_can_confirm_are_never_ticked() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::peig::registration(SignInAudience::MultipleOrganizations);
    register(&client, &registration).await;
    let checklist = client.verify(&registration).await.unwrap();
    let item = checklist.items.iter().find(|item| item.code == "confirm:secret_stored").unwrap();
    assert!(!item.done && !item.required);
    assert!(checklist.is_done());
}

#[tokio::test(start_paused = true)]
async fn without_admin_consent_nothing_is_granted() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false).admin_consent(false);
    let app_id = register(&client, &registration).await.application.unwrap().app_id;
    assert!(client.app_role_assignments().list_held_by(app_id).all().await.unwrap().is_empty());
    assert!(!client.verify(&registration).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn an_app_made_by_hand_stops_the_creation_until_it_is_adopted() {
    let tenant = tenant();
    let client = tenant.client();
    let (_, made) = tenant.send_json("POST", "/applications", Some(r#"{"displayName":"PMPC Recovery"}"#));
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let app_id = made["appId"].as_str().unwrap().parse().unwrap();
    let registration = guides::patch_my_pc::registration();
    let error = client.plan(&registration).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "same_name"));
    assert!(error.to_string().contains(made["appId"].as_str().unwrap()), "{error}");

    let plan = client.plan(&registration).adopt(app_id).await.unwrap();
    assert!(plan.changes().any(|line| line.code == "unique_name"), "{plan}");
    client.apply(&plan).await.unwrap();
    let again = client.plan(&registration).await.unwrap();
    assert_eq!(again.app_id(), Some(app_id), "found by its key from now on");
    assert!(again.is_converged(), "{again}");

    let other = AppRegistration::new("another-key", "PMPC Recovery");
    let plan = client.plan(&other).create_another().await.unwrap();
    assert_ne!(client.apply(&plan).await.unwrap().application.unwrap().app_id, app_id);
}

#[tokio::test(start_paused = true)]
async fn ten_appliers_in_one_client_make_one_app() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::immybot::registration("contoso");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (client, registration) = (client.clone(), registration.clone());
        tasks.spawn(async move {
            let plan = client.plan(&registration).await.unwrap();
            client.apply(&plan).approve_all().await.unwrap();
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let named = tenant.applications().into_iter().filter(|app| app.display_name == "ImmyBot Custom Application");
    assert_eq!(named.count(), 1);
    let app = client.plan(&registration).await.unwrap();
    assert_eq!(client.applications().get(app.app_id().unwrap()).await.unwrap().password_credentials.len(), 1);
}
