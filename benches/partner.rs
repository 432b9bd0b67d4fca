//! A thousand customers: what it costs to check the relationships with all of them, and to audit the consent to an app.
//!
//! `cargo bench --bench partner`. It prints counts, no timings: HTTP requests beside the number that is allowed, sign-ins,
//! virtual seconds where each request takes 50 ms, and by how much the heap grows above the filled cloud. The emulator lives
//! in the same heap, so that the tokens which it issues are in the figure.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use entra_apps::auth::{
    DeviceCodeProvider, MemoryRefreshTokenStore, RefreshTokenProvider, SignInService, public_client,
};
use entra_apps::bytes::Bytes;
use entra_apps::cloud::Cloud;
use entra_apps::directory_role::DirectoryRole;
use entra_apps::http::{Request, Response};
use entra_apps::ids::AppId;
use entra_apps::partner::{CustomerState, RolesNeeded};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::permission::{MICROSOFT_GRAPH, Permission};
use entra_apps::secrecy::SecretString;
use entra_apps::time::macros::datetime;
use entra_apps::token::{TokenProvider as _, TokenRequest};
use entra_apps::transport::{Transport, TransportError};
use entra_apps::{AppRegistration, Client, ClientSecret, SignInAudience};
use entra_emulator::{MemoryCloud, MemoryTenant, MemoryTenantBuilder, TenantClock};
use peak_alloc::PeakAlloc;
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const CUSTOMERS: usize = 1_000;

/// Customers without a contract, whose domains have to be looked up.
const WITHOUT_CONTRACT: usize = 200;

const REQUEST: Duration = Duration::from_millis(50);

/// The permissions of whoever signs in, in the partner's tenant and in each customer's.
const SCOPES: &str = "DelegatedAdminRelationship.Read.All Directory.Read.All Application.Read.All \
                      CrossTenantInformation.ReadBasic.All User.Read";

/// Counts what goes over the cloud's transport.
#[derive(Clone, Debug)]
struct Counter {
    cloud: MemoryCloud,
    requests: Arc<AtomicUsize>,
    sign_ins: Arc<AtomicUsize>,
}

#[async_trait]
impl Transport for Counter {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let is_sign_in = request.uri().path().contains("/oauth2/");
        let counted = if is_sign_in { &self.sign_ins } else { &self.requests };
        counted.fetch_add(1, Ordering::Relaxed);
        self.cloud.send(request).await
    }
}

