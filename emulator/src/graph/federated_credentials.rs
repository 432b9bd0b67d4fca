//! Federated identity credentials of an application: tokens of another issuer in place of a secret.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value};

use crate::data::json::{eq_ignore_case, items, merge, text};
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::{ObjectState, VisibleObject};
use crate::graph::call::Call;
use crate::graph::directory::Directory;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};
use crate::graph::route::{CredentialKey, ObjectKey};
use crate::graph::validation::check_properties;
use crate::query::{self, Query};

const KIND: ObjectKind = ObjectKind::FederatedCredential;

/// The internal property that holds the object id of the application; no response shows it.
pub(crate) const APPLICATION: &str = "_application";

const MAX_CREDENTIALS: usize = 20;

impl Directory {
    /// The credentials of an application that a replica for lists shows.
    pub(crate) fn federated_credentials_of(&self, application: &str, call: &Call) -> Vec<VisibleObject> {
        self.federated.visible_by(APPLICATION, application, call.replica_view(self.lag.lists))
    }

    pub(crate) fn list_federated(&self, key: &ObjectKey, call: &Call) -> GraphResult {
        let query = Query::parse(call, KIND)?;
        let application = self.find(ObjectKind::Application, key, self.lag.reads, call)?;
        let id = text(&application, "id");
        let rows = self.federated_credentials_of(id, call);
        Ok(GraphResponse::ok(query.page(rows.into_iter(), &context(id), self, call)))
    }

    pub(crate) fn count_federated(&self, key: &ObjectKey, call: &Call) -> GraphResult {
        query::check_count(call)?;
        let application = self.find(ObjectKind::Application, key, self.lag.reads, call)?;
        Ok(GraphResponse::text(self.federated_credentials_of(text(&application, "id"), call).len().to_string()))
    }

    pub(crate) fn get_federated(&self, key: &ObjectKey, credential: &CredentialKey, call: &Call) -> GraphResult {
        let query = Query::parse(call, KIND)?;
        let application = self.find(ObjectKind::Application, key, self.lag.reads, call)?;
        let id = text(&application, "id");
        let rows = self.federated.visible_by(APPLICATION, id, call.replica_view(self.lag.reads));
        let found = rows.into_iter().find(|visible| matches_key(&visible.value, credential));
        let found = found.ok_or_else(|| missing(credential))?;
        Ok(GraphResponse::ok(query.entity(&found.value, &context(id), self, call)))
    }

    pub(crate) fn create_federated(&mut self, key: &ObjectKey, call: &Call) -> GraphResult {
        let body = call.object()?.clone();
        let application = self.find_for_write(ObjectKind::Application, key, call)?;
        self.new_federated(&application, body, call)
    }

    fn new_federated(&mut self, application: &Value, mut body: Value, call: &Call) -> GraphResult {
        check_properties(KIND, &mut body)?;
        let id = text(application, "id");
        let mut value = KIND.template().clone();
        value["id"] = self.new_id().to_string().into();
        merge(&mut value, &body);
        value[APPLICATION] = id.into();
        self.check_federated(&value, id)?;
        let mut response = Map::new();
        response.insert("@odata.context".into(), call.context(&format!("{}/$entity", context(id))).into());
        if let Value::Object(members) = query::shown(KIND, &value) {
            response.extend(members);
        }
        let location = format!(
            "{}/federatedIdentityCredentials/{}",
            self.location(ObjectKind::Application, id),
            text(&value, "id")
        );
        self.write(KIND, ObjectState::Live, value, call);
        Ok(GraphResponse::created(response.into(), location))
    }

