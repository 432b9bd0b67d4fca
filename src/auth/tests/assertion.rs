//! Signing in with an assertion.

use super::*;
use crate::auth::{AssertionRequest, ClientAssertion, GitHubActions};
use crate::error::ErrorKind;

fn in_a_file(name: &str, content: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("entra-apps-{}-{name}", std::process::id()));
    std::fs::write(&path, content).unwrap();
    path
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_again_at_each_sign_in() {
    let script = Script::new([token("a"), token("b")]);
    let path = in_a_file("again", "first.jwt.x\n");
    let provider = app(&script, ClientAuthentication::assertion_file(&path));
    token_of(&provider, &request()).await.unwrap();
    std::fs::write(&path, "second.jwt.x").unwrap();
    token_of(&provider, &request()).await.unwrap();
    let given: Vec<_> = script.forms().iter().map(|form| form["client_assertion"].clone()).collect();
    assert_eq!(given, ["first.jwt.x", "second.jwt.x"]);
    std::fs::remove_file(path).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_missing_or_empty_file_is_an_error_before_anything_is_sent() {
    let script = Script::new([]);
    let provider = app(&script, ClientAuthentication::assertion_file("/no/such/file"));
    let error = token_of(&provider, &request()).await.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::SignIn, "unreadable_assertion_file"));
    assert!(error.to_string().contains("/no/such/file"), "{error}");
    let path = in_a_file("empty", " \n");
    let provider = app(&script, ClientAuthentication::assertion_file(&path));
    assert_eq!(token_of(&provider, &request()).await.unwrap_err().code().as_str(), "no_assertion");
    std::fs::remove_file(path).unwrap();
}

