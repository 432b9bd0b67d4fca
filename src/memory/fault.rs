//! Faults: a script of what goes wrong, deterministic or by a seeded chance.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::random::{SeededRandomness, below};

/// Something that goes wrong with certain requests. Made by [`Fault::on`].
#[derive(Clone, Debug)]
pub struct Fault {
    on: FaultOn,
    action: Action,
    seen: u64,
}

/// Which requests a fault meets: the start of a [`Fault`].
#[derive(Clone, Debug)]
#[must_use = "a fault needs an action, such as `answer_lost()`"]
pub struct FaultOn {
    method: Option<Method>,
    pattern: Vec<String>,
    first: u64,
    times: u64,
    percent: u8,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Anywhere,
    InBatch,
    Alone,
}

/// When to try again, as a throttled answer says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryAfter {
    /// Not said.
    Unsaid,
    /// In seconds.
    Seconds(u64),
    /// As the HTTP date that lies this long ahead.
    Date(Duration),
}

#[derive(Clone, Debug)]
pub(super) enum Action {
    Unreachable,
    Reset,
    AnswerLost,
    Answer { status: StatusCode, code: String, message: String, retry: RetryAfter, written: bool },
    Truncated,
    Slow(Duration),
    TokenRefused,
    EmptyPage,
}

impl Action {
    /// Whether the action is about the connection, and so about a whole batch.
    fn is_transport(&self) -> bool {
        matches!(self, Self::Unreachable | Self::Reset | Self::AnswerLost | Self::Truncated | Self::Slow(_))
    }
}

impl Fault {
    /// Meets requests of a method (`*` for any) and a path below `/v1.0`, alone or inside a `$batch`.
    ///
    /// In the path, `*` stands for any characters of one segment, `**` at the end for any rest, and an alternate key is
    /// a segment of its own: `/applications/*` meets `/applications(uniqueName='x')`. A sign-in is
    /// `/oauth2/v2.0/token`, without the tenant. Case does not matter.
    ///
    /// ```
    /// # use entra_apps::memory::{Fault, MemoryTenant};
    /// let tenant = MemoryTenant::new();
    /// tenant.fault(Fault::on("POST", "/applications").nth(2).answer_lost());
    /// ```
    ///
    /// # Panics
    /// When `method` is no HTTP method.
    pub fn on(method: &str, path: &str) -> FaultOn {
        let method = (method != "*").then(|| method.parse().expect("the method of a fault is an HTTP method or `*`"));
        FaultOn { method, pattern: segments(path), first: 1, times: 1, percent: 100, place: Place::Anywhere }
    }
}

impl FaultOn {
    /// Meets the `n`th matching request from now on, counted from 1, which is also the default.
    pub fn nth(mut self, n: u64) -> Self {
        self.first = n;
        self
    }

    /// Meets so many matching requests in a row; one is the default.
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// Meets every matching request.
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    /// Meets a matching request with a chance of so many percent, drawn from the tenant's seed.
    pub fn percent(mut self, percent: u8) -> Self {
        self.percent = percent;
        self
    }

    /// Meets only items of a `$batch`.
    pub fn in_batch(mut self) -> Self {
        self.place = Place::InBatch;
        self
    }

    /// Meets only requests of their own.
    pub fn alone(mut self) -> Self {
        self.place = Place::Alone;
        self
    }

    fn then(self, action: Action) -> Fault {
        Fault { on: self, action, seen: 0 }
    }

    /// The request never leaves: nothing is done, and the error says that it was not sent.
    pub fn unreachable(self) -> Fault {
        self.then(Action::Unreachable)
    }

    /// The connection breaks before the service acts; the error says that it may have been sent.
    pub fn reset(self) -> Fault {
        self.then(Action::Reset)
    }

    /// The service acts, and its answer is lost.
    pub fn answer_lost(self) -> Fault {
        self.then(Action::AnswerLost)
    }

    /// The service acts, and the second half of its answer is missing.
    pub fn truncated(self) -> Fault {
        self.then(Action::Truncated)
    }

    /// The service acts, and answers so much later.
    pub fn slow(self, by: Duration) -> Fault {
        self.then(Action::Slow(by))
    }

    /// Graph refuses the token with 401.
    pub fn token_refused(self) -> Fault {
        self.then(Action::TokenRefused)
    }

    /// A list answers an empty page, with a link to the first.
    pub fn empty_page(self) -> Fault {
        self.then(Action::EmptyPage)
    }

    /// 429, with or without the time to wait; nothing is done.
    pub fn throttled(self, retry: RetryAfter) -> Fault {
        self.answer(429, "TooManyRequests", "Please retry again later.", retry, false)
    }

    /// A failure of the service, such as 500, 502, 503 or 504, before it acts.
    ///
    /// # Panics
    /// When `status` is no HTTP status.
    pub fn fails(self, status: u16) -> Fault {
        self.failure(status, false)
    }

    /// A failure of the service after it has acted: what was asked for is done all the same.
    ///
    /// # Panics
    /// When `status` is no HTTP status.
    pub fn fails_after_writing(self, status: u16) -> Fault {
        self.failure(status, true)
    }

