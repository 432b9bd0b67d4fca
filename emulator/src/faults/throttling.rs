//! Throttling by resource units: what requests cost, and what may be spent in a while.
//!
//! <https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits>

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{HeaderName, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

use crate::data::json::text;
use crate::data::object_kind::ObjectKind;
use crate::graph::response::GraphError;
use crate::graph::route::{AssignmentSide, Link, Operation};
use crate::partner;
use crate::sign_in::bearer;

/// How many costs of a window are told apart; beyond, the latest are counted together, at the time of the last.
const MAX_SPENT: usize = 32_768;
/// How many refusals of a window are counted.
const MAX_REFUSED: usize = 1_000;
/// From so many windows on, those that have nothing to say are dropped.
const MAX_IDLE_WINDOWS: usize = 1_000;

/// The code and the message of what is refused because too much was asked.
pub(crate) const TOO_MANY_REQUESTS: &str = "TooManyRequests";
pub(crate) const RETRY_LATER: &str = "Please retry again later.";

/// How much may be asked of a tenant before it responds with 429. The items of a `$batch` count by themselves, and are
/// refused by themselves. What was spent may be spent again when the time has passed, on the tenant's clock: never more
/// than the limit is spent in any span of that length.
///
/// The limits of an app across tenants count what it asks of each tenant of a [`MemoryCloud`](crate::MemoryCloud): that
/// tenant's own limits say when it is refused there.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// # use std::time::Duration;
/// use entra_emulator::{MemoryTenant, Throttling};
///
/// // A small limit shows in a test what the service's own would show in production.
/// let limits = Throttling::of(20, Duration::from_secs(10)).writes(5, Duration::from_secs(150));
/// let tenant = MemoryTenant::builder().throttling(limits).build();
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Throttling {
    /// Of a small, a medium and a large tenant.
    units: Option<[Limit; 3]>,
    writes: Option<Limit>,
    tenant_writes: Option<Limit>,
    personal_writes: Option<Limit>,
    key_credentials: Option<Limit>,
    app_units: Option<Limit>,
    app_requests: Option<Limit>,
    app_writes: Option<Limit>,
    partner_center: Option<Limit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    max: u64,
    per: Duration,
}

impl Limit {
    const fn new(max: u64, per: Duration) -> Self {
        assert!(max > 0, "a limit lets something through");
        Self { max, per }
    }
}

impl Throttling {
    /// No limits.
    pub fn none() -> Self {
        Self::default()
    }

    /// The limits that Microsoft documents: of each app in the tenant 3,500 resource units in 10 seconds, 5,000 where
    /// there are 50 users, and 8,000 where there are more than 500; 3,000 writes in 150 seconds; of all apps 18,000
    /// writes in 5 minutes; 60 writes a minute to applications that personal accounts may use, and 150 reads of
    /// `keyCredentials` a minute; of each app across all tenants 150,000 resource units in 20 seconds, 130,000 requests in
    /// 10 seconds and 70,000 writes in 5 minutes; of each app at
    /// [Partner Center](https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis), across all partners,
    /// 50 requests a second.
    pub fn documented() -> Self {
        let seconds = Duration::from_secs;
        let units = |max| Limit::new(max, seconds(10));
        Self { units: Some([units(3_500), units(5_000), units(8_000)]), ..Self::default() }
            .writes(3_000, seconds(150))
            .tenant_writes(18_000, seconds(300))
            .personal_writes(60, seconds(60))
            .key_credentials(150, seconds(60))
            .app_units(150_000, seconds(20))
            .app_requests(130_000, seconds(10))
            .app_writes(70_000, seconds(300))
            .partner_center(50, seconds(1))
    }

    /// Lets each app spend so many resource units in a span of `per`, and sets no other limit. A request that costs more
    /// than there is costs all there is.
    ///
    /// # Panics
    /// When `units` is zero.
    pub fn of(units: u64, per: Duration) -> Self {
        Self { units: Some([Limit::new(units, per); 3]), ..Self::default() }
    }

    /// Lets each app make so many writes in a span of `per`.
    ///
    /// # Panics
    /// When `max` is zero.
    #[must_use]
    pub fn writes(mut self, max: u64, per: Duration) -> Self {
        self.writes = Some(Limit::new(max, per));
        self
    }

    /// Lets all apps together make so many writes in a span of `per`.
    ///
    /// # Panics
    /// When `max` is zero.
    #[must_use]
    pub fn tenant_writes(mut self, max: u64, per: Duration) -> Self {
        self.tenant_writes = Some(Limit::new(max, per));
        self
    }

    /// Lets each app make so many writes to applications that personal accounts may use, in a span of `per`.
    ///
    /// # Panics
    /// When `max` is zero.
    #[must_use]
    pub fn personal_writes(mut self, max: u64, per: Duration) -> Self {
        self.personal_writes = Some(Limit::new(max, per));
        self
    }

    /// Lets all apps together make so many requests with `$select=keyCredentials` in a span of `per`.
    ///
    /// # Panics
    /// When `max` is zero.
    #[must_use]
    pub fn key_credentials(mut self, max: u64, per: Duration) -> Self {
        self.key_credentials = Some(Limit::new(max, per));
        self
    }

    /// Lets each app spend so many resource units across all tenants in a span of `per`.
    ///
    /// # Panics
    /// When `max` is zero.
    #[must_use]
    pub fn app_units(mut self, max: u64, per: Duration) -> Self {
        self.app_units = Some(Limit::new(max, per));
        self
    }

    /// Lets each app make so many requests to Graph across all tenants in a span of `per`.
    ///
    /// # Panics
    /// When `max` is zero.
    #[must_use]
    pub fn app_requests(mut self, max: u64, per: Duration) -> Self {
        self.app_requests = Some(Limit::new(max, per));
        self
    }

    /// Lets each app make so many writes across all tenants in a span of `per`.
    ///
    /// # Panics
    /// When `max` is zero.
    #[must_use]
    pub fn app_writes(mut self, max: u64, per: Duration) -> Self {
        self.app_writes = Some(Limit::new(max, per));
        self
    }

    /// Lets each app make so many requests to Partner Center in a span of `per`, whichever partner it signs in to.
    ///
    /// # Panics
    /// When `max` is zero.
    #[must_use]
    pub fn partner_center(mut self, max: u64, per: Duration) -> Self {
        self.partner_center = Some(Limit::new(max, per));
        self
    }

    fn limit(&self, measure: Measure, users: usize) -> Option<Limit> {
        match measure {
            Measure::Units => self.units.map(|[small, medium, large]| match users {
                ..50 => small,
                50..=500 => medium,
                _ => large,
            }),
            Measure::Writes => self.writes,
            Measure::TenantWrites => self.tenant_writes,
            Measure::PersonalWrites => self.personal_writes,
            Measure::KeyCredentials => self.key_credentials,
            Measure::AppUnits => self.app_units,
            Measure::AppRequests => self.app_requests,
            Measure::AppWrites => self.app_writes,
            Measure::PartnerCenter => self.partner_center,
        }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Measure {
    Units,
    Writes,
    TenantWrites,
    PersonalWrites,
    KeyCredentials,
    AppUnits,
    AppRequests,
    AppWrites,
    PartnerCenter,
}

impl Measure {
    const ALL: [Self; 9] = [
        Self::Units,
        Self::Writes,
        Self::TenantWrites,
        Self::PersonalWrites,
        Self::KeyCredentials,
        Self::AppUnits,
        Self::AppRequests,
        Self::AppWrites,
        Self::PartnerCenter,
    ];

    /// Whose spending is counted together: of all apps in a tenant, of an app in all tenants, or of an app in a tenant.
    fn account(self, who: &Spender) -> Account {
        let (app, tenant) = (Some(who.app.clone()), Some(who.tenant.clone()));
        match self {
            Self::TenantWrites | Self::KeyCredentials => Account { app: None, tenant },
            Self::AppUnits | Self::AppRequests | Self::AppWrites | Self::PartnerCenter => Account { app, tenant: None },
            Self::Units | Self::Writes | Self::PersonalWrites => Account { app, tenant },
        }
    }

    /// What `x-ms-throttle-scope` begins with.
    fn scope(self) -> &'static str {
        match self {
            Self::Units => "Tenant_Application/ReadWrite",
            Self::Writes | Self::PersonalWrites => "Tenant_Application/Write",
            Self::TenantWrites => "Tenant/Write",
            Self::KeyCredentials => "Tenant/Read",
            Self::AppUnits | Self::AppRequests | Self::PartnerCenter => "Application/ReadWrite",
            Self::AppWrites => "Application/Write",
        }
    }

    /// What `x-ms-throttle-information` says.
    fn information(self) -> &'static str {
        match self {
            Self::Units | Self::KeyCredentials | Self::AppUnits | Self::AppRequests | Self::PartnerCenter => {
                "ResourceUnitLimitExceeded"
            }
            Self::Writes | Self::TenantWrites | Self::PersonalWrites | Self::AppWrites => "WriteLimitExceeded",
        }
    }
}

/// What a request costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) units: u64,
    pub(crate) writes: u64,
    pub(crate) personal_writes: u64,
    key_credentials: u64,
    requests: u64,
    at_partner_center: u64,
}

