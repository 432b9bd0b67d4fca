//! Applying a plan: what it shows and somebody has approved, judged again on what is there now, and no more.

use std::collections::BTreeMap;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use tracing::Instrument as _;

use crate::api::UniqueName;
use crate::client::Client;
use crate::error::{Error, ErrorCode};
use crate::ids::{DirectoryObjectId, Tenant};
use crate::model::NewGroup;
use crate::partner::configuration::Key;
use crate::partner::configuration::applied::{GdapApplied, GdapFailure};
use crate::partner::configuration::approval::GdapApproval;
use crate::partner::configuration::assign::Assigner;
use crate::partner::configuration::compare::Comparison;
use crate::partner::configuration::observe::{self, Observed, Scope};
use crate::partner::configuration::plan::GdapPlan;
use crate::partner::configuration::step::{GdapAction, GdapStep, GdapStepKind};
use crate::partner::relationships::{MAX_TRIES, may_be_there};

/// An apply, to be awaited. It ends when what it wrote is in effect, within the client's deadline or else ten minutes.
///
/// It observes the tenant again, and does what the plan shows, where that is still to be done, and what is
/// [approved](Self::approve). What the plan does not show of a customer is a [failure](GdapApplied::failed) of that
/// customer's; the others go on. Applied again, it writes nothing.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_in_use_with_customers(2);
/// # let client = cloud.client(&cloud.tenants()[0]);
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::{GdapApproval, GdapConfiguration, SecurityGroup};
///
/// let group = SecurityGroup::unique_name("contoso", "Contoso").role(DirectoryRole::APPLICATION_ADMINISTRATOR);
/// let plan = client.partner().plan(&GdapConfiguration::new().group(group)).await?;
/// let is_fine = |item: &&GdapApproval| item.to_string().starts_with("Application Administrator");
/// let approved: Vec<_> = plan.needs_approval().iter().filter(is_fine).cloned().collect();
/// let applied = client.partner().apply(&plan).approve(approved).await?;
/// println!("{applied}");
/// # assert!(applied.failed.is_empty());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
///
/// # Errors
/// Nothing has been written then. [`GdapNeedsApproval`](crate::ErrorCode::GdapNeedsApproval) where something is not approved;
/// [`PlanOutdated`](crate::ErrorCode::PlanOutdated) where the groups have changed since the plan was made;
/// [`PlanForAnotherTarget`](crate::ErrorCode::PlanForAnotherTarget) for another tenant; those of a
/// [plan](crate::partner::PlanGdap).
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[derive(Debug)]
#[must_use = "an apply does nothing until it is awaited"]
pub struct ApplyGdap<'p> {
    client: Client,
    plan: &'p GdapPlan,
    approved: Vec<GdapApproval>,
}

impl<'p> ApplyGdap<'p> {
    pub(super) fn new(client: &Client, plan: &'p GdapPlan) -> Self {
        Self { client: client.clone(), plan, approved: Vec::new() }
    }

    /// Approves items, as a plan [showed](GdapPlan::needs_approval) them: this one, or an earlier one.
    pub fn approve(mut self, items: impl IntoIterator<Item = GdapApproval>) -> Self {
        self.approved.extend(items);
        self
    }

    async fn run(self) -> Result<GdapApplied, Error> {
        let client = self.client.begin_operation();
        let _lock = client.writer_lock("gdap").await?;
        self.check_target(&client).await?;
        let scope = Scope {
            customers: Some(self.plan.customers.iter().map(|it| Tenant::from(it.customer.tenant_id)).collect()),
            is_of_plan: true,
            ..self.plan.scope.clone()
        };
        let configuration = &self.plan.configuration;
        let observed = observe::observe(&client, configuration, &scope).await?;
        let it = Comparison { configuration, observed: &observed, scope: &scope, now: client.clock().now() };
        let mut applied = GdapApplied::default();
        let (partner, customers) = self.steps(&it, &mut applied)?;
        let to_approve = it.approvals(&partner, &customers);
        self.check_approvals(&to_approve)?;
        let mut run = Run { client: &client, applied };
        run.write(&observed, &it, partner, customers).await;
        Ok(run.applied)
    }

    async fn check_target(&self, client: &Client) -> Result<(), Error> {
        let tenant = client.tenant_id().await?;
        if tenant == self.plan.tenant && client.cloud().name() == self.plan.cloud {
            return Ok(());
        }
        Err(Error::new(ErrorCode::PlanForAnotherTarget).with_message(format!(
            "the plan is for the partner {} in the cloud {}, and the client for {tenant} in {}",
            self.plan.tenant,
            self.plan.cloud,
            client.cloud().name()
        )))
    }

