//! A list whose pages are the data: page by page, until the service says that there is no other. No item is lost.
#![no_main]

use entra_apps_fuzz::{Answer, Scripted, answers, block_on, check, client};
use libfuzzer_sys::fuzz_target;

/// The items of a page, of which each is read or counted.
fn items_in(page: &[u8]) -> Option<usize> {
    Some(serde_json::from_slice::<serde_json::Value>(page).ok()?.get("value")?.as_array()?.len())
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else { return };
    let one = client(Scripted::once(vec![Answer::ok(data)]));
    let page = check(block_on(async { one.applications().list().page().await }));
    // A page may hold bytes that are no text where nothing is read.
    if let (Some(page), Some(items)) = (page, items_in(data)) {
        assert_eq!(page.value.len(), items);
    }
    // One page that the service sends for ever, or several as the data says.
    let script = if kind & 1 == 0 { vec![Answer::ok(data)] } else { answers(data) };
    let client = client(if kind & 2 == 0 { Scripted::again(script) } else { Scripted::once(script) });
    block_on(async {
        match kind >> 2 & 3 {
            0 => drop(check(client.applications().list().all().await)),
            1 => drop(check(client.service_principals().list().count().all().await)),
            2 => {
                let mut items = client.oauth2_permission_grants().list().items();
                while let Some(Some(_)) = check(items.next().await) {}
                // What has ended stays so, or is asked for once more.
                check(items.next().await);
            }
            _ => {
                let mut pages = client.applications().list().top(3).pages();
                while let Some(Some(page)) = check(pages.next().await) {
                    let _ = page.has_next();
                }
            }
        }
    });
});
