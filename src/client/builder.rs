//! Building a client.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::HeaderValue;
use secrecy::SecretString;

#[cfg(feature = "azure-cli")]
use crate::auth::AzureCliProvider;
#[cfg(feature = "browser")]
use crate::auth::BrowserProvider;
#[cfg(feature = "certificate")]
use crate::auth::ClientCertificate;
use crate::auth::{
    ClientAssertion, ClientAuthentication, ClientCredentialsProvider, DeviceCodePrompt, DeviceCodeProvider,
    ManagedIdentityProvider, SignInService,
};
use crate::client::tenant_state::TenantStates;
use crate::client::token_cache::TokenCache;
use crate::client::{Client, Shared};
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, Tenant};
use crate::random::{Randomness, SystemRandomness};
use crate::retry::{CallOptions, DEFAULT_CONCURRENT_REQUESTS, RetryPolicy, SendContext};
use crate::token::TokenProvider;
use crate::transport::Transport;

/// Builds a [`Client`]: a tenant and a way to sign in are required, everything else has a default.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use entra_apps::Client;
/// use entra_emulator::MemoryTenant;
///
/// let tenant = MemoryTenant::new();
/// let caller = tenant.caller();
/// let client = Client::builder()
///     .tenant(tenant.id())
///     .client_secret(caller.client_id, caller.client_secret)
///     .transport(Arc::new(tenant.clone())) // reqwest by default
///     .user_agent_suffix("contoso-onboarding/2.1")
///     .deadline(Duration::from_secs(120))
///     .build();
/// assert!(client.is_ok());
/// # }
/// ```
#[must_use]
pub struct ClientBuilder {
    cloud: Cloud,
    tenant: Option<Result<Tenant, Error>>,
    credential: Option<Credential>,
    transport: Option<Arc<dyn Transport>>,
    clock: Option<Arc<dyn Clock>>,
    randomness: Arc<dyn Randomness>,
    policy: RetryPolicy,
    user_agent: Option<String>,
    deadline: Option<Duration>,
    concurrent_requests: usize,
}

enum Credential {
    Provider(Arc<dyn TokenProvider>),
    /// A provider that is made when it is known what the client works with.
    Made(Make),
}

type Make = Box<dyn FnOnce(SignInService, Arc<dyn Clock>) -> Result<Arc<dyn TokenProvider>, Error> + Send + Sync>;

impl ClientBuilder {
    pub(super) fn new() -> Self {
        Self {
            cloud: Cloud::global(),
            tenant: None,
            credential: None,
            transport: None,
            clock: None,
            randomness: Arc::new(SystemRandomness),
            policy: RetryPolicy::default(),
            user_agent: None,
            deadline: None,
            concurrent_requests: DEFAULT_CONCURRENT_REQUESTS,
        }
    }

    /// The tenant: its id or a domain of it, as a value or as a text, which [`build`](Self::build) refuses where it is
    /// neither (see [`Tenant`]). Where a person signs in, also `organizations`.
    pub fn tenant(mut self, tenant: impl TryInto<Tenant, Error: Into<Error>>) -> Self {
        self.tenant = Some(tenant.try_into().map_err(Into::into));
        self
    }

