//! The statuses that the service changes by itself: of relationships, requests, access assignments and operations.
//!
//! ```text
//! relationship  created → approvalPending → approved → activating → active → expiring → expired
//!                                                                   active → terminationRequested → terminating → terminated
//! request       created → pending → succeeded
//! assignment    pending → active → deleting → deleted
//! operation     notStarted → running → succeeded
//! ```

use std::time::Duration;

use serde_json::{Value, json};

use super::Relationship;
use super::duration;
use super::entity::Entity;
use crate::data::json::{text, timestamp};
use crate::data::moment::Moment;

/// How long a request waits for the customer's approval: ninety days.
/// <https://learn.microsoft.com/partner-center/customers/gdap-obtain-admin-permissions-to-manage-customer>
const APPROVAL_TIMEOUT: Duration = Duration::from_secs(90 * 86_400);

impl Relationship {
    /// Applies the status changes that are due.
    pub(super) fn advance(&mut self, moment: Moment, step: Duration) {
        let subresources = self.assignments.iter_mut().chain(&mut self.requests).chain(&mut self.operations);
        subresources.for_each(|subresource| subresource.advance(moment));
        self.entity.advance(moment);
        self.schedule_expiry(moment);
        while let Some(end) = self.ends.filter(|end| *end <= moment.now) {
            let (end, extension) = (moment.at(end), self.duration("autoExtendDuration"));
            if extension.is_zero() {
                self.ends = None;
                self.entity.write(&json!({"status": "expiring"}), end);
                self.entity.schedule(end.after(step), json!({"status": "expired"}));
                self.entity.advance(moment);
            } else {
                let next = end.after(extension);
                self.ends = Some(next.now);
                self.entity.write(&json!({"endDateTime": next.timestamp()}), end);
            }
        }
    }

    /// Until when nothing happens to it by itself.
    pub(super) fn quiet_until(&self) -> Duration {
        let entities = self.assignments.iter().chain(&self.requests).chain(&self.operations).chain([&self.entity]);
        let scheduled = entities.filter_map(|entity| entity.scheduled.first()).map(|change| change.at);
        scheduled.chain(self.ends).min().unwrap_or(Duration::MAX)
    }

    /// Schedules the expiry of a relationship that was loaded from a snapshot.
    fn schedule_expiry(&mut self, moment: Moment) {
        let entity = &mut self.entity;
        match entity.status() {
            "active" if self.ends.is_none() => {
                self.ends = timestamp::parse(text(&entity.value, "endDateTime")).map(|end| moment.at_wall(end).now);
            }
            "approvalPending" if entity.scheduled.is_empty() => {
                let requested_at = timestamp::parse(text(&entity.value, "lastModifiedDateTime")).unwrap_or(moment.wall);
                entity.schedule(moment.at_wall(requested_at + APPROVAL_TIMEOUT), json!({"status": "expired"}));
                entity.advance(moment);
            }
            _ => {}
        }
    }

    fn duration(&self, name: &str) -> Duration {
        let seconds = duration::seconds(text(&self.entity.value, name)).unwrap_or(0);
        Duration::from_secs(seconds.unsigned_abs())
    }

    /// Schedules the statuses that follow a `lockForApproval` request.
    pub(super) fn lock_for_approval(&mut self, moment: Moment, step: Duration) {
        let locked_at = moment.after(2 * step);
        self.entity.schedule(locked_at, json!({"status": "approvalPending"}));
        self.entity.schedule(locked_at.after(APPROVAL_TIMEOUT), json!({"status": "expired"}));
    }

    /// Approves the relationship for a customer, and schedules its activation.
    pub(super) fn approve(&mut self, customer: Value, moment: Moment, step: Duration) {
        self.entity.scheduled.clear();
        self.entity.write(&json!({"status": "approved", "customer": customer}), moment);
        self.entity.schedule(moment.after(step), json!({"status": "activating"}));
        let active = moment.after(2 * step);
        let activation = self.activation(active);
        self.entity.schedule(active, activation);
    }

    /// The properties of a relationship that is activated at this moment; sets its end.
    pub(super) fn activation(&mut self, moment: Moment) -> Value {
        let end = moment.after(self.duration("duration"));
        self.ends = Some(end.now);
        json!({"status": "active", "activatedDateTime": moment.timestamp(), "endDateTime": end.timestamp()})
    }

    /// Starts the termination of an active relationship.
    pub(super) fn terminate(&mut self, moment: Moment, step: Duration) {
        self.entity.scheduled.clear();
        self.ends = None;
        self.entity.write(&json!({"status": "terminationRequested"}), moment);
        self.entity.schedule(moment.after(step), json!({"status": "terminating"}));
        self.schedule_termination(moment.after(2 * step));
    }

    /// Schedules the status `terminated`.
    pub(super) fn schedule_termination(&mut self, moment: Moment) {
        self.entity.schedule(moment, json!({"status": "terminated", "endDateTime": moment.timestamp()}));
    }
}

/// Schedules the statuses of a request.
pub(super) fn schedule_request(request: &mut Entity, moment: Moment, step: Duration) {
    request.schedule(moment.after(step), json!({"status": "pending"}));
    request.schedule(moment.after(2 * step), json!({"status": "succeeded"}));
}

/// Schedules the statuses of an operation, and its change to `target` for when it succeeds.
pub(super) fn schedule_operation(
    operation: &mut Entity,
    target: &mut Entity,
    change: Value,
    moment: Moment,
    step: Duration,
) {
    operation.schedule(moment.after(step), json!({"status": "running"}));
    operation.schedule(moment.after(2 * step), json!({"status": "succeeded"}));
    target.schedule(moment.after(2 * step), change);
}
