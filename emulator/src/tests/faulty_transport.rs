//! Faults around any transport: here around a tenant, as if that were the service.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use entra_apps::clock::Clock as _;
use entra_apps::transport::Transport;
use http::Response;

use super::*;
use crate::{Fault, FaultOn, FaultyTransport, RetryAfter, Throttling};

/// A service that notes what it is sent, and responds with what it was given.
#[derive(Debug, Default)]
struct Noted {
    sent: Mutex<Vec<Request<Bytes>>>,
    responses: Mutex<Vec<Response<Bytes>>>,
}

#[async_trait]
impl Transport for Noted {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.sent.lock().unwrap().push(request);
        Ok(self.responses.lock().unwrap().pop().unwrap_or_default())
    }
}

impl Noted {
    fn bodies(&self) -> Vec<Value> {
        let sent = self.sent.lock().unwrap();
        sent.iter().map(|request| serde_json::from_slice(request.body()).unwrap_or_default()).collect()
    }
}

fn noted(responses: &[Value]) -> FaultyTransport<Noted> {
    let responses = responses.iter().rev().map(|body| Response::new(Bytes::from(body.to_string()))).collect();
    FaultyTransport::new(Noted { responses: Mutex::new(responses), ..Noted::default() })
}

fn get(path: &str) -> Request<Bytes> {
    Request::get(format!("https://graph.microsoft.com/v1.0{path}")).body(Bytes::new()).unwrap()
}

fn batch(requests: &Value) -> Request<Bytes> {
    let body = json!({ "requests": requests }).to_string();
    Request::post("https://graph.microsoft.com/v1.0/$batch")
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap()
}

fn statuses(answer: &Value) -> Vec<(String, u64)> {
    let all = answer["responses"].as_array().unwrap().iter();
    let mut all: Vec<_> =
        all.map(|it| (it["id"].as_str().unwrap().to_owned(), it["status"].as_u64().unwrap())).collect();
    all.sort();
    all
}

/// What a client sees, without the ids that differ from one request to the next.
fn seen(outcome: Result<Response<Bytes>, TransportError>) -> String {
    let response = match outcome {
        Ok(response) => response,
        Err(error) => return format!("{error:?}"),
    };
    let (mut parts, body) = response.into_parts();
    for id in ["request-id", "client-request-id", "x-ms-request-id", "ms-requestid", "ms-correlationid"] {
        parts.headers.remove(id);
    }
    let mut names: Vec<_> = parts.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    names.sort();
    let mut text = String::from_utf8_lossy(&body).into_owned();
    for mark in ["request-id\":\"", "trace_id\":\"", "correlation_id\":\"", "Trace ID: ", "Correlation ID: "] {
        while let Some(at) = text.find(mark) {
            text.replace_range(at..at + mark.len() + 36, "");
        }
    }
    format!("{} {names:?} {text}", parts.status)
}

type Make = fn(FaultOn) -> Fault;

