//! Objects with their history, so that a replica can be asked what it knew a while ago, found through indices.
//!
//! What an operation costs does not depend on how many objects there are, unless it lists them; and what is gone takes
//! no memory, in its indices neither.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::json::{same, text, texts};
use super::lag::{Behind, Lag};

/// For how long what was changed or removed is kept at least, so that a lag can still be raised after the fact.
const KEPT: Duration = Duration::from_secs(60);

/// Whether an object is in the directory or in its bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Live,
    Deleted,
}

/// A look at the directory as it was `lag` ago.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) now: Duration,
    pub(super) lag: Behind,
}

impl View {
    /// The directory as it is.
    pub(super) const PRESENT: Self = Self { now: Duration::MAX, lag: Behind::NOT };
}

#[derive(Debug)]
struct Version {
    /// When it was written; `None` is known everywhere.
    at: Option<Duration>,
    state: Option<(Life, Arc<Value>)>,
}

impl Version {
    fn seen(&self, now: Duration, lag: Duration) -> bool {
        self.at.is_none_or(|at| at.saturating_add(lag) <= now)
    }
}

#[derive(Debug, Default)]
struct Row {
    versions: Vec<Version>,
    /// The object's own lag, in the place of the directory's.
    lag: Option<Lag>,
    /// Whether it stands in the queue of recent writes.
    recent: bool,
}

impl Row {
    fn seen(&self, view: View) -> Option<&(Life, Arc<Value>)> {
        let lag = view.lag.at(self.lag);
        self.versions.iter().rev().find(|version| version.seen(view.now, lag))?.state.as_ref()
    }

    fn current(&self) -> Option<&(Life, Arc<Value>)> {
        self.versions.last()?.state.as_ref()
    }

    /// Forgets what no replica can still show, and returns it.
    fn compact(&mut self, now: Duration, horizon: Duration) -> Vec<Version> {
        let horizon = self.lag.map_or(horizon, Lag::longest).max(horizon);
        let base = self.versions.iter().rposition(|version| version.seen(now, horizon));
        let Some(base) = base else { return Vec::new() };
        self.versions[base].at = None;
        self.versions.drain(..base).collect()
    }
}

/// Finds rows by the texts of one member: the member itself, or each text of a collection.
#[derive(Debug)]
struct Index {
    member: &'static str,
    /// In lower case, with the row.
    entries: BTreeSet<(Box<str>, u64)>,
}

impl Index {
    fn note(&mut self, order: u64, value: &Value) {
        for key in keys(value, self.member) {
            self.entries.insert((key.to_lowercase().into(), order));
        }
    }

    fn find(&self, key: &str) -> impl Iterator<Item = u64> {
        let key: Box<str> = key.to_lowercase().into();
        self.entries.range((key.clone(), 0)..=(key, u64::MAX)).map(|(_, order)| *order)
    }

    fn starting(&self, start: &str) -> impl Iterator<Item = u64> {
        let start = start.to_lowercase();
        let from = self.entries.range((start.as_str().into(), 0)..);
        from.take_while(move |(key, _)| key.starts_with(&start)).map(|(_, order)| *order)
    }

    /// Drops the entries of `gone` that no version of `kept` has.
    fn forget(&mut self, order: u64, gone: &Value, kept: &[Version]) {
        for key in keys(gone, self.member) {
            let mut kept = kept.iter().filter_map(|version| version.state.as_ref());
            if !kept.any(|(_, value)| has(value, self.member, key)) {
                self.entries.remove(&(key.to_lowercase().into(), order));
            }
        }
    }
}

/// The texts that a member holds: one, or those of a collection.
fn keys<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = &'a str> {
    std::iter::once(text(value, member)).chain(texts(value, member)).filter(|text| !text.is_empty())
}

fn has(value: &Value, member: &str, key: &str) -> bool {
    keys(value, member).any(|held| same(held, key))
}

