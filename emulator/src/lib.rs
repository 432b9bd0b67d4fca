//! A Microsoft Entra tenant in this process: what tests, examples and products that embed this crate run against.
//!
//! [`MemoryTenant`] is a [`Transport`]: it responds to requests to Microsoft Graph, the sign-in service and Partner Center
//! as these do, with the same status, code and message, and enforces what Entra enforces. [`MemoryCloud`] holds
//! several tenants, such as those of a partner and its customers. On demand it is hostile: replicas
//! that lag behind ([`Lag`]), limits to what may be asked ([`Throttling`]), and a schedule of what goes wrong ([`Fault`]),
//! which [`FaultyTransport`] puts around any other transport, too.
//! What it does not know it refuses with 501, never with a silent success.
//!
//! # Signing in
//! Apps sign in with a secret, a certificate or the token of an issuer that one of their federated credentials names;
//! such an issuer's signature is not checked, for its keys are elsewhere. People sign in by device code, and in a browser
//! with PKCE; they stay signed in by refresh tokens, which in a [`MemoryCloud`] are good in each tenant that the person
//! may enter: as a member, a guest, or a partner by a relationship (GDAP). Administrators consent at `/adminconsent`.
//! Azure CLI, Azure PowerShell and Microsoft Graph Command Line Tools are known in every tenant.
//!
//! In the place of a person before a browser, [`MemoryTenant::auto_sign_in`] lets one sign in at once, and
//! [`MemoryTenant::approve_device_code`] enters the code of a device. Tokens look like Entra's, but their signature means
//! nothing, and no keys are published for it. On-behalf-of, passwords, SAML and personal accounts are refused with 501.
//!
//! The API of this crate is stable. Its imitation of Entra's behaviour may become better at any time.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
//! use entra_emulator::MemoryTenant;
//!
//! let tenant = MemoryTenant::builder().domain("fabrikam.onmicrosoft.com").seed(7).build();
//! let (status, app) = tenant.send_json("POST", "/applications", Some(r#"{"displayName": "By hand"}"#));
//! assert_eq!(status, 201);
//! assert!(app.contains("By hand"));
//! assert!(tenant.requests().is_empty(), "what is done by hand is not recorded");
//! # }
//! ```

mod api;
mod azure_management;
mod builder;
mod caller;
mod caller_certificate;
mod certificate;
mod client;
mod clock;
mod cloud;
mod cloud_state;
mod crypto;
mod data;
mod faults;
mod filter;
mod foreign;
mod graph;
mod inspect;
mod metering;
mod partner;
mod partner_center;
mod query;
mod random;
mod record;
mod revocation;
#[cfg(feature = "program")]
pub mod server;
mod service;
mod sign_in;
mod snapshot;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::DATE;
use http::{Method, StatusCode};
use time::OffsetDateTime;

pub use api::Api;
pub use builder::MemoryTenantBuilder;
pub use caller::{Caller, Group, User};
pub use clock::TenantClock;
pub use cloud::MemoryCloud;
pub use data::lag::Lag;
pub use faults::{Fault, FaultError, FaultOn, FaultyTransport, RetryAfter, Throttling};
pub use graph::policy::{LegacyValues, SecretPolicy};
pub use inspect::{AppRoleAssignment, Application, OAuth2PermissionGrant, ServicePrincipal};
pub use partner::DelegatedAdminRelationship;
pub use random::SeededRandomness;
pub use record::{RecordedItem, RecordedRequest};
pub use snapshot::{Snapshot, SnapshotError};

use cloud_state::CloudState;
use data::json::timestamp;
use entra_apps::clock::Clock;
use entra_apps::ids::{DirectoryObjectId, TenantId};
use entra_apps::transport::{Transport, TransportError};
use faults::{Exchange, Revocations, Service, batch_items, is_batch};
use graph::call::{Actor, Call, pairs};
use service::{Received, Target, TenantState};
use sign_in::{SignInError, SignInRequest};

/// A Microsoft Entra tenant in memory. Clones share the tenant.
#[derive(Clone)]
pub struct MemoryTenant(Arc<Inner>);

