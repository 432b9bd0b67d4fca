//! Consent for all customers: the partner's app, or a vendor's, is granted its permissions in every customer's tenant that is
//! ready for it, without the customers' administrators.

mod approval;
mod customer;
mod deployer;
mod first_hop;
mod halt;
mod limits;
mod prepared;
mod queue;
mod run;
mod target;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument as _;

use crate::client::Client;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, TenantId};
use crate::partner::audit::Asker;
use crate::partner::readiness::RolesNeeded;
use crate::partner::report::Shard;
use crate::partner::selection::{Selection, own_app};
use crate::permission::PermissionKind;
use crate::provision::consent_check::ConsentCheck;
use crate::provision::registration::AppRegistration;

pub use approval::{ApprovedConsents, ApprovedDeployer, ConsentApproval, DeployerConsent};
pub use deployer::deployer_registration;
pub use limits::ConsentLimits;
pub use prepared::PreparedConsent;
pub use run::{ConsentProgress, ConsentRun, RunState};

use customer::Shared;
use deployer::Deployer;
use first_hop::FirstHop;
use prepared::approval_of;
use target::Target;

/// Customers whose consent is given before any other is begun.
const DEFAULT_CANARIES: usize = 3;

/// How long a consent at Partner Center may take until it is seen in the customer's tenant.
const DEFAULT_PROPAGATION: Duration = Duration::from_secs(8 * 60);

/// Consent to an app in the tenants of a partner's customers, which [`prepare`](Self::prepare) makes ready.
///
/// The client is the partner's, and a person of the partner is signed in to it by the app that acts: a member of
/// `AdminAgents` with the roles Application Administrator and Privileged Role Administrator at the customers
/// ([`Partner::readiness`](crate::partner::Partner::readiness) says what is missing), with a second factor. A
/// [`RefreshTokenProvider`](crate::auth::RefreshTokenProvider) asks for many tokens at once; rotated refresh tokens go to its
/// store and nowhere else.
///
/// # Two hops, or one
/// Partner Center consents to nothing but the app that the person is signed in to, and to delegated permissions alone. So
/// there are two hops: the person is signed in to a [deployer](Self::deployer), an app of the partner's own; Partner Center
/// consents to it in a customer's tenant, and with it the app itself is installed there and granted its permissions, by the
/// plans of [`Client::install`]. Where the app has delegated permissions alone and the person is signed in to that very app,
/// no deployer is needed.
///
/// # What is read, and what is written
/// Nothing is kept in a file: what is done already is read from each customer's tenant, so that a run that was stopped or
/// killed is run again. A new customer takes six requests with [`DeployerConsent::Keep`] and eight with
/// [`DeployerConsent::Remove`], waits for a consent to come through apart; one that is consented already takes two, and no
/// write. What others granted to the app, and what single users did, stays as it is; a service principal that is disabled or
/// deleted there is reported, and not brought back.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let cloud = MemoryCloud::partner_with_customers(5);
/// # let admin = cloud.client(&cloud.tenants()[0]);
/// use entra_apps::partner::{CustomerState, DeployerConsent, deployer_registration};
/// use entra_apps::permission::microsoft_graph::{application, delegated};
/// use entra_apps::{AppRegistration, SignInAudience};
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
///     .audience(SignInAudience::MultipleOrganizations)
///     .permission(application::USER_READ_ALL)
///     .permission(delegated::USER_READ);
/// let deployer = deployer_registration("contoso-deployer", "Contoso Deployer");
/// // Both are registered in the partner's tenant, once.
/// # admin.apply(&admin.plan(&backup).await?).await?;
/// # let registered = admin.apply(&admin.plan(&deployer).await?).approve_all().await?;
/// # let client = cloud.client_of_agent(registered.application.unwrap().app_id);
///
/// // `client` is signed in to the deployer.
/// let consent = client.partner().pre_consent(&backup).deployer(&deployer, DeployerConsent::Keep);
/// # let consent = consent.settling(std::time::Duration::ZERO); // the relationships are new
/// let prepared = consent.prepare().await?;
/// println!("{}", prepared.dry_run().report().await); // reads only
///
/// let mut run = prepared.run(prepared.approval())?; // once somebody has looked at it
/// let mut outcomes = Vec::new();
/// while let Some(outcome) = run.next().await {
///     println!("{} of {}: {}, {}", run.progress().done, run.progress().total, outcome.name(), outcome.state);
///     outcomes.push(outcome);
/// }
/// let report = run.report_of(outcomes);
/// assert!(report.customers.iter().all(|customer| customer.state == CustomerState::Consented), "{report}");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until it is prepared"]
pub struct PreConsent {
    client: Client,
    registration: AppRegistration,
    others: Vec<(BTreeSet<TenantId>, AppRegistration)>,
    app: Option<(AppId, TenantId)>,
    deployer: Option<(AppRegistration, DeployerConsent)>,
    selection: Selection,
    shard: Option<(usize, usize)>,
    own: Option<Client>,
    limits: ConsentLimits,
    canaries: usize,
    replaces_consents: bool,
    propagation: Duration,
}