    /// Any other refusal with a code and a message of the service; nothing is done. On a sign-in the code is
    /// `AADSTS…`.
    ///
    /// # Panics
    /// When `status` is no HTTP status.
    pub fn refuses(self, status: u16, code: &str, message: &str) -> Fault {
        self.answer(status, code, message, RetryAfter::Unsaid, false)
    }

    /// The transient refusal of a service principal whose application was created a moment ago.
    pub fn service_principal_race(self) -> Fault {
        let message = "When using this permission, the backing application of the service principal being created \
            must in the local tenant";
        self.refuses(403, "Authorization_RequestDenied", message)
    }

    fn failure(self, status: u16, written: bool) -> Fault {
        let (code, message) = match status {
            502 => ("BadGateway", "Bad gateway."),
            503 => ("ServiceUnavailable", "The service is temporarily unavailable."),
            504 => ("GatewayTimeout", "Gateway timeout."),
            _ => ("Service_InternalServerError", "Encountered an internal server error."),
        };
        self.answer(status, code, message, RetryAfter::Unsaid, written)
    }

    fn answer(self, status: u16, code: &str, message: &str, retry: RetryAfter, written: bool) -> Fault {
        let status = StatusCode::from_u16(status).expect("the status of a fault is an HTTP status");
        self.then(Action::Answer { status, code: code.into(), message: message.into(), retry, written })
    }

    fn meets(&self, method: &Method, path: &str, in_batch: bool) -> bool {
        let place = match self.place {
            Place::Anywhere => true,
            Place::InBatch => in_batch,
            Place::Alone => !in_batch,
        };
        place
            && self.method.as_ref().is_none_or(|wanted| wanted == method)
            && path_meets(&self.pattern, &segments(path))
    }
}

/// What goes wrong with one request and with the items of its batch.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) whole: Option<Action>,
    pub(super) items: Vec<Option<Action>>,
}

/// The faults that are still to come.
#[derive(Debug)]
pub(super) struct Script {
    faults: Vec<Fault>,
    chance: SeededRandomness,
}

impl Script {
    pub(super) fn new(seed: u64) -> Self {
        Self { faults: Vec::new(), chance: SeededRandomness::new(seed) }
    }

    pub(super) fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.faults.clear();
    }

    /// Decides over a request and the items of its batch.
    pub(super) fn plan(&mut self, method: &Method, path: &str, items: &[(Method, String)]) -> Plan {
        let mut whole = self.next(method, path, false);
        let items = items.iter().map(|(method, path)| {
            let action = self.next(method, path, true)?;
            if !action.is_transport() {
                return Some(action);
            }
            whole.get_or_insert(action);
            None
        });
        let items = items.collect();
        Plan { whole, items }
    }

    /// The action of the first fault that is due; every matching fault counts the request.
    fn next(&mut self, method: &Method, path: &str, in_batch: bool) -> Option<Action> {
        let mut due = None;
        for fault in &mut self.faults {
            if !fault.on.meets(method, path, in_batch) {
                continue;
            }
            fault.seen += 1;
            let in_turn = fault.seen >= fault.on.first && fault.seen - fault.on.first < fault.on.times;
            let by_chance = fault.on.percent >= 100 || below(&self.chance, 100) < u64::from(fault.on.percent);
            if in_turn && by_chance && due.is_none() {
                due = Some(fault.action.clone());
            }
        }
        self.faults.retain(|fault| fault.seen < fault.on.first.saturating_add(fault.on.times).saturating_sub(1));
        due
    }
}

/// Lower-case segments, with an alternate key as a segment of its own.
fn segments(path: &str) -> Vec<String> {
    let path = super::route::decode(path.split('?').next().unwrap_or_default()).to_lowercase();
    let parts = path.split('/').filter(|part| !part.is_empty());
    parts
        .flat_map(|part| match part.find('(') {
            Some(at) if at > 0 => vec![part[..at].to_owned(), part[at..].to_owned()],
            _ => vec![part.to_owned()],
        })
        .collect()
}

fn path_meets(pattern: &[String], path: &[String]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((first, [])), _) if first == "**" => true,
        (Some((first, pattern)), Some((segment, path))) => text_meets(first, segment) && path_meets(pattern, path),
        _ => false,
    }
}

fn text_meets(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(head) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| text_meets(tail, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_segments_and_alternate_keys() {
        for (pattern, path, meets) in [
            ("/applications", "/Applications", true),
            ("/applications", "/applications/x", false),
            ("/applications/*", "/applications/x", true),
            ("/applications/*", "/applications(uniqueName='a/b')", false),
            ("/applications/*", "/applications(uniqueName='a')", true),
            ("/applications(uniqueName='*')", "/applications(uniqueName='a')", true),
            ("/applications(uniqueName='*')", "/applications/a", false),
            ("/applications/*/addPassword", "/applications/x/addpassword", true),
            ("/**", "/a/b/c", true),
        ] {
            assert_eq!(path_meets(&segments(pattern), &segments(path)), meets, "{pattern} {path}");
        }
    }

    #[test]
    fn occurrences_are_counted_from_one() {
        let mut script = Script::new(0);
        script.add(Fault::on("GET", "/a").nth(2).times(2).fails(503));
        let met = |script: &mut Script| script.plan(&Method::GET, "/a", &[]).whole.is_some();
        assert_eq!([(); 5].map(|()| met(&mut script)), [false, true, true, false, false]);
        assert!(script.faults.is_empty());
    }
}
