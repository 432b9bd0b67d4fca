//! The report of when each credential was last used to sign in: of the beta version alone.
//!
//! <https://learn.microsoft.com/graph/api/resources/appcredentialsigninactivity?view=graph-rest-beta>

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::data::json::{eq_ignore_case, items, text, timestamp};
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::{ObjectState, ReplicaView};
use crate::graph::call::Call;
use crate::graph::directory::Directory;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};
use crate::partner::list::{ListQuery, ListSchema, Row};

const REPORT: &str = "reports/appCredentialSignInActivities";

static ACTIVITIES: ListSchema = ListSchema {
    type_name: "appCredentialSignInActivity",
    // `$select` is none of the options that the documentation lists.
    selectable: &[],
    filterable: &["appId", "appObjectId", "credentialOrigin", "keyId", "keyType", "keyUsage", "resourceId"],
    max_page_size: 999,
    in_directory: false,
};

/// An operation on the reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReportOperation {
    ListActivities,
    GetActivity(String),
}

impl ReportOperation {
    /// The operation behind `/reports`; `None` is a wrong method on a known path.
    pub(crate) fn route(method: &str, names: &[&str], raw: &[&str]) -> Result<Option<Self>, GraphError> {
        Ok(match (names, method) {
            (["appcredentialsigninactivities"], "GET") => Some(Self::ListActivities),
            (["appcredentialsigninactivities", _], "GET") => Some(Self::GetActivity(raw[1].to_owned())),
            (["appcredentialsigninactivities"] | ["appcredentialsigninactivities", _], _) => None,
            _ => return Err(GraphError::not_implemented(format!("the path /reports/{}", names.join("/")))),
        })
    }
}

/// The entries of the report, by their ids.
#[derive(Debug, Default)]
pub(crate) struct CredentialActivities(BTreeMap<String, Value>);

impl CredentialActivities {
    /// Puts an entry there as it is; returns whether it is one, with an id.
    pub(crate) fn put(&mut self, entry: Value) -> bool {
        let id = text(&entry, "id").to_owned();
        let is_entry = !id.is_empty();
        if is_entry {
            self.0.insert(id, entry);
        }
        is_entry
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Value> {
        self.0.values()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Directory {
    pub(crate) fn report(&self, operation: &ReportOperation, call: &Call) -> GraphResult {
        match operation {
            ReportOperation::ListActivities => {
                let query = ListQuery::parse(call, &ACTIVITIES)?;
                let rows = self
                    .activities
                    .all()
                    .zip(1..)
                    .filter_map(|(entry, order)| Some(Row { order, properties: entry.as_object()?.clone() }));
                let mut body = query.page(rows, REPORT, call);
                body["@odata.context"] = call.context(REPORT).into();
                Ok(GraphResponse::ok(body))
            }
            ReportOperation::GetActivity(id) => {
                let entry = self.activities.0.get(id).and_then(Value::as_object);
                let entry = entry.ok_or_else(|| GraphError::not_found(id))?;
                let mut body = Map::new();
                body.insert("@odata.context".into(), call.context(&format!("{REPORT}/$entity")).into());
                body.extend(entry.clone());
                Ok(GraphResponse::ok(body.into()))
            }
        }
    }

    /// Notes in the report when a credential was last used; returns whether an object of the tenant has it.
    pub(crate) fn note_sign_in(&mut self, key_id: &str, at: OffsetDateTime) -> bool {
        let Some(entry) = self.activity_of(key_id, at) else { return false };
        self.activities.put(entry)
    }

    /// An entry as the service was seen to write it.
    fn activity_of(&self, key_id: &str, at: OffsetDateTime) -> Option<Value> {
        let lists = [("passwordCredentials", "password"), ("keyCredentials", "certificate")];
        for kind in [ObjectKind::Application, ObjectKind::ServicePrincipal] {
            for visible in self.store(kind).all(ObjectState::Live, ReplicaView::CURRENT) {
                let object = &visible.value;
                let mut held = lists
                    .iter()
                    .flat_map(|(list, sort)| items(object, list).iter().map(move |credential| (*sort, credential)));
                let held = held.find(|(_, credential)| eq_ignore_case(text(credential, "keyId"), key_id));
                let Some((sort, credential)) = held else { continue };
                let is_application = kind == ObjectKind::Application;
                return Some(json!({
                    "id": STANDARD.encode(text(credential, "keyId")),
                    "keyId": credential["keyId"],
                    "keyType": sort,
                    "keyUsage": if sort == "password" { "verify" } else { "sign" },
                    "appId": object["appId"],
                    "appObjectId": is_application.then(|| object["id"].clone()),
                    "servicePrincipalObjectId": (!is_application).then(|| object["id"].clone()),
                    "resourceId": "00000003-0000-0000-c000-000000000000",
                    "credentialOrigin": if is_application { "application" } else { "servicePrincipal" },
                    "createdDateTime": credential["startDateTime"],
                    "expirationDateTime": credential["endDateTime"],
                    "signInActivity": {
                        "lastSignInDateTime": timestamp::seconds(at), "lastSignInRequestId": null
                    },
                }));
            }
        }
        None
    }
}
