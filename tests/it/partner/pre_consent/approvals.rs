//! Nothing is done that nobody has approved: no permission, no deployer and no customer that came later.

use entra_apps::ErrorCode;
use entra_apps::partner::ConsentApproval;

use super::*;

#[tokio::test(start_paused = true)]
async fn an_approval_covers_what_was_shown_and_nothing_that_came_later() {
    let scene = Scene::new(3).await;
    let [first, second, _] = [0, 1, 2].map(|index| &scene.customers()[index]);
    let approved = scene.consent(DeployerConsent::Keep).of([first.id(), second.id()]).prepare().await.unwrap();
    let saved = serde_json::to_string(approved.approval()).unwrap();
    let approval: ConsentApproval = serde_json::from_str(&saved).unwrap();
    assert_eq!(&approval, approved.approval());

    let grown = registration().permission(application::SITES_READ_ALL);
    let bigger_deployer = deployer().permission(delegated::MAIL_READ);
    let partner = scene.client.partner();
    for (case, consent, named) in [
        ("a permission", scene.consent_to(&grown, DeployerConsent::Keep), "Sites.Read.All (application)"),
        ("the deployer goes", scene.consent(DeployerConsent::Remove), "the deployer"),
        (
            "a permission of the deployer",
            partner.pre_consent(&registration()).deployer(&bigger_deployer, DeployerConsent::Keep),
            "Mail.Read (delegated) for the deployer",
        ),
        ("a consent that is given anew", scene.consent(DeployerConsent::Keep).replace_consents(), "given anew"),
    ] {
        let error = consent.prepare().await.unwrap().run(&approval).unwrap_err();
        assert_eq!(error.code(), ErrorCode::NeedsApproval, "{case}");
        assert!(error.message().contains(named), "{case}: {error}");
    }

    scene.quiet();
    let all = scene.consent(DeployerConsent::Keep).prepare().await.unwrap();
    let report = all.run(&approval).unwrap().report().await;
    let expected = [CustomerState::Consented, CustomerState::Consented, CustomerState::Skipped];
    assert_eq!(states(&report, scene.customers()), expected, "{report}");
    assert_eq!(codes(&report, &scene.customers()[2]), ["needs_approval"]);
    assert_eq!(writes(&scene.customers()[2]), 0);
}

#[tokio::test(start_paused = true)]
async fn who_acts_is_the_deployer_of_the_unique_name_and_no_other() {
    let scene = Scene::new(1).await;
    let partner = scene.client.partner();
    let code = async |consent: PreConsent| consent.prepare().await.unwrap_err().code();
    // The unique name is that of the app itself, to which nobody is signed in.
    let other = deployer_registration("contoso-backup", "Contoso Deployer");
    let consent = partner.pre_consent(&registration()).deployer(&other, DeployerConsent::Keep);
    assert_eq!(code(consent).await, ErrorCode::WrongDeployer);
    let unknown = deployer_registration("contoso-nobody", "Contoso Nobody");
    let consent = partner.pre_consent(&registration()).deployer(&unknown, DeployerConsent::Keep);
    assert_eq!(code(consent).await, ErrorCode::NotFound);
    assert_eq!(code(partner.pre_consent(&registration())).await, ErrorCode::DeployerNeeded);
    let delegated_alone = of([delegated::USER_READ]);
    assert_eq!(code(partner.pre_consent(&delegated_alone)).await, ErrorCode::DeployerNeeded, "of another app");
    let consent = scene.consent(DeployerConsent::Keep);
    assert_eq!(code(consent.clone().shard(2, 2)).await, ErrorCode::InvalidShard);
    let limits = entra_apps::partner::ConsentLimits::default();
    for limits in [limits.partner_center(0.0), limits.graph_writes(f64::NAN), limits.tokens(Some(-1.0))] {
        assert_eq!(code(consent.clone().limits(limits)).await, ErrorCode::InvalidLimit);
    }
    let single = AppRegistration::new("contoso-backup", "Contoso Backup").permission(application::USER_READ_ALL);
    assert_eq!(code(scene.consent_to(&single, DeployerConsent::Keep)).await, ErrorCode::SingleTenantRegistration);
    assert!(writes(scene.partner()) + writes(&scene.customers()[0]) == 0);
}

#[tokio::test(start_paused = true)]
async fn partner_centers_service_principal_is_made_where_it_is_missing() {
    use entra_apps::permission::well_known::MICROSOFT_PARTNER_CENTER;

    let cloud = MemoryCloud::partner_with_customers(1);
    let customer = &cloud.tenants()[1];
    assert_eq!(principal_of(customer, MICROSOFT_PARTNER_CENTER), None);
    let client = cloud.client(customer);
    assert!(client.partner().install_partner_center().await.unwrap());
    assert!(!client.partner().install_partner_center().await.unwrap());
    assert!(principal_of(customer, MICROSOFT_PARTNER_CENTER).is_some());
}
