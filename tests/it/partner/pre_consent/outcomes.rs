//! What becomes of each customer.

use CustomerState::{AlreadyConsented, Consented, NotReady, Widened};

use super::*;

#[tokio::test(start_paused = true)]
async fn every_ready_customer_is_consented_and_a_second_run_writes_nothing() {
    let scene = Scene::new(5).await;
    for state in [Consented, AlreadyConsented] {
        scene.quiet();
        let report = scene.run(DeployerConsent::Keep).await;
        assert_eq!(states(&report, scene.customers()), [state; 5], "{report}");
        for customer in scene.customers() {
            assert_granted(&scene, customer, &registration(), "kept").await;
            assert!(principal_of(customer, scene.deployer_id).is_some());
            assert!(state == Consented || writes(customer) == 0, "{:?}", customer.requests());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployer_that_is_not_to_stay_leaves_nothing_behind_and_the_app_stays() {
    let scene = Scene::new(4).await;
    for state in [Consented, AlreadyConsented] {
        let report = scene.run(DeployerConsent::Remove).await;
        assert_eq!(states(&report, scene.customers()), [state; 4], "{report}");
        for customer in scene.customers() {
            assert_granted(&scene, customer, &registration(), "removed").await;
            assert_eq!(principal_of(customer, scene.deployer_id), None);
            assert!(held_by(customer, scene.deployer_id).is_empty());
        }
    }
}

/// A new customer: how many requests it takes, polls apart, and how many the second run takes.
async fn cost(deployer_consent: DeployerConsent) -> [usize; 2] {
    let scene = Scene::new(1).await;
    let mut cost = [0; 2];
    for requests in &mut cost {
        let prepared = scene.consent(deployer_consent).prepare().await.unwrap();
        scene.quiet();
        let report = prepared.run(prepared.approval()).unwrap().report().await;
        assert!(report.customers[0].reasons.is_empty(), "{report}");
        let all: Vec<_> = scene.cloud.tenants().iter().flat_map(MemoryTenant::requests).collect();
        // A token of the partner's own tenant is for all customers.
        let of_all = scene.partner().requests().iter().filter(|it| it.is_token).count();
        assert!(of_all <= 1);
        *requests = all.len() - of_all;
    }
    cost
}

#[tokio::test(start_paused = true)]
async fn a_new_customer_takes_six_requests_and_eight_where_the_deployer_goes_and_the_next_run_takes_two() {
    assert_eq!(cost(DeployerConsent::Keep).await, [6, 2]);
    assert_eq!(cost(DeployerConsent::Remove).await[0], 8);
}

#[tokio::test(start_paused = true)]
async fn each_customer_is_told_how_it_stands_and_what_to_do() {
    let scene = Scene::new(8).await;
    let [ready, ended, blocked, disabled, deleted, by_hand, narrow, assigned] =
        [0, 1, 2, 3, 4, 5, 6, 7].map(|index| &scene.customers()[index]);
    let relationship = scene.partner().delegated_admin_relationships()[1].id.clone();
    ended.terminate_relationship(&relationship);
    blocked.block_service_providers();
    for customer in [disabled, deleted, by_hand, assigned] {
        scene.consented_by_hand(customer, &registration()).await;
    }
    scene.consented_by_hand(narrow, &all_but(&application::GROUP_READ_ALL)).await;
    let principal = |customer| format!("/servicePrincipals/{}", principal_of(customer, scene.app_id).unwrap());
    send(disabled, "PATCH", &principal(disabled), &json!({"accountEnabled": false}));
    send(deleted, "DELETE", &principal(deleted), &Value::Null);
    send(assigned, "PATCH", &principal(assigned), &json!({"appRoleAssignmentRequired": true}));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let before: Vec<_> = [disabled, by_hand, assigned].map(|it| held_by(it, scene.app_id)).into();

    let report = scene.run(DeployerConsent::Keep).await;
    let expected = [Consented, NotReady, NotReady, NotReady, NotReady, AlreadyConsented, Widened, AlreadyConsented];
    assert_eq!(states(&report, scene.customers()), expected, "{report}");
    for (customer, code) in [
        (ended, "relationship_ended"),
        (blocked, "blocked_by_customer"),
        (disabled, "app_disabled"),
        (deleted, "service_principal_deleted"),
        (assigned, "assignment_required"),
    ] {
        assert!(codes(&report, customer).iter().any(|it| it == code), "{code}: {report}");
        assert!(report.find(customer.id()).unwrap().remedy().is_some());
    }
    let after: Vec<_> = [disabled, by_hand, assigned].map(|it| held_by(it, scene.app_id)).into();
    assert_eq!(before, after, "what is as it should be, or in the way, is left alone");
    assert_eq!(principal_of(deleted, scene.app_id), None, "nothing is brought back unasked");
    assert_eq!(writes(ended) + writes(blocked), 0);
    for customer in [ready, by_hand, narrow, assigned] {
        assert_granted(&scene, customer, &registration(), "in the end").await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_away_is_what_was_granted_and_the_count_is_typed() {
    let scene = Scene::new(3).await;
    scene.run(DeployerConsent::Keep).await;
    let [whole, with_user, never] = [0, 1, 2].map(|index| &scene.customers()[index]);
    let user = with_user.add_user("Ada Lovelace", &[]);
    let (app, graph) =
        (principal_of(with_user, scene.app_id), principal_of(with_user, entra_apps::permission::MICROSOFT_GRAPH));
    let grant = json!({
        "clientId": app, "resourceId": graph, "consentType": "Principal", "principalId": user.id, "scope": "Mail.Read"
    });
    send(with_user, "POST", "/oauth2PermissionGrants", &grant);
    let principal = principal_of(never, scene.app_id).unwrap();
    send(never, "DELETE", &format!("/servicePrincipals/{principal}"), &Value::Null);
    tokio::time::sleep(Duration::from_secs(120)).await;

    let prepared = scene.consent(DeployerConsent::Remove).prepare().await.unwrap();
    let error = prepared.revoke(2).unwrap_err();
    assert_eq!(error.code(), entra_apps::ErrorCode::WrongCustomerCount, "{error}");
    let report = prepared.revoke(3).unwrap().report().await;
    let expected = [CustomerState::Revoked, CustomerState::Revoked, CustomerState::NotConsented];
    assert_eq!(states(&report, scene.customers()), expected, "{report}");
    assert_eq!(principal_of(whole, scene.app_id), None);
    assert!(codes(&report, with_user).contains(&"service_principal_in_use".to_owned()), "{report}");
    let left = held_by(with_user, scene.app_id);
    assert!(left.len() == 1 && left[0].contains("Mail.Read"), "{left:?}");
    for customer in scene.customers() {
        assert_eq!(principal_of(customer, scene.deployer_id), None, "the deployer goes as well");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_nothing_and_does_not_call_a_consent_missing_that_nobody_can_see() {
    let scene = Scene::new(3).await;
    scene.consented_by_hand(&scene.customers()[0], &registration()).await;
    scene.quiet();
    let prepared = scene.consent(DeployerConsent::Keep).prepare().await.unwrap();
    let report = prepared.dry_run().report().await;
    assert_eq!(states(&report, scene.customers()), [CustomerState::Unknown; 3], "{report}");
    assert_eq!(codes(&report, &scene.customers()[1]), ["consent_unknown"]);
    assert!(scene.cloud.tenants().iter().all(|tenant| writes(tenant) == 0));
    // Once the deployer is there, it tells.
    scene.run(DeployerConsent::Keep).await;
    let report = prepared.dry_run().report().await;
    assert_eq!(states(&report, scene.customers()), [AlreadyConsented; 3], "{report}");
}

#[tokio::test(start_paused = true)]
async fn the_apps_own_credential_tells_what_is_granted_without_the_deployer() {
    let scene = Scene::new(2).await;
    let roles = AppRegistration::new("contoso-backup", "Contoso Backup")
        .audience(SignInAudience::MultipleOrganizations)
        .permission(application::USER_READ_ALL)
        .permission(application::GROUP_READ_ALL);
    scene.consented_by_hand(&scene.customers()[0], &roles).await;
    let app = scene.app_over(Arc::new(scene.cloud.clone())).await;
    tokio::time::sleep(Duration::from_secs(60)).await;

    let report = run(scene.consent_to(&roles, DeployerConsent::Remove).with_app_credential(&app)).await;
    assert_eq!(states(&report, scene.customers()), [AlreadyConsented, Consented], "{report}");
    assert_eq!(principal_of(&scene.customers()[0], scene.deployer_id), None, "nothing was written there");
}

#[tokio::test(start_paused = true)]
async fn customers_have_registrations_of_their_own() {
    let scene = Scene::new(3).await;
    let (few, more) = (&scene.customers()[0], &scene.customers()[2]);
    let other = registration().permission(application::SITES_READ_ALL).permission(delegated::MAIL_READ);
    let consent = scene.consent(DeployerConsent::Keep).registration_for([more.id()], &other);
    let prepared = consent.prepare().await.unwrap();
    assert_eq!(prepared.approval().consents.len(), 2);
    let report = prepared.run(prepared.approval()).unwrap().report().await;
    assert_eq!(counts(&report), BTreeMap::from([(Consented, 3)]), "{report}");
    assert_eq!((held_by(few, scene.app_id).len(), held_by(more, scene.app_id).len()), (3, 4));
}

#[tokio::test(start_paused = true)]
async fn only_those_who_are_meant_are_touched() {
    let scene = Scene::new(4).await;
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|index| &scene.customers()[index]);
    let consent = scene.consent(DeployerConsent::Keep).of([first.id(), second.id(), third.id()]);
    let report = run(consent.except([second.id()])).await;
    assert_eq!(report.customers.len(), 2);
    for (customer, is_meant) in [(first, true), (second, false), (third, true), (fourth, false)] {
        assert_eq!(principal_of(customer, scene.app_id).is_some(), is_meant);
        assert!(is_meant || writes(customer) == 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_for_the_partner_alone_stays_there_and_what_a_customer_lacks_is_left_out_and_told() {
    use entra_apps::ids::PermissionId;
    use entra_apps::permission::{PermissionKind, well_known};

    let (exchange, id) = (well_known::OFFICE_365_EXCHANGE_ONLINE, PermissionId::from_u128(5));
    let with_exchange =
        |name| builder(name).permission(exchange, PermissionKind::Application, "Exchange.ManageAsApp", id);
    let customers = [with_exchange("licensed"), builder("unlicensed").without_api(exchange)];
    let scene = Scene::between(with_exchange("partner"), customers).await;
    let manage = Permission::by_name(exchange, "Exchange.ManageAsApp", PermissionKind::Application).unwrap();
    let wanted = registration()
        .own_tenant_permission(application::DELEGATED_ADMIN_RELATIONSHIP_READ_ALL)
        .where_available("Mailboxes", [manage])
        .permission(application::DEVICE_MANAGEMENT_MANAGED_DEVICES_READ_ALL);
    let prepared = scene.consent_to(&wanted, DeployerConsent::Keep).prepare().await.unwrap();
    let shown = prepared.to_string();
    assert!(shown.contains("Exchange.ManageAsApp") && !shown.contains("DelegatedAdminRelationship"), "{shown}");
    let report = prepared.run(prepared.approval()).unwrap().report().await;
    assert_eq!(states(&report, scene.customers()), [Consented; 2], "{report}");
    assert_eq!(codes(&report, &scene.customers()[0]), ["licence_not_checked"], "{report}");
    let mut told = codes(&report, &scene.customers()[1]);
    told.sort();
    assert_eq!(told, ["api_not_in_tenant", "licence_not_checked"], "{report}");
    let held = [0, 1].map(|index| held_by(&scene.customers()[index], scene.app_id).len());
    assert_eq!(held, [5, 4]);
    scene.quiet();
    let report = run(scene.consent_to(&wanted, DeployerConsent::Keep)).await;
    assert_eq!(states(&report, scene.customers()), [AlreadyConsented; 2], "{report}");
    assert!(scene.customers().iter().all(|customer| writes(customer) == 0));
}

#[tokio::test(start_paused = true)]
async fn every_outcome_is_right_where_some_customers_fail_in_seeded_ways() {
    const CUSTOMERS: usize = 100;
    for seed in 1..=3 {
        let mut random = fastrand::Rng::with_seed(seed);
        let scene = Scene::new(CUSTOMERS).await;
        let relationships = scene.partner().delegated_admin_relationships();
        let mut expected = vec![Consented; CUSTOMERS];
        for (index, customer) in scene.customers().iter().enumerate() {
            // One in twenty.
            if random.u8(..20) > 0 {
                continue;
            }
            let principal = format!("/servicePrincipals(appId='{}')", scene.app_id);
            expected[index] = match random.u8(..5) {
                0 => {
                    customer.block_service_providers();
                    NotReady
                }
                1 => {
                    customer.terminate_relationship(&relationships[index].id);
                    NotReady
                }
                2 => {
                    scene.consented_by_hand(customer, &registration()).await;
                    send(customer, "PATCH", &principal, &json!({"accountEnabled": false}));
                    NotReady
                }
                3 => {
                    scene.consented_by_hand(customer, &all_but(&application::GROUP_READ_ALL)).await;
                    Widened
                }
                _ => {
                    scene.consented_by_hand(customer, &registration()).await;
                    AlreadyConsented
                }
            };
        }
        assert!(expected.iter().any(|state| *state != Consented), "{seed}");
        tokio::time::sleep(Duration::from_secs(120)).await;
        let report = scene.run(DeployerConsent::Keep).await;
        assert_eq!(states(&report, scene.customers()), expected, "{seed}: {report}");
        for (customer, state) in scene.customers().iter().zip(expected).filter(|(_, state)| *state != NotReady) {
            assert_granted(&scene, customer, &registration(), &format!("{seed}, {state}")).await;
        }
    }
}
