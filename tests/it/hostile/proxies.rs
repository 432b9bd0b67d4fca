//! Who answered: what a proxy or gateway responds in Graph's place is not taken for Graph's own word.

use std::time::Duration;

use entra_apps::ids::AppId;
use entra_apps::model::{ApplicationPatch, NewApplication};
use entra_apps::{AppRegistration, Client, Error, ErrorCode, ErrorKind};

use super::server::{Reply, Server, TOKEN, client, shown, signing_in};

const ID: AppId = AppId::from_u128(7);

const PAGE: &str = "<!DOCTYPE html><html><head><title>Zscaler</title><style>p{}</style></head><body><p>Access \
                    to this site is <b>blocked</b>.</p><script>let x = 'no text';</script></body></html>";

/// What the page says.
const WORDS: &str = "Zscaler Access to this site is blocked";

/// What proxies and gateways respond with, and the words of it that are shown.
const BODIES: [(&str, &str); 8] = [
    (PAGE, WORDS),
    ("Access denied: Category \u{1b}[2J\r\nUncategorized", "Access denied: Category [2J Uncategorized"),
    (r#"{"statusCode":403,"message":"Out of call volume quota."}"#, "Out of call volume quota"),
    (r#"{"message":"no Route matched with those values"}"#, "no Route matched with those values"),
    (r#"{"error":"forbidden","error_description":"The gateway wants a session."}"#, "The gateway wants a session"),
    (r#"{"timestamp":"x","status":403,"error":"Forbidden","message":"by policy","path":"/"}"#, "by policy"),
    (r#"{"fault":{"faultstring":"Invalid ApiKey"}}"#, "Invalid ApiKey"),
    ("", ""),
];

async fn item_of_batch(client: &Client) -> Result<(), Error> {
    let mut batch = client.batch();
    let handle = batch.add(client.applications().get(ID));
    batch.send().await?.take(handle).map(drop)
}

/// The errors of operations of several kinds.
async fn errors(client: &Client) -> Vec<Error> {
    let apps = client.applications();
    vec![
        apps.get(ID).await.unwrap_err(),
        apps.find(ID).await.unwrap_err(),
        apps.list().all().await.unwrap_err(),
        apps.create(&NewApplication::new("x")).await.unwrap_err(),
        apps.update(ID, &ApplicationPatch::new().notes("x")).await.unwrap_err(),
        apps.delete(ID).await.unwrap_err(),
        item_of_batch(client).await.unwrap_err(),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_a_proxy_responds_is_said_to_be_a_proxys() {
    for status in [301, 302, 307, 400, 401, 402, 403, 404, 405, 407, 409, 410, 429, 451, 500, 502, 503, 504, 511] {
        for (body, words) in BODIES {
            let client = client(&Server::always(Reply::of(status, body)));
            for error in errors(&client).await {
                let code = match status {
                    407 => ErrorCode::ProxyAuthenticationRequired,
                    300..=399 => ErrorCode::Redirected,
                    _ => ErrorCode::AnsweredByProxy,
                };
                assert_eq!((error.code(), error.status().unwrap().as_u16()), (code, status), "{body}: {error}");
                let text = error.to_string();
                assert!(text.contains("proxy") && text.contains(words), "{text}");
                assert!(words.is_empty() || text.matches(words).count() == 1, "it is said once: {text}");
                assert!(!text.contains(char::is_control) && !text.contains("no text") && !text.contains('<'), "{text}");
            }
        }
    }
}

/// A success that holds a page: a sign-in page of the network, say.
#[tokio::test(start_paused = true)]
async fn a_page_in_place_of_a_success_is_said_to_be_a_proxys_and_may_hide_a_write() {
    for reply in [Reply::ok(PAGE), Reply::of(201, PAGE).header("content-type", "text/html; charset=utf-8")] {
        let server = Server::always(reply);
        for (at, error) in errors(&client(&server)).await.into_iter().enumerate() {
            assert_eq!((error.code(), error.kind()), (ErrorCode::AnsweredByProxy, ErrorKind::Network), "{at}: {error}");
            assert!(error.to_string().contains(WORDS), "{error}");
            assert_eq!((error.maybe_done(), error.attempts()), (at == 3, if at == 3 { 1 } else { 8 }), "{at}: {error}");
        }
    }
    let plain = Reply::ok("Please sign in to the network").header("content-type", "text/plain");
    let error = client(&Server::always(plain)).applications().delete(ID).await.unwrap_err();
    // Of a success that is no page nothing is shown: it may be what was asked for.
    assert_eq!(error.code(), ErrorCode::AnsweredByProxy, "{error}");
    assert!(!error.to_string().contains("Please sign in"), "{error}");
}

/// A success that holds the JSON of a gateway, or of a network's own sign-in: nothing of it is an object of Graph's.
#[tokio::test(start_paused = true)]
async fn a_gateways_json_in_place_of_a_success_is_said_to_be_a_proxys_and_may_hide_a_write() {
    for body in [
        r#"{"status":"login required","url":"http://portal.example/"}"#,
        r#"{"error":{"code":"hotel","message":"very-secret"}}"#,
        r#"{"error":"forbidden","error_description":"very-secret"}"#,
        r#"{"statusCode":403,"message":"very-secret"}"#,
        r#"{"Message":"very-secret"}"#,
        r#"{"title":"very-secret","detail":"very-secret"}"#,
        r#"["very-secret"]"#,
        "\"very-secret\"",
        "true",
    ] {
        for reply in [Reply::ok(body), Reply::ok(body).header("content-type", "application/json")] {
            let server = Server::always(reply);
            for (at, error) in errors(&client(&server)).await.into_iter().enumerate() {
                assert_eq!(error.code(), ErrorCode::AnsweredByProxy, "{at} {body}: {error}");
                assert_eq!(
                    (error.maybe_done(), error.attempts()),
                    (at == 3, if at == 3 { 1 } else { 8 }),
                    "{at}: {error}"
                );
                assert!(!shown(&error).contains("very-secret"), "it may be what was asked for: {error}");
            }
            let registration = AppRegistration::new("k", "App");
            assert_eq!(client(&server).plan(&registration).await.unwrap_err().code(), ErrorCode::AnsweredByProxy);
        }
    }
    // What Graph marks as its own is Graph's, and so is what has the look of it.
    for reply in [
        Reply::ok(r#"{"description":"d","status":"active"}"#).header("request-id", "1"),
        Reply::ok(r#"{"@odata.context":"c","description":"d"}"#),
        Reply::ok(r#"{"id":"00000000-0000-0000-0000-000000000001","description":"d"}"#),
        Reply::ok(r#"{"displayName":"x"}"#),
        Reply::ok("{}"),
    ] {
        let client = client(&Server::always(reply));
        client.applications().get(ID).await.unwrap();
        client.applications().update(ID, &ApplicationPatch::new().notes("x")).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_that_cannot_be_read_is_asked_for_again_where_that_does_no_harm() {
    let app = r#"{"id":"00000000-0000-0000-0000-000000000001","displayName":"x"}"#;
    let cut = |at: usize| Reply::ok(app[..at].to_owned()).header("request-id", "r");
    let bad = || vec![Reply::ok(PAGE), cut(1), cut(30), Reply::ok(app)];
    let server = Server::script(bad());
    client(&server).applications().get(ID).await.unwrap();
    assert_eq!(server.count(), 4);
    let server = Server::script(bad());
    client(&server).applications().update(ID, &ApplicationPatch::new().notes("x")).await.unwrap();
    assert_eq!(server.count(), 4);
    // A batch of reads, in whose place a page comes once.
    let batch = r#"{"responses":[{"id":"1","status":200,"body":{}}]}"#;
    let server = Server::script(vec![Reply::ok(PAGE), Reply::ok(batch)]);
    item_of_batch(&client(&server)).await.unwrap();
    assert_eq!(server.count(), 2);
    // A creation may have been done, whatever the response looks like.
    for reply in bad().into_iter().take(3) {
        let server = Server::always(reply);
        let error = client(&server).applications().create(&NewApplication::new("x")).await.unwrap_err();
        assert_eq!((server.count(), error.maybe_done()), (1, true), "{error}");
    }
    // Of what Graph sends, no part is shown.
    let cut = Reply::ok(r#"{"secretText":"abc~8Q~very-private"#).header("content-type", "application/json");
    let error = client(&Server::always(cut)).applications().get(ID).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnexpectedResponse);
    assert!(!shown(&error).contains("very-private"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_picture_is_no_page() {
    let picture = Reply::ok(&b"\x89PNG\r\n\0\0"[..]).header("content-type", "image/png");
    let text = Reply::ok("From: x").header("content-type", "text/plain").header("request-id", "r");
    for reply in [picture, text] {
        let server = Server::always(reply);
        client(&server).request(http::Method::GET, "applications/1/logo").returning_nothing().await.unwrap();
        assert_eq!(server.count(), 1);
    }
}

/// How often a client signed in, and how often it asked Graph, when each of its requests gets this reply.
async fn refused_by(reply: Reply) -> (usize, usize, Error) {
    let token = Reply::ok(r#"{"access_token":"another-token-1","expires_in":3600}"#);
    let server = Server::new(move |_, request| match request.uri().host() {
        Some("login.test") => token.clone(),
        _ => reply.clone(),
    });
    let error = signing_in(&server).organization().get().await.unwrap_err();
    let sign_ins = server.requests().iter().filter(|request| request.uri().host() == Some("login.test")).count();
    (sign_ins, server.count() - sign_ins, error)
}

#[tokio::test(start_paused = true)]
async fn a_401_of_a_proxy_costs_no_token() {
    for reply in [
        Reply::of(401, ""),
        Reply::of(401, PAGE),
        Reply::of(401, r#"{"statusCode":401,"message":"Access denied due to missing subscription key."}"#),
        Reply::of(401, PAGE).header("www-authenticate", "Negotiate").header("www-authenticate", "NTLM"),
        Reply::of(401, "").header("www-authenticate", "Basic realm=\"Bearers of good news\""),
    ] {
        let (sign_ins, asked, error) = refused_by(reply).await;
        assert_eq!((sign_ins, asked, error.code()), (1, 1, ErrorCode::AnsweredByProxy), "{error}");
        assert_ne!(error.kind(), ErrorKind::SignIn);
    }
    for reply in [
        Reply::of(401, r#"{"error":{"code":"InvalidAuthenticationToken","message":"x"}}"#),
        Reply::of(401, r#"{"odata.error":{"code":"x","message":{"value":"x"}}}"#),
        Reply::of(401, "").header("www-authenticate", "Bearer realm=\"\", client_id=\"x\""),
        Reply::of(401, "").header("www-authenticate", "Negotiate").header("www-authenticate", "bearer"),
        Reply::of(401, PAGE).header("request-id", "r"),
    ] {
        let (sign_ins, asked, error) = refused_by(reply).await;
        assert_eq!((sign_ins, asked, error.code()), (2, 2, ErrorCode::TokenRefused), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_graph_responds_without_an_envelope_is_known_by_its_marks() {
    for (status, code) in [
        (302, ErrorCode::Redirected),
        (401, ErrorCode::TokenRefused),
        (403, ErrorCode::MissingPermission),
        (404, ErrorCode::NotFound),
        (409, ErrorCode::ObjectConflict),
        (429, ErrorCode::Throttled),
        (503, ErrorCode::ServiceFailed),
        (504, ErrorCode::ServiceFailed),
    ] {
        for mark in ["request-id", "x-ms-ags-diagnostic", "x-ms-resource-unit", "x-ms-throttle-information"] {
            for body in ["", "{}", "Service unavailable", PAGE] {
                let reply = Reply::of(status, body).header(mark, "x");
                let error = client(&Server::always(reply)).applications().get(ID).await.unwrap_err();
                assert_eq!(error.code(), code, "{status} {mark} {body}: {error}");
            }
        }
        // An item of a batch is as much Graph's as the batch.
        for body in ["null", "{}", r#""PGh0bWw+""#] {
            let item = format!(r#"{{"responses":[{{"id":"1","status":{status},"body":{body}}}]}}"#);
            let error = item_of_batch(&client(&Server::always(Reply::ok(item)))).await.unwrap_err();
            assert_eq!(error.code(), code, "{status} {body}: {error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_says_when_to_come_back_is_obeyed() {
    let busy = Reply::of(429, r#"{"statusCode":429,"message":"Rate limit is exceeded."}"#).header("retry-after", "40");
    let server = Server::script(vec![busy.clone(), Reply::ok(r#"{"value":[{}]}"#)]);
    let before = tokio::time::Instant::now();
    client(&server).organization().get().await.unwrap();
    assert!(before.elapsed() >= Duration::from_secs(40));
    let impatient = client(&Server::always(busy)).with_deadline(Duration::from_secs(5));
    let error = impatient.organization().get().await.unwrap_err();
    assert_eq!((error.code(), error.retry_after()), (ErrorCode::AnsweredByProxy, Some(Duration::from_secs(40))));
    assert_eq!(error.service_code(), Some("429"));
}

/// A page says nothing of an object: neither that it is gone, nor that a replica does not know it yet.
#[tokio::test(start_paused = true)]
async fn a_404_of_a_proxy_is_neither_absence_nor_lag() {
    let server = Server::script(vec![Reply::of(503, PAGE), Reply::of(404, PAGE)]);
    let error = client(&server).applications().delete(ID).await.unwrap_err();
    assert_eq!((error.code(), server.count()), (ErrorCode::AnsweredByProxy, 2));
    let made = Reply::of(201, format!(r#"{{"id":"{ID}","appId":"{ID}"}}"#));
    let server = Server::script(vec![made, Reply::of(404, PAGE)]);
    let client = client(&server);
    client.applications().create(&NewApplication::new("x")).await.unwrap();
    let error = client.applications().get(ID).await.unwrap_err();
    assert_eq!((error.code(), server.count()), (ErrorCode::AnsweredByProxy, 2), "it is not waited for: {error}");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_repeats_the_token_is_shown_without_it() {
    let page = format!("<html><body>You sent: Authorization: <b>Bearer {TOKEN}</b> to us</body></html>");
    let wide = |order: fn(u16) -> [u8; 2]| page.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    for body in [page.clone().into_bytes(), wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
        for status in [200, 302, 401, 403, 503] {
            let client = client(&Server::always(Reply::of(status, body.clone())));
            for error in errors(&client).await {
                assert!(!shown(&error).contains(TOKEN), "{status}: {error:?}");
                assert!(error.to_string().contains("You sent: Authorization: Bearer … to us"), "{status}: {error}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_repeats_the_body_is_shown_without_it() {
    for status in [200, 403, 502] {
        let server = Server::new(move |_, request| {
            let body = String::from_utf8_lossy(request.body()).into_owned();
            Reply::of(status, format!("<html>Blocked: <pre>{body}</pre> by policy</html>"))
        });
        let user = serde_json::json!({ "passwordProfile": { "password": "Pa55w0rd!" } });
        let call = client(&server).request(http::Method::POST, "users").json(&user).returning_nothing();
        let error = call.await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("Blocked: … by policy") && !shown(&error).contains("Pa55w0rd"), "{text}");
    }
}

/// Bodies of an error `C` that says `m`; the first are Graph's own.
const FORMS: [(&str, bool); 15] = [
    (r#"{"error":{"code":"C","message":"m"}}"#, true),
    (r#"{"odata.error":{"code":"C","message":{"lang":"en","value":"m"}}}"#, true),
    (r#"{"error":{"code":"C","message":{"lang":"en","value":"m"}}}"#, true),
    (r#"{"error":{"code":"C","message":"m","details":["text"]}}"#, true),
    (r#"{"error":{"code":"C","message":"m","details":{"code":"D","message":"d"}}}"#, true),
    (r#"{"error":{"code":"C","message":"m","details":[null,{"code":7}],"innerError":{"code":["x"]}}}"#, true),
    (r#"{"error":{"code":null,"message":"m","innererror":{"code":"C"}}}"#, true),
    (r#"{"Error":{"Code":"C","Message":"m"}}"#, true),
    ("\u{feff}{\"error\":{\"code\":\"C\",\"message\":\"m\"}}", true),
    (r#"{"error":{"code":403,"message":"m"}}"#, true),
    (r#"{"error":"C","error_description":"m"}"#, false),
    (r#"{"code":"C","message":"m"}"#, false),
    (r#"{"code":"C","description":"m","data":[],"source":"PartnerFD"}"#, false),
    (r#"{"statusCode":429,"message":"m"}"#, false),
    (r#"{"errorCode":"C","errorMessage":"m"}"#, false),
];

#[tokio::test(start_paused = true)]
async fn code_and_message_of_an_error_are_kept_in_every_form() {
    for (status, of_graph) in [
        (400, ErrorCode::RequestRefused),
        (403, ErrorCode::MissingPermission),
        (404, ErrorCode::NotFound),
        (429, ErrorCode::Throttled),
        (503, ErrorCode::ServiceFailed),
    ] {
        for (body, is_graphs) in FORMS {
            let code = match body {
                _ if body.contains("403") => "403",
                _ if body.contains("429") => "429",
                _ => "C",
            };
            let wide: Vec<u8> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let item = body.trim_start_matches('\u{feff}');
            let item = format!(r#"{{"responses":[{{"id":"1","status":{status},"body":{item}}}]}}"#);
            let errors = [
                client(&Server::always(Reply::of(status, body))).applications().get(ID).await.unwrap_err(),
                client(&Server::always(Reply::of(status, wide))).applications().get(ID).await.unwrap_err(),
                item_of_batch(&client(&Server::always(Reply::ok(item)))).await.unwrap_err(),
            ];
            for (at, error) in errors.iter().enumerate() {
                assert_eq!(
                    (error.service_code(), error.service_message()),
                    (Some(code), Some("m")),
                    "{status} {body}: {error}"
                );
                assert!(error.to_string().contains("“m”"), "{error}");
                let expected = if is_graphs || at == 2 { of_graph } else { ErrorCode::AnsweredByProxy };
                assert_eq!(error.code(), expected, "{status} {body}: {error}");
            }
        }
    }
}

/// One situation in two forms is one situation.
#[tokio::test(start_paused = true)]
async fn what_an_error_means_does_not_depend_on_its_form() {
    let detail = |code: &str, target: &str| {
        format!(
            r#"{{"error":{{"code":"Request_BadRequest","message":"Ein Fehler.","details":[{{"code":"{code}","target":"{target}"}}]}}}}"#
        )
    };
    let says = |message: &str| format!(r#"{{"error":{{"code":"Request_BadRequest","message":"{message}"}}}}"#);
    let code = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"x"}}}}"#);
    let inner = |code: &str| {
        format!(r#"{{"error":{{"code":"Request_BadRequest","message":"x","innerError":{{"code":"{code}"}}}}}}"#)
    };
    let values = |code: &str, target: &str| {
        format!(
            r#"{{"odata.error":{{"code":"Request_BadRequest","message":{{"value":"x"}},"values":[
            {{"item":"PropertyName","value":"{target}"}},{{"item":"PropertyErrorCode","value":"{code}"}}]}}}}"#
        )
    };
    let flat = |code: &str| format!(r#"{{"code":"{code}","message":"x"}}"#);
    let gone = "No password credential found with keyId 00000000-0000-0000-0000-000000000001.";
    let lifetime = "CredentialInvalidLifetimeAsPerAppPolicy";
    for (status, expected, bodies) in [
        (
            400,
            ErrorCode::UniqueNameTaken,
            vec![
                says("Another object with the same value for property uniqueName already exists."),
                detail("ObjectConflict", "uniqueName"),
                values("ObjectConflict", "uniqueName"),
            ],
        ),
        (400, ErrorCode::ObjectConflict, vec![detail("ObjectConflict", "identifierUris"), code("ObjectConflict")]),
        (
            400,
            ErrorCode::SecretLifetimeForbiddenByPolicy,
            vec![code(lifetime), detail(lifetime, "EndDate"), inner(lifetime), values(lifetime, "EndDate")],
        ),
        (
            400,
            ErrorCode::CredentialNotFound,
            vec![
                says(gone),
                says(&gone.to_uppercase()),
                says("No key credential found with keyId."),
                says("No credentials found to be removed."),
            ],
        ),
        (
            401,
            ErrorCode::CallerNotInTenant,
            vec![
                code("Authorization_IdentityNotFound"),
                inner("Authorization_IdentityNotFound"),
                says("The identity of the calling application could not be established."),
                flat("Authorization_IdentityNotFound"),
            ],
        ),
        (
            403,
            ErrorCode::MissingPermission,
            vec![code("Authorization_RequestDenied"), flat("Authorization_RequestDenied")],
        ),
        (
            400,
            ErrorCode::ExpiredPageToken,
            vec![
                code("Directory_ExpiredPageToken"),
                inner("Directory_ExpiredPageToken"),
                says("The specified page token value has expired and can no longer be included in your request."),
            ],
        ),
        (503, ErrorCode::Throttled, vec![code("TooManyRequests"), inner("activityLimitReached")]),
        (509, ErrorCode::Throttled, vec![code("x")]),
    ] {
        for body in bodies {
            let error = client(&Server::always(Reply::of(status, body.clone()))).applications().get(ID).await;
            let error = error.unwrap_err();
            assert_eq!(error.code(), expected, "{body}: {error}");
        }
    }
    assert!(ErrorCode::CallerNotInTenant.is_expected_after_a_write(), "a consent takes a while to arrive");
}

#[tokio::test(start_paused = true)]
async fn a_sentence_in_a_detail_alone_is_shown() {
    let body = r#"{"error":{"code":"Request_BadRequest","details":[{"code":"D","message":"Only here."}]}}"#;
    let error = client(&Server::always(Reply::of(400, body))).applications().get(ID).await.unwrap_err();
    assert!(error.to_string().contains("“Only here”"), "{error}");
}
