//! The grants of a service principal whose application is not registered in the tenant: a vendor's, or a managed identity's.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use tracing::Instrument as _;

use crate::api::ServicePrincipalKey;
use crate::client::Client;
use crate::error::Error;
use crate::ids::TenantId;
use crate::provision::checklist::Checklist;
use crate::provision::guards::check;
use crate::provision::plan::Plan;
use crate::provision::plan_options::{Installed, PlanOptions, Removal};
use crate::provision::plan_request::{make_checklist, make_plan};
use crate::provision::preflight::Preflight;
use crate::provision::registration::AppRegistration;

/// A service principal whose application is not registered in this tenant, and the permissions that a registration names
/// for it.
///
/// Of the registration its permissions and whether they are [granted](AppRegistration::without_admin_consent) count; its
/// settings, credentials and confirmations take no part, and no step is about them; nor do permissions
/// [for the app's own tenant alone](AppRegistration::own_tenant_permission). Of what is granted, a
/// [`Notice`](crate::provision::Notice) tells which licences nobody has checked. Plans are applied by [`Client::apply`].
///
/// ```
/// # use entra_emulator::{MemoryCloud, MemoryTenant};
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use entra_apps::permission::microsoft_graph::application;
/// use entra_apps::{AppRegistration, SignInAudience};
///
/// let cloud = MemoryCloud::new([MemoryTenant::builder(), MemoryTenant::builder()]);
/// let [vendor, customer] = [0, 1].map(|index| &cloud.tenants()[index]);
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
///     .audience(SignInAudience::MultipleOrganizations)
///     .permission(application::USER_READ_ALL);
/// let client = cloud.client(vendor);
/// let app_id = client.apply(&client.plan(&backup).await?).await?.application.unwrap().app_id;
///
/// // In the customer's tenant:
/// let client = cloud.client(customer);
/// let installation = client.install(app_id, vendor.id(), &backup);
/// client.apply(&installation.plan().await?).await?;
/// assert!(installation.verify().await?.is_done());
///
/// // And away again:
/// let plan = installation.plan_removal().service_principal().await?;
/// client.apply(&plan).approve_deletion(app_id).await?;
/// assert!(installation.plan_removal().service_principal().await?.is_converged());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Installation<'a> {
    client: Client,
    registration: &'a AppRegistration,
    installed: Installed,
}

impl<'a> Installation<'a> {
    pub(super) fn new(
        client: &Client,
        principal: ServicePrincipalKey,
        publisher: Option<TenantId>,
        registration: &'a AppRegistration,
    ) -> Self {
        let installed = Installed { principal, publisher, removal: None };
        Self { client: client.clone(), registration, installed }
    }

    /// Plans what is missing: the service principal, where the app is installed, and the grants. Reads only, in one request.
    ///
    /// Least permissions: `Application.Read.All` and `Directory.Read.All`.
    ///
    /// # Errors
    /// - [`SingleTenantRegistration`](crate::ErrorCode::SingleTenantRegistration) and [`MicrosoftOwnedApp`](crate::ErrorCode::MicrosoftOwnedApp),
    ///   where that can be told before anything is sent;
    /// - [`WrongPublisher`](crate::ErrorCode::WrongPublisher) where the service principal is there and its app belongs to
    ///   another tenant; [`ServicePrincipalNotFound`](crate::ErrorCode::ServicePrincipalNotFound) where it is not there and
    ///   cannot be installed;
    /// - those of [`Client::plan`] for permissions and requests.
    ///
    /// # Panics
    /// Outside of the runtime that the [`Client`] needs.
    pub async fn plan(&self) -> Result<Plan, Error> {
        self.make(None).await
    }

    /// Checks each step against the tenant. Reads only, in one request.
    ///
    /// Least permissions: `Application.Read.All` and `Directory.Read.All`.
    ///
    /// # Errors
    /// Those of [`plan`](Self::plan), without what is found in the tenant: that is an open item.
    ///
    /// # Panics
    /// Outside of the runtime that the [`Client`] needs.
    pub async fn verify(&self) -> Result<Checklist, Error> {
        let options = self.options(None);
        let span = tracing::debug_span!("verify", unique_name = self.registration.unique_name());
        make_checklist(&self.client, self.registration, &options).instrument(span).await
    }

