//! The main job for the four guides: how many requests it costs, and the time of a first run on the in-memory tenant.
//!
//! `cargo bench --bench job`

// Each example that is taken in brings what the examples share with it.
#![allow(clippy::duplicate_mod)]

use std::sync::Arc;

use entra_apps::time::macros::datetime;
use entra_apps::{AppRegistration, Client, SignInAudience};
use entra_emulator::{MemoryTenant, TenantClock};

#[allow(dead_code)]
#[path = "../examples/immybot.rs"]
mod immybot;
#[allow(dead_code)]
#[path = "../examples/netwrix.rs"]
mod netwrix;
#[allow(dead_code)]
#[path = "../examples/patch_my_pc.rs"]
mod patch_my_pc;
#[allow(dead_code)]
#[path = "../examples/peig.rs"]
mod peig;
#[allow(dead_code)]
#[path = "../examples/support/recorder.rs"]
mod recorder;

const GUIDES: [&str; 5] = ["immybot", "immybot --all-tasks", "peig", "netwrix", "patch_my_pc"];

fn registration(guide: &str) -> AppRegistration {
    match guide {
        "immybot" => immybot::registration("contoso").unwrap(),
        "immybot --all-tasks" => immybot::registration("contoso").unwrap().select_all(),
        "peig" => peig::registration(SignInAudience::MultipleOrganizations).unwrap(),
        "netwrix" => netwrix::registration("Contoso", false),
        _ => patch_my_pc::registration(),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    // Time is virtual: the tenant's ticks cost nothing.
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime starts")
}

/// A tenant whose wall time is virtual too: beside a virtual timer, the machine's would make a slow run look like a wait.
fn tenant() -> MemoryTenant {
    let clock = TenantClock::starting_at(datetime!(2026-06-01 09:00 UTC));
    MemoryTenant::builder().clock(Arc::new(clock)).build()
}

async fn run(client: &Client, registration: &AppRegistration) {
    let plan = client.plan(registration).await.expect("it plans");
    client.apply(&plan).approve_all().await.expect("it applies");
}

fn main() {
    // Bytes of bodies: sent; received in answer to reads, among them what the tenant publishes; and in answer to writes.
    println!("guide                   run  requests  round trips  writes    sent    read  answers");
    for guide in GUIDES {
        runtime().block_on(async {
            let tenant = tenant();
            let recorder = recorder::Recorder::new(Arc::new(tenant.clone()));
            let client = tenant.client_builder().transport(Arc::new(recorder.clone())).build().expect("it builds");
            let registration = registration(guide);
            for name in ["1st", "2nd"] {
                let before = recorder.counts();
                run(&client, &registration).await;
                let counts = recorder.counts().since(&before);
                let [read, answers] = counts.bytes_received();
                println!(
                    "{guide:<22} {name:>4} {:>9} {:>12} {:>7} {:>7} {read:>7} {answers:>8}",
                    counts.requests(),
                    counts.round_trips(),
                    counts.writes(),
                    counts.bytes_sent()
                );
            }
        });
    }
    println!();
    divan::main();
}

/// A first run: plan and apply on a new tenant, which is not counted.
#[divan::bench(args = GUIDES)]
fn first_run(bencher: divan::Bencher<'_, '_>, guide: &str) {
    let registration = registration(guide);
    bencher.with_inputs(tenant).bench_values(|tenant| {
        runtime().block_on(async {
            let client = tenant.client();
            run(&client, &registration).await;
        });
    });
}
