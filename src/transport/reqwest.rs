//! The transport over reqwest.

use std::fmt;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use url::Url;

use super::{Transport, TransportError};
use crate::error::{Error, ErrorKind};

/// 8 MiB: ten times the largest object of a directory, Microsoft Graph's own service principal.
const DEFAULT_BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Sends over reqwest: connections are kept and shared, bodies are taken compressed, the proxy is the environment's.
#[derive(Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    body_limit: usize,
}

impl ReqwestTransport {
    /// With reqwest's defaults for TLS and proxy (`HTTPS_PROXY`, `NO_PROXY`), no redirects and no retries.
    ///
    /// # Errors
    /// [`ErrorKind::Network`] when TLS cannot be set up on this machine.
    pub fn new() -> Result<Self, Error> {
        Self::build(reqwest::Client::builder())
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
        Self::build(reqwest::Client::builder().proxy(proxy))
    }

    fn build(builder: reqwest::ClientBuilder) -> Result<Self, Error> {
        builder
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map(|client| Self { client, body_limit: DEFAULT_BODY_LIMIT })
            .map_err(|error| {
                Error::new(ErrorKind::Network, "tls_setup", "TLS could not be set up")
                    .with_remedy("Check the machine's certificate store, or give a reqwest client of your own.")
                    .with_source(error)
            })
    }

    /// Sends by a client of one's own, with its proxy, certificates and timeouts.
    ///
    /// It must neither follow redirects nor retry: build it with `redirect(Policy::none())` and
    /// `retry(retry::never())`, because a token or a second application would go where it should not. A redirect that
    /// was followed all the same is refused.
    pub fn from_client(client: reqwest::Client) -> Self {
        Self { client, body_limit: DEFAULT_BODY_LIMIT }
    }

    /// The largest body that is taken, in bytes, after decompression. 8 MiB by default.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }
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
        let url = request.url().clone();
        let mut response = self.client.execute(request).await.map_err(|error| {
            let not_sent = error.is_connect() || error.is_builder();
            // The URL may hold a key; the operation's name says enough.
            let error = error.without_url();
            if not_sent { TransportError::not_sent(error) } else { TransportError::maybe_sent(error) }
        })?;
        if *response.url() != url {
            return Err(TransportError::maybe_sent("a redirect was followed"));
        }
        let mut answer = http::Response::new(Bytes::new());
        *answer.status_mut() = response.status();
        *answer.version_mut() = response.version();
        std::mem::swap(answer.headers_mut(), response.headers_mut());
        let mut body = BytesMut::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| TransportError::maybe_sent(error.without_url()))?
        {
            if body.len() + chunk.len() > self.body_limit {
                return Err(TransportError::maybe_sent(format!("the body is larger than {} bytes", self.body_limit)));
            }
            body.extend_from_slice(&chunk);
        }
        *answer.body_mut() = body.freeze();
        Ok(answer)
    }
}
