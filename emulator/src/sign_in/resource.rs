//! The API that a token is for.

use std::sync::Arc;

use entra_apps::permission::MICROSOFT_GRAPH;
use serde_json::Value;
use uuid::Uuid;

use super::error::{SignInError, SignInResult};
use super::first_party::MICROSOFT;
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, text};
use crate::data::object_store::{ObjectState, ReplicaView};

/// An API in a tenant, as requested.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) service_principal: Arc<Value>,
    /// The requested name, or else its app id.
    pub(super) audience: String,
    /// The prefix of each requested permission: the name with a slash, or nothing.
    pub(super) prefix: String,
    pub(super) is_version_2: bool,
}

impl Resource {
    pub(super) fn id(&self) -> &str {
        text(&self.service_principal, "id")
    }

    pub(super) fn app_id(&self) -> &str {
        text(&self.service_principal, "appId")
    }

    pub(super) fn is_graph(&self) -> bool {
        eq_ignore_case(self.app_id(), &MICROSOFT_GRAPH.to_string())
    }

    /// Whether the API is Microsoft's.
    pub(super) fn is_microsoft(&self) -> bool {
        text(&self.service_principal, "appOwnerOrganizationId") == MICROSOFT.to_string()
    }
}

impl CloudState {
    /// Finds an API by app id or identifier URI, with or without a slash at its end; without a name it is Microsoft
    /// Graph.
    pub(super) fn resource(&self, tenant: usize, name: Option<&str>, view: ReplicaView) -> SignInResult<Resource> {
        let directory = &self[tenant].directory;
        let graph = MICROSOFT_GRAPH.to_string();
        let plain = name.unwrap_or(&graph).trim_end_matches('/');
        let by_id = Uuid::parse_str(plain)
            .ok()
            .and_then(|id| directory.service_principals.visible_by("appId", &id.to_string(), view).pop());
        let found = by_id.or_else(|| {
            // A name matches with and without a slash at its end.
            let names = [plain, &format!("{plain}/")];
            directory.service_principals.visible_by_any("servicePrincipalNames", &names, view).into_iter().next()
        });
        let Some(found) = found else {
            let message = format!(
                "The resource principal named {} was not found in the tenant named {}. This can happen if the \
                    application has not been installed by the administrator of the tenant or consented to by any \
                    user in the tenant. You might have sent your authentication request to the wrong tenant.",
                name.unwrap_or(&graph),
                directory.display_name
            );
            return Err(SignInError::new("invalid_resource", 500_011, message));
        };
        if found.value["accountEnabled"] == false {
            let message = format!(
                "The service principal for resource '{plain}' is disabled. This indicate that a subscription within \
                    the tenant has lapsed, or that the administrator for this tenant has disabled the application, \
                    preventing tokens from being issued for it."
            );
            return Err(SignInError::new("invalid_resource", 500_014, message));
        }
        let app_id = text(&found.value, "appId").to_owned();
        let registered = |index: usize| {
            let known = self[index].directory.applications.find_by("appId", &app_id);
            known.filter(|(state, _)| *state == ObjectState::Live).map(|(_, application)| application).next()
        };
        let application = self.registrars(&app_id).iter().find_map(|index| registered(*index));
        Ok(Resource {
            is_version_2: application.is_some_and(|known| known["api"]["requestedAccessTokenVersion"] == 2),
            audience: name.map_or(app_id, str::to_owned),
            prefix: name.map_or_else(String::new, |name| format!("{name}/")),
            service_principal: found.value,
        })
    }
}
