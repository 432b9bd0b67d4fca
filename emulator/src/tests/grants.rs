use super::*;
use uuid::Uuid;

/// A client's service principal and Microsoft Graph's.
async fn parties() -> (Session, String, String) {
    let session = Session::new(&builder().build()).await;
    let (_, principal) = session.app_and_principal("App").await;
    let graph = session.graph_principal().await;
    (session, principal["id"].as_str().unwrap().to_owned(), graph)
}

fn role(principal: &str, resource: &str, id: u128) -> Value {
    json!({"principalId": principal, "resourceId": resource, "appRoleId": Uuid::from_u128(id)})
}

#[tokio::test(start_paused = true)]
async fn an_assignment_is_made_once_and_seen_from_both_sides() {
    let (session, client, graph) = parties().await;
    let path = format!("/servicePrincipals/{graph}/appRoleAssignedTo");
    let made = session.post(&path, role(&client, &graph, USER_READ_ALL)).await.expect(201);
    assert_eq!(
        (&made["principalDisplayName"], &made["resourceDisplayName"]),
        (&json!("App"), &json!("Microsoft Graph"))
    );
    let message = session.post(&path, role(&client, &graph, USER_READ_ALL)).await.refused(400, "Request_BadRequest");
    assert_eq!(message, "Permission being assigned already exists on the object");
    let own = format!("/servicePrincipals/{client}/appRoleAssignments");
    assert_eq!(session.get(&own).await.expect(200)["value"][0]["id"], made["id"]);
    let seen = session.get(&path).await.expect(200);
    assert!(seen["value"].as_array().unwrap().iter().any(|assignments| assignments["id"] == made["id"]));
    let one = format!("{own}/{}", made["id"].as_str().unwrap());
    session.send("DELETE", &one, None).await.expect(204);
    session.send("DELETE", &one, None).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test(start_paused = true)]
async fn an_assignment_needs_a_role_that_the_resource_has_and_the_right_ids() {
    let (session, client, graph) = parties().await;
    let path = format!("/servicePrincipals/{graph}/appRoleAssignedTo");
    let message = session.post(&path, role(&client, &graph, 1)).await.refused(400, "Request_BadRequest");
    assert_eq!(message, "Permission being assigned was not found on application");
    let swapped = session.post(&path, role(&graph, &client, USER_READ_ALL)).await.refused(400, "Request_BadRequest");
    assert_eq!(swapped, "Not a valid reference update.");
    let unknown = Uuid::from_u128(9).to_string();
    session.post(&path, role(&unknown, &graph, USER_READ_ALL)).await.refused(400, "Request_BadRequest");
}

