//! Several tenants of one cloud.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use entra_apps::Client;
use entra_apps::clock::Clock;
use entra_apps::transport::{Transport, TransportError};

use crate::clock::TenantClock;
use crate::cloud_state::CloudState;
use crate::service::Target;
use crate::sign_in::Endpoint;
use crate::{MemoryTenant, MemoryTenantBuilder};

/// Several tenants of one cloud: a multi-tenant application of one can have a service principal in another, and a partner
/// has access to its customers.
///
/// It is a [`Transport`]: a sign-in goes to the tenant in its path, or for `organizations` and `common` to the user's own,
/// a request to Graph to the tenant that issued its token. Clones share the tenants.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// use entra_emulator::{MemoryCloud, MemoryTenant};
///
/// let cloud = MemoryCloud::new([
///     MemoryTenant::builder().domain("vendor.onmicrosoft.com"),
///     MemoryTenant::builder().domain("customer.onmicrosoft.com"),
/// ]);
/// let vendor = cloud.tenant("vendor.onmicrosoft.com").unwrap();
/// assert_ne!(vendor.id(), cloud.tenants()[1].id());
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryCloud {
    cloud: Arc<Mutex<CloudState>>,
    tenants: Vec<MemoryTenant>,
}

impl MemoryCloud {
    /// Builds the tenants. A tenant without a seed gets one by its position, so that no two have the same ids; all use
    /// the clock of the first builder that has one.
    pub fn new(tenants: impl IntoIterator<Item = MemoryTenantBuilder>) -> Self {
        let builders: Vec<_> = tenants.into_iter().collect();
        let clock: Arc<dyn Clock> =
            builders.iter().find_map(MemoryTenantBuilder::own_clock).unwrap_or_else(|| Arc::new(TenantClock::system()));
        let cloud = Arc::new(Mutex::new(CloudState::default()));
        let tenants = builders.into_iter().zip(0..).map(|(builder, index)| builder.build_in(&cloud, &clock, index));
        Self { tenants: tenants.collect(), cloud }
    }

    /// The tenants, in the order of their builders.
    pub fn tenants(&self) -> &[MemoryTenant] {
        &self.tenants
    }

    /// A client as the [caller](MemoryTenant::caller) of one of the tenants, which reaches them all:
    /// [`for_tenant`](Client::for_tenant) goes to another.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// use entra_emulator::{MemoryCloud, MemoryTenant};
    ///
    /// let cloud = MemoryCloud::new([MemoryTenant::builder(), MemoryTenant::builder()]);
    /// let client = cloud.client(&cloud.tenants()[0]);
    /// assert_eq!(client.tenant_id().await.unwrap(), cloud.tenants()[0].id());
    /// # }
    /// ```
    ///
    /// # Panics
    /// Never: the tenant gives all that a client needs.
    pub fn client(&self, tenant: &MemoryTenant) -> Client {
        let builder = tenant.client_builder().transport(Arc::new(self.clone()));
        builder.build().expect("the tenant gives all that it needs")
    }

    /// The tenant with this id or domain.
    pub fn tenant(&self, name: &str) -> Option<&MemoryTenant> {
        let index = self.cloud.lock().unwrap_or_else(PoisonError::into_inner).find_tenant(name)?;
        self.tenants.get(index)
    }

    /// The tenant that handles a request; one that names no tenant goes to the first, which refuses it.
    fn destination(&self, request: &http::Request<Bytes>) -> Option<&MemoryTenant> {
        let cloud = self.cloud.lock().unwrap_or_else(PoisonError::into_inner);
        let index = match Target::of(request.uri().path()) {
            Target::SignIn(tenant, endpoint) if endpoint != Endpoint::UserInfo => {
                cloud.route_sign_in(&tenant, request.body())
            }
            Target::Graph(_)
            | Target::GraphBeta(_)
            | Target::Management(_)
            | Target::PartnerCenter(_)
            | Target::SignIn(..) => cloud.issuer(request.headers()),
            Target::Other => None,
        };
        self.tenants.get(index.unwrap_or(0))
    }
}

impl fmt::Debug for MemoryCloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCloud").field("tenants", &self.tenants).finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for MemoryCloud {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        match self.destination(&request) {
            Some(tenant) => tenant.send(request).await,
            None => Err(TransportError::not_sent("the cloud has no tenant")),
        }
    }
}
