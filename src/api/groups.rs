//! `/groups`.

use http::Method;

use crate::api::applications::selecting;
use crate::api::{List, UniqueName};
use crate::client::decode;
use crate::client::lag_rule::LagRule;
use crate::client::recent_writes::ObjectKind;
use crate::client::request::Request;
use crate::client::{Call, Client};
use crate::ids::DirectoryObjectId;
use crate::model::query::keyed;
use crate::model::{Group, GroupMember, NewGroup};

const READ: &str = "GroupMember.Read.All";
const WRITE: &str = "Group.ReadWrite.All";
const WRITE_MEMBERS: &str = "GroupMember.ReadWrite.All";

/// What a signed-in user needs to change groups, as a remedy says it.
const ADMINISTRATOR: &str = "to own the group, or to be Groups Administrator";

/// By what a group is addressed.
///
/// ```
/// use entra_apps::api::{GroupKey, UniqueName};
/// use entra_apps::ids::DirectoryObjectId;
///
/// let by_id: GroupKey = DirectoryObjectId::from_u128(1).into();
/// let by_name: GroupKey = UniqueName::new("contoso-support")?.into();
/// assert_ne!(by_id, by_name);
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupKey {
    /// Its object id.
    Id(DirectoryObjectId),
    /// Its immutable unique name.
    UniqueName(UniqueName),
}

impl GroupKey {
    fn segments(&self, more: &[&str]) -> (Vec<String>, String) {
        let (mut segments, id) = match self {
            Self::Id(id) => (vec!["groups".to_owned(), id.to_string()], id.to_string()),
            Self::UniqueName(name) => (vec![keyed("groups", "uniqueName", name.as_str())], name.as_str().to_owned()),
        };
        segments.extend(more.iter().map(|part| (*part).to_owned()));
        (segments, id)
    }

    fn request(&self, operation: &'static str, permissions: &'static str, method: Method, more: &[&str]) -> Request {
        let (segments, id) = self.segments(more);
        Request::new(operation, permissions, method, segments).role(ADMINISTRATOR).object(ObjectKind::Other, id)
    }
}

impl From<DirectoryObjectId> for GroupKey {
    fn from(id: DirectoryObjectId) -> Self {
        Self::Id(id)
    }
}

impl From<UniqueName> for GroupKey {
    fn from(name: UniqueName) -> Self {
        Self::UniqueName(name)
    }
}

/// `/groups`: the groups of this tenant, with their members and owners.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let tenant = MemoryTenant::new();
/// # let client = tenant.client_of(&tenant.add_caller(&["Group.ReadWrite.All"]));
/// # let ada = tenant.add_user("Ada Lovelace", &[]).id;
/// use entra_apps::api::UniqueName;
/// use entra_apps::model::NewGroup;
///
/// let name = UniqueName::new("contoso-support")?;
/// let created = client.groups().upsert(&name, &NewGroup::security("Support")).await?.unwrap();
/// let id = created.id.unwrap();
/// client.groups().add_member(id, ada).await?;
/// assert_eq!(client.groups().members(id).all().await?[0].id, Some(ada));
/// client.groups().remove_member(id, ada).await?;
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Groups<'a>(pub(super) &'a Client);

