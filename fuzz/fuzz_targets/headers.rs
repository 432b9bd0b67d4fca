//! Headers and statuses: what to wait for, what to sign in again for, what to tell support.
#![no_main]

use entra_apps::model::NewApplication;
use entra_apps_fuzz::{SECRET, Scripted, TOKEN, answers, block_on, check_for, client, client_with_secret};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else { return };
    let transport = Scripted::again(answers(data));
    let (client, private) = match kind & 1 {
        0 => (client(transport), TOKEN),
        // Whatever token the data makes up.
        _ => (client_with_secret(transport), SECRET),
    };
    let private = Some(private);
    block_on(async {
        check_for(client.organization().get().await, private);
        check_for(client.applications().create(&NewApplication::new("x")).await, private);
    });
});
