use super::*;

#[tokio::test(start_paused = true)]
async fn the_preset_of_a_partner_is_complete() {
    let cloud = MemoryCloud::partner_with_customers(3);
    let (partner, customers) = cloud.tenants().split_first().unwrap();
    let domains: Vec<_> = cloud.tenants().iter().map(MemoryTenant::domain).collect();
    assert_eq!(
        domains,
        [
            "partner.onmicrosoft.com",
            "customer1.onmicrosoft.com",
            "customer2.onmicrosoft.com",
            "customer3.onmicrosoft.com"
        ]
    );
    let agent = &partner.users()[0];
    assert_eq!(agent.user_principal_name, "admin.agent@partner.onmicrosoft.com");
    assert_eq!(partner.groups()[0].members, [agent.id]);
    let state = partner.state();
    assert!(state.cloud.is_admin_agent(0, &agent.id.to_string()));
    for at in 1..=customers.len() {
        let roles = state.cloud.guest_roles(at, 0, &agent.id.to_string());
        assert!(roles.contains(&APPLICATION_ADMINISTRATOR.to_string()) && roles.len() == 5, "{roles:?}");
    }
    drop(state);
    let session = Session::of(partner, &partner.add_caller(&[READ, "Directory.Read.All"])).await;
    for path in [RELATIONSHIPS, "/tenantRelationships/delegatedAdminCustomers", "/contracts"] {
        assert_eq!(session.get(path).await.expect(200)["value"].as_array().unwrap().len(), 3, "{path}");
    }
    assert_eq!(
        session.get(&format!("{RELATIONSHIPS}?$filter=status%20eq%20'active'&$count=true")).await.body["@odata.count"],
        3
    );
}

#[tokio::test(start_paused = true)]
async fn customers_of_a_partner_are_as_their_builders_say() {
    let cloud = MemoryCloud::partner(builder().domain("msp.example"), [builder().small_company().display_name("X")]);
    let [partner, customer] = cloud.tenants() else { panic!("two tenants") };
    assert_eq!((partner.domain(), customer.users().len()), ("msp.example", 5));
    let center = "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd";
    let has_center = |tenant: &MemoryTenant| {
        tenant.service_principals().iter().any(|principal| principal.app_id.to_string() == center)
    };
    assert!(has_center(partner) && !has_center(customer));
}

#[tokio::test(start_paused = true)]
async fn a_partner_in_use_has_customers_in_every_state_and_an_agent_who_may_set_them_up() {
    let cloud = MemoryCloud::partner_in_use_with_customers(10);
    let partner = &cloud.tenants()[0];
    let agent = cloud.admin_agent().unwrap();
    assert_eq!(agent.user_principal_name, "admin.agent@partner.onmicrosoft.com");
    let statuses: Vec<_> = partner.delegated_admin_relationships().into_iter().map(|it| it.status).collect();
    let active = "active";
    let expected = [active, active, active, active, active, "approvalPending", "terminated", active, active];
    assert_eq!(statuses, expected);
    let state = partner.state();
    let with_roles = (1..=10).filter(|at| !state.cloud.guest_roles(*at, 0, &agent.id.to_string()).is_empty());
    assert_eq!(with_roles.collect::<Vec<_>>(), [1, 3, 10]);
    drop(state);
    // Two years after the activation, which was a month ago.
    tokio::time::sleep(Duration::from_secs(725 * 86_400)).await;
    assert_eq!(partner.delegated_admin_relationships()[0].status, "expired");

    let session = Session::of(partner, &partner.caller()).await;
    let group = json!({"displayName": "New", "mailEnabled": false, "mailNickname": "new", "securityEnabled": true});
    session.post("/groups", group).await.expect(201);
    assert!(MemoryCloud::new([builder()]).admin_agent().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_app_of_a_partner_in_use_is_consented_to_in_various_ways() {
    let cloud = MemoryCloud::partner_in_use_with_customers(7);
    let (partner, customers) = cloud.tenants().split_first().unwrap();
    let app = partner.applications().into_iter().find(|app| app.unique_name.as_deref() == Some("customer-care"));
    let app_id = app.unwrap().app_id;
    let held = |customer: &MemoryTenant| {
        let principal = customer.service_principals().into_iter().find(|it| it.app_id == app_id)?.id;
        let roles = customer.app_role_assignments().iter().filter(|it| it.principal_id == principal.into()).count();
        let grants = customer.oauth2_permission_grants();
        let grant = grants.iter().find(|it| it.client_id == principal).map_or("", |grant| grant.scope.as_str());
        Some((roles, grant.to_owned()))
    };
    let whole = Some((2, "User.Read".to_owned()));
    let held: Vec<_> = customers.iter().map(held).collect();
    let bare = Some((0, String::new()));
    let (fewer, more) = (Some((1, "User.Read".to_owned())), Some((2, "User.Read Calendars.Read".to_owned())));
    assert_eq!(held, [whole.clone(), bare, fewer, None, whole, more, None]);
}
