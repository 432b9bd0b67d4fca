//! Owners, members, users, groups, and directory objects of any kind.

use serde_json::{Value, json};

use super::{Session, builder};
use crate::MemoryTenant;
use entra_apps::permission::MICROSOFT_GRAPH;

const EVENTUAL: &[(&str, &str)] = &[("consistencylevel", "eventual")];

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

fn names(page: &Value) -> Vec<&str> {
    page["value"].as_array().unwrap().iter().map(|item| item["displayName"].as_str().unwrap()).collect()
}

fn reference(id: impl std::fmt::Display) -> Value {
    json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{id}")})
}

/// A company, and a session with all permissions that are needed here.
async fn company() -> (MemoryTenant, Session) {
    let tenant = builder().small_company().build();
    let roles = ["Application.ReadWrite.All", "Directory.ReadWrite.All", "Group.ReadWrite.All", "User.ReadWrite.All"];
    let session = Session::of(&tenant, &tenant.add_caller(&roles)).await;
    (tenant, session)
}

#[tokio::test(start_paused = true)]
async fn owners_are_users_and_service_principals_each_once() {
    let (tenant, session) = company().await;
    let (app, principal) = session.app_and_principal("App").await;
    let owners = format!("/applications/{}/owners", id(&app));
    let ada = tenant.users()[0].clone();
    session.post(&format!("{owners}/$ref"), reference(ada.id)).await.expect(204);
    session.post(&format!("{owners}/$ref"), reference(id(&principal))).await.expect(204);
    let message = session.post(&format!("{owners}/$ref"), reference(ada.id)).await.refused(400, "Request_BadRequest");
    assert_eq!(
        message,
        "One or more added object references already exist for the following modified properties: 'owners'."
    );
    let message = session.post(&format!("{owners}/$ref"), reference(id(&app))).await.refused(400, "Request_BadRequest");
    assert!(message.contains("of type 'Application' is invalid for the 'owners' reference"), "{message}");
    let nobody = reference("9f0c7d5e-3b0a-4a57-8f5e-2c8a3f1d0001");
    session.post(&format!("{owners}/$ref"), nobody).await.refused(404, "Request_ResourceNotFound");

    let page = session.get(&owners).await.expect(200);
    assert_eq!(names(&page), ["Ada Lovelace", "App"]);
    assert!(page["@odata.context"].as_str().unwrap().ends_with("$metadata#directoryObjects"));
    let shown: Vec<&String> = page["value"][0].as_object().unwrap().keys().collect();
    assert_eq!(shown.len(), 12, "the type and the eleven members of a person: {shown:?}");
    let people = session.get(&format!("{owners}/microsoft.graph.user?$select=displayName")).await.expect(200);
    assert_eq!(people["value"], json!([{"displayName": "Ada Lovelace"}]));
    let counted = session.try_send("GET", &format!("{owners}/$count"), EVENTUAL, None).await.unwrap().expect(200);
    assert_eq!(counted, json!(2));
    let owned = session.get(&format!("/users/{}/ownedObjects", ada.user_principal_name)).await.expect(200);
    assert!(names(&owned).contains(&"App"));

    let removed = format!("{owners}/{}/$ref", ada.id);
    session.send("DELETE", &removed, None).await.expect(204);
    session.send("DELETE", &removed, None).await.refused(404, "Request_ResourceNotFound");
}

#[tokio::test(start_paused = true)]
async fn members_count_through_groups() {
    let (tenant, session) = company().await;
    let everybody = session
        .post(
            "/groups",
            json!({"displayName": "All", "mailNickname": "all", "mailEnabled": false, "securityEnabled": true}),
        )
        .await
        .expect(201);
    let it = tenant.groups().into_iter().find(|group| group.display_name == "IT").unwrap();
    session.post(&format!("/groups/{}/members/$ref", id(&everybody)), reference(it.id)).await.expect(204);
    let ada = &tenant.users()[0];
    let groups = async |path: String| names(&session.get(&path).await.expect(200)).join(", ");
    assert_eq!(groups(format!("/users/{}/memberOf", ada.id)).await, "All staff, IT");
    let transitive = format!("/users/{}/transitiveMemberOf/microsoft.graph.group?$select=id,displayName", ada.id);
    assert_eq!(groups(transitive).await, "All staff, IT, All");
    let requested = json!({"groupIds": [id(&everybody), "9f0c7d5e-3b0a-4a57-8f5e-2c8a3f1d0001"]});
    let member_of = session.post(&format!("/users/{}/checkMemberGroups", ada.id), requested).await.expect(200);
    assert_eq!(member_of["value"], json!([id(&everybody)]));
    session.send("DELETE", &format!("/groups/{}/members/{}/$ref", id(&everybody), it.id), None).await.expect(204);
    assert_eq!(groups(format!("/groups/{}/members", id(&everybody))).await, "");
}

