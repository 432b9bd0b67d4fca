use super::*;

/// The fresh error of an apply that may not go on.
async fn refused(partner: &Partner, plan: &GdapPlan, approved: &[GdapApproval]) -> entra_apps::Error {
    partner.tenant().clear_requests();
    let error = partner.client().partner().apply(plan).approve(approved.to_vec()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NeedsApproval, ErrorCode::GdapNeedsApproval));
    assert_eq!(counts(partner.tenant()).1, 0, "nothing is written before");
    error
}

#[tokio::test(start_paused = true)]
async fn each_privileged_role_and_each_member_needs_an_approval_that_names_it() {
    let partner = Partner::new(2);
    let plan = partner.plan(&document()).await;
    let [role, privileged, member, other] = plan.needs_approval() else { panic!("{:?}", plan.needs_approval()) };
    let customers = format!("at {}, {}", plan.customers[0].customer.tenant_id, plan.customers[1].customer.tenant_id);
    for (item, said) in [
        (role, "Application Administrator for the group “Application Administrators” (to be made), members: nobody"),
        (privileged, "Privileged Role Administrator for the group “Privileged Role Administrators”"),
        (member, "Admin Agent (admin.agent@partner.onmicrosoft.com) as a member of the group “Application"),
        (other, "that is Privileged Role Administrator at"),
    ] {
        let text = item.to_string();
        assert!(text.contains(said) && text.ends_with(&customers), "{text}");
    }
    // Without any one of them nothing is done.
    for left_out in 0..4 {
        let mut approved = plan.needs_approval().to_vec();
        let item = approved.remove(left_out);
        let error = refused(&partner, &plan, &approved).await;
        assert!(error.message().contains(&item.to_string()), "{error}");
    }
    // Saved, and read by somebody else.
    let saved = serde_json::to_string(plan.needs_approval()).unwrap();
    let approved: Vec<GdapApproval> = serde_json::from_str(&saved).unwrap();
    assert_eq!(approved, plan.needs_approval());
    let applied = partner.client().partner().apply(&plan).approve(approved).await.unwrap();
    assert!(applied.failed.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_not_privileged_needs_none() {
    let partner = Partner::new(1);
    let group = SecurityGroup::unique_name("readers", "Readers").role(DirectoryRole::GLOBAL_READER);
    let group = if DirectoryRole::GLOBAL_READER.is_privileged() {
        SecurityGroup::unique_name("readers", "Readers").role(DirectoryRole::DIRECTORY_READERS)
    } else {
        group
    };
    let plan = partner.plan(&GdapConfiguration::new().group(group)).await;
    assert!(plan.needs_approval().is_empty());
    assert_eq!(partner.client().partner().apply(&plan).await.unwrap().done.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_approval_covers_no_customer_who_came_later() {
    let partner = Partner::new(6);
    let yesterday = partner.plan(&document()).await;
    let approved = yesterday.needs_approval().to_vec();
    let sixth = &partner.cloud.tenants()[6];
    partner.tenant().add_relationship(sixth, "New", &ids(&[APPLICATIONS, PRIVILEGED]));
    let today = partner.plan(&document()).await;
    assert!(refused(&partner, &today, &approved).await.message().contains(&partner.customer(6).to_string()));
    // Yesterday's plan does what it showed, and leaves the new relationship alone.
    let applied = partner.client().partner().apply(&yesterday).approve(approved).await.unwrap();
    let failed: Vec<_> = applied.failed.iter().map(|it| (it.step.id.customer, it.error.code())).collect();
    assert_eq!(failed, [(Some(partner.customer(6)), ErrorCode::PlanOutdated); 2]);
    assert!(partner.assignments()["New"].is_empty());
    assert_eq!(partner.roles_of("Application Administrators").len(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_approval_covers_no_member_owner_or_rule_that_came_later() {
    type Change = fn(&Partner, DirectoryObjectId, DirectoryObjectId);
    let add_owner: Change = |partner, group, person| {
        let link = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{person}")});
        partner.send("POST", &format!("/groups/{group}/owners/$ref"), &link);
    };
    let make_dynamic: Change = |partner, group, _| {
        let rule = r#"{"groupTypes": ["DynamicMembership"], "membershipRule": "user.department -eq \"IT\""}"#;
        partner.tenant().store_as_is(group, rule);
    };
    let add_nested: Change = |partner, group, person| {
        let nested = partner.tenant().add_group("Nested", &[person]);
        partner.add_member(group, nested.id);
    };
    let cases: [(&str, Change); 4] = [
        ("Mallory", |partner, group, person| partner.add_member(group, person)),
        ("Mallory", add_nested),
        ("owners: Mallory", add_owner),
        ("rule: user.department", make_dynamic),
    ];
    for (said, change) in cases {
        let partner = Partner::new(2);
        let group = partner.tenant().add_group("Administrators", &[]);
        let mallory = partner.tenant().add_user("Mallory", &[]);
        let configuration = GdapConfiguration::new().group(SecurityGroup::id(group.id).role(APPLICATIONS));
        let plan = partner.plan(&configuration).await;
        change(&partner, group.id, mallory.id);
        let error = refused(&partner, &plan, plan.needs_approval()).await;
        assert!(error.message().contains(said), "{said}: {error}");
        // A plan that shows it can be approved.
        let plan = partner.plan(&configuration).await;
        assert!(plan.to_string().contains(said), "{plan}");
        let applied = partner.client().partner().apply(&plan).approve(plan.needs_approval().to_vec()).await.unwrap();
        assert_eq!((applied.done.len(), applied.failed.len()), (2, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn the_approval_of_a_member_covers_no_role_that_the_group_got_later() {
    let partner = Partner::new(4);
    let inner = partner.tenant().add_group("Inner", &[]);
    let outer = partner.tenant().add_group("Outer", &[inner.id]);
    let configuration = GdapConfiguration::new()
        .group(SecurityGroup::id(inner.id).role(DirectoryRole::DIRECTORY_READERS))
        .member(AGENT)
        .change_memberships();
    // For one customer, all that the group can do anywhere is named.
    let plan = |partner: &Partner| {
        let client = partner.client();
        let configuration = configuration.clone();
        let customer = partner.customer(2);
        async move { client.partner().plan(&configuration).of([customer]).await.unwrap() }
    };
    let first = plan(&partner).await;
    let [GdapApproval::Member { access, through, .. }] = first.needs_approval() else {
        panic!("{:?}", first.needs_approval())
    };
    assert_eq!((access.len(), through[0].to_string().as_str()), (1, "Outer"));
    // Through the outer group, and in another customer's tenant.
    let relationship = partner.tenant().delegated_admin_relationships().into_iter().nth(3).unwrap();
    partner.tenant().add_access_assignment(&relationship.id, outer.id, &ids(&[CLOUD]));
    let error = refused(&partner, &first, first.needs_approval()).await;
    let said = format!("Cloud Application Administrator at {}", partner.customer(4));
    assert!(error.message().contains(&said), "{error}");
    // Or the group is in another one since, whose members can do more than roles say.
    let second = plan(&partner).await;
    partner.add_member(partner.group("AdminAgents").id, outer.id);
    let error = refused(&partner, &second, second.needs_approval()).await;
    assert!(error.message().contains("which is in") && error.message().contains("AdminAgents"), "{error}");
    let second = plan(&partner).await;
    let applied = partner.client().partner().apply(&second).approve(second.needs_approval().to_vec()).await.unwrap();
    assert!(applied.failed.is_empty() && partner.group("Inner").members.len() == 1);
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_for_one_tenant_and_for_the_groups_that_it_saw() {
    let (partner, other) = (Partner::new(1), Partner::new(1));
    let stranger = other.cloud.client(&other.cloud.tenants()[1]);
    let plan = partner.plan(&document()).await;
    let approved = plan.needs_approval().to_vec();
    let error = stranger.partner().apply(&plan).approve(approved.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Stale, ErrorCode::PlanForAnotherTarget));
    // Somebody makes a group of the display name since.
    partner.tenant().add_group("Application Administrators", &[]);
    partner.tenant().clear_requests();
    let error = partner.client().partner().apply(&plan).approve(approved).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::SameGroupName);
    assert_eq!(counts(partner.tenant()).1, 0);
    // Or who was a member is none any more: that is not what the plan shows.
    let agent = partner.cloud.admin_agent().unwrap().id;
    let team = partner.group("Field Team").id;
    let configuration = GdapConfiguration::new()
        .group(SecurityGroup::id(team).role(DirectoryRole::DIRECTORY_READERS))
        .member(AGENT)
        .change_memberships();
    let plan = partner.plan(&configuration).await;
    partner.tenant().send_json("DELETE", &format!("/groups/{team}/members/{agent}/$ref"), None);
    let error = partner.client().partner().apply(&plan).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Stale, ErrorCode::PlanOutdated));
}
