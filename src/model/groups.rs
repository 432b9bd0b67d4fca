//! Groups and users of a tenant.

use serde::Serialize;

use crate::ids::DirectoryObjectId;
use crate::model::object::object;

object! {
    /// A group ([`group`](https://learn.microsoft.com/graph/api/resources/group)).
    ///
    /// ```
    /// use entra_apps::model::Group;
    ///
    /// let read: Group = serde_json::from_str(
    ///     r#"{"displayName": "Support", "securityEnabled": true, "mailEnabled": false, "groupTypes": ["DynamicMembership"]}"#,
    /// )?;
    /// assert!(read.is_security_group() && read.is_dynamic());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    Group {
        /// The object id.
        id: Option<DirectoryObjectId> = "id",
        /// The display name, which several groups can have.
        display_name: Option<String> = "displayName",
        /// The immutable unique name.
        unique_name: Option<String> = "uniqueName",
        /// Whether it is one that access can be given to.
        security_enabled: Option<bool> = "securityEnabled",
        /// Whether it has a mailbox or distributes mail.
        mail_enabled: Option<bool> = "mailEnabled",
        /// `Unified` for a Microsoft 365 group, `DynamicMembership` for one with a rule.
        group_types: Vec<String> = "groupTypes",
        /// The rule by which a dynamic group has its members.
        membership_rule: Option<String> = "membershipRule",
        /// Whether directory roles of its own tenant can be assigned to it.
        is_assignable_to_role: Option<bool> = "isAssignableToRole",
    }
}

impl Group {
    fn has_type(&self, wanted: &str) -> bool {
        self.group_types.iter().any(|kind| kind.eq_ignore_ascii_case(wanted))
    }

    /// Whether it is a security group and nothing else: neither mail-enabled nor a Microsoft 365 group.
    pub fn is_security_group(&self) -> bool {
        self.security_enabled == Some(true) && self.mail_enabled == Some(false) && !self.has_type("Unified")
    }

    /// Whether a rule says who its members are.
    pub fn is_dynamic(&self) -> bool {
        self.has_type("DynamicMembership")
    }
}

object! {
    /// A member or an owner of a group: a user, a service principal, another group.
    ///
    /// ```
    /// use entra_apps::model::GroupMember;
    ///
    /// let read: GroupMember = serde_json::from_str(r#"{"userPrincipalName": "ada@contoso.example"}"#)?;
    /// assert_eq!(read.user_principal_name.as_deref(), Some("ada@contoso.example"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    GroupMember {
        /// The type, such as `#microsoft.graph.user`.
        odata_type: Option<String> = "@odata.type",
        /// The object id.
        id: Option<DirectoryObjectId> = "id",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// The name that a user signs in with.
        user_principal_name: Option<String> = "userPrincipalName",
    }
}

object! {
    /// A user ([`user`](https://learn.microsoft.com/graph/api/resources/user)).
    ///
    /// ```
    /// use entra_apps::model::User;
    ///
    /// let read: User = serde_json::from_str(r#"{"displayName": "Ada Lovelace", "userType": "Member"}"#)?;
    /// assert_eq!(read.display_name.as_deref(), Some("Ada Lovelace"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    User {
        /// The object id.
        id: Option<DirectoryObjectId> = "id",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// The name to sign in with.
        user_principal_name: Option<String> = "userPrincipalName",
        /// `Member`, or `Guest` for one of another tenant.
        user_type: Option<String> = "userType",
    }
}

/// A new security group ([create](https://learn.microsoft.com/graph/api/group-post-groups)).
///
/// ```
/// use entra_apps::model::NewGroup;
///
/// let made = NewGroup::security("Application Administrators");
/// let json = serde_json::to_value(&made)?;
/// assert_eq!((&json["mailNickname"], &json["securityEnabled"]), (&"ApplicationAdministrators".into(), &true.into()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NewGroup {
    /// The display name.
    pub display_name: String,
    /// The alias, which Graph wants of every group: letters and digits, 64 at most.
    pub mail_nickname: String,
    /// Not.
    pub mail_enabled: bool,
    /// It is one that access can be given to.
    pub security_enabled: bool,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The longest alias of a group, in characters.
const MAX_NICKNAME_LENGTH: usize = 64;

impl NewGroup {
    /// A security group, whose alias is made of its display name.
    pub fn security(display_name: impl Into<String>) -> Self {
        let display_name = display_name.into();
        let letters = display_name.chars().filter(char::is_ascii_alphanumeric);
        let mut mail_nickname: String = letters.take(MAX_NICKNAME_LENGTH).collect();
        if mail_nickname.is_empty() {
            mail_nickname.push_str("group");
        }
        Self { display_name, mail_nickname, mail_enabled: false, security_enabled: true, description: None }
    }

    /// Says what it is for.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}
