//! Decoding responses: what a call returns, or the error that a response is.

use http::{Method, StatusCode};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::client::refusal::told;
use crate::client::replication::{is_gateways, is_lost, is_of_graph};
use crate::client::request::Request;
use crate::error::{Error, ErrorCode, ErrorKind, ServiceError, is_markup};
use crate::retry::{LOOK_FIRST, Repeat, Response, Unreadable};

/// Decodes a JSON body.
pub(crate) fn json<T: DeserializeOwned>(request: &Request, response: &Response) -> Result<T, Error> {
    json_by(request, response, |response| response.read())
}

/// Decodes a JSON body by `read`.
pub(crate) fn json_by<T>(
    request: &Request,
    response: &Response,
    read: impl FnOnce(&Response) -> Result<T, Unreadable>,
) -> Result<T, Error> {
    success(request, response)?;
    // First: a body that can be read needs no look of its own.
    let read = read(response);
    let read = match is_lost(response) {
        true => Err(response.read::<IgnoredAny>().err().unwrap_or(Unreadable::At(1, 1))),
        false => read,
    };
    read.map_err(|error| unreadable(request, response, error))
}

/// Decodes a JSON body, of which none at all counts as null.
pub(crate) fn json_or_null<T: DeserializeOwned>(request: &Request, response: &Response) -> Result<T, Error> {
    json_by(request, response, |response| match response.body.is_empty() {
        true => serde_json::from_str("null").map_err(|error| Unreadable::of(&error)),
        false => response.read(),
    })
}

/// Decodes a JSON body, or gives `None` where there is no such object.
pub(crate) fn json_if_found<T: DeserializeOwned>(request: &Request, response: &Response) -> Result<Option<T>, Error> {
    if response.status == StatusCode::NOT_FOUND && !response.lagging {
        let error = request.error(response);
        // Any other 404 is a wrong address, and nothing is known of the object.
        return if error.kind() == ErrorKind::NotFound { Ok(None) } else { Err(told(error)) };
    }
    json(request, response).map(Some)
}

/// Accepts a success, whose body does not matter if it is the service's.
pub(crate) fn empty(request: &Request, response: &Response) -> Result<(), Error> {
    let repeated =
        response.attempts > 1 && request.method == Method::DELETE && response.status == StatusCode::NOT_FOUND;
    if repeated && request.error(response).kind() == ErrorKind::NotFound {
        // The response to the first attempt was lost, or a replica was ahead: it is gone, as was asked.
        return Ok(());
    }
    success(request, response)?;
    if is_lost(response) { Err(unreadable(request, response, Unreadable::At(1, 1))) } else { Ok(()) }
}

/// Decodes a JSON body of what was created, or gives `None` where it was there.
pub(crate) fn json_if_created<T: DeserializeOwned>(request: &Request, response: &Response) -> Result<Option<T>, Error> {
    if response.status == StatusCode::NO_CONTENT || (response.status.is_success() && response.body.is_empty()) {
        return Ok(None);
    }
    json(request, response).map(Some)
}

fn success(request: &Request, response: &Response) -> Result<(), Error> {
    if response.status.is_success() { Ok(()) } else { Err(request.refusal(response)) }
}

/// The error of a success that is not what it should be: of a body of another form, or of somebody's page.
pub(super) fn unreadable(request: &Request, response: &Response, error: Unreadable) -> Error {
    // Of what Graph sends, no word is shown: it can be a secret.
    let is_page = is_lost(response) && !is_of_graph(response, &ServiceError::default());
    let is_text = || is_plain(response) || is_markup(&response.text());
    let wrong = match is_page && (is_text() || is_gateways(response)) {
        true => request.by_proxy(response),
        false => Error::new(ErrorCode::UnexpectedResponse),
    };
    let wrong = match (request.repeat, wrong.code()) {
        (Repeat::Unsafe, _) => wrong.with_remedy(LOOK_FIRST),
        (Repeat::Safe, ErrorCode::UnexpectedResponse) => {
            wrong.with_remedy("Check that the Graph endpoint is right and that no proxy responds in its place.")
        }
        (Repeat::Safe, _) => wrong,
    };
    wrong
        .with_status(response.status)
        .with_attempts(response.attempts)
        .with_request_ids(response.header("request-id").map(str::to_owned), None)
        .with_maybe_done(request.repeat == Repeat::Unsafe)
        .with_source(error)
        .during(request.operation.clone())
}

/// Whether a response says that it is text for people.
fn is_plain(response: &Response) -> bool {
    response.header("content-type").is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/"))
}
