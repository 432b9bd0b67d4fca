//! Register an app, check it and diagnose it: what the methods of [`Client`] take and return.
//!
//! | | call | result |
//! |---|---|---|
//! | 1. write the guide down | [`AppRegistration::new`] | an [`AppRegistration`] |
//! | 2. see whether you may | [`Client::preflight`] | a [`Preflight`]: per step a [`Verdict`], and what the token lacks |
//! | 3. see what would change | [`Client::plan`] | a [`Plan`] of [`Change`]s |
//! | 4. do it | [`Client::apply`] | [`Registered`](crate::Registered), or an [`ApplyError`](crate::ApplyError) that has it too |
//! | 5. check every step | [`Client::verify`] | a [`Checklist`](crate::Checklist) of [`Check`]s |
//! | 6. wait for the new secret | [`Client::wait_until_usable`] | a [`SecretReadiness`] |
//! | 7. keep its credentials alive | [`Client::rotate`] | a [`Rotated`](rotation::Rotated): see [`rotation`] |
//! | 8. see what ends soon | [`Client::expiring`] | a stream of [`ExpiringCredential`]s |
//! | 9. find a customer's mistake | [`Client::diagnose`] | a [`Diagnosis`] of [`Finding`]s |
//!
//! Each of them can be run at any time and as often as you like; only step 4 writes.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use entra_apps::permission::microsoft_graph::application;
//! use entra_apps::provision::{Action, StepKind};
//! use entra_apps::{AppRegistration, ClientSecret, Plan, RedirectUri};
//! use entra_emulator::MemoryTenant;
//!
//! // A tenant in memory, in which somebody has made the app by hand.
//! let tenant = MemoryTenant::new();
//! let by_hand = r#"{"displayName": "Contoso Sync", "web": {"redirectUris": ["https://old.example"]}}"#;
//! tenant.send_json("POST", "/applications", Some(by_hand));
//! let by_hand = tenant.applications().pop().ok_or("none is there")?.app_id;
//! let client = tenant.client();
//!
//! let sync = AppRegistration::new("contoso-sync", "Contoso Sync")
//!     .redirect_uri(RedirectUri::web("https://sync.contoso.example/callback")?)
//!     .permission(application::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY)
//!     .credential(ClientSecret::new("Sync"));
//! assert!(client.preflight(&sync).await?.is_allowed());
//!
//! // The app made by hand is the one that is meant. Its redirect URI is surplus, and stays.
//! let plan = client.plan(&sync).adopt(by_hand).await?;
//! println!("{plan}");
//! let surplus = plan.steps().iter().find(|step| step.id.kind() == StepKind::SURPLUS_REDIRECT_URI);
//! assert_eq!(surplus.ok_or("it is there")?.action, Action::LeftAlone);
//!
//! // Saved, read by somebody who approves it, and applied.
//! let plan = Plan::from_json(&plan.to_json())?;
//! let registered = client.apply(&plan).approve("RoleManagement.ReadWrite.Directory").await?;
//! assert!(client.verify(&sync).await?.is_done());
//!
//! let secret = &registered.secrets[0];
//! client.wait_until_usable(secret, &sync).await?;
//! let client_id = secret.app_id.to_string();
//! let diagnosis = client.diagnose(tenant.domain(), client_id, secret.value.clone(), &sync).await;
//! assert!(diagnosis.is_good());
//!
//! // Once more: it is found by its unique name, and only the surplus is left to be removed, on request.
//! assert!(client.plan(&sync).await?.is_converged());
//! let plan = client.plan(&sync.remove_surplus()).await?;
//! assert_eq!(plan.changes().next().ok_or("one change")?.action, Action::Remove);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # The registration
//! An [`AppRegistration`] holds what the guide asks for, in types that are checked when they are made: [`RedirectUri`](crate::RedirectUri)
//! (of a [`Platform`]), [`Permission`](crate::permission::Permission), [`ClientSecret`](crate::ClientSecret) (with a [`Lifetime`]),
//! [`Certificate`], [`FederatedCredential`],
//! [`PageUrl`], [`LogoutUrl`], [`Tag`]. It is `Serialize` and `Deserialize`, so that it can be kept in a file. What the caller needs to
//! apply it is [`caller_permissions`](crate::AppRegistration::caller_permissions): [`CallerPermissions`], with the
//! [`DirectoryRole`](crate::directory_role::DirectoryRole)s of a person.
//!
//! # Steps
//! Plan and checklist are two views of the same steps. A step is known by its [`StepId`]: a [`StepKind`] and, where there
//! can be several of the kind, a [`Subject`]. Its text, such as `permission_granted:Directory.Read.All:application`, is
//! stable and stands in every JSON. In a plan a step is a [`Change`], with an [`Action`]; in a checklist a [`Check`],
//! done or not, with the remedy.
//!
//! Each part of a registration has its kinds of steps:
//!
//! | part | written by | steps |
//! |---|---|---|
//! | the application itself | one upsert by unique name | [`REGISTERED`](StepKind::REGISTERED), [`UNIQUE_NAME`](StepKind::UNIQUE_NAME), [`SAME_DISPLAY_NAME`](StepKind::SAME_DISPLAY_NAME) |
//! | its properties | one PATCH with what differs | [`DISPLAY_NAME`](StepKind::DISPLAY_NAME), [`AUDIENCE`](StepKind::AUDIENCE), [`REDIRECT_URI`](StepKind::REDIRECT_URI), [`PUBLIC_CLIENT_FLOWS`](StepKind::PUBLIC_CLIENT_FLOWS), [`PROPERTY_LOCK`](StepKind::PROPERTY_LOCK), [`NOTES`](StepKind::NOTES), [`HOMEPAGE`](StepKind::HOMEPAGE), [`LOGOUT_URL`](StepKind::LOGOUT_URL), [`TAG`](StepKind::TAG), [`PERMISSION_DECLARED`](StepKind::PERMISSION_DECLARED), [`OPTIONAL_PERMISSION`](StepKind::OPTIONAL_PERMISSION), [`KEPT_VALUE`](StepKind::KEPT_VALUE) |
//! | its service principal | a request of its own | [`SERVICE_PRINCIPAL`](StepKind::SERVICE_PRINCIPAL), [`ENTERPRISE_APPLICATION`](StepKind::ENTERPRISE_APPLICATION) |
//! | its grants | a request for each app role assignment, one for each API with delegated permissions | [`PERMISSION_GRANTED`](StepKind::PERMISSION_GRANTED), [`ADMIN_CONSENT`](StepKind::ADMIN_CONSENT) |
//! | its secrets | a request each | [`SECRET`](StepKind::SECRET), [`SECRET_VALUE`](StepKind::SECRET_VALUE), [`CREDENTIAL_RENEWAL`](StepKind::CREDENTIAL_RENEWAL) |
//! | its certificates | one PATCH of the list | [`CERTIFICATE`](StepKind::CERTIFICATE), [`CERTIFICATE_KEY`](StepKind::CERTIFICATE_KEY) |
//! | its federated credentials | a request each | [`FEDERATED_CREDENTIAL`](StepKind::FEDERATED_CREDENTIAL) |
//! | what is only checked | nothing | [`CONFIRMATION`](StepKind::CONFIRMATION), [`USED_IN_TIME`](StepKind::USED_IN_TIME) |
//!
//! Requests that do not wait for one another travel in one `$batch`.
//!
//! # Apps of other tenants
//! [`Client::install`] brings an app into a tenant that is registered in another, and [`Client::grant_to`] grants permissions
//! to a service principal that is there, such as a managed identity: an [`Installation`] plans, verifies and
//! [removes](Installation::plan_removal), by the same plans, approvals, applies and checklists. Of the registration, only its
//! permissions take part. The steps are those of the service principal and of its grants, and
//! [`PUBLISHER`](StepKind::PUBLISHER), [`ASSIGNMENT_REQUIRED`](StepKind::ASSIGNMENT_REQUIRED) and
//! [`DELETED_SERVICE_PRINCIPAL`](StepKind::DELETED_SERVICE_PRINCIPAL), which write nothing: a disabled or deleted service
//! principal is reported and never revived. A removal that deletes the service principal shows who is
//! [assigned to it](StepKind::ASSIGNED_TO).
//!
//! # Permissions that differ from tenant to tenant
//! [`own_tenant_permission`](crate::AppRegistration::own_tenant_permission) is granted in the tenant in which the app is
//! registered, and neither declared nor wanted in any other. A group of
//! [`where_available`](crate::AppRegistration::where_available) is left out in a tenant that lacks one of the group's APIs. What
//! is left out, and the licences that nobody has checked, are [`Notice`]s of plan, checklist and report
//! ([`API_NOT_IN_TENANT`](StepKind::API_NOT_IN_TENANT), [`LICENCE_NOT_CHECKED`](StepKind::LICENCE_NOT_CHECKED)): nothing is
//! undone by them.
//!
//! # Surplus
//! What is in the tenant and not in the registration is left alone and listed, as steps of the action
//! [`LeftAlone`](Action::LeftAlone). With [`remove_surplus`](crate::AppRegistration::remove_surplus) three kinds are removed:
//! [`SURPLUS_REDIRECT_URI`](StepKind::SURPLUS_REDIRECT_URI), [`SURPLUS_DECLARATION`](StepKind::SURPLUS_DECLARATION) and
//! [`SURPLUS_GRANT`](StepKind::SURPLUS_GRANT). Secrets ([`SURPLUS_SECRET`](StepKind::SURPLUS_SECRET)),
//! certificates ([`SURPLUS_CERTIFICATE`](StepKind::SURPLUS_CERTIFICATE), but for expired ones, with which Entra takes no list),
//! federated credentials ([`SURPLUS_FEDERATED_CREDENTIAL`](StepKind::SURPLUS_FEDERATED_CREDENTIAL)) and grants of single users
//! ([`USER_GRANTS`](StepKind::USER_GRANTS)) never are.
//!
//! # Adoption
//! The app is found by its unique name, never by its display name. Where none has the unique name and one has the display
//! name, [`plan`](Client::plan) fails with [`SameDisplayName`](crate::ErrorCode::SameDisplayName):
//! [`adopt`](PlanRequest::adopt) that one, which then gets the unique name, or
//! [`create_another`](PlanRequest::create_another). Where an app of another tenant is installed and has the display name, it
//! fails with [`AppOfAnotherTenant`](crate::ErrorCode::AppOfAnotherTenant): [`install`](Client::install) that one, or
//! [`create_another`](PlanRequest::create_another).
//!
//! # Approvals
//! A permission by which an app can take over the tenant is marked in the plan
//! ([`needs_approval`](crate::Plan::needs_approval), [`needs_review`](Change::needs_review)), and so is one that cannot be
//! judged: of an API that this crate has no list of, or of Microsoft Graph and newer than its list. An apply writes nothing
//! until each is approved by [the text that the plan shows](crate::Apply::approve), or [all of them](crate::Apply::approve_all)
//! are.
//!
//! # Permissions that the tenant lacks
//! Names and ids are looked up among what the APIs of the tenant publish, before anything is written, and a name and an id
//! that are given together must belong together there. [`plan`](Client::plan) fails and names all that cannot be had;
//! [`verify`](Client::verify) goes on, and leaves their steps open with the reason. Microsoft Graph's own list is long (0.4
//! MB for each kind), so that what was found in it is remembered for ten minutes by each client and tenant.
//!
//! # Policies of the tenant
//! App management policies limit the lifetime of client secrets and certificates, forbid secrets, audiences or identifier URIs, for
//! every app or for some. Where the token shows `Policy.Read.All`, [`plan`](Client::plan) reads them in the request that it sends
//! anyway, and fails with [`SecretLifetimeForbiddenByPolicy`](crate::ErrorCode::SecretLifetimeForbiddenByPolicy),
//! [`SecretForbiddenByPolicy`](crate::ErrorCode::SecretForbiddenByPolicy),
//! [`CertificateLifetimeForbiddenByPolicy`](crate::ErrorCode::CertificateLifetimeForbiddenByPolicy),
//! [`CertificateForbiddenByPolicy`](crate::ErrorCode::CertificateForbiddenByPolicy) or
//! [`AudienceForbiddenByPolicy`](crate::ErrorCode::AudienceForbiddenByPolicy), the policy's name and what it allows; or it
//! [shortens](PlanRequest::shorten) the lifetime, which the plan and the report say. What cannot be read, or holds for some callers
//! alone, is left to the service, whose refusal has the same codes. [`Client::app_restrictions`] shows [what is
//! allowed](AppRestrictions) by itself.
//!
//! # The years after
//! [`Client::expiring`] tells the secrets and certificates that end soon, and [`Client::credential_activity`] whether one is [in
//! use](CredentialUse), as far as the tenant's report of sign-ins shows it: of a single-tenant app, by an entry that is old enough.
//! No entry says nothing.
//!
//! # Saved plans
//! A plan is a value: it prints, compares and is saved as JSON. It is for one tenant of one cloud and is refused for any
//! other. Whatever a file says, its steps are worked out again when it is read, and approvals are not part of it. A plan
//! from a file, or one older than [five seconds](crate::Apply::max_plan_age), is observed again before it is applied; where
//! the tenant has changed, the apply stops with [`Stale`](crate::ErrorKind::Stale) and writes nothing.
//!
//! Whatever a plan refuses, an apply refuses too, judged on what it writes from, and it changes nothing that its plan does
//! not show. An application that was there before is read again right before it is changed, and once more where the service
//! makes the change wait for more than five seconds, so that what others have added in the meantime stays.
//!
//! # Apply
//! While it runs, it tells its [`Progress`], waits included. [`Registered`](crate::Registered) has the ids
//! ([`RegisteredApplication`]), each new secret once ([`IssuedSecret`](crate::IssuedSecret)) and what is left for a person ([`OpenItem`]). An
//! [`ApplyError`](crate::ApplyError) has the same report of what was done until then: take the secrets from it, mend the cause, and plan and
//! apply again. A [`SecretSink`](crate::SecretSink) gets each secret as soon as it is issued, so that none depends on what follows.
//!
//! How a run ends when requests fail, replicas lag or the process stops is listed in
//! [What happens when …](crate::what_happens_when).

