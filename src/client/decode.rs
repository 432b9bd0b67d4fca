//! Decoding responses: what a call returns, or the error that a response is.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;

use crate::client::refusal::told;
use crate::client::request::Request;
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::retry::{LOOK_FIRST, Repeat, Response, Unreadable};

/// Decodes a JSON body.
pub(crate) fn json<T: DeserializeOwned>(request: &Request, response: Response) -> Result<T, Error> {
    let response = success(request, response)?;
    response.read().map_err(|error| unreadable(request, &response, error))
}

/// Decodes a JSON body, of which none at all counts as null.
pub(crate) fn json_or_null<T: DeserializeOwned>(request: &Request, mut response: Response) -> Result<T, Error> {
    if response.status.is_success() && response.body.is_empty() {
        response.body = Bytes::from_static(b"null");
    }
    json(request, response)
}

/// Decodes a JSON body, or gives `None` where there is no such object.
pub(crate) fn json_if_found<T: DeserializeOwned>(request: &Request, response: Response) -> Result<Option<T>, Error> {
    if response.status == StatusCode::NOT_FOUND && !response.lagging {
        let error = request.error(&response);
        // Any other 404 is a wrong address, and nothing is known of the object.
        return if error.kind() == ErrorKind::NotFound { Ok(None) } else { Err(told(error)) };
    }
    json(request, response).map(Some)
}

/// Accepts a success, whose body does not matter.
pub(crate) fn empty(request: &Request, response: Response) -> Result<(), Error> {
    let repeated =
        response.attempts > 1 && request.method == Method::DELETE && response.status == StatusCode::NOT_FOUND;
    if repeated {
        // The response to the first attempt was lost, or a replica was ahead: it is gone, as was asked.
        return Ok(());
    }
    success(request, response).map(|_| ())
}

/// Decodes a JSON body of what was created, or gives `None` where it was there.
pub(crate) fn json_if_created<T: DeserializeOwned>(request: &Request, response: Response) -> Result<Option<T>, Error> {
    if response.status == StatusCode::NO_CONTENT || (response.status.is_success() && response.body.is_empty()) {
        return Ok(None);
    }
    json(request, response).map(Some)
}

fn success(request: &Request, response: Response) -> Result<Response, Error> {
    if response.status.is_success() { Ok(response) } else { Err(request.refusal(&response)) }
}

fn unreadable(request: &Request, response: &Response, error: Unreadable) -> Error {
    Error::new(ErrorCode::UnexpectedResponse)
        .with_status(response.status)
        .with_attempts(response.attempts)
        .with_request_ids(response.header("request-id").map(str::to_owned), None)
        .with_remedy(match request.repeat {
            Repeat::Safe => "Check that the Graph endpoint is right and that no proxy responds in its place.",
            Repeat::Unsafe => LOOK_FIRST,
        })
        .with_maybe_done(request.repeat == Repeat::Unsafe)
        .with_source(error)
        .during(request.operation.clone())
}
