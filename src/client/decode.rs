//! Decoding responses: what a call returns, or the error that a response is.

use http::{Method, StatusCode};
use serde::de::DeserializeOwned;

use crate::client::request::Request;
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::retry::{Repeat, Response, Unreadable};

/// Decodes a JSON body.
pub(crate) fn json<T: DeserializeOwned>(request: &Request, response: Response) -> Result<T, Error> {
    let response = success(request, response)?;
    response.read().map_err(|error| unreadable(request, &response, error))
}

/// Decodes a JSON body, or gives `None` where there is no such object.
pub(crate) fn json_if_found<T: DeserializeOwned>(request: &Request, response: Response) -> Result<Option<T>, Error> {
    if response.status == StatusCode::NOT_FOUND && !response.lagging {
        let error = request.error(&response);
        // Any other 404 is a wrong address, and nothing is known of the object.
        return if error.kind() == ErrorKind::NotFound { Ok(None) } else { Err(error) };
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
    if response.status.is_success() { Ok(response) } else { Err(request.error(&response)) }
}

fn unreadable(request: &Request, response: &Response, error: Unreadable) -> Error {
    Error::new(ErrorCode::UnexpectedResponse)
        .with_status(response.status)
        .with_attempts(response.attempts)
        .with_request_ids(response.header("request-id").map(str::to_owned), None)
        .with_remedy("Check that the Graph endpoint is right and that no proxy responds in its place.")
        .with_maybe_done(request.repeat == Repeat::Unsafe)
        .with_source(error)
        .during(request.operation)
}
