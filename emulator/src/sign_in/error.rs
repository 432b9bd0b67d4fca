//! Errors of the sign-in service.
//!
//! <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::response::json_response;
use crate::data::json::timestamp;
use crate::graph::response::Correlation;

/// An error of the sign-in service, boxed because it is large and part of every `Result`.
#[derive(Clone, Debug)]
pub(crate) struct SignInError(Box<SignInErrorInner>);

#[derive(Clone, Debug)]
struct SignInErrorInner {
    status: StatusCode,
    error: &'static str,
    /// The number after `AADSTS`; `None` for an error that is not Entra's own.
    code: Option<u32>,
    message: String,
    suberror: Option<&'static str>,
    /// The claims challenge, which the client sends back in the parameter `claims`.
    claims: Option<String>,
}

/// The result of a part of a sign-in.
pub(super) type SignInResult<T> = Result<T, SignInError>;

impl SignInError {
    /// An error with the status 400.
    pub(super) fn new(error: &'static str, code: u32, message: impl Into<String>) -> Self {
        Self(Box::new(SignInErrorInner {
            status: StatusCode::BAD_REQUEST,
            error,
            code: Some(code),
            message: message.into(),
            suberror: None,
            claims: None,
        }))
    }

    /// An error of client authentication, with the status 401.
    pub(super) fn invalid_client(code: u32, message: impl Into<String>) -> Self {
        Self::new("invalid_client", code, message).status(StatusCode::UNAUTHORIZED)
    }

    pub(super) fn invalid_request(code: u32, message: impl Into<String>) -> Self {
        Self::new("invalid_request", code, message)
    }

    pub(super) fn invalid_grant(code: u32, message: impl Into<String>) -> Self {
        Self::new("invalid_grant", code, message)
    }

    /// The error for what Entra may support and this tenant does not.
    pub(super) fn not_implemented(error: &'static str, what: &str) -> Self {
        let message = format!("The in-memory tenant does not know {what}.");
        let mut refused = Self::new(error, 0, message).status(StatusCode::NOT_IMPLEMENTED);
        refused.0.code = None;
        refused
    }

    #[must_use]
    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    #[must_use]
    pub(super) fn suberror(mut self, suberror: &'static str) -> Self {
        self.0.suberror = Some(suberror);
        self
    }

    /// Replaces the `error` name.
    #[must_use]
    pub(super) fn with_error(mut self, error: &'static str) -> Self {
        self.0.error = error;
        self
    }

