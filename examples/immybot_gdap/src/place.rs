//! Where it runs: a partner in memory, or the emulator over HTTP. A program of yours has a client of its own instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use entra_apps::auth::{DeviceCodeProvider, MemoryRefreshTokenStore, RefreshTokenProvider, SignInService};
use entra_apps::bytes::Bytes;
use entra_apps::clock::{Clock, TokioClock};
use entra_apps::cloud::Cloud;
use entra_apps::http::{Method, Request, Response};
use entra_apps::ids::{AppId, TenantId};
use entra_apps::permission::microsoft_graph::delegated;
use entra_apps::secrecy::SecretString;
use entra_apps::time::OffsetDateTime;
use entra_apps::token::{TokenProvider as _, TokenRequest};
use entra_apps::transport::{ReqwestTransport, Transport, TransportError};
use entra_apps::{AppRegistration, Client, ClientBuilder, SignInAudience};
use entra_emulator::{MemoryCloud, MemoryTenant, TenantClock};
use serde_json::Value;

use super::{AnyError, immybot};

/// Counts the requests, and the writes to Graph and Partner Center, each item of a batch by itself.
#[derive(Clone, Debug)]
struct Counter {
    inner: Arc<dyn Transport>,
    requests: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
}

fn writes(request: &Request<Bytes>) -> usize {
    let is_read = |method: &str, path: &str| method == "GET" || path.ends_with("/getByIds");
    let path = request.uri().path();
    if path.ends_with("/$batch") {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let items = body["requests"].as_array().into_iter().flatten();
        return items.filter(|item| !is_read(&text(item, "method"), &text(item, "url"))).count();
    }
    usize::from(request.method() != Method::GET && !path.contains("/oauth2/") && !is_read("POST", path))
}

#[async_trait]
impl Transport for Counter {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.writes.fetch_add(writes(&request), Ordering::Relaxed);
        self.inner.send(request).await
    }
}

/// The partner's tenant, and who registers apps there.
pub(super) struct Place {
    cloud: Cloud,
    transport: Counter,
    clock: Arc<dyn Clock>,
    tenant: TenantId,
    caller: (AppId, SecretString),
    in_memory: Option<MemoryCloud>,
}

impl Place {
    pub(super) async fn new(emulator: Option<&str>, customers: usize) -> Result<Self, AnyError> {
        match emulator {
            Some(address) => Self::over_http(address).await,
            None => Ok(Self::in_memory(customers)),
        }
    }

    fn in_memory(customers: usize) -> Self {
        // Nobody has to wait for customers in memory.
        tokio::time::pause();
        let clock = Arc::new(TenantClock::starting_at(OffsetDateTime::now_utc()));
        let tenant = |name: &str| {
            let builder = MemoryTenant::builder().clock(Arc::clone(&clock) as _).display_name(name);
            builder.domain(format!("{}.onmicrosoft.com", name.replace(' ', "").to_lowercase()))
        };
        let customers = (1..=customers).map(|number| tenant(&format!("Customer {number}")));
        let memory = MemoryCloud::partner(tenant("Partner"), customers);
        let partner = &memory.tenants()[0];
        partner.auto_sign_in(memory.admin_agent().as_ref());
        let caller = partner.caller();
        Self {
            cloud: Cloud::global(),
            transport: Counter::new(Arc::new(memory.clone())),
            clock: partner.clock(),
            tenant: partner.id(),
            caller: (caller.client_id, caller.client_secret),
            in_memory: Some(memory),
        }
    }

    async fn over_http(address: &str) -> Result<Self, AnyError> {
        let url = entra_apps::url::Url::parse(address)?;
        let transport = ReqwestTransport::new()?;
        // The emulator says of itself who may do what.
        let hello = transport.send(Request::get(url.as_str()).body(Bytes::new())?).await?;
        let hello: Value = serde_json::from_slice(hello.body())?;
        let text = |name: &str| hello[name].as_str().ok_or("no emulator answers there");
        Ok(Self {
            cloud: Cloud::custom("emulator", &url, &url)?,
            transport: Counter::new(Arc::new(transport)),
            clock: Arc::new(TokioClock::new()),
            tenant: text("tenantId")?.parse()?,
            caller: (text("clientId")?.parse()?, text("clientSecret")?.to_owned().into()),
            in_memory: None,
        })
    }

    fn builder(&self) -> ClientBuilder {
        let builder = Client::builder().cloud(self.cloud.clone()).tenant(self.tenant);
        builder.transport(Arc::new(self.transport.clone())).clock(Arc::clone(&self.clock))
    }

    /// A client of the partner's tenant that may register apps.
    pub(super) fn admin(&self) -> Result<Client, AnyError> {
        let (client_id, secret) = self.caller.clone();
        Ok(self.builder().client_secret(client_id, secret).build()?)
    }

    /// Signs the person of the partner in to an app, by a device code.
    pub(super) async fn sign_in(&self, app_id: AppId) -> Result<Client, AnyError> {
        let transport: Arc<dyn Transport> = Arc::new(self.transport.clone());
        let service = SignInService::new(self.cloud.clone(), transport, Arc::clone(&self.clock));
        let store = Arc::new(MemoryRefreshTokenStore::default());
        let device = DeviceCodeProvider::new(service.clone(), app_id, |prompt| eprintln!("{}", prompt.message));
        let request = TokenRequest::new(self.tenant, self.cloud.graph_scope());
        device.store(Arc::clone(&store) as _).token(&request).await?;
        let provider = RefreshTokenProvider::new(service, app_id, self.tenant, store);
        Ok(self.builder().token_provider(Arc::new(provider)).build()?)
    }

    /// Requests and writes so far.
    pub(super) fn counts(&self) -> [usize; 2] {
        [&self.transport.requests, &self.transport.writes].map(|count| count.load(Ordering::Relaxed))
    }

    /// Lets time pass in memory, and brings customers into various states: one is blocked by its own policy, one's
    /// relationship has ended, two have consented by themselves, one has lost a part, and one has deleted the app.
    pub(super) async fn settle(&self, app_id: AppId) -> Result<(), AnyError> {
        let Some(memory) = &self.in_memory else { return Ok(()) };
        tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
        let Some((partner, customers)) = memory.tenants().split_first() else { return Ok(()) };
        for (number, customer) in (1..).zip(customers) {
            match number {
                4 => customer.block_service_providers(),
                7 => {
                    let relationship = partner.delegated_admin_relationships()[number - 1].id.clone();
                    customer.terminate_relationship(&relationship);
                }
                9 | 12 | 15 => {
                    let few = AppRegistration::new("immybot-custom", "ImmyBot Custom Application")
                        .audience(SignInAudience::MultipleOrganizations)
                        .permission(delegated::USER_READ);
                    let registration = if number == 12 { few } else { immybot() };
                    let client = memory.client(customer);
                    let plan = client.install(app_id, partner.id(), &registration).plan().await?;
                    client.apply(&plan).approve_all().await?;
                    if number == 15 {
                        delete(customer, app_id);
                    }
                }
                _ => {}
            }
        }
        tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
        Ok(())
    }
}

fn delete(customer: &MemoryTenant, app_id: AppId) {
    customer.send_json("DELETE", &format!("/servicePrincipals(appId='{app_id}')"), None);
}

impl Counter {
    fn new(inner: Arc<dyn Transport>) -> Self {
        Self { inner, requests: Arc::default(), writes: Arc::default() }
    }
}
