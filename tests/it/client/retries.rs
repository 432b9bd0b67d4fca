//! Retries can be switched off. What is retried, and how, is in `faults`, `throttling` and `replication`.

use entra_apps::{ErrorKind, RetryPolicy};
use entra_emulator::Fault;

use crate::support::{counts, tenant};

#[tokio::test(start_paused = true)]
async fn without_retries_each_request_is_sent_once() {
    let tenant = tenant();
    let client = tenant.client_builder().retry_policy(RetryPolicy::none()).build().unwrap();
    client.tenant_id().await.unwrap();
    tenant.clear_requests();
    tenant.fault(Fault::on("GET", "/organization").fails(503));
    let error = client.organization().get().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Service, 1));
    assert_eq!(counts(&tenant).0, 1);
}
