//! What each caller is told to expect.

use uuid::Uuid;

use super::*;
use crate::permission::PermissionKind;
use crate::permission::microsoft_graph::{application, delegated};
use crate::permission::well_known::OFFICE_365_EXCHANGE_ONLINE;
use crate::provision::credential::ClientSecret;
use crate::provision::preflight::need::{ROLES_WITHOUT_RIGHTS, sufficient_roles};
use serde_json::json;

const MEMBER: Uuid = ROLES_WITHOUT_RIGHTS[0];

fn registration() -> AppRegistration {
    let send = Permission::by_name(OFFICE_365_EXCHANGE_ONLINE, "Exchange.ManageAsApp", PermissionKind::Application);
    AppRegistration::new("contoso-app", "App")
        .permission(application::DIRECTORY_READ_ALL)
        .permission(send.unwrap())
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Main"))
}

fn person(scopes: &str, roles: &[Uuid]) -> TokenClaims {
    TokenClaims { scp: Some(scopes.to_owned()), wids: Some(roles.to_vec()), ..TokenClaims::default() }
}

fn verdicts(claims: &TokenClaims) -> String {
    let preflight = Preflight::of(&registration(), claims);
    let all = preflight.checks.iter().map(|check| {
        assert_eq!(check.remedy.is_some(), check.verdict != Verdict::Allowed, "{check:?}");
        match check.verdict {
            Verdict::Allowed => '+',
            Verdict::LikelyRefused => '-',
            Verdict::Unknown => '?',
        }
    });
    all.collect()
}

/// In order: read, application, service principal, secret, a role of Graph, a role of another API, a scope.
#[test]
fn each_caller_is_told_what_to_expect() {
    const EVERYTHING: &str = "Application.ReadWrite.All AppRoleAssignment.ReadWrite.All \
        DelegatedPermissionGrant.ReadWrite.All Directory.Read.All openid";
    const GLOBAL: Uuid = DirectoryRole::GLOBAL_ADMINISTRATOR.id();
    const APPLICATION: Uuid = DirectoryRole::APPLICATION_ADMINISTRATOR.id();
    const PRIVILEGED: Uuid = DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR.id();
    for (scopes, roles, expected) in [
        (EVERYTHING, &[MEMBER, GLOBAL][..], "+++++++"),
        ("Directory.AccessAsUser.All", &[GLOBAL], "+++++++"),
        (EVERYTHING, &[APPLICATION], "++++-++"),
        (EVERYTHING, &[PRIVILEGED], "+???+++"),
        (EVERYTHING, &[MEMBER], "+???---"),
        // What a role that is not known allows cannot be said.
        (EVERYTHING, &[MEMBER, Uuid::from_u128(9)], "+??????"),
        ("Application.ReadWrite.All", &[GLOBAL], "-+++---"),
        ("Application.Read.All Directory.Read.All", &[GLOBAL], "+------"),
        ("Application.ReadWrite.OwnedBy", &[GLOBAL], "-------"),
    ] {
        assert_eq!(verdicts(&person(scopes, roles)), expected, "{scopes} {roles:?}");
    }
    let silent = TokenClaims { wids: None, ..person(EVERYTHING, &[]) };
    assert_eq!(verdicts(&silent), "???????", "a token without the claim says nothing of roles");
    assert_eq!(verdicts(&TokenClaims::default()), "???????");
    for (roles, expected) in [
        (EVERYTHING, "+++++++"),
        ("Application.ReadWrite.OwnedBy Directory.Read.All", "++++---"),
        ("Application.ReadWrite.All AppRoleAssignment.ReadWrite.All", "-+++??-"),
        ("User.Read.All", "-------"),
    ] {
        let roles = roles.split_whitespace().map(str::to_owned).collect();
        assert_eq!(verdicts(&TokenClaims { roles, ..TokenClaims::default() }), expected);
    }
}

