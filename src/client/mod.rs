//! The client: one way for a request to become a typed answer.

mod batch;
mod builder;
pub(crate) mod call;
mod kept;
mod recent;
pub(crate) mod replication;
pub(crate) mod service_error;
mod tokens;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use secrecy::ExposeSecret;
use tracing::Instrument;

pub(crate) use batch::DEPENDENCY_FAILED;
pub use batch::{Answers, Batch, Ticket};
pub use builder::ClientBuilder;
pub use call::Call;

use crate::auth::{TokenClaims, challenge};
use crate::client::call::Spec;
use crate::client::kept::Kept;
use crate::client::recent::{Ids, Recent};
use crate::client::tokens::Tokens;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::error::{Error, ErrorKind};
use crate::exchange::{Answer, Bounds, Gate, Means, Observer, Repeat};
use crate::ids::{AppId, TenantId};
use crate::random::{self, Randomness};
use crate::token::{AccessToken, TokenRequest};

/// How long a read may lag behind a write: a 404 after that is the truth.
pub(crate) const READ_LAG: Duration = Duration::from_secs(60);

/// A client of Microsoft Graph for one tenant. Cheap to clone; clones share connections, tokens and memory.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    tenant: Arc<str>,
    bounds: Bounds,
}

struct Shared {
    means: Means,
    cloud: Cloud,
    tokens: Tokens,
    recent: Recent,
    kept: Kept,
    user_agent: HeaderValue,
    default_deadline: Option<Duration>,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
    /// One writer at a time for each application.
    applying: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// Tenants beyond this many make the memory of gates start again.
const MOST_GATES: usize = 10_000;

impl Client {
    /// Starts building a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// The same client for another tenant: connections, tokens and limits are shared.
    #[must_use]
    pub fn for_tenant(&self, tenant: TenantId) -> Self {
        let bounds = Bounds { gate: None, ..self.bounds.clone() };
        Self { tenant: tenant.to_string().into(), bounds, ..self.clone() }
    }

    /// The cloud that it works with.
    pub fn cloud(&self) -> &Cloud {
        &self.shared.cloud
    }

    /// The id of the tenant: the one given, or the one that the token was issued by.
    ///
    /// # Errors
    /// When signing in fails, or the token does not say by which tenant it was issued.
    pub async fn tenant_id(&self) -> Result<TenantId, Error> {
        if let Some(id) = self.given_tenant() {
            self.token(None).await?;
            return Ok(id);
        }
        TokenClaims::of(&self.token(None).await?).tenant().ok_or_else(|| {
            Error::invalid("tenant_unknown", "the token does not say which tenant it is for")
                .with_remedy("Give the client the tenant's id instead of its domain.")
        })
    }

    fn given_tenant(&self) -> Option<TenantId> {
        self.tenant.parse().ok()
    }

    /// The same client, whose calls end after `allowed` from now.
    #[must_use]
    pub fn with_deadline(&self, allowed: Duration) -> Self {
        let at = self.clock().monotonic().saturating_add(allowed);
        let mut client = self.clone();
        client.bounds.deadline = Some(client.bounds.deadline.map_or(at, |deadline| deadline.min(at)));
        client
    }

    /// The same client, whose calls end together when the default deadline is up.
    pub(crate) fn bounded(&self) -> Self {
        let mut client = self.clone();
        client.bounds = self.bounds();
        client
    }

    pub(crate) fn observed(&self, observer: Observer) -> Self {
        let mut client = self.clone();
        client.bounds.observer = Some(observer);
        client
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.shared.means.clock
    }

    pub(crate) fn randomness(&self) -> &dyn Randomness {
        &*self.shared.means.randomness
    }

    pub(crate) fn means(&self) -> &Means {
        &self.shared.means
    }

    /// The bounds of a call that starts now.
    pub(crate) fn bounds(&self) -> Bounds {
        let mut bounds = self.bounds.clone();
        bounds.gate.get_or_insert_with(|| self.gate());
        if bounds.deadline.is_none() {
            bounds.deadline =
                self.shared.default_deadline.map(|allowed| self.clock().monotonic().saturating_add(allowed));
        }
        bounds
    }

