//! What the sign-in service refuses a sign-in with, in whichever form it says so: the `error` decides, the number
//! explains.
//!
//! The format: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow>.

use std::borrow::Cow;

use secrecy::SecretString;
use serde_json::Value;

use crate::auth::number::{text, whole};
use crate::error::{Error, ErrorCode, ServiceError, text_of};
use crate::retry::without;

/// The names that OAuth and OpenID Connect give to errors, and Entra beside them.
const OAUTH_ERRORS: &[&str] = &[
    "access_denied",
    "authorization_declined",
    "authorization_pending",
    "bad_verification_code",
    "consent_required",
    "expired_token",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_resource",
    "invalid_scope",
    "invalid_tenant",
    "login_required",
    "server_error",
    "slow_down",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
];

/// `AADSTS70002`: the client could not be authenticated, by whatever it sent.
const INVALID_CLIENT: u64 = 70002;

/// `AADSTS50012`: a signature is wrong, or a secret, which the service compares in the same way.
const INVALID_SIGNATURE: u64 = 50012;

/// What an app proved itself with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    Secret,
    /// Signed by the app's own key, or by an issuer that the app trusts.
    Assertion,
    Nothing,
    /// Another program sent the request, such as a browser.
    Unknown,
}

/// The words of a refusal. Each is read by itself: an odd one does not hide the others.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    error: String,
    suberror: Option<String>,
    description: String,
    /// Those of `error_codes`.
    numbers: Vec<u64>,
    pub(super) trace_id: Option<String>,
    pub(super) correlation_id: Option<String>,
    pub(super) claims: Option<String>,
    is_the_services: bool,
}

impl Refusal {
    /// Reads the body of a response.
    pub(super) fn read(body: &Value) -> Self {
        // Some services send a list of one.
        let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
        let of = |name: &str| text(&body[name]).map(Cow::into_owned);
        let ServiceError { code: error, message, .. } = ServiceError::read(body);
        let description = text_of(&body["error_description"]).unwrap_or_default();
        let is_the_services = OAUTH_ERRORS.contains(&error.as_str())
            || !description.is_empty()
            || (body["error"].is_string()
                && ["trace_id", "correlation_id", "suberror"].iter().any(|name| body[*name].is_string()));
        let description = if description.is_empty() { message } else { description };
        let mut refusal = Self {
            error,
            suberror: body["suberror"].as_str().map(str::to_owned),
            description,
            numbers: numbers(&body["error_codes"]),
            trace_id: of("trace_id"),
            correlation_id: of("correlation_id"),
            claims: body["claims"].as_str().map(str::to_owned),
            is_the_services,
        };
        refusal.is_the_services |= refusal.first_code().is_some();
        refusal
    }

    /// The parameters of a redirect, which no response carries.
    pub(crate) fn of_redirect(error: String, suberror: Option<String>, description: String) -> Self {
        Self {
            error,
            suberror,
            description,
            numbers: Vec::new(),
            trace_id: None,
            correlation_id: None,
            claims: None,
            is_the_services: true,
        }
    }

    /// The words that another program wrote for a person to read, such as the Azure CLI or the Azure SDK.
    #[cfg(any(feature = "azure", feature = "azure-cli"))]
    pub(crate) fn of_text(text: &str) -> Self {
        Self::of_redirect(String::new(), None, text.to_owned())
    }

    /// Whether the service said this, and not something in between.
    pub(super) fn is_the_services(&self) -> bool {
        self.is_the_services
    }

    /// The refusal without what was sent, which its sentence may repeat.
    pub(super) fn without<'a>(mut self, secrets: impl Iterator<Item = &'a SecretString>) -> Self {
        self.description = without(self.description, secrets);
        self
    }

    /// All numbers, in the order in which they are to be believed.
    fn all_numbers(&self) -> impl Iterator<Item = u64> {
        let said = [Some(&self.description), self.suberror.as_ref(), Some(&self.error)].into_iter().flatten();
        self.numbers.iter().copied().chain(said.flat_map(|text| numbers_in(text)))
    }

    /// The reason, whichever form it is told in: numbers in a list or in a text, a subcode, or the `error` alone.
    ///
    /// The first number that is known decides, because an unknown one may precede it. What the app proved itself with
    /// decides between the reasons that the service has in common for all.
    pub(crate) fn code(&self, credential: Credential) -> ErrorCode {
        let is_common = |number: &u64| {
            *number == INVALID_CLIENT || (*number == INVALID_SIGNATURE && credential == Credential::Secret)
        };
        let (common, own): (Vec<u64>, Vec<u64>) = self.all_numbers().partition(is_common);
        if let Some(code) = own.into_iter().find_map(ErrorCode::from_aadsts) {
            return code;
        }
        match credential {
            _ if common.is_empty() => {}
            Credential::Secret => return ErrorCode::WrongSecret,
            Credential::Assertion => return ErrorCode::AssertionRefused,
            Credential::Nothing => return ErrorCode::SecretMissing,
            Credential::Unknown => {}
        }
        self.suberror.as_deref().and_then(code_of_suberror).unwrap_or_else(|| code_of_error(&self.error))
    }

    /// `AADSTS…`, or `AADB2C…` of a customer's own policies.
    fn first_code(&self) -> Option<String> {
        let number = self.all_numbers().next().map(|number| format!("AADSTS{number}"));
        number.or_else(|| digits_after(&self.description, "aadb2c").next().map(|digits| format!("AADB2C{digits}")))
    }

    /// The error of this refusal, with the service's own sentence.
    pub(crate) fn into_error(self, code: ErrorCode) -> Error {
        self.into_error_with(code, code.cause())
    }

    /// The error of this refusal, which more is known of than its code.
    pub(crate) fn into_error_with(self, code: ErrorCode, cause: &str) -> Error {
        let sentence = sentence(&self.description);
        let trace = self.trace_id.clone().or_else(|| id_in(&self.description, "Trace ID"));
        let correlation = self.correlation_id.clone().or_else(|| id_in(&self.description, "Correlation ID"));
        let service_code = self.first_code().unwrap_or_else(|| self.error.clone());
        Error::new(code)
            .with_message(cause)
            .quoting(without_code(sentence))
            .with_request_ids(trace, correlation)
            .with_service(service_code, sentence, Vec::new())
            .with_oauth(self.error, self.suberror)
    }
}