#[tokio::test(start_paused = true)]
async fn users_are_created_found_by_name_changed_and_deleted() {
    let (_, session) = company().await;
    let new = json!({
        "accountEnabled": true, "displayName": "New", "mailNickname": "new",
        "userPrincipalName": "new@contoso.onmicrosoft.com",
        "passwordProfile": {"password": "not a real one", "forceChangePasswordNextSignIn": false}
    });
    let user = session.post("/users", new.clone()).await.expect(201);
    assert!(user.get("passwordProfile").is_none());
    let message = session.post("/users", new.clone()).await.refused(400, "Request_BadRequest");
    assert_eq!(message, "Another object with the same value for property userPrincipalName already exists.");
    let mut foreign = new;
    foreign["userPrincipalName"] = "new@elsewhere.com".into();
    session.post("/users", foreign).await.refused(400, "Request_BadRequest");
    session.patch("/users/NEW@contoso.onmicrosoft.com", json!({"jobTitle": "Boss"})).await.expect(204);
    let found =
        session.get("/users?$filter=startswith(displayName,'Ne')&$select=jobTitle,accountEnabled").await.expect(200);
    assert_eq!(found["value"], json!([{"accountEnabled": true, "jobTitle": "Boss"}]));
    session.send("DELETE", &format!("/directoryObjects/{}", id(&user)), None).await.expect(204);
    session.get("/users/new@contoso.onmicrosoft.com").await.refused(404, "Request_ResourceNotFound");
    let bin = session.get("/directory/deletedItems/microsoft.graph.user").await.expect(200);
    assert_eq!(names(&bin), ["New"]);
    let restored = session.post(&format!("/directory/deletedItems/{}/restore", id(&user)), json!({})).await.expect(200);
    assert_eq!(restored["@odata.type"], "#microsoft.graph.user");
}

#[tokio::test(start_paused = true)]
async fn an_object_is_found_by_its_id_whatever_it_is() {
    let (tenant, session) = company().await;
    let (user, group) = (&tenant.users()[0], &tenant.groups()[0]);
    let object = session.get(&format!("/directoryObjects/{}", group.id)).await.expect(200);
    assert_eq!(
        (object["@odata.type"].as_str(), id(&object)),
        (Some("#microsoft.graph.group"), group.id.to_string().as_str())
    );
    let requested = json!({"ids": [group.id.to_string(), user.id.to_string(), "9f0c7d5e-3b0a-4a57-8f5e-2c8a3f1d0001"]});
    let found = session.post("/directoryObjects/getByIds", requested.clone()).await.expect(200);
    assert_eq!(names(&found), ["All staff", "Ada Lovelace"]);
    let mut typed = requested;
    typed["types"] = json!(["user"]);
    assert_eq!(names(&session.post("/directoryObjects/getByIds", typed).await.expect(200)), ["Ada Lovelace"]);
}

#[tokio::test(start_paused = true)]
async fn me_is_the_user_and_an_app_has_none() {
    let (_, session) = company().await;
    let message = session.get("/me").await.refused(400, "BadRequest");
    assert_eq!(message, "/me request is only valid with delegated authentication flow.");
}

#[tokio::test(start_paused = true)]
async fn navigations_expand_to_twenty_and_can_be_filtered_through() {
    let (tenant, session) = company().await;
    let app =
        session.get("/applications?$filter=displayName%20eq%20'Payroll'&$expand=owners($select=id)").await.expect(200);
    assert_eq!(
        app["value"][0]["owners"],
        json!([{"@odata.type": "#microsoft.graph.user", "id": tenant.users()[2].id}])
    );
    let graph = session.graph_principal().await;
    let filter = format!("/servicePrincipals/{graph}?$select=id&$expand=appRoleAssignedTo");
    for number in 0..25 {
        tenant.add_caller(&[if number % 2 == 0 { "User.Read.All" } else { "Group.Read.All" }]);
    }
    let expanded = session.get(&filter).await.expect(200);
    assert_eq!(expanded["appRoleAssignedTo"].as_array().unwrap().len(), 20);

    let assignment = session.get(&format!("/servicePrincipals/{graph}/appRoleAssignedTo?$top=1")).await.expect(200);
    let holder = assignment["value"][0]["principalId"].as_str().unwrap();
    let filter = format!(
        "/servicePrincipals?$filter=appRoleAssignments/any(a:a/id%20eq%20'{}')&$select=id",
        id(&assignment["value"][0])
    );
    assert_eq!(session.get(&filter).await.expect(200)["value"], json!([{"id": holder}]));
    let orphans = "/applications?$count=true&$filter=owners/$count%20eq%200&$select=displayName";
    let orphans = session.try_send("GET", orphans, EVENTUAL, None).await.unwrap().expect(200);
    assert!(names(&orphans).iter().all(|name| *name == "Caller") && orphans["@odata.count"].as_u64() > Some(20));
    session.get("/applications?$filter=owners/$count%20eq%200").await.refused(400, "Request_UnsupportedQuery");
    let both = "/applications?$count=true&$expand=owners&$filter=displayName%20ne%20'x'";
    session.try_send("GET", both, EVENTUAL, None).await.unwrap().refused(400, "Request_UnsupportedQuery");
}