impl Cost {
    /// What an operation costs with the options of its query.
    pub(crate) fn of(operation: &Operation, method: &Method, query: &[(String, String)]) -> Self {
        let option = |name: &str| query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        let option = |name: &str| option(name).map(|(_, value)| value.as_str());
        let selected = option("$select").map(|list| list.split(',').map(str::trim).collect::<Vec<_>>());
        let (base, writes) = base(operation, method);
        let mut units = base + u64::from(option("$expand").is_some());
        units -= u64::from(selected.is_some());
        let few = option("$top").and_then(|top| top.parse::<u64>().ok()).is_some_and(|top| top < 20);
        units = units.saturating_sub(u64::from(few)).max(1);
        if *operation == Operation::GetByIds && selected.is_some() {
            units = 2;
        }
        let keys = selected.is_some_and(|names| names.iter().any(|name| name.eq_ignore_ascii_case("keyCredentials")));
        let key_credentials = u64::from(keys && *method == Method::GET);
        Self { units, writes, key_credentials, requests: 1, ..Self::default() }
    }

    /// What a request to Partner Center costs.
    pub(crate) fn of_partner_center() -> Self {
        Self { at_partner_center: 1, ..Self::default() }
    }

    /// What a request costs that is not known.
    pub(super) fn of_unknown(method: &Method) -> Self {
        Self { units: 1, writes: u64::from(*method != Method::GET), requests: 1, ..Self::default() }
    }

