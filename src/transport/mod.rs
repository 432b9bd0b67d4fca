//! The seam to the network: one request in, one response out.

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
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends `request`, whose URI is absolute, and returns the whole response.
    ///
    /// # Errors
    /// When there is no response, or not a whole one.
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError>;
}

/// Why there is no response, and whether the service may have acted on the request.
#[derive(Debug)]
pub struct TransportError {
    maybe_sent: bool,
    too_large: bool,
    source: Box<dyn StdError + Send + Sync>,
}

impl TransportError {
    /// The request did not reach the service: no name, no connection, no TLS.
    pub fn not_sent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { maybe_sent: false, too_large: false, source: source.into() }
    }

    /// The request may have reached the service, and may have been carried out.
    pub fn maybe_sent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { maybe_sent: true, too_large: false, source: source.into() }
    }

    /// The response has a body of more than `limit` bytes; the request may have been carried out.
    pub fn too_large(limit: usize) -> Self {
        let source = format!("the body is larger than {limit} bytes");
        Self { maybe_sent: true, too_large: true, source: source.into() }
    }

    /// Whether there was a response that is too large to be read: it will be as large the next time.
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
