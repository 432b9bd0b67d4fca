//! One hop: Partner Center consents to the app that the person is signed in to, which has delegated permissions alone.

use super::*;

fn delegated_alone() -> AppRegistration {
    deployer_registration("contoso-deployer", "Contoso Deployer")
}

#[tokio::test(start_paused = true)]
async fn an_app_with_delegated_permissions_alone_needs_no_deployer() {
    let scene = Scene::new(3).await;
    let consent = || scene.client.partner().pre_consent(&delegated_alone());
    let report = run(consent()).await;
    assert_eq!(states(&report, scene.customers()), [CustomerState::Consented; 3], "{report}");
    for customer in scene.customers() {
        let held = held_by(customer, scene.deployer_id);
        assert!(held.len() == 1 && held[0].contains("Application.ReadWrite.All"), "{held:?}");
        assert!(!held[0].contains("DelegatedAdminRelationship"), "of no use there: {held:?}");
    }
    scene.quiet();
    let report = run(consent()).await;
    assert_eq!(states(&report, scene.customers()), [CustomerState::AlreadyConsented; 3], "{report}");
    assert!(scene.customers().iter().all(|customer| writes(customer) == 0));
    let prepared = consent().prepare().await.unwrap();
    let report = prepared.revoke(3).unwrap().report().await;
    assert_eq!(states(&report, scene.customers()), [CustomerState::Revoked; 3], "{report}");
    assert!(scene.customers().iter().all(|customer| held_by(customer, scene.deployer_id).is_empty()));
}

#[tokio::test(start_paused = true)]
async fn each_api_is_consented_to_by_itself_and_one_that_is_missing_is_told() {
    use entra_apps::ids::PermissionId;
    use entra_apps::permission::{PermissionKind, well_known};

    let exchange = well_known::OFFICE_365_EXCHANGE_ONLINE;
    let manage = (exchange, PermissionKind::Delegated, "Exchange.Manage");
    let with_exchange = |name| builder(name).permission(manage.0, manage.1, manage.2, PermissionId::from_u128(6));
    let customers = [with_exchange("licensed"), builder("unlicensed").without_api(exchange)];
    let scene = Scene::between(with_exchange("partner"), customers).await;
    let exchange = Permission::by_name(exchange, manage.2, manage.1).unwrap();
    let wanted = delegated_alone().permission(exchange);
    let admin = scene.cloud.client(scene.partner());
    admin.apply(&admin.plan(&wanted).await.unwrap()).approve_all().await.unwrap();
    let report = run(scene.client.partner().pre_consent(&wanted)).await;
    assert_eq!(states(&report, scene.customers()), [CustomerState::Consented; 2], "{report}");
    assert_eq!(codes(&report, &scene.customers()[0]), Vec::<String>::new());
    assert_eq!(codes(&report, &scene.customers()[1]), ["api_not_in_tenant"]);
    assert_eq!(
        (
            held_by(&scene.customers()[0], scene.deployer_id).len(),
            held_by(&scene.customers()[1], scene.deployer_id).len()
        ),
        (2, 1)
    );
}
