//! A certificate that is made here: self-signed, with a new RSA key.

use std::fmt;

use secrecy::SecretString;
use time::OffsetDateTime;

use crate::error::{Error, ErrorCode};

/// A certificate, and its private key.
#[derive(Clone)]
pub(super) struct MadeCertificate {
    pub(super) der: Vec<u8>,
    /// The private key and the certificate as PEM, as [`ClientCertificate`](crate::auth::ClientCertificate) reads them.
    pub(super) pem: SecretString,
}

impl fmt::Debug for MadeCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MadeCertificate").finish_non_exhaustive()
    }
}

impl MadeCertificate {
    /// Makes a certificate of this common name that is valid from a quarter of an hour ago, because clocks differ: SHA-256
    /// with RSA of 2048 bits, for digital signatures of clients.
    #[cfg(feature = "generate-certificate")]
    pub(super) fn new(name: &str, now: OffsetDateTime, end: OffsetDateTime) -> Result<Self, Error> {
        use rcgen::{
            CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
            PKCS_RSA_SHA256, RsaKeySize,
        };
        use secrecy::zeroize::Zeroizing;

        use crate::provision::certificate::to_pem;

        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        (params.not_before, params.not_after) = (now - NOT_BEFORE, end);
        let certificate = params.self_signed(&key).map_err(failed)?;
        let der = certificate.der().to_vec();
        let private = Zeroizing::new(to_pem("PRIVATE KEY", &Zeroizing::new(key.serialize_der())));
        let mut pem = String::with_capacity(private.len() + 2 * der.len());
        pem.push_str(&private);
        pem.push_str(&to_pem("CERTIFICATE", &der));
        Ok(Self { der, pem: SecretString::from(pem) })
    }

    /// This build makes none.
    #[cfg(not(feature = "generate-certificate"))]
    pub(super) fn new(_name: &str, _now: OffsetDateTime, _end: OffsetDateTime) -> Result<Self, Error> {
        Err(Error::new(ErrorCode::InvalidCertificate)
            .with_message("this build of the program makes no certificates")
            .with_remedy(
                "Turn the feature generate-certificate of entra-apps on, or give a certificate that is there.",
            ))
    }
}

/// So long before now one begins to be valid.
pub(super) const NOT_BEFORE: time::Duration = time::Duration::minutes(15);

/// The error of the library, which could quote the key, is left out.
#[cfg(feature = "generate-certificate")]
fn failed(_: rcgen::Error) -> Error {
    Error::new(ErrorCode::InvalidCertificate)
        .with_message("a certificate could not be made")
        .with_remedy("Give it a description that a certificate can bear, or give a certificate that is there.")
}

#[cfg(all(test, feature = "generate-certificate"))]
mod tests {
    use super::*;
    use crate::auth::ClientCertificate;
    use crate::x509::CertificateFacts;
    use secrecy::ExposeSecret as _;
    use time::macros::datetime;

    #[test]
    fn one_that_is_made_is_what_entra_takes_and_holds_its_own_key() {
        let (now, end) = (datetime!(2026-06-01 9:00 UTC), datetime!(2027-06-01 9:00 UTC));
        let made = MadeCertificate::new("Backup ä", now, end).unwrap();
        let facts = CertificateFacts::read(&made.der).unwrap();
        assert_eq!((facts.not_before, facts.not_after), (datetime!(2026-06-01 8:45 UTC), end));
        assert_eq!(facts.rsa_bits, Some(2048));
        ClientCertificate::from_pem(made.pem.expose_secret().as_bytes()).unwrap();
        assert!(!format!("{made:?}").contains("PRIVATE"));
        let other = MadeCertificate::new("Backup ä", now, end).unwrap();
        assert_ne!(made.der, other.der);
    }
}
