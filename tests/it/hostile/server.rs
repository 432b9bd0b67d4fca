//! A service in this process that responds with whatever a test gives it.

use std::sync::{Arc, Mutex};

use entra_apps::async_trait;
use entra_apps::auth::StaticToken;
use entra_apps::bytes::Bytes;
use entra_apps::clock::TokioClock;
use entra_apps::cloud::Cloud;
use entra_apps::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use entra_apps::http::{Request, Response};
use entra_apps::ids::{AppId, TenantId};
use entra_apps::secrecy::SecretString;
use entra_apps::transport::{Transport, TransportError};
use entra_apps::url::Url;
use entra_apps::{Client, ClientBuilder};
use entra_emulator::SeededRandomness;

use crate::support::TODAY;

/// The client's own secret: it may be sent to the sign-in service, and shown nowhere.
pub(super) const SECRET: &str = "s3cr3t~marker~value";

/// The bearer: it may be sent to Graph, and shown nowhere.
pub(super) const TOKEN: &str = "t0ken-marker-value";

/// The response to a request.
#[derive(Clone)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Reply {
    pub(super) fn of(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(super) fn ok(body: impl Into<Bytes>) -> Self {
        Self::of(200, body)
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

type Respond = dyn Fn(usize, &Request<Bytes>) -> Reply + Send + Sync;

/// Responds by a function of the request and of how many there were before, and keeps the requests.
pub(super) struct Server {
    respond: Box<Respond>,
    requests: Mutex<Vec<Request<Bytes>>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Server")
    }
}

impl Server {
    pub(super) fn new(respond: impl Fn(usize, &Request<Bytes>) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { respond: Box::new(respond), requests: Mutex::default() })
    }

    /// A server that gives one response to every request.
    pub(super) fn always(reply: Reply) -> Arc<Self> {
        Self::new(move |_, _| reply.clone())
    }

    /// One response after the other, and the last for ever.
    pub(super) fn script(replies: Vec<Reply>) -> Arc<Self> {
        Self::new(move |at, _| replies[at.min(replies.len() - 1)].clone())
    }

    pub(super) fn requests(&self) -> Vec<Request<Bytes>> {
        self.requests.lock().unwrap().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    pub(super) fn clear(&self) {
        self.requests.lock().unwrap().clear();
    }
}

#[async_trait]
impl Transport for Server {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        // A bearer goes to Graph and a sign-in to the sign-in service, and neither anywhere else.
        let bearer = request.headers().contains_key(AUTHORIZATION);
        let home = if bearer { "https://graph.test/" } else { "https://login.test/" };
        let uri = request.uri().to_string();
        assert!(uri.starts_with(home), "a request to {uri}");
        let at = {
            let mut requests = self.requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() - 1
        };
        assert!(at < 30_000, "there is no end to it");
        let Reply { status, headers, body } = (self.respond)(at, &request);
        let mut response = Response::builder().status(status).body(body).unwrap();
        for (name, value) in headers {
            let value = HeaderValue::from_maybe_shared(Bytes::from(value)).unwrap();
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
        Ok(response)
    }
}

fn builder(server: &Arc<Server>) -> ClientBuilder {
    let url = |text: &str| Url::parse(text).unwrap();
    Client::builder()
        .cloud(Cloud::custom("test", &url("https://graph.test"), &url("https://login.test")).unwrap())
        .tenant(TenantId::from_u128(1))
        .transport(server.clone())
        .clock(Arc::new(TokioClock::starting_at(TODAY)))
        .randomness(Arc::new(SeededRandomness::new(1)))
}

/// A client that holds [`TOKEN`].
pub(super) fn client(server: &Arc<Server>) -> Client {
    holding(server, TOKEN)
}

/// A client that holds this token.
pub(super) fn holding(server: &Arc<Server>, token: &str) -> Client {
    builder(server).token_provider(Arc::new(StaticToken::new(SecretString::from(token)))).build().unwrap()
}

/// A client that signs in with [`SECRET`].
pub(super) fn signing_in(server: &Arc<Server>) -> Client {
    builder(server).client_secret(AppId::from_u128(2), SecretString::from(SECRET)).build().unwrap()
}

/// Every text that an error can be made to show, its sources' included.
pub(super) fn shown(error: &(dyn std::error::Error + 'static)) -> String {
    let mut all = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        all.extend([error.to_string(), format!("{error:?}"), format!("{error:#?}")]);
        next = error.source();
    }
    all
}
