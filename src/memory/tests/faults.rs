use super::*;
use crate::memory::{Fault, RetryAfter};
use std::time::Duration;

async fn create(session: &Session) -> Result<Answered, TransportError> {
    session.try_send("POST", "/applications", &[], Some(json!({"displayName": "App"}))).await
}

fn apps(session: &Session) -> usize {
    session.tenant.applications().len() - 1
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_a_write_that_was_done_and_a_reset_is_not() {
    let session = Session::new(&builder().build()).await;
    session.tenant.fault(Fault::on("POST", "/applications").reset());
    session.tenant.fault(Fault::on("POST", "/applications").nth(2).unreachable());
    session.tenant.fault(Fault::on("POST", "/applications").nth(3).answer_lost());
    assert!(create(&session).await.unwrap_err().is_maybe_sent());
    assert!(!create(&session).await.unwrap_err().is_maybe_sent());
    assert_eq!(apps(&session), 0);
    assert!(create(&session).await.unwrap_err().is_maybe_sent());
    assert_eq!(apps(&session), 1);
    create(&session).await.unwrap().expect(201);
}

#[tokio::test(start_paused = true)]
async fn a_failure_comes_before_or_after_the_write() {
    let session = Session::new(&builder().build()).await;
    session.tenant.fault(Fault::on("POST", "/applications").fails(503));
    session.tenant.fault(Fault::on("POST", "/applications").nth(2).fails_after_writing(504));
    create(&session).await.unwrap().refused(503, "ServiceUnavailable");
    assert_eq!(apps(&session), 0);
    create(&session).await.unwrap().refused(504, "GatewayTimeout");
    assert_eq!(apps(&session), 1);
}

#[tokio::test(start_paused = true)]
async fn throttling_says_when_to_come_back_in_each_form() {
    let session = Session::new(&builder().build()).await;
    for (retry, expected) in [
        (RetryAfter::Seconds(7), Some("7")),
        (RetryAfter::Date(Duration::from_secs(90)), Some("Sun, 01 Jun 2025 12:01:30 GMT")),
        (RetryAfter::Unsaid, None),
    ] {
        session.tenant.fault(Fault::on("GET", "/organization").throttled(retry));
        let answer = session.get("/organization").await;
        assert_eq!(answer.headers.get("retry-after").map(|value| value.to_str().unwrap()), expected);
        answer.refused(429, "TooManyRequests");
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_of_a_batch_fails_alone_and_a_lost_answer_loses_the_batch() {
    let session = Session::new(&builder().build()).await;
    let create = |id: &str| json!({"id": id, "method": "POST", "url": "/applications", "headers": {"Content-Type": "application/json"}, "body": {"displayName": id}});
    let batch = json!({"requests": [create("1"), create("2")]});
    session.tenant.fault(Fault::on("POST", "/applications").nth(2).in_batch().throttled(RetryAfter::Seconds(3)));
    let answer = session.post("/$batch", batch.clone()).await.expect(200);
    let second = answer["responses"].as_array().unwrap().iter().find(|response| response["id"] == "2").unwrap().clone();
    assert_eq!((&second["status"], &second["headers"]["Retry-After"]), (&json!(429), &json!("3")));
    assert_eq!(apps(&session), 1);
    session.tenant.fault(Fault::on("*", "/applications").answer_lost());
    assert!(session.try_send("POST", "/$batch", &[], Some(batch)).await.unwrap_err().is_maybe_sent());
    assert_eq!(apps(&session), 3);
}

#[tokio::test(start_paused = true)]
async fn answers_can_be_slow_cut_short_or_an_empty_page() {
    let session = Session::new(&builder().build()).await;
    session.tenant.fault(Fault::on("GET", "/organization").slow(Duration::from_secs(30)));
    let before = session.tenant.clock().monotonic();
    session.get("/organization").await.expect(200);
    assert!(session.tenant.clock().monotonic() >= before + Duration::from_secs(30));
    session.tenant.fault(Fault::on("GET", "/organization").truncated());
    assert_eq!(session.get("/organization").await.expect(200), Value::Null, "the body is no JSON");
    session.tenant.fault(Fault::on("GET", "/applications").empty_page());
    let page = session.get("/applications?$select=id").await.expect(200);
    assert_eq!(page["value"], json!([]));
    let next =
        page["@odata.nextLink"].as_str().unwrap().strip_prefix("https://graph.microsoft.com/v1.0").unwrap().to_owned();
    assert_eq!(session.get(&next).await.expect(200)["value"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn tokens_and_sign_ins_fail_on_demand() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    tenant.fault(Fault::on("GET", "/**").token_refused());
    session.get("/applications").await.refused(401, "InvalidAuthenticationToken");
    session.get("/applications").await.expect(200);
    tenant.fault(Fault::on("POST", "/oauth2/v2.0/token").refuses(
        401,
        "AADSTS7000215",
        "Invalid client secret provided.",
    ));
    assert_eq!(sign_in(&tenant, &tenant.caller()).await.body["error_codes"], json!([7_000_215]));
    tenant.fault(Fault::on("POST", "/servicePrincipals").service_principal_race());
    let app = session.app("App").await;
    let create = || session.post("/servicePrincipals", json!({"appId": app["appId"]}));
    create().await.refused(403, "Authorization_RequestDenied");
    create().await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn a_chance_is_drawn_from_the_seed() {
    let run = |seed| async move {
        let session = Session::new(&builder().seed(seed).build()).await;
        session.tenant.fault(Fault::on("GET", "/organization").always().percent(50).fails(500));
        let mut statuses = Vec::new();
        for _ in 0..32 {
            statuses.push(session.get("/organization").await.status);
        }
        statuses
    };
    let statuses = run(3).await;
    assert!(statuses.contains(&200) && statuses.contains(&500));
    assert_eq!(statuses, run(3).await);
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_request_is_recorded_as_one_without_an_answer() {
    let session = Session::new(&builder().build()).await;
    session.tenant.fault(Fault::on("POST", "/applications").slow(Duration::from_secs(60)));
    assert!(tokio::time::timeout(Duration::from_secs(1), create(&session)).await.is_err());
    let last = session.tenant.requests().pop().unwrap();
    assert!(last.status.is_none() && last.ended.is_some());
    assert_eq!(apps(&session), 1);
}
