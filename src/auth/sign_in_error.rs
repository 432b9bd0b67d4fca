//! Errors of the sign-in service, and of what responds in its place.

use http::StatusCode;
use secrecy::ExposeSecret;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::auth::challenge;
use crate::auth::form::Form;
use crate::auth::number::token;
use crate::auth::refusal::Refusal;
use crate::error::{Error, ErrorCode};
use crate::retry::{self, Outcome, Response, without};

const SERVICE: &str = "the sign-in service";

/// Decides whether a response is final, or worth a retry. A success that cannot be read was cut, or is not the service's.
pub(super) fn classify(response: &Response) -> Outcome {
    let retry_after = response.retry_after;
    match response.status.as_u16() {
        200..=299 if response.json().is_object() => Outcome::Final,
        429 => Outcome::Throttled { retry_after },
        200..=299 | 500 | 502 | 503 | 504 => Outcome::Failed { retry_after },
        _ => match refusal(response, &Form::new()) {
            Some((_, ErrorCode::SignInBusy)) => Outcome::Failed { retry_after },
            _ => Outcome::Final,
        },
    }
}

/// Whether the service wants to be asked less often.
pub(super) fn is_busy(response: &Response) -> bool {
    response.status == StatusCode::TOO_MANY_REQUESTS
        || matches!(refusal(response, &Form::new()), Some((_, ErrorCode::SignInBusy)))
}

/// What the service refuses in a response, where it does, with the code of the reason.
fn refusal(response: &Response, form: &Form) -> Option<(Refusal, ErrorCode)> {
    let refusal = Some(Refusal::read(response.json())).filter(Refusal::is_the_services)?;
    let is_id = || form.client_secret().is_some_and(|secret| Uuid::parse_str(secret.expose_secret()).is_ok());
    let code = match refusal.code(form.credential()) {
        ErrorCode::WrongSecret if is_id() => ErrorCode::SecretIdInsteadOfValue,
        code => code,
    };
    Some((refusal, code))
}

/// Whether a success holds an error all the same, and nothing else.
pub(super) fn is_refusal(response: &Response) -> bool {
    let body = response.json();
    token(&body["access_token"]).is_none() && Refusal::read(body).is_the_services()
}

/// The error for a response without success, and for a success that holds an error all the same. `now` is this machine's
/// time.
pub(super) fn error(response: &Response, form: &Form, correlation: &Uuid, now: OffsetDateTime) -> Error {
    let response = form.secrets().fold(response.clone(), Response::redacted);
    let Some((refusal, code)) = refusal(&response, form) else {
        return by_proxy(&response, form).with_request_ids(None, Some(correlation.to_string()));
    };
    let claims = refusal.claims.as_deref().and_then(challenge::json_object);
    let refusal = refusal.without(form.secrets());
    let error = match clock_skew(&response, now) {
        Some(skew) if code == ErrorCode::AssertionOutOfTime => {
            refusal.into_error_with(code, &format!("{}: this machine's clock is {skew}", code.cause()))
        }
        _ => refusal.into_error(code),
    };
    let header = response.header("x-ms-request-id").map(str::to_owned);
    let trace = error.request_id().map(str::to_owned).or(header);
    let correlated = error.client_request_id().map_or_else(|| correlation.to_string(), str::to_owned);
    error
        .with_status(response.status)
        .with_attempts(response.attempts)
        .with_retry_after(response.retry_after)
        .with_request_ids(trace, Some(correlated))
        .with_claims(claims)
}

fn by_proxy(response: &Response, form: &Form) -> Error {
    response.by_proxy(SERVICE, |words| without(words, form.secrets()))
}

/// The error for a success that cannot be read: `lacks` is what it does not hold.
pub(super) fn unreadable(response: &Response, form: &Form, code: ErrorCode, lacks: &str) -> Error {
    match response.is_foreign() || is_gateways(response) {
        true => by_proxy(response, form),
        false => Error::new(code)
            .with_message(format!("the sign-in service's response holds no {lacks}"))
            .with_status(response.status)
            .with_attempts(response.attempts)
            .with_request_ids(response.header("x-ms-request-id").map(str::to_owned), None),
    }
}

/// Whether a success is JSON of which no member is of the sign-in service.
fn is_gateways(response: &Response) -> bool {
    let own = [
        "token_type",
        "expires_in",
        "scope",
        "access_token",
        "refresh_token",
        "id_token",
        "device_code",
        "user_code",
        "verification_uri",
        "issuer",
    ];
    let members = response.json().as_object();
    members.is_some_and(|members| !members.is_empty() && !own.iter().any(|name| members.contains_key(*name)))
}