    /// Updates a credential; with `Prefer: create-if-missing`, one with an unknown name is created.
    pub(crate) fn update_federated(&mut self, key: &ObjectKey, credential: &CredentialKey, call: &Call) -> GraphResult {
        let mut body = call.object()?.clone();
        let application = self.find_for_write(ObjectKind::Application, key, call)?;
        let Some(known) = self.find_federated(&application, credential) else {
            return match credential {
                CredentialKey::Name(name) if call.upsert => {
                    body["name"] = name.as_str().into();
                    self.new_federated(&application, body, call)
                }
                credential => Err(missing(credential)),
            };
        };
        check_properties(KIND, &mut body)?;
        if body.get("name").is_some_and(|name| *name != known["name"]) {
            return Err(GraphError::bad_request("Property name is immutable and cannot be updated.")
                .detail("InvalidUpdate", "name"));
        }
        let mut new = (*known).clone();
        merge(&mut new, &body);
        self.check_federated(&new, text(&application, "id"))?;
        self.write(KIND, ObjectState::Live, new, call);
        Ok(GraphResponse::no_content())
    }

    pub(crate) fn delete_federated(&mut self, key: &ObjectKey, credential: &CredentialKey, call: &Call) -> GraphResult {
        let application = self.find_for_write(ObjectKind::Application, key, call)?;
        let known = self.find_federated(&application, credential).ok_or_else(|| missing(credential))?;
        self.remove_permanently(KIND, text(&known, "id"), call);
        Ok(GraphResponse::no_content())
    }

    fn find_federated(&self, application: &Value, credential: &CredentialKey) -> Option<Arc<Value>> {
        let mut all = self.federated.find_by(APPLICATION, text(application, "id"));
        all.find(|(_, value)| matches_key(value, credential)).map(|(_, value)| Arc::clone(value))
    }

    /// <https://learn.microsoft.com/graph/api/resources/federatedidentitycredential>
    fn check_federated(&self, value: &Value, application: &str) -> Result<(), GraphError> {
        let kind = KIND.directory_type();
        for (name, max_length) in [("name", 120), ("issuer", 600), ("subject", 600)] {
            let length = text(value, name).chars().count();
            if length == 0 || length > max_length {
                return Err(GraphError::invalid(name, kind));
            }
        }
        let url_friendly = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        let name = text(value, "name");
        if !name.chars().all(url_friendly) || !name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            return Err(GraphError::invalid("name", kind));
        }
        let audiences = items(value, "audiences");
        let one =
            audiences.len() == 1 && audiences[0].as_str().is_some_and(|audience| (1..=600).contains(&audience.len()));
        if !one {
            return Err(GraphError::invalid("audiences", kind));
        }
        if text(value, "description").chars().count() > 600 {
            return Err(GraphError::invalid("description", kind));
        }
        let others = self.federated.find_by(APPLICATION, application).filter(|(_, other)| other["id"] != value["id"]);
        let others: Vec<_> = others.collect();
        if others.iter().any(|(_, other)| eq_ignore_case(text(other, "name"), name)) {
            return Err(GraphError::conflict(format!("FederatedIdentityCredential with name {name} already exists.")));
        }
        if others.iter().any(|(_, other)| other["issuer"] == value["issuer"] && other["subject"] == value["subject"]) {
            return Err(GraphError::conflict(
                "A FederatedIdentityCredential with the same issuer and subject already exists.",
            ));
        }
        if others.len() >= MAX_CREDENTIALS {
            return Err(GraphError::new(
                StatusCode::FORBIDDEN,
                "Directory_QuotaExceeded",
                format!("The application already has {MAX_CREDENTIALS} federated identity credentials."),
            ));
        }
        Ok(())
    }
}

fn context(application: &str) -> String {
    format!("applications('{application}')/federatedIdentityCredentials")
}

fn matches_key(value: &Value, credential: &CredentialKey) -> bool {
    match credential {
        CredentialKey::Name(name) => eq_ignore_case(text(value, "name"), name),
        CredentialKey::IdOrName(id) => eq_ignore_case(text(value, "id"), id) || eq_ignore_case(text(value, "name"), id),
    }
}

fn missing(credential: &CredentialKey) -> GraphError {
    let (CredentialKey::Name(name) | CredentialKey::IdOrName(name)) = credential;
    GraphError::new(
        StatusCode::NOT_FOUND,
        "Request_ResourceNotFound",
        format!("FederatedIdentityCredential with name {name} not found."),
    )
}