const ACTIONS: [Make; 19] = [
    FaultOn::unreachable,
    FaultOn::reset,
    |on| on.malformed(502),
    |on| on.intercepted(429, "application/json", r#"{"statusCode": 429}"#),
    FaultOn::response_lost,
    FaultOn::truncated,
    |on| on.oversized(100_000),
    |on| on.slow(Duration::from_secs(30)),
    |on| on.body(r#"{"odd": 1}"#),
    FaultOn::token_refused,
    FaultOn::empty_page,
    |on| on.next_link_to("graph.example"),
    |on| on.throttled(RetryAfter::Seconds(7)),
    |on| on.throttled(RetryAfter::Date(Duration::from_secs(90))),
    |on| on.fails(503),
    |on| on.fails_after_writing(504),
    |on| on.refuses(400, "AADSTS7000215", "No."),
    FaultOn::concurrency,
    FaultOn::replica_miss,
];

/// Requests of each sort, with the path that a fault has to name.
fn requests(tenant: &MemoryTenant, token: &str) -> Vec<(&'static str, Request<Bytes>)> {
    let to = |method: &str, url: &str, content_type: &str, body: String| {
        let request = Request::builder().method(method).uri(url).header("content-type", content_type);
        request.header("authorization", format!("Bearer {token}")).body(Bytes::from(body)).unwrap()
    };
    let graph = |method: &str, path: &str, body: Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        to(method, &format!("https://graph.microsoft.com/v1.0{path}"), "application/json", body)
    };
    let create = |id: &str| {
        json!({"id": id, "method": "POST", "url": "/applications", "headers": {"Content-Type": "application/json"},
            "body": {"displayName": id}})
    };
    let read = json!({"id": "3", "method": "GET", "url": "/organization", "dependsOn": ["2"]});
    let list = json!({"id": "4", "method": "GET", "url": "/applications?$select=id"});
    let secret = tenant.caller().client_secret;
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &tenant.caller().client_id.to_string())
        .append_pair("client_secret", secret.expose_secret())
        .append_pair("scope", "https://graph.microsoft.com/.default")
        .finish();
    let sign_in = format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", tenant.id());
    vec![
        ("/applications", graph("POST", "/applications", json!({"displayName": "App"}))),
        ("/servicePrincipals", graph("GET", "/servicePrincipals?$top=2&$select=id", Value::Null)),
        ("/organization", graph("GET", "/organization", Value::Null)),
        ("/applications", graph("POST", "/$batch", json!({"requests": [create("1"), create("2"), read, list]}))),
        ("/$batch", graph("POST", "/$batch", json!({"requests": [create("1")]}))),
        ("/oauth2/v2.0/token", to("POST", &sign_in, "application/x-www-form-urlencoded", form)),
        (
            "/v1/customers",
            to("GET", "https://api.partnercenter.microsoft.com/v1/customers", "text/plain", String::new()),
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_fault_around_a_tenant_is_the_same_as_one_within() {
    let clock = Arc::new(TenantClock::starting_at(datetime!(2025-06-01 12:00 UTC)));
    let tenant = || builder().clock(Arc::clone(&clock) as Arc<_>).tick(Duration::ZERO).build();
    for (number, make) in ACTIONS.into_iter().enumerate() {
        let (within, around) = (tenant(), tenant());
        let token = Session::new(&within).await.token;
        assert_eq!(Session::new(&around).await.token, token, "the tenants are the same");
        let faulty = FaultyTransport::new(around.clone()).with_clock(around.clock());
        for (path, request) in requests(&within, &token) {
            within.clear_faults();
            faulty.clear_faults();
            within.fault(make(Fault::on("*", path).nth(1).times(2)));
            faulty.fault(make(Fault::on("*", path).nth(1).times(2)));
            for turn in 0..3 {
                let elapsed = |since: Duration| clock.monotonic().saturating_sub(since);
                let start = clock.monotonic();
                let expected = seen(within.send(request.clone()).await);
                let waited = elapsed(start);
                let found = seen(faulty.send(request.clone()).await);
                let what = format!("action {number}, {path}, turn {turn}");
                assert_eq!(elapsed(start), 2 * waited, "{what}");
                // The two were asked at different times where one was slow.
                if waited.is_zero() {
                    assert_eq!(found, expected, "{what}");
                }
            }
            assert_eq!(around.applications().len(), within.applications().len(), "action {number}, {path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_that_must_not_be_carried_out_is_not_sent_nor_is_what_depends_on_it() {
    let responded = json!({"responses": [
        {"id": "d", "status": 200, "body": {"value": [1]}}, {"id": "e", "status": 201, "body": {"id": "x"}}
    ]});
    let faulty = noted(&[responded]);
    faulty.fault(Fault::on("GET", "/a").throttled(RetryAfter::Seconds(7)));
    faulty.fault(Fault::on("GET", "/d").in_batch().body("{}"));
    faulty.fault(Fault::on("GET", "/e").fails_after_writing(500));
    let requests = json!([
        {"id": "a", "method": "GET", "url": "/a"},
        {"id": "b", "method": "GET", "url": "/b", "dependsOn": ["A"]},
        {"id": "c", "method": "GET", "url": "/c", "dependsOn": ["b"]},
        {"id": "d", "method": "GET", "url": "/d"},
        {"id": "e", "method": "GET", "url": "/e", "dependsOn": ["d"]},
        {"id": "f", "method": "GET", "url": "/f", "dependsOn": ["e"]},
    ]);
    let answer = Answered::of(faulty.send(batch(&requests)).await.unwrap()).expect(200);
    let expected = [("a", 429), ("b", 424), ("c", 424), ("d", 200), ("e", 500), ("f", 424)];
    assert_eq!(statuses(&answer), expected.map(|(id, status)| (id.to_owned(), status)));
    let item = |id: &str| answer["responses"].as_array().unwrap().iter().find(|it| it["id"] == id).unwrap();
    assert_eq!(item("a")["headers"]["Retry-After"], "7");
    assert_eq!(item("a")["body"]["error"]["code"], "TooManyRequests");
    assert_eq!(item("d")["body"], json!({}));
    assert_eq!(item("e")["body"]["error"]["code"], "Service_InternalServerError");
    assert_eq!(faulty.inner().bodies(), [json!({"requests": [requests[3], requests[4]]})]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_which_nothing_is_left_is_not_sent() {
    let faulty = noted(&[]);
    faulty.fault(Fault::on("*", "/**").in_batch().times(2).refuses(400, "Odd", "Odd."));
    let requests = json!([{"id": "a", "method": "GET", "url": "/a"}, {"id": "b", "method": "GET", "url": "/b"}]);
    let answer = Answered::of(faulty.send(batch(&requests)).await.unwrap());
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("application/json"));
    assert_eq!(statuses(&answer.expect(200)), [("a".to_owned(), 400), ("b".to_owned(), 400)]);
    assert_eq!(faulty.inner().bodies(), [] as [Value; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_depends_on_an_item_that_is_refused_and_does_not_fail_is_sent_without_it() {
    let faulty = noted(&[json!({"responses": [{"id": "b", "status": 200}]})]);
    faulty.fault(Fault::on("GET", "/a").refuses(304, "None", "None."));
    let requests = json!([{"id": "a", "method": "GET", "url": "/a"},
        {"id": "b", "method": "GET", "url": "/b", "dependsOn": ["a"]}]);
    let answer = Answered::of(faulty.send(batch(&requests)).await.unwrap()).expect(200);
    assert_eq!(statuses(&answer), [("a".to_owned(), 304), ("b".to_owned(), 200)]);
    assert_eq!(
        faulty.inner().bodies()[0]["requests"],
        json!([{"id": "b", "method": "GET", "url": "/b", "dependsOn": []}])
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_batch_or_was_not_carried_out_as_one_is_left_as_it_is() {
    let refused = json!({"error": {"code": "InvalidAuthenticationToken"}});
    let faulty = noted(&[refused.clone(), refused.clone(), refused.clone()]);
    faulty.fault(Fault::on("*", "/**").in_batch().always().fails_after_writing(500));
    for requests in [
        json!([{"id": "a", "method": "GET", "url": "/a"}]),
        json!([{"id": "a", "method": "GET", "url": "/a"}, {"id": "A", "method": "GET", "url": "/b"}]),
        json!([{"method": "GET", "url": "/a"}]),
    ] {
        let response = faulty.send(batch(&requests)).await.unwrap();
        assert_eq!(Answered::of(response).body, refused);
        assert_eq!(faulty.inner().bodies().pop().unwrap()["requests"], requests);
    }
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_twenty_dependants_fails_with_its_first() {
    let faulty = noted(&[]);
    faulty.fault(Fault::on("GET", "/a/0").fails(503));
    let request = |number: u32| match number {
        0 => json!({"id": "0", "method": "GET", "url": "/a/0"}),
        _ => json!({"id": number.to_string(), "method": "GET", "url": format!("/a/{number}"),
            "dependsOn": [(number - 1).to_string()]}),
    };
    let requests: Value = (0..20).rev().map(request).collect();
    let answer = Answered::of(faulty.send(batch(&requests)).await.unwrap()).expect(200);
    let failed: Vec<_> = statuses(&answer).into_iter().filter(|(_, status)| *status == 424).collect();
    assert_eq!((failed.len(), faulty.inner().bodies().len()), (19, 0));
    // One more is no batch any more, and the service's own to refuse.
    faulty.fault(Fault::on("GET", "/a/0").fails(503));
    let requests: Value = (0..21).map(request).collect();
    faulty.send(batch(&requests)).await.unwrap();
    assert_eq!(faulty.inner().bodies()[0]["requests"].as_array().unwrap().len(), 21);
}

#[tokio::test(start_paused = true)]
async fn chances_come_from_the_seed_and_clones_share_the_faults() {
    let run = |seed| async move {
        let faulty = noted(&[]);
        let faulty = faulty.with_seed(seed);
        let clone = faulty.clone();
        clone.fault(Fault::on("GET", "/**").always().percent(50).fails(500));
        let mut statuses = Vec::new();
        for _ in 0..32 {
            statuses.push(faulty.send(get("/organization")).await.unwrap().status().as_u16());
        }
        clone.clear_faults();
        assert_eq!(faulty.send(get("/organization")).await.unwrap().status(), 200);
        statuses
    };
    let statuses = run(3).await;
    assert!(statuses.contains(&200) && statuses.contains(&500));
    assert_eq!(statuses, run(3).await);
    assert_ne!(statuses, run(4).await);
}

#[tokio::test(start_paused = true)]
async fn delays_and_dates_are_those_of_the_clock() {
    let clock = Arc::new(TenantClock::starting_at(datetime!(2025-06-01 12:00 UTC)));
    let faulty = noted(&[]);
    let faulty = faulty.with_clock(clock.clone());
    faulty.fault(Fault::on("GET", "/**").slow(Duration::from_secs(30)));
    faulty.send(get("/organization")).await.unwrap();
    assert_eq!(clock.now(), datetime!(2025-06-01 12:00:30 UTC));
    faulty.fault(Fault::on("GET", "/**").throttled(RetryAfter::Date(Duration::MAX)));
    let response = faulty.send(get("/organization")).await.unwrap();
    assert_eq!(response.headers()["date"], "Sun, 01 Jun 2025 12:00:30 GMT");
    assert_eq!(response.headers()["retry-after"], "Tue, 02 Jun 2026 12:00:30 GMT");
}

#[tokio::test(start_paused = true)]
async fn limits_count_by_the_app_and_the_tenant_of_the_token_and_by_item() {
    let tenant = builder().build();
    let (mine, other) =
        (Session::new(&tenant).await, Session::of(&tenant, &tenant.add_caller(&["Directory.Read.All"])).await);
    let faulty = FaultyTransport::new(tenant.clone())
        .with_clock(tenant.clock())
        .with_throttling(Throttling::of(5, Duration::from_secs(10)));
    let send = |session: &Session, mut request: Request<Bytes>| {
        let token = format!("Bearer {}", session.token).parse().unwrap();
        request.headers_mut().insert("authorization", token);
        let faulty = faulty.clone();
        async move { Answered::of(faulty.send(request).await.unwrap()) }
    };
    for share in [None, None, None, Some("0.8")] {
        let answer = send(&mine, get("/organization")).await;
        let found = answer.headers.get("x-ms-throttle-limit-percentage").map(|value| value.to_str().unwrap());
        assert_eq!(found, share);
        answer.expect(200);
    }
    let read = |id: &str| json!({"id": id, "method": "GET", "url": "/organization"});
    let answer = send(&mine, batch(&json!([read("1"), read("2")]))).await.expect(200);
    assert_eq!(statuses(&answer), [("1".to_owned(), 200), ("2".to_owned(), 429)]);
    let refused = send(&mine, get("/organization")).await;
    let scope = format!("Tenant_Application/ReadWrite/{}/{}", tenant.caller().client_id, tenant.id());
    assert_eq!(refused.headers["x-ms-throttle-scope"], scope.as_str());
    refused.refused(429, "TooManyRequests");
    send(&other, get("/organization")).await.expect(200);
    tokio::time::sleep(Duration::from_secs(10)).await;
    send(&mine, get("/organization")).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_browser_is_sent_back_to_the_app_that_it_names() {
    let faulty = noted(&[]);
    faulty.fault(Fault::on("GET", "/oauth2/v2.0/authorize").times(2).refuses(400, "AADSTS50076", "Show a factor."));
    let authorize = |query: &str| {
        let url = format!("https://login.microsoftonline.com/common/oauth2/v2.0/authorize?{query}");
        Request::get(url).body(Bytes::new()).unwrap()
    };
    let response = faulty.send(authorize("redirect_uri=https://app.example/back&state=s")).await.unwrap();
    let location = response.headers()["location"].to_str().unwrap();
    assert!(location.starts_with("https://app.example/back?error=interaction_required&"), "{location}");
    assert!(location.ends_with("&state=s"), "{location}");
    let page = faulty.send(authorize("state=s")).await.unwrap();
    assert!(String::from_utf8_lossy(page.body()).contains("AADSTS50076: Show a factor."));
    assert_eq!(faulty.inner().bodies().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shared_transport_of_any_type_can_be_wrapped() {
    let shared: Arc<dyn Transport> = Arc::new(Noted::default());
    let faulty = FaultyTransport::around(shared);
    faulty.fault(Fault::on("GET", "/**").fails(503));
    let wrapped: Arc<dyn Transport> = Arc::new(faulty.clone());
    assert_eq!(wrapped.send(get("/organization")).await.unwrap().status(), 503);
    assert!(format!("{faulty:?}").starts_with("FaultyTransport { inner: Noted {"), "{faulty:?}");
}

#[test]
#[should_panic(expected = "only a MemoryTenant can revoke a permission")]
fn a_transport_cannot_revoke_permissions() {
    noted(&[]).fault(Fault::on("*", "/**").revokes("Application.ReadWrite.All"));
}
