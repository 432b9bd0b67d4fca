//! What a floor above keeps in memory for all clones of a client, for a while.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::client::READ_LAG;

/// Values by name, with when each was kept; what is older than the lag of reads goes.
#[derive(Default)]
pub(crate) struct Kept(Mutex<HashMap<String, Value>>);

/// When it was kept, and what.
type Value = (Duration, Arc<dyn Any + Send + Sync>);

impl Kept {
    /// Keeps `value`, at `now` on the clock's monotonic scale.
    pub(crate) fn keep<T: Any + Send + Sync>(&self, name: String, value: T, now: Duration) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (at, _)| now.saturating_sub(*at) <= READ_LAG);
        kept.insert(name, (now, Arc::new(value)));
    }

    /// What is kept under `name`, and when it was.
    pub(crate) fn get<T: Any + Send + Sync>(&self, name: &str) -> Option<(Duration, Arc<T>)> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, value) = kept.get(name)?;
        Some((*at, Arc::clone(value).downcast().ok()?))
    }

    /// Forgets it.
    pub(crate) fn forget(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}
