//! A listener on this machine for the one redirect that ends a sign-in in the browser.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use subtle::ConstantTimeEq as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::clock::{Clock, Sleep};
use crate::error::{Error, ErrorCode};
use crate::retry::timeout;

/// A browser's request with a code is a few kilobytes.
const MAX_REQUEST_BYTES: usize = 32 * 1024;

/// A browser opens a few connections in advance.
const MAX_CONNECTIONS: usize = 32;

/// Bounds the time from connection to response.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// The wait after a connection that could not be accepted, such as for want of a file descriptor: doubled each time.
const MIN_ACCEPT_DELAY: Duration = Duration::from_millis(20);

/// The longest such wait.
const MAX_ACCEPT_DELAY: Duration = Duration::from_secs(1);

/// Ports that are tried until one is free at both addresses.
const MAX_BINDS: usize = 16;

/// Where connections come from: a socket that listens.
pub(super) trait Listen {
    /// One connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send;

    /// Accepts a connection, as [`TcpListener::poll_accept`] does.
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Self::Stream>>;
}

impl Listen for TcpListener {
    type Stream = TcpStream;

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        TcpListener::poll_accept(self, context).map_ok(|(stream, _)| stream)
    }
}

/// Listens on the loopback addresses of this machine.
pub(super) struct Loopback<L = TcpListener> {
    listeners: Vec<L>,
    port: u16,
}

/// The parameters of the redirect.
pub(super) enum Redirect {
    Code(String),
    Error { error: String, subcode: Option<String>, description: String },
}

impl Loopback {
    /// Listens on 127.0.0.1 and on the same port of ::1, where this machine has that address: a browser may resolve
    /// `localhost` to either, and who listens at the other would be sent the code. Port 0 stands for any that is free at
    /// both.
    pub(super) async fn bind(port: u16) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::new(ErrorCode::LoopbackUnavailable).with_source(error);
        let binds = if port == 0 { MAX_BINDS } else { 1 };
        let mut taken = None;
        // Those that are free at one address only are held meanwhile, so that none is tried twice.
        let mut half_free = Vec::new();
        for _ in 0..binds {
            let first = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
            let port = first.local_addr().map_err(failed)?.port();
            match TcpListener::bind(("::1", port)).await {
                Ok(second) => return Ok(Self { listeners: vec![first, second], port }),
                Err(error) if is_taken(&error) => {
                    half_free.push(first);
                    taken = Some((port, error));
                }
                // Without IPv6, nobody is sent there.
                Err(_) => return Ok(Self { listeners: vec![first], port }),
            }
        }
        let Some((port, error)) = taken else { return Err(Error::new(ErrorCode::LoopbackUnavailable)) };
        Err(failed(error).with_message(format!(
            "port {port} is free at 127.0.0.1, but another program listens at [::1], and could be sent the sign-in"
        )))
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

/// Whether another program listens at an address, or has reserved it.
fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

type Connection<'a> = Pin<Box<dyn Future<Output = Option<Redirect>> + Send + 'a>>;

/// The connections that wait for their turn, and what keeps others from being accepted for a while.
struct Connections<'a> {
    open: Vec<Connection<'a>>,
    pause: Option<Sleep>,
    delay: Duration,
}

impl<L: Listen> Loopback<L> {
    /// Waits for the redirect to `path` with this state, or until the time allowed is up. Any other request gets a 404.
    pub(super) async fn wait_for_redirect(
        self,
        path: &str,
        state: &str,
        clock: &dyn Clock,
        allowed: Duration,
    ) -> Option<Redirect> {
        let mut connections = Connections { open: Vec::new(), pause: None, delay: MIN_ACCEPT_DELAY };
        let mut limit = clock.sleep(allowed);
        let mut redirected = pin!(std::future::poll_fn(|context| {
            self.accept(&mut connections, path, state, clock, context);
            let mut index = 0;
            while index < connections.open.len() {
                match connections.open[index].as_mut().poll(context) {
                    Poll::Ready(Some(redirect)) => return Poll::Ready(redirect),
                    Poll::Ready(None) => {
                        drop(connections.open.swap_remove(index));
                        // A waiting connection can take its place; the runtime asks again, after others had their turn.
                        context.waker().wake_by_ref();
                    }
                    Poll::Pending => index += 1,
                }
            }
            Poll::Pending
        }));
        std::future::poll_fn(|context| {
            // The limit comes first: whoever keeps the listener busy would use up what the runtime lets one poll do.
            match limit.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => redirected.as_mut().poll(context).map(Some),
            }
        })
        .await
    }

    fn accept<'a>(
        &self,
        connections: &mut Connections<'a>,
        path: &'a str,
        state: &'a str,
        clock: &'a dyn Clock,
        context: &mut Context<'_>,
    ) where
        L::Stream: 'a,
    {
        if let Some(pause) = &mut connections.pause {
            if pause.as_mut().poll(context).is_pending() {
                return;
            }
            connections.pause = None;
        }
        for listener in &self.listeners {
            while connections.open.len() < MAX_CONNECTIONS {
                match listener.poll_accept(context) {
                    Poll::Ready(Ok(stream)) => {
                        connections.delay = MIN_ACCEPT_DELAY;
                        connections.open.push(Box::pin(async move {
                            timeout(serve(stream, path, state), clock, CONNECTION_TIMEOUT).await.flatten()
                        }));
                    }
                    // The connection is gone already, or the system lacks what it takes: the others go on meanwhile.
                    Poll::Ready(Err(error)) => {
                        tracing::debug!(%error, "a connection could not be accepted");
                        let mut pause = clock.sleep(connections.delay);
                        connections.delay = connections.delay.saturating_mul(2).min(MAX_ACCEPT_DELAY);
                        if pause.as_mut().poll(context).is_pending() {
                            connections.pause = Some(pause);
                        } else {
                            context.waker().wake_by_ref();
                        }
                        return;
                    }
                    Poll::Pending => break,
                }
            }
        }
    }
}

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif}main{max-width:32rem;margin:15vh auto;padding:0 1rem}";