#[test]
fn what_is_missing_is_named_and_printed() {
    let admin = person(
        "Application.ReadWrite.All AppRoleAssignment.ReadWrite.All Directory.Read.All",
        &[DirectoryRole::APPLICATION_ADMINISTRATOR.id()],
    );
    let preflight = Preflight::of(&registration(), &admin);
    let refused: Vec<_> = preflight.likely_refused().collect();
    let [role, scope] = refused[..] else { panic!("{preflight}") };
    assert_eq!(role.missing_permissions, []);
    assert_eq!(
        role.sufficient_roles,
        [DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR, DirectoryRole::GLOBAL_ADMINISTRATOR],
        "one of them is enough"
    );
    assert_eq!(scope.missing_permissions, [delegated::DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL]);
    assert_eq!(scope.sufficient_roles, [], "she has one that is enough");
    let text = preflight.to_string();
    assert!(text.contains("✗ Grant Directory.Read.All (application)") && text.contains("sign in again"), "{text}");
    assert!(text.contains("Privileged Role Administrator or Global Administrator (PIM; one is enough)"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&preflight.to_json()).unwrap();
    assert_eq!(json["caller"], "person");
    assert_eq!(
        json["checks"][0],
        json!({
            "code": "read", "step": "Look at what is there", "verdict": "allowed", "missingPermissions": [],
            "sufficientRoles": [], "remedy": null,
        })
    );
    assert_eq!(
        json["checks"][4],
        json!({
            "code": "permission_granted:Directory.Read.All:application",
            "step": "Grant Directory.Read.All (application) for the tenant",
            "verdict": "likelyRefused",
            "missingPermissions": [],
            "sufficientRoles": [DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR, DirectoryRole::GLOBAL_ADMINISTRATOR],
            "remedy": "Activate one of the roles Privileged Role Administrator or Global Administrator (PIM; one is \
                enough), or ask for it, and sign in again.",
        })
    );
    assert_eq!(
        json["checks"][6]["missingPermissions"],
        json!([{
            "api": "00000003-0000-0000-c000-000000000000", "kind": "delegated",
            "name": "DelegatedPermissionGrant.ReadWrite.All", "id": "41ce6ca6-6826-4807-84f1-1c82854f7ee5",
        }])
    );
}

#[test]
fn a_person_who_lacks_both_is_told_all_permissions_and_that_one_role_is_enough() {
    let nobody = person("User.Read", &[MEMBER]);
    let preflight = Preflight::of(&registration(), &nobody);
    let check = &preflight.checks[4];
    assert_eq!(
        check.missing_permissions,
        [delegated::APP_ROLE_ASSIGNMENT_READ_WRITE_ALL, delegated::APPLICATION_READ_ALL]
    );
    assert_eq!(check.sufficient_roles, sufficient_roles(Need::AssignOfGraph));
    let remedy = check.remedy.as_deref().unwrap();
    for text in ["(all of them are needed)", "; activate one of the roles", "one is enough"] {
        assert!(remedy.contains(text), "{remedy}");
    }
    // An app needs its permissions, and no role.
    let app = TokenClaims { roles: vec!["User.Read.All".to_owned()], ..TokenClaims::default() };
    let preflight = Preflight::of(&registration(), &app);
    assert!(preflight.checks.iter().all(|check| check.sufficient_roles.is_empty()), "{preflight}");
}

/// In order: read, the service principal, a role of Graph, a role of another API, a scope.
#[test]
fn an_installation_needs_no_application_and_more_than_an_own_app_for_its_service_principal() {
    let verdicts = |is_installed: bool, roles: &str| -> String {
        let roles = roles.split_whitespace().map(str::to_owned).collect();
        let claims = TokenClaims { roles, ..TokenClaims::default() };
        let checks = Preflight::of_installation(&registration(), is_installed, &claims).checks;
        checks.iter().map(|check| if check.verdict == Verdict::Allowed { '+' } else { '-' }).collect()
    };
    let grants = "AppRoleAssignment.ReadWrite.All DelegatedPermissionGrant.ReadWrite.All Directory.Read.All";
    for (roles, installed, granted) in [
        (format!("Application.ReadWrite.All {grants}"), "+++++", "++++"),
        (format!("Application.ReadWrite.OwnedBy {grants}"), "+-+++", "++++"),
        (grants.to_owned(), "+-+++", "++++"),
        ("Application.ReadWrite.All Directory.Read.All".to_owned(), "++---", "+---"),
    ] {
        assert_eq!(verdicts(true, &roles), installed, "{roles}");
        assert_eq!(verdicts(false, &roles), granted, "{roles}");
    }
}
