//! The trait between this crate and the network, and its implementation over reqwest.

#[cfg(feature = "reqwest")]
mod reqwest;

use std::error::Error as StdError;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

#[cfg(feature = "reqwest")]
pub use self::reqwest::ReqwestTransport;

/// Sends one HTTP request and returns its response.
///
/// # Contract
/// - Any status is `Ok`. `Err` means that there is no response, and says whether the request may have been sent.
/// - It does not retry, follow redirects, or add credentials.
/// - It bounds the size of a body: a larger one is [`TransportError::too_large`].
/// - Dropping the future abandons the request, which then counts as maybe sent.
///
/// ```
/// use std::sync::Arc;
///
/// use entra_apps::bytes::Bytes;
/// use entra_apps::http::{Request, Response};
/// use entra_apps::transport::{Transport, TransportError};
///
/// /// Logs the method and the host of each request.
/// #[derive(Debug)]
/// struct Logged(Arc<dyn Transport>);
///
/// #[entra_apps::async_trait]
/// impl Transport for Logged {
///     async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
///         println!("{} {:?}", request.method(), request.uri().host());
///         self.0.send(request).await
///     }
/// }
/// # let _ = |inner| Logged(inner);
/// ```
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends `request`, whose URI is absolute, and returns the whole response.
    ///
    /// # Errors
    /// When there is no response, or not a whole one.
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError>;
}

/// The reason why there is no response, and whether the service may have acted on the request.
#[derive(Debug)]
pub struct TransportError {
    maybe_sent: bool,
    too_large: bool,
    source: Box<dyn StdError + Send + Sync>,
}

impl TransportError {
    /// Creates an error for a request that did not reach the service: no name, no connection, no TLS.
    pub fn not_sent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { maybe_sent: false, too_large: false, source: source.into() }
    }

    /// Creates an error for a request that may have reached the service, and may have been carried out.
    pub fn maybe_sent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { maybe_sent: true, too_large: false, source: source.into() }
    }

    /// Creates an error for a response with a body of more than `limit` bytes. The request may have been carried out.
    pub fn too_large(limit: usize) -> Self {
        let source = format!("the body is larger than {limit} bytes");
        Self { maybe_sent: true, too_large: true, source: source.into() }
    }

    /// Whether there was a response, with a body over the limit: a retry would receive the same.
    pub fn is_too_large(&self) -> bool {
        self.too_large
    }

    /// Whether the service may have acted on the request.
    pub fn is_maybe_sent(&self) -> bool {
        self.maybe_sent
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.maybe_sent { "no response to the request" } else { "the request could not be sent" })
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}
