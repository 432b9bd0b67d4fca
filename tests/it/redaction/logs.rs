//! No log shows a secret, at the most verbose level.
//!
//! What a thread traces is captured, and searched for every secret and token that was sent to the tenant or came from
//! it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex, Once};

use entra_apps::bytes::Bytes;
use entra_apps::http::header::AUTHORIZATION;
use entra_apps::http::{Request, Response};
use entra_apps::secrecy::ExposeSecret;
use entra_apps::url::form_urlencoded;
use entra_apps::{AppRegistration, ClientSecret};
use entra_emulator::{Fault, MemoryTenantBuilder, RetryAfter};
use serde_json::Value;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{builder, tenant, traffic};

thread_local! {
    /// What this thread has traced, while it is captured.
    static CAPTURED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Writes to the thread's own text.
struct Own;

impl Write for Own {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        CAPTURED.with_borrow_mut(|captured| {
            if let Some(captured) = captured {
                captured.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Captures what this thread traces from now on. One for the whole process listens: a subscriber for one thread misses
/// what other tests' threads have registered before.
pub(crate) fn capture() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let all = tracing_subscriber::fmt::layer().with_ansi(false).with_span_events(FmtSpan::FULL).with_writer(|| Own);
        // Asked each time: other threads are not slowed down.
        let wanted = dynamic_filter_fn(|_, _| CAPTURED.with_borrow(Option::is_some));
        let listener = tracing_subscriber::registry().with(all).with(wanted);
        tracing::subscriber::set_global_default(listener).expect("no other test listens");
    });
    tracing::callsite::rebuild_interest_cache();
    CAPTURED.set(Some(Vec::new()));
}

/// What was captured; no more is.
pub(crate) fn captured() -> String {
    String::from_utf8(CAPTURED.take().unwrap_or_default()).expect("traces are text")
}

/// Everything private that a tenant was sent or has answered: secrets, tokens, codes.
#[derive(Clone, Default)]
pub(crate) struct Private(Arc<Mutex<BTreeSet<String>>>);

impl Private {
    /// A tenant that is watched from its first request on.
    pub(crate) fn of(builder: MemoryTenantBuilder) -> (MemoryTenantBuilder, Self) {
        let private = Self::default();
        let noted = private.clone();
        let builder = builder.on_exchange(move |request, response| {
            traffic::write(request, response);
            noted.note(request, response);
        });
        (builder, private)
    }

    fn note(&self, request: &Request<Bytes>, response: &Response<Bytes>) {
        let mut private = self.0.lock().unwrap();
        if let Some(bearer) = request.headers().get(AUTHORIZATION) {
            private.insert(bearer.to_str().unwrap().trim_start_matches("Bearer ").to_owned());
        }
        for (name, value) in form_urlencoded::parse(request.body()) {
            if matches!(&*name, "client_secret" | "client_assertion" | "refresh_token" | "code" | "device_code") {
                private.insert(value.into_owned());
            }
        }
        if let Ok(answer) = serde_json::from_slice::<Value>(response.body()) {
            note(&mut private, &answer);
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// One that is in this text, whole or with its odd letters escaped as in a form, or its signature alone.
    pub(crate) fn found_in(&self, text: &str) -> Option<String> {
        let private = self.0.lock().unwrap();
        let found = private.iter().find(|private| {
            let escaped: String = form_urlencoded::byte_serialize(private.as_bytes()).collect();
            // A token's last part; the others are the same in many.
            let tail = private.rsplit('.').next().filter(|tail| tail.len() >= 16).unwrap_or(private);
            [private, escaped.as_str(), tail].iter().any(|form| text.contains(form))
        });
        found.cloned()
    }
}

fn note(private: &mut BTreeSet<String>, answer: &Value) {
    match answer {
        Value::Array(items) => items.iter().for_each(|item| note(private, item)),
        Value::Object(members) => {
            for (name, value) in members {
                let is_private = ["secretText", "access_token", "refresh_token", "id_token", "device_code"];
                match value.as_str().filter(|_| is_private.contains(&name.as_str())) {
                    Some(text) => drop(private.insert(text.to_owned())),
                    None => note(private, value),
                }
            }
        }
        _ => {}
    }
}

#[tokio::test(start_paused = true)]
async fn the_most_verbose_trace_holds_no_secret_and_no_token() {
    let tenant = tenant();
    let client = tenant.client();
    tenant.fault(Fault::on("PATCH", "/applications/*").alone().throttled(RetryAfter::Seconds(3)));
    let registration = AppRegistration::new("k", "very-private-name").credential(ClientSecret::new("Main"));
    capture();
    let plan = client.plan(&registration).await.unwrap();
    let registered = client.apply(&plan).await.unwrap();

    let text = captured();
    assert!(text.contains("PATCH /applications(uniqueName)"), "{text}");
    assert!(text.contains("Throttling"), "{text}");
    let own = tenant.caller().client_secret.expose_secret().to_owned();
    for private in [registered.secrets[0].value.expose_secret(), own.as_str(), "Bearer", "eyJ", "very-private-name"] {
        assert!(!text.contains(private), "{private} in the trace");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_is_a_span_and_its_refusal_an_event() {
    const WRONG: &str = "wr0ng~marker~value";
    let tenant = tenant();
    let app = tenant.caller().client_id;
    let client = tenant.client_builder().client_secret(app, WRONG.into()).build().unwrap();
    capture();
    let error = client.organization().get().await.unwrap_err();
    let text = captured();
    let span = format!("sign_in{{tenant={} client_id={app} flow=\"client_credentials\"}}", tenant.id());
    assert!(text.contains(&span), "{span} in {text}");
    let refusal = text.lines().find(|line| line.contains("no token")).unwrap();
    let request_id = format!("request_id=\"{}\"", error.request_id().unwrap());
    for part in
        ["code=\"wrong_secret\"", "status=401", "service_code=\"AADSTS7000215\"", "attempts=1", &request_id, &span]
    {
        assert!(refusal.contains(part), "{part} in {refusal}");
    }
    assert!(!text.contains(WRONG) && !text.contains("wr0ng%7E"), "{text}");
}

/// The search finds what it is there for: a secret, a token or its signature.
#[tokio::test(start_paused = true)]
async fn a_secret_that_is_logged_is_found() {
    let (builder, private) = Private::of(builder());
    let client = builder.build().client();
    let plan = client.plan(&AppRegistration::new("k", "App").credential(ClientSecret::new("Main"))).await.unwrap();
    let registered = client.apply(&plan).await.unwrap();
    // The client's own secret, its token, and the new secret.
    assert!(private.count() >= 3, "{}", private.count());
    assert_eq!(private.found_in(&format!("{registered:?} {plan}")), None);
    let all: Vec<String> = private.0.lock().unwrap().iter().cloned().collect();
    assert!(all.contains(&registered.secrets[0].value.expose_secret().to_owned()));
    for one in all {
        capture();
        tracing::trace!(shown = %one, "a mistake");
        assert_eq!(private.found_in(&captured()), Some(one));
    }
}

/// The libraries below the crate log as well: over a real connection nothing private is in it either.
#[cfg(feature = "reqwest")]
#[tokio::test]
async fn the_libraries_below_log_no_secret_either() {
    use entra_apps::Client;
    use entra_apps::cloud::Cloud;
    use entra_apps::ids::{AppId, TenantId};
    use entra_apps::secrecy::SecretString;

    const SECRET: &str = "s3cr3t~marker~value";
    const TOKEN: &str = "t0ken-marker-value";

    let mut server = mockito::Server::new_async().await;
    let token = format!(r#"{{"access_token":"{TOKEN}","expires_in":3599}}"#);
    server.mock("POST", mockito::Matcher::Any).with_body(token).create_async().await;
    let bearer = format!("Bearer {TOKEN}");
    let found = server.mock("GET", mockito::Matcher::Any).match_header("authorization", bearer.as_str());
    let found = found.with_body(r#"{"value":[{"displayName":"here"}]}"#).create_async().await;
    let url = server.url().parse().unwrap();
    let client = Client::builder()
        .cloud(Cloud::custom("test", &url, &url).unwrap())
        .tenant(TenantId::from_u128(1))
        .client_secret(AppId::from_u128(2), SecretString::from(SECRET))
        .build()
        .unwrap();
    capture();
    client.organization().get().await.unwrap();
    let text = captured();
    found.assert_async().await;
    assert!(text.contains("GET /organization"), "{text}");
    for private in [SECRET, "s3cr3t%7E", TOKEN] {
        assert!(!text.contains(private), "{private} in {text}");
    }
}
