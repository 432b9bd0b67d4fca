//! Throttling by resource units: what requests cost, and what may be spent in a while.
//!
//! <https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits>

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use http::header::{HeaderName, RETRY_AFTER};
use http::{Method, StatusCode};

use super::cloud_state::CloudState;
use super::data::json::text;
use super::data::lag::LookupLag;
use super::data::object_kind::ObjectKind;
use super::graph::call::{Actor, Call};
use super::graph::directory::Directory;
use super::graph::response::{GraphError, GraphResult};
use super::graph::route::{AssignmentSide, Link, ObjectKey, Operation};
use super::partner;
use super::service::TenantState;

/// How much may be asked of a tenant before it answers 429. The items of a `$batch` count by themselves, and are
/// refused by themselves. What was spent may be spent again when the time has passed, on the tenant's clock: never more
/// than the limit is spent in any span of that length.
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    most: u64,
    per: Duration,
}

impl Limit {
    const fn new(most: u64, per: Duration) -> Self {
        assert!(most > 0, "a limit lets something through");
        Self { most, per }
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
    /// `keyCredentials` a minute. The limits of an app across all tenants are not among them.
    pub fn documented() -> Self {
        let seconds = Duration::from_secs;
        let units = |most| Limit::new(most, seconds(10));
        Self { units: Some([units(3_500), units(5_000), units(8_000)]), ..Self::default() }
            .writes(3_000, seconds(150))
            .tenant_writes(18_000, seconds(300))
            .personal_writes(60, seconds(60))
            .key_credentials(150, seconds(60))
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
    /// When `most` is zero.
    #[must_use]
    pub fn writes(mut self, most: u64, per: Duration) -> Self {
        self.writes = Some(Limit::new(most, per));
        self
    }

    /// Lets all apps together make so many writes in a span of `per`.
    ///
    /// # Panics
    /// When `most` is zero.
    #[must_use]
    pub fn tenant_writes(mut self, most: u64, per: Duration) -> Self {
        self.tenant_writes = Some(Limit::new(most, per));
        self
    }

    /// Lets each app make so many writes to applications that personal accounts may use, in a span of `per`.
    ///
    /// # Panics
    /// When `most` is zero.
    #[must_use]
    pub fn personal_writes(mut self, most: u64, per: Duration) -> Self {
        self.personal_writes = Some(Limit::new(most, per));
        self
    }

    /// Lets all apps together make so many requests with `$select=keyCredentials` in a span of `per`.
    ///
    /// # Panics
    /// When `most` is zero.
    #[must_use]
    pub fn key_credentials(mut self, most: u64, per: Duration) -> Self {
        self.key_credentials = Some(Limit::new(most, per));
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
}

impl Measure {
    /// Whether all apps of the tenant are counted together.
    fn is_of_tenant(self) -> bool {
        matches!(self, Self::TenantWrites | Self::KeyCredentials)
    }

    /// What `x-ms-throttle-scope` begins with.
    fn scope(self) -> &'static str {
        match self {
            Self::Units => "Tenant_Application/ReadWrite",
            Self::Writes | Self::PersonalWrites => "Tenant_Application/Write",
            Self::TenantWrites => "Tenant/Write",
            Self::KeyCredentials => "Tenant/Read",
        }
    }

    /// What `x-ms-throttle-information` says.
    fn information(self) -> &'static str {
        match self {
            Self::Units | Self::KeyCredentials => "ResourceUnitLimitExceeded",
            Self::Writes | Self::TenantWrites | Self::PersonalWrites => "WriteLimitExceeded",
        }
    }
}

/// What a request costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    units: u64,
    writes: u64,
    personal_writes: u64,
    key_credentials: u64,
}

