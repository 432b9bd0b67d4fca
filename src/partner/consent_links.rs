//! Manual consent: the admin consent links of customers whom nobody can consent for.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use url::Url;

use crate::client::Client;
use crate::consent::{AdminConsentCallback, AdminConsentLink, ConsentApp, PendingConsent, ReportedConsent};
use crate::directory_role::DirectoryRole;
use crate::error::{Error, ErrorCode, foreign};
use crate::ids::{AppId, TenantId};
use crate::partner::customers::Customer;
use crate::partner::outcome::{CustomerOutcome, CustomerState, Reason};
use crate::partner::readiness::{Readiness, RolesNeeded};
use crate::partner::report::Report;
use crate::permission::{Permission, well_known_name};
use crate::provision::registration::AppRegistration;

/// Makes the admin consent links of customers, one by one or for many. Nothing is sent.
///
/// Each link has the id of its customer's tenant in it, and a state of its own: it is for an administrator of that customer,
/// and what comes back from another tenant is refused. It asks for all that the app declares, as often as it is opened, so
/// that it serves for a second consent after the registration has grown, too. Entra is said not to ask again in every case:
/// look at the grants after the callback, as [`Client::check_consent`] does.
///
/// Where a [report](Self::for_report) says that everything is granted already, nobody is asked: an administrator of the
/// customer has consented, or a partner has.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
/// # let cloud = MemoryCloud::partner_with_customers(2);
/// # let partner = &cloud.tenants()[0];
/// # let client = partner.client_of(&partner.add_caller(&["DelegatedAdminRelationship.Read.All", "Directory.Read.All"]));
/// # let (app_id, publisher) = (entra_apps::ids::AppId::from_u128(1), partner.id());
/// use entra_apps::consent::AdminConsentCallback;
/// use entra_apps::permission::microsoft_graph::application;
/// use entra_apps::{AppRegistration, RedirectUri, SignInAudience};
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
///     .audience(SignInAudience::MultipleOrganizations)
///     .redirect_uri(RedirectUri::web("https://contoso.example/consent")?)
///     .permission(application::USER_READ_ALL);
///
/// let customers = client.partner().customers().await?.customers;
/// let mut links = client.partner().consent_links(&backup, app_id, publisher).for_customers(&customers)?;
/// println!("{links}"); // a table, with who must sign in where
///
/// // An administrator of the first has opened the link and accepted:
/// let (customer, pending) = (links.customers[0].tenant_id, links.customers[0].pending().unwrap());
/// let query = format!("admin_consent=True&tenant={customer}&state={}", pending.state());
/// let reported = links.accept(&AdminConsentCallback::parse(&query)?)?;
/// assert_eq!(reported.claimed_tenant(), customer); // to be checked with Client::check_consent
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "links are made for customers"]
pub struct MakeConsentLinks {
    client: Client,
    app: ConsentApp,
    app_name: String,
    apis: Vec<RequiredApi>,
    roles: Vec<DirectoryRole>,
    redirect_uri: Option<String>,
}

/// An API that a customer must have before anybody there can consent by a link: one that is missing makes the whole consent
/// fail (AADSTS650052).
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// use entra_apps::ids::{AppId, TenantId};
/// use entra_apps::partner::RequiredApi;
/// use entra_apps::permission::microsoft_graph::application;
/// use entra_apps::AppRegistration;
///
/// # let client = MemoryTenant::new().client();
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").permission(application::USER_READ_ALL);
/// let links = client.partner().consent_links(&backup, AppId::from_u128(1), TenantId::from_u128(2));
/// let RequiredApi { name, .. } = &links.apis()[0];
/// assert_eq!(*name, Some("Microsoft Graph"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RequiredApi {
    /// The app id.
    pub app_id: AppId,
    /// The name, of an API of Microsoft's own.
    pub name: Option<&'static str>,
}

