use super::*;

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

#[tokio::test(start_paused = true)]
async fn a_new_relationship_has_every_member_and_a_link_that_leads_to_it() {
    let cloud = Cloud::new();
    let session = cloud.writer().await;
    let body =
        with(requested("Fabrikam support", &[DIRECTORY_READERS]), "customer", json!({"tenantId": cloud.customer.id()}));
    let response = session.post(RELATIONSHIPS, body).await;
    let location = response.headers["location"].to_str().unwrap().to_owned();
    let created = response.expect(201);
    assert_eq!(
        created["@odata.context"],
        "https://graph.microsoft.com/v1.0/tenantRelationships/$metadata#delegatedAdminRelationships"
    );
    let id = created["id"].as_str().unwrap();
    assert!(id.len() == 73 && id[..36].parse::<Uuid>().is_ok() && id[37..].parse::<Uuid>().is_ok(), "{id}");
    assert_eq!(created["customer"], json!({"tenantId": cloud.customer.id(), "displayName": "Fabrikam"}));
    assert_eq!(
        [&created["status"], &created["autoExtendDuration"], &created["duration"], &created["activatedDateTime"]],
        [&json!("created"), &json!("PT0S"), &json!("P730D"), &Value::Null]
    );
    let mut found = session.get(location.strip_prefix("https://graph.microsoft.com/v1.0").unwrap()).await.expect(200);
    assert_eq!(
        found["@odata.context"],
        "https://graph.microsoft.com/v1.0/tenantRelationships/$metadata#delegatedAdminRelationships/$entity"
    );
    found["@odata.context"] = created["@odata.context"].clone();
    assert_eq!(found, created);
    // The second half is the partner's own: it is the same in each.
    let second = session.post(RELATIONSHIPS, requested("Anybody", &[DIRECTORY_READERS])).await.expect(201);
    assert_eq!(second["id"].as_str().unwrap()[37..], id[37..]);
    assert_eq!(second["customer"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_relationship_that_breaks_a_rule_is_refused() {
    let cloud = Cloud::new();
    let session = cloud.writer().await;
    let good = || requested("Support", &[DIRECTORY_READERS]);
    let refused = [
        with(good(), "displayName", json!("x".repeat(51))),
        with(good(), "displayName", json!(" ")),
        with(good(), "duration", json!("P731D")),
        with(good(), "duration", json!("PT23H")),
        with(good(), "duration", json!("two years")),
        with(good(), "duration", Value::Null),
        with(good(), "accessDetails", json!({"unifiedRoles": []})),
        with(good(), "accessDetails", json!({"unifiedRoles": [{"roleDefinitionId": "Directory Readers"}]})),
        with(good(), "autoExtendDuration", json!("P90D")),
        with(requested("Support", &[GLOBAL_ADMINISTRATOR]), "autoExtendDuration", json!("P180D")),
        with(good(), "customer", json!({"tenantId": "fabrikam"})),
        with(good(), "status", json!("active")),
        with(good(), "colour", json!("red")),
    ];
    for body in refused {
        let response = session.post(RELATIONSHIPS, body.clone()).await;
        assert_eq!((response.status, &response.body["error"]["code"]), (400, &json!("badRequest")), "{body}");
    }
    session.post(RELATIONSHIPS, with(good(), "displayName", json!("x".repeat(50)))).await.expect(201);
    session
        .post(RELATIONSHIPS, with(with(good(), "duration", json!("P2Y")), "autoExtendDuration", json!("P0D")))
        .await
        .expect(201);
    let message =
        session.post(RELATIONSHIPS, requested("SUPPORT", &[DIRECTORY_READERS])).await.refused(409, "conflict");
    assert_eq!(message, "The resource already exists.");
}

#[tokio::test(start_paused = true)]
async fn malformed_ids_and_unknown_ids_are_different_errors() {
    let session = Cloud::new().writer().await;
    let id = Uuid::from_u128(7);
    for (path, status, code) in [
        (format!("{RELATIONSHIPS}/{id}"), 400, "badRequest"),
        (format!("{RELATIONSHIPS}/{id}-{id}"), 404, "notFound"),
        (format!("{RELATIONSHIPS}/{id}-{id}/accessAssignments"), 404, "notFound"),
    ] {
        session.get(&path).await.refused(status, code);
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_needs_the_current_etag() {
    let cloud = Cloud::new();
    let session = cloud.writer().await;
    let created = session.post(RELATIONSHIPS, requested("Support", &[DIRECTORY_READERS])).await.expect(201);
    let path = path_of(&created);
    let body = json!({"displayName": "Fabrikam support", "duration": "P31D"});
    session.patch(&path, body.clone()).await.refused(428, "preconditionRequired");
    session.send("DELETE", &path, None).await.refused(428, "preconditionRequired");
    let first = created["@odata.etag"].as_str().unwrap();
    let changed = session.if_match("PATCH", &path, first, Some(body.clone())).await.expect(200);
    assert_eq!([&changed["displayName"], &changed["duration"]], ["Fabrikam support", "P31D"]);
    assert_ne!(changed["@odata.etag"], created["@odata.etag"]);
    assert!(changed["lastModifiedDateTime"].as_str() > created["lastModifiedDateTime"].as_str());
    session.if_match("PATCH", &path, first, Some(body.clone())).await.refused(412, "preconditionFailed");
    session.if_match("DELETE", &path, first, None).await.refused(412, "preconditionFailed");
    let current = session.etag(&path).await;
    assert_eq!(current, changed["@odata.etag"], "reading changes no ETag");
    assert_eq!(session.if_match("PATCH", &path, &current, Some(body)).await.expect(200)["@odata.etag"], current);
    assert_eq!(session.if_match("DELETE", &path, &current, None).await.status, 204);
    session.get(&path).await.refused(404, "notFound");
}

#[tokio::test(start_paused = true)]
async fn changes_keep_the_rules() {
    let cloud = Cloud::new();
    let session = cloud.writer().await;
    session.post(RELATIONSHIPS, requested("Taken", &[DIRECTORY_READERS])).await.expect(201);
    let path = path_of(&session.post(RELATIONSHIPS, requested("Mine", &[DIRECTORY_READERS])).await.expect(201));
    for (body, status) in [
        (json!({"displayName": "taken"}), 409),
        (json!({"displayName": "mine"}), 200),
        (json!({"duration": "P3Y"}), 400),
        (json!({"id": "x"}), 400),
        (json!({"customer": {"tenantId": cloud.other.id()}}), 200),
        (requested("Mine", &[APPLICATION_ADMINISTRATOR]), 200),
    ] {
        let response = session.matched("PATCH", &path, Some(body.clone())).await;
        assert_eq!(response.status, status, "{body}");
    }
    let found = session.get(&path).await.expect(200);
    assert_eq!(found["customer"]["displayName"], "Adatum");
    assert_eq!(found["accessDetails"]["unifiedRoles"], json!([{"roleDefinitionId": APPLICATION_ADMINISTRATOR}]));
}

#[tokio::test(start_paused = true)]
async fn a_relationship_becomes_active_step_by_step_once_the_customer_approves() {
    let cloud = Cloud::new();
    let session = cloud.writer().await;
    let created = session.post(RELATIONSHIPS, requested("Support", &[DIRECTORY_READERS])).await.expect(201);
    let (id, path) = (created["id"].as_str().unwrap(), path_of(&created));
    let requests = format!("{path}/requests");
    let response = session.post(&requests, json!({"action": "lockForApproval"})).await;
    let location = response.headers["location"].to_str().unwrap().to_owned();
    let request = response.expect(201);
    assert_eq!((&request["action"], &request["status"]), (&json!("lockForApproval"), &json!("created")));
    assert_eq!(location, format!("https://graph.microsoft.com/v1.0{requests}/{}", request["id"].as_str().unwrap()));
    let request = format!("{requests}/{}", request["id"].as_str().unwrap());
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push((session.status(&path).await, session.status(&request).await));
        pass(2).await;
    }
    let expected = [("created", "created"), ("created", "pending"), ("approvalPending", "succeeded")];
    assert_eq!(statuses, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    cloud.customer.approve_relationship(id);
    let before = session.etag(&path).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(session.status(&path).await);
        pass(2).await;
    }
    assert_eq!(statuses, ["approved", "activating", "active"]);
    let active = session.get(&path).await.expect(200);
    assert_ne!(active["@odata.etag"], before, "what the service writes changes the ETag as well");
    assert_eq!(active["customer"]["displayName"], "Fabrikam", "whoever approves is the customer");
    let time = |name: &str| crate::data::json::timestamp::parse(active[name].as_str().unwrap()).unwrap();
    assert_eq!(time("endDateTime") - time("activatedDateTime"), time::Duration::days(730));
}

#[tokio::test(start_paused = true)]
async fn once_locked_a_relationship_is_not_changed_or_deleted() {
    let cloud = Cloud::new();
    let session = cloud.writer().await;
    let path = path_of(&session.post(RELATIONSHIPS, requested("Support", &[DIRECTORY_READERS])).await.expect(201));
    let requests = format!("{path}/requests");
    let lock = || session.post(&requests, json!({"action": "lockForApproval"}));
    lock().await.expect(201);
    for _ in 0..2 {
        let body = json!({"displayName": "Other"});
        session.matched("PATCH", &path, Some(body)).await.refused(400, "badRequest");
        session.matched("DELETE", &path, None).await.refused(400, "badRequest");
        lock().await.refused(400, "badRequest");
        pass(10).await;
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_make_no_sense_are_refused() {
    let cloud = Cloud::new();
    let session = cloud.writer().await;
    let path = path_of(&session.post(RELATIONSHIPS, requested("Support", &[DIRECTORY_READERS])).await.expect(201));
    let requests = format!("{path}/requests");
    for body in [
        json!({"action": "terminate"}),
        json!({"action": "approve"}),
        json!({"action": "reject"}),
        json!({"action": "celebrate"}),
        json!({"action": "lockForApproval", "status": "succeeded"}),
        json!({}),
    ] {
        session.post(&requests, body).await.refused(400, "badRequest");
    }
    session.send("PATCH", &format!("{requests}/x"), Some(json!({}))).await.refused(405, "Request_BadRequest");
    assert_eq!(session.get(&requests).await.expect(200)["value"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn an_approval_request_expires_after_ninety_days() {
    let cloud = Cloud::new();
    let session = cloud.writer().await;
    let created = session.post(RELATIONSHIPS, requested("Support", &[DIRECTORY_READERS])).await.expect(201);
    session.post(&(path_of(&created) + "/requests"), json!({"action": "lockForApproval"})).await.expect(201);
    let status = || cloud.partner.delegated_admin_relationships()[0].status.clone();
    pass(90 * 86_400).await;
    assert_eq!(status(), "approvalPending");
    pass(10).await;
    assert_eq!(status(), "expired");
}

#[tokio::test(start_paused = true)]
async fn partner_and_customer_end_a_relationship_step_by_step() {
    let cloud = Cloud::new();
    let session = cloud.writer().await;
    for by_request in [true, false] {
        let name = format!("Support {by_request}");
        let id = cloud.partner.add_relationship(&cloud.customer, &name, &[DIRECTORY_READERS]);
        let path = format!("{RELATIONSHIPS}/{id}");
        if by_request {
            session.post(&format!("{path}/requests"), json!({"action": "terminate"})).await.expect(201);
        } else {
            cloud.customer.terminate_relationship(&id);
        }
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(session.status(&path).await);
            pass(2).await;
        }
        assert_eq!(statuses, ["terminationRequested", "terminating", "terminated"]);
        let requests = session.get(&format!("{path}/requests")).await.expect(200);
        assert_eq!(requests["value"].as_array().unwrap().len(), usize::from(by_request));
    }
}

#[tokio::test(start_paused = true)]
async fn a_relationship_expires_unless_it_is_extended() {
    let cloud = Cloud::new();
    let [ends, goes_on] = ["Ends", "Goes on"].map(|name| {
        format!("{RELATIONSHIPS}/{}", cloud.partner.add_relationship(&cloud.customer, name, &[DIRECTORY_READERS]))
    });
    let extend = json!({"autoExtendDuration": "P180D"});
    let session = cloud.writer().await;
    session.matched("PATCH", &goes_on, Some(extend)).await.expect(200);
    pass(730 * 86_400 - 1).await;
    let session = cloud.writer().await;
    assert_eq!(session.status(&ends).await, "active");
    pass(1).await;
    assert_eq!((session.status(&ends).await, session.status(&goes_on).await), ("expiring".into(), "active".into()));
    pass(2).await;
    assert_eq!(session.status(&ends).await, "expired");
    pass(180 * 86_400).await;
    let session = cloud.writer().await;
    let found = session.get(&goes_on).await.expect(200);
    let end = crate::data::json::timestamp::parse(found["endDateTime"].as_str().unwrap()).unwrap();
    assert_eq!((end - datetime!(2025-06-01 12:00 UTC)).whole_days(), 730 + 360, "twice by 180 days");
}

#[tokio::test(start_paused = true)]
async fn an_active_relationship_takes_two_changes_only() {
    let cloud = Cloud::new();
    let roles = [GLOBAL_ADMINISTRATOR, DIRECTORY_READERS, APPLICATION_ADMINISTRATOR];
    let id = cloud.partner.add_relationship(&cloud.customer, "Support", &roles);
    let path = format!("{RELATIONSHIPS}/{id}");
    let session = cloud.writer().await;
    let details = |roles: &[Uuid]| json!({"accessDetails": requested("", roles)["accessDetails"]});
    for body in [
        json!({"displayName": "Other"}),
        details(&[DIRECTORY_READERS]),
        details(&[GLOBAL_ADMINISTRATOR, DIRECTORY_READERS]),
        json!({"autoExtendDuration": "P180D"}),
    ] {
        session.matched("PATCH", &path, Some(body)).await.refused(400, "badRequest");
    }
    // Without the highest role it can be extended, and to take that away takes time.
    let response = session.matched("PATCH", &path, Some(details(&roles[1..]))).await;
    let operation = response.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(response.headers["retry-after"], "10");
    assert_eq!(response.expect(202), json!({}));
    let operation = operation.strip_prefix("https://graph.microsoft.com/v1.0").unwrap();
    let shown = session.get(operation).await.expect(200);
    assert_eq!((&shown["operationType"], &shown["status"]), (&json!("unknownFutureValue"), &json!("notStarted")));
    let prefer = [("Prefer", "include-unknown-enum-members")];
    let shown = session.try_send("GET", operation, &prefer, None).await.unwrap().expect(200);
    assert_eq!(shown["operationType"], "delegatedAdminRelationshipUpdate");
    pass(4).await;
    assert_eq!(session.status(operation).await, "succeeded");
    session.matched("PATCH", &path, Some(json!({"autoExtendDuration": "P180D"}))).await.expect(200);
    let roles = session.get(&path).await.expect(200)["accessDetails"]["unifiedRoles"].clone();
    assert_eq!(roles, details(&[DIRECTORY_READERS, APPLICATION_ADMINISTRATOR])["accessDetails"]["unifiedRoles"]);
}

#[tokio::test(start_paused = true)]
async fn a_reseller_approves_or_rejects_the_request_of_its_provider() {
    let cloud = Cloud::new();
    let session = cloud.writer().await;
    let of_provider = |name: &str| {
        let mut body = requested(name, &[DIRECTORY_READERS]);
        body["@odata.type"] = "#microsoft.graph.resellerDelegatedAdminRelationship".into();
        body["indirectProviderTenantId"] = cloud.other.id().to_string().into();
        body
    };
    session.post(RELATIONSHIPS, of_provider("Not mine to make")).await.expect(501);
    let made = |name: &str| {
        let body = of_provider(name).to_string();
        let (status, body) = cloud.partner.send_json("POST", RELATIONSHIPS, Some(&body));
        assert_eq!(status, 201, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()
    };
    let (approved, rejected) = (made("Approved"), made("Rejected"));
    assert_eq!(approved["@odata.type"], "#microsoft.graph.resellerDelegatedAdminRelationship");
    assert_eq!(
        (&approved["isPartnerConsentPending"], &approved["indirectProviderTenantId"]),
        (&json!(true), &json!(cloud.other.id()))
    );
    for (relationship, action) in [(&approved, "approve"), (&rejected, "reject")] {
        session.post(&(path_of(relationship) + "/requests"), json!({ "action": action })).await.expect(201);
    }
    pass(4).await;
    let found = session.get(&path_of(&approved)).await.expect(200);
    assert_eq!((&found["isPartnerConsentPending"], &found["status"]), (&json!(false), &json!("approvalPending")));
    assert_eq!(session.status(&path_of(&rejected)).await, "terminated");
    let requests = session.get(&(path_of(&rejected) + "/requests")).await.expect(200);
    assert_eq!(requests["value"][0]["action"], "unknownFutureValue", "a late member is for those who ask for it");
    cloud.customer.approve_relationship(approved["id"].as_str().unwrap());
    pass(4).await;
    assert_eq!(session.status(&path_of(&approved)).await, "active");
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "for another customer")]
async fn a_customer_cannot_approve_a_relationship_for_another() {
    let cloud = Cloud::of(builder().partner().partner_step(Duration::ZERO));
    let session = cloud.writer().await;
    let body = with(requested("Support", &[DIRECTORY_READERS]), "customer", json!({"tenantId": cloud.customer.id()}));
    let created = session.post(RELATIONSHIPS, body).await.expect(201);
    session.post(&(path_of(&created) + "/requests"), json!({"action": "lockForApproval"})).await.expect(201);
    assert_eq!(session.status(&path_of(&created)).await, "approvalPending", "without steps all is done at once");
    cloud.other.approve_relationship(created["id"].as_str().unwrap());
}
