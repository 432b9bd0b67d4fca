//! Requests that fail, and a re-run that completes the job.

use std::time::Duration;

use entra_apps::memory::{Fault, FaultOn, MemoryTenant, RetryAfter};
use entra_apps::{AppRegistration, Client, ErrorKind, RetryPolicy};

use crate::guides;
use crate::support::{builder, counts, tenant};

/// Applies until it converges: how many runs it took.
async fn converge(client: &Client, registration: &AppRegistration, label: &str) -> usize {
    let mut held = Vec::new();
    for run in 1..=5 {
        let mut request = client.plan(registration);
        for key in &held {
            request = request.holding(*key);
        }
        let Ok(plan) = request.await else { continue };
        if plan.is_converged() {
            return run;
        }
        match client.apply(&plan).approve_all().await {
            Ok(registered) => held.extend(registered.secrets.iter().map(|secret| secret.key_id)),
            Err(error) => held.extend(error.report().secrets.iter().map(|secret| secret.key_id)),
        }
    }
    panic!("{label}: not converged after five runs");
}

/// What must be so at the end: one of everything, and no secret that nobody holds.
async fn check(tenant: &MemoryTenant, client: &Client, registration: &AppRegistration, label: &str) {
    tenant.clear_faults();
    let named = tenant.applications().into_iter().filter(|app| app.display_name == registration.display_name());
    assert_eq!(named.count(), 1, "{label}: applications");
    let checklist = client.verify(registration).await.unwrap();
    assert!(checklist.is_done(), "{label}:\n{checklist}");
    let app_id = client.plan(registration).await.unwrap().app_id().unwrap();
    let app = client.applications().get(app_id).await.unwrap();
    assert_eq!(app.password_credentials.len(), 1, "{label}: secrets");
    let grants = client.oauth2_permission_grants().list_held_by(app_id).all().await.unwrap();
    assert_eq!(grants.len(), 1, "{label}: delegated grants");
}

type Make = fn(FaultOn) -> Fault;

const FAULTS: &[(&str, Make)] = &[
    ("not sent", FaultOn::unreachable),
    ("reset", FaultOn::reset),
    ("answer lost", FaultOn::answer_lost),
    ("429", |on| on.throttled(RetryAfter::Seconds(7))),
    ("500 before", |on| on.fails(500)),
    ("503 after", |on| on.fails_after_writing(503)),
    ("504 after", |on| on.fails_after_writing(504)),
    ("truncated", FaultOn::truncated),
];

