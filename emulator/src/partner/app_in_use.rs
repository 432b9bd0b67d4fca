//! A partner's own app, and the consents to it that one finds in its customers' tenants.

use entra_apps::auth::public_client;
use entra_apps::permission::{MICROSOFT_GRAPH, Permission};
use serde_json::{Value, json};

use crate::MemoryTenant;

/// The unique name of the app.
const UNIQUE_NAME: &str = "customer-care";

/// The application permissions of Microsoft Graph that it declares.
const ROLES: [&str; 2] = ["User.Read.All", "Group.Read.All"];

/// The delegated permission that it declares.
const SCOPE: &str = "User.Read";

impl MemoryTenant {
    /// Registers the app in the partner's tenant, for other tenants too; returns its client id.
    pub(super) fn register_app_in_use(&self) -> Value {
        let access =
            |permission: &Permission| json!({"id": permission.id(), "type": permission.kind().resource_access_type()});
        let scope = Permission::delegated(SCOPE).expect("the permission is one of Microsoft Graph");
        let declared: Vec<Value> = roles().iter().chain([&scope]).map(access).collect();
        let app = json!({
            "displayName": "Customer Care", "signInAudience": "AzureADMultipleOrgs",
            "requiredResourceAccess": [{"resourceAppId": MICROSOFT_GRAPH, "resourceAccess": declared}]
        });
        let path = format!("/applications(uniqueName='{UNIQUE_NAME}')");
        self.by_hand("PATCH", &path, &app);
        self.by_hand("GET", &path, &Value::Null)["appId"].clone()
    }

    /// Consents to the app in the customer of this number, or leaves what has become of a consent; and lets the partner's
    /// admin agents read there.
    pub(super) fn consent_in_use(&self, app_id: &Value, number: usize) {
        let tools = public_client::MICROSOFT_GRAPH_COMMAND_LINE_TOOLS;
        self.consent_to(&json!(tools), &[], Some("Application.Read.All Directory.Read.All"));
        let (roles, scope) = match number % 7 {
            2 => (Vec::new(), None),
            3 => (roles()[..1].to_vec(), Some(SCOPE)),
            4 => return,
            6 => (roles(), Some("User.Read Calendars.Read")),
            _ => (roles(), Some(SCOPE)),
        };
        let principal = self.consent_to(app_id, &roles, scope);
        let path = format!("/servicePrincipals/{}", principal.as_str().unwrap_or_default());
        match number % 7 {
            0 => drop(self.send_json("DELETE", &path, None)),
            5 => drop(self.send_json("PATCH", &path, Some(r#"{"accountEnabled": false}"#))),
            _ => {}
        }
    }

    /// A service principal of an app, with what is granted to it for the whole tenant; returns its object id.
    fn consent_to(&self, app_id: &Value, roles: &[Permission], scope: Option<&str>) -> Value {
        let principal = self.by_hand("POST", "/servicePrincipals", &json!({ "appId": app_id }))["id"].clone();
        let graph = format!("/servicePrincipals(appId='{MICROSOFT_GRAPH}')");
        let graph = self.by_hand("GET", &graph, &Value::Null)["id"].clone();
        for role in roles {
            let assignment = json!({"principalId": principal, "resourceId": graph, "appRoleId": role.id()});
            let path = format!("/servicePrincipals/{}/appRoleAssignments", principal.as_str().unwrap_or_default());
            self.by_hand("POST", &path, &assignment);
        }
        if let Some(scope) = scope {
            let grant = json!({
                "clientId": principal, "resourceId": graph, "consentType": "AllPrincipals", "scope": scope
            });
            self.by_hand("POST", "/oauth2PermissionGrants", &grant);
        }
        principal
    }
}

fn roles() -> Vec<Permission> {
    let role = |name| Permission::application(name).expect("the permission is one of Microsoft Graph");
    ROLES.map(role).to_vec()
}
