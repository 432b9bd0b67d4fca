//! Service principals: one for each application at most.

use entra_apps::ErrorKind;
use entra_apps::model::{ApplicationPatch, NewServicePrincipal, RedirectUrisPatch, ServicePrincipalPatch, WebPatch};

use super::scene::{Scene, agree};

pub(super) async fn a_service_principal_is_made_once(scene: Scene) {
    let app = scene.app("Once").await;
    let principals = scene.client().service_principals();
    let error = principals.create(&NewServicePrincipal::new(app.app_id)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status().map(|status| status.as_u16())),
        (ErrorKind::Conflict, Some(409)),
        "{error}"
    );
    assert!(error.has_service_code("Request_MultipleObjectsWithSameKeyValue"), "{error:?}");
    let read = principals.get(app.app_id).await.unwrap();
    assert_eq!((read.id, read.app_id, read.account_enabled), (Some(app.principal), Some(app.app_id), Some(true)));
    assert_eq!(read.app_owner_organization_id, Some(scene.client().tenant_id().await.unwrap()));
}

pub(super) async fn an_upsert_makes_one_service_principal(scene: Scene) {
    let app_id = scene.create(&scene.new_application("Upsert")).await.app_id.unwrap();
    let principals = scene.client().service_principals();
    let made = principals.upsert(app_id, &ServicePrincipalPatch::new().notes("one")).await.unwrap().unwrap();
    scene.made_principal(made.id.unwrap());
    let again = principals.upsert(app_id, &ServicePrincipalPatch::new().notes("two")).await.unwrap();
    assert!(again.is_none(), "it was changed, not created");
    let read = agree(async || principals.get(app_id).await, |read| read.notes.as_deref() == Some("two")).await;
    assert_eq!(read.id, made.id);
}

pub(super) async fn a_service_principal_needs_an_application(scene: Scene) {
    let nobody = NewServicePrincipal::new(scene.random_id().into());
    let error = scene.client().service_principals().create(&nobody).await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(400), "{error}");
    assert!(error.has_service_code("NoBackingApplicationObject"), "{error:?}");
}

pub(super) async fn a_service_principal_shows_its_application(scene: Scene) {
    let app = scene.app("Shown").await;
    let uri = "https://shown.contoso.example/callback".to_owned();
    let patch = ApplicationPatch::new()
        .display_name(scene.name("Shown II"))
        .identifier_uris(vec![format!("api://{}", app.app_id)])
        .web(WebPatch::new().redirect_uris(vec![uri.clone()]))
        .spa(RedirectUrisPatch::new().redirect_uris(vec![uri.replace("callback", "spa")]));
    scene.client().applications().update(app.id, &patch).await.unwrap();
    let principals = scene.client().service_principals();
    let shows = |name: &Option<String>| *name == Some(scene.name("Shown II"));
    let read = agree(
        async || principals.get(app.principal).await,
        |read| shows(&read.app_display_name) && read.reply_urls.len() == 2 && read.service_principal_names.len() == 2,
    )
    .await;
    assert!(read.reply_urls.contains(&uri), "{:?}", read.reply_urls);
    for name in [app.app_id.to_string(), format!("api://{}", app.app_id)] {
        assert!(read.service_principal_names.contains(&name), "{:?}", read.service_principal_names);
    }
}

pub(super) async fn a_service_principal_is_changed_and_deleted(scene: Scene) {
    let app = scene.app("Changed").await;
    let principals = scene.client().service_principals();
    let patch = ServicePrincipalPatch::new().account_disabled().notes("off");
    principals.update(app.principal, &patch).await.unwrap();
    agree(
        async || principals.get(app.principal).await,
        |read| read.account_enabled == Some(false) && read.notes.as_deref() == Some("off"),
    )
    .await;
    principals.delete(app.app_id).await.unwrap();
    agree(async || principals.find(app.principal).await, Option::is_none).await;
    assert!(scene.client().applications().find(app.id).await.unwrap().is_some(), "the application stays");
}

pub(super) async fn a_service_principal_goes_with_its_application(scene: Scene) {
    let app = scene.app("Goes").await;
    scene.client().applications().delete(app.id).await.unwrap();
    let principals = scene.client().service_principals();
    agree(async || principals.find(app.principal).await, Option::is_none).await;
}