impl Cost {
    /// What an operation costs with the options of its query.
    fn of(operation: &Operation, call: &Call) -> Self {
        let option = |name: &str| call.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        let option = |name: &str| option(name).map(|(_, value)| value.as_str());
        let selected = option("$select").map(|list| list.split(',').map(str::trim).collect::<Vec<_>>());
        let (base, writes) = base(operation, &call.method);
        let mut units = base + u64::from(option("$expand").is_some());
        units -= u64::from(selected.is_some());
        let few = option("$top").and_then(|top| top.parse::<u64>().ok()).is_some_and(|top| top < 20);
        units = units.saturating_sub(u64::from(few)).max(1);
        if *operation == Operation::GetByIds && selected.is_some() {
            units = 2;
        }
        let keys = selected.is_some_and(|names| names.iter().any(|name| name.eq_ignore_ascii_case("keyCredentials")));
        Self { units, writes, personal_writes: 0, key_credentials: u64::from(keys && call.method == Method::GET) }
    }

    fn on(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Units => self.units,
            Measure::Writes | Measure::TenantWrites => self.writes,
            Measure::PersonalWrites => self.personal_writes,
            Measure::KeyCredentials => self.key_credentials,
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
#[derive(Debug, Default)]
struct Window {
    spent: VecDeque<(Duration, u64)>,
    total: u64,
    refused: VecDeque<Duration>,
}

impl Window {
    /// Forgets what lies back so far that it counts no more.
    fn forget(&mut self, now: Duration, per: Duration) {
        let over = self.spent.partition_point(|(at, _)| *at + per <= now);
        self.total -= self.spent.drain(..over).map(|(_, cost)| cost).sum::<u64>();
        let over = self.refused.partition_point(|at| *at + per <= now);
        self.refused.drain(..over);
    }

    /// How long until `cost` can be spent; zero is now.
    fn wait(&self, cost: u64, limit: Limit, now: Duration) -> Duration {
        let mut left = self.total;
        let mut wait = Duration::ZERO;
        for (at, spent) in &self.spent {
            if left + cost <= limit.most {
                break;
            }
            left -= spent;
            wait = (*at + limit.per).saturating_sub(now);
        }
        wait
    }

    /// How much of the limit is used, in hundredths: above a hundred is the share of requests that were refused.
    fn use_of(&self, limit: Limit) -> u64 {
        match self.refused.len() as u64 {
            0 => self.total * 100 / limit.most,
            refused => (100 + refused * 100 / (refused + self.spent.len() as u64)).min(180),
        }
    }
}

/// The limits of a tenant, and what its apps have spent.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    rules: Throttling,
    windows: HashMap<(Measure, String), Window>,
}

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
struct Exceeded {
    measure: Measure,
    wait: Duration,
}

impl Throttle {
    pub(super) fn new(rules: Throttling) -> Self {
        Self { rules, windows: HashMap::new() }
    }

