//! Headers and statuses: what to wait for, what to sign in again for, what to tell support.
#![no_main]

use entra_apps::model::NewApplication;
use entra_apps_fuzz::{Scripted, answers, block_on, check, client, client_with_secret};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else { return };
    let transport = Scripted::again(answers(data));
    let client = if kind & 1 == 0 { client(transport.clone()) } else { client_with_secret(transport.clone()) };
    block_on(async {
        check(client.organization().get().await);
        check(client.applications().create(&NewApplication::new("x")).await);
    });
    assert!(transport.requests() < 128, "{}", transport.requests());
});
