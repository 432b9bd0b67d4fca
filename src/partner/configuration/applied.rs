//! What an apply of a GDAP configuration has done.

use std::fmt;

use serde::Serialize;

use crate::error::Error;
use crate::partner::configuration::step::GdapStep;

/// A step that could not be carried out, and why.
///
/// # JSON
/// `step` (a [`GdapStep`]) and `error` (an [`Error`]).
///
/// ```
/// # use entra_emulator::{Fault, MemoryCloud};
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_in_use_with_customers(2);
/// # let client = cloud.client(&cloud.tenants()[0]);
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::{GdapConfiguration, SecurityGroup};
///
/// let group = SecurityGroup::unique_name("contoso", "Contoso").role(DirectoryRole::DIRECTORY_READERS);
/// let plan = client.partner().plan(&GdapConfiguration::new().group(group)).await?;
/// # let path = "/tenantRelationships/delegatedAdminRelationships/*/accessAssignments";
/// # cloud.tenants()[0].fault(Fault::on("POST", path).in_batch().refuses(400, "badRequest", "Not for this customer."));
/// let applied = client.partner().apply(&plan).await?;
/// for failure in &applied.failed {
///     println!("{}: {}", failure.step.text, failure.error);
/// }
/// # assert_eq!((applied.failed.len(), applied.done.len()), (1, 2), "the others go on");
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct GdapFailure {
    /// The step.
    pub step: GdapStep,
    /// The error that ended it.
    pub error: Error,
}

/// What an apply has done.
///
/// # JSON
/// `done`, `failed` (each with `step` and `error`) and `open`.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_in_use_with_customers(2);
/// # let client = cloud.client(&cloud.tenants()[0]);
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::{GdapApplied, GdapConfiguration, SecurityGroup};
///
/// let group = SecurityGroup::unique_name("contoso", "Contoso").role(DirectoryRole::DIRECTORY_READERS);
/// let member = "admin.agent@partner.onmicrosoft.com";
/// let plan = client.partner().plan(&GdapConfiguration::new().group(group).member(member)).await?;
/// let GdapApplied { done, open, .. } = client.partner().apply(&plan).await?;
/// assert_eq!(done.len(), 3, "the group, and its role at two customers");
/// // Nobody said that memberships are to be changed.
/// assert!(open[0].remedy.as_ref().unwrap().starts_with("In the Microsoft Entra admin center"));
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
#[must_use = "it says what could not be done"]
pub struct GdapApplied {
    /// The steps that were carried out.
    pub done: Vec<GdapStep>,
    /// The steps that could not be carried out.
    pub failed: Vec<GdapFailure>,
    /// The steps that are left to others, or wait.
    pub open: Vec<GdapStep>,
}

impl GdapApplied {
    pub(super) fn add_failures(&mut self, steps: impl IntoIterator<Item = GdapStep>, code: &Error) {
        let failure = |step| GdapFailure { step, error: code.said_again() };
        self.failed.extend(steps.into_iter().map(failure));
    }
}

impl fmt::Display for GdapApplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.done.iter().try_for_each(|step| writeln!(f, "  ✓ {}", step.text))?;
        self.failed.iter().try_for_each(|failure| writeln!(f, "  ✗ {}: {}", failure.step.text, failure.error))?;
        self.open.iter().try_for_each(|step| writeln!(f, "  {step}"))
    }
}
