//! Refusals as errors: what an error response means for a person, and what to do about it.

use http::Method;

use crate::auth::challenge;
use crate::client::request::Request;
use crate::client::service_error::ServiceError;
use crate::error::{Error, ErrorCode, foreign};
use crate::retry::{Repeat, Response};

impl Request {
    /// Makes the error of a response that is no success.
    pub(crate) fn error(&self, response: &Response) -> Error {
        let service = ServiceError::of(response);
        let meaning = self.meaning(response, &service);
        let error = if service.message.is_empty() {
            meaning
        } else {
            let sentence = foreign(service.message.clone());
            let message = format!("{}: “{}”", meaning.message(), sentence.trim_end_matches('.'));
            meaning.with_message(message)
        };
        let failed = response.status.is_server_error() || response.status.as_u16() == 408;
        let error = error
            .with_status(response.status)
            .with_attempts(response.attempts)
            .with_request_ids(
                response.header("request-id").map(str::to_owned),
                response.header("client-request-id").map(str::to_owned),
            )
            .with_retry_after(response.retry_after)
            .with_maybe_done(failed && self.repeat == Repeat::Unsafe)
            .during(self.operation);
        let challenge = (response.status.as_u16() == 401).then(|| challenge::in_headers(&response.headers)).flatten();
        error.with_claims(challenge).with_service(service.code, service.message, service.details)
    }

    fn meaning(&self, response: &Response, service: &ServiceError) -> Error {
        let says = |text: &str| service.message.contains(text);
        let has = |code: &str| service.has_code(code);
        let status = response.status.as_u16();
        if response.lagging {
            return Error::new(ErrorCode::NotVisibleYet);
        }
        if status == 401 && challenge::in_headers(&response.headers).is_some() {
            return Error::new(ErrorCode::TokenRefused).with_message("Graph wants a token that shows more").with_remedy("Sign in again, with the claims that the error holds: a policy asks for a further factor, or the session was revoked.");
        }
        if status == 401 {
            return Error::new(ErrorCode::TokenRefused);
        }
        if says("must in the local tenant") || has("NoBackingApplicationObject") {
            return Error::new(ErrorCode::ApplicationNotVisible);
        }
        if has("CredentialInvalidLifetimeAsPerAppPolicy") {
            return Error::new(ErrorCode::SecretLifetimeForbiddenByPolicy);
        }
        if has("CredentialTypeNotAllowedAsPerAppPolicy") {
            return Error::new(ErrorCode::SecretForbiddenByPolicy);
        }
        if has("SignInAudienceNotAllowedAsPerAppPolicy") {
            return Error::new(ErrorCode::AudienceForbiddenByPolicy);
        }
        if says("for property uniqueName already exists") {
            return Error::new(ErrorCode::UniqueNameTaken);
        }
        if has("Directory_QuotaExceeded") {
            return Error::new(ErrorCode::QuotaExceeded);
        }
        if says("Permission being assigned already exists") {
            return Error::new(ErrorCode::AlreadyGranted);
        }
        if says("No password credential found") {
            return Error::new(ErrorCode::CredentialNotFound);
        }
        if says("was not found on application") {
            return Error::new(ErrorCode::PermissionNotInTenant).with_remedy(
                "Some clouds lack some permissions: leave it out there, or name one that the API publishes.",
            );
        }
        match status {
            403 => Error::new(ErrorCode::MissingPermission).with_remedy(format!(
                "An app as caller needs {}, with admin consent. A signed-in user needs {}. Then sign in again.",
                self.permissions,
                match self.method {
                    Method::GET => "a role that may read this, such as Directory Readers",
                    _ =>
                        "the role Application Administrator, and Privileged Role Administrator to grant application permissions",
                }
            )),
            // A gateway's 404 has no envelope, and says nothing of the object.
            404 if !service.code.is_empty() => Error::new(ErrorCode::NotFound),
            409 => Error::new(ErrorCode::ObjectConflict),
            400 if has("Request_MultipleObjectsWithSameKeyValue") || has("ObjectConflict") || says("already exist") => {
                Error::new(ErrorCode::ObjectConflict).with_message("another object is in the way")
            }
            429 => Error::new(ErrorCode::Throttled),
            500..=599 | 408 => Error::new(ErrorCode::ServiceFailed),
            300..=399 => Error::new(ErrorCode::Redirected),
            404 => Error::new(ErrorCode::NotGraph),
            _ => Error::new(ErrorCode::RequestRefused),
        }
    }
}
