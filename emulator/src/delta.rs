//! Delta queries: what changed since a token.
//!
//! <https://learn.microsoft.com/graph/delta-query-overview>

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Outcome, Refusal};
use super::call::Call;
use super::directory::Directory;
use super::json::text;
use super::kind::Kind;
use super::query::Query;
use super::table::{Life, View};

/// How many objects or changes a page holds unless `$top` says otherwise.
const PAGE: usize = 100;
/// How long a token is good for.
const TOKEN_LIFE: time::Duration = time::Duration::days(7);

/// Of how many objects the last change is known: for more, the oldest is forgotten, and tokens from before it are no longer
/// good.
pub(super) const MAX_CHANGES: usize = 50_000;

/// The last change of each object, in the order of the changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    last: HashMap<(Kind, String), u64>,
    order: BTreeMap<u64, Change>,
    sequence: u64,
    /// Tokens from before this change are not known.
    floor: u64,
}

#[derive(Clone, Debug)]
struct Change {
    kind: Kind,
    id: String,
    at: Duration,
}

impl Changes {
    /// No changes yet, in a directory in which no token of `before` is known.
    pub(super) fn after(before: &Self) -> Self {
        let floor = before.sequence + 1;
        Self { sequence: floor, floor, ..Self::default() }
    }

    /// Notes that an object was written or removed.
    pub(super) fn note(&mut self, kind: Kind, id: &str, at: Duration) {
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
            self.floor = self.floor.max(sequence);
        }
    }

    /// How many changes are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.order.len().max(self.last.len())
    }

    /// The last change that every replica of lists knows, with all before it.
    fn known(&self, directory: &Directory, view: View) -> u64 {
        let unknown = self.order.iter().find(|(_, change)| {
            let own = directory.table(change.kind).lag_of(&change.id);
            change.at.saturating_add(view.lag.at(own)) > view.now
        });
        unknown.map_or(self.sequence, |(sequence, _)| sequence - 1)
    }
}

/// What a token of a round holds: the options of its first request, and how far it has come.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    /// Changes up to this one were handed out in earlier rounds; `None` in the first, which hands out everything.
    since: Option<u64>,
    /// This round hands out changes up to this one.
    until: u64,
    /// The place of the last row of this round that was handed out.
    after: u64,
    /// When the round began, in seconds since 1970.
    begun: i64,
    select: Option<String>,
    ids: Vec<String>,
    top: Option<usize>,
}

impl Token {
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
    pub(super) fn delta(&self, kind: Kind, call: &Call) -> Outcome {
        let view = call.view(self.lag.lists);
        let option =
            |name: &str| call.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let gone = || {
            Refusal::new(
                StatusCode::GONE,
                "syncStateNotFound",
                "The sync state generation is not found; continue from a full sync.",
            )
        };
        let known = self.changes.known(self, view);
        let read = |text: &str, is_in_round: bool| {
            let token = Token::read(text).ok_or_else(gone)?;
            let age = call.wall.unix_timestamp().saturating_sub(token.begun);
            let floor = self.changes.floor;
            // What is left of a round must be known, too.
            let is_whole = !is_in_round || token.since.is_none_or(|since| since.max(token.after) >= floor);
            (age < TOKEN_LIFE.whole_seconds() && is_whole && (floor..=self.changes.sequence).contains(&token.until))
                .then_some(token)
                .ok_or_else(gone)
        };
        let mut token = match (option("$skiptoken"), option("$deltatoken").map(String::as_str)) {
            (Some(skip), _) => read(skip, true)?,
            (None, Some("latest")) => {
                let token = Token { since: Some(known), ..first_round(kind, known, call)? };
                let query = selecting(token.select.as_deref(), kind, call)?;
                return Ok(Answer::ok(page(&query, kind, Vec::new(), "deltaLink", "$deltatoken", &token, call)));
            }
            (None, Some(earlier)) => {
                let earlier = read(earlier, false)?;
                Token {
                    since: Some(earlier.until),
                    until: known,
                    after: 0,
                    begun: call.wall.unix_timestamp(),
                    ..earlier
                }
            }
            (None, None) => first_round(kind, known, call)?,
        };
        let size = token.top.unwrap_or(PAGE);
        let mut rows = self.changed(kind, &token, view, size + 1);
        let more = rows.len() > size;
        rows.truncate(size);
        let query = selecting(token.select.as_deref(), kind, call)?;
        let shown = rows.iter().map(|(_, row)| match row {
            Row::There(value) => with_id(query.project(kind, value), value),
            Row::Gone(id, reason) => json!({"id": id, "@removed": {"reason": reason}}),
        });
        let shown = shown.collect();
        token.after = rows.last().map_or(token.after, |(place, _)| *place);
        let (link, name) = if more { ("nextLink", "$skiptoken") } else { ("deltaLink", "$deltatoken") };
        Ok(Answer::ok(page(&query, kind, shown, link, name, &token, call)))
    }

