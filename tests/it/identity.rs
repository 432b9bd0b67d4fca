//! Which application is meant is never guessed: it is found by its unique name, adopted by its id, or created.

use std::time::Duration;

use entra_apps::ids::AppId;
use entra_apps::model::NewApplication;
use entra_apps::permission::MICROSOFT_GRAPH;
use entra_apps::permission::microsoft_graph::application;
use entra_apps::{AppRegistration, Error, ErrorCode, ErrorKind, Plan, RedirectUri, RetryPolicy};
use entra_emulator::Fault;

use crate::support::{builder, counts, guides, quiet, register, tenant};

#[tokio::test(start_paused = true)]
async fn an_app_made_by_hand_stops_the_creation_until_it_is_adopted() {
    let tenant = tenant();
    let client = tenant.client();
    let (_, made) = tenant.send_json("POST", "/applications", Some(r#"{"displayName":"PMPC Recovery"}"#));
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let app_id = made["appId"].as_str().unwrap().parse().unwrap();
    let registration = guides::patch_my_pc::registration();
    let error = client.plan(&registration).await.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Conflict, "same_display_name"));
    assert!(error.to_string().contains(made["appId"].as_str().unwrap()), "{error}");

    let plan = client.plan(&registration).adopt(app_id).await.unwrap();
    assert!(plan.changes().any(|line| line.id.to_string() == "unique_name"), "{plan}");
    client.apply(&plan).await.unwrap();
    let again = client.plan(&registration).await.unwrap();
    assert_eq!(again.app_id(), Some(app_id), "found by its key from now on");
    assert!(again.is_converged(), "{again}");

    let other = AppRegistration::new("another-key", "PMPC Recovery");
    let plan = client.plan(&other).create_another().await.unwrap();
    assert_ne!(client.apply(&plan).await.unwrap().application.unwrap().app_id, app_id);
}

/// Right after the deletion, when the client knows of it, and when it has forgotten.
#[tokio::test(start_paused = true)]
async fn a_unique_name_held_by_a_deleted_app_is_known_before_anything_is_written() {
    for later in [Duration::ZERO, Duration::from_secs(61)] {
        let tenant = tenant();
        let client = tenant.client();
        let registration = AppRegistration::new("k", "App");
        let id = register(&client, &registration).await.application.unwrap().application_id;
        let kept = client.plan(&AppRegistration::new("k2", "Other")).await.unwrap();
        client.applications().delete(id).await.unwrap();
        tokio::time::advance(later).await;
        let error = client.plan(&registration).await.unwrap_err();
        assert_is_held(&error, &id.to_string());
        let checklist = client.verify(&registration).await.unwrap();
        let registered = checklist.items.iter().find(|item| item.id.to_string() == "registered").unwrap();
        assert!(registered.remedy.as_ref().unwrap().contains("Restore or purge"), "{registered:?}");
        // Another name is free.
        client.apply(&kept).await.unwrap();
        client.deleted_items().purge(id).await.unwrap();
        tokio::time::advance(Duration::from_secs(61)).await;
        register(&client, &registration).await;
    }
}

fn assert_is_held(error: &Error, id: &str) {
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, ErrorCode::UniqueNameTaken), "{error}");
    assert!(error.to_string().contains(id) && error.to_string().contains("Restore or purge"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_unique_name_of_an_adopted_app_is_held_by_a_deleted_one() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = AppRegistration::new("k", "App");
    let id = register(&client, &registration).await.application.unwrap().application_id;
    client.applications().delete(id).await.unwrap();
    let by_hand = client.applications().create(&NewApplication::new("App")).await.unwrap().app_id.unwrap();
    assert_is_held(&client.plan(&registration).adopt(by_hand).await.unwrap_err(), &id.to_string());
    let plan = client.plan(&registration).adopt(by_hand).without_unique_name().await.unwrap();
    client.apply(&plan).await.unwrap();
}

/// Entra says it then; where it can be read by then, the holder is named.
#[tokio::test(start_paused = true)]
async fn a_holder_that_a_plan_could_not_see_is_an_error_of_the_apply() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = AppRegistration::new("k", "App");
    let id = register(&client, &registration).await.application.unwrap().application_id;
    client.applications().delete(id).await.unwrap();
    let list = || Fault::on("GET", "/directory/deletedItems/**");
    for refusal in [list().refuses(403, "Authorization_RequestDenied", "No."), list().fails(503), list().body("{}")] {
        let client = tenant.client_builder().retry_policy(RetryPolicy::none()).build().unwrap();
        tenant.fault(refusal);
        let plan = client.plan(&registration).await.unwrap();
        assert_is_held(client.apply(&plan).await.unwrap_err().error(), &id.to_string());
    }
}

