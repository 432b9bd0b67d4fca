//! The query options: `$filter`, `$select`, `$expand`, `$orderby`, `$search`, `$count`, `$top` and paging.

use std::cmp::Reverse;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::api::{Api, LISTS};
use super::data::json::{member, text};
use super::data::object_kind::ObjectKind;
use super::data::object_store::VisibleObject;
use super::filter::Filter;
use super::graph::call::Call;
use super::graph::directory::Directory;
use super::graph::objects;
use super::graph::response::{Entity, GraphError, Member};

const DEFAULT_PAGE_SIZE: usize = 100;
const MAX_PAGE_SIZE: usize = 999;
/// How many objects an expansion shows; it has no next page.
const MAX_EXPANDED: usize = 20;

#[derive(Clone, Debug)]
pub(super) struct Query {
    kind: ObjectKind,
    select: Option<Vec<String>>,
    expand: Vec<Expansion>,
    pub(super) filter: Option<Filter>,
    order: Option<(String, bool)>,
    top: Option<usize>,
    count: bool,
    search: Option<Search>,
    after: Option<Position>,
}

/// Where a page starts: after a row when rows come in their own order, else after a number of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Position {
    Row(u64),
    Offset(usize),
}

impl Position {
    pub(super) fn token(self) -> String {
        let text = match self {
            Self::Row(row) => format!("row:{row}"),
            Self::Offset(offset) => format!("offset:{offset}"),
        };
        URL_SAFE_NO_PAD.encode(text)
    }

    pub(super) fn parse(token: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (kind, number) = text.split_once(':')?;
        match kind {
            "row" => Some(Self::Row(number.parse().ok()?)),
            "offset" => Some(Self::Offset(number.parse().ok()?)),
            _ => None,
        }
    }
}

impl Query {
    /// Reads the options; `kind` says what may be filtered, selected and sorted by.
    pub(super) fn parse(call: &Call, kind: ObjectKind) -> Result<Self, GraphError> {
        let bad = |message: String| GraphError::new(StatusCode::BAD_REQUEST, "BadRequest", message);
        let mut query = Self {
            kind,
            select: None,
            expand: Vec::new(),
            filter: None,
            order: None,
            top: None,
            count: false,
            search: None,
            after: None,
        };
        let mut advanced_order = false;
        for (name, value) in &call.query {
            match name.to_ascii_lowercase().as_str() {
                "$select" => {
                    query.select = select(value, kind).map_err(bad)?;
                }
                "$filter" => query.filter = Some(Filter::parse(value)?),
                "$orderby" => {
                    let mut words = value.split_whitespace();
                    let property = words.next().unwrap_or_default().to_owned();
                    let descending = words.next().is_some_and(|word| word.eq_ignore_ascii_case("desc"));
                    if !["createddatetime", "deleteddatetime", "displayname"]
                        .contains(&property.to_lowercase().as_str())
                    {
                        return Err(GraphError::unsupported_query("Sorting not supported for current query."));
                    }
                    advanced_order = true;
                    query.order = Some((property, descending));
                }
                "$top" => {
                    let top = value.parse().ok().filter(|top| (1..=MAX_PAGE_SIZE).contains(top));
                    query.top = Some(top.ok_or_else(|| {
                        GraphError::bad_request(format!(
                            "Invalid page size specified: '{value}'. Must be between 1 and 999 inclusive."
                        ))
                    })?);
                }
                "$count" => query.count = value.eq_ignore_ascii_case("true"),
                "$search" => query.search = Some(Search::parse(value, kind)?),
                "$skiptoken" => {
                    query.after = Some(Position::parse(value).ok_or_else(|| {
                        GraphError::new(
                            StatusCode::BAD_REQUEST,
                            "Directory_ExpiredPageToken",
                            "The specified page token value has expired and can no longer be included in your request.",
                        )
                    })?);
                }
                "$skip" => return Err(GraphError::bad_request("'$skip' is not supported by the service.")),
                "$expand" => query.expand = Expansion::parse(value, kind)?,
                unknown if unknown.starts_with('$') => {
                    return Err(GraphError::not_implemented(format!("the query option {unknown}")));
                }
                _ => {}
            }
        }
        let advanced = call.eventual && query.count;
        if !query.expand.is_empty() && (advanced || query.search.is_some()) {
            return Err(GraphError::unsupported_query(
                "$expand is not supported together with advanced query options.",
            ));
        }
        if let Some(filter) = &query.filter {
            filter.check(kind, advanced)?;
        }
        // The list of deleted items documents `$orderBy` without the headers of an advanced query.
        if advanced_order && !advanced && !call.path.to_ascii_lowercase().contains("deleteditems") {
            return Err(GraphError::unsupported_query("Sorting not supported for current query."));
        }
        if query.search.is_some() && !call.eventual {
            return Err(GraphError::unsupported_query(
                "Request with $search query parameter only works through MSGraph with a special request header: \
                    'ConsistencyLevel: eventual'",
            ));
        }
        query.count &= call.eventual;
        Ok(query)
    }

