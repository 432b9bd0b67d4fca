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