struct Inner {
    id: TenantId,
    domain: String,
    clock: Arc<dyn Clock>,
    /// How far the tenant's wall time is ahead of the clock's.
    skew: time::Duration,
    tick: Duration,
    base_url: Option<String>,
    caller: Caller,
    on_exchange: Option<OnExchange>,
    /// Where its clients' randomness comes from: each its own, and the same in each run.
    client_seeds: SeededRandomness,
    denies_foreign_requests: bool,
    cloud: Arc<Mutex<CloudState>>,
    /// The tenant's place in its world.
    index: usize,
}

/// Whoever wants to see each exchange.
type OnExchange = Arc<dyn Fn(&http::Request<Bytes>, &http::Response<Bytes>) + Send + Sync>;

/// The state of one tenant, held for as long as this lives.
struct TenantGuard<'a> {
    cloud: MutexGuard<'a, CloudState>,
    index: usize,
}

impl Deref for TenantGuard<'_> {
    type Target = TenantState;

    fn deref(&self) -> &TenantState {
        &self.cloud[self.index]
    }
}

impl DerefMut for TenantGuard<'_> {
    fn deref_mut(&mut self) -> &mut TenantState {
        &mut self.cloud[self.index]
    }
}

impl MemoryTenant {
    /// A tenant with every default: `contoso.onmicrosoft.com`, no lag, no faults.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Describes a tenant.
    pub fn builder() -> MemoryTenantBuilder {
        MemoryTenantBuilder::new()
    }

