//! The app that signs in: its registration, in any tenant, and its service principal in the tenant of the request.

use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

use super::error::{SignInError, SignInResult};
use super::first_party::FirstParty;
use crate::cloud_state::CloudState;
use crate::data::json::text;
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::ReplicaView;

/// An app that signs in to a tenant.
#[derive(Clone, Debug)]
pub(super) struct ClientApp {
    pub(super) app_id: String,
    pub(super) name: String,
    pub(super) application: Arc<Value>,
    /// The tenant that registered it; `None` for an app of Microsoft's.
    pub(super) home: Option<usize>,
    pub(super) service_principal: Option<Arc<Value>>,
    pub(super) first_party: Option<&'static FirstParty>,
}

impl ClientApp {
    /// The object id of its service principal; empty when it has none.
    pub(super) fn principal_id(&self) -> &str {
        self.service_principal.as_ref().map_or("", |principal| text(principal, "id"))
    }

    /// Whether it may be used in other tenants than its own.
    pub(super) fn is_multi_tenant(&self) -> bool {
        text(&self.application, "signInAudience") != "AzureADMyOrg"
    }
}

impl CloudState {
    /// The app of a client id, as a tenant knows it.
    pub(super) fn client(&self, tenant: usize, client_id: &str, view: ReplicaView) -> SignInResult<ClientApp> {
        let directory = &self[tenant].directory;
        let of = |kind: ObjectKind| {
            directory.store(kind).visible_by("appId", client_id, view).pop().map(|visible| visible.value)
        };
        let (application, home) = match of(ObjectKind::Application) {
            Some(application) => (application, Some(tenant)),
            None => {
                let foreign_application = self.foreign_application(tenant, client_id).ok_or_else(|| {
                    let message = format!(
                        "Application with identifier '{client_id}' was not found in the directory '{}'. This can \
                            happen if the application has not been installed by the administrator of the tenant or \
                            consented to by any user in the tenant. You may have sent your authentication request to \
                            the wrong tenant.",
                        directory.display_name
                    );
                    SignInError::new("unauthorized_client", 700_016, message)
                })?;
                let home = self.find_tenant(&foreign_application.home.to_string());
                (foreign_application.application, home)
            }
        };
        let client = ClientApp {
            app_id: text(&application, "appId").to_owned(),
            name: text(&application, "displayName").to_owned(),
            application,
            home,
            service_principal: of(ObjectKind::ServicePrincipal),
            first_party: FirstParty::find(client_id),
        };
        let disabled = |value: &Value| value["accountEnabled"] == false || value["isDisabled"] == true;
        if client.service_principal.as_deref().is_some_and(disabled) {
            let message = format!("Application '{client_id}'({}) is disabled.", client.name);
            return Err(SignInError::new("unauthorized_client", 7_000_112, message).status(StatusCode::UNAUTHORIZED));
        }
        Ok(client)
    }

    /// The app of a client id, while the user's tenant is not known yet.
    pub(super) fn client_anywhere(&self, tenant: usize, client_id: &str, view: ReplicaView) -> SignInResult<ClientApp> {
        let home = self.registrars(client_id).iter().copied().find(|index| {
            let applications = &self[*index].directory.applications;
            !applications.visible_by("appId", client_id, view).is_empty()
        });
        let client = self.client(home.unwrap_or(tenant), client_id, view)?;
        if !client.is_multi_tenant() {
            let message = format!(
                "Application '{client_id}'({}) is not configured as a multi-tenant application. Usage of the /common \
                    endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific \
                    endpoint or configure the application to be multi-tenant.",
                client.name
            );
            return Err(SignInError::invalid_request(50194, message));
        }
        Ok(client)
    }
}
