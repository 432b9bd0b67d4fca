//! What a floor above has seen of a tenant, kept for all clones of a client for a while.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::client::recent_writes::ObjectRef;
use crate::retry::READ_LAG;

/// So much room is not worth giving back.
const MIN_SHRUNK: usize = 256;

/// Values by name; what is older than their lifetime goes.
pub(crate) struct ObservationCache {
    lifetime: Duration,
    /// With so many values, those go that are too old, and all where none is: what is lost is only seen again.
    max: usize,
    entries: Mutex<HashMap<String, Entry>>,
}

impl Default for ObservationCache {
    /// Keeps values as long as reads may lag.
    fn default() -> Self {
        Self::keeping(READ_LAG, usize::MAX)
    }
}

struct Entry {
    at: Duration,
    value: Arc<dyn Any + Send + Sync>,
    /// The ids of the objects that the value is about.
    ids: Vec<String>,
}

impl ObservationCache {
    pub(super) fn keeping(lifetime: Duration, max: usize) -> Self {
        Self { lifetime, max, entries: Mutex::default() }
    }

    /// Keeps `value` about the objects of these ids, at `now` on the clock's monotonic scale.
    pub(crate) fn insert<T: Any + Send + Sync>(&self, name: String, value: T, ids: Vec<String>, now: Duration) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // Few are swept each time; of many, so that an insertion costs little, when there are too many.
        if self.max == usize::MAX || entries.len() >= self.max {
            entries.retain(|_, entry| now.saturating_sub(entry.at) <= self.lifetime);
        }
        if entries.len() >= self.max {
            entries.clear();
        }
        entries.insert(name, Entry { at: now, value: Arc::new(value), ids });
    }

    /// The value of `name`, and when it was kept.
    pub(crate) fn get<T: Any + Send + Sync>(&self, name: &str) -> Option<(Duration, Arc<T>)> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(name)?;
        Some((entry.at, Arc::clone(&entry.value).downcast().ok()?))
    }

    /// The value of `name`, unless it is older than its lifetime.
    pub(crate) fn get_fresh<T: Any + Send + Sync>(&self, name: &str, now: Duration) -> Option<Arc<T>> {
        let (at, value) = self.get(name)?;
        (now.saturating_sub(at) <= self.lifetime).then_some(value)
    }

    /// Forgets the value of `name`.
    pub(crate) fn remove(&self, name: &str) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Forgets the values whose names begin with `start`, and gives the room back that a burst has taken.
    pub(crate) fn remove_all(&self, start: &str) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|name, _| !name.starts_with(start));
        let left = entries.len();
        if entries.capacity() > MIN_SHRUNK.max(8 * left) {
            entries.shrink_to(2 * left);
        }
    }

    /// Forgets all values, and takes no more room than an empty one.
    pub(super) fn clear(&self) {
        *self.entries.lock().unwrap_or_else(PoisonError::into_inner) = HashMap::new();
    }

    /// Forgets what is about one of these objects: it was changed since.
    pub(super) fn invalidate(&self, changed: &[ObjectRef]) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| !changed.iter().any(|object| entry.ids.contains(&object.id)));
    }

    /// Whether nothing is kept that is younger than its lifetime.
    pub(super) fn is_idle(&self, now: Duration) -> bool {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.values().all(|entry| now.saturating_sub(entry.at) > self.lifetime)
    }
}

#[cfg(test)]
impl ObservationCache {
    pub(super) fn len(&self) -> usize {
        self.entries.lock().unwrap().len()
    }
}

impl fmt::Debug for ObservationCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservationCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_goes_when_something_new_comes() {
        let keep = |cache: &ObservationCache, name: &str, seconds| {
            cache.insert(name.to_owned(), 1_u8, Vec::new(), Duration::from_secs(seconds));
            cache.len()
        };
        let lag = READ_LAG.as_secs();
        let cache = ObservationCache::default();
        assert_eq!([keep(&cache, "a", 0), keep(&cache, "b", lag), keep(&cache, "c", lag + 1)], [1, 2, 2]);
        // Where many may be kept, they are looked at when there are too many.
        let cache = ObservationCache::keeping(Duration::from_secs(10), 2);
        assert_eq!([keep(&cache, "a", 0), keep(&cache, "b", 20), keep(&cache, "c", 25)], [1, 2, 2]);
        assert_eq!(keep(&cache, "d", 26), 1, "none is too old, so that all go");
    }
}
