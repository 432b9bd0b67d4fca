//! A text that somebody typed: it arrives as it is, and changes no address.
#![no_main]

use std::sync::{Arc, Mutex};

use entra_apps::api::{Filter, UniqueName};
use entra_apps::async_trait;
use entra_apps::bytes::Bytes;
use entra_apps::http::{Request, Response};
use entra_apps::ids::OAuth2PermissionGrantId;
use entra_apps::model::{ApplicationPatch, NewApplication};
use entra_apps::permission::Permission;
use entra_apps::transport::{Transport, TransportError};
use entra_apps::url::Url;
use entra_apps_fuzz::{block_on, check_for, check_request, client};
use libfuzzer_sys::fuzz_target;

/// Keeps each request, and answers that nothing is there.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<Request<Bytes>>>);

#[async_trait]
impl Transport for Recorder {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        check_request(&request);
        self.0.lock().unwrap().push(request);
        Ok(Response::builder().status(400).body(Bytes::new()).unwrap())
    }
}

/// The decoded segments and pairs of an address.
fn parts(url: &str) -> (Vec<String>, Vec<(String, String)>) {
    let url = Url::parse(url).unwrap();
    assert!(url.fragment().is_none(), "{url}");
    let decode = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'%' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                }
                other => bytes.push(other),
            }
        }
        String::from_utf8(bytes).unwrap()
    };
    let segments = url.path_segments().unwrap().map(decode).collect();
    let pairs = url.query().unwrap_or_default();
    let pairs = pairs.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        assert!(!value.contains('+'), "{pair}");
        (decode(name), decode(value))
    });
    (segments, pairs.collect())
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let text = &*text;
    let recorder = Arc::new(Recorder::default());
    let client = client(recorder.clone());
    let take = || recorder.0.lock().unwrap().pop();
    let quoted = format!("'{}'", text.replace('\'', "''"));
    let key = UniqueName::new(text).ok();
    block_on(async {
        if let Some(key) = key.clone() {
            check_for(client.applications().find_selecting(key, &["id"]).await, None);
        }
        if let Some(request) = take() {
            let (segments, pairs) = parts(&request.uri().to_string());
            assert_eq!(segments, ["v1.0".to_owned(), format!("applications(uniqueName={quoted})")]);
            assert_eq!(pairs, [("$select".to_owned(), "id".to_owned())]);
        }
        let filter = Filter::eq("displayName", text);
        check_for(client.applications().list().filter(filter).search("displayName", text).all().await, None);
        if let Some(request) = take() {
            let (segments, pairs) = parts(&request.uri().to_string());
            assert_eq!(segments, ["v1.0", "applications"]);
            assert_eq!(pairs.len(), 3);
            assert_eq!(pairs[0], ("$filter".to_owned(), format!("displayName eq {quoted}")));
            let words = text.replace('\\', "\\\\").replace('"', "\\\"");
            assert_eq!(pairs[1], ("$search".to_owned(), format!("\"displayName:{words}\"")));
            assert_eq!(pairs[2], ("$count".to_owned(), "true".to_owned()));
        }
        let grant = OAuth2PermissionGrantId::new(text);
        check_for(client.oauth2_permission_grants().find(&grant).await, None);
        if let Some(request) = take() {
            let (segments, pairs) = parts(&request.uri().to_string());
            assert_eq!(segments, ["v1.0", "oauth2PermissionGrants", text]);
            assert!(pairs.is_empty());
        }
        let Some(key) = key else { return };
        let mut batch = client.batch();
        let _ = batch.add(client.applications().update(key, &ApplicationPatch::new().display_name(text)));
        let _ = batch.add(client.applications().create(&NewApplication::new(text)));
        check_for(batch.send().await, None);
        if let Some(request) = take() {
            let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
            let items = body["requests"].as_array().unwrap();
            assert_eq!(items.len(), 2);
            let url = format!("https://graph.test/v1.0{}", items[0]["url"].as_str().unwrap());
            let (segments, pairs) = parts(&url);
            assert_eq!(segments, ["v1.0".to_owned(), format!("applications(uniqueName={quoted})")]);
            assert!(pairs.is_empty());
            assert!(items.iter().all(|item| item["body"]["displayName"] == text));
            assert_eq!(items[1]["url"], "/applications");
        }
    });
    // Whatever resembles it is looked for, which takes its time.
    if data.len() % 16 != 0 {
        return;
    }
    if let Some(permission) = check_for(Permission::application(text), None) {
        assert!(permission.name().is_some());
    }
});