    /// Spends what a request costs, unless a limit forbids it; then it costs nothing. Returns how much of the limit
    /// that is nearest is used, in hundredths.
    fn spend(&mut self, app: &str, cost: &Cost, users: usize, now: Duration) -> Result<u64, Exceeded> {
        let measures =
            [Measure::Units, Measure::Writes, Measure::TenantWrites, Measure::PersonalWrites, Measure::KeyCredentials];
        let limits = measures.into_iter().filter(|measure| cost.on(*measure) > 0);
        let limits = limits.filter_map(|measure| {
            let limit = self.rules.limit(measure, users)?;
            let key = (measure, if measure.is_of_tenant() { String::new() } else { app.to_owned() });
            Some((key, limit, cost.on(measure).min(limit.most)))
        });
        let limits: Vec<_> = limits.collect();
        let mut longest: Option<Exceeded> = None;
        for (key, limit, cost) in &limits {
            let window = self.windows.entry(key.clone()).or_default();
            window.forget(now, limit.per);
            let wait = window.wait(*cost, *limit, now);
            if wait.is_zero() {
                continue;
            }
            window.refused.push_back(now);
            if longest.as_ref().is_none_or(|longest| longest.wait < wait) {
                longest = Some(Exceeded { measure: key.0, wait });
            }
        }
        if let Some(exceeded) = longest {
            return Err(exceeded);
        }
        let mut nearest = 0;
        for (key, limit, cost) in limits {
            let window = self.windows.entry(key).or_default();
            window.spent.push_back((now, cost));
            window.total += cost;
            nearest = nearest.max(window.use_of(limit));
        }
        Ok(nearest)
    }
}

impl Exceeded {
    /// <https://learn.microsoft.com/graph/throttling>
    fn refusal(&self, app: &str, tenant: &str) -> GraphError {
        let seconds = self.wait.as_secs() + u64::from(self.wait.subsec_nanos() > 0);
        GraphError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", "Please retry again later.")
            .header(RETRY_AFTER, seconds.to_string())
            .header(HeaderName::from_static("x-ms-throttle-scope"), format!("{}/{app}/{tenant}", self.measure.scope()))
            .header(HeaderName::from_static("x-ms-throttle-information"), self.measure.information())
    }
}

impl TenantState {
    /// Charges an app for an operation.
    fn charge(&mut self, app: &str, operation: &Operation, cost: &mut Cost, call: &Call) -> Result<u64, GraphError> {
        if self.throttle.rules == Throttling::none() {
            return Ok(0);
        }
        if cost.writes > 0 && self.directory.is_for_personal_accounts(operation, call) {
            cost.personal_writes = 1;
        }
        let users = self.directory.users.len();
        let spent = self.throttle.spend(app, cost, users, call.now);
        spent.map_err(|exceeded| exceeded.refusal(app, &self.directory.tenant_id.to_string()))
    }
}

impl Directory {
    /// Whether a write is to an application that personal accounts may use, or may use then.
    fn is_for_personal_accounts(&self, operation: &Operation, call: &Call) -> bool {
        let asked = || call.body.as_ref().is_some_and(is_personal);
        let stored = |key: &ObjectKey| {
            self.find(ObjectKind::Application, key, LookupLag::NONE, call)
                .is_ok_and(|application| is_personal(&application))
        };
        match operation {
            Operation::Create(ObjectKind::Application) => asked(),
            Operation::Update(ObjectKind::Application, key) => asked() || stored(key),
            Operation::Delete(ObjectKind::Application, key)
            | Operation::AddPassword(ObjectKind::Application, key)
            | Operation::RemovePassword(ObjectKind::Application, key)
            | Operation::AddKey(ObjectKind::Application, key)
            | Operation::RemoveKey(ObjectKind::Application, key)
            | Operation::AddLink(ObjectKind::Application, key, _)
            | Operation::RemoveLink(ObjectKind::Application, key, ..)
            | Operation::CreateFederated(key)
            | Operation::UpdateFederated(key, _)
            | Operation::DeleteFederated(key, _) => stored(key),
            _ => false,
        }
    }
}

fn is_personal(application: &serde_json::Value) -> bool {
    text(application, "signInAudience").contains("Personal")
}

impl CloudState {
    /// Carries out a request to Graph for what it costs.
    pub(super) fn metered(&mut self, at: usize, operation: Operation, call: &mut Call) -> GraphResult {
        let Actor::SignedIn(identity) = &call.actor else { return self.perform(at, operation, call) };
        let app = identity.app_id.clone();
        let mut cost = Cost::of(&operation, call);
        let used = self[at].charge(&app, &operation, &mut cost, call)?;
        let mut headers = vec![(HeaderName::from_static("x-ms-resource-unit"), cost.units.to_string())];
        if used >= 80 {
            let share = format!("{}.{:02}", used / 100, used % 100);
            let share = share.strip_suffix('0').unwrap_or(&share).to_owned();
            headers.push((HeaderName::from_static("x-ms-throttle-limit-percentage"), share));
        }
        let headers = headers.into_iter();
        match self.perform(at, operation, call) {
            Ok(answer) => Ok(headers.fold(answer, |answer, (name, value)| answer.header(name, value))),
            Err(refusal) => Err(headers.fold(refusal, |refusal, (name, value)| refusal.header(name, value))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{SeededRandomness, below};

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
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
            let mut throttle = Throttle::new(Throttling::of(limit.most, limit.per));
            let mut now = seconds(100);
            let mut spent: Vec<(Duration, u64)> = Vec::new();
            for _ in 0..600 {
                now += Duration::from_millis(below(&chance, 1_500));
                let cost = 1 + below(&chance, 5.min(limit.most));
                if let Err(exceeded) = throttle.spend("app", &reads(cost), 0, now) {
                    refusals += 1;
                    now += exceeded.wait;
                    assert!(!exceeded.wait.is_zero() && exceeded.wait <= limit.per, "{exceeded:?}");
                    throttle.spend("app", &reads(cost), 0, now).expect("who waits gets through");
                }
                spent.push((now, cost));
            }
            for (from, _) in &spent {
                let span = spent.iter().filter(|(at, _)| at >= from && *at < *from + limit.per);
                let total: u64 = span.map(|(_, cost)| cost).sum();
                assert!(total <= limit.most, "seed {seed}: {total} of {limit:?}");
            }
        }
        assert!(refusals > 1000, "only {refusals} requests met the limit");
    }

    #[test]
    fn what_the_limit_allows_is_let_through_and_no_wait_is_longer_than_needed() {
        let mut throttle = Throttle::new(Throttling::of(10, seconds(10)));
        let mut spend = |units, at| throttle.spend("app", &reads(units), 0, seconds(at));
        assert_eq!(spend(4, 1), Ok(40));
        assert_eq!(spend(4, 5), Ok(80));
        assert_eq!(spend(2, 6), Ok(100));
        assert_eq!(spend(3, 7), Err(Exceeded { measure: Measure::Units, wait: seconds(4) }));
        assert_eq!(spend(5, 7), Err(Exceeded { measure: Measure::Units, wait: seconds(8) }));
        // Two of five were refused.
        assert_eq!(spend(4, 11), Ok(140));
        assert_eq!(spend(99, 30), Ok(100), "what costs more than there is costs all there is");
    }

    #[test]
    fn a_refused_request_costs_nothing_of_any_limit() {
        let mut throttle = Throttle::new(Throttling::of(10, seconds(10)).writes(1, seconds(60)));
        let write = Cost { units: 1, writes: 1, ..Cost::default() };
        throttle.spend("app", &write, 0, seconds(0)).unwrap();
        for _ in 0..50 {
            let exceeded = throttle.spend("app", &write, 0, seconds(1)).unwrap_err();
            assert_eq!(exceeded, Exceeded { measure: Measure::Writes, wait: seconds(59) });
        }
        assert_eq!(throttle.spend("app", &reads(9), 0, seconds(1)), Ok(100));
    }

    #[test]
    fn an_app_has_limits_of_its_own_and_those_of_the_tenant_count_all() {
        let rules = Throttling::of(2, seconds(10)).tenant_writes(3, seconds(60));
        let mut throttle = Throttle::new(rules);
        let write = Cost { units: 1, writes: 1, ..Cost::default() };
        for app in ["a", "a", "b"] {
            throttle.spend(app, &write, 0, seconds(0)).unwrap();
        }
        let measure =
            |throttle: &mut Throttle, app, cost| throttle.spend(app, &cost, 0, seconds(0)).map_err(|e| e.measure);
        assert_eq!(measure(&mut throttle, "b", write), Err(Measure::TenantWrites));
        assert_eq!(measure(&mut throttle, "b", reads(1)), Ok(100));
        assert_eq!(measure(&mut throttle, "a", reads(1)), Err(Measure::Units));
        assert_eq!(measure(&mut throttle, "c", reads(1)), Ok(50));
    }

    #[test]
    fn a_larger_tenant_may_spend_more() {
        let rules = Throttling::documented();
        let most = |users| rules.limit(Measure::Units, users).unwrap().most;
        let most = [0, 49, 50, 500, 501].map(most);
        assert_eq!(most, [3_500, 3_500, 5_000, 5_000, 8_000]);
    }
}
