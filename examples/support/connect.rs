//! The connection: in memory, over HTTP to the emulator, or to a real tenant; and who is signed in.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::auth::{SignInService, public_client};
use entra_apps::clock::Clock;
use entra_apps::cloud::Cloud;
use entra_apps::ids::AppId;
use entra_apps::transport::Transport;
use entra_apps::{Client, ClientBuilder, ErrorKind};
use entra_emulator::{MemoryCloud, MemoryTenant, User};

use super::access::Access;
use super::failure::Failure;
use super::recorder::Recorder;
use super::ways::{Own, Way};
use super::who::{Tenant, Who, Witness};

/// The environment of this program.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What lies at the other end: a tenant in memory, the emulator, or a real tenant.
pub(crate) struct Connection<'a> {
    pub(super) access: &'a Access,
    /// The environment.
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
    cloud: Cloud,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    /// The app that a tenant of nobody's has of its own.
    pub(super) own: Option<Own>,
    witness: Witness,
    recorder: Recorder,
}

/// A client that is signed in.
pub(crate) struct SignedIn {
    pub(crate) client: Client,
    pub(crate) who: Who,
    pub(crate) tenant: Tenant,
    pub(crate) recorder: Recorder,
}

struct Place {
    cloud: Cloud,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    own: Option<Own>,
}

impl<'a> Connection<'a> {
    pub(crate) async fn new(access: &'a Access) -> Result<Self, Failure> {
        let variable: &dyn Fn(&str) -> Option<String> = if access.environment { &environment } else { &|_| None };
        Self::with_environment(access, variable).await
    }

    pub(crate) async fn with_environment(
        access: &'a Access,
        variable: &'a dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let place = match (access.is_in_memory(), access.customers) {
            (true, Some(customers)) => partner_in_memory(customers),
            (true, None) => in_memory(access, variable)?,
            (false, _) => over_http(access).await?,
        };
        let recorder = Recorder::new(place.transport);
        let witness = Witness::new(Arc::new(recorder.clone()));
        let transport = Arc::new(witness.clone());
        let Place { cloud, clock, own, .. } = place;
        Ok(Self { access, variable, cloud, transport, clock, own, witness, recorder })
    }

    /// Goes by another clock.
    #[allow(dead_code)] // for tests, in which nobody waits
    pub(crate) fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What requests are sent over: for the examples that play a browser.
    #[allow(dead_code)] // for one of them
    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.transport)
    }

    /// The start of a client, which lacks only the way to sign in.
    pub(crate) fn builder(&self) -> Result<ClientBuilder, Failure> {
        let mut builder = Client::builder()
            .cloud(self.cloud.clone())
            .tenant(self.tenant()?)
            .transport(Arc::clone(&self.transport))
            .clock(Arc::clone(&self.clock))
            .user_agent_suffix("entra-apps-example");
        if let Some(seconds) = self.access.deadline {
            builder = builder.deadline(Duration::from_secs(seconds));
        }
        Ok(builder)
    }

    pub(super) fn service(&self) -> SignInService {
        SignInService::new(self.cloud.clone(), Arc::clone(&self.transport), Arc::clone(&self.clock))
    }

    /// Signs in, and asks what the tenant is called.
    pub(crate) async fn sign_in(self, client: Client) -> Result<SignedIn, Failure> {
        // Nobody has to wait for the person that the tenant in memory plays.
        let skips_waiting = self.access.is_in_memory() && self.access.way == Way::DeviceCode;
        if skips_waiting {
            tokio::time::pause();
        }
        let allowed = self.access.deadline.map(Duration::from_secs);
        let organization = within(&*self.clock, allowed, async { client.organization().get().await }).await;
        if skips_waiting {
            tokio::time::resume();
        }
        let organization = match organization? {
            Ok(organization) => Some(organization),
            // Who may not read it may still do the rest.
            Err(error) if error.kind() == ErrorKind::Forbidden => None,
            Err(error) => return Err(error.into()),
        };
        let who = self.witness.seen().ok_or_else(|| Failure::new("no_token", "nobody signed in", ""))?;
        let named = organization.as_ref().and_then(|it| it.id).map(|id| id.to_string());
        let id = named.or_else(|| who.tenant().map(str::to_owned)).unwrap_or_default();
        let tenant = Tenant {
            domain: organization.as_ref().and_then(|it| it.default_domain()).map(str::to_owned),
            display_name: organization.and_then(|it| it.display_name),
            id,
        };
        // From here on it is the tenant of whoever signed in, and no other.
        let client = match tenant.id.parse() {
            Ok(id) => client.for_tenant(id),
            Err(_) => client,
        };
        Ok(SignedIn { client, who, tenant, recorder: self.recorder })
    }
}

/// What comes of it within the time allowed: whatever holds a sign-in up, a person, another program, a file.
async fn within<T>(
    clock: &dyn Clock,
    allowed: Option<Duration>,
    sign_in: impl Future<Output = T>,
) -> Result<T, Failure> {
    let Some(allowed) = allowed else { return Ok(sign_in.await) };
    tokio::select! {
        biased;
        () = clock.sleep(allowed) => {
            let message = format!("nobody signed in within {} seconds", allowed.as_secs());
            Err(Failure::new("deadline_exceeded", message, "Run it again with more time (--deadline SECONDS)."))
        }
        result = sign_in => Ok(result),
    }
}

