//! A certificate and its key in the files that somebody has at hand: PEM, in one file or in two, and DER.
//!
//! PKCS#12 is left out: such a file says itself how often its password is hashed, and so how long reading it takes.
#![no_main]

use entra_apps::auth::ClientCertificate;
use entra_apps_fuzz::check_for;
use libfuzzer_sys::fuzz_target;

const ONE: &[u8] = include_bytes!("../../emulator/certificates/one.der");
const ONE_KEY: &[u8] = include_bytes!("../../emulator/certificates/one.key.der");

fuzz_target!(init: drop(rustls::crypto::aws_lc_rs::default_provider().install_default()), |data: &[u8]| {
    check_for(ClientCertificate::from_pem(data), None);
    // A mark before a text that is read changes nothing.
    let marked = [b"\xef\xbb\xbf", data].concat();
    let read = |text: &[u8]| ClientCertificate::from_pem(text).map(|read| read.thumbprint().to_owned()).ok();
    assert!(data.starts_with(b"\xef\xbb\xbf") || read(&marked) == read(data));
    let (first, second) = data.split_at(data.len() / 2);
    check_for(ClientCertificate::from_pem_files(first, second), None);
    check_for(ClientCertificate::from_der(first, second), None);
    // A key that is right but for a few bytes: which, the data says.
    let [low, high, with @ ..] = data else { return };
    let mut key = ONE_KEY.to_vec();
    let place = usize::from(u16::from_le_bytes([*low, *high])) % key.len();
    let end = (place + with.len()).min(key.len());
    drop(key.splice(place..end, with.iter().copied()));
    if let Some(read) = check_for(ClientCertificate::from_der(ONE, &key), None) {
        assert!(!read.thumbprint().is_empty());
    }
});
