//! How a permission is written into a manifest or plan, and read from it.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{MICROSOFT_GRAPH, Permission, PermissionKind, name};
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, PermissionId};
use crate::strict::Strict;

/// The serialised form: names for people, ids for the service.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    api: AppId,
    kind: PermissionKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<PermissionId>,
}

impl Serialize for Permission {
    /// Writes `{"api": …, "kind": "application", "name": "Directory.Read.All", "id": …}`, without what is not known.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { api: self.api(), kind: self.kind(), name: self.name().map(Cow::Borrowed), id: self.id() }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Permission {
    /// Reads what [`Serialize`] writes. Of name and id one suffices; for Microsoft Graph both must mean the same
    /// permission.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Written::deserialize(Strict(deserializer))?.read().map_err(de::Error::custom)
    }
}

impl Written<'_> {
    fn read(&self) -> Result<Permission, Error> {
        match (self.name.as_deref(), self.id) {
            (Some(name), None) => Permission::by_name(self.api, name, self.kind),
            (None, Some(id)) => Ok(Permission::by_id(self.api, id, self.kind)),
            (Some(name), Some(id)) => self.read_both(name, id),
            (None, None) => Err(Error::new(ErrorCode::PermissionWithoutName)),
        }
    }

    fn read_both(&self, name: &str, id: PermissionId) -> Result<Permission, Error> {
        let by_id = Permission::by_id(self.api, id, self.kind);
        let by_name = name::find(name::check(self.api, name)?, self.kind).filter(|_| self.api == MICROSOFT_GRAPH);
        match (by_id.entry(), by_name) {
            (None, None) => by_id.named(name),
            // By the name, because one that was renamed is to be written again as it was read.
            (_, Some(entry)) if entry.id == id => Ok(Permission::known(entry)),
            (found, _) => Err(Error::new(ErrorCode::PermissionMismatch)
                .with_message(format!("the id {id} is not that of the permission's name"))
                .with_remedy(match (found, by_name) {
                    (Some(entry), _) => format!("The id is that of {}: correct it, or leave it out.", entry.value),
                    (None, Some(entry)) => {
                        format!("The id of {name} is {}: correct it, or leave it out.", entry.id)
                    }
                    (None, None) => String::new(),
                })),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;
    use crate::permission::{microsoft_graph, well_known};

    const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
    const DIRECTORY_READ_ALL: &str = "7ab1d382-f21e-4acd-a863-ba3e13f7da61";

    #[test]
    fn a_permission_is_written_with_name_and_id() {
        assert_eq!(
            to_value(microsoft_graph::application::DIRECTORY_READ_ALL).unwrap(),
            json!({"api": GRAPH, "kind": "application", "name": "Directory.Read.All", "id": DIRECTORY_READ_ALL})
        );
    }

    #[test]
    fn what_was_written_is_read_as_the_same() {
        let exchange = well_known::OFFICE_365_EXCHANGE_ONLINE;
        let (id, kind) = (PermissionId::from_u128(7), PermissionKind::Delegated);
        for permission in [
            microsoft_graph::application::DIRECTORY_READ_ALL,
            microsoft_graph::delegated::CLOUD_APP_DISC_READ_ALL,
            Permission::by_id(exchange, id, kind),
            Permission::by_id(exchange, id, kind).named("EWS.AccessAsUser.All").unwrap(),
            Permission::by_name(exchange, "EWS.AccessAsUser.All", kind).unwrap(),
            Permission::by_id(MICROSOFT_GRAPH, id, kind).named("Newer.Than.This.Crate").unwrap(),
            // Declared in a directory although it cannot be granted by it.
            Permission::by_id(
                MICROSOFT_GRAPH,
                microsoft_graph::resource_specific::CHANNEL_CREATE_GROUP.id(),
                PermissionKind::Application,
            ),
        ] {
            let written = to_value(&permission).unwrap();
            let read: Permission = from_value(written.clone()).unwrap();
            assert_eq!(read, permission);
            assert_eq!(to_value(&read).unwrap(), written);
        }
    }

    #[test]
    fn a_name_alone_or_an_id_alone_suffices() {
        for written in [
            json!({"api": GRAPH, "kind": "application", "name": "Directory.Read.All"}),
            json!({"api": GRAPH, "kind": "application", "id": DIRECTORY_READ_ALL}),
        ] {
            let read: Permission = from_value(written).unwrap();
            assert_eq!(read, microsoft_graph::application::DIRECTORY_READ_ALL);
        }
    }

    #[test]
    fn what_contradicts_itself_or_is_misspelt_is_refused() {
        for (written, said) in [
            (json!({"api": GRAPH, "kind": "application"}), "neither a name nor an id"),
            (json!({"api": GRAPH, "kind": "application", "name": "Directroy.Read.All"}), "Did you mean"),
            (json!({"api": GRAPH, "kind": "application", "name": "User.Read"}), "exists as a delegated"),
            (json!({"api": GRAPH, "kind": "role", "name": "User.Read"}), "unknown variant"),
            (json!({"api": GRAPH, "kind": "delegated", "nmae": "User.Read"}), "did you mean `name`"),
            (
                json!({"api": GRAPH, "kind": "application", "name": "User.Read.All", "id": DIRECTORY_READ_ALL}),
                "The id is that of Directory.Read.All",
            ),
            (
                json!({"api": GRAPH, "kind": "application", "name": "User.Read.All", "id": GRAPH}),
                "The id of User.Read.All is df021288-bdef-4463-88db-98f22de89214",
            ),
            (json!({"api": well_known::YAMMER, "kind": "delegated", "name": "a b"}), "cannot be the name"),
        ] {
            let error = from_value::<Permission>(written.clone()).unwrap_err().to_string();
            assert!(error.contains(said), "{written}: {error}");
        }
    }
}
