//! The recorded requests of a tenant: without bodies, the latest only, and how they waited for one another.

use std::collections::VecDeque;

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
    /// The status of the response; `None` when there was none.
    pub status: Option<StatusCode>,
    /// The place of its start in the order of all starts and ends.
    pub started: u64,
    /// The place of its end in that order; `None` while it runs.
    pub ended: Option<u64>,
    /// The length of the request's body in bytes.
    pub request_bytes: usize,
    /// The length of the response's body in bytes.
    pub response_bytes: usize,
    /// Whether it, or an item of its batch, asks for a change of the directory.
    pub is_write: bool,
    /// Whether it is a sign-in.
    pub is_token: bool,
    /// Whether its token was issued by another tenant of the cloud, so that it is refused with 401.
    pub has_foreign_token: bool,
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

/// How many requests a tenant records unless it is told otherwise.
pub(super) const DEFAULT_RECORDED_REQUESTS: usize = 10_000;

/// The latest requests in the order of their starts.
#[derive(Debug)]
pub(super) struct Log {
    requests: VecDeque<RecordedRequest>,
    /// How many are recorded at most.
    max: usize,
    forgotten: usize,
    sequence: u64,
}

impl Log {
    pub(super) fn new(max: usize) -> Self {
        Self { requests: VecDeque::new(), max, forgotten: 0, sequence: 0 }
    }

    fn tick(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    fn request(&mut self, number: usize) -> Option<&mut RecordedRequest> {
        number.checked_sub(self.forgotten).and_then(|index| self.requests.get_mut(index))
    }

    /// Notes a start, and forgets the oldest beyond the bound; the number is for [`finish`](Self::finish).
    pub(super) fn start(&mut self, mut request: RecordedRequest) -> usize {
        request.started = self.tick();
        self.requests.push_back(request);
        let number = self.forgotten + self.requests.len() - 1;
        while self.requests.len() > self.max {
            self.requests.pop_front();
            self.forgotten += 1;
        }
        number
    }

    /// Notes an end, once.
    pub(super) fn finish(&mut self, number: usize, end: impl FnOnce(&mut RecordedRequest)) {
        let at = self.tick();
        if let Some(request) = self.request(number).filter(|request| request.ended.is_none()) {
            request.ended = Some(at);
            end(request);
        }
    }

    /// Notes what became of the items of a batch, where it was carried out as it was sent.
    pub(super) fn note_items(&mut self, number: usize, statuses: &[Option<StatusCode>]) {
        let request = self.request(number).filter(|request| request.items.len() == statuses.len());
        for (item, status) in request.into_iter().flat_map(|request| &mut request.items).zip(statuses) {
            item.status = *status;
        }
    }

    pub(super) fn clear(&mut self) {
        self.forgotten += self.requests.len();
        self.requests.clear();
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &RecordedRequest> {
        self.requests.iter()
    }
}

/// The longest chain of requests that waited for one another, sign-ins left out.
pub(super) fn round_trips<'a>(requests: impl Iterator<Item = &'a RecordedRequest>) -> usize {
    let requests: Vec<_> = requests.filter(|request| !request.is_token).collect();
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

    fn request(started: u64, ended: Option<u64>) -> RecordedRequest {
        RecordedRequest {
            method: Method::GET,
            path: String::new(),
            query: None,
            status: None,
            started,
            ended,
            request_bytes: 0,
            response_bytes: 0,
            is_write: false,
            is_token: false,
            has_foreign_token: false,
            items: Vec::new(),
        }
    }

    fn chain(spans: &[(u64, u64)]) -> usize {
        let requests: Vec<_> = spans.iter().map(|(started, ended)| request(*started, Some(*ended))).collect();
        round_trips(requests.iter())
    }

    #[test]
    fn only_the_latest_are_recorded_and_what_is_forgotten_may_still_end() {
        for max in [0, 1, 3] {
            let mut log = Log::new(max);
            let numbers: Vec<_> = (0..5).map(|_| log.start(request(0, None))).collect();
            assert_eq!(numbers, [0, 1, 2, 3, 4]);
            for number in numbers {
                log.finish(number, |request| request.response_bytes = number);
            }
            let kept: Vec<_> = log.all().map(|request| request.response_bytes).collect();
            assert_eq!(kept, (5 - max..5).collect::<Vec<_>>());
        }
    }

    #[test]
    fn only_requests_that_waited_make_a_chain() {
        assert_eq!(chain(&[]), 0);
        assert_eq!(chain(&[(1, 4), (2, 5), (3, 6)]), 1);
        assert_eq!(chain(&[(1, 2), (3, 4), (5, 6)]), 3);
        assert_eq!(chain(&[(1, 3), (2, 9), (4, 6), (7, 8)]), 3);
    }
}
