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

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn app(id: &str) -> ObjectRef {
        ObjectRef::new(ObjectKind::Application, id)
    }

    fn is_recent(writes: &RecentWrites, object: ObjectRef, now: u64) -> bool {
        writes.contains_any(&[app("nobody"), object], at(now), WINDOW)
    }

    #[test]
    fn a_write_matters_for_its_window_by_each_of_its_ids() {
        let writes = RecentWrites::default();
        let body = r#"{"id":"i","appId":"a","keyId":"k","uniqueName":"u","name":"n","displayName":"d"}"#;
        writes.insert(ObjectKind::Application, Ids::in_body(&Bytes::from(body)), at(10), WINDOW);
        for id in ["i", "a", "k", "u", "n"] {
            assert!(is_recent(&writes, app(id), 10) && is_recent(&writes, app(id), 70), "{id}");
            assert!(!is_recent(&writes, app(id), 71), "{id}");
        }
        assert!(!is_recent(&writes, app("d"), 10));
        assert!(!is_recent(&writes, ObjectRef::new(ObjectKind::ServicePrincipal, "a"), 10), "the kinds are apart");
        assert!(!writes.is_idle(at(70), WINDOW) && writes.is_idle(at(71), WINDOW));
    }

    #[test]
    fn what_was_deleted_is_forgotten_with_all_ids_of_its_app() {
        let writes = RecentWrites::default();
        let ids = |id: &str| Ids { id: Some(id.to_owned()), app_id: Some("a".to_owned()), ..Ids::default() };
        writes.insert(ObjectKind::Application, ids("i"), at(0), WINDOW);
        writes.insert(ObjectKind::ServicePrincipal, ids("s"), at(0), WINDOW);
        writes.insert(ObjectKind::Application, Ids::of_app(Some("other".to_owned()), None), at(0), WINDOW);
        writes.remove(&app("nobody"));
        assert!(is_recent(&writes, app("i"), 0));
        writes.remove(&app("i"));
        assert!(!is_recent(&writes, app("a"), 0));
        assert!(!is_recent(&writes, ObjectRef::new(ObjectKind::ServicePrincipal, "s"), 0));
        assert!(is_recent(&writes, app("other"), 0));
    }

    #[test]
    fn an_app_id_of_any_length_that_is_kept_holds_its_objects_together() {
        let writes = RecentWrites::default();
        let app_id = Some("x".repeat(MAX_ID_LENGTH));
        for id in ["i", "s"] {
            let ids = Ids { id: Some(id.to_owned()), app_id: app_id.clone(), ..Ids::default() };
            writes.insert(ObjectKind::Application, ids, at(0), WINDOW);
        }
        writes.remove(&app("i"));
        assert!(!is_recent(&writes, app("s"), 0));
    }

    #[test]
    fn what_is_no_id_is_not_kept() {
        let writes = RecentWrites::default();
        for (length, kept) in [(MAX_ID_LENGTH, true), (MAX_ID_LENGTH + 1, false)] {
            let id = "x".repeat(length);
            writes.insert(ObjectKind::Application, Ids::of_app(None, Some(id.clone())), at(0), WINDOW);
            assert_eq!(is_recent(&writes, app(&id), 0), kept, "{length}");
        }
        for body in ["", "[]", "{}", r#"{"id":7}"#, "<html>"] {
            writes.insert(ObjectKind::Application, Ids::in_body(&Bytes::from(body)), at(0), WINDOW);
        }
        assert_eq!(writes.0.lock().unwrap().written.len(), 1);
    }

    #[test]
    fn what_is_too_old_makes_room_and_then_the_older_half() {
        let writes = RecentWrites::default();
        let insert = |number: usize, now| {
            writes.insert(ObjectKind::Application, Ids::of_app(None, Some(number.to_string())), now, WINDOW);
        };
        for number in 0..MIN_CAPACITY {
            insert(number, at(0));
        }
        insert(MIN_CAPACITY, at(60));
        assert!(is_recent(&writes, app("0"), 60), "nothing is too old yet");
        for number in 0..2 * MIN_CAPACITY {
            insert(10_000 + number, at(100));
        }
        assert!(writes.0.lock().unwrap().written.len() <= 2 * MIN_CAPACITY + 1, "the first have gone");
        for number in 0..3 * MAX_OBJECTS {
            insert(100_000 + number, at(100) + Duration::from_micros(u64::try_from(number).unwrap()));
            assert!(writes.0.lock().unwrap().written.len() <= MAX_OBJECTS);
        }
        assert!(is_recent(&writes, app(&(100_000 + 3 * MAX_OBJECTS - 1).to_string()), 101), "the last is there");
        assert!(writes.0.lock().unwrap().written.len() >= MAX_OBJECTS / 2 - 1, "no more than the half goes");
        for number in 0..MAX_OBJECTS + 10 {
            insert(1_000_000 + number, at(110));
        }
        assert!(writes.0.lock().unwrap().written.len() <= MAX_OBJECTS, "those of one moment go together");
    }
}
