//! The proof by exhaustion: whatever goes wrong at whatever request, applying again ends where an undisturbed run ends.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use entra_apps::ids::KeyId;
use entra_apps::permission::{MICROSOFT_GRAPH, Permission};
use entra_apps::transport::{Transport, TransportError};
use entra_apps::{AppRegistration, Client};
use entra_emulator::{Api, Fault, FaultOn, MemoryTenant, MemoryTenantBuilder, RetryAfter, Snapshot};
use serde_json::Value;

use crate::guides;
use crate::support::{builder, register};

/// How often a job is applied before it counts as one that never converges.
const RUNS: usize = 6;

/// A way to fail, by its name.
type Way = (&'static str, fn(FaultOn) -> Fault);

/// Everything that can go wrong with a request.
const FAULTS: &[Way] = &[
    ("not sent", FaultOn::unreachable),
    ("reset before sending", FaultOn::reset),
    ("answer lost", FaultOn::response_lost),
    ("no answer", FaultOn::hangs),
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

/// What can go wrong with an item of a batch alone.
const ITEM_FAULTS: &[Way] = &[
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
const RACES: &[Way] = &[
    ("the backing application is elsewhere", FaultOn::service_principal_race),
    ("there is no backing application", |on| {
        let message = "The appId of the service principal does not reference a valid application object.";
        on.refuses(400, "Request_BadRequest", message)
    }),
];

/// A tenant whose Microsoft Graph has what the guides and the caller need, and no more: thousands are made here.
fn lean() -> MemoryTenantBuilder {
    let caller = [
        "Application.ReadWrite.All",
        "AppRoleAssignment.ReadWrite.All",
        "DelegatedPermissionGrant.ReadWrite.All",
        "Directory.Read.All",
        "Organization.Read.All",
    ];
    let guides = guides::all();
    let wanted = guides.iter().flat_map(|(_, registration)| registration.wanted_permissions().cloned());
    let wanted = wanted.chain(caller.map(|name| Permission::application(name).unwrap()));
    let graph = Api::new(MICROSOFT_GRAPH, "Microsoft Graph").identifier_uri("https://graph.microsoft.com");
    wanted.filter(|permission| permission.api() == MICROSOFT_GRAPH).fold(builder().api(graph), |builder, permission| {
        builder.permission(MICROSOFT_GRAPH, permission.kind(), permission.name().unwrap(), permission.id().unwrap())
    })
}

/// A job: what is declared, and the tenant that it begins in.
struct Job {
    name: String,
    registration: AppRegistration,
    before: Snapshot,
    /// The secrets that the caller already holds.
    held: Vec<KeyId>,
    /// What an undisturbed run sends: how many requests, and how many items in their batches.
    requests: u64,
    items: u64,
    /// What it leaves.
    after: String,
}

/// Whether a secret may be left that nobody has, if the next plan names it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Never,
    Told,
}

impl Job {
    async fn new(name: String, registration: AppRegistration, before: Snapshot, held: Vec<KeyId>) -> Self {
        let tenant = lean().snapshot(before.clone()).build();
        let client = tenant.client();
        let mut plan = client.plan(&registration);
        for key in &held {
            plan = plan.holding(*key);
        }
        let plan = plan.await.unwrap();
        client.apply(&plan).approve_all().await.unwrap();
        let requests = tenant.requests();
        let items = requests.iter().map(|request| request.items.len() as u64).sum();
        let requests = requests.len() as u64;
        let after = state(&tenant, &registration);
        Self { name, registration, before, held, requests, items, after }
    }

    /// Each guide: a first run, and a run that repairs what somebody has changed since.
    async fn all() -> Vec<Self> {
        let mut jobs = Vec::new();
        for (name, registration) in guides::all() {
            let tenant = lean().build();
            let empty = tenant.snapshot();
            let registered = register(&tenant.client(), &registration).await;
            let held: Vec<KeyId> = registered.secrets.iter().map(|secret| secret.key_id).collect();
            let app = registered.application.as_ref().unwrap();
            // Somebody takes away a permission, all consent of people, and the redirect URIs.
            let grants = [
                tenant
                    .app_role_assignments()
                    .iter()
                    .rev()
                    .take(1)
                    .map(|held| format!("/servicePrincipals/{}/appRoleAssignments/{}", held.principal_id, held.id))
                    .collect::<Vec<_>>(),
                tenant
                    .oauth2_permission_grants()
                    .iter()
                    .map(|grant| format!("/oauth2PermissionGrants/{}", grant.id))
                    .collect(),
            ];
            for path in grants.concat() {
                tenant.send_json("DELETE", &path, None);
            }
            let path = format!("/applications/{}", app.application_id);
            let changed = r#"{"notes": null, "web": {"redirectUris": ["https://elsewhere.example/x"]}}"#;
            let (status, body) = tenant.send_json("PATCH", &path, Some(changed));
            assert!(status.is_success(), "{body}");
            let drifted = tenant.snapshot();
            jobs.push(Self::new(format!("{name}, first run"), registration.clone(), empty, Vec::new()).await);
            jobs.push(Self::new(format!("{name}, repair"), registration, drifted, held).await);
        }
        jobs
    }

    fn tenant(&self) -> MemoryTenant {
        lean().snapshot(self.before.clone()).build()
    }

    /// Applies with faults until it converges; what is wrong at the end.
    async fn run(&self, label: &str, faults: impl IntoIterator<Item = Fault>, open: Open) -> Result<(), String> {
        let tenant = self.tenant();
        for fault in faults {
            tenant.fault(fault);
        }
        let mut run = Run::new(self, &tenant);
        for _ in 0..RUNS {
            if run.once(&tenant.client(), None).await {
                break;
            }
        }
        run.judge(&tenant, open).await.map_err(|what| format!("{}, {label}: {what}", self.name))
    }
}

/// The runs of one job, and what the caller knows from them.
struct Run<'a> {
    job: &'a Job,
    held: Vec<KeyId>,
    converged: bool,
    already: Vec<KeyId>,
}

impl<'a> Run<'a> {
    fn new(job: &'a Job, tenant: &MemoryTenant) -> Self {
        tenant.clear_requests();
        Self { job, held: job.held.clone(), converged: false, already: job.held.clone() }
    }

    /// Plans and applies once, as a process of its own that ends when `killed` does; whether nothing is left to do.
    async fn once(&mut self, client: &Client, killed: Option<&Killer>) -> bool {
        let mut request = client.plan(&self.job.registration);
        for key in &self.held {
            request = request.holding(*key);
        }
        let work = async {
            let plan = request.await.ok()?;
            if plan.is_converged() {
                return Some((true, None));
            }
            let report = match client.apply(&plan).approve_all().await {
                Ok(report) => report,
                Err(error) => error.into_parts().1,
            };
            Some((false, Some(report)))
        };
        let done = match killed {
            Some(killer) => tokio::select! {
                done = work => done,
                () = killer.reached() => None,
            },
            None => work.await,
        };
        let Some((converged, report)) = done else { return false };
        if let Some(report) = report {
            self.held.extend(report.secrets.iter().map(|secret| secret.key_id));
        }
        self.converged = converged;
        converged
    }

    /// Whether the end is what it should be.
    async fn judge(mut self, tenant: &MemoryTenant, open: Open) -> Result<(), String> {
        let sent = tenant.requests().len() as u64;
        tenant.clear_faults();
        if !self.converged {
            // A secret that nobody may hold keeps a plan open; it is not work.
            self.once(&tenant.client(), None).await;
        }
        let checklist = tenant.client().verify(&self.job.registration).await.map_err(|error| error.to_string())?;
        if !checklist.is_done() {
            return Err(format!("not done:\n{checklist}"));
        }
        let mut wanted = self.job.after.clone();
        let mut found = state(tenant, &self.job.registration);
        // Secrets are counted apart.
        let cut = |state: &mut String| state.truncate(state.find("secrets").unwrap_or(state.len()));
        cut(&mut wanted);
        cut(&mut found);
        if wanted != found {
            return Err(format!("the tenant holds\n{found}\ninstead of\n{wanted}"));
        }
        // A secret that nobody has is named by the next plan.
        let client = tenant.client();
        let mut plan = client.plan(&self.job.registration);
        for key in &self.held {
            plan = plan.holding(*key);
        }
        let plan = plan.await.map_err(|error| error.to_string())?;
        let unknown: Vec<KeyId> =
            secrets(tenant, &self.job.registration).into_iter().filter(|key| !self.held.contains(key)).collect();
        let told = |key: &KeyId| plan.lines().iter().any(|line| line.code == format!("secret_value:{key}"));
        if let Some(key) = unknown.iter().find(|key| !told(key)) {
            return Err(format!("nobody has the secret {key}, and nobody is told"));
        }
        if open == Open::Never && !unknown.is_empty() {
            return Err(format!("nobody has the secrets {unknown:?}"));
        }
        let unknown = unknown.len();
        let named = secrets(tenant, &self.job.registration).len();
        if named > self.held.len().max(self.already.len()) + unknown {
            return Err(format!("{named} secrets"));
        }
        let most = (self.job.requests + 6) * (RUNS as u64 + 1);
        if sent > most {
            return Err(format!("{sent} requests, more than {most}"));
        }
        Ok(())
    }
}

fn application(tenant: &MemoryTenant, registration: &AppRegistration) -> Vec<Value> {
    let all = tenant.applications().into_iter().filter(|app| app.display_name == registration.display_name());
    all.map(|app| serde_json::from_str(&app.json).unwrap()).collect()
}

fn secrets(tenant: &MemoryTenant, registration: &AppRegistration) -> Vec<KeyId> {
    let apps = application(tenant, registration);
    let all = apps.iter().flat_map(|app| app["passwordCredentials"].as_array().unwrap());
    all.map(|secret| secret["keyId"].as_str().unwrap().parse().unwrap()).collect()
}

/// What the tenant holds of a registration, without ids and times, as lines that compare.
fn state(tenant: &MemoryTenant, registration: &AppRegistration) -> String {
    let mut lines = String::new();
    for mut app in application(tenant, registration) {
        let members = app.as_object_mut().unwrap();
        let secrets = members.remove("passwordCredentials").unwrap().as_array().unwrap().len();
        for name in ["id", "appId", "createdDateTime"] {
            members.remove(name);
        }
        for list in ["/web/redirectUris", "/requiredResourceAccess", "/tags"] {
            if let Some(list) = app.pointer_mut(list).and_then(Value::as_array_mut) {
                list.sort_by_key(ToString::to_string);
            }
        }
        writeln!(lines, "application {app}").unwrap();
        let apps = tenant.applications().into_iter().filter(|app| app.display_name == registration.display_name());
        for app in apps {
            let principals = tenant.service_principals().into_iter().filter(|principal| principal.app_id == app.app_id);
            for principal in principals {
                let id = principal.id;
                let mut roles: Vec<_> = tenant
                    .app_role_assignments()
                    .into_iter()
                    .filter(|held| held.principal_id == id.into())
                    .map(|held| held.app_role_id.to_string())
                    .collect();
                roles.sort();
                let mut scopes: Vec<_> = tenant
                    .oauth2_permission_grants()
                    .into_iter()
                    .filter(|grant| grant.client_id == id)
                    .map(|grant| {
                        let mut scopes: Vec<_> = grant.scope.split_whitespace().map(str::to_owned).collect();
                        scopes.sort();
                        scopes.join(" ")
                    })
                    .collect();
                scopes.sort();
                writeln!(lines, "service principal {roles:?} {scopes:?}").unwrap();
            }
        }
        writeln!(lines, "secrets {secrets}").unwrap();
    }
    lines
}

/// A way to the tenant on which the process ends at a request: before it is sent, or when its answer is there.
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

/// Prints how many runs converged, and says what was wrong with the others.
fn tell(what: &str, results: &[Result<(), String>]) {
    let wrong: Vec<&String> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    println!("{what}: {} of {} runs converged", results.len() - wrong.len(), results.len());
    let first = wrong.iter().take(5).map(|wrong| wrong.as_str()).collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} of {} runs went wrong:\n{first}", wrong.len(), results.len());
}

