//! Promises that are easily broken between two runs, two replicas or two writers.

use std::time::Duration;

use entra_apps::ids::{AppId, PermissionId, TenantId};
use entra_apps::model::{NewApplication, NewPasswordCredential};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::permission::{Permission, PermissionKind};
use entra_apps::token::{TokenProvider, TokenRequest};
use entra_apps::{AppRegistration, ClientSecret, ErrorKind, Platform};
use entra_emulator::{Api, Fault, Lag, RetryAfter};

use crate::guides;
use crate::support::{builder, builder_with_own_id, counts, quiet, register, secrets_of, tenant};

#[tokio::test(start_paused = true)]
async fn a_plan_applied_again_after_a_failure_issues_no_second_secret() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false);
    let plan = client.plan(&registration).await.unwrap();
    tenant.fault(Fault::on("POST", "/servicePrincipals/*/appRoleAssignedTo").refuses(
        403,
        "Authorization_RequestDenied",
        "No.",
    ));
    let error = client.apply(&plan).await.unwrap_err();
    assert_eq!(error.report().secrets.len(), 1);
    client.apply(&plan).await.unwrap();
    assert_eq!(secrets_of(&tenant).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_falls_behind_again_makes_nobody_write_twice() {
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
async fn a_secret_lost_together_with_the_look_for_it_is_told_or_removed() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false);
    let plan = client.plan(&registration).await.unwrap();
    tenant.fault(Fault::on("POST", "/$batch").nth(1).alone().answer_lost());
    tenant.fault(Fault::on("GET", "/applications/*").alone().refuses(403, "Authorization_RequestDenied", "No."));
    let error = client.apply(&plan).await.unwrap_err();
    let told = !error.report().open.is_empty();
    assert!(told || secrets_of(&tenant).is_empty(), "{:?}", error.report());
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_the_same_name_that_somebody_else_made_is_not_taken_for_the_lost_one() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false);
    let registered = register(&client, &registration).await;
    let (app, held) = (registered.application.unwrap(), &registered.secrets[0]);
    let theirs = NewPasswordCredential::new().display_name(&held.display_name);
    let theirs = tenant.client().applications().add_password(app.application_id, &theirs).await.unwrap();
    let plan = client.plan(&registration).holding(held.key_id).replace_secret(&held.display_name).await.unwrap();
    tenant.clear_requests();
    tenant.fault(Fault::on("POST", "/applications/*/addPassword").answer_lost());
    let replaced = client.apply(&plan).await.unwrap();
    let removals = tenant.requests().iter().filter(|request| request.path.ends_with("removePassword")).count();
    assert_eq!((replaced.secrets.len(), removals), (1, 1), "{:?}", replaced.open);
    let live = client.applications().get(app.app_id).await.unwrap().password_credentials;
    let live: Vec<_> = live.iter().filter_map(|secret| secret.key_id).collect();
    assert_eq!(live.len(), 3, "{live:?}");
    for key in [held.key_id, theirs.key_id.unwrap(), replaced.secrets[0].key_id] {
        assert!(live.contains(&key), "{key} is gone");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_secret_that_one_replica_does_not_know_yet_is_removed_all_the_same() {
    let tenant = tenant();
    let client = tenant.client();
    let plan = client.plan(&guides::netwrix::registration("Contoso", false)).await.unwrap();
    tenant.fault(Fault::on("POST", "/$batch").alone().answer_lost());
    let unknown = Fault::on("POST", "/applications/*/removePassword").times(3);
    tenant.fault(unknown.refuses(400, "Request_BadRequest", "No password credential found with keyId."));
    let registered = client.apply(&plan).await.unwrap();
    assert_eq!((registered.secrets.len(), secrets_of(&tenant).len()), (1, 1), "{:?}", registered.open);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_with_ids_of_its_own_converges() {
    let other = PermissionId::from_u128(0xabcd);
    let tenant = builder_with_own_id("AuditLog.Read.All", other).build();
    let client = tenant.client();
    let registration = guides::patch_my_pc::registration();
    register(&client, &registration).await;
    let plan = client.plan(&registration).await.unwrap();
    assert!(plan.is_converged(), "{plan}");
    assert!(client.verify(&registration).await.unwrap().is_done());
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
async fn what_this_client_changed_itself_is_not_waited_for() {
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
async fn a_token_of_another_tenant_is_refused() {
    let tenant = tenant();
    let client = tenant.client().for_tenant(TenantId::from_u128(7));
    let error = client.plan(&AppRegistration::new("k", "App")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SignIn, "{error}");
    // A token that ignores which tenant is asked for.
    let caller = tenant.caller();
    let service = entra_apps::auth::SignInService::new(
        entra_apps::cloud::Cloud::global(),
        std::sync::Arc::new(tenant.clone()),
        tenant.clock(),
    );
    let provider = entra_apps::auth::ClientSecretProvider::new(service, caller.client_id, caller.client_secret);
    let token = provider
        .token(&TokenRequest::new(tenant.id().to_string(), "https://graph.microsoft.com/.default"))
        .await
        .unwrap();
    let own = entra_apps::auth::StaticToken::new(token.secret);
    let client = tenant
        .client_builder()
        .tenant(TenantId::from_u128(7))
        .token_provider(std::sync::Arc::new(own))
        .build()
        .unwrap();
    quiet(&tenant);
    let error = client.plan(&AppRegistration::new("k", "App")).await.unwrap_err();
    assert_eq!(error.code(), "token_of_another_tenant", "{error}");
    assert_eq!(counts(&tenant).0, 0);
}

#[tokio::test(start_paused = true)]
async fn surplus_on_an_api_that_is_not_named_is_listed_and_removed_by_exact() {
    let api = AppId::from_u128(42);
    let things = Api::new(api, "Things").delegated_permission("Things.Use", PermissionId::from_u128(8));
    let tenant = builder().api(things).build();
    let client = tenant.client();
    let used = Permission::by_name(api, "Things.Use", PermissionKind::Delegated).unwrap();
    let narrow = AppRegistration::new("k", "App").permission(application::DIRECTORY_READ_ALL);
    let wide = narrow.clone().permission(used).permission(delegated::USER_READ);
    register(&client, &wide).await;
    let checklist = client.verify(&narrow).await.unwrap();
    let surplus: Vec<_> = checklist.items.iter().filter(|item| item.code.starts_with("surplus_grant")).collect();
    assert_eq!(surplus.len(), 2, "{checklist}");

    let exact = narrow.exact();
    let app_id = register(&client, &exact).await.application.unwrap().app_id;
    assert!(client.oauth2_permission_grants().list_held_by(app_id).all().await.unwrap().is_empty());
    assert!(client.plan(&exact).await.unwrap().is_converged());
}

#[tokio::test(start_paused = true)]
async fn lag_that_outlasts_the_deadline_is_not_taken_for_absence() {
    let tenant = builder().lag(Duration::from_secs(50)).build();
    tenant.settle();
    let client = tenant.client();
    let id = client.applications().create(&NewApplication::new("Fresh")).await.unwrap().id.unwrap();
    let error = client.with_deadline(Duration::from_secs(5)).applications().find(id).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Deadline, "not_visible_yet"), "{error}");
    let plan = client.plan(&guides::netwrix::registration("Contoso", false)).await.unwrap();
    let error = client.apply(&plan).deadline(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::Deadline, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_bounds_the_wait_for_another_run() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = AppRegistration::new("k", "App").credential(ClientSecret::new("Main"));
    let plan = client.plan(&registration).await.unwrap();
    tenant.fault(Fault::on("PATCH", "/applications/*").alone().throttled(RetryAfter::Seconds(200)));
    let (other, same) = (client.clone(), plan.clone());
    let slow = tokio::spawn(async move { other.apply(&same).await.map(|_| ()) });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = tokio::time::Instant::now();
    let error = client.apply(&plan).deadline(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::Deadline);
    assert!(before.elapsed() < Duration::from_secs(6));
    slow.await.unwrap().unwrap();
    assert_eq!(
        client.with_deadline(Duration::MAX).applications().list().all().await.unwrap().len(),
        tenant.applications().len()
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_for_replicas_uses_up_no_patience_with_throttling() {
    let tenant = builder().lag(Duration::from_secs(40)).build();
    tenant.settle();
    let client = tenant.client();
    let id = client.applications().create(&NewApplication::new("Fresh")).await.unwrap().id.unwrap();
    tenant.fault(Fault::on("GET", "/applications/*").nth(7).throttled(RetryAfter::Seconds(1)));
    assert!(client.applications().find(id).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_date_in_retry_after_is_given_as_a_duration() {
    let tenant = tenant();
    let client = tenant.client();
    tenant.fault(Fault::on("GET", "/organization").throttled(RetryAfter::Date(Duration::from_secs(600))));
    let error = client.organization().get().await.unwrap_err();
    let asked = error.retry_after().unwrap();
    assert!(asked > Duration::from_secs(590) && asked <= Duration::from_secs(600), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_dependency_of_nothing_is_an_answer() {
    let tenant = tenant();
    let client = tenant.client();
    tenant.fault(Fault::on("GET", "/organization").always().refuses(424, "FailedDependency", "No."));
    let mut batch = client.batch().in_order();
    let ticket = batch.add(client.organization().get());
    assert!(batch.await.unwrap().take(ticket).is_err());
    assert_eq!(counts(&tenant).0, 1);
}

#[tokio::test(start_paused = true)]
async fn an_upsert_is_refused_in_a_batch() {
    let client = tenant().client();
    let mut batch = client.batch();
    let _ticket =
        batch.add(client.applications().upsert("k", &entra_apps::model::ApplicationPatch::new().display_name("x")));
    assert_eq!(batch.send().await.unwrap_err().code(), "not_in_a_batch");
}

#[tokio::test(start_paused = true)]
async fn verify_shows_what_a_plan_would_refuse() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = |end| AppRegistration::new("k", "App").credential(ClientSecret::new("Main").valid_until(end));
    let end = crate::support::TODAY + entra_apps::time::Duration::days(2);
    register(&client, &registration(end)).await;
    tokio::time::advance(Duration::from_secs(3 * 24 * 3600)).await;
    assert!(!client.verify(&registration(end)).await.unwrap().is_done());
    assert_eq!(client.plan(&registration(end)).await.unwrap_err().code(), "secret_lifetime");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_app_that_holds_the_key_is_named() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = AppRegistration::new("k", "App");
    let id = register(&client, &registration).await.application.unwrap().application_id;
    client.applications().delete(id).await.unwrap();
    let plan = client.plan(&registration).await.unwrap();
    let error = client.apply(&plan).await.unwrap_err();
    assert_eq!(error.error().code(), "key_taken");
    assert!(error.to_string().contains(&id.to_string()), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_redirect_uri_of_another_platform_is_told_before_it_is_sent() {
    let tenant = tenant();
    let client = tenant.client();
    register(&client, &AppRegistration::new("k", "App").redirect_uri(Platform::Spa, "https://a.example/cb")).await;
    quiet(&tenant);
    let error = client
        .plan(&AppRegistration::new("k", "App").redirect_uri(Platform::Web, "https://a.example/cb"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "redirect_uri_elsewhere", "{error}");
    assert_eq!(counts(&tenant).1, 0);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_whose_name_cannot_be_read_is_planned_all_the_same() {
    let tenant = tenant();
    let client = tenant.client();
    tenant.fault(Fault::on("GET", "/organization").always().refuses(400, "Request_BadRequest", "No."));
    let plan = client.plan(&AppRegistration::new("k", "App")).await.unwrap();
    assert_eq!(plan.tenant_name(), None);
}

#[tokio::test(start_paused = true)]
async fn the_same_permission_by_id_and_by_name_is_refused() {
    let api = AppId::from_u128(42);
    let things = Api::new(api, "Things").delegated_permission("Things.Use", PermissionId::from_u128(8));
    let client = builder().api(things).build().client();
    let registration = AppRegistration::new("k", "App")
        .permission(Permission::by_name(api, "Things.Use", PermissionKind::Delegated).unwrap())
        .permission(Permission::by_id(api, PermissionId::from_u128(8), PermissionKind::Delegated));
    assert_eq!(client.plan(&registration).await.unwrap_err().code(), "permission_twice");
}
