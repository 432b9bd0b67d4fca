//! From a name to a permission of Microsoft Graph, or to an error that says which name was meant.

use super::well_known::{
    AZURE_ACTIVE_DIRECTORY_GRAPH_LEGACY, AZURE_SERVICE_MANAGEMENT, MICROSOFT_PARTNER_CENTER,
    OFFICE_365_EXCHANGE_ONLINE, OFFICE_365_SHARE_POINT_ONLINE,
};
use super::{CatalogueEntry, MICROSOFT_GRAPH, PermissionKind, apis_of, catalogue, find_by_name, well_known_name};
use crate::error::{Error, ErrorCode};
use crate::ids::AppId;
use crate::similar::{self, shown};

/// The length to which Entra limits the names of scopes and roles, in characters.
///
/// <https://learn.microsoft.com/graph/api/resources/permissionscope>
const MAX_NAME_LENGTH: usize = 120;

/// The hosts by which scopes name their API, as in `https://graph.microsoft.com/User.Read`.
const HOSTS: [(&str, AppId); 11] = [
    ("graph.microsoft.com", MICROSOFT_GRAPH),
    ("graph.microsoft.us", MICROSOFT_GRAPH),
    ("dod-graph.microsoft.us", MICROSOFT_GRAPH),
    ("microsoftgraph.chinacloudapi.cn", MICROSOFT_GRAPH),
    ("graph.windows.net", AZURE_ACTIVE_DIRECTORY_GRAPH_LEGACY),
    ("outlook.office365.com", OFFICE_365_EXCHANGE_ONLINE),
    ("outlook.office.com", OFFICE_365_EXCHANGE_ONLINE),
    ("microsoft.sharepoint.com", OFFICE_365_SHARE_POINT_ONLINE),
    ("management.azure.com", AZURE_SERVICE_MANAGEMENT),
    ("management.core.windows.net", AZURE_SERVICE_MANAGEMENT),
    ("api.partnercenter.microsoft.com", MICROSOFT_PARTNER_CENTER),
];

/// The row of the permission that has this name and kind and can be granted tenant-wide.
pub(super) fn resolve(name: &str, kind: PermissionKind) -> Result<&'static CatalogueEntry, Error> {
    let name = without_api(MICROSOFT_GRAPH, name)?;
    match find(name, kind) {
        Some(entry) if entry.resource_specific => Err(per_resource(entry)),
        Some(entry) => Ok(entry),
        None => Err(match find(name, kind.other()) {
            Some(other) if other.resource_specific => per_resource(other),
            Some(other) => wrong_kind(other, kind),
            None => unknown(name, kind),
        }),
    }
}

/// Refuses a string that no API can have as a permission's name. A space would make one scope of a grant into two.
pub(super) fn check(api: AppId, name: &str) -> Result<&str, Error> {
    let name = without_api(api, name)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'()*+,-./:;<=>?@[]^_`{|}~".contains(c);
    if !name.is_empty() && name.len() <= MAX_NAME_LENGTH && !name.starts_with('.') && name.chars().all(allowed) {
        let is_of_graph =
            || [PermissionKind::Application, PermissionKind::Delegated].iter().any(|kind| find(name, *kind).is_some());
        return match apis_of(name).filter(|_| api == MICROSOFT_GRAPH && !is_of_graph()) {
            Some(owner) => Err(of_another_api(name, &owner)),
            None => Ok(name),
        };
    }
    Err(Error::new(ErrorCode::InvalidPermissionName).with_message(format!("{} cannot be the name of a permission", shown(name)))
        .with_remedy(
            "Give the value of the API's app role or scope, for example Exchange.ManageAsApp: up to 120 letters, digits \
             and signs, without blanks.",
        ))
}

/// Takes the address or the app id of the API off that stands before a name in a scope.
fn without_api(api: AppId, name: &str) -> Result<&str, Error> {
    let name = name.trim();
    let Some((address, bare)) = name.rsplit_once('/') else { return Ok(name) };
    let address = ["https://", "api://"].iter().fold(address, |rest, scheme| match rest.get(..scheme.len()) {
        Some(start) if start.eq_ignore_ascii_case(scheme) => &rest[scheme.len()..],
        _ => rest,
    });
    let host = address.split('/').next().unwrap_or_default();
    let by_host = HOSTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(host)).map(|(_, api)| *api);
    match by_host.or_else(|| host.parse().ok()) {
        Some(owner) if owner == api => Ok(bare),
        Some(owner) => {
            let owner = well_known_name(owner).map_or_else(|| owner.to_string(), str::to_owned);
            Err(of_another_api(bare, &owner))
        }
        None => Ok(name),
    }
}

fn of_another_api(name: &str, owner: &str) -> Error {
    Error::new(ErrorCode::UnknownPermission)
        .with_message(format!("{} is a permission of {owner}, and another API was named for it", shown(name)))
        .with_remedy("Name it together with the app id of its own API.")
}

