//! Where the ways to sign in are tried: a cloud of tenants in this process, and the same behind the emulator's server.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Duration;

use entra_apps::auth::SignInService;
use entra_apps::bytes::Bytes;
use entra_apps::clock::{Clock, Sleep};
use entra_apps::cloud::Cloud;
use entra_apps::http::{Request, Response, StatusCode};
use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::time::OffsetDateTime;
use entra_apps::token::{TokenProvider, TokenRequest};
use entra_apps::transport::{Transport, TransportError};
use entra_apps::url::{Url, form_urlencoded};
use entra_apps::{Client, ClientBuilder};
use entra_emulator::server::Server;
use entra_emulator::{MemoryCloud, MemoryTenant, MemoryTenantBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::TODAY;

pub(crate) const GRAPH: &str = "https://graph.microsoft.com/.default";

/// How a program reaches the tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// In this process.
    Process,
    /// Over HTTP, by the few lines of [`Plain`].
    Http,
    /// Over HTTP, by the crate's own transport.
    #[cfg(feature = "reqwest")]
    Reqwest,
}

impl Over {
    pub(crate) const ALL: &[Self] = &[
        Self::Process,
        Self::Http,
        #[cfg(feature = "reqwest")]
        Self::Reqwest,
    ];
}

/// Time that stands still while somebody is at work, such as a request on its way. When nobody is, whoever sleeps moves
/// it on: no test waits, and no real socket is given up on too early.
#[derive(Clone, Default)]
pub(crate) struct IdleClock(Arc<Mutex<Hands>>);

#[derive(Default)]
struct Hands {
    passed: Duration,
    at_work: usize,
    asleep: Vec<Waker>,
}

impl std::fmt::Debug for IdleClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdleClock")
    }
}

impl IdleClock {
    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.hands().passed += by;
    }

    /// Somebody is at work, until this is dropped.
    pub(crate) fn at_work(&self) -> AtWork {
        self.hands().at_work += 1;
        AtWork(self.clone())
    }
}

impl Clock for IdleClock {
    fn now(&self) -> OffsetDateTime {
        TODAY + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        self.hands().passed
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let (clock, end) = (self.clone(), self.monotonic() + duration);
        Box::pin(poll_fn(move |context| {
            let mut hands = clock.hands();
            if hands.passed < end && hands.at_work > 0 {
                hands.asleep.push(context.waker().clone());
                return Poll::Pending;
            }
            hands.passed = hands.passed.max(end);
            hands.asleep.drain(..).for_each(Waker::wake);
            Poll::Ready(())
        }))
    }
}

pub(crate) struct AtWork(IdleClock);

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut hands = self.0.hands();
        hands.at_work -= 1;
        if hands.at_work == 0 {
            hands.asleep.drain(..).for_each(Waker::wake);
        }
    }
}

/// A client of HTTP in a few lines: one connection for each request.
#[derive(Debug)]
pub(crate) struct Plain;

#[entra_apps::async_trait]
impl Transport for Plain {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let host = request.uri().authority().unwrap().as_str();
        // What the browser takes for this machine.
        let address = host.replace("localhost", "127.0.0.1");
        let mut stream = TcpStream::connect(&address).await.map_err(TransportError::not_sent)?;
        let path = request.uri().path_and_query().unwrap();
        let mut head = format!("{} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n", request.method());
        for (name, value) in request.headers() {
            head.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
        }
        head.extend(["content-length: ", &request.body().len().to_string(), "\r\n\r\n"]);
        let mut received = Vec::new();
        let exchange = async {
            stream.write_all(&[head.as_bytes(), request.body()].concat()).await?;
            stream.read_to_end(&mut received).await
        };
        exchange.await.map_err(TransportError::maybe_sent)?;
        let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a response has a head");
        let head = String::from_utf8(received[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status: StatusCode = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut response = Response::builder().status(status);
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            response = response.header(name, value);
        }
        Ok(response.body(Bytes::copy_from_slice(&received[end + 4..])).unwrap())
    }
}

