//! Requests that fail, and a re-run that completes the job.

use std::time::Duration;

use entra_apps::{ErrorKind, RetryPolicy};
use entra_emulator::{Fault, RetryAfter};

use crate::guides;
use crate::support::{builder, counts, tenant};

#[tokio::test(start_paused = true)]
async fn a_lost_answer_loses_no_secret_and_needs_no_second_run() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false);
    tenant.fault(Fault::on("POST", "/$batch").nth(2).alone().response_lost());
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
