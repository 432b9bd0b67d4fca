//! `/servicePrincipals`: creating and updating service principals.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::data::json::{items, merge, text, timestamp};
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::ObjectState;
use crate::graph::applications::copy_application_properties;
use crate::graph::call::Call;
use crate::graph::directory::Directory;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};
use crate::graph::route::ObjectKey;
use crate::graph::validation;

const KIND: ObjectKind = ObjectKind::ServicePrincipal;

impl Directory {
    pub(crate) fn create_service_principal(&mut self, call: &Call) -> GraphResult {
        let body = call.object()?.clone();
        let app_id = text(&body, "appId").to_owned();
        self.new_service_principal(body, &app_id, call)
    }

    fn new_service_principal(&mut self, mut body: Value, app_id: &str, call: &Call) -> GraphResult {
        if Uuid::parse_str(app_id).is_err() {
            return Err(GraphError::invalid("appId", KIND.directory_type()));
        }
        if let Some(members) = body.as_object_mut() {
            members.remove("appId");
        }
        validation::check_properties(KIND, &mut body)?;
        if !items(&body, "passwordCredentials").is_empty() {
            return Err(GraphError::bad_request(
                "Password credentials are not supported at creation. Use addPassword instead.",
            ));
        }
        let keys = self.prepare_key_credentials(KIND, &mut body, None, call)?;
        let application = self.backing_application(app_id, call)?;
        if self.live_service_principal(app_id).is_some() {
            return Err(GraphError::conflict(format!(
                "The service principal cannot be created, updated, or restored because the service principal name \
                    {app_id} is already in use."
            ))
            .detail("ObjectConflict", "servicePrincipalNames"));
        }
        let mut value = KIND.template().clone();
        let id = self.new_id().to_string();
        value["id"] = id.as_str().into();
        value["appId"] = app_id.into();
        value["createdDateTime"] = timestamp::seconds(call.wall).into();
        match &application {
            Some(application) => {
                let owner = call
                    .foreign_application
                    .as_ref()
                    .map_or(self.tenant_id, |foreign_application| foreign_application.home);
                value["appOwnerOrganizationId"] = owner.to_string().into();
                copy_application_properties(&mut value, application);
            }
            None => {
                if let Some(api) = self.known_apis.get(&app_id.to_lowercase()) {
                    api.apply_to(&mut value);
                }
            }
        }
        let tags = items(&value, "tags").to_vec();
        merge(&mut value, &body);
        if let Some(all) = value["tags"].as_array_mut() {
            for tag in tags {
                if !all.contains(&tag) {
                    all.push(tag);
                }
            }
        }
        validation::check_service_principal(&value)?;
        self.write(KIND, ObjectState::Live, value.clone(), call);
        self.store_key_bytes(keys);
        self.add_creator_as_owner(KIND, &id, call);
        KIND.reverse(&mut value);
        let mut response = Map::new();
        response.insert("@odata.context".into(), call.context("servicePrincipals/$entity").into());
        response.extend(value.as_object().cloned().unwrap_or_default());
        Ok(GraphResponse::created(response.into(), self.location(KIND, &id)))
    }

    /// The application of an app id; `None` for an API of Microsoft.
    fn backing_application(&self, app_id: &str, call: &Call) -> Result<Option<Arc<Value>>, GraphError> {
        let elsewhere = GraphError::new(
            StatusCode::FORBIDDEN,
            "Authorization_RequestDenied",
            "When using this permission, the backing application of the service principal being created must in \
                the local tenant",
        );
        if self.known_apis.contains_key(&app_id.to_lowercase()) {
            return if call.owned_only { Err(elsewhere) } else { Ok(None) };
        }
        if let Some(foreign_application) = &call.foreign_application {
            return if call.owned_only {
                Err(elsewhere)
            } else {
                Ok(Some(Arc::clone(&foreign_application.application)))
            };
        }
        match self.find(ObjectKind::Application, &ObjectKey::AppId(app_id.to_owned()), self.lag.references, call) {
            Ok(application) => {
                self.check_ownership(ObjectKind::Application, &application, call).map_err(|_| elsewhere)?;
                Ok(Some(application))
            }
            Err(_) if call.owned_only => Err(elsewhere),
            Err(_) => Err(GraphError::bad_request(format!(
                "The appId '{app_id}' of the service principal does not reference a valid application object."
            ))
            .detail("NoBackingApplicationObject", "appId")),
        }
    }

    /// The current service principal of an app id, if it is live.
    pub(crate) fn live_service_principal(&self, app_id: &str) -> Option<&Arc<Value>> {
        self.service_principals
            .find_by("appId", app_id)
            .find(|(state, _)| *state == ObjectState::Live)
            .map(|(_, value)| value)
    }

    pub(crate) fn update_service_principal(&mut self, key: &ObjectKey, call: &Call) -> GraphResult {
        let mut body = call.object()?.clone();
        let old = match key {
            ObjectKey::AppId(app_id) if call.upsert => match self.live_service_principal(app_id).cloned() {
                Some(known) => {
                    self.check_ownership(KIND, &known, call)?;
                    known
                }
                None => return self.new_service_principal(body, app_id, call),
            },
            key => self.find_for_write(KIND, key, call)?,
        };
        validation::check_properties(KIND, &mut body)?;
        let keys = self.prepare_key_credentials(KIND, &mut body, Some(&old), call)?;
        if body.get("passwordCredentials").is_some() {
            return Err(GraphError::bad_request(
                "Updates to passwordCredentials are not supported. Use addPassword and removePassword instead.",
            )
            .detail("InvalidUpdate", "passwordCredentials"));
        }
        let mut new = (*old).clone();
        merge(&mut new, &body);
        validation::check_service_principal(&new)?;
        self.write(KIND, ObjectState::Live, new, call);
        self.store_key_bytes(keys);
        Ok(GraphResponse::no_content())
    }
}
