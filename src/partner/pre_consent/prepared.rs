//! What was read before a run: who the customers are, and what is to be approved.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, TenantId};
use crate::partner::pre_consent::PreConsent;
use crate::partner::pre_consent::approval::{ConsentApproval, consents};
use crate::partner::pre_consent::customer::{Job, Shared};
use crate::partner::pre_consent::deployer::Deployer;
use crate::partner::pre_consent::run::ConsentRun;
use crate::partner::pre_consent::target::Target;
use crate::partner::readiness::ReadinessOutcome;
use crate::partner::report::Subject;
use crate::provision::registration::AppRegistration;

/// A [`PreConsent`] of which the customers were read. It holds no token, and can be run more than once.
///
/// It prints what is to be approved, and how many customers are ready.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let cloud = MemoryCloud::partner_with_customers(2);
/// # let admin = cloud.client(&cloud.tenants()[0]);
/// # use entra_apps::partner::deployer_registration;
/// # use entra_apps::permission::microsoft_graph::delegated;
/// # use entra_apps::{AppRegistration, SignInAudience};
/// # let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
/// #     .audience(SignInAudience::MultipleOrganizations).permission(delegated::USER_READ);
/// # let deployer = deployer_registration("contoso-deployer", "Contoso Deployer");
/// # admin.apply(&admin.plan(&backup).await?).await?;
/// # let registered = admin.apply(&admin.plan(&deployer).await?).approve_all().await?;
/// # let client = cloud.client_of_agent(registered.application.unwrap().app_id);
/// use entra_apps::partner::DeployerConsent;
///
/// let consent = client.partner().pre_consent(&backup).deployer(&deployer, DeployerConsent::Remove);
/// let prepared = consent.prepare().await?;
/// println!("{prepared}");
/// assert_eq!((prepared.total(), prepared.approval().consents[0].permissions.len()), (2, 1));
/// assert!(prepared.revoke(20).is_err(), "there are two customers");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct PreparedConsent {
    shared: Arc<Shared>,
    subject: Subject,
    approval: ConsentApproval,
    canaries: usize,
}

impl PreparedConsent {
    pub(super) fn new(shared: Arc<Shared>, subject: Subject, approval: ConsentApproval, canaries: usize) -> Self {
        Self { shared, subject, approval, canaries }
    }

    /// What a run does, for somebody to look at: given to [`run`](Self::run), it is approved.
    pub fn approval(&self) -> &ConsentApproval {
        &self.approval
    }

    /// How many customers there are, those among them that are not ready.
    pub fn total(&self) -> usize {
        self.shared.targets.len()
    }

    /// Begins to look at every customer as a run would, without a write. Where the app's own credential is not at hand and
    /// nobody has consented to the deployer yet, the consent is unknown.
    pub fn dry_run(&self) -> ConsentRun {
        self.begin(Job::DryRun)
    }

    /// Begins to consent, for every customer that is ready and that the approval names.
    ///
    /// ```
    /// # use entra_emulator::MemoryCloud;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cloud = MemoryCloud::partner_with_customers(2);
    /// # let admin = cloud.client(&cloud.tenants()[0]);
    /// # use entra_apps::partner::{DeployerConsent, deployer_registration};
    /// # use entra_apps::permission::microsoft_graph::delegated;
    /// # use entra_apps::{AppRegistration, SignInAudience};
    /// # let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
    /// #     .audience(SignInAudience::MultipleOrganizations).permission(delegated::USER_READ);
    /// # let deployer = deployer_registration("contoso-deployer", "Contoso Deployer");
    /// # admin.apply(&admin.plan(&backup).await?).await?;
    /// # let registered = admin.apply(&admin.plan(&deployer).await?).approve_all().await?;
    /// # let client = cloud.client_of_agent(registered.application.unwrap().app_id);
    /// # let consent = client.partner().pre_consent(&backup).deployer(&deployer, DeployerConsent::Remove);
    /// # let prepared = consent.settling(std::time::Duration::ZERO).prepare().await?;
    /// use entra_apps::partner::RunState;
    ///
    /// let mut run = prepared.run(prepared.approval())?;
    /// let mut outcomes = Vec::new();
    /// loop {
    ///     while let Some(outcome) = run.next().await {
    ///         outcomes.push(outcome);
    ///     }
    ///     match run.state() {
    ///         RunState::SignInNeeded(error) => {
    ///             println!("{error}"); // the person signs in again, into the same store
    ///             run.resume();
    ///         }
    ///         state => break println!("{state:?}"),
    ///     }
    /// }
    /// println!("{}", run.report_of(outcomes));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`NeedsApproval`](ErrorCode::NeedsApproval) where the approval is for another app or another deployer, or lacks a
    /// permission. A customer that it does not name is skipped.
    pub fn run(&self, approval: &ConsentApproval) -> Result<ConsentRun, Error> {
        approval.check(&self.approval)?;
        Ok(self.begin(Job::Consent(Arc::new(approval.clone()))))
    }

    /// Begins to take the app's grants and its service principal away from every customer that is ready. `customers` is
    /// the [total](Self::total), as somebody typed it who has looked at the list.
    ///
    /// What the registration does not name stays, and so does the service principal that holds it. Where the deployer is not
    /// there, it is consented to first, with the permissions of its own registration.
    ///
    /// # Errors
    /// [`WrongCustomerCount`](ErrorCode::WrongCustomerCount) where the number is another one.
    pub fn revoke(&self, customers: usize) -> Result<ConsentRun, Error> {
        if customers != self.total() {
            return Err(Error::new(ErrorCode::WrongCustomerCount)
                .with_message(format!("{customers} were typed, and there are {} customers", self.total())));
        }
        Ok(self.begin(Job::Revoke))
    }

    fn begin(&self, job: Job) -> ConsentRun {
        ConsentRun::new(Arc::clone(&self.shared), self.subject.clone(), job, self.canaries)
    }
}

impl fmt::Display for PreparedConsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ready = self.shared.targets.iter().filter(|it| it.readiness == ReadinessOutcome::Ready).count();
        write!(f, "{}", self.approval)?;
        writeln!(f, "{ready} of {} customers are ready.", self.total())
    }
}

/// What is to be approved.
pub(super) fn approval_of(
    wanted: &PreConsent,
    registrations: &[&AppRegistration],
    (app_id, publisher): (AppId, TenantId),
    deployer: Option<&Deployer>,
    targets: &[Target],
) -> ConsentApproval {
    let of = |(index, registration): (usize, &&AppRegistration)| {
        let customers: BTreeSet<TenantId> =
            targets.iter().filter(|it| it.registration == index).map(|it| it.tenant).collect();
        consents(registration, customers)
    };
    let all = registrations.iter().enumerate().map(of);
    ConsentApproval {
        app_id,
        publisher,
        deployer: deployer.map(Deployer::approved),
        replaces_consents: wanted.replaces_consents,
        consents: all.filter(|consents| !consents.customers.is_empty()).collect(),
    }
}