/// The row of a permission, by its name; capitals do not matter.
pub(super) fn find(name: &str, kind: PermissionKind) -> Option<&'static CatalogueEntry> {
    find_by_name(name, kind)
        .or_else(|| catalogue().iter().find(|entry| entry.kind == kind && entry.value.eq_ignore_ascii_case(name)))
}

fn per_resource(entry: &CatalogueEntry) -> Error {
    let stem = entry.value.rsplit_once('.').map_or(entry.value, |(stem, _)| stem);
    let for_all = [format!("{stem}.All"), stem.to_owned()]
        .iter()
        .find_map(|name| find_by_name(name, entry.kind))
        .map_or_else(String::new, |found| format!(", or choose `{}`, which is for the whole tenant", found.value));
    Error::new(ErrorCode::ResourceSpecificPermission)
        .with_message(format!("`{}` is granted per team or chat, not tenant-wide", entry.value))
        .with_remedy(format!("Take it out here and ask for it in the manifest of a Teams app{for_all}."))
}

fn wrong_kind(other: &CatalogueEntry, wanted: PermissionKind) -> Error {
    let alternative = suggestions(other.value, wanted)
        .map_or_else(String::new, |names| format!(", or choose one of the {wanted} permissions, such as {names}"));
    Error::new(ErrorCode::WrongPermissionKind)
        .with_message(format!(
            "`{}` exists as {} permission, not as {} one",
            other.value,
            with_article(other.kind),
            with_article(wanted)
        ))
        .with_remedy(format!("Declare it as {} permission{alternative}.", with_article(other.kind)))
}

fn unknown(name: &str, kind: PermissionKind) -> Error {
    let list = "https://learn.microsoft.com/graph/permissions-reference";
    if let Some(owner) = apis_of(name) {
        return of_another_api(name, &owner);
    }
    let message = format!("Microsoft Graph has no {kind} permission called {}", shown(name));
    let remedy = match suggestions(name, kind) {
        Some(names) => format!("Did you mean {names}? All are listed at {list}."),
        None => format!("All are listed at {list}. One that is newer than this crate can be given by its id."),
    };
    Error::new(ErrorCode::UnknownPermission).with_message(message).with_remedy(remedy)
}

fn with_article(kind: PermissionKind) -> &'static str {
    match kind {
        PermissionKind::Application => "an application",
        PermissionKind::Delegated => "a delegated",
    }
}

