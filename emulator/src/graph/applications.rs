//! `/applications`: creating and updating registrations.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value};

use crate::data::json::{items, merge, text, texts, timestamp};
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::ObjectState;
use crate::graph::call::Call;
use crate::graph::directory::{Directory, reference};
use crate::graph::password_credentials::IssuedSecret;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};
use crate::graph::route::ObjectKey;
use crate::graph::validation;

const KIND: ObjectKind = ObjectKind::Application;
const OWNERS: &str = "owners@odata.bind";

impl Directory {
    pub(crate) fn create_application(&mut self, call: &Call) -> GraphResult {
        let body = call.object()?.clone();
        let name = body.get("uniqueName").and_then(Value::as_str).map(str::to_owned);
        self.new_application(body, name.as_deref(), call)
    }

    fn new_application(&mut self, mut body: Value, unique_name: Option<&str>, call: &Call) -> GraphResult {
        let bound = take_member(&mut body, OWNERS);
        validation::check_properties(KIND, &mut body)?;
        let keys = self.prepare_key_credentials(KIND, &mut body, None, call)?;
        let credentials = take_member(&mut body, "passwordCredentials");
        let mut owners = Vec::new();
        for link in bound.as_array().into_iter().flatten() {
            owners.push(reference(link.as_str().unwrap_or_default())?);
        }
        if owners.len() > 20 {
            return Err(GraphError::bad_request("Too many owners: at most 20 can be bound in one request."));
        }
        let id = self.new_id().to_string();
        let mut value = KIND.template().clone();
        value["id"] = id.as_str().into();
        value["appId"] = self.new_id().to_string().into();
        value["createdDateTime"] = timestamp::seconds(call.wall).into();
        value["publisherDomain"] = self.domain.as_str().into();
        value["signInAudience"] = self.default_audience.as_str().into();
        merge(&mut value, &body);
        if text(&value, "signInAudience").contains("Personal")
            && body["api"].get("requestedAccessTokenVersion").is_none()
        {
            value["api"]["requestedAccessTokenVersion"] = 2.into();
        }
        if let Some(name) = unique_name {
            value["uniqueName"] = name.into();
            self.check_unique_name(name, &id)?;
        }
        validation::fill_defaults(&mut value);
        validation::check_application(&value, None, self)?;
        self.check_new_values(&value, None, call)?;
        if self.requires_service_management_reference && text(&value, "serviceManagementReference").is_empty() {
            return Err(GraphError::new(
                StatusCode::BAD_REQUEST,
                "ServiceTreeValueMissing",
                "ServiceManagementReference field is required for Create, but is missing in the request.",
            ));
        }
        let mut issued = Vec::new();
        for credential in credentials.as_array().into_iter().flatten() {
            issued.push(self.issue_secret(KIND, None, credential, call)?);
        }
        let shown = |of: fn(&IssuedSecret) -> &Value| issued.iter().map(|issued| of(issued).clone()).collect();
        let mut stored = value.clone();
        stored["passwordCredentials"] = shown(|issued| &issued.stored);
        validation::check_application(&stored, None, self)?;
        KIND.reverse(&mut stored);
        self.write(KIND, ObjectState::Live, stored, call);
        self.store_key_bytes(keys);
        for issued in &issued {
            self.store_secret(issued);
        }
        self.add_creator_as_owner(KIND, &id, call);
        for owner in &owners {
            self.owners.add(&id, owner);
        }

        value["passwordCredentials"] = shown(|issued| &issued.returned);
        value["createdDateTime"] = timestamp::ticks(call.wall).into();
        let mut response = Map::new();
        response.insert("@odata.context".into(), call.context("applications/$entity").into());
        response.extend(value.as_object().cloned().unwrap_or_default());
        Ok(GraphResponse::created(response.into(), self.location(KIND, &id)))
    }

