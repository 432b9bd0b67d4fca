//! What was asked of a tenant: requests without bodies, and how they waited for one another.

use http::{Method, StatusCode};

/// A request that a tenant was sent, without bodies, headers and secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The method.
    pub method: Method,
    /// The path with the version, such as `/v1.0/applications`.
    pub path: String,
    /// The query, as it was sent.
    pub query: Option<String>,
    /// The status of the answer; `None` when there was none.
    pub status: Option<StatusCode>,
    /// The place of its start in the order of all starts and ends.
    pub started: u64,
    /// The place of its end in that order; `None` while it runs.
    pub ended: Option<u64>,
    /// The length of the request's body in bytes.
    pub request_bytes: usize,
    /// The length of the answer's body in bytes.
    pub response_bytes: usize,
    /// Whether it, or an item of its batch, asks for a change of the directory.
    pub is_write: bool,
    /// Whether it is a sign-in.
    pub is_token: bool,
    /// The items of a `$batch`, in the order of the request.
    pub items: Vec<RecordedItem>,
}

/// An item of a `$batch`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedItem {
    /// The method.
    pub method: Method,
    /// The relative URL with its query.
    pub url: String,
    /// The status; `None` when the batch was not carried out.
    pub status: Option<StatusCode>,
}

/// The requests in the order of their starts.
#[derive(Debug, Default)]
pub(super) struct Log {
    requests: Vec<RecordedRequest>,
    forgotten: usize,
    sequence: u64,
}

impl Log {
    fn tick(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Notes a start; the number is for [`finish`](Self::finish).
    pub(super) fn start(&mut self, mut request: RecordedRequest) -> usize {
        request.started = self.tick();
        self.requests.push(request);
        self.forgotten + self.requests.len() - 1
    }

    /// Notes an end, once.
    pub(super) fn finish(&mut self, number: usize, end: impl FnOnce(&mut RecordedRequest)) {
        let at = self.tick();
        let request = number.checked_sub(self.forgotten).and_then(|index| self.requests.get_mut(index));
        if let Some(request) = request.filter(|request| request.ended.is_none()) {
            request.ended = Some(at);
            end(request);
        }
    }

    /// Notes what became of the items of a batch, where it was carried out.
    pub(super) fn note_items(&mut self, number: usize, items: Vec<RecordedItem>) {
        let request = number.checked_sub(self.forgotten).and_then(|index| self.requests.get_mut(index));
        if let Some(request) = request.filter(|_| !items.is_empty()) {
            request.items = items;
        }
    }

    pub(super) fn clear(&mut self) {
        self.forgotten += self.requests.len();
        self.requests.clear();
    }

    pub(super) fn all(&self) -> &[RecordedRequest] {
        &self.requests
    }
}

/// The longest chain of requests that waited for one another, sign-ins left out.
pub(super) fn round_trips(requests: &[RecordedRequest]) -> usize {
    let requests: Vec<_> = requests.iter().filter(|request| !request.is_token).collect();
    let mut moments: Vec<(u64, usize, bool)> = Vec::new();
    for (index, request) in requests.iter().enumerate() {
        moments.push((request.started, index, false));
        moments.extend(request.ended.map(|ended| (ended, index, true)));
    }
    moments.sort_unstable();
    let mut depths = vec![0; requests.len()];
    let (mut over, mut longest) = (0, 0);
    for (_, index, is_end) in moments {
        if is_end {
            over = over.max(depths[index]);
        } else {
            depths[index] = over + 1;
            longest = longest.max(over + 1);
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(spans: &[(u64, u64)]) -> usize {
        let request = |(started, ended): &(u64, u64)| RecordedRequest {
            method: Method::GET,
            path: String::new(),
            query: None,
            status: None,
            started: *started,
            ended: Some(*ended),
            request_bytes: 0,
            response_bytes: 0,
            is_write: false,
            is_token: false,
            items: Vec::new(),
        };
        round_trips(&spans.iter().map(request).collect::<Vec<_>>())
    }

    #[test]
    fn only_requests_that_waited_make_a_chain() {
        assert_eq!(chain(&[]), 0);
        assert_eq!(chain(&[(1, 4), (2, 5), (3, 6)]), 1);
        assert_eq!(chain(&[(1, 2), (3, 4), (5, 6)]), 3);
        assert_eq!(chain(&[(1, 3), (2, 9), (4, 6), (7, 8)]), 3);
    }
}
