//! Requests in the form of other command lines and SDKs, where they differ from this crate's own client.

use super::*;

/// A request to Graph as a client has put it, without help.
async fn raw(session: &Session, method: &str, target: &str, body: &str) -> Answered {
    let request = Request::builder()
        .method(method)
        .uri(format!("https://graph.microsoft.com{target}"))
        .header("authorization", format!("Bearer {}", session.token))
        .header("content-type", "application/json; charset=utf-8")
        .header("accept", "*/*");
    Answered::of(session.tenant.send(request.body(body.to_owned().into()).unwrap()).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn queries_in_the_form_encoding_and_double_slashes_mean_the_same() {
    let session = Session::new(&builder().build()).await;
    session.app("ImmyBot Custom Application").await;
    for target in [
        "/v1.0/applications?$filter=displayName%20eq%20'ImmyBot%20Custom%20Application'&$select=id",
        "/v1.0/applications?%24filter=displayName+eq+%27ImmyBot+Custom+Application%27&%24select=id",
        "/v1.0//applications?$filter=startswith%28displayName%2C%27ImmyBot%20Custom%20Application%27%29",
        "/v1.0/myorganization/applications?$filter=(displayName%20eq%20%27ImmyBot%20Custom%20Application%27)",
    ] {
        let found = raw(&session, "GET", target, "").await.expect(200);
        assert_eq!(found["value"].as_array().unwrap().len(), 1, "{target}");
    }
    let names = "/v1.0/servicePrincipals?$filter=servicePrincipalNames%2Fany%28c%3Ac%20eq%20%2700000003-0000-0000-\
        c000-000000000000%27%29";
    let found = raw(&session, "GET", names, "").await.expect(200);
    assert_eq!(found["value"][0]["displayName"], "Microsoft Graph");
}

#[tokio::test(start_paused = true)]
async fn bodies_may_name_their_type_and_hold_nulls_and_empty_collections() {
    let session = Session::new(&builder().build()).await;
    let body = r##"{"@odata.type": "#microsoft.graph.application", "displayName": "App", "keyCredentials": [],
        "web": {"@odata.type": "#microsoft.graph.webApplication", "redirectUris": ["https://a.example/x"]}}"##;
    let app = raw(&session, "POST", "/v1.0//applications", body).await.expect(201);
    assert!(!app.to_string().contains("@odata.type"), "{app:#}");
    let id = app["id"].as_str().unwrap();
    let principal = json!({"@odata.type": "#microsoft.graph.servicePrincipal", "appId": app["appId"]});
    let principal = raw(&session, "POST", "/v1.0/servicePrincipals", &principal.to_string()).await.expect(201);
    let graph = session.graph_principal().await;
    let grant = json!({"clientId": principal["id"], "consentType": "AllPrincipals", "principalId": null,
        "resourceId": graph, "scope": "User.Read"});
    raw(&session, "POST", "/v1.0/oauth2PermissionGrants", &grant.to_string()).await.expect(201);
    // Python writes microseconds and the offset.
    let secret = r#"{"passwordCredential": {"displayName": "ImmyBot",
        "startDateTime": "2025-06-01T11:31:35.030573+00:00", "endDateTime": "2027-06-01T11:31:35.030573+00:00"}}"#;
    let secret = raw(&session, "POST", &format!("/v1.0//applications/{id}/addPassword"), secret).await.expect(200);
    assert_eq!(secret["endDateTime"], "2027-06-01T11:31:35.0305730Z");
    let patch = r##"{"@odata.type": "#microsoft.graph.application", "notes": "by an SDK"}"##;
    raw(&session, "PATCH", &format!("/v1.0//applications/{id}"), patch).await.expect(204);
    let read = session.get(&format!("/applications/{id}")).await.expect(200);
    assert_eq!(read["notes"], "by an SDK");
    assert!(!read.to_string().contains("@odata.type"), "{read:#}");
    let bound = r#"{"displayName": "x", "owners@odata.bind": ["https://graph.microsoft.com/v1.0/directoryObjects/x"]}"#;
    raw(&session, "PATCH", &format!("/v1.0/applications/{id}"), bound).await.refused(501, "NotImplemented");
}

#[tokio::test(start_paused = true)]
async fn a_consent_may_be_given_all_at_once() {
    let session = Session::new(&builder().build()).await;
    let (_, principal) = session.app_and_principal("App").await;
    let graph = session.graph_principal().await;
    let path = format!("/servicePrincipals/{}/appRoleAssignments", principal["id"].as_str().unwrap());
    let all = session.get(&format!("/servicePrincipals/{graph}/appRoles")).await.expect(200);
    let roles: Vec<Value> = all["value"].as_array().unwrap().iter().take(7).map(|role| role["id"].clone()).collect();
    let assign = |role: Value| {
        let (session, path) = (session.clone(), path.clone());
        let body = json!({"appRoleId": role, "principalId": principal["id"], "resourceId": graph});
        tokio::spawn(async move { session.post(&path, body).await })
    };
    for assigned in roles.iter().cloned().map(assign).collect::<Vec<_>>() {
        assigned.await.unwrap().expect(201);
    }
    assert_eq!(session.get(&path).await.expect(200)["value"].as_array().unwrap().len(), roles.len());
}

#[tokio::test(start_paused = true)]
async fn a_token_has_all_granted_permissions_of_one_api() {
    let tenant = builder().build();
    let caller = tenant.caller();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", &caller.client_id.to_string())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_info", "1")
        .append_pair("client_secret", caller.client_secret.expose_secret())
        .append_pair("claims", r#"{"access_token": {"xms_cc": {"values": ["CP1"]}}}"#)
        .append_pair("scope", "https://graph.microsoft.com/.default")
        .finish();
    let uri = format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token?client-request-id=x", tenant.id());
    let request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded;charset=utf-8");
    let response = Answered::of(tenant.send(request.body(form.into()).unwrap()).await.unwrap()).expect(200);
    assert!(response.get("client_info").is_none(), "an app is no client of a person");
}
