//! The certificates that a registration asks for: given, or made when they are needed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize};
use serde_with::{As, DurationSeconds};
use time::{Duration, OffsetDateTime};

use crate::error::{Error, ErrorCode};
use crate::model::KeyCredential;
use crate::provision::credential_name;
use crate::provision::lifetime::Lifetime;
use crate::strict::Strict;
use crate::x509::{CertificateFacts, thumbprint};

/// The lifetime of a certificate that is made, unless said otherwise.
const DEFAULT_LIFETIME: Lifetime = Lifetime::Months(12);

/// Entra signs nobody in by a shorter RSA key (AADSTS700027).
const MIN_RSA_BITS: usize = 2048;

/// The longest description: Entra cuts off what is longer.
const MAX_NAME_LENGTH: usize = 90;

/// A certificate that the app signs in with in place of a secret
/// ([certificate credentials](https://learn.microsoft.com/entra/identity-platform/certificate-credentials)).
///
/// It is given, with whatever made it keeping the private key; or it is made when the registration is applied: self-signed,
/// with a new RSA key of 2048 bits, which the [secret sink](crate::Apply::secret_sink) gets as PEM and nobody else.
///
/// ```
/// use entra_apps::AppRegistration;
/// use entra_apps::provision::Certificate;
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
///     .credential(Certificate::generated("Backup").valid_for_months(6));
/// backup.check()?;
///
/// let error = Certificate::from_pem("Backup", "-----BEGIN PRIVATE KEY-----").unwrap_err();
/// assert_eq!(error.message(), "there is no certificate in the PEM text");
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct Certificate {
    name: String,
    /// The certificate in DER, as Base64, where it is given.
    #[serde(rename = "certificate", skip_serializing_if = "Option::is_none")]
    given: Option<String>,
    /// How long one lives that is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    lifetime: Option<Lifetime>,
    #[serde(
        rename = "renewBeforeSeconds",
        skip_serializing_if = "Option::is_none",
        with = "As::<Option<DurationSeconds<u64>>>"
    )]
    renew_before: Option<std::time::Duration>,
}

/// A certificate as it is read from a file.
#[derive(Deserialize)]
#[serde(remote = "Certificate", rename_all = "camelCase")]
struct WrittenCertificate {
    name: String,
    #[serde(default, rename = "certificate")]
    given: Option<String>,
    #[serde(default)]
    lifetime: Option<Lifetime>,
    #[serde(rename = "renewBeforeSeconds", default, with = "As::<Option<DurationSeconds<u64>>>")]
    renew_before: Option<std::time::Duration>,
}

impl<'de> Deserialize<'de> for Certificate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WrittenCertificate::deserialize(Strict(deserializer))
    }
}

impl Certificate {
    /// Asks for a certificate of this description that is made when it is needed, valid for twelve months unless said
    /// otherwise. That takes the feature `generate-certificate`, and a [secret sink](crate::Apply::secret_sink).
    pub fn generated(name: impl Into<String>) -> Self {
        Self { name: name.into(), given: None, lifetime: Some(DEFAULT_LIFETIME), renew_before: None }
    }

    /// Asks for this certificate, given in DER. The private key stays where it is.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code
    /// [`InvalidCertificate`](crate::ErrorCode::InvalidCertificate) when it is no certificate, or one whose key is no RSA key
    /// of 2048 bits or more.
    pub fn from_der(name: impl Into<String>, der: &[u8]) -> Result<Self, Error> {
        check_der(der)?;
        Ok(Self { name: name.into(), given: Some(STANDARD.encode(der)), lifetime: None, renew_before: None })
    }

    /// Asks for this certificate, given as PEM: the first in the text. A private key in the text is not looked at.
    ///
    /// # Errors
    /// As [`from_der`](Self::from_der).
    pub fn from_pem(name: impl Into<String>, pem: &str) -> Result<Self, Error> {
        Self::from_der(name, &first_in_pem(pem)?)
    }

