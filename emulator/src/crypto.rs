//! RSA signatures by the rustls provider of the process: the installed `CryptoProvider`, or aws-lc-rs behind its
//! feature.

use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::crypto::CryptoProvider;

/// The installed provider, or the one that this crate brings.
pub(crate) fn provider() -> Option<Arc<CryptoProvider>> {
    CryptoProvider::get_default().cloned().or_else(own_provider)
}

#[cfg(feature = "aws-lc-rs")]
#[allow(clippy::unnecessary_wraps)] // without the feature there is none
fn own_provider() -> Option<Arc<CryptoProvider>> {
    Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(not(feature = "aws-lc-rs"))]
fn own_provider() -> Option<Arc<CryptoProvider>> {
    None
}

/// Whether `signature` is that of `message` by an RSA key in the form of PKCS #1; `false` where there is no provider.
pub(crate) fn verify(scheme: SignatureScheme, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Some(provider) = provider() else { return false };
    let known = provider.signature_verification_algorithms.mapping;
    let algorithms = known.iter().find(|(known, _)| *known == scheme).map_or(&[][..], |(_, algorithms)| *algorithms);
    algorithms.iter().any(|algorithm| algorithm.verify_signature(public_key, message, signature).is_ok())
}