/// Reads one request and responds to it.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str, state: &str) -> Option<Redirect> {
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
    let (error, description) = (find("error"), find("error_description"));
    if error.is_some() || description.is_some() {
        let (error, description) = (error.unwrap_or_default(), description.unwrap_or_default());
        return Some(Redirect::Error { error, subcode: find("error_subcode"), description });
    }
    find("code").filter(|code| !code.is_empty()).map(Redirect::Code)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::clock::TokioClock;

    /// Fails each time but those for which a connection is there.
    struct Exhausted {
        accepts: AtomicU32,
        failures: u32,
        stream: Mutex<Option<tokio::io::DuplexStream>>,
    }

    impl Exhausted {
        fn loopback(failures: u32, stream: Option<tokio::io::DuplexStream>) -> Loopback<Self> {
            let listener = Self { accepts: AtomicU32::new(0), failures, stream: Mutex::new(stream) };
            Loopback { listeners: vec![listener], port: 1 }
        }
    }

    impl Listen for &Exhausted {
        type Stream = tokio::io::DuplexStream;

        fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Self::Stream>> {
            Exhausted::poll_accept(self, context)
        }
    }

    impl Listen for Exhausted {
        type Stream = tokio::io::DuplexStream;

        fn poll_accept(&self, _: &mut Context<'_>) -> Poll<io::Result<Self::Stream>> {
            if self.accepts.fetch_add(1, Ordering::Relaxed) < self.failures {
                return Poll::Ready(Err(io::Error::other("too many open files")));
            }
            self.stream.lock().unwrap().take().map_or(Poll::Pending, |stream| Poll::Ready(Ok(stream)))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_that_fails_is_asked_again_in_a_while_and_ends_in_time() {
        let Loopback { listeners, port } = Exhausted::loopback(u32::MAX, None);
        let loopback = Loopback { listeners: listeners.iter().collect(), port };
        let start = tokio::time::Instant::now();
        let redirect = loopback.wait_for_redirect("/", "s", &TokioClock::new(), Duration::from_secs(300)).await;
        assert!(redirect.is_none());
        assert_eq!(start.elapsed(), Duration::from_secs(300));
        let accepts = listeners[0].accepts.load(Ordering::Relaxed);
        assert!((200..320).contains(&accepts), "{accepts} times in five minutes");
    }

    #[tokio::test(start_paused = true)]
    async fn a_redirect_is_taken_once_the_listener_works_again() {
        let (mut browser, stream) = tokio::io::duplex(4096);
        browser.write_all(b"GET /?code=c&state=s HTTP/1.1\r\n\r\n").await.unwrap();
        let loopback = Exhausted::loopback(20, Some(stream));
        let redirect = loopback.wait_for_redirect("/", "s", &TokioClock::new(), Duration::from_secs(300)).await;
        assert!(matches!(redirect, Some(Redirect::Code(code)) if code == "c"));
    }

    /// Has a connection without end, each closed at once.
    struct Busy;

    impl Listen for Busy {
        type Stream = tokio::io::DuplexStream;

        fn poll_accept(&self, _: &mut Context<'_>) -> Poll<io::Result<Self::Stream>> {
            Poll::Ready(Ok(tokio::io::duplex(1).1))
        }
    }

    #[tokio::test]
    async fn whoever_keeps_the_listener_busy_does_not_outlast_the_time_allowed() {
        let loopback = Loopback { listeners: vec![Busy], port: 1 };
        let redirect = loopback.wait_for_redirect("/", "s", &TokioClock::new(), Duration::from_millis(50)).await;
        assert!(redirect.is_none());
    }

    #[tokio::test]
    async fn a_port_that_is_taken_at_one_address_is_passed_over_and_a_given_one_is_refused() {
        let Ok(taken) = TcpListener::bind("[::1]:0").await else { return };
        let port = taken.local_addr().unwrap().port();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_err() {
            return;
        }
        let error = Loopback::bind(port).await.map(|_| ()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::LoopbackUnavailable);
        assert!(error.message().contains("[::1]"), "{error}");
        let any = Loopback::bind(0).await.unwrap();
        assert_eq!(any.listeners.len(), 2);
        assert_ne!(any.port(), port);
    }
}
