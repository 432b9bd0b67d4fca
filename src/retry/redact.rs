//! Keeping credentials out of what is shown: a server or a proxy that repeats a request in its response repeats the
//! credentials in it, and errors and traces show parts of responses.

use bytes::Bytes;
use http::HeaderValue;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
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
        let is_data = self.status.is_success() && self.body.trim_ascii_start().starts_with(b"{");
        self.redacted_in(secret, !is_data)
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
            let text = Some(self.text()).filter(|text| body && text.contains(&*secret));
            if let Some(text) = text.map(|text| text.replace(&*secret, "…")) {
                self.replace_body(Bytes::from(text));
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

/// A secret as it is, without blanks around it, and as a form writes it.
fn forms(secret: &SecretString) -> [Zeroizing<String>; 2] {
    let plain = secret.expose_secret().trim();
    let encoded = form_urlencoded::byte_serialize(plain.as_bytes()).collect();
    [plain.to_owned(), encoded].map(Zeroizing::new)
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
