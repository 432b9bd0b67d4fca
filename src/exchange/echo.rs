//! What must not come back: a server or a proxy that repeats a request in its answer repeats the credentials in it, and
//! errors and traces show parts of answers.

use bytes::Bytes;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

use crate::exchange::Answer;

/// A shorter text is no credential of Entra's, and would be found in the midst of other words.
const SHORTEST: usize = 8;

impl Answer {
    /// The same answer without `secret`, as it is or as a form writes it, in body and headers.
    pub(crate) fn without(mut self, secret: &SecretString) -> Self {
        let plain = secret.expose_secret();
        if plain.len() < SHORTEST {
            return self;
        }
        let encoded: String = form_urlencoded::byte_serialize(plain.as_bytes()).collect();
        for secret in [plain, &encoded] {
            // A body that is no text in parts that do not matter is read all the same.
            let text = String::from_utf8_lossy(&self.body);
            if text.contains(secret) {
                self.body = Bytes::from(text.replace(secret, "…"));
            }
            for value in self.headers.values_mut() {
                if value.as_bytes().windows(secret.len()).any(|part| part == secret.as_bytes()) {
                    *value = HeaderValue::from_static("hidden");
                }
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    #[test]
    fn what_was_sent_does_not_come_back() {
        let secret = SecretString::from("abc~8Q~de/f=");
        let body = "you sent abc~8Q~de/f= as client_secret=abc%7E8Q%7Ede%2Ff%3D&x=y";
        let answer = Answer {
            status: StatusCode::BAD_REQUEST,
            headers: HeaderMap::from_iter([(http::header::SERVER, HeaderValue::from_static("x abc~8Q~de/f= y"))]),
            body: Bytes::from_static(body.as_bytes()),
            attempts: 1,
            retry_after: None,
            lagging: false,
        };
        let answer = answer.without(&secret);
        assert_eq!(answer.body, "you sent … as client_secret=…&x=y");
        assert_eq!(answer.header("server"), Some("hidden"));
        let odd = Answer { body: Bytes::from_static(b"abc~8Q~de/f= \xff"), ..answer.clone() };
        assert_eq!(odd.without(&secret).body, "… \u{fffd}");
        let same = answer.clone().without(&SecretString::from("sent"));
        assert_eq!(same.body, answer.body, "a word is no secret");
    }
}
