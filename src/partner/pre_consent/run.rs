//! A run over all customers: who is begun, who waits, and when it stops.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tracing::{Instrument as _, Span};

use crate::error::{Error, ErrorCode};
use crate::partner::in_flight::{InFlight, customer_span};
use crate::partner::outcome::{CustomerOutcome, CustomerState, Reason};
use crate::partner::pre_consent::customer::{Advance, Job, Shared, Stage};
use crate::partner::pre_consent::halt::Halt;
use crate::partner::pre_consent::queue::Queue;
use crate::partner::report::{Report, Subject};

/// Whether a run goes on.
///
/// ```
/// use entra_apps::partner::RunState;
///
/// fn is_over(state: &RunState) -> bool {
///     matches!(state, RunState::Finished | RunState::Stopped(_))
/// }
/// assert!(is_over(&RunState::Finished));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum RunState {
    /// It goes on while it is polled.
    Running,
    /// The person has to sign in again, into the store from which the client takes its refresh token; then
    /// [`resume`](ConsentRun::resume) goes on. What was done is kept, and so is where each customer stands.
    SignInNeeded(Error),
    /// Every further customer would have failed in this way, or one of the first has failed.
    Stopped(Error),
    /// [`cancel`](ConsentRun::cancel) was called.
    Cancelled,
    /// Every customer has an outcome.
    Finished,
}

/// How far a run is.
///
/// ```
/// use entra_apps::partner::ConsentProgress;
///
/// fn line(progress: &ConsentProgress) -> String {
///     let ConsentProgress { done, total, waiting, per_second, .. } = progress;
///     format!("{done} of {total}, {waiting} wait, {per_second:.1} in a second")
/// }
/// # let _ = line;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConsentProgress {
    /// Customers in all.
    pub total: usize,
    /// Customers that have an outcome.
    pub done: usize,
    /// Customers that are being worked on.
    pub working: usize,
    /// Customers that wait: for a consent to come through, or for the first ones to succeed.
    pub waiting: usize,
    /// Customers done in a second, since the run began.
    pub per_second: f64,
    /// How long the rest takes at that rate; `None` before the first.
    pub time_left: Option<Duration>,
}

/// A run over the customers of a partner: a [`Stream`] of their outcomes, each as soon as it is known.
///
/// Nothing is spawned: it goes on while it is polled. Dropping it ends it in the middle of what it does; a later run goes on
/// from what it finds. What a run sends at once is bounded, and not the number of customers: those that wait for a consent
/// to come through take some hundred bytes each, and hold no token.
///
/// The first few customers of which anything is to be written, the [canaries](crate::partner::PreConsent::canaries), are done
/// before any other is written to.
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
/// use entra_apps::partner::{CustomerState, DeployerConsent};
///
/// let consent = client.partner().pre_consent(&backup).deployer(&deployer, DeployerConsent::Keep);
/// # let consent = consent.settling(std::time::Duration::ZERO); // the relationships are new
/// let prepared = consent.prepare().await?;
/// let mut run = prepared.run(prepared.approval())?;
/// let first = run.next().await.unwrap();
/// run.cancel(); // somebody has pressed Ctrl-C
/// while let Some(outcome) = run.next().await {
///     println!("{}: {}", outcome.name(), outcome.state);
/// }
/// # let _ = first;
/// let report = prepared.run(prepared.approval())?.report().await; // later
/// let is_done = |state| matches!(state, CustomerState::Consented | CustomerState::AlreadyConsented);
/// assert!(report.customers.iter().all(|customer| is_done(customer.state)), "{report}");
/// # Ok(()) }
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[must_use = "a run goes on while it is polled"]
pub struct ConsentRun {
    shared: Arc<Shared>,
    subject: Subject,
    job: Job,
    state: RunState,
    /// The customer that is begun next.
    next: usize,
    /// Whether it is begun before those that have waited.
    new_is_next: bool,
    in_flight: InFlight<(usize, Advance)>,
    /// Those whose consent is to come through, and those that were held up.
    queue: Queue,
    /// Those of which nothing is written before the canaries have succeeded.
    before_write: VecDeque<(usize, Stage)>,
    canaries: Canaries,
    /// Those that were held up once: a sign-in did not mend it.
    held_up: Vec<usize>,
    done: usize,
    began: Option<Duration>,
    span: Span,
}

/// The customers that are written to first.
#[derive(Debug)]
struct Canaries {
    /// How many are still to succeed.
    left: usize,
    /// Those that are being written to.
    begun: Vec<usize>,
}

impl Canaries {
    fn is_over(&self) -> bool {
        self.left == 0
    }

    /// Whether the customer was one of them; it is none any more.
    fn leave(&mut self, index: usize) -> bool {
        let place = self.begun.iter().position(|canary| *canary == index);
        place.map(|place| self.begun.swap_remove(place)).is_some()
    }
}

