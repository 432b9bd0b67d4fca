//! The client: one way for a request to become a typed response.
//!
//! A call passes, in this order: the token (from the cache, or a sign-in), the limit of requests in flight, the tenant's
//! throttle gate, the transport, the lag rules, the retry policy; then it is decoded.

mod batch;
mod builder;
mod call;
pub(crate) mod decode;
mod key_proof;
pub(crate) mod lag_rule;
mod observation_cache;
pub(crate) mod recent_writes;
pub(crate) mod refusal;
mod replication;
pub(crate) mod request;
mod tenant_state;
mod token_cache;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, StatusCode};
use secrecy::ExposeSecret;
use tracing::Instrument;

pub use batch::{Batch, BatchHandle, BatchResponse};
pub use builder::ClientBuilder;
pub use call::Call;

use crate::auth::{TokenClaims, challenge};
use crate::client::call::Decode;
use crate::client::lag_rule::LagRule;
use crate::client::observation_cache::ObservationCache;
use crate::client::recent_writes::{Ids, ObjectKind};
use crate::client::request::Request;
use crate::client::tenant_state::{TenantState, TenantStates};
use crate::client::token_cache::TokenCache;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::error::{Error, ErrorCode, ServiceError};
use crate::ids::{AppId, Tenant, TenantId};
use crate::random::{self, Randomness};
use crate::retry::{
    CallOptions, Cost, Deadline, Outcome, Pacing, READ_LAG, Repeat, Response, SendContext, WaitObserver,
};
use crate::token::{AccessToken, TokenRequest};

/// A client of Microsoft Graph for one tenant. Cheap to clone; clones share connections, tokens and memory.
///
/// The operations of the [paved path](crate) are its methods, the typed endpoints are in [`api`](crate::api), and
/// [`request`](Self::request) sends any other.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::time::Duration;
///
/// let client = MemoryTenant::new().client(); // `Client::builder()` for a real tenant
/// let patient = client.with_deadline(Duration::from_secs(600));
/// assert_eq!(client.tenant_id().await?, patient.organization().get().await?.id.unwrap());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
///
/// # Spawning, and synchronous code
/// What the methods return is awaited. Where a future is wanted, as by `block_on` and `spawn`, an `async` block makes one;
/// a plan or an apply borrows its registration, which moves into the block:
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// use entra_apps::AppRegistration;
///
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// let client = MemoryTenant::new().client();
/// let organization = runtime.block_on(async { client.organization().get().await })?;
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup");
/// let spawned = runtime.spawn(async move { client.plan(&backup).await });
/// assert!(!runtime.block_on(spawned).unwrap()?.is_converged());
/// # let _ = organization;
/// # Ok::<(), entra_apps::Error>(())
/// ```
///
/// # Panics
/// A client can be built anywhere. With the default clock, whatever sends or waits panics outside of a tokio runtime with its timer on
/// ([`enable_time`](https://docs.rs/tokio/latest/tokio/runtime/struct.Builder.html#method.enable_time)), and with the
/// default transport without its I/O (`enable_io`); `#[tokio::main]` turns both on. With a [`Clock`] and a
/// [`Transport`](crate::transport::Transport) of another runtime, none of tokio's is needed. Nothing is spawned.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    tenant: Tenant,
    tenant_state: Arc<TenantState>,
    options: CallOptions,
    /// How long each operation may take from its own beginning.
    deadline: Option<Duration>,
}

/// What the clients for all tenants share.
struct Shared {
    context: SendContext,
    cloud: Cloud,
    tokens: TokenCache,
    tenants: TenantStates,
    /// The limits that runs of this client keep to, by their names.
    pacings: Mutex<HashMap<String, Weak<Pacing>>>,
    user_agent: HeaderValue,
}

/// What is sent with which token: the operation in the service's terms, the scope, and whether it may be repeated.
pub(crate) struct SendHow<'a> {
    pub(crate) operation: &'a Cow<'static, str>,
    pub(crate) scope: String,
    pub(crate) repeat: Repeat,
}

