//! What both tests use: a certificate, and a tenant with an app that has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use entra_apps::auth::ClientCertificate;
use entra_emulator::{Caller, MemoryTenant};
use serde_json::json;

const CERTIFICATE: &[u8] = include_bytes!("../../../emulator/certificates/one.der");
const KEY: &[u8] = include_bytes!("../../../emulator/certificates/one.key.der");

/// Reads the certificate with its key.
///
/// # Errors
/// What the crate says of it.
pub fn certificate() -> entra_apps::Result<ClientCertificate> {
    ClientCertificate::from_der(CERTIFICATE, KEY)
}

/// A tenant, and an app of it that signs in with the certificate.
pub fn tenant_with_certificate() -> (MemoryTenant, Caller) {
    let tenant = MemoryTenant::new();
    let caller = tenant.caller();
    let key = STANDARD.encode(CERTIFICATE);
    let body = json!({"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": key}]});
    let path = format!("/applications(appId='{}')", caller.client_id);
    let (status, response) = tenant.send_json("PATCH", &path, Some(&body.to_string()));
    assert!(status.is_success(), "{response}");
    (tenant, caller)
}
