//! Delta queries: the changes since a token.
//!
//! <https://learn.microsoft.com/graph/delta-query-overview>

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::data::json::text;
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::{ObjectState, ReplicaView};
use crate::graph::call::Call;
use crate::graph::directory::Directory;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};
use crate::query::Query;

/// Objects or changes per page unless `$top` says otherwise.
const DEFAULT_PAGE_SIZE: usize = 100;
/// How long a token is valid.
const TOKEN_LIFETIME: time::Duration = time::Duration::days(7);

/// Of how many objects the last change is known: for more, the oldest is forgotten, and tokens from before it are no longer
/// good.
pub(super) const MAX_CHANGES: usize = 50_000;

/// The last change of each object, in the order of the changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    last: HashMap<(ObjectKind, String), u64>,
    order: BTreeMap<u64, Change>,
    sequence: u64,
    /// The first change for which tokens are still valid.
    oldest_known: u64,
}

#[derive(Clone, Debug)]
struct Change {
    kind: ObjectKind,
    id: String,
    at: Duration,
}

impl Changes {
    /// An empty log in which no token of `before` is valid.
    pub(crate) fn after(before: &Self) -> Self {
        let oldest_known = before.sequence + 1;
        Self { sequence: oldest_known, oldest_known, ..Self::default() }
    }

    /// Records that an object was written or removed.
    pub(crate) fn record(&mut self, kind: ObjectKind, id: &str, at: Duration) {
        self.sequence += 1;
        let before = self.last.insert((kind, id.to_lowercase()), self.sequence);
        if let Some(before) = before {
            self.order.remove(&before);
        }
        self.order.insert(self.sequence, Change { kind, id: id.to_owned(), at });
        if self.order.len() > MAX_CHANGES
            && let Some((sequence, oldest)) = self.order.pop_first()
        {
            self.last.remove(&(oldest.kind, oldest.id.to_lowercase()));
            self.oldest_known = self.oldest_known.max(sequence);
        }
    }

    /// How many changes are known.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.order.len().max(self.last.len())
    }

    /// The last change that, with all before it, every replica used for lists has seen.
    fn last_replicated(&self, directory: &Directory, view: ReplicaView) -> u64 {
        let unknown = self.order.iter().find(|(_, change)| {
            let own = directory.store(change.kind).lag_of(&change.id);
            change.at.saturating_add(view.lag.for_object(own)) > view.now
        });
        unknown.map_or(self.sequence, |(sequence, _)| sequence - 1)
    }
}

/// The contents of a `$skiptoken` or `$deltatoken`: the options of the first request, and the progress of the round.
#[derive(Clone, Debug, PartialEq)]
struct SyncToken {
    /// The last change that earlier rounds returned; `None` in the first round, which returns all objects.
    since: Option<u64>,
    /// The last change that this round returns.
    until: u64,
    /// The position of the last row of this round that was returned.
    after: u64,
    /// When the round began, in seconds since 1970.
    begun: i64,
    select: Option<String>,
    ids: Vec<String>,
    top: Option<usize>,
}

impl SyncToken {
    fn write(&self) -> String {
        let token = json!({
            "since": self.since, "until": self.until, "after": self.after, "begun": self.begun, "select": self.select,
            "ids": self.ids, "top": self.top,
        });
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn read(text: &str) -> Option<Self> {
        let token: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let number = |name: &str| token[name].as_u64();
        let size = |name: &str| number(name).and_then(|number| usize::try_from(number).ok());
        Some(Self {
            since: number("since"),
            until: number("until")?,
            after: number("after")?,
            begun: token["begun"].as_i64()?,
            select: token["select"].as_str().map(str::to_owned),
            ids: token["ids"].as_array()?.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
            top: size("top").filter(|top| (1..=999).contains(top)),
        })
    }
}

impl Directory {
    pub(crate) fn delta(&self, kind: ObjectKind, call: &Call) -> GraphResult {
        let view = call.replica_view(self.lag.lists);
        let option =
            |name: &str| call.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let gone = || {
            GraphError::new(
                StatusCode::GONE,
                "syncStateNotFound",
                "The sync state generation is not found; continue from a full sync.",
            )
        };
        let known = self.changes.last_replicated(self, view);
        let read = |text: &str, is_in_round: bool| {
            let token = SyncToken::read(text).ok_or_else(gone)?;
            let age = call.wall.unix_timestamp().saturating_sub(token.begun);
            let floor = self.changes.oldest_known;
            // What is left of a round must be known, too.
            let is_whole = !is_in_round || token.since.is_none_or(|since| since.max(token.after) >= floor);
            (age < TOKEN_LIFETIME.whole_seconds() && is_whole && (floor..=self.changes.sequence).contains(&token.until))
                .then_some(token)
                .ok_or_else(gone)
        };
        let mut token = match (option("$skiptoken"), option("$deltatoken").map(String::as_str)) {
            (Some(skip), _) => read(skip, true)?,
            (None, Some("latest")) => {
                let token = SyncToken { since: Some(known), ..first_round(kind, known, call)? };
                let query = select_query(token.select.as_deref(), kind, call)?;
                return Ok(GraphResponse::ok(page(&query, kind, Vec::new(), "deltaLink", "$deltatoken", &token, call)));
            }
            (None, Some(earlier)) => {
                let earlier = read(earlier, false)?;
                SyncToken {
                    since: Some(earlier.until),
                    until: known,
                    after: 0,
                    begun: call.wall.unix_timestamp(),
                    ..earlier
                }
            }
            (None, None) => first_round(kind, known, call)?,
        };
        let size = token.top.unwrap_or(DEFAULT_PAGE_SIZE);
        let mut rows = self.changed_rows(kind, &token, view, size + 1);
        let more = rows.len() > size;
        rows.truncate(size);
        let query = select_query(token.select.as_deref(), kind, call)?;
        let shown = rows.iter().map(|(_, row)| match row {
            DeltaRow::Present(value) => with_id(query.project(kind, value), value),
            DeltaRow::Removed(id, reason) => json!({"id": id, "@removed": {"reason": reason}}),
        });
        let shown = shown.collect();
        token.after = rows.last().map_or(token.after, |(place, _)| *place);
        let (link, name) = if more { ("nextLink", "$skiptoken") } else { ("deltaLink", "$deltatoken") };
        Ok(GraphResponse::ok(page(&query, kind, shown, link, name, &token, call)))
    }

