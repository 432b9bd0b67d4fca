//! One object, of the type that the first byte says: read, shown, and written again. What cannot be read costs no other
//! member, and is written as it came.
#![no_main]

use entra_apps::ids::{AppId, AppRoleAssignmentId, OAuth2PermissionGrantId};
use std::fmt::Debug;

use entra_apps::model::{
    AppRoleAssignment, Application, DeletedItem, NewAppRoleAssignment, NewPasswordCredential, OAuth2PermissionGrant,
    OAuth2PermissionGrantPatch, Organization, PasswordCredential, ServicePrincipal,
};
use entra_apps_fuzz::{Answer, Scripted, block_on, check, client};
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Members that are read and never written.
const NEVER_WRITTEN: [&str; 2] = ["hint", "secretText"];

/// Whether every member that came is written, at every depth; items of lists are written in another order.
fn is_kept(came: &Value, written: &Value) -> bool {
    match (came, written) {
        (Value::Object(came), Value::Object(written)) => came.iter().all(|(name, value)| {
            let is_written = || written.get(name).is_some_and(|written| is_kept(value, written));
            value.is_null() || NEVER_WRITTEN.contains(&name.as_str()) || is_written()
        }),
        (Value::Array(came), Value::Array(written)) => came.len() == written.len(),
        // Dates and ids are written in one form.
        (Value::String(_), Value::String(_)) => true,
        (came, written) => came == written,
    }
}

/// Reads an object, and reads it again with one of its members in another form.
fn check_reading<T: DeserializeOwned + Serialize + PartialEq + Debug>(kind: u8, body: &[u8]) {
    let Ok(came @ Value::Object(_)) = serde_json::from_slice::<Value>(body) else { return };
    let read = |value: &Value| serde_json::from_value::<T>(value.clone()).ok();
    let Some(object) = read(&came) else { return };
    let written = serde_json::to_value(&object).unwrap();
    assert!(is_kept(&came, &written), "{came} was written as {written}");
    // At any depth.
    let text = came.to_string();
    let is_written_whole = NEVER_WRITTEN.iter().all(|name| !text.contains(&format!("\"{name}\":")));
    assert!(!is_written_whole || read(&written).as_ref() == Some(&object), "{written}");
    let names: Vec<&String> = came.as_object().unwrap().keys().collect();
    if names.is_empty() {
        return;
    }
    let spoilt_name = names[usize::from(kind) % names.len()];
    for odd in [json!(null), json!(7.5), json!("odd"), json!([[null]]), json!({"odd": 1})] {
        let mut spoilt = came.clone();
        spoilt[spoilt_name] = odd;
        // A form that is not Graph's is refused, of which single members tell.
        let Some(read) = read(&spoilt) else { continue };
        let mut rest = [serde_json::to_value(&read).unwrap(), written.clone()];
        for value in &mut rest {
            value.as_object_mut().unwrap().remove(spoilt_name);
        }
        assert_eq!(rest[0], rest[1], "{spoilt_name} of {came}");
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, body)) = data.split_first() else { return };
    match kind % 8 {
        0 => check_reading::<Application>(kind / 8, body),
        1 => check_reading::<ServicePrincipal>(kind / 8, body),
        2 => check_reading::<PasswordCredential>(kind / 8, body),
        3 => check_reading::<OAuth2PermissionGrant>(kind / 8, body),
        4 => check_reading::<Organization>(kind / 8, body),
        5 => check_reading::<DeletedItem>(kind / 8, body),
        _ => check_reading::<AppRoleAssignment>(kind / 8, body),
    }
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