    fn on(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Units | Measure::AppUnits => self.units,
            Measure::Writes | Measure::TenantWrites | Measure::AppWrites => self.writes,
            Measure::PersonalWrites => self.personal_writes,
            Measure::KeyCredentials => self.key_credentials,
            Measure::AppRequests => self.requests,
            Measure::PartnerCenter => self.at_partner_center,
        }
    }
}

/// Resource units and writes of an operation by itself; what the documentation does not list costs one.
fn base(operation: &Operation, method: &Method) -> (u64, u64) {
    match operation {
        Operation::GetByIds => (5, 0),
        Operation::CheckMemberGroups(..) => (4, 0),
        Operation::ListLinked(ObjectKind::Group, _, Link::Members, _)
        | Operation::Partner(partner::Operation::ListContracts) => (3, 0),
        Operation::ListLinked(
            ObjectKind::User,
            _,
            Link::MemberOf | Link::TransitiveMemberOf | Link::OwnedObjects,
            _,
        )
        | Operation::List(ObjectKind::Application | ObjectKind::User | ObjectKind::Grant)
        | Operation::GetGrant(_)
        | Operation::ListAssignments(ObjectKind::ServicePrincipal, _, AssignmentSide::Principal) => (2, 0),
        _ => (1, u64::from(*method != Method::GET)),
    }
}

