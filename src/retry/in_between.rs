//! What responds in the place of a service: a proxy, a gateway, a network's own sign-in page.

use http::StatusCode;
use url::Url;

use crate::error::{Error, ErrorCode, ServiceError, first_words, is_markup};
use crate::retry::Response;

impl Response {
    /// Whether the body is in no way that of a service which writes JSON objects. One that is empty or cut may be.
    pub(crate) fn is_foreign(&self) -> bool {
        let text = self.text();
        let text = text.trim();
        !text.is_empty() && !text.starts_with(['{', '[']) && text != "null"
    }

    /// The error of a response that is not that of `service`: it says nothing of the caller's token, permissions or
    /// request. Its first words are shown, without what `redact` takes out of them.
    pub(crate) fn by_proxy(&self, service: &str, redact: impl FnOnce(String) -> String) -> Error {
        let error = match self.status {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => Error::new(ErrorCode::ProxyAuthenticationRequired),
            status if status.is_redirection() => {
                let to = self.redirected_to().map(|host| format!(" to {host}")).unwrap_or_default();
                Error::new(ErrorCode::Redirected)
                    .with_message(format!("a proxy or gateway responded with a redirect{to} in the place of {service}"))
            }
            status => {
                let error = Error::new(ErrorCode::AnsweredByProxy)
                    .with_message(format!("a proxy or gateway responded in the place of {service}"));
                match status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
                    true => error.with_remedy(
                        "Run it again in a few minutes; if it lasts, see what is in between: a proxy, a gateway, a \
                         network's own sign-in page.",
                    ),
                    false => error,
                }
            }
        };
        error
            .quoting(&self.first_words(redact).unwrap_or_default())
            .with_status(self.status)
            .with_attempts(self.attempts)
            .with_retry_after(self.retry_after)
            .with_request_ids(self.header("x-ms-request-id").map(str::to_owned), None)
    }

    /// The host that a redirect leads to; the rest of its address may hold anything.
    fn redirected_to(&self) -> Option<String> {
        Some(Url::parse(self.header("location")?).ok()?.host_str()?.to_owned())
    }

    /// The first words of the body. Of a success only those of a page, because anything else may be what was asked for.
    fn first_words(&self, redact: impl FnOnce(String) -> String) -> Option<String> {
        let text = self.text();
        if is_markup(&text) || (self.is_foreign() && !self.status.is_success()) {
            return first_words(&text, redact);
        }
        let said = ServiceError::read(self.json());
        let has_words = |text: &str| text.contains(char::is_alphabetic);
        let said = [said.sentence(), &said.code].into_iter().find(|text| has_words(text))?;
        first_words(said, redact).filter(|_| !self.status.is_success())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::without;
    use bytes::Bytes;
    use http::HeaderMap;
    use secrecy::SecretString;
    use time::OffsetDateTime;

    fn message(status: u16, body: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("location", http::HeaderValue::from_static("http://portal.example/login?back=very-secret"));
        let status = StatusCode::from_u16(status).unwrap();
        let response = Response::new(status, headers, Bytes::from(body.to_owned()), 1, OffsetDateTime::UNIX_EPOCH);
        let secrets = [SecretString::from("very&secret~"), SecretString::from("")];
        let error = response.by_proxy("the service", |text| without(text, &secrets));
        assert!(!error.to_string().contains("secret~") && !error.to_string().contains("very-secret"), "{error}");
        let said = error.message().strip_prefix("a proxy or gateway responded").unwrap();
        said.replace(['“', '”'], "").replace(" in the place of the service", "")
    }

    #[test]
    fn the_first_words_are_shown_on_one_line_without_markup() {
        for (status, body, shown) in [
            (502, "<html><head><title>502 Bad\r\nGateway</title></head><body></body></html>", ": 502 Bad Gateway"),
            (200, "<!DOCTYPE html><title>Sign in to\u{1b} WiFi</title>", ": Sign in to WiFi"),
            (200, "\u{feff} <p>Sign in</p>", ": Sign in"),
            (403, "Blocked by policy.\nAsk the help desk.", ": Blocked by policy. Ask the help desk"),
            (400, "you sent client_secret=very%26secret%7E and very&secret~", ": you sent client_secret=… and …"),
            (400, "<p>you sent very&amp;secret~</p>", ": you sent …"),
            (401, r#"{"statusCode":401,"message":"no subscription key"}"#, ": no subscription key"),
            (404, r#"{"error":{"code":"x","message":"no route"}}"#, ": no route"),
            (404, r#"{"message":"no route to very&secret~"}"#, ": no route to …"),
            (500, r#"{"fault":{"faultstring":"no backend"}}"#, ": no backend"),
            (403, r#"{"error":"Forbidden"}"#, ": Forbidden"),
            (403, r#"{"error":403}"#, ""),
            (302, "", " with a redirect to portal.example"),
            (302, "<p>Moved</p>", " with a redirect to portal.example: Moved"),
            (500, "", ""),
            (500, "[1]", ""),
            (500, "<unfinished", ""),
            // What was asked for may be in it.
            (200, "access_token=eyJ0", ""),
            (200, r#"{"access_token":"eyJ0"#, ""),
            (200, r#"{"message":"eyJ0"}"#, ""),
        ] {
            assert_eq!(message(status, body), shown, "{body}");
        }
    }

    #[test]
    fn a_long_word_is_none() {
        assert_eq!(message(500, &format!("a {} b", "x".repeat(100_000))), ": a …");
        assert_eq!(message(500, &format!("a {} b", "x".repeat(33))), ": a … b");
        assert_eq!(message(500, &format!("a {} b", "x".repeat(32))), format!(": a {} b", "x".repeat(32)));
    }
}
