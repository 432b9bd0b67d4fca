//! What is traced: a span for each operation, and an event for each refusal and each wait.

use entra_apps::ids::ApplicationId;
use entra_emulator::Fault;

use crate::redaction::logs::{capture, captured};
use crate::support::tenant;

#[tokio::test(start_paused = true)]
async fn each_operation_has_a_span_and_each_refusal_an_event() {
    let tenant = tenant();
    let client = tenant.client();
    client.tenant_id().await.unwrap();
    let id = ApplicationId::from_u128(7);
    capture();
    tenant.fault(Fault::on("GET", "/organization").fails(503));
    client.organization().get().await.unwrap();
    client.applications().get(id).await.unwrap_err();
    assert!(client.applications().find(id).await.unwrap().is_none());
    client.applications().list().all().await.unwrap();
    let mut batch = client.batch();
    let handle = batch.add(client.organization().get());
    batch.await.unwrap().take(handle).unwrap();
    tenant.fault(Fault::on("POST", "/applications").response_lost());
    client.applications().create(&entra_apps::model::NewApplication::new("Lost")).await.unwrap_err();
    let registration = entra_apps::AppRegistration::new("contoso-backup", "Backup");
    let plan = client.plan(&registration).await.unwrap();
    client.apply(&plan).await.unwrap();
    client.verify(&registration).await.unwrap();
    let text = captured();
    for span in ["plan", "apply", "verify"] {
        let inside = format!("{span}{{unique_name=\"contoso-backup\"}}:graph{{operation=\"POST /$batch\"");
        assert!(text.contains(&inside), "{inside} is not in {text}");
    }
    let of = format!("tenant={}", tenant.id());
    for span in [
        format!("graph{{operation=\"GET /organization\" {of}}}"),
        format!("graph{{operation=\"POST /$batch\" {of}}}"),
        format!("list{{operation=\"GET /applications\" {of}}}"),
    ] {
        assert!(text.contains(&span), "{span} is not in {text}");
    }
    assert!(text.contains("waiting operation=\"GET /organization\" reason=Failure wait_ms="), "{text}");
    let refused: Vec<_> = text.lines().filter(|line| line.contains("refused operation=")).collect();
    assert_eq!(refused.len(), 1, "what is not found is no refusal: {refused:?}");
    for field in ["code=\"not_found\"", "status=404", "service_code=", "request_id=", "attempts=1"] {
        assert!(refused[0].contains(field), "{field}: {}", refused[0]);
    }
    let lost = text.lines().find(|line| line.contains("no response operation=")).expect("it is told");
    assert!(lost.contains("POST /applications") && lost.contains("maybe_done=true"), "{lost}");
}
