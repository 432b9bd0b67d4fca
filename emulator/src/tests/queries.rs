use super::*;

const EVENTUAL: &[(&str, &str)] = &[("ConsistencyLevel", "eventual")];

async fn with_apps(names: &[&str]) -> Session {
    let session = Session::new(&builder().build()).await;
    for name in names {
        session.app(name).await;
    }
    session
}

fn names(response: &Value) -> Vec<String> {
    response["value"].as_array().unwrap().iter().map(|item| item["displayName"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_follow_their_links_to_the_end_without_gap_or_repetition() {
    let all: Vec<String> = (0..7).map(|number| format!("App {number}")).collect();
    let session = with_apps(&all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut path = "/applications?$top=3&$filter=startswith(displayName,'App')&$select=id,displayName".to_owned();
    let mut found = Vec::new();
    let mut pages = 0;
    loop {
        let page = session.get(&path).await.expect(200);
        assert_eq!(page["@odata.context"], "https://graph.microsoft.com/v1.0/$metadata#applications(id,displayName)");
        found.extend(names(&page));
        pages += 1;
        let Some(next) = page["@odata.nextLink"].as_str() else { break };
        path = next.strip_prefix("https://graph.microsoft.com/v1.0").unwrap().to_owned();
    }
    assert_eq!((found, pages), (all, 3));
}

#[tokio::test(start_paused = true)]
async fn advanced_queries_need_their_header_and_count() {
    let session = with_apps(&["Beta", "Alpha one", "Gamma"]).await;
    let get = |path: &'static str, headers: &'static [(&'static str, &'static str)]| {
        let session = session.clone();
        async move { session.try_send("GET", path, headers, None).await.unwrap() }
    };
    let unequal = "/applications?$count=true&$filter=displayName%20ne%20'Beta'&$orderby=displayName";
    get(unequal, &[]).await.refused(400, "Request_UnsupportedQuery");
    let response = get(unequal, EVENTUAL).await.expect(200);
    assert_eq!(
        (names(&response), &response["@odata.count"]),
        (vec!["Alpha one".into(), "Caller".into(), "Gamma".into()], &json!(3))
    );
    get("/applications?$search=%22displayName:one%22", &[]).await.refused(400, "Request_UnsupportedQuery");
    assert_eq!(names(&get("/applications?$search=%22displayName:one%22", EVENTUAL).await.expect(200)), ["Alpha one"]);
    assert_eq!(
        get("/applications/$count", &[]).await.refused(400, "Request_BadRequest"),
        "$count is not currently supported."
    );
    assert_eq!(get("/applications/$count", EVENTUAL).await.expect(200), json!(4));
    assert!(get("/applications?$count=true", &[]).await.expect(200).get("@odata.count").is_none());
}

#[tokio::test(start_paused = true)]
async fn unknown_operations_are_never_a_silent_success() {
    let session = with_apps(&[]).await;
    for (path, status) in [
        ("/devices", 501),
        ("/applications?$expand=colours", 400),
        ("/applications?$expand=owners($levels=2)", 501),
        ("/applications?$apply=x", 501),
        ("/applications?$filter=owners/$count%20eq%200", 400),
        ("/applications?$skip=1", 400),
        ("/applications?$top=1000", 400),
        ("/applications?$select=colour", 400),
        ("/applications?$filter=colour%20eq%20'red'", 400),
        ("/applications?$skiptoken=nonsense", 400),
    ] {
        assert_eq!(session.get(path).await.status, status, "{path}");
    }
    session.get("/applications/x/synchronization").await.expect(501);
    session.send("PUT", "/applications", Some(json!({}))).await.refused(405, "Request_BadRequest");
}

#[tokio::test(start_paused = true)]
async fn a_batch_answers_each_item_by_itself() {
    let session = with_apps(&["App"]).await;
    let typed = json!({"Content-Type": "application/json"});
    let body = json!({"requests": [
        {"id": "1", "method": "GET", "url": "/applications?$filter=displayName eq 'App'&$select=id"},
        {"id": "2", "method": "GET", "url": "applications/none"},
        {"id": "3", "method": "POST", "url": "/applications", "headers": typed, "body": {"displayName": "New"}},
        {"id": "4", "method": "POST", "url": "/applications", "headers": typed, "body": {}, "dependsOn": ["3"]},
        {"id": "5", "method": "GET", "url": "/organization", "dependsOn": ["4"]},
        {"id": "6", "method": "PATCH", "url": "/applications(uniqueName='none')", "body": {"displayName": "x"},
         "headers": {"Content-Type": "application/json", "Prefer": "create-if-missing"}},
    ]});
    let response = session.post("/$batch", body).await.expect(200);
    let status = |id: &str| {
        let responses = response["responses"].as_array().unwrap();
        responses.iter().find(|response| response["id"] == id).unwrap()["status"].as_u64().unwrap()
    };
    assert_eq!(["1", "2", "3", "4", "5", "6"].map(status), [200, 404, 201, 400, 424, 404]);
    let recorded = session.tenant.requests().pop().unwrap();
    assert!(recorded.is_write);
    assert_eq!(recorded.items[2].status.unwrap(), StatusCode::CREATED);
    assert_eq!(recorded.items[1].url, "applications/none");
}

#[tokio::test(start_paused = true)]
async fn a_malformed_batch_is_refused_as_a_whole() {
    let session = with_apps(&[]).await;
    let item = |id: &str| json!({"id": id, "method": "GET", "url": "/organization"});
    let many: Vec<Value> = (0..21).map(|id: i32| item(&id.to_string())).collect();
    for requests in [
        json!([]),
        json!(many),
        json!([item("a"), item("A")]),
        json!([{"id": "1", "method": "POST", "url": "/applications", "body": {"displayName": "x"}}]),
        json!([{"id": "1", "method": "GET", "url": "/organization", "dependsOn": ["2"]}]),
        json!([{"id": "1", "method": "GET", "url": "/organization", "dependsOn": ["1"]}]),
        json!([{"id": "1", "method": "GET", "url": "https://graph.microsoft.com/v1.0/organization"}]),
    ] {
        session.post("/$batch", json!({ "requests": requests })).await.refused(400, "BadRequest");
    }
}

#[tokio::test(start_paused = true)]
async fn the_organization_is_one_and_says_its_domains() {
    let session = with_apps(&[]).await;
    let organization = session.get("/organization?$select=id,verifiedDomains").await.expect(200);
    assert_eq!(organization["value"][0]["id"], session.tenant.id().to_string());
    assert_eq!(organization["value"][0]["verifiedDomains"][0]["name"], session.tenant.domain());
    let reader = session.tenant.add_caller(&["Application.Read.All"]);
    Session::of(&session.tenant, &reader).await.get("/organization").await.refused(403, "Authorization_RequestDenied");
}

#[tokio::test(start_paused = true)]
async fn errors_have_the_envelope_and_echo_the_request_id() {
    let session = with_apps(&[]).await;
    let id = "11111111-2222-3333-4444-555555555555";
    let response = session.try_send("GET", "/applications/x", &[("client-request-id", id)], None).await.unwrap();
    assert_eq!(response.headers["client-request-id"], id);
    assert_eq!(response.headers["content-type"], "application/json");
    let inner = &response.body["error"]["innerError"];
    assert_eq!((&inner["client-request-id"], &inner["date"]), (&json!(id), &json!("2025-06-01T12:00:00")));
    assert_eq!(response.headers["request-id"].to_str().unwrap(), inner["request-id"]);
}

#[tokio::test(start_paused = true)]
async fn a_selection_is_returned_under_the_names_of_graph() {
    let session = with_apps(&["App"]).await;
    let app = session.get("/applications?$filter=displayName%20eq%20'App'&$select=ID,DisplayName").await.expect(200);
    assert_eq!(app["@odata.context"], "https://graph.microsoft.com/v1.0/$metadata#applications(id,displayName)");
    let id = app["value"][0]["id"].as_str().unwrap();
    session.send("DELETE", &format!("/applications/{id}"), None).await.expect(204);
    let deleted = session.get(&format!("/directory/deletedItems/{id}?$select=appId")).await.expect(200);
    assert_eq!(deleted.as_object().unwrap().keys().collect::<Vec<_>>(), ["@odata.context", "@odata.type", "appId"]);
    let deleted = session.get("/directory/deletedItems/microsoft.graph.application?$select=id").await.expect(200);
    assert_eq!(deleted["@odata.context"], "https://graph.microsoft.com/v1.0/$metadata#applications(id)");
    let changed = session.get("/applications/delta?$select=displayName").await.expect(200);
    assert_eq!(changed["@odata.context"], "https://graph.microsoft.com/v1.0/$metadata#applications(displayName)");
    let organization = session.get("/organization?$select=displayName").await.expect(200);
    assert_eq!(organization["@odata.context"], "https://graph.microsoft.com/v1.0/$metadata#organization(displayName)");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_path_is_refused_before_its_body_is_read() {
    let session = with_apps(&[]).await;
    let picture = Request::put("https://graph.microsoft.com/v1.0/applications/x/logo")
        .header("authorization", format!("Bearer {}", session.token))
        .header("content-type", "image/png")
        .body(Bytes::from_static(b"picture"));
    let response = Answered::of(session.tenant.send(picture.unwrap()).await.unwrap());
    response.refused(501, "NotImplemented");
    let below = "/servicePrincipals/x/oauth2PermissionGrants/y";
    session.get(below).await.refused(501, "NotImplemented");
    session.send("DELETE", below, None).await.refused(400, "BadRequest");
    session.get("/organization/$count").await.refused(501, "NotImplemented");
    session.get("/directory/deletedItems/$count").await.refused(400, "Request_BadRequest");
}

#[tokio::test(start_paused = true)]
async fn without_metadata_a_response_keeps_only_the_links_for_paging() {
    const NONE: &[(&str, &str)] = &[("accept", "application/json;odata.metadata=none"), EVENTUAL[0]];
    let session = with_apps(&["One", "Two"]).await;
    let list = session.try_send("GET", "/applications?$top=1&$count=true", NONE, None).await.unwrap();
    assert!(list.headers["content-type"].to_str().unwrap().starts_with("application/json;odata.metadata=none;"));
    assert_eq!(list.headers.get_all("content-type").iter().count(), 1);
    let list = list.expect(200);
    let names: Vec<&String> = list.as_object().unwrap().keys().collect();
    assert_eq!(names, ["@odata.count", "@odata.nextLink", "value"]);
    let made = session.try_send("POST", "/applications", NONE, Some(json!({"displayName": "Three"}))).await.unwrap();
    assert!(made.expect(201).get("@odata.context").is_none());
    // An item of a batch has an `Accept` of its own.
    let item = |id: &str, level: &str| {
        let accept = format!("application/json;odata.metadata={level}");
        json!({"id": id, "method": "GET", "url": "/organization", "headers": {"Accept": accept}})
    };
    let batch = json!({"requests": [item("none", "none"), item("minimal", "minimal")]});
    for response in session.post("/$batch", batch).await.expect(200)["responses"].as_array().unwrap() {
        assert_eq!(response["body"].get("@odata.context").is_some(), response["id"] == "minimal", "{response:#}");
    }
    let full = [("accept", "application/json;odata.metadata=full")];
    let made = session.try_send("POST", "/applications", &full, Some(json!({"displayName": "Four"}))).await.unwrap();
    made.refused(501, "NotImplemented");
    assert_eq!(session.tenant.applications().len(), 4, "what is refused is not done");
}

#[tokio::test(start_paused = true)]
async fn a_property_is_read_by_itself() {
    let session = with_apps(&["One"]).await;
    let graph = session.graph_principal().await;
    let scopes = session.get(&format!("/servicePrincipals/{graph}/oauth2PermissionScopes")).await.expect(200);
    assert!(scopes["value"].as_array().unwrap().iter().any(|scope| scope["value"] == "User.Read"));
    let context = format!("https://graph.microsoft.com/v1.0/$metadata#servicePrincipals('{graph}')/");
    assert_eq!(scopes["@odata.context"], format!("{context}oauth2PermissionScopes"));
    let name = session.get(&format!("/servicePrincipals/{graph}/displayName")).await.expect(200);
    assert_eq!(name["value"], "Microsoft Graph");
    let info = session.get(&format!("/servicePrincipals/{graph}/info")).await.expect(200);
    assert!(info.get("value").is_none() && info.get("logoUrl").is_some());
    session.get(&format!("/servicePrincipals/{graph}/notes")).await.expect(204);
    session.get(&format!("/servicePrincipals/{graph}/appRoles?$filter=x")).await.refused(501, "NotImplemented");
    session.patch(&format!("/servicePrincipals/{graph}/appRoles"), json!({})).await.refused(405, "Request_BadRequest");
    let reader = session.tenant.add_caller(&["AppRoleAssignment.ReadWrite.All"]);
    let reader = Session::of(&session.tenant, &reader).await;
    reader.get(&format!("/servicePrincipals/{graph}/appRoles")).await.refused(403, "Authorization_RequestDenied");
}