/// What was spent in the last while, and what was refused.
#[derive(Debug)]
struct Window {
    /// For how long it counts.
    per: Duration,
    spent: VecDeque<(Duration, u64)>,
    spent_is_full: bool,
    total: u64,
    refused: VecDeque<Duration>,
}

impl Window {
    fn new(per: Duration) -> Self {
        Self { per, spent: VecDeque::new(), spent_is_full: false, total: 0, refused: VecDeque::new() }
    }

    /// Forgets what lies back so far that it counts no more.
    fn forget(&mut self, now: Duration) {
        let per = self.per;
        let over = self.spent.partition_point(|(at, _)| at.saturating_add(per) <= now);
        self.total -= self.spent.drain(..over).map(|(_, cost)| cost).sum::<u64>();
        let over = self.refused.partition_point(|at| at.saturating_add(per) <= now);
        self.refused.drain(..over);
    }

    /// Counts a cost.
    fn spend(&mut self, now: Duration, cost: u64) {
        self.total += cost;
        match self.spent.back_mut() {
            Some((at, spent)) if self.spent_is_full || *at == now => (*at, *spent) = (now, *spent + cost),
            _ => self.spent.push_back((now, cost)),
        }
        self.spent_is_full = self.spent.len() >= MAX_SPENT;
    }

    /// Counts a refusal.
    fn refuse(&mut self, now: Duration) {
        if self.refused.len() >= MAX_REFUSED {
            self.refused.pop_front();
        }
        self.refused.push_back(now);
    }

    /// Whether nothing is left that counts.
    fn is_idle(&self) -> bool {
        self.spent.is_empty() && self.refused.is_empty()
    }

    /// How long until `cost` can be spent; zero is now.
    fn wait(&self, cost: u64, limit: Limit, now: Duration) -> Duration {
        let mut left = self.total;
        let mut wait = Duration::ZERO;
        for (at, spent) in &self.spent {
            if left.saturating_add(cost) <= limit.max {
                break;
            }
            left -= spent;
            wait = at.saturating_add(limit.per).saturating_sub(now);
        }
        wait
    }

    /// How much of the limit is used, in hundredths: above a hundred is the share of requests that were refused.
    fn use_of(&self, limit: Limit) -> u64 {
        match self.refused.len() as u64 {
            0 => u64::try_from(u128::from(self.total) * 100 / u128::from(limit.max)).unwrap_or(u64::MAX),
            refused => (100 + refused * 100 / (refused + self.spent.len() as u64)).min(180),
        }
    }
}

/// Whose spending is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Account {
    /// `None` for all apps of the tenant.
    app: Option<String>,
    /// `None` for all tenants of the cloud.
    tenant: Option<String>,
}

/// What the apps have spent in all tenants of a cloud.
#[derive(Debug, Default)]
pub(crate) struct Spending {
    windows: HashMap<(Measure, Account), Window>,
    /// With how many windows the idle ones are dropped.
    drops_at: usize,
}

/// What a response says of a limit that is used to so many hundredths, from four fifths on.
pub(crate) fn share(used: u64) -> Option<String> {
    if used < 80 {
        return None;
    }
    let share = format!("{}.{:02}", used / 100, used % 100);
    Some(share.strip_suffix('0').unwrap_or(&share).to_owned())
}

/// Who asks for something: what is spent is counted by app and by tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spender {
    pub(crate) app: String,
    pub(crate) tenant: String,
    /// How many users the tenant has: larger tenants may spend more.
    pub(crate) users: usize,
}

impl Spender {
    /// Who a bearer token says that it is for, by its claims `appid` (or `azp`) and `tid`. They are read and not
    /// verified: who shows a token without them is nobody's app in nobody's tenant. The tenant counts as a small one.
    pub(crate) fn of_token(headers: &HeaderMap) -> Self {
        let payload = bearer(headers).split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let claims: Value = payload.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        let app = [text(&claims, "appid"), text(&claims, "azp")].into_iter().find(|app| !app.is_empty());
        Self { app: app.unwrap_or_default().to_owned(), tenant: text(&claims, "tid").to_owned(), users: 0 }
    }
}

