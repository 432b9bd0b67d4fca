//! What is traced: a span for each operation, and an event for each refusal and each wait.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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

/// The sources as one text.
fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.is_dir() {
            true => sources(&entry, all),
            false if entry.extension().is_some_and(|it| it == "rs") => {
                all.push_str(&fs::read_to_string(&entry).unwrap());
            }
            false => {}
        }
    }
}

/// The texts in quotation marks that end a macro's call, or begin it: of an event its message, of a span its name.
fn named<'s>(sources: &'s str, call: &str, pick: impl Fn(Vec<&'s str>) -> &'s str) -> BTreeSet<&'s str> {
    let calls = sources.split(call).skip(1).map(|rest| rest.split(");").next().unwrap_or_default());
    let texts = |call: &'s str| call.split('"').skip(1).step_by(2).collect::<Vec<_>>();
    calls.map(|call| pick(texts(call))).collect()
}

#[test]
fn each_span_and_each_event_stands_on_the_page() {
    let page = include_str!("../../../src/tracing.md");
    let mut all = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let spans = named(&all, "tracing::debug_span!(", |texts| texts[0]);
    let mut events = named(&all, "tracing::debug!(", |texts| texts[texts.len() - 1]);
    events.extend(named(&all, "trace_failure(&error, ", |texts| texts[0]));
    // The one whose name is given by the callers above.
    assert!(events.remove("{event}"));
    assert!(spans.len() > 10 && events.len() > 5, "the sources were not found: {spans:?} {events:?}");
    let is_told = |name: &&&str| {
        let mut rows = page.lines().filter(|line| line.starts_with('|'));
        rows.any(|row| row.split('|').nth(1).is_some_and(|first| first.contains(&format!("`{name}`"))))
    };
    let untold: Vec<_> = spans.iter().chain(&events).filter(|name| !is_told(name)).collect();
    assert!(untold.is_empty(), "the page does not tell of {untold:?}");
}

#[tokio::test(start_paused = true)]
async fn what_runs_over_all_customers_has_a_span_and_so_has_each_customer() {
    let cloud = entra_emulator::MemoryCloud::partner_with_customers(1);
    let partner = &cloud.tenants()[0];
    let client = cloud.client(partner);
    let customer = cloud.tenants()[1].id();
    let registration = entra_apps::AppRegistration::new("contoso-backup", "Backup")
        .audience(entra_apps::SignInAudience::MultipleOrganizations);
    client.apply(&client.plan(&registration).await.unwrap()).await.unwrap();
    capture();
    client.partner().audit(&registration).await.unwrap();
    client.link_tenant("no-such-tenant.example").await.unwrap_err();
    let text = captured();
    let audit = format!("audit{{tenant={} unique_name=\"contoso-backup\"}}", partner.id());
    for inside in [format!("{audit}:readiness{{"), format!("{audit}:customer{{tenant={customer}}}:")] {
        assert!(text.contains(&inside), "{inside} is not in {text}");
    }
    let inside = "find_tenant{tenant=no-such-tenant.example}";
    let refused = text.lines().find(|line| line.contains(inside) && line.contains("refused operation="));
    let refused = refused.expect("it is told");
    assert!(refused.contains("code=\"unknown_tenant\""), "{refused}");
}
