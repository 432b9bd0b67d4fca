//! A fault: which requests it meets, and what goes wrong with them.

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::pattern::Pattern;
use super::suggest::Reader;
use super::throttling::{Exceeded, RETRY_LATER, TOO_MANY_REQUESTS};

/// The largest body that a fault in a file may ask for, in bytes: it is held in memory.
const MAX_OVERSIZED: usize = 1 << 28;
/// How far ahead a `Retry-After` may lie that is a date: it must stay one that can be written.
pub(super) const MAX_RETRY_DATE: Duration = Duration::from_secs(366 * 24 * 3600);

/// Something that goes wrong with certain requests. Made by [`Fault::on`], or read from JSON.
///
/// It is the same in Rust and in a file: `Fault` is `Serialize` and `Deserialize`, and [`Fault::from_json`] reads a
/// list of them.
///
/// | member | type | what it is |
/// |---|---|---|
/// | `on` | text | the method and the path, as in [`Fault::on`], with a blank between them; required |
/// | `action` | text or object | what goes wrong, see below; required |
/// | `nth` | number | [`FaultOn::nth`]; 1 by default |
/// | `times` | number | [`FaultOn::times`]; 1 by default |
/// | `always` | boolean | [`FaultOn::always`] |
/// | `percent` | number | [`FaultOn::percent`]; 100 by default |
/// | `in_batch` | boolean | [`FaultOn::in_batch`] |
/// | `alone` | boolean | [`FaultOn::alone`] |
///
/// The names of actions are those of the methods of [`FaultOn`]. An action without arguments is its name; one with
/// arguments is an object whose one member is the name:
///
/// | `action` | |
/// |---|---|
/// | `"concurrency"` | [`FaultOn::concurrency`] |
/// | `"empty_page"` | [`FaultOn::empty_page`] |
/// | `"hangs"` | [`FaultOn::hangs`] |
/// | `"replica_miss"` | [`FaultOn::replica_miss`] |
/// | `"reset"` | [`FaultOn::reset`] |
/// | `"response_lost"` | [`FaultOn::response_lost`] |
/// | `"service_principal_race"` | [`FaultOn::service_principal_race`] |
/// | `"throttled"` | [`FaultOn::throttled`] without a `Retry-After` |
/// | `"token_refused"` | [`FaultOn::token_refused`] |
/// | `"truncated"` | [`FaultOn::truncated`] |
/// | `"unreachable"` | [`FaultOn::unreachable`] |
/// | `{"body": {"text": "…"}}` | [`FaultOn::body`]; a `text` that is no text stands for its JSON |
/// | `{"fails": {"status": 503}}` | [`FaultOn::fails`] |
/// | `{"fails_after_writing": {"status": 504}}` | [`FaultOn::fails_after_writing`] |
/// | `{"intercepted": {"status": 403, "content_type": "text/plain", "text": "…"}}` | [`FaultOn::intercepted`]; the content type may be left out |
/// | `{"malformed": {"status": 502}}` | [`FaultOn::malformed`] |
/// | `{"next_link_to": {"host": "graph.example"}}` | [`FaultOn::next_link_to`] |
/// | `{"oversized": {"bytes": 1000000}}` | [`FaultOn::oversized`] |
/// | `{"refuses": {"status": 400, "code": "…", "message": "…"}}` | [`FaultOn::refuses`] |
/// | `{"revokes": {"role": "Application.Read.All"}}` | [`FaultOn::revokes`] |
/// | `{"slow": {"milliseconds": 250}}` | [`FaultOn::slow`] |
/// | `{"throttled": {"seconds": 7}}` | [`FaultOn::throttled`] with [`RetryAfter::Seconds`] |
/// | `{"throttled": {"date": 90}}` | [`FaultOn::throttled`] with [`RetryAfter::Date`], in seconds from then |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Fault {
    on: Pattern,
    #[serde(default = "first", skip_serializing_if = "is_first")]
    nth: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
    #[serde(default, skip_serializing_if = "is_false")]
    always: bool,
    #[serde(default = "certain", skip_serializing_if = "is_certain")]
    percent: u8,
    #[serde(default, skip_serializing_if = "is_false")]
    in_batch: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    alone: bool,
    pub(super) action: Action,
}