    /// The cloud. The worldwide one by default.
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = cloud;
        self
    }

    /// Signs in as an app with its client secret's *Value*. Of several ways to sign in, the last one given counts; for
    /// several in turn there is [`ChainProvider`](crate::auth::ChainProvider).
    pub fn client_secret(self, client_id: AppId, secret: SecretString) -> Self {
        self.client_credentials(client_id, ClientAuthentication::secret(secret))
    }

    /// Signs in as an app with its certificate.
    #[cfg(feature = "certificate")]
    pub fn client_certificate(self, client_id: AppId, certificate: ClientCertificate) -> Self {
        self.client_credentials(client_id, ClientAuthentication::certificate(certificate))
    }

    /// Signs in as an app that trusts another issuer, with assertions from `source`.
    pub fn client_assertion(self, client_id: AppId, source: Arc<dyn ClientAssertion>) -> Self {
        self.client_credentials(client_id, ClientAuthentication::assertion(source))
    }

    fn client_credentials(self, client_id: AppId, authentication: ClientAuthentication) -> Self {
        self.made(move |service| Ok(ClientCredentialsProvider::new(service, client_id, authentication)))
    }

    /// Signs in as the workload identity that the environment describes; [`build`](Self::build) reads it: see
    /// [`ClientCredentialsProvider::workload_identity_from_environment`].
    pub fn workload_identity(self) -> Self {
        self.made(ClientCredentialsProvider::workload_identity_from_environment)
    }

    /// Signs in with the managed identity of what the program runs in; [`build`](Self::build) reads the environment: see
    /// [`ManagedIdentityProvider::from_environment`].
    pub fn managed_identity(self) -> Self {
        self.made(ManagedIdentityProvider::from_environment)
    }

    /// Lets a person sign in with a code, to the public client `client_id`; `show` puts the code before the person. The
    /// refresh token is kept as long as the client is.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
    /// use entra_apps::Client;
    /// use entra_apps::auth::public_client;
    /// # use std::sync::Arc;
    /// # let memory = entra_emulator::MemoryTenant::new();
    /// # memory.auto_sign_in(Some(&memory.add_user("Ada Lovelace", &[])));
    /// # let tenant = memory.id();
    ///
    /// let client = Client::builder()
    ///     .tenant(tenant)
    ///     .device_code(public_client::AZURE_CLI, |prompt| println!("{}", prompt.message))
    /// #   .transport(Arc::new(memory.clone())).clock(memory.clock())
    ///     .build()?;
    /// println!("{:?}", client.organization().get().await?.display_name);
    /// # Ok(()) }
    /// ```
    pub fn device_code(self, client_id: AppId, show: impl Fn(&DeviceCodePrompt) + Send + Sync + 'static) -> Self {
        self.made(move |service| Ok(DeviceCodeProvider::new(service, client_id, show)))
    }

    /// Lets a person sign in in the browser of this machine, to the public client `client_id`; `open` opens the address
    /// there. The refresh token is kept as long as the client is.
    #[cfg(feature = "browser")]
    pub fn browser(self, client_id: AppId, open: impl Fn(&url::Url) + Send + Sync + 'static) -> Self {
        self.made(move |service| {
            crate::crypto::provider()?; // which the sign-in needs, and whose absence is told here
            Ok(BrowserProvider::new(service, client_id, open))
        })
    }

    /// Signs in as whoever is signed in to the Azure CLI on this machine.
    #[cfg(feature = "azure-cli")]
    pub fn azure_cli(mut self) -> Self {
        self.credential = Some(Credential::Made(Box::new(|_, clock| Ok(Arc::new(AzureCliProvider::new(clock))))));
        self
    }

    fn made<P: TokenProvider>(
        mut self,
        make: impl FnOnce(SignInService) -> Result<P, Error> + Send + Sync + 'static,
    ) -> Self {
        self.credential = Some(Credential::Made(Box::new(|service, _| Ok(Arc::new(make(service)?)))));
        self
    }

    /// Signs in by a provider of one's own, or by one of [`auth`](crate::auth) with more to say than the ways above.
    pub fn token_provider(mut self, provider: Arc<dyn TokenProvider>) -> Self {
        self.credential = Some(Credential::Provider(provider));
        self
    }

    /// Sends by `transport`. Reqwest by default, where the feature is on.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Takes the time from `clock`. Tokio's by default, where the feature is on.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Takes jitter, ids and marks from `randomness`. The operating system's by default.
    pub fn randomness(mut self, randomness: Arc<dyn Randomness>) -> Self {
        self.randomness = randomness;
        self
    }

    /// Tries again as `policy` says.
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Names the product in the user agent, such as `contoso-onboarding/2.1`.
    pub fn user_agent_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.user_agent = Some(suffix.into());
        self
    }

    /// Sets how long each operation may take from its own beginning, waits included: see
    /// [`Client::with_deadline`]. Without bound by default.
    pub fn deadline(mut self, allowed: Duration) -> Self {
        self.deadline = Some(allowed);
        self
    }

    /// Sets the number of requests to Graph at once, of this client and all that share its connections; a further one
    /// waits for its turn. 16 by default; [`build`](Self::build) refuses zero.
    pub fn concurrent_requests(mut self, number: usize) -> Self {
        self.concurrent_requests = number;
        self
    }

    /// Builds the client. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when a part is missing that has no default, the tenant is none, a
    /// limit is zero ([`InvalidLimit`](crate::ErrorCode::InvalidLimit)), or the environment lacks what a way to sign in reads
    /// from it.
    pub fn build(self) -> Result<Client, Error> {
        let tenant = self.tenant.ok_or_else(|| Error::new(ErrorCode::MissingTenant))??;
        self.policy.check()?;
        if self.concurrent_requests == 0 {
            return Err(Error::new(ErrorCode::InvalidLimit).with_message("no request may be sent at any time"));
        }
        let transport = self.transport.map_or_else(default_transport, Ok)?;
        let clock = self.clock.map_or_else(default_clock, Ok)?;
        let provider: Arc<dyn TokenProvider> = match self.credential {
            Some(Credential::Provider(provider)) => provider,
            Some(Credential::Made(make)) => {
                let service = SignInService::new(self.cloud.clone(), Arc::clone(&transport), Arc::clone(&clock))
                    .retry_policy(self.policy.clone())
                    .randomness(Arc::clone(&self.randomness));
                make(service, Arc::clone(&clock))?
            }
            None => {
                return Err(Error::new(ErrorCode::MissingCredential));
            }
        };
        let own = concat!("entra-apps/", env!("CARGO_PKG_VERSION"));
        let user_agent = self.user_agent.map_or_else(|| own.to_owned(), |suffix| format!("{own} {suffix}"));
        let user_agent = HeaderValue::from_str(&user_agent).map_err(|_| Error::new(ErrorCode::InvalidUserAgent))?;
        let shared = Shared {
            tokens: TokenCache::new(provider, Arc::clone(&clock)),
            context: SendContext::new(transport, clock, self.randomness, self.policy)
                .concurrent_requests(self.concurrent_requests),
            cloud: self.cloud,
            tenants: TenantStates::default(),
            pacings: Mutex::default(),
            user_agent,
        };
        Ok(Client::of(Arc::new(shared), tenant, CallOptions::default(), self.deadline))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("cloud", &self.cloud.name())
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "reqwest")]
fn default_transport() -> Result<Arc<dyn Transport>, Error> {
    Ok(Arc::new(crate::transport::ReqwestTransport::new()?))
}

#[cfg(not(feature = "reqwest"))]
fn default_transport() -> Result<Arc<dyn Transport>, Error> {
    Err(Error::new(ErrorCode::MissingTransport))
}

#[cfg(feature = "tokio")]
#[allow(clippy::unnecessary_wraps)] // the other form of it can fail
fn default_clock() -> Result<Arc<dyn Clock>, Error> {
    Ok(Arc::new(crate::clock::TokioClock::new()))
}

#[cfg(not(feature = "tokio"))]
fn default_clock() -> Result<Arc<dyn Clock>, Error> {
    Err(Error::new(ErrorCode::MissingClock))
}
