//! The answers to a batch.
#![no_main]

use entra_apps::ids::AppId;
use entra_apps::model::{ApplicationPatch, NewApplication, NewPasswordCredential};
use entra_apps_fuzz::{Answer, Scripted, answers, block_on, check, client};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else { return };
    let script = if kind & 1 == 0 { vec![Answer::ok(data)] } else { answers(data) };
    let client = client(if kind & 2 == 0 { Scripted::again(script) } else { Scripted::once(script) });
    let id = AppId::from_u128(7);
    block_on(async {
        let mut batch = client.batch();
        if kind & 4 != 0 {
            batch = batch.in_order();
        }
        let found = batch.add(client.applications().find(id));
        let changed = batch.add(client.applications().update(id, &ApplicationPatch::new().notes("x")));
        let created = batch.add(client.applications().create(&NewApplication::new("x")));
        let issued = batch.add(client.applications().add_password(id, &NewPasswordCredential::new()));
        let page = batch.add(client.applications().list().page());
        if kind & 8 != 0 {
            for _ in 0..18 {
                let _ = batch.add(client.applications().delete(id));
            }
        }
        let Some(mut answers) = check(batch.send().await) else { return };
        check(answers.take(found));
        check(answers.take(changed));
        check(answers.take(created));
        check(answers.take(issued));
        check(answers.take(page));
    });
});
