//! Several calls in one request: [`$batch`](https://learn.microsoft.com/graph/json-batching).
//!
//! Items fail one by one. Those that are to be tried again go out together in a smaller batch, each by its own rule; a
//! batch whose answer was lost is repeated for the items that may be, and left open for the others.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::client::call::{Call, Decode, Spec};
use crate::client::{Client, replication};
use crate::error::{Error, ErrorKind};
use crate::exchange::{Answer, Bounds, Judgement, Repeat, Tries, retry_after};

/// Items in one request.
const MOST_ITEMS: usize = 20;

const OPERATION: &str = "POST /$batch";

/// The code of an item that was not sent because the one before it failed.
pub(crate) const DEPENDENCY_FAILED: &str = "dependency_failed";

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
/// let mut answers = batch.await?;
/// println!("{:?}", answers.take(organization)?.display_name);
/// assert!(answers.take(graph)?.is_some());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a batch does nothing until it is sent"]
pub struct Batch {
    client: Client,
    items: Vec<Result<Spec, Error>>,
    in_order: bool,
}

/// Stands for one item of a [`Batch`]: exchanged for its answer.
#[must_use = "the ticket is exchanged for the answer"]
pub struct Ticket<T> {
    index: usize,
    decode: Decode<T>,
}

impl<T> fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({})", self.index)
    }
}

/// The answers to a [`Batch`].
#[derive(Debug)]
pub struct Answers(Vec<Option<Answered>>);

#[derive(Debug)]
struct Answered {
    spec: Spec,
    answer: Result<Answer, Error>,
}

impl Answers {
    /// The answer of one item.
    ///
    /// # Errors
    /// What the call by itself would give.
    ///
    /// # Panics
    /// When the ticket is another batch's.
    pub fn take<T>(&mut self, ticket: Ticket<T>) -> Result<T, Error> {
        let taken = self.0.get_mut(ticket.index).and_then(Option::take);
        let Answered { spec, answer } = taken.expect("a ticket is exchanged at the batch that gave it");
        (ticket.decode)(&spec, answer?)
    }
}

impl Client {
    /// Starts a batch, whose items the service carries out in any order.
    pub fn batch(&self) -> Batch {
        Batch { client: self.clone(), items: Vec::new(), in_order: false }
    }
}

impl Batch {
    /// Carries each item out only when the one before it has succeeded.
    pub fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// Adds a call.
    pub fn add<T>(&mut self, call: Call<T>) -> Ticket<T> {
        self.items.push(call.spec);
        Ticket { index: self.items.len() - 1, decode: call.decode }
    }

    /// How many calls it holds.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Sends the items and waits until each is done or has failed for good.
    ///
    /// # Errors
    /// When an item is invalid or an upsert (then nothing is sent), or the whole batch got no answer and nothing is known of any
    /// item. Otherwise each item's own error comes from [`Answers::take`].
    pub async fn send(self) -> Result<Answers, Error> {
        let mut specs = Vec::with_capacity(self.items.len());
        for item in self.items {
            let spec = item?;
            // What depends on a header that `$batch` is not documented to honour goes by itself.
            if spec.create_if_missing {
                return Err(Error::invalid("not_in_a_batch", "an upsert cannot be part of a batch")
                    .with_remedy("Await it by itself.")
                    .during(spec.operation));
            }
            specs.push(spec);
        }
        let mut run = Run {
            client: &self.client,
            bounds: self.client.bounds(),
            in_order: self.in_order,
            started: self.client.clock().monotonic(),
            items: specs
                .into_iter()
                .map(|spec| Item { spec, attempts: 0, tries: Tries::default(), done: None, wait: None })
                .collect(),
        };
        run.finish().await?;
        let unanswered =
            || Error::new(ErrorKind::Service, "no_answer", "the batch ended without an answer to this item");
        Ok(Answers(
            run.items
                .into_iter()
                .map(|item| Some(Answered { spec: item.spec, answer: item.done.unwrap_or_else(|| Err(unanswered())) }))
                .collect(),
        ))
    }
}

impl std::future::IntoFuture for Batch {
    type Output = Result<Answers, Error>;
    type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

struct Item {
    spec: Spec,
    attempts: u32,
    tries: Tries,
    done: Option<Result<Answer, Error>>,
    wait: Option<(Duration, Judgement)>,
}

struct Run<'a> {
    client: &'a Client,
    bounds: Bounds,
    in_order: bool,
    started: Duration,
    items: Vec<Item>,
}

