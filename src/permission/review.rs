//! Which permissions need a review before they are granted, and why: by name and by id, whichever is known.

use super::well_known::{
    AZURE_ACTIVE_DIRECTORY_GRAPH_LEGACY, AZURE_SERVICE_MANAGEMENT, MICROSOFT_PARTNER_CENTER,
    OFFICE_365_EXCHANGE_ONLINE, OFFICE_365_SHARE_POINT_ONLINE,
};
use super::{MICROSOFT_GRAPH, PermissionKind, catalogue, find_by_id, name, well_known_name};
use crate::ids::{AppId, PermissionId};

/// Why a permission of Microsoft Graph is reviewed that the catalogue does not have.
const NEWER_THAN_THE_CATALOGUE: &str =
    "it is not in this crate's list of Microsoft Graph's permissions, so what it allows cannot be judged";

/// Why a permission is reviewed of an API that nothing is known of.
const OF_AN_UNKNOWN_API: &str = "this crate has no list of this API's permissions, so what it allows cannot be judged";

/// A permission of high privilege of another API than Microsoft Graph.
struct Row {
    api: AppId,
    value: &'static str,
    id: PermissionId,
    /// The end of a sentence that begins "an app that has it can".
    reason: &'static str,
}

const fn row(api: AppId, value: &'static str, id: u128, reason: &'static str) -> Row {
    Row { api, value, id: PermissionId::from_u128(id), reason }
}

/// The permissions of high privilege of the other APIs that are judged. What these APIs publish beside is not.
const OTHER_APIS: [Row; 9] = [
    row(
        AZURE_ACTIVE_DIRECTORY_GRAPH_LEGACY,
        "Directory.ReadWrite.All",
        0x78c8_a3c8_a07e_4b9e_af1b_b5cc_ab50_a175,
        "alter groups and other objects that decide who may do what",
    ),
    row(
        AZURE_ACTIVE_DIRECTORY_GRAPH_LEGACY,
        "Application.ReadWrite.All",
        0x1cda_74f2_2616_4834_b122_5cb1_b07f_8a59,
        "put a secret of its own on any app and then act as that app",
    ),
    row(
        AZURE_ACTIVE_DIRECTORY_GRAPH_LEGACY,
        "Application.ReadWrite.OwnedBy",
        0x824c_81eb_e3f8_4ee6_8f6d_de7f_50d5_65b7,
        "put a secret of its own on each app that it owns and then act as that app",
    ),
    row(
        AZURE_ACTIVE_DIRECTORY_GRAPH_LEGACY,
        "Directory.AccessAsUser.All",
        0xa426_57d6_7f20_40e3_b6f0_cee0_3008_a62a,
        "do anything in the directory",
    ),
    row(
        OFFICE_365_EXCHANGE_ONLINE,
        "full_access_as_app",
        0xdc89_0d15_9560_4a4c_9b7f_a736_ec74_ec40,
        "open every mailbox, and change what is in it",
    ),
    row(
        OFFICE_365_EXCHANGE_ONLINE,
        "Exchange.ManageAsApp",
        0xdc50_a0fb_09a3_484d_be87_e023_b12c_6440,
        "manage Exchange as far as the directory role goes that it is given",
    ),
    row(
        OFFICE_365_SHARE_POINT_ONLINE,
        "Sites.FullControl.All",
        0x6785_36fe_1083_478a_9c59_b992_65e6_b0d3,
        "do anything on every site",
    ),
    row(
        AZURE_SERVICE_MANAGEMENT,
        "user_impersonation",
        0x4109_4075_9dad_400e_a0bd_54e6_8678_2033,
        "use every right in Azure that its user has",
    ),
    row(
        MICROSOFT_PARTNER_CENTER,
        "user_impersonation",
        0x1ceb_fa2a_fb4d_419e_b5f9_839b_4383_e05a,
        "reach from a partner's tenant into those of its customers, for the partner",
    ),
];

