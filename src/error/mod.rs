//! The one error type: what failed, why, and what to do about it.

mod code;
mod service_error;
mod text;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

pub use code::ErrorCode;
pub(crate) use service_error::{ServiceError, text_of};
use text::shortened;
pub(crate) use text::{first_words, foreign, is_markup, on_one_line};

/// The longest sentence of a service that a message shows, in characters.
const MAX_SENTENCE_LENGTH: usize = 400;

/// What kind of failure an [`Error`] is: what a program decides by. In JSON it is its name in snake case.
///
/// ```
/// use entra_apps::{Error, ErrorKind};
///
/// fn advice(error: &Error) -> &'static str {
///     match error.kind() {
///         ErrorKind::Network | ErrorKind::Throttled | ErrorKind::Service | ErrorKind::Deadline => "try again later",
///         ErrorKind::SignIn | ErrorKind::Forbidden => "sign in as somebody who may",
///         _ => "see the remedy",
///     }
/// }
/// # let error = "not-a-guid".parse::<entra_apps::ids::AppId>().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Invalid);
/// println!("{}: {}", advice(&error), error.remedy());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller gave something that Entra would refuse; nothing was sent.
    Invalid,
    /// Signing in failed, or the service refused the token.
    SignIn,
    /// The caller is signed in and may not do this.
    Forbidden,
    /// There is no such object.
    NotFound,
    /// Another object or another writer is in the way.
    Conflict,
    /// The service refused the request for a reason of its own: a policy, a limit, a rule.
    Refused,
    /// The service asked for fewer requests, and the time allowed did not suffice.
    Throttled,
    /// The service failed.
    Service,
    /// No response of the service: the network, a proxy, a name that does not resolve.
    Network,
    /// The time allowed was up.
    Deadline,
    /// The response was not what the service documents.
    Decode,
    /// The target moved since the plan was made: plan again.
    Stale,
    /// The plan needs an approval that was not given.
    NeedsApproval,
    /// The cloud does not have it; nothing was sent.
    Unsupported,
}

/// One entry of the `details` of a service's error, or one thing that an error of this crate is about: of
/// [`SameDisplayName`](ErrorCode::SameDisplayName), each application of the display name, its client id as the target.
///
/// # JSON
/// `code`, `target` (null where there is none) and `message`.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::{AppRegistration, ErrorCode};
///
/// let tenant = MemoryTenant::new();
/// tenant.send_json("POST", "/applications", Some(r#"{"displayName": "Contoso Backup"}"#)); // made by hand
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup");
/// let error = tenant.client().plan(&backup).await.unwrap_err();
/// assert_eq!(error.code(), ErrorCode::SameDisplayName);
/// let by_hand = error.details()[0].target.as_deref().expect("its client id");
/// tenant.client().plan(&backup).adopt(by_hand.parse()?).await?;
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ErrorDetail {
    /// The sub-code, such as `NoBackingApplicationObject`.
    pub code: String,
    /// The property that it concerns, such as `appId`.
    pub target: Option<String>,
    /// The service's sentence.
    pub message: String,
}

/// What failed, why, and what to do about it.
///
/// [`code`](Self::code) names the mistake and [`kind`](Self::kind) its sort, `Display` is the sentence to show to a
/// person, and [`remedy`](Self::remedy) says what to do. No secret, no token and no body of the service is ever part of
/// it; of a page that a proxy responds with in its place, the first words are.
///
/// # JSON
/// `code`, `kind`, `message`, `remedy` and `attempts` are always there; `operation`, `status` (a number), `serviceCode`,
/// `serviceMessage`, `details`, `requestId`, `clientRequestId`, `retryAfterSeconds`, `maybeDone`, `oauthError` and
/// `suberror` where they are known, and `causes`, the texts of its sources. Claims are left out.
///
/// ```
/// use entra_apps::ids::AppId;
///
/// let error = "not-a-guid".parse::<AppId>().unwrap_err();
/// let json = serde_json::to_value(&error)?;
/// assert_eq!((&json["code"], &json["kind"]), (&"invalid_id".into(), &"invalid".into()));
/// # Ok::<(), serde_json::Error>(())
/// ```
pub struct Error(Box<Inner>);

