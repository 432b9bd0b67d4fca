//! Faults of the items of a `$batch`: which items are sent on, and what the combined response becomes.
//!
//! <https://learn.microsoft.com/graph/json-batching>

use std::collections::HashMap;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fault::Action;
use super::list;
use super::refused::{Refused, item};
use crate::data::json::{items, text, texts};
use crate::graph::response::{Correlation, GraphError};
use crate::service::Target;

/// The most requests that a batch may have.
pub(crate) const MAX_BATCH_REQUESTS: usize = 20;

/// Whether a path, without the version, is that of a batch.
pub(crate) fn is_batch(target: &Target) -> bool {
    matches!(target, Target::Graph(path) if path.eq_ignore_ascii_case("/$batch"))
}

/// The methods and URLs of a batch, as far as they can be read; none of any other request.
pub(crate) fn batch_items(target: &Target, body: &[u8]) -> Vec<(Method, String)> {
    if !is_batch(target) {
        return Vec::new();
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let read =
        |item: &Value| (text(item, "method").to_uppercase().parse().unwrap_or_default(), text(item, "url").to_owned());
    // One more than a batch may have is enough to know that it is none.
    items(&body, "requests").iter().take(MAX_BATCH_REQUESTS + 1).map(read).collect()
}

/// A batch whose items meet faults.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    requests: Vec<Value>,
    /// The place of each request by its id in lower case.
    places: HashMap<String, usize>,
    actions: &'a [Option<Action>],
    fates: Vec<Fate>,
    correlation: &'a Correlation,
    /// What the URLs of items are relative to.
    root: String,
}

/// What becomes of an item.
#[derive(Debug)]
enum Fate {
    /// It is sent on; what the service responds may be changed.
    Sent,
    /// It is sent on, and its response replaced.
    Replaced(Refused),
    /// It is not sent on.
    Refused(Refused),
    /// It is not sent on, for one on which it depends has failed.
    FailedDependency,
}

impl<'a> Batch<'a> {
    /// `None` where no item meets a fault, or the body is no batch: the service says so by itself.
    pub(super) fn of(
        body: &[u8],
        actions: &'a [Option<Action>],
        correlation: &'a Correlation,
        root: String,
    ) -> Option<Self> {
        let changes = |action: &Option<Action>| action.as_ref().is_some_and(|it| !matches!(it, Action::Revokes { .. }));
        if !actions.iter().any(changes) {
            return None;
        }
        let mut body: Value = serde_json::from_slice(body).ok()?;
        let Value::Array(requests) = body.get_mut("requests")?.take() else { return None };
        if requests.len() != actions.len() || requests.len() > MAX_BATCH_REQUESTS {
            return None;
        }
        let mut places = HashMap::new();
        for (place, request) in requests.iter().enumerate() {
            let id = text(request, "id").to_lowercase();
            if id.is_empty() || places.insert(id, place).is_some() {
                return None;
            }
        }
        let fates = actions.iter().map(|action| {
            match action.as_ref().and_then(|action| Refused::of(action, correlation.wall)) {
                None => Fate::Sent,
                Some(refused) if refused.acts => Fate::Replaced(refused),
                Some(refused) => Fate::Refused(refused),
            }
        });
        let fates = fates.collect();
        let mut batch = Self { requests, places, actions, fates, correlation, root };
        batch.fail_dependants();
        Some(batch)
    }

    /// The place of the item of an id.
    fn place(&self, id: &str) -> Option<usize> {
        self.places.get(&id.to_lowercase()).copied()
    }

    /// Whether it is known before anything is sent that an item fails.
    fn fails(&self, place: usize) -> bool {
        match &self.fates[place] {
            Fate::Sent => false,
            Fate::Replaced(refused) | Fate::Refused(refused) => refused.status().as_u16() >= 400,
            Fate::FailedDependency => true,
        }
    }

    /// Lets all fail that depend on what fails, until no more do.
    fn fail_dependants(&mut self) {
        loop {
            let depends_on_failure = |place: &usize| {
                let mut on = texts(&self.requests[*place], "dependsOn").filter_map(|id| self.place(id));
                !matches!(self.fates[*place], Fate::FailedDependency) && on.any(|on| on != *place && self.fails(on))
            };
            let found: Vec<usize> = (0..self.requests.len()).filter(depends_on_failure).collect();
            if found.is_empty() {
                return;
            }
            for place in found {
                self.fates[place] = Fate::FailedDependency;
            }
        }
    }

    fn is_sent(&self, place: usize) -> bool {
        matches!(self.fates[place], Fate::Sent | Fate::Replaced(_))
    }

    /// The places of the items that are sent on.
    pub(super) fn sent(&self) -> impl Iterator<Item = usize> {
        (0..self.requests.len()).filter(|place| self.is_sent(*place))
    }

    /// The batch that is sent on; `None` where nothing is left of it.
    pub(super) fn body(&self) -> Option<Vec<u8>> {
        let sent = self.sent().map(|place| {
            let mut request = self.requests[place].clone();
            if let Some(Value::Array(ids)) = request.get_mut("dependsOn") {
                ids.retain(|id| id.as_str().and_then(|id| self.place(id)).is_none_or(|on| self.is_sent(on)));
            }
            request
        });
        let sent: Vec<Value> = sent.collect();
        (!sent.is_empty()).then(|| json!({ "requests": sent }).to_string().into_bytes())
    }

    /// The combined response, of what the service responded to [`body`](Self::body), with the status of each item.
    /// `None` where the service did not carry out the batch.
    pub(super) fn combine(self, sent: Option<&[u8]>) -> Option<(Vec<u8>, Vec<Option<StatusCode>>)> {
        let mut body: Value = match sent {
            Some(body) => serde_json::from_slice(body).ok()?,
            None => json!({"responses": []}),
        };
        let Self { requests, places, actions, fates, correlation, root } = self;
        let responses = body.get_mut("responses")?.as_array_mut()?;
        let mut replaced = HashMap::new();
        for (place, fate) in fates.into_iter().enumerate() {
            let id = text(&requests[place], "id");
            match fate {
                Fate::Sent => {}
                Fate::Replaced(refused) => drop(replaced.insert(place, refused.item(id, correlation))),
                Fate::Refused(refused) => responses.push(refused.item(id, correlation)),
                Fate::FailedDependency => {
                    let refusal = GraphError::new(
                        StatusCode::FAILED_DEPENDENCY,
                        "FailedDependency",
                        "A request on which this one depends has failed.",
                    );
                    responses.push(item(refusal, id, correlation));
                }
            }
        }
        let mut statuses = vec![None; requests.len()];
        for response in responses {
            let Some(place) = places.get(&text(response, "id").to_lowercase()).copied() else { continue };
            if let Some(replacement) = replaced.remove(&place) {
                *response = replacement;
            } else if let Some(action) = &actions[place] {
                let url = format!("{root}/{}", text(&requests[place], "url").trim_start_matches('/'));
                change(action, response, &url);
            }
            let status = response.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
            statuses[place] = status.and_then(|status| StatusCode::from_u16(status).ok());
        }
        Some((body.to_string().into_bytes(), statuses))
    }
}

/// Changes the response to an item that was carried out.
fn change(action: &Action, response: &mut Value, url: &str) {
    match action {
        Action::Body { text } => {
            response["body"] = serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into());
        }
        action => {
            if let Some(body) = response.get_mut("body") {
                list::change(action, body, url);
            }
        }
    }
}
