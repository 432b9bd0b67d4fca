//! Every customer of a partner, from all lists that know some.

use std::collections::BTreeMap;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use serde::Serialize;
use tracing::Instrument as _;

use crate::client::Client;
use crate::error::{Error, ErrorCode};
use crate::ids::TenantId;
use crate::partner::check_cloud;

/// Where something is known of a customer. In JSON it is its name in camel case.
///
/// ```
/// use entra_apps::partner::CustomerSource;
///
/// assert_eq!(serde_json::to_value(CustomerSource::DelegatedAdminCustomers)?, "delegatedAdminCustomers");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum CustomerSource {
    /// The customers that have approved a delegated admin relationship at some time.
    DelegatedAdminCustomers,
    /// The contracts of a reseller.
    Contracts,
    /// The relationships: one names it, and it may not have approved any.
    Relationships,
    /// What is public of the tenant: its domain.
    TenantInformation,
}

/// A customer of a partner.
///
/// # JSON
/// `tenantId` and `sources` are always there; `displayName` and `defaultDomain` where they are known.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_with_customers(2);
/// # let tenant = &cloud.tenants()[0];
/// # let client = tenant.client_of(&tenant.add_caller(&["DelegatedAdminRelationship.Read.All", "Directory.Read.All"]));
/// use entra_apps::partner::{Customer, CustomerSource};
///
/// let all = client.partner().customers().await?;
/// let customer: &Customer = &all.customers[0];
/// assert_eq!(customer.sources, [CustomerSource::DelegatedAdminCustomers, CustomerSource::Contracts]);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Customer {
    /// The tenant id.
    pub tenant_id: TenantId,
    /// The display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The default domain, where a contract or a [look-up](ListCustomers::with_domains) knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_domain: Option<String>,
    /// The lists that name the customer.
    pub sources: Vec<CustomerSource>,
}

/// A list that could not be read, and why: who stands in it alone is not known.
///
/// # JSON
/// `source` (a [`CustomerSource`]) and `error` (an [`Error`]).
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_with_customers(2);
/// # let tenant = &cloud.tenants()[0];
/// # let client = tenant.client_of(&tenant.add_caller(&["DelegatedAdminRelationship.Read.All"]));
/// use entra_apps::ErrorKind;
/// use entra_apps::partner::{CustomerSource, UnreadSource};
///
/// // This caller may not read contracts.
/// let all = client.partner().customers().await?;
/// let UnreadSource { source, error, .. } = &all.unread[0];
/// assert_eq!((*source, error.kind()), (CustomerSource::Contracts, ErrorKind::Forbidden));
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct UnreadSource {
    /// The list.
    pub source: CustomerSource,
    /// Why it could not be read.
    pub error: Error,
}

/// The customers of a partner, and what could not be read of them.
///
/// # JSON
/// `customers` (each a [`Customer`]) and `unread` (each an [`UnreadSource`]).
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_with_customers(2);
/// # let tenant = &cloud.tenants()[0];
/// # let client = tenant.client_of(&tenant.add_caller(&["DelegatedAdminRelationship.Read.All", "Directory.Read.All"]));
/// let all = client.partner().customers().await?;
/// for unread in &all.unread {
///     println!("{:?} is unknown: {}", unread.source, unread.error);
/// }
/// assert!(all.is_complete() && all.customers.len() == 2);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct CustomerList {
    /// The customers, by tenant id.
    pub customers: Vec<Customer>,
    /// What could not be read: empty where all is known.
    pub unread: Vec<UnreadSource>,
}

impl CustomerList {
    /// Whether every list was read as a whole, so that nobody is missing.
    pub fn is_complete(&self) -> bool {
        self.unread.is_empty()
    }

    /// The customer of this tenant id.
    pub fn find(&self, tenant: TenantId) -> Option<&Customer> {
        self.customers.iter().find(|customer| customer.tenant_id == tenant)
    }
}

/// A list of every customer, to be awaited.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_with_customers(2);
/// # let tenant = &cloud.tenants()[0];
/// # let all = ["DelegatedAdminRelationship.Read.All", "Directory.Read.All", "CrossTenantInformation.ReadBasic.All"];
/// # let client = tenant.client_of(&tenant.add_caller(&all));
/// let all = client.partner().customers().with_domains().await?;
/// assert!(all.customers.iter().all(|customer| customer.default_domain.is_some()));
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
///
/// # Errors
/// When no list could be read at all. A list that could not be read is told in [`CustomerList::unread`] where another
/// could.
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[derive(Debug)]
#[must_use = "a list does nothing until it is awaited"]
pub struct ListCustomers {
    client: Client,
    with_domains: bool,
}

/// The largest page of customers by relationships.
const MAX_CUSTOMERS: u16 = 300;

