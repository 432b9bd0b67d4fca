//! Steps: what a configuration asks for, and what a plan does about each.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::directory_role::DirectoryRole;
use crate::error::{ErrorCode, on_one_line};
use crate::ids::{DelegatedAdminRelationshipId, DirectoryObjectId, TenantId};

/// What a step is about. In JSON it is its name in snake case.
///
/// ```
/// use entra_apps::partner::GdapStepKind;
///
/// assert_eq!(serde_json::to_value(GdapStepKind::RoleAssigned)?, "role_assigned");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GdapStepKind {
    /// A group is there.
    Group,
    /// A group has a role in a customer's tenant.
    RoleAssigned,
    /// A person is in a group.
    Member,
    /// A person is in the group `AdminAgents`.
    AdminAgent,
}

/// The stable code of a step: its kind, and which one of that kind. In JSON it is its text, such as
/// `role_assigned:{tenant id}:{unique name}:Application Administrator`.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_in_use_with_customers(1);
/// # let client = cloud.client(&cloud.tenants()[0]);
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::{GdapConfiguration, GdapStepKind, SecurityGroup};
///
/// let group = SecurityGroup::unique_name("contoso-readers", "Readers").role(DirectoryRole::DIRECTORY_READERS);
/// let plan = client.partner().plan(&GdapConfiguration::new().group(group)).await?;
/// assert_eq!(plan.steps[0].id.to_string(), "group:contoso-readers");
/// assert_eq!(plan.customers[0].steps[0].id.kind, GdapStepKind::RoleAssigned);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct GdapStepId {
    /// What it is about.
    pub kind: GdapStepKind,
    /// The customer, of a role.
    pub customer: Option<TenantId>,
    /// The unique name or the object id of the group; `None` for `AdminAgents`.
    pub group: Option<String>,
    /// The role that the configuration names.
    pub role: Option<DirectoryRole>,
    /// The person, of a membership.
    pub person: Option<DirectoryObjectId>,
}

impl GdapStepId {
    pub(super) fn group(group: &str) -> Self {
        Self { kind: GdapStepKind::Group, customer: None, group: Some(group.to_owned()), role: None, person: None }
    }

    pub(super) fn role(customer: TenantId, group: &str, role: DirectoryRole) -> Self {
        let (kind, group) = (GdapStepKind::RoleAssigned, Some(group.to_owned()));
        Self { kind, customer: Some(customer), group, role: Some(role), person: None }
    }

    /// `None` is the group `AdminAgents`.
    pub(super) fn member(group: Option<&str>, person: DirectoryObjectId) -> Self {
        let kind = if group.is_some() { GdapStepKind::Member } else { GdapStepKind::AdminAgent };
        Self { kind, customer: None, group: group.map(str::to_owned), role: None, person: Some(person) }
    }
}

impl fmt::Display for GdapStepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            GdapStepKind::Group => "group",
            GdapStepKind::RoleAssigned => "role_assigned",
            GdapStepKind::Member => "member",
            GdapStepKind::AdminAgent => "admin_agent",
        })?;
        let group = self.group.as_deref();
        if let Some(customer) = &self.customer {
            write!(f, ":{customer}")?;
        }
        if let Some(group) = group {
            write!(f, ":{group}")?;
        }
        if let Some(role) = &self.role {
            write!(f, ":{role}")?;
        }
        self.person.map_or(Ok(()), |person| write!(f, ":{person}"))
    }
}

impl Serialize for GdapStepId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a plan does about a step. In JSON it is its name in snake case.
///
/// ```
/// use entra_apps::partner::GdapAction;
///
/// assert!(GdapAction::Add.is_change() && !GdapAction::ByHand.is_change());
/// assert_eq!(serde_json::to_value(GdapAction::NotPossible)?, "not_possible");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GdapAction {
    /// It is there.
    Unchanged,
    /// It was begun, and the service is at it.
    Waiting,
    /// Whether it is there could not be told: nothing is done about it.
    Unknown,
    /// It is made.
    Add,
    /// Something that is there gets it besides.
    Change,
    /// It is left to a person.
    ByHand,
    /// It cannot be done yet; the remedy says what has to be first.
    NotPossible,
}

impl GdapAction {
    /// Whether something is written.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Add | Self::Change)
    }

    pub(super) fn sign(self) -> char {
        match self {
            Self::Unchanged => '=',
            Self::Waiting => '…',
            Self::Unknown => '?',
            Self::Add => '+',
            Self::Change => '~',
            Self::ByHand => '>',
            Self::NotPossible => '!',
        }
    }
}

/// One step of a configuration, and what is done about it.
///
/// # JSON
/// `id` (the code), `action` and `text` are always there; `remedy`, `relationship`, `assigned` (the role that is assigned)
/// and `error` (a code) where they say something.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_in_use_with_customers(5);
/// # let client = cloud.client(&cloud.tenants()[0]);
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::{GdapAction, GdapConfiguration, GdapStep, SecurityGroup};
///
/// // The fifth customer has not approved this role.
/// let group = SecurityGroup::unique_name("contoso", "Contoso").role(DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR);
/// let plan = client.partner().plan(&GdapConfiguration::new().group(group)).await?;
/// let steps = plan.customers.iter().flat_map(|customer| &customer.steps);
/// let refused: Vec<&GdapStep> = steps.filter(|step| step.action == GdapAction::NotPossible).collect();
/// assert!(refused.len() == 1 && refused[0].remedy.as_ref().unwrap().contains("make a new one"));
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GdapStep {
    /// The stable code.
    pub id: GdapStepId,
    /// What is done about it.
    pub action: GdapAction,
    /// What it is, in words.
    pub text: String,
    /// What to do about it, where a person has to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The relationship in which a role is assigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relationship: Option<DelegatedAdminRelationshipId>,
    /// The role that is assigned: the one of the configuration, or one that suffices in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned: Option<DirectoryRole>,
    /// Why it could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorCode>,
}

impl GdapStep {
    pub(super) fn new(id: GdapStepId, action: GdapAction, text: String) -> Self {
        Self { id, action, text: on_one_line(text), remedy: None, relationship: None, assigned: None, error: None }
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(on_one_line(remedy.into()));
        self
    }

    /// Whether two steps write the same.
    pub(super) fn writes_as(&self, other: &Self) -> bool {
        let what = |step: &Self| (step.id.clone(), step.relationship.clone(), step.assigned);
        self.action.is_change() && other.action.is_change() && what(self) == what(other)
    }
}

impl fmt::Display for GdapStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action.sign(), self.text)?;
        self.remedy.as_ref().map_or(Ok(()), |remedy| write!(f, ". {remedy}"))
    }
}
