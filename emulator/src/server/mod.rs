//! A transport behind HTTP/1.1: many connections at once, each with many requests, until it is told to stop.

mod running;
mod welcome;

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use entra_apps::transport::Transport;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ALLOW, CONTENT_TYPE, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use running::Server;
pub use welcome::{Site, welcome};

/// The largest body of a request, in bytes: Graph's own limit is lower.
pub const MAX_BODY_BYTES: usize = 8 << 20;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

type Responded = Result<Response<Full<Bytes>>, Box<dyn Error + Send + Sync>>;

/// Serves `transport` until `stop` is there. Then nobody is let in any more, and the requests that are running have
/// `grace` to end. Returns how many connections had to be cut off.
pub async fn serve(
    listener: TcpListener,
    transport: Arc<dyn Transport>,
    stop: impl Future<Output = ()>,
    grace: Duration,
) -> usize {
    let (stopping, told) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(stream, Arc::clone(&transport), told.clone()))),
                // Out of file descriptors, or a connection that went away: wait a little, and go on.
                Err(error) => {
                    eprintln!("accept: {error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            },
            // Those that have ended are forgotten.
            Some(_) = connections.join_next() => {}
            () = &mut stop => break,
        }
    }
    drop(listener);
    drop(stopping);
    let ended = async { while connections.join_next().await.is_some() {} };
    // Past the bound, what is left is cut off with the set.
    drop(tokio::time::timeout(grace, ended).await);
    connections.len()
}

/// Serves one connection, until its client closes it; when the server stops, until the request that is running has its
/// response.
async fn connection(stream: TcpStream, transport: Arc<dyn Transport>, mut told: watch::Receiver<()>) {
    // Small responses must not wait for an acknowledgement. Where that cannot be had, they do.
    drop(stream.set_nodelay(true));
    let service = service_fn(|request| respond(&*transport, request));
    let mut connection =
        pin!(http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service));
    // A client that goes away, or a request that is no HTTP, ends its own connection.
    tokio::select! {
        ended = connection.as_mut() => return drop(ended),
        _ = told.changed() => connection.as_mut().graceful_shutdown(),
    }
    drop(connection.await);
}

/// Responds to a request; an error is a connection that breaks.
async fn respond(transport: &dyn Transport, request: Request<Incoming>) -> Responded {
    let (mut parts, body) = request.into_parts();
    let origin = loopback_origin(&parts.headers);
    let mut response = if parts.method == Method::OPTIONS {
        options(&parts.headers)
    } else if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        too_large()
    } else {
        match Limited::new(body, MAX_BODY_BYTES).collect().await {
            Ok(body) => {
                // hyper leaves out the body of a response to HEAD.
                if parts.method == Method::HEAD {
                    parts.method = Method::GET;
                }
                transport.send(Request::from_parts(parts, body.to_bytes())).await?
            }
            Err(error) if error.is::<LengthLimitError>() => too_large(),
            Err(error) => return Err(error),
        }
    };
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
    Ok(response.map(Full::new))
}

/// The origin of a page that is on loopback as well: its scripts may read the responses. Other pages may not, for they are
/// anybody's.
fn loopback_origin(headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    let host = origin.to_str().ok()?.split_once("://")?.1;
    let port = host.rfind(':').filter(|colon| host[*colon..].bytes().skip(1).all(|byte| byte.is_ascii_digit()));
    let name = &host[..port.unwrap_or(host.len())];
    ["localhost", "127.0.0.1", "[::1]"].contains(&name).then(|| origin.clone())
}

/// What may be done with a resource: the same everywhere, for the tenant says by itself what is wrong. It is also
/// the response to what a browser asks before it lets a page send a request.
fn options(asked: &HeaderMap) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ALLOW, METHODS);
    if loopback_origin(asked).is_some() {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers
            .extend(asked.get(ACCESS_CONTROL_REQUEST_HEADERS).map(|all| (ACCESS_CONTROL_ALLOW_HEADERS, all.clone())));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

fn too_large() -> Response<Bytes> {
    let body = format!(
        r#"{{"error":{{"code":"RequestEntityTooLarge","message":"A body of more than {MAX_BODY_BYTES} bytes is not read."}}}}"#
    );
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
