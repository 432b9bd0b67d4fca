use super::*;

#[tokio::test(start_paused = true)]
async fn apps_need_the_permission_for_what_they_do() {
    let cloud = Cloud::new();
    let reader = cloud.app(&[READ]).await;
    reader.get(RELATIONSHIPS).await.expect(200);
    reader.get("/tenantRelationships/delegatedAdminCustomers").await.expect(200);
    reader.post(RELATIONSHIPS, requested("x", &[DIRECTORY_READERS])).await.refused(403, "Authorization_RequestDenied");
    reader.get("/contracts").await.refused(403, "Authorization_RequestDenied");
    let stranger = cloud.app(&["Directory.Read.All"]).await;
    stranger.get(RELATIONSHIPS).await.refused(403, "Authorization_RequestDenied");
    stranger.get("/contracts").await.expect(200);
    cloud.writer().await.post(RELATIONSHIPS, requested("x", &[DIRECTORY_READERS])).await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn without_microsofts_app_in_the_tenant_no_app_administers_customers() {
    let cloud = Cloud::new();
    let app = cloud.writer().await;
    let path = "/servicePrincipals(appId='2832473f-ec63-45fb-976f-5d45a7d4bb91')";
    assert_eq!(cloud.partner.send_json("DELETE", path, None).0, 204);
    app.get(RELATIONSHIPS).await.refused(403, "forbidden");
    let agent = cloud.partner.add_user("Ada", &[]);
    cloud.user(&agent, &[READ]).get(RELATIONSHIPS).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_not_a_partners_has_no_relationships_and_no_contracts() {
    let tenant = builder().build();
    let session = Session::of(&tenant, &tenant.add_caller(&[WRITE, "Directory.Read.All"])).await;
    session.get(RELATIONSHIPS).await.refused(403, "forbidden");
    session.post(RELATIONSHIPS, requested("x", &[DIRECTORY_READERS])).await.refused(403, "forbidden");
    assert_eq!(session.get("/contracts").await.expect(200)["value"], json!([]));
    assert!(tenant.groups().is_empty() && tenant.delegated_admin_relationships().is_empty());
}

#[tokio::test(start_paused = true)]
async fn users_change_relationships_as_admin_agents_or_global_administrators() {
    let cloud = Cloud::new();
    let groups = cloud.partner.groups();
    assert_eq!(
        groups.iter().map(|group| group.display_name.as_str()).collect::<Vec<_>>(),
        ["AdminAgents", "HelpdeskAgents", "SalesAgents"]
    );
    let member = cloud.partner.add_user("Some Member", &[]);
    let agent = cloud.partner.add_user("Some Agent", &[]);
    let global = cloud.partner.add_user("Some Global", &[GLOBAL_ADMINISTRATOR]);
    let team = cloud.partner.add_group("Team", &[agent.id]);
    let body =
        json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{}", team.id)}).to_string();
    cloud.partner.send_json("POST", &format!("/groups/{}/members/$ref", groups[0].id), Some(&body));
    let create = |user: &User, name: &'static str| {
        let session = cloud.user(user, &[WRITE]);
        async move { session.post(RELATIONSHIPS, requested(name, &[DIRECTORY_READERS])).await }
    };
    create(&member, "Member's").await.refused(403, "forbidden");
    create(&agent, "Agent's").await.expect(201);
    create(&global, "Global's").await.expect(201);
    cloud.user(&member, &[READ]).get(RELATIONSHIPS).await.expect(200);
    let session = cloud.user(&agent, &[READ]);
    session.post(RELATIONSHIPS, requested("x", &[DIRECTORY_READERS])).await.refused(403, "Authorization_RequestDenied");
    cloud
        .user(&agent, &["Directory.AccessAsUser.All"])
        .get(RELATIONSHIPS)
        .await
        .refused(403, "Authorization_RequestDenied");
}

#[tokio::test(start_paused = true)]
async fn batches_and_the_cloud_reach_the_partner_as_well() {
    let cloud = Cloud::new();
    let session = cloud.writer().await;
    let created = session.post(RELATIONSHIPS, requested("Support", &[DIRECTORY_READERS])).await.expect(201);
    let headers = json!({"Content-Type": "application/json", "If-Match": created["@odata.etag"]});
    let body = json!({"requests": [
        {"id": "1", "method": "PATCH", "url": path_of(&created), "headers": headers, "body": {"duration": "P1D"}},
        {"id": "2", "method": "PATCH", "url": path_of(&created), "headers": {"Content-Type": "application/json"},
         "body": {"duration": "P2D"}, "dependsOn": ["1"]},
    ]});
    let request = Request::post("https://graph.microsoft.com/v1.0/$batch")
        .header("authorization", format!("Bearer {}", session.token))
        .header("content-type", "application/json")
        .body(body.to_string().into());
    let response = Answered::of(cloud.all.send(request.unwrap()).await.unwrap()).expect(200);
    let statuses: Vec<_> =
        response["responses"].as_array().unwrap().iter().map(|item| item["status"].clone()).collect();
    assert_eq!(statuses, [428, 200]);
}
