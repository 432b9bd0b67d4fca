//! A bearer never leaves its origin, and a list has an end.

use entra_apps::ErrorKind;
use entra_apps::url::Url;

use super::server::{Reply, Server, client, signing_in};

fn page(link: &str) -> Reply {
    Reply::ok(serde_json::json!({ "value": [{ "displayName": "x" }], "@odata.nextLink": link }).to_string())
}

/// Addresses that look like Graph's, or would like to be taken for it.
const FOREIGN: &[&str] = &[
    "https://evil.example/v1.0/applications",
    "//evil.example/v1.0/applications",
    "/v1.0/applications?$skiptoken=x",
    "http://graph.test/v1.0/applications",
    "https://graph.test@evil.example/",
    "https://graph.test:443@evil.example/",
    "https://graph.test%2f@evil.example/",
    "https://user@graph.test/v1.0/applications",
    "https://user:password@graph.test/v1.0/applications",
    "https://:password@graph.test/v1.0/applications",
    "https://graph.test:8443/v1.0/applications",
    "https://graph.test:80/v1.0/applications",
    "https://graph.test./v1.0/applications",
    "https://graph.test.evil.example/v1.0/applications",
    "https://evil.example#graph.test/v1.0/applications",
    "https://evil.example?https://graph.test/",
    "https://evil.example\\@graph.test/",
    "https://sub.graph.test/",
    "https://graph.te\u{17f}t.example/",
    "https://gra\u{ad}ph.test.evil.example/",
    "https://graph.test\u{3002}evil.example/",
    "https://xn--grph-5na.test/",
    "https://gr\u{430}ph.test/v1.0/applications",
    "blob:https://graph.test/v1.0/applications",
    "ftp://graph.test/v1.0/applications",
    "file:///v1.0/applications",
    "javascript:alert(1)",
    "data:application/json,{}",
    "wss://graph.test/v1.0/applications",
    "",
    "graph.test",
    "https://",
    "https://[::1]/",
    "\0",
];

#[tokio::test(start_paused = true)]
async fn a_next_link_elsewhere_is_not_followed() {
    for link in FOREIGN {
        let server = Server::always(page(link));
        let error = client(&server).applications().list().all().await.unwrap_err();
        assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Decode, "foreign_next_link"), "{link}");
        assert_eq!(server.count(), 1, "{link}: nothing is sent there");
    }
}