    pub(super) fn error_name(&self) -> &'static str {
        self.0.error
    }

    pub(super) fn code(&self) -> Option<u32> {
        self.0.code
    }

    /// The error of a silent request, which may not ask the user.
    pub(super) fn for_silent_request(self) -> Self {
        match self.0.suberror {
            Some("consent_required") => self.with_error("consent_required"),
            _ if self.0.error == "invalid_grant" => self.with_error("interaction_required"),
            _ => self,
        }
    }

    /// The error of a page in the form of the token endpoint.
    pub(super) fn for_token_endpoint(self) -> Self {
        match self.0.error {
            "access_denied" => self.with_error("invalid_grant").suberror("consent_required"),
            _ => self,
        }
    }

    /// An error that a fault injects, with the fields that belong to its code.
    pub(crate) fn injected(status: StatusCode, code: &str, message: &str) -> Self {
        let number: u32 = code.trim_start_matches("AADSTS").parse().unwrap_or(90033);
        let (error, suberror) = error_of_code(number).unwrap_or(match status.as_u16() {
            401 => ("invalid_client", None),
            400..=428 => ("invalid_request", None),
            _ => ("temporarily_unavailable", None),
        });
        let mut injected = Self::new(error, number, message).status(status);
        injected.0.suberror = suberror;
        if error == "interaction_required" {
            injected.0.claims = Some(claims_challenge(number));
        }
        injected
    }

    /// The `error_description`: code and message, then ids and time on separate lines.
    pub(super) fn description(&self, correlation: &Correlation) -> String {
        let Correlation { request_id: trace, client_request_id, wall } = correlation;
        let code = self.0.code.map(|code| format!("AADSTS{code}: ")).unwrap_or_default();
        let at = timestamp::sign_in(*wall);
        format!("{code}{} Trace ID: {trace} Correlation ID: {client_request_id} Timestamp: {at}", self.0.message)
            .replace(" Trace ID:", "\r\nTrace ID:")
            .replace(" Correlation ID:", "\r\nCorrelation ID:")
            .replace(" Timestamp:", "\r\nTimestamp:")
    }

    /// The URL of the documentation of the code.
    pub(super) fn uri(&self, authority: &str) -> Option<String> {
        self.0.code.map(|code| format!("{authority}/error?code={code}"))
    }

    pub(super) fn message(&self) -> String {
        match self.0.code {
            Some(code) => format!("AADSTS{code}: {}", self.0.message),
            None => self.0.message.clone(),
        }
    }

    /// The status of the error page.
    pub(super) fn page_status(&self) -> StatusCode {
        match self.0.status {
            StatusCode::UNAUTHORIZED => StatusCode::BAD_REQUEST,
            status => status,
        }
    }

    /// The JSON response.
    pub(crate) fn into_response(self, correlation: &Correlation, authority: &str) -> Response<Bytes> {
        let mut body = Map::new();
        body.insert("error".into(), self.0.error.into());
        body.insert("error_description".into(), self.description(correlation).into());
        body.insert("error_codes".into(), self.0.code.into_iter().collect());
        body.insert("timestamp".into(), timestamp::sign_in(correlation.wall).into());
        body.insert("trace_id".into(), correlation.request_id.as_str().into());
        body.insert("correlation_id".into(), correlation.client_request_id.as_str().into());
        if let Some(uri) = self.uri(authority) {
            body.insert("error_uri".into(), uri.into());
        }
        if let Some(suberror) = self.0.suberror {
            body.insert("suberror".into(), suberror.into());
        }
        if let Some(claims) = self.0.claims {
            body.insert("claims".into(), claims.into());
        }
        json_response(self.0.status, &Value::from(body))
    }
}

/// The `error` and `suberror` that belong to a code.
fn error_of_code(code: u32) -> Option<(&'static str, Option<&'static str>)> {
    let kind = match code {
        7_000_215
        | 7_000_216
        | 7_000_218
        | 7_000_222
        | 700_021
        | 700_023
        | 700_024
        | 700_025
        | 700_027
        | 50012
        | 50048
        | 70025
        | 650_052..=650_054
        | 700_211..=700_213
        | 7_002_138 => ("invalid_client", None),
        700_016 | 7_000_229 | 7_000_112 | 70001 | 700_011 => ("unauthorized_client", None),
        90002 | 900_023 | 90038 | 50194 | 9_001_023 | 90124 | 90130 | 65002 | 900_144 => ("invalid_request", None),
        65001 | 650_051 => ("invalid_grant", Some("consent_required")),
        50173 | 50133 | 700_082 | 70008 | 70043 | 700_084 => ("invalid_grant", Some("bad_token")),
        700_005 | 501_051 | 501_481 | 54005 | 50020 | 50034 | 50057 | 50105 | 50126 | 90072 | 90099 | 500_212
        | 500_213 | 5_000_224 => ("invalid_grant", None),
        53003 | 53011 | 530_003 | 530_032 | 530_034 => ("interaction_required", Some("message_only")),
        50072 | 50074 | 50076 | 50078 | 50079 | 50158 => ("interaction_required", Some("basic_action")),
        53000 | 53001 => ("interaction_required", Some("additional_action")),
        70011 | 28002 | 28003 | 700_022 | 1_002_012 => ("invalid_scope", None),
        500_011 | 500_014 | 650_057 => ("invalid_resource", None),
        70016 => ("authorization_pending", None),
        70017 => ("authorization_declined", None),
        70018 => ("bad_verification_code", None),
        70019 | 70020 => ("expired_token", None),
        50196 | 90055 | 90033 | 50087 | 90024 => ("temporarily_unavailable", None),
        _ => return None,
    };
    Some(kind)
}

/// The claims challenge of a Conditional Access policy, which the client passes on to an interactive sign-in.
/// <https://learn.microsoft.com/entra/identity-platform/v2-conditional-access-dev-guide>
fn claims_challenge(code: u32) -> String {
    let policy = Uuid::from_u128(u128::from(code));
    format!(r#"{{"access_token":{{"capolids":{{"essential":true,"values":["{policy}"]}}}}}}"#)
}