/// An error of any type: what the traits return that you implement, such as
/// [`TokenProvider`](crate::token::TokenProvider) and [`ClientAssertion`](crate::auth::ClientAssertion).
///
/// An [`Error`] of this crate in it passes through as it is, with its code and its remedy. Anything else becomes the
/// source of an error whose code belongs to the trait, such as
/// [`TokenProviderFailed`](ErrorCode::TokenProviderFailed). `?` makes one of any error, and `into` of a text. It must hold
/// no secret: it is shown and logged.
///
/// ```
/// use entra_apps::BoxError;
///
/// fn read(path: &str) -> Result<String, BoxError> {
///     let text = std::fs::read_to_string(path)?;
///     if text.is_empty() { Err("the file is empty".into()) } else { Ok(text) }
/// }
/// assert!(read("/no/such/file").is_err());
/// ```
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug)]
struct Inner {
    code: ErrorCode,
    /// In place of the code's cause.
    message: Option<String>,
    /// In place of the code's remedy.
    remedy: Option<String>,
    operation: Option<Cow<'static, str>>,
    status: Option<StatusCode>,
    service_code: Option<String>,
    service_message: Option<String>,
    details: Vec<ErrorDetail>,
    request_id: Option<String>,
    client_request_id: Option<String>,
    attempts: u32,
    retry_after: Option<Duration>,
    maybe_done: bool,
    /// Given up only because what was written was read too long ago.
    outdated: bool,
    oauth_error: Option<String>,
    suberror: Option<String>,
    /// A JSON object.
    claims: Option<String>,
    source: Option<BoxError>,
}

impl Error {
    /// Creates an error with the cause and the remedy of its code.
    pub(crate) fn new(code: ErrorCode) -> Self {
        Self(Box::new(Inner {
            code,
            message: None,
            remedy: None,
            operation: None,
            status: None,
            service_code: None,
            service_message: None,
            details: Vec::new(),
            request_id: None,
            client_request_id: None,
            attempts: 0,
            retry_after: None,
            maybe_done: false,
            outdated: false,
            oauth_error: None,
            suberror: None,
            claims: None,
            source: None,
        }))
    }

