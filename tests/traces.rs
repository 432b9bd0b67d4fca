//! Traces tell what happens, and no secret.
//!
//! In a process of its own: a subscriber for one thread misses what other tests' threads have registered first.

use std::io::Write;
use std::sync::{Arc, Mutex};

use entra_apps::memory::{Fault, RetryAfter};
use entra_apps::secrecy::ExposeSecret;
use entra_apps::{AppRegistration, ClientSecret};

#[allow(dead_code)]
#[path = "it/support.rs"]
mod support;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_most_verbose_trace_holds_no_secret_and_no_token() {
    let written = Written::default();
    let copy = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || copy.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let tenant = support::tenant();
    let client = tenant.client();
    tenant.fault(Fault::on("PATCH", "/applications/*").alone().throttled(RetryAfter::Seconds(3)));
    let registration = AppRegistration::new("very-private-key", "App").credential(ClientSecret::new("Main"));
    let plan = client.plan(&registration).await.unwrap();
    let registered = client.apply(&plan).await.unwrap();

    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("PATCH /applications(uniqueName)"), "{text}");
    assert!(text.contains("Throttling"), "{text}");
    let own = tenant.caller().client_secret.expose_secret().to_owned();
    for private in [registered.secrets[0].value.expose_secret(), own.as_str(), "Bearer", "eyJ", "very-private-key"] {
        assert!(!text.contains(private), "{private} in the trace");
    }
}
