//! Microsoft's own public clients, for a person who signs in before you have an app of your own.
//!
//! Every tenant has them. Other products use them, too, but no documentation grants that: a tenant may block them by
//! Conditional Access, and their permissions can change. An app of your own, as a public client with the redirect URI
//! `http://localhost`, is the durable choice.
//!
//! ```
//! use entra_apps::Client;
//! use entra_apps::auth::public_client;
//!
//! let builder = Client::builder()
//!     .tenant("contoso.onmicrosoft.com")
//!     .device_code(public_client::AZURE_CLI, |prompt| println!("{}", prompt.message));
//! # let _ = builder;
//! ```

use crate::ids::AppId;

/// Microsoft Graph Command Line Tools, also known as Graph PowerShell.
///
/// It has no permission by default. Any delegated permission of Microsoft Graph can be requested by its name, such as
/// `https://graph.microsoft.com/Application.ReadWrite.All`, and the person sees a consent screen. The consent stays in
/// the tenant.
pub const MICROSOFT_GRAPH_COMMAND_LINE_TOOLS: AppId = AppId::from_u128(0x14d8_2eec_204b_4c2f_b7e8_296a_70da_b67e);

/// The Azure CLI.
///
/// Without a consent screen it has the permissions that registering an app takes: `Application.ReadWrite.All`,
/// `AppRoleAssignment.ReadWrite.All`, `DelegatedPermissionGrant.ReadWrite.All`, `Directory.AccessAsUser.All`; besides
/// `AuditLog.Read.All`, `Group.ReadWrite.All`, `User.Read.All` and `User.ReadWrite.All`. They are limited by the
/// person's own roles. Request `.default`: other permissions, such as those of partners, of roles and of policies, are
/// refused (AADSTS65002).
pub const AZURE_CLI: AppId = AppId::from_u128(0x04b0_7795_8ddb_461a_bbee_02f9_e1bf_7b46);

/// Azure PowerShell. It has the permissions of the [Azure CLI](AZURE_CLI), without `User.ReadWrite.All`.
pub const AZURE_POWERSHELL: AppId = AppId::from_u128(0x1950_a258_227b_4e31_a9cf_7174_9594_5fc2);
