//! Certificates with a private key, which sign the assertions of an app.
//!
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::auth::sign_in_service::SignInService;
use crate::crypto::{self, RsaKey};
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, Tenant};
use crate::random;

/// The documentation asks for five to ten minutes; the longer leaves room for clocks that differ.
const ASSERTION_LIFETIME: time::Duration = time::Duration::minutes(10);

/// The audience of a proof of possession: the directory's.
pub(crate) const PROOF_AUDIENCE: &str = "00000002-0000-0000-c000-000000000000";

/// The longest lifetime of a proof of possession that the directory takes.
pub(crate) const PROOF_LIFETIME: time::Duration = time::Duration::minutes(10);

/// A certificate with its RSA private key of 2048 bits or more.
///
/// The rustls `CryptoProvider` of the process reads the key and signs with it: the installed one, or aws-lc-rs with the
/// feature `rustls`. The file's content is wiped from memory once it has been read.
///
/// ```
/// use entra_apps::auth::ClientCertificate;
///
/// let error = ClientCertificate::from_pem(b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----").unwrap_err();
/// assert_eq!(error.message(), "there is no private key");
/// ```
#[derive(Clone)]
pub struct ClientCertificate {
    key: RsaKey,
    /// The SHA-256 of the certificate in base64url, as the header of an assertion holds it.
    thumbprint: String,
    /// The SHA-1 of the certificate, by which the directory knows it.
    sha1: [u8; 20],
}

