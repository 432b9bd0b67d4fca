//! The provisioner: a registration is planned, applied and verified.
//!
//! A [registration](AppRegistration) is the guide as a value. It is compared with what is observed in the tenant; the
//! difference is a [plan](Plan), to read and to apply, and the other way round a [checklist](Checklist). An apply makes
//! the changes in rounds, each of one request, and reports what it did.

mod apply;
mod apply_state;
mod caller_permissions;
mod checklist;
mod collections;
mod comparison;
mod credential;
mod diagnose;
mod identity;
mod observe;
mod observed;
mod page_url;
mod plan;
mod plan_options;
mod plan_request;
mod preflight;
mod progress;
mod published;
mod redirect_uri;
mod registration;
mod replicas;
mod report;
mod run;
mod secret_readiness;
mod settings;
mod step;
mod steps;
mod tag;

use secrecy::SecretString;

use crate::client::Client;
use crate::error::Error;

pub use apply::{Apply, ApplyError};
pub use caller_permissions::{CallerPermissions, EntraRole};
pub use checklist::Checklist;
pub use credential::{ClientSecret, Lifetime};
pub use diagnose::{Diagnose, Diagnosis, Finding, RecordedRequest};
pub use page_url::PageUrl;
pub use plan::Plan;
pub use plan_request::{PlanRequest, VerifyRequest};
pub use preflight::{CallerKind, Preflight, PreflightCheck, Verdict};
pub use progress::Progress;
pub use redirect_uri::{Platform, RedirectUri};
pub use registration::AppRegistration;
pub use report::{IssuedSecret, OpenItem, Registered, RegisteredApplication, SecretSink};
pub use secret_readiness::{SecretReadiness, WaitUntilUsable};
pub use step::{Action, Change, Check, StepId, StepKind, Subject};
pub use tag::Tag;

