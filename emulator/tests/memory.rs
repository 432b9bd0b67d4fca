//! The memory of a tenant stays flat, however long it runs.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::bytes::Bytes;
use entra_apps::http::{Request, StatusCode};
use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::time::macros::datetime;
use entra_apps::transport::Transport as _;
use entra_apps::url::form_urlencoded;
use entra_emulator::{MemoryTenant, TenantClock, Throttling};
use peak_alloc::PeakAlloc;
use serde_json::Value;

/// Counts the bytes of this process; the only test in it runs alone.
#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

async fn send(tenant: &MemoryTenant, token: &str, method: &str, path: &str, body: &'static str) -> Value {
    let request = Request::builder()
        .method(method)
        .uri(format!("https://graph.microsoft.com/v1.0{path}"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Bytes::from_static(body.as_bytes()));
    let response = tenant.send(request.expect("the request is one")).await.expect("nothing goes wrong");
    assert!(response.status().is_success(), "{method} {path}: {response:?}");
    serde_json::from_slice(response.body()).unwrap_or_default()
}

async fn sign_in(tenant: &MemoryTenant) -> String {
    let caller = tenant.caller();
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &caller.client_id.to_string())
        .append_pair("client_secret", caller.client_secret.expose_secret())
        .append_pair("scope", "https://graph.microsoft.com/.default")
        .finish();
    let request = Request::post(format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", tenant.id()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(form));
    let response = tenant.send(request.expect("the request is one")).await.expect("nothing goes wrong");
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = serde_json::from_slice(response.body()).expect("the response is JSON");
    body["access_token"].as_str().expect("there is a token").to_owned()
}

/// Ten requests: reads, a batch, and an application that comes and goes with a secret.
async fn ten(tenant: &MemoryTenant) {
    let token = sign_in(tenant).await;
    let app = send(tenant, &token, "POST", "/applications", r#"{"displayName": "Passing"}"#).await;
    let path = format!("/applications/{}", app["id"].as_str().expect("there is an id"));
    send(tenant, &token, "POST", &format!("{path}/addPassword"), "{}").await;
    send(tenant, &token, "GET", &path, "").await;
    send(tenant, &token, "GET", "/applications?$top=5", "").await;
    send(tenant, &token, "GET", "/organization", "").await;
    let batch = r#"{"requests": [{"id": "1", "method": "GET", "url": "/organization"}]}"#;
    send(tenant, &token, "POST", "/$batch", batch).await;
    send(tenant, &token, "GET", "/servicePrincipals?$top=1", "").await;
    send(tenant, &token, "DELETE", &path, "").await;
    send(tenant, &token, "DELETE", &path.replace("/applications", "/directory/deletedItems"), "").await;
    tokio::time::advance(Duration::from_secs(1)).await;
}

/// The bytes that are held after so many requests, and after so many more.
async fn held(first: usize, more: usize) -> (usize, usize) {
    let clock = Arc::new(TenantClock::starting_at(datetime!(2026-06-01 09:00 UTC)));
    let tenant = MemoryTenant::builder().clock(clock).throttling(Throttling::documented()).build();
    for _ in 0..first / 10 {
        ten(&tenant).await;
    }
    let before = ALLOCATED.current_usage();
    for _ in 0..more / 10 {
        ten(&tenant).await;
    }
    (before, ALLOCATED.current_usage())
}

mod sweep {
    use super::*;

    #[tokio::test(start_paused = true)]
    #[ignore = "long: 700,000 requests"]
    async fn the_memory_of_a_tenant_stays_flat() {
        // Until all is full that has a bound: the changes of 50,000 applications come last.
        let (before, after) = held(500_000, 200_000).await;
        println!("{before} bytes are held after 500,000 requests, {after} after 700,000");
        assert!(after <= before + before / 50, "{before} bytes became {after}");
    }
}
