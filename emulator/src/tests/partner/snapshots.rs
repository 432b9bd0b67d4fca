use super::*;
use crate::Snapshot;

async fn everything(tenant: &MemoryTenant) -> Vec<Value> {
    let session = Session::of(tenant, &tenant.add_caller(&[WRITE, "Directory.Read.All"])).await;
    let mut responses = Vec::new();
    for path in [RELATIONSHIPS, "/tenantRelationships/delegatedAdminCustomers", "/contracts", "/groups"] {
        responses.push(session.get(path).await.expect(200));
    }
    for relationship in tenant.delegated_admin_relationships() {
        for part in ["accessAssignments", "requests", "operations"] {
            responses.push(session.get(&format!("{RELATIONSHIPS}/{}/{part}", relationship.id)).await.expect(200));
        }
    }
    responses
}

#[tokio::test(start_paused = true)]
async fn a_restored_partner_responds_and_continues_like_the_original() {
    let cloud = MemoryCloud::partner(builder(), [builder().domain("customer.onmicrosoft.com")]);
    let partner = &cloud.tenants()[0];
    let session = Session::of(partner, &partner.add_caller(&[WRITE])).await;
    let created = session.post(RELATIONSHIPS, requested("Second", &[DIRECTORY_READERS])).await.expect(201);
    session.post(&(path_of(&created) + "/requests"), json!({"action": "lockForApproval"})).await.expect(201);
    let assignments = format!("{RELATIONSHIPS}/{}/accessAssignments", partner.delegated_admin_relationships()[0].id);
    let assignment = session.get(&assignments).await.expect(200)["value"][0]["id"].as_str().unwrap().to_owned();
    let wanted = json!({"accessDetails": requested("", &[DIRECTORY_READERS])["accessDetails"]});
    session.matched("PATCH", &format!("{assignments}/{assignment}"), Some(wanted)).await.expect(202);
    pass(10).await;

    let json = partner.snapshot().to_json();
    let copy = builder().partner().snapshot(Snapshot::from_json(&json).unwrap()).build();
    assert_eq!(copy.snapshot().to_json(), json);
    assert_eq!(everything(&copy).await, everything(partner).await);
    let ends = |tenant: &MemoryTenant| {
        let all = tenant.delegated_admin_relationships();
        all.into_iter().map(|relationship| relationship.status).collect::<Vec<_>>()
    };
    assert_eq!(ends(&copy), ["active", "approvalPending"]);
    // The clock of the copy began later.
    pass(90 * 86_400 + 20).await;
    assert_eq!(ends(&copy), ["active", "expired"]);
    pass(731 * 86_400).await;
    assert_eq!(ends(&copy), ["expired", "expired"]);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_has_all_scheduled_changes_applied() {
    let cloud = Cloud::new();
    let session = cloud.writer().await;
    let created = session.post(RELATIONSHIPS, requested("Support", &[DIRECTORY_READERS])).await.expect(201);
    session.post(&(path_of(&created) + "/requests"), json!({"action": "lockForApproval"})).await.expect(201);
    let snapshot = cloud.partner.snapshot();
    session.post(RELATIONSHIPS, requested("Later", &[DIRECTORY_READERS])).await.expect(201);
    cloud.partner.restore(&snapshot).unwrap();
    let left = cloud.partner.delegated_admin_relationships();
    assert_eq!((left.len(), left[0].status.as_str()), (1, "approvalPending"));
    cloud.customer.approve_relationship(&left[0].id);
}

#[tokio::test(start_paused = true)]
async fn a_minimal_snapshot_is_enough() {
    let customer = Uuid::from_u128(9);
    let group = Uuid::from_u128(8);
    let roles = requested("", &[DIRECTORY_READERS])["accessDetails"].clone();
    let json = json!({
        "groups": [{"id": group, "displayName": "AdminAgents"}],
        "delegatedAdminRelationships": [{
            "displayName": "Support", "customer": {"tenantId": customer}, "accessDetails": roles,
            "accessAssignments": [{"accessContainer": {"accessContainerId": group}}]
        }],
        "contracts": [{"customerId": customer, "displayName": "Fabrikam"}]
    });
    let tenant = builder().partner().snapshot(Snapshot::from_json(&json.to_string()).unwrap()).build();
    let relationship = tenant.delegated_admin_relationships().remove(0);
    assert_eq!((relationship.status.as_str(), relationship.customer), ("active", Some(customer.into())));
    let session = Session::of(&tenant, &tenant.add_caller(&[READ])).await;
    let path = format!("{RELATIONSHIPS}/{}", relationship.id);
    let assignment = session.get(&format!("{path}/accessAssignments")).await.expect(200)["value"][0].clone();
    assert_eq!((&assignment["status"], &assignment["accessDetails"]), (&json!("active"), &roles));
    assert_eq!(tenant.groups().len(), 3, "the group of admin agents is not made twice");
    pass(730 * 86_400).await;
    assert_eq!(tenant.delegated_admin_relationships()[0].status, "expiring");
}

#[test]
fn what_is_wrong_in_a_file_is_said_with_its_place() {
    let roles = requested("", &[DIRECTORY_READERS])["accessDetails"].clone();
    let pointer = |document: Value| {
        let error = Snapshot::from_json(&document.to_string()).unwrap_err();
        error.pointer().to_owned()
    };
    let relationship = |name: &str, value: Value| {
        let mut relationship = json!({"displayName": "Support", "accessDetails": roles});
        relationship[name] = value;
        pointer(json!({"delegatedAdminRelationships": [relationship]}))
    };
    let at = |path: &str| format!("/delegatedAdminRelationships/0{path}");
    assert_eq!(relationship("colour", json!("red")), at("/colour"));
    assert_eq!(relationship("id", json!("x")), at("/id"));
    assert_eq!(relationship("duration", json!("P9Y")), at(""));
    assert_eq!(relationship("status", json!("great")), at("/status"));
    let beyond = json!([{"accessDetails": requested("", &[GLOBAL_ADMINISTRATOR])["accessDetails"]}]);
    assert_eq!(relationship("accessAssignments", beyond), at("/accessAssignments/0"));
    assert_eq!(pointer(json!({"contracts": [{"displayName": "x"}]})), "/contracts/0/customerId");
}