/// A pipe that nobody has written to yet: whoever opened it on the runtime's own thread would wait for ever.
#[cfg(unix)]
#[tokio::test]
async fn a_file_system_that_hangs_does_not_hold_up_the_runtime() {
    let path = std::env::temp_dir().join(format!("entra-apps-{}-pipe", std::process::id()));
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let script = Script::new([token("a")]);
    let provider = app(&script, ClientAuthentication::assertion_file(&path));
    let request = request();
    let (signed_in, ()) = tokio::join!(token_of(&provider, &request), async {
        std::fs::write(&path, "late.jwt.x").unwrap();
    });
    signed_in.unwrap();
    assert_eq!(script.forms()[0]["client_assertion"], "late.jwt.x");
    std::fs::remove_file(path).unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_environment_of_a_workload_identity_suffices() {
    let path = in_a_file("environment", "jwt");
    let variable = |name: &str| match name {
        "AZURE_CLIENT_ID" => Some(CLIENT.to_string()),
        "AZURE_FEDERATED_TOKEN_FILE" => Some(path.display().to_string()),
        _ => None,
    };
    let script = Script::new([token("access")]);
    let provider = ClientCredentialsProvider::workload_identity_from_variables(service(&script), variable).unwrap();
    token_of(&provider, &request()).await.unwrap();
    assert_eq!(script.forms()[0]["client_id"], CLIENT.to_string());
    let error = ClientCredentialsProvider::workload_identity_from_variables(service(&script), |_| None).unwrap_err();
    assert_eq!(error.code().as_str(), "missing_environment_variable");
    assert!(error.message().contains("AZURE_CLIENT_ID"), "{error}");
    std::fs::remove_file(path).unwrap();
}

#[tokio::test(start_paused = true)]
async fn refusals_are_reported_without_the_assertion() {
    let path = in_a_file("refusals", "very.secret.assertion");
    for (number, code) in [
        (700_213, "no_matching_federated_credential"),
        (700_211, "no_matching_federated_credential"),
        (700_229, "app_token_needed"),
        (700_024, "assertion_out_of_time"),
        (50013, "assertion_refused"),
    ] {
        let text = format!("AADSTS{number}: you sent very.secret.assertion");
        let body = json!({"error": "invalid_client", "error_description": text, "error_codes": [number]});
        let script = Script::new([Reply::Response(401, body)]);
        let provider = app(&script, ClientAuthentication::assertion_file(&path));
        let error = token_of(&provider, &request()).await.unwrap_err();
        assert_eq!(error.code().as_str(), code);
        assert_hidden(&error, &["very.secret.assertion"]);
    }
    std::fs::remove_file(path).unwrap();
}

#[derive(Debug)]
struct Own(bool);

#[async_trait]
impl ClientAssertion for Own {
    async fn assertion(&self, request: &AssertionRequest) -> Result<SecretString, BoxError> {
        if self.0 { Ok(secret(&format!("for {}", request.token_endpoint))) } else { Err("the vault is sealed".into()) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_custom_source_is_called_for_each_tenant_and_may_fail() {
    let script = Script::new([token("a")]);
    let provider = app(&script, ClientAuthentication::assertion(Arc::new(Own(true))));
    token_of(&provider, &TokenRequest::new(tenant(CUSTOMER), SCOPE)).await.unwrap();
    assert_eq!(
        script.forms()[0]["client_assertion"],
        format!("for https://login.microsoftonline.com/{CUSTOMER}/oauth2/v2.0/token")
    );
    let provider = app(&script, ClientAuthentication::assertion(Arc::new(Own(false))));
    let error = token_of(&provider, &request()).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!((error.code().as_str(), source.as_str()), ("assertion_source_failed", "the vault is sealed"));
}

fn github(name: &str) -> Option<String> {
    match name {
        "ACTIONS_ID_TOKEN_REQUEST_URL" => Some("https://pipelines.example/token?api-version=2".to_owned()),
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN" => Some("job-request-token".to_owned()),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_github_job_asks_for_its_token_first() {
    let script = Script::new([
        Reply::Response(503, json!({})),
        Reply::Response(200, json!({"value": "github.jwt.x"})),
        token("a"),
    ]);
    let source = GitHubActions::from_variables(retrying_service(&script), github).unwrap();
    let provider = ClientCredentialsProvider::new(
        retrying_service(&script),
        CLIENT,
        ClientAuthentication::assertion(Arc::new(source)),
    );
    token_of(&provider, &request()).await.unwrap();
    let sent = script.requests();
    assert_eq!(
        sent[1].uri(),
        "https://pipelines.example/token?api-version=2&audience=api%3A%2F%2FAzureADTokenExchange"
    );
    assert_eq!(sent[1].headers()["authorization"], "Bearer job-request-token");
    assert_eq!(script.forms()[2]["client_assertion"], "github.jwt.x");
}

#[tokio::test(start_paused = true)]
async fn a_github_job_without_the_permission_fails_with_a_remedy() {
    let script = Script::new([Reply::Response(403, json!({"message": "job-request-token may not"}))]);
    let source = GitHubActions::from_variables(service(&script), github).unwrap();
    assert!(!format!("{source:?}").contains("job-request-token"));
    let provider = app(&script, ClientAuthentication::assertion(Arc::new(source)));
    let error = token_of(&provider, &request()).await.unwrap_err();
    assert!(error.remedy().contains("id-token: write"), "{error}");
    assert_hidden(&error, &["job-request-token"]);
    let error = GitHubActions::from_variables(service(&script), |_| None).unwrap_err();
    assert_eq!(error.code().as_str(), "missing_environment_variable");
    let plain = url::Url::parse("http://pipelines.example/token").unwrap();
    assert!(GitHubActions::new(service(&script), &plain, secret("x")).is_err());
}

#[tokio::test(start_paused = true)]
async fn what_responds_in_the_place_of_github_is_told_apart() {
    for (reply, code, said) in [
        (Reply::Text(200, "<html><title>Hotel WiFi</title>"), "answered_by_proxy", "Hotel WiFi"),
        (Reply::Text(403, "Blocked for job-request-token."), "answered_by_proxy", "Blocked for …"),
        (Reply::Text(502, "<h1>Bad Gateway</h1>"), "answered_by_proxy", "Bad Gateway"),
        (
            Reply::Response(403, json!({"message": "Not this job.", "typeKey": 7})),
            "no_assertion",
            "job: “Not this job”",
        ),
        (Reply::Response(200, json!({"value": 7, "message": "very-secret"})), "no_assertion", "issued no ID token"),
        (Reply::Text(200, r#"{"value":"very-secret"#), "no_assertion", "issued no ID token"),
    ] {
        let script = Script::new([reply]);
        let source = GitHubActions::from_variables(service(&script), github).unwrap();
        let provider = app(&script, ClientAuthentication::assertion(Arc::new(source)));
        let error = token_of(&provider, &request()).await.unwrap_err();
        assert_eq!(error.code().as_str(), code, "{error}");
        assert!(error.message().contains(said), "{error}");
        assert_hidden(&error, &["job-request-token", "very-secret"]);
    }
}