/// The objects of one kind, in the order of their creation.
#[derive(Debug)]
pub(super) struct Table {
    rows: BTreeMap<u64, Row>,
    ids: HashMap<String, u64>,
    indices: Vec<Index>,
    /// Rows written lately, with the moment from which they wait for their turn to be looked after: each row once.
    recent: VecDeque<(Duration, u64)>,
    /// How many rows hold an object now.
    held: usize,
    next: u64,
}

/// One object as a view shows it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) order: u64,
    pub(super) value: Arc<Value>,
}

impl Table {
    /// A table that finds objects without a scan by the texts of the members `indexed`.
    pub(super) fn new(indexed: &[&'static str]) -> Self {
        let indices = indexed.iter().map(|member| Index { member, entries: BTreeSet::new() }).collect();
        Self { rows: BTreeMap::new(), ids: HashMap::new(), indices, recent: VecDeque::new(), held: 0, next: 1 }
    }

    /// Writes an object; `horizon` is the longest lag, `at` is `None` for what has always been there.
    pub(super) fn put(&mut self, life: Life, value: Arc<Value>, at: Option<Duration>, horizon: Duration) {
        let id = text(&value, "id").to_lowercase();
        let order = *self.ids.entry(id).or_insert_with(|| {
            self.next += 1;
            self.next - 1
        });
        for index in &mut self.indices {
            index.note(order, &value);
        }
        self.push(order, Some((life, value)), at, horizon);
    }

    /// Removes an object for good.
    pub(super) fn purge(&mut self, id: &str, at: Option<Duration>, horizon: Duration) {
        let known = self.ids.get(&id.to_lowercase()).copied();
        if let Some(order) = known.filter(|_| self.current(id).is_some()) {
            self.push(order, None, at, horizon);
        }
    }

    fn push(&mut self, order: u64, state: Option<(Life, Arc<Value>)>, at: Option<Duration>, horizon: Duration) {
        let row = self.rows.entry(order).or_default();
        self.held -= usize::from(row.current().is_some());
        self.held += usize::from(state.is_some());
        let gone = match at {
            Some(now) => row.compact(now, horizon),
            None => std::mem::take(&mut row.versions),
        };
        row.versions.reserve_exact(1);
        row.versions.push(Version { at, state });
        if !row.recent {
            row.recent = true;
            self.recent.push_back((at.unwrap_or_default(), order));
        }
        self.forget(order, &gone);
        if let Some(now) = at {
            self.age(now, horizon.max(KEPT));
        }
    }

    /// Looks after what was written so long ago that every replica knows it.
    fn age(&mut self, now: Duration, horizon: Duration) {
        while let Some((at, order)) = self.recent.front().copied() {
            if at.saturating_add(horizon) > now {
                break;
            }
            self.recent.pop_front();
            self.agree(order, now, horizon);
        }
    }

    /// Lets the replicas agree on a row, as far as they can.
    fn agree(&mut self, order: u64, now: Duration, horizon: Duration) {
        let Some(row) = self.rows.get_mut(&order) else { return };
        let gone = row.compact(now, horizon);
        row.recent = false;
        match row.versions.as_slice() {
            [Version { at: None, state: None }] => drop(self.rows.remove(&order)),
            [Version { at: None, .. }] | [] => {}
            // It was written again since, or has a longer lag of its own: it has its turn again.
            _ => {
                self.recent.push_back((now, order));
                row.recent = true;
            }
        }
        self.forget(order, &gone);
    }

    /// Takes what is gone out of the indices.
    fn forget(&mut self, order: u64, gone: &[Version]) {
        let row = self.rows.get(&order);
        let kept = row.map_or(&[][..], |row| row.versions.as_slice());
        for (_, value) in gone.iter().filter_map(|version| version.state.as_ref()) {
            for index in &mut self.indices {
                index.forget(order, value, kept);
            }
            if row.is_none() {
                self.ids.remove(&text(value, "id").to_lowercase());
            }
        }
    }

    /// Makes everything known everywhere.
    pub(super) fn settle(&mut self) {
        for (_, order) in std::mem::take(&mut self.recent) {
            self.agree(order, Duration::MAX, Duration::ZERO);
        }
    }

    /// Gives an object a lag of its own; tells whether there is such an object.
    pub(super) fn set_lag_of(&mut self, id: &str, lag: Lag) -> bool {
        let row = self.ids.get(&id.to_lowercase()).and_then(|order| self.rows.get_mut(order));
        row.map(|row| row.lag = Some(lag)).is_some()
    }

    /// The lag of an object's own.
    pub(super) fn lag_of(&self, id: &str) -> Option<Lag> {
        self.rows.get(self.ids.get(&id.to_lowercase())?)?.lag
    }

    /// How many objects there are, deleted ones included.
    pub(super) fn len(&self) -> usize {
        self.held
    }

    /// The live object, as `view` shows it.
    pub(super) fn get(&self, id: &str, view: View) -> Option<&Arc<Value>> {
        let row = self.rows.get(self.ids.get(&id.to_lowercase())?)?;
        row.seen(view).filter(|(life, _)| *life == Life::Live).map(|(_, value)| value)
    }

    /// The object as it is, live or deleted.
    pub(super) fn current(&self, id: &str) -> Option<(Life, &Arc<Value>)> {
        let row = self.rows.get(self.ids.get(&id.to_lowercase())?)?;
        row.current().map(|(life, value)| (*life, value))
    }

    /// The live object as it is.
    pub(super) fn live(&self, id: &str) -> Option<&Arc<Value>> {
        self.current(id).filter(|(life, _)| *life == Life::Live).map(|(_, value)| value)
    }

    /// The rows that have, or had a while ago, a text in an indexed member.
    fn orders(&self, member: &str, key: &str) -> impl Iterator<Item = u64> {
        self.indices.iter().filter(move |index| index.member == member).flat_map(move |index| index.find(key))
    }

    /// The objects as they are whose indexed member is, or holds, `key`, live or deleted.
    pub(super) fn having(&self, member: &'static str, key: &str) -> std::vec::IntoIter<(Life, &Arc<Value>)> {
        let current = self.orders(member, key).filter_map(|order| self.rows.get(&order)?.current());
        let found = current.filter(|(_, value)| has(value, member, key)).map(|(life, value)| (*life, value));
        found.collect::<Vec<_>>().into_iter()
    }

    /// The live objects that `view` shows whose indexed member is, or holds, `key`.
    pub(super) fn seen_having(&self, member: &'static str, key: &str, view: View) -> Vec<Seen> {
        let rows = self.orders(member, key).filter_map(|order| Some((order, self.rows.get(&order)?)));
        Self::seen_rows(rows, Life::Live, view).filter(|seen| has(&seen.value, member, key)).collect()
    }

    /// The live objects that `view` shows of which an indexed member is, or holds, one of `keys`; each once, in order.
    pub(super) fn seen_having_any(&self, member: &'static str, keys: &[&str], view: View) -> Vec<Seen> {
        let found = keys.iter().flat_map(|key| self.seen_having(member, key, view));
        found.map(|seen| (seen.order, seen)).collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// The live objects that `view` shows of which an indexed member starts, or started a while ago, with `start`, or holds
    /// what does: each once, in order.
    pub(super) fn may_start(&self, member: &'static str, start: &str, view: View) -> impl Iterator<Item = Seen> {
        let indices = self.indices.iter().filter(|index| index.member == member);
        let orders: BTreeSet<u64> = indices.flat_map(|index| index.starting(start)).collect();
        let rows = orders.into_iter().filter_map(|order| Some((order, self.rows.get(&order)?)));
        Self::seen_rows(rows, Life::Live, view)
    }

    /// Every object in every version that a replica may still show.
    pub(super) fn versions(&self) -> impl Iterator<Item = &Arc<Value>> {
        let versions = self.rows.values().flat_map(|row| &row.versions);
        versions.filter_map(|version| version.state.as_ref()).map(|(_, value)| value)
    }

    /// The name of the index on a member, in the member's own case.
    pub(super) fn index_on(&self, member: &str) -> Option<&'static str> {
        self.indices.iter().map(|index| index.member).find(|name| name.eq_ignore_ascii_case(member))
    }

    /// Every object of one state that `view` shows.
    pub(super) fn all(&self, life: Life, view: View) -> impl Iterator<Item = Seen> {
        self.after(0, life, view)
    }

    /// The same, from the row after `order`.
    pub(super) fn after(&self, order: u64, life: Life, view: View) -> impl Iterator<Item = Seen> {
        let rows = self.rows.range(order.saturating_add(1)..);
        Self::seen_rows(rows.map(|(order, row)| (*order, row)), life, view)
    }

    fn seen_rows<'a>(
        rows: impl Iterator<Item = (u64, &'a Row)>,
        wanted: Life,
        view: View,
    ) -> impl Iterator<Item = Seen> {
        rows.filter_map(move |(order, row)| {
            let (life, value) = row.seen(view)?;
            (*life == wanted).then(|| Seen { order, value: Arc::clone(value) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LAG: Duration = Duration::from_secs(10);

    fn at(now: u64) -> View {
        View { now: Duration::from_secs(now), lag: Lag::all(LAG).reads }
    }

    fn put(table: &mut Table, name: &str, now: u64) {
        let value = Arc::new(json!({"id": "A", "name": name}));
        table.put(Life::Live, value, Some(Duration::from_secs(now)), LAG);
    }

    #[test]
    fn a_view_shows_what_was_written_before_its_lag() {
        let mut table = Table::new(&["name"]);
        put(&mut table, "first", 1);
        put(&mut table, "second", 5);
        assert!(table.get("a", at(10)).is_none());
        assert_eq!(table.get("a", at(11)).unwrap()["name"], "first");
        assert_eq!(table.seen_having("name", "first", at(14)).len(), 1);
        assert_eq!(table.get("a", at(15)).unwrap()["name"], "second");
        assert!(table.seen_having("name", "first", at(15)).is_empty());
        table.purge("a", Some(Duration::from_secs(20)), LAG);
        assert!(table.get("a", at(29)).is_some() && table.live("a").is_none());
        assert!(table.get("a", at(30)).is_none());
    }

    fn put_as(table: &mut Table, id: &str, names: &Value, now: u64) {
        let value = Arc::new(json!({"id": id, "names": names}));
        table.put(Life::Live, value, Some(Duration::from_secs(now)), LAG);
    }

    fn entries(table: &Table) -> usize {
        table.indices.iter().map(|index| index.entries.len()).sum()
    }

    #[test]
    fn each_text_of_a_collection_finds_its_object_for_as_long_as_a_replica_shows_it() {
        let mut table = Table::new(&["names"]);
        put_as(&mut table, "a", &json!(["One", "two"]), 1);
        put_as(&mut table, "b", &json!(["two"]), 1);
        let found = |table: &Table, key: &str, now| table.seen_having("names", key, at(now)).len();
        assert_eq!((found(&table, "one", 11), found(&table, "TWO", 11), found(&table, "three", 11)), (1, 2, 0));
        assert_eq!(table.seen_having_any("names", &["two", "one"], at(11)).len(), 2);
        put_as(&mut table, "a", &json!(["three", "two"]), 20);
        assert_eq!((found(&table, "one", 29), found(&table, "three", 29)), (1, 0));
        assert_eq!((found(&table, "one", 30), found(&table, "three", 30)), (0, 1));
        assert_eq!(table.having("names", "one").count(), 0);
        assert_eq!(table.having("names", "two").count(), 2);
        let starting = |start, now| {
            table.may_start("names", start, at(now)).map(|seen| seen.value["id"].to_string()).collect::<String>()
        };
        assert_eq!(
            (starting("T", 30), starting("thr", 30), starting("u", 30)),
            ("\"a\"\"b\"".into(), "\"a\"".into(), String::new())
        );
    }

    #[test]
    fn an_index_forgets_what_no_version_holds() {
        let mut table = Table::new(&["name", "names"]);
        for now in 0..1000 {
            let value = Arc::new(json!({"id": "A", "name": format!("n{now}"), "names": [format!("m{now}"), "kept"]}));
            table.put(Life::Live, value, Some(Duration::from_secs(now)), LAG);
        }
        assert!(entries(&table) <= 30, "{}", entries(&table));
        assert_eq!(table.having("names", "kept").count(), 1);
        table.settle();
        assert_eq!(entries(&table), 3);
        assert_eq!(table.get("a", at(0)).unwrap()["name"], "n999");
    }

    #[test]
    fn what_was_purged_leaves_nothing_behind() {
        let mut table = Table::new(&["names"]);
        for number in 0..1000 {
            put_as(&mut table, &format!("id-{number}"), &json!([format!("n{number}")]), number);
            table.purge(&format!("id-{number}"), Some(Duration::from_secs(number)), LAG);
        }
        assert_eq!(table.len(), 0);
        let left = (table.rows.len(), table.ids.len(), table.recent.len(), entries(&table));
        assert!(left.0 <= 61 && left.1 <= 61 && left.2 <= 61 && left.3 <= 61, "{left:?}");
        table.settle();
        assert_eq!((table.rows.len(), table.ids.len(), table.recent.len(), entries(&table)), (0, 0, 0, 0));
    }

    #[test]
    fn an_object_that_comes_again_after_its_end_is_found() {
        let mut table = Table::new(&["names"]);
        for now in [0, 1, 100, 300] {
            put_as(&mut table, "a", &json!(["n"]), now);
            assert_eq!((table.len(), table.having("names", "n").count()), (1, 1), "at {now}");
            table.purge("A", Some(Duration::from_secs(now)), LAG);
            assert_eq!((table.len(), table.having("names", "n").count()), (0, 0), "at {now}");
        }
        put_as(&mut table, "a", &json!(["n"]), 301);
        assert_eq!(table.seen_having("names", "n", at(311)).len(), 1);
    }

    #[test]
    fn old_writes_are_forgotten_by_writes_to_other_objects() {
        let mut table = Table::new(&[]);
        put_as(&mut table, "a", &json!("first"), 0);
        put_as(&mut table, "a", &json!("second"), 1);
        put_as(&mut table, "b", &json!("other"), 61);
        assert_eq!(table.rows[&1].versions.len(), 1);
        assert_eq!(table.get("a", at(61)).unwrap()["names"], "second");
    }

    #[test]
    fn an_object_with_a_longer_lag_of_its_own_keeps_its_history_for_as_long() {
        let mut table = Table::new(&[]);
        put_as(&mut table, "a", &json!("first"), 0);
        assert!(table.set_lag_of("A", Lag::all(Duration::from_secs(500))));
        put_as(&mut table, "a", &json!("second"), 100);
        for now in 101..700 {
            put_as(&mut table, "b", &json!("other"), now);
            let seen = table.get("a", at(now)).map(|value| value["names"].clone());
            let expected = [(0, json!(null)), (500, json!("first")), (600, json!("second"))];
            let expected = expected.into_iter().rfind(|(from, _)| now >= *from).unwrap().1;
            assert_eq!(seen.unwrap_or_default(), expected, "at {now}");
        }
        assert_eq!(table.rows[&1].versions.len(), 1);
    }

    #[test]
    fn a_list_goes_on_after_a_row() {
        let mut table = Table::new(&[]);
        for number in 0..5 {
            put_as(&mut table, &format!("id-{number}"), &json!(null), 0);
        }
        let orders = |after| table.after(after, Life::Live, at(10)).map(|seen| seen.order).collect::<Vec<_>>();
        assert_eq!((orders(0), orders(3), orders(5)), (vec![1, 2, 3, 4, 5], vec![4, 5], vec![]));
    }

    #[test]
    fn history_does_not_grow_beyond_the_lag() {
        let mut table = Table::new(&[]);
        for now in 0..1000 {
            put(&mut table, "x", now);
        }
        assert!(table.rows[&1].versions.len() <= 12);
    }
}