#[tokio::test(start_paused = true)]
async fn search_finds_words_by_their_start() {
    let (_, session) = company().await;
    let search = async |text: &str| {
        let path =
            format!("/users?$search={}", url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
        session.try_send("GET", &path, EVENTUAL, None).await.unwrap()
    };
    assert_eq!(names(&search(r#""displayName:love""#).await.expect(200)), ["Ada Lovelace"]);
    let either = search(r#""displayName:ada" OR "surname:turing""#).await.expect(200);
    assert_eq!(names(&either), ["Ada Lovelace", "Alan Turing"]);
    assert_eq!(names(&search(r#""displayName:a" AND "surname:turing""#).await.expect(200)), ["Alan Turing"]);
    search("displayName:ada").await.refused(400, "BadRequest");
    search(r#""colour:red""#).await.refused(400, "Request_UnsupportedQuery");
}

#[tokio::test(start_paused = true)]
async fn permissions_are_assigned_to_users_and_groups_where_the_role_allows_it() {
    let (tenant, _) = company().await;
    let session =
        Session::of(&tenant, &tenant.add_caller(&["AppRoleAssignment.ReadWrite.All", "Directory.Read.All"])).await;
    let payroll =
        session.get("/servicePrincipals?$filter=displayName%20eq%20'Payroll'").await.expect(200)["value"][0].clone();
    let ada = tenant.users()[0].id;
    let body = json!({"principalId": ada, "resourceId": id(&payroll), "appRoleId": payroll["appRoles"][0]["id"]});
    let made = session.post(&format!("/users/{ada}/appRoleAssignments"), body).await.expect(201);
    assert_eq!((&made["principalType"], &made["principalDisplayName"]), (&json!("User"), &json!("Ada Lovelace")));
    let listed = session.get(&format!("/users/{ada}/appRoleAssignments")).await.expect(200);
    assert_eq!(listed["value"][0]["id"], made["id"]);
    let graph = session.graph_principal().await;
    let for_apps = json!({"principalId": ada, "resourceId": graph, "appRoleId": super::PermissionId::from_u128(super::USER_READ_ALL).to_string()});
    let message = session
        .post(&format!("/servicePrincipals/{graph}/appRoleAssignedTo"), for_apps)
        .await
        .refused(400, "Request_BadRequest");
    assert_eq!(message, "Permission being assigned was not found on application");
}

/// What is long and shared between tenants is shown as it is: after a write, and with each way of asking.
#[test]
fn the_lists_of_an_api_are_those_of_the_object_however_they_are_asked_for() {
    let tenant = MemoryTenant::new();
    let graph = format!("/servicePrincipals(appId='{MICROSOFT_GRAPH}')");
    let get = |path: &str| -> Value {
        let (status, body) = tenant.send_json("GET", path, None);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    };
    let listed = |filter: &str| get(&format!("/servicePrincipals?$filter={filter}"))["value"][0].clone();
    let by_list = listed(&format!("appId eq '{MICROSOFT_GRAPH}'"));
    let lists = ["appRoles", "oauth2PermissionScopes", "resourceSpecificApplicationPermissions"];
    for name in lists {
        assert!(by_list[name].as_array().unwrap().len() > 10, "{name}");
        assert_eq!(get(&graph)[name], by_list[name], "{name}");
        let selected = get(&format!("{graph}?$select=id,{}", name.to_lowercase()));
        assert_eq!(selected[name], by_list[name], "{name}");
        assert_eq!(selected.as_object().unwrap().len(), 3, "{name}");
    }
    assert_eq!(get(&graph).as_object().unwrap().len(), by_list.as_object().unwrap().len() + 1);
    // Another tenant of another id has the same lists under its own id.
    let other = MemoryTenant::builder().seed(7).build();
    let (_, of_other) = other.send_json("GET", &graph, None);
    let of_other: Value = serde_json::from_str(&of_other).unwrap();
    assert_ne!(of_other["id"], by_list["id"]);
    assert_eq!(of_other["appRoles"], by_list["appRoles"]);
    // What somebody writes is what is shown, here and in no other tenant.
    let id = by_list["id"].as_str().unwrap();
    tenant.store_as_is(id, r#"{"appRoles": [], "notes": "changed"}"#);
    assert_eq!((get(&graph)["appRoles"].clone(), get(&graph)["notes"].clone()), (json!([]), json!("changed")));
    let (_, fresh) = MemoryTenant::new().send_json("GET", &graph, None);
    let fresh: Value = serde_json::from_str(&fresh).unwrap();
    assert_eq!((fresh["appRoles"].clone(), fresh["notes"].clone()), (by_list["appRoles"].clone(), json!(null)));
    let fewer = MemoryTenant::builder().without_permission(MICROSOFT_GRAPH, "User.Read.All").build();
    let (_, fewer) = fewer.send_json("GET", &graph, None);
    assert!(!fewer.contains(r#""User.Read.All""#) && fewer.contains(r#""User.ReadWrite.All""#));
}
