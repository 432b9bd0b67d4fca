//! RSA private keys that sign with PS256 and RS256.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::sign::SigningKey;
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer};

use super::no_provider;
use crate::error::Error;
use crate::x509::{modulus_bits, public_key};

/// Shorter RSA keys are refused.
const MIN_BITS: usize = 2048;

/// An RSA private key of 2048 bits or more.
#[derive(Clone)]
pub(crate) struct RsaKey {
    key: Arc<dyn SigningKey>,
    public: Vec<u8>,
}

impl RsaKey {
    /// Reads a key in DER of PKCS #8 or PKCS #1. The provider wipes the copy that it is given.
    ///
    /// `None` for anything but an RSA key of 2048 bits or more.
    ///
    /// # Errors
    /// The code [`NoCryptoProvider`](crate::ErrorCode::NoCryptoProvider) for a provider that does not disclose the public key of a private one.
    pub(crate) fn from_der(provider: &CryptoProvider, der: &[u8]) -> Result<Option<Self>, Error> {
        let load = |der: PrivateKeyDer<'static>| provider.key_provider.load_private_key(der).ok();
        let pkcs8 = || load(PrivatePkcs8KeyDer::from(der.to_vec()).into());
        let pkcs1 = || load(PrivatePkcs1KeyDer::from(der.to_vec()).into());
        let Some(key) = pkcs8().or_else(pkcs1).filter(|key| key.algorithm() == SignatureAlgorithm::RSA) else {
            return Ok(None);
        };
        let info = key.public_key();
        let info = info.ok_or_else(|| no_provider("the installed rustls CryptoProvider discloses no public keys"))?;
        let public = public_key(&info).filter(|public| modulus_bits(public) >= MIN_BITS).map(<[u8]>::to_vec);
        Ok(public.map(|public| Self { key, public }))
    }

    /// The public key in DER of PKCS #1, as a certificate holds it.
    pub(crate) fn public_key(&self) -> &[u8] {
        &self.public
    }

    /// The PS256 signature of `message` (RSASSA-PSS with SHA-256), or `None` where the provider cannot make one.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.sign_by(SignatureScheme::RSA_PSS_SHA256, message)
    }

    /// The RS256 signature of `message` (RSASSA-PKCS1-v1_5 with SHA-256), or `None` where the provider cannot make one.
    pub(crate) fn sign_pkcs1(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.sign_by(SignatureScheme::RSA_PKCS1_SHA256, message)
    }

    fn sign_by(&self, scheme: SignatureScheme, message: &[u8]) -> Option<Vec<u8>> {
        self.key.choose_scheme(&[scheme])?.sign(message).ok()
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaKey").finish_non_exhaustive()
    }
}