    fn state(&self) -> TenantGuard<'_> {
        // A panic while the state was held is a bug of its own; what it left is still the best there is.
        TenantGuard { cloud: self.0.cloud.lock().unwrap_or_else(PoisonError::into_inner), index: self.0.index }
    }

    /// The wall time as the tenant sees it.
    fn wall(&self) -> OffsetDateTime {
        clock::skewed(self.0.clock.now(), self.0.skew)
    }

    /// The tenant id.
    pub fn id(&self) -> TenantId {
        self.0.id
    }

    /// The initial domain.
    pub fn domain(&self) -> &str {
        &self.0.domain
    }

    /// The clock that the tenant lives by, without its [skew](MemoryTenantBuilder::clock_skew).
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }

    /// The app that may do the whole job of registering an app: it holds `Application.ReadWrite.All`,
    /// `AppRoleAssignment.ReadWrite.All`, `DelegatedPermissionGrant.ReadWrite.All`, `Directory.Read.All` and
    /// `Organization.Read.All`.
    pub fn caller(&self) -> Caller {
        self.0.caller.clone()
    }

    /// Adds an app that holds just these application permissions of Microsoft Graph, known everywhere at once.
    ///
    /// # Panics
    /// When the tenant's Microsoft Graph does not have one of them.
    pub fn add_caller(&self, roles: &[&str]) -> Caller {
        let (caller, unknown) = self.state().directory.seed_caller(roles, self.wall());
        assert!(unknown.is_empty(), "Microsoft Graph in this tenant has no application permission {unknown:?}");
        caller
    }

    /// Adds a person with these directory roles, by their template ids; the principal name is made of the display name:
    /// `Ada Lovelace` is `ada.lovelace@contoso.onmicrosoft.com`.
    pub fn add_user(&self, display_name: &str, template_ids: &[uuid::Uuid]) -> User {
        let roles = template_ids.iter().map(ToString::to_string).collect();
        self.state().directory.seed_user(display_name, roles, self.wall())
    }

    /// Adds a security group with these members: users, service principals or groups.
    pub fn add_group(&self, display_name: &str, members: &[DirectoryObjectId]) -> Group {
        self.state().directory.seed_group(display_name, members, self.wall())
    }

    /// Lets a user or an app activate a membership in a group (Privileged Identity Management). Until then they are no
    /// member; to activate it, add them to the group.
    pub fn add_eligible_member(&self, group: impl Into<DirectoryObjectId>, member: impl Into<DirectoryObjectId>) {
        self.state().directory.eligible.add(&group.into().to_string(), &member.into().to_string());
    }

    /// Gives a person or an app (by the object id of its service principal) these directory roles in the place of
    /// others, by their template ids: they stand in the `wids` of tokens issued from now on, and count where Entra lets
    /// a directory role do what a permission does.
    pub fn set_directory_roles(&self, holder: impl Into<DirectoryObjectId>, template_ids: &[uuid::Uuid]) {
        let ids = template_ids.iter().map(ToString::to_string).collect();
        self.state().directory.roles.insert(holder.into().to_string(), ids);
    }

    /// What the tenant holds now, with its secrets.
    pub fn snapshot(&self) -> Snapshot {
        self.with_cloud(|cloud| Snapshot::of(&cloud[self.0.index].directory))
    }

    /// Goes back to a snapshot of this tenant: what was written since is forgotten, as are its secrets; what is created
    /// from now on gets the ids that it would have got then. Tokens stay good, the recorded requests and the faults stay.
    ///
    /// # Errors
    /// When the snapshot is not of this tenant; nothing is changed.
    pub fn restore(&self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        snapshot.check_tenant(self.id())?;
        let mut state = self.state();
        let loaded = state.directory.load(snapshot.document(), &[], self.wall());
        state.cloud.note_loaded(self.0.index);
        loaded
    }

    /// Adds to what goes wrong. Faults are tried in the order in which they were added.
    pub fn fault(&self, fault: Fault) {
        self.faults_in_order([fault]);
    }

    /// Adds faults of which each counts requests once the one before it is over.
    ///
    /// ```
    /// # use entra_emulator::{Fault, MemoryTenant};
    /// let tenant = MemoryTenant::new();
    /// let on = || Fault::on("GET", "/organization");
    /// // The first request fails, the response to the second is lost, and the third is the first that goes well.
    /// tenant.faults_in_order([on().fails(503), on().response_lost()]);
    /// assert_eq!(tenant.unmet_faults().len(), 2);
    /// ```
    pub fn faults_in_order(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().schedule.add_queue(faults);
    }

    /// The faults that have not met as many requests as they should: none, when a test met each of its faults. One that
    /// meets every request should meet one; those by chance are not listed.
    pub fn unmet_faults(&self) -> Vec<Fault> {
        self.state().schedule.unmet()
    }

    /// Forgets what should still have gone wrong.
    pub fn clear_faults(&self) {
        self.state().schedule.clear();
    }

    /// Changes the replication lag from now on, for what was written lately as well; what has been known everywhere
    /// for a minute may stay known.
    pub fn set_lag(&self, lag: Lag) {
        self.state().directory.lag = lag;
    }

    /// Changes what becomes of values that today's rules refuse when a PATCH keeps them.
    pub fn set_legacy_values(&self, policy: LegacyValues) {
        self.state().directory.legacy_values = policy;
    }

    /// Writes properties of an application, service principal, user or group past the rules of today, as values of an
    /// older time or of another program: known everywhere at once, and merged as a PATCH is.
    ///
    /// ```
    /// # use entra_emulator::MemoryTenant;
    /// let tenant = MemoryTenant::new();
    /// let app = tenant.applications()[0].id;
    /// tenant.store_as_is(app, r#"{"web": {"redirectUris": ["https://old.contoso.example/*", "http://contoso.example"]}}"#);
    /// assert!(tenant.applications()[0].json.contains("old.contoso.example/*"));
    /// ```
    ///
    /// # Panics
    /// When the tenant has no object of this id, or `properties` is no JSON object.
    pub fn store_as_is(&self, object: impl fmt::Display, properties: &str) {
        let properties = serde_json::from_str(properties).expect("the properties are JSON");
        let stored = self.state().directory.store_as_is(&object.to_string(), &properties);
        assert!(stored, "the tenant has no object {object}, or the properties are no object");
    }

    /// Notes in the report of sign-in activities when a client secret or certificate was last used, by its key id. Signing in
    /// notes nothing by itself: the service's report is days behind.
    ///
    /// ```
    /// # use entra_emulator::MemoryTenant;
    /// # use entra_apps::time::macros::datetime;
    /// let tenant = MemoryTenant::new();
    /// let app = tenant.applications()[0].id;
    /// let (_, secret) = tenant.send_json("POST", &format!("/applications/{app}/addPassword"), Some("{}"));
    /// let key_id = secret.split("keyId\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    /// tenant.note_sign_in(key_id, datetime!(2026-05-01 12:00 UTC));
    /// ```
    ///
    /// # Panics
    /// When no application or service principal of the tenant has such a credential.
    pub fn note_sign_in(&self, key_id: impl fmt::Display, at: OffsetDateTime) {
        let found = self.state().directory.note_sign_in(&key_id.to_string(), at);
        assert!(found, "the tenant has no credential {key_id}");
    }

    /// Puts an entry into the report of sign-in activities as it is, in the place of one with its `id`: in another form than
    /// the service was seen to write, for example.
    ///
    /// # Panics
    /// When `entry` is no JSON, or has no `id`.
    pub fn store_sign_in_activity(&self, entry: &str) {
        let entry = serde_json::from_str(entry).expect("the entry is JSON");
        assert!(self.state().directory.activities.put(entry), "the entry has no id");
    }

    /// Changes the limits from now on; what was spent here is forgotten, and what apps have spent across all tenants.
    pub fn set_throttling(&self, limits: Throttling) {
        let mut state = self.state();
        state.cloud.spending.forget(&self.0.id.to_string());
        state.limits = limits;
    }

    /// Gives one object a replication lag of its own in the place of the tenant's, from now on, for what was written
    /// before as well: an application, service principal, user, group, assignment, grant or federated credential, by
    /// its object id.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use entra_emulator::{Lag, MemoryTenant};
    /// let tenant = MemoryTenant::new();
    /// // One minute until lists show what is written to it; all else is seen at once.
    /// tenant.set_lag_of(tenant.applications()[0].id, Lag::none().lists(Duration::from_secs(60)));
    /// ```
    ///
    /// # Panics
    /// When the tenant has no object of this id.
    pub fn set_lag_of(&self, object: impl fmt::Display, lag: Lag) {
        let found = self.state().directory.set_lag_of(&object.to_string(), lag);
        assert!(found, "the tenant has no object {object}");
    }

    /// Makes all that was written known everywhere.
    pub fn settle(&self) {
        self.state().directory.settle();
    }

    /// The latest requests since the start or the last [`clear_requests`](Self::clear_requests), in the order of their
    /// starts: [so many at most](MemoryTenantBuilder::recorded_requests).
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state().log.all().cloned().collect()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.state().log.clear();
    }

    /// The length of the longest chain of requests that waited for one another, sign-ins left out: with a fast
    /// service, what a caller waits for is this many times the latency.
    pub fn round_trips(&self) -> usize {
        record::round_trips(self.state().log.all())
    }

    /// Does something by hand: sends a request to Graph as somebody who may do everything, sees no lag, and is not
    /// recorded. It takes no time and meets no fault. `path` is below `/v1.0`, with its query;
    /// `PATCH` with an alternate key creates what is missing. Returns the status and the body.
    ///
    /// # Panics
    /// When `method` is no HTTP method, or `body` is no JSON.
    pub fn send_json(&self, method: &str, path: &str, body: Option<&str>) -> (StatusCode, String) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let call = Call {
            root: self.0.base_url.as_deref().unwrap_or("https://graph.microsoft.com").to_owned() + "/v1.0",
            method: method.parse().expect("the method is an HTTP method"),
            path: path.to_owned(),
            query: pairs(query),
            eventual: true,
            upsert: true,
            if_match: None,
            include_unknown_enum_members: true,
            metadata: graph::response::Metadata::default(),
            body: body.map(|body| serde_json::from_str(body).expect("the body is JSON")),
            actor: Actor::Operator,
            owned_only: false,
            itself_only: false,
            foreign_application: None,
            now: self.0.clock.monotonic(),
            wall: self.wall(),
        };
        let (status, body) = self.state().cloud.operate(self.0.index, call);
        (status, if body.is_null() { String::new() } else { body.to_string() })
    }
}

