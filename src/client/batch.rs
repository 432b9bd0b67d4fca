//! Several calls in one request: [`$batch`](https://learn.microsoft.com/graph/json-batching).
//!
//! Items fail one by one. Those that are to be tried again go out together in a smaller batch, each by its own rule; a
//! batch whose response was lost is repeated for the items that may be, and left open for the others.

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tracing::Instrument as _;

use crate::auth::number::{text, whole};
use crate::client::call::{Call, Decode, decoded};
use crate::client::decode::unreadable;
use crate::client::request::Request;
use crate::client::{Client, replication};
use crate::error::{Error, ErrorCode};
use crate::retry::{CallOptions, Deadline, LOOK_FIRST, Outcome, Repeat, Response, Tries};
use crate::token::AccessToken;

/// Items in one request.
const MAX_ITEMS: usize = 20;

const OPERATION: &str = "POST /$batch";

/// The number of the next batch: a handle belongs to the batch that gave it.
static NEXT_BATCH: AtomicU64 = AtomicU64::new(0);

/// Several calls that go out together, up to 20 in one request; more make more requests.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::permission::MICROSOFT_GRAPH;
///
/// let client = MemoryTenant::new().client();
/// let mut batch = client.batch();
/// let organization = batch.add(client.organization().get());
/// let graph = batch.add(client.service_principals().find_selecting(MICROSOFT_GRAPH, &["id"]));
/// let mut response = batch.await?;
/// println!("{:?}", response.take(organization)?.display_name);
/// assert!(response.take(graph)?.is_some());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[derive(Debug)]
#[must_use = "a batch does nothing until it is sent"]
pub struct Batch {
    number: u64,
    client: Client,
    requests: Vec<Result<Request, Error>>,
    in_order: bool,
}

/// A handle to one item of a [`Batch`]: exchanged for what its call returns.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::BatchHandle;
/// use entra_apps::model::Organization;
///
/// let client = MemoryTenant::new().client();
/// let mut batch = client.batch();
/// let handle: BatchHandle<Organization> = batch.add(client.organization().get());
/// let organization: Organization = batch.await?.take(handle)?;
/// assert!(organization.id.is_some());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[must_use = "the handle is exchanged for what the call returns"]
pub struct BatchHandle<T> {
    batch: u64,
    index: usize,
    decode: Decode<T>,
}

impl<T> fmt::Debug for BatchHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchHandle({})", self.index)
    }
}

/// The response to a [`Batch`]: what each of its calls returns. It can hold secrets, and is never written anywhere.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::ErrorKind;
/// use entra_apps::ids::AppId;
///
/// let client = MemoryTenant::new().client();
/// let mut batch = client.batch();
/// let organization = batch.add(client.organization().get());
/// let nobody = batch.add(client.applications().get(AppId::from_u128(1)));
/// let mut response = batch.await?;
/// assert!(response.take(organization).is_ok(), "each item fails by itself");
/// assert_eq!(response.take(nobody).unwrap_err().kind(), ErrorKind::NotFound);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct BatchResponse {
    batch: u64,
    items: Vec<Option<(Request, Result<Response, Error>)>>,
}

impl BatchResponse {
    /// Takes what the call of one item returns.
    ///
    /// # Errors
    /// What the call by itself would give. [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code [`HandleOfAnotherBatch`](crate::ErrorCode::HandleOfAnotherBatch) for a handle
    /// that another batch gave.
    pub fn take<T>(&mut self, handle: BatchHandle<T>) -> Result<T, Error> {
        let item = self.items.get_mut(handle.index).filter(|_| handle.batch == self.batch).and_then(Option::take);
        let (request, response) = item.ok_or_else(|| Error::new(ErrorCode::HandleOfAnotherBatch))?;
        decoded(handle.decode, &request, &response?)
    }
}

impl Batch {
    pub(super) fn new(client: &Client) -> Self {
        let number = NEXT_BATCH.fetch_add(1, Ordering::Relaxed);
        Self { number, client: client.clone(), requests: Vec::new(), in_order: false }
    }

    /// Carries each item out only when the one before it has succeeded.
    pub fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// Adds a call.
    pub fn add<T>(&mut self, call: Call<T>) -> BatchHandle<T> {
        self.requests.push(call.request);
        BatchHandle { batch: self.number, index: self.requests.len() - 1, decode: call.decode }
    }

