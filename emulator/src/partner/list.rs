//! The query options of a partner's lists: `$filter`, `$select`, `$orderby`, `$count`, `$top` and paging. None of them
//! needs the headers of an advanced query: only directory objects do.
//!
//! <https://learn.microsoft.com/graph/api/tenantrelationship-list-delegatedadminrelationships>

use std::cmp::Ordering;

use http::StatusCode;
use serde_json::{Map, Value};

use super::errors;
use crate::data::json::member;
use crate::filter::{Filter, TextTest};
use crate::graph::call::Call;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};
use crate::query::{Position, next_link};

const DEFAULT_PAGE_SIZE: usize = 100;

/// The query options that a list supports.
pub(crate) struct ListSchema {
    pub(crate) type_name: &'static str,
    /// The properties that can be selected.
    pub(crate) selectable: &'static [&'static str],
    /// The properties that can be filtered and sorted by.
    pub(crate) filterable: &'static [&'static str],
    pub(crate) max_page_size: usize,
    /// Whether its items are directory objects, not of the service behind `/tenantRelationships`.
    pub(crate) in_directory: bool,
}

impl ListSchema {
    /// The `@odata.context` of a response.
    pub(crate) fn context(&self, of: &str, call: &Call) -> String {
        if self.in_directory { call.context(of) } else { context(of, call) }
    }
}

/// An item of a list with its place in the order of creation.
pub(crate) struct Row {
    pub(crate) order: u64,
    pub(crate) properties: Map<String, Value>,
}

/// The query options of a list request.
pub(crate) struct ListQuery {
    schema: &'static ListSchema,
    select: Option<Vec<String>>,
    filter: Option<Filter>,
    order: Vec<(Vec<String>, bool)>,
    top: Option<usize>,
    count: bool,
    after: Option<Position>,
}

impl ListQuery {
    pub(crate) fn parse(call: &Call, schema: &'static ListSchema) -> Result<Self, GraphError> {
        let mut query =
            Self { schema, select: None, filter: None, order: Vec::new(), top: None, count: false, after: None };
        for (name, value) in &call.query {
            match name.to_ascii_lowercase().as_str() {
                "$select" => query.select = select(value, schema)?,
                "$filter" => {
                    let filter = Filter::parse(value)?;
                    check_filter(&filter, schema)?;
                    query.filter = Some(filter);
                }
                "$orderby" => {
                    query.order = value.split(',').map(|key| order(key, schema)).collect::<Result<_, _>>()?;
                }
                "$top" => {
                    let top = value.parse().ok().filter(|top| (1..=schema.max_page_size).contains(top));
                    query.top = Some(top.ok_or_else(|| {
                        errors::bad_request(format!(
                            "The value of the query option '$top' must be between 1 and {}.",
                            schema.max_page_size
                        ))
                    })?);
                }
                "$count" => query.count = value.eq_ignore_ascii_case("true"),
                "$skiptoken" => {
                    let position = Position::parse(value);
                    query.after = Some(position.ok_or_else(|| errors::bad_request("The skip token is invalid."))?);
                }
                unknown if unknown.starts_with('$') => {
                    return Err(GraphError::not_implemented(format!(
                        "the query option {unknown} on {}",
                        schema.type_name
                    )));
                }
                _ => {}
            }
        }
        // For directory objects, `$count` needs the header of an advanced query.
        query.count &= call.eventual || !schema.in_directory;
        Ok(query)
    }