/// The reason why a permission is of high privilege, if it is: by its name or by its id, whichever tells.
pub(super) fn high_privilege(
    api: AppId,
    kind: PermissionKind,
    name: Option<&str>,
    id: Option<PermissionId>,
) -> Option<&'static str> {
    if api == MICROSOFT_GRAPH {
        return of_graph(kind, name, id).find_map(|entry| catalogue::current(entry).high_privilege);
    }
    // Of either kind: an id or a name of this list is not taken for harmless because it was written as the other.
    let is_meant = |row: &&Row| Some(row.id) == id || name.is_some_and(|name| row.value.eq_ignore_ascii_case(name));
    OTHER_APIS.iter().filter(|row| row.api == api).find(is_meant).map(|row| row.reason)
}

/// The reason why a permission needs a review, if it does: it is of high privilege, or it cannot be judged.
pub(crate) fn review_reason(
    api: AppId,
    kind: PermissionKind,
    name: Option<&str>,
    id: Option<PermissionId>,
) -> Option<&'static str> {
    let unjudged = || match api {
        MICROSOFT_GRAPH => of_graph(kind, name, id).next().is_none().then_some(NEWER_THAN_THE_CATALOGUE),
        _ => OTHER_APIS.iter().all(|row| row.api != api).then_some(OF_AN_UNKNOWN_API),
    };
    high_privilege(api, kind, name, id).or_else(unjudged)
}

/// The names of the other APIs that have a permission of this name, for a person.
pub(crate) fn apis_of(name: &str) -> Option<String> {
    let rows = OTHER_APIS.iter().filter(|row| row.value.eq_ignore_ascii_case(name));
    let names: Vec<&str> = rows.filter_map(|row| well_known_name(row.api)).collect();
    (!names.is_empty()).then(|| names.join(" and of "))
}

/// What the catalogue says of a name and of an id.
fn of_graph(
    kind: PermissionKind,
    name: Option<&str>,
    id: Option<PermissionId>,
) -> impl Iterator<Item = &'static catalogue::CatalogueEntry> {
    let by_name = name.and_then(|name| name::find(name, kind));
    by_name.into_iter().chain(id.and_then(|id| find_by_id(id, kind)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::Permission;
    use crate::permission::microsoft_graph::{application, delegated};

    #[test]
    fn a_permission_of_another_api_is_judged_by_its_name_and_by_its_id() {
        for row in &OTHER_APIS {
            for kind in [PermissionKind::Application, PermissionKind::Delegated] {
                let by_name = Permission::by_name(row.api, &row.value.to_uppercase(), kind).unwrap();
                let by_id = Permission::by_id(row.api, row.id, kind);
                let disguised = by_id.clone().named("Mail.Read").unwrap();
                for permission in [by_name, by_id, disguised] {
                    assert_eq!(permission.high_privilege(), Some(row.reason), "{permission}");
                    assert_eq!(permission.review_reason(), Some(row.reason), "{permission}");
                }
            }
            let harmless = Permission::by_name(row.api, "Mail.Read", PermissionKind::Application).unwrap();
            assert_eq!(harmless.review_reason(), None, "{harmless}");
        }
    }

    #[test]
    fn what_cannot_be_judged_needs_a_review() {
        let [application, delegated] = [PermissionKind::Application, PermissionKind::Delegated];
        let newer = Permission::by_id(MICROSOFT_GRAPH, PermissionId::from_u128(7), application);
        assert_eq!(newer.review_reason(), Some(NEWER_THAN_THE_CATALOGUE));
        assert_eq!(newer.clone().named("Newer.All").unwrap().review_reason(), Some(NEWER_THAN_THE_CATALOGUE));
        let takeover = newer.named("RoleManagement.ReadWrite.Directory").unwrap();
        assert_eq!(takeover.review_reason(), application::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY.high_privilege());
        let own = Permission::by_name(AppId::from_u128(42), "Things.Read", delegated).unwrap();
        assert_eq!((own.high_privilege(), own.review_reason()), (None, Some(OF_AN_UNKNOWN_API)));
        assert_eq!(delegated::USER_READ.review_reason(), None);
    }
}
