//! The preflight: which steps the caller's token allows, and what it lacks for the others, before anything is tried.
//!
//! It informs and never blocks. A token shows the roles that are active, not those that could be activated; and what a
//! custom role allows cannot be seen in it. Only a refusal by Graph is one.

mod caller;
mod need;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;

use crate::auth::TokenClaims;
use crate::directory_role::DirectoryRole;
use crate::permission::Permission;
use crate::provision::comparison::step_about;
use crate::provision::permission_entry::Place;
use crate::provision::preflight::caller::{Caller, Expected};
use crate::provision::preflight::need::Need;
use crate::provision::registration::AppRegistration;
use crate::provision::step::{StepId, StepKind, Subject};

impl StepKind {
    /// Looking at what is there.
    pub const READ: Self = Self::new("read");
}

/// What the caller's token allows, step by step.
///
/// # JSON
/// `caller` (a [`CallerKind`]) and `checks` (each a [`PreflightCheck`]).
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::AppRegistration;
/// use entra_apps::permission::microsoft_graph::delegated;
///
/// let tenant = MemoryTenant::new();
/// let caller = tenant.add_caller(&["Application.ReadWrite.All", "Directory.Read.All"]);
/// let client = tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build()?;
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").permission(delegated::USER_READ);
///
/// let preflight = client.preflight(&backup).await?;
/// assert!(!preflight.is_allowed());
/// println!("{preflight}"); // each step with ✓, ✗ or ?, and what to do
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Preflight {
    /// Who the caller is.
    pub caller: CallerKind,
    /// The steps, in the order in which an apply takes them.
    pub checks: Vec<PreflightCheck>,
}

/// Who a token is for. In JSON it is `app`, `person` or `unknown`.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::provision::CallerKind;
/// use entra_apps::AppRegistration;
///
/// let client = MemoryTenant::new().client(); // an app with a secret
/// let preflight = client.preflight(&AppRegistration::new("contoso-backup", "Contoso Backup")).await?;
/// assert_eq!(preflight.caller, CallerKind::App);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum CallerKind {
    /// An app that signed in as itself.
    App,
    /// A person, signed in to an app.
    Person,
    /// The token does not say.
    Unknown,
}

/// One step of an apply, and whether the token allows it.
///
/// A person needs both: all of [`missing_permissions`](Self::missing_permissions), and one of
/// [`sufficient_roles`](Self::sufficient_roles) where there are any.
///
/// # JSON
/// `code`, `step`, `verdict` (a [`Verdict`]), `missingPermissions` (each `{"api": …, "kind": …, "name": …, "id": …}`),
/// `sufficientRoles` (each a [`DirectoryRole`]) and `remedy` (null where it is allowed).
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::AppRegistration;
/// use entra_apps::permission::microsoft_graph::{application, delegated};
///
/// let tenant = MemoryTenant::new();
/// let caller = tenant.add_caller(&["Application.ReadWrite.All", "Directory.Read.All"]);
/// let client = tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build()?;
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").permission(delegated::USER_READ);
///
/// let preflight = client.preflight(&backup).await?;
/// let check = preflight.likely_refused().next().expect("it may not grant");
/// assert_eq!(check.missing_permissions, [application::DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL]);
/// assert_eq!(check.sufficient_roles, [], "an app needs no role beside its permissions");
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PreflightCheck {
    /// What it is about, as in a plan and in a checklist, or [`READ`](StepKind::READ). In JSON it is the member `code`.
    #[serde(rename = "code")]
    pub id: StepId,
    /// The step, for a person.
    pub step: String,
    /// What is to be expected.
    pub verdict: Verdict,
    /// The permissions of Microsoft Graph that the token lacks: all of them are needed.
    pub missing_permissions: Vec<Permission>,
    /// The roles of Entra that would do where the token shows none of them: one of them is enough, active. The first is
    /// the one to ask for.
    pub sufficient_roles: Vec<DirectoryRole>,
    /// What to do, where it is not allowed for certain.
    pub remedy: Option<String>,
}

/// What is to be expected of a step. In JSON it is `allowed`, `likelyRefused` or `unknown`.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::provision::Verdict;
/// use entra_apps::AppRegistration;
///
/// let client = MemoryTenant::new().client();
/// let preflight = client.preflight(&AppRegistration::new("contoso-backup", "Contoso Backup")).await?;
/// for check in &preflight.checks {
///     let sign = match check.verdict {
///         Verdict::Allowed => "yes",
///         Verdict::LikelyRefused => "no",
///         _ => "try it",
///     };
///     println!("{}: {sign}", check.step);
/// }
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Verdict {
    /// The token allows it.
    Allowed,
    /// The token lacks something that it needs.
    LikelyRefused,
    /// It cannot be seen in the token.
    Unknown,
}

