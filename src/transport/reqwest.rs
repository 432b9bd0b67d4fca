//! The transport over reqwest.

use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use url::{Host, Url};

use super::{Transport, TransportError};
use crate::cloud::is_safe;
use crate::error::{Error, ErrorKind};

/// 8 MiB: ten times the largest object of a directory, Microsoft Graph's own service principal.
const DEFAULT_BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Sends over reqwest: connections are kept and shared, bodies are taken compressed, the proxy is the environment's.
///
/// It follows no redirect and repeats nothing, whatever it is built from. Plain http to this machine, or to the
/// link-local service that gives a virtual machine its tokens, does not go through the environment's proxy: another
/// machine would read what is meant for this one.
#[derive(Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    /// Without a proxy: made when it is first needed, where the client has the environment's.
    direct: Option<Arc<OnceLock<reqwest::Client>>>,
    body_limit: usize,
}

impl ReqwestTransport {
    /// With reqwest's defaults for TLS and proxy (`HTTPS_PROXY`, `NO_PROXY`).
    ///
    /// # Errors
    /// [`ErrorKind::Network`] when TLS cannot be set up on this machine.
    pub fn new() -> Result<Self, Error> {
        let transport = Self::from_builder(reqwest::Client::builder())?;
        Ok(Self { direct: Some(Arc::default()), ..transport })
    }

    /// The same, through this proxy instead of the environment's. Credentials stand in the address.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an address that is no proxy's, [`ErrorKind::Network`] when TLS cannot be set up.
    pub fn through_proxy(proxy: &Url) -> Result<Self, Error> {
        let proxy = reqwest::Proxy::all(proxy.as_str()).map_err(|error| {
            Error::invalid("invalid_proxy", "the proxy's address is not one")
                .with_remedy("Give it as http://host:port.")
                .with_source(error.without_url())
        })?;
        Self::from_builder(reqwest::Client::builder().proxy(proxy))
    }

    /// Sends by a client of one's own, with its proxy, certificates and timeouts.
    ///
    /// It takes the builder, not the client, so that redirects and retries are off whatever was set: a token, a secret
    /// or a second application would go where it should not.
    ///
    /// # Errors
    /// [`ErrorKind::Network`] when TLS cannot be set up on this machine.
    pub fn from_builder(builder: reqwest::ClientBuilder) -> Result<Self, Error> {
        build(builder).map(|client| Self { client, direct: None, body_limit: DEFAULT_BODY_LIMIT }).map_err(|error| {
            Error::new(ErrorKind::Network, "tls_setup", "TLS could not be set up")
                .with_remedy("Check the machine's certificate store, or build a reqwest client of your own.")
                .with_source(error)
        })
    }

    /// The largest body that is taken, in bytes, after decompression. 8 MiB by default.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    fn client_for(&self, url: &Url) -> Result<&reqwest::Client, reqwest::Error> {
        let Some(direct) = self.direct.as_ref().filter(|_| stays_here(url)) else {
            return Ok(&self.client);
        };
        if let Some(client) = direct.get() {
            return Ok(client);
        }
        let client = build(reqwest::Client::builder().no_proxy())?;
        Ok(direct.get_or_init(|| client))
    }
}

/// Whether it is plain http that no other machine is to see.
fn stays_here(url: &Url) -> bool {
    let link_local = matches!(url.host(), Some(Host::Ipv4(ip)) if ip.is_link_local());
    url.scheme() == "http" && (is_safe(url) || link_local)
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, reqwest::Error> {
    builder.redirect(reqwest::redirect::Policy::none()).retry(reqwest::retry::never()).build()
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport").field("body_limit", &self.body_limit).finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let request =
            reqwest::Request::try_from(request).map_err(|error| TransportError::not_sent(error.without_url()))?;
        let client = self.client_for(request.url()).map_err(TransportError::not_sent)?;
        let mut received = client.execute(request).await.map_err(|error| {
            let not_sent = error.is_connect() || error.is_builder();
            // The URL may hold a key; the operation's name says enough.
            let error = error.without_url();
            if not_sent { TransportError::not_sent(error) } else { TransportError::maybe_sent(error) }
        })?;
        let too_large = || TransportError::too_large(self.body_limit);
        let limit = u64::try_from(self.body_limit).unwrap_or(u64::MAX);
        if received.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = received.status();
        *response.version_mut() = received.version();
        std::mem::swap(response.headers_mut(), received.headers_mut());
        let mut body = BytesMut::new();
        while let Some(chunk) =
            received.chunk().await.map_err(|error| TransportError::maybe_sent(error.without_url()))?
        {
            if chunk.len() > self.body_limit - body.len() {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        *response.body_mut() = body.freeze();
        Ok(response)
    }
}
