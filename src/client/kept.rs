//! What a floor above keeps in memory for all clones of a client, for a while.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::client::READ_LAG;

/// Values by name; what is older than the lag of reads goes.
#[derive(Default)]
pub(crate) struct Kept(Mutex<HashMap<String, Entry>>);

struct Entry {
    at: Duration,
    value: Arc<dyn Any + Send + Sync>,
    /// The ids of the objects that the value is about.
    about: Vec<String>,
}

impl Kept {
    /// Keeps `value` about some objects, at `now` on the clock's monotonic scale.
    pub(crate) fn keep<T: Any + Send + Sync>(&self, name: String, value: T, about: Vec<String>, now: Duration) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, entry| now.saturating_sub(entry.at) <= READ_LAG);
        kept.insert(name, Entry { at: now, value: Arc::new(value), about });
    }

    /// What is kept under `name`, and when it was.
    pub(crate) fn get<T: Any + Send + Sync>(&self, name: &str) -> Option<(Duration, Arc<T>)> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = kept.get(name)?;
        Some((entry.at, Arc::clone(&entry.value).downcast().ok()?))
    }

    /// Forgets it.
    pub(crate) fn forget(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Forgets what is about one of these objects: it was changed since.
    pub(crate) fn changed(&self, ids: &[String]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, entry| !entry.about.iter().any(|id| ids.contains(id)));
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}