/// A request that was sent, and the ids that support asks for.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) path: String,
    pub(crate) at: Duration,
    pub(crate) correlation: Option<String>,
    pub(crate) request_id: Option<String>,
}

type Hook = Box<dyn FnMut(&Sent, usize) + Send>;

/// Marks that somebody is at work, and writes down what was sent.
struct Watched {
    inner: Arc<dyn Transport>,
    clock: IdleClock,
    sent: Mutex<Vec<Sent>>,
    hook: Mutex<Option<Hook>>,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watched")
    }
}

#[entra_apps::async_trait]
impl Transport for Watched {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let _at_work = self.clock.at_work();
        let header = |value: Option<&entra_apps::http::HeaderValue>| Some(value?.to_str().unwrap().to_owned());
        let mut sent = Sent {
            path: request.uri().path().to_owned(),
            at: self.clock.monotonic(),
            correlation: header(request.headers().get("client-request-id")),
            request_id: None,
        };
        let response = self.inner.send(request).await;
        sent.request_id = response.as_ref().ok().and_then(|response| header(response.headers().get("x-ms-request-id")));
        let number = {
            let mut all = self.sent.lock().unwrap();
            all.push(sent.clone());
            all.iter().filter(|other| other.path == sent.path).count()
        };
        if let Some(hook) = self.hook.lock().unwrap().as_mut() {
            hook(&sent, number);
        }
        response
    }
}

/// What a program runs on stands before the tenants: it gives out tokens of its own.
#[derive(Clone, Debug)]
pub(crate) struct Platform {
    cloud: MemoryCloud,
}

/// The secrets with which the platform is asked.
pub(crate) const IDENTITY_HEADER: &str = "header-of-this-process";
pub(crate) const JOB_TOKEN: &str = "token-of-this-job";

#[entra_apps::async_trait]
impl Transport for Platform {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let has = |name: &str, value: &str| request.headers().get(name).is_some_and(|held| held == value);
        let body = match request.uri().path() {
            "/msi/token" if has("x-identity-header", IDENTITY_HEADER) => {
                let tenant = &self.cloud.tenants()[0];
                let token = crate::support::token(tenant, &["Organization.Read.All"]).await;
                let end = tenant.clock().now() + Duration::from_secs(3600);
                json!({"access_token": token, "expires_on": end.unix_timestamp().to_string()})
            }
            "/job/token" if has("authorization", &format!("Bearer {JOB_TOKEN}")) => {
                let asked: Vec<_> = form_urlencoded::parse(request.uri().query().unwrap().as_bytes()).collect();
                let audience = asked.iter().find(|(name, _)| name == "audience").map(|(_, value)| value).unwrap();
                let end = self.cloud.tenants()[0].clock().now() + Duration::from_secs(300);
                json!({"value": word(ISSUER, SUBJECT, audience, end)})
            }
            _ => return self.cloud.send(request).await,
        };
        Ok(Response::new(Bytes::from(body.to_string())))
    }
}

pub(crate) const ISSUER: &str = "https://token.actions.githubusercontent.com";
pub(crate) const SUBJECT: &str = "repo:contoso/app:ref:refs/heads/main";
pub(crate) const AUDIENCE: &str = "api://AzureADTokenExchange";

/// A token of another issuer. Its signature is for that issuer's keys, which nobody here has.
pub(crate) fn word(issuer: &str, subject: &str, audience: &str, end: OffsetDateTime) -> String {
    let claims = json!({"iss": issuer, "sub": subject, "aud": audience, "exp": end.unix_timestamp()});
    jwt(&json!({"alg": "RS256", "kid": "theirs"}), &claims)
}

pub(crate) fn jwt(header: &Value, claims: &Value) -> String {
    use base64::Engine as _;

    let part = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    [part(header.to_string().as_bytes()), part(claims.to_string().as_bytes()), part(b"signature")].join(".")
}