/// The most similar names of this kind, as `A, B or C`.
fn suggestions(name: &str, kind: PermissionKind) -> Option<String> {
    let grantable = catalogue().iter().filter(|entry| entry.kind == kind && !entry.resource_specific);
    similar::suggestions(name, grantable.map(|entry| entry.value).filter(|value| *value != name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PermissionId;
    use crate::permission::Permission;

    const EXCHANGE: AppId = OFFICE_365_EXCHANGE_ONLINE;

    fn refused(name: &str, kind: PermissionKind) -> Error {
        resolve(name, kind).unwrap_err()
    }

    #[test]
    fn a_typo_is_answered_with_the_name_that_was_meant() {
        use PermissionKind::{Application, Delegated};
        for (typo, kind, meant) in [
            ("Directroy.Read.All", Application, "Directory.Read.All"),
            ("DirectoryReadAll", Application, "Directory.Read.All"),
            ("Users.Read.All", Application, "User.Read.All"),
            ("Aplication.ReadWrite.All", Application, "Application.ReadWrite.All"),
            ("User.Reed", Delegated, "User.Read"),
            ("offline-acces", Delegated, "offline_access"),
            ("DeviceManagementManagedDevice.Read.All", Application, "DeviceManagementManagedDevices.Read.All"),
        ] {
            let error = refused(typo, kind);
            assert_eq!(error.code().as_str(), "unknown_permission");
            let remedy = error.remedy();
            assert!(remedy.starts_with(&format!("Did you mean `{meant}`")), "{typo}: {remedy}");
        }
    }

    #[test]
    fn a_name_like_no_other_gets_the_list() {
        let error = refused("xyzzy", PermissionKind::Application);
        assert_eq!(error.message(), "Microsoft Graph has no application permission called `xyzzy`");
        assert!(error.remedy().starts_with("All are listed at https://"), "{error}");
    }

    #[test]
    fn the_wrong_kind_is_said_to_be_that() {
        let error = refused("user.read", PermissionKind::Application);
        assert_eq!(error.code().as_str(), "wrong_permission_kind");
        assert_eq!(error.message(), "`User.Read` exists as a delegated permission, not as an application one");
        let error = refused("Application.ReadWrite.OwnedBy", PermissionKind::Delegated);
        assert_eq!(error.code().as_str(), "wrong_permission_kind");
        assert!(error.remedy().starts_with("Declare it as an application permission, or"), "{error}");
    }

    #[test]
    fn a_permission_of_a_team_is_said_to_be_that() {
        for kind in [PermissionKind::Application, PermissionKind::Delegated] {
            let error = refused("Channel.Create.Group", kind);
            assert_eq!(error.code().as_str(), "resource_specific_permission");
            assert!(error.remedy().contains("choose `Channel.Create`"), "{error}");
        }
    }

    #[test]
    fn a_secret_pasted_as_a_name_is_not_repeated() {
        let secret = "Xk~8Q~q1r2s3t4u5v6w7x8y9z0ABCDEFGHIJKLMN";
        let guid_like = "9f86d081884c7d659a2feaa0c55ad015";
        for text in [secret, guid_like] {
            let error = refused(text, PermissionKind::Application);
            assert!(!error.to_string().contains(text), "{error}");
        }
        let error =
            Permission::by_name(EXCHANGE, &format!("{secret} {secret}"), PermissionKind::Delegated).unwrap_err();
        assert!(!error.to_string().contains(secret), "{error}");
    }

    #[test]
    fn a_name_with_a_blank_cannot_become_two_scopes() {
        for name in ["", " ", "User.Read Directory.ReadWrite.All", ".default", "a\u{a0}b", &"a".repeat(121)] {
            assert_eq!(check(EXCHANGE, name).unwrap_err().code().as_str(), "invalid_permission_name", "{name:?}");
        }
        assert_eq!(check(EXCHANGE, "user_impersonation").unwrap(), "user_impersonation");
    }

    #[test]
    fn the_address_of_the_api_is_taken_off() {
        let [application, delegated] = [PermissionKind::Application, PermissionKind::Delegated];
        for text in [
            "https://graph.microsoft.com/User.Read",
            " HTTPS://Graph.Microsoft.us/user.read ",
            "00000003-0000-0000-c000-000000000000/User.Read",
            "api://00000003-0000-0000-c000-000000000000/User.Read",
        ] {
            let permission = Permission::delegated(text).unwrap();
            assert_eq!(permission.name(), Some("User.Read"), "{text}");
            let written = serde_json::json!({"api": MICROSOFT_GRAPH, "kind": "delegated", "name": text});
            assert_eq!(serde_json::from_value::<Permission>(written).unwrap(), permission);
        }
        for (api, text, name) in [
            (EXCHANGE, "https://outlook.office365.com/EWS.AccessAsUser.All", "EWS.AccessAsUser.All"),
            (AZURE_SERVICE_MANAGEMENT, "https://management.azure.com//user_impersonation", "user_impersonation"),
            (AppId::from_u128(42), "api://contoso/Things.Read", "api://contoso/Things.Read"),
        ] {
            assert_eq!(Permission::by_name(api, text, delegated).unwrap().name(), Some(name), "{text}");
            let id = PermissionId::from_u128(7);
            assert_eq!(Permission::by_id(api, id, application).named(text).unwrap().name(), Some(name), "{text}");
        }
    }

    #[test]
    fn a_name_of_another_api_is_said_to_be_that() {
        let kind = PermissionKind::Application;
        let newer = Permission::by_id(MICROSOFT_GRAPH, PermissionId::from_u128(7), kind);
        let read = |name: &str| {
            let written = serde_json::json!({"api": MICROSOFT_GRAPH, "kind": "application", "name": name});
            serde_json::from_value::<Permission>(written).unwrap_err().to_string()
        };
        for (name, owner) in [
            ("Exchange.ManageAsApp", "Office 365 Exchange Online"),
            ("full_access_as_app", "Office 365 Exchange Online"),
            ("https://outlook.office365.com/full_access_as_app", "Office 365 Exchange Online"),
            ("https://management.azure.com/user_impersonation", "Azure Service Management"),
            ("user_impersonation", "Azure Service Management and of Microsoft Partner Center"),
        ] {
            let said = format!("is a permission of {owner}");
            for error in [Permission::application(name), newer.clone().named(name)].map(Result::unwrap_err) {
                assert_eq!(error.code(), ErrorCode::UnknownPermission);
                assert!(error.message().contains(&said), "{name}: {error}");
            }
            assert!(read(name).contains(&said), "{name}");
        }
        let error = Permission::by_name(EXCHANGE, "https://graph.microsoft.com/Mail.Read", kind).unwrap_err();
        assert!(error.message().contains("is a permission of Microsoft Graph"), "{error}");
    }

    #[test]
    fn another_name_than_a_permission_has_is_refused() {
        let known = crate::permission::microsoft_graph::application::DIRECTORY_READ_ALL;
        assert_eq!(known.clone().named("directory.read.all").unwrap(), known);
        let by_name = Permission::by_name(EXCHANGE, "Mail.Read", PermissionKind::Application).unwrap();
        assert_eq!(by_name.clone().named("Mail.Read").unwrap(), by_name);
        for permission in [known, by_name] {
            let error = permission.named("Directory.Read.AlI").unwrap_err();
            assert_eq!(error.code(), ErrorCode::PermissionMismatch);
        }
    }
}