impl fmt::Display for RequiredApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => f.write_str(name),
            None => self.app_id.fmt(f),
        }
    }
}

/// What a customer's administrator is asked for. In JSON it is its name in snake case.
///
/// ```
/// use entra_apps::partner::ConsentRequest;
///
/// assert_eq!(serde_json::to_value(ConsentRequest::AlreadyConsented)?, "already_consented");
/// assert_eq!(ConsentRequest::Again.to_string(), "consent again");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConsentRequest {
    /// To consent for the first time: the app holds nothing there.
    First,
    /// To consent again: permissions are missing, because the registration has grown, say.
    Again,
    /// To consent; whether somebody has done so before is not known.
    Unknown,
    /// Nothing: everything is granted already, whoever did it.
    AlreadyConsented,
    /// Nothing yet: a consent would fail, or be of no use, before something is done in the customer's tenant.
    NotPossible,
    /// Nothing: the customer was left out of the run.
    LeftOut,
}

impl ConsentRequest {
    /// Whether there is a link.
    pub fn is_asked(self) -> bool {
        matches!(self, Self::First | Self::Again | Self::Unknown)
    }

    fn of(outcome: &CustomerOutcome) -> Self {
        use ErrorCode::{
            ConsentMissing, PermissionAddedAfterConsent, ServicePrincipalDeleted, ServicePrincipalMissing,
        };
        let has = |codes: &[ErrorCode]| outcome.reasons.iter().any(|it| codes.iter().any(|code| it.code == *code));
        match outcome.state {
            CustomerState::AlreadyConsented | CustomerState::Consented | CustomerState::Widened => {
                Self::AlreadyConsented
            }
            CustomerState::Skipped => Self::LeftOut,
            _ if has(IN_THE_WAY) => Self::NotPossible,
            _ if has(&[PermissionAddedAfterConsent]) => Self::Again,
            _ if has(&[ConsentMissing, ServicePrincipalMissing, ServicePrincipalDeleted]) => Self::First,
            // A consent does not enable it again.
            _ if has(&[ErrorCode::AppDisabled]) => Self::NotPossible,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for ConsentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::First => "first consent",
            Self::Again => "consent again",
            Self::Unknown => "consent",
            Self::AlreadyConsented => "already consented",
            Self::NotPossible => "not possible yet",
            Self::LeftOut => "left out",
        })
    }
}

/// What makes an administrator's consent by a link fail. An API that is missing does, whatever the app can do without.
const IN_THE_WAY: &[ErrorCode] = &[
    ErrorCode::ApiNotInTenant,
    ErrorCode::PermissionNotInTenant,
    ErrorCode::UnknownPermission,
    ErrorCode::PermissionMismatch,
    ErrorCode::WrongPublisher,
    ErrorCode::TenantBlocked,
    ErrorCode::UnknownTenant,
];

/// What is said of an API that is missing.
const FAILS_AS_A_WHOLE: &str = "A consent by a link fails as a whole where an API is missing (AADSTS650052).";

impl MakeConsentLinks {
    pub(super) fn new(client: &Client, registration: &AppRegistration, app_id: AppId, publisher: TenantId) -> Self {
        let mut apis: Vec<RequiredApi> = Vec::new();
        for app_id in registration.declared_permissions().map(Permission::api) {
            if apis.iter().all(|api| api.app_id != app_id) {
                apis.push(RequiredApi { app_id, name: well_known_name(app_id) });
            }
        }
        // Who may consent to all of it: the roles of which one suffices for the most that is asked.
        let needed = RolesNeeded::to_register(registration);
        Self {
            client: client.clone(),
            app: registration.consent_app(app_id, publisher),
            app_name: registration.display_name().to_owned(),
            apis,
            roles: needed.most().to_vec(),
            redirect_uri: None,
        }
    }

    /// Sets the redirect URI of the callback; by default it is the registration's first that a browser can be sent to.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// The APIs that each customer must have.
    pub fn apis(&self) -> &[RequiredApi] {
        &self.apis
    }

