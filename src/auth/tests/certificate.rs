//! Signing in with a certificate.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;
use crate::auth::ClientCertificate;
use crate::crypto;

const ONE: &[u8] = include_bytes!("../../../emulator/certificates/one.der");
const TWO: &[u8] = include_bytes!("../../../emulator/certificates/two.der");
const ONE_KEY: &[u8] = include_bytes!("../../../emulator/certificates/one.key.der");
/// Where PKCS #8 holds the key of PKCS #1, for RSA with 2048 bits.
const INNER: usize = 26;

fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        text += std::str::from_utf8(line).unwrap();
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

fn one() -> ClientCertificate {
    ClientCertificate::from_der(ONE, ONE_KEY).unwrap()
}

fn verifies(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let known = crypto::provider().unwrap().signature_verification_algorithms.mapping;
    let algorithms = known.iter().filter(|(scheme, _)| *scheme == rustls::SignatureScheme::RSA_PSS_SHA256);
    let mut algorithms = algorithms.flat_map(|(_, algorithms)| *algorithms);
    algorithms.any(|algorithm| algorithm.verify_signature(public_key, message, signature).is_ok())
}

#[test]
fn each_form_of_the_files_is_read() {
    let certificate = pem("CERTIFICATE", ONE);
    let chain = pem("CERTIFICATE", TWO) + &certificate;
    let pkcs8 = pem("PRIVATE KEY", ONE_KEY);
    let pkcs1 = pem("RSA PRIVATE KEY", &ONE_KEY[INNER..]);
    let expected = one().thumbprint().to_owned();
    for both in [pkcs8.clone() + &certificate, certificate.clone() + &pkcs1, format!("a note\n{chain}{pkcs8}")] {
        assert_eq!(ClientCertificate::from_pem(both.as_bytes()).unwrap().thumbprint(), expected);
    }
    let two_files = ClientCertificate::from_pem_files(chain.as_bytes(), pkcs1.as_bytes()).unwrap();
    assert_eq!(two_files.thumbprint(), expected);
    assert_eq!(ClientCertificate::from_der(ONE, &ONE_KEY[INNER..]).unwrap().thumbprint(), expected);
}

#[test]
fn what_is_wrong_with_the_files_is_said_without_showing_them() {
    let certificate = pem("CERTIFICATE", ONE);
    let key = pem("PRIVATE KEY", ONE_KEY);
    let cases = [
        (certificate.clone(), "there is no private key"),
        (key.clone(), "there is no certificate"),
        (pem("CERTIFICATE", TWO) + &key, "another certificate"),
        (certificate.clone() + &pem("ENCRYPTED PRIVATE KEY", ONE_KEY), "encrypted"),
        (certificate.clone() + &pem("EC PRIVATE KEY", ONE_KEY), "no RSA key"),
        (certificate.clone() + &pem("PRIVATE KEY", &ONE_KEY[..90]), "no RSA key"),
        (certificate + &key[..key.len() - 40], "damaged"),
    ];
    for (text, expected) in cases {
        let error = ClientCertificate::from_pem(text.as_bytes()).unwrap_err();
        assert_eq!(error.code().as_str(), "invalid_certificate");
        assert!(error.to_string().contains(expected), "{expected}: {error}");
        assert_hidden(&error, &[&STANDARD.encode(ONE_KEY)[40..60]]);
    }
}

