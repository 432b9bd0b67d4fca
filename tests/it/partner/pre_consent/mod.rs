//! Consent for all customers: what is granted in whose tenant, at which cost, and what is told.

mod approvals;
mod elsewhere;
mod faults;
mod one_hop;
mod outcomes;
mod pace;
mod stops;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use entra_apps::auth::{MemoryRefreshTokenStore, RefreshTokenProvider, SignInService};
use entra_apps::cloud::Cloud;
use entra_apps::ids::{AppId, TenantId};
use entra_apps::partner::{CustomerState, DeployerConsent, PreConsent, Report, deployer_registration};
use entra_apps::permission::Permission;
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::time::macros::datetime;
use entra_apps::transport::Transport;
use entra_apps::{AppRegistration, Client, SignInAudience};
use entra_emulator::{MemoryCloud, MemoryTenant, MemoryTenantBuilder, TenantClock};
use serde_json::{Value, json};

/// A partner with customers, the app and the deployer registered in its tenant, and a person signed in to the deployer.
struct Scene {
    cloud: MemoryCloud,
    app_id: AppId,
    deployer_id: AppId,
    client: Client,
    store: Arc<MemoryRefreshTokenStore>,
}

fn registration() -> AppRegistration {
    of([application::USER_READ_ALL, application::GROUP_READ_ALL, delegated::USER_READ])
}

/// The registration without one of its permissions.
fn all_but(permission: &Permission) -> AppRegistration {
    of(registration().wanted_permissions().filter(|it| *it != permission).cloned())
}

fn of(permissions: impl IntoIterator<Item = Permission>) -> AppRegistration {
    let empty =
        AppRegistration::new("contoso-backup", "Contoso Backup").audience(SignInAudience::MultipleOrganizations);
    permissions.into_iter().fold(empty, AppRegistration::permission)
}

fn deployer() -> AppRegistration {
    deployer_registration("contoso-deployer", "Contoso Deployer")
}

impl Scene {
    async fn new(customers: usize) -> Self {
        Self::of((1..=customers).map(|number| builder(&format!("customer{number}")))).await
    }

    async fn of(customers: impl IntoIterator<Item = MemoryTenantBuilder>) -> Self {
        Self::between(builder("partner"), customers).await
    }

    async fn between(partner: MemoryTenantBuilder, customers: impl IntoIterator<Item = MemoryTenantBuilder>) -> Self {
        let cloud = MemoryCloud::partner(partner, customers);
        let admin = cloud.client(&cloud.tenants()[0]);
        let register = async |registration: &AppRegistration| {
            let plan = admin.plan(registration).await.unwrap();
            admin.apply(&plan).approve_all().await.unwrap().application.unwrap().app_id
        };
        let (app_id, deployer_id) = (register(&registration()).await, register(&deployer()).await);
        // The relationships are not new, and every replica knows the apps.
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let store = Arc::new(MemoryRefreshTokenStore::default());
        let mut scene = Self { client: cloud.client(&cloud.tenants()[0]), cloud, app_id, deployer_id, store };
        scene.sign_in().await;
        scene.client = scene.client_over(Arc::new(scene.cloud.clone()));
        scene.quiet();
        scene
    }

    /// Signs the person in to the deployer.
    async fn sign_in(&self) {
        use entra_apps::auth::RefreshTokenStore as _;

        let agent = self.cloud.admin_agent().unwrap();
        self.store.store(&self.partner().sign_user_in(self.deployer_id, &agent)).await.unwrap();
    }

    /// The person's client, over another transport.
    fn client_over(&self, transport: Arc<dyn Transport>) -> Client {
        let partner = self.partner();
        let service = SignInService::new(Cloud::global(), Arc::clone(&transport), partner.clock());
        let provider = RefreshTokenProvider::new(service, self.deployer_id, partner.id(), Arc::clone(&self.store) as _);
        let builder = Client::builder().tenant(partner.id()).token_provider(Arc::new(provider));
        builder.transport(transport).clock(partner.clock()).build().unwrap()
    }

    /// The app itself, with a secret of its own.
    async fn app_over(&self, transport: Arc<dyn Transport>) -> Client {
        let admin = self.cloud.client(self.partner());
        let with_secret = registration().credential(entra_apps::ClientSecret::new("Main"));
        let registered = admin.apply(&admin.plan(&with_secret).await.unwrap()).await.unwrap();
        let builder = self.partner().client_builder().transport(transport);
        builder.client_secret(self.app_id, registered.secrets[0].value.clone()).build().unwrap()
    }

    fn partner(&self) -> &MemoryTenant {
        &self.cloud.tenants()[0]
    }

    fn customers(&self) -> &[MemoryTenant] {
        &self.cloud.tenants()[1..]
    }

