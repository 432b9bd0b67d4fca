//! Faults around any transport.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use entra_apps::clock::Clock;
use entra_apps::transport::{Transport, TransportError};
use http::header::HeaderName;
use http::{HeaderValue, Method, Request, Response};
use serde_json::Value;

use super::batch::{batch_items, is_batch};
use super::effects::{Exchange, Revocations, Service};
use super::fault::{Action, Fault};
use super::schedule::{Plan, Schedule};
use super::throttling::{Cost, Spender, Spending, Throttling, share};
use crate::clock::TenantClock;
use crate::data::json::{items as list, text};
use crate::graph::call::pairs;
use crate::graph::response::Correlation;
use crate::graph::route::route;
use crate::random::{SeededRandomness, uuid};
use crate::service::{Target, origin};

/// A transport with which things go wrong: requests that are not sent, responses that are lost, late, cut short, too large
/// or an error, and limits that are exceeded, over any other transport.
///
/// The faults are those of a [`MemoryTenant`](crate::MemoryTenant), and act in the same way: what the service does in
/// spite of a fault is done by the inner transport, what it does not do never reaches that. Errors have the form of the
/// service that was asked, by the path of the request: Microsoft Graph, the sign-in service or Partner Center. A fault that
/// meets items of a `$batch` changes the batch that is sent on and the combined response; what depends on an item that
/// fails is not sent on, and has 424. Bodies are read as JSON, and must not be compressed.
///
/// Clones share the faults.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), entra_apps::Error> {
/// use std::sync::Arc;
///
/// use entra_apps::Client;
/// use entra_emulator::{Fault, FaultyTransport, MemoryTenant};
///
/// // Any transport will do: `ReqwestTransport`, or one of your own.
/// let tenant = MemoryTenant::new();
/// let transport = FaultyTransport::new(tenant.clone()).with_seed(7).with_clock(tenant.clock());
/// transport.fault(Fault::on("GET", "/organization").fails(503));
///
/// let client = tenant.client_builder().transport(Arc::new(transport)).build()?;
/// client.organization().get().await?; // asks again after the failure
/// assert_eq!(tenant.requests().len(), 2, "a sign-in and one request came through");
/// # Ok(()) }
/// ```
pub struct FaultyTransport<T: ?Sized> {
    inner: Arc<T>,
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<TenantState>>,
}

struct TenantState {
    schedule: Schedule,
    limits: Throttling,
    spending: Spending,
    request_ids: SeededRandomness,
}

impl<T: Transport> FaultyTransport<T> {
    /// Puts faults around `inner`: none for the time being, with chances of seed zero, on tokio's timer and the
    /// system's wall time.
    pub fn new(inner: T) -> Self {
        Self::around(Arc::new(inner))
    }
}

impl<T: Transport + ?Sized> FaultyTransport<T> {
    /// Puts faults around a transport that is shared, such as an `Arc<dyn Transport>`.
    pub fn around(inner: Arc<T>) -> Self {
        let state = TenantState {
            schedule: Schedule::new(0),
            limits: Throttling::none(),
            spending: Spending::default(),
            request_ids: SeededRandomness::new(1),
        };
        Self { inner, clock: Arc::new(TenantClock::system()), state: Arc::new(Mutex::new(state)) }
    }

    /// Draws chances ([`FaultOn::percent`](super::FaultOn::percent)) and request ids from this seed: the same seed, the
    /// same run.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        let mut state = self.state();
        state.schedule.reseed(seed);
        state.request_ids = SeededRandomness::new(seed.wrapping_add(1));
        drop(state);
        self
    }

    /// The clock of delays, dates and limits.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Refuses with 429 what exceeds limits, as Graph and Partner Center do. The app and the tenant that a request counts for are the
    /// claims `appid` (or `azp`) and `tid` of its bearer token, which is not verified; requests with other tokens count
    /// together. Each tenant counts as one of fewer than 50 users, and a write as one to an application of personal accounts
    /// when its own body says so.
    #[must_use]
    pub fn with_throttling(self, limits: Throttling) -> Self {
        self.set_throttling(limits);
        self
    }

    /// Changes the limits from now on; what was spent is forgotten.
    pub fn set_throttling(&self, limits: Throttling) {
        let mut state = self.state();
        (state.limits, state.spending) = (limits, Spending::default());
    }

    /// Adds to what goes wrong. Faults are tried in the order in which they were added.
    ///
    /// # Panics
    /// When the fault [revokes](super::FaultOn::revokes) a permission, which only a directory can do: give it to the
    /// [`MemoryTenant`](crate::MemoryTenant::fault).
    pub fn fault(&self, fault: Fault) {
        self.faults_in_order([fault]);
    }

    /// Adds faults of which each counts requests once the one before it is over.
    ///
    /// # Panics
    /// As [`fault`](Self::fault).
    pub fn faults_in_order(&self, faults: impl IntoIterator<Item = Fault>) {
        let faults: Vec<Fault> = faults.into_iter().collect();
        let revokes = faults.iter().any(|fault| matches!(fault.action, Action::Revokes { .. }));
        assert!(!revokes, "only a MemoryTenant can revoke a permission: give the fault to the tenant");
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

    /// The transport inside.
    pub fn inner(&self) -> &T {
        &self.inner
    }

    fn state(&self) -> MutexGuard<'_, TenantState> {
        // What a panic left is still the best there is.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> Clone for FaultyTransport<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), clock: Arc::clone(&self.clock), state: Arc::clone(&self.state) }
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for FaultyTransport<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyTransport").field("inner", &&*self.inner).finish_non_exhaustive()
    }
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for FaultyTransport<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let target = Target::of(request.uri().path());
        let (plan, used, request_id) = {
            let now = self.clock.monotonic();
            let mut state = self.state();
            let items = batch_items(&target, request.body());
            let path = target.fault_path(request.uri().path());
            let mut plan = state.schedule.plan(request.method(), path, &items);
            let used = state.charge(&mut plan, &request, &target, &items, now);
            (plan, used, uuid(&state.request_ids).to_string())
        };
        if plan.is_empty() && used.is_none() {
            return self.inner.send(request).await;
        }
        let correlation = Correlation::new(request_id, request.headers(), self.clock.now());
        let origin = origin(&request, None);
        let exchange = Exchange { plan: &plan, request: &request, target: &target, origin: &origin, correlation };
        plan.before().await?;
        let (mut response, _) = exchange.respond(&Inner(&*self.inner)).await?;
        if let Some(share) = used {
            response.headers_mut().insert(HeaderName::from_static("x-ms-throttle-limit-percentage"), share);
        }
        plan.after(&mut response, &*self.clock).await?;
        Ok(response)
    }
}

