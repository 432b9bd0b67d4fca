//! What only a real connection shows: bodies, headers and redirects without end, over loopback sockets.

use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use entra_apps::auth::StaticToken;
use entra_apps::bytes::Bytes;
use entra_apps::clock::{Clock, Sleep, TokioClock};
use entra_apps::cloud::Cloud;
use entra_apps::http::Request;
use entra_apps::ids::{AppId, TenantId};
use entra_apps::secrecy::SecretString;
use entra_apps::time::OffsetDateTime;
use entra_apps::transport::{ReqwestTransport, Transport};
use entra_apps::url::Url;
use entra_apps::{Client, ClientBuilder, ErrorKind, RetryPolicy};
use tokio::sync::Notify;

use super::server::{SECRET, TOKEN, shown};

/// More than this is never read, buffers of the system included.
const MAX_READ: usize = 64 * 1024 * 1024;

/// Responds on one connection: by `first` once, then by `then` again and again until the client has had enough. How many
/// bytes went out is the thread's result.
fn endless(first: impl Into<Vec<u8>>, then: impl Into<Vec<u8>>) -> (SocketAddr, JoinHandle<usize>) {
    let (first, then) = (first.into(), then.into());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Should the client never end, the test does all the same.
        stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        read_request(&mut stream);
        let mut sent = 0;
        let mut next = &first;
        while stream.write_all(next).is_ok() && sent < 4 * MAX_READ {
            sent += next.len();
            next = &then;
        }
        sent
    });
    (address, server)
}

/// What came of a server's thread. The connection is closed by the runtime, which must not be held up.
async fn joined<T: Send + 'static>(server: JoinHandle<T>) -> T {
    tokio::task::spawn_blocking(move || server.join().unwrap()).await.unwrap()
}

/// Reads to the end of the head.
fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        request.push(byte[0]);
    }
    String::from_utf8_lossy(&request).into_owned()
}

fn get(address: SocketAddr) -> Request<Bytes> {
    Request::get(format!("http://{address}/")).body(Bytes::new()).unwrap()
}

fn builder(graph: SocketAddr, authority: SocketAddr) -> ClientBuilder {
    let url = |address: SocketAddr| Url::parse(&format!("http://{address}")).unwrap();
    Client::builder()
        .cloud(Cloud::custom("test", &url(graph), &url(authority)).unwrap())
        .tenant(TenantId::from_u128(1))
        .retry_policy(RetryPolicy::none())
}

fn client(graph: SocketAddr) -> Client {
    builder(graph, graph).token_provider(Arc::new(StaticToken::new(SecretString::from(TOKEN)))).build().unwrap()
}

/// Zeros in gzip, 158 in a byte: what comes first, and what may follow it for ever.
fn gzip_bomb() -> (Vec<u8>, Vec<u8>) {
    let mut bits = Vec::new();
    // A block of fixed codes that is not the last; a zero; then "258 bytes from one byte back", thirteen bits each.
    bits.extend([0, 1, 0]);
    bits.extend([0, 0, 1, 1, 0, 0, 0, 0]);
    let again = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    // After thirteen whole bytes the bits stand where they stood.
    let start = bits.len().div_ceil(8);
    for _ in 0..32 {
        bits.extend(again);
    }
    let bytes: Vec<u8> =
        bits.chunks_exact(8).map(|byte| byte.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect();
    let head = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], &bytes[..start]].concat();
    (head, bytes[start..start + 13].repeat(2_000))
}

#[tokio::test]
async fn an_endless_body_is_refused() {
    let chunk = "x".repeat(64 * 1024);
    let chunked = format!("{:x}\r\n{chunk}\r\n", chunk.len());
    let cases = [
        ("content-length: 1073741824\r\n", chunk.clone()),
        ("content-length: 18446744073709551615\r\n", chunk.clone()),
        ("transfer-encoding: chunked\r\n", chunked),
        ("connection: close\r\n", chunk),
    ];
    for (header, then) in cases {
        let (address, server) = endless(format!("HTTP/1.1 200 OK\r\n{header}\r\n"), then);
        let error = ReqwestTransport::new().unwrap().send(get(address)).await.unwrap_err();
        // The greatest number of all is refused as no length at all.
        let is_no_length = header.contains("18446744073709551615");
        assert!(error.is_maybe_sent() && error.is_too_large() != is_no_length, "{header}");
        assert!(joined(server).await < MAX_READ, "{header}");
    }
}

