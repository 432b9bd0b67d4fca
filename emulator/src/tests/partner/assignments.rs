use super::*;
use crate::Group;

struct Assigned {
    cloud: Cloud,
    session: Session,
    group: Group,
    user: User,
    relationship: String,
}

/// An active relationship of two roles, and a group with one user in a group within.
async fn start() -> Assigned {
    let cloud = Cloud::new();
    let user = cloud.partner.add_user("Grace Hopper", &[]);
    let inner = cloud.partner.add_group("Team", &[user.id]);
    let group = cloud.partner.add_group("Support", &[inner.id]);
    let relationship =
        cloud.partner.add_relationship(&cloud.customer, "Support", &[DIRECTORY_READERS, APPLICATION_ADMINISTRATOR]);
    let session = cloud.writer().await;
    Assigned { cloud, session, group, user, relationship }
}

impl Assigned {
    fn path(&self) -> String {
        format!("{RELATIONSHIPS}/{}/accessAssignments", self.relationship)
    }

    fn body(&self, roles: &[Uuid]) -> Value {
        json!({
            "accessContainer": {"accessContainerId": self.group.id, "accessContainerType": "securityGroup"},
            "accessDetails": requested("", roles)["accessDetails"]
        })
    }

    /// The roles that the user has in the customer's tenant.
    fn roles(&self) -> Vec<String> {
        let mut state = self.cloud.partner.state();
        let clock = self.cloud.partner.clock();
        state.cloud.advance_time(clock.monotonic(), clock.now());
        let index = |tenant: &MemoryTenant| state.cloud.find_tenant(&tenant.id().to_string()).unwrap();
        let (customer, home) = (index(&self.cloud.customer), index(&self.cloud.partner));
        assert!(state.cloud.guest_roles(index(&self.cloud.other), home, &self.user.id.to_string()).is_empty());
        state.cloud.guest_roles(customer, home, &self.user.id.to_string())
    }

