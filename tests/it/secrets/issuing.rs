//! A secret is issued once, replaced on request, and handed to a sink before any further step.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use entra_apps::clock::TokioClock;
use entra_apps::model::NewPasswordCredential;
use entra_apps::time::Duration as Span;
use entra_apps::{AppRegistration, ClientSecret, ErrorCode, ErrorKind, IssuedSecret, Plan, SecretSink};

use crate::support::{TODAY, register, secrets_of, tenant};

fn registration() -> AppRegistration {
    AppRegistration::new("k", "App").credential(ClientSecret::new("Main"))
}

#[tokio::test(start_paused = true)]
async fn a_second_run_issues_no_secret_and_lists_the_one_whose_value_nobody_named() {
    let tenant = tenant();
    let client = tenant.client();
    let first = register(&client, &registration()).await;
    let again = register(&client, &registration()).await;
    assert!(again.secrets.is_empty());
    let open = &again.open[0];
    assert_eq!((open.code, open.key_id), (ErrorCode::SecretValueUnknown, Some(first.secrets[0].key_id)), "{open:?}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_replaced_on_request_and_the_earlier_one_stays() {
    let tenant = tenant();
    let client = tenant.client();
    let first = register(&client, &registration()).await;
    let wanted = registration();
    let plan = client.plan(&wanted).replace_secret("Main").await.unwrap();
    let second = client.apply(&plan).await.unwrap();
    assert_ne!(first.secrets[0].key_id, second.secrets[0].key_id);
    let app = client.applications().get(second.application.unwrap().app_id).await.unwrap();
    assert_eq!(app.password_credentials.len(), 2);
    let error = client.plan(&wanted).replace_secret("Other").await.unwrap_err();
    assert_eq!(error.code().as_str(), "unknown_secret");
}

#[derive(Debug, Default)]
struct Sink {
    stored: Mutex<Vec<String>>,
    broken: bool,
}

#[async_trait]
impl SecretSink for Sink {
    async fn store(&self, secret: &IssuedSecret) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if self.broken {
            return Err("the vault is sealed".into());
        }
        self.stored.lock().unwrap().push(secret.key_id.to_string());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_gets_each_secret() {
    let tenant = tenant();
    let client = tenant.client();
    let sink = Arc::new(Sink::default());
    let plan = client.plan(&registration()).await.unwrap();
    let registered = client.apply(&plan).secret_sink(sink.clone()).await.unwrap();
    assert_eq!(*sink.stored.lock().unwrap(), [registered.secrets[0].key_id.to_string()]);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_fails_leaves_no_secret_behind() {
    let tenant = tenant();
    let client = tenant.client();
    let sink = Arc::new(Sink { broken: true, ..Sink::default() });
    let plan = client.plan(&registration()).await.unwrap();
    let error = client.apply(&plan).secret_sink(sink).await.unwrap_err();
    assert_eq!(error.error().code().as_str(), "secret_not_stored");
    let app_id = error.report().application.as_ref().unwrap().app_id;
    assert!(client.applications().get(app_id).await.unwrap().password_credentials.is_empty());
}

/// A vault that never answers.
#[derive(Debug)]
struct Hanging;

#[async_trait]
impl SecretSink for Hanging {
    async fn store(&self, _: &IssuedSecret) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_ends_with_the_deadline_and_the_secret_is_not_lost() {
    let tenant = tenant();
    let client = tenant.client();
    let plan = client.plan(&registration()).await.unwrap();
    let began = tokio::time::Instant::now();
    let apply = client.apply(&plan).secret_sink(Arc::new(Hanging)).deadline(Duration::from_secs(30));
    let error = apply.await.unwrap_err();
    assert!(began.elapsed() <= Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(error.error().code(), ErrorCode::SecretNotStored, "{error}");
    // No time was left to remove it: it is live, and whoever reads the report has it.
    let reported: Vec<_> = error.report().secrets.iter().map(|secret| secret.key_id).collect();
    assert_eq!(reported, secrets_of(&tenant), "{error}");
    assert!(error.to_string().contains("report().secrets"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_wrong_by_years_is_named_where_the_service_refuses_a_date() {
    let tenant = tenant();
    let behind = Arc::new(TokioClock::starting_at(TODAY - Span::days(400)));
    let client = tenant.client_builder().clock(behind).build().unwrap();
    let app_id = register(&client, &AppRegistration::new("k", "App")).await.application.unwrap().app_id;
    let half_a_year = NewPasswordCredential::new().end(TODAY - Span::days(220));
    let error = client.applications().add_password(app_id, &half_a_year).await.unwrap_err();
    assert!(error.remedy().contains("clock, which is 400 days behind the service's"), "{error}");
}

/// By a clock that is years ahead, a secret would live for years longer than was asked for, and one that is there would
/// count as ended.
#[tokio::test(start_paused = true)]
async fn no_secret_is_issued_by_a_clock_that_is_wrong() {
    for (days, said) in [(-800, "800 days behind"), (-2, "2 days behind"), (2, "2 days ahead"), (800, "800 days ahead")]
    {
        let tenant = tenant();
        let clock = Arc::new(TokioClock::starting_at(TODAY + Span::days(days)));
        let wrong = tenant.client_builder().clock(clock).build().unwrap();
        // What does not go by the clock is done.
        let app = AppRegistration::new("k", "App");
        register(&wrong, &app).await;
        assert!(wrong.verify(&app).await.unwrap().is_done(), "{days}");
        let error = wrong.plan(&registration()).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, ErrorCode::WrongClock), "{error}");
        assert!(error.message().contains(said), "{error}");
        // Nor by a plan that was made by a clock that is right.
        let right = tenant.client();
        let plan = Plan::from_json(&right.plan(&registration()).await.unwrap().to_json()).unwrap();
        let error = wrong.apply(&plan).await.unwrap_err();
        assert_eq!(error.error().code(), ErrorCode::WrongClock, "{days}: {error}");
        assert!(secrets_of(&tenant).is_empty(), "{days}");
        // One that is there is not doubled.
        assert_eq!(register(&right, &registration()).await.secrets.len(), 1);
        assert_eq!(wrong.plan(&registration()).await.is_err(), days == 800 || days == -800 || days == -2, "{days}");
    }
    // An hour too many, as by a wrong zone, is no day.
    let tenant = tenant();
    let clock = Arc::new(TokioClock::starting_at(TODAY + Span::hours(23)));
    let client = tenant.client_builder().clock(clock).build().unwrap();
    assert_eq!(register(&client, &registration()).await.secrets.len(), 1);
}
