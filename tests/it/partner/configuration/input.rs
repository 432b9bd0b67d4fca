use super::*;

use entra_apps::cloud::Cloud;
use entra_apps::ids::Tenant;

fn with(group: SecurityGroup) -> GdapConfiguration {
    GdapConfiguration::new().group(group)
}

/// What is refused, with nothing written.
async fn refused(partner: &Partner, configuration: &GdapConfiguration) -> entra_apps::Error {
    partner.tenant().clear_requests();
    let error = partner.client().partner().plan(configuration).await.unwrap_err();
    assert_eq!(counts(partner.tenant()).1, 0);
    assert!(!error.remedy().is_empty());
    error
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_or_too_much_is_refused_before_anything_is_sent() {
    let partner = Partner::new(1);
    let named = |unique_name: &str, name: &str| SecurityGroup::unique_name(unique_name, name).role(APPLICATIONS);
    for (configuration, code) in [
        (GdapConfiguration::new(), ErrorCode::RelationshipWithoutRoles),
        (GdapConfiguration::new().member(AGENT), ErrorCode::RelationshipWithoutRoles),
        (with(SecurityGroup::unique_name("a", "A")), ErrorCode::RelationshipWithoutRoles),
        (with(named("", "A")), ErrorCode::InvalidUniqueName),
        (with(named(&"a".repeat(257), "A")), ErrorCode::InvalidUniqueName),
        (with(named("a\n", "A")), ErrorCode::InvalidUniqueName),
        (with(named("a", "  ")), ErrorCode::InvalidDisplayName),
        (with(named("a", &"A".repeat(257))), ErrorCode::InvalidDisplayName),
        (with(named("a", "A")).group(named("a", "B")), ErrorCode::GroupTwice),
    ] {
        let error = refused(&partner, &configuration).await;
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, code), "{error}");
        assert!(partner.tenant().requests().is_empty());
    }
    let error = DirectoryRole::by_name("Privileged Rol Administrator").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.remedy().contains("`Privileged Role Administrator`"));
}

#[tokio::test(start_paused = true)]
async fn a_group_that_can_have_no_access_or_is_not_there_is_refused() {
    let partner = Partner::new(1);
    for (properties, code, said) in [
        (r#"{"groupTypes": ["Unified"], "mailEnabled": true}"#, ErrorCode::NotASecurityGroup, "a Microsoft 365 group"),
        (
            r#"{"groupTypes": ["Unified"], "mailEnabled": true, "securityEnabled": true}"#,
            ErrorCode::NotASecurityGroup,
            "a Microsoft 365 group",
        ),
        (r#"{"mailEnabled": true}"#, ErrorCode::NotASecurityGroup, "mail-enabled"),
        (r#"{"mailEnabled": true, "securityEnabled": false}"#, ErrorCode::NotASecurityGroup, "mail-enabled"),
        (r#"{"securityEnabled": false}"#, ErrorCode::NotASecurityGroup, "not known to be a security group"),
    ] {
        let group = partner.tenant().add_group("Odd", &[]);
        partner.tenant().store_as_is(group.id, properties);
        let error = refused(&partner, &with(SecurityGroup::id(group.id).role(APPLICATIONS))).await;
        assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, code), "{properties}: {error}");
        assert!(error.message().contains("“Odd”") && error.message().contains(said), "{error}");
    }
    let nothing = with(SecurityGroup::id(DirectoryObjectId::from_u128(7)).role(APPLICATIONS));
    let error = refused(&partner, &nothing).await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, ErrorCode::GroupNotFound));
    let error = refused(&partner, &with(applications()).member("nobody@partner.onmicrosoft.com")).await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, ErrorCode::UserNotFound));
}