    /// Makes the link of one customer, of whose consent nothing is known.
    ///
    /// # Errors
    /// Those of [`AdminConsentLink::new`], where Entra would show an error page and send nobody back.
    pub fn for_customer(&self, customer: &Customer) -> Result<CustomerConsentLink, Error> {
        let name = customer.display_name.clone().or_else(|| customer.default_domain.clone()).map(foreign);
        self.make(customer.tenant_id, name, ConsentRequest::Unknown, Vec::new())
    }

    /// Makes the links of these customers, of whose consent nothing is known.
    ///
    /// # Errors
    /// Those of [`for_customer`](Self::for_customer).
    pub fn for_customers<'c>(&self, customers: impl IntoIterator<Item = &'c Customer>) -> Result<ConsentLinks, Error> {
        self.table(customers.into_iter().map(|customer| self.for_customer(customer)))
    }

    /// Makes the links of all customers of a readiness. Consent by a link takes no relationship with the customer.
    ///
    /// # Errors
    /// Those of [`for_customer`](Self::for_customer).
    pub fn for_readiness(&self, readiness: &Readiness) -> Result<ConsentLinks, Error> {
        self.for_customers(readiness.customers.iter().map(|it| &it.customer))
    }

    /// Makes the link of one customer, as an audit or a run over all has left it: none where everything is granted already.
    ///
    /// # Errors
    /// Those of [`for_customer`](Self::for_customer).
    pub fn for_outcome(&self, outcome: &CustomerOutcome) -> Result<CustomerConsentLink, Error> {
        let request = ConsentRequest::of(outcome);
        let is_why = |reason: &&Reason| {
            let mut codes = IN_THE_WAY.iter().chain(&[ErrorCode::AppDisabled]);
            request == ConsentRequest::NotPossible && codes.any(|code| reason.code == *code)
        };
        let why = outcome.reasons.iter().filter(is_why).cloned().map(|mut reason| {
            if reason.code == ErrorCode::ApiNotInTenant {
                reason.remedy = format!("{} {FAILS_AS_A_WHOLE}", reason.remedy);
            }
            reason
        });
        self.make(outcome.tenant_id, outcome.display_name.clone(), request, why.collect())
    }

    /// Makes the links of all customers of a report, one that was made of this very registration: what has been added to it
    /// since, the report does not know of.
    ///
    /// # Errors
    /// [`ReportsOfDifferentTargets`](ErrorCode::ReportsOfDifferentTargets) for a report about another app or cloud, and those of
    /// [`for_customer`](Self::for_customer).
    pub fn for_report(&self, report: &Report) -> Result<ConsentLinks, Error> {
        if report.app_id != self.app.app_id() || report.cloud != self.client.cloud().name() {
            return Err(Error::new(ErrorCode::ReportsOfDifferentTargets)
                .with_message("the report is about another app or cloud than the links")
                .with_remedy("Make the links from a report about this app."));
        }
        self.table(report.customers.iter().map(|outcome| self.for_outcome(outcome)))
    }

    fn table(
        &self,
        customers: impl Iterator<Item = Result<CustomerConsentLink, Error>>,
    ) -> Result<ConsentLinks, Error> {
        Ok(ConsentLinks {
            app_id: self.app.app_id(),
            app_name: self.app_name.clone(),
            apis: self.apis.clone(),
            customers: customers.collect::<Result<_, _>>()?,
        })
    }

    fn make(
        &self,
        tenant_id: TenantId,
        display_name: Option<String>,
        request: ConsentRequest,
        reasons: Vec<Reason>,
    ) -> Result<CustomerConsentLink, Error> {
        let redirect_uri = self.redirect_uri.as_deref().or_else(|| self.app.browser_redirect_uri());
        // An app without any is refused with what it lacks.
        let link = self.client.admin_consent_link(&self.app, tenant_id.into(), redirect_uri.unwrap_or_default())?;
        let (apis, roles) = (self.apis.clone(), self.roles.clone());
        let link = request.is_asked().then_some(link);
        Ok(CustomerConsentLink { tenant_id, display_name, request, apis, reasons, roles, link })
    }
}