/// The code of the `error` in a response, without regard to its number.
fn code_of_error(error: &str) -> ErrorCode {
    match error {
        "interaction_required" | "login_required" => ErrorCode::InteractionRequired,
        "consent_required" => ErrorCode::NotConsented,
        "access_denied" | "authorization_declined" => ErrorCode::ConsentDeclined,
        "authorization_pending" | "slow_down" => ErrorCode::AuthorizationPending,
        "expired_token" => ErrorCode::CodeExpired,
        "bad_verification_code" => ErrorCode::WrongDeviceCode,
        "temporarily_unavailable" | "server_error" => ErrorCode::SignInBusy,
        "invalid_scope" | "invalid_resource" => ErrorCode::InvalidScope,
        "invalid_tenant" => ErrorCode::UnknownTenant,
        _ => ErrorCode::SignInRefused,
    }
}

/// The code of a `suberror`
/// ([MSAL](https://learn.microsoft.com/entra/msal/dotnet/advanced/exceptions/msal-error-handling#msaluirequiredexception)).
fn code_of_suberror(suberror: &str) -> Option<ErrorCode> {
    match suberror {
        "bad_token" | "token_expired" | "client_mismatch" => Some(ErrorCode::SignInExpired),
        "consent_required" => Some(ErrorCode::NotConsented),
        "basic_action" | "additional_action" | "message_only" | "user_password_expired" => {
            Some(ErrorCode::InteractionRequired)
        }
        _ => None,
    }
}

/// The numbers of `error_codes`: a list of numbers or of texts, or one by itself.
fn numbers(value: &Value) -> Vec<u64> {
    match value {
        Value::Array(list) => list.iter().flat_map(numbers).collect(),
        Value::String(text) => {
            text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
        }
        value => whole(value).and_then(|number| u64::try_from(number).ok()).into_iter().collect(),
    }
}

/// The numbers in a text, such as `AADSTS700016: …`.
pub(super) fn numbers_in(text: &str) -> impl Iterator<Item = u64> {
    digits_after(text, "aadsts").filter_map(|digits| digits.parse().ok())
}

/// The digits behind each `prefix` (in lower case) in a text, however it is written.
fn digits_after(text: &str, prefix: &'static str) -> impl Iterator<Item = String> {
    let text = text.to_ascii_lowercase();
    let starts: Vec<usize> = text.match_indices(prefix).map(|(start, _)| start + prefix.len()).collect();
    starts.into_iter().filter_map(move |start| {
        let digits = text[start..].trim_start_matches([' ', ':', '-', '_', '#']);
        let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    })
}

/// The message in a description, without the trace and correlation ids that follow it.
fn sentence(description: &str) -> &str {
    let line = description.trim_start().split(['\r', '\n']).next().unwrap_or_default();
    ["Trace ID:", "Correlation ID:"]
        .iter()
        .filter_map(|id| line.split(id).next())
        .min_by_key(|line| line.len())
        .unwrap_or(line)
        .trim()
}

/// A sentence without the code in front of it, which an error shows elsewhere.
fn without_code(sentence: &str) -> &str {
    let is_code = |text: &str| {
        text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("aad"))
            && text.ends_with(|c: char| c.is_ascii_digit())
    };
    match sentence.split_once(':') {
        Some((code, rest)) if code.len() < 20 && is_code(code.trim()) => rest.trim_start(),
        _ => sentence,
    }
}

/// An id in a description, by its label: `Trace ID` or `Correlation ID`.
fn id_in(description: &str, name: &str) -> Option<String> {
    let (_, rest) = description.split_once(&format!("{name}:"))?;
    let id = rest.trim_start().split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next()?;
    (!id.is_empty()).then(|| id.to_owned())
}
