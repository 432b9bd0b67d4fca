//! Several callers at once, and callers that stop half-way: one of everything at the end.

use std::future::{Future, IntoFuture as _};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use entra_apps::ids::KeyId;
use entra_apps::{
    AppRegistration, ApplyError, BoxError, Client, ClientSecret, ErrorKind, IssuedSecret, Plan, Registered, SecretSink,
};
use entra_emulator::{Fault, MemoryTenant, RetryAfter};

use crate::support::{builder, guides, register, tenant};

/// Applies until there is nothing left to do; the secrets that it got.
async fn converge(client: &Client, registration: &AppRegistration) -> Vec<KeyId> {
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut request = client.plan(registration);
        for key in &held {
            request = request.holding(*key);
        }
        let Ok(plan) = request.await else { continue };
        if plan.is_converged() {
            return held;
        }
        let report = match client.apply(&plan).approve_all().await {
            Ok(report) => report,
            Err(error) => error.into_parts().1,
        };
        held.extend(report.secrets.iter().map(|secret| secret.key_id));
    }
    panic!("not converged after twenty runs");
}

/// One of everything but secrets; of those, whoever asks is told of each that nobody named.
async fn check(tenant: &MemoryTenant, registration: &AppRegistration, held: &[KeyId]) {
    let named = |name: &str| name == registration.display_name();
    let apps: Vec<_> = tenant.applications().into_iter().filter(|app| named(&app.display_name)).collect();
    assert_eq!(apps.len(), 1, "applications");
    let principals = tenant.service_principals().into_iter().filter(|principal| named(&principal.display_name));
    let principals: Vec<_> = principals.collect();
    assert_eq!(principals.len(), 1, "service principals");
    let mut grants: Vec<_> = tenant
        .app_role_assignments()
        .into_iter()
        .filter(|held| held.principal_id == principals[0].id.into())
        .map(|held| (held.resource_id, held.app_role_id))
        .collect();
    let all = grants.len();
    grants.sort_by_key(|(resource, role)| (resource.to_string(), role.to_string()));
    grants.dedup();
    assert_eq!(grants.len(), all, "assignments");
    let client = tenant.client();
    assert!(client.verify(registration).await.unwrap().is_done());
    let plan = client.plan(registration).await.unwrap();
    let app = client.applications().get(apps[0].app_id).await.unwrap();
    let live: Vec<KeyId> = app.password_credentials.iter().filter_map(|secret| secret.key_id).collect();
    for key in held {
        assert!(live.contains(key), "a secret that somebody has was removed");
    }
    for key in live {
        let code = format!("secret_value:{key}");
        assert!(plan.steps().iter().any(|line| line.id.to_string() == code), "{key} is not reported");
    }
}

async fn at_once(appliers: usize, lag: Duration) {
    let tenant = builder().lag(lag).build();
    tenant.settle();
    let registration = guides::immybot::registration("contoso").unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..appliers {
        let (client, registration) = (tenant.client(), registration.clone());
        tasks.spawn(async move { converge(&client, &registration).await });
    }
    let held = tasks.join_all().await.concat();
    tenant.settle();
    check(&tenant, &registration, &held).await;
}

#[tokio::test(start_paused = true)]
async fn two_appliers_at_once_end_with_one_of_everything() {
    at_once(2, Duration::ZERO).await;
    at_once(2, Duration::from_secs(10)).await;
}

#[tokio::test(start_paused = true)]
async fn ten_appliers_at_once_end_with_one_of_everything() {
    at_once(10, Duration::ZERO).await;
    at_once(10, Duration::from_secs(10)).await;
}

#[tokio::test(start_paused = true)]
async fn one_client_writes_one_application_at_a_time() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::immybot::registration("contoso").unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (client, registration) = (client.clone(), registration.clone());
        tasks.spawn(async move { converge(&client, &registration).await });
    }
    let held = tasks.join_all().await.concat();
    assert_eq!(held.len(), 1, "one secret, for the second applier sees what the first has done");
    check(&tenant, &registration, &held).await;
}