impl Run<'_> {
    async fn finish(&mut self) -> Result<(), Error> {
        loop {
            let pending: Vec<usize> = (0..self.items.len()).filter(|&index| self.items[index].done.is_none()).collect();
            let Some(&first) = pending.first() else { return Ok(()) };
            self.wait_if_asked(&pending).await;
            let chunk: Vec<usize> = pending.into_iter().take(MOST_ITEMS).collect();
            if let Err(error) = self.send(&chunk).await {
                if self.items.iter().all(|item| item.done.is_none()) && first == chunk[0] && !error.maybe_done() {
                    return Err(error);
                }
                self.no_answer(&chunk, &error);
            }
            self.fail_what_depends_on_failures();
        }
    }

    async fn wait_if_asked(&mut self, pending: &[usize]) {
        let longest = pending.iter().filter_map(|&index| self.items[index].wait.take().map(|wait| (index, wait)));
        if let Some((index, (wait, judgement))) = longest.max_by_key(|(_, (wait, _))| *wait) {
            let item = &self.items[index];
            self.client.means().wait(item.spec.operation, &judgement, wait, item.attempts, &self.bounds).await;
        }
    }

    async fn send(&mut self, chunk: &[usize]) -> Result<(), Error> {
        let repeat = match chunk.iter().any(|&index| self.items[index].spec.repeat == Repeat::Unsafe) {
            true => Repeat::Unsafe,
            false => Repeat::Safe,
        };
        let outer = Spec::new(OPERATION, "", Method::POST, ["$batch"]).repeat(repeat).body(&self.envelope(chunk)?)?;
        let answer = self.client.send(&outer, &self.bounds).await?;
        if !answer.status.is_success() {
            return Err(outer.error(&answer));
        }
        let responses: Responses<'_> = answer.read().map_err(|_| {
            Error::new(
                ErrorKind::Decode,
                "answer_not_understood",
                "the service's answer to the batch is not what it documents",
            )
            .with_status(answer.status)
            .with_maybe_done(repeat == Repeat::Unsafe)
            .with_remedy(
                "Check that the Graph endpoint is right; run it again: what was done is found and not done twice.",
            )
            .during(OPERATION)
        })?;
        // One answer that cannot be read is that item's own trouble.
        let readable =
            responses.responses.iter().filter_map(|text| serde_json::from_str::<Response<'_>>(text.get()).ok());
        let mut by_id: HashMap<String, Response<'_>> =
            readable.map(|response| (response.id.clone(), response)).collect();
        let mut carried_on = true;
        for &index in chunk {
            let response = by_id.remove(&(index + 1).to_string());
            let succeeded = response.as_ref().is_some_and(|response| (200..300).contains(&response.status));
            match response {
                // Not carried out: it goes again if the one before it does, and fails with it otherwise.
                Some(response) if self.in_order && !carried_on && response.status == 424 => {}
                Some(response) => self.answered(index, response, &answer),
                None => self.no_answer(&[index], &missing()),
            }
            carried_on &= succeeded;
        }
        Ok(())
    }

    fn envelope(&self, chunk: &[usize]) -> Result<Requests<'_>, Error> {
        let mut requests = Vec::with_capacity(chunk.len());
        for (place, &index) in chunk.iter().enumerate() {
            let spec = &self.items[index].spec;
            let mut headers = HashMap::new();
            if spec.body.is_some() {
                headers.insert("Content-Type", "application/json");
            }
            if spec.advanced {
                headers.insert("ConsistencyLevel", "eventual");
            }
            let body = spec.body.as_ref().map(|body| serde_json::from_slice(body)).transpose().map_err(|error| {
                Error::invalid("invalid_body", "the request cannot be written as JSON").with_source(error)
            })?;
            requests.push(Request {
                id: (index + 1).to_string(),
                method: spec.method.as_str(),
                url: spec.relative_url(&self.client.shared.cloud)?,
                headers,
                body,
                depends_on: (self.in_order && place > 0).then(|| [(chunk[place - 1] + 1).to_string()]),
            });
        }
        Ok(Requests { requests })
    }

    fn answered(&mut self, index: usize, response: Response<'_>, outer: &Answer) {
        let mut headers = HeaderMap::new();
        for name in READ_HEADERS {
            let own = response.headers.iter().flatten().find(|(own, _)| own.eq_ignore_ascii_case(name.as_str()));
            let value = own.and_then(|(_, value)| HeaderValue::from_str(value.as_str()?).ok());
            headers.extend(value.map(|value| (name, value)));
        }
        // What an item does not say is said of the batch as a whole.
        for name in ["request-id", "date"].map(HeaderName::from_static) {
            if let (false, Some(value)) = (headers.contains_key(&name), outer.headers.get(&name)) {
                headers.insert(name, value.clone());
            }
        }
        let body = response.body.map_or_else(Bytes::new, |body| Bytes::copy_from_slice(body.get().as_bytes()));
        let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let item = &mut self.items[index];
        item.attempts += 1;
        let retry_after = retry_after(&headers, self.client.clock().now());
        let mut answer = Answer { status, headers, body, attempts: item.attempts, retry_after, lagging: false };
        let fresh = self.client.is_fresh(&item.spec);
        let judgement = replication::judge(&item.spec, &answer, fresh);
        answer.lagging = judgement == Judgement::Lagging;
        if judgement != Judgement::Final && self.again(index, judgement) {
            return;
        }
        let item = &mut self.items[index];
        self.client.remember(&item.spec, &answer);
        item.done = Some(Ok(answer));
    }

    /// Lets the item go again where its rule allows it.
    fn again(&mut self, index: usize, judgement: Judgement) -> bool {
        let means = self.client.means();
        means.close_gate(&judgement, &self.bounds);
        let item = &mut self.items[index];
        let tries = item.tries.count(&judgement);
        let elapsed = self.client.clock().monotonic().saturating_sub(self.started);
        let wait = means
            .policy
            .decide(item.spec.repeat, &judgement, tries, elapsed, means.jitter())
            .filter(|wait| means.fits(*wait, &self.bounds));
        let again = wait.is_some();
        self.items[index].wait = wait.map(|wait| (wait, judgement));
        again
    }

    /// There was no answer for these items: creations stay open, everything else goes again.
    fn no_answer(&mut self, chunk: &[usize], error: &Error) {
        for &index in chunk {
            let maybe_done = error.maybe_done() && self.items[index].spec.repeat == Repeat::Unsafe;
            self.items[index].attempts += 1;
            let judgement = Judgement::NoAnswer { maybe_sent: error.maybe_done() };
            let again = error.maybe_done() && !maybe_done && self.again(index, judgement);
            if !again {
                let item = &mut self.items[index];
                item.done = Some(Err(error.copy().with_maybe_done(maybe_done).with_attempts(item.attempts)));
            }
        }
    }

    fn fail_what_depends_on_failures(&mut self) {
        if !self.in_order {
            return;
        }
        let failed = self.items.iter().position(|item| match &item.done {
            Some(Ok(answer)) => !answer.status.is_success(),
            Some(Err(_)) => true,
            None => false,
        });
        let Some(failed) = failed else { return };
        for item in &mut self.items[failed + 1..] {
            item.done.get_or_insert_with(|| {
                Err(Error::new(ErrorKind::Refused, DEPENDENCY_FAILED, "not sent, because the step before it failed")
                    .with_status(StatusCode::FAILED_DEPENDENCY)
                    .with_remedy("Mend what the step before it says and run it again.")
                    .during(item.spec.operation))
            });
        }
    }
}

fn missing() -> Error {
    Error::new(ErrorKind::Service, "no_answer", "the batch's answer lacks this item")
        .with_maybe_done(true)
        .with_remedy("Run it again: what was done is found and not done twice.")
        .during(OPERATION)
}

#[derive(Serialize)]
struct Requests<'a> {
    requests: Vec<Request<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    id: String,
    method: &'a str,
    url: String,
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    headers: HashMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depends_on: Option<[String; 1]>,
}

#[derive(Deserialize)]
struct Responses<'a> {
    #[serde(borrow)]
    responses: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Response<'a> {
    id: String,
    status: u16,
    headers: Option<Map<String, Value>>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// The headers of an item that are read. A map of headers takes in no more than some thousands, and fails beyond.
const READ_HEADERS: [HeaderName; 3] =
    [http::header::RETRY_AFTER, HeaderName::from_static("request-id"), HeaderName::from_static("client-request-id")];
