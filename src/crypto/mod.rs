//! Hashes and signatures, by the rustls `CryptoProvider` of the process.
//!
//! The crate brings aws-lc-rs by its feature `rustls` alone, so that a program that installs another provider, such as
//! ring, builds one library of cryptography and not two.

#[cfg(feature = "certificate")]
mod rsa_key;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use crate::error::{Error, ErrorCode};

#[cfg(feature = "certificate")]
pub(crate) use rsa_key::RsaKey;

/// The provider that the process has installed, or else aws-lc-rs where the feature `rustls` brings it.
///
/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code [`NoCryptoProvider`](crate::ErrorCode::NoCryptoProvider) where there is neither.
pub(crate) fn provider() -> Result<Arc<CryptoProvider>, Error> {
    let installed = CryptoProvider::get_default().cloned();
    installed.or_else(bundled_provider).ok_or_else(|| no_provider("no rustls CryptoProvider is installed"))
}

#[cfg(feature = "rustls")]
#[allow(clippy::unnecessary_wraps)] // without the feature there is none
fn bundled_provider() -> Option<Arc<CryptoProvider>> {
    Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(not(feature = "rustls"))]
fn bundled_provider() -> Option<Arc<CryptoProvider>> {
    None
}

fn no_provider(message: &str) -> Error {
    Error::new(ErrorCode::NoCryptoProvider).with_message(message).with_remedy(
        "Install one at the start of the program, such as rustls::crypto::ring::default_provider().install_default(), \
         or turn the feature rustls on.",
    )
}

/// Whether rustls says that a certificate is not trusted.
#[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
pub(crate) fn is_untrusted_certificate(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
}

/// The SHA-256 of `data`.
///
/// # Errors
/// As [`provider`], for a provider without this hash.
#[cfg(any(feature = "certificate", feature = "browser"))]
pub(crate) fn sha256(provider: &CryptoProvider, data: &[u8]) -> Result<rustls::crypto::hash::Output, Error> {
    use rustls::crypto::hash::HashAlgorithm;

    // A provider shows its hashes through its cipher suites only. SHA-256 belongs to the one that TLS 1.3 demands.
    let mut suites = provider.cipher_suites.iter().filter_map(rustls::SupportedCipherSuite::tls13);
    let suite = suites.find(|suite| suite.common.hash_provider.algorithm() == HashAlgorithm::SHA256);
    suite
        .map(|suite| suite.common.hash_provider.hash(data))
        .ok_or_else(|| no_provider("the installed rustls CryptoProvider has no SHA-256"))
}
