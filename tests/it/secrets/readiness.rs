//! A new secret is waited for until it works, and no longer than that makes sense.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use entra_apps::permission::microsoft_graph::application;
use entra_apps::{AppRegistration, ClientSecret, ErrorCode, ErrorKind, IssuedSecret};
use entra_emulator::{Fault, Lag};

use crate::support::{builder, register, tenant};

fn registration() -> AppRegistration {
    AppRegistration::new("k", "App").credential(ClientSecret::new("Main")).permission(application::USER_READ_ALL)
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_waited_for_until_it_works_three_times_in_a_row() {
    let tenant = builder().lags(Lag::none().sign_in(Duration::from_secs(20))).build();
    tenant.settle();
    let client = tenant.client();
    let registered = register(&client, &registration()).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    let usable = client
        .wait_until_usable(&registered.secrets[0], &registration())
        .on_progress(move |progress| told.lock().unwrap().push(format!("{progress:?}")))
        .await
        .unwrap();
    assert_eq!(usable.roles, ["User.Read.All"]);
    assert!(usable.waited >= Duration::from_secs(19) && usable.waited < Duration::from_secs(60), "{usable:?}");
    let seen = seen.lock().unwrap().join("\n");
    assert!(seen.contains("Replication") && seen.contains("2 of 3 times"), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn a_success_between_failures_does_not_count() {
    let tenant = tenant();
    let client = tenant.client();
    let registered = register(&client, &registration()).await;
    tenant.fault(Fault::on("POST", "/oauth2/v2.0/token").nth(3).refuses(
        401,
        "AADSTS7000215",
        "Invalid client secret.",
    ));
    let usable = client.wait_until_usable(&registered.secrets[0], &registration()).await.unwrap();
    assert_eq!(usable.sign_ins, 6, "two, a failure, three");
}

#[tokio::test(start_paused = true)]
async fn each_refusal_of_a_new_app_or_secret_is_waited_for() {
    let tenant = tenant();
    let client = tenant.client();
    let registered = register(&client, &registration()).await;
    for code in ["AADSTS7000215", "AADSTS7000222", "AADSTS700016", "AADSTS7000229", "AADSTS650051", "AADSTS65001"] {
        tenant.fault(Fault::on("POST", "/oauth2/v2.0/token").refuses(401, code, "Not yet."));
        let usable = client.wait_until_usable(&registered.secrets[0], &registration()).await;
        assert_eq!(usable.unwrap_or_else(|error| panic!("{code}: {error}")).sign_ins, 4, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_without_the_granted_permissions_is_not_enough() {
    let tenant = tenant();
    let client = tenant.client();
    let registered = register(&client, &registration()).await;
    for held in tenant.app_role_assignments().iter().rev().take(1) {
        let path = format!("/servicePrincipals/{}/appRoleAssignments/{}", held.principal_id, held.id);
        tenant.send_json("DELETE", &path, None);
    }
    let wanted = registration();
    let wait = client.wait_until_usable(&registered.secrets[0], &wanted);
    let error = wait.deadline(Duration::from_secs(60)).await.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Deadline, "permissions_not_in_token"));
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("User.Read.All"));
}

#[tokio::test(start_paused = true)]
async fn a_consent_that_never_comes_is_not_waited_for_for_ever() {
    let tenant = tenant();
    let caller = tenant.add_caller(&["Application.ReadWrite.All", "Directory.Read.All"]);
    let client = tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build().unwrap();
    let plan = client.plan(&registration()).await.unwrap();
    let report = client.apply(&plan).await.unwrap_err().into_parts().1;
    let wanted = registration();
    // Neither the wait nor the client has a deadline.
    let wait = client.wait_until_usable(&report.secrets[0], &wanted).into_future();
    let ended = tokio::time::timeout(Duration::from_secs(3600), wait).await.expect("an end within the hour");
    let error = ended.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Deadline, "permissions_not_in_token"));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_wait_and_the_secret_stays() {
    let tenant = builder().lags(Lag::none().sign_in(Duration::from_secs(3600))).build();
    tenant.settle();
    let client = tenant.client();
    let registered = register(&client, &registration()).await;
    let before = tokio::time::Instant::now();
    let wanted = registration();
    let wait = client.wait_until_usable(&registered.secrets[0], &wanted);
    let error = wait.deadline(Duration::from_secs(90)).await.unwrap_err();
    assert!(before.elapsed() <= Duration::from_secs(90), "{:?}", before.elapsed());
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Deadline, "secret_not_usable"));
    assert!(error.remedy().contains("The secret is yours"), "{error}");
    assert_eq!(registered.secrets.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_hangs_when_the_time_is_up_does_not_hide_why_it_was_refused_before() {
    let tenant = tenant();
    let client = tenant.client();
    let registered = register(&client, &registration()).await;
    let sign_in = || Fault::on("POST", "/oauth2/v2.0/token");
    tenant.fault(sign_in().refuses(401, "AADSTS700016", "Not yet."));
    tenant.fault(sign_in().nth(2).hangs());
    let wanted = registration();
    let wait = client.wait_until_usable(&registered.secrets[0], &wanted);
    let error = wait.deadline(Duration::from_secs(10)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::SecretNotUsable);
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("AADSTS700016"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_a_stored_secret_is_waited_for_by_its_ids_and_value() {
    let tenant = tenant();
    let issued = register(&tenant.client(), &registration()).await.secrets.remove(0);
    let stored = (issued.tenant_id.to_string(), issued.app_id.to_string(), issued.key_id.to_string(), issued.value);

    let (tenant_id, app_id, key_id) = (stored.0.parse().unwrap(), stored.1.parse().unwrap(), stored.2.parse().unwrap());
    let secret = IssuedSecret::new(tenant_id, app_id, key_id, stored.3);
    let usable = tenant.client().wait_until_usable(&secret, &registration()).await.unwrap();
    assert_eq!((usable.sign_ins, usable.roles), (3, vec!["User.Read.All".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_waiting_does_not_mend_is_returned_at_once() {
    let tenant = tenant();
    let client = tenant.client();
    let registered = register(&client, &registration()).await;
    tenant.fault(Fault::on("POST", "/oauth2/v2.0/token").refuses(400, "AADSTS7000112", "The application is disabled."));
    let error = client.wait_until_usable(&registered.secrets[0], &registration()).await.unwrap_err();
    assert_eq!((error.kind(), error.service_code()), (ErrorKind::SignIn, Some("AADSTS7000112")));
    let secret: &IssuedSecret = &registered.secrets[0];
    let value = entra_apps::secrecy::ExposeSecret::expose_secret(&secret.value);
    assert!(!format!("{:?} {error:?} {error}", client.wait_until_usable(secret, &registration())).contains(value));
}
