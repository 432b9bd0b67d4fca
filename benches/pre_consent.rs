//! Ten thousand customers: how fast an app is consented to in all of their tenants, beside what the documented limits
//! allow, and how much a run holds.
//!
//! `cargo bench --bench pre_consent`, with a number of customers on request. It prints counts, no timings: the virtual
//! seconds, where each request takes 50 ms, in which it is read who is ready, customers in such a second from the approval
//! on, refusals for throttling before and after it, HTTP requests per customer, and the heap that client and run hold while
//! half of the customers wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use entra_apps::auth::{MemoryRefreshTokenStore, RefreshTokenProvider, SignInService};
use entra_apps::bytes::Bytes;
use entra_apps::cloud::Cloud;
use entra_apps::http::{Request, Response};
use entra_apps::ids::AppId;
use entra_apps::partner::{ConsentLimits, CustomerState, DeployerConsent, PreConsent, Report, deployer_registration};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::permission::{MICROSOFT_GRAPH, PermissionKind, catalogue};
use entra_apps::time::macros::datetime;
use entra_apps::transport::{Transport, TransportError};
use entra_apps::{AppRegistration, Client, SignInAudience};
use entra_emulator::{Api, Lag, MemoryCloud, MemoryTenant, MemoryTenantBuilder, TenantClock, Throttling};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const CUSTOMERS: usize = 10_000;

const REQUEST: Duration = Duration::from_millis(50);

/// Writes to Graph in a second, of one app in all tenants.
const GRAPH_WRITES: f64 = 70_000.0 / 300.0;

/// Requests to Partner Center in a second, of one app.
const PARTNER_CENTER: f64 = 50.0;

/// Counts what goes over the cloud's transport.
#[derive(Clone, Debug)]
struct Counter {
    cloud: MemoryCloud,
    requests: Arc<AtomicUsize>,
    throttled: Arc<AtomicUsize>,
}

#[async_trait]
impl Transport for Counter {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let response = self.cloud.send(request).await?;
        // Those of a batch's items among them.
        let in_batch = String::from_utf8_lossy(response.body()).matches("\"status\":429").count();
        self.throttled.fetch_add(in_batch + usize::from(response.status() == 429), Ordering::Relaxed);
        Ok(response)
    }
}

/// ImmyBot's permissions, every task selected: six grants and one, and the service principal: eight writes.
fn registration() -> AppRegistration {
    AppRegistration::new("immybot-custom", "ImmyBot Custom Application")
        .audience(SignInAudience::MultipleOrganizations)
        .permission(application::DELEGATED_ADMIN_RELATIONSHIP_READ_ALL)
        .permission(application::DIRECTORY_READ_ALL)
        .permission(application::DEVICE_MANAGEMENT_SCRIPTS_READ_WRITE_ALL)
        .permission(application::DEVICE_MANAGEMENT_CONFIGURATION_READ_WRITE_ALL)
        .permission(application::DEVICE_MANAGEMENT_MANAGED_DEVICES_READ_WRITE_ALL)
        .permission(application::APPLICATION_READ_WRITE_ALL)
        .permission(delegated::USER_READ)
}

fn deployer() -> AppRegistration {
    deployer_registration("contoso-deployer", "Contoso Deployer")
}

/// Microsoft Graph with what is asked for, and what a tenant's caller has: ten thousand tenants with a thousand permissions
/// each would be a test of this machine's memory.
fn graph() -> Api {
    let names = [
        "AppRoleAssignment.ReadWrite.All",
        "Application.ReadWrite.All",
        "DelegatedAdminRelationship.Read.All",
        "DelegatedPermissionGrant.ReadWrite.All",
        "DeviceManagementConfiguration.ReadWrite.All",
        "DeviceManagementManagedDevices.ReadWrite.All",
        "DeviceManagementScripts.ReadWrite.All",
        "Directory.Read.All",
        "User.Read",
    ];
    let wanted = catalogue().iter().filter(|entry| names.contains(&entry.value));
    let api = Api::new(MICROSOFT_GRAPH, "Microsoft Graph").identifier_uri("https://graph.microsoft.com");
    wanted.fold(api, |api, entry| match entry.kind {
        PermissionKind::Application => api.application_permission(entry.value, entry.id),
        _ => api.delegated_permission(entry.value, entry.id),
    })
}

fn builder(name: &str) -> MemoryTenantBuilder {
    let clock = Arc::new(TenantClock::starting_at(datetime!(2026-06-01 09:00 UTC)));
    MemoryTenant::builder().clock(clock).tick(REQUEST).recorded_requests(1).domain(format!("{name}.onmicrosoft.com"))
}

struct Scene {
    transport: Counter,
    deployer_id: AppId,
}

impl Scene {
    async fn new(customers: usize) -> Self {
        let graph = graph();
        let customers = (0..customers).map(|number| builder(&format!("customer{number}")).api(graph.clone()));
        let cloud = MemoryCloud::partner(builder("partner"), customers);
        let admin = cloud.client(&cloud.tenants()[0]);
        let mut ids = Vec::new();
        for wanted in [registration(), deployer()] {
            let plan = admin.plan(&wanted).await.expect("it plans");
            let registered = admin.apply(&plan).approve_all().await.expect("it applies");
            ids.push(registered.application.expect("it is there").app_id);
        }
        tokio::time::advance(Duration::from_secs(3600)).await;
        cloud.tenants().iter().for_each(|tenant| tenant.set_throttling(Throttling::documented()));
        let transport = Counter { cloud, requests: Arc::default(), throttled: Arc::default() };
        Self { transport, deployer_id: ids[1] }
    }