    /// The error of a trait that a program implements: one of this crate as it is, any other as the source of `code`.
    pub(crate) fn from_boxed(error: BoxError, code: ErrorCode) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => *error,
            Err(error) => Self::new(code).with_source(error),
        }
    }

    /// Copies the error for another item of the request that failed, without the source.
    pub(crate) fn copy(&self) -> Self {
        let Inner { message, remedy, service_code, service_message, details, request_id, client_request_id, .. } =
            &*self.0;
        Self(Box::new(Inner {
            code: self.0.code,
            message: message.clone(),
            remedy: remedy.clone(),
            operation: self.0.operation.clone(),
            status: self.0.status,
            service_code: service_code.clone(),
            service_message: service_message.clone(),
            details: details.clone(),
            request_id: request_id.clone(),
            client_request_id: client_request_id.clone(),
            attempts: self.0.attempts,
            retry_after: self.0.retry_after,
            maybe_done: self.0.maybe_done,
            outdated: self.0.outdated,
            oauth_error: self.0.oauth_error.clone(),
            suberror: self.0.suberror.clone(),
            claims: self.0.claims.clone(),
            source: None,
        }))
    }

    /// Says more than the code's cause.
    #[must_use]
    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = Some(on_one_line(message.into()));
        self
    }

    /// An error that says the same, where one failure concerns several things.
    pub(crate) fn said_again(&self) -> Self {
        Self::new(self.code())
            .with_message(self.message())
            .with_remedy(self.remedy())
            .with_maybe_done(self.maybe_done())
    }

    /// Puts somebody's own sentence behind the message, where it is not empty.
    #[must_use]
    pub(crate) fn quoting(self, sentence: &str) -> Self {
        match shortened(sentence.to_owned(), MAX_SENTENCE_LENGTH).trim_end_matches('.') {
            "" => self,
            sentence => {
                let message = format!("{}: “{sentence}”", self.message());
                self.with_message(message)
            }
        }
    }

    /// Says more than the code's remedy.
    #[must_use]
    pub(crate) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.0.remedy = Some(on_one_line(remedy.into()));
        self
    }

    #[must_use]
    pub(crate) fn during(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.0.operation.get_or_insert_with(|| operation.into());
        self
    }

    #[must_use]
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    #[must_use]
    pub(crate) fn with_service(
        mut self,
        code: impl Into<String>,
        message: impl Into<String>,
        details: Vec<ErrorDetail>,
    ) -> Self {
        self.0.service_code = Some(foreign(code.into()));
        self.0.service_message = Some(foreign(message.into()));
        self.0.details = details
            .into_iter()
            .map(|ErrorDetail { code, target, message }| ErrorDetail {
                code: foreign(code),
                target: target.map(foreign),
                message: foreign(message),
            })
            .collect();
        self
    }

    /// What the error is about, as data.
    #[must_use]
    pub(crate) fn with_details(mut self, details: Vec<ErrorDetail>) -> Self {
        self.0.details = details;
        self
    }

    #[must_use]
    pub(crate) fn with_request_ids(mut self, request_id: Option<String>, client_request_id: Option<String>) -> Self {
        self.0.request_id = request_id.map(foreign).or(self.0.request_id.take());
        self.0.client_request_id = client_request_id.map(foreign).or(self.0.client_request_id.take());
        self
    }

    #[must_use]
    pub(crate) fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    #[must_use]
    pub(crate) fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.0.retry_after = after;
        self
    }

    /// Marks that the service may have carried the request out.
    #[must_use]
    pub(crate) fn with_maybe_done(mut self, maybe: bool) -> Self {
        self.0.maybe_done = maybe;
        self
    }

    /// Marks that a write was given up only because its body would be too old for another attempt.
    #[must_use]
    pub(crate) fn with_outdated(mut self, outdated: bool) -> Self {
        self.0.outdated = outdated;
        self
    }

    /// Whether a write was given up only because its body would be too old for another attempt: read again, it may be
    /// written.
    pub(crate) fn is_outdated(&self) -> bool {
        self.0.outdated
    }

    /// The words of the sign-in protocol, where they are not empty.
    #[must_use]
    pub(crate) fn with_oauth(mut self, error: String, suberror: Option<String>) -> Self {
        self.0.oauth_error = Some(foreign(error)).filter(|error| !error.is_empty());
        self.0.suberror = suberror.map(foreign).filter(|suberror| !suberror.is_empty());
        self
    }

    /// A claims challenge, which is a JSON object; one that is there already stays where there is none.
    #[must_use]
    pub(crate) fn with_claims(mut self, claims: Option<String>) -> Self {
        self.0.claims = claims.or(self.0.claims.take());
        self
    }

    #[must_use]
    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What a program decides by: the kind of its [code](Self::code).
    pub fn kind(&self) -> ErrorKind {
        self.0.code.kind()
    }

    /// The stable code, whose text a product localises by.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// What went wrong, in one sentence, without the remedy.
    pub fn message(&self) -> &str {
        self.0.message.as_deref().unwrap_or(self.0.code.cause())
    }

    /// What to do about it, in plain words.
    pub fn remedy(&self) -> &str {
        self.0.remedy.as_deref().unwrap_or(self.0.code.remedy())
    }

    /// The operation that failed, in Graph's terms, such as `POST /servicePrincipals`.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// The HTTP status of the last response, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The service's own code: Graph's `error.code`, or `AADSTS…` of a sign-in.
    pub fn service_code(&self) -> Option<&str> {
        self.0.service_code.as_deref()
    }

    /// The `error` of the sign-in service's response, such as `invalid_client` or `interaction_required`: what a program
    /// decides by, because the numbers in [`service_code`](Self::service_code) may change.
    pub fn oauth_error(&self) -> Option<&str> {
        self.0.oauth_error.as_deref()
    }

    /// The `suberror` of the sign-in service's response, such as `basic_action`.
    pub fn suberror(&self) -> Option<&str> {
        self.0.suberror.as_deref()
    }

    /// The [claims challenge](https://learn.microsoft.com/entra/identity-platform/claims-challenge) of the sign-in service
    /// or of Graph: a JSON object, to be given to the next sign-in of a person as
    /// [`TokenRequest::claims`](crate::token::TokenRequest::claims). The client has answered it once by itself where its
    /// token provider could.
    pub fn claims(&self) -> Option<&str> {
        self.0.claims.as_deref()
    }

    /// The service's own sentence.
    pub fn service_message(&self) -> Option<&str> {
        self.0.service_message.as_deref()
    }

    /// The `details` of the service's error, or what the error is about.
    pub fn details(&self) -> &[ErrorDetail] {
        &self.0.details
    }

    /// Whether the service's code, or one of its details' codes, is `code`.
    pub fn has_service_code(&self, code: &str) -> bool {
        self.service_code() == Some(code) || self.details().iter().any(|detail| detail.code == code)
    }

    /// The service's id of the request (for a sign-in: the trace id), which Microsoft's support asks for.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The id that this crate gave the request (for a sign-in: the correlation id).
    pub fn client_request_id(&self) -> Option<&str> {
        self.0.client_request_id.as_deref()
    }

    /// How many times the request was tried; zero when it was not sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// How long the service asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the service may have carried out something that must not be done twice, although no success was seen: look
    /// before sending it again. Of what can be repeated without harm, it is false.
    pub fn maybe_done(&self) -> bool {
        self.0.maybe_done
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        f.write_str(self.message())?;
        let mut facts = Vec::new();
        if let Some(operation) = self.operation() {
            facts.push(operation.to_owned());
        }
        if let Some(status) = inner.status {
            facts.push(format!("status {}", status.as_u16()));
        }
        if let Some(code) = inner.service_code.as_deref().filter(|code| !code.is_empty()) {
            facts.push(code.to_owned());
        }
        if let Some(id) = &inner.request_id {
            facts.push(format!("request id {id}"));
        }
        if inner.attempts > 1 {
            facts.push(format!("{} attempts", inner.attempts));
        }
        if !facts.is_empty() {
            write!(f, " ({})", facts.join(", "))?;
        }
        write!(f, ". {}", self.remedy())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.code())
            .field("text", &self.to_string())
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = &*self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", &self.code())?;
        map.serialize_entry("kind", &self.kind())?;
        map.serialize_entry("message", self.message())?;
        map.serialize_entry("remedy", self.remedy())?;
        map.serialize_entry("attempts", &inner.attempts)?;
        if let Some(status) = inner.status {
            map.serialize_entry("status", &status.as_u16())?;
        }
        for (name, text) in [
            ("operation", self.operation()),
            ("serviceCode", self.service_code()),
            ("serviceMessage", self.service_message()),
            ("requestId", self.request_id()),
            ("clientRequestId", self.client_request_id()),
            ("oauthError", self.oauth_error()),
            ("suberror", self.suberror()),
        ] {
            if let Some(text) = text {
                map.serialize_entry(name, text)?;
            }
        }
        if !inner.details.is_empty() {
            map.serialize_entry("details", &inner.details)?;
        }
        if let Some(after) = inner.retry_after {
            map.serialize_entry("retryAfterSeconds", &after.as_secs_f64())?;
        }
        if inner.maybe_done {
            map.serialize_entry("maybeDone", &true)?;
        }
        let first = std::error::Error::source(self);
        let causes: Vec<String> = std::iter::successors(first, |error| error.source()).map(cause).collect();
        if !causes.is_empty() {
            map.serialize_entry("causes", &causes)?;
        }
        map.end()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// What cannot happen: a conversion that never fails, where one that may is allowed as well.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// What a source says.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    foreign(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::text::MAX_TEXT_LENGTH;
    use super::*;

    #[test]
    fn a_foreign_text_stays_on_its_line() {
        let error = Error::new(ErrorCode::RequestRefused).with_message("a\r\nAll is well\u{1b}[2J\u{202e}b");
        assert_eq!(error.message(), "a  All is well [2J b");
        let arabic = "\u{200f}مرحبا";
        assert_eq!(Error::new(ErrorCode::RequestRefused).with_message(arabic).message(), arabic);
    }

    #[test]
    fn an_error_of_this_crate_passes_a_seam_as_it_is_and_another_becomes_a_source() {
        let own = Error::new(ErrorCode::WrongSecret).with_remedy("Mend it.").with_attempts(3);
        let passed = Error::from_boxed(own.into(), ErrorCode::TokenProviderFailed);
        assert_eq!((passed.code(), passed.remedy(), passed.attempts()), (ErrorCode::WrongSecret, "Mend it.", 3));
        assert!(std::error::Error::source(&passed).is_none());
        let wrapped = Error::from_boxed("the vault is sealed".into(), ErrorCode::TokenProviderFailed);
        assert_eq!(wrapped.code(), ErrorCode::TokenProviderFailed);
        assert_eq!(std::error::Error::source(&wrapped).unwrap().to_string(), "the vault is sealed");
        assert!(!wrapped.to_string().contains("sealed"), "Display never repeats the source: {wrapped}");
    }

    #[test]
    fn a_service_may_not_fill_the_log() {
        let long = "é".repeat(100_000);
        let detail = ErrorDetail { code: long.clone(), target: Some(long.clone()), message: long.clone() };
        let error = Error::new(ErrorCode::RequestRefused)
            .with_message("short")
            .with_request_ids(Some(long.clone()), Some(long.clone()))
            .with_service(long.clone(), long, vec![detail]);
        assert!(error.to_string().chars().count() < 3 * MAX_TEXT_LENGTH);
        for text in [error.service_message().unwrap(), &error.details()[0].message] {
            assert!(text.chars().count() == MAX_TEXT_LENGTH + 1 && text.ends_with('…'));
        }
    }
}
