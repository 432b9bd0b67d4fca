//! The types of what is written, on each route that writes.

use super::*;

/// The routes by which an application is written, each with a body of these properties.
async fn write(session: &Session, route: usize, properties: &Value) -> (u16, String) {
    let app = session.app("App").await;
    let path = format!("/applications/{}", app["id"].as_str().unwrap());
    let mut named = properties.clone();
    named["displayName"] = "New".into();
    let response = match route {
        0 => session.patch(&path, properties.clone()).await,
        1 => session.post("/applications", named).await,
        2 => session.upsert(&app["id"].to_string(), named).await,
        3 => {
            session
                .patch(&format!("/applications(appId='{}')", app["appId"].as_str().unwrap()), properties.clone())
                .await
        }
        _ => {
            let item = json!({"id": "1", "method": "PATCH", "url": path, "body": properties,
                              "headers": {"Content-Type": "application/json"}});
            let answered = session.post("/$batch", json!({"requests": [item]})).await.expect(200);
            let item = &answered["responses"][0];
            let status = u16::try_from(item["status"].as_u64().unwrap()).unwrap();
            return (status, item["body"]["error"]["message"].as_str().unwrap_or_default().to_owned());
        }
    };
    (response.status, response.body["error"]["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_application_is_checked_at_every_depth_on_every_route() {
    let session = Session::new(&builder().build()).await;
    for (properties, part) in [
        (json!({"api": {"requestedAccessTokenVersion": "two"}}), "literal 'two' to the expected type 'Edm.Int32'"),
        (json!({"api": {"acceptMappedClaims": 1}}), "'Edm.Boolean'"),
        (json!({"api": {"knownClientApplications": ["000000-0000"]}}), "'Edm.Guid'"),
        (json!({"web": {"redirectUris": "https://contoso.example"}}), "'StartArray' node was expected"),
        (json!({"web": {"redirectUris": [1]}}), "'Edm.String'"),
        (json!({"web": {"implicitGrantSettings": {"enableIdToken": true}}}), "'enableIdToken' does not exist on type"),
        (json!({"web": {"implicitGrantSettings": []}}), "'StartObject' node was expected"),
        (json!({"appRoles": [{"id": "1"}]}), "'Edm.Guid'"),
        (json!({"requiredResourceAccess": [{"resourceAppId": 3, "resourceAccess": []}]}), "'Edm.String'"),
        (json!({"requiredResourceAccess": [{"resource": "x"}]}), "type 'microsoft.graph.requiredResourceAccess'"),
        (json!({"optionalClaims": {"idToken": [{"name": "x", "essential": null}]}}), "does not allow null values"),
        (json!({"keyCredentials": [{"key": "*"}]}), "'Edm.Binary'"),
        (json!({"servicePrincipalLockConfiguration": {"isEnabled": "maybe"}}), "'Edm.Boolean'"),
        (json!({"spa": {"@odata.type": "#microsoft.graph.webApplication"}}), "incompatible type name"),
        (json!({"isFallbackPublicClient": "perhaps"}), "'Edm.Boolean'"),
        (json!({"tags": "one"}), "'StartArray' node was expected"),
        (json!({"colour": "red"}), "Invalid property 'colour'."),
    ] {
        for route in 0..5 {
            let (status, message) = write(&session, route, &properties).await;
            assert!(status == 400 && message.contains(part), "{route} {properties}: {status} {message}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_that_spells_a_value_is_stored_as_the_value() {
    let session = Session::new(&builder().build()).await;
    let app = session.app("App").await;
    let path = format!("/applications/{}", app["id"].as_str().unwrap());
    let body = json!({
        "api": {"requestedAccessTokenVersion": "2"},
        "isFallbackPublicClient": "true",
        "web": {"implicitGrantSettings": {"enableIdTokenIssuance": "False"}},
    });
    session.patch(&path, body).await.expect(204);
    let read = session.get(&path).await.expect(200);
    assert_eq!(
        (&read["api"]["requestedAccessTokenVersion"], &read["isFallbackPublicClient"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(read["web"]["implicitGrantSettings"]["enableIdTokenIssuance"], false);
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_read_and_written_back_with_all_that_it_has() {
    let session = Session::new(&builder().build()).await;
    let app = session.app("App").await;
    let path = format!("/applications/{}", app["id"].as_str().unwrap());
    let lock = json!({"isEnabled": true, "identifierUris": false});
    session.patch(&path, json!({"servicePrincipalLockConfiguration": lock})).await.expect(204);
    let mut read = session.get(&path).await.expect(200)["servicePrincipalLockConfiguration"].clone();
    assert_eq!(read["identifierUris"], false);
    read["allProperties"] = true.into();
    session.patch(&path, json!({"servicePrincipalLockConfiguration": read.clone()})).await.expect(204);
    assert_eq!(session.get(&path).await.expect(200)["servicePrincipalLockConfiguration"], read);
}

#[tokio::test(start_paused = true)]
async fn service_principals_grants_and_credentials_are_checked_as_well() {
    let session = Session::new(&builder().build()).await;
    let (app, principal) = session.app_and_principal("App").await;
    let id = |object: &Value| object["id"].as_str().unwrap().to_owned();
    let (app_path, path) = (format!("/applications/{}", id(&app)), format!("/servicePrincipals/{}", id(&principal)));
    let graph = session.graph_principal().await;
    let role = json!({"principalId": id(&principal), "resourceId": graph, "appRoleId": "none"});
    let grant = json!({"clientId": id(&principal), "resourceId": graph, "consentType": "AllPrincipals", "scope": 1});
    let odd = json!({"clientId": id(&principal), "resourceId": graph, "consentType": "AllPrincipals",
                     "scope": "User.Read", "expiry": null});
    let federated = json!({"name": "n", "issuer": "https://i", "subject": "s", "audiences": "api://x"});
    for (method, path, body, part) in [
        ("PATCH", path.clone(), json!({"accountEnabled": 1}), "'Edm.Boolean'"),
        ("PATCH", path.clone(), json!({"appRoleAssignmentRequired": null}), "does not allow null values"),
        ("PATCH", path.clone(), json!({"samlSingleSignOnSettings": {"relay": "x"}}), "'relay' does not exist on type"),
        ("PATCH", path.clone(), json!({"keyCredentials": [{"usage": 1}]}), "'Edm.String'"),
        ("POST", "/servicePrincipals".into(), json!({"appId": app["appId"], "tags": [1]}), "'Edm.String'"),
        ("POST", format!("/servicePrincipals/{graph}/appRoleAssignedTo"), role, "'Edm.Guid'"),
        ("POST", "/oauth2PermissionGrants".into(), grant, "'Edm.String'"),
        ("POST", "/oauth2PermissionGrants".into(), odd, "'expiry' does not exist on type"),
        ("POST", format!("{app_path}/federatedIdentityCredentials"), federated, "'StartArray' node was expected"),
        ("POST", format!("{app_path}/addPassword"), json!({"passwordCredential": {"displayName": 7}}), "'Edm.String'"),
        (
            "POST",
            format!("{path}/addPassword"),
            json!({"passwordCredential": {"lifetime": "P1D"}}),
            "type 'microsoft.graph.passwordCredential'",
        ),
        (
            "POST",
            format!("{app_path}/addPassword"),
            json!({"displayName": "x"}),
            "'displayName' in the request payload is not a valid parameter for the operation 'addPassword'",
        ),
        ("POST", format!("{app_path}/removePassword"), json!({"keyId": "one"}), "'Edm.Guid'"),
        ("POST", format!("{app_path}/addKey"), json!({"keyCredential": {"type": 1}}), "'Edm.String'"),
        ("POST", format!("{app_path}/removeKey"), json!({"keyId": null}), "does not allow null values"),
    ] {
        let message = session.send(method, &path, Some(body)).await.refused(400, "Request_BadRequest");
        assert!(message.contains(part), "{path}: {message}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_creation_refuses_a_change_refuses_too() {
    let session = Session::new(&builder().build()).await;
    let (_, principal) = session.app_and_principal("App").await;
    let app = session.app("Other").await;
    let long = "x".repeat(1025);
    let body = json!({"appId": app["appId"], "notes": long});
    session.post("/servicePrincipals", body).await.refused(400, "Request_BadRequest");
    let path = format!("/servicePrincipals/{}", principal["id"].as_str().unwrap());
    session.patch(&path, json!({"notes": long})).await.refused(400, "Request_BadRequest");
    let tenant = &session.tenant;
    let (ada, grace) = (tenant.add_user("Ada", &[]), tenant.add_user("Grace", &[]));
    for name in [grace.user_principal_name.as_str(), "ada@elsewhere.example"] {
        let body = json!({ "userPrincipalName": name }).to_string();
        let (status, text) = tenant.send_json("PATCH", &format!("/users/{}", ada.id), Some(&body));
        assert_eq!(status, 400, "{name}: {text}");
    }
    let own = json!({"userPrincipalName": ada.user_principal_name, "jobTitle": "x"}).to_string();
    assert_eq!(tenant.send_json("PATCH", &format!("/users/{}", ada.id), Some(&own)).0, 204);
}