impl Default for MemoryTenant {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryTenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTenant").field("id", &self.0.id).field("domain", &self.0.domain).finish_non_exhaustive()
    }
}

/// Notes the end of a request, also of one that is abandoned.
struct Recording<'a> {
    tenant: &'a MemoryTenant,
    number: usize,
}

impl Recording<'_> {
    fn finish(&self, response: Option<&http::Response<Bytes>>) {
        self.tenant.state().log.finish(self.number, |request| {
            request.status = response.map(http::Response::status);
            request.response_bytes = response.map_or(0, |response| response.body().len());
        });
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        self.finish(None);
    }
}

#[async_trait]
impl Transport for MemoryTenant {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let target = Target::of(request.uri().path());
        let items = batch_items(&target, request.body());
        let (recording, plan) = {
            let mut state = self.state();
            let path = target.fault_path(request.uri().path());
            let plan = state.schedule.plan(request.method(), path, &items);
            let mut record = recorded(&request, &target, &items);
            record.has_foreign_token = state.cloud.has_foreign_token(self.0.index, &request);
            if self.0.denies_foreign_requests {
                assert!(!record.has_foreign_token, "{} {} has a token of another tenant", record.method, record.path);
                let foreign = state.cloud.foreign_object(self.0.index, &target, request.body());
                assert_eq!(foreign, None, "{} {} is about an object of another tenant", record.method, record.path);
            }
            let number = state.log.start(record);
            (Recording { tenant: self, number }, plan)
        };
        if !self.0.tick.is_zero() {
            self.0.clock.sleep(self.0.tick).await;
        }
        let wall = self.wall();
        let origin = service::origin(&request, self.0.base_url.as_deref());
        plan.before().await?;
        let correlation = self.state().correlation(request.headers(), wall);
        let exchange = Exchange { plan: &plan, request: &request, target: &target, origin: &origin, correlation };
        let directory = Behind { tenant: self, exchange: &exchange, number: recording.number };
        let (mut response, statuses) = exchange.respond(&directory).await?;
        if let Some(statuses) = statuses {
            self.state().log.note_items(recording.number, &statuses);
        }
        if let Ok(date) = timestamp::http(wall).try_into() {
            response.headers_mut().insert(DATE, date);
        }
        if let Some(look) = &self.0.on_exchange {
            look(&request, &response);
        }
        plan.after(&mut response, &*self.0.clock).await?;
        recording.finish(Some(&response));
        Ok(response)
    }
}

