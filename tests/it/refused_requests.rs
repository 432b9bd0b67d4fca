//! What the service refuses is an error that names what is missing, with the report of what was done.

use std::time::Duration;

use entra_apps::ids::KeyId;
use entra_apps::model::{ApplicationPatch, NewApplication, NewPasswordCredential, NewServicePrincipal};
use entra_apps::permission::{MICROSOFT_GRAPH, Permission};
use entra_apps::secrecy::ExposeSecret;
use entra_apps::{AppRegistration, ClientSecret, ErrorCode, ErrorKind};
use entra_emulator::{Fault, SecretPolicy};

use crate::support::{builder, guides, tenant};

fn app() -> AppRegistration {
    AppRegistration::new("k", "App")
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_named() {
    let tenant = tenant();
    let caller = tenant.add_caller(&["Application.Read.All", "Directory.Read.All"]);
    let client = tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build().unwrap();
    let plan = client.plan(&app()).await.unwrap();
    let error = client.apply(&plan).await.unwrap_err();
    let error = error.error();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Forbidden, "missing_permission"));
    assert_eq!(error.service_code(), Some("Authorization_RequestDenied"));
    assert!(error.to_string().contains("Application.ReadWrite.All"), "{error}");
    assert!(error.request_id().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_apply_that_may_not_grant_does_the_rest_and_names_what_is_missing() {
    let tenant = tenant();
    let caller = tenant.add_caller(&["Application.ReadWrite.All", "Directory.Read.All"]);
    let client = tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build().unwrap();
    let plan = client.plan(&guides::netwrix::registration("Contoso", false)).await.unwrap();
    let error = client.apply(&plan).await.unwrap_err();
    assert!(error.error().to_string().contains("AppRoleAssignment.ReadWrite.All"), "{error}");
    let [secret] = &error.report().secrets[..] else { panic!("the secret is handed out all the same: {error}") };
    let name = format!("“{}”", secret.display_name.as_deref().unwrap());
    let text = error.to_string();
    for part in [&name, "report().secrets", "Run it again (plan and apply): what was done is found and not done twice."]
    {
        assert!(text.contains(part), "{text}");
    }
    let value = ExposeSecret::expose_secret(&secret.value);
    assert!(!text.contains(value) && !serde_json::to_string(&error).unwrap().contains(value));
    assert!(error.report().application.as_ref().unwrap().service_principal_id.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_revoked_half_way_ends_an_apply_with_the_report() {
    let tenant = builder().build();
    let client = tenant.client();
    let registration = guides::immybot::registration("contoso").unwrap();
    let plan = client.plan(&registration).await.unwrap();
    let lost = "AppRoleAssignment.ReadWrite.All";
    tenant.fault(Fault::on("POST", "/servicePrincipals/*/appRoleAssignedTo").revokes(lost));
    let error = client.apply(&plan).approve_all().await.unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::Forbidden, "{error}");
    assert!(error.report().application.is_some(), "what was done is reported");
    let held: Vec<_> = error.report().secrets.iter().map(|secret| secret.key_id).collect();
    // Granted again by an administrator, it counts in a new token.
    let graph = tenant.service_principals().into_iter().find(|app| app.app_id == MICROSOFT_GRAPH).unwrap();
    let id = Permission::application(lost).unwrap().id().unwrap();
    let caller = tenant.caller().service_principal_id;
    let body = format!(r#"{{"principalId":"{caller}","resourceId":"{}","appRoleId":"{id}"}}"#, graph.id);
    let path = format!("/servicePrincipals/{}/appRoleAssignedTo", graph.id);
    assert_eq!(tenant.send_json("POST", &path, Some(&body)).0, 201);
    let client = tenant.client();
    let mut request = client.plan(&registration);
    for key in held {
        request = request.holding(key);
    }
    client.apply(&request.await.unwrap()).approve_all().await.unwrap();
    assert!(client.verify(&registration).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_forbids_the_lifetime_is_named() {
    let lifetime = Duration::from_secs(30 * 24 * 3600);
    let policy = SecretPolicy::MaxLifetime { policy_id: entra_apps::uuid::Uuid::from_u128(5), lifetime };
    let tenant = builder().secret_policy(policy).build();
    let client = tenant.client();
    let registration = app().credential(ClientSecret::new("x").valid_for_days(180));
    let plan = client.plan(&registration).await.unwrap();
    let error = client.apply(&plan).await.unwrap_err();
    assert_eq!(
        (error.error().kind(), error.error().code().as_str()),
        (ErrorKind::Refused, "secret_lifetime_forbidden_by_policy"),
        "{error}"
    );
    assert!(error.to_string().contains("policy"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_conflict_with_another_writer_is_not_taken_for_a_grant() {
    let tenant = tenant();
    let client = tenant.client();
    let plan = client.plan(&guides::netwrix::registration("Contoso", false)).await.unwrap();
    let busy = Fault::on("POST", "/servicePrincipals/*/appRoleAssignedTo").always();
    tenant.fault(busy.refuses(409, "Directory_ConcurrencyViolation", "Another write is under way."));
    let error = client.apply(&plan).await.unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::Conflict, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_change_is_not_taken_for_a_grant() {
    let tenant = tenant();
    let client = tenant.client();
    let body = r#"{"displayName": "App", "uniqueName": "one"}"#;
    let (status, _) = tenant.send_json("POST", "/applications", Some(body));
    assert!(status.is_success());
    let id = tenant.applications().last().unwrap().id;
    let patch = ApplicationPatch::new().unique_name("two");
    let error = client.applications().update(id, &patch).await.unwrap_err();
    assert_ne!(error.code().as_str(), "already_granted", "{error}");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
}

/// Whoever removes what is gone is told so by a code, and has what was wanted.
#[tokio::test(start_paused = true)]
async fn a_credential_that_is_gone_has_a_code_of_its_own() {
    let tenant = tenant();
    let client = tenant.client();
    let app = client.applications().create(&NewApplication::new("App")).await.unwrap();
    let (id, app_id) = (app.id.unwrap(), app.app_id.unwrap());
    let principal = client.service_principals().create(&NewServicePrincipal::new(app_id)).await.unwrap().id.unwrap();
    let new = NewPasswordCredential::new().display_name("Main");
    let of_app = client.applications().add_password(id, &new).await.unwrap().key_id.unwrap();
    let of_principal = client.service_principals().add_password(principal, &new).await.unwrap().key_id.unwrap();
    client.applications().remove_password(id, of_app).await.unwrap();
    client.service_principals().remove_password(principal, of_principal).await.unwrap();
    let before = tokio::time::Instant::now();
    for error in [
        client.applications().remove_password(id, of_app).await.unwrap_err(),
        client.service_principals().remove_password(principal, of_principal).await.unwrap_err(),
        client.applications().remove_password(id, KeyId::from_u128(7)).await.unwrap_err(),
    ] {
        assert_eq!((error.code(), error.kind()), (ErrorCode::CredentialNotFound, ErrorKind::NotFound), "{error}");
        assert!(error.remedy().contains("it is gone"), "{error}");
    }
    assert!(before.elapsed() < Duration::from_secs(10), "what this client has removed is no lag");
}
