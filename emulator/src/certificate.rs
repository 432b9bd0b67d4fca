//! X.509 certificates, and JSON Web Tokens signed with their keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use x509_cert::Certificate as X509;
use x509_cert::der::Decode as _;

use crate::crypto;

/// The tolerated difference between the clocks of a client and of the service.
pub(crate) const CLOCK_SKEW_TOLERANCE: time::Duration = time::Duration::minutes(5);

/// The parts of an X.509 certificate that credentials need.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    /// The subject as the directory writes it: `O=Contoso, S=Some-State, C=AU`.
    pub(crate) subject: String,
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
    pub(crate) sha1: Vec<u8>,
    pub(crate) sha256: Vec<u8>,
    /// The RSA public key, in the form of PKCS #1.
    public_key: Vec<u8>,
}

impl Certificate {
    /// Parses a certificate in DER.
    pub(crate) fn parse(der: &[u8]) -> Option<Self> {
        let certificate = X509::from_der(der).ok()?;
        let of = certificate.tbs_certificate();
        let moment = |time: x509_cert::time::Time| {
            OffsetDateTime::from_unix_timestamp(i64::try_from(time.to_unix_duration().as_secs()).ok()?).ok()
        };
        let parts: Vec<String> = of.subject().iter_rdn().map(ToString::to_string).collect();
        let parts = parts.iter().rev().map(|part| match part.strip_prefix("ST=") {
            Some(state) => format!("S={state}"),
            None => part.clone(),
        });
        Some(Self {
            subject: parts.collect::<Vec<_>>().join(", "),
            not_before: moment(of.validity().not_before)?,
            not_after: moment(of.validity().not_after)?,
            sha1: Sha1::digest(der).to_vec(),
            sha256: Sha256::digest(der).to_vec(),
            public_key: of.subject_public_key_info().subject_public_key.as_bytes()?.to_vec(),
        })
    }

    /// The SHA-1 thumbprint as the directory writes it: forty upper-case hexadecimal digits.
    pub(crate) fn thumbprint(&self) -> String {
        use std::fmt::Write as _;
        self.sha1.iter().fold(String::new(), |mut text, byte| {
            // Writing into a string never fails.
            let _ = write!(text, "{byte:02X}");
            text
        })
    }

    /// Whether the thumbprints in a token's header, if any, are those of this certificate.
    pub(crate) fn matches_header(&self, header: &Value) -> bool {
        // Some clients use the standard base64 alphabet.
        let decoded =
            |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=').replace('+', "-").replace('/', "_"));
        let is = |name: &str, thumbprint: &[u8]| match header[name].as_str() {
            Some(text) => decoded(text).is_ok_and(|bytes| bytes == thumbprint),
            None => true,
        };
        is("x5t", &self.sha1) && is("x5t#S256", &self.sha256)
    }

    /// Whether the token was signed with the certificate's key.
    pub(crate) fn verifies(&self, token: &SignedToken<'_>) -> bool {
        let scheme = match token.header["alg"].as_str() {
            Some("RS256") => SignatureScheme::RSA_PKCS1_SHA256,
            Some("PS256") => SignatureScheme::RSA_PSS_SHA256,
            _ => return false,
        };
        crypto::verify(scheme, &self.public_key, token.signed.as_bytes(), &token.signature)
    }
}

/// A JSON Web Token, parsed but not verified.
#[derive(Debug)]
pub(crate) struct SignedToken<'a> {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> SignedToken<'a> {
    /// Parses a token; padding is not part of the format.
    pub(crate) fn parse(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let (header, claims) = (json(header)?, json(claims)?);
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        (header.is_object() && claims.is_object()).then_some(Self { header, claims, signed, signature })
    }

    /// A claim that is a time in seconds since 1970.
    pub(crate) fn time_claim(&self, claim: &str) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(self.claims[claim].as_i64()?).ok()
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use rustls::pki_types::PrivateKeyDer;

    /// Valid from 2020 to 2040.
    pub(crate) const ONE: &[u8] = include_bytes!("../certificates/one.der");
    pub(crate) const TWO: &[u8] = include_bytes!("../certificates/two.der");
    /// Valid in 2020.
    pub(crate) const OLD: &[u8] = include_bytes!("../certificates/old.der");
    pub(crate) const ONE_KEY: &[u8] = include_bytes!("../certificates/one.key.der");
    pub(crate) const TWO_KEY: &[u8] = include_bytes!("../certificates/two.key.der");

    /// A token signed with a key by the algorithm of the header, `RS256` or `PS256`.
    pub(crate) fn sign(key: &[u8], header: &Value, claims: &Value) -> String {
        let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let key = PrivateKeyDer::try_from(key.to_vec()).unwrap();
        let key = crypto::provider().unwrap().key_provider.load_private_key(key).unwrap();
        let scheme = match header["alg"].as_str() {
            Some("PS256") => SignatureScheme::RSA_PSS_SHA256,
            _ => SignatureScheme::RSA_PKCS1_SHA256,
        };
        let signature = key.choose_scheme(&[scheme]).unwrap().sign(signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{ONE, ONE_KEY, TWO, TWO_KEY, sign};
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    #[test]
    fn a_certificate_is_read_as_the_directory_shows_it() {
        let certificate = Certificate::parse(ONE).unwrap();
        assert_eq!(certificate.subject, "O=Internet Widgits Pty Ltd, S=Some-State, C=AU");
        assert_eq!(certificate.thumbprint(), "B17CCC3DA27E502C065B989087BB2FF219BEE819");
        assert_eq!(
            (certificate.not_before, certificate.not_after),
            (datetime!(2020-01-01 00:00 UTC), datetime!(2040-01-01 00:00 UTC))
        );
        assert!(Certificate::parse(b"no certificate").is_none());
    }

    #[test]
    fn a_signature_holds_for_its_key_and_its_text_alone() {
        let (one, two) = (Certificate::parse(ONE).unwrap(), Certificate::parse(TWO).unwrap());
        for alg in ["RS256", "PS256"] {
            let token = sign(ONE_KEY, &json!({"alg": alg}), &json!({"exp": 1}));
            let parsed = SignedToken::parse(&token).unwrap();
            assert!(one.verifies(&parsed) && !two.verifies(&parsed), "{alg}");
            assert_eq!(parsed.time_claim("exp"), Some(datetime!(1970-01-01 00:00:01 UTC)));
        }
        let other = sign(TWO_KEY, &json!({"alg": "RS256"}), &json!({}));
        let mixed = format!(
            "{}.{}",
            sign(ONE_KEY, &json!({"alg": "RS256"}), &json!({})).rsplit_once('.').unwrap().0,
            other.rsplit_once('.').unwrap().1
        );
        assert!(!one.verifies(&SignedToken::parse(&mixed).unwrap()));
        let none = sign(ONE_KEY, &json!({"alg": "none"}), &json!({}));
        assert!(!one.verifies(&SignedToken::parse(&none).unwrap()));
        assert!(SignedToken::parse("a.b").is_none() && SignedToken::parse(&format!("{other}=")).is_none());
    }
}
