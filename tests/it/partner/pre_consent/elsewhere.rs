//! What goes wrong in other tools, each as a promise.

use super::*;

/// The deployer's own consent in a customer's tenant, by its scopes.
fn deployer_holds(customer: &MemoryTenant, scene: &Scene, scopes: &str) {
    let principal = send(customer, "POST", "/servicePrincipals", &json!({ "appId": scene.deployer_id }));
    let graph = principal_of(customer, entra_apps::permission::MICROSOFT_GRAPH);
    let grant = json!({
        "clientId": principal["id"], "resourceId": graph, "consentType": "AllPrincipals", "scope": scopes
    });
    send(customer, "POST", "/oauth2PermissionGrants", &grant);
}

#[tokio::test(start_paused = true)]
async fn already_exists_is_not_believed_where_fewer_scopes_are_stored() {
    let scene = Scene::new(3).await;
    let [can_widen, cannot, untouched] = [0, 1, 2].map(|index| &scene.customers()[index]);
    deployer_holds(
        can_widen,
        &scene,
        "DelegatedPermissionGrant.ReadWrite.All Directory.Read.All Application.Read.All Mail.Read",
    );
    deployer_holds(cannot, &scene, "User.Read");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let report = scene.run(DeployerConsent::Keep).await;
    let expected = [CustomerState::Consented, CustomerState::NotReady, CustomerState::Consented];
    assert_eq!(states(&report, scene.customers()), expected, "{report}");
    assert_eq!(codes(&report, cannot), ["consent_too_narrow"]);
    let remedy = report.find(cannot.id()).unwrap().remedy().unwrap();
    assert!(
        remedy.contains(&format!("{}/v2.0/adminconsent?client_id={}&scope=", cannot.id(), scene.deployer_id)),
        "{remedy}"
    );
    let held = held_by(can_widen, scene.deployer_id).join("\n");
    assert!(held.contains("AppRoleAssignment.ReadWrite.All") && held.contains("Mail.Read"), "{held}");
    assert_eq!(held_by(cannot, scene.deployer_id).len(), 1);
    assert_granted(&scene, untouched, &registration(), "beside").await;
}

#[tokio::test(start_paused = true)]
async fn a_narrow_consent_is_given_anew_on_request_and_only_where_nobody_else_granted_anything() {
    let scene = Scene::new(2).await;
    let [own, with_others] = [0, 1].map(|index| &scene.customers()[index]);
    deployer_holds(own, &scene, "User.Read Directory.Read.All Application.ReadWrite.All");
    deployer_holds(with_others, &scene, "User.Read Directory.Read.All Application.ReadWrite.All Mail.Read");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let before = held_by(with_others, scene.deployer_id);
    let report = run(scene.consent(DeployerConsent::Keep).replace_consents()).await;
    assert_eq!(states(&report, scene.customers()), [CustomerState::Consented, CustomerState::NotReady], "{report}");
    assert_eq!(held_by(with_others, scene.deployer_id), before);
    assert_granted(&scene, own, &registration(), "anew").await;
}

#[tokio::test(start_paused = true)]
async fn scopes_that_others_granted_stay_when_the_list_is_widened() {
    let scene = Scene::new(1).await;
    let customer = &scene.customers()[0];
    let others = all_but(&delegated::USER_READ).permission(delegated::MAIL_READ);
    scene.consented_by_hand(customer, &others).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let report = scene.run(DeployerConsent::Keep).await;
    assert_eq!(states(&report, scene.customers()), [CustomerState::Widened], "{report}");
    assert_eq!(codes(&report, customer), ["surplus_permissions"]);
    let held = held_by(customer, scene.app_id).join("\n");
    assert!(held.contains("Mail.Read User.Read for all"), "{held}");
}

