//! Refusals as errors: what an error response means for a person, and what to do about it.

use http::{Method, StatusCode};

use crate::auth::challenge;
use crate::client::key_proof;
use crate::client::replication::{THROTTLED, is_of_graph};
use crate::client::request::Request;
use crate::error::{Error, ErrorCode, ErrorDetail, ServiceError};
use crate::retry::{LOOK_FIRST, Repeat, Response, trace_failure};

/// Refusals that Graph gives a code of their own, in the envelope or in its details.
const BY_CODE: [(&str, ErrorCode); 11] = [
    ("Authorization_IdentityNotFound", ErrorCode::CallerNotInTenant),
    ("Directory_ExpiredPageToken", ErrorCode::ExpiredPageToken),
    ("NoBackingApplicationObject", ErrorCode::ApplicationNotVisible),
    ("CredentialInvalidLifetimeAsPerAppPolicy", ErrorCode::SecretLifetimeForbiddenByPolicy),
    ("CredentialTypeNotAllowedAsPerAppPolicy", ErrorCode::SecretForbiddenByPolicy),
    ("SignInAudienceNotAllowedAsPerAppPolicy", ErrorCode::AudienceForbiddenByPolicy),
    ("InvalidUniqueTenantIdentifierAsPerAppPolicy", ErrorCode::IdentifierUriForbiddenByPolicy),
    ("ServiceTreeValueMissing", ErrorCode::ServiceManagementReferenceMissing),
    ("Directory_QuotaExceeded", ErrorCode::QuotaExceeded),
    ("Request_MultipleObjectsWithSameKeyValue", ErrorCode::ObjectConflict),
    ("ObjectConflict", ErrorCode::ObjectConflict),
];

/// Refusals that share `Request_BadRequest` or `Authorization_RequestDenied` with everything else, so that only the
/// sentence tells them apart. The nearest comes first.
const BY_SENTENCE: [(&str, ErrorCode); 11] = [
    ("page token value has expired", ErrorCode::ExpiredPageToken),
    ("must in the local tenant", ErrorCode::ApplicationNotVisible),
    ("Failed to add identifier URI", ErrorCode::IdentifierUriForbiddenByPolicy),
    ("for property uniqueName already exists", ErrorCode::UniqueNameTaken),
    ("Permission being assigned already exists", ErrorCode::AlreadyGranted),
    ("No password credential found", ErrorCode::CredentialNotFound),
    ("No key credential found", ErrorCode::CredentialNotFound),
    ("No credentials found to be removed", ErrorCode::CredentialNotFound),
    ("identity of the calling application could not be established", ErrorCode::CallerNotInTenant),
    ("was not found on application", ErrorCode::PermissionNotInTenant),
    ("already exist", ErrorCode::ObjectConflict),
];

/// A shorter part of a request, in bytes, is no secret.
const MIN_OWN_WORD: usize = 6;

/// A clock that is wrong by less makes no date that the service refuses, and no secret that lives for much longer.
const MIN_CLOCK_SKEW: time::Duration = time::Duration::days(1);

impl Request {
    /// Makes the error of a response that is no success, and tells of it.
    pub(crate) fn refusal(&self, response: &Response) -> Error {
        told(self.error(response))
    }

    /// Makes the error of a response that is no success.
    pub(crate) fn error(&self, response: &Response) -> Error {
        let service = ServiceError::read(response.json());
        let challenge = match response.status {
            StatusCode::UNAUTHORIZED => challenge::in_headers(&response.headers),
            _ => None,
        };
        let failed = response.status.is_server_error() || response.status == StatusCode::REQUEST_TIMEOUT;
        let maybe_done = failed && self.repeat == Repeat::Unsafe;
        let is_foreign = !response.lagging
            && !is_of_graph(response, &service)
            && known(&service, response.status.as_u16()).is_none();
        let error = match is_foreign {
            true => self.by_proxy(response),
            false => self.meaning(response, &service, challenge.is_some()).quoting(service.sentence()),
        };
        let error = match response.clock_skew.filter(is_wrong) {
            Some(skew) if error.code() == ErrorCode::RequestRefused => error.with_remedy(format!(
                "Set this machine's clock, which is {}, and run it again; or correct what the service's sentence names.",
                off_by(skew)
            )),
            _ if maybe_done => error.with_remedy(LOOK_FIRST),
            _ => error,
        };
        response
            .tells(error, ["request-id", "client-request-id"], service)
            .with_maybe_done(maybe_done)
            .during(self.operation.clone())
            .with_claims(challenge)
    }

