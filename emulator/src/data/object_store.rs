//! A store of objects with their history, so that a lookup can show what a lagging replica knows, with indices.
//!
//! The cost of an operation does not depend on the number of objects, unless it lists them; and removed objects take no
//! memory, not even in the indices.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::data::json::{eq_ignore_case, text, texts};
use crate::data::lag::{Lag, LookupLag};

/// The minimum time for which old versions are retained, so that a lag can still be raised after a write.
const MIN_RETENTION: Duration = Duration::from_secs(60);

/// Whether an object is live or among the deleted items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObjectState {
    Live,
    Deleted,
}

/// The directory as a replica shows it that is `lag` behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplicaView {
    pub(crate) now: Duration,
    pub(crate) lag: LookupLag,
}

impl ReplicaView {
    /// The current directory, without lag.
    pub(crate) const CURRENT: Self = Self { now: Duration::MAX, lag: LookupLag::NONE };
}

#[derive(Debug)]
struct Version {
    /// When it was written; `None` is visible to every replica.
    at: Option<Duration>,
    state: Option<(ObjectState, Arc<Value>)>,
}

impl Version {
    fn is_visible(&self, now: Duration, lag: Duration) -> bool {
        self.at.is_none_or(|at| at.saturating_add(lag) <= now)
    }
}

#[derive(Debug, Default)]
struct Row {
    versions: Vec<Version>,
    /// The object's own lag, in place of the directory's.
    lag: Option<Lag>,
    /// Whether it is in the queue of recent writes.
    recent: bool,
}

impl Row {
    fn visible(&self, view: ReplicaView) -> Option<&(ObjectState, Arc<Value>)> {
        let lag = view.lag.for_object(self.lag);
        self.versions.iter().rev().find(|version| version.is_visible(view.now, lag))?.state.as_ref()
    }

    fn current(&self) -> Option<&(ObjectState, Arc<Value>)> {
        self.versions.last()?.state.as_ref()
    }

    /// Drops and returns the versions that no replica can still show.
    fn compact(&mut self, now: Duration, max_lag: Duration) -> Vec<Version> {
        let max_lag = self.lag.map_or(max_lag, Lag::max_lag).max(max_lag);
        let base = self.versions.iter().rposition(|version| version.is_visible(now, max_lag));
        let Some(base) = base else { return Vec::new() };
        self.versions[base].at = None;
        self.versions.drain(..base).collect()
    }
}

/// An index over one property: a string, or each string of a collection.
#[derive(Debug)]
struct Index {
    member: &'static str,
    /// The keys in lower case, with the row.
    entries: BTreeSet<(Box<str>, u64)>,
}

impl Index {
    fn insert(&mut self, order: u64, value: &Value) {
        for key in keys(value, self.member) {
            self.entries.insert((key.to_lowercase().into(), order));
        }
    }

    fn find(&self, key: &str) -> impl Iterator<Item = u64> {
        let key: Box<str> = key.to_lowercase().into();
        self.entries.range((key.clone(), 0)..=(key, u64::MAX)).map(|(_, order)| *order)
    }

    fn with_prefix(&self, start: &str) -> impl Iterator<Item = u64> {
        let start = start.to_lowercase();
        let from = self.entries.range((start.as_str().into(), 0)..);
        from.take_while(move |(key, _)| key.starts_with(&start)).map(|(_, order)| *order)
    }

    /// Removes the keys of `gone` that none of the `remaining` versions has.
    fn remove(&mut self, order: u64, gone: &Value, remaining: &[Version]) {
        for key in keys(gone, self.member) {
            let mut remaining = remaining.iter().filter_map(|version| version.state.as_ref());
            if !remaining.any(|(_, value)| has(value, self.member, key)) {
                self.entries.remove(&(key.to_lowercase().into(), order));
            }
        }
    }
}

/// The index keys of an object: the string property, or the strings of the collection.
fn keys<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = &'a str> {
    std::iter::once(text(value, member)).chain(texts(value, member)).filter(|text| !text.is_empty())
}

fn has(value: &Value, member: &str, key: &str) -> bool {
    keys(value, member).any(|held| eq_ignore_case(held, key))
}

