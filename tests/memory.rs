//! What a client holds does not grow with what it has done.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::clock::TokioClock;
use entra_apps::time::macros::datetime;
use entra_apps::{AppRegistration, Client, ClientSecret};
use entra_emulator::{MemoryTenant, Throttling};
use peak_alloc::PeakAlloc;
use tokio::task::JoinSet;

/// Counts the bytes of this process; the only test in it runs alone.
#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// After so long a client has no use for what it wrote.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// So many appliers at once, each of an app of its own, through one client that is throttled.
async fn overload(client: &Client, round: usize, appliers: usize) {
    let mut tasks = JoinSet::new();
    for number in 0..appliers {
        let client = client.clone();
        tasks.spawn(async move {
            let registration = AppRegistration::new(format!("app-{round}-{number}"), format!("App {round} {number}"))
                .credential(ClientSecret::new("Main"));
            let plan = client.plan(&registration).await.unwrap();
            client.apply(&plan).await.unwrap();
        });
    }
    tasks.join_all().await;
    tokio::time::advance(FORGOTTEN).await;
}

/// The bytes that a client holds after rounds of so many appliers each.
async fn held_after(rounds: &[usize]) -> usize {
    let clock = Arc::new(TokioClock::starting_at(datetime!(2026-06-01 09:00 UTC)));
    let throttling = Throttling::documented().writes(600, Duration::from_secs(30));
    let tenant = MemoryTenant::builder().clock(clock).throttling(throttling).build();
    let client = tenant.client();
    for (round, appliers) in rounds.iter().enumerate() {
        overload(&client, round, *appliers).await;
    }
    let with = ALLOCATED.current_usage();
    drop(client);
    with - ALLOCATED.current_usage()
}

#[tokio::test(start_paused = true)]
async fn what_a_client_holds_stays_flat_under_overload() {
    let before = held_after(&[300, 50]).await;
    let after = held_after(&[300, 50, 50, 50, 50, 50, 50]).await;
    println!("{before} bytes are held after 350 appliers, {after} after 600");
    assert!(after <= before + before / 10, "{before} bytes became {after}");
}
