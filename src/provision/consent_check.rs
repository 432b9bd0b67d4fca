//! What an app of another tenant is granted here, beside what a registration names: for whoever looks at many tenants.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;

use crate::client::{Batch, Client};
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, TenantId};
use crate::permission::{MICROSOFT_GRAPH, Permission, PermissionKind, well_known_name};
use crate::provision::collections::holds_after_removal;
use crate::provision::comparison::{Comparison, step_about};
use crate::provision::findings::Findings;
use crate::provision::installed;
use crate::provision::notice::{Notice, notices};
use crate::provision::observe::{InstalledReads, cache_key, is_settled, observe_installed, published};
use crate::provision::observed::{Observed, Resolved};
use crate::provision::permission_entry::{PermissionEntry, Place};
use crate::provision::plan::Plan;
use crate::provision::plan_options::{Installed, PlanOptions};
use crate::provision::published::take_over;
use crate::provision::registration::AppRegistration;
use crate::provision::step::{Step, StepId, StepKind};
use crate::provision::steps::steps;

/// A check of the consent to one app, for any number of tenants.
#[derive(Debug)]
pub(crate) struct ConsentCheck {
    registration: AppRegistration,
    app_id: AppId,
    options: PlanOptions,
    /// The wanted permissions as a tenant has published them: the ids are the app's that publishes them, and those of its
    /// service principals in all tenants of a cloud. Microsoft Graph's lists are too long to be read in each.
    known: Mutex<Vec<Resolved>>,
}

/// A look at one tenant.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) consent: Consent,
    /// The plan for what is missing.
    pub(crate) plan: Box<Plan>,
    /// What the service principal would hold if all that is wanted were taken away, each for a person.
    pub(crate) left: Vec<String>,
}

/// What an app is granted in a tenant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Consent {
    pub(crate) principal: Principal,
    /// Whether users must be assigned to the app.
    pub(crate) assignment_required: bool,
    /// Whether any of the wanted permissions is granted.
    pub(crate) is_any_granted: bool,
    /// The wanted permissions that could be granted and are not.
    pub(crate) missing: Vec<String>,
    /// What is granted for the whole tenant and not wanted.
    pub(crate) surplus: Vec<String>,
    /// What keeps wanted permissions from being granted: the code, what it is about, the clause and the remedy.
    pub(crate) obstacles: Vec<(ErrorCode, String, String, String)>,
    /// The wanted permissions that cannot be seen in the way that was asked.
    pub(crate) unseen: Vec<String>,
    /// What is to be known, and is in the way of nothing.
    pub(crate) notices: Vec<Notice>,
    /// The member that came in a form that cannot be read.
    pub(crate) unreadable: Option<&'static str>,
}

/// The service principal of the app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Principal {
    #[default]
    Present,
    Disabled,
    Absent,
    /// Absent, and there are deleted ones of these object ids.
    Deleted(Vec<String>),
    /// It is of an app of another tenant than the publisher's.
    OfAnotherPublisher(TenantId),
}

impl ConsentCheck {
    /// Checks the consent to the app `app_id`, which is registered in the tenant `publisher`.
    ///
    /// # Errors
    /// When it is not an app for other tenants, or Microsoft's own.
    pub(crate) fn new(registration: &AppRegistration, app_id: AppId, publisher: TenantId) -> Result<Self, Error> {
        let installed = Installed { principal: app_id.into(), publisher: Some(publisher), removal: None };
        let mut findings = Findings::default();
        registration.check_into(&mut findings);
        installed::check(registration, &installed, &mut findings);
        findings.into_result()?;
        let options = PlanOptions { installed: Some(installed), ..PlanOptions::default() };
        Ok(Self { registration: registration.clone(), app_id, options, known: Mutex::default() })
    }

    /// Learns the ids of the wanted permissions from a tenant, in one request, so that others need not be asked for them.
    pub(crate) async fn learn(&self, client: &Client) -> Result<(), Error> {
        self.remember(published(client, &self.registration).await?);
        Ok(())
    }

    fn remember(&self, permissions: Vec<Resolved>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for found in permissions {
            if known.iter().all(|known| known.permission != found.permission) {
                known.push(found);
            }
        }
    }

    /// Reads what is granted in the client's tenant, in one request.
    pub(crate) async fn read(&self, client: &Client) -> Result<Consent, Error> {
        let known = self.known();
        let observed = observe_installed(client, &self.registration, &known, self.app_id.into(), None).await?;
        self.remember(observed.permissions.clone());
        let now = client.clock().now();
        let it = Comparison { registration: &self.registration, observed: &observed, options: &self.options, now };
        Ok(Consent::of(&it, &observed))
    }