    /// What is to be done now: of the partner's tenant, and of customers. What the plan does not show is refused, of the
    /// partner's tenant as a whole, of a customer as a failure of its own.
    fn steps(&self, it: &Comparison<'_>, applied: &mut GdapApplied) -> Result<(Vec<GdapStep>, Vec<GdapStep>), Error> {
        let outdated = |step: &GdapStep| {
            Error::new(ErrorCode::PlanOutdated).with_message(format!(
                "something has changed since the plan was made, which does not show: {}",
                step.text
            ))
        };
        let partner = it.partner_steps()?;
        let is_shown = |step: &&GdapStep| self.plan.steps.iter().any(|shown| shown.writes_as(step));
        if let Some(step) = partner.iter().filter(|step| step.action.is_change()).find(|step| !is_shown(step)) {
            return Err(outdated(step));
        }
        let mut names = it.observed.names.clone();
        let mut customers = Vec::new();
        for shown in &self.plan.customers {
            let of = it.observed.customers.iter().find(|it| it.customer.tenant_id == shown.customer.tenant_id);
            let Some(of) = of else {
                let error = observe::not_a_customer(shown.customer.tenant_id, &it.observed.unread);
                applied.add_failures(shown.steps.clone(), &error);
                continue;
            };
            let steps = it.customer_steps(of, &mut names).steps;
            let is_shown = |step: &GdapStep| shown.steps.iter().any(|shown| shown.writes_as(step));
            let new: Vec<_> = steps.iter().filter(|it| it.action.is_change() && !is_shown(it)).cloned().collect();
            match new.first().map(outdated) {
                Some(error) => applied.add_failures(new, &error),
                None => customers.extend(steps),
            }
        }
        Ok((partner, customers))
    }

    fn check_approvals(&self, items: &[GdapApproval]) -> Result<(), Error> {
        let open: Vec<String> =
            items.iter().filter(|item| !item.is_covered_by(&self.approved)).map(ToString::to_string).collect();
        match open.is_empty() {
            true => Ok(()),
            false => Err(Error::new(ErrorCode::GdapNeedsApproval)
                .with_message(format!("this needs an approval, as it is now: {}", open.join("; ")))),
        }
    }
}

impl<'p> IntoFuture for ApplyGdap<'p> {
    type Output = Result<GdapApplied, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'p>>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::debug_span!("gdap_apply", tenant = %self.client.tenant());
        Box::pin(self.run().instrument(span))
    }
}

struct Run<'a> {
    client: &'a Client,
    applied: GdapApplied,
}

impl Run<'_> {
    async fn write(
        &mut self,
        observed: &Observed,
        it: &Comparison<'_>,
        partner: Vec<GdapStep>,
        customers: Vec<GdapStep>,
    ) {
        let mut groups = BTreeMap::new();
        for (wanted, group) in it.configuration.groups.iter().zip(&observed.groups) {
            groups.extend(group.state.id.map(|id| (wanted.name(), id)));
        }
        let (changes, rest): (Vec<_>, Vec<_>) = partner.into_iter().partition(|step| step.action.is_change());
        self.leave_open(rest);
        let (made, added): (Vec<_>, Vec<_>) = changes.into_iter().partition(|step| step.id.kind == GdapStepKind::Group);
        for step in made {
            let wanted = it.configuration.groups.iter().find(|group| Some(group.name()) == step.id.group);
            let Some(Key::Name { unique_name, display_name }) = wanted.map(|group| &group.key) else { continue };
            match self.make_group(unique_name, display_name).await {
                Ok(id) => {
                    groups.insert(unique_name.clone(), id);
                    self.applied.done.push(step);
                }
                Err(error) => self.applied.failed.push(GdapFailure { step, error }),
            }
        }
        let (changes, rest): (Vec<_>, Vec<_>) = customers.into_iter().partition(|step| step.action.is_change());
        self.leave_open(rest);
        Assigner { client: self.client }.assign(&groups, changes, &mut self.applied).await;
        for step in added {
            let group = match &step.id.group {
                Some(name) => groups.get(name).copied(),
                None => observed.agents.as_ref().and_then(|group| group.state.id),
            };
            let added = match (group, step.id.person) {
                (Some(group), Some(person)) => self.add_member(group, person).await,
                _ => Err(Error::new(ErrorCode::GroupNotFound)),
            };
            match added {
                Ok(()) => self.applied.done.push(step),
                Err(error) => self.applied.failed.push(GdapFailure { step, error }),
            }
        }
    }

    fn leave_open(&mut self, steps: Vec<GdapStep>) {
        self.applied.open.extend(steps.into_iter().filter(|step| step.action != GdapAction::Unchanged));
    }

    /// Makes a group. One that somebody else has made meanwhile is taken where nobody is in it.
    async fn make_group(&self, unique_name: &str, display_name: &str) -> Result<DirectoryObjectId, Error> {
        let name = UniqueName::new(unique_name)?;
        let group = NewGroup::security(display_name).description("Access to customers' tenants by GDAP.");
        let lacks_id = || Error::new(ErrorCode::UnexpectedResponse).with_message("the new group came without an id");
        if let Some(created) = self.client.groups().upsert(&name, &group).await? {
            return created.id.ok_or_else(lacks_id);
        }
        let found = observe::group_now(self.client, name.into()).await?.ok_or_else(lacks_id)?;
        if !found.members.is_empty() || found.rule.is_some() || found.owners.len() > 1 {
            return Err(Error::new(ErrorCode::PlanOutdated)
                .with_message(format!("somebody else has made the group meanwhile: {found}")));
        }
        found.id.ok_or_else(lacks_id)
    }

    /// Adds a member, and looks where it is not known whether that was done.
    async fn add_member(&self, group: DirectoryObjectId, person: DirectoryObjectId) -> Result<(), Error> {
        let mut tries = 1;
        loop {
            let error = match self.client.groups().add_member(group, person).await {
                Ok(()) => return Ok(()),
                Err(error) if may_be_there(&error) => error,
                Err(error) => return Err(error),
            };
            let members = self.client.groups().members(group).select(["id"]).all().await?;
            if members.iter().any(|member| member.id == Some(person)) {
                return Ok(());
            }
            if tries >= MAX_TRIES {
                return Err(error);
            }
            tries += 1;
        }
    }
}
