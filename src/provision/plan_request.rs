//! The requests for a plan and for a checklist, and their options.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use tracing::Instrument as _;

use crate::client::Client;
use crate::error::Error;
use crate::ids::{AppId, KeyId};
use crate::provision::checklist::Checklist;
use crate::provision::comparison::Comparison;
use crate::provision::guards::{check, check_clock, check_with_lifetimes};
use crate::provision::observe::observe_settled;
use crate::provision::plan::Plan;
use crate::provision::plan_options::PlanOptions;
use crate::provision::registration::AppRegistration;
use crate::provision::steps::check_observed;

/// A plan to be made: awaiting it makes it.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::{AppRegistration, ClientSecret};
///
/// let client = MemoryTenant::new().client();
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
/// client.apply(&client.plan(&backup).await?).await?;
///
/// // A year later: another secret, while the first one still works.
/// let plan = client.plan(&backup).replace_secret("Backup").await?;
/// assert_eq!(client.apply(&plan).await?.secrets.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[derive(Debug)]
#[must_use = "a plan is made when it is awaited"]
pub struct PlanRequest<'a> {
    client: Client,
    registration: &'a AppRegistration,
    options: PlanOptions,
}

impl<'a> PlanRequest<'a> {
    pub(super) fn new(client: &Client, registration: &'a AppRegistration) -> Self {
        Self { client: client.clone(), registration, options: PlanOptions::default() }
    }

    /// Adopts an application that was made by hand: it is the one that is meant, is given the unique name, and is found
    /// by it from then on.
    pub fn adopt(mut self, app_id: AppId) -> Self {
        self.options.adopt = Some(app_id);
        self
    }

    /// Creates another application although there is one of the same display name.
    pub fn create_another(mut self) -> Self {
        self.options.create_another = true;
        self
    }

    /// Leaves the adopted application without the unique name, where Entra refuses to give it one. It is adopted each
    /// time.
    pub fn without_unique_name(mut self) -> Self {
        self.options.unique_name_refused = true;
        self
    }

    /// Issues another secret of this description although one is live. The earlier one stays.
    pub fn replace_secret(mut self, name: impl Into<String>) -> Self {
        self.options.replace_secrets.push(name.into());
        self
    }

    /// Gives each client secret that is issued, and each certificate that is made, the longest lifetime that the tenant's app
    /// management policies allow, where the registration asks for a longer one. The plan and the [report](crate::Registered::corrections) say so. It takes
    /// `Policy.Read.All`: the service's refusal names no lifetime, and without that permission nothing is guessed.
    ///
    /// ```
    /// # use entra_emulator::MemoryTenant;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// use entra_apps::{AppRegistration, ClientSecret, ErrorCode};
    ///
    /// let tenant = MemoryTenant::new();
    /// let policy = r#"{"isEnabled": true, "applicationRestrictions": {"passwordCredentials": [
    ///     {"restrictionType": "passwordLifetime", "maxLifetime": "P90D"}]}}"#;
    /// tenant.send_json("PATCH", "/policies/defaultAppManagementPolicy", Some(policy)); // by hand
    /// let caller = tenant.add_caller(&["Application.ReadWrite.All", "Directory.Read.All", "Policy.Read.All"]);
    /// let client = tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build()?;
    ///
    /// let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
    ///     .credential(ClientSecret::new("Backup").valid_for_days(730));
    /// let refused = client.plan(&backup).await.unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::SecretLifetimeForbiddenByPolicy);
    /// println!("{refused}"); // names the policy, and the 90 days that it allows
    ///
    /// let registered = client.apply(&client.plan(&backup).shorten().await?).await?;
    /// println!("{}", registered.corrections[0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub fn shorten(mut self) -> Self {
        self.options.shorten = true;
        self
    }

    /// Makes another certificate of this description although one is valid. The earlier one stays.
    pub fn replace_certificate(mut self, name: impl Into<String>) -> Self {
        self.options.replace_certificates.push(name.into());
        self
    }

    /// Says that the caller has the value of this secret, or the private key of this certificate, so that nothing is open
    /// about it.
    pub fn holding(mut self, secret: KeyId) -> Self {
        self.options.held_secrets.push(secret);
        self
    }
}

impl<'a> IntoFuture for PlanRequest<'a> {
    type Output = Result<Plan, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::debug_span!("plan", unique_name = self.registration.unique_name());
        let plan = async move {
            let Self { client, registration, options } = self;
            make_plan(&client, registration, options).await
        };
        Box::pin(plan.instrument(span))
    }
}

/// A check to be made: awaiting it makes it.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::AppRegistration;
///
/// let tenant = MemoryTenant::new();
/// tenant.send_json("POST", "/applications", Some(r#"{"displayName": "Contoso Backup"}"#)); // made by hand
/// let by_hand = tenant.applications()[0].app_id;
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup");
/// let checklist = tenant.client().verify(&backup).adopt(by_hand).await?;
/// println!("{checklist}"); // how far it is
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[derive(Debug)]
#[must_use = "a check is made when it is awaited"]
pub struct VerifyRequest<'a> {
    client: Client,
    registration: &'a AppRegistration,
    options: PlanOptions,
}

impl<'a> VerifyRequest<'a> {
    pub(super) fn new(client: &Client, registration: &'a AppRegistration) -> Self {
        Self { client: client.clone(), registration, options: PlanOptions::default() }
    }

    /// Checks an application that does not have the unique name.
    pub fn adopt(mut self, app_id: AppId) -> Self {
        self.options.adopt = Some(app_id);
        self
    }
}

impl<'a> IntoFuture for VerifyRequest<'a> {
    type Output = Result<Checklist, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::debug_span!("verify", unique_name = self.registration.unique_name());
        let check = async move {
            let Self { client, registration, options } = self;
            make_checklist(&client, registration, &options).await
        };
        Box::pin(check.instrument(span))
    }
}

/// Makes a plan.
pub(super) async fn make_plan(
    client: &Client,
    registration: &AppRegistration,
    options: PlanOptions,
) -> Result<Plan, Error> {
    check_with_lifetimes(client, registration, &options)?;
    let client = client.begin_operation();
    // A person may take minutes to sign in.
    client.tenant_id().await?;
    let (observed, now) = observe_settled(&client, registration, &options).await?;
    let it = Comparison { registration, observed: &observed, options: &options, now };
    check_observed(&it)?;
    check_clock(&client, &it)?;
    Ok(Plan::new(client.cloud().name(), registration, options, observed, now))
}

/// Makes a checklist.
pub(super) async fn make_checklist(
    client: &Client,
    registration: &AppRegistration,
    options: &PlanOptions,
) -> Result<Checklist, Error> {
    check(client, registration, options)?;
    let client = client.begin_operation();
    let (observed, now) = observe_settled(&client, registration, options).await?;
    Ok(Checklist::of(&Comparison { registration, observed: &observed, options, now }))
}
