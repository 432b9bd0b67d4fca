//! A listener on this machine for the one redirect that ends a sign-in in the browser.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use subtle::ConstantTimeEq as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::clock::Clock;
use crate::error::{Error, ErrorCode};
use crate::retry::timeout;

/// A browser's request with a code is a few kilobytes.
const MAX_REQUEST_BYTES: usize = 32 * 1024;

/// A browser opens a few connections in advance.
const MAX_CONNECTIONS: usize = 32;

/// Bounds the time from connection to response.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// Listens on the loopback addresses of this machine.
pub(super) struct Loopback {
    listeners: Vec<TcpListener>,
    port: u16,
}

/// The parameters of the redirect.
pub(super) enum Redirect {
    Code(String),
    Error { error: String, description: String },
}

type Connection<'a> = Pin<Box<dyn Future<Output = Option<Redirect>> + Send + 'a>>;

impl Loopback {
    /// Listens on 127.0.0.1, and on the same port of ::1 where that is free: a browser may resolve `localhost` to
    /// either. Port 0 stands for any free one.
    pub(super) async fn bind(port: u16) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::new(ErrorCode::LoopbackUnavailable).with_source(error);
        let first = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
        let port = first.local_addr().map_err(failed)?.port();
        let second = TcpListener::bind(("::1", port)).await.ok();
        Ok(Self { listeners: std::iter::once(first).chain(second).collect(), port })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the redirect to `path` with this state. Any other request gets a 404.
    pub(super) async fn wait_for_redirect(self, path: &str, state: &str, clock: &dyn Clock) -> Redirect {
        let mut connections: Vec<Connection<'_>> = Vec::new();
        std::future::poll_fn(|context| {
            self.accept(&mut connections, path, state, clock, context);
            let mut index = 0;
            while index < connections.len() {
                match connections[index].as_mut().poll(context) {
                    Poll::Ready(Some(redirect)) => return Poll::Ready(redirect),
                    Poll::Ready(None) => {
                        drop(connections.swap_remove(index));
                        // A waiting connection can take its place.
                        self.accept(&mut connections, path, state, clock, context);
                    }
                    Poll::Pending => index += 1,
                }
            }
            Poll::Pending
        })
        .await
    }

    fn accept<'a>(
        &self,
        connections: &mut Vec<Connection<'a>>,
        path: &'a str,
        state: &'a str,
        clock: &'a dyn Clock,
        context: &mut Context<'_>,
    ) {
        for listener in &self.listeners {
            while connections.len() < MAX_CONNECTIONS {
                match listener.poll_accept(context) {
                    Poll::Ready(Ok((stream, _))) => connections.push(Box::pin(async move {
                        timeout(serve(stream, path, state), clock, CONNECTION_TIMEOUT).await.flatten()
                    })),
                    // The connection was closed before it was accepted.
                    Poll::Ready(Err(_)) => {}
                    Poll::Pending => break,
                }
            }
        }
    }
}

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif}main{max-width:32rem;margin:15vh auto;padding:0 1rem}";

/// Reads one request and responds to it.
async fn serve(mut stream: TcpStream, path: &str, state: &str) -> Option<Redirect> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > MAX_REQUEST_BYTES || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let redirect = parse(&head, path, state);
    let (status, text) = match &redirect {
        Some(Redirect::Code(_)) => ("200 OK", "You are signed in. Close this page and return to the program."),
        Some(Redirect::Error { .. }) => {
            ("200 OK", "You are not signed in. Close this page and return to the program, which says why.")
        }
        None => ("404 Not Found", "There is nothing here."),
    };
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Sign-in</title><style>{STYLE}</style></head>\
         <body><main><p>{text}</p></main></body></html>"
    );
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\nReferrer-Policy: no-referrer\r\n\
         Connection: close\r\n\r\n{page}",
        page.len()
    );
    // The sign-in is complete even if the person never sees the page.
    let _ = stream.write_all(response.as_bytes()).await;
    let _ = stream.shutdown().await;
    redirect
}

/// The redirect in a request, if it is the expected one.
fn parse(head: &[u8], path: &str, state: &str) -> Option<Redirect> {
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let target = line.strip_prefix("GET ")?.split(' ').next()?;
    // A browser sends a path; a whole URL counts only for this host.
    let url = Url::parse("http://localhost").ok()?.join(target).ok()?;
    if url.host_str() != Some("localhost") || url.path() != path {
        return None;
    }
    let find = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    if !bool::from(find("state")?.as_bytes().ct_eq(state.as_bytes())) {
        return None;
    }
    if let Some(error) = find("error") {
        let description = find("error_description").unwrap_or_default();
        return Some(Redirect::Error { error, description });
    }
    find("code").filter(|code| !code.is_empty()).map(Redirect::Code)
}
