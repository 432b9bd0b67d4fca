//! Whatever goes wrong at whatever request: one that is stored works at every instant, nothing of others goes, and a later
//! run ends where an undisturbed one ends.

use entra_apps::ids::KeyId;
use entra_apps::provision::CredentialKind;
use entra_apps::provision::rotation::Rotated;
use entra_emulator::{Fault, FaultOn, MemoryTenant, RetryAfter};

use super::scene::{DAY, Scene, Vault, Watch, credentials};
use crate::faults::each_request::{FAULTS, Way};
use crate::faults::job::report;

pub(super) const KINDS: [CredentialKind; 2] = [CredentialKind::ClientSecret, CredentialKind::Certificate];

/// So often it is run before it counts as one that never converges.
const RUNS: usize = 6;

/// One of each outcome: not sent, carried out or not, and known or not.
const OUTCOMES: [&str; 6] =
    ["not sent", "response lost", "429 with Retry-After", "503 before", "500 after", "truncated"];

pub(super) fn outcomes() -> Vec<Way> {
    FAULTS.iter().filter(|(name, _)| OUTCOMES.contains(name)).copied().collect()
}

/// What a run may leave beside the one in use and those that it follows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The credential is due.
    Issuing,
    /// The overlap is over.
    Removing,
}

/// The number of requests of an undisturbed run in each phase.
async fn requests(scene: &Scene, phase: Phase) -> u64 {
    let (tenant, vault) = start(scene, phase).await;
    let watch = Watch::new(scene, &tenant, &vault, None);
    scene.rotate(&watch.client(), &vault).await.unwrap();
    watch.result().unwrap();
    watch.seen() as u64
}

async fn start(scene: &Scene, phase: Phase) -> (MemoryTenant, Vault) {
    let (tenant, vault) = scene.start();
    if phase == Phase::Removing {
        scene.rotate(&tenant.client(), &vault).await.unwrap();
        tokio::time::advance(2 * DAY).await;
    }
    tenant.clear_requests();
    (tenant, vault)
}

/// Everything that is there is the one in use, one that the report names, or of others.
fn check_reported(scene: &Scene, tenant: &MemoryTenant, report: &Rotated) -> Result<(), String> {
    let state = report.credentials.first().ok_or("no credential is reported")?;
    let is_named = |key_id: &KeyId| {
        Some(*key_id) == state.current
            || state.earlier.contains(key_id)
            || report.open.iter().any(|open| open.key_id == Some(*key_id))
    };
    match scene.own(tenant).iter().find(|it| !is_named(it)) {
        Some(left) => Err(format!("{left} is left behind, and no report names it: {report:?}")),
        None => Ok(()),
    }
}

/// Runs until one succeeds, checks what is left, and again once the overlap is over.
async fn converge(scene: &Scene, tenant: &MemoryTenant, vault: &Vault, rotators: usize) -> Result<(), String> {
    let mut last = None;
    for _ in 0..RUNS {
        let watch = Watch::new(scene, tenant, vault, None);
        let rotated = scene.rotate(&watch.client(), vault).await;
        watch.result()?;
        match rotated {
            Ok(report) => {
                last = Some(report);
                break;
            }
            Err(error) => {
                let names = error.report().secrets.iter().map(|secret| secret.key_id);
                let unknown: Vec<_> = names.filter(|it| !credentials(tenant).contains(it)).collect();
                if !unknown.is_empty() {
                    return Err(format!("{unknown:?} are reported, and are not there: {error}"));
                }
            }
        }
    }
    tenant.clear_faults();
    let report = last.ok_or("it never ends")?;
    check_reported(scene, tenant, &report)?;
    let most = 2 + rotators;
    let own = scene.own(tenant);
    if own.len() > most {
        return Err(format!("{} credentials, more than {most}", own.len()));
    }
    for _ in 0..2 {
        tokio::time::advance(2 * DAY).await;
        let watch = Watch::new(scene, tenant, vault, None);
        let rotated = scene.rotate(&watch.client(), vault).await.map_err(|error| error.to_string())?;
        watch.result()?;
        check_reported(scene, tenant, &rotated)?;
    }
    match scene.own(tenant).as_slice() {
        [own] if *own == vault.last() => Ok(()),
        own => Err(format!("{own:?} are left, and the store has {}", vault.last())),
    }
}

async fn run(scene: &Scene, phase: Phase, faults: impl IntoIterator<Item = Fault>) -> Result<(), String> {
    let (tenant, vault) = start(scene, phase).await;
    for fault in faults {
        tenant.fault(fault);
    }
    converge(scene, &tenant, &vault, 1).await
}

pub(super) async fn every_request(faults: &[Way]) {
    let mut results = Vec::new();
    for kind in KINDS {
        let scene = Scene::new(kind).await;
        for phase in [Phase::Issuing, Phase::Removing] {
            for number in 1..=requests(&scene, phase).await {
                for (name, make) in faults {
                    let fault = make(Fault::on("*", "/**").nth(number).alone());
                    let what = format!("{kind:?}, {name} at request {number}");
                    results.push(run(&scene, phase, [fault]).await.map_err(|it| format!("{what}: {it}")));
                }
            }
        }
    }
    report("rotation, each request", &results);
}