/// The objects of one kind, in the order of their creation.
#[derive(Debug)]
pub(crate) struct ObjectStore {
    rows: BTreeMap<u64, Row>,
    ids: HashMap<String, u64>,
    indices: Vec<Index>,
    /// Rows written lately, each once, with the time from which they wait for compaction.
    recent: VecDeque<(Duration, u64)>,
    /// How many rows have a current object.
    object_count: usize,
    next: u64,
    /// Counts new objects, those of other stores among them.
    arrivals: Option<Arc<AtomicU64>>,
}

/// An object that is visible in a replica's view.
#[derive(Clone, Debug)]
pub(crate) struct VisibleObject {
    pub(crate) order: u64,
    pub(crate) value: Arc<Value>,
}

impl ObjectStore {
    /// An empty store with indices over the properties `indexed`.
    pub(crate) fn new(indexed: &[&'static str]) -> Self {
        let indices = indexed.iter().map(|member| Index { member, entries: BTreeSet::new() }).collect();
        Self {
            rows: BTreeMap::new(),
            ids: HashMap::new(),
            indices,
            recent: VecDeque::new(),
            object_count: 0,
            next: 1,
            arrivals: None,
        }
    }

    /// Counts the objects that it has and those to come.
    pub(crate) fn count_arrivals(&mut self, arrivals: &Arc<AtomicU64>) {
        arrivals.fetch_add(1, Ordering::Relaxed);
        self.arrivals = Some(Arc::clone(arrivals));
    }

    /// Writes an object; `max_lag` is the longest lag, and with `at` `None` it has always been visible.
    pub(crate) fn put(&mut self, state: ObjectState, value: Arc<Value>, at: Option<Duration>, max_lag: Duration) {
        let id = text(&value, "id").to_lowercase();
        let order = *self.ids.entry(id).or_insert_with(|| {
            if let Some(arrivals) = &self.arrivals {
                arrivals.fetch_add(1, Ordering::Relaxed);
            }
            self.next += 1;
            self.next - 1
        });
        for index in &mut self.indices {
            index.insert(order, &value);
        }
        self.push(order, Some((state, value)), at, max_lag);
    }

    /// Removes an object permanently.
    pub(crate) fn purge(&mut self, id: &str, at: Option<Duration>, max_lag: Duration) {
        let known = self.ids.get(&id.to_lowercase()).copied();
        if let Some(order) = known.filter(|_| self.current(id).is_some()) {
            self.push(order, None, at, max_lag);
        }
    }

    fn push(&mut self, order: u64, state: Option<(ObjectState, Arc<Value>)>, at: Option<Duration>, max_lag: Duration) {
        let row = self.rows.entry(order).or_default();
        self.object_count -= usize::from(row.current().is_some());
        self.object_count += usize::from(state.is_some());
        let gone = match at {
            Some(now) => row.compact(now, max_lag),
            None => std::mem::take(&mut row.versions),
        };
        row.versions.reserve_exact(1);
        row.versions.push(Version { at, state });
        if !row.recent {
            row.recent = true;
            self.recent.push_back((at.unwrap_or_default(), order));
        }
        self.unindex(order, &gone);
        if let Some(now) = at {
            self.compact_aged(now, max_lag.max(MIN_RETENTION));
        }
    }

    /// Compacts the rows whose writes have reached every replica.
    fn compact_aged(&mut self, now: Duration, max_lag: Duration) {
        while let Some((at, order)) = self.recent.front().copied() {
            if at.saturating_add(max_lag) > now {
                break;
            }
            self.recent.pop_front();
            self.compact_row(order, now, max_lag);
        }
    }

    /// Compacts a row as far as replicas agree on it.
    fn compact_row(&mut self, order: u64, now: Duration, max_lag: Duration) {
        let Some(row) = self.rows.get_mut(&order) else { return };
        let gone = row.compact(now, max_lag);
        row.recent = false;
        match row.versions.as_slice() {
            [Version { at: None, state: None }] => drop(self.rows.remove(&order)),
            [Version { at: None, .. }] | [] => {}
            // It was written again since, or has a longer lag of its own: it is queued again.
            _ => {
                self.recent.push_back((now, order));
                row.recent = true;
            }
        }
        self.unindex(order, &gone);
    }

    /// Removes dropped versions from the indices.
    fn unindex(&mut self, order: u64, gone: &[Version]) {
        let row = self.rows.get(&order);
        let remaining = row.map_or(&[][..], |row| row.versions.as_slice());
        for (_, value) in gone.iter().filter_map(|version| version.state.as_ref()) {
            for index in &mut self.indices {
                index.remove(order, value, remaining);
            }
            if row.is_none() {
                self.ids.remove(&text(value, "id").to_lowercase());
            }
        }
    }

    /// Makes all writes visible to every replica.
    pub(crate) fn settle(&mut self) {
        for (_, order) in std::mem::take(&mut self.recent) {
            self.compact_row(order, Duration::MAX, Duration::ZERO);
        }
    }

    /// Sets a lag for one object; returns whether the object exists.
    pub(crate) fn set_lag_of(&mut self, id: &str, lag: Lag) -> bool {
        let row = self.ids.get(&id.to_lowercase()).and_then(|order| self.rows.get_mut(order));
        row.map(|row| row.lag = Some(lag)).is_some()
    }

    /// The object's own lag, if it has one.
    pub(crate) fn lag_of(&self, id: &str) -> Option<Lag> {
        self.rows.get(self.ids.get(&id.to_lowercase())?)?.lag
    }

    /// The number of objects, deleted ones included.
    pub(crate) fn len(&self) -> usize {
        self.object_count
    }

    /// The live object that `view` shows.
    pub(crate) fn get(&self, id: &str, view: ReplicaView) -> Option<&Arc<Value>> {
        let row = self.rows.get(self.ids.get(&id.to_lowercase())?)?;
        row.visible(view).filter(|(state, _)| *state == ObjectState::Live).map(|(_, value)| value)
    }

    /// The current object, live or deleted.
    pub(crate) fn current(&self, id: &str) -> Option<(ObjectState, &Arc<Value>)> {
        let row = self.rows.get(self.ids.get(&id.to_lowercase())?)?;
        row.current().map(|(state, value)| (*state, value))
    }

    /// The current object, if it is live.
    pub(crate) fn live(&self, id: &str) -> Option<&Arc<Value>> {
        self.current(id).filter(|(state, _)| *state == ObjectState::Live).map(|(_, value)| value)
    }

    /// The rows with an index key, in any version that is retained.
    fn orders(&self, member: &str, key: &str) -> impl Iterator<Item = u64> {
        self.indices.iter().filter(move |index| index.member == member).flat_map(move |index| index.find(key))
    }

    /// Whether a retained version of an object has `key` as an indexed property, or in it.
    pub(crate) fn has_indexed(&self, member: &str, key: &str) -> bool {
        self.orders(member, key).next().is_some()
    }

    /// The current objects, live or deleted, whose indexed property is or contains `key`.
    pub(crate) fn find_by(&self, member: &'static str, key: &str) -> std::vec::IntoIter<(ObjectState, &Arc<Value>)> {
        let current = self.orders(member, key).filter_map(|order| self.rows.get(&order)?.current());
        let found = current.filter(|(_, value)| has(value, member, key)).map(|(state, value)| (*state, value));
        found.collect::<Vec<_>>().into_iter()
    }

    /// The live objects in `view` whose indexed property is or contains `key`.
    pub(crate) fn visible_by(&self, member: &'static str, key: &str, view: ReplicaView) -> Vec<VisibleObject> {
        let rows = self.orders(member, key).filter_map(|order| Some((order, self.rows.get(&order)?)));
        Self::visible_rows(rows, ObjectState::Live, view).filter(|seen| has(&seen.value, member, key)).collect()
    }

    /// The live objects in `view` whose indexed property is or contains one of `keys`; each once, in order.
    pub(crate) fn visible_by_any(&self, member: &'static str, keys: &[&str], view: ReplicaView) -> Vec<VisibleObject> {
        let found = keys.iter().flat_map(|key| self.visible_by(member, key, view));
        found.map(|seen| (seen.order, seen)).collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// The live objects in `view` that had an indexed string with this prefix in any retained version; each once, in
    /// order. The caller filters them.
    pub(crate) fn visible_by_prefix(
        &self,
        member: &'static str,
        start: &str,
        view: ReplicaView,
    ) -> impl Iterator<Item = VisibleObject> {
        let indices = self.indices.iter().filter(|index| index.member == member);
        let orders: BTreeSet<u64> = indices.flat_map(|index| index.with_prefix(start)).collect();
        let rows = orders.into_iter().filter_map(|order| Some((order, self.rows.get(&order)?)));
        Self::visible_rows(rows, ObjectState::Live, view)
    }

    /// The name of the indexed property, in its own case.
    pub(crate) fn index_on(&self, member: &str) -> Option<&'static str> {
        self.indices.iter().map(|index| index.member).find(|name| name.eq_ignore_ascii_case(member))
    }

    /// Every object in every version that a replica may still show.
    pub(crate) fn versions(&self) -> impl Iterator<Item = &Arc<Value>> {
        let versions = self.rows.values().flat_map(|row| &row.versions);
        versions.filter_map(|version| version.state.as_ref()).map(|(_, value)| value)
    }

    /// The objects in one state that `view` shows.
    pub(crate) fn all(&self, state: ObjectState, view: ReplicaView) -> impl Iterator<Item = VisibleObject> {
        self.after(0, state, view)
    }

    /// The objects in one state that `view` shows, from the row after `order`.
    pub(crate) fn after(
        &self,
        order: u64,
        state: ObjectState,
        view: ReplicaView,
    ) -> impl Iterator<Item = VisibleObject> {
        let rows = self.rows.range(order.saturating_add(1)..);
        Self::visible_rows(rows.map(|(order, row)| (*order, row)), state, view)
    }

    fn visible_rows<'a>(
        rows: impl Iterator<Item = (u64, &'a Row)>,
        wanted: ObjectState,
        view: ReplicaView,
    ) -> impl Iterator<Item = VisibleObject> {
        rows.filter_map(move |(order, row)| {
            let (state, value) = row.visible(view)?;
            (*state == wanted).then(|| VisibleObject { order, value: Arc::clone(value) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LAG: Duration = Duration::from_secs(10);

    fn at(now: u64) -> ReplicaView {
        ReplicaView { now: Duration::from_secs(now), lag: Lag::all(LAG).reads }
    }

    fn put(store: &mut ObjectStore, name: &str, now: u64) {
        let value = Arc::new(json!({"id": "A", "name": name}));
        store.put(ObjectState::Live, value, Some(Duration::from_secs(now)), LAG);
    }

    #[test]
    fn a_view_shows_what_was_written_before_its_lag() {
        let mut store = ObjectStore::new(&["name"]);
        put(&mut store, "first", 1);
        put(&mut store, "second", 5);
        assert!(store.get("a", at(10)).is_none());
        assert_eq!(store.get("a", at(11)).unwrap()["name"], "first");
        assert_eq!(store.visible_by("name", "first", at(14)).len(), 1);
        assert_eq!(store.get("a", at(15)).unwrap()["name"], "second");
        assert!(store.visible_by("name", "first", at(15)).is_empty());
        store.purge("a", Some(Duration::from_secs(20)), LAG);
        assert!(store.get("a", at(29)).is_some() && store.live("a").is_none());
        assert!(store.get("a", at(30)).is_none());
    }

    fn put_as(store: &mut ObjectStore, id: &str, names: &Value, now: u64) {
        let value = Arc::new(json!({"id": id, "names": names}));
        store.put(ObjectState::Live, value, Some(Duration::from_secs(now)), LAG);
    }

    fn entries(store: &ObjectStore) -> usize {
        store.indices.iter().map(|index| index.entries.len()).sum()
    }

    #[test]
    fn each_string_of_a_collection_is_an_index_key_while_a_replica_shows_it() {
        let mut store = ObjectStore::new(&["names"]);
        put_as(&mut store, "a", &json!(["One", "two"]), 1);
        put_as(&mut store, "b", &json!(["two"]), 1);
        let found = |store: &ObjectStore, key: &str, now| store.visible_by("names", key, at(now)).len();
        assert_eq!((found(&store, "one", 11), found(&store, "TWO", 11), found(&store, "three", 11)), (1, 2, 0));
        assert_eq!(store.visible_by_any("names", &["two", "one"], at(11)).len(), 2);
        put_as(&mut store, "a", &json!(["three", "two"]), 20);
        assert_eq!((found(&store, "one", 29), found(&store, "three", 29)), (1, 0));
        assert_eq!((found(&store, "one", 30), found(&store, "three", 30)), (0, 1));
        assert_eq!(store.find_by("names", "one").count(), 0);
        assert_eq!(store.find_by("names", "two").count(), 2);
        let starting = |start, now| {
            store
                .visible_by_prefix("names", start, at(now))
                .map(|seen| seen.value["id"].to_string())
                .collect::<String>()
        };
        assert_eq!(
            (starting("T", 30), starting("thr", 30), starting("u", 30)),
            ("\"a\"\"b\"".into(), "\"a\"".into(), String::new())
        );
    }

    #[test]
    fn an_index_drops_the_keys_of_removed_versions() {
        let mut store = ObjectStore::new(&["name", "names"]);
        for now in 0..1000 {
            let value = Arc::new(json!({"id": "A", "name": format!("n{now}"), "names": [format!("m{now}"), "kept"]}));
            store.put(ObjectState::Live, value, Some(Duration::from_secs(now)), LAG);
        }
        assert!(entries(&store) <= 30, "{}", entries(&store));
        assert_eq!(store.find_by("names", "kept").count(), 1);
        store.settle();
        assert_eq!(entries(&store), 3);
        assert_eq!(store.get("a", at(0)).unwrap()["name"], "n999");
    }

    #[test]
    fn a_purged_object_leaves_nothing_behind() {
        let mut store = ObjectStore::new(&["names"]);
        for number in 0..1000 {
            put_as(&mut store, &format!("id-{number}"), &json!([format!("n{number}")]), number);
            store.purge(&format!("id-{number}"), Some(Duration::from_secs(number)), LAG);
        }
        assert_eq!(store.len(), 0);
        let left = (store.rows.len(), store.ids.len(), store.recent.len(), entries(&store));
        assert!(left.0 <= 61 && left.1 <= 61 && left.2 <= 61 && left.3 <= 61, "{left:?}");
        store.settle();
        assert_eq!((store.rows.len(), store.ids.len(), store.recent.len(), entries(&store)), (0, 0, 0, 0));
    }

    #[test]
    fn an_object_that_comes_again_after_its_end_is_found() {
        let mut store = ObjectStore::new(&["names"]);
        for now in [0, 1, 100, 300] {
            put_as(&mut store, "a", &json!(["n"]), now);
            assert_eq!((store.len(), store.find_by("names", "n").count()), (1, 1), "at {now}");
            store.purge("A", Some(Duration::from_secs(now)), LAG);
            assert_eq!((store.len(), store.find_by("names", "n").count()), (0, 0), "at {now}");
        }
        put_as(&mut store, "a", &json!(["n"]), 301);
        assert_eq!(store.visible_by("names", "n", at(311)).len(), 1);
    }

    #[test]
    fn old_writes_are_forgotten_by_writes_to_other_objects() {
        let mut store = ObjectStore::new(&[]);
        put_as(&mut store, "a", &json!("first"), 0);
        put_as(&mut store, "a", &json!("second"), 1);
        put_as(&mut store, "b", &json!("other"), 61);
        assert_eq!(store.rows[&1].versions.len(), 1);
        assert_eq!(store.get("a", at(61)).unwrap()["names"], "second");
    }

    #[test]
    fn an_object_with_a_longer_lag_of_its_own_keeps_its_history_for_as_long() {
        let mut store = ObjectStore::new(&[]);
        put_as(&mut store, "a", &json!("first"), 0);
        assert!(store.set_lag_of("A", Lag::all(Duration::from_secs(500))));
        put_as(&mut store, "a", &json!("second"), 100);
        for now in 101..700 {
            put_as(&mut store, "b", &json!("other"), now);
            let seen = store.get("a", at(now)).map(|value| value["names"].clone());
            let expected = [(0, json!(null)), (500, json!("first")), (600, json!("second"))];
            let expected = expected.into_iter().rfind(|(from, _)| now >= *from).unwrap().1;
            assert_eq!(seen.unwrap_or_default(), expected, "at {now}");
        }
        assert_eq!(store.rows[&1].versions.len(), 1);
    }

    #[test]
    fn a_list_goes_on_after_a_row() {
        let mut store = ObjectStore::new(&[]);
        for number in 0..5 {
            put_as(&mut store, &format!("id-{number}"), &json!(null), 0);
        }
        let orders = |after| store.after(after, ObjectState::Live, at(10)).map(|seen| seen.order).collect::<Vec<_>>();
        assert_eq!((orders(0), orders(3), orders(5)), (vec![1, 2, 3, 4, 5], vec![4, 5], vec![]));
    }

    #[test]
    fn history_does_not_grow_beyond_the_lag() {
        let mut store = ObjectStore::new(&[]);
        for now in 0..1000 {
            put(&mut store, "x", now);
        }
        assert!(store.rows[&1].versions.len() <= 12);
    }
}