#[tokio::test(start_paused = true)]
async fn grants_of_single_users_are_no_duplicates() {
    let scene = Scene::new(1).await;
    let customer = &scene.customers()[0];
    scene.consented_by_hand(customer, &all_but(&delegated::USER_READ)).await;
    let graph = principal_of(customer, entra_apps::permission::MICROSOFT_GRAPH);
    for (app, scope) in [(scene.app_id, "User.Read"), (scene.deployer_id, "Mail.Read")] {
        let user = customer.add_user(&format!("User of {app}"), &[]);
        if app == scene.deployer_id {
            send(customer, "POST", "/servicePrincipals", &json!({ "appId": app }));
        }
        let grant = json!({
            "clientId": principal_of(customer, app), "resourceId": graph, "consentType": "Principal",
            "principalId": user.id, "scope": scope
        });
        send(customer, "POST", "/oauth2PermissionGrants", &grant);
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let by_users = |app| -> Vec<String> {
        held_by(customer, app).into_iter().filter(|it| it.contains(" for ") && !it.ends_with(" for all")).collect()
    };
    let before = (by_users(scene.app_id), by_users(scene.deployer_id));
    assert_eq!((before.0.len(), before.1.len()), (1, 1));
    let report = scene.run(DeployerConsent::Remove).await;
    assert_eq!(states(&report, scene.customers()), [CustomerState::Widened], "{report}");
    assert_eq!((by_users(scene.app_id), by_users(scene.deployer_id)), before);
    assert_eq!(codes(&report, customer), ["deployer_left"], "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_customer_without_a_licence_stops_no_other() {
    use entra_apps::ids::PermissionId;
    use entra_apps::permission::{PermissionKind, well_known};

    let exchange = well_known::OFFICE_365_EXCHANGE_ONLINE;
    let names = ["customer1", "customer2"].map(|name| {
        let id = PermissionId::from_u128(5);
        let builder = builder(name).permission(exchange, PermissionKind::Application, "Exchange.ManageAsApp", id);
        if name == "customer1" { builder.without_api(exchange) } else { builder }
    });
    let scene = Scene::of(names).await;
    let permission = Permission::by_name(exchange, "Exchange.ManageAsApp", PermissionKind::Application).unwrap();
    let wanted = registration().permission(permission);
    let report = run(scene.consent_to(&wanted, DeployerConsent::Keep)).await;
    assert_eq!(states(&report, scene.customers()), [CustomerState::NotReady, CustomerState::Consented], "{report}");
    assert!(codes(&report, &scene.customers()[0]).contains(&"api_not_in_tenant".to_owned()), "{report}");
    assert!(held_by(&scene.customers()[0], scene.app_id).is_empty(), "half a consent helps nobody");
}

#[tokio::test(start_paused = true)]
async fn what_is_done_is_read_from_the_tenant_and_from_nowhere_else() {
    let scene = Scene::new(2).await;
    scene.run(DeployerConsent::Keep).await;
    let customer = &scene.customers()[1];
    let grant = customer
        .app_role_assignments()
        .into_iter()
        .find(|it| Some(it.principal_id.to_string()) == principal_of(customer, scene.app_id));
    let path = format!(
        "/servicePrincipals/{}/appRoleAssignments/{}",
        principal_of(customer, scene.app_id).unwrap(),
        grant.unwrap().id
    );
    send(customer, "DELETE", &path, &Value::Null);
    tokio::time::sleep(Duration::from_secs(120)).await;
    let report = scene.run(DeployerConsent::Keep).await;
    assert_eq!(
        states(&report, scene.customers()),
        [CustomerState::AlreadyConsented, CustomerState::Widened],
        "{report}"
    );
    assert_granted(&scene, customer, &registration(), "again").await;
}

#[tokio::test(start_paused = true)]
async fn nobody_sleeps_for_each_customer() {
    let scene = Scene::new(40).await;
    let prepared = scene.consent(DeployerConsent::Keep).prepare().await.unwrap();
    let began = tokio::time::Instant::now();
    let report = prepared.run(prepared.approval()).unwrap().report().await;
    assert_eq!(counts(&report), BTreeMap::from([(CustomerState::Consented, 40)]));
    // Eighty tokens at five in a second and growing, and nothing else takes time.
    assert!(began.elapsed() < Duration::from_secs(24), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_consent_that_is_lost_after_a_refresh_is_not_called_fine() {
    let scene = Scene::new(1).await;
    scene.run(DeployerConsent::Keep).await;
    let customer = &scene.customers()[0];
    let principal = principal_of(customer, scene.deployer_id).unwrap();
    for grant in customer.oauth2_permission_grants().into_iter().filter(|it| it.client_id.to_string() == principal) {
        send(customer, "DELETE", &format!("/oauth2PermissionGrants/{}", grant.id), &Value::Null);
    }
    tokio::time::sleep(Duration::from_secs(120)).await;
    let prepared = scene.consent(DeployerConsent::Keep).prepare().await.unwrap();
    let report = prepared.dry_run().report().await;
    assert_eq!(states(&report, scene.customers()), [CustomerState::Unknown], "{report}");
    assert_eq!(codes(&report, customer), ["consent_unknown"]);
    let report = prepared.run(prepared.approval()).unwrap().report().await;
    assert_eq!(states(&report, scene.customers()), [CustomerState::AlreadyConsented], "{report}");
}
