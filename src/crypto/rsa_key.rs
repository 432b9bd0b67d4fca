//! RSA private keys that sign with PS256.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::sign::SigningKey;
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer};

use super::no_provider;
use crate::error::Error;

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
        self.key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256])?.sign(message).ok()
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaKey").finish_non_exhaustive()
    }
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// The key in a `SubjectPublicKeyInfo` ([RFC 5280, 4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)).
fn public_key(mut info: &[u8]) -> Option<&[u8]> {
    let mut info = element(&mut info, SEQUENCE)?;
    let _algorithm = element(&mut info, SEQUENCE)?;
    // The first byte counts the unused bits at the end.
    element(&mut info, BIT_STRING)?.strip_prefix(&[0])
}

/// The bits of the modulus in an `RSAPublicKey`
/// ([RFC 8017, A.1.1](https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.1)); zero for anything else.
fn modulus_bits(mut key: &[u8]) -> usize {
    let modulus = element(&mut key, SEQUENCE).and_then(|mut members| element(&mut members, INTEGER));
    // A positive number whose first bit is set has a zero in front of it.
    let modulus = modulus.map(|bytes| bytes.strip_prefix(&[0]).unwrap_or(bytes)).unwrap_or_default();
    modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize)
}

/// Takes one element of DER off the front of `rest` and returns its content.
fn element<'a>(rest: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (&length, mut after) = rest.strip_prefix(&[tag])?.split_first()?;
    let length = match length {
        0..0x80 => usize::from(length),
        // The long form: the low bits count the bytes of the length.
        _ => {
            let bytes = after.split_off(..usize::from(length & 0x7f)).filter(|bytes| bytes.len() <= 4)?;
            bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
        }
    };
    let content = after.split_off(..length)?;
    *rest = after;
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_taken_off_with_its_length() {
        let long = [&[SEQUENCE, 0x81, 0x80][..], &[7; 0x80], &[9]].concat();
        let mut rest = long.as_slice();
        assert_eq!((element(&mut rest, SEQUENCE).unwrap(), rest), (&[7; 0x80][..], &[9][..]));
        for damaged in [&[][..], &[SEQUENCE], &[INTEGER, 0], &[SEQUENCE, 2, 1], &[SEQUENCE, 0x82, 1], &[SEQUENCE, 0xff]]
        {
            let mut rest = damaged;
            assert_eq!((element(&mut rest, SEQUENCE), rest), (None, damaged));
        }
    }

    #[test]
    fn the_length_of_a_key_is_that_of_its_modulus() {
        let key = |modulus: &[u8]| {
            let length = |bytes: usize| [0x82, u8::try_from(bytes >> 8).unwrap(), u8::try_from(bytes & 0xff).unwrap()];
            let members = [&[INTEGER][..], &length(modulus.len()), modulus, &[INTEGER, 1, 3]].concat();
            [&[SEQUENCE][..], &length(members.len()), &members].concat()
        };
        assert_eq!(modulus_bits(&key(&[&[0][..], &[0x80; 256]].concat())), 2048);
        assert_eq!(modulus_bits(&key(&[0x7f; 256])), 2047);
        assert_eq!(modulus_bits(&key(&[])), 0);
        assert_eq!(modulus_bits(b"junk"), 0);
    }
}
