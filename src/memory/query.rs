//! The query options of a list: `$filter`, `$select`, `$orderby`, `$search`, `$count`, `$top` and paging.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::answer::Refusal;
use super::call::Call;
use super::filter::Filter;
use super::json::{member, text};
use super::kind::Kind;
use super::table::Seen;

const DEFAULT_PAGE: usize = 100;
const LARGEST_PAGE: usize = 999;

#[derive(Clone, Debug)]
pub(super) struct Query {
    select: Option<Vec<String>>,
    pub(super) filter: Option<Filter>,
    order: Option<(String, bool)>,
    top: Option<usize>,
    count: bool,
    search: Option<String>,
    after: Option<Position>,
}

/// Where a page starts: after a row when rows come in their own order, else after a number of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Position {
    Row(u64),
    Offset(usize),
}

impl Position {
    fn token(self) -> String {
        let text = match self {
            Self::Row(row) => format!("row:{row}"),
            Self::Offset(offset) => format!("offset:{offset}"),
        };
        URL_SAFE_NO_PAD.encode(text)
    }

    fn parse(token: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (kind, number) = text.split_once(':')?;
        match kind {
            "row" => Some(Self::Row(number.parse().ok()?)),
            "offset" => Some(Self::Offset(number.parse().ok()?)),
            _ => None,
        }
    }
}

/// The token of a page that starts at the beginning.
pub(super) fn first_page() -> String {
    Position::Offset(0).token()
}

impl Query {
    /// Reads the options; `kind` says what may be filtered, selected and sorted by.
    pub(super) fn parse(call: &Call, kind: Kind) -> Result<Self, Refusal> {
        let bad = |message: String| Refusal::new(StatusCode::BAD_REQUEST, "BadRequest", message);
        let mut query =
            Self { select: None, filter: None, order: None, top: None, count: false, search: None, after: None };
        let mut advanced_order = false;
        for (name, value) in &call.query {
            match name.to_ascii_lowercase().as_str() {
                "$select" => {
                    let names: Vec<String> = value.split(',').map(|name| name.trim().to_owned()).collect();
                    if let Some(unknown) =
                        names.iter().find(|name| *name != "*" && member(kind.template(), name).is_none())
                    {
                        return Err(bad(format!(
                            "Parsing OData Select and Expand failed: Could not find a property named '{unknown}' \
                                on type 'microsoft.graph.{}'.",
                            kind.type_name()
                        )));
                    }
                    query.select = Some(names).filter(|names| !names.iter().any(|name| name == "*"));
                }
                "$filter" => query.filter = Some(Filter::parse(value)?),
                "$orderby" => {
                    let mut words = value.split_whitespace();
                    let property = words.next().unwrap_or_default().to_owned();
                    let descending = words.next().is_some_and(|word| word.eq_ignore_ascii_case("desc"));
                    if !["createddatetime", "deleteddatetime", "displayname"]
                        .contains(&property.to_lowercase().as_str())
                    {
                        return Err(Refusal::unsupported_query("Sorting not supported for current query."));
                    }
                    advanced_order = true;
                    query.order = Some((property, descending));
                }
                "$top" => {
                    let top = value.parse().ok().filter(|top| (1..=LARGEST_PAGE).contains(top));
                    query.top = Some(top.ok_or_else(|| {
                        Refusal::bad_request(format!(
                            "Invalid page size specified: '{value}'. Must be between 1 and 999 inclusive."
                        ))
                    })?);
                }
                "$count" => query.count = value.eq_ignore_ascii_case("true"),
                "$search" => query.search = Some(value.clone()),
                "$skiptoken" => {
                    query.after = Some(Position::parse(value).ok_or_else(|| {
                        Refusal::new(
                            StatusCode::BAD_REQUEST,
                            "Directory_ExpiredPageToken",
                            "The specified page token value has expired and can no longer be included in your request.",
                        )
                    })?);
                }
                "$skip" => return Err(Refusal::bad_request("'$skip' is not supported by the service.")),
                "$expand" => return Err(Refusal::not_implemented("$expand")),
                unknown if unknown.starts_with('$') => {
                    return Err(Refusal::not_implemented(format!("the query option {unknown}")));
                }
                _ => {}
            }
        }
        let advanced = call.eventual && query.count;
        if let Some(filter) = &query.filter {
            filter.check(kind, advanced)?;
        }
        // The list of deleted items documents `$orderBy` without the headers of an advanced query.
        if advanced_order && !advanced && !call.path.to_ascii_lowercase().contains("deleteditems") {
            return Err(Refusal::unsupported_query("Sorting not supported for current query."));
        }
        if query.search.is_some() && !call.eventual {
            return Err(Refusal::unsupported_query(
                "Request with $search query parameter only works through MSGraph with a special request header: \
                    'ConsistencyLevel: eventual'",
            ));
        }
        query.count &= call.eventual;
        Ok(query)
    }

