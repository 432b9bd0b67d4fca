//! An object with an ETag and with changes scheduled for later.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::errors;
use crate::data::json::{merge, text, timestamp};
use crate::data::moment::Moment;
use crate::graph::call::{Actor, Call};
use crate::graph::response::GraphError;

/// An object of the partner service: relationship, access assignment, request or operation.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    /// The properties that Graph shows, without type and ETag.
    pub(super) value: Value,
    /// The number of the entity within the partner.
    pub(super) number: u64,
    /// The number of writes.
    pub(super) version: u64,
    /// The scheduled changes, in the order of time.
    pub(super) scheduled: Vec<ScheduledChange>,
}

/// A change that the service makes at a later time.
#[derive(Clone, Debug)]
pub(super) struct ScheduledChange {
    pub(super) at: Duration,
    pub(super) set: Value,
}

impl Entity {
    /// A new entity, created at this moment.
    pub(super) fn new(number: u64, mut value: Value, moment: Moment) -> Self {
        value["createdDateTime"] = moment.timestamp().into();
        value["lastModifiedDateTime"] = moment.timestamp().into();
        Self { value, number, version: 1, scheduled: Vec::new() }
    }

    /// An entity from a snapshot, with the number and version of its ETag if it has one.
    pub(super) fn load(value: Value, etag: &str, number: u64) -> Self {
        let inner = etag.strip_prefix("W/\"").and_then(|etag| STANDARD.decode(etag.strip_suffix('"')?).ok());
        let inner = inner.and_then(|inner| String::from_utf8(inner).ok()).unwrap_or_default();
        let hex = |at: usize| inner.get(at..at + 4).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let (number, version) = hex(2).zip(hex(6)).unwrap_or((number, 1));
        Self { value, number, version, scheduled: Vec::new() }
    }

    /// The entity after all scheduled changes, except for the expiry of a pending approval.
    pub(super) fn settled(&self) -> Self {
        let mut settled = self.clone();
        for scheduled in settled.scheduled.drain(..).collect::<Vec<_>>() {
            if settled.status() != "approvalPending" || text(&scheduled.set, "status") != "expired" {
                merge(&mut settled.value, &scheduled.set);
                settled.version += 1;
            }
        }
        settled
    }

    pub(super) fn id(&self) -> &str {
        text(&self.value, "id")
    }

    pub(super) fn status(&self) -> &str {
        text(&self.value, "status")
    }

    /// Applies a change at this moment.
    pub(super) fn write(&mut self, set: &Value, moment: Moment) {
        merge(&mut self.value, set);
        self.value["lastModifiedDateTime"] = moment.timestamp().into();
        self.version += 1;
    }

    /// Schedules a change for a later moment.
    pub(super) fn schedule(&mut self, moment: Moment, set: Value) {
        let at = moment.now;
        let position = self.scheduled.partition_point(|scheduled| scheduled.at <= at);
        self.scheduled.insert(position, ScheduledChange { at, set });
    }

    /// Applies the changes that are due.
    pub(super) fn advance(&mut self, moment: Moment) {
        let due = self.scheduled.partition_point(|scheduled| scheduled.at <= moment.now);
        for scheduled in self.scheduled.drain(..due).collect::<Vec<_>>() {
            self.write(&scheduled.set, moment.at(scheduled.at));
        }
    }

    /// The ETag, in the form of the store behind the service: a counter and the second of the last write.
    pub(super) fn etag(&self) -> String {
        let at = timestamp::parse(text(&self.value, "lastModifiedDateTime"));
        let second = at.map_or(0, OffsetDateTime::unix_timestamp);
        let (number, version) = (self.number & 0xffff, self.version & 0xffff);
        let inner = format!("'\"{number:04x}{version:04x}-0000-0200-0000-{second:08x}0000\"'");
        format!("W/\"{}\"", STANDARD.encode(inner))
    }

    /// Refuses a write whose `If-Match` is missing or is not the current ETag.
    pub(super) fn check_match(&self, call: &Call) -> Result<(), GraphError> {
        match (&call.if_match, &call.actor) {
            (None, Actor::Operator) => Ok(()),
            (None, Actor::SignedIn(_)) => Err(errors::etag_required()),
            (Some(wanted), _) if wanted.trim() == "*" || wanted.split(',').any(|tag| tag.trim() == self.etag()) => {
                Ok(())
            }
            (Some(_), _) => Err(errors::etag_stale()),
        }
    }

    /// The entity in a response, with its type and ETag.
    pub(super) fn show(&self, type_name: &str) -> Map<String, Value> {
        let mut properties = Map::new();
        properties.insert("@odata.type".into(), format!("#microsoft.graph.{type_name}").into());
        properties.insert("@odata.etag".into(), self.etag().into());
        properties.extend(self.value.as_object().cloned().unwrap_or_default());
        properties
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    #[test]
    fn changes_are_made_at_their_time_and_each_changes_the_etag() {
        let start = Moment { now: Duration::from_secs(100), wall: datetime!(2025-06-01 12:00 UTC) };
        let after = |seconds| start.after(Duration::from_secs(seconds));
        let mut entity = Entity::new(1, json!({"id": "x", "status": "pending"}), start);
        entity.schedule(after(4), json!({"status": "done"}));
        entity.schedule(after(2), json!({"status": "active"}));
        let mut visible = vec![entity.etag()];
        for (seconds, status) in [(1, "pending"), (3, "active"), (9, "done")] {
            entity.advance(after(seconds));
            assert_eq!(entity.status(), status);
            visible.push(entity.etag());
        }
        assert_eq!(entity.value["lastModifiedDateTime"], "2025-06-01T12:00:04.0000000Z");
        assert_eq!(visible[0], visible[1], "what only gets older keeps its ETag");
        visible.dedup();
        assert_eq!(visible.len(), 3);
        assert!(visible.iter().all(|etag| etag.starts_with("W/\"JyI") && etag.ends_with('"')), "{visible:?}");
    }
}
