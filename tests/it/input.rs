//! Bad input gets a clear error before anything is sent, and a refusal the sentence to act on.

use entra_apps::ids::AppId;
use entra_apps::model::NewPasswordCredential;
use entra_apps::permission::{MICROSOFT_GRAPH, Permission, PermissionKind, microsoft_graph::application};
use entra_apps::secrecy::SecretString;
use entra_apps::{AppRegistration, ClientSecret, ErrorKind, Platform, SignInAudience};
use entra_emulator::SecretPolicy;

use crate::guides;
use crate::support::{builder, builder_with_own_id, register, tenant};

fn app() -> AppRegistration {
    AppRegistration::new("k", "App")
}

#[tokio::test(start_paused = true)]
async fn bad_input_is_refused_before_anything_is_sent() {
    let long = "x".repeat(257);
    let cases = [
        ("display_name", AppRegistration::new("k", "")),
        ("display_name", AppRegistration::new("k", &long)),
        ("key", AppRegistration::new(" ", "App")),
        ("redirect_uri", app().redirect_uri(Platform::Web, "http://contoso.example/cb")),
        ("redirect_uri", app().redirect_uri(Platform::Web, "https://contoso.example/cb#x")),
        ("redirect_uri", app().redirect_uri(Platform::Web, format!("https://contoso.example/{long}"))),
        (
            "redirect_uri",
            app().audience(SignInAudience::PersonalAccounts).redirect_uri(Platform::Web, "https://*.contoso.example"),
        ),
        (
            "redirect_uri_twice",
            app().redirect_uri(Platform::Web, "https://a.example").redirect_uri(Platform::Spa, "https://A.example"),
        ),
        ("secret_lifetime", app().credential(ClientSecret::new("x").valid_for_days(0))),
        (
            "secret_lifetime",
            app().credential(ClientSecret::new("x").valid_until(entra_apps::time::OffsetDateTime::UNIX_EPOCH)),
        ),
        (
            "permission_twice",
            app().permission(application::DIRECTORY_READ_ALL).permission(application::DIRECTORY_READ_ALL),
        ),
        (
            "too_many_secrets",
            app()
                .audience(SignInAudience::MultipleOrganizationsAndPersonalAccounts)
                .credential(ClientSecret::new("1"))
                .credential(ClientSecret::new("2"))
                .credential(ClientSecret::new("3")),
        ),
        ("tag", app().tag("two words")),
        ("page", app().homepage("http://contoso.example")),
        ("audience", app().audience(SignInAudience::Other("Everybody".to_owned()))),
    ];
    for (code, registration) in cases {
        let tenant = tenant();
        let error = tenant.client().plan(&registration).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, code), "{error}");
        assert!(error.remedy().is_some(), "{error}");
        assert!(tenant.requests().is_empty(), "{code}: nothing is sent");
    }
}