#[tokio::test(start_paused = true)]
async fn members_of_a_group_that_is_dynamic_or_role_assignable_are_not_changed() {
    for (properties, said) in [
        (r#"{"groupTypes": ["DynamicMembership"], "membershipRule": "user.jobTitle -eq \"Agent\""}"#, "a rule says"),
        (r#"{"isAssignableToRole": true}"#, "directory roles in the partner's own tenant"),
    ] {
        let partner = Partner::new(1);
        let group = partner.tenant().add_group("Closed", &[]);
        partner.tenant().store_as_is(group.id, properties);
        let configuration = with(SecurityGroup::id(group.id).role(APPLICATIONS)).member(AGENT);
        let error = refused(&partner, &configuration.clone().change_memberships()).await;
        assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, ErrorCode::GroupMembersNotChangeable));
        assert!(error.message().contains(said), "{error}");
        // Roles can be given to it, and who is in it is somebody else's.
        let applied = partner.apply(&configuration).await;
        assert_eq!((applied.done.len(), applied.open.len()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_of_the_same_display_name_stops_the_plan_until_it_is_named_by_its_id() {
    let partner = Partner::new(1);
    let (ada, grace) = (partner.tenant().add_user("Ada Lovelace", &[]), partner.tenant().add_user("Grace Hopper", &[]));
    let inner = partner.tenant().add_group("Inner", &[grace.id]);
    let group = partner.tenant().add_group("Application Administrators", &[inner.id]);
    let link = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{}", ada.id)});
    partner.send("POST", &format!("/groups/{}/owners/$ref", group.id), &link);
    let error = refused(&partner, &document()).await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, ErrorCode::SameGroupName));
    let id = group.id.to_string();
    for said in ["owners: Ada Lovelace", "Grace Hopper", "Inner", &id] {
        assert!(error.message().contains(said), "{said}: {error}");
    }
    assert!(error.remedy().contains(&id));
    // A dynamic one is shown with its rule.
    let rule = r#"{"groupTypes": ["DynamicMembership"], "membershipRule": "user.country -eq \"DE\""}"#;
    partner.tenant().store_as_is(group.id, rule);
    assert!(refused(&partner, &document()).await.message().contains("rule: user.country"));
    partner.tenant().store_as_is(group.id, r#"{"groupTypes": [], "membershipRule": null}"#);

    let adopted = GdapConfiguration::new().group(SecurityGroup::id(group.id).role(APPLICATIONS)).group(privileged());
    let applied = partner.apply(&adopted).await;
    assert_eq!(applied.done.len(), 3);
    assert_eq!(partner.roles_of("Application Administrators").len(), 1);
    let same = partner.tenant().groups().into_iter().filter(|it| it.display_name == "Application Administrators");
    assert_eq!(same.count(), 1, "no second one was made");
    // Those who were in it are in it still.
    assert_eq!(partner.group("Application Administrators").members, [inner.id]);
}

#[tokio::test(start_paused = true)]
async fn of_two_groups_called_admin_agents_none_is_guessed() {
    let partner = Partner::new(1);
    partner.tenant().add_group("AdminAgents", &[]);
    let error = refused(&partner, &document()).await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, ErrorCode::SameGroupName));
    assert!(error.message().contains("2 groups"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_no_customer_is_refused() {
    let partner = Partner::new(2);
    let plan = |tenant: Tenant| {
        let client = partner.client();
        async move { client.partner().plan(&document()).of([tenant]).await }
    };
    let other = partner.tenant().id();
    for (tenant, code) in [
        (Tenant::from(TenantId::from_u128(7)), ErrorCode::NotACustomer),
        // The partner itself is none.
        (Tenant::from(other), ErrorCode::NotACustomer),
        ("partner.onmicrosoft.com".parse().unwrap(), ErrorCode::NotACustomer),
        ("nobody.example".parse().unwrap(), ErrorCode::DomainOfNoTenant),
    ] {
        let error = plan(tenant).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, code), "{error}");
    }
    // A relationship of another partner.
    let stranger = Partner::new(1).tenant().delegated_admin_relationships().remove(0).id;
    let unknown = DelegatedAdminRelationshipId::new(format!("{}-{}", Uuid::from_u128(1), Uuid::from_u128(2)));
    let own: Vec<String> = partner.tenant().delegated_admin_relationships().into_iter().map(|it| it.id).collect();
    for id in [DelegatedAdminRelationshipId::new(stranger), unknown] {
        if own.contains(&id.to_string()) {
            continue;
        }
        let error = partner.client().partner().plan(&document()).in_relationships([id]).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, ErrorCode::UnknownRelationship));
    }
    assert_eq!(counts(partner.tenant()).1, 0);
}

#[tokio::test(start_paused = true)]
async fn in_china_nothing_is_sent() {
    let partner = Partner::new(1);
    let client = partner.tenant().client_builder().cloud(Cloud::china()).build().unwrap();
    let error = client.partner().plan(&document()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unsupported, ErrorCode::GdapNotInCloud));
    assert!(partner.tenant().requests().is_empty());
}