    /// Whether objects are part of the response.
    fn test<'a>(&'a self, directory: &'a Directory, call: &'a Call) -> impl Fn(&Value) -> bool + 'a {
        let navigations = self.filter.as_ref().map(Filter::navigations).unwrap_or_default();
        move |object| {
            if self.search.as_ref().is_some_and(|search| !search.finds(object)) {
                return false;
            }
            let Some(filter) = &self.filter else { return true };
            if navigations.is_empty() {
                return filter.test(object);
            }
            let mut object = object.clone();
            for name in &navigations {
                object[name] = directory.navigate(self.kind, &object, name, call).into_iter().flatten().collect();
            }
            filter.test(&object)
        }
    }

    /// How many objects pass.
    pub(super) fn count(&self, rows: impl Iterator<Item = VisibleObject>, directory: &Directory, call: &Call) -> usize {
        let passes = self.test(directory, call);
        rows.filter(|seen| passes(&seen.value)).count()
    }

    /// The row after which the rows come that a page needs; zero is all of them.
    pub(super) fn after_row(&self) -> u64 {
        match (&self.order, self.count, self.after) {
            (None, false, Some(Position::Row(row))) => row,
            _ => 0,
        }
    }

    /// The page of a list of objects of one kind.
    pub(super) fn page(
        &self,
        rows: impl Iterator<Item = VisibleObject>,
        context: &str,
        directory: &Directory,
        call: &Call,
    ) -> Value {
        self.page_of(rows.map(|seen| (self.kind, seen)), context, false, directory, call)
    }

    /// The page of a list; `typed` objects say which kind they are.
    pub(super) fn page_of(
        &self,
        rows: impl Iterator<Item = (ObjectKind, VisibleObject)>,
        context: &str,
        typed: bool,
        directory: &Directory,
        call: &Call,
    ) -> Value {
        let size = self.top.unwrap_or(DEFAULT_PAGE_SIZE);
        let offset = match self.after {
            Some(Position::Offset(offset)) => offset,
            _ => 0,
        };
        let passes = self.test(directory, call);
        let (mut page, total) = self.look(rows.filter(|(_, seen)| passes(&seen.value)), offset, size + 1);
        // What is there of the next page says that there is one.
        let more = page.len() > size;
        page.truncate(size);
        let mut body = Map::new();
        body.insert("@odata.context".into(), self.context(context, call).into());
        if self.count {
            body.insert("@odata.count".into(), total.into());
        }
        if more {
            let next = match (&self.order, page.last()) {
                (None, Some((_, last))) => Position::Row(last.order),
                _ => Position::Offset(offset.saturating_add(size)),
            };
            body.insert("@odata.nextLink".into(), next_link(call, &next.token()).into());
        }
        let shown = page.iter().map(|(kind, seen)| {
            let object = self.show(*kind, &seen.value, directory, call);
            if typed { objects::with_odata_type(*kind, object).into() } else { object }
        });
        body.insert("value".into(), shown.collect());
        body.into()
    }

    /// What passes from where the page starts, as far as `enough`, and how much passes in all. Unless it has to be
    /// counted or sorted, no more is looked at than that.
    fn look(
        &self,
        passing: impl Iterator<Item = (ObjectKind, VisibleObject)>,
        offset: usize,
        enough: usize,
    ) -> (Vec<(ObjectKind, VisibleObject)>, usize) {
        let (mut found, mut total) = (Vec::new(), 0);
        for (kind, seen) in passing {
            total += 1;
            let started = match self.after {
                _ if self.order.is_some() => true,
                Some(Position::Row(row)) => seen.order > row,
                _ => total > offset,
            };
            if started && (self.order.is_some() || found.len() < enough) {
                found.push((kind, seen));
            }
            if found.len() >= enough && self.order.is_none() && !self.count {
                break;
            }
        }
        if let Some((property, descending)) = &self.order {
            let key = |(_, seen): &(ObjectKind, VisibleObject)| {
                member(&seen.value, property).and_then(Value::as_str).unwrap_or_default().to_lowercase()
            };
            if *descending {
                found.sort_by_cached_key(|each| Reverse(key(each)));
            } else {
                found.sort_by_cached_key(key);
            }
            found.drain(..offset.min(found.len()));
        }
        (found, total)
    }

    /// One object as the response, under its context.
    pub(super) fn entity(&self, object: &Value, context: &str, directory: &Directory, call: &Call) -> Value {
        let mut body = Map::new();
        body.insert("@odata.context".into(), (self.context(context, call) + "/$entity").into());
        if let Value::Object(members) = self.show(self.kind, object, directory, call) {
            body.extend(members);
        }
        body.into()
    }

    /// The service principal of an API as the response, as it was made: its lists are text already.
    pub(super) fn entity_of_api(
        &self,
        api: &Api,
        object: &Value,
        context: &str,
        directory: &Directory,
        call: &Call,
    ) -> Entity {
        let others = with(object, |name| !LISTS.contains(&name));
        let lists = LISTS.into_iter().filter(|name| self.shows(self.kind, name));
        let lists = lists.map(|name| (name.to_owned(), Member::Text(api.list(object, name))));
        let Value::Object(members) = self.entity(&others, context, directory, call) else { return Entity::new() };
        members.into_iter().map(|(name, value)| (name, Member::Value(value))).chain(lists).collect()
    }

    /// The context of a response, with what was selected and expanded.
    pub(super) fn context(&self, context: &str, call: &Call) -> String {
        let selected = self.select.iter().flatten().cloned();
        let expanded = self.expand.iter().map(|expansion| format!("{}()", expansion.name));
        let parts: Vec<String> = selected.chain(expanded).collect();
        if parts.is_empty() { call.context(context) } else { call.context(&format!("{context}({})", parts.join(","))) }
    }

    /// An object with what was asked to be expanded.
    fn show(&self, kind: ObjectKind, object: &Value, directory: &Directory, call: &Call) -> Value {
        let mut shown = self.project(kind, object);
        if self.select.is_some() {
            directory.add_key_bytes(&mut shown);
        }
        for expansion in &self.expand {
            let mut children = directory.navigate(kind, object, &expansion.name, call).unwrap_or_default();
            children.truncate(MAX_EXPANDED);
            if let Some(names) = &expansion.select {
                children.iter_mut().filter_map(Value::as_object_mut).for_each(|child| {
                    child.retain(|name, _| is_selected(name, names));
                });
            }
            shown[&expansion.name] = children.into();
        }
        shown
    }

    /// The members of an object that are shown.
    pub(super) fn project(&self, kind: ObjectKind, object: &Value) -> Value {
        with(object, |name| self.shows(kind, name))
    }

    fn shows(&self, kind: ObjectKind, name: &str) -> bool {
        match &self.select {
            Some(names) => is_selected(name, names),
            None => is_shown(kind, name),
        }
    }
}

