use super::*;

const UPSERT: [(&str, &str); 1] = [("Prefer", "create-if-missing")];

fn group(name: &str) -> Value {
    json!({"displayName": name, "mailEnabled": false, "mailNickname": "support", "securityEnabled": true})
}

#[tokio::test(start_paused = true)]
async fn a_group_is_made_by_its_unique_name_once_and_changed_after_that() {
    let cloud = Cloud::new();
    let session = cloud.app(&["Group.ReadWrite.All"]).await;
    let path = "/groups(uniqueName='support')";
    session.patch(path, group("Support")).await.refused(404, "Request_ResourceNotFound");
    let lacking = json!({"displayName": "Support"});
    session.try_send("PATCH", path, &UPSERT, Some(lacking)).await.unwrap().refused(400, "Request_BadRequest");
    let created = session.try_send("PATCH", path, &UPSERT, Some(group("Support"))).await.unwrap().expect(201);
    assert_eq!((&created["uniqueName"], &created["displayName"]), (&json!("support"), &json!("Support")));
    let again = session.try_send("PATCH", path, &UPSERT, Some(group("Other"))).await.unwrap();
    assert_eq!(again.status, 204);
    let found = session.get(path).await.expect(200);
    assert_eq!((&found["id"], &found["displayName"]), (&created["id"], &json!("Other")));

    let by_id = format!("/groups/{}", created["id"].as_str().unwrap());
    session.patch(&by_id, json!({"uniqueName": "another"})).await.refused(400, "Request_BadRequest");
    let mut taken = group("Third");
    taken["uniqueName"] = "support".into();
    session.post("/groups", taken).await.refused(400, "Request_BadRequest");
    // One that has none can be given one.
    let second = session.post("/groups", group("Second")).await.expect(201);
    let second = format!("/groups/{}", second["id"].as_str().unwrap());
    session.patch(&second, json!({"uniqueName": "support"})).await.refused(400, "Request_BadRequest");
    assert_eq!(session.patch(&second, json!({"uniqueName": "second"})).await.status, 204);
    assert_eq!(session.get("/groups(uniqueName='second')").await.expect(200)["displayName"], "Second");
}

#[tokio::test(start_paused = true)]
async fn a_person_sees_the_groups_that_they_are_in_through_others() {
    let cloud = Cloud::new();
    let ada = cloud.partner.add_user("Ada Lovelace", &[]);
    let inner = cloud.partner.add_group("Team", &[]);
    let outer = cloud.partner.add_group("Support", &[inner.id]);
    let stranger = cloud.partner.add_group("Others", &[]);
    let member = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{}", ada.id)});
    let writer = cloud.app(&["GroupMember.ReadWrite.All"]).await;
    assert_eq!(writer.post(&format!("/groups/{}/members/$ref", inner.id), member.clone()).await.status, 204);
    let message =
        writer.post(&format!("/groups/{}/members/$ref", inner.id), member).await.refused(400, "Request_BadRequest");
    assert!(message.contains("already exist"), "{message}");

    let session = cloud.user(&ada, &["User.Read", "GroupMember.Read.All"]);
    let asked = json!({"groupIds": [inner.id, outer.id, stranger.id]});
    let mut found = session.post("/me/checkMemberGroups", asked).await.expect(200)["value"].clone();
    found.as_array_mut().unwrap().sort_by_key(Value::to_string);
    let mut expected = vec![json!(inner.id), json!(outer.id)];
    expected.sort_by_key(Value::to_string);
    assert_eq!(found, json!(expected));
    let groups = session.get("/me/transitiveMemberOf/microsoft.graph.group?$select=id,displayName").await.expect(200);
    let names: Vec<_> = groups["value"].as_array().unwrap().iter().map(|it| it["displayName"].clone()).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&json!("Team")) && names.contains(&json!("Support")), "{groups}");
    let more: Vec<Uuid> = (0..21).map(Uuid::from_u128).collect();
    session.post("/me/checkMemberGroups", json!({"groupIds": more})).await.refused(400, "Request_BadRequest");
}