/// The admin consent link of one customer, or why there is none. [`MakeConsentLinks`] has an example.
///
/// It prints with the link, for the customer. **Whoever has the link can answer in the administrator's place**: what a
/// callback reports is to be [checked](Client::check_consent).
///
/// # JSON
/// `tenantId`, `displayName`, `request` (a [`ConsentRequest`]), `link` and `instruction` (both null where nobody is asked),
/// `apis` (each a [`RequiredApi`]) and `reasons` (each a [`Reason`]).
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
/// # let cloud = MemoryCloud::partner_with_customers(2);
/// # let partner = &cloud.tenants()[0];
/// # let client = partner.client_of(&partner.add_caller(&["DelegatedAdminRelationship.Read.All", "Directory.Read.All"]));
/// # let (app_id, publisher) = (entra_apps::ids::AppId::from_u128(1), partner.id());
/// # use entra_apps::permission::microsoft_graph::application;
/// # use entra_apps::{AppRegistration, RedirectUri, SignInAudience};
/// # let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
/// #     .audience(SignInAudience::MultipleOrganizations)
/// #     .redirect_uri(RedirectUri::web("https://contoso.example/consent")?)
/// #     .permission(application::USER_READ_ALL);
/// let customer = &client.partner().customers().await?.customers[0];
/// let link = client.partner().consent_links(&backup, app_id, publisher).for_customer(customer)?;
/// println!("{link}"); // for an administrator of that customer
/// assert!(link.url().unwrap().path().starts_with(&format!("/{}/", customer.tenant_id)));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CustomerConsentLink {
    /// The customer's tenant.
    pub tenant_id: TenantId,
    /// The display name, where it is known.
    pub display_name: Option<String>,
    /// What is asked for.
    pub request: ConsentRequest,
    /// The APIs that the customer must have.
    pub apis: Vec<RequiredApi>,
    /// Why a consent is not possible.
    pub reasons: Vec<Reason>,
    roles: Vec<DirectoryRole>,
    link: Option<AdminConsentLink>,
}

impl CustomerConsentLink {
    /// The URL for the administrator's browser; `None` where nobody is asked, and once a callback is accepted.
    pub fn url(&self) -> Option<&Url> {
        self.link.as_ref().map(AdminConsentLink::url)
    }

    /// The pending consent, to be kept until the callback by whoever does not keep the link itself.
    pub fn pending(&self) -> Option<&PendingConsent> {
        self.link.as_ref().map(AdminConsentLink::pending)
    }

    /// The name to show: the display name, or the tenant id.
    pub fn name(&self) -> String {
        self.display_name.clone().unwrap_or_else(|| self.tenant_id.to_string())
    }

    /// Who must sign in at the link, as a sentence; `None` where nobody is asked.
    pub fn instruction(&self) -> Option<String> {
        let roles: Vec<String> = self.roles.iter().map(ToString::to_string).collect();
        let apis: Vec<String> = self.apis.iter().map(ToString::to_string).collect();
        self.link.as_ref().map(|_| {
            format!(
                "An administrator of {} must sign in there (one of {}): an account of the partner, or of any other tenant, \
                 does not do. The customer must have {}.",
                self.name(),
                roles.join(", "),
                apis.join(", ")
            )
        })
    }
}

impl fmt::Display for CustomerConsentLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({}): {}", self.name(), self.tenant_id, self.request)?;
        if let (Some(instruction), Some(url)) = (self.instruction(), self.url()) {
            writeln!(f, "  {instruction}\n  {url}")?;
        }
        self.reasons.iter().try_for_each(|reason| writeln!(f, "  {reason}"))
    }
}