/// An object with the members that it is shown with by default.
pub(super) fn shown(kind: ObjectKind, object: &Value) -> Value {
    with(object, |name| is_shown(kind, name))
}

fn is_shown(kind: ObjectKind, name: &str) -> bool {
    match kind.default_properties() {
        Some(names) => names.contains(&name),
        None => !name.starts_with('_'),
    }
}

/// An object with some of its members. The others are not copied: an API can define thousands of permissions.
fn with(object: &Value, visible: impl Fn(&str) -> bool) -> Value {
    let Value::Object(members) = object else { return object.clone() };
    let members = members.iter().filter(|(name, _)| visible(name));
    Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Whether a member is named, or is the type.
fn is_selected(name: &str, names: &[String]) -> bool {
    name.starts_with("@odata.type") || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
}

/// Reads `$select` into the names as Graph writes them; the error is the message. `None` is everything.
fn select(value: &str, kind: ObjectKind) -> Result<Option<Vec<String>>, String> {
    let mut names = Vec::new();
    let mut everything = false;
    for name in value.split(',').map(str::trim) {
        let known = kind.template().as_object().into_iter().flat_map(Map::keys);
        match known.into_iter().find(|known| known.eq_ignore_ascii_case(name)) {
            Some(known) => names.push(known.clone()),
            None if name == "*" => everything = true,
            None => {
                return Err(format!(
                    "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type \
                        'microsoft.graph.{}'.",
                    kind.type_name()
                ));
            }
        }
    }
    Ok(Some(names).filter(|_| !everything))
}

/// One navigation of an `$expand`.
#[derive(Clone, Debug)]
struct Expansion {
    name: String,
    select: Option<Vec<String>>,
}

impl Expansion {
    fn parse(value: &str, kind: ObjectKind) -> Result<Vec<Self>, GraphError> {
        let mut depth = 0;
        let parts = value.split(|letter| {
            match letter {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            letter == ',' && depth == 0
        });
        let parse = |part: &str| {
            let (name, options) = part.trim().split_once('(').unwrap_or((part.trim(), ""));
            let Some(known) = kind.navigations().iter().find(|known| known.eq_ignore_ascii_case(name)) else {
                return Err(GraphError::new(
                    StatusCode::BAD_REQUEST,
                    "BadRequest",
                    format!(
                        "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type \
                            'microsoft.graph.{}'.",
                        kind.type_name()
                    ),
                ));
            };
            let options = options.trim_end_matches(')').trim();
            let names = match options.split_once('=') {
                None if options.is_empty() => None,
                Some((option, names)) if option.eq_ignore_ascii_case("$select") && !names.contains(';') => {
                    Some(names.split(',').map(|name| name.trim().to_owned()).collect())
                }
                _ => return Err(GraphError::not_implemented(format!("the options {options} inside $expand"))),
            };
            Ok(Self { name: (*known).to_owned(), select: names })
        };
        parts.map(parse).collect()
    }
}

/// A `$search`: clauses such as `"displayName:word"`, of which all of one alternative must be found.
#[derive(Clone, Debug)]
struct Search {
    alternatives: Vec<Vec<(String, String)>>,
}

impl Search {
    fn parse(value: &str, kind: ObjectKind) -> Result<Self, GraphError> {
        let invalid =
            || GraphError::new(StatusCode::BAD_REQUEST, "BadRequest", "Syntax error: invalid $search clause.");
        let mut alternatives = vec![Vec::new()];
        let mut rest = value.trim();
        loop {
            let clause = rest.strip_prefix('"').ok_or_else(invalid)?;
            let (clause, after) = clause.split_once('"').ok_or_else(invalid)?;
            let (name, words) = clause.split_once(':').ok_or_else(invalid)?;
            let name =
                kind.searched_properties().iter().find(|known| known.eq_ignore_ascii_case(name.trim())).ok_or_else(
                    || {
                        GraphError::unsupported_query(format!(
                            "Unsupported or invalid search clause specified for property '{name}' of resource '{}'.",
                            kind.directory_type()
                        ))
                    },
                )?;
            if let Some(last) = alternatives.last_mut() {
                last.push(((*name).to_owned(), words.to_owned()));
            }
            rest = after.trim_start();
            rest = match rest.split_once(char::is_whitespace) {
                _ if rest.is_empty() => return Ok(Self { alternatives }),
                Some(("AND", more)) => more.trim_start(),
                Some(("OR", more)) => {
                    alternatives.push(Vec::new());
                    more.trim_start()
                }
                _ => return Err(invalid()),
            };
        }
    }

    /// Whether every word of a clause starts a word of its member, for all clauses of one alternative.
    fn finds(&self, object: &Value) -> bool {
        let clause_finds = |(name, words): &(String, String)| {
            let value = text(object, name);
            let mut there = tokens(value);
            // Words that only symbols or their case separate are found as one, too.
            there.extend(value.split_whitespace().map(|chunk| {
                chunk.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>().to_lowercase()
            }));
            tokens(words).iter().all(|word| there.iter().any(|token| token.starts_with(word)))
        };
        self.alternatives.iter().any(|clauses| clauses.iter().all(clause_finds))
    }
}

/// The words of a text, in lower case: spaces, symbols, numbers and a change from lower to upper case separate them.
/// <https://learn.microsoft.com/graph/search-query-parameter#use-search-on-directory-object-collections>
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    let mut before = ' ';
    for letter in text.chars() {
        let apart = (before.is_lowercase() && letter.is_uppercase()) || before.is_numeric() != letter.is_numeric();
        match (tokens.last_mut(), letter.is_alphanumeric()) {
            (Some(last), true) if last.is_empty() || !apart => last.extend(letter.to_lowercase()),
            (_, true) => tokens.push(letter.to_lowercase().collect()),
            (_, false) => tokens.push(String::new()),
        }
        before = letter;
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

/// A count of its own needs the header of an advanced query.
pub(super) fn check_count(call: &Call) -> Result<(), GraphError> {
    if call.eventual { Ok(()) } else { Err(GraphError::bad_request("$count is not currently supported.")) }
}

/// The absolute link to the page that `token` stands for.
pub(super) fn next_link(call: &Call, token: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(call.query.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("$skiptoken")));
    query.append_pair("$skiptoken", token);
    // Graph writes the dollar of an option's name as it is.
    let query = query.finish().replace("%24", "$");
    format!("{}{}?{query}", call.root, call.path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_search_finds_words_however_they_are_put_together() {
        let finds = |words: &str, name: &str| {
            let search = Search::parse(&format!("\"displayName:{words}\""), ObjectKind::Application).unwrap();
            search.finds(&json!({"displayName": name}))
        };
        for (words, name) in [
            ("Web", "'DotNetWeb-App' "),
            ("world hello", "HelloWorld"),
            ("helloworld", "hello-world"),
            ("world", "hello123world"),
            ("hello.world", "hello world"),
            ("wor", "hello world"),
        ] {
            assert!(finds(words, name), "{words} in {name}");
        }
        for (words, name) in [("world", "HELLOworld"), ("orld", "hello world"), ("helloworld", "hello world")] {
            assert!(!finds(words, name), "{words} in {name}");
        }
    }
}