    /// How many calls it holds.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether it holds no call.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Sends the items and waits until each is done or has failed for good.
    ///
    /// # Errors
    /// When an item is invalid or an upsert (then nothing is sent), or the whole batch got no response and nothing is
    /// known of any item. Otherwise each item's own error comes from [`BatchResponse::take`].
    ///
    /// # Panics
    /// As [`Client`] says of the runtime.
    pub async fn send(self) -> Result<BatchResponse, Error> {
        let mut items = Vec::with_capacity(self.requests.len());
        for request in self.requests {
            let request = request?;
            if let Some(reason) = not_batchable(&request) {
                return Err(Error::new(ErrorCode::NotBatchable).with_message(reason).during(request.operation));
            }
            items.push(Item {
                request,
                attempts: 0,
                tries: Tries::default(),
                result: None,
                wait: None,
                outdated: false,
            });
        }
        let mut run = Run {
            options: self.client.options(),
            started: self.client.clock().monotonic(),
            client: &self.client,
            in_order: self.in_order,
            items,
        };
        run.finish().instrument(self.client.span(OPERATION)).await?;
        let unanswered = || {
            Err(Error::new(ErrorCode::IncompleteBatchResponse)
                .with_message("the batch ended without a response to this item"))
        };
        let items = run.items.into_iter().map(|item| Some((item.request, item.result.unwrap_or_else(unanswered))));
        Ok(BatchResponse { batch: self.number, items: items.collect() })
    }
}

impl IntoFuture for Batch {
    type Output = Result<BatchResponse, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

struct Item {
    request: Request,
    attempts: u32,
    tries: Tries,
    result: Option<Result<Response, Error>>,
    /// How long to wait before it is sent again, and why.
    wait: Option<(Duration, Outcome)>,
    /// Whether it is not sent again only because its body would be too old.
    outdated: bool,
}

/// A batch that is being sent.
struct Run<'a> {
    client: &'a Client,
    options: CallOptions,
    in_order: bool,
    started: Duration,
    items: Vec<Item>,
}

