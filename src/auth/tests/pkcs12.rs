//! Certificates from PKCS#12 files. OpenSSL wrote the files, with the certificate and the key that the tests of
//! certificates have.

use super::*;
use crate::auth::ClientCertificate;
use crate::error::ErrorKind;

const ONE: &[u8] = include_bytes!("../../../emulator/certificates/one.der");
const ONE_KEY: &[u8] = include_bytes!("../../../emulator/certificates/one.key.der");

const AES: &[u8] = include_bytes!("pkcs12/aes.pfx");
const PASSWORD: &str = "correct-horse";

fn read(file: &[u8], password: &str) -> Result<ClientCertificate, Error> {
    ClientCertificate::from_pkcs12(file, &secret(password))
}

#[test]
fn each_way_to_encrypt_a_file_is_read() {
    let expected = ClientCertificate::from_der(ONE, ONE_KEY).unwrap().thumbprint().to_owned();
    for (name, file, password) in [
        ("PBES2 with AES-256", AES, PASSWORD),
        ("RC2 and 3DES, of old", include_bytes!("pkcs12/rc2.pfx"), PASSWORD),
        ("3DES, of Windows", include_bytes!("pkcs12/3des.pfx"), PASSWORD),
        ("an empty password", include_bytes!("pkcs12/empty.pfx"), ""),
        ("no checksum", include_bytes!("pkcs12/nomac.pfx"), PASSWORD),
        ("a chain, and a password that is not ASCII", include_bytes!("pkcs12/chain.pfx"), "körrekt"),
    ] {
        let read = read(file, password).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read.thumbprint(), expected, "{name}");
        assert!(!format!("{read:?}").contains(PASSWORD));
    }
}

#[test]
fn a_wrong_password_is_an_error_that_does_not_show_it() {
    let files: [&[u8]; 4] =
        [AES, include_bytes!("pkcs12/rc2.pfx"), include_bytes!("pkcs12/empty.pfx"), include_bytes!("pkcs12/nomac.pfx")];
    for file in files {
        let error = read(file, "battery-staple").unwrap_err();
        assert_eq!(
            (error.kind(), error.code().as_str()),
            (ErrorKind::Invalid, "wrong_certificate_password"),
            "{error}"
        );
        assert!(error.message().contains("password"), "{error}");
        assert_hidden(&error, &["battery-staple"]);
    }
    assert_eq!(read(AES, "").unwrap_err().code().as_str(), "wrong_certificate_password");
}

#[test]
fn a_file_of_another_kind_or_without_its_parts_is_an_error() {
    for (file, says) in [
        (&include_bytes!("pkcs12/nokey.pfx")[..], "no private key"),
        (ONE, "no PKCS#12 file"),
        (b"-----BEGIN CERTIFICATE-----", "no PKCS#12 file"),
        (&[], "no PKCS#12 file"),
        (&AES[..AES.len() / 2], "no PKCS#12 file"),
    ] {
        let error = read(file, PASSWORD).unwrap_err();
        assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Invalid, "invalid_certificate"), "{error}");
        assert!(error.message().contains(says), "{error}");
    }
}

/// Half of a file, or one with another byte in it, is an error and never a panic.
#[test]
fn a_damaged_file_is_an_error() {
    for at in (0..AES.len()).step_by(37) {
        let mut damaged = AES.to_vec();
        damaged[at] ^= 0x5a;
        // A byte that nothing depends on may be another: an attribute, the name.
        if let Err(error) = read(&damaged, PASSWORD) {
            assert_eq!(error.kind(), ErrorKind::Invalid, "{at}: {error}");
        }
        assert!(read(&AES[..at], PASSWORD).is_err());
    }
}
