//! Client credentials with a certificate: the app signs a statement with its private key, which never leaves it.
//!
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>

use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde_json::json;

use crate::auth::authentication::{ClientAuthentication, client_credentials};
use crate::auth::service::SignInService;
use crate::crypto::{self, RsaKey};
use crate::error::Error;
use crate::ids::AppId;
use crate::random;
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// How long a signed statement holds: the documentation's five to ten minutes, which leaves room for clocks that differ.
const VALID: time::Duration = time::Duration::minutes(10);

/// A certificate with its RSA private key of 2048 bits or more. The key's memory is wiped when the last clone goes.
#[derive(Clone)]
pub struct ClientCertificate {
    key: RsaKey,
    /// The SHA-256 of the certificate, as the header of a statement writes it.
    thumbprint: String,
}

impl ClientCertificate {
    /// Reads a PEM text with the certificate and its private key (`PRIVATE KEY` or `RSA PRIVATE KEY`), in any order.
    /// Of several certificates, such as a chain, it takes the one that belongs to the key.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the text holds no certificate, no private key, one that
    /// is encrypted, or one that belongs to another certificate or is no RSA key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        Self::from_pem_files(pem, &[])
    }

    /// The same with certificate and private key in two files.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn from_pem_files(certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        let mut certificates = Vec::new();
        let mut private: Option<Zeroizing<Vec<u8>>> = None;
        for text in [certificate, key] {
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
        Self::of(&certificates, &private)
    }

    /// Reads a certificate in DER, and its private key in DER of PKCS #8 or PKCS #1.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn from_der(certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        Self::of(&[certificate], key)
    }

    /// Reads a PKCS#12 file (`.pfx`, `.p12`) with the certificate and its private key, as Windows, Azure Key Vault and
    /// OpenSSL write them: encrypted with AES (PBES2), or in the older form with 3DES and RC2. Key Vault's have an empty
    /// password. Of several certificates, such as a chain, it takes the one that belongs to the key.
    ///
    /// Give it files that you trust: a file says itself how often its password is hashed, and so how long reading takes.
    /// The copy of the key that the decoder makes is not wiped from memory.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code `certificate_password` when the password is wrong,
    /// and otherwise as [`from_pem`](Self::from_pem).
    #[cfg(feature = "pkcs12")]
    pub fn from_pkcs12(file: &[u8], password: &SecretString) -> Result<Self, Error> {
        use p12_keystore::Pkcs12Archive;
        use secrecy::ExposeSecret as _;

        let archive =
            Pkcs12Archive::from_pkcs12(file, password.expose_secret()).map_err(|failure| undecoded(&failure))?;
        let certificates: Vec<&[u8]> = archive.certs.iter().map(|held| held.cert.as_der()).collect();
        if certificates.is_empty() {
            return Err(invalid("there is no certificate").with_remedy(PKCS12_REMEDY));
        }
        let mut made = archive.keys.iter().map(|held| Self::of(&certificates, held.key.as_der()));
        let first = made.next().ok_or_else(|| invalid("there is no private key").with_remedy(PKCS12_REMEDY))?;
        // The error of the first says the most.
        first.or_else(|error| made.find_map(Result::ok).ok_or(error))
    }

    fn of(certificates: &[impl AsRef<[u8]>], key: &[u8]) -> Result<Self, Error> {
        let provider = crypto::provider()?;
        let key = RsaKey::from_der(&provider, key)?.ok_or_else(not_rsa)?;
        // A certificate holds its public key as it stands, so that the bytes say whether the two belong together.
        let public = key.public_key();
        let certificate = certificates
            .iter()
            .find(|certificate| certificate.as_ref().windows(public.len()).any(|part| part == public))
            .ok_or_else(|| {
                invalid("the private key belongs to another certificate")
                    .with_remedy("Give the certificate that was made with this key, and that the app has.")
            })?;
        let thumbprint = URL_SAFE_NO_PAD.encode(crypto::sha256(&provider, certificate.as_ref())?);
        Ok(Self { key, thumbprint })
    }

    /// The SHA-256 thumbprint of the certificate in base64url, by which the app's certificates can be told apart.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// A statement for one sign-in.
    pub(super) fn assertion(
        &self,
        service: &SignInService,
        client_id: AppId,
        tenant: &str,
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
            "exp": (now + VALID).unix_timestamp(),
        });
        let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        // The salt is the provider's own: no test needs it to come again.
        let signature = self.key.sign(signed.as_bytes()).ok_or_else(|| {
            invalid("the private key cannot sign").with_remedy("Use an RSA key of 2048 bits or more.")
        })?;
        Ok(SecretString::from(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

const ENCRYPTED: &[u8] = b"ENCRYPTED";

const PEM_REMEDY: &str = "Give a PEM text with BEGIN CERTIFICATE and BEGIN PRIVATE KEY. A .pfx file is read by from_pkcs12 (feature pkcs12), or turned into one by: openssl pkcs12 -in app.pfx -out app.pem -nodes.";

#[cfg(feature = "pkcs12")]
const PKCS12_REMEDY: &str =
    "Export it again with its private key: openssl pkcs12 -export -inkey key.pem -in cert.pem -out app.pfx.";

/// Why a PKCS#12 file cannot be read. The decoder's own error is left out: it could quote the file.
#[cfg(feature = "pkcs12")]
fn undecoded(failure: &p12_keystore::error::Error) -> Error {
    use p12_keystore::error::Error as Failure;

    match failure {
        // Without a checksum in the file, a wrong password shows in what comes out of it.
        Failure::MacError(_) | Failure::UnpadError | Failure::Pkcs5Error(_) => {
            Error::invalid("certificate_password", "the password of the PKCS#12 file is wrong").with_remedy(
                "Give the password that the file was exported with; Azure Key Vault's files have an empty one.",
            )
        }
        Failure::UnsupportedEncryptionScheme | Failure::UnsupportedMacAlgorithm | Failure::UnsupportedContentType => {
            invalid("the PKCS#12 file is encrypted in a way that is not known here").with_remedy(PKCS12_REMEDY)
        }
        _ => invalid("the file is no PKCS#12 file, or damaged").with_remedy(PKCS12_REMEDY),
    }
}

fn invalid(message: &str) -> Error {
    Error::invalid("invalid_certificate", message)
}

fn not_rsa() -> Error {
    invalid("the private key is no RSA key of 2048 bits or more")
        .with_remedy("Make one with RSA: openssl req -x509 -newkey rsa:2048 -noenc -keyout key.pem -out cert.pem.")
}

/// Signs in as an app with a certificate whose public part the app has
/// ([certificate credentials](https://learn.microsoft.com/entra/identity-platform/certificate-credentials)).
pub struct ClientCertificateProvider {
    service: SignInService,
    client_id: AppId,
    authentication: ClientAuthentication,
}

impl ClientCertificateProvider {
    /// The app `client_id` with its certificate.
    pub fn new(service: SignInService, client_id: AppId, certificate: ClientCertificate) -> Self {
        Self { service, client_id, authentication: ClientAuthentication::Certificate(certificate) }
    }
}

impl fmt::Debug for ClientCertificateProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificateProvider").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenProvider for ClientCertificateProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        client_credentials(&self.service, self.client_id, &self.authentication, request).await
    }
}