impl Run<'_> {
    async fn finish(&mut self) -> Result<(), Error> {
        loop {
            let pending: Vec<usize> =
                (0..self.items.len()).filter(|&index| self.items[index].result.is_none()).collect();
            if pending.is_empty() {
                return Ok(());
            }
            self.wait_if_asked(&pending).await;
            let chunk = &self.chunk(&pending);
            if let Err(error) = self.send(chunk).await {
                if self.items.iter().all(|item| item.result.is_none()) && !error.maybe_done() {
                    return Err(error);
                }
                self.no_response(chunk, &error);
            }
            self.fail_what_depends_on_failures();
        }
    }

    /// The items of the next request: they are of one version of Graph.
    fn chunk(&self, pending: &[usize]) -> Vec<usize> {
        let version = |index: usize| self.items[index].request.version;
        let same = |index: &usize| version(*index) == version(pending[0]);
        let pending = pending.iter().copied();
        match self.in_order {
            true => pending.take_while(same).take(MAX_ITEMS).collect(),
            false => pending.filter(same).take(MAX_ITEMS).collect(),
        }
    }

    async fn wait_if_asked(&mut self, pending: &[usize]) {
        let waits = pending.iter().filter_map(|&index| self.items[index].wait.take().map(|wait| (index, wait)));
        if let Some((index, (wait, outcome))) = waits.max_by_key(|(_, (wait, _))| *wait) {
            let item = &self.items[index];
            let context = self.client.context();
            context.wait(item.request.operation.clone(), &outcome, wait, item.attempts, &self.options).await;
        }
    }

    async fn send(&mut self, chunk: &[usize]) -> Result<(), Error> {
        let repeat = match chunk.iter().any(|&index| self.items[index].request.repeat == Repeat::Unsafe) {
            true => Repeat::Unsafe,
            false => Repeat::Safe,
        };
        let fresh_until = chunk.iter().map(|&index| self.items[index].request.fresh_until);
        let fresh_until = fresh_until.fold(Deadline::default(), Deadline::earlier);
        let mut outer = Request::new(OPERATION, "", Method::POST, ["$batch"])
            .version(self.items[chunk[0]].request.version)
            .repeat(repeat)
            .fresh_until(fresh_until)
            .body(&self.batch_body(chunk)?)?;
        outer.writes = chunk.iter().map(|&index| self.items[index].request.writes).sum();
        // What cannot be read is repeated or left open item by item.
        let classify = |response: &Response| match response.status.is_success() {
            true => Outcome::Final,
            false => replication::classify(&outer, response, false),
        };
        let (response, token) = self.client.send(&outer, &self.options, classify).await?;
        if !response.status.is_success() {
            return Err(outer.refusal(&response).with_outdated(response.outdated));
        }
        let readable = match response.read::<BatchItems<ItemResponse<'_>>>() {
            Ok(all) => all.responses,
            // A response that cannot be read is its own item's trouble.
            Err(_) => {
                let all: BatchItems<&RawValue> =
                    response.read().map_err(|error| unreadable(&outer, &response, error).with_maybe_done(true))?;
                all.responses.iter().filter_map(|text| serde_json::from_str(text.get()).ok()).collect()
            }
        };
        let mut by_id: HashMap<String, ItemResponse<'_>> =
            readable.into_iter().filter_map(|item| Some((text(&item.id)?.into_owned(), item))).collect();
        let mut carried_on = true;
        for &index in chunk {
            let item = by_id.remove(&(index + 1).to_string()).and_then(|item| Some((item.status()?, item)));
            let succeeded = item.as_ref().is_some_and(|(status, _)| status.is_success());
            match item {
                // Not carried out: it goes again if the one before it does, and fails with it otherwise.
                Some((StatusCode::FAILED_DEPENDENCY, _)) if self.in_order && !carried_on => {}
                Some((status, item)) => self.item_response(index, status, item, &response, &token),
                None => self.no_response(&[index], &missing()),
            }
            carried_on &= succeeded;
        }
        Ok(())
    }

    fn batch_body(&self, chunk: &[usize]) -> Result<BatchBody<'_>, Error> {
        let mut requests = Vec::with_capacity(chunk.len());
        for (place, &index) in chunk.iter().enumerate() {
            let request = &self.items[index].request;
            let own = request.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
            let mut headers: HashMap<&str, &str> = own.collect();
            if request.body.is_some() {
                headers.insert("Content-Type", "application/json");
            }
            if request.advanced {
                headers.insert("ConsistencyLevel", "eventual");
            }
            let body = request
                .body
                .as_ref()
                .map(|body| serde_json::from_slice(body))
                .transpose()
                .map_err(|error| Error::new(ErrorCode::InvalidBody).with_source(error))?;
            requests.push(ItemRequest {
                id: (index + 1).to_string(),
                method: request.method.as_str(),
                url: request.relative_url(self.client.cloud())?,
                headers,
                body,
                depends_on: (self.in_order && place > 0).then(|| [(chunk[place - 1] + 1).to_string()]),
            });
        }
        Ok(BatchBody { requests })
    }

    fn item_response(
        &mut self,
        index: usize,
        status: StatusCode,
        item: ItemResponse<'_>,
        outer: &Response,
        token: &AccessToken,
    ) {
        let mut headers = HeaderMap::new();
        for name in READ_HEADERS {
            let own =
                item.headers.as_object().into_iter().flatten().find(|(own, _)| own.eq_ignore_ascii_case(name.as_str()));
            let value = own.and_then(|(_, value)| HeaderValue::from_str(&text(value)?).ok());
            headers.extend(value.map(|value| (name, value)));
        }
        // What an item does not say is said of the batch as a whole.
        for name in ["request-id", "date"].map(HeaderName::from_static) {
            if let (false, Some(value)) = (headers.contains_key(&name), outer.headers.get(&name)) {
                headers.insert(name, value.clone());
            }
        }
        let body = item.body.map_or_else(Bytes::new, |body| outer.body.slice_ref(body.get().as_bytes()));
        self.items[index].attempts += 1;
        let item = &self.items[index];
        let mut response = Response::new(status, headers, body, item.attempts, self.client.clock().now());
        response = response.redacted_beside_data(&token.secret);
        response.in_batch = true;
        let outcome = replication::classify(&item.request, &response, self.client.is_recent(&item.request));
        response.lagging = outcome == Outcome::Lagging;
        if outcome != Outcome::Final && self.send_again(index, outcome) {
            return;
        }
        let item = &mut self.items[index];
        response.outdated = item.outdated;
        self.client.remember(&item.request, &response);
        item.result = Some(Ok(response));
    }

    /// Lets the item go again where its rule allows it.
    fn send_again(&mut self, index: usize, outcome: Outcome) -> bool {
        let context = self.client.context();
        context.close_throttle_gate(&outcome, &self.options);
        let item = &mut self.items[index];
        let tries = item.tries.count(&outcome);
        let elapsed = self.client.clock().monotonic().saturating_sub(self.started);
        let wait = context
            .policy
            .decide(item.request.repeat, &outcome, tries, elapsed, context.jitter())
            .filter(|wait| context.ends_in_time(*wait, &self.options));
        item.outdated = wait.is_some_and(|wait| !item.request.fresh_until.allows(self.client.clock(), wait));
        item.wait = wait.filter(|_| !item.outdated).map(|wait| (wait, outcome));
        item.wait.is_some()
    }

    /// Settles items that got no response: creations stay open, everything else goes again.
    fn no_response(&mut self, chunk: &[usize], error: &Error) {
        for &index in chunk {
            let maybe_done = error.maybe_done() && self.items[index].request.repeat == Repeat::Unsafe;
            self.items[index].attempts += 1;
            let outcome = Outcome::NoResponse { maybe_sent: error.maybe_done() };
            let again = error.maybe_done() && !maybe_done && self.send_again(index, outcome.clone());
            if !again {
                let item = &mut self.items[index];
                let is_outdated = item.outdated || error.is_outdated();
                let error = error.copy().with_attempts(item.attempts).with_maybe_done(maybe_done);
                let error = error.with_outdated(is_outdated);
                item.result = Some(Err(match (outcome.maybe_done(), maybe_done) {
                    (_, true) => error.with_remedy(LOOK_FIRST),
                    (true, false) => error.with_remedy("Run it again; if it lasts, check what is in between."),
                    (false, false) => error,
                }));
            }
        }
    }

    fn fail_what_depends_on_failures(&mut self) {
        if !self.in_order {
            return;
        }
        let failed = self.items.iter().position(|item| match &item.result {
            Some(Ok(response)) => !response.status.is_success(),
            Some(Err(_)) => true,
            None => false,
        });
        let Some(failed) = failed else { return };
        for item in &mut self.items[failed + 1..] {
            item.result.get_or_insert_with(|| {
                Err(Error::new(ErrorCode::DependencyFailed)
                    .with_status(StatusCode::FAILED_DEPENDENCY)
                    .with_remedy("Mend what the step before it failed with, and send what was not done.")
                    .during(item.request.operation.clone()))
            });
        }
    }
}

