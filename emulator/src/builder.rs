//! The builder of a tenant.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use entra_apps::clock::Clock;
use entra_apps::ids::{AppId, PermissionId, TenantId};
use entra_apps::permission::PermissionKind;
use time::OffsetDateTime;

use crate::api::Api;
use crate::clock::{TenantClock, skewed};
use crate::cloud_state::CloudState;
use crate::data::lag::Lag;
use crate::data::links::Links;
use crate::data::object_kind::ObjectKind;
use crate::faults::{Schedule, Throttling};
use crate::graph::app_management::AppManagement;
use crate::graph::deleted_items::DeletedItems;
use crate::graph::delta::Changes;
use crate::graph::directory::{Directory, MIN_SWEPT};
use crate::graph::policy::{LegacyValues, SecretPolicy};
use crate::graph::removed_credentials::RemovedCredentials;
use crate::graph::reports::CredentialActivities;
use crate::partner;
use crate::random::{SeededRandomness, uuid};
use crate::record::{DEFAULT_RECORDED_REQUESTS, Log};
use crate::service::TenantState;
use crate::sign_in::IssuedTokens;
use crate::snapshot::Snapshot;
use crate::{Inner, MemoryTenant, OnExchange};

/// The application permissions of the first caller: all that registering an app takes.
const CALLER_ROLES: &[&str] = &[
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "Directory.Read.All",
    "Organization.Read.All",
];

/// Builder of a [`MemoryTenant`].
#[must_use = "a builder does nothing until `build()`"]
pub struct MemoryTenantBuilder {
    display_name: String,
    domain: String,
    tenant_id: Option<TenantId>,
    seed: Option<u64>,
    clock: Option<Arc<dyn Clock>>,
    skew: time::Duration,
    tick: Duration,
    lag: Lag,
    removed_credentials_work_for: Duration,
    throttling: Throttling,
    apis: BTreeMap<AppId, Api>,
    without_apis: Vec<AppId>,
    default_audience: String,
    secret_policy: SecretPolicy,
    requires_service_management_reference: bool,
    legacy_values: LegacyValues,
    base_url: Option<String>,
    on_exchange: Option<OnExchange>,
    snapshot: Option<Snapshot>,
    partner: bool,
    partner_step: Duration,
    recorded_requests: usize,
    region: (String, Option<String>),
    denies_foreign_requests: bool,
}