fn registration() -> AppRegistration {
    AppRegistration::new("partner-sync", "Partner Sync")
        .audience(SignInAudience::MultipleOrganizations)
        .permission(application::DIRECTORY_READ_ALL)
        .permission(application::USER_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Main"))
}

fn send(tenant: &MemoryTenant, method: &str, path: &str, body: &Value) -> Value {
    let (status, answer) = tenant.send_json(method, path, Some(&body.to_string()));
    assert!(status.is_success(), "{method} {path}: {answer}");
    serde_json::from_str(&answer).unwrap_or_default()
}

fn builder(name: &str) -> MemoryTenantBuilder {
    let clock = Arc::new(TenantClock::starting_at(datetime!(2026-06-01 09:00 UTC)));
    MemoryTenant::builder().clock(clock).tick(REQUEST).recorded_requests(1).domain(format!("{name}.onmicrosoft.com"))
}

/// The service principal of an app, with what is granted for the whole tenant.
fn consent(tenant: &MemoryTenant, app: AppId, roles: &[Permission], scopes: &str) {
    let principal = send(tenant, "POST", "/servicePrincipals", &json!({ "appId": app }))["id"].clone();
    let principals = tenant.service_principals().into_iter();
    let graph = principals.filter(|it| it.app_id == MICROSOFT_GRAPH).map(|it| it.id).next().expect("it is there");
    for role in roles {
        let assignment = json!({"principalId": principal, "resourceId": graph, "appRoleId": role.id()});
        let id = principal.as_str().expect("an id");
        send(tenant, "POST", &format!("/servicePrincipals/{id}/appRoleAssignments"), &assignment);
    }
    let grant = json!({"clientId": principal, "resourceId": graph, "consentType": "AllPrincipals", "scope": scopes});
    send(tenant, "POST", "/oauth2PermissionGrants", &grant);
}

struct Scene {
    transport: Counter,
    /// As a person in AdminAgents.
    person: Client,
    /// As the app that is audited.
    app: Client,
}

impl Scene {
    async fn new() -> Self {
        let customers = (0..CUSTOMERS).map(|number| builder(&format!("customer{number}")));
        let cloud = MemoryCloud::new([builder("partner").partner()].into_iter().chain(customers));
        let (partner, customers) = cloud.tenants().split_first().expect("the first is the partner");
        let (app_id, secret) = register(&cloud, partner).await;
        let person = partner.add_user("Grace Hopper", &[]);
        let agents = partner.groups().into_iter().find(|it| it.display_name == "AdminAgents").expect("it is there").id;
        let member = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{}", person.id)});
        send(partner, "POST", &format!("/groups/{agents}/members/$ref"), &member);

        let tools = public_client::MICROSOFT_GRAPH_COMMAND_LINE_TOOLS;
        consent(partner, tools, &[], SCOPES);
        let roles = [DirectoryRole::APPLICATION_ADMINISTRATOR, DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR];
        let roles = roles.map(|role| role.id());
        for (customer, number) in customers.iter().zip(0..) {
            if number >= WITHOUT_CONTRACT {
                partner.add_customer(customer);
            }
            let relationship = partner.add_relationship(customer, &format!("Relationship {number}"), &roles);
            partner.add_access_assignment(&relationship, agents, &roles);
            consent(customer, tools, &[], SCOPES);
            consent(customer, app_id, &[application::DIRECTORY_READ_ALL, application::USER_READ_ALL], "User.Read");
        }
        tokio::time::advance(Duration::from_secs(3600)).await;

        let transport = Counter { cloud: cloud.clone(), requests: Arc::default(), sign_ins: Arc::default() };
        let client =
            || Client::builder().tenant(partner.id()).transport(Arc::new(transport.clone())).clock(partner.clock());
        let service = SignInService::new(Cloud::global(), Arc::new(transport.clone()), partner.clock());
        let store = Arc::new(MemoryRefreshTokenStore::default());
        let screen = partner.clone();
        let device = DeviceCodeProvider::new(service.clone(), tools, move |prompt| {
            screen.approve_device_code(&prompt.user_code, &person);
        });
        let scope = "https://graph.microsoft.com/.default";
        let signed_in = device.store(Arc::clone(&store) as _).token(&TokenRequest::new(partner.id(), scope)).await;
        signed_in.expect("the person signs in");
        let provider = RefreshTokenProvider::new(service, tools, partner.id(), store);
        Self {
            person: client().token_provider(Arc::new(provider)).build().expect("it builds"),
            app: client().client_secret(app_id, secret).build().expect("it builds"),
            transport,
        }
    }

    /// Prints what `job` costs, and whether that is within what is allowed.
    async fn row<T>(&self, name: &str, allowed: usize, job: impl Future<Output = T>) -> T {
        let counts = || [&self.transport.requests, &self.transport.sign_ins].map(|it| it.load(Ordering::Relaxed));
        let (before, began, held) = (counts(), tokio::time::Instant::now(), ALLOCATED.current_usage());
        ALLOCATED.reset_peak_usage();
        let result = job.await;
        let grown = ALLOCATED.peak_usage().saturating_sub(held);
        let after = counts();
        println!(
            "{name:<22} {CUSTOMERS:>9} {:>9} {allowed:>8} {:>9} {:>8.1} {:>8}",
            after[0] - before[0],
            after[1] - before[1],
            began.elapsed().as_secs_f64(),
            grown / 1024
        );
        result
    }
}

/// Registers the app in the partner's tenant; returns its client id and its secret.
async fn register(cloud: &MemoryCloud, partner: &MemoryTenant) -> (AppId, SecretString) {
    let (client, wanted) = (cloud.client(partner), registration());
    let plan = client.plan(&wanted).await.expect("it plans");
    let registered = client.apply(&plan).approve_all().await.expect("it applies");
    (registered.application.expect("it is there").app_id, registered.secrets[0].value.clone())
}

async fn run() {
    let scene = Scene::new().await;
    let wanted = registration();
    let partner = scene.person.partner();
    let each = |of: usize, at_once: usize| of.div_ceil(at_once);
    // A page holds 300 of a list, and a batch 20 requests.
    let readiness = 2 * each(CUSTOMERS, 300) + each(CUSTOMERS, 20) + 10;
    let domains = each(WITHOUT_CONTRACT, 20);
    let reads = CUSTOMERS + CUSTOMERS / 10;

    println!("job                    customers  requests  allowed  sign-ins  seconds  heap kB");
    let check = partner.readiness(RolesNeeded::to_register(&wanted)).with_domains();
    let checked = scene.row("readiness", readiness + domains, async { check.await }).await.expect("it checks");
    assert!(checked.is_ready() && checked.customers.len() == CUSTOMERS, "{:?}", checked.customers[0]);
    drop(checked);
    let audit = async { partner.audit(&wanted).await };
    let by_person = scene.row("audit, as a person", readiness + reads, audit).await.expect("it audits");
    let audit = async { partner.audit(&wanted).with_app_credential(&scene.app).await };
    let by_app = scene.row("audit, as the app", readiness + reads, audit).await.expect("it audits");
    for report in [by_person, by_app] {
        assert_eq!(
            report.counts().get(&CustomerState::AlreadyConsented),
            Some(&CUSTOMERS),
            "{:?}",
            report.customers[0]
        );
    }
}

fn main() {
    // Time is virtual: the tenants' ticks cost nothing.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime starts").block_on(run());
}