#[test]
fn a_text_with_a_mark_is_read_and_one_that_lost_its_form_is_named() {
    let text = pem("CERTIFICATE", ONE) + &pem("PRIVATE KEY", ONE_KEY);
    for read in [format!("\u{feff}{text}"), text.replace('\n', "\r\n"), format!("\u{feff}\r\n{text}")] {
        assert_eq!(ClientCertificate::from_pem(read.as_bytes()).unwrap().thumbprint(), one().thumbprint());
    }
    let utf16 = |mark: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("{mark}{text}").encode_utf16().flat_map(bytes).collect()
    };
    for (lost, code) in [
        (utf16("\u{feff}", u16::to_le_bytes), "pem_in_utf16"),
        (utf16("\u{feff}", u16::to_be_bytes), "pem_in_utf16"),
        (utf16("", u16::to_le_bytes), "pem_in_utf16"),
        (utf16("", u16::to_be_bytes), "pem_in_utf16"),
        (text.replace('\n', "\\n").into_bytes(), "pem_without_line_breaks"),
        (text.replace('\n', "\\r\\n").into_bytes(), "pem_without_line_breaks"),
        (text.replace('\n', " ").into_bytes(), "pem_without_line_breaks"),
        (text.replace('\n', "").into_bytes(), "pem_without_line_breaks"),
        (format!("\u{feff}{}", text.replace('\n', "\\n")).into_bytes(), "pem_without_line_breaks"),
    ] {
        let error = ClientCertificate::from_pem(&lost).unwrap_err();
        assert_eq!(error.code().as_str(), code, "{error}");
        let two_files = ClientCertificate::from_pem_files(pem("CERTIFICATE", ONE).as_bytes(), &lost).unwrap_err();
        assert_eq!(two_files.code().as_str(), code);
        assert_hidden(&error, &[&STANDARD.encode(ONE_KEY)[40..60]]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_assertion_is_as_documented() {
    let script = Script::new([token("access")]);
    let provider = app(&script, ClientAuthentication::certificate(one()));
    let got = token_of(&provider, &request()).await.unwrap();
    assert_eq!((text(&got.secret), got.expires_at), ("access", NOW + time::Duration::seconds(3599)));
    let form = &script.forms()[0];
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["scope"], SCOPE);
    assert_eq!(form["client_id"], CLIENT.to_string());
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assert!(!form.contains_key("client_secret"));
    let parts: Vec<&str> = form["client_assertion"].split('.').collect();
    let json = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    assert_eq!(json(parts[0]), json!({"alg": "PS256", "typ": "JWT", "x5t#S256": one().thumbprint()}));
    let claims = json(parts[1]);
    let now = NOW.unix_timestamp();
    assert_eq!(claims["aud"], format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token"));
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!(CLIENT), &json!(CLIENT)));
    assert_eq!((&claims["nbf"], &claims["iat"], &claims["exp"]), (&json!(now), &json!(now), &json!(now + 600)));
    assert_eq!(claims["jti"].as_str().unwrap().len(), 36);
    // The public key lies in the certificate as it is.
    let signed = parts[..2].join(".");
    let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    let public = (0..ONE.len() - 270)
        .map(|at| &ONE[at..at + 270])
        .find(|key| key.starts_with(&[0x30, 0x82, 0x01, 0x0a]) && verifies(key, signed.as_bytes(), &signature));
    assert!(public.is_some(), "the certificate's key signed");
}

#[tokio::test(start_paused = true)]
async fn each_sign_in_signs_a_new_assertion() {
    let script = Script::new([token("a"), token("b")]);
    let provider = app(&script, ClientAuthentication::certificate(one()));
    token_of(&provider, &request()).await.unwrap();
    let elsewhere = TokenRequest::new(tenant(CUSTOMER), SCOPE);
    token_of(&provider, &elsewhere).await.unwrap();
    let forms = script.forms();
    assert_ne!(forms[0]["client_assertion"], forms[1]["client_assertion"]);
    assert!(script.paths()[1].contains(CUSTOMER));
}

#[tokio::test(start_paused = true)]
async fn refusals_are_reported_without_the_assertion() {
    for (number, code) in [
        (700_027, "certificate_unknown"),
        (700_024, "assertion_out_of_time"),
        (700_025, "credential_of_public_client"),
        (700_030, "assertion_refused"),
        (50012, "assertion_refused"),
        (50048, "assertion_refused"),
        (700_016, "app_not_in_tenant"),
    ] {
        let script = Script::new([refused("invalid_client", number)]);
        let provider = app(&script, ClientAuthentication::certificate(one()));
        let error = token_of(&provider, &request()).await.unwrap_err();
        assert_eq!((error.code().as_str(), error.service_code().unwrap()), (code, &*format!("AADSTS{number}")));
        assert_hidden(&error, &[&script.forms()[0]["client_assertion"]]);
    }
}

#[test]
fn no_format_shows_the_key() {
    let script = Script::new([]);
    // DER is not text; what would show is its numbers.
    let numbers = format!("{:?}", &ONE_KEY[100..110]);
    let numbers = numbers.trim_matches(['[', ']']);
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
        let provider = app(&script, ClientAuthentication::certificate(one()));
        for shown in [format!("{:?}", one()), format!("{provider:?}"), format!("{provider:#?}")] {
            assert!(!shown.contains(numbers), "{shown}");
        }
    });
}