#[tokio::test(start_paused = true)]
async fn one_client_issues_one_secret_where_the_application_is_there_already() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::immybot::registration("contoso").unwrap();
    let registered = register(&client, &registration).await;
    let app = registered.application.unwrap();
    client.applications().remove_password(app.application_id, registered.secrets[0].key_id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    // All have planned before the first one writes.
    let mut plans = Vec::new();
    for _ in 0..10 {
        plans.push(client.plan(&registration).await.unwrap());
    }
    let mut tasks = tokio::task::JoinSet::new();
    for plan in plans {
        let client = client.clone();
        tasks.spawn(async move { client.apply(&plan).approve_all().await.unwrap().secrets.len() });
    }
    assert_eq!(tasks.join_all().await.into_iter().sum::<usize>(), 1, "one writes, the others see what it has done");
}

/// Polls a future so many times, then drops it; whether it came to its end.
async fn polled<F: Future>(future: F, times: usize) -> bool {
    let mut future = Box::pin(future);
    let mut left = times;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        future.as_mut().poll(context).map(|_| true)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn an_apply_that_is_dropped_anywhere_is_completed_by_the_next() {
    let registration = guides::immybot::registration("contoso").unwrap();
    let mut points = 0;
    for again_with_the_same_client in [true, false] {
        for times in 0.. {
            let tenant = tenant();
            let client = tenant.client();
            let plan = client.plan(&registration).await.unwrap();
            // So that it can be dropped between what a request does and its answer as well.
            tenant.fault(Fault::on("*", "/**").always().slow(Duration::from_secs(1)));
            let ended = polled(client.apply(&plan).approve_all().into_future(), times).await;
            tenant.clear_faults();
            let next = if again_with_the_same_client { client } else { tenant.client() };
            let held = converge(&next, &registration).await;
            check(&tenant, &registration, &held).await;
            if ended {
                break;
            }
            points += 1;
        }
    }
    println!("{points} of {points} runs converged");
    assert!(points >= 12, "an apply awaits at least three requests: {points}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_bounds_the_wait_for_another_apply_of_the_same_client() {
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

/// A sink that never ends.
#[derive(Debug)]
struct HangingSink;

#[entra_apps::async_trait]
impl SecretSink for HangingSink {
    async fn store(&self, _: &IssuedSecret) -> Result<(), BoxError> {
        std::future::pending().await
    }
}

/// A client, a plan of a secret, and an apply of it that has hung in its sink for a second; it ends with the deadline, if it
/// has one.
async fn hanging_in_its_sink(
    deadline: Option<Duration>,
) -> (Client, Plan, tokio::task::JoinHandle<Result<Registered, ApplyError>>) {
    let client = tenant().client();
    let registration = AppRegistration::new("k", "App").credential(ClientSecret::new("Main"));
    let plan = client.plan(&registration).await.unwrap();
    let (other, same) = (client.clone(), plan.clone());
    let hanging = tokio::spawn(async move {
        let apply = other.apply(&same).secret_sink(Arc::new(HangingSink));
        match deadline {
            Some(deadline) => apply.deadline(deadline).await,
            None => apply.await,
        }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    (client, plan, hanging)
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_holds_up_another_apply_no_longer_than_that_ones_deadline() {
    let (client, plan, hanging) = hanging_in_its_sink(None).await;
    let before = tokio::time::Instant::now();
    let error = client.apply(&plan).deadline(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::Deadline);
    assert!(before.elapsed() < Duration::from_secs(6), "{:?}", before.elapsed());
    // Another app is not held up.
    let second = register(&client, &AppRegistration::new("k2", "Other")).await;
    assert!(second.application.is_some());
    // With the first one the lock goes.
    hanging.abort();
    assert!(hanging.await.unwrap_err().is_cancelled());
    client.apply(&client.plan(plan.registration()).await.unwrap()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_lock_of_an_app_ends_with_the_deadline_of_a_sink_that_hangs() {
    let (client, plan, hanging) = hanging_in_its_sink(Some(Duration::from_secs(10))).await;
    let registered = client.apply(&plan).deadline(Duration::from_secs(120)).await.unwrap();
    assert!(registered.secrets.is_empty(), "the first one has issued it");
    let error = hanging.await.unwrap().unwrap_err();
    assert_eq!(error.report().secrets.len(), 1, "{error}");
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
