//! One object, of the type that the first byte says: read, shown, and written again.
#![no_main]

use entra_apps::ids::{AppId, AppRoleAssignmentId, OAuth2PermissionGrantId};
use entra_apps::model::{NewAppRoleAssignment, NewPasswordCredential, OAuth2PermissionGrantPatch};
use entra_apps_fuzz::{Answer, Scripted, block_on, check, client};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, body)) = data.split_first() else { return };
    let client = client(Scripted::again(vec![Answer::ok(body)]));
    let id = AppId::from_u128(7);
    let grant = OAuth2PermissionGrantId::new("grant");
    block_on(async {
        match kind % 8 {
            0 => drop(check(client.applications().find(id).await).map(|it| serde_json::to_string(&it).unwrap())),
            1 => drop(check(client.service_principals().get(id).await).map(|it| serde_json::to_string(&it).unwrap())),
            2 => drop(
                check(client.applications().add_password(id, &NewPasswordCredential::new()).await)
                    .map(|it| serde_json::to_string(&it).unwrap()),
            ),
            3 => drop(check(client.oauth2_permission_grants().get(&grant).await).map(|it| {
                let _ = it.scopes().count();
                serde_json::to_string(&it).unwrap()
            })),
            4 => drop(check(client.organization().get().await)),
            5 => drop(check(client.deleted_items().get(entra_apps::ids::DirectoryObjectId::from_u128(1)).await)),
            6 => {
                check(client.oauth2_permission_grants().update(&grant, &OAuth2PermissionGrantPatch::new()).await);
            }
            _ => {
                let one = entra_apps::ids::ServicePrincipalId::from_u128(1);
                let new = NewAppRoleAssignment::new(one, one, entra_apps::ids::PermissionId::from_u128(1));
                if let Some(made) = check(client.app_role_assignments().create(&new).await) {
                    serde_json::to_string(&made).unwrap();
                    let made = made.id.unwrap_or_else(|| AppRoleAssignmentId::new(""));
                    check(client.app_role_assignments().delete(one, &made).await);
                }
            }
        }
    });
});
