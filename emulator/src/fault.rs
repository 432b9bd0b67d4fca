//! Faults: what can go wrong, deterministic or by a seeded chance.

use std::time::Duration;

use http::{Method, StatusCode};

use super::script;

/// Something that goes wrong with certain requests. Made by [`Fault::on`].
#[derive(Clone, Debug)]
pub struct Fault {
    pub(super) on: FaultOn,
    pub(super) action: Action,
    /// How many requests it has matched.
    pub(super) seen: u64,
}

/// Which requests a fault meets: the start of a [`Fault`].
#[derive(Clone, Debug)]
#[must_use = "a fault needs an action, such as `answer_lost()`"]
pub struct FaultOn {
    pub(super) method: Option<Method>,
    pub(super) pattern: Vec<String>,
    pub(super) first: u64,
    pub(super) times: u64,
    pub(super) percent: u8,
    pub(super) place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
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

/// What goes wrong.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Unreachable,
    Reset,
    Hangs,
    /// A page of HTML from something between; the service does not act.
    Malformed(StatusCode),
    AnswerLost,
    Truncated,
    /// Blanks follow the answer up to so many bytes.
    Oversized(usize),
    Slow(Duration),
    Answer {
        status: StatusCode,
        code: String,
        message: String,
        retry: RetryAfter,
        written: bool,
    },
    /// The service acts, and this is the body of its answer.
    Body(String),
    TokenRefused,
    EmptyPage,
    /// The origin of the link to the next page.
    NextLinkTo(String),
    /// The application permission that the caller loses.
    Revokes(String),
}

impl Action {
    /// Whether the action is about the connection, and so about a whole batch.
    pub(super) fn is_transport(&self) -> bool {
        match self {
            Self::Unreachable
            | Self::Reset
            | Self::Hangs
            | Self::Malformed(_)
            | Self::AnswerLost
            | Self::Truncated
            | Self::Oversized(_)
            | Self::Slow(_) => true,
            Self::Answer { .. }
            | Self::Body(_)
            | Self::TokenRefused
            | Self::EmptyPage
            | Self::NextLinkTo(_)
            | Self::Revokes(_) => false,
        }
    }
}

impl Fault {
    /// Meets requests of a method (`*` for any) and a path below `/v1.0`, alone or inside a `$batch`.
    ///
    /// In the path, `*` stands for any characters of one segment, `**` at the end for any rest, and an alternate key is
    /// a segment of its own: `/applications/*` meets `/applications(uniqueName='x')`. A sign-in is
    /// `/oauth2/v2.0/token`, without the tenant, and so are the other endpoints of the sign-in service, such as
    /// `/oauth2/v2.0/devicecode` and `/v2.0/adminconsent`. A path of Partner Center is meant as a whole, such as
    /// `/v1/customers/*/applicationconsents`. Case does not matter.
    ///
    /// ```
    /// # use entra_emulator::{Fault, MemoryTenant};
    /// let tenant = MemoryTenant::new();
    /// tenant.fault(Fault::on("POST", "/applications").nth(2).answer_lost());
    /// ```
    ///
    /// # Panics
    /// When `method` is no HTTP method.
    pub fn on(method: &str, path: &str) -> FaultOn {
        FaultOn::new(method, path).expect("the method of a fault is an HTTP method or `*`")
    }
}

impl FaultOn {
    /// `None` when the method is none.
    pub(super) fn new(method: &str, path: &str) -> Option<Self> {
        let method = if method == "*" { None } else { Some(method.parse().ok()?) };
        Some(Self { method, pattern: script::segments(path), first: 1, times: 1, percent: 100, place: Place::Anywhere })
    }

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

    /// There is never an answer, and the service does not act: whoever waits has to give up by itself.
    pub fn hangs(self) -> Fault {
        self.then(Action::Hangs)
    }

    /// Something between answers with a page of HTML, such as a proxy with 502 or the sign-in page of a network with
    /// 200; the service does not act.
    ///
    /// # Panics
    /// When `status` is no HTTP status.
    pub fn malformed(self, status: u16) -> Fault {
        self.then(Action::Malformed(http_status(status)))
    }

    /// The service acts, and its answer is lost.
    pub fn answer_lost(self) -> Fault {
        self.then(Action::AnswerLost)
    }

    /// The service acts, and the second half of its answer is missing.
    pub fn truncated(self) -> Fault {
        self.then(Action::Truncated)
    }

    /// The service acts, and blanks follow its answer, until the body has so many bytes: a large
    /// one, and still JSON. It is held in memory.
    pub fn oversized(self, bytes: usize) -> Fault {
        self.then(Action::Oversized(bytes))
    }

    /// The service acts, and answers with its own status and headers, but this body.
    pub fn body(self, text: impl Into<String>) -> Fault {
        self.then(Action::Body(text.into()))
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

    /// A list answers a link to the next page that leads to another host, such as `graph.example`, or to another origin,
    /// such as `http://127.0.0.1:8080`.
    pub fn next_link_to(self, host: &str) -> Fault {
        let origin = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
        self.then(Action::NextLinkTo(origin.trim_end_matches('/').to_owned()))
    }

    /// The app that asks loses this application permission of Microsoft Graph before the service acts. Its token still
    /// claims it; Graph knows better at once, and so do new tokens. The same by hand is
    /// [`MemoryTenant::revoke_role`](super::MemoryTenant::revoke_role).
    pub fn revokes(self, role: impl Into<String>) -> Fault {
        self.then(Action::Revokes(role.into()))
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

    /// 409: another write to the same objects is under way, and nothing is done.
    pub fn concurrency(self) -> Fault {
        let message = "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.";
        self.refuses(409, "Directory_ConcurrencyViolation", message)
    }

    /// 404, as a replica answers that has not heard of a fresh object; nothing is done.
    pub fn replica_miss(self) -> Fault {
        let message = "Unable to read the company information from the directory.";
        self.refuses(404, "Directory_ObjectNotFound", message)
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
        let status = http_status(status);
        self.then(Action::Answer { status, code: code.into(), message: message.into(), retry, written })
    }
}

fn http_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("the status of a fault is an HTTP status")
}
