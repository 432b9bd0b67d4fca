//! Each request fails in every way, and so does each pair of requests; the process ends at each request.
//!
//! Here every way is tried on one registration, and one of each outcome on the others; `sweep` tries all on all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use entra_apps::transport::{Transport, TransportError};
use entra_emulator::{Fault, FaultOn, MemoryTenant, RetryAfter};

use super::job::{Job, Open, Run, report};

/// A way to fail, by its name.
pub(crate) type Way = (&'static str, fn(FaultOn) -> Fault);

/// Everything that can go wrong with a request.
pub(crate) const FAULTS: &[Way] = &[
    ("not sent", FaultOn::unreachable),
    ("reset before sending", FaultOn::reset),
    ("response lost", FaultOn::response_lost),
    ("no response", FaultOn::hangs),
    ("429", |on| on.throttled(RetryAfter::Absent)),
    ("429 with Retry-After", |on| on.throttled(RetryAfter::Seconds(7))),
    ("500 before", |on| on.fails(500)),
    ("502 before", |on| on.fails(502)),
    ("503 before", |on| on.fails(503)),
    ("504 before", |on| on.fails(504)),
    ("500 after", |on| on.fails_after_writing(500)),
    ("502 after", |on| on.fails_after_writing(502)),
    ("503 after", |on| on.fails_after_writing(503)),
    ("504 after", |on| on.fails_after_writing(504)),
    ("replica miss", FaultOn::replica_miss),
    ("concurrency", FaultOn::concurrency),
    ("truncated", FaultOn::truncated),
    ("no JSON", |on| on.malformed(200)),
];

/// One of each outcome: not sent, carried out or not, and known or not.
const OUTCOMES: [&str; 8] = [
    "not sent",
    "response lost",
    "429 with Retry-After",
    "503 before",
    "500 after",
    "replica miss",
    "concurrency",
    "truncated",
];

/// What can go wrong with an item of a batch alone.
pub(crate) const ITEM_FAULTS: &[Way] = &[
    ("429", |on| on.throttled(RetryAfter::Absent)),
    ("429 with Retry-After", |on| on.throttled(RetryAfter::Seconds(7))),
    ("500 before", |on| on.fails(500)),
    ("503 before", |on| on.fails(503)),
    ("500 after", |on| on.fails_after_writing(500)),
    ("504 after", |on| on.fails_after_writing(504)),
    ("replica miss", FaultOn::replica_miss),
    ("concurrency", FaultOn::concurrency),
];

/// The two races of a service principal with its application.
pub(crate) const RACES: &[Way] = &[
    ("the backing application is elsewhere", FaultOn::service_principal_race),
    ("there is no backing application", |on| {
        let message = "The appId of the service principal does not reference a valid application object.";
        on.refuses(400, "Request_BadRequest", message)
    }),
];

/// A way to the tenant on which the process ends at a request: before it is sent, or when its response is there.
#[derive(Debug)]
struct Killer {
    tenant: MemoryTenant,
    at: usize,
    after: bool,
    seen: AtomicUsize,
    reached: tokio::sync::Notify,
}

impl Killer {
    async fn reached(&self) {
        self.reached.notified().await;
    }
}

#[async_trait]
impl Transport for Killer {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let is_last = self.seen.fetch_add(1, Ordering::Relaxed) == self.at;
        if is_last && self.after {
            drop(self.tenant.send(request).await);
        } else if !is_last {
            return self.tenant.send(request).await;
        }
        self.reached.notify_one();
        std::future::pending().await
    }
}

/// The jobs, and what is tried on each.
pub(super) enum Extent {
    /// Everything on the guide of ImmyBot, and one of each outcome on the first run of the others.
    Outcomes,
    /// Everything on everything.
    All,
}

impl Extent {
    async fn jobs(&self) -> Vec<Job> {
        let mut jobs = Job::all().await;
        jobs.retain(|job| self.is_all(job) || job.name.ends_with("first run"));
        jobs
    }

    fn is_all(&self, job: &Job) -> bool {
        matches!(self, Self::All) || job.name.starts_with("immybot")
    }