impl ClientCertificate {
    /// Reads a PEM text with the certificate and its private key (`PRIVATE KEY` or `RSA PRIVATE KEY`), in any order.
    /// Of several certificates, such as a chain, it takes the one that belongs to the key.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code [`InvalidCertificate`](crate::ErrorCode::InvalidCertificate) when the text holds no
    /// certificate, no private key, an encrypted one, one of another certificate, or one that is no RSA key of 2048 bits
    /// or more; with the codes [`PemInUtf16`](crate::ErrorCode::PemInUtf16) and
    /// [`PemWithoutLineBreaks`](crate::ErrorCode::PemWithoutLineBreaks) for a text that lost its form on the way; with the
    /// code [`NoCryptoProvider`](crate::ErrorCode::NoCryptoProvider) when there is no rustls `CryptoProvider`.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        Self::from_pem_files(pem, &[])
    }

    /// Reads a certificate and its private key from two PEM texts.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn from_pem_files(certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        let mut certificates = Vec::new();
        let mut private: Option<Zeroizing<Vec<u8>>> = None;
        for text in [certificate, key] {
            let text = readable(text)?;
            if text.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED) {
                return Err(invalid("the private key is encrypted").with_remedy(
                    "Decrypt it in a safe place: openssl pkey -in key.pem -out plain.pem. This crate takes no password.",
                ));
            }
            for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
                // The parser's own error could quote the text.
                let section = section.map_err(|_| invalid("the PEM text is damaged").with_remedy(PEM_REMEDY))?;
                match section {
                    (SectionKind::Certificate, der) => certificates.push(der),
                    (SectionKind::PrivateKey | SectionKind::RsaPrivateKey, der) => {
                        private.get_or_insert(Zeroizing::new(der));
                    }
                    (SectionKind::EcPrivateKey, der) => {
                        drop(Zeroizing::new(der));
                        return Err(not_rsa());
                    }
                    _ => {}
                }
            }
        }
        let private = private.ok_or_else(|| invalid("there is no private key").with_remedy(PEM_REMEDY))?;
        if certificates.is_empty() {
            return Err(invalid("there is no certificate").with_remedy(PEM_REMEDY));
        }
        Self::from_parts(&certificates, &private)
    }

    /// Reads a certificate in DER, and its private key in DER of PKCS #8 or PKCS #1.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn from_der(certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        Self::from_parts(&[certificate], key)
    }

    /// Reads a PKCS#12 file (`.pfx`, `.p12`) with the certificate and its private key, as Windows, Azure Key Vault and
    /// OpenSSL write them: encrypted with AES (PBES2), or in the older form with 3DES and RC2. Key Vault's have an empty
    /// password. Of several certificates, such as a chain, it takes the one that belongs to the key.
    ///
    /// Read trusted files only: a file says itself how often its password is hashed, and so how long reading takes.
    /// The copy of the key that the decoder makes is not wiped from memory.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code [`WrongCertificatePassword`](crate::ErrorCode::WrongCertificatePassword) when the password is wrong,
    /// and otherwise as [`from_pem`](Self::from_pem).
    #[cfg(feature = "pkcs12")]
    pub fn from_pkcs12(file: &[u8], password: &SecretString) -> Result<Self, Error> {
        use p12_keystore::Pkcs12Archive;
        use secrecy::ExposeSecret as _;

        let archive =
            Pkcs12Archive::from_pkcs12(file, password.expose_secret()).map_err(|failure| pkcs12_error(&failure))?;
        let certificates: Vec<&[u8]> = archive.certs.iter().map(|entry| entry.cert.as_der()).collect();
        if certificates.is_empty() {
            return Err(invalid("there is no certificate").with_remedy(PKCS12_REMEDY));
        }
        let mut read = archive.keys.iter().map(|entry| Self::from_parts(&certificates, entry.key.as_der()));
        let first = read.next().ok_or_else(|| invalid("there is no private key").with_remedy(PKCS12_REMEDY))?;
        // The first error says the most.
        first.or_else(|error| read.find_map(Result::ok).ok_or(error))
    }

    fn from_parts(certificates: &[impl AsRef<[u8]>], key: &[u8]) -> Result<Self, Error> {
        let provider = crypto::provider()?;
        let key = RsaKey::from_der(&provider, key)?.ok_or_else(not_rsa)?;
        // A certificate holds its public key in this form, so that comparing bytes shows whether the two belong together.
        let public = key.public_key();
        let certificate = certificates
            .iter()
            .find(|certificate| certificate.as_ref().windows(public.len()).any(|part| part == public))
            .ok_or_else(|| {
                invalid("the private key belongs to another certificate")
                    .with_remedy("Give the certificate that was made with this key, and that the app has.")
            })?;
        let thumbprint = URL_SAFE_NO_PAD.encode(crypto::sha256(&provider, certificate.as_ref())?);
        let sha1 = sha1_smol::Sha1::from(certificate.as_ref()).digest().bytes();
        Ok(Self { key, thumbprint, sha1 })
    }

    /// The SHA-256 thumbprint of the certificate, in base64url.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Signs an assertion for one sign-in.
    pub(super) fn assertion(
        &self,
        service: &SignInService,
        client_id: AppId,
        tenant: &Tenant,
    ) -> Result<SecretString, Error> {
        let audience = service.endpoint(tenant, "token")?;
        let now = service.clock().now();
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let claims = json!({
            "aud": audience,
            "iss": client_id,
            "sub": client_id,
            "jti": random::uuid(&*service.context.randomness),
            "nbf": now.unix_timestamp(),
            "iat": now.unix_timestamp(),
            "exp": now.saturating_add(ASSERTION_LIFETIME).unix_timestamp(),
        });
        // The salt comes from the provider and not from `Randomness`: no test needs it repeated.
        self.signed(&header, &claims, RsaKey::sign)
    }

    /// Signs a proof of possession: with it, `addKey` and `removeKey` take the key of the application or service principal
    /// of this object id as one that may change its keys
    /// ([reference](https://learn.microsoft.com/graph/application-rollkey-prooftoken)). It is valid for
    /// [`PROOF_LIFETIME`] from `now`.
    pub(crate) fn proof(&self, object_id: Uuid, now: OffsetDateTime) -> Result<SecretString, Error> {
        let header = json!({"alg": "RS256", "typ": "JWT", "x5t": URL_SAFE_NO_PAD.encode(self.sha1)});
        let claims = json!({
            "aud": PROOF_AUDIENCE,
            "iss": object_id,
            "nbf": now.unix_timestamp(),
            "exp": now.saturating_add(PROOF_LIFETIME).unix_timestamp(),
        });
        self.signed(&header, &claims, RsaKey::sign_pkcs1)
    }

    fn signed(
        &self,
        header: &Value,
        claims: &Value,
        sign: fn(&RsaKey, &[u8]) -> Option<Vec<u8>>,
    ) -> Result<SecretString, Error> {
        let message = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = sign(&self.key, message.as_bytes()).ok_or_else(|| {
            invalid("the private key cannot sign").with_remedy("Use an RSA key of 2048 bits or more.")
        })?;
        Ok(SecretString::from(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

/// A PEM text without its byte order mark.
///
/// # Errors
/// For a text in UTF-16, and for one without line breaks, in which no PEM section can be found.
fn readable(text: &[u8]) -> Result<&[u8], Error> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let contains = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|window| window == part);
    // With or without a mark, and in either order of the bytes.
    if contains(text, b"-\0-\0-\0B\0") || contains(text, b"\0-\0-\0-\0B") {
        return Err(Error::new(ErrorCode::PemInUtf16));
    }
    let has_both_ends = |line: &[u8]| {
        let start = line.windows(BEGIN.len()).position(|window| window == BEGIN);
        start.is_some_and(|start| contains(&line[start..], b"-----END "))
    };
    if text.split(|byte| matches!(byte, b'\n' | b'\r')).any(has_both_ends) {
        return Err(Error::new(ErrorCode::PemWithoutLineBreaks));
    }
    Ok(text)
}

const BEGIN: &[u8] = b"-----BEGIN ";

const ENCRYPTED: &[u8] = b"ENCRYPTED";

const PEM_REMEDY: &str = "Give a PEM text with BEGIN CERTIFICATE and BEGIN PRIVATE KEY. A .pfx file is read by from_pkcs12 (feature pkcs12), or turned into one by: openssl pkcs12 -in app.pfx -out app.pem -nodes.";

#[cfg(feature = "pkcs12")]
const PKCS12_REMEDY: &str =
    "Export it again with its private key: openssl pkcs12 -export -inkey key.pem -in cert.pem -out app.pfx.";

/// The error for a PKCS#12 file that cannot be read. The decoder's own error is left out: it could quote the file.
#[cfg(feature = "pkcs12")]
fn pkcs12_error(failure: &p12_keystore::error::Error) -> Error {
    use p12_keystore::error::Error as Failure;

    match failure {
        // In a file without a checksum, a wrong password shows in the decrypted content.
        Failure::MacError(_) | Failure::UnpadError | Failure::Pkcs5Error(_) => {
            Error::new(ErrorCode::WrongCertificatePassword)
        }
        Failure::UnsupportedEncryptionScheme | Failure::UnsupportedMacAlgorithm | Failure::UnsupportedContentType => {
            invalid("the PKCS#12 file is encrypted with an unknown algorithm").with_remedy(PKCS12_REMEDY)
        }
        _ => invalid("the file is no PKCS#12 file, or it is damaged").with_remedy(PKCS12_REMEDY),
    }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorCode::InvalidCertificate).with_message(message)
}

fn not_rsa() -> Error {
    invalid("the private key is no RSA key of 2048 bits or more")
        .with_remedy("Make one with RSA: openssl req -x509 -newkey rsa:2048 -noenc -keyout key.pem -out cert.pem.")
}