pub(super) async fn every_pair(kinds: &[CredentialKind], faults: &[Way]) {
    let mut results = Vec::new();
    for kind in kinds {
        let scene = Scene::new(*kind).await;
        let requests = requests(&scene, Phase::Issuing).await;
        for first in 1..=requests {
            for second in first + 1..=requests + 1 {
                for (one, make_one) in faults {
                    for (two, make_two) in faults {
                        let made = [(first, make_one), (second, make_two)]
                            .map(|(number, make)| make(Fault::on("*", "/**").nth(number).alone()));
                        let what = format!("{kind:?}, {one} at request {first} and {two} at request {second}");
                        results.push(run(&scene, Phase::Issuing, made).await.map_err(|it| format!("{what}: {it}")));
                    }
                }
            }
        }
    }
    report("rotation, each pair", &results);
}

#[tokio::test(start_paused = true)]
async fn every_request_of_a_rotation_fails_once_in_every_outcome() {
    every_request(&outcomes()).await;
}

#[tokio::test(start_paused = true)]
async fn the_process_of_a_rotation_ends_at_every_request_before_and_after_its_effect() {
    let mut results = Vec::new();
    for kind in KINDS {
        let scene = Scene::new(kind).await;
        for phase in [Phase::Issuing, Phase::Removing] {
            for at in 0..usize::try_from(requests(&scene, phase).await).unwrap() {
                for after in [false, true] {
                    let (tenant, vault) = start(&scene, phase).await;
                    let watch = Watch::new(&scene, &tenant, &vault, Some((at, after)));
                    let client = watch.client();
                    tokio::select! {
                        _ = scene.rotate(&client, &vault) => {}
                        () = watch.reached.notified() => {}
                    }
                    let ended = match watch.result() {
                        Ok(()) => converge(&scene, &tenant, &vault, 1).await,
                        broken => broken,
                    };
                    let when = if after { "after" } else { "before" };
                    results.push(ended.map_err(|it| format!("{kind:?}, ended {when} request {at}: {it}")));
                }
            }
        }
    }
    report("rotation, the process gone", &results);
}

/// Two processes rotate at once, and the second begins at every request of the first.
#[tokio::test(start_paused = true)]
async fn two_rotate_at_once() {
    let mut results = Vec::new();
    for kind in KINDS {
        let scene = Scene::new(kind).await;
        for begins in 0..requests(&scene, Phase::Issuing).await {
            let (tenant, vault) = start(&scene, Phase::Issuing).await;
            let watches = [0, 1].map(|_| Watch::new(&scene, &tenant, &vault, None));
            let [one, two] = [0, 1].map(|at| watches[at].client());
            let second = async {
                // A request takes a millisecond.
                tokio::time::sleep(std::time::Duration::from_millis(begins)).await;
                scene.rotate(&two, &vault).await
            };
            let ended = tokio::join!(scene.rotate(&one, &vault), second);
            let mut result = watches.iter().try_for_each(|watch| watch.result());
            if let (Err(error), Err(_)) = &ended {
                result = result.and(Err(format!("both fail: {error}")));
            }
            let result = match result {
                Ok(()) => converge(&scene, &tenant, &vault, 2).await,
                broken => broken,
            };
            results.push(result.map_err(|it| format!("{kind:?}, the second after {begins} ms: {it}")));
        }
    }
    report("rotation, two at once", &results);
}

#[tokio::test(start_paused = true)]
async fn random_faults_and_lag_break_no_rotation() {
    random(4).await;
}

pub(super) async fn random(seeds: u64) {
    let mut results = Vec::new();
    for kind in KINDS {
        let scene = Scene::new(kind).await;
        for seed in 0..seeds {
            let lag = std::time::Duration::from_secs(seed % 4 * 7);
            let (tenant, vault) = scene.start_with(super::scene::later(155 * DAY).seed(seed).lag(lag));
            tenant.settle();
            let some = |on: fn(FaultOn) -> Fault| tenant.fault(on(Fault::on("*", "/**").percent(5).always()));
            some(FaultOn::unreachable);
            some(FaultOn::response_lost);
            some(|on| on.throttled(RetryAfter::Seconds(3)));
            some(|on| on.fails(503));
            some(|on| on.fails_after_writing(500));
            some(FaultOn::truncated);
            let mut result = Ok(());
            for _ in 0..3 {
                let watch = Watch::new(&scene, &tenant, &vault, None);
                drop(scene.rotate(&watch.client(), &vault).await);
                result = result.and(watch.result());
            }
            tenant.clear_faults();
            tenant.settle();
            let result = match result {
                Ok(()) => converge(&scene, &tenant, &vault, 4).await,
                broken => broken,
            };
            results.push(result.map_err(|it| format!("{kind:?}, seed {seed}: {it}")));
        }
    }
    report("rotation, random faults", &results);
}