#[tokio::test(start_paused = true)]
async fn a_membership_that_is_only_eligible_is_none_and_is_told_to_whom_it_concerns() {
    const LIST: &str =
        "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances/filterByCurrentUser(on='principal')";
    let cloud = Cloud::new();
    let (ada, grace) = (cloud.partner.add_user("Ada Lovelace", &[]), cloud.partner.add_user("Grace Hopper", &[]));
    let (team, gone) = (cloud.partner.add_group("Team", &[]), cloud.partner.add_group("Gone", &[]));
    for group in [&team, &gone] {
        cloud.partner.add_eligible_member(group.id, ada.id);
    }
    assert_eq!(cloud.partner.send_json("DELETE", &format!("/groups/{}", gone.id), None).0, 204);
    let reads = ["User.Read", "PrivilegedEligibilitySchedule.Read.AzureADGroup"];
    let session = cloud.user(&ada, &reads);
    assert_eq!(session.get("/me/transitiveMemberOf/microsoft.graph.group").await.expect(200)["value"], json!([]));
    let found = session.get(LIST).await.expect(200);
    let [one] = found["value"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!(
        (&one["groupId"], &one["principalId"], &one["accessId"], &one["endDateTime"]),
        (&json!(team.id), &json!(ada.id), &json!("member"), &Value::Null)
    );
    let selected = session.get(&format!("{LIST}?$select=groupId&$filter=accessId%20eq%20'owner'")).await.expect(200);
    assert_eq!(selected["value"], json!([]));
    assert_eq!(cloud.user(&grace, &reads).get(LIST).await.expect(200)["value"], json!([]));
    cloud.user(&ada, &["User.Read"]).get(LIST).await.refused(403, "Authorization_RequestDenied");
    cloud.app(&["Directory.Read.All"]).await.get(LIST).await.refused(403, "Authorization_RequestDenied");
    session.send("DELETE", LIST, None).await.refused(405, "Request_BadRequest");
    session.get("/identityGovernance/privilegedAccess/group/assignmentSchedules").await.refused(501, "NotImplemented");

    // A snapshot keeps it.
    let json = cloud.partner.snapshot().to_json();
    let copy = builder().partner().snapshot(crate::Snapshot::from_json(&json).unwrap()).build();
    assert_eq!(copy.snapshot().to_json(), json);
    assert!(json.contains("eligibleMembers"));
}

#[tokio::test(start_paused = true)]
async fn the_members_of_groups_in_a_group_are_its_own_too() {
    let cloud = Cloud::new();
    let (ada, grace) = (cloud.partner.add_user("Ada Lovelace", &[]), cloud.partner.add_user("Grace Hopper", &[]));
    let inner = cloud.partner.add_group("Inner", &[ada.id]);
    let outer = cloud.partner.add_group("Outer", &[inner.id, grace.id]);
    // A circle ends.
    cloud.partner.send_json(
        "POST",
        &format!("/groups/{}/members/$ref", inner.id),
        Some(&json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/groups/{}", outer.id)}).to_string()),
    );
    let session = cloud.app(&["GroupMember.Read.All"]).await;
    let names = |body: &Value| -> Vec<String> {
        body["value"].as_array().unwrap().iter().map(|it| it["displayName"].as_str().unwrap().to_owned()).collect()
    };
    let path = format!("/groups/{}/transitiveMembers", outer.id);
    let mut all = names(&session.get(&path).await.expect(200));
    all.sort();
    assert_eq!(all, ["Ada Lovelace", "Grace Hopper", "Inner", "Outer"]);
    let users = names(&session.get(&format!("{path}/microsoft.graph.user?$select=displayName")).await.expect(200));
    assert_eq!(users.len(), 2);
    session.post(&path, json!({})).await.expect(405);
}

#[tokio::test(start_paused = true)]
async fn members_are_changed_where_the_group_has_them_by_hand() {
    let cloud = Cloud::new();
    let ada = cloud.partner.add_user("Ada Lovelace", &[]);
    let member = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{}", ada.id)});
    let session = cloud.app(&["Group.ReadWrite.All"]).await;
    for (properties, status) in [
        (r#"{"groupTypes": ["DynamicMembership"], "membershipRule": "user.country -eq \"DE\""}"#, 400),
        (r#"{"mailEnabled": true}"#, 400),
        (r#"{"isAssignableToRole": true}"#, 403),
        (r#"{"mailEnabled": true, "groupTypes": ["Unified"]}"#, 204),
    ] {
        let group = cloud.partner.add_group("Group", &[]);
        cloud.partner.store_as_is(group.id, properties);
        let path = format!("/groups/{}/members/$ref", group.id);
        assert_eq!(session.post(&path, member.clone()).await.status, status, "{properties}");
    }
    let group = cloud.partner.add_group("Assignable", &[]);
    cloud.partner.store_as_is(group.id, r#"{"isAssignableToRole": true}"#);
    let roles = cloud.app(&["Group.ReadWrite.All", "RoleManagement.ReadWrite.Directory"]).await;
    assert_eq!(roles.post(&format!("/groups/{}/members/$ref", group.id), member).await.status, 204);
}
