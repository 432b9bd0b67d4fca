//! Counts what goes over a transport: requests, writes, and how many had to wait for one another.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use entra_apps::bytes::Bytes;
use entra_apps::http::{Method, Request, Response};
use entra_apps::transport::{Transport, TransportError};

/// A transport that counts what goes over another.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    inner: Arc<dyn Transport>,
    log: Arc<Mutex<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    ticks: u64,
    sent: Vec<Sent>,
}

#[derive(Clone, Debug)]
struct Sent {
    started: u64,
    ended: Option<u64>,
    writes: usize,
    bytes: [usize; 2],
}

/// What was counted up to a moment, or between two.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    sent: Vec<Sent>,
}

impl Recorder {
    pub(crate) fn new(inner: Arc<dyn Transport>) -> Self {
        Self { inner, log: Arc::default() }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts { sent: self.log().sent.clone() }
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        self.sent.drain(..earlier.sent.len());
        self
    }

    pub(crate) fn requests(&self) -> usize {
        self.sent.len()
    }

    pub(crate) fn writes(&self) -> usize {
        self.sent.iter().map(|sent| sent.writes).sum()
    }

    /// The bodies that were sent, in bytes.
    #[allow(dead_code)] // the benchmark shows it
    pub(crate) fn bytes_sent(&self) -> usize {
        self.sent.iter().map(|sent| sent.bytes[0]).sum()
    }

    /// The decoded bodies of the answers, in bytes: those of reads, and those of requests that write.
    #[allow(dead_code)] // the benchmark shows it
    pub(crate) fn bytes_received(&self) -> [usize; 2] {
        [false, true]
            .map(|writes| self.sent.iter().filter(|sent| (sent.writes > 0) == writes).map(|sent| sent.bytes[1]).sum())
    }

    /// The longest chain of requests that waited for one another.
    pub(crate) fn round_trips(&self) -> usize {
        let mut depths: Vec<usize> = Vec::with_capacity(self.sent.len());
        for sent in &self.sent {
            let waited_for =
                self.sent.iter().zip(&depths).filter(|(other, _)| other.ended.is_some_and(|end| end < sent.started));
            depths.push(1 + waited_for.map(|(_, depth)| *depth).max().unwrap_or(0));
        }
        depths.into_iter().max().unwrap_or(0)
    }
}

#[async_trait]
impl Transport for Recorder {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if request.uri().path().contains("/oauth2/") {
            return self.inner.send(request).await;
        }
        let writes = writes(&request);
        let index = {
            let mut log = self.log();
            log.ticks += 1;
            let started = log.ticks;
            log.sent.push(Sent { started, ended: None, writes, bytes: [request.body().len(), 0] });
            log.sent.len() - 1
        };
        let answer = self.inner.send(request).await;
        let mut log = self.log();
        log.ticks += 1;
        let ended = log.ticks;
        log.sent[index].ended = Some(ended);
        log.sent[index].bytes[1] = answer.as_ref().map_or(0, |answer| answer.body().len());
        answer
    }
}

/// A batch has as many writes as it has items that are; objects are read by their ids with a POST.
fn writes(request: &Request<Bytes>) -> usize {
    if request.uri().path().ends_with("/directoryObjects/getByIds") {
        return 0;
    }
    if !request.uri().path().ends_with("/$batch") && !request.uri().path().ends_with("/%24batch") {
        return usize::from(request.method() != Method::GET);
    }
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let items = body["requests"].as_array().cloned().unwrap_or_default();
    items.iter().filter(|item| item["method"] != "GET").count()
}