    /// Whether an object is part of the answer.
    fn matches(&self, object: &Value) -> Result<bool, Refusal> {
        if let Some(search) = &self.search {
            let clause = search.trim().trim_matches('"');
            let Some(("displayName", words)) = clause.split_once(':') else {
                return Err(Refusal::not_implemented("$search on anything but displayName"));
            };
            let name = text(object, "displayName").to_lowercase();
            let tokens: Vec<&str> = name.split(|letter: char| !letter.is_alphanumeric()).collect();
            let found =
                words.to_lowercase().split_whitespace().all(|word| tokens.iter().any(|token| token.starts_with(word)));
            if !found {
                return Ok(false);
            }
        }
        Ok(self.filter.as_ref().is_none_or(|filter| filter.test(object)))
    }

    /// How many objects pass.
    pub(super) fn count(&self, rows: impl Iterator<Item = Seen>) -> Result<usize, Refusal> {
        let mut count = 0;
        for seen in rows {
            count += usize::from(self.matches(&seen.value)?);
        }
        Ok(count)
    }

    /// The page of a list.
    pub(super) fn page(&self, rows: impl Iterator<Item = Seen>, context: &str, call: &Call) -> Result<Value, Refusal> {
        let mut passing = Vec::new();
        for seen in rows {
            if self.matches(&seen.value)? {
                passing.push(seen);
            }
        }
        let total = passing.len();
        let size = self.top.unwrap_or(DEFAULT_PAGE);
        let start = match (&self.order, self.after) {
            (Some((property, descending)), _) => {
                passing.sort_by(|a, b| {
                    let key = |seen: &Seen| {
                        member(&seen.value, property).and_then(Value::as_str).unwrap_or_default().to_lowercase()
                    };
                    let ordering = key(a).cmp(&key(b));
                    if *descending { ordering.reverse() } else { ordering }
                });
                match self.after {
                    Some(Position::Offset(offset)) => offset,
                    _ => 0,
                }
            }
            (None, Some(Position::Row(row))) => {
                passing.partition_point(|seen| seen.order.cmp(&row) != Ordering::Greater)
            }
            (None, Some(Position::Offset(offset))) => offset,
            (None, None) => 0,
        };
        let end = start.saturating_add(size).min(total);
        let page = passing.get(start..end).unwrap_or_default();
        let mut body = Map::new();
        body.insert("@odata.context".into(), self.context(context, call).into());
        if self.count {
            body.insert("@odata.count".into(), total.into());
        }
        if end < total {
            let next = match (&self.order, page.last()) {
                (None, Some(last)) => Position::Row(last.order),
                _ => Position::Offset(end),
            };
            body.insert("@odata.nextLink".into(), next_link(call, &next.token()).into());
        }
        body.insert("value".into(), page.iter().map(|seen| self.project(&seen.value)).collect());
        Ok(body.into())
    }

    /// One object as the answer, under its context.
    pub(super) fn entity(&self, object: &Value, context: &str, call: &Call) -> Value {
        let mut body = Map::new();
        body.insert("@odata.context".into(), (self.context(context, call) + "/$entity").into());
        if let Value::Object(members) = self.project(object) {
            body.extend(members);
        }
        body.into()
    }

    fn context(&self, context: &str, call: &Call) -> String {
        match &self.select {
            Some(names) => call.context(&format!("{context}({})", names.join(","))),
            None => call.context(context),
        }
    }

    fn project(&self, object: &Value) -> Value {
        let (Some(names), Value::Object(members)) = (&self.select, object) else { return object.clone() };
        let chosen = members.iter().filter(|(name, _)| {
            name.starts_with("@odata.type") || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
        });
        Value::Object(chosen.map(|(name, value)| (name.clone(), value.clone())).collect())
    }
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