#[tokio::test]
async fn a_gzip_bomb_is_refused() {
    for header in ["content-encoding: gzip", "content-encoding: gzip\r\ncontent-length: 1000000"] {
        let (bomb, more) = gzip_bomb();
        let head = format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n");
        let (address, server) = endless([head.as_bytes(), &bomb].concat(), more);
        let error = client(address).organization().get().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code().as_str(), error.attempts()),
            (ErrorKind::Decode, "response_too_large", 1)
        );
        assert!(shown(&error).contains("larger than"), "{error:?}");
        // 158 times as much would have been unpacked.
        assert!(joined(server).await < 16 * 1024 * 1024);
    }
}

#[tokio::test]
async fn a_body_that_is_no_gzip_is_a_network_error() {
    let response = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 7\r\n\r\nno gzip";
    let (address, server) = endless(response, "");
    let error = client(address).organization().get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error:?}");
    drop(server);
}

#[tokio::test]
async fn endless_headers_are_refused() {
    let many = "x-one: more\r\n".repeat(1_000);
    let long = "x".repeat(64 * 1024);
    for (first, then) in [
        ("HTTP/1.1 200 OK\r\n", many.as_str()),
        ("HTTP/1.1 200 OK\r\nx-long: ", long.as_str()),
        ("HTTP/1.1 200 ", long.as_str()),
        ("", long.as_str()),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x=", long.as_str()),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", many.as_str()),
    ] {
        let (address, server) = endless(first, then);
        let error = ReqwestTransport::new().unwrap().send(get(address)).await.unwrap_err();
        assert!(error.is_maybe_sent(), "{first}");
        assert!(joined(server).await < MAX_READ, "{first}");
    }
}

#[tokio::test]
async fn a_response_that_is_no_http_is_a_network_error() {
    for response in [
        "",
        "\0\0\0\0\0\0\0\0",
        "HTTP/1.1\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 99999 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nxx",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "220 smtp.example ESMTP\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&mut stream);
            stream.write_all(response.as_bytes()).unwrap();
        });
        let error = client(address).organization().get().await.unwrap_err();
        assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Network, "no_response"), "{response:?}");
        assert!(!shown(&error).contains(TOKEN), "{error:?}");
        joined(server).await;
    }
}

/// A clock on which time passes when it is notified.
#[derive(Debug)]
struct ManualClock {
    passed: Arc<Notify>,
    tokio: TokioClock,
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        self.tokio.now()
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> Sleep {
        let passed = self.passed.clone();
        Box::pin(async move { passed.notified().await })
    }
}

/// The server sends a part and then nothing; when the part is there, the time is up.
#[tokio::test]
async fn a_response_that_stalls_times_out() {
    for part in [
        "",
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx-drip: dr",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"value\":[",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{\"v\r\n",
    ] {
        let passed = Arc::new(Notify::new());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let up = passed.clone();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&mut stream);
            stream.write_all(part.as_bytes()).unwrap();
            up.notify_one();
            // The client hangs up.
            let mut rest = Vec::new();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            !stream.read_to_end(&mut rest).is_err_and(|error| error.kind() == IoErrorKind::WouldBlock)
        });
        let clock = ManualClock { passed, tokio: TokioClock::new() };
        let client = builder(address, address)
            .token_provider(Arc::new(StaticToken::new(SecretString::from(TOKEN))))
            .clock(Arc::new(clock))
            .build()
            .unwrap();
        let error = client.organization().get().await.unwrap_err();
        assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Network, "no_response"), "{part}");
        drop(client);
        assert!(joined(server).await, "{part}: the connection is closed");
    }
}