    pub(crate) fn update_application(&mut self, key: &ObjectKey, call: &Call) -> GraphResult {
        let mut body = call.object()?.clone();
        let old = match key {
            ObjectKey::UniqueName(name) if call.upsert => {
                let known =
                    self.applications.find_by("uniqueName", name).find(|(state, _)| *state == ObjectState::Live);
                let Some((_, known)) = known else {
                    if text(&body, "displayName").is_empty() {
                        return Err(GraphError::invalid("displayName", "Application"));
                    }
                    take_member(&mut body, "uniqueName");
                    return self.new_application(body, Some(name), call);
                };
                let known = Arc::clone(known);
                self.check_ownership(KIND, &known, call)?;
                known
            }
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
        if let Some(name) = body.get("uniqueName") {
            let current = &old["uniqueName"];
            if !current.is_null() && current != name {
                return Err(GraphError::bad_request("Property uniqueName cannot be changed once it is set.")
                    .detail("InvalidUpdate", "uniqueName"));
            }
            if let Some(name) = name.as_str() {
                self.check_unique_name(name, text(&old, "id"))?;
            }
        }
        // The stored order is that of reading; a PATCH is in the order of writing.
        let mut was = (*old).clone();
        KIND.reverse(&mut was);
        let mut new = was.clone();
        merge(&mut new, &body);
        validation::fill_defaults(&mut new);
        validation::check_entitlements(&new, &was)?;
        validation::check_application(&new, Some(&was), self)?;
        self.check_new_values(&new, Some(&was), call)?;
        KIND.reverse(&mut new);
        self.sync_service_principal(&new, call);
        self.write(KIND, ObjectState::Live, new, call);
        self.store_key_bytes(keys);
        Ok(GraphResponse::no_content())
    }

    /// Refuses a unique name that any other application has, deleted ones included.
    fn check_unique_name(&self, name: &str, id: &str) -> Result<(), GraphError> {
        if name.trim().is_empty() {
            return Err(GraphError::invalid("uniqueName", "Application"));
        }
        let mut holders = self.applications.find_by("uniqueName", name);
        if holders.any(|(_, holder)| text(holder, "id") != id) {
            return Err(GraphError::new(
                StatusCode::BAD_REQUEST,
                "Request_BadRequest",
                "Another object with the same value for property uniqueName already exists.",
            )
            .detail("ObjectConflict", "uniqueName"));
        }
        Ok(())
    }

    /// Whether another application, deleted ones included, has the identifier URI.
    pub(crate) fn is_identifier_uri_taken(&self, uri: &str, id: &str) -> bool {
        self.applications.find_by("identifierUris", uri).any(|(_, holder)| text(holder, "id") != id)
    }

    /// Updates the service principal in the home tenant after its application has changed.
    pub(crate) fn sync_service_principal(&mut self, application: &Value, call: &Call) {
        if let Some(new) = self.synced_service_principal(application) {
            self.write(ObjectKind::ServicePrincipal, ObjectState::Live, new, call);
        }
    }

    /// The service principal in the home tenant as its application makes it, where that is a change.
    pub(crate) fn synced_service_principal(&self, application: &Value) -> Option<Value> {
        let known = self.live_service_principal(text(application, "appId"))?;
        let mut new = (**known).clone();
        copy_application_properties(&mut new, application);
        (new != **known).then_some(new)
    }
}

/// Copies into a service principal the properties that it shares with its application.
pub(crate) fn copy_application_properties(service_principal: &mut Value, application: &Value) {
    for (shown, member) in [
        ("appDisplayName", "/displayName"),
        ("displayName", "/displayName"),
        ("appDescription", "/description"),
        ("appRoles", "/appRoles"),
        ("oauth2PermissionScopes", "/api/oauth2PermissionScopes"),
        ("info", "/info"),
        ("signInAudience", "/signInAudience"),
        ("verifiedPublisher", "/verifiedPublisher"),
        ("homepage", "/web/homePageUrl"),
        ("logoutUrl", "/web/logoutUrl"),
    ] {
        service_principal[shown] = application.pointer(member).cloned().unwrap_or_default();
    }
    let platforms = ["web", "spa", "publicClient"];
    let redirect_uris = platforms.iter().flat_map(|platform| items(&application[*platform], "redirectUris"));
    service_principal["replyUrls"] = redirect_uris.cloned().collect();
    let mut names: Vec<Value> = texts(application, "identifierUris").map(Value::from).collect();
    names.reverse();
    names.push(application["appId"].clone());
    service_principal["servicePrincipalNames"] = names.into();
    let mut tags = items(service_principal, "tags").to_vec();
    for tag in items(application, "tags") {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    service_principal["tags"] = tags.into();
}

fn take_member(body: &mut Value, name: &str) -> Value {
    body.as_object_mut().and_then(|members| members.remove(name)).unwrap_or_default()
}