fn missing() -> Error {
    Error::new(ErrorCode::IncompleteBatchResponse).with_maybe_done(true).during(OPERATION)
}

/// Why a request goes by itself, if it must: `$batch` is not documented to honour the header that it depends on, or to
/// take its body.
fn not_batchable(request: &Request) -> Option<&'static str> {
    if request.create_if_missing {
        return Some("an upsert cannot be part of a batch");
    }
    if request.headers.contains_key("Prefer") {
        return Some("a request with the header Prefer cannot be part of a batch");
    }
    request.headers.contains_key(CONTENT_TYPE).then_some("a body that is not JSON cannot be part of a batch")
}

#[derive(Serialize)]
struct BatchBody<'a> {
    requests: Vec<ItemRequest<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemRequest<'a> {
    id: String,
    method: &'a str,
    url: String,
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    headers: HashMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depends_on: Option<[String; 1]>,
}

#[derive(Deserialize)]
struct BatchItems<T> {
    responses: Vec<T>,
}

/// An item, each member read by itself.
#[derive(Deserialize)]
struct ItemResponse<'a> {
    id: Value,
    status: Value,
    #[serde(default)]
    headers: Value,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

impl ItemResponse<'_> {
    /// What became of it, where that can be read.
    fn status(&self) -> Option<StatusCode> {
        let status = u16::try_from(whole(&self.status)?).ok()?;
        Some(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY))
    }
}

/// The headers of an item that are read. A map of headers takes in no more than some thousands, and fails beyond.
const READ_HEADERS: [HeaderName; 4] = [
    http::header::RETRY_AFTER,
    http::header::LOCATION,
    HeaderName::from_static("request-id"),
    HeaderName::from_static("client-request-id"),
];