    /// Looks at what is granted in the client's tenant, in one request, and plans what is missing. Another app is looked at
    /// in the same request.
    pub(crate) async fn look(&self, client: &Client, beside: Option<&Self>) -> Result<(Look, Option<Look>), Error> {
        let tenant = client.tenant_id().await?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let now = client.clock().now();
            let (known, known_beside) = (self.known(), beside.map(Self::known).unwrap_or_default());
            let mut batch = client.batch();
            let own = self.reads(client, &known, &mut batch);
            let other = beside.map(|other| (other, other.reads(client, &known_beside, &mut batch)));
            let mut responses = batch.send().await?;
            let observed = own.take(client, tenant, &mut responses).await?;
            let key = cache_key(tenant, &self.registration, &self.options);
            if !is_settled(client, &key, &observed, attempts).await? {
                continue;
            }
            let other = match other {
                Some((other, reads)) => Some(other.see(client, reads.take(client, tenant, &mut responses).await?, now)),
                None => None,
            };
            return Ok((self.see(client, observed, now), other));
        }
    }

    fn known(&self) -> Vec<Resolved> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reads<'a>(&'a self, client: &Client, known: &[Resolved], batch: &mut Batch) -> InstalledReads<'a> {
        InstalledReads::new(client, &self.registration, known, self.app_id.into(), None, batch)
    }

    fn see(&self, client: &Client, observed: Observed, now: OffsetDateTime) -> Look {
        self.remember(observed.permissions.clone());
        let it = Comparison { registration: &self.registration, observed: &observed, options: &self.options, now };
        let (consent, left) = (Consent::of(&it, &observed), holds_after_removal(&it));
        let plan = Plan::new(client.cloud().name(), &self.registration, self.options.clone(), observed, now);
        if consent.principal == Principal::Present && !plan.is_converged() {
            // It is read again before it is changed.
            take_over(client, &self.known());
        }
        Look { consent, plan: Box::new(plan), left }
    }

    /// Reads what is granted from the app's own token of the client's tenant, which names the application permissions of
    /// Microsoft Graph and no others. No request goes to Graph.
    ///
    /// # Errors
    /// When signing in fails, or the client is signed in as another app.
    pub(crate) async fn read_token(&self, client: &Client) -> Result<Consent, Error> {
        let claims = client.renewed_claims().await?;
        if claims.app() != Some(self.app_id) || claims.scp.is_some() {
            return Err(Error::new(ErrorCode::TokenOfAnotherApp));
        }
        let is_named = |it: &Permission, role: &str| it.name().is_some_and(|name| name.eq_ignore_ascii_case(role));
        let is_held = |it: &Permission| claims.roles.iter().any(|role| is_named(it, role));
        let is_of_graph = |it: &Permission| it.api() == MICROSOFT_GRAPH && it.kind() == PermissionKind::Application;
        // Nor does it tell which groups of permissions the tenant cannot have.
        let is_seen = |entry: &PermissionEntry| {
            let it = &entry.permission;
            is_of_graph(it) && it.name().is_some() && (entry.where_available.is_none() || is_held(it))
        };
        let (seen, unseen): (Vec<_>, Vec<_>) =
            self.registration.entries_in(Place::OtherTenant).partition(|entry| is_seen(entry));
        let unseen: Vec<&Permission> = unseen.into_iter().map(|entry| &entry.permission).collect();
        let seen: Vec<&Permission> = seen.into_iter().map(|entry| &entry.permission).collect();
        let (granted, missing): (Vec<_>, Vec<_>) = seen.iter().partition(|it| is_held(it));
        let is_surplus = |role: &&String| !seen.iter().any(|it| is_named(it, role));
        let surplus = claims.roles.iter().filter(is_surplus).map(|role| {
            let permission = Permission::by_name(MICROSOFT_GRAPH, role, PermissionKind::Application);
            permission.map_or_else(|_| role.clone(), |permission| subject(&granted_step(&permission)))
        });
        Ok(Consent {
            is_any_granted: !granted.is_empty(),
            missing: missing.into_iter().map(|it| subject(&granted_step(it))).collect(),
            surplus: surplus.collect(),
            unseen: unseen.into_iter().map(|it| subject(&granted_step(it))).collect(),
            ..Consent::default()
        })
    }
}

impl Consent {
    fn of(it: &Comparison<'_>, observed: &Observed) -> Self {
        let steps = steps(it);
        let unreadable = steps.iter().find_map(Step::unreadable);
        let in_the_way: BTreeSet<String> =
            it.obstacles().map(|obstacle| granted_step(&obstacle.permission).to_string()).collect();
        let mut consent = Self { unreadable, ..Self::default() };
        for check in steps.into_iter().filter_map(Step::into_check) {
            match check.id.kind() {
                StepKind::PERMISSION_GRANTED if check.done => consent.is_any_granted = true,
                StepKind::PERMISSION_GRANTED if !in_the_way.contains(&check.id.to_string()) => {
                    consent.missing.push(subject(&check.id));
                }
                StepKind::SURPLUS_GRANT => consent.surplus.push(subject(&check.id)),
                StepKind::ASSIGNMENT_REQUIRED => consent.assignment_required = true,
                _ => {}
            }
        }
        for obstacle in it.obstacles() {
            let about = match obstacle.code {
                ErrorCode::ApiNotInTenant => api_name(obstacle.permission.api()),
                _ => subject(&granted_step(&obstacle.permission)),
            };
            let entry = (obstacle.code, about, obstacle.text.clone(), obstacle.remedy.clone());
            // One that is missing keeps several permissions from being granted.
            if !consent.obstacles.contains(&entry) {
                consent.obstacles.push(entry);
            }
        }
        consent.principal = Principal::of(observed, it.options);
        consent.notices = notices(it);
        consent
    }
}

impl Principal {
    fn of(observed: &Observed, options: &PlanOptions) -> Self {
        let publisher = options.installed.as_ref().and_then(|installed| installed.publisher);
        match &observed.principal {
            None if observed.deleted_principals.is_empty() => Self::Absent,
            None => Self::Deleted(observed.deleted_principals.iter().map(ToString::to_string).collect()),
            Some(principal) => match principal.app_owner_organization_id {
                Some(owner) if Some(owner) != publisher => Self::OfAnotherPublisher(owner),
                _ if principal.account_enabled == Some(false) => Self::Disabled,
                _ => Self::Present,
            },
        }
    }
}

fn granted_step(permission: &Permission) -> StepId {
    step_about(StepKind::PERMISSION_GRANTED, permission)
}

/// What a step is about, as its stable text has it.
fn subject(step: &StepId) -> String {
    step.subject().map(ToString::to_string).unwrap_or_default()
}

fn api_name(api: AppId) -> String {
    well_known_name(api).map_or_else(|| api.to_string(), str::to_owned)
}