/// The tenant behind its faults, for one request.
struct Behind<'a> {
    tenant: &'a MemoryTenant,
    exchange: &'a Exchange<'a>,
    /// The number of the record.
    number: usize,
}

impl Service for Behind<'_> {
    async fn forward(
        &self,
        request: Cow<'_, http::Request<Bytes>>,
        revocations: Revocations<'_>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let Self { tenant, exchange: Exchange { target, origin, correlation, .. }, number } = *self;
        let (now, wall) = (tenant.0.clock.monotonic(), correlation.wall);
        let received = Received { request: &request, target, origin, revocations, correlation, now, wall };
        let mut state = tenant.state();
        let (response, statuses) = state.cloud.handle_request(tenant.0.index, &received);
        state.log.note_items(number, &statuses);
        Ok(response)
    }

    fn sign_in_error_response(&self, request: &SignInRequest<'_>, error: &SignInError) -> http::Response<Bytes> {
        let request = SignInRequest { tenant: self.tenant.0.index, now: self.tenant.0.clock.monotonic(), ..*request };
        self.tenant.state().cloud.sign_in_error_response(&request, error)
    }
}

/// What is noted of a request when it starts.
fn recorded(request: &http::Request<Bytes>, target: &Target, items: &[(Method, String)]) -> RecordedRequest {
    let is_token = matches!(target, Target::SignIn(..));
    let items =
        items.iter().map(|(method, url)| RecordedItem { method: method.clone(), url: url.clone(), status: None });
    let items: Vec<_> = items.collect();
    let writes = |method: &Method| method != Method::GET;
    let is_write =
        if is_batch(target) { items.iter().any(|item| writes(&item.method)) } else { writes(request.method()) };
    RecordedRequest {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        status: None,
        started: 0,
        ended: None,
        request_bytes: request.body().len(),
        response_bytes: 0,
        is_write: is_write && !is_token,
        is_token,
        has_foreign_token: false,
        items,
    }
}

/// The examples of the README run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
