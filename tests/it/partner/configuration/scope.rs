use super::*;

use entra_apps::ids::Tenant;

#[tokio::test(start_paused = true)]
async fn one_customer_or_several_are_set_up_by_id_or_domain() {
    let partner = Partner::new(4);
    let client = partner.client();
    let domain: Tenant = "customer2.onmicrosoft.com".parse().unwrap();
    let plan = client.partner().plan(&document()).of([domain, partner.customer(4).into()]).await.unwrap();
    assert_eq!(plan.customers.len(), 2);
    let applied = client.partner().apply(&plan).approve(plan.needs_approval().to_vec()).await.unwrap();
    assert!(applied.failed.is_empty());
    let given = partner.roles_of("Application Administrators");
    let names: Vec<_> = given.keys().collect();
    assert_eq!(names, ["Administration of customer 2", "Administration of customer 4"]);
    assert!(client.partner().verify(&document()).of([partner.customer(2)]).await.unwrap().is_done());
    assert!(!client.partner().verify(&document()).of([partner.customer(1)]).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn of_several_relationships_the_one_that_is_meant_is_used_or_the_one_that_lasts_longest() {
    let partner = Partner::new(2);
    let second = &partner.cloud.tenants()[2];
    // It lasts a month longer than the one of the preset.
    let later = partner.tenant().add_relationship(second, "Later", &ids(&[APPLICATIONS]));
    let configuration = GdapConfiguration::new().group(applications());
    let plan = partner.plan(&configuration).await;
    let of = |plan: &GdapPlan| {
        let it = plan.customers.iter().find(|it| it.customer.tenant_id == second.id()).unwrap();
        it.steps[0].relationship.clone().unwrap().to_string()
    };
    assert_eq!(of(&plan), later);
    let first = partner.tenant().delegated_admin_relationships()[1].id.clone();
    let first = DelegatedAdminRelationshipId::new(first);
    let plan = partner.client().partner().plan(&configuration).in_relationships([first.clone()]).await.unwrap();
    assert_eq!((plan.customers.len(), of(&plan)), (1, first.to_string()));
    let applied = partner.client().partner().apply(&plan).approve(plan.needs_approval().to_vec()).await.unwrap();
    assert_eq!(applied.done.len(), 2);
    // The role is there: through which relationship does not matter.
    let all = partner.plan(&configuration).await;
    assert_eq!(of(&all), first.to_string());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_unknown_and_nothing_is_done_about_it() {
    let partner = Partner::new(3);
    let path = "/tenantRelationships/delegatedAdminRelationships/*/accessAssignments";
    let fault = || Fault::on("GET", path).in_batch().times(1).refuses(403, "accessDenied", "No.");
    partner.tenant().fault(fault());
    let configuration = GdapConfiguration::new().group(applications());
    let plan = partner.plan(&configuration).await;
    let unknown: Vec<_> = plan.customers.iter().filter(|it| it.outcome == ReadinessOutcome::Unknown).collect();
    assert_eq!(unknown.len(), 1);
    assert_eq!(unknown[0].steps[0].error, Some(ErrorCode::MissingPermission));
    let applied = partner.client().partner().apply(&plan).approve(plan.needs_approval().to_vec()).await.unwrap();
    // What can be read since was not in the plan.
    assert_eq!(applied.failed.iter().map(|it| it.error.code()).collect::<Vec<_>>(), [ErrorCode::PlanOutdated]);
    assert_eq!(partner.roles_of("Application Administrators").len(), 2);

    // A new member's access in all of the partner's customers has to be known.
    let team = partner.tenant().add_group("Team", &[]);
    partner.tenant().fault(fault());
    let group = SecurityGroup::id(team.id).role(DirectoryRole::DIRECTORY_READERS);
    let plan = partner.plan(&GdapConfiguration::new().group(group).member(AGENT).change_memberships()).await;
    assert_eq!(actions(&plan, GdapStepKind::Member), [GdapAction::Unknown]);

    // A list of customers that cannot be read is told.
    partner.tenant().fault(Fault::on("GET", "/contracts").in_batch().always().refuses(403, "accessDenied", "No."));
    let plan = partner.plan(&configuration).await;
    assert_eq!(plan.unread.len(), 1);
    let stranger = partner.client().partner().plan(&configuration).of([TenantId::from_u128(7)]).await.unwrap_err();
    assert_eq!(stranger.code(), ErrorCode::MissingPermission, "it may stand in the list that could not be read");
    assert!(plan.to_string().contains("A list of customers could not be read"), "{plan}");
    let checklist: GdapChecklist = plan.into();
    assert!(!checklist.is_done());
}

#[tokio::test(start_paused = true)]
async fn one_customer_that_refuses_does_not_stop_the_others() {
    let partner = Partner::new(4);
    let path = "/tenantRelationships/delegatedAdminRelationships/*/accessAssignments";
    let on = || Fault::on("POST", path).in_batch();
    partner.tenant().faults_in_order([on().refuses(
        400,
        "badRequest",
        "A customer can have at most 100 access containers.",
    )]);
    let plan = partner.plan(&document()).await;
    let applied = partner.client().partner().apply(&plan).approve(plan.needs_approval().to_vec()).await.unwrap();
    assert_eq!(applied.failed.len(), 1, "{applied}");
    assert_eq!((applied.failed[0].error.kind(), applied.done.len()), (ErrorKind::Refused, 2 + 7 + 2));
    // Run again, it ends.
    let applied = partner.apply(&document()).await;
    assert_eq!(applied.done.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_relationship_that_has_ended_since_stands_in_nobodys_way() {
    let partner = Partner::new(2);
    let configuration = GdapConfiguration::new().group(applications());
    let plan = partner.plan(&configuration).await;
    let relationship = partner.tenant().delegated_admin_relationships().remove(1).id;
    partner.tenant().terminate_relationship(&relationship);
    let applied = partner.client().partner().apply(&plan).approve(plan.needs_approval().to_vec()).await.unwrap();
    assert_eq!((applied.done.len(), applied.failed.len(), applied.open.len()), (2, 0, 1), "{applied}");
    assert_eq!(partner.roles_of("Application Administrators").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn reads_are_batched() {
    let partner = Partner::new(60);
    partner.plan(&document()).await;
    // A page of customers, relationships and contracts each, twenty relationships a batch; groups and the person.
    let requests = counts(partner.tenant()).0;
    assert!(requests <= 60usize.div_ceil(300) + 60usize.div_ceil(300) + 60usize.div_ceil(20) + 10, "{requests}");
    partner.tenant().clear_requests();
    let _ = partner.apply(&document()).await;
    let requests = counts(partner.tenant()).0;
    // Planned and observed again; then a look, the writes, and some looks until they are in effect.
    assert!(requests <= 60, "{requests}");
}
