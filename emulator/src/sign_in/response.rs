//! Responses of the sign-in service: JSON, HTML pages and redirects.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use serde_json::Value;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store, no-cache");

pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response<Bytes> {
    respond(status, "application/json; charset=utf-8", body.to_string())
}

/// Pages load nothing else, so that they work offline. Light or dark is the browser's choice.
const STYLE: &str = ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;\
    margin:3rem auto;padding:0 1rem}h1{font-size:1.5rem;line-height:1.25}ul.choices{list-style:none;padding:0}\
    ul.choices a{display:block;padding:.6rem .8rem;margin:.4rem 0;border:1px solid;border-radius:.3rem}\
    input,button{font:inherit;padding:.3rem .6rem}";

/// An HTML page with this body.
pub(super) fn page(status: StatusCode, title: &str, body: &str) -> Response<Bytes> {
    let title = escape(title);
    let text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n\
            <meta name=\"viewport\" content=\"width=device-width\">\n\
            <style>{STYLE}</style></head>\n<body><main><h1>{title}</h1>\n{body}\n</main></body></html>\n"
    );
    respond(status, "text/html; charset=utf-8", text)
}

/// Redirects a browser.
pub(super) fn redirect(to: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::FOUND;
    // A redirect URI is a URL, which is a valid header value.
    response.headers_mut().extend(HeaderValue::try_from(to).ok().map(|to| (LOCATION, to)));
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

/// Escapes text for HTML, between tags or in quotes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
