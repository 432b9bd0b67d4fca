//! The state of an apply under way: what it works on, what was observed and accepted, and the report.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::client::Client;
use crate::error::on_one_line;
use crate::ids::{KeyId, ServicePrincipalId};
use crate::provision::comparison::Comparison;
use crate::provision::observed::Observed;
use crate::provision::plan_options::PlanOptions;
use crate::provision::progress::{Done, Progress, ProgressHook};
use crate::provision::registration::AppRegistration;
use crate::provision::report::{Registered, SecretSink};
use crate::provision::step::StepId;
use crate::retry::Deadline;

/// An apply under way.
pub(super) struct ApplyState<'a> {
    pub(super) client: Client,
    pub(super) registration: &'a AppRegistration,
    pub(super) options: PlanOptions,
    /// What was observed, moved forward by what was accepted.
    pub(super) observed: Observed,
    pub(super) report: Registered,
    /// The number of the round, from 1.
    pub(super) round: u32,
    /// Until when the writes of this round may be sent that are merged with what was observed, or take away what was.
    pub(super) fresh_until: Deadline,
    /// The attempts to issue a secret whose response was lost, and whose secret was not found.
    pub(super) lost_attempts: Vec<SecretAttempt>,
    /// The attempts to add a certificate that may have been carried out, and whose private key is gone.
    pub(super) lost_keys: Vec<KeyAttempt>,
    /// The number of attempts to issue a secret whose response was lost.
    pub(super) lost_responses: u32,
    /// Whether a grant was in the way, or gone, so that the grants are to be read again.
    pub(super) grants_in_doubt: bool,
    pub(super) sink: Option<Arc<dyn SecretSink>>,
    pub(super) progress: Option<ProgressHook>,
}

/// One attempt to issue a secret.
#[derive(Clone, Debug)]
pub(super) struct SecretAttempt {
    pub(super) name: String,
    /// The description that is sent: the name, or that of a renewal of it.
    pub(super) description: String,
    /// The exact end date that is sent: the mark by which the attempt is found again.
    pub(super) end: OffsetDateTime,
    /// When it was made, on the clock's monotonic scale.
    pub(super) at: Duration,
}

/// One attempt to add a certificate.
#[derive(Clone, Debug)]
pub(super) struct KeyAttempt {
    pub(super) name: String,
    /// Chosen by the attempt: the mark by which it is found again.
    pub(super) key_id: KeyId,
    /// When it was made, on the clock's monotonic scale.
    pub(super) at: Duration,
}

impl ApplyState<'_> {
    /// The registration beside what was observed, as of now.
    pub(super) fn comparison(&self) -> Comparison<'_> {
        Comparison {
            registration: self.registration,
            observed: &self.observed,
            options: &self.options,
            now: self.client.clock().now(),
        }
    }

    /// The service principal that is granted permissions to, where that is not left to somebody else.
    pub(super) fn grantee(&self) -> Option<ServicePrincipalId> {
        self.observed.principal_id().filter(|_| self.registration.admin_consent)
    }

    /// Reports that something was done.
    pub(super) fn done(&mut self, id: impl Into<StepId>, text: impl Into<String>) {
        let done = Done { id: id.into(), text: on_one_line(text.into()) };
        if let Some(progress) = &self.progress {
            progress(&Progress::Done(done.clone()));
        }
        self.report.done.push(done);
    }
}
