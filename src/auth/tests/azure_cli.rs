//! Signing in by the Azure CLI; a script stands in for it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::*;
use crate::auth::AzureCliProvider;

/// A program that does what this shell script says; it is gone after the test.
struct Program(PathBuf);

impl Program {
    fn new(name: &str, script: &str) -> Self {
        let path = std::env::temp_dir().join(format!("entra-apps-az-{}-{name}", std::process::id()));
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        Self(path)
    }

    fn provider(&self) -> AzureCliProvider {
        AzureCliProvider::new(Arc::new(TokioClock::starting_at(NOW))).program(&self.0)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn the_cli_gets_the_tenant_and_the_scope() {
    let end = (NOW + time::Duration::hours(1)).unix_timestamp();
    let program = Program::new(
        "good",
        &format!(
            r#"[ "$*" = "account get-access-token --output json --tenant {TENANT} --scope {SCOPE}" ] || exit 9
echo '{{"accessToken": "the-token", "expires_on": {end}, "expiresOn": "2026-06-01 12:00:00.000000", "tenant": "{TENANT}"}}'"#
        ),
    );
    let got = token_of(&program.provider(), &request()).await.unwrap();
    assert_eq!((text(&got.secret), got.expires_at), ("the-token", NOW + time::Duration::hours(1)));
}

#[tokio::test]
async fn the_message_of_the_cli_is_reported() {
    for (name, said, code, service) in [
        ("out", "ERROR: Please run 'az login' to setup account.", "azure_cli_signed_out", ""),
        (
            "expired",
            "AADSTS700082: expired. To re-authenticate, please run: az login",
            "azure_cli_signed_out",
            "AADSTS700082",
        ),
        (
            "policy",
            "ERROR: AADSTS53003: Access has been blocked by Conditional Access policies.",
            "blocked_by_conditional_access",
            "AADSTS53003",
        ),
        ("unknown", "WARNING: old\nERROR: AADSTS99999: Something new.", "azure_cli_refused", "AADSTS99999"),
        ("bare", "ERROR: No such thing.", "azure_cli_refused", ""),
    ] {
        let program = Program::new(name, &format!("echo \"{said}\" >&2; exit 1"));
        let error = token_of(&program.provider(), &request()).await.unwrap_err();
        assert_eq!((error.code().as_str(), error.service_code().unwrap()), (code, service), "{error}");
        assert!(said.contains(error.service_message().unwrap()));
    }
}

#[tokio::test]
async fn a_token_of_which_no_end_is_known_is_not_kept() {
    let hour = NOW + time::Duration::hours(1);
    let (number, words) = (hour.unix_timestamp(), "2026-06-01 12:00:00.000000");
    for (name, members, end) in [
        // A local time, of a zone that nobody knows.
        ("local", format!(r#""expiresOn": "{words}""#), NOW),
        ("none", r#""tokenType": "Bearer""#.to_owned(), NOW),
        ("odd", format!(r#""expires_on": {{}}, "expiresOn": "{words}""#), NOW),
        ("text", format!(r#""expires_on": "{number}""#), hour),
        ("float", format!(r#""expires_on": {number}.0, "expiresOn": 7"#), hour),
        ("huge", r#""expires_on": 1e300"#.to_owned(), NOW),
        ("past", r#""expires_on": -9223372036854775808"#.to_owned(), NOW),
    ] {
        let program = Program::new(name, &format!(r#"echo '{{"accessToken": "very-secret", {members}}}'"#));
        let token = token_of(&program.provider(), &request()).await.unwrap();
        assert_eq!(text(&token.secret), "very-secret");
        // The clock goes on while the program runs.
        let latest = end + time::Duration::minutes(30);
        assert!((end..latest).contains(&token.expires_at), "{name}: {}", token.expires_at);
    }
    for (name, output) in
        [("html", "<html>very-secret"), ("list", "[]"), ("empty", ""), ("number", r#"{"accessToken": 7}"#)]
    {
        let program = Program::new(name, &format!("echo '{output}'"));
        let error = token_of(&program.provider(), &request()).await.unwrap_err();
        assert_eq!(error.code().as_str(), "azure_cli_output_unreadable");
        assert_hidden(&error, &["very-secret"]);
    }
}

#[tokio::test]
async fn a_missing_cli_is_an_error() {
    let provider = AzureCliProvider::new(Arc::new(TokioClock::starting_at(NOW))).program("/no/such/az");
    assert_eq!(token_of(&provider, &request()).await.unwrap_err().code().as_str(), "azure_cli_missing");
}

#[tokio::test]
async fn no_scope_or_tenant_becomes_an_option_or_a_command() {
    let program = Program::new("never", "echo called >&2; exit 1");
    for (tenant, scope) in [
        (tenant("--debug.example"), SCOPE),
        (tenant(TENANT), "--query x"),
        (tenant(TENANT), "@file"),
        (tenant(TENANT), "a b"),
        (tenant(TENANT), "x&calc"),
        (tenant(TENANT), ""),
        (tenant(TENANT), "$(id)"),
    ] {
        let error = token_of(&program.provider(), &TokenRequest::new(tenant, scope)).await.unwrap_err();
        assert_eq!(error.code().as_str(), "invalid_argument", "{scope}");
    }
}

#[tokio::test]
async fn a_cli_that_hangs_is_ended() {
    let program = Program::new("hangs", "exec sleep 600");
    let provider = program.provider().timeout(std::time::Duration::from_millis(50));
    assert_eq!(token_of(&provider, &request()).await.unwrap_err().code().as_str(), "azure_cli_timeout");
}