    /// The gate of this tenant: Graph throttles an app in each tenant by itself.
    fn gate(&self) -> Arc<Gate> {
        let mut gates = self.shared.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if gates.len() >= MOST_GATES && !gates.contains_key(&*self.tenant) {
            gates.clear();
        }
        Arc::clone(gates.entry(self.tenant.to_string()).or_default())
    }

    /// One writer at a time of what has this name, inside one client.
    pub(crate) async fn writing(&self, name: &str) -> Result<tokio::sync::OwnedMutexGuard<()>, Error> {
        let place = {
            let mut places = self.shared.applying.lock().unwrap_or_else(PoisonError::into_inner);
            places.retain(|_, place| Arc::strong_count(place) > 1);
            Arc::clone(places.entry(name.to_owned()).or_default())
        };
        let place = place.lock_owned();
        let Some(left) = self.left() else { return Ok(place.await) };
        crate::exchange::timeout(place, self.clock().sleep(left)).await.ok_or_else(|| {
            Error::new(ErrorKind::Deadline, "deadline", "the time allowed was up while another run was writing")
                .with_remedy("Run it again with more time: nothing was changed by this run.")
        })
    }

    /// The time that is left, where there is a deadline.
    fn left(&self) -> Option<Duration> {
        self.bounds().deadline.map(|deadline| deadline.saturating_sub(self.clock().monotonic()))
    }

    /// Remembers that the application of this unique name was written a moment ago.
    pub(crate) fn wrote(&self, unique_name: &str, app_id: Option<AppId>) {
        let ids = Ids::of_key(unique_name, app_id.map(|id| id.to_string()));
        self.shared.recent.wrote(ids, self.clock().monotonic(), self.longest_lag());
    }

    /// What is kept in memory for all clones of this client.
    pub(crate) fn kept(&self) -> &Kept {
        &self.shared.kept
    }

    /// Whether the call mentions what this client wrote a moment ago.
    fn is_fresh(&self, spec: &Spec) -> bool {
        let window =
            if spec.method == http::Method::GET { READ_LAG } else { self.shared.means.policy.replication_window };
        self.shared.recent.any(&spec.mentions, self.clock().monotonic(), window)
    }

    /// How long what this client wrote can matter to any call.
    fn longest_lag(&self) -> Duration {
        READ_LAG.max(self.shared.means.policy.replication_window)
    }

    fn remember(&self, spec: &Spec, answer: &Answer) {
        if !answer.status.is_success() || spec.method == http::Method::GET {
            return;
        }
        // What was kept of these is no longer so.
        self.shared.kept.changed(&spec.mentions);
        if spec.method == http::Method::DELETE {
            self.shared.recent.deleted(&spec.mentions);
        } else {
            let ids = Ids::in_body(&answer.body);
            self.shared.recent.wrote(ids, self.clock().monotonic(), self.longest_lag());
        }
    }

    /// Sends a call by itself; the answer may be of any status.
    pub(crate) async fn execute(&self, spec: &Spec) -> Result<Answer, Error> {
        let span = tracing::debug_span!("graph", operation = spec.operation);
        let answer = self.send(spec, &self.bounds()).instrument(span).await?;
        self.remember(spec, &answer);
        Ok(answer)
    }

    async fn send(&self, spec: &Spec, bounds: &Bounds) -> Result<Answer, Error> {
        self.send_judged(spec, bounds, spec.repeat, |answer| replication::judge(spec, answer, self.is_fresh(spec)))
            .await
    }

    async fn send_judged(
        &self,
        spec: &Spec,
        bounds: &Bounds,
        repeat: Repeat,
        judge: impl Fn(&Answer) -> crate::exchange::Judgement + Send + Sync,
    ) -> Result<Answer, Error> {
        let url = spec.url(&self.shared.cloud)?;
        let mut claims = None;
        loop {
            let challenged = claims.is_some();
            // A provider that cannot meet the challenge fails, and whoever can is told what is wanted.
            let wanted = claims.clone().filter(|claims: &String| !claims.is_empty());
            let token = self.token_within(claims.take(), bounds).await.map_err(|error| match error.claims() {
                None => error.with_claims(wanted).during(spec.operation),
                Some(_) => error.during(spec.operation),
            })?;
            let build = || self.request(spec, url.as_str(), &token);
            let answer = self.shared.means.exchange(spec.operation, repeat, bounds, build, &judge).await?;
            let answer = answer.without(&token.secret);
            tracing::debug!(
                status = answer.status.as_u16(),
                attempts = answer.attempts,
                request_id = answer.header("request-id"),
                "answered"
            );
            if answer.status != StatusCode::UNAUTHORIZED || challenged {
                return Ok(answer);
            }
            self.shared.tokens.refuse(&self.token_request(None), &token).await;
            claims = Some(challenge::in_headers(&answer.headers).unwrap_or_default());
        }
    }

