//! The transport of a diagnosis: it records what Microsoft's support asks for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::clock::Clock;
use crate::error::foreign;
use crate::provision::diagnose::diagnosis::RecordedRequest;
use crate::transport::{Transport, TransportError};

/// A transport that records the requests to the sign-in service, without what is in them.
#[derive(Debug)]
pub(super) struct RecordingTransport {
    inner: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    log: Mutex<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    request: RecordedRequest,
    /// When it was sent, on the clock's monotonic scale.
    sent: Duration,
    is_over: bool,
}

impl RecordingTransport {
    pub(super) fn new(inner: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, clock, log: Mutex::default() }
    }

    /// Takes what was recorded; a request that nobody waits for any more counts as lasting until now.
    pub(super) fn take(&self) -> Vec<RecordedRequest> {
        let entries = std::mem::take(&mut *self.log());
        let finished = entries.into_iter().map(|mut entry| {
            if !entry.is_over {
                entry.request.duration_ms = self.milliseconds_since(entry.sent);
            }
            entry.request
        });
        finished.collect()
    }

    fn milliseconds_since(&self, sent: Duration) -> u64 {
        let took = self.clock.monotonic().saturating_sub(sent).as_millis();
        u64::try_from(took).unwrap_or(u64::MAX)
    }

    fn log(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of a refusal that is recorded.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Refusal {
    error_codes: Vec<u64>,
    trace_id: Option<String>,
}

#[async_trait]
impl Transport for RecordingTransport {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let header = |headers: &http::HeaderMap, name: &str| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(|text| foreign(text.to_owned()))
        };
        let recorded = RecordedRequest {
            request: format!("{} {}", request.method(), request.uri().host().unwrap_or_default()),
            at: self.clock.now(),
            duration_ms: 0,
            status: None,
            service_code: None,
            request_id: None,
            correlation_id: header(request.headers(), "client-request-id"),
        };
        let sent = self.clock.monotonic();
        // Recorded before it is sent: one that is given up is dropped before it ends.
        let place = {
            let mut log = self.log();
            log.push(Entry { request: recorded, sent, is_over: false });
            log.len() - 1
        };
        let response = self.inner.send(request).await;
        let mut log = self.log();
        let Some(Entry { request: recorded, is_over, .. }) = log.get_mut(place) else { return response };
        *is_over = true;
        recorded.duration_ms = self.milliseconds_since(sent);
        if let Ok(response) = &response {
            recorded.status = Some(response.status().as_u16());
            recorded.request_id = header(response.headers(), "x-ms-request-id");
            if !response.status().is_success() {
                let refusal: Refusal = serde_json::from_slice(response.body()).unwrap_or_default();
                recorded.service_code = refusal.error_codes.first().map(|code| format!("AADSTS{code}"));
                recorded.request_id = refusal.trace_id.map(foreign).or(recorded.request_id.take());
            }
        }
        response
    }
}