#[test]
fn permissions_by_name_are_corrected() {
    let typo = Permission::application("Directory.Raed.All").unwrap_err();
    assert_eq!(typo.kind(), ErrorKind::Invalid);
    assert!(typo.to_string().contains("Directory.Read.All"), "{typo}");
    let kind =
        Permission::application("User.ReadBasic.Mine").or_else(|_| Permission::application("openid")).unwrap_err();
    assert_eq!(kind.code(), "wrong_permission_kind", "{kind}");
    let team = Permission::application("Channel.Create.Group").unwrap_err();
    assert_eq!(team.code(), "resource_specific_permission", "{team}");
    assert!("not-a-guid".parse::<entra_apps::ids::AppId>().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_and_a_secrets_id_are_told_apart() {
    let tenant = tenant();
    let caller = tenant.caller();
    for (secret, code, words) in [
        ("nonsense", "wrong_secret", "Value"),
        (
            "5f2d5e0a-6f7d-4a94-8f0e-7b2f4a5a9a10",
            "secret_id_instead_of_value",
            "That is the secret's ID, copy its Value",
        ),
    ] {
        let client =
            tenant.client_builder().client_secret(caller.client_id, SecretString::from(secret)).build().unwrap();
        let error = client.plan(&app()).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::SignIn, code));
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.service_code(), Some("AADSTS7000215"));
        assert!(error.request_id().is_some());
        assert!(!error.to_string().contains(secret) && !format!("{error:?}").contains(secret));
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_named() {
    let tenant = tenant();
    let caller = tenant.add_caller(&["Application.Read.All", "Directory.Read.All"]);
    let client = tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build().unwrap();
    let plan = client.plan(&app()).await.unwrap();
    let error = client.apply(&plan).await.unwrap_err();
    let error = error.error();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, "missing_permission"));
    assert_eq!(error.service_code(), Some("Authorization_RequestDenied"));
    assert!(error.to_string().contains("Application.ReadWrite.All"), "{error}");
    assert!(error.request_id().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_apply_that_may_not_grant_does_the_rest_and_says_what_is_missing() {
    let tenant = tenant();
    let caller = tenant.add_caller(&["Application.ReadWrite.All", "Directory.Read.All"]);
    let client = tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build().unwrap();
    let plan = client.plan(&guides::netwrix::registration("Contoso", false)).await.unwrap();
    let error = client.apply(&plan).await.unwrap_err();
    assert!(error.error().to_string().contains("AppRoleAssignment.ReadWrite.All"), "{error}");
    assert_eq!(error.report().secrets.len(), 1, "the secret is handed out all the same");
    assert!(error.report().application.as_ref().unwrap().service_principal_id.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_forbids_the_lifetime_is_said() {
    let lifetime = std::time::Duration::from_secs(30 * 24 * 3600);
    let policy = SecretPolicy::MaxLifetime { policy_id: entra_apps::uuid::Uuid::from_u128(5), lifetime };
    let tenant = builder().secret_policy(policy).build();
    let client = tenant.client();
    let registration = app().credential(ClientSecret::new("x").valid_for_days(180));
    let plan = client.plan(&registration).await.unwrap();
    let error = client.apply(&plan).await.unwrap_err();
    assert_eq!((error.error().kind(), error.error().code()), (ErrorKind::Refused, "secret_lifetime_policy"), "{error}");
    assert!(error.to_string().contains("policy"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_key_held_by_a_deleted_app_is_said() {
    let tenant = tenant();
    let client = tenant.client();
    let app_id = register(&client, &app()).await.application.unwrap().application_id;
    client.applications().delete(app_id).await.unwrap();
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    let plan = client.plan(&app()).await.unwrap();
    let error = client.apply(&plan).await.unwrap_err();
    assert_eq!((error.error().kind(), error.error().code()), (ErrorKind::Conflict, "key_taken"), "{error}");
    assert!(error.to_string().contains("Restore or purge"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_api_that_the_tenant_lacks_is_named() {
    let tenant = tenant();
    let api = entra_apps::ids::AppId::from_u128(42);
    let wanted = Permission::by_name(api, "Things.Read", PermissionKind::Application).unwrap();
    let error = tenant.client().plan(&app().permission(wanted)).await.unwrap_err();
    assert_eq!(error.code(), "api_not_in_tenant", "{error}");
    assert!(error.to_string().contains(&api.to_string()), "{error}");
}

#[tokio::test(start_paused = true)]
async fn permissions_of_another_api_are_looked_up_by_name() {
    use entra_apps::ids::{AppId, PermissionId};
    use entra_emulator::Api;
    let api = AppId::from_u128(42);
    let things = Api::new(api, "Things")
        .application_permission("Things.Read", PermissionId::from_u128(7))
        .delegated_permission("Things.Use", PermissionId::from_u128(8));
    let tenant = builder().api(things).build();
    let client = tenant.client();
    let by_name = |name, kind| Permission::by_name(api, name, kind).unwrap();
    let registration = app()
        .permission(by_name("Things.Read", PermissionKind::Application))
        .permission(Permission::by_id(api, PermissionId::from_u128(8), PermissionKind::Delegated))
        .permission(application::DIRECTORY_READ_ALL);
    let app_id = register(&client, &registration).await.application.unwrap().app_id;
    assert!(client.verify(&registration).await.unwrap().is_done());
    let grants = client.oauth2_permission_grants().list_held_by(app_id).all().await.unwrap();
    assert_eq!(grants[0].scopes().collect::<Vec<_>>(), ["Things.Use"]);

    let typo = app().permission(by_name("Things.Raed", PermissionKind::Application));
    let error = client.plan(&typo).await.unwrap_err();
    assert!(error.to_string().contains("Did you mean Things.Read"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_permission_whose_id_differs_in_this_tenant_is_corrected() {
    use entra_apps::ids::PermissionId;
    let other = PermissionId::from_u128(0xabcd);
    let tenant = builder_with_own_id("AuditLog.Read.All", other).build();
    let client = tenant.client();
    let registration = guides::patch_my_pc::registration();
    let registered = register(&client, &registration).await;
    assert_eq!(registered.corrections.len(), 1, "{:?}", registered.corrections);
    let app = client.applications().get(registered.application.unwrap().app_id).await.unwrap();
    assert_eq!(app.required_resource_access[0].resource_access.len(), 1);
    assert_eq!(app.required_resource_access[0].resource_access[0].id, Some(other));
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_the_cloud_lacks_is_named() {
    let tenant = builder().without_permission(MICROSOFT_GRAPH, "AuditLog.Read.All").build();
    let client = tenant.client();
    let plan = client.plan(&guides::patch_my_pc::registration()).await.unwrap();
    let error = client.apply(&plan).await.unwrap_err();
    assert_eq!(error.error().code(), "permission_unknown_in_tenant", "{error}");
    assert!(error.to_string().contains("AuditLog.Read.All"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn names_arrive_as_they_are() {
    for (place, name) in
        ["O'Brien & Sons #1", "../../x", "a/b?c", "100% 😀", "مرحبا \u{202e}abc", "'; drop", "+ %2F"].iter().enumerate()
    {
        let tenant = tenant();
        let client = tenant.client();
        let registration = AppRegistration::new(*name, *name).notes(*name).permission(application::DIRECTORY_READ_ALL);
        let app_id = register(&client, &registration).await.application.unwrap().app_id;
        let app = client.applications().get(app_id).await.unwrap();
        assert_eq!(app.display_name.as_deref(), Some(*name), "{place}");
        assert_eq!(app.unique_name.as_deref(), Some(*name), "{place}");
        assert_eq!(app.notes.as_deref(), Some(*name), "{place}");
        assert!(client.plan(&registration).await.unwrap().is_converged(), "{place}");
        let twin = AppRegistration::new("another", *name);
        let plan = client.plan(&twin).await.unwrap();
        assert!(plan.lines().iter().any(|line| line.code == format!("same_name:{app_id}")), "{place}: {plan}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_cannot_be_written_is_refused_before_it_is_sent() {
    let before_year_zero = entra_apps::time::OffsetDateTime::UNIX_EPOCH - entra_apps::time::Duration::days(800_000);
    let secret = NewPasswordCredential::new().end(before_year_zero);
    let client = tenant().client();
    let error = client.applications().add_password(AppId::from_u128(1), &secret).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "invalid_body"));
    assert!(!error.maybe_done(), "{error}");
}
