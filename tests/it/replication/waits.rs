//! The client waits for what it wrote itself, and for nothing else.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::model::{NewApplication, NewPasswordCredential, NewServicePrincipal};
use entra_apps::token::{AccessToken, TokenProvider, TokenRequest};
use entra_apps::{AppRegistration, Client, ClientSecret, ErrorKind, RetryPolicy};
use entra_emulator::{Fault, Lag, MemoryCloud, MemoryTenant};

use crate::support::{TODAY, builder, counts, guides, quiet, register, tenant, token};

#[tokio::test(start_paused = true)]
async fn a_registration_converges_under_lag_and_nothing_is_written_twice() {
    for seconds in [1, 10, 30] {
        let tenant = builder().lag(Duration::from_secs(seconds)).build();
        tenant.settle();
        let client = tenant.client();
        let registration = guides::immybot::registration("contoso").unwrap();
        let registered = register(&client, &registration).await;
        assert_eq!(registered.secrets.len(), 1);
        quiet(&tenant);
        let plan = client.plan(&registration).holding(registered.secrets[0].key_id).await.unwrap();
        assert!(plan.is_converged(), "{seconds} s: {plan}");
        assert_eq!(counts(&tenant).1, 0, "{seconds} s");
        assert!(client.verify(&registration).await.unwrap().is_done(), "{seconds} s");
        let named = tenant.applications().into_iter().filter(|app| app.display_name == registration.display_name());
        assert_eq!(named.count(), 1, "{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn the_client_waits_for_what_it_wrote() {
    let tenant = builder().lag(Duration::from_secs(20)).build();
    tenant.settle();
    let client = tenant.client();
    let app = client.applications().create(&NewApplication::new("Fresh")).await.unwrap();
    let id = app.id.unwrap();
    assert_eq!(client.applications().get(id).await.unwrap().id, Some(id));

    let app = client.applications().create(&NewApplication::new("Fresher")).await.unwrap();
    client.service_principals().create(&NewServicePrincipal::new(app.app_id.unwrap())).await.unwrap();

    let app = client.applications().create(&NewApplication::new("Freshest")).await.unwrap();
    let secret = client.applications().add_password(app.id.unwrap(), &NewPasswordCredential::new()).await.unwrap();
    client.applications().remove_password(app.id.unwrap(), secret.key_id.unwrap()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_this_client_did_not_write_is_not_waited_for() {
    let tenant = tenant();
    let client = tenant.client();
    client.tenant_id().await.unwrap();
    let before = tokio::time::Instant::now();
    quiet(&tenant);
    let nobody = entra_apps::ids::AppId::from_u128(1);
    assert!(client.applications().find(nobody).await.unwrap().is_none());
    let error = client.service_principals().create(&NewServicePrincipal::new(nobody)).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::NotFound, 1), "{error}");
    assert_eq!(counts(&tenant).0, 2);
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn waiting_is_reported_as_progress() {
    use std::sync::{Arc, Mutex};
    let tenant = builder().lag(Duration::from_secs(10)).build();
    tenant.settle();
    let client = tenant.client();
    let registration = AppRegistration::new("k", "App");
    let plan = client.plan(&registration).await.unwrap();
    let waits = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&waits);
    client
        .apply(&plan)
        .on_progress(move |event| {
            if let entra_apps::provision::Progress::Waiting(wait) = event {
                told.lock().unwrap().push((wait.operation.to_string(), wait.reason));
            }
        })
        .await
        .unwrap();
    let waits = waits.lock().unwrap();
    assert!(waits.iter().any(|(_, reason)| *reason == entra_apps::WaitReason::Replication), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn what_this_client_deleted_is_not_waited_for() {
    let tenant = tenant();
    let client = tenant.client();
    let registered = register(&client, &guides::netwrix::registration("Contoso", false)).await;
    let app = registered.application.unwrap();
    client.applications().delete(app.application_id).await.unwrap();
    let before = tokio::time::Instant::now();
    assert!(client.applications().find(app.app_id).await.unwrap().is_none());
    assert!(client.service_principals().find(app.service_principal_id.unwrap()).await.unwrap().is_none());
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn what_this_client_removed_is_not_waited_for_by_verify() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = AppRegistration::new("k", "App").credential(ClientSecret::new("Main"));
    let first = register(&client, &registration).await;
    let app_id = first.application.unwrap().app_id;
    let plan = client.plan(&registration).replace_secret("Main").await.unwrap();
    client.apply(&plan).await.unwrap();
    client.applications().remove_password(app_id, first.secrets[0].key_id).await.unwrap();
    let before = tokio::time::Instant::now();
    assert!(client.verify(&registration).await.unwrap().is_done());
    client.applications().delete(app_id).await.unwrap();
    assert!(!client.verify(&registration).await.unwrap().is_done());
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_falls_behind_again_causes_no_second_write() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false);
    register(&client, &registration).await;
    assert!(client.plan(&registration).await.unwrap().is_converged());
    tenant.set_lag(Lag::all(Duration::from_secs(40)));
    let plan = client.plan(&registration).await.unwrap();
    assert!(plan.is_converged(), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn lag_that_outlasts_the_deadline_is_not_taken_for_absence() {
    let tenant = builder().lag(Duration::from_secs(50)).build();
    tenant.settle();
    let client = tenant.client();
    let id = client.applications().create(&NewApplication::new("Fresh")).await.unwrap().id.unwrap();
    let error = client.with_deadline(Duration::from_secs(5)).applications().find(id).await.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Deadline, "not_visible_yet"), "{error}");
    let plan = client.plan(&guides::netwrix::registration("Contoso", false)).await.unwrap();
    let error = client.apply(&plan).deadline(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::Deadline, "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_failed_unwritten_is_not_waited_for() {
    for (method, path) in [
        ("PATCH", "/applications/*"),
        ("POST", "/servicePrincipals"),
        ("POST", "/servicePrincipals/*/appRoleAssignedTo"),
        ("POST", "/oauth2PermissionGrants"),
    ] {
        let tenant = tenant();
        let client = tenant.client_builder().retry_policy(RetryPolicy::none()).build().unwrap();
        let registration = guides::immybot::registration("contoso").unwrap();
        let plan = client.plan(&registration).await.unwrap();
        tenant.fault(Fault::on(method, path).in_batch().fails(503));
        let error = client.apply(&plan).approve_all().await.unwrap_err();
        assert_eq!(error.error().kind(), ErrorKind::Service, "{method} {path}: {error}");
        let before = tokio::time::Instant::now();
        for _ in 0..3 {
            let plan = client.plan(&registration).await.unwrap();
            assert!(!plan.is_converged(), "{method} {path}: {plan}");
        }
        register(&client, &registration).await;
        assert!(before.elapsed() < Duration::from_secs(1), "{method} {path}");
        assert!(client.verify(&registration).await.unwrap().is_done(), "{method} {path}");
    }
}

/// Signs in to any tenant of a cloud.
#[derive(Debug)]
struct SignedInEverywhere(MemoryCloud);

#[entra_apps::async_trait]
impl TokenProvider for SignedInEverywhere {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, entra_apps::BoxError> {
        let roles = [
            "Application.ReadWrite.All",
            "AppRoleAssignment.ReadWrite.All",
            "DelegatedPermissionGrant.ReadWrite.All",
            "Directory.Read.All",
        ];
        let token = token(self.0.tenant(&request.tenant.to_string()).expect("it is of the cloud"), &roles).await;
        Ok(AccessToken::new(token.into(), TODAY + entra_apps::time::Duration::HOUR))
    }
}

/// A client that may do the job in every tenant of the cloud.
pub(crate) fn client_everywhere(cloud: &MemoryCloud, tenant: &MemoryTenant) -> Client {
    Client::builder()
        .tenant(tenant.id())
        .token_provider(Arc::new(SignedInEverywhere(cloud.clone())))
        .transport(Arc::new(cloud.clone()))
        .clock(tenant.clock())
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_was_written_to_another_tenant_is_not_waited_for() {
    let cloud = MemoryCloud::new([builder(), builder()]);
    let [one, other] = cloud.tenants() else { unreachable!("they are two") };
    let client = client_everywhere(&cloud, one);
    let registration = guides::immybot::registration("contoso").unwrap();
    let app_id = register(&client, &registration).await.application.unwrap().app_id;

    let client = client.for_tenant(other.id());
    let before = tokio::time::Instant::now();
    assert!(client.applications().find(app_id).await.unwrap().is_none());
    let plan = client.plan(&registration).await.unwrap();
    assert!(plan.changes().any(|step| step.id.to_string() == "registered"), "{plan}");
    let registered = client.apply(&plan).approve_all().await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(1));
    assert_ne!(registered.application.unwrap().app_id, app_id);
    assert!(client.verify(&registration).await.unwrap().is_done());
}