pub(crate) mod apply;
mod apply_state;
mod approvals;
mod caller_permissions;
mod certificate;
pub(crate) mod checklist;
mod collections;
mod comparison;
mod confirmation;
pub(crate) mod consent_check;
pub(crate) mod credential;
mod credential_name;
mod credential_use;
mod diagnose;
mod expiring;
mod federated_credential;
mod findings;
mod guards;
mod identity;
mod installation;
mod installed;
mod key_list;
mod lifetime;
mod made_certificate;
mod notice;
mod observe;
mod observed;
mod page_url;
mod permission_entry;
pub(crate) mod plan;
mod plan_options;
mod plan_request;
mod policies;
mod preflight;
mod progress;
mod published;
pub(crate) mod redirect_uri;
pub(crate) mod registration;
mod renewal;
mod replicas;
pub(crate) mod report;
mod restrictions;
pub mod rotation;
mod run;
mod secret_readiness;
mod settings;
mod step;
mod steps;
mod tag;
mod token_permissions;

use std::time::Duration;

#[cfg(feature = "certificate")]
use std::sync::Arc;

use secrecy::SecretString;

use crate::api::ServicePrincipalKey;
use crate::client::Client;
use crate::error::Error;
#[cfg(feature = "certificate")]
use crate::ids::ApplicationId;
use crate::ids::{AppId, KeyId, TenantId};