    fn quiet(&self) {
        self.cloud.tenants().iter().for_each(MemoryTenant::clear_requests);
    }

    /// The consent to the app, through the deployer.
    fn consent(&self, deployer_consent: DeployerConsent) -> PreConsent {
        self.consent_to(&registration(), deployer_consent)
    }

    fn consent_to(&self, registration: &AppRegistration, deployer_consent: DeployerConsent) -> PreConsent {
        self.client.partner().pre_consent(registration).deployer(&deployer(), deployer_consent)
    }

    async fn run(&self, deployer_consent: DeployerConsent) -> Report {
        run(self.consent(deployer_consent)).await
    }

    /// Lets an administrator of the customer consent to what a registration names.
    async fn consented_by_hand(&self, customer: &MemoryTenant, registration: &AppRegistration) {
        let client = self.cloud.client(customer);
        let plan = client.install(self.app_id, self.partner().id(), registration).plan().await.unwrap();
        client.apply(&plan).approve_all().await.unwrap();
    }
}

fn builder(name: &str) -> MemoryTenantBuilder {
    let clock = Arc::new(TenantClock::starting_at(datetime!(2026-06-01 09:00 UTC)));
    MemoryTenant::builder()
        .deny_foreign_requests()
        .clock(clock)
        .display_name(name)
        .domain(format!("{name}.onmicrosoft.com"))
}

/// Runs it, approved as it is.
async fn run(consent: PreConsent) -> Report {
    let prepared = consent.prepare().await.unwrap();
    prepared.run(prepared.approval()).unwrap().report().await
}

/// The states of the customers, in the order of `customers`.
fn states(report: &Report, customers: &[MemoryTenant]) -> Vec<CustomerState> {
    customers.iter().map(|customer| report.find(customer.id()).unwrap().state).collect()
}

/// The codes of a customer's reasons.
fn codes(report: &Report, customer: &MemoryTenant) -> Vec<String> {
    let reasons = &report.find(customer.id()).unwrap().reasons;
    reasons.iter().map(|reason| reason.code.to_string()).collect()
}

fn send(tenant: &MemoryTenant, method: &str, path: &str, body: &Value) -> Value {
    let body = Some(body).filter(|body| !body.is_null()).map(ToString::to_string);
    let (status, body) = tenant.send_json(method, path, body.as_deref());
    assert!(status.is_success(), "{method} {path}: {status} {body}");
    serde_json::from_str(&body).unwrap_or_default()
}

/// The object id of an app's service principal, where there is one.
fn principal_of(tenant: &MemoryTenant, app: AppId) -> Option<String> {
    tenant.service_principals().into_iter().find(|it| it.app_id == app).map(|it| it.id.to_string())
}

/// What an app holds in a tenant, for the whole tenant and for single users: each with its API.
fn held_by(tenant: &MemoryTenant, app: AppId) -> Vec<String> {
    let Some(principal) = principal_of(tenant, app) else { return Vec::new() };
    let roles = tenant.app_role_assignments().into_iter().filter(|it| it.principal_id.to_string() == principal);
    let mut held: Vec<String> = roles.map(|it| format!("{} {}", it.resource_id, it.app_role_id)).collect();
    for grant in tenant.oauth2_permission_grants().into_iter().filter(|it| it.client_id.to_string() == principal) {
        let who = grant.principal_id.map_or_else(|| "all".to_owned(), |user| user.to_string());
        held.push(format!("{} {} for {who}", grant.resource_id, grant.scope));
    }
    held.sort();
    held
}

/// Whether an app holds in a tenant what a registration names, and nothing else for the whole tenant.
async fn assert_granted(scene: &Scene, customer: &MemoryTenant, registration: &AppRegistration, case: &str) {
    let client = scene.cloud.client(customer);
    let checklist = client.install(scene.app_id, scene.partner().id(), registration).verify().await.unwrap();
    assert!(checklist.is_done(), "{case}: {checklist}");
    assert_eq!(held_by(customer, scene.app_id).len(), 3, "{case}: {:?}", held_by(customer, scene.app_id));
    let principals = customer.service_principals().into_iter().filter(|it| it.app_id == scene.app_id).count();
    assert_eq!(principals, 1, "{case}: nothing is doubled");
}

/// The writes in a tenant, items of batches by themselves.
fn writes(tenant: &MemoryTenant) -> usize {
    let requests =
        tenant.requests().into_iter().filter(|it| !it.is_token && it.path != "/v1.0/directoryObjects/getByIds");
    let writes = requests.map(|request| match request.items.as_slice() {
        [] => usize::from(request.is_write),
        items => items.iter().filter(|item| item.method != "GET").count(),
    });
    writes.sum()
}

/// How many customers are in each state.
fn counts(report: &Report) -> BTreeMap<CustomerState, usize> {
    report.counts()
}
