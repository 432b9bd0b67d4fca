//! How a tenant is made.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use time::OffsetDateTime;

use super::api::Api;
use super::bin::Bin;
use super::delta::Changes;
use super::directory::{Directory, MIN_SWEPT};
use super::faults::{Schedule, Throttle, Throttling};
use super::kind::Kind;
use super::lag::Lag;
use super::links::Links;
use super::partner;
use super::policy::SecretPolicy;
use super::record::{DEFAULT_RECORDED_REQUESTS, Log};
use super::service::State;
use super::sign_in::Tokens;
use super::snapshot::Snapshot;
use super::world::World;
use super::{Inner, MemoryTenant, OnExchange};
use crate::clock::TenantClock;
use crate::random::{SeededRandomness, uuid};
use entra_apps::clock::Clock;
use entra_apps::ids::{AppId, PermissionId, TenantId};
use entra_apps::permission::{PermissionKind, well_known};

/// What the first caller may do: the whole job of registering an app.
const CALLER_ROLES: &[&str] = &[
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "Directory.Read.All",
    "Organization.Read.All",
];

/// Describes a [`MemoryTenant`].
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
    throttling: Throttling,
    apis: BTreeMap<AppId, Api>,
    absent: Vec<AppId>,
    default_audience: String,
    secret_policy: SecretPolicy,
    base_url: Option<String>,
    on_exchange: Option<OnExchange>,
    snapshot: Option<Snapshot>,
    partner: bool,
    partner_step: Duration,
    recorded_requests: usize,
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
    pub(super) fn new() -> Self {
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
            throttling: Throttling::none(),
            apis: apis.map(|api| (api.app_id, api)).collect(),
            // Microsoft has it in a partner's tenant only.
            absent: vec![partner::ADMINISTRATION],
            default_audience: "AzureADMyOrg".to_owned(),
            secret_policy: SecretPolicy::Unrestricted,
            base_url: None,
            on_exchange: None,
            snapshot: None,
            partner: false,
            partner_step: partner::STEP,
            recorded_requests: DEFAULT_RECORDED_REQUESTS,
        }
    }

    /// The name of the organization; `Contoso` is the default.
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = name.into();
        self
    }

    /// The initial domain, by which the tenant can be signed in to; `contoso.onmicrosoft.com` is the default.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = domain.into();
        self
    }

    /// The tenant id; made from the seed by default.
    pub fn tenant_id(mut self, id: TenantId) -> Self {
        self.tenant_id = Some(id);
        self
    }

    /// Where all ids and secrets come from: the same seed gives the same run. Zero by default, so that two tenants that
    /// should differ need a seed each.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The clock. By default tokio's timer with the system's wall time: where tokio's time is paused, waits are virtual,
    /// and tokens and secrets live as long as in reality. With [`TenantClock::starting_at`] they expire in virtual time.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// How far the tenant's wall time is ahead of its clock's, or behind where it is negative; zero by default. The
    /// clock is the one that [clients](MemoryTenant::client) of the tenant live by, so that theirs is right and the
    /// tenant's wrong: the lifetimes of tokens and secrets, timestamps, the `Date` of an answer and a `Retry-After` that
    /// is a date follow the tenant's.
    pub fn clock_skew(mut self, ahead: time::Duration) -> Self {
        self.skew = ahead;
        self
    }

    /// What every request takes, on the clock; a millisecond by default. Requests sent at once overlap for that long.
    pub fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick;
        self
    }

    /// The same replication lag everywhere; none by default.
    pub fn lag(self, lag: Duration) -> Self {
        self.lags(Lag::all(lag))
    }

    /// The replication lag by kind of look.
    pub fn lags(mut self, lag: Lag) -> Self {
        self.lag = lag;
        self
    }

    /// How much may be asked of the tenant before it answers 429; as much as there is by default.
    pub fn throttling(mut self, limits: Throttling) -> Self {
        self.throttling = limits;
        self
    }

    /// Adds an API, or replaces the one of the same app id, Microsoft Graph included.
    pub fn api(mut self, api: Api) -> Self {
        self.apis.insert(api.app_id, api);
        self
    }

    /// Adds a permission to an API that the tenant knows; an API that it does not know is added.
    pub fn permission(mut self, api: AppId, kind: PermissionKind, value: &str, id: PermissionId) -> Self {
        let known = self.apis.remove(&api).unwrap_or_else(|| Api::new(api, api.to_string()));
        self.apis.insert(api, known.permission(kind, value, id));
        self
    }

    /// Takes a permission, application and delegated, from an API: some clouds and tenants lack some.
    pub fn without_permission(mut self, api: AppId, value: &str) -> Self {
        if let Some(known) = self.apis.remove(&api) {
            self.apis.insert(api, known.without(value));
        }
        self
    }

    /// Leaves out the service principal of an API. It can still be created, as that of any app of another tenant.
    pub fn without_api(mut self, api: AppId) -> Self {
        self.absent.push(api);
        self
    }

    /// The `signInAudience` of an application that is created without one; `AzureADMyOrg` is the default, as of 2025.
    pub fn default_audience(mut self, audience: impl Into<String>) -> Self {
        self.default_audience = audience.into();
        self
    }

    /// What the tenant's app management policy says of secrets.
    pub fn secret_policy(mut self, policy: SecretPolicy) -> Self {
        self.secret_policy = policy;
        self
    }

    /// What absolute links start with, such as `http://127.0.0.1:8080`; by default the scheme and host of the request.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Starts from a snapshot. What it says of the organization counts, the rest is as the builder has it.
    ///
    /// [`build`](Self::build) panics when the snapshot names a permission that the builder has taken away.
    pub fn snapshot(mut self, snapshot: Snapshot) -> Self {
        self.snapshot = Some(snapshot);
        self
    }

    /// Starts as a small company: five people, of whom Ada Lovelace is Global Administrator and Grace Hopper
    /// Application Administrator, two groups and two apps.
    ///
    /// # Panics
    /// Never: the company is part of this crate.
    pub fn small_company(self) -> Self {
        let company = Snapshot::from_json(include_str!("presets/small_company.json"));
        self.snapshot(company.expect("the small company is a snapshot"))
    }

    /// Shows each request and its answer to `look`, for tests of the exact traffic: secrets and tokens are in it. It
    /// sees the answer as the tenant gives it, before a fault takes it away.
    pub fn on_exchange(
        mut self,
        look: impl Fn(&http::Request<Bytes>, &http::Response<Bytes>) + Send + Sync + 'static,
    ) -> Self {
        self.on_exchange = Some(Arc::new(look));
        self
    }

    /// Makes it the tenant of a partner of Microsoft's: it has the groups of agents, relationships (GDAP) with customers
    /// and contracts, Partner Center knows it, and Microsoft's app for the administration of customers is there.
    pub fn partner(mut self) -> Self {
        self.partner = true;
        self.absent.retain(|api| *api != partner::ADMINISTRATION);
        self.permission(
            well_known::MICROSOFT_PARTNER_CENTER,
            PermissionKind::Delegated,
            "user_impersonation",
            PermissionId::from_u128(0x1ceb_fa2a_fb4d_419e_b5f9_839b_4383_e05a),
        )
    }

    /// How long each step takes in the life of a partner's relationship, access assignment, request or operation, on
    /// the clock; two seconds by default. An approved relationship is active after two steps.
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

    pub(super) fn own_clock(&self) -> Option<Arc<dyn Clock>> {
        self.clock.clone()
    }

    /// Makes the tenant.
    ///
    /// # Panics
    /// When the snapshot names an API or permission that the builder has taken away.
    pub fn build(self) -> MemoryTenant {
        let clock = self.own_clock().unwrap_or_else(|| Arc::new(TenantClock::system()));
        self.build_in(&Arc::default(), &clock, 0)
    }

    /// Makes the tenant as one of a world, in which `place` is its seed unless it has one of its own.
    pub(super) fn build_in(self, world: &Arc<Mutex<World>>, clock: &Arc<dyn Clock>, place: u64) -> MemoryTenant {
        // The seeds of neighbours are far apart, for each tenant draws from several sources.
        let seed = self.seed.unwrap_or(place << 32);
        let (skew, wall) = (self.skew, clock.now() + self.skew);
        let throttling = self.throttling.clone();
        let (snapshot, absent) = (self.snapshot.clone(), self.absent.clone());
        let (tick, base_url, on_exchange) = (self.tick, self.base_url.clone(), self.on_exchange.clone());
        let step = self.partner.then_some(self.partner_step);
        let recorded_requests = self.recorded_requests;
        let mut directory = self.directory(seed, wall);
        match snapshot {
            Some(snapshot) => {
                let loaded = directory.load(snapshot.document(), &absent, wall);
                loaded.expect("the tenant has the APIs and permissions that its snapshot names");
            }
            None => directory.install_apis(&absent.iter().map(ToString::to_string).collect::<Vec<_>>()),
        }
        if let Some(step) = step {
            directory.become_partner(step, wall);
        }
        let caller = match directory.known_caller() {
            Some(caller) => caller,
            None => directory.seed_caller(CALLER_ROLES, wall).0,
        };
        directory.caller = Some(caller.client_id);
        let state = State {
            directory,
            tokens: Tokens::default(),
            schedule: Schedule::new(seed.wrapping_add(1)),
            throttle: Throttle::new(throttling),
            log: Log::new(recorded_requests),
            request_ids: SeededRandomness::new(seed.wrapping_add(2)),
        };
        let client_seeds = SeededRandomness::new(seed.wrapping_add(3));
        let (id, domain) = (state.directory.tenant_id.into(), state.directory.domain.clone());
        let at = world.lock().unwrap_or_else(PoisonError::into_inner).add(state);
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
            world: Arc::clone(world),
            at,
        }))
    }

    /// The directory that is described, without any object.
    pub(super) fn directory(self, seed: u64, wall: OffsetDateTime) -> Directory {
        let randomness = SeededRandomness::new(seed);
        let table = Directory::new_table;
        Directory {
            tenant_id: self.tenant_id.map_or_else(|| uuid(&randomness), Into::into),
            display_name: self.display_name,
            domain: self.domain,
            founded: wall,
            applications: table(Kind::Application),
            service_principals: table(Kind::ServicePrincipal),
            assignments: table(Kind::Assignment),
            grants: table(Kind::Grant),
            users: table(Kind::User),
            groups: table(Kind::Group),
            federated: table(Kind::FederatedCredential),
            changes: Changes::default(),
            bin: Bin::default(),
            owners: Links::default(),
            members: Links::default(),
            secrets: HashMap::new(),
            keys: HashMap::new(),
            sweep_at: MIN_SWEPT,
            roles: HashMap::new(),
            known_apis: self.apis.into_iter().map(|(app_id, api)| (app_id.to_string(), api)).collect(),
            caller: None,
            partner: None,
            lag: self.lag,
            secret_policy: self.secret_policy,
            default_audience: self.default_audience,
            randomness,
        }
    }
}