impl fmt::Debug for MemoryTenantBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTenantBuilder")
            .field("domain", &self.domain)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl MemoryTenantBuilder {
    pub(crate) fn new() -> Self {
        let apis = Api::well_known().into_iter().chain([Api::microsoft_graph(), partner::administration()]);
        Self {
            display_name: "Contoso".to_owned(),
            domain: "contoso.onmicrosoft.com".to_owned(),
            tenant_id: None,
            seed: None,
            clock: None,
            skew: time::Duration::ZERO,
            tick: Duration::from_millis(1),
            lag: Lag::none(),
            removed_credentials_work_for: Duration::ZERO,
            throttling: Throttling::none(),
            apis: apis.map(|api| (api.app_id, api)).collect(),
            // Only the tenants of partners have this API.
            without_apis: vec![partner::ADMINISTRATION],
            default_audience: "AzureADMyOrg".to_owned(),
            secret_policy: SecretPolicy::Unrestricted,
            requires_service_management_reference: false,
            legacy_values: LegacyValues::default(),
            base_url: None,
            on_exchange: None,
            snapshot: None,
            partner: false,
            partner_step: partner::DEFAULT_STEP,
            recorded_requests: DEFAULT_RECORDED_REQUESTS,
            region: ("NA".to_owned(), None),
            denies_foreign_requests: false,
        }
    }

    /// Sets the name of the organization; `Contoso` by default.
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = name.into();
        self
    }

    /// Sets the initial domain, which clients can name in place of the tenant id; `contoso.onmicrosoft.com` by default.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = domain.into();
        self
    }

    /// Sets the tenant id; derived from the seed by default.
    pub fn tenant_id(mut self, id: TenantId) -> Self {
        self.tenant_id = Some(id);
        self
    }

    /// Sets the seed of all ids and secrets: the same seed gives the same run. Zero by default, so tenants that should
    /// differ need different seeds.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets the clock. By default it is tokio's timer with the system's wall time: where tokio's time is paused, waits
    /// are virtual, and tokens and secrets live as long as in reality. With [`TenantClock::starting_at`] they expire in
    /// virtual time.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Sets how far the tenant's wall time is ahead of its clock's, or behind where it is negative; zero by default.
    /// The [clients](MemoryTenant::client) of the tenant use the clock itself, so that their time is right and the
    /// tenant's is wrong: the lifetimes of tokens and secrets, timestamps, the `Date` of a response and a `Retry-After`
    /// that is a date follow the tenant's, which stays between the years 1970 and 9900.
    pub fn clock_skew(mut self, ahead: time::Duration) -> Self {
        self.skew = ahead;
        self
    }

    /// Sets the duration of every request, on the clock; a millisecond by default. Requests sent at the same time
    /// overlap for that long.
    pub fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick;
        self
    }

    /// Sets one replication lag for reads, lists, references and sign-ins; none by default.
    pub fn lag(self, lag: Duration) -> Self {
        self.lags(Lag::all(lag))
    }

    /// Sets the replication lag per kind of lookup.
    pub fn lags(mut self, lag: Lag) -> Self {
        self.lag = lag;
        self
    }

    /// Sets how long an app can sign in with a secret or certificate after it was removed, on the clock; not at all by
    /// default. Entra's sign-in service learns of a removal after the directory, as of everything else.
    pub fn removed_credentials_work_for(mut self, time: Duration) -> Self {
        self.removed_credentials_work_for = time;
        self
    }

    /// Sets the limits above which requests are refused with 429; none by default.
    pub fn throttling(mut self, limits: Throttling) -> Self {
        self.throttling = limits;
        self
    }

    /// Adds an API, or replaces the one of the same app id, Microsoft Graph included.
    pub fn api(mut self, api: Api) -> Self {
        self.apis.insert(api.app_id, api);
        self
    }

    /// Adds a permission to an API; an unknown API is added.
    pub fn permission(mut self, api: AppId, kind: PermissionKind, value: &str, id: PermissionId) -> Self {
        let known = self.apis.remove(&api).unwrap_or_else(|| Api::new(api, api.to_string()));
        self.apis.insert(api, known.permission(kind, value, id));
        self
    }

    /// Removes a permission, application and delegated, in any case, from an API: some clouds and tenants lack some. An
    /// application can still declare it, as in Entra; to assign it, or to request a token for it, is refused.
    pub fn without_permission(mut self, api: AppId, value: &str) -> Self {
        if let Some(known) = self.apis.remove(&api) {
            self.apis.insert(api, known.without(value));
        }
        self
    }

    /// Leaves out the service principal of an API. It can still be created, like that of any app of another tenant.
    pub fn without_api(mut self, api: AppId) -> Self {
        self.without_apis.push(api);
        self
    }

    /// Sets the `signInAudience` of applications that are created without one; `AzureADMyOrg` by default, as of 2025.
    pub fn default_audience(mut self, audience: impl Into<String>) -> Self {
        self.default_audience = audience.into();
        self
    }

    /// Sets what the tenant's default app management policy allows for secrets at the beginning; nothing is restricted
    /// otherwise. What else policies restrict is written to `/policies`, by hand or by a caller who may.
    pub fn secret_policy(mut self, policy: SecretPolicy) -> Self {
        self.secret_policy = policy;
        self
    }

    /// Refuses applications that are created without a `serviceManagementReference`, as tenants do that demand one.
    pub fn requires_service_management_reference(mut self) -> Self {
        self.requires_service_management_reference = true;
        self
    }

    /// Sets what becomes of values that today's rules refuse when a PATCH keeps them; they may stay by default.
    pub fn legacy_values(mut self, policy: LegacyValues) -> Self {
        self.legacy_values = policy;
        self
    }

    /// Sets the prefix of absolute links, such as `http://127.0.0.1:8080`; by default the scheme and host of the
    /// request.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Starts from a snapshot. What it says of the organization replaces the builder's settings; the other settings apply.
    ///
    /// [`build`](Self::build) panics when the snapshot names a permission that the builder has removed.
    pub fn snapshot(mut self, snapshot: Snapshot) -> Self {
        self.snapshot = Some(snapshot);
        self
    }

    /// Starts as a small company: five users, of whom Ada Lovelace is Global Administrator and Grace Hopper Application
    /// Administrator, two groups and two apps.
    ///
    /// # Panics
    /// Never: the company is part of this crate.
    pub fn small_company(self) -> Self {
        let company = Snapshot::from_json(include_str!("presets/small_company.json"));
        self.snapshot(company.expect("the small company is a snapshot"))
    }

    /// Calls `look` with each request and its response, for tests of the exact traffic: secrets and tokens are in it.
    /// It sees the response before a fault changes or drops it.
    pub fn on_exchange(
        mut self,
        look: impl Fn(&http::Request<Bytes>, &http::Response<Bytes>) + Send + Sync + 'static,
    ) -> Self {
        self.on_exchange = Some(Arc::new(look));
        self
    }

    /// Makes it the tenant of a Microsoft partner, with agent groups, GDAP relationships with customers, contracts,
    /// access to Partner Center, and the service principal of Microsoft's app for the administration of customers.
    pub fn partner(mut self) -> Self {
        self.partner = true;
        self.without_apis.retain(|api| *api != partner::ADMINISTRATION);
        self
    }

    /// Sets the duration of each status of a partner's relationship, access assignment, request or operation, on the
    /// clock; two seconds by default. An approved relationship is active after two steps.
    pub fn partner_step(mut self, step: Duration) -> Self {
        self.partner_step = step;
        self
    }

    /// How many requests [`MemoryTenant::requests`] shows at most, the latest ones; 10,000 by default. A long-lived
    /// emulator takes no more memory than that for what it was asked.
    pub fn recorded_requests(mut self, max: usize) -> Self {
        self.recorded_requests = max;
        self
    }

    /// Sets where the tenant is, as its OpenID configuration says it: the region, such as `EU`, and the part of it, such as
    /// `GCC`; `NA` without a part by default. A tenant in `USGov` (parts `DODCON` and `DOD`) is in the cloud of US
    /// Government, also where it is looked up at the worldwide sign-in service.
    pub fn region(mut self, region: impl Into<String>, part: Option<&str>) -> Self {
        self.region = (region.into(), part.map(str::to_owned));
        self
    }

    /// Panics at a request with a token that another tenant of the cloud issued, or about an object that another tenant
    /// has and this one has not: for test suites in which no such request may be sent.
    pub fn deny_foreign_requests(mut self) -> Self {
        self.denies_foreign_requests = true;
        self
    }

    pub(crate) fn own_clock(&self) -> Option<Arc<dyn Clock>> {
        self.clock.clone()
    }

    /// Builds the tenant.
    ///
    /// # Panics
    /// When the snapshot names an API or permission that the builder has removed.
    pub fn build(self) -> MemoryTenant {
        let clock = self.own_clock().unwrap_or_else(|| Arc::new(TenantClock::system()));
        self.build_in(&Arc::default(), &clock, 0)
    }

    /// Builds the tenant as one of a cloud; `index` is its seed unless it has one of its own.
    pub(crate) fn build_in(self, cloud: &Arc<Mutex<CloudState>>, clock: &Arc<dyn Clock>, index: u64) -> MemoryTenant {
        // The seeds of neighbours are far apart, because each tenant draws from several sources.
        let seed = self.seed.unwrap_or(index << 32);
        let (skew, wall) = (self.skew, skewed(clock.now(), self.skew));
        let throttling = self.throttling.clone();
        let (snapshot, without_apis) = (self.snapshot.clone(), self.without_apis.clone());
        let (tick, base_url, on_exchange) = (self.tick, self.base_url.clone(), self.on_exchange.clone());
        let step = self.partner.then_some(self.partner_step);
        let (recorded_requests, denies_foreign_requests) = (self.recorded_requests, self.denies_foreign_requests);
        let mut directory = self.directory(seed, wall);
        match snapshot {
            Some(snapshot) => {
                let loaded = directory.load(snapshot.document(), &without_apis, wall);
                loaded.expect("the tenant has the APIs and permissions that its snapshot names");
            }
            None => directory.install_apis(&without_apis.iter().map(ToString::to_string).collect::<Vec<_>>()),
        }
        if let Some(step) = step {
            directory.become_partner(step, wall);
        }
        let caller = match directory.saved_caller() {
            Some(caller) => caller,
            None => directory.seed_caller(CALLER_ROLES, wall).0,
        };
        directory.caller = Some(caller.client_id);
        let state = TenantState {
            directory,
            tokens: IssuedTokens::default(),
            schedule: Schedule::new(seed.wrapping_add(1)),
            limits: throttling,
            log: Log::new(recorded_requests),
            request_ids: SeededRandomness::new(seed.wrapping_add(2)),
        };
        let client_seeds = SeededRandomness::new(seed.wrapping_add(3));
        let (id, domain) = (state.directory.tenant_id.into(), state.directory.domain.clone());
        let index = cloud.lock().unwrap_or_else(PoisonError::into_inner).add(state);
        MemoryTenant(Arc::new(Inner {
            id,
            domain,
            clock: Arc::clone(clock),
            skew,
            tick,
            base_url,
            caller,
            on_exchange,
            client_seeds,
            denies_foreign_requests,
            cloud: Arc::clone(cloud),
            index,
        }))
    }

    /// The directory as configured, without any object.
    pub(crate) fn directory(self, seed: u64, wall: OffsetDateTime) -> Directory {
        let randomness = SeededRandomness::new(seed);
        let store = Directory::new_store;
        Directory {
            tenant_id: self.tenant_id.map_or_else(|| uuid(&randomness), Into::into),
            display_name: self.display_name,
            domain: self.domain,
            created_at: wall,
            applications: store(ObjectKind::Application),
            service_principals: store(ObjectKind::ServicePrincipal),
            assignments: store(ObjectKind::Assignment),
            grants: store(ObjectKind::Grant),
            users: store(ObjectKind::User),
            groups: store(ObjectKind::Group),
            federated: store(ObjectKind::FederatedCredential),
            changes: Changes::default(),
            deleted_items: DeletedItems::default(),
            owners: Links::default(),
            members: Links::default(),
            eligible: Links::default(),
            secrets: HashMap::new(),
            keys: HashMap::new(),
            removed: RemovedCredentials::working_for(self.removed_credentials_work_for),
            sweep_at: MIN_SWEPT,
            roles: HashMap::new(),
            known_apis: self.apis.into_iter().map(|(app_id, api)| (app_id.to_string(), api)).collect(),
            installed: Vec::new(),
            caller: None,
            partner: None,
            region: self.region,
            blocks_service_providers: false,
            lag: self.lag,
            app_management: AppManagement::new(self.secret_policy),
            requires_service_management_reference: self.requires_service_management_reference,
            activities: CredentialActivities::default(),
            legacy_values: self.legacy_values,
            default_audience: self.default_audience,
            randomness,
        }
    }
}