fn first() -> u64 {
    1
}

fn certain() -> u8 {
    100
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_first(nth: &u64) -> bool {
    *nth == first()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_certain(percent: &u8) -> bool {
    *percent == certain()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Which requests a fault meets: the start of a [`Fault`].
#[derive(Clone, Debug)]
#[must_use = "a fault needs an action, such as `response_lost()`"]
pub struct FaultOn(Fault);

/// When to try again, as a throttled response says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RetryAfter {
    /// No `Retry-After`.
    #[default]
    Absent,
    /// In seconds.
    Seconds(u64),
    /// As the HTTP date that lies this long ahead, a year at most.
    Date(#[serde(with = "seconds")] Duration),
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Action {
    /// The request is not sent.
    Unreachable,
    /// The connection breaks before the service acts.
    Reset,
    /// There is no response, ever, and the service does not act.
    Hangs,
    /// A page of HTML from something in between; the service does not act.
    Malformed {
        #[serde(with = "status")]
        status: StatusCode,
    },
    /// Something in between responds with this; the service does not act.
    Intercepted {
        #[serde(with = "status")]
        status: StatusCode,
        #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "header_value")]
        content_type: String,
        #[serde(deserialize_with = "text_of")]
        text: String,
    },
    /// The service acts, and its response does not arrive.
    ResponseLost,
    /// The second half of the body is missing.
    Truncated,
    /// Blanks follow the body up to so many bytes.
    Oversized {
        #[serde(deserialize_with = "oversized")]
        bytes: usize,
    },
    /// The response comes so much later.
    Slow {
        #[serde(rename = "milliseconds", with = "milliseconds")]
        by: Duration,
    },
    /// The service acts, and this is the body of its response.
    Body {
        #[serde(deserialize_with = "text_of")]
        text: String,
    },
    /// The token is refused with 401.
    TokenRefused,
    /// A list is empty, with a link to the page that was asked for.
    EmptyPage,
    /// The link to the next page leads to another host or origin.
    NextLinkTo { host: String },
    /// The caller loses an application permission.
    Revokes { role: String },
    /// 429; nothing is done.
    Throttled(RetryAfter),
    /// A failure of the service; nothing is done.
    Fails {
        #[serde(with = "status")]
        status: StatusCode,
    },
    /// A failure of the service, which has acted all the same.
    FailsAfterWriting {
        #[serde(with = "status")]
        status: StatusCode,
    },
    /// A refusal with a code and a message of the service; nothing is done.
    Refuses {
        #[serde(with = "status")]
        status: StatusCode,
        code: String,
        message: String,
    },
    /// The refusal of a service principal whose application is not yet known.
    ServicePrincipalRace,
    /// 409 for another write that is under way.
    Concurrency,
    /// 404 of a replica that has not heard of an object.
    ReplicaMiss,
    /// 429 of a limit that is exceeded: no fault, but of the same effect.
    #[serde(skip)]
    Exceeded(Exceeded),
}

/// An error of the service that a fault asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure<'a> {
    pub(super) status: StatusCode,
    pub(super) code: Cow<'a, str>,
    pub(super) message: Cow<'a, str>,
    pub(super) retry: RetryAfter,
    /// Whether the service acts first.
    pub(super) acts: bool,
}

impl Action {
    /// Whether the action is about the connection, and so about a whole batch.
    pub(super) fn is_transport(&self) -> bool {
        match self {
            Self::Unreachable
            | Self::Reset
            | Self::Hangs
            | Self::Malformed { .. }
            | Self::Intercepted { .. }
            | Self::ResponseLost
            | Self::Truncated
            | Self::Oversized { .. }
            | Self::Slow { .. } => true,
            Self::Body { .. }
            | Self::TokenRefused
            | Self::EmptyPage
            | Self::NextLinkTo { .. }
            | Self::Revokes { .. }
            | Self::Throttled(_)
            | Self::Fails { .. }
            | Self::FailsAfterWriting { .. }
            | Self::Refuses { .. }
            | Self::ServicePrincipalRace
            | Self::Concurrency
            | Self::ReplicaMiss
            | Self::Exceeded(_) => false,
        }
    }

    /// Whether the body has another length when it arrives.
    pub(super) fn changes_length(&self) -> bool {
        matches!(self, Self::Truncated | Self::Oversized { .. } | Self::Body { .. })
    }

    /// The error that takes the place of the response; `None` where there is none.
    pub(super) fn failure(&self) -> Option<Failure<'_>> {
        let refusal = |status, code, message| {
            let (code, message) = (Cow::Borrowed(code), Cow::Borrowed(message));
            Some(Failure { status, code, message, retry: RetryAfter::Absent, acts: false })
        };
        match self {
            Self::Throttled(retry) => {
                let throttled = refusal(StatusCode::TOO_MANY_REQUESTS, TOO_MANY_REQUESTS, RETRY_LATER)?;
                Some(Failure { retry: *retry, ..throttled })
            }
            Self::Fails { status } | Self::FailsAfterWriting { status } => {
                let (code, message) = match status.as_u16() {
                    502 => ("BadGateway", "Bad gateway."),
                    503 => ("ServiceUnavailable", "The service is temporarily unavailable."),
                    504 => ("GatewayTimeout", "Gateway timeout."),
                    _ => ("Service_InternalServerError", "Encountered an internal server error."),
                };
                let acts = matches!(self, Self::FailsAfterWriting { .. });
                Some(Failure { acts, ..refusal(*status, code, message)? })
            }
            Self::Refuses { status, code, message } => refusal(*status, code, message),
            Self::ServicePrincipalRace => refusal(
                StatusCode::FORBIDDEN,
                "Authorization_RequestDenied",
                "When using this permission, the backing application of the service principal being created must in \
                    the local tenant",
            ),
            Self::Concurrency => refusal(
                StatusCode::CONFLICT,
                "Directory_ConcurrencyViolation",
                "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.",
            ),
            Self::ReplicaMiss => refusal(
                StatusCode::NOT_FOUND,
                "Directory_ObjectNotFound",
                "Unable to read the company information from the directory.",
            ),
            _ => None,
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut written = Value::deserialize(deserializer)?;
        match written.get_mut("action") {
            // The one action whose argument may be left out.
            Some(action) if action == "throttled" => *action = json!({"throttled": RetryAfter::Absent}),
            _ => {}
        }
        if !written.is_object() {
            return Err(D::Error::custom("expected an object"));
        }
        let fault = Self::deserialize(Reader(&written)).map_err(D::Error::custom)?;
        fault.check().map_err(D::Error::custom)?;
        Ok(fault)
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
    /// tenant.fault(Fault::on("POST", "/applications").nth(2).response_lost());
    /// // An apply creates its application by the unique name.
    /// tenant.fault(Fault::on("PATCH", "/applications/*").response_lost());
    /// ```
    ///
    /// # Panics
    /// When `method` is no HTTP method.
    pub fn on(method: &str, path: &str) -> FaultOn {
        let on = Pattern::new(method, path).expect("the method of a fault is an HTTP method or `*`");
        FaultOn(Fault {
            on,
            nth: first(),
            times: None,
            always: false,
            percent: certain(),
            in_batch: false,
            alone: false,
            action: Action::Unreachable,
        })
    }

    /// Whether it meets a request, whose path is given by its segments.
    pub(super) fn meets(&self, method: &Method, path: &[String], in_batch: bool) -> bool {
        let place = if in_batch { !self.alone } else { !self.in_batch };
        place && self.on.matches(method, path)
    }

    /// The first and the last of the matching requests, counted from 1, with which it goes wrong.
    pub(super) fn span(&self) -> (u64, u64) {
        let times = if self.always { u64::MAX } else { self.times.unwrap_or(1) };
        (self.nth, self.nth.saturating_add(times).saturating_sub(1))
    }

    pub(super) fn chance(&self) -> u8 {
        self.percent
    }

    /// How many requests it has to meet: one where it meets every one, none where it is a matter of chance.
    pub(super) fn due(&self) -> u64 {
        match self {
            Self { percent: 0..100, .. } => 0,
            Self { always: true, .. } => 1,
            Self { times, .. } => times.unwrap_or(1),
        }
    }

    /// Refuses what was written down and makes no sense together.
    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self { nth: 0, .. } => Err("`nth` is 0: it is counted from 1"),
            Self { times: Some(0), .. } => Err("`times` is 0: it is counted from 1"),
            Self { times: Some(_), always: true, .. } => Err("`times` and `always` exclude each other"),
            Self { in_batch: true, alone: true, .. } => Err("`in_batch` and `alone` exclude each other"),
            Self { percent: 101.., .. } => Err("`percent` is more than 100"),
            _ => Ok(()),
        }
    }
}

impl FaultOn {
    /// Meets the `n`th matching request from now on, counted from 1, which is also the default. Each fault counts by itself:
    /// three of one pattern that are to come one after the other are the first, `nth(2)` and `nth(3)`, or a
    /// [queue](crate::MemoryTenant::faults_in_order).
    pub fn nth(mut self, n: u64) -> Self {
        self.0.nth = n;
        self
    }

    /// Meets so many matching requests in a row; one is the default.
    pub fn times(mut self, times: u64) -> Self {
        (self.0.times, self.0.always) = (Some(times), false);
        self
    }

    /// Meets every matching request.
    pub fn always(mut self) -> Self {
        (self.0.times, self.0.always) = (None, true);
        self
    }

    /// Meets a matching request with a chance of so many percent, drawn from the seed of the tenant or the transport.
    pub fn percent(mut self, percent: u8) -> Self {
        self.0.percent = percent.min(certain());
        self
    }

    /// Meets only items of a `$batch`.
    pub fn in_batch(mut self) -> Self {
        (self.0.in_batch, self.0.alone) = (true, false);
        self
    }

    /// Meets only requests of their own.
    pub fn alone(mut self) -> Self {
        (self.0.in_batch, self.0.alone) = (false, true);
        self
    }

    fn then(self, action: Action) -> Fault {
        Fault { action, ..self.0 }
    }

    /// The request never leaves: nothing is done, and the error says that it was not sent.
    pub fn unreachable(self) -> Fault {
        self.then(Action::Unreachable)
    }

    /// The connection breaks before the service acts; the error says that it may have been sent.
    pub fn reset(self) -> Fault {
        self.then(Action::Reset)
    }

    /// There is never a response, and the service does not act: whoever waits has to give up by itself.
    pub fn hangs(self) -> Fault {
        self.then(Action::Hangs)
    }

    /// Something in between responds with a page of HTML, such as a proxy with 502 or the sign-in page of a network with
    /// 200; the service does not act.
    ///
    /// # Panics
    /// When `status` is no HTTP status.
    pub fn malformed(self, status: u16) -> Fault {
        self.then(Action::Malformed { status: http_status(status) })
    }

    /// Something in between responds in the service's place with any status, content type and body, such as the login
    /// page of a proxy with 403, a gateway's own JSON with 429, or plain text with 200; the service does not act. An empty
    /// content type is left out.
    ///
    /// ```
    /// # use entra_emulator::{Fault, MemoryTenant};
    /// let login_page = "<html><body>Sign in to the network</body></html>";
    /// let tenant = MemoryTenant::new();
    /// tenant.fault(Fault::on("GET", "/organization").intercepted(403, "text/html", login_page));
    /// ```
    ///
    /// # Panics
    /// When `status` is no HTTP status, or `content_type` no value of a header.
    pub fn intercepted(self, status: u16, content_type: &str, text: impl Into<String>) -> Fault {
        assert!(HeaderValue::from_str(content_type).is_ok(), "the content type of a fault is the value of a header");
        let status = http_status(status);
        self.then(Action::Intercepted { status, content_type: content_type.into(), text: text.into() })
    }

    /// The service acts, and its response is lost.
    pub fn response_lost(self) -> Fault {
        self.then(Action::ResponseLost)
    }

    /// The service acts, and the second half of its response is missing.
    pub fn truncated(self) -> Fault {
        self.then(Action::Truncated)
    }

    /// The service acts, and blanks follow its response, until the body has so many bytes: a large
    /// one, and still JSON. It is held in memory.
    pub fn oversized(self, bytes: usize) -> Fault {
        self.then(Action::Oversized { bytes })
    }

    /// The service acts, and responds with its own status and headers, but this body.
    pub fn body(self, text: impl Into<String>) -> Fault {
        self.then(Action::Body { text: text.into() })
    }

    /// The service acts, and responds so much later.
    pub fn slow(self, by: Duration) -> Fault {
        self.then(Action::Slow { by })
    }

    /// Graph refuses the token with 401.
    pub fn token_refused(self) -> Fault {
        self.then(Action::TokenRefused)
    }

    /// A list is an empty page, with a link to the page that was asked for.
    pub fn empty_page(self) -> Fault {
        self.then(Action::EmptyPage)
    }

    /// A list has a link to the next page that leads to another host, such as `graph.example`, or to another origin,
    /// such as `http://127.0.0.1:8080`.
    pub fn next_link_to(self, host: &str) -> Fault {
        self.then(Action::NextLinkTo { host: host.to_owned() })
    }

    /// The app that asks loses this application permission of Microsoft Graph before the service acts. Its token still
    /// claims it; Graph knows better at once, and so do new tokens. Only a [`MemoryTenant`](crate::MemoryTenant) can do
    /// so; by hand it is [`MemoryTenant::revoke_role`](crate::MemoryTenant::revoke_role).
    pub fn revokes(self, role: impl Into<String>) -> Fault {
        self.then(Action::Revokes { role: role.into() })
    }

    /// 429, with or without the time to wait; nothing is done.
    pub fn throttled(self, retry: RetryAfter) -> Fault {
        self.then(Action::Throttled(retry))
    }

    /// A failure of the service, such as 500, 502, 503 or 504, before it acts.
    ///
    /// # Panics
    /// When `status` is no HTTP status.
    pub fn fails(self, status: u16) -> Fault {
        self.then(Action::Fails { status: http_status(status) })
    }

    /// A failure of the service after it has acted: what was asked for is done all the same.
    ///
    /// # Panics
    /// When `status` is no HTTP status.
    pub fn fails_after_writing(self, status: u16) -> Fault {
        self.then(Action::FailsAfterWriting { status: http_status(status) })
    }

    /// Any other refusal with a code and a message of the service; nothing is done. On a sign-in the code is
    /// `AADSTS…`.
    ///
    /// # Panics
    /// When `status` is no HTTP status.
    pub fn refuses(self, status: u16, code: &str, message: &str) -> Fault {
        self.then(Action::Refuses { status: http_status(status), code: code.into(), message: message.into() })
    }

    /// The transient refusal of a service principal whose application was created a moment ago.
    pub fn service_principal_race(self) -> Fault {
        self.then(Action::ServicePrincipalRace)
    }

    /// 409: another write to the same objects is under way, and nothing is done.
    pub fn concurrency(self) -> Fault {
        self.then(Action::Concurrency)
    }

    /// 404, as a replica responds that has not heard of a fresh object; nothing is done.
    pub fn replica_miss(self) -> Fault {
        self.then(Action::ReplicaMiss)
    }
}

fn http_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("the status of a fault is an HTTP status")
}

/// An HTTP status as a number. The interim ones are no responses.
mod status {
    use super::{Deserialize, Deserializer, Error, Serializer, StatusCode};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(super) fn serialize<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(status.as_u16())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StatusCode, D::Error> {
        let number = u16::deserialize(deserializer)?;
        let status = StatusCode::from_u16(number).ok().filter(|status| status.as_u16() >= 200);
        status.ok_or_else(|| D::Error::custom(format!("{number} is no HTTP status such as 503")))
    }
}

mod milliseconds {
    use super::{Deserialize, Deserializer, Duration, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

mod seconds {
    use super::{Deserialize, Deserializer, Duration, Error, MAX_RETRY_DATE, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(duration.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let duration = Duration::from_secs(u64::deserialize(deserializer)?);
        match duration <= MAX_RETRY_DATE {
            true => Ok(duration),
            false => Err(D::Error::custom("more than a year")),
        }
    }
}

fn oversized<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let bytes = usize::deserialize(deserializer)?;
    match bytes <= MAX_OVERSIZED {
        true => Ok(bytes),
        false => Err(D::Error::custom(format!("more than {MAX_OVERSIZED}"))),
    }
}

/// The value of a header.
fn header_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match HeaderValue::from_str(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err(D::Error::custom(format!("{text:?} is no value of a header"))),
    }
}

/// A text, or the JSON of anything else.
fn text_of<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        other => other.to_string(),
    })
}