#[tokio::test(start_paused = true)]
async fn every_request_fails_once_in_every_way() {
    let mut results = Vec::new();
    for job in Job::all().await {
        for number in 1..=job.requests {
            for (name, make) in FAULTS {
                let fault = make(Fault::on("*", "/**").nth(number).alone());
                results.push(job.run(&format!("{name} at request {number}"), [fault], Open::Never).await);
            }
        }
    }
    tell("each request", &results);
}

#[tokio::test(start_paused = true)]
async fn every_item_of_a_batch_fails_once_in_every_way() {
    let mut results = Vec::new();
    for job in Job::all().await {
        for number in 1..=job.items {
            for (name, make) in ITEM_FAULTS {
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
    tell("each item", &results);
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
                run.once(&client, Some(&killer)).await;
                drop(client);
                for _ in 0..RUNS {
                    if run.once(&tenant.client(), None).await {
                        break;
                    }
                }
                let judged = run.judge(&tenant, Open::Told).await;
                let when = if after { "after" } else { "before" };
                results.push(judged.map_err(|what| format!("{}, ended {when} request {at}: {what}", job.name)));
            }
        }
    }
    tell("the process gone", &results);
}

/// Two faults of the onboarding of ImmyBot, at every pair of requests.
async fn pairs(faults: &[Way]) {
    let registration = guides::immybot::registration("contoso");
    let job = Job::new("immybot, first run".into(), registration, lean().build().snapshot(), Vec::new()).await;
    let mut results = Vec::new();
    for first in 1..=job.requests {
        // The second may meet the request that the first one has added.
        for second in first + 1..=job.requests + 1 {
            for (one, make_one) in faults {
                for (two, make_two) in faults {
                    let faults = [(first, make_one), (second, make_two)]
                        .map(|(number, make)| make(Fault::on("*", "/**").nth(number).alone()));
                    let label = format!("{one} at request {first} and {two} at request {second}");
                    results.push(job.run(&label, faults, Open::Told).await);
                }
            }
        }
    }
    tell("each pair", &results);
}

/// One of each outcome: carried out or not, and told or not. Every fault with every other is the sweep below.
#[tokio::test(start_paused = true)]
async fn two_requests_fail_in_every_pair_of_ways() {
    let classes = ["answer lost", "503 before", "500 after", "replica miss"];
    let faults: Vec<_> = FAULTS.iter().filter(|(name, _)| classes.contains(name)).copied().collect();
    assert_eq!(faults.len(), classes.len());
    pairs(&faults).await;
}

mod sweep {
    #[tokio::test(start_paused = true)]
    #[ignore = "takes minutes"]
    async fn two_requests_fail_in_every_pair_of_all_ways() {
        super::pairs(super::FAULTS).await;
    }
}

/// How long one job takes is no promise; that none hangs is.
#[tokio::test(start_paused = true)]
async fn no_fault_makes_a_job_wait_for_ever() {
    let registration = guides::immybot::registration("contoso");
    let job = Job::new("immybot".into(), registration, lean().build().snapshot(), Vec::new()).await;
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