    /// Ends after calendar months, where it is made.
    pub fn valid_for_months(self, months: u32) -> Self {
        self.with_lifetime(Lifetime::Months(months))
    }

    /// Ends after days, where it is made.
    pub fn valid_for_days(self, days: u32) -> Self {
        self.with_lifetime(Lifetime::Days(days))
    }

    fn with_lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = self.lifetime.map(|_| lifetime);
        self
    }

    /// Sets how long before its end it is renewed: 30 days unless said otherwise, a third of its lifetime at most. From then
    /// on a plan shows, a check warns, and an apply makes another one beside it; of one that is given, they only warn. Zero:
    /// never.
    pub fn renew_before(mut self, end: std::time::Duration) -> Self {
        self.renew_before = Some(end);
        self
    }

    /// The description, which the portal shows.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is made when it is needed.
    pub fn is_generated(&self) -> bool {
        self.given.is_none()
    }

    /// How long one lives that is made; `None` for one that is given.
    pub fn lifetime(&self) -> Option<Lifetime> {
        self.lifetime.filter(|_| self.is_generated())
    }

    /// The certificate in DER, where it is given.
    pub(super) fn der(&self) -> Option<Vec<u8>> {
        STANDARD.decode(self.given.as_deref()?).ok()
    }

    /// When one that is made now ends.
    pub(super) fn end(&self, now: OffsetDateTime) -> Result<OffsetDateTime, Error> {
        self.lifetime.unwrap_or(DEFAULT_LIFETIME).end(now).map_err(|what| self.invalid_lifetime(what))
    }

    /// How long before the end of one that is there another is to be made, or to be asked for.
    pub(super) fn renewal_window(&self, now: OffsetDateTime) -> Duration {
        let given = || self.der().and_then(|der| CertificateFacts::read(&der));
        let lifetime = match self.lifetime() {
            Some(lifetime) => lifetime,
            // Of one that is given, the whole time of its validity counts.
            None => match given() {
                Some(it) => Lifetime::Until(now.saturating_add(it.not_after - it.not_before)),
                None => DEFAULT_LIFETIME,
            },
        };
        lifetime.renewal_window(self.renew_before, now)
    }

    /// Whether a certificate of an app is this one: the very one where it is given, one of its description where it is
    /// made.
    pub(super) fn is(&self, key: &KeyCredential) -> bool {
        match self.der() {
            Some(der) => is_certificate(key, &der),
            None => {
                let is_for_signing_in = key.usage.as_deref() == Some("Verify");
                is_for_signing_in && credential_name::is_of(&self.name, key.display_name.as_deref())
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if self.name.trim().is_empty() || self.name.chars().count() > MAX_NAME_LENGTH {
            return Err(Error::new(ErrorCode::InvalidSecretName)
                .with_message("a certificate's description has 1 to 90 characters"));
        }
        match (&self.given, self.lifetime) {
            (Some(_), None) => {
                let der = self.der().ok_or_else(|| invalid("the certificate is not in Base64"))?;
                check_der(&der)
            }
            (None, Some(lifetime)) => lifetime.check(self.renew_before).map_err(|what| self.invalid_lifetime(what)),
            (Some(_), Some(_)) => Err(invalid("a certificate that is given has the lifetime that it has")),
            (None, None) => Err(invalid("there is neither a certificate nor the lifetime of one to be made")),
        }
    }

    fn invalid_lifetime(&self, what: &str) -> Error {
        Error::new(ErrorCode::InvalidSecretLifetime)
            .with_message(format!("the lifetime of the certificate “{}” {what}", self.name))
    }
}

/// Whether a certificate of an app is the one in DER. The service shows its SHA-1 as forty hexadecimal digits, which are
/// Base64 as well, or as Base64; and the certificate itself where it is asked for by name.
pub(super) fn is_certificate(key: &KeyCredential, der: &[u8]) -> bool {
    let by_key = key.key.as_deref().and_then(|key| STANDARD.decode(key).ok());
    if let Some(known) = by_key {
        return known == der;
    }
    let Some(identifier) = key.custom_key_identifier.as_deref() else { return false };
    let is_in_base64 =
        || STANDARD.decode(identifier).is_ok_and(|bytes| bytes == sha1_smol::Sha1::from(der).digest().bytes());
    identifier.eq_ignore_ascii_case(&thumbprint(der)) || is_in_base64()
}

/// The first certificate of a PEM text, in DER.
fn first_in_pem(pem: &str) -> Result<Vec<u8>, Error> {
    let body = pem
        .split_once("-----BEGIN CERTIFICATE-----")
        .and_then(|(_, rest)| rest.split_once("-----END CERTIFICATE-----"));
    let Some((body, _)) = body else { return Err(invalid("there is no certificate in the PEM text")) };
    let encoded: String = body.split_whitespace().collect();
    STANDARD.decode(encoded).map_err(|_| invalid("the PEM text is damaged"))
}

/// A certificate in DER as PEM.
pub(super) fn to_pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut pem = String::with_capacity(encoded.len() + encoded.len() / 32 + 2 * label.len() + 40);
    pem.extend(["-----BEGIN ", label, "-----\n"]);
    for (at, letter) in encoded.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.extend(["\n-----END ", label, "-----\n"]);
    pem
}

