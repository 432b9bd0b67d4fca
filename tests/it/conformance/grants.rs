//! What is granted: application permissions and delegated ones, of an API that the case makes itself.

use std::collections::BTreeSet;

use entra_apps::ErrorKind;
use entra_apps::api::Filter;
use entra_apps::model::{
    ConsentType, NewAppRoleAssignment, NewOAuth2PermissionGrant, OAuth2PermissionGrantPatch,
    OAuth2PermissionGrantProperty,
};

use super::scene::{SCOPE, Scene, agree};

pub(super) async fn an_app_role_is_granted_once_listed_from_both_sides_and_taken_away(scene: Scene) {
    let (api, app) = (scene.api().await, scene.app("Client").await);
    let assignments = scene.client().app_role_assignments();
    let new = NewAppRoleAssignment::new(app.principal, api.app.principal, api.role);
    let made = assignments.create(&new).await.unwrap();
    assert_eq!(made.principal_id.map(|id| id.as_uuid()), Some(app.principal.as_uuid()));
    assert_eq!((made.resource_id, made.app_role_id), (Some(api.app.principal), Some(api.role)));
    let again = assignments.create(&new).await.unwrap_err();
    assert_eq!((again.kind(), again.code().as_str()), (ErrorKind::Conflict, "already_granted"), "{again}");
    for list in [&|| assignments.list_held_by(app.principal), &|| assignments.list_of_resource(api.app.principal)]
        as [&dyn Fn() -> _; 2]
    {
        let listed = agree(async || list().all().await, |found| !found.is_empty()).await;
        assert_eq!(listed.iter().map(|found| &found.id).collect::<Vec<_>>(), [&made.id]);
    }
    assignments.delete(api.app.principal, &made.id.unwrap()).await.unwrap();
    agree(async || assignments.list_held_by(app.principal).all().await, Vec::is_empty).await;
}

pub(super) async fn a_role_that_the_api_lacks_cannot_be_granted(scene: Scene) {
    let (api, app) = (scene.api().await, scene.app("Client").await);
    let unknown = NewAppRoleAssignment::new(app.principal, api.app.principal, scene.random_id().into());
    let error = scene.client().app_role_assignments().create(&unknown).await.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Refused, "permission_not_in_tenant"), "{error}");
}

pub(super) async fn delegated_permissions_are_granted_once_changed_and_taken_away(scene: Scene) {
    let (api, app) = (scene.api().await, scene.app("Client").await);
    let grants = scene.client().oauth2_permission_grants();
    let new = NewOAuth2PermissionGrant::for_all_principals(app.principal, api.app.principal, [SCOPE]);
    let made = grants.create(&new).await.unwrap();
    assert_eq!((made.client_id, made.resource_id), (Some(app.principal), Some(api.app.principal)));
    assert_eq!((made.consent_type, made.principal_id), (Some(ConsentType::AllPrincipals), None));
    let id = made.id.unwrap();
    let again = grants.create(&new).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict, "{again}");
    assert!(again.service_message().is_some_and(|said| said.contains("Permission entry already exists")), "{again}");

    let wider = [SCOPE, "openid"];
    grants.update(&id, &OAuth2PermissionGrantPatch::new().scopes(wider)).await.unwrap();
    let read = agree(async || grants.get(&id).await, |read| read.scopes().count() == 2).await;
    assert_eq!(read.scopes().collect::<BTreeSet<_>>(), BTreeSet::from(wider));
    let filtered = || grants.list().filter(Filter::eq(OAuth2PermissionGrantProperty::ClientId, app.principal));
    for list in [&|| filtered(), &|| grants.list_held_by(app.principal)] as [&dyn Fn() -> _; 2] {
        let listed = agree(async || list().all().await, |found| !found.is_empty()).await;
        assert_eq!(listed.iter().map(|found| found.id.clone()).collect::<Vec<_>>(), [Some(id.clone())]);
    }
    grants.delete(&id).await.unwrap();
    agree(async || grants.find(&id).await, Option::is_none).await;
}
