//! `/users`.

use http::Method;

use crate::api::applications::selecting;
use crate::client::decode;
use crate::client::recent_writes::ObjectKind;
use crate::client::request::Request;
use crate::client::{Call, Client};
use crate::ids::DirectoryObjectId;
use crate::model::User;

/// By what a user is addressed.
///
/// ```
/// use entra_apps::api::UserKey;
/// use entra_apps::ids::DirectoryObjectId;
///
/// let by_id: UserKey = DirectoryObjectId::from_u128(1).into();
/// let by_name: UserKey = "ada@contoso.example".into();
/// assert_eq!((by_id.to_string().len(), by_name.to_string().as_str()), (36, "ada@contoso.example"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum UserKey {
    /// The object id.
    Id(DirectoryObjectId),
    /// The user principal name: what the user signs in with.
    PrincipalName(String),
}

impl From<DirectoryObjectId> for UserKey {
    fn from(id: DirectoryObjectId) -> Self {
        Self::Id(id)
    }
}

impl From<&str> for UserKey {
    /// A text that is a GUID is the object id.
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::PrincipalName(text.trim().to_owned()), Self::Id)
    }
}

impl std::fmt::Display for UserKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::PrincipalName(name) => f.write_str(name),
        }
    }
}

/// `/users`: the users of this tenant.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let tenant = MemoryTenant::builder().small_company().build();
/// # let client = tenant.client();
/// let ada = client.users().find("ada.lovelace@contoso.onmicrosoft.com").await?.unwrap();
/// assert_eq!(ada.display_name.as_deref(), Some("Ada Lovelace"));
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Users<'a>(pub(super) &'a Client);

impl Users<'_> {
    /// Finds a user ([`GET /users/{id}`](https://learn.microsoft.com/graph/api/user-get)), or `None`. Least permission:
    /// `User.Read.All`.
    pub fn find(&self, key: impl Into<UserKey>) -> Call<Option<User>> {
        let key = key.into().to_string();
        let request = Request::new("GET /users/{id}", "User.Read.All", Method::GET, ["users", &key])
            .object(ObjectKind::Other, &key);
        let select = ["id", "displayName", "userPrincipalName", "userType"];
        Call::new(self.0, selecting(request, &select), decode::json_if_found)
    }
}
