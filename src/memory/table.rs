//! Objects with their history, so that a replica can be asked what it knew a while ago, found through indices.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::json::{same, text};
use super::lag::{Behind, Lag};

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
}

impl Row {
    fn seen(&self, view: View) -> Option<&(Life, Arc<Value>)> {
        let lag = view.lag.at(self.lag);
        self.versions.iter().rev().find(|version| version.seen(view.now, lag))?.state.as_ref()
    }

    fn current(&self) -> Option<&(Life, Arc<Value>)> {
        self.versions.last()?.state.as_ref()
    }

    /// Forgets what no replica can still show.
    fn compact(&mut self, now: Duration, horizon: Duration) {
        let horizon = self.lag.map_or(horizon, Lag::longest).max(horizon);
        if let Some(base) = self.versions.iter().rposition(|version| version.seen(now, horizon)) {
            self.versions.drain(..base);
            self.versions[0].at = None;
        }
    }
}

/// The objects of one kind, in the order of their creation.
#[derive(Debug)]
pub(super) struct Table {
    rows: BTreeMap<u64, Row>,
    ids: HashMap<String, u64>,
    indexed: &'static [&'static str],
    index: HashMap<(&'static str, String), BTreeSet<u64>>,
    next: u64,
}

/// One object as a view shows it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) order: u64,
    pub(super) value: Arc<Value>,
}

impl Table {
    /// A table that finds objects by `indexed` text members without a scan.
    pub(super) fn new(indexed: &'static [&'static str]) -> Self {
        Self { rows: BTreeMap::new(), ids: HashMap::new(), indexed, index: HashMap::new(), next: 1 }
    }

    /// Writes an object; `horizon` is the longest lag, `at` is `None` for what has always been there.
    pub(super) fn put(&mut self, life: Life, value: Arc<Value>, at: Option<Duration>, horizon: Duration) {
        let id = text(&value, "id").to_lowercase();
        let order = *self.ids.entry(id).or_insert_with(|| {
            self.next += 1;
            self.next - 1
        });
        for field in self.indexed {
            let key = text(&value, field);
            if !key.is_empty() {
                self.index.entry((field, key.to_lowercase())).or_default().insert(order);
            }
        }
        self.push(order, Some((life, value)), at, horizon);
    }

    /// Removes an object for good.
    pub(super) fn purge(&mut self, id: &str, at: Option<Duration>, horizon: Duration) {
        if let Some(order) = self.ids.get(&id.to_lowercase()).copied() {
            self.push(order, None, at, horizon);
        }
    }

    fn push(&mut self, order: u64, state: Option<(Life, Arc<Value>)>, at: Option<Duration>, horizon: Duration) {
        let row = self.rows.entry(order).or_default();
        if let Some(now) = at {
            row.compact(now, horizon);
        } else {
            row.versions.clear();
        }
        row.versions.push(Version { at, state });
    }

    /// Makes everything known everywhere.
    pub(super) fn settle(&mut self) {
        for row in self.rows.values_mut() {
            row.versions.drain(..row.versions.len().saturating_sub(1));
            if let Some(last) = row.versions.last_mut() {
                last.at = None;
            }
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
        self.rows.values().filter(|row| row.current().is_some()).count()
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

    /// The objects as they are whose indexed member is `key`, live or deleted.
    pub(super) fn having(&self, field: &'static str, key: &str) -> std::vec::IntoIter<(Life, &Arc<Value>)> {
        let orders = self.index.get(&(field, key.to_lowercase())).into_iter().flatten();
        let current = orders.filter_map(|order| self.rows.get(order)?.current());
        let found = current.filter(|(_, value)| same(text(value, field), key)).map(|(life, value)| (*life, value));
        found.collect::<Vec<_>>().into_iter()
    }

    /// The live objects that `view` shows whose indexed member is `key`.
    pub(super) fn seen_having(&self, field: &'static str, key: &str, view: View) -> Vec<Seen> {
        let Some(orders) = self.index.get(&(field, key.to_lowercase())) else { return Vec::new() };
        let found =
            Self::seen_rows(orders.iter().filter_map(|order| Some((order, self.rows.get(order)?))), Life::Live, view);
        found.filter(|seen| same(text(&seen.value, field), key)).collect()
    }

    /// The name of the index on a member, in the member's own case.
    pub(super) fn index_on(&self, field: &str) -> Option<&'static str> {
        self.indexed.iter().copied().find(|name| name.eq_ignore_ascii_case(field))
    }

    /// Every object of one state that `view` shows.
    pub(super) fn all(&self, life: Life, view: View) -> impl Iterator<Item = Seen> {
        Self::seen_rows(self.rows.iter(), life, view)
    }

    fn seen_rows<'a>(
        rows: impl Iterator<Item = (&'a u64, &'a Row)>,
        wanted: Life,
        view: View,
    ) -> impl Iterator<Item = Seen> {
        rows.filter_map(move |(order, row)| {
            let (life, value) = row.seen(view)?;
            (*life == wanted).then(|| Seen { order: *order, value: Arc::clone(value) })
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

    #[test]
    fn history_does_not_grow_beyond_the_lag() {
        let mut table = Table::new(&[]);
        for now in 0..1000 {
            put(&mut table, "x", now);
        }
        assert!(table.rows[&1].versions.len() <= 12);
    }
}
