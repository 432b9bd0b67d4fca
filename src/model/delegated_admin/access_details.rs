//! The directory roles of relationships and access assignments.

use crate::directory_role::DirectoryRole;
use crate::error::{Error, ErrorCode};
use crate::model::object::{Element, Text, Written, object};

impl Element for DirectoryRole {
    fn written(&self) -> Written<'_> {
        Written::Guid(self.id())
    }
}

impl Text for DirectoryRole {
    fn from_text(text: &str) -> Option<Self> {
        uuid::Uuid::try_parse(text).ok().map(Self::by_id)
    }
}

object! {
    /// A directory role of a relationship or an access assignment
    /// ([`unifiedRole`](https://learn.microsoft.com/graph/api/resources/unifiedrole)).
    ///
    /// ```
    /// use entra_apps::directory_role::DirectoryRole;
    /// use entra_apps::model::UnifiedRole;
    ///
    /// let read: UnifiedRole =
    ///     serde_json::from_str(r#"{"roleDefinitionId": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"}"#)?;
    /// assert_eq!(read.role_definition_id, Some(DirectoryRole::DIRECTORY_READERS));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    UnifiedRole {
        /// The role.
        role_definition_id: Option<DirectoryRole> = "roleDefinitionId",
    }
}

object! {
    /// The directory roles of a relationship or an access assignment
    /// ([`delegatedAdminAccessDetails`](https://learn.microsoft.com/graph/api/resources/delegatedadminaccessdetails)).
    ///
    /// ```
    /// use entra_apps::directory_role::DirectoryRole;
    /// use entra_apps::model::DelegatedAdminAccessDetails;
    ///
    /// let made = DelegatedAdminAccessDetails::of([DirectoryRole::GLOBAL_READER]);
    /// assert_eq!(made.roles().collect::<Vec<_>>(), [DirectoryRole::GLOBAL_READER]);
    /// ```
    DelegatedAdminAccessDetails {
        /// The roles.
        unified_roles: Vec<UnifiedRole> = "unifiedRoles",
    }
}

impl DelegatedAdminAccessDetails {
    /// Those of these roles.
    pub fn of(roles: impl IntoIterator<Item = DirectoryRole>) -> Self {
        let role = |role| UnifiedRole { role_definition_id: Some(role), ..UnifiedRole::default() };
        Self { unified_roles: roles.into_iter().map(role).collect(), ..Self::default() }
    }

    /// The roles.
    pub fn roles(&self) -> impl Iterator<Item = DirectoryRole> {
        self.unified_roles.iter().filter_map(|role| role.role_definition_id)
    }
}

/// Refuses no roles at all, and the one that stands in the way of an extension.
pub(super) fn check_roles(roles: &DelegatedAdminAccessDetails, is_extended: bool) -> Result<(), Error> {
    match roles.roles().next() {
        None => Err(Error::new(ErrorCode::RelationshipWithoutRoles)),
        Some(_) if is_extended && roles.roles().any(|role| role == DirectoryRole::GLOBAL_ADMINISTRATOR) => {
            Err(Error::new(ErrorCode::GlobalAdministratorBlocksExtension))
        }
        Some(_) => Ok(()),
    }
}