    fn of(&self, job: &Job, faults: &'static [Way]) -> impl Iterator<Item = &'static Way> {
        let all = self.is_all(job);
        faults.iter().filter(move |(name, _)| all || OUTCOMES.contains(name))
    }
}

pub(super) async fn every_request(extent: Extent) {
    let mut results = Vec::new();
    for job in extent.jobs().await {
        for number in 1..=job.requests {
            for (name, make) in extent.of(&job, FAULTS) {
                let fault = make(Fault::on("*", "/**").nth(number).alone());
                results.push(job.run(&format!("{name} at request {number}"), [fault], Open::Never).await);
            }
        }
    }
    report("each request", &results);
}

pub(super) async fn every_item(extent: Extent) {
    let mut results = Vec::new();
    for job in extent.jobs().await {
        for number in 1..=job.items {
            for (name, make) in extent.of(&job, ITEM_FAULTS) {
                let fault = make(Fault::on("*", "/**").nth(number).in_batch());
                results.push(job.run(&format!("{name} at item {number}"), [fault], Open::Never).await);
            }
        }
        for (name, make) in RACES {
            for times in [1, 3] {
                let fault = make(Fault::on("POST", "/servicePrincipals").times(times));
                results.push(job.run(&format!("{name}, {times} times"), [fault], Open::Never).await);
            }
        }
    }
    report("each item", &results);
}

/// Two faults of one job, at every pair of requests.
pub(super) async fn every_pair(faults: &[Way]) {
    let job = Job::immybot().await;
    let mut results = Vec::new();
    for first in 1..=job.requests {
        // The second may meet the request that the first one has added.
        for second in first + 1..=job.requests + 1 {
            for (one, make_one) in faults {
                for (two, make_two) in faults {
                    let faults = [(first, make_one), (second, make_two)]
                        .map(|(number, make)| make(Fault::on("*", "/**").nth(number).alone()));
                    let label = format!("{one} at request {first} and {two} at request {second}");
                    results.push(job.run(&label, faults, Open::Reported).await);
                }
            }
        }
    }
    report("each pair", &results);
}

#[tokio::test(start_paused = true)]
async fn every_request_fails_once_in_every_way() {
    every_request(Extent::Outcomes).await;
}

#[tokio::test(start_paused = true)]
async fn every_item_of_a_batch_fails_once_in_every_way() {
    every_item(Extent::Outcomes).await;
}

/// One of each outcome, of which a plan or an apply may be uncertain; `sweep` has every fault with every other.
#[tokio::test(start_paused = true)]
async fn two_requests_fail_in_every_pair_of_ways() {
    let classes = ["response lost", "503 before", "500 after", "replica miss"];
    let faults: Vec<_> = FAULTS.iter().filter(|(name, _)| classes.contains(name)).copied().collect();
    assert_eq!(faults.len(), classes.len());
    every_pair(&faults).await;
}

#[tokio::test(start_paused = true)]
async fn the_process_ends_at_every_request_before_and_after_its_effect() {
    let mut results = Vec::new();
    for job in Job::all().await {
        for at in 0..usize::try_from(job.requests).unwrap() {
            for after in [false, true] {
                let tenant = job.tenant();
                let (seen, reached) = (AtomicUsize::new(0), tokio::sync::Notify::new());
                let killer = Arc::new(Killer { tenant: tenant.clone(), at, after, seen, reached });
                let client = tenant.client_builder().transport(killer.clone()).build().unwrap();
                let mut run = Run::new(&job, &tenant);
                run.once(&client, killer.reached()).await;
                drop(client);
                run.until_converged(&tenant).await;
                let checked = run.check(&tenant, Open::Reported).await;
                let when = if after { "after" } else { "before" };
                results.push(checked.map_err(|what| format!("{}, ended {when} request {at}: {what}", job.name)));
            }
        }
    }
    report("the process gone", &results);
}

/// How long one job takes is no promise; that none hangs is.
#[tokio::test(start_paused = true)]
async fn no_fault_makes_a_job_wait_for_ever() {
    let job = Job::immybot().await;
    for (name, make) in FAULTS {
        let tenant = job.tenant();
        tenant.fault(make(Fault::on("*", "/**").always().alone()));
        let client = tenant.client();
        let run = async {
            let plan = client.plan(&job.registration).await.ok()?;
            client.apply(&plan).approve_all().await.ok()
        };
        let ended = tokio::time::timeout(Duration::from_secs(3600), run).await;
        assert!(matches!(ended, Ok(None)), "{name}");
    }
}
