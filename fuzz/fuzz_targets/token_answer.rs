//! The sign-in service's answer with a token, and what is sent with such a token.
#![no_main]

use entra_apps_fuzz::{Answer, SECRET, Scripted, block_on, check_for, client_with_secret};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let organization = Answer::ok(r#"{"value":[{"id":"00000000-0000-0000-0000-000000000001"}]}"#);
    let transport = Scripted::once(vec![Answer::ok(data), organization]);
    let client = client_with_secret(transport.clone());
    check_for(block_on(async { client.organization().get().await }), Some(SECRET));
    // What is kept of it is used, or asked for again.
    check_for(block_on(client.tenant_id()), Some(SECRET));
    assert!(transport.requests() < 300);

    // No odd member beside a token loses it.
    let mut body: serde_json::Value = serde_json::from_slice(data).unwrap_or_default();
    if let Some(members) = body.as_object_mut() {
        members.insert("access_token".to_owned(), "opaque".into());
        let organization = Answer::ok(r#"{"value":[{"id":"00000000-0000-0000-0000-000000000001"}]}"#);
        let transport = Scripted::once(vec![Answer::ok(body.to_string().as_bytes()), organization]);
        let client = client_with_secret(transport);
        assert!(block_on(async { client.organization().get().await }).is_ok(), "{body}");
    }
});
