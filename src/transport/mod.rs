//! The trait between this crate and the network, and its implementation over reqwest.
//!
//! ```
//! # #[cfg(feature = "reqwest")] {
//! use std::sync::Arc;
//!
//! use entra_apps::Client;
//! use entra_apps::transport::ReqwestTransport;
//!
//! let transport = ReqwestTransport::new()?.body_limit(1024 * 1024);
//! let builder = Client::builder().transport(Arc::new(transport));
//! # let _ = builder; }
//! # Ok::<(), entra_apps::Error>(())
//! ```

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
///
/// ```
/// use entra_apps::transport::{ConnectFailure, TransportError};
///
/// let error = TransportError::not_connected(ConnectFailure::NameNotResolved, "the host has no address");
/// assert!(!error.is_maybe_sent());
/// assert_eq!(error.connect_failure(), Some(ConnectFailure::NameNotResolved));
/// ```
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TransportError(Reason);

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error("the request could not be sent")]
    NotSent(Option<ConnectFailure>, #[source] Source),
    #[error("no response to the request")]
    MaybeSent(#[source] Source),
    #[error("the body of the response is larger than {0} bytes")]
    TooLarge(usize),
}

type Source = Box<dyn StdError + Send + Sync>;

/// Why there is no connection: each cause has an [`ErrorCode`](crate::ErrorCode) of its own.
///
/// ```
/// use entra_apps::transport::{ConnectFailure, TransportError};
///
/// fn not_connected(error: std::io::Error) -> TransportError {
///     match error.kind() {
///         std::io::ErrorKind::ConnectionRefused => TransportError::not_connected(ConnectFailure::Refused, error),
///         _ => TransportError::not_sent(error),
///     }
/// }
/// # let error = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// # assert_eq!(not_connected(error).connect_failure(), Some(ConnectFailure::Refused));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectFailure {
    /// The name of the host does not resolve:
    /// [`HostNotFound`](crate::ErrorCode::HostNotFound).
    NameNotResolved,
    /// Nobody accepts connections at the address: [`ConnectionRefused`](crate::ErrorCode::ConnectionRefused).
    Refused,
    /// Nobody accepts connections at the proxy's address: [`ProxyUnreachable`](crate::ErrorCode::ProxyUnreachable).
    ProxyUnreachable,
    /// The certificate that was shown is not trusted, as behind a TLS inspection whose certificate authority this machine
    /// does not know: [`CertificateNotTrusted`](crate::ErrorCode::CertificateNotTrusted).
    CertificateNotTrusted,
    /// The proxy wants its user's name and password (407):
    /// [`ProxyAuthenticationRequired`](crate::ErrorCode::ProxyAuthenticationRequired).
    ProxyAuthenticationRequired,
    /// The proxy does not open a connection to the host, such as by 403:
    /// [`ProxyRefused`](crate::ErrorCode::ProxyRefused).
    ProxyRefused,
}

impl TransportError {
    /// Creates an error for a request that did not reach the service: no connection, no TLS.
    pub fn not_sent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(Reason::NotSent(None, source.into()))
    }

    /// Creates an error for a request that did not reach the service, for a known cause.
    pub fn not_connected(failure: ConnectFailure, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(Reason::NotSent(Some(failure), source.into()))
    }

    /// Creates an error for a request that may have reached the service, and may have been carried out.
    pub fn maybe_sent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(Reason::MaybeSent(source.into()))
    }

    /// Creates an error for a response with a body of more than `limit` bytes. The request may have been carried out.
    pub fn too_large(limit: usize) -> Self {
        Self(Reason::TooLarge(limit))
    }

    /// Whether there was a response, with a body over the limit: a retry would receive the same.
    pub fn is_too_large(&self) -> bool {
        matches!(self.0, Reason::TooLarge(_))
    }

    /// Whether the service may have acted on the request.
    pub fn is_maybe_sent(&self) -> bool {
        !matches!(self.0, Reason::NotSent(..))
    }

    /// Why there is no connection, where that is known.
    pub fn connect_failure(&self) -> Option<ConnectFailure> {
        match self.0 {
            Reason::NotSent(failure, _) => failure,
            Reason::MaybeSent(_) | Reason::TooLarge(_) => None,
        }
    }
}