impl Preflight {
    /// Whether the token allows every step.
    pub fn is_allowed(&self) -> bool {
        self.checks.iter().all(|check| check.verdict == Verdict::Allowed)
    }

    /// The steps that are likely to be refused.
    pub fn likely_refused(&self) -> impl Iterator<Item = &PreflightCheck> {
        self.checks.iter().filter(|check| check.verdict == Verdict::LikelyRefused)
    }

    /// Writes it as JSON, to be saved or sent.
    ///
    /// # Panics
    /// Never: every part of it can be written.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("it holds nothing that JSON cannot")
    }

    /// What an apply of a registration takes.
    pub(super) fn of(registration: &AppRegistration, claims: &TokenClaims) -> Self {
        let mut steps = vec![
            read(),
            (StepKind::REGISTERED.into(), format!("Register “{}”", registration.display_name), Need::Create),
            (StepKind::SERVICE_PRINCIPAL.into(), "Make its service principal".to_owned(), Need::Write),
        ];
        steps.extend(registration.secret_names().map(|name| {
            let id = StepId::of(StepKind::SECRET, Subject::Secret(name.to_owned()));
            (id, format!("Issue the client secret “{name}”"), Need::Write)
        }));
        steps.extend(registration.certificate_names().map(|name| {
            let id = StepId::of(StepKind::CERTIFICATE, Subject::Certificate(name.to_owned()));
            (id, format!("Add the certificate “{name}”"), Need::Write)
        }));
        steps.extend(registration.federated_credentials.iter().map(|credential| {
            let name = credential.name();
            let id = StepId::of(StepKind::FEDERATED_CREDENTIAL, Subject::FederatedCredential(name.to_owned()));
            (id, format!("Add the federated credential “{name}”"), Need::Write)
        }));
        steps.extend(grants(registration, Place::OwnTenant));
        Self::of_steps(steps, claims)
    }

    /// What the grants of a service principal take whose application is not registered here, and itself where it `is_installed`
    /// from its publisher's tenant.
    pub(super) fn of_installation(registration: &AppRegistration, is_installed: bool, claims: &TokenClaims) -> Self {
        let text = "Make the service principal of another tenant's app".to_owned();
        let principal = is_installed.then(|| (StepKind::SERVICE_PRINCIPAL.into(), text, Need::Install));
        let grants = grants(registration, Place::OtherTenant);
        Self::of_steps([read()].into_iter().chain(principal).chain(grants), claims)
    }

    fn of_steps(steps: impl IntoIterator<Item = Required>, claims: &TokenClaims) -> Self {
        let caller = Caller::of(claims);
        let check = |(id, step, need): Required| {
            let expected = caller.may(need);
            let remedy = caller.remedy(&expected);
            let Expected { verdict, missing_permissions, sufficient_roles, .. } = expected;
            PreflightCheck { id, step, verdict, missing_permissions, sufficient_roles, remedy }
        };
        Self { caller: caller.kind, checks: steps.into_iter().map(check).collect() }
    }
}

/// A step, its sentence, and what it needs.
type Required = (StepId, String, Need);

fn read() -> Required {
    (StepKind::READ.into(), "Look at what is there".to_owned(), Need::Read)
}

fn grants(registration: &AppRegistration, place: Place) -> impl Iterator<Item = Required> + '_ {
    registration.entries_in(place).filter(|_| registration.admin_consent).map(|entry| {
        let permission = &entry.permission;
        let condition = if entry.where_available.is_some() { ", if it has the API" } else { "" };
        let text = format!("Grant {permission} for the tenant{condition}");
        (step_about(StepKind::PERMISSION_GRANTED, permission), text, Need::to_grant(permission))
    })
}

impl fmt::Display for Preflight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let sign = match check.verdict {
                Verdict::Allowed => '✓',
                Verdict::LikelyRefused => '✗',
                Verdict::Unknown => '?',
            };
            writeln!(f, "{sign} {}", check.step)?;
            if let Some(remedy) = &check.remedy {
                writeln!(f, "    {remedy}")?;
            }
        }
        Ok(())
    }
}