    fn request(&self, spec: &Spec, url: &str, token: &AccessToken) -> Result<http::Request<Bytes>, Error> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.secret.expose_secret())).map_err(|_| {
            Error::new(ErrorKind::SignIn, "token_malformed", "the token cannot stand in a header")
                .with_remedy("Check what gives the token: it holds a line break or another control character.")
        })?;
        bearer.set_sensitive(true);
        let mut request = http::Request::builder()
            .method(spec.method.clone())
            .uri(url)
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, self.shared.user_agent.clone())
            .header("client-request-id", random::uuid(self.randomness()).to_string());
        if spec.advanced {
            request = request.header("ConsistencyLevel", "eventual");
        }
        if spec.create_if_missing {
            request = request.header("Prefer", "create-if-missing");
        }
        if spec.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.body(spec.body.clone().unwrap_or_default()).map_err(|error| {
            Error::invalid("invalid_request", "the request cannot be written").with_source(error).during(spec.operation)
        })
    }

    fn token_request(&self, claims: Option<String>) -> TokenRequest {
        let request = TokenRequest::new(&*self.tenant, self.shared.cloud.graph_scope());
        match claims {
            Some(claims) if !claims.is_empty() => request.claims(claims),
            _ => request,
        }
    }

    /// What the token of this client says of itself.
    pub(crate) async fn token_claims(&self) -> Result<TokenClaims, Error> {
        Ok(TokenClaims::of(&self.token(None).await?))
    }

    /// What a new token for `scope` says of itself: what was granted a moment ago is not in an older one.
    pub(crate) async fn fresh_claims(&self, scope: String) -> Result<TokenClaims, Error> {
        let request = TokenRequest::new(&*self.tenant, scope);
        let token = self.shared.tokens.fresh(&request);
        self.signed_in(self.in_time(token, &self.bounds()).await?).map(|token| TokenClaims::of(&token))
    }

    async fn token(&self, claims: Option<String>) -> Result<AccessToken, Error> {
        self.token_within(claims, &self.bounds()).await
    }

    async fn token_within(&self, claims: Option<String>, bounds: &Bounds) -> Result<AccessToken, Error> {
        let request = self.token_request(claims);
        let token = self.shared.tokens.get(&request);
        self.signed_in(self.in_time(token, bounds).await?)
    }

    async fn in_time(
        &self,
        token: impl Future<Output = Result<AccessToken, Error>>,
        bounds: &Bounds,
    ) -> Result<AccessToken, Error> {
        let left = bounds.deadline.map(|deadline| deadline.saturating_sub(self.clock().monotonic()));
        match left {
            None => token.await,
            Some(left) => crate::exchange::timeout(token, self.clock().sleep(left)).await.unwrap_or_else(|| {
                Err(Error::new(ErrorKind::Deadline, "deadline", "the time allowed was up while signing in")
                    .with_remedy("Run it again with more time."))
            }),
        }
    }

    /// Whoever names a tenant means no other, whatever tenant the credential happens to be of.
    fn signed_in(&self, token: AccessToken) -> Result<AccessToken, Error> {
        match (self.given_tenant(), TokenClaims::of(&token).tenant()) {
            (Some(given), Some(own)) if given != own => Err(Error::new(
                ErrorKind::SignIn,
                "token_of_another_tenant",
                format!("the token is for the tenant {own}, and the client is for {given}"),
            )
            .with_remedy("Sign in to the tenant that is meant, or give the client the token's tenant.")),
            _ => Ok(token),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("cloud", &self.shared.cloud.name())
            .field("tenant", &self.tenant)
            .field("tokens", &self.shared.tokens)
            .field("transport", &self.shared.means.transport)
            .finish_non_exhaustive()
    }
}