impl Client {
    /// Starts building a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    fn of(shared: Arc<Shared>, tenant: Tenant, options: CallOptions, deadline: Option<Duration>) -> Self {
        let context = &shared.context;
        let tenant_state = shared.tenants.get(&tenant.to_string().into(), context.clock.monotonic(), context.max_lag());
        let throttle_gate = Some(Arc::clone(&tenant_state.throttle_gate));
        Self { shared, tenant, tenant_state, options: CallOptions { throttle_gate, ..options }, deadline }
    }

    /// Makes a client for another tenant. Connections, tokens and limits are shared; what is remembered of writes is
    /// kept for each tenant by itself.
    #[must_use]
    pub fn for_tenant(&self, tenant: TenantId) -> Self {
        Self::of(Arc::clone(&self.shared), tenant.into(), self.options.clone(), self.deadline)
    }

    /// Makes a client each of whose operations may take `allowed` from its own beginning, waits included: a call, a
    /// batch, a list as a whole ([`List::all`](crate::api::List::all)) or a page of one, a plan, an apply, a check. It
    /// replaces the [deadline of the builder](ClientBuilder::deadline).
    ///
    /// What the time does not suffice for is an error of the kind [`Deadline`](crate::ErrorKind::Deadline) where a request
    /// or a wait is cut short, and otherwise the last error: that the service failed, say, when no time is left to ask it
    /// again.
    #[must_use]
    pub fn with_deadline(&self, allowed: Duration) -> Self {
        Self { deadline: Some(allowed), ..self.clone() }
    }

    /// Returns an access token for `scope`, such as `https://management.azure.com/.default` or
    /// `api://{client id}/.default`: for calling an API of your own, or another one of Microsoft's. It comes from the
    /// client's cache, and is renewed five minutes before it expires. `{client id}/.default` is taken for any app that is
    /// in the tenant, `api://…` only for one whose identifier URIs hold it.
    ///
    /// ```
    /// # use entra_emulator::MemoryTenant;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// use entra_apps::secrecy::ExposeSecret;
    ///
    /// let client = MemoryTenant::new().client();
    /// let token = client.access_token("https://management.azure.com/.default").await?;
    /// let authorization = format!("Bearer {}", token.secret.expose_secret());
    /// # let _ = authorization;
    /// # Ok::<(), entra_apps::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// When signing in fails, or the token is of another tenant than the client.
    pub async fn access_token(&self, scope: impl Into<String>) -> Result<AccessToken, Error> {
        let request = TokenRequest::new(self.tenant.clone(), scope);
        let options = self.options();
        self.sign_in(self.shared.tokens.get(&request, &options), &options).await
    }

    /// Starts a batch, whose items the service carries out in any order.
    pub fn batch(&self) -> Batch {
        Batch::new(self)
    }

    /// The tenant as it was given.
    pub(crate) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The cloud with which it works.
    pub fn cloud(&self) -> &Cloud {
        &self.shared.cloud
    }

    /// The id of the tenant: the one given, or the one that the token was issued by.
    ///
    /// # Errors
    /// When signing in fails, or the token does not say by which tenant it was issued.
    pub async fn tenant_id(&self) -> Result<TenantId, Error> {
        let token = self.token(&self.options()).await?;
        self.given_tenant()
            .or_else(|| TokenClaims::of(&token).tenant())
            .ok_or_else(|| Error::new(ErrorCode::TokenWithoutTenant))
    }

    fn given_tenant(&self) -> Option<TenantId> {
        self.tenant.id()
    }

    /// Makes a client for one operation of several requests: they have one deadline, which begins now.
    pub(crate) fn begin_operation(&self) -> Self {
        Self { options: self.options(), deadline: None, ..self.clone() }
    }

    /// Whether an operation that begins now may take as long as it likes.
    pub(crate) fn has_no_deadline(&self) -> bool {
        self.deadline.is_none() && self.options.deadline.is_never()
    }

    /// Makes a client that keeps to limits of its own accord, in every tenant that it is [for](Self::for_tenant).
    pub(crate) fn paced(&self, pacing: Arc<Pacing>) -> Self {
        let mut client = self.clone();
        client.options.pacing = Some(pacing);
        client
    }

    /// The limits of this name, which all clones share while anybody has them.
    pub(crate) fn pacing(&self, name: &str, make: impl FnOnce() -> Pacing) -> Arc<Pacing> {
        let mut pacings = self.shared.pacings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = pacings.get(name).and_then(Weak::upgrade) {
            return known;
        }
        let made = Arc::new(make());
        pacings.retain(|_, pacing| pacing.strong_count() > 0);
        pacings.insert(name.to_owned(), Arc::downgrade(&made));
        made
    }

    /// Forgets the token for Microsoft Graph in this tenant and what was observed there, and those tenants of which nothing
    /// is to be remembered: for whoever works through many.
    pub(crate) fn forget(self) {
        self.shared.tokens.forget(&self.token_request(&self.cloud().graph_scope(), None));
        self.tenant_state.shrink();
        self.published().remove_all(&self.name_in_tenant(""));
        let Self { shared, tenant, tenant_state, .. } = self;
        drop(tenant_state);
        let (now, window) = (shared.context.clock.monotonic(), shared.context.max_lag());
        shared.tenants.forget_if_idle(&tenant.to_string(), now, window);
        shared.tenants.forget_idle(now, window);
    }

    /// Makes a client that tells of its waits.
    pub(crate) fn observed(&self, observer: WaitObserver) -> Self {
        let mut client = self.clone();
        client.options.observer = Some(observer);
        client
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.shared.context.clock
    }

    /// How far this machine's clock was ahead of the service's at the last response; zero before the first.
    pub(crate) fn clock_skew(&self) -> time::Duration {
        time::Duration::seconds(self.tenant_state.clock_skew_seconds.load(Ordering::Relaxed))
    }

    pub(crate) fn randomness(&self) -> &dyn Randomness {
        &*self.shared.context.randomness
    }

    pub(crate) fn context(&self) -> &SendContext {
        &self.shared.context
    }

    /// The options of a call that starts now.
    pub(crate) fn options(&self) -> CallOptions {
        let mut options = self.options.clone();
        if let Some(allowed) = self.deadline {
            options.deadline = options.deadline.earlier(Deadline::after(self.clock(), allowed));
        }
        options
    }

    /// Waits to be the one writer of what has this name in this tenant, inside one client.
    pub(crate) async fn writer_lock(&self, name: &str) -> Result<tokio::sync::OwnedMutexGuard<()>, Error> {
        let lock = self.tenant_state.writer_lock(name).lock_owned();
        self.options().deadline.bound(self.clock(), lock).await.ok_or_else(|| {
            Error::new(ErrorCode::DeadlineExceeded)
                .with_message("the time allowed was up while another run was writing")
                .with_remedy("Run it again with more time: nothing was changed by this run.")
        })
    }

    /// Remembers that the application of this unique name was written a moment ago.
    pub(crate) fn wrote_application(&self, unique_name: &str, app_id: Option<AppId>) {
        let ids = Ids::of_app(Some(unique_name.to_owned()), app_id.map(|id| id.to_string()));
        self.wrote(ObjectKind::Application, ids);
    }

    /// Remembers that the service principal of this app was written a moment ago.
    pub(crate) fn wrote_service_principal(&self, app_id: AppId) {
        self.wrote(ObjectKind::ServicePrincipal, Ids::of_app(None, Some(app_id.to_string())));
    }

    fn wrote(&self, kind: ObjectKind, ids: Ids) {
        self.tenant_state.recent_writes.insert(kind, ids, self.clock().monotonic(), self.context().max_lag());
    }

    /// What was seen of the tenant, kept for all clients for it.
    pub(crate) fn observations(&self) -> &ObservationCache {
        &self.tenant_state.observations
    }

    /// The permissions that the tenants of this client were seen to publish, by their [names](Self::name_in_tenant).
    pub(crate) fn published(&self) -> &ObservationCache {
        self.shared.tenants.published()
    }

    /// A name for what is of this tenant alone.
    pub(crate) fn name_in_tenant(&self, name: impl fmt::Display) -> String {
        format!("{}/{name}", self.tenant)
    }

    /// Whether the request is about what this client wrote a moment ago.
    fn is_recent(&self, request: &Request) -> bool {
        let window = match request.method {
            Method::GET => READ_LAG,
            _ => self.context().policy.replication_window,
        };
        let objects = match (request.lag_rule, request.objects.as_slice()) {
            // That its app is new says nothing of a credential that nobody here has made.
            (LagRule::RemovePassword, [.., credential]) => std::slice::from_ref(credential),
            (_, objects) => objects,
        };
        self.tenant_state.recent_writes.contains_any(objects, self.clock().monotonic(), window)
    }

    fn remember(&self, request: &Request, response: &Response) {
        if !response.status.is_success() || request.method == Method::GET {
            return;
        }
        self.tenant_state.observations.invalidate(&request.objects);
        if request.method == Method::DELETE || request.lag_rule == LagRule::RemovePassword {
            // The last one is what goes; those before it are what it was a part of.
            if let Some(deleted) = request.objects.last() {
                self.tenant_state.recent_writes.remove(deleted);
            }
        } else if let Some(kind) = request.creates {
            self.wrote(kind, Ids::in_body(&response.body));
        }
    }

    /// The span of one operation.
    pub(crate) fn span(&self, operation: &str) -> tracing::Span {
        tracing::debug_span!("graph", operation, tenant = %self.tenant)
    }

    /// The span of a list that is read as a whole.
    pub(crate) fn list_span(&self, operation: &str) -> tracing::Span {
        tracing::debug_span!("list", operation, tenant = %self.tenant)
    }

    /// Sends a request by itself, and decodes its response.
    pub(crate) async fn execute<T: Send>(&self, request: &Request, decode: Decode<T>) -> Result<T, Error> {
        let span = self.span(&request.operation);
        let decoded_before = Mutex::new(None);
        let classify = |response: &Response| {
            // Data are decoded at once: that they can be shows that they are whole, without another pass over them.
            let value = response.is_data().then(|| decode(request, response).ok()).flatten();
            let outcome = replication::classify(request, response, self.is_recent(request));
            *decoded_before.lock().unwrap_or_else(PoisonError::into_inner) =
                value.filter(|_| outcome == Outcome::Final);
            outcome
        };
        let (response, _) = self.send(request, &self.options(), classify).instrument(span).await?;
        self.remember(request, &response);
        let decoded_before = decoded_before.into_inner().unwrap_or_else(PoisonError::into_inner);
        decoded_before.map_or_else(|| call::decoded(decode, request, &response), Ok)
    }

    /// Sends a request with a token; a token that is refused is replaced once. The token is returned beside the response,
    /// whose headers and whose error's body hold it no more.
    async fn send(
        &self,
        request: &Request,
        options: &CallOptions,
        classify: impl Fn(&Response) -> Outcome + Send + Sync,
    ) -> Result<(Response, AccessToken), Error> {
        let url = request.url(&self.shared.cloud)?;
        let build = |token: &AccessToken| self.http_request(request, url.as_str(), token);
        // Somebody in between knows nothing of the token, which may be good.
        let is_of_service =
            |response: &Response| replication::is_of_graph(response, &ServiceError::read(response.json()));
        let how = SendHow { operation: &request.operation, scope: self.cloud().graph_scope(), repeat: request.repeat };
        let cost = Cost::GraphWrites(request.writes);
        let options = &CallOptions { fresh_until: request.fresh_until, cost, ..options.clone() };
        self.send_with_token(how, options, build, classify, is_of_service).await
    }

    /// Sends to any service what `build` makes with a token for it; a token that the service itself refuses is replaced
    /// once.
    pub(crate) async fn send_with_token(
        &self,
        how: SendHow<'_>,
        options: &CallOptions,
        build: impl Fn(&AccessToken) -> Result<http::Request<Bytes>, Error> + Send + Sync,
        classify: impl Fn(&Response) -> Outcome + Send + Sync,
        is_of_service: impl Fn(&Response) -> bool + Send + Sync,
    ) -> Result<(Response, AccessToken), Error> {
        let SendHow { operation, scope, repeat } = how;
        let mut claims = None;
        loop {
            let challenged = claims.is_some();
            // A provider that cannot meet the challenge fails, and whoever can is told what is wanted.
            let wanted = claims.clone().filter(|claims: &String| !claims.is_empty());
            let request = self.token_request(&scope, claims.take());
            let token = self.sign_in(self.shared.tokens.get(&request, options), options).await;
            let token = token.map_err(|error| match error.claims() {
                None => error.with_claims(wanted).during(operation.clone()),
                Some(_) => error.during(operation.clone()),
            })?;
            let response = self.context().send(operation.clone(), repeat, options, || build(&token), &classify).await?;
            let response = response.redacted_beside_data(&token.secret);
            if let Some(skew) = response.clock_skew.filter(|_| response.status.is_success()) {
                self.tenant_state.clock_skew_seconds.store(skew.whole_seconds(), Ordering::Relaxed);
            }
            tracing::debug!(
                status = response.status.as_u16(),
                attempts = response.attempts,
                request_id = response.header("request-id"),
                "response"
            );
            let is_refused = response.status == StatusCode::UNAUTHORIZED && is_of_service(&response);
            if !is_refused || challenged {
                return Ok((response, token));
            }
            self.shared.tokens.refuse(&self.token_request(&scope, None), &token).await;
            claims = Some(challenge::in_headers(&response.headers).unwrap_or_default());
        }
    }

    fn http_request(&self, request: &Request, url: &str, token: &AccessToken) -> Result<http::Request<Bytes>, Error> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.secret.expose_secret()))
            .map_err(|_| Error::new(ErrorCode::MalformedToken))?;
        bearer.set_sensitive(true);
        let mut http_request = http::Request::builder()
            .method(request.method.clone())
            .uri(url)
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, self.shared.user_agent.clone())
            .header("client-request-id", random::uuid(self.randomness()).to_string());
        if request.advanced {
            http_request = http_request.header("ConsistencyLevel", "eventual");
        }
        if request.create_if_missing {
            http_request = http_request.header("Prefer", "create-if-missing");
        }
        if request.body.is_some() && !request.headers.contains_key(CONTENT_TYPE) {
            http_request = http_request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(headers) = http_request.headers_mut() {
            headers.extend(request.headers.clone());
        }
        http_request
            .body(request.body.clone().unwrap_or_default())
            .map_err(|error| Error::new(ErrorCode::InvalidRequest).with_source(error).during(request.operation.clone()))
    }

    fn token_request(&self, scope: &str, claims: Option<String>) -> TokenRequest {
        let request = TokenRequest::new(&self.tenant, scope);
        match claims {
            Some(claims) if !claims.is_empty() => request.claims(claims),
            _ => request,
        }
    }

    /// The claims of this client's token.
    pub(crate) async fn token_claims(&self) -> Result<TokenClaims, Error> {
        Ok(TokenClaims::of(&self.token(&self.options()).await?))
    }

    /// The claims of a new token, which this client uses from then on: what an older one says may not hold any more.
    pub(crate) async fn renewed_claims(&self) -> Result<TokenClaims, Error> {
        let (request, options) = (self.token_request(&self.cloud().graph_scope(), None), self.options());
        let token = self.sign_in(self.shared.tokens.renew(&request, &options), &options).await?;
        Ok(TokenClaims::of(&token))
    }

    /// The claims of a new token for `scope`: what was granted a moment ago is not in an older one.
    pub(crate) async fn fresh_claims(&self, scope: String) -> Result<TokenClaims, Error> {
        let request = TokenRequest::new(&self.tenant, scope);
        let options = self.options();
        let token = self.sign_in(self.shared.tokens.fresh(&request, &options), &options).await?;
        Ok(TokenClaims::of(&token))
    }

    async fn token(&self, options: &CallOptions) -> Result<AccessToken, Error> {
        let request = self.token_request(&self.cloud().graph_scope(), None);
        self.sign_in(self.shared.tokens.get(&request, options), options).await
    }

    /// Waits for a token within the deadline. Whoever names a tenant means no other, whatever tenant the credential
    /// happens to be of.
    async fn sign_in(
        &self,
        token: impl Future<Output = Result<AccessToken, Error>>,
        options: &CallOptions,
    ) -> Result<AccessToken, Error> {
        let token = options.deadline.bound(self.clock(), token).await.unwrap_or_else(|| {
            Err(Error::new(ErrorCode::DeadlineExceeded)
                .with_message("the time allowed was up while signing in")
                .with_remedy("Run it again with more time."))
        })?;
        match (self.given_tenant(), TokenClaims::of(&token).tenant()) {
            (Some(given), Some(own)) if given != own => Err(Error::new(ErrorCode::TokenOfAnotherTenant)
                .with_message(format!("the token is for the tenant {own}, and the client is for {given}"))),
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
            .field("transport", &self.shared.context.transport)
            .finish_non_exhaustive()
    }
}
