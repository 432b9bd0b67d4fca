//! The data is a next link, after the first byte. No request may leave Graph's origin.
#![no_main]

use entra_apps_fuzz::{Answer, Scripted, block_on, check, client};
use libfuzzer_sys::fuzz_target;

const STARTS: [&str; 8] = [
    "",
    "https://graph.test",
    "https://graph.test/v1.0/applications?$skiptoken=",
    "https://graph.test@",
    "http://graph.test/",
    "//graph.test/",
    "https:graph.test",
    "blob:https://graph.test/",
];

fuzz_target!(|data: &[u8]| {
    let Some((start, link)) = data.split_first() else { return };
    let link = format!("{}{}", STARTS[usize::from(*start) % STARTS.len()], String::from_utf8_lossy(link));
    let page = serde_json::json!({ "value": [{ "displayName": "x" }], "@odata.nextLink": link });
    let transport = Scripted::once(vec![Answer::ok(page.to_string()), Answer::ok(r#"{"value":[]}"#)]);
    let client = client(transport.clone());
    // The transport checks where each request goes.
    let listed = check(block_on(client.applications().list().all()));
    assert_eq!(listed.is_some(), transport.requests() == 2);
});