    async fn assign(&self, roles: &[Uuid]) -> String {
        let created = self.session.post(&self.path(), self.body(roles)).await.expect(201);
        format!("{}/{}", self.path(), created["id"].as_str().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_gets_its_roles_a_moment_after_the_assignment() {
    let it = start().await;
    let response = it.session.post(&it.path(), it.body(&[DIRECTORY_READERS])).await;
    let location = response.headers["location"].to_str().unwrap().to_owned();
    let created = response.expect(201);
    assert_eq!(
        created["@odata.context"],
        "https://graph.microsoft.com/v1.0/tenantRelationships/$metadata#accessAssignments"
    );
    assert_eq!(
        (&created["status"], &created["accessContainer"]),
        (&json!("pending"), &it.body(&[])["accessContainer"])
    );
    assert_eq!(it.roles(), [""; 0], "pending is not yet");
    pass(2).await;
    assert_eq!(it.session.status(location.strip_prefix("https://graph.microsoft.com/v1.0").unwrap()).await, "active");
    assert_eq!(it.roles(), [DIRECTORY_READERS.to_string()]);
}

#[tokio::test(start_paused = true)]
async fn assignments_that_break_a_rule_are_refused() {
    let it = start().await;
    let all = [DIRECTORY_READERS, APPLICATION_ADMINISTRATOR];
    let mut unknown = it.body(&all);
    unknown["accessContainer"]["accessContainerId"] = it.user.id.to_string().into();
    let mut kind = it.body(&all);
    kind["accessContainer"]["accessContainerType"] = "user".into();
    let mut status = it.body(&all);
    status["status"] = "active".into();
    let message = it.session.post(&it.path(), unknown.clone()).await.refused(400, "badRequest");
    assert!(message.starts_with("The access container does not exist"), "{message}");
    for body in [unknown, kind, status, it.body(&[]), it.body(&[GLOBAL_ADMINISTRATOR]), json!({})] {
        let response = it.session.post(&it.path(), body.clone()).await;
        assert_eq!((response.status, &response.body["error"]["code"]), (400, &json!("badRequest")), "{body}");
    }
    it.session.post(&it.path(), it.body(&all)).await.expect(201);
    it.session.post(&it.path(), it.body(&all)).await.refused(409, "conflict");
    it.cloud.customer.terminate_relationship(&it.relationship);
    it.session.post(&it.path(), it.body(&all)).await.refused(400, "badRequest");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_group_is_not_known_until_it_is_replicated() {
    let it = start().await;
    it.cloud.partner.set_lag(crate::Lag::none().references(Duration::from_secs(30)));
    let group = json!({"displayName": "New", "mailNickname": "new", "mailEnabled": false, "securityEnabled": true});
    let (_, group) = it.cloud.partner.send_json("POST", "/groups", Some(&group.to_string()));
    let mut body = it.body(&[DIRECTORY_READERS]);
    body["accessContainer"]["accessContainerId"] = serde_json::from_str::<Value>(&group).unwrap()["id"].clone();
    it.session.post(&it.path(), body.clone()).await.refused(400, "badRequest");
    pass(30).await;
    it.session.post(&it.path(), body).await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_roles_is_an_operation_to_wait_for() {
    let it = start().await;
    let path = it.assign(&[DIRECTORY_READERS]).await;
    let wanted = json!({"accessDetails": requested("", &[APPLICATION_ADMINISTRATOR])["accessDetails"]});
    it.session.matched("PATCH", &path, Some(wanted.clone())).await.refused(400, "badRequest");
    pass(2).await;
    it.session.patch(&path, wanted.clone()).await.refused(428, "preconditionRequired");
    it.session.if_match("PATCH", &path, "W/\"x\"", Some(wanted.clone())).await.refused(412, "preconditionFailed");
    let beyond = json!({"accessDetails": requested("", &[GLOBAL_ADMINISTRATOR])["accessDetails"]});
    it.session.matched("PATCH", &path, Some(beyond)).await.refused(400, "badRequest");
    let moved = json!({"accessContainer": {"accessContainerId": it.user.id}});
    it.session.matched("PATCH", &path, Some(moved)).await.refused(400, "badRequest");

    let response = it.session.matched("PATCH", &path, Some(wanted.clone())).await;
    assert_eq!(response.headers["retry-after"], "10");
    let operation = response.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(response.expect(202), json!({}));
    let operation = operation.strip_prefix("https://graph.microsoft.com/v1.0").unwrap();
    it.session.matched("PATCH", &path, Some(wanted.clone())).await.refused(400, "badRequest");
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push((it.session.status(operation).await, it.roles()));
        pass(2).await;
    }
    let roles = |role: Uuid| vec![role.to_string()];
    assert_eq!(
        statuses,
        [
            ("notStarted".to_owned(), roles(DIRECTORY_READERS)),
            ("running".to_owned(), roles(DIRECTORY_READERS)),
            ("succeeded".to_owned(), roles(APPLICATION_ADMINISTRATOR)),
        ]
    );
    let shown = it.session.get(operation).await.expect(200);
    assert_eq!(shown["operationType"], "delegatedAdminAccessAssignmentUpdate");
    let data: Value = serde_json::from_str(shown["data"].as_str().unwrap()).unwrap();
    assert_eq!(data["accessDetails"], wanted["accessDetails"]);
    // A change to the current value succeeds at once.
    let same = it.session.matched("PATCH", &path, Some(wanted)).await.expect(200);
    assert_eq!(same["id"], path.rsplit('/').next().unwrap());
    let operations = format!("{RELATIONSHIPS}/{}/operations", it.relationship);
    assert_eq!(it.session.get(&operations).await.expect(200)["value"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_assignment_grants_no_role_from_the_start_of_its_deletion() {
    let it = start().await;
    let path = it.assign(&[DIRECTORY_READERS]).await;
    pass(2).await;
    it.session.send("DELETE", &path, None).await.refused(428, "preconditionRequired");
    it.session.if_match("DELETE", &path, "W/\"x\"", None).await.refused(412, "preconditionFailed");
    assert_eq!(it.session.matched("DELETE", &path, None).await.status, 204);
    assert_eq!((it.session.status(&path).await.as_str(), it.roles()), ("deleting", Vec::<String>::new()));
    it.session.matched("DELETE", &path, None).await.refused(400, "badRequest");
    // The group can be assigned anew at once.
    it.assign(&[APPLICATION_ADMINISTRATOR]).await;
    pass(2).await;
    assert_eq!(it.session.status(&path).await, "deleted");
    assert_eq!(it.roles(), [APPLICATION_ADMINISTRATOR.to_string()]);
}

#[tokio::test(start_paused = true)]
async fn roles_end_with_the_membership_the_group_and_the_relationship() {
    let it = start().await;
    let own = it.cloud.partner.add_group("Mine", &[it.user.id]);
    it.cloud.partner.add_access_assignment(&it.relationship, it.group.id, &[DIRECTORY_READERS]);
    it.cloud.partner.add_access_assignment(&it.relationship, own.id, &[APPLICATION_ADMINISTRATOR, DIRECTORY_READERS]);
    assert_eq!(it.roles(), [DIRECTORY_READERS.to_string(), APPLICATION_ADMINISTRATOR.to_string()], "each once");
    let (status, _) =
        it.cloud.partner.send_json("DELETE", &format!("/groups/{}/members/{}/$ref", own.id, it.user.id), None);
    assert_eq!((status.as_u16(), it.roles()), (204, vec![DIRECTORY_READERS.to_string()]));
    it.cloud.partner.send_json("DELETE", &format!("/groups/{}", it.group.id), None);
    assert_eq!(it.roles(), [""; 0]);
    it.cloud.partner.add_access_assignment(&it.relationship, it.cloud.partner.groups()[3].id, &[DIRECTORY_READERS]);
    assert_eq!(it.roles(), [DIRECTORY_READERS.to_string()]);
    it.cloud.customer.terminate_relationship(&it.relationship);
    assert_eq!(it.roles(), [""; 0]);
}
