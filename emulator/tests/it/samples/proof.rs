//! Certificates and proofs of possession, for the samples that abbreviate them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::SignatureScheme::RSA_PKCS1_SHA256;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};

use crate::support::TODAY;

const HELD: &[u8] = include_bytes!("../../../certificates/one.der");
const HELD_KEY: &[u8] = include_bytes!("../../../certificates/one.key.der");
const OTHER: &[u8] = include_bytes!("../../../certificates/two.der");

/// The key credentials of an object that holds a certificate, under this key id.
pub(crate) fn held(key_id: &str) -> Value {
    json!({"keyCredentials": [{
        "keyId": key_id,
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
        "key": STANDARD.encode(HELD),
    }]})
}

/// Another certificate, as a key credential takes it.
pub(crate) fn certificate() -> String {
    STANDARD.encode(OTHER)
}

/// The proof that this object possesses the certificate.
/// <https://learn.microsoft.com/graph/application-rollkey-prooftoken>
pub(crate) fn proof(object_id: &str) -> String {
    let now = TODAY.unix_timestamp();
    let header = json!({"alg": "RS256", "typ": "JWT"});
    let claims = json!({
        "aud": "00000002-0000-0000-c000-000000000000",
        "iss": object_id,
        "nbf": now,
        "exp": now + 600,
    });
    let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let key = any_supported_type(&PrivateKeyDer::try_from(HELD_KEY).expect("the file is a key")).expect("of RSA");
    let signer = key.choose_scheme(&[RSA_PKCS1_SHA256]).expect("it can sign so");
    let signature = signer.sign(signed.as_bytes()).expect("the key can sign");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
