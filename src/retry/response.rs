//! A response, its body within bounds, and how long it asks to wait.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::error::{Error, ServiceError};

/// Objects and lists in one body. Three bytes of JSON can become an object of a kilobyte; no response of the service
/// holds a tenth of these.
const MAX_PARTS: usize = 250_000;

/// The last response to a request, with the number of attempts that it took.
#[derive(Clone)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) attempts: u32,
    /// What `Retry-After` asked for.
    pub(crate) retry_after: Option<Duration>,
    /// How far this machine's clock is ahead of the service's, by the response's `Date`.
    pub(crate) clock_skew: Option<time::Duration>,
    /// It ended as replication lag: the refusal says nothing of the truth.
    pub(crate) lagging: bool,
    /// It was given up only because its body would be too old for another attempt.
    pub(crate) outdated: bool,
    /// It is an item of a batch, whose response as a whole is the service's.
    pub(crate) in_batch: bool,
    /// The body as JSON, once somebody has asked for it.
    json: OnceLock<Value>,
    /// Whether it is JSON, once somebody has asked.
    is_json: OnceLock<bool>,
}

impl Response {
    /// A response to the attempt of this number; `now` dates a `Retry-After` where the response has no date.
    pub(crate) fn new(status: StatusCode, headers: HeaderMap, body: Bytes, attempts: u32, now: OffsetDateTime) -> Self {
        let retry_after = retry_after(&headers, now);
        let clock_skew = clock_skew(&headers, now);
        let (json, is_json) = (OnceLock::new(), OnceLock::new());
        let (lagging, outdated, in_batch) = (false, false, false);
        Self { status, headers, body, attempts, retry_after, clock_skew, lagging, outdated, in_batch, json, is_json }
    }

    pub(super) fn from_http(response: http::Response<Bytes>, attempts: u32, now: OffsetDateTime) -> Self {
        let (parts, body) = response.into_parts();
        Self::new(parts.status, parts.headers, body, attempts, now)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Reads the body as JSON of a type. What could be read once is known to be JSON as a whole.
    pub(crate) fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Unreadable> {
        let read = self.parse();
        if read.is_ok() {
            let _ = self.is_json.set(true);
        }
        read
    }

    fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Unreadable> {
        let body = self.body.strip_prefix(UTF_8_MARK).unwrap_or(&self.body);
        // The parts of a batch are counted as a whole.
        if !self.in_batch && has_too_many_parts(body) {
            return Err(Unreadable::TooManyParts);
        }
        serde_json::from_slice(body).map_err(|error| Unreadable::of(&error))
    }

    /// The body as JSON of any form and in any encoding, null where it is none: parsed once, for the errors that several
    /// look into.
    pub(crate) fn json(&self) -> &Value {
        self.json.get_or_init(|| {
            let text = self.text();
            if has_too_many_parts(text.as_bytes()) {
                Value::Null
            } else {
                serde_json::from_str(&text).unwrap_or_default()
            }
        })
    }

    /// The body as text: UTF-8, or UTF-16 that shows itself; what is neither is replaced.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        decoded(&self.body)
    }

    /// An error with what the response tells of it: its status, its ids by the names of their headers, the attempts that it
    /// took, how long to wait, and what the service says.
    pub(crate) fn tells(&self, error: Error, ids: [&str; 2], service: ServiceError) -> Error {
        let [request_id, client_request_id] = ids.map(|name| self.header(name).map(str::to_owned));
        error
            .with_status(self.status)
            .with_attempts(self.attempts)
            .with_request_ids(request_id, client_request_id)
            .with_retry_after(self.retry_after)
            .with_service(service.code, service.message, service.details)
    }

    /// Whether the body is JSON of any form, however large. That takes a pass over it, unless it could be [read](Self::read).
    pub(crate) fn is_json(&self) -> bool {
        *self.is_json.get_or_init(|| !matches!(self.parse::<IgnoredAny>(), Err(Unreadable::At(..))))
    }