impl ConsentRun {
    pub(super) fn new(shared: Arc<Shared>, subject: Subject, job: Job, canaries: usize) -> Self {
        let clock = &shared.client.context().clock;
        let tenant = shared.client.tenant();
        let span = tracing::debug_span!("consent_run", %tenant, app_id = %shared.app_id);
        let left = if matches!(job, Job::DryRun) { 0 } else { canaries };
        Self {
            in_flight: InFlight::new(Arc::clone(clock)),
            queue: Queue::new(Arc::clone(clock)),
            shared,
            subject,
            job,
            state: RunState::Running,
            next: 0,
            new_is_next: false,
            before_write: VecDeque::new(),
            canaries: Canaries { left, begun: Vec::new() },
            held_up: Vec::new(),
            done: 0,
            began: None,
            span,
        }
    }

    /// The next outcome; `None` behind the last, and where the run [needs a sign-in](RunState::SignInNeeded).
    pub async fn next(&mut self) -> Option<CustomerOutcome> {
        poll_fn(|context| self.poll(context)).await
    }

    /// Goes on to the end, and makes the report. Where the run needs a sign-in, those that are left are reported as skipped.
    pub async fn report(mut self) -> Report {
        let mut outcomes = Vec::new();
        while let Some(outcome) = self.next().await {
            outcomes.push(outcome);
        }
        if matches!(self.state, RunState::SignInNeeded(_)) {
            self.cancel();
            while let Some(outcome) = self.next().await {
                outcomes.push(outcome);
            }
        }
        self.report_of(outcomes)
    }

    /// Makes the report of these outcomes.
    pub fn report_of(&self, outcomes: impl IntoIterator<Item = CustomerOutcome>) -> Report {
        Report::new(self.subject.clone(), outcomes.into_iter().collect())
    }

    /// Whether it goes on, and why not.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// How far it is.
    pub fn progress(&self) -> ConsentProgress {
        let total = self.shared.targets.len();
        let now = self.shared.client.clock().monotonic();
        let seconds = self.began.map_or(0.0, |began| now.saturating_sub(began).as_secs_f64());
        let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        let per_second = if seconds > 0.0 { count(self.done) / seconds } else { 0.0 };
        let left = count(total.saturating_sub(self.done));
        ConsentProgress {
            total,
            done: self.done,
            working: self.in_flight.len(),
            waiting: self.queue.len() + self.before_write.len(),
            per_second,
            time_left: (per_second > 0.0).then(|| Duration::try_from_secs_f64(left / per_second).ok()).flatten(),
        }
    }

    /// Goes on after the person has signed in again.
    pub fn resume(&mut self) {
        if matches!(self.state, RunState::SignInNeeded(_)) {
            self.state = RunState::Running;
        }
    }

