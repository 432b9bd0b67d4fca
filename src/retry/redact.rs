//! Keeping credentials out of what is shown: a server or a proxy that repeats a request in its response repeats the
//! credentials in it, and errors and traces show parts of responses.

use bytes::Bytes;
use http::HeaderValue;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::form_urlencoded;

use crate::retry::Response;

/// A shorter text is no credential of Entra's, and would be found in the midst of other words.
const MIN_LENGTH: usize = 8;

impl Response {
    /// The response without `secret` in its headers and its body.
    pub(crate) fn redacted(self, secret: &SecretString) -> Self {
        self.redacted_in(secret, true)
    }

    /// The response without `secret` in its headers, and in its body unless that is the JSON of a success: data that is
    /// read, and that no error shows.
    pub(crate) fn redacted_beside_data(self, secret: &SecretString) -> Self {
        let is_data = self.is_data();
        self.redacted_in(secret, !is_data)
    }

    /// Whether it is a success with an object as its body, as far as its first bytes tell.
    pub(crate) fn is_data(&self) -> bool {
        self.status.is_success() && self.body.trim_ascii_start().starts_with(b"{")
    }

    fn redacted_in(mut self, secret: &SecretString, body: bool) -> Self {
        if secret.expose_secret().len() < MIN_LENGTH {
            return self;
        }
        for secret in forms(secret) {
            for value in self.headers.values_mut() {
                if value.as_bytes().windows(secret.len()).any(|part| part == secret.as_bytes()) {
                    *value = HeaderValue::from_static("redacted");
                }
            }
            // A body that is no text in parts that do not matter is read all the same.
            let text = body.then(|| self.text()).filter(|text| text.contains(&*secret));
            if let Some(text) = text.map(|text| text.replace(&*secret, "…")) {
                self.replace_body(Bytes::from(text));
            }
            // A text in JSON can be written in many ways.
            if body && self.body.contains(&b'\\') {
                let mut json = self.json().clone();
                if redact_json(&mut json, &secret) {
                    self.replace_body(Bytes::from(json.to_string()));
                }
            }
        }
        self
    }
}

/// A text that is shown, without `secrets`.
pub(crate) fn without<'a>(text: String, secrets: impl IntoIterator<Item = &'a SecretString>) -> String {
    let secrets = secrets.into_iter().filter(|secret| !secret.expose_secret().trim().is_empty());
    secrets.flat_map(forms).fold(text, |text, secret| text.replace(&*secret, "…"))
}

/// A secret as it is, without blanks around it, and as a form writes it, in either spelling.
fn forms(secret: &SecretString) -> [Zeroizing<String>; 3] {
    let plain = secret.expose_secret().trim();
    let encoded: String = form_urlencoded::byte_serialize(plain.as_bytes()).collect();
    let small = with_small_hex(&encoded);
    [plain.to_owned(), encoded, small].map(Zeroizing::new)
}

/// A form's text with its hexadecimal digits as others write them: `%2f`, not `%2F`.
fn with_small_hex(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (hex, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        text + "%" + &hex.to_ascii_lowercase() + rest
    })
}

/// Whether a text, or a name of a member, held the secret.
fn redact_json(value: &mut Value, secret: &str) -> bool {
    match value {
        Value::String(text) if text.contains(secret) => {
            *text = text.replace(secret, "…");
            true
        }
        Value::Array(list) => list.iter_mut().fold(false, |any, item| redact_json(item, secret) | any),
        Value::Object(members) => {
            let before = members.len();
            members.retain(|name, _| !name.contains(secret));
            let any = members.len() < before;
            members.values_mut().fold(any, |any, item| redact_json(item, secret) | any)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};
    use time::OffsetDateTime;

    fn response(status: StatusCode, body: &'static [u8]) -> Response {
        let headers = HeaderMap::from_iter([(http::header::SERVER, HeaderValue::from_static("x abc~8Q~de/f= y"))]);
        Response::new(status, headers, Bytes::from_static(body), 1, OffsetDateTime::UNIX_EPOCH)
    }

    #[test]
    fn what_was_sent_does_not_come_back() {
        let secret = SecretString::from("abc~8Q~de/f=");
        let body = b"you sent abc~8Q~de/f= as client_secret=abc%7E8Q%7Ede%2Ff%3D&x=y";
        let sent = response(StatusCode::BAD_REQUEST, body);
        let redacted = sent.clone().redacted(&secret);
        assert_eq!(redacted.body, "you sent … as client_secret=…&x=y");
        assert_eq!(redacted.header("server"), Some("redacted"));
        let small = response(StatusCode::BAD_REQUEST, b"client_secret=abc%7e8Q%7ede%2ff%3d&x=y");
        assert_eq!(small.redacted(&secret).body, "client_secret=\u{2026}&x=y");
        for escaped in [
            r#"{"a":["abc\u007E8Q~de\/f="],"b":1}"#,
            r#"{"a":["abc%7e8Q%7ede%2ff\u00253d"],"b":1,"x abc~8Q~de\/f=":2}"#,
        ] {
            let read = response(StatusCode::BAD_REQUEST, escaped.as_bytes()).redacted(&secret);
            assert_eq!(read.body, "{\"a\":[\"\u{2026}\"],\"b\":1}", "{escaped}");
        }
        let odd = response(StatusCode::BAD_REQUEST, b"abc~8Q~de/f= \xff");
        assert_eq!(odd.redacted(&secret).body, "… \u{fffd}");
        assert_eq!(sent.clone().redacted(&SecretString::from("sent")).body, sent.body, "a word is no secret");
        let short = response(StatusCode::BAD_REQUEST, b"1234567 12345678");
        assert_eq!(short.clone().redacted(&SecretString::from("1234567")).body, short.body);
        assert_eq!(short.redacted(&SecretString::from("12345678")).body, "1234567 \u{2026}");
        let data = br#" {"value":"abc~8Q~de/f="}"#;
        let success = response(StatusCode::OK, data);
        let beside = success.clone().redacted_beside_data(&secret);
        assert_eq!((&beside.body[..], beside.header("server")), (&data[..], Some("redacted")), "data stays as it is");
        assert_eq!(success.redacted(&secret).body, " {\"value\":\"\u{2026}\"}");
        for status in [StatusCode::OK, StatusCode::FORBIDDEN] {
            let page = response(status, b"<html>abc~8Q~de/f=</html>").redacted_beside_data(&secret);
            assert_eq!(page.body, "<html>\u{2026}</html>");
        }
        let wide: Vec<u8> = "no abc~8Q~de/f=".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(response(StatusCode::FORBIDDEN, wide.leak()).redacted(&secret).body, "no \u{2026}");
    }
}
