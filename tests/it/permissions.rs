//! Permissions by name and by id, of Microsoft Graph and of other APIs: what the tenant publishes counts.

use entra_apps::AppRegistration;
use entra_apps::ids::{AppId, PermissionId};
use entra_apps::permission::microsoft_graph::application;
use entra_apps::permission::{MICROSOFT_GRAPH, Permission, PermissionKind};
use entra_emulator::Api;

use crate::support::{builder, builder_with_own_id, guides, register, tenant};

fn app() -> AppRegistration {
    AppRegistration::new("k", "App")
}

#[tokio::test(start_paused = true)]
async fn optional_permissions_are_neither_declared_nor_granted_unless_selected() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::immybot::registration("contoso").unwrap().select("Join AzureAD task").unwrap();
    let app_id = register(&client, &registration).await.application.unwrap().app_id;
    let declared = client.applications().get(app_id).await.unwrap().required_resource_access;
    let ids: Vec<_> = declared[0].resource_access.iter().filter_map(|access| access.id).collect();
    let wanted = application::DEVICE_MANAGEMENT_MANAGED_DEVICES_READ_WRITE_ALL.id().unwrap();
    assert!(ids.contains(&wanted) && ids.len() == 4, "{ids:?}");
    let error = guides::immybot::registration("contoso").unwrap().select("Mow the lawn").unwrap_err();
    assert_eq!(error.code().as_str(), "unknown_purpose");
    assert!(error.to_string().contains("Enroll in Autopilot"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn without_admin_consent_nothing_is_granted() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false).without_admin_consent();
    let app_id = register(&client, &registration).await.application.unwrap().app_id;
    assert!(client.app_role_assignments().list_held_by(app_id).all().await.unwrap().is_empty());
    assert!(!client.verify(&registration).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn an_api_that_the_tenant_lacks_is_named() {
    let tenant = tenant();
    let api = AppId::from_u128(42);
    let wanted = Permission::by_name(api, "Things.Read", PermissionKind::Application).unwrap();
    let error = tenant.client().plan(&app().permission(wanted)).await.unwrap_err();
    assert_eq!(error.code().as_str(), "api_not_in_tenant", "{error}");
    assert!(error.to_string().contains(&api.to_string()), "{error}");
}

#[tokio::test(start_paused = true)]
async fn permissions_of_another_api_are_looked_up_by_name() {
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
async fn a_permission_whose_id_differs_in_this_tenant_is_corrected_and_converges() {
    let other = PermissionId::from_u128(0xabcd);
    let tenant = builder_with_own_id("AuditLog.Read.All", other).build();
    let client = tenant.client();
    let registration = guides::patch_my_pc::registration();
    let registered = register(&client, &registration).await;
    assert_eq!(registered.corrections.len(), 1, "{:?}", registered.corrections);
    let app = client.applications().get(registered.application.unwrap().app_id).await.unwrap();
    assert_eq!(app.required_resource_access[0].resource_access.len(), 1);
    assert_eq!(app.required_resource_access[0].resource_access[0].id, Some(other));
    let plan = client.plan(&registration).await.unwrap();
    assert!(plan.is_converged(), "{plan}");
    assert!(client.verify(&registration).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_the_cloud_lacks_is_named() {
    let tenant = builder().without_permission(MICROSOFT_GRAPH, "AuditLog.Read.All").build();
    let client = tenant.client();
    let plan = client.plan(&guides::patch_my_pc::registration()).await.unwrap();
    let error = client.apply(&plan).await.unwrap_err();
    assert_eq!(error.error().code().as_str(), "permission_not_in_tenant", "{error}");
    assert!(error.to_string().contains("AuditLog.Read.All"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_same_permission_by_id_and_by_name_is_refused() {
    let api = AppId::from_u128(42);
    let things = Api::new(api, "Things").delegated_permission("Things.Use", PermissionId::from_u128(8));
    let client = builder().api(things).build().client();
    let registration = app()
        .permission(Permission::by_name(api, "Things.Use", PermissionKind::Delegated).unwrap())
        .permission(Permission::by_id(api, PermissionId::from_u128(8), PermissionKind::Delegated));
    assert_eq!(client.plan(&registration).await.unwrap_err().code().as_str(), "permission_twice");
}