/// Tenants, and the way there.
pub(crate) struct Scene {
    pub(crate) over: Over,
    pub(crate) cloud: MemoryCloud,
    pub(crate) clock: IdleClock,
    pub(crate) endpoints: Cloud,
    transport: Arc<Watched>,
    server: Option<Server>,
}

impl Scene {
    /// One tenant.
    pub(crate) async fn one(over: Over) -> Self {
        Self::of(over, |builder| MemoryCloud::new([builder()])).await
    }

    /// Whatever cloud can be made of such builders.
    pub(crate) async fn of(over: Over, make: impl FnOnce(&dyn Fn() -> MemoryTenantBuilder) -> MemoryCloud) -> Self {
        let clock = IdleClock::default();
        let builder =
            || MemoryTenant::builder().deny_foreign_requests().clock(Arc::new(clock.clone())).tick(Duration::ZERO);
        let cloud = make(&builder);
        let platform = Platform { cloud: cloud.clone() };
        let (inner, endpoints, server): (Arc<dyn Transport>, _, _) = match over.client() {
            None => (Arc::new(platform), Cloud::global(), None),
            Some(client) => {
                let server = Server::start(platform).await.unwrap();
                let origin: Url = format!("http://{}", server.address()).parse().unwrap();
                let endpoints = Cloud::custom("emulator", &origin, &origin).unwrap();
                (client, endpoints, Some(server))
            }
        };
        let sent = Mutex::default();
        let transport = Arc::new(Watched { inner, clock: clock.clone(), sent, hook: Mutex::default() });
        Self { over, cloud, clock, endpoints, transport, server }
    }

    /// The first tenant.
    pub(crate) fn tenant(&self) -> &MemoryTenant {
        &self.cloud.tenants()[0]
    }

    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        self.transport.clone()
    }

    pub(crate) fn service(&self) -> SignInService {
        SignInService::new(self.endpoints.clone(), self.transport(), Arc::new(self.clock.clone()))
    }

    /// A client of a tenant, without a way to sign in.
    pub(crate) fn builder(&self, tenant: &MemoryTenant) -> ClientBuilder {
        let builder = Client::builder().cloud(self.endpoints.clone()).tenant(tenant.id());
        builder.transport(self.transport()).clock(Arc::new(self.clock.clone()))
    }

    /// That a client built so reaches the tenant.
    pub(crate) async fn reaches(&self, tenant: &MemoryTenant, builder: ClientBuilder) {
        let organization = builder.build().unwrap().organization().get().await;
        assert_eq!(organization.unwrap_or_else(|error| panic!("{:?}: {error}", self.over)).id, Some(tenant.id()));
    }

    /// That a way to sign in reaches a tenant.
    pub(crate) async fn signs_in(&self, tenant: &MemoryTenant, provider: &Arc<impl TokenProvider>) {
        self.reaches(tenant, self.builder(tenant).token_provider(provider.clone())).await;
    }

    /// Where the platform answers at `path`.
    pub(crate) fn platform(&self, path: &str) -> Url {
        let origin: Url = match &self.server {
            None => "http://127.0.0.1".parse().unwrap(),
            Some(_) => self.endpoints.authority().clone(),
        };
        origin.join(path).unwrap()
    }

    /// What has been sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.transport.sent.lock().unwrap().clone()
    }

    /// Calls `hook` after each response, with how many there were for its path.
    pub(crate) fn on_response(&self, hook: impl FnMut(&Sent, usize) + Send + 'static) {
        *self.transport.hook.lock().unwrap() = Some(Box::new(hook));
    }

    /// Does something by hand, at once.
    pub(crate) fn by_hand(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, response) = self.tenant().send_json(method, path, Some(&body.to_string()));
        assert!(status.is_success(), "{method} {path}: {response}");
        if response.is_empty() { Value::Null } else { serde_json::from_str(&response).unwrap() }
    }

    /// A browser: opens a page, and follows what it is sent on to. In the end it gives what it shows.
    #[cfg(feature = "browser")]
    pub(crate) fn browser(
        &self,
    ) -> impl Fn(&Url) -> std::pin::Pin<Box<dyn Future<Output = String> + Send>> + Send + Sync + use<> {
        let (transport, clock) = (self.transport(), self.clock.clone());
        move |page| {
            let (transport, page, at_work) = (transport.clone(), page.to_string(), clock.at_work());
            Box::pin(async move {
                let _at_work = at_work;
                let get = |address: &str| Request::get(address).body(Bytes::new()).unwrap();
                let mut response = transport.send(get(&page)).await.unwrap();
                while let Some(on) = response.headers().get("location") {
                    let on: Url = on.to_str().unwrap().parse().unwrap();
                    assert_eq!(on.host_str(), Some("localhost"));
                    response = Plain.send(get(&on[..entra_apps::url::Position::AfterQuery])).await.unwrap();
                }
                String::from_utf8(response.body().to_vec()).unwrap()
            })
        }
    }
}

