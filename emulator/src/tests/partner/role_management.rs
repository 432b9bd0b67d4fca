use super::*;

const ASSIGNMENTS: &str = "/roleManagement/directory/roleAssignments";
const DEFINITIONS: &str = "/roleManagement/directory/roleDefinitions";

#[tokio::test(start_paused = true)]
async fn a_customer_sees_its_own_administrators_and_the_groups_of_its_partner() {
    let cloud = Cloud::new();
    let ada = cloud.customer.add_user("Ada Lovelace", &[GLOBAL_ADMINISTRATOR]);
    let group = cloud.partner.add_group("Support", &[]);
    let roles = [DIRECTORY_READERS, APPLICATION_ADMINISTRATOR];
    let relationship = cloud.partner.add_relationship(&cloud.customer, "Support", &roles);
    cloud.partner.add_access_assignment(&relationship, group.id, &[APPLICATION_ADMINISTRATOR]);
    let caller = cloud.customer.add_caller(&["RoleManagement.Read.Directory"]);
    let session = Session::of(&cloud.customer, &caller).await;

    let all = session.get(ASSIGNMENTS).await.expect(200);
    let holders: Vec<_> = all["value"].as_array().unwrap().iter().map(|it| it["principalId"].clone()).collect();
    assert_eq!(holders.len(), 2);
    assert!(holders.contains(&json!(ada.id)) && holders.contains(&json!(group.id)), "{all}");
    let of_role =
        format!("{ASSIGNMENTS}?$filter=roleDefinitionId%20eq%20'{APPLICATION_ADMINISTRATOR}'&$expand=principal");
    let found = session.get(&of_role).await.expect(200);
    let [assignment] = found["value"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!(
        assignment["principal"],
        json!({
            "@odata.type": "#microsoft.graph.group", "id": group.id, "displayName": "Support",
            "organizationId": cloud.partner.id(), "securityEnabled": true
        })
    );
    assert_eq!((&assignment["directoryScopeId"], assignment.get("principalOrganizationId")), (&json!("/"), None));
    let of_ada = format!("{ASSIGNMENTS}?$filter=principalId%20eq%20'{}'&$expand=principal", ada.id);
    let found = session.get(&of_ada).await.expect(200);
    assert_eq!(found["value"][0]["principal"]["@odata.type"], "#microsoft.graph.user");
    let one = session.get(&format!("{ASSIGNMENTS}/{}", assignment["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(one["roleDefinitionId"], json!(APPLICATION_ADMINISTRATOR));
    let selected = session.get(&format!("{ASSIGNMENTS}?$select=principalId,principalOrganizationId")).await.expect(200);
    let organizations: Vec<_> =
        selected["value"].as_array().unwrap().iter().map(|it| it["principalOrganizationId"].clone()).collect();
    assert!(organizations.contains(&json!(cloud.partner.id())), "{selected}");

    // What the relationship loses, the tenant does not show.
    cloud.customer.terminate_relationship(&relationship);
    assert_eq!(session.get(&of_role).await.expect(200)["value"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn built_in_roles_are_found_by_name_and_by_id_and_nothing_is_changed() {
    let cloud = Cloud::new();
    let session = cloud.app(&["RoleManagement.Read.Directory"]).await;
    let named = session
        .get(&format!("{DEFINITIONS}?$filter=displayName%20eq%20'Application%20Administrator'"))
        .await
        .expect(200);
    assert_eq!(named["value"][0]["templateId"], json!(APPLICATION_ADMINISTRATOR));
    let one = session.get(&format!("{DEFINITIONS}/{GLOBAL_ADMINISTRATOR}")).await.expect(200);
    assert_eq!((&one["displayName"], &one["isBuiltIn"]), (&json!("Global Administrator"), &json!(true)));
    session.get(&format!("{DEFINITIONS}/{}", Uuid::from_u128(7))).await.refused(404, "Request_ResourceNotFound");
    session.post(ASSIGNMENTS, json!({})).await.expect(501);
    session.get("/roleManagement/exchange/roleAssignments").await.expect(501);
    cloud.app(&[READ]).await.get(DEFINITIONS).await.refused(403, "Authorization_RequestDenied");
}