impl PreConsent {
    pub(super) fn new(client: &Client, registration: &AppRegistration) -> Self {
        Self {
            client: client.clone(),
            registration: registration.clone(),
            others: Vec::new(),
            app: None,
            deployer: None,
            selection: Selection::default(),
            shard: None,
            own: None,
            limits: ConsentLimits::default(),
            canaries: DEFAULT_CANARIES,
            replaces_consents: false,
            propagation: DEFAULT_PROPAGATION,
        }
    }

    /// Acts through a deployer: an app of the partner's own tenant with the unique name of this registration, for which
    /// [`deployer_registration`] is a pattern. `consent` says what becomes of it in a customer's tenant afterwards: there is
    /// no default, because the next run depends on it.
    pub fn deployer(mut self, registration: &AppRegistration, consent: DeployerConsent) -> Self {
        self.deployer = Some((registration.clone(), consent));
        self
    }

    /// Names the app, and the tenant in which its publisher has registered it. Otherwise it is the application of the
    /// registration's unique name in the partner's own tenant.
    pub fn app(mut self, app_id: AppId, publisher: TenantId) -> Self {
        self.app = Some((app_id, publisher));
        self
    }

    /// Uses another registration for these customers: the same app, with other permissions.
    pub fn registration_for(
        mut self,
        customers: impl IntoIterator<Item = TenantId>,
        registration: &AppRegistration,
    ) -> Self {
        self.others.push((customers.into_iter().collect(), registration.clone()));
        self
    }

    /// Takes these customers only, those that were invited and have approved nothing yet among them.
    pub fn of(mut self, customers: impl IntoIterator<Item = TenantId>) -> Self {
        self.selection.only = Some(customers.into_iter().collect());
        self
    }

    /// Leaves these customers out.
    pub fn except(mut self, customers: impl IntoIterator<Item = TenantId>) -> Self {
        self.selection.except.extend(customers);
        self
    }

    /// Takes one of `parts` parts of the customers, numbered from 0, and as great a part of each limit: so several processes
    /// share the work with nothing between them. Which part a customer is in depends on its tenant id alone. The reports are
    /// put together by [`Report::merge`](crate::partner::Report::merge).
    pub fn shard(mut self, index: usize, parts: usize) -> Self {
        self.shard = Some((index, parts));
        self
    }

    /// Sets the directory roles that are needed in each customer's tenant; by default those that the permissions take
    /// ([`RolesNeeded::to_register`]).
    pub fn needing(mut self, roles: RolesNeeded) -> Self {
        self.selection.needed = Some(roles);
        self
    }

    /// Sets for how long after its activation a relationship counts as *not yet*; see
    /// [`CheckReadiness::settling`](crate::partner::CheckReadiness::settling).
    pub fn settling(mut self, time: Duration) -> Self {
        self.selection.settling = Some(time);
        self
    }

    /// Asks with the app's own credential first what is granted already: with a client that signs in as the very app, in
    /// whichever tenant. Where everything is, the deployer is not needed there.
    pub fn with_app_credential(mut self, client: &Client) -> Self {
        self.own = Some(client.clone());
        self
    }

