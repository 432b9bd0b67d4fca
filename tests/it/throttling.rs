//! Throttling: `Retry-After` is waited for in every form, and every registration completes at the rate that is allowed.

use std::time::Duration;

use entra_apps::model::NewApplication;
use entra_apps::{AppRegistration, ClientSecret, ErrorKind, time};
use entra_emulator::{Fault, RetryAfter, Throttling};

use crate::support::{builder, guides, register, tenant};

#[tokio::test(start_paused = true)]
async fn a_registration_completes_under_a_small_limit() {
    let seconds = Duration::from_secs;
    for limits in [
        Throttling::of(3, seconds(10)),
        Throttling::of(100, seconds(10)).writes(3, seconds(60)),
        Throttling::of(5, seconds(10)).writes(2, seconds(30)).tenant_writes(4, seconds(100)),
        Throttling::documented(),
    ] {
        let tenant = builder().throttling(limits.clone()).build();
        let client = tenant.client();
        let registration = guides::immybot::registration("contoso").unwrap();
        let registered = register(&client, &registration).await;
        assert_eq!(registered.secrets.len(), 1, "{limits:?}");
        assert!(client.verify(&registration).await.unwrap().is_done(), "{limits:?}");
        let throttled = tenant
            .requests()
            .iter()
            .flat_map(|request| &request.items)
            .filter(|item| item.status.is_some_and(|status| status.as_u16() == 429))
            .count();
        assert_eq!(throttled > 0, limits != Throttling::documented(), "{limits:?}: {throttled} items were refused");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_date_is_read_by_the_clock_of_the_service() {
    for minutes in [-10, 10] {
        let tenant = builder().clock_skew(time::Duration::minutes(minutes)).build();
        let client = tenant.client();
        client.tenant_id().await.unwrap();
        tenant.fault(Fault::on("GET", "/organization").throttled(RetryAfter::Date(Duration::from_secs(60))));
        let before = tokio::time::Instant::now();
        client.organization().get().await.unwrap();
        let waited = before.elapsed();
        assert!(waited >= Duration::from_secs(59) && waited < Duration::from_secs(65), "{minutes}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_in_seconds_and_as_a_date() {
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
async fn an_error_gives_a_retry_after_date_as_a_duration() {
    let tenant = tenant();
    let client = tenant.client();
    tenant.fault(Fault::on("GET", "/organization").throttled(RetryAfter::Date(Duration::from_secs(600))));
    let error = client.organization().get().await.unwrap_err();
    let asked = error.retry_after().unwrap();
    assert!(asked > Duration::from_secs(590) && asked <= Duration::from_secs(600), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_replicas_uses_up_no_retries() {
    let tenant = builder().lag(Duration::from_secs(40)).build();
    tenant.settle();
    let client = tenant.client();
    let id = client.applications().create(&NewApplication::new("Fresh")).await.unwrap().id.unwrap();
    tenant.fault(Fault::on("GET", "/applications/*").nth(7).throttled(RetryAfter::Seconds(1)));
    assert!(client.applications().find(id).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_beyond_the_deadline_ends_an_apply_at_once_with_the_report() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false);
    let plan = client.plan(&registration).await.unwrap();
    tenant.fault(Fault::on("POST", "/$batch").always().throttled(RetryAfter::Seconds(120)));
    let before = tokio::time::Instant::now();
    let error = client.apply(&plan).deadline(Duration::from_secs(30)).await.unwrap_err();
    assert!(before.elapsed() < Duration::from_secs(2), "it ends at once, not at the deadline");
    assert_eq!(error.error().kind(), ErrorKind::Throttled, "{error}");
    assert!(error.report().application.is_some(), "what was done is reported");
    tenant.clear_faults();
    let plan = client.plan(&registration).await.unwrap();
    client.apply(&plan).await.unwrap();
    assert!(client.verify(&registration).await.unwrap().is_done());
}

/// So many appliers at once through one client, where the service allows so many writes in such a time besides its other
/// `limits`; the least share of the rate that they reach.
async fn overload(appliers: usize, limits: Throttling, writes: u32, per: Duration, share: f64) {
    let tenant = builder().throttling(limits.writes(writes.into(), per)).build();
    let client = tenant.client();
    client.tenant_id().await.unwrap();
    let began = tokio::time::Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..appliers {
        let client = client.clone();
        tasks.spawn(async move {
            let registration = AppRegistration::new(format!("app-{number}"), format!("App {number}"))
                .credential(ClientSecret::new("Main"));
            let plan = client.plan(&registration).await?;
            client.apply(&plan).await.map_err(|error| error.into_parts().0)?;
            Ok::<_, entra_apps::Error>(())
        });
    }
    let results = tasks.join_all().await;
    let failed: Vec<String> =
        results.iter().filter_map(|result| result.as_ref().err().map(ToString::to_string)).collect();
    let took = began.elapsed();
    let requests = tenant.requests();
    let refused = |status: Option<http::StatusCode>| status == Some(http::StatusCode::TOO_MANY_REQUESTS);
    let writes_done: usize = requests
        .iter()
        .filter(|request| !request.is_token)
        .map(|request| match request.items.is_empty() {
            true => usize::from(request.is_write && !refused(request.status)),
            false => request.items.iter().filter(|item| item.method != "GET" && !refused(item.status)).count(),
        })
        .sum();
    let throttled: usize = requests
        .iter()
        .map(|request| {
            usize::from(refused(request.status)) + request.items.iter().filter(|item| refused(item.status)).count()
        })
        .sum();
    println!(
        "{} of {appliers} appliers succeeded, {writes_done} writes in {took:?}, {throttled} refused; {:?}",
        appliers - failed.len(),
        failed.first()
    );
    assert!(failed.is_empty(), "{} failed, the first: {}", failed.len(), failed[0]);
    // What the bucket holds at first is spent at once; the rest comes at the rate that the limit allows.
    let beyond = u32::try_from(writes_done).unwrap().saturating_sub(writes);
    let ideal = per * beyond / writes;
    assert!(throttled < appliers / 2, "one that is told to wait makes the others wait: {throttled}");
    assert!(took.mul_f64(share) <= ideal, "{took:?} for what could be done in {ideal:?}");
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_appliers_through_one_throttled_client_all_succeed() {
    overload(200, Throttling::documented(), 120, Duration::from_secs(30), 0.9).await;
}

mod sweep {
    #[tokio::test(start_paused = true)]
    #[ignore = "takes minutes"]
    async fn a_thousand_appliers_through_one_throttled_client_all_succeed() {
        let seconds = super::Duration::from_secs(30);
        super::overload(1000, super::Throttling::none(), 600, seconds, 0.9).await;
        // A thousand plans use up the limit of reads before the first write.
        super::overload(1000, super::Throttling::documented(), 600, seconds, 0.85).await;
    }
}
