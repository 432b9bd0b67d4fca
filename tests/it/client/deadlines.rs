//! A deadline is counted from the beginning of each operation, however old the client is.

use std::time::Duration;

use entra_apps::model::NewApplication;
use entra_apps::{AppRegistration, ErrorCode, ErrorKind, RetryPolicy};
use entra_emulator::{Fault, RetryAfter};

use crate::support::{counts, quiet, tenant};

#[tokio::test(start_paused = true)]
async fn a_client_that_is_kept_does_not_die_of_age() {
    let tenant = tenant();
    let hour = Duration::from_secs(3600);
    let minute = Duration::from_secs(60);
    let built = tenant.client_builder().deadline(minute).build().unwrap();
    for client in [tenant.client().with_deadline(minute), built] {
        for _ in 0..3 {
            tokio::time::sleep(hour).await;
            client.organization().get().await.unwrap();
            client.applications().list().all().await.unwrap();
            let mut batch = client.batch();
            let handle = batch.add(client.organization().get());
            batch.await.unwrap().take(handle).unwrap();
            let plan = client.plan(&AppRegistration::new("k", "App")).await.unwrap();
            client.apply(&plan).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_operation_ends_with_its_own_deadline() {
    let tenant = tenant();
    let client = tenant.client().with_deadline(Duration::from_secs(30));
    client.tenant_id().await.unwrap();
    tenant.fault(Fault::on("GET", "/organization").always().fails(503));
    for _ in 0..2 {
        let before = tokio::time::Instant::now();
        assert_eq!(client.organization().get().await.unwrap_err().kind(), ErrorKind::Service);
        let took = before.elapsed();
        assert!(took > Duration::from_secs(5) && took <= Duration::from_secs(30), "{took:?}");
    }
    // The last one given counts.
    let before = tokio::time::Instant::now();
    client.with_deadline(Duration::from_secs(3)).organization().get().await.unwrap_err();
    assert!(before.elapsed() <= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_list_as_a_whole_has_one_deadline_and_a_page_by_itself_one_of_its_own() {
    let tenant = tenant();
    for number in 0..4 {
        tenant.client().applications().create(&NewApplication::new(format!("App {number}"))).await.unwrap();
    }
    let client = tenant.client().with_deadline(Duration::from_secs(30));
    let throttle = || tenant.fault(Fault::on("GET", "/applications").always().throttled(RetryAfter::Seconds(20)));
    let list = client.applications().list().top(1);
    let mut pages = list.clone().pages();
    pages.next().await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    pages.next().await.unwrap();
    quiet(&tenant);
    throttle();
    let before = tokio::time::Instant::now();
    list.all().await.unwrap_err();
    assert!(before.elapsed() <= Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn limits_of_zero_are_refused() {
    let tenant = tenant();
    let refused = [
        tenant.client_builder().concurrent_requests(0),
        tenant.client_builder().retry_policy(RetryPolicy::new().base_delay(Duration::ZERO)),
        tenant.client_builder().retry_policy(RetryPolicy::new().max_delay(Duration::ZERO)),
    ];
    for builder in refused {
        assert_eq!(builder.build().unwrap_err().code().as_str(), "invalid_limit");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_zero_is_none_and_one_at_a_time_is_one_at_a_time() {
    let tenant = tenant();
    let policy = RetryPolicy::new().timeout(Duration::ZERO);
    let client = tenant.client_builder().retry_policy(policy).concurrent_requests(1).build().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let client = client.clone();
        tasks.spawn(async move { client.organization().get().await });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    assert_eq!(counts(&tenant).0, 10);
}

/// The time is not what was wrong: what was is told, and is the source where the last attempt was cut short.
#[tokio::test(start_paused = true)]
async fn what_failed_before_the_time_was_up_is_told() {
    const TOKEN: &str = "/oauth2/v2.0/token";
    let organization = || Fault::on("GET", "/organization");
    let sign_in = || Fault::on("POST", TOKEN);
    for (fault, then_hangs, signs_in, code, cause) in [
        // No time is left for another attempt.
        (organization().always().unreachable(), None, false, ErrorCode::Unreachable, None),
        (sign_in().always().unreachable(), None, true, ErrorCode::Unreachable, None),
        // Another attempt is under way.
        (
            organization().unreachable(),
            Some(organization()),
            false,
            ErrorCode::DeadlineExceeded,
            Some("not be reached"),
        ),
        (organization().reset(), Some(organization()), false, ErrorCode::DeadlineExceeded, Some("connection broke")),
        (organization().fails(503), Some(organization()), false, ErrorCode::DeadlineExceeded, Some("service failed")),
        (sign_in().unreachable(), Some(sign_in()), true, ErrorCode::DeadlineExceeded, Some("not be reached")),
        // Nothing is known of the first.
        (organization().always().hangs(), None, false, ErrorCode::DeadlineExceeded, None),
        (sign_in().always().hangs(), None, true, ErrorCode::DeadlineExceeded, None),
    ] {
        let context = format!("{fault:?}");
        let tenant = tenant();
        let client = tenant.client();
        if !signs_in {
            client.tenant_id().await.unwrap();
        }
        tenant.faults_in_order([Some(fault), then_hangs.map(|on| on.always().hangs())].into_iter().flatten());
        let before = tokio::time::Instant::now();
        let error = client.with_deadline(Duration::from_secs(3)).organization().get().await.unwrap_err();
        assert!(before.elapsed() <= Duration::from_secs(3), "{context}");
        assert_eq!(error.code(), code, "{context}: {error}");
        let source = std::error::Error::source(&error);
        match cause {
            Some(cause) => {
                assert!(error.message().contains(cause), "{context}: {error}");
                assert!(source.unwrap().to_string().contains(cause), "{context}: {source:?}");
            }
            None if code == ErrorCode::Unreachable => assert!(error.attempts() > 1, "{context}: {error}"),
            None => assert!(source.is_none(), "{context}: {source:?}"),
        }
    }
}