    /// Begins no other customer. Those that are being worked on come to their end, and the others are reported: a later run
    /// goes on from there.
    pub fn cancel(&mut self) {
        if matches!(self.state, RunState::Running | RunState::SignInNeeded(_)) {
            self.state = RunState::Cancelled;
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<CustomerOutcome>> {
        self.began.get_or_insert_with(|| self.shared.client.clock().monotonic());
        loop {
            let has_begun = self.begin_others(context);
            match self.in_flight.poll_next(context) {
                Poll::Ready(Some((index, advance))) => {
                    if let Some(outcome) = self.take(index, advance) {
                        return Poll::Ready(Some(outcome));
                    }
                }
                Poll::Ready(None) => match self.rest() {
                    Some(outcome) => return Poll::Ready(Some(outcome)),
                    None if self.is_idle() => {
                        if matches!(self.state, RunState::Running) {
                            self.state = RunState::Finished;
                        }
                        return Poll::Ready(None);
                    }
                    None if has_begun => {}
                    None => return Poll::Pending,
                },
                // Some of them may wait now, and have left their places.
                Poll::Pending if has_begun => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Whether nothing is left to be done before somebody does something.
    fn is_idle(&self) -> bool {
        let is_held_up = matches!(self.state, RunState::SignInNeeded(_));
        is_held_up || (self.next >= self.shared.targets.len() && self.queue.len() == 0 && self.before_write.is_empty())
    }

    /// Begins as many as there is room for: those whose time has come, then those that are written to, then the next.
    fn begin_others(&mut self, context: &mut Context<'_>) -> bool {
        let mut has_begun = false;
        while matches!(self.state, RunState::Running) && self.in_flight.has_room() {
            let Some((index, stage, may_write)) = self.next_to_begin(context) else { break };
            let (shared, job) = (Arc::clone(&self.shared), self.job.clone());
            let span = customer_span(&self.span, shared.targets[index].tenant);
            self.in_flight.begin(move |observer| {
                let advance = async move { (index, shared.advance(job, index, stage, may_write, observer).await) };
                advance.instrument(span)
            });
            has_begun = true;
        }
        has_begun
    }

    fn next_to_begin(&mut self, context: &mut Context<'_>) -> Option<(usize, Stage, bool)> {
        // In turns with those whose time has come, so that there is always somebody whose time comes next.
        self.new_is_next = !self.new_is_next;
        let waits_for_new = self.new_is_next && self.canaries.is_over() && self.next < self.shared.targets.len();
        if !waits_for_new && let Some((index, stage)) = self.queue.poll_due(context) {
            return Some((index, stage, self.canaries.is_over() || self.canaries.begun.contains(&index)));
        }
        let has_turn = self.canaries.is_over() || self.canaries.begun.len() < self.canaries.left;
        if has_turn && let Some((index, stage)) = self.before_write.pop_front() {
            if !self.canaries.is_over() {
                self.canaries.begun.push(index);
            }
            return Some((index, stage, true));
        }
        let index = self.next;
        if index < self.shared.targets.len() {
            self.next += 1;
            return Some((index, Stage::Begin, self.canaries.is_over()));
        }
        None
    }

    /// Takes in what has become of a customer.
    fn take(&mut self, index: usize, advance: Advance) -> Option<CustomerOutcome> {
        match advance {
            Advance::Done { outcome, has_written } => {
                self.canary_done(index, &outcome, has_written);
                self.done += 1;
                Some(outcome)
            }
            Advance::Wait { stage, time } => {
                self.queue.push(index, stage, time);
                None
            }
            Advance::NeedsTurn(stage) => {
                self.before_write.push_back((index, stage));
                None
            }
            Advance::Halted { halt: Halt::SignIn, error, .. } if self.held_up.contains(&index) => {
                // It gives its place among the first to another.
                self.canaries.leave(index);
                self.done += 1;
                Some(self.shared.unfinished(index, CustomerState::NotReady, Reason::from(&error)))
            }
            Advance::Halted { stage, halt, error } => {
                if halt == Halt::SignIn {
                    self.held_up.push(index);
                }
                self.queue.push(index, stage, Duration::ZERO);
                if matches!(self.state, RunState::Running) {
                    self.state = match halt {
                        Halt::Stop => RunState::Stopped(error),
                        Halt::SignIn => RunState::SignInNeeded(error),
                    };
                }
                None
            }
        }
    }

    fn canary_done(&mut self, index: usize, outcome: &CustomerOutcome, has_written: bool) {
        if !self.canaries.leave(index) {
            return;
        }
        let name = outcome.name();
        match outcome.state {
            CustomerState::Failed => {
                let message = format!("{}: {}", ErrorCode::CanaryFailed.cause(), outcome.detail().unwrap_or(name));
                if matches!(self.state, RunState::Running) {
                    self.state = RunState::Stopped(Error::new(ErrorCode::CanaryFailed).with_message(message));
                }
            }
            CustomerState::Consented
            | CustomerState::Widened
            | CustomerState::Revoked
            | CustomerState::AlreadyConsented
                if has_written =>
            {
                self.canaries.left -= 1;
            }
            // It says nothing of the others.
            _ => {}
        }
    }

    /// The outcome of one that is not come to any more, where the run has stopped or was cancelled.
    fn rest(&mut self) -> Option<CustomerOutcome> {
        let code = match &self.state {
            RunState::Stopped(error) => error.code(),
            RunState::Cancelled => ErrorCode::RunCancelled,
            _ => return None,
        };
        let (index, stage) = self.left()?;
        self.done += 1;
        let (state, reason) = match stage {
            Stage::Propagating { .. } => {
                (CustomerState::NotYet, Reason::of(ErrorCode::ConsentNotVisibleYet, Vec::new()))
            }
            Stage::Begin | Stage::FirstHop => {
                let detail = format!("the run ended before it came to this customer: {}", code.cause());
                (CustomerState::Skipped, Reason::new(code, Vec::new(), detail, "Run it again: what was done is found."))
            }
        };
        Some(self.shared.unfinished(index, state, reason))
    }

    fn left(&mut self) -> Option<(usize, Stage)> {
        if self.queue.len() > 0 {
            self.before_write.extend(self.queue.take_all());
        }
        self.before_write.pop_front().or_else(|| {
            let index = self.next;
            self.next += 1;
            (index < self.shared.targets.len()).then_some((index, Stage::Begin))
        })
    }
}

impl Stream for ConsentRun {
    type Item = CustomerOutcome;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<CustomerOutcome>> {
        self.get_mut().poll(context)
    }
}

impl fmt::Debug for ConsentRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsentRun")
            .field("subject", &self.subject)
            .field("state", &self.state)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
