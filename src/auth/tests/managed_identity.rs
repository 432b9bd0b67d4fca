//! Signing in with a managed identity.

use super::*;
use crate::auth::ManagedIdentityProvider;

fn given() -> Reply {
    // Numbers as texts, as the service writes them.
    let end = (NOW + time::Duration::hours(8)).unix_timestamp().to_string();
    Reply::Response(200, json!({"access_token": "a", "expires_in": "28800", "expires_on": end, "token_type": "Bearer"}))
}

fn app_service(name: &str) -> Option<String> {
    match name {
        "IDENTITY_ENDPOINT" => Some("http://127.0.0.1:41741/msi/token/".to_owned()),
        "IDENTITY_HEADER" => Some("header-secret".to_owned()),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_virtual_machine_asks_its_host() {
    let script = Script::new([given()]);
    let provider = ManagedIdentityProvider::from_variables(service(&script), |_| None).unwrap();
    let got = token_of(&provider, &request()).await.unwrap();
    assert_eq!((text(&got.secret), got.expires_at), ("a", NOW + time::Duration::hours(8)));
    let sent = &script.requests()[0];
    assert_eq!(sent.method(), "GET");
    assert_eq!(
        sent.uri(),
        "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fgraph.microsoft.com"
    );
    assert_eq!(sent.headers()["metadata"], "true");
}

#[tokio::test(start_paused = true)]
async fn an_app_service_asks_with_its_header() {
    let script = Script::new([given()]);
    let provider = ManagedIdentityProvider::from_variables(service(&script), app_service).unwrap().client_id(CLIENT);
    token_of(&provider, &request()).await.unwrap();
    let sent = &script.requests()[0];
    assert_eq!(
        sent.uri().to_string(),
        format!(
            "http://127.0.0.1:41741/msi/token/?api-version=2019-08-01&resource=https%3A%2F%2Fgraph.microsoft.com&client_id={CLIENT}"
        )
    );
    assert_eq!(sent.headers()["x-identity-header"], "header-secret");
    assert!(sent.headers()["x-identity-header"].is_sensitive());
    assert!(!format!("{provider:?}").contains("header-secret"));
}

#[tokio::test(start_paused = true)]
async fn the_header_goes_no_further_than_this_machine() {
    let script = Script::new([]);
    for (address, allowed) in [
        ("http://169.254.131.4:8081/msi/token", true),
        ("http://localhost:42356/msi/token", true),
        ("https://identity.example/token", true),
        ("http://identity.example/token", false),
        ("http://10.0.0.1/token", false),
        ("http://169.254.169.254.evil.example/token", false),
        ("ftp://127.0.0.1/token", false),
        ("token", false),
    ] {
        let variable = |name: &str| match name {
            "IDENTITY_ENDPOINT" => Some(address.to_owned()),
            name => app_service(name),
        };
        let made = ManagedIdentityProvider::from_variables(service(&script), variable);
        assert_eq!(made.is_ok(), allowed, "{address}");
    }
    let variable = |name: &str| app_service(name).filter(|_| name == "IDENTITY_ENDPOINT");
    let error = ManagedIdentityProvider::from_variables(service(&script), variable).unwrap_err();
    assert!(error.message().contains("IDENTITY_HEADER"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_retried_and_an_absence_fails_soon() {
    let gone = |status| Reply::Response(status, json!({}));
    let script = Script::new([gone(410), gone(404), gone(429), given()]);
    let provider = ManagedIdentityProvider::on_virtual_machine(retrying_service(&script));
    token_of(&provider, &request()).await.unwrap();
    let script = Script::new((0..9).map(|_| Reply::NotSent));
    let provider = ManagedIdentityProvider::on_virtual_machine(retrying_service(&script));
    let start = tokio::time::Instant::now();
    let error = token_of(&provider, &request()).await.unwrap_err();
    assert_eq!((error.code().as_str(), script.requests().len()), ("no_managed_identity", 4));
    assert!(start.elapsed().as_secs() < 30);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_reported_without_the_header() {
    for (status, code) in [
        (400, "managed_identity_not_assigned"),
        (401, "managed_identity_refused"),
        (403, "managed_identity_refused"),
        (500, "managed_identity_failed"),
    ] {
        let body = json!({"error": "invalid_request", "error_description": "Identity not found: header-secret"});
        let script = Script::new([Reply::Response(status, body)]);
        let provider = ManagedIdentityProvider::from_variables(service(&script), app_service).unwrap();
        let error = token_of(&provider, &request()).await.unwrap_err();
        assert_eq!((error.code().as_str(), error.service_code()), (code, Some("invalid_request")));
        assert_hidden(&error, &["header-secret"]);
    }
    let script = Script::new([Reply::Response(200, json!({"token": "very-secret"}))]);
    let provider = ManagedIdentityProvider::on_virtual_machine(service(&script));
    let error = token_of(&provider, &request()).await.unwrap_err();
    assert_eq!(error.code().as_str(), "unexpected_token_response");
    assert_hidden(&error, &["very-secret"]);
    let two = TokenRequest { scopes: vec![SCOPE.to_owned(), SCOPE.to_owned()], ..request() };
    assert_eq!(token_of(&provider, &two).await.unwrap_err().code().as_str(), "multiple_scopes");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_managed_identity_service_is_told_apart() {
    for (reply, said) in [
        (Reply::Text(400, "Bad Request: header-secret"), "Bad Request: …"),
        (Reply::Text(400, ""), "managed identity service"),
        (Reply::Text(403, "<html><title>Blocked</title></html>"), "Blocked"),
        (Reply::Text(200, "<html><title>Hotel WiFi</title></html>"), "Hotel WiFi"),
        (Reply::Text(500, "no backend"), "no backend"),
        (Reply::Response(400, json!({})), "managed identity service"),
        (Reply::Response(400, json!([])), "managed identity service"),
        (Reply::Text(400, "null"), "managed identity service"),
    ] {
        let script = Script::new([reply]);
        let provider = ManagedIdentityProvider::from_variables(service(&script), app_service).unwrap();
        let error = token_of(&provider, &request()).await.unwrap_err();
        assert_eq!(error.code().as_str(), "answered_by_proxy", "{error}");
        assert!(error.message().contains("a proxy or gateway") && error.message().contains(said), "{error}");
        assert_hidden(&error, &["header-secret"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_read_in_each_of_its_forms() {
    for (body, service_code) in [
        (json!({"error": "invalid_request", "error_description": "Identity not found"}), "invalid_request"),
        (json!({"error": {"code": "invalid_request", "message": "Identity not found"}}), "invalid_request"),
        (json!({"statusCode": 400, "message": "Identity not found"}), "400"),
        (json!({"error": null, "Message": "Identity not found", "correlationId": 7}), ""),
    ] {
        let script = Script::new([Reply::Response(400, body)]);
        let provider = ManagedIdentityProvider::on_virtual_machine(service(&script));
        let error = token_of(&provider, &request()).await.unwrap_err();
        assert_eq!(
            (error.code().as_str(), error.service_code()),
            ("managed_identity_not_assigned", Some(service_code))
        );
        assert!(error.to_string().contains("here: “Identity not found”"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_token_is_read_in_each_of_its_forms() {
    let hour = NOW + time::Duration::hours(1);
    for (members, end) in [
        (json!({"expires_on": hour.unix_timestamp()}), hour),
        (json!({"expires_on": hour.unix_timestamp().to_string()}), hour),
        (json!({"expires_on": "06/01/2026 10:00:00 +00:00"}), hour),
        (json!({"expires_on": "2026-06-01T10:00:00"}), hour),
        (json!({"expires_in": "3600"}), hour),
        (json!({"expires_in": 3600, "expires_on": "soon"}), hour),
        (json!({"expires_on": "soon"}), NOW),
        (json!({"expires_on": -1}), NOW),
        (json!({"expires_on": u64::MAX}), NOW),
        (json!({}), NOW),
    ] {
        let mut body = members.clone();
        body["access_token"] = json!("opaque");
        let script = Script::new([Reply::Response(200, body)]);
        let provider = ManagedIdentityProvider::on_virtual_machine(service(&script));
        assert_eq!(token_of(&provider, &request()).await.unwrap().expires_at, end, "{members}");
    }
}

#[tokio::test(start_paused = true)]
async fn platforms_without_support_are_named() {
    for (set, said) in [
        (&["MSI_ENDPOINT", "MSI_SECRET"][..], "older managed identity"),
        (&["MSI_ENDPOINT"], "Cloud Shell"),
        (&["IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT"], "Service Fabric"),
    ] {
        let variable = |name: &str| set.contains(&name).then(|| "http://localhost:1/".to_owned());
        let made = ManagedIdentityProvider::from_variables(service(&Script::new([])), variable);
        let error = made.map(|_| ()).unwrap_err();
        assert_eq!(error.code().as_str(), "unsupported_managed_identity");
        assert!(error.message().contains(said) && error.remedy() != error.code().remedy(), "{error}");
    }
    // The current one goes before the older one.
    let both = |name: &str| app_service(name).or_else(|| name.starts_with("MSI_").then(|| "x".to_owned()));
    assert!(ManagedIdentityProvider::from_variables(service(&Script::new([])), both).is_ok());
}

/// A folder for keys, which is gone after the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("entra-apps-arc-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A provider that reads its keys here.
    fn provider(&self, script: &Arc<Script>) -> ManagedIdentityProvider {
        let variable = |name: &str| match name {
            "IDENTITY_ENDPOINT" => Some("http://localhost:40342/metadata/identity/oauth2/token".to_owned()),
            "IMDS_ENDPOINT" => Some("http://localhost:40342".to_owned()),
            _ => None,
        };
        ManagedIdentityProvider::from_variables(service(script), variable).unwrap().arc_keys(&self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_server_with_arc_shows_the_key_that_it_may_read() {
    let folder = Folder::new("good");
    let file = folder.0.join("a.key");
    std::fs::write(&file, "the-key-itself\n").unwrap();
    let challenge = || Reply::Challenge(401, format!("Basic realm={}", file.display()));
    let script = Script::new([challenge(), given()]);
    let provider = folder.provider(&script);
    assert_eq!(text(&token_of(&provider, &request()).await.unwrap().secret), "a");
    let sent = script.requests();
    assert_eq!(
        sent[0].uri(),
        "http://localhost:40342/metadata/identity/oauth2/token?api-version=2019-11-01&resource=https%3A%2F%2Fgraph.microsoft.com"
    );
    assert_eq!(
        (&sent[0].headers()["metadata"], sent[0].headers().get("authorization")),
        (&"true".parse().unwrap(), None)
    );
    assert_eq!(sent[1].uri(), sent[0].uri());
    assert_eq!(sent[1].headers()["authorization"], "Basic the-key-itself");
    assert!(sent[1].headers()["authorization"].is_sensitive());
    // A key that is refused is asked for no second time, and not shown.
    for reply in [challenge(), Reply::Text(401, "<p>no the-key-itself</p>")] {
        script.add(reply);
    }
    let error = token_of(&provider, &request()).await.unwrap_err();
    assert_eq!((error.code().as_str(), script.requests().len()), ("answered_by_proxy", 4));
    assert_hidden(&error, &["the-key-itself"]);
}

#[tokio::test]
async fn no_other_file_is_read_for_arc() {
    let folder = Folder::new("bad");
    let inside = |name: &str| folder.0.join(name).display().to_string();
    std::fs::write(inside("a.txt"), "very-secret").unwrap();
    std::fs::write(inside("long.key"), "x".repeat(4097)).unwrap();
    std::fs::write(inside("longest.key"), "x".repeat(4096)).unwrap();
    std::fs::write(inside("empty.key"), "\n").unwrap();
    std::fs::create_dir_all(inside("folder.key")).unwrap();
    std::fs::create_dir_all(inside("deeper")).unwrap();
    std::fs::write(inside("deeper/b.key"), "very-secret").unwrap();
    let outside = folder.0.with_extension("key");
    let mut cases = vec![
        (format!("Basic realm={}", inside("a.txt")), "invalid_arc_challenge"),
        (format!("Basic realm={}", inside("deeper/b.key")), "invalid_arc_challenge"),
        (format!("Basic realm={}", inside("deeper/../c.key")), "invalid_arc_challenge"),
        (format!("Basic realm={}", outside.display()), "invalid_arc_challenge"),
        ("Basic realm=/etc/ssl/private/server.key".to_owned(), "invalid_arc_challenge"),
        ("Basic realm=a.key".to_owned(), "invalid_arc_challenge"),
        ("Bearer".to_owned(), "invalid_arc_challenge"),
        (format!("Basic realm={}", inside("none.key")), "arc_key_unreadable"),
        (format!("Basic realm={}", inside("long.key")), "arc_key_unreadable"),
        (format!("Basic realm={}", inside("empty.key")), "arc_key_unreadable"),
        (format!("Basic realm={}", inside("folder.key")), "arc_key_unreadable"),
    ];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(inside("a.txt"), inside("link.key")).unwrap();
        cases.push((format!("Basic realm={}", inside("link.key")), "arc_key_unreadable"));
    }
    for (challenge, code) in cases {
        let script = Script::new([Reply::Challenge(401, challenge.clone())]);
        let error = token_of(&folder.provider(&script), &request()).await.unwrap_err();
        assert_eq!((error.code().as_str(), script.requests().len()), (code, 1), "{challenge}: {error}");
        assert_hidden(&error, &["very-secret"]);
    }
    let script = Script::new([Reply::Challenge(401, format!("Basic realm={}", inside("longest.key"))), given()]);
    token_of(&folder.provider(&script), &request()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_key_of_arc_stays_on_this_machine() {
    for (address, allowed) in [
        ("http://localhost:40342/token", true),
        ("http://127.0.0.1:40342/token", true),
        ("http://[::1]:40342/token", true),
        ("http://169.254.169.254/token", false),
        ("http://arc.example/token", false),
        ("https://arc.example/token", false),
    ] {
        let made = ManagedIdentityProvider::on_arc_server(service(&Script::new([])), &address.parse().unwrap());
        assert_eq!(made.is_ok(), allowed, "{address}");
    }
}
