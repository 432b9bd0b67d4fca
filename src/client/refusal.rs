//! Refusals as errors: what an error response means for a person, and what to do about it.

use http::Method;

use crate::auth::challenge;
use crate::client::request::Request;
use crate::client::service_error::ServiceError;
use crate::error::{Error, ErrorKind, foreign};
use crate::retry::{Repeat, Response};

/// The code of an app role assignment that is there already.
pub(crate) const ALREADY_GRANTED: &str = "already_granted";

impl Request {
    /// Makes the error of a response that is no success.
    pub(crate) fn error(&self, response: &Response) -> Error {
        let service = ServiceError::of(response);
        let Meaning { kind, code, cause, remedy } = self.meaning(response, &service);
        let message = if service.message.is_empty() {
            cause.to_owned()
        } else {
            format!("{cause}: “{}”", foreign(service.message.clone()).trim_end_matches('.'))
        };
        let failed = response.status.is_server_error() || response.status.as_u16() == 408;
        let error = Error::new(kind, code, message)
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
        let error = error.with_claims(challenge);
        let error = if remedy.is_empty() { error } else { error.with_remedy(remedy) };
        error.with_service(service.code, service.message, service.details)
    }

    fn meaning(&self, response: &Response, service: &ServiceError) -> Meaning {
        let says = |text: &str| service.message.contains(text);
        let has = |code: &str| service.has_code(code);
        let status = response.status.as_u16();
        if response.lagging {
            return Meaning::new(
                ErrorKind::Deadline,
                "not_visible_yet",
                "the directory's replicas do not all know yet what was written a moment ago",
                "Run it again in a minute: what was done is kept.",
            );
        }
        if status == 401 && challenge::in_headers(&response.headers).is_some() {
            return Meaning::new(
                ErrorKind::SignIn,
                "token_refused",
                "Graph wants a token that shows more",
                "Sign in again, with the claims that the error holds: a policy asks for a further factor, or the session was revoked.",
            );
        }
        if status == 401 {
            return Meaning::new(
                ErrorKind::SignIn,
                "token_refused",
                "Graph refused the token",
                "Sign in again; check that the token is for Microsoft Graph of this cloud and that this machine's clock is right.",
            );
        }
        if says("must in the local tenant") || has("NoBackingApplicationObject") {
            return Meaning::new(
                ErrorKind::NotFound,
                "application_not_visible",
                "the directory does not know the application (yet)",
                "If it was made a moment ago, run it again in a minute; otherwise check the application (client) id.",
            );
        }
        if has("CredentialInvalidLifetimeAsPerAppPolicy") {
            return Meaning::new(
                ErrorKind::Refused,
                "secret_lifetime_policy",
                "a policy of the tenant forbids so long a secret",
                "Ask for a shorter lifetime, or ask an administrator to change the app management policy that the message names.",
            );
        }
        if has("CredentialTypeNotAllowedAsPerAppPolicy") {
            return Meaning::new(
                ErrorKind::Refused,
                "secret_forbidden_by_policy",
                "a policy of the tenant forbids client secrets",
                "Ask an administrator to except this app from the app management policy.",
            );
        }
        if has("SignInAudienceNotAllowedAsPerAppPolicy") {
            return Meaning::new(
                ErrorKind::Refused,
                "audience_policy",
                "a policy of the tenant forbids this audience",
                "Choose a single-tenant audience, or ask an administrator to change the app management policy.",
            );
        }
        if says("for property uniqueName already exists") {
            return Meaning::new(
                ErrorKind::Conflict,
                "unique_name_taken",
                "another application, live or deleted, holds this unique name",
                "Restore or purge the deleted application (Deleted applications in the portal), or choose another unique name.",
            );
        }
        if has("Directory_QuotaExceeded") {
            return Meaning::new(
                ErrorKind::Refused,
                "quota",
                "the directory's quota is used up",
                "Delete objects that are not needed, or ask an administrator for a higher quota.",
            );
        }
        if says("Permission being assigned already exists") {
            return Meaning::new(
                ErrorKind::Conflict,
                ALREADY_GRANTED,
                "the permission is granted already",
                "Nothing is to be done.",
            );
        }
        if says("was not found on application") {
            return Meaning::new(
                ErrorKind::Refused,
                "permission_unknown_in_tenant",
                "the API does not know this permission in this tenant",
                "Some clouds lack some permissions: leave it out there, or name one that the API publishes.",
            );
        }
        match status {
            403 => Meaning {
                kind: ErrorKind::Forbidden,
                code: "missing_permission",
                cause: "the caller may not do this",
                remedy: format!(
                    "An app as caller needs {}, with admin consent. A signed-in user needs {}. Then sign in again.",
                    self.permissions,
                    match self.method {
                        Method::GET => "a role that may read this, such as Directory Readers",
                        _ =>
                            "the role Application Administrator, and Privileged Role Administrator to grant application permissions",
                    }
                ),
            },
            // A gateway's 404 has no envelope, and says nothing of the object.
            404 if !service.code.is_empty() => Meaning::new(
                ErrorKind::NotFound,
                "not_found",
                "there is no such object",
                "Check which id is meant (object id, application id and service principal id differ) and in which tenant.",
            ),
            409 => Meaning::new(
                ErrorKind::Conflict,
                "conflict",
                "another object or another writer is in the way",
                "Run it again: what is there is found.",
            ),
            400 if has("Request_MultipleObjectsWithSameKeyValue") || has("ObjectConflict") || says("already exist") => {
                Meaning::new(
                    ErrorKind::Conflict,
                    "conflict",
                    "another object is in the way",
                    "Run it again: what is there is found.",
                )
            }
            429 => Meaning::new(
                ErrorKind::Throttled,
                "throttled",
                "the service asks for fewer requests",
                "Wait as long as it asks and run it again: what was done is kept.",
            ),
            500..=599 | 408 => Meaning::new(
                ErrorKind::Service,
                "service_failed",
                "the service failed",
                "Run it again in a few minutes; if it lasts, give the request id to Microsoft's support.",
            ),
            300..=399 => Meaning::new(
                ErrorKind::Decode,
                "redirected",
                "the response is a redirect, which is not followed",
                "Check that the Graph endpoint is right and that no proxy responds in its place.",
            ),
            404 => Meaning::new(
                ErrorKind::Decode,
                "no_graph_there",
                "the address answers, and not as Graph does",
                "Check that the Graph endpoint is right and that no proxy responds in its place.",
            ),
            _ => Meaning::new(
                ErrorKind::Refused,
                "refused",
                "the service refused the request",
                "Correct what the service's sentence names and run it again.",
            ),
        }
    }
}

struct Meaning {
    kind: ErrorKind,
    code: &'static str,
    cause: &'static str,
    remedy: String,
}

impl Meaning {
    fn new(kind: ErrorKind, code: &'static str, cause: &'static str, remedy: &str) -> Self {
        Self { kind, code, cause, remedy: remedy.to_owned() }
    }
}
