//! Which application is meant is never guessed: it is found by its unique name, adopted by its id, or created.

use std::time::Duration;

use entra_apps::{AppRegistration, ErrorKind};

use crate::support::{guides, register, tenant};

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
async fn a_unique_name_held_by_a_deleted_app_is_an_error_that_names_the_app() {
    for later in [Duration::ZERO, Duration::from_secs(61)] {
        let tenant = tenant();
        let client = tenant.client();
        let registration = AppRegistration::new("k", "App");
        let id = register(&client, &registration).await.application.unwrap().application_id;
        client.applications().delete(id).await.unwrap();
        tokio::time::advance(later).await;
        let plan = client.plan(&registration).await.unwrap();
        let error = client.apply(&plan).await.unwrap_err();
        assert_eq!(
            (error.error().kind(), error.error().code().as_str()),
            (ErrorKind::Conflict, "unique_name_taken"),
            "{error}"
        );
        assert!(error.to_string().contains(&id.to_string()), "{error}");
        assert!(error.to_string().contains("Restore or purge"), "{error}");
    }
}