    /// Says which steps of an apply the caller's token allows, and which permission or role it lacks for the others: see
    /// [`Client::preflight`]. Nothing is sent but the sign-in.
    ///
    /// ```
    /// # use entra_emulator::MemoryTenant;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), entra_apps::Error> {
    /// use entra_apps::AppRegistration;
    /// use entra_apps::permission::microsoft_graph::application;
    ///
    /// let tenant = MemoryTenant::new();
    /// let caller = tenant.add_caller(&["Application.Read.All", "Directory.Read.All"]);
    /// let identity = tenant.add_caller(&[]).client_id; // or a managed identity
    /// let reader = AppRegistration::new("contoso-reader", "Contoso Reader").permission(application::USER_READ_ALL);
    /// let preflight = tenant.client_of(&caller).grant_to(identity, &reader).preflight().await?;
    /// assert_eq!(preflight.likely_refused().count(), 1, "{preflight}");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`plan`](Self::plan) that can be told before anything is sent, and what signing in fails with.
    ///
    /// # Panics
    /// Outside of the runtime that the [`Client`] needs.
    pub async fn preflight(&self) -> Result<Preflight, Error> {
        check(&self.client, self.registration, &self.options(None))?;
        let claims = self.client.token_claims().await?;
        Ok(Preflight::of_installation(self.registration, self.installed.publisher.is_some(), &claims))
    }

    /// Plans to take away the grants that the registration names. Grants of single users stay, and so do those that it does
    /// not name, unless [`every_grant`](PlanRemoval::every_grant) is asked for.
    pub fn plan_removal(&self) -> PlanRemoval<'a> {
        PlanRemoval { installation: self.clone(), removal: Removal::default() }
    }

    fn options(&self, removal: Option<Removal>) -> PlanOptions {
        let installed = Installed { removal, ..self.installed.clone() };
        PlanOptions { installed: Some(installed), ..PlanOptions::default() }
    }

    async fn make(&self, removal: Option<Removal>) -> Result<Plan, Error> {
        let options = self.options(removal);
        let span = tracing::debug_span!("plan", unique_name = self.registration.unique_name());
        make_plan(&self.client, self.registration, options).instrument(span).await
    }
}

/// A plan to be made of what is taken away: awaiting it makes it. [`Installation`] has an example.
///
/// It is applied as any plan is. What is gone already is no error: then the plan is
/// [converged](crate::Plan::is_converged). It reads only, in one request, and in a second one where there is no service
/// principal: one replica that lags does not make it look done.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use entra_apps::AppRegistration;
/// use entra_apps::permission::microsoft_graph::application;
///
/// let tenant = MemoryTenant::new();
/// let identity = tenant.add_caller(&["User.Read.All"]).client_id; // or a managed identity
/// let client = tenant.client();
/// let reader = AppRegistration::new("contoso-reader", "Contoso Reader").permission(application::USER_READ_ALL);
///
/// let plan = client.grant_to(identity, &reader).plan_removal().await?;
/// assert_eq!(plan.changes().count(), 1, "{plan}");
/// client.apply(&plan).await?;
/// # Ok(()) }
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[derive(Debug)]
#[must_use = "a plan is made when it is awaited"]
pub struct PlanRemoval<'a> {
    installation: Installation<'a>,
    removal: Removal,
}

impl PlanRemoval<'_> {
    /// Takes every grant for the whole tenant away that the app holds, named by the registration or not.
    pub fn every_grant(mut self) -> Self {
        self.removal.every_grant = true;
        self
    }

    /// Deletes the service principal too, once its grants are gone. The apply needs
    /// [an approval](crate::Apply::approve_deletion) of it. It can be restored for 30 days, which the report says.
    ///
    /// The plan fails with [`ServicePrincipalInUse`](crate::ErrorCode::ServicePrincipalInUse) where it would still hold
    /// grants: those of single users, or those that are not named.
    pub fn service_principal(mut self) -> Self {
        self.removal.service_principal = true;
        self
    }
}

impl<'a> IntoFuture for PlanRemoval<'a> {
    type Output = Result<Plan, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.installation.make(Some(self.removal)).await })
    }
}
