//! Requests fail at random and replicas lag: the registration converges, and neither a log nor an error shows a secret.

use std::time::Duration;

use entra_apps::ids::KeyId;
use entra_emulator::{Fault, MemoryTenantBuilder, RetryAfter, Throttling};

use crate::redaction::logs::{self, Private};
use crate::support::{builder, guides};

/// One registration under seeded faults; what is wrong at the end, or was shown on the way.
async fn one(seed: u64) -> Result<(), String> {
    let (builder, private) = Private::of(builder().seed(seed).lag(Duration::from_secs(seed % 4 * 7)));
    logs::capture();
    let mut errors = Vec::new();
    let outcome = job(seed, builder, &mut errors).await;
    let traces = logs::captured();
    if !traces.contains("PATCH /applications(uniqueName)") || private.count() < 3 {
        return Err("nothing was traced, or nothing private was there".to_owned());
    }
    for (place, text) in [("a trace", traces), ("an error", errors.join("\n"))] {
        if let Some(private) = private.found_in(&text) {
            let line = text.lines().find(|line| line.contains(&private)).unwrap_or(&text);
            return Err(format!("{place} shows {private}: {line}"));
        }
    }
    outcome
}

async fn job(seed: u64, builder: MemoryTenantBuilder, errors: &mut Vec<String>) -> Result<(), String> {
    let tenant = builder.build();
    tenant.settle();
    let registration = guides::immybot::registration("contoso").unwrap();
    let faults = [
        Fault::on("*", "/**").percent(4).always().unreachable(),
        Fault::on("*", "/**").percent(4).always().reset(),
        Fault::on("*", "/**").percent(4).always().response_lost(),
        Fault::on("*", "/**").percent(4).always().throttled(RetryAfter::Seconds(seed % 9)),
        Fault::on("*", "/**").percent(4).always().fails(503),
        Fault::on("*", "/**").percent(4).always().fails_after_writing(500),
        Fault::on("*", "/**").percent(3).always().truncated(),
        Fault::on("*", "/**").percent(3).always().concurrency(),
        Fault::on("*", "/**").percent(2).always().fails(502),
        Fault::on("*", "/**").percent(2).always().fails_after_writing(504),
    ];
    for fault in faults {
        tenant.fault(fault);
    }
    let mut in_hand = Vec::new();
    for run in 0..20 {
        if run == 12 {
            tenant.clear_faults();
        }
        if run == 15 {
            // Replicas agree from here on.
            tenant.settle();
        }
        // Each run is another process: nothing is remembered but what the caller has.
        let client = tenant.client();
        let mut request = client.plan(&registration);
        for key in &in_hand {
            request = request.holding(*key);
        }
        let plan = match request.await {
            Ok(plan) => plan,
            Err(error) => {
                errors.push(format!("{error} {error:?}"));
                continue;
            }
        };
        if plan.is_converged() && run > 15 {
            break;
        }
        let report = match client.apply(&plan).approve_all().await {
            Ok(report) => report,
            Err(error) => {
                errors.push(format!("{error} {error:?}"));
                error.into_parts().1
            }
        };
        in_hand.extend(report.secrets.iter().map(|secret| secret.key_id));
    }
    tenant.clear_faults();
    tenant.settle();
    let client = tenant.client();
    let named = tenant.applications().into_iter().filter(|app| app.display_name == registration.display_name()).count();
    if named != 1 {
        return Err(format!("{named} applications"));
    }
    let checklist = client.verify(&registration).await.map_err(|error| error.to_string())?;
    if !checklist.is_done() {
        return Err(checklist.to_string());
    }
    let mut plan = client.plan(&registration);
    for key in &in_hand {
        plan = plan.holding(*key);
    }
    let plan = plan.await.map_err(|error| error.to_string())?;
    let app_id = plan.app_id().ok_or("no app")?;
    let live = client.applications().get(app_id).await.map_err(|error| error.to_string())?.password_credentials;
    let reported = |key: &KeyId| plan.steps().iter().any(|line| line.id.to_string() == format!("secret_value:{key}"));
    let mut unknown = live.iter().filter_map(|secret| secret.key_id).filter(|key| !in_hand.contains(key));
    if let Some(key) = unknown.find(|key| !reported(key)) {
        return Err(format!("nobody has the secret {key}, and no plan names it"));
    }
    let grants =
        client.oauth2_permission_grants().list_held_by(app_id).all().await.map_err(|error| error.to_string())?;
    let roles = client.app_role_assignments().list_held_by(app_id).all().await.map_err(|error| error.to_string())?;
    if (grants.len(), roles.len()) != (1, 2) {
        return Err(format!("{} grants and {} roles", grants.len(), roles.len()));
    }
    Ok(())
}

pub(super) async fn converge(seeds: u64) {
    let mut wrong = Vec::new();
    for seed in 0..seeds {
        if let Err(what) = one(seed).await {
            wrong.push(format!("seed {seed}: {what}"));
        }
    }
    println!("{} of {seeds} runs converged", seeds - wrong.len() as u64);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn registrations_converge_under_random_faults() {
    converge(10).await;
}

/// The time in which a limit counts.
const SPAN: Duration = Duration::from_secs(10);

/// All that one run was asked, and what it left.
async fn run_of(seed: u64) -> String {
    let tenant = builder().seed(seed).lag(Duration::from_secs(7)).throttling(Throttling::of(8, SPAN)).build();
    tenant.settle();
    for fault in [
        Fault::on("*", "/**").percent(10).always().fails(503),
        Fault::on("*", "/**").percent(10).always().reset(),
        Fault::on("*", "/**").percent(10).always().concurrency(),
    ] {
        tenant.fault(fault);
    }
    let client = tenant.client();
    let registration = guides::immybot::registration("contoso").unwrap();
    for _ in 0..3 {
        let Ok(plan) = client.plan(&registration).await else { continue };
        drop(client.apply(&plan).approve_all().await);
    }
    format!("{:?} {}", tenant.requests(), tenant.snapshot().to_json())
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_is_the_same_run_whatever_goes_wrong() {
    let run = run_of(3).await;
    assert_eq!(run, run_of(3).await);
    assert_ne!(run, run_of(4).await);
}
