//! The ways to sign in, against a service that responds from a script.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;
use url::form_urlencoded;

use crate::auth::{ClientAuthentication, ClientCredentialsProvider, SignInService};
use crate::clock::TokioClock;
use crate::cloud::Cloud;
use crate::error::{BoxError, Error};
use crate::ids::{AppId, Tenant};
use crate::random::testing::Counting;
use crate::retry::RetryPolicy;
use crate::token::{TokenRequest, token_of};
use crate::transport::{Transport, TransportError};

mod assertion;
#[cfg(feature = "azure")]
mod azure;
#[cfg(all(feature = "azure-cli", unix))]
mod azure_cli;
#[cfg(all(feature = "browser", feature = "rustls"))]
mod browser;
#[cfg(all(feature = "certificate", feature = "rustls"))]
mod certificate;
mod chain;
mod device_code;
mod managed_identity;
#[cfg(all(feature = "pkcs12", feature = "rustls"))]
mod pkcs12;
mod refresh_token;
mod retries;

pub(super) const NOW: OffsetDateTime = datetime!(2026-06-01 09:00 UTC);
pub(super) const TENANT: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
pub(super) const CUSTOMER: &str = "bbbbcccc-1111-dddd-2222-eeee3333ffff";
pub(super) const CLIENT: AppId = AppId::from_u128(0x11);
pub(super) const SCOPE: &str = "https://graph.microsoft.com/.default";

/// The reaction of the service to one request.
pub(super) enum Reply {
    Response(u16, Value),
    /// A body that is no JSON, or not whole.
    Text(u16, &'static str),
    /// A body with a `WWW-Authenticate`.
    Challenge(u16, String),
    NotSent,
    Lost,
}

/// Responds from a script and records the requests.
#[derive(Default)]
pub(super) struct Script {
    replies: Mutex<VecDeque<Reply>>,
    requests: Mutex<Vec<http::Request<Bytes>>>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl Script {
    pub(super) fn new(replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        Arc::new(Self { replies: Mutex::new(replies.into_iter().collect()), requests: Mutex::default() })
    }

    pub(super) fn add(&self, reply: Reply) {
        self.replies.lock().unwrap().push_back(reply);
    }

    /// The forms that were posted.
    pub(super) fn forms(&self) -> Vec<HashMap<String, String>> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|request| form_urlencoded::parse(request.body()).into_owned().collect()).collect()
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|request| request.uri().path().to_owned()).collect()
    }

    pub(super) fn requests(&self) -> Vec<http::Request<Bytes>> {
        self.requests.lock().unwrap().clone()
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        self.requests.lock().unwrap().push(request);
        let reply = self.replies.lock().unwrap().pop_front().expect("the script has a reply left");
        match reply {
            Reply::Response(status, body) => {
                let body = Bytes::from(body.to_string());
                Ok(http::Response::builder().status(status).body(body).unwrap())
            }
            Reply::Text(status, body) => Ok(http::Response::builder().status(status).body(body.into()).unwrap()),
            Reply::Challenge(status, challenge) => {
                let response = http::Response::builder().status(status).header("www-authenticate", challenge);
                Ok(response.body(Bytes::new()).unwrap())
            }
            Reply::NotSent => Err(TransportError::not_sent("no route")),
            Reply::Lost => Err(TransportError::maybe_sent("reset")),
        }
    }
}

/// A service that responds from the script, without retries.
pub(super) fn service(script: &Arc<Script>) -> SignInService {
    retrying_service(script).retry_policy(RetryPolicy::none())
}

/// A service that responds from the script, with the crate's own retries.
pub(super) fn retrying_service(script: &Arc<Script>) -> SignInService {
    let clock = Arc::new(TokioClock::starting_at(NOW));
    SignInService::new(Cloud::global(), script.clone(), clock).randomness(Arc::new(Counting::default()))
}

/// An app that signs in as itself, without retries.
pub(super) fn app(script: &Arc<Script>, authentication: ClientAuthentication) -> ClientCredentialsProvider {
    ClientCredentialsProvider::new(service(script), CLIENT, authentication)
}

pub(super) fn tenant(name: &str) -> Tenant {
    name.parse().unwrap()
}

pub(super) fn request() -> TokenRequest {
    TokenRequest::new(tenant(TENANT), SCOPE)
}

pub(super) fn token(access: &str) -> Reply {
    Reply::Response(200, json!({"token_type": "Bearer", "expires_in": 3599, "access_token": access}))
}

pub(super) fn tokens(access: &str, refresh: &str) -> Reply {
    let body = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": access, "refresh_token": refresh});
    Reply::Response(200, body)
}

/// A refusal as Entra writes it.
pub(super) fn refused(oauth: &str, number: u64) -> Reply {
    let description = format!("AADSTS{number}: No. Trace ID: t Correlation ID: c Timestamp: 2026-06-01 09:00:00Z");
    Reply::Response(400, json!({"error": oauth, "error_description": description, "error_codes": [number]}))
}

pub(super) fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

pub(super) fn text(secret: &SecretString) -> &str {
    secret.expose_secret()
}

/// That neither form of the error, nor its sources, show one of these.
pub(super) fn assert_hidden(error: &Error, secrets: &[&str]) {
    let mut shown = format!("{error} {error:?} {error:#?} {:?}", error.service_message());
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        shown = format!("{shown} {inner} {inner:?}");
        source = inner.source();
    }
    for secret in secrets {
        assert!(!shown.contains(secret), "{shown}");
    }
}
