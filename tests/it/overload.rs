//! Many jobs at once through one client that the service throttles.

use std::time::Duration;

use entra_apps::{AppRegistration, ClientSecret};
use entra_emulator::Throttling;

use crate::support::builder;

/// How many appliers there are, and how many writes a second the service allows.
async fn overload(appliers: usize, writes: u32, per: Duration) {
    let tenant = builder().throttling(Throttling::documented().writes(writes.into(), per)).build();
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
        "{} of {appliers} runs ended well, {writes_done} writes in {took:?}, {throttled} refused; {:?}",
        appliers - failed.len(),
        failed.first()
    );
    assert!(failed.is_empty(), "{} failed, the first: {}", failed.len(), failed[0]);
    // What the bucket holds at first is spent at once; the rest comes at the rate that the limit allows.
    let beyond = u32::try_from(writes_done).unwrap().saturating_sub(writes);
    let ideal = per * beyond / writes;
    assert!(throttled < appliers, "one that is told to wait makes the others wait: {throttled}");
    assert!(took.mul_f64(0.9) <= ideal, "{took:?} for what could be done in {ideal:?}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_appliers_through_one_throttled_client_all_end_well() {
    overload(1000, 600, Duration::from_secs(30)).await;
}
