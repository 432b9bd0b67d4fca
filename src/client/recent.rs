//! What this client wrote a moment ago: the objects for which a 404 may be lag.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

/// Objects beyond this many push the oldest half out.
const MOST: usize = 20_000;

#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<HashMap<String, Duration>>);

impl Recent {
    /// Remembers ids written at `now`.
    pub(super) fn wrote(&self, ids: impl IntoIterator<Item = String>, now: Duration) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() >= MOST {
            let mut times: Vec<_> = written.values().copied().collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            written.retain(|_, at| *at > middle);
        }
        written.extend(ids.into_iter().map(|id| (id, now)));
    }

    /// Whether one of `ids` was written within `window` before `now`.
    pub(super) fn any(&self, ids: &[String], now: Duration, window: Duration) -> bool {
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ids.iter().any(|id| written.get(id).is_some_and(|at| now.saturating_sub(*at) <= window))
    }
}

/// The ids in the answer to a creation.
pub(super) fn ids_in(body: &Bytes) -> impl Iterator<Item = String> + use<> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Ids {
        id: Option<String>,
        app_id: Option<String>,
        key_id: Option<String>,
        unique_name: Option<String>,
    }
    let Ids { id, app_id, key_id, unique_name } = serde_json::from_slice(body).unwrap_or_default();
    [id, app_id, key_id, unique_name].into_iter().flatten()
}
