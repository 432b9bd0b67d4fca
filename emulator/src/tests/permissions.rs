//! The application permissions that each operation needs: the least that suffice, and what does not.

use serde_json::{Value, json};

use super::{Session, builder};
use entra_apps::ids::PermissionId;
use entra_apps::permission::{MICROSOFT_GRAPH, PermissionKind};

/// An operation, each set of permissions that is just enough, and sets that are not.
struct Row {
    method: &'static str,
    path: &'static str,
    enough: &'static [&'static [&'static str]],
    too_little: &'static [&'static [&'static str]],
}

const READ: &str = "Application.Read.All";
const WRITE: &str = "Application.ReadWrite.All";
const OWNED: &str = "Application.ReadWrite.OwnedBy";
const CREATE: &str = "AppRegistration.Create";
const DIR_READ: &str = "Directory.Read.All";
const DIR_WRITE: &str = "Directory.ReadWrite.All";
const ASSIGN: &str = "AppRoleAssignment.ReadWrite.All";
const GRANT: &str = "DelegatedPermissionGrant.ReadWrite.All";

const READ_APPS: &[&[&str]] = &[&[READ], &[OWNED], &[WRITE], &[DIR_READ], &[DIR_WRITE]];
const NOT_APPS: &[&[&str]] = &[&[], &[ASSIGN], &[GRANT], &[CREATE], &["User.Read.All"]];
const WRITE_APP: &[&[&str]] = &[&[WRITE], &[OWNED]];
const WRITE_ANY: &[&[&str]] = &[&[WRITE], &[OWNED], &[DIR_WRITE]];
/// Whoever may only read is refused every write.
const READERS: &[&[&str]] = &[
    &[],
    &[READ, DIR_READ, "Organization.Read.All", "Group.Read.All", "User.Read.All"],
    &[ASSIGN],
    &[GRANT],
    &[CREATE],
];

const ROWS: &[Row] = &[
    Row { method: "GET", path: "/applications", enough: READ_APPS, too_little: NOT_APPS },
    Row { method: "GET", path: "/applications/ID", enough: READ_APPS, too_little: NOT_APPS },
    Row { method: "GET", path: "/applications/delta", enough: READ_APPS, too_little: NOT_APPS },
    Row { method: "GET", path: "/applications/ID/owners", enough: READ_APPS, too_little: NOT_APPS },
    Row {
        method: "POST",
        path: "/applications",
        enough: &[&[WRITE], &[OWNED], &[CREATE]],
        too_little: &[&[], &[READ, DIR_READ], &[DIR_WRITE], &[ASSIGN]],
    },
    Row { method: "PATCH", path: "/applications/ID", enough: WRITE_APP, too_little: READERS },
    Row { method: "PATCH", path: "/applications(appId='ID')", enough: WRITE_APP, too_little: &[&[DIR_WRITE]] },
    Row { method: "DELETE", path: "/applications/ID", enough: WRITE_APP, too_little: READERS },
    Row { method: "POST", path: "/applications/ID/addPassword", enough: WRITE_ANY, too_little: READERS },
    Row { method: "POST", path: "/applications/ID/removePassword", enough: WRITE_ANY, too_little: READERS },
    Row { method: "POST", path: "/applications/ID/addKey", enough: WRITE_ANY, too_little: READERS },
    Row { method: "POST", path: "/applications/ID/removeKey", enough: WRITE_ANY, too_little: READERS },
    Row {
        method: "POST",
        path: "/applications/ID/owners/$ref",
        enough: &[&[WRITE, DIR_READ], &[OWNED, DIR_READ], &[DIR_WRITE]],
        too_little: &[&[], &[WRITE], &[OWNED], &[DIR_READ], &[WRITE, READ]],
    },
    Row { method: "DELETE", path: "/applications/ID/owners/ID/$ref", enough: WRITE_ANY, too_little: READERS },
    Row {
        method: "GET",
        path: "/applications/ID/federatedIdentityCredentials",
        enough: &[&[READ], &[OWNED], &[WRITE]],
        too_little: &[&[], &[DIR_READ], &[DIR_WRITE]],
    },
    Row {
        method: "POST",
        path: "/applications/ID/federatedIdentityCredentials",
        enough: WRITE_APP,
        too_little: READERS,
    },
    Row {
        method: "PATCH",
        path: "/applications/ID/federatedIdentityCredentials/x",
        enough: WRITE_APP,
        too_little: READERS,
    },
    Row {
        method: "DELETE",
        path: "/applications/ID/federatedIdentityCredentials/x",
        enough: WRITE_APP,
        too_little: READERS,
    },
    Row { method: "GET", path: "/servicePrincipals", enough: READ_APPS, too_little: NOT_APPS },
    Row { method: "GET", path: "/servicePrincipals/ID", enough: READ_APPS, too_little: NOT_APPS },
    Row { method: "GET", path: "/servicePrincipals/delta", enough: READ_APPS, too_little: NOT_APPS },
    Row { method: "GET", path: "/servicePrincipals/ID/owners", enough: READ_APPS, too_little: NOT_APPS },
    Row { method: "GET", path: "/servicePrincipals/ID/appRoleAssignments", enough: READ_APPS, too_little: NOT_APPS },
    Row { method: "GET", path: "/servicePrincipals/ID/appRoleAssignedTo", enough: READ_APPS, too_little: NOT_APPS },
    Row { method: "POST", path: "/servicePrincipals", enough: WRITE_ANY, too_little: READERS },
    Row { method: "PATCH", path: "/servicePrincipals/ID", enough: WRITE_ANY, too_little: READERS },
    Row { method: "DELETE", path: "/servicePrincipals/ID", enough: WRITE_ANY, too_little: READERS },
    Row { method: "POST", path: "/servicePrincipals/ID/addPassword", enough: WRITE_ANY, too_little: READERS },
    Row { method: "POST", path: "/servicePrincipals/ID/removePassword", enough: WRITE_ANY, too_little: READERS },
    Row {
        method: "POST",
        path: "/servicePrincipals/ID/appRoleAssignedTo",
        enough: &[&[ASSIGN, READ], &[ASSIGN, DIR_READ]],
        too_little: &[&[], &[ASSIGN], &[READ, DIR_READ], &[WRITE, DIR_READ], &[DIR_WRITE]],
    },
    Row {
        method: "POST",
        path: "/servicePrincipals/ID/appRoleAssignments",
        enough: &[&[ASSIGN, READ], &[ASSIGN, DIR_READ]],
        too_little: &[&[], &[ASSIGN], &[READ, DIR_READ], &[WRITE, DIR_READ], &[DIR_WRITE]],
    },
    Row {
        method: "DELETE",
        path: "/servicePrincipals/ID/appRoleAssignedTo/x",
        enough: &[&[ASSIGN], &[WRITE]],
        too_little: &[&[], &[READ, DIR_READ], &[GRANT], &[DIR_WRITE]],
    },
    Row {
        method: "DELETE",
        path: "/servicePrincipals/ID/appRoleAssignments/x",
        enough: &[&[ASSIGN], &[WRITE]],
        too_little: &[&[], &[READ, DIR_READ], &[GRANT], &[DIR_WRITE]],
    },
    Row {
        method: "GET",
        path: "/servicePrincipals/ID/oauth2PermissionGrants",
        enough: &[&[DIR_READ], &[GRANT], &[DIR_WRITE]],
        too_little: &[&[], &[READ], &[WRITE]],
    },
    Row {
        method: "GET",
        path: "/oauth2PermissionGrants",
        enough: &[&[DIR_READ], &[GRANT], &[DIR_WRITE]],
        too_little: &[&[], &[READ], &[WRITE]],
    },
    Row {
        method: "GET",
        path: "/oauth2PermissionGrants/delta",
        enough: &[&[DIR_READ], &[GRANT], &[DIR_WRITE]],
        too_little: &[&[], &[READ], &[WRITE]],
    },
    Row {
        method: "GET",
        path: "/oauth2PermissionGrants/x",
        enough: &[&[DIR_READ], &[GRANT], &[DIR_WRITE]],
        too_little: &[&[], &[READ], &[WRITE]],
    },
    Row {
        method: "POST",
        path: "/oauth2PermissionGrants",
        enough: &[&[GRANT], &[DIR_WRITE]],
        too_little: &[&[], &[DIR_READ, READ], &[WRITE], &[ASSIGN]],
    },
    Row {
        method: "PATCH",
        path: "/oauth2PermissionGrants/x",
        enough: &[&[GRANT], &[DIR_WRITE]],
        too_little: &[&[], &[DIR_READ, READ], &[WRITE]],
    },
    Row {
        method: "DELETE",
        path: "/oauth2PermissionGrants/x",
        enough: &[&[GRANT], &[DIR_WRITE]],
        too_little: &[&[], &[DIR_READ, READ], &[WRITE]],
    },
    Row {
        method: "GET",
        path: "/directory/deletedItems/microsoft.graph.application",
        enough: READ_APPS,
        too_little: NOT_APPS,
    },
    Row { method: "POST", path: "/directory/deletedItems/ID/restore", enough: WRITE_APP, too_little: READERS },
    Row { method: "DELETE", path: "/directory/deletedItems/ID", enough: &[&[WRITE]], too_little: READERS },
    Row {
        method: "GET",
        path: "/organization",
        enough: &[&["Organization.Read.All"], &["Organization.ReadWrite.All"], &[DIR_READ], &[DIR_WRITE]],
        too_little: &[&[], &[READ], &[WRITE]],
    },
    Row {
        method: "GET",
        path: "/users",
        enough: &[&["User.ReadBasic.All"], &["User.Read.All"], &["User.ReadWrite.All"], &[DIR_READ]],
        too_little: &[&[], &[READ], &["Group.Read.All"]],
    },
    Row {
        method: "POST",
        path: "/users",
        enough: &[&["User.ReadWrite.All"], &[DIR_WRITE]],
        too_little: &[&[], &["User.Read.All", DIR_READ], &[WRITE]],
    },
    Row {
        method: "GET",
        path: "/groups",
        enough: &[&["GroupMember.Read.All"], &["Group.Read.All"], &["Group.ReadWrite.All"], &[DIR_READ]],
        too_little: &[&[], &[READ], &["User.Read.All"]],
    },
    Row {
        method: "POST",
        path: "/groups",
        enough: &[&["Group.Create"], &["Group.ReadWrite.All"], &[DIR_WRITE]],
        too_little: &[&[], &["Group.Read.All", DIR_READ], &["GroupMember.ReadWrite.All"], &[WRITE]],
    },
    Row {
        method: "POST",
        path: "/groups/ID/members/$ref",
        enough: &[&["GroupMember.ReadWrite.All"], &["Group.ReadWrite.All"], &[DIR_WRITE]],
        too_little: &[&[], &["Group.Read.All", DIR_READ], &["Group.Create"]],
    },
    Row {
        method: "DELETE",
        path: "/groups/ID",
        enough: &[&["Group.ReadWrite.All"], &[DIR_WRITE]],
        too_little: &[&[], &["Group.Read.All", DIR_READ], &["GroupMember.ReadWrite.All"]],
    },
    Row {
        method: "GET",
        path: "/users/ID/appRoleAssignments",
        enough: &[&[ASSIGN, "User.ReadBasic.All"], &[ASSIGN, "User.Read.All"], &[READ], &[DIR_READ]],
        too_little: &[&[], &[ASSIGN], &["User.ReadBasic.All"], &["User.Read.All"], &[ASSIGN, "Group.Read.All"]],
    },
    Row {
        method: "GET",
        path: "/groups/ID/appRoleAssignments",
        enough: &[&[ASSIGN, "GroupMember.Read.All"], &[READ], &[DIR_READ]],
        too_little: &[&[], &[ASSIGN], &["Group.Read.All"], &[ASSIGN, "User.ReadBasic.All"]],
    },
    Row { method: "GET", path: "/directoryObjects/ID", enough: &[&[DIR_READ]], too_little: &[&[], &["User.Read.All"]] },
    Row { method: "POST", path: "/directoryObjects/getByIds", enough: &[&[DIR_READ]], too_little: &[&[], &[GRANT]] },
];

#[tokio::test(start_paused = true)]
async fn each_operation_needs_what_the_documentation_says_and_no_more() {
    // The catalogue does not have this one yet.
    let id = PermissionId::from_u128(0x0c0f_fee0_0000_4000_8000_0000_0000_0001);
    let tenant = builder().permission(MICROSOFT_GRAPH, PermissionKind::Application, CREATE, id).build();
    for row in ROWS {
        let path = row.path.replace("ID", "9f0c7d5e-3b0a-4a57-8f5e-2c8a3f1d0001");
        let body = (row.method == "POST" || row.method == "PATCH").then(|| json!({"x": 1}));
        let all = [(row.enough, false), (row.too_little, true)];
        for (set, refused) in all.into_iter().flat_map(|(sets, refused)| sets.iter().map(move |set| (set, refused))) {
            let session = Session::of(&tenant, &tenant.add_caller(set)).await;
            let response = session.send(row.method, &path, body.clone()).await;
            // A caller with the permission gets 404 or 400 instead of 403.
            assert_eq!(
                response.status == 403,
                refused,
                "{} {} with {set:?}: {:#}",
                row.method,
                row.path,
                response.body
            );
            if refused {
                response.refused(403, "Authorization_RequestDenied");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_to_what_is_owned_ends_at_what_others_own() {
    let tenant = builder().build();
    let everything = Session::new(&tenant).await;
    let (app, principal) = everything.app_and_principal("Theirs").await;
    let owner = Session::of(&tenant, &tenant.add_caller(&[OWNED, DIR_READ])).await;
    let (own, _) = owner.app_and_principal("Mine").await;
    let path = |object: &Value, kind: &str| format!("/{kind}/{}", object["id"].as_str().unwrap());
    let body = json!({"notes": "changed"});
    owner.patch(&path(&own, "applications"), body.clone()).await.expect(204);
    for theirs in [path(&app, "applications"), path(&principal, "servicePrincipals")] {
        owner.patch(&theirs, body.clone()).await.refused(403, "Authorization_RequestDenied");
        owner.send("DELETE", &theirs, None).await.refused(403, "Authorization_RequestDenied");
        owner.post(&format!("{theirs}/addPassword"), json!({})).await.refused(403, "Authorization_RequestDenied");
    }
    let federated = format!("{}/federatedIdentityCredentials", path(&app, "applications"));
    owner.post(&federated, json!({"name": "x"})).await.refused(403, "Authorization_RequestDenied");
}