/// The difference between this machine's clock and the service's, in words.
fn clock_skew(response: &Response, now: OffsetDateTime) -> Option<String> {
    let seconds = retry::clock_skew(&response.headers, now)?.whole_seconds();
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
        for odd in ["[]", "7", r#""text""#, "null", "{}", r#"{"error":"Bad Gateway"}"#, r#"{"error":401}"#] {
            assert_eq!(
                refused(&response(odd), &SecretString::from("x"), &Uuid::nil()).code().as_str(),
                "answered_by_proxy"
            );
        }
    }

    #[test]
    fn a_response_in_another_format_is_still_an_error() {
        let error = refused(&response("<html>"), &SecretString::from("x"), &Uuid::nil());
        assert_eq!(error.code().as_str(), "answered_by_proxy");
    }

    /// Every known number with its code: neither may change.
    const NUMBERS: &[(&str, &[u64])] = &[
        ("redirect_uri_not_registered", &[50011]),
        ("broker_redirect_uri_missing", &[700_046]),
        ("permission_not_published", &[65006]),
        ("malformed_sign_in_request", &[9_002_313, 900_144, 90014]),
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
        ("tenant_needed", &[9_001_023, 90124, 90130, 50059]),
        ("single_tenant_app", &[50194]),
        ("mfa_required", &[50076, 50079, 50072, 50074, 50078, 50158]),
        ("blocked_by_conditional_access", &[53003, 530_003, 530_034, 53000, 53001, 53011, 530_032, 530_036]),
        ("user_not_assigned", &[50105]),
        ("app_not_assigned", &[501_051]),
        ("account_disabled", &[50057]),
        ("app_disabled", &[7_000_112, 70001]),
        ("blocked_by_cross_tenant_policy", &[500_212, 500_213]),
        ("sign_in_expired", &[700_082, 70008, 70000, 70043, 50173, 50133, 700_084]),
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
                    format!(r#"{{"error":"invalid_grant","error_codes":["{number}"],"trace_id":"t"}}"#),
                    format!(r#"{{"error":null,"error_codes":{number},"error_description":null,"trace_id":"t"}}"#),
                    format!(r#"{{"error":"invalid_grant","error_codes":["AADSTS{number}"],"trace_id":"t"}}"#),
                    format!(r#"{{"error":"invalid_grant","error_codes":{number}.0,"trace_id":"t"}}"#),
                    format!(r#"{{"error_description":"AADSTS{number}: A. B.\r\nTrace ID: t","error_codes":null}}"#),
                    format!(
                        r#"{{"error":"x","error_description":"\r\n aadsts {number}: A. B. Trace ID: t Correlation ID: c"}}"#
                    ),
                    format!(
                        r#"{{"error":"x","error_description":{{"lang":"en","value":"AADSTS{number}: A. B."}},"trace_id":"t"}}"#
                    ),
                    format!(r#"{{"error":"x","error_description":"It failed (AADSTS{number})","trace_id":"t"}}"#),
                    format!(r#"{{"error":"x","suberror":"AADSTS{number}","trace_id":"t"}}"#),
                    format!(
                        r#"{{"error":{{"code":"AADSTS{number}","message":"AADSTS{number}: A. B.\nTrace ID: t"}}}}"#
                    ),
                    format!(
                        r#"{{"error":"x","error_description":"AADSTS{number}: A. B.\r\nTrace ID: t\r\nCorrelation ID: c\r\nTimestamp: 2026-01-01 00:00:00Z"}}"#
                    ),
                ];
                for form in forms {
                    let error =
                        super::error(&response(&form), &Form::new(), &Uuid::nil(), datetime!(2026-06-01 09:00 UTC));
                    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::SignIn, *code), "{form}");
                    assert_eq!(error.service_code(), Some(format!("AADSTS{number}").as_str()));
                    assert_eq!(error.request_id(), Some("t"), "{form}");
                    assert_eq!(error.remedy(), error.code().remedy());
                    let said = error.message().strip_prefix(error.code().cause()).expect("the cause comes first");
                    assert!(
                        ["", ": “A. B”", &format!(": “It failed (AADSTS{number})”")].contains(&said),
                        "{form}: {error}"
                    );
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
    fn the_services_own_sentence_is_shown_whatever_the_number() {
        for (body, code, shown) in [
            (
                r#"{"error":"invalid_grant","error_description":"AADSTS99999: Something new. Trace ID: t Correlation ID: c"}"#,
                "sign_in_refused",
                "the sign-in was refused: “Something new” (status 401, AADSTS99999, request id t). ",
            ),
            (
                r#"{"error":"invalid_request","error_description":"AADSTS900144: The request body must contain the following parameter: 'scope'.\r\nTrace ID: t","error_codes":[900144]}"#,
                "malformed_sign_in_request",
                "lacks a part of it: “The request body must contain the following parameter: 'scope'” (status",
            ),
            (
                r#"{"error":"access_denied","error_description":"AADB2C90090: Not that.\nTrace ID: t"}"#,
                "consent_declined",
                ": “Not that” (status 401, AADB2C90090, request id t)",
            ),
            (
                r#"{"error":{"code":"x","message":"AADSTS7: \u001b[2JNo.\nmore"}}"#,
                "sign_in_refused",
                ": “ [2JNo” (status",
            ),
            (
                r#"{"error":"invalid_grant","error_description":["First.","Second."]}"#,
                "sign_in_refused",
                ": “First.; Second” (status",
            ),
            (r#"{"error_description":"No more is said"}"#, "sign_in_refused", ": “No more is said” (status"),
        ] {
            let error = refused(&response(body), &SecretString::from("x"), &Uuid::nil());
            assert_eq!(error.code().as_str(), code, "{error}");
            assert!(error.to_string().contains(shown), "{error}");
        }
        let endless = format!(r#"{{"error":"invalid_grant","error_description":"{}"}}"#, "word ".repeat(9_999));
        let error = refused(&response(&endless), &SecretString::from("x"), &Uuid::nil());
        assert!(error.message().chars().count() < 500, "{error}");
    }

    #[test]
    fn what_was_sent_decides_between_the_reasons() {
        let sent = |field: Option<&'static str>| match field {
            Some(field) => Form::new().with_secret(field, &SecretString::from("x~y")),
            None => Form::new(),
        };
        for (numbers, field, code) in [
            ("70002,50012", Some("client_secret"), "wrong_secret"),
            ("70002,50012", Some("client_assertion"), "assertion_refused"),
            ("70002,50012", None, "assertion_refused"),
            ("50012", Some("client_secret"), "wrong_secret"),
            ("50012", Some("client_assertion"), "assertion_refused"),
            ("70002", Some("client_secret"), "wrong_secret"),
            ("70002", Some("client_assertion"), "assertion_refused"),
            ("70002", None, "secret_missing"),
            ("70002,7000222", Some("client_secret"), "secret_expired"),
            ("70002,50012,7000222", Some("client_secret"), "secret_expired"),
            ("70002,700024", Some("client_assertion"), "assertion_out_of_time"),
            ("70002,700016", Some("client_secret"), "app_not_in_tenant"),
        ] {
            let words: Vec<String> = numbers.split(',').map(|number| format!("AADSTS{number}: No.")).collect();
            for body in [
                format!(r#"{{"error":"invalid_client","error_codes":[{numbers}]}}"#),
                format!(r#"{{"error":"invalid_client","error_description":"{}"}}"#, words.join(" ")),
            ] {
                let error = super::error(&response(&body), &sent(field), &Uuid::nil(), datetime!(2026-06-01 09:00 UTC));
                assert_eq!(error.code().as_str(), code, "{body} {field:?}");
            }
        }
    }

    #[test]
    fn a_suberror_says_more_than_its_error() {
        for (suberror, code) in [
            ("bad_token", "sign_in_expired"),
            ("token_expired", "sign_in_expired"),
            ("client_mismatch", "sign_in_expired"),
            ("consent_required", "not_consented"),
            ("additional_action", "interaction_required"),
            ("nonsense", "sign_in_refused"),
        ] {
            let body = format!(r#"{{"error":"invalid_grant","suberror":"{suberror}"}}"#);
            let error = refused(&response(&body), &SecretString::from("x"), &Uuid::nil());
            assert_eq!((error.code().as_str(), error.suberror()), (code, Some(suberror)));
        }
    }

    #[test]
    fn what_responds_in_between_is_quoted_without_what_was_sent() {
        let secret = SecretString::from("a~secret/value");
        for status in [301, 400, 401, 403, 404, 407, 429, 500, 502, 503] {
            let mut page =
                response("<html><h1>Access denied</h1>client_secret=a%7Esecret%2Fvalue a~secret/value</html>");
            page.status = StatusCode::from_u16(status).unwrap();
            let error = refused(&page, &secret, &Uuid::nil());
            let code = match status {
                301 => ErrorCode::Redirected,
                407 => ErrorCode::ProxyAuthenticationRequired,
                _ => ErrorCode::AnsweredByProxy,
            };
            assert_eq!(error.code(), code, "{status}");
            assert!(error.message().contains(": “Access denied"), "{error}");
            assert!(!error.to_string().contains("value") && error.client_request_id().is_some(), "{error}");
        }
    }

    #[test]
    fn a_wrong_clock_is_named_with_its_error() {
        let mut skewed = response(r#"{"error":"invalid_client","error_codes":[700024]}"#);
        skewed.headers.insert("date", http::HeaderValue::from_static("Mon, 01 Jun 2026 08:30:00 GMT"));
        let error = refused(&skewed, &SecretString::from("x"), &Uuid::nil());
        assert!(error.message().ends_with("1800 seconds ahead"), "{error}");
    }
}
