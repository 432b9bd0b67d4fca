//! Resource APIs registered in other tenants: the ones on which permissions are granted.

use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use entra_apps::ids::{AppId, PermissionId};
use entra_apps::permission::{self, CatalogueEntry, MICROSOFT_GRAPH, PermissionKind};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::data::object_kind::ObjectKind;

/// The lists of permissions of a service principal.
pub(crate) const LISTS: [&str; 3] = ["appRoles", "oauth2PermissionScopes", "resourceSpecificApplicationPermissions"];

/// An API known to the tenant: an application of another tenant, with its permissions.
#[derive(Clone, Debug)]
pub struct Api {
    pub(crate) app_id: AppId,
    display_name: String,
    identifier_uris: Vec<String>,
    permissions: Arc<Vec<ApiPermission>>,
    /// What follows from all of this, made when it is first asked for; clones share it until they are changed.
    made: OnceLock<Arc<Made>>,
}

/// What an API is in the tenants that have it: Microsoft Graph has more than a thousand permissions.
struct Made {
    service_principal: Arc<Value>,
    /// The lists of permissions as text.
    texts: [OnceLock<Arc<RawValue>>; LISTS.len()],
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Made").finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
struct ApiPermission {
    kind: PermissionKind,
    value: String,
    id: PermissionId,
    admin: bool,
    resource_specific: bool,
}

impl Api {
    /// An API without permissions.
    pub fn new(app_id: AppId, display_name: impl Into<String>) -> Self {
        Self {
            app_id,
            display_name: display_name.into(),
            identifier_uris: Vec::new(),
            permissions: Arc::default(),
            made: OnceLock::new(),
        }
    }

    /// Adds an identifier URI, by which a client requests a token for the API.
    #[must_use]
    pub fn identifier_uri(mut self, uri: impl Into<String>) -> Self {
        self.identifier_uris.push(uri.into());
        self.made = OnceLock::new();
        self
    }

    /// Adds an application permission (app role).
    #[must_use]
    pub fn application_permission(self, value: impl Into<String>, id: PermissionId) -> Self {
        self.permission(PermissionKind::Application, value, id)
    }

    /// Adds a delegated permission (scope) that only an administrator can consent to.
    #[must_use]
    pub fn delegated_permission(self, value: impl Into<String>, id: PermissionId) -> Self {
        self.permission(PermissionKind::Delegated, value, id)
    }

    pub(crate) fn permission(mut self, kind: PermissionKind, value: impl Into<String>, id: PermissionId) -> Self {
        let value = value.into();
        let permissions = self.permissions_mut();
        permissions.retain(|known| known.kind != kind || known.value != value);
        permissions.push(ApiPermission { kind, value, id, admin: true, resource_specific: false });
        self
    }

    pub(crate) fn without(mut self, value: &str) -> Self {
        self.permissions_mut().retain(|known| !known.value.eq_ignore_ascii_case(value));
        self
    }

    fn permissions_mut(&mut self) -> &mut Vec<ApiPermission> {
        self.made = OnceLock::new();
        Arc::make_mut(&mut self.permissions)
    }

    /// Microsoft Graph with every permission of the SDK's catalogue.
    pub(crate) fn microsoft_graph() -> Self {
        static GRAPH: LazyLock<Api> = LazyLock::new(Api::from_catalogue);
        GRAPH.clone()
    }

    fn from_catalogue() -> Self {
        let permission = |entry: &CatalogueEntry| ApiPermission {
            kind: entry.kind,
            value: entry.value.to_owned(),
            id: entry.id,
            admin: entry.admin_consent_required,
            resource_specific: entry.resource_specific,
        };
        let mut graph = Self::new(MICROSOFT_GRAPH, "Microsoft Graph")
            .identifier_uri("https://graph.microsoft.com")
            .identifier_uri("https://graph.microsoft.us")
            .identifier_uri("https://dod-graph.microsoft.us")
            .identifier_uri("https://microsoftgraph.chinacloudapi.cn");
        graph.permissions = Arc::new(permission::catalogue().iter().map(permission).collect());
        graph
    }

