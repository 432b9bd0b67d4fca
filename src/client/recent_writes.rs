//! What a client wrote to a tenant a moment ago: the objects for which a 404 may be replication lag.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

/// Objects beyond this many push the oldest half out.
const MAX_OBJECTS: usize = 20_000;

/// So many are kept without a look at how old they are.
const MIN_CAPACITY: usize = 512;

/// A longer id is none, in bytes: nothing is kept of a response but what is an id.
const MAX_ID_LENGTH: usize = 1_024;

/// The type of an object that is written. An application and its service principal share their app id, and one may be
/// there without the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ObjectKind {
    Application,
    ServicePrincipal,
    AppRoleAssignment,
    OAuth2PermissionGrant,
    PasswordCredential,
    DeletedItem,
    /// Of a type that has no method of its own.
    Other,
}

/// An object by one of its ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ObjectRef {
    pub(crate) kind: ObjectKind,
    pub(crate) id: String,
}

impl ObjectRef {
    pub(crate) fn new(kind: ObjectKind, id: impl ToString) -> Self {
        Self { kind, id: id.to_string() }
    }
}

/// The objects written within a window, by their ids.
#[derive(Debug, Default)]
pub(super) struct RecentWrites(Mutex<Objects>);

#[derive(Debug, Default)]
struct Objects {
    written: HashMap<ObjectRef, Written>,
    /// When there are as many as this, those go that are too old to matter.
    full_at: usize,
}

#[derive(Clone, Debug)]
struct Written {
    at: Duration,
    /// What the ids of one app have in common, so that they are forgotten together.
    group: Arc<str>,
}

impl Objects {
    /// Forgets what was written longer than `window` before `now`, and the older half of what is left if that is much.
    fn make_room(&mut self, now: Duration, window: Duration) {
        self.written.retain(|_, entry| now.saturating_sub(entry.at) <= window);
        if self.written.len() >= MAX_OBJECTS {
            let mut times: Vec<_> = self.written.values().map(|written| written.at).collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            self.written.retain(|_, entry| entry.at > middle);
        }
        // The room that a burst has taken is given back.
        self.written.shrink_to(MIN_CAPACITY);
        self.full_at = (2 * self.written.len()).clamp(MIN_CAPACITY, MAX_OBJECTS);
    }
}

impl RecentWrites {
    /// Remembers an object by its ids, written at `now`. After `window` it does not matter any more.
    pub(super) fn insert(&self, kind: ObjectKind, ids: Ids, now: Duration, window: Duration) {
        let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if objects.written.len() >= objects.full_at {
            objects.make_room(now, window);
        }
        let Some(group) = ids.group().map(Arc::from) else { return };
        let written = ids.all().map(|id| (ObjectRef { kind, id }, Written { at: now, group: Arc::clone(&group) }));
        objects.written.extend(written);
    }

    /// Forgets what was deleted, and what went with it.
    pub(super) fn remove(&self, deleted: &ObjectRef) {
        let written = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).written;
        if let Some(Written { group, .. }) = written.remove(deleted) {
            written.retain(|_, entry| entry.group != group);
        }
    }

    /// Whether one of the objects was written within `window` before `now`.
    pub(super) fn contains_any(&self, objects: &[ObjectRef], now: Duration, window: Duration) -> bool {
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        objects.iter().any(|id| recent.written.get(id).is_some_and(|entry| now.saturating_sub(entry.at) <= window))
    }

    /// Whether nothing was written within `window` before `now`.
    pub(super) fn is_idle(&self, now: Duration, window: Duration) -> bool {
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.written.values().all(|entry| now.saturating_sub(entry.at) > window)
    }
}

/// The ids of one object.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Ids {
    id: Option<String>,
    app_id: Option<String>,
    key_id: Option<String>,
    unique_name: Option<String>,
    /// By which some objects are addressed, such as federated identity credentials.
    name: Option<String>,
}

impl Ids {
    /// Reads the ids in the response to a creation.
    pub(super) fn in_body(body: &Bytes) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// The ids of an application, or of its service principal.
    pub(super) fn of_app(unique_name: Option<String>, app_id: Option<String>) -> Self {
        Self { app_id, unique_name, ..Self::default() }
    }

    fn group(&self) -> Option<String> {
        self.app_id.clone().filter(|id| id.len() <= MAX_ID_LENGTH).or_else(|| self.all().next())
    }

    fn all(&self) -> impl Iterator<Item = String> {
        let ids = [&self.id, &self.app_id, &self.key_id, &self.unique_name, &self.name].into_iter().flatten();
        ids.filter(|id| id.len() <= MAX_ID_LENGTH).cloned()
    }
}
