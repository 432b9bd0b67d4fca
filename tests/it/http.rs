//! What only real HTTP shows: the reqwest transport.

use std::sync::Arc;

use entra_apps::bytes::Bytes;
use entra_apps::cloud::Cloud;
use entra_apps::http::{Request, header};
use entra_apps::ids::TenantId;
use entra_apps::secrecy::SecretString;
use entra_apps::token::TokenProvider;
use entra_apps::transport::{ReqwestTransport, Transport};
use entra_apps::url::Url;
use entra_apps::{Client, ErrorKind, RetryPolicy};
use mockito::{Matcher, Server};

const ORGANIZATION: &str = r#"{"value":[{"id":"84841066-274d-4ec0-a5c1-276be684bdd3","displayName":"Contoso"}]}"#;

fn client(server: &Server) -> Client {
    let url = Url::parse(&server.url()).unwrap();
    let token = entra_apps::auth::StaticToken::new(SecretString::from("the-token"));
    Client::builder()
        .cloud(Cloud::custom("test", &url, &url).unwrap())
        .tenant(TenantId::from_u128(1))
        .token_provider(Arc::new(token) as Arc<dyn TokenProvider>)
        .user_agent_suffix("contoso/2.1")
        .retry_policy(RetryPolicy::none())
        .build()
        .unwrap()
}

fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn a_request_carries_what_it_must() {
    let mut server = Server::new_async().await;
    let mock = server
        .mock("GET", Matcher::Regex("^/v1.0/organization".to_owned()))
        .match_header("authorization", "Bearer the-token")
        .match_header("accept-encoding", Matcher::Regex("gzip".to_owned()))
        .match_header("user-agent", Matcher::Regex("^entra-apps/.+ contoso/2.1$".to_owned()))
        .match_header("client-request-id", Matcher::Regex("^[0-9a-f-]{36}$".to_owned()))
        .with_body(ORGANIZATION)
        .create_async()
        .await;
    let organization = client(&server).organization().get().await.unwrap();
    assert_eq!(organization.display_name.as_deref(), Some("Contoso"));
    mock.assert_async().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut server = Server::new_async().await;
    let elsewhere = server.mock("GET", "/elsewhere").expect(0).create_async().await;
    server
        .mock("GET", Matcher::Regex("^/v1.0/organization".to_owned()))
        .with_status(302)
        .with_header("location", "/elsewhere")
        .create_async()
        .await;
    let error = client(&server).organization().get().await.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Decode, "redirected"), "{error}");
    elsewhere.assert_async().await;
}

#[tokio::test]
async fn a_body_is_bounded_and_unpacked() {
    let mut server = Server::new_async().await;
    server.mock("GET", "/large").with_body("x".repeat(1001)).create_async().await;
    server.mock("GET", "/fits").with_body("x".repeat(1000)).create_async().await;
    let transport = ReqwestTransport::new().unwrap().body_limit(1000);
    let error = transport.send(get(&format!("{}/large", server.url()))).await.unwrap_err();
    assert!(error.is_maybe_sent() && error.is_too_large());
    let response = transport.send(get(&format!("{}/fits", server.url()))).await.unwrap();
    assert_eq!(response.body().len(), 1000);
    // "hello" in gzip.
    let packed: &[u8] = &[
        0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x86, 0xa6, 0x10, 0x36,
        0x05, 0, 0, 0,
    ];
    server
        .mock("GET", "/packed")
        .with_header(header::CONTENT_ENCODING.as_str(), "gzip")
        .with_body(packed)
        .create_async()
        .await;
    let response = transport.send(get(&format!("{}/packed", server.url()))).await.unwrap();
    assert_eq!(response.body().as_ref(), b"hello");
}