impl Over {
    /// What sends over HTTP.
    fn client(self) -> Option<Arc<dyn Transport>> {
        match self {
            Self::Process => None,
            Self::Http => Some(Arc::new(Plain)),
            #[cfg(feature = "reqwest")]
            Self::Reqwest => {
                use entra_apps::transport::ReqwestTransport;

                // To set TLS up takes its time. No connection is kept: it would outlive its test.
                static ONE: std::sync::OnceLock<ReqwestTransport> = std::sync::OnceLock::new();
                let one = ONE.get_or_init(|| {
                    let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
                    ReqwestTransport::from_builder(builder).unwrap()
                });
                Some(Arc::new(one.clone()))
            }
        }
    }
}

/// An app of the first tenant, without a service principal.
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) app_id: entra_apps::ids::AppId,
}

impl App {
    pub(crate) fn register(scene: &Scene, body: &Value) -> Self {
        let app = scene.by_hand("POST", "/applications", body);
        let text = |name: &str| app[name].as_str().unwrap().to_owned();
        Self { id: text("id"), app_id: text("appId").parse().unwrap() }
    }

    /// A public client for people of the tenant.
    pub(crate) fn public(scene: &Scene) -> Self {
        let body = json!({
            "displayName": "Contoso Setup", "isFallbackPublicClient": true, "signInAudience": "AzureADMyOrg",
            "publicClient": {"redirectUris": ["http://localhost"]},
        });
        Self::register(scene, &body)
    }

    /// Makes its service principal, with these members.
    pub(crate) fn install(&self, scene: &Scene, members: Value) -> String {
        let mut body = json!({"appId": self.app_id});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        scene.by_hand("POST", "/servicePrincipals", &body)["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn add_secret(&self, scene: &Scene, credential: &Value) -> String {
        let path = format!("/applications/{}/addPassword", self.id);
        let secret = scene.by_hand("POST", &path, &json!({"passwordCredential": credential}));
        secret["secretText"].as_str().unwrap().to_owned()
    }

    /// Lets it trust the issuer for the subject.
    pub(crate) fn trust(&self, scene: &Scene) {
        let path = format!("/applications/{}/federatedIdentityCredentials", self.id);
        let trust = json!({"name": "main", "issuer": ISSUER, "subject": SUBJECT, "audiences": [AUDIENCE]});
        scene.by_hand("POST", &path, &trust);
    }
}

/// What a program asks for that works with Graph in a tenant.
pub(crate) fn request(tenant: &MemoryTenant) -> TokenRequest {
    TokenRequest::new(tenant.id(), GRAPH)
}

pub(crate) fn text(secret: &entra_apps::secrecy::SecretString) -> String {
    secret.expose_secret().to_owned()
}
