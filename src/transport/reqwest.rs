//! The [`Transport`] over reqwest.

use std::error::Error as StdError;
use std::sync::{Arc, OnceLock};
use std::{fmt, io};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use url::{Host, Url};

use super::{ConnectFailure, Transport, TransportError};
use crate::cloud::is_secure;
use crate::error::{Error, ErrorCode};

/// Ten times the largest object of a directory, Microsoft Graph's own service principal.
const DEFAULT_BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Sends requests by reqwest: connections are pooled, responses are compressed, the proxy is the environment's.
///
/// It follows no redirect and retries nothing, whatever it is built from. Plain http to this machine, or to the
/// link-local service that gives a virtual machine its tokens, goes through no proxy, be it the environment's or one that
/// was given: another machine would read what is meant for this one. Such a request goes by a reqwest client of its own,
/// without what a builder has set besides.
///
/// With the feature `rustls-no-provider`, the program installs a rustls `CryptoProvider` before it makes one of these.
///
/// ```
/// use std::sync::Arc;
///
/// use entra_apps::transport::ReqwestTransport;
/// use entra_apps::url::Url;
///
/// let proxy = Url::parse("http://proxy.contoso.example:3128")?;
/// let transport = ReqwestTransport::through_proxy(&proxy)?.body_limit(8 * 1024 * 1024);
/// let builder = entra_apps::Client::builder().transport(Arc::new(transport));
/// # drop(builder);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
/// It sends on a tokio runtime with its I/O and its timer on, and panics elsewhere: `#[tokio::main]` turns both on.
#[derive(Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    /// Without a proxy; made when first needed.
    direct: Arc<OnceLock<reqwest::Client>>,
    body_limit: usize,
}

impl ReqwestTransport {
    /// Creates a transport with reqwest's defaults for TLS and proxy (`HTTPS_PROXY`, `NO_PROXY`).
    ///
    /// # Errors
    /// [`ErrorKind::Network`](crate::ErrorKind::Network) when TLS cannot be set up on this machine; [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code
    /// `no_crypto_provider` when the feature `rustls-no-provider` finds none installed.
    pub fn new() -> Result<Self, Error> {
        Self::from_builder(reqwest::Client::builder())
    }

    /// Creates a transport that uses `proxy` instead of the environment's: an `http` or `https` URL, in which credentials
    /// stand. For SOCKS, give [`from_builder`](Self::from_builder) a builder with such a proxy, and turn reqwest's feature
    /// `socks` on.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code [`InvalidProxy`](crate::ErrorCode::InvalidProxy) for a URL that is no proxy's, and otherwise as
    /// [`new`](Self::new).
    pub fn through_proxy(proxy: &Url) -> Result<Self, Error> {
        if !matches!(proxy.scheme(), "http" | "https") || proxy.host().is_none() {
            let message = format!("a proxy's URL begins with http or https, and not with {}", proxy.scheme());
            return Err(Error::new(ErrorCode::InvalidProxy).with_message(message));
        }
        let proxy = reqwest::Proxy::all(proxy.as_str())
            .map_err(|error| Error::new(ErrorCode::InvalidProxy).with_source(error.without_url()))?;
        Self::from_builder(reqwest::Client::builder().proxy(proxy))
    }

    /// Creates a transport from a reqwest builder, with its proxy, certificates and timeouts. Plain http to this machine
    /// goes without them, because no builder says whether it has a proxy.
    ///
    /// It takes the builder, not the client, so that redirects and retries are off whatever was set: a token, a secret
    /// or a second application would go where it should not.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_builder(builder: reqwest::ClientBuilder) -> Result<Self, Error> {
        // Reqwest panics without one.
        #[cfg(all(feature = "rustls-no-provider", not(feature = "native-tls")))]
        crate::crypto::provider()?;
        build(builder)
            .map(|client| Self { client, direct: Arc::default(), body_limit: DEFAULT_BODY_LIMIT })
            .map_err(|error| Error::new(ErrorCode::TlsSetupFailed).with_source(error))
    }

    /// Sets the largest body that is read, in bytes after decompression. 8 MiB by default.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    fn client_for(&self, url: &Url) -> Result<&reqwest::Client, reqwest::Error> {
        if !is_local(url) {
            return Ok(&self.client);
        }
        if let Some(client) = self.direct.get() {
            return Ok(client);
        }
        let client = build(reqwest::Client::builder().no_proxy())?;
        Ok(self.direct.get_or_init(|| client))
    }
}