    /// Changes the body; what was parsed of it is forgotten.
    pub(super) fn replace_body(&mut self, body: Bytes) {
        self.body = body;
        (self.json, self.is_json) = (OnceLock::new(), OnceLock::new());
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

/// The mark that some servers put before a text.
const UTF_8_MARK: &[u8] = "\u{feff}".as_bytes();

/// A body as text. UTF-16 has a mark, or is known by the zeros beside its first character.
fn decoded(body: &[u8]) -> Cow<'_, str> {
    let unit: fn([u8; 2]) -> u16 = match body {
        [0xff, 0xfe, ..] | [1..=0x7f, 0, _, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] | [0, 1..=0x7f, _, ..] => u16::from_be_bytes,
        _ => return String::from_utf8_lossy(body.strip_prefix(UTF_8_MARK).unwrap_or(body)),
    };
    let units = body.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Cow::Owned(text.trim_start_matches('\u{feff}').to_owned())
}

/// Counts brackets by bytes, in texts too: that is quick, and texts full of braces are rare. A body of fewer bytes than
/// parts are allowed needs no count.
fn has_too_many_parts(body: &[u8]) -> bool {
    // The two opening brackets differ in one bit. A loop, because that is quick without optimization too.
    let opens = |chunk: &[u8]| {
        let mut count = 0_u8;
        for byte in chunk {
            count += u8::from(byte | 0x20 == b'{');
        }
        count
    };
    body.len() > MAX_PARTS && body.chunks(255).map(|chunk| usize::from(opens(chunk))).sum::<usize>() > MAX_PARTS
}

/// A body that is not what it should be: where, without any of its text, which serde's own message would repeat.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("JSON of another form at line {0} column {1}")]
    At(usize, usize),
    #[error("JSON of more than {MAX_PARTS} objects and lists")]
    TooManyParts,
}

impl Unreadable {
    pub(crate) fn of(error: &serde_json::Error) -> Self {
        Self::At(error.line(), error.column())
    }
}

/// How far a clock that shows `now` is ahead of the one that wrote the headers.
pub(crate) fn clock_skew(headers: &HeaderMap, now: OffsetDateTime) -> Option<time::Duration> {
    let written = OffsetDateTime::parse(headers.get(http::header::DATE)?.to_str().ok()?.trim(), &Rfc2822).ok()?;
    Some(now - written)
}

/// Reads `Retry-After`: seconds, or a date (RFC 9110, 10.2.3). A date is read by the clock that wrote it, which the
/// response shows in its `Date`; `now` is for a response without one.
fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let date = |text: &str| OffsetDateTime::parse(text, &Rfc2822).ok();
    let header = |name: http::HeaderName| Some(headers.get(name)?.to_str().ok()?.trim());
    let text = header(http::header::RETRY_AFTER)?;
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let written = header(http::header::DATE).and_then(date).unwrap_or(now);
    Some(Duration::try_from(date(text)? - written).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use time::macros::datetime;

    fn headers(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(http::header::RETRY_AFTER, HeaderValue::from_static(value))])
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = datetime!(2026-01-31 10:00:00 UTC);
        assert_eq!(retry_after(&headers("90"), now), Some(Duration::from_secs(90)));
        assert_eq!(retry_after(&headers("Sat, 31 Jan 2026 10:01:30 GMT"), now), Some(Duration::from_secs(90)));
        assert_eq!(retry_after(&headers("Sat, 31 Jan 2026 09:00:00 GMT"), now), Some(Duration::ZERO));
        let mut skewed = headers("Sat, 31 Jan 2026 10:01:30 GMT");
        skewed.insert(http::header::DATE, HeaderValue::from_static("Sat, 31 Jan 2026 10:01:20 GMT"));
        assert_eq!(retry_after(&skewed, now), Some(Duration::from_secs(10)), "by the clock of the service");
        for junk in ["soon", "-3", "NaN", "1e400", ""] {
            assert_eq!(retry_after(&headers(junk), now), None, "{junk}");
        }
    }

    #[test]
    fn a_body_is_text_in_any_encoding() {
        let text = r#"{"error":"é😀"}"#;
        let utf_16 = |mark: &[u16], bytes: fn(u16) -> [u8; 2]| {
            mark.iter().copied().chain(text.encode_utf16()).flat_map(bytes).collect::<Vec<u8>>()
        };
        for body in [
            text.as_bytes().to_vec(),
            [UTF_8_MARK, text.as_bytes()].concat(),
            utf_16(&[], u16::to_le_bytes),
            utf_16(&[0xfeff], u16::to_le_bytes),
            utf_16(&[], u16::to_be_bytes),
            utf_16(&[0xfeff], u16::to_be_bytes),
        ] {
            assert_eq!(decoded(&body), text, "{body:?}");
        }
        for odd in [&[][..], &[0], b"{", &[0, 0], b"x\0", &[0xff, 0xfe, b'x'], &[0xff, 0xfe, 0, 0xd8]] {
            decoded(odd);
        }
    }

    #[test]
    fn parts_are_counted_up_to_their_limit() {
        let body = |parts: usize| [b'['].repeat(parts);
        assert!(!has_too_many_parts(&body(MAX_PARTS)));
        assert!(has_too_many_parts(&body(MAX_PARTS + 1)));
        let mixed = "{\"a\":[]},".repeat(MAX_PARTS / 2);
        assert!(!has_too_many_parts(mixed.as_bytes()));
        assert!(has_too_many_parts(format!("{mixed}[").as_bytes()));
    }
}