    /// What is left of a round, with the places of the rows: everything that is there, or what changed since the last;
    /// no more than `enough`.
    fn changed(&self, kind: Kind, token: &Token, view: View, enough: usize) -> Vec<(u64, Row)> {
        let table = self.table(kind);
        let wanted = |id: &str| token.ids.is_empty() || token.ids.iter().any(|wanted| wanted.eq_ignore_ascii_case(id));
        let Some(since) = token.since else {
            let rest = table.after(token.after, Life::Live, view).filter(|seen| wanted(text(&seen.value, "id")));
            return rest.map(|seen| (seen.order, Row::There(seen.value))).take(enough).collect();
        };
        let rest = self.changes.order.range(since.max(token.after).saturating_add(1)..);
        let rest = rest.take_while(|(sequence, _)| **sequence <= token.until);
        let rest = rest.filter(|(_, change)| change.kind == kind && wanted(&change.id));
        let row = |change: &Change| match (table.get(&change.id, view), table.current(&change.id)) {
            (Some(value), _) => Row::There(value.clone()),
            (None, Some((Life::Deleted, _))) => Row::Gone(change.id.clone(), "changed"),
            (None, _) => Row::Gone(change.id.clone(), "deleted"),
        };
        rest.map(|(sequence, change)| (*sequence, row(change))).take(enough).collect()
    }
}

/// The options of a first request, which count for the whole round and those that follow.
fn first_round(kind: Kind, known: u64, call: &Call) -> Result<Token, Refusal> {
    let mut token = Token {
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
                selecting(Some(value), kind, call)?;
                token.select = Some(value.clone());
            }
            "$top" => token.top = value.parse().ok().filter(|top| (1..=999).contains(top)),
            "$filter" => token.ids = ids(value)?,
            "$deltatoken" => {}
            name if name.starts_with('$') => {
                return Err(Refusal::unsupported_query(format!("{name} is not supported in a delta query.")));
            }
            _ => {}
        }
    }
    Ok(token)
}

enum Row {
    There(std::sync::Arc<Value>),
    /// In the bin (`changed`) or purged (`deleted`).
    Gone(String, &'static str),
}

fn page(query: &Query, kind: Kind, rows: Vec<Value>, link: &str, name: &str, token: &Token, call: &Call) -> Value {
    let mut body = Map::new();
    body.insert("@odata.context".into(), query.context(kind.collection(), call).into());
    let url = format!("{}{}?{name}={}", call.root, call.path, token.write());
    body.insert(format!("@odata.{link}"), url.into());
    body.insert("value".into(), rows.into());
    body.into()
}

/// A query that selects and nothing else.
fn selecting(names: Option<&str>, kind: Kind, call: &Call) -> Result<Query, Refusal> {
    let mut call = call.clone();
    call.query = names.map(|names| ("$select".to_owned(), names.to_owned())).into_iter().collect();
    Query::parse(&call, kind)
}

/// The id is part of every row, selected or not.
fn with_id(shown: Value, value: &Value) -> Value {
    let mut row = Map::new();
    row.insert("id".into(), value["id"].clone());
    if let Value::Object(members) = shown {
        row.extend(members);
    }
    row.into()
}

/// The one filter of a delta query: `id eq 'x' or id eq 'y'`.
fn ids(filter: &str) -> Result<Vec<String>, Refusal> {
    let unsupported =
        || Refusal::unsupported_query("A delta query can only be filtered by id: id eq 'x' or id eq 'y'.");
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
        let note = |changes: &mut Changes, number: usize| changes.note(Kind::User, &number.to_string(), Duration::ZERO);
        for number in 0..MAX_CHANGES {
            note(&mut changes, number);
        }
        note(&mut changes, 0);
        assert_eq!((changes.len(), changes.floor), (MAX_CHANGES, 0), "an object changes once");
        note(&mut changes, MAX_CHANGES);
        assert_eq!((changes.len(), changes.floor), (MAX_CHANGES, 2), "the second is the oldest now");
    }
}
