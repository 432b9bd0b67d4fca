//! What the sign-in service refuses, in words a person can act on.
//!
//! Codes: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::Uuid;

use crate::error::{Error, ErrorKind};
use crate::exchange::{Answer, Judgement};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SignInErrorBody {
    error: String,
    error_description: String,
    error_codes: Vec<u64>,
    trace_id: Option<String>,
    correlation_id: Option<String>,
}

impl SignInErrorBody {
    fn of(answer: &Answer) -> Self {
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    fn code(&self) -> Option<u64> {
        self.error_codes.first().copied().or_else(|| {
            let digits = self.error_description.strip_prefix("AADSTS")?;
            digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        })
    }

    /// The first sentence; the trace and correlation ids that follow it are kept apart.
    fn sentence(&self) -> &str {
        self.error_description
            .split(['\r', '\n'])
            .next()
            .unwrap_or_default()
            .split(" Trace ID:")
            .next()
            .unwrap_or_default()
    }
}

/// Codes with which the service asks to come back later.
const TRANSIENT: [u64; 5] = [50196, 90055, 90033, 50087, 90024];

pub(super) fn judge(answer: &Answer) -> Judgement {
    let retry_after = answer.retry_after;
    match answer.status.as_u16() {
        200..=299 => Judgement::Final,
        429 => Judgement::Throttled { retry_after },
        500 | 502 | 503 | 504 => Judgement::Failed { retry_after },
        _ if SignInErrorBody::of(answer).code().is_some_and(|code| TRANSIENT.contains(&code)) => {
            Judgement::Failed { retry_after }
        }
        _ => Judgement::Final,
    }
}

pub(super) fn error(answer: &Answer, secret: &SecretString, correlation: &Uuid) -> Error {
    let body = SignInErrorBody::of(answer);
    let code = body.code();
    let (stable, cause, remedy) = reason(code, secret);
    let service_code = code.map_or_else(|| body.error.clone(), |code| format!("AADSTS{code}"));
    let error = Error::new(ErrorKind::SignIn, stable, cause)
        .with_status(answer.status)
        .with_attempts(answer.attempts)
        .with_request_ids(
            body.trace_id.clone(),
            Some(body.correlation_id.clone().unwrap_or_else(|| correlation.to_string())),
        )
        .with_remedy(remedy);
    let sentence = body.sentence().replace(secret.expose_secret(), "…");
    error.with_service(service_code, sentence, Vec::new())
}

/// A stable code, the cause and the remedy.
fn reason(code: Option<u64>, secret: &SecretString) -> (&'static str, &'static str, &'static str) {
    match code {
        Some(7_000_215 | 7_000_216) if Uuid::parse_str(secret.expose_secret()).is_ok() => (
            "secret_id_instead_of_value",
            "the client secret is wrong: it looks like the secret's ID",
            "That is the secret's ID, copy its Value: the column Value under Certificates & secrets, shown only once; if it is gone, make a new secret.",
        ),
        Some(7_000_215 | 7_000_216) => (
            "wrong_secret",
            "the client secret is wrong",
            "Copy the secret's Value (not its Secret ID) without blanks, from this very app; a secret made a moment ago may take a minute.",
        ),
        Some(7_000_222) => (
            "secret_expired",
            "the client secret has expired",
            "Make a new client secret for the app and use its Value.",
        ),
        Some(7_000_218) => (
            "secret_missing",
            "the sign-in service wants a client secret",
            "Give the app's client secret, or allow public client flows on the app.",
        ),
        Some(700_016 | 700_011) => (
            "app_not_in_tenant",
            "there is no app with this client id in the tenant",
            "Check that the client id is the Application (client) ID, not an object id, and that the tenant is the app's; an app made a moment ago may take a minute.",
        ),
        Some(7_000_229) => (
            "service_principal_missing",
            "the app has no service principal in the tenant",
            "Grant admin consent for the app in this tenant, which makes its service principal.",
        ),
        Some(90002 | 900_023) => (
            "tenant_unknown",
            "there is no such tenant in this cloud",
            "Check the tenant id or domain, and the cloud: worldwide, US Government or China.",
        ),
        Some(90038) => ("wrong_cloud", "the tenant is in another national cloud", "Choose the tenant's cloud."),
        Some(500_011) => (
            "api_not_in_tenant",
            "the tenant has no service principal for this API",
            "License or enable the service in the tenant, or leave its permissions out.",
        ),
        Some(7_000_112 | 70001) => {
            ("app_disabled", "the app is disabled in the tenant", "Enable it under Enterprise applications.")
        }
        Some(53003 | 530_034 | 53000 | 53001 | 53011 | 530_032) => (
            "conditional_access",
            "a Conditional Access policy blocks the sign-in",
            "The sign-in log names the policy; ask an administrator to except this app.",
        ),
        Some(70011 | 28002 | 700_022 | 1_002_012) => (
            "invalid_scope",
            "the scope is not one that the sign-in service takes here",
            "Ask for one resource at a time, as its address followed by /.default.",
        ),
        Some(code) if TRANSIENT.contains(&code) => {
            ("sign_in_busy", "the sign-in service asks to come back later", "Wait a minute and run it again.")
        }
        Some(9_001_023 | 90124 | 90130) => (
            "tenant_needed",
            "an app signs in to one tenant, not to all of them",
            "Give the tenant's id or domain instead of common, organizations or consumers.",
        ),
        None => (
            "no_sign_in_service",
            "no sign-in service answers at this address",
            "Check the authority's address (without a path), and that no proxy answers in its place.",
        ),
        _ => (
            "sign_in_refused",
            "the sign-in was refused",
            "Look the code up at https://login.microsoftonline.com/error.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    fn answer(body: &'static str) -> Answer {
        let body = Bytes::from_static(body.as_bytes());
        Answer {
            status: StatusCode::UNAUTHORIZED,
            headers: HeaderMap::new(),
            body,
            attempts: 1,
            retry_after: None,
            lagging: false,
        }
    }

    const WRONG: &str = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: t","error_codes":[7000215],"trace_id":"t","correlation_id":"c"}"#;

    #[test]
    fn a_guid_as_secret_is_told_to_be_its_id() {
        let guid = SecretString::from("3f2b0a4e-6f7d-4a94-8f0e-7b2f4a5a9a10");
        let error = super::error(&answer(WRONG), &guid, &Uuid::nil());
        assert_eq!(error.code(), "secret_id_instead_of_value");
        assert!(error.to_string().contains("copy its Value"), "{error}");
        assert_eq!((error.request_id(), error.client_request_id()), (Some("t"), Some("c")));
        assert_eq!(super::error(&answer(WRONG), &SecretString::from("x~y"), &Uuid::nil()).code(), "wrong_secret");
    }

    #[test]
    fn the_code_is_read_from_the_description_too() {
        let error = super::error(
            &answer(r#"{"error":"invalid_client","error_description":"AADSTS7000222: expired"}"#),
            &SecretString::from("x"),
            &Uuid::nil(),
        );
        assert_eq!((error.code(), error.service_code()), ("secret_expired", Some("AADSTS7000222")));
    }

    #[test]
    fn an_answer_of_another_kind_is_still_an_error() {
        let error = super::error(&answer("<html>"), &SecretString::from("x"), &Uuid::nil());
        assert_eq!(error.code(), "no_sign_in_service");
    }
}