/// Responds on one connection with a redirect to a place at which nobody may arrive.
fn away(status: u16) -> (SocketAddr, TcpListener, JoinHandle<String>) {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let location = format!("http://{}/stolen", elsewhere.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&mut stream);
        let head = format!("HTTP/1.1 {status} Away\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        request
    });
    (address, elsewhere, server)
}

fn nobody_came(elsewhere: &TcpListener) {
    assert_eq!(elsewhere.accept().unwrap_err().kind(), IoErrorKind::WouldBlock, "somebody went there");
}

/// Ends where nobody answers a redirect that was followed after all.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("no redirect is followed")
}

#[tokio::test]
async fn a_redirect_carries_neither_token_nor_secret() {
    for status in [301, 302, 303, 307, 308] {
        let (address, elsewhere, server) = away(status);
        let error = soon(client(address).organization().get().into_future()).await.unwrap_err();
        assert_eq!(error.code().as_str(), "redirected");
        assert!(joined(server).await.contains(TOKEN), "the token was sent where it belongs");
        nobody_came(&elsewhere);

        let (address, elsewhere, server) = away(status);
        let signing_in =
            builder(address, address).client_secret(AppId::from_u128(2), SecretString::from(SECRET)).build().unwrap();
        assert_eq!(soon(signing_in.tenant_id()).await.unwrap_err().code().as_str(), "redirected");
        joined(server).await;
        nobody_came(&elsewhere);
    }
}

#[tokio::test]
async fn a_custom_reqwest_builder_follows_no_redirect() {
    let own = reqwest::Client::builder().redirect(reqwest::redirect::Policy::limited(10)).no_proxy();
    let transport = ReqwestTransport::from_builder(own).unwrap();
    let (address, elsewhere, server) = away(307);
    assert_eq!(soon(transport.send(get(address))).await.unwrap().status(), 307);
    joined(server).await;
    nobody_came(&elsewhere);
}

/// Set in the process that is started with a proxy in its environment: where the service is.
const SERVICE: &str = "ENTRA_APPS_TEST_SERVICE";

#[tokio::test]
async fn a_token_to_loopback_bypasses_the_proxy_of_the_environment() {
    if let Ok(address) = std::env::var(SERVICE) {
        let address = address.parse().unwrap();
        let proxy = std::env::var("HTTP_PROXY").unwrap();
        let proxied = || reqwest::Client::builder().proxy(reqwest::Proxy::all(&proxy).unwrap());
        let own = reqwest::Proxy::custom({
            let proxy = proxy.clone();
            move |_| Some(proxy.clone())
        });
        for transport in [
            ReqwestTransport::new(),
            ReqwestTransport::through_proxy(&Url::parse(&proxy).unwrap()),
            ReqwestTransport::from_builder(reqwest::Client::builder()),
            ReqwestTransport::from_builder(proxied()),
            ReqwestTransport::from_builder(reqwest::Client::builder().proxy(own)),
        ] {
            let builder = builder(address, address).transport(Arc::new(transport.unwrap()));
            let token = Arc::new(StaticToken::new(SecretString::from(TOKEN)));
            let organization = builder.token_provider(token).build().unwrap().organization().get().await.unwrap();
            assert_eq!(organization.display_name.as_deref(), Some("here"));
        }
        return;
    }
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let through = format!("http://{}", proxy.local_addr().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        for _ in 0..5 {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&mut stream);
            let body = r#"{"value":[{"displayName":"here"}]}"#;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(head.as_bytes()).unwrap();
        }
    });
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "hostile::http::a_token_to_loopback_bypasses_the_proxy_of_the_environment"]);
    for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        test.env(name, &through);
    }
    let output = test.env_remove("no_proxy").env_remove("NO_PROXY").env(SERVICE, address.to_string()).output().unwrap();
    nobody_came(&proxy);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    joined(server).await;
}