impl Client {
    /// Plans a registration: says what [`apply`](Self::apply) would change in the tenant. Reads only.
    ///
    /// Awaiting it makes the plan; before that, [`adopt`](PlanRequest::adopt) and the other methods say more of this
    /// run. It takes one request, two for an application that is there:
    /// [`$batch`](https://learn.microsoft.com/graph/json-batching) of reads of
    /// [applications](https://learn.microsoft.com/graph/api/application-list), [service
    /// principals](https://learn.microsoft.com/graph/api/serviceprincipal-get) and their grants. Least permissions:
    /// `Application.Read.All` and `Directory.Read.All`.
    ///
    /// # Errors
    /// - [`Invalid`](crate::ErrorKind::Invalid) for what Entra would refuse, before anything is sent.
    /// - [`Conflict`](crate::ErrorKind::Conflict) with the code [`SameDisplayName`](crate::ErrorCode::SameDisplayName) when there is no application with the
    ///   unique name and one of the display name: adopt it or say that another is to be created. With
    ///   `redirect_uri_elsewhere` when a redirect URI stands under another platform.
    /// - [`Refused`](crate::ErrorKind::Refused) with the code [`ApiNotInTenant`](crate::ErrorCode::ApiNotInTenant) when the tenant lacks an API.
    /// - [`SignIn`](crate::ErrorKind::SignIn), [`Forbidden`](crate::ErrorKind::Forbidden) and the kinds of a request
    ///   that got no response.
    ///
    /// ```
    /// # use entra_apps::{AppRegistration};
    /// # use entra_emulator::MemoryTenant;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let client = MemoryTenant::new().client();
    /// let plan = client.plan(&AppRegistration::new("contoso-backup", "Contoso Backup")).await?;
    /// assert!(!plan.is_converged());
    /// println!("{plan}");
    /// # Ok::<(), entra_apps::Error>(()) }).unwrap();
    /// ```
    pub fn plan<'a>(&self, registration: &'a AppRegistration) -> PlanRequest<'a> {
        PlanRequest::new(self, registration)
    }

    /// Checks every step of the guide against the tenant. Reads only, and reads what [`plan`](Self::plan) reads.
    ///
    /// Least permissions: `Application.Read.All` and `Directory.Read.All`.
    ///
    /// ```
    /// # use entra_apps::{AppRegistration};
    /// # use entra_emulator::MemoryTenant;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let client = MemoryTenant::new().client();
    /// let checklist = client.verify(&AppRegistration::new("contoso-backup", "Contoso Backup")).await?;
    /// for item in checklist.open() {
    ///     println!("{}: {}", item.step, item.remedy.as_deref().unwrap_or_default());
    /// }
    /// assert!(!checklist.is_done());
    /// # Ok::<(), entra_apps::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`plan`](Self::plan), without the conflicts: what is not as it should be is an open item, not an error.
    pub fn verify<'a>(&self, registration: &'a AppRegistration) -> VerifyRequest<'a> {
        VerifyRequest::new(self, registration)
    }

    /// Carries a plan out. What fails can be run again: it ends where an undisturbed run ends.
    ///
    /// Awaiting it applies the plan; before that, [`approve`](Apply::approve) and the other methods say more. A first
    /// run takes three requests behind the plan's one: the
    /// [upsert](https://learn.microsoft.com/graph/api/application-upsert) of the application, then its properties, its
    /// [service principal](https://learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals) and its
    /// [secret](https://learn.microsoft.com/graph/api/application-addpassword), then the [role
    /// assignments](https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto) and
    /// [grants](https://learn.microsoft.com/graph/api/oauth2permissiongrant-post). Least permissions:
    /// `Application.ReadWrite.All` (or `Application.ReadWrite.OwnedBy`), `AppRoleAssignment.ReadWrite.All`,
    /// `DelegatedPermissionGrant.ReadWrite.All` and `Directory.Read.All`.
    ///
    /// # Errors
    /// An [`ApplyError`] carries the report of all that was done, issued secrets included. Its kinds:
    /// - [`NeedsApproval`](crate::ErrorKind::NeedsApproval) and [`Stale`](crate::ErrorKind::Stale), before anything is
    ///   written;
    /// - [`Forbidden`](crate::ErrorKind::Forbidden) when the caller may not do a part of it,
    ///   [`Refused`](crate::ErrorKind::Refused) for a policy of the tenant, [`Conflict`](crate::ErrorKind::Conflict)
    ///   with the code [`UniqueNameTaken`](crate::ErrorCode::UniqueNameTaken) when a deleted application holds the unique name;
    /// - [`Deadline`](crate::ErrorKind::Deadline), [`Throttled`](crate::ErrorKind::Throttled),
    ///   [`Network`](crate::ErrorKind::Network), [`Service`](crate::ErrorKind::Service): run it again.
    ///
    /// ```
    /// # use entra_apps::{AppRegistration, ClientSecret};
    /// # use entra_emulator::MemoryTenant;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let client = MemoryTenant::new().client();
    /// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
    /// let registered = client.apply(&client.plan(&backup).await?).await?;
    /// assert_eq!(registered.secrets.len(), 1);
    /// assert!(client.verify(&backup).await?.is_done());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub fn apply<'a>(&self, plan: &'a Plan) -> Apply<'a> {
        Apply::new(self, plan)
    }

    /// Says which steps of an apply the caller's token allows, and which permission or role it lacks for the others.
    /// Nothing is sent but the sign-in.
    ///
    /// It informs and never blocks: a role that could be activated (PIM) is not in a token, a custom role cannot be
    /// read from it, and an older token does not show what was granted since. Only a refusal by Graph is one; what an
    /// apply may do, it does.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a registration that Entra would refuse, and what signing
    /// in fails with.
    ///
    /// ```
    /// # use entra_apps::{AppRegistration};
    /// # use entra_emulator::MemoryTenant;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let client = MemoryTenant::new().client();
    /// let preflight = client.preflight(&AppRegistration::new("contoso-backup", "Contoso Backup")).await?;
    /// assert!(preflight.is_allowed(), "{preflight}");
    /// # Ok::<(), entra_apps::Error>(()) }).unwrap();
    /// ```
    pub async fn preflight(&self, registration: &AppRegistration) -> Result<Preflight, Error> {
        registration.check()?;
        Ok(Preflight::of(registration, &self.token_claims().await?))
    }

    /// Waits until a new secret can be used: signs in with it until that works three times in a row and the tokens hold
    /// the application permissions that the registration declares. Where nobody has consented to them yet, which the
    /// report of the apply lists as open, it waits in vain until its time is up.
    ///
    /// Entra's sign-in service learns of a new app, secret or permission some seconds after the directory, sometimes
    /// minutes. The secret is yours already: nothing is lost when this fails. It signs in
    /// ([client credentials](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)) as
    /// the new app and needs no permission of its own.
    ///
    /// # Errors
    /// - [`Deadline`](crate::ErrorKind::Deadline) with the code [`SecretNotUsable`](crate::ErrorCode::SecretNotUsable) (its source is the last refusal) or
    ///   [`PermissionsNotInToken`](crate::ErrorCode::PermissionsNotInToken) when the time allowed is up;
    /// - [`SignIn`](crate::ErrorKind::SignIn) for a refusal that waiting does not mend, such as a policy of the tenant.
    ///
    /// ```
    /// # use entra_apps::{AppRegistration, ClientSecret};
    /// # use entra_emulator::MemoryTenant;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let client = MemoryTenant::new().client();
    /// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
    /// let registered = client.apply(&client.plan(&backup).await?).await?;
    /// let usable = client.wait_until_usable(&registered.secrets[0], &backup).times(1).await?;
    /// assert_eq!(usable.sign_ins, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub fn wait_until_usable<'a>(
        &self,
        secret: &'a IssuedSecret,
        registration: &'a AppRegistration,
    ) -> WaitUntilUsable<'a> {
        WaitUntilUsable::new(self, secret, registration)
    }

    /// Says what is wrong with a tenant, a client id and a secret as a customer typed them in, by signing in with them
    /// and comparing the token with the registration.
    ///
    /// Of this client only the cloud, the transport, the clock and the retry policy are used: it does not sign in
    /// itself, and nothing is sent to Graph. Awaiting it makes the diagnosis, which never fails: that there is no
    /// network is a finding as well.
    ///
    /// ```
    /// # use entra_apps::{secrecy::SecretString, AppRegistration, ClientSecret};
    /// # use entra_emulator::MemoryTenant;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let tenant = MemoryTenant::new();
    /// let client = tenant.client();
    /// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
    /// let registered = client.apply(&client.plan(&backup).await?).await?;
    /// let app = registered.application.unwrap();
    ///
    /// let key_id = registered.secrets[0].key_id.to_string(); // pasted in place of the Value
    /// let diagnosis = client.diagnose(tenant.domain(), app.app_id.to_string(), SecretString::from(key_id), &backup).await;
    /// assert_eq!(diagnosis.problems[0].code, entra_apps::ErrorCode::SecretIdInsteadOfValue);
    /// println!("{diagnosis}");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub fn diagnose<'a>(
        &self,
        tenant: impl Into<String>,
        client_id: impl Into<String>,
        secret: SecretString,
        registration: &'a AppRegistration,
    ) -> Diagnose<'a> {
        Diagnose::new(self, tenant.into(), client_id.into(), secret, registration)
    }
}