/// A tenant of nobody's, that ends with the program.
fn in_memory(access: &Access, variable: &dyn Fn(&str) -> Option<String>) -> Result<Place, Failure> {
    let people = access.person.is_some()
        || matches!(access.way, Way::DeviceCode | Way::Browser | Way::RefreshToken | Way::Chain);
    let builder = MemoryTenant::builder();
    let tenant = if people { builder.small_company() } else { builder }.build();
    if people {
        tenant.auto_sign_in(Some(&person(&tenant, access.person.as_deref())?));
    }
    let given = access.certificate.clone().or_else(|| variable("ENTRA_CLIENT_CERTIFICATE"));
    if let (Way::Certificate, Some(file)) = (access.way, given) {
        // Where there is none, the way itself says so.
        if let Ok(pem) = std::fs::read_to_string(&file) {
            let failed = |error| Failure::new("certificate_file", format!("{file}: {error}"), PEM);
            tenant.trust_certificate(&pem).map_err(failed)?;
        }
    }
    let own = own(&tenant, None);
    Ok(Place { cloud: Cloud::global(), transport: Arc::new(tenant.clone()), clock: tenant.clock(), own: Some(own) })
}

fn own(tenant: &MemoryTenant, public_client: Option<AppId>) -> Own {
    let caller = tenant.caller();
    Own { tenant: tenant.id(), client_id: caller.client_id, client_secret: caller.client_secret, public_client }
}

/// A partner of nobody's and so many customers, whose admin agent signs in.
fn partner_in_memory(customers: usize) -> Place {
    let cloud = MemoryCloud::partner_in_use_with_customers(customers);
    let partner = &cloud.tenants()[0];
    partner.auto_sign_in(cloud.admin_agent().as_ref());
    let own = Some(own(partner, Some(public_client::MICROSOFT_GRAPH_COMMAND_LINE_TOOLS)));
    Place { cloud: Cloud::global(), clock: partner.clock(), own, transport: Arc::new(cloud) }
}

const PEM: &str = "Give a PEM file with BEGIN CERTIFICATE and BEGIN PRIVATE KEY.";

/// Whoever is named, or an administrator.
fn person(tenant: &MemoryTenant, name: Option<&str>) -> Result<User, Failure> {
    let name = name.unwrap_or("ada.lovelace@contoso.onmicrosoft.com");
    let is_meant = |user: &&User| {
        user.user_principal_name.eq_ignore_ascii_case(name) || user.display_name.eq_ignore_ascii_case(name)
    };
    let people = tenant.users();
    people.iter().find(is_meant).cloned().ok_or_else(|| {
        let known: Vec<_> = people.iter().map(|user| user.user_principal_name.as_str()).collect();
        Failure::new(
            "unknown_person",
            format!("there is no {name}"),
            format!("--as takes one of {}.", known.join(", ")),
        )
    })
}

#[cfg(feature = "reqwest")]
async fn over_http(access: &Access) -> Result<Place, Failure> {
    use entra_apps::clock::TokioClock;
    use entra_apps::transport::ReqwestTransport;

    let transport = Arc::new(ReqwestTransport::new()?);
    let clock = Arc::new(TokioClock::new());
    let Some(address) = &access.emulator else {
        return Ok(Place { cloud: Cloud::global(), transport, clock, own: None });
    };
    let (cloud, own) = emulated(&*transport, address).await?;
    let own = Some(own);
    Ok(Place { cloud, transport, clock, own })
}

/// The emulator at an address as a cloud, and what it says of itself.
#[cfg(feature = "reqwest")]
async fn emulated(transport: &dyn Transport, address: &str) -> Result<(Cloud, Own), Failure> {
    let url = entra_apps::url::Url::parse(address).map_err(|_| {
        let remedy = "Give the emulator's baseUrl, such as http://127.0.0.1:8400.";
        Failure::new("invalid_emulator", format!("{address:?} is no address"), remedy)
    })?;
    let cloud = Cloud::custom("emulator", &url, &url)?;
    Ok((cloud, hello(transport, &url).await?))
}

/// What the emulator says of itself.
#[cfg(feature = "reqwest")]
async fn hello(transport: &dyn Transport, url: &entra_apps::url::Url) -> Result<Own, Failure> {
    use entra_apps::bytes::Bytes;
    use entra_apps::http::Request;

    let nobody = |what: String| {
        let port = url.port().map(|port| format!(" -- --port {port}")).unwrap_or_default();
        let remedy = format!(
            "Start it: cargo run -p entra-emulator{port}. --emulator takes the baseUrl that it shows, of http."
        );
        Failure::new("no_emulator", format!("no emulator answers at {url}: {what}"), remedy)
    };
    let request = Request::get(url.as_str()).body(Bytes::new()).map_err(|error| nobody(error.to_string()))?;
    let answer = tokio::time::timeout(std::time::Duration::from_secs(30), transport.send(request)).await;
    let answer = answer.map_err(|_| nobody("it takes too long".to_owned()))?;
    let answer = answer.map_err(|error| {
        // The last cause says it: nobody listens, or it speaks no TLS.
        let first: &(dyn std::error::Error + 'static) = &error;
        let last = std::iter::successors(Some(first), |error| error.source()).last().unwrap_or(first);
        nobody(format!("{error}: {last}"))
    })?;
    let said: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let text = |name: &str| said[name].as_str().ok_or_else(|| nobody("something else does".to_owned()));
    Ok(Own {
        tenant: text("tenantId")?.parse()?,
        client_id: text("clientId")?.parse()?,
        client_secret: text("clientSecret")?.into(),
        public_client: said["publicClientId"].as_str().map(str::parse).transpose()?,
    })
}

#[cfg(not(feature = "reqwest"))]
#[allow(clippy::unused_async)] // the other form of it waits
async fn over_http(_: &Access) -> Result<Place, Failure> {
    Err(Failure::new(
        "no_reqwest",
        "this example was built without the feature reqwest",
        "Build it with default features.",
    ))
}
