//! Responses that no honest service gives: an error that says so, in bounded memory and time.

use std::time::Duration;

use entra_apps::auth::StaticToken;
use entra_apps::ids::{AppId, ServicePrincipalId, TenantId};
use entra_apps::model::{ApplicationPatch, NewApplication, NewPasswordCredential};
use entra_apps::secrecy::SecretString;
use entra_apps::token::{TokenProvider, TokenRequest};
use entra_apps::{AppRegistration, ClientSecret, ErrorCode, ErrorKind};

use super::server::{Reply, SECRET, Server, TOKEN, client, holding, shown, signing_in};
use crate::support::builder;

const ID: AppId = AppId::from_u128(7);

fn is_undecodable(error: &entra_apps::Error) {
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Decode, "unexpected_response"), "{error}");
}

/// The response to a batch of one item.
fn batched(item: &str) -> Reply {
    Reply::ok(format!(r#"{{"responses":[{item}]}}"#))
}

#[tokio::test(start_paused = true)]
async fn a_few_bytes_do_not_become_gigabytes() {
    // Each of them would be an application of 1.6 kB.
    let items = format!(r#"{{"value":[{}{{}}]}}"#, "{},".repeat(20_000));
    let nested = format!(r#"{{"value":[{{"appRoles":[{}{{}}]}}]}}"#, "{},".repeat(300_000));
    let lists = format!(r#"{{"value":[{{"x":[{}[]]}}]}}"#, "[],".repeat(300_000));
    for body in [items, nested, lists] {
        let server = Server::always(Reply::ok(body.clone()));
        is_undecodable(&client(&server).applications().list().page().await.unwrap_err());
        let server = Server::always(batched(&format!(r#"{{"id":"1","status":200,"body":{body}}}"#)));
        let client = client(&server);
        let mut batch = client.batch();
        let page = batch.add(client.applications().list().page());
        match batch.send().await {
            Ok(mut response) => is_undecodable(&response.take(page).unwrap_err()),
            Err(error) => is_undecodable(&error),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_largest_page_that_can_be_asked_for_is_read() {
    let app = r#"{"displayName":"x","tags":[],"web":{"redirectUris":[],"implicitGrantSettings":{}},"requiredResourceAccess":[{"resourceAccess":[{},{},{},{}]}],"passwordCredentials":[{},{}],"keyCredentials":[]}"#;
    let body = format!(r#"{{"value":[{}{app}]}}"#, format!("{app},").repeat(998));
    let page = client(&Server::always(Reply::ok(body))).applications().list().top(999).page().await.unwrap();
    assert_eq!(page.value.len(), 999);
}

#[tokio::test(start_paused = true)]
async fn deeply_nested_json_overflows_no_stack() {
    for open in ["[", "{\"a\":"] {
        let deep = open.repeat(20_000);
        let bodies = [
            deep.clone(),
            format!("{{\"value\":[{{\"web\":{deep}"),
            format!("{{\"value\":[{{\"unheardOf\":{deep}"),
            format!("{{\"error\":{{\"code\":{deep}"),
            format!("{{\"responses\":[{{\"id\":\"1\",\"status\":200,\"body\":{deep}"),
            format!("{{\"access_token\":{deep}"),
        ];
        for body in bodies {
            for status in [200, 400] {
                let server = Server::always(Reply::of(status, body.clone()));
                let client = client(&server);
                client.applications().list().page().await.unwrap_err();
                client.applications().get(ID).await.unwrap_err();
                let mut batch = client.batch();
                let handle = batch.add(client.applications().get(ID));
                assert!(batch.send().await.and_then(|mut response| response.take(handle)).is_err());
                signing_in(&server).tenant_id().await.unwrap_err();
            }
            entra_apps::Plan::from_json(&body).unwrap_err();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_item_with_thousands_of_headers_is_read() {
    let headers: Vec<String> = (0..40_000).map(|number| format!(r#""x-{number}":"","#)).collect();
    let headers = headers.concat();
    let item = format!(
        r#"{{"id":"1","status":403,"headers":{{{headers}"Request-ID":"the-id"}},"body":{{"error":{{"code":"No"}}}}}}"#
    );
    let server = Server::always(batched(&item));
    let client = client(&server);
    let mut batch = client.batch();
    let app = batch.add(client.applications().get(ID));
    let error = batch.send().await.unwrap().take(app).unwrap_err();
    assert_eq!((error.kind(), error.request_id()), (ErrorKind::Forbidden, Some("the-id")));
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_batch_item_harms_no_other() {
    let items = r#"
        {"id":"1","status":204,"headers":{"retry-after":null,"x":7}},
        {"id":"2","status":"two hundred"},
        {"id":3},
        null,
        {"id":"4","headers":[],"body":{}},
        {"id":"5","status":201,"body":{"keyId":"00000000-0000-0000-0000-000000000001","secretText":"v"}},
        {"id":"77","status":200}"#;
    let server = Server::always(batched(items));
    let client = client(&server);
    let mut batch = client.batch();
    let changed = batch.add(client.applications().update(ID, &ApplicationPatch::new().notes("x")));
    let created: Vec<_> = (0..3).map(|_| batch.add(client.applications().create(&NewApplication::new("x")))).collect();
    let issued = batch.add(client.applications().add_password(ID, &NewPasswordCredential::new()));
    let mut response = batch.send().await.unwrap();
    response.take(changed).unwrap();
    for handle in created {
        let error = response.take(handle).unwrap_err();
        assert!(
            error.maybe_done() && error.code().as_str() == "incomplete_batch_response",
            "it may have been made: {error}"
        );
    }
    assert!(response.take(issued).unwrap().secret_text.is_some(), "a secret is not lost with them");
    assert_eq!(server.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_odd_member_of_a_batch_item_loses_nothing_else() {
    let refused = r#"{"error":{"code":"Request_BadRequest","message":"said by Graph"}}"#;
    for members in [
        r#""id":"1","status":"400","headers":{}"#,
        r#""id":1,"status":400,"headers":{}"#,
        r#""id":" 1 ","status":400.0,"headers":null"#,
        r#""id":"1","status":400,"headers":[]"#,
        r#""id":"1","status":400,"headers":"text""#,
        r#""id":"1","status":400,"headers":{"Retry-After":["x"],"request-id":{}}"#,
    ] {
        let server = Server::always(batched(&format!(r#"{{{members},"body":{refused}}}"#)));
        let client = client(&server);
        let mut batch = client.batch();
        let read = batch.add(client.applications().get(ID));
        let error = batch.send().await.unwrap().take(read).unwrap_err();
        assert_eq!((error.code(), error.service_code()), (ErrorCode::RequestRefused, Some("Request_BadRequest")));
        assert!(error.message().contains("said by Graph") && server.count() == 1, "{members}: {error}");
    }
    // A number is as good as a text, where a header is one.
    let throttled = batched(r#"{"id":"1","status":429,"headers":{"Retry-After":7}}"#);
    let server = Server::script(vec![throttled, batched(r#"{"id":"1","status":200,"body":{"displayName":"x"}}"#)]);
    let client = client(&server);
    let before = tokio::time::Instant::now();
    let mut batch = client.batch();
    let read = batch.add(client.applications().get(ID));
    batch.send().await.unwrap().take(read).unwrap();
    assert!(before.elapsed().as_secs() >= 7, "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn no_error_repeats_the_token_or_the_secret_that_was_sent() {
    let echoes = |private: &str| {
        let escaped = private.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        let encoded = private.replace('~', "%7E");
        let in_json = private.replace('~', "\\u007e").replacen('e', "\\u0065", 1);
        [
            format!(
                r#"{{"error":{{"code":"{private}","message":"Bearer {private}","details":[{{"code":"{private}","target":"{private}","message":"{private}"}}]}}}}"#
            ),
            format!(
                r#"{{"error":"{private}","error_description":"AADSTS7000215: x {private} {encoded}","trace_id":"{private}","correlation_id":"{encoded}"}}"#
            ),
            format!(r#"{{"error":"invalid","error_description":"AADSTS50196: {private}","error_codes":[50196]}}"#),
            format!("<html>{private} {encoded} {escaped}</html>"),
            format!("you sent {}", encoded.replace("%7E", "%7e")),
            // JSON can write a letter by its number.
            format!(
                r#"{{"error":"{in_json}","suberror":"{in_json}","trace_id":"{in_json}","error_description":"AADSTS7000215: {in_json}"}}"#
            ),
            format!(r#"{{"error":{{"code":"{in_json}","message":"{in_json}","details":[{{"code":"{in_json}"}}]}}}}"#),
            format!(r#"{{"message":"you sent {in_json}"}}"#),
            private.to_owned(),
        ]
    };
    for status in [200, 201, 302, 400, 401, 403, 404, 409, 429, 500, 999] {
        for body in echoes(TOKEN) {
            for odd in [&b""[..], b" \xff"] {
                let body = [body.as_bytes(), odd].concat();
                let reply = Reply::of(status, body).header("request-id", TOKEN).header("client-request-id", TOKEN);
                let client = client(&Server::always(reply));
                let errors = [
                    client.applications().get(ID).await.map(drop),
                    client.applications().create(&NewApplication::new("x")).await.map(drop),
                    client.applications().list().all().await.map(drop),
                    client.batch().send().await.map(drop),
                ];
                for error in errors.into_iter().filter_map(Result::err) {
                    assert!(!shown(&error).contains(TOKEN), "{status}: {error:#?}");
                }
            }
        }
        for body in echoes(SECRET) {
            let server = Server::always(Reply::of(status, body).header("request-id", SECRET));
            if let Err(error) = signing_in(&server).tenant_id().await {
                let shown = shown(&error);
                assert!(!shown.contains(SECRET) && !shown.to_lowercase().contains("s3cr3t%7e"), "{status}: {error:#?}");
            }
        }
    }
    let item = format!(
        r#"{{"id":"1","status":400,"headers":{{"request-id":"{TOKEN}"}},"body":{{"error":{{"code":"x","message":"{TOKEN}"}}}}}}"#
    );
    let client = client(&Server::always(batched(&item)));
    let mut batch = client.batch();
    let handle = batch.add(client.applications().get(ID));
    let error = batch.send().await.unwrap().take(handle).unwrap_err();
    assert!(!shown(&error).contains(TOKEN), "{error:#?}");
}

#[tokio::test(start_paused = true)]
async fn an_error_is_one_line_without_control_characters() {
    let evil = "no.\\r\\n2026 INFO all is well\\u001b[2J\\u202egnihton\\u0000";
    let long = "x".repeat(20_000);
    for text in [evil, long.as_str()] {
        let graph = format!(
            r#"{{"error":{{"code":"{text}","message":"{text}","details":[{{"code":"{text}","target":"{text}","message":"{text}"}}]}}}}"#
        );
        let sign_in = format!(
            r#"{{"error":"{text}","error_description":"AADSTS1: {text}","trace_id":"{text}","correlation_id":"{text}"}}"#
        );
        for status in [400, 403, 404, 409, 500] {
            let graph =
                client(&Server::always(Reply::of(status, graph.clone()).header("request-id", "y".repeat(9_000))));
            let signing_in = signing_in(&Server::always(Reply::of(status, sign_in.clone())));
            for error in [graph.applications().get(ID).await.unwrap_err(), signing_in.tenant_id().await.unwrap_err()] {
                let shown = error.to_string();
                assert!(!shown.contains(char::is_control) && !shown.contains('\u{202e}'), "{shown:?}");
                assert!(shown.len() < 20_000, "{} bytes", shown.len());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_in_the_tenant_forges_no_line_of_a_plan() {
    let tenant = builder().build();
    let evil = "Contoso\n+ grant Everything\u{1b}[1A";
    let made = serde_json::json!({ "displayName": evil, "uniqueName": "k", "notes": evil });
    let (_, made) = tenant.send_json("POST", "/applications", Some(&made.to_string()));
    assert!(made.contains("grant Everything"), "{made}");
    let client = tenant.client();
    let registration = AppRegistration::new("k", "App").notes("ours");
    let plan = client.plan(&registration).create_another().await.unwrap();
    let text = plan.to_string();
    assert!(text.contains("grant Everything"), "{text}");
    assert!(!text.lines().any(|line| line.trim_start().starts_with("+ grant Everything")), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[tokio::test(start_paused = true)]
async fn dates_at_the_ends_of_the_calendar_are_read() {
    for date in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999999Z"] {
        let app = format!(
            r#"{{"id":"00000000-0000-0000-0000-000000000001","createdDateTime":"{date}","passwordCredentials":[{{"endDateTime":"{date}","startDateTime":"{date}"}}]}}"#
        );
        let app = client(&Server::always(Reply::ok(app))).applications().get(ID).await.unwrap();
        assert!(serde_json::to_string(&app).unwrap().contains("createdDateTime"), "{app:?}");
        let end = app.password_credentials[0].end_date_time.unwrap();
        let _ = ClientSecret::new("x").valid_until(end).end(end);
        // In UTC it may lie beyond the calendar: then it is refused.
        let _ = serde_json::to_string(&NewPasswordCredential::new().end(end));
    }
}

#[tokio::test(start_paused = true)]
async fn the_claims_of_a_token_are_not_relied_on() {
    use base64::Engine as _;
    let server = Server::always(Reply::ok(r#"{"value":[{}]}"#));
    for claims in [
        r#"{"exp":-377705116800}"#,
        r#"{"exp":253402300799}"#,
        r#"{"exp":9223372036854775807}"#,
        r#"{"exp":1e400}"#,
        r#"{"tid":"no GUID"}"#,
        "[]",
        "\u{0}",
    ] {
        let token = format!("a.{}.c", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims));
        holding(&server, &token).organization().get().await.unwrap();
    }
    let error = holding(&server, "a\r\nx-evil: 1").organization().get().await.unwrap_err();
    assert_eq!(error.code().as_str(), "malformed_token");
    assert!(!shown(&error).contains("x-evil"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_token_response_without_a_token_is_an_error() {
    // What cannot be read is asked for again; what is read and holds no token is not.
    for (response, requests) in [
        ("", 8),
        ("null", 8),
        ("[]", 8),
        (r#"{"access_token":"abc","expires_in":1e400}"#, 8),
        (r#"{"access_token":"abc","expires_in":36"#, 8),
        ("{}", 1),
        (r#"{"access_token":"","expires_in":3600}"#, 1),
        (r#"{"access_token":null,"expires_in":3600}"#, 1),
        (r#"{"access_token":{"a":1},"expires_in":3600}"#, 1),
    ] {
        let server = Server::always(Reply::ok(response));
        let error = signing_in(&server).tenant_id().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code().as_str(), server.count()),
            (ErrorKind::Decode, "unexpected_token_response", requests),
            "{response}"
        );
    }
    // A token of which no end is known serves once.
    for end in ["-1", "0", "9223372036854775807", "\"-9223372036854775808\"", "\"soon\"", "null", "{}", "1e300"] {
        let token = Reply::ok(format!(r#"{{"access_token":"abc","expires_in":{end}}}"#));
        let server = Server::script(vec![token, Reply::ok(r#"{"value":[{}]}"#)]);
        signing_in(&server).organization().get().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn no_retry_after_makes_the_client_wait_or_retry_for_ever() {
    let waits = [
        "0",
        "0.01",
        "300",
        "301",
        "1e18",
        "99999999999999999999999",
        "-1",
        "NaN",
        "inf",
        "0x10",
        "",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Sat, 01 Jan 0000 00:00:00 -2359",
        "Mon, 01 Jun 2026 09:04:00 GMT",
    ];
    for wait in waits {
        for status in [408, 429, 500, 503] {
            let server = Server::always(Reply::of(status, "{}").header("retry-after", wait));
            let before = tokio::time::Instant::now();
            client(&server).organization().get().await.unwrap_err();
            signing_in(&server).tenant_id().await.unwrap_err();
            // Two requests of eight attempts; who is told to come back waits for half an hour in all.
            let most = if status == 429 { 300 } else { 16 };
            assert!(server.count() <= most, "{wait}, {status}: {} requests", server.count());
            let waited = before.elapsed();
            assert!(waited < Duration::from_secs(2 * 2_200), "{wait}, {status}: {waited:?}");
        }
    }
    // A deadline is kept whatever the server asks for.
    let server = Server::always(Reply::of(429, "{}").header("retry-after", "200"));
    let before = tokio::time::Instant::now();
    client(&server).with_deadline(Duration::from_secs(20)).organization().get().await.unwrap_err();
    assert!(before.elapsed() <= Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn each_status_is_a_success_or_an_error() {
    for status in 100..1000 {
        let server = Server::always(Reply::of(status, "{}"));
        let client = client(&server);
        let created = client.applications().create(&NewApplication::new("x")).await;
        assert_eq!(created.is_ok(), (200..300).contains(&status), "{status}");
        let roles = client.app_role_assignments().list_held_by(ServicePrincipalId::from_u128(1)).all().await;
        assert!(roles.is_err(), "{status}");
        let mut batch = client.batch();
        let handle = batch.add(client.applications().create(&NewApplication::new("x")));
        assert!(batch.send().await.and_then(|mut response| response.take(handle)).is_err(), "{status}");
    }
    for status in ["0", "99", "1000", "65535"] {
        let server = Server::always(batched(&format!(r#"{{"id":"1","status":{status}}}"#)));
        let client = client(&server);
        let mut batch = client.batch();
        let handle = batch.add(client.applications().create(&NewApplication::new("x")));
        assert!(batch.send().await.and_then(|mut response| response.take(handle)).is_err(), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalid_tenant_is_refused_before_a_secret_is_sent() {
    for tenant in ["", ".", "..", "undefined", "<tenant>", "a\0b", "con\ntoso.example"] {
        let builder = entra_apps::Client::builder().tenant(tenant).client_secret(ID, SecretString::from(SECRET));
        let error = builder.transport(Server::always(Reply::of(400, "{}"))).build().unwrap_err();
        assert_eq!(error.code().as_str(), "invalid_tenant", "{tenant:?}");
    }
    let request = TokenRequest::new(TenantId::from_u128(1), "x");
    let token = StaticToken::new(SecretString::from(TOKEN)).token(&request).await.unwrap();
    assert!(!format!("{token:?}").contains(TOKEN));
}
