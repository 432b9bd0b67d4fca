//! With ring installed, the crate builds its transport, and signs what the emulator verifies.

use std::sync::Arc;

use entra_apps::Client;
use entra_apps::auth::ClientCertificate;
use entra_apps_no_provider::{certificate, tenant_with_certificate};

fn with_ring() -> ClientCertificate {
    // Another test of this process may have been faster.
    let _ = rustls::crypto::ring::default_provider().install_default();
    certificate().unwrap()
}

#[tokio::test]
async fn a_client_over_reqwest_is_built() {
    let certificate = with_ring();
    let (tenant, caller) = tenant_with_certificate();
    assert!(Client::builder().tenant(tenant.id()).client_certificate(caller.client_id, certificate).build().is_ok());
}

#[tokio::test]
async fn a_certificate_signs_in() {
    let certificate = with_ring();
    let (tenant, caller) = tenant_with_certificate();
    let client = Client::builder()
        .tenant(tenant.id())
        .client_certificate(caller.client_id, certificate)
        .transport(Arc::new(tenant.clone()))
        .clock(tenant.clock())
        .build()
        .unwrap();
    assert_eq!(client.organization().get().await.unwrap().id, Some(tenant.id()));
}