fn check_der(der: &[u8]) -> Result<(), Error> {
    let facts = CertificateFacts::read(der).ok_or_else(|| invalid("the bytes are no certificate in DER"))?;
    match facts.rsa_bits {
        Some(bits) if bits >= MIN_RSA_BITS => Ok(()),
        Some(bits) => Err(invalid(&format!("the certificate's RSA key has {bits} bits, and Entra takes 2048 or more"))),
        None => Err(invalid("the certificate's key is no RSA key")),
    }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorCode::InvalidCertificate).with_message(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[u8] = include_bytes!("../../emulator/certificates/one.der");
    const TWO: &[u8] = include_bytes!("../../emulator/certificates/two.der");

    #[test]
    fn a_certificate_is_known_by_itself_and_by_its_thumbprint_in_both_forms() {
        let wanted = Certificate::from_der("x", ONE).unwrap();
        assert!(wanted.is(&KeyCredential::certificate(ONE)) && !wanted.is(&KeyCredential::certificate(TWO)));
        let shown = |identifier: &str| {
            let json = format!(r#"{{"displayName":"x","usage":"Verify","customKeyIdentifier":"{identifier}"}}"#);
            serde_json::from_str::<KeyCredential>(&json).unwrap()
        };
        assert!(wanted.is(&shown("B17CCC3DA27E502C065B989087BB2FF219BEE819")));
        assert!(wanted.is(&shown("b17ccc3da27e502c065b989087bb2ff219bee819")));
        assert!(wanted.is(&shown(&STANDARD.encode(sha1_smol::Sha1::from(ONE).digest().bytes()))));
        assert!(!wanted.is(&shown(&thumbprint(TWO))), "another one of the same description");
        let made = Certificate::generated("x");
        assert!(made.is(&shown(&thumbprint(TWO))));
    }

    #[test]
    fn a_certificate_goes_through_pem_and_json_without_a_change() {
        let pem = to_pem("CERTIFICATE", ONE);
        assert!(pem.lines().all(|line| line.len() <= 64));
        let wanted = Certificate::from_pem("x", &pem).unwrap();
        assert_eq!(wanted, Certificate::from_der("x", ONE).unwrap());
        for certificate in [wanted, Certificate::generated("x").valid_for_days(30)] {
            let again: Certificate = serde_json::from_str(&serde_json::to_string(&certificate).unwrap()).unwrap();
            assert_eq!(again, certificate);
            again.check().unwrap();
        }
        for wrong in [r#"{"name":"x"}"#, r#"{"name":"x","certificate":"AAAA"}"#, r#"{"name":"x","certificate":"?"}"#] {
            let read: Certificate = serde_json::from_str(wrong).unwrap();
            assert_eq!(read.check().unwrap_err().code(), ErrorCode::InvalidCertificate, "{wrong}");
        }
    }
}
