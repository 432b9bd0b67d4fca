//! What the fuzz targets share: a service that answers whatever it is told to, time that passes at once, and the
//! promises that hold for every answer.
//!
//! Everything goes through the crate's public API, so that it is the public promise that is tried.

use std::error::Error as StdError;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use entra_apps::auth::StaticToken;
use entra_apps::bytes::Bytes;
use entra_apps::clock::{Clock, Sleep};
use entra_apps::cloud::Cloud;
use entra_apps::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use entra_apps::http::{Request, Response};
use entra_apps::ids::{AppId, TenantId};
use entra_apps::secrecy::SecretString;
use entra_apps::time::OffsetDateTime;
use entra_apps::transport::{Transport, TransportError};
use entra_apps::url::Url;
use entra_apps::{Client, ClientBuilder, Error, async_trait};
use entra_emulator::SeededRandomness;
use time::macros::datetime;

/// The client's own secret: it may be sent to the sign-in service, and shown nowhere.
pub const SECRET: &str = "s3cr3t~marker~value";

/// The bearer: it may be sent to Graph, and shown nowhere.
pub const TOKEN: &str = "t0ken-marker-value";

/// More requests than this for one input are a loop.
const MOST_REQUESTS: u32 = 11_000;

/// Runs a future whose every part is ready at once: one that has to wait would wait for ever.
pub fn block_on<F: Future>(future: F) -> F::Output {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits for what never comes"),
    }
}

/// Time that passes as soon as somebody waits.
#[derive(Debug, Default)]
pub struct QuickClock(Arc<AtomicU64>);

impl Clock for QuickClock {
    fn now(&self) -> OffsetDateTime {
        datetime!(2026-06-01 09:00 UTC) + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let time = Arc::clone(&self.0);
        let millis = u64::try_from(duration.as_millis()).expect("a wait has an end");
        assert!(millis < 24 * 3600 * 1000, "it would wait for {duration:?}");
        Box::pin(std::future::poll_fn(move |_| {
            time.fetch_add(millis.max(1), Ordering::Relaxed);
            Poll::Ready(())
        }))
    }
}

/// What a request is answered with.
#[derive(Clone, Debug)]
pub enum Answer {
    Response(u16, Vec<(&'static str, Vec<u8>)>, Vec<u8>),
    NotSent,
    MaybeSent,
}

impl Answer {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Response(200, Vec::new(), body.into())
    }

    pub fn of(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Response(status, Vec::new(), body.into())
    }
}

const STATUSES: [u16; 20] =
    [200, 200, 200, 201, 204, 301, 307, 400, 401, 403, 404, 408, 409, 412, 424, 429, 500, 503, 504, 999];

const HEADERS: [&str; 6] =
    ["retry-after", "www-authenticate", "request-id", "client-request-id", "location", "content-type"];

/// Reads answers from fuzz data: a status, flags for headers, and lengths before texts.
pub fn answers(mut data: &[u8]) -> Vec<Answer> {
    fn take<'a>(data: &mut &'a [u8], length: usize) -> &'a [u8] {
        let (taken, rest) = data.split_at(length.min(data.len()));
        *data = rest;
        taken
    }
    fn byte(data: &mut &[u8]) -> u8 {
        take(data, 1).first().copied().unwrap_or(0)
    }
    let mut answers = Vec::new();
    while !data.is_empty() && answers.len() < 64 {
        let kind = byte(&mut data);
        if kind >= 250 {
            answers.push(if kind % 2 == 0 { Answer::NotSent } else { Answer::MaybeSent });
            continue;
        }
        let flags = byte(&mut data);
        let mut headers = Vec::new();
        for (bit, name) in HEADERS.into_iter().enumerate() {
            if flags & (1 << bit) != 0 {
                let length = byte(&mut data);
                headers.push((name, take(&mut data, length.into()).to_vec()));
            }
        }
        let length = u16::from_le_bytes([byte(&mut data), byte(&mut data)]);
        let body = take(&mut data, length.into()).to_vec();
        answers.push(Answer::Response(STATUSES[usize::from(kind) % STATUSES.len()], headers, body));
    }
    answers
}

