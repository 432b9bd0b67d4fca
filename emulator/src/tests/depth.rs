//! What is nested too deep is refused, and nothing overflows.

use super::*;
use crate::{Fault, Snapshot};

/// So deep JSON may be nested in a request, as far as it is read.
const MAX_JSON: usize = 126;

fn arrays(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

fn objects(depth: usize) -> String {
    r#"{"web":"#.repeat(depth) + "null" + &"}".repeat(depth)
}

async fn send(session: &Session, method: &str, path: &str, body: String) -> Answered {
    let request = Request::builder()
        .method(method)
        .uri(format!("https://graph.microsoft.com/v1.0{path}"))
        .header("authorization", format!("Bearer {}", session.token))
        .header("content-type", "application/json")
        .body(body.into());
    Answered::of(session.tenant.send(request.unwrap()).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn bodies_are_read_to_a_depth() {
    let session = Session::new(&builder().build()).await;
    let app = session.app("App").await;
    let path = format!("/applications/{}", app["id"].as_str().unwrap());
    for (method, path) in [("POST", "/applications"), ("PATCH", path.as_str()), ("POST", "/servicePrincipals")] {
        for body in [arrays, objects] {
            let member = |depth| format!(r#"{{"displayName": "Deep", "web": {}}}"#, body(depth));
            let read = send(&session, method, path, member(MAX_JSON)).await;
            assert_eq!(read.status, 400, "{read:?}");
            assert!(!read.body["error"]["message"].as_str().unwrap().starts_with("Unable to read JSON"), "{read:?}");
            for depth in [MAX_JSON + 1, 100_000] {
                let message = send(&session, method, path, member(depth)).await.refused(400, "BadRequest");
                assert!(message.starts_with("Unable to read JSON request payload."), "{message}");
            }
        }
    }
    send(&session, "GET", &path, String::new()).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn bodies_within_batches_are_read_to_a_depth() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let session = Session::new(&builder().build()).await;
    let batch = |body: &str| {
        format!(
            r#"{{"requests": [{{"id": "1", "method": "POST", "url": "/applications",
                "headers": {{"Content-Type": "application/json"}}, "body": {body}}}]}}"#
        )
    };
    let plain = |depth| format!(r#"{{"displayName": "Deep", "web": {}}}"#, objects(depth));
    // The batch around it counts, too.
    send(&session, "POST", "/$batch", batch(&plain(MAX_JSON - 3))).await.expect(200);
    send(&session, "POST", "/$batch", batch(&plain(MAX_JSON - 2))).await.refused(400, "BadRequest");
    let encoded = |depth| format!("\"{}\"", URL_SAFE_NO_PAD.encode(plain(depth)));
    send(&session, "POST", "/$batch", batch(&encoded(MAX_JSON))).await.expect(200);
    send(&session, "POST", "/$batch", batch(&encoded(MAX_JSON + 1))).await.refused(400, "BadRequest");
    session.tenant.fault(Fault::on("*", "/**").in_batch().always().fails(500));
    send(&session, "POST", "/$batch", batch(&plain(100_000))).await.refused(400, "BadRequest");
}

#[tokio::test(start_paused = true)]
async fn chains_of_dependencies_in_a_batch_end_at_twenty_and_circles_are_refused() {
    let session = Session::new(&builder().build()).await;
    let chain = |length: usize, last: &str| {
        let request = |number: usize| {
            let on = if number == 0 { last.to_owned() } else { (number - 1).to_string() };
            let on = if on.is_empty() { json!([]) } else { json!([on]) };
            json!({"id": number.to_string(), "method": "GET", "url": "/organization", "dependsOn": on})
        };
        json!({"requests": (0..length).rev().map(request).collect::<Vec<_>>()})
    };
    let answer = session.post("/$batch", chain(20, "")).await.expect(200);
    assert!(answer["responses"].as_array().unwrap().iter().all(|response| response["status"] == 200), "{answer:#}");
    session.post("/$batch", chain(21, "")).await.refused(400, "BadRequest");
    session.post("/$batch", chain(20, "19")).await.refused(400, "BadRequest");
}

#[tokio::test(start_paused = true)]
async fn queries_are_refused_when_they_are_too_deep() {
    let session = Session::new(&builder().build()).await;
    let get = |option: &str, value: String| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair(option, &value).finish();
        let session = session.clone();
        async move {
            let path = format!("/applications?{query}&$count=true");
            session.try_send("GET", &path, &[("consistencylevel", "eventual")], None).await.unwrap()
        }
    };
    let nested = |open: &str, times: usize| open.repeat(times) + "appId eq 'x'" + &")".repeat(times);
    get("$filter", nested("(", 100)).await.expect(200);
    let message = get("$filter", nested("(", 101)).await.refused(400, "BadRequest");
    assert!(message.contains("too deep"), "{message}");
    get("$filter", "(".repeat(4_000)).await.refused(400, "BadRequest");
    get("$filter", "not ".repeat(4_000)).await.refused(400, "BadRequest");
    let clause = r#""displayName:a""#;
    get("$search", vec![clause; 500].join(" OR ")).await.expect(200);
    get("$search", "(".repeat(4_000)).await.refused(400, "BadRequest");
    get("$search", "\"".repeat(4_001)).await.refused(400, "BadRequest");
    let expand = format!("owners({}", "$expand=owners(".repeat(300));
    assert_eq!(get("$expand", expand).await.status, 501);
    assert_eq!(get("$expand", "(".repeat(4_000)).await.status, 400);
    assert_eq!(get("$expand", ")".repeat(4_000)).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn assertions_claims_and_tokens_are_read_to_a_depth() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let tenant = builder().build();
    let deep = URL_SAFE_NO_PAD.encode(objects(100_000));
    let assertion = format!("{deep}.{deep}.{deep}");
    for (name, value) in [("client_assertion", &assertion), ("claims", &objects(100_000))] {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &tenant.caller().client_id.to_string())
            .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            .append_pair("scope", "https://graph.microsoft.com/.default")
            .append_pair(name, value)
            .finish();
        let uri = format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", tenant.id());
        let request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded").body(form.into());
        let answer = Answered::of(tenant.send(request.unwrap()).await.unwrap());
        assert!((400..500).contains(&answer.status), "{name}: {answer:?}");
    }
    let session = Session::new(&tenant).await;
    // As deep as a URL has room for.
    let deep = URL_SAFE_NO_PAD.encode(objects(4_000));
    session.get(&format!("/applications/delta?$deltatoken={deep}")).await.refused(410, "syncStateNotFound");
    session.get(&format!("/applications?$skiptoken={deep}")).await.refused(400, "Directory_ExpiredPageToken");
}

#[test]
fn files_are_read_to_a_depth() {
    assert!(Snapshot::from_json(&arrays(100_000)).is_err());
    let faults =
        |depth| format!(r#"{{"faults": [{{"on": "GET /x", "action": {{"body": {{"text": {}}}}}}}]}}"#, arrays(depth));
    assert_eq!(Fault::from_json(&faults(100)).unwrap(), [Fault::on("GET", "/x").body(arrays(100))]);
    assert!(Fault::from_json(&faults(100_000)).is_err());
}
