//! The documentation's samples as they are written: HTTP messages with URLs as people type them.

use std::fmt::Write as _;

use entra_apps::bytes::Bytes;
use entra_apps::http::{Request, request};
use serde_json::Value;

/// What a sample asks.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// The response of a sample.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// JSON; text where it is none, null where there is nothing.
    pub(crate) body: Value,
}

/// A message's first line, its headers, and its body.
type Message<'a> = (&'a str, Vec<(String, String)>, &'a str);

fn message(text: &str) -> Result<Message<'_>, String> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let first = lines.next().ok_or("an empty message")?.trim();
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("no header: {line}"))?;
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok((first, headers, body.trim()))
}

impl Asked {
    /// Reads a request, in which each text of `put` is replaced where it first stands, one after the other.
    pub(crate) fn parse(text: &str, put: &[(String, String)]) -> Result<Self, String> {
        let mut text = text.replace("\r\n", "\n");
        for (placeholder, value) in put {
            if !text.contains(placeholder.as_str()) {
                return Err(format!("{placeholder} is not there to be replaced"));
            }
            text = text.replacen(placeholder.as_str(), value, 1);
        }
        let (first, headers, body) = message(&text)?;
        let (method, url) = first.split_once(' ').ok_or_else(|| format!("no request line: {first}"))?;
        if url.contains('{') {
            return Err(format!("{url} has a placeholder for which nothing is put"));
        }
        Ok(Self { method: method.to_owned(), url: encoded(url), headers, body: body.to_owned() })
    }

    pub(crate) fn request(&self, token: &str) -> Request<Bytes> {
        let mut request: request::Builder = Request::builder().method(self.method.as_str()).uri(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.header("authorization", format!("Bearer {token}"));
        request.body(Bytes::from(self.body.clone())).expect("a sample is a request")
    }
}

impl Shown {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.replace("\r\n", "\n");
        let (first, headers, body) = message(&text)?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let json = headers
            .iter()
            .any(|(name, value)| name.eq_ignore_ascii_case("content-type") && value.starts_with("application/json"));
        let body = match (body, json) {
            ("", _) => Value::Null,
            (body, true) => serde_json::from_str(body).map_err(|error| format!("{error}: {body}"))?,
            (body, false) => body.into(),
        };
        Ok(Self { status: status.ok_or_else(|| format!("no status line: {first}"))?, headers, body })
    }
}

/// Writes what a URL cannot have as it is in percent.
fn encoded(url: &str) -> String {
    let mut text = String::with_capacity(url.len());
    for byte in url.bytes() {
        match byte {
            b'!' | b'#'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~' => text.push(char::from(byte)),
            _ => write!(text, "%{byte:02X}").expect("a string takes all"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_its_placeholders_filled() {
        let text = "POST https://graph.microsoft.com/v1.0/a/{id}/b/{id}?$filter=c eq 'd e'\nContent-type: application/json\n\n\
            {\n  \"x\": \"{id}\"\n}\n";
        let put: Vec<_> = ["1", "2", "3"].map(|value| ("{id}".to_owned(), value.to_owned())).into();
        let asked = Asked::parse(text, &put).unwrap();
        assert_eq!(asked.url, "https://graph.microsoft.com/v1.0/a/1/b/2?$filter=c%20eq%20'd%20e'");
        assert_eq!(asked.body, "{\n  \"x\": \"3\"\n}");
        assert_eq!(asked.request("t").headers()["content-type"], "application/json");
        assert!(Asked::parse(text, &put[..1]).unwrap_err().contains("placeholder"));
        assert!(Asked::parse("GET https://x", &put[..1]).unwrap_err().contains("not there"));
    }

    #[test]
    fn a_response_is_read_with_and_without_a_body() {
        let shown = Shown::parse("HTTP/1.1 200 OK\r\nContent-type: application/json\r\n\r\n{\"a\": 1}\r\n").unwrap();
        assert_eq!((shown.status, shown.body), (200, serde_json::json!({"a": 1})));
        assert_eq!(Shown::parse("HTTP/1.1 204 No Content\n").unwrap().body, Value::Null);
        assert_eq!(Shown::parse("HTTP/1.1 200 OK\nContent-type: text/plain\n\n893").unwrap().body, "893");
        assert!(Shown::parse("HTTP/1.1 200 OK\nContent-type: application/json\n\n{").is_err());
    }
}