    /// The APIs that most tenants have, without permissions but for that of Partner Center.
    /// <https://learn.microsoft.com/partner-center/developer/partner-center-authentication>
    pub(crate) fn well_known() -> Vec<Self> {
        let api = |id: u128, name: &str, uri: &str| Self::new(AppId::from_u128(id), name).identifier_uri(uri);
        let management = AppId::from_u128(crate::azure_management::APP_ID);
        vec![
            api(
                0x0000_0002_0000_0000_c000_0000_0000_0000,
                "Windows Azure Active Directory",
                "https://graph.windows.net",
            ),
            api(
                0x0000_0002_0000_0ff1_ce00_0000_0000_0000,
                "Office 365 Exchange Online",
                "https://outlook.office365.com",
            ),
            api(
                0x0000_0003_0000_0ff1_ce00_0000_0000_0000,
                "Office 365 SharePoint Online",
                "https://microsoft.sharepoint.com",
            ),
            api(0xc539_3580_f805_4401_95e8_94b7_a6ef_2fc2, "Office 365 Management APIs", "https://manage.office.com"),
            Self::new(management, "Windows Azure Service Management API")
                .identifier_uri("https://management.azure.com")
                .identifier_uri("https://management.core.windows.net"),
            api(0xcfa8_b339_82a2_471a_a3c9_0fc0_be7a_4093, "Azure Key Vault", "https://vault.azure.net"),
            api(0xe406_a681_f3d4_42a8_90b6_c2b0_2949_7af1, "Azure Storage", "https://storage.azure.com"),
            api(
                0xfa3d_9a0c_3fb0_42cc_9193_47c7_ecd2_edbd,
                "Microsoft Partner Center",
                "https://api.partnercenter.microsoft.com",
            )
            .delegated_permission(
                "user_impersonation",
                PermissionId::from_u128(0x1ceb_fa2a_fb4d_419e_b5f9_839b_4383_e05a),
            ),
            api(
                0xfc78_0465_2017_40d4_a0c5_3070_2247_1b92,
                "WindowsDefenderATP",
                "https://api.securitycenter.microsoft.com",
            ),
            api(0x499b_84ac_1321_427f_aa17_267c_a697_5798, "Azure DevOps", "https://app.vssps.visualstudio.com"),
        ]
    }

    /// The service principal of the API in a tenant. It is one and the same for tenants in which it has the same id.
    pub(crate) fn service_principal(&self, id: &str, created: Option<&str>) -> Arc<Value> {
        let make = || {
            let mut value = ObjectKind::ServicePrincipal.template().clone();
            value["id"] = id.into();
            value["createdDateTime"] = created.into();
            self.apply_to(&mut value);
            Arc::new(value)
        };
        let made = self.made.get_or_init(|| Arc::new(Made { service_principal: make(), texts: Default::default() }));
        let known = &made.service_principal;
        match known["id"].as_str() == Some(id) && known["createdDateTime"].as_str() == created {
            true => Arc::clone(known),
            false => make(),
        }
    }

    /// A list of permissions as text, of a service principal that is as it was made.
    pub(crate) fn list(&self, service_principal: &Value, name: &str) -> Arc<RawValue> {
        let write = || {
            let text = service_principal[name].to_string();
            Arc::from(RawValue::from_string(text).expect("a value is written as JSON"))
        };
        let known = self.made.get().zip(LISTS.iter().position(|list| *list == name));
        known.map_or_else(write, |(made, at)| Arc::clone(made.texts[at].get_or_init(write)))
    }

    /// Copies the names and permissions of the API into its service principal.
    pub(crate) fn apply_to(&self, service_principal: &mut Value) {
        let of = |kind, resource_specific| {
            self.permissions
                .iter()
                .filter(move |known| known.kind == kind && known.resource_specific == resource_specific)
        };
        let roles = of(PermissionKind::Application, false).map(|role| {
            json!({
                "allowedMemberTypes": ["Application"], "description": role.value, "displayName": role.value,
                "id": role.id, "isEnabled": true, "origin": "Application", "value": role.value
            })
        });
        let specific = of(PermissionKind::Application, true).map(|role| {
            json!({
                "description": role.value, "displayName": role.value, "id": role.id, "isEnabled": true,
                "value": role.value
            })
        });
        let scopes = of(PermissionKind::Delegated, false).map(|scope| {
            json!({
                "adminConsentDescription": scope.value, "adminConsentDisplayName": scope.value, "id": scope.id,
                "isEnabled": true, "type": if scope.admin { "Admin" } else { "User" },
                "userConsentDescription": null, "userConsentDisplayName": null, "value": scope.value
            })
        });
        let mut names = vec![self.app_id.to_string()];
        names.extend(self.identifier_uris.iter().cloned());
        names.reverse();
        service_principal["appDisplayName"] = self.display_name.as_str().into();
        service_principal["displayName"] = self.display_name.as_str().into();
        service_principal["appId"] = self.app_id.to_string().into();
        // Microsoft's own tenant, which owns its APIs.
        service_principal["appOwnerOrganizationId"] = "f8cdef31-a31e-4b4a-93e4-5f571e91255a".into();
        service_principal["signInAudience"] = "AzureADMultipleOrgs".into();
        service_principal["servicePrincipalNames"] = names.into();
        service_principal["appRoles"] = roles.collect();
        service_principal["oauth2PermissionScopes"] = scopes.collect();
        service_principal["resourceSpecificApplicationPermissions"] = specific.collect();
    }
}