    fn meaning(&self, response: &Response, service: &ServiceError, challenged: bool) -> Error {
        let status = response.status.as_u16();
        if response.lagging {
            return Error::new(ErrorCode::NotVisibleYet);
        }
        if challenged {
            return Error::new(ErrorCode::TokenRefused)
                .with_message("Graph wants a token that shows more")
                .with_remedy(
                    "Sign in again, with the claims that the error holds: a policy asks for a further factor, or the \
                     session was revoked.",
                );
        }
        match (status, known(service, status)) {
            (401, Some(ErrorCode::CallerNotInTenant)) => Error::new(ErrorCode::CallerNotInTenant),
            (401, _) if service.has_code(key_proof::REFUSED) && key_proof::is_sent_by(self) => {
                let causes = key_proof::causes(self, response);
                Error::new(ErrorCode::InvalidKeyProof).with_message(causes.join("; "))
            }
            (401, _) => Error::new(ErrorCode::TokenRefused),
            (400, Some(ErrorCode::ObjectConflict)) => {
                Error::new(ErrorCode::ObjectConflict).with_message("another object is in the way")
            }
            (_, Some(ErrorCode::PermissionNotInTenant)) => Error::new(ErrorCode::PermissionNotInTenant).with_remedy(
                "Some clouds lack some permissions: leave it out there, or name one that the API publishes.",
            ),
            (_, Some(code)) => Error::new(self.of_credential(code)),
            (403, _) => self.forbidden(),
            (404, _) => Error::new(ErrorCode::NotFound),
            (409, _) => Error::new(ErrorCode::ObjectConflict),
            (412, _) => Error::new(ErrorCode::VersionOutdated),
            (429 | 509, _) => Error::new(ErrorCode::Throttled),
            _ if THROTTLED.iter().any(|code| service.has_code(code)) => Error::new(ErrorCode::Throttled),
            (500..=599 | 408, _) => Error::new(ErrorCode::ServiceFailed),
            (300..=399, _) => Error::new(ErrorCode::Redirected),
            _ => Error::new(ErrorCode::RequestRefused),
        }
    }

    /// The code of a policy that restricts credentials, by what the request adds: an update has certificates alone.
    fn of_credential(&self, code: ErrorCode) -> ErrorCode {
        let is_of_certificate = self.method == Method::PATCH || self.operation.ends_with("/addKey");
        match code {
            ErrorCode::SecretLifetimeForbiddenByPolicy if is_of_certificate => {
                ErrorCode::CertificateLifetimeForbiddenByPolicy
            }
            ErrorCode::SecretForbiddenByPolicy if is_of_certificate => ErrorCode::CertificateForbiddenByPolicy,
            code => code,
        }
    }

    /// Makes the error of what somebody in between responds in Graph's place.
    pub(super) fn by_proxy(&self, response: &Response) -> Error {
        response.by_proxy("Graph", |words| self.without_own_words(&words))
    }

    /// A text without what the request's body holds: a page may repeat it, and it may hold a secret.
    fn without_own_words(&self, text: &str) -> String {
        let body = self.body.as_ref().map(|body| String::from_utf8_lossy(body)).unwrap_or_default();
        let is_own = |word: &str| {
            let mut parts = word.split(['"', '\'', '=', ':', ',', '{', '}']);
            parts.any(|part| part.len() >= MIN_OWN_WORD && body.contains(part))
        };
        let words: Vec<_> = text.split(' ').map(|word| if is_own(word) { "…" } else { word }).collect();
        words.join(" ")
    }

    fn forbidden(&self) -> Error {
        let role = match self.method {
            _ if !self.role.is_empty() => self.role,
            Method::GET => "a role that may read this, such as Directory Readers",
            _ => {
                "the role Application Administrator, and Privileged Role Administrator to grant application permissions"
            }
        };
        let permissions = match self.permissions {
            "" => "a permission that the operation's page in Graph's reference names",
            permissions => permissions,
        };
        Error::new(ErrorCode::MissingPermission).with_remedy(format!(
            "An app as caller needs {permissions}, with admin consent. A signed-in user needs {role}. Then sign in again."
        ))
    }
}

/// Whether a clock is wrong by so much that what begins or ends at a time that it says is not as it was meant.
fn is_wrong(skew: &time::Duration) -> bool {
    skew.abs() >= MIN_CLOCK_SKEW
}

/// By how much a clock is wrong.
fn off_by(skew: time::Duration) -> String {
    let direction = if skew.is_negative() { "behind" } else { "ahead of" };
    let days = skew.abs().saturating_add(time::Duration::hours(12)).whole_days();
    format!("{days} days {direction} the service's")
}

/// Refuses a clock that is wrong, by what the service's responses have shown.
pub(crate) fn check_clock(skew: time::Duration) -> Result<(), Error> {
    match is_wrong(&skew) {
        false => Ok(()),
        true => {
            let message = format!("this machine's clock is {}", off_by(skew));
            Err(Error::new(ErrorCode::WrongClock).with_message(message))
        }
    }
}

/// What a refusal means of which Graph says more than its status.
fn known(service: &ServiceError, status: u16) -> Option<ErrorCode> {
    // A unique name that is taken has the code of any value that is.
    let is_unique_name = |detail: &ErrorDetail| detail.target.as_deref() == Some("uniqueName");
    let unique_name = service.has_code("ObjectConflict") && service.details.iter().any(is_unique_name);
    let by_sentence = BY_SENTENCE.iter().find(|(sentence, _)| service.says(sentence));
    let by_code = || BY_CODE.iter().find(|(code, _)| service.has_code(code));
    let code = match unique_name {
        true => Some(ErrorCode::UniqueNameTaken),
        false => by_sentence.or_else(by_code).map(|(_, code)| *code),
    };
    // Anything may be said to exist; only a bad request means that it is in the way.
    code.filter(|code| *code != ErrorCode::ObjectConflict || status == 400)
}

/// Tells of a refusal, and hands it on.
pub(super) fn told(error: Error) -> Error {
    trace_failure(&error, "refused");
    error
}
