//! What responds in the place of a service: a proxy, a gateway, a network's own sign-in page.

use std::borrow::Cow;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::auth::number::text;
use crate::error::{Error, ErrorCode};
use crate::retry::Response;

/// The bytes of a body that are looked at for its first words.
const MAX_BYTES: usize = 16 * 1024;

/// The longest sentence of a service that a message shows, in characters.
const MAX_SENTENCE_LENGTH: usize = 400;

/// The words that an error shows, in characters.
const MAX_WORDS_LENGTH: usize = 160;

/// A longer word is no word: a token, a key, an id of something.
const MAX_WORD_LENGTH: usize = 40;

/// The error for a response that is not that of `service`, with its first words, in which none of `secrets` shows.
pub(super) fn error<'a>(
    response: &Response,
    service: &str,
    secrets: impl IntoIterator<Item = &'a SecretString>,
) -> Error {
    let cause = format!("something in between responds, not {service}");
    let message = match redirected_to(response).or_else(|| first_words(response, secrets)) {
        Some(words) => quoting(&cause, &words),
        None => cause,
    };
    let error = Error::new(ErrorCode::NotASignInService)
        .with_message(message)
        .with_status(response.status)
        .with_attempts(response.attempts)
        .with_retry_after(response.retry_after)
        .with_request_ids(response.header("x-ms-request-id").map(str::to_owned), None);
    match response.status.is_server_error() || response.status.as_u16() == 429 {
        true => error.with_remedy(
            "Run it again in a few minutes; if it lasts, see what is in between: a proxy, a gateway, a network's own \
             sign-in page.",
        ),
        false => error,
    }
}

/// The body without what stands before its text.
fn text_of(response: &Response) -> &[u8] {
    let body = response.body.trim_ascii();
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Whether a body is in no way that of a service which writes JSON objects. One that is empty or cut is not foreign.
pub(super) fn is_foreign(response: &Response) -> bool {
    let body = text_of(response);
    !body.is_empty() && !body.starts_with(b"{") && !body.starts_with(b"[") && body != b"null"
}

/// Where a redirect leads: the host alone, because the rest may hold anything.
fn redirected_to(response: &Response) -> Option<String> {
    let location = response.header("location").filter(|_| response.status.is_redirection())?;
    Some(format!("a redirect to {}", Url::parse(location).ok()?.host_str()?))
}

/// The first words of a body. Of a success only those of a page, because anything else may hold what was asked for.
fn first_words<'a>(response: &Response, secrets: impl IntoIterator<Item = &'a SecretString>) -> Option<String> {
    let body = text_of(response);
    let is_page = body.starts_with(b"<");
    let mut words = match response.json() {
        _ if is_page || (is_foreign(response) && !response.status.is_success()) => {
            let start = String::from_utf8_lossy(&body[..body.len().min(MAX_BYTES)]);
            if is_page { without_markup(&start) } else { start.into_owned() }
        }
        json if !response.status.is_success() => said_by_a_gateway(json)?,
        _ => return None,
    };
    for secret in secrets.into_iter().map(|secret| secret.expose_secret().trim()).filter(|secret| !secret.is_empty()) {
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        words = words.replace(secret, "…").replace(&encoded, "…");
    }
    let words = words.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let words: Vec<&str> = words
        .map(|word| if word.chars().count() > MAX_WORD_LENGTH { "…" } else { word })
        .take(MAX_WORDS_LENGTH)
        .collect();
    let words = shortened(&words.join(" "), MAX_WORDS_LENGTH).trim_end_matches('.').to_owned();
    (!words.is_empty()).then_some(words)
}

/// A cause with the sentence that somebody else wrote of it.
pub(super) fn quoting(cause: &str, sentence: &str) -> String {
    format!("{cause}: “{}”", shortened(sentence, MAX_SENTENCE_LENGTH).trim_end_matches('.'))
}

/// The start of a text that is longer than anybody reads.
fn shortened(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// The sentence in the JSON of a gateway, in one of the forms that they have.
fn said_by_a_gateway(json: &Value) -> Option<String> {
    let paths = [
        "/message",
        "/Message",
        "/error/message",
        "/error_description",
        "/detail",
        "/title",
        "/fault/faultstring",
        "/error",
    ];
    paths.iter().find_map(|path| json.pointer(path).and_then(text)).map(Cow::into_owned)
}

/// The text of a page: no tags, no scripts, no styles, no comments.
fn without_markup(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let lower = tag.get(..7).unwrap_or(tag).to_ascii_lowercase();
        let end = match () {
            () if lower.starts_with("!--") => "-->",
            () if lower.starts_with("script") => "</script>",
            () if lower.starts_with("style") => "</style>",
            () => ">",
        };
        // `to_ascii_lowercase` keeps every index.
        rest = tag.to_ascii_lowercase().find(end).map_or("", |at| &tag[at + end.len()..]);
    }
    text.push_str(rest);
    for (entity, character) in [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use time::OffsetDateTime;

    fn message(status: u16, body: &str) -> String {
        let body = Bytes::from(body.to_owned());
        let status = StatusCode::from_u16(status).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("location", http::HeaderValue::from_static("http://portal.example/login?back=very-secret"));
        let response = Response::new(status, headers, body, 1, OffsetDateTime::UNIX_EPOCH);
        let error = error(&response, "the service", [&SecretString::from("very&secret~"), &SecretString::from("")]);
        assert!(!error.to_string().contains("secret~") && !error.to_string().contains("very-secret"), "{error}");
        let said = error.message().strip_prefix("something in between responds, not the service").unwrap();
        said.replace(['“', '”'], "")
    }

    #[test]
    fn the_first_words_are_shown_on_one_line_without_markup() {
        for (status, body, shown) in [
            (502, "<html><head><title>502 Bad\r\nGateway</title></head><body></body></html>", ": 502 Bad Gateway"),
            (200, "<!DOCTYPE html><title>Sign in to\u{1b} WiFi</title>", ": Sign in to WiFi"),
            (
                200,
                "<script>var a = '<b>';</script><STYLE>p{}</STYLE><!-- <p>x --><p>Hotel &amp; Spa</p>",
                ": Hotel & Spa",
            ),
            (403, "Blocked by policy.\nAsk the help desk.", ": Blocked by policy. Ask the help desk"),
            (400, "you sent client_secret=very%26secret%7E and very&secret~", ": you sent client_secret=… and …"),
            (400, "<p>you sent very&amp;secret~</p>", ": you sent …"),
            (401, r#"{"statusCode":401,"message":"no subscription key"}"#, ": no subscription key"),
            (404, r#"{"error":{"code":"x","message":"no route"}}"#, ": no route"),
            (500, r#"{"fault":{"faultstring":"no backend"}}"#, ": no backend"),
            (302, "", ": a redirect to portal.example"),
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
    fn the_words_are_few_and_a_long_one_is_none() {
        let long = message(500, &"word ".repeat(100_000));
        assert!(long.chars().count() <= MAX_WORDS_LENGTH + 4 && long.ends_with('…'), "{long}");
        assert_eq!(message(500, &format!("a {} b", "x".repeat(100_000))), ": a …");
        assert_eq!(message(500, &format!("a {} b", "x".repeat(41))), ": a … b");
    }
}