/// Answers from a script, and again from its start when it is through: a server never tires.
pub struct Scripted {
    script: Vec<Answer>,
    /// Where it stands, and how many requests there were.
    state: Mutex<(usize, u32)>,
    /// Behind the end of the script there is nothing.
    once: bool,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

impl Scripted {
    pub fn once(script: Vec<Answer>) -> Arc<Self> {
        Arc::new(Self { script, state: Mutex::default(), once: true })
    }

    pub fn again(script: Vec<Answer>) -> Arc<Self> {
        Arc::new(Self { script, state: Mutex::default(), once: false })
    }

    pub fn requests(&self) -> u32 {
        self.state.lock().unwrap().1
    }
}

/// A bearer goes to Graph and a sign-in to the sign-in service, over https, and neither anywhere else.
pub fn check_request(request: &Request<Bytes>) {
    let url = Url::parse(&request.uri().to_string()).expect("an address");
    assert!(url.scheme() == "https" && url.port().is_none() && url.username().is_empty(), "{url}");
    assert!(url.password().is_none() && url.fragment().is_none(), "{url}");
    let bearer = request.headers().contains_key(AUTHORIZATION);
    assert_eq!(url.host_str(), Some(if bearer { "graph.test" } else { "login.test" }), "{url}");
    assert!(!format!("{:?}", request.headers()).contains(TOKEN));
}

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        check_request(&request);
        let mut state = self.state.lock().unwrap();
        let (next, requests) = &mut *state;
        *requests += 1;
        assert!(*requests <= MOST_REQUESTS, "there is no end to it");
        let silence = Answer::NotSent;
        let at = if self.once { *next } else { *next % self.script.len().max(1) };
        *next += 1;
        match self.script.get(at).unwrap_or(&silence) {
            Answer::NotSent => Err(TransportError::not_sent("told to")),
            Answer::MaybeSent => Err(TransportError::maybe_sent("told to")),
            Answer::Response(status, headers, body) => {
                let mut response = Response::builder().status(*status).body(Bytes::copy_from_slice(body)).unwrap();
                for (name, value) in headers {
                    if let Ok(value) = HeaderValue::from_bytes(value) {
                        response.headers_mut().insert(HeaderName::from_static(name), value);
                    }
                }
                Ok(response)
            }
        }
    }
}

pub fn cloud() -> Cloud {
    let url = |text: &str| Url::parse(text).unwrap();
    Cloud::custom("test", &url("https://graph.test"), &url("https://login.test")).unwrap()
}

pub fn builder(transport: Arc<dyn Transport>) -> ClientBuilder {
    Client::builder()
        .cloud(cloud())
        .tenant(TenantId::from_u128(1))
        .transport(transport)
        .clock(Arc::new(QuickClock::default()))
        .randomness(Arc::new(SeededRandomness::new(1)))
}

/// A client that holds a token.
pub fn client(transport: Arc<dyn Transport>) -> Client {
    builder(transport).token_provider(Arc::new(StaticToken::new(SecretString::from(TOKEN)))).build().unwrap()
}

/// A client that signs in with a secret.
pub fn client_with_secret(transport: Arc<dyn Transport>) -> Client {
    builder(transport).client_secret(AppId::from_u128(2), SecretString::from(SECRET)).build().unwrap()
}

/// What holds for every error: it does not show what is private, and is a text that a terminal can show.
pub fn check_error(error: &(dyn StdError + 'static), private: Option<&str>) {
    let mut next = Some(error);
    while let Some(error) = next {
        for shown in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
            assert!(!private.is_some_and(|private| shown.contains(private)), "a secret in {shown}");
            assert!(shown.len() < 128 * 1024, "an error of {} bytes", shown.len());
        }
        let shown = error.to_string();
        assert!(!shown.chars().any(char::is_control), "a control character in {shown:?}");
        next = error.source();
    }
}

/// Formats what came of a call of [`client`], and checks an error.
pub fn check<T: std::fmt::Debug>(result: Result<T, Error>) -> Option<T> {
    check_for(result, Some(TOKEN))
}

/// The same, where something else is private.
pub fn check_for<T: std::fmt::Debug>(result: Result<T, Error>, private: Option<&str>) -> Option<T> {
    match result {
        Ok(value) => {
            let _ = format!("{value:?} {value:#?}");
            Some(value)
        }
        Err(error) => {
            check_error(&error, private);
            assert!(!error.code().as_str().is_empty() && !error.message().is_empty());
            None
        }
    }
}
