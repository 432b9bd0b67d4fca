//! What this client wrote a moment ago: the objects for which a 404 may be lag.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

/// Objects beyond this many push the oldest half out.
const MOST: usize = 20_000;

/// So many are kept without a look at how old they are.
const FEW: usize = 1_024;

/// A longer id is none, in bytes: nothing is kept of an answer but what is an id.
const LONGEST_ID: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    written: HashMap<String, Written>,
    /// When there are as many as this, those go that are too old to matter.
    full_at: usize,
}

#[derive(Clone, Debug)]
struct Written {
    at: Duration,
    /// What the ids of one app have in common, so that they are forgotten together.
    group: String,
}

impl Memory {
    /// Forgets what was written longer than `window` before `now`, and the older half of what is left if that is much.
    fn make_room(&mut self, now: Duration, window: Duration) {
        self.written.retain(|_, entry| now.saturating_sub(entry.at) <= window);
        if self.written.len() >= MOST {
            let mut times: Vec<_> = self.written.values().map(|written| written.at).collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            self.written.retain(|_, entry| entry.at > middle);
        }
        // The room that a burst has taken is given back.
        self.written.shrink_to(FEW);
        self.full_at = (2 * self.written.len()).clamp(FEW, MOST);
    }
}

impl Recent {
    /// Remembers ids, of one app where they are several, written at `now`. After `window` they do not matter any more.
    pub(super) fn wrote(&self, ids: Ids, now: Duration, window: Duration) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.written.len() >= memory.full_at {
            memory.make_room(now, window);
        }
        let Some(group) = ids.group() else { return };
        memory.written.extend(ids.all().map(|id| (id, Written { at: now, group: group.clone() })));
    }

    /// Forgets what was deleted, and what went with it.
    pub(super) fn deleted(&self, ids: &[String]) {
        let written = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).written;
        for id in ids {
            if let Some(Written { group, .. }) = written.remove(id) {
                written.retain(|_, entry| entry.group != group);
            }
        }
    }

    /// Whether one of `ids` was written within `window` before `now`.
    pub(super) fn any(&self, ids: &[String], now: Duration, window: Duration) -> bool {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ids.iter().any(|id| memory.written.get(id).is_some_and(|entry| now.saturating_sub(entry.at) <= window))
    }
}

/// The ids in the answer to a creation.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Ids {
    id: Option<String>,
    app_id: Option<String>,
    key_id: Option<String>,
    unique_name: Option<String>,
}

impl Ids {
    pub(super) fn in_body(body: &Bytes) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// A unique name, with the app that it is the name of, where that is known.
    pub(super) fn of_key(unique_name: &str, app_id: Option<String>) -> Self {
        Self { unique_name: Some(unique_name.to_owned()), app_id, ..Self::default() }
    }

    fn group(&self) -> Option<String> {
        self.app_id.clone().filter(|id| id.len() <= LONGEST_ID).or_else(|| self.all().next())
    }

    fn all(&self) -> impl Iterator<Item = String> {
        let ids = [&self.id, &self.app_id, &self.key_id, &self.unique_name].into_iter().flatten();
        ids.filter(|id| id.len() <= LONGEST_ID).cloned()
    }
}