    fn customers(&self) -> &[MemoryTenant] {
        &self.transport.cloud.tenants()[1..]
    }

    fn client(&self) -> Client {
        let cloud = &self.transport.cloud;
        let (partner, agent) = (&cloud.tenants()[0], cloud.admin_agent().expect("a partner has one"));
        let store = MemoryRefreshTokenStore::new(partner.sign_user_in(self.deployer_id, &agent));
        let transport: Arc<dyn Transport> = Arc::new(self.transport.clone());
        let service = SignInService::new(Cloud::global(), Arc::clone(&transport), partner.clock());
        let provider = RefreshTokenProvider::new(service, self.deployer_id, partner.id(), Arc::new(store));
        let builder = Client::builder().tenant(partner.id()).token_provider(Arc::new(provider));
        builder.transport(transport).clock(partner.clock()).concurrent_requests(32).build().expect("it builds")
    }

    fn consent(&self, then: DeployerConsent) -> PreConsent {
        self.client().partner().pre_consent(&registration()).deployer(&deployer(), then)
    }

    fn counts(&self) -> [usize; 2] {
        [&self.transport.requests, &self.transport.throttled].map(|count| count.load(Ordering::Relaxed))
    }
}

fn assert_all(report: &Report, state: CustomerState, customers: usize) {
    assert_eq!(report.counts().get(&state), Some(&customers), "{report}");
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("few"))
}

/// Prints how fast all customers are done, beside what the tightest documented limit allows.
async fn rate(name: &str, customers: usize, then: DeployerConsent, limits: ConsentLimits, parts: usize) {
    let scene = Scene::new(customers).await;
    let began = tokio::time::Instant::now();
    let mut all = Vec::new();
    for index in 0..parts {
        let consent = scene.consent(then).limits(limits);
        let consent = if parts > 1 { consent.shard(index, parts) } else { consent };
        all.push(consent.prepare().await.expect("it prepares"));
    }
    // Somebody looks at what was read, and approves it.
    let prepared = began.elapsed().as_secs_f64();
    let [_, throttled_before] = scene.counts();
    let began = tokio::time::Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for prepared in all {
        running.spawn(async move { prepared.run(prepared.approval()).expect("it is approved").report().await });
    }
    let report = Report::merge(running.join_all().await).expect("they are parts of one");
    assert_all(&report, CustomerState::Consented, customers);
    let seconds = began.elapsed().as_secs_f64();
    let [requests, throttled] = scene.counts();
    let (at_partner_center, writes) = match then {
        DeployerConsent::Keep => (1.0, 8.0),
        DeployerConsent::Remove => (2.0, 9.0),
    };
    let limit = (PARTNER_CENTER / at_partner_center).min(GRAPH_WRITES / writes);
    let per_second = number(customers) / seconds;
    println!(
        "{name:<20} {customers:>9} {prepared:>9.1} {throttled_before:>5} {per_second:>9.2} {limit:>8.2} {:>6.3} {:>5} {:>9.2}",
        per_second / limit,
        throttled - throttled_before,
        number(requests) / number(customers),
    );
}

/// Prints the heap that client and run hold while half of the customers wait for a consent to come through.
async fn held(customers: usize) -> usize {
    let scene = Scene::new(customers).await;
    for customer in scene.customers().iter().step_by(2) {
        customer.set_lag(Lag::all(Duration::from_secs(86_400)));
    }
    let limits = ConsentLimits::default().tokens(None);
    let consent =
        scene.consent(DeployerConsent::Keep).limits(limits).canaries(0).propagation(Duration::from_secs(86_400));
    let prepared = consent.prepare().await.expect("it prepares");
    let mut run = prepared.run(prepared.approval()).expect("it is approved");
    for _ in 0..customers / 2 {
        run.next().await.expect("half of them are done");
    }
    // What was written is remembered for five minutes.
    let later = tokio::time::timeout(Duration::from_secs(400), run.next()).await;
    assert!(later.is_err(), "the others wait");
    let waiting = run.progress().waiting;
    let with_run = ALLOCATED.current_usage();
    drop((run, prepared, consent));
    let held = with_run.saturating_sub(ALLOCATED.current_usage());
    println!("{waiting:>9} of {customers:>6} wait: {:>8} kB are held", held / 1024);
    held
}

async fn all(customers: usize) {
    let free = ConsentLimits::default().tokens(None);
    println!("job                  customers  prepare s   429  a second    limit  ratio   429  requests");
    rate("deployer kept", customers, DeployerConsent::Keep, free, 1).await;
    rate("deployer removed", customers, DeployerConsent::Remove, free, 1).await;
    rate("kept, token limit", customers, DeployerConsent::Keep, ConsentLimits::default(), 1).await;
    rate("kept, in 4 parts", customers / 4, DeployerConsent::Keep, free, 4).await;
    let (few, many) = (held(customers / 10).await, held(customers).await);
    let further = customers / 2 - customers / 20;
    println!("each of {further} further that wait takes {} bytes", many.saturating_sub(few) / further);
}

fn main() {
    let customers = std::env::args().skip(1).find_map(|number| number.parse().ok()).unwrap_or(CUSTOMERS);
    // Time is virtual: the tenants' ticks cost nothing.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime starts").block_on(all(customers));
}
