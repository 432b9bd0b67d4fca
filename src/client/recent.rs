//! What this client wrote a moment ago: the objects for which a 404 may be lag.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

/// Objects beyond this many push the oldest half out.
const MOST: usize = 20_000;

/// A longer id is none, in bytes: nothing is kept of an answer but what is an id.
const LONGEST_ID: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<HashMap<String, Written>>);

#[derive(Clone, Debug)]
struct Written {
    at: Duration,
    /// What the ids of one app have in common, so that they are forgotten together.
    group: String,
}

impl Recent {
    /// Remembers ids, of one app where they are several, written at `now`.
    pub(super) fn wrote(&self, ids: Ids, now: Duration) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() >= MOST {
            let mut times: Vec<_> = written.values().map(|written| written.at).collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            written.retain(|_, entry| entry.at > middle);
        }
        let Some(group) = ids.group() else { return };
        written.extend(ids.all().map(|id| (id, Written { at: now, group: group.clone() })));
    }

    /// Forgets what was deleted, and what went with it.
    pub(super) fn deleted(&self, ids: &[String]) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            if let Some(Written { group, .. }) = written.remove(id) {
                written.retain(|_, entry| entry.group != group);
            }
        }
    }

    /// Whether one of `ids` was written within `window` before `now`.
    pub(super) fn any(&self, ids: &[String], now: Duration, window: Duration) -> bool {
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ids.iter().any(|id| written.get(id).is_some_and(|entry| now.saturating_sub(entry.at) <= window))
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
