//! What only real HTTP shows: the reqwest transport.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use entra_apps::bytes::Bytes;
use entra_apps::cloud::Cloud;
use entra_apps::http::{Request, header};
use entra_apps::ids::TenantId;
use entra_apps::secrecy::SecretString;
use entra_apps::token::TokenProvider;
use entra_apps::transport::{ConnectFailure, ReqwestTransport, Transport, TransportError};
use entra_apps::url::Url;
use entra_apps::{Client, ErrorCode, ErrorKind, RetryPolicy};
use mockito::{Matcher, Server};

const ORGANIZATION: &str = r#"{"value":[{"id":"84841066-274d-4ec0-a5c1-276be684bdd3","displayName":"Contoso"}]}"#;

fn token() -> Arc<dyn TokenProvider> {
    Arc::new(entra_apps::auth::StaticToken::new(SecretString::from("the-token")))
}

fn client(server: &Server) -> Client {
    client_at(&server.url(), ReqwestTransport::new().unwrap())
}

fn client_at(url: &str, transport: ReqwestTransport) -> Client {
    let url = Url::parse(url).unwrap();
    Client::builder()
        .cloud(Cloud::custom("test", &url, &url).unwrap())
        .tenant(TenantId::from_u128(1))
        .token_provider(token())
        .transport(Arc::new(transport))
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
    let error = ReqwestTransport::new().unwrap().send(get(&format!("http://{}/", closed()))).await.unwrap_err();
    assert!(!error.is_maybe_sent());
}

/// A resolver that knows no name.
#[derive(Debug)]
struct NoNames;

impl reqwest::dns::Resolve for NoNames {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async { Err("no such host".into()) })
    }
}

/// Takes connections on loopback and responds to the first bytes of each.
fn listening(respond: impl Fn(&mut TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            respond(&mut stream.unwrap());
        }
    });
    address
}

/// A proxy that responds to a `CONNECT` in this way.
fn proxy(response: &'static str) -> SocketAddr {
    listening(move |stream| {
        let mut request = [0; 4096];
        let length = stream.read(&mut request).unwrap();
        assert!(request[..length].starts_with(b"CONNECT graph.invalid:443 "));
        stream.write_all(response.as_bytes()).unwrap();
    })
}

/// A server whose certificate nobody has signed but itself.
#[cfg(feature = "rustls")]
fn inspected() -> SocketAddr {
    let certificate = include_bytes!("../certificates/inspection.der").to_vec();
    let key = include_bytes!("../certificates/inspection.key.der").to_vec();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key).unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate.into()], key).unwrap());
    listening(move |stream| {
        let mut connection = rustls::ServerConnection::new(config.clone()).unwrap();
        while connection.is_handshaking() && connection.complete_io(stream).is_ok() {}
    })
}

/// Bound and dropped: nobody listens on it.
fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn each_reason_for_no_connection_has_a_code() {
    let direct = || reqwest::Client::builder().no_proxy();
    let through = |proxy: SocketAddr| direct().proxy(reqwest::Proxy::all(format!("http://{proxy}")).unwrap());
    let (closed, elsewhere) = (format!("https://{}", closed()), "https://graph.invalid");
    let unnamed = direct().proxy(reqwest::Proxy::all("http://proxy.invalid:3128").unwrap());
    let cases = [
        (direct().dns_resolver(Arc::new(NoNames)), elsewhere, ErrorCode::HostNotFound),
        (direct(), &closed, ErrorCode::ConnectionRefused),
        (through(self::closed()), elsewhere, ErrorCode::ProxyUnreachable),
        (unnamed.dns_resolver(Arc::new(NoNames)), elsewhere, ErrorCode::ProxyUnreachable),
        (
            through(proxy("HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n")),
            elsewhere,
            ErrorCode::ProxyAuthenticationRequired,
        ),
        (through(proxy("HTTP/1.1 403 Forbidden\r\n\r\n<html>no</html>")), elsewhere, ErrorCode::ProxyRefused),
        (through(proxy("HTTP/1.1 502 Bad Gateway\r\n\r\n")), elsewhere, ErrorCode::ProxyRefused),
        (through(proxy("")), elsewhere, ErrorCode::ProxyRefused),
        #[cfg(feature = "rustls")]
        (direct(), &*format!("https://{}", inspected()).leak(), ErrorCode::CertificateNotTrusted),
    ];
    let mut sentences = std::collections::BTreeSet::new();
    for (builder, url, code) in cases {
        let transport = ReqwestTransport::from_builder(builder).unwrap();
        let error = client_at(url, transport).organization().get().await.unwrap_err();
        assert_eq!((error.code(), error.kind(), error.maybe_done()), (code, ErrorKind::Network, false), "{error:?}");
        assert!(std::error::Error::source(&error).is_some());
        sentences.insert((code, error.message().to_owned(), error.remedy().to_owned()));
    }
    assert!(sentences.len() >= 5, "each cause has a sentence: {sentences:?}");
}

/// A transport that cannot connect, for one reason.
#[derive(Debug)]
struct NotConnected(Option<ConnectFailure>, AtomicU32);

#[entra_apps::async_trait]
impl Transport for NotConnected {
    async fn send(&self, _: Request<Bytes>) -> Result<entra_apps::http::Response<Bytes>, TransportError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Err(match self.0 {
            Some(failure) => TransportError::not_connected(failure, "x"),
            None => TransportError::not_sent("x"),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_transport_of_ones_own_can_say_why_there_is_no_connection() {
    for (failure, code, attempts) in [
        (None, ErrorCode::Unreachable, 5),
        (Some(ConnectFailure::NameNotResolved), ErrorCode::HostNotFound, 5),
        (Some(ConnectFailure::Refused), ErrorCode::ConnectionRefused, 5),
        (Some(ConnectFailure::ProxyUnreachable), ErrorCode::ProxyUnreachable, 5),
        (Some(ConnectFailure::ProxyRefused), ErrorCode::ProxyRefused, 5),
        // These do not pass by themselves.
        (Some(ConnectFailure::ProxyAuthenticationRequired), ErrorCode::ProxyAuthenticationRequired, 1),
        (Some(ConnectFailure::CertificateNotTrusted), ErrorCode::CertificateNotTrusted, 1),
    ] {
        let transport = Arc::new(NotConnected(failure, AtomicU32::new(0)));
        let builder = Client::builder().tenant(TenantId::from_u128(1)).transport(transport.clone());
        let error = builder.token_provider(token()).build().unwrap().organization().get().await.unwrap_err();
        assert_eq!((error.code(), error.attempts()), (code, attempts), "{error}");
        assert_eq!(transport.1.load(Ordering::Relaxed), attempts);
    }
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
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
async fn a_page_in_place_of_a_response_is_told_by_its_first_words() {
    let mut server = Server::new_async().await;
    server
        .mock("GET", Matcher::Regex("^/v1.0/organization".to_owned()))
        .with_body("<html><body>Hotel Contoso: <a href='/very-private'>sign in</a> here</body></html>")
        .create_async()
        .await;
    let error = client(&server).organization().get().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Network, ErrorCode::AnsweredByProxy));
    assert!(error.to_string().contains("“Hotel Contoso: sign in here”"), "{error}");
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