    /// The remaining rows of a round with their positions, at most `limit`: all objects, or the changes since the last
    /// round.
    fn changed_rows(
        &self,
        kind: ObjectKind,
        token: &SyncToken,
        view: ReplicaView,
        limit: usize,
    ) -> Vec<(u64, DeltaRow)> {
        let store = self.store(kind);
        let wanted = |id: &str| token.ids.is_empty() || token.ids.iter().any(|wanted| wanted.eq_ignore_ascii_case(id));
        let Some(since) = token.since else {
            let rest =
                store.after(token.after, ObjectState::Live, view).filter(|visible| wanted(text(&visible.value, "id")));
            return rest.map(|visible| (visible.order, DeltaRow::Present(visible.value))).take(limit).collect();
        };
        let rest = self.changes.order.range(since.max(token.after).saturating_add(1)..);
        let rest = rest.take_while(|(sequence, _)| **sequence <= token.until);
        let rest = rest.filter(|(_, change)| change.kind == kind && wanted(&change.id));
        let row = |change: &Change| match (store.get(&change.id, view), store.current(&change.id)) {
            (Some(value), _) => DeltaRow::Present(value.clone()),
            (None, Some((ObjectState::Deleted, _))) => DeltaRow::Removed(change.id.clone(), "changed"),
            (None, _) => DeltaRow::Removed(change.id.clone(), "deleted"),
        };
        rest.map(|(sequence, change)| (*sequence, row(change))).take(limit).collect()
    }
}

/// Parses the options of the first request, which apply to all rounds that follow.
fn first_round(kind: ObjectKind, known: u64, call: &Call) -> Result<SyncToken, GraphError> {
    let mut token = SyncToken {
        since: None,
        until: known,
        after: 0,
        begun: call.wall.unix_timestamp(),
        select: None,
        ids: Vec::new(),
        top: None,
    };
    for (name, value) in &call.query {
        match name.to_lowercase().as_str() {
            "$select" => {
                select_query(Some(value), kind, call)?;
                token.select = Some(value.clone());
            }
            "$top" => token.top = value.parse().ok().filter(|top| (1..=999).contains(top)),
            "$filter" => token.ids = ids(value)?,
            "$deltatoken" => {}
            name if name.starts_with('$') => {
                return Err(GraphError::unsupported_query(format!("{name} is not supported in a delta query.")));
            }
            _ => {}
        }
    }
    Ok(token)
}

enum DeltaRow {
    Present(Arc<Value>),
    /// Deleted and restorable (`changed`), or purged (`deleted`).
    Removed(String, &'static str),
}

fn page(
    query: &Query,
    kind: ObjectKind,
    rows: Vec<Value>,
    link: &str,
    name: &str,
    token: &SyncToken,
    call: &Call,
) -> Value {
    let mut body = Map::new();
    body.insert("@odata.context".into(), query.context(kind.collection(), call).into());
    let url = format!("{}{}?{name}={}", call.root, call.path, token.write());
    body.insert(format!("@odata.{link}"), url.into());
    body.insert("value".into(), rows.into());
    body.into()
}

/// A query with nothing but `$select`.
fn select_query(names: Option<&str>, kind: ObjectKind, call: &Call) -> Result<Query, GraphError> {
    let mut call = call.clone();
    call.query = names.map(|names| ("$select".to_owned(), names.to_owned())).into_iter().collect();
    Query::parse(&call, kind)
}

/// Adds the id, which every row has, selected or not.
fn with_id(shown: Value, value: &Value) -> Value {
    let mut row = Map::new();
    row.insert("id".into(), value["id"].clone());
    if let Value::Object(members) = shown {
        row.extend(members);
    }
    row.into()
}

/// The ids of the one supported filter: `id eq 'x' or id eq 'y'`.
fn ids(filter: &str) -> Result<Vec<String>, GraphError> {
    let unsupported =
        || GraphError::unsupported_query("A delta query can only be filtered by id: id eq 'x' or id eq 'y'.");
    let id = |clause: &str| {
        let (name, value) = clause.trim().split_once(" eq ")?;
        let value = value.trim().strip_prefix('\'')?.strip_suffix('\'')?;
        name.trim().eq_ignore_ascii_case("id").then(|| value.to_owned())
    };
    filter.split(" or ").map(|clause| id(clause).ok_or_else(unsupported)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_change_is_forgotten_beyond_the_bound() {
        let mut changes = Changes::default();
        let note = |changes: &mut Changes, number: usize| {
            changes.record(ObjectKind::User, &number.to_string(), Duration::ZERO);
        };
        for number in 0..MAX_CHANGES {
            note(&mut changes, number);
        }
        note(&mut changes, 0);
        assert_eq!((changes.len(), changes.oldest_known), (MAX_CHANGES, 0), "an object changes once");
        note(&mut changes, MAX_CHANGES);
        assert_eq!((changes.len(), changes.oldest_known), (MAX_CHANGES, 2), "the second is the oldest now");
    }
}
