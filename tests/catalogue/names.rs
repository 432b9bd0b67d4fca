//! How a permission's name, or an API's, becomes the name of a constant.

/// Words whose inner capitals are no word boundary.
const WHOLE: [(&str, &str); 3] = [("APIs", "APIS"), ("QnA", "QNA"), ("eDiscovery", "EDISCOVERY")];

/// `User-PasswordProfile.ReadWrite.All` becomes `USER_PASSWORD_PROFILE_READ_WRITE_ALL`.
pub(crate) fn constant(name: &str) -> String {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .map(|part| {
            let whole = WHOLE.iter().find(|(word, _)| *word == part);
            whole.map_or_else(|| screaming_snake(part), |(_, constant)| (*constant).to_owned())
        })
        .collect::<Vec<_>>()
        .join("_")
}

/// A capital starts a word after a small letter, and where it is the last of a row of capitals before a small letter:
/// `CloudPC` is two words, and so is `APIConnectors`. A digit belongs to what stands before it.
fn screaming_snake(part: &str) -> String {
    let letters: Vec<char> = part.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        if at > 0 && letter.is_ascii_uppercase() {
            let after_small = letters[at - 1].is_ascii_lowercase();
            let after_number = letters[at - 1].is_ascii_digit() && at > 1 && letters[at - 2].is_ascii_lowercase();
            let before_small = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
            if after_small || after_number || before_small {
                out.push('_');
            }
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}

#[test]
fn a_constant_is_what_a_reader_would_guess() {
    for (name, expected) in [
        ("Directory.Read.All", "DIRECTORY_READ_ALL"),
        ("User-PasswordProfile.ReadWrite.All", "USER_PASSWORD_PROFILE_READ_WRITE_ALL"),
        ("DeviceManagementManagedDevices.ReadWrite.All", "DEVICE_MANAGEMENT_MANAGED_DEVICES_READ_WRITE_ALL"),
        ("DeviceManagementRBAC.Read.All", "DEVICE_MANAGEMENT_RBAC_READ_ALL"),
        ("OnPremDirectorySynchronization.Read.All", "ON_PREM_DIRECTORY_SYNCHRONIZATION_READ_ALL"),
        ("UserAuthMethod-HardwareOATH.Read", "USER_AUTH_METHOD_HARDWARE_OATH_READ"),
        ("RoleManagement.ReadWrite.CloudPC", "ROLE_MANAGEMENT_READ_WRITE_CLOUD_PC"),
        ("PrivilegedAccess.Read.AzureADGroup", "PRIVILEGED_ACCESS_READ_AZURE_AD_GROUP"),
        ("Policy.Read.B2BManagementPolicy", "POLICY_READ_B2B_MANAGEMENT_POLICY"),
        ("ServiceActivity-Microsoft365Web.Read.All", "SERVICE_ACTIVITY_MICROSOFT365_WEB_READ_ALL"),
        ("Group-XTenantIdentitySync.Read.All", "GROUP_X_TENANT_IDENTITY_SYNC_READ_ALL"),
        ("APIConnectors.Read.All", "API_CONNECTORS_READ_ALL"),
        ("EWS.AccessAsUser.All", "EWS_ACCESS_AS_USER_ALL"),
        ("QnA.Read.All", "QNA_READ_ALL"),
        ("eDiscovery.Read.All", "EDISCOVERY_READ_ALL"),
        ("offline_access", "OFFLINE_ACCESS"),
        ("openid", "OPENID"),
        ("Azure Active Directory Graph (legacy)", "AZURE_ACTIVE_DIRECTORY_GRAPH_LEGACY"),
        ("Office 365 Management APIs", "OFFICE_365_MANAGEMENT_APIS"),
    ] {
        assert_eq!(constant(name), expected, "{name}");
    }
}
