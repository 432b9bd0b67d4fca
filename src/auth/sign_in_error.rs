//! Errors of the sign-in service: the `error` of its response decides, the AADSTS number explains.
//!
//! The format of such a response: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow>.

use secrecy::ExposeSecret;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::auth::challenge;
use crate::auth::form::Form;
use crate::error::{Error, ErrorCode};
use crate::retry::{Outcome, Response};

/// What a refusal says. Each member is read by itself: an odd one does not hide the others.
struct SignInErrorBody {
    error: String,
    suberror: Option<String>,
    error_description: String,
    error_codes: Vec<u64>,
    trace_id: Option<String>,
    correlation_id: Option<String>,
    claims: Option<String>,
}

impl SignInErrorBody {
    fn read(response: &Response) -> Self {
        let body = response.json();
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Self {
            error: text("error").unwrap_or_default(),
            suberror: text("suberror"),
            error_description: text("error_description").unwrap_or_default(),
            error_codes: body["error_codes"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect(),
            trace_id: text("trace_id"),
            correlation_id: text("correlation_id"),
            claims: text("claims"),
        }
    }

    fn number(&self) -> Option<u64> {
        self.error_codes.first().copied().or_else(|| number_in(&self.error_description))
    }

    /// The first known code: an unknown number may precede a known one.
    fn code(&self) -> ErrorCode {
        let numbers = self.error_codes.iter().copied().chain(number_in(&self.error_description));
        numbers.into_iter().find_map(ErrorCode::from_aadsts).unwrap_or_else(|| code_of_error(&self.error))
    }
}

/// The code of the `error` in a response, without regard to its number.
pub(crate) fn code_of_error(error: &str) -> ErrorCode {
    match error {
        "interaction_required" | "login_required" => ErrorCode::InteractionRequired,
        "consent_required" => ErrorCode::NotConsented,
        "access_denied" | "authorization_declined" => ErrorCode::ConsentDeclined,
        "authorization_pending" | "slow_down" => ErrorCode::AuthorizationPending,
        "expired_token" => ErrorCode::CodeExpired,
        "bad_verification_code" => ErrorCode::WrongDeviceCode,
        "temporarily_unavailable" | "server_error" => ErrorCode::SignInBusy,
        "invalid_scope" | "invalid_resource" => ErrorCode::InvalidScope,
        _ => ErrorCode::SignInRefused,
    }
}

/// The number at the start of a description: `AADSTS700016: …`.
pub(crate) fn number_in(description: &str) -> Option<u64> {
    let digits = description.trim_start().strip_prefix("AADSTS")?;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The message in a description, without the trace and correlation ids that follow it.
pub(crate) fn sentence(description: &str) -> &str {
    let line = description.split(['\r', '\n']).next().unwrap_or_default();
    line.split(" Trace ID:").next().unwrap_or_default()
}

/// An id in a description, by its label: `Trace ID` or `Correlation ID`.
pub(crate) fn id_in(description: &str, name: &str) -> Option<String> {
    let (_, rest) = description.split_once(&format!("{name}:"))?;
    let id = rest.trim_start().split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next()?;
    (!id.is_empty()).then(|| id.to_owned())
}

/// Decides whether a response is final, or worth a retry.
pub(super) fn classify(response: &Response) -> Outcome {
    let retry_after = response.retry_after;
    match response.status.as_u16() {
        200..=299 => Outcome::Final,
        429 => Outcome::Throttled { retry_after },
        500 | 502 | 503 | 504 => Outcome::Failed { retry_after },
        _ if SignInErrorBody::read(response).code() == ErrorCode::SignInBusy => Outcome::Failed { retry_after },
        _ => Outcome::Final,
    }
}

/// The error for a response without success. `now` is this machine's time.
pub(super) fn error(response: &Response, form: &Form, correlation: &Uuid, now: OffsetDateTime) -> Error {
    let body = SignInErrorBody::read(response);
    let number = body.number();
    let is_id = || form.client_secret().is_some_and(|secret| Uuid::parse_str(secret.expose_secret()).is_ok());
    let code = match body.code() {
        _ if body.error.is_empty() && number.is_none() => ErrorCode::NotASignInService,
        ErrorCode::WrongSecret if is_id() => ErrorCode::SecretIdInsteadOfValue,
        code => code,
    };
    let error = match clock_skew(response, now) {
        Some(skew) if code == ErrorCode::AssertionOutOfTime => {
            Error::new(code).with_message(format!("{}: this machine's clock is {skew}", code.cause()))
        }
        _ => Error::new(code),
    };
    let service_code = number.map_or_else(|| body.error.clone(), |number| format!("AADSTS{number}"));
    let description = &body.error_description;
    let trace = body.trace_id.clone().or_else(|| id_in(description, "Trace ID"));
    let trace = trace.or_else(|| response.header("x-ms-request-id").map(str::to_owned));
    let correlated = body.correlation_id.clone().or_else(|| id_in(description, "Correlation ID"));
    let mut sentence = sentence(description).to_owned();
    for secret in form.secrets().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty()) {
        sentence = sentence.replace(secret, "…");
    }
    error
        .with_status(response.status)
        .with_attempts(response.attempts)
        .with_retry_after(response.retry_after)
        .with_request_ids(trace, Some(correlated.unwrap_or_else(|| correlation.to_string())))
        .with_service(service_code, sentence, Vec::new())
        .with_oauth(body.error, body.suberror)
        .with_claims(body.claims.as_deref().and_then(challenge::json_object))
}

/// The error for a redirect with an `error` in its query.
#[cfg(feature = "browser")]
pub(super) fn redirect_error(oauth: String, description: &str) -> Error {
    let number = number_in(description);
    let code = number.and_then(ErrorCode::from_aadsts).unwrap_or_else(|| code_of_error(&oauth));
    let service_code = number.map_or_else(|| oauth.clone(), |number| format!("AADSTS{number}"));
    Error::new(code)
        .with_request_ids(id_in(description, "Trace ID"), id_in(description, "Correlation ID"))
        .with_service(service_code, sentence(description), Vec::new())
        .with_oauth(oauth, None)
}

/// The difference between this machine's clock and the service's, in words.
fn clock_skew(response: &Response, now: OffsetDateTime) -> Option<String> {
    let service_time =
        OffsetDateTime::parse(response.header("date")?, &time::format_description::well_known::Rfc2822).ok()?;
    let seconds = (now - service_time).whole_seconds();
    let direction = if seconds < 0 { "behind" } else { "ahead" };
    Some(format!("{} seconds {direction}", seconds.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use secrecy::SecretString;
    use time::macros::datetime;

    fn response(body: &str) -> Response {
        let body = Bytes::from(body.to_owned());
        Response::new(StatusCode::UNAUTHORIZED, HeaderMap::new(), body, 1, OffsetDateTime::UNIX_EPOCH)
    }

    fn refused(response: &Response, secret: &SecretString, correlation: &Uuid) -> Error {
        let form = Form::new().with_secret("client_secret", secret);
        super::error(response, &form, correlation, datetime!(2026-06-01 09:00 UTC))
    }

    const WRONG: &str = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: t","error_codes":[7000215],"trace_id":"t","correlation_id":"c"}"#;

    #[test]
    fn a_guid_as_secret_is_reported_as_its_id() {
        let guid = SecretString::from("3f2b0a4e-6f7d-4a94-8f0e-7b2f4a5a9a10");
        let error = refused(&response(WRONG), &guid, &Uuid::nil());
        assert_eq!(error.code().as_str(), "secret_id_instead_of_value");
        assert!(error.to_string().contains("copy its Value"), "{error}");
        assert_eq!((error.request_id(), error.client_request_id()), (Some("t"), Some("c")));
        assert_eq!(refused(&response(WRONG), &SecretString::from("x~y"), &Uuid::nil()).code().as_str(), "wrong_secret");
    }

    #[test]
    fn the_code_is_read_from_the_description_too() {
        let error = refused(
            &response(r#"{"error":"invalid_client","error_description":"AADSTS7000222: expired"}"#),
            &SecretString::from("x"),
            &Uuid::nil(),
        );
        assert_eq!((error.code().as_str(), error.service_code()), ("secret_expired", Some("AADSTS7000222")));
    }

    #[test]
    fn an_odd_member_does_not_hide_the_others() {
        let body = r#"{"error":"invalid_client","error_codes":["7",null,7000222],"suberror":7,"trace_id":{},"claims":[],
            "correlation_id":"c"}"#;
        let error = refused(&response(body), &SecretString::from("x"), &Uuid::nil());
        assert_eq!((error.code().as_str(), error.oauth_error()), ("secret_expired", Some("invalid_client")));
        assert_eq!((error.suberror(), error.request_id(), error.client_request_id()), (None, None, Some("c")));
        for odd in ["[]", "7", r#""text""#, "null"] {
            assert_eq!(
                refused(&response(odd), &SecretString::from("x"), &Uuid::nil()).code().as_str(),
                "not_a_sign_in_service"
            );
        }
    }

    #[test]
    fn a_response_in_another_format_is_still_an_error() {
        let error = refused(&response("<html>"), &SecretString::from("x"), &Uuid::nil());
        assert_eq!(error.code().as_str(), "not_a_sign_in_service");
    }

    /// Every known number with its code: neither may change.
    const NUMBERS: &[(&str, &[u64])] = &[
        ("redirect_uri_not_registered", &[50011]),
        ("no_redirect_uri", &[900_971, 500_113]),
        ("app_not_in_tenant", &[700_016, 700_011]),
        ("service_principal_missing", &[7_000_229]),
        ("service_principal_being_made", &[650_051]),
        ("resource_not_in_tenant", &[500_011, 650_052]),
        ("api_disabled", &[500_014]),
        ("api_removed", &[650_054]),
        ("api_not_declared", &[650_057]),
        ("permissions_not_declared", &[650_056, 65005]),
        ("malformed_declaration", &[1_003_031]),
        ("not_consented", &[65001]),
        ("not_preauthorized", &[65002]),
        ("consent_declined", &[65004]),
        ("admin_consent_needed", &[90094, 90095]),
        ("app_considered_risky", &[900_941]),
        ("consent_not_allowed", &[90093]),
        ("partner_not_authorized", &[90099]),
        ("account_not_in_tenant", &[90072, 50020, 50034, 16000, 51004]),
        ("wrong_secret", &[7_000_215]),
        ("secret_expired", &[7_000_222]),
        ("secret_missing", &[7_000_218, 7_000_216]),
        ("credential_of_public_client", &[700_025]),
        ("certificate_unknown", &[700_027]),
        ("assertion_out_of_time", &[700_024]),
        ("assertion_refused", &[700_030, 50012, 50013, 50048, 50027, 700_021, 700_023]),
        ("app_token_needed", &[700_229]),
        ("no_matching_federated_credential", &[70021, 70025, 700_211, 700_212, 700_213, 7_002_138]),
        ("unknown_tenant", &[90002, 900_023]),
        ("wrong_cloud", &[90038, 900_382]),
        ("tenant_blocked", &[5_000_224]),
        ("tenant_needed", &[9_001_023, 90124, 90130]),
        ("single_tenant_app", &[50194]),
        ("mfa_required", &[50076, 50079, 50072, 50074, 50078, 50158]),
        ("blocked_by_conditional_access", &[53003, 530_034, 53000, 53001, 53011, 530_032, 530_036]),
        ("user_not_assigned", &[50105]),
        ("app_not_assigned", &[501_051]),
        ("account_disabled", &[50057]),
        ("app_disabled", &[7_000_112, 70001]),
        ("blocked_by_cross_tenant_policy", &[500_212, 500_213]),
        ("sign_in_expired", &[700_082, 70008, 70043, 50173, 50133, 700_084]),
        ("wrong_password", &[50126]),
        ("invalid_scope", &[70011, 28000, 28002, 28003, 650_053, 700_022, 1_002_012]),
        ("authorization_pending", &[70016]),
        ("code_expired", &[70019, 70020]),
        ("wrong_device_code", &[70018]),
        ("code_redeemed", &[54005]),
        ("wrong_code_verifier", &[501_481]),
        ("code_of_another_tenant", &[700_005]),
        ("sign_in_busy", &[50196, 90055, 90033, 50087, 90024]),
    ];

    #[test]
    fn every_number_has_its_code_its_cause_and_its_remedy() {
        let known: usize = ErrorCode::ALL.iter().map(|code| code.aadsts_numbers().len()).sum();
        assert_eq!(known, NUMBERS.iter().map(|(_, numbers)| numbers.len()).sum::<usize>());
        for (code, numbers) in NUMBERS {
            for number in *numbers {
                let forms = [
                    format!(r#"{{"error":"invalid_grant","error_codes":[{number}],"trace_id":"t"}}"#),
                    format!(
                        r#"{{"error":"x","error_description":"AADSTS{number}: A. B.\r\nTrace ID: t\r\nCorrelation ID: c\r\nTimestamp: 2026-01-01 00:00:00Z"}}"#
                    ),
                ];
                for form in forms {
                    let error = refused(&response(&form), &SecretString::from("x~y"), &Uuid::nil());
                    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::SignIn, *code), "{form}");
                    assert_eq!(error.service_code(), Some(format!("AADSTS{number}").as_str()));
                    assert_eq!(error.request_id(), Some("t"), "{form}");
                    assert_eq!((error.message(), error.remedy()), (error.code().cause(), error.code().remedy()));
                    let is_busy = matches!(classify(&response(&form)), Outcome::Failed { .. });
                    assert_eq!(is_busy, *code == "sign_in_busy", "{form}");
                }
            }
        }
    }

    #[test]
    fn the_error_decides_and_the_number_explains() {
        for (body, code, oauth) in [
            (r#"{"error":"interaction_required","error_codes":[50076]}"#, "mfa_required", "interaction_required"),
            (r#"{"error":"interaction_required","error_codes":[7]}"#, "interaction_required", "interaction_required"),
            (r#"{"error":"consent_required"}"#, "not_consented", "consent_required"),
            (r#"{"error":"authorization_declined","error_codes":[7]}"#, "consent_declined", "authorization_declined"),
            (r#"{"error":"expired_token"}"#, "code_expired", "expired_token"),
            (r#"{"error":"temporarily_unavailable"}"#, "sign_in_busy", "temporarily_unavailable"),
            (r#"{"error":"invalid_grant","error_codes":[7]}"#, "sign_in_refused", "invalid_grant"),
            (r#"{"error":"invalid_grant","error_codes":[7, 53003]}"#, "blocked_by_conditional_access", "invalid_grant"),
        ] {
            let error = refused(&response(body), &SecretString::from("x"), &Uuid::nil());
            assert_eq!((error.code().as_str(), error.oauth_error()), (code, Some(oauth)), "{body}");
            assert_eq!(error.client_request_id(), Some("00000000-0000-0000-0000-000000000000"));
        }
    }

    #[test]
    fn a_claims_challenge_and_a_suberror_are_kept() {
        let body = r#"{"error":"interaction_required","suberror":"basic_action","error_codes":[50076],"claims":"{\"access_token\":{\"polids\":{\"essential\":true}}}"}"#;
        let error = refused(&response(body), &SecretString::from("x"), &Uuid::nil());
        assert_eq!(error.claims(), Some(r#"{"access_token":{"polids":{"essential":true}}}"#));
        assert_eq!(error.suberror(), Some("basic_action"));
        let junk = r#"{"error":"interaction_required","claims":"junk"}"#;
        assert_eq!(refused(&response(junk), &SecretString::from("x"), &Uuid::nil()).claims(), None);
    }

    #[test]
    fn a_wrong_clock_is_named_with_its_error() {
        let mut skewed = response(r#"{"error":"invalid_client","error_codes":[700024]}"#);
        skewed.headers.insert("date", http::HeaderValue::from_static("Mon, 01 Jun 2026 08:30:00 GMT"));
        let error = refused(&skewed, &SecretString::from("x"), &Uuid::nil());
        assert!(error.message().ends_with("1800 seconds ahead"), "{error}");
    }
}
