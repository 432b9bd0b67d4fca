//! One customer: what is done next for it, from what its tenant shows. Nothing is remembered but where it stands.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::ids::{AppId, TenantId};
use crate::partner::audit::Asker;
use crate::partner::audit::consent::{self, Known};
use crate::partner::audit::judge::{self, is_about_the_asking_app};
use crate::partner::outcome::{CustomerOutcome, CustomerState, Reason};
use crate::partner::pre_consent::approval::{ConsentApproval, DeployerConsent, texts};
use crate::partner::pre_consent::deployer::Deployer;
use crate::partner::pre_consent::first_hop::{Consents, FirstHop, has_scope};
use crate::partner::pre_consent::halt::{Halt, Place, halt};
use crate::partner::pre_consent::target::Target;
use crate::partner::readiness::{Gap, ReadinessOutcome};
use crate::permission::{MICROSOFT_GRAPH, well_known_name};
use crate::provision::apply::Apply;
use crate::provision::consent_check::{ConsentCheck, Look, Principal};
use crate::provision::plan::Plan;
use crate::provision::registration::AppRegistration;
use crate::retry::WaitObserver;

/// What all customers of a run share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The partner's, with the limits of the run.
    pub(super) client: Client,
    pub(super) app_id: AppId,
    pub(super) publisher: TenantId,
    pub(super) registrations: Vec<AppRegistration>,
    /// One for each registration.
    pub(super) checks: Vec<ConsentCheck>,
    /// The deployer's, or one for each registration.
    pub(super) hops: Vec<FirstHop>,
    pub(super) deployer: Option<Deployer>,
    /// The app itself, where its credential is at hand.
    pub(super) own: Vec<Asker>,
    /// Who is asked what is granted where nothing is written.
    pub(super) askers: Vec<Asker>,
    pub(super) targets: Vec<Target>,
    /// What stands in the partner's way everywhere.
    pub(super) partner_gaps: Vec<Gap>,
    pub(super) replaces_consents: bool,
    pub(super) propagation: Duration,
}

/// What is to be done for each customer.
#[derive(Clone, Debug)]
pub(super) enum Job {
    /// Reads alone.
    DryRun,
    Consent(Arc<ConsentApproval>),
    Revoke,
}

/// Where a customer stands: small, because thousands may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Begin,
    /// Partner Center is to consent to the app that acts.
    FirstHop,
    /// It has, and a token is to show it.
    Propagating {
        consents: Consents,
        since: Duration,
        polls: u32,
    },
}

impl Stage {
    /// Whether anything was written there.
    pub(super) fn has_written(self) -> bool {
        matches!(self, Self::Propagating { .. })
    }
}

/// What has become of a customer.
pub(super) enum Advance {
    Done {
        outcome: CustomerOutcome,
        has_written: bool,
    },
    /// It is looked at again after a while, and holds nothing until then.
    Wait {
        stage: Stage,
        time: Duration,
    },
    /// The next thing is the first write there, which is not its turn yet.
    NeedsTurn(Stage),
    Halted {
        stage: Stage,
        halt: Halt,
        error: Error,
    },
}

/// How long it is waited before each look, the last one again and again.
const POLL_DELAYS: [Duration; 6] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(40),
    Duration::from_secs(60),
];

/// How often it is planned anew where others write at the same time.
const MAX_PLANS: u32 = 3;

/// By any of these a person's token can widen the consent of its own app.
const WIDENING: [&str; 2] = ["DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"];

/// An error, and where it comes from.
struct Failed(Error, Place);

type Next = Result<Advance, Failed>;

fn in_customer(error: Error) -> Failed {
    Failed(error, Place::Customer)
}

fn at_partner(error: Error) -> Failed {
    Failed(error, Place::Partner)
}

impl Shared {
    fn check(&self, target: &Target) -> &ConsentCheck {
        &self.checks[target.registration]
    }

    fn hop(&self, target: &Target) -> &FirstHop {
        match self.deployer {
            Some(_) => &self.hops[0],
            None => &self.hops[target.registration],
        }
    }

    /// Does what is next for a customer, up to its end or to a wait.
    pub(super) async fn advance(
        self: Arc<Self>,
        job: Job,
        index: usize,
        stage: Stage,
        may_write: bool,
        observer: WaitObserver,
    ) -> Advance {
        let target = &self.targets[index];
        let partner = self.client.begin_operation().observed(observer.clone());
        let client = partner.for_tenant(target.tenant);
        let work = Work { shared: &self, target, job: &job, partner, client: client.clone(), may_write, observer };
        let advance = match Box::pin(work.go_on(stage)).await {
            Ok(advance) => advance,
            Err(Failed(error, place)) => match halt(&error, place) {
                Some(halt) => Advance::Halted { stage, halt, error },
                None => work.failed(&error, place, stage),
            },
        };
        drop(work);
        // Whoever waits holds no token.
        client.forget();
        advance
    }

