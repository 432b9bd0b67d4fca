use super::*;
use crate::{Fault, RetryAfter};
use std::time::Duration;

async fn create(session: &Session) -> Result<Answered, TransportError> {
    session.try_send("POST", "/applications", &[], Some(json!({"displayName": "App"}))).await
}

fn apps(session: &Session) -> usize {
    session.tenant.applications().len() - 1
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_is_a_write_that_was_done_and_a_reset_is_not() {
    let session = Session::new(&builder().build()).await;
    session.tenant.fault(Fault::on("POST", "/applications").reset());
    session.tenant.fault(Fault::on("POST", "/applications").nth(2).unreachable());
    session.tenant.fault(Fault::on("POST", "/applications").nth(3).response_lost());
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
        (RetryAfter::Absent, None),
    ] {
        session.tenant.fault(Fault::on("GET", "/organization").throttled(retry));
        let response = session.get("/organization").await;
        assert_eq!(response.headers.get("retry-after").map(|value| value.to_str().unwrap()), expected);
        response.refused(429, "TooManyRequests");
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_of_a_batch_fails_alone_and_a_lost_answer_loses_the_batch() {
    let session = Session::new(&builder().build()).await;
    let create = |id: &str| json!({"id": id, "method": "POST", "url": "/applications", "headers": {"Content-Type": "application/json"}, "body": {"displayName": id}});
    let batch = json!({"requests": [create("1"), create("2")]});
    session.tenant.fault(Fault::on("POST", "/applications").nth(2).in_batch().throttled(RetryAfter::Seconds(3)));
    let response = session.post("/$batch", batch.clone()).await.expect(200);
    let second =
        response["responses"].as_array().unwrap().iter().find(|response| response["id"] == "2").unwrap().clone();
    assert_eq!((&second["status"], &second["headers"]["Retry-After"]), (&json!(429), &json!("3")));
    assert_eq!(apps(&session), 1);
    session.tenant.fault(Fault::on("*", "/applications").response_lost());
    assert!(session.try_send("POST", "/$batch", &[], Some(batch)).await.unwrap_err().is_maybe_sent());
    assert_eq!(apps(&session), 3);
}

#[tokio::test(start_paused = true)]
async fn responses_can_be_slow_truncated_or_an_empty_page() {
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
async fn an_abandoned_request_is_recorded_without_a_response() {
    let session = Session::new(&builder().build()).await;
    session.tenant.fault(Fault::on("POST", "/applications").slow(Duration::from_secs(60)));
    assert!(tokio::time::timeout(Duration::from_secs(1), create(&session)).await.is_err());
    let last = session.tenant.requests().pop().unwrap();
    assert!(last.status.is_none() && last.ended.is_some());
    assert_eq!(apps(&session), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_has_no_response_and_no_effect() {
    let session = Session::new(&builder().build()).await;
    session.tenant.fault(Fault::on("POST", "/applications").hangs());
    assert!(tokio::time::timeout(Duration::from_secs(1800), create(&session)).await.is_err());
    assert_eq!(apps(&session), 0);
    create(&session).await.unwrap().expect(201);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_response_is_not_json_and_has_no_effect() {
    let session = Session::new(&builder().build()).await;
    for status in [200, 502] {
        session.tenant.fault(Fault::on("POST", "/applications").malformed(status));
        let response = create(&session).await.unwrap();
        assert_eq!((response.status, &response.body), (status, &Value::Null));
        assert_eq!(response.headers["content-type"], "text/html; charset=utf-8");
        assert!(!response.headers.contains_key("request-id"), "the service does not know of it");
    }
    assert_eq!(apps(&session), 0);
    session.tenant.fault(Fault::on("POST", "/oauth2/v2.0/token").malformed(200));
    assert_eq!(sign_in(&session.tenant, &session.tenant.caller()).await.expect(200), Value::Null);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_between_responds_with_any_status_type_and_text() {
    let session = Session::new(&builder().build()).await;
    for (status, content_type, text, body) in [
        (403, "text/html", "<html>Sign in</html>", Value::Null),
        (429, "application/json", r#"{"statusCode": 429}"#, serde_json::json!({"statusCode": 429})),
        (200, "", "plain", Value::Null),
    ] {
        session.tenant.fault(Fault::on("POST", "/applications").intercepted(status, content_type, text));
        let response = create(&session).await.unwrap();
        assert_eq!((response.status, &response.body), (status, &body));
        let shown = response.headers.get("content-type").map(|value| value.to_str().unwrap());
        assert_eq!(shown, (!content_type.is_empty()).then_some(content_type));
        assert!(!response.headers.contains_key("request-id"), "the service does not know of it");
    }
    assert_eq!(apps(&session), 0);
    assert!(session.tenant.unmet_faults().is_empty());
    // An item of a batch meets it as the whole batch does, and so does a sign-in.
    let tenant = &session.tenant;
    let on = |method, path| Fault::on(method, path).intercepted(407, "text/plain", "proxy");
    tenant.faults_in_order([on("GET", "/organization"), on("POST", "/oauth2/v2.0/token")]);
    let batch = serde_json::json!({"requests": [{"id": "1", "method": "GET", "url": "/organization"}]});
    assert_eq!(session.post("/$batch", batch).await.status, 407);
    assert_eq!(sign_in(tenant, &tenant.caller()).await.status, 407);
    assert!(tenant.unmet_faults().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_padded_body_has_the_requested_size_and_is_still_json() {
    let session = Session::new(&builder().build()).await;
    session.tenant.fault(Fault::on("POST", "/applications").oversized(3_000_000));
    create(&session).await.unwrap().expect(201);
    assert_eq!(session.tenant.requests().pop().unwrap().response_bytes, 3_000_000);
    session.tenant.fault(Fault::on("GET", "/applications").oversized(10));
    session.get("/applications").await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_body_can_be_any_text_alone_and_in_a_batch() {
    let session = Session::new(&builder().build()).await;
    session.tenant.fault(Fault::on("POST", "/applications").body(r#"{"odd": 1}"#));
    assert_eq!(create(&session).await.unwrap().expect(201), json!({"odd": 1}));
    assert_eq!(apps(&session), 1, "the service has acted");
    session.tenant.fault(Fault::on("GET", "/organization").in_batch().body("{}"));
    session.tenant.fault(Fault::on("GET", "/organization").in_batch().nth(2).body("<html>"));
    let read = |id: &str| json!({"id": id, "method": "GET", "url": "/organization"});
    let response = session.post("/$batch", json!({"requests": [read("1"), read("2"), read("3")]})).await.expect(200);
    let body = |id: &str| {
        let all = response["responses"].as_array().unwrap();
        all.iter().find(|response| response["id"] == id).unwrap()["body"].clone()
    };
    assert_eq!((body("1"), body("2")), (json!({}), json!("<html>")));
    assert_eq!(body("3")["value"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_next_link_can_lead_to_another_host() {
    let session = Session::new(&builder().build()).await;
    session.tenant.fault(Fault::on("GET", "/servicePrincipals").next_link_to("evil.example"));
    session.tenant.fault(Fault::on("GET", "/organization").next_link_to("http://127.0.0.1:9"));
    let page = session.get("/servicePrincipals?$top=1").await.expect(200);
    let link = page["@odata.nextLink"].as_str().unwrap();
    assert!(link.starts_with("https://evil.example/v1.0/servicePrincipals?$top=1&$skiptoken="), "{link}");
    assert_eq!(page["value"].as_array().unwrap().len(), 1);
    let page = session.get("/organization").await.expect(200);
    let link = page["@odata.nextLink"].as_str().unwrap();
    assert!(link.starts_with("http://127.0.0.1:9/v1.0/organization?$skiptoken="), "{link}");
    let members: Vec<_> = page.as_object().unwrap().keys().collect();
    assert_eq!(members, ["@odata.context", "@odata.nextLink", "value"]);
}

#[tokio::test(start_paused = true)]
async fn conflicts_and_replicas_that_know_nothing_are_refusals_of_the_service() {
    let session = Session::new(&builder().build()).await;
    session.tenant.fault(Fault::on("POST", "/applications").concurrency());
    session.tenant.fault(Fault::on("GET", "/applications/*").replica_miss());
    create(&session).await.unwrap().refused(409, "Directory_ConcurrencyViolation");
    assert_eq!(apps(&session), 0);
    let app = create(&session).await.unwrap().expect(201);
    let path = format!("/applications/{}", app["id"].as_str().unwrap());
    session.get(&path).await.refused(404, "Directory_ObjectNotFound");
    session.get(&path).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_taken_away_half_way_is_refused_though_the_token_claims_it() {
    let tenant = builder().build();
    let caller = tenant.add_caller(&["Application.ReadWrite.All", "Organization.Read.All"]);
    let session = Session::of(&tenant, &caller).await;
    tenant.fault(Fault::on("POST", "/applications").nth(2).revokes("Application.ReadWrite.All"));
    session.app("First").await;
    create(&session).await.unwrap().refused(403, "Authorization_RequestDenied");
    create(&session).await.unwrap().refused(403, "Authorization_RequestDenied");
    session.get("/organization").await.expect(200);
    let assignments = || {
        tenant
            .app_role_assignments()
            .iter()
            .filter(|assignments| assignments.principal_id == caller_id(&caller))
            .count()
    };
    assert_eq!(assignments(), 1);
    let again = Session::of(&tenant, &caller).await;
    create(&again).await.unwrap().refused(403, "Authorization_RequestDenied");
    tenant.revoke_role(caller.service_principal_id, "Organization.Read.All");
    session.get("/organization").await.refused(403, "Authorization_RequestDenied");
    assert_eq!(assignments(), 0);
    // Granted again, it counts in new tokens.
    let graph = Session::new(&tenant).await.graph_principal().await;
    let role = "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9";
    let body = json!({"principalId": caller.service_principal_id, "resourceId": graph, "appRoleId": role});
    let path = format!("/servicePrincipals/{graph}/appRoleAssignedTo");
    assert_eq!(tenant.send_json("POST", &path, Some(&body.to_string())).0, 201);
    create(&Session::of(&tenant, &caller).await).await.unwrap().expect(201);
}

fn caller_id(caller: &Caller) -> entra_apps::ids::DirectoryObjectId {
    caller.service_principal_id.into()
}

#[tokio::test(start_paused = true)]
async fn a_permission_can_be_taken_away_in_the_middle_of_a_batch() {
    let session = Session::new(&builder().build()).await;
    let create = |id: &str| json!({"id": id, "method": "POST", "url": "/applications", "headers": {"Content-Type": "application/json"}, "body": {"displayName": id}});
    session.tenant.fault(Fault::on("POST", "/applications").nth(2).revokes("Application.ReadWrite.All"));
    let response = session.post("/$batch", json!({"requests": [create("1"), create("2"), create("3")]})).await;
    let mut statuses: Vec<_> = response.expect(200)["responses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|response| (response["id"].as_str().unwrap().to_owned(), response["status"].as_u64().unwrap()))
        .collect();
    statuses.sort();
    assert_eq!(statuses, [("1".into(), 201), ("2".into(), 403), ("3".into(), 403)]);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "does not hold Mail.Read")]
async fn only_an_assigned_role_can_be_revoked() {
    let tenant = builder().build();
    tenant.revoke_role(tenant.caller().service_principal_id, "Mail.Read");
}

#[tokio::test(start_paused = true)]
async fn every_response_has_a_date_and_a_skewed_tenant_its_own() {
    for (ahead, date) in [(0, "Sun, 01 Jun 2025 12:00:00 GMT"), (-600, "Sun, 01 Jun 2025 11:50:00 GMT")] {
        let tenant = builder().tick(Duration::ZERO).clock_skew(time::Duration::seconds(ahead)).build();
        let signed_in = sign_in(&tenant, &tenant.caller()).await;
        let session = Session::new(&tenant).await;
        tenant.fault(Fault::on("GET", "/applications").malformed(502));
        let mut responses = vec![signed_in];
        for path in ["/applications", "/applications", "/nowhere", "/applications/0/x", "/$batch"] {
            responses.push(session.get(path).await);
        }
        for response in responses {
            assert_eq!(response.headers["date"], date, "{response:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_skewed_tenant_has_a_wall_time_of_its_own() {
    let tenant = builder().tick(Duration::ZERO).clock_skew(time::Duration::hours(1)).build();
    let session = Session::new(&tenant).await;
    tenant.fault(Fault::on("GET", "/organization").throttled(RetryAfter::Date(Duration::from_secs(90))));
    assert_eq!(session.get("/organization").await.headers["retry-after"], "Sun, 01 Jun 2025 13:01:30 GMT");
    let app = session.app("App").await;
    assert!(app["createdDateTime"].as_str().unwrap().starts_with("2025-06-01T13:00:00"), "{app}");
    let id = app["id"].as_str().unwrap();
    let secret = |end: &str| json!({"passwordCredential": {"endDateTime": end}});
    let add = |end: &'static str| {
        let path = format!("/applications/{id}/addPassword");
        let session = &session;
        async move { session.post(&path, secret(end)).await }
    };
    // Half an hour ahead on the clock of the client is over for the tenant.
    add("2025-06-01T12:30:00Z").await.refused(400, "Request_BadRequest");
    add("2025-06-01T13:30:00Z").await.expect(200);
    session.get("/organization").await.expect(200);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    session.get("/organization").await.refused(401, "InvalidAuthenticationToken");
    let right = time::macros::datetime!(2025-06-01 13:00 UTC);
    assert!((tenant.clock().now() - right).abs() < time::Duration::SECOND, "the client's clock is right");
}

#[tokio::test(start_paused = true)]
async fn the_most_extreme_skews_leave_a_tenant_that_works() {
    for skew in [time::Duration::MAX, time::Duration::MIN, time::Duration::days(4_000_000)] {
        let session = Session::new(&builder().clock_skew(skew).build()).await;
        let app = session.app("App").await;
        let path = format!("/applications/{}/addPassword", app["id"].as_str().unwrap());
        session.post(&path, serde_json::json!({})).await.expect(200);
        session.tenant.fault(Fault::on("GET", "/applications").throttled(RetryAfter::Date(Duration::MAX)));
        session.get("/applications").await.refused(429, "TooManyRequests");
    }
}