#[tokio::test(start_paused = true)]
async fn a_next_link_to_graph_is_followed_however_it_is_written() {
    for link in [
        "https://graph.test/v1.0/applications?$skiptoken=x",
        "HTTPS://GRAPH.TEST/v1.0/applications",
        "https://graph.test:443/v1.0/applications",
        "https:\\\\graph.test\\v1.0",
        "https:graph.test/v1.0",
        "\n https://gra\nph.test/v1.0\t",
        "https://ｇｒａｐｈ.test/v1.0",
        "https://graph.test/v1.0/a?x=|^`{}<>\"'\\ é#part",
    ] {
        let server = Server::script(vec![page(link), Reply::ok(r#"{"value":[]}"#)]);
        client(&server).applications().list().all().await.unwrap();
        // The server checks where it goes.
        assert_eq!(server.count(), 2, "{link}");
        let sent = Url::parse(&server.requests()[1].uri().to_string()).unwrap();
        assert_eq!((sent.fragment(), sent.username()), (None, ""), "{link}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_next_link_longer_than_any_address_is_refused() {
    let long = format!("https://graph.test/v1.0/applications?$skiptoken={}", "x".repeat(70_000));
    let server = Server::always(page(&long));
    let error = client(&server).applications().list().all().await.unwrap_err();
    assert_eq!((error.code().as_str(), server.count()), ("foreign_next_link", 1));
}

#[tokio::test(start_paused = true)]
async fn a_response_that_points_elsewhere_is_not_followed() {
    // Elsewhere, where it was but without encryption, with a name in front, and even where it was.
    let places = [
        "https://evil.example/",
        "//evil.example/",
        "http://graph.test/v1.0/organization",
        "http://login.test/",
        "https://user:password@graph.test/v1.0/organization",
        "HTTPS://GRAPH.TEST/v1.0/organization",
        "/v1.0/organization",
        "",
    ];
    for status in [300, 301, 302, 303, 304, 305, 307, 308] {
        for place in places {
            let server = Server::always(Reply::of(status, "").header("location", place));
            let error = client(&server).organization().get().await.unwrap_err();
            assert_eq!((error.code().as_str(), server.count()), ("redirected", 1), "{status} {place}");
            server.clear();
            let error = signing_in(&server).tenant_id().await.unwrap_err();
            assert_eq!((error.code().as_str(), server.count()), ("redirected", 1), "{status} {place}");
        }
    }
    // Where a thing was made is not where the next request goes.
    let made = Reply::of(201, r#"{"id":"00000000-0000-0000-0000-000000000001"}"#)
        .header("location", "https://evil.example/")
        .header("content-location", "https://evil.example/")
        .header("refresh", "0; url=https://evil.example/")
        .header("alt-svc", "h2=\"evil.example:443\"");
    let server = Server::always(made);
    let client = client(&server);
    client.applications().create(&entra_apps::model::NewApplication::new("x")).await.unwrap();
    client.applications().list().page().await.unwrap_err();
    assert_eq!(server.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_names_another_sign_in_service_is_not_believed() {
    let challenge = "Bearer authorization_uri=\"https://evil.example/\", resource=\"https://evil.example\", \
                     claims=\"eyJhIjoxfQ==\"";
    let refused = Reply::of(401, "{}").header("www-authenticate", challenge);
    let token = Reply::ok(r#"{"access_token":"another-token-1","expires_in":3600}"#);
    let server = Server::new(move |_, request| match request.uri().host() {
        Some("login.test") => token.clone(),
        _ => refused.clone(),
    });
    let error = signing_in(&server).organization().get().await.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::SignIn, "token_refused"));
    assert_eq!(server.count(), 4, "a token, a refusal, another token for the claims, a refusal");
    let form = String::from_utf8(server.requests()[2].body().to_vec()).unwrap();
    assert!(form.contains("claims=%7B%22a%22%3A1%7D"), "{form}");
}

#[tokio::test(start_paused = true)]
async fn pages_in_a_circle_end() {
    for length in [1, 2, 7] {
        let server = Server::new(move |at, _| page(&format!("https://graph.test/v1.0/x?at={}", at % length)));
        let error = client(&server).applications().list().all().await.unwrap_err();
        assert_eq!((error.code().as_str(), server.count()), ("pages_in_a_circle", length + 1));
    }
}

#[tokio::test(start_paused = true)]
async fn endless_empty_pages_end() {
    let server = Server::new(|at, _| {
        Reply::ok(format!(r#"{{"value":[],"@odata.nextLink":"https://graph.test/v1.0/x?at={at}"}}"#))
    });
    let error = client(&server).applications().list().items().next().await.unwrap_err();
    assert_eq!((error.code().as_str(), server.count()), ("pages_without_end", 1_001));
}

#[tokio::test(start_paused = true)]
async fn some_empty_pages_are_no_reason_to_give_up() {
    let server = Server::new(|at, _| match at % 900 {
        0 if at > 2_000 => Reply::ok(r#"{"value":[{}]}"#),
        0 => page(&format!("https://graph.test/v1.0/x?at={at}")),
        _ => Reply::ok(format!(r#"{{"value":[],"@odata.nextLink":"https://graph.test/v1.0/x?at={at}"}}"#)),
    });
    assert_eq!(client(&server).applications().list().all().await.unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_endless_list_is_not_collected() {
    let server = Server::new(|at, _| page(&format!("https://graph.test/v1.0/x?at={at}")));
    let error = client(&server).oauth2_permission_grants().list().all().await.unwrap_err();
    assert_eq!((error.code().as_str(), server.count()), ("list_too_long", 10_001));
    // Item by item, it is the reader who decides.
    let mut items = client(&server).oauth2_permission_grants().list().items();
    for _ in 0..10_002 {
        items.next().await.unwrap().unwrap();
    }
}