    /// The outcome of a customer that the run did not come to the end of.
    pub(super) fn unfinished(&self, index: usize, state: CustomerState, reason: Reason) -> CustomerOutcome {
        CustomerOutcome::new(&self.targets[index].customer(), state, vec![reason])
    }
}

/// The work on one customer.
struct Work<'a> {
    shared: &'a Shared,
    target: &'a Target,
    job: &'a Job,
    partner: Client,
    client: Client,
    may_write: bool,
    observer: WaitObserver,
}

impl Work<'_> {
    async fn go_on(&self, stage: Stage) -> Next {
        match stage {
            Stage::Begin if matches!(self.job, Job::DryRun) || self.target.readiness != ReadinessOutcome::Ready => {
                self.read_only().await
            }
            Stage::Begin => self.begin().await,
            Stage::FirstHop => self.first_hop().await,
            Stage::Propagating { consents, since, polls } => self.look_for_consent(consents, since, polls).await,
        }
    }

    fn done(&self, state: CustomerState, reasons: Vec<Reason>, has_written: bool) -> Advance {
        let outcome = CustomerOutcome::new(&self.target.customer(), state, reasons);
        Advance::Done { outcome, has_written }
    }

    fn judged(&self, known: Known) -> CustomerOutcome {
        judge::outcome(&self.target.readiness(), &self.shared.partner_gaps, known)
    }

    /// Reads what is granted, by whoever may.
    async fn read_only(&self) -> Next {
        let check = self.shared.check(self.target);
        let known = consent::read(check, &self.shared.askers, &self.target.readiness(), &self.observer).await;
        if let Known::Refused(refusals) = &known
            && let Some(refusal) = refusals.iter().find(|it| halt(&it.error, Place::Customer).is_some())
        {
            return Err(in_customer(refusal.error.said_again()));
        }
        Ok(Advance::Done { outcome: self.judged(known), has_written: false })
    }

    async fn begin(&self) -> Next {
        if !self.shared.own.is_empty() && matches!(self.job, Job::Consent(_)) {
            let check = self.shared.check(self.target);
            let known = consent::read(check, &self.shared.own, &self.target.readiness(), &self.observer).await;
            let outcome = self.judged(known);
            if outcome.state == CustomerState::AlreadyConsented {
                return Ok(Advance::Done { outcome, has_written: false });
            }
        }
        let mut consents = Consents::default();
        match self.hop().lacking(&self.client, &mut consents).await {
            Ok(lacking) if lacking.is_empty() => self.second_hop(consents, false).await,
            Ok(lacking) => self.widen_first_hop(consents, &lacking).await,
            Err(error) if is_about_the_asking_app(error.code()) => match (self.job, &self.shared.deployer) {
                (Job::Revoke, None) => Ok(self.done(CustomerState::NotConsented, Vec::new(), false)),
                _ => self.first_hop().await,
            },
            Err(error) => Err(in_customer(error)),
        }
    }

    fn hop(&self) -> &FirstHop {
        self.shared.hop(self.target)
    }

    /// Lets Partner Center consent to the app that acts.
    async fn first_hop(&self) -> Next {
        if let Some(skipped) = self.not_approved() {
            return Ok(skipped);
        }
        if !self.may_write {
            return Ok(Advance::NeedsTurn(Stage::FirstHop));
        }
        let consents = self.hop().consent(&self.partner, self.target.tenant).await.map_err(at_partner)?;
        Ok(self.wait_for_consent(consents))
    }

    fn wait_for_consent(&self, consents: Consents) -> Advance {
        let stage = Stage::Propagating { consents, since: self.client.clock().monotonic(), polls: 1 };
        Advance::Wait { stage, time: POLL_DELAYS[0] }
    }

    /// Looks whether the consent has come through.
    async fn look_for_consent(&self, mut consents: Consents, since: Duration, polls: u32) -> Next {
        match self.hop().lacking(&self.client, &mut consents).await {
            Ok(lacking) if lacking.is_empty() => return self.second_hop(consents, true).await,
            Ok(lacking) if consents.existed => return self.widen_first_hop(consents, &lacking).await,
            Ok(_) => {}
            Err(error) if is_about_the_asking_app(error.code()) => {}
            Err(error) => return Err(in_customer(error)),
        }
        let waited = self.client.clock().monotonic().saturating_sub(since);
        if waited >= self.shared.propagation {
            let reason = Reason::of(ErrorCode::ConsentNotVisibleYet, Vec::new());
            return Ok(self.done(CustomerState::NotYet, vec![reason], true));
        }
        let time = POLL_DELAYS[(polls as usize).min(POLL_DELAYS.len() - 1)];
        Ok(Advance::Wait { stage: Stage::Propagating { consents, since, polls: polls + 1 }, time })
    }

    /// Gives the app that acts what its consent lacks: by itself, or by a new consent where that takes nothing away from
    /// anybody.
    async fn widen_first_hop(&self, mut consents: Consents, lacking: &[String]) -> Next {
        if let Some(skipped) = self.not_approved() {
            return Ok(skipped);
        }
        if !self.may_write {
            return Ok(Advance::NeedsTurn(Stage::Begin));
        }
        // From here on it is waited for what is granted now.
        consents.existed = false;
        let hop = self.hop();
        let claims = self.client.token_claims().await.map_err(in_customer)?;
        if WIDENING.iter().any(|scope| has_scope(&claims, scope)) {
            let (look, _) = Box::pin(hop.check.look(&self.client, None)).await.map_err(in_customer)?;
            self.apply(&look.plan).await?;
            return Ok(self.wait_for_consent(consents));
        }
        if self.shared.replaces_consents {
            match Box::pin(hop.check.look(&self.client, None)).await {
                Ok((Look { left, .. }, _)) if left.is_empty() => {
                    let api = self.partner.partner();
                    let api = api.application_consents(self.target.tenant);
                    api.delete(hop.app_id).await.map_err(at_partner)?;
                    let mut again = hop.consent(&self.partner, self.target.tenant).await.map_err(at_partner)?;
                    again.existed = false;
                    return Ok(self.wait_for_consent(again));
                }
                // Somebody else has granted something, or nobody knows.
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Forbidden => {}
                Err(error) => return Err(in_customer(error)),
            }
        }
        let code = ErrorCode::ConsentTooNarrow;
        let detail = format!("{}: it lacks {}", code.cause(), lacking.join(", "));
        let of_graph = hop.consents.iter().filter(|consent| consent.api() == MICROSOFT_GRAPH);
        let scopes: Vec<String> = of_graph.flat_map(|consent| consent.scopes().to_vec()).collect();
        let remedy = format!("{} It is <{}>.", code.remedy(), self.consent_link(hop.app_id, &scopes));
        let reason = Reason::new(code, lacking.to_vec(), detail, remedy);
        Ok(self.done(CustomerState::NotReady, vec![reason], true))
    }

    /// The address at which an administrator of the customer consents to permissions of Microsoft Graph for an app, or to all
    /// that it declares.
    fn consent_link(&self, app_id: AppId, scopes: &[String]) -> String {
        let cloud = self.client.cloud();
        let all = cloud.graph_scope();
        let of_graph = |scope: &String| format!("{}/{scope}", all.trim_end_matches("/.default"));
        let scopes: Vec<String> = scopes.iter().map(of_graph).collect();
        let scope = if scopes.is_empty() { all.clone() } else { scopes.join(" ") };
        let mut url = cloud.authority().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend([self.target.tenant.to_string().as_str(), "v2.0", "adminconsent"]);
        }
        url.query_pairs_mut().append_pair("client_id", &app_id.to_string()).append_pair("scope", &scope);
        url.into()
    }

    /// Skips a customer whose consent nobody has approved.
    fn not_approved(&self) -> Option<Advance> {
        let Job::Consent(approval) = self.job else { return None };
        let wanted = texts(self.shared.registrations[self.target.registration].declared_permissions());
        if approval.covers(self.target.tenant, &wanted) {
            return None;
        }
        let reason = Reason::new(
            ErrorCode::NeedsApproval,
            Vec::new(),
            "the approval does not cover this customer",
            "Look at what would be done now, and approve that.",
        );
        Some(self.done(CustomerState::Skipped, vec![reason], false))
    }

    /// Installs the app and grants what it needs, or takes it away again; then the deployer goes, where it is not to stay.
    async fn second_hop(&self, consents: Consents, has_written: bool) -> Next {
        let Some(deployer) = &self.shared.deployer else { return self.end_of_one_hop(consents, has_written).await };
        let removes = deployer.consent == DeployerConsent::Remove;
        let mut plans = 1;
        loop {
            let check = self.shared.check(self.target);
            let beside = removes.then_some(&self.hop().check);
            let (look, beside) = Box::pin(check.look(&self.client, beside)).await.map_err(in_customer)?;
            let result = match self.job {
                Job::Revoke => self.revoke(has_written).await,
                _ => self.grant(look, has_written).await,
            };
            let advance = match result {
                Err(Failed(error, _)) if plans < MAX_PLANS && is_outdated(&error) => {
                    plans += 1;
                    continue;
                }
                result => result?,
            };
            return match (advance, beside) {
                (Advance::Done { outcome, has_written }, Some(beside)) => {
                    self.remove_deployer(outcome, &beside, has_written).await
                }
                (advance, _) => Ok(advance),
            };
        }
    }

    async fn grant(&self, look: Look, has_written: bool) -> Next {
        let Look { mut consent, plan, .. } = look;
        let (was_granted, is_deleted) = (consent.is_any_granted, matches!(consent.principal, Principal::Deleted(_)));
        let mut before = self.judged(Known::Read(consent.clone()));
        match before.state {
            CustomerState::NotConsented if is_deleted => {
                before.state = CustomerState::NotReady;
                return Ok(Advance::Done { outcome: before, has_written });
            }
            CustomerState::NotConsented => {}
            _ => return Ok(Advance::Done { outcome: before, has_written }),
        }
        if let Some(skipped) = self.not_approved() {
            return Ok(skipped);
        }
        if !self.may_write {
            return Ok(Advance::NeedsTurn(Stage::Begin));
        }
        self.apply(&plan).await?;
        consent.missing.clear();
        consent.principal = Principal::Present;
        let mut outcome = self.judged(Known::Read(consent));
        outcome.state = if was_granted { CustomerState::Widened } else { CustomerState::Consented };
        Ok(Advance::Done { outcome, has_written: true })
    }

    /// Applies a plan, all of whose permissions were approved when the run began.
    async fn apply(&self, plan: &Plan) -> Result<(), Failed> {
        let approved: Vec<String> = plan.needs_approval().into_iter().map(ToString::to_string).collect();
        if let Job::Consent(approval) = self.job {
            let of_deployer = approval.deployer.iter().flat_map(|it| &it.permissions);
            let known: BTreeSet<&String> =
                approval.consents.iter().flat_map(|it| &it.permissions).chain(of_deployer).collect();
            if let Some(other) = approved.iter().find(|text| !known.contains(text)) {
                return Err(in_customer(Error::new(ErrorCode::NeedsApproval).with_message(format!(
                    "in this tenant a permission stands for {other}, which nobody has approved"
                ))));
            }
        }
        let apply = approved.into_iter().fold(self.client.apply(plan), Apply::approve);
        apply.await.map(|_| ()).map_err(|failed| in_customer(failed.into()))
    }

    /// Takes away what was granted, and the service principal where it would hold nothing then.
    async fn revoke(&self, has_written: bool) -> Next {
        let (app_id, registration) = (self.shared.app_id, &self.shared.registrations[self.target.registration]);
        let installation = self.client.install(app_id, self.shared.publisher, registration);
        let (plan, in_use) = match installation.plan_removal().service_principal().await {
            Err(error) if error.code() == ErrorCode::ServicePrincipalInUse => {
                (installation.plan_removal().await.map_err(in_customer)?, Some(Reason::from(&error)))
            }
            plan => (plan.map_err(in_customer)?, None),
        };
        if plan.is_converged() {
            return Ok(self.done(CustomerState::NotConsented, in_use.into_iter().collect(), has_written));
        }
        if !self.may_write {
            return Ok(Advance::NeedsTurn(Stage::Begin));
        }
        let apply = self.client.apply(&plan);
        let apply = if in_use.is_none() { apply.approve_deletion(app_id) } else { apply };
        apply.await.map_err(|failed| in_customer(failed.into()))?;
        Ok(self.done(CustomerState::Revoked, in_use.into_iter().collect(), true))
    }

    /// What has become of the app that the person is signed in to, which Partner Center has consented to by itself.
    async fn end_of_one_hop(&self, consents: Consents, has_written: bool) -> Next {
        let hop = self.hop();
        if matches!(self.job, Job::Revoke) {
            return self.revoke_one_hop(hop).await;
        }
        // What was there before and turned out to be enough, nobody has added to.
        let state = match has_written && !consents.existed {
            true => CustomerState::Consented,
            false => CustomerState::AlreadyConsented,
        };
        let lacking = hop.consents.iter().enumerate().filter(|(index, _)| consents.lacks_api(*index));
        let reasons = lacking.map(|(_, consent)| {
            let api = well_known_name(consent.api()).map_or_else(|| consent.api().to_string(), str::to_owned);
            Reason::of(ErrorCode::ApiNotInTenant, vec![api])
        });
        Ok(self.done(state, reasons.collect(), has_written))
    }

    async fn revoke_one_hop(&self, hop: &FirstHop) -> Next {
        let (look, _) = Box::pin(hop.check.look(&self.client, None)).await.map_err(in_customer)?;
        if !look.consent.surplus.is_empty() {
            let reason = Reason::of(ErrorCode::SurplusPermissions, look.consent.surplus);
            return Ok(self.done(CustomerState::Failed, vec![reason], false));
        }
        if !self.may_write {
            return Ok(Advance::NeedsTurn(Stage::Begin));
        }
        let partner = self.partner.partner();
        let was_there =
            partner.application_consents(self.target.tenant).delete(hop.app_id).await.map_err(at_partner)?;
        let state = if was_there { CustomerState::Revoked } else { CustomerState::NotConsented };
        Ok(self.done(state, Vec::new(), true))
    }

    /// Takes the deployer away, where it holds nothing but what its registration names.
    async fn remove_deployer(&self, mut outcome: CustomerOutcome, beside: &Look, has_written: bool) -> Next {
        if !self.may_write {
            return Ok(Advance::NeedsTurn(Stage::Begin));
        }
        let code = ErrorCode::DeployerLeft;
        let left = match (&beside.consent.principal, beside.left.as_slice()) {
            (Principal::Absent | Principal::Deleted(_), _) => return Ok(Advance::Done { outcome, has_written }),
            (Principal::OfAnotherPublisher(_), _) => Some("it belongs to another tenant than the partner's".to_owned()),
            (_, []) => match self.delete_deployer().await {
                Ok(()) => None,
                Err(Failed(error, place)) if halt(&error, place).is_some() => return Err(Failed(error, place)),
                Err(Failed(error, _)) => Some(error.message().to_owned()),
            },
            (_, left) => Some(format!("it holds {}, which its registration does not name", left.join(", "))),
        };
        if let Some(why) = left {
            let detail = format!("{}, because {why}", code.cause());
            outcome.add(Reason::new(code, Vec::new(), detail, code.remedy()));
        }
        Ok(Advance::Done { outcome, has_written: true })
    }

    /// Takes its consent away at Partner Center first, which takes nothing from anybody where it is gone already, and then
    /// its service principal, with the token that is still held.
    async fn delete_deployer(&self) -> Result<(), Failed> {
        let app_id = self.hop().app_id;
        let partner = self.partner.partner();
        partner.application_consents(self.target.tenant).delete(app_id).await.map_err(at_partner)?;
        match self.client.service_principals().delete(app_id).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            result => result.map_err(in_customer),
        }
    }

    /// The outcome where something failed that is this customer's alone.
    fn failed(&self, error: &Error, place: Place, stage: Stage) -> Advance {
        use ErrorCode as Code;
        let mut reasons = Vec::new();
        let state = match error.code() {
            code @ (Code::BlockedByConditionalAccess | Code::MfaRequired | Code::InteractionRequired)
                if place == Place::Customer =>
            {
                reasons.push(Reason::from(&Gap::BlockedByCustomer { error: code, partner: None }));
                CustomerState::NotReady
            }
            Code::NotACustomer => {
                let link = self.consent_link(self.shared.app_id, &[]);
                let remedy = format!(
                    "Send an administrator of the customer the admin consent link <{link}>: Partner Center does not know \
                     this tenant as a customer."
                );
                reasons.push(Reason::new(error.code(), Vec::new(), error.message(), remedy));
                CustomerState::NotReady
            }
            Code::MissingPermission
            | Code::BlockedByCrossTenantPolicy
            | Code::TenantBlocked
            | Code::UnknownTenant
            | Code::AccountNotInTenant
            | Code::ApiNotInTenant
            | Code::AppDisabled
            | Code::WrongPublisher => CustomerState::NotReady,
            Code::NeedsApproval => CustomerState::Skipped,
            _ => CustomerState::Failed,
        };
        if reasons.is_empty() {
            reasons.push(Reason::from(error));
        }
        let removes = self.shared.deployer.as_ref().is_some_and(|it| it.consent == DeployerConsent::Remove);
        if removes && stage.has_written() {
            reasons.push(Reason::of(ErrorCode::DeployerLeft, Vec::new()));
        }
        self.done(state, reasons, stage.has_written() || self.may_write)
    }
}

/// Whether a new look at the tenant may mend it: somebody else has written there at the same time.
fn is_outdated(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::PlanOutdated | ErrorCode::ObjectConflict | ErrorCode::AlreadyGranted)
}