/// Whoever is slow finds what a new plan would find.
#[tokio::test(start_paused = true)]
async fn an_app_of_the_same_display_name_that_was_made_since_stops_the_apply() {
    let registration = AppRegistration::new("k", "App");
    for (later, is_kept) in [(10, false), (0, true), (3600, true)] {
        let tenant = tenant();
        let client = tenant.client();
        let plan = client.plan(&registration).await.unwrap();
        let plan = if is_kept { Plan::from_json(&plan.to_json()).unwrap() } else { plan };
        tokio::time::advance(Duration::from_secs(later)).await;
        let by_hand = client.applications().create(&NewApplication::new("App")).await.unwrap().app_id.unwrap();
        quiet(&tenant);
        let error = client.apply(&plan).await.unwrap_err();
        assert_eq!(error.error().code(), ErrorCode::SameDisplayName, "{error}");
        assert_eq!(error.error().code(), client.plan(&registration).await.unwrap_err().code());
        assert!(error.to_string().contains(&by_hand.to_string()), "{error}");
        assert_eq!(counts(&tenant).1, 0, "nothing is written");
    }
}

/// What cannot be adopted is found with all the rest: a plan names everything, and a checklist goes on.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_adopted_is_found_beside_the_rest() {
    let tenant = builder().without_permission(MICROSOFT_GRAPH, "AuditLog.Read.All").build();
    let client = tenant.client();
    let registration = AppRegistration::new("k", "App")
        .permission(application::AUDIT_LOG_READ_ALL)
        .redirect_uri(RedirectUri::web("https://a.example/cb").unwrap());
    register(&client, &AppRegistration::new("k", "App")).await;
    register(&client, &AppRegistration::new("k2", "Other")).await;
    let apps = tenant.applications();
    let of = |name: &str| apps.iter().find(|app| app.unique_name.as_deref() == Some(name)).unwrap().app_id;
    let by_hand = client.applications().create(&NewApplication::new("By hand")).await.unwrap().app_id.unwrap();
    tokio::time::advance(Duration::from_secs(3600)).await;
    for (adopted, code, said) in [
        (AppId::from_u128(7), ErrorCode::AdoptedAppNotFound, "no application with the client id"),
        (of("k2"), ErrorCode::AdoptionConflict, "belongs to another application"),
        (by_hand, ErrorCode::AdoptionConflict, &of("k").to_string()),
    ] {
        let error = client.plan(&registration).adopt(adopted).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.message().contains(said) && error.message().contains("AuditLog.Read.All"), "{error}");
        let checklist = client.verify(&registration).adopt(adopted).await.unwrap();
        let item = |code: &str| checklist.items.iter().find(|item| item.id.to_string() == code).unwrap();
        assert!(!item("registered").done, "{checklist}");
        assert!(item("registered").remedy.as_ref().unwrap().contains(code.remedy()), "{checklist}");
        let declared = item("permission_declared:AuditLog.Read.All:application");
        assert!(declared.remedy.as_ref().unwrap().contains("does not publish"), "{checklist}");
        assert!(!item("redirect_uri:web:https://a.example/cb").done, "{checklist}");
    }
    // The unique name is free, and another one is there already.
    let other = AppRegistration::new("k3", "App");
    let error = client.plan(&other).adopt(of("k2")).await.unwrap_err();
    assert!(error.message().contains("has the unique name k2 already"), "{error}");
    assert!(!client.verify(&other).adopt(of("k2")).await.unwrap().items[0].done);
}