    /// Sets how fast it works.
    pub fn limits(mut self, limits: ConsentLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how many customers are consented before any other is begun; 3 by default, and 0 for none. Where one of them fails,
    /// the run stops.
    pub fn canaries(mut self, number: usize) -> Self {
        self.canaries = number;
        self
    }

    /// Takes a consent at Partner Center that is too narrow away and gives it anew, where the app cannot widen it by itself.
    /// That is done only where the app holds nothing there but what its registration names: what others granted could not be
    /// given back. In between, the app has no access.
    pub fn replace_consents(mut self) -> Self {
        self.replaces_consents = true;
        self
    }

    /// Sets how long a consent at Partner Center may take until it is seen in the customer's tenant; 8 minutes by default.
    /// A customer that takes longer is *not yet* consented, and a later run goes on from there.
    pub fn propagation(mut self, time: Duration) -> Self {
        self.propagation = time;
        self
    }

    /// Reads who the customers are and how the relationships with them stand, and says what is to be approved. Reads only,
    /// in the partner's tenant alone. Least permissions there: `DelegatedAdminRelationship.Read.All`, `Directory.Read.All`
    /// and `Application.Read.All`.
    ///
    /// # Errors
    /// - When the customers cannot be read at all, or one that was named is none; when the registration is not for other
    ///   tenants, or the partner's tenant has no application with its unique name;
    /// - [`DeployerNeeded`](ErrorCode::DeployerNeeded) and [`WrongDeployer`](ErrorCode::WrongDeployer) for who is to act;
    /// - [`InvalidShard`](ErrorCode::InvalidShard) and [`InvalidLimit`](ErrorCode::InvalidLimit).
    ///
    /// # Panics
    /// Outside of the runtime that the [`Client`] needs.
    pub async fn prepare(&self) -> Result<PreparedConsent, Error> {
        let (tenant, unique_name) = (self.client.tenant(), self.registration.unique_name());
        let span = tracing::debug_span!("prepare_consent", %tenant, unique_name);
        self.read().instrument(span).await
    }

    async fn read(&self) -> Result<PreparedConsent, Error> {
        self.limits.check()?;
        let shard = self.shard.map(|(index, parts)| Shard::new(index, parts)).transpose()?;
        let parts = shard.map_or(1, Shard::parts);
        let pacing = self.client.pacing(&self.limits.key(parts), || self.limits.pacing(parts));
        let paced = self.client.paced(Arc::clone(&pacing));
        let client = paced.begin_operation();
        let (app_id, publisher) = match self.app {
            Some(app) => app,
            None => own_app(&client, &self.registration).await?,
        };
        let registrations: Vec<&AppRegistration> =
            std::iter::once(&self.registration).chain(self.others.iter().map(|(_, other)| other)).collect();
        let mut checks = Vec::with_capacity(registrations.len());
        for registration in &registrations {
            let check = ConsentCheck::new(registration, app_id, publisher)?;
            // Where the partner's tenant has no such API, the first customer that has it is asked.
            if let Err(error) = check.learn(&client).await {
                tracing::debug!(
                    code = error.code().as_str(),
                    "the permissions are looked up in the customers' tenants"
                );
            }
            checks.push(check);
        }
        let signed_in_app = client.token_claims().await?.app();
        let deployer = match &self.deployer {
            Some((registration, consent)) => {
                Some(Deployer::find(&client, registration, *consent, signed_in_app).await?)
            }
            None => {
                check_one_hop(&registrations, app_id, signed_in_app)?;
                None
            }
        };
        let readiness = self.selection.check(&client, &self.registration).await?;
        let mut subject = self.selection.subject(&client, app_id, &readiness).await?;
        subject.shard = shard;
        let is_mine = |tenant: TenantId| shard.is_none_or(|shard| shard.has(tenant));
        let index_of = |tenant: TenantId| {
            let other = self.others.iter().rposition(|(customers, _)| customers.contains(&tenant));
            other.map_or(0, |index| index + 1)
        };
        let customers = readiness.customers.into_iter().filter(|it| is_mine(it.customer.tenant_id));
        let targets: Vec<Target> = customers.map(|it| Target::new(it, &index_of)).collect();
        let hops = match &deployer {
            Some(deployer) => vec![deployer.first_hop()?],
            None => registrations
                .iter()
                .map(|registration| FirstHop::new(registration, app_id, publisher))
                .collect::<Result<_, _>>()?,
        };
        let own: Vec<Asker> = self.own.iter().map(|app| Asker::app_itself(&app.paced(Arc::clone(&pacing)))).collect();
        let mut askers = own.clone();
        askers.push(Asker::other(&client).await);
        let approval = approval_of(self, &registrations, (app_id, publisher), deployer.as_ref(), &targets);
        let shared = Shared {
            // Each customer is an operation of its own, with the client's own deadline.
            client: paced,
            app_id,
            publisher,
            registrations: registrations.into_iter().cloned().collect(),
            checks,
            hops,
            deployer,
            own,
            askers,
            targets,
            partner_gaps: readiness.partner,
            replaces_consents: self.replaces_consents,
            propagation: self.propagation,
        };
        Ok(PreparedConsent::new(Arc::new(shared), subject, approval, self.canaries))
    }
}

/// Refuses what Partner Center cannot consent to by itself.
fn check_one_hop(registrations: &[&AppRegistration], app_id: AppId, signed_in_app: Option<AppId>) -> Result<(), Error> {
    let mut permissions = registrations.iter().flat_map(|it| it.declared_permissions());
    if let Some(permission) = permissions.find(|it| it.kind() == PermissionKind::Application) {
        return Err(Error::new(ErrorCode::DeployerNeeded)
            .with_message(format!("the application permission {permission} takes a deployer")));
    }
    if signed_in_app != Some(app_id) {
        return Err(Error::new(ErrorCode::DeployerNeeded)
            .with_message(format!("the client is not signed in to the app {app_id}, which takes a deployer then")));
    }
    Ok(())
}