/// A limit that a request exceeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    measure: Measure,
    wait: Duration,
    app: String,
    tenant: String,
}

impl Spending {
    /// How many windows are held.
    #[cfg(test)]
    pub(crate) fn windows(&self) -> usize {
        self.windows.len()
    }

    /// Forgets what was spent in a tenant, and what apps have spent in all tenants.
    pub(crate) fn forget(&mut self, tenant: &str) {
        self.windows.retain(|(_, account), _| account.tenant.as_ref().is_some_and(|other| other != tenant));
    }

    /// Spends what a request costs, unless a limit forbids it; then it costs nothing. Returns how much of the limit
    /// that is nearest is used, in hundredths.
    pub(crate) fn spend(
        &mut self,
        limits: &Throttling,
        who: &Spender,
        cost: &Cost,
        now: Duration,
    ) -> Result<u64, Exceeded> {
        let measures = Measure::ALL.into_iter().filter(|measure| cost.on(*measure) > 0);
        let counted: Vec<_> = measures
            .filter_map(|measure| {
                let limit = limits.limit(measure, who.users)?;
                Some(((measure, measure.account(who)), limit, cost.on(measure).min(limit.max)))
            })
            .collect();
        self.drop_idle(now);
        let mut longest: Option<(Measure, Duration)> = None;
        for (key, limit, cost) in &counted {
            let window = self.windows.entry(key.clone()).or_insert_with(|| Window::new(limit.per));
            window.per = limit.per;
            window.forget(now);
            let wait = window.wait(*cost, *limit, now);
            if wait.is_zero() {
                continue;
            }
            window.refuse(now);
            if longest.is_none_or(|(_, longest)| longest < wait) {
                longest = Some((key.0, wait));
            }
        }
        if let Some((measure, wait)) = longest {
            return Err(Exceeded { measure, wait, app: who.app.clone(), tenant: who.tenant.clone() });
        }
        let mut nearest = 0;
        for (key, limit, cost) in counted {
            if let Some(window) = self.windows.get_mut(&key) {
                window.spend(now, cost);
                nearest = nearest.max(window.use_of(limit));
            }
        }
        Ok(nearest)
    }

    /// Drops the windows of those who have not asked for a while, once there are many.
    fn drop_idle(&mut self, now: Duration) {
        if self.windows.len() < self.drops_at.max(MAX_IDLE_WINDOWS) {
            return;
        }
        self.windows.retain(|_, window| {
            window.forget(now);
            !window.is_idle()
        });
        // Where many are in use, they are not all looked at for each request.
        self.drops_at = 2 * self.windows.len();
    }
}

impl Exceeded {
    /// After how many whole seconds it is let through.
    pub(crate) fn wait_seconds(&self) -> u64 {
        self.wait.as_secs() + u64::from(self.wait.subsec_nanos() > 0)
    }

