//! The sign-in service's refusal: the first byte is the status, the rest the body.
#![no_main]

use entra_apps_fuzz::{Answer, SECRET, Scripted, block_on, check_for, client_with_secret};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((status, body)) = data.split_first() else { return };
    let status = [400, 401, 403, 404, 302, 307, 429, 500, 503][usize::from(*status) % 9];
    let transport = Scripted::again(vec![Answer::of(status, body)]);
    let client = client_with_secret(transport.clone());
    assert!(check_for(block_on(client.tenant_id()), Some(SECRET)).is_none());
    assert!(transport.requests() < 300);
});