/// The largest page of contracts.
const MAX_CONTRACTS: u16 = 999;

impl ListCustomers {
    pub(super) fn new(client: &Client) -> Self {
        Self { client: client.clone(), with_domains: false }
    }

    /// Looks up the default domains that no contract names: a request for each twenty. Least permission:
    /// `CrossTenantInformation.ReadBasic.All`.
    pub fn with_domains(mut self) -> Self {
        self.with_domains = true;
        self
    }

    async fn read(self) -> Result<CustomerList, Error> {
        check_cloud(self.client.cloud())?;
        let client = self.client.begin_operation();
        let partner = client.partner();
        let customers = partner.delegated_admin_customers().top(MAX_CUSTOMERS);
        let contracts = partner.contracts().top(MAX_CONTRACTS);
        let mut batch = client.batch();
        let first_customers = batch.add(customers.clone().page());
        let first_contracts = batch.add(contracts.clone().page());
        let mut response = batch.await?;
        let read_customers = match response.take(first_customers) {
            Ok(page) => customers.rest_of(page).await,
            Err(error) => Err(error),
        };
        let read_contracts = match response.take(first_contracts) {
            Ok(page) => contracts.rest_of(page).await,
            Err(error) => Err(error),
        };
        let mut found = Found::default();
        match (read_customers, read_contracts) {
            (Err(error), Err(_)) => return Err(error),
            (customers, contracts) => {
                found.add(CustomerSource::DelegatedAdminCustomers, customers, |customer| {
                    (customer.tenant_id.or(customer.id), customer.display_name, None)
                });
                found.add(CustomerSource::Contracts, contracts, |contract| {
                    (contract.customer_id, contract.display_name, contract.default_domain_name)
                });
            }
        }
        if self.with_domains {
            found.look_up_domains(&client).await;
        }
        Ok(CustomerList { customers: found.customers.into_values().collect(), unread: found.unread })
    }
}

impl IntoFuture for ListCustomers {
    type Output = Result<CustomerList, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::debug_span!("customers", tenant = %self.client.tenant());
        Box::pin(self.read().instrument(span))
    }
}

/// A customer as a list has it: tenant id, display name, domain.
type Parts = (Option<TenantId>, Option<String>, Option<String>);

#[derive(Default)]
struct Found {
    customers: BTreeMap<TenantId, Customer>,
    unread: Vec<UnreadSource>,
}

impl Found {
    /// Adds what a list says.
    fn add<T>(&mut self, source: CustomerSource, items: Result<Vec<T>, Error>, parts: fn(T) -> Parts) {
        let items = match items {
            Ok(items) => items,
            Err(error) => return self.unread.push(UnreadSource { source, error }),
        };
        let mut nameless = 0_usize;
        for item in items {
            let (Some(tenant_id), display_name, default_domain) = parts(item) else {
                nameless += 1;
                continue;
            };
            let customer = self.customers.entry(tenant_id).or_insert_with(|| Customer {
                tenant_id,
                display_name: None,
                default_domain: None,
                sources: Vec::new(),
            });
            let given = |text: Option<String>| text.filter(|text| !text.is_empty());
            customer.display_name = customer.display_name.take().or_else(|| given(display_name));
            customer.default_domain = customer.default_domain.take().or_else(|| given(default_domain));
            if !customer.sources.contains(&source) {
                customer.sources.push(source);
            }
        }
        if nameless > 0 {
            let error = Error::new(ErrorCode::UnexpectedResponse)
                .with_message(format!("{nameless} of the customers came without a tenant id"));
            self.unread.push(UnreadSource { source, error });
        }
    }

    async fn look_up_domains(&mut self, client: &Client) {
        let source = CustomerSource::TenantInformation;
        let missing: Vec<TenantId> =
            self.customers.values().filter(|it| it.default_domain.is_none()).map(|it| it.tenant_id).collect();
        if missing.is_empty() {
            return;
        }
        let mut batch = client.batch();
        let handles: Vec<_> =
            missing.iter().map(|tenant| (*tenant, batch.add(client.partner().find_tenant(*tenant)))).collect();
        let mut response = match batch.await {
            Ok(response) => response,
            Err(error) => return self.unread.push(UnreadSource { source, error }),
        };
        let mut failed = None;
        for (tenant, handle) in handles {
            match (response.take(handle), self.customers.get_mut(&tenant)) {
                (Ok(Some(information)), Some(customer)) => {
                    customer.default_domain = information.default_domain_name.filter(|name| !name.is_empty());
                    customer.display_name = customer.display_name.take().or(information.display_name);
                }
                (Ok(_), _) => {}
                (Err(error), _) => failed = failed.or(Some(error)),
            }
        }
        self.unread.extend(failed.map(|error| UnreadSource { source, error }));
    }
}