pub use caller_permissions::CallerPermissions;
pub use certificate::Certificate;
pub use credential::Credential;
pub use credential_use::{CredentialActivity, CredentialUse, NoEvidence};
pub use diagnose::{Diagnose, Diagnosis, Finding, RecordedRequest};
pub use expiring::{
    CredentialHolder, CredentialState, Expiring, ExpiringCredential, ExpiringCredentials, ExpiringKind,
};
pub use federated_credential::FederatedCredential;
pub use installation::{Installation, PlanRemoval};
pub use lifetime::Lifetime;
pub use notice::Notice;
pub use page_url::{LogoutUrl, PageUrl};
pub use plan_request::{PlanRequest, VerifyRequest};
pub use preflight::{CallerKind, Preflight, PreflightCheck, Verdict};
pub use progress::{Done, Progress};
pub use redirect_uri::Platform;
pub use report::{CredentialKind, InstalledPrincipal, IssuedCertificate, OpenItem, RegisteredApplication};
pub use restrictions::{Allowed, AppRestrictions};
pub use secret_readiness::{SecretReadiness, UsableCredential, WaitUntilUsable};
pub use step::{Action, Change, Check, StepId, StepKind, Subject};
pub use tag::Tag;
// What the root exports stands there alone.
use apply::Apply;
use plan::Plan;
use registration::AppRegistration;

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
    /// - [`Conflict`](crate::ErrorKind::Conflict) with the code
    ///   [`SameDisplayName`](crate::ErrorCode::SameDisplayName) when there is no application with the unique name and one
    ///   of the display name: adopt it or say that another is to be created. With
    ///   [`RedirectUriOfAnotherPlatform`](crate::ErrorCode::RedirectUriOfAnotherPlatform) or
    ///   [`RedirectUriDiffersInCase`](crate::ErrorCode::RedirectUriDiffersInCase) when a redirect URI stands under another
    ///   platform or in other capitals. With [`UniqueNameTaken`](crate::ErrorCode::UniqueNameTaken) when a deleted application
    ///   holds the unique name and the caller may read what was deleted.
    /// - [`ApiNotInTenant`](crate::ErrorCode::ApiNotInTenant), [`PermissionNotInTenant`](crate::ErrorCode::PermissionNotInTenant),
    ///   [`UnknownPermission`](crate::ErrorCode::UnknownPermission) and
    ///   [`PermissionMismatch`](crate::ErrorCode::PermissionMismatch) for permissions that cannot be had in the tenant: the
    ///   code is that of the first, and the message names all.
    /// - [`Refused`](crate::ErrorKind::Refused) for what an app management policy of the tenant forbids, where the token shows that
    ///   policies may be read (`Policy.Read.All`): the message names the policy and what it allows. See
    ///   [`shorten`](PlanRequest::shorten).
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
    /// Awaiting it applies the plan; before that, [`approve`](crate::Apply::approve) and the other methods say more. A first
    /// run takes three requests behind the plan's one: the
    /// [upsert](https://learn.microsoft.com/graph/api/application-upsert) of the application, then its properties, its
    /// [service principal](https://learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals) and its
    /// [secret](https://learn.microsoft.com/graph/api/application-addpassword), then the [role
    /// assignments](https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto) and
    /// [grants](https://learn.microsoft.com/graph/api/oauth2permissiongrant-post). An application that was there before is
    /// read once more before it is changed. Least permissions:
    /// `Application.ReadWrite.All` (or `Application.ReadWrite.OwnedBy`), `AppRoleAssignment.ReadWrite.All`,
    /// `DelegatedPermissionGrant.ReadWrite.All` and `Directory.Read.All`.
    ///
    /// # Errors
    /// An [`ApplyError`](crate::ApplyError) carries the report of all that was done, issued secrets included. Its kinds:
    /// - [`NeedsApproval`](crate::ErrorKind::NeedsApproval), [`Stale`](crate::ErrorKind::Stale), and whatever a plan is refused
    ///   for, before anything is written;
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

    /// Installs a multi-tenant app of another tenant in this one, with the permissions that a registration names: its service
    /// principal and the grants. No application is read or created here.
    ///
    /// `publisher` is the tenant in which the app is registered. The service principal must say that its app belongs there,
    /// which is checked after it was created and before anything is granted. See [`Installation`] for what can be planned.
    /// A first installation takes three requests, plan included: one [reads](Installation::plan), one creates the [service
    /// principal](https://learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals), one
    /// [grants](https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto). Least permissions of the
    /// apply: `Application.ReadWrite.All`, `AppRoleAssignment.ReadWrite.All`, `DelegatedPermissionGrant.ReadWrite.All` and
    /// `Directory.Read.All`.
    ///
    /// ```
    /// # use entra_emulator::{MemoryCloud, MemoryTenant};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use entra_apps::{AppRegistration, SignInAudience};
    ///
    /// let cloud = MemoryCloud::new([MemoryTenant::builder(), MemoryTenant::builder()]);
    /// let [vendor, customer] = [0, 1].map(|index| &cloud.tenants()[index]);
    /// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").audience(SignInAudience::MultipleOrganizations);
    /// let client = cloud.client(vendor);
    /// let app_id = client.apply(&client.plan(&backup).await?).await?.application.unwrap().app_id;
    ///
    /// let client = cloud.client(customer);
    /// client.apply(&client.install(app_id, vendor.id(), &backup).plan().await?).await?;
    /// assert!(customer.service_principals().iter().any(|principal| principal.app_id == app_id));
    /// # Ok(()) }
    /// ```
    pub fn install<'a>(
        &self,
        app_id: AppId,
        publisher: TenantId,
        registration: &'a AppRegistration,
    ) -> Installation<'a> {
        Installation::new(self, app_id.into(), Some(publisher), registration)
    }

    /// Grants the permissions that a registration names to a service principal that is there, of whichever app: a managed
    /// identity, by its object id or client id, or a vendor's app. It is neither created nor changed; Microsoft's own are
    /// refused. See [`Installation`] for what can be planned.
    ///
    /// ```
    /// # use entra_emulator::MemoryTenant;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use entra_apps::AppRegistration;
    /// use entra_apps::permission::microsoft_graph::application;
    ///
    /// let tenant = MemoryTenant::new();
    /// let identity = tenant.add_caller(&[]).client_id; // or a managed identity
    /// let client = tenant.client();
    /// let reader = AppRegistration::new("contoso-reader", "Contoso Reader").permission(application::USER_READ_ALL);
    ///
    /// let grants = client.grant_to(identity, &reader);
    /// client.apply(&grants.plan().await?).await?;
    /// assert!(grants.verify().await?.is_done());
    /// # Ok(()) }
    /// ```
    pub fn grant_to<'a>(
        &self,
        principal: impl Into<ServicePrincipalKey>,
        registration: &'a AppRegistration,
    ) -> Installation<'a> {
        Installation::new(self, principal.into(), None, registration)
    }

    /// Finds the client secrets and certificates that end within a time from now, of every application and service principal
    /// of the tenant, or of [one app](Expiring::of).
    ///
    /// It reads the lists of [applications](https://learn.microsoft.com/graph/api/application-list) and [service
    /// principals](https://learn.microsoft.com/graph/api/serviceprincipal-list), 999 of them in a request, page by page as
    /// they are asked for. The service allows 150 requests for certificates a minute in a tenant; what is throttled waits.
    /// Federated identity credentials have no end. Least permission: `Application.Read.All`.
    pub fn expiring(&self, within: Duration) -> Expiring {
        Expiring::new(self, within)
    }

    /// Reads when each credential of the tenant's apps was last used here: the whole [report of sign-in
    /// activities](https://learn.microsoft.com/graph/api/reportroot-list-appcredentialsigninactivities?view=graph-rest-beta),
    /// of the beta version and the worldwide cloud. Where the caller may not read it, of each credential
    /// [nothing is known](NoEvidence). Least permission: `AuditLog.Read.All`, and for a person a role such as Reports Reader.
    ///
    /// # Errors
    /// When the service cannot be asked: of the network, throttling, or a failure of the service.
    pub async fn credential_activity(&self) -> Result<CredentialActivity, Error> {
        credential_use::read(self, &[]).await
    }

    /// Reads when these credentials were last used, as [`credential_activity`](Self::credential_activity) does of all: a
    /// request for each. Of any other, nothing is known.
    ///
    /// # Errors
    /// When the service cannot be asked.
    pub async fn credential_activity_of(&self, keys: &[KeyId]) -> Result<CredentialActivity, Error> {
        match keys {
            [] => Ok(CredentialActivity::none(self.clock().now())),
            keys => credential_use::read(self, keys).await,
        }
    }

    /// Reads what the tenant's app management policies allow for an app, or for one that is to be created: of client secrets,
    /// certificates, audiences and identifier URIs.
    ///
    /// A [plan](Self::plan) reads them by itself, in the request that it sends anyway, wherever the token shows
    /// `Policy.Read.All`. This reads the [tenant's
    /// default](https://learn.microsoft.com/graph/api/tenantappmanagementpolicy-get?view=graph-rest-beta) from the beta
    /// version, which alone shows audiences, and the app with the policies that are assigned to it. Least permissions:
    /// `Policy.Read.All`, and of an app `Application.Read.All`.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) without them, [`NotFound`](crate::ErrorKind::NotFound) where the app is
    /// not registered here, and the kinds of a request that got no response.
    pub async fn app_restrictions(&self, app: Option<AppId>) -> Result<AppRestrictions, Error> {
        policies::read_restrictions(self, app).await
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

    /// Waits until a new credential can be used, a secret, a certificate or another issuer's tokens: signs in with it until that works three times in a row and the tokens hold
    /// the application permissions that the registration declares. Where nobody has consented to them yet, which the
    /// report of the apply lists as open, it waits in vain until its time is up.
    ///
    /// Entra's sign-in service learns of a new app, secret or permission some seconds after the directory, sometimes
    /// minutes. The secret is yours already: nothing is lost when this fails. It signs in
    /// ([client credentials](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)) as
    /// the new app and needs no permission of its own. A registration that names no permission waits for the sign-ins alone:
    /// of an app that was registered in another way, say.
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
        credential: impl Into<UsableCredential>,
        registration: &'a AppRegistration,
    ) -> WaitUntilUsable<'a> {
        WaitUntilUsable::new(self, credential.into(), registration)
    }

    /// Rotates the client secrets and the certificates that a registration makes: issues another one ahead of the end of
    /// each, hands it to a store, signs in with what the store gives back, and removes the earlier one after an overlap.
    ///
    /// Run it as often as you like, such as every night: it does what is due, goes on where an earlier run stopped, and does
    /// nothing otherwise. See [`rotation`] for how it works and what it promises. Least permissions:
    /// `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    ///
    /// # Errors
    /// A [`RotateError`](rotation::RotateError) carries the report of what was done.
    pub fn rotate<'a>(&self, registration: &'a AppRegistration) -> rotation::Rotate<'a> {
        rotation::Rotate::new(self, registration)
    }

    /// Rotates the certificate of the very app that this client signs in as: it needs no permission and no administrator,
    /// because it proves with its certificate that it may.
    ///
    /// The certificate in the store signs the proof with which another one is added
    /// ([addKey](https://learn.microsoft.com/graph/api/application-addkey)); that goes to the store, signs in, and signs the
    /// proof with which the earlier one is removed ([removeKey](https://learn.microsoft.com/graph/api/application-removekey)).
    /// So the one that stays is proven at that moment, and the last one is never removed. See
    /// [`rotation`](rotation#by-the-app-itself).
    ///
    /// # Errors
    /// A [`RotateError`](rotation::RotateError) carries the report of what was done.
    #[cfg(feature = "certificate")]
    pub fn rotate_own_certificate<'a>(
        &self,
        application: ApplicationId,
        app_id: AppId,
        certificate: &'a Certificate,
        store: Arc<dyn rotation::SecretStore>,
    ) -> rotation::RotateOwn<'a> {
        rotation::RotateOwn::new(self, application, app_id, certificate, store)
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