impl Groups<'_> {
    /// Lists groups ([`GET /groups`](https://learn.microsoft.com/graph/api/group-list)). Least permission:
    /// `GroupMember.Read.All`.
    pub fn list(&self) -> List<Group> {
        List::new(self.0, "GET /groups", READ, ["groups"])
    }

    /// Finds a group ([`GET /groups/{id}`](https://learn.microsoft.com/graph/api/group-get)), or `None`. Least permission:
    /// `GroupMember.Read.All`.
    pub fn find(&self, key: impl Into<GroupKey>) -> Call<Option<Group>> {
        self.find_selecting(key, &[])
    }

    /// Finds a group, with these properties only, by their names in Graph. Least permission: `GroupMember.Read.All`.
    pub fn find_selecting(&self, key: impl Into<GroupKey>, select: &[&str]) -> Call<Option<Group>> {
        let request = key.into().request("GET /groups/{id}", READ, Method::GET, &[]);
        Call::new(self.0, selecting(request, select), decode::json_if_found)
    }

    /// Creates the group of this unique name, or changes it where it is there
    /// ([upsert](https://learn.microsoft.com/graph/api/group-upsert)): `Some` when it was created.
    ///
    /// Sending it twice makes one group. It cannot be part of a batch. Least permission: `Group.ReadWrite.All`.
    pub fn upsert(&self, unique_name: &UniqueName, group: &NewGroup) -> Call<Option<Group>> {
        let request =
            GroupKey::from(unique_name.clone()).request("PATCH /groups(uniqueName)", WRITE, Method::PATCH, &[]);
        let request = request.lag_rule(LagRule::None).create_if_missing().creates(ObjectKind::Other);
        Call::new(self.0, request.body(group), decode::json_if_created)
    }

    /// Lists the direct members ([`…/members`](https://learn.microsoft.com/graph/api/group-list-members)). Least
    /// permission: `GroupMember.Read.All`.
    pub fn members(&self, key: impl Into<GroupKey>) -> List<GroupMember> {
        self.linked(&key.into(), "GET /groups/{id}/members", "members")
    }

    /// Lists the members, and those of the groups among them
    /// ([`…/transitiveMembers`](https://learn.microsoft.com/graph/api/group-list-transitivemembers)). Least permission:
    /// `GroupMember.Read.All`.
    pub fn transitive_members(&self, key: impl Into<GroupKey>) -> List<GroupMember> {
        self.linked(&key.into(), "GET /groups/{id}/transitiveMembers", "transitiveMembers")
    }

    /// Lists the owners, who can add members
    /// ([`…/owners`](https://learn.microsoft.com/graph/api/group-list-owners)). Least permission: `GroupMember.Read.All`.
    pub fn owners(&self, key: impl Into<GroupKey>) -> List<GroupMember> {
        self.linked(&key.into(), "GET /groups/{id}/owners", "owners")
    }

    /// Lists the groups and other objects that the group is in, directly or through others
    /// ([`…/transitiveMemberOf`](https://learn.microsoft.com/graph/api/group-list-transitivememberof)). Least permission:
    /// `GroupMember.Read.All`.
    pub fn transitive_member_of(&self, key: impl Into<GroupKey>) -> List<GroupMember> {
        self.linked(&key.into(), "GET /groups/{id}/transitiveMemberOf", "transitiveMemberOf")
    }

    fn linked(&self, key: &GroupKey, operation: &'static str, relation: &str) -> List<GroupMember> {
        let (segments, id) = key.segments(&[relation]);
        List::new(self.0, operation, READ, segments).object(ObjectKind::Other, id)
    }

    /// Adds a member ([`POST …/members/$ref`](https://learn.microsoft.com/graph/api/group-post-members)). Least
    /// permission: `GroupMember.ReadWrite.All`.
    ///
    /// # Errors
    /// [`ObjectConflict`](crate::ErrorCode::ObjectConflict) where it is one already.
    pub fn add_member(&self, group: DirectoryObjectId, member: DirectoryObjectId) -> Call<()> {
        let object = Request::new("", "", Method::GET, ["directoryObjects".to_owned(), member.to_string()]);
        let request = object.url(self.0.cloud()).and_then(|link| {
            GroupKey::Id(group)
                .request("POST /groups/{id}/members/$ref", WRITE_MEMBERS, Method::POST, &["members", "$ref"])
                .object(ObjectKind::Other, member)
                .body(&serde_json::json!({ "@odata.id": link.as_str() }))
        });
        Call::new(self.0, request, decode::empty)
    }

    /// Removes a direct member
    /// ([`DELETE …/members/{id}/$ref`](https://learn.microsoft.com/graph/api/group-delete-members)). Least permission:
    /// `GroupMember.ReadWrite.All`.
    pub fn remove_member(&self, group: DirectoryObjectId, member: DirectoryObjectId) -> Call<()> {
        let (segments, _) = GroupKey::Id(group).segments(&["members", &member.to_string(), "$ref"]);
        let request = Request::new("DELETE /groups/{id}/members/{id}/$ref", WRITE_MEMBERS, Method::DELETE, segments)
            .role(ADMINISTRATOR);
        Call::new(self.0, Ok(request), decode::empty)
    }
}