#[tokio::test(start_paused = true)]
async fn every_request_of_a_first_run_may_fail_once() {
    let registration = guides::immybot::registration("contoso");
    for (name, make) in FAULTS {
        for (method, path, nth) in
            [("POST", "/$batch", 1), ("PATCH", "/applications/*", 1), ("POST", "/$batch", 2), ("POST", "/$batch", 3)]
        {
            let label = format!("{name} at {method} {path} {nth}");
            let tenant = tenant();
            let client = tenant.client();
            tenant.fault(make(Fault::on(method, path).nth(nth).alone()));
            converge(&client, &registration, &label).await;
            check(&tenant, &client, &registration, &label).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_item_of_a_batch_may_fail_once() {
    let registration = guides::immybot::registration("contoso");
    let items = [
        ("PATCH", "/applications/*"),
        ("POST", "/servicePrincipals"),
        ("POST", "/applications/*/addPassword"),
        ("POST", "/servicePrincipals/*/appRoleAssignedTo"),
        ("POST", "/oauth2PermissionGrants"),
    ];
    let faults: &[(&str, Make)] = &[
        ("429", |on| on.throttled(RetryAfter::Seconds(7))),
        ("500 before", |on| on.fails(500)),
        ("503 after", |on| on.fails_after_writing(503)),
        ("409", |on| on.refuses(409, "Directory_ConcurrencyViolation", "Another write is under way.")),
    ];
    for (method, path) in items {
        for (name, make) in faults {
            let label = format!("{name} at item {method} {path}");
            let tenant = tenant();
            let client = tenant.client();
            tenant.fault(make(Fault::on(method, path).in_batch()));
            let runs = converge(&client, &registration, &label).await;
            assert!(runs <= 2, "{label}: {runs} runs");
            check(&tenant, &client, &registration, &label).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_loses_no_secret_and_needs_no_second_run() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false);
    tenant.fault(Fault::on("POST", "/$batch").nth(2).alone().answer_lost());
    let plan = client.plan(&registration).await.unwrap();
    let registered = client.apply(&plan).await.unwrap();
    assert_eq!(registered.secrets.len(), 1);
    let app = client.applications().get(registered.application.unwrap().app_id).await.unwrap();
    let keys: Vec<_> = app.password_credentials.iter().filter_map(|secret| secret.key_id).collect();
    assert_eq!(keys, [registered.secrets[0].key_id], "the orphan is removed");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_out_in_both_forms() {
    for retry in [RetryAfter::Seconds(90), RetryAfter::Date(Duration::from_secs(90))] {
        let tenant = tenant();
        let client = tenant.client();
        client.tenant_id().await.unwrap();
        tenant.fault(Fault::on("GET", "/organization").throttled(retry));
        let before = tokio::time::Instant::now();
        client.organization().get().await.unwrap();
        let waited = before.elapsed();
        assert!(waited >= Duration::from_secs(89) && waited < Duration::from_secs(95), "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_an_apply_with_the_report_of_what_was_done() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false);
    let plan = client.plan(&registration).await.unwrap();
    tenant.fault(Fault::on("POST", "/$batch").always().throttled(RetryAfter::Seconds(120)));
    let before = tokio::time::Instant::now();
    let error = client.apply(&plan).deadline(Duration::from_secs(30)).await.unwrap_err();
    assert!(before.elapsed() < Duration::from_secs(2), "it ends at once, not at the deadline");
    assert_eq!(error.error().kind(), ErrorKind::Throttled, "{error}");
    assert!(error.report().application.is_some(), "what was done is told");
    tenant.clear_faults();
    let plan = client.plan(&registration).await.unwrap();
    client.apply(&plan).await.unwrap();
    assert!(client.verify(&registration).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_is_replaced_once() {
    let tenant = tenant();
    let client = tenant.client();
    tenant.fault(Fault::on("GET", "/organization").token_refused());
    client.organization().get().await.unwrap();
    let tokens = tenant.requests().iter().filter(|request| request.is_token).count();
    assert_eq!(tokens, 2);
    tenant.fault(Fault::on("GET", "/organization").always().token_refused());
    let error = client.organization().get().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::SignIn, "token_refused"));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_make_one_token_request() {
    let tenant = tenant();
    let client = tenant.client();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let client = client.clone();
        tasks.spawn(async move { client.tenant_id().await.unwrap() });
    }
    while let Some(task) = tasks.join_next().await {
        assert_eq!(task.unwrap(), tenant.id());
    }
    assert_eq!(tenant.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_next_link_to_another_host_gets_no_token() {
    let tenant = builder().base_url("https://evil.example").build();
    let client = tenant.client();
    for number in 0..3 {
        tenant.send_json("POST", "/applications", Some(&format!(r#"{{"displayName":"App {number}"}}"#)));
    }
    let error = client.applications().list().top(2).all().await.unwrap_err();
    assert_eq!(error.code(), "foreign_link");
    assert_eq!(counts(&tenant).0, 1, "nothing is sent there");
}

#[tokio::test(start_paused = true)]
async fn without_retries_each_request_is_sent_once() {
    let tenant = tenant();
    let client = tenant.client_builder().retry_policy(RetryPolicy::none()).build().unwrap();
    client.tenant_id().await.unwrap();
    tenant.clear_requests();
    tenant.fault(Fault::on("GET", "/organization").fails(503));
    let error = client.organization().get().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Service, 1));
    assert_eq!(counts(&tenant).0, 1);
}