    fn matches(&self, row: &Row) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.test(&Value::Object(row.properties.clone())))
    }

    /// One page of a list.
    pub(crate) fn page(&self, rows: impl Iterator<Item = Row>, context: &str, call: &Call) -> Value {
        let mut matching: Vec<Row> = rows.filter(|row| self.matches(row)).collect();
        let total = matching.len();
        if !self.order.is_empty() {
            matching.sort_by(|a, b| self.compare(a, b));
        }
        let start = match self.after {
            Some(Position::Row(row)) if self.order.is_empty() => {
                matching.partition_point(|visible| visible.order <= row)
            }
            Some(Position::Offset(offset)) => offset,
            _ => 0,
        };
        let end = start.saturating_add(self.top.unwrap_or(DEFAULT_PAGE_SIZE)).min(total);
        let mut body = Map::new();
        body.insert("@odata.context".into(), self.context(context, call).into());
        if self.count {
            body.insert("@odata.count".into(), total.into());
        }
        if let Some(last) = matching.get(..end).and_then(<[Row]>::last).filter(|_| end < total) {
            let next = if self.order.is_empty() { Position::Row(last.order) } else { Position::Offset(end) };
            body.insert("@odata.nextLink".into(), next_link(call, &next.token()).into());
        }
        let page = matching.into_iter().skip(start).take(end.saturating_sub(start));
        body.insert("value".into(), page.map(|row| Value::Object(self.select_properties(row.properties))).collect());
        body.into()
    }

    /// A single entity with its context.
    pub(crate) fn entity(&self, properties: Map<String, Value>, context: &str, call: &Call) -> Value {
        let mut body = Map::new();
        body.insert("@odata.context".into(), (self.context(context, call) + "/$entity").into());
        body.extend(self.select_properties(properties));
        body.into()
    }

    fn context(&self, context: &str, call: &Call) -> String {
        match &self.select {
            Some(names) => self.schema.context(&format!("{context}({})", names.join(",")), call),
            None => self.schema.context(context, call),
        }
    }

    fn select_properties(&self, mut properties: Map<String, Value>) -> Map<String, Value> {
        if let Some(names) = &self.select {
            properties.retain(|name, _| {
                name.starts_with("@odata.") || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
            });
        }
        properties
    }

    fn compare(&self, a: &Row, b: &Row) -> Ordering {
        let key = |row: &Row, path: &[String]| {
            let (first, rest) = path.split_first()?;
            let first = row.properties.iter().find(|(name, _)| name.eq_ignore_ascii_case(first))?.1;
            rest.iter().try_fold(first, |value, name| member(value, name))?.as_str().map(str::to_lowercase)
        };
        let by_key = self.order.iter().map(|(path, descending)| {
            let ordering = key(a, path).cmp(&key(b, path));
            if *descending { ordering.reverse() } else { ordering }
        });
        by_key.fold(Ordering::Equal, Ordering::then)
    }
}

/// The response to `/$count`: the number of items that match the filter.
pub(crate) fn count(rows: impl Iterator<Item = Row>, call: &Call, schema: &'static ListSchema) -> GraphResult {
    let query = ListQuery::parse(call, schema)?;
    Ok(GraphResponse::text(rows.filter(|row| query.matches(row)).count().to_string()))
}

/// The `@odata.context` of a response below `/tenantRelationships`.
pub(crate) fn context(of: &str, call: &Call) -> String {
    format!("{}/tenantRelationships/$metadata#{of}", call.root)
}

fn bad_property(name: &str, schema: &ListSchema) -> GraphError {
    let message = format!("Could not find a property named '{name}' on type 'microsoft.graph.{}'.", schema.type_name);
    GraphError::new(StatusCode::BAD_REQUEST, "BadRequest", message)
}

/// The selected names; `None` is everything.
fn select(value: &str, schema: &ListSchema) -> Result<Option<Vec<String>>, GraphError> {
    let names: Vec<String> = value.split(',').map(|name| name.trim().to_owned()).collect();
    let known = |name: &str| name == "*" || schema.selectable.iter().any(|known| known.eq_ignore_ascii_case(name));
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        return Err(bad_property(unknown, schema));
    }
    Ok(Some(names).filter(|names| !names.iter().any(|name| name == "*")))
}

fn order(key: &str, schema: &ListSchema) -> Result<(Vec<String>, bool), GraphError> {
    let mut words = key.split_whitespace();
    let path: Vec<String> = words.next().unwrap_or_default().split('/').map(str::to_owned).collect();
    check_path(&path, schema)?;
    match (words.next().map(str::to_ascii_lowercase).as_deref(), words.next()) {
        (None | Some("asc"), None) => Ok((path, false)),
        (Some("desc"), None) => Ok((path, true)),
        _ => Err(errors::bad_request("The query option '$orderby' is invalid.")),
    }
}

fn check_path(path: &[String], schema: &ListSchema) -> Result<(), GraphError> {
    let path = path.join("/");
    if schema.filterable.iter().any(|known| known.eq_ignore_ascii_case(&path)) {
        return Ok(());
    }
    Err(bad_property(&path, schema))
}

fn check_filter(filter: &Filter, schema: &ListSchema) -> Result<(), GraphError> {
    match filter {
        Filter::And(a, b) | Filter::Or(a, b) => check_filter(a, schema).and_then(|()| check_filter(b, schema)),
        Filter::Not(a) => check_filter(a, schema),
        Filter::Compare(path, ..) | Filter::In(path, _) | Filter::Text(TextTest::Starts, path, _) => {
            check_path(path, schema)
        }
        Filter::Text(..) | Filter::Lambda { .. } => {
            Err(GraphError::not_implemented(format!("this filter on {}", schema.type_name)))
        }
    }
}
