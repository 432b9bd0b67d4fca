//! Microsoft's own public clients, for a person who signs in before there is an app of one's own.
//!
//! Every tenant knows them. That other products use them is common, and no right that is documented: a tenant may block
//! them by Conditional Access, and what they hold can change. An app of one's own, as a public client with the redirect
//! URI `http://localhost`, is the lasting way.

use crate::ids::AppId;

/// Microsoft Graph Command Line Tools, also known as Graph PowerShell.
///
/// It holds no permission beforehand: any delegated permission of Microsoft Graph can be asked for by its name, such as
/// `https://graph.microsoft.com/Application.ReadWrite.All`, and the person sees a consent screen. The consent stays
/// behind in the tenant.
pub const MICROSOFT_GRAPH_COMMAND_LINE_TOOLS: AppId = AppId::from_u128(0x14d8_2eec_204b_4c2f_b7e8_296a_70da_b67e);

/// The Azure CLI.
///
/// Without any consent screen it holds what the registration of an app takes: `Application.ReadWrite.All`,
/// `AppRoleAssignment.ReadWrite.All`, `DelegatedPermissionGrant.ReadWrite.All`, `Directory.AccessAsUser.All`; besides
/// `AuditLog.Read.All`, `Group.ReadWrite.All`, `User.Read.All` and `User.ReadWrite.All`. What comes of it is bounded by
/// the person's own roles. Ask for `.default`: any other permission is refused (AADSTS65002), such as those of
/// partners, of roles and of policies.
pub const AZURE_CLI: AppId = AppId::from_u128(0x04b0_7795_8ddb_461a_bbee_02f9_e1bf_7b46);

/// Azure PowerShell: as the [Azure CLI](AZURE_CLI), without `User.ReadWrite.All`.
pub const AZURE_POWERSHELL: AppId = AppId::from_u128(0x1950_a258_227b_4e31_a9cf_7174_9594_5fc2);