#[tokio::test(start_paused = true)]
async fn the_right_to_assign_does_not_suffice_without_a_right_to_read() {
    let (session, client, graph) = parties().await;
    let path = format!("/servicePrincipals/{graph}/appRoleAssignedTo");
    let tenant = &session.tenant;
    for roles in [&["AppRoleAssignment.ReadWrite.All"][..], &["Application.ReadWrite.All", "Directory.Read.All"]] {
        let caller = Session::of(tenant, &tenant.add_caller(roles)).await;
        caller.post(&path, role(&client, &graph, USER_READ_ALL)).await.refused(403, "Authorization_RequestDenied");
    }
    let caller = tenant.add_caller(&["AppRoleAssignment.ReadWrite.All", "Application.Read.All"]);
    Session::of(tenant, &caller).await.post(&path, role(&client, &graph, USER_READ_ALL)).await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_may_lack_a_permission_or_an_api() {
    let tenant = builder().without_permission(MICROSOFT_GRAPH, "user.read.all").build();
    let session = Session::new(&tenant).await;
    let (_, client) = session.app_and_principal("App").await;
    let graph = session.graph_principal().await;
    let body = role(client["id"].as_str().unwrap(), &graph, USER_READ_ALL);
    session
        .post(&format!("/servicePrincipals/{graph}/appRoleAssignedTo"), body)
        .await
        .refused(400, "Request_BadRequest");

    // No trace of it is left in what the API publishes; a declaration goes through, and a role of its id does not.
    let api = session.get(&format!("/servicePrincipals/{graph}")).await.expect(200);
    assert!(!api.to_string().contains("\"User.Read.All\""), "published");
    let declared = json!({"resourceAppId": MICROSOFT_GRAPH.to_string(),
                          "resourceAccess": [{"id": uuid::Uuid::from_u128(USER_READ_ALL), "type": "Role"}]});
    let path = format!("/applications(appId='{}')", client["appId"].as_str().unwrap());
    session.patch(&path, json!({"requiredResourceAccess": [declared]})).await.expect(204);
    // Partner Center publishes its own permission everywhere.
    let center = session.get("/servicePrincipals(appId='fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd')").await.expect(200);
    let scope = &center["oauth2PermissionScopes"][0];
    assert_eq!(
        (&scope["value"], &scope["id"]),
        (&json!("user_impersonation"), &json!("1cebfa2a-fb4d-419e-b5f9-839b4383e05a"))
    );

    let vault = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093";
    let tenant = builder().without_api(vault.parse().unwrap()).build();
    let session = Session::new(&tenant).await;
    session.get(&format!("/servicePrincipals(appId='{vault}')")).await.refused(404, "Request_ResourceNotFound");
    let made = session.post("/servicePrincipals", json!({"appId": vault})).await.expect(201);
    assert_eq!(made["displayName"], "Azure Key Vault");
}

#[tokio::test(start_paused = true)]
async fn a_grant_is_one_per_client_resource_and_principal_and_keeps_its_id() {
    let (session, client, graph) = parties().await;
    let all = json!({"clientId": client, "consentType": "AllPrincipals", "principalId": null, "resourceId": graph, "scope": "User.Read"});
    let made = session.post("/oauth2PermissionGrants", all.clone()).await.expect(201);
    let id = made["id"].as_str().unwrap();
    assert_eq!(id.len(), 43);
    session.post("/oauth2PermissionGrants", all.clone()).await.refused(409, "Request_MultipleObjectsWithSameKeyValue");
    let one = json!({"clientId": client, "consentType": "Principal", "principalId": Uuid::from_u128(5), "resourceId": graph, "scope": "User.Read"});
    session.post("/oauth2PermissionGrants", one).await.expect(201);
    let path = format!("/oauth2PermissionGrants/{id}");
    session.patch(&path, json!({"scope": "User.Read openid"})).await.expect(204);
    session.patch(&path, json!({"consentType": "Principal"})).await.refused(400, "Request_BadRequest");
    assert_eq!(session.get(&path).await.expect(200)["scope"], "User.Read openid");
    let filter = format!(
        "/oauth2PermissionGrants?$filter=clientId%20eq%20'{client}'%20and%20consentType%20eq%20'AllPrincipals'"
    );
    let found = session.get(&filter).await.expect(200);
    assert_eq!((found["value"].as_array().unwrap().len(), &found["value"][0]["id"]), (1, &made["id"]));
    session.send("DELETE", &path, None).await.expect(204);
    assert_eq!(session.post("/oauth2PermissionGrants", all).await.expect(201)["id"], made["id"]);
}

#[tokio::test(start_paused = true)]
async fn deleting_a_service_principal_removes_its_grants() {
    let (session, client, graph) = parties().await;
    let before = session.tenant.app_role_assignments().len();
    session
        .post(&format!("/servicePrincipals/{graph}/appRoleAssignedTo"), role(&client, &graph, USER_READ_ALL))
        .await
        .expect(201);
    let all = json!({"clientId": client, "consentType": "AllPrincipals", "resourceId": graph, "scope": "User.Read"});
    session.post("/oauth2PermissionGrants", all).await.expect(201);
    session.send("DELETE", &format!("/servicePrincipals/{client}"), None).await.expect(204);
    assert_eq!(session.tenant.app_role_assignments().len(), before);
    assert!(session.tenant.oauth2_permission_grants().is_empty());
}