/// Whether `url` is plain http that no other machine may see.
fn is_local(url: &Url) -> bool {
    let link_local = matches!(url.host(), Some(Host::Ipv4(ip)) if ip.is_link_local());
    url.scheme() == "http" && (is_secure(url) || link_local)
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
            // The URL may hold a secret; the operation's name says enough.
            let error = error.without_url();
            match connect_failure(&error) {
                _ if !not_sent => TransportError::maybe_sent(error),
                Some(failure) => TransportError::not_connected(failure, error),
                None => TransportError::not_sent(error),
            }
        })?;
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = received.status();
        *response.version_mut() = received.version();
        std::mem::swap(response.headers_mut(), received.headers_mut());
        *response.body_mut() = read_body(received, self.body_limit).await?;
        Ok(response)
    }
}

/// Why there is no connection, by what stands below reqwest's error.
fn connect_failure(error: &reqwest::Error) -> Option<ConnectFailure> {
    let causes = || std::iter::successors(Some(error as Cause<'_>), |cause| below(*cause));
    let mut io = causes().filter_map(|cause| cause.downcast_ref::<io::Error>());
    let is_refused = io.any(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    // The errors of a tunnel have no public type.
    let tunnel = causes().find_map(|cause| cause.to_string().strip_prefix("tunnel error: ").map(str::to_owned));
    match tunnel.as_deref() {
        Some("proxy authorization required") => Some(ConnectFailure::ProxyAuthenticationRequired),
        Some("unsuccessful" | "unexpected end of file" | "proxy response headers too long") => {
            Some(ConnectFailure::ProxyRefused)
        }
        Some(_) if error.is_dns() || is_refused => Some(ConnectFailure::ProxyUnreachable),
        _ if error.is_dns() => Some(ConnectFailure::NameNotResolved),
        _ if is_refused => Some(ConnectFailure::Refused),
        _ => causes().any(is_about_certificate).then_some(ConnectFailure::CertificateNotTrusted),
    }
}

type Cause<'a> = &'a (dyn StdError + 'static);

/// What an error comes from. What stands in an error of I/O is not its source: that is the source of what stands in it.
fn below(error: Cause<'_>) -> Option<Cause<'_>> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// Whether a certificate is not trusted. The platform's TLS tells so by a text alone.
fn is_about_certificate(error: Cause<'_>) -> bool {
    #[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
    if crate::crypto::is_untrusted_certificate(error) {
        return true;
    }
    cfg!(feature = "native-tls") && error.to_string().to_ascii_lowercase().contains("certificate")
}

/// Reads a body of at most `limit` bytes. One that comes in a single chunk is not copied.
async fn read_body(mut response: reqwest::Response, limit: usize) -> Result<Bytes, TransportError> {
    // None for a body that is unpacked here.
    let length = response.content_length().map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if length > limit {
        return Err(TransportError::too_large(limit));
    }
    let mut first = Bytes::new();
    let mut body = BytesMut::new();
    loop {
        let chunk = response.chunk().await.map_err(|error| TransportError::maybe_sent(error.without_url()))?;
        let Some(chunk) = chunk else {
            return Ok(if body.is_empty() { first } else { body.freeze() });
        };
        if chunk.len() > limit - first.len().max(body.len()) {
            return Err(TransportError::too_large(limit));
        }
        if first.is_empty() {
            first = chunk;
            continue;
        }
        if body.is_empty() {
            body.reserve(length.max(first.len() + chunk.len()));
            body.extend_from_slice(&first);
        }
        body.extend_from_slice(&chunk);
    }
}
