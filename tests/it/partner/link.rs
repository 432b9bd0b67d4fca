use entra_apps::auth::public_client;
use entra_apps::consent::AdminConsentCallback;
use entra_apps::partner::PermissionLevel;
use entra_apps::permission::microsoft_graph::application;
use entra_apps::provision::StepKind;
use entra_apps::{AppRegistration, ErrorCode, ErrorKind, RedirectUri, SignInAudience};

use super::*;

const BACK: &str = "https://vendor.example/consent";

fn registration() -> AppRegistration {
    AppRegistration::new("vendor-reports", "Vendor Reports")
        .audience(SignInAudience::MultipleOrganizations)
        .redirect_uri(RedirectUri::web(BACK).unwrap())
        .permission(application::USER_READ_ALL)
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_linked_by_its_id_or_its_domain_without_a_sign_in() {
    let scene = Scene::new();
    let client = scene.partner.client_builder().transport(std::sync::Arc::new(scene.cloud.clone())).build().unwrap();
    let id = scene.fabrikam.id().to_string();
    for typed in [
        id.as_str(),
        &id.to_uppercase(),
        &id.replace('-', ""),
        "Fabrikam.onmicrosoft.com",
        " fabrikam.onmicrosoft.com ",
    ] {
        let linked = client.link_tenant(typed).await.unwrap_or_else(|error| panic!("{typed}: {error}"));
        assert_eq!((linked.tenant_id(), linked.cloud().name()), (scene.fabrikam.id(), "global"), "{typed}");
        assert_eq!(linked.found().region.as_deref(), Some("NA"));
        assert_eq!(linked.client().tenant_id().await.err().map(|error| error.code()), Some(ErrorCode::AppNotInTenant));
    }
    let lookups =
        scene.fabrikam.requests().iter().filter(|request| request.path.ends_with("/openid-configuration")).count();
    assert_eq!(lookups, 5, "each takes one request");
    for (typed, code, kind) in [
        ("fabrikan.onmicrosoft.com", ErrorCode::UnknownTenant, ErrorKind::SignIn),
        ("11111111-1111-1111-1111-111111111111", ErrorCode::UnknownTenant, ErrorKind::SignIn),
        ("fabrikam", ErrorCode::InvalidTenant, ErrorKind::Invalid),
        ("", ErrorCode::InvalidTenant, ErrorKind::Invalid),
        ("common", ErrorCode::InvalidTenant, ErrorKind::Invalid),
        ("organizations", ErrorCode::InvalidTenant, ErrorKind::Invalid),
        ("https://fabrikam.onmicrosoft.com/", ErrorCode::InvalidTenant, ErrorKind::Invalid),
        ("fabrikam.onmicrosoft.com/../x", ErrorCode::InvalidTenant, ErrorKind::Invalid),
    ] {
        let error = client.link_tenant(typed).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (code, kind), "{typed}: {error}");
        assert!(!error.remedy().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_of_another_cloud_is_not_linked_and_its_cloud_is_named() {
    for (region, part, name) in [
        ("USGov", Some("DODCON"), Some("usgov")),
        ("USGov", Some("DOD"), Some("usgov-dod")),
        ("NA", Some("GCC"), None),
        ("EU", None, None),
    ] {
        let tenant = builder().region(region, part).build();
        let client = tenant.client();
        let linked = client.link_tenant(tenant.id()).await;
        let Some(name) = name else {
            assert_eq!(linked.unwrap().found().region_part.as_deref(), part);
            continue;
        };
        let error = linked.unwrap_err();
        assert_eq!(error.code(), ErrorCode::WrongCloud);
        assert!(error.message().contains(name) && error.remedy().contains("login.microsoftonline.us"), "{error}");
        assert!(tenant.requests().iter().all(|request| request.path.ends_with("openid-configuration")));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_signs_in_links_their_own_tenant() {
    let scene = Scene::new();
    let ada = scene.adatum.add_user("Ada Lovelace", &[]);
    scene.adatum.auto_sign_in(Some(&ada));
    let client = Client::builder()
        .tenant("organizations")
        .device_code(public_client::AZURE_CLI, |_| {})
        .transport(std::sync::Arc::new(scene.cloud.clone()))
        .clock(scene.adatum.clock())
        .build()
        .unwrap();
    let linked = client.link_own_tenant().await.unwrap();
    assert_eq!(linked.tenant_id(), scene.adatum.id());
    assert_eq!(linked.client().organization().get().await.unwrap().id, Some(scene.adatum.id()));
    let all: Vec<_> = [&scene.partner, &scene.fabrikam, &scene.adatum].iter().flat_map(|it| it.requests()).collect();
    assert!(all.iter().all(|request| !request.path.ends_with("openid-configuration")), "the sign-in says it: {all:?}");
}

#[tokio::test(start_paused = true)]
async fn the_custom_level_registers_an_app_of_the_tenants_own() {
    let scene = Scene::new();
    let level = PermissionLevel::Custom { registration: registration() };
    let client = scene.cloud.client(&scene.partner);
    let linked = client.link_tenant("partner.onmicrosoft.com").await.unwrap();
    let plan = linked.plan(&level).await.unwrap();
    let registered = linked.client().apply(&plan).approve_all().await.unwrap();
    assert!(linked.verify(&level).await.unwrap().is_done());
    assert!(linked.plan(&level).await.unwrap().is_converged());
    assert!(linked.consent_link(&level, BACK).unwrap().is_none() && level.vendor_app().is_none());
    // Customers consent to the partner's own app.
    let app = level.registration().consent_app(registered.application.unwrap().app_id, linked.tenant_id());
    let link = client.admin_consent_link(&app, scene.fabrikam.id().into(), BACK).unwrap();
    assert!(link.url().path().contains(&scene.fabrikam.id().to_string()));
}

#[tokio::test(start_paused = true)]
async fn the_default_level_installs_the_vendors_app_and_registers_none() {
    let scene = Scene::new();
    // Adatum is the vendor.
    let vendor = scene.cloud.client(&scene.adatum);
    let app = registration();
    let registered = vendor.apply(&vendor.plan(&app).await.unwrap()).approve_all().await.unwrap();
    let app_id = registered.application.unwrap().app_id;
    let level = PermissionLevel::Default { app_id, publisher: scene.adatum.id(), registration: app };
    let json = serde_json::to_string(&level).unwrap();
    assert_eq!(serde_json::from_str::<PermissionLevel>(&json).unwrap(), level);
    for odd in [json.replace("default", "other"), json.replace("publisher", "publishers"), "{}".to_owned()] {
        assert!(serde_json::from_str::<PermissionLevel>(&odd).is_err(), "{odd}");
    }

    let client = scene.cloud.client(&scene.partner);
    let linked = client.link_tenant(scene.partner.id()).await.unwrap();
    // By an administrator in a browser …
    let link = linked.consent_link(&level, BACK).unwrap().expect("it is the vendor's app");
    assert!(link.url().query().unwrap().contains(&app_id.to_string()));
    let state = link.pending().state().to_owned();
    let query = format!("admin_consent=True&tenant={}&state={state}", linked.tenant_id());
    let reported = link.into_pending().accept(&AdminConsentCallback::parse(&query).unwrap()).unwrap();
    assert_eq!((reported.app_id(), reported.claimed_tenant()), (app_id, scene.partner.id()));
    let error = linked.consent_link(&level, "https://evil.example/").unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotARedirectUriOfTheApp);
    // … or by whoever may do it by Graph.
    let plan = linked.plan(&level).await.unwrap();
    assert!(plan.steps().iter().all(|step| step.id.kind() != StepKind::REGISTERED), "{plan}");
    let before = scene.partner.applications().len();
    linked.client().apply(&plan).approve_all().await.unwrap();
    assert!(linked.verify(&level).await.unwrap().is_done());
    assert_eq!(scene.partner.applications().len(), before);

    // An app of somebody else is refused before anything is written.
    let wrong = PermissionLevel::Default { app_id, publisher: scene.fabrikam.id(), registration: registration() };
    assert_eq!(linked.plan(&wrong).await.unwrap_err().code(), ErrorCode::WrongPublisher);
    let single = registration().audience(SignInAudience::SingleOrganization);
    let single = PermissionLevel::Default { app_id, publisher: scene.adatum.id(), registration: single };
    assert_eq!(linked.plan(&single).await.unwrap_err().code(), ErrorCode::SingleTenantRegistration);
}