    /// <https://learn.microsoft.com/graph/throttling>
    pub(crate) fn refusal(&self) -> GraphError {
        let scope = format!("{}/{}/{}", self.measure.scope(), self.app, self.tenant);
        GraphError::new(StatusCode::TOO_MANY_REQUESTS, TOO_MANY_REQUESTS, RETRY_LATER)
            .header(RETRY_AFTER, self.wait_seconds().to_string())
            .header(HeaderName::from_static("x-ms-throttle-scope"), scope)
            .header(HeaderName::from_static("x-ms-throttle-information"), self.measure.information())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{SeededRandomness, below};

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The limits of a tenant, and what is spent there.
    struct Throttle {
        limits: Throttling,
        spending: Spending,
    }

    impl Throttle {
        fn new(limits: Throttling) -> Self {
            Self { limits, spending: Spending::default() }
        }

        fn spend(&mut self, who: &Spender, cost: &Cost, now: Duration) -> Result<u64, Exceeded> {
            self.spending.spend(&self.limits, who, cost, now)
        }
    }

    fn app(name: &str) -> Spender {
        Spender { app: name.to_owned(), ..Spender::default() }
    }

    fn reads(units: u64) -> Cost {
        Cost { units, ..Cost::default() }
    }

    #[test]
    fn never_more_than_the_limit_is_spent_in_any_span_and_who_waits_gets_through() {
        let mut refusals = 0;
        for seed in 0..40 {
            let chance = SeededRandomness::new(seed);
            let limit = Limit::new(1 + below(&chance, 30), Duration::from_millis(1 + below(&chance, 20_000)));
            let mut throttle = Throttle::new(Throttling::of(limit.max, limit.per));
            let mut now = seconds(100);
            let mut spent: Vec<(Duration, u64)> = Vec::new();
            for _ in 0..600 {
                now += Duration::from_millis(below(&chance, 1_500));
                let cost = 1 + below(&chance, 5.min(limit.max));
                if let Err(exceeded) = throttle.spend(&app("app"), &reads(cost), now) {
                    refusals += 1;
                    now += exceeded.wait;
                    assert!(!exceeded.wait.is_zero() && exceeded.wait <= limit.per, "{exceeded:?}");
                    throttle.spend(&app("app"), &reads(cost), now).expect("who waits gets through");
                }
                spent.push((now, cost));
            }
            for (from, _) in &spent {
                let span = spent.iter().filter(|(at, _)| at >= from && *at < *from + limit.per);
                let total: u64 = span.map(|(_, cost)| cost).sum();
                assert!(total <= limit.max, "seed {seed}: {total} of {limit:?}");
            }
        }
        assert!(refusals > 1000, "only {refusals} requests met the limit");
    }

    #[test]
    fn what_the_limit_allows_is_let_through_and_no_wait_is_longer_than_needed() {
        let mut throttle = Throttle::new(Throttling::of(10, seconds(10)));
        let mut spend =
            |units, at| throttle.spend(&app("app"), &reads(units), seconds(at)).map_err(|e| (e.measure, e.wait));
        assert_eq!(spend(4, 1), Ok(40));
        assert_eq!(spend(4, 5), Ok(80));
        assert_eq!(spend(2, 6), Ok(100));
        assert_eq!(spend(3, 7), Err((Measure::Units, seconds(4))));
        assert_eq!(spend(5, 7), Err((Measure::Units, seconds(8))));
        // Two of five were refused.
        assert_eq!(spend(4, 11), Ok(140));
        assert_eq!(spend(99, 30), Ok(100), "what costs more than there is costs all there is");
    }

    #[test]
    fn a_refused_request_costs_nothing_of_any_limit() {
        let mut throttle = Throttle::new(Throttling::of(10, seconds(10)).writes(1, seconds(60)));
        let write = Cost { units: 1, writes: 1, ..Cost::default() };
        throttle.spend(&app("app"), &write, seconds(0)).unwrap();
        for _ in 0..50 {
            let exceeded = throttle.spend(&app("app"), &write, seconds(1)).unwrap_err();
            assert_eq!((exceeded.measure, exceeded.wait), (Measure::Writes, seconds(59)));
        }
        assert_eq!(throttle.spend(&app("app"), &reads(9), seconds(1)), Ok(100));
    }

    #[test]
    fn an_app_has_limits_of_its_own_and_those_of_the_tenant_count_all() {
        let rules = Throttling::of(2, seconds(10)).tenant_writes(3, seconds(60));
        let mut throttle = Throttle::new(rules);
        let write = Cost { units: 1, writes: 1, ..Cost::default() };
        for name in ["a", "a", "b"] {
            throttle.spend(&app(name), &write, seconds(0)).unwrap();
        }
        let measure =
            |throttle: &mut Throttle, name, cost| throttle.spend(&app(name), &cost, seconds(0)).map_err(|e| e.measure);
        assert_eq!(measure(&mut throttle, "b", write), Err(Measure::TenantWrites));
        assert_eq!(measure(&mut throttle, "b", reads(1)), Ok(100));
        assert_eq!(measure(&mut throttle, "a", reads(1)), Err(Measure::Units));
        assert_eq!(measure(&mut throttle, "c", reads(1)), Ok(50));
    }

    #[test]
    fn an_app_is_counted_across_tenants_whose_own_limits_differ() {
        let mut spending = Spending::default();
        let write = Cost { units: 1, writes: 1, requests: 1, ..Cost::default() };
        let in_tenant = |app: &str, tenant: &str| Spender { app: app.into(), tenant: tenant.into(), users: 0 };
        let rules = Throttling::none().app_writes(3, seconds(300)).app_requests(4, seconds(10));
        let mut spend = |limits: &Throttling, app, tenant, cost: &Cost, at| {
            let spent = spending.spend(limits, &in_tenant(app, tenant), cost, seconds(at));
            spent.map_err(|exceeded| (exceeded.measure, exceeded.wait_seconds()))
        };
        for tenant in ["a", "b", "c"] {
            spend(&rules, "vendor", tenant, &write, 0).unwrap();
        }
        assert_eq!(spend(&rules, "vendor", "d", &write, 1), Err((Measure::AppWrites, 299)));
        assert_eq!(spend(&rules, "other", "d", &write, 1), Ok(33), "each app by itself");
        let read = Cost { units: 1, requests: 1, ..Cost::default() };
        assert_eq!(spend(&rules, "vendor", "d", &read, 1), Ok(100));
        assert_eq!(spend(&rules, "vendor", "e", &read, 1), Err((Measure::AppRequests, 9)));
        // A tenant without limits refuses nothing, and what is spent there costs nothing elsewhere.
        assert_eq!(spend(&Throttling::none(), "vendor", "f", &write, 1), Ok(0));
        spending.forget("a");
        assert_eq!(spending.windows(), 0, "what counts across tenants is forgotten too");
    }

    #[test]
    fn a_larger_tenant_may_spend_more() {
        let rules = Throttling::documented();
        let most = |users| rules.limit(Measure::Units, users).unwrap().max;
        let most = [0, 49, 50, 500, 501].map(most);
        assert_eq!(most, [3_500, 3_500, 5_000, 5_000, 8_000]);
    }

    #[test]
    fn windows_hold_no_more_than_counts() {
        let mut throttle = Throttle::new(Throttling::of(u64::MAX, Duration::MAX));
        for at in 0..100_000 {
            throttle.spend(&app("app"), &reads(1), Duration::from_millis(at)).unwrap();
        }
        let window = throttle.spending.windows.values().next().unwrap();
        assert_eq!((window.spent.len(), window.total), (MAX_SPENT, 100_000));
        let mut throttle = Throttle::new(Throttling::of(1, seconds(10)));
        for at in 0..5_000 {
            drop(throttle.spend(&app("app"), &reads(1), Duration::from_millis(at)));
        }
        assert_eq!(throttle.spending.windows.values().next().unwrap().refused.len(), MAX_REFUSED);
        for number in 0..5_000 {
            throttle.spend(&app(&number.to_string()), &reads(1), seconds(100 + 20 * number)).unwrap();
        }
        let windows = throttle.spending.windows();
        assert!(windows <= MAX_IDLE_WINDOWS, "{windows}");
    }

    #[test]
    fn a_token_tells_the_app_and_the_tenant() {
        let of = |claims: &str| {
            let token = format!("Bearer e30.{}.", URL_SAFE_NO_PAD.encode(claims));
            let headers = [(http::header::AUTHORIZATION, token.parse().unwrap())].into_iter().collect();
            let Spender { app, tenant, .. } = Spender::of_token(&headers);
            (app, tenant)
        };
        assert_eq!(of(r#"{"appid": "a", "tid": "t"}"#), ("a".to_owned(), "t".to_owned()));
        assert_eq!(of(r#"{"azp": "a", "tid": "t"}"#), ("a".to_owned(), "t".to_owned()));
        assert_eq!(of("[]"), (String::new(), String::new()));
        assert_eq!(Spender::of_token(&HeaderMap::new()), Spender::default());
    }
}