#[tokio::test]
async fn a_body_of_many_chunks_is_bounded_with_and_without_its_length() {
    const LIMIT: usize = 300_000;
    let mut server = Server::new_async().await;
    for (path, length) in [("/fits", LIMIT), ("/large", LIMIT + 1)] {
        let body: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        server.mock("GET", path).with_body(&body).create_async().await;
        let chunked =
            move |writer: &mut dyn std::io::Write| body.chunks(70_000).try_for_each(|it| writer.write_all(it));
        server.mock("GET", &*format!("{path}/chunked")).with_chunked_body(chunked).create_async().await;
    }
    let transport = ReqwestTransport::new().unwrap().body_limit(LIMIT);
    for path in ["/fits", "/fits/chunked"] {
        let response = transport.send(get(&(server.url() + path))).await.unwrap();
        assert_eq!(response.body().len(), LIMIT, "{path}");
        assert!(response.body().iter().enumerate().all(|(at, byte)| usize::from(*byte) == at % 251), "{path}");
    }
    for path in ["/large", "/large/chunked"] {
        assert!(transport.send(get(&(server.url() + path))).await.unwrap_err().is_too_large(), "{path}");
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    // Bound and dropped: nobody listens on it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = ReqwestTransport::new().unwrap().send(get(&format!("http://{address}/"))).await.unwrap_err();
    assert!(!error.is_maybe_sent());
}

#[tokio::test]
async fn a_connection_is_used_again() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        // One connection only: a second one would not be answered.
        let (mut stream, _) = listener.accept().unwrap();
        for _ in 0..2 {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap() == 0 {
                    return request.len();
                }
                request.push(byte[0]);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        }
        0
    });
    let transport = ReqwestTransport::new().unwrap();
    for _ in 0..2 {
        assert_eq!(transport.send(get(&format!("http://{address}/"))).await.unwrap().body().as_ref(), b"ok");
    }
    assert_eq!(server.join().unwrap(), 0);
}

#[tokio::test]
async fn an_answer_of_another_kind_is_told_without_its_text() {
    let mut server = Server::new_async().await;
    server
        .mock("GET", Matcher::Regex("^/v1.0/organization".to_owned()))
        .with_body("<html>captive portal, very-private</html>")
        .create_async()
        .await;
    let error = client(&server).organization().get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(!format!("{error} {error:?}").contains("very-private"), "{error:?}");
}

#[tokio::test]
async fn every_page_of_an_advanced_query_is_asked_for_as_one() {
    let mut server = Server::new_async().await;
    let next = format!("{}/v1.0/applications?$skiptoken=abc", server.url());
    server
        .mock("GET", Matcher::Regex("skiptoken=abc".to_owned()))
        .match_header("consistencylevel", "eventual")
        .with_body(r#"{"value":[{"displayName":"B"}]}"#)
        .create_async()
        .await;
    server
        .mock("GET", Matcher::Regex("^/v1.0/applications[?][$]orderby=displayName&[$]count=true$".to_owned()))
        .match_header("consistencylevel", "eventual")
        .with_body(format!(r#"{{"value":[],"@odata.nextLink":"{next}"}}"#))
        .create_async()
        .await;
    let all = client(&server).applications().list().order_by("displayName").all().await.unwrap();
    assert_eq!(all[0].display_name.as_deref(), Some("B"), "an empty page is not the end");
}

#[tokio::test]
async fn a_proxy_is_used() {
    let mut proxy = Server::new_async().await;
    proxy.mock("GET", Matcher::Any).with_body("by proxy").create_async().await;
    let transport = ReqwestTransport::through_proxy(&Url::parse(&proxy.url()).unwrap()).unwrap();
    let response = transport.send(get("http://graph.invalid/v1.0/organization")).await.unwrap();
    assert_eq!(response.body().as_ref(), b"by proxy");
}

/// What is no proxy is not passed over in silence: the secret would go another way than the administrator meant.
#[test]
fn a_url_that_is_no_proxys_is_refused_when_the_transport_is_made() {
    for url in ["ftp://127.0.0.1:1", "mailto:x@y", "socks5://127.0.0.1:1", "data:text/plain,x"] {
        let error = ReqwestTransport::through_proxy(&Url::parse(url).unwrap()).unwrap_err();
        assert_eq!(error.code(), entra_apps::ErrorCode::InvalidProxy, "{url}");
    }
    for url in ["http://127.0.0.1:1", "https://user:password@proxy.example:8443"] {
        ReqwestTransport::through_proxy(&Url::parse(url).unwrap()).unwrap();
    }
}