impl Serialize for CustomerConsentLink {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(7))?;
        map.serialize_entry("tenantId", &self.tenant_id)?;
        map.serialize_entry("displayName", &self.display_name)?;
        map.serialize_entry("request", &self.request)?;
        map.serialize_entry("link", &self.url())?;
        map.serialize_entry("instruction", &self.instruction())?;
        map.serialize_entry("apis", &self.apis)?;
        map.serialize_entry("reasons", &self.reasons)?;
        map.end()
    }
}

/// The admin consent links of many customers, as a table. [`MakeConsentLinks`] has an example.
///
/// A program that is not there when the callbacks come keeps each [pending consent](CustomerConsentLink::pending) instead.
///
/// # JSON
/// `appId`, `appName`, `apis` (each a [`RequiredApi`]) and `customers` (each a [`CustomerConsentLink`]).
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
/// # let cloud = MemoryCloud::partner_with_customers(2);
/// # let partner = &cloud.tenants()[0];
/// # let client = partner.client_of(&partner.add_caller(&["DelegatedAdminRelationship.Read.All", "Directory.Read.All"]));
/// # let (app_id, publisher) = (entra_apps::ids::AppId::from_u128(1), partner.id());
/// # use entra_apps::permission::microsoft_graph::application;
/// # use entra_apps::{AppRegistration, RedirectUri, SignInAudience};
/// # let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
/// #     .audience(SignInAudience::MultipleOrganizations)
/// #     .redirect_uri(RedirectUri::web("https://contoso.example/consent")?)
/// #     .permission(application::USER_READ_ALL);
/// let customers = client.partner().customers().await?.customers;
/// let links = client.partner().consent_links(&backup, app_id, publisher).for_customers(&customers)?;
/// assert_eq!(links.customers.len(), 2);
/// assert!(links.to_string().contains(&customers[1].tenant_id.to_string()), "{links}");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConsentLinks {
    /// The app that is consented to.
    pub app_id: AppId,
    /// Its display name.
    pub app_name: String,
    /// The APIs that each customer must have.
    pub apis: Vec<RequiredApi>,
    /// The customers, in the order in which they were given.
    pub customers: Vec<CustomerConsentLink>,
}

impl ConsentLinks {
    /// The customers that are asked, each with its link.
    pub fn asked(&self) -> impl Iterator<Item = &CustomerConsentLink> {
        self.customers.iter().filter(|customer| customer.link.is_some())
    }

    /// Accepts the callback of one of the links, once: its link is gone then. The tenant must be that of the link's customer.
    ///
    /// # Errors
    /// Those of [`PendingConsent::accept`]: with the code [`ConsentStateMismatch`](ErrorCode::ConsentStateMismatch) where none of
    /// the links has the state.
    pub fn accept(&mut self, callback: &AdminConsentCallback) -> Result<ReportedConsent, Error> {
        let state = callback.state().unwrap_or_default();
        let is_its = |link: &AdminConsentLink| link.pending().has_state(state);
        let customer = self.customers.iter_mut().find(|customer| customer.link.as_ref().is_some_and(is_its));
        let link = customer.and_then(|customer| customer.link.take());
        link.ok_or_else(|| Error::new(ErrorCode::ConsentStateMismatch))?.into_pending().accept(callback)
    }
}

impl fmt::Display for ConsentLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let apis: Vec<String> = self.apis.iter().map(ToString::to_string).collect();
        writeln!(f, "Consent to “{}” ({})", self.app_name, self.app_id)?;
        writeln!(f, "Each customer must have {}. {FAILS_AS_A_WHOLE}", apis.join(", "))?;
        writeln!(f, "At each link an administrator of that customer must sign in, and nobody else.\n")?;
        self.customers.iter().try_for_each(|customer| customer.fmt(f))?;
        writeln!(f, "\n{} customers, {} to be asked.", self.customers.len(), self.asked().count())
    }
}