/// The transport inside, as the service behind the faults.
struct Inner<'a, T: ?Sized>(&'a T);

impl<T: Transport + ?Sized> Service for Inner<'_, T> {
    async fn forward(
        &self,
        request: Cow<'_, Request<Bytes>>,
        _: Revocations<'_>,
    ) -> Result<Response<Bytes>, TransportError> {
        self.0.send(request.into_owned()).await
    }
}

impl TenantState {
    /// Charges for what is planned to reach the service, and plans a refusal of what exceeds a limit. Returns what a
    /// response says of the use of the nearest limit, from four fifths on.
    fn charge(
        &mut self,
        plan: &mut Plan,
        request: &Request<Bytes>,
        target: &Target,
        items: &[(Method, String)],
        now: Duration,
    ) -> Option<HeaderValue> {
        if self.limits == Throttling::none() || plan.whole.as_ref().is_some_and(keeps_from_service) {
            return None;
        }
        let who = Spender::of_token(request.headers());
        let path = match target {
            Target::Graph(path) | Target::GraphBeta(path) => path,
            Target::PartnerCenter(_) => {
                let spent = self.spending.spend(&self.limits, &who, &Cost::of_partner_center(), now);
                plan.whole = spent.err().map(Action::Exceeded).or(plan.whole.take());
                return None;
            }
            Target::SignIn(..) | Target::Management(_) | Target::Other => return None,
        };
        if is_batch(target) {
            plan.items.resize(items.len(), None);
            let bodies = item_bodies(request.body());
            for (place, (method, url)) in items.iter().enumerate() {
                let action = &mut plan.items[place];
                if action.as_ref().is_some_and(keeps_from_service) {
                    continue;
                }
                let (path, query) = url.split_once('?').unwrap_or((url, ""));
                let path = format!("/{}", path.trim_start_matches('/'));
                let body = bodies.get(place);
                if let Err(exceeded) = self.spend(&who, method, &path, query, body, now) {
                    *action = Some(exceeded);
                }
            }
            return None;
        }
        let body = serde_json::from_slice(request.body()).ok();
        let query = request.uri().query().unwrap_or_default();
        match self.spend(&who, request.method(), path, query, body.as_ref(), now) {
            Ok(used) => share(used).and_then(|share| HeaderValue::try_from(share).ok()),
            Err(exceeded) => {
                plan.whole = Some(exceeded);
                None
            }
        }
    }

    /// Spends what an operation costs; an error takes the place of its response.
    fn spend(
        &mut self,
        who: &Spender,
        method: &Method,
        path: &str,
        query: &str,
        body: Option<&Value>,
        now: Duration,
    ) -> Result<u64, Action> {
        let mut cost = match route(method, path) {
            Ok(operation) => Cost::of(&operation, method, &pairs(query)),
            Err(_) => Cost::of_unknown(method),
        };
        let audience = body.map(|body| text(body, "signInAudience")).unwrap_or_default();
        if cost.writes > 0 && audience.contains("Personal") {
            cost.personal_writes = 1;
        }
        self.spending.spend(&self.limits, who, &cost, now).map_err(Action::Exceeded)
    }
}

/// Whether a request that meets an action does not reach the service.
fn keeps_from_service(action: &Action) -> bool {
    matches!(
        action,
        Action::Unreachable
            | Action::Reset
            | Action::Hangs
            | Action::Malformed { .. }
            | Action::Intercepted { .. }
            | Action::TokenRefused
    ) || action.failure().is_some_and(|failure| !failure.acts)
}

/// The bodies of the items of a batch.
fn item_bodies(body: &[u8]) -> Vec<Value> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let requests = list(&body, "requests");
    requests.iter().map(|item| item.get("body").cloned().unwrap_or_default()).collect()
}
