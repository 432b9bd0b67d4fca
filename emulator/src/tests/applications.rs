use super::*;
use crate::SecretPolicy;
use std::time::Duration;
use uuid::Uuid;

fn path(app: &Value) -> String {
    format!("/applications/{}", app["id"].as_str().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_new_application_has_the_defaults_of_2025() {
    let session = Session::new(&builder().build()).await;
    let response = session.post("/applications", json!({"displayName": "App"})).await;
    let location = response.headers["location"].to_str().unwrap().to_owned();
    let app = response.expect(201);
    assert!(location.ends_with("/Microsoft.DirectoryServices.Application"), "{location}");
    assert_eq!(app.as_object().unwrap().keys().next().unwrap(), "@odata.context", "before all that it explains");
    assert_eq!(app["signInAudience"], "AzureADMyOrg");
    assert_eq!(app["api"]["requestedAccessTokenVersion"], Value::Null);
    assert_eq!(app["createdDateTime"].as_str().unwrap().len(), "2025-06-01T12:00:00.0020000Z".len());
    let read = session.get(&path(&app)).await.expect(200);
    assert_eq!(read["createdDateTime"], "2025-06-01T12:00:00Z");
    assert_eq!(read["@odata.context"], "https://graph.microsoft.com/v1.0/$metadata#applications/$entity");
}

#[tokio::test(start_paused = true)]
async fn an_upsert_creates_once_and_then_updates() {
    let session = Session::new(&builder().build()).await;
    let created = session.upsert("key", json!({"displayName": "One"})).await.expect(201);
    assert_eq!(created["uniqueName"], "key");
    assert_eq!(session.upsert("key", json!({"displayName": "Two"})).await.expect(204), Value::Null);
    let read = session.get("/applications(uniqueName='key')").await.expect(200);
    assert_eq!((&read["id"], &read["displayName"]), (&created["id"], &json!("Two")));
    let pure = session.patch("/applications(uniqueName='other')", json!({"displayName": "x"})).await;
    pure.refused(404, "Request_ResourceNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_unique_name_is_set_once_and_is_taken_even_by_a_deleted_application() {
    let session = Session::new(&builder().build()).await;
    let app = session.app("App").await;
    session.patch(&path(&app), json!({"uniqueName": "key"})).await.expect(204);
    session.patch(&path(&app), json!({"uniqueName": "key"})).await.expect(204);
    session.patch(&path(&app), json!({"uniqueName": "other"})).await.refused(400, "Request_BadRequest");
    session.send("DELETE", &path(&app), None).await.expect(204);
    let message = session.upsert("key", json!({"displayName": "New"})).await.refused(400, "Request_BadRequest");
    assert_eq!(message, "Another object with the same value for property uniqueName already exists.");
    let bin = format!("/directory/deletedItems/{}", app["id"].as_str().unwrap());
    session.send("DELETE", &bin, None).await.expect(204);
    session.upsert("key", json!({"displayName": "New"})).await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn a_patch_replaces_collections_merges_complex_types_and_reads_back_reversed() {
    let session = Session::new(&builder().build()).await;
    let body = json!({"displayName": "App", "web": {"redirectUris": ["https://a.example/", "https://b.example/"]}});
    let app = session.post("/applications", body).await.expect(201);
    assert_eq!(app["web"]["redirectUris"], json!(["https://a.example/", "https://b.example/"]));
    session.patch(&path(&app), json!({"web": {"homePageUrl": "https://home.example"}})).await.expect(204);
    let read = session.get(&path(&app)).await.expect(200);
    assert_eq!(read["web"]["redirectUris"], json!(["https://b.example/", "https://a.example/"]));
    session.patch(&path(&app), json!({"web": {"redirectUris": []}})).await.expect(204);
    let read = session.get(&path(&app)).await.expect(200);
    assert_eq!(
        (&read["web"]["redirectUris"], &read["web"]["homePageUrl"]),
        (&json!([]), &json!("https://home.example"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_complex_type_that_was_null_is_returned_whole() {
    let session = Session::new(&builder().build()).await;
    let app = session.app("App").await;
    let body = json!({"servicePrincipalLockConfiguration": {"isEnabled": true, "allProperties": true}});
    session.patch(&path(&app), body).await.expect(204);
    let lock = &session.get(&path(&app)).await.expect(200)["servicePrincipalLockConfiguration"];
    assert_eq!((&lock["isEnabled"], lock.get("tokenEncryptionKeyId")), (&json!(true), Some(&Value::Null)));
    let body = json!({"servicePrincipalLockConfiguration": {"isEnabled": true, "colour": "red"}});
    session.patch(&path(&app), body).await.refused(400, "Request_BadRequest");
    session.patch(&path(&app), json!({"servicePrincipalLockConfiguration": null})).await.expect(204);
    assert!(session.get(&path(&app)).await.expect(200)["servicePrincipalLockConfiguration"].is_null());
}

#[tokio::test(start_paused = true)]
async fn invalid_sign_in_requests_are_refused() {
    let session = Session::new(&builder().build()).await;
    let role = |id: u128, value: &str| json!({"id": Uuid::from_u128(id), "value": value, "displayName": "d", "description": "d", "allowedMemberTypes": ["User"]});
    for body in [
        json!({}),
        json!({"displayName": ""}),
        json!({"displayName": "x".repeat(257)}),
        json!({"displayName": "A", "colour": "red"}),
        json!({"displayName": "A", "web": {"colour": "red"}}),
        json!({"displayName": 7}),
        json!({"displayName": "A", "appId": Uuid::nil()}),
        json!({"displayName": "A", "signInAudience": "Everybody"}),
        json!({"displayName": "A", "signInAudience": "PersonalMicrosoftAccount", "api": {"requestedAccessTokenVersion": 1}}),
        json!({"displayName": "A", "tags": ["a b"]}),
        json!({"displayName": "A", "web": {"redirectUris": ["http://contoso.com"]}}),
        json!({"displayName": "A", "web": {"redirectUris": ["https://a.example/x"]}, "spa": {"redirectUris": ["https://A.example/x"]}}),
        json!({"displayName": "A", "identifierUris": ["https://elsewhere.example"]}),
        json!({"displayName": "A", "identifierUris": ["api://anything"]}),
        json!({"displayName": "A", "appRoles": [role(1, "a"), role(1, "b")]}),
        json!({"displayName": "A", "appRoles": [role(1, ".a")]}),
        json!({"displayName": "A", "requiredResourceAccess": [{"resourceAppId": "x", "resourceAccess": []}]}),
        json!({"displayName": "A", "requiredResourceAccess": [{"resourceAppId": MICROSOFT_GRAPH, "resourceAccess": [{"id": Uuid::nil(), "type": "Thing"}]}]}),
    ] {
        let response = session.post("/applications", body.clone()).await;
        assert_eq!(response.status, 400, "{body} {:#}", response.body);
    }
    assert_eq!(session.tenant.applications().len(), 1, "only the caller");
}

#[tokio::test(start_paused = true)]
async fn an_enabled_role_is_disabled_before_it_goes() {
    let session = Session::new(&builder().build()).await;
    let role = |enabled| json!([{"id": Uuid::from_u128(1), "value": "a", "displayName": "d", "description": "d", "allowedMemberTypes": ["User"], "isEnabled": enabled}]);
    let app = session.post("/applications", json!({"displayName": "A", "appRoles": role(true)})).await.expect(201);
    session.patch(&path(&app), json!({"appRoles": []})).await.refused(400, "CannotDeleteOrUpdateEnabledEntitlement");
    session.patch(&path(&app), json!({"appRoles": role(false)})).await.expect(204);
    session.patch(&path(&app), json!({"appRoles": []})).await.expect(204);
}

#[tokio::test(start_paused = true)]
async fn secrets_are_returned_once_and_listed_newest_first() {
    let session = Session::new(&builder().build()).await;
    let app = session.app("App").await;
    let add = |name: &'static str| {
        let (session, path) = (session.clone(), path(&app) + "/addPassword");
        async move { session.post(&path, json!({"passwordCredential": {"displayName": name}})).await.expect(200) }
    };
    let (first, second) = (add("first").await, add("second").await);
    let names: Vec<_> = first.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        names,
        [
            "@odata.context",
            "customKeyIdentifier",
            "displayName",
            "endDateTime",
            "hint",
            "keyId",
            "secretText",
            "startDateTime"
        ]
    );
    assert!(first["secretText"].as_str().unwrap().starts_with(first["hint"].as_str().unwrap()));
    let read = session.get(&path(&app)).await.expect(200);
    let listed: Vec<_> = read["passwordCredentials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|credential| credential["displayName"].clone())
        .collect();
    assert_eq!(listed, ["second", "first"]);
    assert!(read["passwordCredentials"][0]["secretText"].is_null());
    session.post(&(path(&app) + "/removePassword"), json!({"keyId": second["keyId"]})).await.expect(204);
    let message = session
        .post(&(path(&app) + "/removePassword"), json!({"keyId": second["keyId"]}))
        .await
        .refused(400, "Request_BadRequest");
    assert!(message.starts_with("No password credential found with keyId"), "{message}");
    session.patch(&path(&app), json!({"passwordCredentials": []})).await.refused(400, "Request_BadRequest");
}

#[tokio::test(start_paused = true)]
async fn an_app_management_policy_limits_or_forbids_secrets() {
    let policy_id = Uuid::from_u128(42);
    let lifetime = Duration::from_secs(90 * 86400);
    for (policy, code) in [
        (SecretPolicy::MaxLifetime { policy_id, lifetime }, "CredentialInvalidLifetimeAsPerAppPolicy"),
        (SecretPolicy::Forbidden { policy_id }, "CredentialTypeNotAllowedAsPerAppPolicy"),
    ] {
        let session = Session::new(&builder().secret_policy(policy).build()).await;
        let app = session.app("App").await;
        let message = session.post(&(path(&app) + "/addPassword"), json!({})).await.refused(400, code);
        assert!(message.contains(&policy_id.to_string()), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn deleting_an_application_deletes_its_service_principal_and_restoring_does_not_restore_it() {
    let session = Session::new(&builder().build()).await;
    let (app, principal) = session.app_and_principal("App").await;
    session.send("DELETE", &path(&app), None).await.expect(204);
    session.get(&path(&app)).await.refused(404, "Request_ResourceNotFound");
    let principal_path = format!("/servicePrincipals/{}", principal["id"].as_str().unwrap());
    session.get(&principal_path).await.refused(404, "Request_ResourceNotFound");
    session.send("DELETE", &path(&app), None).await.refused(404, "Request_ResourceNotFound");
    let bin = session.get("/directory/deletedItems/microsoft.graph.application").await.expect(200);
    assert_eq!(bin["value"][0]["id"], app["id"]);
    let restore = format!("/directory/deletedItems/{}/restore", app["id"].as_str().unwrap());
    let restored = session.post(&restore, json!({})).await.expect(200);
    assert_eq!(restored["@odata.type"], "#microsoft.graph.application");
    session.get(&path(&app)).await.expect(200);
    session.get(&principal_path).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_service_principal_shows_its_application_and_follows_it() {
    let session = Session::new(&builder().build()).await;
    let (app, principal) = session.app_and_principal("App").await;
    assert_eq!((&principal["displayName"], &principal["appId"]), (&json!("App"), &app["appId"]));
    let body = json!({"displayName": "New", "web": {"redirectUris": ["https://a.example/"]}});
    session.patch(&path(&app), body).await.expect(204);
    let by_app_id = format!("/servicePrincipals(appId='{}')", app["appId"].as_str().unwrap());
    let read = session.get(&by_app_id).await.expect(200);
    assert_eq!((&read["displayName"], &read["replyUrls"]), (&json!("New"), &json!(["https://a.example/"])));
    let again = session.post("/servicePrincipals", json!({"appId": app["appId"]})).await;
    assert_eq!(again.body["error"]["details"][0]["code"], "ObjectConflict");
    again.refused(409, "Request_MultipleObjectsWithSameKeyValue");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_may_only_read_is_refused_every_write() {
    let tenant = builder().build();
    let full = Session::new(&tenant).await;
    let (app, principal) = full.app_and_principal("App").await;
    let reader = Session::of(&tenant, &tenant.add_caller(&["Application.Read.All", "Directory.Read.All"])).await;
    reader.get("/applications").await.expect(200);
    let (app, principal) = (path(&app), format!("/servicePrincipals/{}", principal["id"].as_str().unwrap()));
    for (method, path) in [
        ("POST", "/applications".to_owned()),
        ("PATCH", app.clone()),
        ("DELETE", app.clone()),
        ("POST", app.clone() + "/addPassword"),
        ("POST", app + "/removePassword"),
        ("POST", "/servicePrincipals".to_owned()),
        ("PATCH", principal.clone()),
        ("DELETE", principal.clone()),
        ("POST", principal.clone() + "/appRoleAssignedTo"),
        ("DELETE", principal + "/appRoleAssignments/x"),
        ("POST", "/oauth2PermissionGrants".to_owned()),
        ("PATCH", "/oauth2PermissionGrants/x".to_owned()),
        ("DELETE", "/oauth2PermissionGrants/x".to_owned()),
    ] {
        let message = reader
            .send(method, &path, Some(json!({"displayName": "x"})))
            .await
            .refused(403, "Authorization_RequestDenied");
        assert_eq!(message, "Insufficient privileges to complete the operation.");
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_to_what_is_owned_ends_there() {
    let tenant = builder().build();
    let foreign = Session::new(&tenant).await.app("Foreign").await;
    let owner = Session::of(&tenant, &tenant.add_caller(&["Application.ReadWrite.OwnedBy"])).await;
    let (own, _) = owner.app_and_principal("Own").await;
    owner.patch(&path(&own), json!({"notes": "mine"})).await.expect(204);
    owner.post(&(path(&own) + "/addPassword"), json!({})).await.expect(200);
    owner.get(&path(&foreign)).await.expect(200);
    owner.patch(&path(&foreign), json!({"notes": "mine"})).await.refused(403, "Authorization_RequestDenied");
    let message = owner
        .post("/servicePrincipals", json!({"appId": foreign["appId"]}))
        .await
        .refused(403, "Authorization_RequestDenied");
    assert!(message.contains("must in the local tenant"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn deleted_items_are_purged_after_thirty_days() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let name = json!({"displayName": "Gone"});
    let app = session.upsert("gone", name.clone()).await.expect(201);
    let again = session.upsert("kept", name.clone()).await.expect(201);
    for app in [&app, &again] {
        session.send("DELETE", &format!("/applications/{}", app["id"].as_str().unwrap()), None).await.expect(204);
    }
    let restore = format!("/directory/deletedItems/{}/restore", again["id"].as_str().unwrap());
    tokio::time::sleep(Duration::from_secs(29 * 24 * 3600)).await;
    let session = Session::new(&tenant).await;
    session.post(&restore, json!({})).await.expect(200);
    session.upsert("gone", name.clone()).await.refused(400, "Request_BadRequest");
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    let session = Session::new(&tenant).await;
    session.upsert("gone", name).await.expect(201);
    assert_eq!(tenant.deleted_applications(), []);
    session.get(&format!("/applications/{}", again["id"].as_str().unwrap())).await.expect(200);
}
